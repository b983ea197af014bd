#!/usr/bin/python3
"""Functions that mean harm: to their neighbours, to the machine, to the server's log."""
import http.client
import json
import os
import subprocess
import time
import unittest

import support

STEAL = '''
import json, os, socket
def handler(event, context):
    if event.get("tell"):
        return os.environ["AWS_LAMBDA_RUNTIME_API"]
    host, port = event["port"].split(":")
    s = socket.create_connection((host, int(port)), timeout=5)
    s.settimeout(3)
    try:
        s.sendall((event["request"] + " HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 0\\r\\n\\r\\n").encode())
        return s.recv(4096).decode(errors="replace")
    except socket.timeout:
        return "held"
    except ConnectionError:
        return ""
'''
SEE = '''
import ctypes, os, socket
def attempt(f):
    try:
        return repr(f())
    except OSError as e:
        return type(e).__name__
def handler(event, context):
    libc = ctypes.CDLL(None, use_errno=True)
    pid = event["server"]
    return {
        "data": attempt(lambda: os.listdir(event["data"])),
        "memory": attempt(lambda: open("/proc/%d/mem" % pid, "rb")),
        "environ": attempt(lambda: open("/proc/%d/environ" % pid, "rb").read()),
        "signal": attempt(lambda: os.kill(pid, 0)),
        "ptrace": libc.ptrace(16, pid, 0, 0),
        "above": attempt(lambda: open("/proc/1/environ", "rb").read()),
        "write": [attempt(lambda: open(d + "/x", "w")) for d in ("/", "/var/task", "/var/runtime", "/etc", "/usr")],
        "files": sorted(os.readlink("/proc/self/fd/" + f).split(":")[0] for f in os.listdir("/proc/self/fd")
                        if os.path.exists("/proc/self/fd/" + f)),
        "caps": [l.split()[1] for l in open("/proc/self/status") if l.startswith("Cap")],
        "privileges": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")],
        "core": __import__("resource").getrlimit(4),
        "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
    }
'''
HARM = '''
import os, time
def handler(event, context):
    kind = event["kind"]
    if kind == "fork":
        n = 0
        try:
            while n < 5000:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                n += 1
        except OSError:
            pass
        return n
    if kind == "tmp":
        written = 0
        try:
            with open("/tmp/fill", "wb") as f:
                while written < 4 << 30:
                    written += f.write(b"x" * (1 << 20))
        except OSError:
            pass
        return written >> 20
    if kind == "log":
        end = time.time() + event["seconds"]
        line = b"y" * 8000 + b"\\n"
        while time.time() < end:
            os.write(1, line)
        return "logged"
    if kind == "kill":
        for pid in (1, -1, os.getpid()):
            try:
                os.kill(pid, 9)
            except OSError:
                pass
'''


class Sandbox(support.ServerCase):
    server_args = ('--max-environments', '4')

    def test_a_neighbours_runtime_api_refuses(self):
        self.isolated('private root', 'own users')
        self.function('victim', STEAL)
        self.function('thief', STEAL)
        _, port = self.invoke('victim', {'tell': 1})
        for request in ('GET /2018-06-01/runtime/invocation/next', 'POST /2018-06-01/runtime/init/error', 'GET /2018-06-01/ping'):
            _, got = self.invoke('thief', {'port': port, 'request': request})
            self.assertEqual(got, '', request)               # hung up, without a word
        _, got = self.invoke('victim', {'port': port, 'request': 'GET /2018-06-01/ping'})
        self.assertIn('200', got.split('\r\n')[0])           # a second connection of its own is welcome
        self.assertEqual(self.invoke('victim', {'tell': 1})[1], port)
        with self.assertRaises((ConnectionError, http.client.HTTPException)):    # nor may anybody else on this machine
            support.raw_http(int(port.split(':')[1]), 'GET', '/2018-06-01/runtime/invocation/next')
        self.assertEqual(self.invoke('victim', {'tell': 1})[1], port)

    def test_a_function_sees_nothing_of_the_server(self):
        self.isolated('private root')
        self.function('see', SEE)
        _, got = self.invoke('see', {'server': self.server.process.pid, 'data': self.health()['data']})
        self.assertEqual(got['data'], 'FileNotFoundError')
        self.assertIn(got['memory'], ('FileNotFoundError', 'PermissionError'))
        self.assertIn(got['environ'], ('FileNotFoundError', 'PermissionError'))
        self.assertEqual(got['signal'], 'ProcessLookupError')
        self.assertEqual(got['ptrace'], -1)
        self.assertEqual(got['above'], 'PermissionError')
        self.assertEqual(set(got['write']), {'OSError'})     # read-only file systems
        self.assertEqual(got['files'], ['/dev/null', 'pipe', 'pipe', 'socket'])
        self.assertEqual(set(got['caps']), {'0' * 16})
        self.assertEqual(got['privileges'], ['1'])
        self.assertEqual(got['core'], [0, 0])
        self.assertLess(got['processes'], 4)

    def test_harm_stays_in_its_environment(self):
        self.isolated('own users', 'private root')
        self.function('harm', HARM, Timeout=30, MemorySize=3008)      # a thousand processes fit: each writes some pages of its own
        self.function('calm', 'def handler(e, c): return "calm"')
        _, forks = self.invoke('harm', {'kind': 'fork'})
        self.assertLess(forks, 1024)
        self.assertEqual(self.invoke('calm')[1], 'calm')
        _, filled = self.invoke('harm', {'kind': 'tmp'})
        self.assertIsInstance(filled, int, filled)
        self.assertLessEqual(filled, 512)
        reply, _ = self.invoke('harm', {'kind': 'kill'})
        self.assertEqual(reply['FunctionError'], 'Unhandled')
        self.assertEqual(self.invoke('calm')[1], 'calm')

    def test_a_flood_of_lines_neither_stops_nor_fills_the_server(self):
        self.function('flood', HARM, Timeout=30)
        self.event('flood', {'kind': 'log', 'seconds': 2})
        worst, end = 0, time.monotonic() + 2
        while time.monotonic() < end:
            began = time.monotonic()
            self.health()
            worst = max(worst, time.monotonic() - began)
        self.assertLess(worst, 1.5)
        self.settle()
        with open(f'/proc/{self.server.process.pid}/status') as f:
            kib = int(next(line for line in f if line.startswith('VmRSS')).split()[1])
        self.assertLess(kib, 1 << 20)
        stored = self.client('logs').describe_log_groups()['logGroups']
        self.assertLessEqual(max(g['storedBytes'] for g in stored), 256 << 20)


class Secrets(support.ServerCase):
    expected_events = None

    @classmethod
    def tearDownClass(cls):
        pass                                                 # test_..._anywhere ends the server itself

    def test_no_secret_is_written_anywhere(self):
        """Not in logs, health, journeys or command lines: a function's environment, its session token, a caller's
        token, payloads of failed events."""
        token = self.client('sts').get_session_token()['Credentials']
        self.function('f', 'import os\ndef handler(e, c): raise ValueError(os.environ["AWS_SESSION_TOKEN"][:0] + "no")',
                      Environment={'Variables': {'PASSWORD': 'hunter2hunter2'}})
        self.event('f', {'card': '4111-1111'})
        self.settle(advance=True)
        with self.assertRaises(support.ClientError):
            self.client('lambda', key=token['AccessKeyId'], secret='x', token=token['SessionToken'] + 'x').list_functions()
        shown = json.dumps(self.health()) + json.dumps(self.journeys())
        commands = subprocess.run(['ps', '-eo', 'args'], capture_output=True, text=True).stdout if os.path.exists('/bin/ps') else ''
        self.assertEqual(self.server.stop(), 0)
        shown += self.server.stdout() + self.server.stderr() + commands
        for secret in ('hunter2hunter2', token['SessionToken'], token['SecretAccessKey'], '4111-1111'):
            self.assertNotIn(secret, shown)
        self.server.remove()


if __name__ == '__main__':
    unittest.main()
