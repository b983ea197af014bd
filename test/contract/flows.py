"""What the tests of the asynchronous half share: records compared as whole texts, journeys as whole lists."""
import json
import re

import support

ARN = f'arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:'
ERROR_SOURCE = '[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]'
UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
FAILS = 'def handler(event, context):\n    raise ValueError("no")\n'
FAILED = ('{"errorMessage":"no","errorType":"ValueError","requestId":"%s","stackTrace":["  File \\"/var/task/index.py\\", '
          'line 2, in handler\\n    raise ValueError(\\"no\\")\\n"]}')
TRIED = ['started', 'failed', 'retry']


def context(version='$LATEST', error=False):
    """The text of responseContext after an execution."""
    return '{"statusCode":200,"executedVersion":"%s"%s}' % (version, ',"functionError":"Unhandled"' if error else '')


class FlowCase(support.ServerCase):
    """A server, its two queues `ok` and `failed`, and the words of these tests."""

    reset_between_tests = True

    def setUp(self):
        super().setUp()
        self.ok, self.ok_arn = self.queue('ok')
        self.failed, self.failed_arn = self.queue('failed')

    def routes(self, name, success=True, failure=True, qualifier=None, retries=None, age=None):
        """Both queues become the function's destinations."""
        options = {} if qualifier is None else {'Qualifier': qualifier}
        if retries is not None:
            options['MaximumRetryAttempts'] = retries
        if age is not None:
            options['MaximumEventAgeInSeconds'] = age
        routes = {'OnSuccess': {'Destination': self.ok_arn}} if success else {}
        if failure:
            routes['OnFailure'] = {'Destination': self.failed_arn}
        self.client('lambda').put_function_event_invoke_config(FunctionName=name, DestinationConfig=routes, **options)

    def expect(self, url, request_id, function, condition, count, request, response_context=None, response=None):
        """Takes the one message of the queue and compares it, character by character, with the record AWS would write.
        function: `name:qualifier`; request, response: the JSON text as it must stand in the record; None: no member."""
        message, = self.receive(url, 1) or [None]
        self.assertIsNotNone(message, f'no record; the journey: {self.told(request_id)}')
        self.assertEqual(self.receive(url, 0), [], 'more than one record')
        ended = self.journey(request_id)['endedAt']
        text = ('{"version":"1.0","timestamp":"%s","requestContext":{"requestId":"%s","functionArn":"%s","condition":"%s",'
                '"approximateInvokeCount":%d},"requestPayload":%s' % (ended, request_id, ARN + function, condition, count, request))
        if response_context is not None:
            text += ',"responseContext":' + response_context
        if response is not None:
            text += ',"responsePayload":' + response
        text += '}'
        message['Body'] = self.at_task_root(message['Body'])
        if message['Body'] != text and len(text) + len(message['Body']) > 20000:
            self.fail(f'{len(message["Body"])} bytes: {message["Body"][:500]} ... instead of {len(text)}: {text[:500]}')
        self.assertEqual(message['Body'], text)
        self.assertEqual(message.get('MessageAttributes'), None)
        return message

    def at_task_root(self, text):
        """Where functions have no root of their own, their code lies in the data directory: told as if at /var/task."""
        if 'private root' in self.health()['isolation']:
            return text
        return re.sub(r'/[^"\s]*/code/[0-9a-f]{64}/task/', '/var/task/', text)

    def told(self, request_id):
        return [s['text'] for s in self.journey(request_id)['steps']]

    def rate(self, rate):
        """Server milliseconds per real one: the only way to move the clock while a function runs."""
        self.assertEqual(self.control('POST', 'clock', {'rate': rate})[0], 200)

    def ended(self, request_id, seconds=20):
        """Waits in real time until the event's journey has ended."""
        return support.wait_until(lambda: (j := self.journey(request_id)).get('endedAt') and j, seconds, what='the end')

    def invoke_raw(self, name, body, kind='Event', **headers):
        all_headers = {'Authorization': support.authorization('lambda'), 'X-Amz-Invocation-Type': kind}
        all_headers.update({k.replace('_', '-'): v for k, v in headers.items()})
        return self.http('POST', f'/2015-03-31/functions/{name}/invocations', all_headers, body)

    def assertError(self, reply, status, code, body):
        """A whole error reply: status, the header with the code, the body as text, the content type, a request id."""
        self.assertEqual((reply[0], reply[1]['x-amzn-ErrorType'], reply[2].decode()), (status, code, body))
        self.assertEqual(reply[1]['Content-Type'], 'application/json')
        self.assertRegex(reply[1]['x-amzn-RequestId'], f'^{UUID}$')

    def log_lines(self, group):
        """Every line of a log group, oldest first."""
        events = self.client('logs').filter_log_events(logGroupName=group)['events']
        return [e['message'] for e in events]

    def request(self, method, path, body):
        """A raw REST call -> (status, headers, body bytes)."""
        return self.http(method, path, {'Authorization': support.authorization('lambda')}, json.dumps(body))


def masked(text):
    """Durations and memory, which differ each time, as N."""
    return re.sub(r'\d+(\.\d+)? (ms|MB)(?=\t|$)', r'N \2', text)
