-- CloudWatch Logs: which services may write (PutResourcePolicy).  At most ten rows per account and region; read at the
-- start and after each change, never while lines are written.
CREATE TABLE log_policy (
    id          @KEY@,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    document    TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    UNIQUE (account, region, name)
)@TABLE@;
