/* line.c - see line.h.
 *
 * True here: under_way is the sum of running, not_quick that of endpoints that are not quick; an endpoint is
 * on the ring of its kind exactly while its line is not empty and it has room of its own; it rests exactly
 * while it has neither a line nor anything running. */
#include "service/sns/line.h"

#include <stdlib.h>

#define RESTING_MOST 1000 /* endpoints whose speed is remembered */

struct sns_endpoint {
    uint32_t magic;
#define SNS_ENDPOINT_MAGIC 0x5e0e0d90u
    struct link link; /* in a ring, or resting */
    struct list line; /* of struct waiting */
    unsigned running; /* places taken, those of recalled rows with them */
    enum sns_answered how;
    struct buf name;
};

struct waiting {
    struct link link;
    uint64_t row;
};

static unsigned width(const struct sns_endpoint *e)
{
    static const unsigned widths[] = { [SNS_SILENT] = 1, [SNS_SLOW] = 2, [SNS_QUICK] = 4 };

    CHECK_IS(e, SNS_ENDPOINT_MAGIC);
    CHECK(e->how < ARRAY_LEN(widths));
    return widths[e->how];
}

static struct str row_key(const uint64_t *row) { return str_make((const char *)row, sizeof(*row)); }

/* "HTTP://user@Host/path" -> "http://host:80" */
static void name_of(struct buf *b, struct str url)
{
    ptrdiff_t scheme = str_find_str(url, STR("://")), at;
    struct str host = str_sub(url, scheme < 0 ? 0 : (size_t)scheme + 3, url.n);
    bool tls = scheme == 5;
    size_t n = 0;

    while (n < host.n && strchr("/?#", host.p[n]) == NULL)
        n++;
    host.n = n;
    if ((at = str_rfind(host, '@')) >= 0)
        host = str_sub(host, (size_t)at + 1, host.n);
    buf_z(b, tls ? "https://" : "http://");
    for (size_t i = 0; i < host.n; i++)
        buf_char(b, host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] + 32) : host.p[i]);
    if (str_rfind(host, ':') <= str_rfind(host, ']'))
        buf_z(b, tls ? ":443" : ":80");
}

/* ---- where an endpoint stands ---- */

static void forget(struct sns_lines *l, struct sns_endpoint *e)
{
    CHECK_IS(e, SNS_ENDPOINT_MAGIC);
    CHECK(e->running == 0 && list_empty(&e->line));
    CHECK(map_del(&l->endpoints, buf_view(&e->name)) == e);
    e->magic = 0;
    list_remove(&e->link);
    buf_done(&e->name);
    free(e);
}

static void rest(struct sns_lines *l, struct sns_endpoint *e)
{
    CHECK(e->running == 0 && list_empty(&e->line) && !link_on(&e->link));
    if (e->how == SNS_SILENT) {
        forget(l, e);
        return;
    }
    list_append(&l->resting, &e->link);
    if (++l->n_resting <= RESTING_MOST)
        return;
    l->n_resting--;
    forget(l, CONTAINER_OF(list_first(&l->resting), struct sns_endpoint, link));
}

/* To the ring's end, to its rest, or out of both.  It may be gone afterwards. */
static void stand(struct sns_lines *l, struct sns_endpoint *e)
{
    list_remove(&e->link);
    if (!list_empty(&e->line) && e->running < width(e))
        list_append(&l->ring[e->how == SNS_QUICK], &e->link);
    else if (list_empty(&e->line) && e->running == 0)
        rest(l, e);
}

static struct sns_endpoint *endpoint(struct sns_lines *l, struct str url)
{
    CLEANUP(buf_done) struct buf name = { 0 };
    struct sns_endpoint *e;

    name_of(&name, url);
    e = map_get(&l->endpoints, buf_view(&name));
    if (e != NULL) {
        bool rests = e->running == 0 && list_empty(&e->line);

        CHECK_IS(e, SNS_ENDPOINT_MAGIC);
        CHECK(!rests || (l->n_resting > 0 && link_on(&e->link)));
        l->n_resting -= rests;
        return e;
    }
    e = xcalloc(1, sizeof(*e));
    e->magic = SNS_ENDPOINT_MAGIC;
    list_init(&e->line);
    buf_str(&e->name, buf_view(&name));
    CHECK(map_put(&l->endpoints, buf_view(&e->name), e) == NULL);
    return e;
}

/* ---- places ---- */

static bool has_place(const struct sns_lines *l, bool quick)
{
    return l->under_way < SNS_POSTING_MOST && (quick || l->not_quick < SNS_POSTING_NOT_QUICK);
}

static void take(struct sns_lines *l, struct sns_endpoint *e)
{
    CHECK(e->running < width(e) && has_place(l, e->how == SNS_QUICK));
    e->running++;
    l->under_way++;
    l->not_quick += e->how != SNS_QUICK;
}

static void give(struct sns_lines *l, struct sns_endpoint *e)
{
    CHECK_IS(e, SNS_ENDPOINT_MAGIC);
    CHECK(e->running > 0 && l->under_way > 0);
    CHECK(e->how == SNS_QUICK || l->not_quick > 0);
    e->running--;
    l->under_way--;
    l->not_quick -= e->how != SNS_QUICK;
}

/* Free places go round: quick endpoints first, for the others cannot take them all. */
static void call_next(struct sns_lines *l, struct turn *t)
{
    for (int quick = 1; quick >= 0; quick--)
        while (has_place(l, quick) && !list_empty(&l->ring[quick])) {
            struct sns_endpoint *e = CONTAINER_OF(list_first(&l->ring[quick]), struct sns_endpoint, link);
            struct waiting *w = CONTAINER_OF(list_pop(&e->line), struct waiting, link);

            if (outbox_recall(l->outbox, t, w->row)) { /* else the row is over: nobody needs a place */
                take(l, e);
                CHECK(map_put(&l->called, row_key(&w->row), e) == NULL);
            }
            free(w);
            stand(l, e);
        }
}

struct sns_endpoint *sns_line_enter(struct sns_lines *l, struct str url, uint64_t row)
{
    struct sns_endpoint *e = endpoint(l, url);
    struct waiting *w;

    CHECK(map_get(&l->called, row_key(&row)) == NULL); /* it has its place already */
    if (list_empty(&e->line) && e->running < width(e) && has_place(l, e->how == SNS_QUICK)) {
        take(l, e);
        stand(l, e);
        return e;
    }
    w = xcalloc(1, sizeof(*w));
    w->row = row;
    list_append(&e->line, &w->link);
    stand(l, e);
    return NULL;
}

struct sns_endpoint *sns_line_called(struct sns_lines *l, uint64_t row)
{
    struct sns_endpoint *e = map_del(&l->called, row_key(&row));

    CHECK(e == NULL || (e->magic == SNS_ENDPOINT_MAGIC && e->running > 0));
    return e;
}

void sns_line_give_back(struct sns_lines *l, struct turn *t, struct sns_endpoint *e)
{
    give(l, e);
    stand(l, e);
    call_next(l, t);
}

void sns_line_leave(struct sns_lines *l, struct turn *t, struct sns_endpoint *e, enum sns_answered how)
{
    CHECK_IS(e, SNS_ENDPOINT_MAGIC);
    CHECK(e->running > 0 && how <= SNS_QUICK);
    l->not_quick -= e->how != SNS_QUICK ? e->running : 0; /* all it has running change sides */
    e->how = how;
    l->not_quick += e->how != SNS_QUICK ? e->running : 0;
    sns_line_give_back(l, t, e);
}

/* ---- life ---- */

void sns_lines_init(struct sns_lines *l, struct outbox *o)
{
    l->outbox = o;
    list_init(&l->ring[0]);
    list_init(&l->ring[1]);
    list_init(&l->resting);
}

void sns_lines_clear(struct sns_lines *l)
{
    struct str key;
    void *value;

    for (size_t at = 0; map_next(&l->endpoints, &at, &key, &value);) {
        struct sns_endpoint *e = CAST(struct sns_endpoint, SNS_ENDPOINT_MAGIC, value);

        for (struct link *k; (k = list_pop(&e->line)) != NULL;)
            free(CONTAINER_OF(k, struct waiting, link));
        list_remove(&e->link);
        buf_done(&e->name);
        e->magic = 0;
        free(e);
    }
    CHECK(list_empty(&l->ring[0]) && list_empty(&l->ring[1]) && list_empty(&l->resting));
    map_done(&l->endpoints);
    map_done(&l->called);
    l->n_resting = 0;
    l->under_way = l->not_quick = 0;
}

/* ---- is it as it should be? ---- */

void sns_lines_check(const struct sns_lines *l)
{
    size_t rings[2] = { 0 }, resting = 0;
    unsigned under_way = 0, not_quick = 0;
    struct str key;
    void *value;

    for (size_t at = 0; map_next(&l->endpoints, &at, &key, &value);) {
        const struct sns_endpoint *e = CAST(struct sns_endpoint, SNS_ENDPOINT_MAGIC, value);
        bool in_line = !list_empty(&e->line) && e->running < width(e);
        bool rests = list_empty(&e->line) && e->running == 0;

        CHECK(str_eq(key, buf_view(&e->name)));
        CHECK(link_on(&e->link) == (in_line || rests));
        rings[e->how == SNS_QUICK] += in_line;
        resting += rests;
        under_way += e->running;
        not_quick += e->how != SNS_QUICK ? e->running : 0;
    }
    CHECK(under_way == l->under_way && under_way <= SNS_POSTING_MOST);
    CHECK(not_quick == l->not_quick && resting == l->n_resting && resting <= RESTING_MOST);
    CHECK(list_length(&l->ring[0]) == rings[0] && list_length(&l->ring[1]) == rings[1]);
    CHECK(list_length(&l->resting) == resting && l->called.n <= under_way);
}
