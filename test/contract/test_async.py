#!/usr/bin/python3
"""Asynchronous invocation from the 202 to the record, with real functions on a moved clock."""
import json
import re
import threading
import time

import native
import support
from flows import ARN, FAILED, FAILS, TRIED, UUID, FlowCase, context


class Conditions(FlowCase):
    """One record per row of the table of conditions, each compared as a whole."""

    def test_success(self):
        self.function('f', 'def handler(event, context):\n    return {"hello": [1, 2.5, None, "ü\\u2028"]}\n')
        self.routes('f')
        id = self.event('f', b' { "mode" : "success" , "n":1.50,"big":123456789012345678901234567890 } ')
        self.settle()
        message = self.expect(self.ok, id, 'f:$LATEST', 'Success', 1,
                              '{"mode":"success","n":1.50,"big":123456789012345678901234567890}', context(),
                              '{"hello":[1,2.5,null,"\\u00fc\\u2028"]}')
        self.assertRegex(message['Attributes']['AWSTraceHeader'],
                         '^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$')
        self.assertRegex(message['Attributes']['SenderId'], '^AROA[A-Z0-9]{17}:f$')
        self.assertEqual(self.receive(self.failed, 0), [])
        journey = self.journey(id)
        self.assertEqual((journey['state'], journey['functionArn'], journey['requestId']), ('succeeded', ARN + 'f', id))
        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'sent'])
        sent = journey['steps'][3]
        self.assertEqual((sent['what'], sent['target'], sent['id']), ('on-success record', self.ok_arn, message['MessageId']))

    def test_success_of_node(self):
        self.function('node', 'exports.handler = async (event, context) => ({ id: context.awsRequestId, event })', 'nodejs20.x')
        self.routes('node')
        id = self.event('node', '{"b":2,"a":[]}')
        self.settle()
        self.expect(self.ok, id, 'node:$LATEST', 'Success', 1, '{"b":2,"a":[]}', context(),
                    '{"id":"%s","event":{"b":2,"a":[]}}' % id)

    def test_success_of_a_shell_script(self):
        script = ('#!/bin/sh\nset -e\nbase="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"\nwhile :; do\n'
                  '  headers=/tmp/headers.$$\n  event=$(curl -sS -D "$headers" "$base/next")\n'
                  '  id=$(tr -d "\\r" < "$headers" | sed -n "s/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p")\n'
                  '  curl -sS -o /dev/null -d "{\\"handler\\":\\"$_HANDLER\\",\\"event\\":$event}" "$base/$id/response"\ndone\n')
        self.function('sh', script, 'provided.al2023', 'any.thing')
        self.routes('sh')
        id = self.event('sh', '{"n":1}')
        self.settle()
        self.expect(self.ok, id, 'sh:$LATEST', 'Success', 1, '{"n":1}', context(), '{"handler":"any.thing","event":{"n":1}}')

    def test_retries_exhausted(self):
        """Acceptance 1: three STARTs with one id, 60 s and 120 s apart, one record, count 3."""
        self.function('fails', FAILS)
        self.routes('fails')
        id = self.event('fails', '{"raise_error": 1}')
        settled = self.settle(advance=True)
        self.assertTrue(179000 <= settled['advanced_ms'] <= 180000, settled)
        self.expect(self.failed, id, 'fails:$LATEST', 'RetriesExhausted', 3, '{"raise_error":1}', context(error=True), FAILED % id)
        self.assertEqual(self.receive(self.ok, 0), [])
        journey = self.journey(id)
        self.assertEqual(journey['state'], 'failed')
        self.assertEqual(self.steps(id), ['accepted', *TRIED * 2, 'started', 'failed', 'exhausted', 'sent'])
        failed = [s for s in journey['steps'] if s['step'] == 'failed']
        self.assertEqual([(s['attempt'], s['errorType'], s['errorMessage']) for s in failed], [(n, 'ValueError', 'no') for n in (1, 2, 3)])
        retries = [s for s in journey['steps'] if s['step'] == 'retry']
        self.assertEqual([(s['attempt'], s['reason']) for s in retries], [(2, 'function error'), (3, 'function error')])
        for retry, delay_ms in zip(retries, (60000, 120000)):
            self.assertEqual(retry['at'] - ms_of(retry['time']), delay_ms)
        text = ''.join(self.log_lines('/aws/lambda/fails'))
        self.assertEqual(re.findall(r'^(START|END|REPORT) RequestId: (\S+)', text, re.M),
                         [(word, id) for _ in range(3) for word in ('START', 'END', 'REPORT')])

    def test_fewer_retries(self):
        self.function('few', FAILS)
        for retries, delays in ((0, []), (1, [60000])):
            with self.subTest(retries):
                self.routes('few', retries=retries)
                id = self.event('few')
                self.settle(advance=True)
                self.expect(self.failed, id, 'few:$LATEST', 'RetriesExhausted', retries + 1, '{}', context(error=True), FAILED % id)
                self.assertEqual(self.steps(id), ['accepted', *TRIED * retries, 'started', 'failed', 'exhausted', 'sent'])

    def test_success_after_failures(self):
        """The count of a success is 1, whatever came before it."""
        self.function('second', 'import os\ndef handler(event, context):\n    if not os.path.exists("/tmp/seen"):\n'
                      '        open("/tmp/seen", "w").close()\n        raise ValueError("no")\n    return "now"\n')
        self.routes('second')
        id = self.event('second')
        self.settle(advance=True)
        self.expect(self.ok, id, 'second:$LATEST', 'Success', 1, '{}', context(), '"now"')
        self.assertEqual(self.steps(id), ['accepted', *TRIED, 'started', 'succeeded', 'sent'])
        self.assertEqual(self.receive(self.failed, 0), [])

    def test_target_deleted(self):
        """The attempt that finds nothing counts; its context is a 404 and there is no payload."""
        for retries in (1, 2):
            with self.subTest(retries):
                self.function('gone', FAILS)
                self.routes('gone', retries=retries)
                id = self.event('gone', '[1]')
                self.settle()
                self.client('lambda').delete_function(FunctionName='gone')
                self.settle(advance=True)
                self.expect(self.failed, id, 'gone:$LATEST', 'RetriesExhausted', retries + 1, '[1]', '{"statusCode":404}')
                self.assertEqual(self.steps(id), ['accepted', *TRIED, *['missing', 'retry'] * (retries - 1), 'missing', 'exhausted', 'sent'])
                self.assertIn(f'attempt 2 found no function: Function not found: {ARN}gone:$LATEST', self.told(id))

    def test_event_age_exceeded_after_executions(self):
        """Acceptance 2: the age looks ahead; 60 s allow one attempt, 90 s two, 181 s all three."""
        self.function('old', FAILS)
        for age, attempts in ((60, 1), (90, 2), (179, 2), (182, 3)):
            with self.subTest(age):
                self.routes('old', age=age)
                id = self.event('old', '"x"')
                self.settle(advance=True)
                condition = 'RetriesExhausted' if attempts == 3 else 'EventAgeExceeded'
                self.expect(self.failed, id, 'old:$LATEST', condition, attempts, '"x"', context(error=True), FAILED % id)
                journey = self.journey(id)
                self.assertEqual((journey['state'], journey['steps'][-2]['step']),
                                 ('failed', 'exhausted') if attempts == 3 else ('expired', 'expired'))
                self.assertEqual([s['step'] for s in journey['steps']][:-2], ['accepted', *TRIED * (attempts - 1), 'started', 'failed'])

    def test_event_age_exceeded_never_executed(self):
        """Throttled to death: 1, 2, 4, 8, 16 s apart, then the next would be too late."""
        self.function('full', native.bootstrap(), 'provided.al2023', Timeout=3)
        self.routes('full', age=60, retries=2)
        self.client('lambda').put_function_concurrency(FunctionName='full', ReservedConcurrentExecutions=1)
        blocker = threading.Thread(target=self.invoke, args=('full', '{"do":"hang"}'))
        blocker.start()
        self.addCleanup(blocker.join)
        support.wait_until(lambda: self.health()['environments']['busy'] == 1, what='running')
        id = self.event('full', '{"n":1}')
        self.rate(100)
        self.ended(id)
        self.rate(1)
        self.expect(self.failed, id, 'full:$LATEST', 'EventAgeExceeded', 0, '{"n":1}', '{"statusCode":429}')
        self.assertEqual(self.steps(id), ['accepted', *['throttled', 'retry'] * 5, 'throttled', 'expired', 'sent'])
        retries = [s for s in self.journey(id)['steps'] if s['step'] == 'retry']
        self.assertEqual([round((s['at'] - ms_of(s['time'])) / 1000) for s in retries], [1, 2, 4, 8, 16])
        self.assertEqual({s['reason'] for s in retries}, {'throttled'})

    def test_zero_reserved_concurrency(self):
        """Acceptance 3: Event is accepted, discarded at once and told; RequestResponse gets 429."""
        self.function('zero', FAILS)
        self.routes('zero', retries=2)
        self.client('lambda').put_function_concurrency(FunctionName='zero', ReservedConcurrentExecutions=0)
        id = self.event('zero', b'')
        self.settle()
        self.expect(self.failed, id, 'zero:$LATEST', 'ZeroReservedConcurrency', 0, '{}')
        self.assertEqual(self.steps(id), ['accepted', 'dropped', 'sent'])
        self.assertEqual(self.journey(id)['state'], 'dropped')
        reply = self.invoke_raw('zero', '{}', 'RequestResponse')
        self.assertError(reply, 429, 'TooManyRequestsException',
                         '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}')
        self.assertEqual(reply[1]['Retry-After'], '1')
        self.assertEqual(self.invoke_raw('zero', '{}', 'DryRun')[0], 204)

    def test_zero_reserved_between_the_attempts(self):
        self.function('stopped', FAILS)
        self.routes('stopped')
        id = self.event('stopped')
        self.settle()
        self.client('lambda').put_function_concurrency(FunctionName='stopped', ReservedConcurrentExecutions=0)
        self.settle(advance=True)
        self.expect(self.failed, id, 'stopped:$LATEST', 'ZeroReservedConcurrency', 1, '{}')
        self.assertEqual(self.steps(id), ['accepted', *TRIED, 'dropped', 'sent'])


def ms_of(text):
    from datetime import datetime
    return int(round(datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%f%z').timestamp() * 1000))


class Qualifiers(FlowCase):
    """Exactly the configuration of what was asked for; nothing falls back to another."""

    def setUp(self):
        super().setUp()
        awslambda = self.client('lambda')
        code = 'def handler(event, context):\n    if event.get("fail"): raise ValueError(context.invoked_function_arn)\n' \
               '    return [context.function_version, context.invoked_function_arn]\n'
        self.function('q', code, Publish=True)
        awslambda.update_function_configuration(FunctionName='q', Description='two')
        self.wait_active('q')
        self.publish()
        awslambda.create_alias(FunctionName='q', Name='live', FunctionVersion='1')

    def publish(self):
        """The number of a new version, once it can be invoked."""
        awslambda = self.client('lambda')
        version = awslambda.publish_version(FunctionName='q')['Version']
        support.wait_until(lambda: awslambda.get_function_configuration(FunctionName='q', Qualifier=version)['State'] == 'Active')
        return version

    def test_each_has_its_own(self):
        """Acceptance 7: a configured qualifier takes the record, every other call leaves none."""
        calls = ((None, '$LATEST', '$LATEST', 'q'), ('$LATEST', '$LATEST', '$LATEST', 'q:$LATEST'), ('1', '1', '1', 'q:1'),
                 ('2', '2', '2', 'q:2'), ('live', 'live', '1', 'q:live'))
        for configured in ('$LATEST', '1', 'live'):
            self.routes('q', qualifier=configured)
            for qualifier, recorded, version, invoked in calls:
                with self.subTest(configured=configured, called=qualifier):
                    id = self.event('q', '{}', **({} if qualifier is None else {'Qualifier': qualifier}))
                    self.settle()
                    if recorded == configured:
                        self.expect(self.ok, id, 'q:' + recorded, 'Success', 1, '{}', context(version), f'["{version}","{ARN}{invoked}"]')
                    else:
                        self.assertEqual(self.receive(self.ok, 0), [])
                        self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded'])
                    self.assertEqual(self.journey(id)['qualifier'] if qualifier else None, qualifier)
            self.client('lambda').delete_function_event_invoke_config(FunctionName='q', Qualifier=configured)

    def test_retries_of_a_qualifier_without_configuration(self):
        self.routes('q', retries=0)
        id = self.event('q', '{"fail":1}', Qualifier='live')
        self.settle(advance=True)
        self.assertEqual(self.steps(id), ['accepted', *TRIED * 2, 'started', 'failed', 'exhausted'])
        self.assertEqual(self.receive(self.failed, 0), [])

    def test_the_name_may_carry_the_qualifier(self):
        self.routes('q', qualifier='live')
        for name in ('q:live', f'{support.ACCOUNT}:function:q:live', ARN + 'q:live', ARN + 'q'):
            with self.subTest(name):
                id = self.event(name, '{}', **({'Qualifier': 'live'} if name == ARN + 'q' else {}))
                self.settle()
                self.expect(self.ok, id, 'q:live', 'Success', 1, '{}', context('1'), f'["1","{ARN}q:live"]')

    def test_an_alias_moves_while_the_event_waits(self):
        self.routes('q', qualifier='live')
        id = self.event('q', '{"fail":1}', Qualifier='live')
        self.settle()
        self.client('lambda').update_alias(FunctionName='q', Name='live', FunctionVersion='2')
        self.settle(advance=True)
        self.client('lambda').update_alias(FunctionName='q', Name='live', FunctionVersion='1')
        self.assertEqual([s['version'] for s in self.journey(id)['steps'] if s['step'] == 'started'], ['1', '2', '2'])
        record, = self.records(self.failed)
        self.assertEqual((record['requestContext']['functionArn'], record['responseContext']['executedVersion']), (ARN + 'q:live', '2'))

    def test_weights_are_drawn_for_every_attempt(self):
        self.routes('q', qualifier='live', failure=False)
        awslambda = self.client('lambda')
        awslambda.update_alias(FunctionName='q', Name='live', RoutingConfig={'AdditionalVersionWeights': {'2': 0.5}})
        ids = [self.event('q', '{"fail":1}', Qualifier='live') for _ in range(20)]
        good = [self.event('q', '{}', Qualifier='live') for _ in range(30)]
        self.settle(advance=True)
        awslambda.update_alias(FunctionName='q', Name='live', RoutingConfig={'AdditionalVersionWeights': {}})
        runs = [tuple(s['version'] for s in self.journey(id)['steps'] if s['step'] == 'started') for id in ids]
        self.assertEqual({len(r) for r in runs}, {3})
        self.assertTrue(any(len(set(r)) == 2 for r in runs), runs)
        records = self.records(self.ok, 30)
        self.assertEqual(sorted(r['requestContext']['requestId'] for r in records), sorted(good))
        self.assertEqual({r['responseContext']['executedVersion'] for r in records}, {'1', '2'})
        for r in records:
            self.assertEqual(r['responsePayload'], [r['responseContext']['executedVersion'], ARN + 'q:live'])

    def test_a_version_is_deleted_while_its_event_waits(self):
        awslambda = self.client('lambda')
        awslambda.update_function_configuration(FunctionName='q', Description='short-lived')
        self.wait_active('q')
        version = self.publish()
        self.routes('q', qualifier=version, retries=1)
        id = self.event('q', '{"fail":1}', Qualifier=version)
        self.settle()
        awslambda.delete_function(FunctionName='q', Qualifier=version)
        self.settle(advance=True)
        self.expect(self.failed, id, 'q:' + version, 'RetriesExhausted', 2, '{"fail":1}', '{"statusCode":404}')
        self.assertEqual(self.steps(id), ['accepted', *TRIED, 'missing', 'exhausted', 'sent'])

    def test_an_alias_is_deleted_while_its_event_waits(self):
        awslambda = self.client('lambda')
        awslambda.create_alias(FunctionName='q', Name='brief', FunctionVersion='1')
        self.routes('q', qualifier='brief', retries=1)
        id = self.event('q', '{"fail":1}', Qualifier='brief')
        self.settle()
        awslambda.delete_alias(FunctionName='q', Name='brief')
        self.settle(advance=True)
        self.expect(self.failed, id, 'q:brief', 'RetriesExhausted', 2, '{"fail":1}', '{"statusCode":404}')


class Changes(FlowCase):
    """Code, configuration and role are looked up again for every attempt."""

    def test_code_updated_while_queued(self):
        self.function('up', FAILS)
        self.routes('up')
        id = self.event('up')
        self.settle()
        self.client('lambda').update_function_code(FunctionName='up', ZipFile=self.zip({'index.py': 'def handler(e, c):\n    return "new"\n'}))
        self.wait_active('up')
        self.settle(advance=True)
        self.expect(self.ok, id, 'up:$LATEST', 'Success', 1, '{}', context(), '"new"')

    def test_the_running_one_ends_on_the_old_code(self):
        self.function('running', 'import time\ndef handler(e, c):\n    time.sleep(0.4)\n    return "old"\n')
        self.routes('running')
        id = self.event('running')
        support.wait_until(lambda: self.journey(id)['state'] == 'running', what='running')
        self.client('lambda').update_function_code(FunctionName='running', ZipFile=self.zip({'index.py': 'def handler(e, c):\n    return "new"\n'}))
        self.wait_active('running')
        self.assertEqual(self.invoke('running')[1], 'new')
        self.settle()
        self.expect(self.ok, id, 'running:$LATEST', 'Success', 1, '{}', context(), '"old"')

    def test_configuration_deleted_while_queued(self):
        self.function('bare', FAILS)
        self.routes('bare', retries=1, age=70)
        id = self.event('bare')
        self.settle()
        self.client('lambda').delete_function_event_invoke_config(FunctionName='bare')
        self.settle(advance=True)
        self.assertEqual(self.steps(id), ['accepted', *TRIED * 2, 'started', 'failed', 'exhausted'])
        self.assertEqual(self.receive(self.failed, 0), [])

    def test_configuration_added_while_queued(self):
        self.function('late', FAILS)
        id = self.event('late')
        self.settle()
        self.routes('late', retries=1)
        self.settle(advance=True)
        self.expect(self.failed, id, 'late:$LATEST', 'RetriesExhausted', 2, '{}', context(error=True), FAILED % id)

    def test_configuration_changed_while_it_runs(self):
        """What is in force when the attempt ends decides."""
        self.function('during', 'import time\ndef handler(e, c):\n    time.sleep(0.4)\n')
        id = self.event('during')
        support.wait_until(lambda: self.journey(id)['state'] == 'running', what='running')
        self.routes('during')
        self.settle()
        self.expect(self.ok, id, 'during:$LATEST', 'Success', 1, '{}', context(), 'null')

    def test_a_function_of_the_same_name_takes_over(self):
        self.function('again', FAILS)
        self.routes('again')
        id = self.event('again', '{"n":1}')
        self.settle()
        self.client('lambda').delete_function(FunctionName='again')
        self.function('again', 'def handler(e, c):\n    return ["second life", e]\n')
        self.routes('again')
        self.settle(advance=True)
        self.expect(self.ok, id, 'again:$LATEST', 'Success', 1, '{"n":1}', context(), '["second life",{"n":1}]')


class Busy(FlowCase):
    def test_reserved_one_and_a_slow_function(self):
        """Event waits its turn and says why; RequestResponse is refused; all is done in the end."""
        self.function('slow', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.routes('slow')
        self.client('lambda').put_function_concurrency(FunctionName='slow', ReservedConcurrentExecutions=1)
        first = self.event('slow', '{"do":"slow","n":1}')
        support.wait_until(lambda: self.journey(first)['state'] == 'running', what='running')
        others = [self.event('slow', '{"n":%d}' % n) for n in range(2, 5)]
        reply = self.invoke_raw('slow', '{}', 'RequestResponse')
        self.assertError(reply, 429, 'TooManyRequestsException',
                         '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}')
        self.assertEqual(reply[1]['Retry-After'], '1')
        self.settle(advance=True)
        self.assertEqual(self.steps(first), ['accepted', 'started', 'succeeded', 'sent'])
        for id in others:
            steps = self.steps(id)
            self.assertEqual(steps[:3], ['accepted', 'throttled', 'retry'])
            self.assertEqual([s for s in steps if s not in ('throttled', 'retry')], ['accepted', 'started', 'succeeded', 'sent'])
            self.assertIn('throttled: no free concurrency', self.told(id))
        records = self.records(self.ok, 4)
        self.assertEqual({r['requestContext']['requestId'] for r in records}, {first, *others})
        self.assertEqual({r['requestContext']['approximateInvokeCount'] for r in records}, {1})

    def test_never_more_than_reserved(self):
        self.function('two', 'import os, time\ndef handler(e, c):\n    time.sleep(0.05)\n    return 1\n')
        self.routes('two', failure=False)
        self.client('lambda').put_function_concurrency(FunctionName='two', ReservedConcurrentExecutions=2)
        ids = [self.event('two') for _ in range(12)]
        most = 0
        over = threading.Event()

        def watch():
            nonlocal most
            while not over.is_set():
                most = max(most, self.health()['events']['running'])
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.settle(advance=True)
        finally:
            over.set()
            watcher.join()
        self.assertLessEqual(most, 2)
        self.assertEqual({r['requestContext']['requestId'] for r in self.records(self.ok, 12)}, set(ids))

    def test_throttles_use_up_no_retry(self):
        self.function('both', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.routes('both')
        self.client('lambda').put_function_concurrency(FunctionName='both', ReservedConcurrentExecutions=1)
        blocker = self.event('both', '{"do":"slow"}')
        support.wait_until(lambda: self.journey(blocker)['state'] == 'running', what='running')
        id = self.event('both', '{"do":"fail"}')
        self.settle(advance=True)
        self.receive(self.ok, 1)
        self.expect(self.failed, id, 'both:$LATEST', 'RetriesExhausted', 3, '{"do":"fail"}', context(error=True),
                    '{"errorType":"Asked","errorMessage":"as asked"}')
        self.assertIn('throttled', self.steps(id))


    def test_no_end_keeps_its_slot(self):
        """However an execution ends, the one slot of the function is free for the next."""
        self.function('one', native.bootstrap(), 'provided.al2023', Timeout=1, MemorySize=256)
        self.routes('one', retries=0)
        self.client('lambda').put_function_concurrency(FunctionName='one', ReservedConcurrentExecutions=1)
        ends = ('null', 'fail', 'exit0', 'exit7', 'segv', 'kill', 'large', 'empty', 'text', 'hang')
        ids = [self.event('one', '{"do":"%s"}' % do) for do in ends]
        self.settle(advance=True)
        self.assertEqual({self.journey(id)['state'] for id in ids}, {'succeeded', 'failed'})
        for do in ends:
            self.assertEqual(self.invoke_raw('one', '{"do":"%s"}' % do, 'RequestResponse')[0], 200, do)
        self.assertEqual(self.invoke('one', '{"n":1}')[1], {'ran': {'n': 1}})
        self.assertEqual(len(self.records(self.ok, 3)), 3)
        self.assertEqual(len(self.records(self.failed, 7)), 7)


class OneEnvironment(FlowCase):
    server_args = ('--max-environments', '1')

    def test_functions_take_turns(self):
        """Room for one process: the idle one of another function makes place, nothing starves, nothing is a throttle."""
        for name in 'abc':
            self.function(name, native.bootstrap(), 'provided.al2023')
            self.routes(name)
        ids = [self.event(name, '{"n":%d}' % n) for n in range(4) for name in 'abc']
        self.settle()
        self.assertEqual({r['requestContext']['requestId'] for r in self.records(self.ok, 12)}, set(ids))
        for id in ids:
            self.assertEqual(self.steps(id), ['accepted', 'started', 'succeeded', 'sent'])

    def test_a_function_that_waits_for_its_turn_can_be_deleted(self):
        for name in 'ab':
            self.function(name, native.bootstrap(), 'provided.al2023')
            self.routes(name, retries=0)
        self.event('a', '{"do":"slow"}')
        support.wait_until(lambda: self.health()['events']['running'] == 1, what='running')
        self.event('b', '{}')                                # the first is started: it stands in line for the place
        id = self.event('b', '{}')
        self.client('lambda').delete_function(FunctionName='b')
        self.settle(advance=True)
        self.records(self.ok, 2)
        self.expect(self.failed, id, 'b:$LATEST', 'RetriesExhausted', 1, '{}', '{"statusCode":404}')
        self.assertEqual(self.steps(id), ['accepted', 'missing', 'exhausted', 'sent'])


class FourEnvironments(FlowCase):
    server_args = ('--max-environments', '4')

    def test_who_holds_most_places_leaves_the_others_theirs(self):
        """More callers of one function than there are places: another one, called again and again, keeps its warm
        environment, though it is idle in between and nobody waits in line for it."""
        self.function('many', native.bootstrap(), 'provided.al2023')
        self.function('calm', native.bootstrap(), 'provided.al2023')
        self.invoke('calm', '{"n":0}')
        stopping = threading.Event()

        def caller():
            while not stopping.is_set():
                self.invoke_raw('many', '{"do":"slow"}', 'RequestResponse')
        callers = [threading.Thread(target=caller) for _ in range(6)]
        for thread in callers:
            thread.start()
        try:
            support.wait_until(lambda: self.health()['environments']['busy'] >= 3, what='a full machine')
            for n in range(60):
                self.assertEqual(self.invoke('calm', '{"n":%d}' % n)[1], {'ran': {'n': n}})
                time.sleep(0.02)
        finally:
            stopping.set()
            for thread in callers:
                thread.join()
        streams = self.client('logs').describe_log_streams(logGroupName='/aws/lambda/calm')['logStreams']
        self.assertLessEqual(len(streams), 6)                # one for each environment it had; without, one a call


class Retry(FlowCase):
    server_args = ('--retry-delay', '10s')

    def test_the_base_of_the_schedule_can_be_scaled(self):
        self.function('scaled', FAILS)
        self.routes('scaled')
        id = self.event('scaled')
        self.assertTrue(29000 <= self.settle(advance=True)['advanced_ms'] <= 30000)
        self.expect(self.failed, id, 'scaled:$LATEST', 'RetriesExhausted', 3, '{}', context(error=True), FAILED % id)
        retries = [s for s in self.journey(id)['steps'] if s['step'] == 'retry']
        self.assertEqual([s['at'] - ms_of(s['time']) for s in retries], [10000, 20000])

    def test_the_look_ahead_uses_it(self):
        self.function('ahead', FAILS)
        self.routes('ahead', age=60)
        id = self.event('ahead')
        self.settle(advance=True)
        self.expect(self.failed, id, 'ahead:$LATEST', 'RetriesExhausted', 3, '{}', context(error=True), FAILED % id)


class Legacy(FlowCase):
    def test_invoke_async(self):
        """The old operation: the same queue, retries and destinations."""
        self.function('l', FAILS, Publish=True)
        self.routes('l')
        self.routes('l', qualifier='1', retries=0)
        for name, recorded, version, count in (('l', 'l:$LATEST', '$LATEST', 3), ('l:1', 'l:1', '1', 1)):
            with self.subTest(name):
                status, headers, body = self.request('POST', f'/2014-11-13/functions/{name}/invoke-async', {'n': 1})
                self.assertEqual((status, body), (202, b''))
                id = headers['x-amzn-RequestId']
                self.assertRegex(id, f'^{UUID}$')
                self.settle(advance=True)
                self.expect(self.failed, id, recorded, 'RetriesExhausted', count, '{"n":1}', context(version, True), FAILED % id)
                self.assertEqual(self.journey(id)['steps'][0]['type'], 'InvokeAsync')

    def test_boto3(self):
        self.function('l', FAILS)
        reply = self.client('lambda').invoke_async(FunctionName='l', InvokeArgs=b'{}')
        self.assertEqual(reply['Status'], 202)
        self.settle(advance=True)
        self.assertEqual(self.steps(reply['ResponseMetadata']['RequestId']), ['accepted', *TRIED * 2, 'started', 'failed', 'exhausted'])


if __name__ == '__main__':
    support.main()
