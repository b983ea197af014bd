#!/usr/bin/python3
"""CloudWatch Logs: every member of a request shows an effect, or is refused by its name."""
import json

import support
from noop import NoOpCase, shows

GONE = 'ResourceNotFoundException'
INVALID = 'InvalidParameterException'


class LogsCase(NoOpCase):
    def logs(self, name, **params):
        return self.call('logs', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'logs', name, **params)

    def setUp(self):
        super().setUp()
        self.logs('CreateLogGroup', logGroupName='g', tags={'a': '1'})
        self.logs('CreateLogStream', logGroupName='g', logStreamName='s')
        self.arn = f'arn:aws:logs:{support.REGION}:{support.ACCOUNT}:log-group:g'
        self.start = self.now_ms() - 60000

    def put(self, *texts, stream='s', **more):
        return self.logs('PutLogEvents', logGroupName='g', logStreamName=stream,
                         logEvents=[{'timestamp': self.start + i * 1000, 'message': text} for i, text in enumerate(texts)], **more)


class Groups(LogsCase):
    @shows('logs DeleteLogGroup|PutRetentionPolicy|DeleteRetentionPolicy|CreateLogStream|DeleteLogStream|DescribeLogStreams', 'logGroupName',
           'logs FilterLogEvents|GetLogEvents|ListTagsLogGroup|PutLogEvents|TagLogGroup|UntagLogGroup', 'logGroupName',
           'logs ListTagsForResource|TagResource|UntagResource', 'resourceArn', 'logs DeleteLogStream|GetLogEvents|PutLogEvents|CreateLogStream', 'logStreamName',
           'logs DescribeLogStreams|FilterLogEvents|GetLogEvents', 'logGroupIdentifier')
    def test_names_choose(self):
        stream, events, tags = {'logStreamName': 's'}, {'logEvents': [{'timestamp': self.start, 'message': 'm'}]}, {'tags': {'a': 'b'}}
        more = {'DeleteLogGroup': {}, 'PutRetentionPolicy': {'retentionInDays': 1}, 'DeleteRetentionPolicy': {}, 'CreateLogStream': stream,
                'DeleteLogStream': stream, 'DescribeLogStreams': {}, 'FilterLogEvents': {}, 'GetLogEvents': stream, 'ListTagsLogGroup': {},
                'PutLogEvents': {**stream, **events}, 'TagLogGroup': tags, 'UntagLogGroup': {'tags': ['a']}}
        for name, params in more.items():
            with self.subTest(name):
                self.no(GONE, 'log group', name, logGroupName='nobody', **params)
        for name in ('DescribeLogStreams', 'FilterLogEvents', 'GetLogEvents'):
            self.no(GONE, 'log group', name, logGroupIdentifier=self.arn + 'x', **more[name])
            self.logs(name, logGroupIdentifier=self.arn, **more[name])
        for name, params in (('ListTagsForResource', {}), ('TagResource', tags), ('UntagResource', {'tagKeys': ['a']})):
            self.no(GONE, 'log group', name, resourceArn=self.arn + 'x', **params)
        for name, params in (('DeleteLogStream', {}), ('GetLogEvents', {}), ('PutLogEvents', events)):
            self.no(GONE, 'log stream', name, logGroupName='g', logStreamName='nobody', **params)
        self.no('ResourceAlreadyExistsException', 'log stream', 'CreateLogStream', logGroupName='g', logStreamName='s')

    @shows('logs CreateLogGroup', 'logGroupName', 'kmsKeyId', 'tags', 'logGroupClass', 'deletionProtectionEnabled', 'logs PutRetentionPolicy', 'retentionInDays',
           'logs TagLogGroup|TagResource|UntagLogGroup', 'tags', 'logs UntagResource', 'tagKeys')
    def test_groups(self):
        for member, value in (('kmsKeyId', 'arn:aws:kms:us-east-1:000000000000:key/k'), ('logGroupClass', 'INFREQUENT_ACCESS'), ('deletionProtectionEnabled', True)):
            self.no(INVALID, member, 'CreateLogGroup', logGroupName='h', **{member: value})
        self.logs('CreateLogGroup', logGroupName='h', logGroupClass='STANDARD', deletionProtectionEnabled=False)
        self.logs('TagLogGroup', logGroupName='g', tags={'b': '2', 'c': '3'})
        self.logs('TagResource', resourceArn=self.arn, tags={'d': '4'})
        self.assertEqual(self.logs('ListTagsLogGroup', logGroupName='g')['tags'], {'a': '1', 'b': '2', 'c': '3', 'd': '4'})
        self.logs('UntagLogGroup', logGroupName='g', tags=['a', 'b'])
        self.logs('UntagResource', resourceArn=self.arn, tagKeys=['c'])
        self.assertEqual(self.logs('ListTagsForResource', resourceArn=self.arn)['tags'], {'d': '4'})
        self.put('line')
        self.logs('PutRetentionPolicy', logGroupName='g', retentionInDays=1)
        self.assertEqual(len(self.logs('FilterLogEvents', logGroupName='g')['events']), 1)
        self.advance(2 * 86400 * 1000)
        self.assertEqual(self.logs('FilterLogEvents', logGroupName='g')['events'], [])

    @shows('logs DescribeLogGroups', 'accountIdentifiers', 'logGroupNamePrefix', 'logGroupNamePattern', 'nextToken', 'limit', 'includeLinkedAccounts',
           'logGroupClass', 'logGroupIdentifiers', 'logs DescribeLogStreams', 'logStreamNamePrefix', 'orderBy', 'descending', 'nextToken', 'limit')
    def test_describe(self):
        for member, value in (('accountIdentifiers', ['1' * 12]), ('includeLinkedAccounts', True), ('logGroupIdentifiers', [self.arn])):
            self.no(INVALID, member, 'DescribeLogGroups', **{member: value})
        self.logs('CreateLogGroup', logGroupName='hh')
        self.logs('CreateLogGroup', logGroupName='hhh')

        def groups(**params):
            reply = self.logs('DescribeLogGroups', **params)
            return [g['logGroupName'] for g in reply['logGroups']], reply.get('nextToken')
        self.assertEqual(groups(logGroupNamePrefix='hh')[0], ['hh', 'hhh'])
        self.assertEqual(groups(logGroupNamePattern='hhh')[0], ['hhh'])
        self.assertEqual((groups(logGroupClass='DELIVERY')[0], len(groups(logGroupClass='STANDARD')[0])), ([], 3))
        first, token = groups(limit=2)
        self.assertEqual((first, groups(limit=2, nextToken=token)), (['g', 'hh'], (['hhh'], None)))

        for name in ('ta', 'tb'):
            self.logs('CreateLogStream', logGroupName='g', logStreamName=name)
        self.put('old', stream='tb')
        self.start += 5000
        self.put('new', stream='ta')

        def streams(**params):
            reply = self.logs('DescribeLogStreams', logGroupName='g', **params)
            return [s['logStreamName'] for s in reply['logStreams']], reply.get('nextToken')
        self.assertEqual(streams(logStreamNamePrefix='t')[0], ['ta', 'tb'])
        self.assertEqual(streams(orderBy='LastEventTime')[0], ['s', 'tb', 'ta'])
        self.assertEqual(streams(descending=True)[0], ['tb', 'ta', 's'])
        first, token = streams(limit=2)
        self.assertEqual((first, streams(limit=2, nextToken=token)), (['s', 'ta'], (['tb'], None)))


class Events(LogsCase):
    @shows('logs PutLogEvents', 'logEvents', 'logEvents.timestamp', 'logEvents.message', 'entity')
    def test_put(self):
        reply = self.put('one', 'two', entity={'keyAttributes': {'Type': 'Service', 'Name': 'n'}, 'attributes': {'a': 'b'}}, sequenceToken='any')
        self.assertEqual(reply['rejectedEntityInfo'], {'errorType': 'UnsupportedLogGroupType'})
        told = self.logs('GetLogEvents', logGroupName='g', logStreamName='s', startFromHead=True)['events']
        self.assertEqual([(e['timestamp'], e['message']) for e in told], [(self.start, 'one'), (self.start + 1000, 'two')])
        self.assertNotIn('rejectedEntityInfo', self.put('three'))

    @shows('logs GetLogEvents|FilterLogEvents', 'startTime', 'endTime', 'nextToken', 'limit', 'startFromHead', 'unmask',
           'logs FilterLogEvents', 'logStreamNames', 'logStreamNamePrefix', 'filterPattern')
    def test_read(self):
        self.logs('CreateLogStream', logGroupName='g', logStreamName='other')
        self.put('a', 'b', 'c')
        self.put('x', stream='other')

        def get(**params):
            reply = self.logs('GetLogEvents', logGroupName='g', logStreamName='s', **params)
            return [e['message'] for e in reply['events']], reply['nextForwardToken']
        second = self.start + 1000
        self.assertEqual((get(startTime=second)[0], get(endTime=second)[0]), (['b', 'c'], ['a']))
        self.assertEqual((get(limit=1)[0], get(limit=1, startFromHead=True)[0]), (['c'], ['a']))
        self.assertEqual(get(nextToken=get(limit=1, startFromHead=True)[1], limit=1)[0], ['b'])

        def filtered(**params):
            reply = self.logs('FilterLogEvents', logGroupName='g', **params)
            return [e['message'] for e in reply['events']], reply.get('nextToken')
        self.assertEqual((filtered(startTime=second)[0], filtered(endTime=second - 1)[0]), (['b', 'c'], ['a', 'x']))
        self.assertEqual((filtered(logStreamNames=['other'])[0], filtered(logStreamNamePrefix='o')[0], filtered(filterPattern='b')[0]), (['x'], ['x'], ['b']))
        first, token = filtered(limit=3)
        self.assertEqual(first + filtered(limit=3, nextToken=token)[0], filtered()[0])
        self.assertEqual(len(first), 3)
        self.no(INVALID, 'startFromHead', 'FilterLogEvents', logGroupName='g', startFromHead=False)
        self.assertEqual(filtered(startFromHead=True)[0], filtered()[0])

        # Nothing is masked here; asking for it needs its permission, as at AWS.
        role = self.role('reader', [{'Effect': 'Allow', 'Action': ['logs:GetLogEvents', 'logs:FilterLogEvents'], 'Resource': '*'}], trust={
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': f'arn:aws:iam::{support.ACCOUNT}:root'}, 'Action': 'sts:AssumeRole'}]})
        k = self.client('sts').assume_role(RoleArn=role, RoleSessionName='session')['Credentials']
        reader = self.client('logs', key=k['AccessKeyId'], secret=k['SecretAccessKey'], token=k['SessionToken'])
        for call, more in ((reader.get_log_events, {'logStreamName': 's'}), (reader.filter_log_events, {})):
            call(logGroupName='g', **more)
            self.assertFault('AccessDeniedException', call, logGroupName='g', unmask=True, message=support.re.compile('logs:Unmask'), **more)


class Policies(LogsCase):
    def names(self, **params):
        reply = self.logs('DescribeResourcePolicies', **params)
        return [p['policyName'] for p in reply['resourcePolicies']], reply.get('nextToken')

    @staticmethod
    def document(resource):
        return json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'}, 'Action': 'logs:PutLogEvents', 'Resource': resource}]})

    @shows('logs PutResourcePolicy|DeleteResourcePolicy', 'policyName', 'resourceArn', 'expectedRevisionId', 'logs PutResourcePolicy', 'policyDocument',
           'logs DescribeResourcePolicies', 'nextToken', 'limit', 'resourceArn', 'policyScope')
    def test_resource_policies(self):
        for name, more in (('PutResourcePolicy', {'policyDocument': self.document('*')}), ('DeleteResourcePolicy', {})):
            self.no(INVALID, 'policyName', name, **more)
            for member, value in (('resourceArn', self.arn), ('expectedRevisionId', '1')):
                self.no(INVALID, member, name, policyName='p', **{member: value}, **more)
        self.no(INVALID, 'resourceArn', 'DescribeResourcePolicies', resourceArn=self.arn)
        for bad in ({}, {'policyDocument': '{}'}, {'policyDocument': 'x'}):
            self.no(INVALID, 'olicy', 'PutResourcePolicy', policyName='p', **bad)
        self.no(GONE, 'nobody', 'DeleteResourcePolicy', policyName='nobody')

        # What a document says decides whether a rule's events get into the group.
        events, n = self.client('events'), 0
        events.put_rule(Name='r', EventPattern='{"source":["x"]}')
        events.put_targets(Rule='r', Targets=[{'Id': 't', 'Arn': self.arn}])
        for call, params, names, more in (
                (None, {}, [], 0), ('Put', {'policyName': 'p', 'policyDocument': self.document(self.arn + 'x:*')}, ['p'], 0),
                ('Put', {'policyName': 'q', 'policyDocument': self.document(self.arn + ':*')}, ['p', 'q'], 1), ('Delete', {'policyName': 'q'}, ['p'], 0),
                ('Put', {'policyName': 'p', 'policyDocument': self.document('*')}, ['p'], 1), ('Delete', {'policyName': 'p'}, [], 0)):
            with self.subTest(call=call, **params):
                if call is not None:
                    self.logs(call + 'ResourcePolicy', **params)
                self.assertEqual(self.names()[0], names)
                events.put_events(Entries=[{'Source': 'x', 'DetailType': 'd', 'Detail': '{}'}])
                n += more
                self.assertEqual(len(self.logs('FilterLogEvents', logGroupName='g')['events']), n)

        for name in 'abc':
            self.logs('PutResourcePolicy', policyName=name, policyDocument=self.document('*'))
        first, token = self.names(limit=2)
        self.assertEqual((first, self.names(limit=2, nextToken=token)), (['a', 'b'], (['c'], None)))
        self.assertEqual([self.names(policyScope=scope)[0] for scope in ('ACCOUNT', 'RESOURCE')], [['a', 'b', 'c'], []])


if __name__ == '__main__':
    support.main()
