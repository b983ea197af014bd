#!/usr/bin/python3
"""The AWS CLI (Debian's, unmodified) through the main job, and Waybill's own subcommands."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import support

ECHO = """exports.handler = async (event) => { console.log('echo of', JSON.stringify(event)); return event; };"""
FAIL = """exports.handler = async () => { throw new Error('failure example'); };"""


class Main(support.ServerCase):
    """Role, queue, functions, destinations, invocations, records, logs: all by /usr/bin/aws."""

    def write(self, name, data):
        path = os.path.join(self.scratch, name)
        with open(path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def parallel(self, *commands):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda c: self.aws(*c), commands))

    def test_main_job(self):
        trust = json.dumps(support.TRUST_LAMBDA)
        policy = json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': 'arn:aws:sqs:us-east-1:000000000000:job-*'}]})
        role, good, bad = self.parallel(
            ('iam', 'create-role', '--role-name', 'job', '--assume-role-policy-document', trust),
            ('sqs', 'create-queue', '--queue-name', 'job-good'), ('sqs', 'create-queue', '--queue-name', 'job-bad'))
        role_arn = role['Role']['Arn']
        self.assertEqual(role_arn, 'arn:aws:iam::000000000000:role/job')
        self.assertEqual(good['QueueUrl'], f'{self.endpoint}/000000000000/job-good')
        self.aws('iam', 'put-role-policy', '--role-name', 'job', '--policy-name', 'send', '--policy-document', policy)

        zips = [self.write(n + '.zip', self.zip({'index.js': code})) for n, code in (('echo', ECHO), ('fail', FAIL))]
        created = self.parallel(*(
            ('lambda', 'create-function', '--function-name', 'job-' + n, '--runtime', 'nodejs20.x', '--handler', 'index.handler',
             '--role', role_arn, '--zip-file', 'fileb://' + z) for n, z in zip(('echo', 'fail'), zips)))
        self.assertEqual([c['State'] for c in created], ['Pending', 'Pending'])
        self.parallel(*(('lambda', 'wait', 'function-active-v2', '--function-name', 'job-' + n) for n in ('echo', 'fail')))

        destinations = json.dumps({'OnSuccess': {'Destination': 'arn:aws:sqs:us-east-1:000000000000:job-good'},
                                   'OnFailure': {'Destination': 'arn:aws:sqs:us-east-1:000000000000:job-bad'}})
        for config in self.parallel(*(('lambda', 'put-function-event-invoke-config', '--function-name', 'job-' + n,
                                       '--destination-config', destinations) for n in ('echo', 'fail'))):
            self.assertEqual(config['DestinationConfig'], json.loads(destinations))

        replies = self.parallel(*(('lambda', 'invoke', '--function-name', 'job-' + n, '--invocation-type', 'Event',
                                   '--payload', '{"order": 17}', n + '.out') for n in ('echo', 'fail')))
        self.assertEqual([r['StatusCode'] for r in replies], [202, 202])
        self.assertEqual(os.path.getsize(os.path.join(self.scratch, 'echo.out')), 0)

        self.assertIn('settled; clock moved by', self.waybill('settle', '--advance'))
        records = [json.loads(m['Body']) for got in self.parallel(
            *(('sqs', 'receive-message', '--queue-url', q['QueueUrl']) for q in (good, bad))) for m in got['Messages']]
        success, failure = records
        self.assertEqual(list(success), ['version', 'timestamp', 'requestContext', 'requestPayload', 'responseContext', 'responsePayload'])
        self.assertEqual(success['requestContext'] | {'requestId': 0}, {
            'requestId': 0, 'functionArn': 'arn:aws:lambda:us-east-1:000000000000:function:job-echo:$LATEST',
            'condition': 'Success', 'approximateInvokeCount': 1})
        self.assertEqual((success['requestPayload'], success['responsePayload']), ({'order': 17}, {'order': 17}))
        self.assertEqual((failure['requestContext']['condition'], failure['requestContext']['approximateInvokeCount']),
                         ('RetriesExhausted', 3))
        self.assertEqual(failure['responseContext'], {'statusCode': 200, 'executedVersion': '$LATEST', 'functionError': 'Unhandled'})
        self.assertEqual((failure['responsePayload']['errorType'], failure['responsePayload']['errorMessage']), ('Error', 'failure example'))
        self.assertRegex(failure['timestamp'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')

        told = self.waybill('trace', failure['requestContext']['requestId'])
        self.assertEqual(len(re.findall(r'attempt \d started', told)), 3)
        self.assertIn('Error: failure example', told)
        self.assertIn('job-bad', told)

        self.assertEqual(self.aws('sqs', 'receive-message', '--queue-url', good['QueueUrl']), '')

    def test_synchronous_invocation(self):
        self.function('sync', ECHO, 'nodejs20.x')
        reply = self.aws('lambda', 'invoke', '--function-name', 'sync', '--payload', '{"a": [1, "zwei"]}', '--log-type', 'Tail', 'out.json')
        self.assertEqual((reply['StatusCode'], reply['ExecutedVersion']), (200, '$LATEST'))
        with open(os.path.join(self.scratch, 'out.json')) as f:
            self.assertEqual(json.load(f), {'a': [1, 'zwei']})
        self.assertIn('echo of {"a":[1,"zwei"]}', self.log_tail(reply))
        tail = self.aws('logs', 'tail', '/aws/lambda/sync', '--since', '10m', '--format', 'short')
        self.assertIn('echo of {"a":[1,"zwei"]}', tail)
        self.assertRegex(tail, r'START RequestId: [0-9a-f-]{36} Version: \$LATEST')
        self.assertRegex(tail, r'REPORT RequestId: [0-9a-f-]{36}')

    def test_failing_function_and_errors(self):
        self.function('fail', FAIL, 'nodejs20.x')
        reply = self.aws('lambda', 'invoke', '--function-name', 'fail', 'error.json')
        self.assertEqual((reply['StatusCode'], reply['FunctionError']), (200, 'Unhandled'))
        with open(os.path.join(self.scratch, 'error.json')) as f:
            self.assertEqual(json.load(f)['errorMessage'], 'failure example')
        for args, said in (
                (('lambda', 'get-function', '--function-name', 'nobody'),
                 'An error occurred (ResourceNotFoundException) when calling the GetFunction operation: '
                 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody'),
                (('sqs', 'get-queue-url', '--queue-name', 'nobody'),
                 'An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation'),
                (('iam', 'get-role', '--role-name', 'nobody'),
                 'An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name nobody cannot be found.'),
                (('sns', 'list-platform-applications'),
                 'An error occurred (NotImplemented) when calling the ListPlatformApplications operation')):
            done = self.run_aws(*args)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(said, done.stderr)

    def test_identity(self):
        self.assertEqual(self.aws('sts', 'get-caller-identity')['Account'], support.ACCOUNT)
        self.assertEqual(self.aws('sts', 'get-caller-identity', key='123456789012')['Account'], '123456789012')

    def test_update_versions_aliases(self):
        self.function('life', ECHO, 'nodejs20.x')
        package = self.write('second.zip', self.zip({'index.js': "exports.handler = async () => 'second';"}))
        first = self.aws('lambda', 'publish-version', '--function-name', 'life')
        self.assertEqual(first['Version'], '1')
        self.aws('lambda', 'create-alias', '--function-name', 'life', '--name', 'live', '--function-version', '1')
        self.aws('lambda', 'update-function-code', '--function-name', 'life', '--zip-file', 'fileb://' + package)
        self.wait_active('life')
        for name, want in (('life', 'second'), ('life:live', {'k': 1}), ('life:1', {'k': 1})):
            self.aws('lambda', 'invoke', '--function-name', name, '--payload', '{"k":1}', 'life.json')
            with open(os.path.join(self.scratch, 'life.json')) as f:
                self.assertEqual(json.load(f), want, name)
        listed = self.aws('lambda', 'list-versions-by-function', '--function-name', 'life')['Versions']
        self.assertEqual([v['Version'] for v in listed], ['$LATEST', '1'])
        self.aws('lambda', 'delete-function', '--function-name', 'life')
        self.assertNotEqual(self.run_aws('lambda', 'get-function', '--function-name', 'life').returncode, 0)


class Subcommands(support.ServerCase):
    def test_help(self):
        top = self.run_waybill('--help')
        self.assertEqual((top.returncode, top.stderr), (0, ''))
        names = re.findall(r'^  (\w+) {2,}\S', top.stdout.split('Commands:')[1].split('\n\n')[0] + '\n', re.M)
        self.assertLessEqual({'serve', 'trace', 'clock', 'settle', 'reset', 'health'}, set(names))
        for name in names:
            told = self.run_waybill(name, '--help')
            self.assertEqual((told.returncode, told.stderr), (0, ''), name)
            self.assertTrue(told.stdout.startswith(f'Usage: waybill {name}'), told.stdout)
            self.assertGreater(len(told.stdout), 150, name)
            self.assertLessEqual(max(map(len, told.stdout.splitlines())), 120, name)

    def test_version(self):
        self.assertRegex(self.waybill('--version'), r'^waybill \d+\.\d+\.\d+\n$')

    def test_usage_errors(self):
        for args, word in (((), 'Usage'), (('juggle',), 'juggle'), (('clock', 'jump'), 'advance'), (('clock', 'advance'), 'advance'),
                           (('clock', 'advance', 'soon'), 'advance'), (('clock', 'rate', 'x'), 'rate'), (('settle', '--fast'), '--fast'),
                           (('settle', '--timeout', 'x'), 'x'), (('reset', 'all'), 'all'), (('trace', '--limit', '0'), 'limit'),
                           (('trace', 'a', 'b'), 'b'), (('trace', '-f', 'id'), 'follow'), (('health', 'x'), 'x'),
                           (('serve', '--port', '99999'), 'port'), (('serve', '--port', 'x'), 'port'), (('serve', '--account', '12'), 'account'),
                           (('serve', '--retry-delay', 'soon'), 'retry-delay'), (('serve', '--permissions', 'lax'), 'permissions'),
                           (('serve', '--max-environments', '0'), 'max-environments'), (('serve', '--juggle'), 'juggle'),
                           (('serve', 'x'), 'x'), (('serve', '--ephemeral', '--data', 'x'), 'exclude')):
            with self.subTest(' '.join(args)):
                done = self.run_waybill(*args)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertIn(word, done.stderr)

    def test_no_server(self):
        nobody = {'WAYBILL_ENDPOINT': 'http://127.0.0.1:1'}
        for command in ('trace', 'clock', 'settle', 'reset', 'health'):
            done = self.run_waybill(command, env=nobody)
            self.assertEqual((done.returncode, done.stdout), (1, ''), command)
            self.assertIn('http://127.0.0.1:1', done.stderr)
            self.assertIn('waybill serve', done.stderr)
        done = self.run_waybill('health', '--endpoint', 'ftp://x')
        self.assertEqual(done.returncode, 1)
        self.assertIn('ftp://x', done.stderr)

    def test_endpoint(self):
        """--endpoint before $WAYBILL_ENDPOINT before $AWS_ENDPOINT_URL."""
        nobody = 'http://127.0.0.1:1'
        self.assertEqual(self.run_waybill('clock', '--endpoint', self.endpoint, env={'WAYBILL_ENDPOINT': nobody}).returncode, 0)
        self.assertEqual(self.run_waybill('clock', env={'AWS_ENDPOINT_URL': nobody}).returncode, 0)
        self.assertEqual(self.run_waybill('clock', env={'WAYBILL_ENDPOINT': '', 'AWS_ENDPOINT_URL': self.endpoint + '/'}).returncode, 0)

    def test_endpoints_that_are_none(self):
        for url in ('http://', 'http://:80', 'http://[::1', 'http://[]:80', 'http://[::1]80', 'http://[::1]:', 'http://::1:4566',
                    'http://a:0', 'http://a:65536', 'http://a:b', 'https://a'):
            done = self.run_waybill('clock', '--endpoint', url)
            self.assertEqual((done.returncode, 'is not of the form http://HOST:PORT' in done.stderr), (1, True), (url, done.stderr))

    def test_clock(self):
        self.assertRegex(self.waybill('clock'), r'^now   \d{4}-\S+Z\nmode  running\nrate  1\nreal ')
        before = self.clock()['offset_ms']
        self.waybill('clock', 'advance', '1h30m')
        self.assertEqual(self.clock()['offset_ms'] - before, 5_400_000)
        self.assertIn('mode  frozen', self.waybill('clock', 'freeze'))
        self.waybill('clock', 'advance', '250ms')
        self.assertIn('mode  running', self.waybill('clock', 'resume'))
        self.assertRegex(self.waybill('clock', 'rate', '60'), r'rate  60\n')
        self.waybill('clock', 'rate', '1')

    def test_trace(self):
        self.reset()
        self.assertIn('No asynchronous invocation', self.waybill('trace'))
        self.function('f', 'def handler(event, context): raise ValueError("bad\\nluck")')
        first, second = self.event('f', {'n': 1}), self.event('f', {'n': 2})
        self.assertRegex(self.waybill('settle'), r'^settled; clock moved by 0s; 2 events still queued\n$')
        one = self.waybill('trace', first)
        self.assertIn(first, one)
        self.assertNotIn(second, one)
        self.assertIn('ValueError', one)
        self.assertIn('bad luck', one, 'no line break of a function breaks a line here')
        both = self.waybill('trace')
        self.assertLess(both.index(first), both.index(second))
        self.assertNotIn(first, self.waybill('trace', '--limit', '1'))
        self.assertIn('No asynchronous invocation of g', self.waybill('trace', '--function', 'g'))
        self.assertEqual(json.loads(self.waybill('trace', '--json', first))['requestId'], first)
        self.assertEqual([j['requestId'] for j in json.loads(self.waybill('trace', '--json'))], [second, first])
        missing = self.run_waybill('trace', '00000000-0000-4000-8000-000000000000')
        self.assertEqual(missing.returncode, 1)
        self.assertIn('No journey', missing.stderr)

    def test_follow(self):
        self.function('followed', 'def handler(event, context): return 1')
        follower = subprocess.Popen([self.server.program, 'trace', '--follow', '--function', 'followed'], env=self.command_environment(),
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        time.sleep(0.8)                                      # it prints what happens from its first look on
        request_id = self.event('followed')
        self.settle()
        lines = []
        while not (lines and 'succeeded' in lines[-1]):
            lines.append(follower.stdout.readline())
            self.assertTrue(lines[-1], 'the follower ended')
        self.assertIn(request_id, ''.join(lines))
        follower.send_signal(signal.SIGINT)
        self.assertIn(follower.wait(5), (0, -signal.SIGINT, 130))

    def test_health_and_reset(self):
        self.queue('q')
        told = self.waybill('health')
        self.assertRegex(told, r'(?m)^status +ok$')
        self.assertRegex(told, r'(?m)^resources +.*\b1 queues')
        self.assertEqual(self.waybill('reset'), 'the server is empty\n')
        self.assertRegex(self.waybill('health'), r'(?m)^resources +.*\b0 queues')


if __name__ == '__main__':
    support.main()
