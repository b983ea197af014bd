/* registry.h - every function in memory, and the rows behind it.
 *
 * One map `account/region/name` -> struct function for the hot path; one struct home per account and region
 * for lists and the account's pool of concurrency.  All objects are owned here (malloc); their strings never
 * lie in a request.  The ..._save and ..._delete functions write through in the running turn; memory and row
 * change together, and after a failed commit lambda_load() reads everything again.
 *
 *   lambda ── homes ── functions ── versions ($LATEST first, then ascending)
 *                                ├─ aliases            by name
 *                                ├─ policies           by qualifier ("" unqualified)
 *                                └─ event configs      by qualifier ("$LATEST" also for unqualified)
 *
 * A version:   PENDING --50 ms real time--> ACTIVE <--50 ms, update--> UPDATING     (PublishVersion: ACTIVE
 * at once) PENDING answers invokes with 409; UPDATING serves the old code until it ends: the two that AWS
 * shows as State and LastUpdateStatus are one machine here, whose table is in registry.c.
 *
 * Errors: ..._save and ..._delete give 0 or -E_FULL (the disk); handlers pass it on, the turn becomes a 500.
 */
#ifndef WAYBILL_SERVICE_LAMBDA_REGISTRY_H
#define WAYBILL_SERVICE_LAMBDA_REGISTRY_H

#include "base/id.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "service/lambda/config.h"
#include "service/lambda/lambda.h"
#include "service/lambda/usage_facts.h"

struct policy;

#define LATEST STR("$LATEST")

/* How much one account and region can make this server remember (ours; AWS limits only the bytes of code). */
#define MAX_FUNCTIONS 20000
#define MAX_HOMES 1000 /* pairs of account and region with functions, in the server */
#define MAX_VERSIONS 5000
#define MAX_ALIASES 5000
#define MAX_TAGS 50
#define TOTAL_CODE_BYTES ((int64_t)80530636800)

/* Real time that a new function stays Pending and an update InProgress. */
#define READY_AFTER_MS 50

struct function;

enum version_state { VERSION_PENDING, VERSION_ACTIVE, VERSION_UPDATING, VERSION_STATES };

struct version {
    uint32_t magic;
#define VERSION_MAGIC 0x7e451071u
    struct function *function;
    uint64_t id;
    struct arena *mem; /* of number, c, source */
    struct str number; /* "$LATEST" or digits */
    struct config c;
    struct str source; /* config_digest of $LATEST at publishing; absent: $LATEST */
    char revision_id[UUID_TEXT + 1];
    int64_t last_modified_ms;
    enum version_state state;
    struct code *code;      /* what invokes run */
    struct code *next_code; /* UPDATING: what they run after it; else NULL */
    void *ready_timer;      /* NULL: none; ACTIVE has none */
};

struct alias {
    uint64_t id;
    struct str name, version, description; /* owned */
    struct str additional_version;         /* owned; absent: no weighted routing */
    double additional_weight;
    char revision_id[UUID_TEXT + 1];
};

struct function_policy {
    uint64_t id;
    struct str qualifier; /* owned; "": unqualified */
    struct statement {
        struct str sid, json;
    } * v; /* owned */
    size_t n;
    char revision_id[UUID_TEXT + 1];
    struct policy *compiled; /* made when first asked for; NULL again after a change */
};

struct event_config {
    uint64_t id;
    struct str qualifier;                                /* owned; "$LATEST", number or alias */
    int64_t maximum_retry_attempts, maximum_event_age_s; /* -1: unset */
    struct str on_success, on_failure;                   /* owned; absent: unset */
    int64_t last_modified_ms;
};

struct tag {
    struct str key, value;
}; /* owned */

/* Running executions by function name; outlives a deleted function until they have ended. */
struct usage {
    uint32_t magic;
#define USAGE_MAGIC 0x05a9e001u
    struct home *home;
    int64_t running;
    bool reserved; /* counts in a reservation, not in the shared pool */
    bool orphan;   /* its function is gone */
};

struct home { /* an account in a region */
    uint32_t magic;
#define HOME_MAGIC 0x40e3e001u
    struct str account, region; /* owned */
    struct list functions;
    size_t n_functions;
    int64_t reserved_sum; /* of all reservations */
    int64_t unreserved_running;
    int64_t code_bytes; /* of all versions */
};

struct function {
    uint32_t magic;
#define FUNCTION_MAGIC 0xf09c7104u
    struct link link; /* in home->functions */
    uint64_t id;
    struct home *home;
    struct usage *usage;
    struct str key, name, arn; /* owned; key: "account/region/name" */
    struct version *latest;
    struct version **versions; /* published, ascending */
    size_t n_versions;
    int64_t next_version;
    struct map aliases, policies, event_configs;
    struct tag *tags; /* sorted by key */
    size_t n_tags;
    int64_t reserved_concurrency; /* -1: none */
    bool recursion_allowed;
    struct usage_facts facts;
};

struct lambda {
    uint32_t magic;
#define LAMBDA_MAGIC 0x1a3bda01u
    struct lambda_options o;
    struct map homes;     /* "account/region" */
    struct map functions; /* "account/region/name" */
    struct map usages;    /* the same keys */
    uint64_t life;        /* counts registry_clear() */
    uint64_t next_code_id;
};

struct home *home_find(const struct lambda *l, struct str account,
                       struct str region); /* NULL: nothing was ever made there */
/* NULL when there is none.  No allocation: the hot path of Invoke. */
struct function *function_find(const struct lambda *l, struct str account, struct str region,
                               struct str name);

/* A new function without versions; the caller adds $LATEST and saves.  t NULL: loading, the caller sets ids.
 */
struct function *function_add(struct lambda *l, struct turn *t, struct str account, struct str region,
                              struct str name);
int function_save(struct function *f, struct turn *t);                     /* its row alone */
int function_delete(struct lambda *l, struct function *f, struct turn *t); /* rows, memory, timers, code */
void function_set_reserved(struct function *f, int64_t reserved); /* -1: none; keeps the pools right */

/* A version with a copy of c; PENDING; not saved.  number absent: the next one. */
struct version *version_add(struct lambda *l, struct turn *t, struct function *f, struct str number,
                            const struct config *c);
int version_save(struct version *v, struct turn *t);
int version_delete(struct lambda *l, struct version *v, struct turn *t); /* a published one */
/* Replaces the configuration: updating until the code that serves follows READY_AFTER_MS later. */
void version_update(struct lambda *l, struct version *v, const struct config *c, struct turn *t);
void version_active(struct version *v); /* PENDING no more: it was published, or loaded */
void version_touch(struct version *v);  /* a new RevisionId */
void version_await_ready(struct lambda *l, struct version *v, struct turn *t); /* arms the timer */
struct version *version_find(const struct function *f, struct str number);     /* "$LATEST" or digits; NULL */

/* What a qualifier means: $LATEST (also for absent), a version, or an alias.  NULL: nothing.
 * ret_alias (may be NULL) gets the alias or NULL. */
struct version *qualifier_find(const struct function *f, struct str qualifier, struct alias **ret_alias);
/* As qualifier_find, but an alias with weights draws: draw in [0, 1). */
struct version *qualifier_draw(const struct function *f, struct str qualifier, double draw);

int alias_save(struct function *f, struct alias *a, struct turn *t); /* inserts when a->id is 0 */
int alias_delete(struct function *f, struct alias *a, struct turn *t);
struct function_policy *function_policy_get(struct function *f, struct str qualifier); /* NULL: none */
int function_policy_save(struct function *f, struct function_policy *p,
                         struct turn *t); /* inserts when id is 0; new RevisionId */
/* Compiled, for who asks whether a service may invoke; p NULL: NULL.  Valid until the policy changes. */
const struct policy *function_policy_compiled(struct function_policy *p);
int function_policy_delete(struct function *f, struct function_policy *p, struct turn *t);
int event_config_save(struct function *f, struct event_config *e, struct turn *t);
int event_config_delete(struct function *f, struct event_config *e, struct turn *t,
                        const char *operation); /* for the history */

void tags_free(struct function *f);

bool usage_has_slot(const struct lambda *l,
                    const struct function *f); /* would usage_acquire() admit one now? */
/* *ret_life goes back with the slot: one taken before the registry was cleared is not a slot any more. */
enum admission usage_acquire(const struct lambda *l, struct function *f, uint64_t *ret_life);
void usage_release(struct lambda *l, struct str account, struct str region, struct str name, uint64_t life);

/* Looks through everything in memory and ends the program where something does not agree: for tests, between
 * turns. */
void registry_check(const struct lambda *l);

/* Forgets everything in memory; t NULL at the program's end: no timers, no executor any more. */
void registry_clear(struct lambda *l, struct turn *t);

#endif
