/* tell.h - a journey as people and programs read it. */
#ifndef WAYBILL_CONTROL_TELL_H
#define WAYBILL_CONTROL_TELL_H

#include "flow/journey.h"

/* {"requestId","functionArn","qualifier","state","acceptedAt","endedAt","steps":[{"time","step","text",...}]}
 */
void tell_journey(struct json_writer *w, const struct journey *j);

#endif
