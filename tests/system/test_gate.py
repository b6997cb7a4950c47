"""Runs the gate table (gate_cases.py): each message whole and byte by byte.

Without arguments against front_harness, with --target against a daemon:

    test_gate.py --target 127.0.0.1:8788 [--path /contacts/ID]
        [--field 'Authorization: Bearer ...'] [--seen URL] [--seen-key total]

--seen names a URL that answers a JSON object; its --seen-key is the number of
requests the upstream saw, which a refused message must not raise.
"""
import argparse
import json
import sys
import unittest
import urllib.request

import gate_cases
from front_rig import WAIT_S, Client, Closed, check_refusal, harness

SMUGGLED = b"GET /h/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Target:
    """Where the table is run, and what tells how many requests got in."""

    def __init__(self, address, seen, is_exact, layers, has_bodies):
        self.address = address
        self.seen = seen
        self.is_exact = is_exact
        self.layers = layers
        # The gate's answers are the daemon's: the harness sends none.
        self.has_bodies = has_bodies


def check_case(t, target, case, is_bytewise):
    must_end = case.closes or not case.seen
    before = target.seen()
    with Client(target.address) as c:
        data = case.data + (SMUGGLED if must_end else b"")
        # Byte by byte: as many packets as bytes, so not of the largest.
        if is_bytewise and len(data) < 40_000:
            c.send_bytewise(data)
        else:
            c.send(data)
        method = case.data.split(b" ", 1)[0].decode("latin-1")
        for want in case.statuses:
            r = c.response(method if method == "HEAD" and case.seen else "")
            if want is gate_cases.ANSWER:
                t.assertFalse(target.is_exact and r.status != 200, r.status)
            else:
                t.assertIn(r.status, want)
                if target.has_bodies or case.layer == gate_cases.FRAME:
                    check_refusal(t, r)
        if must_end:
            # Of what comes after, 64 KiB are waited for.
            t.assertTrue(c.is_at_end(may_reset=len(data) > 60_000),
                         "more came after the last response, or a reset")
        else:
            c.send(SMUGGLED)
            t.assertIsNotNone(c.response().status)
        t.assertNotIn(b"<html", c.raw.lower())
    delta = target.seen() - before
    want = case.seen + (0 if must_end else 1)
    if target.is_exact:
        t.assertEqual(delta, want)
    else:
        t.assertLessEqual(delta, want)


def run_table(t, target, writer):
    ran = 0
    for is_bytewise in (False, True):
        for case in gate_cases.table(writer):
            if case.layer not in target.layers:
                continue
            how = "byte by byte" if is_bytewise else "whole"
            with t.subTest(case=case.name, how=how):
                try:
                    check_case(t, target, case, is_bytewise)
                except (Closed, OSError) as e:
                    t.fail(repr(e))
            ran += 1
    t.assertGreater(ran, 2 * 100)


class TestTable(unittest.TestCase):
    def run_on_harness(self, *options):
        with harness(*options) as h:
            run_table(self, Target(
                h.address, lambda: h.counts()["seen"], True,
                {gate_cases.FRAME, gate_cases.GATE}, False),
                gate_cases.Writer())

    def test_direct(self):
        self.run_on_harness("direct=1")

    def test_through_libevent(self):
        self.run_on_harness("direct=0")


def run_on_target(args):
    host, port = args.target.rsplit(":", 1)

    def seen():
        if not args.seen:
            return 0
        with urllib.request.urlopen(args.seen, timeout=WAIT_S) as r:
            return json.load(r)[args.seen_key]

    class TestTarget(unittest.TestCase):
        def test_table(self):
            run_table(self, Target(
                (host.strip("[]"), int(port)), seen, False,
                {gate_cases.FRAME, gate_cases.GATE, gate_cases.TARGET},
                True),
                gate_cases.Writer(args.path, args.field))

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestTarget)
    return unittest.TextTestRunner().run(suite).wasSuccessful()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--target")
    p.add_argument("--path", default="/contacts/gate")
    p.add_argument("--field", action="append", default=[])
    p.add_argument("--seen")
    p.add_argument("--seen-key", default="total")
    args, rest = p.parse_known_args()
    if args.target:
        sys.exit(0 if run_on_target(args) else 1)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
