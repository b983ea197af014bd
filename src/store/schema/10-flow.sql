-- Every event that got a 202 and has not ended. One row per event; inserted at accept, deleted at the end,
-- updated only after a failed execution. No index: ids carry the key, the due time is ordered in memory.
CREATE TABLE event (
    seq         @KEY@,
    request_id  TEXT NOT NULL,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    qualifier   TEXT,                 -- as requested; NULL: unqualified
    type        TEXT NOT NULL,        -- Event, InvokeAsync, destination
    source      TEXT,
    trace       TEXT NOT NULL,
    enqueued_ms INTEGER NOT NULL,
    due_ms      INTEGER NOT NULL,
    retries     INTEGER NOT NULL,     -- function error retries used
    executions  INTEGER NOT NULL,     -- attempts made, missing targets included
    last_status INTEGER NOT NULL,     -- 0: no attempt yet, 200 function error, 404 target gone
    last_version TEXT,
    config      TEXT,                 -- retries, age, role and destinations in force at the last attempt; NULL before it
    story       TEXT,                 -- steps since the accept; NULL on the happy path
    last_payload @BLOB@,
    payload     @BLOB@ NOT NULL
) @TABLE@;

-- How ended events fared. One insert per event, the oldest leave by key. There is no index on function_arn: `waybill trace --function`
-- walks back from the newest instead, so an event does not pay for it.
CREATE TABLE journey (
    seq          @KEY@,
    request_id   TEXT NOT NULL,
    function_arn TEXT NOT NULL,
    qualifier    TEXT,
    state        TEXT NOT NULL,
    ended_ms     INTEGER NOT NULL,
    story        TEXT NOT NULL
) @TABLE@;
