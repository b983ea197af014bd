#!/usr/bin/python3
"""SQS FIFO queues, message move tasks and queue policies: through boto3 1.26 and AWS CLI 2.9 (query protocol), through JSON
where those clients do not know the operation; and what a kill leaves of them."""
import base64
import http.client
import json
import random
import signal
import threading
import time
import unittest

import support
from support import ACCOUNT, REGION

VISIBLE, IN_FLIGHT = 'ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'


def arn(name):
    return f'arn:aws:sqs:{REGION}:{ACCOUNT}:{name}'


class FifoCase(support.ServerCase):
    names = 0

    def setUp(self):
        super().setUp()
        self.sqs = self.client('sqs')

    def new(self, **attributes):
        FifoCase.names += 1
        self.name = f'q{FifoCase.names}.fifo'
        return self.sqs.create_queue(QueueName=self.name, Attributes={'FifoQueue': 'true', **attributes})['QueueUrl']

    def send(self, url, body, group='g', deduplication=None, **kw):
        return self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group,
                                     MessageDeduplicationId=deduplication or body, **kw)

    def take(self, url, n=10, **kw):
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=n, AttributeNames=['All'], **kw).get('Messages', [])

    def bodies(self, url, n=10, **kw):
        return ''.join(m['Body'] for m in self.take(url, n, **kw))

    def call(self, op, **params):
        return self.json(f'AmazonSQS.{op}', params, '1.0')

    def dead_letters(self, n, source='source', dead='dead', **fifo):
        """n messages of `source` in `dead`, its dead-letter queue."""
        if fifo:
            source, dead = source + '.fifo', dead + '.fifo'
        dead_url = self.sqs.create_queue(QueueName=dead, Attributes=fifo)['QueueUrl']
        policy = json.dumps({'deadLetterTargetArn': arn(dead), 'maxReceiveCount': 1})
        url = self.sqs.create_queue(QueueName=source, Attributes={**fifo, 'RedrivePolicy': policy})['QueueUrl']
        for i in range(n):
            more = {'MessageGroupId': f'g{i % 2}', 'MessageDeduplicationId': str(i)} if fifo else {}
            self.sqs.send_message(QueueUrl=url, MessageBody=str(i), **more)
        while self.take(url, VisibilityTimeout=1):
            pass
        self.advance(1000)
        self.assertEqual(self.take(url), [])
        return url, dead_url


class Fifo(FifoCase):
    def test_attributes_of_a_fresh_queue(self):
        url = self.new()
        got = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes']
        for name in ('CreatedTimestamp', 'LastModifiedTimestamp'):
            self.assertRegex(got.pop(name), r'^\d{10}$')
        self.assertEqual(got, {
            VISIBLE: '0', IN_FLIGHT: '0', 'ApproximateNumberOfMessagesDelayed': '0', 'ContentBasedDeduplication': 'false',
            'DeduplicationScope': 'queue', 'DelaySeconds': '0', 'FifoQueue': 'true', 'FifoThroughputLimit': 'perQueue',
            'MaximumMessageSize': '1048576', 'MessageRetentionPeriod': '345600', 'QueueArn': arn(self.name),
            'ReceiveMessageWaitTimeSeconds': '0', 'SqsManagedSseEnabled': 'true', 'VisibilityTimeout': '30'})

    def test_a_whole_message(self):
        url = self.new()
        sent = self.send(url, 'hello', 'group', 'once')
        self.assertEqual(set(sent) - {'ResponseMetadata'}, {'MD5OfMessageBody', 'MessageId', 'SequenceNumber'})
        self.assertRegex(sent['SequenceNumber'], r'^\d{20}$')
        message, = self.take(url)
        attributes = message.pop('Attributes')
        for name in ('SentTimestamp', 'ApproximateFirstReceiveTimestamp'):
            self.assertRegex(attributes.pop(name), r'^\d{13}$')
        self.assertEqual(attributes, {
            'SenderId': ACCOUNT, 'ApproximateReceiveCount': '1', 'MessageGroupId': 'group', 'MessageDeduplicationId': 'once',
            'SequenceNumber': sent['SequenceNumber']})
        self.assertEqual({k: v for k, v in message.items() if k != 'ReceiptHandle'}, {
            'MessageId': sent['MessageId'], 'Body': 'hello', 'MD5OfBody': sent['MD5OfMessageBody']})

    def test_duplicates(self):
        url = self.new(ContentBasedDeduplication='true')
        first = self.sqs.send_message(QueueUrl=url, MessageBody='m', MessageGroupId='g')
        again = self.sqs.send_message(QueueUrl=url, MessageBody='m', MessageGroupId='h')
        for name in ('MessageId', 'SequenceNumber', 'MD5OfMessageBody'):
            self.assertEqual(first[name], again[name])
        self.assertEqual(self.bodies(url), 'm')
        self.advance(5 * 60 * 1000)
        self.assertNotEqual(self.sqs.send_message(QueueUrl=url, MessageBody='m', MessageGroupId='g')['MessageId'],
                            first['MessageId'])

    def test_texts(self):
        url = self.new()
        send = self.sqs.send_message
        self.assertFault('MissingParameter', send, QueueUrl=url, MessageBody='m', MessageDeduplicationId='d', status=400,
                         message='The request must contain the parameter MessageGroupId.')
        self.assertFault('InvalidParameterValue', send, QueueUrl=url, MessageBody='m', MessageGroupId='g', status=400,
                         message='The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId '
                                 'provided explicitly')
        self.assertFault('InvalidParameterValue', self.send, url, 'm', DelaySeconds=1, status=400,
                         message='Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter that is '
                                 'not valid for this queue type.')
        for name in ('MessageGroupId', 'MessageDeduplicationId'):
            for bad in ('', 'a b', 'ä', 'x' * 129):
                ids = {'MessageGroupId': 'g', 'MessageDeduplicationId': 'd', name: bad}
                self.assertFault('InvalidParameterValue', send, QueueUrl=url, MessageBody='m', **ids, status=400,
                                 message=f'Value {bad} for parameter {name} is invalid. Reason: {name} can only include '
                                         'alphanumeric and punctuation characters. 1 to 128 in length.')
        entry = {'Id': '1', 'MessageBody': 'm'}
        self.assertFault('InvalidParameterValue', self.sqs.send_message_batch, QueueUrl=url,
                         Entries=[{**entry, 'MessageDeduplicationId': 'd'}], status=400,
                         message='The request must contain the parameter MessageGroupId.')
        self.assertEqual(self.take(url), [])

    def test_expired_handle(self):
        url = self.new()
        self.send(url, 'a')
        handle = self.take(url, VisibilityTimeout=5)[0]['ReceiptHandle']
        self.advance(5000)
        text = f'Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.'
        self.assertFault('InvalidParameterValue', self.sqs.delete_message, QueueUrl=url, ReceiptHandle=handle, message=text)
        failed, = self.sqs.delete_message_batch(QueueUrl=url, Entries=[{'Id': 'x', 'ReceiptHandle': handle}])['Failed']
        self.assertEqual(failed, {'Id': 'x', 'SenderFault': True, 'Code': 'InvalidParameterValue', 'Message': text})

    def test_many_consumers_see_every_group_in_order(self):
        url = self.new()
        groups = {f'g{i}': [f'{i}-{n}' for n in range(20)] for i in range(6)}
        line = [(g, b) for g, bodies in groups.items() for b in bodies]
        random.shuffle(line)
        line.sort(key=lambda pair: int(pair[1].split('-')[1]))
        for i in range(0, len(line), 10):
            self.sqs.send_message_batch(QueueUrl=url, Entries=[
                {'Id': str(k), 'MessageBody': b, 'MessageGroupId': g, 'MessageDeduplicationId': b}
                for k, (g, b) in enumerate(line[i:i + 10])])
        seen, lock = [], threading.Lock()

        def consume():
            sqs = self.client('sqs')
            while True:
                messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, WaitTimeSeconds=1,
                                               AttributeNames=['MessageGroupId']).get('Messages', [])
                if not messages:
                    return
                with lock:
                    seen.extend((m['Attributes']['MessageGroupId'], m['Body']) for m in messages)
                for m in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=m['ReceiptHandle'])
        consumers = [threading.Thread(target=consume) for _ in range(4)]
        for c in consumers:
            c.start()
        for c in consumers:
            c.join()
        for group, bodies in groups.items():
            self.assertEqual([b for g, b in seen if g == group], bodies)

    def test_a_long_poll_wakes_when_its_group_is_free(self):
        url = self.new()
        self.send(url, 'a')
        first, = self.take(url)
        self.send(url, 'b')
        answer = []
        poll = threading.Thread(target=lambda: answer.append((self.bodies(url, WaitTimeSeconds=20), time.monotonic())))
        poll.start()
        time.sleep(0.3)
        self.assertEqual(answer, [])
        freed = time.monotonic()
        self.client('sqs', region=REGION).delete_message(QueueUrl=url, ReceiptHandle=first['ReceiptHandle'])
        poll.join(5)
        self.assertEqual(answer[0][0], 'b')
        self.assertLess(answer[0][1] - freed, 2)

    def test_attempt_id(self):
        url = self.new()
        self.send(url, 'a')
        ask = {'QueueUrl': url, 'ReceiveRequestAttemptId': 'one'}
        first = self.sqs.receive_message(**ask)['Messages']
        self.assertEqual(self.take(url), [])
        self.assertEqual(self.sqs.receive_message(**ask)['Messages'], first)

    def test_cli(self):
        url = self.aws('sqs', 'create-queue', '--queue-name', 'cli.fifo', '--attributes', 'FifoQueue=true')['QueueUrl']
        first = self.aws('sqs', 'send-message', '--queue-url', url, '--message-body', 'm', '--message-group-id', 'g',
                         '--message-deduplication-id', 'd')
        got, = self.aws('sqs', 'receive-message', '--queue-url', url, '--attribute-names', 'All')['Messages']
        self.assertEqual(got['Attributes']['SequenceNumber'], first['SequenceNumber'])
        self.aws('sqs', 'delete-message', '--queue-url', url, '--receipt-handle', got['ReceiptHandle'])


class MoveTasks(FifoCase):
    """JSON: boto3 1.26 and CLI 2.9 are older than these operations."""

    def tearDown(self):
        self.reset()
        super().tearDown()

    def ok(self, op, **params):
        status, _, body = self.call(op, **params)
        self.assertEqual(status, 200, body)
        return body

    def test_back(self):
        url, dead = self.dead_letters(300)
        handle = self.ok('StartMessageMoveTask', SourceArn=arn('dead'))['TaskHandle']
        self.assertEqual(set(json.loads(base64.b64decode(handle))), {'taskId', 'sourceArn'})
        self.settle(advance=True)
        task, = self.ok('ListMessageMoveTasks', SourceArn=arn('dead'))['Results']
        self.assertRegex(str(task.pop('StartedTimestamp')), r'^\d{13}$')
        self.assertEqual(task, {'Status': 'COMPLETED', 'SourceArn': arn('dead'), 'ApproximateNumberOfMessagesMoved': 300,
                                'ApproximateNumberOfMessagesToMove': 300})
        self.assertEqual(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[VISIBLE])['Attributes'], {VISIBLE: '300'})
        self.assertEqual(self.bodies(url, 3), '012')
        self.assertEqual(self.take(dead), [])

    def test_rate_and_cancel(self):
        _, dead = self.dead_letters(20)
        self.sqs.create_queue(QueueName='other')
        handle = self.ok('StartMessageMoveTask', SourceArn=arn('dead'), DestinationArn=arn('other'),
                         MaxNumberOfMessagesPerSecond=1)['TaskHandle']
        self.advance(3000)
        task, = self.ok('ListMessageMoveTasks', SourceArn=arn('dead'))['Results']
        self.assertEqual((task['Status'], task['TaskHandle'], task['DestinationArn'], task['MaxNumberOfMessagesPerSecond']),
                         ('RUNNING', handle, arn('other'), 1))
        moved = self.ok('CancelMessageMoveTask', TaskHandle=handle)['ApproximateNumberOfMessagesMoved']
        self.assertIn(moved, (3, 4))
        self.assertEqual(self.ok('ListMessageMoveTasks', SourceArn=arn('dead'))['Results'][0]['Status'], 'CANCELLED')
        left = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=[VISIBLE])['Attributes'][VISIBLE]
        self.assertEqual(int(left), 20 - moved)

    def test_fifo(self):
        url, _ = self.dead_letters(10, FifoQueue='true')
        self.ok('StartMessageMoveTask', SourceArn=arn('dead.fifo'))
        self.settle(advance=True)
        self.assertEqual(self.bodies(url), '0246813579')

    def test_errors(self):
        self.dead_letters(0)
        for op, params, kind, text, want in (
                ('StartMessageMoveTask', {}, 'MissingRequiredParameterException',
                 'The request must contain the parameter SourceArn.', 400),
                ('StartMessageMoveTask', {'SourceArn': arn('none')}, 'ResourceNotFoundException',
                 "The resource that you specified for the SourceArn parameter doesn't exist.", 400),
                ('StartMessageMoveTask', {'SourceArn': arn('source')}, 'InvalidParameterValueException',
                 'Source queue must be configured as a Dead Letter Queue.', 400),
                ('StartMessageMoveTask', {'SourceArn': arn('dead'), 'DestinationArn': arn('none')}, 'ResourceNotFoundException',
                 "The resource that you specified for the DestinationArn parameter doesn't exist.", 400),
                ('CancelMessageMoveTask', {'TaskHandle': 'x'}, 'InvalidParameterValueException',
                 'Value for parameter TaskHandle is invalid.', 400),
                ('CancelMessageMoveTask', {'TaskHandle': base64.b64encode(
                    json.dumps({'taskId': 'x', 'sourceArn': arn('dead')}).encode()).decode()}, 'ResourceNotFoundException',
                 'Task does not exist.', 400)):
            with self.subTest(op=op, **params):
                status, _, body = self.call(op, **params)
                self.assertEqual((status, body['__type'].split('#')[-1], body['message']), (want, kind, text))


class Policies(FifoCase):
    """What a queue's policy says counts for callers that IAM judges; a person at the keyboard may do everything."""

    def session(self, policy):
        self.role('caller', policy, {'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{ACCOUNT}:root'}, 'Action': 'sts:AssumeRole'}]})
        c = self.client('sts').assume_role(RoleArn=f'arn:aws:iam::{ACCOUNT}:role/caller', RoleSessionName='session')['Credentials']
        return self.client('sqs', key=c['AccessKeyId'], secret=c['SecretAccessKey'], token=c['SessionToken'])

    def test_allow_and_deny(self):
        url = self.new(ContentBasedDeduplication='true')
        sqs = self.session(False)
        send = {'QueueUrl': url, 'MessageBody': 'm', 'MessageGroupId': 'g'}
        self.assertFault('AccessDenied', sqs.send_message, **send)
        statement = {'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{ACCOUNT}:role/caller'}, 'Action': 'sqs:SendMessage',
                     'Resource': arn(self.name)}
        document = {'Version': '2012-10-17', 'Statement': [statement]}
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps(document)})
        sqs.send_message(**send)
        self.assertFault('AccessDenied', sqs.receive_message, QueueUrl=url)
        statement.update(Effect='Deny', Principal='*')
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps(document)})
        sqs = self.session([{'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*'}])
        self.assertFault('AccessDenied', sqs.send_message, **send)
        sqs.receive_message(QueueUrl=url)
        self.sqs.send_message(**send)

    def test_malformed(self):
        for bad in ('{', '[]', '{"Statement":[{"Effect":"Maybe"}]}'):
            self.assertFault('InvalidAttributeValue', self.sqs.create_queue, QueueName='p', Attributes={'Policy': bad}, status=400,
                             message='Invalid value for the parameter Policy.')
        url = self.new()
        self.assertFault('InvalidAttributeValue', self.sqs.set_queue_attributes, QueueUrl=url, Attributes={'Policy': '{'},
                         message='Invalid value for the parameter Policy.')


class Crash(support.DataCase, FifoCase):
    """Killed at random moments: what was acknowledged is there, once, in its order; and a duplicate is one afterwards too."""

    def post(self, connection, op, params):
        connection.request('POST', '/', json.dumps(params), {
            'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': f'AmazonSQS.{op}',
            'Authorization': support.authorization('sqs')})
        reply = connection.getresponse()
        body = json.loads(reply.read() or b'{}')
        self.assertEqual(reply.status, 200, body)
        return body

    def test_killed(self):
        name = 'crash.fifo'
        url = self.sqs.create_queue(QueueName=name, Attributes={'FifoQueue': 'true'})['QueueUrl']
        acknowledged, doubtful, deleted = [], set(), []
        number = 0
        for _ in range(12):
            killer = threading.Timer(random.uniform(0.05, 0.3), self.server.kill)
            connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=20)
            killer.start()
            try:
                while True:
                    body = str(number)
                    doubtful.add(body)
                    number += 1
                    sent = self.post(connection, 'SendMessage', {
                        'QueueUrl': url, 'MessageBody': body, 'MessageGroupId': f'g{random.randrange(3)}',
                        'MessageDeduplicationId': body})
                    doubtful.remove(body)
                    acknowledged.append((sent['SequenceNumber'], body, sent['MessageId']))
            except (OSError, http.client.HTTPException):
                pass
            killer.join()
            self.server.process.wait()
            self.server.remove()
            self.start_server()
            connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=20)
            for sequence, body, message_id in random.sample(acknowledged, min(20, len(acknowledged))):
                again = self.post(connection, 'SendMessage', {
                    'QueueUrl': url, 'MessageBody': body, 'MessageGroupId': 'other', 'MessageDeduplicationId': body})
                self.assertEqual((again['SequenceNumber'], again['MessageId']), (sequence, message_id))
            for m in self.post(connection, 'ReceiveMessage', {'QueueUrl': url, 'MaxNumberOfMessages': 4}).get('Messages', []):
                self.post(connection, 'DeleteMessage', {'QueueUrl': url, 'ReceiptHandle': m['ReceiptHandle']})
                deleted.append(m['Body'])
            connection.close()
        self.assertGreater(len(acknowledged), 100)
        self.assertEqual([a[0] for a in acknowledged], sorted(a[0] for a in acknowledged))
        left = []
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=20)
        while True:
            messages = self.post(connection, 'ReceiveMessage', {
                'QueueUrl': url, 'MaxNumberOfMessages': 10, 'VisibilityTimeout': 43200,
                'MessageSystemAttributeNames': ['MessageGroupId']}).get('Messages', [])
            if not messages:
                break
            for m in messages:
                left.append((m['Attributes']['MessageGroupId'], int(m['Body'])))
                self.post(connection, 'DeleteMessage', {'QueueUrl': url, 'ReceiptHandle': m['ReceiptHandle']})
        connection.close()
        got = [str(n) for _, n in left] + deleted
        self.assertEqual(len(got), len(set(got)), 'nothing twice')
        self.assertEqual({a[1] for a in acknowledged} - set(got), set(), 'nothing acknowledged is lost')
        self.assertEqual(set(got) - {a[1] for a in acknowledged} - doubtful, set(), 'nothing that nobody sent')
        for group in {g for g, _ in left}:
            numbers = [n for g, n in left if g == group]
            self.assertEqual(numbers, sorted(numbers))
        self.server.stop(signal.SIGTERM)
        self.start_server()


if __name__ == '__main__':
    support.main()
