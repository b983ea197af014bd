/* model.h - what an AWS service model says, as rows.  tool/gen_model.py writes the rows into src/model/; this
 * page says what they mean and how a shape looks as a C struct.
 *
 * C types of shapes (generated, `struct <service>_<Shape>`; member names are the model's, a C keyword gets a
 * trailing underscore):
 *   string, enum, blob     struct str          absent: p == NULL; blobs are decoded bytes
 *   integer, long          struct opt_int
 *   float, double          struct opt_real
 *   boolean                struct opt_bool
 *   timestamp              struct opt_time     epoch ms of the server's clock
 *   structure, union       struct X *          NULL when absent
 *   list                   struct X { bool set; size_t n; T *v; }     structures by value: v[i].Name
 *   map                    struct X { bool set; size_t n; struct X_entry { struct str key; T value; } *v; }
 *                          (maps with structure values hold the structure by value)
 * A decoded input lies in the request's arena.  An output is filled by the handler (arena or static memory)
 * and encoded in the model's member order, absent members left out, so replies are byte-stable. */
#ifndef WAYBILL_WIRE_MODEL_H
#define WAYBILL_WIRE_MODEL_H

#include "base/str.h"

struct opt_int {
    bool set;
    int64_t v;
};
struct opt_real {
    bool set;
    double v;
};
struct opt_bool {
    bool set;
    bool v;
};
struct opt_time {
    bool set;
    int64_t ms;
};

#define INT_SET(x) ((struct opt_int){ true, (x) })
#define REAL_SET(x) ((struct opt_real){ true, (x) })
#define BOOL_SET(x) ((struct opt_bool){ true, (x) })
#define TIME_SET(x) ((struct opt_time){ true, (x) })

enum kind {
    KIND_STRING,
    KIND_BLOB,
    KIND_INT,
    KIND_REAL,
    KIND_BOOL,
    KIND_TIME,
    KIND_STRUCT,
    KIND_LIST,
    KIND_MAP,
    KIND_DOCUMENT
};
enum place {
    PLACE_BODY,
    PLACE_PATH,
    PLACE_QUERY,
    PLACE_HEADER,
    PLACE_HEADERS /* prefix map */,
    PLACE_STATUS,
    PLACE_PAYLOAD
};
enum time_format { TIME_DEFAULT, TIME_EPOCH, TIME_ISO, TIME_HTTP };

struct member {
    const char *name; /* in the model */
    const char *wire; /* on the wire here: JSON key, query key, header, ... */
    const struct shape *shape;
    uint32_t offset;     /* in the C struct */
    uint8_t place;       /* enum place */
    uint8_t time_format; /* enum time_format */
    bool required, flattened, greedy, json_value, attribute, idempotency_token, host_label;
    bool unchecked;         /* the service words this member's constraints itself */
    bool check_first;       /* its violations stand before its siblings' */
    const char *query_wire; /* name in the query protocol and its XML; NULL: wire */
};

struct shape {
    const char *name;
    uint8_t kind; /* enum kind */
    bool flattened, is_union, box, long_int, sensitive;
    uint32_t size;        /* sizeof the C type this shape has as a member or element */
    uint32_t struct_size; /* KIND_STRUCT: of the struct itself */
    uint32_t n_members;
    const struct member *members;        /* KIND_STRUCT */
    const struct shape *element;         /* KIND_LIST element, KIND_MAP value */
    const struct shape *key;             /* KIND_MAP */
    const char *element_wire, *key_wire; /* names in query and XML; NULL: member/entry defaults */
    bool has_min, has_max;
    int64_t min, max;               /* length or value, as the kind says */
    const char *pattern;            /* the model's text; NULL: none */
    const char *const *enum_values; /* NULL-terminated; NULL: none */
    const char *payload;            /* KIND_STRUCT: member that is the whole body */
    uint8_t time_format;
};

/* An error a service can answer.  Hand-written rows are allowed for errors AWS sends without modelling. */
struct error_row {
    const char *name;       /* shape: JSON __type, x-amzn-ErrorType */
    const char *query_code; /* query <Code>, x-amzn-query-error; NULL: name */
    int status;
    bool sender;
    const char *message_member; /* "message" or "Message" */
    const struct shape *shape;  /* NULL when hand-written */
    int json_status;            /* in the JSON protocols and CBOR; 0: status */
};

enum protocol { PROTO_REST_JSON, PROTO_JSON, PROTO_QUERY, PROTO_REST_XML, PROTO_CBOR };

struct op {
    const char *name;
    const char *method;
    const char *uri;                    /* "/2015-03-31/functions/{FunctionName}/invocations" */
    int status;                         /* of success; 200 when the model does not say */
    const struct shape *input, *output; /* NULL: none */
    const char *result_wrapper;         /* query: element around the output; rest-xml: root of the reply */
    uint16_t index;                     /* position in the service's ops */
    bool unwrapped;                     /* rest-xml: the output's one member is itself the root */
    bool deprecated;                    /* another op with the same method and uri took its place */
};

struct service_model {
    const char *name;               /* ours: "lambda", "sqs", "iam", "sts", "logs" */
    const char *scope;              /* SigV4 service name */
    const char *target_prefix;      /* X-Amz-Target before the dot; NULL: none */
    const char *json_version;       /* "1.0", "1.1" or NULL */
    const char *xmlns;              /* query and XML replies */
    const char *error_namespace;    /* "com.amazonaws.sqs": __type prefix; NULL: bare name */
    const char *api_version;        /* "2012-11-05": Version= of the query protocol */
    bool protocols[PROTO_CBOR + 1]; /* which the service speaks */
    bool query_compatible;          /* sends x-amzn-query-error */
    const struct op *ops;
    uint32_t n_ops;
    const struct error_row *const *errors;
    uint32_t n_errors;
};

#endif
