#!/usr/bin/env python3
"""An upstream that misbehaves on request, over HTTP/1.1, plain or TLS.

    badorigin.py --listen 127.0.0.1:0 [--cert FILE --key FILE]

prints one JSON line when ready: {"url": ..., "control": ..., "port": ...}.

A request is answered by the first scripted rule that fits, else by the first
path segment that names a behaviour (/contacts/hang), else plainly (ok).
Numbers in the query tune a behaviour: ms, bytes, code. See BEHAVIOURS.

Control requests, on the control address (which is never TLS):
    POST /__script   {"path": prefix, "behaviour": name, "count": n,
                      "method": "POST", "args": {...}}   or a list of them;
                     count: how often it applies, absent: always
    GET  /__received what arrived, oldest first: method, target, head (raw,
                     Latin-1), body (Latin-1), connection, behaviour
    POST /__listen   {"mode": "open" | "refuse" | "hole"}: hole lets new
                     connections hang; open connections stay
    POST /__drop     closes all connections of clients
    POST /__reset    forgets rules and what arrived, opens
"""
import argparse
import gzip
import json
import select
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

HEAD_MAX = 1 << 20


class Gone(Exception):
    """The client closed the connection."""


class Request:
    def __init__(self, head, connection):
        self.head = head
        self.connection = connection
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        self.method, self.target = (line.split(" ") + ["", ""])[:2]
        self.path, _, query = self.target.partition("?")
        self.args = dict(urllib.parse.parse_qsl(query))
        self.fields = {}
        for raw in head.decode("latin-1").split("\r\n")[1:]:
            name, colon, value = raw.partition(":")
            if colon:
                self.fields[name.lower()] = value.strip()
        self.length = int(self.fields.get("content-length", "0"))
        self.body = b""
        self.behaviour = ""

    def number(self, name, default):
        return int(self.args.get(name, default))

    def record(self):
        return {
            "method": self.method,
            "target": self.target,
            "head": self.head.decode("latin-1"),
            "body": self.body.decode("latin-1"),
            "connection": self.connection,
            "behaviour": self.behaviour,
        }


class Connection:
    """One client's connection; number counts from 1."""

    def __init__(self, sock, number):
        self.sock = sock
        self.number = number
        self.requests = 0
        self.rest = b""

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        return data

    def read_head(self):
        data = self.rest
        while b"\r\n\r\n" not in data:
            if len(data) > HEAD_MAX:
                raise Gone
            data += self.read()
            if data.startswith(b"\x16"):
                # TLS where there is none: as most servers answer.
                self.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                raise Gone
        head, _, self.rest = data.partition(b"\r\n\r\n")
        self.requests += 1
        return Request(head + b"\r\n\r\n", self.number)

    def read_body(self, request):
        while len(self.rest) < request.length:
            self.rest += self.read()
        request.body = self.rest[:request.length]
        self.rest = self.rest[request.length:]

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, request, body=b"{}", status="200 OK", fields=(),
               length=None):
        head = [f"HTTP/1.1 {status}"]
        if length is None:
            length = len(body)
        head.append(f"Content-Length: {length}")
        head.append("Content-Type: application/json")
        head.extend(fields)
        data = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        if request.method != "HEAD":
            data += body
        self.send(data)

    def wait_for_end(self):
        while self.sock.recv(65536):
            pass
        raise Gone

    def reset(self):
        """Ends with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone


# Behaviours: each answers one request whose head was read. A Gone ends the
# connection. Those in WITHOUT_BODY run before the body is read.

def json_of(request, **more):
    return json.dumps({"method": request.method, "target": request.target,
                       **more}).encode()


def ok(c, r):
    c.answer(r, json_of(r))


def echo(c, r):
    c.answer(r, json_of(r, head=r.head.decode("latin-1"),
                        body=r.body.decode("latin-1")))


def fields(c, r):
    """Plain, with the header lines of a rule's args."""
    c.answer(r, json_of(r), fields=r.args["fields"])


def status(c, r):
    """With the members of a rule's args["more"] in the body."""
    c.answer(r, json_of(r, **r.args.get("more", {})), status=f"{r.number('code', 500)} Scripted")


def slow(c, r):
    time.sleep(r.number("ms", 500) / 1000)
    ok(c, r)


def drip(c, r):
    body = json_of(r)
    c.answer(r, b"", length=len(body))
    for i in range(len(body)):
        time.sleep(r.number("ms", 10) / 1000)
        c.send(body[i:i + 1])


def hang(c, r):
    c.wait_for_end()


def hang_head(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    c.wait_for_end()


def hang_body(c, r):
    c.answer(r, b'{"half', length=100)
    c.wait_for_end()


def close(c, r):
    raise Gone


def reset(c, r):
    c.reset()


def cut(c, r):
    c.answer(r, b'{"half', length=100)
    raise Gone


def cut_head(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    raise Gone


def cut_chunked(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"6\r\n{\"half\r\n")
    raise Gone


def bad_chunk(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"zz\r\n{}\r\n0\r\n\r\n")
    raise Gone


def long(c, r):
    """More bytes than the length says."""
    c.answer(r, b"{}rest", length=2)


def two_lengths(c, r):
    c.answer(r, b"{}", fields=["Content-Length: 4"])


def interim(c, r):
    c.send(b"HTTP/1.1 100 Continue\r\n\r\n"
           b"HTTP/1.1 103 Early Hints\r\nLink: </early>\r\n\r\n")
    c.answer(r, json_of(r), fields=["X-Final: yes"])


def folded(c, r):
    c.answer(r, json_of(r), fields=["X-Folded: one", "  two"])


def nul(c, r):
    c.answer(r, json_of(r), fields=["X-Nul: a\0b"])


def no_colon(c, r):
    c.answer(r, json_of(r), fields=["X-No-Colon"])


def junk(c, r):
    c.send(b"220 mail.example ESMTP\r\n" * 8)
    raise Gone


def big_head(c, r):
    count = r.number("bytes", 300 * 1024) // 1024
    c.answer(r, json_of(r), fields=[f"X-{i}: " + "a" * 1017
                                    for i in range(count)])


def huge(c, r):
    """A JSON object of so many bytes."""
    body = b'{"a": "%s"}' % (b"a" * (r.number("bytes", 8 << 20) - 9))
    c.answer(r, body)


def huge_chunked(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(r.number("bytes", 8 << 20) // 65536):
        c.send(b"10000\r\n" + b"a" * 65536 + b"\r\n")
    c.send(b"0\r\n\r\n")


def chunked(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
           b"Trailer: X-Trailer\r\n\r\n"
           b"6\r\n{\"a\":1\r\n1\r\n}\r\n0\r\nX-Trailer: late\r\n\r\n")


def until_close(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
           + json_of(r))
    raise Gone


def no_content(c, r):
    c.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def not_modified(c, r):
    c.send(b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n"
           b"Content-Length: 1000\r\n\r\n")


def redirect(c, r):
    c.answer(r, json_of(r), status="302 Found",
             fields=["Location: http://127.0.0.1:9/elsewhere"])


def compressed(c, r):
    c.answer(r, gzip.compress(json_of(r), mtime=0),
             fields=["Content-Encoding: gzip"])


def html(c, r):
    c.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
           b"Content-Length: 15\r\n\r\n<p>Hello.</p>\r\n")


def last(c, r):
    """Answers and closes, having said so."""
    c.answer(r, json_of(r), fields=["Connection: close"])
    raise Gone


def die_reused(c, r):
    """Plain on the first request of a connection, hangs up on a later one."""
    if c.requests > 1:
        raise Gone
    ok(c, r)


BEHAVIOURS = {f.__name__.replace("_", "-"): f for f in (
    ok, echo, fields, status, slow, drip, hang, hang_head, hang_body, close, reset,
    cut, cut_head, cut_chunked, bad_chunk, long, two_lengths, interim, folded,
    nul, no_colon, junk, big_head, huge, huge_chunked, chunked, until_close,
    no_content, not_modified, redirect, compressed, html, last, die_reused)}
# Acts before the body was read: reset-unread, close-unread.
WITHOUT_BODY = {"reset-unread": reset, "close-unread": close}
NAMES = {**BEHAVIOURS, **WITHOUT_BODY}


class Rules:
    """What is scripted and what arrived; shared by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.received = []

    def add(self, rules):
        for rule in rules:
            if rule["behaviour"] not in NAMES:
                raise ValueError("no behaviour " + rule["behaviour"])
        with self.lock:
            self.rules.extend(rules)

    def reset(self):
        with self.lock:
            self.rules.clear()
            self.received.clear()

    def fits(self, rule, request):
        return (request.path.startswith(rule.get("path", "/"))
                and rule.get("method", request.method) == request.method
                and rule.get("count", 1) > 0)

    def choose(self, request):
        with self.lock:
            for rule in self.rules:
                if not self.fits(rule, request):
                    continue
                if "count" in rule:
                    rule["count"] -= 1
                request.args.update(rule.get("args", {}))
                return rule["behaviour"]
        for segment in request.path.split("/"):
            if segment in NAMES:
                return segment
        return "ok"

    def note(self, request):
        with self.lock:
            self.received.append(request)

    def report(self):
        with self.lock:
            return [r.record() for r in self.received]


class Listener:
    """The upstream's port, which can be made to refuse or to swallow."""

    def __init__(self, host, port):
        self.lock = threading.Lock()
        self.fillers = []
        self.mode = "open"
        # Never listens: keeps the port ours while nothing listens there.
        self.reserve = self.bind((host, port))
        self.address = self.reserve.getsockname()
        self.sock = self.listen(1024)

    @staticmethod
    def bind(address):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
        return sock

    def listen(self, backlog):
        sock = self.bind(self.address)
        sock.setblocking(False)
        sock.listen(backlog)
        return sock

    def accept(self):
        """The next connection; None when there is none yet."""
        with self.lock:
            if self.mode == "open":
                try:
                    sock = self.sock.accept()[0]
                    sock.setblocking(True)
                    return sock
                except BlockingIOError:
                    pass
        time.sleep(0.002)
        return None

    def set_mode(self, mode):
        with self.lock:
            self.mode = mode
            for sock in [self.sock] + self.fillers:
                sock.close()
            self.fillers.clear()
            if mode == "open":
                self.sock = self.listen(1024)
            elif mode == "hole":
                self.sock = self.listen(0)
                self.fill()

    def fill(self):
        """Fills the queue of connections: the kernel drops later SYNs."""
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self.address)
            self.fillers.append(filler)
        # The first of them is through when it can be written to.
        select.select([], self.fillers[:1], [], 5)


class Origin:
    def __init__(self, options):
        host, _, port = options.listen.rpartition(":")
        self.rules = Rules()
        self.listener = Listener(host, int(port))
        self.control = Listener(host, 0)
        self.tls = None
        if options.cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(options.cert, options.key)
            self.tls.set_alpn_protocols(["http/1.1"])
        self.lock = threading.Lock()
        self.open = set()
        self.accepted = 0

    # The upstream's side

    def answer_one(self, connection):
        request = connection.read_head()
        request.behaviour = self.rules.choose(request)
        if request.behaviour in WITHOUT_BODY:
            self.rules.note(request)
            WITHOUT_BODY[request.behaviour](connection, request)
        connection.read_body(request)
        self.rules.note(request)
        BEHAVIOURS[request.behaviour](connection, request)

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.accepted += 1
            number = self.accepted
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with self.lock:
                self.open.add(sock)
            connection = Connection(sock, number)
            while True:
                self.answer_one(connection)
        except (Gone, OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def drop(self):
        with self.lock:
            for sock in self.open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    # The control side

    def obey(self, request):
        command = json.loads(request.body or b"{}")
        if request.path == "/__received":
            return self.rules.report()
        if request.path == "/__script":
            rules = command if isinstance(command, list) else [command]
            self.rules.add(rules)
        elif request.path == "/__listen":
            if command["mode"] not in ("open", "refuse", "hole"):
                raise ValueError("mode is open, refuse or hole")
            self.listener.set_mode(command["mode"])
        elif request.path == "/__drop":
            self.drop()
        elif request.path == "/__reset":
            self.rules.reset()
            self.listener.set_mode("open")
        else:
            raise ValueError("no control request " + request.path)
        return {}

    def serve_control(self, sock):
        connection = Connection(sock, 0)
        try:
            while True:
                request = connection.read_head()
                connection.read_body(request)
                try:
                    reply, status_line = self.obey(request), "200 OK"
                except (ValueError, KeyError) as error:
                    reply = {"message": str(error)}
                    status_line = "400 Bad Request"
                connection.answer(request, json.dumps(reply).encode(),
                                  status=status_line)
        except (Gone, OSError):
            sock.close()

    @staticmethod
    def accept_for_ever(listener, serve):
        while True:
            sock = listener.accept()
            if sock:
                threading.Thread(target=serve, args=(sock,),
                                 daemon=True).start()

    def run(self):
        threading.Thread(target=self.accept_for_ever, daemon=True,
                         args=(self.control, self.serve_control)).start()
        host, port = self.listener.address
        scheme = "https" if self.tls else "http"
        control = "http://%s:%d" % self.control.address
        print(json.dumps({"url": f"{scheme}://{host}:{port}",
                          "control": control, "port": port}), flush=True)
        threading.Thread(target=self.accept_for_ever, daemon=True,
                         args=(self.listener, self.serve)).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:0",
                        metavar="HOST:PORT")
    parser.add_argument("--cert", metavar="FILE", help="speak TLS")
    parser.add_argument("--key", metavar="FILE")
    Origin(parser.parse_args()).run()
    # Lives as long as whoever started it holds our standard input open, so
    # that a test that crashes leaves nothing behind.
    try:
        while sys.stdin.buffer.read(4096):
            pass
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
