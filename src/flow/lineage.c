/* lineage.c - the header is a list of key=value; unknown keys are dropped, as AWS does. */
#include "flow/lineage.h"
#include <stdio.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "base/id.h"

#define MAX_ENTRIES 64

struct trace_parts {
    struct str root, parent, sampled, lineage;
};

static struct trace_parts trace_split(struct str header)
{
    struct trace_parts t = { STR_NONE, STR_NONE, STR_NONE, STR_NONE };
    struct str item, key;

    if (header.n > 2048)
        return t;
    while (str_cut(&header, ';', &item)) {
        struct str value = str_trim(item);

        if (!str_cut(&value, '=', &key) || str_absent(value))
            continue;
        if (str_eq_nocase(key, STR("Root")))
            t.root = value;
        else if (str_eq_nocase(key, STR("Parent")))
            t.parent = value;
        else if (str_eq_nocase(key, STR("Sampled")))
            t.sampled = value;
        else if (str_eq_nocase(key, STR("Lineage")))
            t.lineage = value;
    }
    return t;
}

static void put_hex(struct buf *b, size_t n)
{
    buf_reserve(b, n);
    id_hex(b->p + b->n, n);
    b->n += n;
    b->p[b->n] = '\0';
}

static void put_root(struct buf *b, int64_t now_ms)
{
    buf_printf(b, "1-%08llx-", (unsigned long long)(now_ms / 1000) & 0xffffffffull);
    put_hex(b, 24);
}

static void put_trace(struct buf *b, const struct trace_parts *t, int64_t now_ms)
{
    buf_z(b, "Root=");
    if (str_absent(t->root))
        put_root(b, now_ms);
    else
        buf_str(b, t->root);
    buf_z(b, ";Parent=");
    if (str_absent(t->parent))
        put_hex(b, 16);
    else
        buf_str(b, t->parent);
    buf_z(b, ";Sampled=");
    buf_str(b, str_is(t->sampled, "1") ? t->sampled : STR("0"));
}

struct str trace_complete(struct arena *a, struct str trace_header, int64_t now_ms)
{
    struct trace_parts t = trace_split(trace_header);
    CLEANUP(buf_done) struct buf b = { 0 };

    put_trace(&b, &t, now_ms);
    if (!str_absent(t.lineage)) {
        buf_z(&b, ";Lineage=");
        buf_str(&b, t.lineage);
    }
    return buf_to_arena(&b, a);
}

/* `n:hash:n-1`, the count first. */
static bool entry_split(struct str entry, struct str *ret_hash, int64_t *ret_count)
{
    struct str count;

    if (!str_cut(&entry, ':', &count) || !str_cut(&entry, ':', ret_hash))
        return false;
    return str_to_i64(count, ret_count) == 0 && *ret_count >= 0 && *ret_count < INT32_MAX;
}

static int64_t put_lineage(struct buf *b, struct str lineage, struct str hash)
{
    struct str entry, entry_hash;
    int64_t count = 0, mine = 0;
    unsigned n = 0;

    while (str_cut(&lineage, '|', &entry) && n < MAX_ENTRIES) {
        if (!entry_split(entry, &entry_hash, &count))
            continue;
        if (str_eq(entry_hash, hash)) {
            mine = count;
            continue;
        }
        buf_printf(b, "%s" STR_FMT, n++ > 0 ? "|" : "", STR_ARG(entry));
    }
    buf_printf(b, "%s%lld:" STR_FMT ":%lld", n > 0 ? "|" : "", (long long)mine + 1, STR_ARG(hash),
               (long long)mine);
    return mine + 1;
}

int lineage_next(struct arena *a, struct str trace_header, struct str function_arn, int64_t now_ms,
                 struct str *ret_trace, int64_t *ret_count)
{
    struct trace_parts t = trace_split(trace_header);
    uint32_t crc = crc32_of(function_arn);
    CLEANUP(buf_done) struct buf b = { 0 };
    char hash[9];

    snprintf(hash, sizeof(hash), "%08x", crc);
    put_trace(&b, &t, now_ms);
    buf_z(&b, ";Lineage=");
    *ret_count = put_lineage(&b, t.lineage, str_of(hash));
    *ret_trace = buf_to_arena(&b, a);
    return 0;
}
