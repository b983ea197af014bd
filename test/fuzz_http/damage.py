"""What happens to a request between being made and being sent: a Case.

A Case is what goes over the connection, cut into pieces, and what must come back.  `replies` is how many replies a
whole and well framed sending must have; None where the framing itself was damaged: then any reply that comes is
judged, and none need come.  `sound` says that the request still is what its operation's rows say, so that the reply's
form can be judged by the operation's protocol.
"""
import base64
import gzip
import json
import zlib

HEADERS = [b'', b'x', b' ', b'\t', b'application/json', b'application/x-www-form-urlencoded', b'application/xml', b'application/x-amz-json-1.1',
           b'a.b', b'AmazonSQS.', b'AWSEvents.PutRule', b'AmazonSNS', b'AWS4-HMAC-SHA256 ', b'AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f/g', b'Credential=////',
           b'a' * 300, b'a' * 5000, b'%s%n', b'\xff\xfe', b'\xc3\xa4', b'"', b'gzip', b'gzip, gzip', b'aws-chunked', b'br', b'chunked', b'identity',
           b'100-continue', b'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', b'UNSIGNED-PAYLOAD', b'bytes=0-', b'bytes=9-1', b'bytes=' + b'0-0,' * 400, b'-1', b'0',
           b'18446744073709551616', b'Root=1-00000000-000000000000000000000000', b'Thu, 99 Foo 9999 99:99:99 GMT', b'*', b'W/"x"', b'null',
           b'aHR0cDovL3g=', b'{"a":' * 300]
NAMES = [b'Authorization', b'X-Amz-Target', b'Content-Type', b'Content-Encoding', b'X-Amz-Date', b'X-Amz-Security-Token', b'Expect', b'Range', b'Host',
         b'Accept', b'Accept-Encoding', b'smithy-protocol', b'x-amz-content-sha256', b'x-amz-decoded-content-length', b'x-amz-trailer', b'Content-MD5',
         b'X-Amz-Invocation-Type', b'X-Amz-Log-Type', b'X-Amz-Client-Context', b'X-Amzn-Trace-Id', b'If-None-Match', b'If-Modified-Since', b'x-amz-copy-source',
         b'x-amz-tagging', b'x-amz-meta-a', b'x-amz-acl', b'x-amz-checksum-crc32', b'x-amz-sdk-checksum-algorithm', b'Origin', b'Sec-Fetch-Site', b'Cookie',
         b'Transfer-Encoding', b'Connection', b'Upgrade', b'TE', b'Trailer', b'Forwarded', b'X-Forwarded-For', b'x-amz-expected-bucket-owner',
         b'X-Amz-User-Agent', b'User-Agent']
FRAMING = {b'transfer-encoding', b'content-length', b'connection', b'host', b'expect', b'upgrade', b'te', b'trailer'}
REGIONS = ['', 'x', 'us-east-1', 'eu-west-1', 'US-EAST-1', 'a' * 64, 'a' * 255, 'a' * 513, 'a' * 4000, '..', '../..', 'us east 1', 'us-east-1\t', '%00', '%2f', '*', 'ä',
           'us-gov-west-1', 'cn-north-1', ':', 'arn:aws', '\x7f', '-', '1']
KEYS = ['', 'test', '000000000000', '999999999999', '00000000000', '0000000000000', 'AKIA' + 'A' * 16, 'ASIA' + 'B' * 16, 'a' * 129, 'a' * 9000, '*', '..', '%', 'ä', '-1',
        'a b', '111122223333 ', 'AROA:x']
SCOPE_SERVICES = ['', 'lambda', 'sqs', 'sns', 'events', 's3', 'logs', 'monitoring', 'iam', 'sts', 'dynamodb', 'x', 'a' * 600, 's3express', 'LAMBDA', '..']
BYTES = [b'\0', b'\xff', b'\xc3', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'"', b'{', b'}', b'[', b',', b'&', b'=', b'%', b'%zz', b'\\u', b'\\ud800', b'\\', b'\r\n', b'\n', b':',
         b'<', b'>', b'<!--', b'<![CDATA[', b'&#0;', b'&x;', b'\x1b', b'\x7f', b'\x9f', b'\xbf', b'\x5f', b'\xfb', b'-', b'e', b'0', b'9' * 40, b'1e999', b' ' * 300]


class Case:
    def __init__(self, number, service, operation, protocol, sound):
        self.number, self.service, self.operation, self.protocol, self.sound = number, service, operation, protocol, sound
        self.methods, self.sends, self.replies, self.end, self.how = [], [], 1, '', 'plain'

    def whole(self):
        return b''.join(self.sends)

    def to_json(self):
        return {**self.__dict__, 'sends': [base64.b64encode(s).decode() for s in self.sends]}

    @staticmethod
    def of_json(row):
        case = Case(*(row[k] for k in ('number', 'service', 'operation', 'protocol', 'sound')))
        case.__dict__.update(row)
        case.sends = [base64.b64decode(s) for s in row['sends']]
        return case


def damage_bytes(rng, data):
    """The same bytes, no longer well formed (or still, by chance)."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 30))):
        at, what = rng.randrange(len(data) + 1), rng.randrange(6)
        if what == 0:
            del data[at:at + rng.randrange(1, 9)]
        elif what == 1:
            data[at:at] = rng.choice(BYTES)
        elif what == 2:
            del data[at:]
        elif what == 3 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 4:
            end = min(len(data), at + rng.randrange(1, 200))
            data[at:at] = data[at:end] * rng.choice((1, 2, 50))
        elif at < len(data):
            data[at] = rng.randrange(256)
    return bytes(data[:2 << 20])


def scope(rng, service):
    """What stands in a credential, with one part of it odd, or all."""
    odd = [rng.choice(KEYS), rng.choice(('20260101', '', '0', '99999999', 'x' * 300)), rng.choice(REGIONS), rng.choice(SCOPE_SERVICES), rng.choice(('aws4_request', '', 'x'))]
    parts = ['test', '20260101', 'us-east-1', service, 'aws4_request']
    for n in rng.choice(([0], [0], [2], [2], [2], [0, 2], [3], range(5))):
        parts[n] = odd[n]
    credential = '/'.join(parts)
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 3))):
        credential = credential.replace('/', rng.choice(('', '//', '/x/')), 1)
    return credential


def odd_header(rng, request):
    """One header more, fewer, twice, or with another value.  A framing header is left to framing()."""
    what, headers = rng.randrange(5), request.headers
    at = rng.randrange(len(headers)) if headers else 0
    if what == 0 and headers:
        del headers[at]
    elif what == 1 and headers:
        headers.insert(rng.randrange(len(headers) + 1), (headers[at][0], rng.choice(HEADERS).decode('latin-1')))
    elif what == 2 and headers:
        name, text = headers[at]
        data = damage_bytes(rng, text.encode('utf-8', 'replace'))[:20000]
        headers[at] = (name, bytes(b for b in data if b >= 0x20 and b != 0x7f).decode('latin-1'))
    else:
        name = rng.choice([n for n in NAMES if n.lower() not in FRAMING])
        headers.append((name.decode(), rng.choice(HEADERS).decode('latin-1')))


def odd_scope(rng, request):
    before = next((v for k, v in request.headers if k == 'Authorization'), '').split('/')
    credential = scope(rng, before[3] if len(before) > 4 else 's3')
    if rng.random() < 0.15:
        request.headers = [h for h in request.headers if h[0] != 'Authorization']
        escaped = credential.replace('%', '%25').replace('/', '%2F').replace(' ', '%20').replace('\t', '%09').replace('ä', '%C3%A4').replace('\x7f', '%7f')
        request.target += ('&' if '?' in request.target else '?') + ('X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60'
                                                                    f'&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Credential={escaped}')
    else:
        text = f'AWS4-HMAC-SHA256 Credential={credential.replace(chr(127), "")}, SignedHeaders=host, Signature=00'
        request.headers = [(k, text if k == 'Authorization' else v) for k, v in request.headers]


def odd_target(rng, request):
    """Another path or query; still one request line."""
    path, _, query = request.target.partition('?')
    what = rng.randrange(9)
    at = rng.randrange(len(path) + 1)
    if what == 0:
        path = path[:at] + rng.choice(('/', '//', '/..', '/.', '%2f', '%2e%2e', '%00', '%', '%zz', '%C3', '%FF', ';x', '+', ':', '\\', '~', '*')) + path[at:]
    elif what == 1:
        path = path[:at] or '/'
    elif what == 2:
        path = path + '/' + 'a' * rng.choice((1, 300, 1025, 7000))
    elif what == 3:
        query += '&' + rng.choice(('=', '&&&', 'a', 'a=%00', 'list-type=2', 'uploads', 'versions', 'location', 'acl', 'policy', 'Action=ListQueues', 'Qualifier=%24LATEST',
                                   'max-keys=-1', 'MaxItems=99999999999', 'Marker=%FF', 'prefix=' + '%2F' * 900, 'a=' * 500, 'response-content-type=a%0d%0aX-Injected:1',
                                   'response-content-type=a%0d%0a%0d%0aHTTP/1.1%20200%20OK', 'continuation-token=AAAA', 'partNumber=0', 'versionId=x', 'encoding-type=url'))
    elif what == 4:
        query = query.replace('=', rng.choice(('', '==', '=%', '=%0')), 1) or 'x'
    elif what == 5:
        path = 'http://' + rng.choice(('127.0.0.1', 'localhost:1', '', '@', '127.0.0.1@x', '[::1]')) + path
    elif what == 6:
        request.method = rng.choice(('GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'POST', 'PROPFIND'))
    elif what == 7:
        path = rng.choice(('/_waybill/health', '/_waybill/clock', '/_waybill/journeys', '/_waybill/explain', '/_waybill/code/' + '0' * 64, '/2018-06-01/runtime/invocation/next',
                           '/_waybill/nothing', '/000000000000/fzq', '/fz-bucket', '/fz-bucket/k', '/health'))
    else:
        path = ''.join(rng.choice('/%?#:;=&.azAZ09~!$') for _ in range(rng.randrange(1, 60)))
        path = '/' + path.replace('?', '').replace('#', '')
    request.target = (path + ('?' + query if query else '')).replace(' ', '%20')


def odd_coding(rng, request):
    body, what = request.body, rng.randrange(7)
    coding = 'gzip'
    if what == 0:
        body = gzip.compress(body)
    elif what == 1:
        body = damage_bytes(rng, gzip.compress(body))
    elif what == 2:
        body = gzip.compress(rng.choice((b'\0', b'[', b'{"a":', b' ')) * rng.choice((1000, 1 << 20, 8 << 20)))
    elif what == 3:
        body, coding = zlib.compress(body), 'deflate'
    elif what == 4:
        body = gzip.compress(gzip.compress(body))
        coding = 'gzip, gzip'
    else:
        request.headers += [('x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'), ('x-amz-decoded-content-length', str(len(body)))]
        cut = rng.randrange(len(body) + 1)
        body = b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in (body[:cut], body[cut:]) if part) + b'0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
        body = damage_bytes(rng, body) if rng.random() < 0.6 else body
        coding = 'aws-chunked'
    request.body = body
    request.headers.append(('Content-Encoding', coding))


def deep(rng, request):
    """Nothing but depth, in whatever the body is."""
    n = rng.choice((10, 100, 1000, 20000))
    request.body = rng.choice((b'[' * n + b']' * n, b'{"a":' * n + b'1' + b'}' * n, b'<a>' * n, b'<a>' * n + b'</a>' * n, b'\x81' * n, b'\xa1\x61a' * n, b'\x9f' * n, b'a.' * n + b'=1',
                               b'{"Statement":' * n, b'[' * n, b'\xc1' * n, json.dumps({'a' * n: ['x'] * n}).encode(),
                               b'&'.join(b'Tag.%d.Key=k' % i for i in range(min(n, 3000))),
                               b'{' + b','.join(b'"k%d":1' % i for i in range(n)) + b'}'))


def odd_host(rng, request):
    name = rng.choice(('127.0.0.1', 'localhost', 'fz-bucket.s3.localhost', 'fz-bucket.localhost', 's3.localhost', 'a..localhost', '.localhost', 'fz-bucket.s3.us-east-1.localhost', '[::1]',
                       'sqs.us-east-1.localhost', 'x' * 300 + '.localhost', 'example.com', '', 'fz%2fbucket.s3.localhost', '0', '*.localhost', 'FZ-BUCKET.S3.LOCALHOST'))
    request.headers.append(('Host', name + rng.choice(('', ':1', ':99999', ':', ':x'))))


ON_REQUEST = {'host': odd_host, 'header': odd_header, 'scope': odd_scope, 'target': odd_target, 'coding': odd_coding, 'deep': deep}


# ---- how it goes over the wire ----

def chunked_body(rng, body):
    out, at = b'', 0
    while at < len(body):
        n = rng.choice((1, 2, 15, 16, 17, 255, 4096, len(body)))
        part = body[at:at + n]
        size = b'%x' % len(part) if rng.random() < 0.7 else b'%08X' % len(part)
        out += size + rng.choice((b'', b'', b';a=b', b';x')) + b'\r\n' + part + b'\r\n'
        at += n
        if len(out) > 400000:
            out += b'%x\r\n%s\r\n' % (len(body) - at, body[at:]) if at < len(body) else b''
            break
    return out + b'0\r\n' + rng.choice((b'', b'', b'X-T: 1\r\n')) + b'\r\n'


def send_chunked(rng, case, request):
    request.headers.append(('Transfer-Encoding', 'chunked'))
    case.sends = [request.head(length=False), chunked_body(rng, request.body)]


def send_pieces(rng, case, request):
    data = request.bytes()
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((1, 2, 5, 20))))
    case.sends = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)]) if b > a]


def send_expect(rng, case, request):
    request.headers.append(('Expect', '100-continue'))
    case.sends = [request.head(), request.body] if request.body else [request.head()]


def send_old(rng, case, request):
    case.sends = [request.head(version='1.0') + request.body]


def send_cut(rng, case, request):
    data = request.bytes()
    case.sends, case.replies = [data[:rng.randrange(1, len(data))]], None
    case.end = rng.choice(('half', 'close', 'close'))


def send_lying(rng, case, request):
    """A length that is not the body's, or two framings at once."""
    n = len(request.body)
    lies = [[('Content-Length', str(v))] for v in (n + 1, n * 2 + 9, max(0, n - 1), -1, '+1', '0x1', '1e3', '', ' ', '1 1', '99999999999999999999', f'{n}, {n}', 2 ** 31, 2 ** 63, '1_0')]
    lies += [[('Content-Length', str(n)), ('Content-Length', str(n + 1))], [('Content-Length', str(n)), ('Transfer-Encoding', 'chunked')]]
    lies += [[('Transfer-Encoding', v)] for v in ('gzip', 'chunked, chunked', 'Chunked', ' chunked', 'chunked, gzip', 'identity', 'x' * 200, '')]
    request.headers += rng.choice(lies)
    case.sends, case.replies, case.end = [request.head(length=False) + request.body], None, 'half'


def send_bad_chunks(rng, case, request):
    request.headers.append(('Transfer-Encoding', 'chunked'))
    case.sends = [request.head(length=False) + damage_bytes(rng, chunked_body(rng, request.body))]
    case.replies, case.end = None, 'half'


def send_bad_head(rng, case, request):
    case.sends = [damage_bytes(rng, request.head()) + request.body]
    case.replies, case.end = None, rng.choice(('half', 'close'))


def send_many_headers(rng, case, request):
    n = rng.choice((50, 200, 257, 1000))
    request.headers += [(f'X-H{i}', 'v' * rng.choice((1, 10))) for i in range(n)] if rng.random() < 0.7 else [('X-Long', 'a' * rng.choice((8000, 70000, 300000)))]
    case.sends = [request.bytes()]
    if len(case.sends[0]) > 16000:                           # refused while it is still being sent: a reset may eat the reply
        case.replies, case.end = None, 'half'


SENDS = {'chunked': send_chunked, 'pieces': send_pieces, 'expect': send_expect, 'http10': send_old, 'cut': send_cut, 'lying': send_lying,
         'bad chunks': send_bad_chunks, 'bad head': send_bad_head, 'many headers': send_many_headers}


def send(rng, case, request):
    """Damages a request, now and then, and says how it is sent."""
    names = []
    if rng.random() < 0.12:
        names.append('bytes')
        request.body = damage_bytes(rng, request.body)
    if rng.random() < 0.25:
        names.append(rng.choice(list(ON_REQUEST)))
        ON_REQUEST[names[-1]](rng, request)
    case.sound = case.sound and not names
    case.methods = [request.method]
    how = rng.choice(list(SENDS)) if rng.random() < 0.15 else 'plain'
    if how == 'plain':
        case.sends = [request.bytes()]
    else:
        SENDS[how](rng, case, request)
        case.sound = case.sound and how in ('chunked', 'pieces', 'expect')
    case.how = ' '.join(names + [how])
    return case


# ---- what every operation's right request is tried with, in order, before chance begins ----

def with_credential(part, text):
    def change(request):
        def other(value):
            fields = value.split('/')
            if len(fields) > 4:
                fields[part] = fields[0].split('=')[0] + '=' + text if part == 0 else text
            return '/'.join(fields)
        request.headers = [(k, other(v) if k == 'Authorization' else v) for k, v in request.headers]
    return change


def as_role(request, session):
    with_credential(0, session[0])(request)
    request.headers.append(('X-Amz-Security-Token', session[1]))


def with_header(*headers):
    return lambda request: request.headers.extend(headers)


def without_credential(request):
    request.headers = [h for h in request.headers if h[0] != 'Authorization']


def gzipped(request):
    request.body = gzip.compress(request.body)
    request.headers.append(('Content-Encoding', 'gzip'))


AS_A_ROLE = 'as a role'
SWEEPS = {AS_A_ROLE: None, 'region of 255': with_credential(2, 'r' * 255), 'region of 513': with_credential(2, 'r' * 513), 'region of 7000': with_credential(2, 'r' * 7000),
          'empty region': with_credential(2, ''), 'other region': with_credential(2, 'eu-west-1'), 'key of 129': with_credential(0, 'k' * 129), 'key of 7000': with_credential(0, 'k' * 7000),
          'other account': with_credential(0, '111122223333'), 'no credential': without_credential, 'session token': with_header(('X-Amz-Security-Token', 't' * 5000)), 'gzip': gzipped,
          'foreign Origin': with_header(('Origin', 'http://example.com'))}


def sweep(case, name, request, session):
    """session: (key, token) of a role."""
    if name == AS_A_ROLE:
        as_role(request, session)
    else:
        SWEEPS[name](request)
    case.methods, case.sends, case.how, case.sound = [request.method], [request.bytes()], name, False
    return case


def pipeline(cases):
    """Several whole cases as one sending; its replies are judged one by one."""
    first = cases[0]
    first.sends, first.replies = [b''.join(c.whole() for c in cases)], len(cases)
    first.methods, first.sound, first.how = [c.methods[0] for c in cases], False, 'pipeline of ' + ', '.join(c.operation for c in cases)
    return first
