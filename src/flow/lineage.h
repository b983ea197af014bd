/* lineage.h - the trace header, and the count of a function's executions in one chain that rides on it.
 *
 *   Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0;Lineage=<n>:<8 hex of the function>:<n-1>
 * SDKs inside a function forward the header; the service counts up.  Several functions of a chain stand
 * behind each other, separated by '|'.  16 executions happen, the 17th is stopped (AWS Lambda developer
 * guide, "Use Lambda recursive loop detection"). */
#ifndef WAYBILL_FLOW_LINEAGE_H
#define WAYBILL_FLOW_LINEAGE_H

#include "base/arena.h"

#define LINEAGE_MAX_EXECUTIONS 16

/* The header for the execution of function_arn (unqualified) that trace_header leads to, and which execution
 * of this function in the chain that is, from 1.  trace_header absent: a new root. */
int lineage_next(struct arena *a, struct str trace_header, struct str function_arn, int64_t now_ms,
                 struct str *ret_trace, int64_t *ret_count);

/* The client's header made whole: Root, Parent and Sampled filled in where missing; Lineage kept. */
struct str trace_complete(struct arena *a, struct str trace_header, int64_t now_ms);

#endif
