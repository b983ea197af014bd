/* condition.c - patterns and conditions of policies.
 *
 * True here: matching allocates nothing and costs at most pattern x text steps, also with variables in the
 * pattern (one backtrack point: the last '*').  A variable whose key is missing or has several values matches
 * nothing. */
#include <arpa/inet.h>
#include "policy/parts.h"

bool arn_cut(struct str text, struct str part[ARN_PARTS])
{
    struct str rest = text;

    for (size_t i = 0; i + 1 < ARN_PARTS; i++)
        if (!str_cut(&rest, ':', &part[i]) || str_absent(rest))
            return false;
    part[ARN_PARTS - 1] = rest;
    return true;
}

/* ---- patterns ---- */

/* The length of a "${...}" at the start of s, 0 when none is there. */
static size_t variable_length(struct str s)
{
    ptrdiff_t end = s.n > 2 && s.p[0] == '$' && s.p[1] == '{' ? str_find(s, '}') : -1;

    return end > 2 ? (size_t)end + 1 : 0;
}

/* "key" or "key, 'default'" between the braces. */
static struct piece variable_piece(struct str inner)
{
    struct piece ret = { .kind = PIECE_VARIABLE, .text = str_trim(inner) };
    struct str rest = inner, key;

    if (inner.n == 1 && strchr("*?$", inner.p[0]) != NULL)
        return (struct piece){ .kind = PIECE_TEXT, .text = inner };
    str_cut(&rest, ',', &key);
    if (str_absent(rest))
        return ret;
    rest = str_trim(rest);
    if (rest.n >= 2 && rest.p[0] == '\'' && rest.p[rest.n - 1] == '\'') {
        ret.text = str_trim(key);
        ret.fallback = str_sub(rest, 1, rest.n - 1);
    }
    return ret;
}

/* One piece off the front of *s. */
static struct piece take_piece(struct str *s, bool wild, bool variables)
{
    size_t n = variables ? variable_length(*s) : 0;
    struct piece ret;

    if (n > 0) {
        ret = variable_piece(str_sub(*s, 2, n - 1));
    } else if (wild && (s->p[0] == '*' || s->p[0] == '?')) {
        ret = (struct piece){ .kind = s->p[0] == '*' ? PIECE_RUN : PIECE_ONE };
        n = 1;
    } else {
        do
            n++;
        while (n < s->n && !(wild && (s->p[n] == '*' || s->p[n] == '?')) &&
               !(variables && variable_length(str_sub(*s, n, s->n)) > 0));
        ret = (struct piece){ .kind = PIECE_TEXT, .text = str_sub(*s, 0, n) };
    }
    *s = str_sub(*s, n, s->n);
    return ret;
}

struct glob glob_compile(struct arena *a, struct str text, bool wild, bool variables)
{
    struct glob g = { .text = arena_str(a, text) };
    bool special = variables && str_find_str(text, STR("${")) >= 0;
    struct str s = g.text;
    uint32_t n = 0;

    if (!special) {
        bool plain = wild && (str_find(text, '*') >= 0 || str_find(text, '?') >= 0);

        g.kind = wild && str_is(text, "*") ? GLOB_ALL : plain ? GLOB_PLAIN : GLOB_LITERAL;
        return g;
    }
    for (struct str t = s; t.n > 0; n++)
        take_piece(&t, wild, variables);
    g.kind = GLOB_PIECES;
    g.pieces = arena_calloc(a, n, sizeof(*g.pieces));
    while (s.n > 0 && g.n_pieces < n)
        g.pieces[g.n_pieces++] = take_piece(&s, wild, variables);
    return g;
}

/* Like str_cut at ':', but colons inside ${...} do not count. */
static bool cut_segment(struct str *s, struct str *ret)
{
    size_t i = 0;

    if (str_absent(*s))
        return false;
    while (i < s->n && s->p[i] != ':') {
        size_t skip = variable_length(str_sub(*s, i, s->n));
        i += skip > 0 ? skip : 1;
    }
    *ret = str_sub(*s, 0, i);
    *s = i < s->n ? str_sub(*s, i + 1, s->n) : STR_NONE;
    return true;
}

struct arn_glob arn_glob_compile(struct arena *a, struct str text, bool variables)
{
    struct arn_glob g = { .all = str_is(text, "*") };
    struct str rest = text, part;

    for (size_t i = 0; i < ARN_PARTS; i++) {
        if (i + 1 == ARN_PARTS)
            part = str_absent(rest) ? STR("*") : rest;
        else if (variables ? !cut_segment(&rest, &part) : !str_cut(&rest, ':', &part))
            part = STR("*");
        g.part[i] = glob_compile(a, part, true, variables);
    }
    return g;
}

static struct str piece_value(struct ask *a, const struct piece *p, struct key_values *kv)
{
    if (p->kind == PIECE_TEXT)
        return p->text;
    ask_values(a, p->text, kv);
    return kv->n == 1 ? kv->v[0] : p->fallback;
}

static bool pieces_match(struct ask *a, const struct glob *g, struct str s, bool nocase)
{
    size_t at = 0, text_at = 0, star = SIZE_MAX, star_text = 0;
    struct key_values kv;

    for (;;) {
        const struct piece *p = at < g->n_pieces ? &g->pieces[at] : NULL;
        bool fits = false;

        if (p == NULL && text_at == s.n)
            return true;
        if (p != NULL && p->kind == PIECE_RUN) {
            star = ++at;
            star_text = text_at;
            continue;
        }
        if (p != NULL && p->kind == PIECE_ONE) {
            fits = text_at < s.n;
            text_at += fits;
        } else if (p != NULL) {
            struct str want = piece_value(a, p, &kv), have = str_sub(s, text_at, text_at + want.n);

            if (str_absent(want))
                return false;
            fits = nocase ? str_eq_nocase(want, have) : str_eq(want, have);
            text_at += fits ? want.n : 0;
        }
        at += fits;
        if (fits)
            continue;
        if (star == SIZE_MAX || star_text >= s.n)
            return false;
        text_at = ++star_text;
        at = star;
    }
}

bool glob_match(struct ask *a, const struct glob *g, struct str s, bool nocase)
{
    switch (g->kind) {
    case GLOB_ALL: return true;
    case GLOB_LITERAL: return nocase ? str_eq_nocase(g->text, s) : str_eq(g->text, s);
    case GLOB_PLAIN: return str_glob(g->text, s);
    case GLOB_PIECES: return pieces_match(a, g, s, nocase);
    }
    return false;
}

bool arn_glob_match(struct ask *a, const struct arn_glob *g, const struct str part[ARN_PARTS], bool cut,
                    struct str whole)
{
    if (g->all)
        return true;
    if (!cut)
        return false;
    /* From the end: resources differ there first. */
    for (size_t i = ARN_PARTS; i-- > 0;)
        if (!glob_match(a, &g->part[i], part[i], false))
            return false;
    return whole.n > 0;
}

/* ---- operators ---- */

static const struct operator_row {
    const char *name;
    enum operator_kind kind;
    enum compare compare;
    bool negated;
} operators[] = {
    { "StringEquals", OP_STRING, CMP_EQ, false },
    { "StringNotEquals", OP_STRING, CMP_EQ, true },
    { "StringEqualsIgnoreCase", OP_STRING_NOCASE, CMP_EQ, false },
    { "StringNotEqualsIgnoreCase", OP_STRING_NOCASE, CMP_EQ, true },
    { "StringLike", OP_STRING_LIKE, CMP_EQ, false },
    { "StringNotLike", OP_STRING_LIKE, CMP_EQ, true },
    { "NumericEquals", OP_NUMBER, CMP_EQ, false },
    { "NumericNotEquals", OP_NUMBER, CMP_EQ, true },
    { "NumericLessThan", OP_NUMBER, CMP_LT, false },
    { "NumericLessThanEquals", OP_NUMBER, CMP_LE, false },
    { "NumericGreaterThan", OP_NUMBER, CMP_GT, false },
    { "NumericGreaterThanEquals", OP_NUMBER, CMP_GE, false },
    { "DateEquals", OP_DATE, CMP_EQ, false },
    { "DateNotEquals", OP_DATE, CMP_EQ, true },
    { "DateLessThan", OP_DATE, CMP_LT, false },
    { "DateLessThanEquals", OP_DATE, CMP_LE, false },
    { "DateGreaterThan", OP_DATE, CMP_GT, false },
    { "DateGreaterThanEquals", OP_DATE, CMP_GE, false },
    { "Bool", OP_BOOL, CMP_EQ, false },
    { "BinaryEquals", OP_BINARY, CMP_EQ, false },
    { "IpAddress", OP_IP, CMP_EQ, false },
    { "NotIpAddress", OP_IP, CMP_EQ, true },
    /* AWS's words: ArnEquals and ArnLike behave identically. */
    { "ArnEquals", OP_ARN, CMP_EQ, false },
    { "ArnLike", OP_ARN, CMP_EQ, false },
    { "ArnNotEquals", OP_ARN, CMP_EQ, true },
    { "ArnNotLike", OP_ARN, CMP_EQ, true },
    { "Null", OP_NULL, CMP_EQ, false },
};

int condition_operator(struct str name, struct condition *ret)
{
    enum quantifier q = Q_NONE;
    bool if_exists;

    if (str_starts_nocase(name, STR("ForAnyValue:"))) {
        q = Q_ANY;
        name = str_sub(name, 12, name.n);
    } else if (str_starts_nocase(name, STR("ForAllValues:"))) {
        q = Q_ALL;
        name = str_sub(name, 13, name.n);
    }
    if_exists = name.n > 8 && str_eq_nocase(str_sub(name, name.n - 8, name.n), STR("IfExists"));
    if (if_exists)
        name = str_sub(name, 0, name.n - 8);
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        const struct operator_row *o = &operators[i];

        if (!str_eq_nocase(name, str_of(o->name)))
            continue;
        if (o->kind == OP_NULL && (if_exists || q != Q_NONE))
            return -E_NOT_FOUND;
        ret->kind = o->kind;
        ret->compare = o->compare;
        ret->negated = o->negated;
        ret->quantifier = q;
        ret->if_exists = if_exists;
        return 0;
    }
    return -E_NOT_FOUND;
}

/* ---- operands ---- */

static int parse_bool(struct str s, bool *ret)
{
    if (str_eq_nocase(s, STR("true")))
        *ret = true;
    else if (str_eq_nocase(s, STR("false")))
        *ret = false;
    else
        return -E_INVALID;
    return 0;
}

static int parse_date(struct str s, int64_t *ret_ms)
{
    static const char midnight[] = "T00:00:00Z";
    char text[10 + sizeof(midnight)];
    int r = when_parse_iso(s, ret_ms);

    /* W3C's short form: a day alone. */
    if (r != 0 && s.n == 10 && s.p[4] == '-') {
        memcpy(text, s.p, 10);
        memcpy(text + 10, midnight, sizeof(midnight));
        r = when_parse_iso(str_of(text), ret_ms);
    }
    return r == 0 ? 0 : when_parse_epoch(s, ret_ms);
}

/* An address mapped into IPv6 (::ffff:10.0.0.1) is the IPv4 one it maps. */
static void unmap(struct cidr *c)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (!c->v6 || c->bits < 96 || memcmp(c->b, mapped, 12) != 0)
        return;
    memmove(c->b, c->b + 12, 4);
    c->bits = (uint8_t)(c->bits - 96);
    c->v6 = false;
}

static int parse_cidr(struct str s, struct cidr *ret)
{
    char text[64];
    struct str host, rest = s;
    struct cidr c = { .v6 = str_find(s, ':') >= 0 };
    int64_t bits = c.v6 ? 128 : 32, most = bits;

    if (!str_cut(&rest, '/', &host) || host.n == 0 || host.n >= sizeof(text))
        return -E_INVALID;
    if (!str_absent(rest) && (str_to_i64(rest, &bits) != 0 || bits < 0 || bits > most))
        return -E_INVALID;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (strlen(text) != host.n || inet_pton(c.v6 ? AF_INET6 : AF_INET, text, c.b) != 1)
        return -E_INVALID;
    c.bits = (uint8_t)bits;
    unmap(&c);
    *ret = c;
    return 0;
}

static bool cidr_holds(const struct cidr *net, const struct cidr *host)
{
    size_t whole = net->bits / 8, rest = net->bits % 8;

    if (net->v6 != host->v6 || memcmp(net->b, host->b, whole) != 0)
        return false;
    return rest == 0 || (uint8_t)(net->b[whole] ^ host->b[whole]) >> (8 - rest) == 0;
}

int condition_operand(struct arena *a, const struct condition *c, struct str text, bool variables,
                      struct operand *ret)
{
    *ret = (struct operand){ 0 };
    switch (c->kind) {
    case OP_STRING:
    case OP_STRING_NOCASE: ret->glob = glob_compile(a, text, false, variables); return 0;
    case OP_STRING_LIKE: ret->glob = glob_compile(a, text, true, variables); return 0;
    case OP_BINARY: ret->glob = glob_compile(a, text, false, false); return 0;
    case OP_NUMBER: return str_to_f64(text, &ret->number);
    case OP_DATE: return parse_date(text, &ret->when_ms);
    case OP_BOOL:
    case OP_NULL: return parse_bool(text, &ret->truth);
    case OP_IP: return parse_cidr(text, &ret->net);
    case OP_ARN:
        ret->arn = ARENA_NEW(a, struct arn_glob);
        *ret->arn = arn_glob_compile(a, text, variables);
        return 0;
    }
    return -E_INVALID;
}

/* ---- asking ---- */

static bool in_order(enum compare c, bool less, bool equal)
{
    switch (c) {
    case CMP_EQ: return equal;
    case CMP_LT: return less;
    case CMP_LE: return less || equal;
    case CMP_GT: return !less && !equal;
    case CMP_GE: return !less;
    }
    return false;
}

/* The request's value, read once as the operator wants it. */
struct given {
    struct str text, part[ARN_PARTS];
    bool cut, truth;
    double number;
    int64_t when_ms;
    struct cidr net;
};

/* False: no such value (a number that is none): nothing equals it. */
static bool read_given(enum operator_kind kind, struct str v, struct given *ret)
{
    ret->text = v;
    switch (kind) {
    case OP_NUMBER: return str_to_f64(v, &ret->number) == 0;
    case OP_DATE: return parse_date(v, &ret->when_ms) == 0;
    case OP_BOOL: return parse_bool(v, &ret->truth) == 0;
    case OP_IP: return parse_cidr(v, &ret->net) == 0;
    case OP_ARN: ret->cut = arn_cut(v, ret->part); return ret->cut && str_is(ret->part[0], "arn");
    default: return true;
    }
}

static bool operand_match(struct ask *a, const struct condition *c, const struct operand *o,
                          const struct given *g)
{
    switch (c->kind) {
    case OP_STRING:
    case OP_STRING_LIKE:
    case OP_BINARY: return glob_match(a, &o->glob, g->text, false);
    case OP_STRING_NOCASE: return glob_match(a, &o->glob, g->text, true);
    case OP_NUMBER: return in_order(c->compare, g->number < o->number, g->number == o->number);
    case OP_DATE: return in_order(c->compare, g->when_ms < o->when_ms, g->when_ms == o->when_ms);
    case OP_BOOL: return g->truth == o->truth;
    case OP_IP: return cidr_holds(&o->net, &g->net);
    case OP_ARN: return arn_glob_match(a, o->arn, g->part, g->cut, g->text);
    case OP_NULL: break;
    }
    return false;
}

/* Does one value of the request satisfy one of the policy's? */
static bool value_match(struct ask *a, const struct condition *c, struct str v)
{
    struct given g;

    if (!read_given(c->kind, v, &g))
        return false;
    for (uint32_t i = 0; i < c->n; i++)
        if (operand_match(a, c, &c->values[i], &g))
            return true;
    return false;
}

static bool null_holds(const struct condition *c, bool missing)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (c->values[i].truth == missing)
            return true;
    return false;
}

/* Would AWS have had a value where there is none?  The services' own keys, but for those that are given
 * (call_may_pass(), AssumeRole) and those of what is not here: no TLS, no access points, no function URLs, no
 * VPC. */
static bool is_unjudged(const struct ask *a, struct str key)
{
    static const char *const filled[] = { "s3:",
                                          "sqs:",
                                          "sns:",
                                          "events:",
                                          "lambda:",
                                          "logs:",
                                          "cloudwatch:",
                                          "iam:",
                                          "aws:RequestTag/",
                                          "aws:ResourceTag/",
                                          "aws:TagKeys",
                                          "aws:TokenIssueTime" };
    static const char *const absent[] = { "iam:PassedToService",
                                          "s3:TlsVersion",
                                          "s3:DataAccessPoint",
                                          "s3:AccessPoint",
                                          "s3:AccessGrants",
                                          "lambda:FunctionUrlAuthType",
                                          "lambda:InvokedViaFunctionUrl",
                                          "lambda:VpcIds",
                                          "lambda:SubnetIds",
                                          "lambda:SecurityGroupIds",
                                          "lambda:Layer",
                                          "lambda:CodeSigningConfigArn" };

    if (a->r->whole || str_starts_nocase(a->r->action, STR("sts:")))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        if (str_starts_nocase(key, str_of(absent[i])))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(filled); i++)
        if (str_starts_nocase(key, str_of(filled[i])))
            return true;
    return false;
}

static bool missing_holds(const struct ask *a, const struct condition *c, bool allow)
{
    if (a->r->lenient)
        return allow;
    if (is_unjudged(a, c->key))
        return !allow;
    if (c->if_exists || c->quantifier == Q_ALL)
        return true;
    return c->negated && c->quantifier == Q_NONE;
}

bool condition_holds(struct ask *a, const struct condition *c, bool allow)
{
    struct key_values kv;
    size_t matched = 0;

    ask_values(a, c->key, &kv);
    if (kv.n == 0 && (c->kind != OP_NULL || a->r->lenient || is_unjudged(a, c->key)))
        return missing_holds(a, c, allow);
    if (c->kind == OP_NULL)
        return null_holds(c, kv.n == 0);
    for (size_t i = 0; i < kv.n; i++)
        matched += value_match(a, c, kv.v[i]);
    switch (c->quantifier) {
    case Q_NONE: return c->negated ? matched == 0 : matched > 0;
    case Q_ANY: return c->negated ? matched < kv.n : matched > 0;
    case Q_ALL: return c->negated ? matched == 0 : matched == kv.n;
    }
    return false;
}
