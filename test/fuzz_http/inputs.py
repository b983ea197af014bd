"""Inputs for operations: values that grow from the rows of src/model around names that exist, and are then bent.

True here: half of all inputs are right, or right but for one value, so that requests get past the first check; no
input asks for a real wait; and no deletion names what the world is made of.
"""
import base64
import copy
import json
import re
import time

MAX_TEXT = 70000
STATEMENT = {'Effect': 'Allow', 'Principal': '*', 'Action': '*', 'Resource': '*'}
ALLOW_ALL = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}
TRUST = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'lambda.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]}
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
DOCUMENTS = [json.dumps({'Version': '2012-10-17', 'Statement': [STATEMENT]}), json.dumps(TRUST), json.dumps(ALLOW_ALL),
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
WAITS = ('WaitTimeSeconds', 'ReceiveMessageWaitTimeSeconds')
KEPT = {'fz', 'fzq', 'fzr', 'fzg', 'fzs', 'fzp', 'fzt', 'fzt.fifo', 'fzb', 'fze', 'fz-bucket'}   # what the world is made of


class Generator:
    """Inputs for one service's shapes.  wild: the share of values that ignore their shape."""

    def __init__(self, rng, service, queue_urls, handles, code):
        self.rng, self.service, self.code, self.wild, self.tame = rng, service, code, rng.choice((0, 0, 0.02, 0.1, 0.4)), False
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
            return base64.b64encode(self.code).decode()
        if shape.kind == 'BLOB':
            return base64.b64encode(rng.choice([b'', b'{}', b'PK\x03\x04', self.code, b'\xff' * rng.randrange(1, 300)])).decode()
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
            elif m.name in WAITS:
                result[m.name] = rng.choice((0, -1, 21, 2 ** 40))  # a real wait would only take time
            else:
                result[m.name] = self.value(m.shape, depth + 1)
        if rng.random() < 0.05 and not self.tame:
            result[self.text()] = self.anything()
        return result

    def request(self, shape, tame=None):
        """An input of that shape.  tame: as right as the rows can tell; None: chance decides."""
        self.tame = self.rng.random() < 0.5 if tame is None else tame
        value = self.structure(shape)
        if tame is None and self.tame and value and self.rng.random() < 0.6:
            self.bend(value)
        return value

    def bend(self, value):
        """Changes one place of an input, in place."""
        rng, self.tame, place = self.rng, False, value
        while place:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.3:
                break
            place = place[key]
        if not place:
            return
        how = rng.random()
        if how < 0.5:
            place[key] = rng.choice((self.text, self.anything))()
        elif how < 0.65:
            place[key] = self.number_near(place[key])
        elif how < 0.8 and isinstance(place[key], str):
            place[key] = self.text_near(place[key])
        elif how < 0.9:
            del place[key]
        elif isinstance(place, list):
            place.extend([copy.deepcopy(place[key])] * rng.choice((1, 2, 10, 200)))
        else:
            place[self.text()] = copy.deepcopy(place[key])

    def number_near(self, value):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return self.rng.choice(NUMBERS)
        return self.rng.choice((value + 1, value - 1, -value, value * 2, value * 1000000, value + 0.5, str(value)))

    def text_near(self, text):
        rng, at = self.rng, self.rng.randrange(len(text) + 1)
        return rng.choice((lambda: text[:at] + rng.choice(TEXTS)[:3000] + text[at:], lambda: text[:at], lambda: text * rng.choice((2, 20, 300)),
                           lambda: text[:at] + text[at + 1:], lambda: text.upper(), lambda: text + ' ', lambda: text.replace(':', rng.choice(('', '::', '/')), 1)))()[:MAX_TEXT]


def _waits_none(value):
    """A wait of 1 to 20 seconds is legal, and would only take time: it becomes none."""
    try:
        return 0 if 0 < float(value) <= 20 else value
    except (TypeError, ValueError, OverflowError):
        return value


def without_waits(value):
    if isinstance(value, dict):
        return {k: _waits_none(v) if k in WAITS else without_waits(v) for k, v in value.items()}
    return [without_waits(v) for v in value] if isinstance(value, list) else value


def spared(operation, value):
    """The same input, or one that names `tmp` where a deletion would take away what all later requests need."""
    if not operation.startswith('Delete') or operation.startswith('DeleteMessage'):
        return value
    if any(isinstance(v, str) and re.split(r'[:/]', v)[-1] in KEPT for v in value.values()):
        return {k: 'tmp' if isinstance(v, str) else v for k, v in value.items()}
    return value
