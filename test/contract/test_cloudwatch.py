#!/usr/bin/python3
"""CloudWatch metrics as boto3 1.26 (query protocol), JSON and the AWS CLI see them: put, read, calculate, list."""
import base64
import datetime
import decimal
import re
import time

import support

JSON = 'GraniteServiceVersion20100801.'
UTC = datetime.timezone.utc


class CloudWatchCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.cw = self.client('cloudwatch')
        self.minute = self.now_ms() // 60000 * 60 - 600          # ten minutes ago, in whole minutes; s

    def now_ms(self):
        when = datetime.datetime.strptime(self.clock()['now'], '%Y-%m-%dT%H:%M:%S.%fZ')
        return int(when.replace(tzinfo=UTC).timestamp() * 1000)

    def at(self, minutes=0, seconds=0):
        return datetime.datetime.fromtimestamp(self.minute + minutes * 60 + seconds, UTC)

    def put(self, *data, namespace='App', client=None):
        (client or self.cw).put_metric_data(Namespace=namespace, MetricData=list(data))

    def value(self, value, minutes=0, name='m', **kw):
        return {'MetricName': name, 'Value': value, 'Timestamp': self.at(minutes), **kw}

    def statistics(self, name='m', statistics=('Sum',), extended=None, period=60, minutes=10, start=0, namespace='App', **kw):
        which = {'ExtendedStatistics': extended} if extended else {'Statistics': list(statistics)}
        reply = (kw.pop('client', None) or self.cw).get_metric_statistics(
            Namespace=namespace, MetricName=name, StartTime=self.at(start), EndTime=self.at(minutes), Period=period, **which, **kw)
        self.assertEqual(reply['Label'], name)
        return reply['Datapoints']

    def query(self, id='m1', name='m', stat='Sum', period=60, namespace='App', dimensions=(), **kw):
        metric = {'Namespace': namespace, 'MetricName': name, 'Dimensions': list(dimensions)}
        return {'Id': id, 'MetricStat': {'Metric': metric, 'Period': period, 'Stat': stat}, **kw}

    def data(self, *queries, minutes=10, **kw):
        return self.cw.get_metric_data(MetricDataQueries=list(queries), StartTime=self.at(0), EndTime=self.at(minutes), **kw)

    def results(self, *queries, **kw):
        """{id: {minute: value}}"""
        kw.setdefault('ScanBy', 'TimestampAscending')
        return {r['Id']: {(int(t.timestamp()) - self.minute) // 60: v for t, v in zip(r['Timestamps'], r['Values'])}
                for r in self.data(*queries, **kw)['MetricDataResults']}


class Put(CloudWatchCase):
    def test_values_arrays_and_statistic_sets_add_up(self):
        self.put(self.value(4), self.value(6), {'MetricName': 'm', 'Timestamp': self.at(), 'Values': [1, 2.5], 'Counts': [3, 2]},
                 {'MetricName': 'm', 'Timestamp': self.at(), 'Values': [20]},
                 {'MetricName': 'm', 'Timestamp': self.at(),
                  'StatisticValues': {'SampleCount': 2, 'Sum': 30, 'Minimum': 0.5, 'Maximum': 29.5}})
        self.assertEqual(self.statistics(statistics=['SampleCount', 'Sum', 'Average', 'Minimum', 'Maximum']), [
            {'Timestamp': self.at(), 'SampleCount': 10.0, 'Sum': 68.0, 'Average': 6.8, 'Minimum': 0.5, 'Maximum': 29.5,
             'Unit': 'None'}])

    def test_without_a_timestamp_it_is_now(self):
        self.put({'MetricName': 'm', 'Value': 1})
        points = self.statistics(minutes=20)
        self.assertEqual(len(points), 1)
        self.assertLess(abs(points[0]['Timestamp'].timestamp() - self.now_ms() / 1000), 120)

    def test_units_dimensions_namespaces_accounts_and_regions_are_apart(self):
        ab = [{'Name': 'a', 'Value': '1'}, {'Name': 'b', 'Value': '2'}]
        self.put(self.value(1), self.value(2, Unit='Bytes'), self.value(4, Dimensions=ab), self.value(8, Dimensions=ab[:1]))
        self.put(self.value(16), namespace='Other')
        self.put(self.value(32), client=self.client('cloudwatch', region='eu-west-1'))
        self.put(self.value(64), client=self.client('cloudwatch', key='111111111111'))
        self.assertEqual([(p['Unit'], p['Sum']) for p in self.statistics()], [('Bytes', 2.0), ('None', 1.0)])
        self.assertEqual([p['Sum'] for p in self.statistics(Unit='Bytes')], [2.0])
        self.assertEqual(self.statistics(Unit='Seconds'), [])
        self.assertEqual([p['Sum'] for p in self.statistics(Dimensions=ab[::-1])], [4.0])
        self.assertEqual([p['Sum'] for p in self.statistics(Dimensions=ab[:1])], [8.0])
        self.assertEqual([p['Sum'] for p in self.statistics(namespace='Other')], [16.0])
        self.assertEqual([p['Sum'] for p in self.statistics(client=self.client('cloudwatch', region='eu-west-1'))], [32.0])
        self.assertEqual([p['Sum'] for p in self.statistics(client=self.client('cloudwatch', key='111111111111'))], [64.0])

    def refused(self, code, message, *data, namespace='App'):
        self.assertFault(code, self.client('cloudwatch', parameter_validation=False).put_metric_data, Namespace=namespace,
                         MetricData=list(data), status=400, message=message)

    def test_refusals(self):
        v, c = 'InvalidParameterValue', 'InvalidParameterCombination'
        m = 'MetricData.member.1'
        sets = {'SampleCount': 1, 'Sum': 1, 'Minimum': 1, 'Maximum': 1}
        self.refused(v, 'The value AWS/Lambda for parameter Namespace is invalid.', self.value(1), namespace='AWS/Lambda')
        self.refused(v, 'The value NaN for parameter MetricData.member.1.Value is invalid.', self.value(decimal.Decimal('NaN')))
        self.refused(v, 'The value -\u221e for parameter MetricData.member.1.Value is invalid.', self.value(decimal.Decimal('-Infinity')))
        self.refused(v, re.compile(r'^The value 1e\+200 for parameter MetricData.member.1.Value is invalid.$|^The value 9\.\d+e\+199 '),
                     self.value(1e200))
        self.refused(v, 'The value NaN for parameter MetricData.member.1.Values.member.2 is invalid.',
                     {'MetricName': 'm', 'Values': [1, decimal.Decimal('NaN')]})
        self.refused(v, 'The value 0 for parameter MetricData.member.1.Counts.member.1 is invalid.',
                     {'MetricName': 'm', 'Values': [1], 'Counts': [0]})
        self.refused(v, f'The parameters {m}.Values and {m}.Counts must be of the same size.',
                     {'MetricName': 'm', 'Values': [1, 2], 'Counts': [1]})
        self.refused(v, f'The collection {m}.Values must not have a size greater than 150.',
                     {'MetricName': 'm', 'Values': list(range(151))})
        self.refused(v, 'The collection MetricData must not have a size greater than 1000.',
                     *[{'MetricName': 'm', 'Value': 1}] * 1001)
        self.refused(c, f'The parameters {m}.Value and {m}.StatisticValues are mutually exclusive and you have specified both.',
                     self.value(1, StatisticValues=sets))
        self.refused(c, f'The parameters {m}.Value and {m}.Values are mutually exclusive and you have specified both.',
                     self.value(1, Values=[1]))
        self.refused(c, re.compile('At least one of'), {'MetricName': 'm'})
        self.refused(v, f'The parameter {m}.StatisticValues.SampleCount must be greater than 0.',
                     {'MetricName': 'm', 'StatisticValues': {**sets, 'SampleCount': 0}})
        self.refused(v, re.compile('Maximum must be greater'), {'MetricName': 'm', 'StatisticValues': {**sets, 'Minimum': 2}})
        old = self.value(1, minutes=-15 * 1440)
        self.refused(v, 'The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.\n'
                     'The parameter MetricData.member.3.Timestamp must specify a time within the past two weeks.',
                     old, self.value(1), old)
        self.refused(v, f'The parameter {m}.Timestamp must specify a time no more than two hours in the future.',
                     self.value(1, minutes=135))
        self.refused(v, f'{m}.StorageResolution 1 is not supported: samples are kept by the minute.',
                     self.value(1, StorageResolution=1))
        self.refused(v, f'The value 7 for parameter {m}.StorageResolution is invalid.', self.value(1, StorageResolution=7))
        self.refused(v, f'The value \x7f for parameter {m}.MetricName is invalid.', self.value(1, name='\x7f'))
        self.refused(v, f'The value :x for parameter {m}.Dimensions.member.1.Name is invalid.',
                     self.value(1, Dimensions=[{'Name': ':x', 'Value': '1'}]))
        self.refused(v, f'The value   for parameter {m}.Dimensions.member.1.Value is invalid.',
                     self.value(1, Dimensions=[{'Name': 'x', 'Value': ' '}]))
        self.refused(v, re.compile('more than once'), self.value(1, Dimensions=[{'Name': 'x', 'Value': '1'}] * 2))
        self.refused('ValidationError', re.compile('enum value set'), self.value(1, Unit='Furlongs'))
        self.refused('ValidationError', re.compile('less than or equal to 30'),
                     self.value(1, Dimensions=[{'Name': f'x{i}', 'Value': '1'} for i in range(31)]))
        self.refused('MissingParameter', 'The parameter MetricData is required.')
        self.assertEqual(self.cw.list_metrics()['Metrics'], [])      # nothing of a refused request was counted

    def test_what_newer_clients_can_ask_and_is_not_done(self):
        entity = [{'Entity': {'KeyAttributes': {'Type': 'Service', 'Name': 'n'}}, 'MetricData': [{'MetricName': 'm', 'Value': 1}]}]
        for extra, text in (({'EntityMetricData': entity}, 'EntityMetricData is not supported.'),
                            ({'StrictEntityValidation': True}, 'StrictEntityValidation is not supported.')):
            status, headers, reply = self.json(JSON + 'PutMetricData',
                                               {'Namespace': 'App', 'MetricData': [{'MetricName': 'm', 'Value': 1}], **extra})
            self.assertEqual((status, reply['__type'].split('#')[-1], reply['message']), (400, 'InvalidParameterValueException', text))
        for operation in ('PutMetricAlarm', 'DescribeAlarms', 'PutDashboard', 'TagResource'):
            self.assertGreaterEqual(self.json(JSON + operation, {})[0], 400, operation)


class Statistics(CloudWatchCase):
    def test_periods_begin_where_the_request_begins(self):
        self.put(*[self.value(1 + i, minutes=i) for i in range(6)])
        points = self.statistics(period=120, start=1, minutes=6)
        self.assertEqual([(p['Timestamp'], p['Sum']) for p in points],
                         [(self.at(1), 5.0), (self.at(3), 9.0), (self.at(5), 6.0)])
        whole = self.cw.get_metric_statistics(Namespace='App', MetricName='m', StartTime=self.at(1, 59), EndTime=self.at(3),
                                              Period=60, Statistics=['Sum'])['Datapoints']
        self.assertEqual([p['Timestamp'] for p in whole], [self.at(1), self.at(2)])     # the start counts from its minute

    def test_percentiles_and_trims(self):
        self.put({'MetricName': 'm', 'Timestamp': self.at(0), 'Values': list(range(1, 101))},
                 {'MetricName': 'm', 'Timestamp': self.at(1), 'Values': [7], 'Counts': [3]})
        got = self.statistics(extended=['p0', 'p50', 'p99.9', 'tm90', 'TM(10%:90%)', 'IQM', 'PR(:50)', 'TC(10:20)', 'ts50'])
        self.assertEqual(got[0]['ExtendedStatistics'],
                         {'p0': 1.0, 'p50': 50.0, 'p99.9': 100.0, 'tm90': 45.5, 'TM(10%:90%)': 50.5, 'IQM': 50.5, 'PR(:50)': 50.0,
                          'TC(10:20)': 10.0, 'ts50': 1275.0})
        self.assertEqual(self.statistics(extended=['wm90'])[0]['ExtendedStatistics'], {'wm90': 49.95 + 0})
        self.assertEqual(got[1]['ExtendedStatistics']['p50'], 7.0)
        self.assertNotIn('Sum', got[0])
        both = self.statistics(extended=['p98'], period=600)
        self.assertEqual(both[0]['ExtendedStatistics'], {'p98': 98.0})

    def test_no_percentiles_of_sets_and_negatives(self):
        self.put({'MetricName': 'm', 'Timestamp': self.at(),
                  'StatisticValues': {'SampleCount': 2, 'Sum': 3, 'Minimum': 1, 'Maximum': 2}}, self.value(-1, name='n'))
        self.assertEqual(self.statistics(extended=['p50']), [])
        self.assertEqual(self.statistics(name='n', extended=['p50']), [])
        self.assertEqual(len(self.statistics()), 1)

    def refused(self, code, message, **kw):
        base = dict(Namespace='App', MetricName='m', StartTime=self.at(0), EndTime=self.at(10), Period=60, Statistics=['Sum'])
        base.update(kw)
        self.assertFault(code, self.client('cloudwatch', parameter_validation=False).get_metric_statistics,
                         **{k: v for k, v in base.items() if v is not None}, status=400, message=message)

    def test_refusals(self):
        v, c = 'InvalidParameterValue', 'InvalidParameterCombination'
        self.refused(v, 'The parameter StartTime must not equal parameter EndTime.', EndTime=self.at(0))
        self.refused(v, 'The parameter StartTime must be less than the parameter EndTime.', EndTime=self.at(-1))
        self.refused(v, 'The parameter Period must be a multiple of 60.', Period=90)
        self.refused(c, 'You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may reduce the datapoints '
                     'requested by increasing Period, or decreasing the time range.', StartTime=self.at(-1431))
        self.refused(c, 'Must specify either Statistics or ExtendedStatistics.', Statistics=None)
        self.refused(c, 'Must specify either Statistics or ExtendedStatistics.', ExtendedStatistics=['p50'])
        self.refused('ValidationError', re.compile('enum value set'), Statistics=['Median'])
        for bad in ('p101', 'p', 'x50', 'TM(5%:3%)', 'TM(1:90%)', 'PR(10%:)', 'tm', 'Sum', 'p5x', 'TM(:)'):
            self.refused(v, f'The value {bad} for parameter ExtendedStatistics.member.1 is not valid.', Statistics=None,
                         ExtendedStatistics=[bad])
        self.refused(v, None, Period=2 ** 31 - 8)
        self.assertEqual(self.statistics(start=-1430), [])

    def test_old_minutes_are_gone_after_15_days(self):
        self.put(self.value(1), self.value(2, minutes=5))
        self.advance(15 * 86400000 - 8 * 60000)
        self.assertEqual([p['Sum'] for p in self.statistics(minutes=30)], [2.0])
        self.advance(10 * 60000)
        self.assertEqual(self.statistics(minutes=30), [])

    def test_json_and_query_say_the_same(self):
        self.put(self.value(3, Unit='Count'))
        status, _, reply = self.json(JSON + 'GetMetricStatistics', {
            'Namespace': 'App', 'MetricName': 'm', 'StartTime': self.minute, 'EndTime': self.minute + 60, 'Period': 60,
            'Statistics': ['Sum', 'Maximum']})
        self.assertEqual((status, reply), (200, {'Label': 'm', 'Datapoints': [
            {'Timestamp': self.minute, 'Sum': 3, 'Maximum': 3, 'Unit': 'Count'}]}))
        status, headers, reply = self.json(JSON + 'GetMetricStatistics', {
            'Namespace': 'App', 'MetricName': 'm', 'StartTime': self.minute, 'EndTime': self.minute, 'Period': 60,
            'Statistics': ['Sum']}, headers={'x-amzn-query-mode': 'true'})
        self.assertEqual((status, headers['x-amzn-query-error']), (400, 'InvalidParameterValue;Sender'))
        when = self.at().strftime('%Y-%m-%dT%H:%M:%SZ')
        status, _, body = self.query_raw('GetMetricStatistics', {
            'Namespace': 'App', 'MetricName': 'm', 'StartTime': when, 'EndTime': self.at(1).strftime('%Y-%m-%dT%H:%M:%SZ'),
            'Period': 60, 'Statistics.member.1': 'Sum', 'Statistics.member.2': 'Maximum'})
        self.assertEqual(status, 200)
        self.assertIn(f'<Datapoints><member><Timestamp>{when}</Timestamp><Sum>3', body.decode())

    def query_raw(self, action, params):
        return support.ServerCase.query(self, 'monitoring', {'Action': action, 'Version': '2010-08-01', **params})


class Data(CloudWatchCase):
    def setUp(self):
        super().setUp()
        self.put(*[self.value(v, minutes=i) for i, v in enumerate((10, 20, 30))],
                 *[self.value(v, minutes=i, name='n') for i, v in ((0, 2), (2, 0), (3, 5))])

    def test_whole_reply(self):
        reply = self.data(self.query(), self.query('e', stat='Average', Label='mine', period=600))
        start = self.minute // 600 * 600                     # periods are whole since 1970
        sums = {}
        for i, v in enumerate((10, 20, 30)):
            sums.setdefault((self.minute + 60 * i - start) // 600, []).append(v)
        self.assertEqual(reply['MetricDataResults'], [
            {'Id': 'm1', 'Label': 'm', 'Timestamps': [self.at(2), self.at(1), self.at(0)], 'Values': [30.0, 20.0, 10.0],
             'StatusCode': 'Complete'},
            {'Id': 'e', 'Label': 'mine', 'StatusCode': 'Complete',
             'Timestamps': [datetime.datetime.fromtimestamp(start + 600 * k, UTC) for k in sorted(sums, reverse=True)],
             'Values': [sum(sums[k]) / len(sums[k]) for k in sorted(sums, reverse=True)]}])
        self.assertNotIn('NextToken', reply)

    def test_arithmetic(self):
        m, n = self.query('m1', ReturnData=False), self.query('m2', name='n', ReturnData=False)
        for text, want in (('m1 + m2', {0: 12, 2: 30}), ('m1 / m2', {0: 5}), ('2 * (m1 - 5) ^ 2', {0: 50, 1: 450, 2: 1250}),
                           ('-m1', {0: -10, 1: -20, 2: -30}), ('m1 / SUM(m1) * 120', {0: 20, 1: 40, 2: 60}),
                           ('SUM(METRICS())', {0: 12, 1: 20, 2: 30, 3: 5}), ('AVG([m1, m2])', {0: 6, 1: 20, 2: 15, 3: 5}),
                           ('MAX(METRICS("2"))', {0: 2, 2: 0, 3: 5}), ('MIN(METRICS())', {0: 2, 1: 20, 2: 0, 3: 5}),
                           ('m1 / PERIOD(m1) * 60', {0: 10, 1: 20, 2: 30}), ('CEIL(m1 / 7)', {0: 2, 1: 3, 2: 5}),
                           ('FLOOR(ABS(-m1) / 7)', {0: 1, 1: 2, 2: 4}), ('FILL(m2, 0)', {0: 2, 1: 0, 2: 0, 3: 5, 4: 0}),
                           ('m1 - MIN(m1) - MAX(m2) - AVG(m1)', {0: -25, 1: -15, 2: -5})):
            self.assertEqual(self.results(m, n, {'Id': 'e1', 'Expression': text}, minutes=5), {'e1': want}, text)

    def test_several_series_are_several_results(self):
        reply = self.data(self.query('m1', ReturnData=False), self.query('m2', name='n', ReturnData=False),
                          {'Id': 'e1', 'Expression': 'METRICS() * 2'}, ScanBy='TimestampAscending')
        self.assertEqual([(r['Id'], r['Label'], r['Values']) for r in reply['MetricDataResults']],
                         [('e1', 'm', [20.0, 40.0, 60.0]), ('e1', 'n', [4.0, 0.0, 10.0])])

    def test_expressions_of_expressions(self):
        self.assertEqual(self.results(self.query(ReturnData=False), {'Id': 'b', 'Expression': 'a * 2'},
                                      {'Id': 'a', 'Expression': 'm1 + 1', 'Label': 'x'}),
                         {'b': {0: 22, 1: 42, 2: 62}, 'a': {0: 11, 1: 21, 2: 31}})

    def test_pages(self):
        want = [('m1', 30.0), ('m1', 20.0), ('m1', 10.0), ('m2', 5.0), ('m2', 0.0), ('m2', 2.0)]
        for size in (1, 2, 3, 4, 5, 6):
            got, token, pages, partial = [], {}, 0, []
            while True:
                reply = self.data(self.query('m1'), self.query('m2', name='n'), MaxDatapoints=size, **token)
                got += [(r['Id'], v) for r in reply['MetricDataResults'] for v in r['Values']]
                partial += [r['StatusCode'] for r in reply['MetricDataResults']]
                self.assertLessEqual(sum(len(r['Values']) for r in reply['MetricDataResults']), size)
                pages += 1
                if 'NextToken' not in reply:
                    break
                token = {'NextToken': reply['NextToken']}
            self.assertEqual((got, pages), (want, -(-6 // size)), size)
            self.assertEqual(partial[-1], 'Complete')
            self.assertEqual('PartialData' in partial, size not in (3, 6))
        for bad in ('x', base64.b64encode(b'1.2').decode(), base64.b64encode(b'1.2.-3').decode()):
            self.assertFault('InvalidNextToken', self.data, self.query(), NextToken=bad, status=400)
        self.assertEqual(self.data(self.query(), NextToken=base64.b64encode(b'9.9.9').decode())['MetricDataResults'], [])

    def test_an_unknown_metric_is_an_empty_result(self):
        self.assertEqual(self.data(self.query(name='nobody'))['MetricDataResults'],
                         [{'Id': 'm1', 'Label': 'nobody', 'Timestamps': [], 'Values': [], 'StatusCode': 'Complete'}])

    def refused(self, message, *queries, **kw):
        base = dict(MetricDataQueries=list(queries), StartTime=self.at(0), EndTime=self.at(10))
        base.update(kw)
        self.assertFault('ValidationError', self.client('cloudwatch', parameter_validation=False).get_metric_data, **base, status=400,
                         message=message)

    def test_pages_end_by_work(self):
        """Fifty queries over 1,200 minutes read 60,000 rows: more than a page's."""
        client = self.client('cloudwatch')
        for k in range(2):
            client.put_metric_data(Namespace='Work', MetricData=[self.value(1, minutes=-1 - i - 600 * k) for i in range(600)])
        ask = dict(StartTime=self.at(-1200), EndTime=self.at(0), MetricDataQueries=[self.query(f'm{i}', namespace='Work', period=3600) for i in range(50)])
        first = client.get_metric_data(**ask)
        self.assertTrue(0 < len(first['MetricDataResults']) < 50)
        self.assertIn('NextToken', first)
        pages = list(client.get_paginator('get_metric_data').paginate(**ask))
        found = [(r['Id'], sum(r['Values'])) for p in pages for r in p['MetricDataResults']]
        self.assertEqual(found, [(f'm{i}', 1200) for i in range(50)])

    def test_refusals(self):
        q = 'MetricDataQueries.member.1'
        self.refused('The values for parameter id in MetricDataQueries are not unique.', self.query(), self.query())
        self.refused(re.compile('not matching the expected pattern'), self.query('M1'))
        self.refused(f'The parameters {q}.Expression and {q}.MetricStat are mutually exclusive and you have specified both.',
                     self.query(Expression='1'))
        self.refused(f'Must specify either {q}.Expression or {q}.MetricStat.', {'Id': 'x'})
        self.refused('The value for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.\n'
                     'The value for parameter MetricDataQueries.member.2.MetricStat.Stat is not a valid statistic.',
                     self.query(stat='Median'), self.query('m2', stat='p900'))
        self.refused(f'The parameter {q}.MetricStat.Period must be a multiple of 60.', self.query(period=61))
        self.refused('The parameter StartTime must be less than the parameter EndTime.', self.query(), EndTime=self.at(0))
        self.refused('The parameter MaxDatapoints must be between 1 and 100800.', self.query(), MaxDatapoints=100801)
        self.refused('The collection MetricDataQueries must not be empty.')
        self.refused('The collection MetricDataQueries must not have a size greater than 500.',
                     *[self.query(f'm{i}') for i in range(501)])
        self.refused(f'{q}.AccountId 222222222222 is not supported: accounts are not linked.', self.query(AccountId='222222222222'))
        self.refused(f'Dynamic labels are not supported: the value of {q}.Label.', self.query(Label='${MAX}'))
        self.refused('The value Berlin for parameter LabelOptions.Timezone is invalid.', self.query(), LabelOptions={'Timezone': 'Berlin'})

    def test_expressions_that_make_no_sense(self):
        for text, why in (('SEARCH("x")', 'the function SEARCH is not supported'), ('m9', 'the metric or expression id "m9" is not defined'),
                          ('m1 +', 'it ends too early'), ('(m1', "')' is missing before \"\""), ('m1 m1', 'unexpected "m1"'),
                          ('SUM(m1)', 'the result is a number, and must be a time series'), ('1.2.3', '"1.2.3" is not a number'),
                          ('SUM(3)', 'SUM takes time series, not a number'), ('FILL(m1, m1)', 'FILL takes time series and a number'),
                          ('METRICS("m', 'a quotation mark is not closed'), ('(' * 50 + 'm1' + ')' * 50, 'it is nested too deeply'),
                          ('2^' * 100 + '2', 'it is nested too deeply'), ('[1, m1]', 'a list holds time series, not numbers'),
                          ('m1 ? 2', 'unexpected "? 2"'), ('METRICS() + [m1, m1]', "the two sides of '+' are lists of 1 and 2 time series")):
            self.refused(f"Error in expression 'e1': {why}", self.query(), {'Id': 'e1', 'Expression': text})
        self.refused(re.compile('refers to itself'), {'Id': 'a', 'Expression': 'b + 1'}, {'Id': 'b', 'Expression': 'a + 1'})
        self.refused(re.compile("Error in expression 'e1'"), self.query(), {'Id': 'e1', 'Expression': 'IF(m1, 1)', 'ReturnData': False})
        self.assertFault('ValidationError', self.cw.get_metric_data, StartTime=0, EndTime=253402300799,
                         MetricDataQueries=[self.query(), {'Id': 'e1', 'Expression': 'FILL(m1, 0)'}],
                         message=re.compile('more than 500000 data points'))


class List(CloudWatchCase):
    def names(self, **kw):
        return [(m['Namespace'], m['MetricName'], [(d['Name'], d['Value']) for d in m['Dimensions']])
                for page in self.cw.get_paginator('list_metrics').paginate(**kw) for m in page['Metrics']]

    def test_filters(self):
        q = [{'Name': 'Queue', 'Value': 'q'}]
        self.put(self.value(1, name='b'), self.value(1, name='b', Unit='Bytes'), self.value(1, name='b', Dimensions=q),
                 self.value(1, name='a', minutes=-300))
        self.put(self.value(1, Dimensions=q + [{'Name': 'A', 'Value': 'x'}]), namespace='Other')
        b_q, other = ('App', 'b', [('Queue', 'q')]), ('Other', 'm', [('A', 'x'), ('Queue', 'q')])
        self.assertEqual(self.names(), [('App', 'a', []), ('App', 'b', []), b_q, other])
        self.assertEqual(self.names(Namespace='Other'), [other])
        self.assertEqual(self.names(MetricName='b'), [('App', 'b', []), b_q])
        self.assertEqual(self.names(Dimensions=[{'Name': 'Queue'}]), [b_q, other])
        self.assertEqual(self.names(Dimensions=[{'Name': 'Queue', 'Value': 'q'}, {'Name': 'A'}]), [other])
        self.assertEqual(self.names(Dimensions=[{'Name': 'Queue', 'Value': 'r'}]), [])
        self.assertEqual(self.names(RecentlyActive='PT3H'), [('App', 'b', []), b_q, other])
        self.advance(14 * 86400000)
        self.assertEqual(self.names(), [])

    def test_pages_of_500(self):
        for from_ in range(0, 1100, 100):
            self.put(*[self.value(1, name=f'n{i:04}') for i in range(from_, from_ + 100)])
        page = self.cw.list_metrics(Namespace='App')
        self.assertEqual(len(page['Metrics']), 500)
        self.assertEqual([n for _, n, _ in self.names()], [f'n{i:04}' for i in range(1100)])
        self.assertFault('InvalidParameterValue', self.cw.list_metrics, NextToken='!', status=400,
                         message='The value ! for parameter NextToken is invalid.')

    def test_linked_accounts_are_refused(self):
        self.assertFault('InvalidParameterValue', self.cw.list_metrics, IncludeLinkedAccounts=True, status=400,
                         message='IncludeLinkedAccounts is not supported.')
        self.assertFault('InvalidParameterValue', self.cw.list_metrics, OwningAccount='222222222222', status=400)
        self.assertEqual(self.cw.list_metrics(IncludeLinkedAccounts=False, OwningAccount=support.ACCOUNT)['Metrics'], [])


class Rights(CloudWatchCase):
    def test_a_role_needs_the_action(self):
        role = self.role('reader', [{'Effect': 'Allow', 'Action': 'cloudwatch:ListMetrics', 'Resource': '*'}],
                         trust={'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': '*', 'Action': 'sts:AssumeRole'}]})
        keys = self.client('sts').assume_role(RoleArn=role, RoleSessionName='session')['Credentials']
        cw = self.client('cloudwatch', key=keys['AccessKeyId'], secret=keys['SecretAccessKey'], token=keys['SessionToken'])
        self.assertEqual(cw.list_metrics()['Metrics'], [])
        for action, call in (('PutMetricData', lambda: self.put(self.value(1), client=cw)),
                             ('GetMetricStatistics', lambda: self.statistics(client=cw)),
                             ('GetMetricData', lambda: cw.get_metric_data(MetricDataQueries=[self.query()], StartTime=self.at(),
                                                                          EndTime=self.at(1)))):
            self.assertFault('AccessDenied', call, status=403, message=re.compile(f'cloudwatch:{action}'))
        self.assertEqual(self.statistics(), [])


class Durability(support.ServerCase):
    def test_a_restart_keeps_what_was_written(self):
        data = self.scratch + '/data'
        first = support.Server(['--data', data])
        cw = self.client('cloudwatch', endpoint=first.endpoint)
        now = time.time()
        cw.put_metric_data(Namespace='App', MetricData=[{'MetricName': 'm', 'Value': 1}])
        self.assertEqual(first.end(), [])
        second = support.Server(['--data', data])
        cw = self.client('cloudwatch', endpoint=second.endpoint)
        cw.put_metric_data(Namespace='App', MetricData=[{'MetricName': 'm', 'Value': 2}])
        time.sleep(1.6)
        second.kill()                                        # what is older than a second survives even this
        third = support.Server(['--data', data])
        cw = self.client('cloudwatch', endpoint=third.endpoint)
        points = cw.get_metric_statistics(Namespace='App', MetricName='m', StartTime=now - 120, EndTime=now + 600, Period=3600,
                                          Statistics=['Sum', 'SampleCount'])['Datapoints']
        self.assertEqual((sum(p['Sum'] for p in points), sum(p['SampleCount'] for p in points)), (3.0, 2.0))
        self.assertEqual(third.end(), [])


if __name__ == '__main__':
    support.main()
