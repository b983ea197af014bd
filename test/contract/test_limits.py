#!/usr/bin/python3
"""Payloads at their limits, and texts that are no JSON: whole error replies, and nothing queued."""
import json

import native
import support
from flows import ARN, ERROR_SOURCE, FlowCase, context

PREFIX = 'Could not parse request body into json: Could not parse payload into json: '
EXPECTED = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


class Limits(FlowCase):
    def setUp(self):
        super().setUp()
        self.function('n', native.bootstrap(), 'provided.al2023', MemorySize=512, Timeout=60)

    def text(self, n):
        """A JSON text of n bytes."""
        return b'"' + b'x' * (n - 2) + b'"'

    def count(self, n):
        head, tail = b'{"do":"count","pad":"', b'"}'
        return head + b'x' * (n - len(head) - len(tail)) + tail

    def too_large(self, reply, message):
        self.assertError(reply, 413, 'RequestEntityTooLargeException', json.dumps({'message': message}, separators=(',', ':')))

    def test_event(self):
        """Acceptance 9."""
        self.routes('n', failure=False)
        reply = self.invoke_raw('n', self.count(1048576))
        self.assertEqual((reply[0], reply[2]), (202, b''))
        self.too_large(self.invoke_raw('n', self.count(1048577)),
                       '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)')
        self.too_large(self.invoke_raw('n', b'x' * 1048577), '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)')
        self.settle()
        journey, = self.journeys()
        self.assertEqual((journey['requestId'], journey['steps'][0]['payloadBytes'], journey['state']),
                         (reply[1]['x-amzn-RequestId'], 1048576, 'succeeded'))
        record, = self.records(self.ok)
        self.assertEqual(record['responseContext'], {'statusCode': 200, 'executedVersion': '$LATEST'})

    def test_invoke_async(self):
        headers = {'Authorization': support.authorization('lambda')}
        where = '/2014-11-13/functions/n/invoke-async/'
        self.assertEqual(self.http('POST', where, headers, self.text(262144))[0], 202)
        self.too_large(self.http('POST', where, headers, self.text(262145)),
                       '262145 byte payload is too large for the Event invocation type (limit 262144 bytes)')
        self.settle()
        self.assertEqual(len(self.journeys()), 1)

    def test_request_response(self):
        reply = self.invoke_raw('n', self.count(6291456), 'RequestResponse')
        self.assertEqual((reply[0], reply[2]), (200, b'6291456'))
        self.too_large(self.invoke_raw('n', self.count(6291457), 'RequestResponse'),
                       'Request must be smaller than 6291456 bytes for the InvokeFunction operation')
        self.too_large(self.invoke_raw('n', self.count(6291457), 'DryRun'),
                       'Request must be smaller than 6291456 bytes for the InvokeFunction operation')

    def test_texts_that_are_no_json(self):
        where = '\n at ' + ERROR_SOURCE
        rows = (
            (b'"\x87"', 'Invalid UTF-8 start byte 0x87' + where % (1, 2)),
            (b'\x99', f'Unexpected character ((CTRL-CHAR, code 153)): {EXPECTED}' + where % (1, 1)),
            (b'{"a":1', 'Unexpected end-of-input: expected close marker for Object (start marker at '
             + ERROR_SOURCE % (1, 1) + ')' + where % (1, 7)),
        )
        for kind in ('Event', 'RequestResponse', 'DryRun'):
            for body, message in rows:
                with self.subTest(kind=kind, body=body):
                    self.assertError(self.invoke_raw('n', body, kind), 400, 'InvalidRequestContentException',
                                     json.dumps({'Type': 'User', 'message': PREFIX + message}, separators=(',', ':')))
        self.assertEqual(self.journeys(), [])

    def test_more_texts_that_are_no_json(self):
        for body in (b'{', b'[1,]', b'{"a"}', b'nul', b'tru', b"'a'", b'{a:1}', b'1 2', b'{} x', b'"a\nb"', b'"\\x"', b'01', b'+1', b'.5',
                     b'1.', b'"\xff"', b'"abc', b'NaN', b'Infinity', b' ', b'\n', b'{"a":1,}', b'"\xed\xa0\x80"', b'\xef\xbb\xbf{}',
                     b'[' * 100000):
            for kind in ('Event', 'RequestResponse'):
                with self.subTest(kind=kind, body=body[:20]):
                    status, headers, data = self.invoke_raw('n', body, kind)
                    self.assertEqual((status, headers['x-amzn-ErrorType']), (400, 'InvalidRequestContentException'), data)
                    reply = json.loads(data)
                    self.assertEqual(list(reply), ['Type', 'message'])
                    self.assertTrue(reply['message'].startswith(PREFIX), reply)
                    self.assertRegex(reply['message'], r'line: \d+, column: \d+\]$')
        self.assertEqual(self.journeys(), [])

    def test_size_is_looked_at_before_the_text(self):
        self.assertEqual(self.invoke_raw('n', b'{' * 1048577)[0], 413)

    def test_the_function_is_looked_for_before_the_size(self):
        self.assertError(self.invoke_raw('nobody', b'{' * 1048577), 404, 'ResourceNotFoundException',
                         '{"Type":"User","Message":"Function not found: %snobody:$LATEST"}' % ARN)

    def test_what_is_not_queued(self):
        rows = (('n%3A7', '', 404, 'ResourceNotFoundException', '{"Type":"User","Message":"Function not found: %sn:7"}' % ARN),
                ('n%3Anone', '', 404, 'ResourceNotFoundException', '{"Type":"User","Message":"Function not found: %sn:none"}' % ARN),
                ('n%3A1', '?Qualifier=2', 400, 'InvalidParameterValueException', '{"Type":"User","message":"The derived qualifier from the '
                 'function name does not match the specified qualifier."}'),
                ('arn:aws:lambda:eu-west-1:000000000000:function:n', '', 404, 'ResourceNotFoundException',
                 '{"Type":"User","Message":"Functions from \'eu-west-1\' are not reachable in this region (\'us-east-1\')"}'))
        for name, query, status, code, body in rows:
            with self.subTest(name):
                reply = self.http('POST', f'/2015-03-31/functions/{name}/invocations{query}', {
                    'Authorization': support.authorization('lambda'), 'X-Amz-Invocation-Type': 'Event'}, b'{}')
                self.assertError(reply, status, code, body)
        self.assertEqual(self.journeys(), [])

    def test_pending(self):
        """A function that is not ready yet takes no event."""
        for i in range(20):                                  # ready in 50 ms: a slow machine may need another look
            self.client('lambda').create_function(FunctionName=f'p{i}', Runtime='provided.al2023', Handler='h', Role=self.role(),
                                                  Code={'ZipFile': self.zip(native.bootstrap())})
            reply = self.invoke_raw(f'p{i}', b'{}')
            if reply[0] != 202:
                break
        self.assertError(reply, 409, 'ResourceConflictException', '{"Type":null,"message":"The operation cannot be performed at this time. '
                         'The function is currently in the following state: Pending"}')
        self.wait_active(f'p{i}')

    def test_tail_is_for_request_response_only(self):
        reply = self.invoke_raw('n', b'{}', X_Amz_Log_Type='Tail')
        self.assertEqual(reply[0], 202)
        self.assertNotIn('X-Amz-Log-Result', reply[1])
        self.assertNotIn('X-Amz-Executed-Version', reply[1])
        self.assertEqual((reply[1]['x-amzn-Remapped-Content-Length'], reply[1]['Content-Length']), ('0', '0'))
        self.settle()


if __name__ == '__main__':
    support.main()
