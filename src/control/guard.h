/* guard.h - which requests a loopback server takes.  A web page may make a browser send requests to
 * 127.0.0.1; such a request has a foreign Origin, a Sec-Fetch-Site that says so, or (DNS rebinding) a Host
 * that is no address of ours. */
#ifndef WAYBILL_CONTROL_GUARD_H
#define WAYBILL_CONTROL_GUARD_H

#include "net/exchange.h"

#define GUARD_MAX_HOSTS 16

struct guard {
    struct str hosts[GUARD_MAX_HOSTS]; /* extra names allowed (--allow-host) */
    size_t n_hosts;
};

/* 0, or 403 with a sentence, in the form the client can read (XML, JSON or plain). Allowed hosts: none
 * (HTTP/1.0), IP literals, localhost, *.localhost, the extra names. */
int guard_check(const struct guard *g, const struct exchange *x, struct str *ret_why);

#endif
