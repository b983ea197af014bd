#!/usr/bin/python3
"""Functions that take more than they were given, by every way there is; and those that must not be taken for such.

No attempt asks for more than 400 MB, whatever the server does about it."""
import os
import subprocess
import time
import unittest

import support

TAKE = '''
import ctypes, errno, mmap, os, threading, time, uuid
me = str(uuid.uuid4())
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
MB = 1 << 20
kept = []

def refused():
    return {"refused": errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno())}

def fill(mb):
    held = bytearray(mb * MB)
    for at in range(0, len(held), 4096):
        held[at] = 1
    return held

def linger():
    time.sleep(3)                                          # the sampler looks ten times a second
    return {"took": True}

def hold(mb, ready):
    """In a child: takes, says so, keeps."""
    held = fill(mb)
    os.write(ready, b"x")
    time.sleep(20)
    os._exit(0)

def await_all(n, ready):
    while n > 0:
        n -= len(os.read(ready, n))
    return linger()

def plain(e):
    kept.append(fill(300))
    return linger()

def memfd(e):
    try:
        fd = os.memfd_create("x")
    except OSError as error:
        return {"refused": errno.errorcode[error.errno]}
    for _ in range(300):
        os.write(fd, b"x" * MB)
    return linger()

def mapped(e):
    m = mmap.mmap(-1, 300 * MB)
    for at in range(0, 300 * MB, 4096):
        m[at] = 1
    return linger()

def children(e):
    """Four of 75 MB: none is too large by itself."""
    ready, tell = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            hold(75, tell)
    return await_all(4, ready)

def orphans(e):
    """The same by grandchildren in sessions of their own, whose parents are gone."""
    ready, tell = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                hold(75, tell)
            os._exit(0)
    return await_all(4, ready)

def sysv(e):
    ids = []
    for _ in range(30):
        id = libc.shmget(0, 10 * MB, 0o1600)
        if id < 0:
            return refused()
        at = libc.shmat(id, None, 0)
        ctypes.memset(at, 1, 10 * MB)
        if e.get("detach"):
            libc.shmdt(ctypes.c_void_p(at))
        ids.append(id)
    return linger()

def left(e):
    """A segment nobody has attached, for the next invocation to find."""
    id = libc.shmget(0x77, MB, 0o1600)
    if id < 0:
        return False
    libc.shmdt(ctypes.c_void_p(libc.shmat(id, None, 0)))
    return libc.shmget(0x77, MB, 0o600) >= 0

def tmpfs(e):
    flags = 0x10000000 | 0x00020000
    if libc.unshare(flags) < 0:
        return refused()
    if libc.mount(b"x", b"/tmp", b"tmpfs", 0, b"size=400m") < 0:
        return refused()
    with open("/tmp/x", "wb") as f:
        for _ in range(300):
            f.write(b"x" * MB)
    return linger()

def scratch(e):
    """/tmp is no memory."""
    with open("/tmp/x", "wb") as f:
        for _ in range(300):
            f.write(b"x" * MB)
    time.sleep(1)
    os.unlink("/tmp/x")
    return {"took": True}

def common(e):
    """Sixty MB that eight forked children have in common are there once."""
    held = fill(60)
    pids = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            time.sleep(2)
            os._exit(sum(held[::4096]) % 2)
        pids.append(pid)
    return {"took": all(os.waitpid(pid, 0)[1] == 0 for pid in pids)}

def forks(e):
    """1500 at most, and they end by themselves."""
    pids = []
    try:
        while len(pids) < 1500:
            pid = os.fork()
            if pid == 0:
                time.sleep(15)
                os._exit(0)
            pids.append(pid)
    except OSError as error:
        got = {"refused": errno.errorcode[error.errno]}
    else:
        got = linger()
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return got

def later(e):
    """After the answer, when it ought to lie still."""
    threading.Timer(0.5, lambda: kept.append(fill(300))).start()
    return me

def who(e):
    return me

def handler(event, context):
    return globals()[event["how"]](event)
'''


class Takes(support.ServerCase):

    def setUp(self):
        super().setUp()
        if not self.client('lambda').list_functions()['Functions']:
            self.function('take', TAKE, Timeout=60, MemorySize=128, EphemeralStorage={'Size': 512})

    def take(self, how, **event):
        reply, got = self.invoke('take', {'how': how, **event})
        return reply.get('FunctionError'), got

    def assert_stopped(self, how, *refusals, **event):
        error, got = self.take(how, **event)
        if error is None:
            self.assertIn(got.get('refused'), refusals, f'{how}: {got}')
        else:
            self.assertEqual((got['errorType'], got['errorMessage'].split('Error: ')[-1]),
                             ('Runtime.ExitError', 'Runtime exited with error: signal: killed'), got)


class PlainMemory(Takes):
    """Without a sandbox the processes are counted all the same."""
    server_args = ('--max-environments', '3', '--no-sandbox')

    def test_children_and_orphans_together(self):
        self.assert_stopped('children')
        self.assert_stopped('orphans')

    def test_pages_in_common_count_once(self):
        self.assertEqual(self.take('common'), (None, {'took': True}))


class Memory(Takes):
    server_args = ('--max-environments', '3')

    def test_memory_of_one_process(self):
        self.assert_stopped('plain')

    def test_a_file_without_a_name(self):
        self.assert_stopped('memfd', 'ENOSYS')

    def test_shared_pages_without_a_file(self):
        self.assert_stopped('mapped')

    def test_children_together(self):
        self.assert_stopped('children')

    def test_orphans_together(self):
        self.isolated('namespaces')
        self.assert_stopped('orphans')

    def test_system_v_segments(self):
        self.isolated('namespaces')
        self.assert_stopped('sysv', 'ENOSPC', 'ENOMEM', 'ENOSYS')

    def test_system_v_segments_nobody_has_attached(self):
        """They end with their last user, or the limit ends the function."""
        self.isolated('namespaces')
        error, left = self.take('left')
        if error is not None:                                # it paid for what another test had taken in this environment
            error, left = self.take('left')
        self.assertIsNone(error, left)
        if left:
            self.assert_stopped('sysv', 'ENOSPC', 'ENOMEM', 'ENOSYS', detach=True)

    def test_a_tmpfs_in_a_user_namespace(self):
        self.assert_stopped('tmpfs', 'EPERM', 'ENOSPC')

    def test_more_processes_than_there_may_be(self):
        """Refused by a limit where there is one for the environment alone; else it is ended."""
        self.assert_stopped('forks', 'EAGAIN')
        self.assertIsNone(self.take('who')[0])

    def test_an_idle_environment_is_watched_too(self):
        _, first = self.take('later')
        self.assertEqual(len(first), 36)
        support.wait_until(lambda: self.health()['environments']['idle'] == 0, 30, 0.1, 'the end of the environment')
        _, second = self.take('who')
        self.assertNotEqual(first, second)

    def test_tmp_is_no_memory(self):
        self.assertEqual(self.take('scratch'), (None, {'took': True}))

    def test_pages_in_common_count_once(self):
        self.assertEqual(self.take('common'), (None, {'took': True}))


CALLS = '''
import ctypes, errno, os, platform, resource, socket, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": {"add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
                      "process_vm_readv": 310, "open_by_handle_at": 304, "kexec_load": 246, "setns": 308, "clone3": 435,
                      "pivot_root": 155, "init_module": 175, "reboot": 169, "clock_settime": 227, "pidfd_getfd": 438},
           "aarch64": {"add_key": 217, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
                       "process_vm_readv": 270, "open_by_handle_at": 265, "kexec_load": 104, "setns": 268, "clone3": 435,
                       "pivot_root": 41, "init_module": 105, "reboot": 142, "clock_settime": 112, "pidfd_getfd": 438}}

def call(f, *args):
    ctypes.set_errno(0)
    return "done" if f(*args) >= 0 else errno.errorcode.get(ctypes.get_errno())

def family(n, protocol=0):
    try:
        socket.socket(n, socket.SOCK_DGRAM if n != 40 else socket.SOCK_STREAM, protocol).close()
        return "done"
    except OSError as e:
        return errno.errorcode[e.errno]

def handler(event, context):
    denied = {name: call(libc.syscall, n, -1, -1, -1, -1, -1) for name, n in NUMBERS[platform.machine()].items()}
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        denied["unshare %x" % flag] = call(libc.unshare, flag)
    denied["ptrace"] = call(libc.ptrace, 0, 0, 0, 0)
    denied["mount"] = call(libc.mount, b"x", b"/tmp", b"tmpfs", 0, None)
    denied["personality"] = call(libc.personality, 0x0040000)
    sockets = {n: family(n) for n in (3, 17, 38, 40)}
    sockets["sock_diag"] = family(16, 4)
    ran = []
    thread = threading.Thread(target=lambda: ran.append("thread"))
    thread.start()
    thread.join()
    ran.append(subprocess.run(["/bin/sh", "-c", "echo shell | cat"], capture_output=True, text=True).stdout.strip())
    for n in (1, 2, 16):
        ran.append(family(n))
    if os.path.exists("/proc/net/if_inet6"):
        ran.append(family(10))
    ran.append(call(libc.personality, 0xffffffff))
    ran.append(call(libc.unshare, 0x400))
    ran.append(socket.getaddrinfo("localhost", 80)[0][4][0] in ("127.0.0.1", "::1"))
    return {"denied": denied, "sockets": sockets, "ran": ran,
            "limits": [resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE)],
            "seccomp": [l.split()[1] for l in open("/proc/self/status") if l.startswith("Seccomp:")]}
'''
NODE = '''
const { Worker } = require('worker_threads');
const { execFileSync } = require('child_process');
exports.handler = async () => {
  const answer = await new Promise((resolve, reject) => {
    const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
    worker.on('message', resolve); worker.on('error', reject);
  });
  const found = await require('dns').promises.lookup('localhost');
  return [answer, execFileSync('/bin/echo', ['child']).toString().trim(), ['127.0.0.1', '::1'].includes(found.address),
    require('os').networkInterfaces().lo !== undefined, (await fetch(process.env.AWS_ENDPOINT_URL + '/_waybill/health')).status];
};
'''


class Calls(support.ServerCase):

    def setUp(self):
        super().setUp()
        self.isolated('system calls filtered')

    def test_calls_no_function_needs_are_refused(self):
        self.function('calls', CALLS)
        _, got = self.invoke('calls')
        missing = ('clone3', 'io_uring_setup')
        self.assertEqual({k: v for k, v in got['denied'].items() if v != ('ENOSYS' if k in missing else 'EPERM')}, {})
        self.assertEqual(set(got['sockets'].values()), {'EAFNOSUPPORT', 'EPROTONOSUPPORT'}, got['sockets'])
        self.assertEqual([r for r in got['ran'] if r != 'done'], ['thread', 'shell', True])
        self.assertEqual(got['limits'], [[1024, 1024], [0, 0]])
        self.assertEqual(got['seccomp'], ['2'])

    def test_what_protects_is_said(self):
        told = self.health()['isolation']
        self.assertIn(told, self.server.ready_line)
        self.assertTrue('memory bounded by control groups' in told or 'memory sampled (' in told, told)
        self.assertTrue('own users' in told, told)

    def test_node_goes_on_working(self):
        self.function('node', NODE, runtime='nodejs20.x')
        reply, got = self.invoke('node')
        self.assertEqual(got, [42, 'child', True, True, 200], reply)


USER = '''
import getpass, os, pathlib, pwd, grp
def attempt(f):
    try:
        return f()
    except OSError as e:
        return type(e).__name__ + " %d" % e.errno
def handler(event, context):
    me = pwd.getpwuid(os.getuid())
    return {"user": getpass.getuser(), "home": str(pathlib.Path.home()), "name": me.pw_name, "uid": me.pw_uid == os.getuid(),
            "back": pwd.getpwnam(me.pw_name).pw_uid == os.getuid(), "group": grp.getgrgid(os.getgid()).gr_name,
            "HOME": os.environ.get("HOME"), "make": attempt(lambda: os.makedirs(me.pw_dir)),
            "write": os.access("/etc/passwd", os.W_OK)}
'''
NODE_USER = '''
const os = require('os');
exports.handler = async () => ({ home: os.homedir(), user: os.userInfo().username });
'''


class User(support.ServerCase):

    def test_a_function_has_a_name_and_a_home(self):
        private = 'private root' in self.health()['isolation'] and 'no private root' not in self.health()['isolation']
        self.function('user', USER)
        reply, got = self.invoke('user')
        self.assertNotIn('FunctionError', reply, got)
        self.assertTrue(got['uid'] and got['back'], got)
        self.assertIsNone(got['HOME'])
        if private:
            self.assertEqual((got['user'], got['home'], got['group']), ('sbx_user1051', '/home/sbx_user1051', 'sbx_user1051'))
            self.assertEqual(got['make'], 'OSError 30')      # a read-only file system, as at AWS
            self.assertFalse(got['write'])
        self.function('node', NODE_USER, runtime='nodejs20.x')
        reply, node = self.invoke('node')
        self.assertNotIn('FunctionError', reply, node)
        self.assertEqual(node, {'home': got['home'], 'user': got['name']})


class Plain(User):
    server_args = ('--no-sandbox',)


if __name__ == '__main__':
    unittest.main()
