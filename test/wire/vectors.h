/* vectors.h - one row of the AWS protocol test vectors, as tool/gen_vectors.py writes them. */
#ifndef WAYBILL_TEST_WIRE_VECTORS_H
#define WAYBILL_TEST_WIRE_VECTORS_H

#include "wire/model.h"

struct vector {
    const char *id;
    const char *skipped; /* why a server cannot be asked this; NULL: it can */
    const struct service_model *service;
    const struct op *op;
    struct {
        const char *name, *value;
    } headers[16];      /* of the request, or wanted of the reply */
    struct str body;    /* absent: nobody looks */
    const char *params; /* the structure as JSON, members by the model's names */
    const char *method; /* input vectors */
    struct str path, query;
    int status;                    /* output vectors */
    const struct error_row *error; /* output vectors: the reply is this error */
    const char *message;
};

/* Tables end with a row without an id. */
extern const struct vector vectors_input_rest_json[], vectors_input_json[], vectors_input_json_1_0[],
    vectors_input_json_1_0_query_compatible[], vectors_input_query[], vectors_input_rest_xml[],
    vectors_input_smithy_rpc_v2_cbor[], vectors_input_smithy_rpc_v2_cbor_query_compatible[],
    vectors_input_smithy_rpc_v2_cbor_non_query_compatible[];
extern const struct vector vectors_output_rest_json[], vectors_output_json[], vectors_output_json_1_0[],
    vectors_output_json_1_0_query_compatible[], vectors_output_query[], vectors_output_rest_xml[],
    vectors_output_smithy_rpc_v2_cbor[], vectors_output_smithy_rpc_v2_cbor_query_compatible[];

#endif
