/* tell.c - one row per step: the names of its arguments and the sentence. */
#include "control/tell.h"

#define MAX_ARGS 5

/* In a sentence $1..$5 are the step's arguments; $t1 prints the first as a time, $d1 as seconds. */
static const struct step_row {
    const char *step;
    const char *args[MAX_ARGS];
    const char *text;
} steps[] = {
    { "accepted", { "type", "payloadBytes", "source" }, "accepted as $1, $2 bytes" },
    { "started", { "attempt", "version", "environment" }, "attempt $1 started on version $2" },
    { "succeeded", { "attempt", "durationMs" }, "attempt $1 succeeded after $2 ms" },
    { "failed",
      { "attempt", "errorType", "errorMessage", "durationMs" },
      "attempt $1 failed after $4 ms: $2: $3" },
    { "retry", { "attempt", "at", "reason" }, "attempt $1 at $t2 because: $3" },
    { "throttled", { "reason" }, "throttled: $1" },
    { "missing", { "attempt", "message" }, "attempt $1 found no function: $2" },
    { "expired", { "maximumEventAgeSeconds", "reason" }, "given up: older than $1 s allow ($2)" },
    { "exhausted", { "attempts" }, "given up: all $1 attempts failed" },
    { "dropped", { "reason" }, "given up: $1" },
    { "recursion", { "executions" }, "stopped: the chain had run this function $1 times" },
    { "sent", { "what", "target", "id" }, "$1 sent to $2 (id $3)" },
    { "refused", { "what", "target", "reason" }, "$1 not delivered to $2: $3" },
    { "unchecked", { "role", "reason" }, "permission of $1: $2" },
    { "note", { "text" }, "$1" },
};

static const struct step_row *find_row(struct str step)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (str_is(step, steps[i].step))
            return &steps[i];
    return NULL;
}

static void put_arg(struct buf *b, struct arena *mem, const struct json *arg, bool as_time)
{
    int64_t ms;

    if (arg == NULL)
        return;
    if (as_time && json_i64(arg, &ms) == 0)
        when_iso_ms(b, ms);
    else if (arg->type == JSON_STRING)
        buf_str(b, json_text(mem, arg));
    else
        buf_str(b, arg->raw);
}

static void put_text(struct buf *b, struct arena *mem, const struct step_row *row, const struct json *step)
{
    for (const char *p = row->text; *p != '\0'; p++) {
        bool as_time;

        if (*p != '$') {
            buf_char(b, *p);
            continue;
        }
        as_time = p[1] == 't';
        p += as_time ? 2 : 1;
        put_arg(b, mem, json_at(step, (uint32_t)(*p - '0') + 1), as_time);
    }
}

static void tell_step(struct json_writer *w, struct arena *mem, const struct json *step)
{
    const struct step_row *row = find_row(json_text(mem, json_at(step, 1)));
    CLEANUP(buf_done) struct buf text = { 0 };
    CLEANUP(buf_done) struct buf when = { 0 };
    int64_t at_ms = 0;

    if (row == NULL || json_i64(json_at(step, 0), &at_ms) < 0)
        return;
    when_iso_ms(&when, at_ms);
    put_text(&text, mem, row, step);
    jw_object(w);
    jw_kstr(w, "time", buf_view(&when));
    jw_kstr(w, "step", str_of(row->step));
    jw_kstr(w, "text", buf_view(&text));
    for (uint32_t i = 0; i < MAX_ARGS && row->args[i] != NULL; i++) {
        const struct json *arg = json_at(step, i + 2);

        if (arg == NULL)
            continue;
        if (arg->type == JSON_STRING)
            jw_kstr(w, row->args[i], json_text(mem, arg));
        else
            jw_kraw(w, row->args[i], arg->raw);
    }
    jw_object_end(w);
}

static void tell_time(struct json_writer *w, const char *key, int64_t ms)
{
    CLEANUP(buf_done) struct buf when = { 0 };

    when_iso_ms(&when, ms);
    jw_kstr(w, key, buf_view(&when));
}

void tell_journey(struct json_writer *w, const struct journey *j)
{
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct json *story = NULL;
    int64_t accepted_ms = 0;

    jw_object(w);
    jw_kstr(w, "requestId", j->request_id);
    jw_kstr(w, "functionArn", j->function_arn);
    jw_kstr(w, "qualifier", j->qualifier);
    jw_kstr(w, "state", j->state);
    jw_ki64(w, "sequence", (int64_t)j->seq);
    if (json_parse(mem, j->story, &story, NULL) == 0) {
        const struct json *first = json_at(json_at(story, 0), 0);

        if (first != NULL && json_i64(first, &accepted_ms) == 0)
            tell_time(w, "acceptedAt", accepted_ms);
    }
    if (j->ended_ms > 0)
        tell_time(w, "endedAt", j->ended_ms);
    jw_key(w, STR("steps"));
    jw_array(w);
    if (story != NULL)
        JSON_EACH(story, step)
            tell_step(w, mem, step);
    jw_array_end(w);
    jw_object_end(w);
}
