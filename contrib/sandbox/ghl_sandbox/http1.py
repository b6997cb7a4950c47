"""HTTP/1.1 over asyncio: a strict parser and the sending of answers.

Requests of one connection are answered in order, one at a time; what
arrives meanwhile waits in the buffer.  Anything doubtful in the framing is
refused with 400 and the connection closed: a proxy that forwards such bytes
should be found out.
"""

import re
import socket
import struct
from email.utils import formatdate

from .errors import REASONS

MAX_HEAD = 65536
MAX_BODY = 64 * 1024 * 1024
MAX_AHEAD = 1024 * 1024

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb'[\x21-\x7e]+')
_VALUE_BAD = re.compile(rb'[\x00-\x08\x0a-\x1f\x7f]')
_CHUNK_SIZE = re.compile(rb'[0-9A-Fa-f]{1,15}')
_LINGER_RESET = struct.pack('ii', 1, 0)


class Refusal(Exception):
    """A message that cannot be understood."""

    def __init__(self, status, reason):
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Request:
    __slots__ = ('method', 'target', 'path', 'query', 'version', 'headers',
                 'body', 'peer')

    def __init__(self, method, target, version, headers):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition('?')
        self.version = version
        self.headers = headers
        self.body = b''
        self.peer = ''

    def header(self, name, default=''):
        return self.headers.get(name, default)


def parse_head(head):
    """A Request from the bytes before the empty line."""
    lines = head.split(b'\r\n')
    words = lines[0].split(b' ')
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or \
            not _TARGET.fullmatch(words[1]):
        raise Refusal(400, 'malformed request line')
    if words[2] not in (b'HTTP/1.1', b'HTTP/1.0'):
        raise Refusal(505, 'only HTTP/1.0 and HTTP/1.1 are spoken')
    target = words[1].decode('ascii')
    if target.startswith('http://'):
        target = '/' + target[7:].partition('/')[2]
    if not target.startswith('/') and target != '*':
        raise Refusal(400, 'malformed request target')
    headers = {}
    for line in lines[1:]:
        _parse_field(line, headers)
    version = words[2].decode('ascii')
    if version == 'HTTP/1.1' and 'host' not in headers:
        raise Refusal(400, 'no Host')
    return Request(words[0].decode('ascii'), target, version, headers)


def _parse_field(line, headers):
    name, colon, value = line.partition(b':')
    if not colon or not _TOKEN.fullmatch(name):
        raise Refusal(400, 'malformed header field')
    if _VALUE_BAD.search(value):
        raise Refusal(400, 'control character in a header field')
    name = name.decode('ascii').lower()
    value = value.strip(b' \t').decode('latin-1')
    if name in headers:
        if name in ('host', 'content-length', 'transfer-encoding',
                    'authorization', 'content-type'):
            raise Refusal(400, 'repeated field %s' % name)
        value = headers[name] + ', ' + value
    headers[name] = value


def body_length(headers, version):
    """The length of the body, or -1 for chunked; Refusal when unclear."""
    coding = headers.get('transfer-encoding')
    length = headers.get('content-length')
    if coding is not None:
        if length is not None or version == 'HTTP/1.0':
            raise Refusal(400, 'Transfer-Encoding with Content-Length')
        if coding.lower() != 'chunked':
            raise Refusal(501, 'unknown transfer coding')
        return -1
    if length is None:
        return 0
    if not length.isascii() or not length.isdigit() or len(length) > 15:
        raise Refusal(400, 'malformed Content-Length')
    if int(length) > MAX_BODY:
        raise Refusal(413, 'body too large')
    return int(length)


def take_chunked(buffer, start):
    """(body, position after it), or None while it is incomplete."""
    parts, total, at = [], 0, start
    while True:
        end = buffer.find(b'\r\n', at)
        if end < 0:
            if len(buffer) - at > 1024:
                raise Refusal(400, 'malformed chunk size')
            return None
        line = bytes(buffer[at:end])
        if not _CHUNK_SIZE.fullmatch(line):
            raise Refusal(400, 'malformed chunk size')
        size = int(line, 16)
        total += size
        if total > MAX_BODY:
            raise Refusal(413, 'body too large')
        at = end + 2
        if size == 0:
            return _take_trailers(buffer, at, parts)
        if len(buffer) < at + size + 2:
            return None
        if buffer[at + size:at + size + 2] != b'\r\n':
            raise Refusal(400, 'chunk data not followed by CRLF')
        parts.append(bytes(buffer[at:at + size]))
        at += size + 2


def _take_trailers(buffer, at, parts):
    while True:
        end = buffer.find(b'\r\n', at)
        if end < 0:
            if len(buffer) - at > MAX_HEAD:
                raise Refusal(431, 'trailers too large')
            return None
        if end == at:
            return b''.join(parts), at + 2
        _parse_field(bytes(buffer[at:end]), {})
        at = end + 2


class Connection:
    """One client connection; an asyncio protocol by duck typing."""

    def __init__(self, server):
        self.server = server
        self.transport = None
        self.buffer = bytearray()
        self.request = None		# head read, body awaited
        self.length = 0
        self.is_busy = False		# an answer is owed
        self.is_full = False		# the peer does not read
        self.is_closing = False
        self.is_held = False		# reading paused
        self.is_advancing = False
        self.keep_alive = True
        self.is_head = False
        self.job = None			# what the server works on
        self.when_empty = None		# goes on with a stream

    # asyncio callbacks

    def connection_made(self, transport):
        self.transport = transport
        self.server.opened(self)

    def connection_lost(self, _error):
        self.is_closing = True
        self.server.closed(self)

    def eof_received(self):
        # A half-closed connection counts as closed: a proxy that gave up
        # must not look like one that still waits.
        self.is_closing = True
        return False

    def pause_writing(self):
        self.is_full = True

    def resume_writing(self):
        self.is_full = False
        then, self.when_empty = self.when_empty, None
        if then is not None:
            then()
        else:
            self._advance()

    def data_received(self, data):
        self.buffer += data
        if not self.is_busy:
            self._advance()
        if len(self.buffer) > MAX_AHEAD and (self.is_busy or self.is_full) \
                and not self.is_held:
            self.is_held = True
            self.transport.pause_reading()

    def _advance(self):
        self.is_advancing = True
        try:
            while not (self.is_busy or self.is_full or self.is_closing):
                if not self._take_request():
                    break
        except Refusal as refusal:
            self._refuse(refusal)
        finally:
            self.is_advancing = False
        if self.is_held and not self.is_closing and \
                len(self.buffer) <= MAX_AHEAD:
            self.is_held = False
            self.transport.resume_reading()

    def _take_request(self):
        """Take one whole request off the buffer and hand it on."""
        if self.request is None and not self._take_head():
            return False
        if self.length < 0:
            taken = take_chunked(self.buffer, 0)
            if taken is None:
                return False
            body, end = taken
        else:
            end = self.length
            if len(self.buffer) < end:
                return False
            body = bytes(self.buffer[:end])
        if end:
            del self.buffer[:end]
        request, self.request = self.request, None
        request.body = body
        self.is_busy = True
        self.server.handle(self, request)
        return True

    def _take_head(self):
        buffer = self.buffer
        while buffer.startswith(b'\r\n'):	# RFC 9112 section 2.2
            del buffer[:2]
        end = buffer.find(b'\r\n\r\n')
        if end < 0:
            if len(buffer) > MAX_HEAD:
                raise Refusal(431, 'header too large')
            return False
        request = parse_head(bytes(buffer[:end]))
        self.length = body_length(request.headers, request.version)
        del buffer[:end + 4]
        wishes = request.header('connection').lower()
        self.keep_alive = request.version == 'HTTP/1.1' and \
            'close' not in wishes or 'keep-alive' in wishes
        self.is_head = request.method == 'HEAD'
        expect = request.header('expect').lower()
        if expect == '100-continue':
            if self.length != 0 and not buffer:
                self.transport.write(b'HTTP/1.1 100 Continue\r\n\r\n')
        elif expect:
            raise Refusal(417, 'unknown expectation')
        self.request = request
        return True

    def _refuse(self, refusal):
        self.server.refused(refusal)
        body = ('{"statusCode":%d,"message":"%s"}' % (
            refusal.status, refusal.reason)).encode()
        self.keep_alive = False
        self.is_head = False
        self.send(refusal.status, [
            b'content-type: application/json; charset=utf-8'], body)

    # Answers

    def head(self, status, fields, framing):
        lines = [b'HTTP/1.1 %d %s' % (
            status, REASONS.get(status, 'Unknown').encode())]
        lines += fields
        lines += framing
        if not self.keep_alive:
            lines.append(b'connection: close')
        else:
            lines.append(b'connection: keep-alive')
        return b'\r\n'.join(lines) + b'\r\n\r\n'

    def send(self, status, fields, body):
        """Answer the request in hand and go on with the next."""
        if self.is_closing and self.transport.is_closing():
            return
        framing = [] if status in (204, 304) else \
            [b'content-length: %d' % len(body)]
        out = self.head(status, fields, framing)
        if not self.is_head and status not in (204, 304):
            out += body
        self.transport.write(out)
        self.finish()

    def send_raw(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)

    def finish(self):
        """The answer is written; close or take the next request."""
        self.is_busy = False
        if not self.keep_alive:
            self.close()
        elif self.buffer and not self.is_advancing:
            self._advance()

    def close(self):
        self.is_closing = True
        self.transport.close()

    def reset(self):
        """Close with RST instead of FIN."""
        self.is_closing = True
        sock = self.transport.get_extra_info('socket')
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            _LINGER_RESET)
        self.transport.abort()


_date = ['', b'']


def date_field(seconds):
    """A Date field, formatted once a second."""
    if _date[0] != seconds:
        _date[0] = seconds
        _date[1] = b'date: ' + formatdate(seconds, usegmt=True).encode()
    return _date[1]
