/* events.c - the service's life. */
#include <stdlib.h>
#include "model/events.h"
#include "service/events/events.h"

struct events {
    struct events_options o;
};

struct events *events_new(const struct events_options *o)
{
    struct events *s = xcalloc(1, sizeof(*s));

    s->o = *o;
    return s;
}

struct events *events_free(struct events *s)
{
    free(s);
    return NULL;
}

void events_load(struct events *s, struct turn *t) { (void)s; (void)t; }
void events_reset(struct events *s, struct turn *t) { (void)s; (void)t; }

struct service events_service(struct events *s)
{
    return (struct service){ .model = &events_model, .state = s };
}

static enum sink_state state(void *arg, struct turn *t, const struct arn *target, struct str text)
{
    (void)arg; (void)t; (void)target; (void)text;
    return SINK_NOT_YET;
}

static enum delivery deliver(void *arg, struct turn *t, const struct parcel *p, struct buf *why)
{
    (void)arg; (void)t; (void)p;
    buf_z(why, "not served yet");
    return DELIVERY_REFUSED;
}

struct sink events_sink(struct events *s)
{
    return (struct sink){ .service = "events", .action = "events:PutEvents", .action_name = "PutEvents", .max_body_bytes = 1048576,
                          .state = state, .deliver = deliver, .arg = s };
}
