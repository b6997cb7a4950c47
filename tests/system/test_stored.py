#!/usr/bin/env python3
"""What is stored and what never is; expiry, purges, restarts."""

import sys
import time

from rig import (BadOrigin, Daemon, Rig, Session, directory, equal, run, test,
                 true, wait_for)

GET_CONTACT = 'contacts.get-contact'
SHORT_TTL = '[route everything]\nmatch = cache\nttl = 1s\n'
# What an upstream may do instead of an answer: fault, what it is tuned with,
# what the client gets.
BAD_ANSWERS = [
    ('status', {'status': 404}, 404),
    ('status', {'status': 400}, 400),
    ('status', {'status': 422}, 422),
    ('status', {'status': 500}, 500),
    ('status', {'status': 503, 'html': True}, 503),
    ('429', {}, 429),
    ('html200', {}, 200),
    ('cut_body', {}, 502),
    ('wrong_length', {'delta': -7}, 200),	# looks whole, but for its JSON
    ('bad_json', {}, 200),
    ('wrong_length', {'delta': 7}, 504),
    ('reset_before', {}, 504),
    ('close_after', {}, 504),
    ('hang', {}, 504),
    ('no_length', {}, 200),
]


def listing(rig, location=0):
    return '/contacts/?limit=90&locationId=' + rig.sandbox.locations[location]


@test
def no_bad_answer_is_stored():
    """Nothing stored by one, and what was stored is not damaged. A 404 says
    that it is gone, and takes it along."""
    with Rig(options=['--upstream-timeout', '700ms']) as rig:
        fresh, stored = ('/contacts/' + rig.contact(n) for n in (0, 1))
        want = rig.warm(stored, token='full-2').body
        for kind, more, status in BAD_ANSWERS:
            what = kind, more
            rig.fault(kind, **more)
            for _ in range(2):
                got = rig.get(fresh)
                equal((what, got.status, got.is_hit, got.fwd),
                      (what, status, False, 'uri-miss'))
                true('stored' not in got.cache, what)
            got = rig.get(stored, 'full-2', cache_control='no-cache')
            equal((what, got.status), (what, status))
            got = rig.get(stored, 'full-2')
            if status == 404:
                equal((what, got.is_hit, got.status), (what, False, 404))
            else:
                equal((what, got.is_hit, got.body), (what, True, want))
            rig.no_faults()
            if status == 404:
                rig.warm(stored, token='full-2')
        rig.warm(fresh)


@test
def own_errors_have_the_upstreams_shape():
    with Rig(options=['--upstream-timeout', '500ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.fault('hang')
        got = rig.get(target)
        true('application/json' in got.field('content-type'), got.head)
        error = got.json()
        equal((error['statusCode'], sorted(error)),
              (504, ['error', 'message', 'statusCode']))
        equal(got.field('cache-control'), 'no-store')


@test
def refusals_of_the_upstream_pass():
    """Without a token, with a wrong one, without a Version: the upstream's
    own words, asked each time."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        token = {'Authorization': rig.headers()['Authorization']}
        version = {'Version': rig.headers()['Version']}
        session = Session(rig.address)
        for fields in (version, token, {},
                       {**version, 'Authorization': 'Bearer pit-wrong'}):
            rig.forget()
            want = rig.sandbox.raw('GET', target, None, fields)
            for _ in range(2):
                got = session.call('GET', target, None, fields)
                equal((got.status, got.body), (want[0], want[2]))
                equal((got.status, got.is_hit), (401, False))
            equal(rig.asked(), 3)
        session.close()


@test
def expiry():
    with Rig(config=SHORT_TTL) as rig:
        target = '/contacts/' + rig.contact()
        start = time.monotonic()
        rig.get(target)
        answers = []

        def is_stale():
            answers.append(rig.get(target))
            return answers[-1].fwd == 'stale'

        wait_for(is_stale, 'the end of the TTL')
        true(time.monotonic() - start >= 1, 'expired early')
        true(all(a.ttl <= 1 for a in answers), 'ttl')
        equal(answers[-1].cache.get('fwd-status'), '200')
        equal(rig.asked(GET_CONTACT), 2)


@test
def ttl_zero_is_shared_only():
    """The duplicate search: nothing is served later."""
    with Rig() as rig:
        target = '/contacts/search/duplicate?email=a%%40b.c&locationId=%s' % (
            rig.location)
        for _ in range(3):
            got = rig.get(target)
            equal((got.status, got.is_hit), (200, False))
        equal(rig.asked('contacts.get-duplicate-contact'), 3)


@test
def settings_are_revalidated_behind_the_answer():
    config = '[route calendars]\nmatch = calendars.get-calendars\nttl = 1s\n'
    with Rig(config=config) as rig:
        target = '/calendars/?locationId=' + rig.location
        rig.warm(target)
        answers = []

        def is_revalidated():
            answers.append(rig.get(target))
            return answers[-1].detail == 'revalidating'

        wait_for(is_revalidated, 'an answer past its TTL')
        true(answers[-1].is_hit and answers[-1].ttl < 0, answers[-1].cache)
        wait_for(lambda: rig.asked('calendars.get-calendars') == 2,
                 'the revalidation')
        wait_for(lambda: rig.get(target).detail is None, 'a fresh answer')


@test
def searches_settle_after_a_write():
    """Not stored for a while after a write on what they list."""
    with Rig(options=['--settling', '1s']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(listing(rig))
        rig.warm(listing(rig, 1), token='full-2')
        equal(rig.call('PUT', target, {'firstName': 'New'}).status, 200)
        start = time.monotonic()
        first = rig.get(listing(rig))
        equal((first.is_hit, 'stored' in first.cache), (False, False))
        wait_for(lambda: rig.get(listing(rig)).is_hit, 'a stored list')
        true(time.monotonic() - start >= 0.9, 'stored while settling')
        rig.hit(listing(rig, 1), token='full-2')


@test
def upstreams_no_store_is_honoured():
    config = ('[route overridden]\nmatch = businesses.get-business\n'
              'override_upstream = yes\n')
    with Rig(config=config) as rig:
        rig.fault('headers', headers={'cache-control': 'no-store'})
        target = '/contacts/' + rig.contact()
        for _ in range(2):
            equal(rig.get(target).fwd, 'uri-miss')
        listed = rig.get('/businesses/?locationId=' + rig.location).json()
        rig.warm('/businesses/' + listed['businesses'][0]['id'])
        rig.no_faults()
        rig.fault('headers',
                  headers={'cache-control': 'private, max-age=0'})
        rig.warm(target)


class Plain:
    """A daemon before the scripted origin."""

    def __enter__(self):
        self.origin = BadOrigin()
        self.place = directory()
        self.daemon = Daemon(self.origin.url,
                             self.place.__enter__() + '/state')
        self.session = Session(self.daemon.address,
                               {'Authorization': 'Bearer t'})
        return self

    def __exit__(self, kind, failure, trace):
        self.session.close()
        try:
            self.daemon.end_after(failure)
        finally:
            self.origin.__exit__(kind, failure, trace)
            self.place.__exit__(kind, failure, trace)

    def get(self, target):
        return self.session.call('GET', target)

    def is_stored(self, target):
        self.daemon.settle()
        return self.get(target).is_hit


@test
def unknown_paths_follow_the_upstream():
    """RFC 9111, without heuristics. §3.5, on Authorization, has no say: no
    entry is shared between credentials."""
    cases = [('none', [], False),
             ('plain', ['Cache-Control: max-age=60'], True),
             ('public', ['Cache-Control: public, max-age=60'], True),
             ('shared', ['Cache-Control: s-maxage=60'], True),
             ('zero', ['Cache-Control: public, max-age=0'], False),
             ('private', ['Cache-Control: private, max-age=60'], False),
             ('no-store', ['Cache-Control: public, no-store, max-age=60'],
              False),
             ('modified', ['Cache-Control: public',
                           'Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT'],
              False)]
    with Plain() as p:
        for name, lines, is_stored in cases:
            target = '/unheard/of/' + name
            p.origin.script(target, 'fields', args={'fields': lines})
            equal(p.get(target).fwd, 'uri-miss')
            equal((name, p.is_stored(target)), (name, is_stored))


@test
def unknown_write_moves_all_of_the_location():
    with Rig() as rig:
        other = '/contacts/' + rig.contact(1)
        reads = ['/contacts/' + rig.contact(), listing(rig),
                 '/calendars/?locationId=' + rig.location]
        for target in reads:
            rig.warm(target)
        rig.warm(other, token='full-2')
        got = rig.call('POST', '/mcp/', {'jsonrpc': '2.0', 'id': 1,
                                         'method': 'tools/list'})
        equal((got.status, got.fwd), (200, 'method'))
        for target in reads:
            equal((target, rig.get(target).is_hit), (target, False))


def warm_all(rig):
    """Reads by name; all of them stored."""
    one, two = (c['id'] for c in rig.direct('GET', listing(rig))[2][
        'contacts'][:2])
    reads = {'one': ('/contacts/' + one, 'full-1'),
             'tasks': ('/contacts/%s/tasks' % one, 'full-1'),
             'two': ('/contacts/' + two, 'full-1'),
             'list': (listing(rig), 'full-1'),
             'calendars': ('/calendars/?locationId=' + rig.location,
                           'full-1'),
             'elsewhere': ('/contacts/' + rig.contact(1), 'full-2')}
    for target, token in reads.values():
        rig.warm(target, token=token)
    return one, reads


def purge_case(kind, lost, *, what=lambda rig, contact: []):
    with Rig() as rig:
        contact, reads = warm_all(rig)
        rig.daemon.purge('--' + kind, *what(rig, contact))
        got = {name for name, (target, token) in reads.items()
               if rig.get(target, token).is_hit}
        equal(sorted(set(reads) - got), sorted(lost))


@test
def purge_all():
    purge_case('all', ['one', 'tasks', 'two', 'list', 'calendars',
                       'elsewhere'])


@test
def purge_location():
    """Tasks do not say of which location they are, so they go too."""
    purge_case('location', ['one', 'tasks', 'two', 'list', 'calendars'],
               what=lambda rig, _: [rig.location])


@test
def purge_contact():
    purge_case('contact', ['one', 'tasks', 'list'],
               what=lambda _, contact: [contact])


@test
def purge_operation():
    purge_case('operation', ['one', 'two', 'elsewhere'],
               what=lambda *_: [GET_CONTACT])


@test
def purge_path():
    purge_case('path', ['one'],
               what=lambda _, contact: ['/contacts/' + contact])


@test
def restart_keeps_entries():
    for is_killed in (False, True):
        with Rig() as rig:
            _, reads = warm_all(rig)
            dead = '/contacts/%s/notes' % rig.contact()
            rig.warm(dead)
            rig.daemon.purge('--path', dead)
            rig.daemon.settle()
            wants = {t: rig.get(t, token).body for t, token in reads.values()}
            rig.restart(is_killed)
            rig.forget()
            for target, token in reads.values():
                got = rig.get(target, token)
                equal((target, got.is_hit, got.body),
                      (target, True, wants[target]))
            equal(rig.asked(), 0)
            equal(rig.get(dead).fwd, 'uri-miss')


if __name__ == '__main__':
    sys.exit(run())
