#!/usr/bin/env python3
"""SIGHUP: the configuration is loaded again, all of it or nothing.

GHLMIRROR_RELOADS sets how often the load test reloads.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time

from reloading import Reloading
from rig import (PROGRAM, Rig, Session, Storm, WAIT_S, directory, equal,
                 run, test, true, wait_for)

RELOADS = int(os.environ.get('GHLMIRROR_RELOADS', '20'))


# ---- under load ----

ROUTE = '[route contact]\nmatch = contacts.get-contact\n'
GOOD = (
    'settling = 1s\nstale_wait = 2s\n' + ROUTE + 'ttl = 5m\n',
    'hosts = localhost, 127.0.0.1\nforward_headers = X-One, X-Two\n' + ROUTE +
    'ttl = 1s\nstale_while_revalidate = 1m\n',
    'user_agent = another/1\nconnect_timeout = 2s\nupstream_timeout = 50s\n',
    'public_url = https://mirror.example\nkeep_stale = 1d\n'
    '[route all]\nmatch = cache\nttl = 0\n',
)
BAD = (
    ('settling = 1s\nno_such_key = 1\n', ':2: unknown key'),
    ('stale_wait = soon\n', ':1: stale_wait: '),
    ('[route x]\nttl = 1s\nmatch = no.such-operation\n', ':1: [route x] '),
    ('hosts = a\n\nnot a line\n', ':3: is neither'),
)


class Load:
    """Clients that read, read past the store, and write, until told to
    stop. Every answer must be a good one."""

    def __init__(self, rig, clients):
        self.rig = rig
        self.target = '/contacts/' + rig.contact()
        self.is_over = threading.Event()
        self.faults = []
        self.answers = 0
        self.threads = [threading.Thread(target=self._client, args=(n,))
                        for n in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def _calls(self):
        yield 'GET', self.target, None, {}
        yield 'GET', self.target, None, {'X-One': 'a', 'X-Two': 'b'}
        yield 'GET', '/contacts/?locationId=' + self.rig.location, None, {}
        yield 'GET', self.target, None, {'Cache-Control': 'no-cache'}
        yield 'PUT', self.target, {'firstName': 'A'}, {
            'Content-Type': 'application/json'}

    def _client(self, number):
        session = Session(self.rig.address, self.rig.headers())
        try:
            while not self.is_over.is_set():
                for call in list(self._calls())[number % 2:]:
                    answer = session.call(*call)
                    self.answers += 1
                    if answer.status != 200:
                        self.faults.append((call, answer.status, answer.body))
        except Exception as failure:
            self.faults.append(repr(failure))
        session.close()


@test
def under_load():
    """Good and bad files in turn; no request notices."""
    with Reloading(options=['--threads', '3']) as rig:
        with Load(rig, 6) as load:
            for n in range(RELOADS):
                before = load.answers
                if n % 2 == 0:
                    rig.take(GOOD[n // 2 % len(GOOD)])
                else:
                    bad, why = BAD[n // 2 % len(BAD)]
                    rig.refuse(bad, rig.path + why)
                wait_for(lambda: load.answers > before + 20 or load.faults,
                         'answers')
        equal(load.faults, [])
        print('# %d reloads, %d answers' % (RELOADS, load.answers))
        equal(len(rig.outcomes()), RELOADS)


@test
def many_hangups_at_once():
    """None is forgotten: the last file is the one in force."""
    with Reloading() as rig:
        for n in range(200):
            rig.write('public_url = http://n%d.example\n' % n)
            rig.hangup()
        wait_for(lambda: public_url(rig) == 'http://n199.example',
                 'the last one')


def public_url(rig):
    answer = rig.get('/contacts/?limit=1&locationId=' + rig.location)
    return answer.json()['meta']['nextPageUrl'].partition('/contacts')[0]


# ---- all or nothing ----

@test
def a_bad_file_changes_nothing():
    with Reloading('public_url = http://old.example\n') as rig:
        for bad, why in BAD:
            rig.refuse('public_url = http://new.example\n' + bad,
                       rig.path + ':')
            told = rig.told()
            equal((told['lastReload']['ok'], told['file']),
                  (False, rig.path))
            true(rig.path in told['lastReload']['reason'], told)
            equal(public_url(rig), 'http://old.example')
        rig.take('public_url = http://new.example\n')
        equal(public_url(rig), 'http://new.example')
        told = rig.told()
        equal((told['lastReload']['ok'], told['lastReload'].get('reason'),
               told['loadedAt'], told['needsRestart']),
              (True, None, told['lastReload']['at'], []))


@test
def a_file_that_is_not_there():
    with Reloading('public_url = http://old.example\n') as rig:
        os.unlink(rig.path)
        rig.refuse(None, rig.path, 'No such file')
        os.mkdir(rig.path)
        rig.refuse(None, rig.path, 'is not a file')
        os.rmdir(rig.path)
        os.mkfifo(rig.path)
        rig.refuse(None, rig.path, 'is not a file')
        os.unlink(rig.path)
        equal(public_url(rig), 'http://old.example')


@test
def without_a_file():
    """Flags alone are as they were."""
    with Rig(options=['--public-url', 'http://flag.example']) as rig:
        rig.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'event=reloaded' in rig.daemon.log(), 'the reload')
        equal(public_url(rig), 'http://flag.example')
        equal(rig.daemon.status()['config']['file'], '')


@test
def flags_go_before_the_file():
    with Reloading(options=['--public-url', 'http://flag.example']) as rig:
        rig.take('public_url = http://file.example\n')
        equal(public_url(rig), 'http://flag.example')


@test
def what_needs_a_restart_is_said():
    with Reloading('threads = 2\n') as rig:
        outcome = rig.take('threads = 3\nmax_target = 1KiB\nsettling = 1s\n')
        true(outcome.endswith('needs_restart="threads, max_target"'), outcome)
        equal(rig.told()['needsRestart'], ['threads', 'max_target'])
        equal(rig.daemon.status()['threads'], 2)
        outcome = rig.take('threads = 2\n')
        true('needs_restart' not in outcome, outcome)
        equal(rig.told()['needsRestart'], [])


# ---- at the start and at the end ----

@test
def while_it_starts():
    """It neither dies nor forgets."""
    with directory() as place, open(place + '/log', 'w+b') as log:
        for _ in range(5):
            process = subprocess.Popen(
                [PROGRAM, 'serve', '--listen', '127.0.0.1:0', '--state',
                 place + '/state', '--upstream', 'http://127.0.0.1:9'],
                stdout=subprocess.PIPE, stderr=log)
            wait_for(lambda: holds_hangup(process.pid), 'its first steps')
            while not os.path.exists(place + '/state/control.sock'):
                process.send_signal(signal.SIGHUP)
                true(process.poll() is None, 'it died: %s' %
                     process.returncode)
            true(process.stdout.readline().startswith(b'ready '), 'no line')
            process.send_signal(signal.SIGTERM)
            equal(process.wait(WAIT_S), 0)
            process.stdout.close()
        log.seek(0)
        true(b'event=reloaded' in log.read(), 'a signal was lost')


def holds_hangup(pid):
    """The process ignores, blocks or handles SIGHUP."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        masks = re.findall(r'^Sig(?:Blk|Ign|Cgt):\s*(\w+)$', f.read(), re.M)
    return any(int(mask, 16) & 1 << signal.SIGHUP - 1 for mask in masks)


@test
def while_it_drains():
    with Reloading('drain = 20s\n') as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('latency', ms=1000)
        with Storm(rig.address, [rig.message('GET', target)]) as storm:
            storm.send()
            wait_for(lambda: rig.asked() == 1, 'the request')
            rig.hangup()
            rig.daemon.ask_to_stop()
            wait_for(lambda: 'event=draining' in rig.daemon.log(), 'the word')
            rig.refuse('drain = 0\n', 'stopping')
            equal(storm.answers()[0].status, 200)
        while rig.daemon.process.poll() is None:
            rig.hangup()
            time.sleep(0.001)
        rig.daemon.wait()


sys.exit(run())
