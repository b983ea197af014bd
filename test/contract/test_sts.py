#!/usr/bin/python3
"""STS: who am I, and what becomes of me as a role; the credentials it mints are used against other services."""
import datetime
import json

import support

ACCOUNT = support.ACCOUNT
ROOT = f'arn:aws:iam::{ACCOUNT}:root'
ANYBODY = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': ACCOUNT}, 'Action': 'sts:AssumeRole'}]}


def body(reply):
    return {k: v for k, v in reply.items() if k != 'ResponseMetadata'}


class Sts(support.ServerCase):
    def setUp(self):
        super().setUp()
        self.sts = self.client('sts')
        self.iam = self.client('iam')

    def make(self, name, *statements, trust=ANYBODY, **kw):
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **kw)['Role']['Arn']
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName='p', PolicyDocument=json.dumps(
                {'Version': '2012-10-17', 'Statement': list(statements)}))
        return arn

    def as_role(self, service, arn, **kw):
        c = self.sts.assume_role(RoleArn=arn, RoleSessionName='me', **kw)['Credentials']
        return self.client(service, key=c['AccessKeyId'], token=c['SessionToken'])

    def test_identity(self):
        self.assertEqual(body(self.sts.get_caller_identity()), {'UserId': ACCOUNT, 'Account': ACCOUNT, 'Arn': ROOT})
        self.assertEqual(body(self.client('sts', key='111111111111').get_caller_identity()),
                         {'UserId': '111111111111', 'Account': '111111111111', 'Arn': 'arn:aws:iam::111111111111:root'})
        status, _, xml = self.query('sts', {'Action': 'GetCallerIdentity', 'Version': '2011-06-15'})
        self.assertEqual(status, 200)
        self.assertTrue(xml.decode().startswith('<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'), xml)

    def test_assume_role(self):
        arn = self.make('ops', Path='/deep/')
        reply = self.sts.assume_role(RoleArn=arn, RoleSessionName='me', DurationSeconds=900)
        c = reply['Credentials']
        self.assertRegex(c['AccessKeyId'], r'\AASIA[A-Z2-7]{16}\Z')
        self.assertEqual(len(c['SecretAccessKey']), 40)
        left = c['Expiration'] - datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(datetime.timedelta(seconds=880) < left <= datetime.timedelta(seconds=900), left)
        role_id = self.iam.get_role(RoleName='ops')['Role']['RoleId']
        session = f'arn:aws:sts::{ACCOUNT}:assumed-role/ops/me'
        self.assertEqual(body(reply), {'Credentials': c, 'AssumedRoleUser': {'AssumedRoleId': f'{role_id}:me', 'Arn': session}})
        me = self.client('sts', key=c['AccessKeyId'], token=c['SessionToken'])
        self.assertEqual(body(me.get_caller_identity()), {'UserId': f'{role_id}:me', 'Account': ACCOUNT, 'Arn': session})
        self.assertEqual(self.sts.get_access_key_info(AccessKeyId=c['AccessKeyId'])['Account'], ACCOUNT)
        self.assertFault('AccessDenied', me.get_session_token, message='Cannot call GetSessionToken with session credentials', status=403)

    def test_refused(self):
        arn = self.make('fn', trust=support.TRUST_LAMBDA)
        for role in (arn, arn + '-not-there'):
            self.assertFault('AccessDenied', self.sts.assume_role, status=403, RoleArn=role, RoleSessionName='me',
                             message=f'User: {ROOT} is not authorized to perform: sts:AssumeRole on resource: {role}')
        self.assertFault('ValidationError', self.sts.assume_role, message='no-arn-at-all-but-long is invalid', status=400,
                         RoleArn='no-arn-at-all-but-long', RoleSessionName='me')
        short = self.make('short')
        self.assertFault('ValidationError', self.sts.assume_role, status=400, RoleArn=short, RoleSessionName='me', DurationSeconds=3601,
                         message='The requested DurationSeconds exceeds the MaxSessionDuration set for this role.')

    def test_a_role_may_what_its_policies_allow(self):
        url, queue = self.queue('orders')
        arn = self.make('sender', {'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': queue})
        sqs = self.as_role('sqs', arn)
        sqs.send_message(QueueUrl=url, MessageBody='x')
        session = f'arn:aws:sts::{ACCOUNT}:assumed-role/sender/me'
        with self.assertRaises(support.ClientError) as e:
            sqs.receive_message(QueueUrl=url)
        error = e.exception.response['Error']
        self.assertEqual(error['Message'], f'User: {session} is not authorized to perform: sqs:receivemessage on resource: {queue} '
                         'because no identity-based policy allows the sqs:receivemessage action')
        self.iam.put_role_policy(RoleName='sender', PolicyName='q', PolicyDocument=json.dumps(
            {'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*'}}))
        self.assertEqual(sqs.receive_message(QueueUrl=url)['Messages'][0]['Body'], 'x')

    def test_each_protocol_denies_in_its_own_way(self):
        arn = self.make('nothing')
        session = f'arn:aws:sts::{ACCOUNT}:assumed-role/nothing/me'
        name = f'arn:aws:lambda:us-east-1:{ACCOUNT}:function:nope'
        self.assertFault('AccessDeniedException', self.as_role('lambda', arn).get_function, status=403, FunctionName='nope',
                         message=f'User: {session} is not authorized to perform: lambda:GetFunction on resource: {name} because no '
                                 'identity-based policy allows the lambda:GetFunction action')
        with self.assertRaises(support.ClientError) as e:
            self.as_role('logs', arn).describe_log_groups()
        self.assertEqual((e.exception.response['Error']['Code'], e.exception.response['ResponseMetadata']['HTTPStatusCode']),
                         ('AccessDeniedException', 400))
        self.assertFault('AccessDenied', self.as_role('iam', arn).list_policies, status=403,
                         message=f'User: {session} is not authorized to perform: iam:ListPolicies on resource: * because no '
                                 'identity-based policy allows the iam:ListPolicies action')

    def test_session_policy_narrows(self):
        url, queue = self.queue('narrow')
        arn = self.make('wide', {'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*'})
        policy = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'sqs:Receive*', 'Resource': '*'}})
        sqs = self.as_role('sqs', arn, Policy=policy)
        sqs.receive_message(QueueUrl=url)
        with self.assertRaises(support.ClientError) as e:
            sqs.send_message(QueueUrl=url, MessageBody='x')
        self.assertTrue(e.exception.response['Error']['Message'].endswith('because no session policy allows the sqs:sendmessage action'))

    def test_session_tags(self):
        trust = json.loads(json.dumps(ANYBODY))
        arn = self.make('untagged', trust=trust)
        tags = [{'Key': 'team', 'Value': 'blue'}]
        self.assertFault('AccessDenied', self.sts.assume_role, status=403, RoleArn=arn, RoleSessionName='me', Tags=tags,
                         message=f'User: {ROOT} is not authorized to perform: sts:TagSession on resource: {arn}')
        trust['Statement'][0]['Action'] = ['sts:AssumeRole', 'sts:TagSession']
        arn = self.make('tagged', {'Effect': 'Allow', 'Action': 'iam:GetRole', 'Resource': '*',
                                   'Condition': {'StringEquals': {'aws:PrincipalTag/team': 'blue'}}}, trust=trust)
        self.assertEqual(self.as_role('iam', arn, Tags=tags).get_role(RoleName='tagged')['Role']['Arn'], arn)
        self.assertFault('AccessDenied', self.as_role('iam', arn).get_role, status=403, RoleName='tagged')

    def test_forged_and_over(self):
        arn = self.make('brief')
        c = self.sts.assume_role(RoleArn=arn, RoleSessionName='me', DurationSeconds=900)['Credentials']
        for token in (None, 'bm90IG91cnM='):
            forged = self.client('sts', key=c['AccessKeyId'], token=token)
            self.assertFault('InvalidClientTokenId', forged.get_caller_identity, status=403,
                             message='The security token included in the request is invalid.')
        self.advance(900_000)
        late = self.client('sts', key=c['AccessKeyId'], token=c['SessionToken'])
        self.assertFault('ExpiredToken', late.get_caller_identity, status=403,
                         message='The security token included in the request is expired')

    def test_what_cannot_be_judged_is_denied(self):
        """A key AWS fills in and Waybill does not: a Deny that hangs on it is no Deny that is silently left out."""
        for i, (action, operator, key) in enumerate((('s3:ListBucket', 'StringLike', 's3:prefix'), ('s3:PutObject', 'Null', 's3:x-amz-acl'),
                                                     ('sns:Subscribe', 'StringEquals', 'sns:Protocol'), ('sqs:*', 'StringEquals', 'aws:ResourceTag/x'))):
            effects = ('Allow', '*', {}), ('Deny', action, {'Condition': {operator: {key: 'false' if operator == 'Null' else 'x'}}})
            arn = self.make(f'unjudged{i}', *({'Effect': effect, 'Action': what, 'Resource': '*', **more} for effect, what, more in effects))
            calls = {'s3:ListBucket': lambda: self.as_role('s3', arn).list_objects_v2(Bucket='unjudged'),
                     's3:PutObject': lambda: self.as_role('s3', arn).put_object(Bucket='unjudged', Key='k', ACL='private'),
                     'sns:Subscribe': lambda: self.as_role('sns', arn).subscribe(TopicArn=f'arn:aws:sns:us-east-1:{ACCOUNT}:t', Protocol='http',
                                                                                 Endpoint='http://127.0.0.1:9/'),
                     'sqs:*': lambda: self.as_role('sqs', arn).list_queues()}
            if i == 0:
                self.client('s3').create_bucket(Bucket='unjudged')
                self.client('sns').create_topic(Name='t')
            with self.assertRaises(support.ClientError) as caught:
                calls[action]()
            self.assertIn('with an explicit deny', caught.exception.response['Error']['Message'])

    def test_a_session_ends_with_its_role(self):
        """Deleting a role takes its rights away, and does not make its sessions the account's operators; a new role of the
        same name is another one."""
        deletes = {'Effect': 'Allow', 'Action': 'iam:DeleteRole*', 'Resource': '*'}
        who = self.as_role('iam', self.make('ends', deletes))
        who.delete_role_policy(RoleName='ends', PolicyName='p')
        self.assertFault('AccessDenied', who.delete_role, RoleName='ends')
        self.iam.delete_role(RoleName='ends')
        self.assertFault('InvalidClientTokenId', who.list_roles, message='The security token included in the request is invalid.', status=403)
        arn = self.make('ends', support.ALLOW_ALL['Statement'][0])
        self.assertFault('InvalidClientTokenId', who.list_roles)
        self.as_role('iam', arn).list_roles()

    def test_session_token(self):
        c = self.sts.get_session_token(DurationSeconds=900)['Credentials']
        me = self.client('sts', key=c['AccessKeyId'], token=c['SessionToken'])
        self.assertEqual(body(me.get_caller_identity()), {'UserId': ACCOUNT, 'Account': ACCOUNT, 'Arn': ROOT})

    def test_function_credentials(self):
        """A function's environment holds a session of its role, named as the function."""
        role = self.role('fnrole', [{'Effect': 'Allow', 'Action': 'logs:*', 'Resource': '*'}])
        self.function('who', 'import os\ndef handler(e, c): return [os.environ[k] for k in '
                      '("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN")]', Role=role)
        key, token = self.invoke('who')[1]
        identity = self.client('sts', key=key, token=token).get_caller_identity()
        self.assertEqual(identity['Arn'], f'arn:aws:sts::{ACCOUNT}:assumed-role/fnrole/who')


if __name__ == '__main__':
    support.main()
