"""The gate table: what a client may send, and what must become of it.

One row per way of writing a message that evhttp and RFC 9112 (or two hops)
understand differently, or that this proxy refuses by its own rules. Used by
test_gate.py, against the front alone and against the daemon.
"""
import dataclasses

# Where a row is decided: the framing machine and the request gate are in every
# front; targets are canonicalised by the daemon only.
FRAME, GATE, TARGET = "frame", "gate", "target"

# An answer to a request that was let through, whatever its status.
ANSWER = None

# What tables are run with; the daemon's defaults may be larger, but not so
# large that an OVER_* row is let through.
OVER_TARGET_BYTES = 70_000
OVER_HEAD_BYTES = 140_000
OVER_FIELDS = 3000
OVER_BODY_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass
class Case:
    name: str
    data: bytes
    # One per final response, in order. A set allows any of its members.
    statuses: list
    closes: bool
    # Requests that may get past the gate.
    seen: int
    layer: str = FRAME


def refused(name, data, *statuses, layer=FRAME):
    return Case(name, data, [set(statuses or (400,))], True, 0, layer)


def taken(name, data, closes=False, seen=1):
    return Case(name, data, [ANSWER] * seen, closes, seen)


class Writer:
    """Writes requests for one path, with the fields every request needs."""

    def __init__(self, path="/h/echo", fields=()):
        self.path = path.encode()
        self.fields = [f.encode() for f in fields]

    def head(self, method, *lines, version=b"HTTP/1.1", host=True,
             target=None):
        first = b" ".join([method, target or self.path, version])
        fields = ([b"Host: localhost"] if host else []) + self.fields
        return b"\r\n".join([first, *fields, *lines]) + b"\r\n\r\n"

    def get(self, *lines, **more):
        return self.head(b"GET", *lines, **more)

    def post(self, *lines, body=b"", **more):
        return self.head(b"POST", *lines, **more) + body

    def chunked(self, body, *lines, **more):
        return self.post(b"Transfer-Encoding: chunked", *lines, body=body,
                         **more)


def good(w):
    five = b"Content-Length: 5"
    return [
        taken("get", w.get()),
        taken("head", w.head(b"HEAD")),
        taken("options", w.head(b"OPTIONS")),
        taken("get with length 0", w.get(b"Content-Length: 0")),
        taken("post with length", w.post(five, body=b"hello")),
        taken("put with length", w.head(b"PUT", five) + b"hello"),
        taken("patch with length", w.head(b"PATCH", five) + b"hello"),
        taken("delete with body", w.head(b"DELETE", five) + b"hello"),
        taken("delete without body", w.head(b"DELETE")),
        taken("length with leading zeros",
              w.post(b"Content-Length: 0005", body=b"hello")),
        taken("length without space", w.post(b"Content-Length:5",
                                             body=b"hello")),
        taken("chunked", w.chunked(b"5\r\nhello\r\n0\r\n\r\n")),
        taken("chunked, several and capital hex",
              w.chunked(b"3\r\nhel\r\nA\r\n0123456789\r\n0\r\n\r\n")),
        taken("chunked, coding in capitals",
              w.post(b"Transfer-Encoding: CHUNKED",
                     body=b"2\r\nhi\r\n0\r\n\r\n")),
        taken("chunked, empty", w.chunked(b"0\r\n\r\n")),
        taken("body with line ends and zeros",
              w.post(b"Content-Length: 8", body=b"\r\n\0\n\r\r\n\0")),
        taken("expect with the body at once",
              w.post(five, b"Expect: 100-continue", body=b"hello")),
        taken("expect without body", w.get(b"Expect: 100-continue")),
        taken("empty field value", w.get(b"X-Empty:")),
        taken("tab in a field value", w.get(b"X-Tab: a\tb")),
        taken("two pipelined", w.get() + w.get(), seen=2),
        taken("post and get pipelined",
              w.post(five, body=b"hello") + w.get(), seen=2),
        taken("chunked and get pipelined",
              w.chunked(b"1\r\nx\r\n0\r\n\r\n") + w.get(), seen=2),
        taken("HTTP/1.0", w.get(version=b"HTTP/1.0"), closes=True),
        taken("HTTP/1.0 without Host",
              w.get(version=b"HTTP/1.0", host=False), closes=True),
        taken("HTTP/1.0 keep-alive",
              w.get(b"Connection: keep-alive", version=b"HTTP/1.0"),
              closes=True),
        taken("connection close", w.get(b"Connection: close"), closes=True),
        taken("connection close in a list", w.get(b"Connection: x, close"),
              closes=True),
        taken("connection close in the second field",
              w.get(b"Connection: x", b"Connection: Close"), closes=True),
        taken("nothing after close is served",
              w.get(b"Connection: x, close") + w.get(), closes=True),
    ]


def lengths(w):
    hello = b"hello"
    return [
        refused("two different lengths",
                w.post(b"Content-Length: 5", b"Content-Length: 44",
                       body=hello)),
        refused("two lengths, the first 0",
                w.post(b"Content-Length: 0", b"Content-Length: 44")),
        refused("two equal lengths",
                w.post(b"Content-Length: 5", b"Content-Length: 5",
                       body=hello)),
        *[refused(f"length {v!r}",
                  w.post(b"Content-Length: " + v, body=hello))
          for v in (b"+5", b"-5", b"0x5", b"", b"5, 5", b"5 5", b"5a",
                    b"5;", b"'5'", b"1e1", b"5\t5")],
        refused("length that overflows",
                w.post(b"Content-Length: 99999999999999999999"), 400, 413),
        refused("length of 19 digits",
                w.post(b"Content-Length: 9223372036854775807"), 400, 413),
        refused("length above the cap",
                w.post(b"Content-Length: %d" % OVER_BODY_BYTES), 413),
        refused("space before the colon of the length",
                w.post(b"Content-Length : 5", body=hello)),
        refused("tab before the colon of the length",
                w.post(b"Content-Length\t: 5", body=hello)),
        # Correct, but evhttp takes the tab for part of the value.
        refused("tab after the colon of the length",
                w.post(b"Content-Length:\t5", body=hello), layer=GATE),
        refused("length in a folded line",
                w.post(b"Content-Length:\r\n 5", body=hello)),
        refused("head with a body",
                w.head(b"HEAD", b"Content-Length: 5") + hello),
        refused("head with a chunked body",
                w.head(b"HEAD", b"Transfer-Encoding: chunked")
                + b"5\r\nhello\r\n0\r\n\r\n"),
        refused("get with a body",
                w.get(b"Content-Length: 5") + hello, layer=GATE),
    ]


def codings(w):
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    return [
        refused("length and chunked",
                w.chunked(chunks, b"Content-Length: 5")),
        refused("chunked and length",
                w.post(b"Content-Length: 5", b"Transfer-Encoding: chunked",
                       body=chunks)),
        *[refused(f"coding {v!r}",
                  w.post(b"Transfer-Encoding:" + v, body=chunks))
          for v in (b" gzip, chunked", b" chunked, identity", b" xchunked",
                    b" chunkedx", b" identity", b" gzip", b"", b" chunked,",
                    b" ,chunked", b" chunked;q=1", b" \"chunked\"",
                    b" chunked chunked", b"\x0bchunked", b"\r\n chunked")],
        # Correct, but evhttp takes the tab for part of the value.
        refused("coding after a tab",
                w.post(b"Transfer-Encoding:\tchunked", body=chunks),
                layer=GATE),
        refused("two codings",
                w.chunked(chunks, b"Transfer-Encoding: chunked")),
        refused("two codings, the second unknown",
                w.chunked(chunks, b"Transfer-Encoding: x")),
        refused("space before the colon of the coding",
                w.post(b"Transfer-Encoding : chunked", body=chunks)),
        refused("chunked in HTTP/1.0",
                w.chunked(chunks, version=b"HTTP/1.0")),
    ]


def chunk_syntax(w):
    end = b"0\r\n\r\n"
    return [
        *[refused(f"chunk size {v!r}",
                  w.chunked(v + b"\r\nhel\r\n" + end), 400, 413)
          for v in (b"0x3", b"+3", b" 3", b"-0", b"-3", b"3 ", b"3 ;a",
                    b"3;a=b", b"3\0zz", b"5 zz", b"", b"g", b"3\t",
                    b"ffffffffffffffff", b"7fffffffffffffff",
                    b"ffffffffffffffff3", b"00000000000000003")],
        refused("chunk size above the cap",
                w.chunked(b"%x\r\n" % OVER_BODY_BYTES), 413),
        refused("no line end behind a chunk", w.chunked(b"3\r\nhel" + end)),
        refused("line feed behind a chunk",
                w.chunked(b"3\r\nhel\n" + end)),
        refused("carriage return alone behind a chunk",
                w.chunked(b"3\r\nhel\r0\r\n\r\n")),
        refused("chunk longer than its size",
                w.chunked(b"3\r\nhello\r\n" + end)),
        refused("bare line feed after a chunk size",
                w.chunked(b"3\nhel\r\n" + end)),
        refused("carriage return alone after a chunk size",
                w.chunked(b"3\rhel\r\n" + end)),
        refused("bare line feed after the last chunk",
                w.chunked(b"3\r\nhel\r\n0\n\r\n")),
        refused("bare line feed at the end",
                w.chunked(b"3\r\nhel\r\n0\r\n\n")),
        refused("trailer", w.chunked(b"3\r\nhel\r\n0\r\nX: y\r\n\r\n")),
        refused("trailer that asks for more",
                w.chunked(b"0\r\nAuthorization: Bearer x\r\n\r\n")),
        refused("endless chunk size line",
                w.chunked(b"0" * 100_000), 400, 413),
    ]


def head_syntax(w):
    return [
        refused("bare line feeds",
                w.get().replace(b"\r\n", b"\n")),
        refused("bare line feed after the request line",
                w.get().replace(b"\r\n", b"\n", 1)),
        refused("bare line feed after a field",
                w.get(b"X: 1\nY: 2")),
        refused("bare line feed as the blank line",
                w.get()[:-2] + b"\n"),
        refused("carriage return in a value", w.get(b"X: a\rb")),
        refused("carriage return and space in a value", w.get(b"X: a\r b")),
        refused("two carriage returns", w.get(b"X: a\r")),
        refused("folded line", w.get(b"X: 1\r\n 2")),
        refused("folded line with a tab", w.get(b"X: 1\r\n\t2")),
        refused("folded first line", w.get(b" X: 1", host=False)),
        refused("white space before the first field",
                b"GET " + w.path + b" HTTP/1.1\r\n Host: a\r\n\r\n"),
        refused("line that starts with NUL", w.get(b"\0X: 1")),
        refused("NUL as a line of its own", w.get(b"\0")),
        refused("NUL in a name", w.get(b"X\0: 1")),
        refused("NUL in a value", w.get(b"X: a\0b")),
        refused("control byte in a value", w.get(b"X: a\x01b")),
        refused("DEL in a value", w.get(b"X: a\x7fb")),
        refused("vertical tab in a value", w.get(b"X: a\x0bb")),
        refused("space in a name", w.get(b"X Y: 1")),
        refused("control byte in a name", w.get(b"X\x01Y: 1")),
        refused("high byte in a name", w.get(b"X\xe9: 1")),
        refused("separator in a name", w.get(b"X(Y): 1")),
        refused("space before a colon", w.get(b"X : 1")),
        refused("empty name", w.get(b": 1")),
        refused("line without a colon", w.get(b"nonsense")),
        refused("empty line first", b"\r\n" + w.get()),
        refused("line feed first", b"\n" + w.get()),
        refused("space first", b" " + w.get()),
        refused("too many fields",
                w.get(*[b"a:"] * OVER_FIELDS), 431),
        refused("head too large",
                w.get(*[b"X-%d: " % i + b"x" * 1000
                        for i in range(OVER_HEAD_BYTES // 1000)]), 431),
        refused("one field too large",
                w.get(b"X: " + b"x" * OVER_HEAD_BYTES), 431),
        refused("unknown expectation", w.get(b"Expect: 200-ok"), 417),
        refused("unknown expectation with a body",
                w.post(b"Expect: x", b"Content-Length: 5", body=b"hello"),
                417),
        refused("expectation after a tab",
                w.post(b"Expect:\t100-continue", b"Content-Length: 5",
                       body=b"hello"), 400, 417),
    ]


def request_line(w):
    versions = [(b"HTTP/1.9", 505), (b"HTTP/0.9", 505), (b"HTTP/2.0", 505),
                (b"HTTP/9.9", 505), (b"HTTP/-1.1", 400), (b"HTTP/1.257", 400),
                (b"HTTP/1.", 400), (b"HTTP/1", 400), (b"HTTP/11", 400),
                (b"HTTP/1.1 ", 400), (b"HTTP/1.1x", 400), (b"http/1.1", 400),
                (b"HTCPCP/1.0", 400), (b" HTTP/1.1", 400), (b"", 400)]
    targets = [b"foo", b"a:b", b"*", b"http://evil:81/y", b"//evil/y",
               b"/a#b", b"/a b", b"/a\tb", b"/a\x01b", b"/a\x7fb",
               b"/a\xe9b", b"/\0", b"evil:80", b"?x=1", b"\\evil"]
    methods = [b"TRACE", b"CONNECT", b"PROPFIND", b"get", b"GETS", b"BREW",
               b"X" * 300]
    five = b"Content-Length: 5"
    return [
        *[refused(f"version {v!r}", w.get(version=v), s, 400, 505)
          for v, s in versions],
        *[refused(f"target {t!r}", w.get(target=t), 400, 501)
          for t in targets],
        *[refused(f"method {m[:20]!r}", w.head(m), 501, 400)
          for m in methods],
        *[refused(f"method {m!r} with a body", w.head(m, five) + b"hello",
                  501, 400)
          for m in (b"TRACE", b"CONNECT", b"BREW")],
        refused("method with a control byte", w.head(b"G\x01ET")),
        refused("HTTP/0.9", b"GET /\r\n"),
        refused("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("tab between", b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        refused("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                400, 501, 505),
        refused("TLS hello",
                bytes.fromhex("16030100a5010000a10303") + bytes(160)),
        refused("target too long",
                w.get(target=b"/" + b"a" * OVER_TARGET_BYTES), 414),
        refused("authority form", w.head(b"CONNECT", target=b"evil:443"),
                400, 501),
    ]


def hosts(w):
    return [
        refused("no host", w.get(host=False)),
        refused("two hosts", w.get(b"Host: other")),
        refused("two equal hosts", w.get(b"Host: localhost")),
        *[refused(f"host {h!r}", w.get(b"Host: " + h, host=False),
                  layer=GATE)
          for h in (b"", b"a b", b"a/b", b"a@b", b"a:b", b"a:123456",
                    b"[::1", b"a,b", b"a\xe9")],
        refused("connection names authorization",
                w.get(b"Connection: Authorization"), layer=GATE),
        refused("connection names a content field",
                w.get(b"Connection: close, Content-Type"), layer=GATE),
    ]


def targets(w):
    return [refused(f"target {t!r}", w.get(target=t), layer=TARGET)
            for t in (b"/a/../b", b"/a/./b", b"/%2e%2e/b", b"/a%2Fb",
                      b"/a%00b", b"/a//b", b"/a%zzb", b"/a%2")]


def mixed(w):
    """A good message, then a refused one: the first is still answered."""
    bad = [
        ("a bare line feed", w.get().replace(b"\r\n", b"\n")),
        ("a bad chunk", w.chunked(b"0x3\r\nhel\r\n0\r\n\r\n")),
        ("two lengths", w.post(b"Content-Length: 5", b"Content-Length: 6",
                               body=b"hello")),
        ("garbage", b"\x16\x03\x01garbage\r\n\r\n"),
    ]
    return [Case(f"good, then {name}", w.get() + data, [ANSWER, {400}], True,
                 1)
            for name, data in bad] + [
        Case("three good, then bad",
             w.get() + w.post(b"Content-Length: 2", body=b"ok") + w.get()
             + w.get(b"X : 1"), [ANSWER] * 3 + [{400}], True, 3),
    ]


def table(w):
    groups = [good, lengths, codings, chunk_syntax, head_syntax, request_line,
              hosts, targets, mixed]
    return [case for group in groups for case in group(w)]
