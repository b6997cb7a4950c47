"""A raw HTTP client, and the front alone (tests/unit/front_harness.c)."""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

WAIT_S = 20


class Closed(Exception):
    """The peer closed before a whole response came."""


class Response:
    def __init__(self, status, head, body):
        self.status = status
        self.head = head
        self.body = body

    def field(self, name):
        return self.head.get(name.lower())

    def json(self):
        return json.loads(self.body)


# Fields that no message may have twice.
SINGLE = {"age", "connection", "content-length", "content-type", "date",
          "etag", "last-modified", "retry-after",
          "transfer-encoding", "x-request-id"}


class Client:
    """A raw connection. Reads strictly, so that a wrong length shows."""

    def __init__(self, address, rcvbuf=None):
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(WAIT_S)
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""
        self.raw = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """True unless the peer had closed already, which it may."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_bytewise(self, data):
        for i in range(len(data)):
            if not self.send(data[i:i + 1]):
                break

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(self.got)
        self.got += data
        self.raw = (self.raw + data)[-65536:]

    def until(self, mark):
        while mark not in self.got:
            self.more()
        part, self.got = self.got.split(mark, 1)
        return part

    def response(self, method="GET", may_skip=True):
        """The next final response; skips 100 (Continue)."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        head = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            name = name.lower()
            assert name not in head or name not in SINGLE, line
            head[name] = head[name] + ", " + value if name in head else value
        if status == "100" and may_skip:
            return self.response(method)
        length = int(head.get("content-length", 0))
        if method == "HEAD" or status in ("100", "204", "304"):
            length = 0
        if head.get("transfer-encoding") == "chunked":
            return Response(int(status), head, self.chunks())
        return Response(int(status), head, self.take(length))

    def take(self, n):
        while len(self.got) < n:
            self.more()
        part, self.got = self.got[:n], self.got[n:]
        return part

    def chunks(self):
        parts = []
        while True:
            size = int(self.until(b"\r\n"), 16)
            parts.append(self.take(size))
            assert self.take(2) == b"\r\n", self.got
            if not size:
                return b"".join(parts)

    def is_at_end(self, may_reset=False):
        """Waits for the end of the connection; nothing may come before. A
        reset can destroy the reply before it, so it counts as no end."""
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    return not self.got
                self.got += data
        except ConnectionResetError:
            return may_reset and not self.got

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


def wait_for(condition, what):
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("not within the bound: " + what)
        time.sleep(0.005)


class Harness:
    """The front alone."""

    def __init__(self, *options, descriptors=None):
        program = os.environ.get("FRONT_HARNESS") or os.path.join(
            os.environ.get("top_builddir", "."), "tests/unit/front_harness")
        with open(program, "rb") as f:
            # A sanitizer's quarantine makes memory figures meaningless.
            self.is_sanitized = re.search(rb"__[at]san_init", f.read())
        self.process = subprocess.Popen([program, *options],
                                        stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.PIPE)
        if descriptors:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE,
                             (descriptors, descriptors))
        word, port = self.process.stdout.readline().split()
        assert word == "ready", word
        self.address = ("127.0.0.1", int(port))
        # Emptied all the time, so that the harness never waits for us.
        self.errors = []
        self.reader = threading.Thread(
            target=lambda: self.errors.extend(self.process.stderr))
        self.reader.start()

    def client(self, **more):
        return Client(self.address, **more)

    def counts(self):
        with self.client() as c:
            c.send(b"GET /h/counts HTTP/1.0\r\n\r\n")
            return c.response().json()

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self):
        if self.is_sanitized:
            return 0
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith("RssAnon"):
                    return int(line.split()[1])
        raise AssertionError("no RssAnon")

    def stop(self):
        """Ends it in an orderly way and returns what it printed on stderr,
        but for its own log."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(WAIT_S)
        finally:
            self.process.kill()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        assert status == 0, (status, "".join(self.errors))
        return "".join(e for e in self.errors if "level=" not in e)


@contextlib.contextmanager
def harness(*options, **more):
    h = Harness(*options, **more)
    try:
        yield h
    finally:
        rest = h.stop()
    assert not rest, rest


def check_refusal(t, r):
    """Our own error in GHL's shape, after which the connection ends."""
    body = r.json()
    t.assertEqual(body["statusCode"], r.status)
    t.assertTrue(body["message"])
    t.assertTrue(body["error"])
    t.assertEqual(r.field("connection"), "close")
    t.assertIn("application/json", r.field("content-type"))
    t.assertRegex(r.field("date"), r"^\w{3}, \d\d \w{3} \d{4} .* GMT$")
