/* world.h - IAM against a real store, without an engine: operations by name, what they said, roles. */
#ifndef WAYBILL_TEST_IAM_WORLD_H
#define WAYBILL_TEST_IAM_WORLD_H

#include "../unit.h"
#include "base/crypt.h"
#include "turn/turn.h"
#include "model/iam.h"
#include "model/sts.h"
#include "service/iam/state.h"
#include "service/sts/sts.h"

#define NOW_MS 1789400698123LL
#define ACCOUNT "000000000000"
#define ROLE(name) "arn:aws:iam::" ACCOUNT ":role/" name
#define Q "arn:aws:sqs:us-east-1:" ACCOUNT ":orders"
#define TRUST(principal)                                                                        \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":" principal \
    ",\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]}]}"
#define LAMBDA TRUST("{\"Service\":\"lambda.amazonaws.com\"}")
#define GRANT(effect, action, resource)                                                         \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"" effect "\",\"Action\":\"" action \
    "\",\"Resource\":\"" resource "\"}}"

struct world {
    struct store *store;
    struct iam *iam;
    struct turn turn;
    struct arena *mem;
    struct call call;
    struct gate gate;
};

static inline struct world world_new(bool strict)
{
    struct store_options so = { .ephemeral = true };
    struct iam_options io = { .strict_permissions = strict };
    struct world w = { .mem = arena_new(0), .iam = iam_new(&io), .gate = { .may = iam_may } };

    w.gate.arg = w.iam;
    CHECK(store_open(&so, &w.store, NULL) == 0);
    w.turn = (struct turn){ .magic = TURN_MAGIC, .store = w.store, .now = { NOW_MS, 0 } };
    iam_load(w.iam, &w.turn);
    CHECK(store_commit(w.store) == 0);
    return w;
}

static inline void world_done(struct world *w)
{
    iam_check(w->iam);
    iam_free(w->iam);
    store_close(w->store);
    arena_free(w->mem);
}

static inline struct principal operator_of(struct world *w, const char *key)
{
    struct principal p;

    iam_principal(w->iam, w->mem, str_of(key), STR_NONE, STR(ACCOUNT), NOW_MS, &p);
    return p;
}

static inline int run(struct world *w, struct service s, const struct principal *who, const char *op,
                      const void *in, void *out)
{
    const struct op *row = NULL;

    for (uint32_t i = 0; i < s.model->n_ops; i++)
        if (strcmp(s.model->ops[i].name, op) == 0)
            row = &s.model->ops[i];
    CHECK(row != NULL);
    w->turn.now.wall_ms = w->turn.now.wall_ms == 0 ? NOW_MS : w->turn.now.wall_ms;
    w->call = (struct call){ .magic = CALL_MAGIC,
                             .mem = w->mem,
                             .service = s.model,
                             .op = row,
                             .protocol = PROTO_QUERY,
                             .turn = &w->turn,
                             .now = w->turn.now,
                             .region = STR("us-east-1"),
                             .account = who->account,
                             .principal = *who,
                             .state = s.state,
                             .gate = &w->gate };
    for (size_t i = 0; i < s.n_handlers; i++)
        if (strcmp(s.handlers[i].op, op) == 0) {
            int r = s.handlers[i].fn(&w->call, in, out);

            CHECK(r == 0 || r == -E_FAULT);
            return r;
        }
    CHECK(s.n_handlers == 0); /* no such handler */
    return 0;
}

/* The fault's code and text of the last call, "" when it had none. */
static inline struct str said(struct world *w)
{
    const struct fault *f = &w->call.fault;

    if (f->row == NULL)
        return STR("");
    return arena_printf(w->mem, "%s: " STR_FMT,
                        f->row->query_code != NULL ? f->row->query_code : f->row->name, STR_ARG(f->message));
}

#define IAM_OP(w, op, out, ...)                                  \
    do {                                                         \
        struct iam_##op##Request in_ = { __VA_ARGS__ };          \
        struct principal me_ = operator_of((w), "test");         \
        run((w), iam_service((w)->iam), &me_, #op, &in_, (out)); \
    } while (0)

static inline void make_role(struct world *w, const char *name, const char *trust, const char *policy)
{
    struct iam_CreateRoleResponse out = { 0 };

    IAM_OP(w, CreateRole, &out, .RoleName = str_of(name), .AssumeRolePolicyDocument = str_of(trust));
    EXPECT_STR(said(w), STR(""));
    if (policy != NULL) {
        IAM_OP(w, PutRolePolicy, NULL, .RoleName = str_of(name), .PolicyName = STR("p"),
               .PolicyDocument = str_of(policy));
        EXPECT_STR(said(w), STR(""));
    }
}

#endif
