#!/usr/bin/python3
"""Replies are made as fast as they are read: what a slow reader costs, and what happens in the middle of a long one."""
import hashlib
import os
import socket
import time

import support

MB = 1 << 20


def block(i):
    """A megabyte that no other block equals, made quickly."""
    return hashlib.sha256(b'%d' % i).digest() * (MB // 32)


def content(megabytes):
    return b''.join(block(i) for i in range(megabytes))


class Reader:
    """One GET whose reply is read when the test says so."""

    def __init__(self, case, path, headers='', receive=None):
        self.sock = socket.socket()
        if receive:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.sock.settimeout(60)
        self.sock.connect(('127.0.0.1', case.server.port))
        case.addCleanup(self.sock.close)
        self.send(path, headers)
        self.stream = self.sock.makefile('rb')
        case.addCleanup(self.stream.close)

    def send(self, path, headers='', method='GET'):
        self.sock.sendall(f'{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {support.authorization("s3")}\r\n{headers}\r\n'.encode())

    def head(self):
        status = int(self.stream.readline().split()[1])
        headers = support.Headers()
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode().partition(':')
            headers[name.lower()] = value.strip()
        return status, headers

    def reply(self):
        status, headers = self.head()
        return status, headers, self.stream.read(int(headers['content-length']))


class Objects(support.ServerCase):
    def setUp(self):
        super().setUp()
        self.s3 = self.client('s3')
        self.s3.create_bucket(Bucket='slow')

    def put(self, key, megabytes):
        """As a multipart object of 16 MiB parts; its bytes."""
        data = content(megabytes)
        upload = self.s3.create_multipart_upload(Bucket='slow', Key=key)['UploadId']
        parts = []
        for n, at in enumerate(range(0, len(data), 16 * MB), 1):
            etag = self.s3.upload_part(Bucket='slow', Key=key, UploadId=upload, PartNumber=n, Body=data[at:at + 16 * MB])['ETag']
            parts.append({'PartNumber': n, 'ETag': etag})
        self.s3.complete_multipart_upload(Bucket='slow', Key=key, UploadId=upload, MultipartUpload={'Parts': parts})
        return data

    def memory(self):
        """Resident bytes of the server, without what lies in files."""
        with open(f'/proc/{self.server.process.pid}/status') as f:
            return next(int(line.split()[1]) << 10 for line in f if line.startswith('RssAnon:'))

    def files_open(self):
        folder = f'/proc/{self.server.process.pid}/fd'
        names = []
        for fd in os.listdir(folder):
            try:
                names.append(os.readlink(f'{folder}/{fd}'))
            except OSError:
                pass
        return sum('/objects/' in name for name in names)

    def test_thirty_slow_readers_cost_little(self):
        data = self.put('k', 60)
        Reader(self, '/slow/k').reply()                      # what one reader needs is there
        before = self.memory()
        readers = [Reader(self, '/slow/k', receive=64 << 10) for _ in range(30)]
        most = 0
        for step in range(8):
            for i, r in enumerate(readers):
                if step == 0:
                    self.assertEqual(r.head()[0], 200)
                self.assertEqual(r.stream.read(64 << 10), data[step << 16:(step + 1) << 16], (i, step))
            most = max(most, self.memory() - before)
        self.assertLess(most, 96 * MB)                       # 1800 MB if each reply were held
        self.assertEqual(readers[7].stream.read(len(data) - (8 << 16)), data[8 << 16:])
        for r in readers:
            r.stream.close()
            r.sock.close()
        support.wait_until(lambda: self.files_open() == 0, 60, what='no object is open')

    def test_an_object_larger_than_any_buffer(self):
        data = self.put('k', 160)
        r = Reader(self, '/slow/k')
        status, headers, got = r.reply()
        self.assertEqual((status, headers['content-length'], got == data), (200, str(160 * MB), True))
        r.send('/slow/k', f'Range: bytes={15 * MB + 7}-{33 * MB}\r\n')
        status, headers, got = r.reply()
        self.assertEqual((status, headers['content-range']), (206, f'bytes {15 * MB + 7}-{33 * MB}/{160 * MB}'))
        self.assertEqual(got, data[15 * MB + 7:33 * MB + 1])
        r.send('/slow/k?partNumber=3')
        status, _, got = r.reply()
        self.assertEqual((status, got == data[32 * MB:48 * MB]), (206, True))

    def test_requests_behind_a_long_reply(self):
        data = self.put('k', 40)
        self.s3.put_object(Bucket='slow', Key='small', Body=b'small')
        r = Reader(self, '/slow/k')
        r.send('/slow/small')
        r.send('/slow/k', method='HEAD')
        r.send('/slow/k', 'Range: bytes=-5\r\n')
        r.send('/slow/missing')
        self.assertEqual(r.reply()[2], data)
        self.assertEqual(r.reply()[2], b'small')
        status, headers = r.head()
        self.assertEqual((status, headers['content-length']), (200, str(len(data))))
        self.assertEqual(r.reply()[::2], (206, data[-5:]))
        self.assertEqual(r.reply()[0], 404)

    def test_removed_and_overwritten_while_read(self):
        for i, change in enumerate((lambda: self.s3.delete_object(Bucket='slow', Key='k'),
                                    lambda: self.s3.put_object(Bucket='slow', Key='k', Body=b'other' * MB))):
            data = self.put('k', 40)
            r = Reader(self, '/slow/k', receive=64 << 10)
            self.assertEqual(r.head()[0], 200)
            self.assertEqual(r.stream.read(MB), data[:MB])
            change()
            self.assertEqual(r.stream.read(len(data) - MB), data[MB:], i)
            support.wait_until(lambda: self.files_open() == 0, 60, what='no object is open')

    def test_readers_that_leave(self):
        self.put('k', 40)
        for read in (0, 1, MB):
            r = Reader(self, '/slow/k', receive=64 << 10)
            if read:
                r.stream.read(read)
            r.stream.close()
            r.sock.close()
        support.wait_until(lambda: self.files_open() == 0, 60, what='no object is open')
        self.assertEqual(self.health()['status'], 'ok')

    def test_a_file_cut_short_cuts_the_connection(self):
        data = self.put('k', 40)
        r = Reader(self, '/slow/k', receive=64 << 10)
        self.assertEqual(r.head()[0], 200)
        for folder, _, names in os.walk(os.path.join(self.health()['data'], 'objects')):
            for name in names:
                os.truncate(os.path.join(folder, name), 0)
        got = b''
        try:
            while (more := r.stream.read(MB)):
                got += more
        except ConnectionError:
            pass
        self.assertLess(len(got), len(data))
        self.assertEqual(got, data[:len(got)])
        self.assertEqual(self.health()['status'], 'ok')

    def test_others_are_served_beside_a_fast_reader(self):
        """A reader that never has to wait does not hold the loop: each of its rounds ends after two pieces."""
        self.put('k', 160)
        readers = [Reader(self, '/slow/k') for _ in range(2)]
        for r in readers:
            r.head()
            r.stream.read(MB)
        asked = 0
        for _ in range(140):
            for r in readers:
                r.stream.read(MB)
            asked += self.health()['status'] == 'ok'
        self.assertEqual(asked, 140)


if __name__ == '__main__':
    support.unittest.main()
