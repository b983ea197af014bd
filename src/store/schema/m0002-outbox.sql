-- What must still be delivered, later or to somewhere outside (flow/outbox.h).
-- No index but the key: the due time is ordered in memory.  Costs: 1 INSERT when something comes here (a healthy
-- delivery inside Waybill never does), 1 SELECT when it is due, 1 UPDATE per attempt that failed, 1 DELETE at the end;
-- start of the server: one scan without the payloads.
-- due_ms and attempts change with every attempt and stand before the payload, so a large one is not rewritten.
-- kind: whose it is, "sns" or "events".
CREATE TABLE outbox (
    id         @KEY@,
    due_ms     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    payload    @BLOB@ NOT NULL
) @TABLE@;
