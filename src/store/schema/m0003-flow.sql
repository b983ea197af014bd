-- An event that was throttled goes on with its back-off after a restart, and stands in its function's line (flow/async.c).
ALTER TABLE event ADD COLUMN backoff INTEGER NOT NULL DEFAULT 0;     -- throttles and system errors since the last execution
ALTER TABLE event ADD COLUMN throttled INTEGER NOT NULL DEFAULT 0;   -- 1: the last attempt found no slot
