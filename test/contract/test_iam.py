#!/usr/bin/python3
"""IAM as its users meet it: roles, policies, versions, tags, pages, faults; whole replies are compared."""
import json
import re
import urllib.parse

import support

ACCOUNT = support.ACCOUNT
TRUST = support.TRUST_LAMBDA
ALLOW = support.ALLOW_ALL
BASIC = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'


def body(reply):
    """A reply without what boto3 adds to it."""
    return {k: v for k, v in reply.items() if k != 'ResponseMetadata'}


class IamCase(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.iam = self.client('iam')

    def make(self, name='worker', **kw):
        kw.setdefault('AssumeRolePolicyDocument', json.dumps(TRUST))
        return self.iam.create_role(RoleName=name, **kw)['Role']

    def policy(self, name='mine', document=ALLOW, **kw):
        return self.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document), **kw)['Policy']


class Roles(IamCase):
    def test_create_and_get(self):
        role = self.make(Path='/app/', Description='does it', MaxSessionDuration=7200,
                         Tags=[{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': ''}])
        self.assertRegex(role['RoleId'], r'\AAROA[A-Z2-7]{17}\Z')
        common = {'Path': '/app/', 'RoleName': 'worker', 'RoleId': role['RoleId'], 'CreateDate': role['CreateDate'],
                  'Arn': f'arn:aws:iam::{ACCOUNT}:role/app/worker', 'AssumeRolePolicyDocument': TRUST,
                  'Description': 'does it', 'Tags': [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': ''}]}
        self.assertEqual(role, common)
        self.assertEqual(body(self.iam.get_role(RoleName='worker')),
                         {'Role': {**common, 'MaxSessionDuration': 7200, 'RoleLastUsed': {}}})

    def test_documents_leave_url_encoded(self):
        self.make()
        status, headers, xml = self.query('iam', {'Action': 'GetRole', 'Version': '2010-05-08', 'RoleName': 'worker'})
        self.assertEqual(status, 200)
        self.assertEqual(headers['content-type'], 'text/xml')
        text = xml.decode()
        document = re.search('<AssumeRolePolicyDocument>(.*?)</', text).group(1)
        self.assertEqual(document, urllib.parse.quote(json.dumps(TRUST), safe='-_.~'))
        self.assertIn('<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role>', text)
        self.assertRegex(text, r'<CreateDate>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.000)?Z</CreateDate>')

    def test_faults(self):
        self.make()
        self.assertFault('EntityAlreadyExists', self.iam.create_role, message='Role with name worker already exists.', status=409,
                         RoleName='worker', AssumeRolePolicyDocument=json.dumps(TRUST))
        self.assertFault('EntityAlreadyExists', self.iam.create_role, message='Role with name WORKER already exists.', status=409,
                         RoleName='WORKER', AssumeRolePolicyDocument=json.dumps(TRUST))
        for call in (self.iam.get_role, self.iam.delete_role, self.iam.list_role_policies, self.iam.list_role_tags,
                     self.iam.list_attached_role_policies, self.iam.list_instance_profiles_for_role):
            self.assertFault('NoSuchEntity', call, message='The role with name nobody cannot be found.', status=404, RoleName='nobody')
        self.assertFault('MalformedPolicyDocument', self.iam.create_role, message='This policy contains invalid Json', status=400,
                         RoleName='x', AssumeRolePolicyDocument='{')
        self.assertFault('MalformedPolicyDocument', self.iam.create_role, message='Has prohibited field Resource', status=400,
                         RoleName='x', AssumeRolePolicyDocument=json.dumps(
                             {'Statement': {'Effect': 'Allow', 'Principal': '*', 'Action': 'sts:AssumeRole', 'Resource': '*'}}))
        self.assertFault('InvalidInput', self.iam.create_role, status=400, RoleName='x',
                         message='Duplicate tag keys found. Please note that Tag keys are case insensitive.',
                         AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{'Key': 'a', 'Value': ''}, {'Key': 'A', 'Value': ''}])
        self.assertFault('NoSuchEntity', self.iam.create_role, status=404, RoleName='x', AssumeRolePolicyDocument=json.dumps(TRUST),
                         message=f'Scope ARN: arn:aws:iam::{ACCOUNT}:policy/none does not exist or is not attachable.',
                         PermissionsBoundary=f'arn:aws:iam::{ACCOUNT}:policy/none')

    def test_validation(self):
        self.assertFault('ValidationError', self.iam.create_role, status=400, RoleName='a b', AssumeRolePolicyDocument=json.dumps(TRUST),
                         message="1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: Member must "
                                 r'satisfy regular expression pattern: [\w+=,.@-]+')

    def test_update(self):
        self.make(Description='one')
        self.assertEqual(body(self.iam.update_role(RoleName='worker', Description='two', MaxSessionDuration=43200)), {})
        role = self.iam.get_role(RoleName='worker')['Role']
        self.assertEqual((role['Description'], role['MaxSessionDuration']), ('two', 43200))
        role = self.iam.update_role_description(RoleName='worker', Description='three')['Role']
        self.assertEqual(role['Description'], 'three')
        other = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': ACCOUNT}, 'Action': 'sts:AssumeRole'}]}
        self.iam.update_assume_role_policy(RoleName='worker', PolicyDocument=json.dumps(other))
        self.assertEqual(self.iam.get_role(RoleName='worker')['Role']['AssumeRolePolicyDocument'], other)

    def test_list_in_pages(self):
        for name in ('b', 'a', 'c'):
            self.make(name)
        self.make('d', Path='/team/')
        names = [r['RoleName'] for p in self.iam.get_paginator('list_roles').paginate(PaginationConfig={'PageSize': 2}) for r in p['Roles']]
        self.assertEqual(names, ['a', 'b', 'c', 'd'])
        first = self.iam.list_roles(MaxItems=3)
        self.assertTrue(first['IsTruncated'])
        self.assertIn('Marker', first)
        self.assertNotIn('Tags', first['Roles'][0])
        self.assertEqual(first['Roles'][0]['MaxSessionDuration'], 3600)
        self.iam.delete_role(RoleName='c')
        rest = self.iam.list_roles(Marker=first['Marker'])
        self.assertEqual([r['RoleName'] for r in rest['Roles']], ['d'])
        self.assertIs(rest['IsTruncated'], False)
        self.assertEqual([r['RoleName'] for r in self.iam.list_roles(PathPrefix='/team/')['Roles']], ['d'])
        self.assertFault('ValidationError', self.iam.list_roles, message='Invalid Marker.', status=400, Marker='%%%')

    def test_tags(self):
        self.make(Tags=[{'Key': 'a', 'Value': '1'}])
        self.iam.tag_role(RoleName='worker', Tags=[{'Key': 'b', 'Value': '2'}, {'Key': 'A', 'Value': '3'}])
        self.assertEqual(body(self.iam.list_role_tags(RoleName='worker')),
                         {'Tags': [{'Key': 'a', 'Value': '3'}, {'Key': 'b', 'Value': '2'}], 'IsTruncated': False})
        self.iam.untag_role(RoleName='worker', TagKeys=['a', 'none'])
        self.assertEqual(body(self.iam.list_role_tags(RoleName='worker')), {'Tags': [{'Key': 'b', 'Value': '2'}], 'IsTruncated': False})
        self.assertFault('LimitExceeded', self.iam.tag_role, message='The number of tags has reached the maximum limit.', status=409,
                         RoleName='worker', Tags=[{'Key': f'k{n}', 'Value': ''} for n in range(50)])

    def test_accounts_are_apart(self):
        self.make()
        other = self.client('iam', key='111111111111')
        self.assertEqual(other.list_roles()['Roles'], [])
        self.assertEqual(other.create_role(RoleName='worker', AssumeRolePolicyDocument=json.dumps(TRUST))['Role']['Arn'],
                         'arn:aws:iam::111111111111:role/worker')

    def test_the_rest(self):
        self.make()
        self.assertEqual(body(self.iam.list_instance_profiles_for_role(RoleName='worker')), {'InstanceProfiles': [], 'IsTruncated': False})
        self.assertEqual(body(self.iam.list_account_aliases()), {'AccountAliases': [], 'IsTruncated': False})
        user = self.iam.get_user()['User']
        self.assertEqual({k: v for k, v in user.items() if k != 'CreateDate'},
                         {'Path': '/', 'UserName': 'root', 'UserId': ACCOUNT, 'Arn': f'arn:aws:iam::{ACCOUNT}:root'})
        self.assertFault('NoSuchEntity', self.iam.get_user, message='The user with name bob cannot be found.', status=404, UserName='bob')

    def test_users_are_not_implemented(self):
        with self.assertRaises(support.ClientError) as e:
            self.iam.create_user(UserName='bob')
        self.assertIn('CreateUser', e.exception.response['Error']['Message'])

    def test_service_linked(self):
        role = self.iam.create_service_linked_role(AWSServiceName='autoscaling.amazonaws.com', Description='d')['Role']
        self.assertEqual(role['Arn'], f'arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling')
        name = role['RoleName']
        self.assertFault('InvalidInput', self.iam.create_service_linked_role, status=400, AWSServiceName='autoscaling.amazonaws.com',
                         message=f'Service role name {name} has been taken in this account, please try a different suffix.')
        self.assertFault('UnmodifiableEntity', self.iam.delete_role, status=400, RoleName=name,
                         message=f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS")
        task = self.iam.delete_service_linked_role(RoleName=name)['DeletionTaskId']
        self.assertEqual(body(self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)), {'Status': 'SUCCEEDED'})
        self.assertFault('NoSuchEntity', self.iam.get_role, status=404, RoleName=name)


class RolePolicies(IamCase):
    def test_inline(self):
        self.make()
        self.assertEqual(body(self.iam.put_role_policy(RoleName='worker', PolicyName='p', PolicyDocument=json.dumps(ALLOW))), {})
        self.iam.put_role_policy(RoleName='worker', PolicyName='a', PolicyDocument=json.dumps(ALLOW))
        self.assertEqual(body(self.iam.get_role_policy(RoleName='worker', PolicyName='p')),
                         {'RoleName': 'worker', 'PolicyName': 'p', 'PolicyDocument': ALLOW})
        self.assertEqual(body(self.iam.list_role_policies(RoleName='worker')), {'PolicyNames': ['a', 'p'], 'IsTruncated': False})
        self.assertFault('DeleteConflict', self.iam.delete_role, message='Cannot delete entity, must delete policies first.', status=409,
                         RoleName='worker')
        for name in ('a', 'p'):
            self.iam.delete_role_policy(RoleName='worker', PolicyName=name)
        for call in (self.iam.get_role_policy, self.iam.delete_role_policy):
            self.assertFault('NoSuchEntity', call, message='The role policy with name p cannot be found.', status=404,
                             RoleName='worker', PolicyName='p')
        self.assertFault('MalformedPolicyDocument', self.iam.put_role_policy, message='Invalid Condition type : StringIs.', status=400,
                         RoleName='worker', PolicyName='p', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
                             {'Effect': 'Allow', 'Action': 'sqs:*', 'Resource': '*', 'Condition': {'StringIs': {'aws:x': 'y'}}}]}))
        self.iam.delete_role(RoleName='worker')

    def test_attached(self):
        self.make()
        mine = self.policy(Path='/team/')['Arn']
        for arn in (BASIC, mine, 'arn:aws:iam::aws:policy/SomethingNew', mine):
            self.assertEqual(body(self.iam.attach_role_policy(RoleName='worker', PolicyArn=arn)), {})
        self.assertEqual(body(self.iam.list_attached_role_policies(RoleName='worker')), {'IsTruncated': False, 'AttachedPolicies': [
            {'PolicyName': 'AWSLambdaBasicExecutionRole', 'PolicyArn': BASIC}, {'PolicyName': 'mine', 'PolicyArn': mine},
            {'PolicyName': 'SomethingNew', 'PolicyArn': 'arn:aws:iam::aws:policy/SomethingNew'}]})
        self.assertEqual([p['PolicyName'] for p in self.iam.list_attached_role_policies(
            RoleName='worker', PathPrefix='/team/')['AttachedPolicies']], ['mine'])
        self.assertFault('DeleteConflict', self.iam.delete_role, message='Cannot delete entity, must detach all policies first.', status=409,
                         RoleName='worker')
        self.assertEqual(self.iam.get_policy(PolicyArn=mine)['Policy']['AttachmentCount'], 1)
        role_id = self.iam.get_role(RoleName='worker')['Role']['RoleId']
        self.assertEqual(body(self.iam.list_entities_for_policy(PolicyArn=mine)), {
            'PolicyGroups': [], 'PolicyUsers': [], 'PolicyRoles': [{'RoleName': 'worker', 'RoleId': role_id}], 'IsTruncated': False})
        self.assertFault('DeleteConflict', self.iam.delete_policy, message='Cannot delete a policy attached to entities.', status=409,
                         PolicyArn=mine)
        for arn in (BASIC, mine, 'arn:aws:iam::aws:policy/SomethingNew'):
            self.iam.detach_role_policy(RoleName='worker', PolicyArn=arn)
        self.assertFault('NoSuchEntity', self.iam.detach_role_policy, message=f'Policy {mine} was not found.', status=404,
                         RoleName='worker', PolicyArn=mine)
        none = f'arn:aws:iam::{ACCOUNT}:policy/none'
        self.assertFault('NoSuchEntity', self.iam.attach_role_policy, message=f'Policy {none} does not exist or is not attachable.',
                         status=404, RoleName='worker', PolicyArn=none)
        bad = 'this-is-no-arn-but-long-enough'
        self.assertFault('ValidationError', self.iam.attach_role_policy, message=f'ARN {bad} is not valid.', status=400,
                         RoleName='worker', PolicyArn=bad)

    def test_boundary(self):
        mine = self.policy()['Arn']
        role = self.make(PermissionsBoundary=mine)
        boundary = {'PermissionsBoundaryType': 'Policy', 'PermissionsBoundaryArn': mine}
        self.assertEqual(role['PermissionsBoundary'], boundary)
        self.assertEqual(self.iam.get_policy(PolicyArn=mine)['Policy']['PermissionsBoundaryUsageCount'], 1)
        self.iam.delete_role_permissions_boundary(RoleName='worker')
        self.assertNotIn('PermissionsBoundary', self.iam.get_role(RoleName='worker')['Role'])
        self.iam.put_role_permissions_boundary(RoleName='worker', PermissionsBoundary=mine)
        self.assertEqual(self.iam.get_role(RoleName='worker')['Role']['PermissionsBoundary'], boundary)


class ManagedPolicies(IamCase):
    def test_create_and_get(self):
        policy = self.policy(Path='/team/', Description='d', Tags=[{'Key': 'a', 'Value': '1'}])
        self.assertRegex(policy['PolicyId'], r'\AANPA[A-Z2-7]{17}\Z')
        common = {'PolicyName': 'mine', 'PolicyId': policy['PolicyId'], 'Arn': f'arn:aws:iam::{ACCOUNT}:policy/team/mine',
                  'Path': '/team/', 'DefaultVersionId': 'v1', 'AttachmentCount': 0, 'PermissionsBoundaryUsageCount': 0,
                  'IsAttachable': True, 'CreateDate': policy['CreateDate'], 'UpdateDate': policy['CreateDate']}
        self.assertEqual(policy, {**common, 'Tags': [{'Key': 'a', 'Value': '1'}]})
        self.assertEqual(self.iam.get_policy(PolicyArn=policy['Arn'])['Policy'],
                         {**common, 'Description': 'd', 'Tags': [{'Key': 'a', 'Value': '1'}]})
        self.assertEqual(body(self.iam.list_policies(Scope='Local')), {'Policies': [common], 'IsTruncated': False})
        self.assertFault('EntityAlreadyExists', self.policy, status=409,
                         message='A policy called mine already exists. Duplicate names are not allowed.')
        none = policy['Arn'] + '2'
        self.assertFault('NoSuchEntity', self.iam.get_policy, message=f'Policy {none} was not found.', status=404, PolicyArn=none)

    def test_versions(self):
        arn = self.policy()['Arn']
        deny = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Deny', 'Action': 's3:*', 'Resource': 'arn:aws:s3:::b/*'}]}
        version = self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(deny))['PolicyVersion']
        self.assertEqual(version, {'VersionId': 'v2', 'IsDefaultVersion': False, 'CreateDate': version['CreateDate']})
        self.assertEqual(body(self.iam.get_policy_version(PolicyArn=arn, VersionId='v2')),
                         {'PolicyVersion': {**version, 'Document': deny}})
        self.iam.set_default_policy_version(PolicyArn=arn, VersionId='v2')
        self.assertEqual([(v['VersionId'], v['IsDefaultVersion']) for v in self.iam.list_policy_versions(PolicyArn=arn)['Versions']],
                         [('v2', True), ('v1', False)])
        self.assertFault('DeleteConflict', self.iam.delete_policy_version, message='Cannot delete the default version of a policy.',
                         status=409, PolicyArn=arn, VersionId='v2')
        self.assertFault('DeleteConflict', self.iam.delete_policy, status=409, PolicyArn=arn)
        self.iam.delete_policy_version(PolicyArn=arn, VersionId='v1')
        self.assertFault('NoSuchEntity', self.iam.get_policy_version, status=404, PolicyArn=arn, VersionId='v1',
                         message=f'Policy {arn} version v1 does not exist or is not attachable.')
        self.assertEqual(self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(deny), SetAsDefault=True)[
            'PolicyVersion']['VersionId'], 'v3')
        self.iam.delete_policy_version(PolicyArn=arn, VersionId='v2')
        self.iam.delete_policy(PolicyArn=arn)

    def test_tags(self):
        arn = self.policy()['Arn']
        self.iam.tag_policy(PolicyArn=arn, Tags=[{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': '2'}])
        self.iam.untag_policy(PolicyArn=arn, TagKeys=['a'])
        self.assertEqual(body(self.iam.list_policy_tags(PolicyArn=arn)), {'Tags': [{'Key': 'b', 'Value': '2'}], 'IsTruncated': False})

    def test_those_of_aws(self):
        listed = [p for page in self.iam.get_paginator('list_policies').paginate(Scope='AWS', PaginationConfig={'PageSize': 7})
                  for p in page['Policies']]
        self.assertEqual(len({p['Arn'] for p in listed}), len(listed))
        self.assertGreater(len(listed), 30)
        for p in listed:
            version = self.iam.get_policy_version(PolicyArn=p['Arn'], VersionId=p['DefaultVersionId'])['PolicyVersion']
            self.assertEqual(version['Document']['Version'], '2012-10-17')
        document = self.iam.get_policy_version(PolicyArn=BASIC, VersionId='v1')['PolicyVersion']['Document']
        self.assertEqual(document['Statement'], [{'Effect': 'Allow', 'Resource': '*', 'Action': [
            'logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents']}])
        self.assertFault('AccessDenied', self.iam.delete_policy, status=403, PolicyArn=BASIC)

    def test_only_attached(self):
        self.make()
        self.policy('free')
        self.iam.attach_role_policy(RoleName='worker', PolicyArn=self.policy('used')['Arn'])
        self.assertEqual([p['PolicyName'] for p in self.iam.list_policies(Scope='Local', OnlyAttached=True)['Policies']], ['used'])


class Simulation(IamCase):
    def results(self, reply):
        return [(r['EvalActionName'], r['EvalResourceName'], r['EvalDecision'], [s['SourcePolicyId'] for s in r['MatchedStatements']],
                 r['MissingContextValues']) for r in reply['EvaluationResults']]

    def test_role(self):
        self.make()
        self.iam.put_role_policy(RoleName='worker', PolicyName='send', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
            {'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': '*'},
            {'Effect': 'Deny', 'Action': 'sqs:*', 'Resource': 'arn:aws:sqs:*:*:closed'}]}))
        arn = f'arn:aws:iam::{ACCOUNT}:role/worker'
        a, b = f'arn:aws:sqs:us-east-1:{ACCOUNT}:open', f'arn:aws:sqs:us-east-1:{ACCOUNT}:closed'
        reply = self.iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=['sqs:SendMessage', 'sqs:DeleteQueue'], ResourceArns=[a, b])
        self.assertEqual(self.results(reply), [
            ('sqs:SendMessage', a, 'allowed', ['send'], []), ('sqs:SendMessage', b, 'explicitDeny', ['send'], []),
            ('sqs:DeleteQueue', a, 'implicitDeny', [], []), ('sqs:DeleteQueue', b, 'explicitDeny', ['send'], [])])
        self.assertIs(reply['IsTruncated'], False)

    def test_custom(self):
        document = json.dumps({'Version': '2012-10-17', 'Statement': {
            'Effect': 'Allow', 'Action': 's3:Get*', 'Resource': '*', 'Condition': {'StringEquals': {'x:team': 'blue'}}}})
        ask = dict(PolicyInputList=[document], ActionNames=['s3:GetObject'])
        self.assertEqual(self.results(self.iam.simulate_custom_policy(**ask)), [('s3:GetObject', '*', 'implicitDeny', [], ['x:team'])])
        entry = {'ContextKeyName': 'x:team', 'ContextKeyValues': ['blue'], 'ContextKeyType': 'string'}
        self.assertEqual(self.results(self.iam.simulate_custom_policy(ContextEntries=[entry], **ask)),
                         [('s3:GetObject', '*', 'allowed', ['PolicyInputList.1'], [])])

    def test_much_work(self):
        """Answered beside the loop, in pages that end early; what no page could do is refused."""
        document = json.dumps({'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': '*', 'Resource': '*', 'Condition': {
            'ForAnyValue:StringLike': {'x:team': ['*a*b'] * 3000 + ['blue']}}}})

        def ask(values, n):
            entry = {'ContextKeyName': 'x:team', 'ContextKeyValues': values, 'ContextKeyType': 'stringList'}
            return dict(PolicyInputList=[document], ContextEntries=[entry], ActionNames=[f's3:Get{i}' for i in range(n)], MaxItems=1000)
        self.assertGreater(len(document) * 400 * 2, 16 << 20)
        reply = self.iam.simulate_custom_policy(**ask(['a' * 5] * 398 + ['blue'], 3))
        self.assertEqual((self.results(reply), reply['IsTruncated']), ([('s3:Get0', '*', 'allowed', ['PolicyInputList.1'], [])], True))
        reply = self.iam.simulate_custom_policy(Marker=reply['Marker'], **ask(['a' * 5] * 399, 3))
        self.assertEqual(self.results(reply), [('s3:Get1', '*', 'implicitDeny', [], [])])
        self.assertFault('InvalidInput', self.iam.simulate_custom_policy, **ask(['a'] * 4000, 1),
                         message='The policies and context values are too many to be simulated.')


if __name__ == '__main__':
    support.main()
