#!/usr/bin/python3
"""The program's own words: every option of its commands and every member of its control API has an effect, or is
refused by its name.  The lists of options are read from the sources, so that a new one must come here, too."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

import support

CODE = 'import os, time\ndef handler(event, context):\n    time.sleep(event.get("sleep", 0))\n    return os.listdir("/var/task")\n'
FAIL = 'def handler(event, context):\n    raise ValueError("no")\n'
USAGE = 2


def source(name):
    with open(os.path.join(support.ROOT, 'src', name)) as f:
        return f.read()


class Serve(unittest.TestCase):
    """Options of `waybill serve`; the test of --x-y is test_x_y."""

    def setUp(self):
        self.data = tempfile.mkdtemp(prefix='waybill-data-')
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)

    def start(self, *args, env=None):
        server = support.Server(list(args), env)
        self.addCleanup(server.remove)
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        case = type('Case', (support.ServerCase,), {'_clients': {}, '_sessions': {}, 'endpoint': server.endpoint})()
        case.server, case.end = server, lambda: self.assertEqual(server.end(), [])
        return case

    def refused(self, *args):
        done = subprocess.run([support.binary(), 'serve', *args], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ''), args)
        return done.stderr

    def test_each_option_is_here(self):
        table = re.search(r'long_options\[\] = \{(.*?)\n\};', source('cli/serve.c'), re.S).group(1)
        options = re.findall(r'\{ "([a-z-]+)"', table)
        self.assertGreater(len(options), 10)
        for option in options:
            self.assertTrue(hasattr(self, 'test_' + option.replace('-', '_')), f'no test of --{option}')

    def test_nonsense(self):
        for args in (['--port', 'x'], ['--port', '70000'], ['--account', '12'], ['--retry-delay', 'x'], ['--retry-delay', '2h'],
                     ['--permissions', 'some'], ['--auth', 'some'], ['--max-environments', '0'], ['--drain', 'x'], ['--unknown'], ['word'],
                     ['--data', self.data, '--ephemeral']):
            with self.subTest(args):
                self.assertIn(args[0], self.refused(*args))

    def test_help(self):
        told = subprocess.run([support.binary(), 'serve', '--help'], capture_output=True, text=True).stdout
        for option in re.findall(r'\{ "([a-z-]+)", ', source('cli/serve.c')):
            self.assertIn('--' + option, told)

    def test_port(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        on = self.start('--ephemeral', '--port', str(port))
        self.assertEqual(on.server.port, port)
        self.assertEqual(on.health()['status'], 'ok')
        on.end()

    def test_host(self):
        on = self.start('--ephemeral', '--host', '127.0.0.2')
        self.assertIn('http://127.0.0.2:', on.server.ready_line)
        socket.create_connection(('127.0.0.2', on.server.port), 5).close()
        with self.assertRaises(OSError):
            socket.create_connection(('127.0.0.1', on.server.port), 5)
        on.end()

    def test_host_is_the_endpoint_of_functions_and_commands(self):
        """A function calls where the server listens, and nowhere else: what it sends there is signed by its role."""
        code = 'import boto3, os\ndef handler(event, context):\n    made = boto3.client("sqs").create_queue(QueueName="q")\n' \
               '    return os.environ["AWS_ENDPOINT_URL"], made["QueueUrl"]\n'
        hosts = [('127.0.0.2', '127.0.0.2', '127.0.0.2'), ('0.0.0.0', '0.0.0.0', '127.0.0.1')]
        if os.path.exists('/proc/net/if_inet6'):             # a machine without IPv6 cannot listen there
            hosts += [('::1', '[::1]', '[::1]'), ('0::0', '[::]', '[::1]')]
        for host, shown, asked in hosts:
            with self.subTest(host):
                on = self.start('--ephemeral', '--host', host)
                url = f'http://{asked}:{on.server.port}'
                self.assertIn(f' ready on http://{shown}:{on.server.port} ', on.server.ready_line)
                on.function('f', code)
                reply = on.client('lambda').invoke(FunctionName='f')['Payload'].read()
                self.assertEqual(json.loads(reply), [url, url + '/000000000000/q'])
                health = subprocess.run([support.binary(), 'health', '--endpoint', url], capture_output=True, text=True, timeout=60)
                self.assertEqual((health.returncode, health.stderr), (0, ''))
                self.assertEqual(on.server.end({'open_to_the_network'}), [])

    def test_data(self):
        for args, env in ((('--data', self.data), {}), ((), {'WAYBILL_DATA': self.data}), ((), {'XDG_DATA_HOME': os.path.dirname(self.data)})):
            with self.subTest(args=args, env=env):
                on = self.start(*args, env=env)
                place = on.health()['data']
                self.assertTrue(os.listdir(place))
                self.assertEqual(os.path.realpath(place), os.path.realpath(
                    os.path.join(os.path.dirname(self.data), 'waybill') if 'XDG_DATA_HOME' in env else self.data))
                on.end()
                if 'XDG_DATA_HOME' in env:
                    shutil.rmtree(place)

    def test_ephemeral(self):
        on = self.start('--ephemeral', env={'WAYBILL_DATA': self.data})
        place = on.health()['data']
        on.end()
        self.assertFalse(os.path.exists(place))
        self.assertEqual(os.listdir(self.data), [])

    def test_account(self):
        on = self.start('--ephemeral', '--account', '123456789012')
        self.assertEqual(on.client('sts').get_caller_identity()['Account'], '123456789012')
        on.end()

    def test_retry_delay(self):
        on = self.start('--ephemeral', '--retry-delay', '10s')
        on.function('f', FAIL)
        request_id = on.event('f')
        on.settle()
        for ms, attempts in ((9000, 1), (2000, 2), (17000, 2), (4000, 3)):
            on.advance(ms)
            on.settle()
            self.assertEqual(on.steps(request_id).count('started'), attempts)
        on.end()

    def test_permissions(self):
        unknown = {'Runtime': 'python3.11', 'Handler': 'index.handler', 'Code': {'ZipFile': support.make_zip({'index.py': CODE})},
                   'Role': f'arn:aws:iam::{support.ACCOUNT}:role/unknown'}
        on = self.start('--ephemeral', '--permissions', 'check')
        on.client('lambda').create_function(FunctionName='f', **unknown)
        on.end()
        on = self.start('--ephemeral', '--permissions', 'strict')
        on.assertFault('InvalidParameterValueException', on.client('lambda').create_function, FunctionName='f', **unknown)
        on.end()

    def test_auth(self):
        """What it means: test_auth.py."""
        for mode, status in (('open', 200), ('verify', 403)):
            on = self.start('--ephemeral', '--auth', mode)
            self.assertEqual(on.http('GET', '/_waybill/clock')[0], status)
            self.assertEqual(on.server.end({'signature_refused'} if status == 403 else ()), [])

    def test_max_environments(self):
        on = self.start('--ephemeral', '--max-environments', '1')
        on.function('f', CODE)
        for _ in range(3):
            on.event('f', {'sleep': 0.2})
        most = 0
        end = time.monotonic() + 20
        while time.monotonic() < end:
            health = on.health()
            most = max(most, health['environments']['all'])
            if health['events']['queued'] == 0:
                break
            time.sleep(0.01)
        self.assertEqual((most, health['events']['queued'], health['environments']['started']), (1, 0, 1))
        on.end()

    def test_no_sandbox(self):
        on = self.start('--ephemeral')
        isolated = on.health()['isolation']
        on.end()
        on = self.start('--ephemeral', '--no-sandbox')
        self.assertNotEqual(on.health()['isolation'], isolated)
        on.function('f', 'import os\ndef handler(event, context):\n    return os.readlink("/proc/self/ns/pid")\n')
        self.assertEqual(on.invoke('f')[1], os.readlink('/proc/self/ns/pid'))
        on.end()

    def test_allow_host(self):
        for args, status in (((), 403), (('--allow-host', 'one'), 403), (('--allow-host', 'one', '--allow-host', 'two'), 200)):
            on = self.start('--ephemeral', *args)
            self.assertEqual(on.http('GET', '/_waybill/health', {'Host': 'two'})[0], status)
            on.end()

    def test_drain(self):
        on = self.start('--ephemeral', '--drain', '300ms')
        on.function('f', CODE)
        on.event('f', {'sleep': 9})
        support.wait_until(lambda: on.health()['events']['running'] == 1, what='a running event')
        began = time.monotonic()
        on.end()
        self.assertLess(time.monotonic() - began, 4)


class Commands(support.ServerCase):
    """Options of the commands that ask a server."""

    reset_between_tests = True

    def usage(self, naming, *args):
        done = self.run_waybill(*args)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ''), done.stderr)
        self.assertIn(naming, done.stderr)

    def test_each_option_is_here(self):
        found = set(re.findall(r'"(--[a-z]+)"', source('cli/trace.c') + source('cli/commands.c') + source('cli/operations.c')))
        self.assertEqual(found, {'--follow', '--json', '--function', '--limit', '--advance', '--timeout', '--markdown'})

    def test_trace(self):
        for name in ('f', 'g'):
            self.function(name, CODE)
        ids = [self.event(name) for name in ('f', 'f', 'g')]
        self.settle()
        self.assertEqual([i in self.waybill('trace') for i in ids], [True, True, True])
        self.assertEqual([i in self.waybill('trace', '--function', 'f') for i in ids], [True, True, False])
        self.assertEqual([i in self.waybill('trace', '--limit', 1) for i in ids], [False, False, True])
        self.assertEqual([i in self.waybill('trace', ids[0]) for i in ids], [True, False, False])
        self.assertEqual(json.loads(self.waybill('trace', '--json', ids[0]))['requestId'], ids[0])
        self.assertEqual(len(json.loads(self.waybill('trace', '--json'))), 3)
        for naming, args in (('--function', (ids[0], '--function', 'f')), ('--limit', (ids[0], '--limit', 1)), ('--follow', (ids[0], '--follow')),
                             ('--json', ('--follow', '--json')), ('--limit', ('--follow', '--limit', 1)), ('--limit', ('--limit', 0))):
            self.usage(naming, 'trace', *args)
        follow = subprocess.Popen([self.server.program, 'trace', '--follow', '--function', 'g'], stdout=subprocess.PIPE, text=True,
                                  env=self.command_environment())
        time.sleep(1)
        shown, other = self.event('g'), self.event('f')
        self.settle()
        time.sleep(1)
        follow.terminate()
        told = follow.communicate(timeout=20)[0]
        self.assertEqual((shown in told, other in told), (True, False))

    def test_settle(self):
        self.function('failing', FAIL)
        request_id = self.event('failing')
        self.waybill('settle')
        self.assertEqual(self.steps(request_id).count('started'), 1)
        self.waybill('settle', '--advance')
        self.assertEqual(self.steps(request_id).count('started'), 3)
        self.function('slow', CODE)
        self.event('slow', {'sleep': 3})
        done = self.run_waybill('settle', '--timeout', '200ms')
        self.assertEqual(done.returncode, 1)
        self.assertIn('not settled', done.stdout)
        for args in (('--timeout', 'x'), ('--timeout',), ('word',)):
            self.usage(args[-1], 'settle', *args)

    def test_endpoint(self):
        nowhere = {'WAYBILL_ENDPOINT': 'http://127.0.0.1:1'}
        for command in ('trace', 'clock', 'settle', 'health', 'reset'):
            with self.subTest(command):
                self.assertEqual(self.run_waybill(command, env=nowhere).returncode, 1)
                self.assertEqual(self.run_waybill(command, '--endpoint', self.endpoint, env=nowhere).returncode, 0)
        self.usage('--endpoint', 'operations', '--endpoint', self.endpoint)
        self.assertTrue(self.waybill('operations', '--markdown').startswith('###'))
        self.assertFalse(self.waybill('operations').startswith('#'))


class Control(support.ServerCase):
    """Members and parameters of the API under /_waybill/."""

    def refused(self, naming, method, path, params=None):
        status, reply = self.control(method, path, params)
        self.assertEqual(status, 400, reply)
        self.assertIn(naming, reply['error'])

    def test_unknown_ones_are_refused(self):
        for path in ('health', 'clock', 'journeys'):
            self.refused('"x"', 'GET', path + '?x=1')
        self.refused('"x"', 'POST', 'settle?x=1')
        self.refused('limit', 'GET', 'journeys?limit=0')
        self.refused('advance', 'POST', 'settle', {'x': 1})
        self.refused('"x"', 'POST', 'clock', {'x': 1})
        self.refused('one of', 'POST', 'clock', {'freeze': True, 'rate': 2})
        for key in ('freeze', 'resume'):
            self.refused('true', 'POST', 'clock', {key: False})

    def test_reset_has_no_options(self):
        self.queue('kept')
        for params in ({'only': 'functions'}, [], 'x'):
            self.refused('no options', 'POST', 'reset', params)
        self.assertEqual(self.health()['resources']['queues'], 1)
        for params in ({}, None):
            self.assertEqual(self.control('POST', 'reset', params)[0], 200)
        self.assertEqual(self.health()['resources']['queues'], 0)

    def test_clock(self):
        def now():
            return self.clock()['now']
        self.assertEqual(self.control('POST', 'clock', {'freeze': True})[1]['mode'], 'frozen')
        frozen = now()
        time.sleep(0.05)
        self.assertEqual(now(), frozen)
        self.control('POST', 'clock', {'advance_ms': 86400000})
        self.assertNotEqual(now()[:10], frozen[:10])
        self.assertEqual(self.control('POST', 'clock', {'resume': True})[1]['mode'], 'running')
        before = self.clock()['offset_ms']
        self.control('POST', 'clock', {'rate': 10000})
        time.sleep(0.1)
        self.control('POST', 'clock', {'rate': 1})
        self.assertGreater(self.clock()['offset_ms'] - before, 500000)

    def test_journeys_and_settle(self):
        for name in ('f', 'g'):
            self.function(name, FAIL)
        ids = [self.event(name) for name in ('f', 'g')]
        self.assertFalse(self.control('POST', 'settle', {'timeout_ms': 0})[1]['settled'])
        self.settle(advance=False)
        self.assertEqual(self.steps(ids[0]).count('started'), 1)
        self.settle(advance=True)
        self.assertEqual(self.steps(ids[0]).count('started'), 3)
        self.assertEqual([j['requestId'] for j in self.journeys('f')], [ids[0]])
        self.assertEqual(len(self.journeys(limit=1)), 1)


if __name__ == '__main__':
    support.main()
