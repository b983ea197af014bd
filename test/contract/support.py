"""What every contract test stands on: a server of its own, and short ways to talk to it.

Runs with Debian 12's /usr/bin/python3 and its boto3 1.26; nothing else is needed.  README.md beside this file
tells how to write a test.  $WAYBILL_BINARY names the program; without it the build directories are looked through.
"""
import base64
import contextlib
import functools
import http.client
import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import unittest.mock
import zipfile

# Nothing of the caller's AWS set-up may reach a client: not its profile, its proxy, nor its credentials.
for _name in list(os.environ):
    if _name.startswith('AWS_') or _name.lower() in ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'):
        del os.environ[_name]
os.environ.update(AWS_CONFIG_FILE='/dev/null', AWS_SHARED_CREDENTIALS_FILE='/dev/null',
                  AWS_EC2_METADATA_DISABLED='true')

import boto3  # noqa: E402  (after the environment is clean)
import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.config  # noqa: E402
import botocore.credentials  # noqa: E402
import botocore.exceptions  # noqa: E402,F401  (tests use it from here)

ClientError = botocore.exceptions.ClientError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACCOUNT = '000000000000'
REGION = 'us-east-1'
START_SECONDS = 60
STOP_SECONDS = 60

# Event lines a server may write to stderr in an ordinary life.  A test that provokes others names them in
# its class attribute `expected_events`.
ORDINARY_EVENTS = {'data_directory_open', 'system_clock_stepped', 'loop_held', 'reset', 'stopping', 'stopped'}
PAGE_BYTES, SEAL_BYTES = 4096, 8


def seal(page, number):
    """src/store/seal.h: the sum that ends every page of waybill.db."""
    most = (1 << 64) - 1
    lanes = [number, 0x5851f42d4c957f2d, 0x14057b7ef767814f, 0x2545f4914f6cdd1d]
    for i, word in enumerate(struct.unpack(f'<{(PAGE_BYTES - SEAL_BYTES) // 8}Q', page[:-SEAL_BYTES])):
        lane = ((lanes[i & 3] ^ word) * 0x9e3779b97f4a7c15) & most
        lanes[i & 3] = (lane << 29 | lane >> 35) & most
    total = 0
    for lane in lanes:
        total = (((total << 17 | total >> 47) & most) * 0xd6e8feb86659fd93 & most) ^ lane
    return struct.pack('<Q', total)


def reseal(path):
    """After another program changed a database of a stopped server."""
    with open(path, 'r+b') as f:
        whole = f.read()
        f.seek(0)
        for at in range(0, len(whole), PAGE_BYTES):
            page = whole[at:at + PAGE_BYTES]
            f.write(page[:-SEAL_BYTES] + seal(page, at // PAGE_BYTES + 1))


SANITIZER = re.compile(r'AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer|runtime error:|'
                       r'CHECK failed|Assertion .* failed')

# X-Amz-Target prefix -> the service name in the credential scope
TARGET_SERVICES = {'AmazonSQS': 'sqs', 'Logs_20140328': 'logs', 'AWSEvents': 'events', 'Kinesis_20131202': 'kinesis',
                   'DynamoDB_20120810': 'dynamodb', 'DynamoDBStreams_20120810': 'dynamodb',
                   'GraniteServiceVersion20100801': 'monitoring', 'AmazonSSM': 'ssm',
                   'AmazonEC2ContainerRegistry_V20150921': 'ecr'}

FILE_NAMES = (('python', 'index.py'), ('nodejs', 'index.js'), ('provided', 'bootstrap'))

TRUST_LAMBDA = {'Version': '2012-10-17', 'Statement': [{
    'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]}
ALLOW_ALL = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}


def binary():
    """The program under test: $WAYBILL_BINARY, else the newest of the usual build directories."""
    named = os.environ.get('WAYBILL_BINARY')
    if named:
        return os.path.abspath(named)
    places = [os.path.join(ROOT, d, 'src/cli/waybill') for d in ('build-check/gcc', 'build')]
    found = [p for p in places if os.access(p, os.X_OK)]
    if not found:
        raise RuntimeError('no waybill binary: build it, or set WAYBILL_BINARY')
    return max(found, key=os.path.getmtime)


def wait_until(question, seconds=10, every=0.02, what='the condition'):
    """Asks until the answer is true and returns it; fails by name when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(every)


def authorization(service, region=REGION, key='test'):
    """An Authorization header with the right scope and a signature that only looks like one."""
    date = time.strftime('%Y%m%d', time.gmtime())
    return (f'AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/{service}/aws4_request, '
            f'SignedHeaders=host;x-amz-date, Signature={"0" * 64}')


@contextlib.contextmanager
def signing_at(at):
    """Whatever botocore signs meanwhile was signed then; None: now.  Old and new botocore read the time differently."""
    if at is None:
        yield
    elif hasattr(botocore.auth, 'get_current_datetime'):
        with unittest.mock.patch('botocore.auth.get_current_datetime', lambda remove_tzinfo=True: at):
            yield
    else:
        with unittest.mock.patch('botocore.auth.datetime') as clock:
            clock.datetime.utcnow.return_value = at
            yield


def sign(pair, service, method, url, headers=None, body=b'', region=REGION, token=None, at=None):
    """botocore's signature of a request: all its headers, Host excepted; at: a datetime instead of now."""
    signer = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
    said = {k.lower(): v for k, v in (headers or {}).items()}.get('x-amz-content-sha256')
    if said is not None:                                     # botocore would say what it computes
        signer = type('Said', (signer,), {'payload': lambda self, request: said})
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    request.context['payload_signing_enabled'] = True
    with signing_at(at):
        signer(botocore.credentials.Credentials(*pair, token), service, region).add_auth(request)
    return {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}


def make_zip(files):
    """{name: text or bytes} -> the bytes of a zip file; `bootstrap` and *.sh are executable."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            executable = os.path.basename(name) == 'bootstrap' or name.endswith('.sh')
            info.external_attr = (0o100755 if executable else 0o100644) << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, text)
    return out.getvalue()


class Headers(dict):
    """Reply headers: keys in lower case, looked up without case."""

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class Server:
    """One `waybill serve`.  Its output goes to files, so a server can never block on a full pipe."""

    def __init__(self, args=('--ephemeral',), env=None, wait=True):
        self.dir = tempfile.mkdtemp(prefix='waybill-test-')
        self.out_path = os.path.join(self.dir, 'stdout')
        self.err_path = os.path.join(self.dir, 'stderr')
        self.ready_line, self.port, self.endpoint = '', None, None
        args = list(args)
        if '--port' not in args:
            args += ['--port', '0']
        environment = {k: v for k, v in os.environ.items() if not k.startswith(('AWS_', 'WAYBILL_'))}
        environment.update(HOME=self.dir, ASAN_OPTIONS='abort_on_error=0:exitcode=99:detect_leaks=1',
                           UBSAN_OPTIONS='print_stacktrace=1:halt_on_error=0')
        environment.update(env or {})
        self.program = binary()
        self.args = args
        with open(self.out_path, 'wb') as out, open(self.err_path, 'wb') as err:
            self.process = subprocess.Popen([self.program, 'serve', *args], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, cwd=self.dir, env=environment)
        if wait:
            self.wait_ready()

    def stdout(self):
        with open(self.out_path, errors='replace') as f:
            return f.read()

    def stderr(self):
        with open(self.err_path, errors='replace') as f:
            return f.read()

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f'waybill serve {" ".join(self.args)} ended with status {self.process.returncode}:\n'
                                     f'{self.stdout()}{self.stderr()}')
            return re.search(r'^.* ready on http://(\S+):(\d+) .*$', self.stdout(), re.M)
        try:
            found = wait_until(ready, START_SECONDS, 0.01, 'the ready line')
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        self.ready_line, host, self.port = found.group(0), found.group(1), int(found.group(2))
        host = {'0.0.0.0': '127.0.0.1', '[::]': '[::1]'}.get(host, host)
        self.endpoint = f'http://{host}:{self.port}'
        found = re.search(r'; data: (\S+?)(?: \(ephemeral\))?; requests: ', self.ready_line)
        self.data = found.group(1) if found else None

    def root_pair(self):
        """The root pair of a server with --auth verify, from where its owner may read it."""
        with open(os.path.join(self.data, 'credentials')) as f:
            found = dict(re.findall(r'^(aws_\w+) = (\S+)$', f.read(), re.M))
        return found['aws_access_key_id'], found['aws_secret_access_key']

    def wait(self, seconds=STOP_SECONDS):
        """Waits for the end; kills and fails when it does not come."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'the server did not end within {seconds} s:\n{self.stderr()[-3000:]}') from None

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait()

    def kill(self):
        """As a power cut would: no goodbye."""
        self.process.kill()
        self.process.wait()

    def complaints(self, expected=()):
        """Lines of stderr that nobody expected: sanitizer reports and event= lines beyond the ordinary."""
        allowed = ORDINARY_EVENTS | set(expected)
        bad = []
        text = self.stderr()
        found = SANITIZER.search(text)
        if found:
            bad.append(text[max(0, found.start() - 400):found.start() + 6000])
        for line in text.splitlines():
            event = re.search(r'\bevent=(\w+)', line)
            if event and event.group(1) not in allowed:
                bad.append(line)
        return bad

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def end(self, expected=()):
        """SIGTERM, then: exit status 0, no complaints.  Returns a list of what was wrong."""
        try:
            status = self.stop()
        except AssertionError as e:
            return [str(e)]
        wrong = self.complaints(expected)
        if status != 0:
            wrong.append(f'exit status {status}; the end of stderr:\n{self.stderr()[-3000:]}')
        if not wrong:
            self.remove()
        return wrong


def raw_http(port, method, path, headers=None, body=b'', timeout=40):
    """One request over a connection of its own; the path is sent as it stands."""
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        headers = dict(headers or {})
        given = {k.lower() for k in headers}
        connection.putrequest(method, path, skip_host='host' in given, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if 'content-length' not in given and 'transfer-encoding' not in given and (body or method in ('POST', 'PUT')):
            connection.putheader('Content-Length', str(len(body)))
        connection.endheaders()
        if body:
            connection.send(body)
        reply = connection.getresponse()
        data = reply.read()
        return reply.status, Headers((k.lower(), v) for k, v in reply.getheaders()), data
    finally:
        connection.close()


@functools.cache
def machine_lacks(word):
    """Why this machine cannot give functions that part of their isolation; None when it can.  Found out without the
    server, whose own word is what is tested."""
    if word == 'system calls filtered':
        return None if os.path.exists('/proc/sys/kernel/seccomp/actions_avail') else 'no seccomp'
    if word == 'own users':
        return None if os.geteuid() == 0 else 'not root'
    user = [] if os.geteuid() == 0 else ['--user', '--map-root-user']
    tried = subprocess.run(['unshare', *user, '--mount', '--pid', '--fork', '--ipc', '--uts', '--mount-proc', 'true'],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return None if tried.returncode == 0 else f'no namespaces: {tried.stderr.strip()}'


class ServerCase(unittest.TestCase):
    """A test class with one ephemeral server.

    server_args           more options for `waybill serve`
    server_env            more environment variables for it
    expected_events       names of event= lines on stderr this class provokes on purpose
    reset_between_tests   True: the server is emptied before each test
    """
    server_args = ()
    server_env = None
    expected_events = ()
    reset_between_tests = False
    root_pair = ('test', 'test')                                  # of who calls; the root pair where server_args say verify
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._clients, cls._sessions = {}, {}
        cls.server = None
        cls.scratch = tempfile.mkdtemp(prefix='waybill-case-')
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.start_server()

    @classmethod
    def place(cls):
        """Where the server keeps its data, as options."""
        return ['--ephemeral']

    @classmethod
    def start_server(cls, *args):
        """Starts the class's server; again after stop_server()."""
        cls.server = Server([*cls.place(), *cls.server_args, *args], cls.server_env)
        cls.endpoint = cls.server.endpoint
        if 'verify' in cls.server_args:
            cls.root_pair = cls.server.root_pair()
        for client in cls._clients.values():
            client.close()
        cls._clients.clear()
        return cls.server

    @classmethod
    def tearDownClass(cls):
        wrong = cls.server.end(cls.expected_events) if cls.server is not None else []
        super().tearDownClass()
        if wrong:
            raise AssertionError(f'the server of {cls.__name__} ({cls.server.dir}):\n' + '\n'.join(wrong))

    def setUp(self):
        super().setUp()
        if self.server.process.poll() is not None:
            self.fail(f'the server has ended with status {self.server.process.returncode}:\n{self.server.stderr()[-3000:]}')
        if self.reset_between_tests:
            self.reset()

    # ---- clients ----

    @classmethod
    def client(cls, service, region=REGION, key=None, secret=None, token=None, endpoint=None, **config):
        """A boto3 client, kept per class.  More keywords go to botocore's Config, as parameter_validation=False."""
        endpoint = endpoint or cls.endpoint
        key, secret = key or cls.root_pair[0], secret or cls.root_pair[1]
        name = (service, region, key, secret, token, endpoint, repr(sorted(config.items())))
        if name not in cls._clients:
            options = dict(retries={'max_attempts': 0}, connect_timeout=60, read_timeout=150, max_pool_connections=50)
            options.update(config)
            who = (key, secret, token)
            if who not in cls._sessions:
                cls._sessions[who] = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret,
                                                   aws_session_token=token)
            cls._clients[name] = cls._sessions[who].client(service, region_name=region, endpoint_url=endpoint,
                                                           config=botocore.config.Config(**options))
        return cls._clients[name]

    def http(self, method, path, headers=None, body=b'', timeout=40):
        """Raw HTTP -> (status, headers, body bytes); header names are looked up without case."""
        return raw_http(self.server.port, method, path, headers, body, timeout)

    def json(self, target, params, version='1.0', region=REGION, key='test', headers=None):
        """An awsJson call, `AmazonSQS.SendMessage` -> (status, headers, dict)."""
        service = TARGET_SERVICES.get(target.split('.')[0], target.split('.')[0].lower())
        body = params if isinstance(params, (bytes, str)) else json.dumps(params)
        all_headers = {'Content-Type': f'application/x-amz-json-{version}', 'X-Amz-Target': target,
                       'X-Amz-Date': time.strftime('%Y%m%dT%H%M%SZ', time.gmtime()),
                       'Authorization': authorization(service, region, key)}
        all_headers.update(headers or {})
        status, reply_headers, data = self.http('POST', '/', all_headers, body)
        return status, reply_headers, json.loads(data) if data else {}

    def rest(self, method, path, params=None, service='lambda', region=REGION, key='test', headers=None):
        """A rest-json call -> (status, headers, dict); bytes and text are sent as they are."""
        body = b'' if params is None else params if isinstance(params, (bytes, str)) else json.dumps(params)
        all_headers = {'Authorization': authorization(service, region, key)}
        all_headers.update(headers or {})
        status, reply_headers, data = self.http(method, path, all_headers, body)
        try:
            return status, reply_headers, json.loads(data) if data else {}
        except ValueError:
            return status, reply_headers, data

    def query(self, service, params, region=REGION, key='test'):
        """A query-protocol call, params with Action and Version -> (status, headers, body bytes)."""
        from urllib.parse import urlencode
        return self.http('POST', '/', {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
                                       'Authorization': authorization(service, region, key)}, urlencode(params))

    # ---- command lines ----

    def command_environment(self, region=REGION, key=None):
        config = os.path.join(self.scratch, 'aws-config')
        if not os.path.exists(config):
            with open(config, 'w') as f:
                f.write('[default]\ncli_binary_format = raw-in-base64-out\ncli_pager =\n')
        return {'PATH': os.environ.get('PATH', '/usr/bin:/bin'), 'HOME': self.scratch, 'LANG': 'C.UTF-8', 'TZ': 'UTC',
                'AWS_CONFIG_FILE': config, 'AWS_SHARED_CREDENTIALS_FILE': '/dev/null', 'AWS_ACCESS_KEY_ID': key or self.root_pair[0],
                'AWS_SECRET_ACCESS_KEY': self.root_pair[1], 'AWS_DEFAULT_REGION': region, 'AWS_EC2_METADATA_DISABLED': 'true',
                'AWS_PAGER': '', 'WAYBILL_ENDPOINT': self.endpoint,
                'ASAN_OPTIONS': 'exitcode=99'}

    def run_aws(self, *args, region=REGION, key=None, cwd=None):
        """/usr/bin/aws -> the finished process, whatever its status."""
        return subprocess.run(['/usr/bin/aws', '--endpoint-url', self.endpoint, *map(str, args)], capture_output=True,
                              text=True, timeout=90, cwd=cwd or self.scratch, env=self.command_environment(region, key))

    def aws(self, *args, **kw):
        """/usr/bin/aws, which must succeed -> its JSON, or its text where it is not JSON."""
        done = self.run_aws(*args, **kw)
        self.assertEqual(done.returncode, 0, f'aws {" ".join(map(str, args))}\n{done.stdout}{done.stderr}')
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def run_waybill(self, *args, env=None):
        """The program's own subcommands -> the finished process; $WAYBILL_ENDPOINT names the server."""
        done = subprocess.run([self.server.program, *map(str, args)], capture_output=True, text=True, timeout=90,
                              cwd=self.scratch, env={**self.command_environment(), **(env or {})})
        self.assertIsNone(SANITIZER.search(done.stderr), done.stderr)
        return done

    def waybill(self, *args):
        """A subcommand that must succeed -> its standard output."""
        done = self.run_waybill(*args)
        self.assertEqual(done.returncode, 0, f'waybill {" ".join(map(str, args))}\n{done.stdout}{done.stderr}')
        return done.stdout

    # ---- the control API ----

    def control(self, method, path, params=None, timeout=40):
        """A call under /_waybill/ -> (status, dict)."""
        path, body = '/_waybill/' + path.lstrip('/'), '' if params is None else json.dumps(params)
        headers = {'Content-Type': 'application/json'}
        if 'verify' in self.server_args:
            headers = sign(self.root_pair, 'waybill', method, self.endpoint + path, headers, body)
        status, _, data = self.http(method, path, headers, body, timeout)
        return status, json.loads(data)

    def _control_ok(self, method, path, params=None, timeout=40):
        status, reply = self.control(method, path, params, timeout)
        self.assertEqual(status, 200, reply)
        return reply

    def isolated(self, *words):
        """Functions have each of these parts of isolation; a machine that cannot give one skips the test."""
        for word in words:
            if (why := machine_lacks(word)) is not None:
                self.skipTest(why)
            told = self.health()['isolation']
            self.assertRegex(told, rf'(^|, |user ){word}\b')

    def health(self):
        return self._control_ok('GET', 'health')

    def clock(self):
        return self._control_ok('GET', 'clock')

    def advance(self, ms):
        """Moves the server's clock; what falls due on the way is done on the way."""
        return self._control_ok('POST', 'clock', {'advance_ms': int(ms)})

    def settle(self, advance=False, timeout_ms=30000):
        """Waits until the server is quiet, and says so; with advance=True the clock walks to all due work."""
        reply = self._control_ok('POST', 'settle', {'advance': advance, 'timeout_ms': timeout_ms},
                                 timeout=timeout_ms / 1000 + 40)     # it is the server that says when it was too long
        self.assertTrue(reply['settled'], f'not settled within {timeout_ms} ms: {reply}')
        return reply

    def reset(self):
        return self._control_ok('POST', 'reset')

    def journey(self, request_id):
        return self._control_ok('GET', f'journeys/{request_id}')

    def journeys(self, function=None, limit=100):
        query = f'journeys?limit={limit}' + (f'&function={function}' if function else '')
        return self._control_ok('GET', query)['journeys']

    def steps(self, request_id):
        """The names of a journey's steps, in order."""
        return [s['step'] for s in self.journey(request_id)['steps']]

    # ---- resources ----

    zip = staticmethod(make_zip)

    def role(self, name='r', policy=None, trust=None, **client):
        """A role Lambda may assume -> its ARN.  policy: a document, a list of statements, None for everything,
        False for nothing.  A role that exists gets the new policy."""
        iam = self.client('iam', **client)
        try:
            arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST_LAMBDA))['Role']['Arn']
        except ClientError as e:
            if e.response['Error']['Code'] != 'EntityAlreadyExists':
                raise
            arn = iam.get_role(RoleName=name)['Role']['Arn']
        if isinstance(policy, list):
            policy = {'Version': '2012-10-17', 'Statement': policy}
        if policy is not False:
            document = policy if isinstance(policy, str) else json.dumps(ALLOW_ALL if policy is None else policy)
            iam.put_role_policy(RoleName=name, PolicyName='inline', PolicyDocument=document)
        return arn

    def function(self, name, code, runtime='python3.11', handler='index.handler', client=None, **kw):
        """Creates a function and waits until it is Active -> its configuration.
        code: {file name: text}, the text of its only file, or the bytes of a zip."""
        awslambda = client or self.client('lambda')
        if isinstance(code, str):
            file_name = next((f for prefix, f in FILE_NAMES if runtime.startswith(prefix)), 'index')
            if runtime.startswith('nodejs') and re.search(r'^\s*(export|import)\s', code, re.M):
                file_name = 'index.mjs'
            code = {file_name: code}
        if isinstance(code, dict):
            code = make_zip(code)
        if 'Role' not in kw:
            kw['Role'] = kw.pop('role', None) or self.role()
        kw.setdefault('Timeout', 10)
        awslambda.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Code={'ZipFile': code}, **kw)
        return self.wait_active(name, awslambda)

    def wait_active(self, name, client=None):
        """Until the function is Active and its last update is over -> its configuration."""
        awslambda = client or self.client('lambda')

        def active():
            got = awslambda.get_function_configuration(FunctionName=name)
            self.assertNotIn('Failed', (got.get('State'), got.get('LastUpdateStatus')), got)
            return got if got['State'] == 'Active' and got.get('LastUpdateStatus') in (None, 'Successful') else None
        return wait_until(active, 60, 0.02, f'{name} Active')

    def publish(self, name, client=None, **kw):
        """Publishes a version and waits until it is Active -> its number, as text."""
        version = (client or self.client('lambda')).publish_version(FunctionName=name, **kw)['Version']
        self.wait_active(f'{name}:{version}', client)
        return version

    def invoke(self, name, payload=b'{}', kind='RequestResponse', **kw):
        """Invokes -> (the reply, its payload as JSON, text where it is not JSON, None where it is empty)."""
        if not isinstance(payload, (bytes, str)):
            payload = json.dumps(payload)
        reply = self.client('lambda').invoke(FunctionName=name, InvocationType=kind, Payload=payload, **kw)
        data = reply['Payload'].read()
        try:
            return reply, json.loads(data) if data else None
        except ValueError:
            return reply, data.decode(errors='replace')

    def event(self, name, payload=b'{}', **kw):
        """Invokes asynchronously; the request id."""
        reply, _ = self.invoke(name, payload, 'Event', **kw)
        self.assertEqual(reply['StatusCode'], 202)
        return reply['ResponseMetadata']['RequestId']

    def log_tail(self, reply):
        """The text of X-Amz-Log-Result of an invoke reply."""
        return base64.b64decode(reply['LogResult']).decode()

    def queue(self, name, client=None, **attributes):
        """Creates a queue -> (url, arn)."""
        sqs = client or self.client('sqs')
        url = sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in attributes.items()})['QueueUrl']
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=['QueueArn'])
        return url, got['Attributes']['QueueArn']

    def receive(self, url, n=1, seconds=5, delete=True, client=None):
        """Up to n messages, waiting at most so long for each batch; they are deleted unless delete=False.
        n=0 looks once, without waiting, and returns what should not be there."""
        sqs = client or self.client('sqs')
        end = time.monotonic() + seconds
        messages = []
        while True:
            wanted = min(10, max(1, n - len(messages)))
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=wanted, AttributeNames=['All'],
                                      MessageAttributeNames=['All'], WaitTimeSeconds=0).get('Messages', [])
            messages += got
            for m in got if delete else ():
                sqs.delete_message(QueueUrl=url, ReceiptHandle=m['ReceiptHandle'])
            if got:
                end = time.monotonic() + seconds             # a slow machine is no empty queue
            if len(messages) >= n or time.monotonic() > end:
                return messages
            if not got:
                time.sleep(0.02)

    def records(self, url, n=1, **kw):
        """Up to n destination records from a queue, as dicts."""
        return [json.loads(m['Body']) for m in self.receive(url, n, **kw)]

    # ---- assertions ----

    def assertFault(self, code, call, *args, message=None, status=None, **kw):
        """The call must end in the AWS error `code`; message is compared whole, or searched if it is a regex."""
        with self.assertRaises(ClientError) as caught:
            call(*args, **kw)
        error = caught.exception.response
        self.assertEqual(error['Error']['Code'], code, error)
        if isinstance(message, re.Pattern):
            self.assertRegex(error['Error']['Message'], message)
        elif message is not None:
            self.assertEqual(error['Error']['Message'], message)
        if status is not None:
            self.assertEqual(error['ResponseMetadata']['HTTPStatusCode'], status)
        return error


class DataCase(ServerCase):
    """A server on a data directory that stays when the server goes.  Can stand before another ServerCase in a class's bases."""

    @classmethod
    def setUpClass(cls):
        cls.data = cls.data_directory()
        super().setUpClass()

    @classmethod
    def data_directory(cls):
        path = tempfile.mkdtemp(prefix='waybill-data-')
        cls.addClassCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    @classmethod
    def place(cls):
        return ['--data', cls.data]


def main():
    unittest.main(verbosity=1)
