#!/usr/bin/python3
"""Functions and clients that hold connections: to their own Runtime API, to the neighbours', to the server."""
import contextlib
import resource
import socket
import time
import unittest

from hostile import HOSTILE_SECONDS, HostileCase, client, function, support

HOLD = '''
import os, socket, time
def listening():
    """Ports something listens on, on the loopback, as far as this process may see."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sorted({int(r[1].split(":")[1], 16) for r in rows if r[3] == "0A"})
def hold(ports, n, seconds, text=b""):
    kept = []
    for port in ports:
        for _ in range(n):
            try:
                s = socket.create_connection(("127.0.0.1", port), timeout=0.3)
                if text:
                    s.sendall(text)
                kept.append(s)
            except OSError:
                break
    time.sleep(seconds)
    return len(kept)
own = int(os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)[1])
for_good = []
def hold_more(n, text):
    """A hundred more of its own Runtime API with each invocation, and keeps them, up to half of the files it may open."""
    del for_good[:-400]
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", own), timeout=30)
        for_good.append(s)
        try:
            s.sendall(text)
        except OSError:                                      # it had to make room already
            pass
    return 1
def handler(event, context):
    %s
'''
MANY = 4300                                                  # beyond what the server takes in all


def own_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def held(case, n, text=b''):
    """Opens up to n connections, sends text on each, and holds them for a while."""
    n = min(n, own_limit() - 200)
    with contextlib.ExitStack() as stack:
        for _ in range(n):
            try:
                s = stack.enter_context(socket.create_connection(('127.0.0.1', case.server.port), timeout=5))
                if text:
                    s.sendall(text)
            except OSError:                                  # refused, or closed again: the server's right
                pass
        time.sleep(HOSTILE_SECONDS)
        case.assertEqual(case.health()['status'], 'ok')


def half_heads(case):
    held(case, 500, b'POST /2015-03-31/functions/calm/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ')


def missing_bodies(case):
    held(case, 200, b'POST /2015-03-31/functions/calm/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 6000000\r\n\r\n{')


def resets(case):
    """A request, and the connection torn down while the answer is made."""
    text = b'GET /_waybill/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
    end = time.monotonic() + HOSTILE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', case.server.port), timeout=5) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            s.sendall(text * 20)


def long_polls(case):
    """Waiters on an empty queue that hang up before their time."""
    url, _ = case.queue('empty')
    body = f'{{"QueueUrl":"{url}","WaitTimeSeconds":20}}'
    head = (f'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("sqs")}\r\nContent-Type: application/x-amz-json-1.0\r\n'
            f'X-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: {len(body)}\r\n\r\n')
    held(case, 300, (head + body).encode())
    case.client('sqs').delete_queue(QueueUrl=url)


class Connections(HostileCase):
    cold = True
    ROWS = (
        function('holds hundreds to its own Runtime API', HOLD % 'return hold([own], 300, 1.5)', {'ok'}, calls=1),
        function('holds on to its own Runtime API, silently', HOLD % 'return hold_more(100, b"")', {'ok'}),
        function('holds on to its own Runtime API with half a head', HOLD % 'return hold_more(100, b"GET /2018")', {'ok'}),
        function('holds on to its own Runtime API between requests',
                 HOLD % 'return hold_more(100, b"GET /2018-06-01/ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")', {'ok', 'Runtime.ExitError'}),
        function('holds all it finds on the loopback', HOLD % 'return hold([p for p in listening() if p != own][:30], 80, 1.5)', {'ok'}, calls=1),
        function('asks for others\' invocations', HOLD % '''return hold([p for p in listening() if p not in (own, event["port"])][:30], 3, 1.5,
        b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")''', {'ok'}, calls=1),
        function('holds a thousand to the server', HOLD % 'return hold([event["port"]], 1000, 1.5)', {'ok'}, calls=1),
        client('a client holds more than there are', lambda case: held(case, MANY)),
        client('a client holds half heads', half_heads),
        client('a client announces bodies that never come', missing_bodies),
        client('a client tears its connections down', resets),
        client('a client hangs up on its long polls', long_polls),
    )


if __name__ == '__main__':
    unittest.main()
