/* clock.c - the server's clock over HTTP, its durable setting "moved_ms mode rate seen_ms", and the line
 * about a step of the system's clock.
 *
 * The setting is written when the clock is moved, every second while it runs faster than time, and otherwise
 * once a minute in which something was committed: so a restart knows, to the minute, which moments are stored
 * already. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/internal.h"

#define MAX_ADVANCE_MS ((int64_t)366 * 24 * 3600 * 1000)
#define SETTING STR("clock")
#define SEEN_EVERY_NS ((int64_t)60 * 1000000000)

static void clock_json(struct control *c, struct buf *b)
{
    CLEANUP(buf_done) struct buf when = { 0 };
    CLEANUP(buf_done) struct buf system = { 0 };
    struct clock_reading r = clock_read();
    struct json_writer w;

    when_iso_ms(&when, clock_wall_at(c->o.clock, r));
    jw_init(&w, b);
    jw_object(&w);
    jw_kstr(&w, "now", buf_view(&when));
    jw_kstr(&w, "mode", c->o.clock->mode == CLOCK_FROZEN ? STR("frozen") : STR("running"));
    jw_key(&w, STR("rate"));
    jw_f64(&w, c->o.clock->rate);
    jw_ki64(&w, "offset_ms", clock_offset_at(c->o.clock, r));
    when_iso_ms(&system, r.real_ms);
    jw_kstr(&w, "system", buf_view(&system));
    jw_ki64(&w, "system_stepped_ms", clock_step_at(c->o.clock, r));
    jw_ki64(&w, "to_catch_up_ms", clock_debt_at(c->o.clock, r));
    jw_object_end(&w);
}

void clock_get(struct control *c, struct exchange *x)
{
    CLEANUP(buf_done) struct buf b = { 0 };

    clock_json(c, &b);
    control_reply(x, 200, &b);
}

/* A clock that runs faster than time is written ahead of itself: no restart may find it earlier than anybody
 * saw it. */
static int64_t ahead_ms(const struct clock *clock)
{
    return clock->mode == CLOCK_RUNNING && clock->rate > 1
               ? (int64_t)(clock->rate * 2 * CONTROL_CLOCK_KEEP_MS)
               : 0;
}

static uint64_t commits(const struct control *c)
{
    struct engine_stats s;

    engine_stats(c->o.engine, &s);
    return s.commits;
}

static void save(void *arg, struct turn *t)
{
    struct control *c = arg;
    char text[96];

    snprintf(text, sizeof(text), "%lld %d %.17g %lld", (long long)clock_moved_ms(c->o.clock),
             c->o.clock->mode, c->o.clock->rate, (long long)(t->now.wall_ms + ahead_ms(c->o.clock)));
    store_setting_put(t->store, SETTING, str_of(text));
    c->seen_kept_ns = t->now.mono_ns;
    c->seen_commits = commits(c) + 1; /* this turn's own */
}

void clock_moved(struct control *c)
{
    engine_soon(c->o.engine, save, c);
    engine_clock_changed(c->o.engine);
}

void control_clock_keep(struct control *c)
{
    int64_t stepped_ms;

    if (clock_step_news(c->o.clock, clock_read(), &stepped_ms))
        fprintf(stderr,
                "event=system_clock_stepped by_ms=%" PRId64 " offset_ms=%" PRId64
                " what=\"the system's clock was set "
                "%s; the server's goes on as before until it is started again\"\n",
                stepped_ms, clock_offset_ms(c->o.clock), stepped_ms < 0 ? "back" : "forward");
    if (ahead_ms(c->o.clock) > 0 ||
        (clock_mono_ns() - c->seen_kept_ns >= SEEN_EVERY_NS && commits(c) > c->seen_commits))
        engine_soon(c->o.engine, save, c);
}

/* A clock nobody froze or paced. */
static void go_on(struct clock *clock, int64_t moved_ms, int64_t seen_ms)
{
    switch (clock_restore(clock, moved_ms, seen_ms)) {
    case CLOCK_GOES_ON: return;
    case CLOCK_CATCHES_UP:
        fprintf(stderr,
                "event=clock_ahead ahead_ms=%" PRId64
                " what=\"the system's clock was set back since the server last "
                "ran; the server's runs at half pace until it is level\"\n",
                clock_debt_at(clock, clock_read()));
        return;
    case CLOCK_SET_BACK:
        fprintf(stderr,
                "event=clock_set_back by_ms=%" PRId64
                " what=\"the system's clock was set back by more than a day since "
                "the server last ran; what is stored with later moments waits for them: waybill clock "
                "advance, or reset\"\n",
                seen_ms - clock_now(clock).wall_ms);
        return;
    }
}

void control_clock_load(struct clock *clock, struct store *store)
{
    CLEANUP(arena_freep) struct arena *mem = arena_new(0);
    struct str text = store_setting(store, mem, SETTING);
    long long offset_ms = 0, seen_ms = 0;
    int mode = CLOCK_RUNNING;
    double rate = 1;
    int64_t target_ms, now_ms;

    if (str_absent(text) ||
        sscanf(arena_z(mem, text), "%lld %d %lf %lld", &offset_ms, &mode, &rate, &seen_ms) != 4)
        return;
    if (mode == CLOCK_RUNNING && rate == 1) {
        go_on(clock, offset_ms, seen_ms);
        return;
    }
    if (rate > 0 && rate != 1)
        clock_set_rate(clock, rate);
    if (mode == CLOCK_FROZEN)
        clock_freeze(clock);
    now_ms = clock_now(clock).wall_ms;
    target_ms = mode == CLOCK_FROZEN ? seen_ms : MAX(now_ms + offset_ms, seen_ms);
    if (target_ms > now_ms)
        clock_advance(clock, target_ms - now_ms);
}

/* Exactly one member, of the right type. */
static const struct json *only_member(struct control *c, struct exchange *x, struct str *ret_key)
{
    struct json *doc;

    (void)c;
    if (json_parse(x->mem, x->body, &doc, NULL) < 0 || doc->type != JSON_OBJECT || doc->n != 1) {
        control_error(x, 400,
                      "Send one of {\"advance_ms\":N}, {\"freeze\":true}, {\"resume\":true}, {\"rate\":R}");
        return NULL;
    }
    *ret_key = json_key(x->mem, doc->first);
    return doc->first;
}

static void set_rate(struct control *c, struct exchange *x, const struct json *v)
{
    double rate;

    if (v->type != JSON_NUMBER || json_f64(v, &rate) < 0 || !(rate >= 0.001 && rate <= 100000)) {
        control_error(x, 400,
                      "rate is a number from 0.001 to 100000: server milliseconds per real millisecond");
        return;
    }
    clock_set_rate(c->o.clock, rate);
    clock_moved(c);
    clock_get(c, x);
}

static void switch_mode(struct control *c, struct exchange *x, const struct json *v,
                        void (*act)(struct clock *clock))
{
    if (v->type != JSON_TRUE) {
        control_error(x, 400, "freeze and resume take true");
        return;
    }
    act(c->o.clock);
    clock_moved(c);
    clock_get(c, x);
}

static void advance(struct control *c, struct exchange *x, const struct json *v)
{
    int64_t ms;

    if (v->type != JSON_NUMBER || json_i64(v, &ms) < 0 || ms < 0 || ms > MAX_ADVANCE_MS) {
        control_error(x, 400, "advance_ms is a whole number from 0 to %lld", (long long)MAX_ADVANCE_MS);
        return;
    }
    settle_advance(c, x, ms);
}

void clock_post(struct control *c, struct exchange *x)
{
    struct str key;
    const struct json *v = only_member(c, x, &key);

    if (v == NULL)
        return;
    if (str_is(key, "advance_ms"))
        advance(c, x, v);
    else if (str_is(key, "freeze"))
        switch_mode(c, x, v, clock_freeze);
    else if (str_is(key, "resume"))
        switch_mode(c, x, v, clock_resume);
    else if (str_is(key, "rate"))
        set_rate(c, x, v);
    else
        control_error(x, 400, "\"" STR_FMT "\" is not known here; send advance_ms, freeze, resume or rate",
                      STR_ARG(key));
}
