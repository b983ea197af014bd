/* complexity.c - is an array's set of wildcards too complex for AWS?
 *
 * The rule (Event Ruler's README, "complexity"; its evaluator was asked about thousands of arrays, and this
 * file says the same): take all beginnings of a wildcard, cut at any character or star, in the quotes its
 * value stands between.  The complexity of an array is how many of them some one text can match at once.
 * EventBridge refuses more than ten (seen:
 * "*a*a*a*a*a" is taken, "*a*a*a*a*a*" and five times "*:" before "event-bus/" and a star are not).
 *
 * No automaton is needed for that maximum:
 *  - a star once reached stays reached, so a text that has been through everything it can go through is the
 * worst one, whatever it ends with; what it went through are wildcards whose first pieces begin alike (a
 * chain);
 *  - behind that, only the end of the text counts, and the longest piece being matched contains all the
 * shorter ones: it is enough to read every piece once;
 *  - the one other case is a text that is still inside a first piece: every first piece is read once, from
 * the start. The wildcards under one anything-but are one pattern: their common beginnings before a star,
 * that star, and their ends count once.  A wildcard written twice counts once (the Ruler now and then counts
 * more of it). */
#include "pattern/parts.h"

#define COMPLEXITY_MOST 10
#define STEPS_MOST 4000000 /* ours, far beyond any pattern of EventBridge's length */

struct glob {
    const struct test *test;
    const void *whole; /* the test of the field it belongs to */
    bool twin;         /* one before it in `whole` has the same first piece */
    bool in;           /* takes part in this reading */
    bool anchored;     /* the text so far begins its first piece */
    uint32_t level;    /* stars reached */
};
/* n bytes of one piece behind a star match the end of the text. */
struct partial {
    struct glob *glob;
    uint32_t piece, n;
};

struct reading {
    struct glob *globs;
    uint32_t n;
    struct partial *now, *next; /* room for COMPLEXITY_MOST + n + 1 each */
    uint32_t n_now;
    uint32_t depth; /* bytes read */
    bool too_many;
    uint64_t steps;
};

static uint32_t stars(const struct glob *g) { return g->test->n - 1; }

/* Pieces with the quotes around the value. */
static uint32_t piece_bytes(const struct glob *g, uint32_t piece)
{
    return (uint32_t)g->test->pieces[piece].n + (piece == 0) + (piece == stars(g));
}

static char piece_byte(const struct glob *g, uint32_t piece, uint32_t at)
{
    struct str s = g->test->pieces[piece];

    at -= piece == 0; /* the quote in front wraps round and lies behind the end, too */
    return at < s.n ? s.p[at] : '"';
}

static bool is_end(const struct partial *p)
{
    return p->piece == stars(p->glob) && p->n == piece_bytes(p->glob, p->piece);
}

static bool end_counted(const struct reading *r, uint32_t upto)
{
    for (uint32_t i = 0; i < upto; i++)
        if (r->now[i].glob->whole == r->now[upto].glob->whole && is_end(&r->now[i]))
            return true;
    return false;
}

static void weigh(struct reading *r)
{
    const void *begun = NULL;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < r->n; i++) {
        const struct glob *g = &r->globs[i];

        if (!g->in)
            continue;
        sum += g->level - (g->level > 0 && g->twin);
        if (g->anchored && g->whole != begun)
            sum++;
        if (g->anchored)
            begun = g->whole;
    }
    for (uint32_t i = 0; i < r->n_now; i++)
        sum += !is_end(&r->now[i]) || !end_counted(r, i);
    r->steps += r->n + r->n_now;
    r->too_many = r->too_many || sum > COMPLEXITY_MOST || r->steps > STEPS_MOST;
}

/* An end is there once for each glob at most; of others more than COMPLEXITY_MOST are too many already. */
static void push(struct reading *r, uint32_t *n, struct partial p)
{
    if (*n < COMPLEXITY_MOST + r->n + 1)
        r->next[(*n)++] = p;
    else
        r->too_many = true;
}

static void begin_pieces(struct reading *r, struct glob *g, char c, uint32_t *n)
{
    for (uint32_t piece = 1; piece <= g->level; piece++)
        if (piece_byte(g, piece, 0) == c)
            push(r, n, (struct partial){ g, piece, 1 });
    r->steps += g->level + 1;
}

static void read_byte(struct reading *r, char c)
{
    struct partial *old = r->now;
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n_now; i++) {
        struct partial p = r->now[i];

        if (p.n < piece_bytes(p.glob, p.piece) && piece_byte(p.glob, p.piece, p.n) == c)
            push(r, &n, (struct partial){ p.glob, p.piece, p.n + 1 });
    }
    for (uint32_t i = 0; i < r->n; i++) {
        struct glob *g = &r->globs[i];

        if (!g->in)
            continue;
        begin_pieces(r, g, c, &n);
        g->anchored = g->anchored && r->depth < piece_bytes(g, 0) && piece_byte(g, 0, r->depth) == c;
        if (g->anchored && r->depth + 1 == piece_bytes(g, 0) && stars(g) > 0)
            g->level = MAX(g->level, 1u);
    }
    r->depth++;
    r->now = r->next;
    r->next = old;
    r->n_now = n;
    for (uint32_t i = 0; i < n; i++) {
        struct partial p = r->now[i];

        if (p.piece < stars(p.glob) && p.n == piece_bytes(p.glob, p.piece))
            p.glob->level = MAX(p.glob->level, p.piece + 1);
    }
    weigh(r);
}

static void read_piece(struct reading *r, const struct glob *g, uint32_t piece)
{
    r->n_now = r->depth = 0;
    for (uint32_t i = 0; i < piece_bytes(g, piece) && !r->too_many; i++)
        read_byte(r, piece_byte(g, piece, i));
}

/* Everybody from the start, along one first piece. */
static void read_first(struct reading *r, const struct glob *along)
{
    for (uint32_t i = 0; i < r->n; i++) {
        r->globs[i].in = r->globs[i].anchored = true;
        r->globs[i].level = 0;
    }
    read_piece(r, along, 0);
}

/* Everybody whose first piece begins `along`'s, with every star reached. */
static void read_chain(struct reading *r, const struct glob *along)
{
    for (uint32_t i = 0; i < r->n; i++) {
        struct glob *g = &r->globs[i];

        g->in = stars(g) > 0 && str_starts(along->test->pieces[0], g->test->pieces[0]);
        g->anchored = false;
        g->level = stars(g);
    }
    for (uint32_t i = 0; i < r->n; i++)
        for (uint32_t piece = 1; r->globs[i].in && piece <= stars(&r->globs[i]) && !r->too_many; piece++)
            read_piece(r, &r->globs[i], piece);
}

/* ---- the wildcards of a field ---- */

static bool same_wildcard(const struct test *a, const struct test *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!str_eq(a->pieces[i], b->pieces[i]))
            return false;
    return true;
}

static void glob_add(struct reading *r, const struct test *t, const struct test *whole)
{
    struct glob g = { .test = t, .whole = whole };

    for (uint32_t i = 0; i < r->n; i++) {
        const struct glob *old = &r->globs[i];
        bool together = old->whole == whole;

        if ((together || (t == whole && old->test == old->whole)) && same_wildcard(t, old->test))
            return;
        g.twin |= together && stars(old) > 0 && t->n > 1 && str_eq(t->pieces[0], old->test->pieces[0]);
    }
    r->steps += r->n;
    r->globs[r->n++] = g;
}

bool pattern_too_complex(struct arena *scratch, const struct field *f)
{
    struct reading r = { 0 };
    uint32_t most = 0;

    for (uint32_t i = 0; i < f->n; i++)
        most += f->tests[i].kind == TEST_BUT ? f->tests[i].n : f->tests[i].kind == TEST_WILDCARD;
    r.globs = arena_calloc(scratch, most + 1, sizeof(*r.globs));
    for (uint32_t i = 0; i < f->n; i++) {
        const struct test *t = &f->tests[i];

        if (t->kind == TEST_WILDCARD)
            glob_add(&r, t, t);
        for (uint32_t k = 0; t->kind == TEST_BUT && k < t->n && t->inner[k].kind == TEST_WILDCARD; k++)
            glob_add(&r, &t->inner[k], t);
        if (r.steps > STEPS_MOST)
            return true;
    }
    r.now = arena_calloc(scratch, COMPLEXITY_MOST + r.n + 1, sizeof(*r.now));
    r.next = arena_calloc(scratch, COMPLEXITY_MOST + r.n + 1, sizeof(*r.next));
    for (uint32_t i = 0; i < r.n && !r.too_many; i++) {
        read_first(&r, &r.globs[i]);
        if (stars(&r.globs[i]) > 0 && !r.globs[i].twin && !r.too_many)
            read_chain(&r, &r.globs[i]);
    }
    return r.too_many;
}
