/* route_s3.c - bucket, key and operation of an S3 request.
 *
 * True here: the rows of a level stand in the order of what they want, most first; of two that want the same
 * the one that is not deprecated stands first, then the model's order.  Everything else follows from the
 * model. */
#include "wire/codec.h"
#include "wire/route_s3.h"

#define MAX_WANTS 8
#define MAX_SUBRESOURCES 64

struct want {
    struct str name, value; /* value "": any */
    bool header;
};
struct row {
    const struct op *op;
    struct want wants[MAX_WANTS];
    unsigned n_wants;
    struct row *next;
};

struct s3_table {
    struct row *rows[S3_OBJECT + 1];
    struct str subresources[MAX_SUBRESOURCES];
    unsigned n_subresources;
};

/* ---- host ---- */

static struct str without_port(struct str host)
{
    ptrdiff_t colon = str_rfind(host, ':');

    return colon < 0 ? host : str_sub(host, 0, (size_t)colon);
}

static bool is_address(struct str host)
{
    if (host.n > 0 && host.p[0] == '[')
        return true;
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return false;
    return true;
}

static bool strip_end(struct str *host, const char *end)
{
    size_t n = strlen(end);

    if (host->n <= n || !str_eq_nocase(str_sub(*host, host->n - n, host->n), str_of(end)))
        return false;
    *host = str_sub(*host, 0, host->n - n);
    return true;
}

/* "s3" anywhere; AWS's own names also have "s3-us-west-2" and "s3-accelerate". */
static bool is_s3_label(struct str label, bool amazon)
{
    return str_eq_nocase(label, STR("s3")) || (amazon && str_starts_nocase(label, STR("s3-")));
}

struct str s3_bucket_of_host(struct str host, bool *ret_s3)
{
    bool amazon, local;

    *ret_s3 = false;
    host = without_port(host);
    if (is_address(host) || str_find(host, '.') < 0)
        return STR_NONE;
    amazon = strip_end(&host, ".amazonaws.com") || strip_end(&host, ".amazonaws.com.cn");
    local = !amazon && strip_end(&host, ".localhost");
    for (struct str rest = host; !str_absent(rest);) {
        ptrdiff_t dot = str_rfind(rest, '.');
        if (is_s3_label(str_sub(rest, (size_t)(dot + 1), rest.n), amazon)) {
            *ret_s3 = true;
            return dot > 0 ? str_sub(rest, 0, (size_t)dot) : STR_NONE;
        }
        rest = dot < 0 ? STR_NONE : str_sub(rest, 0, (size_t)dot);
    }
    return local ? host : STR_NONE;
}

int s3_name_of(struct arena *a, struct str host, struct str path, struct s3_name *ret)
{
    bool named;
    struct str bucket = s3_bucket_of_host(host, &named);

    if (str_empty(path) || path.p[0] != '/')
        return -E_INVALID;
    if (!str_absent(bucket))
        path = arena_printf(a, "/" STR_FMT STR_FMT, STR_ARG(bucket), STR_ARG(path));
    struct str key = str_sub(path, 1, path.n), name;
    str_cut(&key, '/', &name);
    if (str_empty(name) && !str_absent(key))
        return -E_INVALID;
    *ret = (struct s3_name){ .bucket = name, .path = path };
    ret->level = str_empty(name) ? S3_SERVICE : str_empty(key) ? S3_BUCKET : S3_OBJECT;
    return 0;
}

/* ---- the table ---- */

static void add_want(struct row *row, struct str name, struct str value, bool header)
{
    CHECK(row->n_wants < MAX_WANTS);
    row->wants[row->n_wants++] = (struct want){ name, value, header };
}

static bool is_subresource(const struct s3_table *t, struct str name)
{
    for (unsigned i = 0; i < t->n_subresources; i++)
        if (str_eq(t->subresources[i], name))
            return true;
    return false;
}

static void want_query(struct s3_table *t, struct row *row, struct str query)
{
    struct str name, value;

    while (form_next(&query, &name, &value)) {
        add_want(row, name, value, false);
        if (!str_empty(value) || is_subresource(t, name))
            continue;
        CHECK(t->n_subresources < MAX_SUBRESOURCES);
        t->subresources[t->n_subresources++] = name;
    }
}

static void want_required(struct row *row, const struct shape *input)
{
    for (uint32_t i = 0; input != NULL && i < input->n_members; i++) {
        const struct member *m = &input->members[i];
        if (m->required && (m->place == PLACE_QUERY || m->place == PLACE_HEADER))
            add_want(row, str_of(m->wire), STR(""), m->place == PLACE_HEADER);
    }
}

static bool shares_uri(const struct service_model *m, const struct op *op)
{
    for (uint32_t i = 0; i < m->n_ops; i++)
        if (&m->ops[i] != op && strcmp(m->ops[i].method, op->method) == 0 &&
            strcmp(m->ops[i].uri, op->uri) == 0)
            return true;
    return false;
}

/* False for paths that are not a bucket's or an object's (an endpoint of its own). */
static bool level_of(struct str uri, enum s3_level *ret)
{
    static const char *const paths[] = {
        [S3_SERVICE] = "/", [S3_BUCKET] = "/{Bucket}", [S3_OBJECT] = "/{Bucket}/{Key+}"
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (str_is(uri, paths[i])) {
            *ret = (enum s3_level)i;
            return true;
        }
    return false;
}

static void insert(struct row **at, struct row *row)
{
    while (*at != NULL && ((*at)->n_wants > row->n_wants || ((*at)->n_wants == row->n_wants &&
                                                             ((*at)->op->deprecated <= row->op->deprecated))))
        at = &(*at)->next;
    row->next = *at;
    *at = row;
}

struct s3_table *s3_table_new(struct arena *a, const struct service_model *m)
{
    struct s3_table *t = ARENA_NEW(a, struct s3_table);

    for (uint32_t i = 0; i < m->n_ops; i++) {
        const struct op *op = &m->ops[i];
        struct str query = str_of(op->uri), uri;
        enum s3_level level;
        str_cut(&query, '?', &uri);
        if (!level_of(uri, &level))
            continue;
        struct row *row = ARENA_NEW(a, struct row);
        row->op = op;
        want_query(t, row, query);
        if (str_empty(query) || shares_uri(m, op))
            want_required(row, op->input);
        insert(&t->rows[level], row);
    }
    return t;
}

/* ---- finding ---- */

static bool has_want(const struct want *w, const struct request_parts *parts)
{
    struct str query = parts->query, name, value;

    if (w->header)
        return !str_absent(part_header(parts, w->name.p));
    while (form_next(&query, &name, &value))
        if (str_eq(name, w->name) && (str_empty(w->value) || str_eq(value, w->value)))
            return true;
    return false;
}

static bool has_all(const struct row *row, const struct request_parts *parts)
{
    for (unsigned i = 0; i < row->n_wants; i++)
        if (!has_want(&row->wants[i], parts))
            return false;
    return true;
}

static bool wants(const struct row *row, struct str name)
{
    for (unsigned i = 0; i < row->n_wants; i++)
        if (str_eq(row->wants[i].name, name))
            return true;
    return false;
}

static bool knows_subresources(const struct s3_table *t, const struct row *row, struct str query)
{
    struct str name, value;

    while (form_next(&query, &name, &value))
        if (is_subresource(t, name) && !wants(row, name))
            return false;
    return true;
}

const struct op *s3_table_find(const struct s3_table *t, struct str method, enum s3_level level,
                               const struct request_parts *parts)
{
    for (const struct row *row = t->rows[level]; row != NULL; row = row->next)
        if (str_is(method, row->op->method) && has_all(row, parts))
            return knows_subresources(t, row, parts->query) ? row->op : NULL;
    return NULL;
}
