/* credentials.h - the root pair beside the data it opens.
 *
 * The pair is kept in the data directory's store.  DIR/credentials repeats it, for its owner alone (0600), in
 * the form AWS's tools read (AWS_SHARED_CREDENTIALS_FILE): while a server runs nobody else can open the
 * store, and the commands must sign. */
#ifndef WAYBILL_CLI_CREDENTIALS_H
#define WAYBILL_CLI_CREDENTIALS_H

#include "base/arena.h"
#include "service/iam/iam.h"

/* Replaces DIR/credentials whole.  -E_IO: errno says why. */
int credentials_write(const char *dir, const struct iam_pair *pair);
/* From DIR/credentials, in a.  False: there is none that can be read. */
bool credentials_read(struct arena *a, const char *dir, struct iam_pair *ret);

#endif
