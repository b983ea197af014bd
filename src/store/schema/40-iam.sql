-- IAM: everything is read once at start and kept in memory; an API call that changes something pays for its own
-- rows and the unique index of the table. No query uses an index while the server runs.

-- One row per role. trust and tags are the documents as the user gave them (tags: JSON array of [key, value]).
CREATE TABLE iam_role (
    id            @KEY@,
    account       TEXT NOT NULL,
    name          TEXT NOT NULL,
    path          TEXT NOT NULL,
    role_id       TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    trust         TEXT NOT NULL,
    description   TEXT,
    max_session_s INTEGER NOT NULL,
    boundary      TEXT,                 -- ARN of the permissions boundary
    tags          TEXT NOT NULL
) @TABLE@;

-- Inline policies. PutRolePolicy replaces by (role, name).
CREATE TABLE iam_role_policy (
    role     INTEGER NOT NULL,
    name     TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (role, name)
) @TABLE@;

-- Managed policies attached to roles; id keeps the order of attaching.
CREATE TABLE iam_attachment (
    id         @KEY@,
    role       INTEGER NOT NULL,
    policy_arn TEXT NOT NULL
) @TABLE@;

-- Customer managed policies. (AWS managed ones are a table in the program.)
CREATE TABLE iam_policy (
    id              @KEY@,
    account         TEXT NOT NULL,
    name            TEXT NOT NULL,
    path            TEXT NOT NULL,
    policy_id       TEXT NOT NULL,
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    description     TEXT,
    default_version INTEGER NOT NULL,
    next_version    INTEGER NOT NULL,
    tags            TEXT NOT NULL
) @TABLE@;
CREATE TABLE iam_policy_version (
    policy     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    document   TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (policy, version)
) @TABLE@;
