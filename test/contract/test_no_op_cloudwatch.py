#!/usr/bin/python3
"""CloudWatch: every member of a request shows an effect, or is refused by its name."""
import rows
import support
from noop import NoOpCase, shows

VALUE = 'InvalidParameterValueException'
OTHER = '222222222222'


class CloudWatchCase(NoOpCase):
    models = {'cloudwatch': rows.Service('cloudwatch')}

    def cw(self, name, **params):
        return self.call('cloudwatch', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'cloudwatch', name, **params)

    def setUp(self):
        super().setUp()
        self.at = self.now_ms() // 60000 * 60 - 300
        self.dims = [{'Name': 'd', 'Value': '1'}]

    def put(self, minutes=0, namespace='A', **datum):
        datum.setdefault('MetricName', 'm')
        datum.setdefault('Timestamp', self.at + 60 * minutes)
        if not {'Values', 'StatisticValues'} & set(datum):
            datum.setdefault('Value', 1)
        self.cw('PutMetricData', Namespace=namespace, MetricData=[datum])

    def statistics(self, **more):
        params = dict(Namespace='A', MetricName='m', StartTime=self.at, EndTime=self.at + 300, Period=60)
        params.update(more)
        if 'ExtendedStatistics' not in params:
            params.setdefault('Statistics', ['Sum'])
        return self.cw('GetMetricStatistics', **params)['Datapoints']

    def sums(self, **more):
        return [p['Sum'] for p in self.statistics(**more)]


class Put(CloudWatchCase):
    @shows('cloudwatch PutMetricData', 'Namespace', 'MetricData', 'MetricData.MetricName', 'MetricData.Dimensions', 'MetricData.Dimensions.Name',
           'MetricData.Dimensions.Value', 'MetricData.Timestamp', 'MetricData.Value', 'MetricData.Unit',
           'cloudwatch GetMetricStatistics', 'Namespace', 'MetricName', 'Dimensions', 'Dimensions.Name', 'Dimensions.Value', 'Unit')
    def test_where_a_sample_goes(self):
        self.put(Value=1)
        self.put(Value=2, namespace='B')
        self.put(Value=4, MetricName='n')
        self.put(Value=8, Dimensions=self.dims)
        self.put(Value=16, Dimensions=[{'Name': 'e', 'Value': '1'}])
        self.put(Value=32, Dimensions=[{'Name': 'd', 'Value': '2'}])
        self.put(Value=64, minutes=1)
        self.put(Value=128, Unit='Bytes', MetricName='u')
        self.put(Value=256, MetricName='u')
        self.assertEqual(self.sums(), [1, 64])
        self.assertEqual(self.sums(Namespace='B'), [2])
        self.assertEqual(self.sums(MetricName='n'), [4])
        self.assertEqual(self.sums(Dimensions=self.dims), [8])
        self.assertEqual(self.sums(Dimensions=[{'Name': 'e', 'Value': '1'}]), [16])
        self.assertEqual(self.sums(Dimensions=[{'Name': 'd', 'Value': '2'}]), [32])
        self.assertEqual(self.sums(MetricName='u', Unit='Bytes'), [128])
        self.assertEqual(self.sums(MetricName='u', Unit='None'), [256])

    @shows('cloudwatch PutMetricData', 'MetricData.StatisticValues', 'MetricData.StatisticValues.SampleCount', 'MetricData.StatisticValues.Sum',
           'MetricData.StatisticValues.Minimum', 'MetricData.StatisticValues.Maximum', 'MetricData.Values', 'MetricData.Counts',
           'MetricData.StorageResolution', 'EntityMetricData', 'StrictEntityValidation')
    def test_other_forms_and_what_is_not_done(self):
        every = ['SampleCount', 'Sum', 'Minimum', 'Maximum']
        self.put(MetricName='s', StatisticValues={'SampleCount': 3, 'Sum': 9, 'Minimum': 2, 'Maximum': 4})
        self.put(MetricName='v', Values=[2, 7], Counts=[5, 1])
        self.assertEqual([[p[s] for s in every] for p in self.statistics(MetricName='s', Statistics=every)], [[3, 9, 2, 4]])
        self.assertEqual([[p[s] for s in every] for p in self.statistics(MetricName='v', Statistics=every)], [[6, 17, 2, 7]])
        for resolution in (1, 30):
            self.no(VALUE, 'StorageResolution', 'PutMetricData', Namespace='A', MetricData=[
                {'MetricName': 'm', 'Value': 1, 'StorageResolution': resolution}])
        self.put(MetricName='r', StorageResolution=60)
        self.no(VALUE, 'EntityMetricData', 'PutMetricData', Namespace='A', EntityMetricData=[])
        self.no(VALUE, 'StrictEntityValidation', 'PutMetricData', Namespace='A', MetricData=[{'MetricName': 'm', 'Value': 1}],
                StrictEntityValidation=True)


class Get(CloudWatchCase):
    @shows('cloudwatch GetMetricStatistics', 'StartTime', 'EndTime', 'Period', 'Statistics', 'ExtendedStatistics')
    def test_statistics(self):
        for i in range(4):
            self.put(minutes=i, Value=i + 1)
        self.assertEqual(self.sums(), [1, 2, 3, 4])
        self.assertEqual(self.sums(StartTime=self.at + 60), [2, 3, 4])
        self.assertEqual(self.sums(EndTime=self.at + 120), [1, 2])
        self.assertEqual(self.sums(Period=120), [3, 7])
        self.assertEqual([p['Maximum'] for p in self.statistics(Statistics=['Maximum'], Period=300)], [4])
        self.assertEqual([p['ExtendedStatistics'] for p in self.statistics(ExtendedStatistics=['p75'], Period=300)], [{'p75': 3}])

    def data(self, *queries, **more):
        params = dict(MetricDataQueries=list(queries), StartTime=self.at, EndTime=self.at + 300, ScanBy='TimestampAscending')
        params.update(more)
        return self.cw('GetMetricData', **params)

    def query(self, **more):
        metric = {'Namespace': more.pop('Namespace', 'A'), 'MetricName': more.pop('MetricName', 'm'), 'Dimensions': more.pop('Dimensions', [])}
        stat = {'Metric': metric, 'Period': more.pop('StatPeriod', 60), 'Stat': more.pop('Stat', 'Sum')}
        if 'Unit' in more:
            stat['Unit'] = more.pop('Unit')
        return {'Id': 'q', 'MetricStat': stat, **more}

    def values(self, *queries, **more):
        return [r['Values'] for r in self.data(*queries, **more)['MetricDataResults']]

    @shows('cloudwatch GetMetricData', 'MetricDataQueries', 'MetricDataQueries.Id', 'MetricDataQueries.MetricStat', 'MetricDataQueries.MetricStat.Metric',
           'MetricDataQueries.MetricStat.Metric.Namespace', 'MetricDataQueries.MetricStat.Metric.MetricName',
           'MetricDataQueries.MetricStat.Metric.Dimensions', 'MetricDataQueries.MetricStat.Metric.Dimensions.Name',
           'MetricDataQueries.MetricStat.Metric.Dimensions.Value', 'MetricDataQueries.MetricStat.Period', 'MetricDataQueries.MetricStat.Stat',
           'MetricDataQueries.MetricStat.Unit', 'MetricDataQueries.Expression', 'MetricDataQueries.Label', 'MetricDataQueries.ReturnData',
           'MetricDataQueries.Period', 'MetricDataQueries.AccountId')
    def test_queries(self):
        for i in range(2):
            self.put(minutes=i, Value=i + 1)
        self.put(Value=5, namespace='B')
        self.put(Value=6, MetricName='n', Unit='Bytes')
        self.put(Value=7, Dimensions=self.dims)
        self.assertEqual(self.values(self.query()), [[1, 2]])
        self.assertEqual(self.values(self.query(Namespace='B')), [[5]])
        self.assertEqual(self.values(self.query(MetricName='n')), [[6]])
        self.assertEqual(self.values(self.query(MetricName='n', Unit='Count')), [[]])
        self.assertEqual(self.values(self.query(Dimensions=self.dims)), [[7]])
        self.assertEqual(self.values(self.query(Dimensions=[{'Name': 'e', 'Value': '1'}])), [[]])
        self.assertEqual(self.values(self.query(Dimensions=[{'Name': 'd', 'Value': '2'}])), [[]])
        self.assertEqual(sum(self.values(self.query(StatPeriod=86400))[0]), 3)
        self.assertEqual(self.values(self.query(Stat='SampleCount')), [[1, 1]])
        self.assertEqual(self.values(self.query(ReturnData=False), {'Id': 'e', 'Expression': 'q * 3'}), [[3, 6]])
        result = self.data(self.query(Label='l'))['MetricDataResults'][0]
        self.assertEqual((result['Id'], result['Label']), ('q', 'l'))
        self.no('ValidationException', 'Period', 'GetMetricData', MetricDataQueries=[self.query(Period=60)], StartTime=self.at, EndTime=self.at + 60)
        self.no('ValidationException', 'Period', 'GetMetricData', MetricDataQueries=[self.query(), {'Id': 'e', 'Expression': 'q', 'Period': 7}],
                StartTime=self.at, EndTime=self.at + 60)
        made = {'Id': 'e', 'Expression': 'q * 3'}
        self.assertEqual(self.values(self.query(), {**made, 'Period': 60}), self.values(self.query(), made))
        for expression, period in (('q * 3', 120), ('SUM(q)', 60), ('METRICS()', 120)):     # computed at its metrics' period, and no other
            self.no('ValidationException', f'Period {period}', 'GetMetricData', StartTime=self.at, EndTime=self.at + 60, MetricDataQueries=[
                self.query(), {'Id': 'e', 'Expression': expression, 'Period': period, 'ReturnData': expression != 'SUM(q)'}])
        self.no('ValidationException', 'AccountId', 'GetMetricData', MetricDataQueries=[self.query(AccountId=OTHER)], StartTime=self.at, EndTime=self.at + 60)

    @shows('cloudwatch GetMetricData', 'StartTime', 'EndTime', 'NextToken', 'ScanBy', 'MaxDatapoints', 'LabelOptions', 'LabelOptions.Timezone')
    def test_the_request(self):
        for i in range(3):
            self.put(minutes=i, Value=i + 1)
        self.assertEqual(self.values(self.query(), StartTime=self.at + 60), [[2, 3]])
        self.assertEqual(self.values(self.query(), EndTime=self.at + 60), [[1]])
        self.assertEqual(self.values(self.query(), ScanBy='TimestampDescending'), [[3, 2, 1]])
        page = self.data(self.query(), MaxDatapoints=2)
        self.assertEqual(page['MetricDataResults'][0]['Values'], [1, 2])
        self.assertEqual(self.values(self.query(), MaxDatapoints=2, NextToken=page['NextToken']), [[3]])
        self.no('ValidationException', 'Timezone', 'GetMetricData', MetricDataQueries=[self.query()], StartTime=self.at, EndTime=self.at + 60,
                LabelOptions={'Timezone': 'Z'})


class List(CloudWatchCase):
    @shows('cloudwatch ListMetrics', 'Namespace', 'MetricName', 'Dimensions', 'Dimensions.Name', 'Dimensions.Value', 'NextToken', 'RecentlyActive',
           'IncludeLinkedAccounts', 'OwningAccount')
    def test_filters(self):
        self.put()
        self.put(MetricName='old', minutes=-300)
        self.put(MetricName='n', Dimensions=self.dims)
        self.put(MetricName='m', namespace='B')

        def names(**filters):
            return [m['Namespace'] + m['MetricName'] for m in self.cw('ListMetrics', **filters)['Metrics']]
        self.assertEqual(names(), ['Am', 'An', 'Aold', 'Bm'])
        self.assertEqual(names(Namespace='B'), ['Bm'])
        self.assertEqual(names(MetricName='m'), ['Am', 'Bm'])
        self.assertEqual(names(Dimensions=[{'Name': 'd'}]), ['An'])
        self.assertEqual(names(Dimensions=[{'Name': 'e'}]), [])
        self.assertEqual(names(Dimensions=[{'Name': 'd', 'Value': '2'}]), [])
        self.assertEqual(names(RecentlyActive='PT3H'), ['Am', 'An', 'Bm'])
        self.no(VALUE, 'NextToken', 'ListMetrics', NextToken='!')
        self.cw('PutMetricData', Namespace='C', MetricData=[{'MetricName': f'm{i:03}', 'Value': 1} for i in range(502)])
        page = self.cw('ListMetrics', Namespace='C')
        second = self.cw('ListMetrics', Namespace='C', NextToken=page['NextToken'])
        self.assertEqual((len(page['Metrics']), [m['MetricName'] for m in second['Metrics']], second.get('NextToken')), (500, ['m500', 'm501'], None))
        self.no(VALUE, 'IncludeLinkedAccounts', 'ListMetrics', IncludeLinkedAccounts=True)
        self.no(VALUE, 'OwningAccount', 'ListMetrics', OwningAccount=OTHER)


if __name__ == '__main__':
    support.main()
