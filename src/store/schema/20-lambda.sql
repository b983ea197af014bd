-- Lambda: what a user configured.  Everything here is read once, at start, into memory (service/lambda/registry.h)
-- and written through; no request reads these tables.

-- One row per function.  Written by CreateFunction, tags, concurrency, recursion config, and by whatever gives
-- out a version number.  next_version never goes back, so numbers are never given twice.
-- reserved_concurrency: -1 when none.  tags: a JSON object.
-- The unique key pays once per CreateFunction.
CREATE TABLE lambda_function (
  id @KEY@,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  next_version INTEGER NOT NULL,
  reserved_concurrency INTEGER NOT NULL,
  recursion_allowed INTEGER NOT NULL,
  tags TEXT NOT NULL,
  UNIQUE (account, region, name)
) @TABLE@;

-- $LATEST and the published versions.  config is one JSON document: SQL never searches it, and a new member needs
-- no migration.  source: digest of $LATEST's config when this version was published (nothing new, no new version).
-- The unique key serves DeleteFunction (all rows of one function) and pays once per version.
CREATE TABLE lambda_version (
  id @KEY@,
  function_id INTEGER NOT NULL,
  version TEXT NOT NULL,
  config TEXT NOT NULL,
  revision_id TEXT NOT NULL,
  last_modified_ms INTEGER NOT NULL,
  source TEXT,
  UNIQUE (function_id, version)
) @TABLE@;

-- Aliases.  additional_version is NULL without weighted routing.
CREATE TABLE lambda_alias (
  id @KEY@,
  function_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  function_version TEXT NOT NULL,
  description TEXT NOT NULL,
  additional_version TEXT,
  additional_weight REAL NOT NULL,
  revision_id TEXT NOT NULL,
  UNIQUE (function_id, name)
) @TABLE@;

-- Resource policies, one per qualifier ('' for the unqualified function).  statements: a JSON array, kept as the
-- text that AddPermission answered.
CREATE TABLE lambda_policy (
  id @KEY@,
  function_id INTEGER NOT NULL,
  qualifier TEXT NOT NULL,
  statements TEXT NOT NULL,
  revision_id TEXT NOT NULL,
  UNIQUE (function_id, qualifier)
) @TABLE@;

-- EventInvokeConfigs, one per qualifier ($LATEST, a number or an alias).  NULL: not set, which is not the default.
CREATE TABLE lambda_event_invoke_config (
  id @KEY@,
  function_id INTEGER NOT NULL,
  qualifier TEXT NOT NULL,
  maximum_retry_attempts INTEGER,
  maximum_event_age_s INTEGER,
  on_success TEXT,
  on_failure TEXT,
  last_modified_ms INTEGER NOT NULL,
  UNIQUE (function_id, qualifier)
) @TABLE@;
