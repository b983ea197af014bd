/* waybill.h - the assembled server.
 *
 * Start: spawner, store, clock, services, socket, runtime, load, ready line.
 * Stop (SIGTERM, SIGINT): the socket closes, long polls end, nothing new is started, running functions get
 * the drain time, logs are flushed, environments end, the store closes.  A second signal skips the drain. */
#ifndef WAYBILL_CLI_WAYBILL_H
#define WAYBILL_CLI_WAYBILL_H

#include "control/guard.h"

struct serve_options {
    int port;
    const char *host, *data, *account;
    bool ephemeral, strict, no_sandbox, verify;
    bool permissions_said; /* strict was chosen, and does not follow from verify */
    int64_t retry_delay_ms, drain_ms;
    unsigned max_environments; /* 0: by memory and processors */
    struct guard guard;
    int64_t started_mono_ns;
};

/* Runs until it is told to stop; the process's exit status. */
int waybill_serve(const struct serve_options *o);

#endif
