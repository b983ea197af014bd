#!/usr/bin/python3
"""SQS standard queues through boto3 1.26, which speaks the query protocol.  test_sqs_json.py is its twin in JSON; FIFO queues
are test_sqs_fifo.py's."""
import hashlib
import json
import struct
import threading
import time
import unittest

import support
from support import ACCOUNT, REGION, ClientError

NO_QUEUE = 'The specified queue does not exist for this wsdl version.'
NON_EXISTENT = 'AWS.SimpleQueueService.NonExistentQueue'
PREFIX = 'AWS.SimpleQueueService.'
VISIBLE, IN_FLIGHT, DELAYED = ('ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible',
                               'ApproximateNumberOfMessagesDelayed')


def arn(name, region=REGION, account=ACCOUNT):
    return f'arn:aws:sqs:{region}:{account}:{name}'


def md5(text):
    return hashlib.md5(text.encode() if isinstance(text, str) else text).hexdigest()


def md5_of_attributes(attributes):
    """The rule of the SQS developer guide, written a second time."""
    h = hashlib.md5()
    for name in sorted(attributes):
        value = attributes[name]
        binary = value['DataType'].startswith('Binary')
        data = value['BinaryValue'] if binary else value['StringValue'].encode()
        for part in (name.encode(), value['DataType'].encode()):
            h.update(struct.pack('>I', len(part)) + part)
        h.update(b'\2' if binary else b'\1')
        h.update(struct.pack('>I', len(data)) + data)
    return h.hexdigest()


def text(value, kind='String'):
    return {'DataType': kind, 'StringValue': value}


class SqsCase(support.ServerCase):
    names = 0

    def setUp(self):
        super().setUp()
        self.sqs = self.client('sqs')

    def new(self, **attributes):
        """A fresh queue -> its URL."""
        SqsCase.names += 1
        self.name = f'q{SqsCase.names}'
        return self.sqs.create_queue(QueueName=self.name,
                                     Attributes={k: str(v) for k, v in attributes.items()})['QueueUrl']

    def send(self, url, body='m', **kw):
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, **kw)

    def take(self, url, n=10, **kw):
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=n, **kw).get('Messages', [])

    def bodies(self, url, n=10, **kw):
        return [m['Body'] for m in self.take(url, n, **kw)]

    def attributes(self, url, *names):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ['All']).get('Attributes', {})

    def assertCounts(self, url, visible, in_flight, delayed):
        self.assertEqual(self.attributes(url, VISIBLE, IN_FLIGHT, DELAYED),
                         {VISIBLE: str(visible), IN_FLIGHT: str(in_flight), DELAYED: str(delayed)})

    def plain(self, reply):
        """A reply without its metadata."""
        return {k: v for k, v in reply.items() if k != 'ResponseMetadata'}


class Queues(SqsCase):
    def test_url_is_on_the_host_the_client_used(self):
        url = self.new()
        self.assertEqual(url, f'{self.endpoint}/{ACCOUNT}/{self.name}')
        other = self.client('sqs', endpoint=self.endpoint.replace('127.0.0.1', 'localhost'))
        self.assertEqual(other.get_queue_url(QueueName=self.name)['QueueUrl'],
                         f'{self.endpoint.replace("127.0.0.1", "localhost")}/{ACCOUNT}/{self.name}')

    def test_a_queue_is_found_by_the_last_two_segments(self):
        self.new()
        self.send(f'https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{self.name}', 'x')
        self.assertEqual(self.bodies(f'http://elsewhere:1/a/b/{ACCOUNT}/{self.name}'), ['x'])

    def test_fresh_queue_has_exactly_these_attributes(self):
        url = self.new()
        got = self.attributes(url)
        created = got.pop('CreatedTimestamp')
        self.assertRegex(created, r'^\d{10}$')
        self.assertEqual(got.pop('LastModifiedTimestamp'), created)
        self.assertEqual(got, {
            VISIBLE: '0', IN_FLIGHT: '0', DELAYED: '0', 'DelaySeconds': '0', 'MaximumMessageSize': '1048576',
            'MessageRetentionPeriod': '345600', 'QueueArn': arn(self.name), 'ReceiveMessageWaitTimeSeconds': '0',
            'SqsManagedSseEnabled': 'true', 'VisibilityTimeout': '30'})

    def test_no_names_no_attributes(self):
        url = self.new()
        self.assertEqual(self.plain(self.sqs.get_queue_attributes(QueueUrl=url)), {})
        self.assertEqual(self.attributes(url, 'VisibilityTimeout', 'QueueArn'),
                         {'VisibilityTimeout': '30', 'QueueArn': arn(self.name)})
        self.assertFault('InvalidAttributeName', self.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=['Nonsense'],
                         message='Unknown Attribute Nonsense.')

    def test_create_again(self):
        url = self.new(DelaySeconds=5)
        for attributes in ({}, {'DelaySeconds': '5'}, {'VisibilityTimeout': '30'}):
            self.assertEqual(self.sqs.create_queue(QueueName=self.name, Attributes=attributes, tags={'a': 'b'})['QueueUrl'], url)
        self.assertEqual(self.plain(self.sqs.list_queue_tags(QueueUrl=url)), {})
        self.assertFault('QueueAlreadyExists', self.sqs.create_queue, QueueName=self.name, Attributes={'DelaySeconds': '6'},
                         message='A queue already exists with the same name and a different value for attribute DelaySeconds',
                         status=400)

    def test_names(self):
        good = 'A-z_0' + 'x' * 75
        self.assertEqual(self.sqs.create_queue(QueueName=good)['QueueUrl'], f'{self.endpoint}/{ACCOUNT}/{good}')
        for bad in ('', 'a b', 'a.b', 'x' * 81, 'ä', 'a/b'):
            self.assertFault('InvalidParameterValue', self.sqs.create_queue, QueueName=bad, status=400,
                             message='Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length')

    def test_what_belongs_to_fifo_queues_is_refused_by_name(self):
        self.assertFault('InvalidParameterValue', self.sqs.create_queue, QueueName='a.fifo',
                         message='Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length')
        for value in ('true', 'false'):
            self.assertFault('InvalidAttributeName', self.sqs.create_queue, QueueName='a', Attributes={'FifoQueue': value},
                             message='Unknown Attribute FifoQueue.')
        url = self.new()
        self.assertFault('InvalidAttributeName', self.sqs.set_queue_attributes, QueueUrl=url, Attributes={'FifoQueue': 'true'},
                         message='Unknown Attribute FifoQueue.')
        self.assertFault('InvalidAttributeName', self.sqs.set_queue_attributes, QueueUrl=url,
                         Attributes={'DeduplicationScope': 'queue'},
                         message='You can specify the DeduplicationScope only when FifoQueue is set to true.')

    def test_ranges(self):
        url = self.new()
        for name, low, high in (('DelaySeconds', 0, 900), ('MaximumMessageSize', 1024, 1048576),
                                ('MessageRetentionPeriod', 60, 1209600), ('ReceiveMessageWaitTimeSeconds', 0, 20),
                                ('VisibilityTimeout', 0, 43200)):
            for value in (low, high):
                self.sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(value)})
                self.assertEqual(self.attributes(url, name), {name: str(value)})
            for value in (low - 1, high + 1, 'x', ''):
                self.assertFault('InvalidAttributeValue', self.sqs.set_queue_attributes, QueueUrl=url,
                                 Attributes={name: str(value)}, message=f'Invalid value for the parameter {name}.', status=400)
            self.assertEqual(self.attributes(url, name), {name: str(high)})

    def test_set_changes_the_modified_time(self):
        url = self.new()
        before = self.attributes(url)
        self.advance(5000)
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'DelaySeconds': '1'})
        after = self.attributes(url)
        self.assertEqual(after['CreatedTimestamp'], before['CreatedTimestamp'])
        self.assertGreaterEqual(int(after['LastModifiedTimestamp']) - int(before['LastModifiedTimestamp']), 5)

    def test_read_only_attributes(self):
        url = self.new()
        for name in ('QueueArn', VISIBLE, 'CreatedTimestamp', 'All', 'Nonsense'):
            self.assertFault('InvalidAttributeName', self.sqs.set_queue_attributes, QueueUrl=url, Attributes={name: '1'},
                             message=f'Unknown Attribute {name}.')

    def test_encryption(self):
        url = self.new(KmsMasterKeyId='alias/k', KmsDataKeyReusePeriodSeconds='600')
        names = ('KmsMasterKeyId', 'KmsDataKeyReusePeriodSeconds', 'SqsManagedSseEnabled')
        self.assertEqual(self.attributes(url, *names), {'KmsMasterKeyId': 'alias/k', 'KmsDataKeyReusePeriodSeconds': '600',
                                                        'SqsManagedSseEnabled': 'false'})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'KmsMasterKeyId': '', 'KmsDataKeyReusePeriodSeconds': '300'})
        self.assertEqual(self.attributes(url, *names), {'SqsManagedSseEnabled': 'false'})
        self.assertFault('InvalidAttributeName', self.sqs.set_queue_attributes, QueueUrl=url,
                         Attributes={'KmsMasterKeyId': 'k', 'SqsManagedSseEnabled': 'true'},
                         message='You can use one type of server-side encryption (SSE) at one time. You can either enable '
                                 'KMS SSE or SQS SSE.')

    def test_policy_is_echoed_and_removed(self):
        policy = '{"Version": "2012-10-17",  "Statement": [{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}'
        url = self.new(Policy=policy)
        self.assertEqual(self.attributes(url, 'Policy'), {'Policy': policy})
        self.assertFault('InvalidAttributeValue', self.sqs.set_queue_attributes, QueueUrl=url, Attributes={'Policy': '{'},
                         message='Invalid value for the parameter Policy.')
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'Policy': ''})
        self.assertEqual(self.attributes(url, 'Policy'), {})

    def test_unknown_queue(self):
        url = f'{self.endpoint}/{ACCOUNT}/none'
        for call, kw in ((self.sqs.get_queue_attributes, {}), (self.sqs.delete_queue, {}), (self.sqs.purge_queue, {}),
                         (self.sqs.send_message, {'MessageBody': 'x'}), (self.sqs.receive_message, {}),
                         (self.sqs.delete_message, {'ReceiptHandle': 'x'}), (self.sqs.list_queue_tags, {}),
                         (self.sqs.set_queue_attributes, {'Attributes': {'DelaySeconds': '1'}}),
                         (self.sqs.list_dead_letter_source_queues, {})):
            self.assertFault(NON_EXISTENT, call, QueueUrl=url, message=NO_QUEUE, status=400, **kw)
        self.assertFault(NON_EXISTENT, self.sqs.get_queue_url, QueueName='none', message=NO_QUEUE, status=400)

    def test_delete(self):
        url = self.new()
        self.send(url)
        self.assertEqual(self.plain(self.sqs.delete_queue(QueueUrl=url)), {})
        self.assertFault(NON_EXISTENT, self.sqs.delete_queue, QueueUrl=url, message=NO_QUEUE)
        self.sqs.create_queue(QueueName=self.name)
        self.assertCounts(url, 0, 0, 0)

    def test_regions_and_accounts_are_apart(self):
        url = self.new()
        self.send(url)
        for other, code in ((self.client('sqs', region='eu-west-1'), NON_EXISTENT), (self.client('sqs', key='111111111111'), 'AccessDenied')):
            self.assertFault(code, other.send_message, QueueUrl=url, MessageBody='x')
            self.assertNotIn('QueueUrls', other.list_queues())
            own = other.create_queue(QueueName=self.name)['QueueUrl']
            self.assertNotIn('Messages', other.receive_message(QueueUrl=own))
            other.delete_queue(QueueUrl=own)
        self.assertCounts(url, 1, 0, 0)

    def test_permissions(self):
        url = self.new()
        self.sqs.add_permission(QueueUrl=url, Label='one', AWSAccountIds=['111111111111'], Actions=['SendMessage'])
        statement = {'Sid': 'one', 'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111111111111:root'},
                     'Action': 'SQS:SendMessage', 'Resource': arn(self.name)}
        policy = {'Version': '2008-10-17', 'Id': f'{arn(self.name)}/SQSDefaultPolicy', 'Statement': [statement]}
        self.assertEqual(json.loads(self.attributes(url)['Policy']), policy)
        self.sqs.add_permission(QueueUrl=url, Label='two', AWSAccountIds=['111111111111', '222222222222'],
                                Actions=['SendMessage', '*'])
        two = {'Sid': 'two', 'Effect': 'Allow',
               'Principal': {'AWS': ['arn:aws:iam::111111111111:root', 'arn:aws:iam::222222222222:root']},
               'Action': ['SQS:SendMessage', 'SQS:*'], 'Resource': arn(self.name)}
        policy['Statement'].append(two)
        self.assertEqual(json.loads(self.attributes(url)['Policy']), policy)
        self.assertFault('InvalidParameterValue', self.sqs.add_permission, QueueUrl=url, Label='one',
                         AWSAccountIds=['111111111111'], Actions=['SendMessage'],
                         message='Value one for parameter Label is invalid. Reason: Already exists.')
        self.assertFault('InvalidParameterValue', self.sqs.remove_permission, QueueUrl=url, Label='three',
                         message="Value three for parameter Label is invalid. Reason: can't find label.")
        self.assertFault('InvalidParameterValue', self.sqs.add_permission, QueueUrl=url, Label='three',
                         AWSAccountIds=['111111111111'], Actions=['DeleteQueue'])
        self.sqs.remove_permission(QueueUrl=url, Label='one')
        policy['Statement'] = [two]
        self.assertEqual(json.loads(self.attributes(url)['Policy']), policy)
        self.sqs.remove_permission(QueueUrl=url, Label='two')
        self.assertNotIn('Policy', self.attributes(url))

    def test_tags(self):
        url = self.sqs.create_queue(QueueName='tagged', tags={'b': '2', 'a': '1'})['QueueUrl']
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)['Tags'], {'a': '1', 'b': '2'})
        self.sqs.tag_queue(QueueUrl=url, Tags={'b': '3', 'c': '', 'é': 'ü'})
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)['Tags'], {'a': '1', 'b': '3', 'c': '', 'é': 'ü'})
        self.sqs.untag_queue(QueueUrl=url, TagKeys=['a', 'none'])
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)['Tags'], {'b': '3', 'c': '', 'é': 'ü'})
        for bad in ({'x' * 129: 'v'}, {'k': 'v' * 257}, {'aws:k': 'v'}, {f'k{i}': 'v' for i in range(50)}):
            self.assertFault('InvalidParameterValue', self.sqs.tag_queue, QueueUrl=url, Tags=bad)
        self.sqs.untag_queue(QueueUrl=url, TagKeys=['b', 'c', 'é'])
        self.assertEqual(self.plain(self.sqs.list_queue_tags(QueueUrl=url)), {})


class Listing(SqsCase):
    reset_between_tests = True

    def make(self, names):
        return [self.sqs.create_queue(QueueName=n)['QueueUrl'] for n in names]

    def test_sorted_with_prefix_and_pages(self):
        self.assertEqual(self.plain(self.sqs.list_queues()), {})
        urls = self.make(['b2', 'a1', 'b1', 'c', 'b3'])
        a1, b1, b2, b3, c = urls[1], urls[2], urls[0], urls[4], urls[3]
        self.assertEqual(self.plain(self.sqs.list_queues()), {'QueueUrls': [a1, b1, b2, b3, c]})
        self.assertEqual(self.plain(self.sqs.list_queues(QueueNamePrefix='b')), {'QueueUrls': [b1, b2, b3]})
        first = self.sqs.list_queues(QueueNamePrefix='b', MaxResults=2)
        self.assertEqual(first['QueueUrls'], [b1, b2])
        second = self.sqs.list_queues(QueueNamePrefix='b', MaxResults=2, NextToken=first['NextToken'])
        self.assertEqual(self.plain(second), {'QueueUrls': [b3]})
        for bad in (0, 1001):
            self.assertFault('InvalidParameterValue', self.sqs.list_queues, MaxResults=bad)
        self.assertFault('InvalidParameterValue', self.sqs.list_queues, MaxResults=2, NextToken='%%%')
        self.assertFault('InvalidParameterValue', self.sqs.list_queues, NextToken=first['NextToken'])

    def test_dead_letter_sources(self):
        dlq, = self.make(['dlq'])
        self.assertEqual(self.plain(self.sqs.list_dead_letter_source_queues(QueueUrl=dlq)), {})   # nothing to repeat in XML
        policy = json.dumps({'deadLetterTargetArn': arn('dlq'), 'maxReceiveCount': 3})
        sources = [self.sqs.create_queue(QueueName=n, Attributes={'RedrivePolicy': policy})['QueueUrl'] for n in ('y', 'x')]
        self.assertEqual(self.sqs.list_dead_letter_source_queues(QueueUrl=dlq)['queueUrls'], sources[::-1])
        page = self.sqs.list_dead_letter_source_queues(QueueUrl=dlq, MaxResults=1)
        self.assertEqual(page['queueUrls'], sources[1:])
        page = self.sqs.list_dead_letter_source_queues(QueueUrl=dlq, MaxResults=1, NextToken=page['NextToken'])
        self.assertEqual(page['queueUrls'], sources[:1])


class Sending(SqsCase):
    def test_reply(self):
        url = self.new()
        got = self.plain(self.send(url, 'hé'))
        self.assertRegex(got.pop('MessageId'), r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
        self.assertEqual(got, {'MD5OfMessageBody': md5('hé')})

    def test_digests_recorded_on_aws(self):
        url = self.new()
        for attributes, digest in (
                ({'MyAttribute': text('foobar')}, 'adb59cd4678ea5a855436b949cd07ab6'),
                ({'attr1': text('99.12', 'Number'), 'attr2': text('109.12', 'Number')}, '9b720b3af309c1c4b0d395c53b08c502'),
                ({'General': text('Kenobi'), 'Hello': text('There'), 'Help.Me': text('Me')}, '4c360f3fdafd970e05fae2f149d997f5')):
            got = self.plain(self.send(url, 'x', MessageAttributes=attributes))
            self.assertEqual(got.pop('MD5OfMessageAttributes'), digest)
            del got['MessageId']
            self.assertEqual(got, {'MD5OfMessageBody': md5('x')})
            message, = self.take(url, MessageAttributeNames=['All'])
            self.assertEqual((message['MD5OfMessageAttributes'], message['MessageAttributes']), (digest, attributes))

    def test_attributes_of_every_kind_come_back(self):
        url = self.new()
        attributes = {'s': text('é\U0001f600', 'String.greeting'), 'n': text('-1.5e3', 'Number.float'),
                      'b': {'DataType': 'Binary.png', 'BinaryValue': bytes(range(256))}}
        got = self.send(url, 'x', MessageAttributes=attributes)
        self.assertEqual(got['MD5OfMessageAttributes'], md5_of_attributes(attributes))
        message, = self.take(url, MessageAttributeNames=['All'])
        self.assertEqual(message['MessageAttributes'], attributes)
        self.assertEqual(message['MD5OfMessageAttributes'], md5_of_attributes(attributes))

    def test_system_attribute(self):
        url = self.new()
        trace = {'AWSTraceHeader': text('Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1')}
        got = self.plain(self.send(url, 'x', MessageSystemAttributes=trace))
        self.assertEqual(got.pop('MD5OfMessageSystemAttributes'), md5_of_attributes(trace))
        message, = self.take(url, AttributeNames=['AWSTraceHeader'])
        self.assertEqual(message['Attributes'], {'AWSTraceHeader': trace['AWSTraceHeader']['StringValue']})
        self.assertFault('InvalidParameterValue', self.send, url, 'x', MessageSystemAttributes={'Other': text('x')})

    def test_sizes(self):
        url = self.new(MaximumMessageSize=1024)
        self.send(url, 'x' * 1024)
        self.send(url, 'é' * 512)
        attribute = {'name': text('value')}                  # 4 + 6 + 5 bytes
        self.send(url, 'x' * 1009, MessageAttributes=attribute)
        trace = {'AWSTraceHeader': text('Root=1')}           # free
        self.send(url, 'x' * 1024, MessageSystemAttributes=trace)
        for body, kw in (('x' * 1025, {}), ('é' * 513, {}), ('x' * 1010, {'MessageAttributes': attribute})):
            self.assertFault('InvalidParameterValue', self.send, url, body, status=400, **kw, message=(
                'One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.'))
        self.assertCounts(url, 4, 0, 0)

    def test_a_megabyte(self):
        url = self.new()
        body = 'é' * 524288
        self.assertEqual(self.send(url, body)['MD5OfMessageBody'], md5(body))
        self.assertEqual(self.bodies(url), [body])
        self.assertFault('InvalidParameterValue', self.send, url, body + 'x', message=(
            'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.'))

    def test_characters(self):
        url = self.new()
        good = '\t\n\r ~\x7f\x80\ud7ff\ue000\ufffd\U00010000\U0010ffff&<>"\''
        self.send(url, good)
        self.assertEqual(self.bodies(url), [good])
        for bad in ('\x01', 'a\x0b', '\x1f', '\ufffe', '\uffff'):
            self.assertFault('InvalidMessageContents', self.send, url, bad, status=400)
        self.assertFault('MissingParameter', self.send, url, '', status=400,
                         message='The request must contain the parameter MessageBody.')

    def test_attribute_rules(self):
        url = self.new()
        self.assertFault('InvalidParameterValue', self.send, url, MessageAttributes={'N': text('')}, status=400,
                         message="Message (user) attribute 'N' must contain a non-empty value of type 'String'.")
        for bad in ({'a b': text('x')}, {'.a': text('x')}, {'a.': text('x')}, {'a..b': text('x')}, {'AWS.a': text('x')},
                    {'amazon.a': text('x')}, {'x' * 257: text('x')}, {'a': text('x', 'Boolean')}, {'a': text('x', 'Number')},
                    {'a': text('x', 'Binary')}, {f'a{i}': text('x') for i in range(11)}):
            self.assertFault('InvalidParameterValue', self.send, url, MessageAttributes=bad, status=400)
        self.send(url, MessageAttributes={'x' * 256: text('x'), 'AWSome': text('x'), 'a-b_c.D9': text('1', 'Number.int')})
        self.send(url, MessageAttributes={f'a{i}': text('x') for i in range(10)})
        self.assertCounts(url, 2, 0, 0)

    def test_delay(self):
        url = self.new(DelaySeconds=10)
        self.send(url, 'queue')
        self.send(url, 'now', DelaySeconds=0)
        self.send(url, 'own', DelaySeconds=5)
        self.assertCounts(url, 1, 0, 2)
        self.assertEqual(self.bodies(url), ['now'])
        self.advance(5000)
        self.assertEqual(self.bodies(url), ['own'])
        self.advance(5000)
        self.assertEqual(self.bodies(url), ['queue'])
        for bad in (-1, 901):
            self.assertFault('InvalidParameterValue', self.send, url, DelaySeconds=bad, message=(
                f'Value {bad} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.'))

    def test_queue_delay_changes_new_messages_only(self):
        url = self.new(DelaySeconds=100)
        self.send(url, 'old')
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'DelaySeconds': '0'})
        self.send(url, 'new')
        self.assertEqual(self.bodies(url), ['new'])

    def test_fair_queues(self):
        url = self.new()
        self.send(url, 'x', MessageGroupId='tenant-1')
        message, = self.take(url, AttributeNames=['MessageGroupId'])
        self.assertEqual(message['Attributes'], {'MessageGroupId': 'tenant-1'})
        self.assertFault('InvalidParameterValue', self.send, url, 'x', MessageDeduplicationId='d', message=(
            'Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not '
            'valid for this queue type.'))
        self.assertFault('InvalidParameterValue', self.send, url, 'x', MessageGroupId='a b', message=(
            'Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and '
            'punctuation characters. 1 to 128 in length.'))


class Batches(SqsCase):
    def entries(self, *bodies, **kw):
        return [{'Id': f'i{n}', 'MessageBody': b, **kw} for n, b in enumerate(bodies)]

    def test_send(self):
        url = self.new()
        entries = self.entries('a', 'b', '')
        entries[1]['MessageAttributes'] = {'k': text('v')}
        got = self.plain(self.sqs.send_message_batch(QueueUrl=url, Entries=entries))
        for one in got['Successful']:
            self.assertEqual(len(one.pop('MessageId')), 36)
        self.assertEqual(got, {
            'Successful': [{'Id': 'i0', 'MD5OfMessageBody': md5('a')},
                           {'Id': 'i1', 'MD5OfMessageBody': md5('b'),
                            'MD5OfMessageAttributes': md5_of_attributes({'k': text('v')})}],
            'Failed': [{'Id': 'i2', 'SenderFault': True, 'Code': 'MissingParameter',
                        'Message': 'The request must contain the parameter MessageBody.'}]})
        self.assertEqual(self.bodies(url), ['a', 'b'])

    def test_failures_per_entry(self):
        url = self.new(MaximumMessageSize=1024)
        entries = self.entries('x' * 1025, '\x01', 'fine', 'late')
        entries[3]['DelaySeconds'] = 901
        got = self.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        self.assertEqual([s['Id'] for s in got['Successful']], ['i2'])
        self.assertEqual([(f['Id'], f['Code'], f['SenderFault']) for f in got['Failed']],
                         [('i0', 'InvalidParameterValue', True), ('i1', 'InvalidMessageContents', True),
                          ('i3', 'InvalidParameterValue', True)])
        self.assertEqual(got['Failed'][0]['Message'],
                         'One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.')

    def test_the_whole_request_fails(self):
        url = self.new()
        batch = self.sqs.send_message_batch
        eleven = self.entries(*'abcdefghijk')
        self.assertFault(PREFIX + 'TooManyEntriesInBatchRequest', batch, QueueUrl=url, Entries=eleven, status=400,
                         message='Maximum number of entries per request are 10. You have sent 11.')
        for bad in ('', 'a b', 'x' * 81, 'é'):
            self.assertFault(PREFIX + 'InvalidBatchEntryId', batch, QueueUrl=url, Entries=[{'Id': bad, 'MessageBody': 'x'}],
                             message='A batch entry id can only contain alphanumeric characters, hyphens and underscores. '
                                     'It can be at most 80 letters long.', status=400)
        self.assertFault(PREFIX + 'BatchEntryIdsNotDistinct', batch, QueueUrl=url, Entries=self.entries('a') * 2, status=400,
                         message='Id i0 repeated.')
        half = 'x' * 524288
        self.assertFault(PREFIX + 'BatchRequestTooLong', batch, QueueUrl=url, Entries=self.entries(half, half, 'y'), status=400,
                         message='Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.')
        self.assertEqual(len(batch(QueueUrl=url, Entries=self.entries(half, half))['Successful']), 2)
        self.assertCounts(url, 2, 0, 0)

    def test_order_of_checks(self):
        url = self.new()
        entries = [{'Id': 'a b', 'MessageBody': 'x'}] * 11
        self.assertFault(PREFIX + 'TooManyEntriesInBatchRequest', self.sqs.send_message_batch, QueueUrl=url, Entries=entries)
        self.assertFault(PREFIX + 'InvalidBatchEntryId', self.sqs.send_message_batch, QueueUrl=url, Entries=entries[:2])

    def test_delete(self):
        url = self.new()
        self.sqs.send_message_batch(QueueUrl=url, Entries=self.entries('a', 'b'))
        handles = [m['ReceiptHandle'] for m in self.take(url)]
        entries = [{'Id': f'd{n}', 'ReceiptHandle': h} for n, h in enumerate(handles + ['nonsense'])]
        self.assertEqual(self.plain(self.sqs.delete_message_batch(QueueUrl=url, Entries=entries)), {
            'Successful': [{'Id': 'd0'}, {'Id': 'd1'}],
            'Failed': [{'Id': 'd2', 'SenderFault': True, 'Code': 'ReceiptHandleIsInvalid',
                        'Message': 'The input receipt handle "nonsense" is not a valid receipt handle.'}]})
        self.assertCounts(url, 0, 0, 0)
        self.assertFault(PREFIX + 'BatchEntryIdsNotDistinct', self.sqs.delete_message_batch, QueueUrl=url, Entries=entries[:1] * 2)

    def test_visibility(self):
        url = self.new()
        self.sqs.send_message_batch(QueueUrl=url, Entries=self.entries('a', 'b'))
        entries = [{'Id': m['Body'], 'ReceiptHandle': m['ReceiptHandle'], 'VisibilityTimeout': t}
                   for m, t in zip(self.take(url), (0, 43201))]
        got = self.plain(self.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries))
        self.assertEqual(got['Successful'], [{'Id': 'a'}])
        self.assertEqual([(f['Id'], f['Code']) for f in got['Failed']], [('b', 'InvalidParameterValue')])
        self.assertCounts(url, 1, 1, 0)


class Receiving(SqsCase):
    def test_a_message_as_a_whole(self):
        url = self.new()
        message_id = self.send(url, 'body', MessageAttributes={'k': text('v')})['MessageId']
        message, = self.take(url)
        handle = message.pop('ReceiptHandle')
        self.assertRegex(handle, r'^[A-Za-z0-9+/=]{1,1024}$')
        self.assertEqual(message, {'MessageId': message_id, 'MD5OfBody': md5('body'), 'Body': 'body'})

    def test_system_attributes(self):
        url = self.new(VisibilityTimeout=10)
        self.send(url)
        self.advance(1000)
        first, = self.take(url, AttributeNames=['All'])
        self.assertEqual(set(first['Attributes']), {'SenderId', 'SentTimestamp', 'ApproximateReceiveCount',
                                                    'ApproximateFirstReceiveTimestamp'})
        self.assertEqual((first['Attributes']['SenderId'], first['Attributes']['ApproximateReceiveCount']), (ACCOUNT, '1'))
        self.assertGreaterEqual(int(first['Attributes']['ApproximateFirstReceiveTimestamp'])
                                - int(first['Attributes']['SentTimestamp']), 1000)
        self.advance(10000)
        second, = self.take(url, AttributeNames=['All'])
        self.assertEqual(second['Attributes'], {**first['Attributes'], 'ApproximateReceiveCount': '2'})
        self.assertNotEqual(second['ReceiptHandle'], first['ReceiptHandle'])
        self.advance(10000)
        third, = self.take(url, AttributeNames=['SenderId', 'SequenceNumber', 'QueueArn'])
        self.assertEqual(third['Attributes'], {'SenderId': ACCOUNT})
        self.assertFault('InvalidAttributeName', self.take, url, AttributeNames=['Nonsense'],
                         message='Unknown Attribute Nonsense.')

    def test_message_attribute_names(self):
        url = self.new(VisibilityTimeout=0)
        attributes = {'a.one': text('1'), 'a.two': text('2'), 'b': text('3')}
        self.send(url, MessageAttributes=attributes)
        for names, want in ((['b'], ['b']), (['a.*'], ['a.one', 'a.two']), (['All'], list(attributes)), (['.*'], list(attributes)),
                            (['a.one', 'none'], ['a.one']), (['none'], []), ([], [])):
            message, = self.take(url, MessageAttributeNames=names)
            shown = {n: attributes[n] for n in want}
            self.assertEqual(message.get('MessageAttributes', {}), shown)
            self.assertEqual(message.get('MD5OfMessageAttributes'), md5_of_attributes(shown) if shown else None)

    def test_limits(self):
        url = self.new()
        for name, bad, reason in (('MaxNumberOfMessages', (0, 11), 'Must be between 1 and 10, if provided.'),
                                  ('WaitTimeSeconds', (-1, 21), 'Must be >= 0 and <= 20, if provided.'),
                                  ('VisibilityTimeout', (-1, 43201), 'Must be between 0 and 43200, if provided.')):
            for value in bad:
                self.assertFault('InvalidParameterValue', self.sqs.receive_message, QueueUrl=url, **{name: value}, status=400,
                                 message=f'Value {value} for parameter {name} is invalid. Reason: {reason}')

    def test_number_of_messages(self):
        url = self.new()
        for n in range(15):
            self.send(url, str(n))
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=url)['Messages']), 1)
        self.assertEqual(self.bodies(url, 10), [str(n) for n in range(1, 11)])
        self.assertEqual(len(self.take(url, 10)), 4)
        self.assertEqual(self.plain(self.sqs.receive_message(QueueUrl=url)), {})
        self.assertCounts(url, 0, 15, 0)

    def test_visibility(self):
        url = self.new(VisibilityTimeout=20)
        self.send(url)
        self.take(url)
        self.advance(19000)
        self.assertEqual(self.take(url), [])
        self.advance(1000)
        self.assertEqual(len(self.take(url, VisibilityTimeout=5)), 1)
        self.advance(5000)
        self.assertEqual(len(self.take(url, VisibilityTimeout=0)), 1)
        self.assertEqual(len(self.take(url, VisibilityTimeout=0)), 1)
        self.assertCounts(url, 1, 0, 0)

    def test_change_visibility(self):
        url = self.new(VisibilityTimeout=10)
        self.send(url)
        message, = self.take(url)
        change = self.sqs.change_message_visibility
        self.advance(9000)
        self.assertEqual(self.plain(change(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'], VisibilityTimeout=30)), {})
        self.advance(29000)
        self.assertEqual(self.take(url), [])
        change(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'], VisibilityTimeout=0)
        self.assertCounts(url, 1, 0, 0)
        change(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'], VisibilityTimeout=60)
        self.assertCounts(url, 0, 1, 0)
        self.assertFault('InvalidParameterValue', change, QueueUrl=url, ReceiptHandle=message['ReceiptHandle'],
                         VisibilityTimeout=43200, message=(
                             'Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the '
                             'message is beyond the limit [43200 seconds]'))
        self.assertFault('InvalidParameterValue', change, QueueUrl=url, ReceiptHandle=message['ReceiptHandle'],
                         VisibilityTimeout=43201)
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
        self.assertFault(PREFIX + 'MessageNotInflight', change, QueueUrl=url, ReceiptHandle=message['ReceiptHandle'],
                         VisibilityTimeout=1, status=400)

    def test_delete(self):
        url, other = self.new(VisibilityTimeout=1), self.new()
        self.send(url)
        first, = self.take(url)
        self.advance(1000)
        self.take(url)
        self.assertFault('ReceiptHandleIsInvalid', self.sqs.delete_message, QueueUrl=other, ReceiptHandle=first['ReceiptHandle'])
        for _ in range(2):                                   # an old handle, and twice
            self.assertEqual(self.plain(self.sqs.delete_message(QueueUrl=url, ReceiptHandle=first['ReceiptHandle'])), {})
        self.advance(10000)
        self.assertEqual(self.take(url), [])
        self.assertFault('ReceiptHandleIsInvalid', self.sqs.delete_message, QueueUrl=url, ReceiptHandle='nonsense',
                         message='The input receipt handle "nonsense" is not a valid receipt handle.')

    def test_purge(self):
        url = self.new()
        for _ in range(12):
            self.send(url)
        self.send(url, DelaySeconds=100)
        self.take(url)
        self.assertCounts(url, 2, 10, 1)
        self.assertEqual(self.plain(self.sqs.purge_queue(QueueUrl=url)), {})
        self.assertCounts(url, 0, 0, 0)
        self.assertFault(PREFIX + 'PurgeQueueInProgress', self.sqs.purge_queue, QueueUrl=url, status=403,
                         message=f'Only one PurgeQueue operation on {self.name} is allowed every 60 seconds.')
        self.advance(60000)
        self.sqs.purge_queue(QueueUrl=url)

    def test_retention(self):
        url = self.new(MessageRetentionPeriod=60)
        self.send(url, 'old')
        self.advance(40000)
        self.send(url, 'young')
        self.advance(30000)
        self.assertCounts(url, 1, 0, 0)
        self.assertEqual(self.bodies(url), ['young'])


class LongPolls(SqsCase):
    def waiting(self, url, **kw):
        """A receive in a thread; -> (thread, list that will hold its answer and its seconds)."""
        answer = []
        client = self.client('sqs')

        def run():
            began = time.monotonic()
            got = client.receive_message(QueueUrl=url, **kw)
            answer.append(([m['Body'] for m in got.get('Messages', [])], time.monotonic() - began))
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.3)
        return thread, answer

    def finish(self, waiting):
        thread, answer = waiting
        thread.join(25)
        self.assertFalse(thread.is_alive())
        return answer[0]

    def test_woken_by_a_send(self):
        url = self.new()
        waiting = self.waiting(url, WaitTimeSeconds=20)
        self.send(url, 'x')
        bodies, seconds = self.finish(waiting)
        self.assertEqual(bodies, ['x'])
        self.assertLess(seconds, 5)

    def test_one_message_wakes_one(self):
        url = self.new()
        first, second = self.waiting(url, WaitTimeSeconds=2), self.waiting(url, WaitTimeSeconds=2)
        self.send(url, 'x')
        self.assertEqual(self.finish(first)[0] + self.finish(second)[0], ['x'])

    def test_woken_by_delay_and_visibility_on_the_servers_clock(self):
        url = self.new(VisibilityTimeout=600)
        self.send(url, 'late', DelaySeconds=300)
        waiting = self.waiting(url, WaitTimeSeconds=20)
        self.advance(300000)
        self.assertEqual(self.finish(waiting)[0], ['late'])
        waiting = self.waiting(url, WaitTimeSeconds=20)
        self.advance(600000)
        bodies, seconds = self.finish(waiting)
        self.assertEqual(bodies, ['late'])
        self.assertLess(seconds, 5)

    def test_time_is_real(self):
        url = self.new(ReceiveMessageWaitTimeSeconds=1)
        waiting = self.waiting(url)
        self.advance(3600000)
        bodies, seconds = self.finish(waiting)
        self.assertEqual(bodies, [])
        self.assertGreater(seconds, 0.9)

    def test_request_overrides_the_queue(self):
        url = self.new(ReceiveMessageWaitTimeSeconds=20)
        began = time.monotonic()
        self.assertEqual(self.take(url, WaitTimeSeconds=0), [])
        self.assertLess(time.monotonic() - began, 2)

    def test_deleted_queue(self):
        url = self.new()
        seen = []

        def run():
            try:
                self.client('sqs').receive_message(QueueUrl=url, WaitTimeSeconds=20)
            except ClientError as e:
                seen.append(e.response['Error']['Code'])
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.3)
        self.sqs.delete_queue(QueueUrl=url)
        thread.join(10)
        self.assertEqual(seen, [NON_EXISTENT])

    def test_a_client_that_left_takes_nothing(self):
        import socket
        url = self.new()
        body = f'Action=ReceiveMessage&Version=2012-11-05&WaitTimeSeconds=20&QueueUrl={url}'.encode()
        s = socket.create_connection(('127.0.0.1', self.server.port))
        s.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: '
                  + support.authorization('sqs').encode() + f'\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body)
        time.sleep(0.3)
        s.close()
        time.sleep(0.3)
        self.send(url, 'x')
        self.assertEqual(self.bodies(url), ['x'])


class DeadLetters(SqsCase):
    def pair(self, most='2', **kw):
        dlq = self.new(**kw)
        dlq_arn = arn(self.name)
        url = self.new(RedrivePolicy=json.dumps({'deadLetterTargetArn': dlq_arn, 'maxReceiveCount': most}))
        return url, arn(self.name), dlq, dlq_arn

    def test_moved_at_the_receive_after_the_last(self):
        url, source_arn, dlq, dlq_arn = self.pair()
        self.assertEqual(self.attributes(url, 'RedrivePolicy'),
                         {'RedrivePolicy': json.dumps({'deadLetterTargetArn': dlq_arn, 'maxReceiveCount': '2'})})
        message_id = self.send(url, 'poison', MessageAttributes={'k': text('v')})['MessageId']
        sent = None
        for count in ('1', '2'):
            message, = self.take(url, VisibilityTimeout=0, AttributeNames=['All'])
            self.assertEqual(message['Attributes']['ApproximateReceiveCount'], count)
            sent = message['Attributes']['SentTimestamp']
        self.assertCounts(url, 1, 0, 0)
        self.assertEqual(self.take(url), [])
        self.assertCounts(url, 0, 0, 0)
        self.assertCounts(dlq, 1, 0, 0)
        message, = self.take(dlq, AttributeNames=['All'], MessageAttributeNames=['All'])
        self.assertEqual((message['MessageId'], message['Body'], message['MessageAttributes']),
                         (message_id, 'poison', {'k': text('v')}))
        self.assertEqual(message['Attributes']['ApproximateReceiveCount'], '3')
        self.assertEqual(message['Attributes']['SentTimestamp'], sent)
        self.assertEqual(message['Attributes']['DeadLetterQueueSourceArn'], source_arn)

    def test_policies(self):
        url, _, dlq, dlq_arn = self.pair()
        put = self.sqs.set_queue_attributes

        def bad(policy, reason):
            self.assertFault('InvalidParameterValue', put, QueueUrl=url, Attributes={'RedrivePolicy': policy},
                             message=f'Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}')
        bad('x', 'Redrive policy is not a valid JSON map.')
        bad('{"maxReceiveCount":1}', 'Redrive policy does not contain mandatory attribute: deadLetterTargetArn.')
        bad('{"deadLetterTargetArn":"%s"}' % dlq_arn, 'Redrive policy does not contain mandatory attribute: maxReceiveCount.')
        for count in (0, 1001):
            bad('{"deadLetterTargetArn":"%s","maxReceiveCount":%d}' % (dlq_arn, count),
                f'Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.')
        bad('{"deadLetterTargetArn":"%s","maxReceiveCount":1}' % arn('none'), 'Dead letter target does not exist.')
        bad('{"deadLetterTargetArn":"%s","maxReceiveCount":1}' % arn(dlq_arn.split(':')[-1], 'eu-west-1'),
            'Dead letter target does not exist.')
        put(QueueUrl=url, Attributes={'RedrivePolicy': ''})
        self.assertEqual(self.attributes(url, 'RedrivePolicy'), {})

    def test_allow_policy(self):
        url, source_arn, dlq, dlq_arn = self.pair()
        allow = lambda **policy: self.sqs.set_queue_attributes(QueueUrl=dlq, Attributes={'RedriveAllowPolicy': json.dumps(policy)})
        redrive = {'RedrivePolicy': json.dumps({'deadLetterTargetArn': dlq_arn, 'maxReceiveCount': 1})}
        allow(redrivePermission='denyAll')
        self.assertFault('InvalidParameterValue', self.sqs.set_queue_attributes, QueueUrl=url, Attributes=redrive)
        allow(redrivePermission='byQueue', sourceQueueArns=[source_arn])
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes=redrive)
        self.assertFault('InvalidParameterValue', self.new, **redrive)
        allow(redrivePermission='allowAll')
        self.new(**redrive)
        for policy in ({'redrivePermission': 'x'}, {'redrivePermission': 'byQueue'},
                       {'redrivePermission': 'byQueue', 'sourceQueueArns': [source_arn] * 11}):
            with self.assertRaises(ClientError) as caught:
                allow(**policy)
            self.assertEqual(caught.exception.response['Error']['Code'], 'InvalidParameterValue')

    def test_a_chain(self):
        last = self.new()
        last_arn = arn(self.name)
        middle = self.new(RedrivePolicy=json.dumps({'deadLetterTargetArn': last_arn, 'maxReceiveCount': 2}))
        middle_arn = arn(self.name)
        first = self.new(RedrivePolicy=json.dumps({'deadLetterTargetArn': middle_arn, 'maxReceiveCount': 1}))
        self.send(first, 'x')
        self.assertEqual(self.bodies(first, VisibilityTimeout=0), ['x'])
        self.assertEqual(self.bodies(first, VisibilityTimeout=0), [])
        self.assertEqual(self.bodies(middle, VisibilityTimeout=0), ['x'])
        self.assertEqual(self.bodies(middle, VisibilityTimeout=0), [])
        message, = self.take(last, AttributeNames=['All'])
        self.assertEqual((message['Attributes']['ApproximateReceiveCount'], message['Attributes']['DeadLetterQueueSourceArn']),
                         ('3', middle_arn))


class Roles(SqsCase):
    def session(self, name, statements):
        role = self.role(name, statements, trust={'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{ACCOUNT}:root'}, 'Action': 'sts:AssumeRole'}]})
        got = self.client('sts').assume_role(RoleArn=role, RoleSessionName='session')
        credentials = got['Credentials']
        client = self.client('sqs', key=credentials['AccessKeyId'], secret=credentials['SecretAccessKey'],
                             token=credentials['SessionToken'])
        return client, got['AssumedRoleUser']['AssumedRoleId']

    def test_what_a_role_may(self):
        url = self.new()
        sender, sender_id = self.session('sender', [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': arn(self.name)}])
        sender.send_message(QueueUrl=url, MessageBody='x')
        message, = self.take(url, AttributeNames=['SenderId'])
        self.assertEqual(message['Attributes'], {'SenderId': sender_id})
        for call, kw in ((sender.receive_message, {'QueueUrl': url}), (sender.create_queue, {'QueueName': 'mine'}),
                         (sender.list_queues, {}), (sender.get_queue_url, {'QueueName': self.name}),
                         (sender.delete_message, {'QueueUrl': url, 'ReceiptHandle': message['ReceiptHandle']})):
            self.assertFault('AccessDenied', call, status=403, **kw)
        self.assertCounts(url, 0, 1, 0)


class Restart(unittest.TestCase):
    def test_queues_and_messages_survive_a_kill(self):
        import tempfile
        import boto3
        directory = tempfile.mkdtemp(prefix='waybill-sqs-')
        self.addCleanup(__import__('shutil').rmtree, directory, ignore_errors=True)

        def start():
            server = support.Server(['--data', directory])
            return server, boto3.client('sqs', region_name=REGION, endpoint_url=server.endpoint, aws_access_key_id='test',
                                        aws_secret_access_key='test')
        server, sqs = start()
        try:
            url = sqs.create_queue(QueueName='q', Attributes={'VisibilityTimeout': '600'}, tags={'k': 'v'})['QueueUrl']
            ids = [sqs.send_message(QueueUrl=url, MessageBody=str(n))['MessageId'] for n in range(20)]
            taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)['Messages']
            server.kill()
            server, sqs = start()
            url = sqs.get_queue_url(QueueName='q')['QueueUrl']
            self.assertEqual(sqs.list_queue_tags(QueueUrl=url)['Tags'], {'k': 'v'})
            got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[VISIBLE, IN_FLIGHT])['Attributes']
            self.assertEqual(got, {VISIBLE: '10', IN_FLIGHT: '10'})
            rest = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)['Messages']
            self.assertEqual([m['MessageId'] for m in taken + rest], ids)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0]['ReceiptHandle'])
            got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[IN_FLIGHT])['Attributes']
            self.assertEqual(got, {IN_FLIGHT: '19'})
            self.assertEqual(server.end(), [])
        finally:
            server.process.kill()


if __name__ == '__main__':
    support.main()
