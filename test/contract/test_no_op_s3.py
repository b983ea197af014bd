#!/usr/bin/python3
"""S3: every member of a request shows an effect, or is refused by its name.

Most tests walk a table: the operation is prepared with base(), each refusal is tried with one member more, and at the
end the operation without it is done: so it was that member, and what was refused changed nothing."""
import base64
import hashlib
import json
import os
import sys
import time
import zlib

import support
from noop import NoOpCase, shows

sys.path.insert(0, os.path.join(support.ROOT, 'tool'))
import members  # noqa: E402

MODEL = NoOpCase.models['s3']
SERVED = sorted(members.handled(os.path.join(support.ROOT, 'src'), 's3') & set(MODEL.operations))
NOT_CONFIGURED = {'GetBucketCors': 'NoSuchCORSConfiguration', 'GetBucketWebsite': 'NoSuchWebsiteConfiguration',
                  'GetBucketReplication': 'ReplicationConfigurationNotFoundError',
                  'GetObjectLockConfiguration': 'ObjectLockConfigurationNotFoundError',
                  'GetBucketLifecycleConfiguration': 'NoSuchLifecycleConfiguration'}
POLICY = json.dumps({'Version': '2012-10-17', 'Statement': [
    {'Effect': 'Allow', 'Principal': {'AWS': '1' * 12}, 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::*/shared'}]})
STRANGER = '1' * 12
PAST, FUTURE = 'Sat, 01 Jan 2000 00:00:00 GMT', 'Fri, 01 Jan 2100 00:00:00 GMT'
LEAST = 5 << 20                                              # of a part that is not the last
DONE = 'PutObject|CopyObject|CreateMultipartUpload'          # what makes objects with headers
CLASSIC = b'123456789'                                       # the usual check value of CRCs


def having(member):
    """The operations whose request has the member."""
    return [name for name in SERVED if MODEL.operations[name].input and
            any(m.name == member for m in MODEL.shapes[MODEL.operations[name].input].members)]


def each(*names, without=()):
    """For @shows: these members, of every operation that has them."""
    return [word for name in names for op in having(name) if op not in without for word in (f's3 {op}', name)]


def crc(data, width, polynomial):
    """Reflected, begun and ended with ones."""
    ones = value = (1 << width) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return (value ^ ones).to_bytes(width // 8, 'big')


SUMS = {'CRC32': lambda d: zlib.crc32(d).to_bytes(4, 'big'), 'CRC32C': lambda d: crc(d, 32, 0x82F63B78),
        'CRC64NVME': lambda d: crc(d, 64, 0x9A6C9329AC4BC9B5), 'SHA1': lambda d: hashlib.sha1(d).digest(),
        'SHA256': lambda d: hashlib.sha256(d).digest()}
GIVEN = [f'Checksum{kind}' for kind in SUMS]
NEWER = [f'Checksum{kind}' for kind in ('SHA512', 'MD5', 'XXHASH64', 'XXHASH3', 'XXHASH128')]
CUSTOMER = ['SSECustomerAlgorithm', 'SSECustomerKey', 'SSECustomerKeyMD5']
SOURCE_CUSTOMER = ['CopySource' + name for name in CUSTOMER]
GRANTS = ['GrantFullControl', 'GrantRead', 'GrantReadACP', 'GrantWriteACP']


def b64(data):
    return base64.b64encode(data).decode()


def md5(data):
    return b64(hashlib.md5(data).digest())


def is_head(name):
    return MODEL.operations[name].method == 'HEAD'


class S3Case(NoOpCase):
    reset_between_tests = False
    made = 0

    def s3(self, name, **params):
        return self.call('s3', name, **params)

    def no(self, code, naming, name, status=None, **params):
        """status: what HEAD answers, as it has no document."""
        self.refused(str(status) if is_head(name) else code, '' if is_head(name) else naming, 's3', name, **params)

    def bucket(self, **more):
        S3Case.made += 1
        name = f'no-op-{os.getpid()}-{S3Case.made}'
        self.s3('CreateBucket', Bucket=name, **more)
        return name

    def put(self, bucket, key='k', body=b'hello', **more):
        return self.s3('PutObject', Bucket=bucket, Key=key, Body=body, **more)

    def body(self, bucket, key='k', **more):
        return self.s3('GetObject', Bucket=bucket, Key=key, **more).get('Body', b'')

    def keys(self, bucket, **more):
        return [o['Key'] for o in self.s3('ListObjectsV2', Bucket=bucket, **more).get('Contents', [])]

    def upload(self, bucket, *bodies, key='k', **more):
        """An upload with these parts -> its id, what CompleteMultipartUpload takes."""
        upload = self.s3('CreateMultipartUpload', Bucket=bucket, Key=key, **more)['UploadId']
        at = {'Bucket': bucket, 'Key': key, 'UploadId': upload}
        parts = [{'PartNumber': i, 'ETag': self.s3('UploadPart', PartNumber=i, Body=body, **at)['ETag']} for i, body in enumerate(bodies, 1)]
        return upload, {**at, 'MultipartUpload': {'Parts': parts}}

    def base(self, name, **bucket):
        """What the operation does its work with, in a bucket of its own that holds what is needed."""
        b = self.bucket(**bucket)
        params, tags = {'Bucket': b}, {'TagSet': [{'Key': 't', 'Value': 'u'}]}
        self.s3('PutBucketPolicy', Bucket=b, Policy=POLICY)
        self.s3('PutBucketTagging', Bucket=b, Tagging=tags)
        if name in having('Key') or name == 'DeleteObjects':
            self.put(b, Tagging='a=b')
            params['Key'] = 'k'
        if name in having('UploadId'):
            params.update(self.upload(b, b'part')[1])
            if name != 'CompleteMultipartUpload':
                del params['MultipartUpload']
        params.update({
            'PutBucketVersioning': {'VersioningConfiguration': {'Status': 'Enabled'}}, 'PutBucketPolicy': {'Policy': POLICY},
            'PutBucketTagging': {'Tagging': tags}, 'PutObjectTagging': {'Tagging': tags}, 'PutObject': {'Body': b'new'},
            'PutBucketNotificationConfiguration': {'NotificationConfiguration': {'EventBridgeConfiguration': {}}},
            'CopyObject': {'CopySource': f'{b}/k', 'Key': 'copy'}, 'UploadPart': {'PartNumber': 2, 'Body': CLASSIC},
            'UploadPartCopy': {'CopySource': f'{b}/k', 'PartNumber': 2}, 'GetObjectAttributes': {'ObjectAttributes': ['ETag']},
            'DeleteObjects': {'Delete': {'Objects': [{'Key': 'k'}]}},
        }.get(name, {}))
        if name == 'DeleteObjects':
            del params['Key']
        return params

    def finish(self, name, params):
        """The operation does its work, at last."""
        if name in NOT_CONFIGURED:
            self.no(NOT_CONFIGURED[name], '', name, **params)
            return None
        return self.s3(name, **params)


class Whom(S3Case):
    """Which bucket, whose, which key, which upload, which version, and who pays."""

    @shows(*each('Bucket', 'ExpectedBucketOwner', 'RequestPayer', without=('CreateBucket',)))
    def test_bucket_owner_and_payer(self):
        for name in having('Bucket'):
            if name == 'CreateBucket':
                continue
            with self.subTest(name):
                params, good = self.base(name), {}
                self.no('NoSuchBucket', '', name, 404, **{**params, 'Bucket': 'nobody-has-this'})
                if name in having('ExpectedBucketOwner'):
                    self.no('AccessDenied', '', name, 403, **params, ExpectedBucketOwner=STRANGER)
                    good['ExpectedBucketOwner'] = support.ACCOUNT
                if name in having('RequestPayer'):
                    self.no('InvalidArgument', 'x-amz-request-payer', name, 400, **params, RequestPayer='owner')
                    good['RequestPayer'] = 'requester'
                self.finish(name, {**params, **good})
        self.assertEqual(set(having('Bucket')) - set(having('ExpectedBucketOwner')), {'CreateBucket'})

    @shows('s3 CopyObject|UploadPartCopy', 'ExpectedSourceBucketOwner', 'CopySource')
    def test_source(self):
        for name in ('CopyObject', 'UploadPartCopy'):
            with self.subTest(name):
                params = self.base(name)
                b = params['Bucket']
                self.no('AccessDenied', '', name, **params, ExpectedSourceBucketOwner=STRANGER)
                for code, source in (('NoSuchBucket', 'nobody-has-this/k'), ('NoSuchKey', f'{b}/none'), ('InvalidArgument', 'k')):
                    self.no(code, '', name, **{**params, 'CopySource': source})
                self.finish(name, {**params, 'ExpectedSourceBucketOwner': support.ACCOUNT})
        self.put(b, 'other', b'other')
        self.s3('CopyObject', Bucket=b, Key='copied', CopySource=f'{b}/other')
        self.assertEqual(self.body(b, 'copied'), b'other')

    @shows(*each('Key'), *each('UploadId'))
    def test_key_and_upload(self):
        makes = {'PutObject', 'CopyObject', 'CreateMultipartUpload', 'DeleteObject'}
        for name in having('Key'):
            with self.subTest(name):
                params = self.base(name)
                if name in having('UploadId'):
                    self.no('NoSuchUpload', '', name, **{**params, 'Key': 'other'})
                    self.no('NoSuchUpload', '0' * 32, name, **{**params, 'UploadId': '0' * 32})
                elif name not in makes:
                    self.no('NoSuchKey', '<Key>other</Key>', name, 404, **{**params, 'Key': 'other'})
                else:
                    self.no('KeyTooLongError', '1025', name, **{**params, 'Key': 'x' * 1025})
                self.finish(name, params)
                b = params['Bucket']
                if name == 'CreateMultipartUpload':
                    self.assertEqual([u['Key'] for u in self.s3('ListMultipartUploads', Bucket=b)['Uploads']], ['k'])
                else:
                    want = {'CopyObject': ['copy', 'k'], 'DeleteObject': []}.get(name, ['k'])
                    self.assertEqual(self.keys(b), want)

    VERSIONED = {'GetObject': lambda r: r['Body'], 'HeadObject': lambda r: r['ContentLength'], 'GetObjectAttributes': lambda r: r['ETag'],
                 'GetObjectTagging': lambda r: r['TagSet']}

    @shows(*each('VersionId'))
    def test_version(self):
        for name in having('VersionId'):
            with self.subTest(name):
                params = self.base(name)
                b = params['Bucket']
                self.s3('PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': 'Enabled'})
                one, two = (self.put(b, body=body, Tagging=f'v={len(body)}')['VersionId'] for body in (b'1', b'22'))
                tags = lambda v: [t['Value'] for t in self.s3('GetObjectTagging', Bucket=b, Key='k', VersionId=v)['TagSet']]   # noqa: E731
                if name in self.VERSIONED:
                    old, new, now = (self.VERSIONED[name](self.s3(name, **params, **more)) for more in ({'VersionId': one}, {'VersionId': two}, {}))
                    self.assertNotEqual(old, now)
                    self.assertEqual(new, now)
                elif name != 'GetObjectAcl':
                    self.s3(name, **params, VersionId=one)
                    left = [v['VersionId'] for v in self.s3('ListObjectVersions', Bucket=b)['Versions']]
                    if name == 'DeleteObject':
                        self.assertEqual((one in left, two in left), (False, True))
                    else:
                        self.assertEqual((tags(one), tags(two)), ([] if name == 'DeleteObjectTagging' else ['u'], ['2']))
                if name != 'DeleteObject':
                    self.no('NoSuchVersion', 'f' * 32, name, 404, **params, VersionId='f' * 32)
                self.no('InvalidArgument', 'versionId', name, 400, **params, VersionId='never')
                self.finish(name, params)


class Refused(S3Case):
    """What Waybill does not do: NotImplemented, and the name of what asked for it."""
    TABLE = [
        *((name, 'x', None) for name in CUSTOMER + SOURCE_CUSTOMER),
        ('SSEKMSEncryptionContext', 'e30=', None), ('ObjectLockMode', 'GOVERNANCE', None), ('ObjectLockLegalHoldStatus', 'ON', None),
        ('ObjectLockRetainUntilDate', '2100-01-01T00:00:00Z', None), ('WriteOffsetBytes', 0, None), ('MFA', 'device 123456', None),
        ('BypassGovernanceRetention', True, False), ('ConfirmRemoveSelfBucketAccess', True, False), ('AnnotationDirective', 'COPY', None),
        *((name, 'AAAA', None) for name in NEWER), ('ChecksumAlgorithm', 'SHA512', None),
    ]

    @shows(*each(*(name for name, _, _ in TABLE)))
    def test_by_name(self):
        for name in sorted({op for member, _, _ in self.TABLE for op in having(member)}):
            params, good = self.base(name), {}
            for member, value, harmless in self.TABLE:
                if name in having(member):
                    with self.subTest(name, member=member):
                        self.no('NotImplemented', member, name, 501, **params, **{member: value})
                        if harmless is not None:
                            good[member] = harmless
            with self.subTest(name):
                self.finish(name, {**params, **good})

    @shows('s3 PutBucketVersioning', 'VersioningConfiguration.MFADelete')
    def test_mfa_delete(self):
        b = self.bucket()
        self.no('NotImplemented', 'MFADelete', 'PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': 'Enabled', 'MFADelete': 'Enabled'})
        self.assertNotIn('Status', self.s3('GetBucketVersioning', Bucket=b))
        self.s3('PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': 'Enabled', 'MFADelete': 'Disabled'})

    @shows('s3 CreateBucket', 'ObjectLockEnabledForBucket', 'ObjectOwnership', 'BucketNamespace', 'CreateBucketConfiguration.Location',
           'CreateBucketConfiguration.Bucket')
    def test_of_buckets(self):
        for member, bad, good in (('ObjectLockEnabledForBucket', True, False), ('ObjectOwnership', 'ObjectWriter', 'BucketOwnerEnforced'),
                                  ('BucketNamespace', 'account-regional', 'global')):
            with self.subTest(member):
                self.no('NotImplemented', member, 'CreateBucket', Bucket='refused', **{member: bad})
                self.bucket(**{member: good})
        for member, value in (('Location', {'Name': 'use1-az1', 'Type': 'AvailabilityZone'}), ('Bucket', {'Type': 'Directory'})):
            with self.subTest(member):
                self.no('NotImplemented', f'{member}', 'CreateBucket', Bucket='refused', CreateBucketConfiguration={member: value})
        self.no('NoSuchBucket', '', 'GetBucketLocation', Bucket='refused')

    @shows(f's3 {DONE}', 'ACL', *GRANTS, 's3 CreateBucket', 'ACL', *GRANTS, 'GrantWrite')
    def test_acl(self):
        for name in DONE.split('|') + ['CreateBucket']:
            params = self.base(name) if name != 'CreateBucket' else {'Bucket': 'acl-bucket'}
            code = 'InvalidBucketAclWithObjectOwnership' if name == 'CreateBucket' else 'AccessControlListNotSupported'
            for member, value in [('ACL', 'public-read')] + [(g, 'id="x"') for g in GRANTS + ['GrantWrite'] if name in having(g)]:
                with self.subTest(name, member=member):
                    self.no(code, 'ACLs', name, **params, **{member: value})
            self.s3(name, **params, ACL='private')

    @shows(*each('OptionalObjectAttributes', 'EncodingType'))
    def test_of_lists(self):
        for name in having('EncodingType'):
            with self.subTest(name):
                params = self.base(name)
                self.put(params['Bucket'], 'a b')
                self.upload(params['Bucket'], key='a b')
                rows = {'ListMultipartUploads': 'Uploads', 'ListObjectVersions': 'Versions'}.get(name, 'Contents')
                self.no('InvalidArgument', 'encoding-type', name, **params, EncodingType='xml')
                self.assertEqual([self.s3(name, **params, **more)[rows][0]['Key'] for more in ({}, {'EncodingType': 'url'})], ['a b', 'a%20b'])
                if name in having('OptionalObjectAttributes'):       # nothing is being restored: RestoreStatus is never told
                    self.no('InvalidArgument', 'x-amz-optional-object-attributes', name, **params, OptionalObjectAttributes=['Colour'])
                    self.s3(name, **params, OptionalObjectAttributes=['RestoreStatus'])


class Made(S3Case):
    """Headers of what makes an object: kept, and shown by HeadObject."""
    HEADERS = {'CacheControl': 'no-cache', 'ContentDisposition': 'inline', 'ContentEncoding': 'gzip', 'ContentLanguage': 'de',
               'ContentType': 'text/x', 'Expires': FUTURE, 'Metadata': {'colour': 'blue'}, 'ServerSideEncryption': 'aws:kms',
               'SSEKMSKeyId': 'key', 'BucketKeyEnabled': True, 'StorageClass': 'STANDARD_IA', 'WebsiteRedirectLocation': '/there'}
    ASKED_ANEW = ('ServerSideEncryption', 'SSEKMSKeyId', 'BucketKeyEnabled', 'StorageClass', 'WebsiteRedirectLocation')

    def made(self, name, params, **headers):
        """Makes the object -> what HeadObject says of it, and its tags."""
        reply = self.s3(name, **params, **headers)
        at = {k: params[k] for k in ('Bucket', 'Key')}
        if name == 'CreateMultipartUpload':
            at['UploadId'] = reply['UploadId']
            etag = self.s3('UploadPart', PartNumber=1, Body=b'x', **at)['ETag']
            self.s3('CompleteMultipartUpload', MultipartUpload={'Parts': [{'PartNumber': 1, 'ETag': etag}]}, **at)
            del at['UploadId']
        return self.s3('HeadObject', **at), self.s3('GetObjectTagging', **at)['TagSet']

    @shows(f's3 {DONE}', *HEADERS, 'Tagging', 's3 CopyObject', 'MetadataDirective', 'TaggingDirective')
    def test_headers(self):
        shown = {**self.HEADERS, 'BucketKeyEnabled': 'true'}
        for name in DONE.split('|'):
            with self.subTest(name):
                params = self.base(name)
                replace = {'MetadataDirective': 'REPLACE', 'TaggingDirective': 'REPLACE'} if name == 'CopyObject' else {}
                plain, none = self.made(name, params, **replace)
                self.assertEqual([m for m, v in shown.items() if plain.get(m) == v], [])
                self.assertEqual(none, [])
                for code, naming, bad in (
                        ('InvalidStorageClass', 'storage class', {'StorageClass': 'GOLD'}), ('NotImplemented', 'GLACIER', {'StorageClass': 'GLACIER'}),
                        ('InvalidArgument', 'x-amz-server-side-encryption', {'ServerSideEncryption': 'rot13'}),
                        ('InvalidArgument', 'kms-key-id', {'SSEKMSKeyId': 'key'}), ('InvalidArgument', 'x-amz-tagging', {'Tagging': '=v'})):
                    self.no(code, naming, name, **params, **bad)
                head, tags = self.made(name, params, **self.HEADERS, Tagging='x=y', **replace)
                self.assertEqual({m: head.get(m) for m in shown}, shown)
                self.assertEqual(tags, [{'Key': 'x', 'Value': 'y'}])
        b = params['Bucket']
        for member in ('MetadataDirective', 'TaggingDirective'):
            self.no('InvalidArgument', 'x-amz-' + member.replace('Directive', '-directive').lower(), 'CopyObject', Bucket=b, Key='c', CopySource=f'{b}/k',
                    **{member: 'MERGE'})
        self.put(b, 'from', Tagging='x=y', **self.HEADERS)
        head, tags = self.made('CopyObject', {'Bucket': b, 'Key': 'to', 'CopySource': f'{b}/from'}, ContentType='text/ignored')
        kept = {m: v for m, v in shown.items() if m not in self.ASKED_ANEW}
        self.assertEqual(({m: head.get(m) for m in kept}, tags), (kept, [{'Key': 'x', 'Value': 'y'}]))

    @shows('s3 PutObject|UploadPart', *GIVEN, 'ChecksumAlgorithm', 'ContentMD5', 'Body')
    def test_digests(self):
        for name in ('PutObject', 'UploadPart'):
            params = self.base(name)
            for kind, of in SUMS.items():
                with self.subTest(name, kind=kind):
                    member, right = f'Checksum{kind}', b64(of(CLASSIC))
                    self.no('BadDigest', kind, name, **{**params, 'Body': b'12345678'}, **{member: right})
                    self.assertEqual(self.s3(name, **{**params, 'Body': CLASSIC}, **{member: right})[member], right)
                    self.assertEqual(self.s3(name, **{**params, 'Body': CLASSIC}, ChecksumAlgorithm=kind)[member], right)
            with self.subTest(name, member='ContentMD5'):
                self.no('BadDigest', 'Content-MD5', name, **params, ContentMD5=md5(b'other'))
                self.no('InvalidDigest', 'Content-MD5', name, **params, ContentMD5='AAAA')
                self.assertEqual(self.s3(name, **params, ContentMD5=md5(params['Body']))['ETag'], '"%s"' % hashlib.md5(params['Body']).hexdigest())

    @shows('s3 PutObject|UploadPart', 'ContentLength')
    def test_content_length(self):
        for name in ('PutObject', 'UploadPart'):
            params = self.base(name)
            self.assertEqual(self.s3(name, **{**params, 'Body': b'12345'}, ContentLength=3)['ETag'], '"%s"' % hashlib.md5(b'123').hexdigest())

    DOCUMENTS = 'PutBucketPolicy|PutBucketTagging|PutBucketVersioning|PutObjectTagging'

    @shows(f's3 {DOCUMENTS}', 'ContentMD5', f's3 {DOCUMENTS}|DeleteObjects', 'ChecksumAlgorithm')
    def test_digests_of_documents(self):
        for name in (self.DOCUMENTS + '|DeleteObjects').split('|'):
            with self.subTest(name):
                params = self.base(name)
                if name in having('ContentMD5'):
                    self.no('BadDigest', 'Content-MD5', name, **params, ContentMD5=md5(b'other'))
                    self.no('InvalidDigest', 'Content-MD5', name, **params, ContentMD5='AAAA')
                self.no('InvalidRequest', 'x-amz-sdk-checksum-algorithm', name, **params, ChecksumAlgorithm='CRC32')
                more = {}
                if name == 'PutBucketPolicy':
                    more['ContentMD5'] = md5(POLICY.encode())
                self.finish(name, {**params, **more})
        b = params['Bucket']
        call = lambda **kw: self.client('s3').delete_objects(Bucket=b, Delete={'Objects': [{'Key': 'k'}]}, **kw)   # noqa: E731
        for kind in ('CRC32', 'SHA1', 'SHA256'):             # with the checksum that was announced
            self.assertEqual([d['Key'] for d in call(ChecksumAlgorithm=kind)['Deleted']], ['k'])

    @shows('s3 CopyObject', 'ChecksumAlgorithm', 's3 CreateMultipartUpload', 'ChecksumAlgorithm', 'ChecksumType')
    def test_chosen_checksum(self):
        params = self.base('CopyObject')
        for kind, of in SUMS.items():
            self.assertEqual(self.s3('CopyObject', **params, ChecksumAlgorithm=kind)['CopyObjectResult'][f'Checksum{kind}'], b64(of(b'hello')))
        params = self.base('CreateMultipartUpload')
        for more, want in (({'ChecksumAlgorithm': 'CRC32'}, 'COMPOSITE'), ({'ChecksumAlgorithm': 'CRC32', 'ChecksumType': 'FULL_OBJECT'}, 'FULL_OBJECT'),
                           ({'ChecksumAlgorithm': 'CRC64NVME'}, 'FULL_OBJECT')):
            reply = self.s3('CreateMultipartUpload', **params, **more)
            self.assertEqual((reply['ChecksumAlgorithm'], reply['ChecksumType']), (more['ChecksumAlgorithm'], want))
        for more in ({'ChecksumType': 'COMPOSITE'}, {'ChecksumAlgorithm': 'SHA1', 'ChecksumType': 'FULL_OBJECT'}):
            self.no('InvalidRequest', 'checksum', 'CreateMultipartUpload', **params, **more)
        self.no('InvalidArgument', 'x-amz-checksum-type', 'CreateMultipartUpload', **params, ChecksumAlgorithm='SHA1', ChecksumType='SUM')


class Parts(S3Case):
    @shows('s3 CompleteMultipartUpload', *GIVEN, 'ChecksumType', 'MpuObjectSize', 'MultipartUpload', 'MultipartUpload.Parts',
           'MultipartUpload.Parts.PartNumber', 'MultipartUpload.Parts.ETag', *(f'MultipartUpload.Parts.{name}' for name in GIVEN + NEWER))
    def test_complete(self):
        name = 'CompleteMultipartUpload'
        for kind, of in SUMS.items():
            with self.subTest(kind):
                full, member = kind == 'CRC64NVME', f'Checksum{kind}'
                _, params = self.upload(self.bucket(), CLASSIC, ChecksumAlgorithm=kind)
                part, = params['MultipartUpload']['Parts']
                of_part, wrong = b64(of(CLASSIC)), b64(of(b'other'))
                whole = of_part if full else b64(of(of(CLASSIC))) + '-1'
                of_parts = lambda **kw: {**params, 'MultipartUpload': {'Parts': [{**part, **kw}]}}     # noqa: E731
                self.no('BadDigest', kind, name, **params, **{member: wrong})
                self.no('BadDigest', '', name, **params, **{'ChecksumCRC32': 'AAAA', 'ChecksumSHA256': 'AAAA', member: whole})
                self.no('InvalidPart', '<PartNumber>1</PartNumber>', name, **of_parts(**{member: wrong}))
                self.no('InvalidPart', '<PartNumber>1</PartNumber>', name, **of_parts(**{'ChecksumCRC32': 'AAAA', 'ChecksumSHA256': 'AAAA', member: of_part}))
                self.no('InvalidPart', '<PartNumber>1</PartNumber>', name, **of_parts(ETag='"0"'))
                self.no('InvalidPart', '<PartNumber>7</PartNumber>', name, **of_parts(PartNumber=7))
                self.no('InvalidRequest', 'checksum mode', name, **params, ChecksumType='COMPOSITE' if full else 'FULL_OBJECT')
                self.no('InvalidRequest', 'x-amz-mp-object-size', name, **params, MpuObjectSize=8)
                self.no('MalformedXML', '', name, **{**params, 'MultipartUpload': {}})
                for newer in NEWER:
                    self.no('NotImplemented', newer, name, **of_parts(**{newer: 'AAAA'}))
                reply = self.s3(name, **of_parts(**{member: of_part}), **{member: whole}, MpuObjectSize=9,
                                ChecksumType='FULL_OBJECT' if full else 'COMPOSITE')
                self.assertEqual(reply[member], whole)

    @shows('s3 UploadPart|UploadPartCopy', 'PartNumber', 's3 UploadPart', 'Body', 's3 UploadPartCopy', 'CopySource', 'CopySourceRange')
    def test_parts(self):
        for name in ('UploadPart', 'UploadPartCopy'):
            params = self.base(name)
            listed = lambda: {p['PartNumber']: p['ETag'].strip('"') for p in self.s3(          # noqa: E731
                'ListParts', **{k: params[k] for k in ('Bucket', 'Key', 'UploadId')})['Parts']}
            self.no('InvalidArgument', 'partNumber', name, **{**params, 'PartNumber': 10001})
            self.s3(name, **{**params, 'PartNumber': 9})
            self.assertEqual(listed(), {'1': hashlib.md5(b'part').hexdigest(),
                                        '9': hashlib.md5(CLASSIC if name == 'UploadPart' else b'hello').hexdigest()})
        self.s3(name, **params, CopySourceRange='bytes=1-3')
        self.assertEqual(listed()['2'], hashlib.md5(b'ell').hexdigest())
        self.no('InvalidArgument', 'x-amz-copy-source-range', name, **params, CopySourceRange='bytes=1-99')

    @shows('s3 ListParts|GetObjectAttributes', 'MaxParts', 'PartNumberMarker', 's3 GetObjectAttributes', 'ObjectAttributes',
           's3 GetObject|HeadObject', 'PartNumber')
    def test_pages_and_attributes(self):
        b = self.bucket()
        _, params = self.upload(b, b'x' * LEAST, b'yz', ChecksumAlgorithm='SHA1')
        at = {k: params[k] for k in ('Bucket', 'Key', 'UploadId')}
        numbers = lambda **kw: [p['PartNumber'] for p in self.s3('ListParts', **at, **kw).get('Parts', [])]     # noqa: E731
        self.assertEqual((numbers(), numbers(MaxParts=1), numbers(PartNumberMarker=1)), (['1', '2'], ['1'], ['2']))
        self.s3('CompleteMultipartUpload', **params)
        del at['UploadId']
        ask = lambda *names, **kw: self.s3('GetObjectAttributes', **at, ObjectAttributes=list(names), **kw)      # noqa: E731
        sizes = lambda **kw: [p['Size'] for p in ask('ObjectParts', **kw)['ObjectParts']['Parts']]              # noqa: E731
        self.assertEqual((sizes(), sizes(MaxParts=1), sizes(PartNumberMarker=1)), ([str(LEAST), '2'], [str(LEAST)], ['2']))
        told = ask('ETag', 'ObjectSize', 'StorageClass', 'Checksum', 'ObjectParts')
        self.assertEqual({'ETag', 'ObjectSize', 'StorageClass', 'Checksum', 'ObjectParts'} - set(told), set())
        for name in ('ETag', 'ObjectSize', 'StorageClass', 'Checksum', 'ObjectParts'):
            self.assertEqual(set(ask(name)) - {'LastModified'}, {name})
        self.no('InvalidArgument', 'x-amz-object-attributes', 'GetObjectAttributes', **at, ObjectAttributes=['Colour'])
        self.assertEqual(self.body(**{'bucket': b}, PartNumber=2), b'yz')
        self.assertEqual(self.s3('HeadObject', **at, PartNumber=2)['ContentLength'], '2')
        for name in ('GetObject', 'HeadObject'):
            self.no('InvalidRange', 'partnumber', name, 416, **at, PartNumber=3)


class Conditions(S3Case):
    @shows('s3 GetObject|HeadObject', 'IfMatch', 'IfNoneMatch', 'IfModifiedSince', 'IfUnmodifiedSince',
           's3 CopyObject|UploadPartCopy', *(f'CopySourceIf{name}' for name in ('Match', 'NoneMatch', 'ModifiedSince', 'UnmodifiedSince')))
    def test_reads(self):
        etag = '"%s"' % hashlib.md5(b'hello').hexdigest()
        for name, prefix in (('GetObject', ''), ('HeadObject', ''), ('CopyObject', 'CopySource'), ('UploadPartCopy', 'CopySource')):
            params = self.base(name)
            for member, good, bad, status in (('IfMatch', etag, '"x"', 412), ('IfNoneMatch', '"x"', etag, 304), ('IfModifiedSince', PAST, FUTURE, 304),
                                              ('IfUnmodifiedSince', FUTURE, PAST, 412)):
                with self.subTest(name, member=member):
                    code = '304' if status == 304 and not prefix else 'PreconditionFailed'
                    self.no(code, '', name, status, **params, **{prefix + member: bad})
                    self.s3(name, **params, **{prefix + member: good})

    @shows('s3 PutObject|CopyObject|CompleteMultipartUpload', 'IfMatch', 'IfNoneMatch', 's3 DeleteObject', 'IfMatch', 'IfMatchLastModifiedTime',
           'IfMatchSize', 's3 AbortMultipartUpload', 'IfMatchInitiatedTime')
    def test_writes(self):
        etag = '"%s"' % hashlib.md5(b'hello').hexdigest()
        for name in ('PutObject', 'CopyObject', 'CompleteMultipartUpload'):
            with self.subTest(name):
                params = self.base(name)
                if name == 'CopyObject':
                    self.put(params['Bucket'], 'copy')
                self.no('PreconditionFailed', '<Condition>If-Match</Condition>', name, **params, IfMatch='"x"')
                self.no('PreconditionFailed', '<Condition>If-None-Match</Condition>', name, **params, IfNoneMatch='*')
                self.s3(name, **params, IfMatch=etag)
                self.no('NoSuchKey', '', 'PutObject', Bucket=params['Bucket'], Key='none', IfMatch=etag)
                self.s3('PutObject', Bucket=params['Bucket'], Key='none', IfNoneMatch='*')
        params = self.base('DeleteObject')
        now = self.s3('HeadObject', **params)['LastModified']
        for member, bad in (('IfMatch', '"x"'), ('IfMatchLastModifiedTime', PAST), ('IfMatchSize', 4)):
            with self.subTest('DeleteObject', member=member):
                self.no('PreconditionFailed', '', 'DeleteObject', **params, **{member: bad})
        self.s3('DeleteObject', **params, IfMatch=etag, IfMatchLastModifiedTime=now, IfMatchSize=5)
        self.assertEqual(self.keys(params['Bucket']), [])
        self.s3('DeleteObject', **params, IfMatchLastModifiedTime=PAST, IfMatchSize=4)
        self.no('NoSuchKey', '', 'DeleteObject', **params, IfMatch='*')
        self.s3('PutBucketVersioning', Bucket=params['Bucket'], VersioningConfiguration={'Status': 'Enabled'})
        self.s3('DeleteObject', **params)
        self.no('PreconditionFailed', '', 'DeleteObject', **params, IfMatch='*')
        params = self.base('AbortMultipartUpload')
        self.no('PreconditionFailed', '', 'AbortMultipartUpload', **params, IfMatchInitiatedTime=PAST)
        begun = self.s3('ListMultipartUploads', Bucket=params['Bucket'])['Uploads'][0]['Initiated']
        begun = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.strptime(begun.split('.')[0].rstrip('Z'), '%Y-%m-%dT%H:%M:%S'))
        self.s3('AbortMultipartUpload', **params, IfMatchInitiatedTime=begun)

    @shows('s3 DeleteObjects', 'Delete', 'Delete.Objects', 'Delete.Quiet', *(f'Delete.Objects.{m}' for m in ('Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size')))
    def test_many_deletes(self):
        b = self.base('DeleteObjects')['Bucket']
        delete = lambda quiet=None, **row: self.s3('DeleteObjects', Bucket=b, Delete={                         # noqa: E731
            'Objects': [{'Key': 'k', **row}], **({} if quiet is None else {'Quiet': quiet})})
        for row in ({'ETag': '"x"'}, {'LastModifiedTime': PAST}, {'Size': 4}):
            self.assertEqual([e['Code'] for e in delete(**row)['Errors']], ['PreconditionFailed'], row)
        self.assertEqual([e['Code'] for e in delete(Key='none', ETag='*')['Errors']], ['NoSuchKey'])
        self.no('MalformedXML', '', 'DeleteObjects', Bucket=b, Delete={})
        self.no('MalformedXML', '', 'DeleteObjects', Bucket=b)
        self.assertEqual(delete(Key='none')['Deleted'], [{'Key': 'none'}])
        self.assertEqual(self.keys(b), ['k'])
        now = self.s3('HeadObject', Bucket=b, Key='k')['LastModified']
        self.assertEqual(delete(ETag=md5_tag(b'hello'), LastModifiedTime=now, Size=5)['Deleted'], [{'Key': 'k'}])
        self.assertEqual(self.keys(b), [])
        self.s3('PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': 'Enabled'})
        one, two = (self.put(b)['VersionId'] for _ in range(2))
        self.assertEqual(delete(True, VersionId=one), {})
        self.assertEqual([v['VersionId'] for v in self.s3('ListObjectVersions', Bucket=b)['Versions']], [two])
        self.assertEqual(delete(False, VersionId=two)['Deleted'], [{'Key': 'k', 'VersionId': two}])


def md5_tag(data):
    return '"%s"' % hashlib.md5(data).hexdigest()


class Reads(S3Case):
    SHOWN = {'CacheControl': 'no-store', 'ContentDisposition': 'attachment', 'ContentEncoding': 'br', 'ContentLanguage': 'fr',
             'ContentType': 'text/y', 'Expires': FUTURE}

    @shows('s3 GetObject|HeadObject', 'Range', 'ChecksumMode', *(f'Response{name}' for name in SHOWN))
    def test_get_and_head(self):
        for name in ('GetObject', 'HeadObject'):
            with self.subTest(name):
                params = self.base(name)
                self.put(params['Bucket'], ChecksumAlgorithm='SHA1')
                got = self.s3(name, **params, Range='bytes=1-3')
                self.assertEqual((got['ContentRange'], got.get('Body', b'ell')), ('bytes 1-3/5', b'ell'))
                self.no('InvalidRange', 'bytes=9-', name, 416, **params, Range='bytes=9-')
                self.no('InvalidArgument', 'x-amz-checksum-mode', name, 400, **params, ChecksumMode='DISABLED')
                plain = self.s3(name, **params)
                self.assertNotIn('ChecksumSHA1', plain)
                self.assertEqual(self.s3(name, **params, ChecksumMode='ENABLED')['ChecksumSHA1'], b64(hashlib.sha1(b'hello').digest()))
                for member, value in self.SHOWN.items():
                    self.assertNotEqual(plain.get(member), value)
                    self.assertEqual(self.s3(name, **params, **{f'Response{member}': value})[member], value)


class Lists(S3Case):
    ROWS = {'ListObjects': 'Contents', 'ListObjectsV2': 'Contents', 'ListObjectVersions': 'Versions', 'ListMultipartUploads': 'Uploads'}
    PAGE = {'ListMultipartUploads': 'MaxUploads'}
    AFTER = {'ListObjects': 'Marker', 'ListObjectsV2': 'StartAfter', 'ListObjectVersions': 'KeyMarker', 'ListMultipartUploads': 'KeyMarker'}

    @shows('s3 ListObjects|ListObjectsV2|ListObjectVersions|ListMultipartUploads', 'Prefix', 'Delimiter',
           's3 ListObjects|ListObjectsV2|ListObjectVersions', 'MaxKeys', 's3 ListMultipartUploads', 'MaxUploads', 'KeyMarker',
           's3 ListObjects', 'Marker', 's3 ListObjectsV2', 'StartAfter', 's3 ListObjectVersions', 'KeyMarker')
    def test_what_is_listed(self):
        b = self.bucket()
        for key in ('a/1', 'a/2', 'b'):
            self.put(b, key)
            self.upload(b, key=key)
        for name, rows in self.ROWS.items():
            with self.subTest(name):
                keys = lambda **kw: [r['Key'] for r in self.s3(name, Bucket=b, **kw).get(rows, [])]              # noqa: E731
                page = self.PAGE.get(name, 'MaxKeys')
                self.assertEqual((keys(), keys(Prefix='a/'), keys(Delimiter='/')), (['a/1', 'a/2', 'b'], ['a/1', 'a/2'], ['b']))
                self.assertEqual(self.s3(name, Bucket=b, Delimiter='/')['CommonPrefixes'], [{'Prefix': 'a/'}])
                self.assertEqual((keys(**{page: 1}), keys(**{self.AFTER[name]: 'a/1'})), (['a/1'], ['a/2', 'b']))
                self.no('InvalidArgument', 'max-uploads' if page == 'MaxUploads' else 'max-keys', name, Bucket=b, **{page: -1})

    @shows('s3 ListObjectsV2', 'ContinuationToken', 'FetchOwner', 's3 ListObjectVersions', 'VersionIdMarker', 's3 ListMultipartUploads', 'UploadIdMarker')
    def test_the_next_page(self):
        b = self.bucket()
        self.s3('PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': 'Enabled'})
        for key in 'kkl':
            self.put(b, key)
            self.upload(b, key=key)
        first = self.s3('ListObjectsV2', Bucket=b, MaxKeys=1)
        self.assertNotIn('Owner', first['Contents'][0])
        second = self.s3('ListObjectsV2', Bucket=b, ContinuationToken=first['NextContinuationToken'], FetchOwner=True)
        self.assertEqual([o['Key'] for o in second['Contents']], ['l'])
        self.assertRegex(second['Contents'][0]['Owner']['ID'], '^[0-9a-f]{64}$')
        for name, rows, ident in (('ListObjectVersions', 'Versions', 'VersionId'), ('ListMultipartUploads', 'Uploads', 'UploadId')):
            all_ids = [r[ident] for r in self.s3(name, Bucket=b)[rows]]
            self.assertEqual(len(all_ids), 3)
            self.assertEqual([r[ident] for r in self.s3(name, Bucket=b, KeyMarker='k', **{f'{ident}Marker': all_ids[0]})[rows]], all_ids[1:])
            self.assertEqual([r[ident] for r in self.s3(name, Bucket=b, KeyMarker='k')[rows]], all_ids[2:])
        self.no('InvalidArgument', 'continuation-token', 'ListObjectsV2', Bucket=b, ContinuationToken='\x01')

    @shows('s3 ListBuckets', 'Prefix', 'BucketRegion', 'MaxBuckets', 'ContinuationToken', 's3 CreateBucket', 'Bucket', 'CreateBucketConfiguration',
           'CreateBucketConfiguration.LocationConstraint', 'CreateBucketConfiguration.Tags', 'CreateBucketConfiguration.Tags.Key',
           'CreateBucketConfiguration.Tags.Value')
    def test_buckets(self):
        self.reset()
        names = lambda **kw: [b['Name'] for b in self.s3('ListBuckets', **kw).get('Buckets', [])]               # noqa: E731
        tags = [{'Key': 'k', 'Value': 'v'}]
        for name, region in (('a-1', None), ('a-2', 'eu-west-1'), ('b-1', None)):
            self.s3('CreateBucket', Bucket=name, CreateBucketConfiguration={'Tags': tags, **({'LocationConstraint': region} if region else {})})
        self.assertEqual(self.s3('GetBucketTagging', Bucket='a-1')['TagSet'], tags)
        self.assertEqual(self.s3('GetBucketLocation', Bucket='a-2'), {'LocationConstraint': 'eu-west-1'})
        self.assertEqual(self.s3('GetBucketLocation', Bucket='a-1'), {})
        for bad in ({'Key': '', 'Value': 'v'}, {'Key': 'k', 'Value': 'v' * 257}):
            self.no('InvalidTag', '', 'CreateBucket', Bucket='c-1', CreateBucketConfiguration={'Tags': [bad]})
        self.no('InvalidLocationConstraint', 'nowhere', 'CreateBucket', Bucket='c-1', CreateBucketConfiguration={'LocationConstraint': 'nowhere'})
        self.no('InvalidBucketName', 'A_B', 'CreateBucket', Bucket='A_B')
        self.assertEqual((names(), names(Prefix='a-'), names(BucketRegion='eu-west-1'), names(MaxBuckets=1)),
                         (['a-1', 'a-2', 'b-1'], ['a-1', 'a-2'], ['a-2'], ['a-1']))
        token = self.s3('ListBuckets', MaxBuckets=1)['ContinuationToken']
        self.assertEqual(names(ContinuationToken=token), ['a-2', 'b-1'])


KINDS = (('TopicConfigurations', 'TopicArn', 'sns'), ('QueueConfigurations', 'QueueArn', 'sqs'),
         ('LambdaFunctionConfigurations', 'LambdaFunctionArn', 'lambda'))
BELOW = ('Id', 'Events', 'Filter', 'Filter.Key', 'Filter.Key.FilterRules', 'Filter.Key.FilterRules.Name', 'Filter.Key.FilterRules.Value')


class Configured(S3Case):
    @shows('s3 PutBucketPolicy', 'Policy', 's3 PutBucketVersioning', 'VersioningConfiguration', 'VersioningConfiguration.Status',
           's3 PutBucketTagging|PutObjectTagging', 'Tagging', 'Tagging.TagSet', 'Tagging.TagSet.Key', 'Tagging.TagSet.Value')
    def test_documents(self):
        b = self.bucket()
        self.no('MalformedPolicy', '', 'PutBucketPolicy', Bucket=b, Policy='nonsense')
        self.put(b, 'shared')
        get = self.client('s3', key=STRANGER).get_object
        self.assertFault('AccessDenied', get, Bucket=b, Key='shared')
        self.s3('PutBucketPolicy', Bucket=b, Policy=POLICY)
        self.assertEqual(get(Bucket=b, Key='shared')['Body'].read(), b'hello')
        for status in ('Enabled', 'Suspended'):
            self.s3('PutBucketVersioning', Bucket=b, VersioningConfiguration={'Status': status})
            self.assertEqual(self.s3('GetBucketVersioning', Bucket=b), {'Status': status})
        for bad in ({'Status': 'Off'}, {}):
            self.no('MalformedXML', '', 'PutBucketVersioning', Bucket=b, VersioningConfiguration=bad)
        self.put(b)
        for name, get, at in (('PutBucketTagging', 'GetBucketTagging', {}), ('PutObjectTagging', 'GetObjectTagging', {'Key': 'k'})):
            tags = [{'Key': 'x', 'Value': name}]
            self.s3(name, Bucket=b, **at, Tagging={'TagSet': tags})
            self.assertEqual(self.s3(get, Bucket=b, **at)['TagSet'], tags)
            self.no('MalformedXML', '', name, Bucket=b, **at)
            for bad in ({'Key': '', 'Value': ''}, {'Key': 'k', 'Value': 'v' * 257}):
                self.no('InvalidTag', '', name, Bucket=b, **at, Tagging={'TagSet': [bad]})

    @shows('s3 PutBucketNotificationConfiguration', 'NotificationConfiguration', 'SkipDestinationValidation', 'NotificationConfiguration.EventBridgeConfiguration',
           *(f'NotificationConfiguration.{kind}' for kind, _, _ in KINDS),
           *(f'NotificationConfiguration.{kind}.{name}' for kind, arn, _ in KINDS for name in (arn, *BELOW)))
    def test_notifications(self):
        b, name = self.bucket(), 'PutBucketNotificationConfiguration'
        rule = {'Id': 'mine', 'Events': ['s3:ObjectCreated:Put', 's3:ObjectRemoved:*'],
                'Filter': {'Key': {'FilterRules': [{'Name': 'Prefix', 'Value': 'in/'}, {'Name': 'Suffix', 'Value': '.txt'}]}}}
        for kind, arn, service in KINDS:
            with self.subTest(kind):
                target = {arn: f'arn:aws:{service}:{support.REGION}:{support.ACCOUNT}:{"function:" if service == "lambda" else ""}none'}
                config = lambda **more: {kind: [{**rule, **target, **more}]}                                   # noqa: E731
                self.no('InvalidArgument', 'Unable to validate the following destination', name, Bucket=b, NotificationConfiguration=config())
                for naming, bad in (('well formed', {arn: 'none'}), ('Id', {'Id': 'x' * 256}), ('s3:Nothing', {'Events': ['s3:Nothing']}),
                                    ('FilterRule.Name', {'Filter': {'Key': {'FilterRules': [{'Name': 'infix', 'Value': 'x'}]}}}),
                                    ('FilterRule.Value', {'Filter': {'Key': {'FilterRules': [{'Name': 'prefix', 'Value': 'x' * 1025}]}}})):
                    self.no('InvalidArgument', naming, name, Bucket=b, NotificationConfiguration=config(**bad), SkipDestinationValidation=True)
                self.s3(name, Bucket=b, NotificationConfiguration=config(), SkipDestinationValidation=True)
                self.assertEqual(self.s3('GetBucketNotificationConfiguration', Bucket=b), config())
        self.no('MalformedXML', '', name, Bucket=b)
        self.s3(name, Bucket=b, NotificationConfiguration={'EventBridgeConfiguration': {}})
        self.assertEqual(self.s3('GetBucketNotificationConfiguration', Bucket=b), {'EventBridgeConfiguration': {}})

    def test_a_rule_sends(self):
        """Events and filter choose what is sent, the Id is told."""
        b = self.bucket()
        url, arn = self.queue('told')
        allow = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 's3.amazonaws.com'}, 'Action': 'sqs:SendMessage', 'Resource': arn}]}
        self.call('sqs', 'SetQueueAttributes', QueueUrl=url, Attributes={'Policy': json.dumps(allow)})
        rules = [{'Name': 'prefix', 'Value': 'in/'}, {'Name': 'suffix', 'Value': '.txt'}]
        self.s3('PutBucketNotificationConfiguration', Bucket=b, NotificationConfiguration={'QueueConfigurations': [
            {'Id': 'mine', 'QueueArn': arn, 'Events': ['s3:ObjectCreated:Put'], 'Filter': {'Key': {'FilterRules': rules}}}]})
        for key in ('out/a.txt', 'in/a.bin', 'in/a.txt'):
            self.put(b, key)
        self.s3('DeleteObject', Bucket=b, Key='in/a.txt')
        self.settle()
        bodies = [json.loads(m['Body']) for m in self.receive(url, 10, seconds=0.3)]
        sent = [(r['eventName'], r['s3']['configurationId'], r['s3']['object']['key']) for body in bodies for r in body.get('Records', [])]
        self.assertEqual(sent, [('ObjectCreated:Put', 'mine', 'in/a.txt')])


if __name__ == '__main__':
    support.main()
