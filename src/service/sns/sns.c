/* sns.c - the service's life. */
#include <stdlib.h>
#include "model/sns.h"
#include "service/sns/sns.h"

struct sns {
    struct sns_options o;
};

struct sns *sns_new(const struct sns_options *o)
{
    struct sns *s = xcalloc(1, sizeof(*s));

    s->o = *o;
    return s;
}

struct sns *sns_free(struct sns *s)
{
    free(s);
    return NULL;
}

void sns_load(struct sns *s, struct turn *t) { (void)s; (void)t; }
void sns_reset(struct sns *s, struct turn *t) { (void)s; (void)t; }

struct service sns_service(struct sns *s)
{
    return (struct service){ .model = &sns_model, .state = s };
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

struct sink sns_sink(struct sns *s)
{
    return (struct sink){ .service = "sns", .action = "sns:Publish", .action_name = "Publish", .max_body_bytes = 262144,
                          .state = state, .deliver = deliver, .arg = s };
}
