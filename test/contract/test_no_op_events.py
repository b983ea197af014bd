#!/usr/bin/python3
"""EventBridge: every member of a request shows an effect, or is refused by its name."""
import json

import support
from noop import NoOpCase, shows

A, R = support.ACCOUNT, support.REGION
EVENTS = f'arn:aws:events:{R}:{A}:'
GONE, INVALID = 'ResourceNotFoundException', 'ValidationException'
PATTERN = '{"source":["my.app"]}'
EVENT = {'id': '1', 'account': A, 'source': 's', 'time': '2026-01-01T00:00:00Z', 'region': R, 'resources': [], 'detail-type': 'd', 'detail': {'n': 1}}
OTHER = '111111111111'
REFUSED_PARAMETERS = {
    'KinesisParameters': {'PartitionKeyPath': '$.id'}, 'RunCommandParameters': {'RunCommandTargets': [{'Key': 'k', 'Values': ['v']}]},
    'EcsParameters': {'TaskDefinitionArn': 'arn:aws:ecs:us-east-1:000000000000:task-definition/t'},
    'BatchParameters': {'JobDefinition': 'd', 'JobName': 'n'}, 'HttpParameters': {'PathParameterValues': ['x']},
    'RedshiftDataParameters': {'Database': 'd', 'Sql': 's'}, 'SageMakerPipelineParameters': {'PipelineParameterList': []},
    'AppSyncParameters': {'GraphQLOperation': 'query'}}


class EventsCase(NoOpCase):
    def ev(self, name, **params):
        return self.call('events', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'events', name, **params)

    def open_queue(self, name='q', **attributes):
        """A queue that EventBridge may send to -> (url, ARN)."""
        policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'events.amazonaws.com'}, 'Action': 'sqs:SendMessage',
                                                          'Resource': f'arn:aws:sqs:{R}:{A}:{name}'}]}
        return self.queue(name, Policy=json.dumps(policy), **attributes)

    def rule(self, name='r', **params):
        if 'ScheduleExpression' not in params:
            params.setdefault('EventPattern', PATTERN)
        return self.ev('PutRule', Name=name, **params)['RuleArn']

    def target(self, arn, rule='r', bus='default', **more):
        self.assertEqual(self.ev('PutTargets', Rule=rule, EventBusName=bus, Targets=[{'Id': 't', 'Arn': arn, **more}])['FailedEntries'], [])

    def put(self, **entry):
        return self.ev('PutEvents', Entries=[{'Source': 'my.app', 'DetailType': 'd', 'Detail': '{"n":1}', **entry}])['Entries'][0]

    def bodies(self, url, n=1):
        return [m['Body'] for m in self.receive(url, n)]

    def tags(self, arn):
        return {t['Key']: t['Value'] for t in self.ev('ListTagsForResource', ResourceARN=arn)['Tags']}

    def pages(self, name, key, of, **params):
        """The names of the first page and of the one after it."""
        first = self.ev(name, **params)
        second = self.ev(name, NextToken=first['NextToken'], **params)
        return [[one if of is None else one[of] for one in page[key]] for page in (first, second)]


class Buses(EventsCase):
    @shows('events DeleteRule|DescribeRule|DisableRule|EnableRule', 'Name', 'EventBusName',
           'events ListTargetsByRule|PutTargets|RemoveTargets', 'Rule', 'EventBusName',
           'events ListRuleNamesByTarget|ListRules|PutPermission|RemovePermission', 'EventBusName', 'events PutRule', 'Name', 'EventBusName',
           'events DeleteEventBus|DescribeEventBus|UpdateEventBus|CreateEventBus', 'Name')
    def test_names_choose(self):
        """Of two buses with a rule each, what is named alone is found, and alone changed."""
        for bus in ('b', 'c'):
            self.ev('CreateEventBus', Name=bus)
            self.rule(f'r{bus}', EventBusName=bus)
        target = {'Targets': [{'Id': 't', 'Arn': f'arn:aws:sqs:{R}:{A}:q'}]}
        of_rule = {'DescribeRule': ('Name', {}), 'DisableRule': ('Name', {}), 'EnableRule': ('Name', {}), 'ListTargetsByRule': ('Rule', {}),
                   'PutTargets': ('Rule', target), 'RemoveTargets': ('Rule', {'Ids': ['t']})}
        for name, (member, more) in of_rule.items():
            with self.subTest(name):
                self.no(GONE, 'Rule nobody', name, EventBusName='b', **{member: 'nobody'}, **more)
                self.no(GONE, 'Rule rb does not exist on EventBus c', name, EventBusName='c', **{member: 'rb'}, **more)
                self.ev(name, EventBusName='b', **{member: 'rb'}, **more)
        permission = {'Action': 'events:PutEvents', 'Principal': OTHER, 'StatementId': 's'}
        of_bus = {'ListRuleNamesByTarget': {'TargetArn': 'arn:x'}, 'ListRules': {}, 'PutPermission': permission, 'RemovePermission': {'StatementId': 's'},
                  'PutRule': {'Name': 'r', 'EventPattern': PATTERN}, 'DeleteRule': {'Name': 'rb'}}
        for name, more in of_bus.items():
            with self.subTest(name):
                self.no(GONE, 'Event bus nobody', name, EventBusName='nobody', **more)
                if name == 'PutRule':
                    continue
                self.ev(name, EventBusName='b', **more)
                if name == 'PutPermission':
                    self.assertNotIn('Policy', self.ev('DescribeEventBus', Name='c'))
        self.assertEqual([self.ev('ListRules', EventBusName=bus)['Rules'] == [] for bus in ('b', 'c')], [True, False])
        for name in ('DescribeEventBus', 'UpdateEventBus'):
            self.no(GONE, 'Event bus nobody', name, Name='nobody')
            self.assertEqual(self.ev(name, Name='b')['Arn'], EVENTS + 'event-bus/b')
        self.no('ResourceAlreadyExistsException', 'Event bus b', 'CreateEventBus', Name='b')
        self.ev('DeleteEventBus', Name='b')
        self.assertEqual([bus['Name'] for bus in self.ev('ListEventBuses')['EventBuses']], ['c', 'default'])

    @shows('events CreateEventBus|UpdateEventBus', 'Description', 'KmsKeyIdentifier', 'DeadLetterConfig', 'DeadLetterConfig.Arn', 'LogConfig',
           'LogConfig.IncludeDetail', 'LogConfig.Level', 'events CreateEventBus', 'EventSourceName')
    def test_what_a_bus_has(self):
        self.ev('CreateEventBus', Name='b')
        bad = (('EventSourceName', 'aws.partner/x/y', ('CreateEventBus',)), ('KmsKeyIdentifier', 'alias/x', None),
               ('DeadLetterConfig', {'Arn': f'arn:aws:sqs:{R}:{A}:q'}, None), ('LogConfig', {'Level': 'INFO'}, None), ('LogConfig', {'IncludeDetail': 'FULL'}, None),
               ('LogConfig', {'Level': 'OFF', 'IncludeDetail': 'FULL'}, None), ('LogConfig', {'Level': 'ERROR', 'IncludeDetail': 'NONE'}, None))
        for member, value, names in bad:
            for name in names or ('CreateEventBus', 'UpdateEventBus'):
                self.no(INVALID, member, name, Name='b' if name == 'UpdateEventBus' else 'c', **{member: value})
        same = {'DeadLetterConfig': {}, 'LogConfig': {'Level': 'OFF', 'IncludeDetail': 'NONE'}}      # what is so without it, too
        for name, bus in (('CreateEventBus', 'c'), ('UpdateEventBus', 'b')):
            self.assertNotIn('Description', self.ev('DescribeEventBus', Name='b'))
            self.assertEqual(self.ev(name, Name=bus, Description='d', **same)['Description'], 'd')
            self.assertEqual(self.ev('DescribeEventBus', Name=bus)['Description'], 'd')

    @shows('events CreateEventBus|PutRule|TagResource', 'Tags', 'Tags.Key', 'Tags.Value', 'events TagResource|UntagResource|ListTagsForResource', 'ResourceARN',
           'events UntagResource', 'TagKeys')
    def test_tags(self):
        given = [{'Key': 'k', 'Value': 'v'}, {'Key': 'l', 'Value': 'w'}]
        bus = self.ev('CreateEventBus', Name='b', Tags=given)['EventBusArn']
        rule = self.rule(Tags=given)
        for arn, bare in ((bus, self.ev('CreateEventBus', Name='c')['EventBusArn']), (rule, self.rule('s'))):
            self.assertEqual((self.tags(arn), self.tags(bare)), ({'k': 'v', 'l': 'w'}, {}))
            self.ev('TagResource', ResourceARN=arn, Tags=[{'Key': 'k', 'Value': 'x'}, {'Key': 'm', 'Value': 'y'}])
            self.ev('UntagResource', ResourceARN=arn, TagKeys=['l'])
            self.assertEqual((self.tags(arn), self.tags(bare)), ({'k': 'x', 'm': 'y'}, {}))
            for name, more in (('TagResource', {'Tags': given}), ('UntagResource', {'TagKeys': ['k']}), ('ListTagsForResource', {})):
                self.no(GONE, 'does not exist', name, ResourceARN=arn + 'x', **more)
        self.rule(Tags=[{'Key': 'k', 'Value': 'new'}])       # ignored at AWS where the rule is there already
        self.assertEqual(self.tags(rule), {'k': 'x', 'm': 'y'})

    @shows('events ListEventBuses|ListRules', 'NamePrefix', 'NextToken', 'Limit', 'events ListRuleNamesByTarget', 'TargetArn', 'NextToken', 'Limit',
           'events ListTargetsByRule', 'NextToken', 'Limit')
    def test_lists(self):
        queue = f'arn:aws:sqs:{R}:{A}:q'
        for name in ('a', 'pb', 'pc'):
            self.ev('CreateEventBus', Name=name)
            self.rule(name)
            self.ev('PutTargets', Rule=name, Targets=[{'Id': i, 'Arn': queue + name[0]} for i in ('x', 'y')])
        self.assertEqual([len(self.ev(name)[key]) for name, key in (('ListEventBuses', 'EventBuses'), ('ListRules', 'Rules'))], [4, 3])
        for name, key, of, more, want in (('ListEventBuses', 'EventBuses', 'Name', {'NamePrefix': 'p'}, [['pb'], ['pc']]),
                                          ('ListRules', 'Rules', 'Name', {'NamePrefix': 'p'}, [['pb'], ['pc']]),
                                          ('ListRuleNamesByTarget', 'RuleNames', None, {'TargetArn': queue + 'p'}, [['pb'], ['pc']]),
                                          ('ListTargetsByRule', 'Targets', 'Id', {'Rule': 'a'}, [['x'], ['y']])):
            with self.subTest(name):
                self.assertEqual(self.pages(name, key, of, Limit=1, **more), want)
                self.assertEqual([one if of is None else one[of] for one in self.ev(name, **more)[key]], want[0] + want[1])
        self.assertEqual(self.ev('ListRuleNamesByTarget', TargetArn=queue + 'a')['RuleNames'], ['a'])

    def as_other(self, arn):
        """What another account is told when it sends to the bus."""
        other = self.client('events', key=OTHER)
        try:
            return other.put_events(Entries=[{'Source': 'my.app', 'DetailType': 'd', 'Detail': '{}', 'EventBusName': arn}])['FailedEntryCount']
        except support.ClientError as e:
            return e.response['Error']['Code']

    @shows('events PutPermission', 'Action', 'Principal', 'StatementId', 'Policy', 'Condition', 'Condition.Type', 'Condition.Key', 'Condition.Value',
           'events RemovePermission', 'StatementId', 'RemoveAllPermissions')
    def test_permissions(self):
        arn, denied = EVENTS + 'event-bus/default', 'AccessDeniedException'
        say = {'Action': 'events:PutEvents', 'Principal': OTHER, 'StatementId': 's'}
        condition = {'Type': 'StringEquals', 'Key': 'aws:PrincipalOrgID', 'Value': 'o-1234567890'}
        for member in say:
            self.no(INVALID, member, 'PutPermission', **{k: v for k, v in say.items() if k != member})
        self.no(INVALID, 'action', 'PutPermission', **{**say, 'Action': 'events:PutRule'})
        for member in ('Type', 'Key'):
            self.no(INVALID, 'Condition', 'PutPermission', **{**say, 'Principal': '*', 'Condition': {**condition, member: 'Other'}})
        self.assertEqual(self.as_other(arn), denied)
        document = json.dumps({'Version': '2012-10-17', 'Statement': [{'Sid': 'x', 'Effect': 'Allow', 'Principal': '*', 'Action': 'events:*', 'Resource': arn}]})
        self.no(INVALID, 'Policy', 'PutPermission', Policy=document, **say)
        for given, want in ((say, 0), ({**say, 'Principal': '222222222222'}, denied), ({**say, 'Principal': '*'}, 0),
                            ({**say, 'Principal': '*', 'Condition': condition}, denied), ({'Policy': document}, 0)):
            with self.subTest(given=str(given)):
                self.ev('PutPermission', **given)
                self.assertEqual(self.as_other(arn), want)
                if 'Condition' in given:
                    statement, = json.loads(self.ev('DescribeEventBus')['Policy'])['Statement']
                    self.assertEqual(statement['Condition'], {'StringEquals': {'aws:PrincipalOrgID': 'o-1234567890'}})
        for sid in ('s', 't'):
            self.ev('PutPermission', **{**say, 'StatementId': sid})

        def sids():
            return [s['Sid'] for s in json.loads(self.ev('DescribeEventBus').get('Policy', '{"Statement":[]}'))['Statement']]
        self.assertEqual(sids(), ['x', 's', 't'])
        self.ev('RemovePermission', StatementId='s')
        self.assertEqual(sids(), ['x', 't'])
        self.no(GONE, 'Statement', 'RemovePermission', StatementId='s')
        self.no(INVALID, 'StatementId', 'RemovePermission', RemoveAllPermissions=False)
        self.ev('RemovePermission', RemoveAllPermissions=True)
        self.assertEqual((sids(), self.as_other(arn)), ([], denied))


class Rules(EventsCase):
    @shows('events PutRule', 'EventPattern', 'ScheduleExpression', 'State', 'Description', 'RoleArn')
    def test_put(self):
        url, queue = self.open_queue()
        self.no(INVALID, 'EventPattern', 'PutRule', Name='r')
        self.no(INVALID, 'State', 'PutRule', Name='r', EventPattern=PATTERN, State='ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS')
        for params, events, ticks in (({'EventPattern': PATTERN}, 1, 0), ({'EventPattern': '{"source":["x"]}'}, 0, 0), ({'ScheduleExpression': 'rate(5 minutes)'}, 0, 1),
                                      ({'ScheduleExpression': 'rate(10 minutes)'}, 0, 0), ({'EventPattern': PATTERN, 'ScheduleExpression': 'rate(5 minutes)'}, 1, 1),
                                      ({'EventPattern': PATTERN, 'ScheduleExpression': 'rate(5 minutes)', 'State': 'DISABLED'}, 0, 0),
                                      ({'EventPattern': PATTERN, 'State': 'ENABLED'}, 1, 0)):
            with self.subTest(**params):
                self.ev('PutRule', Name='r', **params)
                self.target(queue)
                self.put()
                self.assertEqual(len(self.receive(url, events or 0)), events)
                self.advance(5 * 60000)
                self.assertEqual(len(self.receive(url, ticks or 0)), ticks)
        for params in ({}, {'Description': 'd'}, {'RoleArn': f'arn:aws:iam::{A}:role/x'}):
            self.rule(**params)
            told = self.ev('DescribeRule', Name='r')
            self.assertEqual({k: told[k] for k in ('Description', 'RoleArn') if k in told}, params)

        # The rule's role serves a target that needs one and has none.
        self.ev('CreateEventBus', Name='b')
        self.rule('onward')
        bus = {'Id': 't', 'Arn': EVENTS + 'event-bus/b'}
        self.no(INVALID, 'RoleArn', 'PutTargets', Rule='onward', Targets=[bus])
        self.rule('all', EventBusName='b')
        self.target(queue, 'all', 'b', Input='"from b"')
        for role, want in ((self.role('may-not', False), []), (self.role('may'), ['"from b"'])):
            self.rule('onward', RoleArn=role)
            self.target(bus['Arn'], 'onward')
            self.rule(State='DISABLED')
            self.put()
            self.assertEqual(self.bodies(url, len(want)), want)

    def test_enable_disable_delete(self):
        url, queue = self.open_queue()
        self.rule()
        self.target(queue)
        for name, want in (('DisableRule', 0), ('EnableRule', 1)):
            self.ev(name, Name='r')
            self.put()
            self.assertEqual(len(self.receive(url, want)), want)

    @shows('events PutTargets', 'Targets', 'Targets.Id', 'Targets.Arn', 'Targets.Input', 'Targets.InputPath', 'Targets.InputTransformer',
           'Targets.InputTransformer.InputPathsMap', 'Targets.InputTransformer.InputTemplate', 'Targets.RoleArn', 'Targets.DeadLetterConfig',
           'Targets.DeadLetterConfig.Arn', 'Targets.SqsParameters', 'Targets.SqsParameters.MessageGroupId', 'events RemoveTargets', 'Ids')
    def test_targets(self):
        url, queue = self.open_queue()
        dead_url, dead = self.open_queue('dead')
        closed_url, closed = self.queue('closed')            # no policy: EventBridge may not, a role may
        self.rule()
        for more, want in (({'Input': '{"a":1}'}, '{"a":1}'), ({'InputPath': '$.detail'}, '{"n":1}'),
                           ({'InputTransformer': {'InputTemplate': '"fixed"'}}, '"fixed"'),
                           ({'InputTransformer': {'InputPathsMap': {'x': '$.detail.n'}, 'InputTemplate': '"n=<x>"'}}, '"n=1"'),
                           ({'InputTransformer': {'InputPathsMap': {'x': '$.source'}, 'InputTemplate': '"n=<x>"'}}, '"n=my.app"')):
            with self.subTest(**more):
                self.target(queue, **more)
                self.put()
                self.assertEqual(self.bodies(url), [want])
        self.target(queue)
        id = self.put()['EventId']
        self.assertEqual(json.loads(self.bodies(url)[0])['id'], id)

        for role, want in ((None, 0), (self.role('may-not', False), 0), (self.role('may'), 1)):
            with self.subTest(role=role):
                self.target(closed, DeadLetterConfig={'Arn': dead}, **({'RoleArn': role} if role else {}))
                self.put()
                self.assertEqual((len(self.receive(closed_url, want)), len(self.receive(dead_url, 1 - want))), (want, 1 - want))
        self.target(closed, DeadLetterConfig={})
        self.put()
        self.assertEqual((self.receive(closed_url, 0), self.receive(dead_url, 0)), ([], []))

        fifo_url, fifo = self.open_queue('q.fifo', FifoQueue='true', ContentBasedDeduplication='true')
        self.no(INVALID, 'SqsParameters', 'PutTargets', Rule='r', Targets=[{'Id': 't', 'Arn': fifo}])
        for arn, where in ((fifo, fifo_url), (queue, url)):
            for group in ('g', 'h'):
                self.target(arn, SqsParameters={'MessageGroupId': group})
                self.put()
                self.assertEqual(self.receive(where)[0]['Attributes']['MessageGroupId'], group)

        self.ev('PutTargets', Rule='r', Targets=[{'Id': i, 'Arn': queue, 'Input': f'"{i}"'} for i in ('t', 'u', 'v')])
        self.ev('RemoveTargets', Rule='r', Ids=['t', 'v'])
        self.put()
        self.assertEqual(self.bodies(url), ['"u"'])
        self.assertEqual(self.receive(url, 0), [])

    @shows('events PutTargets', 'Targets.RoleArn')
    def test_role_of_every_kind(self):
        """A function, a topic and a log group, too, are reached as the target's role."""
        url, queue = self.queue('seen')
        topic = self.client('sns').create_topic(Name='t')['TopicArn']
        self.client('sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=queue, Attributes={'RawMessageDelivery': 'true'})
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage', 'Resource': queue}]})})
        function = self.function('f', 'def handler(event, context):\n    print("got", event)\n')['FunctionArn']
        logs = self.client('logs')
        logs.create_log_group(logGroupName='/aws/events/x')

        def lines(group, **more):
            return len(logs.filter_log_events(logGroupName=group, **more)['events']) if logs.describe_log_groups(logGroupNamePrefix=group)['logGroups'] else 0
        looks = ((topic, 'sns:Publish', lambda want: len(self.receive(url, want))),
                 (function, 'lambda:InvokeFunction', lambda want: lines('/aws/lambda/f', filterPattern='got')),
                 (f'arn:aws:logs:{R}:{A}:log-group:/aws/events/x', 'logs:PutLogEvents', lambda want: lines('/aws/events/x')))
        self.rule()
        for arn, action, look in looks:
            with self.subTest(arn):
                for role, want in ((None, 0), (self.role('other', [{'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*'}]), 0),
                                   (self.role('may', [{'Effect': 'Allow', 'Action': action, 'Resource': '*'}]), 1)):
                    self.target(arn, **({'RoleArn': role} if role else {}))
                    self.put()
                    self.settle()
                    self.assertEqual(look(want), want)

    @shows('events PutTargets', 'Targets.RetryPolicy', 'Targets.RetryPolicy.MaximumRetryAttempts', 'Targets.RetryPolicy.MaximumEventAgeInSeconds',
           *(f'Targets.{name}' for name in REFUSED_PARAMETERS))
    def test_retry_policy_and_what_is_refused(self):
        """No target here fails on demand: how often and how long it is tried is shown by test/events/test_service.c."""
        queue = f'arn:aws:sqs:{R}:{A}:q'
        self.rule()
        for given in ({'MaximumRetryAttempts': 3, 'MaximumEventAgeInSeconds': 60}, {'MaximumRetryAttempts': 0, 'MaximumEventAgeInSeconds': 3600}):
            self.target(queue, RetryPolicy=given)
            self.assertEqual(self.ev('ListTargetsByRule', Rule='r')['Targets'][0]['RetryPolicy'], given)
        for member, value in (('MaximumRetryAttempts', 186), ('MaximumEventAgeInSeconds', 59), ('MaximumEventAgeInSeconds', 86401)):
            self.no(INVALID, 'etryPolicy', 'PutTargets', Rule='r', Targets=[{'Id': 't', 'Arn': queue, 'RetryPolicy': {member: value}}])
        for member, value in REFUSED_PARAMETERS.items():
            with self.subTest(member):
                failed, = self.ev('PutTargets', Rule='r', Targets=[{'Id': 'x', 'Arn': queue, member: value}])['FailedEntries']
                self.assertEqual((failed['TargetId'], failed['ErrorCode']), ('x', INVALID))
                self.assertIn(member, failed['ErrorMessage'])
        self.assertEqual([t['Id'] for t in self.ev('ListTargetsByRule', Rule='r')['Targets']], ['t'])
        group, bus = f'arn:aws:logs:{R}:{A}:log-group:x', EVENTS + 'event-bus/b'
        for arn in (group, bus):                             # members of one kind of target given to another
            for member, value in (('SqsParameters', {'MessageGroupId': 'g'}), ('Input', '1'), ('InputPath', '$.x'), ('InputTransformer', {'InputTemplate': '"x"'})):
                failed, = self.ev('PutTargets', Rule='r', Targets=[{'Id': 'x', 'Arn': arn, 'RoleArn': f'arn:aws:iam::{A}:role/x', member: value}])['FailedEntries']
                self.assertIn(member, failed['ErrorMessage'])


class Events(EventsCase):
    @shows('events PutEvents', 'Entries', 'Entries.Time', 'Entries.Source', 'Entries.Resources', 'Entries.DetailType', 'Entries.Detail', 'Entries.EventBusName',
           'Entries.TraceHeader', 'EndpointId')
    def test_put(self):
        url, queue = self.open_queue()
        self.ev('CreateEventBus', Name='b')
        for bus in ('default', 'b'):
            self.rule(EventBusName=bus, EventPattern=json.dumps({'account': [A]}))
            self.target(queue, bus=bus, **({'Input': '{"bus":"b"}'} if bus == 'b' else {}))
        plain = None
        for params, key, want in (({}, None, None), ({'Time': 1789400698}, 'time', '2026-09-14T15:44:58Z'), ({'Source': 'x'}, 'source', 'x'),
                                  ({'Resources': ['a', 'b']}, 'resources', ['a', 'b']), ({'DetailType': 'e'}, 'detail-type', 'e'),
                                  ({'Detail': '{"m":2}'}, 'detail', {'m': 2}), ({'EventBusName': 'b'}, 'bus', 'b')):
            with self.subTest(**params):
                self.put(**params)
                got = json.loads(self.bodies(url)[0])
                plain = plain or got
                if key is not None:
                    self.assertEqual(got[key], want)
                    self.assertNotEqual(plain.get(key), want)
        header = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
        for params, want in (({}, None), ({'TraceHeader': header}, header)):
            self.put(**params)
            self.assertEqual(self.receive(url)[0]['Attributes'].get('AWSTraceHeader'), want)
        self.assertEqual([[e.get('ErrorCode') for e in self.ev('PutEvents', Entries=[{'Source': s, 'DetailType': 'd', 'Detail': d} for s, d in pairs])['Entries']]
                          for pairs in ([('x', '{}')], [('x', '{}'), ('aws.x', '{}'), ('x', '1')])],
                         [[None], [None, 'NotAuthorizedForSourceException', 'MalformedDetail']])
        self.no(INVALID, 'EndpointId', 'PutEvents', EndpointId='abcde.xyz', Entries=[{'Source': 'x', 'DetailType': 'd', 'Detail': '{}'}])

    @shows('events TestEventPattern', 'EventPattern', 'Event')
    def test_pattern(self):
        for pattern, n, want in (('{"detail":{"n":[1]}}', 1, True), ('{"detail":{"n":[2]}}', 1, False), ('{"detail":{"n":[2]}}', 2, True)):
            self.assertIs(self.ev('TestEventPattern', EventPattern=pattern, Event=json.dumps({**EVENT, 'detail': {'n': n}}))['Result'], want)


if __name__ == '__main__':
    support.main()
