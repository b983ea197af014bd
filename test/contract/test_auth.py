#!/usr/bin/python3
"""`--auth verify`: what is signed with a secret the server knows is believed, and nothing else, in every protocol."""
import datetime
import hashlib
import hmac
import json
import os
import re
import socket
import stat
import subprocess
import tempfile
import time
import unittest
import urllib.request

import botocore.session
import support
from support import ClientError

SERVICES = ('lambda', 'sqs', 'sns', 'events', 's3', 'iam', 'sts', 'logs', 'cloudwatch')
DIFFERS = ('The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing '
           'method. Consult the service documentation for details.')
INVALID = 'The security token included in the request is invalid.'
# service, operation, parameters: something everybody answers
QUESTIONS = (('lambda', 'list_functions', {}), ('sqs', 'list_queues', {}), ('sns', 'list_topics', {}), ('events', 'list_rules', {}),
             ('s3', 'list_buckets', {}), ('iam', 'list_roles', {}), ('sts', 'get_caller_identity', {}),
             ('logs', 'describe_log_groups', {}), ('cloudwatch', 'list_metrics', {}))


class AuthCase(support.ServerCase):
    server_args = ('--auth', 'verify')
    expected_events = ('signature_refused',)

    def refusal(self, service, operation, params=None, **who):
        """The whole error of a call that must be refused: (code, message, status)."""
        with self.assertRaises(ClientError) as caught:
            getattr(self.client(service, **who), operation)(**(params or {}))
        reply = caught.exception.response
        return reply['Error']['Code'], reply['Error']['Message'], reply['ResponseMetadata']['HTTPStatusCode']

    def raw(self, service, method, path, headers=None, body=b'', **how):
        """Signed by the root pair and sent as it stands -> (status, headers, body)."""
        signed = support.sign(how.pop('pair', self.root_pair), service, method, self.endpoint + path, headers, body, **how)
        return self.http(method, path, signed, body)


class Clients(AuthCase):
    def test_root_does_everything(self):
        for service, operation, params in QUESTIONS:
            getattr(self.client(service), operation)(**params)
        self.assertEqual(self.client('sts').get_caller_identity()['Arn'], 'arn:aws:iam::000000000000:root')

    def test_every_service_by_aws_cli(self):
        for command in (('lambda', 'list-functions'), ('sqs', 'list-queues'), ('sns', 'list-topics'), ('events', 'list-rules'),
                        ('s3api', 'list-buckets'), ('iam', 'list-roles'), ('sts', 'get-caller-identity'),
                        ('logs', 'describe-log-groups'), ('cloudwatch', 'list-metrics')):
            self.aws(*command)

    def test_wrong_secret(self):
        code, forms = 'SignatureDoesNotMatch', {}
        for service, operation, params in QUESTIONS:
            forms[service] = self.refusal(service, operation, params, secret='wrong')
        json_form = ('InvalidSignatureException', DIFFERS, 400)
        self.assertEqual(forms.pop('s3'), (code, 'The request signature we calculated does not match the signature you provided. '
                                           'Check your key and signing method.', 403))
        self.assertEqual(forms.pop('lambda'), ('InvalidSignatureException', DIFFERS, 403))
        for service in ('sns', 'iam', 'sts'):
            self.assertEqual(forms.pop(service), (code, DIFFERS, 403), service)
        for service in ('events', 'logs'):
            self.assertEqual(forms.pop(service), json_form, service)
        for service in list(forms):                          # sqs and cloudwatch: by the botocore at hand, either protocol
            self.assertIn(forms.pop(service), (json_form, (code, DIFFERS, 403), (code, DIFFERS, 400)), service)

    def test_unknown_key(self):
        names = {'s3': ('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.', 403),
                 'lambda': ('UnrecognizedClientException', INVALID, 403), 'iam': ('InvalidClientTokenId', INVALID, 403),
                 'sns': ('InvalidClientTokenId', INVALID, 403), 'sts': ('InvalidClientTokenId', INVALID, 403),
                 'events': ('UnrecognizedClientException', INVALID, 400), 'logs': ('UnrecognizedClientException', INVALID, 400)}
        for service, operation, params in QUESTIONS:
            for key in ('AKIAIOSFODNN7EXAMPLE', 'test', '000000000000'):
                got = self.refusal(service, operation, params, key=key)
                if service in names:
                    self.assertEqual(got, names[service], service)

    def test_unsigned(self):
        for service, path, headers, body, want in (
                ('lambda', '/2015-03-31/functions/', {}, b'', (403, 'Missing Authentication Token')),
                ('logs', '/', {'X-Amz-Target': 'Logs_20140328.DescribeLogGroups', 'Content-Type': 'application/x-amz-json-1.1'}, b'{}',
                 (400, 'Missing Authentication Token')),
                ('sqs', '/', {'X-Amz-Target': 'AmazonSQS.ListQueues', 'Content-Type': 'application/x-amz-json-1.0'}, b'{}',
                 (400, 'Request is missing Authentication Token'))):
            status, reply, data = self.http('POST' if body else 'GET', path, headers, body)
            self.assertEqual((status, json.loads(data)['message']), want, service)
            self.assertIn('MissingAuthenticationToken', data.decode() + reply.get('x-amzn-errortype', ''))
        status, _, data = self.http('POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'},
                                    b'Action=ListRoles&Version=2010-05-08')
        self.assertEqual(status, 403)
        self.assertIn(b'<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message>', data)

    def test_no_operation_without_a_signature(self):
        """Not one of all operations does anything for somebody who signs nothing."""
        self.client('sqs').create_queue(QueueName='kept')
        self.client('s3').create_bucket(Bucket='kept')
        topic = self.client('sns').create_topic(Name='kept')['TopicArn']
        session = botocore.session.get_session()
        for service in SERVICES:
            model = session.get_service_model(service)
            for name in model.operation_names:
                if (service, name) in (('sns', 'ConfirmSubscription'), ('sns', 'Unsubscribe')):
                    continue                                 # their token or ARN is the right
                meta, op = model.metadata, model.operation_model(name)
                headers, path, method = {}, '/', 'POST'
                body = json.dumps({'QueueUrl': self.endpoint + '/000000000000/kept', 'QueueName': 'kept', 'Name': 'x'}).encode()
                if meta['protocol'] in ('json', 'smithy-rpc-v2-cbor') and 'targetPrefix' in meta:
                    headers = {'Content-Type': f"application/x-amz-json-{meta.get('jsonVersion', '1.0')}",
                               'X-Amz-Target': f"{meta['targetPrefix']}.{name}"}
                elif meta['protocol'].startswith('rest'):
                    method, path = op.http['method'], re.sub(r'{[^}]*}', 'kept', op.http['requestUri'])
                else:
                    headers = {'Content-Type': 'application/x-www-form-urlencoded'}
                    body = f"Action={name}&Version={meta['apiVersion']}&TopicArn={topic}&Name=x&QueueName=x".encode()
                status = self.http(method, path, headers, b'' if method in ('GET', 'HEAD') else body)[0]
                self.assertIn(status, (400, 403, 404, 405, 501), f'{service} {name}')
        self.assertEqual(len(self.client('sqs').list_queues()['QueueUrls']), 1)
        self.assertEqual([b['Name'] for b in self.client('s3').list_buckets()['Buckets']], ['kept'])
        self.assertEqual(len(self.client('sns').list_topics()['Topics']), 1)

    def test_who_was_told_a_subscription_may_end_it(self):
        """As at AWS: an address in a message, which nobody signs."""
        sns = self.client('sns')
        topic = sns.create_topic(Name='told')['TopicArn']
        arn = sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint='arn:aws:sqs:us-east-1:000000000000:kept',
                            ReturnSubscriptionArn=True)['SubscriptionArn']
        status, _, data = self.http('GET', '/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=' + arn)
        self.assertEqual(status, 200, data)
        self.assertEqual(sns.list_subscriptions_by_topic(TopicArn=topic)['Subscriptions'], [])
        status, _, data = self.http('GET', f'/?Action=ConfirmSubscription&Version=2010-03-31&TopicArn={topic}&Token=guessed')
        self.assertEqual((status, b'InvalidParameter' in data), (400, True), data)

    def test_tampered_body(self):
        path, body = '/', b'{"QueueName":"one"}'
        headers = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.CreateQueue'}
        signed = support.sign(self.root_pair, 'sqs', 'POST', self.endpoint + path, headers, body)
        status, _, data = self.http('POST', path, signed, b'{"QueueName":"two"}')
        self.assertEqual((status, json.loads(data)), (400, {'__type': 'com.amazon.coral.service#InvalidSignatureException', 'message': DIFFERS}))
        added = dict(signed, **{'X-Amz-Meta': 'more'})
        self.assertIn('SignedHeader', self.http('POST', path, added, body)[2].decode())
        self.assertEqual(self.http('POST', path, signed, body)[0], 200)

    def test_clock_skew(self):
        """The signer's clock is real, whatever the server's says."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        path = '/2015-03-31/functions/'
        for minutes, status, text in ((-14, 200, ''), (14, 200, ''), (-16, 403, 'Signature expired: '), (16, 403, 'Signature not yet current: ')):
            got, reply, data = self.raw('lambda', 'GET', path, at=now + datetime.timedelta(minutes=minutes))
            self.assertEqual(got, status, (minutes, data))
            if text:
                self.assertEqual(reply['x-amzn-errortype'], 'InvalidSignatureException')
                self.assertTrue(json.loads(data)['message'].startswith(text), data)
        status, _, data = self.raw('s3', 'GET', '/', at=now - datetime.timedelta(minutes=16))
        self.assertEqual(status, 403)
        self.assertRegex(data.decode(), '<Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current '
                         'time is too large.</Message><RequestTime>[0-9TZ]+</RequestTime><ServerTime>[-0-9:TZ]+</ServerTime>'
                         '<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>')
        self.advance(86400000)
        self.assertEqual(self.raw('lambda', 'GET', path)[0], 200)

    def test_forms_that_are_no_signature(self):
        path = '/2015-03-31/functions/'
        signed = self.sign_for('lambda', path)
        whole = signed['Authorization']
        for authorization, code in ((whole.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'), 'NotImplementedException'),
                                    ('Bearer token', 'IncompleteSignatureException'), (whole.split(', Signature')[0], 'IncompleteSignatureException'),
                                    (whole.replace('/lambda/', '/sqs/'), 'InvalidSignatureException'),
                                    (re.sub(r'/\d{8}/', '/20200101/', whole), 'InvalidSignatureException'),
                                    (whole.replace('host;', ''), 'InvalidSignatureException')):
            _, reply, data = self.http('GET', path, dict(signed, Authorization=authorization))
            self.assertEqual(reply['x-amzn-errortype'], code, data)
        status, _, data = self.http('GET', '/kept', {'Authorization': f'AWS {self.root_pair[0]}:c2lnbmF0dXJl'})
        self.assertEqual(status, 400)
        self.assertIn(b'<Code>InvalidRequest</Code><Message>The authorization mechanism you have provided is not supported. '
                      b'Please use AWS4-HMAC-SHA256.</Message>', data)

    def sign_for(self, service, path, method='GET', headers=None, body=b''):
        return support.sign(self.root_pair, service, method, self.endpoint + path, headers, body)

    def test_signed_host_of_an_old_sdk(self):
        """The Node shim sends the host that was signed along."""
        path = '/2015-03-31/functions/'
        signed = support.sign(self.root_pair, 'lambda', 'GET', 'https://lambda.us-east-1.amazonaws.com' + path)
        self.assertEqual(self.http('GET', path, signed)[0], 403)
        self.assertEqual(self.http('GET', path, dict(signed, **{'X-Waybill-Signed-Host': 'lambda.us-east-1.amazonaws.com'}))[0], 200)

    def test_signed_host_names_no_other_bucket(self):
        """The name in front of S3's host is the bucket: it cannot be taken from one header and signed in another."""
        s3 = self.client('s3', signature_version='s3v4')
        for bucket in ('mine', 'yours'):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key='key', Body=bucket.encode())
        port = self.server.port
        for signed_for, sent_to, path, want in (
                ('mine.s3.amazonaws.com', f'mine.s3.localhost:{port}', '/key', 200), (f'mine.localhost:{port}', 'yours.localhost', '/key', 403),
                ('mine.s3.amazonaws.com', 'yours.s3.localhost', '/key', 403), ('mine.s3.amazonaws.com', f'127.0.0.1:{port}', '/yours/key', 403),
                ('s3.amazonaws.com', 'yours.localhost', '/key', 403), ('s3.amazonaws.com', f'127.0.0.1:{port}', '/yours/key', 200)):
            signed = support.sign(self.root_pair, 's3', 'GET', f'http://{signed_for}{path}')
            status, _, data = self.http('GET', path, dict(signed, Host=sent_to, **{'X-Waybill-Signed-Host': signed_for}))
            self.assertEqual(status, want, (signed_for, sent_to, path, data))

    def test_one_authorization(self):
        signed = self.sign_for('lambda', '/2015-03-31/functions/')
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=40) as s:
            lines = [f'{k}: {v}' for k, v in signed.items()]
            s.sendall('\r\n'.join(['GET /2015-03-31/functions/ HTTP/1.1', f'Host: 127.0.0.1:{self.server.port}', 'Connection: close',
                                   'Authorization: Bearer x', *lines, '', '']).encode())
            reply = s.makefile('rb').read()
        self.assertIn(b'IncompleteSignatureException', reply)

    def test_presigned_query(self):
        url = self.client('sts').generate_presigned_url('get_caller_identity', ExpiresIn=60, HttpMethod='GET')
        with urllib.request.urlopen(url) as reply:
            self.assertIn(b':root</Arn>', reply.read())
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace('GetCallerIdentity', 'GetSessionToken'))
        self.assertIn(b'<Code>SignatureDoesNotMatch</Code>', caught.exception.read())


class Sessions(AuthCase):
    def role(self, name, policy):
        iam = self.client('iam')
        trust = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::000000000000:root'},
                                                         'Action': 'sts:AssumeRole'}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))['Role']['Arn']
        iam.put_role_policy(RoleName=name, PolicyName='p', PolicyDocument=json.dumps(policy))
        return arn

    def session(self, arn, **more):
        c = self.client('sts').assume_role(RoleArn=arn, RoleSessionName='me', **more)['Credentials']
        return {'key': c['AccessKeyId'], 'secret': c['SecretAccessKey'], 'token': c['SessionToken']}

    def test_session(self):
        who = self.session(self.role('worker', support.ALLOW_ALL))
        for service, operation, params in QUESTIONS:
            getattr(self.client(service, **who), operation)(**params)
        self.assertIn(':assumed-role/worker/me', self.client('sts', **who).get_caller_identity()['Arn'])
        other = self.session('arn:aws:iam::000000000000:role/worker')
        for wrong, form in ((dict(who, token=None), ('InvalidClientTokenId', INVALID, 403)),
                            (dict(who, token=other['token']), ('InvalidClientTokenId', INVALID, 403)),
                            (dict(who, secret=other['secret']), ('SignatureDoesNotMatch', DIFFERS, 403)),
                            (dict(key=self.root_pair[0], secret=self.root_pair[1], token=who['token']), ('InvalidClientTokenId', INVALID, 403))):
            self.assertEqual(self.refusal('sts', 'get_caller_identity', **wrong), form)
        self.assertEqual(self.refusal('s3', 'list_buckets', **dict(who, token='x')),
                         ('InvalidToken', 'The provided token is malformed or otherwise invalid.', 400))

    def test_ends_on_the_servers_clock(self):
        who = self.session(self.role('brief', support.ALLOW_ALL), DurationSeconds=900)
        self.client('sts', **who).get_caller_identity()
        self.advance(901000)
        text = 'The security token included in the request is expired'
        self.assertEqual(self.refusal('sts', 'get_caller_identity', **who), ('ExpiredToken', text, 403))
        self.assertEqual(self.refusal('lambda', 'list_functions', **who), ('ExpiredTokenException', text, 403))
        self.assertEqual(self.refusal('s3', 'list_buckets', **who), ('ExpiredToken', 'The provided token has expired.', 400))

    def test_a_role_is_not_the_operator(self):
        who = self.session(self.role('curious', support.ALLOW_ALL))
        headers = support.sign((who['key'], who['secret']), 'waybill', 'GET', self.endpoint + '/_waybill/clock', token=who['token'])
        status, _, data = self.http('GET', '/_waybill/clock', headers)
        self.assertEqual((status, json.loads(data)['error']), (403, 'This wants the signature of the root pair (waybill credentials): '
                         'A role\'s session is not the operator.'))


class Objects(AuthCase):
    def setUp(self):
        super().setUp()
        self.s3 = self.client('s3', signature_version='s3v4')
        self.s3.create_bucket(Bucket='bucket')

    def test_names(self):
        for key in ('plain', 'with space', 'a/b//c/../d', 'ä~!*\'()', '100%', 'a+b', 'q?x=y&z', ' '):
            self.s3.put_object(Bucket='bucket', Key=key, Body=key.encode())
            self.assertEqual(self.s3.get_object(Bucket='bucket', Key=key)['Body'].read(), key.encode())
        host = f'bucket.localhost:{self.server.port}'
        for target in ('/with%20space', '/?list-type=2&prefix=with%20'):
            signed = support.sign(self.root_pair, 's3', 'GET', f'http://{host}{target}')
            status, _, data = self.http('GET', target, dict(signed, Host=host))
            self.assertEqual((status, b'with space' in data), (200, True), data)

    def test_presigned(self):
        put = self.s3.generate_presigned_url('put_object', {'Bucket': 'bucket', 'Key': 'a key'}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(put, b'presigned', method='PUT')).close()
        get = self.s3.generate_presigned_url('get_object', {'Bucket': 'bucket', 'Key': 'a key', 'ResponseContentType': 'text/x'}, ExpiresIn=60)
        with urllib.request.urlopen(get) as reply:
            self.assertEqual((reply.read(), reply.headers['Content-Type']), (b'presigned', 'text/x'))
        for bent, status, code in ((get.replace('a%20key', 'another'), 403, 'SignatureDoesNotMatch'), (get + '0', 403, 'SignatureDoesNotMatch'),
                                   (get.replace('Expires=60', 'Expires=61'), 403, 'SignatureDoesNotMatch'),
                                   (get.replace('Expires=60', 'Expires=604801'), 400, 'AuthorizationQueryParametersError')):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(bent)
            self.assertEqual((caught.exception.code, re.search(r'<Code>(\w+)', caught.exception.read().decode()).group(1)), (status, code), bent)

    def test_presigned_by_version_2(self):
        """boto3's own choice in us-east-1."""
        s3 = self.client('s3', signature_version='s3')
        put = s3.generate_presigned_url('put_object', {'Bucket': 'bucket', 'Key': 'old key', 'ContentType': 'a/b'}, ExpiresIn=60)
        self.assertIn('AWSAccessKeyId=', put)
        urllib.request.urlopen(urllib.request.Request(put, b'old', {'Content-Type': 'a/b'}, method='PUT')).close()
        who = self.client('sts').get_session_token()['Credentials']
        for key, secret, token in ((*self.root_pair, None), (who['AccessKeyId'], who['SecretAccessKey'], who['SessionToken'])):
            s3 = self.client('s3', key=key, secret=secret, token=token, signature_version='s3')
            get = s3.generate_presigned_url('get_object', {'Bucket': 'bucket', 'Key': 'old key', 'ResponseContentType': 'text/x'}, ExpiresIn=60)
            with urllib.request.urlopen(get) as reply:
                self.assertEqual((reply.read(), reply.headers['Content-Type']), (b'old', 'text/x'))
            for bent, status, code in ((get.replace('text%2Fx', 'text%2Fy'), 403, 'SignatureDoesNotMatch'),
                                       (get.replace('old%20key', 'private'), 403, 'SignatureDoesNotMatch'),
                                       (re.sub(r'Expires=\d', 'Expires=9', get), 403, 'SignatureDoesNotMatch'),
                                       (re.sub(r'Expires=\d', 'Expires=0', get), 403, 'AccessDenied'),
                                       (re.sub(r'Signature=[^&]+', '', get), 403, 'AccessDenied'), (get + '&Expires=1', 400, None),
                                       (re.sub(r'AWSAccessKeyId=[^&]+', 'AWSAccessKeyId=unknown', get), 403, 'InvalidAccessKeyId')):
                with self.assertRaises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(bent)
                self.assertEqual(caught.exception.code, status, bent)
                if code:
                    self.assertEqual(re.search(r'<Code>(\w+)', caught.exception.read().decode()).group(1), code, bent)

    def test_version_2_is_for_one_operation(self):
        """What it does not sign turns it into nothing else, however it is spelt."""
        self.s3.put_object(Bucket='bucket', Key='one', Body=b'body')
        s3 = self.client('s3', signature_version='s3')
        get, put, gone = (s3.generate_presigned_url(op, {'Bucket': 'bucket', 'Key': 'one'}, ExpiresIn=60)
                          for op in ('get_object', 'put_object', 'delete_object'))
        for url, method, more in ((get, 'GET', 'attributes'), (get, 'GET', '%74agging'), (get, 'GET', '%76ersionId=null'),
                                  (get, 'GET', 'response-content-typ%65=text/html'), (put, 'PUT', '%74agging'), (put, 'PUT', '%78-amz-meta-a=b'),
                                  (gone, 'DELETE', '%74agging'), (gone, 'DELETE', '%76ersionId=null')):
            status, _, data = self.http(method, f'{url[len(self.endpoint):]}&{more}', {}, b'')
            self.assertEqual((status, b'<Code>SignatureDoesNotMatch</Code>' in data), (403, True), (method, more, data))
        self.assertEqual(self.s3.get_object(Bucket='bucket', Key='one')['Body'].read(), b'body')
        self.assertEqual(self.http('GET', get[len(self.endpoint):])[2], b'body')

    def test_a_plus_is_a_blank(self):
        """As it is read, so it is signed: an address for the one is none for the other."""
        for key in ('a b', 'a+b'):
            self.s3.put_object(Bucket='bucket', Key=key, Body=b'')
        for prefix, wrong in (('a b', '%2B'), ('a+b', '+'), ('a+b', '%20')):
            url = self.s3.generate_presigned_url('list_objects_v2', {'Bucket': 'bucket', 'Prefix': prefix}, ExpiresIn=60)[len(self.endpoint):]
            self.assertEqual(self.http('GET', url)[0], 200)
            self.assertEqual(self.http('GET', re.sub(r'prefix=a(%20|%2B)b', f'prefix=a{wrong}b', url))[0], 403, (prefix, wrong))

    def test_presigned_too_late(self):
        old = self.s3.generate_presigned_url('get_object', {'Bucket': 'bucket', 'Key': 'k'}, ExpiresIn=1)

        def too_late():                                      # the address is good for the second it was made in
            try:
                urllib.request.urlopen(old).close()
            except urllib.error.HTTPError as e:
                return e.code == 403 and e
        caught = support.wait_until(too_late, 20, what='the end of a presigned address')
        self.assertRegex(caught.read().decode(), '<Code>AccessDenied</Code><Message>Request has expired</Message>'
                         '<X-Amz-Expires>1</X-Amz-Expires><Expires>[-0-9:TZ]+</Expires><ServerTime>[-0-9:TZ]+</ServerTime>')

    def test_whole_error(self):
        with self.assertRaises(ClientError) as caught:
            self.client('s3', secret='wrong').list_buckets()
        error = caught.exception.response['Error']
        self.assertEqual(set(error) - {'RequestId', 'HostId'}, {'Code', 'Message', 'AWSAccessKeyId', 'StringToSign', 'SignatureProvided',
                                                               'StringToSignBytes', 'CanonicalRequest', 'CanonicalRequestBytes'})
        self.assertEqual(error['AWSAccessKeyId'], self.root_pair[0])
        self.assertTrue(error['CanonicalRequest'].startswith('GET\n/\n'))
        self.assertEqual(bytes.fromhex(error['CanonicalRequestBytes']).decode(), error['CanonicalRequest'])
        self.assertEqual(bytes.fromhex(error['StringToSignBytes']).decode(), error['StringToSign'])
        self.assertEqual(error['StringToSign'].split('\n')[3], hashlib.sha256(error['CanonicalRequest'].encode()).hexdigest())

    def test_the_body_is_what_was_said(self):
        path = '/bucket/said'
        headers = support.sign(self.root_pair, 's3', 'PUT', self.endpoint + path, body=b'said')
        status, _, data = self.http('PUT', path, headers, b'done')
        self.assertEqual(status, 400)
        self.assertIn(f'<Code>XAmzContentSHA256Mismatch</Code><Message>The provided \'x-amz-content-sha256\' header does not match what was '
                      f'computed.</Message><ClientComputedContentSHA256>{hashlib.sha256(b"said").hexdigest()}</ClientComputedContentSHA256>'
                      f'<S3ComputedContentSHA256>{hashlib.sha256(b"done").hexdigest()}</S3ComputedContentSHA256>', data.decode())
        unsigned = {'X-Amz-Content-SHA256': 'UNSIGNED-PAYLOAD'}
        headers = support.sign(self.root_pair, 's3', 'PUT', self.endpoint + path, unsigned, b'')
        self.assertEqual(headers['X-Amz-Content-SHA256'], 'UNSIGNED-PAYLOAD')
        self.assertEqual(self.http('PUT', path, headers, b'anything')[0], 200)
        no_hash = {k: v for k, v in headers.items() if k.lower() != 'x-amz-content-sha256'}
        self.assertIn(b'Missing required header for this request: x-amz-content-sha256', self.http('PUT', path, no_hash, b'anything')[2])

    def test_large_bodies_are_hashed_beside_the_loop(self):
        body = os.urandom(1 << 20) * 24
        digest = hashlib.sha256(body).hexdigest()
        headers = support.sign(self.root_pair, 's3', 'PUT', self.endpoint + '/bucket/large', body=body)
        self.assertEqual(self.http('PUT', '/bucket/large', headers, body)[0], 200)
        self.assertEqual(hashlib.sha256(self.s3.get_object(Bucket='bucket', Key='large')['Body'].read()).hexdigest(), digest)
        status, _, data = self.http('PUT', '/bucket/large', headers, body[:-1] + bytes([body[-1] ^ 1]))
        self.assertIn((status, b'XAmzContentSHA256Mismatch' in data), [(400, True)])

    # ---- chunks with signatures of their own ----

    def chunked(self, path, pieces, trailer=None, bend=None, kind=None):
        """Sends pieces as signed chunks -> (status, body)."""
        kind = kind or 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' + ('-TRAILER' if trailer else '')
        headers = {'X-Amz-Content-SHA256': kind, 'X-Amz-Decoded-Content-Length': str(sum(map(len, pieces))), 'Content-Encoding': 'aws-chunked'}
        if trailer:
            headers['X-Amz-Trailer'] = trailer[0]
        signed = support.sign(self.root_pair, 's3', 'PUT', self.endpoint + path, headers, b'')
        date, region = signed['X-Amz-Date'][:8], support.REGION
        key = ('AWS4' + self.root_pair[1]).encode()
        for part in (date, region, 's3', 'aws4_request'):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        last = re.search('Signature=([0-9a-f]+)', signed['Authorization']).group(1)

        def link(name, *lines):
            text = '\n'.join((name, signed['X-Amz-Date'], f'{date}/{region}/s3/aws4_request', last, *lines))
            return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        body = b''
        for piece in (*pieces, b''):
            last = link('AWS4-HMAC-SHA256-PAYLOAD', hashlib.sha256(b'').hexdigest(), hashlib.sha256(piece).hexdigest())
            body += f'{len(piece):x};chunk-signature={last}\r\n'.encode() + (piece + b'\r\n' if piece else b'')
        if trailer:
            line = f'{trailer[0]}:{trailer[1]}'
            end = link('AWS4-HMAC-SHA256-TRAILER', hashlib.sha256(f'{line}\n'.encode()).hexdigest())
            body += f'{line}\r\nx-amz-trailer-signature:{end}\r\n'.encode()
        body += b'\r\n'
        return self.http('PUT', path, signed, bend(body) if bend else body)

    def test_chunks(self):
        pieces = [b'a' * 70000, b'b' * 70000, b'the end']
        self.assertEqual(self.chunked('/bucket/chunks', pieces)[0], 200)
        self.assertEqual(self.s3.get_object(Bucket='bucket', Key='chunks')['Body'].read(), b''.join(pieces))
        for bend in (lambda b: b.replace(b'the end', b'the lie'), lambda b: b.replace(b'aaa\r\n', b'aab\r\n'),
                     lambda b: re.sub(rb';chunk-signature=[0-9a-f]+', b'', b)):
            status, _, data = self.chunked('/bucket/chunks', pieces, bend=bend)
            self.assertEqual((status, b'<Code>SignatureDoesNotMatch</Code>' in data), (403, True), data)
        self.assertEqual(self.s3.get_object(Bucket='bucket', Key='chunks')['Body'].read(), b''.join(pieces))

    def test_trailer(self):
        trailer = ('x-amz-checksum-sha256', support.base64.b64encode(hashlib.sha256(b'hello').digest()).decode())
        self.assertEqual(self.chunked('/bucket/trailer', [b'hello'], trailer)[0], 200)
        self.assertEqual(self.s3.head_object(Bucket='bucket', Key='trailer', ChecksumMode='ENABLED')['ChecksumSHA256'], trailer[1])
        for bend in (lambda b: re.sub(rb'trailer-signature:..', b'trailer-signature:zz', b), lambda b: re.sub(rb'x-amz-trailer-signature.*?\r\n', b'', b)):
            status, _, data = self.chunked('/bucket/trailer', [b'hello'], trailer, bend)
            self.assertEqual((status, b'<Code>SignatureDoesNotMatch</Code>' in data), (403, True), data)

    def test_large_chunks(self):
        piece = os.urandom(1 << 16)
        self.assertEqual(self.chunked('/bucket/many', [piece] * 64)[0], 200)
        self.assertEqual(self.chunked('/bucket/many', [piece] * 64, bend=lambda b: b.replace(piece, piece[::-1], 1))[0], 403)

    def test_who_signs_nothing(self):
        self.s3.put_object(Bucket='bucket', Key='public/o', Body=b'for all')
        self.s3.put_object(Bucket='bucket', Key='private', Body=b'for some')
        for path in ('/', '/bucket', '/bucket/public/o', '/bucket/private', '/bucket/none'):
            status, _, data = self.http('GET', path)
            self.assertEqual((status, b'<Code>AccessDenied</Code><Message>Access Denied</Message>' in data), (403, True), data)
        self.s3.put_bucket_policy(Bucket='bucket', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': '*', 'Action': 's3:GetObject', 'Resource': 'arn:aws:s3:::bucket/public/*'}]}))
        self.assertEqual(self.http('GET', '/bucket/public/o')[2], b'for all')
        self.assertEqual(self.http('GET', '/bucket/private')[0], 403)
        self.assertEqual(self.http('PUT', '/bucket/public/o', {}, b'mine')[0], 403)
        self.s3.delete_bucket_policy(Bucket='bucket')


class Functions(AuthCase):
    CALLER = '''
import boto3, os, urllib.request, urllib.error
def handler(event, context):
    if event.get('control'):
        try:
            return urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_waybill/clock').status
        except urllib.error.HTTPError as e:
            return e.code
    sqs = boto3.client('sqs')
    sqs.send_message(QueueUrl=event['queue'], MessageBody='from inside')
    return boto3.client('sts').get_caller_identity()['Arn']
'''

    def test_a_role_deleted_under_its_function(self):
        """What is left of it may nothing: neither the session that was made before, nor the one of the next environment."""
        iam, functions = self.client('iam'), self.client('lambda')
        role = iam.create_role(RoleName='gone', AssumeRolePolicyDocument=json.dumps(support.TRUST_LAMBDA))['Role']['Arn']
        queue = self.client('sqs').create_queue(QueueName='not-for-it')['QueueUrl']
        code = 'import boto3\ndef handler(event, context):\n    boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody="m")\n'
        functions.create_function(FunctionName='gone', Runtime='python3.11', Handler='index.handler', Role=role, Timeout=60,
                                  Code={'ZipFile': support.make_zip({'index.py': code})})
        functions.get_waiter('function_active_v2').wait(FunctionName='gone', WaiterConfig={'Delay': 1})
        iam.delete_role(RoleName='gone')
        for version in ('a', 'b'):
            functions.update_function_code(FunctionName='gone', ZipFile=support.make_zip({'index.py': code, version: ''}))
            functions.get_waiter('function_updated_v2').wait(FunctionName='gone', WaiterConfig={'Delay': 1})
            error = json.loads(functions.invoke(FunctionName='gone', Payload=json.dumps({'queue': queue}))['Payload'].read())
            self.assertIn('AccessDenied', str(error))
        self.assertNotIn('Messages', self.client('sqs').receive_message(QueueUrl=queue))

    def test_a_function_calls_with_its_roles_credentials(self):
        iam = self.client('iam')
        role = iam.create_role(RoleName='f', AssumeRolePolicyDocument=json.dumps(support.TRUST_LAMBDA))['Role']['Arn']
        queue = self.client('sqs').create_queue(QueueName='q')['QueueUrl']
        allow = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*'}]}
        iam.put_role_policy(RoleName='f', PolicyName='p', PolicyDocument=json.dumps(allow))
        functions = self.client('lambda')
        made = functions.create_function(FunctionName='f', Runtime='python3.11', Handler='index.handler', Role=role, Timeout=60,
                                         Code={'ZipFile': support.make_zip({'index.py': self.CALLER})})
        functions.get_waiter('function_active_v2').wait(FunctionName='f', WaiterConfig={'Delay': 1})
        reply = functions.invoke(FunctionName='f', Payload=json.dumps({'queue': queue}))
        payload = json.loads(reply['Payload'].read())
        self.assertIn(':assumed-role/f/f', str(payload))
        got = self.client('sqs').receive_message(QueueUrl=queue)['Messages']
        self.assertEqual([m['Body'] for m in got], ['from inside'])
        refused = functions.invoke(FunctionName='f', Payload=json.dumps({'control': True}))
        self.assertEqual(json.loads(refused['Payload'].read()), 403)
        location = functions.get_function(FunctionName='f')['Code']['Location']
        with urllib.request.urlopen(location) as package:
            self.assertEqual(support.base64.b64encode(hashlib.sha256(package.read()).digest()).decode(), made['CodeSha256'])

    def test_an_event_ends_in_its_destination(self):
        """Nothing inside the server signs anything for itself."""
        role = self.client('iam').create_role(RoleName='d', AssumeRolePolicyDocument=json.dumps(support.TRUST_LAMBDA))['Role']['Arn']
        self.client('iam').put_role_policy(RoleName='d', PolicyName='p', PolicyDocument=json.dumps(support.ALLOW_ALL))
        queue = self.client('sqs').create_queue(QueueName='records')['QueueUrl']
        functions = self.client('lambda')
        functions.create_function(FunctionName='d', Runtime='python3.11', Handler='index.handler', Role=role,
                                  Code={'ZipFile': support.make_zip({'index.py': 'def handler(e, c):\n    return e\n'})})
        functions.put_function_event_invoke_config(FunctionName='d', DestinationConfig={
            'OnSuccess': {'Destination': 'arn:aws:sqs:us-east-1:000000000000:records'}})
        functions.get_waiter('function_active_v2').wait(FunctionName='d', WaiterConfig={'Delay': 1})
        functions.invoke(FunctionName='d', InvocationType='Event', Payload=b'{"a":1}')
        self.settle(advance=True)
        body = json.loads(self.client('sqs').receive_message(QueueUrl=queue)['Messages'][0]['Body'])
        self.assertEqual(body['responsePayload'], {'a': 1})


class Control(AuthCase):
    def without(self, **more):
        """An environment that knows no pair."""
        return dict({'AWS_ACCESS_KEY_ID': '', 'AWS_SECRET_ACCESS_KEY': '', 'WAYBILL_DATA': self.scratch}, **more)

    def test_health_says_little_to_strangers(self):
        status, _, data = self.http('GET', '/_waybill/health')
        self.assertEqual((status, set(json.loads(data))), (200, {'status', 'version'}))
        self.assertEqual(self.health()['auth'], 'verify')

    def test_all_else_wants_the_pair(self):
        for method, path in (('GET', 'clock'), ('POST', 'clock'), ('POST', 'settle'), ('GET', 'journeys'), ('GET', 'journeys/x'),
                             ('GET', 'explain?function=f'), ('POST', 'reset')):
            status, _, data = self.http(method, '/_waybill/' + path, {}, b'{}' if method == 'POST' else b'')
            self.assertEqual((status, json.loads(data)['error']), (403, 'This wants the signature of the root pair (waybill credentials): '
                             'Missing Authentication Token'), path)
        for path in ('clock', 'journeys?limit=1&function=f'):
            self.assertEqual(self.control('GET', path)[0], 200)

    def test_a_package_is_for_who_knows_its_digest(self):
        package = support.make_zip({'index.py': 'def handler(event, context): return 1'})
        self.function('packed', package)
        digest = hashlib.sha256(package).hexdigest()
        self.assertEqual(self.http('GET', '/_waybill/code/' + digest)[::2], (200, package))
        self.assertEqual(self.http('GET', '/_waybill/code/' + '0' * 64)[0], 404)
        self.assertEqual(self.http('GET', '/_waybill/code/')[0], 404)

    def test_commands(self):
        for command in (('clock',), ('clock', 'advance', '1s'), ('settle',), ('health',), ('trace',)):
            self.waybill(*command)
        refused = self.run_waybill('clock', env=self.without())
        self.assertEqual((refused.returncode, 'Missing Authentication Token' in refused.stderr), (1, True), refused.stderr)
        self.assertIn('set WAYBILL_DATA', refused.stderr)
        self.assertIn('eval "$(waybill credentials --data DIR --export)"', refused.stderr)
        little = self.run_waybill('health', env=self.without())
        self.assertEqual((little.returncode, little.stderr), (0, 'the rest wants the root pair: waybill credentials --help\n'))
        self.assertEqual(self.run_waybill('health').stderr, '')
        wrong = self.run_waybill('clock', env=self.without(WAYBILL_ACCESS_KEY_ID=self.root_pair[0], WAYBILL_SECRET_ACCESS_KEY='x'))
        self.assertEqual(wrong.returncode, 1)
        for way in ({'WAYBILL_ACCESS_KEY_ID': self.root_pair[0], 'WAYBILL_SECRET_ACCESS_KEY': self.root_pair[1]}, {'WAYBILL_DATA': self.server.data},
                    {'AWS_ACCESS_KEY_ID': self.root_pair[0], 'AWS_SECRET_ACCESS_KEY': self.root_pair[1]}):
            done = self.run_waybill('clock', env=self.without(**way))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_curl_signs(self):
        done = subprocess.run(['curl', '-s', '--aws-sigv4', 'aws:amz:us-east-1:waybill', '--user', ':'.join(self.root_pair),
                               self.endpoint + '/_waybill/clock'], capture_output=True, text=True, timeout=60)
        self.assertEqual(json.loads(done.stdout)['mode'], 'running')

    def lines(self, event):
        return [line for line in self.server.stderr().splitlines() if line.startswith(f'event={event} ')]

    def test_who_was_refused_has_a_line(self):
        """At the most one a second, so that nobody fills the log; no secret and no text of his is in it."""
        key, secret = self.root_pair
        sent = {'service=sqs key=AKIANOBODYKNOWS ': lambda: self.refusal('sqs', 'list_queues', key='AKIANOBODYKNOWS'),
                'service=waybill key=- ': lambda: self.http('POST', '/_waybill/reset'),
                f'service=waybill key={key} ': lambda: self.http('GET', '/_waybill/health', support.sign(
                    (key, 'wrong'), 'waybill', 'GET', self.endpoint + '/_waybill/health')),
                'service=iam key=malformed ': lambda: self.refusal('iam', 'list_roles', key='a+b'),
                'service=events key=malformed ': lambda: self.refusal('events', 'list_rules', key='A' * 40),
                'service=logs key=': lambda: self.refusal('logs', 'describe_log_groups', key=secret, secret=key)}
        for want, send in sent.items():
            def said():
                send()
                return any(want in line for line in self.lines('signature_refused'))
            support.wait_until(said, 30, 0.1, want)
        before, began = len(self.lines('signature_refused')), time.monotonic()
        for _ in range(50):
            self.http('GET', '/_waybill/clock')
        self.assertLessEqual(len(self.lines('signature_refused')) - before, time.monotonic() - began + 1)
        for line in self.lines('signature_refused'):
            self.assertRegex(line, r'^event=signature_refused service=\w+ key=[\w-]+ from=127\.0\.0\.1:\d+ error=\w+ unsaid=\d+$')
            self.assertNotIn(secret, line)

    def test_a_health_check_is_no_refusal(self):
        before = self.lines('signature_refused')
        self.assertEqual(self.http('GET', '/_waybill/health')[0], 200)
        self.assertEqual(self.lines('signature_refused'), before)

    def test_a_reset_keeps_the_pair(self):
        self.client('sqs').create_queue(QueueName='gone')
        self.reset()
        self.assertRegex(self.lines('reset')[-1], r'^event=reset from=127\.0\.0\.1:\d+ signed_by=root$')
        self.assertNotIn('QueueUrls', self.client('sqs').list_queues())


class RootPair(unittest.TestCase):
    """Where the pair comes from, where it stays, who is told."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='waybill-pair-')
        self.addCleanup(support.shutil.rmtree, self.dir, True)
        self.data = os.path.join(self.dir, 'data')

    def serve(self, *args):
        server = support.Server(['--data', self.data, '--auth', 'verify', *args])
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server

    def command(self, *args):
        return subprocess.run([support.binary(), 'credentials', '--data', self.data, *args], capture_output=True, text=True, timeout=60)

    def works(self, server, pair):
        headers = support.sign(pair, 'waybill', 'GET', server.endpoint + '/_waybill/clock')
        return support.raw_http(server.port, 'GET', '/_waybill/clock', headers)[0] == 200

    def test_life(self):
        self.assertEqual(self.command().returncode, 1)
        server = self.serve()
        shown = re.findall(r'AWS_\w+=(\S+)', server.stdout())
        self.assertEqual(tuple(shown), server.root_pair())
        self.assertTrue(self.works(server, shown))
        for name in ('credentials', 'waybill.db'):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.data, name)).st_mode), 0o600, name)
        busy = self.command('--rotate')
        self.assertEqual((busy.returncode, 'Stop it' in busy.stderr), (1, True), busy.stderr)
        self.assertEqual(self.command('--export').stdout, 'export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\n'.format(*shown))
        self.assertEqual(server.end(), [])
        again = self.serve()
        self.assertNotIn('AWS_SECRET_ACCESS_KEY', again.stdout())
        self.assertTrue(self.works(again, shown))
        self.assertEqual(again.end(), [])
        fresh = re.findall(r'AWS_\w+=(\S+)', self.command('--rotate').stdout)
        self.assertNotEqual(fresh, shown)
        last = self.serve()
        self.assertTrue(self.works(last, fresh))
        self.assertFalse(self.works(last, shown))
        self.assertEqual(last.end({'signature_refused'}), [])

    def test_made_before_the_first_start(self):
        made = re.findall(r'AWS_\w+=(\S+)', self.command('--make').stdout)
        self.assertEqual(re.findall(r'AWS_\w+=(\S+)', self.command('--make').stdout), made)
        os.unlink(os.path.join(self.data, 'credentials'))
        server = self.serve()
        self.assertNotIn('AWS_SECRET_ACCESS_KEY', server.stdout())
        self.assertTrue(self.works(server, made))
        self.assertEqual(server.end(), [])

    def test_the_start_says_whether_signatures_are_verified(self):
        """And that they are not, where somebody made a pair for it."""
        for args, told, warned in (([], 'believed unsigned (--auth open)', False), (['--auth', 'verify'], 'signatures verified (--auth verify)', False),
                                   ([], 'believed unsigned (--auth open)', True)):
            server = support.Server(['--data', self.data, *args])
            self.assertIn(f'; requests: {told}; functions: ', server.ready_line)
            self.assertEqual('event=root_pair_unused' in server.stderr(), warned, server.stderr())
            self.assertEqual(server.end({'root_pair_unused'} if warned else ()), [])

    def test_open_to_the_network_says_so(self):
        for args, said in ((['--host', '0.0.0.0'], True), (['--host', '0.0.0.0', '--auth', 'verify'], False), ([], False)):
            server = support.Server(['--ephemeral', *args])
            self.assertEqual('event=open_to_the_network' in server.stderr() and '--auth verify' in server.stderr(), said, args)
            self.assertEqual(server.end({'open_to_the_network'}), [])


if __name__ == '__main__':
    unittest.main()
