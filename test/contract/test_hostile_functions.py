#!/usr/bin/python3
"""What a function's process may do to the server that feeds it over the Runtime API: nothing.

Each function here is a `bootstrap` of its own making: it talks to its Runtime API over raw sockets, out of turn, twice,
in halves, and leaves when it is least expected.  After each the server serves, and what was asked got an answer."""
import os
import socket
import threading
import time

import support

# What all of them stand on.  `ask` sends one request and reads the reply; `begin` only sends.
COMMON = r'''#!/usr/bin/python3
import os, socket, sys, threading, time
HOST, PORT = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
BASE = '/2018-06-01/runtime/'

def connect():
    return socket.create_connection((HOST, int(PORT)))

def text(method, path, body=b''):
    return b'%s %s%s HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n%s' % (method.encode(), BASE.encode(), path.encode(), len(body), body)

def begin(s, method, path, body=b''):
    s.sendall(text(method, path, body))

def reply(s):
    data = b''
    while b'\r\n\r\n' not in data:
        part = s.recv(65536)
        if not part:
            raise EOFError(data)
        data += part
    head, _, body = data.partition(b'\r\n\r\n')
    headers = dict(line.lower().split(': ', 1) for line in head.decode().split('\r\n')[1:])
    while len(body) < int(headers.get('content-length', 0)):
        body += s.recv(65536)
    return int(head.split()[1]), headers, body

def ask(s, method, path, body=b''):
    begin(s, method, path, body)
    return reply(s)

def take(s):
    status, headers, body = ask(s, 'GET', 'invocation/next')
    return headers['lambda-runtime-aws-request-id'], body

def answer(s, id, body=b'"ok"', kind='response'):
    return ask(s, 'POST', 'invocation/%s/%s' % (id, kind), body)[0]

def behave():                                                # from here on a runtime as it should be
    s = connect()
    while True:
        id, body = take(s)
        answer(s, id)
'''


class Hostile(support.ServerCase):
    """All with the same server: a function that ends it ends the test."""
    reset_between_tests = True
    expected_events = ('runtime_api_refused',)

    def bootstrap(self, name, source, **kw):
        kw.setdefault('Timeout', 20)
        self.function(name, {'bootstrap': COMMON + source}, runtime='provided.al2023', handler='x', **kw)

    def outcome(self, name):
        """Whatever the function answers or dies of; the server itself must answer."""
        reply, payload = self.invoke(name)
        self.assertEqual(reply['StatusCode'], 200)
        return payload

    def alive(self):
        self.assertIsNone(self.server.process.poll(), self.server.stderr()[-3000:])
        self.assertEqual(self.http('GET', '/_waybill/health')[0], 200)

    def until_ok(self, name):
        """An environment may have to be replaced first; then the function works."""
        support.wait_until(lambda: self.outcome(name) == 'ok', 60, what=f'{name} answers')
        self.alive()

    # ---- asking for work and leaving ----

    def test_next_is_abandoned(self):
        """A `next` whose asker has hung up is no place for work, though the process lives on."""
        self.bootstrap('f', """
s = connect()
id, body = take(s)
answer(s, id)
begin(s, 'GET', 'invocation/next')
time.sleep(0.3)
s.close()
time.sleep(3600)
""")
        for _ in range(4):
            self.until_ok('f')
            support.wait_until(lambda: self.health()['environments']['idle'] == 0, 60, what='the abandoned environment is noticed')
            self.alive()

    def test_next_is_asked_again(self):
        """Whoever asks again on another connection goes on: the same process answers.  (An event that was handed to the
        abandoned connection is lost to the time-out; so the test asks until the process was at rest in between.)"""
        self.bootstrap('f', """
n, s = 0, connect()
while True:
    id, body = take(s)
    n += 1
    answer(s, id, b'%d' % n)
    begin(s, 'GET', 'invocation/next')
    time.sleep(0.05)
    s.close()
    time.sleep(0.05)
    s = connect()
""", Timeout=2)

        def a_second_answer():
            time.sleep(0.3)
            said = self.outcome('f')
            return isinstance(said, int) and said > 1
        support.wait_until(a_second_answer, 60, what='a process that asked again answers again')
        self.alive()

    def test_half_closed_next(self):
        self.bootstrap('f', """
s = connect()
id, body = take(s)
answer(s, id)
begin(s, 'GET', 'invocation/next')
s.shutdown(socket.SHUT_WR)
s.recv(65536)
behave()
""")
        for _ in range(4):
            self.until_ok('f')

    def test_exit_while_idle(self):
        """By accident: a thread of the handler's ends the process a moment after the reply."""
        self.function('f', """
import os, threading
def handler(event, context):
    threading.Timer(0.3, os._exit, (0,)).start()
    return 'ok'
""")
        ends = []

        def client():
            for _ in range(30):
                ends.append(self.invoke('f')[0]['StatusCode'])
        threads = [threading.Thread(target=client) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.alive()
        self.assertEqual(ends, [200] * 120)

    def test_exit_between_reply_and_next(self):
        self.bootstrap('f', """
s = connect()
id, body = take(s)
answer(s, id)
s.close()
os._exit(0)
""")
        for _ in range(6):
            self.outcome('f')
        self.alive()

    # ---- out of turn ----

    def test_two_nexts(self):
        """The younger holds, the older is refused; also when both stand in one line of one connection."""
        self.bootstrap('f', """
a, b = connect(), connect()
id, body = take(a)
answer(a, id)
begin(a, 'GET', 'invocation/next')
time.sleep(0.05)
begin(b, 'GET', 'invocation/next')
status, headers, body = reply(a)
if status == 200:                                            # work was there already
    answer(a, headers['lambda-runtime-aws-request-id'])
status, headers, body = reply(b)
id = headers['lambda-runtime-aws-request-id']
b.sendall(text('POST', 'invocation/%s/response' % id, b'"ok"') + text('GET', 'invocation/next') * 3)
while True:
    status, headers, body = reply(b)
    if status == 200:
        answer(a, headers['lambda-runtime-aws-request-id'])
""", Timeout=3)
        for _ in range(3):
            self.until_ok('f')

    def test_next_while_busy_then_the_answer(self):
        """The question for more comes before the answer, on another connection: it is held, and then served."""
        self.bootstrap('f', """
s = connect()
id, body = take(s)
n = 0
while True:
    n += 1
    t = connect()
    begin(t, 'GET', 'invocation/next')
    time.sleep(0.2)
    assert answer(s, id, b'%d' % n) == 202
    status, headers, body = reply(t)
    id, s = headers['lambda-runtime-aws-request-id'], t
""")
        self.assertEqual([self.outcome('f') for _ in range(3)], [1, 2, 3])
        self.alive()

    def test_next_while_busy_is_abandoned(self):
        self.bootstrap('f', """
s = connect()
while True:
    id, body = take(s)
    t = connect()
    begin(t, 'GET', 'invocation/next')
    t.close()
    time.sleep(0.1)
    assert answer(s, id) == 202
""")
        self.assertEqual([self.outcome('f') for _ in range(3)], ['ok'] * 3)
        self.alive()

    def test_what_does_not_fit_is_refused(self):
        self.bootstrap('f', """
import json
s = connect()
early = ask(s, 'POST', 'invocation/none/response', b'1')[0]
id, body = take(s)
t = connect()
said = [early,
        ask(t, 'POST', 'invocation/%s/response' % ('0' * 36), b'1')[0],
        ask(t, 'POST', 'init/error', b'{}')[0],
        ask(t, 'POST', 'invocation/%s/nothing' % id, b'1')[0],
        ask(t, 'GET', 'restore/next')[0]]
assert answer(s, id, json.dumps(said).encode()) == 202
assert answer(t, id) == 400 and answer(t, id, b'{}', 'error') == 400
begin(s, 'GET', 'invocation/next')
time.sleep(0.2)
print(answer(t, id), ask(t, 'POST', 'init/error', b'{}')[0], answer(t, id, b'{}', 'error'), flush=True)
status, headers, body = reply(s)
answer(s, headers['lambda-runtime-aws-request-id'])
behave()
""")
        self.assertEqual(self.outcome('f'), [400, 400, 403, 404, 403])
        self.until_ok('f')

    def test_init_error_then_next(self):
        self.bootstrap('f', """
s, t = connect(), connect()
ask(s, 'POST', 'init/error', b'{"errorType":"No"}')
ask(s, 'POST', 'init/error', b'{"errorType":"No"}')
ask(t, 'GET', 'invocation/next')
time.sleep(3600)
""")
        self.assertEqual(self.outcome('f'), {'errorType': 'No'})
        self.alive()

    # ---- halves ----

    def test_leaves_in_the_middle_of_an_answer(self):
        self.bootstrap('f', """
s = connect()
id, body = take(s)
s.sendall(b'POST %sinvocation/%s/response HTTP/1.1\\r\\nHost: api\\r\\nContent-Length: 1000\\r\\n\\r\\n"half' % (BASE.encode(), id.encode()))
os._exit(3)
""")
        for _ in range(3):
            self.assertEqual(self.outcome('f')['errorType'], 'Runtime.ExitError')
        self.alive()

    def test_a_second_answer_overtakes_an_unfinished_one(self):
        self.bootstrap('f', """
s = connect()
id, body = take(s)
t = connect()
t.sendall(b'POST %sinvocation/%s/response HTTP/1.1\\r\\nHost: api\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\n"sta' % (BASE.encode(), id.encode()))
assert answer(s, id) == 202
begin(s, 'GET', 'invocation/next')
time.sleep(0.2)
t.sendall(b'\\r\\n3\\r\\nle"\\r\\n0\\r\\n\\r\\n')
assert reply(t)[0] == 400
status, headers, body = reply(s)
answer(s, headers['lambda-runtime-aws-request-id'])
behave()
""")
        self.assertEqual(self.outcome('f'), 'ok')
        self.until_ok('f')

    def test_chunked_answer_without_end(self):
        """Too large by its own weight, its length unsaid: refused at the moment it is, not at the time-out."""
        self.bootstrap('f', """
s = connect()
id, body = take(s)
s.sendall(b'POST %sinvocation/%s/response HTTP/1.1\\r\\nHost: api\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n' % (BASE.encode(), id.encode()))
piece = b'100000\\r\\n' + b'x' * 0x100000 + b'\\r\\n'
try:
    for _ in range(40):
        s.sendall(piece)
except OSError:
    pass
behave()
""", Timeout=900)
        self.assertEqual(self.outcome('f')['errorType'], 'Function.ResponseSizeTooLarge')
        self.until_ok('f')

    def test_noise(self):
        self.bootstrap('f', """
busy = connect()
id, body = take(busy)
for noise in (b'', b'\\0' * 1000, b'GET', b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n', text('GET', 'invocation/next')[:-2],
              b'GET / HTTP/1.1\\r\\nContent-Length: -1\\r\\n\\r\\n', b'POST / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n',
              b'GET ' + b'/' * 100000 + b' HTTP/1.1\\r\\n\\r\\n', text('GET', 'invocation/next') * 20):
    s = connect()
    try:
        s.sendall(noise)
    except OSError:
        pass
    s.close()
answer(busy, id)
behave()
""")
        self.until_ok('f')
        self.until_ok('f')


class Crowd(support.ServerCase):
    """Somebody on this machine takes all connections of every Runtime API that opens, before its owner comes."""

    def ports(self):
        inodes = set()
        for fd in os.listdir(f'/proc/{self.server.process.pid}/fd'):
            try:
                inodes.add(os.readlink(f'/proc/{self.server.process.pid}/fd/{fd}'))
            except OSError:
                pass
        with open('/proc/net/tcp') as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return {int(row[1].split(':')[1], 16) for row in rows
                if row[3] == '0A' and f'socket:[{row[9]}]' in inodes} - {self.server.port}

    def crowd(self, over, held):
        seen = set()
        while not over.is_set():
            for port in self.ports() - seen:
                seen.add(port)
                for _ in range(80):
                    s = socket.socket()
                    held.append(s)
                    if s.connect_ex(('127.0.0.1', port)) != 0:
                        break

    def test_cold_starts(self):
        over, held = threading.Event(), []
        attacker = threading.Thread(target=self.crowd, args=(over, held))
        attacker.start()
        try:
            said = []
            for n in range(5):
                self.function(f'f{n}', 'def handler(event, context): return "ok"', Timeout=30)
                said.append(self.invoke(f'f{n}')[1])
        finally:
            over.set()
            attacker.join()
            for s in held:
                s.close()
        self.assertEqual(said, ['ok'] * 5)
        self.assertGreater(len(held), 64)


if __name__ == '__main__':
    support.main()
