/* lambda.h - the Lambda API: functions, versions, aliases, policies, concurrency, event invoke configs,
 * Invoke.
 *
 * All configuration lives in memory (maps by account/region/name) and is written through to the store in the
 * same turn; lambda_load() reads it back.  Code objects (flow/execution.h) are made per version and counted.
 */
#ifndef WAYBILL_SERVICE_LAMBDA_H
#define WAYBILL_SERVICE_LAMBDA_H

#include "flow/async.h"
#include "flow/explain.h"
#include "wire/call.h"

struct lambda;

enum role_state { ROLE_STATE_OK, ROLE_STATE_UNKNOWN, ROLE_STATE_NOT_ASSUMABLE };

/* Package functions, so that this room need not include runtime/: main.c fills them with package.h's. */
struct lambda_packages {
    const char *code_dir;
    int (*store)(const char *code_dir, struct str zip, char ret_sha256_hex[65], char ret_sha256_base64[45],
                 int64_t *ret_zipped_bytes, int64_t *ret_unzipped_bytes); /* blocks; runs on the pool */
    /* An object's bytes, in a, whoever asks; version absent or empty: the newest.  Not 0: *why is the whole
     * sentence the caller is told ("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error
     * Message: ...").  NULL: there is no S3 here. */
    int (*read_object)(void *arg, struct store *store, struct arena *a, struct str bucket, struct str key,
                       struct str version, struct str *ret, struct buf *why);
    void *read_arg;
};

struct lambda_options {
    struct async *async; /* may be set later with lambda_set_async */
    struct executor executor;
    const struct sinks *sinks;
    struct lambda_packages packages;
    int64_t account_concurrency; /* 1000 */
    bool strict_permissions;
    enum role_state (*role_state)(void *arg, struct str role_arn);
    void *role_arg;
};

struct lambda *lambda_new(const struct lambda_options *o);
void lambda_set_async(struct lambda *l, struct async *a);
struct lambda *lambda_free(struct lambda *l);
void lambda_load(struct lambda *l, struct turn *t);
void lambda_reset(struct lambda *l,
                  struct turn *t); /* forget everything (tables are emptied by the caller) */
struct service lambda_service(struct lambda *l);
struct runner lambda_runner(struct lambda *l); /* for whoever runs functions */
struct sink lambda_sink(struct lambda *l);     /* the "lambda" row: a destination that is a function */
bool lambda_uses_package(void *lambda, struct str sha256_hex);
/* What this room knows of a function (a name, or an ARN with or without qualifier), for `waybill explain`.  A
 * bare name is looked for in default_account, us-east-1 first, then in any region.  Reads only; texts in a.
 */
void lambda_explain(struct lambda *l, struct turn *t, struct arena *a, struct str function,
                    struct str default_account, struct explain_facts *ret);
size_t lambda_function_count(const struct lambda *l);

#endif
