/* dead_letter.h - what may be a function's dead-letter queue, and whether its role may write there.
 *
 * Rules: AWS Lambda API reference (DeadLetterConfig) and AWS's recorded messages.  Absent and `{}` keep what
 * is there, "" clears it (settings_apply() in settings.c).  UNVERIFIED: the order of the checks, and that a
 * queue or topic that does not exist is accepted: no message of AWS's is known that says otherwise; what is
 * missing shows when an event fails. */
#ifndef WAYBILL_SERVICE_LAMBDA_DEAD_LETTER_H
#define WAYBILL_SERVICE_LAMBDA_DEAD_LETTER_H

#include "service/lambda/ops.h"

enum dead_letter_verdict {
    DEAD_LETTER_OK,
    DEAD_LETTER_FOREIGN, /* neither queue nor topic */
    DEAD_LETTER_REGION,  /* not where the function is */
    DEAD_LETTER_FIFO_QUEUE,
    DEAD_LETTER_FIFO_TOPIC,
    DEAD_LETTER_NOT_YET, /* AWS would take it, this server does not deliver there */
};
/* state: what the sink says of the target; has_sink false: nobody delivers there.  Pure. */
enum dead_letter_verdict dead_letter_judge(struct str target_arn, struct str region, bool has_sink,
                                           enum sink_state state);

/* The dead-letter queue of a configuration that a request would make, with the role it would have.  0 or
 * -E_FAULT. */
int dead_letter_check(struct call *c, struct str region, struct str target_arn, struct str role_arn);

#endif
