#!/usr/bin/python3
"""The process that starts functions is killed or stopped: noticed, said, and made good."""
import os
import signal
import threading
import time
import unittest

import support

SLOW = '''
import time
def handler(event, context):
    time.sleep(event.get("s", 0))
    return "ok"
'''


class SpawnerLost(support.ServerCase):
    expected_events = ('spawner_lost', 'spawner_started')
    reset_between_tests = True

    def spawner(self):
        return self.health()['spawner']['pid']

    def replaced(self, before):
        return support.wait_until(lambda: self.spawner() not in (0, before), 60, what='another spawner')

    def test_killed_while_nothing_runs(self):
        self.function('f', SLOW)
        self.assertEqual(self.invoke('f')[1], 'ok')
        for n in range(3):
            before = self.spawner()
            os.kill(before, signal.SIGKILL)
            self.replaced(before)
            self.assertEqual(self.invoke('f')[1], 'ok')      # cold: what was warm went with it
        self.assertEqual(self.server.stderr().count('event=spawner_started'), self.health()['spawner']['restarts'])

    def test_killed_while_functions_run(self):
        """The synchronous call is told that the service failed; the event is tried again, by itself."""
        self.function('f', SLOW, Timeout=900)
        failed = []

        def call():
            try:
                failed.append(self.invoke('f', {'s': 800})[1])
            except support.ClientError as e:
                failed.append(e.response['Error']['Code'])
        caller = threading.Thread(target=call)
        caller.start()
        url, arn = self.queue('done')
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnSuccess': {'Destination': arn}})
        request_id = self.event('f', {'s': 1})
        support.wait_until(lambda: self.health()['environments']['busy'] == 2, 60, what='both run')
        before = self.spawner()
        os.kill(before, signal.SIGKILL)
        caller.join(60)
        self.assertEqual(failed, ['ServiceException'])
        self.replaced(before)
        self.settle(advance=True)
        record, = self.records(url)
        self.assertEqual(record['requestContext']['requestId'], request_id)

    def test_stopped(self):
        """A time-out is answered at its time though nobody can reap; later the spawner is replaced."""
        self.function('f', SLOW, Timeout=1)
        self.function('g', SLOW)
        self.assertEqual(self.invoke('f')[1], 'ok')
        before = self.spawner()
        os.kill(before, signal.SIGSTOP)
        try:
            reply, payload = self.invoke('f', {'s': 30})
            self.assertIn('timed out', payload['errorMessage'])
            self.assertEqual(self.invoke('g')[1], 'ok')      # cold: waits for the next spawner
        finally:
            try:
                os.kill(before, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self.assertNotEqual(self.spawner(), before)


if __name__ == '__main__':
    support.main()
