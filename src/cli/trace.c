/* trace.c - `waybill trace`: an event's journey, a line per step. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

#define TIMEOUT_MS 20000
#define FOLLOW_EVERY_US 250000
#define FOLLOW_PAGE 200
#define DEFAULT_LIMIT 20

static struct str member(struct arena *a, const struct json *o, const char *key)
{
    struct str s = json_get_text(a, o, str_of(key));

    return str_absent(s) ? STR("") : s;
}

/* "2026-09-14T15:44:58.123Z" -> "15:44:58.123": the day stands in the head line. */
static struct str clock_time(struct str iso) { return iso.n >= 24 ? str_sub(iso, 11, 23) : iso; }

static void print_head(struct arena *a, const struct json *j)
{
    struct str accepted = member(a, j, "acceptedAt"), qualifier = member(a, j, "qualifier");

    printf(STR_FMT "  " STR_FMT "%s" STR_FMT "  " STR_FMT "  " STR_FMT "\n",
           STR_ARG(member(a, j, "requestId")), STR_ARG(member(a, j, "functionArn")),
           qualifier.n > 0 ? ":" : "", STR_ARG(qualifier), STR_ARG(str_sub(accepted, 0, 10)),
           STR_ARG(member(a, j, "state")));
}

static void print_steps(struct arena *a, const struct json *j, uint32_t from)
{
    const struct json *steps = json_get(j, STR("steps"));
    uint32_t i = 0;

    if (steps == NULL)
        return;
    JSON_EACH(steps, step) {
        struct str text = member(a, step, "text");

        if (i++ < from)
            continue;
        printf("  " STR_FMT "  %-10.*s ", STR_ARG(clock_time(member(a, step, "time"))),
               STR_ARG(member(a, step, "step")));
        for (size_t k = 0; k < text.n; k++) /* one step, one line; no control characters to a terminal */
            putchar((unsigned char)text.p[k] < 0x20 || text.p[k] == 0x7f ? ' ' : text.p[k]);
        putchar('\n');
    }
}

static int trace_one(const char *endpoint, const char *id, bool raw)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *doc =
        cli_request(a, endpoint, "GET", arena_printf(a, "/_waybill/journeys/%s", id).p, STR(""), TIMEOUT_MS);

    if (doc == NULL)
        return 1;
    if (raw) {
        printf(STR_FMT "\n", STR_ARG(doc->raw));
        return 0;
    }
    print_head(a, doc);
    print_steps(a, doc, 0);
    return 0;
}

static struct json *fetch(struct arena *a, const char *endpoint, const char *function, int limit)
{
    struct str path = arena_printf(a, "/_waybill/journeys?limit=%d", limit);
    struct json *doc;

    if (function != NULL)
        path = arena_printf(a, STR_FMT "&function=%s", STR_ARG(path), function);
    doc = cli_request(a, endpoint, "GET", path.p, STR(""), TIMEOUT_MS);
    return doc == NULL ? NULL : json_get(doc, STR("journeys"));
}

static int trace_list(const char *endpoint, const char *function, int limit, bool raw)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *list = fetch(a, endpoint, function, limit);

    if (list == NULL)
        return 1;
    if (raw)
        printf(STR_FMT "\n", STR_ARG(list->raw));
    else if (list->n == 0)
        printf("No asynchronous invocation%s%s yet. Invoke with --invocation-type Event.\n",
               function ? " of " : "", function ? function : "");
    for (uint32_t i = list->n; !raw && i-- > 0;) { /* oldest first: the newest stands at the prompt */
        print_head(a, json_at(list, i));
        print_steps(a, json_at(list, i), 0);
    }
    return 0;
}

/* ---- follow: polls, and prints the steps it has not printed yet ---- */

struct seen {
    int64_t sequence;
    uint32_t steps;
};

static struct seen *find_seen(struct seen *v, size_t n, int64_t sequence)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].sequence == sequence)
            return &v[i];
    return NULL;
}

static void follow_page(struct arena *a, const struct json *list, struct seen *seen, size_t *at, bool quiet)
{
    for (uint32_t i = list->n; i-- > 0;) {
        const struct json *j = json_at(list, i), *steps = json_get(j, STR("steps"));
        struct seen *s;
        int64_t sequence = 0;

        json_i64(json_get(j, STR("sequence")), &sequence);
        s = find_seen(seen, FOLLOW_PAGE * 2, sequence);
        if (s == NULL) {
            s = &seen[(*at)++ % (FOLLOW_PAGE * 2)];
            *s = (struct seen){ sequence, 0 };
            if (!quiet)
                print_head(a, j);
        } else if (!quiet && s->steps < steps->n) {
            printf(STR_FMT "\n", STR_ARG(member(a, j, "requestId")));
        }
        if (!quiet)
            print_steps(a, j, s->steps);
        s->steps = steps->n;
    }
    fflush(stdout);
}

static int follow(const char *endpoint, const char *function)
{
    struct seen *seen = xcalloc(FOLLOW_PAGE * 2, sizeof(*seen));
    size_t at = 0;
    int status = 0;

    for (bool first = true;; first = false) {
        CLEANUP(arena_freep) struct arena *a = arena_new(0);
        struct json *list = fetch(a, endpoint, function, FOLLOW_PAGE);

        if (list == NULL) {
            status = 1;
            break;
        }
        follow_page(a, list, seen, &at, first);
        usleep(FOLLOW_EVERY_US);
    }
    free(seen);
    return status;
}

static int run_trace(int argc, char **argv)
{
    const char *endpoint, *function = NULL, *id = NULL;
    bool following = false, raw = false;
    int64_t limit = 0;

    if (cli_common(&command_trace, &argc, argv, &endpoint))
        return 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--follow") == 0 || strcmp(argv[i], "-f") == 0)
            following = true;
        else if (strcmp(argv[i], "--json") == 0)
            raw = true;
        else if (strcmp(argv[i], "--function") == 0 && i + 1 < argc)
            function = argv[++i];
        else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc &&
                 str_to_i64(str_of(argv[i + 1]), &limit) == 0 && limit >= 1 && limit <= 1000)
            i++;
        else if (argv[i][0] != '-' && id == NULL)
            id = argv[i];
        else
            return cli_usage(&command_trace, "%s is not understood", argv[i]);
    }
    if (following && (id != NULL || raw || limit > 0))
        return cli_usage(&command_trace, "--follow takes no %s",
                         id != NULL ? "request id"
                         : raw      ? "--json"
                                    : "--limit");
    if (id != NULL && (function != NULL || limit > 0))
        return cli_usage(&command_trace, "%s does not go with a request id",
                         function != NULL ? "--function" : "--limit");
    if (id != NULL)
        return trace_one(endpoint, id, raw);
    return following ? follow(endpoint, function)
                     : trace_list(endpoint, function, limit > 0 ? (int)limit : DEFAULT_LIMIT, raw);
}

const struct command command_trace = {
    .name = "trace",
    .summary = "tell the journey of an event",
    .run = run_trace,
    .help =
        "Usage: waybill trace [--function NAME|ARN] [--limit N] [--json]\n"
        "       waybill trace REQUEST_ID [--json]\n"
        "       waybill trace --follow [--function NAME|ARN]\n\n"
        "Tells what happened to an asynchronous invocation: accepted, each attempt, each retry and why, the "
        "record\n"
        "and where it went, or why it was not delivered. REQUEST_ID is what `aws lambda invoke` answers.\n"
        "Without one: the newest events, oldest of them first.\n\n"
        "  --follow, -f     go on printing what happens until interrupted\n"
        "  --function F     only this function (name or ARN)\n"
        "  --limit N        how many events; default 20, at most 1000\n"
        "  --json           as the server answers\n"
        "  --endpoint URL   the server; default $WAYBILL_ENDPOINT, $AWS_ENDPOINT_URL or "
        "http://127.0.0.1:4566\n"
        "  --help           this text\n\n"
        "Example:\n"
        "  waybill trace 5f0c1f7e-6d5e-4a53-9a1c-2f6d0c4f7a10\n",
};
