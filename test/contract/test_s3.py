#!/usr/bin/python3
"""S3 as its users meet it: AWS CLI (s3 and s3api), boto3, raw requests; what survives a crash."""
import base64
import hashlib
import io
import json
import os
import time
import urllib.request
import xml.etree.ElementTree as ET
import zlib

import boto3.s3.transfer
import support
from support import ACCOUNT, ClientError

NS = '{http://s3.amazonaws.com/doc/2006-03-01/}'


class S3Case(support.ServerCase):
    names = 0

    @property
    def s3(self):
        return self.client('s3')

    def bucket(self, **kw):
        S3Case.names += 1
        name = f'bucket-{S3Case.names}'
        self.s3.create_bucket(Bucket=name, **kw)
        return name

    def raw(self, method, path, body=b'', **headers):
        return self.http(method, path, {'Authorization': support.authorization('s3'), **{k.replace('_', '-'): v for k, v in headers.items()}}, body)

    def refused(self, code, call, text=None, status=None, **kw):
        return self.assertFault(code, call, message=text, status=status, **kw)

    def keys(self, bucket, **kw):
        return [o['Key'] for o in self.s3.list_objects_v2(Bucket=bucket, **kw).get('Contents', [])]


class CommandLine(S3Case):
    def tree(self, files):
        root = os.path.join(self.scratch, f'tree-{time.monotonic_ns()}')
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(text)
        return root

    def test_copy_list_remove(self):
        self.aws('s3', 'mb', 's3://cli-bucket')
        root = self.tree({'a.txt': b'hello', 'd/b c+&.txt': b'x' * 40000, 'd/\u00e9.bin': bytes(range(256))})
        self.aws('s3', 'cp', root, 's3://cli-bucket/t/', '--recursive', '--only-show-errors')
        listed = self.aws('s3', 'ls', 's3://cli-bucket/t/')
        self.assertIn('PRE d/', listed)
        self.assertRegex(listed, r'\d\d:\d\d:\d\d +5 a\.txt')
        self.assertEqual(self.keys('cli-bucket'), ['t/a.txt', 't/d/b c+&.txt', 't/d/\u00e9.bin'])
        self.assertEqual(self.aws('s3', 'cp', 's3://cli-bucket/t/a.txt', '-'), 'hello')
        self.aws('s3', 'mv', 's3://cli-bucket/t/a.txt', 's3://cli-bucket/moved', '--only-show-errors')
        self.assertEqual(self.keys('cli-bucket', Prefix='moved'), ['moved'])
        self.assertNotEqual(self.run_aws('s3', 'rb', 's3://cli-bucket').returncode, 0)
        self.aws('s3', 'rm', 's3://cli-bucket', '--recursive', '--only-show-errors')
        self.aws('s3', 'rb', 's3://cli-bucket')
        self.assertEqual([b['Name'] for b in self.aws('s3api', 'list-buckets')['Buckets'] if b['Name'] == 'cli-bucket'], [])

    def test_sync_both_ways(self):
        bucket = self.bucket()
        files = {f'd{i % 3}/f{i}': os.urandom(i * 5000) for i in range(20)}
        root = self.tree(files)
        self.aws('s3', 'sync', root, f's3://{bucket}', '--only-show-errors')
        self.assertEqual(self.keys(bucket), sorted(files))
        self.assertEqual(self.aws('s3', 'sync', root, f's3://{bucket}').strip(), '')
        os.remove(os.path.join(root, 'd0/f3'))
        self.aws('s3', 'sync', root, f's3://{bucket}', '--delete', '--only-show-errors')
        self.assertEqual(len(self.keys(bucket)), 19)
        back = os.path.join(self.scratch, 'back')
        self.aws('s3', 'sync', f's3://{bucket}', back, '--only-show-errors')
        del files['d0/f3']
        for name, data in files.items():
            with open(os.path.join(back, name), 'rb') as f:
                self.assertEqual(f.read(), data, name)

    def test_large_file_there_and_back(self):
        bucket = self.bucket()
        path, back = os.path.join(self.scratch, 'large'), os.path.join(self.scratch, 'large-back')
        with open(path, 'wb') as f:
            f.write(os.urandom(20 << 20))
        self.aws('s3', 'cp', path, f's3://{bucket}/large', '--only-show-errors')
        self.aws('s3', 'cp', f's3://{bucket}/large', f's3://{bucket}/copy', '--only-show-errors')
        self.aws('s3', 'cp', f's3://{bucket}/copy', back, '--only-show-errors')
        with open(path, 'rb') as a, open(back, 'rb') as b:
            self.assertEqual(a.read(), b.read())
        self.assertRegex(self.s3.head_object(Bucket=bucket, Key='large')['ETag'], r'^"[0-9a-f]{32}-3"$')

    def test_s3api(self):
        bucket = self.bucket()
        body = os.path.join(self.scratch, 'body')
        with open(body, 'wb') as f:
            f.write(b'{}')
        put = self.aws('s3api', 'put-object', '--bucket', bucket, '--key', 'k', '--body', body, '--metadata', 'Color=blue,n=1',
                       '--content-type', 'application/json', '--checksum-algorithm', 'SHA256')
        self.assertEqual(put['ETag'], '"%s"' % hashlib.md5(b'{}').hexdigest())
        self.assertEqual(put['ChecksumSHA256'], base64.b64encode(hashlib.sha256(b'{}').digest()).decode())
        head = self.aws('s3api', 'head-object', '--bucket', bucket, '--key', 'k')
        self.assertEqual((head['Metadata'], head['ContentType'], head['ContentLength']), ({'color': 'blue', 'n': '1'}, 'application/json', 2))
        self.assertEqual(self.aws('s3api', 'get-bucket-location', '--bucket', bucket), {'LocationConstraint': None})
        self.aws('s3api', 'delete-objects', '--bucket', bucket, '--delete', json.dumps({'Objects': [{'Key': 'k'}]}))
        self.assertEqual(self.keys(bucket), [])


class Boto(S3Case):
    def test_upload_in_parts(self):
        bucket, data = self.bucket(), os.urandom((17 << 20) + 5)
        config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20, max_concurrency=4)
        self.s3.upload_fileobj(io.BytesIO(data), bucket, 'k', ExtraArgs={'Metadata': {'a': 'b'}, 'ContentType': 'x/y'}, Config=config)
        head = self.s3.head_object(Bucket=bucket, Key='k')
        parts = [data[i:i + (8 << 20)] for i in range(0, len(data), 8 << 20)]
        self.assertEqual(head['ETag'], '"%s-3"' % hashlib.md5(b''.join(hashlib.md5(p).digest() for p in parts)).hexdigest())
        self.assertEqual((head['Metadata'], head['ContentType'], head['ContentLength']), ({'a': 'b'}, 'x/y', len(data)))
        out = io.BytesIO()
        self.s3.download_fileobj(bucket, 'k', out, Config=config)
        self.assertEqual(out.getvalue(), data)
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='k')['Body'].read(), data)
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='k', PartNumber=3)['Body'].read(), parts[2])
        got = self.s3.get_object(Bucket=bucket, Key='k', Range=f'bytes={(8 << 20) - 2}-{(8 << 20) + 1}')
        self.assertEqual((got['Body'].read(), got['ContentRange'], got['ResponseMetadata']['HTTPStatusCode']),
                         (data[(8 << 20) - 2:(8 << 20) + 2], f'bytes {(8 << 20) - 2}-{(8 << 20) + 1}/{len(data)}', 206))
        self.assertEqual(self.s3.list_multipart_uploads(Bucket=bucket).get('Uploads', []), [])

    def test_bytes_come_back_as_sent(self):
        bucket = self.bucket()
        for n in (0, 1, 32768, 32769, 1 << 20):
            data = os.urandom(n)
            self.s3.put_object(Bucket=bucket, Key=f'k{n}', Body=data)
            got = self.s3.get_object(Bucket=bucket, Key=f'k{n}')
            self.assertEqual((got['Body'].read(), got['ContentLength'], got['ContentType']), (data, n, 'binary/octet-stream'))
            self.assertEqual(self.s3.head_object(Bucket=bucket, Key=f'k{n}')['ContentLength'], n)

    def test_odd_keys(self):
        bucket = self.bucket()
        keys = sorted([' ', 'a b', 'a+b', 'a%20b', 'a&b=c', '/lead', 'trail/', 'a//b', '../up', '.', '\u00e9\U0001f600', 'q?x', 'h#x', "'\"<>", 'tab\tnl\n'],
                      key=lambda k: k.encode())
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        self.assertEqual(self.keys(bucket), keys)
        for key in keys:
            self.assertEqual(self.s3.get_object(Bucket=bucket, Key=key)['Body'].read(), key.encode())
        self.s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': k} for k in keys if '\t' not in k]})
        self.s3.delete_object(Bucket=bucket, Key='tab\tnl\n')
        self.assertEqual(self.keys(bucket), [])

    def test_presigned(self):
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key='a b', Body=b'hi', ContentType='text/plain')
        url = self.s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'a b', 'ResponseContentType': 'x/y'})
        with urllib.request.urlopen(url) as r:
            self.assertEqual((r.read(), r.headers['Content-Type']), (b'hi', 'x/y'))
        url = self.s3.generate_presigned_url('put_object', Params={'Bucket': bucket, 'Key': 'new'})
        with urllib.request.urlopen(urllib.request.Request(url, b'put', method='PUT')) as r:
            self.assertEqual(r.status, 200)
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='new')['Body'].read(), b'put')

    def test_conditions(self):
        bucket = self.bucket()
        etag = self.s3.put_object(Bucket=bucket, Key='k', Body=b'hello')['ETag']
        head = self.s3.head_object(Bucket=bucket, Key='k')
        self.refused('304', self.s3.get_object, status=304, Bucket=bucket, Key='k', IfNoneMatch=etag)
        self.refused('304', self.s3.get_object, status=304, Bucket=bucket, Key='k', IfModifiedSince=head['LastModified'])
        self.refused('PreconditionFailed', self.s3.get_object, 'At least one of the pre-conditions you specified did not hold', 412,
                         Bucket=bucket, Key='k', IfMatch='"x"')
        self.refused('412', self.s3.head_object, status=412, Bucket=bucket, Key='k', IfMatch='"x"')
        self.refused('InvalidRange', self.s3.get_object, 'The requested range is not satisfiable', 416, Bucket=bucket, Key='k', Range='bytes=9-')
        self.refused('404', self.s3.head_object, status=404, Bucket=bucket, Key='none')
        self.refused('NoSuchKey', self.s3.get_object, 'The specified key does not exist.', 404, Bucket=bucket, Key='none')
        self.refused('NoSuchBucket', self.s3.get_object, 'The specified bucket does not exist', 404, Bucket='nobody-here', Key='k')
        self.refused('AccessDenied', self.s3.list_objects_v2, 'Access Denied', 403, Bucket=bucket, ExpectedBucketOwner='999999999999')

    def test_versions(self):
        bucket = self.bucket()
        self.assertNotIn('Status', self.s3.get_bucket_versioning(Bucket=bucket))
        self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={'Status': 'Enabled'})
        self.assertEqual(self.s3.get_bucket_versioning(Bucket=bucket)['Status'], 'Enabled')
        one = self.s3.put_object(Bucket=bucket, Key='k', Body=b'1')['VersionId']
        two = self.s3.put_object(Bucket=bucket, Key='k', Body=b'2' * 50000)['VersionId']
        gone = self.s3.delete_object(Bucket=bucket, Key='k')
        self.assertTrue(gone['DeleteMarker'])
        with self.assertRaises(ClientError) as e:
            self.s3.get_object(Bucket=bucket, Key='k')
        self.assertEqual(e.exception.response['ResponseMetadata']['HTTPHeaders']['x-amz-delete-marker'], 'true')
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='k', VersionId=one)['Body'].read(), b'1')
        listed = self.s3.list_object_versions(Bucket=bucket)
        self.assertEqual([(v['VersionId'], v['IsLatest'], v['Size']) for v in listed['Versions']], [(two, False, 50000), (one, False, 1)])
        self.assertEqual([(v['VersionId'], v['IsLatest']) for v in listed['DeleteMarkers']], [(gone['VersionId'], True)])
        back = self.s3.delete_object(Bucket=bucket, Key='k', VersionId=gone['VersionId'])
        self.assertEqual((back['DeleteMarker'], back['VersionId']), (True, gone['VersionId']))
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='k')['VersionId'], two)
        self.refused('BucketNotEmpty', self.s3.delete_bucket, 'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
                         409, Bucket=bucket)

    def test_tags(self):
        bucket = self.bucket()
        self.refused('NoSuchTagSet', self.s3.get_bucket_tagging, 'The TagSet does not exist', 404, Bucket=bucket)
        tags = [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': ''}]
        self.s3.put_bucket_tagging(Bucket=bucket, Tagging={'TagSet': tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=bucket)['TagSet'], tags)
        self.s3.delete_bucket_tagging(Bucket=bucket)
        self.s3.put_object(Bucket=bucket, Key='k', Body=b'', Tagging='x=y%20z')
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key='k')['TagSet'], [{'Key': 'x', 'Value': 'y z'}])
        self.s3.put_object_tagging(Bucket=bucket, Key='k', Tagging={'TagSet': tags})
        self.assertEqual(self.s3.get_object(Bucket=bucket, Key='k')['TagCount'], 2)
        self.s3.delete_object_tagging(Bucket=bucket, Key='k')
        self.assertEqual(self.s3.get_object_tagging(Bucket=bucket, Key='k')['TagSet'], [])

    def test_policy(self):
        bucket = self.bucket()
        policy = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': '111111111111'}, 'Action': 's3:GetObject',
                                                                      'Resource': f'arn:aws:s3:::{bucket}/shared/*'}]})
        self.s3.put_object(Bucket=bucket, Key='shared/k', Body=b'x')
        other = self.client('s3', key='111111111111')
        self.refused('AccessDenied', other.get_object, 'Access Denied', 403, Bucket=bucket, Key='shared/k')
        self.refused('NoSuchBucketPolicy', self.s3.get_bucket_policy, 'The bucket policy does not exist', 404, Bucket=bucket)
        self.refused('MalformedPolicy', self.s3.put_bucket_policy, status=400, Bucket=bucket, Policy='nonsense')
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
        self.assertEqual(self.s3.get_bucket_policy(Bucket=bucket)['Policy'], policy)
        self.assertEqual(other.get_object(Bucket=bucket, Key='shared/k')['Body'].read(), b'x')
        self.refused('AccessDenied', other.get_object, 'Access Denied', 403, Bucket=bucket, Key='k')
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.refused('AccessDenied', other.get_object, 'Access Denied', 403, Bucket=bucket, Key='shared/k')


class Configuration(S3Case):
    def test_terraform_read_sweep(self):
        bucket, s3 = self.bucket(), self.s3
        s3.head_bucket(Bucket=bucket)
        for code, call, text in (
                ('NoSuchTagSet', s3.get_bucket_tagging, 'The TagSet does not exist'),
                ('NoSuchBucketPolicy', s3.get_bucket_policy, 'The bucket policy does not exist'),
                ('NoSuchCORSConfiguration', s3.get_bucket_cors, 'The CORS configuration does not exist'),
                ('NoSuchWebsiteConfiguration', s3.get_bucket_website, 'The specified bucket does not have a website configuration'),
                ('NoSuchLifecycleConfiguration', s3.get_bucket_lifecycle_configuration, 'The lifecycle configuration does not exist'),
                ('ReplicationConfigurationNotFoundError', s3.get_bucket_replication, 'The replication configuration was not found'),
                ('ObjectLockConfigurationNotFoundError', s3.get_object_lock_configuration, 'Object Lock configuration does not exist for this bucket')):
            self.refused(code, call, text, 404, Bucket=bucket)
        for call in (s3.get_bucket_versioning, s3.get_bucket_accelerate_configuration, s3.get_bucket_logging, s3.get_bucket_notification_configuration):
            self.assertEqual({k: v for k, v in call(Bucket=bucket).items() if k != 'ResponseMetadata'}, {}, call)
        self.assertEqual(s3.get_bucket_request_payment(Bucket=bucket)['Payer'], 'BucketOwner')
        rule, = s3.get_bucket_encryption(Bucket=bucket)['ServerSideEncryptionConfiguration']['Rules']
        self.assertEqual(rule, {'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'AES256'}, 'BucketKeyEnabled': False})
        self.assertEqual(set(s3.get_public_access_block(Bucket=bucket)['PublicAccessBlockConfiguration'].values()), {True})
        self.assertEqual(s3.get_bucket_ownership_controls(Bucket=bucket)['OwnershipControls'], {'Rules': [{'ObjectOwnership': 'BucketOwnerEnforced'}]})
        acl = s3.get_bucket_acl(Bucket=bucket)
        self.assertEqual((len(acl['Grants']), acl['Grants'][0]['Permission'], acl['Grants'][0]['Grantee']['ID']), (1, 'FULL_CONTROL', acl['Owner']['ID']))
        self.assertEqual(acl['Grants'][0]['Grantee']['Type'], 'CanonicalUser')

    def test_puts_not_acted_on_are_refused_by_name(self):
        bucket, s3 = self.bucket(), self.s3
        for name, call, params in (
                ('PutBucketCors', s3.put_bucket_cors, {'CORSConfiguration': {'CORSRules': [{'AllowedMethods': ['GET'], 'AllowedOrigins': ['*']}]}}),
                ('PutBucketWebsite', s3.put_bucket_website, {'WebsiteConfiguration': {'IndexDocument': {'Suffix': 'i'}}}),
                ('PutBucketAcl', s3.put_bucket_acl, {'ACL': 'public-read'}),
                ('PutBucketLogging', s3.put_bucket_logging, {'BucketLoggingStatus': {}}),
                ('PutObjectAcl', s3.put_object_acl, {'Key': 'k', 'ACL': 'public-read'}),
                ('PutBucketLifecycleConfiguration', s3.put_bucket_lifecycle_configuration,
                 {'LifecycleConfiguration': {'Rules': [{'Status': 'Enabled', 'Prefix': '', 'Expiration': {'Days': 1}}]}})):
            with self.assertRaises(ClientError) as e:
                call(Bucket=bucket, **params)
            self.assertEqual((e.exception.response['Error']['Code'], e.exception.response['ResponseMetadata']['HTTPStatusCode']), ('NotImplemented', 501), name)
            self.assertIn(name, e.exception.response['Error']['Message'])

    def test_raw_error(self):
        status, headers, body = self.raw('GET', '/no-such-bucket-at-all/k')
        self.assertEqual((status, headers['content-type']), (404, 'application/xml'))
        root = ET.fromstring(body)
        self.assertEqual(root.tag, 'Error')
        self.assertEqual({e.tag for e in root} >= {'Code', 'Message', 'BucketName', 'RequestId', 'HostId'}, True, body)
        self.assertEqual(root.find('Code').text, 'NoSuchBucket')

    def test_raw_listing(self):
        bucket = self.bucket()
        self.raw('PUT', f'/{bucket}/a', b'1')
        status, _, body = self.raw('GET', f'/{bucket}?list-type=2')
        root = ET.fromstring(body)
        self.assertEqual((status, root.tag), (200, NS + 'ListBucketResult'))
        self.assertEqual([e.tag.replace(NS, '') for e in root.find(NS + 'Contents')], ['Key', 'LastModified', 'ETag', 'Size', 'StorageClass'])
        self.assertEqual(root.find(NS + 'KeyCount').text, '1')

    def test_digests(self):
        bucket = self.bucket()
        status, _, body = self.raw('PUT', f'/{bucket}/k', b'hello', Content_MD5=base64.b64encode(b'0' * 16).decode())
        self.assertEqual((status, ET.fromstring(body).find('Code').text), (400, 'BadDigest'))
        crc = base64.b64encode(zlib.crc32(b'hello').to_bytes(4, 'big')).decode()
        status, headers, _ = self.raw('PUT', f'/{bucket}/k', b'hello', x_amz_checksum_crc32=crc)
        self.assertEqual((status, headers['x-amz-checksum-crc32']), (200, crc))
        status, _, body = self.raw('PUT', f'/{bucket}/k', b'hellO', x_amz_checksum_crc32=crc)
        self.assertEqual((status, ET.fromstring(body).find('Code').text), (400, 'BadDigest'))

    def test_aws_chunked(self):
        bucket = self.bucket()
        crc = base64.b64encode(zlib.crc32(b'hello world').to_bytes(4, 'big')).decode()
        headers = {'x_amz_content_sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'Content_Encoding': 'aws-chunked',
                   'x_amz_decoded_content_length': '11', 'x_amz_trailer': 'x-amz-checksum-crc32'}
        body = f'6\r\nhello \r\n5\r\nworld\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n'.encode()
        status, got, reply = self.raw('PUT', f'/{bucket}/k', body, **headers)
        self.assertEqual((status, got.get('x-amz-checksum-crc32')), (200, crc), reply)
        got = self.s3.get_object(Bucket=bucket, Key='k')
        self.assertEqual((got['Body'].read(), got.get('ContentEncoding')), (b'hello world', None))
        status, _, reply = self.raw('PUT', f'/{bucket}/k', body.replace(b'world', b'World'), **headers)
        self.assertEqual((status, ET.fromstring(reply).find('Code').text), (400, 'BadDigest'))


class Notifications(S3Case):
    def allow(self, url, arn, bucket):
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 's3.amazonaws.com'}, 'Action': 'sqs:SendMessage',
                                                    'Resource': arn, 'Condition': {'ArnLike': {'aws:SourceArn': f'arn:aws:s3:::{bucket}'}}}]})})

    def test_queue(self):
        bucket = self.bucket()
        url, arn = self.queue('notified')
        config = {'QueueConfigurations': [{'Id': 'c', 'QueueArn': arn, 'Events': ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
                                           'Filter': {'Key': {'FilterRules': [{'Name': 'prefix', 'Value': 'in/'}]}}}]}
        put = self.s3.put_bucket_notification_configuration
        self.refused('InvalidArgument', put, 'Unable to validate the following destination configurations', 400,
                         Bucket=bucket, NotificationConfiguration=config)
        self.allow(url, arn, bucket)
        put(Bucket=bucket, NotificationConfiguration=config)
        test = json.loads(self.receive(url, 1)[0]['Body'])
        self.assertEqual((test['Service'], test['Event'], test['Bucket']), ('Amazon S3', 's3:TestEvent', bucket))
        self.s3.put_object(Bucket=bucket, Key='out/k', Body=b'x')
        etag = self.s3.put_object(Bucket=bucket, Key='in/a b.txt', Body=b'hello')['ETag'].strip('"')
        self.s3.delete_object(Bucket=bucket, Key='in/a b.txt')
        created, removed = sorted((json.loads(m['Body'])['Records'][0] for m in self.receive(url, 2)), key=lambda r: r['s3']['object']['sequencer'])
        self.assertEqual((created['eventVersion'], created['eventSource'], created['eventName'], created['awsRegion']),
                         ('2.1', 'aws:s3', 'ObjectCreated:Put', 'us-east-1'))
        self.assertEqual({k: v for k, v in created['s3']['object'].items() if k != 'sequencer'}, {'key': 'in/a+b.txt', 'size': 5, 'eTag': etag})
        self.assertEqual((created['s3']['bucket']['name'], created['s3']['configurationId']), (bucket, 'c'))
        self.assertEqual(removed['eventName'], 'ObjectRemoved:Delete')
        shown = self.s3.get_bucket_notification_configuration(Bucket=bucket)['QueueConfigurations']
        self.assertEqual((shown[0]['Id'], shown[0]['QueueArn'], shown[0]['Filter']['Key']['FilterRules']), ('c', arn, [{'Name': 'Prefix', 'Value': 'in/'}]))

    def test_function(self):
        bucket = self.bucket()
        arn = self.function('seen', 'def handler(event, context):\n    return event["Records"][0]["s3"]["object"]["key"]')['FunctionArn']
        config = {'LambdaFunctionConfigurations': [{'LambdaFunctionArn': arn, 'Events': ['s3:ObjectCreated:Put']}]}
        self.refused('InvalidArgument', self.s3.put_bucket_notification_configuration,
                         'Unable to validate the following destination configurations', 400, Bucket=bucket, NotificationConfiguration=config)
        self.client('lambda').add_permission(FunctionName='seen', StatementId='s', Action='lambda:InvokeFunction', Principal='s3.amazonaws.com',
                                             SourceArn=f'arn:aws:s3:::{bucket}', SourceAccount=ACCOUNT)
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=config)
        self.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
        self.settle()
        journey, = self.journeys('seen')
        self.assertEqual(self.steps(journey['requestId'])[-1], 'succeeded')

    def test_event_bridge(self):
        bucket = self.bucket()
        url, arn = self.queue('bridged')
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'}, 'Action': 'sqs:SendMessage',
                                                    'Resource': arn}]})})
        events = self.client('events')
        events.put_rule(Name='s3', EventPattern=json.dumps({'source': ['aws.s3'], 'detail': {'bucket': {'name': [bucket]}}}))
        events.put_targets(Rule='s3', Targets=[{'Id': 'q', 'Arn': arn}])
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={'EventBridgeConfiguration': {}})
        self.assertEqual(self.s3.get_bucket_notification_configuration(Bucket=bucket)['EventBridgeConfiguration'], {})
        self.s3.put_object(Bucket=bucket, Key='a b', Body=b'hello')
        self.s3.delete_object(Bucket=bucket, Key='a b')
        made, gone = sorted((json.loads(m['Body']) for m in self.receive(url, 2)), key=lambda e: e['detail']['object']['sequencer'])
        self.assertEqual((made['source'], made['detail-type'], made['resources'], made['account'], made['region']),
                         ('aws.s3', 'Object Created', [f'arn:aws:s3:::{bucket}'], ACCOUNT, 'us-east-1'))
        self.assertEqual((made['detail']['object']['key'], made['detail']['object']['size'], made['detail']['reason'], made['detail']['requester']),
                         ('a b', 5, 'PutObject', ACCOUNT))
        self.assertEqual((gone['detail-type'], gone['detail']['deletion-type']), ('Object Deleted', 'Permanently Deleted'))

    def test_topic(self):
        bucket = self.bucket()
        sns = self.client('sns')
        topic = sns.create_topic(Name='told')['TopicArn']
        url, arn = self.queue('listens')
        config = {'TopicConfigurations': [{'TopicArn': topic, 'Events': ['s3:ObjectCreated:*']}]}
        self.refused('InvalidArgument', self.s3.put_bucket_notification_configuration,
                     'Unable to validate the following destination configurations', 400, Bucket=bucket, NotificationConfiguration=config)
        sns.set_topic_attributes(TopicArn=topic, AttributeName='Policy', AttributeValue=json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 's3.amazonaws.com'}, 'Action': 'sns:Publish', 'Resource': topic,
                                                    'Condition': {'StringEquals': {'aws:SourceAccount': ACCOUNT}}}]}))
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage',
                                                    'Resource': arn}]})})
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=config)
        sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes={'RawMessageDelivery': 'true'})
        self.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
        record, = json.loads(self.receive(url, 1)[0]['Body'])['Records']
        self.assertEqual((record['eventName'], record['s3']['object']['key']), ('ObjectCreated:Put', 'k'))

    def test_a_function_that_writes_into_its_own_bucket_stops(self):
        bucket = self.bucket()
        arn = self.function('loops', 'import boto3, os\ndef handler(event, context):\n'
                            '    boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).put_object(Bucket=event["Records"][0]["s3"]["bucket"]["name"], '
                            'Key=context.aws_request_id, Body=b"x")\n')['FunctionArn']
        self.client('lambda').add_permission(FunctionName='loops', StatementId='s', Action='lambda:InvokeFunction', Principal='s3.amazonaws.com')
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
            'LambdaFunctionConfigurations': [{'LambdaFunctionArn': arn, 'Events': ['s3:ObjectCreated:*']}]})
        self.s3.put_object(Bucket=bucket, Key='first', Body=b'x')
        support.wait_until(lambda: len(self.keys(bucket)) > 2, 30, 0.1, 'some rounds')
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        self.settle(advance=True)

    def test_function_code(self):
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key='code.zip', Body=support.make_zip({'index.py': 'def handler(e, c): return {"from": "s3"}'}))
        self.role('r')
        client = self.client('lambda')
        client.create_function(FunctionName='from-s3', Role=f'arn:aws:iam::{ACCOUNT}:role/r', Runtime='python3.11', Handler='index.handler',
                               Code={'S3Bucket': bucket, 'S3Key': 'code.zip'})
        self.wait_active('from-s3')
        self.assertEqual(self.invoke('from-s3', {})[1], {'from': 's3'})
        self.refused('InvalidParameterValueException', client.create_function,
                         'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.', 400,
                         FunctionName='no', Role=f'arn:aws:iam::{ACCOUNT}:role/r', Runtime='python3.11', Handler='index.handler',
                         Code={'S3Bucket': bucket, 'S3Key': 'none'})


class Roles(S3Case):
    def test_a_role_may_what_its_policy_says(self):
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key='k', Body=b'x')
        arn = self.role('reader', [{'Effect': 'Allow', 'Action': 's3:GetObject', 'Resource': f'arn:aws:s3:::{bucket}/*'}],
                        trust={'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': ACCOUNT}, 'Action': 'sts:AssumeRole'}]})
        c = self.client('sts').assume_role(RoleArn=arn, RoleSessionName='session')['Credentials']
        mine = self.client('s3', key=c['AccessKeyId'], secret=c['SecretAccessKey'], token=c['SessionToken'])
        self.assertEqual(mine.get_object(Bucket=bucket, Key='k')['Body'].read(), b'x')
        with self.assertRaises(ClientError) as e:
            mine.put_object(Bucket=bucket, Key='k', Body=b'y')
        self.assertEqual(e.exception.response['Error']['Code'], 'AccessDenied')
        self.assertIn('s3:PutObject', e.exception.response['Error']['Message'])
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Deny', 'Principal': '*', 'Action': 's3:GetObject', 'Resource': f'arn:aws:s3:::{bucket}/*'},
            {'Effect': 'Allow', 'Principal': {'AWS': arn}, 'Action': 's3:PutObject', 'Resource': f'arn:aws:s3:::{bucket}/*'}]}))
        mine.put_object(Bucket=bucket, Key='k', Body=b'y')
        self.refused('AccessDenied', mine.get_object, status=403, Bucket=bucket, Key='k')


class Crash(support.ServerCase):
    def setUp(self):
        super().setUp()
        self.dir = os.path.join(self.scratch, 'data')

    def start(self):
        server = support.Server(['--data', self.dir])
        self.addCleanup(server.kill)
        return server, self.client('s3', endpoint=server.endpoint)

    def files(self):
        return sorted(os.path.join(d, f) for d, _, names in os.walk(os.path.join(self.dir, 'objects')) for f in names)

    def test_what_was_answered_is_there(self):
        server, s3 = self.start()
        s3.create_bucket(Bucket='crash')
        small, large = os.urandom(1000), os.urandom(300000)
        s3.put_object(Bucket='crash', Key='small', Body=small)
        s3.put_object(Bucket='crash', Key='large', Body=large)
        upload = s3.create_multipart_upload(Bucket='crash', Key='parts')['UploadId']
        part = s3.upload_part(Bucket='crash', Key='parts', UploadId=upload, PartNumber=1, Body=large)
        server.kill()
        os.makedirs(os.path.join(self.dir, 'objects/0/00'), exist_ok=True)
        for name in ('ffff', 'ffff.new'):
            with open(os.path.join(self.dir, 'objects/0/00', name), 'wb') as f:
                f.write(b'left over')
        server, s3 = self.start()
        self.assertEqual(len(self.files()), 2)
        self.assertEqual(s3.get_object(Bucket='crash', Key='small')['Body'].read(), small)
        self.assertEqual(s3.get_object(Bucket='crash', Key='large')['Body'].read(), large)
        s3.complete_multipart_upload(Bucket='crash', Key='parts', UploadId=upload, MultipartUpload={'Parts': [{'PartNumber': 1, 'ETag': part['ETag']}]})
        server.kill()
        server, s3 = self.start()
        self.assertEqual(s3.get_object(Bucket='crash', Key='parts')['Body'].read(), large)
        s3.delete_object(Bucket='crash', Key='parts')
        s3.delete_object(Bucket='crash', Key='large')
        self.assertEqual(server.end(), [])
        server, s3 = self.start()
        self.assertEqual(self.files(), [])


if __name__ == '__main__':
    support.main()
