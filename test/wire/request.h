/* request.h - requests for the tests of this folder, made from literals. */
#ifndef WAYBILL_TEST_WIRE_REQUEST_H
#define WAYBILL_TEST_WIRE_REQUEST_H

#include "wire/shape.h"

struct request_header {
    const char *name, *value;
};

static inline struct str literal_header(const void *ctx, const char *name)
{
    for (const struct request_header *h = ctx; h != NULL && h->name != NULL; h++)
        if (str_eq_nocase(str_of(h->name), str_of(name)))
            return str_of(h->value);
    return STR_NONE;
}

static inline bool next_literal_header(const void *ctx, size_t *at, struct str *ret_name,
                                       struct str *ret_value)
{
    const struct request_header *h = (const struct request_header *)ctx + *at;

    if (ctx == NULL || h->name == NULL)
        return false;
    *ret_name = str_of(h->name);
    *ret_value = str_of(h->value);
    (*at)++;
    return true;
}

/* target: path, with '?' and a query if there is one.  headers: NULL, or ended by a row without a name. */
static inline struct request_parts request_parts_of(const char *target, const char *body,
                                                    const struct request_header *headers)
{
    struct str query = str_of(target), path;

    str_cut(&query, '?', &path);
    return (struct request_parts){
        .path = path,
        .query = str_absent(query) ? STR("") : query,
        .body = str_of(body),
        .content_type = literal_header(headers, "Content-Type"),
        .header = literal_header,
        .next_header = next_literal_header,
        .ctx = headers,
    };
}

#define HEADERS(...) ((const struct request_header[]){ __VA_ARGS__, { NULL, NULL } })

#endif
