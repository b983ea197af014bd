/* tick.h - schedules on the server's clock.
 *
 * A rule's timer stands at its next moment: of a rate a whole number of periods after the rule was made or
 * enabled, of a cron expression the next minute that fits, in UTC.  When it fires, one event goes to the
 * rule's targets; a clock that was moved over several moments fires once, with the time it then shows
 * (UNVERIFIED: nobody can move AWS's clock), and the next firing is the first moment after that.  The last
 * firing is kept, so a restart does not fire twice; a moment that passed while the server was down fires once
 * when it is back.
 *
 *   IDLE ──tick_arm: a next moment──> WAITING ──the timer──> FIRING
 *     ^ <──disabled, stopped, no moment──┘ ^                   │ │
 *     │                                    └──a next moment────┘ │
 *     └────────────────none; or the turn failed──────────────────┘
 *
 * The timers are no work: `settle --advance` does not walk to them, or it would never end. */
#ifndef WAYBILL_SERVICE_EVENTS_TICK_H
#define WAYBILL_SERVICE_EVENTS_TICK_H

#include "service/events/state.h"

/* Sets, moves or stops the timer of a rule whose schedule, state or last firing changed. */
void tick_arm(struct rule *r, struct turn *t);
/* Stops the timer of a rule that goes. */
void tick_stop(struct rule *r, struct turn *t);
/* All timers: after a load, and before everything is forgotten. */
void tick_arm_all(struct events *e, struct turn *t);
void tick_stop_all(struct events *e, struct turn *t);
/* The engine is gone, and its timers with it. */
void tick_forget_all(struct events *e);

#endif
