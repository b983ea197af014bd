-- CloudWatch Logs: groups. The unique index is paid by CreateLogGroup and finds a group by name; describing lists
-- it in name order. bytes and streams count what the group holds, so that its bounds cost no scan.
CREATE TABLE log_group (
    id             @KEY@,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    created_ms     INTEGER NOT NULL,
    retention_days INTEGER,
    bytes          INTEGER NOT NULL DEFAULT 0,
    streams        INTEGER NOT NULL DEFAULT 0,
    tags           TEXT NOT NULL,
    UNIQUE (account, region, name)
) @TABLE@;

-- Streams. The unique index is paid by CreateLogStream and by a function's first line in a new environment.
-- A flush updates the times, which stand in no index.
CREATE TABLE log_stream (
    id           @KEY@,
    group_id     INTEGER NOT NULL,
    name         TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    first_ms     INTEGER,
    last_ms      INTEGER,
    ingested_ms  INTEGER,
    UNIQUE (group_id, name)
) @TABLE@;

-- Lines, many to a row (service/logs/log_chunk.h says how a body is laid out). first_ms and last_ms bound the row's
-- lines. Both indexes are paid once per flush and hold all a reader needs to pass a row over without touching it:
-- log_row_stream serves GetLogEvents and DeleteLogStream, log_row_group serves FilterLogEvents, retention and the
-- bound of a group (oldest rows first).
CREATE TABLE log_row (
    id          @KEY@,
    group_id    INTEGER NOT NULL,
    stream_id   INTEGER NOT NULL,
    first_ms    INTEGER NOT NULL,
    last_ms     INTEGER NOT NULL,
    ingested_ms INTEGER NOT NULL,
    lines       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    body        @BLOB@ NOT NULL
) @TABLE@;
CREATE INDEX log_row_stream ON log_row (stream_id, last_ms, first_ms);
CREATE INDEX log_row_group ON log_row (group_id, last_ms, first_ms, stream_id);
