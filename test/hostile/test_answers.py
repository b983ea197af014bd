#!/usr/bin/python3
"""Functions that answer what no runtime would."""
import unittest

from hostile import HostileCase, bootstrap


class Answers(HostileCase):
    """By hand over the Runtime API.  Whoever answers badly has its own error; a wrong answer is nobody else's."""
    ROWS = (
        bootstrap('answers twice', '''
s = connect()
while True:
    id = next_id(s)
    answer(s, id)
    answer(s, id, b"2")
''', {'ok'}),
        bootstrap('answers an id that is not its own', '''
s = connect()
while True:
    id = next_id(s)
    answer(s, b"00000000-0000-0000-0000-000000000000")
    answer(s, id[::-1])
    answer(s, b"../" * 50 + id)
    answer(s, id)
''', {'ok'}),
        bootstrap('answers what is no JSON', '''
s = connect()
while True:
    answer(s, next_id(s), bytes(range(256)) * 20)
''', {'ok'}),
        bootstrap('says nothing HTTP knows', '''
for n in range(200):
    s = connect()
    try:
        s.sendall(bytes([n]) * 3000 + b"\\r\\n\\r\\n")
    except OSError:
        pass
    s.close()
s = connect()
while True:
    answer(s, next_id(s))
''', {'ok', 'Runtime.ExitError'}),
        bootstrap('answers seven megabytes', '''
s = connect()
while True:
    id = next_id(s)
    try:
        answer(s, id, b'"' + b"a" * 7000000 + b'"')
    except OSError:
        pass
    s = connect()
''', {'Function.ResponseSizeTooLarge'}, calls=2),
        bootstrap('answers forty megabytes in chunks', '''
s = connect()
while True:
    id = next_id(s)
    try:
        s.sendall(b"POST /2018-06-01/runtime/invocation/" + id + b"/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
        for n in range(40):
            s.sendall(b"100000\\r\\n" + b" " * 0x100000 + b"\\r\\n")
        s.sendall(b"0\\r\\n\\r\\n")
        read(s)
    except OSError:
        pass
    s = connect()
''', {'Function.ResponseSizeTooLarge'}, calls=1, timeout=20, memory=512),
        bootstrap('answers in chunks without an end', '''
s = connect()
id = next_id(s)
s.sendall(b"POST /2018-06-01/runtime/invocation/" + id + b"/response HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
while True:
    s.sendall(b"1\\r\\na\\r\\n")
    time.sleep(0.01)
''', {'Sandbox.Timedout'}, calls=1, timeout=1),
        bootstrap('announces an answer and sends none', '''
s = connect()
id = next_id(s)
s.sendall(b"POST /2018-06-01/runtime/invocation/" + id + b"/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\n")
time.sleep(30)
''', {'Sandbox.Timedout'}, calls=1, timeout=1),
        bootstrap('hangs up in its answer', '''
s = connect()
while True:
    id = next_id(s)
    s.sendall(b"POST /2018-06-01/runtime/invocation/" + id + b"/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\n123")
    s.close()
    s = connect()
''', {'Sandbox.Timedout', 'Runtime.ExitError', 'Runtime.Unknown'}, calls=1, timeout=1),
        bootstrap('its error names are long and odd', '''
s = connect()
while True:
    id = next_id(s)
    s.sendall(request(b"POST", b"invocation/" + id + b"/error", b'{"errorType": "' + b"x" * 20000 + b'", "errorMessage": {"a": 1}}', b"Lambda-Runtime-Function-Error-Type: " + b"y" * 6000 + b"\\r\\n"))
    read(s)
''', None),
        bootstrap('reports an init error in the middle', '''
s = connect()
while True:
    id = next_id(s)
    s.sendall(request(b"POST", b"init/error", b"[]"))
    read(s)
    answer(s, id)
''', None, calls=2, timeout=1),
        bootstrap('sends its Runtime API bent requests, by the thousand', '''
import random
rng = random.Random(1)
def bent(data):
    data = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 3, 20))):
        at = rng.randrange(len(data) + 1)
        data[at:at + rng.choice((0, 1, 9))] = rng.choice((b"", b"\\0", b"\\r\\n", b"\\xff", b"/", b":", b"%", b"a" * 3000, b"-1", b"99999999999999999999", bytes([rng.randrange(256)])))
    return bytes(data)
def some(id):
    what = rng.choice((b"invocation/" + id + b"/response", b"invocation/" + id + b"/error", b"init/error", b"invocation/" + b"0" * 36 + b"/response", b"nothing", b"restore/next", b"../x"))
    headers = b"".join(rng.choice((b"", b"Lambda-Runtime-Function-Error-Type: a.b\\r\\n", b"Lambda-Runtime-Function-Response-Mode: streaming\\r\\n", b"Trailer: x\\r\\n",
                                   b"Lambda-Runtime-Function-XRay-Error-Cause: {\\r\\n", b"Transfer-Encoding: chunked\\r\\n", b"Expect: 100-continue\\r\\n")) for _ in range(3))
    return request(rng.choice((b"POST", b"POST", b"GET", b"PUT", b"DELETE")), what, rng.choice((b"", b"1", b"{", b"[" * 5000, b'{"errorType":1}', bytes(range(256)))), headers)
s = connect()
id = next_id(s)
for n in range(1200):
    t = connect()
    t.settimeout(0.005)
    try:
        for _ in range(rng.choice((1, 1, 3))):
            t.sendall(bent(some(b"x" if n < 1100 else id)))
        t.recv(4096)
    except OSError:
        pass
    t.close()
''', None, calls=1, timeout=20),
        bootstrap('sends a thousand requests at once', '''
s = connect()
s.sendall(request(b"GET", b"nothing") * 1000)
s.close()
s = connect()
while True:
    id = next_id(s)
    s.sendall(request(b"POST", b"invocation/" + id + b"/response", b"1") * 50)
    for _ in range(50):
        read(s)
    s = connect()
''', {'ok', 'Runtime.ExitError', 'Sandbox.Timedout'}, timeout=2),
    )


if __name__ == '__main__':
    unittest.main()
