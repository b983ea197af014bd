/* segment.h - bytes that lie in a file somebody has opened.
 * The bytes stay readable for as long as fd is open, also when the file is removed meanwhile. */
#ifndef WAYBILL_BASE_SEGMENT_H
#define WAYBILL_BASE_SEGMENT_H

#include <stdint.h>

struct segment {
    int fd;
    int64_t from, bytes;
}; /* bytes > 0 */

#endif
