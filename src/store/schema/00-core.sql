-- Small durable values of the server itself, and the next block of ids (store.c).
-- Read at start, written when one changes; the key is its only index.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) @TABLE@;
