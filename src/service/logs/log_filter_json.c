/* log_filter_json.c - conditions on JSON messages: a small recursive parser and its evaluator.
 *
 * True here: depth is bounded by FILTER_MOST_DEPTH and the number of nodes by the pattern's length (1024 by
 * AWS's model).  A comparison holds when any value the selector reaches fulfils it. UNVERIFIED: a member that
 * is missing fulfils no comparison, not even "!=". */
#include "service/logs/log_filter_json.h"

#include "base/json.h"
#include "service/logs/log_filter.h"

enum relation {
    EQUAL,
    UNEQUAL,
    LESS,
    GREATER,
    LESS_EQUAL,
    GREATER_EQUAL,
    IS_NULL,
    IS_TRUE,
    IS_FALSE,
    EXISTS,
    NOT_EXISTS
};
enum node_kind { NODE_AND, NODE_OR, NODE_TEST };

struct part {
    struct part *next;
    struct str name; /* absent: an index */
    int64_t index;   /* -1: any element */
};

struct log_condition {
    enum node_kind kind;
    struct log_condition *left, *right;
    struct part *path;
    enum relation relation;
    bool is_number; /* the value was written without quotes and is one */
    double number;
    struct str text;
};

struct parser {
    struct arena *a;
    struct str s;   /* what is left */
    struct str why; /* present: failed */
    unsigned depth;
};

static void *fail(struct parser *p, const char *what)
{
    if (str_absent(p->why))
        p->why = arena_printf(p->a, "Invalid filter pattern: %s near '%.*s'", what,
                              (int)MIN(p->s.n, (size_t)20), p->s.p);
    return NULL;
}

static void blanks(struct parser *p)
{
    while (p->s.n > 0 && (p->s.p[0] == ' ' || p->s.p[0] == '\t' || p->s.p[0] == '\n' || p->s.p[0] == '\r'))
        p->s = str_sub(p->s, 1, p->s.n);
}

static bool accept(struct parser *p, struct str token)
{
    blanks(p);
    if (!str_starts(p->s, token))
        return false;
    p->s = str_sub(p->s, token.n, p->s.n);
    return true;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '@' || c == ':' || (unsigned char)c >= 0x80;
}

static bool accept_keyword(struct parser *p, struct str token)
{
    blanks(p);
    if (!str_starts_nocase(p->s, token) || (p->s.n > token.n && name_char(p->s.p[token.n])))
        return false;
    p->s = str_sub(p->s, token.n, p->s.n);
    return true;
}

static struct str run_of(struct parser *p, bool (*in)(char c))
{
    size_t n = 0;

    while (n < p->s.n && in(p->s.p[n]))
        n++;
    p->s = str_sub(p->s, n, p->s.n);
    return str_make(p->s.p - n, n);
}

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool not_quote(char c) { return c != '\''; }
static bool value_char(char c) { return name_char(c) || c == '*' || c == '.' || c == '+' || c == '/'; }

/* Behind '['. */
static bool bracket(struct parser *p, struct part *part)
{
    part->name = STR_NONE;
    if (accept(p, STR("*"))) {
        part->index = -1;
    } else if (accept(p, STR("'"))) {
        part->name = run_of(p, not_quote);
        if (!accept(p, STR("'")))
            return fail(p, "a quoted member name does not end") != NULL;
    } else if (str_to_i64(run_of(p, digit), &part->index) < 0) {
        return fail(p, "expected an index") != NULL;
    }
    return accept(p, STR("]")) || fail(p, "expected ']'") != NULL;
}

static struct part *selector(struct parser *p)
{
    struct part root = { 0 }, *last = &root;

    if (!accept(p, STR("$")))
        return fail(p, "expected a selector that begins with '$'");
    while (p->s.n > 0 && (p->s.p[0] == '.' || p->s.p[0] == '[')) {
        bool dot = p->s.p[0] == '.';

        last = last->next = ARENA_NEW(p->a, struct part);
        p->s = str_sub(p->s, 1, p->s.n);
        if (dot)
            last->name = run_of(p, name_char);
        if (dot ? last->name.n == 0 : !bracket(p, last))
            return fail(p, "expected a member name");
    }
    return root.next != NULL ? root.next : fail(p, "expected a member after '$'");
}

/* The text between quotes; a backslash takes the next character as it is. */
static bool quoted(struct parser *p, struct log_condition *c)
{
    char *out = arena_alloc(p->a, p->s.n + 1);
    size_t n = 0, i = 0;

    for (; i < p->s.n && p->s.p[i] != '"'; i++) {
        if (p->s.p[i] == '\\' && i + 1 < p->s.n)
            i++;
        out[n++] = p->s.p[i];
    }
    if (i == p->s.n)
        return fail(p, "a text does not end") != NULL;
    p->s = str_sub(p->s, i + 1, p->s.n);
    c->text = str_make(out, n);
    return true;
}

static bool value(struct parser *p, struct log_condition *c)
{
    bool ordered = c->relation != EQUAL && c->relation != UNEQUAL;

    blanks(p);
    if (p->s.n > 0 && p->s.p[0] == '%')
        return fail(p, "regular expressions (%...%) are not supported") != NULL;
    if (accept(p, STR("\"")))
        return ordered ? fail(p, "an order needs a number") != NULL : quoted(p, c);
    c->text = run_of(p, value_char);
    if (c->text.n == 0)
        return fail(p, "expected a value") != NULL;
    c->is_number = str_to_f64(c->text, &c->number) == 0;
    return c->is_number || !ordered || fail(p, "an order needs a number") != NULL;
}

static const struct {
    struct str token;
    enum relation relation;
} operators[] = {
    { { "!=", 2 }, UNEQUAL }, { { "<=", 2 }, LESS_EQUAL }, { { ">=", 2 }, GREATER_EQUAL },
    { { "=", 1 }, EQUAL },    { { "<", 1 }, LESS },        { { ">", 1 }, GREATER },
};
static const struct {
    struct str word;
    enum relation relation;
} constants[] = {
    { { "NULL", 4 }, IS_NULL },
    { { "TRUE", 4 }, IS_TRUE },
    { { "FALSE", 5 }, IS_FALSE },
};

static bool relation(struct parser *p, struct log_condition *c)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (!accept(p, operators[i].token))
            continue;
        c->relation = operators[i].relation;
        return value(p, c);
    }
    if (accept_keyword(p, STR("IS"))) {
        for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
            c->relation = constants[i].relation;
            if (accept_keyword(p, constants[i].word))
                return true;
        }
        return fail(p, "expected NULL, TRUE or FALSE") != NULL;
    }
    c->relation = accept_keyword(p, STR("NOT")) ? NOT_EXISTS : EXISTS;
    return accept_keyword(p, STR("EXISTS")) || fail(p, "expected a comparison") != NULL;
}

static struct log_condition *either(struct parser *p);

static struct log_condition *condition(struct parser *p)
{
    struct log_condition *c;

    if (accept(p, STR("("))) {
        if (++p->depth > FILTER_MOST_DEPTH)
            return fail(p, "too many parentheses");
        c = either(p);
        p->depth--;
        return c == NULL || accept(p, STR(")")) ? c : fail(p, "expected ')'");
    }
    c = ARENA_NEW(p->a, struct log_condition);
    c->kind = NODE_TEST;
    c->path = selector(p);
    return c->path != NULL && relation(p, c) ? c : NULL;
}

static struct log_condition *joined(struct parser *p, enum node_kind kind, struct str token,
                                    struct log_condition *(*next)(struct parser *p))
{
    struct log_condition *left = next(p), *c;

    while (left != NULL && accept(p, token)) {
        c = ARENA_NEW(p->a, struct log_condition);
        c->kind = kind;
        c->left = left;
        c->right = next(p);
        left = c->right != NULL ? c : NULL;
    }
    return left;
}

static struct log_condition *both(struct parser *p) { return joined(p, NODE_AND, STR("&&"), condition); }
static struct log_condition *either(struct parser *p) { return joined(p, NODE_OR, STR("||"), both); }

int log_condition_parse(struct arena *a, struct str text, struct log_condition **ret, struct str *ret_why)
{
    struct parser p = { .a = a, .s = text };
    struct log_condition *c = NULL;

    if (accept(&p, STR("{")))
        c = either(&p);
    if (c != NULL && !accept(&p, STR("}")))
        c = fail(&p, "expected '}'");
    blanks(&p);
    if (c != NULL && p.s.n > 0)
        c = fail(&p, "nothing may follow '}'");
    if (c == NULL) {
        *ret_why = p.why;
        return -E_INVALID;
    }
    *ret = c;
    return 0;
}

/* '*' stands for any run; every other character for itself.  One point to go back to: pattern x text steps at
 * most. */
static bool stars_match(struct str pattern, struct str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;

    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = i;
        } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool text_is(struct arena *scratch, const struct log_condition *c, const struct json *v)
{
    if (v->type == JSON_STRING)
        return stars_match(c->text, json_text(scratch, v));
    return v->type != JSON_OBJECT && v->type != JSON_ARRAY && stars_match(c->text, v->raw);
}

static bool equal(struct arena *scratch, const struct log_condition *c, const struct json *v)
{
    double x;

    if (c->is_number && v->type == JSON_NUMBER)
        return json_f64(v, &x) == 0 && x == c->number;
    return text_is(scratch, c, v);
}

static bool ordered(const struct log_condition *c, const struct json *v)
{
    double x;

    if (v->type != JSON_NUMBER || json_f64(v, &x) < 0)
        return false;
    switch (c->relation) {
    case LESS: return x < c->number;
    case GREATER: return x > c->number;
    case LESS_EQUAL: return x <= c->number;
    default: return x >= c->number;
    }
}

static bool test(struct arena *scratch, const struct log_condition *c, const struct json *v)
{
    switch (c->relation) {
    case EQUAL: return equal(scratch, c, v);
    case UNEQUAL: return !equal(scratch, c, v);
    case IS_NULL: return v->type == JSON_NULL;
    case IS_TRUE: return v->type == JSON_TRUE;
    case IS_FALSE: return v->type == JSON_FALSE;
    case EXISTS:
    case NOT_EXISTS: return true;
    default: return ordered(c, v);
    }
}

/* Does any value that `part` and what follows lead to pass the test? */
static bool reached(struct arena *scratch, const struct log_condition *c, const struct part *part,
                    const struct json *v)
{
    if (v == NULL)
        return false;
    if (part == NULL)
        return test(scratch, c, v);
    if (!str_absent(part->name))
        return v->type == JSON_OBJECT && reached(scratch, c, part->next, json_get(v, part->name));
    if (v->type != JSON_ARRAY)
        return false;
    if (part->index >= 0)
        return part->index < v->n && reached(scratch, c, part->next, json_at(v, (uint32_t)part->index));
    JSON_EACH(v, child)
        if (reached(scratch, c, part->next, child))
            return true;
    return false;
}

static bool holds(struct arena *scratch, const struct log_condition *c, const struct json *doc)
{
    if (c->kind == NODE_AND)
        return holds(scratch, c->left, doc) && holds(scratch, c->right, doc);
    if (c->kind == NODE_OR)
        return holds(scratch, c->left, doc) || holds(scratch, c->right, doc);
    return reached(scratch, c, c->path, doc) != (c->relation == NOT_EXISTS);
}

size_t log_condition_tests(const struct log_condition *c)
{
    return c->kind == NODE_TEST ? 1 : log_condition_tests(c->left) + log_condition_tests(c->right);
}

bool log_condition_holds(const struct log_condition *c, struct arena *scratch, struct str message)
{
    struct json *doc = NULL;
    size_t i = 0;

    while (i < message.n &&
           (message.p[i] == ' ' || message.p[i] == '\t' || message.p[i] == '\n' || message.p[i] == '\r'))
        i++;
    if (i == message.n || message.p[i] != '{')
        return false;
    return json_parse(scratch, message, &doc, NULL) == 0 && holds(scratch, c, doc);
}
