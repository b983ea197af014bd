#!/usr/bin/python3
"""What a 200 or a 202 promises when much hangs on it: topics, buses, buckets, FIFO and dead-letter queues, an HTTP
subscriber.  The server is killed at random moments, again and again.  Everything that was accepted has exactly the
deliveries it must have, what was in doubt has all of them or none, and nothing appears that nobody sent; what goes over
HTTP comes at least once.

$WAYBILL_CRASH_FANOUT_ROUNDS says how many kills; without it 40, or what a minute has room for."""
import collections
import http.server
import json
import threading
import unittest
import urllib.parse

import crash
import native
import support

ROUNDS = crash.Rounds('WAYBILL_CRASH_FANOUT_ROUNDS', 40)
ENOUGH = 20                                                  # things accepted between most kills; each kind's turn comes once in 13
ACCOUNT = f'{support.REGION}:{support.ACCOUNT}:'
TOPIC, FIFO_TOPIC = f'arn:aws:sns:{ACCOUNT}t', f'arn:aws:sns:{ACCOUNT}t.fifo'
KINDS = ('publish', 'good', 'ruled', 'bad', 'events', 'put', 'put_large', 'fifo', 'batch')
# Where each kind's thing must be found, once; `even` ones pass the filter too.
MUST = {'publish': ('raw',), 'batch': ('raw',), 'good': ('raw',), 'ruled': ('ruled',), 'events': ('ruled',), 'fifo': ('line.fifo',),
        'bad': ('dead', 'object', 'notified'), 'put': ('object', 'notified', 'ruled'), 'put_large': ('object', 'notified', 'ruled')}


class Ear(http.server.ThreadingHTTPServer):
    """An HTTP subscriber that hears everything, and says 500 to the first attempt of every eighth message."""
    daemon_threads, request_queue_size = True, 256

    def __init__(self):
        self.heard, self.tokens, self.refused = collections.Counter(), [], set()
        super().__init__(('127.0.0.1', 0), EarHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):                # the server was killed while it spoke
        pass


class EarHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def do_POST(self):
        note = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        id = note['MessageId']
        status = 500 if id[0] in '0f' and id not in self.server.refused else 200
        if note['Type'] == 'SubscriptionConfirmation':
            self.server.tokens.append(note['Token'])
        elif status == 200:
            inner = json.loads(note['Message'])['requestPayload']
            self.server.heard[inner['client'], inner['n'], inner.get('part', 0)] += 1
        self.server.refused.add(id)
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()


class Client(crash.Client):
    """Things are named (client, n, part); the parts of one request are accepted together."""

    def __init__(self, number, place):
        super().__init__(number, place)
        self.accepted = set()

    def thing(self, n, part=0):
        return {'client': self.number, 'n': n, 'part': part, 'even': n // len(KINDS) % 2 == 0}

    def send(self, connection, n):
        kind = KINDS[n % len(KINDS)]
        parts = 3 if kind in ('events', 'batch') else 1
        things = [self.thing(n, part) for part in range(parts)]
        for part in range(parts):
            self.sent[self.number, n, part] = kind
        connection.request(*getattr(self, 'a_' + kind)(n, things))
        reply = connection.getresponse()
        data = reply.read()
        if reply.status not in (200, 202) or b'<Failed><member>' in data or (kind == 'events' and b'"FailedEntryCount":0' not in data):
            self.wrong.append((kind, reply.status, data))
        else:
            self.accepted |= {(self.number, n, part) for part in range(parts)}

    def sns(self, action, **params):
        return 'POST', '/', urllib.parse.urlencode({'Action': action, 'Version': '2010-03-31', **params}), {
            'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': support.authorization('sns')}

    def a_publish(self, n, things):
        return self.sns('Publish', TopicArn=TOPIC, Message=json.dumps({'requestPayload': things[0]}))

    def a_batch(self, n, things):
        entries = {}
        for i, thing in enumerate(things):
            at = f'PublishBatchRequestEntries.member.{i + 1}.'
            entries.update({at + 'Id': str(i), at + 'Message': json.dumps({'requestPayload': thing})})
        return self.sns('PublishBatch', TopicArn=TOPIC, **entries)

    def a_fifo(self, n, things):
        return self.sns('Publish', TopicArn=FIFO_TOPIC, Message=json.dumps({'requestPayload': things[0]}), MessageGroupId=f'g{self.number}',
                        MessageDeduplicationId=f'{self.number}-{n}')

    def event(self, name, event):
        return 'POST', f'/2015-03-31/functions/{name}/invocations', json.dumps(event), {
            'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')}

    def a_good(self, n, things):
        return self.event('good', things[0])

    def a_ruled(self, n, things):
        return self.event('ruled', things[0])

    def a_bad(self, n, things):
        return 'POST', '/2015-03-31/functions/bad/invocations', json.dumps({**things[0], 'do': 'fail'}, separators=(',', ':')), {
            'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')}

    def a_events(self, n, things):
        entries = [{'Source': 'app', 'DetailType': 't', 'EventBusName': 'b', 'Detail': json.dumps({'requestPayload': t})} for t in things]
        return 'POST', '/', json.dumps({'Entries': entries}), {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AWSEvents.PutEvents',
                                                               'Authorization': support.authorization('events')}

    def a_put(self, n, things, body=b'small'):
        return 'PUT', f'/put-here/{self.number}/{n}', body, {'Authorization': support.authorization('s3')}

    def a_put_large(self, n, things):
        return self.a_put(n, things, b'large' * 30000)


class Kills(crash.KillCase):
    def setUp(self):
        super().setUp()
        self.ear = Ear()
        self.addCleanup(self.ear.server_close)
        self.addCleanup(self.ear.shutdown)
        arns = {name: self.open_queue(name) for name in ('raw', 'filtered', 'ruled', 'dead', 'notified', 'line.fifo')}
        self.topics(arns)
        self.bus_and_buckets(arns)
        self.functions(arns)

    def open_queue(self, name):
        fifo = {'FifoQueue': 'true'} if name.endswith('.fifo') else {}
        url, arn = self.queue(name, **fifo)
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': arn,
            'Principal': {'Service': ['sns.amazonaws.com', 'events.amazonaws.com', 's3.amazonaws.com']}}]})})
        return arn

    def topics(self, arns):
        sns = self.client('sns')
        self.assertEqual(sns.create_topic(Name='t')['TopicArn'], TOPIC)
        sns.create_topic(Name='t.fifo', Attributes={'FifoTopic': 'true'})
        raw = {'RawMessageDelivery': 'true'}
        sns.subscribe(TopicArn=TOPIC, Protocol='sqs', Endpoint=arns['raw'], Attributes=raw)
        sns.subscribe(TopicArn=TOPIC, Protocol='sqs', Endpoint=arns['filtered'], Attributes={
            'FilterPolicyScope': 'MessageBody', 'FilterPolicy': '{"requestPayload":{"even":[true]}}'})
        sns.subscribe(TopicArn=FIFO_TOPIC, Protocol='sqs', Endpoint=arns['line.fifo'], Attributes=raw)
        sns.subscribe(TopicArn=TOPIC, Protocol='http', Endpoint=f'http://127.0.0.1:{self.ear.server_port}/')
        support.wait_until(lambda: self.ear.tokens, 20, what='the token')
        sns.confirm_subscription(TopicArn=TOPIC, Token=self.ear.tokens[0])

    def bus_and_buckets(self, arns):
        events, s3 = self.client('events'), self.client('s3')
        self.bus = events.create_event_bus(Name='b')['EventBusArn']
        for bus, sources in (('b', ['lambda', 'app']), ('default', ['aws.s3'])):
            events.put_rule(Name='r', EventBusName=bus, EventPattern=json.dumps({'source': sources}))
            self.assertEqual(events.put_targets(Rule='r', EventBusName=bus, Targets=[{'Id': '1', 'Arn': arns['ruled']}])['FailedEntryCount'], 0)
        queue = [{'QueueArn': arns['notified'], 'Events': ['s3:ObjectCreated:*']}]
        for bucket, more in (('lost-here', {}), ('put-here', {'EventBridgeConfiguration': {}})):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={'QueueConfigurations': queue, **more})

    def functions(self, arns):
        for name, dead in (('good', None), ('ruled', None), ('bad', arns['dead'])):
            self.function(name, native.bootstrap(), 'provided.al2023', Timeout=60, **({'DeadLetterConfig': {'TargetArn': dead}} if dead else {}))
        for name, on, to in (('good', 'OnSuccess', TOPIC), ('ruled', 'OnSuccess', self.bus), ('bad', 'OnFailure', 'arn:aws:s3:::lost-here')):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=21600,
                                                                   DestinationConfig={on: {'Destination': to}})

    # ---- what is there in the end ----

    def read_and_delete(self, name):
        """Every message, in order: of a FIFO queue the next ones come only when the ones before are gone."""
        sqs, url, found = self.client('sqs'), f'{self.endpoint}/{support.ACCOUNT}/{name}', []
        while True:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=43200, MessageAttributeNames=['All']).get('Messages', [])
            if not got:
                return found
            found += got
            sqs.delete_message_batch(QueueUrl=url, Entries=[{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(got)])

    def name_of(self, inner):
        inner = inner['requestPayload']
        return inner['client'], inner['n'], inner.get('part', 0)

    def put_name(self, key):
        client, n = key.split('/')
        return int(client), int(n), 0

    def collect(self):
        """-> {place: Counter of names}, and the order of the FIFO queue."""
        places, line = collections.defaultdict(collections.Counter), []
        self.request_ids = {}                                # of events that succeeded or failed for good
        for queue in ('raw', 'filtered', 'line.fifo'):
            for m in self.read_and_delete(queue):
                body = json.loads(m['Body'])
                body = json.loads(body['Message']) if queue == 'filtered' else body
                places[queue][self.name_of(body)] += 1
                if queue == 'line.fifo':
                    line.append(self.name_of(body))
        for m in self.read_and_delete('ruled'):
            event = json.loads(m['Body'])
            places['ruled'][self.put_name(event['detail']['object']['key']) if event['source'] == 'aws.s3' else self.name_of(event['detail'])] += 1
        lost = self.objects('lost-here')
        for key, name in lost.items():
            places['object'][name] += 1
        for m in self.read_and_delete('notified'):
            body = json.loads(m['Body'])
            if 'Records' not in body:                        # the test message
                continue
            record, = body['Records']
            key = urllib.parse.unquote_plus(record['s3']['object']['key'])
            if record['s3']['bucket']['name'] == 'lost-here':
                self.assertIn(key, lost, 'a notification of an object that is not there')
            places['notified'][lost[key] if key in lost else self.put_name(key)] += 1
        for m in self.read_and_delete('dead'):
            self.assertEqual(m['MessageAttributes']['ErrorMessage']['StringValue'], 'as asked')
            inner = json.loads(m['Body'])
            name = inner['client'], inner['n'], inner['part']
            places['dead'][name] += 1
            self.request_ids.setdefault(name, set()).add(m['MessageAttributes']['RequestID']['StringValue'])
        for key in self.objects('put-here'):
            places['object'][self.put_name(key)] += 1
        return places, line

    def objects(self, bucket):
        """{key: name of the thing in it}; every object can be read whole."""
        s3, found = self.client('s3'), {}
        for page in s3.get_paginator('list_objects_v2').paginate(Bucket=bucket):
            for o in page.get('Contents', []):
                body = s3.get_object(Bucket=bucket, Key=o['Key'])['Body'].read()
                self.assertEqual(len(body), o['Size'])
                if bucket == 'put-here':
                    self.assertIn(body, (b'small', b'large' * 30000))
                    found[o['Key']] = None
                else:
                    record = json.loads(body)
                    name = found[o['Key']] = self.name_of(record)
                    self.assertEqual((record['requestContext']['condition'], record['requestContext']['approximateInvokeCount']), ('RetriesExhausted', 2))
                    self.request_ids.setdefault(name, set()).add(record['requestContext']['requestId'])
        return found

    def test_nothing_accepted_is_lost_or_doubled(self):
        self.control('POST', 'clock', {'rate': 20})          # retries fall due between the kills
        clients, note = self.shake(ROUNDS, Client, ENOUGH)
        self.control('POST', 'clock', {'rate': 1})
        self.settle(advance=True, timeout_ms=120000)
        sent, accepted = {}, set()
        for c in clients:
            self.assertEqual(c.wrong, [], note)
            sent.update(c.sent)
            accepted |= c.accepted
        for kind in KINDS:
            self.assertGreater(sum(sent[name] == kind for name in accepted), ROUNDS.done // 4, f'{kind}: too few to prove anything')
        places, line = self.collect()
        wrong = []
        for place, names in places.items():
            wrong += [f'{place}: {name}, which nobody sent' for name in names if name not in sent]
        for name, kind in sent.items():
            even = name[1] // len(KINDS) % 2 == 0
            must = set(MUST[kind]) | ({'filtered'} if even and kind in ('publish', 'batch', 'good') else set())
            has = {place: names[name] for place, names in places.items() if names[name]}
            if has != {place: 1 for place in must} and (name in accepted or has):
                wrong.append(f'{kind} {name} {"accepted" if name in accepted else "in doubt"}: {has}, must be {must}')
        self.assertEqual(wrong[:20], [], f'{note}: {len(wrong)} of {len(sent)}')
        for name, kind in sent.items():                      # what belongs to one request came or stayed away as one
            if kind in ('events', 'batch'):
                place = places[MUST[kind][0]]
                self.assertEqual(place[name], place[name[0], name[1], 0], f'{note}: half of {kind} {name}')
        self.assertEqual({name: ids for name, ids in self.request_ids.items() if len(ids) != 1}, {}, note)
        for client in range(crash.CLIENTS):
            mine = [name for name in line if name[0] == client]
            self.assertEqual(mine, sorted(mine), f'{note}: out of order')
        self.check_ear(sent, accepted, note)
        print(f'{ROUNDS.done} kills: {len(sent)} sent, {len(accepted)} accepted, {sum(sum(p.values()) for p in places.values())} deliveries, '
              f'{sum(self.ear.heard.values())} over HTTP, {sum(n - 1 for n in self.ear.heard.values())} of them again', flush=True)

    def check_ear(self, sent, accepted, note):
        must = {name for name in accepted if sent[name] in ('publish', 'batch', 'good')}

        def all_heard():
            self.settle(advance=True, timeout_ms=60000)
            return must <= set(self.ear.heard)
        try:
            support.wait_until(all_heard, 60, 0.2)
        except AssertionError:
            missing = must - set(self.ear.heard)
            self.fail(f'{note}: {len(missing)} of {len(must)} never went over HTTP: {sorted(missing)[:10]}')
        self.assertEqual({name for name in self.ear.heard if sent.get(name) not in ('publish', 'batch', 'good')}, set(), note)


if __name__ == '__main__':
    unittest.main()
