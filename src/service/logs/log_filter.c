/* log_filter.c - words, phrases, exclusions and alternatives; JSON conditions go to log_filter_json.c.
 * True here: terms borrow from the pattern unless an escape had to be taken out. */
#include "service/logs/log_filter.h"

#include "service/logs/log_filter_json.h"

enum term_kind { TERM_NEEDED, TERM_ANY, TERM_NOT };
struct term {
    enum term_kind kind;
    struct str text;
};

struct log_filter {
    struct log_condition *json; /* NULL: terms */
    struct term v[FILTER_MOST_TERMS];
    size_t n;
    bool has_needed, has_any;
};

static int refuse(struct str *ret_why, struct str why)
{
    *ret_why = why;
    return -E_INVALID;
}

/* s begins behind the opening quote; cuts it behind the closing one. */
static int phrase(struct arena *a, struct str *s, struct str *ret, struct str *ret_why)
{
    char *out = arena_alloc(a, s->n + 1);
    size_t n = 0, i = 0;

    for (; i < s->n && s->p[i] != '"'; i++) {
        if (s->p[i] == '\\' && i + 1 < s->n)
            i++;
        out[n++] = s->p[i];
    }
    if (i == s->n)
        return refuse(ret_why, STR("Invalid filter pattern: a quoted phrase does not end"));
    *ret = str_make(out, n);
    *s = str_sub(*s, i + 1, s->n);
    return 0;
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static int word(struct arena *a, struct str *s, struct str *ret, struct str *ret_why)
{
    size_t n = 0;

    while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
        n++;
    *ret = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->n);
    for (size_t i = 0; i < n; i++)
        if (!word_char(ret->p[i]))
            return refuse(ret_why,
                          arena_printf(a, "Invalid character(s) in term '" STR_FMT "'", STR_ARG(*ret)));
    return n > 0 ? 0 : refuse(ret_why, STR("Invalid filter pattern: a term is missing"));
}

static int term(struct arena *a, struct str *s, struct term *ret, struct str *ret_why)
{
    int r;

    ret->kind = s->p[0] == '?' ? TERM_ANY : s->p[0] == '-' ? TERM_NOT : TERM_NEEDED;
    if (ret->kind != TERM_NEEDED)
        *s = str_sub(*s, 1, s->n);
    if (s->n > 0 && s->p[0] == '%')
        return refuse(ret_why, STR("Regular expressions (%...%) in filter patterns are not supported"));
    if (s->n > 0 && s->p[0] == '"') {
        *s = str_sub(*s, 1, s->n);
        r = phrase(a, s, &ret->text, ret_why);
    } else {
        r = word(a, s, &ret->text, ret_why);
    }
    return r;
}

static int terms(struct arena *a, struct str s, struct log_filter *f, struct str *ret_why)
{
    int r;

    for (s = str_trim(s); s.n > 0; s = str_trim(s)) {
        if (f->n == FILTER_MOST_TERMS)
            return refuse(ret_why, STR("Invalid filter pattern: more than 64 terms"));
        r = term(a, &s, &f->v[f->n], ret_why);
        if (r < 0)
            return r;
        f->has_needed |= f->v[f->n].kind == TERM_NEEDED;
        f->has_any |= f->v[f->n].kind == TERM_ANY;
        f->n++;
    }
    return 0;
}

int log_filter_parse(struct arena *a, struct str pattern, struct log_filter **ret, struct str *ret_why)
{
    struct log_filter *f;
    struct str s = str_trim(pattern);
    int r;

    *ret = NULL;
    if (s.n == 0)
        return 0;
    if (s.p[0] == '[')
        return refuse(ret_why, STR("Space-delimited filter patterns ([w1, w2, ...]) are not supported"));
    f = ARENA_NEW(a, struct log_filter);
    r = s.p[0] == '{' ? log_condition_parse(a, s, &f->json, ret_why) : terms(a, s, f, ret_why);
    if (r == 0)
        *ret = f;
    return r;
}

/* UNVERIFIED: a word is looked for anywhere in the message, also inside a longer word.  The user guide's
 * examples do not tell it from a search for whole words. */
static bool occurs(struct str message, struct str text)
{
    return text.n == 0 || memmem(message.p, message.n, text.p, text.n) != NULL;
}

#define JSON_COST 4 /* to read a message once, in searches for a word */

size_t log_filter_cost(const struct log_filter *f)
{
    if (f == NULL)
        return 0;
    return f->json != NULL ? JSON_COST + log_condition_tests(f->json) : f->n;
}

bool log_filter_passes(const struct log_filter *f, struct arena *scratch, struct str message)
{
    bool any = false;

    if (f == NULL)
        return true;
    if (f->json != NULL)
        return log_condition_holds(f->json, scratch, message);
    for (size_t i = 0; i < f->n; i++) {
        bool here = occurs(message, f->v[i].text);

        if (f->v[i].kind == TERM_NEEDED ? !here : f->v[i].kind == TERM_NOT && here)
            return false;
        any |= here && f->v[i].kind == TERM_ANY;
    }
    return any || f->has_needed || !f->has_any;
}
