#!/usr/bin/env python3
"""An HTTP/2 upstream that misbehaves by script, over TLS.

    badh2.py --cert FILE --key FILE --script ok,refuse,ok

prints {"url": ...} when ready, then one JSON line per request that arrived:
{"connection": n, "stream": id, "body": bytes, "behaviour": name}. The n-th
request, over all connections, meets the n-th behaviour of the script; the last
one repeats. Header blocks are not decoded, so all targets are alike.
"""
import argparse
import json
import socket
import ssl
import struct
import sys
import threading
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = (
    0, 1, 3, 4, 6, 7, 8)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 2, 7, 8
MAX_CONCURRENT_STREAMS = 3
# HPACK: an indexed field, and the start of one with an indexed name.
STATUS_200 = b"\x88"
CONTENT_LENGTH = b"\x0f\x0d"
BODY = b'{"over": "h2"}'


class Gone(Exception):
    """The connection is over."""


class Connection:
    def __init__(self, sock, number, origin):
        self.sock = sock
        self.number = number
        self.origin = origin
        self.bodies = {}
        self.held = []

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def send(self, kind, flags, stream, payload=b""):
        self.sock.sendall(struct.pack(">I", len(payload))[1:]
                          + struct.pack(">BBI", kind, flags, stream)
                          + payload)

    def window(self, stream, n):
        self.send(WINDOW_UPDATE, 0, stream, struct.pack(">I", n))

    def serve(self):
        if self.read(len(PREFACE)) != PREFACE:
            raise Gone
        limit = self.origin.max_streams
        self.send(SETTINGS, 0, 0, struct.pack(
            ">HI", MAX_CONCURRENT_STREAMS, limit) if limit else b"")
        while True:
            head = self.read(9)
            length = int.from_bytes(head[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            self.take(kind, flags, stream, self.read(length))

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.send(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.send(PING, ACK, 0, payload)
        elif kind == HEADERS:
            self.bodies[stream] = 0
        elif kind == DATA:
            self.bodies[stream] += len(payload)
            if payload and not flags & END_STREAM:
                self.window(0, len(payload))
                self.window(stream, len(payload))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            behaviour = self.origin.next_behaviour(self, stream)
            BEHAVIOURS[behaviour](self, stream)

    # Parts of answers

    def head(self, stream, length=None):
        block = STATUS_200
        if length is not None:
            digits = str(length).encode()
            block += CONTENT_LENGTH + bytes([len(digits)]) + digits
        self.send(HEADERS, END_HEADERS, stream, block)

    def data(self, stream, data, is_last=True):
        self.send(DATA, END_STREAM if is_last else 0, stream, data)

    def answer(self, stream):
        self.head(stream, len(BODY))
        self.data(stream, BODY)

    def end_stream(self, stream, error):
        self.send(RST_STREAM, 0, stream, struct.pack(">I", error))

    def go_away(self, last):
        self.send(GOAWAY, 0, 0, struct.pack(">II", last, NO_ERROR))


def ok(c, s):
    c.answer(s)


def no_length(c, s):
    c.head(s)
    c.data(s, BODY)


def hang(c, s):
    pass


def close(c, s):
    raise Gone


def abort(c, s):
    """Ends the connection with RST instead of FIN."""
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    c.sock.close()
    raise Gone


def refuse(c, s):
    c.end_stream(s, REFUSED_STREAM)


def reset(c, s):
    c.end_stream(s, INTERNAL_ERROR)


def cut(c, s):
    c.head(s, 100)
    c.data(s, BODY, False)
    c.end_stream(s, INTERNAL_ERROR)


def cancel(c, s):
    c.head(s, 100)
    c.data(s, BODY, False)
    c.end_stream(s, CANCEL)


def slow(c, s):
    time.sleep(0.1)
    c.answer(s)


def cut_no_length(c, s):
    c.head(s)
    c.data(s, BODY, False)
    c.end_stream(s, INTERNAL_ERROR)


def cut_close(c, s):
    c.head(s)
    c.data(s, BODY, False)
    raise Gone


def short(c, s):
    """Ends the stream cleanly before the length that was promised."""
    c.head(s, 100)
    c.data(s, BODY)


def away_below(c, s):
    """Will not process this one."""
    c.go_away(max(s - 2, 0))


def away_processed(c, s):
    """Says that it may have processed this one, and leaves."""
    c.go_away(s)
    raise Gone


def away_graceful(c, s):
    """Shuts down as RFC 9113 §6.8 wants it, and answers."""
    c.go_away(2 ** 31 - 1)
    c.go_away(s)
    c.answer(s)


def away_no_length(c, s):
    c.go_away(s)
    no_length(c, s)


def hold(c, s):
    c.held.append(s)


def away_held(c, s):
    """Answers those that were held, and leaves; this one is above them."""
    c.go_away(max(c.held))
    for stream in c.held:
        c.answer(stream)
    c.held.clear()


BEHAVIOURS = {f.__name__.replace("_", "-"): f for f in (
    ok, no_length, hang, close, abort, refuse, reset, cut, cancel, slow,
    cut_no_length, cut_close, short, away_below, away_processed, away_graceful,
    away_no_length, hold, away_held)}


def hang_up(sock):
    """FIN, and no RST behind it for what was not read yet, which could take
    away what the peer has not read either."""
    try:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(5)
        while sock.recv(65536):
            pass
    except OSError:
        pass
    sock.close()


class Origin:
    def __init__(self, options):
        self.script = options.script.split(",")
        for name in self.script:
            if name not in BEHAVIOURS:
                sys.exit("no behaviour " + name)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(options.cert, options.key)
        self.max_streams = options.max_streams
        self.tls.set_alpn_protocols(["h2"])
        host, _, port = options.listen.rpartition(":")
        self.listener = socket.create_server((host, int(port)))
        self.lock = threading.Lock()
        self.accepted = 0

    def next_behaviour(self, connection, stream):
        with self.lock:
            name = self.script[0]
            if len(self.script) > 1:
                self.script.pop(0)
            print(json.dumps({"connection": connection.number,
                              "stream": stream,
                              "body": connection.bodies.pop(stream),
                              "behaviour": name}), flush=True)
        return name

    def serve(self, sock, number):
        try:
            sock = self.tls.wrap_socket(sock, server_side=True)
            Connection(sock, number, self).serve()
        except (Gone, OSError):
            pass
        finally:
            hang_up(sock)

    def run(self):
        while True:
            sock = self.listener.accept()[0]
            self.accepted += 1
            threading.Thread(target=self.serve, daemon=True,
                             args=(sock, self.accepted)).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:0",
                        metavar="HOST:PORT")
    parser.add_argument("--cert", required=True, metavar="FILE")
    parser.add_argument("--key", required=True, metavar="FILE")
    parser.add_argument("--script", default="ok", metavar="NAME,...")
    parser.add_argument("--max-streams", type=int, metavar="N",
                        help="what the settings allow at one time")
    origin = Origin(parser.parse_args())
    print(json.dumps({"url": "https://%s:%d" %
                      origin.listener.getsockname()}), flush=True)
    threading.Thread(target=origin.run, daemon=True).start()
    # Lives as long as whoever started it holds our standard input open.
    try:
        while sys.stdin.buffer.read(4096):
            pass
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
