/* door.h - for worlds whose targets are made up: a policy that lets everybody in, and a way in without being
 * asked. */
#ifndef WAYBILL_TEST_DOOR_H
#define WAYBILL_TEST_DOOR_H

#include "flow/sink.h"

/* Lives as long as the program. */
static inline const struct policy *policy_for_all(void)
{
    static struct policy *p;
    CLEANUP(buf_done) struct buf why = { 0 };

    if (p == NULL)
        CHECK(policy_parse(POLICY_RESOURCE,
                           STR("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\","
                               "\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}"),
                           &p, &why) == 0);
    return p;
}

/* Finds and delivers, asking nobody. */
static inline enum delivery hand_in(const struct sinks *s, struct turn *t, struct str arn,
                                    const struct parcel *p, struct buf *why)
{
    struct door d = door_find(s, t, arn);

    return door_deliver(&d, p, why);
}

#endif
