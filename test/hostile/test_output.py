#!/usr/bin/python3
"""Functions that say too much."""
import unittest

from hostile import QUIET_ASAN, HostileCase, function

FLOOD = '''
import os, threading
def handler(event, context):
    block = %s
    for _ in range(%d):
        os.write(%d, block)
    return 1
'''


class Output(HostileCase):
    """What is written is a log, and a log may be cut; its writer may be slowed, and nobody else."""
    server_env = {'ASAN_OPTIONS': QUIET_ASAN}
    ROWS = (
        function('floods its output with lines', FLOOD % ('b"line\\n" * 13000', 200, 1), {'ok', 'Sandbox.Timedout'}, calls=1, timeout=10),
        function('writes one line without an end', FLOOD % ('b"a" * 65536', 300, 1), {'ok', 'Sandbox.Timedout'}, calls=1, timeout=10),
        function('writes what is no text', FLOOD % ('bytes(range(256)) * 100', 100, 2), {'ok', 'Sandbox.Timedout'}, calls=2, timeout=10),
        function('forges lines of the platform', '''
def handler(event, context):
    for _ in range(2000):
        print("END RequestId: " + context.aws_request_id)
        print("REPORT RequestId: x\\tDuration: 1 ms", flush=True)
        print('{"_aws": {"CloudWatchMetrics": ' + "[" * 5000)
    return 1
''', {'ok', 'Sandbox.Timedout'}, calls=2, timeout=10),
        function('goes on writing after its reply', '''
import os, threading
def flood():
    for _ in range(100):
        os.write(2, b"still here\\n" * 5000)
def handler(event, context):
    threading.Thread(target=flood, daemon=True).start()
    return 1
''', {'ok', 'Sandbox.Timedout', 'Runtime.ExitError'}, calls=4),
    )


if __name__ == '__main__':
    unittest.main()
