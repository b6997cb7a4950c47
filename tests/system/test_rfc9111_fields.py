#!/usr/bin/env python3
"""RFC 9111 from section 5 on, directives and fields, and what belongs to it of
RFC 9110, 5861 and 9211. Under the standards profile."""

import sys

from rfc_rig import ETAG, A, check, date, excuse, lm, run, stale
from rig import equal, true
from scripted import later, wait_for

WANTED = [
    '5.1 first-of-list', '5.1 invalid-ignored',
    '5.2 passed-on-to-origin', '5.2 passed-on-to-client',
    '5.2 unknown-ignored', '5.2.1.1 max-age', '5.2.1.2 max-stale',
    '5.2.1.2 max-stale-bound', '5.2.1.3 min-fresh', '5.2.1.4 no-cache',
    '5.2.1.5 no-store', '5.2.1.6 no-transform', '5.2.1.7 only-if-cached',
    '5.2.2.1 max-age', '5.2.2.2 must-revalidate',
    '5.2.2.2 must-revalidate-504', '5.2.2.2 not-even-by-max-stale',
    '5.2.2.3 must-understand', '5.2.2.4 no-cache',
    '5.2.2.4 no-cache-504', '5.2.2.5 no-store', '5.2.2.6 no-transform',
    '5.2.2.7 private', '5.2.2.8 proxy-revalidate', '5.2.2.9 public',
    '5.2.2.10 s-maxage', '5.2.3 extensions',
    '5.3 invalid-is-past', '5.3 ignored-beside-max-age', '5.4 pragma',
    '5.4 pragma-beside-cache-control', '5.4 pragma-of-answers',
    '5.5 warning', '6 history', '7.1 poisoning-by-errors',
    '7.3 set-cookie',
    '9110-6.6.1 date-kept', '9110-6.6.1 date-added',
    '9110-7.6.1 connection-cannot-strip', '9110-7.6.3 via-to-origin',
    '9110-7.6.3 via-to-client', '9110-13.2.2 precedence',
    '9110-15.4.5 fields-of-304', '9110-15.4.5 no-body',
    '5861-3 while-revalidate', '5861-3 not-longer',
    '5861-4 if-error', '5861-4 if-error-of-request', '5861-4 not-longer',
    '9211-2 hit', '9211-2 stale', '9211-2 miss', '9211-2 request',
    '9211-2 vary-miss', '9211-2 method', '9211-2 stored',
    '9211-2 appended',
]
LM = lm()


# ---- 5.1, 5.2: Age, Cache-Control ----

@check('5.1 first-of-list')
def _(c):
    c.at('/1').says(A('max-age=60', ('Age', '0, 90'))).must_reuse()
    c.at('/2').says(A('max-age=60', ('Age', '90, 0'))).must_ask_again()


@check('5.1 invalid-ignored')
def _(c):
    for n, value in enumerate(('x', '-7', '7.5', '7;x=1', '')):
        c.at('/%d' % n).says(A('max-age=60', ('Age', value))).must_reuse()


@check('5.2 passed-on-to-origin')
def _(c):
    text = 'max-age=0, no-transform, my-own="a, b"'
    c.says(A())
    c.get(cache_control=text)
    equal(c.seen[0].get('cache-control'), text)


@check('5.2 passed-on-to-client')
def _(c):
    text = 'max-age=60, no-transform, my-own="a, b", public'
    c.says(A(text))
    equal([c.store().field('cache-control'), c.get().field('cache-control')],
          [text, text])


@check('5.2 unknown-ignored')
def _(c):
    c.says(A('my-own, max-age=60, other="max-age=0"')).must_reuse(
        cache_control='nothing-to-see-here')


@check('5.2.1.1 max-age')
def _(c):
    c.says(A('max-age=60', ('Age', '30')))
    c.store()
    true('hit' in c.get(cache_control='max-age=50').cache, 'young enough')
    equal(c.get(cache_control='max-age=20').body, b'answer 2')


@check('5.2.1.2 max-stale')
def _(c):
    c.says(stale())
    c.store()
    for value in 'max-stale', 'max-stale=60':
        got = c.get(cache_control=value)
        equal((got.body, int(got.cache['ttl']) < 0), (b'answer 1', True))


@check('5.2.1.2 max-stale-bound')
def _(c):
    c.says(stale('max-age=10'))
    c.store()
    equal(c.get(cache_control='max-stale=5').body, b'answer 2')


@check('5.2.1.3 min-fresh')
def _(c):
    c.says(A('max-age=60', ('Age', '30')))
    c.store()
    true('hit' in c.get(cache_control='min-fresh=20').cache, 'fresh enough')
    equal(c.get(cache_control='min-fresh=40').body, b'answer 2')


@check('5.2.1.4 no-cache')
def _(c):
    c.says(A('max-age=60', ETAG), A('max-age=60', ETAG, status=304))
    c.store()
    equal(c.get(cache_control='no-cache').body, b'answer 1')
    equal((c.n, c.seen[1].get('if-none-match')), (2, '"e1"'))


@check('5.2.1.5 no-store')
def _(c):
    c.says(A('max-age=60')).must_ask_again(cache_control='no-store')


@check('5.2.1.6 no-transform')
def _(c):
    c.says(A('max-age=60', ('Content-Type', 'text/html'), body='<p> x </p>'))
    equal(c.get(cache_control='no-transform').body, b'<p> x </p>')


@check('5.2.1.7 only-if-cached')
def _(c):
    c.says(A('max-age=60'))
    equal((c.get(cache_control='only-if-cached').status, c.n), (504, 0))
    c.store()
    equal(c.get(cache_control='only-if-cached').body, b'answer 1')
    old = c.at('/old').says(stale())
    old.store()
    equal(old.get(cache_control='only-if-cached').status, 504)
    equal(old.get(cache_control='only-if-cached, max-stale').status, 200)


@check('5.2.2.1 max-age')
def _(c):
    c.says(A('max-age=60', ('Age', '59'))).must_reuse()


@check('5.2.2.2 must-revalidate')
def _(c):
    c.at('/fresh').says(A('max-age=60, must-revalidate')).must_reuse()
    c.at('/stale').says(stale('max-age=10, must-revalidate', ETAG)
                        ).must_validate('"e1"')


@check('5.2.2.2 must-revalidate-504')
def _(c):
    c.says(stale('max-age=10, must-revalidate', ETAG))
    c.store()
    equal(c.disconnect().get().status, 504)


@check('5.2.2.2 not-even-by-max-stale')
def _(c):
    c.says(stale('max-age=10, must-revalidate', ETAG), A())
    c.store()
    equal(c.get(cache_control='max-stale').body, b'answer 2')


@check('5.2.2.3 must-understand')
def _(c):
    c.says(A('must-understand, no-store, max-age=60')).must_reuse()
    c.at('/odd').says(A('must-understand, max-age=60', status=499)
                      ).must_ask_again()


@check('5.2.2.4 no-cache')
def _(c):
    c.says(A('no-cache, max-age=60', ETAG),
           A('no-cache, max-age=60', ETAG, status=304))
    equal(c.must_validate('"e1"').body, b'answer 1')
    c.get()
    equal((c.n, c.seen[2].get('if-none-match')), (3, '"e1"'))


@check('5.2.2.4 no-cache-504')
def _(c):
    c.says(A('no-cache, max-age=60', ETAG))
    c.store()
    equal(c.disconnect().get().status, 504)


@check('5.2.2.5 no-store')
def _(c):
    c.says(A('no-store', ETAG, ('Expires', date(60)))).must_ask_again()


@check('5.2.2.6 no-transform')
def _(c):
    c.says(A('no-transform, max-age=60', ('Content-Encoding', 'gzip'),
             body=b'\x1f\x8b\x08not really'))
    got = c.must_reuse()
    equal((got.body, got.field('content-encoding')),
          (b'\x1f\x8b\x08not really', 'gzip'))


@check('5.2.2.7 private')
def _(c):
    c.says(A('private, max-age=60')).must_ask_again(token='alice')


@check('5.2.2.8 proxy-revalidate')
def _(c):
    c.says(stale('max-age=10, proxy-revalidate', ETAG)).must_validate('"e1"')
    equal(c.disconnect().get().status, 504)


@check('5.2.2.9 public')
def _(c):
    """It allows, and gives no time."""
    c.at('/1').says(A('public')).must_ask_again()
    c.at('/2').says(A('public, max-age=60')).must_reuse()


@check('5.2.2.10 s-maxage')
def _(c):
    c.says(A('s-maxage=60, max-age=0')).must_reuse()
    old = c.at('/old').says(stale('s-maxage=10', ETAG))
    old.must_validate('"e1"')
    equal(old.disconnect().get().status, 504)


@check('5.2.3 extensions')
def _(c):
    c.says(A('private-ish="no-store", community="x", max-age=60')
           ).must_reuse()


# ---- 5.3 to 7 ----

@check('5.3 invalid-is-past')
def _(c):
    c.says(A(None, ('Expires', '0'), ETAG), A(status=304)
           ).must_validate('"e1"')


@check('5.3 ignored-beside-max-age')
def _(c):
    c.says(A('max-age=60', ('Expires', 'Thu, 01 Jan 1970 00:00:00 GMT'))
           ).must_reuse()


@check('5.4 pragma')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    equal(c.get(pragma='no-cache').body, b'answer 2')


@check('5.4 pragma-beside-cache-control')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    true('hit' in c.get(pragma='no-cache', cache_control='max-age=60').cache,
         'Cache-Control decides')


@check('5.4 pragma-of-answers')
def _(c):
    """It has no meaning there."""
    c.says(A('max-age=60', ('Pragma', 'no-cache'))).must_reuse()


excuse('5.5 warning', 'the field is obsolete; none is made, and one that '
                      'comes is passed on as any other')
excuse('6 history', 'a proxy has no history')


@check('7.1 poisoning-by-errors')
def _(c):
    """Our own errors are never stored."""
    c.says(A('max-age=60'))
    equal(c.get(x_long='x' * 40000).status, 431)
    equal(c.store().status, 200)


@check('7.3 set-cookie')
def _(c):
    """It forbids no reuse: who says so must say it by Cache-Control."""
    c.says(A('max-age=60', ('Set-Cookie', 'a=b'))).must_reuse()


# ---- RFC 9110 ----

@check('9110-6.6.1 date-kept')
def _(c):
    when = date(-7)
    c.says(A('max-age=60', ('Date', when), ETAG))
    equal([c.store().field('date'), c.get().field('date'),
           c.get(if_none_match='"e1"').field('date')], [when] * 3)


@check('9110-6.6.1 date-added')
def _(c):
    c.says(A('max-age=60'))
    first = c.store().field('date')
    true(first, 'the time of receipt')
    later(1.1)
    equal(c.get().field('date'), first)


@check('9110-7.6.1 connection-cannot-strip')
def _(c):
    c.says(A())
    for name in 'Authorization', 'Host', 'Content-Length', 'Content-Type':
        equal((name, c.get(connection=name).status), (name, 400))
    equal(c.n, 0)


@check('9110-7.6.3 via-to-origin')
def _(c):
    c.says(A())
    c.get(via='1.0 client-side')
    equal(c.seen[0].all('via'), ['1.1 ghlmirror', '1.0 client-side'][::-1])


@check('9110-7.6.3 via-to-client')
def _(c):
    c.says(A('max-age=60', ('Via', '1.0 origin-side')))
    for got in c.store(), c.get():
        equal(got.field('via'), '1.0 origin-side, 1.1 ghlmirror')


@check('9110-13.2.2 precedence')
def _(c):
    c.says(A('max-age=60', ETAG, LM))
    c.store()
    equal(c.get(if_none_match='"other"', if_modified_since=LM[1]).status, 200)


@check('9110-15.4.5 fields-of-304')
def _(c):
    fields = [('Content-Location', '/x'), ETAG, ('Expires', date(60)),
              ('Vary', 'Foo'), LM]
    c.says(A('max-age=60', *fields, ('Content-Type', 'a/b')))
    c.store()
    got = c.get(if_none_match='"e1"')
    equal([got.field(n) for n, _ in fields], [v for _, v in fields])
    equal(got.field('cache-control'), 'max-age=60')
    equal(got.field('content-type'), None)


@check('9110-15.4.5 no-body')
def _(c):
    c.says(A('max-age=60', ETAG))
    c.store()
    got = c.get(if_none_match='"e1"')
    equal((got.status, got.body, got.field('transfer-encoding')),
          (304, b'', None))


# ---- RFC 5861, RFC 9211 ----

@check('5861-3 while-revalidate')
def _(c):
    c.says(stale('max-age=10, stale-while-revalidate=60'), A('max-age=60'))
    c.store()
    got = c.get()
    equal((got.body, got.detail), (b'answer 1', 'revalidating'))
    wait_for(lambda: c.n == 2, 'the request behind')
    c.rig.daemon.settle()
    equal(c.get().body, b'answer 2')


@check('5861-3 not-longer')
def _(c):
    c.says(stale('max-age=10, stale-while-revalidate=5'), A('max-age=60'))
    c.store()
    equal(c.get().body, b'answer 2')


@check('5861-4 if-error')
def _(c):
    for status in 500, 502, 503, 504:
        one = c.at('/%d' % status)
        one.says(stale('max-age=10, stale-if-error=60'), A(status=status))
        one.store()
        equal((status, one.get().body), (status, b'answer 1'))
    one = c.at('/gone').says(stale('max-age=10, stale-if-error=60'))
    one.store()
    equal(one.disconnect().get().body, b'answer 1')


@check('5861-4 if-error-of-request')
def _(c):
    c.says(stale(), A(status=503))
    c.store()
    equal(c.get(cache_control='stale-if-error=60').body, b'answer 1')
    equal(c.get(cache_control='stale-if-error=5').status, 503)


@check('5861-4 not-longer')
def _(c):
    c.says(stale('max-age=10, stale-if-error=5'), A(status=503))
    c.store()
    equal(c.get().status, 503)
    equal(c.disconnect().get().status >= 500, True)


@check('9211-2 hit')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    got = c.get().cache
    equal((got['hit'], 55 <= int(got['ttl']) <= 60), (True, True))


@check('9211-2 stale')
def _(c):
    c.says(stale(), A())
    c.store()
    got = c.get().cache
    equal((got['fwd'], got['fwd-status']), ('stale', '200'))


@check('9211-2 miss')
def _(c):
    c.says(A('no-store', status=404))
    equal(c.get().cache, {'fwd': 'uri-miss', 'fwd-status': '404'})


@check('9211-2 request')
def _(c):
    c.says(A('max-age=60'))
    c.store()
    equal(c.get(cache_control='max-age=0').cache['fwd'], 'request')


@check('9211-2 vary-miss')
def _(c):
    c.says(A('max-age=60', ('Vary', 'Foo')))
    c.store(foo='1')
    equal(c.get(foo='2').cache['fwd'], 'vary-miss')


@check('9211-2 method')
def _(c):
    c.says(A())
    equal(c.call('POST', b'x').cache['fwd'], 'method')


@check('9211-2 stored')
def _(c):
    c.says(A('max-age=60'))
    equal(c.get().cache.get('stored'), True)


@check('9211-2 appended')
def _(c):
    """Behind those of the caches before."""
    c.says(A('max-age=60', ('Cache-Status', 'Other; hit')))
    first = c.store().field('cache-status')
    true(first.startswith('Other; hit, ghlmirror; fwd='), first)
    again = c.get().field('cache-status')
    true(again.startswith('Other; hit, ghlmirror; hit'), again)


sys.exit(run(WANTED))
