#!/usr/bin/python3
"""How S3 is spoken to, byte by byte: names in host and path, aws-chunked bodies, XML that is refused, ids and errors;
and the bodies other clients send: rpc-v2-cbor, gzip."""
import gzip
import re
import struct
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import support

NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'
STREAM = {'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'}


def texts(body):
    """{element: text} of the children of an XML document's root."""
    return {re.sub('{.*}', '', e.tag): e.text for e in ElementTree.fromstring(body)}


class S3(support.ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket = 'wire-bucket'

    def setUp(self):
        super().setUp()
        self.s3('PUT', '/' + self.bucket)

    def s3(self, method, path, body=b'', headers=None, host=None):
        all_headers = {'Authorization': support.authorization('s3')}
        if host:
            all_headers['Host'] = f'{host}:{self.server.port}'
        all_headers.update(headers or {})
        return self.http(method, path, all_headers, body)

    def assertError(self, reply, status, code):
        self.assertEqual((reply[0], texts(reply[2]).get('Code')), (status, code), reply[2])
        return texts(reply[2])


class Names(S3):
    def test_a_key_keeps_every_byte(self):
        for path, key in (('a', 'a'), ('a/', 'a/'), ('/', '/'), ('/a//b/', '/a//b/'), ('%2Fa%20b+c', '/a b+c'), ('%25', '%')):
            with self.subTest(key):
                status, _, body = self.s3('PUT', f'/{self.bucket}/{path}', key.encode())
                self.assertEqual(status, 200, body)
                self.assertEqual(self.s3('GET', f'/{self.bucket}/{path}')[2], key.encode())
                listed = self.s3('GET', f'/{self.bucket}?list-type=2&prefix={urllib.parse.quote(key, safe="")}')[2]
                keys = [e.text for e in ElementTree.fromstring(listed).iter(f'{{{NAMESPACE}}}Key')]
                self.assertIn(key, keys)
                self.s3('DELETE', f'/{self.bucket}/{path}')

    def test_the_bucket_in_the_host(self):
        for host in (f'{self.bucket}.localhost', f'{self.bucket}.s3.localhost', f'{self.bucket}.s3.us-east-1.localhost'):
            with self.subTest(host):
                self.assertEqual(self.s3('PUT', '/v//k/', host.encode(), host=host)[0], 200)
                self.assertEqual(self.s3('GET', f'/{self.bucket}/v//k/')[2], host.encode())
                self.assertIn(b'<Name>wire-bucket</Name>', self.s3('GET', '/?list-type=2', host=host)[2])
        self.assertEqual(self.s3('GET', f'/{self.bucket}/v//k/', host='s3.localhost')[0], 200)

    def test_a_slash_after_the_bucket_is_no_key(self):
        self.assertEqual(self.s3('HEAD', f'/{self.bucket}/')[0], 200)
        self.assertEqual(texts(self.s3('GET', f'/{self.bucket}/?list-type=2')[2])['Name'], self.bucket)

    def test_nobodys_requests(self):
        self.assertError(self.http('GET', '/'), 403, 'AccessDenied')
        error = self.assertError(self.s3('POST', f'/{self.bucket}'), 405, 'MethodNotAllowed')
        self.assertEqual((error['Method'], error['ResourceType']), ('POST', 'BUCKET'))
        self.assertError(self.s3('DELETE', f'/{self.bucket}/k?acl'), 405, 'MethodNotAllowed')
        self.assertError(self.s3('GET', '//k'), 400, 'InvalidURI')

    def test_ids(self):
        for path in (f'/{self.bucket}?list-type=2', f'/{self.bucket}/none'):
            _, headers, body = self.s3('GET', path)
            self.assertRegex(headers['x-amz-request-id'], '^[A-Z0-9]{16}$')
            self.assertRegex(headers['x-amz-id-2'], '^[A-Za-z0-9+/]{75}=$')
            self.assertNotIn('x-amzn-requestid', headers)
        error = texts(body)
        self.assertEqual((error['RequestId'], error['HostId']), (headers['x-amz-request-id'], headers['x-amz-id-2']))


class Bodies(S3):
    def chunked(self, framed, length, headers=None, key='c'):
        return self.s3('PUT', f'/{self.bucket}/{key}', framed, {**STREAM, 'x-amz-decoded-content-length': str(length), **(headers or {})})

    def test_chunks(self):
        signature = b';chunk-signature=' + b'0' * 64
        framed = b'5' + signature + b'\r\nhello\r\n6' + signature + b'\r\n world\r\n0' + signature + b'\r\n\r\n'
        status, _, body = self.chunked(framed, 11, {'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
                                                    'Content-Encoding': 'gzip,aws-chunked'})
        self.assertEqual(status, 200, body)
        _, headers, body = self.s3('GET', f'/{self.bucket}/c')
        self.assertEqual(body, b'hello world')
        self.assertEqual(headers['content-encoding'], 'gzip')

    def test_a_checksum_behind_the_body(self):
        trailer = {'x-amz-trailer': 'x-amz-checksum-crc32', 'Content-Encoding': 'aws-chunked'}
        framed = b'b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n'
        status, headers, body = self.chunked(framed % b'DUoRhQ==', 11, trailer)
        self.assertEqual((status, headers.get('x-amz-checksum-crc32')), (200, 'DUoRhQ=='), body)
        self.assertNotIn('content-encoding', self.s3('GET', f'/{self.bucket}/c')[1])
        self.assertError(self.chunked(framed % b'AAAAAA==', 11, trailer), 400, 'BadDigest')

    def test_broken_chunks(self):
        before = self.s3('GET', f'/{self.bucket}/broken')[0]
        for framed, length, code in ((b'5\r\nhello\r\n0\r\n\r\n', 6, 'IncompleteBody'), (b'5\r\nhel', 5, 'IncompleteBody'),
                                     (b'hello\r\nworld\r\n', 5, 'InvalidChunkSizeError'),
                                     (b'0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', 0, 'MalformedTrailerError')):
            with self.subTest(framed):
                self.assertError(self.chunked(framed, length, key='broken'), 400, code)
        self.assertEqual((before, self.s3('GET', f'/{self.bucket}/broken')[0]), (404, 404))
        self.assertError(self.s3('PUT', f'/{self.bucket}/c', b'0\r\n\r\n', STREAM), 411, 'MissingContentLength')

    def test_malformed_xml(self):
        for body in (b'<Tagging>', b'{}', b'<Wrong/>', b'<Tagging><Unknown/></Tagging>',
                     b'<!DOCTYPE Tagging [<!ENTITY a "b">]><Tagging><TagSet><Tag><Key>&a;</Key><Value>v</Value></Tag></TagSet></Tagging>',
                     b'<Tagging>' * 1000):
            with self.subTest(body[:60]):
                self.assertError(self.s3('PUT', f'/{self.bucket}?tagging', body), 400, 'MalformedXML')

    def test_arguments(self):
        error = self.assertError(self.s3('GET', f'/{self.bucket}?list-type=2&max-keys=many'), 400, 'InvalidArgument')
        self.assertEqual((error['ArgumentName'], error['ArgumentValue']), ('max-keys', 'many'))

    def test_head_tells_the_length_of_what_it_does_not_send(self):
        self.s3('PUT', f'/{self.bucket}/h', b'x' * 12345, {'Content-Type': 'text/x'})
        status, headers, body = self.s3('HEAD', f'/{self.bucket}/h')
        self.assertEqual((status, headers['content-length'], headers['content-type'], body), (200, '12345', 'text/x', b''))
        status, _, body = self.s3('HEAD', f'/{self.bucket}/none')
        self.assertEqual((status, body), (404, b''))


class Others(support.ServerCase):
    def cbor(self, operation, body, headers=None):
        return self.http('POST', '/service/GraniteServiceVersion20100801/operation/' + operation,
                         {'smithy-protocol': 'rpc-v2-cbor', 'Content-Type': 'application/cbor',
                          'Authorization': support.authorization('monitoring'), **(headers or {})}, body)

    def metric(self, name):
        now = b'\xc1\xfb' + struct.pack('>d', time.time())
        return b'\xa2\x69Namespace\x61N\x6aMetricData\x81\xa3\x6aMetricName' + bytes([0x60 + len(name)]) + name + b'\x65Value\xf9\x3e\x00\x69Timestamp' + now

    def test_cbor(self):
        status, headers, body = self.cbor('PutMetricData', self.metric(b'plain'))
        self.assertEqual((status, headers['smithy-protocol']), (200, 'rpc-v2-cbor'), body)
        status, headers, body = self.cbor('ListMetrics', b'\xbf\x69Namespace\x61N\xff')
        self.assertEqual((status, headers['content-type']), (200, 'application/cbor'))
        self.assertIn(b'\x6aMetricName\x65plain', body)
        self.assertEqual(body[:1] + body[-1:], b'\xbf\xff')

    def test_cbor_errors(self):
        for operation, body, code in (('Nonsense', b'', b'UnknownOperationException'), ('PutMetricData', b'\xbf', b'SerializationException')):
            with self.subTest(operation):
                status, headers, reply = self.cbor(operation, body)
                self.assertEqual((status, headers['content-type'], headers['smithy-protocol']), (400, 'application/cbor', 'rpc-v2-cbor'))
                self.assertIn(b'\x66__type', reply)
                self.assertIn(code, reply)
                self.assertIn('x-amzn-query-error', headers)

    def test_compressed_bodies(self):
        form = {'Content-Type': 'application/x-www-form-urlencoded', 'Content-Encoding': 'gzip',
                'Authorization': support.authorization('monitoring')}
        text = b'Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=packed&MetricData.member.1.Value=1'
        status, _, body = self.http('POST', '/', form, gzip.compress(text))
        self.assertEqual(status, 200, body)
        status, _, body = self.cbor('PutMetricData', gzip.compress(self.metric(b'both')), {'Content-Encoding': 'gzip'})
        self.assertEqual(status, 200, body)
        names = [m['MetricName'] for m in self.client('cloudwatch').list_metrics(Namespace='N')['Metrics']]
        self.assertTrue({'packed', 'both'} <= set(names), names)
        status, _, body = self.http('POST', '/', form, b'no gzip')
        self.assertEqual(status, 400)
        self.assertIn(b'The body is not valid gzip', body)


if __name__ == '__main__':
    support.main()
