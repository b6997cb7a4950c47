"""Compares answers through the daemon with those of a second sandbox of the
same seed, which is asked directly.

    with Pair() as pair:
        pair.read('GET', '/contacts/' + contact)
        pair.write('PUT', '/contacts/' + contact, {'firstName': 'New'})

A read stays on a list, and every write is followed by all reads of the list:
once directly, twice through the daemon. All three must be equal, so a write
that leaves a stored answer in place shows at once.
"""
import contextlib
import json
import re
import time
from urllib.parse import urlencode

from rig import Response, Rig, Sandbox, VERSION, WAIT_S, equal, true

# The operations most tools live on.
SIXTEEN = ['contacts.' + name for name in (
    'get-contact', 'get-contacts', 'create-contact', 'update-contact',
    'delete-contact', 'get-contacts-by-businessId', 'get-all-tasks',
    'get-task', 'create-task', 'update-task', 'update-task-completed',
    'delete-task', 'get-all-notes', 'get-note',
    'get-appointments-for-contact', 'add-tags')]
# What a contact may have, and the search that tells.
SHOWN_BY = {
    'conversation': ('conversations', '/conversations/search?'
                     'locationId=%s&contactId=%s'),
    'opportunity': ('opportunities', '/opportunities/search?'
                    'location_id=%s&contact_id=%s')}
# Where the sandboxes' clocks stand; records are of the days before.
CLOCK_S = 1767600000
TRACE = re.compile(rb'"traceId":"[^"]*"')
NEXT_PAGE = re.compile(rb'"nextPageUrl":"https?://([^/"]+)/')
# What no cache may repeat: it belongs to one message, or to the service's
# front. Rate fields do, too, but the daemon has a view of its own of those.
ONCE = re.compile(r'set-cookie|cf-.*|alt-svc|nel|report-to|'
                  r'strict-transport-security')
OWN = re.compile(r'cache-status|age|via|x-request-id|date|connection|'
                 r'content-length|x-ratelimit-.*')


class Read:
    """A read that is repeated after every write."""

    def __init__(self, method, target, body, is_stored):
        self.method, self.target, self.body = method, target, body
        self.is_stored = is_stored

    def __str__(self):
        return '%s %s%s' % (self.method, self.target,
                            ' ' + json.dumps(self.body) if self.body else '')


def lowered(status, headers, body):
    return Response(status, {k.lower(): v for k, v in headers.items()}, body)


def comparable(answer):
    """What must be equal: status, fields, body."""
    fields = {k: v for k, v in answer.head.items()
              if not OWN.fullmatch(k) and not ONCE.fullmatch(k)}
    if TRACE.search(answer.body) or not answer.body:
        fields.pop('etag', None)	# a digest of the traceId, too
    body = TRACE.sub(b'"traceId":""', answer.body)
    return answer.status, fields, NEXT_PAGE.sub(b'"nextPageUrl":"//', body)


def limits(answer):
    return {k: v for k, v in answer.head.items()
            if k.startswith('x-ratelimit-')}


class Pair:
    """The daemon before a sandbox (rig), and a sandbox alone (other)."""

    def __init__(self, *sandbox_options, options=(), config=None,
                 writer='full-1'):
        self.writer = writer
        self.sandbox_options = ('--contacts', '60', '--clock', str(CLOCK_S),
                                *sandbox_options)
        self.rig = Rig(*self.sandbox_options, options=options, config=config)
        self.stack = contextlib.ExitStack()
        self.reads = []
        self.hits = 0

    def __enter__(self):
        with self.stack as stack:
            self.other = stack.enter_context(
                Sandbox('--no-limit', *self.sandbox_options))
            stack.enter_context(self.rig)
            self.stack = stack.pop_all()
        equal(self.rig.sandbox.ready['tokens'], self.other.ready['tokens'])
        self.location = self.other.locations[0]
        return self

    def __exit__(self, *failure):
        return self.stack.__exit__(*failure)

    # One answer of each

    def headers(self, token, version, body):
        fields = {}
        if token:
            fields['Authorization'] = 'Bearer ' + self.other.tokens.get(
                token, token)
        if version:
            fields['Version'] = version
        if body is not None:
            fields['Content-Type'] = 'application/json'
        return fields

    def direct(self, method, target, body=None, token='full-1',
               version=VERSION):
        data = None if body is None else json.dumps(body).encode()
        return lowered(*self.other.raw(
            method, target, data, self.headers(token, version, body)))

    def proxied(self, method, target, body=None, token='full-1',
                version=VERSION):
        fields = self.headers(token, version, body)
        answer = self.rig.call(method, target, body, None, {
            'Version': None, 'Authorization': None, 'Accept': None, **fields})
        self._check_own_fields(answer)
        return answer

    def _check_own_fields(self, answer):
        true(answer.cache, 'no Cache-Status')
        true(answer.field('via') and answer.field('x-request-id'),
             'Via or X-Request-Id is missing')
        page = NEXT_PAGE.search(answer.body)
        if page:
            equal(page[1].decode(), '%s:%d' % self.rig.address)

    @staticmethod
    def compare(direct, proxied):
        equal(comparable(proxied), comparable(direct))
        true(set(limits(direct)) <= set(limits(proxied)),
             'rate fields are missing')

    def both(self, method, target, body=None, **more):
        """One request to each; the daemon's answer."""
        direct = self.direct(method, target, body, **more)
        proxied = self.proxied(method, target, body, **more)
        self.compare(direct, proxied)
        return proxied

    # Reads on the list, and writes

    def read(self, method, target, body=None, is_stored=True):
        """Put a read on the list; its JSON. is_stored: must the second of
        two be a hit? None: it may."""
        self.reads.append(Read(method, target, body, is_stored))
        return self._repeat(self.reads[-1]).json()

    def get(self, target, **parameters):
        """A read by GET."""
        if parameters:
            target += '?' + urlencode(parameters)
        return self.read('GET', target)

    def search(self, target, **body):
        """A read by POST."""
        return self.read('POST', target, body)

    def _repeat(self, read):
        wanted = self.direct(read.method, read.target, read.body)
        first = self.proxied(read.method, read.target, read.body)
        second = self._once_written(read)
        try:
            self.compare(wanted, first)
            self.compare(wanted, second)
            if read.is_stored is not None:
                equal(second.is_hit, read.is_stored and wanted.status == 200)
            if second.is_hit:
                equal(second.body, first.body)
                equal([k for k in second.head if ONCE.fullmatch(k)], [])
                self.hits += 1
        except AssertionError as failure:
            raise AssertionError('%s (%s, then %s): %s' % (
                read, first.field('cache-status'),
                second.field('cache-status'), failure)) from failure
        return second

    def _once_written(self, read):
        """The next answer that does not come from the flight of the first
        read, which lasts until its answer is in the store."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            answer = self.proxied(read.method, read.target, read.body)
            if 'collapsed' not in answer.cache:
                return answer
        raise AssertionError('%s: its flight does not end' % read)

    def repeat_reads(self):
        for read in self.reads:
            self._repeat(read)

    def write(self, method, target, body=None, token=None):
        """A write to each, a second later than the last one, and then all
        reads. Its JSON."""
        self.advance(1)
        answer = self.both(method, target, body, token=token or self.writer)
        true(200 <= answer.status < 300,
             '%s %s: %d %r' % (method, target, answer.status, answer.body))
        try:
            self.repeat_reads()
        except AssertionError as failure:
            raise AssertionError('after %s %s: %s' % (
                method, target, failure)) from failure
        return answer.json()

    def advance(self, seconds):
        for sandbox in self.rig.sandbox, self.other:
            sandbox.control('POST', 'clock', {'advance': seconds})

    def check_asked(self, wanted):
        """These operations were asked, of both sandboxes, and each write as
        often of one as of the other."""
        through, direct = (s.ledger() for s in (self.rig.sandbox, self.other))
        for ledger in through, direct:
            equal(set(wanted) - set(ledger['by_operation']), set())
        equal(through['writes_by_operation'], direct['writes_by_operation'])

    # What there is in the first location

    def pick(self, *wanted):
        """A contact that has all of what is wanted: tasks, notes,
        appointments, business, conversation, opportunity."""
        contacts = self.direct(
            'GET', '/contacts/?limit=100&locationId=' + self.location
        ).json()['contacts']
        for contact in contacts:
            if all(self._has(contact, what) for what in wanted):
                return contact
        raise AssertionError('no contact has ' + ' '.join(wanted))

    def _has(self, contact, what):
        if what == 'business':
            return bool(contact.get('businessId'))
        if what in SHOWN_BY:
            name, target = SHOWN_BY[what]
            target %= self.location, contact['id']
            return bool(self.direct('GET', target).json()[name])
        answer = self.direct('GET', '/contacts/%s/%s' % (contact['id'], what))
        return any(answer.json().values())
