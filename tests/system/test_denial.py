#!/usr/bin/env python3
"""A credential, or one answer to it, is refused: what is stored for it goes,
and nothing else."""

import json
import sys
import threading

from rig import WAIT_S, equal, run, test, true, wait_for
from scripted import JSON, Answer, Script, in_thread

CONTACT = '/contacts/c%d'
RECORDING = '/conversations/messages/m1/locations/loc1/recording'
NOTE = '/contacts/c1/notes'
READS = [CONTACT % 1, CONTACT % 2, '/contacts/c1/tasks', '/users/u1',
         '/opportunities/o1', '/calendars/k1']

INVALID = (401, {'statusCode': 401, 'error': 'Unauthorized', 'message':
                 'Invalid token: access token is invalid'})
SCOPE = (401, {'message': 'The token is not authorized for this scope.'})
VERSION = (401, {'message': 'version header is invalid'})
LOCATION = (403, {'message':
                  'The token does not have access to this location.'})
GONE = (404, {'statusCode': 404, 'message': 'Opportunity not found'})
NO_CONTACT = (400, {'message': 'Contact not found for id:c1',
                    'error': 'Bad Request', 'statusCode': 400})
PORTAL = (401, '<html>Log in to this network</html>')
CLOUDFLARE = (403, 'error code: 1010')
NO_PAGE = (404, '<html>404</html>')


class Upstream:
    """Answers name their token; denied: {(token, part of target): (status,
    body)}."""

    def __init__(self):
        self.denied = {}
        self.held = {}

    def deny(self, what, token='alice', part=''):
        self.denied[token, part] = what

    def __call__(self, request):
        token = request.get('authorization').removeprefix('Bearer ')
        for part, event in list(self.held.items()):
            if part in request.target:
                event.wait(WAIT_S)
        for (who, part), (status, body) in list(self.denied.items()):
            if who == token and part in request.target:
                is_json = isinstance(body, dict)
                return Answer(json.dumps(body) if is_json else body, status,
                              [JSON if is_json else
                               ('Content-Type', 'text/html')])
        if request.path == RECORDING:
            return Answer(b'RIFF', 200, [('Content-Type', 'audio/x-wav')])
        return Answer(json.dumps({'id': request.target, 'of': token}))


CONFIG = ''.join('[route r%d]\nmatch = %s\nttl = 1h\n' % pair for pair in
                 enumerate(['cache', 'short']))


def script():
    up = Upstream()
    s = Script(up, config=CONFIG)
    s.up = up
    return s


def warm_all(s):
    for token in 'alice', 'bob':
        for target in READS:
            s.warm(target, token)


def hits(s, token):
    return [t for t in READS if s.get(t, token).is_hit]


def offline(s):
    equal(s.daemon.cli('offline', 'on').returncode, 0)


def deny_by(s, trigger):
    """The first read of Alice is refused; all of hers are gone then."""
    warm_all(s)
    s.up.deny(INVALID)
    equal(trigger(s).status, 401)
    offline(s)
    equal(hits(s, 'alice'), [])
    equal(hits(s, 'bob'), READS)
    equal(s.get(READS[0]).status, 503)
    equal(s.daemon.counter('credentials_denied'), 1)


@test
def an_invalid_credential_loses_all_offline_too():
    with script() as s:
        deny_by(s, lambda s: s.get('/contacts/other'))


@test
def also_when_a_write_tells():
    with script() as s:
        deny_by(s, lambda s: s.call('POST', NOTE, b'{"body":"x"}', headers={
            'Content-Type': 'application/json'}))


@test
def also_when_a_stream_tells():
    with script() as s:
        deny_by(s, lambda s: s.get(RECORDING))


@test
def also_when_an_unknown_path_tells():
    with script() as s:
        deny_by(s, lambda s: s.get('/nowhere/known'))


@test
def also_when_a_stored_answer_is_asked_for_anew():
    with script() as s:
        deny_by(s, lambda s: s.get(READS[0], cache_control='no-cache'))


@test
def it_stays_so_after_kill_9():
    with script() as s:
        warm_all(s)
        s.up.deny(INVALID)
        equal(s.get('/contacts/other').status, 401)
        s.restart(is_killed=True)
        offline(s)
        equal(hits(s, 'alice'), [])
        equal(hits(s, 'bob'), READS)


@test
def it_may_come_back():
    """GHL has been wrong before, or the token was only late."""
    with script() as s:
        warm_all(s)
        s.up.deny(INVALID)
        equal(s.get('/contacts/other').status, 401)
        s.up.denied.clear()
        s.warm(READS[0])
        equal(hits(s, 'bob'), READS)


def only_one_is_lost(what):
    with script() as s:
        warm_all(s)
        s.up.deny(what, part=READS[0])
        equal(s.get(READS[0], cache_control='no-cache').status, what[0])
        offline(s)
        equal((what, hits(s, 'alice')), (what, READS[1:]))
        equal(hits(s, 'bob'), READS)


@test
def a_scope_a_version_a_location_lose_one_answer():
    for what in SCOPE, VERSION, LOCATION:
        only_one_is_lost(what)


@test
def what_is_gone_is_not_served_any_more():
    for what in GONE, NO_CONTACT:
        only_one_is_lost(what)


@test
def a_refused_read_of_what_is_not_stored_loses_nothing():
    with script() as s:
        warm_all(s)
        for what in SCOPE, VERSION, LOCATION, GONE:
            s.up.deny(what, part='/contacts/other')
            equal(s.get('/contacts/other').status, what[0])
        moves = s.daemon.counter('moves')
        equal(hits(s, 'alice'), READS)
        equal(moves, 0)


@test
def what_is_not_ghls_loses_nothing():
    """A captive portal, Cloudflare, somebody else's 404."""
    for what in PORTAL, CLOUDFLARE, NO_PAGE:
        with script() as s:
            warm_all(s)
            s.up.deny(what)
            equal(s.get(READS[0], cache_control='no-cache').status, what[0])
            equal(hits(s, 'alice'), READS)


@test
def an_answer_under_way_is_not_stored():
    """It was asked for before the credential was called invalid."""
    with script() as s:
        gate = s.up.held['/contacts/slow'] = threading.Event()
        late = in_thread(s.get, '/contacts/slow')
        wait_for(lambda: s.origin.asked('/contacts/slow'), 'the slow one')
        s.up.deny(INVALID, part='/contacts/other')
        equal(s.get('/contacts/other').status, 401)
        gate.set()
        equal(late.wait().status, 200)
        s.daemon.settle()
        offline(s)
        equal(s.get('/contacts/slow').status, 503)


@test
def all_who_wait_are_told():
    with script() as s:
        gate = s.up.held['/contacts/other'] = threading.Event()
        s.up.deny(INVALID)
        waiting = [in_thread(s.get, '/contacts/other') for _ in range(8)]
        wait_for(lambda: s.daemon.counter('coalesced') == 7, 'them all')
        gate.set()
        equal([w.wait().status for w in waiting], [401] * 8)
        true(s.origin.asked('/contacts/other')[1:] == [], 'one request')


sys.exit(run())
