/* usage_facts.c - a few counters per function; nothing here is stored. */
#include "service/lambda/usage_facts.h"

#include "service/lambda/names.h"

#define BATCH_HEAD_BYTES 64 /* "Records" stands first in what AWS sends */

const struct usage_facts *usage_facts_find(const struct lambda *l, struct str account, struct str region,
                                           struct str name)
{
    const struct function *f = function_find(l, account, region, name);

    return f != NULL ? &f->facts : NULL;
}

/* The text behind `"eventSource":`; a quoted document inside a string has its quotes escaped and does not
 * match. */
static struct str first_source(struct str payload)
{
    ptrdiff_t at = str_find_str(payload, STR("\"eventSource\""));
    struct str rest, value;

    if (at < 0)
        return STR_NONE;
    rest = str_trim(str_sub(payload, (size_t)at + 13, MIN(payload.n, (size_t)at + 64)));
    if (str_empty(rest) || rest.p[0] != ':')
        return STR_NONE;
    rest = str_trim(str_sub(rest, 1, rest.n));
    if (str_empty(rest) || rest.p[0] != '"')
        return STR_NONE;
    rest = str_sub(rest, 1, rest.n);
    return str_cut(&rest, '"', &value) && !str_absent(rest) ? value : STR_NONE;
}

const char *usage_facts_batch(struct str payload)
{
    static const char *const sources[] = { "aws:kinesis", "aws:dynamodb", "aws:sqs" };
    struct str source;

    if (str_find_str(str_sub(payload, 0, MIN(payload.n, (size_t)BATCH_HEAD_BYTES)), STR("\"Records\"")) < 0)
        return NULL;
    source = first_source(payload);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (str_is(source, sources[i]))
            return sources[i];
    return NULL;
}

void usage_facts_sync(struct function *f, struct str payload, int64_t now_ms)
{
    CHECK_IS(f, FUNCTION_MAGIC);
    f->facts.sync_invocations++;
    f->facts.last_sync_ms = now_ms;
    f->facts.last_sync_batch = usage_facts_batch(payload);
}

void usage_facts_async(struct function *f, int64_t now_ms)
{
    CHECK_IS(f, FUNCTION_MAGIC);
    f->facts.async_invocations++;
    f->facts.last_async_ms = now_ms;
}

void usage_facts_refused(struct function *f, const char *member, struct str qualifier, struct str target,
                         struct str why, int64_t now_ms)
{
    struct refused_route *r = &f->facts.refused;

    r->member = member;
    r->at_ms = now_ms;
    str_replace(&r->qualifier, qualifier);
    str_replace(&r->target, target);
    str_replace(&r->why, why);
}

void usage_facts_done(struct usage_facts *u)
{
    str_drop(&u->refused.qualifier);
    str_drop(&u->refused.target);
    str_drop(&u->refused.why);
}
