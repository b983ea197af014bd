#!/usr/bin/python3
"""What test suites of other AWS servers, run against this one, found: each test keeps one finding from coming back."""
import http.client
import json
import xml.etree.ElementTree as ET

import support

SQS_SPACE = {'q': 'http://queue.amazonaws.com/doc/2012-11-05/'}


class Queues(support.ServerCase):
    def names_of_pages(self, size, **filters):
        """Every page of ListQueues, as lists of queue names."""
        sqs = self.client('sqs')
        pages, token = [], {}
        while True:
            reply = sqs.list_queues(MaxResults=size, **filters, **token)
            pages.append([url.rsplit('/', 1)[1] for url in reply.get('QueueUrls', [])])
            if 'NextToken' not in reply:
                return pages
            token = {'NextToken': reply['NextToken']}

    def test_the_last_page_has_no_token(self):
        for name in 'abcd':
            self.queue('fit-' + name)
        everything = ['fit-a', 'fit-b', 'fit-c', 'fit-d']
        for size in range(1, 7):
            with self.subTest(size=size):
                want = [everything[i:i + size] for i in range(0, len(everything), size)]
                self.assertEqual(self.names_of_pages(size, QueueNamePrefix='fit-'), want)
        self.assertEqual(self.names_of_pages(1, QueueNamePrefix='none-'), [[]])

    def test_the_last_page_of_dead_letter_sources_has_no_token(self):
        dead, arn = self.queue('dead')
        for name in ('s1', 's2'):
            self.queue(name, RedrivePolicy=json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 1}))
        sqs = self.client('sqs')
        first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1)
        self.assertEqual(len(first['queueUrls']), 1)
        for reply in (sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1, NextToken=first['NextToken']),
                      sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)):
            self.assertTrue(reply['queueUrls'][-1].endswith('/s2'))
            self.assertNotIn('NextToken', reply)

    def test_a_prefix_of_attribute_names_needs_no_dot(self):
        url, _ = self.queue('wild', VisibilityTimeout=0)
        self.client('sqs').send_message(QueueUrl=url, MessageBody='x', MessageAttributes={
            name: {'DataType': 'String', 'StringValue': name} for name in ('barley', 'bar.soap', 'foo', 'rebar')})
        for want, shown in (('bar.*', {'barley', 'bar.soap'}), ('bar', set()), ('barl.*', {'barley'}), ('z.*', set())):
            message, = self.client('sqs').receive_message(QueueUrl=url, MessageAttributeNames=[want])['Messages']
            self.assertEqual(set(message.get('MessageAttributes', {})), shown, want)

    def test_a_queue_is_read_by_a_url_without_a_version(self):
        url, _ = self.queue('by-hand')
        self.client('sqs').send_message(QueueUrl=url, MessageBody='hello')
        status, _, data = self.http('GET', f'/{support.ACCOUNT}/by-hand?Action=ReceiveMessage')
        self.assertEqual(status, 200, data)
        self.assertEqual(ET.fromstring(data).findtext('.//q:Body', namespaces=SQS_SPACE), 'hello')
        status, _, data = self.http('GET', '/?Action=GetQueueUrl&QueueName=nobody')
        self.assertEqual(status, 400, data)
        self.assertEqual(ET.fromstring(data).findtext('.//q:Code', namespaces=SQS_SPACE),
                         'AWS.SimpleQueueService.NonExistentQueue')
        status, _, data = self.http('GET', '/?Action=Dance')
        self.assertEqual(status, 400, data)
        self.assertIn(b'<Code>InvalidAction</Code>', data)


class Policies(support.ServerCase):
    def test_a_condition_key_may_lack_its_service(self):
        """It is stored; and as no request carries such a key, the statement applies only where absence satisfies it."""
        iam = self.client('iam')
        for condition, decision in (({'StringEquals': {'plain': 'x'}}, 'implicitDeny'),
                                    ({'StringEqualsIfExists': {'plain': 'x'}}, 'allowed')):
            document = json.dumps({'Version': '2012-10-17', 'Statement': {
                'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*', 'Condition': condition}})
            made = iam.create_policy(PolicyName='p-' + decision, PolicyDocument=document)['Policy']
            kept = iam.get_policy_version(PolicyArn=made['Arn'], VersionId='v1')['PolicyVersion']['Document']
            self.assertEqual(kept, json.loads(document))
            result, = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=['sqs:SendMessage'])['EvaluationResults']
            self.assertEqual(result['EvalDecision'], decision)

    def test_an_action_still_needs_its_service(self):
        document = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'SendMessage', 'Resource': '*'}})
        self.assertFault('MalformedPolicyDocument', self.client('iam').create_policy, PolicyName='p', PolicyDocument=document,
                         message='Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.')


class Objects(support.ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.s3 = cls.client('s3')
        for name in ('plain', 'kept'):
            cls.s3.create_bucket(Bucket=name)
        cls.s3.put_bucket_versioning(Bucket='kept', VersioningConfiguration={'Status': 'Enabled'})

    def ask(self, method, path, body=b'', **headers):
        """-> (status, headers, the elements of an XML answer)"""
        given = {name.replace('_', '-'): value for name, value in headers.items()}
        status, got, data = self.http(method, path, {'Authorization': support.authorization('s3'), **given}, body)
        return status, got, {e.tag.split('}')[-1]: e.text for e in ET.fromstring(data)} if data.startswith(b'<') else {}

    def put(self, path, body=b'hello', **headers):
        status, got, error = self.ask('PUT', path, body, **headers)
        self.assertEqual(status, 200, error)
        return got

    def test_a_failed_condition_is_named(self):
        etag = self.put('/plain/here')['ETag']
        for method, path, name, headers in (
                ('PUT', '/plain/here', 'If-Match', {'If_Match': '"x"'}),
                ('DELETE', '/plain/here', 'If-Match', {'If_Match': '"x"'}),
                ('GET', '/plain/here', 'If-Match', {'If_Match': '"x"'}),
                ('PUT', '/plain/copy', 'x-amz-copy-source-If-Match', {'x_amz_copy_source_if_match': '"x"'}),
                ('PUT', '/plain/copy', 'x-amz-copy-source-If-None-Match', {'x_amz_copy_source_if_none_match': etag}),
                ('PUT', '/plain/copy', 'x-amz-copy-source-If-Unmodified-Since',
                 {'x_amz_copy_source_if_unmodified_since': 'Wed, 01 Jan 2020 00:00:00 GMT'}),
                ('PUT', '/plain/copy', 'x-amz-copy-source-If-Modified-Since',
                 {'x_amz_copy_source_if_modified_since': 'Wed, 01 Jan 2020 00:00:00 GMT', 'x_amz_copy_source_if_match': etag})):
            with self.subTest(method=method, condition=name):
                if 'copy' in path:
                    headers = {'x_amz_copy_source': '/plain/here', **headers}
                status, _, error = self.ask(method, path, **headers)
                if name.endswith('If-Modified-Since'):
                    self.assertEqual(status, 200)            # the object is younger: it holds
                else:
                    self.assertEqual((status, error['Code'], error['Condition']), (412, 'PreconditionFailed', name))

    def test_an_etag_may_lack_its_quotes(self):
        etag = self.put('/plain/quotes')['ETag']
        for form in (etag, etag[1:-1], etag[1:], etag[:-1]):
            with self.subTest(form=form):
                self.put('/plain/quotes', If_Match=form)
        self.assertEqual(self.ask('PUT', '/plain/quotes', If_Match=etag[2:-1])[0], 412)

    def test_a_marker_says_what_may_be_done_with_it(self):
        self.put('/kept/gone')
        marker = self.ask('DELETE', '/kept/gone')[1]['x-amz-version-id']
        status, headers, error = self.ask('GET', f'/kept/gone?versionId={marker}')
        self.assertEqual((status, error['Code'], error['Method'], error['ResourceType']),
                         (405, 'MethodNotAllowed', 'GET', 'DeleteMarker'))
        self.assertEqual((headers['Allow'], headers['x-amz-delete-marker']), ('DELETE', 'true'))
        status, headers, _ = self.ask('HEAD', f'/kept/gone?versionId={marker}')
        self.assertEqual((status, headers['Allow']), (405, 'DELETE'))

    def test_missing_tags_name_the_bucket(self):
        status, _, error = self.ask('GET', '/plain?tagging')
        self.assertEqual((status, error['Code'], error['BucketName']), (404, 'NoSuchTagSet', 'plain'))

    def test_a_continued_list_does_not_show_where_it_started(self):
        for key in 'abc':
            self.put('/plain/list-' + key)
        first = self.s3.list_objects_v2(Bucket='plain', Prefix='list-', StartAfter='list-a', MaxKeys=1)
        self.assertEqual((first['StartAfter'], [o['Key'] for o in first['Contents']]), ('list-a', ['list-b']))
        rest = self.s3.list_objects_v2(Bucket='plain', Prefix='list-', StartAfter='list-a',
                                       ContinuationToken=first['NextContinuationToken'])
        self.assertEqual([o['Key'] for o in rest['Contents']], ['list-c'])
        self.assertNotIn('StartAfter', rest)

    def upload(self, key, **more):
        """One part, complete -> (the upload, the request that completed it, its answer)"""
        s3 = self.s3
        upload = s3.create_multipart_upload(Bucket='plain', Key=key, **more)['UploadId']
        part = s3.upload_part(Bucket='plain', Key=key, UploadId=upload, PartNumber=1, Body=b'hello', **more)
        named = {'PartNumber': 1, **{k: v for k, v in part.items() if k in ('ETag', 'ChecksumSHA256')}}
        request = dict(Bucket='plain', Key=key, UploadId=upload, MultipartUpload={'Parts': [named]})
        return upload, request, s3.complete_multipart_upload(**request)

    def test_an_upload_may_be_completed_again(self):
        _, request, first = self.upload('twice')
        again = self.s3.complete_multipart_upload(**request)
        self.assertEqual((again['ETag'], again['Location'], again['Key']), (first['ETag'], first['Location'], 'twice'))
        self.s3.copy_object(Bucket='plain', Key='elsewhere', CopySource='plain/twice')
        for key, change in (('elsewhere', None), ('twice', b'new')):
            with self.subTest(key=key):
                if change:
                    self.put('/plain/' + key, change)
                self.assertFault('NoSuchUpload', self.s3.complete_multipart_upload, **{**request, 'Key': key})

    def test_attributes_show_a_composite_checksum_bare(self):
        _, _, done = self.upload('sums', ChecksumAlgorithm='SHA256')
        self.assertRegex(done['ChecksumSHA256'], r'^[^-]+-1$')
        got = self.s3.get_object_attributes(Bucket='plain', Key='sums', ObjectAttributes=['Checksum'])['Checksum']
        self.assertEqual(got['ChecksumSHA256'], done['ChecksumSHA256'][:-2])
        head = self.s3.head_object(Bucket='plain', Key='sums', ChecksumMode='ENABLED')
        self.assertEqual(head['ChecksumSHA256'], done['ChecksumSHA256'])

    def test_a_part_copy_needs_both_ends_of_its_range(self):
        self.put('/plain/source', b'0123456789')
        upload = self.s3.create_multipart_upload(Bucket='plain', Key='parts')['UploadId']
        for text, want in (('bytes=-5', 400), ('bytes=5-', 400), ('0-5', 400), ('bytes=0-10', 400), ('bytes=0-9', 200)):
            with self.subTest(range=text):
                status, _, error = self.ask('PUT', f'/plain/parts?partNumber=1&uploadId={upload}', x_amz_copy_source='/plain/source',
                                            x_amz_copy_source_range=text)
                self.assertEqual(status, want)
                if want == 400:
                    self.assertEqual((error['Code'], error['ArgumentName']), ('InvalidArgument', 'x-amz-copy-source-range'))

    def test_metadata_in_the_query_of_a_presigned_url(self):
        """As the SDK for JavaScript presigns PutObject with Metadata."""
        url = '/plain/signed?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20300101%2Fus-east-1%2Fs3%2Faws4_request' \
              '&X-Amz-Date=20300101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=00' \
              '&x-amz-meta-who=me%20%26%20you&x-amz-meta-both=query&x-id=PutObject'
        status, _, data = self.http('PUT', url, {'x-amz-meta-both': 'header'}, b'hello')
        self.assertEqual(status, 200, data)
        self.assertEqual(self.s3.head_object(Bucket='plain', Key='signed')['Metadata'], {'who': 'me & you', 'both': 'header'})


class Subscriptions(support.ServerCase):
    def test_one_value_stands_for_an_array_of_one(self):
        """A String.Array attribute whose text is a JSON scalar."""
        sns = self.client('sns')
        topic = sns.create_topic(Name='scalars')['TopicArn']
        url, arn = self.queue('scalars', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage', 'Resource': '*'}]}))
        sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes={
            'FilterPolicy': json.dumps({'price': [100, 'free']}), 'RawMessageDelivery': 'true'})
        for text in ('100', '"free"', '[5, 100]', '7', '"100"', '{"a": 100}', 'free'):
            sns.publish(TopicArn=topic, Message=text,
                        MessageAttributes={'price': {'DataType': 'String.Array', 'StringValue': text}})
        got = {m['Body'] for m in self.receive(url, 3)} | {m['Body'] for m in self.receive(url, 1, seconds=1)}
        self.assertEqual(got, {'100', '"free"', '[5, 100]'})


class WrongHost(support.ServerCase):
    """A client in a container calls the server by a name it was not told of: its user must read why."""
    sentence = "This host name is not one of the server's. Start it with --allow-host NAME to allow it."

    def ask(self, **headers):
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=10)
        try:
            connection.request('POST', '/', b'', {'Host': 'waybill:4566', **{k.replace('_', '-'): v for k, v in headers.items()}})
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def test_sdks_show_the_sentence(self):
        for service, call in (('sqs', 'list_queues'), ('lambda', 'list_functions'), ('iam', 'list_roles'), ('logs', 'describe_log_groups')):
            client = self.client(service)
            client.meta.events.register('before-send', lambda request, **_: request.headers.__setitem__('Host', 'waybill:4566'))
            with self.subTest(service=service), self.assertRaises(support.ClientError) as caught:
                getattr(client, call)()
            error = caught.exception.response
            self.assertEqual(error['Error']['Message'], self.sentence)
            self.assertIn(error['Error']['Code'], ('AccessDenied', 'AccessDeniedException'))
            self.assertEqual(error['ResponseMetadata']['HTTPStatusCode'], 403)

    def test_forms(self):
        status, text = self.ask(X_Amz_Target='AmazonSQS.ListQueues')
        self.assertEqual((status, json.loads(text)['message']), (403, self.sentence))
        status, text = self.ask(Content_Type='application/x-www-form-urlencoded; charset=utf-8')
        self.assertEqual((status, ET.fromstring(text).findtext('.//Message')), (403, self.sentence))
        self.assertEqual(self.ask(), (403, self.sentence + '\n'))


class Words(support.ServerCase):
    def test_settle_counts_in_words(self):
        self.waybill('clock', 'freeze')
        role = self.role()
        self.function('f', 'def handler(event, context): raise ValueError("no")', role=role)
        self.event('f')
        self.assertRegex(self.waybill('settle'), r'^settled; clock moved by 0s; 1 event still queued\n$')
        self.assertRegex(self.waybill('settle', '--advance'), r'; 0 events still queued\n$')

    def test_a_clock_that_was_not_moved_says_so(self):
        self.assertRegex(self.waybill('clock'), r'\nreal  the same\n$')
        self.waybill('clock', 'advance', '90s')
        self.assertRegex(self.waybill('clock'), r'\nreal  1m 30s behind the server\n$')

    def test_the_commands_stand_in_columns(self):
        lines = self.waybill('--help').split('Commands:\n')[1].split('\n\n')[0].splitlines()
        self.assertEqual(len({line.index(line.split(None, 1)[1]) for line in lines}), 1, lines)


if __name__ == '__main__':
    support.main()
