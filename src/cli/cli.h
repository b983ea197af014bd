/* cli.h - the command line: one row per subcommand, each with a help worth reading. */
#ifndef WAYBILL_CLI_CLI_H
#define WAYBILL_CLI_CLI_H

#include "base/json.h"

struct command {
    const char *name, *summary, *help;
    int (*run)(int argc, char **argv);                       /* argv[0] is the subcommand; the exit status */
};

extern const struct command command_serve, command_operations, command_trace, command_explain, command_clock, command_settle, command_reset, command_health;

/* "3m", "90s", "1h30m", "500ms", "2d", or plain seconds "90". -E_INVALID. */
int duration_parse(struct str s, int64_t *ret_ms);
/* "1h 30m", "4.5s", "120ms" */
void duration_text(struct buf *b, int64_t ms);

/* A request to a running server; the endpoint is --endpoint, $WAYBILL_ENDPOINT, $AWS_ENDPOINT_URL or
 * http://127.0.0.1:4566.  Prints what went wrong and returns NULL unless the status is 2xx. */
struct json *cli_request(struct arena *a, const char *endpoint, const char *method, const char *path, struct str body,
                         int64_t timeout_ms);
/* Takes `--endpoint URL` and `--help` out of argv; true when help was printed and the command is over. */
bool cli_common(const struct command *c, int *argc, char **argv, const char **ret_endpoint);
int  cli_usage(const struct command *c, const char *fmt, ...) PRINTF(2, 3);   /* exit status 2 */

#endif
