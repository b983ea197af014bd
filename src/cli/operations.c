/* operations.c - `waybill operations`: every operation of every served service, and whether it is here.  The
 * same rows route requests, so this list cannot drift from what the server does; doc/COMPATIBILITY.md carries
 * it. */
#include <stdio.h>

#include "cli/cli.h"
#include "service/cloudwatch/cloudwatch.h"
#include "service/events/events.h"
#include "service/iam/iam.h"
#include "service/lambda/lambda.h"
#include "service/logs/logs.h"
#include "service/s3/s3.h"
#include "service/sns/sns.h"
#include "service/sqs/sqs.h"
#include "service/sts/sts.h"

static bool handled(const struct service *s, const struct op *op)
{
    for (size_t i = 0; i < s->n_handlers; i++)
        if (strcmp(s->handlers[i].op, op->name) == 0)
            return true;
    return false;
}

static size_t count_handled(const struct service *s)
{
    size_t n = 0;

    for (uint32_t i = 0; i < s->model->n_ops; i++)
        n += handled(s, &s->model->ops[i]);
    return n;
}

static void print_names(const struct service *s, bool want, const char *separator)
{
    bool first = true;

    for (uint32_t i = 0; i < s->model->n_ops; i++) {
        if (handled(s, &s->model->ops[i]) != want)
            continue;
        printf("%s%s", first ? "" : separator, s->model->ops[i].name);
        first = false;
    }
    printf("%s\n", first ? "none" : "");
}

static void print_service(const struct service *s, bool markdown)
{
    printf(markdown ? "### %s: %zu of %u operations\n\n" : "%s: %zu of %u operations\n", s->model->name,
           count_handled(s), s->model->n_ops);
    printf(markdown ? "**Served:** " : "  served:\n    ");
    print_names(s, true, markdown ? ", " : "\n    ");
    printf(markdown ? "\n**Answered with NotImplementedException, by name:** " : "  refused by name:\n    ");
    print_names(s, false, markdown ? ", " : "\n    ");
    printf("\n");
}

static int run_operations(int argc, char **argv)
{
    const struct service services[] = { lambda_service(NULL), sqs_service(NULL),    iam_service(NULL),
                                        sts_service(NULL),    logs_service(NULL),   cloudwatch_service(NULL),
                                        sns_service(NULL),    events_service(NULL), s3_service(NULL) };
    bool markdown = argc == 2 && strcmp(argv[1], "--markdown") == 0;
    const char *endpoint;

    if (cli_common(&command_operations, &argc, argv, &endpoint))
        return 0;
    if (endpoint != NULL)
        return cli_usage(&command_operations, "--endpoint has no meaning here: this command asks no server");
    if (argc > 1 && !markdown)
        return cli_usage(&command_operations, "%s is not understood", argv[1]);
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        print_service(&services[i], markdown);
    return 0;
}

const struct command command_operations = {
    .name = "operations",
    .summary = "list which AWS operations are served",
    .run = run_operations,
    .help = "Usage: waybill operations [--markdown]\n\n"
            "Lists every operation of the services this build knows: served, or refused by name. Needs no "
            "server.\n\n"
            "  --markdown   as the lists that end doc/COMPATIBILITY.md\n",
};
