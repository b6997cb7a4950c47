#!/usr/bin/env python3
"""Killed, or cut from the power, under a mixed load: what is served next.

GHLMIRROR_KILL_ROUNDS (4), GHLMIRROR_POWER_ROUNDS (4), GHLMIRROR_SEED (1).
"""

import contextlib
import json
import os
import random
import shutil
import sys
import threading
import time

import powerloss
from front_rig import Closed
from rig import (WAIT_S, Rig, Session, Skip, equal, is_sanitized, run, test,
                 true, wait_for)

KILL_ROUNDS = int(os.environ.get('GHLMIRROR_KILL_ROUNDS', '4'))
POWER_ROUNDS = int(os.environ.get('GHLMIRROR_POWER_ROUNDS', '4'))
SEED = int(os.environ.get('GHLMIRROR_SEED', '1'))
SHIM = os.path.join(os.path.abspath(os.environ.get('top_builddir', '.')),
                    'tests/shim/disk.so')
START_S = 1
CONFIG = '[route contacts]\nmatch = contacts.get-contact\nttl = 1h\n'


def value_of(answer, contact):
    """The number in an answer, which must be that contact, whole."""
    equal(answer.status, 200)
    found = answer.json()['contact']
    equal(found['id'], contact)
    name = found['firstName']
    return int(name[1:]) if name[:1] == 'N' and name[1:].isdigit() else 0


class Load:
    """Writes that count up, reads, and purges, until the daemon is gone."""

    def __init__(self, rig):
        self.rig = rig
        listed = rig.direct('GET', '/contacts/?limit=40&locationId=' +
                            rig.location)[2]['contacts']
        ids = [c['id'] for c in listed]
        self.calm, self.written = ids[:20], ids[20:28]
        # What the last write that was answered has left.
        self.known = dict.fromkeys(self.written, 0)
        self.number = 0
        self.done = {'reads': 0, 'writes': 0, 'purges': 0}
        self.failure = None

    def _session(self):
        return Session(self.rig.address, self.rig.headers())

    def _write(self, session, rng):
        contact = rng.choice(self.written)
        self.number += 1
        number = self.number
        answer = session.call(
            'PUT', '/contacts/' + contact,
            json.dumps({'firstName': 'N%d' % number}).encode(),
            {'Content-Type': 'application/json'})
        equal(answer.status, 200)
        self.known[contact] = number
        self.done['writes'] += 1

    def _read(self, session, rng):
        contact = rng.choice(self.written + self.calm[:4])
        known = self.known.get(contact, 0)
        got = value_of(session.call('GET', '/contacts/' + contact), contact)
        true(got >= known, 'an answer from before a write')
        self.done['reads'] += 1

    def _purge(self, _, rng):
        done = self.rig.daemon.cli(
            'purge', '--path', '/contacts/' + rng.choice(self.written))
        self.done['purges'] += done.returncode == 0

    def _repeat(self, work, seed):
        rng = random.Random(seed)
        session = self._session()
        try:
            while not self.is_over:
                work(session, rng)
        except (OSError, Closed):
            pass    # killed
        except Exception as e:      # pylint: disable=broad-except
            self.failure = e
        finally:
            session.close()

    def run_until_killed(self, seed, for_s):
        self.is_over = False
        works = [self._write, self._read, self._read, self._purge]
        threads = [threading.Thread(target=self._repeat, args=(w, seed + i))
                   for i, w in enumerate(works)]
        for t in threads:
            t.start()
        # What ends the load is the kill; the time only says how much of it.
        threads[0].join(for_s)
        self.rig.daemon.kill()
        self.is_over = True
        for t in threads:
            t.join(WAIT_S)
        if self.failure:
            raise self.failure

    def read_all(self):
        """Every contact: (answer, number in it)."""
        session = self._session()
        with contextlib.closing(session):
            got = {}
            for contact in self.calm + self.written:
                answer = session.call('GET', '/contacts/' + contact)
                got[contact] = answer, value_of(answer, contact)
        return got

    def warm(self):
        self.read_all()
        wait_for(lambda: all(self.read_all()[c][0].is_hit for c in self.calm),
                 'hits')


def start(rig):
    """Starts the daemon again; returns how long that took."""
    rig.hang_up()
    begin = time.monotonic()
    rig.start()
    return time.monotonic() - begin


def tell(what, load, starts, hits):
    starts.sort()
    print('# %s: %d rounds, %s; start median %.0f ms, max %.0f ms; %d entries '
          'survived' % (what, len(starts),
                        ', '.join('%d %s' % (n, k)
                                  for k, n in load.done.items()),
                        1000 * starts[len(starts) // 2], 1000 * starts[-1],
                        hits))
    if not is_sanitized():
        true(starts[len(starts) // 2] < START_S, 'slow to start')


@test
def killed():
    """Same boot: what was stored is served, what was moved is dead."""
    rng = random.Random(SEED)
    with Rig(config=CONFIG) as rig:
        load = Load(rig)
        load.warm()
        starts, hits = [], 0
        for i in range(KILL_ROUNDS):
            load.run_until_killed(SEED + 10 * i, rng.uniform(0.1, 0.5))
            starts.append(start(rig))
            got = load.read_all()
            for contact, known in load.known.items():
                true(got[contact][1] >= known, 'an answer from before a write')
            equal([c for c in load.calm if not got[c][0].is_hit], [])
            hits += sum(a.is_hit for a, _ in got.values())
            true('store-' not in rig.daemon.log(), 'trouble with the store')
        equal(rig.daemon.status()['vault']['state'], 'open')
        tell('kill -9', load, starts, hits)


def shim(place):
    if is_sanitized():
        raise Skip('a sanitizer must be loaded before anything else')
    if not os.path.exists(SHIM):
        raise Skip(SHIM + ' is not built')
    return {'LD_PRELOAD': SHIM, 'SHIM_STATE': place + '/state',
            'SHIM_BOOT_ID': place + '/boot'}


def boot(place, number):
    """The kernel's name for a boot."""
    with open(place + '/boot', 'w', encoding='ascii') as f:
        f.write('00000000-0000-0000-0000-%012d\n' % number)


@contextlib.contextmanager
def shimmed_rig():
    """A rig whose daemon runs on the disk that can be pulled."""
    rig = Rig(config=CONFIG)
    with rig:
        place = os.path.dirname(rig.state)
        rig.env = shim(place)
        boot(place, 0)
        rig.restart()
        yield rig, place


def expect_doubt(got):
    """Nothing from before is fresh, though the upstream is there."""
    for contact, (answer, _) in got.items():
        true(not answer.is_hit, 'fresh after a power loss: %s' % contact)


@test
def another_boot():
    """Killed and then started under another boot: nothing is taken for
    fresh. After an orderly end everything is."""
    with shimmed_rig() as (rig, place):
        load = Load(rig)
        load.warm()
        boot(place, 1)
        rig.restart()
        got = load.read_all()
        equal([c for c in load.calm if not got[c][0].is_hit], [])
        boot(place, 2)
        rig.restart(is_killed=True)
        true('event=store-suspect' in rig.daemon.log(), 'not said')
        rig.daemon.cli('offline', 'on')
        for answer, _ in load.read_all().values():
            equal((answer.is_hit, answer.detail),
                  (True, 'unconfirmed-write'))
        rig.daemon.cli('offline', 'auto')
        expect_doubt(load.read_all())


@test
def cut_from_the_power():
    """Of what no sync had covered, any part may be missing."""
    rng = random.Random(SEED)
    with shimmed_rig() as (rig, place):
        load = Load(rig)
        load.warm()
        rig.daemon.stop()
        before, journal = place + '/before', place + '/journal'
        rig.env['SHIM_JOURNAL'] = journal
        starts, hits, unsure = [], 0, 0
        for i in range(POWER_ROUNDS):
            shutil.rmtree(before, ignore_errors=True)
            shutil.copytree(rig.state, before, ignore=lambda _, names: [
                n for n in names if n.endswith('.sock')])
            with contextlib.suppress(FileNotFoundError):
                os.unlink(journal)
            rig.hang_up()
            rig.start()
            load.warm()
            load.run_until_killed(SEED + 10 * i, rng.uniform(0.05, 0.3))
            unsure += powerloss.lose_power(before, journal, rig.state,
                                           SEED + i)
            os.unlink(journal)
            boot(place, i + 1)
            starts.append(start(rig))
            rig.daemon.cli('offline', 'on')
            hits += survivors(load, rig)
            rig.daemon.cli('offline', 'auto')
            got = load.read_all()
            expect_doubt(got)
            for contact, known in load.known.items():
                true(got[contact][1] >= known, 'an answer from before a write')
            equal(rig.daemon.status()['vault']['state'], 'open')
            true('store-renewed' not in rig.daemon.log(), 'damaged')
            rig.daemon.kill()
        print('# %d writes to the disk were not sure' % unsure)
        true(hits > 0, 'nothing survived')
        rig.start()
        tell('power loss', load, starts, hits)


def survivors(load, rig):
    """How many are there offline: whole, and marked as doubtful."""
    hits = 0
    session = Session(rig.address, rig.headers())
    for contact in load.calm + load.written:
        answer = session.call('GET', '/contacts/' + contact)
        if answer.status == 503:
            continue
        value_of(answer, contact)
        equal((answer.is_hit, answer.detail), (True, 'unconfirmed-write'))
        hits += 1
    session.close()
    return hits


if __name__ == '__main__':
    sys.exit(run())
