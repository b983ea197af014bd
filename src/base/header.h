/* header.h - the one place where a header's name and value become a line of a reply.
 *
 * Whatever its source (a service's output, an object's metadata, a response-* parameter, an error's detail):
 * who writes a header that is not a literal writes it with header_line(), so that no value can end its line
 * and begin another header, or another reply.  tool/layers.py looks for lines made by hand. */
#ifndef WAYBILL_BASE_HEADER_H
#define WAYBILL_BASE_HEADER_H

#include "base/buf.h"

/* "name: value\r\n".  Left out: bytes of the value that are control characters (a tab stays), bytes of the
 * name that are no token (RFC 9110, 5.6.2), and the whole line when nothing of the name is left. */
void header_line(struct buf *b, struct str name, struct str value);
/* Would header_line() write this value as it is? */
bool header_value_fits(struct str value);

#endif
