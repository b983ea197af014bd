#!/usr/bin/python3
"""IAM and STS: every member of a request shows an effect, or is refused by its name."""
import json
import re

import support
from noop import NoOpCase, shows

ACCOUNT = f'arn:aws:iam::{support.ACCOUNT}:'
GONE = 'NoSuchEntity'
INPUT = 'InvalidInput'
ALLOW = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]})
ONE = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:ListQueues', 'Resource': '*'}]})
TRUST = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': ACCOUNT + 'root'},
                                                 'Action': ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']}]}


class IamCase(NoOpCase):
    def iam(self, name, **params):
        return self.call('iam', name, **params)

    def no(self, code, naming, name, **params):
        self.refused(code, naming, 'iam', name, **params)

    def make_role(self, name='r', **more):
        return self.iam('CreateRole', RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)

    def make_policy(self, name='p', document=ONE, **more):
        self.iam('CreatePolicy', PolicyName=name, PolicyDocument=document, **more)
        return f'{ACCOUNT}policy{more.get("Path", "/")}{name}'

    def texts(self, xml, tag):
        return re.findall(f'<{tag}>(.*?)</{tag}>', xml, re.S)


class Names(IamCase):
    BY_ROLE = {'GetRole': {}, 'DeleteRole': {}, 'ListRoleTags': {}, 'ListRolePolicies': {}, 'ListAttachedRolePolicies': {},
               'ListInstanceProfilesForRole': {}, 'DeleteRolePermissionsBoundary': {}, 'DeleteServiceLinkedRole': {},
               'AttachRolePolicy': {'PolicyArn': ACCOUNT + 'policy/p'}, 'DetachRolePolicy': {'PolicyArn': ACCOUNT + 'policy/p'},
               'PutRolePolicy': {'PolicyName': 'p', 'PolicyDocument': ONE}, 'GetRolePolicy': {'PolicyName': 'p'},
               'DeleteRolePolicy': {'PolicyName': 'p'}, 'PutRolePermissionsBoundary': {'PermissionsBoundary': ACCOUNT + 'policy/p'},
               'TagRole': {'Tags': [{'Key': 'a', 'Value': 'b'}]}, 'UntagRole': {'TagKeys': ['a']},
               'UpdateAssumeRolePolicy': {'PolicyDocument': json.dumps(TRUST)}, 'UpdateRole': {}, 'UpdateRoleDescription': {'Description': 'd'}}
    BY_POLICY = {'GetPolicy': {}, 'DeletePolicy': {}, 'ListPolicyTags': {}, 'ListPolicyVersions': {}, 'ListEntitiesForPolicy': {},
                 'GetPolicyVersion': {'VersionId': 'v1'}, 'DeletePolicyVersion': {'VersionId': 'v1'}, 'SetDefaultPolicyVersion': {'VersionId': 'v1'},
                 'CreatePolicyVersion': {'PolicyDocument': ONE}, 'TagPolicy': {'Tags': [{'Key': 'a', 'Value': 'b'}]}, 'UntagPolicy': {'TagKeys': ['a']}}

    @shows('iam ' + '|'.join(BY_ROLE), 'RoleName', 'iam ' + '|'.join(BY_POLICY), 'PolicyArn', 'iam DetachRolePolicy', 'PolicyArn',
           'iam GetRolePolicy|DeleteRolePolicy', 'PolicyName', 'iam GetUser', 'UserName', 'iam GetServiceLinkedRoleDeletionStatus', 'DeletionTaskId',
           'iam GetPolicyVersion|DeletePolicyVersion|SetDefaultPolicyVersion', 'VersionId', 'iam AttachRolePolicy', 'PolicyArn')
    def test_names_choose(self):
        for name, more in self.BY_ROLE.items():
            with self.subTest(name):
                self.no(GONE, 'nobody', name, RoleName='nobody', **more)
        for name, more in self.BY_POLICY.items():
            with self.subTest(name):
                self.no(GONE, 'nobody', name, PolicyArn=ACCOUNT + 'policy/nobody', **more)
        self.make_role()
        arn = self.make_policy()
        for name in ('AttachRolePolicy', 'DetachRolePolicy'):
            self.no(GONE, 'nobody', name, RoleName='r', PolicyArn=ACCOUNT + 'policy/nobody')
        for name in ('GetRolePolicy', 'DeleteRolePolicy'):
            self.no(GONE, 'nobody', name, RoleName='r', PolicyName='nobody')
        for name in ('GetPolicyVersion', 'DeletePolicyVersion', 'SetDefaultPolicyVersion'):
            self.no(GONE, 'v9', name, PolicyArn=arn, VersionId='v9')
        self.no(GONE, 'nobody', 'GetUser', UserName='nobody')
        self.no(GONE, 'nobody', 'GetServiceLinkedRoleDeletionStatus', DeletionTaskId='nobody')
        self.iam('AttachRolePolicy', RoleName='r', PolicyArn=arn)
        self.assertEqual(self.texts(self.iam('ListAttachedRolePolicies', RoleName='r'), 'PolicyArn'), [arn])

    @shows('iam ListRoles|ListPolicies|ListRoleTags|ListPolicyTags|ListRolePolicies|ListAttachedRolePolicies', 'Marker', 'MaxItems',
           'iam ListPolicyVersions|ListEntitiesForPolicy|SimulateCustomPolicy|SimulatePrincipalPolicy', 'Marker', 'MaxItems',
           'iam ListAccountAliases|ListInstanceProfilesForRole', 'Marker', 'MaxItems')
    def test_pages(self):
        tags = [{'Key': k, 'Value': 'v'} for k in 'ab']
        self.make_role('a', Tags=tags)
        self.make_role('b')
        p, q = self.make_policy('p', Tags=tags), self.make_policy('q')
        self.iam('CreatePolicyVersion', PolicyArn=p, PolicyDocument=ALLOW)
        for arn in (p, q):
            self.iam('AttachRolePolicy', RoleName='a', PolicyArn=arn)
        self.iam('AttachRolePolicy', RoleName='b', PolicyArn=p)
        for name in ('x', 'y'):
            self.iam('PutRolePolicy', RoleName='a', PolicyName=name, PolicyDocument=ONE)
        role, actions = {'RoleName': 'a'}, {'ActionNames': ['sqs:ListQueues', 'sqs:DeleteQueue']}
        for name, of, tag in (('ListRoles', {}, 'RoleName'), ('ListPolicies', {'Scope': 'Local'}, 'PolicyName'), ('ListRoleTags', role, 'Key'),
                              ('ListPolicyTags', {'PolicyArn': p}, 'Key'), ('ListRolePolicies', role, 'member'),
                              ('ListAttachedRolePolicies', role, 'PolicyArn'), ('ListPolicyVersions', {'PolicyArn': p}, 'VersionId'),
                              ('ListEntitiesForPolicy', {'PolicyArn': p}, 'RoleName'),
                              ('SimulateCustomPolicy', {'PolicyInputList': [ONE], **actions}, 'EvalActionName'),
                              ('SimulatePrincipalPolicy', {'PolicySourceArn': ACCOUNT + 'role/a', **actions}, 'EvalActionName')):
            with self.subTest(name):
                first = self.iam(name, MaxItems=1, **of)
                marker, = self.texts(first, 'Marker')
                second = self.iam(name, MaxItems=1, Marker=marker, **of)
                both = self.texts(first, tag) + self.texts(second, tag)
                self.assertEqual(both, self.texts(self.iam(name, **of), tag))
                self.assertEqual(len(both), 2)
        for name, of in (('ListAccountAliases', {}), ('ListInstanceProfilesForRole', role)):
            self.no('ValidationError', 'Marker', name, Marker='!', **of)
            self.no('ValidationError', 'maxItems', name, MaxItems=0, **of)
            self.iam(name, MaxItems=1, **of)


class Roles(IamCase):
    @shows('iam CreateRole', 'Path', 'RoleName', 'AssumeRolePolicyDocument', 'Description', 'MaxSessionDuration', 'PermissionsBoundary',
           'Tags', 'Tags.Key', 'Tags.Value', 'iam UpdateRole', 'Description', 'MaxSessionDuration', 'iam UpdateRoleDescription', 'Description',
           'iam TagRole', 'Tags', 'Tags.Key', 'Tags.Value', 'iam UntagRole', 'TagKeys', 'iam UpdateAssumeRolePolicy', 'PolicyDocument',
           'iam PutRolePermissionsBoundary', 'PermissionsBoundary', 'iam PutRolePolicy', 'PolicyName', 'PolicyDocument', 'iam ListRoles', 'PathPrefix',
           'iam ListAttachedRolePolicies', 'PathPrefix')
    def test_role(self):
        one = self.make_policy()
        self.make_role(Path='/team/', Description='d', MaxSessionDuration=7200, PermissionsBoundary=one, Tags=[{'Key': 'k', 'Value': 'v'}])
        told = self.iam('GetRole', RoleName='r')
        for tag, value in (('Path', '/team/'), ('Arn', ACCOUNT + 'role/team/r'), ('Description', 'd'), ('PermissionsBoundaryArn', one),
                           ('Key', 'k'), ('Value', 'v')):
            self.assertEqual(self.texts(told, tag), [value])
        self.iam('PutRolePolicy', RoleName='r', PolicyName='all', PolicyDocument=ALLOW)
        session = {'RoleArn': ACCOUNT + 'role/team/r', 'RoleSessionName': 'session'}
        sqs = self.session_client('sqs', DurationSeconds=7200, **session)
        sqs.list_queues()
        self.assertFault('AccessDenied', sqs.create_queue, QueueName='q')   # the boundary
        self.iam('UpdateRole', RoleName='r', Description='e', MaxSessionDuration=3600)
        self.refused('ValidationError', 'DurationSeconds', 'sts', 'AssumeRole', DurationSeconds=7200, **session)
        self.assertEqual(self.texts(self.iam('GetRole', RoleName='r'), 'Description'), ['e'])
        self.assertIn('<Description>f</Description>', self.iam('UpdateRoleDescription', RoleName='r', Description='f'))
        self.iam('PutRolePermissionsBoundary', RoleName='r', PermissionsBoundary=self.make_policy('wide', ALLOW))
        sqs.create_queue(QueueName='q')
        self.iam('PutRolePolicy', RoleName='r', PolicyName='all', PolicyDocument=ONE)
        self.assertFault('AccessDenied', sqs.create_queue, QueueName='q')
        self.iam('TagRole', RoleName='r', Tags=[{'Key': 'x', 'Value': 'y'}])
        self.iam('UntagRole', RoleName='r', TagKeys=['k'])
        told = self.iam('ListRoleTags', RoleName='r')
        self.assertEqual((self.texts(told, 'Key'), self.texts(told, 'Value')), (['x'], ['y']))
        self.iam('UpdateAssumeRolePolicy', RoleName='r', PolicyDocument=json.dumps(support.TRUST_LAMBDA))
        self.refused('AccessDenied', 'sts:AssumeRole', 'sts', 'AssumeRole', **session)
        self.make_role('other')
        self.assertEqual(self.texts(self.iam('ListRoles', PathPrefix='/team/'), 'RoleName'), ['r'])
        self.iam('AttachRolePolicy', RoleName='r', PolicyArn=one)
        self.iam('AttachRolePolicy', RoleName='r', PolicyArn=self.make_policy('deep', Path='/deep/'))
        self.assertEqual(self.texts(self.iam('ListAttachedRolePolicies', RoleName='r', PathPrefix='/deep/'), 'PolicyName'), ['deep'])

    def session_client(self, service, **params):
        k = self.client('sts').assume_role(**params)['Credentials']
        return self.client(service, key=k['AccessKeyId'], secret=k['SecretAccessKey'], token=k['SessionToken'])

    @shows('iam CreateServiceLinkedRole', 'AWSServiceName', 'Description', 'CustomSuffix')
    def test_service_linked(self):
        told = self.iam('CreateServiceLinkedRole', AWSServiceName='autoscaling.amazonaws.com', CustomSuffix='mine', Description='d')
        self.assertEqual((self.texts(told, 'RoleName'), self.texts(told, 'Description')), (['AWSServiceRoleForAutoScaling_mine'], ['d']))


class Policies(IamCase):
    @shows('iam CreatePolicy', 'PolicyName', 'Path', 'PolicyDocument', 'Description', 'Tags', 'Tags.Key', 'Tags.Value',
           'iam CreatePolicyVersion', 'PolicyDocument', 'SetAsDefault', 'iam TagPolicy', 'Tags', 'Tags.Key', 'Tags.Value', 'iam UntagPolicy', 'TagKeys')
    def test_policy(self):
        arn = self.make_policy(Path='/deep/', Description='d', Tags=[{'Key': 'k', 'Value': 'v'}])
        told = self.iam('GetPolicy', PolicyArn=arn)
        for tag, value in (('Path', '/deep/'), ('Description', 'd'), ('Key', 'k'), ('Value', 'v'), ('DefaultVersionId', 'v1')):
            self.assertEqual(self.texts(told, tag), [value])
        self.no('MalformedPolicyDocument', '', 'CreatePolicy', PolicyName='bad', PolicyDocument='{}')
        self.no('MalformedPolicyDocument', '', 'CreatePolicyVersion', PolicyArn=arn, PolicyDocument='{}')
        for default, version in ((False, 'v1'), (True, 'v3')):
            self.iam('CreatePolicyVersion', PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=default)
            self.assertEqual(self.texts(self.iam('GetPolicy', PolicyArn=arn), 'DefaultVersionId'), [version])
        self.iam('SetDefaultPolicyVersion', PolicyArn=arn, VersionId='v2')
        self.assertEqual(self.texts(self.iam('GetPolicy', PolicyArn=arn), 'DefaultVersionId'), ['v2'])
        self.iam('TagPolicy', PolicyArn=arn, Tags=[{'Key': 'x', 'Value': 'y'}])
        self.iam('UntagPolicy', PolicyArn=arn, TagKeys=['k'])
        told = self.iam('ListPolicyTags', PolicyArn=arn)
        self.assertEqual((self.texts(told, 'Key'), self.texts(told, 'Value')), (['x'], ['y']))

    @shows('iam ListPolicies', 'Scope', 'OnlyAttached', 'PathPrefix', 'PolicyUsageFilter',
           'iam ListEntitiesForPolicy', 'EntityFilter', 'PathPrefix', 'PolicyUsageFilter')
    def test_filters(self):
        used, bound, deep = self.make_policy('used'), self.make_policy('bound'), self.make_policy('deep', Path='/deep/')
        self.make_role('a', Path='/team/', PermissionsBoundary=bound)
        self.iam('AttachRolePolicy', RoleName='a', PolicyArn=used)

        def names(**params):
            return self.texts(self.iam('ListPolicies', **params), 'PolicyName')
        self.assertEqual(sorted(names(Scope='Local')), ['bound', 'deep', 'used'])
        self.assertIn('AWSLambdaBasicExecutionRole', names(Scope='AWS'))
        self.assertEqual(names(OnlyAttached=True), ['used'])
        self.assertEqual(names(PathPrefix='/deep/'), ['deep'])
        self.assertEqual((names(PolicyUsageFilter='PermissionsBoundary'), names(PolicyUsageFilter='PermissionsPolicy')), (['bound'], ['used']))

        def roles(**params):
            return self.texts(self.iam('ListEntitiesForPolicy', **params), 'RoleName')
        self.assertEqual(roles(PolicyArn=used), ['a'])
        self.assertEqual((roles(PolicyArn=used, EntityFilter='User'), roles(PolicyArn=used, EntityFilter='Role')), ([], ['a']))
        self.assertEqual((roles(PolicyArn=used, PathPrefix='/x/'), roles(PolicyArn=used, PathPrefix='/team/')), ([], ['a']))
        self.assertEqual((roles(PolicyArn=bound, PolicyUsageFilter='PermissionsPolicy'), roles(PolicyArn=bound, PolicyUsageFilter='PermissionsBoundary')), ([], ['a']))
        self.assertEqual(deep, ACCOUNT + 'policy/deep/deep')


class Simulation(IamCase):
    SHARED = ('PolicyInputList', 'PermissionsBoundaryPolicyInputList', 'ActionNames', 'ResourceArns', 'ResourcePolicy', 'ResourceOwner', 'CallerArn',
              'ContextEntries', 'ContextEntries.ContextKeyName', 'ContextEntries.ContextKeyValues', 'ContextEntries.ContextKeyType', 'ResourceHandlingOption')

    @shows('iam SimulateCustomPolicy|SimulatePrincipalPolicy', *SHARED, 'iam SimulatePrincipalPolicy', 'PolicySourceArn', 'PolicyExclusionList',
           'iam SimulateCustomPolicy', 'OrderedOrganizationPolicyInputList')
    def test_members(self):
        self.make_role()
        role, queue = ACCOUNT + 'role/r', f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:q'
        named = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': role}, 'Action': 'sqs:*', 'Resource': queue}]})
        hidden = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*', 'Condition': {
            'NumericLessThan': {'my:number': '5'}}}]})
        custom, principal = 'SimulateCustomPolicy', 'SimulatePrincipalPolicy'
        for name, base in ((custom, {}), (principal, {'PolicySourceArn': role})):
            def decide(policies, action='sqs:ListQueues', **more):
                given = {'PolicyInputList': policies} if policies else {}
                return self.texts(self.iam(name, ActionNames=[action], **given, **base, **more), 'EvalDecision')
            with self.subTest(name):
                self.assertEqual((decide([ONE]), decide([ALLOW], 'sqs:SendMessage'), decide([ONE], 'sqs:SendMessage')),
                                 (['allowed'], ['allowed'], ['implicitDeny']))
                self.assertEqual(decide([ALLOW], 'sqs:SendMessage', PermissionsBoundaryPolicyInputList=[ONE]), ['implicitDeny'])
                self.assertEqual(len(decide([ONE], ResourceArns=[queue, queue + '2'])), 2)
                entry = {'ContextKeyName': 'my:number', 'ContextKeyType': 'numeric'}
                self.assertEqual(decide([hidden], ContextEntries=[{**entry, 'ContextKeyValues': ['4']}]), ['allowed'])
                self.assertEqual(decide([hidden], ContextEntries=[{**entry, 'ContextKeyValues': ['6']}]), ['implicitDeny'])
                for bad in ({**entry, 'ContextKeyValues': ['x']}, {**entry, 'ContextKeyValues': ['1', '2']},
                            {**entry, 'ContextKeyType': 'boolean', 'ContextKeyValues': ['4']},
                            {**entry, 'ContextKeyType': 'binaryList', 'ContextKeyValues': ['!']}):
                    self.no(INPUT, 'ContextKeyType', name, ActionNames=['a:b'], PolicyInputList=[ALLOW], ContextEntries=[bad], **base)
                self.no(INPUT, 'ResourceHandlingOption', name, ActionNames=['a:b'], PolicyInputList=[ALLOW],
                        ResourceHandlingOption='EC2-VPC-InstanceStore', **base)
                caller = {'CallerArn': role} if name == custom else {}
                self.assertEqual(decide([ONE], 'sqs:SendMessage', ResourceArns=[queue], ResourcePolicy=named, ResourceOwner=ACCOUNT + 'root', **caller), ['allowed'])
                for owner in ('arn:aws:iam::111111111111:root', '1' * 12):
                    self.assertEqual(decide([ONE], 'sqs:SendMessage', ResourceArns=[queue], ResourcePolicy=named, ResourceOwner=owner, **caller),
                                     ['implicitDeny'])
        self.no(GONE, 'nobody', principal, PolicySourceArn=ACCOUNT + 'role/nobody', ActionNames=['a:b'])
        self.no(INPUT, 'CallerArn', principal, PolicySourceArn=role, ActionNames=['a:b'], CallerArn=ACCOUNT + 'role/other')
        self.no(INPUT, 'PolicyExclusionList', principal, PolicySourceArn=role, ActionNames=['a:b'], PolicyExclusionList=[{'PolicyArn': ACCOUNT + 'policy/p'}])
        self.no(INPUT, 'OrderedOrganizationPolicyInputList', custom, PolicyInputList=[ALLOW], ActionNames=['a:b'],
                OrderedOrganizationPolicyInputList=[{'ServiceControlPolicyInputList': [ALLOW]}])


class Sts(IamCase):
    @shows('sts AssumeRole', 'RoleArn', 'RoleSessionName', 'PolicyArns', 'PolicyArns.arn', 'Policy', 'DurationSeconds', 'Tags', 'Tags.Key', 'Tags.Value',
           'TransitiveTagKeys', 'ExternalId', 'SerialNumber', 'TokenCode', 'SourceIdentity', 'ProvidedContexts',
           'sts GetSessionToken', 'DurationSeconds', 'SerialNumber', 'TokenCode', 'sts GetAccessKeyInfo', 'AccessKeyId')
    def test_assume(self):
        self.make_role('open')
        self.iam('PutRolePolicy', RoleName='open', PolicyName='p', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*'},
            {'Effect': 'Deny', 'Action': 'sqs:CreateQueue', 'Resource': '*', 'Condition': {'StringEquals': {'aws:PrincipalTag/team': 'red'}}},
            {'Effect': 'Deny', 'Action': 'sqs:CreateQueue', 'Resource': '*', 'Condition': {'StringEquals': {'aws:SourceIdentity': 'red'}}}]}))
        strict = {**TRUST, 'Statement': [{**TRUST['Statement'][0], 'Condition': {'StringEquals': {'sts:ExternalId': 'secret'}}}]}
        self.iam('CreateRole', RoleName='strict', AssumeRolePolicyDocument=json.dumps(strict))
        base = {'RoleArn': ACCOUNT + 'role/open', 'RoleSessionName': 'session'}

        def may(**params):
            """May the session make a queue?"""
            told = self.call('sts', 'AssumeRole', **{**base, **params})
            self.assertIn('assumed-role/open/' + params.get('RoleSessionName', 'session'), told)
            key, secret, token = (self.texts(told, t)[0] for t in ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))
            try:
                self.client('sqs', key=key, secret=secret, token=token).create_queue(QueueName='q')
            except support.ClientError as e:
                self.assertEqual(e.response['Error']['Code'], 'AccessDenied')
                return False
            return True
        self.assertTrue(may(RoleSessionName='another'))
        self.assertFalse(may(Tags=[{'Key': 'team', 'Value': 'red'}]))
        self.assertFalse(may(SourceIdentity='red'))
        self.assertFalse(may(Policy=ONE))
        self.assertFalse(may(PolicyArns=[{'arn': self.make_policy()}]))
        self.refused('AccessDenied', 'strict', 'sts', 'AssumeRole', **{**base, 'RoleArn': ACCOUNT + 'role/strict'})
        self.call('sts', 'AssumeRole', ExternalId='secret', **{**base, 'RoleArn': ACCOUNT + 'role/strict'})
        self.refused('AccessDenied', 'nobody', 'sts', 'AssumeRole', **{**base, 'RoleArn': ACCOUNT + 'role/nobody'})
        for member, value in (('TransitiveTagKeys', ['team']), ('SerialNumber', ACCOUNT + 'mfa/x'), ('TokenCode', '123456'),
                              ('ProvidedContexts', [{'ProviderArn': 'arn:aws:iam::aws:contextProvider/IdentityCenter', 'ContextAssertion': 'abcd'}])):
            with self.subTest(member):
                self.refused('ValidationError', member, 'sts', 'AssumeRole', **{member: value}, **base)
        for member, value in (('SerialNumber', ACCOUNT + 'mfa/x'), ('TokenCode', '123456')):
            self.refused('ValidationError', member, 'sts', 'GetSessionToken', **{member: value})
        self.reset()                                         # the clock moves below: what else is here would follow
        self.make_role('open')
        for name, params in (('AssumeRole', base), ('GetSessionToken', {})):
            told = self.call('sts', name, DurationSeconds=900, **params)
            key, secret, token = (self.texts(told, t)[0] for t in ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))
            who = self.client('sts', key=key, secret=secret, token=token)
            who.get_caller_identity()
            self.advance(901000)
            self.assertFault('ExpiredToken', who.get_caller_identity)
            self.assertIn(f'<Account>{support.ACCOUNT}</Account>', self.call('sts', 'GetAccessKeyInfo', AccessKeyId=key))
        k = self.client('sts', key='1' * 12).get_session_token()['Credentials']
        self.assertIn('<Account>111111111111</Account>', self.call('sts', 'GetAccessKeyInfo', AccessKeyId=k['AccessKeyId']))


if __name__ == '__main__':
    support.main()
