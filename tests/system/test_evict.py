#!/usr/bin/env python3
"""A store that is too small for what is asked of it.

GHLMIRROR_EVICT_MIB (16): cache_max; GHLMIRROR_EVICT_TURNS (3): how many times
that much comes in.
"""

import contextlib
import json
import os
import subprocess
import sys

import evict_load
from rig import (Daemon, Session, Skip, directory, equal, is_sanitized, run, test,
                 true, wait_for)

CACHE_MIB = int(os.environ.get('GHLMIRROR_EVICT_MIB', '16'))
TURNS = int(os.environ.get('GHLMIRROR_EVICT_TURNS', '3'))
HOT = 200
# A turn of a small store takes a second and not a tenth of one: the hot set
# has to be read now and then to be hot.
BYTES_PER_S = 16 << 20
STALL_MS = 50
# A machine that is busy with other things stalls by itself now and then.
ROUNDS = 4
# Beyond cache_max: for movements, and for what is too fragmented.
RESERVE_MIB = max(32, CACHE_MIB // 16)
CONFIG = '[route contacts]\nmatch = contacts.get-contact\nttl = 1h\n'


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, '-B', evict_load.__file__, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def result(process):
    out, _ = process.communicate('', timeout=3600)
    equal(process.returncode, 0)
    return json.loads(out)


class Load:
    """An origin that has everything, a daemon, and a hot set in it."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.origin = start('origin')
            stack.callback(self._stop_origin)
            url = 'http://127.0.0.1:' + self.origin.stdout.readline().strip()
            self.state = stack.enter_context(directory()) + '/state'
            self.daemon = Daemon(
                url, self.state, '--cache-max', '%dMiB' % CACHE_MIB,
                '--log-requests', 'no', config=CONFIG)
            self.stack = stack.pop_all()
        self.asked = 0
        self.bytes_per_s = BYTES_PER_S
        return self

    def __exit__(self, kind, failure, trace):
        try:
            self.daemon.end_after(failure)
        finally:
            self.stack.close()

    def _stop_origin(self):
        self.origin.kill()
        self.origin.communicate()

    def flood(self, mib):
        """That much of what nobody asked for before, and meanwhile the hot
        set is read: what became of those reads."""
        hot = start('hot', *self.daemon.address, HOT)
        try:
            self.asked += result(start('cold', *self.daemon.address,
                                       self.asked, mib << 20,
                                       self.bytes_per_s))
        finally:
            got = result(hot)
        return got

    def read_hot_set(self):
        """The share of hits in a reading of all of it."""
        session = Session(self.daemon.address,
                          {'Authorization': 'Bearer t',
                           'Version': '2021-07-28'})
        answers = [session.call('GET', '/contacts/' + evict_load.contact_id(
            'hot', n)) for n in range(HOT)]
        session.close()
        true(all(a.status == 200 for a in answers), 'not all were answered')
        return sum(a.is_hit for a in answers) / HOT

    def store(self):
        return self.daemon.status()['store']


def told(what, got):
    print('# %s: %d reads, %.2f %% hits, p50 %.2f ms, p99 %.2f ms, '
          'max %.2f ms' % (what, got['reads'],
                           100 * got['hits'] / got['reads'], got['p50'],
                           got['p99'], got['max']))


@test
def three_times_too_much():
    with Load() as load:
        equal(load.read_hot_set(), 0)
        load.daemon.settle()
        equal(load.read_hot_set(), 1)
        told('half full', load.flood(CACHE_MIB // 2))
        equal(load.store()['evicted'], 0)
        stalls = []
        for _ in range(ROUNDS):
            got = load.flood(CACHE_MIB * TURNS)
            told('evicting', got)
            if got['reads'] < 3 * HOT * TURNS:
                # A busy machine: nothing was hot. Slower, and once more.
                load.bytes_per_s //= 4
                load.read_hot_set()
                continue
            true(got['hits'] > 0.97 * got['reads'], 'the hot set went')
            stalls.append(got['max'])
            if got['max'] < STALL_MS:
                break
        if not stalls:
            raise Skip('the machine is too busy')
        share = load.read_hot_set()
        store = load.store()
        size = os.path.getsize(load.state + '/cache/data.mdb')
        counters = load.daemon.status()['counters']
        print('# hot set after: %.1f %% hits; %d new answers, %d evicted, '
              '%d found no room; %.1f of %d MiB in use, file %.1f MiB' % (
                  100 * share, load.asked, store['evicted'],
                  counters['store_full'], store['usedBytes'] / 2**20,
                  CACHE_MIB, size / 2**20))
        true(share > 0.97, 'the hot set went')
        true(store['evicted'] > 0, 'nothing was evicted')
        true(store['usedBytes'] <= CACHE_MIB << 20, 'too much in use')
        true(size <= CACHE_MIB + RESERVE_MIB << 20, 'the file grew')
        true(counters['store_full'] < load.asked / 10, 'inserts stopped')
        if not is_sanitized():
            true(min(stalls) < STALL_MS, 'hits stalled: %s ms' % stalls)


@test
def pressure_ends_with_the_load():
    """What is left is under 80 %, and everything new is stored."""
    with Load() as load:
        load.flood(CACHE_MIB)
        wait_for(lambda: load.store()['usedBytes'] <= 0.8 * (CACHE_MIB << 20),
                 'the end of eviction')
        equal((load.store()['state'], load.store()['storing']),
              ('serving', True))


if __name__ == '__main__':
    sys.exit(run())
