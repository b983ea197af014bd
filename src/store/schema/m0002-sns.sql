-- SNS: topics and subscriptions are read once, at start, into memory (service/sns/topic.h) and written through; no
-- request reads these tables.  Publishing to queues and functions writes nothing here: 0 rows a message, but for FIFO
-- topics.  What waits for an HTTP endpoint or a retry stands in the outbox.

-- One row per topic.  attributes: JSON object of those that were set; tags: JSON object.  deleted: how many of its
-- subscriptions have ended.  The unique key pays once per CreateTopic.
CREATE TABLE sns_topic (
    id         @KEY@,
    account    TEXT NOT NULL,
    region     TEXT NOT NULL,
    name       TEXT NOT NULL,
    deleted    INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    tags       TEXT NOT NULL,
    UNIQUE (account, region, name)
) @TABLE@;

-- One row per subscription; id keeps their order.  uuid: the last part of its ARN.  state: 0 pending, 1 confirmed,
-- 2 unsubscribed but to be restored with its token until two days after state_ms.  host: where the subscriber reached us.
CREATE TABLE sns_subscription (
    id            @KEY@,
    topic_id      INTEGER NOT NULL,
    uuid          TEXT NOT NULL,
    owner         TEXT NOT NULL,
    protocol      TEXT NOT NULL,
    endpoint      TEXT NOT NULL,
    state         INTEGER NOT NULL,
    state_ms      INTEGER NOT NULL,
    token         TEXT,
    authenticated INTEGER NOT NULL,
    guarded       INTEGER NOT NULL,
    host          TEXT NOT NULL,
    attributes    TEXT NOT NULL
) @TABLE@;

-- What FIFO topics have seen in the last five minutes.  1 INSERT per message published to one; old rows leave by
-- ranges of the key.
CREATE TABLE sns_seen (
    id         @KEY@,
    topic_id   INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,
    what       TEXT NOT NULL,
    message_id TEXT NOT NULL
) @TABLE@;

-- The key pair messages are signed with: made at the first message that needs it.
CREATE TABLE sns_key (
    id          @KEY@,
    private_key TEXT NOT NULL,
    certificate TEXT NOT NULL
) @TABLE@;
