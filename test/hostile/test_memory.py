#!/usr/bin/python3
"""Functions that hold more memory than they were given, wherever it can be held.

Each tries to hold 300 MB at 128 MB; it says `refused` when it was not let, and `held` when a minute later it still
holds them.  Either the machine's cgroup ends it at once, or the server's eye does, as soon as the machine lets it look.
"""
import unittest

from hostile import HostileCase, function

STOPPED = {'refused', 'Runtime.ExitError', 'Runtime.OutOfMemory', 'Runtime.Unknown'}
FILL = '''
import ctypes, mmap, os, time
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
    time.sleep(60)
    return "held"
'''


def fills(name, code, **more):
    body = '\n'.join('    ' + line for line in code.strip().split('\n'))
    return function(name, FILL % body, STOPPED, calls=1, timeout=90, **more)


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
reader, writer = os.pipe()
for _ in range(6):
    if os.fork() == 0:
        x = b"x" * (50 * MB)
        os.write(writer, b"1")
        time.sleep(60)
        os._exit(0)
os.set_blocking(reader, False)
n = 0
while n < 6:
    try:
        n += len(os.read(reader, 6))
    except BlockingIOError:
        pass
    if os.waitpid(-1, os.WNOHANG)[0]:
        raise OSError("the kernel took some of them")
    time.sleep(0.01)
'''),
        fills('children that left it', '''
for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            x = b"x" * (50 * MB)
            time.sleep(60)
        os._exit(0)
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
        time.sleep(60)
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
