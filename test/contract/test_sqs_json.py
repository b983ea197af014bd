#!/usr/bin/python3
"""SQS as today's SDKs speak it: JSON 1.0, errors with both names.  Raw requests, whole replies compared."""
import hashlib
import json
import re
import time
from urllib.parse import urlencode

import support
from support import ACCOUNT

NO_QUEUE = {'__type': 'com.amazonaws.sqs#QueueDoesNotExist', 'message': 'The specified queue does not exist.'}


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class JsonCase(support.ServerCase):
    names = 0

    def call(self, op, query_mode=True, key='test', **params):
        return self.json(f'AmazonSQS.{op}', params, key=key, headers={'x-amzn-query-mode': 'true'} if query_mode else {})

    def ok(self, op, **params):
        status, headers, body = self.call(op, **params)
        self.assertEqual(status, 200, body)
        self.assertRegex(headers['x-amzn-RequestId'], r'^[0-9a-f-]{36}$')
        return body

    def assertError(self, reply, type_, code, message, status=400, fault='Sender'):
        got_status, headers, body = reply
        self.assertEqual(body, {'__type': f'com.amazonaws.sqs#{type_}', 'message': message})
        self.assertEqual((got_status, headers['x-amzn-query-error']), (status, f'{code};{fault}'))
        self.assertEqual(headers['content-type'], 'application/x-amz-json-1.0')

    def new(self, **attributes):
        JsonCase.names += 1
        self.name = f'j{JsonCase.names}'
        return self.ok('CreateQueue', QueueName=self.name, Attributes={k: str(v) for k, v in attributes.items()})['QueueUrl']


class Errors(JsonCase):
    def test_old_and_new_name(self):
        for query_mode in (True, False):
            reply = self.call('GetQueueUrl', query_mode, QueueName='none')
            self.assertError(reply, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue', NO_QUEUE['message'])
        self.assertError(self.call('SendMessage', QueueUrl='none', MessageBody='x'), 'QueueDoesNotExist',
                         'AWS.SimpleQueueService.NonExistentQueue', NO_QUEUE['message'])

    def test_status_with_and_without_query_mode(self):
        url = self.new()
        self.ok('PurgeQueue', QueueUrl=url)
        text = f'Only one PurgeQueue operation on {self.name} is allowed every 60 seconds.'
        code = 'AWS.SimpleQueueService.PurgeQueueInProgress'
        self.assertError(self.call('PurgeQueue', QueueUrl=url), 'PurgeQueueInProgress', code, text, 403)
        self.assertError(self.call('PurgeQueue', False, QueueUrl=url), 'PurgeQueueInProgress', code, text, 400)

    def test_missing_parameters(self):
        url = self.new()
        for op, params, name in (
                ('SendMessage', {}, 'QueueUrl'), ('SendMessage', {'QueueUrl': url}, 'MessageBody'),
                ('SendMessage', {'QueueUrl': url, 'MessageBody': ''}, 'MessageBody'), ('CreateQueue', {}, 'QueueName'),
                ('GetQueueUrl', {}, 'QueueName'), ('DeleteMessage', {'QueueUrl': url}, 'ReceiptHandle'),
                ('ReceiveMessage', {}, 'QueueUrl'), ('TagQueue', {'QueueUrl': url}, 'Tags'),
                ('UntagQueue', {'QueueUrl': url}, 'TagKeys'), ('RemovePermission', {'QueueUrl': url}, 'Label'),
                ('ChangeMessageVisibility', {'QueueUrl': url, 'ReceiptHandle': 'h'}, 'VisibilityTimeout')):
            with self.subTest(op=op, name=name):
                self.assertError(self.call(op, **params), 'MissingRequiredParameterException', 'MissingParameter',
                                 f'The request must contain the parameter {name}.')

    def test_unknown_operations(self):
        status, _, body = self.call('Nonsense')
        self.assertEqual((status, body['__type'].split('#')[-1]), (400, 'UnknownOperationException'))

    def test_not_json(self):
        status, _, body = self.json('AmazonSQS.SendMessage', b'{"QueueUrl":')
        self.assertEqual((status, body['__type'].split('#')[-1]), (400, 'SerializationException'))

    def test_unknown_members_are_ignored(self):
        url = self.new()
        self.ok('SendMessage', QueueUrl=url, MessageBody='x', Unknown={'a': [1]})

    def test_parameter_values(self):
        url = self.new()
        for params, name, value, reason in (
                ({'MaxNumberOfMessages': 11}, 'MaxNumberOfMessages', 11, 'Must be between 1 and 10, if provided.'),
                ({'WaitTimeSeconds': 21}, 'WaitTimeSeconds', 21, 'Must be >= 0 and <= 20, if provided.'),
                ({'VisibilityTimeout': 43201}, 'VisibilityTimeout', 43201, 'Must be between 0 and 43200, if provided.'),
                ({'ReceiveRequestAttemptId': 'a'}, 'ReceiveRequestAttemptId', 'a',
                 'The request includes a parameter that is not valid for this queue type.')):
            self.assertError(self.call('ReceiveMessage', QueueUrl=url, **params), 'InvalidParameterValueException',
                             'InvalidParameterValue', f'Value {value} for parameter {name} is invalid. Reason: {reason}')

    def test_handles(self):
        url = self.new()
        text = 'The input receipt handle "x" is not a valid receipt handle.'
        self.assertError(self.call('DeleteMessage', QueueUrl=url, ReceiptHandle='x'), 'ReceiptHandleIsInvalid',
                         'ReceiptHandleIsInvalid', text, 404)

    def test_fifo(self):
        self.assertError(self.call('CreateQueue', QueueName='a.fifo', Attributes={'FifoQueue': 'false'}), 'InvalidAttributeName',
                         'InvalidAttributeName', 'Unknown Attribute FifoQueue.')
        _, _, body = self.call('CreateQueue', QueueName='a.fifo', Attributes={'FifoQueue': 'true'})
        self.assertError(self.call('SendMessage', QueueUrl=body['QueueUrl'], MessageBody='m', MessageDeduplicationId='d'),
                         'MissingRequiredParameterException', 'MissingParameter',
                         'The request must contain the parameter MessageGroupId.')

    def test_batches(self):
        url = self.new()
        for op, entry in (('SendMessageBatch', 'SendMessageBatchRequestEntry'), ('DeleteMessageBatch', 'DeleteMessageBatchRequestEntry'),
                          ('ChangeMessageVisibilityBatch', 'ChangeMessageVisibilityBatchRequestEntry')):
            self.assertError(self.call(op, QueueUrl=url, Entries=[]), 'EmptyBatchRequest',
                             'AWS.SimpleQueueService.EmptyBatchRequest', f'There should be at least one {entry} in the request.')
            self.assertError(self.call(op, QueueUrl=url, Entries=[{'Id': 'a'}] * 11), 'TooManyEntriesInBatchRequest',
                             'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
                             'Maximum number of entries per request are 10. You have sent 11.')
            self.assertError(self.call(op, QueueUrl=url, Entries=[{'Id': 'a'}] * 2), 'BatchEntryIdsNotDistinct',
                             'AWS.SimpleQueueService.BatchEntryIdsNotDistinct', 'Id a repeated.')
            self.assertError(self.call(op, QueueUrl=url, Entries=[{}]), 'InvalidBatchEntryId',
                             'AWS.SimpleQueueService.InvalidBatchEntryId',
                             'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be '
                             'at most 80 letters long.')


class Replies(JsonCase):
    def test_a_life(self):
        url = self.new(VisibilityTimeout='7')
        self.assertEqual(url, f'{self.endpoint}/{ACCOUNT}/{self.name}')
        self.assertEqual(self.ok('GetQueueUrl', QueueName=self.name), {'QueueUrl': url})
        sent = self.ok('SendMessage', QueueUrl=url, MessageBody='b', MessageAttributes={
            'k': {'DataType': 'Binary', 'BinaryValue': 'AP8='}})
        message_id, digest = sent.pop('MessageId'), sent.pop('MD5OfMessageAttributes')
        self.assertEqual(sent, {'MD5OfMessageBody': md5('b')})
        got = self.ok('ReceiveMessage', QueueUrl=url, MessageAttributeNames=['All'])
        handle = got['Messages'][0].pop('ReceiptHandle')
        self.assertEqual(got, {'Messages': [{
            'MessageId': message_id, 'MD5OfBody': md5('b'), 'Body': 'b', 'MD5OfMessageAttributes': digest,
            'MessageAttributes': {'k': {'BinaryValue': 'AP8=', 'DataType': 'Binary'}}}]})
        for op, params in (('ChangeMessageVisibility', {'ReceiptHandle': handle, 'VisibilityTimeout': 5}),
                           ('DeleteMessage', {'ReceiptHandle': handle}), ('ReceiveMessage', {}),
                           ('SetQueueAttributes', {'Attributes': {'DelaySeconds': '1'}}), ('TagQueue', {'Tags': {'a': 'b'}}),
                           ('UntagQueue', {'TagKeys': ['a']}), ('ListQueueTags', {}), ('GetQueueAttributes', {}),
                           ('DeleteQueue', {})):
            self.assertEqual(self.ok(op, QueueUrl=url, **params), {}, op)

    def test_old_and_new_attribute_names_are_one(self):
        url = self.new(VisibilityTimeout='0')
        self.ok('SendMessage', QueueUrl=url, MessageBody='b')
        for params, names in (({'AttributeNames': ['SenderId']}, {'SenderId'}),
                              ({'MessageSystemAttributeNames': ['SenderId']}, {'SenderId'}),
                              ({'AttributeNames': ['SenderId'], 'MessageSystemAttributeNames': ['SentTimestamp']},
                               {'SenderId', 'SentTimestamp'})):
            message = self.ok('ReceiveMessage', QueueUrl=url, **params)['Messages'][0]
            self.assertEqual(set(message['Attributes']), names)

    def test_query_takes_the_new_list_alone(self):
        url = self.new(VisibilityTimeout='0')
        self.ok('SendMessage', QueueUrl=url, MessageBody='b')
        for extra, names in (({'AttributeName.1': 'SenderId'}, [b'SenderId']),
                             ({'AttributeName.1': 'SenderId', 'MessageSystemAttributeName.1': 'SentTimestamp'}, [b'SentTimestamp'])):
            status, headers, body = self.query('sqs', {'Action': 'ReceiveMessage', 'Version': '2012-11-05', 'QueueUrl': url, **extra})
            self.assertEqual((status, headers['content-type']), (200, 'text/xml'))
            self.assertEqual(re.findall(rb'<Attribute><Name>(\w+)</Name>', body), names)

    def test_batch(self):
        url = self.new()
        got = self.ok('SendMessageBatch', QueueUrl=url, Entries=[{'Id': 'a', 'MessageBody': 'x'}, {'Id': 'b'}])
        self.assertEqual(len(got['Successful'][0].pop('MessageId')), 36)
        self.assertEqual(got, {'Successful': [{'Id': 'a', 'MD5OfMessageBody': md5('x')}],
                               'Failed': [{'Id': 'b', 'SenderFault': True, 'Code': 'MissingParameter',
                                           'Message': 'The request must contain the parameter MessageBody.'}]})

    def test_list(self):
        for name in ('list-b', 'list-a'):
            self.ok('CreateQueue', QueueName=name)
        urls = [f'{self.endpoint}/{ACCOUNT}/list-{c}' for c in 'ab']
        self.assertEqual(self.ok('ListQueues', QueueNamePrefix='list-'), {'QueueUrls': urls})
        self.assertEqual(self.ok('ListQueues', QueueNamePrefix='nothing-'), {})
        got = self.ok('ListQueues', QueueNamePrefix='list-', MaxResults=1)
        self.assertEqual(got['QueueUrls'], urls[:1])
        self.assertEqual(self.ok('ListQueues', QueueNamePrefix='list-', MaxResults=2, NextToken=got['NextToken']),
                         {'QueueUrls': urls[1:]})

    def test_dead_letter_sources(self):
        dlq, name = self.new(), self.name
        self.assertEqual(self.ok('ListDeadLetterSourceQueues', QueueUrl=dlq), {'queueUrls': []})
        policy = json.dumps({'deadLetterTargetArn': f'arn:aws:sqs:us-east-1:{ACCOUNT}:{name}', 'maxReceiveCount': 1})
        source = self.new(RedrivePolicy=policy)
        self.assertEqual(self.ok('ListDeadLetterSourceQueues', QueueUrl=dlq), {'queueUrls': [source]})

    def test_big_escaped_body(self):
        url = self.new()
        body = '\n' * 1048576                                # 2 MiB of JSON, 3 MiB of form
        self.assertEqual(self.ok('SendMessage', QueueUrl=url, MessageBody=body)['MD5OfMessageBody'], md5(body))
        status, _, answer = self.query('sqs', {'Action': 'SendMessage', 'Version': '2012-11-05', 'QueueUrl': url, 'MessageBody': body})
        self.assertEqual(status, 200, answer)

    def test_long_poll_ends_empty(self):
        url = self.new()
        began = time.monotonic()
        self.assertEqual(self.ok('ReceiveMessage', QueueUrl=url, WaitTimeSeconds=1), {})
        self.assertGreater(time.monotonic() - began, 0.9)


class QueueUrlPath(JsonCase):
    def test_query_on_the_queue_url_itself(self):
        url = self.new()
        path = url[len(self.endpoint):]
        headers = {'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': support.authorization('sqs')}
        status, _, body = self.http('POST', path, headers, urlencode({'Action': 'SendMessage', 'MessageBody': 'x', 'Version': '2012-11-05'}))
        self.assertEqual(status, 200, body)
        self.assertIn(f'<MD5OfMessageBody>{md5("x")}</MD5OfMessageBody>'.encode(), body)
        self.assertEqual(self.ok('ReceiveMessage', QueueUrl=url)['Messages'][0]['Body'], 'x')


class AwsCli(JsonCase):
    def test_a_life(self):
        url = self.aws('sqs', 'create-queue', '--queue-name', 'cli')['QueueUrl']
        sent = self.aws('sqs', 'send-message', '--queue-url', url, '--message-body', 'hello', '--message-attributes',
                        json.dumps({'k': {'DataType': 'String', 'StringValue': 'v'}}))
        self.assertEqual(sent['MD5OfMessageBody'], md5('hello'))
        message, = self.aws('sqs', 'receive-message', '--queue-url', url, '--attribute-names', 'All',
                            '--message-attribute-names', 'All')['Messages']
        self.assertEqual((message['Body'], message['MessageAttributes']), ('hello', {'k': {'StringValue': 'v', 'DataType': 'String'}}))
        self.aws('sqs', 'delete-message', '--queue-url', url, '--receipt-handle', message['ReceiptHandle'])
        failed = self.run_aws('sqs', 'get-queue-url', '--queue-name', 'none')
        self.assertIn('(AWS.SimpleQueueService.NonExistentQueue)', failed.stderr)
        self.assertIn('The specified queue does not exist for this wsdl version.', failed.stderr)


if __name__ == '__main__':
    support.main()
