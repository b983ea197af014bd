/* operator.c - one key's array of values and match expressions becomes the tests of a field.
 *
 * True here: the order of the checks, the sentences and the places they name are those of the Event Ruler's
 * compiler, which reads token by token: a sentence names the place behind the last token it had looked at.  A
 * string it had only begun to look at counts as one quote. */
#include <stdlib.h>
#include "pattern/parts.h"

#define WHY_ONE_KEY "Only one key allowed in match expression"
#define WHY_ELEMENTS "Too many elements in numeric expression"

struct operators {
    struct arena *mem, *scratch;
    struct pattern_refusal *no;
};

const char *pattern_value_end(const struct json *v) { return v->raw.p + v->raw.n + (v->type == JSON_STRING); }

const char *pattern_token_end(const struct json *v)
{
    if (v->type == JSON_STRING)
        return v->raw.p;
    return v->type == JSON_ARRAY || v->type == JSON_OBJECT ? v->raw.p + 1 : pattern_value_end(v);
}

/* The token after the children of a container, or the first of the next child. */
static const char *next_token_end(const struct json *next, const struct json *container)
{
    return next != NULL ? pattern_token_end(next) : pattern_value_end(container);
}

static struct str text_of(const struct operators *o, const struct json *v)
{
    return arena_str(o->mem, json_text(o->scratch, v));
}

/* What Jackson calls the text of the token a value begins with; the end of its container has one too. */
static struct str token_text(const struct operators *o, const struct json *v)
{
    if (v == NULL)
        return STR("]");
    if (v->type == JSON_STRING)
        return json_text(o->scratch, v);
    return v->type == JSON_ARRAY ? STR("[") : v->type == JSON_OBJECT ? STR("{") : v->raw;
}

static struct str folded(const struct operators *o, struct str s)
{
    char *out = arena_alloc(o->mem, s.n + 1);

    pattern_fold(out, s);
    return str_make(out, s.n);
}

/* {"k": v} and nothing behind it. */
static int only_key(const struct operators *o, const struct json *member, const char *why)
{
    return member->next == NULL ? 0 : pattern_refuse(o->no, pattern_token_end(member->next), "%s", why);
}

/* ---- wildcards ---- */

/* Positions count the quote in front of the text. */
static int wildcard(const struct operators *o, struct str text, const char *at, struct test *ret)
{
    char *out = arena_alloc(o->mem, text.n + 1);
    size_t n = 0, from = 0, stars = 0;

    for (size_t i = 0; i < text.n; i++)
        stars += text.p[i] == '*';
    *ret = (struct test){ .kind = TEST_WILDCARD,
                          .pieces = arena_calloc(o->mem, stars + 1, sizeof(*ret->pieces)) };
    for (size_t i = 0; i < text.n; i++) {
        char next = i + 1 < text.n ? text.p[i + 1] : '\0';

        if (text.p[i] == '*') {
            if (next == '*')
                return pattern_refuse(o->no, at, "Consecutive wildcard characters at pos %zu", i + 1);
            ret->pieces[ret->n++] = str_make(out + from, n - from);
            from = n;
        } else if (text.p[i] == '\\') {
            if (next != '*' && next != '\\')
                return pattern_refuse(o->no, at, "Invalid escape character at pos %zu", i + 1);
            out[n++] = next;
            i++;
        } else {
            out[n++] = text.p[i];
        }
    }
    ret->pieces[ret->n++] = str_make(out + from, n - from);
    ret->text = str_make(out, n);
    return 0;
}

static int op_wildcard(const struct operators *o, const struct json *v, struct test *ret)
{
    int r;

    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v), "wildcard match pattern must be a string");
    r = wildcard(o, text_of(o, v), pattern_value_end(v), ret);
    return r != 0 ? r : only_key(o, v, WHY_ONE_KEY);
}

/* ---- texts ---- */

static int op_exactly(const struct operators *o, const struct json *v, struct test *ret)
{
    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v), "exact match pattern must be a string");
    *ret = (struct test){ .kind = TEST_TEXT, .text = text_of(o, v) };
    return only_key(o, v, WHY_ONE_KEY);
}

static int op_nocase(const struct operators *o, const struct json *v, struct test *ret)
{
    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v),
                              "equals-ignore-case match pattern must be a string");
    *ret = (struct test){ .kind = TEST_TEXT, .nocase = true, .text = folded(o, text_of(o, v)) };
    return only_key(o, v, WHY_ONE_KEY);
}

/* {"prefix": {"equals-ignore-case": "x"}}; v is the inner object. */
static int affix_nocase(const struct operators *o, const struct json *v, enum test_kind kind,
                        const char *word, struct test *ret)
{
    const struct json *inner = v->first;
    struct str name;
    int r;

    if (inner == NULL)
        return pattern_refuse(o->no, pattern_value_end(v), "%s expression name not found",
                              kind == TEST_PREFIX ? "Prefix" : "Suffix");
    name = json_key(o->scratch, inner);
    if (!str_is(name, "equals-ignore-case"))
        return pattern_refuse(o->no, pattern_token_end(inner), "Unsupported %s pattern: " STR_FMT, word,
                              STR_ARG(name));
    r = op_nocase(o, inner, ret);
    ret->kind = kind;
    return r != 0 ? r : only_key(o, v, WHY_ONE_KEY);
}

static int affix(const struct operators *o, const struct json *v, enum test_kind kind, const char *word,
                 struct test *ret)
{
    if (v->type == JSON_OBJECT)
        return affix_nocase(o, v, kind, word, ret);
    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v), "%s match pattern must be a string", word);
    *ret = (struct test){ .kind = kind, .text = text_of(o, v) };
    return only_key(o, v, WHY_ONE_KEY);
}

static int op_prefix(const struct operators *o, const struct json *v, struct test *ret)
{
    return affix(o, v, TEST_PREFIX, "prefix", ret);
}

static int op_suffix(const struct operators *o, const struct json *v, struct test *ret)
{
    return affix(o, v, TEST_SUFFIX, "suffix", ret);
}

static int op_exists(const struct operators *o, const struct json *v, struct test *ret)
{
    if (v->type != JSON_TRUE && v->type != JSON_FALSE)
        return pattern_refuse(o->no, pattern_token_end(v),
                              "exists match pattern must be either true or false.");
    *ret = (struct test){ .kind = TEST_EXISTS, .literal = v->type };
    return only_key(o, v, WHY_ONE_KEY);
}

/* ---- addresses ---- */

/* A whole number as Java's Integer.parseInt takes it. */
static bool mask_bits(struct str s, int64_t *ret)
{
    if (s.n > 0 && s.p[0] == '+')
        s = str_sub(s, 1, s.n);
    if (s.n > 1 && s.p[0] == '-') {
        bool ok = s.p[1] != '-' && str_to_i64(s, ret) == 0;

        return ok && *ret >= INT32_MIN;
    }
    return s.n > 0 && s.p[0] != '-' && str_to_i64(s, ret) == 0 && *ret <= INT32_MAX;
}

static int cidr(const struct operators *o, struct str text, struct test *ret)
{
    struct str rest, ip, mask;
    int64_t bits;
    int r;

    while (text.n > 0 && text.p[text.n - 1] == '/')
        text.n--;
    rest = text;
    str_cut(&rest, '/', &ip);
    mask = rest;
    if (str_absent(mask) || str_find(mask, '/') >= 0)
        return pattern_refuse(o->no, NULL, "Malformed CIDR, one '/' required");
    if (!mask_bits(mask, &bits))
        return pattern_refuse(o->no, NULL, "Malformed CIDR, mask bits must be an integer");
    if (bits < 0)
        return pattern_refuse(o->no, NULL, "Malformed CIDR, mask bits must not be negative");
    r = pattern_address(ip, &ret->net);
    if (r != 0)
        return pattern_refuse(o->no, NULL, "%s IP address: " STR_FMT,
                              r == -E_LIMIT ? "Invalid" : "Nonstandard", STR_ARG(ip));
    if (bits > (ret->net.bytes == 4 ? 31 : 127))
        return pattern_refuse(o->no, NULL, "%s",
                              ret->net.bytes == 4 ? "IPv4 mask bits must be < 32"
                                                  : "IPv6 mask bits must be < 128");
    ret->net.bits = (uint8_t)bits;
    return 0;
}

static int op_cidr(const struct operators *o, const struct json *v, struct test *ret)
{
    int r;

    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v), "prefix match pattern must be a string");
    *ret = (struct test){ .kind = TEST_NET };
    r = cidr(o, text_of(o, v), ret);
    return r != 0 ? r : only_key(o, v, WHY_ONE_KEY);
}

/* ---- numbers ---- */

static int comparable(const struct operators *o, const struct json *v, const char *at, double *ret)
{
    struct pattern_number n = pattern_number(v->raw);

    if (!n.comparable)
        return pattern_refuse(o->no, at, "Cannot compare number : " STR_FMT, STR_ARG(v->raw));
    *ret = n.value;
    return 0;
}

static bool is_number(const struct json *v) { return v != NULL && v->type == JSON_NUMBER; }

/* The second half of [">", low, "<", high]; v stands at "<". */
static int upper_bound(const struct operators *o, const struct json *array, const struct json *v,
                       const struct json **ret_high, struct test *ret)
{
    struct str name;
    const struct json *high = v->next;

    if (v->type != JSON_STRING)
        return pattern_refuse(o->no, pattern_token_end(v), "Bad value in numeric range: " STR_FMT,
                              STR_ARG(token_text(o, v)));
    name = json_text(o->scratch, v);
    if (!str_is(name, "<") && !str_is(name, "<="))
        return pattern_refuse(o->no, pattern_value_end(v), "Bad numeric range operator: " STR_FMT,
                              STR_ARG(name));
    if (!is_number(high))
        return pattern_refuse(o->no, next_token_end(high, array), "Value of " STR_FMT " must be numeric",
                              STR_ARG(name));
    if (high->next != NULL)
        return pattern_refuse(o->no, pattern_token_end(high->next),
                              "Too many terms in numeric range expression");
    ret->open_high = name.n == 1;
    *ret_high = high;
    return 0;
}

static int range(const struct operators *o, const struct json *array, struct str name,
                 const struct json *first, struct test *ret)
{
    const char *end = pattern_value_end(array);
    bool below = name.p[0] == '<';
    const struct json *low = below ? NULL : first, *high = below ? first : NULL;
    int r = 0;

    *ret = (struct test){ .kind = TEST_RANGE, .low = -__DBL_MAX__, .high = __DBL_MAX__ };
    *(below ? &ret->open_high : &ret->open_low) = name.n == 1;
    if (first->next != NULL)
        r = below ? pattern_refuse(o->no, pattern_token_end(first->next), WHY_ELEMENTS)
                  : upper_bound(o, array, first->next, &high, ret);
    if (r == 0 && low != NULL)
        r = comparable(o, low, end, &ret->low);
    if (r == 0 && high != NULL)
        r = comparable(o, high, end, &ret->high);
    if (r == 0 && ret->low >= ret->high)
        r = pattern_refuse(o->no, end, "Bottom must be less than top");
    return r;
}

static int numeric_equals(const struct operators *o, const struct json *array, const struct json *v,
                          struct test *ret)
{
    double value;
    int r;

    if (v->next != NULL)
        return pattern_refuse(o->no, pattern_token_end(v->next), WHY_ELEMENTS);
    r = comparable(o, v, pattern_value_end(array), &value);
    *ret = (struct test){ .kind = TEST_NUMBER,
                          .text = arena_str(o->mem, v->raw),
                          .number = pattern_number(v->raw) };
    return r;
}

static int op_numeric(const struct operators *o, const struct json *array, struct test *ret)
{
    const struct json *op = array->first, *v;
    struct str name;
    bool equals;
    int r;

    if (array->type != JSON_ARRAY)
        return pattern_refuse(o->no, pattern_token_end(array), "Value of numeric must be an array.");
    if (op == NULL || op->type != JSON_STRING)
        return pattern_refuse(o->no, next_token_end(op, array), "Invalid member in numeric match: " STR_FMT,
                              STR_ARG(token_text(o, op)));
    name = json_text(o->scratch, op);
    v = op->next;
    equals = str_is(name, "=");
    if (!equals && !str_is(name, "<") && !str_is(name, "<=") && !str_is(name, ">") && !str_is(name, ">="))
        return pattern_refuse(o->no, next_token_end(v, array),
                              "Unrecognized numeric range operator: " STR_FMT, STR_ARG(name));
    if (!is_number(v))
        return pattern_refuse(o->no, next_token_end(v, array), "Value of " STR_FMT " must be numeric",
                              STR_ARG(equals ? STR("equals") : name));
    r = equals ? numeric_equals(o, array, v, ret) : range(o, array, name, v, ret);
    return r != 0 ? r : only_key(o, array, WHY_ELEMENTS);
}

/* ---- anything-but ---- */

/* What stands inside: plain values, or values under one of these. */
static const struct but_kind {
    const char *name;
    enum test_kind kind;
    bool nocase;
    const char *no_string;
} but_kinds[] = {
    { "equals-ignore-case", TEST_TEXT, true,
      "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported." },
    { "prefix", TEST_PREFIX, false, "prefix/suffix match pattern must be a string" },
    { "suffix", TEST_SUFFIX, false, "prefix/suffix match pattern must be a string" },
    { "wildcard", TEST_WILDCARD, false, "wildcard match pattern must be a string" },
};

/* Inside a list the compiler catches its own sentence and says it once more: both places are named. */
static int refuse_item(const struct operators *o, bool list, const char *at, const char *why)
{
    struct pattern_refusal inner = *o->no;

    if (!list)
        return pattern_refuse(o->no, at, "%s", why);
    (void)pattern_refuse(&inner, at, "%s", why);
    return pattern_refuse(o->no, at, "%s", "");
}

static int but_plain(const struct operators *o, const struct json *v, bool list, struct test *ret)
{
    struct pattern_number n;

    if (v->type == JSON_STRING) {
        *ret = (struct test){ .kind = TEST_TEXT, .text = text_of(o, v) };
        return 0;
    }
    if (v->type != JSON_NUMBER)
        return refuse_item(o, list, pattern_token_end(v),
                           "Inside anything but list, start|null|boolean is not supported.");
    n = pattern_number(v->raw);
    *ret = (struct test){ .kind = TEST_NUMBER, .text = arena_str(o->mem, v->raw), .number = n };
    return n.comparable ? 0
                        : pattern_refuse(o->no, list ? pattern_value_end(v) : NULL,
                                         "Cannot compare number : " STR_FMT, STR_ARG(v->raw));
}

/* end: where a wildcard's mistake is named. */
static int but_under(const struct operators *o, const struct but_kind *k, const struct json *v, bool list,
                     const char *end, struct test *ret)
{
    struct str text;

    if (v->type != JSON_STRING)
        return refuse_item(o, list, pattern_token_end(v), k->no_string);
    text = text_of(o, v);
    if ((k->kind == TEST_PREFIX || k->kind == TEST_SUFFIX) && text.n == 0)
        return refuse_item(o, list, pattern_value_end(v), "Null prefix/suffix not allowed");
    if (k->kind == TEST_WILDCARD)
        return wildcard(o, text, end, ret);
    *ret = (struct test){ .kind = k->kind, .nocase = k->nocase, .text = k->nocase ? folded(o, text) : text };
    return 0;
}

static int but_items(const struct operators *o, const struct but_kind *k, const struct json *v,
                     struct test *ret)
{
    bool list = v->type == JSON_ARRAY;
    size_t numbers = 0;
    int r = 0;

    *ret = (struct test){ .kind = TEST_BUT,
                          .inner = arena_calloc(o->mem, list ? v->n + 1 : 1, sizeof(*ret->inner)) };
    for (const struct json *i = list ? v->first : v; i != NULL && r == 0; i = list ? i->next : NULL) {
        struct test *t = &ret->inner[ret->n++];

        r = k == NULL ? but_plain(o, i, list, t) : but_under(o, k, i, list, pattern_value_end(v), t);
        numbers += t->kind == TEST_NUMBER;
    }
    if (r == 0 && k == NULL && list && (v->n == 0 || (numbers > 0 && numbers < v->n)))
        r = pattern_refuse(
            o->no, pattern_value_end(v),
            "Inside anything but list, either all values are number or string, mixed type is not supported");
    return r;
}

static int op_anything_but(const struct operators *o, const struct json *v, struct test *ret)
{
    const struct but_kind *k = NULL;
    const struct json *inner = v;
    int r;

    if (v->type == JSON_OBJECT) {
        struct str name;

        inner = v->first;
        if (inner == NULL)
            return pattern_refuse(o->no, pattern_value_end(v), "Anything-But expression name not found");
        name = json_key(o->scratch, inner);
        for (size_t i = 0; i < ARRAY_LEN(but_kinds); i++)
            if (str_is(name, but_kinds[i].name))
                k = &but_kinds[i];
        if (k == NULL)
            return pattern_refuse(o->no, pattern_token_end(inner),
                                  "Unsupported anything-but pattern: " STR_FMT, STR_ARG(name));
    }
    if (inner->type != JSON_ARRAY && inner->type != JSON_STRING && inner->type != JSON_NUMBER)
        return pattern_refuse(o->no, pattern_token_end(inner),
                              "Value of anything-but must be an array or single string/number value.");
    r = but_items(o, k, inner, ret);
    if (r == 0 && k != NULL)
        r = only_key(o, inner, WHY_ELEMENTS);
    return r != 0 ? r : only_key(o, v, WHY_ELEMENTS);
}

/* ---- a key's array ---- */

static const struct {
    const char *name;
    int (*read)(const struct operators *o, const struct json *v, struct test *ret);
} operators[] = {
    { "exactly", op_exactly },
    { "prefix", op_prefix },
    { "suffix", op_suffix },
    { "numeric", op_numeric },
    { "anything-but", op_anything_but },
    { "exists", op_exists },
    { "cidr", op_cidr },
    { "equals-ignore-case", op_nocase },
    { "wildcard", op_wildcard },
};

static int expression(const struct operators *o, const struct json *v, struct test *ret)
{
    struct str name;

    if (v->first == NULL)
        return pattern_refuse(o->no, pattern_value_end(v), "Match expression name not found");
    name = json_key(o->scratch, v->first);
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (str_is(name, operators[i].name))
            return operators[i].read(o, v->first, ret);
    return pattern_refuse(o->no, pattern_token_end(v->first), "Unrecognized match type " STR_FMT,
                          STR_ARG(name));
}

/* A text that is an address matches every spelling of that address. */
static void plain_text(const struct operators *o, const struct json *v, struct test *ret)
{
    *ret = (struct test){ .kind = TEST_TEXT, .text = text_of(o, v) };
    if (pattern_address(ret->text, &ret->net) == 0)
        ret->kind = TEST_NET;
}

static int value(const struct operators *o, const struct json *v, struct test *ret)
{
    switch (v->type) {
    case JSON_OBJECT: return expression(o, v, ret);
    case JSON_STRING: plain_text(o, v, ret); return 0;
    case JSON_NUMBER:
        *ret = (struct test){ .kind = TEST_NUMBER,
                              .text = arena_str(o->mem, v->raw),
                              .number = pattern_number(v->raw) };
        return 0;
    case JSON_ARRAY:
        return pattern_refuse(o->no, pattern_token_end(v),
                              "Match value must be String, number, true, false, or null");
    default: *ret = (struct test){ .kind = TEST_LITERAL, .literal = v->type }; return 0;
    }
}

int pattern_tests(struct arena *mem, struct arena *scratch, const struct json *array, struct field *ret,
                  struct pattern_refusal *no)
{
    struct operators o = { mem, scratch, no };

    if (array->n == 0)
        return pattern_refuse(no, pattern_value_end(array), "Empty arrays are not allowed");
    ret->tests = arena_calloc(mem, array->n, sizeof(*ret->tests));
    JSON_EACH(array, v) {
        struct test *t = &ret->tests[ret->n];
        int r = value(&o, v, t);

        if (r != 0)
            return r;
        /* Absence is no test of a value. */
        if (t->kind == TEST_EXISTS && t->literal == JSON_FALSE)
            ret->may_be_absent = true;
        else
            ret->n++;
    }
    return 0;
}
