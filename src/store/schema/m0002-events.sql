-- EventBridge: buses and rules (service/events).  Both are read once, at the start, and found in memory from then on.
-- Costs:
--   PutEvents                      nothing here: what is delivered is the target's row, what nobody wants is no row
--   a schedule that fires          1 UPDATE (two integers)
--   everything that changes a bus or rule   1 INSERT, UPDATE or DELETE
--   start of the server            1 scan of both tables

-- The default bus has a row only once something is kept with it.  policy: resource policy as JSON, NULL: none.
-- tags: JSON object of texts.  The unique index is paid for by CreateEventBus; it guards what the memory knows.
CREATE TABLE events_bus (
    id          @KEY@,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    description TEXT,
    policy      TEXT,
    tags        TEXT NOT NULL,
    UNIQUE (account, region, name)
)@TABLE@;

-- What a firing schedule changes stands first and keeps its width.  anchor_ms: when the rule was made or enabled, from
-- which rates count; fired_ms: the last firing, 0: none.  targets: JSON array of targets as the API spells them, at most
-- five, so one row is the whole rule.  The unique index is paid for by PutRule and DeleteRule.
CREATE TABLE events_rule (
    id          @KEY@,
    anchor_ms   INTEGER NOT NULL,
    fired_ms    INTEGER NOT NULL,
    enabled     INTEGER NOT NULL,
    bus_id      INTEGER NOT NULL,
    name        TEXT NOT NULL,
    pattern     TEXT,
    schedule    TEXT,
    description TEXT,
    role_arn    TEXT,
    tags        TEXT NOT NULL,
    targets     TEXT NOT NULL,
    UNIQUE (bus_id, name)
)@TABLE@;
