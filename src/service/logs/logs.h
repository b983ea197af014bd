/* logs.h - CloudWatch Logs: groups, streams, events; the functions' own output.
 *
 * Output of functions is buffered per stream and written as rows of many lines (one insert per flush, not per
 * line): when a buffer is over 64 KiB, 250 ms after its first line, before anybody reads, and at the end.
 * A crash may lose the last 250 ms of log lines; it never loses an event. */
#ifndef WAYBILL_SERVICE_LOGS_H
#define WAYBILL_SERVICE_LOGS_H

#include "flow/sink.h"
#include "wire/call.h"

struct logs;
struct logs_options {
    int64_t max_group_bytes; /* oldest rows go beyond it; 256 MiB */
    void (*soon)(void *engine, void (*fn)(void *arg, struct turn *turn), void *arg);
    void *engine;
};
struct logs *logs_new(const struct logs_options *o);
struct logs *logs_free(struct logs *l);
void logs_load(struct logs *l, struct turn *t);
void logs_reset(struct logs *l, struct turn *t);
struct service logs_service(struct logs *l);
/* The "logs" row: one line into a group that exists, in the caller's turn.  Targets: the ARN of a group, with
 * or without
 * ":*", or of a stream, which is made when it is not there; a group's ARN alone means a stream named by the
 * day.  Its policy: those of PutResourcePolicy, which speak of streams. */
struct sink logs_sink(struct logs *l);

/* text without its final newline; readers see it with one, as Lambda's own lines are. */
struct log_line {
    int64_t wall_ms;
    struct str text;
};
/* Callable outside a turn (memory only); makes group and stream on demand at the flush. */
void logs_append(struct logs *l, struct str account, struct str region, struct str group, struct str stream,
                 const struct log_line *v, size_t n);
void logs_flush(struct logs *l, struct turn *t); /* at the end, before reads */

#endif
