/* package.h - deployment packages: a zip's bytes checked, hashed, unpacked once per content.
 *
 * DIR/code/<sha256 hex>/package.zip and DIR/code/<sha256 hex>/task/ (what /var/task shows).  Unpacking goes
 * to a temporary folder first and is renamed when whole and flushed, so a folder that exists is complete. No
 * entry leaves the folder: absolute names, "..", links that point outside, devices are refused; limits on
 * entry count, single and total size (zip bombs).  Functions below block: run them on the pool. */
#ifndef WAYBILL_RUNTIME_PACKAGE_H
#define WAYBILL_RUNTIME_PACKAGE_H

#include "base/crypt.h"

#define PACKAGE_MAX_ZIPPED_BYTES ((size_t)52428800)
#define PACKAGE_MAX_UNZIPPED_BYTES ((size_t)262144000)

struct package_info {
    char sha256_hex[65];
    char sha256_base64[45]; /* CodeSha256 */
    int64_t zipped_bytes, unzipped_bytes;
};
/* 0; -E_INVALID: not a zip, damaged or hostile; -E_LIMIT: over PACKAGE_MAX_UNZIPPED_BYTES; -E_IO, -E_FULL. */
int package_check(struct str zip, struct package_info *ret); /* hash and central directory only */
int package_store(const char *code_dir, struct str zip,
                  struct package_info *ret); /* check, then unpack; idempotent */
/* The zip's path, for GetFunction's Code.Location. */
void package_path(const char *code_dir, const char *sha256_hex, struct buf *ret);
/* Removes packages not in `keep` (hex names); at start. */
void package_sweep(const char *code_dir, bool (*keep)(void *arg, struct str sha256_hex), void *arg);

#endif
