"""Waybill's runtime client for python3.x functions.

Takes events from the Runtime API, calls the handler, posts what it returned or raised.  Behaves as the Lambda
developer guide describes AWS's client; made to start fast (nothing is imported that the function may not need) and
to answer fast (one raw keep-alive socket; a result and the question for the next event leave in one write).
"""
import _socket                             # what `socket` adds takes 3 ms to import and is not needed here
import json
import os
import sys
import time

FRAME = b'\xa5\x5a\x00\x03'                # one log event of several lines; see runtime/output.h
FRAME_MOST = 256 * 1024
HERE = os.path.dirname(os.path.abspath(__file__))
NO_BREAK = '\u00a0'

request_id = None                          # of the event in work, for log lines


class Fault(Exception):
    """An error of the platform's own making: type and text are fixed, there is no user frame to show."""

    def __init__(self, error_type, message, trace=None):
        super().__init__(message)
        self.error_type = error_type
        self.trace = trace or []


# ---- the Runtime API ----

class Api:
    def __init__(self, address):
        host, port = address.rsplit(':', 1)
        self.socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.data = b''
        agent = 'aws-lambda-python/%s-waybill' % sys.version.split()[0]
        self.common = ('Host: %s\r\nUser-Agent: %s\r\n' % (address, agent)).encode()
        self.next_request = b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n' + self.common + b'\r\n'

    def post(self, path, body, content_type=b'application/json', error_type=None, then=b''):
        head = b'POST /2018-06-01/runtime/' + path + b' HTTP/1.1\r\n' + self.common
        head += b'Content-Type: ' + content_type + b'\r\nContent-Length: %d\r\n' % len(body)
        if error_type:
            safe = ''.join(c for c in error_type if ' ' <= c <= '~')
            head += b'Lambda-Runtime-Function-Error-Type: ' + safe.encode() + b'\r\n'
        self.socket.sendall(head + b'\r\n' + body + then)

    def reply(self):
        """Status, headers (lower-case names) and body of the next reply."""
        data = self.data
        end = data.find(b'\r\n\r\n')
        while end < 0:
            data += self.more()
            end = data.find(b'\r\n\r\n')
        lines = data[:end].decode('utf-8', 'replace').split('\r\n')
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(': ')
            headers[name.lower()] = value
        start = end + 4
        length = int(headers.get('content-length', 0))
        if len(data) < start + length:
            parts = [data]
            have = len(data)
            while have < start + length:
                parts.append(self.more())
                have += len(parts[-1])
            data = b''.join(parts)
        self.data = data[start + length:]
        return int(lines[0].split(' ', 2)[1]), headers, data[start:start + length]

    def more(self):
        try:
            part = self.socket.recv(262144)
        except OSError as e:
            give_up('the Runtime API cannot be read: %s' % e)
        if not part:
            give_up('the Runtime API closed the connection')
        return part


def give_up(why):
    """The environment is over.  Nobody may be left to read it, but whoever looks for a cause must find one."""
    try:
        sys.stdout.flush()
        os.write(2, ('waybill runtime client: %s; ending\n' % why).encode('utf-8', 'replace'))
    finally:
        os._exit(1)


# ---- log lines ----

def write_event(text):
    """One log event, whatever lines it has."""
    data = text.encode('utf-8', 'replace')[:FRAME_MOST]
    if b'\n' in data:
        data = FRAME + len(data).to_bytes(4, 'big') + data
    else:
        data += b'\n'
    while data:
        data = data[os.write(1, data):]


def timestamp(seconds):
    whole = int(seconds)
    return '%s.%03dZ' % (time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole)), int((seconds - whole) * 1000))


def hard_indent(line):
    text = line.lstrip(' ')
    return NO_BREAK * (len(line) - len(text)) + text


def log_error(error):
    sys.stdout.flush()
    if os.environ.get('AWS_LAMBDA_LOG_FORMAT') == 'JSON':
        record = {'timestamp': timestamp(time.time()), 'level': 'ERROR', 'message': error['errorMessage'],
                  'requestId': request_id or ''}
        record.update((k, error[k]) for k in ('errorType', 'errorMessage', 'stackTrace'))
        write_event(json.dumps(record, ensure_ascii=False))
        return
    lines = ['[ERROR] %s: %s' % (error['errorType'], error['errorMessage']), 'Traceback (most recent call last):']
    for element in error['stackTrace']:
        lines.extend(hard_indent(line) for line in element.splitlines())
    write_event('\n'.join(lines))


def install_log_handler(logging):
    levels = {'TRACE': logging.DEBUG, 'DEBUG': logging.DEBUG, 'INFO': logging.INFO, 'WARN': logging.WARNING,
              'ERROR': logging.ERROR, 'FATAL': logging.CRITICAL}
    as_json = os.environ.get('AWS_LAMBDA_LOG_FORMAT') == 'JSON'

    class Handler(logging.Handler):
        def emit(self, record):
            try:
                write_event((json_line if as_json else text_line)(self, record))
            except Exception:
                self.handleError(record)

    plain = logging.Formatter('%(message)s')

    def text_line(handler, record):
        message = (handler.formatter or plain).format(record)
        if handler.formatter is not None:
            return message.rstrip('\n')
        return '[%s]\t%s\t%s\t%s' % (record.levelname, timestamp(record.created), request_id or '', message)

    def json_line(handler, record):
        line = {'timestamp': timestamp(record.created), 'level': record.levelname.replace('WARNING', 'WARN').replace('CRITICAL', 'FATAL'),
                'message': record.getMessage(), 'logger': record.name, 'requestId': request_id or ''}
        if record.exc_info and record.exc_info[0]:
            line['errorType'] = record.exc_info[0].__name__
            line['errorMessage'] = str(record.exc_info[1])
            line['stackTrace'] = stack_of(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)

    logging.root.addHandler(Handler())
    if as_json:
        logging.root.setLevel(levels.get(os.environ.get('AWS_LAMBDA_LOG_LEVEL', 'INFO'), logging.INFO))


def point_old_botocore_here(module):
    """botocore reads AWS_ENDPOINT_URL itself only since 1.31; an older one would leave for the real AWS."""
    import botocore
    if tuple(int(part) for part in botocore.__version__.split('.')[:2]) >= (1, 31):
        return
    create = module.ClientCreator.create_client

    def create_client(self, service_name, region_name, is_secure=True, endpoint_url=None, *rest, **named):
        if endpoint_url is None:
            own = 'AWS_ENDPOINT_URL_' + service_name.upper().replace('-', '_')
            endpoint_url = os.environ.get(own) or os.environ.get('AWS_ENDPOINT_URL')
        return create(self, service_name, region_name, is_secure, endpoint_url, *rest, **named)

    module.ClientCreator.create_client = create_client


class AfterImport:
    """Finds nothing itself: lets the others find, and runs a function when the module has been executed."""

    hooks = {'logging': install_log_handler, 'botocore.client': point_old_botocore_here}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hook = cls.hooks.pop(name, None)
        if hook is None:
            return None
        from importlib.machinery import PathFinder
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            hook(module)

        spec.loader.exec_module = exec_module
        return spec


# ---- errors ----

def stack_of(traceback_object):
    """The frames from the first that is not ours on, as traceback.format_list writes them."""
    import traceback
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(traceback_object)]
    while frames and frames[0][0].startswith(HERE):
        frames.pop(0)
    return traceback.format_list(frames)


def describe(error, invocation_id):
    if isinstance(error, Fault):
        return {'errorMessage': str(error), 'errorType': error.error_type, 'requestId': invocation_id, 'stackTrace': error.trace}
    return {'errorMessage': str(error), 'errorType': type(error).__name__, 'requestId': invocation_id,
            'stackTrace': stack_of(error.__traceback__)}


# ---- the function ----

def load_handler(text):
    try:
        module_name, function_name = text.rsplit('.', 1)
    except ValueError as e:
        raise Fault('Runtime.MalformedHandlerName', "Bad handler '%s': %s" % (text, e)) from None
    module_name = module_name.replace('/', '.')
    if module_name.split('.')[0] in sys.builtin_module_names:
        raise Fault('Runtime.BuiltInModuleConflict', 'Cannot use built-in module %s as a handler module' % module_name)
    import importlib
    try:
        module = importlib.import_module(module_name)
    except ImportError as e:
        raise Fault('Runtime.ImportModuleError', "Unable to import module '%s': %s" % (module_name, e)) from None
    except SyntaxError as e:
        trace = ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)]
        raise Fault('Runtime.UserCodeSyntaxError', "Syntax error in module '%s': %s" % (module_name, e), trace) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault('Runtime.HandlerNotFound', "Handler '%s' missing on module '%s'" % (function_name, module_name)) from None


class Parts:
    """Named values as attributes; what is missing is None."""

    def __init__(self, names, values):
        for attribute, key in names:
            setattr(self, attribute, values.get(key))


class Context:
    function_name = os.environ.get('AWS_LAMBDA_FUNCTION_NAME')
    function_version = os.environ.get('AWS_LAMBDA_FUNCTION_VERSION')
    memory_limit_in_mb = os.environ.get('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')
    log_group_name = os.environ.get('AWS_LAMBDA_LOG_GROUP_NAME')
    log_stream_name = os.environ.get('AWS_LAMBDA_LOG_STREAM_NAME')

    def __init__(self, headers):
        self.aws_request_id = headers['lambda-runtime-aws-request-id']
        self.invoked_function_arn = headers.get('lambda-runtime-invoked-function-arn')
        self.tenant_id = headers.get('lambda-runtime-aws-tenant-id')
        self._deadline_ms = int(headers.get('lambda-runtime-deadline-ms', 0))
        self.client_context = self._client(headers.get('lambda-runtime-client-context'))
        identity = headers.get('lambda-runtime-cognito-identity')
        self.identity = Parts([('cognito_identity_id', 'cognitoIdentityId'), ('cognito_identity_pool_id', 'cognitoIdentityPoolId')],
                              json.loads(identity) if identity else {})

    @staticmethod
    def _client(text):
        if not text:
            return None
        values = json.loads(text)
        if not isinstance(values, dict):
            raise Fault('Runtime.LambdaContextUnmarshalError', 'Unable to parse the client context')
        client = Parts([('custom', 'custom'), ('env', 'env')], values)
        names = ('installation_id', 'app_title', 'app_version_name', 'app_version_code', 'app_package_name')
        given = values.get('client')
        client.client = Parts([(name, name) for name in names], given) if given else None
        return client

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.flush()
        os.write(1, message if isinstance(message, bytes) else str(message).encode())

    def __repr__(self):
        names = ('aws_request_id', 'log_group_name', 'log_stream_name', 'function_name', 'memory_limit_in_mb', 'function_version',
                 'invoked_function_arn', 'client_context', 'identity', 'tenant_id')
        return 'LambdaContext([%s])' % ','.join('%s=%s' % (n, getattr(self, n)) for n in names)


def number_of_decimal(value):
    decimal = sys.modules.get('decimal')
    if decimal is not None and isinstance(value, decimal.Decimal):
        return float(value) if value % 1 else int(value)
    raise TypeError('Object of type %s is not JSON serializable' % type(value).__name__)


def is_at_least(minor):
    name = os.environ.get('AWS_EXECUTION_ENV', '')
    return name.startswith('AWS_Lambda_python3.') and name[19:].isdigit() and int(name[19:]) >= minor


class Runner:
    def __init__(self, api, handler):
        self.api = api
        self.handler = handler
        self.encoder = json.JSONEncoder(ensure_ascii=not is_at_least(12), default=number_of_decimal)

    def marshal(self, result):
        if result is None:
            return b'null', b'application/json'
        if isinstance(result, bytes):
            return result, b'application/unknown'
        try:
            return self.encoder.encode(result).encode('utf-8'), b'application/json'
        except Exception as e:
            raise Fault('Runtime.MarshalError', 'Unable to marshal response: %s' % e) from None

    def call(self, headers, body):
        event = body
        if headers.get('content-type', 'application/json') == 'application/json':
            try:
                event = json.loads(body)
            except Exception as e:
                raise Fault('Runtime.UnmarshalError', 'Unable to unmarshal input: %s' % e) from None
        return self.marshal(self.handler(event, Context(headers)))

    def one(self):
        global request_id
        status, headers, body = self.api.reply()
        if status != 200:
            give_up('the question for the next event was refused: %d %s' % (status, body.decode('utf-8', 'replace').strip()))
        request_id = headers['lambda-runtime-aws-request-id']
        trace = headers.get('lambda-runtime-trace-id')
        if trace:
            os.environ['_X_AMZN_TRACE_ID'] = trace
        else:
            os.environ.pop('_X_AMZN_TRACE_ID', None)
        path = b'invocation/' + request_id.encode()
        try:
            result, content_type = self.call(headers, body)
        except Exception as e:
            error = describe(e, request_id)
            log_error(error)
            self.api.post(path + b'/error', json.dumps(error).encode(), error_type=error['errorType'], then=self.api.next_request)
        else:
            self.api.post(path + b'/response', result, content_type, then=self.api.next_request)
        self.api.reply()


def main():
    root = os.environ['LAMBDA_TASK_ROOT']
    version = 'python%d.%d' % sys.version_info[:2]
    sys.path.insert(0, root)
    sys.path.append('/opt/python/lib/%s/site-packages' % version)
    sys.path.append('/opt/python')
    sys.meta_path.insert(0, AfterImport)
    api = Api(os.environ['AWS_LAMBDA_RUNTIME_API'])
    try:
        handler = load_handler(os.environ['_HANDLER'])
    except Exception as e:
        error = describe(e, '')
        log_error(error)
        api.post(b'init/error', json.dumps(error).encode(), error_type=error['errorType'])
        api.reply()
        sys.exit(1)
    runner = Runner(api, handler)
    api.socket.sendall(api.next_request)
    while True:
        runner.one()
