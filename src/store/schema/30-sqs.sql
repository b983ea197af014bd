-- Queues and their messages (service/sqs).
-- Nothing is looked up by anything but the key while the server runs: queues are found by name in memory, and the
-- memory knows the ids of the messages that are visible.  So there is no index to pay for on the message path:
--   SendMessage             1 INSERT
--   ReceiveMessage          1 SELECT + 1 UPDATE per message
--   DeleteMessage           1 DELETE
--   ChangeMessageVisibility 1 SELECT + 1 UPDATE
--   move to a dead-letter queue   1 UPDATE
--   PurgeQueue, DeleteQueue   1 UPDATE or DELETE of the queue; its messages follow in small steps (service/sqs/waste.h)
--   retention               1 DELETE over a range of keys, or one per message when they are few
--   start of the server     1 scan of both tables

-- attributes: JSON object of the attributes that were set; tags: JSON object.  Times are epoch ms, 0: never.
-- rows_id: what its messages carry as queue_id. Purging gives the queue a new one; rows of a number that no queue has
-- are waste.
-- The unique index is paid for by CreateQueue and DeleteQueue; it guards what the memory already knows.
CREATE TABLE sqs_queue (
    id          @KEY@,
    account     TEXT NOT NULL,
    region      TEXT NOT NULL,
    name        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    purged_ms   INTEGER NOT NULL,
    attributes  TEXT NOT NULL,
    tags        TEXT NOT NULL,
    rows_id     INTEGER NOT NULL,
    UNIQUE (account, region, name)
)@TABLE@;

-- id rises with the time of sending.  What a receive changes stands first and keeps its width from the first
-- receive on (received_ms and first_received_ms are the time of sending until then), so the engine overwrites the
-- row in place and leaves the pages of a large body alone.
-- extras: sender, trace header, group and message attributes, packed (service/sqs/msg.h).
-- source_arn: the queue a dead letter came from.
CREATE TABLE sqs_message (
    id                @KEY@,
    queue_id          INTEGER NOT NULL,
    visible_ms        INTEGER NOT NULL,
    receive_count     INTEGER NOT NULL,
    received_ms       INTEGER NOT NULL,
    first_received_ms INTEGER NOT NULL,
    sent_ms           INTEGER NOT NULL,
    source_arn        TEXT,
    message_id        TEXT NOT NULL,
    extras            @BLOB@ NOT NULL,
    body              TEXT NOT NULL
)@TABLE@;
