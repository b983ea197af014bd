#!/usr/bin/python3
"""How an execution can end, told as on-failure records; what it writes to CloudWatch Logs."""
import json
import re

import native
import support
from flows import ARN, FAILED, FAILS, FlowCase, context, masked


class Endings(FlowCase):
    """Every kind of function error, as the record of an event without retries."""

    def fails(self, name, payload, response, request=None, condition='RetriesExhausted'):
        id = self.event(name, payload)
        self.settle(advance=True)
        response = response.replace('<id>', id)
        self.expect(self.failed, id, name + ':$LATEST', condition, 1, request or payload, context(error=True), response)
        journey = self.journey(id)
        self.assertEqual([s['step'] for s in journey['steps']], ['accepted', 'started', 'failed', 'exhausted', 'sent'])
        error = json.loads(response)
        told = journey['steps'][2]
        self.assertEqual((told['errorType'], told['errorMessage']), (error['errorType'], error['errorMessage'][:300]))
        return id

    def make(self, name, code, *args, **kw):
        self.function(name, code, *args, **kw)
        self.routes(name, retries=0)

    def test_python_exception(self):
        self.make('f', FAILS)
        self.fails('f', '{}', FAILED.replace('%s', '<id>'))

    def test_python_exception_of_a_class(self):
        self.make('f', 'class Odd(Exception):\n    pass\ndef inner(x):\n    raise Odd("ü \\"quoted\\"\\n" + x)\n'
                       'def handler(event, context):\n    inner(event["x"])\n')
        self.fails('f', '{"x":"y"}', '{"errorMessage":"\\u00fc \\"quoted\\"\\ny","errorType":"Odd","requestId":"<id>","stackTrace":['
                   '"  File \\"/var/task/index.py\\", line 6, in handler\\n    inner(event[\\"x\\"])\\n",'
                   '"  File \\"/var/task/index.py\\", line 4, in inner\\n    raise Odd(\\"\\u00fc \\\\\\"quoted\\\\\\"\\\\n\\" + x)\\n"]}')

    def test_node_exception(self):
        self.make('f', 'exports.handler = async () => {\n  const e = new TypeError("no");\n  e.stack = "TypeError: no\\n    at there";\n  throw e;\n};',
                  'nodejs20.x')
        self.fails('f', '{}', '{"errorType":"TypeError","errorMessage":"no","trace":["TypeError: no","    at there"]}')

    def test_node_rejects_with_a_text(self):
        self.make('f', 'exports.handler = () => Promise.reject("just text");', 'nodejs20.x')
        self.fails('f', '{}', '{"errorType":"string","errorMessage":"just text","trace":[]}')

    def test_native_error(self):
        self.make('f', native.bootstrap(), 'provided.al2023')
        self.fails('f', '{"do":"fail"}', '{"errorType":"Asked","errorMessage":"as asked"}')

    def test_timeout(self):
        self.make('f', native.bootstrap(), 'provided.al2023', Timeout=1)
        id = self.fails('f', '{"do":"hang"}', '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: <id> Error: Task timed out after 1.00 seconds"}')
        failed = self.journey(id)['steps'][2]
        self.assertTrue(1000 <= failed['durationMs'] < 3000, failed)
        self.assertEqual(self.invoke('f', '{"n":1}')[1], {'ran': {'n': 1}})

    def test_ends_of_the_process(self):
        self.make('f', native.bootstrap(), 'provided.al2023')
        for do, text in (('exit0', 'Runtime exited without providing a reason'), ('exit7', 'Runtime exited with error: exit status 7'),
                         ('segv', 'Runtime exited with error: signal: segmentation fault'),
                         ('kill', 'Runtime exited with error: signal: killed')):
            with self.subTest(do):
                self.fails('f', '{"do":"%s"}' % do, '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: %s"}' % text)
                self.assertEqual(self.invoke('f', '{"n":1}')[1], {'ran': {'n': 1}})

    def test_python_exits(self):
        self.make('f', 'import os, sys\ndef handler(event, context):\n    os._exit(event) if event else sys.exit(0)\n')
        self.fails('f', '3', '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: exit status 3"}')
        self.fails('f', '0', '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited without providing a reason"}')

    def test_out_of_memory(self):
        self.make('f', 'import time\ndef handler(event, context):\n    kept = []\n    while True:\n        kept.append(bytearray(b"x" * 16777216))\n'
                       '        time.sleep(0.01)\n', MemorySize=128, Timeout=30)
        id = self.event('f', '{}')
        self.settle(advance=True)
        record, = self.records(self.failed)
        self.assertEqual(record['requestContext']['condition'], 'RetriesExhausted')
        self.assertEqual(record['responsePayload'], {'errorType': 'Runtime.ExitError',
                         'errorMessage': f'RequestId: {id} Error: Runtime exited with error: signal: killed'})
        self.assertRegex(self.log_lines('/aws/lambda/f')[-1], r'\tStatus: error\tError Type: Runtime\.OutOfMemory\n$')

    def test_init_errors_of_python(self):
        rows = (
            ('import nosuchmodule\ndef handler(e, c): pass\n', 'index.handler',
             '{"errorMessage":"Unable to import module \'index\': No module named \'nosuchmodule\'","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}'),
            ('def other(e, c): pass\n', 'index.handler',
             '{"errorMessage":"Handler \'handler\' missing on module \'index\'","errorType":"Runtime.HandlerNotFound","requestId":"","stackTrace":[]}'),
            ('def handler(e, c): pass\n', 'handler',
             '{"errorMessage":"Bad handler \'handler\': not enough values to unpack (expected 2, got 1)","errorType":"Runtime.MalformedHandlerName","requestId":"","stackTrace":[]}'),
            ('def handler(e, c): pass\n', 'nofile.handler',
             '{"errorMessage":"Unable to import module \'nofile\': No module named \'nofile\'","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}'),
            ('raise ValueError("at import")\n', 'index.handler', None),
            ('def handler(e, c)\n    pass\n', 'index.handler', None),
        )
        for n, (code, handler, response) in enumerate(rows):
            with self.subTest(code=code, handler=handler):
                name = f'f{n}'
                self.make(name, code, handler=handler)
                if response is not None:
                    self.fails(name, '{}', response)
                    continue
                id = self.event(name)
                self.settle()
                record = json.loads(self.at_task_root(self.receive(self.failed)[0]['Body']))
                self.assertEqual(record['requestContext']['requestId'], id)
                self.assertEqual((record['requestContext']['condition'], record['requestContext']['approximateInvokeCount']), ('RetriesExhausted', 1))
                payload = record['responsePayload']
                if 'import' in code:
                    self.assertEqual((payload['errorType'], payload['errorMessage'], payload['requestId']), ('ValueError', 'at import', ''))
                    self.assertIn('  File "/var/task/index.py", line 1, in <module>\n    raise ValueError("at import")\n', payload['stackTrace'])
                else:
                    self.assertEqual(payload['errorType'], 'Runtime.UserCodeSyntaxError')
                    self.assertRegex(payload['errorMessage'], r"^Syntax error in module 'index': expected ':' \(index\.py, line 1\)$")

    def test_init_errors_of_node(self):
        rows = (('exports.other = async () => 1;', 'index.handler', 'Runtime.HandlerNotFound', r'^index\.handler is undefined or not exported$'),
                ('exports.handler = 5;', 'index.handler', 'Runtime.HandlerNotFound', r'^index\.handler is not a function$'),
                ('exports.handler = async () => 1;', 'nofile.handler', 'Runtime.ImportModuleError', r"^Error: Cannot find module 'nofile'"),
                ('exports.handler = async () => {', 'index.handler', 'Runtime.UserCodeSyntaxError', r'^SyntaxError: '),
                ('throw new RangeError("at load");', 'index.handler', 'RangeError', r'^at load$'))
        for n, (code, handler, error_type, message) in enumerate(rows):
            with self.subTest(code=code, handler=handler):
                name = f'n{n}'
                self.make(name, code, 'nodejs20.x', handler)
                id = self.event(name)
                self.settle()
                record, = self.records(self.failed)
                self.assertEqual(record['requestContext'], {'requestId': id, 'functionArn': f'{ARN}{name}:$LATEST',
                                                            'condition': 'RetriesExhausted', 'approximateInvokeCount': 1})
                self.assertEqual(record['responseContext'], {'statusCode': 200, 'executedVersion': '$LATEST', 'functionError': 'Unhandled'})
                self.assertEqual(record['responsePayload']['errorType'], error_type)
                self.assertRegex(record['responsePayload']['errorMessage'], message)

    def test_entry_points_that_are_none(self):
        missing = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
        for name, files, text in (('none', {'other': 'x'}, missing),
                                  ('noexec', {'bootstrap': b'\0\1\2 not a program'}, 'fork/exec /var/task/bootstrap: exec format error')):
            with self.subTest(name):
                self.make(name, files, 'provided.al2023')
                self.fails(name, '{}', '{"errorMessage":"RequestId: <id> Error: %s","errorType":"Runtime.InvalidEntrypoint"}' % text)

    def test_exit_before_the_first_next(self):
        self.make('f', '#!/bin/sh\nexit 9\n', 'provided.al2023')
        self.fails('f', '{}', '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: exit status 9"}')

    def test_oversized_response(self):
        self.make('f', native.bootstrap(), 'provided.al2023', MemorySize=256)
        self.fails('f', '{"do":"large"}', '{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
                                          '"errorType":"Function.ResponseSizeTooLarge"}')
        self.assertEqual(self.invoke('f', '{"n":1}')[1], {'ran': {'n': 1}})

    def test_unserializable_response(self):
        self.make('f', 'def handler(event, context):\n    return object\n')
        id = self.event('f')
        self.settle()
        record, = self.records(self.failed)
        self.assertEqual(record['requestContext']['requestId'], id)
        self.assertEqual(record['responsePayload']['errorType'], 'Runtime.MarshalError')
        self.assertRegex(record['responsePayload']['errorMessage'], '^Unable to marshal response: .*not JSON serializable$')
        self.assertEqual(record['responsePayload']['stackTrace'], [])


class PlainEndings(Endings):
    """The same as plain processes, where the machine allows no namespaces."""
    server_args = ('--no-sandbox',)


class Responses(FlowCase):
    """What a function answered, as it stands in the record."""

    def setUp(self):
        super().setUp()
        self.function('n', native.bootstrap(), 'provided.al2023', MemorySize=256)
        self.routes('n')

    def test_no_answer_and_null(self):
        for do, response in (('empty', None), ('null', 'null'), ('count', '14')):
            with self.subTest(do):
                body = '{"do":"%s"}' % do
                id = self.event('n', body)
                self.settle()
                self.expect(self.ok, id, 'n:$LATEST', 'Success', 1, body, context(), response)

    def test_not_json(self):
        id = self.event('n', '{"do":"text"}')
        self.settle()
        message, = self.receive(self.ok)
        text = ('{"version":"1.0","timestamp":"%s","requestContext":{"requestId":"%s","functionArn":"%sn:$LATEST","condition":"Success",'
                '"approximateInvokeCount":1},"requestPayload":{"do":"text"},"responseContext":%s,"deliveryError":{"statusCode":400,'
                '"errorCode":"InvalidRequestContentException","errorMessage":"Could not parse the function\'s response into json"}}'
                % (self.journey(id)['endedAt'], id, ARN, context()))
        self.assertEqual(message['Body'], text)

    def test_the_event_arrives_byte_for_byte(self):
        """Also for RequestResponse: whitespace, number text, duplicate keys and escapes are the sender's."""
        body = b'\t{ "a" :1.0e+2 , "a":\r\n "\\u00e9\xc3\xa9" }\n'
        status, _, data = self.invoke_raw('n', body, 'RequestResponse')
        self.assertEqual((status, data), (200, b'{"ran":' + body + b'}'))
        counted = b'  {"do":"count"  , "pad" : [ ] }  '
        id = self.event('n', counted)
        self.settle()
        self.expect(self.ok, id, 'n:$LATEST', 'Success', 1, '{"do":"count","pad":[]}', context(), str(len(counted)))

    def test_payloads_of_any_type(self):
        for body in ('"text"', '5', '-0.0', '1e400', 'true', 'null', '[]', '[1,{"a":null}]', '"\\ud83d\\ude00 ü"', '{"a":1,"a":2}',
                     '123456789012345678901234567890.10'):
            with self.subTest(body):
                id = self.event('n', body.encode())
                self.settle()
                self.expect(self.ok, id, 'n:$LATEST', 'Success', 1, body, context(), '{"ran":%s}' % body)

    def test_empty_payload(self):
        for body in (b'', b'{}'):
            id = self.event('n', body)
            self.settle()
            self.expect(self.ok, id, 'n:$LATEST', 'Success', 1, '{}', context(), '{"ran":{}}')

    def test_what_the_function_sees(self):
        """An event has no client context, even if one was sent; its ARN is the one asked for."""
        self.function('ctx', 'import os\ndef handler(e, c):\n    return [c.aws_request_id, c.invoked_function_arn, c.function_version,\n'
                             '            c.client_context is None, os.environ.get("_X_AMZN_TRACE_ID"), c.get_remaining_time_in_millis() > 5000]\n')
        self.routes('ctx')
        id = self.event('ctx', '{}', ClientContext='eyJjdXN0b20iOnsiYSI6IjEifX0=')
        self.settle()
        record, = self.records(self.ok)
        payload = record['responsePayload']
        self.assertEqual([payload[i] for i in (0, 1, 2, 3, 5)], [id, ARN + 'ctx', '$LATEST', True, True])
        self.assertRegex(payload[4], r'^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$')

    def test_the_trace_is_continued(self):
        self.function('trace', 'import os\ndef handler(e, c):\n    return os.environ["_X_AMZN_TRACE_ID"]\n')
        self.routes('trace')
        root = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
        status, headers, _ = self.invoke_raw('trace', '{}', X_Amzn_Trace_Id=root)
        self.assertEqual((status, headers['X-Amzn-Trace-Id']), (202, root.replace('R', 'r').replace('P', 'p').replace('S', 's')))
        self.settle()
        record, = self.records(self.ok)
        self.assertTrue(record['responsePayload'].startswith(root + ';Lineage=1:'), record)


class Logs(FlowCase):
    def test_lines_of_a_success(self):
        self.function('l', 'def handler(e, c):\n    print("one\\rhalf")\n    print("two")\n')
        first, second = self.event('l'), None
        self.settle()
        second = self.event('l')
        self.settle()
        lines = [masked(line) for line in self.log_lines('/aws/lambda/l')]
        self.assertRegex(lines[0], r'^INIT_START Runtime Version: python:3\.11\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n$')
        self.assertEqual(lines[1:], [
            f'START RequestId: {first} Version: $LATEST\n', 'one\rhalf\n', 'two\n', f'END RequestId: {first}\n',
            f'REPORT RequestId: {first}\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\tInit Duration: N ms\t\n',
            f'START RequestId: {second} Version: $LATEST\n', 'one\rhalf\n', 'two\n', f'END RequestId: {second}\n',
            f'REPORT RequestId: {second}\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\t\n'])
        stream, = self.client('logs').describe_log_streams(logGroupName='/aws/lambda/l')['logStreams']
        self.assertRegex(stream['logStreamName'], r'^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$')

    def test_retries_write_the_same_id(self):
        self.function('r', FAILS)
        id = self.event('r')
        self.settle(advance=True)
        lines = [masked(line) for line in self.log_lines('/aws/lambda/r')]
        attempt = [f'START RequestId: {id} Version: $LATEST\n',
                   '[ERROR] ValueError: no\nTraceback (most recent call last):\n\xa0\xa0File "/var/task/index.py", line 2, in handler\n'
                   '\xa0\xa0\xa0\xa0raise ValueError("no")\n', f'END RequestId: {id}\n']
        report = f'REPORT RequestId: {id}\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\t'
        warm = [*attempt, report + '\n']
        self.assertEqual(lines[1:], [*attempt, report + 'Init Duration: N ms\t\n', *warm, *warm])

    def test_timeout_and_exit(self):
        self.function('t', native.bootstrap(), 'provided.al2023', Timeout=1)
        self.routes('t', retries=0)
        hung = self.event('t', '{"do":"hang"}')
        self.settle()
        died = self.event('t', '{"do":"exit7"}')
        self.settle()
        text = ''.join(self.log_lines('/aws/lambda/t'))
        self.assertRegex(text, rf'(?m)^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {hung} Task timed out after 1\.00 seconds$')
        self.assertRegex(text, rf'(?m)^REPORT RequestId: {hung}\tDuration: 1000\.\d\d ms\t.*\tStatus: timeout$')
        self.assertRegex(text, rf'(?m)^RequestId: {died} Error: Runtime exited with error: exit status 7\nRuntime\.ExitError$')
        self.assertRegex(text, rf'(?m)^REPORT RequestId: {died}\t.*\tStatus: error\tError Type: Runtime\.ExitError$')

    def test_versions_and_groups(self):
        self.function('v', 'def handler(e, c):\n    print("line")\n', Publish=True)
        self.client('lambda').invoke(FunctionName='v', Qualifier='1', InvocationType='Event', Payload=b'{}')
        self.settle()
        stream, = self.client('logs').describe_log_streams(logGroupName='/aws/lambda/v')['logStreams']
        self.assertRegex(stream['logStreamName'], r'^\d{4}/\d\d/\d\d/\[1\][0-9a-f]{32}$')
        self.assertIn('Version: 1\n', ''.join(self.log_lines('/aws/lambda/v')))

    def test_delivery_writes_no_line(self):
        self.function('d', 'def handler(e, c):\n    pass\n')
        self.routes('d')
        self.event('d')
        self.settle()
        self.assertEqual([line.split()[0] for line in self.log_lines('/aws/lambda/d')], ['INIT_START', 'START', 'END', 'REPORT'])


if __name__ == '__main__':
    support.main()
