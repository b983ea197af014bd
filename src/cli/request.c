/* request.c - how a subcommand talks to a running server. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/credentials.h"
#include "net/client.h"
#include "wire/sigv4.h"

#define MOST_PAIRS 3

static const char *endpoint_or_default(const char *endpoint)
{
    const char *env;

    if (endpoint != NULL)
        return endpoint;
    env = getenv("WAYBILL_ENDPOINT");
    if (env == NULL || *env == '\0')
        env = getenv("AWS_ENDPOINT_URL");
    return env != NULL && *env != '\0' ? env : "http://127.0.0.1:4566";
}

/* "localhost:4566" -> the host, and in *ret_port ":4566", or "" where none is said.  A bare address of IPv6
 * is no host here: where its port begins cannot be told. */
static struct str host_of(struct str authority, struct str *ret_port)
{
    bool bracket = str_starts(authority, STR("["));
    ptrdiff_t end = bracket ? str_find(authority, ']') : str_find(authority, ':');

    *ret_port = STR("");
    if (end < 0)
        return bracket ? STR("") : authority;
    *ret_port = str_sub(authority, (size_t)end + bracket, authority.n);
    return str_sub(authority, bracket, (size_t)end);
}

static bool split_endpoint(struct arena *a, const char *endpoint, const char **ret_host, int *ret_port)
{
    struct str rest = str_of(endpoint), host, said;
    int64_t port = 80;

    if (!str_starts(rest, STR("http://")))
        return false;
    rest = str_sub(rest, 7, rest.n);
    if (str_ends(rest, STR("/")))
        rest = str_sub(rest, 0, rest.n - 1);
    host = host_of(rest, &said);
    if (said.n > 0 &&
        (said.p[0] != ':' || str_to_i64(str_sub(said, 1, said.n), &port) < 0 || port < 1 || port > 65535))
        return false;
    *ret_host = arena_z(a, host);
    *ret_port = (int)port;
    return host.n > 0;
}

static void print_error(struct arena *a, int status, struct str body)
{
    struct json *doc;
    struct str text = STR_NONE;
    bool told;

    if (json_parse(a, body, &doc, NULL) == 0)
        text = json_get_text(a, doc, STR("error"));
    told = !str_absent(text); /* by the control API: not by who guards the door */
    text = told ? text : body;
    fprintf(stderr, "waybill: the server answered %d: " STR_FMT "\n", status, STR_ARG(text));
    if (status == 403 && told)
        fputs("waybill: set WAYBILL_DATA to the server's data directory, or run: eval \"$(waybill "
              "credentials --data DIR --export)\"\n",
              stderr);
}

/* ---- signing ---- */

static bool pair_from_env(const char *key, const char *secret, struct iam_pair *ret)
{
    *ret = (struct iam_pair){ str_of(getenv(key)), str_of(getenv(secret)) };
    return !str_empty(ret->key) && !str_empty(ret->secret);
}

/* In the order in which they are tried. */
static size_t find_pairs(struct arena *a, struct iam_pair v[MOST_PAIRS])
{
    CLEANUP(buf_done) struct buf place = { 0 };
    size_t n = 0;

    n += pair_from_env("WAYBILL_ACCESS_KEY_ID", "WAYBILL_SECRET_ACCESS_KEY", &v[n]);
    n += credentials_read(a, cli_default_data(&place), &v[n]);
    n += pair_from_env("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", &v[n]);
    return n;
}

struct endpoint {
    const char *host;
    int port;
};

/* Header lines of a request; pair NULL: it is not signed. */
static struct str header_lines(struct arena *a, const struct endpoint *to, const char *method,
                               const char *path, struct str body, const struct iam_pair *pair)
{
    CLEANUP(buf_done) struct buf lines = { 0 };
    struct str target = str_of(path), query, before;
    struct sigv4_request q = { .method = str_of(method), .host = client_host(a, to->host, to->port) };

    buf_z(&lines, "Content-Type: application/json\r\n");
    query = target;
    str_cut(&query, '?', &before);
    q.path = before;
    q.query = str_absent(query) ? STR("") : query;
    if (pair != NULL)
        sigv4_header_lines(a, &q, pair->key, pair->secret, "us-east-1", "waybill", clock_real_ms(), body,
                           &lines);
    return buf_to_arena(&lines, a);
}

static bool refused(int result, int status) { return result >= 0 && (status == 403 || status == 401); }

/* Refused requests did nothing: the next pair may be tried. */
static int request(struct arena *a, const struct endpoint *to, const char *method, const char *path,
                   struct str body, int64_t timeout_ms, int *ret_status, struct str *ret_reply)
{
    struct iam_pair pairs[MOST_PAIRS];
    size_t n = find_pairs(a, pairs);
    int r;

    for (size_t i = 0;; i++) {
        struct str headers = header_lines(a, to, method, path, body, i < n ? &pairs[i] : NULL);

        r = client_request(to->host, to->port, method, path, headers, body, timeout_ms, a, ret_status,
                           ret_reply);
        if (i + 1 >= n || !refused(r, *ret_status))
            return r;
    }
}

struct json *cli_request(struct arena *a, const char *endpoint, const char *method, const char *path,
                         struct str body, int64_t timeout_ms)
{
    const char *url = endpoint_or_default(endpoint);
    struct endpoint to;
    struct str reply;
    struct json *doc;
    int status, r;

    if (!split_endpoint(a, url, &to.host, &to.port)) {
        fprintf(stderr, "waybill: the endpoint %s is not of the form http://HOST:PORT\n", url);
        return NULL;
    }
    r = request(a, &to, method, path, body, timeout_ms, &status, &reply);
    if (r < 0) {
        fprintf(stderr,
                "waybill: no answer from %s (%s). Is a server running? Start one with: waybill serve\n", url,
                error_text(r));
        return NULL;
    }
    if (status / 100 != 2) {
        print_error(a, status, reply);
        return NULL;
    }
    if (json_parse(a, reply, &doc, NULL) < 0) {
        fprintf(stderr, "waybill: %s did not answer with JSON; is it a Waybill server?\n", url);
        return NULL;
    }
    return doc;
}

bool cli_common(const struct command *c, int *argc, char **argv, const char **ret_endpoint)
{
    int n = 1;

    *ret_endpoint = NULL;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(c->help, stdout);
            return true;
        }
        if (strcmp(argv[i], "--endpoint") == 0 && i + 1 < *argc)
            *ret_endpoint = argv[++i];
        else if (strncmp(argv[i], "--endpoint=", 11) == 0)
            *ret_endpoint = argv[i] + 11;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    argv[n] = NULL;
    return false;
}

int cli_usage(const struct command *c, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "waybill %s: ", c->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nSee: waybill %s --help\n", c->name);
    return 2;
}
