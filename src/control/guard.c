/* guard.c - names are compared without case and without port. */
#include <arpa/inet.h>
#include <ctype.h>

#include "control/guard.h"

/* ":" and digits, or nothing. */
static bool is_port(struct str s)
{
    for (size_t i = 1; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n == 0 || (s.p[0] == ':' && s.n <= 6);
}

/* The name in "name:port"; all of it where it is nothing of the kind, which then is no allowed name.  Replies
 * repeat the header in the addresses they give out, so nothing may hide behind the name. */
static struct str without_port(struct str host)
{
    bool bracket = host.n > 0 && host.p[0] == '[';
    ptrdiff_t end = str_find(host, bracket ? ']' : ':');
    size_t n = end < 0 ? host.n : (size_t)end;

    if (!is_port(str_sub(host, bracket ? n + 1 : n, host.n)) || (bracket && end < 0))
        return host;
    return str_sub(host, bracket ? 1 : 0, n);
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

/* Any label in front of ".localhost" is ours, but it is a label: "else.where/.localhost" in an address is
 * another server. */
static bool is_labels(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
            return false;
    return s.n > 0;
}

static bool name_allowed(const struct guard *g, struct str host)
{
    struct str tail = STR(".localhost");

    if (is_address(host) || str_eq_nocase(host, STR("localhost")))
        return true;
    if (host.n > tail.n && str_eq_nocase(str_sub(host, host.n - tail.n, host.n), tail))
        return is_labels(host);
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

#define WRONG_HOST "This host name is not one of the server's. Start it with --allow-host NAME to allow it."

/* An SDK shows its user a sentence only where it expects one. */
static struct str wrong_host(const struct exchange *x)
{
    if (str_starts_nocase(exchange_header(x, "content-type"), STR("application/x-www-form-urlencoded")))
        return STR("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>" WRONG_HOST
                   "</Message></Error></ErrorResponse>\n");
    if (!str_absent(exchange_header(x, "authorization")) || !str_absent(exchange_header(x, "x-amz-target")))
        return STR("{\"__type\":\"AccessDeniedException\",\"message\":\"" WRONG_HOST "\"}\n");
    return STR(WRONG_HOST "\n");
}

/* Browsers say where a request comes from, also one they send without an Origin (an image, a link). */
static bool site_allowed(struct str site)
{
    return str_absent(site) || str_eq_nocase(site, STR("same-origin")) || str_eq_nocase(site, STR("none"));
}

int guard_check(const struct guard *g, const struct exchange *x, struct str *ret_why)
{
    struct str host = exchange_header(x, "host"), origin = exchange_header(x, "origin");

    if (!str_absent(host) && !name_allowed(g, without_port(host))) {
        *ret_why = wrong_host(x);
        return 403;
    }
    if ((!str_absent(origin) && !origin_allowed(origin, host)) ||
        !site_allowed(exchange_header(x, "sec-fetch-site"))) {
        *ret_why = STR("Requests from other web pages are not taken.\n");
        return 403;
    }
    return 0;
}
