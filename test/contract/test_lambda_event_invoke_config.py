#!/usr/bin/python3
"""EventInvokeConfig: exact bytes of replies, the order of refusals, what merges and what replaces."""
import re

import support

ARN = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:'
QUEUE = f'arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:'
PATTERN = (r'$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:'
           r'((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)')


def path(name, qualifier=None):
    return f'/2019-09-25/functions/{name}/event-invoke-config' + (f'?Qualifier={qualifier}' if qualifier else '')


class EventInvokeConfig(support.ServerCase):
    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.function('f', 'def handler(event, context): return event', Publish=True)
        self.url, self.queue_arn = self.queue('q')

    def raw(self, method, where, params=None):
        """-> (status, the body's bytes with LastModified taken out after a look at its form)."""
        import json
        headers = {'Authorization': support.authorization('lambda')}
        status, _, data = self.http(method, where, headers, b'' if params is None else json.dumps(params))
        text = data.decode()
        if status == 200:
            self.assertRegex(text, r'"LastModified":\d\.\d+E9,')
        return status, re.sub(r'"LastModified":[^,]*,', '', text)

    def config(self, qualifier='$LATEST', failure='null', success='null', age='null', retries='null'):
        quoted = lambda v: v if v == 'null' else f'"{v}"'
        return (f'{{"DestinationConfig":{{"OnFailure":{{"Destination":{quoted(failure)}}},"OnSuccess":{{"Destination":{quoted(success)}}}}},'
                f'"FunctionArn":"{ARN}f:{qualifier}","MaximumEventAgeInSeconds":{age},"MaximumRetryAttempts":{retries}}}')

    def refused(self, params, text, status=400, code='InvalidParameterValueException', where=None, method='PUT'):
        got, headers, reply = self.rest(method, where or path('f'), params)
        member = 'Message' if status == 404 else 'message'
        want = {'message': text} if code == 'ValidationException' else {'Type': 'User', member: text}
        self.assertEqual((got, headers.get('x-amzn-ErrorType'), reply), (status, code, want))

    def test_bytes_of_replies(self):
        failure = {'DestinationConfig': {'OnFailure': {'Destination': self.queue_arn}}}
        self.assertEqual(self.raw('PUT', path('f'), {'MaximumEventAgeInSeconds': 60, **failure}),
                         (200, self.config(failure=self.queue_arn, age=60)))
        self.assertEqual(self.raw('POST', path('f'), {'MaximumRetryAttempts': 0}),
                         (200, self.config(failure=self.queue_arn, age=60, retries=0)))
        self.assertEqual(self.raw('GET', path('f', '%24LATEST')), (200, self.config(failure=self.queue_arn, age=60, retries=0)))
        self.assertEqual(self.raw('POST', path('f'), {'DestinationConfig': {'OnFailure': {}}}),
                         (200, self.config(failure=self.queue_arn, age=60, retries=0)))
        self.assertEqual(self.raw('POST', path('f'), {'DestinationConfig': {'OnFailure': {'Destination': ''}}}),
                         (200, self.config(age=60, retries=0)))
        self.assertEqual(self.raw('PUT', path('f'), {'DestinationConfig': {'OnFailure': {}}}), (200, self.config()))
        self.assertEqual(self.raw('DELETE', path('f')), (204, ''))

    def test_what_boto3_makes_of_it(self):
        awslambda = self.client('lambda')
        awslambda.put_function_event_invoke_config(FunctionName='f', MaximumRetryAttempts=1)
        got = awslambda.get_function_event_invoke_config(FunctionName='f')
        self.assertEqual(got['MaximumRetryAttempts'], 1)
        self.assertNotIn('MaximumEventAgeInSeconds', got)
        self.assertEqual(got['DestinationConfig'], {'OnSuccess': {}, 'OnFailure': {}})
        self.assertEqual(got['FunctionArn'], ARN + 'f:$LATEST')
        self.assertEqual(got['LastModified'].year >= 2024, True)

    def test_one_record_per_qualifier(self):
        awslambda = self.client('lambda')
        awslambda.create_alias(FunctionName='f', Name='live', FunctionVersion='1')
        for qualifier, retries in (('live', 0), ('1', 1), ('$LATEST', 2)):
            awslambda.put_function_event_invoke_config(FunctionName='f', Qualifier=qualifier, MaximumRetryAttempts=retries)
        pages = awslambda.get_paginator('list_function_event_invoke_configs').paginate(
            FunctionName='f', PaginationConfig={'PageSize': 1})
        self.assertEqual([(c['FunctionArn'], c['MaximumRetryAttempts']) for p in pages for c in p['FunctionEventInvokeConfigs']],
                         [(ARN + 'f:$LATEST', 2), (ARN + 'f:1', 1), (ARN + 'f:live', 0)])
        awslambda.delete_alias(FunctionName='f', Name='live')
        self.refused(None, f"The function {ARN}f:live doesn't have an EventInvokeConfig", 404, 'ResourceNotFoundException',
                     path('f', 'live'), 'GET')

    def test_refusals(self):
        nothing = 'You must specify at least one of error handling or destination setting.'
        self.refused({}, nothing)
        self.refused({}, nothing, where=path('nobody'))
        self.refused({'DestinationConfig': {}}, nothing)
        self.refused({'MaximumRetryAttempts': 1}, "The function doesn't exist.", 404, 'ResourceNotFoundException', path('nobody'))
        self.refused({'MaximumRetryAttempts': 1}, "The function doesn't exist.", 404, 'ResourceNotFoundException', path('f', '9'))
        self.refused({'MaximumRetryAttempts': 1}, f"The function {ARN}f:$LATEST doesn't have an EventInvokeConfig", 404,
                     'ResourceNotFoundException', method='POST')
        self.refused({'MaximumRetryAttempts': 1}, 'The derived qualifier from the function name does not match the specified qualifier.',
                     where=path('f%3A1', '2'))
        self.refused({'MaximumRetryAttempts': 3, 'MaximumEventAgeInSeconds': 59}, (
            "2 validation errors detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less "
            "than or equal to 2; Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater "
            "than or equal to 60"), code='ValidationException')
        self.refused({'DestinationConfig': {'OnFailure': {'Destination': 'arn:_-/!lambda:invalid'}}}, (
            "1 validation error detected: Value 'arn:_-/!lambda:invalid' at 'destinationConfig.onFailure.destination' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: " + PATTERN), code='ValidationException')

    def test_both_destinations_malformed(self):
        phrase = "Value '%s' at 'destinationConfig.%s.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        self.refused({'DestinationConfig': {'OnSuccess': {'Destination': 'x'}, 'OnFailure': {'Destination': 'y'}}}, (
            '2 validation errors detected: ' + phrase % ('y', 'onFailure') + PATTERN + '; ' + phrase % ('x', 'onSuccess') + PATTERN),
            code='ValidationException')

    def test_refused_destinations(self):
        for side, arn, text in [
                ('OnSuccess', 'arn:aws:iam::000000000000:role/r', 'The provided destination config DestinationConfig(onSuccess='
                 'OnSuccess(destination=arn:aws:iam::000000000000:role/r), onFailure=null) is invalid.'),
                ('OnFailure', ARN + 'nobody', f'The destination ARN {ARN}nobody is invalid.'),
                ('OnFailure', ARN + 'f', "You can't specify the function as a destination for itself."),
                ('OnFailure', ARN + 'f:1', "You can't specify the function as a destination for itself."),
                ('OnFailure', QUEUE + 'nobody', f'The destination ARN {QUEUE}nobody is invalid.'),
                ('OnSuccess', 'arn:aws:s3:::bucket', 'The destination ARN arn:aws:s3:::bucket is invalid.'),
                ('OnFailure', 'arn:aws:sns:us-east-1:000000000000:t.fifo', "FIFO-type Amazon SNS topics aren't supported as a destination."),
                ('OnFailure', 'arn:aws:events:us-east-1:000000000000:rule/r',
                 'The destination ARN arn:aws:events:us-east-1:000000000000:rule/r is invalid.')]:
            with self.subTest(arn):
                self.refused({'DestinationConfig': {side: {'Destination': arn}}}, text)
        self.assertEqual(self.rest('GET', path('f'))[0], 404)

    def test_role_without_the_right(self):
        role = self.role('poor', policy=False)
        self.function('p', 'def handler(event, context): pass', Role=role)
        self.refused({'DestinationConfig': {'OnFailure': {'Destination': self.queue_arn}}},
                     f"The function's execution role does not have permissions to call SendMessage on {self.queue_arn}", where=path('p'))
        self.refused({'DestinationConfig': {'OnFailure': {'Destination': ARN + 'f'}}},
                     f'The function execution role does not have permissions to call InvokeFunction on {ARN}f', where=path('p'))
        self.role('poor', policy=[{'Effect': 'Allow', 'Action': 'sqs:SendMessage', 'Resource': self.queue_arn}])
        self.assertEqual(self.rest('PUT', path('p'), {'DestinationConfig': {'OnFailure': {'Destination': self.queue_arn}}})[0], 200)


if __name__ == '__main__':
    support.main()
