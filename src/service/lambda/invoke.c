/* invoke.c - Invoke and InvokeAsync.  Order of checks: name, region and account, rights, function and
 * qualifier, state, payload size, payload JSON; then recursion and concurrency for RequestResponse alone.
 * Event is never refused for lack of concurrency: its event waits in the queue.
 *
 * RequestResponse: everything of a waiting call lies in the call's arena, which lives until call_reply(),
 * also when the client has gone: the execution goes on and gives its slot back when it is done. */
#include "service/lambda/invoke.h"

#include "base/crypt.h"
#include "flow/lineage.h"
#include "metric/metric.h"

#define CLIENT_CONTEXT_BYTES 3583
#define SOURCE \
    "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %u, column: %u]"
#define EXPECTED \
    "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

/* ---- the payload ---- */

static void problem_reason(struct buf *b, const struct json_error *e)
{
    switch (e->problem) {
    case JSON_BAD_UTF8: /* inside a text; where a value should begin it is any character */
        if (e->wanted == JSON_WANT_VALUE)
            buf_printf(b, "Unexpected character ((CTRL-CHAR, code %u)): " EXPECTED, e->byte);
        else
            buf_printf(b, "Invalid UTF-8 start byte 0x%02x", e->byte);
        break;
    case JSON_UNEXPECTED_END:
        buf_z(b, "Unexpected end-of-input");
        if (e->open != 0)
            buf_printf(b, ": expected close marker for %s (start marker at " SOURCE ")",
                       e->open == '{' ? "Object" : "Array", e->open_line, e->open_column);
        break;
    case JSON_UNEXPECTED_CHAR:
    case JSON_CONTROL_CHAR:
    case JSON_BAD_LITERAL:
        if (e->byte < 0x20 || e->byte > 0x7e)
            buf_printf(b, "Unexpected character ((CTRL-CHAR, code %u)): " EXPECTED, e->byte);
        else
            buf_printf(b, "Unexpected character ('%c' (code %u)): " EXPECTED, e->byte, e->byte);
        break;
    case JSON_EMPTY: buf_z(b, "No content to map due to end-of-input"); break;
    case JSON_TRAILING: buf_z(b, "Trailing content after the JSON value"); break;
    case JSON_TOO_DEEP:
        buf_printf(b, "Document nesting depth exceeds the maximum allowed (%d)", JSON_MAX_DEPTH);
        break;
    case JSON_BAD_ESCAPE: buf_z(b, "Unrecognized character escape"); break;
    case JSON_BAD_NUMBER: buf_z(b, "Invalid numeric value"); break;
    case JSON_OK: break;
    }
}

void payload_problem(struct buf *b, const struct json_error *e)
{
    buf_z(b, "Could not parse request body into json: Could not parse payload into json: ");
    problem_reason(b, e);
    buf_printf(b, "\n at " SOURCE, e->line, e->column);
}

static int check_json(struct call *c, struct str payload)
{
    struct buf b CLEANUP(buf_done) = { 0 };
    struct json_error error;

    if (str_empty(payload) || json_check(payload, &error) == 0)
        return 0;
    payload_problem(&b, &error);
    return FAULT(c, InvalidRequestContentException, STR_FMT, STR_ARG(buf_view(&b)));
}

static int check_size_event(struct call *c, struct str payload, size_t limit)
{
    if (payload.n <= limit)
        return 0;
    return call_fault(c, &error_request_entity_too_large,
                      "%zu byte payload is too large for the Event invocation type"
                      " (limit %zu bytes)",
                      payload.n, limit);
}

static int check_size_sync(struct call *c, struct str payload)
{
    if (payload.n <= SYNC_PAYLOAD_BYTES)
        return 0;
    return call_fault(c, &error_request_entity_too_large,
                      "Request must be smaller than %zu bytes for the InvokeFunction operation",
                      SYNC_PAYLOAD_BYTES);
}

/* ---- the target ---- */

static int fault_pending(struct call *c)
{
    int rc = FAULT(c, ResourceConflictException,
                   "The operation cannot be performed at this time. The function is currently in the"
                   " following state: Pending");

    c->fault.null_type = true;
    return rc;
}

static int invoke_target(struct call *c, struct str name, struct str qualifier, struct target_ref *r,
                         struct version **ret)
{
    int rc = target_resolve(c, name, qualifier, "lambda:InvokeFunction", r);

    if (rc != 0)
        return rc;
    *ret = r->function != NULL ? qualifier_drawn(r->function, r->qualifier) : NULL;
    if (*ret == NULL)
        return fault_function_missing(c, arn_qualified(c->mem, r->arn,
                                                       str_absent(r->qualifier) ? LATEST : r->qualifier));
    return (*ret)->state == VERSION_PENDING ? fault_pending(c) : 0;
}

/* ---- Event ---- */

struct str trace_shown(struct arena *a, struct str header)
{
    static const struct {
        const char *key, *shown;
    } keys[] = { { "Root=", "root=" }, { "Parent=", "parent=" }, { "Sampled=", "sampled=" } };
    struct str item;
    char *p = arena_alloc(a, header.n + 1);
    size_t n = 0;

    while (str_cut(&header, ';', &item))
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct str key = str_of(keys[i].key);

            if (!str_starts(item, key))
                continue;
            if (n > 0)
                p[n++] = ';';
            memcpy(p + n, keys[i].shown, key.n);
            memcpy(p + n + key.n, item.p + key.n, item.n - key.n);
            n += item.n;
        }
    return str_make(p, n);
}

/* With a handle that spares finding it again. */
static struct callee callee_of(const struct lambda *l, const struct target_ref *r)
{
    return (struct callee){ r->account, r->region, r->name, r->qualifier, r->function, l->generation };
}

static int accept_event(struct call *c, const struct target_ref *r, struct str payload, struct str trace,
                        const char *type)
{
    char id[UUID_TEXT + 1];
    const struct async_request request = {
        .to = callee_of(lambda_of(c), r),
        .payload = payload,
        .trace_header = trace,
        .type = type,
        .source = STR_NONE,
    };
    int rc = async_accept(lambda_of(c)->o.async, c->turn, &request, id);

    if (rc == -E_FULL)
        return call_fault(c, &error_unavailable, "The queue of asynchronous events is full.");
    if (rc != 0)
        return rc;
    usage_facts_async(r->function, c->now.wall_ms);
    c->request_id = arena_str(c->mem, str_make(id, UUID_TEXT));
    call_header(c, "x-amzn-Remapped-Content-Length", STR("0"));
    call_header(c, "X-Amzn-Trace-Id", trace_shown(c->mem, trace));
    return reply_empty(c, 202);
}

static int invoke_event(struct call *c, const struct target_ref *r, struct str payload)
{
    int rc = check_size_event(c, payload, EVENT_PAYLOAD_BYTES);

    rc = rc != 0 ? rc : check_json(c, payload);
    if (rc != 0)
        return rc;
    struct str trace = trace_complete(c->mem, call_request_header(c, "X-Amzn-Trace-Id"), c->now.wall_ms);
    return accept_event(c, r, payload, trace, "Event");
}

int lambda_invoke_async(struct call *c, const void *input, void *output)
{
    const struct lambda_InvokeAsyncRequest *in = input;
    struct target_ref r;
    struct version *v;
    int rc = invoke_target(c, in->FunctionName, STR_NONE, &r, &v);

    (void)output;
    rc = rc != 0 ? rc : check_size_event(c, in->InvokeArgs, INVOKE_ASYNC_PAYLOAD_BYTES);
    rc = rc != 0 ? rc : check_json(c, in->InvokeArgs);
    if (rc != 0)
        return rc;
    return accept_event(c, &r, in->InvokeArgs, trace_complete(c->mem, STR_NONE, c->now.wall_ms),
                        "InvokeAsync");
}

/* ---- RequestResponse ---- */

struct sync_run {
    struct run run;
    struct callee callee;
    struct call *c;
};

static void reply_headers(struct sync_run *s, const struct outcome *o)
{
    struct call *c = s->c;

    call_header(c, "X-Amz-Executed-Version", s->run.execution.code->version);
    if (o->kind == OUTCOME_ERROR)
        call_header(c, "X-Amz-Function-Error", STR("Unhandled"));
    if (s->run.execution.want_tail)
        call_header(c, "X-Amz-Log-Result", base64_str(c->mem, o->log_tail));
    call_header(c, "X-Amzn-Trace-Id", trace_shown(c->mem, s->run.execution.trace_header));
}

static void sync_done(struct run *r, const struct outcome *o, struct turn *t)
{
    struct sync_run *s = CONTAINER_OF(r, struct sync_run, run);
    struct call *c = s->c;
    int rc = 0;

    c->turn = t;
    c->now = t->now;
    if (o->kind == OUTCOME_SYSTEM)
        rc = FAULT(c, ServiceException, STR_FMT, STR_ARG(o->why));
    else {
        reply_headers(s, o);
        call_raw(c, 200, "application/json", arena_str(c->mem, o->payload));
    }
    call_reply(c, rc);
}

static int fault_throttled(struct call *c, enum admission why)
{
    int rc = FAULT(c, TooManyRequestsException, "Rate Exceeded.");

    c->fault.extra_json = why == NO_SLOT_RESERVED
                              ? STR("\"Reason\":\"ReservedFunctionConcurrentInvocationLimitExceeded\"")
                              : STR("\"Reason\":\"ConcurrentInvocationLimitExceeded\"");
    call_header(c, "Retry-After", STR("1")); /* UNVERIFIED value */
    return rc;
}

/* The client's context, decoded; absent when none was sent. */
static int client_context(struct call *c, struct str text, struct str *ret)
{
    struct json_error error;

    *ret = STR_NONE;
    if (str_empty(text))
        return 0;
    if (text.n > CLIENT_CONTEXT_BYTES || base64_decode(c->mem, text, ret) != 0 ||
        json_check(*ret, &error) != 0)
        return FAULT(c, InvalidRequestContentException,
                     "Client context must be a valid Base64-encoded JSON object.");
    return 0;
}

static int sync_trace(struct call *c, const struct target_ref *r, struct str *ret)
{
    const struct metric_lambda counted = { r->account, r->region, r->name, r->qualifier, STR_NONE };
    const struct function *f = r->function;
    int64_t count = 0;
    int rc =
        lineage_next(c->mem, call_request_header(c, "X-Amzn-Trace-Id"), f->arn, c->now.wall_ms, ret, &count);

    if (rc != 0)
        return rc;
    if (count <= LINEAGE_MAX_EXECUTIONS || f->recursion_allowed)
        return 0;
    metric_lambda_count(c->turn, &counted, "RecursiveInvocationsDropped", 1);
    return FAULT(c, RecursiveInvocationException,
                 "Lambda stopped this function from calling itself: it ran %d times in one"
                 " chain of invocations.",
                 LINEAGE_MAX_EXECUTIONS);
}

static int invoke_sync(struct call *c, const struct lambda_InvocationRequest *in, const struct target_ref *r,
                       struct version *v)
{
    struct lambda *l = lambda_of(c);
    struct sync_run *s = ARENA_NEW(c->mem, struct sync_run);
    struct execution *e = &s->run.execution;
    int rc = client_context(c, in->ClientContext, &e->client_context);
    struct slot slot;

    rc = rc != 0 ? rc : sync_trace(c, r, &e->trace_header);
    if (rc != 0)
        return rc;
    s->callee = callee_of(l, r);
    enum admission admission = run_admit(&l->runner, &s->callee, &slot);
    if (admission != ADMITTED) {
        struct metric_lambda counted = run_metric(&s->callee, STR_NONE);

        metric_lambda_throttled(c->turn, &counted);
        return fault_throttled(c, admission);
    }
    usage_facts_sync(r->function, in->Payload, c->now.wall_ms);
    s->c = c;
    s->run.callee = &s->callee;
    s->run.done = sync_done;
    e->request_id = c->request_id;
    e->invoked_arn = arena_str(c->mem, r->requested_arn);
    e->payload = str_empty(in->Payload) ? STR("{}") : in->Payload;
    e->want_tail = str_is(in->LogType, "Tail");
    e->queued_mono_ns = c->now.mono_ns;
    run_start(&s->run, &l->runner, v->code, slot);
    return -E_WAIT;
}

int lambda_invoke(struct call *c, const void *input, void *output)
{
    const struct lambda_InvocationRequest *in = input;
    struct target_ref r;
    struct version *v;
    int rc = invoke_target(c, in->FunctionName, in->Qualifier, &r, &v);

    (void)output;
    if (rc != 0)
        return rc;
    if (!str_empty(in->TenantId))
        return fault_unsupported(c, "X-Amz-Tenant-Id");
    if (!str_empty(in->DurableExecutionName))
        return fault_unsupported(c, "X-Amz-Durable-Execution-Name");
    if (str_is(in->InvocationType, "Event"))
        return invoke_event(c, &r, in->Payload);
    rc = check_size_sync(c, in->Payload);
    rc = rc != 0 ? rc : check_json(c, in->Payload);
    if (rc != 0)
        return rc;
    return str_is(in->InvocationType, "DryRun") ? reply_empty(c, 204) : invoke_sync(c, in, &r, v);
}
