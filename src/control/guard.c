/* guard.c - names are compared without case and without port. */
#include <arpa/inet.h>

#include "control/guard.h"

static struct str without_port(struct str host)
{
    ptrdiff_t colon = str_rfind(host, ':');

    if (host.n > 0 && host.p[0] == '[') {
        ptrdiff_t end = str_find(host, ']');

        return end < 0 ? host : str_sub(host, 1, (size_t)end);
    }
    return colon < 0 ? host : str_sub(host, 0, (size_t)colon);
}

static bool is_address(struct str host)
{
    char z[64], bytes[16];

    if (host.n == 0 || host.n >= sizeof(z))
        return false;
    memcpy(z, host.p, host.n);
    z[host.n] = '\0';
    return inet_pton(AF_INET, z, bytes) == 1 || inet_pton(AF_INET6, z, bytes) == 1;
}

static bool name_allowed(const struct guard *g, struct str host)
{
    struct str tail = STR(".localhost");

    if (is_address(host) || str_eq_nocase(host, STR("localhost")))
        return true;
    if (host.n > tail.n && str_eq_nocase(str_sub(host, host.n - tail.n, host.n), tail))
        return true;
    for (size_t i = 0; i < g->n_hosts; i++)
        if (str_eq_nocase(host, g->hosts[i]))
            return true;
    return false;
}

/* A browser's own page of this server has the Host as its Origin. */
static bool origin_allowed(struct str origin, struct str host)
{
    struct str rest = origin;

    if (str_starts_nocase(rest, STR("http://")))
        rest = str_sub(rest, 7, rest.n);
    else if (str_starts_nocase(rest, STR("https://")))
        rest = str_sub(rest, 8, rest.n);
    else
        return false;
    return str_eq_nocase(rest, host);
}

int guard_check(const struct guard *g, const struct exchange *x, struct str *ret_why)
{
    struct str host = exchange_header(x, "host"), origin = exchange_header(x, "origin");

    if (!str_absent(host) && !name_allowed(g, without_port(host))) {
        *ret_why = STR("This host name is not one of the server's. Start it with --allow-host NAME to allow it.\n");
        return 403;
    }
    if (!str_absent(origin) && !origin_allowed(origin, host)) {
        *ret_why = STR("Requests from other web pages are not taken.\n");
        return 403;
    }
    return 0;
}
