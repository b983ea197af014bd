/* events.h - EventBridge: buses, rules, targets and schedules. */
#ifndef WAYBILL_SERVICE_EVENTS_H
#define WAYBILL_SERVICE_EVENTS_H

#include "flow/outbox.h"
#include "flow/sink.h"
#include "wire/call.h"

struct events;
struct events_options {
    const struct sinks *sinks;
    struct outbox *outbox;   /* targets that failed and will be tried again */
    bool strict_permissions; /* an unknown role may not deliver */
};

struct events *events_new(const struct events_options *o);
struct events *events_free(struct events *s);
void events_load(struct events *s, struct turn *t); /* memory from the store; also after a turn that failed */
void events_stop(struct events *s);                 /* no turn will come any more: jobs end soon */
void events_reset(struct events *s, struct turn *t); /* the store was emptied */
struct service events_service(struct events *s);
struct sink events_sink(struct events *s);

#endif
