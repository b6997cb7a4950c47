"""All that the sandbox can be asked, kept for an hour, before and after each of
all the writes that it can be sent.

    with Surface() as s:
        s.write('PUT', '/contacts/' + s.contact, {'firstName': 'Ada'})

Reads are made by two tokens of the first location and one of the second. Each
write is followed by every read, through the daemon and past it: both must say
the same. `stays` are the reads whose answers must be hits afterwards, too.
"""
import json

from parity import CLOCK_S, NEXT_PAGE, TRACE
from rig import Rig, equal, true
from ghl_sandbox.context import HANDLERS
from ghl_sandbox.ops_mcp import operations as mcp_operations
from ghl_sandbox.routes import Router, load_operations

KEPT = ('cache', 'read-post', 'conversations.search-conversation',
        'conversations.get-messages', 'calendars.get-blocked-slots')
KEEP_ALL = ''.join('[route %s]\nmatch = %s\nttl = 1h\n' % (name, name)
                   for name in KEPT)
TOKENS = 'full-1', 'second-full-1'
ELSEWHERE = 'full-2'
# What a write may take along besides what it changes, by how the names of the
# operations begin: nothing, other records of its location, anything.
NOTHING, RECORDS, EVERYTHING = (), ('',), ('', 'elsewhere')
WINDOW = 'startTime=1700000000000&endTime=1900000000000'
SLOTS = 'startDate=1769904000000&endDate=1770508800000'
DETAILS = 'getTasks=true&getNotes=true&getCalendarEvents=true'


def modelled(is_write):
    """Identifiers of the operations that keep state, but for OAuth."""
    return {o.id for o in load_operations()
            if o.id in HANDLERS and o.app != 'oauth' and
            o.is_write == is_write}


def comparable(status, body):
    """Without what is another one each time, and the authority of
    nextPageUrl, which is that of the request."""
    return status, NEXT_PAGE.sub(b'"nextPageUrl":"//',
                                 TRACE.sub(b'"traceId":""', body))


class Read:
    """is_bystander: no write here is about it. is_list: of a location where
    nothing is written; lost when a write does not tell its location."""

    def __init__(self, operation, method, target, body, tokens, is_bystander,
                 is_list):
        self.operation = operation
        self.method, self.target, self.body = method, target, body
        self.tokens = tokens
        self.is_bystander, self.is_list = is_bystander, is_list
        self.answer = None  # as it was last, past the daemon

    def __str__(self):
        return '%s %s%s' % (self.method, self.target, ' ' + json.dumps(
            self.body) if self.body else '')


class Surface:
    def __init__(self):
        self.rig = Rig('--contacts', '60', '--clock', str(CLOCK_S),
                       options=('--settling', '0s'), config=KEEP_ALL)
        self.router = Router(load_operations() + mcp_operations())
        self.reads = {}
        self.written = set()

    def __enter__(self):
        self.rig.__enter__()
        try:
            self._survey()
            self._repeat()
            self._repeat(lambda read: read.is_bystander or read.is_list)
        except BaseException as failure:
            self.rig.__exit__(type(failure), failure, None)
            raise
        return self

    def __exit__(self, *failure):
        return self.rig.__exit__(*failure)

    # ---- reads ----

    def direct(self, method, target, body=None, token='full-1'):
        data = None if body is None else json.dumps(body).encode()
        fields = self.rig.headers(token)
        if data is not None:
            fields['Content-Type'] = 'application/json'
        status, _, content = self.rig.sandbox.raw(method, target, data, fields)
        return comparable(status, content)

    def operation(self, method, target):
        found, _ = self.router.find(method, target.partition('?')[0])
        true(found, 'no operation is %s %s' % (method, target))
        return found.id

    def read(self, target, body=None, tokens=TOKENS, is_bystander=False,
             is_list=False):
        """Puts it on the list; its JSON, asked past the daemon."""
        method = 'GET' if body is None else 'POST'
        read = Read(self.operation(method, target), method, target, body,
                    tokens, is_bystander, is_list)
        read.answer = self.direct(method, target, body, tokens[0])
        true(read.answer[0] == 200, '%s: %r' % (read, read.answer))
        self.reads[str(read)] = read
        return json.loads(read.answer[1])

    def read_contact(self, contact, **more):
        path = '/contacts/' + contact
        self.read(path, **more)
        self.read(path + '/appointments', **more)
        for what in 'tasks', 'notes':
            for record in self.read('%s/%s' % (path, what), **more)[what]:
                self.read('%s/%s/%s' % (path, what, record['id']), **more)

    def read_event(self, event, **more):
        self.read('/calendars/events/appointments/' + event, **more)
        self.read('/calendars/appointments/%s/notes' % event, **more)

    def read_talk(self, talk, **more):
        self.read('/conversations/' + talk, **more)
        messages = self.read('/conversations/%s/messages' % talk, **more)
        self.read('/conversations/messages/' + messages['lastMessageId'],
                  **more)

    def _parts(self, contact):
        """What a contact has of each kind."""
        where = 'locationId=' + self.location
        return {key: json.loads(self.direct('GET', target)[1])[key]
                for key, target in (
                    ('tasks', f'/contacts/{contact}/tasks'),
                    ('notes', f'/contacts/{contact}/notes'),
                    ('events', f'/contacts/{contact}/appointments'),
                    ('conversations', '/conversations/search?'
                     f'{where}&contactId={contact}'),
                    ('opportunities', '/opportunities/search?location_id='
                     f'{self.location}&contact_id={contact}'))}

    def _choose(self):
        """The contact that has one of everything, and its parts; another
        one for each kind of part."""
        listed = json.loads(self.direct(
            'GET', '/contacts/?limit=100&locationId=' + self.location
        )[1])['contacts']
        parts = {c['id']: self._parts(c['id']) for c in listed}
        self.focus = next(c for c in listed if c.get('businessId') and
                          all(parts[c['id']].values()))
        own = parts.pop(self.focus['id'])
        return own, {kind: next((c, p) for c, p in parts.items() if p[kind])
                     for kind in own}

    def _survey(self):
        self.location = self.rig.location
        self.company = self.rig.sandbox.ready['companyId']
        own, others = self._choose()
        self.contact, self.event = self.focus['id'], own['events'][0]['id']
        self.calendar = own['events'][0]['calendarId']
        self.talk = own['conversations'][0]['id']
        self.read_contact(self.contact)
        self.read_event(self.event)
        self.read_talk(self.talk)
        self.read('/opportunities/' + own['opportunities'][0]['id'])
        for contact, _ in others.values():
            self.read_contact(contact, is_bystander=True)
        self.read_event(others['events'][1]['events'][0]['id'],
                        is_bystander=True)
        # one collection each in the operation table
        self.read_talk(others['conversations'][1]['conversations'][0]['id'])
        self.read('/opportunities/%s' %
                  others['opportunities'][1]['opportunities'][0]['id'])
        self._survey_lists()
        self._survey_settings()
        self._survey_elsewhere()

    def _survey_lists(self):
        at, of = 'locationId=' + self.location, 'contactId=' + self.contact
        where = {'locationId': self.location}
        self.read('/contacts/?limit=100&' + at)
        self.read('/contacts/?limit=20&query=ada&' + at)
        self.read('/contacts/business/%s?%s' % (self.focus['businessId'], at))
        self.read('/contacts/search', {**where, 'pageLimit': 100})
        self.read('/contacts/search', {**where, 'pageLimit': 20, 'filters': [
            {'field': 'tags', 'operator': 'contains', 'value': 'gold'}]})
        self.read('/contacts/search/duplicate?%s&email=ada%%40example.com' %
                  at)
        self.read('/locations/%s/tasks/search' % self.location,
                  {'limit': 500})
        self.read('/conversations/search?limit=100&' + at)
        self.read('/conversations/search?%s&%s' % (at, of))
        self.read('/conversations/search?status=starred&' + at)
        self.read('/conversations/messages/export?limit=500&' + at)
        deals = '/opportunities/search'
        self.read('%s?limit=100&location_id=%s&%s' % (
            deals, self.location, DETAILS))
        self.read('%s?location_id=%s&contact_id=%s' % (
            deals, self.location, self.contact))
        self.read(deals, {**where, 'limit': 100, 'additionalDetails': {
            'notes': True, 'tasks': True, 'calendarEvents': True}})

    def _survey_settings(self):
        at, path = 'locationId=' + self.location, '/locations/' + self.location
        self.read(path)
        self.read('/locations/search?limit=10')
        self.read(path + '/timezones')
        for name in 'tags', 'customFields', 'customValues':
            for record in self.read('%s/%s' % (path, name))[name][:1]:
                self.read('%s/%s/%s' % (path, name, record['id']))
        users = self.read('/users/?' + at)['users']
        self.user = users[0]['id']
        self.read('/users/' + self.user)
        self.read('/users/search?companyId=' + self.company)
        self.read('/users/search/filter-by-email',
                  {'emails': [users[0]['email']]}, tokens=('company',))
        self.read('/businesses/?' + at)
        self.read('/businesses/' + self.focus['businessId'])
        self.read('/calendars/?' + at)
        self.read('/calendars/' + self.calendar)
        self.read('/calendars/groups?' + at)
        for key, value in (('calendarId', self.calendar),
                           ('userId', self.user)):
            self.read('/calendars/events?%s&%s=%s&%s' % (
                at, key, value, WINDOW))
        self.read('/calendars/blocked-slots?%s&calendarId=%s&%s' % (
            at, self.calendar, WINDOW))
        self.read('/calendars/%s/free-slots?%s' % (self.calendar, SLOTS))
        self.read('/opportunities/lost-reason?' + at)
        self.pipeline = self.read(
            '/opportunities/pipelines?' + at)['pipelines'][0]['id']

    def _survey_elsewhere(self):
        """The same in another location, where nothing is ever written."""
        place = self.rig.sandbox.locations[1]
        at, more = 'locationId=' + place, {'tokens': (ELSEWHERE,),
                                           'is_list': True}
        contacts = self.read('/contacts/?limit=20&' + at, **more)['contacts']
        self.read_contact(contacts[0]['id'], tokens=(ELSEWHERE,),
                          is_bystander=True)
        self.read('/contacts/search', {'locationId': place, 'pageLimit': 20},
                  **more)
        self.read('/locations/%s/tasks/search' % place, {'limit': 50}, **more)
        self.read('/conversations/search?' + at, **more)
        self.read('/opportunities/search?location_id=' + place, **more)
        self.read('/calendars/?' + at, **more)
        self.read('/calendars/groups?' + at, **more)
        self.read('/users/?' + at, **more)
        self.read('/businesses/?' + at, **more)
        for name in '', '/tags', '/customFields', '/customValues':
            self.read('/locations/%s%s' % (place, name), **more)

    # ---- after a write ----

    def _repeat(self, must_stay=lambda read: False):
        """Every read; those whose answer is another one now."""
        changed = []
        for read in self.reads.values():
            answer = self.direct(read.method, read.target, read.body,
                                 read.tokens[0])
            if answer != read.answer:
                changed.append(str(read))
            read.answer = answer
            for token in read.tokens:
                got = self.rig.call(read.method, read.target, read.body,
                                    token)
                what = '%s by %s (%s)' % (read, token,
                                          got.field('cache-status'))
                equal((what, *comparable(got.status, got.body)),
                      (what, *answer))
                true(got.is_hit or not must_stay(read), what + ' was lost')
        self.rig.daemon.settle()
        return changed

    def write(self, method, target, body=None, token='full-1',
              loses=NOTHING, has_effect=True):
        """A write, and every read after it. Its JSON. loses: what
        it may be about, as far as the proxy can tell."""
        operation = self.operation(method, target)
        self.rig.sandbox.control('POST', 'clock', {'advance': 1})
        got = self.rig.call(method, target, body, token)
        is_placed = self.location in ' '.join(
            (target, json.dumps(body), got.body.decode()))

        def must_stay(read):
            return read.is_list and is_placed and loses != EVERYTHING or \
                read.is_bystander and not read.operation.startswith(loses)

        try:
            true(200 <= got.status < 300, '%d %r' % (got.status, got.body))
            changed = self._repeat(must_stay)
            equal(bool(changed), has_effect)
        except AssertionError as failure:
            raise AssertionError('after %s %s: %s' % (
                method, target, failure)) from failure
        self.written.add(operation)
        return json.loads(got.body) if got.body.startswith(b'{') else None
