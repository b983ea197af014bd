/* query.c - the query protocol: form parameters in, XML out.
 *
 * Parameters are sorted by their dotted names, numbers by value, so that everything below one prefix lies
 * together; a structure, list or map is then a run of the array.  Gaps in the numbers are allowed, order is
 * by number.  A later parameter of the same name wins.
 *
 * Names: lists are `Name.member.N` (or the element's own name for "member"), flattened ones `Name.N`; maps
 * `Name.entry.N.key` and `.value`, flattened without "entry". */
#include <stdlib.h>

#include "wire/codec.h"

struct param {
    struct str name; /* what is left of it in this run */
    struct str value;
    size_t order;
};
struct run {
    struct param *v;
    size_t n;
};

#define MAX_PARAMS 100000

/* ---- names ---- */

static struct str head_of(struct str name)
{
    ptrdiff_t dot = str_find(name, '.');

    return dot < 0 ? name : str_sub(name, 0, (size_t)dot);
}

static bool is_number(struct str s)
{
    if (s.n == 0 || s.n > 9)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static int64_t number_of(struct str s)
{
    int64_t v = 0;

    for (size_t i = 0; i < s.n; i++)
        v = v * 10 + (s.p[i] - '0');
    return v;
}

/* Numbers before words, numbers by value. */
static int compare_heads(struct str a, struct str b)
{
    bool number_a = is_number(a), number_b = is_number(b);

    if (number_a && number_b)
        return (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
    if (number_a != number_b)
        return number_a ? -1 : 1;
    return str_cmp(a, b);
}

static int compare_names(struct str a, struct str b)
{
    struct str head_a, head_b;

    while (!str_absent(a) && !str_absent(b)) {
        str_cut(&a, '.', &head_a);
        str_cut(&b, '.', &head_b);
        int c = compare_heads(head_a, head_b);
        if (c != 0)
            return c;
    }
    return str_absent(a) - str_absent(b) == 0 ? 0 : str_absent(a) ? -1 : 1;
}

static int compare_params(const void *a, const void *b)
{
    const struct param *x = a, *y = b;
    int c = compare_names(x->name, y->name);

    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/* ---- runs ---- */

static size_t lower_bound(struct run r, struct str head, bool after)
{
    size_t from = 0, to = r.n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = str_absent(r.v[mid].name) ? -1 : compare_heads(head_of(r.v[mid].name), head);
        if (c < 0 || (after && c == 0))
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* A copy of the run with the first segment cut off every name; names that end there become absent.  The
 * copies of one request take no more than a few times its body: each costs the client a dot. */
static struct run descend(struct decoding *d, struct run r)
{
    struct run sub = { NULL, r.n };
    struct str head;

    if (r.n == 0)
        return sub;
    sub.v = arena_calloc(d->a, r.n, sizeof(*sub.v));
    memcpy(sub.v, r.v, r.n * sizeof(*sub.v));
    for (size_t i = 0; i < r.n; i++)
        str_cut(&sub.v[i].name, '.', &head);
    return sub;
}

/* The parameters below `name`, cut. */
static struct run run_below(struct decoding *d, struct run r, struct str name)
{
    size_t from = lower_bound(r, name, false), to = lower_bound(r, name, true);

    return descend(d, (struct run){ r.v + from, to - from });
}

/* Splits off the run of the next number; false when there is none. */
static bool next_number(struct decoding *d, struct run *r, struct run *ret)
{
    size_t n = 1;

    while (r->n > 0 && str_absent(r->v[0].name))
        *r = (struct run){ r->v + 1, r->n - 1 };
    if (r->n == 0 || !is_number(head_of(r->v[0].name)))
        return false;
    while (n < r->n && compare_heads(head_of(r->v[n].name), head_of(r->v[0].name)) == 0)
        n++;
    *ret = descend(d, (struct run){ r->v, n });
    *r = (struct run){ r->v + n, r->n - n };
    return true;
}

static size_t count_numbers(struct run r)
{
    struct str last = STR_NONE;
    size_t n = 0;

    for (size_t i = 0; i < r.n && (str_absent(r.v[i].name) || is_number(head_of(r.v[i].name))); i++) {
        if (str_absent(r.v[i].name))
            continue;
        struct str head = head_of(r.v[i].name);
        n += str_absent(last) || compare_heads(head, last) != 0;
        last = head;
    }
    return n;
}

/* The value of the name itself, the last one given; absent when only longer names stand in the run. */
static struct str own_value(struct run r)
{
    struct str value = STR_NONE;

    for (size_t i = 0; i < r.n && str_absent(r.v[i].name); i++)
        value = r.v[i].value;
    return value;
}

/* ---- decoding ---- */

static int decode_run(struct decoding *d, const struct shape *shape, uint8_t format, bool flattened,
                      struct run r, void *target);

static int decode_list(struct decoding *d, const struct shape *shape, bool flattened, struct run r,
                       struct any_list *list)
{
    struct run item;
    int e = 0;

    list->set = true;
    if (!flattened)
        r = run_below(d, r, str_of(shape->element_wire != NULL ? shape->element_wire : "member"));
    size_t size = element_size(shape->element), n = count_numbers(r);
    list->v = arena_calloc(d->a, n > 0 ? n : 1, size);
    if (arena_overflowed(d->a))
        return decode_fault(d, "The request is too large");
    while (e == 0 && list->n < n && next_number(d, &r, &item))
        e = decode_run(d, shape->element, TIME_DEFAULT, shape->element->flattened, item,
                       list->v + size * list->n++);
    return e;
}

static int decode_map(struct decoding *d, const struct shape *shape, bool flattened, struct run r,
                      struct any_list *map)
{
    struct str key_name = str_of(shape->key_wire != NULL ? shape->key_wire : "key");
    struct str value_name = str_of(shape->element_wire != NULL ? shape->element_wire : "value");
    struct run item;
    int e = 0;

    map->set = true;
    if (!flattened)
        r = run_below(d, r, STR("entry"));
    size_t size = entry_size(shape), n = count_numbers(r);
    map->v = arena_calloc(d->a, n > 0 ? n : 1, size);
    if (arena_overflowed(d->a))
        return decode_fault(d, "The request is too large");
    while (e == 0 && map->n < n && next_number(d, &r, &item)) {
        char *entry = map->v + size * map->n++;
        struct str key = own_value(run_below(d, item, key_name));
        *(struct str *)(void *)entry = str_absent(key) ? STR("") : key;
        struct run value = run_below(d, item, value_name);
        if (value.n > 0)
            e = decode_run(d, shape->element, TIME_DEFAULT, shape->element->flattened, value,
                           entry + MAP_VALUE_OFFSET);
    }
    return e;
}

static const char *query_name(const struct member *m)
{
    return m->query_wire != NULL ? m->query_wire : m->wire;
}

static int decode_struct(struct decoding *d, const struct shape *shape, struct run r, void *target)
{
    int e = 0;

    for (uint32_t i = 0; e == 0 && i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        struct run sub = run_below(d, r, str_of(query_name(m)));
        if (sub.n == 0 && m->query_wire != NULL) /* today's name for what had another one */
            sub = run_below(d, r, str_of(m->wire));
        if (sub.n > 0)
            e = decode_run(d, m->shape, m->time_format, m->flattened, sub, member_target(d->a, m, target));
    }
    return e;
}

static int decode_run(struct decoding *d, const struct shape *shape, uint8_t format, bool flattened,
                      struct run r, void *target)
{
    struct str own;
    int e = 0;

    if (++d->depth > CODEC_MAX_DEPTH)
        return decode_fault(d, "The request is nested too deeply");
    if (shape->kind == KIND_STRUCT) {
        e = decode_struct(d, shape, r, target);
    } else if (shape->kind == KIND_LIST) {
        e = decode_list(d, shape, flattened, r, target);
    } else if (shape->kind == KIND_MAP) {
        e = decode_map(d, shape, flattened, r, target);
    } else {
        own = own_value(r);
        if (!str_absent(own))
            e = decode_text(d, shape, time_format_of(shape, format, TIME_ISO), own, target);
    }
    d->depth--;
    return e;
}

static size_t count_params(struct str form)
{
    size_t n = str_empty(form) ? 0 : 1;

    for (size_t i = 0; i < form.n; i++)
        n += form.p[i] == '&';
    return n;
}

static void add_params(struct decoding *d, struct str form, struct run *r)
{
    struct str name, value;

    while (form_next(&form, &name, &value)) {
        r->v[r->n] =
            (struct param){ percent_decode(d->a, name, true), percent_decode(d->a, value, true), r->n };
        r->n++;
    }
}

/* `POST /000000000000/name`: an SQS queue's own URL says which queue is meant. */
static void queue_url_from_path(struct decoding *d, const struct op *op, const struct request_parts *parts,
                                void *input)
{
    const struct member *m = member_named(op->input, STR("QueueUrl"));
    struct str rest = str_sub(parts->path, 1, parts->path.n), account, host;

    if (m == NULL || member_value(m, input) != NULL || strcmp(d->service->scope, "sqs") != 0)
        return;
    if (!str_cut(&rest, '/', &account) || str_empty(account) || str_empty(rest))
        return;
    host = part_header(parts, "Host");
    *(struct str *)member_target(d->a, m, input) =
        arena_printf(d->a, "http://" STR_FMT STR_FMT, STR_ARG(host),
                     STR_ARG(percent_decode(d->a, parts->path, false)));
}

int decode_query(struct decoding *d, const struct op *op, const struct request_parts *parts, void *input)
{
    struct str body = has_form(parts) ? parts->body : STR_NONE;
    size_t n = count_params(parts->query) + count_params(body);
    struct run all = { NULL, 0 };

    if (n > MAX_PARAMS)
        return decode_fault(d, "More than %d parameters", MAX_PARAMS);
    all.v = arena_calloc(d->a, n + 1, sizeof(*all.v));
    if (arena_overflowed(d->a))
        return decode_fault(d, "The request is too large");
    add_params(d, parts->query, &all);
    add_params(d, body, &all);
    qsort(all.v, all.n, sizeof(*all.v), compare_params);
    int e = decode_struct(d, op->input, all, input);
    if (e == 0)
        queue_url_from_path(d, op, parts, input);
    return e;
}

/* ---- XML ---- */

static void write_value(struct buf *b, const struct shape *shape, uint8_t format, const void *target);

static void open_tag(struct buf *b, const char *name)
{
    buf_char(b, '<');
    buf_z(b, name);
    buf_char(b, '>');
}
static void close_tag(struct buf *b, const char *name)
{
    buf_z(b, "</");
    buf_z(b, name);
    buf_char(b, '>');
}

static void write_element(struct buf *b, const char *name, const struct shape *shape, uint8_t format,
                          const void *target)
{
    open_tag(b, name);
    if (value_present(shape, target))
        write_value(b, shape, format, target);
    close_tag(b, name);
}

static void write_items(struct buf *b, const struct shape *shape, const char *name,
                        const struct any_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        write_element(b, name, shape->element, TIME_DEFAULT, list->v + element_size(shape->element) * i);
}

static void write_entries(struct buf *b, const struct shape *shape, const char *name,
                          const struct any_list *map)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *entry = map->v + entry_size(shape) * i;
        open_tag(b, name);
        write_element(b, shape->key_wire != NULL ? shape->key_wire : "key", shape->key, TIME_DEFAULT, entry);
        write_element(b, shape->element_wire != NULL ? shape->element_wire : "value", shape->element,
                      TIME_DEFAULT, entry + MAP_VALUE_OFFSET);
        close_tag(b, name);
    }
}

static void write_members(struct buf *b, const struct shape *shape, const void *target)
{
    for (uint32_t i = 0; i < shape->n_members; i++) {
        const struct member *m = &shape->members[i];
        const void *value = member_value(m, target);
        if (value == NULL)
            continue;
        if (m->flattened && m->shape->kind == KIND_LIST)
            write_items(b, m->shape, query_name(m), value);
        else if (m->flattened && m->shape->kind == KIND_MAP)
            write_entries(b, m->shape, query_name(m), value);
        else
            write_element(b, query_name(m), m->shape, m->time_format, value);
    }
}

static void write_value(struct buf *b, const struct shape *shape, uint8_t format, const void *target)
{
    switch ((enum kind)shape->kind) {
    case KIND_STRUCT: write_members(b, shape, target); break;
    case KIND_LIST:
        write_items(b, shape, shape->element_wire != NULL ? shape->element_wire : "member", target);
        break;
    case KIND_MAP: write_entries(b, shape, "entry", target); break;
    case KIND_STRING:
    case KIND_DOCUMENT: xml_text(b, *(const struct str *)target); break;
    case KIND_BLOB:
    case KIND_INT:
    case KIND_REAL:
    case KIND_BOOL:
    case KIND_TIME: encode_text(b, shape, time_format_of(shape, format, TIME_ISO), target); break;
    }
}

void encode_query(struct buf *b, const struct service_model *service, const struct op *op, const void *output,
                  struct str request_id)
{
    buf_printf(b, "<%sResponse xmlns=\"%s\">", op->name, service->xmlns != NULL ? service->xmlns : "");
    if (op->output != NULL && op->result_wrapper != NULL) {
        open_tag(b, op->result_wrapper);
        if (output != NULL)
            write_members(b, op->output, output);
        close_tag(b, op->result_wrapper);
    }
    buf_z(b, "<ResponseMetadata><RequestId>");
    xml_text(b, request_id);
    buf_printf(b, "</RequestId></ResponseMetadata></%sResponse>", op->name);
}
