-- CloudWatch metrics: one row per account, region, namespace, name, dimensions and unit that was ever counted and not
-- forgotten. The unique index is paid once per series and serves ListMetrics, and a reader looking for one metric's units.
-- last_minute and minutes are written once per minute in which the series is counted; last_minute stands in no index.
-- dimensions: name, 0x01, value, 0x02 per dimension, in the order of the names. ids are small: see metric_minute.
CREATE TABLE metric_series (
    id          @KEY@,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    space       TEXT NOT NULL,
    name        TEXT NOT NULL,
    dimensions  TEXT NOT NULL,
    unit        TEXT NOT NULL,
    last_minute INTEGER NOT NULL,
    minutes     INTEGER NOT NULL,
    UNIQUE (account, region, space, name, dimensions, unit)
) @TABLE@;

-- What one series counted in one minute. The key is the series' id times 2^32 plus the minute since 1970: reading a range
-- of one series is reading neighbours, and there is no further index to pay. Written at most once a second while the
-- minute lasts. body: values and how often each came (metric/values.h); NULL where low = high, or where they are
-- not known one by one.
CREATE TABLE metric_minute (
    id    @KEY@,
    count REAL NOT NULL,
    sum   REAL NOT NULL,
    low   REAL NOT NULL,
    high  REAL NOT NULL,
    body  @BLOB@
) @TABLE@;
