#!/usr/bin/env python3
"""No descriptors are left: who is connected is served, the others wait, and
nothing has to be restarted."""

import contextlib
import os
import resource
import sys
import time

from rig import (PROGRAM, Client, Rig, equal, is_sanitized, message, run,
                 test, true, wait_for)

SPARE = 6


def open_files(rig):
    return len(os.listdir('/proc/%d/fd' % rig.daemon.process.pid))


class Exhausted:
    """Takes what descriptors the daemon has left; `limit` gives it more."""

    def __init__(self, rig):
        self.rig = rig
        self.clients = []

    def limit(self, n):
        pid = self.rig.daemon.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (n, hard))

    def __enter__(self):
        self.limit(open_files(self.rig) + SPARE)
        self.clients = [Client(self.rig.address) for _ in range(3 * SPARE)]
        wait_for(lambda: 'event=accept-paused' in self.rig.daemon.log(),
                 'the pause')
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.sock.close()


def cpu_s(rig):
    with open('/proc/%d/stat' % rig.daemon.process.pid,
              encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return sum(map(int, fields[11:13])) / 100


@test
def hits_and_status_while_exhausted():
    with Rig(options=['--threads', '2']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.status()
        with Exhausted(rig):
            cpu, start = cpu_s(rig), time.monotonic()
            hits = 0
            while time.monotonic() - start < 1.5:
                true(rig.get(target).is_hit, 'no hit')
                hits += 1
                time.sleep(0.005)
            took = time.monotonic() - start
            lines = rig.daemon.log().count('accept-paused')
            true(hits > 50, hits)
            true(lines <= 2, '%d lines, of two threads' % lines)
            true(is_sanitized() or cpu_s(rig) - cpu < 0.5 * took, 'it spins')
            for _ in range(3):
                true(rig.daemon.counter('accept_paused') > 0, 'status')
            true('stopped accepting' in rig.daemon.cli('status').stdout,
                 'status')
        with contextlib.closing(Client(rig.address).sock) as sock:
            sock.sendall(message('GET', target, None, rig.headers()))
            true(sock.recv(1000).startswith(b'HTTP/1.1 200'), 'a new client')


@test
def no_socket_for_the_upstream():
    """Stored answers are served, the rest is told why; then it goes on."""
    config = '[route one]\nmatch = contacts.get-contact\nttl = 1s\n'
    with Rig(config=config) as rig:
        listed = rig.get('/contacts/?limit=50&locationId=' + rig.location)
        ids = [c['id'] for c in listed.json()['contacts']]
        rig.daemon.settle()
        stored = '/contacts/' + ids[0]
        rig.warm(stored)
        start = time.monotonic()
        wait_for(lambda: time.monotonic() - start > 1.05, 'the TTL')
        rig.restart()	# no connection to the upstream is left
        rig.get('/-/health')
        errors = rig.daemon.counter('upstream_errors')
        with Exhausted(rig):
            got = rig.get('/contacts/' + ids[1])
            equal((got.status, got.detail), (503, 'local'))
            true('descriptors' in got.json()['message'], got.body)
            true(int(got.field('retry-after')) > 0, got.head)
            got = rig.get(stored)
            equal((got.status, got.is_hit, got.detail),
                  (200, True, 'local'))
        wait_for(lambda: rig.get('/contacts/' + ids[1]).status == 200,
                 'the upstream')
        true(rig.daemon.counter('upstream_errors') >= errors + 2, 'counted')
        wait_for(lambda: rig.get(stored).detail is None, 'a fresh answer')
        equal(rig.daemon.status()['upstream']['state'], 'reachable')


@test
def a_low_limit_at_the_start():
    """Idle clients make room then, and nobody waits for a descriptor."""
    limited = ['prlimit', '--nofile=180:180', PROGRAM]
    with Rig(options=['--threads', '1'], program=limited) as rig:
        clients = []
        for _ in range(100):
            clients.append(Client(rig.address))
            clients[-1].send(b'GET /-/health HTTP/1.1\r\nHost: a\r\n\r\n')
            equal(clients[-1].response().status, 200)
        true(rig.daemon.counter('connections_shed') > 40, 'none made room')
        equal(rig.daemon.counter('accept_paused'), 0)
        wait_for(lambda: 'event=connections-limited' in rig.daemon.log(),
                 'the log')
        for client in clients:
            client.sock.close()


if __name__ == '__main__':
    sys.exit(run())
