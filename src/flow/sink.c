/* sink.c - the table of doors. */
#include "flow/sink.h"

void sinks_add(struct sinks *s, const struct sink *row)
{
    CHECK(s->n < SINK_MAX);
    s->row[s->n++] = *row;
}

const struct sink *sinks_find(const struct sinks *s, struct str arn_service)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_is(arn_service, s->row[i].service))
            return &s->row[i];
    return NULL;
}
