#!/usr/bin/env python3
"""The upstream refuses, hangs, fails, is switched off, and comes back."""

import sys
import time

from outage_rig import CONFIG, STALE_WAIT_MS, Outage
from rig import (Rig, equal, is_sanitized, percentile, run, test, true,
                 wait_for)

READS = 10000
# What the daemon may add to the wait. Sanitizers make it many times slower.
MARGIN_MS = 100 if is_sanitized() else 10
QUICK_MS = 100 if is_sanitized() else 10


def check_stale(answer, *details):
    equal((answer.status, answer.is_hit), (200, True))
    true(answer.ttl < 0, answer.cache)
    true(answer.detail in details, answer.cache)


def check_refused(answer, status=503):
    """In GHL's shape, and it says when to come again."""
    equal((answer.status, answer.json()['statusCode']), (status, status))
    true(answer.json()['message'] and answer.json()['error'], answer.body)
    if status == 503:
        true(int(answer.field('retry-after')) > 0, answer.head)


@test
def ten_thousand_reads_while_refused():
    with Outage() as rig:
        rig.go('refuse')
        times = []
        for n in range(READS):
            start = time.monotonic()
            answer = rig.call(*rig.reads[n % len(rig.reads)])
            times.append(1000 * (time.monotonic() - start))
            check_stale(answer, 'connect', 'reset')
        p99 = percentile(times, 99)
        print('# p50 %.2f ms, p99 %.2f ms, worst %.2f ms' % (
            percentile(times, 50), p99, max(times)))
        true(p99 < QUICK_MS, 'p99 %.1f ms' % p99)
        state = rig.daemon.status()['upstream']
        equal((state['state'], state['reason']), ('away', 'connect'))


@test
def nothing_else_while_refused():
    """Unvisited reads, checks before a creation, and writes."""
    with Outage() as rig:
        check = '/contacts/search/duplicate?email=a%%40b.c&locationId=%s' % (
            rig.location)
        equal(rig.get(check).status, 200)
        rig.go('refuse')
        for _ in range(3):
            check_refused(rig.get(rig.unvisited))
            check_refused(rig.get(check))
            check_refused(rig.call('PUT', rig.contact, {'firstName': 'A'}))
            check_refused(rig.get('/marketplace/billing/charges/has-funds'))
        check_refused(rig.get(rig.contact, cache_control='no-cache'))
        equal(rig.sandbox.ledger()['writes_by_operation'], {})


@test
def back_without_a_restart():
    with Outage() as rig:
        for mode in ('refuse', 'silent'):
            rig.go(mode)
            check_stale(rig.get(rig.contact), 'connect', 'reset',
                        'upstream-slow')
            name = 'After ' + mode
            rig.direct('PUT', rig.contact, {'firstName': name})
            rig.go('open')
            wait_for(lambda: rig.get(rig.contact).detail is None,
                     'a fresh answer')
            got = rig.get(rig.contact)
            equal(got.json()['contact']['firstName'], name)
            wait_for(lambda: {a.detail for a in rig.storm()} == {None},
                     'fresh answers of all')
            equal(rig.daemon.status()['upstream']['state'], 'reachable')
            rig.expire()


def check_waits(rig):
    """All wait once; then it is known, and nobody does. The best of three
    rounds counts: a busy machine only adds."""
    answers = rig.storm()
    for answer in answers:
        check_stale(answer, 'upstream-slow')
        true(answer.ms >= STALE_WAIT_MS - 1, '%.1f ms' % answer.ms)
    first = percentile([a.ms for a in answers], 99)
    true(first <= STALE_WAIT_MS + 10 * MARGIN_MS, 'p99 %.1f ms' % first)
    best = None
    for _ in range(3):
        answers = rig.storm()
        for answer in answers:
            check_stale(answer, 'upstream-slow', 'upstream-silent',
                        'connect')
        p99 = percentile([a.ms for a in answers], 99)
        best = p99 if best is None else min(best, p99)
    print('# %d reads at once, p99 %.1f ms, then %.1f ms' % (
        len(rig.reads), first, best))
    true(best <= 3 * MARGIN_MS, 'p99 %.1f ms' % best)


@test
def a_black_hole_that_accepts():
    with Outage() as rig:
        rig.go('silent')
        check_waits(rig)
        check_refused(rig.get('/-/nothing'), 404)


@test
def a_black_hole_that_drops():
    """Nothing comes back from where the upstream was, not even a refusal."""
    with Outage('--connect-timeout', '2s') as rig:
        rig.go('hole')
        check_waits(rig)
        wait_for(lambda: rig.daemon.status()['upstream']['state'] == 'away',
                 'the connect timeout')
        answers = rig.storm()
        for answer in answers:
            true(answer.ms < STALE_WAIT_MS, answer.ms)
            check_stale(answer, 'connect')
        rig.go('open')
        wait_for(lambda: rig.get(rig.contact).detail is None,
                 'a fresh answer')


@test
def a_slow_answer_still_arrives():
    """The flight goes on after the stale answer was given."""
    with Outage() as rig:
        rig.forget()
        rig.direct('PUT', rig.contact, {'firstName': 'New'})
        rig.fault('latency', ms=4 * STALE_WAIT_MS, path_prefix=rig.contact,
                  count=1)
        check_stale(rig.get(rig.contact), 'upstream-slow')
        wait_for(lambda: rig.get(rig.contact).detail is None,
                 'the slow answer')
        equal(rig.get(rig.contact).json()['contact']['firstName'], 'New')


@test
def failures_with_an_answer():
    with Outage(stale_wait_ms=10000) as rig:
        for kind, more, detail in (
                ('status', {'status': 500}, 'upstream-5xx'),
                ('status', {'status': 503, 'html': True}, 'upstream-5xx'),
                ('429', {}, 'upstream-429'),
                ('reset_before', {}, 'reset'),
                ('cut_body', {}, 'partial')):
            rig.fault(kind, **more)
            check_stale(rig.get(rig.contact), detail)
            rig.no_faults()
            # well, or the third in a row would be trouble
            equal(rig.get(rig.unvisited, cache_control='no-cache').status,
                  200)
        rig.fault('status', status=400)
        equal(rig.get(rig.contact).status, 400)


@test
def a_page_in_place_of_a_record():
    """A captive portal's 200 is no reason to hide what is stored."""
    with Outage(stale_wait_ms=10000) as rig:
        rig.fault('html200')
        check_stale(rig.get(rig.contact), 'upstream-not-json')
        got = rig.get(rig.unvisited)
        true(got.status == 200 and got.body.startswith(b'<'), got.body)


@test
def stale_if_error_has_an_end():
    config = CONFIG + '\n[route one]\nmatch = contacts.get-contact\n' \
        'stale_if_error = 2s\n'
    with Rig(config=config, gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.gateway.set_mode('refuse')
        wait_for(lambda: rig.get(target).detail == 'connect', 'staleness')
        wait_for(lambda: rig.get(target).status == 503, 'its end')


def mode_of(rig, *mode):
    done = rig.daemon.cli('offline', *mode)
    equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


@test
def offline_on_off_auto():
    with Outage() as rig:
        equal(mode_of(rig), 'offline auto, upstream reachable\n')
        equal(mode_of(rig, 'on'), 'offline on, upstream away\n')
        rig.forget()
        start = time.monotonic()
        for answer in rig.storm():
            check_stale(answer, 'offline')
        check_refused(rig.get(rig.unvisited))
        check_refused(rig.call('PUT', rig.contact, {'firstName': 'A'}))
        check_refused(rig.get('/marketplace/billing/charges/has-funds'))
        true(time.monotonic() - start < 20, 'waited')
        equal(rig.asked(), 0)
        equal(mode_of(rig, 'off'), 'offline off, upstream reachable\n')
        wait_for(lambda: rig.get(rig.contact).detail is None,
                 'a fresh answer')
        rig.go('refuse')
        check_stale(rig.get(rig.reads[1][1]), 'connect', 'reset')
        equal(mode_of(rig, 'auto'), 'offline auto, upstream away\n')
        rig.go('open')
        wait_for(lambda: rig.get(rig.contact).detail is None,
                 'a fresh answer')


@test
def offline_is_fresh_first():
    """What is still fresh is a plain hit, not a stale one."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        mode_of(rig, 'on')
        got = rig.get(target)
        equal((got.is_hit, got.detail, got.ttl >= 0), (True, None, True))


if __name__ == '__main__':
    sys.exit(run())
