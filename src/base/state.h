/* state.h - the states of a machine as a table, and the one way to move between them.
 *
 *     #define TO(s) STATE_BIT(DOOR_##s)
 *     static const struct state door_states[] = {
 *         [DOOR_OPEN] = { "open", TO(SHUT) },
 *         [DOOR_SHUT] = { "shut", TO(OPEN) | TO(GONE) },
 *         [DOOR_GONE] = { "gone", 0 },
 *     };
 *     static const struct states door = STATES("door", door_states);
 *
 *     STATE_MOVE(&door, d->state, DOOR_SHUT);
 *
 * A move that the table does not have is a bug of ours, names machine, states and place, and ends the program
 * as CHECK does.  So it is for what our own parts promise: what a peer may ask for at the wrong moment is
 * asked with state_may() and refused; a state read from a row goes through rows_count() or is refused. To
 * stay is a move like any other: only where the table has it.
 */
#ifndef WAYBILL_BASE_STATE_H
#define WAYBILL_BASE_STATE_H

#include "base/def.h"

#define STATE_BIT(s) (1u << (s)) /* so at most 32 states */

struct state {
    const char *name;
    unsigned may; /* STATE_BIT of every state that can follow */
};

struct states {
    const char *machine;
    const struct state *v;
    unsigned n;
};

#define STATES(machine, table)           \
    {                                    \
        machine, table, ARRAY_LEN(table) \
    }

void state_failed(const struct states *m, unsigned from, unsigned to, const char *file, int line)
    __attribute__((noreturn, cold));

static inline bool state_may(const struct states *m, unsigned from, unsigned to)
{
    return from < m->n && to < m->n && (m->v[from].may & STATE_BIT(to)) != 0;
}

/* Never NULL: "?" for a number that is no state. */
static inline const char *state_name(const struct states *m, unsigned s)
{
    return s < m->n && m->v[s].name != NULL ? m->v[s].name : "?";
}

static inline unsigned state_step(const struct states *m, unsigned from, unsigned to, const char *file,
                                  int line)
{
    if (__builtin_expect(!state_may(m, from, to), 0))
        state_failed(m, from, to, file, line);
    return to;
}

/* at: where the state is kept, an enum or a small unsigned number; evaluated twice. */
#define STATE_MOVE(m, at, to) \
    ((at) = (__typeof__(at))state_step(m, (unsigned)(at), (unsigned)(to), __FILE__, __LINE__))

#endif
