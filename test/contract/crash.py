"""What the tests share that end servers: a data directory that stays, clients that go on through every restart, kills at
random moments, and a disk that is small enough to be filled."""
import ctypes
import http.client
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import support

CLIENTS = 4
PR_SET_CHILD_SUBREAPER = 36
KILLED = ('log_tail_dropped',)                               # what a server may find after a kill in the middle of a commit


class DataCase(support.DataCase):
    expected_events = KILLED

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


class BuryCase(DataCase):
    """Every process that a dead server leaves becomes ours."""

    def setUp(self):
        super().setUp()
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.addCleanup(ctypes.CDLL(None).prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def nobody_left(self):
        """After a kill: every process the server had started has become ours to bury, and is dead."""
        end = time.monotonic() + 60                          # a second where the machine has one to spare
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


class Rounds:
    """The kills to come: as many as the environment variable says.  Without it `most`, of which a slow machine does no
    more than fit into SECONDS, but LEAST of them: a start costs the sanitized server a quarter of a second of
    processor time, and that is two seconds for one that shares its processor with seven others."""
    SECONDS, LEAST = 60, 30

    def __init__(self, variable, most):
        self.named = variable in os.environ
        self.most, self.done = int(os.environ.get(variable, most)), 0

    def __iter__(self):
        began = time.monotonic()
        while self.done < self.most and (self.named or self.done < self.LEAST or time.monotonic() - began < self.SECONDS):
            self.done += 1
            yield self.done


class KillCase(BuryCase):
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

    def shake(self, rounds, client, enough):
        """CLIENTS at work while the server is killed again and again -> the clients, and a note of the seed.  Before three
        of four kills `enough` more is accepted, however slow the machine; the fourth comes when it comes."""
        seed = int.from_bytes(os.urandom(4), 'big')
        rng, place = random.Random(seed), {'at': (0, self.server.port), 'over': False}
        self.latest = self.clock()['now']
        clients = [client(i, place) for i in range(CLIENTS)]
        for c in clients:
            c.start()
        try:
            for n in rounds:
                if n % 4:
                    wanted = sum(len(c.accepted) for c in clients) + enough
                    support.wait_until(lambda: sum(len(c.accepted) for c in clients) >= wanted, 60, 0.002, 'accepted between two kills')
                self.kill_and_restart(place, rng)
        finally:
            place['over'] = True
            for c in clients:
                c.join(30)
        return clients, f'seed {seed}'


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
                    self.send(connection, n)
            except (OSError, http.client.HTTPException):
                pass                                         # killed while it answered: the event is in doubt
            finally:
                connection.close()

    def send(self, connection, n):
        name, event = 'native', {'client': self.number, 'n': n}
        if n % 5 == 0:
            event['do'] = 'fail'
        elif n % 41 == 0:
            name = 'slow'
        elif n % 7 == 0:
            name = 'first'
        self.invoke(connection, n, name, json.dumps(event, separators=(',', ':')))

    def invoke(self, connection, n, name, body):
        self.sent[n] = body
        connection.request('POST', f'/2015-03-31/functions/{name}/invocations', body,
                           {'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')})
        reply = connection.getresponse()
        data = reply.read()
        if reply.status == 202:
            self.accepted[n] = reply.getheader('x-amzn-RequestId')
        else:
            self.not_accepted(reply.status, data)

    def not_accepted(self, status, data):
        self.wrong.append((status, data))


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
    def data_directory(cls):
        return os.path.join(cls.small, 'data')

    def fill(self):
        """Takes all the room there is -> the file that holds it."""
        ballast = os.path.join(self.small, 'ballast')
        with open(ballast, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(b'\0' * 4096)
            except OSError:
                return ballast
