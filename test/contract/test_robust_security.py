#!/usr/bin/python3
"""What a web page, a forged header or a name full of dots can reach: nothing."""
import base64
import json
import re
import socket
import unittest

import support

QUERY = {'Content-Type': 'application/x-www-form-urlencoded'}


class Guard(support.ServerCase):
    server_args = ('--allow-host', 'waybill.test')

    def status(self, **headers):
        return self.http('GET', '/_waybill/health', {k.replace('_', '-'): v for k, v in headers.items()})[0]

    def test_hosts(self):
        port = self.server.port
        for host in ('127.0.0.1', f'127.0.0.1:{port}', 'localhost', 'LocalHost:1', 'a.b.localhost:4566', '[::1]', f'[::1]:{port}', '10.1.2.3:4566',
                     'waybill.test', 'WAYBILL.test:80'):
            self.assertEqual(self.status(Host=host), 200, host)
        for host in ('example.com', 'localhost.example.com', '127.0.0.1.example.com', 'notlocalhost', '.localhost.', 'x.waybill.test', 'waybill.test.',
                     'localhost:80@example.com', 'localhost:80/x', 'localhost:', 'localhost:123456', '127.0.0.1:80:80', '[::1', '[::1]x', '[localhost]x',
                     '[::1]:x', '2130706433', '127.1', '0x7f.0.0.1', 'localhost,example.com', ''):
            self.assertIn(self.status(Host=host), (400, 403) if host != 'localhost:' else (200, 403), host)

    def test_other_pages(self):
        own = f'127.0.0.1:{self.server.port}'
        self.assertEqual(self.status(Host=own, Origin=f'http://{own}'), 200)
        self.assertEqual(self.status(Host=own, Sec_Fetch_Site='same-origin'), 200)
        self.assertEqual(self.status(Host=own, Sec_Fetch_Site='none'), 200)
        for origin in ('http://example.com', 'null', f'http://{own}.example.com', f'http://{own}/', 'http://127.0.0.1:1', f'ftp://{own}', '', own):
            self.assertEqual(self.status(Host=own, Origin=origin), 403, origin)
        for site in ('cross-site', 'same-site', 'x'):
            self.assertEqual(self.status(Host=own, Sec_Fetch_Site=site), 403, site)

    def test_an_image_cannot_delete_a_queue(self):
        url, _ = self.queue('q')
        path = f'/{support.ACCOUNT}/q?Action=DeleteQueue&Version=2012-11-05'
        self.assertEqual(self.http('GET', path, {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'image'})[0], 403)
        self.assertEqual(self.client('sqs').list_queues()['QueueUrls'], [url])

    def test_a_refusal_comes_before_the_body(self):
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=10) as s:
            s.sendall(b'POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 60000000\r\n\r\n')
            self.assertIn(b' 403 ', s.recv(200))


class Echo(support.ServerCase):
    """Values that come back in headers."""

    def test_no_header_is_forged(self):
        self.function('f', 'import json\nclass E(Exception): pass\nE.__name__ = "A\\r\\nX-Injected: 1"\n'
                           'def handler(e, c):\n    if e.get("raise"): raise E("x\\r\\nX-Injected: 1")\n    return c.client_context and 1\n')
        evil = '%0d%0aX-Injected:%201'
        tries = [('POST', f'/2015-03-31/functions/f{evil}/invocations', {}, b'{}'),
                 ('POST', f'/2015-03-31/functions/f/invocations?Qualifier=1{evil}', {}, b'{}'),
                 ('GET', f'/2015-03-31/functions/f/aliases/{evil}', {}, b''),
                 ('GET', f'/nowhere{evil}', {}, b''),
                 ('POST', '/2015-03-31/functions/f/invocations', {'X-Amzn-Trace-Id': 'Root=1\tX'}, b'{}'),
                 ('POST', '/2015-03-31/functions/f/invocations', {'X-Amz-Log-Type': 'Tail'}, b'{"raise": 1}'),
                 ('POST', '/2015-03-31/functions/f/invocations', {'X-Amz-Client-Context': base64.b64encode(b'{"a":"\\r\\nX-Injected: 1"}').decode()}, b'{}'),
                 ('POST', '/2015-03-31/functions/f/invocations', {'X-Amz-Client-Context': base64.b64encode(b'{"a":\r\n1,\r\nX-Injected: 1}').decode()}, b'{}'),
                 ('POST', f'/?Action=ListQueues{evil}&Version=2012-11-05', {}, b''),
                 ('POST', '/', {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.\tX-Injected: 1'}, b'{}')]
        for method, path, headers, body in tries:
            status, got, data = self.http(method, path, headers, body)
            self.assertNotIn('x-injected', got, (path, headers))
            self.assertLess(status, 600)
            for name, value in got.items():
                self.assertNotRegex(value, r'[\r\n]', name)
        self.assertEqual(self.invoke('f')[0]['StatusCode'], 200)   # the environment lives

    def test_bare_line_ends_are_refused(self):
        for text in (b'GET /_waybill/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rX-Injected: 1\r\n\r\n',
                     b'GET /_waybill/health HTTP/1.1\nHost: 127.0.0.1\n\n',
                     b'GET /_waybill/health HTTP/1.1\r\nHost: 127.0.0.1\r\n X: folded\r\n\r\n',
                     b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /_waybill/health HTTP/1.1\r\n\r\n',
                     b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
                     b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +3\r\n\r\nabc'):
            with socket.create_connection(('127.0.0.1', self.server.port), timeout=10) as s:
                s.sendall(text)
                s.settimeout(10)
                got = s.recv(4096)
                self.assertIn(b' 400 ', got.split(b'\r\n')[0], text)
                while got := s.recv(4096):                   # and the connection ends: nothing after it is a request
                    self.assertNotIn(b'HTTP/1.1 200', got, text)


class Paths(support.ServerCase):
    def test_names_are_no_paths(self):
        for name in ('..', '../x', 'a/../../b', '%2e%2e', '/etc/passwd', 'a\0b', '.'):
            with self.assertRaises(support.ClientError, msg=name):
                self.function(name, 'def handler(e, c): return 1')
        logs = self.client('logs')
        logs.create_log_group(logGroupName='../../x')         # a name AWS allows; it is a row, not a folder
        logs.create_log_stream(logGroupName='../../x', logStreamName='../[$LATEST]y')
        logs.delete_log_group(logGroupName='../../x')

    def test_packages_are_fetched_by_digest_alone(self):
        for path in ('..', '../waybill.db', '..%2fwaybill.db', '%2e%2e', 'a' * 64, 'A' * 64, 'a' * 63 + '/', '', 'x' * 20000):
            status, _, data = self.http('GET', '/_waybill/code/' + path)
            self.assertIn(status, (404, 405), path)
            self.assertNotIn(b'SQLite', data)

    def test_zip_entries_stay_below_the_package(self):
        awslambda, role = self.client('lambda'), self.role()
        link = support.zipfile.ZipInfo('link')
        link.external_attr, link.create_system = 0o120777 << 16, 3
        def package(*entries):
            out = support.io.BytesIO()
            with support.zipfile.ZipFile(out, 'w') as z:
                for name, text in entries:
                    z.writestr(name, text)
            return out.getvalue()
        bad = [package(('../evil.py', '')), package(('/etc/evil.py', '')), package(('a/../../evil.py', '')), package(('a\\..\\..\\evil.py', '')),
               package((link, '../../..'), ('link/evil.py', 'x')), package((link, '/etc/passwd')), package(('x' * 1100, ''))]
        for i, code in enumerate(bad):
            try:
                awslambda.create_function(FunctionName=f'bad{i}', Runtime='python3.11', Handler='index.handler', Role=role, Code={'ZipFile': code})
            except support.ClientError as e:
                self.assertLess(e.response['ResponseMetadata']['HTTPStatusCode'], 500)
        data = self.health()['data']
        for folder, names, files in support.os.walk(data):
            self.assertFalse([f for f in files if f == 'evil.py' and re.search(r'/code/[0-9a-f]{64}/', folder + '/') is None], folder)
        self.assertFalse(support.os.path.exists('/etc/evil.py'))


class Limits(support.ServerCase):
    def test_log_names_and_numbers(self):
        self.assertFault('InvalidParameterException', self.client('logs', parameter_validation=False).create_log_group, logGroupName='x' * 513)

    def test_one_request_cannot_take_all_memory(self):
        body = '&'.join(f'A.{i}=1' for i in range(200000))
        status, _, data = self.http('POST', '/', QUERY, 'Action=ListQueues&Version=2012-11-05&' + body)
        self.assertEqual(status // 100, 4, data[:300])
        deep = '{"QueueName":' + '[' * 100000 + ']' * 100000 + '}'
        status, _, data = self.json('AmazonSQS.CreateQueue', deep)
        self.assertEqual((status, data['__type'].split('#')[-1]), (400, 'SerializationException'))

    def test_more_connections_than_allowed_are_closed(self):
        held = []
        try:
            for _ in range(200):
                held.append(socket.create_connection(('127.0.0.1', self.server.port), timeout=5))
            self.assertEqual(self.health()['status'], 'ok')
        finally:
            for s in held:
                s.close()


if __name__ == '__main__':
    unittest.main()
