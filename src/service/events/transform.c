/* transform.c - paths into an event, and templates filled from it.
 *
 * True here: a template is cut into pieces when it is compiled, so rendering looks at no template text again;
 * whether a placeholder stands inside quotes is a fact of the template alone.  A value is found once however
 * often it is used. */
#include "service/events/transform.h"

#include <ctype.h>
#include <stdlib.h>
#include "base/clock.h"

/* ---- paths ---- */

enum hop_kind { HOP_KEY, HOP_INDEX, HOP_ALL };
struct hop {
    enum hop_kind kind;
    struct str key;
    uint32_t index;
};
struct input_path {
    struct str text;  /* owned */
    struct hop *hops; /* keys point into text */
    uint32_t n;
    bool many; /* a star stands in it */
};

static int refuse_path(struct buf *why, struct str text)
{
    buf_printf(why, "Invalid JSONPath: " STR_FMT, STR_ARG(text));
    return -E_INVALID;
}

static size_t plain_run(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != '.' && s.p[n] != '[' && s.p[n] != ']' && (unsigned char)s.p[n] > ' ')
        n++;
    return n;
}

/* Behind '[': what it says; returns the bytes up to and with ']', 0 when malformed. */
static size_t bracket(struct str s, struct hop *ret)
{
    if (s.n > 0 && (s.p[0] == '\'' || s.p[0] == '"')) {
        ptrdiff_t end = str_find(str_sub(s, 1, s.n), s.p[0]);

        if (end < 0 || (size_t)end + 2 >= s.n || s.p[end + 2] != ']')
            return 0;
        *ret = (struct hop){ .kind = HOP_KEY, .key = str_sub(s, 1, (size_t)end + 1) };
        return (size_t)end + 3;
    }
    if (str_starts(s, STR("*]"))) {
        *ret = (struct hop){ .kind = HOP_ALL };
        return 2;
    }
    *ret = (struct hop){ .kind = HOP_INDEX };
    for (size_t i = 0; i < s.n && i < 9; i++) {
        if (s.p[i] == ']')
            return i > 0 ? i + 1 : 0;
        if (!isdigit((unsigned char)s.p[i]))
            return 0;
        ret->index = ret->index * 10 + (uint32_t)(s.p[i] - '0');
    }
    return 0;
}

static size_t hop_read(struct str s, struct hop *ret)
{
    struct str rest = str_sub(s, 1, s.n);
    size_t n;

    if (s.p[0] == '[') {
        n = bracket(rest, ret);
        return n > 0 ? n + 1 : 0;
    }
    n = s.p[0] == '.' ? plain_run(rest) : 0;
    *ret = (struct hop){ .kind = n == 1 && rest.p[0] == '*' ? HOP_ALL : HOP_KEY, .key = str_sub(rest, 0, n) };
    return n > 0 ? n + 1 : 0;
}

int input_path_compile(struct str text, struct input_path **ret, struct buf *why)
{
    struct input_path *p;
    size_t n;

    if (!str_starts(text, STR("$")))
        return refuse_path(why, text);
    p = xcalloc(1, sizeof(*p));
    p->text = str_own(text);
    p->hops = xcalloc(text.n, sizeof(*p->hops));
    for (size_t at = 1; at < text.n; at += n) {
        n = hop_read(str_sub(p->text, at, p->text.n), &p->hops[p->n]);
        if (n == 0) {
            input_path_free(p);
            return refuse_path(why, text);
        }
        p->many |= p->hops[p->n++].kind == HOP_ALL;
    }
    *ret = p;
    return 0;
}

struct input_path *input_path_free(struct input_path *p)
{
    if (p != NULL) {
        free((char *)p->text.p);
        free(p->hops);
        free(p);
    }
    return NULL;
}

static const struct json *member(const struct json *v, struct str key)
{
    return v->type == JSON_OBJECT ? json_get(v, key) : NULL;
}

/* Visits what the hops lead to. */
static void path_walk(const struct input_path *p, uint32_t hop, const struct json *v,
                      void (*each)(void *arg, const struct json *v), void *arg)
{
    for (; v != NULL && hop < p->n; hop++) {
        const struct hop *h = &p->hops[hop];

        if (h->kind == HOP_ALL) {
            if (v->type == JSON_ARRAY || v->type == JSON_OBJECT)
                JSON_EACH(v, e)
                    path_walk(p, hop + 1, e, each, arg);
            return;
        }
        v = h->kind == HOP_KEY ? member(v, h->key) : v->type == JSON_ARRAY ? json_at(v, h->index) : NULL;
    }
    if (v != NULL)
        each(arg, v);
}

static void write_value(struct buf *b, const struct json *v)
{
    if (v->type == JSON_STRING) {
        buf_char(b, '"');
        buf_str(b, v->raw);
        buf_char(b, '"');
        return;
    }
    json_compact(b, v->raw);
}

static void keep_one(void *arg, const struct json *v) { *(const struct json **)arg = v; }
static void add_to_list(void *arg, const struct json *v)
{
    struct buf *b = arg;

    if (b->n > 1)
        buf_char(b, ',');
    write_value(b, v);
}

/* Compact JSON of what the path finds; false: nothing.  *ret_one: the value itself unless a star made a list.
 */
static bool path_find(const struct input_path *p, const struct json *event, struct buf *out,
                      const struct json **ret_one)
{
    *ret_one = NULL;
    if (p->many) {
        CLEANUP(buf_done) struct buf list = { 0 };

        buf_char(&list, '[');
        path_walk(p, 0, event, add_to_list, &list);
        buf_str(out, buf_view(&list));
        buf_char(out, ']');
        return true;
    }
    path_walk(p, 0, event, keep_one, ret_one);
    if (*ret_one != NULL)
        write_value(out, *ret_one);
    return *ret_one != NULL;
}

void input_path_render(const struct input_path *p, const struct json *event, struct buf *out)
{
    const struct json *one;

    if (!path_find(p, event, out, &one))
        buf_z(out, "{}");
}

/* ---- templates ---- */

enum known { KNOWN_RULE_ARN, KNOWN_RULE_NAME, KNOWN_INGESTION_TIME, KNOWN_EVENT, KNOWN_EVENT_JSON, KNOWN };
static const char *const known_names[KNOWN] = {
    "aws.events.rule-arn", "aws.events.rule-name",  "aws.events.event.ingestion-time",
    "aws.events.event",    "aws.events.event.json",
};

/* Literal text, or a value: variable below n_paths, reserved names behind them. */
struct piece {
    struct str text; /* absent: a value */
    uint32_t value;
    bool quoted; /* inside quotes */
    bool alone;  /* all there is between two quotes */
};
struct transform {
    struct str template;  /* owned */
    struct piece *pieces; /* texts point into template */
    uint32_t n, n_paths;
    bool object;                            /* the template is written as a JSON object */
    struct str names[TRANSFORM_PATHS_MOST]; /* owned */
    struct input_path *paths[TRANSFORM_PATHS_MOST];
};

/* "<name>" at s: the name, else absent. */
static struct str placeholder(struct str s)
{
    size_t n = 1;

    while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '-' || s.p[n] == '_' || s.p[n] == '.'))
        n++;
    return n > 1 && n < s.n && s.p[n] == '>' ? str_sub(s, 1, n) : STR_NONE;
}

static bool find_name(const struct transform *t, struct str name, uint32_t *ret)
{
    for (uint32_t i = 0; i < KNOWN; i++)
        if (str_is(name, known_names[i])) {
            *ret = t->n_paths + i;
            return true;
        }
    for (uint32_t i = 0; i < t->n_paths; i++)
        if (str_eq(name, t->names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static void add_piece(struct transform *t, struct piece p)
{
    if (str_absent(p.text) || p.text.n > 0)
        t->pieces[t->n++] = p;
}

static int cut_template(struct transform *t, struct str target_id, struct buf *why)
{
    struct str s = t->template, name;
    bool quoted = false;
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (quoted && s.p[i] == '\\') {
            i++;
            continue;
        }
        quoted ^= s.p[i] == '"';
        name = s.p[i] == '<' ? placeholder(str_sub(s, i, s.n)) : STR_NONE;
        if (!str_absent(name)) {
            struct piece p = { .quoted = quoted };
            size_t end = i + name.n + 2;

            if (!find_name(t, name, &p.value)) {
                buf_printf(why,
                           "InputTemplate for target " STR_FMT " contains invalid placeholder " STR_FMT ".",
                           STR_ARG(target_id), STR_ARG(name));
                return -E_INVALID;
            }
            p.alone = quoted && i > 0 && s.p[i - 1] == '"' && end < s.n && s.p[end] == '"';
            add_piece(t, (struct piece){ .text = str_sub(s, from, i) });
            add_piece(t, p);
            from = end;
            i = end - 1;
        }
    }
    add_piece(t, (struct piece){ .text = str_sub(s, from, s.n) });
    return 0;
}

static int compile_paths(struct transform *t, struct str target_id, const struct events_InputTransformer *in,
                         struct buf *why)
{
    if (in->InputPathsMap.n > TRANSFORM_PATHS_MOST) {
        buf_printf(why, "InputPathsMap for target " STR_FMT " has more than %d entries.", STR_ARG(target_id),
                   TRANSFORM_PATHS_MOST);
        return -E_INVALID;
    }
    for (size_t i = 0; i < in->InputPathsMap.n; i++) {
        const struct events_TransformerPaths_entry *e = &in->InputPathsMap.v[i];
        int r = input_path_compile(e->value, &t->paths[i], why);

        if (r != 0)
            return r;
        t->names[i] = str_own(e->key);
        t->n_paths++;
    }
    return 0;
}

int transform_compile(struct str target_id, const struct events_InputTransformer *in, struct transform **ret,
                      struct buf *why)
{
    struct transform *t = xcalloc(1, sizeof(*t));
    struct str shown = in->InputTemplate;
    size_t values = 0;
    int r;

    t->template = str_own(in->InputTemplate);
    while (shown.n > 0 && strchr(" \t\r\n", shown.p[0]) != NULL)
        shown = str_sub(shown, 1, shown.n);
    t->object = str_starts(shown, STR("{"));
    for (size_t i = 0; i < t->template.n; i++)
        values += t->template.p[i] == '<';
    t->pieces = xcalloc(values * 2 + 1, sizeof(*t->pieces));
    r = compile_paths(t, target_id, in, why);
    if (r == 0)
        r = cut_template(t, target_id, why);
    if (r == 0)
        *ret = t;
    else
        transform_free(t);
    return r;
}

struct transform *transform_free(struct transform *t)
{
    if (t == NULL)
        return NULL;
    for (uint32_t i = 0; i < t->n_paths; i++) {
        free((char *)t->names[i].p);
        input_path_free(t->paths[i]);
    }
    free((char *)t->template.p);
    free(t->pieces);
    free(t);
    return NULL;
}

/* ---- rendering ---- */

/* Of all values in both forms, while one text is made. */
#define VALUES_BYTES_MOST ((size_t)32 << 20)

/* A value in both of its forms. */
struct shown {
    bool known;
    enum json_type type;
    struct str json, bare;
};

/* Strings are texts without escapes, anything else its JSON without double quotes. */
static struct str bare_of(struct arena *a, struct str json)
{
    char *out = arena_alloc(a, json.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < json.n; i++)
        if (json.p[i] != '"')
            out[n++] = json.p[i];
    return str_make(out, n);
}

static struct shown shown_json(struct arena *a, struct buf *json)
{
    struct shown s = { .known = true, .json = buf_to_arena(json, a) };

    s.type = s.json.p[0] == '[' ? JSON_ARRAY : s.json.p[0] == '{' ? JSON_OBJECT : JSON_NUMBER;
    s.bare = s.type == JSON_NUMBER ? s.json : bare_of(a, s.json);
    return s;
}

static struct shown shown_text(struct arena *a, struct str text)
{
    CLEANUP(buf_done) struct buf quoted = { 0 };

    json_quote(&quoted, text);
    return (struct shown){
        .known = true, .type = JSON_STRING, .json = buf_to_arena(&quoted, a), .bare = arena_str(a, text)
    };
}

static struct shown shown_path(struct arena *a, const struct input_path *p, const struct json *event)
{
    CLEANUP(buf_done) struct buf json = { 0 };
    const struct json *one;

    if (!path_find(p, event, &json, &one))
        return (struct shown){ .known = true, .type = JSON_STRING, .json = STR("\"\""), .bare = STR("") };
    if (one != NULL && one->type == JSON_STRING)
        return (struct shown){
            .known = true, .type = JSON_STRING, .json = buf_to_arena(&json, a), .bare = json_text(a, one)
        };
    return shown_json(a, &json);
}

/* The envelope without detail. */
static void write_envelope(struct buf *b, const struct json *event)
{
    bool first = true;

    buf_char(b, '{');
    for (const struct json *m = event->type == JSON_OBJECT ? event->first : NULL; m != NULL; m = m->next) {
        if (str_is(m->key, "detail"))
            continue;
        buf_printf(b, "%s\"" STR_FMT "\":", first ? "" : ",",
                   STR_ARG(str_is(m->key, "detail-type") ? STR("detailType") : m->key));
        write_value(b, m);
        first = false;
    }
    buf_char(b, '}');
}

static struct shown shown_known(struct arena *a, enum known k, const struct json *event,
                                const struct transform_facts *facts)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    switch (k) {
    case KNOWN_RULE_ARN: return shown_text(a, facts->rule_arn);
    case KNOWN_RULE_NAME: return shown_text(a, facts->rule_name);
    case KNOWN_INGESTION_TIME: /* UNVERIFIED: whether AWS shows milliseconds */
        when_iso_s(&b, facts->ingestion_ms);
        return shown_text(a, buf_view(&b));
    case KNOWN_EVENT: write_envelope(&b, event); return shown_json(a, &b);
    default: write_value(&b, event); return shown_json(a, &b);
    }
}

static int fill(const struct transform *t, struct arena *a, const struct json *event,
                const struct transform_facts *facts, struct buf *out)
{
    struct shown shown[TRANSFORM_PATHS_MOST + KNOWN] = { 0 };

    for (uint32_t i = 0; i < t->n; i++) {
        const struct piece *p = &t->pieces[i];
        struct shown *s = &shown[p->value];
        struct str text = p->text;

        if (str_absent(text)) {
            if (!s->known)
                *s = p->value < t->n_paths
                         ? shown_path(a, t->paths[p->value], event)
                         : shown_known(a, (enum known)(p->value - t->n_paths), event, facts);
            /* Recorded: an array that is all there is between two quotes of an object is not delivered. */
            if (p->alone && t->object && s->type == JSON_ARRAY)
                return -E_INVALID;
            text = p->quoted ? s->bare : s->json;
        }
        if (arena_overflowed(a) || out->n + text.n > TRANSFORM_BYTES_MOST)
            return -E_LIMIT;
        buf_str(out, text);
    }
    return 0;
}

static bool quoted_lines(struct str s)
{
    struct str line;
    bool any = false;

    while (str_cut(&s, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.n--;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        if (line.n < 2 || line.p[0] != '"' || line.p[line.n - 1] != '"')
            return false;
        any = true;
    }
    return any;
}

int transform_render(const struct transform *t, const struct json *event, const struct transform_facts *facts,
                     struct buf *out)
{
    struct arena *a CLEANUP(arena_freep) = arena_new(VALUES_BYTES_MOST);
    CLEANUP(buf_done) struct buf text = { 0 };
    int r = fill(t, a, event, facts, &text);

    if (r != 0)
        return r;
    if (json_check(buf_view(&text), NULL) == 0)
        json_compact(out, buf_view(&text));
    else if (quoted_lines(buf_view(&text)) && utf8_check(buf_view(&text)) == text.n)
        buf_str(out, buf_view(&text));
    else
        return -E_INVALID;
    return 0;
}
