#!/usr/bin/env python3
"""RFC 9111 sections 4.3 and 4.4: validation, invalidation. Under the standards
profile."""

import sys

from rfc_rig import ETAG, A, check, date, lm, run, stale
from rig import equal, true

WANTED = [
    '4.3.1 etag-sent', '4.3.1 last-modified-sent', '4.3.1 both-sent',
    '4.3.1 bad-etag-not-sent', '4.3.1 fields-of-vary-sent',
    '4.3.2 if-none-match', '4.3.2 if-none-match-weak',
    '4.3.2 if-none-match-first', '4.3.2 if-modified-since',
    '4.3.2 date-instead-of-last-modified', '4.3.2 bad-date-ignored',
    '4.3.2 not-if-match', '4.3.2 only-200', '4.3.2 misses-too',
    '4.3.2 only-get-and-head',
    '4.3.3 304-reuses', '4.3.3 full-answer-replaces', '4.3.3 error-forwarded',
    '4.3.3 304-to-the-client', '4.3.4 strong-mismatch', '4.3.4 weak',
    '4.3.4 without-validator', '4.3.4 freshened',
    '4.3.5 head-freshens', '4.3.5 head-invalidates-by-validator',
    '4.3.5 head-invalidates-by-length', '4.3.5 head-not-stored',
    '4.3.5 head-from-get',
    '4.4 target', '4.4 target-of-unknown-method', '4.4 not-on-errors',
    '4.4 location', '4.4 content-location', '4.4 other-host',
    '4.4 not-by-safe-methods', '4.4 all-variants', '4.4 of-all-credentials',
]
LM = lm()


# ---- 4.3: validation ----

@check('4.3.1 etag-sent')
def _(c):
    for n, etag in enumerate(('"e1"', 'W/"e1"', '""', '"a,b"')):
        c.at('/%d' % n).says(stale('max-age=10', ('ETag', etag))
                             ).must_validate(etag)


@check('4.3.1 last-modified-sent')
def _(c):
    c.says(stale('max-age=10', LM)).must_validate(None, LM[1])


@check('4.3.1 both-sent')
def _(c):
    c.says(stale('max-age=10', ETAG, LM)).must_validate(ETAG[1], LM[1])


@check('4.3.1 bad-etag-not-sent')
def _(c):
    c.says(stale('max-age=10', ('ETag', 'e1'), LM)
           ).must_validate(None, LM[1])


@check('4.3.1 fields-of-vary-sent')
def _(c):
    c.says(stale('max-age=10', ETAG, ('Vary', 'Foo')))
    c.must_validate(ETAG[1], foo='1')
    equal(c.seen[1].get('foo'), '1')


@check('4.3.2 if-none-match')
def _(c):
    c.says(A('max-age=60', ETAG))
    c.store()
    for value in '"e1"', 'W/"e1"', '"x", "e1"', '"e1", "x"', '*':
        got = c.get(if_none_match=value)
        equal((value, got.status, got.body), (value, 304, b''))
    for value in '"e2"', 'e1', '"E1"', '':
        equal((value, c.get(if_none_match=value).status), (value, 200))
    equal(c.n, 1)


@check('4.3.2 if-none-match-weak')
def _(c):
    c.says(A('max-age=60', ('ETag', 'W/"e1"')))
    c.store()
    equal([c.get(if_none_match=v).status for v in ('"e1"', 'W/"e1"', 'w/"e1"')
           ], [304, 304, 200])


@check('4.3.2 if-none-match-first')
def _(c):
    """If-Modified-Since counts only without it."""
    c.says(A('max-age=60', ETAG, LM))
    c.store()
    equal(c.get(if_none_match='"e2"', if_modified_since=date()).status, 200)
    equal(c.get(if_none_match='"e1"', if_modified_since=date(-99999)).status,
          304)


@check('4.3.2 if-modified-since')
def _(c):
    c.says(A('max-age=60', LM))
    c.store()
    equal([c.get(if_modified_since=v).status for v in
           (LM[1], date(-500), date(-2000))], [304, 304, 200])


@check('4.3.2 date-instead-of-last-modified')
def _(c):
    c.says(A('max-age=60', ('Date', date(-5))))
    c.store()
    equal([c.get(if_modified_since=date(s)).status for s in (0, -60)],
          [304, 200])


@check('4.3.2 bad-date-ignored')
def _(c):
    c.says(A('max-age=60', LM))
    c.store()
    for value in 'now', '0', date().replace('GMT', ''):
        equal(c.get(if_modified_since=value).status, 200)


@check('4.3.2 not-if-match')
def _(c):
    """What only an origin can judge goes there."""
    c.says(A('max-age=60', ETAG), A(status=412))
    c.store()
    equal(c.get(if_match='"e2"').status, 412)
    equal(c.seen[1].get('if-match'), '"e2"')
    equal(c.get(if_unmodified_since=date(-9999)).status, 412)
    equal(c.get().body, b'answer 1')


@check('4.3.2 only-200')
def _(c):
    """RFC 9110 section 13.2.1."""
    c.says(A('max-age=60', ETAG, status=404))
    c.store()
    equal(c.get(if_none_match='"e1"').status, 404)


@check('4.3.2 misses-too')
def _(c):
    """The whole is fetched and stored; the client has it already."""
    c.says(A('max-age=60', ETAG))
    equal(c.store(if_none_match='"e1"').status, 304)
    equal(c.seen[0].get('if-none-match'), None)
    equal(c.get().body, b'answer 1')


@check('4.3.2 only-get-and-head')
def _(c):
    c.says(A('max-age=60', ETAG), A(status=412))
    c.store()
    equal(c.call('PUT', b'x', if_none_match='*').status, 412)
    equal(c.seen[1].get('if-none-match'), '*')


@check('4.3.3 304-reuses')
def _(c):
    c.says(stale('max-age=10', ETAG), A(None, ETAG, status=304))
    got = c.must_validate(ETAG[1])
    equal((got.status, got.body), (200, b'answer 1'))
    equal((got.cache['fwd'], got.cache['fwd-status']), ('stale', '304'))


@check('4.3.3 full-answer-replaces')
def _(c):
    c.says(stale('max-age=10', ETAG), A('max-age=60', ('ETag', '"e2"')))
    equal(c.must_validate(ETAG[1]).body, b'answer 2')
    c.rig.daemon.settle()
    equal((c.get().body, c.n), (b'answer 2', 2))


@check('4.3.3 error-forwarded')
def _(c):
    c.says(stale('max-age=10', ETAG), A(status=500), A(None, ETAG, status=304))
    equal(c.must_validate(ETAG[1]).status, 500)
    equal((c.get().body, c.n), (b'answer 1', 3))


@check('4.3.3 304-to-the-client')
def _(c):
    c.says(stale('max-age=10', ETAG), A('max-age=60', ETAG, status=304))
    c.store()
    equal(c.get(if_none_match='"e1"').status, 304)
    equal(c.seen[1].get('if-none-match'), '"e1"')


@check('4.3.4 strong-mismatch')
def _(c):
    """It is about another answer: the stored one is neither updated nor
    used, and the whole is asked for."""
    c.says(stale('max-age=10', ETAG, ('X-A', '1')),
           A('max-age=60', ('ETag', '"e2"'), ('X-A', '2'), status=304),
           A('max-age=60', ('ETag', '"e3"')))
    c.store()
    got = c.get()
    equal((got.body, got.field('etag')), (b'answer 3', '"e3"'))
    equal(c.seen[2].get('if-none-match'), None)


@check('4.3.4 weak')
def _(c):
    c.says(stale('max-age=10', ('ETag', 'W/"e1"')),
           A('max-age=60', ('ETag', 'W/"e1"'), status=304))
    equal(c.must_validate('W/"e1"').body, b'answer 1')


@check('4.3.4 without-validator')
def _(c):
    c.says(stale('max-age=10', LM), A('max-age=60', status=304))
    equal(c.must_validate(None, LM[1]).body, b'answer 1')


@check('4.3.4 freshened')
def _(c):
    c.says(stale('max-age=10', ETAG), A('max-age=60', ETAG, status=304))
    c.store()
    c.store()
    got = c.get()
    equal((got.body, c.n), (b'answer 1', 2))
    true(int(got.field('age')) < 10, 'the age begins anew')


def head(c, first, second):
    c.says(first, second)
    c.store()
    equal(c.call('HEAD').status, 200)
    c.rig.daemon.settle()
    equal([r.method for r in c.seen], ['GET', 'HEAD'])


@check('4.3.5 head-freshens')
def _(c):
    head(c, stale('max-age=10', ETAG, ('X-A', '1')),
         A('max-age=60', ETAG, ('X-A', '2'), body='8 bytes '))
    got = c.get()
    equal((got.body, got.field('x-a'), c.n), (b'answer 1', '2', 2))


@check('4.3.5 head-invalidates-by-validator')
def _(c):
    for n, other in enumerate((('ETag', '"e2"'), lm(-5))):
        one = c.at('/%d' % n)
        head(one, stale('max-age=10', ETAG, LM),
             A('max-age=60', other, body='8 bytes '))
        one.disconnect()
        equal(one.get().status >= 500, True)


@check('4.3.5 head-invalidates-by-length')
def _(c):
    head(c, stale('max-age=10', ETAG), A('max-age=60', ETAG, body='9 bytes  '))
    equal(c.disconnect().get().status >= 500, True)


@check('4.3.5 head-not-stored')
def _(c):
    c.says(A('max-age=60', ETAG))
    c.call('HEAD')
    c.rig.daemon.settle()
    equal((c.get().body, c.n), (b'answer 2', 2))


@check('4.3.5 head-from-get')
def _(c):
    c.says(A('max-age=60', ETAG))
    c.store()
    got = c.call('HEAD')
    equal((got.status, got.body, got.field('content-length'), c.n),
          (200, b'', '8', 1))


# ---- 4.4: invalidation ----

def is_invalidated(c, write, *fields, status=200, what=None, **more):
    """Is what (the same path) asked for anew after that write?"""
    what = what or c
    what.says(A('max-age=60'))
    what.store()
    if what is not c:
        c.says(A(None, *fields, status=status))
    else:
        c.answers = [c.answers[0], A(None, *fields, status=status)]
    n = what.n + (what is c)
    c.call(write, b'x', **more)
    what.answers = [A('max-age=60')]
    what.get()
    return what.n > n


@check('4.4 target')
def _(c):
    for method in 'POST', 'PUT', 'PATCH', 'DELETE':
        for status in 200, 201, 204, 303:
            one = c.at('/%s%d' % (method, status))
            equal((method, status, is_invalidated(one, method, status=status)),
                  (method, status, True))


@check('4.4 target-of-unknown-method')
def _(c):
    for method in 'M-SEARCH', 'PURGE', 'X':
        one = c.at('/' + method)
        equal((method, is_invalidated(one, method)), (method, True))


@check('4.4 not-on-errors')
def _(c):
    for status in 400, 403, 404, 409, 422, 500, 503:
        one = c.at('/%d' % status)
        equal((status, is_invalidated(one, 'POST', status=status)),
              (status, False))


def named(c, field, reference, is_wanted=True):
    other = c.at('/other')
    origin = c.rig.origin.url
    text = reference.replace('ORIGIN', origin).replace('PATH', other.path)
    equal((text, is_invalidated(c.at('/write'), 'POST', (field, text),
                                what=other)), (text, is_wanted))


REFERENCES = ['PATH', 'ORIGINPATH', 'other', './x/../other', 'PATH#part',
              'PATH?query=1']


@check('4.4 location')
def _(c):
    for n, reference in enumerate(REFERENCES):
        named(c.at('/%d' % n), 'Location', reference)


@check('4.4 content-location')
def _(c):
    for n, reference in enumerate(REFERENCES):
        named(c.at('/%d' % n), 'Content-Location', reference)


@check('4.4 other-host')
def _(c):
    for n, reference in enumerate((
            'http://other.examplePATH', '//other.examplePATH',
            'ORIGIN0PATH', 'ftp://127.0.0.1PATH')):
        named(c.at('/%d' % n), 'Location', reference, False)


@check('4.4 not-by-safe-methods')
def _(c):
    c.says(A('max-age=60', ('Location', '/x')))
    c.store()
    c.call('OPTIONS')
    true('hit' in c.get().cache, 'OPTIONS changes nothing')


@check('4.4 all-variants')
def _(c):
    c.says(A('max-age=60', ('Vary', 'Foo')))
    for foo in '12':
        c.store(foo=foo)
    c.call('POST', b'x', foo='1')
    equal([c.get(foo=foo).body for foo in '12'], [b'answer 4', b'answer 5'])


@check('4.4 of-all-credentials')
def _(c):
    c.says(A('max-age=60'))
    c.store(token='alice')
    c.call('POST', b'x', token='bob')
    equal(c.get(token='alice').body, b'answer 3')


sys.exit(run(WANTED))
