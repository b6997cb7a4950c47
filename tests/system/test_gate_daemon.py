#!/usr/bin/env python3
"""The gate table against the whole daemon: what test_gate.py demands of the
front, and that of a refused message and of what follows it on its connection
nothing reaches the upstream."""

import json
import sys
import unittest
import urllib.request

import gate_cases
from rig import WAIT_S, Client, Rig
from test_gate import Target, run_table

ALL_LAYERS = {gate_cases.FRAME, gate_cases.GATE, gate_cases.TARGET}


class Upstream:
    """What the upstream saw, counted at its own place."""

    def __init__(self, rig):
        self.url = rig.sandbox.url + '/__sandbox/ledger?brief'

    def requests(self):
        with urllib.request.urlopen(self.url, timeout=WAIT_S) as response:
            ledger = json.load(response)
        # The daemon itself must never send what a server has to refuse.
        assert ledger['refused_messages'] == 0, ledger
        return ledger['total']


def writer(rig):
    return gate_cases.Writer('/contacts/' + rig.contact(), [
        '%s: %s' % pair for pair in rig.headers().items()
        if pair[0] != 'Accept'])


class TestDaemonTable(unittest.TestCase):
    def run_on_daemon(self, *options):
        with Rig(options=options) as rig:
            run_table(self, Target(rig.address, Upstream(rig).requests,
                                   False, ALL_LAYERS, True), writer(rig))

    def test_direct(self):
        self.run_on_daemon()

    def test_through_libevent(self):
        self.run_on_daemon('--direct-write', 'no')


class TestHosts(unittest.TestCase):
    def test_other_hosts_are_misdirected(self):
        with Rig(options=['--hosts', 'proxy.example']) as rig:
            rig.forget()
            for host, status in (('proxy.example', 200),
                                 ('Proxy.Example:80', 200),
                                 ('other.example', 421),
                                 ('proxy.example.evil', 421)):
                with self.subTest(host=host), Client(rig.address) as c:
                    c.send(b'GET /-/health HTTP/1.1\r\nHost: %s\r\n\r\n' %
                           host.encode())
                    answer = c.response()
                    self.assertEqual(answer.status, status)
                    if status == 421:
                        self.assertEqual(answer.json()['statusCode'], 421)


if __name__ == '__main__':
    sys.exit(0 if unittest.main(exit=False, verbosity=2).result.wasSuccessful() else 1)
