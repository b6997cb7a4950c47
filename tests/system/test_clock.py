#!/usr/bin/env python3
"""The wall clock is set back, and forward, under the daemon."""

import os
import struct
import sys

from rig import (PROGRAM, Rig, Skip, directory, equal, is_sanitized, run,
                 test, true)

SHIM = os.path.join(os.environ.get('top_builddir', '.'),
                    'tests/shim/clock.so')
HOUR_S = 3600
CONFIG = '''
[route one]
match = contacts.get-contact
ttl = 60s
stale_while_revalidate = 600s
'''


class Clock:
    """What the daemon takes for the time."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'clock')
        self.set(0)

    def set(self, seconds):
        with open(self.path, 'r+b' if os.path.exists(self.path) else
                  'wb') as f:
            f.write(struct.pack('=q', seconds))

    def program(self):
        return ['env', 'LD_PRELOAD=' + os.path.abspath(SHIM),
                'TEST_CLOCK_FILE=' + self.path, PROGRAM]


def clocked(function):
    """A test that gets a rig with a stored contact, its target, a clock."""
    def wrapped():
        if is_sanitized():
            raise Skip('a sanitizer has to be loaded first')
        if not os.path.exists(SHIM):
            raise Skip('not built: ' + SHIM)
        with directory() as folder:
            clock = Clock(folder)
            with Rig(config=CONFIG, gateway=True,
                     program=clock.program()) as rig:
                target = '/contacts/' + rig.contact()
                rig.warm(target)
                rig.daemon.settle()
                rig.forget()
                function(rig, target, clock)

    wrapped.__name__ = function.__name__
    return test(wrapped)


@clocked
def within_the_grace_a_stale_answer_is_served_at_once(rig, target, clock):
    """What the other tests are about: with a clock that goes forward."""
    clock.set(120)
    got = rig.get(target)
    equal((got.is_hit, got.detail), (True, 'revalidating'))


@clocked
def an_answer_from_the_future_is_asked_for_again(rig, target, clock):
    """It would look fresh, or within its grace, for an hour."""
    rig.direct('PUT', target, {'firstName': 'New'})
    clock.set(-HOUR_S)
    got = rig.get(target)
    equal((got.status, got.fwd), (200, 'stale'))
    equal(got.json()['contact']['firstName'], 'New')
    got = rig.hit(target)
    true(0 <= got.ttl <= 60, got.cache)
    equal(got.json()['contact']['firstName'], 'New')


@clocked
def without_an_upstream_it_is_served(rig, target, clock):
    clock.set(-HOUR_S)
    rig.gateway.set_mode('refuse')
    for _ in range(2):
        got = rig.get(target)
        equal((got.status, got.is_hit), (200, True))
        true(got.detail in ('connect', 'reset'), got.cache)


if __name__ == '__main__':
    sys.exit(run())
