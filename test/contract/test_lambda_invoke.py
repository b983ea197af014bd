#!/usr/bin/python3
"""Invoke over raw HTTP and boto3: headers, statuses, limits, throttles; what an alias runs."""
import base64
import json
import re
import threading
import time

import support

ARN = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:'
UUID = re.compile(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
TRACE = re.compile(r'^root=1-[0-9a-f]{8}-[0-9a-f]{24};parent=[0-9a-f]{16};sampled=0$')
CODE = '''
import os, time
def handler(event, context):
    if isinstance(event, dict) and 'fail' in event:
        raise ValueError(event['fail'])
    if isinstance(event, dict) and 'sleep' in event:
        time.sleep(event['sleep'])
    return {'event': event, 'arn': context.invoked_function_arn, 'version': context.function_version,
            'id': context.aws_request_id, 'client': context.client_context and context.client_context.custom,
            'who': os.environ.get('WHO'), 'trace': os.environ.get('_X_AMZN_TRACE_ID')}
'''


class Invoke(support.ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls('run_setup').make_functions()

    def run_setup(self):
        """Only a name for the instance that makes the class's functions."""

    def make_functions(self):
        awslambda = self.client('lambda')
        self.function('f', CODE, Environment={'Variables': {'WHO': 'one'}}, Publish=True)
        awslambda.update_function_configuration(FunctionName='f', Environment={'Variables': {'WHO': 'two'}})
        self.wait_active('f')
        awslambda.publish_version(FunctionName='f')
        awslambda.create_alias(FunctionName='f', Name='live', FunctionVersion='1')
        time.sleep(0.2)

    def post(self, name='f', body=b'{}', **headers):
        all_headers = {'Authorization': support.authorization('lambda')}
        all_headers.update({k.replace('_', '-'): v for k, v in headers.items()})
        return self.http('POST', f'/2015-03-31/functions/{name}/invocations', all_headers, body)

    def test_request_response(self):
        status, headers, body = self.post(body=b'{"a":1}', X_Amz_Log_Type='Tail')
        reply = json.loads(body)
        self.assertEqual(status, 200)
        self.assertEqual(headers['Content-Type'], 'application/json')
        self.assertEqual(headers['X-Amz-Executed-Version'], '$LATEST')
        self.assertRegex(headers['x-amzn-RequestId'], UUID)
        self.assertRegex(headers['X-Amzn-Trace-Id'], TRACE)
        self.assertNotIn('X-Amz-Function-Error', headers)
        tail = base64.b64decode(headers['X-Amz-Log-Result']).decode()
        self.assertIn('START RequestId: ' + headers['x-amzn-RequestId'] + ' Version: $LATEST\n', tail)
        self.assertIn('\nREPORT RequestId: ' + headers['x-amzn-RequestId'], tail)
        self.assertRegex(reply.pop('trace'), r'^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$')
        self.assertEqual(reply, {'event': {'a': 1}, 'arn': ARN + 'f', 'version': '$LATEST', 'id': headers['x-amzn-RequestId'],
                                 'client': None, 'who': 'two'})

    def test_function_error(self):
        status, headers, body = self.post(body=b'{"fail":"no"}')
        reply = json.loads(body)
        self.assertEqual((status, headers['X-Amz-Function-Error'], headers['X-Amz-Executed-Version']), (200, 'Unhandled', '$LATEST'))
        self.assertEqual(list(reply), ['errorMessage', 'errorType', 'requestId', 'stackTrace'])
        self.assertEqual((reply['errorMessage'], reply['errorType'], reply['requestId']), ('no', 'ValueError', headers['x-amzn-RequestId']))
        self.assertNotIn('X-Amz-Log-Result', headers)

    def test_empty_payload_and_client_context(self):
        context = base64.b64encode(b'{"custom":{"x":"y"}}').decode()
        status, _, body = self.post(body=b'', X_Amz_Client_Context=context)
        reply = json.loads(body)
        self.assertEqual((status, reply['event'], reply['client']), (200, {}, {'x': 'y'}))

    def test_qualifiers(self):
        for name, arn, version, who in [('f%3A1', 'f:1', '1', 'one'), ('f%3A%24LATEST', 'f:$LATEST', '$LATEST', 'two'),
                                        ('f%3Alive', 'f:live', '1', 'one'), ('f%3A2', 'f:2', '2', 'two')]:
            with self.subTest(name):
                status, headers, body = self.post(name)
                reply = json.loads(body)
                self.assertEqual((status, headers['X-Amz-Executed-Version']), (200, version))
                self.assertEqual((reply['arn'], reply['version'], reply['who']), (ARN + arn, version, who))

    def test_weighted_alias(self):
        awslambda = self.client('lambda')
        awslambda.create_alias(FunctionName='f', Name='both', FunctionVersion='1',
                               RoutingConfig={'AdditionalVersionWeights': {'2': 0.5}})
        seen = {self.post('f%3Aboth')[1]['X-Amz-Executed-Version'] for _ in range(40)}
        self.assertEqual(seen, {'1', '2'})                   # 2 in 10^12 that it misses one
        awslambda.update_alias(FunctionName='f', Name='both', RoutingConfig={'AdditionalVersionWeights': {'2': 1.0}})
        self.assertEqual({self.post('f%3Aboth')[1]['X-Amz-Executed-Version'] for _ in range(5)}, {'2'})

    def test_event(self):
        status, headers, body = self.post(body=b'{"a":1}', X_Amz_Invocation_Type='Event')
        self.assertEqual((status, body), (202, b''))
        self.assertEqual(headers['Content-Length'], '0')
        self.assertEqual(headers['x-amzn-Remapped-Content-Length'], '0')
        self.assertRegex(headers['x-amzn-RequestId'], UUID)
        self.assertRegex(headers['X-Amzn-Trace-Id'], TRACE)
        self.assertNotIn('X-Amz-Executed-Version', headers)
        self.settle(advance=True)
        self.assertEqual(self.journey(headers['x-amzn-RequestId'])['state'], 'succeeded')

    def test_dry_run(self):
        status, headers, body = self.post(X_Amz_Invocation_Type='DryRun')
        self.assertEqual((status, body), (204, b''))
        self.assertNotIn('X-Amz-Executed-Version', headers)

    def test_invoke_async(self):
        headers = {'Authorization': support.authorization('lambda')}
        where = '/2014-11-13/functions/f/invoke-async/'
        self.assertEqual(self.http('POST', where, headers, b'{}')[0::2], (202, b''))
        status, reply_headers, body = self.http('POST', where, headers, b'1' * 262145)
        self.assertEqual((status, reply_headers['x-amzn-ErrorType'], json.loads(body)), (413, 'RequestEntityTooLargeException', {
            'message': '262145 byte payload is too large for the Event invocation type (limit 262144 bytes)'}))
        self.settle(advance=True)

    def test_payload_limits(self):
        event = {'X_Amz_Invocation_Type': 'Event'}
        self.assertEqual(self.post(body=b'"' + b'x' * 1048574 + b'"', **event)[0], 202)
        status, headers, body = self.post(body=b'"' + b'x' * 1048575 + b'"', **event)
        self.assertEqual((status, headers['x-amzn-ErrorType'], json.loads(body)), (413, 'RequestEntityTooLargeException', {
            'message': '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)'}))
        status, headers, body = self.post(body=b'"' + b'x' * 6291455 + b'"')
        self.assertEqual((status, json.loads(body)), (413, {
            'message': 'Request must be smaller than 6291456 bytes for the InvokeFunction operation'}))
        self.settle(advance=True)

    def test_bad_json(self):
        where = '[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: %d]'
        says = 'Could not parse request body into json: Could not parse payload into json: '
        for kind in ('Event', 'RequestResponse', 'DryRun'):
            status, headers, body = self.post(body=b'{', X_Amz_Invocation_Type=kind)
            self.assertEqual((status, headers['x-amzn-ErrorType'], json.loads(body)), (400, 'InvalidRequestContentException', {
                'Type': 'User', 'message': says + 'Unexpected end-of-input: expected close marker for Object (start marker at '
                + where % 1 + ')\n at ' + where % 2}))

    def test_missing(self):
        for name, shown in [('g', 'g:$LATEST'), ('f%3A9', 'f:9'), ('f%3Anone', 'f:none')]:
            status, headers, body = self.post(name)
            self.assertEqual((status, headers['x-amzn-ErrorType'], json.loads(body)), (404, 'ResourceNotFoundException', {
                'Type': 'User', 'Message': f'Function not found: {ARN}{shown}'}))

    def test_throttle(self):
        awslambda = self.client('lambda')
        self.function('t', CODE)
        awslambda.put_function_concurrency(FunctionName='t', ReservedConcurrentExecutions=1)
        busy = threading.Thread(target=self.post, args=('t', b'{"sleep":1.5}'))
        busy.start()
        time.sleep(0.5)
        status, headers, body = self.post('t')
        self.assertEqual((status, headers['x-amzn-ErrorType'], headers['Retry-After'], body), (429, 'TooManyRequestsException', '1', (
            b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}')))
        self.assertEqual(self.post('t', X_Amz_Invocation_Type='Event')[0], 202)
        busy.join()
        self.settle()                                        # the event took the slot at once
        self.assertEqual(self.post('t')[0], 200)
        self.settle(advance=True)

    def test_client_that_leaves_gives_its_slot_back(self):
        import socket
        awslambda = self.client('lambda')
        self.function('s', CODE)
        awslambda.put_function_concurrency(FunctionName='s', ReservedConcurrentExecutions=1)
        with socket.create_connection(('127.0.0.1', self.server.port)) as s:
            body = b'{"sleep":1}'
            s.sendall((f'POST /2015-03-31/functions/s/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("lambda")}\r\n'
                       f'Content-Length: {len(body)}\r\n\r\n').encode() + body)
            time.sleep(0.3)
        self.assertEqual(self.post('s')[0], 429)
        time.sleep(1.5)
        self.assertEqual(self.post('s')[0], 200)

    def test_recursion_is_stopped(self):
        trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0'
        for _ in range(16):
            status, _, body = self.post(X_Amzn_Trace_Id=trace)
            self.assertEqual(status, 200)
            trace = json.loads(body)['trace']
        status, headers, _ = self.post(X_Amzn_Trace_Id=trace)
        self.assertEqual((status, headers['x-amzn-ErrorType']), (400, 'RecursiveInvocationException'))


if __name__ == '__main__':
    support.main()
