/* codec.h - inside wire: what decoder, checker and encoder share.  Nobody outside this room includes it.
 *
 * A *target* is the place of a value in memory: for a structure the structure itself (a member holds a
 * pointer to it, an element of a list or map is it), for everything else the C type of model.h.  Functions
 * that take a target never know whether a member, an element or a whole input is meant.
 *
 * Lists and maps of all services share one layout, so they are reached through the generic types below; a
 * map's entries begin with the key, the value follows at MAP_VALUE_OFFSET. */
#ifndef WAYBILL_WIRE_CODEC_H
#define WAYBILL_WIRE_CODEC_H

#include "wire/shape.h"

struct __attribute__((may_alias)) any_list {
    bool set;
    size_t n;
    char *v;
}; /* a list or a map */
struct __attribute__((may_alias)) any_pointer {
    void *p;
}; /* a structure as a member */

#define MAP_VALUE_OFFSET sizeof(struct str)
/* Nesting a client may ask for; recursive shapes would let it choose the depth of our stack. */
#define CODEC_MAX_DEPTH 200

/* Bytes an element of a list takes, and an entry of a map. */
size_t element_size(const struct shape *element);
size_t entry_size(const struct shape *map);
/* Room for one more of `size` bytes at the end, zeroed and counted; NULL when the arena is full.  Capacity
 * doubles and follows from n, so a list must have been grown by nobody else. */
char *list_grow(struct arena *a, struct any_list *list, size_t size);

/* The value of a member of the structure at base, as a target; NULL when absent. */
const void *member_value(const struct member *m, const void *base);
/* Where to decode a member to: allocates the structure a member points to. */
void *member_target(struct arena *a, const struct member *m, void *base);
/* False for an absent string, number and so on; structures as elements are always there. */
bool value_present(const struct shape *shape, const void *target);
const struct member *member_named(const struct shape *shape, struct str name);

/* One running decode.  fault is set once, with the first error. */
struct decoding {
    struct arena *a;
    const struct service_model *service; /* NULL outside a request */
    enum protocol protocol;
    struct fault *fault;
    unsigned depth;
};
int decode_fault(struct decoding *d, const char *fmt, ...)
    PRINTF(2, 3); /* SerializationException; -E_FAULT */

/* Which of the member's, the shape's and the place's own time formats holds. */
enum time_format time_format_of(const struct shape *shape, uint8_t member_format,
                                enum time_format place_default);

/* All decoders below return 0 or -E_FAULT with d->fault set. */
int decode_json(struct decoding *d, const struct shape *shape, uint8_t member_format, const struct json *j,
                void *target);
int decode_text(struct decoding *d, const struct shape *shape, enum time_format format, struct str text,
                void *target);
int decode_query(struct decoding *d, const struct op *op, const struct request_parts *parts, void *input);

/* Appends. encode_json writes body members only when `body_only`: the others have places of their own. */
void encode_json(struct buf *b, const struct shape *shape, uint8_t member_format, const void *target,
                 bool body_only);
void encode_text(struct buf *b, const struct shape *shape, enum time_format format, const void *target);
void encode_query(struct buf *b, const struct service_model *service, const struct op *op, const void *output,
                  struct str request_id);

/* rest-xml (rest_xml.c).  root: the name S3 insists on; NULL: any.  A body of the output's members, or a
 * payload. */
int decode_xml(struct decoding *d, const struct shape *shape, const char *root, struct str body,
               void *target);
void encode_xml(struct buf *b, const struct service_model *service, const struct op *op,
                const struct shape *shape, const void *target);

/* rpc-v2-cbor (cbor_codec.c).  An empty body is an empty structure; a NULL value too. */
int decode_cbor(struct decoding *d, const struct shape *shape, struct str body, void *target);
void encode_cbor(struct buf *b, const struct shape *shape, const void *value);

/* x-amz-id-2 and <HostId>: 76 characters made from the request's id. */
void s3_host_id(struct buf *b, struct str request_id);
/* %XX, and '+' as a blank where plus is set (forms and query strings, not paths).  A bad escape stays as it
 * is. */
struct str percent_decode(struct arena *a, struct str s, bool plus);
/* Walks "a=b&c=d"; names and values stay encoded; a name without '=' has the value "". */
bool form_next(struct str *rest, struct str *ret_name, struct str *ret_value);
/* Is there a form in the body?  The query protocol reads it beside the URL's parameters. */
bool has_form(const struct request_parts *parts);
struct str part_header(const struct request_parts *parts, const char *name);
/* Blanks, tabs and line ends off both ends. */
struct str str_trim_xml(struct str s);
/* Text of an XML element; bytes XML cannot carry become U+FFFD, CR is written so that it survives parsers. */
void xml_text(struct buf *b, struct str s);

/* Does s match the whole pattern, in the dialect of the models (Java's)?  Compiled once per pattern. */
bool pattern_matches(const char *pattern, struct str s);
/* For tests: 0, or -E_INVALID when the pattern cannot be compiled. */
int pattern_check(const char *pattern);

#endif
