/* watch.c - the loop's watchdog: a pure table of what was seen, and the line. */
#include "engine/watch.h"

#include <stdio.h>

#include "base/clock.h"

bool seldom_due(struct seldom *s, int64_t now_ns, uint64_t *ret_unsaid)
{
    if (s->said_ns != 0 && now_ns - s->said_ns < SELDOM_EVERY_NS) {
        s->unsaid++;
        return false;
    }
    *ret_unsaid = s->unsaid;
    *s = (struct seldom){ .said_ns = now_ns };
    return true;
}

bool watch_saw(struct watch *w, struct str service, struct str operation, int64_t took_us, int64_t now_ns,
               uint64_t *ret_unsaid)
{
    if (took_us < WATCH_HELD_US)
        return false;
    w->held++;
    if (took_us > w->worst_us) {
        w->worst_us = took_us;
        snprintf(w->worst, sizeof(w->worst), STR_FMT "." STR_FMT, STR_ARG(service), STR_ARG(operation));
    }
    return seldom_due(&w->lines, now_ns, ret_unsaid);
}

int64_t watch_piece(struct watch *w, int64_t began_ns, struct str service, struct str operation,
                    struct str request_id)
{
    int64_t now_ns = clock_mono_ns(), took_us = (now_ns - began_ns) / 1000;
    uint64_t unsaid;

    if (watch_saw(w, service, operation, took_us, now_ns, &unsaid))
        fprintf(stderr,
                "event=loop_held operation=" STR_FMT "." STR_FMT " ms=%lld request_id=" STR_FMT
                " unsaid=%llu\n",
                STR_ARG(service), STR_ARG(operation), (long long)(took_us / 1000),
                STR_ARG(str_absent(request_id) ? STR("-") : request_id), (unsigned long long)unsaid);
    return now_ns;
}
