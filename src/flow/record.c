/* record.c - the record is written by concatenation: payloads keep key order and number text.
 *
 * True here: only an event that has ended has a record. */
#include "flow/record.h"
#include "base/clock.h"
#include "base/json.h"

/* A success reports one attempt even after failed ones: recorded four times on AWS.  UNVERIFIED beyond those.
 */
static int64_t invoke_count(const struct record_facts *f)
{
    return f->condition == CONDITION_SUCCESS ? 1 : (int64_t)f->executions;
}

static void write_request_context(struct json_writer *w, const struct record_facts *f)
{
    jw_key(w, STR("requestContext"));
    jw_object(w);
    jw_kstr(w, "requestId", f->request_id);
    jw_kstr(w, "functionArn", f->function_arn);
    jw_kstr(w, "condition", str_of(condition_name(f->condition)));
    jw_ki64(w, "approximateInvokeCount", invoke_count(f));
    jw_object_end(w);
}

static void write_response_context(struct json_writer *w, const struct record_facts *f)
{
    jw_key(w, STR("responseContext"));
    jw_object(w);
    jw_ki64(w, "statusCode", f->status);
    if (f->status == 200) {
        jw_kstr(w, "executedVersion", f->executed_version);
        if (f->function_error)
            jw_kstr(w, "functionError", STR("Unhandled"));
    }
    jw_object_end(w);
}

/* U+FFFE and U+FFFF may stand raw in JSON but not in an SQS message: escaped, they mean the same. */
static void add_deliverable(struct buf *b, struct str s)
{
    size_t from = 0;

    for (size_t i = 0; i + 2 < s.n; i++) {
        const unsigned char *u = (const unsigned char *)s.p + i;

        if (u[0] != 0xef || u[1] != 0xbf || u[2] < 0xbe)
            continue;
        buf_add(b, s.p + from, i - from);
        buf_z(b, u[2] == 0xbe ? "\\ufffe" : "\\uffff");
        from = i + 3;
        i += 2;
    }
    buf_add(b, s.p + from, s.n - from);
}

static void write_payload(struct json_writer *w, const char *key, struct str payload)
{
    CLEANUP(buf_done) struct buf compact = { 0 };
    CLEANUP(buf_done) struct buf safe = { 0 };

    json_compact(&compact, str_empty(payload) ? STR("{}") : payload);
    if (memmem(compact.p, compact.n, "\xef\xbf", 2) == NULL) {
        jw_kraw(w, key, buf_view(&compact));
        return;
    }
    add_deliverable(&safe, buf_view(&compact));
    jw_kraw(w, key, buf_view(&safe));
}

static void write_response(struct json_writer *w, const struct record_facts *f)
{
    if (str_absent(f->response_payload) || str_empty(f->response_payload))
        return;
    if (json_check(f->response_payload, NULL) == 0) {
        write_payload(w, "responsePayload", f->response_payload);
        return;
    }
    jw_key(w, STR("deliveryError"));
    jw_object(w);
    jw_ki64(w, "statusCode", 400);
    jw_kstr(w, "errorCode", STR("InvalidRequestContentException"));
    jw_kstr(w, "errorMessage", STR("Could not parse the function's response into json"));
    jw_object_end(w);
}

static void write_all(struct buf *b, const struct record_facts *f, bool request, bool response)
{
    struct json_writer w;
    CLEANUP(buf_done) struct buf when = { 0 };

    when_iso_ms(&when, f->decided_ms);
    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "version", STR("1.0"));
    jw_kstr(&w, "timestamp", buf_view(&when));
    write_request_context(&w, f);
    if (request)
        write_payload(&w, "requestPayload", f->request_payload);
    if (f->status != 0)
        write_response_context(&w, f);
    if (response)
        write_response(&w, f);
    jw_object_end(&w);
}

int record_write(struct buf *b, const struct record_facts *f, size_t max_bytes)
{
    size_t start = b->n;

    CHECK(f->condition != CONDITION_NONE && f->status >= 0);
    for (int dropped = 0;; dropped++) {
        b->n = start;
        write_all(b, f, dropped < 2, dropped < 1);
        if (b->n - start <= max_bytes || dropped == 2)
            return dropped;
    }
}
