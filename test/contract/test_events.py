#!/usr/bin/python3
"""EventBridge: buses, rules, targets, events, schedules; with boto3 and the AWS CLI."""
import datetime
import json
import re

import support

A, R = support.ACCOUNT, support.REGION
EVENTS = f'arn:aws:events:{R}:{A}:'
UUID = re.compile('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
PATTERN = '{"source":["my.app"]}'
SERVICE = {'Service': 'events.amazonaws.com'}


def allow(action, resource, **condition):
    statement = {'Effect': 'Allow', 'Principal': SERVICE, 'Action': action, 'Resource': resource}
    if condition:
        statement['Condition'] = condition
    return json.dumps({'Version': '2012-10-17', 'Statement': [statement]})


class EventsCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.events = self.client('events')

    def open_queue(self, name, rule=None):
        """A queue that EventBridge (this rule of it) may send to."""
        arn = f'arn:aws:sqs:{R}:{A}:{name}'
        condition = {'ArnEquals': {'aws:SourceArn': rule}} if rule else {}
        return self.queue(name, Policy=allow('sqs:SendMessage', arn, **condition))

    def rule(self, name='r', pattern=PATTERN, bus=None, **kw):
        if bus:
            kw['EventBusName'] = bus
        if pattern:
            kw['EventPattern'] = pattern
        return self.events.put_rule(Name=name, **kw)['RuleArn']

    def targets(self, *targets, rule='r', bus=None):
        kw = {'EventBusName': bus} if bus else {}
        reply = self.events.put_targets(Rule=rule, Targets=list(targets), **kw)
        self.assertEqual(reply['FailedEntryCount'], 0, reply)

    def put(self, detail=None, source='my.app', kind='Thing', **kw):
        """One event -> its id."""
        entry = {'Source': source, 'DetailType': kind, 'Detail': json.dumps({} if detail is None else detail), **kw}
        reply = self.events.put_events(Entries=[entry])
        self.assertEqual(reply['FailedEntryCount'], 0, reply)
        return reply['Entries'][0]['EventId']

    def bodies(self, url, n=1):
        return [m['Body'] for m in self.receive(url, n)]


class Buses(EventsCase):
    def test_life(self):
        e = self.events
        made = e.create_event_bus(Name='b', Tags=[{'Key': 'k', 'Value': 'v'}])
        arn = EVENTS + 'event-bus/b'
        self.assertEqual(made['EventBusArn'], arn)
        self.assertFault('ResourceAlreadyExistsException', e.create_event_bus, Name='b', message='Event bus b already exists.')
        self.assertFault('ResourceAlreadyExistsException', e.create_event_bus, Name='default')
        for name in ('b', arn):
            got = e.describe_event_bus(Name=name)
            self.assertEqual((got['Name'], got['Arn']), ('b', arn))
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [{'Key': 'k', 'Value': 'v'}])
        e.tag_resource(ResourceARN=arn, Tags=[{'Key': 'k', 'Value': 'w'}, {'Key': 'l', 'Value': ''}])
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [{'Key': 'k', 'Value': 'w'}, {'Key': 'l', 'Value': ''}])
        e.untag_resource(ResourceARN=arn, TagKeys=['k', 'x'])
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [{'Key': 'l', 'Value': ''}])
        self.rule(bus='b')
        self.assertFault('ValidationException', e.delete_event_bus, Name='b')
        e.delete_rule(Name='r', EventBusName=arn)
        e.delete_event_bus(Name='b')
        e.delete_event_bus(Name='b')
        self.assertFault('ResourceNotFoundException', e.describe_event_bus, Name='b', status=400, message='Event bus b does not exist.')
        self.assertFault('ValidationException', e.delete_event_bus, Name='default', message='Cannot delete event bus default.')

    def test_lists(self):
        e = self.events
        self.assertEqual([b['Name'] for b in e.list_event_buses()['EventBuses']], ['default'])
        self.assertEqual(e.describe_event_bus()['Arn'], EVENTS + 'event-bus/default')
        for name in ('z', 'a', 'ab'):
            e.create_event_bus(Name=name)
        self.assertEqual([b['Name'] for b in e.list_event_buses()['EventBuses']], ['a', 'ab', 'default', 'z'])
        self.assertEqual([b['Name'] for b in e.list_event_buses(NamePrefix='a')['EventBuses']], ['a', 'ab'])
        self.rule()                                          # now something is kept with the default bus
        self.assertEqual([b['Name'] for b in e.list_event_buses()['EventBuses']], ['a', 'ab', 'default', 'z'])
        names, kw = [], {}
        while True:
            page = e.list_event_buses(Limit=1, **kw)
            names += [b['Name'] for b in page['EventBuses']]
            if 'NextToken' not in page:
                break
            kw = {'NextToken': page['NextToken']}
        self.assertEqual(names, ['a', 'ab', 'default', 'z'])
        self.assertEqual([b['Name'] for b in self.client('events', region='eu-west-1').list_event_buses()['EventBuses']], ['default'])

    def test_what_is_not_done_is_refused_by_name(self):
        status, _, got = self.json('AWSEvents.CreateEventBus', {'Name': 'b', 'KmsKeyIdentifier': 'alias/x'}, '1.1')
        self.assertEqual((status, got['__type'].split('#')[-1]), (400, 'ValidationException'))
        self.assertIn('KmsKeyIdentifier', got['message'])
        for member, value in (('EventSourceName', 'aws.partner/x/y'), ('DeadLetterConfig', {'Arn': 'arn:aws:sqs:us-east-1:000000000000:q'}),
                              ('LogConfig', {'Level': 'INFO'})):
            status, _, got = self.json('AWSEvents.CreateEventBus', {'Name': 'b', member: value}, '1.1')
            self.assertEqual(status, 400)
            self.assertIn(member, got['message'])
        status, _, got = self.json('AWSEvents.PutEvents', {'EndpointId': 'abcde.xyz', 'Entries': [{}]}, '1.1')
        self.assertIn('EndpointId', got['message'])
        status, _, got = self.json('AWSEvents.CreateArchive', {'ArchiveName': 'a', 'EventSourceArn': EVENTS + 'event-bus/default'}, '1.1')
        self.assertEqual(status, 501)
        self.assertIn('CreateArchive', got['message'])

    def test_permissions(self):
        e = self.events
        arn = EVENTS + 'event-bus/default'
        self.assertFault('ResourceNotFoundException', e.remove_permission, StatementId='s', message='EventBus does not have a policy.')
        e.put_permission(Action='events:PutEvents', Principal='111111111111', StatementId='one')
        e.put_permission(Action='events:PutEvents', Principal='*', StatementId='all')
        one = {'Sid': 'one', 'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111111111111:root'}, 'Action': 'events:PutEvents', 'Resource': arn}
        every = {'Sid': 'all', 'Effect': 'Allow', 'Principal': '*', 'Action': 'events:PutEvents', 'Resource': arn}
        self.assertEqual(json.loads(e.describe_event_bus()['Policy']), {'Version': '2012-10-17', 'Statement': [one, every]})
        self.assertFault('ResourceNotFoundException', e.remove_permission, StatementId='s',
                         message='Statement with the provided id does not exist.')
        e.remove_permission(StatementId='all')
        self.assertEqual(json.loads(e.describe_event_bus()['Policy'])['Statement'], [one])
        self.assertFault('ValidationException', e.put_permission, Action='events:PutRule', Principal='*', StatementId='x',
                         message="Provided value in parameter 'action' is not supported.")
        e.remove_permission(StatementId='one')
        self.assertNotIn('Policy', e.describe_event_bus())
        document = json.dumps({'Version': '2012-10-17', 'Statement': {**one, 'Sid': 'x'}})
        e.put_permission(Policy=document)
        self.assertEqual(e.describe_event_bus()['Policy'], document)
        e.remove_permission(RemoveAllPermissions=True)
        self.assertNotIn('Policy', e.describe_event_bus())
        self.assertFault('ValidationException', e.put_permission, Policy='{"Statement": 1}')
        self.assertFault('ResourceNotFoundException', e.put_permission, EventBusName='no', Action='events:PutEvents', Principal='*',
                         StatementId='x', message='Event bus no does not exist.')

    def test_update(self):
        self.events.create_event_bus(Name='b')
        status, _, got = self.json('AWSEvents.UpdateEventBus', {'Name': 'b', 'Description': 'new'}, '1.1')
        self.assertEqual((status, got), (200, {'Arn': EVENTS + 'event-bus/b', 'Name': 'b', 'Description': 'new'}))
        status, _, got = self.json('AWSEvents.DescribeEventBus', {'Name': 'b'}, '1.1')
        self.assertEqual(got['Description'], 'new')

    def test_another_account(self):
        other = self.client('events', key='111111111111')
        arn = EVENTS + 'event-bus/default'
        url, queue = self.open_queue('q')
        self.rule()
        self.targets({'Id': 't', 'Arn': queue})
        entry = {'Source': 'my.app', 'DetailType': 'x', 'Detail': '{}', 'EventBusName': arn}
        self.assertFault('AccessDeniedException', other.put_events, Entries=[entry], status=400, message=re.compile(
            '^User: arn:aws:iam::111111111111:root is not authorized to perform: events:PutEvents on resource: ' + arn))
        self.events.put_permission(Action='events:PutEvents', Principal='111111111111', StatementId='one')
        other.put_events(Entries=[entry])
        body, = self.bodies(url)
        self.assertEqual(json.loads(body)['account'], '111111111111')
        self.assertFault('AccessDeniedException', other.list_rules, EventBusName=arn)


class Rules(EventsCase):
    def test_life(self):
        e = self.events
        arn = self.rule('r', Description='d', Tags=[{'Key': 'a', 'Value': 'b'}])
        self.assertEqual(arn, EVENTS + 'rule/r')
        got = e.describe_rule(Name='r')
        del got['ResponseMetadata']
        self.assertEqual(got, {'Name': 'r', 'Arn': arn, 'EventPattern': PATTERN, 'State': 'ENABLED', 'Description': 'd',
                               'EventBusName': 'default', 'CreatedBy': A})
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [{'Key': 'a', 'Value': 'b'}])
        e.disable_rule(Name='r')
        self.assertEqual(e.describe_rule(Name='r')['State'], 'DISABLED')
        e.enable_rule(Name='r')
        self.assertEqual(e.describe_rule(Name='r')['State'], 'ENABLED')
        self.assertEqual(self.rule('r', pattern='{"source":["x"]}', State='DISABLED'), arn)      # replaces everything
        got = e.describe_rule(Name='r')
        self.assertEqual((got['EventPattern'], got['State'], got.get('Description')), ('{"source":["x"]}', 'DISABLED', None))
        e.delete_rule(Name='r')
        e.delete_rule(Name='r')
        for call in (e.describe_rule, e.enable_rule, e.disable_rule):
            self.assertFault('ResourceNotFoundException', call, Name='r', status=400, message='Rule r does not exist on EventBus default.')
        self.assertFault('ResourceNotFoundException', e.list_tags_for_resource, ResourceARN=arn, message='Rule r does not exist on EventBus default.')

    def test_on_a_bus_of_its_own(self):
        e = self.events
        e.create_event_bus(Name='b')
        bus = EVENTS + 'event-bus/b'
        arn = self.rule('r', bus='b')
        self.assertEqual(arn, EVENTS + 'rule/b/r')
        self.assertEqual(e.describe_rule(Name='r', EventBusName=bus)['EventBusName'], 'b')
        self.assertEqual([r['Name'] for r in e.list_rules(EventBusName=bus)['Rules']], ['r'])
        self.assertEqual(e.list_rules()['Rules'], [])
        e.tag_resource(ResourceARN=arn, Tags=[{'Key': 'a', 'Value': 'b'}])
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [{'Key': 'a', 'Value': 'b'}])
        self.assertFault('ValidationException', e.put_rule, Name='s', EventBusName='b', ScheduleExpression='rate(1 minute)',
                         message='ScheduleExpression is supported only on the default event bus.')
        self.assertFault('ResourceNotFoundException', e.put_rule, Name='s', EventBusName='no', EventPattern=PATTERN,
                         message='Event bus no does not exist.')
        self.assertFault('ResourceNotFoundException', e.list_rules, EventBusName='no')

    def test_what_it_listens_to(self):
        e = self.events
        self.assertFault('ValidationException', e.put_rule, Name='r',
                         message='Parameter(s) EventPattern or ScheduleExpression must be specified.')
        for text in ('rate(1 minutes)', 'rate(2 minute)', 'rate(0 minutes)', 'cron(* * * * * *)', 'every day', 'rate(1  minute)'):
            self.assertFault('ValidationException', e.put_rule, Name='r', ScheduleExpression=text,
                             message='Parameter ScheduleExpression is not valid.')
        self.assertFault('InvalidEventPatternException', e.put_rule, Name='r', EventPattern='{"source":"x"}', message=re.compile(
            '^Event pattern is not valid. Reason: "source" must be an object or an array'))
        status, _, got = self.json('AWSEvents.PutRule', {'Name': 'r', 'EventPattern': PATTERN, 'State':
                                                         'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'}, '1.1')
        self.assertEqual(status, 400)
        self.assertIn('ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS', got['message'])
        self.assertEqual(e.list_rules()['Rules'], [])

    def test_lists(self):
        e = self.events
        names = sorted(f'r{i}' for i in range(25)) + ['s']
        for name in names:
            self.rule(name)
        got = [r['Name'] for page in e.get_paginator('list_rules').paginate(PaginationConfig={'PageSize': 4}) for r in page['Rules']] \
            if e.can_paginate('list_rules') else None
        if got is None:
            got, kw = [], {}
            while True:
                page = e.list_rules(Limit=4, **kw)
                got += [r['Name'] for r in page['Rules']]
                if 'NextToken' not in page:
                    break
                kw = {'NextToken': page['NextToken']}
        self.assertEqual(got, names)
        self.assertEqual([r['Name'] for r in e.list_rules(NamePrefix='r1')['Rules']], ['r1'] + [f'r1{i}' for i in range(10)])
        rule = e.list_rules(NamePrefix='s')['Rules']
        self.assertEqual(rule, [{'Name': 's', 'Arn': EVENTS + 'rule/s', 'EventPattern': PATTERN, 'State': 'ENABLED', 'EventBusName': 'default'}])

    def test_constraints_in_aws_words(self):
        status, _, got = self.json('AWSEvents.PutRule', {'Name': 'a b', 'State': 'ON', 'EventPattern': PATTERN}, '1.1')
        self.assertEqual(status, 400)
        self.assertEqual(got['message'], "2 validation errors detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular "
                         "expression pattern: [\\.\\-_A-Za-z0-9]+; Value 'ON' at 'state' failed to satisfy constraint: Member must satisfy enum value "
                         "set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]")

    def test_a_role_session_needs_the_right(self):
        role = self.role('r', [{'Effect': 'Allow', 'Action': 'events:Describe*', 'Resource': '*'}],
                         trust={'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': A}, 'Action': 'sts:AssumeRole'}]})
        key = self.client('sts').assume_role(RoleArn=role, RoleSessionName='ses')['Credentials']
        session = self.client('events', key=key['AccessKeyId'], token=key['SessionToken'])
        self.rule()
        self.assertEqual(session.describe_rule(Name='r')['Name'], 'r')
        for call, action, resource, kw in (
                (session.put_rule, 'PutRule', 'rule/x', {'Name': 'x', 'EventPattern': PATTERN}),
                (session.delete_rule, 'DeleteRule', 'rule/r', {'Name': 'r'}),
                (session.put_targets, 'PutTargets', 'rule/r', {'Rule': 'r', 'Targets': [{'Id': 't', 'Arn': 'arn:aws:sqs:us-east-1:000000000000:q'}]}),
                (session.put_events, 'PutEvents', 'event-bus/default', {'Entries': [{'Source': 'x', 'DetailType': 'x', 'Detail': '{}'}]}),
                (session.create_event_bus, 'CreateEventBus', 'event-bus/b', {'Name': 'b'}),
                (session.put_permission, 'PutPermission', 'event-bus/default', {'Action': 'events:PutEvents', 'Principal': '*', 'StatementId': 's'})):
            self.assertFault('AccessDeniedException', call, status=400, message=f'User: arn:aws:sts::{A}:assumed-role/r/ses is not authorized to '
                             f'perform: events:{action} on resource: {EVENTS}{resource} because no identity-based policy allows the '
                             f'events:{action} action', **kw)


class Targets(EventsCase):
    QUEUE = f'arn:aws:sqs:{R}:{A}:q'

    def setUp(self):
        super().setUp()
        self.rule()

    def test_life(self):
        e = self.events
        full = {'Id': 'full', 'Arn': self.QUEUE + '.fifo', 'SqsParameters': {'MessageGroupId': 'g'}, 'RoleArn': f'arn:aws:iam::{A}:role/x',
                'InputTransformer': {'InputPathsMap': {'d': '$.detail'}, 'InputTemplate': '{"d": <d>}'},
                'DeadLetterConfig': {'Arn': self.QUEUE + '-dlq'}, 'RetryPolicy': {'MaximumRetryAttempts': 2, 'MaximumEventAgeInSeconds': 60}}
        plain = [{'Id': f't{i}', 'Arn': self.QUEUE} for i in range(3)]
        self.targets(full, *plain)
        self.assertEqual(e.list_targets_by_rule(Rule='r')['Targets'], [full] + plain)
        page = e.list_targets_by_rule(Rule='r', Limit=3)
        self.assertEqual(page['Targets'], [full] + plain[:2])
        self.assertEqual(e.list_targets_by_rule(Rule='r', NextToken=page['NextToken'])['Targets'], plain[2:])
        self.targets({'Id': 't1', 'Arn': self.QUEUE, 'InputPath': '$.detail'})
        self.assertEqual(e.list_targets_by_rule(Rule='r')['Targets'][2], {'Id': 't1', 'Arn': self.QUEUE, 'InputPath': '$.detail'})
        self.assertEqual(e.list_rule_names_by_target(TargetArn=self.QUEUE)['RuleNames'], ['r'])
        self.assertEqual(e.list_rule_names_by_target(TargetArn=self.QUEUE + 'x')['RuleNames'], [])
        self.assertFault('LimitExceededException', e.put_targets, Rule='r', Targets=[{'Id': x, 'Arn': self.QUEUE} for x in 'ab'],
                         message='The requested resource exceeds the maximum number allowed.')
        self.assertEqual(len(e.list_targets_by_rule(Rule='r')['Targets']), 4)
        self.assertFault('ValidationException', e.delete_rule, Name='r', message="Rule can't be deleted since it has targets.")
        gone = e.remove_targets(Rule='r', Ids=['full', 't0', 't1', 't2', 'nobody'])
        self.assertEqual((gone['FailedEntryCount'], gone['FailedEntries']), (0, []))
        self.assertEqual(e.list_targets_by_rule(Rule='r')['Targets'], [])
        e.delete_rule(Name='r')
        for call, kw in ((e.put_targets, {'Targets': [{'Id': 'x', 'Arn': self.QUEUE}]}), (e.remove_targets, {'Ids': ['x']}), (e.list_targets_by_rule, {})):
            self.assertFault('ResourceNotFoundException', call, Rule='r', message='Rule r does not exist on EventBus default.', **kw)

    def test_contradictions(self):
        e = self.events
        for target, message in (
                ({'Input': '{}', 'InputPath': '$.x'}, 'Only one of Input, InputPath, or InputTransformer must be provided for target t.'),
                ({'Arn': self.QUEUE + '.fifo'}, 'Parameter(s) SqsParameters must be specified for target: t.'),
                ({'Arn': 'nonsense'}, 'Parameter nonsense is not valid. Reason: Provided Arn is not in correct format.'),
                ({'Arn': EVENTS + 'event-bus/b'}, f'RoleArn is required for target {EVENTS}event-bus/b.'),
                ({'Input': '{'}, 'JSON syntax error in input for target t.'),
                ({'InputTransformer': {'InputTemplate': '"<nobody>"'}}, 'InputTemplate for target t contains invalid placeholder nobody.')):
            self.assertFault('ValidationException', e.put_targets, Rule='r', Targets=[{'Id': 't', 'Arn': self.QUEUE, **target}], message=message)
        self.assertFault('ValidationException', e.put_targets, Rule='r', Targets=[{'Id': 't', 'Arn': self.QUEUE, 'DeadLetterConfig': {'Arn': self.QUEUE + '.fifo'}}])
        self.assertEqual(e.list_targets_by_rule(Rule='r')['Targets'], [])

    def test_services_we_do_not_deliver_to(self):
        """Each fails alone and names the service; the others are put."""
        bad = [{'Id': 'k', 'Arn': f'arn:aws:kinesis:{R}:{A}:stream/s', 'RoleArn': f'arn:aws:iam::{A}:role/x'},
               {'Id': 's', 'Arn': f'arn:aws:states:{R}:{A}:stateMachine:s', 'RoleArn': f'arn:aws:iam::{A}:role/x'},
               {'Id': 'e', 'Arn': f'arn:aws:ecs:{R}:{A}:cluster/c', 'RoleArn': f'arn:aws:iam::{A}:role/x',
                'EcsParameters': {'TaskDefinitionArn': 'arn:aws:ecs:us-east-1:000000000000:task-definition/t'}},
               {'Id': 'h', 'Arn': self.QUEUE, 'HttpParameters': {'PathParameterValues': ['x']}}]
        got = self.events.put_targets(Rule='r', Targets=bad + [{'Id': 'q', 'Arn': self.QUEUE}])
        self.assertEqual(got['FailedEntryCount'], 4)
        self.assertEqual([(f['TargetId'], f['ErrorCode'], f['ErrorMessage']) for f in got['FailedEntries']], [
            ('k', 'ValidationException', 'Waybill does not deliver to targets of the service kinesis.'),
            ('s', 'ValidationException', 'Waybill does not deliver to targets of the service states.'),
            ('e', 'ValidationException', 'Waybill does not deliver to targets of the service ecs.'),
            ('h', 'ValidationException', 'Waybill does not support HttpParameters for a target of the service sqs.')])
        self.assertEqual(self.events.list_targets_by_rule(Rule='r')['Targets'], [{'Id': 'q', 'Arn': self.QUEUE}])


class Events(EventsCase):
    def test_the_envelope(self):
        url, queue = self.open_queue('q')
        self.rule()
        self.targets({'Id': 't', 'Arn': queue})
        when = datetime.datetime(2026, 9, 14, 15, 44, 58, 900000, tzinfo=datetime.timezone.utc)
        id = self.events.put_events(Entries=[{'Source': 'my.app', 'DetailType': 'Thing', 'Detail': '{"b" : 1.0, "a":[ "é" ]}',
                                              'Time': when, 'Resources': ['arn:x', 'y']}])['Entries'][0]['EventId']
        self.assertRegex(id, UUID)
        body, = self.bodies(url)
        self.assertEqual(body, f'{{"version":"0","id":"{id}","detail-type":"Thing","source":"my.app","account":"{A}","time":"2026-09-14T15:44:58Z",'
                         f'"region":"{R}","resources":["arn:x","y"],"detail":{{"b":1.0,"a":["é"]}}}}')
        id = self.put()
        body = json.loads(self.bodies(url)[0])
        self.assertEqual(list(body), ['version', 'id', 'detail-type', 'source', 'account', 'time', 'region', 'resources', 'detail'])
        self.assertEqual((body['id'], body['resources'], body['detail']), (id, [], {}))
        self.assertEqual(self.receive(url, 0), [])

    def test_errors_of_single_entries(self):
        url, queue = self.open_queue('q')
        self.rule()
        self.targets({'Id': 't', 'Arn': queue})
        good = {'Source': 'my.app', 'DetailType': 'x', 'Detail': '{}'}
        entries = [{k: v for k, v in good.items() if k != 'Source'}, {k: v for k, v in good.items() if k != 'DetailType'},
                   {k: v for k, v in good.items() if k != 'Detail'}, good, {**good, 'Detail': '[]'}, {**good, 'Detail': '{'},
                   {**good, 'Source': 'aws.ec2'}, {**good, 'EventBusName': 'nobody'}, good]
        got = self.events.put_events(Entries=entries)
        self.assertEqual(got['FailedEntryCount'], 6)
        self.assertEqual([(r.get('ErrorCode'), r.get('ErrorMessage')) for r in got['Entries']], [
            ('InvalidArgument', 'Parameter Source is not valid. Reason: Source is a required argument.'),
            ('InvalidArgument', 'Parameter DetailType is not valid. Reason: DetailType is a required argument.'),
            ('InvalidArgument', 'Parameter Detail is not valid. Reason: Detail is a required argument.'),
            (None, None), ('MalformedDetail', 'Detail is malformed.'), ('MalformedDetail', 'Detail is malformed.'),
            ('NotAuthorizedForSourceException', 'Not authorized for the source.'), (None, None), (None, None)])
        self.assertEqual(['EventId' in r for r in got['Entries']], [False, False, False, True, False, False, False, True, True])
        self.assertEqual([json.loads(b)['id'] for b in self.bodies(url, 2)], [got['Entries'][3]['EventId'], got['Entries'][8]['EventId']])
        self.assertEqual(self.receive(url, 0), [])

    def test_size(self):
        entry = {'Source': 'my.app', 'DetailType': 'x', 'Detail': json.dumps({'x': 'y' * (1048576 - 6 - 1 - 9)})}
        self.assertEqual(len(entry['Detail']) + 7, 1048576)
        self.assertEqual(self.events.put_events(Entries=[entry])['FailedEntryCount'], 0)
        self.assertFault('ValidationException', self.events.put_events, Entries=[entry, {'Source': 'x'}],
                         message='Total size of the entries in the request is over the limit.')
        status, _, got = self.json('AWSEvents.PutEvents', {'Entries': []}, '1.1')
        self.assertEqual((status, got['message']), (400, "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: "
                                                    "Member must have length greater than or equal to 1"))

    def test_many_rules_one_event(self):
        url, queue = self.open_queue('q')
        for name, pattern in (('yes', '{"detail":{"n":[{"numeric":[">",2]}]}}'), ('no', '{"detail":{"n":[{"numeric":["<",2]}]}}'),
                              ('kind', '{"detail-type":[{"prefix":"Th"}]}'), ('off', PATTERN)):
            self.rule(name, pattern)
            self.targets({'Id': 't', 'Arn': queue, 'Input': json.dumps(name)}, rule=name)
        self.events.disable_rule(Name='off')
        self.put({'n': 3})
        self.assertEqual(sorted(self.bodies(url, 2)), ['"kind"', '"yes"'])
        self.events.enable_rule(Name='off')
        self.rule('yes', '{"source":["other"]}')
        self.put({'n': 3})
        self.assertEqual(sorted(self.bodies(url, 2)), ['"kind"', '"off"'])
        self.assertEqual(self.receive(url, 0), [])

    def test_input(self):
        url, queue = self.open_queue('q')
        self.rule()
        for given, want in (({'Input': '{"a": 1}'}, '{"a": 1}'), ({'InputPath': '$.detail'}, '{"x":"y","n":1}'), ({'InputPath': '$.detail.x'}, '"y"'),
                            ({'InputTransformer': {'InputPathsMap': {'x': '$.detail.x', 'n': '$.detail.n'}, 'InputTemplate': '{"x": <x>, "t": "n is <n>"}'}},
                             {'x': 'y', 't': 'n is 1'})):
            self.targets({'Id': 't', 'Arn': queue, **given})
            self.put({'x': 'y', 'n': 1})
            body, = self.bodies(url)
            self.assertEqual(json.loads(body) if isinstance(want, dict) else body, want)
        self.targets({'Id': 't', 'Arn': queue, 'InputTransformer': {'InputPathsMap': {'x': '$.detail'}, 'InputTemplate': '{"x": "<x>" 1}'}})
        self.put({'x': 'y', 'n': 1})                         # does not render: is not delivered
        self.assertEqual(self.receive(url, 0), [])

    def test_a_function(self):
        rule = self.rule()
        arn = self.function('f', 'import json\ndef handler(event, context):\n    print("got", json.dumps(event))\n')['FunctionArn']
        url, dead = self.open_queue('dead')
        self.targets({'Id': 't', 'Arn': arn, 'DeadLetterConfig': {'Arn': dead}})
        id = self.put({'a': 1})
        message, = self.receive(url)
        self.assertEqual(json.loads(message['Body'])['id'], id)
        self.assertEqual(message['MessageAttributes']['ERROR_CODE']['StringValue'], 'NO_PERMISSIONS')
        self.client('lambda').add_permission(FunctionName='f', StatementId='s', Action='lambda:InvokeFunction',
                                             Principal='events.amazonaws.com', SourceArn=rule)
        id = self.put({'a': 2})
        self.settle()
        lines = [e['message'] for e in self.client('logs').filter_log_events(logGroupName='/aws/lambda/f', filterPattern='got')['events']]
        self.assertEqual([json.loads(line[4:])['id'] for line in lines], [id])
        self.assertEqual(self.receive(url, 0), [])

    def test_a_topic(self):
        sns = self.client('sns')
        rule = self.rule()
        topic = sns.create_topic(Name='t')['TopicArn']
        url, queue = self.queue('q', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [{
            'Effect': 'Allow', 'Principal': {'Service': 'sns.amazonaws.com'}, 'Action': 'sqs:SendMessage', 'Resource': '*'}]}))
        sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=queue, Attributes={'RawMessageDelivery': 'true'})
        dead_url, dead = self.open_queue('dead', rule)
        self.targets({'Id': 't', 'Arn': topic, 'DeadLetterConfig': {'Arn': dead}})
        self.put({'n': 1})
        self.assertEqual(self.receive(dead_url)[0]['MessageAttributes']['ERROR_CODE']['StringValue'], 'NO_PERMISSIONS')
        sns.set_topic_attributes(TopicArn=topic, AttributeName='Policy', AttributeValue=allow('sns:Publish', topic, ArnEquals={'aws:SourceArn': rule}))
        id = self.put({'n': 2})
        self.assertEqual([json.loads(b)['id'] for b in self.bodies(url)], [id])
        self.assertEqual(self.receive(dead_url, 0), [])

    def test_a_fifo_queue(self):
        self.rule()
        arn = f'arn:aws:sqs:{R}:{A}:q.fifo'
        url, queue = self.queue('q.fifo', FifoQueue='true', ContentBasedDeduplication='true', Policy=allow('sqs:SendMessage', arn))
        self.targets({'Id': 't', 'Arn': queue, 'SqsParameters': {'MessageGroupId': 'g'}, 'InputPath': '$.detail'})
        for n in range(3):
            self.put({'n': n})
        got = self.receive(url, 3)
        self.assertEqual([(m['Body'], m['Attributes']['MessageGroupId']) for m in got], [(f'{{"n":{n}}}', 'g') for n in range(3)])

    def test_metrics(self):
        self.events.create_event_bus(Name='b')
        url, dead = self.open_queue('dead')
        queue = f'arn:aws:sqs:{R}:{A}:'
        for bus in (None, 'b'):
            self.rule(bus=bus)
            self.targets({'Id': 'ok', 'Arn': dead}, {'Id': 'gone', 'Arn': queue + 'no', 'DeadLetterConfig': {'Arn': dead}},
                         {'Id': 'lost', 'Arn': queue + 'no', 'DeadLetterConfig': {'Arn': queue + 'no'}}, bus=bus)
        self.put()
        self.put(EventBusName='b')
        now = datetime.datetime.fromisoformat(self.clock()['now'].replace('Z', '+00:00'))
        for dimensions in ({'RuleName': 'r'}, {'RuleName': 'r', 'EventBusName': 'b'}):
            for name, want in (('MatchedEvents', 1), ('TriggeredRules', 1), ('Invocations', 3), ('FailedInvocations', 2), ('InvocationsSentToDlq', 1),
                               ('InvocationsFailedToBeSentToDlq', 1)):
                points = self.client('cloudwatch').get_metric_statistics(
                    Namespace='AWS/Events', MetricName=name, Dimensions=[{'Name': k, 'Value': v} for k, v in dimensions.items()],
                    StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5), Period=3600, Statistics=['Sum'])['Datapoints']
                self.assertEqual(sum(p['Sum'] for p in points), want, (dimensions, name))

    def test_a_log_group(self):
        logs = self.client('logs')
        self.rule()
        arn = f'arn:aws:logs:{R}:{A}:log-group:/aws/events/x'
        url, dead = self.open_queue('dead')
        self.targets({'Id': 't', 'Arn': arn, 'DeadLetterConfig': {'Arn': dead}})
        self.put({'n': 1})
        logs.create_log_group(logGroupName='/aws/events/x')
        self.put({'n': 2})
        self.assertEqual([m['MessageAttributes']['ERROR_CODE']['StringValue'] for m in self.receive(url, 2)], ['NO_RESOURCE', 'NO_PERMISSIONS'])
        logs.put_resource_policy(policyName='p', policyDocument=allow(['logs:CreateLogStream', 'logs:PutLogEvents'],
                                                                      f'arn:aws:logs:{R}:{A}:log-group:/aws/events/*:*'))
        id = self.put({'n': 3})
        event, = logs.filter_log_events(logGroupName='/aws/events/x')['events']
        self.assertEqual(json.loads(event['message'])['id'], id)
        self.assertEqual(self.receive(url, 0), [])

    def test_another_bus(self):
        e = self.events
        for name in 'bc':
            e.create_event_bus(Name=name)
        url, queue = self.open_queue('q')
        may = self.role('may', [{'Effect': 'Allow', 'Action': 'events:PutEvents', 'Resource': EVENTS + 'event-bus/*'}])
        may_not = self.role('may-not', False)
        dead_url, dead = self.open_queue('dead')
        self.rule()
        self.targets({'Id': 't', 'Arn': EVENTS + 'event-bus/b', 'RoleArn': may_not, 'DeadLetterConfig': {'Arn': dead}})
        self.rule(bus='b')
        self.targets({'Id': 'q', 'Arn': queue}, {'Id': 'c', 'Arn': EVENTS + 'event-bus/c', 'RoleArn': may}, bus='b')
        self.rule(bus='c')
        self.targets({'Id': 'q', 'Arn': queue, 'Input': '"from c"'}, bus='c')
        self.put({'n': 1})
        message, = self.receive(dead_url)
        self.assertEqual(message['MessageAttributes']['ERROR_CODE']['StringValue'], 'NO_PERMISSIONS')
        self.assertEqual(self.receive(url, 0), [])
        self.targets({'Id': 't', 'Arn': EVENTS + 'event-bus/b', 'RoleArn': may})
        id = self.put({'n': 2})
        body, = self.bodies(url)
        self.assertEqual((json.loads(body)['id'], json.loads(body)['detail']), (id, {'n': 2}))
        self.assertEqual(self.receive(url, 0), [])           # not on to a third bus
        self.put({'n': 3}, EventBusName='b')                 # from b itself it is the first hop
        self.assertEqual(sorted(b[:8] for b in self.bodies(url, 2)), ['"from c"', '{"versio'])

    def test_rules_that_feed_their_own_bus_end(self):
        url, queue = self.open_queue('q')
        role = self.role('r', [{'Effect': 'Allow', 'Action': 'events:PutEvents', 'Resource': '*'}])
        self.rule()
        self.targets({'Id': 'self', 'Arn': EVENTS + 'event-bus/default', 'RoleArn': role}, {'Id': 'q', 'Arn': queue})
        self.put()
        self.assertEqual(len(self.receive(url, 2)), 2)
        self.assertEqual(self.receive(url, 0), [])


class DeadLetters(EventsCase):
    def test_whole_attributes(self):
        rule = self.rule()
        url, dead = self.open_queue('dead', rule)
        _, closed = self.queue('closed')
        self.targets({'Id': 'gone', 'Arn': closed + 'x', 'DeadLetterConfig': {'Arn': dead}, 'Input': '"transformed"'},
                     {'Id': 'closed', 'Arn': closed, 'DeadLetterConfig': {'Arn': dead}})
        id = self.put({'n': 1}, Resources=['res'])
        messages = self.receive(url, 2)
        body = {'version': '0', 'id': id, 'detail-type': 'Thing', 'source': 'my.app', 'account': A, 'region': R, 'resources': ['res'], 'detail': {'n': 1}}
        for message, target, code, reason in zip(messages, (closed + 'x', closed), ('NO_RESOURCE', 'NO_PERMISSIONS'), (
                'the target does not exist',
                f'the target has no policy: nothing allows events.amazonaws.com to do sqs:SendMessage here for {rule}')):
            got = json.loads(message['Body'])
            self.assertRegex(got.pop('time'), r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
            self.assertEqual(got, body)
            self.assertEqual(message['MessageAttributes'], {k: {'StringValue': v, 'DataType': 'String'} for k, v in {
                'RULE_ARN': rule, 'TARGET_ARN': target, 'ERROR_CODE': code, 'ERROR_MESSAGE': reason, 'RETRY_ATTEMPTS': '0'}.items()})

    def test_the_queue_must_allow_it(self):
        self.rule()
        url, dead = self.queue('dead')
        self.targets({'Id': 't', 'Arn': dead + 'x', 'DeadLetterConfig': {'Arn': dead}})
        self.put()
        self.assertEqual(self.receive(url, 0), [])

    def test_only_the_rule_that_is_named(self):
        """Conditions on aws:SourceArn and aws:SourceAccount hold."""
        arn = self.rule('named')
        self.rule('other')
        url, queue = self.open_queue('q', arn)
        for name in ('named', 'other'):
            self.targets({'Id': 't', 'Arn': queue, 'Input': json.dumps(name)}, rule=name)
        self.put()
        self.assertEqual(self.bodies(url), ['"named"'])
        self.assertEqual(self.receive(url, 0), [])


class Schedules(EventsCase):
    def test_rate(self):
        url, queue = self.open_queue('q')
        arn = self.rule('tick', None, ScheduleExpression='rate(5 minutes)')
        self.targets({'Id': 't', 'Arn': queue}, rule='tick')
        self.advance(4 * 60000)
        self.assertEqual(self.receive(url, 0), [])
        self.advance(60000)
        body = json.loads(self.bodies(url)[0])
        self.assertRegex(body.pop('id'), UUID)
        self.assertRegex(body.pop('time'), r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        self.assertEqual(body, {'version': '0', 'detail-type': 'Scheduled Event', 'source': 'aws.events', 'account': A, 'region': R,
                                'resources': [arn], 'detail': {}})
        self.advance(3 * 3600000)                            # many periods: one event
        self.assertEqual(len(self.receive(url, 1)), 1)
        self.assertEqual(self.receive(url, 0), [])
        self.events.disable_rule(Name='tick')
        self.advance(3600000)
        self.assertEqual(self.receive(url, 0), [])
        self.events.enable_rule(Name='tick')                 # and counts anew
        self.advance(4 * 60000)
        self.assertEqual(self.receive(url, 0), [])
        self.advance(60000)
        self.assertEqual(len(self.receive(url, 1)), 1)

    def test_settle_does_not_walk_to_it(self):
        url, queue = self.open_queue('q')
        self.rule('tick', None, ScheduleExpression='rate(1 minute)')
        self.targets({'Id': 't', 'Arn': queue}, rule='tick')
        self.settle(advance=True)
        self.assertEqual(self.receive(url, 0), [])

    def test_cron(self):
        url, queue = self.open_queue('q')
        self.rule('noon', None, ScheduleExpression='cron(0 12 * * ? *)')
        self.targets({'Id': 't', 'Arn': queue}, rule='noon')
        now = datetime.datetime.fromisoformat(self.clock()['now'].replace('Z', '+00:00'))
        noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
        if noon <= now:
            noon += datetime.timedelta(days=1)
        wait = int((noon - now).total_seconds() * 1000)
        if wait > 20000:
            self.advance(wait - 10000)
            self.assertEqual(self.receive(url, 0), [])
        self.advance(20000)
        self.assertEqual(len(self.receive(url, 1)), 1)


class Patterns(EventsCase):
    EVENT = {'id': '1', 'account': A, 'source': 's', 'time': '2026-01-01T00:00:00Z', 'region': R, 'resources': [], 'detail-type': 'd', 'detail': {'n': 1}}

    def test_event_pattern(self):
        test = self.events.test_event_pattern
        self.assertTrue(test(EventPattern='{"detail":{"n":[1]}}', Event=json.dumps(self.EVENT))['Result'])
        self.assertFalse(test(EventPattern='{"detail":{"n":[2]}}', Event=json.dumps(self.EVENT))['Result'])
        for event in ('[]', 'x', '{}', json.dumps({k: v for k, v in self.EVENT.items() if k != 'region'})):
            self.assertFault('ValidationException', test, EventPattern='{"a":[1]}', Event=event, message='Parameter Event is not valid.')
        self.assertFault('InvalidEventPatternException', test, EventPattern='{"a":[]}', Event=json.dumps(self.EVENT),
                         message=re.compile('^Event pattern is not valid. Reason: Empty arrays are not allowed'))


class Tools(EventsCase):
    def test_as_terraform_does(self):
        """Each resource ends with a read; deleting goes target, rule, bus."""
        e = self.events
        arn = e.create_event_bus(Name='b', Tags=[])['EventBusArn']
        self.assertEqual(e.describe_event_bus(Name='b')['Arn'], arn)
        self.assertEqual(e.list_tags_for_resource(ResourceARN=arn)['Tags'], [])
        rule = self.rule('r', bus='b', State='ENABLED')
        self.assertEqual(e.describe_rule(Name='r', EventBusName='b')['Arn'], rule)
        self.assertEqual(e.list_tags_for_resource(ResourceARN=rule)['Tags'], [])
        self.targets({'Id': 't', 'Arn': f'arn:aws:sqs:{R}:{A}:q'}, bus='b')
        self.assertEqual(len(e.list_targets_by_rule(Rule='r', EventBusName='b')['Targets']), 1)
        e.remove_targets(Rule='r', EventBusName='b', Ids=['t'], Force=False)
        e.delete_rule(Name='r', EventBusName='b', Force=False)
        self.assertFault('ResourceNotFoundException', e.describe_rule, Name='r', EventBusName='b', message='Rule r does not exist on EventBus b.')
        e.delete_event_bus(Name='b')
        self.assertFault('ResourceNotFoundException', e.describe_event_bus, Name='b')

    def test_the_cli(self):
        url, queue = self.open_queue('q')
        self.assertEqual(self.aws('events', 'put-rule', '--name', 'r', '--event-pattern', PATTERN), {'RuleArn': EVENTS + 'rule/r'})
        self.assertEqual(self.aws('events', 'put-targets', '--rule', 'r', '--targets', f'Id=t,Arn={queue}'), {'FailedEntryCount': 0, 'FailedEntries': []})
        got = self.aws('events', 'put-events', '--entries', json.dumps([{'Source': 'my.app', 'DetailType': 'x', 'Detail': '{"a":1}'}]))
        self.assertEqual(json.loads(self.bodies(url)[0])['id'], got['Entries'][0]['EventId'])
        self.assertEqual(self.aws('events', 'list-targets-by-rule', '--rule', 'r'), {'Targets': [{'Id': 't', 'Arn': queue}]})
        failed = self.run_aws('events', 'describe-rule', '--name', 'nobody')
        self.assertEqual(failed.returncode, 254)
        self.assertIn('(ResourceNotFoundException) when calling the DescribeRule operation: Rule nobody does not exist on EventBus default.', failed.stderr)

    def test_a_lambda_destination(self):
        """Source lambda, two resources in order, the record as detail."""
        url, queue = self.open_queue('q')
        self.events.create_event_bus(Name='b')
        bus = EVENTS + 'event-bus/b'
        self.rule('all', '{"source":["lambda"]}', bus='b')
        self.targets({'Id': 't', 'Arn': queue}, rule='all', bus='b')
        function = self.function('f', 'def handler(event, context):\n    if event: raise ValueError("no")\n')['FunctionArn']
        self.client('lambda').put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=0, DestinationConfig={
            'OnSuccess': {'Destination': bus}, 'OnFailure': {'Destination': bus}})
        for payload, word in (('{}', 'Success'), ('{"x":1}', 'Failure')):
            id = self.event('f', payload)
            self.settle()
            got = json.loads(self.bodies(url)[0])
            self.assertRegex(got['id'], UUID)
            self.assertEqual((got['source'], got['detail-type'], got['account'], got['region'], got['resources']),
                             ('lambda', f'Lambda Function Invocation Result - {word}', A, R, [bus, function + ':$LATEST']))
            self.assertEqual((got['detail']['requestContext']['requestId'], got['detail']['requestPayload']), (id, json.loads(payload)))
            sent = self.journey(id)['steps'][-1]
            self.assertEqual((sent['step'], sent['target'], sent['id']), ('sent', bus, got['id']))
        self.client('events').remove_targets(Rule='all', EventBusName='b', Ids=['t'])
        self.client('events').delete_rule(Name='all', EventBusName='b')
        self.client('events').delete_event_bus(Name='b')
        id = self.event('f')
        self.settle()
        self.assertEqual(self.steps(id)[-1], 'refused')


class Durable(support.DataCase):
    """What was put is there again after the server was killed; a schedule does not fire twice."""

    def test_killed(self):
        arn = f'arn:aws:sqs:{R}:{A}:q'
        url, queue = self.queue('q', Policy=allow('sqs:SendMessage', arn))
        events, logs = self.client('events'), self.client('logs')
        events.create_event_bus(Name='b', Tags=[{'Key': 'a', 'Value': 'b'}])
        events.put_permission(EventBusName='b', Action='events:PutEvents', Principal='111111111111', StatementId='s')
        target = {'Id': 't', 'Arn': queue, 'InputTransformer': {'InputPathsMap': {'x': '$.detail.x'}, 'InputTemplate': '"x is <x>"'}}
        events.put_rule(Name='r', EventBusName='b', EventPattern=PATTERN, Description='d')
        events.put_targets(Rule='r', EventBusName='b', Targets=[target])
        events.put_rule(Name='tick', ScheduleExpression='rate(1 hour)')
        events.put_targets(Rule='tick', Targets=[{'Id': 't', 'Arn': queue, 'Input': '"tick"'}])
        logs.put_resource_policy(policyName='p', policyDocument=allow('logs:PutLogEvents', '*'))
        before = [events.describe_event_bus(Name='b'), events.describe_rule(Name='r', EventBusName='b'),
                  events.list_tags_for_resource(ResourceARN=EVENTS + 'event-bus/b'), logs.describe_resource_policies()]
        self.advance(3600000)
        self.assertEqual([m['Body'] for m in self.receive(url)], ['"tick"'])
        old = self.server
        old.kill()
        self.assertEqual(old.complaints(()), [])
        old.remove()
        self.start_server()
        events, logs = self.client('events'), self.client('logs')
        url = self.client('sqs').get_queue_url(QueueName='q')['QueueUrl']
        after = [events.describe_event_bus(Name='b'), events.describe_rule(Name='r', EventBusName='b'),
                 events.list_tags_for_resource(ResourceARN=EVENTS + 'event-bus/b'), logs.describe_resource_policies()]
        for reply in before + after:
            del reply['ResponseMetadata']
        self.assertEqual(after, before)
        self.assertEqual(events.list_targets_by_rule(Rule='r', EventBusName='b')['Targets'], [target])
        self.assertEqual(self.receive(url, 0), [])
        events.put_events(Entries=[{'Source': 'my.app', 'DetailType': 'd', 'Detail': '{"x":"y"}', 'EventBusName': 'b'}])
        self.assertEqual([m['Body'] for m in self.receive(url)], ['"x is y"'])
        self.advance(3600000)
        self.assertEqual([m['Body'] for m in self.receive(url)], ['"tick"'])


if __name__ == '__main__':
    support.main()
