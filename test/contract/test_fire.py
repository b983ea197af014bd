#!/usr/bin/python3
"""Under load, what runs functions is killed again and again: function processes, their supervisors, the spawner.  The server
answers all the while, and every event it accepted ends in exactly one record."""
import http.client
import json
import os
import random
import signal
import time
import unittest

import crash
import native
import support
from test_restart import descendants

SECONDS, LEAST, MOST = 12, 20, 80                            # kills; a slow machine does fewer
ENOUGH = 3                                                   # events accepted between two kills


class Client(crash.Client):
    def send(self, connection, n):
        event = {'client': self.number, 'n': n, **({'do': 'slow'} if n % 3 == 0 else {})}
        self.invoke(connection, n, 'native', json.dumps(event, separators=(',', ':')))


class Fire(crash.DataCase):
    expected_events = ('spawner_lost', 'spawner_started', *crash.KILLED)

    def setUp(self):
        super().setUp()
        self.queues = {}
        arns = {}
        for name in ('ok', 'failed'):
            self.queues[name], arns[name] = self.queue(name)
        self.function('native', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='native', MaximumEventAgeInSeconds=21600, DestinationConfig={
            'OnSuccess': {'Destination': arns['ok']}, 'OnFailure': {'Destination': arns['failed']}})

    def family(self):
        """(pid, is it a function's own process) of all that stand around functions."""
        spawner, found = self.health()['spawner']['pid'], []
        for pid in sorted(descendants(self.server.process.pid) - {spawner}):
            try:
                with open(f'/proc/{pid}/comm') as f:
                    found.append((pid, f.read().strip() == 'bootstrap'))
            except OSError:
                pass
        return found

    def victim(self, chance):
        """Mostly functions' own processes, then those that watch over them, sometimes the spawner itself."""
        if chance.random() < 0.1:
            return self.health()['spawner']['pid']
        own = chance.random() < 0.7
        return chance.choice(support.wait_until(lambda: [pid for pid, its in self.family() if its == own], 60, 0.002, 'a process to kill'))

    def kill_some(self, clients, chance):
        began, kills, spawners = time.monotonic(), 0, 0
        while kills < MOST and (kills < LEAST or time.monotonic() - began < SECONDS):
            wanted = sum(len(c.accepted) for c in clients) + ENOUGH
            support.wait_until(lambda: sum(len(c.accepted) for c in clients) >= wanted, 60, 0.002, 'accepted between two kills')
            support.wait_until(lambda: self.health()['environments']['busy'] > 0, 60, 0.002, 'something runs')
            pid = self.victim(chance)
            spawners += pid == self.health()['spawner']['pid']
            if pid > 1:
                try:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
            if kills % 10 == 0:                              # one that is waited for is answered, whatever the answer
                status, _, _ = self.http('POST', '/2015-03-31/functions/native/invocations', {
                    'Authorization': support.authorization('lambda')}, '{}')
                self.assertIn(status, (200, 500, 502, 503))
        return kills, spawners

    def steps_of(self, ids):
        """{id: how many executions it lost on the way}; every story has one beginning and one end."""
        connection, lost = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=60), {}
        for id in ids:
            connection.request('GET', f'/_waybill/journeys/{id}')
            steps = [s['step'] for s in json.loads(connection.getresponse().read())['steps']]
            self.assertEqual((steps[0], steps[-1], steps.count('sent')), ('accepted', 'sent', 1), steps)
            lost[id] = steps.count('started') - 1
        connection.close()
        return lost

    def test_every_event_has_one_record(self):
        seed = int.from_bytes(os.urandom(4), 'big')
        note, place = f'seed {seed}', {'at': (0, self.server.port), 'over': False}
        clients = [Client(i, place) for i in range(crash.CLIENTS)]
        self.control('POST', 'clock', {'rate': 20})          # what was killed is tried again meanwhile
        for c in clients:
            c.start()
        try:
            kills, spawners = self.kill_some(clients, random.Random(seed))
        finally:
            place['over'] = True
            for c in clients:
                c.join(60)
        self.control('POST', 'clock', {'rate': 1})
        self.settle(advance=True, timeout_ms=120000)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual([w for c in clients for w in c.wrong], [], note)
        accepted = {id: (c.number, n) for c in clients for n, id in c.accepted.items()}
        seen = {}
        for name, condition in (('ok', 'Success'), ('failed', 'RetriesExhausted')):
            for r in self.read_queue(self.queues[name]):
                id, event = r['requestContext']['requestId'], r['requestPayload']
                self.assertEqual(r['requestContext']['condition'], condition, note)
                self.assertNotIn(id, seen, f'{note}: two records of one event')
                seen[id] = (event['client'], event['n'])
                if condition == 'Success':
                    self.assertEqual(r['responsePayload'], {'ran': event}, note)
        self.assertEqual(seen, accepted, note)
        again = sum(self.steps_of(seen).values())
        self.assertGreater(again, 0, f'{note}: no kill hit anything')
        self.assertEqual(self.invoke('native', {'last': 1})[1], {'ran': {'last': 1}})
        print(f'{kills} kills, {spawners} of them of the spawner: {len(accepted)} accepted, {len(seen)} records, {again} executions lost', flush=True)


if __name__ == '__main__':
    support.main()
