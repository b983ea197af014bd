/* fault.c - every error row is either the model's or one of the two here. */
#include "service/sqs/fault.h"

#include <stdarg.h>
#include "model/sqs.h"

const struct error_row sqs_error_invalid_parameter = {
    .name = "InvalidParameterValueException",
    .query_code = "InvalidParameterValue",
    .status = 400,
    .sender = true,
    .message_member = "message",
};
const struct error_row sqs_error_missing_parameter = {
    .name = "MissingRequiredParameterException",
    .query_code = "MissingParameter",
    .status = 400,
    .sender = true,
    .message_member = "message",
};

int sqs_fault(struct call *c, const struct fault *f)
{
    return call_fault(c, f->row, STR_FMT, STR_ARG(f->message));
}

int sqs_fault_no_queue(struct call *c)
{
    return call_fault(c, &sqs_error_QueueDoesNotExist, "The specified queue does not exist%s.",
                      c->protocol == PROTO_QUERY ? " for this wsdl version" : "");
}

int sqs_fault_missing(struct call *c, const char *parameter)
{
    struct fault f;

    (void)sqs_no_missing(c->mem, &f, parameter);
    return sqs_fault(c, &f);
}

int sqs_fault_value(struct call *c, struct str value, const char *parameter, const char *reason)
{
    struct fault f;

    (void)sqs_no_value(c->mem, &f, value, parameter, reason);
    return sqs_fault(c, &f);
}

int sqs_no_missing(struct arena *a, struct fault *ret, const char *parameter)
{
    return fault_set(a, ret, &sqs_error_missing_parameter, "The request must contain the parameter %s.",
                     parameter);
}

int sqs_no_value(struct arena *a, struct fault *ret, struct str value, const char *parameter,
                 const char *reason)
{
    return fault_set(a, ret, &sqs_error_invalid_parameter,
                     "Value " STR_FMT " for parameter %s is invalid. Reason: %s", STR_ARG(value), parameter,
                     reason);
}

struct str sqs_fault_code(const struct error_row *row)
{
    return str_of(row->query_code != NULL ? row->query_code : row->name);
}
