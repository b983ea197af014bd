#!/usr/bin/python3
"""Functions that hold more memory than they were given, wherever it can be held.

Each tries to hold 300 MB at 128 MB and says `held` when it did, for a second; `refused` when it was not let.  Either
the machine's cgroup ends it at once, or the server's eye does within moments: it must not get to say `held`.
"""
import unittest

from hostile import HostileCase, function

STOPPED = {'refused', 'Runtime.ExitError', 'Runtime.OutOfMemory', 'Sandbox.Timedout', 'Runtime.Unknown'}
FILL = '''
import ctypes, mmap, os, subprocess, time
MB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def must(n):
    if n in (-1, None, 2 ** 64 - 1):
        raise OSError(ctypes.get_errno(), "refused")
    return n
def fill():
%s
def handler(event, context):
    try:
        kept = fill()
    except (OSError, MemoryError):
        return "refused"
    time.sleep(2)                                            # whoever looks now and then has looked
    return "held"
'''


def fills(name, code, **more):
    body = '\n'.join('    ' + line for line in code.strip().split('\n'))
    return function(name, FILL % body, STOPPED, calls=1, timeout=10, **more)


class Memory(HostileCase):
    ROWS = (
        fills('its own pages', 'return [b"x" * MB for _ in range(300)]'),
        fills('shared pages of its own', '''
m = mmap.mmap(-1, 300 * MB)
for n in range(0, 300 * MB, 4096):
    m[n] = 1
return m
'''),
        fills('a file in memory', '''
f = os.memfd_create("x")
for _ in range(300):
    os.write(f, b"x" * MB)
return f
'''),
        fills('files in memory, closed by all but a descriptor that is passed on', '''
import socket, array
a, b = socket.socketpair(socket.AF_UNIX)
for _ in range(10):
    f = os.memfd_create("x")
    for _ in range(30):
        os.write(f, b"x" * MB)
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [f]))])
    os.close(f)
return a, b
'''),
        fills('its children', '''
pids = []
for _ in range(6):
    pids.append(os.fork())
    if pids[-1] == 0:
        x = b"x" * (50 * MB)
        time.sleep(8)
        os._exit(0)
time.sleep(3)
if any(os.waitpid(pid, os.WNOHANG)[0] for pid in pids):
    raise OSError("the kernel took some of them")
'''),
        fills('children that left it', '''
for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            x = b"x" * (50 * MB)
            time.sleep(5)
        os._exit(0)
time.sleep(1)
'''),
        fills('shared memory of System V', '''
id = must(libc.shmget(0, ctypes.c_size_t(300 * MB), 0o1600))
at = must(libc.shmat(id, None, 0))
libc.shmctl(id, 0, None)
ctypes.memset(at, 1, 300 * MB)
'''),
        fills('shared memory that nobody is attached to', '''
id = must(libc.shmget(0, ctypes.c_size_t(300 * MB), 0o1600))
at = must(libc.shmat(id, None, 0))
ctypes.memset(at, 1, 300 * MB)
libc.shmdt(ctypes.c_void_p(at))
must(libc.shmat(id, None, 0))
'''),
        fills('a file in /dev/shm', '''
with open("/dev/shm/x", "wb") as f:
    for _ in range(300):
        f.write(b"x" * MB)
'''),
        fills('a file system of its own', '''
me, us = os.getuid(), os.getgid()
os.makedirs("/tmp/m", exist_ok=True)
reader, writer = os.pipe()
if os.fork() == 0:                                           # threads may not make a namespace of users, a child may
    try:
        must(libc.unshare(0x10000000 | 0x00020000))
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % me), ("gid_map", "0 %d 1" % us)):
            with open("/proc/self/" + name, "w") as f:
                f.write(text)
        must(libc.mount(b"tmpfs", b"/tmp/m", b"tmpfs", 0, b"size=400m"))
        with open("/tmp/m/x", "wb") as f:
            for _ in range(300):
                f.write(b"x" * MB)
        os.write(writer, b"1")
        time.sleep(5)
    finally:
        os._exit(0)
os.close(writer)
if os.read(reader, 1) != b"1":
    raise OSError("refused")
'''),
        fills('a file in /tmp beyond the ephemeral storage', '''
with open("/tmp/x", "wb") as f:
    for _ in range(600):
        f.write(b"x" * MB)
'''),
    )


if __name__ == '__main__':
    unittest.main()
