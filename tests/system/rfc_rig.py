"""Checks of a cache against what a standard demands, one by one: each has the
number of the section and a name, a path of its own, and says what the origin
answers there.

    @check('5.2.2.5 no-store')
    def _(c):
        c.says(A('no-store, max-age=60'))
        c.must_ask_again()
"""
import collections
import email.utils
import os
import sys
import time

import sandbox_tap
from rig import Client, equal
from scripted import Answer, Script
from sandbox_tap import SOURCE

CONFIG = os.path.join(SOURCE, 'contrib', 'standards.conf')
CHECKS = collections.OrderedDict()
EXCUSED = collections.OrderedDict()


def date(seconds=0):
    """An HTTP date, that many seconds from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def A(cc=None, *fields, body=None, status=200, **more):
    """What the origin answers; cc is its Cache-Control. A body says which
    answer it was unless there is one."""
    fields = list(fields)
    if cc is not None:
        fields.insert(0, ('Cache-Control', cc))
    return Answer(b'' if body is None else body, status, fields, **more), \
        body is None


def stale(cc='max-age=10', *fields, **more):
    """Stored, and expired ten seconds ago."""
    return A(cc, ('Age', '20'), *fields, **more)


def lm(seconds=-1000):
    return 'Last-Modified', date(seconds)


ETAG = 'ETag', '"e1"'


class Case:
    """One check on its way."""

    def __init__(self, rig, number):
        self.rig, self.path = rig, '/check-%d' % number
        self.answers, self.seen, self.parts = [], [], {}

    # ---- the origin ----

    def says(self, *answers):
        """In this order, the last again and again: what A or stale gives, a
        function of the request, or None for a connection that is cut."""
        self.answers = list(answers)
        return self

    def at(self, part):
        """What the origin says below this path."""
        case = Case(self.rig, 0)
        case.path = self.path + part
        self.rig.add(case)
        return case

    def answer(self, request):
        self.seen.append(request)
        n = len(self.seen)
        said = self.answers[min(n, len(self.answers)) - 1]
        if callable(said):
            said = said(request)
        if said is None:
            return None
        answer, is_numbered = said
        if is_numbered:
            answer = Answer(b'answer %d' % n, answer.status, answer.fields,
                            answer.length, answer.is_cut)
        return answer

    @property
    def n(self):
        """Requests that the origin has seen."""
        return len(self.seen)

    # ---- the client ----

    def call(self, method='GET', body=None, query='', token=None, **fields):
        """Header fields by keyword, cache_control='no-cache'; a list is
        several lines."""
        wanted = [(k.replace('_', '-').title(), x) for k, v in fields.items()
                  for x in (v if isinstance(v, list) else [v])]
        if token:
            wanted.append(('Authorization', 'Bearer ' + token))
        client = Client(self.rig.address)
        lines = ['%s %s%s HTTP/1.1' % (method, self.path, query),
                 'Host: 127.0.0.1'] + ['%s: %s' % f for f in wanted]
        if body is not None:
            lines.append('Content-Length: %d' % len(body))
        client.send(('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') +
                    (body or b''))
        try:
            return client.response(method)
        finally:
            client.sock.close()

    def get(self, **fields):
        return self.call('GET', **fields)

    def store(self, **fields):
        """Asked once, and committed if it may be stored."""
        answer = self.get(**fields)
        self.rig.daemon.settle()
        return answer

    # ---- what must be ----

    def must_reuse(self, **fields):
        """The second of two equal requests comes from the store."""
        first = self.store(**fields)
        again = self.get(**fields)
        equal((again.status, again.body), (first.status, first.body))
        equal((self.n, 'hit' in again.cache), (1, True))
        return again

    def must_ask_again(self, **fields):
        self.store(**fields)
        again = self.get(**fields)
        equal((self.n, 'hit' in again.cache), (2, False))
        return again

    def must_validate(self, etag=None, last_modified=None, **fields):
        """The second is a conditional request with these."""
        self.store(**fields)
        again = self.get(**fields)
        equal(self.n, 2)
        equal((self.seen[1].get('if-none-match'),
               self.seen[1].get('if-modified-since')), (etag, last_modified))
        return again

    def disconnect(self):
        """From now on the origin cuts every connection of this check."""
        self.answers = [None]
        self.seen.clear()
        return self


def check(name):
    def add(function):
        if name in CHECKS:
            raise AssertionError('twice: ' + name)
        CHECKS[name] = function
        return function
    return add


def excuse(name, why):
    EXCUSED[name] = why


class StandardsRig(Script):
    def __init__(self, *options):
        with open(CONFIG, encoding='utf-8') as f:
            super().__init__(self._answer, *options, config=f.read())
        self.cases = {}

    def add(self, case):
        self.cases[case.path] = case
        return case

    def _answer(self, request):
        path = request.path
        while path not in self.cases:
            path = path.rpartition('/')[0]
        return self.cases[path].answer(request)


def run(wanted):
    """Every name in wanted is checked or excused, and nothing else is; then
    all checks run. --list prints what there is."""
    if '--list' in sys.argv:
        for name in wanted:
            print('%-60s %s' % (name, EXCUSED.get(name, 'checked')))
        return 0
    with StandardsRig() as rig:
        @sandbox_tap.test
        def every_requirement_is_checked_or_excused():
            equal(sorted(set(wanted) ^ (set(CHECKS) | set(EXCUSED))), [])
            equal(sorted(set(CHECKS) & set(EXCUSED)), [])
            equal(len(wanted), len(set(wanted)))

        for number, (name, function) in enumerate(CHECKS.items()):
            def one(function=function, number=number):
                function(rig.add(Case(rig, number)))
            one.__name__ = name
            sandbox_tap.test(one)
        return sandbox_tap.run()
