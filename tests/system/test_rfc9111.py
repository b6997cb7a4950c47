#!/usr/bin/env python3
"""RFC 9111 from section 2 to 4.2: what is stored, and what of it is fresh.
Under the standards profile; test_rfc9111_use.py and test_rfc9111_fields.py have
the rest."""

import sys

from rfc_rig import ETAG, A, check, date, excuse, lm, run, stale
from rig import equal, true
from scripted import in_thread, later, wait_for

WANTED = [
    '2 key-has-target', '2 key-has-query', '2 key-has-method',
    '3 method-understood', '3 final-status', '3 status-understood',
    '3 must-understand', '3 no-store', '3 no-store-of-request', '3 private',
    '3 private-with-fields', '3 basis-without', '3 basis-max-age',
    '3 basis-s-maxage', '3 basis-expires', '3 any-status-with-freshness',
    '3 429-never',
    '3.1 all-fields', '3.1 not-connection-fields', '3.1 not-proxy-fields',
    '3.1 no-cache-with-fields', '3.1 fields-of-hop-never-forwarded',
    '3.2 replaces-fields', '3.2 keeps-others', '3.2 not-length-and-coding',
    '3.3 incomplete-not-stored', '3.3 incomplete-not-passed-as-whole',
    '3.3 partial-not-stored', '3.3 partial-told-as-206',
    '3.3 range-of-stored', '3.4 combining', '3.4 strong-validator',
    '3.5 authorization-not-shared', '3.5 authorization-of-others',
    '3.5 authorization-private-to-it', '3.5 cookie-is-a-credential',
    '4 age-generated', '4 age-replaced', '4 unsafe-written-through',
    '4 unsafe-not-answered-before', '4 no-collapse-of-unusable',
    '4 most-recent', '4 no-clock',
    '4.1 match', '4.1 mismatch', '4.1 absent', '4.1 several', '4.1 star',
    '4.1 white-space', '4.1 lines-combined', '4.1 most-recent-variant',
    '4.1 unreadable', '4.1 answer-without-vary',
    '4.2 fresh-reused', '4.2 stale-not-reused', '4.2.1 s-maxage-first',
    '4.2.1 max-age-before-expires', '4.2.1 expires-against-date',
    '4.2.1 duplicates', '4.2.1 conflicting', '4.2.1 invalid',
    '4.2.1 overflow', '4.2.1 quoted', '4.2.1 in-quoted-string',
    '4.2.1 case', '4.2.1 several-lines', '4.2.2 no-heuristics',
    '4.2.2 heuristics-warn',
    '4.2.3 age-of-origin', '4.2.3 apparent-age', '4.2.3 grows',
    '4.2.3 delay-of-response', '4.2.3 overflow',
    '4.2.4 connected-not-stale', '4.2.4 disconnected-stale',
    '4.2.4 not-if-must-revalidate', '4.2.4 not-if-proxy-revalidate',
    '4.2.4 not-if-s-maxage', '4.2.4 not-if-no-cache',
    '4.2.4 not-on-errors',
]


# ---- 2: the key ----

@check('2 key-has-target')
def _(c):
    c.says(A('max-age=60'))
    other = c.at('/other').says(A('max-age=60'))
    c.store()
    other.store()
    equal((c.n, other.n), (1, 1))


@check('2 key-has-query')
def _(c):
    c.says(A('max-age=60'))
    for query in '?a=1', '?a=2', '?a=1&b=2', '?b=2&a=1', '?', '':
        c.call(query=query)
        c.rig.daemon.settle()
    equal(c.n, 6)
    true('hit' in c.call(query='?a=1').cache, 'the same query')


@check('2 key-has-method')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    equal('hit' in c.call('OPTIONS').cache, False)
    c.call('POST', b'x')
    equal([r.method for r in c.seen], ['GET', 'OPTIONS', 'POST'])


# ---- 3: storing ----

@check('3 method-understood')
def _(c):
    for method in 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS':
        other = c.at('/' + method).says(A('max-age=60', ETAG))
        for _ in range(2):
            other.call(method, None if method == 'OPTIONS' else b'x')
            c.rig.daemon.settle()
        equal((method, other.n), (method, 2))
        equal((method, 'hit' in other.get().cache), (method, False))


@check('3 final-status')
def _(c):
    """Interim answers are for this hop, and never stored."""
    def with_interim(_request):
        answer, _ = A('max-age=60')
        early = answer.bytes_for
        answer.bytes_for = lambda method: (
            b'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n' + early(method))
        return answer, False
    c.says(with_interim)
    equal(c.must_reuse().field('link'), None)


@check('3 status-understood')
def _(c):
    c.says(A('max-age=60', ('Content-Range', 'bytes 0-3/8'), body='0123',
             status=206))
    c.must_ask_again()


@check('3 must-understand')
def _(c):
    """Unknown: not stored, known: stored in spite of no-store (5.2.2.3)."""
    c.at('/599').says(A('max-age=60, must-understand',
                        status=599)).must_ask_again()
    c.at('/299').says(A('max-age=60, must-understand, no-store',
                        status=299)).must_ask_again()
    c.at('/200').says(A('max-age=60, must-understand, no-store')).must_reuse()


@check('3 no-store')
def _(c):
    for n, cc in enumerate(('no-store', 'no-store, max-age=60', 'No-STORE',
                            'max-age=60, no-store=x', 'a="b", no-store')):
        c.at('/%d' % n).says(A(cc, ETAG, ('Expires', date(60)))
                             ).must_ask_again()


@check('3 no-store-of-request')
def _(c):
    c.says(A('max-age=60'))
    c.store(cache_control='no-store')
    c.store()
    equal(c.n, 2)
    true('hit' in c.get().cache, 'the second was stored')


@check('3 private')
def _(c):
    c.says(A('private, max-age=60', ETAG)).must_ask_again()


@check('3 private-with-fields')
def _(c):
    """Stored without those fields, or not at all: it must not show them."""
    c.says(A('max-age=60, private="x-secret"', ('X-Secret', '1'), ETAG),
           A('max-age=60'))
    c.store()
    equal(c.get().field('x-secret'), None)


@check('3 basis-without')
def _(c):
    """Neither freshness nor validator: nothing to reuse it by."""
    for status in 200, 201, 302, 403, 404, 500:
        c.at('/%d' % status).says(A(status=status)).must_ask_again()


@check('3 basis-max-age')
def _(c):
    c.says(A('max-age=60')).must_reuse()


@check('3 basis-s-maxage')
def _(c):
    c.says(A('s-maxage=60')).must_reuse()


@check('3 basis-expires')
def _(c):
    c.says(A(None, ('Expires', date(60)))).must_reuse()


@check('3 any-status-with-freshness')
def _(c):
    for status in (200, 201, 202, 203, 204, 299, 300, 301, 302, 303, 307, 308,
                   400, 401, 403, 404, 405, 410, 414, 418, 451, 499, 500, 501,
                   502, 503, 504, 599):
        c.at('/%d' % status).says(A('max-age=60', status=status)).must_reuse()


@check('3 429-never')
def _(c):
    """RFC 6585 section 4."""
    c.says(A('max-age=60', status=429)).must_ask_again()


# ---- 3.1 to 3.5 ----

@check('3.1 all-fields')
def _(c):
    fields = [('X-Unknown', 'a'), ('x-twice', '1'), ('X-Twice', '2'),
              ('Content-Type', 'text/odd'), ('Content-Language', 'tlh'),
              ('Set-Cookie', 'a=b'), ('Content-Location', '/x'),
              ('Content-Encoding', 'odd'), ('Server', 's'), ETAG,
              ('Link', '</a>; rel=next'), ('Strict-Transport-Security', 'm'),
              ('X-RateLimit-Max', '7'), ('CF-Ray', 'r'), ('Expires', '0')]
    c.says(A('max-age=60', *fields))
    got = c.must_reuse()
    for name, value in fields:
        if name.lower() != 'x-twice':
            equal((name, got.field(name)), (name, value))
    equal(got.field('x-twice'), '1, 2')


@check('3.1 not-connection-fields')
def _(c):
    c.says(A('max-age=60', ('Connection', 'X-Hop, keep-alive'),
             ('X-Hop', '1'), ('Keep-Alive', 'timeout=9'), ('X-Stay', '2')))
    for got in c.store(), c.get():
        equal([got.field(n) for n in ('x-hop', 'keep-alive', 'x-stay')],
              [None, None, '2'])


@check('3.1 not-proxy-fields')
def _(c):
    fields = ['Proxy-Authenticate', 'Proxy-Authentication-Info',
              'Proxy-Authorization', 'Proxy-Connection', 'TE', 'Upgrade']
    c.says(A('max-age=60', *((f, 'x') for f in fields)))
    got = c.must_reuse()
    equal([got.field(f) for f in fields], [None] * len(fields))


@check('3.1 no-cache-with-fields')
def _(c):
    """Without asking, it must not show the fields that no-cache names."""
    c.says(A('max-age=60, no-cache="x-secret"', ('X-Secret', '1'), ETAG),
           A('max-age=60', status=304))
    c.store()
    c.get()
    equal(c.n, 2)


@check('3.1 fields-of-hop-never-forwarded')
def _(c):
    """RFC 9110 section 7.6.1, of requests."""
    c.says(A())
    c.get(connection='X-Hop, close', x_hop='1', te='trailers', x_stay='2',
          proxy_connection='x', keep_alive='y')
    got = c.seen[0]
    equal([got.get(n) for n in ('x-hop', 'te', 'proxy-connection',
                                'keep-alive', 'x-stay')],
          [None, None, None, None, '2'])


@check('3.2 replaces-fields')
def _(c):
    c.says(stale('max-age=10', ETAG, ('X-A', '1'), ('X-A', '2'),
                 ('Content-Type', 'a/b'), ('Expires', date(-60))),
           A('max-age=60', ETAG, ('X-A', '3'), ('Content-Type', 'c/d'),
             ('Expires', date(60)), status=304))
    c.store()
    got = c.store()
    for answer in got, c.get():
        equal((answer.status, answer.body), (200, b'answer 1'))
        equal([answer.field(n) for n in ('x-a', 'content-type',
                                         'cache-control')],
              ['3', 'c/d', 'max-age=60'])
    equal(c.n, 2)


@check('3.2 keeps-others')
def _(c):
    c.says(stale('max-age=10', ETAG, ('X-A', '1'), ('X-B', '2')),
           A('max-age=60', ('X-B', '3'), status=304))
    c.store()
    c.store()
    equal([c.get().field(n) for n in ('x-a', 'x-b', 'etag')],
          ['1', '3', ETAG[1]])


@check('3.2 not-length-and-coding')
def _(c):
    c.says(stale('max-age=10', ETAG, ('Content-Encoding', 'odd'),
                 body='four'),
           A('max-age=60', ('Content-Length', '9'),
             ('Content-Encoding', 'even'), ('Content-Range', 'bytes 0-1/2'),
             status=304))
    c.store()
    c.store()
    got = c.get()
    equal([got.field(n) for n in ('content-length', 'content-encoding',
                                  'content-range')], ['4', 'odd', None])
    equal(got.body, b'four')


@check('3.3 incomplete-not-stored')
def _(c):
    c.says(A('max-age=60', body='short', length=50, is_cut=True),
           A('max-age=60'))
    c.store()
    equal(c.get().body, b'answer 2')


@check('3.3 incomplete-not-passed-as-whole')
def _(c):
    c.says(A('max-age=60', body='short', length=50, is_cut=True))
    equal(c.get().status, 502)


@check('3.3 partial-not-stored')
def _(c):
    c.says(A('max-age=60', ETAG, ('Content-Range', 'bytes 0-1/8'), body='01',
             status=206), A('max-age=60', ETAG, body='01234567'))
    equal(c.store(range='bytes=0-1').status, 206)
    got = c.store()
    equal((got.status, got.body, c.n), (200, b'01234567', 2))
    true('hit' in c.get().cache, 'the whole is stored')


@check('3.3 partial-told-as-206')
def _(c):
    c.says(A('max-age=60', ('Content-Range', 'bytes 0-1/8'), body='01',
             status=206))
    got = c.get(range='bytes=0-1')
    equal((got.status, got.body, got.field('content-range')),
          (206, b'01', 'bytes 0-1/8'))
    equal(c.seen[0].get('range'), 'bytes=0-1')


@check('3.3 range-of-stored')
def _(c):
    """No support for ranges: the origin is asked, with all that was said."""
    c.says(A('max-age=60', ETAG, body='0123'),
           A('max-age=60', ETAG, ('Content-Range', 'bytes 1-2/4'), body='12',
             status=206))
    c.store()
    got = c.get(range='bytes=1-2', if_range='"e1"')
    equal((got.status, got.body), (206, b'12'))
    equal((c.seen[1].get('range'), c.seen[1].get('if-range')),
          ('bytes=1-2', '"e1"'))
    equal(c.get().body, b'0123')


excuse('3.4 combining', 'partial content is never stored')
excuse('3.4 strong-validator', 'partial content is never combined')


@check('3.5 authorization-not-shared')
def _(c):
    for n, cc in enumerate(('max-age=60', 'public, max-age=60',
                            's-maxage=60', 'must-revalidate, max-age=60')):
        other = c.at('/%d' % n).says(A(cc))
        other.store(token='alice')
        equal((cc, 'hit' in other.get().cache), (cc, False))


@check('3.5 authorization-of-others')
def _(c):
    c.says(A('max-age=60'))
    c.store(token='alice')
    for token in 'bob', 'alicea', 'Alice':
        equal((token, 'hit' in c.get(token=token).cache), (token, False))


@check('3.5 authorization-private-to-it')
def _(c):
    """What a credential fetched is a private cache of that credential."""
    c.says(A('max-age=60')).must_reuse(token='alice')


@check('3.5 cookie-is-a-credential')
def _(c):
    """Stricter than 7.3 demands: a session is not shared without Vary."""
    c.says(A('max-age=60'))
    c.store(cookie='session=1')
    equal('hit' in c.get(cookie='session=2').cache, False)
    equal('hit' in c.get().cache, False)
    true('hit' in c.get(cookie='session=1').cache, 'its own')


# ---- 4: reuse ----

@check('4 age-generated')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    equal(c.get().field('age'), '0')


@check('4 age-replaced')
def _(c):
    c.says(A('max-age=60', ('Age', '7')))
    c.store()
    true(int(c.get().field('age')) >= 7, 'one Age, that of now')


@check('4 unsafe-written-through')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    for method in 'POST', 'PUT', 'PATCH', 'DELETE':
        c.call(method, b'body of ' + method.encode())
        equal((c.seen[-1].method, c.seen[-1].body),
              (method, b'body of ' + method.encode()))
    equal(c.n, 5)


@check('4 unsafe-not-answered-before')
def _(c):
    """The answer of a write is the origin's."""
    c.says(A(status=418))
    equal(c.call('POST', b'x').status, 418)


@check('4 no-collapse-of-unusable')
def _(c):
    """Requests at the same moment, and an answer that is for one only."""
    c.says(lambda request: (later(0.1), A('no-store'))[1])
    waiting = [in_thread(c.get) for _ in range(5)]
    equal(len({w.wait().body for w in waiting}), 5)


@check('4 most-recent')
def _(c):
    """What was stored later takes the place of what is there."""
    c.says(A('max-age=60'))
    c.store()
    c.store(cache_control='no-cache')
    equal(c.get().body, b'answer 2')


excuse('4 no-clock', 'the machine has a clock')


# ---- 4.1: Vary ----

VARY = 'Vary', 'Foo'


@check('4.1 match')
def _(c):
    c.says(A('max-age=60', VARY)).must_reuse(foo='1')


@check('4.1 mismatch')
def _(c):
    c.says(A('max-age=60', VARY))
    c.store(foo='1')
    got = c.get(foo='2')
    equal((got.body, got.cache['fwd']), (b'answer 2', 'vary-miss'))
    c.rig.daemon.settle()
    equal([c.get(foo=v).body for v in '12'], [b'answer 1', b'answer 2'])


@check('4.1 absent')
def _(c):
    c.says(A('max-age=60', VARY))
    c.store()
    equal('hit' in c.get(foo='1').cache, False)
    equal('hit' in c.get(foo='').cache, False)
    true('hit' in c.get().cache, 'absent in both')


@check('4.1 several')
def _(c):
    c.says(A('max-age=60', ('Vary', 'Foo, Bar'), ('Vary', 'Baz')))
    c.store(foo='1', bar='2', baz='3')
    for other in ({'foo': '1', 'bar': '2', 'baz': '4'},
                  {'foo': '1', 'bar': '2'}, {'foo': '2', 'bar': '1',
                                            'baz': '3'}):
        equal((other, 'hit' in c.get(**other).cache), (other, False))
    true('hit' in c.get(baz='3', bar='2', foo='1', more='x').cache, 'a match')


@check('4.1 star')
def _(c):
    for n, value in enumerate(('*', '*, *', ', *', 'Foo, *', '*, Foo')):
        c.at('/%d' % n).says(A('max-age=60', ('Vary', value))
                             ).must_ask_again(foo='1')
    c.at('/lines').says(A('max-age=60', VARY, ('Vary', '*'))
                        ).must_ask_again(foo='1')


@check('4.1 white-space')
def _(c):
    c.says(A('max-age=60', VARY))
    c.store(foo='a, b')
    true('hit' in c.get(foo='a,b').cache, 'only laid out otherwise')


@check('4.1 lines-combined')
def _(c):
    c.says(A('max-age=60', VARY))
    c.store(foo=['a', 'b'])
    true('hit' in c.get(foo='a, b').cache, 'the same list')
    equal('hit' in c.get(foo=['b', 'a']).cache, False)


@check('4.1 most-recent-variant')
def _(c):
    """Of two that match, the one without Vary came later."""
    c.says(A('max-age=60', VARY), A('max-age=60'))
    c.store(foo='1')
    c.store(foo='2')
    equal(c.get(foo='1').body, b'answer 2')


@check('4.1 unreadable')
def _(c):
    c.says(A('max-age=60', ('Vary', 'Foo Bar'))).must_ask_again(foo='1')


@check('4.1 answer-without-vary')
def _(c):
    c.says(A('max-age=60'))
    c.store(foo='1')
    true('hit' in c.get(foo='2').cache, 'it does not depend on Foo')


# ---- 4.2: freshness ----

@check('4.2 fresh-reused')
def _(c):
    c.says(A('max-age=60', ('Age', '58'))).must_reuse()


@check('4.2 stale-not-reused')
def _(c):
    c.says(A('max-age=1'))
    c.store()
    later(1.1)
    equal(c.get().body, b'answer 2')
    c.at('/age').says(stale()).must_ask_again()
    c.at('/equal').says(A('max-age=60', ('Age', '60'))).must_ask_again()


@check('4.2.1 s-maxage-first')
def _(c):
    for n, cc in enumerate(('max-age=0, s-maxage=60', 's-maxage=60, '
                            'max-age=0')):
        c.at('/%d' % n).says(A(cc)).must_reuse()
    c.at('/shorter').says(A('s-maxage=0, max-age=60')).must_ask_again()
    c.at('/expires').says(A('s-maxage=60', ('Expires', date(-60)))
                          ).must_reuse()


@check('4.2.1 max-age-before-expires')
def _(c):
    c.at('/1').says(A('max-age=60', ('Expires', date(-60)))).must_reuse()
    c.at('/2').says(A('max-age=0', ('Expires', date(60)))).must_ask_again()
    c.at('/3').says(A('max-age=60', ('Expires', '0'))).must_reuse()


@check('4.2.1 expires-against-date')
def _(c):
    """The clock of the origin, not ours."""
    c.at('/slow').says(A(None, ('Date', date(-600)), ('Expires', date(-540)),
                         )).must_ask_again()
    c.at('/fast').says(A(None, ('Date', date(600)), ('Expires', date(660)))
                       ).must_reuse()
    c.at('/past').says(A(None, ('Date', date(600)), ('Expires', date(540)))
                       ).must_ask_again()


@check('4.2.1 duplicates')
def _(c):
    """The first, or stale: the smaller satisfies both."""
    c.at('/1').says(A('max-age=0, max-age=60')).must_ask_again()
    c.at('/2').says(A('max-age=60, max-age=0')).must_ask_again()
    c.at('/3').says(A(None, ('Expires', date(60)), ('Expires', date(-60)))
                    ).must_ask_again()


@check('4.2.1 conflicting')
def _(c):
    """The most restrictive directive is honoured."""
    c.at('/1').says(A('max-age=60, no-store')).must_ask_again()
    c.at('/2').says(A('public, private, max-age=60')).must_ask_again()
    c.at('/3').says(A('no-cache, max-age=60', ETAG)).must_ask_again()


@check('4.2.1 invalid')
def _(c):
    for n, value in enumerate(('-60', '60.0', "'60'", '6 0', '60s', 'x', '',
                               '"', '+60')):
        c.at('/%d' % n).says(A('max-age=' + value)).must_ask_again()
    for n, value in enumerate(('0', '-1', 'now', '60', date(60) + ' x',
                               date(60).replace('GMT', 'UTC'))):
        c.at('/e%d' % n).says(A(None, ('Expires', value))).must_ask_again()


@check('4.2.1 overflow')
def _(c):
    for n, value in enumerate((2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 64, 10 ** 30,
                               '003600')):
        c.at('/%d' % n).says(A('max-age=%s' % value)).must_reuse()


@check('4.2.1 quoted')
def _(c):
    """Both forms are to be taken (section 5.2)."""
    c.says(A('max-age="60"')).must_reuse()


@check('4.2.1 in-quoted-string')
def _(c):
    for n, cc in enumerate(('a="max-age=60"', 'a="b, max-age=60, c"',
                            'a="\\"max-age=60"', 'max-age=0, a="max-age=60"')):
        c.at('/%d' % n).says(A(cc)).must_ask_again()
    c.at('/behind').says(A('a="b, c", max-age=60')).must_reuse()


@check('4.2.1 case')
def _(c):
    c.says(A('MaX-aGe=60')).must_reuse()


@check('4.2.1 several-lines')
def _(c):
    c.says(A('public', ('Cache-Control', 'max-age=60'))).must_reuse()
    c.at('/no').says(A('max-age=60', ('Cache-Control', 'no-store'))
                     ).must_ask_again()


@check('4.2.2 no-heuristics')
def _(c):
    """This cache has none, which is allowed."""
    for status in 200, 203, 301, 404, 410:
        c.at('/%d' % status).says(A('public', lm(-86400), status=status),
                                  A(status=304)).must_ask_again()


excuse('4.2.2 heuristics-warn', 'no heuristics, nothing to warn of')


@check('4.2.3 age-of-origin')
def _(c):
    c.at('/1').says(A('max-age=60', ('Age', '30')))
    got = c.at('/2').says(A('max-age=60', ('Age', '30'))).must_reuse()
    true(30 <= int(got.field('age')) <= 33, got.field('age'))
    c.at('/3').says(A('max-age=60', ('Age', '61'))).must_ask_again()


@check('4.2.3 apparent-age')
def _(c):
    """An old Date is age, and a Date to come is none."""
    got = c.at('/1').says(A('max-age=60', ('Date', date(-30)))).must_reuse()
    true(29 <= int(got.field('age')) <= 33, got.field('age'))
    c.at('/2').says(A('max-age=60', ('Date', date(-70)))).must_ask_again()
    got = c.at('/3').says(A('max-age=60', ('Date', date(600)))).must_reuse()
    equal(got.field('age'), '0')


@check('4.2.3 grows')
def _(c):
    c.says(A('max-age=60', ('Age', '5')))
    c.store()
    later(1.1)
    true(6 <= int(c.get().field('age')) <= 9, 'what passes here counts')


@check('4.2.3 delay-of-response')
def _(c):
    """Nobody knows when on the way Age was true: from the request on."""
    def slow(_request):
        later(1.1)
        return A('max-age=60', ('Age', '5'), ('Date', date()))
    c.says(slow)
    c.store()
    true(int(c.get().field('age')) >= 6, 'the delay is age')


@check('4.2.3 overflow')
def _(c):
    c.says(A('max-age=%d' % 2 ** 40, ('Age', str(2 ** 40)))).must_ask_again()


# ---- 4.2.4: stale answers ----

@check('4.2.4 connected-not-stale')
def _(c):
    c.says(stale('max-age=10', ETAG), A('max-age=60'))
    c.store()
    equal(c.get().body, b'answer 2')


@check('4.2.4 disconnected-stale')
def _(c):
    c.says(stale())
    c.store()
    got = c.disconnect().get()
    equal((got.status, got.body), (200, b'answer 1'))
    true(int(got.cache['ttl']) < 0, 'marked')


def never_stale(c, cc):
    c.says(stale(cc, ETAG))
    c.store()
    got = c.disconnect().get()
    equal((cc, got.status >= 500), (cc, True))


@check('4.2.4 not-if-must-revalidate')
def _(c):
    never_stale(c, 'max-age=10, must-revalidate')


@check('4.2.4 not-if-proxy-revalidate')
def _(c):
    never_stale(c, 'max-age=10, proxy-revalidate')


@check('4.2.4 not-if-s-maxage')
def _(c):
    never_stale(c, 's-maxage=10')


@check('4.2.4 not-if-no-cache')
def _(c):
    never_stale(c, 'max-age=60, no-cache')


@check('4.2.4 not-on-errors')
def _(c):
    """The origin is there: its error is the answer, unless stale-if-error
    allows more (test_rfc9111_fields.py)."""
    c.says(stale('max-age=10', ETAG), A(status=503))
    c.store()
    equal(c.get().status, 503)


sys.exit(run(WANTED))
