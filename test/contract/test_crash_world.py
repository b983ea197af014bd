#!/usr/bin/python3
"""Topics, buses, buckets and what waits to be delivered, when the disk is full, when the world is reset, and when the
server dies in the middle of a delivery too wide for one turn."""
import json
import os
import time
import unittest

import crash
import support
from test_crash_fanout import Ear

BUS = f'arn:aws:events:{support.REGION}:{support.ACCOUNT}:event-bus/'


class World:
    """What these tests build, as a mixin."""

    def open_queue(self, name):
        url, arn = self.queue(name)
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': arn, 'Principal': '*'}]})})
        return arn

    def hear(self):
        ear = Ear()
        self.addCleanup(ear.server_close)
        self.addCleanup(ear.shutdown)
        return ear

    def topic(self, queue, ear):
        sns = self.client('sns')
        arn = sns.create_topic(Name='t')['TopicArn']
        sns.subscribe(TopicArn=arn, Protocol='sqs', Endpoint=queue, Attributes={'RawMessageDelivery': 'true'})
        sns.subscribe(TopicArn=arn, Protocol='http', Endpoint=f'http://127.0.0.1:{ear.server_port}/')
        support.wait_until(lambda: ear.tokens, 20, what='the token')
        sns.confirm_subscription(TopicArn=arn, Token=ear.tokens.pop())
        return arn

    def rule(self, name, queues, **how):
        events = self.client('events')
        events.put_rule(Name=name, **(how or {'EventPattern': '{"source":["app"]}'}))
        targets = [{'Id': str(i), 'Arn': q} for i, q in enumerate(queues)]
        self.assertEqual(events.put_targets(Rule=name, Targets=targets)['FailedEntryCount'], 0)

    def bucket(self, queue):
        s3 = self.client('s3')
        s3.create_bucket(Bucket='the-bucket')
        s3.put_bucket_notification_configuration(Bucket='the-bucket', NotificationConfiguration={
            'QueueConfigurations': [{'QueueArn': queue, 'Events': ['s3:ObjectCreated:*']}]})

    def messages(self, name):
        sqs, found = self.client('sqs'), []
        url = sqs.get_queue_url(QueueName=name)['QueueUrl']
        while True:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=43200).get('Messages', [])
            if not got:
                return found
            found += [json.loads(m['Body']) for m in got]

    def inner(self, body):
        """The name of a thing in a queue: None for a bucket's test message."""
        if 'Records' in body:
            return 'put', int(body['Records'][0]['s3']['object']['key'])
        if 'Event' in body:
            return None
        if body.get('detail-type') == 'Scheduled Event':
            return 'schedule', 0
        kind, body = ('events', body['detail']) if 'detail' in body else ('publish', body)
        return kind, body['requestPayload']['n']

    def world(self):
        """All that can be listed, without what differs by port."""
        sns, events, s3 = self.client('sns'), self.client('events'), self.client('s3')
        subscriptions = sns.list_subscriptions()['Subscriptions']
        buckets = [b['Name'] for b in s3.list_buckets()['Buckets']]
        buses = [b['Name'] for b in events.list_event_buses()['EventBuses']]
        rules = {bus: events.list_rules(EventBusName=bus)['Rules'] for bus in buses}
        return {'topics': sorted(t['TopicArn'] for t in sns.list_topics()['Topics']),
                'subscriptions': sorted((s['SubscriptionArn'], s['Endpoint']) for s in subscriptions),
                'rules': {bus: sorted(r['Name'] for r in v) for bus, v in rules.items()},
                'targets': {r['Name']: events.list_targets_by_rule(Rule=r['Name'], EventBusName=bus)['Targets'] for bus, v in rules.items() for r in v},
                'objects': {b: [(o['Key'], o['Size'], o['ETag'], o['LastModified']) for o in s3.list_objects_v2(Bucket=b).get('Contents', [])] for b in buckets},
                'bytes': {(b, o['Key']): s3.get_object(Bucket=b, Key=o['Key'])['Body'].read() for b in buckets
                          for o in s3.list_objects_v2(Bucket=b).get('Contents', [])},
                'notifications': {b: s3.get_bucket_notification_configuration(Bucket=b).get('QueueConfigurations') for b in buckets},
                'queues': sorted(u.rsplit('/', 1)[1] for u in self.client('sqs').list_queues().get('QueueUrls', []))}


class Full(World, crash.SmallDisk):
    def attempt(self, kind, n):
        """True: accepted; False: refused for want of room."""
        sns, events, s3, pad = self.client('sns'), self.client('events'), self.client('s3'), 'x' * 50000
        calls = {'publish': lambda: sns.publish(TopicArn=self.arn, Message=json.dumps({'requestPayload': {'client': 'publish', 'n': n}, 'pad': pad})),
                 'events': lambda: events.put_events(Entries=[{'Source': 'app', 'DetailType': 't', 'Detail': json.dumps({'requestPayload': {'n': n}, 'pad': pad})}]),
                 'put': lambda: s3.put_object(Bucket='the-bucket', Key=str(n), Body=b'%d' % n * (20000 if n % 2 else 200000)),
                 'create_topic': lambda: sns.create_topic(Name=f't{n}', Attributes={'DisplayName': 'x' * 90}, Tags=[{'Key': 'k', 'Value': 'v' * 250}] * 1),
                 'put_rule': lambda: events.put_rule(Name=f'r{n}', EventPattern='{"source":["%s"]}' % ('x' * 1900)),
                 'create_bus': lambda: events.create_event_bus(Name=f'b{n}'),
                 'create_bucket': lambda: s3.create_bucket(Bucket=f'another-{n}')}
        try:
            reply = calls[kind]()
        except support.ClientError as e:
            self.assertGreaterEqual(e.response['ResponseMetadata']['HTTPStatusCode'], 500, e)
            return False
        return not reply.get('FailedEntryCount')

    def try_all(self, first, n, accepted):
        refused = 0
        for i in range(first, first + n):
            for kind in ('publish', 'events', 'put', 'create_topic', 'put_rule', 'create_bus', 'create_bucket'):
                if self.attempt(kind, i):
                    accepted.add((kind, i))
                else:
                    refused += 1
        return refused

    def test_memory_and_disk_stay_one(self):
        ear, accepted = self.hear(), set()
        queue = self.open_queue('q')
        self.arn = self.topic(queue, ear)
        self.rule('r', [queue])
        self.bucket(queue)
        self.assertEqual(self.try_all(0, 3, accepted), 0)
        ballast = self.fill()
        refused = self.try_all(100, 8, accepted)
        self.assertGreater(refused, 8)
        self.assertEqual(self.health()['status'], 'ok')
        before = self.world()                                # what memory says while nothing can be written
        os.unlink(ballast)
        support.wait_until(lambda: self.attempt('create_topic', 999), 10, 0.2, 'accepting again')
        self.assertEqual(self.try_all(200, 3, accepted), 0)
        self.settle(advance=True)
        self.check_world(accepted, before)
        now = self.world()
        self.again()
        self.settle(advance=True)
        self.assertEqual(self.world(), now)
        self.assertEqual([m for m in self.messages('q') if self.inner(m)], [], 'a second time')
        heard = {n for (client, n, _), times in ear.heard.items()}
        self.assertEqual(heard, {n for kind, n in accepted if kind == 'publish'})

    def check_world(self, accepted, before):
        got = sorted(name for name in map(self.inner, self.messages('q')) if name)
        self.assertEqual(got, sorted(name for name in accepted if name[0] in ('publish', 'events', 'put')))
        for kind, place in (('create_topic', lambda n, w: f't{n}' in [t.rsplit(':', 1)[1] for t in w['topics']]),
                            ('put_rule', lambda n, w: f'r{n}' in w['rules']['default']), ('create_bus', lambda n, w: f'b{n}' in w['rules']),
                            ('create_bucket', lambda n, w: f'another-{n}' in w['objects']),
                            ('put', lambda n, w: str(n) in [o[0] for o in w['objects']['the-bucket']])):
            for n in (*range(0, 3), *range(100, 108)):
                self.assertEqual(place(n, before), (kind, n) in accepted, (kind, n))


class Reset(World, crash.DataCase):
    def files(self):
        found = []
        for place, _, names in os.walk(self.data):
            found += [os.path.join(place, n) for n in names if not n.startswith('waybill.db') and os.path.getsize(os.path.join(place, n)) > 90000]
        return found

    def test_nothing_of_the_old_world_is_delivered(self):
        """Neither what waited for an endpoint, nor a schedule, nor the rest of a wide delivery; names used again are new things."""
        ear = self.hear()
        queue = self.open_queue('q')
        arn = self.topic(queue, ear)
        self.bucket(queue)
        for i in range(60):
            self.rule(f'r{i}', [queue] * 5)
        self.rule('every', [queue], ScheduleExpression='rate(1 minute)')
        s3 = self.client('s3')
        s3.put_object(Bucket='the-bucket', Key='1', Body=b'y' * 100000)
        self.client('cloudwatch').put_metric_data(Namespace='N', MetricData=[{'MetricName': 'm', 'Value': 1}])
        self.assertEqual(len(self.files()), 1)
        ear.shutdown()                                       # from here on the endpoint hears nothing
        ear.socket.close()
        for n in range(40):
            self.client('sns').publish(TopicArn=arn, Message=json.dumps({'requestPayload': {'client': 'publish', 'n': n}}))
        heard = sum(ear.heard.values())
        entries = [{'Source': 'app', 'DetailType': 't', 'Detail': json.dumps({'requestPayload': {'n': n}})} for n in range(10)]
        self.assertEqual(self.client('events').put_events(Entries=entries)['FailedEntryCount'], 0)
        self.reset()
        self.assertEqual(self.world(), {'topics': [], 'subscriptions': [], 'rules': {'default': []}, 'targets': {}, 'objects': {}, 'bytes': {},
                                        'notifications': {}, 'queues': []})
        self.assertEqual(self.client('cloudwatch').list_metrics()['Metrics'], [])
        support.wait_until(lambda: not self.files(), 5, what='the large object gone')
        again = self.hear()
        queue = self.open_queue('q')
        self.topic(queue, again)
        self.bucket(queue)
        for _ in range(3):
            self.advance(600_000)
            self.settle(advance=True)
        self.assertEqual([m for m in self.messages('q') if self.inner(m)], [])
        self.assertEqual((sum(again.heard.values()), sum(ear.heard.values())), (0, heard))
        self.again()
        self.advance(600_000)
        self.settle(advance=True)
        self.assertEqual([m for m in self.messages('q') if self.inner(m)], [])
        self.assertEqual((sum(again.heard.values()), again.tokens), (0, []))


class Wide(World, crash.DataCase):
    """A delivery of more than a turn's worth is finished after a crash, each part once."""

    def after_a_crash(self, expected):
        self.again()
        self.settle(advance=True)
        sqs, total = self.client('sqs'), 0
        urls = [u for page in sqs.get_paginator('list_queues').paginate(PaginationConfig={'PageSize': 1000}) for u in page.get('QueueUrls', [])]
        for url in urls:
            total += int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['ApproximateNumberOfMessages'])['Attributes']['ApproximateNumberOfMessages'])
            sqs.purge_queue(QueueUrl=url)
        self.assertEqual(total, expected)

    def test_a_bus_with_many_targets(self):
        queue = self.open_queue('q')
        for i in range(60):
            self.rule(f'r{i}', [queue] * 5)
        entries = [{'Source': 'app', 'DetailType': 't', 'Detail': json.dumps({'requestPayload': {'n': n}})} for n in range(10)]
        for pause in (0, 0.005, 0.03, 0.1):
            self.assertEqual(self.client('events').put_events(Entries=entries)['FailedEntryCount'], 0)
            time.sleep(pause)
            self.after_a_crash(60 * 5 * 10)
            self.advance(61_000)                             # a queue may be purged once a minute

    def test_a_topic_with_many_subscribers(self):
        sns = self.client('sns')
        arn = sns.create_topic(Name='wide')['TopicArn']
        policy = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*', 'Principal': '*'}]})
        for i in range(1010):
            self.client('sqs').create_queue(QueueName=f'w{i}', Attributes={'Policy': policy})
            sns.subscribe(TopicArn=arn, Protocol='sqs', Endpoint=f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:w{i}')
        for n in range(3):
            self.client('sns').publish(TopicArn=arn, Message=json.dumps({'requestPayload': {'client': 'publish', 'n': n}}))
        self.after_a_crash(3 * 1010)


if __name__ == '__main__':
    unittest.main()
