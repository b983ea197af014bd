/* common.c - what all IAM handlers share: faults in AWS's words, finding what a call names, pages, tags.
 *
 * True here: a need_...() that returns 0 has also asked whether the caller may do the operation; existence is
 * only told to those who may. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/crypt.h"
#include "base/id.h"
#include "service/iam/state.h"

/* ---- faults ---- */

static int fault(struct call *c, const struct error_row *row, const char *fmt, va_list ap)
{
    struct buf b = { 0 };
    struct str text;

    buf_vprintf(&b, fmt, ap);
    text = buf_to_arena(&b, c->mem);
    buf_done(&b);
    return call_fault(c, row, STR_FMT, STR_ARG(text));
}

#define FAULT_OF(name, row)                        \
    int name(struct call *c, const char *fmt, ...) \
    {                                              \
        va_list ap;                                \
        int r;                                     \
        va_start(ap, fmt);                         \
        r = fault(c, &(row), fmt, ap);             \
        va_end(ap);                                \
        return r;                                  \
    }
FAULT_OF(iam_no_such, iam_error_NoSuchEntityException)
FAULT_OF(iam_invalid, error_validation)
FAULT_OF(iam_over_limit, iam_error_LimitExceededException)

int iam_allowed(struct call *c, struct str resource)
{
    char action[96];

    snprintf(action, sizeof(action), "iam:%s", c->op->name);
    return call_may_own(c, action, resource);
}

/* ---- finding ---- */

int iam_need_role(struct call *c, struct str name, struct role **ret)
{
    struct role *r = iam_role_find(IAM(c), c->account, name);
    int rc = iam_allowed(c, r != NULL ? r->arn : iam_arn_role(c->mem, c->account, STR("/"), name));

    if (rc != 0)
        return rc;
    if (r == NULL)
        return iam_no_such(c, "The role with name " STR_FMT " cannot be found.", STR_ARG(name));
    *ret = r;
    return 0;
}

int iam_need_changeable_role(struct call *c, struct str name, struct role **ret)
{
    int rc = iam_need_role(c, name, ret);

    if (rc == 0 && str_starts((*ret)->path, STR("/aws-service-role/")))
        return call_fault(c, &iam_error_UnmodifiableEntityException,
                          "Cannot perform the operation on the protected role '" STR_FMT
                          "' - this role is only modifiable by AWS",
                          STR_ARG(name));
    return rc;
}

static bool policy_arn_valid(const struct call *c, struct str arn)
{
    struct arn parts;

    return arn_parse(arn, &parts) == 0 && str_is(parts.service, "iam") &&
           str_starts(parts.resource, STR("policy/")) &&
           (str_is(parts.account, "aws") || str_eq(parts.account, c->account));
}

int iam_need_policy(struct call *c, struct str arn, struct managed **ret)
{
    int rc = iam_allowed(c, arn);

    if (rc != 0)
        return rc;
    if (!policy_arn_valid(c, arn))
        return iam_invalid(c, "ARN " STR_FMT " is not valid.", STR_ARG(arn));
    *ret = iam_managed_find(IAM(c), arn);
    if (*ret == NULL)
        return iam_no_such(c, "Policy " STR_FMT " was not found.", STR_ARG(arn));
    return 0;
}

int iam_need_own_policy(struct call *c, struct str arn, struct managed **ret)
{
    int rc = iam_allowed(c, arn);

    if (rc == 0 && iam_is_aws_arn(arn))
        return call_fault(c, &error_access_denied,
                          "User: " STR_FMT " is not authorized to perform: iam:%s on resource: "
                          "policy " STR_FMT,
                          STR_ARG(c->principal.arn), c->op->name, STR_ARG(str_sub(arn, 24, arn.n)));
    return rc != 0 ? rc : iam_need_policy(c, arn, ret);
}

int iam_need_attachable(struct call *c, struct str arn, const char *missing, struct managed **ret)
{
    if (!policy_arn_valid(c, arn))
        return iam_invalid(c, "ARN " STR_FMT " is not valid.", STR_ARG(arn));
    *ret = iam_managed_find(IAM(c), arn);
    if (*ret == NULL && !iam_is_aws_arn(arn))
        return iam_no_such(c, missing, STR_ARG(arn));
    return 0;
}

int iam_check_document(struct call *c, enum policy_kind kind, struct str document, struct policy **ret)
{
    struct buf why CLEANUP(buf_done) = { 0 };

    if (policy_parse(kind, document, ret, &why) == 0)
        return 0;
    return call_fault(c, &iam_error_MalformedPolicyDocumentException, STR_FMT, STR_ARG(buf_view(&why)));
}

/* ---- values ---- */

struct str iam_url_encode(struct arena *a, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, s.n * 3 + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (isalnum(ch) || ch == '-' || ch == '_' || ch == '.' || ch == '~') {
            out[n++] = (char)ch;
        } else {
            out[n++] = '%';
            out[n++] = hex[ch >> 4];
            out[n++] = hex[ch & 15];
        }
    }
    return str_make(out, n);
}

struct opt_time iam_time(int64_t ms) { return TIME_SET(ms - ms % 1000); }

struct str iam_new_id(struct arena *a, const char *prefix)
{
    char text[18] = { 0 };

    id_base32(text, 17);
    return arena_printf(a, "%s%.17s", prefix, text);
}

int iam_page_of(struct call *c, struct str marker, struct opt_int max_items, const struct str *keys, size_t n,
                struct page *ret)
{
    size_t max = max_items.set ? (size_t)max_items.v : 100;
    struct str after;

    *ret = (struct page){ .truncated = BOOL_SET(false) };
    if (!str_absent(marker)) {
        if (base64_decode(c->mem, marker, &after) != 0)
            return iam_invalid(c, "Invalid Marker.");
        while (ret->from < n && !str_eq(keys[ret->from], after))
            ret->from++;
        if (ret->from < n)
            ret->from++;
        else /* gone since: go on where it stood */
            for (ret->from = 0; ret->from < n && str_cmp(keys[ret->from], after) <= 0;)
                ret->from++;
    }
    ret->to = MIN(n, ret->from + max);
    if (ret->to < n) {
        ret->truncated.v = true;
        ret->marker = base64_str(c->mem, keys[ret->to - 1]);
    }
    return 0;
}

/* ---- tags ---- */

void iam_tags_done(struct tags *t)
{
    for (size_t i = 0; i < t->n; i++) {
        str_drop(&t->v[i].key);
        str_drop(&t->v[i].value);
    }
    free(t->v);
    *t = (struct tags){ 0 };
}

static void tag_set(struct tags *t, struct str key, struct str value)
{
    for (size_t i = 0; i < t->n; i++)
        if (str_eq_nocase(t->v[i].key, key)) {
            str_drop(&t->v[i].value);
            t->v[i].value = str_own(value);
            return;
        }
    t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
    t->v[t->n++] = (struct tag){ str_own(key), str_own(value) };
}

struct str iam_tags_json(struct arena *a, const struct tags *t)
{
    struct buf b CLEANUP(buf_done) = { 0 };
    struct json_writer w;

    jw_init(&w, &b);
    jw_array(&w);
    for (size_t i = 0; i < t->n; i++) {
        jw_array(&w);
        jw_str(&w, t->v[i].key);
        jw_str(&w, t->v[i].value);
        jw_array_end(&w);
    }
    jw_array_end(&w);
    return buf_to_arena(&b, a);
}

void iam_tags_read(struct tags *t, struct str json)
{
    CLEANUP(arena_freep) struct arena *a = arena_new(0);
    struct json *doc;

    if (json_parse(a, json, &doc, NULL) != 0)
        return;
    JSON_EACH(doc, pair)
        if (pair->n == 2)
            tag_set(t, json_text(a, json_at(pair, 0)), json_text(a, json_at(pair, 1)));
}

struct iam_tagListType iam_tags_list(struct arena *a, const struct tags *t)
{
    struct iam_tagListType ret = { .set = t->n > 0, .n = t->n, .v = arena_calloc(a, t->n, sizeof(*ret.v)) };

    for (size_t i = 0; i < t->n; i++)
        ret.v[i] = (struct iam_Tag){ .Key = arena_str(a, t->v[i].key), .Value = arena_str(a, t->v[i].value) };
    return ret;
}

int iam_tags_check(struct call *c, const struct tags *have, const struct iam_tagListType *more)
{
    size_t n = have->n;

    for (size_t i = 0; i < more->n; i++) {
        bool known = false;

        for (size_t k = 0; k < i; k++)
            if (str_eq_nocase(more->v[i].Key, more->v[k].Key))
                return call_fault(
                    c, &iam_error_InvalidInputException,
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
        for (size_t k = 0; k < have->n; k++)
            known = known || str_eq_nocase(have->v[k].key, more->v[i].Key);
        n += !known;
    }
    if (n > IAM_MAX_TAGS)
        return iam_over_limit(c, "The number of tags has reached the maximum limit.");
    return 0;
}

void iam_tags_put(struct tags *t, const struct iam_tagListType *more)
{
    for (size_t i = 0; i < more->n; i++)
        tag_set(t, more->v[i].Key, more->v[i].Value);
}

void iam_tags_drop(struct tags *t, const struct iam_tagKeyListType *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        for (size_t k = 0; k < t->n; k++)
            if (str_eq_nocase(t->v[k].key, keys->v[i])) {
                str_drop(&t->v[k].key);
                str_drop(&t->v[k].value);
                memmove(&t->v[k], &t->v[k + 1], (--t->n - k) * sizeof(*t->v));
                break;
            }
}

int iam_tags_page(struct call *c, const struct tags *t, struct str marker, struct opt_int max_items,
                  struct iam_tagListType *ret, struct opt_bool *ret_truncated, struct str *ret_marker)
{
    struct str *keys = arena_calloc(c->mem, t->n + 1, sizeof(*keys));
    struct iam_tagListType all = iam_tags_list(c->mem, t);
    struct page page;
    int r;

    for (size_t i = 0; i < t->n; i++)
        keys[i] = t->v[i].key;
    if ((r = iam_page_of(c, marker, max_items, keys, t->n, &page)) != 0)
        return r;
    *ret = (struct iam_tagListType){ .set = true, .n = page.to - page.from, .v = all.v + page.from };
    *ret_truncated = page.truncated;
    *ret_marker = page.marker;
    return 0;
}
