#!/usr/bin/python3
"""What a 202 promises: the server is killed at random moments, again and again, and nothing that was accepted is lost,
nothing ends twice and nothing appears that nobody sent.

$WAYBILL_CRASH_ROUNDS says how many kills; 200 without it."""
import ctypes
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import native
import support

ROUNDS = int(os.environ.get('WAYBILL_CRASH_ROUNDS', '200'))
CLIENTS = 4
PR_SET_CHILD_SUBREAPER = 36
KILLED = ('log_tail_dropped',)                               # what a server may find after a kill in the middle of a commit


class DataCase(support.ServerCase):
    """A server on a data directory that stays when the server goes."""
    expected_events = KILLED

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix='waybill-data-')
        super().setUpClass()
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)

    @classmethod
    def start_server(cls, *args):
        cls.server = support.Server(['--data', cls.data, *cls.server_args, *args], cls.server_env)
        cls.endpoint = cls.server.endpoint
        for client in cls._clients.values():
            client.close()
        cls._clients.clear()
        return cls.server

    def again(self, how=signal.SIGKILL):
        """Ends the server and starts it on the same directory."""
        old = self.server
        if how == signal.SIGKILL:
            old.kill()
        else:
            self.assertEqual(old.stop(how), 0, old.stderr()[-3000:])
        self.assertEqual(old.complaints(self.expected_events), [])
        old.remove()
        self.start_server()

    def read_queue(self, url):
        """Every message of a queue; none is deleted."""
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=40)
        headers = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.ReceiveMessage',
                   'Authorization': support.authorization('sqs')}
        ask = json.dumps({'QueueUrl': url, 'MaxNumberOfMessages': 10, 'VisibilityTimeout': 43200})
        messages = []
        while True:
            connection.request('POST', '/', ask, headers)
            reply = connection.getresponse()
            data = json.loads(reply.read())
            self.assertEqual(reply.status, 200, data)
            if not data.get('Messages'):
                break
            messages += [json.loads(m['Body']) for m in data['Messages']]
        connection.close()
        return messages


class Client(threading.Thread):
    """Invokes without a pause, through every restart; remembers what was sent and what was accepted."""

    def __init__(self, number, place):
        super().__init__(daemon=True)
        self.number, self.place = number, place
        self.sent, self.accepted, self.wrong = {}, {}, []

    def run(self):
        n = 0
        while not self.place['over']:
            generation, port = self.place['at']
            if port is None:
                time.sleep(0.002)
                continue
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
            try:
                while self.place['at'][0] == generation and not self.place['over']:
                    n += 1
                    self.invoke(connection, n)
            except (OSError, http.client.HTTPException):
                pass                                         # killed while it answered: the event is in doubt
            finally:
                connection.close()

    def invoke(self, connection, n):
        name, event = 'native', {'client': self.number, 'n': n}
        if n % 5 == 0:
            event['do'] = 'fail'
        elif n % 41 == 0:
            name = 'slow'
        elif n % 7 == 0:
            name = 'first'
        body = json.dumps(event, separators=(',', ':'))
        self.sent[n] = body
        connection.request('POST', f'/2015-03-31/functions/{name}/invocations', body,
                           {'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')})
        reply = connection.getresponse()
        data = reply.read()
        if reply.status == 202:
            self.accepted[n] = reply.getheader('x-amzn-RequestId')
        else:
            self.wrong.append((reply.status, data))


class Kills(DataCase):
    def setUp(self):
        super().setUp()
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.addCleanup(ctypes.CDLL(None).prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        self.ok, ok_arn = self.queue('ok')
        self.failed, failed_arn = self.queue('failed')
        self.function('native', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.function('slow', 'def handler(event, context):\n    return {"ran": event}\n', Timeout=60)
        self.function('first', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='first', DestinationConfig={
            'OnSuccess': {'Destination': self.client('lambda').get_function(FunctionName='native')['Configuration']['FunctionArn']}})
        for name in ('native', 'slow'):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=21600,
                DestinationConfig={'OnSuccess': {'Destination': ok_arn}, 'OnFailure': {'Destination': failed_arn}})

    def nobody_left(self):
        """After a kill: every process the server had started has become ours to bury, and is dead."""
        end = time.monotonic() + 5
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                if time.monotonic() > end:
                    self.fail('processes that outlived the server: ' + subprocess.run(
                        ['ps', '-eo', 'pid,ppid,stat,args'], capture_output=True, text=True).stdout)
                time.sleep(0.002)

    def kill_and_restart(self, place, rng):
        time.sleep(rng.choice((rng.uniform(0, 0.02), rng.uniform(0.02, 0.12))))
        place['at'] = (place['at'][0] + 1, None)
        old = self.server
        old.kill()
        self.nobody_left()
        self.assertEqual(old.complaints(self.expected_events), [])
        old.remove()
        if rng.random() < 0.2:                               # and once more, before it is ready
            early = support.Server(['--data', self.data], wait=False)
            time.sleep(rng.uniform(0, 0.1))
            early.kill()
            self.nobody_left()
            self.assertEqual(early.complaints(self.expected_events), [])
            early.remove()
        self.start_server()
        now = self.clock()['now']
        self.assertGreaterEqual(now, self.latest, 'the clock went back')
        self.latest = now
        place['at'] = (place['at'][0], self.server.port)

    def shake(self):
        seed = int.from_bytes(os.urandom(4), 'big')
        rng = random.Random(seed)
        place = {'at': (0, self.server.port), 'over': False}
        clients = [Client(i, place) for i in range(CLIENTS)]
        for c in clients:
            c.start()
        try:
            for _ in range(ROUNDS):
                self.kill_and_restart(place, rng)
        finally:
            place['over'] = True
            for c in clients:
                c.join(30)
        return clients, seed

    def test_nothing_accepted_is_lost(self):
        self.latest = self.clock()['now']
        # Every start jumps ahead by up to two real seconds: retries fall due between the kills, and nothing is over age.
        rate = min(20, 6000 // ROUNDS)
        self.control('POST', 'clock', {'rate': rate})
        began = time.monotonic()
        clients, seed = self.shake()
        shaken = time.monotonic()
        self.assertEqual(self.clock()['rate'], rate)
        self.control('POST', 'clock', {'rate': 1})
        self.settle(advance=True, timeout_ms=120000)
        records = {'Success': self.read_queue(self.ok), 'RetriesExhausted': self.read_queue(self.failed)}
        note = f'seed {seed}'
        sent = {(c.number, n): body for c in clients for n, body in c.sent.items()}
        accepted = {id: (c.number, n) for c in clients for n, id in c.accepted.items()}
        self.assertEqual([w for c in clients for w in c.wrong], [], note)
        self.assertGreater(len(accepted), 3 * ROUNDS, 'too little was accepted between the kills to prove anything')

        seen = {}
        for condition, found in records.items():
            for r in found:
                r = self.unfold(r)
                key = (r['requestPayload']['client'], r['requestPayload']['n'])
                self.assertIn(key, sent, f'{note}: a record of an event nobody sent: {r}')
                self.assertEqual(json.dumps(r['requestPayload'], separators=(',', ':')), sent[key], note)
                self.check_record(condition, r)
                id = r['requestContext']['requestId']
                self.assertNotIn(id, seen, f'{note}: two records of one event')
                seen[id] = key
        self.assertEqual(len(set(seen.values())), len(seen), f'{note}: one request became two events')
        lost = {id: key for id, key in accepted.items() if seen.get(id) != key}
        self.assertEqual(lost, {}, f'{note}: {len(lost)} of {len(accepted)} accepted events without a record')
        self.check_journeys(seen)
        print(f'{ROUNDS} kills in {shaken - began:.0f} s, {time.monotonic() - shaken:.0f} s to the end: {len(sent)} sent, {len(accepted)} accepted, {len(seen)} records, '
              f'{len(records["RetriesExhausted"])} of them after retries', flush=True)

    def unfold(self, r):
        """The record of an event of `first` is the event of `native`: there must be one record for it too."""
        inner = r['requestPayload']
        if 'requestContext' not in inner:
            self.assertNotEqual((inner['n'] % 7 == 0, inner['n'] % 5 == 0, inner['n'] % 41 == 0), (True, False, False), r)
            return r
        self.assertEqual((r['requestContext']['condition'], r['responsePayload']), ('Success', {'ran': inner}), r)
        self.assertNotEqual(r['requestContext']['requestId'], inner['requestContext']['requestId'])
        return inner

    def check_record(self, condition, r):
        event = r['requestPayload']
        self.assertEqual(r['requestContext']['condition'], condition, r)
        if event.get('do') == 'fail':
            self.assertEqual((condition, r['requestContext']['approximateInvokeCount']), ('RetriesExhausted', 3), r)
            self.assertEqual(r['responsePayload'], {'errorType': 'Asked', 'errorMessage': 'as asked'})
        else:                                                # the answer is made of the event: it has run
            self.assertEqual((condition, r['requestContext']['approximateInvokeCount'], r['responsePayload']),
                             ('Success', 1, {'ran': event}), r)

    def check_journeys(self, seen):
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=40)
        for id, (_, n) in seen.items():
            connection.request('GET', f'/_waybill/journeys/{id}')
            reply = connection.getresponse()
            story = json.loads(reply.read())
            self.assertEqual(reply.status, 200, f'no journey of {id}')
            steps = [s['step'] for s in story['steps']]
            if n % 5 == 0:
                self.assertEqual(story['state'], 'failed')
                self.assertEqual([s for s in steps if s != 'throttled'], ['accepted', *['started', 'failed', 'retry'] * 2, 'started',
                                                                          'failed', 'exhausted', 'sent'], story)
            else:
                self.assertEqual((story['state'], steps), ('succeeded', ['accepted', 'started', 'succeeded', 'sent']), story)
        connection.close()


class Restarts(DataCase):
    """What stands in the data directory stands there after any end."""

    def everything(self):
        awslambda, sqs, iam = self.client('lambda'), self.client('sqs'), self.client('iam')
        functions = [awslambda.get_function(FunctionName=f['FunctionName']) for f in awslambda.list_functions()['Functions']]
        for f in functions:
            f.pop('ResponseMetadata')
            f['Code'].pop('Location')                        # it names the server's port
        urls = sorted(u.split('/', 3)[3] for u in sqs.list_queues().get('QueueUrls', []))
        attributes = [sqs.get_queue_attributes(QueueUrl=f'{self.endpoint}/{u}', AttributeNames=['All'])['Attributes'] for u in urls]
        return {'functions': functions, 'queues': dict(zip(urls, attributes)),
                'configs': awslambda.list_function_event_invoke_configs(FunctionName='keep')['FunctionEventInvokeConfigs'],
                'versions': awslambda.list_versions_by_function(FunctionName='keep')['Versions'],
                'aliases': awslambda.list_aliases(FunctionName='keep')['Aliases'],
                'policy': awslambda.get_policy(FunctionName='keep')['Policy'],
                'concurrency': awslambda.get_function_concurrency(FunctionName='keep')['ReservedConcurrentExecutions'],
                'recursion': awslambda.get_function_recursion_config(FunctionName='keep')['RecursiveLoop']
                if hasattr(awslambda, 'get_function_recursion_config') else None,
                'role': iam.get_role(RoleName='r')['Role'],
                'role policy': iam.get_role_policy(RoleName='r', PolicyName='inline')['PolicyDocument'],
                'journeys': self.journeys(),
                'logs': [(e['message'], e['timestamp']) for e in self.client('logs').filter_log_events(
                    logGroupName='/aws/lambda/keep')['events']]}

    def test_everything_is_there_again(self):
        awslambda = self.client('lambda')
        url, arn = self.queue('kept', VisibilityTimeout=7)
        self.function('keep', 'def handler(e, c):\n    print("line", e)\n    return e\n', Publish=True, Tags={'a': 'b'})
        awslambda.create_alias(FunctionName='keep', Name='live', FunctionVersion='1')
        awslambda.put_function_event_invoke_config(FunctionName='keep', Qualifier='live', MaximumRetryAttempts=1,
                                                   DestinationConfig={'OnSuccess': {'Destination': arn}})
        awslambda.put_function_event_invoke_config(FunctionName='keep', MaximumEventAgeInSeconds=90)
        awslambda.put_function_concurrency(FunctionName='keep', ReservedConcurrentExecutions=3)
        awslambda.add_permission(FunctionName='keep', StatementId='s', Action='lambda:InvokeFunction', Principal='sns.amazonaws.com')
        self.client('sqs').send_message(QueueUrl=url, MessageBody='waits', MessageAttributes={
            'k': {'DataType': 'String', 'StringValue': 'v'}})
        self.advance(3600_000)
        self.event('keep', {'n': 1}, Qualifier='live')
        self.settle(advance=True)
        time.sleep(1.2)                                      # log lines are written within a second
        before, clock = self.everything(), self.clock()['now']
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with self.subTest(how):
                self.again(how)
                self.assertEqual(self.everything(), before)
                self.assertGreaterEqual(self.clock()['now'], clock)
        messages = self.receive(self.queue('kept', VisibilityTimeout=7)[0], 2)
        self.assertEqual(sorted(len(m['Body']) > 10 for m in messages), [False, True])
        self.assertEqual([m['MessageAttributes']['k']['StringValue'] for m in messages if m['Body'] == 'waits'], ['v'])
        self.assertEqual(self.invoke('keep', {'again': 1}, Qualifier='live')[1], {'again': 1})

    def test_the_clock_never_steps_back(self):
        for setting in ({'advance_ms': 86400000}, {'rate': 1000}, {'freeze': True}, {'resume': True}, {'rate': 20000}, {'rate': 1}):
            for how in (signal.SIGKILL, signal.SIGTERM):
                with self.subTest(setting=setting, how=how):
                    self.assertEqual(self.control('POST', 'clock', setting)[0], 200)
                    time.sleep(0.05)
                    before = self.clock()
                    self.again(how)
                    after = self.clock()
                    self.assertGreaterEqual(after['now'], before['now'])
                    self.assertEqual((after['mode'], after['rate']), (before['mode'], before['rate']))
        self.control('POST', 'clock', {'rate': 1000})
        time.sleep(2.5)                                      # longer than what was written when the rate was set
        before = self.clock()['now']
        self.again()
        self.assertGreaterEqual(self.clock()['now'], before)
        self.control('POST', 'clock', {'rate': 1})

    def test_enqueued_and_never_run(self):
        """Acceptance 10: killed between the 202 and the execution."""
        url, arn = self.queue('after-kill')
        self.function('later', 'def handler(e, c):\n    return [e, c.aws_request_id]\n')
        self.client('lambda').put_function_event_invoke_config(FunctionName='later', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('later', b'{"n" :  1}')
        self.again()
        self.settle()
        record, = self.records(self.queue('after-kill')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestPayload'], record['responsePayload']),
                         (request_id, {'n': 1}, [{'n': 1}, request_id]))
        self.assertEqual(self.receive(self.queue('after-kill')[0], 0), [])
        self.assertEqual(self.steps(request_id), ['accepted', 'started', 'succeeded', 'sent'])

    def test_retries_go_on_where_they_were(self):
        url, arn = self.queue('retried')
        self.function('fails', 'def handler(e, c):\n    raise ValueError(e)\n')
        self.client('lambda').put_function_event_invoke_config(FunctionName='fails', DestinationConfig={'OnFailure': {'Destination': arn}})
        request_id = self.event('fails', {'n': 1})
        self.settle()
        self.again()
        self.settle()
        self.assertEqual(self.steps(request_id), ['accepted', 'started', 'failed', 'retry'])
        self.assertEqual(self.journey(request_id)['state'], 'queued')
        self.advance(61_000)
        self.again()
        self.assertEqual(self.steps(request_id), ['accepted', *['started', 'failed', 'retry'] * 2])
        self.settle(advance=True)
        record, = self.records(self.queue('retried')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestContext']['condition'],
                          record['requestContext']['approximateInvokeCount']), (request_id, 'RetriesExhausted', 3))
        steps = self.journey(request_id)['steps']
        self.assertEqual([s['step'] for s in steps], ['accepted', *['started', 'failed', 'retry'] * 2, 'started', 'failed', 'exhausted', 'sent'])

    def test_the_function_is_gone_when_the_server_comes_back(self):
        """Deleted while its event waits: the record is delivered as configured, also by another server."""
        _, arn = self.queue('orphaned')
        self.function('orphan', 'def handler(e, c):\n    raise ValueError(e)\n', Publish=True)
        self.client('lambda').put_function_event_invoke_config(FunctionName='orphan', Qualifier='1', MaximumRetryAttempts=1,
                                                               DestinationConfig={'OnFailure': {'Destination': arn}})
        id = self.event('orphan', '[1]', Qualifier='1')
        never = self.event('orphan', '[2]')
        self.settle()
        self.client('lambda').delete_function(FunctionName='orphan')
        self.again()
        self.settle(advance=True)
        record, = self.records(self.queue('orphaned')[0])
        self.assertEqual(record['requestContext'], {'requestId': id, 'functionArn': self.journey(id)['functionArn'] + ':1',
                                                    'condition': 'RetriesExhausted', 'approximateInvokeCount': 2})
        self.assertEqual(record['responseContext'], {'statusCode': 404})
        self.assertEqual(self.steps(id), ['accepted', 'started', 'failed', 'retry', 'missing', 'exhausted', 'sent'])
        self.assertEqual(self.steps(never)[-1], 'exhausted')

    def test_the_running_one_runs_again(self):
        url, arn = self.queue('ran-twice')
        self.function('holds', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='holds', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('holds', '{"do":"slow"}')
        support.wait_until(lambda: self.journey(request_id)['state'] == 'running', what='running')
        self.again()
        self.settle()
        record, = self.records(self.queue('ran-twice')[0])
        self.assertEqual((record['requestContext']['requestId'], record['responsePayload']), (request_id, {'ran': {'do': 'slow'}}))
        self.assertEqual(self.receive(self.queue('ran-twice')[0], 0), [])


class Drain(DataCase):
    def test_a_stop_under_load(self):
        """SIGTERM: what runs is awaited and answered, what waits stays, the status is 0; nothing runs twice."""
        url, arn = self.queue('drained')
        self.function('n', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', DestinationConfig={'OnSuccess': {'Destination': arn}})
        place = {'at': (0, self.server.port), 'over': False}
        clients = [DrainClient(i, place) for i in range(3)]
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(self.http('POST', '/2015-03-31/functions/n/invocations', {
            'Authorization': support.authorization('lambda')}, '{"do":"slow"}')))
        waiter.start()
        for c in clients:
            c.start()
        time.sleep(0.25)
        old = self.server
        self.assertEqual(old.stop(), 0, old.stderr()[-2000:])
        self.assertEqual(old.complaints(self.expected_events), [])
        place['over'] = True
        for c in clients:
            c.join(20)
        waiter.join(20)
        self.assertEqual([(a[0], a[2]) for a in answers], [(200, b'{"ran":{"do":"slow"}}')])
        accepted = {id for c in clients for id in c.accepted.values()}
        self.assertGreater(len(accepted), 10)
        self.start_server()
        self.settle()
        ids = [r['requestContext']['requestId'] for r in self.read_queue(self.queue('drained')[0])]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(accepted - set(ids), set())


    def test_the_drain_runs_out(self):
        """What is not done in time stays queued, and is done by the next server: one record."""
        url, arn = self.queue('late')
        self.again(signal.SIGKILL)
        self.function('hold', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='hold', DestinationConfig={'OnSuccess': {'Destination': arn}})
        self.server.kill()
        self.server.remove()
        self.start_server('--drain', '100ms')
        id = self.event('hold', '{"do":"slow"}')
        support.wait_until(lambda: self.journey(id)['state'] == 'running', what='running')
        broken = []

        def call():
            try:
                self.http('POST', '/2015-03-31/functions/hold/invocations', {'Authorization': support.authorization('lambda')}, '{"do":"slow"}')
            except (OSError, http.client.HTTPException) as e:
                broken.append(e)
        waiter = threading.Thread(target=call)
        waiter.start()
        support.wait_until(lambda: self.health()['environments']['busy'] == 2, what='both run')
        began = time.monotonic()
        self.again(signal.SIGTERM)
        waiter.join(20)
        self.assertEqual(len(broken), 1)
        self.assertLess(time.monotonic() - began, 10)
        self.settle()
        record, = self.read_queue(self.queue('late')[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestContext']['approximateInvokeCount']), (id, 1))


class DrainClient(Client):
    def invoke(self, connection, n):
        self.sent[n] = '{}'
        connection.request('POST', '/2015-03-31/functions/n/invocations', '{}', {
            'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')})
        reply = connection.getresponse()
        reply.read()
        if reply.status == 202:
            self.accepted[n] = reply.getheader('x-amzn-RequestId')


class Processes(DataCase):
    def test_no_function_outlives_its_server(self):
        """Idle, busy and deaf to SIGTERM: all are gone when the server was killed, and when it was stopped."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.addCleanup(ctypes.CDLL(None).prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        deaf = ('import os, signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
                'def handler(e, c):\n    subprocess.Popen(["/bin/sh", "-c", "trap \'\' TERM; sleep 300"], start_new_session=True)\n'
                '    time.sleep(e.get("s", 0))\n')
        self.function('deaf', deaf, Timeout=60)
        for how, options in ((signal.SIGKILL, ()), (signal.SIGTERM, ('--drain', '200ms'))):
            with self.subTest(how):
                self.server.kill()
                self.server.remove()
                self.bury()
                self.start_server(*options)
                self.invoke('deaf')
                self.event('deaf', {'s': 30})
                support.wait_until(lambda: self.health()['events']['running'] >= 1, what='running')
                time.sleep(0.2)
                self.assertGreater(len(descendants(self.server.process.pid)), 3)
                if how == signal.SIGKILL:
                    self.server.kill()
                else:
                    self.assertEqual(self.server.stop(), 0)
                self.bury()
        self.start_server('--drain', '200ms')

    def bury(self):
        Kills.nobody_left(self)


class PlainProcesses(Processes):
    """The same without namespaces, where no kernel does the killing."""
    server_args = ('--no-sandbox',)


def descendants(root):
    parents = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                parents[int(pid)] = int(f.read().rpartition(')')[2].split()[1])
        except OSError:
            continue
    found = {root}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found - {root}
        found |= more


class OneDirectory(DataCase):
    def test_a_second_server_is_refused(self):
        second = support.Server(['--data', self.data], wait=False)
        self.assertEqual(second.wait(20), 1)
        self.assertRegex(second.stderr(), r'^waybill: the data directory cannot be used: .*' + self.data)
        self.assertNotIn('Sanitizer', second.stderr())
        self.assertEqual(second.stdout(), '')
        second.remove()
        self.assertEqual(self.health()['status'], 'ok')
        self.queue('still-works')


class SmallDisk(DataCase):
    """A data directory on a file system of its own."""
    expected_events = ('disk_full', *KILLED)
    size = '24m'

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest('disk full: only root can mount a small tmpfs')
        cls.small = tempfile.mkdtemp(prefix='waybill-small-')
        cls.addClassCleanup(os.rmdir, cls.small)
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=' + cls.size, 'tmpfs', cls.small], capture_output=True, text=True)
        if done.returncode != 0:
            raise unittest.SkipTest('disk full: this machine lets even root mount nothing: ' + done.stderr.strip())
        cls.addClassCleanup(subprocess.run, ['umount', '-l', cls.small])
        super().setUpClass()

    @classmethod
    def start_server(cls, *args):
        cls.server = support.Server(['--data', os.path.join(cls.small, 'data'), *args], cls.server_env)
        cls.endpoint = cls.server.endpoint
        for client in cls._clients.values():
            client.close()
        cls._clients.clear()
        return cls.server


class DiskFull(SmallDisk):
    def test_full_and_free_again(self):
        url, arn = self.queue('ok')
        self.function('n', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', DestinationConfig={'OnSuccess': {'Destination': arn}})
        ballast = os.path.join(self.small, 'ballast')
        accepted, statuses = [], []

        def send(n):
            status, headers, data = self.http('POST', '/2015-03-31/functions/n/invocations', {
                'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')},
                json.dumps({'n': n, 'pad': 'x' * 60000}))
            statuses.append(status)
            if status == 202:
                accepted.append((n, headers['x-amzn-RequestId']))
            return status, data

        for n in range(5):
            self.assertEqual(send(n)[0], 202)
        with open(ballast, 'wb', buffering=0) as f:          # what is left goes to somebody else
            try:
                while True:
                    f.write(b'\0' * 4096)
            except OSError:
                pass
        for n in range(5, 25):
            status, data = send(n)
            if status != 202:
                self.assertEqual(status, 500, data)
        self.assertIn(500, statuses)
        self.assertEqual(self.health()['status'], 'ok')
        os.unlink(ballast)
        support.wait_until(lambda: send(1000 + len(statuses))[0] == 202, 10, 0.2, 'accepting again')
        self.settle(advance=True)
        records = self.read_queue(url)
        got = sorted((r['requestPayload']['n'], r['requestContext']['requestId']) for r in records)
        self.assertEqual(got, sorted(accepted))
        for _, id in accepted:
            self.assertEqual(self.journey(id)['state'], 'succeeded')
        self.server.kill()
        self.start_server()
        self.settle(advance=True)
        self.assertEqual(self.receive(url.replace(url.split('/')[2], f'127.0.0.1:{self.server.port}'), 0), [])



class DiskFullWhileRunning(SmallDisk):
    def test_full_while_events_run(self):
        """Their ends cannot be written: they run again when there is room, each with one record."""
        _, arn = self.queue('slow')
        self.function('s', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='s', DestinationConfig={'OnSuccess': {'Destination': arn}})
        ids = [self.event('s', '{"do":"slow","n":%d,"pad":"%s"}' % (n, 'x' * 30000)) for n in range(20)]
        ballast = os.path.join(self.small, 'ballast')
        with open(ballast, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(b'\0' * 4096)
            except OSError:
                pass
        support.wait_until(lambda: 'event=disk_full' in self.server.stderr(), 10, what='a turn that could not be written')
        self.server.kill()
        self.full_start()
        os.unlink(ballast)
        self.start_server()
        self.settle(advance=True)
        self.assertEqual(sorted(r['requestContext']['requestId'] for r in self.read_queue(self.queue_url('slow'))), sorted(ids))

    def full_start(self):
        """A start needs a page or two: where they are not to be had it says so and ends."""
        server = support.Server(['--data', os.path.join(self.small, 'data')], wait=False)
        support.wait_until(lambda: server.process.poll() is not None or 'ready on' in server.stdout(), 20, what='started or refused')
        if server.process.poll() is not None:
            self.assertEqual(server.process.returncode, 1)
            self.assertRegex(server.stderr(), r'^waybill: .*(no room left|disk is full|No space left on device)\n$')
        server.kill()
        self.assertEqual(server.complaints(self.expected_events), [])
        server.remove()

    def queue_url(self, name):
        return self.client('sqs').get_queue_url(QueueName=name)['QueueUrl']


if __name__ == '__main__':
    support.main()
