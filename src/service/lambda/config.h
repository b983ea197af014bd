/* config.h - what PublishVersion freezes: the configuration of one version of a function.
 *
 * Plain data whose strings lie in one arena (the version's).  Written to the store as one JSON document; the
 * document's digest tells whether anything changed since the last published version. */
#ifndef WAYBILL_SERVICE_LAMBDA_CONFIG_H
#define WAYBILL_SERVICE_LAMBDA_CONFIG_H

#include "flow/execution.h"

struct config {
    struct str runtime, role, handler, description;
    struct str architecture; /* "x86_64" or "arm64" */
    int64_t timeout_s, memory_mb, tmp_mb;
    bool has_env; /* Environment was given, maybe empty */
    struct env_var *env;
    size_t n_env;
    bool log_json;
    struct str log_group;                       /* never absent: the default is filled in */
    struct str app_log_level, system_log_level; /* JSON only; absent with Text */
    struct str dead_letter;                     /* ARN of the dead-letter queue; absent: none */
    struct str code_sha256;                     /* base64, as CodeSha256 shows it */
    struct str package_sha256_hex;              /* the package's folder */
    int64_t code_bytes;                         /* of the zip */
};

void config_copy(struct arena *a, const struct config *from, struct config *ret);
void config_json(struct buf *b, const struct config *c);
int config_from_json(struct arena *a, struct str json, struct config *ret); /* -E_INVALID */
struct str config_digest(struct arena *a, const struct config *c);          /* 64 hex digits */

/* {"NAME":"value",...} without blanks: what AWS measures against the 4 KB limit. */
void env_json(struct buf *b, const struct env_var *v, size_t n);

#endif
