#!/usr/bin/python3
"""The HTTP side as clients see it, byte by byte over raw sockets, and how requests find their service, account and
region."""
import json
import re
import resource
import socket
import threading
import time

import support

ACTIVE = b'GET /_waybill/clock HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'


def read_reply(stream):
    """One reply from a buffered socket -> (status, headers, body); the status is None at the end of the stream."""
    line = stream.readline()
    if not line:
        return None, {}, b''
    headers = support.Headers()
    while (h := stream.readline().strip()):
        name, value = h.decode().split(':', 1)
        headers[name.lower()] = value.strip()
    return int(line.split()[1]), headers, stream.read(int(headers.get('content-length', 0)))


class Wire(support.ServerCase):
    """A connection of its own per test."""

    def dial(self):
        sock = socket.create_connection(('127.0.0.1', self.server.port), timeout=10)
        stream = sock.makefile('rb')
        self.addCleanup(sock.close)
        self.addCleanup(stream.close)
        return sock, stream

    def talk(self, data):
        """Sends and hears one reply."""
        sock, stream = self.dial()
        sock.sendall(data)
        return read_reply(stream)

    def sqs_request(self, name, extra=''):
        body = json.dumps({'QueueName': name})
        return (f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSQS.CreateQueue\r\n'
                f'Content-Type: application/x-amz-json-1.0\r\nAuthorization: {support.authorization("sqs")}\r\n'
                f'{extra}Content-Length: {len(body)}\r\n\r\n{body}').encode()


class Connections(Wire):
    def test_keep_alive(self):
        sock, stream = self.dial()
        for _ in range(5):
            sock.sendall(ACTIVE)
            status, headers, body = read_reply(stream)
            self.assertEqual(status, 200)
            self.assertIn('now', json.loads(body))
        sock.sendall(ACTIVE.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'))
        self.assertEqual(read_reply(stream)[1]['connection'], 'close')
        self.assertEqual(stream.read(), b'')

    def test_http_1_0_closes(self):
        sock, stream = self.dial()
        sock.sendall(b'GET /_waybill/clock HTTP/1.0\r\n\r\n')
        self.assertEqual(read_reply(stream)[0], 200)
        self.assertEqual(stream.read(), b'')

    def test_pipelined_replies_keep_their_order(self):
        sock, stream = self.dial()
        names = [f'pipe-{i}' for i in range(20)]
        sock.sendall(b''.join(self.sqs_request(n) for n in names))
        urls = [json.loads(read_reply(stream)[2])['QueueUrl'] for _ in names]
        self.assertEqual([u.rsplit('/', 1)[1] for u in urls], names)

    def test_pipelined_behind_one_that_waits(self):
        """A long poll holds its connection's later replies back, not their effects."""
        url, _ = self.queue('poll')
        sock, stream = self.dial()
        body = json.dumps({'QueueUrl': url, 'WaitTimeSeconds': 10})
        sock.sendall((f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n'
                      f'Authorization: {support.authorization("sqs")}\r\nContent-Type: application/x-amz-json-1.0\r\n'
                      f'Content-Length: {len(body)}\r\n\r\n{body}').encode() + ACTIVE)
        began = time.monotonic()
        time.sleep(0.2)
        self.client('sqs').send_message(QueueUrl=url, MessageBody='wake up')
        status, _, reply = read_reply(stream)
        self.assertEqual((status, json.loads(reply)['Messages'][0]['Body']), (200, 'wake up'))
        self.assertEqual(read_reply(stream)[0], 200)
        self.assertLess(time.monotonic() - began, 5)

    def test_many_connections_at_once(self):
        socks = [self.dial() for _ in range(200)]
        for sock, _ in socks:
            sock.sendall(ACTIVE)
        self.assertEqual({read_reply(stream)[0] for _, stream in socks}, {200})

    def test_byte_by_byte(self):
        sock, stream = self.dial()
        for byte in ACTIVE:
            sock.sendall(bytes([byte]))
        self.assertEqual(read_reply(stream)[0], 200)

    def test_clients_that_leave(self):
        """At any point of a request; the server goes on."""
        request = self.sqs_request('left')
        for cut in (1, 40, len(request) - 5, len(request)):
            sock, _ = self.dial()
            sock.sendall(request[:cut])
            sock.close()
        self.assertEqual(self.http('GET', '/_waybill/health')[0], 200)


class Crowds(Wire):
    """One client takes every connection there is, in whatever way; the next one gets in, and is answered."""

    MANY = 4300                                              # beyond what the server takes in all

    def setUp(self):
        super().setUp()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreater(limits[1], self.MANY + 100, 'this test needs descriptors')
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        self.held = []
        self.addCleanup(lambda: [s.close() for s in self.held])

    def hold(self, text=b''):
        for _ in range(self.MANY):
            self.held.append(socket.create_connection(('127.0.0.1', self.server.port), timeout=60))
            try:
                self.held[-1].sendall(text)
            except ConnectionError:                          # it has made room already
                pass

    def assertOthersGetIn(self):
        for _ in range(20):
            self.assertEqual(self.talk(ACTIVE)[0], 200)
        self.assertEqual(self.health()['status'], 'ok')

    def test_idle(self):
        self.hold()
        self.assertOthersGetIn()

    def test_half_heads(self):
        self.hold(b'GET /_waybill/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
        self.assertOthersGetIn()

    def test_half_bodies(self):
        self.hold(b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{')
        self.assertOthersGetIn()

    def test_between_requests(self):
        self.hold(ACTIVE)
        self.assertOthersGetIn()

    def test_long_polls(self):
        """They wait for an answer and keep their places; the next one is lent one, for one reply."""
        url, _ = self.queue('crowd')
        body = json.dumps({'QueueUrl': url, 'WaitTimeSeconds': 20})
        self.hold((f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n'
                   f'Authorization: {support.authorization("sqs")}\r\nContent-Type: application/x-amz-json-1.0\r\n'
                   f'Content-Length: {len(body)}\r\n\r\n{body}').encode())
        self.assertOthersGetIn()


class Splitting(Wire):
    """No value a client gave becomes a header, or a reply, of its own."""

    EVIL = ('a%0d%0aX-Injected:%201', 'a%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aX-Injected:%201%0d%0a%0d%0a', 'a%0aX-Injected:%201', 'a%0dX-Injected:%201',
            'a%00b', 'a%7f')
    OVERRIDES = ('content-type', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires')

    def raw(self, method, path, headers=''):
        """All bytes of the replies until the server closes."""
        sock, stream = self.dial()
        sock.sendall(f'{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("s3")}\r\n{headers}'
                     'Connection: close\r\n\r\n'.encode())
        return stream.read()

    def assertOneReply(self, got, what, method='GET'):
        head, _, body = got.partition(b'\r\n\r\n')
        lines = head.split(b'\r\n')
        self.assertRegex(lines[0], rb'^HTTP/1\.1 \d\d\d ', what)
        for line in lines[1:]:
            self.assertRegex(line, rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*$", what)
            self.assertFalse(line.lower().startswith(b'x-injected'), what)
        length = [int(line.split(b':')[1]) for line in lines if line.lower().startswith(b'content-length:')]
        self.assertEqual(len(body), 0 if method == 'HEAD' else (*length, 0)[0], what)   # nothing comes after it
        return int(lines[0].split()[1])

    def test_parameters_that_become_headers(self):
        s3 = self.client('s3')
        s3.create_bucket(Bucket='split')
        s3.put_object(Bucket='split', Key='k', Body=b'x')
        for name in self.OVERRIDES:
            for method in ('GET', 'HEAD'):
                for evil in self.EVIL:
                    status = self.assertOneReply(self.raw(method, f'/split/k?response-{name}={evil}'), (method, name, evil), method)
                    self.assertEqual(status, 400, (method, name, evil))
        got = self.raw('GET', '/split/k?response-content-type=text/plain%3b%20a=%22b%22%09c')
        self.assertEqual(self.assertOneReply(got, 'a good one'), 200)
        self.assertIn(b'\r\nContent-Type: text/plain; a="b"\tc\r\n', got)
        got = self.raw('GET', f'/split/k?response-content-type={self.EVIL[0]}')
        self.assertIn(b'<Code>InvalidArgument</Code>', got)
        self.assertIn(b'<ArgumentName>response-content-type</ArgumentName>', got)

    def test_names_and_values_kept_with_an_object(self):
        """A presigned URL carries as parameters what else are headers: their names and values come back with the object."""
        s3 = self.client('s3')
        s3.create_bucket(Bucket='split-meta')
        scope = '&'.join((f'X-Amz-Credential=test%2F20260914%2F{support.REGION}%2Fs3%2Faws4_request', 'X-Amz-Algorithm=AWS4-HMAC-SHA256',
                          'X-Amz-Date=20260914T000000Z', 'X-Amz-Expires=604800', 'X-Amz-SignedHeaders=host', 'X-Amz-Signature=' + '0' * 64))
        for i, evil in enumerate(self.EVIL):
            for name in ('x-amz-meta-a', 'Content-Type', 'Cache-Control', 'Content-Disposition', 'x-amz-website-redirect-location'):
                for query in (f'{name}={evil}', f'{name}{evil}=v', f'x-amz-meta-{evil}=v'):
                    sock, stream = self.dial()
                    sock.sendall(f'PUT /split-meta/k{i}?{query}&{scope} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx'.encode())
                    self.assertOneReply(stream.read(), query)
                    for method in ('GET', 'HEAD'):
                        self.assertOneReply(self.raw(method, f'/split-meta/k{i}'), (method, query), method)

    def test_paths_that_come_back(self):
        for evil in self.EVIL:
            for path in (f'/{evil}', f'/{evil}/k', f'/b/{evil}?versionId={evil}', f'/b?list-type=2&prefix={evil}&delimiter={evil}'):
                for method in ('GET', 'HEAD', 'PUT', 'DELETE'):
                    extra = 'Content-Length: 0\r\n' if method == 'PUT' else ''
                    self.assertOneReply(self.raw(method, path, extra), (method, path), method)


class Bodies(Wire):
    def test_chunked(self):
        body = b'{"QueueName":"chunked"}'
        chunks = b''.join(b'%x;note=x\r\n%s\r\n' % (len(c), c) for c in (body[:1], body[1:10], body[10:])) + b'0\r\nX-Trailer: y\r\n\r\n'
        head = self.sqs_request('x').split(b'Content-Length')[0] + b'Transfer-Encoding: chunked\r\n\r\n'
        status, _, reply = self.talk(head + chunks)
        self.assertEqual((status, json.loads(reply)['QueueUrl'].rsplit('/', 1)[1]), (200, 'chunked'))

    def test_expect_continue_is_answered_at_once(self):
        request = self.sqs_request('expected', 'Expect: 100-continue\r\n')
        head, body = request.split(b'\r\n\r\n')
        sock, stream = self.dial()
        began = time.monotonic()
        sock.sendall(head + b'\r\n\r\n')
        self.assertEqual(stream.readline(), b'HTTP/1.1 100 Continue\r\n')
        self.assertEqual(stream.readline(), b'\r\n')
        self.assertLess(time.monotonic() - began, 0.5)
        sock.sendall(body)
        self.assertEqual(read_reply(stream)[0], 200)

    def test_two_lengths_are_refused(self):
        for framing in (b'Content-Length: 5\r\nContent-Length: 6\r\n', b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
                        b'Transfer-Encoding: gzip, chunked\r\n', b'Content-Length: 5x\r\n', b'Content-Length: -1\r\n',
                        b'Content-Length: 99999999999999999999\r\n'):
            with self.subTest(framing):
                status, headers, _ = self.talk(b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n' + framing + b'\r\nhello')
                self.assertIn(status, (400, 413, 501))
                self.assertEqual(headers['connection'], 'close')

    def test_head_has_no_body(self):
        sock, stream = self.dial()
        sock.sendall(ACTIVE.replace(b'GET', b'HEAD') + ACTIVE)
        status = int(stream.readline().split()[1])
        while stream.readline().strip():
            pass
        self.assertIn(status, (200, 405))
        self.assertEqual(read_reply(stream)[0], 200)

    def test_a_refused_head_has_no_body(self):
        """By whomever it is refused, S3 or the guard or the reader of heads: a client would take it for the next reply."""
        s3 = f'Authorization: {support.authorization("s3")}\r\n'
        for path, headers, status in (('/none/k', s3, 404), ('/none', s3, 404), ('/none/k?response-expires=a%0d', s3, 400), ('/%zz', s3, 404), ('/nothing', '', 404),
                                      ('/', 'Host: 127.0.0.1\r\n', 400), ('/', 'Host: example.com\r\n', 403), ('/_waybill/nothing', '', 404),
                                      ('/_waybill/health', 'Origin: http://example.com\r\n', 403), ('/', 'X: \1\r\n', 400), ('/', 'Content-Length: x\r\n', 400),
                                      ('/', 'Transfer-Encoding: gzip\r\n', 501), ('/', 'X: ' + 'x' * 70000 + '\r\n', 431), ('/' + 'x' * 70000, '', 414), ('x', '', 400)):
            with self.subTest(path[:40] + ' ' + headers[:40]):
                sock, stream = self.dial()
                host = '' if headers == 'Host: example.com\r\n' else 'Host: 127.0.0.1\r\n'
                sock.sendall(f'HEAD {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n'.encode('latin-1'))
                head, _, body = stream.read().partition(b'\r\n\r\n')
                self.assertEqual((int(head.split()[1]), body), (status, b''))

    def test_binary_payload_comes_back_whole(self):
        """A megabyte of every character JSON may hold."""
        text = ''.join(chr(c) for c in range(32, 0x800)) * 500
        self.function('whole', 'def handler(event, context): return event')
        _, reply = self.invoke('whole', json.dumps({'text': text}, ensure_ascii=False).encode())
        self.assertEqual(reply, {'text': text})


class Limits(Wire):
    def test_long_header(self):
        status, _, body = self.talk(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ' + b'x' * 70000 + b'\r\n\r\n')
        self.assertEqual(status, 431, body)

    def test_many_headers(self):
        many = b''.join(b'X-%d: y\r\n' % i for i in range(300))
        self.assertEqual(self.talk(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n' + many + b'\r\n')[0], 431)

    def test_large_body_is_refused_before_it_is_sent(self):
        status, headers, _ = self.talk(b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 80000000\r\n'
                                       b'Expect: 100-continue\r\n\r\n')
        self.assertEqual((status, headers['connection']), (413, 'close'))

    def test_event_payload_over_a_mebibyte(self):
        self.function('limit', 'def handler(event, context): return len(event)')
        path = '/2015-03-31/functions/limit/invocations'
        body = json.dumps('x' * 1048574)
        self.assertEqual(len(body), 1048576)
        self.assertEqual(self.rest('POST', path, body, headers={'X-Amz-Invocation-Type': 'Event'})[0], 202)
        status, headers, reply = self.rest('POST', path, ' ' + body, headers={'X-Amz-Invocation-Type': 'Event'})
        self.assertEqual((status, headers['x-amzn-ErrorType']), (413, 'RequestEntityTooLargeException'))
        self.assertEqual(reply, {'message': '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)'})

    def test_deep_json(self):
        for target, version in (('AmazonSQS.CreateQueue', '1.0'), ('Logs_20140328.CreateLogGroup', '1.1')):
            status, _, reply = self.json(target, '[' * 100000, version)
            self.assertEqual((status, reply['__type'].rsplit('#')[-1]), (400, 'SerializationException'))

    def test_malformed_requests(self):
        for data in (b'\0\1\2\3\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
                     b'GET / HTTP/1.1\nHost: 127.0.0.1\n\n', b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Name: x\r\n\r\n',
                     b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rb\r\n\r\n', b'GET / HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n',
                     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'):
            with self.subTest(data):
                status, headers, _ = self.talk(data)
                self.assertIn(status, (400, 505))
                self.assertEqual(headers['connection'], 'close')

    def test_http2_preface_is_refused_in_words(self):
        status, _, body = self.talk(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        self.assertEqual(status, 505)
        self.assertIn(b'HTTP/2', body)


class Guard(Wire):
    server_args = ('--allow-host', 'build-server')

    def get(self, host, origin=None):
        extra = f'Origin: {origin}\r\n' if origin else ''
        return self.talk(f'GET /_waybill/health HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n'.encode())[0]

    def test_hosts(self):
        for host in ('127.0.0.1', f'127.0.0.1:{self.server.port}', 'localhost', 'LOCALHOST:4566', 'queue.localhost', '[::1]:80',
                     '10.1.2.3', 'build-server', 'build-server:1234'):
            self.assertEqual(self.get(host), 200, host)
        for host in ('example.com', 'localhost.example.com', 'evil-localhost', 'build-server.example.com', '127.0.0.1.nip.io',
                     'example.com/.localhost', 'example.com#.localhost', 'example.com?.localhost', 'user@example.localhost', 'a\tb.localhost'):
            self.assertEqual(self.get(host), 403, host)

    def test_origins(self):
        self.assertEqual(self.get('127.0.0.1:4566', 'http://127.0.0.1:4566'), 200)
        for origin in ('http://example.com', 'https://127.0.0.1.example.com', 'null', 'http://127.0.0.1:9999'):
            self.assertEqual(self.get('127.0.0.1:4566', origin), 403, origin)

    def test_refused_before_anything_happens(self):
        """A page in a browser can send a form to any port: it must not create a queue here."""
        body = b'Action=CreateQueue&Version=2012-11-05&QueueName=planted'
        status, _, _ = self.talk(b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://example.com\r\n'
                                 b'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
        self.assertEqual(status, 403)
        self.assertEqual(self.client('sqs').list_queues().get('QueueUrls', []), [])


class Routing(support.ServerCase):
    def test_percent_encoded_names(self):
        """A name is cut from its path before it is decoded."""
        self.function('named', 'def handler(event, context): return context.invoked_function_arn')
        self.assertEqual(self.publish('named'), '1')
        arn = 'arn:aws:lambda:us-east-1:000000000000:function:named'
        for path, said in (('named', arn), ('na%6Ded', arn), ('named%3A%24LATEST', arn + ':$LATEST'), ('named:1', arn + ':1'),
                           (arn.replace(':', '%3A'), arn), (arn.replace(':', '%3a') + '%3a1', arn + ':1'), (arn, arn),
                           ('000000000000%3Anamed', arn)):
            with self.subTest(path):
                status, _, reply = self.rest('POST', f'/2015-03-31/functions/{path}/invocations', b'{}')
                self.assertEqual((status, reply), (200, said))

    def test_trailing_slash_and_query(self):
        for path in ('/2015-03-31/functions', '/2015-03-31/functions/', '/2015-03-31/functions?MaxItems=5', '/2015-03-31/functions/?x-id=List'):
            self.assertEqual(self.rest('GET', path)[0], 200, path)

    def test_unknown_operations(self):
        """Each protocol says it in its own words."""
        status, headers, reply = self.json('AmazonSQS.Juggle', {})
        self.assertEqual((status, reply['__type'].split('#')[-1]), (400, 'UnknownOperationException'))
        self.assertIn('x-amzn-RequestId', headers)
        status, _, reply = self.json('Logs_20140328.Juggle', {}, '1.1')
        self.assertEqual((status, reply['__type'].split('#')[-1]), (400, 'UnknownOperationException'))
        for service, version in (('sqs', '2012-11-05'), ('iam', '2010-05-08'), ('sts', '2011-06-15')):
            status, headers, body = self.query(service, {'Action': 'Juggle', 'Version': version})
            self.assertEqual((status, headers['content-type']), (400, 'text/xml'), service)
            self.assertRegex(body, rb'<Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation Juggle')
        status, headers, reply = self.rest('GET', '/2015-03-31/juggle')
        self.assertEqual((status, headers['x-amzn-ErrorType']), (404, 'UnknownOperationException'))
        self.assertEqual(reply, {'message': 'Unknown operation: GET /2015-03-31/juggle'})

    def test_known_but_not_implemented_is_named(self):
        """An operation AWS has and Waybill does not is never a silent success."""
        status, headers, reply = self.rest('POST', '/2020-04-22/code-signing-configs', {'AllowedPublishers': {'SigningProfileVersionArns': ['x']}})
        self.assertEqual((status, headers['x-amzn-ErrorType']), (501, 'NotImplementedException'))
        self.assertIn('CreateCodeSigningConfig', reply['message'])
        status, _, body = self.query('iam', {'Action': 'CreateUser', 'Version': '2010-05-08', 'UserName': 'x'})
        self.assertEqual(status, 501)
        self.assertIn(b'CreateUser', body)

    def test_services_not_served_are_named(self):
        status, _, reply = self.json('DynamoDB_20120810.ListTables', {})
        self.assertEqual(status, 501)
        self.assertIn('DynamoDB_20120810.ListTables', reply['message'])
        status, _, body = self.query('cloudformation', {'Action': 'ListStacks', 'Version': '2010-05-15'})
        self.assertEqual(status, 501)
        self.assertIn(b'cloudformation', body)
        status, _, body = self.http('GET', '/restapis', {'Authorization': support.authorization('apigateway')})
        self.assertEqual(status, 501)
        self.assertIn(b'<Error><Code>NotImplemented</Code><Message>The service apigateway is not served here', body)

    def test_request_ids_differ(self):
        ids = {self.json('AmazonSQS.ListQueues', {})[1]['x-amzn-RequestId'] for _ in range(10)}
        self.assertEqual(len(ids), 10)
        for request_id in ids:
            self.assertRegex(request_id, r'^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')


class Worlds(support.ServerCase):
    """Every account and region is a world of its own; roles are an account's, in all regions."""
    worlds = [('us-east-1', 'test', '000000000000'), ('eu-west-1', 'test', '000000000000'), ('us-east-1', '111122223333', '111122223333')]

    def test_queues(self):
        for region, key, account in self.worlds:
            url, arn = self.queue('same', client=self.client('sqs', region, key))
            self.assertEqual(arn, f'arn:aws:sqs:{region}:{account}:same')
            self.client('sqs', region, key).send_message(QueueUrl=url, MessageBody=f'{region} {key}')
        for region, key, _ in self.worlds:
            sqs = self.client('sqs', region, key)
            url = sqs.get_queue_url(QueueName='same')['QueueUrl']
            self.assertEqual([m['Body'] for m in self.receive(url, 1, client=sqs)], [f'{region} {key}'])
            self.assertEqual(self.receive(url, 0, client=sqs), [])

    def test_functions(self):
        for region, key, account in self.worlds:
            role = self.role('world', key=key)
            self.assertEqual(role, f'arn:aws:iam::{account}:role/world')
            awslambda = self.client('lambda', region, key)
            got = self.function('where', 'import os\ndef handler(e, c): return [os.environ["AWS_REGION"], c.invoked_function_arn]',
                                client=awslambda, Role=role)
            arn = f'arn:aws:lambda:{region}:{account}:function:where'
            self.assertEqual(got['FunctionArn'], arn)
            reply = awslambda.invoke(FunctionName='where')
            self.assertEqual(json.loads(reply['Payload'].read()), [region, arn])
        self.assertEqual(self.client('lambda', 'ap-south-1').list_functions()['Functions'], [])
        self.assertFault('ResourceNotFoundException', self.client('lambda', 'ap-south-1').get_function, FunctionName='where')
        self.assertFault('ResourceNotFoundException', self.client('lambda', key='444455556666').get_function, FunctionName='where')

    def test_log_groups(self):
        for region, key, _ in self.worlds:
            self.client('logs', region, key).create_log_group(logGroupName=f'/{region}/{key}')
        for region, key, _ in self.worlds:
            got = self.client('logs', region, key).describe_log_groups(logGroupNamePrefix='/')['logGroups']
            self.assertIn(f'/{region}/{key}', [g['logGroupName'] for g in got])
            self.assertFalse([g for g in got if g['logGroupName'].count('/') == 2 and g['logGroupName'] != f'/{region}/{key}'], got)

    def test_without_a_signature(self):
        """No Authorization at all: the default account and us-east-1."""
        status, _, body = self.http('POST', '/', {'Content-Type': 'application/x-www-form-urlencoded'},
                                    'Action=CreateQueue&Version=2012-11-05&QueueName=unsigned')
        self.assertEqual(status, 200)
        url = re.search(rb'<QueueUrl>(.*?)</QueueUrl>', body).group(1).decode()
        self.assertEqual(self.client('sqs').get_queue_url(QueueName='unsigned')['QueueUrl'], url)


class Load(support.ServerCase):
    def test_writers_at_once(self):
        """Eight clients fill one queue; nothing is lost, nothing is there twice."""
        url, _ = self.queue('busy')

        def fill(who):
            for i in range(50):
                status, _, _ = self.json('AmazonSQS.SendMessage', {'QueueUrl': url, 'MessageBody': f'{who}.{i}'})
                self.assertEqual(status, 200)
        writers = [threading.Thread(target=fill, args=(w,)) for w in range(8)]
        for w in writers:
            w.start()
        for w in writers:
            w.join()
        got = [m['Body'] for m in self.receive(url, 400)]
        self.assertEqual(sorted(got), sorted(f'{w}.{i}' for w in range(8) for i in range(50)))


if __name__ == '__main__':
    support.main()
