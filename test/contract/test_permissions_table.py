#!/usr/bin/python3
"""Who may come, and from where: five services, asked by an account's operator and by a role session, about what lies in
their own account and in another, with and without a word of the caller's policies and of the resource's.

AWS's rule (IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic"): in one account either
side's Allow is enough; from another account both sides must allow; the operator stands for its account, so its own side
always allows, and in another account the resource must."""
import itertools
import json

import support
from support import ClientError

OWN, FOREIGN = '111111111111', '222222222222'
SERVICES = ('lambda', 'sqs', 'sns', 'events', 's3')
DENIED = {'lambda': 'AccessDeniedException', 'sqs': 'AccessDenied', 'sns': 'AuthorizationError',
          'events': 'AccessDeniedException', 's3': 'AccessDenied'}
ACTIONS = {'lambda': 'lambda:InvokeFunction', 'sqs': 'sqs:SendMessage', 'sns': 'sns:Publish', 'events': 'events:PutEvents',
           's3': 's3:PutObject'}
ENTRY = {'Source': 'a', 'DetailType': 'b', 'Detail': '{}'}
TRUST = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:AssumeRole'}]}
SESSIONS = ('wide', 'bare')


def role_arn(name, account=OWN):
    return f'arn:aws:iam::{account}:role/{name}'


def root(account=OWN):
    return f'arn:aws:iam::{account}:root'


def expected(who, where, identity, resource):
    identity = identity or who == 'operator'
    return identity or resource if where == OWN else identity and resource


class World(support.ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sessions = {}
        iam, sts = cls.client('iam', key=OWN), cls.client('sts', key=OWN)
        for name in SESSIONS:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
            cls.sessions[name] = sts.assume_role(RoleArn=role_arn(name), RoleSessionName='who')['Credentials']
        iam.put_role_policy(RoleName='wide', PolicyName='p', PolicyDocument=json.dumps(support.ALLOW_ALL))

    @classmethod
    def as_role(cls, service, name):
        k = cls.sessions[name]
        return cls.client(service, key=k['AccessKeyId'], secret=k['SecretAccessKey'], token=k['SessionToken'])

    # ---- one resource of each service, named by its ARN ----

    @classmethod
    def make(cls, service, account, name):
        owner = cls.client(service, key=account)
        if service == 'lambda':
            return cls.make_function(owner, name, role_arn('any', account))
        if service == 'sqs':
            owner.create_queue(QueueName=name)
            return f'arn:aws:sqs:{support.REGION}:{account}:{name}'
        if service == 'sns':
            return owner.create_topic(Name=name)['TopicArn']
        if service == 'events':
            return owner.create_event_bus(Name=name)['EventBusArn']
        owner.create_bucket(Bucket=f'{name}-{account}')
        return f'arn:aws:s3:::{name}-{account}'

    @classmethod
    def make_function(cls, owner, name, role):
        arn = owner.create_function(FunctionName=name, Runtime='python3.12', Handler='index.handler', Role=role, Code={
            'ZipFile': support.make_zip({'index.py': 'def handler(e, c): return e\n'})})['FunctionArn']
        support.wait_until(lambda: owner.get_function_configuration(FunctionName=name)['State'] == 'Active', 60, what=f'{arn} Active')
        return arn

    @classmethod
    def queue_url(cls, arn):
        account, name = arn.split(':')[4:]
        return f'{cls.endpoint}/{account}/{name}'

    @classmethod
    def policy(cls, service, account, arn, statements):
        """Puts a resource policy on it.  statements: (effect, principals, action or None for the table's)."""
        owner = cls.client(service, key=account)
        target = arn + '/*' if service == 's3' else arn
        text = json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Sid': f's{i}', 'Effect': effect, 'Principal': {'AWS': who}, 'Action': action or ACTIONS[service],
             'Resource': target if not action or service != 's3' else [arn, target]}
            for i, (effect, who, action) in enumerate(statements)]})
        if service == 'lambda':
            for i, (effect, who, action) in enumerate(statements):
                assert effect == 'Allow', 'AddPermission makes no Deny'
                for n, one in enumerate(who):
                    owner.add_permission(FunctionName=arn, StatementId=f's{i}-{n}', Principal=one,
                                         Action=action or ACTIONS[service])
        elif service == 'sqs':
            owner.set_queue_attributes(QueueUrl=cls.queue_url(arn), Attributes={'Policy': text})
        elif service == 'sns':
            owner.set_topic_attributes(TopicArn=arn, AttributeName='Policy', AttributeValue=text)
        elif service == 'events':
            owner.put_permission(EventBusName=arn.rsplit('/', 1)[1], Policy=text)
        else:
            owner.put_bucket_policy(Bucket=arn.split(':::')[1], Policy=text)

    @classmethod
    def use(cls, service, client, arn):
        """Asks for the service's action on it; anything but an answer is an exception."""
        if service == 'lambda':
            client.invoke(FunctionName=arn, InvocationType='DryRun')
        elif service == 'sqs':
            client.send_message(QueueUrl=cls.queue_url(arn), MessageBody='m')
        elif service == 'sns':
            client.publish(TopicArn=arn, Message='m')
        elif service == 'events':
            assert client.put_events(Entries=[{**ENTRY, 'EventBusName': arn}])['FailedEntryCount'] == 0
        else:
            client.put_object(Bucket=arn.split(':::')[1], Key='k', Body=b'o')

    def denied(self, service, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response['Error']['Code'], DENIED[service], caught.exception)
        return caught.exception.response['Error']['Message']


class Table(World):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.arns = {}
        named = [role_arn(name) for name in SESSIONS] + [root()]
        for service, account in itertools.product(SERVICES, (OWN, FOREIGN)):
            for resource in (True, False):
                arn = cls.arns[service, account, resource] = cls.make(service, account, 'open' if resource else 'shut')
                if resource:
                    cls.policy(service, account, arn, [('Allow', named, None)])

    def answer(self, service, who, where, identity, resource):
        client = self.client(service, key=OWN) if who == 'operator' else self.as_role(service, 'wide' if identity else 'bare')
        try:
            self.use(service, client, self.arns[service, where, resource])
        except ClientError as e:
            return e.response['Error']['Code']
        return 'allowed'

    def test_eighty_rows(self):
        rows = list(itertools.product(SERVICES, ('operator', 'role'), (OWN, FOREIGN), (True, False), (True, False)))
        self.assertEqual(len(rows), 80)
        for service, who, where, identity, resource in rows:
            with self.subTest(f'{service}, {who}, {"own" if where == OWN else "foreign"}, identity {identity}, resource {resource}'):
                right = expected(who, where, identity, resource)
                self.assertEqual(self.answer(service, who, where, identity, resource), 'allowed' if right else DENIED[service])


class Rules(World):
    """What the table does not say."""

    def allowed(self, service, client, arn):
        with self.subTest(f'{service}: {arn}'):
            self.use(service, client, arn)

    def refused(self, service, client, arn):
        with self.subTest(f'{service}: {arn}'):
            self.denied(service, lambda: self.use(service, client, arn))

    def test_a_deny_wins(self):
        """Whatever else is allowed; AddPermission of a function can only allow."""
        for service, account in itertools.product(SERVICES[1:], (OWN, FOREIGN)):
            arn = self.make(service, account, 'denies')
            self.policy(service, account, arn, [('Allow', [role_arn('wide'), root()], None), ('Deny', [role_arn('wide'), root()], None)])
            self.refused(service, self.as_role(service, 'wide'), arn)
            if account == FOREIGN:
                self.refused(service, self.client(service, key=OWN), arn)

    def test_an_account_that_is_named_delegates(self):
        """Its root in a policy names nobody: the account's own policies say who."""
        for service, account in itertools.product(SERVICES, (OWN, FOREIGN)):
            arn = self.make(service, account, 'delegates')
            self.policy(service, account, arn, [('Allow', [root()], None)])
            self.allowed(service, self.as_role(service, 'wide'), arn)
            self.refused(service, self.as_role(service, 'bare'), arn)

    def test_another_account_than_the_one_named(self):
        for service in SERVICES:
            arn = self.make(service, FOREIGN, 'strangers')
            self.policy(service, FOREIGN, arn, [('Allow', [root('333333333333')], None)])
            self.refused(service, self.as_role(service, 'wide'), arn)
            self.refused(service, self.client(service, key=OWN), arn)
            self.allowed(service, self.client(service, key='333333333333'), arn)

    def test_permissions_that_the_services_write(self):
        arns = {service: self.make(service, FOREIGN, 'permits') for service in ('lambda', 'sqs', 'sns', 'events')}
        for service, arn in arns.items():
            self.refused(service, self.as_role(service, 'wide'), arn)
            self.refused(service, self.client(service, key=OWN), arn)
        self.client('lambda', key=FOREIGN).add_permission(FunctionName='permits', StatementId='s', Action='lambda:InvokeFunction', Principal=OWN)
        self.client('sqs', key=FOREIGN).add_permission(QueueUrl=self.queue_url(arns['sqs']), Label='s', AWSAccountIds=[OWN], Actions=['SendMessage'])
        self.client('sns', key=FOREIGN).add_permission(TopicArn=arns['sns'], Label='s', AWSAccountId=[OWN], ActionName=['Publish'])
        self.client('events', key=FOREIGN).put_permission(EventBusName='permits', StatementId='s', Action='events:PutEvents', Principal=OWN)
        for service, arn in arns.items():
            self.allowed(service, self.as_role(service, 'wide'), arn)
            self.allowed(service, self.client(service, key=OWN), arn)
            self.refused(service, self.as_role(service, 'bare'), arn)
        self.client('lambda', key=FOREIGN).remove_permission(FunctionName='permits', StatementId='s')
        self.refused('lambda', self.as_role('lambda', 'wide'), arns['lambda'])

    # ---- not only the table's action ----

    def managed(self, name, arns):
        """Operations on what is another account's, as that account's strangers spell them."""
        as_role, bucket, bus = self.as_role, arns['s3'].split(':::')[1], arns['events']
        return [('sns', as_role('sns', name).set_topic_attributes, dict(TopicArn=arns['sns'], AttributeName='DisplayName', AttributeValue='d')),
                ('sns', as_role('sns', name).get_topic_attributes, dict(TopicArn=arns['sns'])),
                ('sns', as_role('sns', name).list_subscriptions_by_topic, dict(TopicArn=arns['sns'])),
                ('sqs', as_role('sqs', name).get_queue_attributes, dict(QueueUrl=self.queue_url(arns['sqs']))),
                ('sqs', as_role('sqs', name).get_queue_url, dict(QueueName='managed', QueueOwnerAWSAccountId=FOREIGN)),
                ('sqs', as_role('sqs', name).receive_message, dict(QueueUrl=self.queue_url(arns['sqs']))),
                ('lambda', as_role('lambda', name).get_function, dict(FunctionName=arns['lambda'])),
                ('lambda', as_role('lambda', name).update_function_configuration, dict(FunctionName=arns['lambda'], Timeout=5)),
                ('events', as_role('events', name).describe_event_bus, dict(Name=bus)),
                ('events', as_role('events', name).list_rules, dict(EventBusName=bus)),
                ('s3', as_role('s3', name).list_objects_v2, dict(Bucket=bucket)),
                ('s3', as_role('s3', name).put_bucket_tagging, dict(Bucket=bucket, Tagging={'TagSet': []}))]

    def test_management(self):
        arns = {service: self.make(service, FOREIGN, 'managed') for service in SERVICES}
        for service, call, arguments in self.managed('wide', arns) + self.managed('bare', arns):
            with self.subTest(f'closed: {call.__name__}'):
                self.denied(service, call, **arguments)
        for service in SERVICES[1:]:
            self.policy(service, FOREIGN, arns[service], [('Allow', [role_arn('wide'), role_arn('bare')],
                        {'sns': ['sns:SetTopicAttributes', 'sns:GetTopicAttributes', 'sns:ListSubscriptionsByTopic']}.get(service, service + ':*'))])
        for i, action in enumerate(('lambda:GetFunction', 'lambda:UpdateFunctionConfiguration')):
            self.client('lambda', key=FOREIGN).add_permission(FunctionName='managed', StatementId=f's{i}', Action=action, Principal=OWN)
        for service, call, arguments in self.managed('bare', arns):
            with self.subTest(f'one side: {call.__name__}'):
                self.denied(service, call, **arguments)
        for service, call, arguments in self.managed('wide', arns):
            with self.subTest(f'both sides: {call.__name__}'):
                call(**arguments)

    def test_what_only_the_owner_may(self):
        """Developer guide of SQS, "Limitations of custom policies"; API reference of S3, PutBucketPolicy."""
        queue, bucket = self.make('sqs', FOREIGN, 'owned'), self.make('s3', FOREIGN, 'owned')
        for service, arn in (('sqs', queue), ('s3', bucket)):
            self.policy(service, FOREIGN, arn, [('Allow', [role_arn('wide'), root()], service + ':*')])
        for sqs in (self.as_role('sqs', 'wide'), self.client('sqs', key=OWN)):
            self.denied('sqs', sqs.set_queue_attributes, QueueUrl=self.queue_url(queue), Attributes={'VisibilityTimeout': '1'})
            self.denied('sqs', sqs.tag_queue, QueueUrl=self.queue_url(queue), Tags={'a': 'b'})
            self.denied('sqs', sqs.delete_queue, QueueUrl=self.queue_url(queue))
            sqs.purge_queue(QueueUrl=self.queue_url(queue))
            self.advance(61000)
        for s3 in (self.as_role('s3', 'wide'), self.client('s3', key=OWN)):
            for call, more in ((s3.get_bucket_policy, {}), (s3.put_bucket_policy, {'Policy': '{}'}), (s3.delete_bucket_policy, {})):
                with self.assertRaises(ClientError) as caught:
                    call(Bucket=bucket.split(':::')[1], **more)
                self.assertEqual(caught.exception.response['Error']['Code'], 'MethodNotAllowed', call.__name__)

    def test_rules_on_the_bus_of_another_account(self):
        bus = self.make('events', FOREIGN, 'ruled')
        events = self.as_role('events', 'wide')
        rule = dict(Name='r', EventBusName=bus, EventPattern='{"source":["a"]}')
        self.denied('events', events.put_rule, **rule)
        self.client('events', key=FOREIGN).put_permission(EventBusName='ruled', Policy=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Sid': 's', 'Effect': 'Allow', 'Principal': {'AWS': root()}, 'Action': ['events:PutRule', 'events:DescribeRule'],
             'Resource': f'arn:aws:events:{support.REGION}:{FOREIGN}:rule/ruled/*'}]}))
        self.assertEqual(events.put_rule(**rule)['RuleArn'], f'arn:aws:events:{support.REGION}:{FOREIGN}:rule/ruled/r')
        self.assertEqual(events.describe_rule(Name='r', EventBusName=bus)['Name'], 'r')
        self.denied('events', events.delete_rule, Name='r', EventBusName=bus)

    def test_a_message_goes_over(self):
        queue = self.make('sqs', FOREIGN, 'over')
        self.policy('sqs', FOREIGN, queue, [('Allow', [root()], None)])
        url = self.as_role('sqs', 'wide').send_message(QueueUrl=self.queue_url(queue), MessageBody='hello') and self.queue_url(queue)
        got = self.client('sqs', key=FOREIGN).receive_message(QueueUrl=url, AttributeNames=['SenderId'])['Messages']
        self.assertEqual([m['Body'] for m in got], ['hello'])
        self.assertTrue(got[0]['Attributes']['SenderId'].endswith(':who'))

    def test_batches_need_what_their_steps_need(self):
        """There is no action sqs:SendMessageBatch."""
        self.client('iam', key=OWN).put_role_policy(RoleName='bare', PolicyName='b', PolicyDocument=json.dumps({
            'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*'}]}))
        self.addCleanup(self.client('iam', key=OWN).delete_role_policy, RoleName='bare', PolicyName='b')
        url, sqs = self.queue_url(self.make('sqs', OWN, 'batch')), self.as_role('sqs', 'bare')
        self.assertEqual(len(sqs.send_message_batch(QueueUrl=url, Entries=[{'Id': '1', 'MessageBody': 'm'}])['Successful']), 1)
        said = self.denied('sqs', sqs.delete_message_batch, QueueUrl=url, Entries=[{'Id': '1', 'ReceiptHandle': 'h'}])
        self.assertIn('sqs:deletemessage on', said)

    def test_lists_are_of_the_callers_account(self):
        for service in SERVICES:
            for account in (OWN, FOREIGN):
                self.make(service, account, 'listed')
        wide = self.as_role
        self.assertNotIn(FOREIGN, str(wide('lambda', 'wide').list_functions()['Functions']))
        self.assertNotIn(FOREIGN, str(wide('sqs', 'wide').list_queues().get('QueueUrls')))
        self.assertNotIn(FOREIGN, str(wide('sns', 'wide').list_topics()['Topics']))
        self.assertNotIn(FOREIGN, str(wide('events', 'wide').list_event_buses()['EventBuses']))
        self.assertNotIn(FOREIGN, str(wide('s3', 'wide').list_buckets()['Buckets']))

    def test_the_words(self):
        queue, function = self.make('sqs', FOREIGN, 'words'), self.make('lambda', FOREIGN, 'words')
        who = f'arn:aws:sts::{OWN}:assumed-role/wide/who'
        said = self.denied('sqs', self.as_role('sqs', 'wide').send_message, QueueUrl=self.queue_url(queue), MessageBody='m')
        self.assertEqual(said, f'User: {who} is not authorized to perform: sqs:sendmessage on resource: {queue} because no '
                               'resource-based policy allows the sqs:sendmessage action')
        for arn in (function, function + 'missing'):         # whether it exists is not told
            said = self.denied('lambda', self.as_role('lambda', 'wide').invoke, FunctionName=arn)
            self.assertEqual(said, f'User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {arn} because '
                                   'no resource-based policy allows the lambda:InvokeFunction action')
        with self.assertRaises(ClientError) as caught:
            self.as_role('sqs', 'wide').send_message(QueueUrl=self.queue_url(queue + 'missing'), MessageBody='m')
        self.assertEqual(caught.exception.response['Error']['Code'], 'AWS.SimpleQueueService.NonExistentQueue')

    # ---- where a function's role goes ----

    def test_code_from_a_bucket_of_another_account(self):
        bucket = self.make('s3', FOREIGN, 'code')
        code = support.make_zip({'index.py': 'def handler(e, c): return e\n'})
        self.client('s3', key=FOREIGN).put_object(Bucket=f'code-{FOREIGN}', Key='k', Body=code)
        given = dict(Runtime='python3.12', Handler='index.handler', Role=role_arn('any'), Code={'S3Bucket': f'code-{FOREIGN}', 'S3Key': 'k'})
        for client in (self.client('lambda', key=OWN), self.as_role('lambda', 'wide')):
            self.denied('lambda', client.create_function, FunctionName='stolen', **given)
        self.policy('s3', FOREIGN, bucket, [('Allow', [root()], 's3:GetObject')])
        for i, client in enumerate((self.client('lambda', key=OWN), self.as_role('lambda', 'wide'))):
            client.create_function(FunctionName=f'lent{i}', **given)

    def test_a_role_is_passed(self):
        """Who may make functions and rules may not thereby do what every role may: iam:PassRole, for this role and service."""
        iam, sts = self.client('iam', key=OWN), self.client('sts', key=OWN)
        trust = json.loads(json.dumps(TRUST))
        trust['Statement'][0]['Principal']['Service'] = 'lambda.amazonaws.com'
        for name in ('maker', 'mighty'):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        who = sts.assume_role(RoleArn=role_arn('maker'), RoleSessionName='who')['Credentials']
        lambdas, events = (self.client(s, key=who['AccessKeyId'], secret=who['SecretAccessKey'], token=who['SessionToken'])
                           for s in ('lambda', 'events'))

        def may_pass(**more):
            statements = [{'Effect': 'Allow', 'Action': ['lambda:*', 'events:*'], 'Resource': '*'}]
            if more:
                statements.append({'Effect': 'Allow', 'Action': 'iam:PassRole', **more})
            iam.put_role_policy(RoleName='maker', PolicyName='p', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': statements}))

        def make(name, role='mighty'):
            return lambdas.create_function(FunctionName=name, Runtime='python3.12', Handler='index.handler', Role=role_arn(role),
                                           Code={'ZipFile': support.make_zip({'index.py': 'def handler(e, c): return e\n'})})

        may_pass()
        self.make_function(self.client('lambda', key=OWN), 'passed', role_arn('any'))
        events.put_rule(Name='passes', EventPattern='{"source":["s"]}')
        targets = dict(Rule='passes', Targets=[{'Id': 'a', 'Arn': f'arn:aws:sqs:{support.REGION}:{OWN}:q', 'RoleArn': role_arn('mighty')}])
        for role in ('mighty', 'unmade'):
            said = self.denied('lambda', make, name=f'with-{role}', role=role)
            self.assertEqual(said, f'User: arn:aws:sts::{OWN}:assumed-role/maker/who is not authorized to perform: iam:PassRole on resource: '
                                   f'{role_arn(role)} because no identity-based policy allows the iam:PassRole action')
        self.denied('lambda', lambdas.update_function_configuration, FunctionName='passed', Role=role_arn('mighty'))
        self.denied('events', events.put_targets, **targets)
        self.denied('events', events.put_rule, Name='passes', EventPattern='{"source":["s"]}', RoleArn=role_arn('mighty'))
        lambdas.update_function_configuration(FunctionName='passed', Timeout=5)
        may_pass(Resource=role_arn('mighty'), Condition={'StringEquals': {'iam:PassedToService': 'events.amazonaws.com'}})
        self.denied('lambda', make, name='for-events')
        self.assertEqual(events.put_targets(**targets)['FailedEntryCount'], 0)
        may_pass(Resource=role_arn('mighty'), Condition={'StringEquals': {'iam:PassedToService': 'lambda.amazonaws.com'}})
        make('for-lambda')
        self.denied('events', events.put_targets, **targets)

    def test_destinations_in_another_account(self):
        """The role's policies and the target's: at the put, and with each record."""
        iam, lambdas = self.client('iam', key=OWN), self.client('lambda', key=OWN)
        iam.create_role(RoleName='sender', AssumeRolePolicyDocument=json.dumps(support.TRUST_LAMBDA))
        iam.put_role_policy(RoleName='sender', PolicyName='p', PolicyDocument=json.dumps(support.ALLOW_ALL))
        self.make_function(lambdas, 'sends', role_arn('sender'))
        for service in SERVICES:
            arn = self.make(service, FOREIGN, 'target')
            put = dict(FunctionName='sends', DestinationConfig={'OnFailure': {'Destination': arn}})
            with self.subTest(service):
                with self.assertRaises(ClientError) as caught:
                    lambdas.put_function_event_invoke_config(**put)
                self.assertIn('does not have permissions to call', str(caught.exception))
                self.policy(service, FOREIGN, arn, [('Allow', [role_arn('sender')], 's3:*' if service == 's3' else None)])
                lambdas.put_function_event_invoke_config(**put)


if __name__ == '__main__':
    support.main()
