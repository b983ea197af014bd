/* line.h - which HTTP deliveries are under way, and which stand in line: a line for each endpoint (scheme,
 * host, port).
 *
 * An endpoint that hangs holds up nobody but itself. How many requests it may have at one time hangs on how
 * it answered last: QUICK within a second, SLOW later, SILENT not at all; a new one counts as silent. All
 * that are not quick share a part of the places, so that quick ones always find some; within both parts,
 * places go round among the endpoints.
 *
 *   enter ──a place──> under way ──leave──> the next of some line is recalled; its row finds its place
 *     └──none──> in line (the row's id alone: a text is made when there is a place)
 */
#ifndef WAYBILL_SERVICE_SNS_LINE_H
#define WAYBILL_SERVICE_SNS_LINE_H

#include "base/list.h"
#include "base/map.h"
#include "flow/outbox.h"

#define SNS_POSTING_MOST 32      /* requests under way */
#define SNS_POSTING_NOT_QUICK 24 /* of them to endpoints that are not quick */
#define SNS_QUICK_MS 1000        /* real time */

enum sns_answered { SNS_SILENT, SNS_SLOW, SNS_QUICK };

struct sns_endpoint;

struct sns_lines { /* {0} and sns_lines_init() */
    struct outbox *outbox;
    struct map endpoints; /* "scheme://host:port" -> struct sns_endpoint */
    struct list ring[2];  /* those with a line and room of their own; [1]: quick */
    struct list resting;  /* nothing to do, but known; the latest last */
    size_t n_resting;
    unsigned under_way, not_quick;
    struct map called; /* row id -> the endpoint with whom it has a place */
};

void sns_lines_init(struct sns_lines *l, struct outbox *o);
void sns_lines_clear(struct sns_lines *l); /* rows are read again: all places are free, all lines empty */
/* A row that is due has a place, or NULL: it stands in line and is recalled. */
struct sns_endpoint *sns_line_enter(struct sns_lines *l, struct str url, uint64_t row);
/* The place that was kept for a recalled row; NULL: none was. The caller has it now. */
struct sns_endpoint *sns_line_called(struct sns_lines *l, uint64_t row);
/* What had the place has been answered. */
void sns_line_leave(struct sns_lines *l, struct turn *t, struct sns_endpoint *e, enum sns_answered how);
/* What was to have the place needs none. */
void sns_line_give_back(struct sns_lines *l, struct turn *t, struct sns_endpoint *e);

void sns_lines_check(const struct sns_lines *l); /* for tests: all that line.c holds true */

#endif
