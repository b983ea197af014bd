/* expression.c - a recursive descent over the expression that computes as it goes.
 * True here: every function that fails has put one sentence into `why`; depth is bounded, and so is the sum
 * of points. */
#include "service/cloudwatch/expression.h"

#include <ctype.h>
#include <math.h>

#define ARGS_MOST 500

struct reader {
    struct arena *a;
    struct expression_names *names;
    struct buf *why;
    struct str rest;
    int depth;
};

static int expression(struct reader *m, struct expression_value *ret);

static int wrong(struct reader *m, const char *fmt, ...) PRINTF(2, 3);
static int wrong(struct reader *m, const char *fmt, ...)
{
    va_list ap;

    if (m->why->n > 0)
        return -E_INVALID;
    va_start(ap, fmt);
    buf_vprintf(m->why, fmt, ap);
    va_end(ap);
    return -E_INVALID;
}

/* ---- reading ---- */

static void blanks(struct reader *m)
{
    while (m->rest.n > 0 && (m->rest.p[0] == ' ' || m->rest.p[0] == '\t' || m->rest.p[0] == '\n'))
        m->rest = str_sub(m->rest, 1, m->rest.n);
}

static char peek(struct reader *m)
{
    blanks(m);
    return m->rest.n > 0 ? m->rest.p[0] : '\0';
}

static bool take(struct reader *m, char c)
{
    if (peek(m) != c || m->rest.n == 0)
        return false;
    m->rest = str_sub(m->rest, 1, m->rest.n);
    return true;
}

static int expect(struct reader *m, char c)
{
    return take(m, c)
               ? 0
               : wrong(m, "'%c' is missing before \"" STR_FMT "\"", c, STR_ARG(str_sub(m->rest, 0, 20)));
}

static struct str word(struct reader *m)
{
    size_t n = 0;

    while (n < m->rest.n && (isalnum((unsigned char)m->rest.p[n]) || m->rest.p[n] == '_'))
        n++;
    struct str s = str_sub(m->rest, 0, n);
    m->rest = str_sub(m->rest, n, m->rest.n);
    return s;
}

bool expression_is_id(struct str s)
{
    if (s.n == 0 || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
            return false;
    return true;
}

/* ---- values ---- */

static struct expression_value number_value(double v)
{
    return (struct expression_value){ .kind = EXPRESSION_NUMBER, .number = v };
}

static int points_new(struct reader *m, size_t n, struct series_point **ret)
{
    if (n > m->names->points_left)
        return wrong(m, "the expression would compute more than %d data points", EXPRESSION_POINTS_MOST);
    m->names->points_left -= n;
    *ret = arena_calloc(m->a, n, sizeof(**ret));
    return 0;
}

static double apply(char op, double a, double b)
{
    switch (op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return b == 0 ? NAN : a / b;
    default: return pow(a, b);
    }
}

static void put(struct series *s, int64_t ms, double v)
{
    if (isfinite(v))
        s->v[s->n++] = (struct series_point){ ms, v };
}

static int with_number(struct reader *m, char op, const struct series *x, double number, bool number_first,
                       struct series *ret)
{
    *ret = (struct series){ .label = x->label, .period_s = x->period_s };
    if (points_new(m, x->n, &ret->v) < 0)
        return -E_INVALID;
    for (size_t i = 0; i < x->n; i++)
        put(ret, x->v[i].ms, number_first ? apply(op, number, x->v[i].v) : apply(op, x->v[i].v, number));
    return 0;
}

static int with_series(struct reader *m, char op, const struct series *x, const struct series *y,
                       struct series *ret)
{
    size_t k = 0;

    *ret = (struct series){ .label = x->label, .period_s = MAX(x->period_s, y->period_s) };
    if (points_new(m, MIN(x->n, y->n), &ret->v) < 0)
        return -E_INVALID;
    for (size_t i = 0; i < x->n; i++) {
        while (k < y->n && y->v[k].ms < x->v[i].ms)
            k++;
        if (k < y->n && y->v[k].ms == x->v[i].ms)
            put(ret, x->v[i].ms, apply(op, x->v[i].v, y->v[k].v));
    }
    return 0;
}

/* One operand is a number, or one series, for all of the other; two lists go pair by pair. */
static int operate(struct reader *m, char op, const struct expression_value *a,
                   const struct expression_value *b, struct expression_value *ret)
{
    size_t n = a->kind == EXPRESSION_MANY ? a->n : b->kind == EXPRESSION_MANY ? b->n : 1;

    if (a->kind == EXPRESSION_NUMBER && b->kind == EXPRESSION_NUMBER) {
        *ret = number_value(apply(op, a->number, b->number));
        return 0;
    }
    if (a->kind == EXPRESSION_MANY && b->kind == EXPRESSION_MANY && a->n != b->n)
        return wrong(m, "the two sides of '%c' are lists of %zu and %zu time series", op, a->n, b->n);
    *ret = (struct expression_value){ .kind = a->kind == EXPRESSION_MANY || b->kind == EXPRESSION_MANY
                                                  ? EXPRESSION_MANY
                                                  : EXPRESSION_SERIES,
                                      .n = n };
    ret->v = arena_calloc(m->a, n, sizeof(*ret->v));
    for (size_t i = 0; i < n; i++) {
        const struct series *x = a->kind == EXPRESSION_MANY ? &a->v[i] : a->v,
                            *y = b->kind == EXPRESSION_MANY ? &b->v[i] : b->v;
        int r = a->kind == EXPRESSION_NUMBER   ? with_number(m, op, y, a->number, true, &ret->v[i])
                : b->kind == EXPRESSION_NUMBER ? with_number(m, op, x, b->number, false, &ret->v[i])
                                               : with_series(m, op, x, y, &ret->v[i]);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- functions ---- */

struct fold {
    double sum, low, high;
    size_t n;
};

static void fold_add(struct fold *f, double v)
{
    f->sum += v;
    f->low = f->n > 0 ? MIN(f->low, v) : v;
    f->high = f->n > 0 ? MAX(f->high, v) : v;
    f->n++;
}

static double fold_end(const struct fold *f, struct str name)
{
    if (str_is(name, "SUM"))
        return f->sum;
    if (str_is(name, "AVG"))
        return f->n > 0 ? f->sum / (double)f->n : NAN;
    return f->n == 0 ? NAN : str_is(name, "MIN") ? f->low : f->high;
}

static int64_t earliest(const struct expression_value *x, const size_t *at)
{
    int64_t ms = INT64_MAX;

    for (size_t i = 0; i < x->n; i++)
        if (at[i] < x->v[i].n)
            ms = MIN(ms, x->v[i].v[at[i]].ms);
    return ms;
}

/* Several series time by time; a series without a point at a time has no part in it. */
static int fold_many(struct reader *m, struct str name, const struct expression_value *x,
                     struct expression_value *ret)
{
    size_t *at = arena_calloc(m->a, x->n, sizeof(*at)), total = 0;
    struct series *s = ARENA_NEW(m->a, struct series);

    for (size_t i = 0; i < x->n; i++) {
        total += x->v[i].n;
        s->period_s = MAX(s->period_s, x->v[i].period_s);
    }
    if (points_new(m, total, &s->v) < 0)
        return -E_INVALID;
    for (int64_t ms; (ms = earliest(x, at)) != INT64_MAX;) {
        struct fold f = { 0 };

        for (size_t i = 0; i < x->n; i++)
            if (at[i] < x->v[i].n && x->v[i].v[at[i]].ms == ms)
                fold_add(&f, x->v[i].v[at[i]++].v);
        put(s, ms, fold_end(&f, name));
    }
    *ret = (struct expression_value){ .kind = EXPRESSION_SERIES, .v = s, .n = 1 };
    return 0;
}

static int fold(struct reader *m, struct str name, const struct expression_value *x,
                struct expression_value *ret)
{
    struct fold f = { 0 };

    if (x->kind == EXPRESSION_MANY)
        return fold_many(m, name, x, ret);
    if (x->kind == EXPRESSION_NUMBER)
        return wrong(m, STR_FMT " takes time series, not a number", STR_ARG(name));
    for (size_t i = 0; i < x->v->n; i++)
        fold_add(&f, x->v->v[i].v);
    *ret = number_value(fold_end(&f, name));
    return 0;
}

static double rounded(struct str name, double v)
{
    return str_is(name, "ABS") ? fabs(v) : str_is(name, "CEIL") ? ceil(v) : floor(v);
}

static int each(struct reader *m, struct str name, const struct expression_value *x,
                struct expression_value *ret)
{
    *ret = *x;
    if (x->kind == EXPRESSION_NUMBER) {
        ret->number = rounded(name, x->number);
        return 0;
    }
    ret->v = arena_calloc(m->a, x->n, sizeof(*ret->v));
    for (size_t i = 0; i < x->n; i++) {
        ret->v[i] = (struct series){ .label = x->v[i].label, .period_s = x->v[i].period_s };
        if (points_new(m, x->v[i].n, &ret->v[i].v) < 0)
            return -E_INVALID;
        for (size_t k = 0; k < x->v[i].n; k++)
            put(&ret->v[i], x->v[i].v[k].ms, rounded(name, x->v[i].v[k].v));
    }
    return 0;
}

static int fill_one(struct reader *m, const struct series *x, double with, struct series *ret)
{
    int64_t step = MAX(x->period_s, (int64_t)1) * 1000, from = m->names->start_ms / step * step;
    size_t k = 0;

    *ret = (struct series){ .label = x->label, .period_s = x->period_s };
    if (points_new(m, (size_t)((m->names->end_ms - from) / step + 1) + x->n, &ret->v) < 0)
        return -E_INVALID;
    for (int64_t ms = from; ms < m->names->end_ms; ms += step) {
        while (k < x->n && x->v[k].ms < ms)
            put(ret, x->v[k].ms, x->v[k].v), k++;
        if (k < x->n && x->v[k].ms == ms)
            put(ret, ms, x->v[k].v), k++;
        else
            put(ret, ms, with);
    }
    return 0;
}

static int fill(struct reader *m, const struct expression_value *x, const struct expression_value *with,
                struct expression_value *ret)
{
    if (x->kind == EXPRESSION_NUMBER || with->kind != EXPRESSION_NUMBER)
        return wrong(m, "FILL takes time series and a number");
    *ret = *x;
    ret->v = arena_calloc(m->a, x->n, sizeof(*ret->v));
    for (size_t i = 0; i < x->n; i++)
        if (fill_one(m, &x->v[i], with->number, &ret->v[i]) < 0)
            return -E_INVALID;
    return 0;
}

static int period(struct reader *m, const struct expression_value *x, struct expression_value *ret)
{
    if (x->kind != EXPRESSION_SERIES)
        return wrong(m, "PERIOD takes one time series");
    *ret = number_value((double)x->v->period_s);
    return 0;
}

/* ---- names ---- */

static int id_value(struct reader *m, struct str id, struct expression_value *ret)
{
    int r = m->names->value(m->names->arg, id, ret, m->why);

    if (r == -E_NOT_FOUND)
        return wrong(m, "the metric or expression id \"" STR_FMT "\" is not defined", STR_ARG(id));
    return r < 0 ? -E_INVALID : 0;
}

static int append(struct reader *m, struct expression_value *list, const struct expression_value *x)
{
    if (x->kind == EXPRESSION_NUMBER)
        return wrong(m, "a list holds time series, not numbers");
    if (list->n + x->n > ARGS_MOST)
        return wrong(m, "a list holds at most %d time series", ARGS_MOST);
    for (size_t i = 0; i < x->n; i++)
        list->v[list->n++] = x->v[i];
    return 0;
}

static struct expression_value list_new(struct reader *m)
{
    return (struct expression_value){ .kind = EXPRESSION_MANY,
                                      .v = arena_calloc(m->a, ARGS_MOST, sizeof(struct series)) };
}

/* The opening parenthesis is taken. */
static int all_metrics(struct reader *m, struct expression_value *ret)
{
    struct str part = STR(""), id;

    if (take(m, '"') || take(m, '\'')) {
        char quote = m->rest.p[-1];

        if (str_find(m->rest, quote) < 0)
            return wrong(m, "a quotation mark is not closed");
        str_cut(&m->rest, quote, &part);
    }
    if (expect(m, ')') < 0)
        return -E_INVALID;
    *ret = list_new(m);
    for (size_t i = 0; id = m->names->metric(m->names->arg, i), !str_absent(id); i++) {
        struct expression_value x;

        if (part.n > 0 && str_find_str(id, part) < 0)
            continue;
        if (id_value(m, id, &x) < 0 || append(m, ret, &x) < 0)
            return -E_INVALID;
    }
    return 0;
}

static int call_function(struct reader *m, struct str name, struct expression_value *ret)
{
    static const char *const folds[] = { "SUM", "AVG", "MIN", "MAX" }, *const each_of[] = { "ABS", "CEIL",
                                                                                            "FLOOR" };
    struct expression_value x, with;
    bool is_fill = str_is(name, "FILL"), is_fold = false, is_each = false;

    if (str_is(name, "METRICS"))
        return all_metrics(m, ret);
    for (size_t i = 0; i < ARRAY_LEN(folds); i++)
        is_fold = is_fold || str_is(name, folds[i]);
    for (size_t i = 0; i < ARRAY_LEN(each_of); i++)
        is_each = is_each || str_is(name, each_of[i]);
    if (!is_fold && !is_each && !is_fill && !str_is(name, "PERIOD"))
        return wrong(m, "the function " STR_FMT " is not supported", STR_ARG(name));
    if (expression(m, &x) < 0 || (is_fill && (expect(m, ',') < 0 || expression(m, &with) < 0)) ||
        expect(m, ')') < 0)
        return -E_INVALID;
    return is_fold   ? fold(m, name, &x, ret)
           : is_each ? each(m, name, &x, ret)
           : is_fill ? fill(m, &x, &with, ret)
                     : period(m, &x, ret);
}

/* ---- grammar ---- */

static int list_literal(struct reader *m, struct expression_value *ret)
{
    struct expression_value x;

    *ret = list_new(m);
    do {
        if (expression(m, &x) < 0 || append(m, ret, &x) < 0)
            return -E_INVALID;
    } while (take(m, ','));
    return expect(m, ']');
}

static int number(struct reader *m, struct expression_value *ret)
{
    size_t n = 0;
    double v;

    while (n < m->rest.n && (isdigit((unsigned char)m->rest.p[n]) || m->rest.p[n] == '.'))
        n++;
    if (str_to_f64(str_sub(m->rest, 0, n), &v) < 0)
        return wrong(m, "\"" STR_FMT "\" is not a number", STR_ARG(str_sub(m->rest, 0, n)));
    m->rest = str_sub(m->rest, n, m->rest.n);
    *ret = number_value(v);
    return 0;
}

static int primary(struct reader *m, struct expression_value *ret)
{
    char c = peek(m);
    struct str name;

    if (take(m, '('))
        return expression(m, ret) < 0 ? -E_INVALID : expect(m, ')');
    if (take(m, '['))
        return list_literal(m, ret);
    if (isdigit((unsigned char)c) || c == '.')
        return number(m, ret);
    name = word(m);
    if (name.n == 0)
        return wrong(m, m->rest.n == 0 ? "it ends too early%s" : "unexpected \"%s\"",
                     m->rest.n == 0 ? "" : arena_z(m->a, str_sub(m->rest, 0, 20)));
    if (take(m, '('))
        return call_function(m, name, ret);
    return id_value(m, name, ret);
}

static int sign(struct reader *m, struct expression_value *ret)
{
    const struct expression_value minus = number_value(-1);
    struct expression_value x;

    if (!take(m, '-'))
        return primary(m, ret);
    return primary(m, &x) < 0 ? -E_INVALID : operate(m, '*', &minus, &x, ret);
}

static int power(struct reader *m, struct expression_value *ret)
{
    struct expression_value x, y;

    if (sign(m, &x) < 0)
        return -E_INVALID;
    *ret = x;
    if (!take(m, '^'))
        return 0;
    if (++m->depth > EXPRESSION_DEPTH_MOST)
        return wrong(m, "it is nested too deeply");
    if (power(m, &y) < 0)
        return -E_INVALID;
    m->depth--;
    return operate(m, '^', &x, &y, ret);
}

static int chain(struct reader *m, const char ops[3],
                 int (*next)(struct reader *m, struct expression_value *ret), struct expression_value *ret)
{
    struct expression_value x, y;

    if (next(m, ret) < 0)
        return -E_INVALID;
    for (char c; c = peek(m), c != '\0' && (c == ops[0] || c == ops[1]);) {
        take(m, c);
        x = *ret;
        if (next(m, &y) < 0 || operate(m, c, &x, &y, ret) < 0)
            return -E_INVALID;
    }
    return 0;
}

static int term(struct reader *m, struct expression_value *ret) { return chain(m, "*/", power, ret); }

static int expression(struct reader *m, struct expression_value *ret)
{
    int r;

    if (++m->depth > EXPRESSION_DEPTH_MOST)
        return wrong(m, "it is nested too deeply");
    r = chain(m, "+-", term, ret);
    m->depth--;
    return r;
}

int expression_eval(struct arena *a, struct str text, struct expression_names *names,
                    struct expression_value *ret, struct buf *why)
{
    struct reader m = { .a = a, .names = names, .why = why, .rest = text };

    *ret = (struct expression_value){ 0 };
    if (expression(&m, ret) < 0)
        return -E_INVALID;
    if (peek(&m) != '\0' || m.rest.n > 0)
        return wrong(&m, "unexpected \"" STR_FMT "\"", STR_ARG(str_sub(m.rest, 0, 20)));
    return 0;
}
