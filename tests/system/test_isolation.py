#!/usr/bin/env python3
"""No credential ever gets what was answered to another: every documented read,
fresh, expired, offline, after a restart, and while both wait."""

import json
import threading

from rig import WAIT_S, Storm, equal, message, run, test, true, wait_for
from scripted import Answer, Script, VERSION, later
from ghl_sandbox.routes import load_operations

# Alike on purpose; the third one has never read anything.
ALICE, OTHER, STRANGER = 'alice', 'alicE', 'alic'
# Without stored answers, each time asked: checks before writing and money.
MOST_UNSTORED = 45


def reads():
    """(method, target, body) of all of them."""
    found = []
    for o in load_operations():
        if o.is_write or o.v3_only:
            continue
        path = o.path
        while '{' in path:
            before, _, rest = path.partition('{')
            path = before + 'Abcdefghij0123456789' + rest.partition('}')[2]
        body = b'{"locationId":"Location01234567890"}'
        found.append(('POST', path, body) if o.method == 'POST' else
                     ('GET', path + '?locationId=Location01234567890', None))
    methods = [f[0] for f in found]
    equal((methods.count('GET'), methods.count('POST')), (246, 9))
    return found


class Echo:
    """Says whom it answers. held: (target, body) that two credentials must
    ask for before either is answered."""

    def __init__(self):
        self.is_failing = False
        self.met = None
        self.lock = threading.Lock()

    def hold(self):
        self.met = {}

    def __call__(self, request):
        who = request.get('authorization').removeprefix('Bearer ')
        if self.met is not None:
            with self.lock:
                both = self.met.setdefault(request.target,
                                           (set(), threading.Event()))
                both[0].add(who)
                if len(both[0]) == 2:
                    both[1].set()
            if not both[1].wait(WAIT_S):
                return Answer('{"message":"nobody else came"}', 500)
        if self.is_failing:
            return Answer('{"message":"failing"}', 503)
        return Answer(json.dumps({'for': who, 'id': request.target}))


def ask(s, read, token):
    method, target, body = read
    extra = {'Content-Type': 'application/json'} if body else {}
    return s.call(method, target, body, token, extra)


def own(s, token, may_fail=False):
    """Every read by this token: its own answer. How many were hits."""
    hits = 0
    for read in reads():
        got = ask(s, read, token)
        if may_fail and got.status >= 500:
            true(b'"for"' not in got.body, (read, got.body))
            continue
        equal((read, got.status, got.json()['for']), (read, 200, token))
        hits += got.is_hit or 'stale' in (got.fwd or '') or \
            got.fwd is None
    return hits


def config(ttl):
    return ''.join('[route %s]\nmatch = %s\nttl = %s\n' % (name, name, ttl)
                   for name in ('cache', 'short', 'read-post'))


@test
def fresh_and_offline_and_after_a_restart():
    origin = Echo()
    with Script(origin, config=config('1h')) as s:
        own(s, ALICE)
        equal(own(s, OTHER), 0)
        s.daemon.settle()
        for token in ALICE, OTHER:
            true(own(s, token) >= len(reads()) - MOST_UNSTORED,
                 'few hits of ' + token)
        s.origin.go_away()
        for is_killed in None, True, False:
            if is_killed is not None:
                s.restart(is_killed)
            for token in ALICE, OTHER:
                true(own(s, token, may_fail=True) >=
                     len(reads()) - MOST_UNSTORED, 'few answers offline')
            equal(own(s, STRANGER, may_fail=True), 0)


@test
def expired_with_a_failing_upstream():
    origin = Echo()
    with Script(origin, config=config('1s')) as s:
        own(s, ALICE)
        own(s, OTHER)
        s.daemon.settle()
        later(1.1)
        origin.is_failing = True
        for token in ALICE, OTHER:
            true(own(s, token, may_fail=True) >=
                 len(reads()) - MOST_UNSTORED, 'few stale answers')
        equal(own(s, STRANGER, may_fail=True), 0)


def storm_of(s, some):
    """Two of each token ask for each of these at once."""
    plan = [(read, token) for read in some
            for token in (ALICE, OTHER, ALICE, OTHER)]
    messages = [message(method, target, body, {
        'Authorization': 'Bearer ' + token, 'Version': VERSION,
        'Accept': 'application/json', **(
            {'Content-Type': 'application/json'} if body else {})})
        for (method, target, body), token in plan]
    with Storm(s.address, messages) as storm:
        storm.send()
        answers = storm.answers()
    for (read, token), got in zip(plan, answers):
        equal((read, got.status, got.json()['for']), (read, 200, token))
    return sum('collapsed' in got.cache for got in answers)


@test
def while_both_wait():
    origin = Echo()
    origin.hold()
    with Script(origin, '--upstream-connections', '64') as s:
        collapsed = 0
        found = reads()
        for at in range(0, len(found), 8):
            collapsed += storm_of(s, found[at:at + 8])
        true(collapsed > len(found), 'only %d shared a flight' % collapsed)


@test
def without_a_credential_nothing_is_shared():
    origin = Echo()
    with Script(origin, config=config('1h')) as s:
        target = '/contacts/Abcdefghij0123456789'
        s.warm(target, ALICE)
        s.origin.go_away()
        for fields in ({}, {'Authorization': 'Bearer'},
                       {'Authorization': 'Bearer '},
                       {'Authorization': 'Basic ' + ALICE},
                       {'Authorization': 'Bearer %s, Bearer x' % ALICE},
                       {'Authorization': 'Bearer %s x' % ALICE},
                       {'Cookie': 'Authorization=Bearer ' + ALICE},
                       {'Proxy-Authorization': 'Bearer ' + ALICE}):
            got = s.call('GET', target, None, None,
                         {'Version': VERSION, **fields})
            true(got.status >= 400 and b'"for"' not in got.body,
                 (fields, got.status, got.body))


if __name__ == '__main__':
    run()
