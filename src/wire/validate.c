/* validate.c - what the model forbids, in AWS's words.
 *
 * All violations go into one message, members in the model's order, inner before later siblings.  Paths are
 * lower camel case; an item of a list of structures is `name.N.member`, a value of a map `name.KEY.member`.
 * Lists and maps of plain values are judged as a whole: one text lists every constraint their items have.
 *
 * Order of several violations by one value (pattern, then length; range; enum) is UNVERIFIED. */
#include <math.h>

#include "wire/codec.h"

/* More than this many violations are not worth their memory; the count in the message stops here too. */
#define MAX_VIOLATIONS 100
/* A value is shown up to this many bytes of its items. */
#define MAX_SHOWN 4096

struct check {
    struct arena *a;
    struct str found[MAX_VIOLATIONS];
    size_t n;
    unsigned depth;
};

static void check_value(struct check *c, const struct shape *shape, struct str path, const void *target);

/* ---- texts ---- */

static void show_value(struct buf *b, const struct shape *shape, const void *target);

static void show_real(struct buf *b, double v)
{
    if (isfinite(v) && v == floor(v) && fabs(v) < 1e7)
        buf_printf(b, "%.1f", v);
    else
        encode_text(b, &(struct shape){ .kind = KIND_REAL }, TIME_DEFAULT, &(struct opt_real){ true, v });
}

static void show_list(struct buf *b, const struct shape *shape, const struct any_list *list)
{
    buf_char(b, '[');
    for (size_t i = 0; i < list->n && b->n < MAX_SHOWN; i++) {
        if (i > 0)
            buf_z(b, ", ");
        show_value(b, shape->element, list->v + element_size(shape->element) * i);
    }
    buf_char(b, ']');
}

static void show_map(struct buf *b, const struct shape *shape, const struct any_list *map)
{
    buf_char(b, '{');
    for (size_t i = 0; i < map->n && b->n < MAX_SHOWN; i++) {
        const char *entry = map->v + entry_size(shape) * i;
        if (i > 0)
            buf_z(b, ", ");
        buf_str(b, *(const struct str *)(const void *)entry);
        buf_char(b, '=');
        show_value(b, shape->element, entry + MAP_VALUE_OFFSET);
    }
    buf_char(b, '}');
}

/* As Java prints it. */
static void show_value(struct buf *b, const struct shape *shape, const void *target)
{
    if (!value_present(shape, target)) {
        buf_z(b, "null");
        return;
    }
    switch ((enum kind)shape->kind) {
    case KIND_LIST: show_list(b, shape, target); break;
    case KIND_MAP: show_map(b, shape, target); break;
    case KIND_REAL: show_real(b, ((const struct opt_real *)target)->v); break;
    case KIND_BLOB:
        buf_printf(b, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]", ((const struct str *)target)->n,
                   ((const struct str *)target)->n);
        break;
    case KIND_STRUCT: shape_json(b, shape, target); break;
    case KIND_STRING:
    case KIND_INT:
    case KIND_BOOL:
    case KIND_TIME:
    case KIND_DOCUMENT: encode_text(b, shape, time_format_of(shape, TIME_DEFAULT, TIME_ISO), target); break;
    }
}

static void violation(struct check *c, const struct shape *shape, struct str path, const void *target,
                      struct str constraint)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    if (c->n == MAX_VIOLATIONS)
        return;
    buf_z(&text, "Value ");
    if (target == NULL) {
        buf_z(&text, "null ");
    } else if (!shape->sensitive) {
        buf_char(&text, '\'');
        show_value(&text, shape, target);
        buf_z(&text, "' ");
    }
    buf_printf(&text, "at '" STR_FMT "' failed to satisfy constraint: " STR_FMT, STR_ARG(path),
               STR_ARG(constraint));
    c->found[c->n++] = buf_to_arena(&text, c->a);
}

struct str validation_text(struct arena *a, size_t n, const struct str *violations)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    buf_printf(&text, "%zu validation error%s detected: ", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_z(&text, "; ");
        buf_str(&text, violations[i]);
    }
    return buf_to_arena(&text, a);
}

/* ---- constraints ---- */

static const char *measure_word(const struct shape *shape)
{
    return shape->kind == KIND_INT || shape->kind == KIND_REAL ? "value" : "length";
}

static struct str limit_text(struct arena *a, const struct shape *shape, bool max)
{
    const char *point = shape->kind == KIND_REAL ? ".0" : "";

    return arena_printf(a, "Member must have %s %s than or equal to %lld%s", measure_word(shape),
                        max ? "less" : "greater", (long long)(max ? shape->max : shape->min), point);
}

static struct str pattern_text(struct arena *a, const struct shape *shape)
{
    return arena_printf(a, "Member must satisfy regular expression pattern: %s", shape->pattern);
}

static struct str enum_text(struct arena *a, const struct shape *shape)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    buf_z(&text, "Member must satisfy enum value set: [");
    for (size_t i = 0; shape->enum_values[i] != NULL; i++) {
        if (i > 0)
            buf_z(&text, ", ");
        buf_z(&text, shape->enum_values[i]);
    }
    buf_char(&text, ']');
    return buf_to_arena(&text, a);
}

/* Code points; a broken byte counts as one. */
static int64_t text_length(struct str s)
{
    int64_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* Is the value (or its length) below min (-1) or above max (1)? */
static int out_of_range(const struct shape *shape, const void *target)
{
    int64_t v = 0;

    switch ((enum kind)shape->kind) {
    case KIND_REAL: {
        double real = ((const struct opt_real *)target)->v;
        return shape->has_min && !(real >= (double)shape->min)   ? -1
               : shape->has_max && !(real <= (double)shape->max) ? 1
                                                                 : 0;
    }
    case KIND_INT: v = ((const struct opt_int *)target)->v; break;
    case KIND_STRING: v = text_length(*(const struct str *)target); break;
    case KIND_BLOB: v = (int64_t)((const struct str *)target)->n; break;
    case KIND_LIST:
    case KIND_MAP: v = (int64_t)((const struct any_list *)target)->n; break;
    case KIND_BOOL:
    case KIND_TIME:
    case KIND_STRUCT:
    case KIND_DOCUMENT: return 0;
    }
    return shape->has_min && v < shape->min ? -1 : shape->has_max && v > shape->max ? 1 : 0;
}

static bool in_enum(const struct shape *shape, struct str s)
{
    for (size_t i = 0; shape->enum_values[i] != NULL; i++)
        if (str_is(s, shape->enum_values[i]))
            return true;
    return false;
}

static bool breaks_pattern(const struct shape *shape, const void *target)
{
    return shape->kind == KIND_STRING && shape->pattern != NULL &&
           !pattern_matches(shape->pattern, *(const struct str *)target);
}

static bool breaks_enum(const struct shape *shape, const void *target)
{
    return shape->kind == KIND_STRING && shape->enum_values != NULL &&
           !in_enum(shape, *(const struct str *)target);
}

/* ---- items judged as a whole ---- */

static bool item_ok(const struct shape *shape, const void *target)
{
    return value_present(shape, target) && out_of_range(shape, target) == 0 &&
           !breaks_pattern(shape, target) && !breaks_enum(shape, target);
}

/* "[c1, c2, Member must not be null]": everything an item of this shape must satisfy. */
static struct str item_constraints(struct arena *a, const struct shape *shape, const char *what)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    buf_printf(&text, "%s must satisfy constraint: [", what);
    if (shape->has_max)
        buf_printf(&text, STR_FMT ", ", STR_ARG(limit_text(a, shape, true)));
    if (shape->has_min)
        buf_printf(&text, STR_FMT ", ", STR_ARG(limit_text(a, shape, false)));
    if (shape->pattern != NULL)
        buf_printf(&text, STR_FMT ", ", STR_ARG(pattern_text(a, shape)));
    if (shape->enum_values != NULL)
        buf_printf(&text, STR_FMT ", ", STR_ARG(enum_text(a, shape)));
    buf_z(&text, "Member must not be null]");
    return buf_to_arena(&text, a);
}

static bool is_plain(const struct shape *shape)
{
    return shape->kind != KIND_STRUCT && shape->kind != KIND_LIST && shape->kind != KIND_MAP;
}

static void check_list(struct check *c, const struct shape *shape, struct str path,
                       const struct any_list *list)
{
    size_t size = element_size(shape->element);

    for (size_t i = 0; i < list->n; i++) {
        const void *item = list->v + size * i;
        if (is_plain(shape->element)) {
            if (item_ok(shape->element, item))
                continue;
            violation(c, shape, path, list, item_constraints(c->a, shape->element, "Member"));
            return;
        }
        if (c->n == MAX_VIOLATIONS)
            return;
        check_value(c, shape->element, arena_printf(c->a, STR_FMT ".%zu.member", STR_ARG(path), i + 1), item);
    }
}

static void check_map(struct check *c, const struct shape *shape, struct str path, const struct any_list *map)
{
    bool keys = false, values = false;

    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + entry_size(shape) * i;
        const struct str *key = (const struct str *)(const void *)entry;
        keys = keys || !item_ok(shape->key, key);
        if (is_plain(shape->element))
            values = values || !item_ok(shape->element, entry + MAP_VALUE_OFFSET);
        else if (c->n < MAX_VIOLATIONS)
            check_value(c, shape->element,
                        arena_printf(c->a, STR_FMT "." STR_FMT ".member", STR_ARG(path), STR_ARG(*key)),
                        entry + MAP_VALUE_OFFSET);
    }
    if (keys)
        violation(c, shape, path, map, item_constraints(c->a, shape->key, "Map keys"));
    if (values)
        violation(c, shape, path, map, item_constraints(c->a, shape->element, "Map value"));
}

/* ---- one value, one structure ---- */

static struct str member_path(struct check *c, struct str path, const char *name)
{
    CLEANUP(buf_done) struct buf text = { 0 };

    if (!str_empty(path)) {
        buf_str(&text, path);
        buf_char(&text, '.');
    }
    buf_char(&text, name[0] >= 'A' && name[0] <= 'Z' ? (char)(name[0] | 0x20) : name[0]);
    buf_z(&text, name + 1);
    return buf_to_arena(&text, c->a);
}

/* Does anything below this shape ever need a look?  Saves the hot path its paths. */
static bool unlimited(const struct shape *shape)
{
    return is_plain(shape) && !shape->has_min && !shape->has_max && shape->pattern == NULL &&
           shape->enum_values == NULL;
}

static bool plainly_ok(const struct shape *shape, const void *target)
{
    return unlimited(shape) || (is_plain(shape) && item_ok(shape, target));
}

static void check_member(struct check *c, const struct member *m, struct str path, const void *base)
{
    const void *target = member_value(m, base);

    if (target == NULL && m->required)
        violation(c, m->shape, member_path(c, path, m->name), NULL, STR("Member must not be null"));
    else if (target != NULL && !m->unchecked && !plainly_ok(m->shape, target))
        check_value(c, m->shape, member_path(c, path, m->name), target);
}

static void check_struct(struct check *c, const struct shape *shape, struct str path, const void *base)
{
    for (uint32_t i = 0; i < shape->n_members; i++)
        if (shape->members[i].check_first)
            check_member(c, &shape->members[i], path, base);
    for (uint32_t i = 0; i < shape->n_members; i++)
        if (!shape->members[i].check_first)
            check_member(c, &shape->members[i], path, base);
}

static void check_value(struct check *c, const struct shape *shape, struct str path, const void *target)
{
    int range = out_of_range(shape, target);

    c->depth++; /* bounded: the decoder refused anything deeper */
    CHECK(c->depth <= CODEC_MAX_DEPTH + 1);
    if (breaks_pattern(shape, target))
        violation(c, shape, path, target, pattern_text(c->a, shape));
    if (range != 0)
        violation(c, shape, path, target, limit_text(c->a, shape, range > 0));
    if (breaks_enum(shape, target))
        violation(c, shape, path, target, enum_text(c->a, shape));
    if (shape->kind == KIND_STRUCT)
        check_struct(c, shape, path, target);
    else if (shape->kind == KIND_LIST)
        check_list(c, shape, path, target);
    else if (shape->kind == KIND_MAP)
        check_map(c, shape, path, target);
    c->depth--;
}

int shape_validate(struct arena *a, const struct op *op, const void *input, struct fault *ret_fault)
{
    struct check c;

    c.a = a;
    c.n = 0;
    c.depth = 0;
    if (op->input == NULL || input == NULL)
        return 0;
    check_struct(&c, op->input, STR(""), input);
    if (c.n == 0)
        return 0;
    *ret_fault =
        (struct fault){ .row = &error_validation, .message = validation_text(a, c.n, c.found), .bare = true };
    return -E_FAULT;
}
