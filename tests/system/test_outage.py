#!/usr/bin/env python3
"""Each way in which an upstream fails: what is stored is answered at once from
the second second on, nothing of it is lost, and soon after the end of it the
upstream is asked again."""

import contextlib
import threading
import time

from outage_rig import Outage
from rig import (Session, equal, is_sanitized, json_of, percentile, run, test,
                 true, wait_for)

CLIENTS = 3
# Of an outage: before it must be known, and what is looked at then.
FIRST_S, NEXT_S = 1, 1.5
QUICK_MS = 200 if is_sanitized() else 20
BACK_S = 6 if is_sanitized() else 2


class Load:
    """Clients that read all there is, over and over."""

    def __init__(self, rig):
        self.rig = rig
        self.got = []  # (begun, ms, read, answer)
        self.failures = []
        self.is_over = False
        self.threads = [threading.Thread(target=self.work, args=[n])
                        for n in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()

    def work(self, number):
        session = Session(self.rig.address, self.rig.headers())
        with contextlib.closing(session):
            try:
                while not self.is_over:
                    number += 1
                    self.ask(session, self.rig.reads[
                        number % len(self.rig.reads)])
            except Exception as failure:  # told by check()
                self.failures.append(failure)

    def ask(self, session, read):
        begun = time.monotonic()
        extra = {'Content-Type': 'application/json'} if read[2] else {}
        answer = session.call(*read, extra)
        self.got.append((begun, 1000 * (time.monotonic() - begun), read,
                         answer))

    def check(self, wanted, since, until):
        """All of that time were answered, and quickly."""
        equal(self.failures, [])
        seen = [g for g in self.got if since <= g[0] < until]
        for _, _, read, answer in seen:
            equal((read, answer.status, json_of(answer)),
                  (read, 200, wanted[str(read)]))
        p99 = percentile([ms for _, ms, _, _ in seen], 99)
        print('# %d reads, p99 %.1f ms, worst %.1f ms' % (
            len(seen), p99, max(ms for _, ms, _, _ in seen)))
        true(p99 <= QUICK_MS, 'p99 %.1f ms' % p99)


def until(moment):
    wait_for(lambda: time.monotonic() >= moment, 'the time')


def bodies(rig):
    return {str(read): json_of(rig.call(*read)) for read in rig.reads}


def is_fresh(rig):
    got = rig.get(rig.contact)
    return got.status == 200 and got.detail is None


def outage_case(begin, end, seconds=FIRST_S + NEXT_S, *options):
    with Outage('--upstream-timeout', '30s', '--drain', '1s', *options,
                stale_wait_ms=1000) as rig:
        wanted = bodies(rig)
        rig.expire()
        begin(rig)
        begun = time.monotonic()
        with Load(rig) as load:
            until(begun + seconds)
        end(rig)
        ended = time.monotonic()
        wait_for(lambda: is_fresh(rig), 'a fresh answer')
        back_s = time.monotonic() - ended
        wait_for(lambda: {a.detail for a in rig.storm()} == {None} and
                 not rig.daemon.status()['upstream']['troubled'],
                 'all to be well')
        well_s = time.monotonic() - ended
        print('# back after %.2f s, all well after %.2f s' % (
            back_s, well_s))
        true(back_s <= BACK_S, 'back only after %.1f s' % back_s)
        true(well_s <= 3 * BACK_S, 'all well only after %.1f s' % well_s)
        # half a second for what was asked before it was known
        load.check(wanted, begun + FIRST_S + 0.5, ended)
        equal(bodies(rig), wanted)


def gateway_case(mode, *options):
    outage_case(lambda rig: rig.go(mode), lambda rig: rig.go('open'),
                FIRST_S + NEXT_S, *options)


def fault_case(kind, **more):
    outage_case(lambda rig: rig.fault(kind, **more),
                lambda rig: rig.no_faults())


@test
def refused():
    gateway_case('refuse')


@test
def black_hole():
    gateway_case('hole')


@test
def silent():
    gateway_case('silent')


@test
def resets():
    fault_case('reset_before')


@test
def errors():
    fault_case('status', status=503)


@test
def errors_with_a_page():
    fault_case('status', status=522, html=True)


@test
def a_page_with_200():
    fault_case('html200')


@test
def slow_by_twenty_seconds():
    fault_case('latency', ms=20000, act='last')


@test
def flapping():
    """Away for two seconds, back for two, and so on."""
    over = threading.Event()

    def flap(rig):
        modes = ['refuse', 'open'] * 10
        while not over.wait(0 if len(modes) == 20 else 2):
            rig.go(modes.pop(0))

    def begin(rig):
        begin.thread = threading.Thread(target=flap, args=[rig])
        begin.thread.start()

    def end(rig):
        over.set()
        begin.thread.join()
        rig.go('open')

    outage_case(begin, end, 5)


@test
def one_part_fails_and_the_others_do_not_notice():
    with Outage() as rig:
        rig.fault('status', status=500, path_prefix='/calendars')
        rig.expire()
        calendars = next(t for _, t, _ in rig.reads if '/calendars' in t)
        for _ in range(5):
            equal(rig.get(calendars).detail, 'upstream-5xx')
        troubled = rig.daemon.status()['upstream']['troubled']
        equal([(t['family'], t['reason']) for t in troubled],
              [('calendars', 'upstream-5xx')])
        true('/calendars not well' in rig.daemon.cli('status').stdout,
             'status does not say it')
        rig.expire()
        rig.forget()
        got = rig.get(rig.contact)
        equal((got.detail, rig.asked()), (None, 1))
        # asked seldom, not by each
        for _ in range(20):
            equal(rig.get(calendars).detail, 'upstream-5xx')
        true(rig.asked('calendars.get-calendars') <= 2, 'asked again')
        rig.no_faults()
        wait_for(lambda: rig.get(calendars).detail is None, 'an answer')
        # one is no end yet; the next is asked for when that has expired
        wait_for(lambda: rig.get(calendars).status == 200 and not
                 rig.daemon.status()['upstream']['troubled'], 'its end')


if __name__ == '__main__':
    run()
