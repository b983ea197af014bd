/* patterns.c - how long does it take to find the rules an event matches?
 *
 *   patterns            a line per kind of rules and number of rules: ns per event, rules that matched
 *
 * No server: flow/pattern alone, as a bus uses it.  Kinds:
 *   exact     each rule one source and one detail-type; all sources are alike, the detail-types differ
 *   prefix    each rule a prefix of the detail-type and nothing else
 *   numeric   each rule a range of detail.amount and nothing else
 *   mixed     all three in turns, and every tenth with a wildcard
 *   worst     300 rules of 4,096 bytes against nearly a megabyte, of the kinds that cost most: how long until
 * the set says that a turn's steps do not suffice (that is what the loop pays), ns per step, and one rule to
 * its end The event has some 700 bytes, as an order has them; parsing it is counted apart. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "pattern/pattern.h"

enum { ROUNDS_NS = 300000000 };

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Of this thread: what others do on the machine is not counted. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void exact(struct buf *b, unsigned i)
{
    buf_printf(b, "{\"source\":[\"shop.orders\"],\"detail-type\":[\"Kind%u.placed\"]}", i);
}
static void prefix(struct buf *b, unsigned i)
{
    buf_printf(b, "{\"detail-type\":[{\"prefix\":\"Kind%u.\"}]}", i);
}
static void numeric(struct buf *b, unsigned i)
{
    buf_printf(b, "{\"detail\":{\"amount\":[{\"numeric\":[\">=\",%u,\"<\",%u]}]}}", i, i + 1);
}
static void mixed(struct buf *b, unsigned i)
{
    if (i % 10 == 9)
        buf_printf(b, "{\"detail\":{\"customer\":{\"mail\":[{\"wildcard\":\"*@%u.example\"}]}}}", i);
    else
        (i % 3 == 0 ? exact : i % 3 == 1 ? prefix : numeric)(b, i);
}

static const struct {
    const char *name;
    void (*write)(struct buf *b, unsigned i);
} kinds[] = {
    { "exact", exact },
    { "prefix", prefix },
    { "numeric", numeric },
    { "mixed", mixed },
};

static void write_event(struct buf *b, unsigned i)
{
    buf_printf(b,
               "{\"version\":\"0\",\"id\":\"6a7e8feb-b491-4cf7-a9f1-bf3703467718\",\"detail-type\":\"Kind%u."
               "placed\",\"source\":\"shop.orders\","
               "\"account\":\"000000000000\",\"time\":\"2026-09-14T15:44:58Z\",\"region\":\"us-east-1\","
               "\"resources\":[],\"detail\":{"
               "\"order\":\"o-%u\",\"amount\":%u,\"currency\":\"EUR\",\"customer\":{\"id\":%u,\"mail\":"
               "\"someone@%u.example\","
               "\"address\":{\"street\":\"Main 1\",\"city\":\"Basel\",\"country\":\"CH\"}},\"items\":[",
               i, i, i, i, i);
    for (int k = 0; k < 5; k++)
        buf_printf(b,
                   "%s{\"sku\":\"s-%d\",\"count\":%d,\"price\":19.%d,\"name\":\"A thing one might order\"}",
                   k > 0 ? "," : "", k, k, k);
    buf_z(b, "]}}");
}

static void met(void *arg, void *owner)
{
    (void)owner;
    ++*(uint64_t *)arg;
}

static void measure(size_t kind, unsigned rules)
{
    struct pattern_set *s = pattern_set_new();
    struct pattern **p = xcalloc(rules, sizeof(*p));
    struct arena *events = arena_new(0), *a = arena_new(0);
    struct json *docs[16];
    uint64_t matched = 0, rounds = 0, start, ns;

    for (unsigned i = 0; i < rules; i++) {
        CLEANUP(buf_done) struct buf text = { 0 }, why = { 0 };

        kinds[kind].write(&text, i);
        CHECK(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p[i], &why) == 0);
        pattern_set_add(s, p[i], p[i]);
    }
    for (unsigned k = 0; k < ARRAY_LEN(docs); k++) {
        CLEANUP(buf_done) struct buf text = { 0 };

        write_event(&text, k * rules / ARRAY_LEN(docs));
        CHECK(json_parse(events, buf_to_arena(&text, events), &docs[k], NULL) == 0);
    }
    start = now_ns();
    do {
        for (size_t k = 0; k < ARRAY_LEN(docs); k++) {
            pattern_set_match(s, a, docs[k], met, &matched);
            arena_reset(a);
        }
        rounds += ARRAY_LEN(docs);
        ns = now_ns() - start;
    } while (ns < ROUNDS_NS);
    printf("%-8s %6u rules  %9.0f ns per event  %.2f matched\n", kinds[kind].name, rules,
           (double)ns / (double)rounds, (double)matched / (double)rounds);
    pattern_set_free(s);
    for (unsigned i = 0; i < rules; i++)
        pattern_free(p[i]);
    free(p);
    arena_free(events);
    arena_free(a);
}

static void measure_one(const char *name, const char *text)
{
    CLEANUP(buf_done) struct buf event = { 0 }, why = { 0 };
    struct arena *a = arena_new(0);
    struct pattern *p;
    struct json *doc;
    uint64_t start, ns, rounds = 0, matched = 0;

    write_event(&event, 7);
    CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
    CHECK(pattern_compile(PATTERN_EVENTS, str_of(text), &p, &why) == 0);
    start = now_ns();
    do {
        for (int i = 0; i < 1000; i++)
            matched += pattern_match(p, doc);
        rounds += 1000;
        ns = now_ns() - start;
    } while (ns < ROUNDS_NS / 4);
    printf("one      %-12s %6.0f ns per match  (%s)\n", name, (double)ns / (double)rounds,
           matched > 0 ? "matches" : "does not match");
    pattern_free(p);
    arena_free(a);
}

static void measure_parse(void)
{
    CLEANUP(buf_done) struct buf event = { 0 };
    struct arena *a = arena_new(0);
    struct json *doc;
    uint64_t start = now_ns(), rounds = 0, ns;

    write_event(&event, 7);
    do {
        CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
        arena_reset(a);
        rounds++;
        ns = now_ns() - start;
    } while (ns < ROUNDS_NS / 4);
    printf("parse    %zu bytes    %6.0f ns\n", event.n, (double)ns / (double)rounds);
    arena_free(a);
}

/* ---- what a client that means no good can put ---- */

static void many(struct buf *b, const char *one, size_t most)
{
    for (size_t n = strlen(one), i = 0; b->n + n + 2 < most; i++)
        buf_printf(b, i > 0 ? ",%s" : "%s", one);
}

/* "a" holds `value` again and again; the pattern asks `test` again and again. */
static const struct {
    const char *name, *test, *value;
    bool branches;
} worst[] = {
    { "numbers", "1", "2", false },
    { "texts", "\"x\"", "\"y\"", false },
    { "prefixes", "{\"prefix\":\"xx\"}", "\"xy\"", false },
    { "nocase", "{\"equals-ignore-case\":\"XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\"}",
      "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy\"", false },
    { "but", "{\"anything-but\":\"x\"}", "\"x\"", false },
    { "wildcards", "{\"wildcard\":\"*aaab*\"}",
      "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaa\"",
      false },
    { "ranges", "{\"numeric\":[\"<\",1]}", "12345678901234567", false },
    { "cidr", "{\"cidr\":\"10.0.0.0/8\"}", "\"11.1.1.1\"", false },
    { "or", "{\"a\":[1]}", "2", true },
    { "or-object", "{\"a\":{\"b\":[1]}}", "{\"c\":2}", true },
    { "or-escaped", "{\"a\":{\"bb\":[1]}}", "{\"\\u0063c\":2}", true },
};

static void measure_worst(size_t k)
{
    CLEANUP(buf_done) struct buf text = { 0 }, event = { 0 }, why = { 0 };
    struct pattern_set *s = pattern_set_new();
    struct arena *a = arena_new(0), *mem = arena_new(0);
    struct pattern *p[300];
    struct json *doc;
    uint64_t left = PATTERN_TURN_STEPS, start, ns, matched = 0, whole = UINT64_MAX;

    buf_z(&text, worst[k].branches ? "{\"$or\":[" : "{\"a\":[");
    many(&text, worst[k].test, 4090);
    buf_z(&text, "]}");
    buf_z(&event, "{\"a\":[");
    many(&event, worst[k].value, 1000000);
    buf_z(&event, "]}");
    CHECK(json_parse(a, buf_view(&event), &doc, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        CHECK(pattern_compile(PATTERN_EVENTS, buf_view(&text), &p[i], &why) == 0);
        pattern_set_add(s, p[i], p[i]);
    }
    start = cpu_ns();
    (void)pattern_set_match_within(s, mem, doc, &left, met, &matched);
    ns = cpu_ns() - start;
    printf("worst    %-10s %7.1f ms held, %5.2f ns per step", worst[k].name, (double)ns / 1e6,
           (double)ns / (double)(PATTERN_TURN_STEPS - left));
    pattern_ready(a, doc);
    start = cpu_ns();
    (void)pattern_match_within(p[0], doc, &whole);
    ns = cpu_ns() - start;
    printf("; one rule %8.1f ms, %5.2f ns per step\n", (double)ns / 1e6,
           (double)ns / (double)(UINT64_MAX - whole));
    pattern_set_free(s);
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        pattern_free(p[i]);
    arena_free(a);
    arena_free(mem);
}

int main(void)
{
    static const unsigned counts[] = { 1, 100, 10000 };

    setvbuf(stdout, NULL, _IOLBF, 0);
    measure_parse();
    measure_one("exact", "{\"source\":[\"shop.orders\"],\"detail-type\":[\"Kind7.placed\"]}");
    measure_one("other", "{\"source\":[\"shop8.orders\"],\"detail-type\":[\"Kind7.placed\"]}");
    measure_one("numeric", "{\"detail\":{\"amount\":[{\"numeric\":[\">\",0,\"<=\",9]}]}}");
    measure_one("wildcard", "{\"detail\":{\"customer\":{\"mail\":[{\"wildcard\":\"*@*.example\"}]}}}");
    measure_one("items", "{\"detail\":{\"items\":{\"sku\":[\"s-4\"],\"count\":[4]}}}");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t i = 0; i < ARRAY_LEN(counts); i++)
            measure(k, counts[i]);
    for (size_t k = 0; k < ARRAY_LEN(worst); k++)
        measure_worst(k);
    return 0;
}
