#!/usr/bin/python3
"""SIGTERM in the moment the port opens is a stop like any other."""
import signal
import socket
import time
import unittest

import support


class AtStart(unittest.TestCase):
    def test_sigterm_as_the_port_opens(self):
        for _ in range(20):
            with socket.socket() as free:
                free.bind(('127.0.0.1', 0))
                port = free.getsockname()[1]
            server = support.Server(['--ephemeral', '--port', str(port)], wait=False)
            end = time.monotonic() + support.START_SECONDS
            while server.process.poll() is None and time.monotonic() < end:
                with socket.socket() as s:
                    if s.connect_ex(('127.0.0.1', port)) == 0:
                        break
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0, server.stderr())
            self.assertEqual(server.complaints(), [])
            server.remove()


if __name__ == '__main__':
    support.main()
