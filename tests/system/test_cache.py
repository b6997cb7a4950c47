#!/usr/bin/env python3
"""What is served from the store, under which key and with which head."""

import json
import sys
import urllib.parse

from rig import (BadOrigin, Client, Daemon, Rig, Session, directory, equal,
                 json_of, message, run, test, true, wait_for)

NEVER_REPLAYED = ['set-cookie', 'cf-ray', 'cf-cache-status', 'alt-svc', 'nel',
                  'report-to', 'strict-transport-security', 'connection',
                  'keep-alive', 'transfer-encoding']
RATES = ['x-ratelimit-' + name for name in (
    'max', 'remaining', 'interval-milliseconds', 'limit-daily',
    'daily-remaining', 'daily-reset')]


def list_target(rig, more='', location=0):
    return '/contacts/?locationId=%s%s' % (rig.sandbox.locations[location],
                                           more)


def search(rig, **more):
    return {'locationId': rig.location, 'pageLimit': 5, **more}


@test
def miss_then_hit():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        upstream = rig.sandbox.raw('GET', target, None, rig.headers())
        rig.forget()
        miss, hit = rig.get(target), rig.hit(target)
        equal((miss.status, hit.status), (200, 200))
        equal((miss.fwd, miss.cache['fwd-status']), ('uri-miss', '200'))
        true('stored' in miss.cache, miss.cache)
        equal(hit.cache, {'hit': True, 'ttl': hit.cache['ttl']})
        true(0 <= hit.ttl <= 30, hit.ttl)
        equal(rig.asked(), 1)
        equal(miss.body, upstream[2])
        equal(hit.body, upstream[2])
        equal(hit.field('content-type'), upstream[1]['content-type'])
        equal(hit.field('etag'), upstream[1]['etag'])


@test
def head_of_a_hit():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        miss, hit = rig.get(target), rig.hit(target)
        true(int(hit.field('age')) >= 0, 'Age')
        for answer in miss, hit:
            equal(answer.field('via'), '1.1 ghlmirror')
            true(answer.field('x-request-id'), 'X-Request-Id')
            true(answer.field('date'), 'Date')
        true(miss.field('x-request-id') != hit.field('x-request-id'),
             'two requests, one id')
        equal([n for n in NEVER_REPLAYED if hit.field(n)], [])
        equal([n for n in RATES if not hit.field(n)], [])


@test
def rates_are_of_now():
    """A hit tells what is left now, not when its answer was fetched."""
    with Rig() as rig:
        first = '/contacts/' + rig.contact()
        before = rig.warm(first)
        rig.get(list_target(rig))
        after = rig.get(first)
        true(after.is_hit, 'a hit')
        name = 'x-ratelimit-daily-remaining'
        equal(int(after.field(name)), int(before.field(name)) - 1)


@test
def reads_equal_the_upstreams():
    """Lists, searches and parts of a contact; each as a miss and a hit."""
    with Rig() as rig:
        contact = rig.contact()
        reads = [('GET', '/contacts/%s/%s' % (contact, part), None)
                 for part in ('tasks', 'notes', 'appointments')]
        reads += [
            ('GET', '/businesses/?locationId=' + rig.location, None),
            ('GET', '/calendars/?locationId=' + rig.location, None),
            ('POST', '/contacts/search', search(rig))]
        for method, target, body in reads:
            want = rig.direct(method, target, body)[2]
            want.pop('traceId', None)
            equal(json_of(rig.call(method, target, body)), want)
            hit = rig.hit(target, body)
            equal((hit.status, json_of(hit)), (200, want))


@test
def client_conditionals():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        tag = rig.warm(target).field('etag')
        rig.forget()
        for text in (tag, '"other", ' + tag, tag.removeprefix('W/'), '*'):
            got = rig.get(target, if_none_match=text)
            equal((got.status, got.body), (304, b''))
            equal(got.field('etag'), tag)
            true(got.is_hit, 'a hit')
        for text in ('"other"', 'W/"other"'):
            equal(rig.get(target, if_none_match=text).status, 200)
        equal(rig.asked(), 0)
        rig.daemon.purge('--all')
        got = rig.get(target, if_none_match=tag)
        equal((got.status, got.fwd), (304, 'uri-miss'))


@test
def head_from_a_stored_get():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        first = rig.call('HEAD', target)
        equal((first.status, first.body, first.fwd), (200, b'', 'uri-miss'))
        got, head = rig.hit(target), rig.call('HEAD', target)
        true(head.is_hit, 'a hit')
        equal(int(head.field('content-length')), len(got.body))
        equal(rig.sandbox.ledger()['by_method'].get('HEAD', 0), 0)


@test
def trailing_slash_is_one_entry():
    with Rig() as rig:
        contact = '/contacts/' + rig.contact()
        equal(rig.get(contact + '/').fwd, 'uri-miss')
        rig.hit(contact)
        equal(rig.get('/contacts?locationId=' + rig.location).fwd,
              'uri-miss')
        rig.hit(list_target(rig))
        paths = rig.sandbox.ledger()['by_path']
        true('GET ' + contact in paths and 'GET /contacts/' in paths, paths)


@test
def what_the_key_holds():
    """Query order, Version, Accept and the credential tell entries apart,
    what is not forwarded does not."""
    with Rig() as rig:
        ways = [(list_target(rig, '&limit=5'), 'full-1', {}),
                ('/contacts/?limit=5&locationId=' + rig.location,
                 'full-1', {}),
                (list_target(rig, '&limit=5'), 'full-1',
                 {'Version': '2021-04-15'}),
                (list_target(rig, '&limit=5'), 'full-1',
                 {'Accept': '*/*'}),
                (list_target(rig, '&limit=5'), 'second-full-1', {})]
        for target, token, fields in ways:
            rig.warm(target, None, token, fields)
        for target, token, fields in ways:
            rig.hit(target, None, token, fields)
        equal(rig.asked('contacts.get-contacts'), len(ways))
        true(rig.get(ways[0][0], user_agent='another', x_other='1').is_hit,
             'a hit')


@test
def escapes_of_the_target():
    with Rig() as rig:
        rig.warm(list_target(rig, '&query=Anna%2bB'))
        rig.hit(list_target(rig, '&query=A%6Ena%2BB'))
        for text in ('Anna+B', 'Anna%20B'):
            rig.warm(list_target(rig, '&query=' + text))


@test
def pages_lead_through_the_proxy():
    with Rig('--contacts', '95') as rig:
        here = 'http://%s:%d/' % rig.address
        wanted = None
        for read in (rig.warm, rig.hit):
            target, seen = list_target(rig, '&limit=20'), []
            while target:
                page = read(target).json()
                seen += [c['id'] for c in page['contacts']]
                url = page['meta'].get('nextPageUrl')
                true(url is None or url.startswith(here), url)
                target = url and url[len(here) - 1:]
            equal((len(seen), len(set(seen))), (95, 95))
            wanted = wanted or seen
            equal(seen, wanted)


@test
def next_page_follows_the_client():
    """One entry; each client gets the address that it used."""
    with Rig('--contacts', '95') as rig:
        for host in ('localhost:1234', 'mirror', '127.0.0.1'):
            got = rig.get(list_target(rig), host=host)
            url = urllib.parse.urlsplit(got.json()['meta']['nextPageUrl'])
            equal((url.scheme, url.netloc, url.path),
                  ('http', host, '/contacts/'))
        equal(rig.asked('contacts.get-contacts'), 1)
    with Rig('--contacts', '95',
             options=['--public-url', 'https://ghl.example:8443']) as rig:
        url = rig.get(list_target(rig)).json()['meta']['nextPageUrl']
        true(url.startswith('https://ghl.example:8443/contacts/?'), url)


@test
def searches_are_keyed_by_body():
    with Rig() as rig:
        body = search(rig, query='a b')
        spaced = json.dumps(body, indent=4).encode()
        other = search(rig, query='ab')
        rig.warm('/contacts/search', body)
        rig.hit('/contacts/search', spaced)
        rig.warm('/contacts/search', other)
        equal(rig.asked(), 2)
        refused = [rig.call('POST', '/contacts/search', b'{"no json')
                   for _ in range(2)]
        equal([r.is_hit for r in refused], [False, False])


@test
def tokens_never_share():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        for token in ('full-1', 'second-full-1', 'readonly-1'):
            rig.warm(target, token=token)
        for token, want in (('no-contacts-1', 401), ('full-2', 403)):
            got = rig.get(target, token)
            equal((token, got.status, got.is_hit), (token, want, False))
        equal(rig.asked('contacts.get-contact'), 5)


@test
def own_cache_control_of_a_client():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        got = rig.get(target, cache_control='only-if-cached')
        equal((got.status, got.json()['statusCode']), (504, 504))
        equal(rig.asked('contacts.get-contact'), 0)
        rig.warm(target)
        # What has landed is a hit before it is committed, but not here.
        wait_for(lambda: rig.get(
            target, cache_control='only-if-cached').is_hit, 'a stored hit')
        for text in ('max-age=0', 'no-cache', 'max-age=0', 'min-fresh=3600'):
            got = rig.get(target, cache_control=text)
            equal((text, got.fwd), (text, 'request'))
        equal(rig.get(target, pragma='no-cache').fwd, 'request')
        rig.hit(target, headers={'Cache-Control': 'max-age=3600'})
        rig.daemon.purge('--all')
        rig.get(target, cache_control='no-store')
        equal(rig.get(target).fwd, 'uri-miss')


@test
def bodies_of_any_method_are_forwarded():
    with BadOrigin() as origin, directory() as place:
        daemon = Daemon(origin.url, place + '/state')
        session = Session(daemon.address, {'Authorization': 'Bearer t'})
        for method in ('PATCH', 'DELETE', 'PUT', 'POST'):
            got = session.call(method, '/echo/' + method, b'{"a" : "b"}',
                               {'Content-Type': 'application/json',
                                'X-Hop': 'stays here'})
            seen = got.json()
            equal((got.status, seen['method'], seen['body']),
                  (200, method, '{"a" : "b"}'))
            true('X-Hop' not in seen['head'], seen['head'])
            true('authorization: bearer t' in seen['head'].lower(),
                 seen['head'])
        session.close()
        daemon.stop()


@test
def expect_continue():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        body = b'{"firstName": "Expected"}'
        head = message('PUT', target, None, {
            **rig.headers(), 'Content-Type': 'application/json',
            'Content-Length': len(body), 'Expect': '100-continue'})
        with Client(rig.address) as client:
            client.send(head)
            equal(client.response(may_skip=False).status, 100)
            equal(rig.asked('contacts.update-contact'), 0)
            client.send(body)
            answer = client.response()
        equal((answer.status, answer.json()['contact']['firstName']),
              (200, 'Expected'))


@test
def http_1_0():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        head = message('GET', target, None, rig.headers())
        for _ in range(2):
            with Client(rig.address) as client:
                client.send(head.replace(b'HTTP/1.1', b'HTTP/1.0'))
                equal(client.response().status, 200)
                true(client.is_at_end(), 'closed')
        rig.hit(target)


@test
def pipelined():
    """Answers come in the order of the requests, hit or miss."""
    with Rig() as rig:
        first, rest = '/contacts/' + rig.contact(), list_target(rig)
        rig.warm(first)
        targets = [rest, first, rest + '&limit=3', first, first + '/notes']
        with Client(rig.address) as client:
            client.send(b''.join(rig.message('GET', t) for t in targets))
            answers = [client.response() for _ in targets]
        equal([a.status for a in answers], [200] * 5)
        equal([next(iter(a.json())) for a in answers],
              ['contacts', 'contact', 'contacts', 'contact', 'notes'])


if __name__ == '__main__':
    sys.exit(run())
