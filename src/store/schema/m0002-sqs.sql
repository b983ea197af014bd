-- FIFO queues and message move tasks (service/sqs).
-- The messages of a FIFO queue stand in sqs_message as all others do; their queue_id has bit 50 set, by which the start
-- of the server knows whose groups and deduplication ids it must read.  For them
--   SendMessage             1 INSERT, as for a standard queue: extras carry group and deduplication id
--   DeleteMessage           1 DELETE; within five minutes of its sending 1 INSERT more, into sqs_dedup
--   move to a dead-letter queue   1 UPDATE that gives the row a new key (1 DELETE + 1 INSERT inside), and that INSERT
--   StartMessageMoveTask    1 INSERT; each message moved as above; 1 UPDATE per step of up to 128 messages
-- Nothing is looked up by anything but the key, so there is no index.

-- Deduplication ids whose message has left before their five minutes were over.
-- id: of that message. queue_id, sent_ms, message_id: as they stood in its row. ids: the beginning of its extras.
-- Rows leave in the order of their key, some at a time.
CREATE TABLE sqs_dedup (
    id         @KEY@,
    queue_id   INTEGER NOT NULL,
    sent_ms    INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    ids        @BLOB@ NOT NULL
)@TABLE@;

-- Message move tasks: the one that runs and the last ones that ended, at most ten of a queue.
-- status: RUNNING, COMPLETED, CANCELLED, FAILED. destination_arn NULL: each message to where it came from.
-- rate: messages per second, 0: as fast as it goes. to_move: what was there at the start.
CREATE TABLE sqs_move_task (
    id              @KEY@,
    task_id         TEXT NOT NULL,
    source_arn      TEXT NOT NULL,
    destination_arn TEXT,
    rate            INTEGER NOT NULL,
    status          TEXT NOT NULL,
    moved           INTEGER NOT NULL,
    to_move         INTEGER NOT NULL,
    started_ms      INTEGER NOT NULL,
    failure         TEXT
)@TABLE@;
