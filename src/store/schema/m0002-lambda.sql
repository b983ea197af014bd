-- What was changed at a function's EventInvokeConfigs and dead-letter queue, one row per member that changed; the last
-- LAMBDA_HISTORY_ROWS of a function stay (service/lambda/history.c), all leave with it.  Read by `waybill explain`.
-- was, becomes: an ARN or a number; NULL when unset.  The index pays once per such change and serves the bound, the
-- reading and DeleteFunction.
CREATE TABLE lambda_history (
  id @KEY@,
  function_id INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  operation TEXT NOT NULL,
  qualifier TEXT NOT NULL,
  member TEXT NOT NULL,
  was TEXT,
  becomes TEXT
) @TABLE@;
CREATE INDEX lambda_history_function ON lambda_history (function_id, id);
