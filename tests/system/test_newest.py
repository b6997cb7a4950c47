#!/usr/bin/env python3
"""Of several answers the newest counts, whichever way it was learned that there
is one: by a write in the same second, a HEAD, a refusal, or from a request that
was overtaken on the wire."""

import email.utils
import json
import threading
import time

from rig import SOURCE, WAIT_S, equal, run, test, true, wait_for
from scripted import JSON, Answer, Script, in_thread, later

UNKNOWN = '/unknown/a'
CONTACT = '/contacts/Abcdefghij0123456789'
MAX_AGE = ('Cache-Control', 'max-age=60')
PROFILES = ((None, 'alice'), ('standards', None))
CUT = None


def date(of_s=None):
    return 'Date', email.utils.formatdate(of_s or time.time(), usegmt=True)


class Origin:
    """Keeps a version; each PUT makes the next one."""

    def __init__(self):
        self.version = 1
        self.is_cutting = False
        self.more = lambda request: []
        self.hold = None  # (version, event): its answers wait

    def body(self):
        return json.dumps({'v': self.version, 'contact': {'id': 'x'}})

    def __call__(self, request):
        if request.method == 'PUT':
            self.version += 1
            return CUT if self.is_cutting else Answer('{"ok":true}')
        got = Answer(self.body(), fields=[JSON, MAX_AGE,
                                          *self.more(request)])
        if self.hold and self.hold[0] == self.version:
            self.hold[1].wait(WAIT_S)
        return got


def each_profile(case):
    for profile, token in PROFILES:
        config = None
        if profile:
            with open(SOURCE + '/contrib/standards.conf',
                      encoding='utf-8') as f:
                config = f.read()
        origin = Origin()
        with Script(origin, config=config) as s:
            case(s, origin, token)


def put(s, token, target=UNKNOWN):
    return s.call('PUT', target, b'{"a":1}', token,
                  {'Content-Type': 'application/json'})


@test
def a_date_is_no_proof_within_its_second():
    """If-Modified-Since with the Date of what was read, after a write."""
    def case(s, _origin, token):
        for shift_s in 0, 20:
            s.origin.answer.more = lambda _: [date(time.time() + shift_s)]
            got = s.warm(UNKNOWN, token)
            equal(put(s, token).status, 200)
            again = s.get(UNKNOWN, token,
                          if_modified_since=got.field('date'))
            equal((again.status, again.json()['v']),
                  (200, s.origin.answer.version))

    each_profile(case)


@test
def a_modification_date_is_no_proof_within_its_second():
    def case(s, origin, token):
        origin.more = lambda _: [date(), ('Last-Modified', date()[1])]
        got = s.warm(UNKNOWN, token)
        equal(put(s, token).status, 200)
        again = s.get(UNKNOWN, token,
                      if_modified_since=got.field('last-modified'))
        equal((again.status, again.json()['v']), (200, 2))

    each_profile(case)


@test
def a_length_proves_nothing_after_a_write_nobody_knows_of():
    """A HEAD without the entity tag, of the same length."""
    def case(s, origin, token):
        origin.more = lambda r: [] if r.method == 'HEAD' else [
            ('ETag', '"%d"' % origin.version)]
        s.warm(UNKNOWN, token)
        origin.is_cutting = True
        equal(put(s, token).status, 504)
        equal(s.call('HEAD', UNKNOWN, None, token).status, 200)
        s.daemon.settle()
        equal(s.get(UNKNOWN, token).json()['v'], 2)

    each_profile(case)


@test
def a_modification_date_proves_nothing_after_such_a_write():
    def case(s, origin, token):
        def answer(request):
            if request.method == 'GET' and request.get('if-modified-since'):
                return Answer(b'', 304, [MAX_AGE])
            return origin(request)

        origin.more = lambda _: [('Last-Modified', date(1000000000)[1])]
        s.origin.answer = answer
        s.warm(UNKNOWN, token)
        origin.is_cutting = True
        equal(put(s, token).status, 504)
        equal(s.get(UNKNOWN, token).json()['v'], 2)

    each_profile(case)


@test
def what_a_head_disproves_is_gone_when_it_is_told():
    """By another entity tag, or where there is none by the length."""
    def case(s, origin, token):
        for has_tag in True, False:
            for number in range(20):
                origin.version = 1
                origin.more = lambda _: [
                    ('ETag', '"%d"' % origin.version)] if has_tag else []
                s.daemon.purge('--all')
                s.warm(UNKNOWN, token)
                origin.version = 10 + number
                told = s.call('HEAD', UNKNOWN, None, token,
                              {'Cache-Control': 'no-cache'})
                equal(told.status, 200)
                equal(s.get(UNKNOWN, token).json()['v'], origin.version)

    each_profile(case)


@test
def an_invalid_credential_is_not_kept_for_long():
    """Though the answer that says so has a lifetime of its own."""
    origin = Origin()

    def answer(request):
        if request.target == UNKNOWN:
            return Answer('{"statusCode":401,"message":"Invalid JWT"}', 401,
                          [JSON, MAX_AGE])
        return origin(request)

    with Script(answer) as s:
        s.warm(CONTACT)
        equal(s.get(UNKNOWN).status, 401)
        true(not s.get(CONTACT).is_hit, 'still there')
        equal(s.get(UNKNOWN).is_hit, False)


@test
def what_was_asked_for_first_and_comes_last_is_not_kept():
    def case(s, origin, token):
        gate = threading.Event()
        origin.more = lambda _: [date()]
        origin.hold = 1, gate
        first = in_thread(s.get, UNKNOWN, token)
        wait_for(lambda: len(s.origin.seen) == 1, 'the first')
        origin.version = 2
        later(1.1)  # Dates are whole seconds
        s.get(UNKNOWN, token)
        wait_for(lambda: s.get(UNKNOWN, token).is_hit, 'the second')
        gate.set()
        equal(first.wait().json()['v'], 1)
        s.daemon.settle()
        got = s.get(UNKNOWN, token)
        equal((got.is_hit, got.json()['v']), (True, 2))

    each_profile(case)


@test
def what_comes_within_a_second_is_kept():
    """Of one Date, later in its second or early in the next: what is told by
    Age would seem older."""
    def case(s, origin, token):
        now = date()
        origin.more = lambda _: [now]
        wait_for(lambda: time.time() % 1 > 0.6, 'the end of a second')
        s.warm(UNKNOWN, token)
        origin.version = 2
        wait_for(lambda: time.time() % 1 < 0.4, 'the next second')
        equal(s.get(UNKNOWN, token, cache_control='no-cache').json()['v'], 2)
        s.daemon.settle()
        equal(s.get(UNKNOWN, token).json()['v'], 2)

    each_profile(case)


@test
def what_is_refused_meanwhile_is_not_kept():
    gate = threading.Event()

    def answer(request):
        if len(s.origin.seen) > 1:
            return Answer('{"statusCode":403,"message":'
                          '"You do not have permission"}', 403)
        gate.wait(WAIT_S)
        return Answer('{"secret":1}', fields=[JSON, MAX_AGE])

    with Script(answer) as s:
        first = in_thread(s.get, UNKNOWN)
        wait_for(lambda: len(s.origin.seen) == 1, 'the first')
        equal(s.get(UNKNOWN).status, 403)
        gate.set()
        equal(first.wait().status, 200)
        s.daemon.settle()
        equal(s.get(UNKNOWN).status, 403)


@test
def no_cache_asks_anew():
    """It takes no answer that was asked for well before it came; those that
    come at once still share one."""
    origin = Origin()
    gate = threading.Event()
    origin.hold = 1, gate
    with Script(origin) as s:
        first = in_thread(s.get, CONTACT)
        wait_for(lambda: len(s.origin.seen) == 1, 'the first')
        origin.version = 2
        later(0.2)
        got = s.get(CONTACT, cache_control='no-cache')
        equal((got.json()['v'], 'collapsed' in got.cache), (2, False))
        gate.set()
        equal(first.wait().json()['v'], 1)


@test
def only_a_vary_is_missed():
    def case(s, _origin, token):
        s.warm(UNKNOWN, token)
        equal(put(s, token).status, 200)
        equal(s.get(UNKNOWN, token).fwd, 'uri-miss')

    each_profile(case)


if __name__ == '__main__':
    run()
