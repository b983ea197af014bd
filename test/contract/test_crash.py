#!/usr/bin/python3
"""What a 202 promises: the server is killed at random moments, again and again, and nothing that was accepted is lost,
nothing ends twice and nothing appears that nobody sent.

$WAYBILL_CRASH_ROUNDS says how many kills; without it 200, or what a minute has room for."""
import http.client
import json
import time

import crash
import native
import support

ROUNDS = crash.Rounds('WAYBILL_CRASH_ROUNDS', 200)
ENOUGH = 5                                                   # events accepted between two kills


class Kills(crash.KillCase):
    def setUp(self):
        super().setUp()
        self.ok, ok_arn = self.queue('ok')
        self.failed, failed_arn = self.queue('failed')
        self.function('native', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.function('slow', 'def handler(event, context):\n    return {"ran": event}\n', Timeout=60)
        self.function('first', native.bootstrap(), 'provided.al2023', Timeout=60)
        self.client('lambda').put_function_event_invoke_config(FunctionName='first', DestinationConfig={
            'OnSuccess': {'Destination': self.client('lambda').get_function(FunctionName='native')['Configuration']['FunctionArn']}})
        for name in ('native', 'slow'):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=21600,
                DestinationConfig={'OnSuccess': {'Destination': ok_arn}, 'OnFailure': {'Destination': failed_arn}})

    def test_nothing_accepted_is_lost(self):
        # Every start jumps ahead by up to two real seconds: retries fall due between the kills, and nothing is over age.
        rate = min(20, 6000 // ROUNDS.most)
        self.control('POST', 'clock', {'rate': rate})
        began = time.monotonic()
        clients, note = self.shake(ROUNDS, crash.Client, ENOUGH)
        shaken = time.monotonic()
        self.assertEqual(self.clock()['rate'], rate)
        self.control('POST', 'clock', {'rate': 1})
        self.settle(advance=True, timeout_ms=max(120, ROUNDS.done) * 1000)
        records = {'Success': self.read_queue(self.ok), 'RetriesExhausted': self.read_queue(self.failed)}
        sent = {(c.number, n): body for c in clients for n, body in c.sent.items()}
        accepted = {id: (c.number, n) for c in clients for n, id in c.accepted.items()}
        self.assertEqual([w for c in clients for w in c.wrong], [], note)
        self.assertGreater(len(accepted), 3 * ROUNDS.done, 'too little was accepted between the kills to prove anything')

        seen = {}
        for condition, found in records.items():
            for r in found:
                r = self.unfold(r)
                key = (r['requestPayload']['client'], r['requestPayload']['n'])
                self.assertIn(key, sent, f'{note}: a record of an event nobody sent: {r}')
                self.assertEqual(json.dumps(r['requestPayload'], separators=(',', ':')), sent[key], note)
                self.check_record(condition, r)
                id = r['requestContext']['requestId']
                self.assertNotIn(id, seen, f'{note}: two records of one event')
                seen[id] = key
        self.assertEqual(len(set(seen.values())), len(seen), f'{note}: one request became two events')
        lost = {id: key for id, key in accepted.items() if seen.get(id) != key}
        self.assertEqual(lost, {}, f'{note}: {len(lost)} of {len(accepted)} accepted events without a record')
        self.check_journeys(seen)
        print(f'{ROUNDS.done} kills in {shaken - began:.0f} s, {time.monotonic() - shaken:.0f} s to the end: {len(sent)} sent, {len(accepted)} accepted, {len(seen)} records, '
              f'{len(records["RetriesExhausted"])} of them after retries', flush=True)

    def unfold(self, r):
        """The record of an event of `first` is the event of `native`: there must be one record for it too."""
        inner = r['requestPayload']
        if 'requestContext' not in inner:
            self.assertNotEqual((inner['n'] % 7 == 0, inner['n'] % 5 == 0, inner['n'] % 41 == 0), (True, False, False), r)
            return r
        self.assertEqual((r['requestContext']['condition'], r['responsePayload']), ('Success', {'ran': inner}), r)
        self.assertNotEqual(r['requestContext']['requestId'], inner['requestContext']['requestId'])
        return inner

    def check_record(self, condition, r):
        event = r['requestPayload']
        self.assertEqual(r['requestContext']['condition'], condition, r)
        if event.get('do') == 'fail':
            self.assertEqual((condition, r['requestContext']['approximateInvokeCount']), ('RetriesExhausted', 3), r)
            self.assertEqual(r['responsePayload'], {'errorType': 'Asked', 'errorMessage': 'as asked'})
        else:                                                # the answer is made of the event: it has run
            self.assertEqual((condition, r['requestContext']['approximateInvokeCount'], r['responsePayload']),
                             ('Success', 1, {'ran': event}), r)

    def check_journeys(self, seen):
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=40)
        for id, (_, n) in seen.items():
            connection.request('GET', f'/_waybill/journeys/{id}')
            reply = connection.getresponse()
            story = json.loads(reply.read())
            self.assertEqual(reply.status, 200, f'no journey of {id}')
            steps = [s['step'] for s in story['steps']]
            if n % 5 == 0:
                self.assertEqual(story['state'], 'failed')
                self.assertEqual([s for s in steps if s != 'throttled'], ['accepted', *['started', 'failed', 'retry'] * 2, 'started',
                                                                          'failed', 'exhausted', 'sent'], story)
            else:
                self.assertEqual((story['state'], steps), ('succeeded', ['accepted', 'started', 'succeeded', 'sent']), story)
        connection.close()


if __name__ == '__main__':
    support.main()
