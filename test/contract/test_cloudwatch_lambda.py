#!/usr/bin/python3
"""What invocations leave in AWS/Lambda: whole tables of samples, for every way an event can end."""
import concurrent.futures
import datetime
import time
import zlib

import support

UTC = datetime.timezone.utc
OK = 'def handler(event, context):\n    return 1\n'
FAIL = 'def handler(event, context):\n    raise Exception("no")\n'
SLOW = 'import time\ndef handler(event, context):\n    time.sleep(event.get("s", 0))\n'
# No value of ours to compare: a real time, in the table as its number of samples alone.
TIMES = ('Duration', 'AsyncEventAge')


class LambdaMetricsCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.cw = self.client('cloudwatch')
        self.started = self.now_s() - 60

    def now_s(self):
        when = datetime.datetime.strptime(self.clock()['now'], '%Y-%m-%dT%H:%M:%S.%fZ')
        return int(when.replace(tzinfo=UTC).timestamp())

    def points(self, name, dimensions, period=60, statistics=('Sum', 'SampleCount')):
        return self.cw.get_metric_statistics(
            Namespace='AWS/Lambda', MetricName=name, Dimensions=dimensions, Period=period, Statistics=list(statistics),
            StartTime=self.started, EndTime=self.now_s() + 60)['Datapoints']

    def table(self):
        """{metric: {'-' or the dimensions' values: 'sum/samples'}}, units checked on the way."""
        table = {}
        for page in self.cw.get_paginator('list_metrics').paginate(Namespace='AWS/Lambda'):
            for m in page['Metrics']:
                points = self.points(m['MetricName'], m['Dimensions'], 86400)
                self.assertEqual({p['Unit'] for p in points}, {'Milliseconds' if m['MetricName'] in TIMES else 'Count'}, m)
                n, total = sum(p['SampleCount'] for p in points), sum(p['Sum'] for p in points)
                place = ' '.join(f'{d["Name"]}={d["Value"]}' for d in m['Dimensions']) or '-'
                table.setdefault(m['MetricName'], {})[place] = f'{n:g}' if m['MetricName'] in TIMES else f'{total:g}/{n:g}'
        return table

    def everywhere(self, value, resource='f', version=None):
        places = {'-': value, 'FunctionName=f': value, f'FunctionName=f Resource={resource}': value}
        if version:
            places[f'ExecutedVersion={version} FunctionName=f Resource={resource}'] = value
        return places

    def executed(self, n, errors=0, gauges=None, **kw):
        all_over = {'Invocations': f'{n}/{n}', 'Errors': f'{errors}/{n}', 'Throttles': f'0/{n}', 'Duration': f'{n}'}
        g = gauges or f'{n}/{n}'
        return {**{m: self.everywhere(v, **kw) for m, v in all_over.items()},
                'ConcurrentExecutions': {'-': g, 'FunctionName=f': g}, 'UnreservedConcurrentExecutions': {'-': g},
                'ClaimedAccountConcurrency': {'-': g}}

    def ended(self, dropped, version=None, **kw):
        return {'AsyncEventsReceived': self.everywhere('1/1', **kw),
                'AsyncEventsDropped': self.everywhere(f'{dropped}/1', version=version, **kw)}


class Events(LambdaMetricsCase):
    def test_success(self):
        self.function('f', OK)
        self.event('f')
        self.settle()
        self.assertEqual(self.table(), {**self.executed(1), **self.ended(0), 'AsyncEventAge': self.everywhere('1')})

    def test_retries_exhausted(self):
        self.function('f', FAIL)
        self.event('f')
        self.settle(advance=True)
        self.assertEqual(self.table(), {**self.executed(3, errors=3), **self.ended(1), 'AsyncEventAge': self.everywhere('3')})
        errors = [int(p['Timestamp'].timestamp()) // 60 for p in self.points('Errors', [])]
        self.assertIn([m - errors[0] for m in errors], ([0, 1, 3], [0, 1, 2, 3][:3], [0, 2, 4], [0, 1, 4]))
        ages = [p['Maximum'] for p in self.points('AsyncEventAge', [], statistics=['Maximum'])]
        for got, want in zip(ages, (0, 60000, 180000)):
            self.assertTrue(want <= got < want + 10000, ages)
        shown = self.aws('cloudwatch', 'get-metric-statistics', '--namespace', 'AWS/Lambda', '--metric-name', 'AsyncEventsDropped',
                         '--dimensions', 'Name=FunctionName,Value=f', '--start-time', self.started, '--end-time', self.now_s() + 60,
                         '--period', 60, '--statistics', 'Sum')
        self.assertEqual([(p['Sum'], p['Unit']) for p in shown['Datapoints']], [(1.0, 'Count')])
        rate = self.cw.get_metric_data(StartTime=self.started, EndTime=self.now_s() + 60, MetricDataQueries=[
            *[{'Id': i, 'ReturnData': False, 'MetricStat': {
                'Metric': {'Namespace': 'AWS/Lambda', 'MetricName': name}, 'Period': 86400, 'Stat': 'Sum'}}
              for i, name in (('e', 'Errors'), ('n', 'Invocations'))], {'Id': 'rate', 'Expression': '100 * e / n'}])
        self.assertEqual(set(rate['MetricDataResults'][0]['Values']), {100.0})

    def test_throttled(self):
        self.function('f', SLOW)
        self.client('lambda').put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=1)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = pool.submit(self.invoke, 'f', {'s': 1.5})
            time.sleep(0.5)
            request = self.event('f', {})
            running.result()
        self.settle(advance=True)
        n = self.steps(request).count('throttled')
        self.assertGreaterEqual(n, 1)
        table = self.table()
        self.assertEqual(table['Throttles'], self.everywhere(f'{n}/{n + 2}'))
        self.assertEqual(table['Errors'], self.everywhere(f'0/{n + 2}'))
        self.assertEqual(table['Invocations'], self.everywhere('2/2'))
        self.assertEqual(table['AsyncEventAge'], self.everywhere('1'))
        self.assertEqual(table['UnreservedConcurrentExecutions'], {'-': '0/2'})
        self.assertEqual(table['ClaimedAccountConcurrency'], {'-': '2/2'})
        self.assertEqual(table['ConcurrentExecutions'], {'-': '2/2', 'FunctionName=f': '2/2'})
        self.assertEqual(table['AsyncEventsDropped'], self.everywhere('0/1'))

    def test_reserved_zero(self):
        self.function('f', OK)
        self.client('lambda').put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=0)
        self.event('f')
        self.settle()
        self.assertEqual(self.table(), self.ended(1))

    def test_target_gone(self):
        self.function('f', FAIL)
        self.event('f')
        self.settle()
        self.client('lambda').delete_function(FunctionName='f')
        self.settle(advance=True)
        self.assertEqual(self.table(), {**self.executed(1, errors=1), **self.ended(1), 'AsyncEventAge': self.everywhere('1')})

    def test_resource_follows_what_was_asked_for(self):
        self.function('f', OK)
        self.client('lambda').create_alias(FunctionName='f', Name='live', FunctionVersion=self.publish('f'))
        for qualifier, version in (('live', '1'), ('$LATEST', '$LATEST'), ('1', None)):
            with self.subTest(qualifier):
                self.event('f', Qualifier=qualifier)
                self.settle()
                mine = {m: {p: v for p, v in places.items() if f'Resource=f:{qualifier}' in p} for m, places in self.table().items()}
                kw = {'resource': f'f:{qualifier}'}
                want = {**self.executed(1, version=version, **kw), **self.ended(0, version, **kw),
                        'AsyncEventAge': self.everywhere('1', version=version, **kw)}
                self.assertEqual(mine, {m: {p: v for p, v in places.items() if 'Resource' in p} for m, places in want.items()})

    def test_failed_deliveries_have_no_zero_samples(self):
        url, arn = self.queue('q')
        self.function('f', OK)
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', DestinationConfig={'OnSuccess': {'Destination': arn}})
        self.event('f')
        self.settle()
        self.assertNotIn('DestinationDeliveryFailures', self.table())
        self.client('sqs').delete_queue(QueueUrl=url)
        self.event('f')
        self.settle()
        table = self.table()
        self.assertEqual(table['DestinationDeliveryFailures'], self.everywhere('1/1'))
        self.assertEqual(table['AsyncEventsDropped'], self.everywhere('0/2'))

    def test_failed_dead_letters(self):
        url, arn = self.queue('q')
        self.function('f', FAIL, DeadLetterConfig={'TargetArn': arn})
        self.client('sqs').delete_queue(QueueUrl=url)
        self.event('f')
        self.settle(advance=True)
        self.assertEqual(self.table(), {**self.executed(3, errors=3), **self.ended(1), 'AsyncEventAge': self.everywhere('3'),
                                        'DeadLetterErrors': self.everywhere('1/1')})


class Synchronous(LambdaMetricsCase):
    def test_success_and_error(self):
        self.function('f', 'def handler(event, context):\n    return 1 / event["x"]\n')
        self.invoke('f', {'x': 1})
        self.invoke('f', {'x': 0})
        self.assertEqual(self.table(), self.executed(2, errors=1))
        self.client('lambda').invoke(FunctionName='f', InvocationType='DryRun')
        self.assertEqual(self.table(), self.executed(2, errors=1))

    def test_throttled(self):
        self.function('f', OK)
        self.client('lambda').put_function_concurrency(FunctionName='f', ReservedConcurrentExecutions=0)
        self.assertFault('TooManyRequestsException', self.invoke, 'f', status=429)
        self.assertEqual(self.table(), {'Throttles': self.everywhere('1/1'), 'Errors': self.everywhere('0/1')})

    def test_a_stopped_loop(self):
        self.function('f', OK)
        arn = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:f'
        lineage = f'Lineage=16:{zlib.crc32(arn.encode()):08x}:15'
        trace = {'X-Amzn-Trace-Id': f'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;{lineage}'}
        path = '/2015-03-31/functions/f/invocations'
        self.assertEqual(self.rest('POST', path, b'{}', headers=trace)[0], 400)
        self.assertEqual(self.table(), {'RecursiveInvocationsDropped': self.everywhere('1/1')})
        self.assertEqual(self.rest('POST', path, b'{}', headers={**trace, 'X-Amz-Invocation-Type': 'Event'})[0], 202)
        self.settle()
        self.assertEqual(self.table(), {'RecursiveInvocationsDropped': self.everywhere('2/2'), **self.ended(1)})


if __name__ == '__main__':
    support.main()
