#!/usr/bin/python3
"""CloudWatch Logs as boto3 and the AWS CLI see it; and what functions leave there."""
import re
import signal
import subprocess
import threading
import time

import support

DAY_MS = 86400000


class LogsCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.logs = self.client('logs')

    def now(self):
        return self.clock()['now_ms'] if 'now_ms' in self.clock() else int(time.time() * 1000)

    def group(self, name='/g', stream=None, **kw):
        self.logs.create_log_group(logGroupName=name, **kw)
        if stream:
            self.logs.create_log_stream(logGroupName=name, logStreamName=stream)

    def put(self, messages, group='/g', stream='s', at=None):
        at = at if at is not None else int(time.time() * 1000)
        events = [{'timestamp': at + i, 'message': m} for i, m in enumerate(messages)]
        return self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def filtered(self, **kw):
        pages = self.logs.get_paginator('filter_log_events').paginate(logGroupName=kw.pop('group', '/g'), **kw)
        return [e for page in pages for e in page['events']]


class Groups(LogsCase):
    def test_create_describe_delete(self):
        self.group('/b', tags={'team': 'x'})
        self.group('/a')
        groups = self.logs.describe_log_groups()['logGroups']
        self.assertEqual([g['logGroupName'] for g in groups], ['/a', '/b'])
        arn = 'arn:aws:logs:us-east-1:000000000000:log-group:/a'
        self.assertEqual(groups[0]['arn'], arn + ':*')
        self.assertEqual((groups[0]['storedBytes'], groups[0]['metricFilterCount']), (0, 0))
        self.assertNotIn('retentionInDays', groups[0])
        self.assertLess(abs(groups[0]['creationTime'] - time.time() * 1000), 60000)
        self.logs.delete_log_group(logGroupName='/a')
        self.assertEqual([g['logGroupName'] for g in self.logs.describe_log_groups()['logGroups']], ['/b'])

    def test_newer_members_on_the_wire(self):
        self.group('/a')
        status, _, reply = self.json('Logs_20140328.DescribeLogGroups', {}, '1.1')
        self.assertEqual(status, 200)
        self.assertEqual(reply['logGroups'][0]['logGroupArn'], 'arn:aws:logs:us-east-1:000000000000:log-group:/a')
        self.assertEqual(reply['logGroups'][0]['logGroupClass'], 'STANDARD')

    def test_errors(self):
        self.group('/a')
        self.assertFault('ResourceAlreadyExistsException', self.logs.create_log_group, logGroupName='/a', status=400,
                         message='The specified log group already exists')
        self.assertFault('ResourceNotFoundException', self.logs.delete_log_group, logGroupName='/b', status=400,
                         message='The specified log group does not exist.')
        self.assertFault('InvalidParameterException', self.logs.create_log_group, logGroupName='bad name', status=400,
                         message=re.compile('logGroupName'))

    def test_what_is_not_done_is_refused_by_name(self):
        for extra in ({'kmsKeyId': 'arn:aws:kms:us-east-1:000000000000:key/k'}, {'logGroupClass': 'INFREQUENT_ACCESS'},
                      {'deletionProtectionEnabled': True}):
            status, _, reply = self.json('Logs_20140328.CreateLogGroup', {'logGroupName': '/x', **extra}, '1.1')
            self.assertEqual((status, reply['__type'].split('#')[-1]), (400, 'InvalidParameterException'), extra)
            self.assertIn(next(iter(extra)), reply['message'])
        self.assertEqual(self.logs.describe_log_groups()['logGroups'], [])
        for operation in ('StartQuery', 'StartLiveTail', 'PutSubscriptionFilter'):
            status, _, reply = self.json(f'Logs_20140328.{operation}', {}, '1.1')
            self.assertGreaterEqual(status, 400, operation)
            self.assertIn('__type', reply)

    def test_pages_prefix_and_pattern(self):
        names = [f'/x/{i:03}' for i in range(120)] + ['/y/1', '/z-5']
        for name in names:
            self.group(name)
        pages = list(self.logs.get_paginator('describe_log_groups').paginate(PaginationConfig={'PageSize': 50}))
        self.assertEqual([len(p['logGroups']) for p in pages], [50, 50, 22])
        self.assertEqual([g['logGroupName'] for p in pages for g in p['logGroups']], names)
        got = self.logs.describe_log_groups(logGroupNamePrefix='/y')['logGroups']
        self.assertEqual([g['logGroupName'] for g in got], ['/y/1'])
        got = self.logs.describe_log_groups(logGroupNamePattern='05', limit=50)
        self.assertEqual([g['logGroupName'] for g in got['logGroups']], ['/x/005', '/x/050', '/x/051', '/x/052', '/x/053',
                                                                        '/x/054', '/x/055', '/x/056', '/x/057', '/x/058',
                                                                        '/x/059', '/x/105'])
        self.assertNotIn('nextToken', got)

    def test_retention(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        self.put(['old'], at=now - 5 * DAY_MS)
        self.put(['new'], at=now)
        self.logs.put_retention_policy(logGroupName='/g', retentionInDays=3)
        self.assertEqual(self.logs.describe_log_groups()['logGroups'][0]['retentionInDays'], 3)
        self.assertEqual([e['message'] for e in self.filtered()], ['new'])
        self.assertEqual(self.put(['older'], at=now - 4 * DAY_MS)['rejectedLogEventsInfo'], {'expiredLogEventEndIndex': 1})
        self.assertFault('InvalidParameterException', self.logs.put_retention_policy, logGroupName='/g', retentionInDays=4)
        self.logs.delete_retention_policy(logGroupName='/g')
        self.assertNotIn('retentionInDays', self.logs.describe_log_groups()['logGroups'][0])
        self.assertEqual([e['message'] for e in self.filtered()], ['new'])

    def test_tags(self):
        arn = 'arn:aws:logs:us-east-1:000000000000:log-group:/g'
        self.group(tags={'a': '1'})
        self.logs.tag_resource(resourceArn=arn, tags={'b': '2', 'a': 'changed'})
        self.logs.tag_log_group(logGroupName='/g', tags={'c': 'three \u00fc'})
        want = {'a': 'changed', 'b': '2', 'c': 'three \u00fc'}
        self.assertEqual(self.logs.list_tags_for_resource(resourceArn=arn)['tags'], want)
        self.assertEqual(self.logs.list_tags_log_group(logGroupName='/g')['tags'], want)
        self.logs.untag_resource(resourceArn=arn, tagKeys=['b', 'nothing'])
        self.logs.untag_log_group(logGroupName='/g', tags=['a'])
        self.assertEqual(list(self.logs.list_tags_for_resource(resourceArn=arn)['tags']), ['c'])
        many = {f'k{i}': 'v' for i in range(50)}
        self.assertFault('TooManyTagsException', self.logs.tag_resource, resourceArn=arn, tags=many)
        self.assertFault('ResourceNotFoundException', self.logs.list_tags_for_resource, resourceArn=arn + 'x')

    def test_accounts_and_regions_are_apart(self):
        self.group('/g')
        self.assertEqual(self.client('logs', region='eu-west-1').describe_log_groups()['logGroups'], [])
        self.assertEqual(self.client('logs', key='111122223333').describe_log_groups()['logGroups'], [])


class Streams(LogsCase):
    def test_create_describe_delete(self):
        self.group(stream='s1')
        self.assertFault('ResourceAlreadyExistsException', self.logs.create_log_stream, logGroupName='/g', logStreamName='s1',
                         message='The specified log stream already exists')
        self.assertFault('ResourceNotFoundException', self.logs.create_log_stream, logGroupName='/no', logStreamName='s1',
                         message='The specified log group does not exist.')
        stream, = self.logs.describe_log_streams(logGroupName='/g')['logStreams']
        self.assertEqual(stream['arn'], 'arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:s1')
        self.assertNotIn('lastEventTimestamp', stream)
        now = int(time.time() * 1000)
        self.put(['a', 'b', 'c'], stream='s1', at=now)
        stream, = self.logs.describe_log_streams(logGroupName='/g')['logStreams']
        self.assertEqual((stream['firstEventTimestamp'], stream['lastEventTimestamp']), (now, now + 2))
        self.assertLess(abs(stream['lastIngestionTime'] - now), 60000)
        self.logs.delete_log_stream(logGroupName='/g', logStreamName='s1')
        self.assertEqual(self.logs.describe_log_streams(logGroupName='/g')['logStreams'], [])
        self.assertFault('ResourceNotFoundException', self.logs.delete_log_stream, logGroupName='/g', logStreamName='s1',
                         message='The specified log stream does not exist.')
        self.assertEqual(self.logs.describe_log_groups()['logGroups'][0]['storedBytes'], 0)

    def test_order_prefix_pages(self):
        self.group()
        now = int(time.time() * 1000)
        for i in range(7):
            self.logs.create_log_stream(logGroupName='/g', logStreamName=f's{i}')
        for i in (3, 1, 5):
            self.put(['x'], stream=f's{i}', at=now - i * 1000)
        self.logs.create_log_stream(logGroupName='/g', logStreamName='other')

        def names(**kw):
            pages = self.logs.get_paginator('describe_log_streams').paginate(logGroupName='/g', PaginationConfig={'PageSize': 3}, **kw)
            return [s['logStreamName'] for p in pages for s in p['logStreams']]
        self.assertEqual(names(), ['other', 's0', 's1', 's2', 's3', 's4', 's5', 's6'])
        self.assertEqual(names(descending=True), ['s6', 's5', 's4', 's3', 's2', 's1', 's0', 'other'])
        self.assertEqual(names(orderBy='LastEventTime', descending=True)[:3], ['s1', 's3', 's5'])
        self.assertEqual(sorted(names(orderBy='LastEventTime')), sorted(names()))
        self.assertEqual(names(logStreamNamePrefix='s')[:2], ['s0', 's1'])
        self.assertEqual(len(names(logStreamNamePrefix='s')), 7)
        self.assertFault('InvalidParameterException', self.logs.describe_log_streams, logGroupName='/g', orderBy='LastEventTime',
                         logStreamNamePrefix='s')
        self.assertFault('InvalidParameterException', self.logs.describe_log_streams, logGroupName='/g', nextToken='nonsense')


class Events(LogsCase):
    def test_put_and_get(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        reply = self.put(['one', 'two \u20ac\n', '{"json": true}'], at=now)
        self.assertIn('nextSequenceToken', reply)
        self.assertNotIn('rejectedLogEventsInfo', reply)
        got = self.logs.get_log_events(logGroupName='/g', logStreamName='s', startFromHead=True)
        self.assertEqual([(e['timestamp'], e['message']) for e in got['events']],
                         [(now, 'one'), (now + 1, 'two \u20ac\n'), (now + 2, '{"json": true}')])
        again = self.logs.get_log_events(logGroupName='/g', logStreamName='s', nextToken=got['nextForwardToken'])
        self.assertEqual(again['events'], [])
        self.assertEqual(again['nextForwardToken'], got['nextForwardToken'])
        self.put(['more'], at=now + 3)
        again = self.logs.get_log_events(logGroupName='/g', logStreamName='s', nextToken=got['nextForwardToken'])
        self.assertEqual([e['message'] for e in again['events']], ['more'])

    def test_get_windows_and_directions(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        self.put([str(i) for i in range(100)], at=now)

        def get(**kw):
            return self.logs.get_log_events(logGroupName='/g', logStreamName='s', **kw)
        last = get(limit=10)
        self.assertEqual([e['message'] for e in last['events']], [str(i) for i in range(90, 100)])
        before = get(limit=10, nextToken=last['nextBackwardToken'])
        self.assertEqual([e['message'] for e in before['events']], [str(i) for i in range(80, 90)])
        after = get(limit=20, nextToken=before['nextForwardToken'])
        self.assertEqual([e['message'] for e in after['events']], [str(i) for i in range(90, 100)])
        window = get(startTime=now + 10, endTime=now + 12, startFromHead=True)
        self.assertEqual([e['message'] for e in window['events']], ['10', '11'])
        self.assertFault('InvalidParameterException', get, nextToken='f/12/s')

    def test_put_refusals(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        put = self.logs.put_log_events
        self.assertFault('ResourceNotFoundException', self.put, ['x'], stream='no', message='The specified log stream does not exist.')
        self.assertFault('ResourceNotFoundException', self.put, ['x'], group='/no', message='The specified log group does not exist.')
        self.assertFault('InvalidParameterException', put, logGroupName='/g', logStreamName='s',
                         logEvents=[{'timestamp': now, 'message': 'b'}, {'timestamp': now - 1, 'message': 'a'}],
                         message='Log events in a single PutLogEvents request must be in chronological order.')
        self.assertFault('InvalidParameterException', put, logGroupName='/g', logStreamName='s',
                         logEvents=[{'timestamp': now - 2 * DAY_MS, 'message': 'b'}, {'timestamp': now, 'message': 'a'}],
                         message=re.compile('24 hours'))
        self.assertFault('InvalidParameterException', self.put, ['x' * 600000, 'y' * 600000], message=re.compile('1048576'))
        self.assertEqual(self.filtered(), [])

    def test_put_drops_too_old_and_too_new(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        reply = self.put(['old', 'old'], at=now - 15 * DAY_MS)
        self.assertEqual(reply['rejectedLogEventsInfo'], {'tooOldLogEventEndIndex': 2})
        reply = self.logs.put_log_events(logGroupName='/g', logStreamName='s', logEvents=[
            {'timestamp': now, 'message': 'kept'}, {'timestamp': now + 3 * 3600000, 'message': 'too new'}])
        self.assertEqual(reply['rejectedLogEventsInfo'], {'tooNewLogEventStartIndex': 1})
        self.assertEqual([e['message'] for e in self.filtered()], ['kept'])

    def test_big_batch(self):
        self.group(stream='s')
        reply = self.put(['m%d' % i + 'x' * 60 for i in range(10000)])
        self.assertNotIn('rejectedLogEventsInfo', reply)
        events = self.filtered()
        self.assertEqual([e['message'].split('x')[0] for e in events], ['m%d' % i for i in range(10000)])
        self.assertEqual(len({e['eventId'] for e in events}), 10000)

    def test_batch_spread_over_a_day(self):
        self.group(stream='s')
        now = int(time.time() * 1000)
        events = [{'timestamp': now - 86000000 + i * 8600, 'message': f'm{i}'} for i in range(10000)]
        self.logs.put_log_events(logGroupName='/g', logStreamName='s', logEvents=events)
        self.assertEqual([(e['timestamp'], e['message']) for e in self.filtered()], [(e['timestamp'], e['message']) for e in events])
        stream, = self.logs.describe_log_streams(logGroupName='/g')['logStreams']
        self.assertEqual((stream['firstEventTimestamp'], stream['lastEventTimestamp']), (events[0]['timestamp'], events[-1]['timestamp']))
        size = sum(len(e['message']) + 26 for e in events)
        self.assertEqual(self.logs.describe_log_groups()['logGroups'][0]['storedBytes'], size)

    def test_filter(self):
        self.group(stream='s1')
        self.logs.create_log_stream(logGroupName='/g', logStreamName='s2')
        now = int(time.time() * 1000)
        self.put(['an ERROR here', 'an INFO here', '{"level":"WARN","n":5}'], stream='s1', at=now)
        self.put(['another ERROR there', 'ok'], stream='s2', at=now)

        def messages(**kw):
            return [e['message'] for e in self.filtered(**kw)]
        self.assertEqual(messages(filterPattern='ERROR'), ['an ERROR here', 'another ERROR there'])
        self.assertEqual(messages(filterPattern='ERROR -another'), ['an ERROR here'])
        self.assertEqual(messages(filterPattern='?INFO ?ok'), ['an INFO here', 'ok'])
        self.assertEqual(messages(filterPattern='"ERROR there"'), ['another ERROR there'])
        self.assertEqual(messages(filterPattern='{ $.level = "W*" && $.n >= 5 }'), ['{"level":"WARN","n":5}'])
        self.assertEqual(messages(logStreamNames=['s2']), ['another ERROR there', 'ok'])
        self.assertEqual(messages(logStreamNamePrefix='s1', filterPattern='INFO'), ['an INFO here'])
        self.assertEqual(messages(startTime=now + 1, endTime=now + 1), ['an INFO here', 'ok'])
        self.assertEqual(messages(PaginationConfig={'PageSize': 1}, filterPattern='ERROR'), ['an ERROR here', 'another ERROR there'])
        event = self.filtered(filterPattern='INFO')[0]
        self.assertEqual((event['logStreamName'], event['timestamp']), ('s1', now + 1))
        self.assertRegex(event['eventId'], r'^\d{56}$')
        reply = self.logs.filter_log_events(logGroupName='/g')
        self.assertEqual(reply['searchedLogStreams'], [])

    def test_filter_refusals(self):
        self.group(stream='s')
        call = self.logs.filter_log_events
        self.assertFault('InvalidParameterException', call, logGroupName='/g', filterPattern='[a, b]', message=re.compile('Space-delimited'))
        self.assertFault('InvalidParameterException', call, logGroupName='/g', filterPattern='%re%', message=re.compile('Regular'))
        self.assertFault('InvalidParameterException', call, logGroupName='/g', filterPattern='{ $.a', message=re.compile('Invalid filter'))
        self.assertFault('InvalidParameterException', call, logGroupName='/g', logStreamNames=['s'], logStreamNamePrefix='s')
        self.assertFault('ResourceNotFoundException', call, logGroupName='/g', logStreamNames=['none'])
        self.assertFault('ResourceNotFoundException', call, logGroupName='/none')
        self.assertFault('InvalidParameterException', call, logGroupName='/g', nextToken='x')

    def test_identifier_may_be_an_arn(self):
        self.group(stream='s')
        self.put(['x'])
        arn = 'arn:aws:logs:us-east-1:000000000000:log-group:/g'
        for identifier in ('/g', arn):
            status, _, reply = self.json('Logs_20140328.FilterLogEvents', {'logGroupIdentifier': identifier}, '1.1')
            self.assertEqual((status, len(reply.get('events', []))), (200, 1), reply)
        status, _, reply = self.json('Logs_20140328.FilterLogEvents', {'logGroupIdentifier': arn, 'logGroupName': '/g'}, '1.1')
        self.assertEqual(status, 400)
        status, _, reply = self.json('Logs_20140328.FilterLogEvents', {'logGroupIdentifier': arn.replace('us-east', 'eu-west')}, '1.1')
        self.assertEqual(reply['__type'].split('#')[-1], 'ResourceNotFoundException')

    def test_scan_stops_early_and_goes_on(self):
        """A search of more than a call's budget comes back with tokens; the client still finds the needle."""
        self.group(stream='s')
        now = int(time.time() * 1000)
        line = 'hay ' * 250
        for i in range(12):
            self.put([line] * 1000 + (['needle'] if i == 11 else []), at=now + i * 2000)
        pages = list(self.logs.get_paginator('filter_log_events').paginate(logGroupName='/g', filterPattern='needle'))
        self.assertEqual([e['message'] for p in pages for e in p['events']], ['needle'])
        self.assertGreater(len(pages), 1)


class Functions(LogsCase):
    CODE = 'import json\ndef handler(event, context):\n    print("hello", json.dumps(event))\n    return 1\n'

    def test_output_of_a_function(self):
        self.function('f', self.CODE)
        self.invoke('f', {'n': 7})
        group, = self.logs.describe_log_groups()['logGroups']
        self.assertEqual(group['logGroupName'], '/aws/lambda/f')
        stream, = self.logs.describe_log_streams(logGroupName='/aws/lambda/f')['logStreams']
        self.assertRegex(stream['logStreamName'], r'^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$')
        text = ''.join(e['message'] for e in self.filtered(group='/aws/lambda/f'))
        self.assertRegex(text, r'(?s)START RequestId: \S+ Version: \$LATEST\n.*hello \{"n": 7\}\n.*END RequestId: \S+\nREPORT RequestId')

    def test_cli_tail(self):
        self.function('f', self.CODE)
        self.invoke('f', {'n': 8})
        out = self.aws('logs', 'tail', '/aws/lambda/f', '--format', 'short')
        self.assertIn('hello {"n": 8}', out)
        out = self.aws('logs', 'tail', '/aws/lambda/f', '--filter-pattern', 'REPORT')
        self.assertNotIn('hello', out)
        self.assertIn('REPORT RequestId', out)

    def test_cli_tail_follows(self):
        self.function('f', self.CODE)
        self.invoke('f', {'n': 1})
        tail = subprocess.Popen(['/usr/bin/aws', '--endpoint-url', self.endpoint, 'logs', 'tail', '/aws/lambda/f', '--follow'],
                                stdout=subprocess.PIPE, text=True, env={**self.command_environment(), 'PYTHONUNBUFFERED': '1'})
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(tail.stdout), daemon=True)
        reader.start()
        try:
            support.wait_until(lambda: any('"n": 1' in line for line in seen), 30, what='the first line')
            self.invoke('f', {'n': 2})
            support.wait_until(lambda: any('"n": 2' in line for line in seen), 30, what='the line that came later')
        finally:
            tail.send_signal(signal.SIGINT)
            tail.wait(10)
            reader.join(5)
            tail.stdout.close()
        self.assertEqual(sum('"n": 1' in line for line in seen), 1)
        self.assertEqual(sum('"n": 2' in line for line in seen), 1)


if __name__ == '__main__':
    support.main()
