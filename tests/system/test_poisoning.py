#!/usr/bin/env python3
"""Nothing that a request brings beside what it is kept under changes what the
next one gets. The upstream answers with all that it was sent."""

import json

from front_rig import Closed
from rig import Client, equal, message, run, test, true
from scripted import JSON, Answer, Script, VERSION

TARGET = '/contacts/Abcdefghij0123456789?limit=1'
CLEAN = {'Authorization': 'Bearer alice', 'Version': VERSION,
         'Accept': 'application/json'}
# Another one each time.
ONCE = ('x-request-id', 'via')

UNKEYED = [
    ('X-Forwarded-Host', 'evil.example'), ('X-Forwarded-Scheme', 'http'),
    ('X-Forwarded-Proto', 'http'), ('X-Forwarded-For', '127.0.0.1'),
    ('X-Forwarded-Port', '1'), ('X-Forwarded-Server', 'evil.example'),
    ('X-Forwarded-Prefix', '/evil'), ('X-Real-IP', '127.0.0.1'),
    ('X-Client-IP', '127.0.0.1'), ('True-Client-IP', '127.0.0.1'),
    ('CF-Connecting-IP', '127.0.0.1'), ('Forwarded', 'host=evil.example'),
    ('X-Host', 'evil.example'), ('X-Original-URL', '/users/'),
    ('X-Rewrite-URL', '/users/'), ('X-Original-Host', 'evil.example'),
    ('X-HTTP-Method-Override', 'DELETE'), ('X-HTTP-Method', 'POST'),
    ('X-Method-Override', 'PUT'), ('Cookie', 'a=b'), ('Origin', 'null'),
    ('Referer', 'https://evil.example/'), ('User-Agent', 'evil/1'),
    ('Accept-Language', 'tlh'), ('Accept-Encoding', 'br;q=1, *;q=0'),
    ('Accept-Charset', 'utf-7'), ('Range', 'bytes=0-1'),
    ('If-Range', '"x"'), ('If-Match', '"x"'), ('TE', 'trailers'),
    ('If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'),
    ('Max-Forwards', '0'), ('Pragma', 'akamai-x-get-cache-key'),
    ('Proxy-Authorization', 'Bearer evil'), ('X-Api-Version', '1'),
    ('Content-Type', 'text/plain'), ('Upgrade-Insecure-Requests', '1'),
    ('X-Middleware-Subrequest', 'src/middleware'), ('X-Amz-Date', '1'),
    ('X_Forwarded_Host', 'evil.example'), ('Surrogate-Capability', 'e="x"'),
    ('Early-Data', '1'), ('Save-Data', 'on'), ('X-Sandbox-Marker', 'm'),
    ('X-Request-Id', 'evil'), ('Via', '1.1 evil')]

# Refused: (fields, or the whole message; why)
REFUSED = [
    {'Connection': 'Authorization'}, {'Connection': 'close, Version'},
    {'Connection': 'Accept, Host'}, {'Connection': 'Content-Length'},
    {'X-Meta': 'a\x07b'}, {'X-Nul': 'a\x00b'}, {'X-Long': 'x' * 20000},
    {'Transfer-Encoding': 'xchunked'}, {'Transfer-Encoding': 'identity'},
    {'Content-Length': '5, 5'}, {'Content-Length': '+5'},
    {'Bad Name': 'x'}, {'Host': 'a\r\nHost: b'}]

# Spelt another way; never what TARGET is kept as, or just that.
DECEPTIVE = [
    '/contacts/Abcdefghij0123456789;.css?limit=1',
    '/contacts/Abcdefghij0123456789/.css?limit=1',
    '/contacts/Abcdefghij0123456789%3B.css?limit=1',
    '/contacts/Abcdefghij0123456789.css?limit=1',
    '/contacts/Abcdefghij0123456789%23?limit=1',
    '/contacts/Abcdefghij0123456789%3Flimit=1',
    '/contacts/Abcdefghij0123456789%0A?limit=1',
    '/contacts/Abcdefghij0123456789?limit=1&limit=2',
    '/contacts/Abcdefghij0123456789?limit=1;limit=2',
    '/contacts/Abcdefghij0123456789?limit=1&',
    '/contacts/Abcdefghij0123456789?limit=1&utm_source=x',
    '/contacts/Abcdefghij0123456789?Limit=1',
    '/contacts/Abcdefghij0123456789?limit=%31%00',
    '/contacts/Abcdefghij0123456789?limit=1%26x=2',
    '/CONTACTS/Abcdefghij0123456789?limit=1',
    '/contacts/ABCDEFGHIJ0123456789?limit=1',
    '/contacts//Abcdefghij0123456789?limit=1',
    '//contacts/Abcdefghij0123456789?limit=1',
    '/contacts/../contacts/Abcdefghij0123456789?limit=1',
    '/contacts/%2e%2e/contacts/Abcdefghij0123456789?limit=1',
    '/users/..%2fcontacts/Abcdefghij0123456789?limit=1',
    '/contacts/x%2f..%2fAbcdefghij0123456789?limit=1',
    '/contacts/Abcdefghij0123456789%00?limit=1',
    '/contacts\\Abcdefghij0123456789?limit=1',
    '/contacts/%41bcdefghij0123456789?limit=1',
    'http://evil.example/contacts/Abcdefghij0123456789?limit=1',
    'https://evil.example/contacts/Abcdefghij0123456789?limit=1',
    '/contacts/Abcdefghij0123456789?limit=1#fragment']


def mirror(request):
    """All that it was sent, but for what is another one each time."""
    fields = sorted((k.lower(), v) for k, v in request.fields
                    if k.lower() not in ONCE)
    return Answer(json.dumps({
        'method': request.method, 'target': request.target,
        'fields': fields, 'body': request.body.decode('latin-1')}))


def script(answer=mirror):
    return Script(answer, config='[route all]\nmatch = cache\nttl = 1h\n')


def send(s, data):
    """The answer to a message on a connection of its own; None without."""
    with Client(s.address) as client:
        client.send(data)
        try:
            return client.response(data.partition(b' ')[0].decode())
        except (Closed, OSError):  # refused without a word
            return None


def clean(s, target=TARGET):
    got = s.call('GET', target, None, None, CLEAN)
    equal(got.status, 200)
    return got


def told(answer):
    """What the upstream was sent, but for the Host, which is its own."""
    value = answer.json()
    return value['method'], value['target'], value['fields'], value['body']


def check_clean(s, wanted, what):
    got = clean(s)
    equal((what, told(got)), (what, wanted))
    return got


def each(poisons):
    """A fresh daemon's worth of trouble: poison before, and poison after the
    clean answer is stored."""
    with script() as s:
        wanted = told(clean(s))
        for what, data in poisons:
            s.daemon.purge('--all')
            send(s, data)
            check_clean(s, wanted, ('first', what))
            s.daemon.settle()
            true(check_clean(s, wanted, ('warm', what)).is_hit, what)
            send(s, data)
            send(s, data)
            s.daemon.settle()
            true(check_clean(s, wanted, ('after', what)).is_hit, what)


def get(target=TARGET, body=None, method='GET', **more):
    return message(method, target, body, {**CLEAN, **more})


@test
def fields_that_are_no_key():
    each([(name, get(**{name: value})) for name, value in UNKEYED])


@test
def another_host():
    each([(host, get(Host=host)) for host in (
        'evil.example', 'evil.example:80', 'localhost', '127.0.0.1:1')])


@test
def fields_that_are_keys_keep_to_themselves():
    """Accept and Version shape the answer: each gets its own."""
    each([((name, value), get(**{name: value})) for name, value in (
        ('Version', 'v3'), ('Version', '2023-02-21'), ('Version', None),
        ('Accept', 'text/html'), ('Accept', None),
        ('Authorization', 'Bearer evil'), ('Authorization', None))])


@test
def messages_that_are_refused():
    each([(str(fields), get(**fields)) for fields in REFUSED])


@test
def other_methods():
    each([(method, get(method=method, **more)) for method, more in (
        ('HEAD', {}), ('OPTIONS', {}), ('TRACE', {}), ('CONNECT', {}),
        ('get', {}), ('PURGE', {}), ('GET', {'Expect': '100-continue'}),
        ('GET', {'Upgrade': 'h2c', 'Connection': 'Upgrade, HTTP2-Settings',
                 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA'}),
        ('GET', {'Upgrade': 'websocket', 'Connection': 'Upgrade'}))])


@test
def a_body_in_a_get():
    each([(body, get(body=body)) for body in (
        b'limit=100', b'{"limit":100}', b'GET /x HTTP/1.1\r\nHost: x\r\n\r\n')])


@test
def a_read_post_is_kept_by_its_body():
    def search(s, body, **more):
        return s.call('POST', '/contacts/search', body, None, {
            **CLEAN, 'Content-Type': 'application/json', **more})

    with script() as s:
        one, two = b'{"locationId":"l","page":1}', b'{"locationId":"l","page":2}'
        for body in one, two, one, two:
            equal(search(s, body).json()['body'], body.decode())
        # two names alike: which one counts is for the upstream to say
        twice = b'{"locationId":"l","page":1,"page":2}'
        equal(search(s, twice).json()['body'], twice.decode())
        equal(search(s, one).json()['body'], one.decode())
        got = search(s, one, **{'Content-Type': 'text/plain'})
        equal(search(s, one).json()['fields'], [
            f for f in search(s, one).json()['fields'] if
            f != ['content-type', 'text/plain']])
        true(got.status in (200, 415), got.status)


@test
def paths_that_look_like_another():
    for target in DECEPTIVE:
        with script() as s:
            wanted = told(clean(s))
            s.daemon.settle()
            got = send(s, get(target))
            if got is not None and got.status == 200:
                # what was stored is what was sent up, or its own
                sent = told(got)
                equal((target, sent[1] == wanted[1]),
                      (target, got.is_hit))
            check_clean(s, wanted, target)
            # and nobody else gets it
            for who in 'Bearer bob', None:
                got = send(s, get(target, Authorization=who))
                true(got is None or b'alice' not in got.body, (target, who))


@test
def answers_to_poison_are_not_kept():
    """What an upstream refuses because of one client's request."""
    with script() as s:
        wanted = told(clean(s, TARGET + '&page=1'))
        for status in 400, 404, 405, 413, 414, 431, 501:
            s.origin.answer = lambda request, status=status: Answer(
                '{"message":"no"}', status)
            got = s.call('GET', TARGET + '&page=%d' % status, None, None,
                         CLEAN)
            equal(got.status, status)
            s.origin.answer = mirror
            equal(clean(s, TARGET + '&page=%d' % status).json()['method'],
                  'GET')
        equal(told(clean(s, TARGET + '&page=1')), wanted)


@test
def an_answer_that_was_split_is_not_kept():
    """A field with a line end in it, and a second answer behind that."""
    def split(request):
        return Answer(b'{}', fields=[
            JSON, ('X-Echo', 'a\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil')],
            is_cut=True)

    with script() as s:
        wanted = told(clean(s))
        s.daemon.purge('--all')
        s.origin.answer = split
        s.call('GET', TARGET, None, None, CLEAN)
        s.origin.answer = mirror
        check_clean(s, wanted, 'split')


if __name__ == '__main__':
    run()
