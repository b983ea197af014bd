"""A server under test and what exists in it, so that requests go deep: functions, queues, topics, rules, buckets.

Python's own library alone.  The names are those that inputs.py knows.
"""
import base64
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import exchange
import inputs
from damage import Case
from render import Request, render

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'contract'))
import rows  # noqa: E402  (the path comes first)

ACCOUNT = '000000000000'
REPORT = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:|broken invariant|Assertion .* failed')
START_SECONDS, STOP_SECONDS = 60, 60


def make_zip(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.external_attr, info.create_system = 0o100755 << 16, 3
            z.writestr(info, text)
    return out.getvalue()


CODE = make_zip({'index.py': 'def handler(e, c): return e\n'})


class Server:
    """One `waybill serve --ephemeral`, its output in files; or one that somebody else started (endpoint)."""

    def __init__(self, program, options=(), endpoint=None, patience=30):
        self.program, self.options, self.patience, self.process = program, list(options), patience, None
        self.dir = None if endpoint else tempfile.mkdtemp(prefix='waybill-fuzz-')
        self.port = int(endpoint.rsplit(':', 1)[1].strip('/')) if endpoint else None
        if not endpoint:
            self.start()

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(('AWS_', 'WAYBILL_'))}
        environment.update(HOME=self.dir, ASAN_OPTIONS='abort_on_error=0:exitcode=99:detect_leaks=1', UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=1')
        with open(self.path('stdout'), 'wb') as out, open(self.path('stderr'), 'wb') as err:
            self.process = subprocess.Popen([self.program, 'serve', '--ephemeral', '--port', '0', *self.options], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            cwd=self.dir, env=environment)
        end = time.monotonic() + START_SECONDS
        while True:
            found = re.search(r' ready on http://\S+:(\d+)', self.text('stdout'))
            if found:
                self.port = int(found.group(1))
                return
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f'the server did not start: {self.text("stdout")}{self.text("stderr")}')
            time.sleep(0.02)

    def path(self, name):
        return os.path.join(self.dir, name)

    def text(self, name):
        with open(self.path(name), errors='replace') as f:
            return f.read()

    def dead(self):
        """Why it is no more, with the end of what it said; '' while it lives."""
        if self.process is None or self.process.poll() is None:
            return ''
        text = self.text('stderr')
        found = REPORT.search(text)
        return f'the server ended with status {self.process.returncode}\n' + (text[max(0, found.start() - 300):found.start() + 5000] if found else text[-3000:])

    def end(self):
        """SIGTERM; what was wrong with its end, or ''."""
        if self.process is None:
            return ''
        wrong = self.dead()
        if not wrong:
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                status = f'none: it did not end within {STOP_SECONDS} s of SIGTERM'
                self.process.wait()
            text = self.text('stderr')
            found = REPORT.search(text)
            if status != 0 or found:
                wrong = f'at its end, status {status}\n' + text[max(0, found.start() - 300) if found else -3000:][:6000]
        shutil.rmtree(self.dir, ignore_errors=True)
        return wrong


class World:
    """What exists in a server, and what its replies told: addresses, handles, upload ids."""

    def __init__(self, server, services):
        self.server, self.services = server, services
        self.connection = exchange.Connection(server.port, server.patience)
        self.urls = [f'http://127.0.0.1:{server.port}/{ACCOUNT}/fzq', f'http://127.0.0.1:{server.port}/{ACCOUNT}/fzq2']

    def raw(self, request):
        case = Case(0, '', 'world', 'CONTROL', False)
        case.methods, case.sends = [request.method], [request.bytes()]
        return self.connection.run(case)[0]

    def call(self, service, operation, **value):
        reply = self.raw(render(None, self.services[service].operations[operation], value))
        if reply.status >= 300:
            raise exchange.Wrong(f'building the world: {service} {operation}: {reply}')
        return reply.data.decode('utf-8', 'replace')

    def control(self, method, path, body=None):
        return self.raw(Request(method, '/_waybill/' + path, [('Content-Type', 'application/json')], b'' if body is None else json.dumps(body).encode()))

    def build(self):
        """Empties the server and builds everything."""
        self.control('POST', 'reset')
        self.handles, self.found = [], {'s3': [], 'sns': []}
        fzq, fz = f'arn:aws:sqs:us-east-1:{ACCOUNT}:fzq', f'arn:aws:lambda:us-east-1:{ACCOUNT}:function:fz'
        role = f'arn:aws:iam::{ACCOUNT}:role/fzr'
        everything = json.dumps(inputs.ALLOW_ALL)
        own = {**inputs.TRUST['Statement'][0], 'Principal': {'AWS': ACCOUNT}}
        trust = json.dumps({**inputs.TRUST, 'Statement': inputs.TRUST['Statement'] + [own]})
        self.call('iam', 'CreateRole', RoleName='fzr', AssumeRolePolicyDocument=trust)
        self.call('iam', 'PutRolePolicy', RoleName='fzr', PolicyName='inline', PolicyDocument=everything)
        self.call('iam', 'CreatePolicy', PolicyName='fzp', PolicyDocument=everything)
        text = self.call('sts', 'AssumeRole', RoleArn=role, RoleSessionName='fuzz')
        self.session = tuple(re.search(f'<{name}>([^<]*)', text).group(1) for name in ('AccessKeyId', 'SessionToken'))
        allow = json.dumps({'Version': '2012-10-17', 'Statement': [{**inputs.STATEMENT, 'Action': 'sqs:SendMessage'}]})
        self.call('sqs', 'CreateQueue', QueueName='fzq', Attributes={'Policy': allow})
        self.call('sqs', 'CreateQueue', QueueName='fzq2')
        self.call('sqs', 'CreateQueue', QueueName='fzq.fifo', Attributes={'FifoQueue': 'true'})
        self.call('sqs', 'SendMessage', QueueUrl=self.urls[0], MessageBody='x')
        self.build_function(fz, fzq, role)
        self.call('logs', 'CreateLogGroup', logGroupName='fzg')
        self.call('logs', 'CreateLogStream', logGroupName='fzg', logStreamName='fzs')
        self.call('logs', 'PutLogEvents', logGroupName='fzg', logStreamName='fzs', logEvents=[{'timestamp': int(time.time() * 1000), 'message': '{"a": 1}'}])
        self.build_sources(fz, fzq)
        self.call('cloudwatch', 'PutMetricData', Namespace='N', MetricData=[{'MetricName': 'm', 'Value': 1.5}])

    def build_function(self, fz, fzq, role):
        code = base64.b64encode(CODE).decode()
        self.call('lambda', 'CreateFunction', FunctionName='fz', Runtime='python3.11', Role=role, Handler='index.handler', Timeout=5, Code={'ZipFile': code})
        end = time.monotonic() + 60
        while '"State":"Active"' not in self.call('lambda', 'GetFunctionConfiguration', FunctionName='fz'):
            if time.monotonic() > end:
                raise exchange.Wrong('the function did not become Active')
            time.sleep(0.01)
        self.call('lambda', 'PublishVersion', FunctionName='fz')
        self.call('lambda', 'CreateAlias', FunctionName='fz', Name='al', FunctionVersion='1')
        self.call('lambda', 'PutFunctionEventInvokeConfig', FunctionName='fz', MaximumRetryAttempts=0, DestinationConfig={
            'OnSuccess': {'Destination': fzq}, 'OnFailure': {'Destination': fzq}})
        for n, principal in enumerate(('sns', 'events', 's3')):
            self.call('lambda', 'AddPermission', FunctionName='fz', StatementId=f's{n}', Action='lambda:InvokeFunction', Principal=principal + '.amazonaws.com')

    def build_sources(self, fz, fzq):
        topic = re.search('<TopicArn>([^<]*)', self.call('sns', 'CreateTopic', Name='fzt')).group(1)
        self.call('sns', 'CreateTopic', Name='fzt.fifo', Attributes={'FifoTopic': 'true'})
        for protocol, endpoint in (('sqs', fzq), ('lambda', fz)):
            text = self.call('sns', 'Subscribe', TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True)
            self.found['sns'].append(re.search('<SubscriptionArn>([^<]*)', text).group(1))
        self.call('events', 'CreateEventBus', Name='fzb')
        self.call('events', 'PutRule', Name='fze', EventBusName='fzb', EventPattern='{"source":["a"]}')
        self.call('events', 'PutTargets', Rule='fze', EventBusName='fzb', Targets=[{'Id': '1', 'Arn': fzq}, {'Id': '2', 'Arn': fz}])
        self.call('s3', 'CreateBucket', Bucket='fz-bucket')
        self.call('s3', 'PutObject', Bucket='fz-bucket', Key='k', Body='k')
        self.call('s3', 'PutBucketNotificationConfiguration', Bucket='fz-bucket', NotificationConfiguration={
            'QueueConfigurations': [{'QueueArn': fzq, 'Events': ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']}], 'EventBridgeConfiguration': {}})

    def learn(self, service, data):
        """Remembers handles and ids of a reply: the next requests use them."""
        if service == 'sqs':
            self.handles = (self.handles + [h.decode('latin-1') for h in re.findall(rb'ReceiptHandle(?:":"|>)([^"<]+)', data)])[-20:]
        for name, what in (('s3', rb'<UploadId>([^<]+)<'), ('sns', rb'<SubscriptionArn>(arn:[^<]+)<')):
            if service == name:
                self.found[name] = (self.found[name] + [h.decode('latin-1') for h in re.findall(what, data)])[-20:]
