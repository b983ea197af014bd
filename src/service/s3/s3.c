/* s3.c - the service's life. */
#include <stdlib.h>
#include "model/s3.h"
#include "service/s3/s3.h"

struct s3 {
    struct s3_options o;
};

struct s3 *s3_new(const struct s3_options *o)
{
    struct s3 *s = xcalloc(1, sizeof(*s));

    s->o = *o;
    return s;
}

struct s3 *s3_free(struct s3 *s)
{
    free(s);
    return NULL;
}

void s3_load(struct s3 *s, struct turn *t) { (void)s; (void)t; }
void s3_reset(struct s3 *s, struct turn *t) { (void)s; (void)t; }

struct service s3_service(struct s3 *s)
{
    return (struct service){ .model = &s3_model, .state = s };
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

struct sink s3_sink(struct s3 *s)
{
    return (struct sink){ .service = "s3", .action = "s3:PutObject", .action_name = "PutObject", .max_body_bytes = 5242880,
                          .state = state, .deliver = deliver, .arg = s };
}

int s3_read(struct s3 *s, struct store *store, struct arena *a, struct str account, struct str region, struct str bucket,
            struct str key, struct str version, struct str *ret, struct buf *why)
{
    (void)s; (void)store; (void)a; (void)account; (void)region; (void)bucket; (void)key; (void)version; (void)ret;
    buf_z(why, "not served yet");
    return -E_NOT_FOUND;
}
