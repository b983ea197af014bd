/* shape.h - the one decoder and the one encoder: rows in, rows out.
 *
 * Decoding fills a C struct (see model.h) from bytes; what the model forbids is collected into one text in
 * AWS's words and order ("2 validation errors detected: ...").  Encoding writes the struct in the model's
 * order. */
#ifndef WAYBILL_WIRE_SHAPE_H
#define WAYBILL_WIRE_SHAPE_H

#include "base/json.h"
#include "wire/fault.h"
#include "wire/model.h"

/* The parts of a request a rest-json operation may read from, already split; raw (still percent-encoded). */
struct request_parts {
    struct str path; /* without the query; matched against op->uri */
    struct str query;
    struct str body;
    struct str content_type;
    struct str (*header)(const void *ctx, const char *name); /* absent when not sent */
    bool (*next_header)(const void *ctx, size_t *at, struct str *ret_name,
                        struct str *ret_value); /* for prefix maps */
    const void *ctx;
};

/* Fills *ret_input (allocated in `a`, zeroed, of op->input->struct_size; NULL when the op has no input).
 * 0; or -E_FAULT with *ret_fault set: not well formed (SerializationException and the protocol's own texts)
 * or against a constraint (validation_fault).  Constraint checks are separate so that vectors can run
 * without. */
int shape_decode(struct arena *a, const struct service_model *service, const struct op *op,
                 enum protocol protocol, const struct request_parts *parts, void **ret_input,
                 struct fault *ret_fault);
/* All violations in one message, members in the model's order.  0 or -E_FAULT. */
int shape_validate(struct arena *a, const struct op *op, const void *input, struct fault *ret_fault);

/* A single value checked and worded as the model's constraints are, for rules services add themselves. */
struct str validation_text(struct arena *a, size_t n,
                           const struct str *violations); /* "N validation error(s) detected: a; b" */

/* S3 has request ids of its own form, errors without a wrapper, stricter XML.  A NULL service that speaks
 * rest-xml is nobody's request, which S3's front answers. */
bool speaks_s3(const struct service_model *service, enum protocol protocol);
/* A new request id: a UUID; S3's are 16 characters A-Z 2-7.  In the arena. */
struct str request_id_new(struct arena *a, const struct service_model *service, enum protocol protocol);
/* The header lines that name a request: x-amzn-RequestId; S3: x-amz-request-id and x-amz-id-2 (made from the
 * id). */
void request_id_lines(struct buf *headers, const struct service_model *service, enum protocol protocol,
                      struct str request_id);

struct reply {
    int status;
    struct str content_type; /* absent: no body, no header */
    struct buf headers;      /* "name: value\r\n" lines, Content-Type not among them; owned by the caller */
    struct buf body;         /* owned by the caller */
    /* rest-xml outputs with a Content-Length member and no body of that length (HeadObject): what a reply to
     * HEAD says in its Content-Length; 0: body.n.  The header itself is never among `headers`. */
    size_t head_bytes;
};
/* output may be NULL when the op has none. */
void shape_encode(struct arena *a, const struct service_model *service, const struct op *op,
                  enum protocol protocol, const void *output, struct str request_id, struct reply *ret);
/* query_mode: the client sent x-amzn-query-mode: true. */
void fault_encode(struct arena *a, const struct service_model *service, enum protocol protocol,
                  const struct fault *fault, struct str request_id, bool query_mode, struct reply *ret);

/* One structure as JSON alone (stored descriptions, tests). */
void shape_json(struct buf *b, const struct shape *shape, const void *value);
int shape_from_json(struct arena *a, const struct shape *shape, const struct json *doc, void *value,
                    struct fault *ret_fault);

#endif
