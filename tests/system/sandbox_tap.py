"""TAP for system tests: checks, and a runner for functions."""

import os
import resource
import sys
import time
import traceback

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(SOURCE, 'contrib', 'sandbox'))

# 1,000 clients need a socket each, and a user's usual limit is 1,024.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_hard, 1 << 16), _hard))

TESTS = []


class Skip(Exception):
    """This test cannot run here; says why."""


def test(function):
    """Add a function to what `run` runs; its name is the test's."""
    TESTS.append(function)
    return function


def equal(got, wanted):
    if got != wanted:
        raise AssertionError('got %.900r, wanted %.900r' % (got, wanted))


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def some_contact(sandbox, location=0):
    """The identifier of a contact of that location."""
    _, _, answer = sandbox.call('POST', '/contacts/search', {
        'locationId': sandbox.locations[location], 'pageLimit': 1},
        token='full-%d' % (location + 1))
    return answer['contacts'][0]['id']


def run():
    """Run all tests, or those named in the arguments; the exit status."""
    tests = [t for t in TESTS
             if len(sys.argv) < 2 or t.__name__ in sys.argv[1:]]
    print('1..%d' % len(tests), flush=True)
    failed = skipped = 0
    for number, function in enumerate(tests, 1):
        why, start = '', time.monotonic()
        try:
            function()
            line = 'ok'
        except Skip as skip:
            skipped += 1
            line, why = 'ok', ' # SKIP %s' % skip
        except Exception:
            failed += 1
            line = 'not ok'
            for text in traceback.format_exc().splitlines():
                print('# ' + text)
        print('%s %d - %s%s # %.1f s' % (
            line, number, function.__name__.replace('_', ' '), why,
            time.monotonic() - start), flush=True)
    print('# %d passed, %d failed, %d skipped' % (
        len(tests) - failed - skipped, failed, skipped))
    if tests and skipped == len(tests):
        return 77
    return 1 if failed else 0
