#!/usr/bin/python3
"""Things that feed themselves through topics, buckets, buses and queues: they end where AWS ends them, the server
answers meanwhile, and nothing piles up."""
import http.client
import json
import threading
import time

import support
from flows import ARN, FlowCase

AGAIN = '''
import boto3, json
client = boto3.client('%s')
def handler(event, context):
    print('run', %s)
    n = %s
    %s
'''
FEEDS_TOPIC = AGAIN % ('sns', "event['Records'][0]['Sns']['Message']", "int(event['Records'][0]['Sns']['Message'])",
                       "client.publish(TopicArn=event['Records'][0]['Sns']['TopicArn'], Message=str(n + 1))")
FEEDS_BUCKET = AGAIN % ('s3', "event['Records'][0]['s3']['object']['key']", "int(event['Records'][0]['s3']['object']['key'])",
                        "client.put_object(Bucket=event['Records'][0]['s3']['bucket']['name'], Key=str(n + 1), Body=b'x')")
FEEDS_BUS = AGAIN % ('events', "event['detail']['n']", "event['detail']['n']",
                     "client.put_events(Entries=[{'Source': 'app', 'DetailType': 't', 'EventBusName': 'b', 'Detail': json.dumps({'n': n + 1})}])")
FAILS_BY_TOPIC = 'def handler(event, context):\n    print("run", event["Records"][0]["Sns"]["MessageId"])\n    raise ValueError("no")\n'


class Watch(threading.Thread):
    """Asks for the server's health again and again; how long each answer took."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.over, self.took, self.bodies = port, threading.Event(), [], []

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        while not self.over.wait(0.01):
            began = time.monotonic()
            connection.request('GET', '/_waybill/health')
            self.bodies.append(json.loads(connection.getresponse().read()))
            self.took.append(time.monotonic() - began)
        connection.close()


class Loops(FlowCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.server.program, 'rb') as f:
            cls.limit = 1.0 if b'__asan_init' in f.read() else 0.1
        cls.warm(cls)

    def warm(self):
        """A server's first signature makes its key, which takes some 100 ms, once."""
        sns = self.client('sns')
        arn = sns.create_topic(Name='warm')['TopicArn']
        self.client('sqs').create_queue(QueueName='warm')
        sns.subscribe(TopicArn=arn, Protocol='sqs', Endpoint=f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:warm')
        sns.publish(TopicArn=arn, Message='x')

    def setUp(self):
        super().setUp()
        self.watch = Watch(self.server.port)
        self.watch.start()
        self.addCleanup(self.watch.over.set)

    def responsive(self):
        self.watch.over.set()
        self.watch.join()
        took = sorted(self.watch.took)
        self.assertLess(took[-1 - len(took) // 50], self.limit, f'{len(took)} answers, the slowest {took[-5:]}')

    def fed(self, name, code, principal, source):
        """A function that this source may invoke."""
        self.function(name, code, MemorySize=256, Timeout=60)
        self.client('lambda').add_permission(FunctionName=name, StatementId='s', Action='lambda:InvokeFunction', Principal=principal, SourceArn=source)
        self.routes(name, success=False, retries=0)
        return ARN + name

    def topic(self, code):
        arn = self.client('sns').create_topic(Name='t')['TopicArn']
        function = self.fed('f', code, 'sns.amazonaws.com', arn)
        self.client('sns').subscribe(TopicArn=arn, Protocol='lambda', Endpoint=function)
        return arn

    def runs(self):
        return sorted(int(line.split()[1]) for line in self.log_lines('/aws/lambda/f') if line.startswith('run'))

    def stopped(self):
        """The one record of the chain's end."""
        record, = self.records(self.failed)
        self.assertEqual((record['requestContext']['condition'], record['requestContext']['approximateInvokeCount']), ('RecursiveInvocation', 0))
        self.assertEqual(self.runs(), list(range(1, 17)))
        return record

    def test_a_topic(self):
        arn = self.topic(FEEDS_TOPIC)
        self.client('sns').publish(TopicArn=arn, Message='1')
        self.settle(advance=True, timeout_ms=60000)
        self.assertEqual(self.stopped()['requestPayload']['Records'][0]['Sns']['Message'], '17')
        self.responsive()

    def test_a_bucket(self):
        s3 = self.client('s3')
        s3.create_bucket(Bucket='feeds')
        function = self.fed('f', FEEDS_BUCKET, 's3.amazonaws.com', 'arn:aws:s3:::feeds')
        s3.put_bucket_notification_configuration(Bucket='feeds', NotificationConfiguration={
            'LambdaFunctionConfigurations': [{'LambdaFunctionArn': function, 'Events': ['s3:ObjectCreated:*']}]})
        s3.put_object(Bucket='feeds', Key='1', Body=b'x')
        self.settle(advance=True, timeout_ms=60000)
        self.assertEqual(self.stopped()['requestPayload']['Records'][0]['s3']['object']['key'], '17')
        self.assertEqual(s3.list_objects_v2(Bucket='feeds')['KeyCount'], 17)
        self.responsive()

    def test_a_dead_letter_topic_of_its_own_subscriber(self):
        """Each dead letter holds the one before, quoted once more: it doubles, and the topic's limit of size ends it before
        the sixteenth execution."""
        arn = self.topic(FAILS_BY_TOPIC)
        self.client('lambda').update_function_configuration(FunctionName='f', DeadLetterConfig={'TargetArn': arn})
        self.wait_active('f')
        self.client('sns').publish(TopicArn=arn, Message='x')
        self.settle(advance=True, timeout_ms=60000)
        journeys = self.journeys()
        self.assertTrue(8 < len(journeys) < 16, len(journeys))
        last = journeys[0]['steps'][-1]
        self.assertEqual((last['step'], last['what'], last['target']), ('refused', 'dead letter', arn), last)
        records = self.records(self.failed, len(journeys))
        self.assertEqual([r['requestContext']['condition'] for r in records], ['RetriesExhausted'] * len(journeys))
        self.assertEqual(self.records(self.failed, 1, seconds=0.2), [])
        self.responsive()

    def bus(self, name, *targets):
        """A bus that everybody may send to; all it gets goes to the targets, one rule each."""
        events = self.client('events')
        arn = events.create_event_bus(Name=name)['EventBusArn']
        events.put_permission(EventBusName=name, Policy=json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Sid': 's', 'Effect': 'Allow', 'Principal': {'AWS': support.ACCOUNT}, 'Action': 'events:PutEvents', 'Resource': arn}]}))
        for i, target in enumerate(targets):
            self.rule(name, f'r{i}', target)
        return arn

    def rule(self, bus, name, target):
        events = self.client('events')
        events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source":["app"]}')
        more = {'RoleArn': self.role('sends')} if ':event-bus/' in target else {}
        self.assertEqual(events.put_targets(Rule=name, EventBusName=bus, Targets=[{'Id': '1', 'Arn': target, **more}])['FailedEntryCount'], 0)

    def open(self, name):
        url, arn = self.queue(name)
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': '*', 'Action': 'sqs:SendMessage', 'Resource': arn}]})})
        return url, arn

    def put(self, n=1):
        self.assertEqual(self.client('events').put_events(Entries=[
            {'Source': 'app', 'DetailType': 't', 'EventBusName': 'b', 'Detail': '{"n":1}'}] * n)['FailedEntryCount'], 0)

    def count(self, url):
        return len(self.receive(url, 100, seconds=0.3))

    def test_a_bus_that_is_its_own_target(self):
        """An event a bus got from a bus goes to no third one: it comes back once by each rule, and that is all."""
        url, queue = self.open('heard')
        arn = f'arn:aws:events:{support.REGION}:{support.ACCOUNT}:event-bus/b'
        self.bus('b', queue)
        for i in range(3):
            self.rule('b', f'self{i}', arn)
        self.put(2)
        self.settle(advance=True)
        self.assertEqual(self.count(url), 2 * (1 + 3))
        self.responsive()

    def test_two_buses_that_feed_each_other(self):
        (url, queue), (url2, queue2) = self.open('heard'), self.open('heard2')
        other = self.bus('c', queue2)
        first = self.bus('b', queue, other)
        self.rule('c', 'back', first)
        self.put(3)
        self.settle(advance=True)
        self.assertEqual((self.count(url), self.count(url2)), (3, 3))
        self.responsive()

    def test_a_function_and_a_bus(self):
        """AWS does not detect this one, so it goes on until somebody ends it; it never has more than one event."""
        function = self.fed('f', FEEDS_BUS, 'events.amazonaws.com', f'arn:aws:events:{support.REGION}:{support.ACCOUNT}:rule/b/r0')
        self.bus('b', function)
        self.put()
        support.wait_until(lambda: len(self.watch.bodies) > 100 and self.journeys(limit=30)[-1]['functionArn'] == ARN + 'f'
                           and len(self.journeys(limit=30)) == 30, 60, what='thirty rounds')
        self.client('events').disable_rule(Name='r0', EventBusName='b')
        self.settle(advance=True)
        self.assertEqual(self.records(self.failed, seconds=0), [])
        self.assertLessEqual(max(b['events']['queued'] for b in self.watch.bodies), 2)
        self.responsive()

    def test_dead_letter_queues_of_each_other(self):
        """A message moves when it is received once too often, one queue at a time; it is always in one of the two."""
        (url, arn), (url2, arn2) = self.queue('left', VisibilityTimeout=0), self.queue('right', VisibilityTimeout=0)
        sqs = self.client('sqs')
        for one, other in ((url, arn2), (url2, arn)):
            sqs.set_queue_attributes(QueueUrl=one, Attributes={'RedrivePolicy': json.dumps({'deadLetterTargetArn': other, 'maxReceiveCount': 1})})
        sent = {str(i) for i in range(20)}
        for body in sent:
            sqs.send_message(QueueUrl=url, MessageBody=body)
        for i in range(200):
            sqs.receive_message(QueueUrl=(url, url2)[i % 2], MaxNumberOfMessages=10)
        waiting = [int(sqs.get_queue_attributes(QueueUrl=u, AttributeNames=['All'])['Attributes']['ApproximateNumberOfMessages']) for u in (url, url2)]
        self.assertEqual(sum(waiting), len(sent))
        for u in (url, url2):
            sqs.set_queue_attributes(QueueUrl=u, Attributes={'RedrivePolicy': '', 'VisibilityTimeout': '600'})
        left = [m['Body'] for u in (url, url2) for m in self.receive(u, 30, seconds=0.3)]
        self.assertEqual(sorted(left), sorted(sent))
        self.responsive()


class Allowed(FlowCase):
    def test_it_can_be_ended(self):
        """With recursion allowed a chain through a topic runs on, and ends when the subscription goes."""
        arn = Loops.topic(self, FEEDS_TOPIC)
        self.request('PUT', '/2024-08-31/functions/f/recursion-config', {'RecursiveLoop': 'Allow'})
        self.client('sns').publish(TopicArn=arn, Message='1')
        support.wait_until(lambda: len(self.journeys(limit=40)) == 40, 60, what='forty rounds')
        self.assertLessEqual(self.health()['events']['queued'], 2)
        for s in self.client('sns').list_subscriptions_by_topic(TopicArn=arn)['Subscriptions']:
            self.client('sns').unsubscribe(SubscriptionArn=s['SubscriptionArn'])
        self.settle(advance=True)
        self.assertEqual(self.records(self.failed, seconds=0), [])

    fed = Loops.fed


if __name__ == '__main__':
    support.main()
