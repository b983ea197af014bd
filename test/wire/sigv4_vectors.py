#!/usr/bin/python3
"""Writes the requests of sigv4_vectors.h: signed by botocore's signer, with values of our own.

    test/wire/sigv4_vectors.py > test/wire/sigv4_vectors.h

Run by hand when a case is added; the tests need the table alone."""
import datetime
import hashlib
import hmac
from urllib.parse import urlsplit

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

WHEN = datetime.datetime(2026, 9, 14, 15, 44, 58, tzinfo=datetime.timezone.utc)
KEY, SECRET = 'AKIAWAYBILLVECTORS00', 'a/secret+of/40+letters/for+vectors/only0'
TOKEN = 'a token/with+signs=='

botocore.auth.get_current_datetime = lambda remove_tzinfo=True: WHEN.replace(tzinfo=None) if remove_tzinfo else WHEN

# name, service, signer, method, url, headers, body, token
HEADER, QUERY = botocore.auth.SigV4Auth, botocore.auth.SigV4QueryAuth
S3_HEADER, S3_QUERY = botocore.auth.S3SigV4Auth, botocore.auth.S3SigV4QueryAuth
JSON = {'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'AmazonSQS.SendMessage'}
FORM = {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'}
CASES = [
    ('json', 'sqs', HEADER, 'POST', 'http://127.0.0.1:4566/', JSON, b'{"QueueUrl":"q","MessageBody":"m"}', None),
    ('session', 'sqs', HEADER, 'POST', 'http://127.0.0.1:4566/', JSON, b'{}', TOKEN),
    ('query', 'iam', HEADER, 'POST', 'http://localhost:4566/', FORM, b'Action=ListRoles&Version=2010-05-08', None),
    ('no body', 'lambda', HEADER, 'GET', 'http://localhost/2015-03-31/functions/?MaxItems=5&Marker=a%2Fb%3D', {}, b'', None),
    ('escaped path', 'lambda', HEADER, 'POST',
     'http://localhost/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations', {}, b'{}', None),
    ('dots and slashes', 'lambda', HEADER, 'GET', 'http://localhost/2015-03-31/./x/..//functions//f/', {}, b'', None),
    ('only dots', 'lambda', HEADER, 'GET', 'http://localhost/..', {}, b'', None),
    ('blanks in values', 'events', HEADER, 'POST', 'http://localhost/', {'X-Amz-Target': 'AWSEvents.PutEvents', 'My-Header': '  a   b\tc  '},
     b'{"Entries":[]}', None),
    ('order of the query', 'lambda', HEADER, 'GET', 'http://localhost/f?b=2&a=3&a=1&B=4&c&%C3%A4=%20~', {}, b'', None),
    ('presigned query', 'sts', QUERY, 'GET', 'http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15', {}, b'', None),
    ('presigned session', 'sts', QUERY, 'GET', 'http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15', {}, b'', TOKEN),
    ('s3 object', 's3', S3_HEADER, 'PUT', "http://127.0.0.1:4566/bucket/a%20key%2Fwith//slashes/../and%20%C3%A4~%21%27", {}, b'content', None),
    ('s3 plain path', 's3', S3_HEADER, 'GET', 'http://bucket.localhost:4566/', {'Range': 'bytes=0-1'}, b'', TOKEN),
    ('s3 sub-resource', 's3', S3_HEADER, 'GET', 'http://127.0.0.1:4566/bucket?uploads&prefix=a%2Bb%20c', {}, b'', None),
    ('s3 presigned', 's3', S3_QUERY, 'GET', 'http://127.0.0.1:4566/bucket/a%20key?response-content-type=text%2Fplain', {}, b'', None),
    ('s3 presigned session', 's3', S3_QUERY, 'PUT', 'http://127.0.0.1:4566/bucket/key', {'Content-Type': 'text/plain'}, b'', TOKEN),
    ('utf-8 in a header', 's3', S3_HEADER, 'PUT', 'http://127.0.0.1:4566/bucket/key', {'x-amz-meta-name': 'a=b;c, d'}, b'x', None),
]


def signed(service, signer, method, url, headers, body, token):
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    request.context['payload_signing_enabled'] = True
    auth = signer(Credentials(KEY, SECRET, token), service, 'eu-west-1')
    auth.add_auth(request)
    request.headers['Host'] = urlsplit(url).netloc
    return request


def text(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    out = ''.join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f'\\{b:03o}' for b in data)
    return f'"{out}"'


def row(name, service, signer, method, url, headers, body, token):
    request = signed(service, signer, method, url, headers, body, token)
    rest = request.url.split('://', 1)[1]
    target = rest[rest.index('/'):]
    path, _, query = target.partition('?')
    lines = ''.join(f'{k}: {v.decode() if isinstance(v, bytes) else v}\n' for k, v in request.headers.items() if k != 'Content-Length')
    print(f'    {{ {text(name)}, "{service}", "{method}",\n      {text(path)},\n      {text(query)},\n      {text(lines)},\n      {text(body)} }},')


def derive(date, region, service):
    key = ('AWS4' + SECRET).encode()
    for part in (date, region, service, 'aws4_request'):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def sign(key, *lines):
    return hmac.new(key, '\n'.join(lines).encode(), hashlib.sha256).hexdigest()


def chunks():
    """What S3's clients that sign each chunk send; botocore does not, so the chain is made by the document's own words."""
    time, scope = '20260914T154458Z', '20260914/eu-west-1/s3/aws4_request'
    key, empty = derive('20260914', 'eu-west-1', 's3'), hashlib.sha256(b'').hexdigest()
    seed = last = sign(key, 'a seed')
    body = b''
    for data in (b'first chunk, ', b'and the second', b''):
        last = sign(key, 'AWS4-HMAC-SHA256-PAYLOAD', time, scope, last, empty, hashlib.sha256(data).hexdigest())
        body += f'{len(data):x};chunk-signature={last}\r\n'.encode() + data + (b'\r\n' if data else b'')
    trailer = b'x-amz-checksum-crc32:AAAAAA==\n'
    end = sign(key, 'AWS4-HMAC-SHA256-TRAILER', time, scope, last, hashlib.sha256(trailer).hexdigest())
    print(f'#define CHUNKS_SEED "{seed}"')
    print(f'#define CHUNKS_BODY {text(body)}')
    print(f'#define CHUNKS_TRAILER "x-amz-checksum-crc32:AAAAAA==\\r\\nx-amz-trailer-signature:{end}\\r\\n"')


def main():
    print('/* Made by sigv4_vectors.py, signed by botocore: do not edit. */')
    print(f'#define SECRET {text(SECRET)}')
    print('static const struct { const char *name, *service, *method, *path, *query, *headers, *body; } vectors[] = {')
    for case in CASES:
        row(*case)
    print('};')
    chunks()


main()
