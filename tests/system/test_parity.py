#!/usr/bin/env python3
"""Through the daemon or not: the same answers, before and after writes."""
import sys

from parity import Pair, SIXTEEN
from rig import VERSION, equal, run, test, true
from ghl_sandbox.routes import load_operations

# All that is stored, but for what is stored for no time by intent.
KEPT = ('cache', 'read-post', 'conversations.search-conversation',
        'conversations.get-messages', 'calendars.get-blocked-slots')
KEEP_ALL = ''.join('[route %s]\nmatch = %s\nttl = 1h\n' % (name, name)
                   for name in KEPT)
FIRST_MS, LAST_MS = 1700000000000, 1900000000000
# The first week of February 2026, where tests book.
SLOTS_MS = 1769904000000, 1770508800000


def keep_all():
    """Nothing expires while a test runs, and searches are stored right after
    a write, too: what a write does not take out of the store stays, and
    shows. Another token than that of the reads writes, because what a
    writer's own token has read is fetched again, which would hide that."""
    return Pair(options=('--settling', '0s'), config=KEEP_ALL,
                writer='second-full-1')


# ---- the sixteen ----

def read_records(pair, contact):
    """A contact and all that hangs under it."""
    path = '/contacts/' + contact
    pair.get(path)
    pair.get(path + '/appointments')
    for task in pair.get(path + '/tasks')['tasks']:
        pair.get('%s/tasks/%s' % (path, task['id']))
    for note in pair.get(path + '/notes')['notes']:
        pair.get('%s/notes/%s' % (path, note['id']))


def read_lists(pair, contact, is_stored=True):
    for path in '/contacts/', '/contacts/business/' + contact['businessId']:
        pair.read('GET', path + '?locationId=' + pair.location,
                  is_stored=is_stored)


def start_sixteen(pair, is_stored):
    contact = pair.pick('tasks', 'notes', 'business')
    read_records(pair, contact['id'])
    read_records(pair, pair.pick('appointments')['id'])
    read_lists(pair, contact, is_stored)
    return contact['id']


def make_contact(pair, **more):
    """Creates one, and puts it on the list of reads."""
    made = pair.write('POST', '/contacts/', {
        'locationId': pair.location, 'firstName': 'Ada', 'lastName': 'Byron',
        'email': 'ada@example.com', 'phone': '+15550001111',
        'tags': ['fresh'], **more})['contact']['id']
    read_records(pair, made)
    return made


def write_tasks(pair, contact):
    """Makes, changes, completes and deletes one."""
    tasks = '/contacts/%s/tasks' % contact
    task = '%s/%s' % (tasks, pair.write('POST', tasks, {
        'title': 'Call', 'body': 'soon', 'completed': False,
        'dueDate': '2026-02-01T10:00:00Z'})['task']['id'])
    pair.get(task)
    pair.write('PUT', task, {'title': 'Call again'})
    pair.write('PUT', task + '/completed', {'completed': True})
    pair.write('DELETE', task)


def write_records(pair, contact, made):
    """All writes of the sixteen but create and delete."""
    pair.write('PUT', '/contacts/' + contact, {'firstName': 'Grace',
                                               'city': 'Zürich'})
    pair.write('PUT', '/contacts/' + made, {'lastName': 'Lovelace'})
    pair.write('POST', '/contacts/%s/tags' % contact,
               {'tags': ['Gold', 'lead']})
    write_tasks(pair, contact)
    write_tasks(pair, made)


def delete_contacts(pair, *contacts):
    for contact in contacts:
        pair.write('DELETE', '/contacts/' + contact)


def write_sixteen(pair, contact):
    made = make_contact(pair)
    write_records(pair, contact, made)
    delete_contacts(pair, made, contact)


@test
def sixteen_operations_with_default_settings():
    with Pair() as pair:
        # Lists are not stored within seconds after a write.
        contact = start_sixteen(pair, is_stored=None)
        write_sixteen(pair, contact)
        pair.check_asked(SIXTEEN)
        true(pair.hits > 100, 'only %d hits' % pair.hits)


@test
def sixteen_operations_with_all_kept():
    with keep_all() as pair:
        write_sixteen(pair, start_sixteen(pair, is_stored=True))
        pair.check_asked(SIXTEEN)


# ---- everything that shows a contact ----

def read_contact_searches(pair, contact):
    def search(**more):
        return pair.search('/contacts/search', locationId=pair.location,
                           **{'pageLimit': 20, **more})

    first = search(sort=[{'field': 'dateAdded', 'direction': 'asc'}])
    search(sort=[{'field': 'dateAdded', 'direction': 'asc'}],
           searchAfter=first['contacts'][-1]['searchAfter'])
    search(sort=[{'field': 'dateUpdated', 'direction': 'desc'}], pageLimit=5)
    search(page=2, pageLimit=10)
    search(query=contact['firstName'].lower())
    search(filters=[{'field': 'tags', 'operator': 'contains',
                     'value': 'gold'}])
    search(filters=[{'field': 'email', 'operator': 'eq',
                     'value': 'ada@example.com'}])
    search(filters=[{'field': 'businessId', 'operator': 'exists'}])
    search(filters=[{'field': 'dateUpdated', 'operator': 'range',
                     'value': {'gte': '2026-01-05T00:00:00Z'}}])
    search(filters=[{'group': 'OR', 'filters': [
        {'field': 'firstNameLowerCase', 'operator': 'eq', 'value': 'grace'},
        {'field': 'city', 'operator': 'not_eq', 'value': 'Austin'}]}])
    pair.get('/contacts/', locationId=pair.location, limit=7)
    pair.get('/contacts/', locationId=pair.location, query='ada', limit=50)
    page = pair.get('/contacts/', locationId=pair.location, limit=10)['meta']
    pair.get('/contacts/', locationId=pair.location, limit=10,
             startAfter=page['startAfter'], startAfterId=page['startAfterId'])
    for key, value in ('email', 'ada@example.com'), ('number', '+15550001111'):
        # Asked before creating, so never from the store.
        pair.read('GET', '/contacts/search/duplicate?locationId=%s&%s=%s' % (
            pair.location, key, value.replace('+', '%2B')), is_stored=False)


def read_task_searches(pair, contact):
    path = '/locations/%s/tasks/search' % pair.location
    pair.search(path, contactId=[contact['id']])
    pair.search(path, completed=False, limit=10)
    pair.search(path, completed=True, limit=500)
    pair.search(path, query='call', skip=1)


def read_calendars(pair, calendar, event, contact):
    pair.get('/calendars/', locationId=pair.location)
    pair.get('/calendars/' + calendar)
    window = {'locationId': pair.location, 'startTime': FIRST_MS,
              'endTime': LAST_MS}
    user = pair.get('/users/', locationId=pair.location)['users'][0]['id']
    pair.get('/calendars/events', calendarId=calendar, **window)
    pair.get('/calendars/events', userId=user, **window)
    pair.get('/calendars/blocked-slots', calendarId=calendar, **window)
    pair.read('GET', '/calendars/%s/free-slots?startDate=%d&endDate=%d' % (
        calendar, *SLOTS_MS), is_stored=False)
    pair.get('/contacts/%s/appointments' % contact)
    pair.get('/calendars/events/appointments/' + event)
    pair.get('/calendars/appointments/%s/notes' % event, limit=10, offset=0)


def read_sales(pair, contact):
    """The identifier of a pipeline."""
    path = '/opportunities/search'
    page = pair.get(path, location_id=pair.location, limit=10)['meta']
    pair.get(path, location_id=pair.location, limit=10,
             startAfter=page['startAfter'], startAfterId=page['startAfterId'])
    pair.get(path, location_id=pair.location, contact_id=contact,
             getTasks='true', getNotes='true', getCalendarEvents='true')
    pair.get(path, location_id=pair.location, q='ada')
    deals = pair.search(path, locationId=pair.location, limit=50,
                        additionalDetails={'notes': True, 'tasks': True})
    pair.get('/opportunities/' + deals['opportunities'][0]['id'])
    return pair.get('/opportunities/pipelines',
                    locationId=pair.location)['pipelines'][0]['id']


def read_talks(pair, contact):
    """The identifier of the contact's conversation."""
    path = '/conversations/search'
    pair.get(path, locationId=pair.location)
    pair.get(path, locationId=pair.location, query='ada', sort='asc')
    pair.get(path, locationId=pair.location, status='unread')
    talk = pair.get(path, locationId=pair.location,
                    contactId=contact)['conversations'][0]['id']
    pair.get('/conversations/' + talk)
    pair.get('/conversations/%s/messages' % talk)
    return talk


def read_settings(pair, contact):
    pair.get('/businesses/', locationId=pair.location)
    pair.get('/businesses/' + contact['businessId'])
    pair.get('/locations/' + pair.location)
    for name in 'tags', 'customFields', 'customValues':
        pair.get('/locations/%s/%s' % (pair.location, name))


def start_contacts(pair):
    contact = pair.pick('tasks', 'notes', 'business')
    read_records(pair, contact['id'])
    read_lists(pair, contact)
    read_contact_searches(pair, contact)
    read_task_searches(pair, contact)
    read_settings(pair, contact)
    return contact


def write_notes(pair, contact):
    notes = '/contacts/%s/notes' % contact
    note = '%s/%s' % (notes, pair.write(
        'POST', notes, {'body': 'wants a call'})['note']['id'])
    pair.get(note)
    pair.write('PUT', note, {'body': 'was called', 'pinned': True})
    pair.write('DELETE', note)


def write_groups(pair, contacts, business):
    """Followers, campaigns, workflows and what is done to many at once."""
    path = '/contacts/' + contacts[0]
    user = pair.get('/users/', locationId=pair.location)['users'][0]['id']
    pair.write('POST', path + '/followers', {'followers': [user]})
    pair.write('DELETE', path + '/followers', {'followers': [user]})
    for what in '/campaigns/c1', '/workflow/w1':
        pair.write('POST', path + what, {})
    for what in '/campaigns/c1', '/campaigns/removeAll', '/workflow/w1':
        pair.write('DELETE', path + what)
    for kind in 'add', 'remove':
        pair.write('POST', '/contacts/bulk/tags/update/' + kind, {
            'locationId': pair.location, 'contacts': contacts,
            'tags': ['vip']})
    for value in business, None:
        pair.write('POST', '/contacts/bulk/business', {
            'locationId': pair.location, 'ids': contacts,
            'businessId': value})


def write_upsert(pair):
    """Makes a contact, and changes it when it comes again."""
    body = {'locationId': pair.location, 'email': 'third@example.com',
            'firstName': 'Alan', 'lastName': 'Ada'}
    first = pair.write('POST', '/contacts/upsert', body)
    read_records(pair, first['contact']['id'])
    again = pair.write('POST', '/contacts/upsert', {**body, 'city': 'Wien'})
    equal((first['new'], again['new']), (True, False))
    equal(again['contact']['id'], first['contact']['id'])


@test
def all_contact_operations():
    with keep_all() as pair:
        contact = start_contacts(pair)
        made = make_contact(pair)
        write_records(pair, contact['id'], made)
        pair.write('DELETE', '/contacts/%s/tags' % contact['id'],
                   {'tags': ['gold']})
        write_upsert(pair)
        write_notes(pair, contact['id'])
        write_notes(pair, made)
        write_groups(pair, [contact['id'], made], contact['businessId'])
        delete_contacts(pair, made, contact['id'])
        names = {o.id for o in load_operations()
                 if o.id.startswith('contacts.')}
        equal(len(names), 32)
        pair.check_asked(names)


# ---- calendars, opportunities, conversations, settings ----

def write_appointment(pair, calendar, contact):
    path = '/calendars/events/'
    made = pair.write('POST', path + 'appointments', {
        'calendarId': calendar, 'locationId': pair.location,
        'contactId': contact, 'startTime': '2026-02-02T10:00:00Z'})['id']
    pair.get(path + 'appointments/' + made)
    pair.write('PUT', path + 'appointments/' + made,
               {'startTime': '2026-02-03T11:00:00Z'})
    pair.write('DELETE', path + made, {})


def write_block(pair, calendar):
    path = '/calendars/events/'
    block = pair.write('POST', path + 'block-slots', {
        'calendarId': calendar, 'locationId': pair.location,
        'startTime': '2026-02-04T10:00:00Z'})['id']
    pair.write('PUT', path + 'block-slots/' + block, {'title': 'Lunch'})
    pair.write('DELETE', path + block, {})


def write_appointment_notes(pair, event):
    notes = '/calendars/appointments/%s/notes' % event
    note = pair.write('POST', notes, {'body': 'early'})['note']['id']
    pair.write('PUT', notes + '/' + note, {'body': 'late'})
    pair.write('DELETE', notes + '/' + note)


@test
def appointments():
    with keep_all() as pair:
        booked = pair.pick('appointments')
        event = pair.direct('GET', '/contacts/%s/appointments' %
                            booked['id']).json()['events'][0]
        read_calendars(pair, event['calendarId'], event['id'], booked['id'])
        made = make_contact(pair)
        for contact in booked['id'], made:
            write_appointment(pair, event['calendarId'], contact)
        write_block(pair, event['calendarId'])
        write_appointment_notes(pair, event['id'])
        delete_contacts(pair, made, booked['id'])


def write_deals(pair, pipeline, contact):
    deal = '/opportunities/' + pair.write('POST', '/opportunities/', {
        'locationId': pair.location, 'pipelineId': pipeline,
        'name': 'Ada wants ten', 'status': 'open',
        'contactId': contact})['opportunity']['id']
    pair.get(deal)
    pair.write('PUT', deal, {'monetaryValue': 900})
    pair.write('PUT', deal + '/status', {'status': 'won'})
    upserted = pair.write('POST', '/opportunities/upsert', {
        'locationId': pair.location, 'pipelineId': pipeline,
        'contactId': contact, 'name': 'Ada wants eleven'})
    equal(upserted['new'], False)
    pair.write('DELETE', deal)


@test
def opportunities():
    with keep_all() as pair:
        contact = pair.pick('opportunity')['id']
        pipeline = read_sales(pair, contact)
        write_deals(pair, pipeline, contact)
        # They show the contact, its tasks, notes and appointments.
        pair.write('PUT', '/contacts/' + contact, {'firstName': 'Ada'})
        write_tasks(pair, contact)
        write_notes(pair, contact)
        calendars = pair.get('/calendars/', locationId=pair.location)
        write_appointment(pair, calendars['calendars'][0]['id'], contact)
        delete_contacts(pair, contact)


@test
def conversations():
    with keep_all() as pair:
        contact = pair.pick('conversation')['id']
        talk = read_talks(pair, contact)
        pair.write('POST', '/conversations/messages', {
            'type': 'SMS', 'contactId': contact, 'message': 'Hello'})
        pair.write('POST', '/conversations/messages/inbound', {
            'type': 'SMS', 'conversationId': talk, 'message': 'Hi'})
        pair.write('PUT', '/conversations/' + talk, {
            'locationId': pair.location, 'unreadCount': 0, 'starred': True})
        pair.write('PUT', '/contacts/' + contact, {'firstName': 'Ada'})
        made = make_contact(pair, firstName='Adam')
        pair.write('POST', '/conversations/', {
            'locationId': pair.location, 'contactId': made})
        pair.write('DELETE', '/conversations/' + talk)
        delete_contacts(pair, made, contact)


def write_collection(pair, path, body, change):
    """Makes, changes and deletes a record of a small collection."""
    answer = pair.write('POST', path, body)
    record = next(v for v in answer.values() if isinstance(v, dict))['id']
    path = '%s/%s' % (path.rstrip('/'), record)
    pair.get(path)
    pair.write('PUT', path, change)
    pair.write('DELETE', path)


@test
def settings_of_a_location():
    with keep_all() as pair:
        contact = pair.pick('business')
        read_settings(pair, contact)
        read_lists(pair, contact)
        path = '/locations/' + pair.location
        write_collection(pair, '/businesses/', {
            'locationId': pair.location, 'name': 'Oak'}, {'name': 'Elm'})
        write_collection(pair, path + '/tags', {'name': 'first'},
                         {'name': 'second'})
        write_collection(pair, path + '/customFields', {
            'name': 'Size', 'dataType': 'TEXT'}, {'name': 'Height'})
        write_collection(pair, path + '/customValues', {
            'name': 'Phone', 'value': '1'}, {'name': 'Phone', 'value': '2'})
        pair.write('PUT', path, {
            'companyId': pair.other.ready['companyId'],
            'name': 'Elsewhere'}, token='company')
        # A new tag of a contact becomes one of the location.
        pair.write('POST', '/contacts/%s/tags' % contact['id'],
                   {'tags': ['never seen']})


# ---- what is refused, and how a request may be spelt ----

def each_version(pair, *targets):
    for target in targets:
        for version in (VERSION, '2021-04-15', '2023-02-21', 'v3', None,
                        'v99'):
            for _ in range(2):
                pair.both('GET', target, version=version)


@test
def versions():
    """The Version decides the form of an answer; none is a refusal."""
    with Pair() as pair:
        contact = pair.pick('tasks', 'notes')['id']
        task = pair.direct('GET', '/contacts/%s/tasks' % contact)
        each_version(
            pair, '/contacts/' + contact, '/contacts/%s/tasks' % contact,
            '/contacts/%s/tasks/%s' % (contact,
                                       task.json()['tasks'][0]['id']),
            '/contacts/%s/notes' % contact,
            '/contacts/?locationId=' + pair.location,
            '/oauth/installedLocations')


@test
def refusals():
    with Pair() as pair:
        contact = pair.pick()['id']
        path = '/contacts/' + contact
        foreign = '/contacts/?locationId=' + pair.other.locations[1]
        search = {'locationId': pair.location}
        cases = [
            (401, 'GET', path, None, {'token': None}),
            (401, 'GET', path, None, {'token': 'pit-unknown'}),
            (401, 'GET', path, None, {'token': 'no-contacts-1'}),
            (401, 'PUT', path, {'city': 'X'}, {'token': 'readonly-1'}),
            (403, 'GET', path, None, {'token': 'full-2'}),
            (403, 'GET', foreign, None, {}),
            (400, 'GET', '/contacts/AAAAAAAAAAAAAAAAAAAA', None, {}),
            (404, 'GET', path + '/tasks/AAAAAAAAAAAAAAAAAAAA', None, {}),
            (404, 'GET', '/no/such/path', None, {}),
            (422, 'GET', '/contacts/', None, {}),
            (422, 'POST', '/contacts/search', search, {}),
            (422, 'POST', '/contacts/', {'locationId': pair.location,
                                         'nonsense': 1}, {}),
            (422, 'POST', path + '/tasks', {}, {})]
        for status, method, target, body, more in cases:
            for _ in range(2):
                answer = pair.both(method, target, body, **more)
                equal((target, answer.status, answer.is_hit),
                      (target, status, False))


@test
def spellings():
    """Ways to write one target, of which the service knows all."""
    with Pair() as pair:
        contact = pair.pick()
        location = '?locationId=' + pair.location
        same = '/contacts/' + contact['id']
        for target in (
                '/contacts' + location, '/contacts/' + location, same,
                same + '/', '/contacts/%' + '%02x' % ord(contact['id'][0]) +
                contact['id'][1:],
                '/contacts/' + location + '&query=a%2Bb+c',
                '/contacts/' + location + '&query=caf%c3%a9&limit=3',
                '/contacts/?limit=3&locationId=' + pair.location):
            whole = pair.both('GET', target)
            equal(pair.both('HEAD', target).field('content-length'),
                  str(len(whole.body)))
            pair.both('GET', target)


if __name__ == '__main__':
    sys.exit(run())
