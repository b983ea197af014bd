#!/usr/bin/python3
"""Clients that send what is long, deep or slow, and read slowly what they asked for."""
import contextlib
import json
import re
import socket
import threading
import time
import unittest

from hostile import HOSTILE_SECONDS, QUIET_ASAN, REPLY_SECONDS, HostileCase, client, support

OBJECT_BYTES, READERS = 20 << 20, 30
HEAD_SECONDS = 20                                            # what the server waits for a head


def post(case, service, target, body, region='us-east-1', kind='application/x-amz-json-1.1'):
    headers = {'Authorization': support.authorization(service, region), 'Content-Type': kind}
    if target:
        headers['X-Amz-Target'] = target
    return case.http('POST', '/', headers, body)


def refused(case, status, reply):
    case.assertIn(reply[0], status, reply[2][:300])


def long_regions(case):
    for n in (64, 255, 300, 499, 500, 513, 600, 1100, 2100, 4100, 7000):
        for target, body in (('AWSEvents.PutRule', {'Name': 'r', 'EventPattern': '{"source":["a"]}'}), ('AWSEvents.CreateEventBus', {'Name': 'b'}),
                             ('AWSEvents.PutEvents', {'Entries': [{'Source': 'a', 'DetailType': 'b', 'Detail': '{}'}]}),
                             ('AWSEvents.PutPermission', {'Action': 'events:PutEvents', 'Principal': '*', 'StatementId': 's'})):
            refused(case, (400, 403, 404, 431), post(case, 'events', target, json.dumps(body), 'r' * n))
        refused(case, (400, 403, 404, 431), post(case, 'sqs', 'AmazonSQS.CreateQueue', '{"QueueName":"q"}', 'r' * n, 'application/x-amz-json-1.0'))
        refused(case, (400, 403, 404, 431), post(case, 'logs', 'Logs_20140328.CreateLogGroup', '{"logGroupName":"g"}', 'r' * n))


def odd_accounts(case):
    """Keys nobody gave out, in every length: an error or an answer, and never the end."""
    for key in ('x' * n for n in (1, 128, 500, 3000, 7000)):
        for service, target, body in (('events', 'AWSEvents.PutRule', '{"Name":"r","EventPattern":"{}"}'), ('logs', 'Logs_20140328.CreateLogGroup', '{"logGroupName":"g"}')):
            headers = {'Authorization': support.authorization(service, key=key), 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': target}
            case.assertLess(case.http('POST', '/', headers, body)[0], 500)


def split_responses(case):
    """Line ends in whatever comes back in a header: one reply, and none of its headers ours."""
    s3 = case.client('s3')
    s3.create_bucket(Bucket='split')
    s3.put_object(Bucket='split', Key='k', Body=b'body')
    end = b'%0d%0aX-Injected:1%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0aContent-Length:%200%0d%0a%0d%0a'
    sign = support.authorization('s3').encode()
    for name in (b'response-content-type', b'response-content-disposition', b'response-content-encoding', b'response-content-language', b'response-cache-control', b'response-expires'):
        with socket.create_connection(('127.0.0.1', case.server.port), timeout=REPLY_SECONDS) as s:
            s.sendall(b'GET /split/k?' + name + b'=a' + end + b' HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: ' + sign + b'\r\n\r\n')
            data = b''
            while more := s.recv(65536):
                data += more
        head = data.partition(b'\r\n\r\n')[0].lower()
        case.assertNotIn(b'\r\nx-injected', head, name)
        case.assertEqual(len(re.findall(rb'(?:^|\r\n)HTTP/1\.1 \d', data)), 1, name)
    s3.delete_object(Bucket='split', Key='k')
    s3.delete_bucket(Bucket='split')


def byte_at_a_time(case):
    """Heads that take their time; each is answered in the end."""
    text = b'GET /_waybill/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: 1\r\n\r\n'
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(('127.0.0.1', case.server.port), timeout=REPLY_SECONDS)) for _ in range(100)]
        for byte in text:
            for s in sockets:
                with contextlib.suppress(OSError):           # the machine was too busy for us to be in time
                    s.sendall(bytes([byte]))
            time.sleep(HOSTILE_SECONDS / len(text))
        if time.monotonic() - began < HEAD_SECONDS:
            for s in sockets:
                case.assertTrue(s.recv(4096).startswith(b'HTTP/1.1 200 '))


# Made beforehand: the calm neighbour lives in this process and would wait for them.
TAGS_JSON = ', "Tags": ' + json.dumps({f'k{n:06}': 'v' for n in range(50000)}) + '}'
TAGS_FORM = '&' + '&'.join(f'Tag.{n}.Key=k{n}&Tag.{n}.Value=v' for n in range(1, 20001))


def many_tags(case):
    url, _ = case.queue('tagged')
    refused(case, (400, 413), post(case, 'sqs', 'AmazonSQS.TagQueue', '{"QueueUrl": ' + json.dumps(url) + TAGS_JSON, kind='application/x-amz-json-1.0'))
    form = f'Action=TagQueue&Version=2012-11-05&QueueUrl={url}' + TAGS_FORM
    refused(case, (400, 413), post(case, 'sqs', None, form, kind='application/x-www-form-urlencoded'))
    case.client('sqs').delete_queue(QueueUrl=url)


def deep_json(case):
    bodies = [b'[' * 500000, b'{"a":' * 100000, b'{"Entries":' + b'[' * 100000 + b']' * 100000 + b'}', b'{"EventPattern":"' + b'{\\"a\\":' * 20000 + b'"}']
    for body in bodies:
        for service, target in (('events', 'AWSEvents.PutEvents'), ('events', 'AWSEvents.PutRule'), ('sqs', 'AmazonSQS.SendMessage'), ('logs', 'Logs_20140328.PutLogEvents')):
            refused(case, (400, 413), post(case, service, target, body))
    refused(case, (400,), case.http('POST', '/2015-03-31/functions/calm/invocations', {'Authorization': support.authorization('lambda')}, b'[' * 1000000))


def one_entry_of_many(case):
    """A parameter's last element with none before it, and a thousand of one name."""
    for form in ('SendMessageBatchRequestEntry.4000000000.Id=1', '&'.join(['SendMessageBatchRequestEntry.1.Id=1'] * 20000), 'Attribute.' * 5000 + '=1', '&' * 1000000):
        refused(case, (400, 413), post(case, 'sqs', None, f'Action=SendMessageBatch&Version=2012-11-05&QueueUrl=x&{form}', kind='application/x-www-form-urlencoded'))


def resident_bytes(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1)) * 1024


def slow_readers(case):
    """Many ask for a large object and read a little at a time: it need not lie in memory once for each."""
    s3 = case.client('s3')
    s3.create_bucket(Bucket='large')
    s3.put_object(Bucket='large', Key='k', Body=b'x' * OBJECT_BYTES)
    before, most, stop = resident_bytes(case.server.process.pid), 0, threading.Event()
    text = b'GET /large/k HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ' + support.authorization('s3').encode() + b'\r\n\r\n'
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(READERS):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(5)
            s.connect(('127.0.0.1', case.server.port))
            s.sendall(text)
            sockets.append(s)
        end = time.monotonic() + 2 * HOSTILE_SECONDS
        while time.monotonic() < end:
            for s in sockets:
                with contextlib.suppress(OSError):
                    s.recv(1024)
            most = max(most, resident_bytes(case.server.process.pid))
            stop.wait(0.02)
    s3.delete_object(Bucket='large', Key='k')
    s3.delete_bucket(Bucket='large')
    case.assertLess(most - before, READERS * OBJECT_BYTES // 3, f'{(most - before) >> 20} MB more for {READERS} readers of {OBJECT_BYTES >> 20} MB')


def backlog(case):
    """Hundreds of slow events of one function; the calm one's synchronous calls go on, and a function that is new starts."""
    case.function('slow', 'import time\ndef handler(e, c): time.sleep(1)\n')
    with socket.create_connection(('127.0.0.1', case.server.port), timeout=REPLY_SECONDS) as s:
        text = (b'POST /2015-03-31/functions/slow/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Invocation-Type: Event\r\nAuthorization: '
                + support.authorization('lambda').encode() + b'\r\nContent-Length: 2\r\n\r\n{}')
        s.sendall(text * 300)
        data = b''
        while data.count(b'HTTP/1.1 202 ') < 300:
            more = s.recv(65536)
            case.assertTrue(more, 'the connection was closed')
            data += more
    case.function('new', 'def handler(e, c): return 1\n', Timeout=120)
    reply, value = case.invoke('new')
    case.assertEqual((reply.get('FunctionError'), value), (None, 1))
    time.sleep(2 * HOSTILE_SECONDS)
    for name in ('slow', 'new'):
        case.client('lambda').delete_function(FunctionName=name)


class Clients(HostileCase):
    server_env = {'ASAN_OPTIONS': QUIET_ASAN}
    ROWS = (
        client('long regions', long_regions),
        client('odd accounts', odd_accounts),
        client('line ends in parameters', split_responses),
        client('heads a byte at a time', byte_at_a_time),
        client('fifty thousand tags', many_tags),
        client('deep JSON', deep_json),
        client('odd lists of parameters', one_entry_of_many),
        client('slow readers of a large object', slow_readers),
        client('a backlog of slow events', backlog),
    )


if __name__ == '__main__':
    unittest.main()
