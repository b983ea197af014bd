-- Buckets, objects and multipart uploads (service/s3).
-- Bytes of an object: up to 32 KiB in its row (one flush for both), else in files of their own under objects/ that are
-- complete and flushed before the row is written (service/s3/file.h).
--   PutObject      1 SELECT of what it replaces, 1 INSERT; where it replaces something 1 DELETE
--   GetObject      1 SELECT by bucket and key (index), 1 by id
--   DeleteObject   1 SELECT, 1 DELETE, or 1 INSERT of a delete marker
--   List           1 walk along the index, 1 row per object shown
--   UploadPart     1 INSERT; CompleteMultipartUpload 1 DELETE per part
--   start          1 scan of s3_object without its bytes, 1 of the others

-- Held in memory; the unique index guards what the memory knows and is paid for by CreateBucket and DeleteBucket.
-- versioning: 0 never, 1 Enabled, 2 Suspended. policy: as it was put. tags, notification: JSON.
CREATE TABLE s3_bucket (
    id           @KEY@,
    name         TEXT NOT NULL UNIQUE,
    account      TEXT NOT NULL,
    region       TEXT NOT NULL,
    created_ms   INTEGER NOT NULL,
    versioning   INTEGER NOT NULL,
    policy       TEXT,
    tags         TEXT,
    notification TEXT
)@TABLE@;

-- One row per version, newest id first: the newest of a key is its current one. version_id 'null' or 32 hex digits
-- that contain id. files: NULL, or the files in their order as 'id:bytes,' each; then data is NULL.
-- The key is bytes, so that both engines list in UTF-8 byte order. marker: a delete marker. The bytes stand last:
-- a walk does not touch them.
CREATE TABLE s3_object (
    id          @KEY@,
    bucket_id   INTEGER NOT NULL,
    object_key  @BLOB@ NOT NULL,
    version_id  TEXT NOT NULL,
    marker      INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    etag        TEXT NOT NULL,
    meta        TEXT NOT NULL,
    tags        TEXT,
    files       TEXT,
    data        @BLOB@
)@TABLE@;
-- Paid for by every put and delete; read by every get and list.
CREATE INDEX s3_object_key ON s3_object (bucket_id, object_key, id DESC);

-- upload_id: 32 hex digits that contain id.
CREATE TABLE s3_upload (
    id         @KEY@,
    bucket_id  INTEGER NOT NULL,
    object_key @BLOB@ NOT NULL,
    upload_id  TEXT NOT NULL,
    initiator  TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    meta       TEXT NOT NULL,
    tags       TEXT
)@TABLE@;
-- Paid for by CreateMultipartUpload and its end; read by ListMultipartUploads.
CREATE INDEX s3_upload_key ON s3_upload (bucket_id, object_key, id);

-- id is that of its file. digest: MD5 in hex; checksum: base64 of the upload's algorithm, NULL: none.
CREATE TABLE s3_part (
    id          @KEY@,
    upload_id   INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    checksum    TEXT,
    UNIQUE (upload_id, number)
)@TABLE@;
