#!/usr/bin/env python3
"""Tag completeness: after each write that the sandbox keeps, every read says
what the upstream says, and what the write has nothing to do with is kept."""

import json

from rig import equal, run, test, true
from scripted import JSON, Answer, Script
from tag_rig import EVERYTHING, NOTHING, RECORDS, Surface, modelled

MCP = {'jsonrpc': '2.0', 'id': 1, 'method': 'tools/call'}


def write_contact_parts(s):
    path = '/contacts/' + s.contact
    task = s.write('POST', path + '/tasks', {
        'title': 'Call', 'completed': False,
        'dueDate': '2026-02-01T10:00:00Z'})['task']['id']
    s.read('%s/tasks/%s' % (path, task))
    s.write('PUT', '%s/tasks/%s' % (path, task), {'title': 'Write'})
    s.write('PUT', '%s/tasks/%s/completed' % (path, task),
            {'completed': True})
    s.write('DELETE', '%s/tasks/%s' % (path, task))
    note = s.write('POST', path + '/notes', {'body': 'new'})['note']['id']
    s.read('%s/notes/%s' % (path, note))
    s.write('PUT', '%s/notes/%s' % (path, note), {'body': 'old'})
    s.write('DELETE', '%s/notes/%s' % (path, note))


def write_contact(s):
    path = '/contacts/' + s.contact
    s.write('PUT', path, {'firstName': 'Ada'})
    s.write('POST', path + '/tags', {'tags': ['gold']})
    s.write('DELETE', path + '/tags', {'tags': ['gold']})
    s.write('POST', path + '/followers', {'followers': [s.user]})
    s.write('DELETE', path + '/followers', {'followers': [s.user]})
    for what in '/campaigns/c1', '/workflow/w1':
        s.write('POST', path + what, {}, has_effect=False)
    for what in '/campaigns/c1', '/campaigns/removeAll', '/workflow/w1':
        s.write('DELETE', path + what, has_effect=False)


def write_contacts(s):
    made = s.write('POST', '/contacts/', {
        'locationId': s.location, 'firstName': 'Ada',
        'email': 'ada@example.com'})['contact']['id']
    s.read_contact(made)
    body = {'locationId': s.location, 'email': 'ada@example.com'}
    s.write('POST', '/contacts/upsert', {**body, 'city': 'Wien'})
    s.write('POST', '/contacts/upsert', {**body, 'email': 'b@example.com'})
    for kind in 'add', 'remove':
        s.write('POST', '/contacts/bulk/tags/update/' + kind, {
            'locationId': s.location, 'contacts': [s.contact, made],
            'tags': ['vip']})
    for business in None, s.focus['businessId']:
        s.write('POST', '/contacts/bulk/business', {
            'locationId': s.location, 'ids': [s.contact, made],
            'businessId': business})
    return made


def write_events(s):
    path = '/calendars/events/'
    made = s.write('POST', path + 'appointments', {
        'calendarId': s.calendar, 'locationId': s.location,
        'contactId': s.contact, 'startTime': '2026-02-02T10:00:00Z'})['id']
    s.read_event(made)
    s.write('PUT', path + 'appointments/' + made,
            {'startTime': '2026-02-03T11:00:00Z'})
    s.write('DELETE', path + made, {})
    block = s.write('POST', path + 'block-slots', {
        'calendarId': s.calendar, 'locationId': s.location,
        'startTime': '2026-02-04T10:00:00Z'})['id']
    s.write('PUT', path + 'block-slots/' + block, {'title': 'Lunch'})
    s.write('DELETE', path + block, {})
    notes = '/calendars/appointments/%s/notes' % s.event
    note = s.write('POST', notes, {'body': 'early'})['note']['id']
    s.write('PUT', notes + '/' + note, {'body': 'late'})
    # nothing in it names the contact, whose notes it may be among
    s.write('DELETE', notes + '/' + note, loses=RECORDS)


def write_calendars(s):
    made = s.write('POST', '/calendars/', {
        'locationId': s.location, 'name': 'Visits'})['calendar']['id']
    s.read('/calendars/' + made)
    s.write('PUT', '/calendars/' + made, {'name': 'Calls'})
    # with all appointments in it
    s.write('DELETE', '/calendars/' + made, loses=RECORDS)
    group = s.write('POST', '/calendars/groups', {
        'locationId': s.location, 'name': 'Team', 'description': 'All',
        'slug': 'team'})['group']['id']
    path = '/calendars/groups/' + group
    s.write('PUT', path, {'name': 'Crew', 'description': 'All',
                          'slug': 'crew'})
    s.write('PUT', path + '/status', {'isActive': False})
    s.write('POST', '/calendars/groups/validate-slug', {
        'locationId': s.location, 'slug': 'crew'}, has_effect=False)
    s.write('DELETE', path)


def write_deals(s):
    base = {'locationId': s.location, 'pipelineId': s.pipeline}
    made = s.write('POST', '/opportunities/', {
        **base, 'name': 'Ada wants ten', 'status': 'open',
        'contactId': s.contact})['opportunity']['id']
    path = '/opportunities/' + made
    s.read(path)
    s.write('PUT', path, {'monetaryValue': 900})
    s.write('PUT', path + '/status', {'status': 'won'})
    s.write('POST', '/opportunities/upsert', {
        **base, 'contactId': s.contact, 'name': 'Ada wants eleven'})
    s.write('POST', path + '/followers', {'followers': [s.user]})
    s.write('DELETE', path + '/followers', {'followers': [s.user]})
    s.write('DELETE', path)


def write_talks(s, contact):
    path = '/conversations/'
    s.write('POST', path + 'messages', {
        'type': 'SMS', 'contactId': s.contact, 'message': 'Hello'})
    for direction in 'inbound', 'outbound':
        s.write('POST', path + 'messages/' + direction, {
            'type': 'SMS' if direction == 'inbound' else 'Call',
            'conversationId': s.talk, 'message': 'Hi'})
    s.write('PUT', path + s.talk, {'locationId': s.location,
                                   'starred': True, 'unreadCount': 7})
    made = s.write('POST', path, {
        'locationId': s.location,
        'contactId': contact})['conversation']['id']
    s.read(path + made)
    s.write('DELETE', path + made)


def write_collection(s, path, body, change, loses=NOTHING):
    answer = s.write('POST', path, body)
    record = next(v for v in answer.values() if isinstance(v, dict))['id']
    path = '%s/%s' % (path.rstrip('/'), record)
    s.read(path)
    s.write('PUT', path, change, loses=loses)
    s.write('DELETE', path, loses=loses)


def write_settings(s):
    path = '/locations/' + s.location
    write_collection(s, '/businesses/', {
        'locationId': s.location, 'name': 'Oak'}, {'name': 'Elm'})
    # contacts show their tags and fields
    write_collection(s, path + '/tags', {'name': 'first'},
                     {'name': 'second'}, loses=RECORDS)
    write_collection(s, path + '/customFields', {
        'name': 'Size', 'dataType': 'TEXT'}, {'name': 'Height'},
        loses=RECORDS)
    write_collection(s, path + '/customValues', {
        'name': 'Phone', 'value': '1'}, {'name': 'Phone', 'value': '2'})
    # its time zone, for one, is in many
    s.write('PUT', path, {'companyId': s.company, 'name': 'Elsewhere'},
            'company', loses=RECORDS)
    # who may be in several locations
    user = s.write('POST', '/users/', {
        'companyId': s.company, 'firstName': 'Ada', 'lastName': 'Byron',
        'email': 'ada@example.com', 'type': 'account', 'role': 'user',
        'locationIds': [s.location]}, loses=EVERYTHING)['id']
    s.read('/users/' + user)
    s.write('PUT', '/users/' + user, {'firstName': 'Augusta'},
            loses=EVERYTHING)
    s.write('DELETE', '/users/' + user, loses=EVERYTHING)


def write_by_tools(s):
    """What a tool of /mcp/ does cannot be seen from its request."""
    s.write('POST', '/mcp/', {**MCP, 'params': {
        'name': 'contacts_update-contact',
        'arguments': {'contactId': s.contact, 'firstName': 'Grace'}}},
            loses=EVERYTHING)


@test
def every_write_shows_in_every_read():
    with Surface() as s:
        write_contact_parts(s)
        write_contact(s)
        made = write_contacts(s)
        write_events(s)
        write_calendars(s)
        write_deals(s)
        write_talks(s, made)
        write_settings(s)
        write_by_tools(s)
        for contact in made, s.contact:
            # with its appointments, and nothing names those
            s.write('DELETE', '/contacts/' + contact, loses=('calendars.',))
        equal(modelled(is_write=True) - s.written, set())
        equal(modelled(is_write=False) - {
            r.operation for r in s.reads.values()}, set())


# ---- what the table does not know ----

PLACES = {'alice': 'LocationOfAliceAaaa', 'bob': 'LocationOfBobBbbbbb'}
KNOWN = ('/contacts/%s', '/contacts/%s/tasks', '/calendars/?locationId=%s',
         '/opportunities/search?location_id=%s', '/locations/%s/tags')


class Versioned:
    """Says with every read how many writes there were."""

    def __init__(self):
        self.writes = 0
        self.fate = None

    def __call__(self, request):
        place = PLACES[request.get('authorization')[len('Bearer '):]]
        if request.method != 'GET':
            if self.fate == 'refused':
                return Answer('{"message":"no"}', 422)
            self.writes += 1
            return None if self.fate == 'lost' else Answer('{"ok":true}')
        return Answer(json.dumps({
            'contact': {'id': place, 'locationId': place},
            'writes': self.writes}),
            fields=[JSON, ('Cache-Control', 'max-age=60')])


def unknown_write_case(method, target, token, fate=None):
    origin = Versioned()
    with Script(origin) as s:
        reads = [(t % place if '%s' in t else t, name)
                 for name, place in PLACES.items()
                 for t in (*KNOWN, '/unheard/of?locationId=%s')]
        for read in reads:
            s.warm(*read)
        origin.fate = fate
        got = s.call(method, target, b'{"a":1}', token,
                     {'Content-Type': 'application/json'})
        equal(got.status, {None: 200, 'refused': 422, 'lost': 504}[fate])
        for read in reads:
            answer = s.get(*read)
            if fate == 'refused':
                true(answer.is_hit, read)
            elif read[1] == token:
                equal((read, answer.json()['writes']), (read, 1))


@test
def unknown_writes_move_what_their_credential_reads():
    for method in 'POST', 'PUT', 'PATCH', 'DELETE':
        for token in PLACES:
            unknown_write_case(method, '/unheard/of/it', token)
    unknown_write_case('POST', '/contacts/x/unheard', 'alice')
    unknown_write_case('POST', '/unheard?locationId=' + PLACES['alice'],
                       'alice')


@test
def unknown_writes_without_an_answer_may_have_written():
    unknown_write_case('POST', '/unheard/of/it', 'alice', 'lost')


@test
def refused_unknown_writes_move_nothing():
    unknown_write_case('POST', '/unheard/of/it', 'alice', 'refused')


@test
def tools_move_what_their_credential_reads():
    """That each event counts is in test_streams.py."""
    for token in PLACES:
        unknown_write_case('POST', '/mcp/', token)
    unknown_write_case('POST', '/mcp/', 'alice', 'refused')


if __name__ == '__main__':
    run()
