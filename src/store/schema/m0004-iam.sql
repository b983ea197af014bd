-- Long-lived access keys, read once at start and kept in memory (service/iam/access_key.c). They are kept readable: whoever
-- verifies an HMAC must have its secret; the database is for its owner alone (0600). user_name NULL: the root of the
-- server's default account. No index but the key: there are few.
CREATE TABLE iam_access_key (
    id         @KEY@,
    access_key TEXT NOT NULL,
    secret     TEXT NOT NULL,
    user_name  TEXT,
    active     INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) @TABLE@;
