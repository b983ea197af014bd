/* main.c - finds the subcommand. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct command *const commands[] = {
    &command_serve, &command_trace,  &command_explain,     &command_clock,      &command_settle,
    &command_reset, &command_health, &command_credentials, &command_operations,
};

static void print_help(FILE *to)
{
    fprintf(to, "Usage: waybill COMMAND [OPTIONS]\n\n"
                "The event-driven half of AWS Lambda in one program: queues asynchronous invocations "
                "durably, runs real\n"
                "function processes, retries, and delivers a record of the outcome. AWS's own CLI and SDKs "
                "talk to it.\n\n"
                "Commands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\nFirst steps:\n"
                "  waybill serve --ephemeral &\n"
                "  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=test "
                "AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1\n"
                "  aws lambda invoke --function-name NAME --invocation-type Event --cli-binary-format "
                "raw-in-base64-out \\\n"
                "      --payload '{\"a\": 1}' /dev/stdout\n"
                "  waybill trace --follow\n\n"
                "waybill COMMAND --help tells more; waybill --version prints the version.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("waybill %s\n", WAYBILL_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "waybill: there is no command %s. See: waybill --help\n", argv[1]);
    return 2;
}
