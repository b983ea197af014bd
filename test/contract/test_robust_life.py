#!/usr/bin/python3
"""Starts that cannot succeed say why and end with 1; stops end well, also under load and when asked twice."""
import http.client
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from contextlib import closing

import support


def serve(*args, seconds=10, env=None):
    """`waybill serve` that is expected to end by itself -> (status, stderr); a server that runs is an error."""
    done = subprocess.run([support.binary(), 'serve', '--port', '0', *args], capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    return done.returncode, done.stderr


class Start(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='waybill-life-')
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = os.path.join(self.dir, 'data')

    def refused(self, words, *args, **kw):
        status, said = serve(*args, **kw)
        self.assertEqual(status, 1, said)
        self.assertIsNone(support.SANITIZER.search(said), said)
        self.assertRegex(said, words)
        self.assertTrue(said.startswith('waybill: '), said)

    def made(self):
        """A data directory with something in it -> the path of its database."""
        server = support.Server(['--data', self.data])
        for i in range(20):
            support.raw_http(server.port, 'POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'},
                             f'Action=CreateQueue&Version=2012-11-05&QueueName=q{i}')
        self.assertEqual(server.end(), [])
        return os.path.join(self.data, 'waybill.db')

    def test_a_damaged_database_is_named(self):
        path = self.made()
        with open(path, 'rb') as f:
            whole = f.read()
        page = 4096
        for damaged in (b'garbage' * 1000, whole[:len(whole) // 2], whole[:page] + os.urandom(page) + whole[2 * page:],
                        whole[:page] + bytes(b ^ 0x5a for b in whole[page:])):
            with open(path, 'wb') as f:
                f.write(damaged)
            self.refused('data', '--data', self.data)
        with open(path, 'wb') as f:
            f.write(whole)
        server = support.Server(['--data', self.data])       # and nobody had made it worse
        self.assertIn(b'q19', support.raw_http(server.port, 'POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'},
                                               'Action=ListQueues&Version=2012-11-05')[2])
        self.assertEqual(server.end(), [])

    def test_a_lost_database_is_no_empty_world(self):
        path = self.made()
        for left in (('objects', 'code', 'lock', 'waybill.db-wal'), ('waybill.db-wal',), ('credentials',)):
            with self.subTest(left=left):
                shutil.rmtree(self.data)
                os.mkdir(self.data, 0o700)
                for name in left:
                    place = os.path.join(self.data, name)
                    os.mkdir(place) if name in ('objects', 'code') else open(place, 'w').close()
                self.refused(f'database {path} is missing, and was not: {left[0]} shows .* Put back a copy .* empty one', '--data', self.data)
                self.assertFalse(os.path.exists(path), 'the next start would not know')
        shutil.rmtree(self.data)
        os.makedirs(os.path.join(self.data, 'code'))         # somebody else's
        server = support.Server(['--data', self.data])
        self.assertEqual(server.end(), [])

    def test_settings_nobody_wrote_stop_the_start_or_mean_nothing(self):
        path = self.made()
        with closing(sqlite3.connect(path)) as db:
            table, = (n for n, in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'setting%'"))
            name, value = (row[1] for row in db.execute(f'PRAGMA table_info({table})'))
            db.execute(f"INSERT OR REPLACE INTO {table} ({name}, {value}) VALUES ('clock', '9e99 x -1')")
            db.commit()
        support.reseal(path)
        server = support.Server(['--data', self.data])
        self.assertLess(abs(int(support.json.loads(
            support.raw_http(server.port, 'GET', '/_waybill/clock')[2])['offset_ms'])), 1000)
        self.assertEqual(server.end(), [])
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"UPDATE {table} SET {value} = 'garbage' WHERE {name} = 'next_id'")
            db.commit()
        support.reseal(path)
        self.refused('database', '--data', self.data)

    def test_places_that_cannot_be_used(self):
        plain = os.path.join(self.dir, 'file')
        open(plain, 'w').close()
        self.refused('Not a directory', '--data', plain)
        self.refused('Not a directory', '--data', plain + '/below')
        self.refused('cannot make', '--data', '/proc/waybill')
        self.refused('cannot make', '--ephemeral', env={'TMPDIR': self.dir + '/missing'})
        self.refused('numeric address', '--ephemeral', '--host', 'nonsense')
        self.refused('numeric address', '--ephemeral', '--host', '203.0.113.7')

    @unittest.skipUnless(os.geteuid() == 0, 'needs a mount')
    def test_no_room_and_no_right_to_write(self):
        def mounted(options):
            if subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', self.dir], capture_output=True).returncode != 0:
                self.skipTest('mounts are not allowed here')
            self.addCleanup(subprocess.run, ['umount', self.dir], capture_output=True)
        mounted('size=64k')
        self.refused('no room', '--data', self.data)
        mounted('ro')
        self.refused('Read-only', '--data', self.data)
        self.refused('Read-only', '--data', self.dir)

    def test_a_taken_port_and_a_taken_directory(self):
        server = support.Server(['--data', self.data])
        self.refused(f'port {server.port} of 127.0.0.1 is in use', '--ephemeral', '--port', str(server.port))
        self.refused('in use by another server', '--data', self.data)
        self.assertEqual(server.end(), [])


class Stop(unittest.TestCase):
    """With many clients at work.  What was answered is durable; what was not, got no half of an answer."""

    def load(self, server, replies, stop):
        body = 'Action=CreateQueue&Version=2012-11-05&QueueName='
        while not stop.is_set():
            try:
                connection = http.client.HTTPConnection('127.0.0.1', server.port, timeout=20)
                for _ in range(100):
                    name = f'q{threading.get_ident()}-{len(replies)}'
                    connection.request('POST', '/', body + name, {'Content-Type': 'application/x-www-form-urlencoded'})
                    reply = connection.getresponse()
                    data = reply.read()
                    replies.append((name, reply.status, data))
                    if stop.is_set():
                        break
            except (OSError, http.client.BadStatusLine, http.client.CannotSendRequest):
                stop.wait(0.005)                             # refused, or closed before an answer began
            finally:
                connection.close()

    def under_load(self, data, how):
        server = support.Server(['--data', data])
        replies, stop = [], threading.Event()
        threads = [threading.Thread(target=self.load, args=(server, replies, stop)) for _ in range(8)]
        for t in threads:
            t.start()
        try:
            support.wait_until(lambda: len(replies) > 200, 30)
            how(server)
            status = server.wait(20)
        finally:
            stop.set()
            for t in threads:
                t.join()
        return server, status, replies

    def run_and_check(self, how, status):
        data = tempfile.mkdtemp(prefix='waybill-stop-')
        self.addCleanup(shutil.rmtree, data, ignore_errors=True)
        server, got, replies = self.under_load(data, how)
        self.assertEqual(got, status, server.stderr())
        self.assertEqual(server.complaints(), [])
        self.assertEqual({s for _, s, _ in replies}, {200})
        for _, _, body in replies:
            self.assertTrue(body.rstrip().endswith(b'</CreateQueueResponse>'), body)
        again = support.Server(['--data', data])
        listed = support.raw_http(again.port, 'POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'},
                                  'Action=ListQueues&Version=2012-11-05&QueueNamePrefix=q')[2].decode()
        made = len(replies)
        self.assertGreaterEqual(support.json.loads(support.raw_http(again.port, 'GET', '/_waybill/health')[2])['resources']['queues'], made)
        self.assertTrue(listed)
        self.assertEqual(again.end(), [])

    def test_sigterm(self):
        self.run_and_check(lambda s: s.process.send_signal(signal.SIGTERM), 0)

    def test_sigterm_twice(self):
        def twice(server):
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGINT)
            server.process.send_signal(signal.SIGTERM)
        self.run_and_check(twice, 0)

    def test_sigkill(self):
        self.run_and_check(lambda s: s.process.kill(), -signal.SIGKILL)


class StopTwice(support.ServerCase):
    server_args = ('--drain', '60s')

    def test_a_second_signal_ends_the_drain(self):
        self.function('slow', 'import time\ndef handler(e, c): time.sleep(50)\n', Timeout=60)
        self.event('slow')
        support.wait_until(lambda: self.health()['environments']['busy'] == 1, 20)
        began = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        self.assertIsNone(self.server.process.poll())        # it drains
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(10), 0)
        self.assertLess(time.monotonic() - began, 8)


if __name__ == '__main__':
    unittest.main()
