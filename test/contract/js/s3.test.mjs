// S3 through the AWS SDK for JavaScript v3: trailing checksums from streams, checksums of the client's own, ranges, errors.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectsCommand,
  GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutBucketVersioningCommand, PutObjectCommand, S3Client, UploadPartCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { Server } from './support.mjs';

const md5 = (data) => createHash('md5').update(data).digest('hex');

describe('S3', () => {
  let server, s3, names = 0;

  before(async () => {
    server = await Server.start();
    s3 = server.client(S3Client);
  });
  after(() => server?.end());

  const bucket = async () => {
    const Bucket = `js-bucket-${++names}`;
    await s3.send(new CreateBucketCommand({ Bucket }));
    return Bucket;
  };
  const bytes = async (command) => Buffer.from(await (await s3.send(command)).Body.transformToByteArray());

  test('a buffer there and back, with the checksum the client computes', async () => {
    const Bucket = await bucket(), Body = randomBytes(100_000);
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'a b/c+d', Body, Metadata: { Color: 'blue' }, ContentType: 'x/y' }));
    assert.equal(put.ETag, `"${md5(Body)}"`);
    assert.ok(put.ChecksumCRC32);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b/c+d', ChecksumMode: 'ENABLED' }));
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), Body);       // the client compares the CRC32
    assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
    assert.deepEqual([got.Metadata, got.ContentType, got.ContentLength], [{ color: 'blue' }, 'x/y', 100_000]);
  });

  test('a stream with a trailing checksum', async () => {
    for (const size of [0, 10, 65_536, 3_000_000]) {
      const Bucket = await bucket(), data = randomBytes(size);
      const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: Readable.from([data.subarray(0, size >> 1), data.subarray(size >> 1)]),
        ContentLength: size }));
      assert.equal(put.ETag, `"${md5(data)}"`, `${size}`);
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
      assert.deepEqual([head.ContentLength, head.ContentEncoding], [size, undefined]);
      assert.deepEqual(await bytes(new GetObjectCommand({ Bucket, Key: 'k' })), data);
    }
  });

  test('parts, with SHA-256 over each', async () => {
    const Bucket = await bucket(), Key = 'k', parts = [randomBytes(5 << 20), randomBytes(77)];
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }));
    const Parts = [];
    for (const [i, Body] of parts.entries()) {
      const { ETag, ChecksumSHA256 } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body, ChecksumAlgorithm: 'SHA256' }));
      assert.equal(ChecksumSHA256, createHash('sha256').update(Body).digest('base64'));
      Parts.push({ PartNumber: i + 1, ETag, ChecksumSHA256 });
    }
    const done = await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
    assert.match(done.ETag, /^"[0-9a-f]{32}-2"$/);
    assert.match(done.ChecksumSHA256, /-2$/);
    assert.deepEqual(await bytes(new GetObjectCommand({ Bucket, Key })), Buffer.concat(parts));
    assert.deepEqual(await bytes(new GetObjectCommand({ Bucket, Key, Range: 'bytes=-77' })), parts[1]);
    await assert.rejects(s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })), { name: 'NoSuchUpload' });
  });

  test('pages of a list', async () => {
    const Bucket = await bucket(), keys = Array.from({ length: 25 }, (_, i) => `d${i % 5}/f${String(i).padStart(2, '0')}`).sort();
    await Promise.all(keys.map((Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))));
    const seen = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 7 }, { Bucket })) seen.push(...page.Contents.map((o) => o.Key));
    assert.deepEqual(seen, keys);
    const { CommonPrefixes, Contents, KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }));
    assert.deepEqual([CommonPrefixes.map((p) => p.Prefix), Contents, KeyCount], [['d0/', 'd1/', 'd2/', 'd3/', 'd4/'], undefined, 5]);
    const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
    assert.equal(Deleted.length, 25);
    assert.equal((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
  });

  test('versions', async () => {
    const Bucket = await bucket();
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'one' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'two' }));
    assert.equal((await bytes(new GetObjectCommand({ Bucket, Key: 'k', VersionId }))).toString(), 'one');
  });

  test('errors by their names', async () => {
    const Bucket = await bucket();
    const rejects = (command, name, status) => assert.rejects(s3.send(command), (e) => {
      assert.deepEqual([e.name, e.$metadata.httpStatusCode], [name, status]);
      return true;
    });
    await rejects(new GetObjectCommand({ Bucket, Key: 'none' }), 'NoSuchKey', 404);
    await rejects(new HeadObjectCommand({ Bucket, Key: 'none' }), 'NotFound', 404);
    await rejects(new GetObjectCommand({ Bucket: 'nobody-here', Key: 'k' }), 'NoSuchBucket', 404);
    await rejects(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', IfMatch: '"y"' }), 'NoSuchKey', 404);
    await rejects(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', StorageClass: 'DEEP_ARCHIVE' }), 'NotImplemented', 501);
  });
});
