#!/usr/bin/python3
"""Functions that end, hang up, fork or stand still when nobody expects it."""
import unittest

from hostile import HostileCase, bootstrap, function

ENDED = {'ok', 'Runtime.ExitError', 'Sandbox.Timedout', 'Runtime.Unknown'}
ENDS_IDLE = '''
import os, threading, time
def handler(event, context):
    threading.Thread(target=lambda: (time.sleep(%s), os._exit(%d)), daemon=True).start()
    return 1
'''


class Life(HostileCase):
    ROWS = (
        function('ends in the moment after its reply', ENDS_IDLE % ('0.005', 0), ENDED, calls=20),
        function('ends while it is idle', ENDS_IDLE % ('0.1', 0), ENDED, calls=10),
        function('fails while it is idle', ENDS_IDLE % ('0.3', 3), ENDED, calls=6),
        bootstrap('hangs up on next, and asks again', '''
while True:
    s = connect()
    s.sendall(request(b"GET", b"invocation/next"))
    time.sleep(0.05)
    s.close()
    time.sleep(0.1)
''', None, calls=3, timeout=1),
        bootstrap('hangs up on next after one good answer', '''
s = connect()
answer(s, next_id(s))
s.sendall(request(b"GET", b"invocation/next"))
time.sleep(0.05)
s.close()
time.sleep(30)
''', None, calls=3, timeout=1),
        bootstrap('hangs up on next, and ends', '''
s = connect()
answer(s, next_id(s))
s.sendall(request(b"GET", b"invocation/next"))
s.close()
''', ENDED),
        bootstrap('half closes next', '''
s = connect()
while True:
    s = connect()
    s.sendall(request(b"GET", b"invocation/next"))
    s.shutdown(socket.SHUT_WR)
    head = read(s)
    time.sleep(0.05)
''', None, calls=2, timeout=1),
        bootstrap('asks for next on five connections', '''
sockets = [connect() for _ in range(5)]
for s in sockets:
    s.sendall(request(b"GET", b"invocation/next"))
time.sleep(30)
''', None, calls=2, timeout=1),
        bootstrap('its child goes on with the connection', '''
s = connect()
if os.fork():
    os._exit(0)
while True:
    answer(s, next_id(s))
''', None, calls=3, timeout=1),
        bootstrap('never asks for next', 'time.sleep(30)\n', None, calls=1, timeout=1),
        bootstrap('ends before it asks', 'os._exit(0)\n', {'Runtime.ExitError', 'ok'}),
        bootstrap('kills itself at once', 'os.kill(os.getpid(), 9)\n', {'Runtime.ExitError'}),
        function('stops itself', 'import os, signal\ndef handler(e, c): os.kill(os.getpid(), signal.SIGSTOP)\n', {'Sandbox.Timedout'}, calls=1, timeout=1),
        function('kills its process group', 'import os\ndef handler(e, c): os.killpg(0, 9)\n', {'Runtime.ExitError', 'Sandbox.Timedout'}, calls=2, timeout=1),
        function('closes all its files', 'import os\ndef handler(e, c): os.closerange(0, 1000)\n', ENDED, calls=2, timeout=1),
        function('never answers, and ignores SIGTERM', 'import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(e, c): time.sleep(60)\n',
                 {'Sandbox.Timedout'}, calls=1, timeout=1),
        function('leaves children that leave children', '''
import os, time
def handler(event, context):
    for _ in range(20):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    return 1
''', ENDED | {'BlockingIOError'}, calls=2),                 # in the end there are as many as there may be
        function('forks until it may no more', '''
import os, time
def handler(event, context):
    n = 0
    try:
        while n < 300:
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
            n += 1
    except OSError:
        pass
    return n
''', ENDED | {'Runtime.OutOfMemory'}, calls=1, timeout=5),
    )


if __name__ == '__main__':
    unittest.main()
