/* json_scan.h - inside base only: the step that reader and writer share.  Both copy or pass over string bytes
 * in runs, and a run ends at the same bytes for both. */
#ifndef WAYBILL_BASE_JSON_SCAN_H
#define WAYBILL_BASE_JSON_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* From p to the first quote, backslash, control (below 0x20) or byte that is not ASCII, or to end.
 * Sixteen bytes a step where the machine can; reads nothing at or beyond end. */
static inline __attribute__((always_inline)) const char *json_skip_plain(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(0x20);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        /* Signed compare: bytes from 0x80 on are negative and fall below the blank with the controls. */
        int mask = _mm_movemask_epi8(_mm_or_si128(marks, _mm_cmplt_epi8(v, blank)));

        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

#endif
