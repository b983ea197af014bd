"""One connection to the server, and what counts as a reply: read strictly, since a reader that forgives sees nothing."""
import re
import socket
import time

STATUS = re.compile(rb'HTTP/1\.1 (\d{3}) [\x20-\x7e]*\Z')
HEAD = re.compile(rb'(\r\n)*HEAD ')
FIELD = re.compile(rb'([A-Za-z0-9!#$%&\'*+.^_`|~-]+): ?([\x20-\x7e\x80-\xff\t]*)\Z')


class Wrong(Exception):
    """The server did what no server may."""


class Reply:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data

    def closes(self):
        return self.headers.get('connection', '').lower() == 'close'

    def __str__(self):
        return f'{self.status} {self.headers} {self.data[:1500]!r}'


class Connection:
    def __init__(self, port, patience):
        self.port, self.patience, self.socket, self.buffer, self.used = port, patience, None, b'', 0

    def open(self):
        self.close()
        self.socket = socket.create_connection(('127.0.0.1', self.port), timeout=self.patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket, self.buffer, self.used = None, b'', 0

    def more(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        data = self.socket.recv(1 << 18)
        self.buffer += data
        return bool(data)

    def fill(self, n, until):
        while len(self.buffer) < n:
            if not self.more(until):
                raise Wrong(f'the reply was cut: {self.buffer[:2000]!r}')

    def take(self, n, until):
        self.fill(n, until)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def head(self, until):
        """Status and headers; None when the connection ended where a reply would begin."""
        while b'\r\n\r\n' not in self.buffer:
            if not self.more(until):
                if self.buffer:
                    raise Wrong(f'the reply was cut: {self.buffer[:2000]!r}')
                return None
        text, _, self.buffer = self.buffer.partition(b'\r\n\r\n')
        lines = text.split(b'\r\n')
        status = STATUS.match(lines[0])
        fields = [FIELD.match(line) for line in lines[1:]]
        if status is None or not all(fields):
            raise Wrong(f'this is no head of a reply: {text[:3000]!r}')
        names = [f.group(1).lower() for f in fields]
        if names.count(b'content-length') + names.count(b'transfer-encoding') > 1:
            raise Wrong(f'the reply is framed twice: {text[:3000]!r}')
        return int(status.group(1)), {f.group(1).decode().lower(): f.group(2).decode('latin-1') for f in fields}

    def chunks(self, until):
        data = b''
        while True:
            while b'\r\n' not in self.buffer:
                self.fill(len(self.buffer) + 1, until)
            size, _, self.buffer = self.buffer.partition(b'\r\n')
            n = int(size.split(b';')[0], 16)
            part = self.take(n + 2, until)
            if part[n:] != b'\r\n':
                raise Wrong(f'a chunk of the reply does not end: {part[-20:]!r}')
            if n == 0:
                return data
            data += part[:n]

    def reply(self, method, until):
        """The next reply, None at the connection's end."""
        while True:
            head = self.head(until)
            if head is None:
                return None
            status, headers = head
            if status >= 200:
                break
        if method == 'HEAD' or status in (204, 304):
            return Reply(status, headers, b'')
        if headers.get('transfer-encoding') == 'chunked':
            return Reply(status, headers, self.chunks(until))
        if not headers.get('content-length', '').isdigit():
            raise Wrong(f'the reply has no length: {status} {headers}')
        return Reply(status, headers, self.take(int(headers['content-length']), until))

    def silent(self):
        """Nothing may follow the last reply: it would be taken for the next one's."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            data = b''
        except ConnectionError:
            return self.close()
        self.buffer += data
        if self.buffer:
            raise Wrong(f'bytes after the reply: {self.buffer[:2000]!r}')
        if not data and self.used > 50:                      # an old connection goes, so that new ones are tried too
            self.close()

    # ---- cases ----

    def send(self, case):
        for piece in case.sends:
            self.socket.settimeout(self.patience)
            self.socket.sendall(piece)

    def run(self, case):
        """Sends a case -> its replies.  Raises Wrong for what no server may do, TimeoutError for a hang."""
        if case.replies is None or case.end:
            return self.run_damaged(case)
        for attempt in (1, 2):
            fresh = self.socket is None
            if fresh:
                self.open()
            self.used += 1
            replies, broken = [], None
            try:
                self.send(case)
            except OSError as e:                             # refused while we sent; the refusal may lie there
                broken = e
            try:
                replies = self.read_all(case)
            except ConnectionError as e:
                broken = e
            if len(replies) == case.replies or replies and replies[-1].closes():
                if replies[-1].closes():
                    self.close()
                else:
                    self.silent()
                return replies
            self.close()
            # A kept connection may be closed by the server in the moment we use it: that is no one's fault, once.
            if fresh or replies:
                raise Wrong(f'closed after {len(replies)} of {case.replies} replies ({broken})')
        raise Wrong('closed twice without a reply')

    def read_all(self, case):
        replies = []
        until = time.monotonic() + self.patience
        for method in case.methods:
            reply = self.reply(method, until)
            if reply is None:
                break
            replies.append(reply)
            if reply.closes():
                break
        return replies

    def run_damaged(self, case):
        """A connection of its own; what comes is judged, and nothing need come."""
        self.open()
        replies = []
        try:
            self.send(case)
            if case.end == 'half':
                self.socket.shutdown(socket.SHUT_WR)
            if case.end != 'close':
                until = time.monotonic() + 0.25
                method = 'HEAD' if HEAD.match(case.whole()) else 'GET'  # as it was sent: the damage may be there, too
                while len(replies) < 20:
                    reply = self.reply(method if not replies else 'GET', until)
                    if reply is None:
                        break
                    replies.append(reply)
        except (TimeoutError, ConnectionError, BrokenPipeError):
            pass
        self.close()
        return replies
