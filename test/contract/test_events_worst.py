#!/usr/bin/python3
"""Rules and events that cost more to match than a turn may take: nobody waits for them, and nothing is lost."""
import json

import support
from test_events import EventsCase

NUMBERS = json.dumps({'detail': {'a': list(range(900))}}, separators=(',', ':'))
DETAIL = json.dumps({'a': [5000] * 30000 + [899]}, separators=(',', ':'))


class Worst(EventsCase):
    def test_put_and_go_on(self):
        queue, arn = self.open_queue('q')
        for i in range(5):
            self.rule(f'r{i}', NUMBERS)
            self.events.put_targets(Rule=f'r{i}', Targets=[{'Id': 't', 'Arn': arn, 'Input': json.dumps(i)}])
        out = self.events.put_events(Entries=[{'Source': 's', 'DetailType': 'd', 'Detail': DETAIL}] * 3)
        self.assertEqual(out['FailedEntryCount'], 0)
        self.settle()
        got = []
        while batch := self.client('sqs').receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get('Messages'):
            got += [m['Body'] for m in batch]
        self.assertEqual(sorted(got), sorted([str(i) for i in range(5)] * 3))

    def test_trial(self):
        event = json.dumps({'id': '1', 'account': '1', 'source': 's', 'time': '2026-01-01T00:00:00Z', 'region': 'r',
                            'resources': [], 'detail-type': 'd', 'detail': json.loads(DETAIL)})
        self.assertTrue(self.events.test_event_pattern(EventPattern=NUMBERS, Event=event)['Result'])
        self.assertFalse(self.events.test_event_pattern(EventPattern=NUMBERS, Event=event.replace('899]', '5000]'))['Result'])


del EventsCase                                               # its own tests are run where it lives

if __name__ == '__main__':
    support.main()
