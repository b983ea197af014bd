#!/usr/bin/python3
"""Requests nobody would send, to every operation the server has, in every protocol it speaks.

Whatever comes, the answer is the operation's success or an error in the protocol's own shape: never a 5xx, never
the end of the process, never a sanitizer's report.  Inputs grow from the rows of src/model, around names that
exist, and are then damaged: wrong types, lengths at and beyond the limits, strange characters, missing, unknown
and doubled members, deep nesting, cut bodies, other headers.

WAYBILL_FUZZ_SECONDS (10) and WAYBILL_FUZZ_SEED (1) choose how long and which; a failure prints what was sent.
"""
import base64
import gzip
import http.client
import json
import os
import random
import re
import struct
import time
import unittest
import urllib.parse
import xml.etree.ElementTree as ET

import rows
import support

SECONDS = float(os.environ.get('WAYBILL_FUZZ_SECONDS', '10'))
SEED = int(os.environ.get('WAYBILL_FUZZ_SEED', '1'))
MAX_TEXT = 70000

TEXTS = ['', ' ', 'x', 'a' * 64, 'a' * 65, 'a' * 140, 'a' * 141, 'a' * 256, 'a' * 513, 'a' * 2049, 'a' * 20000, '0', '-1', '1', 'true',
         'null', '$LATEST', '*', '**', '?', '/', '//', '.', '..', '../../etc/passwd', '%2e%2e%2f', 'a/b', 'a:b', ':', '::::::', '\0',
         'a\0b', '\t\r\n', 'a\r\nX-Injected: 1', '\x01\x02', '\x7f', 'ä', '日本', '😀', '\u2028', '\ufffe', '\ufeff', 'e\u0301', '<x>&amp;"\'',
         ']]>', '"', '\\', '{}', '[]', '{"a":', '%', '%%%s%n', '${jndi:x}', '$.', '{ $.a = 1 }', '[a, b]', '"x" -"y"', '?a ?b', '%[%',
         '%(a+)+$%', 'arn:aws:', 'arn:aws:lambda:us-east-1:000000000000:function:fz', 'arn:aws:lambda:us-east-1:000000000000:function:fz:al',
         'arn:aws:lambda:us-east-1:000000000000:function:fz:$LATEST', '000000000000:fz', '000000000000:function:fz:1', 'fz:al', 'fz',
         'arn:aws:sqs:us-east-1:000000000000:fzq', 'arn:aws:iam::000000000000:role/fzr', 'arn:aws:iam::000000000000:policy/fzp',
         'arn:aws:logs:us-east-1:000000000000:log-group:fzg', 'arn:aws:logs:us-east-1:000000000000:log-group:fzg:*', 'fzg', 'fzs', 'fzq', 'fzr',
         'http://127.0.0.1:1/000000000000/fzq', 'http://x/000000000000/', '2026-01-01T00:00:00Z', '1e400', '9' * 30, 'aws:x', 'aws:lambda:x',
         'arn:aws:sns:us-east-1:000000000000:fzt', 'arn:aws:sns:us-east-1:000000000000:fzt.fifo', 'arn:aws:s3:::fz-bucket', 'fz-bucket', 'fzt',
         'arn:aws:events:us-east-1:000000000000:event-bus/fzb', 'arn:aws:events:us-east-1:000000000000:rule/fzb/fze', 'rate(1 minute)',
         'cron(0 12 * * ? *)', 'cron(0 0 31 2 ? *)', 'bytes=0-', 'bytes=5-1', 'null', 'All', 'http://127.0.0.1:1/x', 'm1/60', 'SUM(METRICS())',
         'eyJhIjoxfQ==', 'AAAA', 'A', '=', 'arn:aws:iam::aws:policy/AdministratorAccess', 'python3.11', 'index.handler']
NUMBERS = [0, 1, -1, 2, 10, 11, 60, 255, 900, 901, 1000, 1001, 3600, 43200, 43201, 65536, 2 ** 31 - 1, 2 ** 31, -2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63 - 1,
           2 ** 63, -2 ** 63, 2 ** 64, 10 ** 30, 0.5, -0.0, 1e300, 1.0, 60.0]
STATEMENT = {'Effect': 'Allow', 'Principal': '*', 'Action': '*', 'Resource': '*'}
DOCUMENTS = [json.dumps({'Version': '2012-10-17', 'Statement': [STATEMENT]}), json.dumps(support.TRUST_LAMBDA), json.dumps(support.ALLOW_ALL),
             json.dumps({'Statement': {**STATEMENT, 'Condition': {'StringLike': {'aws:x': ['*', '?']}, 'IpAddress': {'aws:SourceIp': '::/0'},
                                                                  'DateLessThan': {'aws:CurrentTime': '2026-01-01'}, 'NumericEquals': {'x': '1e9'}}}}),
             '{"Statement":' * 50, json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'NotAction': ['a:' + '*a' * 200],
                                                                                       'NotResource': '*', 'Principal': {'AWS': ['1', 5]}}]}),
             json.dumps({'deadLetterTargetArn': 'arn:aws:sqs:us-east-1:000000000000:fzq', 'maxReceiveCount': 3}), '{"maxReceiveCount":"1e9"}',
             '{"source":["a"],"detail":{"a":[{"anything-but":{"prefix":"b"}},{"numeric":[">",0,"<=",1e3]},{"exists":false},{"wildcard":"*a*a*"}]}}',
             '{"$or":[{"a":[1]},{"b":[{"cidr":"10.0.0.0/8"}]}]}', '{"a":[{"equals-ignore-case":"X"},null,true,1.50]}', '{"a":"<b>","c":[<d>]}',
             '{"healthyRetryPolicy":{"numRetries":3,"minDelayTarget":1,"maxDelayTarget":2}}', '{"default":"d","sqs":"q"}']
S3_MEMBERS = {'Bucket': ['fz-bucket', 'fz-bucket2'], 'Key': ['k', 'a/b', 'k2', 'ä &<'], 'UploadId': ['u'], 'Policy': None, 'PartNumber': [1, 2],
              'CopySource': ['fz-bucket/k', '/fz-bucket/k?versionId=null'], 'VersionId': ['null'], 'ExpectedBucketOwner': ['000000000000'],
              'ExpectedSourceBucketOwner': ['000000000000'], 'LocationConstraint': ['EU', 'eu-west-1'], 'Range': ['bytes=0-1', 'bytes=-1'],
              'QueueArn': ['arn:aws:sqs:us-east-1:000000000000:fzq'], 'TopicArn': ['arn:aws:sns:us-east-1:000000000000:fzt'],
              'LambdaFunctionArn': ['arn:aws:lambda:us-east-1:000000000000:function:fz'], 'EncodingType': ['url'], 'Delimiter': ['/'],
              **{m: [None] for m in ('ContentMD5', 'ContentLength', 'SSECustomerKey', 'SSECustomerAlgorithm', 'SSECustomerKeyMD5')}}
EVENTS_MEMBERS = {'Name': ['fze', 'tmp', 'fzb'], 'Rule': ['fze'], 'EventBusName': ['fzb', 'default'], 'Schedule': ['rate(1 minute)'],
                  'ScheduleExpression': [None, 'rate(5 minutes)', 'cron(0/5 * * * ? *)'], 'EventPattern': DOCUMENTS + ['{"source":["a"]}'] * 4,
                  'Arn': ['arn:aws:sqs:us-east-1:000000000000:fzq', 'arn:aws:lambda:us-east-1:000000000000:function:fz', 'arn:aws:sns:us-east-1:000000000000:fzt',
                          'arn:aws:events:us-east-1:000000000000:event-bus/fzb', 'arn:aws:logs:us-east-1:000000000000:log-group:fzg'],
                  'Detail': ['{"a":1}', '{}'], 'Source': ['a'], 'DetailType': ['t'], 'Event': ['{"source":"a","id":"1","account":"0","time":"2026-01-01T00:00:00Z",'
                  '"region":"r","resources":[],"detail-type":"t","detail":{}}'], 'Id': ['1'], 'ResourceARN': ['arn:aws:events:us-east-1:000000000000:rule/fzb/fze'],
                  'RoleArn': [None], 'KmsKeyIdentifier': [None], 'EventSourceName': [None]}
SNS_MEMBERS = {'TopicArn': ['arn:aws:sns:us-east-1:000000000000:fzt', 'arn:aws:sns:us-east-1:000000000000:fzt.fifo'], 'Name': ['fzt', 'fzt.fifo', 'tmp'],
               'ResourceArn': ['arn:aws:sns:us-east-1:000000000000:fzt'], 'Protocol': ['sqs', 'lambda', 'http'], 'Message': ['x', '{"default":"d","a":1}'],
               'Endpoint': ['arn:aws:sqs:us-east-1:000000000000:fzq', 'arn:aws:lambda:us-east-1:000000000000:function:fz', 'http://127.0.0.1:1/'],
               'AttributeName': ['FilterPolicy', 'FilterPolicyScope', 'RawMessageDelivery', 'RedrivePolicy', 'DeliveryPolicy', 'DisplayName', 'Policy'],
               'AttributeValue': DOCUMENTS + ['true', 'MessageBody'], 'MessageStructure': ['json', None], 'TargetArn': [None], 'PhoneNumber': [None],
               'MessageGroupId': ['g'], 'MessageDeduplicationId': ['d', 'e']}
METRIC_MEMBERS = {'Namespace': ['N', 'AWS/Lambda'], 'MetricName': ['m', 'Invocations'], 'Period': [60, 300], 'Timestamp': [time.time], 'Stat': ['Sum', 'p99'],
                  'Unit': ['Count', 'None'], 'Value': [1.5], 'StartTime': [lambda: time.time() - 3600], 'EndTime': [time.time], 'Id': ['m1', 'e1'],
                  'Expression': ['m1 / 2', 'SUM(METRICS())', None]}
KNOWN = {  # member name -> values that lead deeper than to "not found"
    'FunctionName': ['fz', 'fz:al', 'arn:aws:lambda:us-east-1:000000000000:function:fz', 'fz2', 'tmp'], 'Name': ['al', 'al2'],
    'Qualifier': ['$LATEST', '1', 'al'], 'FunctionVersion': ['1', '$LATEST'], 'QueueName': ['fzq', 'fzq2', 'tmp'],
    'RoleName': ['fzr', 'tmp'], 'PolicyName': ['fzp', 'inline'], 'PolicyArn': ['arn:aws:iam::000000000000:policy/fzp'],
    'Role': ['arn:aws:iam::000000000000:role/fzr'], 'RoleArn': ['arn:aws:iam::000000000000:role/fzr'], 'logGroupName': ['fzg', 'tmp'],
    'logStreamName': ['fzs', 'tmp'], 'resourceArn': ['arn:aws:logs:us-east-1:000000000000:log-group:fzg'], 'Runtime': ['python3.11', 'nodejs20.x'],
    'Resource': ['arn:aws:lambda:us-east-1:000000000000:function:fz'], 'Destination': ['arn:aws:sqs:us-east-1:000000000000:fzq'],
    'VersionId': ['v1', 'v2'], 'RoleSessionName': ['s'], 'InvocationType': ['Event', 'DryRun', 'RequestResponse'], 'Handler': ['index.handler'],
    'logGroupIdentifier': ['fzg', 'arn:aws:logs:us-east-1:000000000000:log-group:fzg'], 'ImageUri': [None], 'S3Bucket': [None], 'PackageType': ['Zip'],
    'Principal': ['s3.amazonaws.com'], 'Action': ['lambda:InvokeFunction'], 'MessageBody': ['x', '{"a":1}'], 'DelaySeconds': [0, 1],
    'AWSServiceName': ['lambda.amazonaws.com'], 'CodeSha256': [None], 'RevisionId': [None], 'timestamp': [lambda: int(time.time() * 1000)],
    'retentionInDays': [1, 7], 'PermissionsBoundary': ['arn:aws:iam::000000000000:policy/fzp'], 'PolicySourceArn': ['arn:aws:iam::000000000000:role/fzr'],
    'kmsKeyId': [None], 'filterPattern': ['', 'a', '{ $.a = 1 }'], 'limit': [1, 10], 'Labels': ['l'], 'SigningProfileVersionArn': [None]}
KEPT = {'fz', 'fzq', 'fzr', 'fzg', 'fzs', 'fzp', 'fzt', 'fzt.fifo', 'fzb', 'fze', 'fz-bucket'}             # what a deletion would take from all later requests


class Generator:
    """Inputs for one service's shapes.  wild: the share of values that ignore their shape."""

    def __init__(self, rng, service, queue_urls, handles):
        self.rng, self.service, self.wild, self.tame = rng, service, 0.05, False
        self.known = {**KNOWN, 'QueueUrl': queue_urls, 'PolicyDocument': DOCUMENTS, 'AssumeRolePolicyDocument': DOCUMENTS, 'Policy': DOCUMENTS,
                      'PolicyInputList': DOCUMENTS, 'ReceiptHandle': handles or ['x']}
        for name, more in {'s3': S3_MEMBERS, 'events': EVENTS_MEMBERS, 'sns': SNS_MEMBERS, 'cloudwatch': METRIC_MEMBERS}.items():
            if service.name == name:
                self.known.update({m: v for m, v in more.items() if v is not None})
        if service.name == 's3':
            self.known['UploadId'] = handles or ['u']
        elif service.name == 'sns':
            self.known['SubscriptionArn'] = handles or ['arn:aws:sns:us-east-1:000000000000:fzt:00000000-0000-0000-0000-000000000000']

    def text(self, shape=None):
        rng = self.rng
        if shape is not None and shape.enum and (self.tame or rng.random() < 0.8):
            return rng.choice(shape.enum)
        if self.tame:
            return rng.choice(('tmp', 'a', 'b')) if shape is None or not shape.min else 'a' * shape.min
        if shape is not None and rng.random() < 0.3:
            bound = rng.choice([shape.min, shape.max, 1]) or 1
            return 'a' * max(0, min(bound + rng.choice((-1, 0, 1)), MAX_TEXT))
        if rng.random() < 0.2:
            return rng.choice(DOCUMENTS)
        if rng.random() < 0.1:
            return ''.join(chr(rng.choice((rng.randrange(0, 32), rng.randrange(32, 127), rng.randrange(128, 0xd800), rng.randrange(0xe000, 0x110000))))
                           for _ in range(rng.randrange(1, 20)))
        return rng.choice(TEXTS)

    def nested(self):
        depth = self.rng.choice((2, 5, 50, 199, 200, 201, 300))
        value = 1
        for _ in range(depth):
            value = [value] if self.rng.random() < 0.5 else {'a': value}
        return value

    def anything(self):
        return self.rng.choice([None, True, False, self.rng.choice(NUMBERS), self.text(), [], {}, [self.text()], {self.text(): self.text()}, [None], self.nested()])

    def value(self, shape_name, depth=0):
        rng, shape = self.rng, self.service.shapes[shape_name]
        if rng.random() < self.wild:
            return self.anything()
        if shape.kind == 'STRUCT':
            return self.structure(shape, depth)
        if depth > 8 and shape.kind in ('LIST', 'MAP'):
            return [] if shape.kind == 'LIST' else {}
        if shape.kind in ('LIST', 'MAP'):
            n = 1 if self.tame else rng.choice((0, 1, 1, 1, 2, 3, 10, 11))
            if rng.random() < 0.02 and depth < 3 and not self.tame:
                n = rng.choice((50, 51, 100, 500, 3000))
            if shape.kind == 'LIST':
                return [self.value(shape.element, depth + 1) for _ in range(n)]
            return {self.text(self.service.shapes[shape.key]): self.value(shape.element, depth + 1) for _ in range(n)}
        if shape.kind == 'BLOB' and self.tame:
            return base64.b64encode(CODE).decode()
        if shape.kind == 'BLOB':
            return base64.b64encode(rng.choice([b'', b'{}', b'PK\x03\x04', os.urandom(0), CODE, b'\xff' * rng.randrange(1, 300)])).decode()
        if shape.kind in ('INT', 'REAL'):
            bounds = [b for b in (shape.min, shape.max) if b is not None]
            if self.tame:
                return rng.choice(bounds or (1, 30))
            if bounds and rng.random() < 0.6:
                return rng.choice(bounds) + rng.choice((-1, 0, 1))
            return rng.choice(NUMBERS)
        if shape.kind == 'BOOL':
            return rng.random() < 0.5
        if shape.kind == 'TIME' and self.tame:
            return time.time() + rng.choice((-60, 60))
        if shape.kind == 'TIME':
            return rng.choice([0, 1, 1e9, 1.7e9, 1e18, -1, '2026-01-01T00:00:00Z', 'x'])
        return self.text(shape)

    def structure(self, shape, depth=0):
        rng, result = self.rng, {}
        share = 0.4 if self.tame else 0.85 if depth == 0 else 0.6
        if len(shape.members) > 8 and rng.random() < 0.6:    # of so many some are always refused
            share = 1.5 / len(shape.members)
        for m in shape.members:
            wanted = m.required or m.name in ('ZipFile', 'Handler', 'Runtime', 'QueueUrl', 'logGroupName', 'logStreamName') or \
                rng.random() < share / (1 + depth)
            if not wanted or rng.random() < 0.02 and not self.tame:
                continue
            if m.name in self.known and (self.tame or rng.random() < 0.85):
                value = rng.choice(self.known[m.name])
                if value is None:
                    continue
                result[m.name] = value() if callable(value) else value
                if self.service.shapes[m.shape].kind == 'LIST':
                    result[m.name] = [result[m.name]]
            elif m.name in ('WaitTimeSeconds', 'ReceiveMessageWaitTimeSeconds'):
                result[m.name] = rng.choice((0, -1, 21, 2 ** 40))  # a real wait would only take time
            else:
                result[m.name] = self.value(m.shape, depth + 1)
        if rng.random() < 0.05 and not self.tame:
            result[self.text()] = self.anything()
        return result

    def request(self, shape):
        """Half of all inputs are right but for one value, or altogether; the others are anything."""
        self.tame = self.rng.random() < 0.5
        value = self.structure(shape)
        if self.tame and value and self.rng.random() < 0.6:
            self.tame, place = False, value
            while True:
                key = self.rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
                if not isinstance(place[key], (dict, list)) or not place[key] or self.rng.random() < 0.3:
                    break
                place = place[key]
            place[key] = self.rng.choice((self.text, self.anything))()
        return value


SCOPES = {'cloudwatch': 'monitoring'}
CODE = support.make_zip({'index.py': 'def handler(e, c): return e\n'})


def text_of(value):
    """A value as the query protocol, a path or a header carries it."""
    if value is None:
        return ''
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return value if isinstance(value, str) else json.dumps(value)


def flatten(service, shape_name, value, prefix, out):
    """Query-protocol parameters of a value; one that does not fit its shape goes as the text it is."""
    shape = service.shapes[shape_name]
    dot = prefix + '.' if prefix else ''
    if shape.kind == 'STRUCT' and isinstance(value, dict):
        members = {m.name: m for m in shape.members}
        for name, v in value.items():
            m = members.get(name)
            if m is None:
                out.append((dot + name, text_of(v)))
            else:
                flatten(service, m.shape, v, dot + m.query_wire, out)
    elif shape.kind == 'LIST' and isinstance(value, list):
        middle = '' if shape.flattened else '.member'
        for i, v in enumerate(value):
            flatten(service, shape.element, v, f'{prefix}{middle}.{i + 1}', out)
    elif shape.kind == 'MAP' and isinstance(value, dict):
        middle = '' if shape.flattened else '.entry'
        for i, (k, v) in enumerate(value.items()):
            out.append((f'{prefix}{middle}.{i + 1}.{shape.key_wire or "key"}', k))
            flatten(service, shape.element, v, f'{prefix}{middle}.{i + 1}.{shape.element_wire or "value"}', out)
    else:
        out.append((prefix, text_of(value)))


def xml_text(value):
    return text_of(value).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def dump_xml(service, shape_name, value, name, flattened=False):
    """A value as an element of that name; one that does not fit its shape goes as the text it is."""
    shape = service.shapes[shape_name]
    if shape.kind == 'STRUCT' and isinstance(value, dict):
        members = {m.name: m for m in shape.members}
        inner = ''
        for key, v in value.items():
            m = members.get(key)
            if m is not None:
                inner += dump_xml(service, m.shape, v, m.wire, m.flattened)
            elif re.fullmatch(r'[A-Za-z_]\w*', key):
                inner += f'<{key}>{xml_text(v)}</{key}>'
        return f'<{name}>{inner}</{name}>'
    if shape.kind == 'LIST' and isinstance(value, list):
        if flattened or shape.flattened:
            return ''.join(dump_xml(service, shape.element, v, name) for v in value)
        return f'<{name}>' + ''.join(dump_xml(service, shape.element, v, shape.element_wire or 'member') for v in value) + f'</{name}>'
    return f'<{name}>{xml_text(value)}</{name}>'


def dump_cbor(rng, value, shape=None, service=None):
    """CBOR in its many spellings: any width of a length, definite or not."""
    def head(major, n):
        if n < 24 and rng.random() < 0.8:
            return bytes([major << 5 | n])
        width = next(i for i, most in enumerate((0xff, 0xffff, 0xffffffff, 2 ** 64)) if n <= most)
        width = rng.choice(range(width, 4))
        return bytes([major << 5 | 24 + width]) + n.to_bytes(1 << width, 'big')
    kind = shape.kind if shape else None
    inner = lambda name: service.shapes[name] if name and service else None
    if value is None or isinstance(value, bool):
        return {None: b'\xf6', False: b'\xf4', True: b'\xf5'}[value]
    if kind == 'TIME' and isinstance(value, (int, float)):
        return b'\xc1' + struct.pack('>Bd', 0xfb, value)
    if isinstance(value, int) and kind != 'REAL' and -2 ** 64 <= value < 2 ** 64:
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, (int, float)):
        return b'\xfb' + struct.pack('>d', min(max(value, -1e308), 1e308))
    if isinstance(value, str):
        data = value.encode('utf-8', 'replace')
        if rng.random() < 0.05:
            return b'\x7f' + head(3, len(data)) + data + b'\xff'
        return head(3, len(data)) + data
    if isinstance(value, list):
        items = [dump_cbor(rng, v, inner(shape.element if kind == 'LIST' else None), service) for v in value]
        return b'\x9f' + b''.join(items) + b'\xff' if rng.random() < 0.2 else head(4, len(items)) + b''.join(items)
    members = {m.name: m.shape for m in shape.members} if kind == 'STRUCT' else {}
    pairs = [dump_cbor(rng, k) + dump_cbor(rng, v, inner(members.get(k)), service) for k, v in value.items()]
    return b'\xbf' + b''.join(pairs) + b'\xff' if rng.random() < 0.2 else head(5, len(pairs)) + b''.join(pairs)


def dump_json(rng, value):
    """JSON text, now and then with a member twice, odd escapes or white space."""
    if isinstance(value, dict) and rng.random() < 0.1 and value:
        parts = [f'{json.dumps(k)}: {dump_json(rng, v)}' for k, v in value.items()]
        parts.append(f'{json.dumps(rng.choice(list(value)))}:\t\n{json.dumps(rng.choice(["", 0, None, [], {}]))}')
        return '{' + ','.join(parts) + '}'
    if isinstance(value, dict):
        return '{' + ','.join(f'{json.dumps(k)}:{dump_json(rng, v)}' for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(dump_json(rng, v) for v in value) + ']'
    if isinstance(value, str) and rng.random() < 0.1:
        return '"' + ''.join(f'\\u{ord(c):04x}' if ord(c) < 0x10000 else c for c in value) + '"'
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def damage(rng, body):
    """The same bytes, no longer well formed (or still, by chance)."""
    body = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(body) + 1)
        what = rng.randrange(4)
        if what == 0:
            body[at:at + rng.randrange(1, 9)] = b''
        elif what == 1:
            body[at:at] = rng.choice([b'\0', b'\xff', b'\xc3', b'\xed\xa0\x80', b'"', b'{', b'}', b'[', b',', b'&', b'=', b'%', b'%zz', b'\\u', b'\\ud800'])
        elif what == 2:
            del body[at:]
        elif at < len(body):
            body[at] ^= 1 << rng.randrange(8)
    return bytes(body)


class FuzzLive(support.ServerCase):
    server_args = ('--max-environments', '2')

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rng = random.Random(SEED)
        cls.services, cls.served = rows.load(), rows.served()
        cls.connection = None
        cls.addClassCleanup(lambda: cls.connection and cls.connection.close())

    def build_world(self):
        self.role('fzr')
        self.client('iam').create_policy(PolicyName='fzp', PolicyDocument=json.dumps(support.ALLOW_ALL))
        url, _ = self.queue('fzq')
        url2, _ = self.queue('fzq2')
        self.function('fz', 'def handler(e, c): return e\n', Role='arn:aws:iam::000000000000:role/fzr')
        awslambda = self.client('lambda')
        awslambda.publish_version(FunctionName='fz')
        awslambda.create_alias(FunctionName='fz', Name='al', FunctionVersion='1')
        logs = self.client('logs')
        logs.create_log_group(logGroupName='fzg')
        logs.create_log_stream(logGroupName='fzg', logStreamName='fzs')
        logs.put_log_events(logGroupName='fzg', logStreamName='fzs', logEvents=[{'timestamp': int(time.time() * 1000), 'message': '{"a": 1}'}])
        sns, events, s3 = self.client('sns'), self.client('events'), self.client('s3')
        fzq, allow = 'arn:aws:sqs:us-east-1:000000000000:fzq', {'Version': '2012-10-17', 'Statement': [{**STATEMENT, 'Action': 'sqs:SendMessage'}]}
        self.client('sqs').set_queue_attributes(QueueUrl=url, Attributes={'Policy': json.dumps(allow)})
        topic = sns.create_topic(Name='fzt')['TopicArn']
        sns.create_topic(Name='fzt.fifo', Attributes={'FifoTopic': 'true'})
        self.found = {'sns': [sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=fzq, ReturnSubscriptionArn=True)['SubscriptionArn']], 's3': []}
        events.create_event_bus(Name='fzb')
        events.put_rule(Name='fze', EventBusName='fzb', EventPattern='{"source":["a"]}')
        events.put_targets(Rule='fze', EventBusName='fzb', Targets=[{'Id': '1', 'Arn': fzq}])
        s3.create_bucket(Bucket='fz-bucket')
        s3.put_object(Bucket='fz-bucket', Key='k', Body=b'k')
        s3.put_bucket_notification_configuration(Bucket='fz-bucket', NotificationConfiguration={
            'QueueConfigurations': [{'QueueArn': fzq, 'Events': ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']}], 'EventBridgeConfiguration': {}})
        self.urls, self.handles = [url, url2], []

    # ---- requests ----

    def headers(self, service):
        return {'Authorization': support.authorization(SCOPES.get(service, service)), 'X-Amz-Date': '20260101T000000Z'}

    def as_json(self, op, value):
        s = op.service
        return 'POST', '/', {**self.headers(s.name), 'Content-Type': f'application/x-amz-json-{s.json_version}',
                             'X-Amz-Target': f'{s.target_prefix}.{op.name}'}, dump_json(self.rng, value).encode('utf-8', 'replace')

    def as_query(self, op, value):
        params = []
        if op.input is not None:
            flatten(op.service, op.input, value, '', params)
        if self.rng.random() < 0.05 and params:
            params.append(self.rng.choice(params))
        self.rng.shuffle(params)
        params = [('Action', op.name), ('Version', op.service.api_version)] + params
        body = '&'.join(f'{urllib.parse.quote_plus(k.encode("utf-8", "replace"))}={urllib.parse.quote_plus(v.encode("utf-8", "replace"))}'
                        for k, v in params)
        return 'POST', '/', {**self.headers(op.service.name), 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'}, body.encode()

    def as_rest(self, op, value):
        s, path, query, headers, body, payload = op.service, op.uri, [], self.headers(op.service.name), {}, None
        shape = s.shapes[op.input] if op.input else None
        members = {m.name: m for m in shape.members} if shape else {}
        for name, v in value.items():
            m = members.get(name)
            if m is None or m.place == 'BODY':
                body[name if m is None else m.wire] = v
            elif m.place == 'PATH':
                path = re.sub(r'\{%s\+?\}' % re.escape(m.wire), lambda _: urllib.parse.quote(text_of(v).encode('utf-8', 'replace'), safe=''), path)
            elif m.place == 'QUERY':
                for one in v if isinstance(v, list) else [v]:
                    query.append((m.wire, text_of(one)))
            elif m.place == 'PAYLOAD':
                payload = base64.b64decode(v) if isinstance(v, str) and re.fullmatch(r'[A-Za-z0-9+/]{4,}={0,2}', v) and len(v) % 4 == 0 else dump_json(self.rng, v).encode('utf-8', 'replace')
            elif m.place == 'HEADER':
                # What a header cannot carry never reaches a handler; it is the parser's test, not this one.
                headers[m.wire] = re.sub(r'[^\x20-\x7e]', '?', text_of(v))[:2000].strip()
        path = re.sub(r'\{(\w+)\+?\}', 'fz', path)
        if query:
            path += ('&' if '?' in path else '?') + '&'.join(f'{k}={urllib.parse.quote(v.encode("utf-8", "replace"), safe="")}' for k, v in query)
        if payload is None:
            payload = dump_json(self.rng, body).encode('utf-8', 'replace') if body or op.method in ('POST', 'PUT') else b''
        return op.method, path, headers, payload

    def as_xml(self, op, value):
        s = op.service
        payload = s.shapes[op.input].payload if op.input else None
        members = {m.name: m for m in s.shapes[op.input].members} if op.input else {}
        inner, kind = value.pop(payload, None), s.shapes[members[payload].shape].kind if payload else None
        labels = {m.wire: m for m in members.values() if m.place == 'PATH'}
        meta = {m.wire + re.sub(r'[^A-Za-z0-9-]', '-', k)[:50]: re.sub(r'[^\x20-\x7e]', '?', text_of(v))[:2000].strip() for m in members.values()
                if m.place == 'HEADERS' and isinstance(value.get(m.name), dict) for k, v in value[m.name].items()}
        value = {k: v for k, v in value.items() if k not in members or members[k].place != 'HEADERS'}
        for wire, m in labels.items():                       # a name that is empty is another operation's address
            value[m.name] = text_of(value.get(m.name)) or 'x'
        path_key, value_path = op.uri, {}
        for wire, m in labels.items():
            value_path[wire] = urllib.parse.quote(value.pop(m.name).encode('utf-8', 'replace'), safe='/' if wire == 'Key' else '')
        method, path, headers, _ = self.as_rest(op, value)
        path = path.replace(re.sub(r'\{(\w+)\+?\}', 'fz', path_key), re.sub(r'\{(\w+)\+?\}', lambda m: value_path.get(m.group(1), 'x'), path_key), 1)
        headers.update(meta)
        headers = {k: v for k, v in headers.items() if k.lower() not in ('content-length', 'expect')}  # the connection's own
        if inner is None:
            body = b''
        elif kind in ('BLOB', 'STRING'):
            body = text_of(inner).encode('utf-8', 'replace')
        else:
            body = dump_xml(s, members[payload].shape, inner, members[payload].wire).encode('utf-8', 'replace')
        return method, path, headers, body

    def as_cbor(self, op, value):
        s = op.service
        headers = {**self.headers(s.name), 'smithy-protocol': 'rpc-v2-cbor', 'Content-Type': 'application/cbor'}
        body = dump_cbor(self.rng, value, s.shapes[op.input] if op.input else None, s)
        if self.rng.random() < 0.1:
            body, headers['Content-Encoding'] = gzip.compress(body), 'gzip'
        return 'POST', f'/service/GraniteServiceVersion20100801/operation/{op.name}', headers, body

    def exchange(self, method, path, headers, body):
        cls = type(self)
        for attempt in (1, 2):
            if cls.connection is None:
                cls.connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=60)
            try:
                cls.connection.putrequest(method, path, skip_accept_encoding=True)
                for name, value in headers.items():
                    cls.connection.putheader(name, value)
                if 'Content-Length' not in headers:
                    cls.connection.putheader('Content-Length', str(len(body)))
                cls.connection.endheaders(body if body else None)
                reply = cls.connection.getresponse()
                data = reply.read()
                if reply.getheader('Connection', '').lower() == 'close':
                    cls.connection.close()
                    cls.connection = None
                return reply.status, support.Headers((k.lower(), v) for k, v in reply.getheaders()), data
            except (http.client.HTTPException, ConnectionError):
                cls.connection.close()
                cls.connection = None
                if attempt == 2:
                    raise

    # ---- what must be true of every reply ----

    def check_error(self, protocol, service, status, headers, data):
        if protocol == 'JSON':
            self.assertTrue(json.loads(data)['__type'])
            if service == 'sqs':
                self.assertRegex(headers.get('x-amzn-query-error', ''), r'^[\w.]+;(Sender|Receiver)$')
        elif protocol == 'CBOR':
            self.assertIn(b'\x66__type', data)
        elif protocol == 'REST_XML':
            if data:                                         # a HEAD has none
                error = ET.fromstring(data)
                self.assertEqual(error.tag, 'Error')
                self.assertTrue(error.findtext('Code') and error.findtext('RequestId'), data)
        elif protocol == 'QUERY':
            error = ET.fromstring(data)
            plain = re.sub(r'\{[^}]*\}', '', error.tag)
            self.assertEqual(plain, 'ErrorResponse')
            text = {re.sub(r'\{[^}]*\}', '', e.tag): e.text for e in error.iter()}
            self.assertTrue(text['Code'] and text['RequestId'])
        else:
            self.assertTrue(headers.get('x-amzn-errortype'))
            self.assertIsInstance(json.loads(data), dict)

    def check_reply(self, protocol, op, status, headers, data, sound):
        self.assertNotIn('x-injected', headers)
        if status in (414, 431) and 'x-amzn-requestid' not in headers:  # a head too long for the parser
            return
        if status == 501 and protocol == 'REST_XML':         # S3's word for what is not there: refused, and by name
            self.assertTrue(op.method == 'HEAD' or b'<Code>NotImplemented</Code>' in data)
        elif not (status == 501 and not sound):              # a header that names another service was made up
            self.assertLess(status, 500)
        self.assertGreaterEqual(status, 200)
        if 'x-amz-request-id' in headers:
            if protocol != 'REST_XML':                       # only damage makes another's request S3's
                self.assertFalse(sound)
            if status >= 400:
                self.check_error('REST_XML', 's3', status, headers, data)
            elif data and headers.get('content-type') == 'application/xml' and sound:
                ET.fromstring(data)
            return
        self.assertTrue(headers.get('x-amzn-requestid'))
        if op.name == 'Invoke' and status in (200, 202, 204):
            return
        if protocol != 'CBOR' and headers.get('content-type') != 'application/cbor':
            data.decode('utf-8')                             # raises where it is none
        if not sound:                                        # protocol and operation may be others by now
            return
        if status >= 400:
            self.check_error(protocol, op.service.name, status, headers, data)
        elif protocol == 'QUERY':
            ET.fromstring(data)
        elif protocol == 'CBOR':
            self.assertIn(data[:1] + data[-1:], (b'\xbf\xff', b''))  # nothing where the operation has no output
        elif data:
            json.loads(data)

    def one(self, rng):
        name = rng.choice(('lambda', 'lambda', 'sqs', 'sqs', 'iam', 'iam', 'sts', 'logs', 'logs', 'sns', 'sns', 'events', 'events', 's3', 's3', 's3',
                           'cloudwatch'))
        service = self.services[name]
        op = service.operations[rng.choice(self.served[name])]
        generator = Generator(rng, service, self.urls, self.found.get(name, self.handles))
        generator.wild = rng.choice((0, 0, 0.02, 0.1, 0.4))
        value = generator.request(service.shapes[op.input]) if op.input else {}
        if op.name.startswith('Delete') and any(isinstance(v, str) and (v in KEPT or v.split(':')[-1].split('/')[-1] in KEPT or v in self.urls)
                                                for v in value.values()) and op.name not in ('DeleteMessage', 'DeleteMessageBatch'):
            value = {k: 'tmp' if isinstance(v, str) else v for k, v in value.items()}
        protocol = rng.choice(service.protocols)
        request = list({'JSON': self.as_json, 'QUERY': self.as_query, 'REST_JSON': self.as_rest, 'REST_XML': self.as_xml,
                        'CBOR': self.as_cbor}[protocol](op, value))
        sound = True
        if rng.random() < 0.1:
            request[3], sound = damage(rng, request[3]), False
        if rng.random() < 0.03:
            other = rng.choice(list(request[2]))
            request[2] = {**request[2], other: rng.choice(['', 'x', 'application/json', 'application/x-www-form-urlencoded', 'a.b', 'AmazonSQS.', 'AWS4-HMAC-SHA256 ',
                                                          'AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f/g', 'Credential=////'])}
            sound = False
        return protocol, op, request, sound

    def test_no_request_breaks_the_server(self):
        self.build_world()
        end, count, seen = time.monotonic() + SECONDS, 0, {}
        while time.monotonic() < end or count < 200:
            protocol, op, request, sound = self.one(self.rng)
            count += 1
            try:
                reply = self.exchange(*request)
                self.check_reply(protocol, op, *reply, sound)
            except Exception as e:
                shown = reply[0], dict(reply[1]), reply[2][:2000]
                text = (f'request {count} of seed {SEED}: {op.service.name} {op.name} ({protocol})\n{request[0]} {request[1][:3000]}\n{request[2]}\n'
                        f'{request[3][:6000]}\nreply: {shown}\n{self.server.stderr()[-3000:]}')
                if os.environ.get('WAYBILL_FUZZ_KEEP_ON'):
                    key = (op.name, str(e)[:60])
                    if key not in seen:
                        print(f'--- {type(e).__name__}: {e}\n{text[:1800]}', flush=True)
                    seen[key] = 1
                    continue
                raise AssertionError(f'{type(e).__name__}: {e}\n{text}') from e
            if op.name == 'ReceiveMessage' and reply[0] == 200:
                found = re.findall(rb'ReceiptHandle(?:":"|>)([^"<]+)', reply[2])
                self.handles = (self.handles + [h.decode() for h in found])[-20:]
            for service, what in (('s3', rb'<UploadId>([^<]+)<'), ('sns', rb'<SubscriptionArn>(arn:[^<]+)<')):
                if op.service.name == service:
                    self.found[service] = (self.found[service] + [h.decode() for h in re.findall(what, reply[2])])[-20:]
            if reply[0] < 300:
                seen[op.name] = seen.get(op.name, 0) + 1
            if count % 300 == 0:
                self.assertEqual(self.health()['status'], 'ok')
        self.assertEqual(self.server.process.poll(), None, self.server.stderr()[-6000:])
        # A generator that no longer reaches the handlers would find nothing: many kinds of requests must succeed.
        succeeded = {o for o in seen if isinstance(o, str)}
        if os.environ.get('WAYBILL_FUZZ_KEEP_ON'):
            print(count, 'requests', sorted(succeeded), sorted(set(sum(self.served.values(), [])) - succeeded))
        self.assertGreater(len(succeeded), 30, f'{count} requests, succeeded: {sorted(succeeded)}')


if __name__ == '__main__':
    unittest.main()
