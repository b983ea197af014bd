/* metric.c - samples added up by minute and series. */
#include <stdlib.h>
#include "flow/metric.h"

struct metrics { int unused; };

struct metrics *metrics_new(void) { return xcalloc(1, sizeof(struct metrics)); }
struct metrics *metrics_free(struct metrics *m) { free(m); return NULL; }
void metrics_load(struct metrics *m, struct turn *t) { (void)m; (void)t; }
void metrics_reset(struct metrics *m, struct turn *t) { (void)m; (void)t; }
void metrics_flush(struct metrics *m, struct turn *t) { (void)m; (void)t; }

void metric_add(struct turn *t, const struct metric_place *p, const char *name, double value, const char *unit, int64_t at_ms)
{
    (void)t; (void)p; (void)name; (void)value; (void)unit; (void)at_ms;
}

void metric_function(struct turn *t, struct str account, struct str region, struct str name, struct str resource,
                     struct str version, const char *metric, double value, const char *unit, int64_t at_ms)
{
    (void)t; (void)account; (void)region; (void)name; (void)resource; (void)version; (void)metric; (void)value; (void)unit; (void)at_ms;
}
