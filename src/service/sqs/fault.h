/* fault.h - what this service says no with: the errors AWS sends without modelling them, and the sentences
 * used in more than one place.
 *
 * Two forms: sqs_fault_...() sets the call's fault and returns -E_FAULT; sqs_no_...() fills a struct fault
 * that a batch puts into its Failed list and a single operation hands to sqs_fault(). */
#ifndef WAYBILL_SERVICE_SQS_FAULT_H
#define WAYBILL_SERVICE_SQS_FAULT_H

#include "wire/call.h"

/* InvalidParameterValueException, query code InvalidParameterValue, 400. */
extern const struct error_row sqs_error_invalid_parameter;
/* MissingRequiredParameterException, query code MissingParameter, 400. */
extern const struct error_row sqs_error_missing_parameter;

int sqs_fault(struct call *c, const struct fault *f);

/* "The specified queue does not exist." with the query protocol's own ending. */
int sqs_fault_no_queue(struct call *c);
/* "The request must contain the parameter P." */
int sqs_fault_missing(struct call *c, const char *parameter);
/* "Value V for parameter P is invalid. Reason: R" */
int sqs_fault_value(struct call *c, struct str value, const char *parameter, const char *reason);

/* -E_FAULT always; message in `a`. */
int sqs_no_missing(struct arena *a, struct fault *ret, const char *parameter);
int sqs_no_value(struct arena *a, struct fault *ret, struct str value, const char *parameter,
                 const char *reason);

/* The code a batch entry carries: the query code. */
struct str sqs_fault_code(const struct error_row *row);

#endif
