#!/usr/bin/python3
"""SQS: every member of a request and every attribute of a queue shows an effect, or is refused by its name."""
import base64
import json
import os
import re

import support
from noop import NoOpCase, shows

GONE = 'QueueDoesNotExist'
VALUE = 'InvalidParameterValueException'
ATTRIBUTE = {'DataType': 'String', 'StringValue': 'v'}
ROOT = f'arn:aws:iam::{support.ACCOUNT}:root'
OWN = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': ROOT}, 'Action': 'sts:AssumeRole'}]}


def blob(text):
    return base64.b64encode(text).decode()


class SqsCase(NoOpCase):
    def sqs(self, name, **params):
        return self.call('sqs', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'sqs', name, **params)

    def make(self, name='q', **attributes):
        return self.sqs('CreateQueue', QueueName=name, Attributes=attributes)['QueueUrl']

    def attributes(self, url, *names):
        return self.sqs('GetQueueAttributes', QueueUrl=url, AttributeNames=list(names or ('All',))).get('Attributes', {})

    def arn(self, url):
        return self.attributes(url, 'QueueArn')['QueueArn']

    def put(self, url, body='m', **more):
        return self.sqs('SendMessage', QueueUrl=url, MessageBody=body, **more)

    def take(self, url, **more):
        return self.sqs('ReceiveMessage', QueueUrl=url, **more).get('Messages', [])

    def role_client(self, **role):
        arn = self.role('caller', trust=OWN, **role)
        k = self.client('sts').assume_role(RoleArn=arn, RoleSessionName='session')['Credentials']
        return arn, self.client('sqs', key=k['AccessKeyId'], secret=k['SecretAccessKey'], token=k['SessionToken'])


class Urls(SqsCase):
    @shows('sqs DeleteQueue|GetQueueAttributes|ListDeadLetterSourceQueues|ListQueueTags|PurgeQueue|ReceiveMessage|SendMessage', 'QueueUrl',
           'sqs AddPermission|RemovePermission|ChangeMessageVisibility|ChangeMessageVisibilityBatch|DeleteMessage', 'QueueUrl',
           'sqs DeleteMessageBatch|SendMessageBatch|SetQueueAttributes|TagQueue|UntagQueue', 'QueueUrl')
    def test_the_url_chooses(self):
        url = self.make() + 'x'
        entry = [{'Id': 'a', 'ReceiptHandle': 'h', 'VisibilityTimeout': 0, 'MessageBody': 'm'}]
        more = {'AddPermission': {'Label': 'l', 'AWSAccountIds': ['1' * 12], 'Actions': ['*']}, 'RemovePermission': {'Label': 'l'},
                'ChangeMessageVisibility': {'ReceiptHandle': 'h', 'VisibilityTimeout': 0}, 'DeleteMessage': {'ReceiptHandle': 'h'},
                'ChangeMessageVisibilityBatch': {'Entries': entry}, 'DeleteMessageBatch': {'Entries': entry},
                'SendMessageBatch': {'Entries': entry}, 'SendMessage': {'MessageBody': 'm'},
                'SetQueueAttributes': {'Attributes': {'DelaySeconds': '1'}}, 'TagQueue': {'Tags': {'a': 'b'}}, 'UntagQueue': {'TagKeys': ['a']}}
        for name in ('DeleteQueue GetQueueAttributes ListDeadLetterSourceQueues ListQueueTags PurgeQueue ReceiveMessage'.split() + list(more)):
            with self.subTest(name):
                self.no(GONE, 'queue', name, QueueUrl=url, **more.get(name, {}))

    @shows('sqs CreateQueue', 'QueueName', 'Attributes', 'tags', 'sqs GetQueueUrl', 'QueueName', 'QueueOwnerAWSAccountId',
           'sqs TagQueue', 'Tags', 'sqs UntagQueue', 'TagKeys')
    def test_queues(self):
        url = self.sqs('CreateQueue', QueueName='q', Attributes={'DelaySeconds': '7'}, tags={'a': '1'})['QueueUrl']
        self.assertTrue(url.endswith('/q'))
        self.assertEqual(self.attributes(url, 'DelaySeconds'), {'DelaySeconds': '7'})
        self.sqs('TagQueue', QueueUrl=url, Tags={'b': '2'})
        self.sqs('UntagQueue', QueueUrl=url, TagKeys=['a'])
        self.assertEqual(self.sqs('ListQueueTags', QueueUrl=url)['Tags'], {'b': '2'})
        self.assertEqual(self.sqs('GetQueueUrl', QueueName='q', QueueOwnerAWSAccountId=support.ACCOUNT)['QueueUrl'], url)
        self.no(GONE, 'queue', 'GetQueueUrl', QueueName='q', QueueOwnerAWSAccountId='1' * 12)
        self.no(GONE, 'queue', 'GetQueueUrl', QueueName='nobody')

    @shows('sqs ListQueues', 'QueueNamePrefix', 'NextToken', 'MaxResults', 'sqs ListDeadLetterSourceQueues', 'NextToken', 'MaxResults')
    def test_lists(self):
        dead = self.make('dead')
        redrive = json.dumps({'deadLetterTargetArn': self.arn(dead), 'maxReceiveCount': 1})
        urls = [self.make(name, RedrivePolicy=redrive) for name in ('a1', 'a2', 'b1')]
        self.assertEqual(self.sqs('ListQueues', QueueNamePrefix='a')['QueueUrls'], urls[:2])
        for name, more, key in (('ListQueues', {'QueueNamePrefix': 'a'}, 'QueueUrls'), ('ListDeadLetterSourceQueues', {'QueueUrl': dead}, 'queueUrls')):
            first = self.sqs(name, MaxResults=1, **more)
            second = self.sqs(name, MaxResults=1, NextToken=first['NextToken'], **more)
            self.assertEqual(first[key] + second[key], urls[:2])


class Attributes(SqsCase):
    """Every attribute a queue can be given."""

    @shows('sqs SetQueueAttributes', 'Attributes', 'sqs GetQueueAttributes', 'AttributeNames')
    def test_each_has_its_effect(self):
        dead = self.make('dead')
        effects = {
            'VisibilityTimeout': ('20', self.visibility), 'MaximumMessageSize': ('1024', self.size), 'DelaySeconds': ('30', self.delay),
            'MessageRetentionPeriod': ('60', self.retention), 'ReceiveMessageWaitTimeSeconds': ('1', self.wait),
            'RedrivePolicy': (json.dumps({'deadLetterTargetArn': self.arn(dead), 'maxReceiveCount': 1}), self.redrive),
            'RedriveAllowPolicy': ('{"redrivePermission":"denyAll"}', self.allow),
            'KmsMasterKeyId': ('alias/k', self.key), 'KmsDataKeyReusePeriodSeconds': ('60', self.shown), 'SqsManagedSseEnabled': ('false', self.shown),
            'Policy': (None, None),                          # a test of its own, below
        }
        fifo = ('FifoQueue', 'ContentBasedDeduplication', 'DeduplicationScope', 'FifoThroughputLimit')
        read_only = ('QueueArn', 'CreatedTimestamp', 'LastModifiedTimestamp', 'ApproximateNumberOfMessages',
                     'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed')
        with open(os.path.join(support.ROOT, 'src/service/sqs/attribute.c')) as f:
            known = set(re.findall(r'^    \[SQS_\w+\] = \{ "(\w+)"', f.read(), re.M))
        self.assertEqual(known, set(effects) | set(fifo) | set(read_only))
        for i, (name, (value, look)) in enumerate(effects.items()):
            if look is None:
                continue
            for way in ('create', 'set'):
                with self.subTest(name, way=way):
                    url = self.make(f'{way}{i}', **({name: value} if way == 'create' else {}))
                    if way == 'set':
                        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={name: value})
                    self.assertEqual(self.attributes(url, name), {name: value})
                    look(url, name, value)
        url = self.make('plain')
        for name in fifo + read_only:                        # those of FIFO queues have a test of their own, below
            with self.subTest(name):
                self.no('InvalidAttributeName', name, 'SetQueueAttributes', QueueUrl=url, Attributes={name: 'true'})
                self.no('InvalidAttributeName', name, 'CreateQueue', QueueName='other', Attributes={name: 'true'})
        self.no('InvalidAttributeName', 'Nothing', 'SetQueueAttributes', QueueUrl=url, Attributes={'Nothing': '1'})

    @shows('sqs CreateQueue|SetQueueAttributes', 'Attributes')
    def test_each_of_fifo_queues(self):
        effects = {'ContentBasedDeduplication': ('true', self.content), 'DeduplicationScope': ('messageGroup', self.scope),
                   'FifoThroughputLimit': ('perMessageGroupId', self.limit)}
        group_scope = {'DeduplicationScope': 'messageGroup'}
        for i, (name, (value, look)) in enumerate(effects.items()):
            for way in ('create', 'set'):
                with self.subTest(name, way=way):
                    needs = {'FifoQueue': 'true', **(group_scope if name == 'FifoThroughputLimit' else {})}
                    url = self.make(f'{way}{i}.fifo', **needs, **({name: value} if way == 'create' else {}))
                    if way == 'set':
                        self.assertNotEqual(self.attributes(url, name), {name: value})
                        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={name: value})
                    self.assertEqual(self.attributes(url, name), {name: value})
                    self.no('InvalidAttributeValue', name, 'SetQueueAttributes', QueueUrl=url, Attributes={name: 'x'})
                    look(url)
        self.no('InvalidAttributeValue', 'FifoThroughputLimit', 'CreateQueue', QueueName='limit.fifo',
                Attributes={'FifoQueue': 'true', 'FifoThroughputLimit': 'perMessageGroupId'})

    def content(self, url):
        for body in 'aab':
            self.put(url, body, MessageGroupId='g')
        self.assertEqual([m['Body'] for m in self.take(url, MaxNumberOfMessages=10)], ['a', 'b'])
        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'ContentBasedDeduplication': 'false'})
        self.no(VALUE, 'MessageDeduplicationId', 'SendMessage', QueueUrl=url, MessageBody='c', MessageGroupId='g')

    def scope(self, url):
        say = lambda d: {self.put(url, MessageGroupId=g, MessageDeduplicationId=d)['MessageId'] for g in 'ab'}      # noqa: E731
        self.assertEqual(len(say('d')), 2)
        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'DeduplicationScope': 'queue'})
        self.assertEqual(len(say('e')), 1)

    def limit(self, url):
        """Nothing is throttled here; the limit per group hangs on the scope, as at AWS."""
        self.no('InvalidAttributeValue', 'FifoThroughputLimit', 'SetQueueAttributes', QueueUrl=url, Attributes={'DeduplicationScope': 'queue'})
        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'DeduplicationScope': 'queue', 'FifoThroughputLimit': 'perQueue'})

    def test_fifo_queue(self):
        """The attribute and the name go together; a group is received in its order, one receiver at a time."""
        self.no(VALUE, 'alphanumeric', 'CreateQueue', QueueName='q.fifo')
        self.no('InvalidAttributeName', 'FifoQueue', 'CreateQueue', QueueName='q', Attributes={'FifoQueue': 'true'})
        url = self.make('q.fifo', FifoQueue='true')
        self.assertEqual(self.attributes(url, 'FifoQueue'), {'FifoQueue': 'true'})
        self.no('InvalidAttributeValue', 'FifoQueue', 'SetQueueAttributes', QueueUrl=url, Attributes={'FifoQueue': 'false'})
        for body in 'ab':
            self.put(url, body, MessageGroupId='g', MessageDeduplicationId=body)
        self.assertEqual([[m['Body'] for m in self.take(url)] for _ in range(2)], [['a'], []])

    def visibility(self, url, name, value):
        self.put(url)
        self.take(url)
        self.advance(19000)
        self.assertEqual(self.take(url), [])
        self.advance(2000)
        self.assertEqual(len(self.take(url)), 1)

    def size(self, url, name, value):
        self.put(url, 'x' * 1024)
        self.no(VALUE, '1024', 'SendMessage', QueueUrl=url, MessageBody='x' * 1025)

    def delay(self, url, name, value):
        self.put(url)
        self.assertEqual(self.take(url), [])
        self.advance(31000)
        self.assertEqual(len(self.take(url)), 1)

    def retention(self, url, name, value):
        self.put(url)
        self.advance(61000)
        self.assertEqual(self.take(url), [])

    def wait(self, url, name, value):
        import time
        began = time.monotonic()
        self.take(url)
        self.assertGreater(time.monotonic() - began, 0.9)

    def redrive(self, url, name, value):
        self.put(url)
        self.take(url, VisibilityTimeout=0)
        self.assertEqual(self.take(url), [])
        self.assertEqual(len(self.take(url.rsplit('/', 1)[0] + '/dead')), 1)

    def allow(self, url, name, value):
        self.no(VALUE, 'RedriveAllowPolicy', 'CreateQueue', QueueName='source', Attributes={
            'RedrivePolicy': json.dumps({'deadLetterTargetArn': self.arn(url), 'maxReceiveCount': 1})})

    def key(self, url, name, value):
        """Nothing is encrypted here; the key excludes the other kind of encryption, as at AWS."""
        self.assertEqual(self.attributes(url, 'SqsManagedSseEnabled'), {'SqsManagedSseEnabled': 'false'})
        self.no('InvalidAttributeName', 'SSE', 'SetQueueAttributes', QueueUrl=url, Attributes={'SqsManagedSseEnabled': 'true'})

    def shown(self, url, name, value):
        self.no('InvalidAttributeValue', name, 'SetQueueAttributes', QueueUrl=url, Attributes={name: 'x'})

    def test_policy(self):
        """An Allow lets a role in that has no rights of its own; a Deny keeps one out that has all."""
        url = self.make()
        arn = self.arn(url)
        for bad in ('{}', '{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Principal":"*","Action":"sqs:*","Resource":"*"}]}', 'x'):
            self.no('InvalidAttributeValue', 'Policy', 'SetQueueAttributes', QueueUrl=url, Attributes={'Policy': bad})
        role, sqs = self.role_client(policy=False)
        self.assertFault('AccessDenied', sqs.send_message, QueueUrl=url, MessageBody='m')
        self.say(url, Effect='Allow', Principal={'AWS': role}, Action='sqs:SendMessage', Resource=arn)
        sqs.send_message(QueueUrl=url, MessageBody='m')
        self.assertFault('AccessDenied', sqs.receive_message, QueueUrl=url)
        self.say(url, Effect='Allow', Principal={'AWS': role}, Action='SQS:GetQueueUrl', Resource=arn)
        self.assertEqual(sqs.get_queue_url(QueueName='q')['QueueUrl'], url)
        self.assertFault('AccessDenied', sqs.send_message, QueueUrl=url, MessageBody='m')
        self.role('caller', trust=OWN)                       # everything, from now on
        sqs.send_message(QueueUrl=url, MessageBody='m')
        self.say(url, Effect='Deny', Principal='*', Action='sqs:SendMessage', Resource=arn,
                 Condition={'StringEquals': {'aws:PrincipalArn': role}})
        error = self.assertFault('AccessDenied', sqs.send_message, QueueUrl=url, MessageBody='m')
        self.assertIn('explicit deny in a resource-based policy', error['Error']['Message'])
        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'Policy': ''})
        sqs.send_message(QueueUrl=url, MessageBody='m')

    def say(self, url, **statement):
        self.sqs('SetQueueAttributes', QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [statement]})})

    @shows('sqs AddPermission', 'Label', 'AWSAccountIds', 'Actions', 'sqs RemovePermission', 'Label')
    def test_permissions(self):
        url = self.make()
        self.sqs('AddPermission', QueueUrl=url, Label='l', AWSAccountIds=['1' * 12], Actions=['SendMessage'])
        statement, = json.loads(self.attributes(url, 'Policy')['Policy'])['Statement']
        self.assertEqual((statement['Sid'], statement['Principal'], statement['Action']),
                         ('l', {'AWS': 'arn:aws:iam::111111111111:root'}, 'SQS:SendMessage'))
        self.no(VALUE, 'Label', 'RemovePermission', QueueUrl=url, Label='x')
        self.sqs('RemovePermission', QueueUrl=url, Label='l')
        self.assertEqual(self.attributes(url, 'Policy'), {})


class Messages(SqsCase):
    BAD = (                                                  # members of a message that are refused, and by which words
        ({'MessageAttributes': {'a': {**ATTRIBUTE, 'StringListValues': ['x']}}}, 'UnsupportedOperation', 'list values'),
        ({'MessageAttributes': {'a': {**ATTRIBUTE, 'BinaryListValues': [blob(b'x')]}}}, 'UnsupportedOperation', 'list values'),
        ({'MessageAttributes': {'a': {**ATTRIBUTE, 'BinaryValue': blob(b'x')}}}, VALUE, "'a'"),
        ({'MessageAttributes': {'a': {'DataType': 'Other', 'StringValue': 'v'}}}, VALUE, 'type'),
        ({'MessageSystemAttributes': {'Other': ATTRIBUTE}}, VALUE, 'Other'),
        ({'MessageSystemAttributes': {'AWSTraceHeader': {'DataType': 'Number', 'StringValue': '1'}}}, VALUE, 'AWSTraceHeader'),
        ({'MessageSystemAttributes': {'AWSTraceHeader': {**ATTRIBUTE, 'BinaryValue': blob(b'x')}}}, VALUE, 'BinaryValue'),
        ({'MessageSystemAttributes': {'AWSTraceHeader': {**ATTRIBUTE, 'StringListValues': ['x']}}}, 'UnsupportedOperation', 'list values'),
        ({'MessageSystemAttributes': {'AWSTraceHeader': {**ATTRIBUTE, 'BinaryListValues': [blob(b'x')]}}}, 'UnsupportedOperation', 'list values'),
        ({'MessageDeduplicationId': 'd'}, VALUE, 'MessageDeduplicationId'),
    )
    GOOD = {'MessageBody': 'body', 'DelaySeconds': 5, 'MessageGroupId': 'g',
            'MessageAttributes': {'s': ATTRIBUTE, 'b': {'DataType': 'Binary', 'BinaryValue': blob(b'\x00')}},
            'MessageSystemAttributes': {'AWSTraceHeader': {'DataType': 'String', 'StringValue': 'Root=1-5759e988-bd862e3fe1be46a994272793'}}}
    MEMBERS = ('MessageBody', 'DelaySeconds', 'MessageAttributes', 'MessageSystemAttributes', 'MessageDeduplicationId', 'MessageGroupId',
               *(f'Message{kind}Attributes.{of}' for kind in ('', 'System') for of in
                 ('StringValue', 'BinaryValue', 'StringListValues', 'BinaryListValues', 'DataType')))

    @shows('sqs SendMessage', *MEMBERS, 'sqs SendMessageBatch', 'Entries', 'Entries.Id', *('Entries.' + m for m in MEMBERS))
    def test_send(self):
        url = self.make()
        for bad, code, naming in self.BAD:
            with self.subTest(str(bad)):
                self.no(code, naming, 'SendMessage', QueueUrl=url, MessageBody='m', **bad)
                failed, = self.sqs('SendMessageBatch', QueueUrl=url, Entries=[{'Id': 'e', 'MessageBody': 'm', **bad}])['Failed']
                self.assertEqual(failed['Id'], 'e')
                self.assertIn(naming, failed['Message'])
        self.assertEqual(self.take(url), [])
        for send in (lambda: self.sqs('SendMessage', QueueUrl=url, **self.GOOD),
                     lambda: self.sqs('SendMessageBatch', QueueUrl=url, Entries=[{'Id': 'one', **self.GOOD}])['Successful'][0]):
            sent = send()
            self.assertEqual(self.take(url), [])
            self.advance(5100)
            m, = self.take(url, MessageSystemAttributeNames=['All'], MessageAttributeNames=['All'])
            self.assertEqual((m['Body'], m['MessageId']), ('body', sent['MessageId']))
            self.assertEqual(m['MessageAttributes'], self.GOOD['MessageAttributes'])
            self.assertEqual((m['Attributes']['MessageGroupId'], m['Attributes']['AWSTraceHeader']), ('g', 'Root=1-5759e988-bd862e3fe1be46a994272793'))
            self.assertEqual(sent.get('Id', 'one'), 'one')
            self.sqs('DeleteMessage', QueueUrl=url, ReceiptHandle=m['ReceiptHandle'])

    @shows('sqs ReceiveMessage', 'AttributeNames', 'MessageSystemAttributeNames', 'MessageAttributeNames', 'MaxNumberOfMessages',
           'VisibilityTimeout', 'WaitTimeSeconds', 'ReceiveRequestAttemptId')
    def test_receive(self):
        import time
        url = self.make()
        for i in range(4):
            self.put(url, str(i), MessageAttributes={'a': ATTRIBUTE, 'b': ATTRIBUTE})
        self.assertEqual(len(self.take(url, MaxNumberOfMessages=3, VisibilityTimeout=0)), 3)
        for names in ('AttributeNames', 'MessageSystemAttributeNames'):
            self.assertEqual(set(self.take(url, VisibilityTimeout=0, **{names: ['SenderId']})[0]['Attributes']), {'SenderId'})
        self.assertEqual(set(self.take(url, VisibilityTimeout=0, MessageAttributeNames=['a'])[0]['MessageAttributes']), {'a'})
        self.no(VALUE, 'ReceiveRequestAttemptId', 'ReceiveMessage', QueueUrl=url, ReceiveRequestAttemptId='x')
        self.assertEqual(len(self.take(url, MaxNumberOfMessages=10, VisibilityTimeout=100)), 4)
        self.advance(90000)
        began = time.monotonic()
        self.assertEqual(self.take(url, WaitTimeSeconds=1), [])
        self.assertGreater(time.monotonic() - began, 0.9)

    @shows('sqs ChangeMessageVisibility', 'ReceiptHandle', 'VisibilityTimeout', 'sqs DeleteMessage', 'ReceiptHandle',
           'sqs ChangeMessageVisibilityBatch', 'Entries', 'Entries.Id', 'Entries.ReceiptHandle', 'Entries.VisibilityTimeout',
           'sqs DeleteMessageBatch', 'Entries', 'Entries.Id', 'Entries.ReceiptHandle')
    def test_handles(self):
        url = self.make()
        self.put(url)
        h = self.take(url)[0]['ReceiptHandle']
        self.sqs('ChangeMessageVisibility', QueueUrl=url, ReceiptHandle=h, VisibilityTimeout=0)
        h = self.take(url)[0]['ReceiptHandle']
        done = self.sqs('ChangeMessageVisibilityBatch', QueueUrl=url, Entries=[
            {'Id': 'one', 'ReceiptHandle': h, 'VisibilityTimeout': 0}, {'Id': 'two', 'ReceiptHandle': 'x', 'VisibilityTimeout': 0}])
        self.assertEqual(([e['Id'] for e in done['Successful']], [e['Id'] for e in done['Failed']]), (['one'], ['two']))
        h = self.take(url)[0]['ReceiptHandle']
        for name, more in (('ChangeMessageVisibility', {'VisibilityTimeout': 0}), ('DeleteMessage', {})):
            self.no('ReceiptHandleIsInvalid', 'x', name, QueueUrl=url, ReceiptHandle='x', **more)
        done = self.sqs('DeleteMessageBatch', QueueUrl=url, Entries=[{'Id': 'one', 'ReceiptHandle': h}, {'Id': 'two', 'ReceiptHandle': 'x'}])
        self.assertEqual(([e['Id'] for e in done['Successful']], [e['Id'] for e in done['Failed']]), (['one'], ['two']))
        self.advance(60000)
        self.assertEqual(self.take(url), [])

    @shows('sqs SendMessage', 'MessageGroupId', 'MessageDeduplicationId', 'sqs SendMessageBatch', 'Entries.MessageGroupId', 'Entries.MessageDeduplicationId',
           'sqs ReceiveMessage', 'ReceiveRequestAttemptId')
    def test_fifo(self):
        url = self.make('q.fifo', FifoQueue='true')
        one = lambda **message: self.put(url, **message)     # noqa: E731

        def batch(**message):
            return self.sqs('SendMessageBatch', QueueUrl=url, Entries=[{'Id': 'e', 'MessageBody': 'm', **message}])['Successful'][0]
        for i, say in enumerate((one, batch)):
            ids = [say(MessageGroupId=f'g{i}', MessageDeduplicationId=d + str(i))['MessageId'] for d in 'dde']
            self.assertEqual((ids[0] == ids[1], ids[0] == ids[2]), (True, False))
            got, = self.take(url, MessageSystemAttributeNames=['All'])
            self.assertEqual((got['Attributes']['MessageGroupId'], got['Attributes']['MessageDeduplicationId']), (f'g{i}', f'd{i}'))
            self.assertEqual(self.take(url), [])             # the group's other message waits for this one
        self.no('MissingRequiredParameterException', 'MessageGroupId', 'SendMessage', QueueUrl=url, MessageBody='m', MessageDeduplicationId='f')
        self.no(VALUE, 'MessageDeduplicationId', 'SendMessage', QueueUrl=url, MessageBody='m', MessageGroupId='g')
        url = self.make('again.fifo', FifoQueue='true')
        self.put(url, MessageGroupId='g', MessageDeduplicationId='d')
        first = self.take(url, ReceiveRequestAttemptId='a')
        self.assertEqual((len(first), self.take(url, ReceiveRequestAttemptId='b'), self.take(url)), (1, [], []))
        self.assertEqual(self.take(url, ReceiveRequestAttemptId='a'), first)


class Moves(SqsCase):
    GONE = 'ResourceNotFoundException'

    def dead_letters(self, name, n):
        """A queue with n of its messages in its dead-letter queue -> (its URL, the dead-letter queue's ARN)."""
        dead = self.arn(self.make('dead-' + name))
        url = self.make(name, RedrivePolicy=json.dumps({'deadLetterTargetArn': dead, 'maxReceiveCount': 1}))
        for i in range(n):
            self.put(url, str(i))
        while self.take(url, MaxNumberOfMessages=10, VisibilityTimeout=1):
            pass
        self.advance(1001)
        self.assertEqual(self.take(url), [])
        return url, dead

    def visible(self, url):
        return int(self.attributes(url, 'ApproximateNumberOfMessages')['ApproximateNumberOfMessages'])

    def tasks(self, source, **more):
        return self.sqs('ListMessageMoveTasks', SourceArn=source, **more)['Results']

    def ended(self, source):
        return support.wait_until(lambda: [t for t in self.tasks(source) if t['Status'] != 'RUNNING'], what='the task over')[0]

    @shows('sqs StartMessageMoveTask', 'SourceArn', 'DestinationArn', 'MaxNumberOfMessagesPerSecond', 'sqs ListMessageMoveTasks', 'SourceArn', 'MaxResults',
           'sqs CancelMessageMoveTask', 'TaskHandle')
    def test_moves(self):
        url, dead = self.dead_letters('one', 5)
        _, other_dead = self.dead_letters('two', 1)
        other = self.make('other')
        for name in ('StartMessageMoveTask', 'ListMessageMoveTasks'):
            self.no(self.GONE, 'SourceArn', name, SourceArn=dead + 'x')
        self.no(self.GONE, 'DestinationArn', 'StartMessageMoveTask', SourceArn=dead, DestinationArn=self.arn(other) + 'x')
        self.no(VALUE, 'MaxNumberOfMessagesPerSecond', 'StartMessageMoveTask', SourceArn=dead, MaxNumberOfMessagesPerSecond=501)
        self.assertEqual(self.tasks(dead), [])

        handle = self.sqs('StartMessageMoveTask', SourceArn=dead, DestinationArn=self.arn(other), MaxNumberOfMessagesPerSecond=1)['TaskHandle']
        self.advance(1000)                                   # one message and not yet all five
        support.wait_until(lambda: self.tasks(dead)[0]['ApproximateNumberOfMessagesMoved'] >= 1, what='a message moved')
        self.assertIn(self.visible(other), range(1, 5))
        self.assertEqual((self.visible(url), self.tasks(dead)[0]['Status'], self.tasks(other_dead)), (0, 'RUNNING', []))
        self.no(VALUE, 'TaskHandle', 'CancelMessageMoveTask', TaskHandle='x')
        self.no(self.GONE, 'Task', 'CancelMessageMoveTask', TaskHandle=blob(json.dumps({'taskId': 'x', 'sourceArn': dead}).encode()))
        moved = self.sqs('CancelMessageMoveTask', TaskHandle=handle)['ApproximateNumberOfMessagesMoved']
        self.assertEqual((self.tasks(dead)[0]['Status'], self.visible(other)), ('CANCELLED', moved))
        self.advance(10_000)
        self.assertEqual(self.visible(other), moved)

        self.sqs('StartMessageMoveTask', SourceArn=dead)     # the rest, where it came from and without waiting
        task = self.ended(dead)
        self.assertEqual((task['Status'], self.visible(url), self.visible(other)), ('COMPLETED', 5 - moved, moved))
        self.assertEqual([len(self.tasks(dead, **more)) for more in ({}, {'MaxResults': 1}, {'MaxResults': 2})], [1, 1, 2])
        self.no(VALUE, 'MaxResults', 'ListMessageMoveTasks', SourceArn=dead, MaxResults=11)


if __name__ == '__main__':
    support.main()
