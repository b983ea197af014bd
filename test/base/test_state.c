/* test_state.c - a machine moves as its table says and no other way; a void * that is another's is found. */
#include "base/state.h"
#include "test/aborts.h"

enum door { DOOR_OPEN, DOOR_SHUT, DOOR_GONE, DOOR_COUNT };

#define TO(s) STATE_BIT(DOOR_##s)
static const struct state doors[DOOR_COUNT] = {
    [DOOR_OPEN] = { "open", TO(SHUT) },
    [DOOR_SHUT] = { "shut", TO(SHUT) | TO(OPEN) | TO(GONE) },
    [DOOR_GONE] = { "gone", 0 },
};
static const struct states door = STATES("door", doors);

#define THING_MAGIC 0x7418u

struct thing {
    uint32_t magic;
    enum door at;
    uint8_t small;
};

TEST(state, moves_of_the_table)
{
    struct thing t = { .at = DOOR_OPEN, .small = DOOR_OPEN };

    STATE_MOVE(&door, t.at, DOOR_SHUT);
    STATE_MOVE(&door, t.at, DOOR_SHUT);
    EXPECT_INT(t.at, DOOR_SHUT);
    STATE_MOVE(&door, t.small, DOOR_SHUT);
    STATE_MOVE(&door, t.small, DOOR_GONE);
    EXPECT_INT(t.small, DOOR_GONE);
}

TEST(state, asked_before)
{
    EXPECT(state_may(&door, DOOR_SHUT, DOOR_OPEN));
    EXPECT(!state_may(&door, DOOR_OPEN, DOOR_OPEN));
    EXPECT(!state_may(&door, DOOR_OPEN, DOOR_GONE));
    EXPECT(!state_may(&door, DOOR_GONE, DOOR_OPEN));
    EXPECT(!state_may(&door, DOOR_COUNT, DOOR_OPEN));
    EXPECT(!state_may(&door, DOOR_SHUT, DOOR_COUNT));
    EXPECT(!state_may(&door, DOOR_SHUT, 4096));
    EXPECT_Z(state_name(&door, DOOR_GONE), "gone");
    EXPECT_Z(state_name(&door, DOOR_COUNT), "?");
}

static void through_the_wall(void)
{
    enum door at = DOOR_OPEN;

    STATE_MOVE(&door, at, DOOR_GONE);
}

static void from_nowhere(void)
{
    uint8_t at = 200;

    STATE_MOVE(&door, at, DOOR_SHUT);
}

TEST(state, other_moves_end_the_program)
{
    EXPECT_ABORTS(through_the_wall, "door: open (0) may not become gone (2)");
    EXPECT_ABORTS(from_nowhere, "door: ? (200) may not become shut (1)");
}

static struct thing *through(void *arg) { return CAST(struct thing, THING_MAGIC, arg); }

static void of_nothing(void) { through(NULL); }

static void of_another(void)
{
    uint32_t other[8] = { THING_MAGIC + 1 };

    through(other);
}

TEST(cast, only_what_it_says)
{
    struct thing t = { .magic = THING_MAGIC };
    const void *seen = &t;

    EXPECT(through(&t) == &t);
    EXPECT(CAST(const struct thing, THING_MAGIC, seen) == &t);
    EXPECT_ABORTS(of_nothing, "arg is a struct thing");
    EXPECT_ABORTS(of_another, "arg is a struct thing, as THING_MAGIC says");
}

UNIT_MAIN
