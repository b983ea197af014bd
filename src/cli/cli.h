/* cli.h - the command line: one row per subcommand, each with a help worth reading. */
#ifndef WAYBILL_CLI_CLI_H
#define WAYBILL_CLI_CLI_H

#include "base/json.h"

struct command {
    const char *name, *summary, *help;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; the exit status */
};

extern const struct command command_serve, command_operations, command_trace, command_explain, command_clock,
    command_settle, command_reset, command_health, command_credentials;

/* "3m", "90s", "1h30m", "500ms", "2d", or plain seconds "90". -E_INVALID. */
int duration_parse(struct str s, int64_t *ret_ms);
/* "1h 30m", "4.5s", "120ms" */
void duration_text(struct buf *b, int64_t ms);

/* $WAYBILL_DATA, $XDG_DATA_HOME/waybill or ~/.local/share/waybill; lives in b. */
const char *cli_default_data(struct buf *b);

/* A request to a running server, signed as the server's own if it wants that: with $WAYBILL_ACCESS_KEY_ID and
 * $WAYBILL_SECRET_ACCESS_KEY, else with the pair in the default data directory, else with $AWS_ACCESS_KEY_ID
 * and $AWS_SECRET_ACCESS_KEY, each as far as there is one and the one before was refused.  The endpoint is
 * --endpoint, $WAYBILL_ENDPOINT, $AWS_ENDPOINT_URL or http://127.0.0.1:4566.  Prints what went wrong and
 * returns NULL unless the status is 2xx. */
struct json *cli_request(struct arena *a, const char *endpoint, const char *method, const char *path,
                         struct str body, int64_t timeout_ms);
/* Takes `--endpoint URL` and `--help` out of argv; true when help was printed and the command is over. */
bool cli_common(const struct command *c, int *argc, char **argv, const char **ret_endpoint);
int cli_usage(const struct command *c, const char *fmt, ...) PRINTF(2, 3); /* exit status 2 */

#endif
