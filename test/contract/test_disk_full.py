#!/usr/bin/python3
"""A disk without room: what cannot be written is refused, what was accepted is done when there is room again."""
import json
import os
import time

import crash
import native
import support


class DiskFull(crash.SmallDisk):
    def test_full_and_free_again(self):
        url, arn = self.queue('ok')
        self.function('n', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', DestinationConfig={'OnSuccess': {'Destination': arn}})
        ballast = os.path.join(self.small, 'ballast')
        accepted, statuses = [], []

        def send(n):
            status, headers, data = self.http('POST', '/2015-03-31/functions/n/invocations', {
                'X-Amz-Invocation-Type': 'Event', 'Authorization': support.authorization('lambda')},
                json.dumps({'n': n, 'pad': 'x' * 60000}))
            statuses.append(status)
            if status == 202:
                accepted.append((n, headers['x-amzn-RequestId']))
            return status, data

        for n in range(5):
            self.assertEqual(send(n)[0], 202)
        with open(ballast, 'wb', buffering=0) as f:          # what is left goes to somebody else
            try:
                while True:
                    f.write(b'\0' * 4096)
            except OSError:
                pass
        for n in range(5, 25):
            status, data = send(n)
            if status != 202:
                self.assertEqual(status, 500, data)
        self.assertIn(500, statuses)
        self.assertEqual(self.health()['status'], 'ok')
        os.unlink(ballast)
        support.wait_until(lambda: send(1000 + len(statuses))[0] == 202, 10, 0.2, 'accepting again')
        self.settle(advance=True)
        records = self.read_queue(url)
        got = sorted((r['requestPayload']['n'], r['requestContext']['requestId']) for r in records)
        self.assertEqual(got, sorted(accepted))
        for _, id in accepted:
            self.assertEqual(self.journey(id)['state'], 'succeeded')
        self.server.kill()
        self.start_server()
        self.settle(advance=True)
        self.assertEqual(self.receive(url.replace(url.split('/')[2], f'127.0.0.1:{self.server.port}'), 0), [])


class DiskFullWhileRunning(crash.SmallDisk):
    def test_full_while_events_run(self):
        """Their ends cannot be written: they run again when there is room, each with one record."""
        _, arn = self.queue('slow')
        self.function('s', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='s', DestinationConfig={'OnSuccess': {'Destination': arn}})
        ids = [self.event('s', '{"do":"slow","n":%d,"pad":"%s"}' % (n, 'x' * 30000)) for n in range(20)]
        ballast = self.fill()
        support.wait_until(lambda: 'event=disk_full' in self.server.stderr(), 10, what='a turn that could not be written')
        self.server.kill()
        self.full_start()
        os.unlink(ballast)
        self.start_server()
        self.settle(advance=True)
        self.assertEqual(sorted(r['requestContext']['requestId'] for r in self.read_queue(self.queue_url('slow'))), sorted(ids))

    def full_start(self):
        """A start needs a page or two: where they are not to be had it says so and ends."""
        server = support.Server(['--data', os.path.join(self.small, 'data')], wait=False)
        support.wait_until(lambda: server.process.poll() is not None or 'ready on' in server.stdout(), 20, what='started or refused')
        if server.process.poll() is not None:
            self.assertEqual(server.process.returncode, 1)
            self.assertRegex(server.stderr(), r'^waybill: .*(no room left|disk is full|No space left on device)\n$')
        server.kill()
        self.assertEqual(server.complaints(self.expected_events), [])
        server.remove()

    def queue_url(self, name):
        return self.client('sqs').get_queue_url(QueueName=name)['QueueUrl']


class Client(crash.Client):
    """Sends events of 30 KB; one that is refused is sent again, as another.  After some in each life of the server it takes
    its time: what was accepted, its records and its journeys must fit on the disk once the ballast is gone."""
    FAST = 20
    refused = 0
    life = (None, 0)                                         # which, and how many had been accepted when it began

    def send(self, connection, n):
        if self.life[0] != self.place['at'][0]:
            self.life = (self.place['at'][0], len(self.accepted))
        if len(self.accepted) - self.life[1] >= self.FAST:
            time.sleep(0.25)
        self.invoke(connection, n, 'n', '{"client":%d,"n":%d,"pad":"%s"}' % (self.number, n, 'x' * 30000))

    def not_accepted(self, status, data):
        if status == 500:
            self.refused += 1
            time.sleep(0.01)
        else:
            super().not_accepted(status, data)


class KilledWhileFull(DiskFullWhileRunning):
    """The disk fills up while four clients send, the server is killed in the middle of it, and there is room again."""
    ROUNDS = 5
    size = '96m'

    def test_full_while_events_run(self):
        _, arn = self.queue('done')
        self.function('n', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='n', MaximumEventAgeInSeconds=21600,
                                                               DestinationConfig={'OnSuccess': {'Destination': arn}})
        place = {'at': (0, self.server.port), 'over': False}
        clients = [Client(i, place) for i in range(crash.CLIENTS)]
        for c in clients:
            c.start()
        try:
            for n in range(self.ROUNDS):
                self.fill_and_kill(place, clients, n)
        finally:
            place['over'] = True
            for c in clients:
                c.join(30)
        self.assertEqual([w for c in clients for w in c.wrong], [])
        self.settle(advance=True, timeout_ms=120000)
        accepted = {id: (c.number, n) for c in clients for n, id in c.accepted.items()}
        records = [r for r in self.read_queue(self.queue_url('done'))]
        seen = {r['requestContext']['requestId']: (r['requestPayload']['client'], r['requestPayload']['n']) for r in records}
        self.assertEqual(len(seen), len(records), 'two records of one event')
        self.assertEqual({id: key for id, key in accepted.items() if seen.get(id) != key}, {}, 'accepted and lost')
        self.assertEqual(set(seen.values()) - {(c.number, n) for c in clients for n in c.sent}, set())
        print(f'{self.ROUNDS} kills with a full disk: {len(accepted)} accepted, {sum(c.refused for c in clients)} refused, {len(seen)} records', flush=True)

    def fill_and_kill(self, place, clients, n):
        count = lambda: sum(len(c.accepted) for c in clients)
        wanted = count() + 10
        support.wait_until(lambda: count() >= wanted, 60, 0.005, 'accepted with room')
        ballast = self.fill()
        refused = sum(c.refused for c in clients) + 1
        support.wait_until(lambda: sum(c.refused for c in clients) >= refused, 60, 0.005, 'refused without room')
        time.sleep(0.02 * n)
        place['at'] = (place['at'][0] + 1, None)
        self.server.kill()
        self.assertEqual(self.server.complaints(self.expected_events), [])
        self.server.remove()
        self.full_start()
        os.unlink(ballast)
        self.start_server()
        place['at'] = (place['at'][0], self.server.port)


if __name__ == '__main__':
    support.main()
