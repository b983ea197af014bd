/* state.h - buses, rules and targets as the server remembers them, written through to the store.
 *
 * A bus belongs to an account and a region.  "default" is always there; it takes memory and a row only once
 * something is kept with it (a rule, a policy, a tag).  A rule belongs to one bus, has up to five targets,
 * and listens to a pattern, a schedule or both.  All strings are the objects' own; ids are the store's.
 *
 * Order inside every operation: check, change the memory, write the row from it.  A turn that fails is
 * followed by events_load(), which forgets everything here and reads the store again, so nobody undoes
 * anything. */
#ifndef WAYBILL_SERVICE_EVENTS_STATE_H
#define WAYBILL_SERVICE_EVENTS_STATE_H

#include "base/map.h"
#include "flow/elsewhere.h"
#include "pattern/pattern.h"
#include "model/events.h"
#include "service/events/events.h"
#include "service/events/schedule.h"
#include "service/events/transform.h"

#define EVENTS_BUSES_MOST 100      /* of an account and region, as on AWS */
#define EVENTS_BUSES_IN_ALL 5000   /* ours: of the server */
#define EVENTS_RULES_MOST 20000    /* ours: of a bus; AWS: 300, adjustable */
#define EVENTS_RULES_IN_ALL 100000 /* ours: of the server */
#define EVENTS_TARGETS_MOST 5      /* of a rule */
#define EVENTS_TAGS_MOST 50
#define EVENTS_RETRIES 185 /* of a target without a RetryPolicy */
#define EVENTS_AGE_S 86400

/* One target, ready for use.  text: the whole target as JSON, as it was put and will be shown. */
struct target {
    struct str text;
    enum { TARGET_PLAIN, TARGET_BUS, TARGET_LOGS } kind;
    struct str id, arn, role_arn;         /* role_arn absent: the rule's */
    struct str input;                     /* absent: none */
    struct input_path *path;              /* NULL: none */
    struct transform *transform;          /* NULL: none */
    struct str group_id, dead_letter_arn; /* absent: none */
    int64_t retries, age_s;
};

/* A rule's schedule: tick.c moves it, and draws it in tick.h. */
enum tick_state { TICK_IDLE, TICK_WAITING, TICK_FIRING };

struct rule {
    uint32_t magic;
#define RULE_MAGIC 0x52756c65u
    uint64_t id;
    struct bus *bus;
    struct str name, arn, description, role_arn, tags; /* tags: JSON object */
    struct str pattern_text, schedule_text;            /* absent: none */
    struct pattern *pattern;                           /* compiled; in bus->patterns while enabled */
    struct schedule *schedule;
    struct timer timer; /* the next firing; idle when disabled or without schedule */
    enum tick_state tick;
    int64_t anchor_ms, fired_ms;
    bool enabled;
    size_t n_targets;
    struct target *targets[EVENTS_TARGETS_MOST]; /* in the order they came */
};

struct bus {
    uint32_t magic;
#define BUS_MAGIC 0x62757321u
    struct events *owner;
    uint64_t id;
    struct str account, region, name, arn, description, tags;
    struct str policy_text; /* absent: none */
    struct policy *policy;
    int64_t created_ms, modified_ms;
    struct rule **rules; /* sorted by name */
    size_t n_rules, cap_rules;
    struct pattern_set *patterns; /* of the rules that are enabled */
};

struct events {
    uint32_t magic;
#define EVENTS_MAGIC 0x65766e74u
    struct events_options o;
    struct map buses; /* "account/region/name" -> struct bus */
    size_t n_rules;   /* of all buses */
    int64_t turn_ns;  /* which turn `delivered` counts in (now.mono_ns) */
    size_t delivered;
    struct elsewhere sift; /* events whose matching took too long for their turn (sift.h) */
};

/* NULL when there is none in memory; the default bus may be missing here and exist all the same. */
struct bus *bus_find(const struct events *e, struct str account, struct str region, struct str name);
/* In memory alone. id 0: has no row. */
struct bus *bus_new(struct events *e, uint64_t id, struct str account, struct str region, struct str name);
void bus_free(struct bus *b); /* with its rules; their timers must be idle */
int bus_policy_set(struct bus *b,
                   struct str text); /* absent: none; an error: text, checked before, is no policy */
size_t bus_count(const struct events *e, struct str account, struct str region);
/* Buses of an account and region sorted by name, in `a`. */
struct bus **bus_list(const struct events *e, struct arena *a, struct str account, struct str region,
                      size_t *ret_n);

struct rule *rule_find(const struct bus *b, struct str name);
/* Listens, or not: its pattern is filed or taken out.  Not the state it has. */
void rule_enable(struct rule *r, bool on);
/* Index of the first rule whose name is not below `name`. */
size_t rule_place(const struct bus *b, struct str name);
struct rule *rule_new(struct bus *b, uint64_t id, struct str name);
void rule_free(struct rule *r); /* out of its bus; its timer must be idle */
/* What the rule listens to, compiled by the caller; takes them over and files the rule under its pattern. */
void rule_listen(struct rule *r, struct str pattern_text, struct pattern *p, struct str schedule_text,
                 struct schedule *s, bool enabled);
size_t rule_target_at(const struct rule *r, struct str id); /* n_targets: none */

/* A target from the API's structure.  0, or -E_INVALID and in *why AWS's sentence (whole
 * ValidationException). */
int target_make(const struct events_Target *t, struct target **ret, struct buf *why);
struct target *target_free(struct target *t);
/* As it is shown; strings lie in `a`. */
void target_shown(struct arena *a, const struct target *t, struct events_Target *ret);

/* rows.c: the store.  0 or a store error. */
int bus_row_put(struct turn *t, struct bus *b); /* the first time an INSERT: gives the bus its id */
int bus_row_drop(struct turn *t, const struct bus *b);
int rule_row_put(struct turn *t, struct rule *r);
int rule_row_fired(struct turn *t, const struct rule *r);
int rule_row_drop(struct turn *t, const struct rule *r);
void events_rows_load(struct events *e, struct turn *t);

/* CHECKs all that the files of this room hold true of its memory.  For tests: looks at everything. */
void events_check(const struct events *e);

/* The sink's onward() (flow/sink.h): targets of the bus's rules. */
size_t events_onward(const struct door *d, struct arena *a, struct explain_onward *v, size_t max);

#endif
