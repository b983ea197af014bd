/* id.h - names nobody chose.
 *
 * Invocation ids are UUIDs (version 4 in form) that carry their event's sequence number, masked with a hash
 * of their own random half.  So a journey is found by its id without an index on random keys, which would
 * cost eight times an ordered insert.  The row found must still be compared with the whole id: any UUID
 * decodes to some number. */
#ifndef WAYBILL_BASE_ID_H
#define WAYBILL_BASE_ID_H

#include "base/arena.h"

#define UUID_TEXT 36

void uuid_random(char out[UUID_TEXT + 1]);
struct str uuid_str(struct arena *a);                    /* a random one, in the arena */
void uuid_of_seq(char out[UUID_TEXT + 1], uint64_t seq); /* seq < 2^48 */
int uuid_to_seq(struct str uuid, uint64_t *ret_seq);     /* -E_INVALID when it is no UUID text */

/* n characters of A-Z 2-7 (as AWS's own ids), or of 0-9 a-f. */
void id_base32(char *out, size_t n);
void id_hex(char *out, size_t n);

#endif
