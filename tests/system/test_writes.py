#!/usr/bin/env python3
"""Read your writes: whoever wrote, and whoever reads."""

import random
import sys
import threading

from rig import Rig, Session, Storm, equal, json_of, run, test, true, wait_for

GET_CONTACT = 'contacts.get-contact'
UPDATE = 'contacts.update-contact'
# So that searches are stored in spite of the writes.
STORE_ALL = ['--settling', '0s']


# ---- every write, then every read ----

def reads_of(rig, ids):
    """What shows the records, as (method, target, body)."""
    contact = '/contacts/' + ids['contact']
    here = 'locationId=' + rig.location
    targets = [contact] + [contact + part for part in (
        '/tasks', '/notes', '/appointments')]
    targets += [contact + '/tasks/' + ids['task']] if 'task' in ids else []
    targets += [contact + '/notes/' + ids['note']] if 'note' in ids else []
    targets += ['/contacts/' + ids['made']] if 'made' in ids else []
    targets += [
        '/contacts/?limit=100&' + here,
        '/contacts/business/%s?%s' % (ids['business'], here),
        '/businesses/' + ids['business'], '/businesses/?' + here,
        '/locations/%s/tags' % rig.location,
        '/contacts/search/duplicate?%s&email=%s' % (
            here, ids['email'].replace('@', '%40')),
        '/opportunities/search?location_id=%s&contact_id=%s' % (
            rig.location, ids['contact'])]
    reads = [('GET', target, None) for target in targets]
    reads.append(('POST', '/contacts/search', {
        'locationId': rig.location, 'pageLimit': 100}))
    reads.append(('POST', '/locations/%s/tasks/search' % rig.location,
                  {'limit': 100}))
    return reads


def writes_of(rig, ids):
    """The writes in turn: (operation, method, target, body, what to note of
    the answer). A generator: later ones need ids that earlier ones made."""
    location = rig.location
    contact = '/contacts/' + ids['contact']
    due = '2027-01-01T10:00:00.000Z'
    yield ('contacts.create-contact', 'POST', '/contacts/',
           {'locationId': location, 'firstName': 'Made',
            'email': 'made@example.com'},
           lambda a: ids.update(made=a['contact']['id']))
    yield UPDATE, 'PUT', contact, {'lastName': 'Changed'}, None
    yield ('contacts.upsert-contact', 'POST', '/contacts/upsert',
           {'locationId': location, 'email': ids['email'],
            'firstName': 'Upserted', 'tags': ['of upsert']}, None)
    yield ('contacts.upsert-contact', 'POST', '/contacts/upsert',
           {'locationId': location, 'email': 'other@example.com'}, None)
    yield ('contacts.add-tags', 'POST', contact + '/tags',
           {'tags': ['unheard of']}, None)
    yield ('contacts.remove-tags', 'DELETE', contact + '/tags',
           {'tags': ['unheard of']}, None)
    yield ('contacts.create-task', 'POST', contact + '/tasks',
           {'title': 'New', 'dueDate': due, 'completed': False},
           lambda a: ids.update(task=a['task']['id']))
    yield ('contacts.update-task', 'PUT',
           contact + '/tasks/' + ids['task'], {'title': 'Newer'}, None)
    yield ('contacts.update-task-completed', 'PUT',
           '%s/tasks/%s/completed' % (contact, ids['task']),
           {'completed': True}, None)
    yield ('contacts.delete-task', 'DELETE',
           contact + '/tasks/' + ids['task'], None, None)
    yield ('contacts.create-note', 'POST', contact + '/notes',
           {'body': 'New'}, lambda a: ids.update(note=a['note']['id']))
    yield ('contacts.update-note', 'PUT', contact + '/notes/' + ids['note'],
           {'body': 'Newer'}, None)
    yield ('contacts.delete-note', 'DELETE',
           contact + '/notes/' + ids['note'], None, None)
    followers = {'followers': [ids['user']]}
    yield ('contacts.add-followers-contact', 'POST', contact + '/followers',
           followers, None)
    yield ('contacts.remove-followers-contact', 'DELETE',
           contact + '/followers', followers, None)
    yield ('contacts.create-association', 'POST',
           '/contacts/bulk/tags/update/add',
           {'locationId': location, 'tags': ['in bulk'],
            'contacts': [ids['contact'], ids['made']]}, None)
    yield ('contacts.add-remove-contact-from-business', 'POST',
           '/contacts/bulk/business',
           {'locationId': location, 'ids': [ids['contact']],
            'businessId': ids['business']}, None)
    yield ('businesses.update-business', 'PUT',
           '/businesses/' + ids['business'], {'name': 'Renamed'}, None)
    yield ('calendars.create-appointment', 'POST',
           '/calendars/events/appointments',
           {'calendarId': ids['calendar'], 'locationId': location,
            'contactId': ids['contact'],
            'startTime': '2027-01-04T10:00:00.000Z'}, None)
    yield 'contacts.delete-contact', 'DELETE', contact, None, None


def some_ids(rig):
    contact = rig.direct('GET', '/contacts/' + rig.contact())[2]['contact']
    here = '?locationId=' + rig.location
    return {
        'contact': contact['id'], 'email': contact['email'],
        'business': rig.direct('GET', '/businesses/' + here)[2][
            'businesses'][0]['id'],
        'user': rig.direct('GET', '/users/' + here)[2]['users'][0]['id'],
        'calendar': rig.direct('GET', '/calendars/' + here)[2]['calendars'][
            0]['id']}


def read_all(rig, ids, token):
    for method, target, body in reads_of(rig, ids):
        rig.call(method, target, body, token)


def check_reads(rig, ids, token, what):
    """All reads say what the upstream says now."""
    for method, target, body in reads_of(rig, ids):
        status, _, want = rig.direct(method, target, body)
        want.pop('traceId', None)
        got = rig.call(method, target, body, token)
        equal((what, target, got.status, json_of(got)),
              (what, target, status, want))


@test
def every_write_shows_in_every_read():
    with Rig('--contacts', '40', options=STORE_ALL) as rig:
        ids = some_ids(rig)
        seen = []
        for operation, method, target, body, note in writes_of(rig, ids):
            for token in ('full-1', 'second-full-1'):
                read_all(rig, ids, token)
            rig.daemon.settle()
            hits = rig.daemon.counter('hits')
            rig.forget()
            got = rig.call(method, target, body)
            true(got.status in (200, 201), (operation, got.status, got.body))
            equal(rig.sandbox.ledger()['writes_by_operation'],
                  {operation: 1})
            if note:
                note(got.json())
            for token in ('second-full-1', 'full-1'):
                check_reads(rig, ids, token, operation)
            seen.append((operation, rig.daemon.counter('hits') - hits))
        equal(len(seen), 20)
        # What a write does not concern is not asked for again.
        true(all(hits > 0 for _, hits in seen), seen)


@test
def other_records_stay():
    with Rig() as rig:
        ids = [c['id'] for c in rig.direct(
            'GET', '/contacts/?locationId=' + rig.location)[2]['contacts']]
        others = ['/contacts/%s%s' % (i, part) for i in ids[1:4]
                  for part in ('', '/notes', '/tasks')]
        for target in others:
            rig.warm(target)
        rig.call('PUT', '/contacts/' + ids[0], {'firstName': 'New'})
        rig.call('POST', '/contacts/%s/tags' % ids[0], {'tags': ['a']})
        rig.call('POST', '/contacts/%s/notes' % ids[0], {'body': 'a'})
        for target in others:
            true(rig.get(target).is_hit, target)


# ---- many at once ----

class Checker:
    """Threads that write versions into contacts and read them back: a read
    never shows an older version than the last that was acknowledged before
    it was sent."""

    THREADS = 8
    OPERATIONS = 2000

    def __init__(self, rig):
        self.rig = rig
        listed = rig.direct('GET', '/contacts/?locationId=' +
                            rig.location)[2]['contacts']
        self.contacts = [c['id'] for c in listed[:4]]
        self.list_target = '/contacts/?limit=100&locationId=' + rig.location
        self.acknowledged = dict.fromkeys(self.contacts, 0)
        self.locks = {c: threading.Lock() for c in self.contacts}
        self.failures = []

    def write(self, session, contact):
        with self.locks[contact]:
            version = self.acknowledged[contact] + 1
            got = session.call(
                'PUT', '/contacts/' + contact, {'firstName': 'v%d' % version},
                {'Content-Type': 'application/json'})
            equal(got.status, 200)
            self.acknowledged[contact] = version

    def read(self, session, contact, is_list):
        least = self.acknowledged[contact]
        got = session.call('GET', self.list_target if is_list else
                           '/contacts/' + contact)
        equal(got.status, 200)
        answer = got.json()
        rows = answer['contacts'] if is_list else [answer['contact']]
        names = {r['id']: r['firstName'] for r in rows}
        version = int(names[contact][1:])
        true(version >= least, 'read v%d after v%d was acknowledged: %s' % (
            version, least, got.head))

    def work(self, number):
        token = 'full-1' if number % 2 else 'second-full-1'
        session = Session(self.rig.address, self.rig.headers(token))
        chance = random.Random(number)
        try:
            for _ in range(self.OPERATIONS // self.THREADS):
                contact = chance.choice(self.contacts)
                if chance.random() < 0.25:
                    self.write(session, contact)
                else:
                    self.read(session, contact, chance.random() < 0.3)
        except Exception as failure:
            self.failures.append(repr(failure))
        finally:
            session.close()

    def run(self):
        first = Session(self.rig.address, self.rig.headers())
        for contact in self.contacts:
            self.write(first, contact)
        first.close()
        threads = [threading.Thread(target=self.work, args=(n,))
                   for n in range(self.THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(self.failures, [])


@test
def never_older_than_the_last_acknowledged_write():
    with Rig('--contacts', '40', options=STORE_ALL) as rig:
        checker = Checker(rig)
        checker.run()
        counters = rig.daemon.status()['counters']
        true(counters['hits'] > 100, counters)
        true(sum(checker.acknowledged.values()) > 300,
             checker.acknowledged)


@test
def a_flight_from_before_a_write():
    """Its answer is not given to whoever came after, and not stored."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('latency', ms=1000, operation=GET_CONTACT, count=1)
        with Storm(rig.address, [rig.message('GET', target)]) as early:
            early.send()
            wait_for(lambda: rig.asked(GET_CONTACT) == 1, 'the flight')
            equal(rig.call('PUT', target, {'firstName': 'New'}).status, 200)
            got = rig.get(target)
            equal((got.status, got.json()['contact']['firstName']),
                  (200, 'New'))
            equal(early.answers()[0].status, 200)
        rig.daemon.settle()
        equal(rig.hit(target).json()['contact']['firstName'], 'New')


@test
def a_write_on_what_only_the_answer_names():
    """The contact's business is not known until its answer is here: who came
    after the write asks again, who came before has what was asked for."""
    with Rig() as rig:
        ids = some_ids(rig)
        target = '/contacts/' + ids['contact']
        rig.direct('POST', '/contacts/bulk/business', {
            'locationId': rig.location, 'ids': [ids['contact']],
            'businessId': ids['business']})
        rig.forget()
        rig.fault('latency', ms=1000, operation=GET_CONTACT, count=1)
        request = rig.message('GET', target)
        with Storm(rig.address, [request] * 2) as readers:
            readers.send([0])
            wait_for(lambda: rig.asked(GET_CONTACT) == 1, 'the flight')
            equal(rig.call('PUT', '/businesses/' + ids['business'],
                           {'name': 'Renamed'}).status, 200)
            rig.direct('PUT', target, {'firstName': 'New'})
            readers.send([1])
            names = [a.json()['contact']['firstName']
                     for a in readers.answers()]
        equal((names[0] == 'New', names[1]), (False, 'New'))
        equal(rig.asked(GET_CONTACT), 2)
        equal(rig.hit(target).json()['contact']['firstName'], 'New')


@test
def a_record_is_fetched_again_after_its_write():
    """So that an outage right after finds it."""
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.forget()
        equal(rig.call('PUT', target, {'firstName': 'New'}).status, 200)
        wait_for(lambda: rig.asked(GET_CONTACT) == 1, 'the refetch')
        rig.daemon.settle()
        rig.gateway.set_mode('refuse')
        got = rig.get(target)
        equal((got.is_hit, got.json()['contact']['firstName']),
              (True, 'New'))


if __name__ == '__main__':
    sys.exit(run())
