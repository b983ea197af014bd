#!/usr/bin/python3
"""The control API under /_waybill/, and the life of the server process: start, stop, restart, two at once."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest
from datetime import datetime

import support

ECHO = 'def handler(event, context): return event'
FAIL = 'def handler(event, context): raise ValueError("no luck")'


def when(text):
    return datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').timestamp()


class Health(support.ServerCase):
    def test_counts(self):
        self.reset()
        empty = self.health()
        self.assertEqual((empty['status'], empty['account'], empty['permissions']), ('ok', support.ACCOUNT, 'check'))
        self.assertEqual(empty['resources'], {'functions': 0, 'queues': 0})
        self.assertEqual(empty['events'], {'queued': 0, 'ready': 0, 'running': 0, 'waiting': 0})
        self.assertEqual(set(empty['stalls']) - {'worst'}, {'count', 'worst_us'})
        self.assertEqual('worst' in empty['stalls'], empty['stalls']['count'] > 0)
        self.queue('q')
        self.function('f', FAIL)
        self.event('f')
        self.settle()
        full = self.health()
        self.assertEqual(full['resources'], {'functions': 1, 'queues': 1})
        self.assertEqual((full['events']['queued'], full['events']['waiting']), (1, 1))
        self.assertGreaterEqual(full['environments']['started'], 1)
        self.assertGreater(full['engine']['commits'], empty['engine']['commits'])
        self.settle(advance=True)
        self.assertEqual(self.health()['events']['queued'], 0)

    def test_what_is_not_there(self):
        self.assertEqual(self.control('GET', 'nothing')[0], 404)
        self.assertEqual(self.control('GET', 'settle')[0], 405)
        self.assertEqual(self.control('DELETE', 'health')[0], 405)
        self.assertEqual(self.control('GET', 'journeys/none')[0], 404)
        self.assertEqual(self.http('GET', '/_waybill')[0], 404)
        for path in ('code/' + 'a' * 64, 'code/..%2f..%2fstore', 'code/../health', 'code/'):
            self.assertIn(self.http('GET', '/_waybill/' + path)[0], (400, 404), path)

    def test_errors_are_sentences(self):
        for path, body in (('clock', '{"advance_ms":-1}'), ('clock', '{"advance_ms":"x"}'), ('clock', '{"advance_ms":1e99}'),
                           ('clock', '{"rate":0}'), ('clock', '{"rate":-1}'), ('clock', '{"freeze":1}'), ('clock', '{"jump":1}'),
                           ('clock', '{"freeze":true,"resume":true}'), ('clock', '{}'), ('clock', '[]'), ('clock', 'no'), ('clock', ''),
                           ('settle', '{"advance":1}'), ('settle', '{"timeout_ms":-1}'), ('settle', '{"hurry":true}'), ('settle', '[')):
            with self.subTest(f'{path} {body}'):
                status, _, reply = self.http('POST', f'/_waybill/{path}', {}, body)
                self.assertEqual(status, 400)
                self.assertGreater(len(json.loads(reply)['error']), 15)
        self.assertEqual(self.http('POST', '/_waybill/settle', {}, ' ' * 70000)[0], 413)
        self.assertEqual(self.http('GET', '/_waybill/journeys?limit=0')[0], 400)
        self.assertEqual(self.http('GET', '/_waybill/journeys?limit=1001')[0], 400)

    def test_a_package_can_be_fetched(self):
        made = self.function('f2', ECHO)
        location = self.client('lambda').get_function(FunctionName='f2')['Code']['Location']
        path = re.sub(r'^http://[^/]+', '', location)
        status, headers, body = self.http('GET', path)
        self.assertEqual((status, len(body), body[:2]), (200, made['CodeSize'], b'PK'))


class Clock(support.ServerCase):
    def tearDown(self):
        self.control('POST', 'clock', {'resume': True})
        self.control('POST', 'clock', {'rate': 1})

    def now(self):
        return when(self.clock()['now'])

    def test_it_runs(self):
        before = self.now()
        time.sleep(0.2)
        self.assertAlmostEqual(self.now() - before, 0.2, delta=0.15)

    def test_advance(self):
        before, offset = self.now(), self.clock()['offset_ms']
        reply = self.advance(90_000)
        self.assertAlmostEqual(when(reply['now']) - before, 90, delta=0.5)
        self.assertEqual(reply['offset_ms'], offset + 90_000)

    def test_frozen_time_stands_still_and_can_be_moved(self):
        frozen = self.control('POST', 'clock', {'freeze': True})[1]
        self.assertEqual(frozen['mode'], 'frozen')
        time.sleep(0.1)
        self.assertEqual(self.clock()['now'], frozen['now'])
        self.advance(1500)
        self.assertAlmostEqual(self.now() - when(frozen['now']), 1.5, places=3)
        self.assertEqual(self.control('POST', 'clock', {'resume': True})[1]['mode'], 'running')
        stood = self.now()
        time.sleep(0.1)
        self.assertGreater(self.now(), stood)

    def test_rate(self):
        self.assertEqual(self.control('POST', 'clock', {'rate': 1000})[1]['rate'], 1000)
        before = self.now()
        time.sleep(0.2)
        self.assertAlmostEqual(self.now() - before, 200, delta=150)

    def test_a_frozen_server_goes_on_answering(self):
        self.control('POST', 'clock', {'freeze': True})
        url, arn = self.queue('frozen')
        self.function('still', ECHO)
        self.client('lambda').put_function_event_invoke_config(FunctionName='still', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('still', {'n': 1})
        self.settle()
        record, = self.records(url)
        self.assertEqual(record['requestContext']['requestId'], request_id)
        self.assertEqual(when(record['timestamp']), self.now())

    def test_services_are_on_it(self):
        url, _ = self.queue('delayed', DelaySeconds=600)
        self.client('sqs').send_message(QueueUrl=url, MessageBody='later')
        self.advance(599_000)
        self.assertEqual(self.receive(url, 0), [])
        self.advance(1_500)
        self.assertEqual([m['Body'] for m in self.receive(url)], ['later'])


class Settle(support.ServerCase):
    def test_quiet_at_once(self):
        reply = self.settle()
        self.assertEqual(reply, {'settled': True, 'advanced_ms': 0, 'pending': 0})

    def test_waits_for_what_runs_and_not_for_retries(self):
        self.function('slow', 'import time\ndef handler(e, c):\n    time.sleep(0.5)\n    raise KeyError("x")')
        request_id = self.event('slow')
        reply = self.settle()
        self.assertEqual((reply['advanced_ms'], reply['pending']), (0, 1))
        self.assertEqual(self.steps(request_id)[-1], 'retry')
        reply = self.settle(advance=True)
        self.assertEqual(reply['pending'], 0)
        self.assertAlmostEqual(reply['advanced_ms'], 180_000, delta=3_000)
        self.assertEqual(self.steps(request_id), ['accepted', 'started', 'failed', 'retry', 'started', 'failed', 'retry',
                                                  'started', 'failed', 'exhausted'])

    def test_gives_up_in_time(self):
        self.function('slower', 'import time\ndef handler(e, c): time.sleep(2)')
        self.event('slower')
        began = time.monotonic()
        status, reply = self.control('POST', 'settle', {'timeout_ms': 300})
        self.assertEqual((status, reply['settled']), (200, False))
        self.assertLess(time.monotonic() - began, 1.5)
        self.settle()

    def test_a_client_that_leaves_hurts_nobody(self):
        self.function('slow2', 'import time\ndef handler(e, c): time.sleep(0.7)')
        self.event('slow2')
        with socket.create_connection(('127.0.0.1', self.server.port)) as s:
            s.sendall(b'POST /_waybill/settle HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n')
            time.sleep(0.1)
        self.settle()

    def test_advance_walks(self):
        """Three minutes advanced are three minutes lived: both retries happen at their time, on the way."""
        self.function('walked', FAIL)
        request_id = self.event('walked')
        self.settle()
        self.advance(185_000)
        self.settle()
        times = [when(s['time']) for s in self.journey(request_id)['steps'] if s['step'] == 'started']
        self.assertEqual(len(times), 3)
        self.assertAlmostEqual(times[1] - times[0], 60, delta=2)
        self.assertAlmostEqual(times[2] - times[1], 120, delta=2)


class Journeys(support.ServerCase):
    def test_the_whole_story(self):
        url, arn = self.queue('told')
        self.function('teller', FAIL)
        self.client('lambda').put_function_event_invoke_config(FunctionName='teller', MaximumRetryAttempts=1,
                                                               DestinationConfig={'OnFailure': {'Destination': arn}})
        request_id = self.event('teller', {'a': 1})
        self.settle(advance=True)
        told = self.journey(request_id)
        self.assertEqual(told['requestId'], request_id)
        self.assertEqual(told['functionArn'], 'arn:aws:lambda:us-east-1:000000000000:function:teller')
        steps = {s['step']: s for s in told['steps']}
        self.assertEqual([s['step'] for s in told['steps']],
                         ['accepted', 'started', 'failed', 'retry', 'started', 'failed', 'exhausted', 'sent'])
        self.assertIn('ValueError', steps['failed']['text'])
        self.assertIn('no luck', steps['failed']['text'])
        self.assertIn(arn, steps['sent']['text'])
        self.assertEqual([s['time'] for s in told['steps']], sorted(s['time'] for s in told['steps']))
        message, = self.receive(url)
        self.assertIn(message['MessageId'], steps['sent']['text'])

    def test_refused_delivery_says_why(self):
        _, arn = self.queue('closed')
        role = self.role('may-nothing')                      # the right is checked when the destination is set ...
        self.function('poor', ECHO, Role=role)
        self.client('lambda').put_function_event_invoke_config(FunctionName='poor', DestinationConfig={'OnSuccess': {'Destination': arn}})
        self.client('iam').delete_role_policy(RoleName='may-nothing', PolicyName='inline')   # ... and again at delivery
        request_id = self.event('poor')
        self.settle(advance=True)
        last = self.journey(request_id)['steps'][-1]
        self.assertEqual(last['step'], 'refused')
        self.assertIn('sqs:SendMessage', last['text'])

    def test_list(self):
        self.reset()
        self.function('one', ECHO)
        self.function('two', ECHO)
        ids = [self.event(name) for name in ('one', 'two', 'one', 'two', 'one')]
        self.settle()
        self.assertEqual([j['requestId'] for j in self.journeys()], ids[::-1])
        self.assertEqual([j['requestId'] for j in self.journeys('two')], [ids[3], ids[1]])
        self.assertEqual([j['requestId'] for j in self.journeys('arn:aws:lambda:us-east-1:000000000000:function:one', 2)], [ids[4], ids[2]])
        self.assertEqual(self.journeys('none'), [])
        self.invoke('one')                                   # synchronous: no journey
        self.assertEqual(len(self.journeys()), 5)


class Reset(support.ServerCase):
    def test_everything_goes(self):
        url, _ = self.queue('gone')
        self.function('gone', FAIL)
        self.client('sqs').send_message(QueueUrl=url, MessageBody='x')
        self.client('logs').create_log_group(logGroupName='/gone')
        request_id = self.event('gone')
        self.settle()
        self.advance(1000)
        before = self.clock()['offset_ms']
        self.assertEqual(self.reset(), {'reset': True})
        self.assertEqual(self.client('lambda').list_functions()['Functions'], [])
        self.assertEqual(self.client('sqs').list_queues().get('QueueUrls', []), [])
        self.assertEqual(self.client('logs').describe_log_groups()['logGroups'], [])
        self.assertEqual(self.client('iam').list_roles()['Roles'], [])
        self.assertEqual(self.journeys(), [])
        self.assertEqual(self.control('GET', f'journeys/{request_id}')[0], 404)
        self.assertEqual(self.health()['events']['queued'], 0)
        self.assertEqual(self.clock()['offset_ms'], before, 'the clock stays')
        self.settle(advance=True)
        self.function('gone', ECHO)                          # and everything can come again
        self.assertEqual(self.invoke('gone', {'n': 2})[1], {'n': 2})

    def test_while_functions_run(self):
        self.function('busy', 'import time\ndef handler(e, c): time.sleep(3)')
        ids = [self.event('busy') for _ in range(3)]
        support.wait_until(lambda: self.health()['events']['running'] > 0, what='a running event')
        self.reset()
        self.assertEqual(self.control('GET', f'journeys/{ids[0]}')[0], 404)
        support.wait_until(lambda: self.health()['environments']['all'] == 0, what='the end of the processes')
        self.settle()


class Process(unittest.TestCase):
    """Servers with a data directory, started and ended by hand."""

    def setUp(self):
        self.data = tempfile.mkdtemp(prefix='waybill-data-')
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)

    def start(self, *args):
        server = support.Server(['--data', self.data, *args])
        self.addCleanup(server.remove)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server

    def case(self, server):
        """ServerCase's short ways, on a server that is ours."""
        case = support.ServerCase()
        case.server, case.endpoint = server, server.endpoint
        type(case)._clients, type(case)._sessions, type(case).endpoint = {}, {}, server.endpoint
        return case

    def end(self, server):
        self.assertEqual(server.end(), [])

    def test_restart_keeps_everything(self):
        first = self.start()
        on = self.case(first)
        url, arn = on.queue('kept')
        on.client('sqs').send_message(QueueUrl=url, MessageBody='still here')
        on.function('kept', FAIL, Environment={'Variables': {'AB': 'c'}})
        on.client('lambda').put_function_event_invoke_config(FunctionName='kept', DestinationConfig={'OnFailure': {'Destination': arn}})
        on.client('logs').create_log_group(logGroupName='/kept')
        request_id = on.event('kept', {'n': 1})
        on.settle()
        on.advance(61_000)
        on.settle()
        self.assertEqual(on.steps(request_id).count('started'), 2)
        clock = on.clock()
        self.end(first)

        second = self.start()
        on = self.case(second)
        again = on.clock()
        self.assertGreaterEqual(when(again['now']), when(clock['now']), 'the clock never steps back')
        self.assertAlmostEqual(again['offset_ms'], clock['offset_ms'], delta=2000)
        self.assertEqual(on.client('lambda').get_function_configuration(FunctionName='kept')['Environment'], {'Variables': {'AB': 'c'}})
        self.assertEqual([g['logGroupName'] for g in on.client('logs').describe_log_groups(logGroupNamePrefix='/kept')['logGroups']], ['/kept'])
        self.assertEqual(on.health()['events']['queued'], 1)
        on.settle(advance=True)
        self.assertEqual(on.steps(request_id).count('started'), 3)
        bodies = [m['Body'] for m in on.receive(url, 2)]
        self.assertIn('still here', bodies)
        bodies.remove('still here')
        record = json.loads(bodies[0])
        self.assertEqual((record['requestContext']['requestId'], record['requestContext']['approximateInvokeCount']), (request_id, 3))
        self.end(second)

    def test_a_kill_loses_nothing_that_was_answered(self):
        first = self.start()
        on = self.case(first)
        url, arn = on.queue('survivors')
        on.function('echo', ECHO)
        on.client('lambda').put_function_event_invoke_config(FunctionName='echo', DestinationConfig={'OnSuccess': {'Destination': arn}})
        ids = {on.event('echo', {'n': n}) for n in range(40)}
        first.kill()
        second = self.start()
        on = self.case(second)
        on.settle(advance=True)
        got = {r['requestContext']['requestId'] for r in on.records(url, 40)}
        self.assertEqual(ids - got, set())
        self.end(second)

    def test_second_server_is_refused(self):
        first = self.start()
        second = support.Server(['--data', self.data], wait=False)
        self.addCleanup(second.remove)
        self.assertEqual(second.wait(10), 1)
        self.assertIn(self.data, second.stderr())
        self.assertEqual(second.complaints(), [])
        self.assertEqual(self.case(first).health()['status'], 'ok')
        self.end(first)
        self.end(self.start())                               # and the lock is gone with its owner

    def test_port_in_use(self):
        first = self.start()
        second = support.Server(['--ephemeral', '--port', str(first.port)], wait=False)
        self.addCleanup(second.remove)
        self.assertEqual(second.wait(10), 1)
        self.assertIn(f'port {first.port}', second.stderr())
        self.assertEqual(second.complaints(), [])
        self.end(first)

    def test_unusable_data_directory(self):
        path = os.path.join(self.data, 'file')
        with open(path, 'w') as f:
            f.write('not a directory')
        server = support.Server(['--data', path], wait=False)
        self.addCleanup(server.remove)
        self.assertEqual(server.wait(10), 1)
        self.assertIn('data directory', server.stderr())
        self.assertEqual(server.complaints(), [])

    def test_ready_line_and_ephemeral_leave_nothing(self):
        server = support.Server(['--ephemeral'])
        self.addCleanup(server.remove)
        self.assertRegex(server.ready_line, r'^waybill \S+ ready on http://127\.0\.0\.1:\d+ after [0-9.]+ ms; data: /\S+ \(ephemeral\); '
                         r'requests: believed unsigned \(--auth open\); functions: ')
        place = re.search(r'data: (\S+)', server.ready_line).group(1)
        mode = os.stat(place).st_mode
        self.assertTrue(stat.S_ISDIR(mode))
        self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, 'nobody else may read it')
        self.assertEqual(server.end(), [])
        self.assertFalse(os.path.exists(place))

    def test_both_signals_end_it(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = support.Server(['--ephemeral'])
            self.addCleanup(server.remove)
            began = time.monotonic()
            self.assertEqual(server.stop(number), 0)
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual(server.complaints(), [])

    def test_stop_waits_for_what_runs(self):
        server = self.start('--drain', '8s')
        on = self.case(server)
        url, arn = on.queue('drained')
        on.function('slow', 'import time\ndef handler(e, c):\n    time.sleep(1)\n    return "done"')
        on.client('lambda').put_function_event_invoke_config(FunctionName='slow', DestinationConfig={'OnSuccess': {'Destination': arn}})
        on.event('slow')
        support.wait_until(lambda: on.health()['events']['running'] == 1, what='a running event')
        self.end(server)
        again = self.start()
        on = self.case(again)
        record, = on.records(on.client('sqs').get_queue_url(QueueName='drained')['QueueUrl'])
        self.assertEqual((record['responsePayload'], record['requestContext']['approximateInvokeCount']), ('done', 1))
        self.end(again)

    def test_an_event_cut_off_by_the_drain_runs_again(self):
        server = self.start('--drain', '300ms')
        on = self.case(server)
        on.function('endless', {'index.py': 'import os, time\ndef handler(e, c):\n    time.sleep(float(e["s"]))\n    return 1'})
        request_id = on.event('endless', {'s': 3})
        support.wait_until(lambda: on.health()['events']['running'] == 1, what='a running event')
        began = time.monotonic()
        self.end(server)
        self.assertLess(time.monotonic() - began, 2.5)
        again = self.start()
        on = self.case(again)
        on.settle(advance=True)
        self.assertEqual(on.steps(request_id)[-1], 'succeeded')
        self.end(again)

    def test_long_poll_ends_with_the_server(self):
        server = self.start()
        on = self.case(server)
        url, _ = on.queue('polled')
        poll = subprocess.Popen(['/usr/bin/aws', '--endpoint-url', server.endpoint, 'sqs', 'receive-message', '--queue-url', url,
                                 '--wait-time-seconds', '20'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env={'PATH': '/usr/bin:/bin', 'HOME': self.data, 'AWS_ACCESS_KEY_ID': 'test', 'AWS_MAX_ATTEMPTS': '1',
                                     'AWS_SECRET_ACCESS_KEY': 'test', 'AWS_DEFAULT_REGION': 'us-east-1'})
        self.addCleanup(lambda: (poll.kill(), poll.wait()))
        time.sleep(1.5)
        began = time.monotonic()
        self.end(server)
        self.assertLess(time.monotonic() - began, 4)


class RetryDelay(support.ServerCase):
    server_args = ('--retry-delay', '50ms')

    def test_real_time_retries_can_be_quick(self):
        self.function('quick', FAIL)
        request_id = self.event('quick')
        support.wait_until(lambda: self.steps(request_id)[-1] == 'exhausted', what='all three attempts')
        self.assertEqual(self.health()['retry_delay_ms'], 50)
        self.assertEqual(self.clock()['offset_ms'], 0)


class Strict(support.ServerCase):
    server_args = ('--permissions', 'strict', '--account', '123456789012')

    def test_account_and_mode(self):
        health = self.health()
        self.assertEqual((health['account'], health['permissions']), ('123456789012', 'strict'))
        self.assertEqual(self.queue('q')[1], 'arn:aws:sqs:us-east-1:123456789012:q')

    def test_unknown_role_may_nothing(self):
        self.assertFault('InvalidParameterValueException', self.client('lambda').create_function, FunctionName='f',
                         Runtime='python3.11', Handler='index.handler', Role='arn:aws:iam::123456789012:role/unknown',
                         Code={'ZipFile': self.zip({'index.py': ECHO})},
                         message='The role defined for the function cannot be assumed by Lambda.')


if __name__ == '__main__':
    support.main()
