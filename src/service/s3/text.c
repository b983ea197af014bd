/* text.c - names, ranges, conditions. */
#include "service/s3/text.h"

#include "base/id.h"

static bool is_lower_alnum(char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'); }

static bool is_ipv4(struct str s)
{
    struct str part;
    int n = 0;

    while (str_cut(&s, '.', &part)) {
        uint64_t v;

        if (part.n < 1 || part.n > 3 || str_to_u64(part, &v) != 0)
            return false;
        n++;
    }
    return n == 4;
}

bool s3_bucket_name_ok(struct str name)
{
    static const char *const heads[] = { "xn--", "sthree-" };
    static const char *const tails[] = { "-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3" };

    if (name.n < 3 || name.n > 63 || !is_lower_alnum(name.p[0]) || !is_lower_alnum(name.p[name.n - 1]) ||
        is_ipv4(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_lower_alnum(name.p[i]) && name.p[i] != '-' && (name.p[i] != '.' || name.p[i + 1] == '.'))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        if (str_starts(name, str_of(heads[i])))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(tails); i++)
        if (str_ends(name, str_of(tails[i])))
            return false;
    return true;
}

struct str s3_id_text(struct arena *a, uint64_t id)
{
    char uuid[UUID_TEXT + 1], text[33];
    size_t n = 0;

    uuid_of_seq(uuid, id);
    for (const char *p = uuid; *p != '\0'; p++)
        if (*p != '-')
            text[n++] = *p;
    CHECK(n == 32); /* as s3_id_read() asks for */
    return arena_str(a, str_make(text, n));
}

int s3_id_read(struct str text, uint64_t *ret_id)
{
    char uuid[UUID_TEXT + 1];

    if (text.n != 32)
        return -E_INVALID;
    for (size_t i = 0, n = 0; i < text.n; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            uuid[n++] = '-';
        uuid[n++] = text.p[i];
    }
    return uuid_to_seq(str_make(uuid, UUID_TEXT), ret_id);
}

/* ---- ranges and conditions ---- */

enum range_kind s3_range(struct str header, int64_t size, int64_t *ret_from, int64_t *ret_to)
{
    struct str first, rest = header;
    int64_t from = 0, last = size - 1;

    if (!str_starts_nocase(header, STR("bytes=")))
        return RANGE_NONE;
    rest = str_trim(str_sub(header, 6, header.n));
    if (!str_cut(&rest, '-', &first) || str_absent(rest) || (first.n == 0 && rest.n == 0))
        return RANGE_NONE;
    if (first.n == 0) {
        if (str_to_i64(rest, &last) != 0 || last < 0)
            return RANGE_NONE;
        if (last == 0)
            return RANGE_UNSATISFIABLE;
        from = MAX(size - last, 0);
        last = size - 1;
    } else if (str_to_i64(first, &from) != 0 || (rest.n > 0 && str_to_i64(rest, &last) != 0) || from < 0 ||
               (rest.n > 0 && last < from)) {
        return RANGE_NONE;
    }
    if (from >= size)
        return RANGE_UNSATISFIABLE;
    *ret_from = from;
    *ret_to = MIN(last, size - 1) + 1;
    return RANGE_OK;
}

/* S3 takes an ETag with both quotes, with one, or with none. */
static struct str bare_etag(struct str s)
{
    s = str_trim(s);
    if (str_starts(s, STR("W/")))
        s = str_sub(s, 2, s.n);
    if (str_starts(s, STR("\"")))
        s = str_sub(s, 1, s.n);
    return s.n > 0 && s.p[s.n - 1] == '"' ? str_sub(s, 0, s.n - 1) : s;
}

bool s3_etag_matches(struct str header, struct str etag)
{
    struct str one;

    while (str_cut(&header, ',', &one))
        if (str_is(str_trim(one), "*") || str_eq(bare_etag(one), etag))
            return true;
    return false;
}

enum condition s3_conditions(const struct conditions *k, struct str etag, int64_t modified_ms)
{
    int64_t modified_s = modified_ms / 1000;

    if (!str_absent(k->if_match)) {
        if (!s3_etag_matches(k->if_match, etag))
            return CONDITION_FAILED;
    } else if (k->if_unmodified_since.set && modified_s > k->if_unmodified_since.ms / 1000) {
        return CONDITION_FAILED;
    }
    if (!str_absent(k->if_none_match))
        return s3_etag_matches(k->if_none_match, etag) ? CONDITION_NOT_MODIFIED : CONDITION_HOLDS;
    return k->if_modified_since.set && modified_s <= k->if_modified_since.ms / 1000 ? CONDITION_NOT_MODIFIED
                                                                                    : CONDITION_HOLDS;
}

/* ---- encodings ---- */

static struct str percent_decoded(struct arena *a, struct str s, bool plus)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];

        if (ch == '%' && i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 && hex_digit(s.p[i + 2]) >= 0) {
            ch = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
            i += 2;
        } else if (ch == '+' && plus) {
            ch = ' ';
        }
        out[n++] = ch;
    }
    return str_make(out, n);
}

int s3_copy_source(struct arena *a, struct str header, struct copy_source *ret)
{
    ptrdiff_t query = str_find_str(header, STR("?versionId="));
    struct str path = query >= 0 ? str_sub(header, 0, (size_t)query) : header, bucket;

    *ret = (struct copy_source){ .version_id = STR_NONE };
    if (query >= 0)
        ret->version_id = percent_decoded(a, str_sub(header, (size_t)query + 11, header.n), false);
    path = percent_decoded(a, path, false);
    if (str_starts(path, STR("/")))
        path = str_sub(path, 1, path.n);
    if (!str_cut(&path, '/', &bucket) || str_empty(bucket) || str_empty(path))
        return -E_INVALID;
    ret->bucket = bucket;
    ret->key = path;
    return 0;
}

void s3_url_encode(struct buf *b, struct str s, const char *blank)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
            (ch != '\0' && strchr("-_.~/", ch) != NULL))
            buf_char(b, (char)ch);
        else if (ch == ' ')
            buf_z(b, blank);
        else
            buf_printf(b, "%%%02X", ch);
    }
}

int s3_tagging_header(struct arena *a, struct str header, struct s3_pair **ret, size_t *ret_n)
{
    struct str rest = header, one;
    size_t n = 0;

    while (str_cut(&rest, '&', &one))
        n++;
    *ret = arena_calloc(a, n + 1, sizeof(**ret));
    for (*ret_n = 0, rest = header; str_cut(&rest, '&', &one);) {
        struct str key;

        if (str_empty(one))
            continue;
        (void)str_cut(&one, '=', &key);
        if (str_empty(key))
            return -E_INVALID;
        (*ret)[(*ret_n)++] = (struct s3_pair){ percent_decoded(a, key, true),
                                               percent_decoded(a, str_absent(one) ? STR("") : one, true) };
    }
    return 0;
}

/* ---- lists ---- */

struct str s3_common_prefix(struct str key, struct str prefix, struct str delimiter)
{
    ptrdiff_t at;

    if (str_empty(delimiter))
        return STR_NONE;
    at = str_find_str(str_sub(key, prefix.n, key.n), delimiter);
    return at < 0 ? STR_NONE : str_sub(key, 0, prefix.n + (size_t)at + delimiter.n);
}

struct str s3_behind_prefix(struct arena *a, struct str prefix)
{
    char *p;

    while (prefix.n > 0 && (unsigned char)prefix.p[prefix.n - 1] == 0xff)
        prefix.n--;
    if (prefix.n == 0)
        return STR_NONE;
    p = arena_alloc(a, prefix.n + 1);
    memcpy(p, prefix.p, prefix.n);
    p[prefix.n - 1] = (char)((unsigned char)p[prefix.n - 1] + 1);
    return str_make(p, prefix.n);
}
