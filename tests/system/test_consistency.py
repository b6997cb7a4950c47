#!/usr/bin/env python3
"""Read-your-writes under load, faults, purges and restarts: a short run of
tests/consistency, and histories that show its rules."""

import os
import sys

from rig import equal, is_sanitized, run, test, true

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'consistency'))
from history import (Applied, Broken, Purge, Read, Write,  # noqa: E402
                     violations)
from load import Load  # noqa: E402

SEEDS = (101, 102)
OPERATIONS = 4000 if is_sanitized() else 10000


def write(name, sent, answered, status=200):
    return Write('x', name, sent, answered, status)


def read(state, sent, is_doubtful=False):
    return Read('x', 'r', sent, sent + 1, state, is_doubtful, '')


ONE = Applied('x', 'a', 1, 2.0)
TWO = Applied('x', 'b', 2, 3.0)


def judged(writes, reads, applied, purges=()):
    """The due number of each violation."""
    return [v.due for v in violations(writes, reads, applied, purges)]


@test
def a_write_binds_the_reads_after_its_answer():
    w = write('a', 1, 4)
    equal(judged([w], [read('', 5)], [ONE]), [1])
    equal(judged([w], [read('a', 5)], [ONE]), [])
    # sent before the answer: either will do
    equal(judged([w], [read('', 3), read('a', 3)], [ONE]), [])


@test
def the_latest_of_the_upstream_counts():
    """Not the latest that was answered."""
    a, b = write('a', 1, 8), write('b', 1, 5)
    equal(judged([a, b], [read('b', 9)], [ONE, TWO]), [])
    equal(judged([a, b], [read('a', 9)], [ONE, TWO]), [2])


@test
def unknown_outcomes_bind_what_is_not_marked():
    w = write('a', 1, 4, 504)
    equal(judged([w], [read('', 5)], [ONE]), [1])
    equal(judged([w], [read('', 5, True)], [ONE]), [])
    # but what is marked is not excused from what is certain
    done = write('a', 1, 4)
    equal(judged([done], [read('', 5, True)], [ONE]), [1])
    # executed only later
    late = Applied('x', 'a', 1, 7.0)
    equal(judged([w], [read('', 5), read('', 8)], [late]), [1])
    # never executed, or never answered
    equal(judged([w], [read('', 5)], []), [])
    equal(judged([write('a', 1, None, None)], [read('', 5)], [ONE]), [])


@test
def a_purge_binds_to_what_was_there():
    equal(judged([], [read('', 5)], [ONE], [Purge(None, 3, 4)]), [1])
    equal(judged([], [read('', 5)], [ONE], [Purge(['x'], 3, 4)]), [1])
    equal(judged([], [read('', 5)], [ONE], [Purge(['y'], 3, 4)]), [])
    equal(judged([], [read('', 3)], [ONE], [Purge(None, 3, 4)]), [])
    equal(judged([], [read('', 5)], [ONE], [Purge(None, 1, 4)]), [])


@test
def what_cannot_be_is_told():
    for writes, reads, applied in (
            ([write('a', 1, 4)], [], []),
            ([write('a', 1, 4)], [], [Applied('x', 'a', 1, 5.0)]),
            ([write('a', 1, 4)], [], [ONE, Applied('x', 'a', 2, 3.0)]),
            ([], [read('c', 1)], []),
            ([], [read('a', 5)], [Applied('y', 'a', 1, 2.0)])):
        try:
            violations(writes, reads, applied)
        except Broken:
            continue
        raise AssertionError('nobody noticed %r' % ((writes, reads, applied),))


def no_read_is_older(seed):
    load = Load(seed, OPERATIONS).run()
    true(load.restarts and load.purges and len(load.writes) > OPERATIONS // 50,
         'too little happened')
    hits = sum('hit' in r.note for r in load.reads)
    true(hits > OPERATIONS // 10, 'only %d hits' % hits)
    equal([v.read.note for v in load.violations], [])


for number in SEEDS:
    def one(seed=number):
        no_read_is_older(seed)
    one.__name__ = 'no_read_is_older_seed_%d' % number
    test(one)


if __name__ == '__main__':
    run()
