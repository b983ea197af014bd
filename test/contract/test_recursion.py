#!/usr/bin/python3
"""Chains of invocations that feed themselves end after sixteen executions of a function."""
import json

import native
import support
from flows import ARN, FlowCase

SELF = '''
import boto3, botocore.config, json, os
client = boto3.client('lambda', config=botocore.config.Config(read_timeout=290, retries={'max_attempts': 0}))
def handler(event, context):
    print('run', event['n'])
    client.invoke(FunctionName=context.function_name, InvocationType=event['kind'], Payload=json.dumps({**event, 'n': event['n'] + 1}))
'''


class Destinations(FlowCase):
    def ring(self, *names):
        """Each is the on-success destination of the one before it."""
        for name in names:
            self.function(name, native.bootstrap(), 'provided.al2023')
        for name, after in zip(names, names[1:] + names[:1]):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig={
                'OnSuccess': {'Destination': ARN + after}, 'OnFailure': {'Destination': self.failed_arn}})

    def executions(self, name):
        return [j for j in self.journeys(limit=200) if j['functionArn'] == ARN + name and any(s['step'] == 'started' for s in j['steps'])]

    def test_two_functions_stop(self):
        self.ring('a', 'b')
        first = self.event('a', '{"do":"null"}')
        self.settle(advance=True)
        self.assertEqual((len(self.executions('a')), len(self.executions('b'))), (16, 16))
        stopped, = [j for j in self.journeys(limit=200) if j['state'] == 'dropped']
        self.assertEqual(stopped['functionArn'], ARN + 'a')
        self.assertEqual([s['step'] for s in stopped['steps']], ['accepted', 'recursion', 'sent'])
        self.assertEqual(stopped['steps'][1]['executions'], 16)
        record, = self.records(self.failed)
        self.assertEqual(list(record), ['version', 'timestamp', 'requestContext', 'requestPayload', 'responseContext'])
        self.assertEqual(record['requestContext'], {'requestId': stopped['requestId'], 'functionArn': ARN + 'a:$LATEST',
                                                    'condition': 'RecursiveInvocation', 'approximateInvokeCount': 0})
        self.assertEqual(record['responseContext'], {'statusCode': 400})
        self.assertNotEqual(stopped['requestId'], first)

    def test_three_functions_stop(self):
        self.ring('a', 'b', 'c')
        self.event('b', '{"do":"null"}')
        self.settle(advance=True)
        self.assertEqual([len(self.executions(n)) for n in 'abc'], [16, 16, 16])
        self.assertEqual(len(self.records(self.failed)), 1)

    def test_a_new_chain_starts_from_nothing(self):
        self.ring('a', 'b')
        for _ in range(2):
            self.event('a', '{"do":"null"}')
            self.settle(advance=True)
        self.assertEqual(len(self.executions('a')), 32)
        self.assertEqual(len(self.records(self.failed, 2)), 2)

    def test_retries_do_not_count(self):
        """Three attempts of one event are one execution of the chain."""
        self.function('a', native.bootstrap(), 'provided.al2023')
        self.function('b', native.bootstrap(), 'provided.al2023')
        self.routes('b')
        for name, to in (('a', 'b'),):
            self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig={
                'OnFailure': {'Destination': ARN + to}})
        self.event('a', '{"do":"fail"}')
        self.settle(advance=True)
        self.assertEqual(len(self.records(self.failed)), 1)
        trace = [m for m in self.journeys() if m['functionArn'] == ARN + 'b']
        self.assertEqual([s['step'] for s in trace[0]['steps']].count('started'), 3)

    def test_allow(self):
        """With Allow on one of the two, the other ends the chain."""
        self.ring('a', 'b')
        status, _, body = self.request('PUT', '/2024-08-31/functions/a/recursion-config', {'RecursiveLoop': 'Allow'})
        self.assertEqual((status, body), (200, b'{"RecursiveLoop":"Allow"}'))
        self.event('a', '{"do":"null"}')
        self.settle(advance=True)
        self.assertEqual((len(self.executions('a')), len(self.executions('b'))), (17, 16))
        record, = self.records(self.failed)
        self.assertEqual(record['requestContext']['functionArn'], ARN + 'b:$LATEST')


class Sdk(FlowCase):
    """A function calls itself with boto3, which forwards the trace header it finds in the environment."""

    def runs(self, name):
        return sorted(int(line.split()[1]) for line in self.log_lines('/aws/lambda/' + name) if line.startswith('run'))

    def test_event(self):
        self.function('me', SELF, MemorySize=256, Timeout=60)
        self.routes('me', success=False, retries=0)
        self.event('me', {'kind': 'Event', 'n': 1})
        self.settle(advance=True, timeout_ms=60000)
        self.assertEqual(self.runs('me'), list(range(1, 17)))
        record, = self.records(self.failed)
        self.assertEqual((record['requestContext']['condition'], record['requestContext']['approximateInvokeCount'],
                          record['requestPayload'], record['responseContext']), ('RecursiveInvocation', 0, {'kind': 'Event', 'n': 17}, {'statusCode': 400}))

    def test_request_response(self):
        """The seventeenth is refused to its caller, whose error goes back through all of them."""
        self.function('me', SELF, MemorySize=256, Timeout=300)          # sixteen cold starts stand in a row
        reply = self.client('lambda', read_timeout=300).invoke(FunctionName='me', Payload=json.dumps({'kind': 'RequestResponse', 'n': 1}))
        self.assertEqual(self.runs('me'), list(range(1, 17)))
        self.assertEqual(reply.get('FunctionError'), None)      # boto3's invoke does not raise for a function's error
        errors = [line for line in self.log_lines('/aws/lambda/me') if line.startswith('[ERROR]')]
        self.assertEqual(len(errors), 1)
        self.assertRegex(errors[0], r'^\[ERROR\] (RecursiveInvocationException|ClientError): An error occurred \(RecursiveInvocationException\)')

    def test_allow(self):
        self.function('me', SELF.replace("    client.invoke", "    if event['n'] < 19: client.invoke"), MemorySize=256, Timeout=60)
        self.request('PUT', '/2024-08-31/functions/me/recursion-config', {'RecursiveLoop': 'Allow'})
        self.event('me', {'kind': 'Event', 'n': 1})
        self.settle(advance=True, timeout_ms=60000)
        self.assertEqual(self.runs('me'), list(range(1, 20)))

    def test_the_refusal_itself(self):
        self.function('x', 'def handler(e, c):\n    pass\n')
        import zlib
        hash = '%08x' % zlib.crc32((ARN + 'x').encode())
        trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=%d:' + hash + ':%d'
        for n, status in ((15, 200), (16, 400)):
            with self.subTest(n):
                reply = self.invoke_raw('x', '{}', 'RequestResponse', X_Amzn_Trace_Id=trace % (n, n - 1))
                self.assertEqual(reply[0], status, reply[2])
        self.assertEqual(reply[1]['x-amzn-ErrorType'], 'RecursiveInvocationException')
        self.assertEqual(list(json.loads(reply[2])), ['Type', 'Message'])
        self.assertEqual(self.invoke_raw('x', '{}', 'Event', X_Amzn_Trace_Id=trace % (16, 15))[0], 202)


if __name__ == '__main__':
    support.main()
