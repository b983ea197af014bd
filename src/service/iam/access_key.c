/* access_key.c - keys that last: the root pair, and the secret behind any key somebody signs with.
 *
 * True here: at most one root pair, and only `waybill serve --auth verify` and `waybill credentials` make
 * one.  It outlives a reset, as the key of the session tokens does: who holds it must not be locked out by
 * what he did himself. */
#include "base/crypt.h"
#include "base/id.h"
#include "service/iam/state.h"

#define SECRET_LETTERS 40

static struct sql Q_ADD =
    SQL("INSERT INTO iam_access_key (id, access_key, secret, user_name, active, created_ms) "
        "VALUES ($1, $2, $3, NULL, $4, $5)");
static struct sql Q_DEL = SQL("DELETE FROM iam_access_key WHERE user_name IS NULL");
static struct sql Q_ALL = SQL("SELECT id, access_key, secret, active, created_ms FROM iam_access_key WHERE "
                              "user_name IS NULL ORDER BY id");

static void forget(struct iam_root *r)
{
    str_drop(&r->key);
    str_drop(&r->secret);
    *r = (struct iam_root){ 0 };
}

static void save(const struct iam_root *r, struct store *s)
{
    store_exec(s, &Q_ADD, V_INT(store_next_id(s)), V_TEXT(r->key), V_TEXT(r->secret), V_INT(r->active),
               V_INT(r->created_ms));
}

void iam_root_load(struct iam *i, struct store *s)
{
    struct rows rows CLEANUP(rows_done);
    bool found = false;

    store_query(s, &Q_ALL, &rows);
    while (rows_next(&rows)) {
        forget(&i->root);
        i->root = (struct iam_root){ .key = str_own(rows_text(&rows, 1)),
                                     .secret = str_own(rows_text(&rows, 2)),
                                     .active = rows_enum(&rows, 3, 1, "active is neither 0 nor 1") == 1,
                                     .created_ms = rows_ms(&rows, 4) };
        found = true;
    }
    rows_done(&rows);
    if (!found && store_sound(s) && !str_absent(i->root.key)) /* the tables were emptied */
        save(&i->root, s);
}

void iam_root_free(struct iam *i) { forget(&i->root); }

/* Standard base64 as AWS's secrets have it: letters, digits, '+' and '/'. */
static struct str new_secret(struct arena *a)
{
    char bytes[SECRET_LETTERS / 4 * 3];

    random_bytes(bytes, sizeof(bytes));
    return base64_str(a, str_make(bytes, sizeof(bytes)));
}

void iam_root_make(struct iam *i, struct turn *t)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    char id[17] = { 0 };

    forget(&i->root);
    store_exec(t->store, &Q_DEL);
    id_base32(id, sizeof(id) - 1);
    i->root = (struct iam_root){ .key = str_own(arena_printf(a, "AKIA%s", id)),
                                 .secret = str_own(new_secret(a)),
                                 .active = true,
                                 .created_ms = t->now.wall_ms };
    save(&i->root, t->store);
}

bool iam_root_pair(const struct iam *i, struct iam_pair *ret)
{
    *ret = (struct iam_pair){ i->root.key, i->root.secret };
    return i->root.active;
}

enum secret_state iam_secret(void *iam, struct arena *a, struct str access_key, struct str token,
                             int64_t now_ms, struct str *ret)
{
    struct iam *i = CAST(struct iam, IAM_MAGIC, iam);

    if (str_absent(i->root.key) || !str_eq(access_key, i->root.key))
        return iam_session_secret(i, a, access_key, token, now_ms, ret);
    if (!i->root.active)
        return SECRET_UNKNOWN; /* AWS does not tell an inactive key from none */
    if (!str_absent(token))
        return SECRET_TOKEN_INVALID;
    *ret = i->root.secret;
    return SECRET_FOUND;
}
