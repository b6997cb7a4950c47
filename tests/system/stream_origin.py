"""An upstream of long answers, and a client that reads them piece by piece.

    with StreamOrigin() as origin:
        origin.url, RECORDING + '?bytes=1000000&rate=100000'

The query tunes an answer: bytes (length), rate (bytes a second), head_ms and
gap_ms (silence before the head, between events), events (server-sent, instead
of bytes), chunked, close (no framing at all), cut (bytes after which it
breaks off), hold (bytes after which it says nothing more), status, etag.
"""
import contextlib
import select
import socket
import threading
import time
from urllib.parse import parse_qsl

from front_rig import WAIT_S
from upstreams import ThreadedOrigin

RECORDING = '/conversations/messages/m1/locations/loc1/recording'
BLOCK = bytes(i * 7 % 251 for i in range(251 * 1024))


def content(at, n):
    """Bytes [at, at + n) of every body: wrong places show."""
    start = at % 251
    if start + n <= len(BLOCK):
        return BLOCK[start:start + n]
    return (BLOCK * (n // len(BLOCK) + 2))[start:start + n]


class Exchange:
    """One request, and how its answer goes."""

    def __init__(self, method, target, fields, body):
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.sent = 0		# bytes of the body that the kernel took
        self.is_over = False	# answered, or the proxy hung up
        self.over_at = None

    def number(self, name, default=0):
        query = dict(parse_qsl(self.target.partition('?')[2]))
        return int(query.get(name, default))


class StreamOrigin(ThreadedOrigin):
    def __init__(self):
        self.exchanges = []
        super().__init__()

    def asked(self, part=''):
        return [e for e in self.exchanges if part in e.target]

    def serve_one(self, sock, stream):
        exchange = self._read(stream)
        if exchange is None:
            return False
        self.exchanges.append(exchange)
        try:
            return self._answer(sock, exchange)
        finally:
            exchange.over_at = time.monotonic()
            exchange.is_over = True

    @staticmethod
    def _read(stream):
        line = stream.readline().decode('latin-1').split()
        if not line:
            return None
        fields = {}
        while (raw := stream.readline().strip()):
            name, _, value = raw.decode('latin-1').partition(':')
            fields[name.lower()] = value.strip()
        body = stream.read(int(fields.get('content-length', 0)))
        return Exchange(line[0], line[1], fields, body)

    def _answer(self, sock, x):
        if select.select([sock], [], [], x.number('head_ms') / 1000)[0]:
            return False	# the proxy hung up
        status, first, total = self._range(x)
        head = ['HTTP/1.1 %d X' % status]
        is_close = bool(x.number('close'))
        is_chunked = bool(x.number('chunked') or x.number('events'))
        if is_chunked:
            head.append('Transfer-Encoding: chunked')
        elif not is_close and status not in (204, 304):
            head.append('Content-Length: %d' % total)
        head += ['Content-Type: ' + (
            'text/event-stream' if x.number('events') else 'audio/x-wav'),
            'Accept-Ranges: bytes', 'X-Upstream: yes',
            'Keep-Alive: timeout=5', 'ETag: "v%d"' % x.number('etag', 1)]
        if status == 206:
            head.append('Content-Range: bytes %d-%d/%d' % (
                first, first + total - 1, x.number('bytes')))
        sock.sendall(('\r\n'.join(head) + '\r\n\r\n').encode())
        if x.method == 'HEAD' or status in (204, 304):
            return True
        if x.number('events'):
            self._send_events(sock, x)
        else:
            self._send_bytes(sock, x, first, total, is_chunked)
        if is_chunked:
            sock.sendall(b'0\r\n\r\n')
        return not is_close

    @staticmethod
    def _range(x):
        total = x.number('bytes')
        wanted = x.fields.get('range', '')
        if not wanted.startswith('bytes='):
            return x.number('status', 200), 0, total
        first, _, last = wanted[6:].partition('-')
        if int(first) >= total:
            return 416, 0, 0
        last = int(last) if last else total - 1
        return 206, int(first), last - int(first) + 1

    @staticmethod
    def _send_events(sock, x):
        for n in range(x.number('events')):
            if n:
                time.sleep(x.number('gap_ms') / 1000)
            data = b'data: %d %.6f\n\n' % (n, time.monotonic())
            sock.sendall(b'%x\r\n%s\r\n' % (len(data), data))
            x.sent += len(data)

    @staticmethod
    def _send_bytes(sock, x, first, total, is_chunked):
        rate, piece = x.number('rate'), x.number('piece', 1 << 18)
        if rate:
            piece = min(piece, max(1, rate // 50))
        cut = x.number('cut', total + 1)
        hold = x.number('hold', total + 1)
        began = time.monotonic()
        while x.sent < total:
            if x.sent >= cut:
                raise OSError('cut')
            if x.sent >= hold:
                while sock.recv(4096):	# until the proxy hangs up
                    pass
                raise OSError('held')
            n = min(piece, total - x.sent, *[
                p - x.sent for p in (cut, hold) if p > x.sent])
            if rate:
                ahead = x.sent / rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
            data = content(first + x.sent, n)
            if is_chunked:
                data = b'%x\r\n%s\r\n' % (n, data)
            view = memoryview(data)
            while view:		# so that sent is what the kernel took
                view = view[sock.send(view):]
            x.sent += n


class Reader:
    """A client that reads an answer as it comes. `target` may hold a whole
    request."""

    def __init__(self, address, target, method='GET', version='1.1',
                 headers=None, body=b'', rcvbuf=None, token='t'):
        self.token = token
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(address)
        self.rest = b''
        self.ask(target, method, version, headers, body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, target, method='GET', version='1.1', headers=None,
            body=b''):
        lines = ['%s %s HTTP/%s' % (method, target, version),
                 'Host: proxy', 'Authorization: Bearer ' + self.token,
                 'Version: 2021-07-28']
        lines += ['%s: %s' % pair for pair in (headers or {}).items()]
        if body or method in ('POST', 'PUT', 'PATCH'):
            lines.append('Content-Length: %d' % len(body))
        self.method = method
        self.sock.sendall('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)

    def _more(self, most=1 << 16):
        data = self.sock.recv(most)
        self.rest += data
        return data

    def head(self):
        """(status, fields); keeps them."""
        while b'\r\n\r\n' not in self.rest:
            if not self._more():
                raise AssertionError('ended in the head: %r' % self.rest)
        head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        first, *lines = head.decode('latin-1').split('\r\n')
        self.status = int(first.split(' ')[1])
        self.fields = {k.lower(): v for k, v in (
            line.split(': ', 1) for line in lines)}
        return self.status, self.fields

    def pieces(self):
        """The body as it comes. Ends early, and then is_whole is False, where
        the connection does."""
        self.is_whole = False
        if self.method == 'HEAD' or self.status in (204, 304):
            self.is_whole = True
        elif self.fields.get('transfer-encoding') == 'chunked':
            yield from self._chunks()
        elif 'content-length' in self.fields:
            yield from self._counted(int(self.fields['content-length']))
        else:
            yield from self._until_end()

    def _counted(self, left):
        while left:
            if not self.rest and not self._more():
                return
            piece, self.rest = self.rest[:left], self.rest[left:]
            left -= len(piece)
            yield piece
        self.is_whole = True

    def _chunks(self):
        while True:
            while b'\r\n' not in self.rest:
                if not self._more():
                    return
            line, self.rest = self.rest.split(b'\r\n', 1)
            size = int(line, 16)
            while len(self.rest) < size + 2:
                if not self._more():
                    return
            piece, self.rest = self.rest[:size], self.rest[size + 2:]
            if not size:
                self.is_whole = True
                return
            yield piece

    def _until_end(self):
        while True:
            if self.rest:
                yield self.rest
                self.rest = b''
            if not self._more():
                self.is_whole = True
                return

    def body(self):
        return b''.join(self.pieces())
