/* serve.c - `waybill serve`: options in, a running server out. Here the rooms meet; see also server_life.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arn.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/waybill.h"

static const char help[] =
    "Usage: waybill serve [OPTIONS]\n\n"
    "Serves AWS Lambda's asynchronous side on one port, and what that needs: SQS, SNS, EventBridge, S3, IAM, "
    "STS,\n"
    "CloudWatch Logs and CloudWatch metrics.\n\n"
    "  --port N              port; 0 takes a free one; default 4566\n"
    "  --host ADDRESS        address to listen on; default 127.0.0.1\n"
    "  --data DIR            where everything is kept; default $WAYBILL_DATA, $XDG_DATA_HOME/waybill or\n"
    "                        ~/.local/share/waybill\n"
    "  --ephemeral           keep nothing: a private directory, removed at the end\n"
    "  --account N           twelve digits: the account of access keys that name none; default 000000000000\n"
    "  --retry-delay TIME    base of the retry schedule after function errors; default 60s (then 120s)\n"
    "  --permissions MODE    check: a role Waybill does not know may do everything, and the journey says "
    "so;\n"
    "                        strict: it may do nothing; default check, and strict with --auth verify\n"
    "  --auth MODE           open: a request is believed whatever key it names; verify: its signature is "
    "verified\n"
    "                        against the root pair (made and shown at the first start; see waybill "
    "credentials) and\n"
    "                        the sessions of STS, and /_waybill/ wants the root pair; default open\n"
    "  --max-environments N  function processes at the same time; default by memory and processors\n"
    "  --no-sandbox          run functions as plain processes of this user\n"
    "  --allow-host NAME     also answer requests for this host name (repeatable)\n"
    "  --drain TIME          how long a stop waits for running functions; default 10s\n"
    "  --help                this text\n\n"
    "A line says when it is ready and where. SIGTERM and SIGINT end it: running functions get the drain "
    "time,\n"
    "queued events stay in the data directory. The process exits with status 0.\n";

enum {
    OPT_PORT = 256,
    OPT_HOST,
    OPT_DATA,
    OPT_EPHEMERAL,
    OPT_ACCOUNT,
    OPT_RETRY,
    OPT_PERMISSIONS,
    OPT_MAX_ENV,
    OPT_NO_SANDBOX,
    OPT_ALLOW_HOST,
    OPT_DRAIN,
    OPT_AUTH
};

static const struct option long_options[] = {
    { "port", required_argument, NULL, OPT_PORT },
    { "host", required_argument, NULL, OPT_HOST },
    { "data", required_argument, NULL, OPT_DATA },
    { "ephemeral", no_argument, NULL, OPT_EPHEMERAL },
    { "account", required_argument, NULL, OPT_ACCOUNT },
    { "retry-delay", required_argument, NULL, OPT_RETRY },
    { "permissions", required_argument, NULL, OPT_PERMISSIONS },
    { "auth", required_argument, NULL, OPT_AUTH },
    { "max-environments", required_argument, NULL, OPT_MAX_ENV },
    { "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
    { "allow-host", required_argument, NULL, OPT_ALLOW_HOST },
    { "drain", required_argument, NULL, OPT_DRAIN },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int read_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    return str_to_i64(str_of(text), ret) == 0 && *ret >= min && *ret <= max ? 0 : -E_INVALID;
}

/* NULL, or what is wrong with the option's value. */
static const char *take_option(struct serve_options *o, int opt, const char *value)
{
    int64_t n;

    switch (opt) {
    case OPT_PORT:
        if (read_number(value, 0, 65535, &n) < 0)
            return "--port takes a number from 0 to 65535";
        o->port = (int)n;
        return NULL;
    case OPT_HOST: o->host = value; return NULL;
    case OPT_DATA: o->data = value; return NULL;
    case OPT_EPHEMERAL: o->ephemeral = true; return NULL;
    case OPT_ACCOUNT:
        o->account = value;
        return account_valid(str_of(value)) ? NULL : "--account takes twelve digits";
    case OPT_RETRY:
        if (duration_parse(str_of(value), &o->retry_delay_ms) < 0 || o->retry_delay_ms > 3600000)
            return "--retry-delay takes a time up to 1h, as in 60s or 500ms";
        return NULL;
    case OPT_PERMISSIONS:
        o->strict = strcmp(value, "strict") == 0;
        o->permissions_said = true;
        return o->strict || strcmp(value, "check") == 0 ? NULL : "--permissions takes check or strict";
    case OPT_AUTH:
        o->verify = strcmp(value, "verify") == 0;
        return o->verify || strcmp(value, "open") == 0 ? NULL : "--auth takes open or verify";
    case OPT_MAX_ENV:
        if (read_number(value, 1, 10000, &n) < 0)
            return "--max-environments takes a number from 1 to 10000";
        o->max_environments = (unsigned)n;
        return NULL;
    case OPT_NO_SANDBOX: o->no_sandbox = true; return NULL;
    case OPT_ALLOW_HOST:
        if (o->guard.n_hosts == GUARD_MAX_HOSTS)
            return "too many --allow-host";
        o->guard.hosts[o->guard.n_hosts++] = str_of(value);
        return NULL;
    case OPT_DRAIN:
        return duration_parse(str_of(value), &o->drain_ms) < 0 ? "--drain takes a time, as in 10s" : NULL;
    default: return "this option is not known";
    }
}

const char *cli_default_data(struct buf *b)
{
    const char *dir = getenv("WAYBILL_DATA"), *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

    if (dir != NULL && *dir != '\0')
        buf_z(b, dir);
    else if (xdg != NULL && *xdg != '\0')
        buf_printf(b, "%s/waybill", xdg);
    else
        buf_printf(b, "%s/.local/share/waybill", home != NULL ? home : "/var/lib");
    return b->p;
}

static int run_serve(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf data = { 0 };
    struct serve_options o = { .port = 4566,
                               .host = "127.0.0.1",
                               .account = "000000000000",
                               .retry_delay_ms = 60000,
                               .drain_ms = 10000,
                               .started_mono_ns = clock_mono_ns() };
    int opt;

    while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        const char *wrong;

        if (opt == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (opt == '?')
            return 2; /* getopt has said which */
        wrong = take_option(&o, opt, optarg);
        if (wrong != NULL)
            return cli_usage(&command_serve, "%s", wrong);
    }
    if (optind < argc)
        return cli_usage(&command_serve, "%s is not understood", argv[optind]);
    if (o.ephemeral && o.data != NULL)
        return cli_usage(&command_serve, "--data and --ephemeral exclude each other");
    if (!o.ephemeral && o.data == NULL)
        o.data = cli_default_data(&data);
    if (o.verify && !o.permissions_said) /* who asks for proof does not mean that a missing role may all */
        o.strict = true;
    return waybill_serve(&o);
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the server",
    .run = run_serve,
    .help = help,
};
