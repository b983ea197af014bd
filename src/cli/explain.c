/* explain.c - `waybill explain`: why did nothing arrive, and what to type. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

#define TIMEOUT_MS 20000
#define WIDTH 96

/* Wrapped at blanks; control characters do not reach the terminal. */
static void print_wrapped(struct str text, const char *first, const char *rest)
{
    size_t column = 0;

    printf("%s", first);
    for (size_t i = 0; i < text.n;) {
        size_t end = i;

        while (end < text.n && text.p[end] != ' ')
            end++;
        if (column > 0 && column + (end - i) + 1 > WIDTH) {
            printf("\n%s", rest);
            column = 0;
        } else if (column > 0) {
            putchar(' ');
            column++;
        }
        for (size_t k = i; k < end; k++)
            putchar((unsigned char)text.p[k] < 0x20 || text.p[k] == 0x7f ? '?' : text.p[k]);
        column += end - i;
        i = end + 1;
    }
    putchar('\n');
}

static struct str member(struct arena *a, const struct json *o, const char *key)
{
    struct str s = json_get_text(a, o, str_of(key));

    return str_absent(s) ? STR("") : s;
}

static void print_findings(struct arena *a, const struct json *doc)
{
    const struct json *list = json_get(doc, STR("findings"));
    struct str arn = member(a, doc, "functionArn");
    size_t causes = 0;

    printf(STR_FMT "\n", STR_ARG(arn.n > 0 ? arn : member(a, doc, "function")));
    if (list == NULL || list->n == 0) {
        printf("\nNothing stands in the way of its records that Waybill can see. `waybill trace --function "
               "NAME` tells where each went.\n");
        return;
    }
    JSON_EACH(list, f) {
        struct str command = member(a, f, "command");
        bool cause = str_is(member(a, f, "weight"), "cause");

        causes += cause;
        putchar('\n');
        print_wrapped(member(a, f, "sentence"), cause ? "  ! " : "  . ", "    ");
        if (command.n > 0)
            printf("      $ " STR_FMT "\n", STR_ARG(command));
    }
    if (causes == 0)
        printf("\nNo cause found: the lines above are for your information.\n");
}

static struct str escaped(struct arena *a, const char *s)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    for (; *s != '\0'; s++)
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
            strchr("-._~:/", *s) != NULL)
            buf_char(&b, *s);
        else
            buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*s);
    return buf_to_arena(&b, a);
}

static int run_explain(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    const char *endpoint, *function = NULL, *request = NULL;
    bool raw = false;
    struct json *doc;
    struct str path;

    if (cli_common(&command_explain, &argc, argv, &endpoint))
        return 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            raw = true;
        else if (strcmp(argv[i], "--request") == 0 && i + 1 < argc)
            request = argv[++i];
        else if (argv[i][0] != '-' && function == NULL)
            function = argv[i];
        else
            return cli_usage(&command_explain, "%s is not understood", argv[i]);
    }
    if (function == NULL)
        return cli_usage(&command_explain, "name a function");
    path = arena_printf(a, "/_waybill/explain?function=" STR_FMT, STR_ARG(escaped(a, function)));
    if (request != NULL)
        path = arena_printf(a, STR_FMT "&request=" STR_FMT, STR_ARG(path), STR_ARG(escaped(a, request)));
    doc = cli_request(a, endpoint, "GET", path.p, STR(""), TIMEOUT_MS);
    if (doc == NULL)
        return 1;
    if (raw)
        printf(STR_FMT "\n", STR_ARG(doc->raw));
    else
        print_findings(a, doc);
    return 0;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "say why nothing arrived, and what mends it",
    .run = run_explain,
    .help = "Usage: waybill explain FUNCTION [--request REQUEST_ID] [--json]\n\n"
            "Reads the function's configuration, its role, the policies of its targets, its last journeys "
            "and its metrics,\n"
            "and names what keeps records from arriving, one cause a paragraph, each with the command that "
            "mends it:\n"
            "invoked synchronously; the destination set on another qualifier; a stream's failures expected "
            "at the function;\n"
            "a role or queue policy that does not allow; a put that replaced a destination; retries still "
            "running;\n"
            "reserved concurrency 0; a FIFO target; a target that is gone; and some more.\n\n"
            "  !                marks a cause, . what is good to know\n"
            "  --request ID     only this event (what `aws lambda invoke --invocation-type Event` answered)\n"
            "  --json           as the server answers\n"
            "  --endpoint URL   the server; default $WAYBILL_ENDPOINT, $AWS_ENDPOINT_URL or "
            "http://127.0.0.1:4566\n"
            "  --help           this text\n\n"
            "Example:\n"
            "  waybill explain thumbnails --request 5f0c1f7e-6d5e-4a53-9a1c-2f6d0c4f7a10\n",
};
