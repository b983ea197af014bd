#!/usr/bin/python3
"""Requests that could hold the one event loop: what they are answered, and that everybody else goes on.

How long the loop was held is a figure and stands in bench/run (stall); here stand the limits that keep the work small.
"""
import http.client
import json
import socket

import support

TAGS = {f't{i}': '' for i in range(50000)}
LONG = 'x' * 300000                                          # decoded on a pool thread


class Limits(support.ServerCase):
    """AWS's limit is said before every one is compared with every other."""

    def target(self, name, params, version='1.0'):
        status, headers, body = self.json(name, params, version)
        return status, body

    def test_tags_of_a_queue(self):
        url = self.queue('q')[0]
        for name, params in (('TagQueue', {'QueueUrl': url, 'Tags': TAGS}), ('CreateQueue', {'QueueName': 'other', 'tags': TAGS})):
            status, body = self.target('AmazonSQS.' + name, params)
            self.assertEqual((status, body['message']), (400, 'A queue can have at most 50 tags.'), name)

    def test_tags_of_a_topic(self):
        arn = self.client('sns').create_topic(Name='t')['TopicArn']
        tags = {f'Tags.member.{i}.{k}': f'{i}' for i in range(9000) for k in ('Key', 'Value')}
        for action, more in (('TagResource', {'ResourceArn': arn}), ('CreateTopic', {'Name': 'other'})):
            reply = self.query('sns', {'Action': action, 'Version': '2010-03-31', **more, **tags})
            self.assertEqual(reply[0], 400, action)
            self.assertIn(b'<Code>TagLimitExceeded</Code>', reply[2])

    def test_tags_of_a_bus(self):
        status, body = self.target('AWSEvents.TagResource', {
            'ResourceARN': 'arn:aws:events:us-east-1:000000000000:event-bus/default',
            'Tags': [{'Key': f'{i}', 'Value': ''} for i in range(30000)]}, '1.1')
        self.assertEqual((status, body['__type'], body['message']), (400, 'LimitExceededException', 'A resource can have no more than 50 tags.'))

    def test_names_of_message_attributes(self):
        url = self.queue('q')[0]
        status, body = self.target('AmazonSQS.ReceiveMessage', {'QueueUrl': url, 'MessageAttributeNames': [f'{i}' for i in range(1001)]})
        self.assertEqual((status, body['message']), (400, 'A request can ask for at most 1000 message attribute names.'))
        status, body = self.target('AmazonSQS.ReceiveMessage', {'QueueUrl': url, 'MessageAttributeNames': [f'{i}' for i in range(1000)]})
        self.assertEqual(status, 200)


class LongBodies(support.ServerCase):
    """A long body is decoded beside the loop: answers, faults and clients that go are the same."""

    def test_it_is_served(self):
        url, sqs = self.queue('q')[0], self.client('sqs')
        sent = sqs.send_message(QueueUrl=url, MessageBody=LONG)
        got = sqs.receive_message(QueueUrl=url)['Messages'][0]
        self.assertEqual((got['MessageId'], got['Body']), (sent['MessageId'], LONG))

    def test_it_is_refused(self):
        headers = {'Authorization': support.authorization('sqs'), 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.SendMessage'}
        status, _, body = self.http('POST', '/', headers, b'{"MessageBody": "' + LONG.encode() + b'"')
        self.assertEqual((status, json.loads(body)['__type']), (400, 'com.amazon.coral.service#SerializationException'))
        self.assertFault('InvalidParameterException', self.client('logs').create_log_group, logGroupName='g', tags={f'{i}': LONG[:250] for i in range(1000)})

    def test_it_is_done_before_what_came_after_it(self):
        """On one connection; the later ones are short and could pass while the long one is decoded."""
        url = self.queue('q.fifo', FifoQueue='true')[0]
        requests = b''
        for i in range(40):
            body = json.dumps({'QueueUrl': url, 'MessageGroupId': 'g', 'MessageDeduplicationId': f'{i}',
                               'MessageBody': f'{i:2}' + (LONG if i % 10 == 0 else '')}).encode()
            requests += (f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("sqs")}\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n'
                         f'Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n').encode() + body
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=60) as s:
            s.sendall(requests)
            f = s.makefile('rb')
            for _ in range(40):
                self.assertIn(b' 200 ', f.readline())
                f.read(int(http.client.parse_headers(f)['Content-Length']))
        order = [m['Body'][:2] for m in self.receive(url, 40, seconds=10)]
        self.assertEqual(order, [f'{i:2}' for i in range(40)])

    def test_a_client_that_goes(self):
        """While its body is decoded: the message is sent or it is not, and the server lives."""
        url = self.queue('left')[0]
        body = json.dumps({'QueueUrl': url, 'MessageBody': LONG}).encode()
        head = (f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("sqs")}\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n'
                f'Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n').encode()
        for broken in (body, b'[' + body[1:]):
            for _ in range(20):
                with socket.create_connection(('127.0.0.1', self.server.port)) as s:
                    s.sendall(head + broken)
        self.settle()
        self.assertEqual(self.health()['status'], 'ok')
        self.assertTrue(self.client('sqs').get_queue_attributes(QueueUrl=url, AttributeNames=['All'])['Attributes'])


if __name__ == '__main__':
    support.main()
