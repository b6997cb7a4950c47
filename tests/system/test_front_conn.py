"""Connections: replies, pipelining, waiting, deadlines, bounds.

Drives the front alone; what may get in at all is test_gate.py.
"""
import contextlib
import select
import signal
import socket
import threading
import time
import unittest

from front_rig import WAIT_S, Client, Closed, check_refusal, harness, wait_for

SMUGGLED = b"GET /h/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET = b"GET /h/echo HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path, *fields):
    lines = ["GET " + path + " HTTP/1.1", "Host: a", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class TestReplies(unittest.TestCase):
    options = ("direct=1",)

    def setUp(self):
        self.h = self.enterContext(harness(*self.options))

    def test_keep_alive_and_count(self):
        with self.h.client() as c:
            for n in range(1, 20):
                c.send(get(f"/h/echo?{n}"))
                r = c.response()
                self.assertEqual(r.json()["nth"], n)
                self.assertEqual(r.json()["uri"], f"/h/echo?{n}")
                self.assertIsNone(r.field("connection"))
        counts = self.h.counts()
        self.assertEqual(counts["peer"], "127.0.0.1")
        self.assertTrue(counts["loopback"])

    def test_fifty_pipelined(self):
        with self.h.client() as c:
            c.send(b"".join(get(f"/h/echo?{n}") for n in range(50)))
            for n in range(50):
                self.assertEqual(c.response().json()["uri"], f"/h/echo?{n}")

    def test_many_pipelined_behind_a_wait(self):
        # More than may wait in evhttp's buffer (64 KiB).
        n = 4000
        with self.h.client() as c:
            sender = threading.Thread(target=c.send, args=(
                get("/h/delay?200") + b"".join(
                    get(f"/h/echo?{i}") for i in range(n)),))
            sender.start()
            self.assertEqual(c.response().json()["uri"], "/h/delay?200")
            for i in range(n):
                self.assertEqual(c.response().json()["uri"], f"/h/echo?{i}")
            sender.join()

    def test_pipelined_waits(self):
        with self.h.client() as c:
            c.send(get("/h/delay?50") * 10 + GET)
            for _ in range(11):
                self.assertEqual(c.response().status, 200)

    def test_bodies_are_whole(self):
        for size in (1, 4095, 4096, 4097, 200_000, 1024 * 1024):
            for body in (b"Content-Length: %d\r\n\r\n" % size + b"x" * size,
                         b"Transfer-Encoding: chunked\r\n\r\n" +
                         b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"):
                with self.h.client() as c:
                    c.send(GET + b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                           + body + GET)
                    self.assertEqual(c.response().json()["body"], 0)
                    self.assertEqual(c.response().json()["body"], size)
                    self.assertEqual(c.response().json()["body"], 0)

    def test_body_that_comes_while_waiting(self):
        body = b"x" * 300_000
        with self.h.client() as c:
            c.send(get("/h/delay?300"))
            wait_for(lambda: self.h.counts()["waiting"] == 1, "the wait")
            c.send(b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 300000\r\n\r\n" + body + GET)
            self.assertEqual(c.response().json()["uri"], "/h/delay?300")
            self.assertEqual(c.response().json()["body"], 300_000)
            self.assertEqual(c.response().status, 200)

    def test_refusal_waits_for_earlier_replies(self):
        before = self.h.counts()["seen"]
        with self.h.client() as c:
            c.send(get("/h/delay?200") + GET + get("/h/echo", "X : 1")
                   + SMUGGLED)
            self.assertEqual(c.response().json()["uri"], "/h/delay?200")
            self.assertEqual(c.response().status, 200)
            r = c.response()
            self.assertEqual(r.status, 400)
            check_refusal(self, r)
            self.assertTrue(c.is_at_end())
        self.assertEqual(self.h.counts()["seen"], before + 2)

    def test_refusal_that_comes_while_waiting(self):
        with self.h.client() as c:
            c.send(get("/h/delay?300"))
            wait_for(lambda: self.h.counts()["waiting"] == 1, "the wait")
            c.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Le")
            c.send(b"ngth: +1\r\n\r\n" + SMUGGLED)
            self.assertEqual(c.response().status, 200)
            self.assertEqual(c.response().status, 400)
            self.assertTrue(c.is_at_end())

    def test_head(self):
        with self.h.client() as c:
            c.send(b"HEAD /h/echo HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
            r = c.response("HEAD")
            self.assertEqual(r.body, b"")
            self.assertGreater(int(r.field("content-length")), 0)
            self.assertEqual(c.response().json()["method"], "GET")

    def test_close_after(self):
        before = self.h.counts()["seen"]
        with self.h.client() as c:
            c.send(get("/h/close") + GET * 3)
            self.assertEqual(c.response().field("connection"), "close")
            self.assertTrue(c.is_at_end())
        self.assertEqual(self.h.counts()["seen"], before + 1)

    def test_close_after_with_a_body_in_flight(self):
        # Closing with unread input would reset the reply away.
        with self.h.client() as c:
            c.send(get("/h/close") + b"POST / HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 50000\r\n\r\n" + b"x" * 40_000)
            self.assertEqual(c.response().status, 200)
            self.assertTrue(c.is_at_end())

    def test_bytes_behind_the_last_request(self):
        # Sent while the reply is being written, so nobody has read them when
        # it is done: that must not end in a reset either.
        for version, fields in (("1.1", "Connection: close\r\n"),
                                ("1.0", ""),
                                ("1.0", "Connection: keep-alive\r\n")):
            with self.subTest(version=version, fields=fields), \
                    self.h.client(rcvbuf=16 * 1024) as c:
                c.send(f"GET /h/big?8000000 HTTP/{version}\r\n"
                       f"Host: a\r\n{fields}\r\n".encode())
                c.more()
                c.send(b"\r\n" * 100)
                self.assertEqual(len(c.response().body), 8_000_000)
                self.assertTrue(c.is_at_end())

    def test_what_follows_a_refusal_is_read_for_a_while(self):
        # Or a reset would destroy the refusal on its way to some clients.
        for is_patient in (False, True):
            with self.h.client() as c:
                c.send(b"\n")
                self.assertEqual(c.response().status, 400)
                self.assertTrue(c.is_at_end())
                self.assertTrue(c.send(b"x" * 1000))
                self.assertEqual(self.h.counts()["connections"], 2)
                if is_patient:
                    wait_for(lambda: self.h.counts()["connections"] == 1,
                             "the end")
            wait_for(lambda: self.h.counts()["connections"] == 1, "the end")

    def test_continue(self):
        head = (b"POST /h/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                b"Expect: 100-continue\r\n\r\n")
        with self.h.client() as c:
            for _ in range(3):
                c.send(head)
                self.assertEqual(c.response(may_skip=False).status, 100)
                c.send(b"hello")
                self.assertEqual(c.response().json()["body"], 5)

    def test_continue_comes_after_earlier_replies(self):
        head = (b"POST /h/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
        with self.h.client() as c:
            c.send(get("/h/delay?100") + head)
            self.assertEqual(c.response(may_skip=False).json()["uri"],
                             "/h/delay?100")
            self.assertEqual(c.response(may_skip=False).status, 100)
            c.send(b"2\r\nhi\r\n0\r\n\r\n" + get("/h/delay?10"))
            self.assertEqual(c.response(may_skip=False).json()["body"], 2)
            self.assertEqual(c.response(may_skip=False).status, 200)

    def test_no_continue_for_what_is_refused(self):
        with self.h.client() as c:
            c.send(b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 99999999\r\n"
                   b"Expect: 100-continue\r\n\r\n")
            self.assertEqual(c.response(may_skip=False).status, 413)
            self.assertTrue(c.is_at_end())

    def test_client_leaves_while_waiting(self):
        for leave in (lambda c: c.sock.close(), Client.reset,
                      lambda c: c.sock.shutdown(socket.SHUT_WR)):
            gone = self.h.counts()["gone"]
            c = self.h.client()
            c.send(get("/h/delay?60000"))
            wait_for(lambda: self.h.counts()["waiting"] == 1, "the wait")
            leave(c)
            wait_for(lambda: self.h.counts()["gone"] == gone + 1, "the end")
            wait_for(lambda: self.h.counts()["waiting"] == 0, "the finish")
            c.sock.close()

    def test_client_leaves_while_waiting_with_more_sent(self):
        c = self.h.client()
        c.send(get("/h/delay?60000"))
        wait_for(lambda: self.h.counts()["waiting"] == 1, "the wait")
        c.send(GET * 3 + b"POST / HTTP/1.1\r\nHost: a\r\nContent-")
        c.sock.close()
        wait_for(lambda: self.h.counts()["waiting"] == 0, "the finish")
        wait_for(lambda: self.h.counts()["connections"] == 1, "the end")

    def test_client_leaves_before_a_big_reply_is_read(self):
        for n in range(20):
            with self.h.client(rcvbuf=4096) as c:
                c.send(get("/h/big?4000000") + GET)
                if n % 2:
                    c.reset()
        wait_for(lambda: self.h.counts()["connections"] == 1, "the end")

    def flood(self, c):
        """Pipelines as much as the socket takes within a second."""
        before = self.h.rss_kib()
        c.sock.setblocking(False)
        sent = 0
        end = time.monotonic() + 1
        while time.monotonic() < end and sent < 64 << 20:
            select.select([], [c.sock], [], 0.05)
            with contextlib.suppress(BlockingIOError):
                sent += c.sock.send(GET * 1000)
        self.assertLess(self.h.rss_kib() - before, 2048)
        self.assertLess(sent, 64 << 20)
        c.sock.close()
        wait_for(lambda: self.h.counts()["connections"] == 1, "the end")

    def test_flood_behind_a_slow_reply(self):
        with self.h.client(rcvbuf=4096) as c:
            c.send(get("/h/big?8000000"))
            c.until(b"\r\n\r\n")
            self.flood(c)

    def test_flood_behind_a_wait(self):
        with self.h.client() as c:
            c.send(get("/h/delay?1500"))
            wait_for(lambda: self.h.counts()["waiting"] == 1, "the wait")
            self.flood(c)

    def test_thousand_connections(self):
        clients = [self.h.client() for _ in range(1000)]
        try:
            for _ in range(3):
                for c in clients:
                    c.send(GET)
                for c in clients:
                    self.assertEqual(c.response().status, 200)
            self.assertEqual(self.h.counts()["connections"], 1001)
        finally:
            for c in clients:
                c.sock.close()
        wait_for(lambda: self.h.counts()["connections"] == 1, "the end")

    def test_drain(self):
        with harness(*self.options) as h:
            idle, busy, fresh = h.client(), h.client(), h.client()
            idle.send(GET)
            self.assertEqual(idle.response().status, 200)
            busy.send(get("/h/delay?500") + GET)
            wait_for(lambda: h.counts()["waiting"] == 1, "the wait")
            h.process.send_signal(signal.SIGTERM)
            self.assertTrue(idle.is_at_end())
            self.assertTrue(fresh.is_at_end())
            with self.assertRaises(ConnectionRefusedError):
                h.client()
            r = busy.response()
            self.assertEqual(r.json()["uri"], "/h/delay?500")
            self.assertEqual(r.field("connection"), "close")
            self.assertTrue(busy.is_at_end())
            for c in (idle, busy, fresh):
                c.sock.close()

    def test_end_with_connections_in_every_state(self):
        with harness(*self.options) as h:
            clients = []
            for data in (b"", b"GET /", GET, GET + b"X", get("/h/delay?99"),
                         b"POST / HTTP/1.1\r\nHost: a\r\n"
                         b"Content-Length: 9\r\n\r\nx",
                         get("/h/big?9000000"), b"\n" + GET):
                c = h.client(rcvbuf=4096)
                c.send(data)
                clients.append(c)
            wait_for(lambda: h.counts()["seen"] == 4, "the requests")
            h.process.send_signal(signal.SIGTERM)
            h.process.wait(WAIT_S)
            for c in clients:
                c.sock.close()


class TestRepliesThroughLibevent(TestReplies):
    options = ("direct=0",)


class TestDeadlines(unittest.TestCase):
    def timed(self, h, data, drip=b""):
        """Seconds until the end, and what was answered."""
        start = time.monotonic()
        with h.client() as c:
            c.send(data)
            while drip and not select.select([c.sock], [], [], 0.05)[0]:
                c.send(drip)
                self.assertLess(time.monotonic() - start, WAIT_S)
            try:
                answer = c.response()
            except Closed:
                answer = None
            else:
                self.assertTrue(c.is_at_end())
        return time.monotonic() - start, answer

    def test_each_phase(self):
        post = (b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                b"Content-Length: 1000\r\n\r\n")
        with harness("header_ms=600", "body_ms=900", "idle_ms=400") as h:
            for data, drip, bound, status in (
                    (b"", b"", 0.6, None),
                    (b"GET /", b"", 0.6, 408),
                    (GET[:-2] + b"X: ", b"x", 0.6, 408),
                    (post, b"", 0.9, 408),
                    (post, b"x", 0.9, 408)):
                with self.subTest(data=data, drip=drip):
                    took, answer = self.timed(h, data, drip)
                    self.assertGreater(took, bound - 0.1)
                    self.assertLess(took, bound + 1.5)
                    self.assertEqual(answer and answer.status, status)
                    if answer:
                        check_refusal(self, answer)

    def test_idle(self):
        with harness("idle_ms=400", "header_ms=5000") as h:
            with h.client() as c:
                c.send(GET)
                c.response()
                start = time.monotonic()
                self.assertTrue(c.is_at_end())
                took = time.monotonic() - start
                self.assertGreater(took, 0.3)
                self.assertLess(took, 2)

    def test_waiting_has_no_deadline(self):
        with harness("idle_ms=200", "header_ms=200", "body_ms=200",
                     "write_ms=200") as h:
            with h.client() as c:
                c.send(get("/h/delay?900") + b"GET")
                self.assertEqual(c.response().status, 200)
                self.assertEqual(c.response().status, 408)

    def test_slow_reader_is_not_cut(self):
        for direct in ("direct=1", "direct=0"):
            with harness("write_ms=500", "header_ms=500", "idle_ms=500",
                         "body_ms=500", direct) as h:
                with h.client(rcvbuf=65536) as c:
                    c.send(get("/h/big?60000000"))
                    c.until(b"\r\n\r\n")
                    left = 60_000_000 - len(c.got)
                    start = time.monotonic()
                    while left > 0:
                        # At most 30 MB/s: two seconds, four deadlines.
                        due = (60_000_000 - left) / 30e6
                        ahead = due - (time.monotonic() - start)
                        if ahead > 0:
                            time.sleep(ahead)
                        left -= len(c.sock.recv(min(left, 1 << 20)) or
                                    self.fail("cut"))
                    self.assertGreater(time.monotonic() - start, 1.5)

    def test_reader_that_stops_is_cut(self):
        with harness("write_ms=400") as h:
            with h.client(rcvbuf=4096) as c:
                c.send(get("/h/big?60000000"))
                wait_for(lambda: h.counts()["seen"] == 1, "the request")
                wait_for(lambda: h.counts()["connections"] == 1, "the cut")
                wait_for(lambda: h.rss_kib() < 40_000, "its memory back")
                # Not left to the kernel either.
                with self.assertRaises(ConnectionResetError):
                    while c.sock.recv(1 << 20):
                        pass

    def test_slowloris_leaves_others_alone(self):
        with harness("header_ms=1500") as h:
            slow = [h.client() for _ in range(300)]
            for c in slow:
                c.send(b"GET / HTTP/1.1\r\nX: ")
            with h.client() as c:
                worst = 0
                for _ in range(200):
                    start = time.monotonic()
                    c.send(GET)
                    c.response()
                    worst = max(worst, time.monotonic() - start)
            self.assertLess(worst, 0.5)
            for c in slow:
                self.assertEqual(c.response().status, 408)
                c.sock.close()


class TestBounds(unittest.TestCase):
    def test_connection_cap(self):
        with harness("max_connections=10") as h:
            busy = [h.client() for _ in range(10)]
            for c in busy:
                c.send(get("/h/delay?700"))
            with h.client() as c:
                c.send(GET)
                r = c.response()
                self.assertEqual(r.status, 503)
                self.assertIsNotNone(r.field("retry-after"))
                check_refusal(self, r)
                self.assertTrue(c.is_at_end())
            for c in busy:
                self.assertEqual(c.response().status, 200)
            # All idle now: the one that idled longest makes room.
            with h.client() as c:
                c.send(GET)
                self.assertEqual(c.response().status, 200)
            self.assertTrue(busy[0].is_at_end())
            for c in busy:
                c.sock.close()

    def test_unfinished_heads_give_way(self):
        with harness("max_connections=10", "header_ms=60000") as h:
            slow = [h.client() for _ in range(10)]
            for c in slow:
                c.send(b"GET / HTTP/1.1\r\nX: ")

            def is_served():
                with h.client() as c:
                    c.send(GET)
                    return c.response().status == 200

            self.assertFalse(is_served())	# they have only begun
            wait_for(is_served, "room")
            self.assertTrue(slow[0].is_at_end())
            slow[9].send(b"x\r\nHost: a\r\n\r\n")
            self.assertEqual(slow[9].response().status, 200)
            for c in slow:
                c.sock.close()

    def read_or_reset(self, c, size):
        """Whether the whole reply came; else the connection was reset."""
        try:
            return len(c.response().body) == size
        except ConnectionResetError:
            return False

    def test_cap_of_unread_replies(self):
        size = 8_000_000
        for direct in ("direct=1", "direct=0"):
            with harness("max_unsent=20000000", direct) as h:
                before = h.rss_kib()
                clients = [h.client(rcvbuf=65536) for _ in range(12)]
                for n, c in enumerate(clients):
                    c.send(get(f"/h/big?{size}"))
                    wait_for(lambda: h.counts()["seen"] == n + 1, "it")
                self.assertLess(h.rss_kib() - before, 60_000)
                whole = [self.read_or_reset(c, size) for c in clients]
                self.assertFalse(any(whole[:8]))	# oldest first
                self.assertTrue(whole[11])
                for c in clients:
                    c.sock.close()
                wait_for(lambda: h.counts()["connections"] == 1, "the end")

    def test_no_descriptors_left(self):
        with harness(descriptors=30) as h:
            clients = [h.client() for _ in range(60)]
            for c in clients:
                c.send(GET)
            before = h.cpu_s()
            time.sleep(0.5)  # measured, not waited for
            self.assertLess(h.cpu_s() - before, 0.2)
            self.assertIn("accept-paused", "".join(h.errors))
            self.assertLess(len(h.errors), 20)
            served = 0
            for c in clients:
                # Those in the accept queue get in as others leave.
                self.assertEqual(c.response().status, 200)
                c.sock.close()
                served += 1
            self.assertEqual(served, 60)

    def test_cap_of_unfinished_messages(self):
        with harness("max_partial=1000000") as h:
            clients = [h.client() for _ in range(3)]
            for c in clients:
                c.send(b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                       b"Content-Length: 500000\r\n\r\n" + b"x" * 450_000)
            ready = select.select([c.sock for c in clients], [], [], WAIT_S)
            self.assertEqual(len(ready[0]), 1)
            shed = [c for c in clients if c.sock is ready[0][0]]
            self.assertEqual(shed[0].response().status, 503)
            for c in clients:
                if c is not shed[0]:
                    c.send(b"x" * 50_000)
                    self.assertEqual(c.response().json()["body"], 500_000)
                c.sock.close()

    def test_single_byte_pieces_cost_no_memory(self):
        with harness() as h:
            with h.client() as c:
                c.send(b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                       b"Content-Length: 20000\r\n\r\n")
                before = h.rss_kib()
                c.send_bytewise(b"x" * 19_999)
                self.assertLess(h.rss_kib() - before, 1024)
                c.send(b"x")
                self.assertEqual(c.response().json()["body"], 20_000)

    def test_chunks_of_one_byte(self):
        with harness("max_body=20000") as h:
            with h.client() as c:
                c.send(b"POST /h/echo HTTP/1.1\r\nHost: a\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n"
                       + b"1\r\nx\r\n" * 12_000)
                self.assertEqual(c.response().status, 413)
                self.assertTrue(c.is_at_end())

    def test_flood_after_a_refusal_is_bounded(self):
        with harness() as h:
            with h.client() as c:
                c.send(b"\n")
                sent = 0
                while c.send(b"x" * 65536):
                    sent += 65536
                    self.assertLess(sent, 32 << 20)


if __name__ == "__main__":
    unittest.main()
