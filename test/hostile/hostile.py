"""A server with a calm neighbour, and somebody hostile beside it.

True of every row of every family, whatever the hostile one does: the server lives; the calm neighbour, invoked
synchronously and asynchronously all the while, is answered each time; and every 202 it got ends in exactly one record
in its destination queue.  How long the calm one waited is written down ($WAYBILL_HOSTILE_FIGURES) and not judged: on a
busy machine it says nothing.

A family is a class with ROWS; each row becomes a test.  Rows are made by function() and client().
"""
import collections
import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'contract'))
import support  # noqa: E402  (the path comes first)

CALM_PAUSE_SECONDS = float(os.environ.get('WAYBILL_HOSTILE_PAUSE', '0.02'))
HOSTILE_SECONDS = float(os.environ.get('WAYBILL_HOSTILE_SECONDS', '1.5'))
REPLY_SECONDS = 150                                          # everybody's patience; far beyond what any should need
RECORD_SECONDS = 180
QUIET_ASAN = 'abort_on_error=0:exitcode=99:detect_leaks=1:quarantine_size_mb=16'  # so that memory held is memory held

# What a bootstrap needs to speak to the Runtime API by hand.
BOOTSTRAP = '''#!/usr/bin/python3
import os, socket, sys, threading, time
where = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)
def connect():
    return socket.create_connection((where[0], int(where[1])), timeout=20)
def request(method, path, body=b"", headers=b""):
    return (b"%s /2018-06-01/runtime/%s HTTP/1.1\\r\\nHost: x\\r\\n%sContent-Length: %d\\r\\n\\r\\n" % (method, path, headers, len(body))) + body
def read(s):
    data, more = b"", b"more"
    while b"\\r\\n\\r\\n" not in data:
        more = s.recv(65536)
        if not more:
            return data
        data += more
    head, _, rest = data.partition(b"\\r\\n\\r\\n")
    for line in head.split(b"\\r\\n"):
        if line.lower().startswith(b"content-length:"):
            while len(rest) < int(line.split(b":")[1]) and more:
                more = s.recv(65536)
                rest += more
    return head
def next_id(s):
    s.sendall(request(b"GET", b"invocation/next"))
    for line in read(s).split(b"\\r\\n"):
        if line.lower().startswith(b"lambda-runtime-aws-request-id:"):
            return line.split(b":")[1].strip()
    time.sleep(1)
    sys.exit("no invocation")
def answer(s, id, body=b"1"):
    s.sendall(request(b"POST", b"invocation/" + id + b"/response", body))
    return read(s)
'''


def function(name, code, outcomes, runtime='python3.11', calls=4, timeout=60, memory=128, event=None):
    """A hostile function.  outcomes: what an invocation may end in: 'ok' or the errorType; None: in anything.
    timeout: short where it is to be reached; else so long that a busy machine does not reach it."""
    return {'name': name, 'code': code, 'outcomes': outcomes, 'runtime': runtime, 'calls': calls, 'timeout': timeout, 'memory': memory, 'event': event or {}}


def bootstrap(name, code, outcomes, **more):
    return function(name, BOOTSTRAP + code, outcomes, runtime='provided.al2023', **more)


def client(name, act):
    """A hostile client: act(case) does it, and asserts what it should be answered."""
    return {'name': name, 'act': act}


class Calm:
    """The calm neighbour: three threads that call, and a ledger."""

    def __init__(self, port):
        self.port, self.stopping = port, threading.Event()
        self.accepted, self.wrong, self.waits = [], [], collections.defaultdict(list)
        self.threads = [threading.Thread(target=self.loop, args=(kind,), daemon=True) for kind in ('sync', 'event', 'health')]
        for thread in self.threads:
            thread.start()

    def call(self, kind, connection):
        headers = {'Authorization': support.authorization('lambda'), 'X-Amz-Invocation-Type': 'Event' if kind == 'event' else 'RequestResponse'}
        if kind == 'health':
            connection.request('GET', '/_waybill/health')
        else:
            connection.request('POST', '/2015-03-31/functions/calm/invocations', b'{"n": 1}', headers)
        reply = connection.getresponse()
        data = reply.read()
        if kind == 'event' and reply.status == 202:
            self.accepted.append(reply.getheader('x-amzn-requestid'))
        elif kind == 'event' or reply.status != 200 or reply.getheader('X-Amz-Function-Error') or kind == 'sync' and data != b'{"n": 1}':
            self.wrong.append(f'{kind}: {reply.status} {dict(reply.getheaders())} {data[:300]!r}')

    def connect(self):
        return http.client.HTTPConnection('127.0.0.1', self.port, timeout=REPLY_SECONDS)

    def loop(self, kind):
        connection = None
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                try:
                    kept = connection
                    connection = kept or self.connect()
                    self.call(kind, connection)
                except ConnectionError:                      # one that was kept may be closed while nothing is on it
                    if kept is None:
                        raise
                    connection = self.connect()
                    self.call(kind, connection)
            except (OSError, http.client.HTTPException) as e:
                self.wrong.append(f'{kind}: {type(e).__name__}: {e} after {time.monotonic() - began:.1f} s')
                connection = None                            # the next call has a connection of its own
            self.waits[kind].append((time.monotonic() - began) * 1000)
            self.stopping.wait(CALM_PAUSE_SECONDS * (5 if kind == 'health' else 1))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(REPLY_SECONDS + 5)

    def p99(self, kind):
        waits = sorted(self.waits[kind])
        return waits[min(len(waits) - 1, len(waits) * 99 // 100)] if waits else float('nan')


class HostileCase(support.ServerCase):
    ROWS = ()
    server_args = ('--max-environments', '8')
    expected_events = ('runtime_api_refused',)               # who speaks the Runtime API by hand is refused now and then

    @classmethod
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        for row in cls.ROWS:
            name = 'test_' + ''.join(c if c.isalnum() else '_' for c in row['name'])
            assert not hasattr(cls, name), name
            setattr(cls, name, lambda self, row=row: self.run_row(row))

    def setUp(self):
        if self.server.process.poll() is not None:           # the row before broke it, and has said so
            self.server.remove()
            self.start_server()
        super().setUp()
        if getattr(self.server, 'calm_queue', None) is None:
            self.server.calm_queue, arn = self.queue('calm-records')
            self.function('calm', 'def handler(e, c): return e\n', Timeout=120)
            self.client('lambda').put_function_event_invoke_config(FunctionName='calm', DestinationConfig={'OnSuccess': {'Destination': arn}, 'OnFailure': {'Destination': arn}})
            self.invoke('calm', b'{}')

    # ---- one row ----

    def run_row(self, row):
        if 'code' in row:
            self.make_hostile(row)
        calm = Calm(self.server.port)
        try:
            if 'act' in row:
                self.act(row)
            else:
                self.invoke_hostile(row)
            self.cold_start()
        except Exception:
            self.must_live()                                 # if it does not, that is what is to be told
            raise
        finally:
            calm.stop()
            self.note(row, calm)
            if 'code' in row and self.server.process.poll() is None:
                self.client('lambda').delete_function(FunctionName='hostile')
        self.must_live()
        self.assertEqual(calm.wrong[:3], [], f'{len(calm.wrong)} calls of the calm neighbour went wrong')
        self.assertGreater(len(calm.accepted), 0)
        self.every_event_has_its_record(calm.accepted)
        complaints = self.server.complaints(self.expected_events)
        told, self.server.told = getattr(self.server, 'told', 0), len(complaints)
        self.assertEqual(complaints[told:], [])

    def must_live(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.process.wait(0 if self.alive() else 20)  # a report takes its time
        self.assertIsNone(self.server.process.poll(), f'the server is dead:\n{self.server.stderr()[-6000:]}')

    def alive(self):
        try:
            return support.raw_http(self.server.port, 'GET', '/_waybill/health', timeout=REPLY_SECONDS)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def act(self, row):
        """Again and again for a while; once where it takes that long by itself."""
        end = time.monotonic() + HOSTILE_SECONDS
        row['act'](self)
        while time.monotonic() < end:
            row['act'](self)

    def make_hostile(self, row):
        self.function('hostile', row['code'], row['runtime'], Timeout=row['timeout'], MemorySize=row['memory'])

    def invoke_hostile(self, row):
        """Calls it a few times from two clients, at least so long."""
        end, results, body = time.monotonic() + HOSTILE_SECONDS, [], json.dumps({'port': self.server.port, **row['event']}).encode()

        def caller():
            n = 0
            while n < row['calls'] or time.monotonic() < end:
                n += 1
                results.append(self.outcome(body))
                time.sleep(0.01)
        threads = [threading.Thread(target=caller) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if row['outcomes'] is not None:
            self.assertEqual([r for r in results if r[0] not in row['outcomes']][:3], [], f'expected one of {row["outcomes"]}')

    def outcome(self, body):
        """('ok' | errorType | the error's code, more) of one synchronous call of the hostile function."""
        headers = {'Authorization': support.authorization('lambda'), 'X-Amz-Log-Type': 'None'}
        try:
            status, got, data = support.raw_http(self.server.port, 'POST', '/2015-03-31/functions/hostile/invocations', headers, body, timeout=REPLY_SECONDS)
        except (OSError, http.client.HTTPException) as e:
            return 'no reply', repr(e)
        if status != 200:
            return got.get('x-amzn-errortype', str(status)), data[:300]
        try:
            value = json.loads(data)
        except ValueError:
            return 'ok', data[:100]
        if 'x-amz-function-error' in got:
            return (value or {}).get('errorType') or (value or {}).get('errorMessage'), data[:300]
        return value if value in ('held', 'refused') else 'ok', data[:100]

    cold = False                                             # a family whose rows also must let others start

    def cold_start(self):
        if self.cold:
            name = 'cold'
            self.function(name, 'def handler(e, c): return 7\n', Timeout=120)
            try:
                reply, value = self.invoke(name)
                self.assertEqual((reply.get('FunctionError'), value), (None, 7))
            finally:
                self.client('lambda').delete_function(FunctionName=name)

    def every_event_has_its_record(self, accepted):
        sqs, seen, hurt = self.client('sqs'), collections.Counter(), []
        end, walked = time.monotonic() + RECORD_SECONDS, False
        while time.monotonic() < end:
            got = sqs.receive_message(QueueUrl=self.server.calm_queue, MaxNumberOfMessages=10).get('Messages', [])
            for message in got:
                context = json.loads(message['Body'])['requestContext']
                seen[context['requestId']] += 1
                if (context['condition'], context['approximateInvokeCount']) != ('Success', 1):
                    hurt.append(self.journey(context['requestId']))
            if got:
                sqs.delete_message_batch(QueueUrl=self.server.calm_queue, Entries=[{'Id': str(i), 'ReceiptHandle': m['ReceiptHandle']} for i, m in enumerate(got)])
            elif set(accepted) <= set(seen):
                break
            elif not walked and time.monotonic() > end - RECORD_SECONDS / 2:
                walked = True
                self.advance(400000)                         # one that was retried waits on the server's clock
            else:
                time.sleep(0.05)
        self.assertEqual([i for i in accepted if seen[i] == 0], [], 'accepted, and lost')
        self.assertEqual([i for i in seen if seen[i] > 1], [], 'recorded more than once')
        self.assertEqual(hurt[:2], [], 'did not succeed at once, though nobody is hostile in it')

    def note(self, row, calm):
        path = os.environ.get('WAYBILL_HOSTILE_FIGURES')
        if path and calm.waits:
            with open(path, 'a') as f:
                f.write(json.dumps({'family': type(self).__name__, 'row': row['name'], 'wrong': len(calm.wrong), 'calls': {k: len(w) for k, w in calm.waits.items()},
                                    'p99_ms': {k: round(calm.p99(k), 2) for k in calm.waits}, 'max_ms': {k: round(max(w), 2) for k, w in calm.waits.items() if w}}) + '\n')
