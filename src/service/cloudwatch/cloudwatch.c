/* cloudwatch.c - the service's life. */
#include <stdlib.h>
#include "model/cloudwatch.h"
#include "service/cloudwatch/cloudwatch.h"

struct cloudwatch {
    struct cloudwatch_options o;
};

struct cloudwatch *cloudwatch_new(const struct cloudwatch_options *o)
{
    struct cloudwatch *s = xcalloc(1, sizeof(*s));

    s->o = *o;
    return s;
}

struct cloudwatch *cloudwatch_free(struct cloudwatch *s)
{
    free(s);
    return NULL;
}

void cloudwatch_load(struct cloudwatch *s, struct turn *t) { (void)s; (void)t; }
void cloudwatch_reset(struct cloudwatch *s, struct turn *t) { (void)s; (void)t; }

struct service cloudwatch_service(struct cloudwatch *s)
{
    return (struct service){ .model = &cloudwatch_model, .state = s };
}
