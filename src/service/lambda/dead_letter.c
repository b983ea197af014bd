/* dead_letter.c - the checks of DeadLetterConfig.TargetArn; delivery is flow/deadletter.c's. */
#include "service/lambda/dead_letter.h"

#include "flow/destination.h"

#define INVALID_ARN "Invalid dead letter queue ARN: "

enum dead_letter_verdict dead_letter_judge(struct str target_arn, struct str region, bool has_sink,
                                           enum sink_state state)
{
    struct arn arn;

    if (arn_parse(target_arn, &arn) != 0 || (!str_is(arn.service, "sqs") && !str_is(arn.service, "sns")))
        return DEAD_LETTER_FOREIGN;
    if (!str_eq(arn.region, region))
        return DEAD_LETTER_REGION;
    if (str_empty(arn.resource) || str_find(arn.resource, ':') >= 0) /* a subscription is no topic */
        return DEAD_LETTER_FOREIGN;
    if (str_ends(arn.resource, STR(".fifo")) || (has_sink && state == SINK_FIFO))
        return str_is(arn.service, "sqs") ? DEAD_LETTER_FIFO_QUEUE : DEAD_LETTER_FIFO_TOPIC;
    if (has_sink && state == SINK_WRONG_KIND)
        return DEAD_LETTER_FOREIGN;
    return has_sink && state != SINK_NOT_YET ? DEAD_LETTER_OK : DEAD_LETTER_NOT_YET;
}

static int fault_of(struct call *c, enum dead_letter_verdict v)
{
    switch (v) {
    case DEAD_LETTER_OK: return 0;
    case DEAD_LETTER_FOREIGN:
        return INVALID(c, INVALID_ARN "Only Amazon SQS queues and Amazon SNS topics are supported.");
    case DEAD_LETTER_REGION:
        return INVALID(
            c, INVALID_ARN
            "The resource specified by the TargetArn must be in the same region as the Lambda function it's"
            " associated with.");
    case DEAD_LETTER_FIFO_QUEUE:
        return INVALID(c, INVALID_ARN "FIFO SQS queue is not supported for dead letter configuration");
    case DEAD_LETTER_FIFO_TOPIC:
        return INVALID(c, INVALID_ARN "FIFO SNS topic is not supported for dead letter configuration");
    case DEAD_LETTER_NOT_YET: break;
    }
    return INVALID(c, "Waybill does not deliver to dead-letter queues of this service yet.");
}

static int check_role_may(struct call *c, const struct door *d, struct str role_arn)
{
    struct buf why CLEANUP(buf_done) = { 0 };
    enum role_verdict may;

    if (d->sinks->role_may == NULL)
        return 0;
    may = door_role_may(d, &(struct role_asks){ .role_arn = role_arn }, &why);
    if (may == ROLE_ALLOWED || (may == ROLE_UNKNOWN && !lambda_of(c)->o.strict_permissions))
        return 0;
    return INVALID(c, "The provided execution role does not have permissions to call %s on %s",
                   d->sink->action_name, str_is(d->arn.service, "sns") ? "SNS" : "SQS");
}

int dead_letter_check(struct call *c, struct str region, struct str target_arn, struct str role_arn)
{
    struct door d;
    int rc;

    if (str_empty(target_arn))
        return 0;
    d = door_find(lambda_of(c)->o.sinks, c->turn, target_arn);
    rc = fault_of(c, dead_letter_judge(target_arn, region, d.sink != NULL, d.state));
    return rc != 0 ? rc : check_role_may(c, &d, role_arn);
}
