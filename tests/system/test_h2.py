#!/usr/bin/env python3
"""An upstream over TLS: HTTP/2 by nghttpx and by a scripted one, HTTP/1.1,
and certificates that must be refused.

The core of the other system tests is run once more with nghttpx before the
sandbox: some of it always, all of it with GHLMIRROR_LONG_TESTS set. Left out
are tests of faults that nghttpx answers itself with 502.
"""
import contextlib
import importlib
import json
import os
import subprocess
import sys
import time

import sandbox_tap
from rig import (Daemon, Rig, Session, Skip, Storm, directory, equal, run,
                 test, true, wait_for)
from tls_rig import Authority, Nghttpx, need

HERE = os.path.dirname(os.path.abspath(__file__))
FAULTS = {'a_broken_answer_is_shared', 'never_operations_are_sent_once',
          'failures_with_an_answer', 'an_unknown_outcome',
          'an_unconfirmed_write_in_an_outage',
          'a_slow_upstream_after_an_unknown_outcome',
          'each_write_is_sent_once'}
ALWAYS = {'test_cache': {'miss_then_hit', 'reads_equal_the_upstreams',
                         'pages_lead_through_the_proxy'},
          'test_coalesce': {'the_leader_leaves', 'writes_are_never_shared',
                            'never_operations_are_never_shared'},
          'test_offline': {'nothing_else_while_refused'},
          'test_parity': {'sixteen_operations_with_default_settings',
                          'conversations'},
          'test_write_outcomes': {'refused_and_unsent_writes_move_nothing'},
          'test_writes': {'every_write_shows_in_every_read',
                          'never_older_than_the_last_acknowledged_write'}}


# ---- the core suite ----

def over_h2(function):
    def wrapped():
        # As GHL offers them: streams ask for HTTP/1.1.
        Rig.upstream_protocols = 'h2,http/1.1'
        try:
            function()
        finally:
            Rig.upstream_protocols = None

    wrapped.__name__ = function.__name__ + ' over HTTP/2'
    return wrapped


def import_core():
    """Registers the tests of the other modules, over HTTP/2."""
    is_long = 'GHLMIRROR_LONG_TESTS' in os.environ
    for module, always in ALWAYS.items():
        before = len(sandbox_tap.TESTS)
        importlib.import_module(module)
        found = sandbox_tap.TESTS[before:]
        del sandbox_tap.TESTS[before:]
        equal(always - {f.__name__ for f in found}, set())
        sandbox_tap.TESTS.extend(
            over_h2(f) for f in found if f.__name__ not in FAULTS and
            (is_long or f.__name__ in always))


class TlsRig(Rig):
    upstream_protocols = 'h2'


def equal_protocols(rig, protocol, most_connections):
    """What nghttpx saw, but for its own start."""
    rows = rig.tls.requests()
    equal({row[1] for row in rows}, {protocol})
    connections = len({row[0] for row in rows})
    true(connections <= most_connections, '%d connections for %d requests'
         % (connections, len(rows)))
    return len(rows)


@test
def one_connection_carries_many():
    with TlsRig() as rig:
        listed = rig.get('/contacts/?limit=50&locationId=' + rig.location)
        targets = ['/contacts/' + c['id'] for c in listed.json()['contacts']]
        with Storm(rig.address, [rig.message('GET', t)
                                 for t in targets]) as storm:
            storm.send()
            equal({a.status for a in storm.answers()}, {200})
        wait_for(lambda: len(rig.tls.requests()) == 51, 'the access log')
        equal(equal_protocols(rig, 'h2', 1), 51)


@test
def http_1_1_over_tls():
    with TlsRig() as rig:
        pass
    rig = TlsRig()
    rig.upstream_protocols = 'http/1.1'
    with rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        equal(rig.call('PUT', target, {'firstName': 'Ada'}).status, 200)
        equal(rig.get(target).json()['contact']['firstName'], 'Ada')
        wait_for(lambda: len(rig.tls.requests()) >= 2, 'the access log')
        equal_protocols(rig, 'http/1.1', 4)


# ---- streams that go wrong ----

class Scripted:
    """The daemon before badh2.py."""

    def __init__(self, script, *options):
        self.script, self.options = script, options
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack as stack:
            folder = stack.enter_context(directory())
            authority = Authority(folder)
            good = authority.issue('good')
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(HERE, 'badh2.py'), '--cert',
                 good.path, '--key', good.key, '--script', self.script,
                 *self.options], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True)
            stack.callback(self.process.stdout.close)
            stack.callback(self.process.kill)
            url = json.loads(self.process.stdout.readline())['url']
            self.daemon = Daemon(url, os.path.join(folder, 'state'),
                                 '--upstream-ca', authority.path,
                                 '--upstream-timeout', '5s')
            stack.push(lambda kind, failure, trace:
                       self.daemon.end_after(failure))
            self.session = Session(self.daemon.address, {
                'Authorization': 'Bearer pit-x', 'Version': '2021-07-28'})
            stack.callback(self.session.close)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *failure):
        return self.stack.__exit__(*failure)

    def read(self, number=0):
        return self.session.call('GET', '/contacts/%020d' % number)

    def write(self):
        return self.session.call(
            'POST', '/contacts/%020d/notes' % 0, b'{"body": "x"}',
            {'Content-Type': 'application/json'})

    def arrived(self):
        """What reached the upstream; ends it."""
        self.process.stdin.close()
        return [json.loads(line) for line in self.process.stdout]


def check_one(script, call, status, arrivals):
    with Scripted(script) as rig:
        answer = getattr(rig, call)()
        equal((script, call, answer.status), (script, call, status))
        if status != 200:
            true(answer.json()['message'], answer.body)
        unknown = rig.daemon.counter('writes_unknown')
        equal((script, call, len(rig.arrived())), (script, call, arrivals))
        equal((script, call, unknown),
              (script, call, int(call == 'write' and status >= 502 and
                                 status != 503)))


@test
def reads_recover_where_that_is_safe():
    """The stream was refused, or never belonged to the connection."""
    for script in ('refuse,ok', 'away-below,ok', 'away-graceful'):
        check_one(script, 'read', 200, script.count(',') + 1)


@test
def a_cut_read_is_told():
    for script in 'cut', 'cancel', 'cut-no-length', 'cut-close':
        check_one(script, 'read', 502, 1)
    check_one('reset', 'read', 504, 1)


@test
def writes_are_executed_once():
    """What may have been done is told as unknown, what surely was not as
    unsent."""
    for script, status in (('refuse', 503), ('away-below', 503),
                           ('away-graceful', 200), ('reset', 504),
                           ('cut', 502), ('cancel', 502), ('cut-close', 502),
                           ('close', 504), ('away-processed', 504)):
        check_one(script, 'write', status, 1)


@test
def writes_on_a_used_connection():
    """Here libcurl would send again by itself."""
    for script, status in (('ok,close', 504), ('ok,abort', 504),
                           ('ok,reset', 504), ('ok,away-below', 503),
                           ('ok,away-processed', 504)):
        with Scripted(script) as rig:
            equal(rig.read().status, 200)
            answer = rig.write()
            equal((script, answer.status), (script, status))
            equal(len(rig.arrived()), 2)


@test
def reads_on_a_used_connection():
    for script in 'ok,refuse,ok', 'ok,close,ok', 'ok,abort,ok':
        with Scripted(script) as rig:
            for number in range(2):
                answer = rig.read(number)
                equal((script, number, answer.status), (script, number, 200))
            equal(len(rig.arrived()), 3)


@test
def goaway_below_open_streams():
    """Those that the upstream still answers are answered; the one above its
    last stream goes to a new connection."""
    with Scripted('ok,hold,hold,hold,away-held,ok') as rig:
        equal(rig.read().status, 200)
        messages = [b'GET /contacts/%020d HTTP/1.1\r\nHost: a\r\n'
                    b'Authorization: Bearer pit-x\r\n\r\n' % n
                    for n in range(1, 5)]
        with Storm(rig.daemon.address, messages) as storm:
            storm.send()
            equal([a.status for a in storm.answers()], [200] * 4)
        rows = rig.arrived()
        equal([row['connection'] for row in rows[:-1]], [1] * 5)
        true(rows[-1]['connection'] > 1, rows)


@test
def one_stream_at_a_time():
    """As many connections as upstream_connections allows, one stream each."""
    with Scripted('ok,slow', '--max-streams', '1') as rig:
        equal(rig.read().status, 200)
        messages = [b'GET /contacts/%020d HTTP/1.1\r\nHost: a\r\n'
                    b'Authorization: Bearer pit-x\r\n\r\n' % n
                    for n in range(1, 21)]
        with Storm(rig.daemon.address, messages) as storm:
            storm.send()
            equal({a.status for a in storm.answers()}, {200})
        rows = rig.arrived()
        equal(len(rows), 21)
        true(max(row['connection'] for row in rows) <= 4, rows)


# ---- certificates ----

def check_refused(rig, stored, cause, word):
    """502 that says why, nothing sent; what is stored is served."""
    fresh = '/contacts/%020d' % 1
    answer = rig.get(fresh)
    equal((cause, answer.status, answer.detail), (cause, 502, cause))
    text = answer.json()['message']
    true(word in text and 'nothing was sent' in text, text)
    true('127.0.0.1' not in text and 'SSL' not in text, text)
    answer = rig.call('PUT', stored, {'firstName': 'Never'})
    equal((cause, answer.status), (cause, 502))
    true(word in answer.json()['message'], answer.body)
    answer = rig.get(stored)
    equal((answer.status, answer.is_hit, answer.detail), (200, True, cause))
    equal(rig.daemon.status()['upstream']['reason'], cause)
    for line in 'event=upstream-away reason=', 'source=stale detail=':
        wait_for(lambda: line + cause in rig.daemon.log(), line + cause)


@test
def certificates_that_are_refused():
    config = '[route one]\nmatch = contacts.get-contact\nttl = 1s\n'
    rig = TlsRig(gateway=True, config=config)
    rig.options = ['--stale-wait', '5s']
    with rig, contextlib.ExitStack() as stack:
        folder = stack.enter_context(directory())
        other = Authority(folder, 'other')
        stored = '/contacts/' + rig.contact()
        rig.warm(stored)
        start = time.monotonic()
        wait_for(lambda: time.monotonic() - start > 1.05, 'the TTL')
        rig.forget()
        own = rig.authority
        old = ['--tls-min-proto-version=TLSv1.1', '--tls-max-proto-version='
               'TLSv1.1', '--ciphers=DEFAULT:@SECLEVEL=0',
               '--no-http2-cipher-block-list']
        for certificate, options, cause, word in (
                (own.issue('old', 'IP:127.0.0.1', -3, -1), [],
                 'certificate-expired', 'expired'),
                (own.issue('early', 'IP:127.0.0.1', 1, 3), [],
                 'certificate-not-yet-valid', 'not valid yet'),
                (own.issue('wrong', 'DNS:other.example'), [],
                 'certificate-name', 'another host name'),
                (other.issue('unknown'), [], 'certificate-issuer',
                 'unknown issuer'),
                (other.self_sign('self'), [], 'certificate-issuer',
                 'unknown issuer'),
                (own.issue('tls11'), old, 'tls', 'TLS 1.2')):
            address = rig.sandbox.host, rig.sandbox.port
            with Nghttpx(address, certificate, folder, 'h2,http/1.1',
                         *options) as bad:
                rig.gateway.behind = bad.address
                rig.gateway.drop()
                check_refused(rig, stored, cause, word)
        equal(rig.sandbox.ledger()['total'], 0)
        rig.gateway.behind = rig.tls.address
        wait_for(lambda: rig.get(stored).detail is None, 'the good one')
        equal(rig.daemon.status()['upstream']['state'], 'reachable')
        wait_for(lambda: 'event=upstream-reachable' in rig.daemon.log(),
                 'a line of the log')
        equal(rig.call('PUT', stored, {'firstName': 'Now'}).status, 200)


if __name__ == '__main__':
    try:
        need('nghttpx')
        need('openssl')
    except Skip as skip:
        print('1..0 # SKIP %s' % skip)
        sys.exit(77)
    import_core()
    sys.exit(run())
