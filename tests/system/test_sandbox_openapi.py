#!/usr/bin/env python3
"""Every documented operation of the sandbox answers as its OpenAPI says.

Needs the OpenAPI files: OPENAPI_DIR, or ../shared/reference/openapi beside
the source tree; without them the test is skipped (exit status 77).
"""

import glob
import json
import os
import re
import sys

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(SOURCE, 'contrib', 'sandbox'))

from ghl_sandbox.harness import Sandbox  # noqa: E402
from ghl_sandbox.routes import load_operations  # noqa: E402

FOLDER = os.environ.get('OPENAPI_DIR') or os.path.join(
    SOURCE, '..', 'shared', 'reference', 'openapi')
SKIPPED = 77
WORD = '2026-03-03T10:00:00Z'
TYPES = {'string': str, 'boolean': bool, 'array': list, 'object': dict,
         'number': (int, float), 'integer': int}

# Answers that deliberately are not what the specification declares.
REDIRECTS = re.compile(r'social-media-posting\.start-.*-oauth')


class Spec:
    """Checks values against the schemas of one file."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as f:
            self.document = json.load(f)
        self.schemas = self.document.get('components', {}).get('schemas', {})

    def schema_of(self, operation):
        answers = self.document['paths'][operation.path][
            operation.method.lower()]['responses']
        content = answers.get(str(operation.status), {}).get('content', {})
        return content.get('application/json', {}).get('schema')

    def complaints(self, value, schema, at='$', depth=0):
        """What is wrong with a value, as a list of sentences."""
        if depth > 30:
            return []
        if '$ref' in schema:
            target = self.schemas.get(schema['$ref'].rsplit('/', 1)[-1], {})
            return self.complaints(value, target, at, depth + 1)
        for part in schema.get('allOf', ()):
            found = self.complaints(value, part, at, depth + 1)
            if found:
                return found
        for key in ('oneOf', 'anyOf'):
            tries = [self.complaints(value, part, at, depth + 1)
                     for part in schema.get(key, ())]
            if tries and all(tries):
                return tries[0]
        return self._own(value, schema, at, depth)

    def _own(self, value, schema, at, depth):
        kind = schema.get('type')
        if kind is None and 'properties' in schema:
            kind = 'object'
        # The generator writes "object" without properties for anything.
        if kind is None or (kind == 'object' and
                            not schema.get('properties')):
            return []
        if not isinstance(value, TYPES[kind]) or \
                (kind in ('number', 'integer') and isinstance(value, bool)):
            return ['%s is %s, not %s' % (at, type(value).__name__, kind)]
        values = schema.get('enum')
        if values and not isinstance(values[0], list) and \
                value not in values:
            return ['%s is %r, not one of %r' % (at, value, values)]
        if kind == 'array':
            return self._items(value, schema.get('items', {}), at, depth)
        if kind == 'object':
            return self._properties(value, schema, at, depth)
        return []

    def _items(self, value, items, at, depth):
        # "array of array of nothing" stands for an array of objects.
        if items.get('type') == 'array' and not items.get('items'):
            return []
        out = []
        for n, item in enumerate(value):
            out += self.complaints(item, items, '%s[%d]' % (at, n),
                                   depth + 1)
        return out

    def _properties(self, value, schema, at, depth):
        required = schema.get('required', [])
        out = ['%s lacks %s' % (at, name) for name in required
               if name not in value]
        for name, part in schema['properties'].items():
            if name in value and (value[name] is not None or
                                  name in required):
                out += self.complaints(value[name], part,
                                       '%s.%s' % (at, name), depth + 1)
        return out


class Tour:
    """Calls operations and judges their answers."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.specs = {}
        for path in glob.glob(os.path.join(FOLDER, '*.json')):
            self.specs[os.path.basename(path)[:-5]] = Spec(path)
        self.operations = {o.id: o for o in load_operations()
                           if not o.v3_only}
        self.called = set()
        self.failures = []
        self.location = sandbox.locations[0]
        self.names = self._names()

    def _names(self):
        """Values for path parameters and common fields."""
        s = self.sandbox
        _, _, found = s.call('POST', '/contacts/search', {
            'locationId': self.location, 'pageLimit': 500})
        contact = self._busy_contact([c['id'] for c in found['contacts']])
        first = lambda target, name: s.call(  # noqa: E731
            'GET', target + self.location)[2][name][0]['id']
        return {
            'locationId': self.location, 'companyId': s.ready['companyId'],
            'contactId': contact, 'type': 'add',
            'appId': s.ready['clients'][0]['appId'],
            'userId': first('/users/?locationId=', 'users'),
            'calendarId': first('/calendars/?locationId=', 'calendars'),
            'groupId': first('/calendars/groups?locationId=', 'groups'),
            'businessId': first('/businesses/?locationId=', 'businesses'),
            'conversationId': first(
                '/conversations/search?limit=1&locationId=',
                'conversations')}

    def _busy_contact(self, contacts):
        """A contact that has tasks, notes and an appointment."""
        for contact in contacts:
            if all(self.sandbox.call('GET', '/contacts/%s/%s' % (
                    contact, part))[2][name] for part, name in (
                        ('tasks', 'tasks'), ('notes', 'notes'),
                        ('appointments', 'events'))):
                return contact
        raise RuntimeError('no contact has everything')

    def query_of(self, operation):
        names = self.names
        pairs = {'altId': self.location, 'altType': 'location',
                 'locationId': self.location, 'location_id': self.location,
                 'companyId': names['companyId'], 'appId': names['appId'],
                 'userId': names['userId'], 'limit': '20', 'skip': '0',
                 'startTime': '1767225600000', 'endTime': '1793328000000',
                 'startDate': '1772496000000', 'endDate': '1772582399000',
                 'number': '+12010000003'}
        return '&'.join('%s=%s' % pair for pair in pairs.items())

    def call(self, operation_id, body=None, **params):
        """Call an operation; its answer, checked."""
        operation = self.operations[operation_id]
        self.called.add(operation_id)
        values = {**self.names, **params}
        target = re.sub(
            r'\{(\w+)\}', lambda m: values.get(m.group(1), 'sample'),
            operation.path) + '?' + self.query_of(operation)
        if operation.method not in ('GET', 'DELETE') and body is None:
            body = {}
        kinds = {kind.split('-')[0] for kind, _ in operation.scopes}
        token = 'company' if kinds == {'Agency'} else 'full-1'
        status, head, answer = self.sandbox.call(
            operation.method, target, body, token=token)
        self.judge(operation, status, head, answer)
        return answer

    def judge(self, operation, status, head, answer):
        if REDIRECTS.fullmatch(operation.id):
            if status != 302 or 'location' not in head:
                self.failures.append('%s: no redirect' % operation.id)
            return
        if status != operation.status:
            self.failures.append('%s: status %d, documented %d: %.200r' % (
                operation.id, status, operation.status, answer))
            return
        app = operation.id.partition('.')[0]
        schema = self.specs[app].schema_of(operation)
        if schema is not None:
            self.failures += [
                '%s: %s' % (operation.id, c) for c in
                self.specs[app].complaints(answer, schema)[:3]]


def contacts(tour):
    call, location = tour.call, tour.location
    call('contacts.get-contact')
    call('contacts.get-contacts')
    call('contacts.search-contacts-advanced', {
        'locationId': location, 'pageLimit': 20})
    call('contacts.get-duplicate-contact')
    call('contacts.get-contacts-by-businessId')
    new = call('contacts.create-contact', {
        'locationId': location, 'firstName': 'A'})['contact']['id']
    call('contacts.upsert-contact', {
        'locationId': location, 'email': 'a@example.com'})
    call('contacts.update-contact', {'firstName': 'B'})
    task = call('contacts.get-all-tasks')['tasks'][0]['id']
    call('contacts.create-task', {
        'title': 'T', 'dueDate': WORD, 'completed': False})
    call('contacts.get-task', taskId=task)
    call('contacts.update-task', {'title': 'U'}, taskId=task)
    call('contacts.update-task-completed', {'completed': True}, taskId=task)
    call('contacts.delete-task', taskId=task)
    note = call('contacts.get-all-notes')['notes'][0]['id']
    call('contacts.create-note', {'body': 'N'})
    call('contacts.get-note', id=note)
    call('contacts.update-note', {'body': 'M'}, id=note)
    call('contacts.delete-note', id=note)
    call('contacts.get-appointments-for-contact')
    for name in ('add-tags', 'remove-tags'):
        call('contacts.' + name, {'tags': ['x']})
    for name in ('add', 'remove'):
        call('contacts.%s-followers-contact' % name, {'followers': ['u']})
    call('contacts.create-association', {
        'contacts': [new], 'tags': ['y'], 'locationId': location})
    call('contacts.add-remove-contact-from-business', {
        'locationId': location, 'ids': [new],
        'businessId': tour.names['businessId']})
    call('contacts.delete-contact', contactId=new)


def calendars(tour):
    call, location = tour.call, tour.location
    call('calendars.get-calendars')
    call('calendars.get-calendar')
    made = call('calendars.create-calendar', {
        'locationId': location, 'name': 'C'})['calendar']['id']
    call('calendars.update-calendar', {'name': 'D'}, calendarId=made)
    call('calendars.get-slots')
    call('calendars.delete-calendar', calendarId=made)
    group = call('calendars.create-calendar-group', {
        'locationId': location, 'name': 'G', 'description': 'd',
        'slug': 'g'})['group']['id']
    call('calendars.edit-group', {'name': 'H'}, groupId=group)
    call('calendars.disable-group', {'isActive': False}, groupId=group)
    call('calendars.validate-groups-slug', {
        'locationId': location, 'slug': 'new'})
    call('calendars.delete-group', groupId=group)
    call('calendars.get-calendar-events')
    call('calendars.get-blocked-slots')
    when = {'locationId': location, 'startTime': WORD,
            'calendarId': tour.names['calendarId']}
    event = call('calendars.create-appointment', {
        **when, 'contactId': tour.names['contactId']})['id']
    call('calendars.edit-appointment', {'title': 'T'}, eventId=event)
    call('calendars.get-appointment', eventId=event)
    note = call('calendars.create-appointment-note', {'body': 'N'},
                appointmentId=event)['note']['id']
    call('calendars.get-appointment-notes', appointmentId=event)
    call('calendars.update-appointment-note', {'body': 'M'},
         appointmentId=event, noteId=note)
    call('calendars.delete-appointment-note', appointmentId=event,
         noteId=note)
    block = call('calendars.create-block-slot', when)['id']
    call('calendars.edit-block-slot', {'title': 'B'}, eventId=block)
    call('calendars.delete-event', {}, eventId=event)


def settings(tour):
    call = tour.call
    for one, many, key, name, fields in (
            ('tag', 'tags', 'get-location-tags', 'tagId', {'name': 'n'}),
            ('custom-field', 'customFields', 'get-custom-fields', 'id',
             {'name': 'n', 'dataType': 'TEXT'}),
            ('custom-value', 'customValues', 'get-custom-values', 'id',
             {'name': 'n', 'value': 'v'})):
        record = call('locations.' + key)[many][0]['id']
        read = 'get-tag-by-id' if one == 'tag' else 'get-' + one
        call('locations.' + read, **{name: record})
        call('locations.create-' + one, fields)
        call('locations.update-' + one, {'name': 'm'}, **{name: record})
        call('locations.delete-' + one, **{name: record})
    call('locations.search-locations')
    call('locations.get-location')
    call('locations.put-location', {
        'companyId': tour.names['companyId'], 'name': 'L'})
    call('locations.task-search', {'limit': 5})
    user = call('users.create-user', {
        'companyId': tour.names['companyId'], 'firstName': 'A',
        'lastName': 'B', 'email': 'ab@example.com', 'type': 'account',
        'role': 'user', 'locationIds': [tour.location]})['id']
    call('users.get-user', userId=user)
    call('users.update-user', {'lastName': 'C'}, userId=user)
    call('users.delete-user', userId=user)
    business = call('businesses.create-business', {
        'name': 'B', 'locationId': tour.location})['buiseness']['id']
    call('businesses.get-business', businessId=business)
    call('businesses.update-business', {'city': 'X'}, businessId=business)
    call('businesses.delete-Business', businessId=business)


def sales(tour):
    call = tour.call
    call('opportunities.search-opportunity')
    call('opportunities.search-opportunities-advanced', {
        'locationId': tour.location, 'additionalDetails': {
            'notes': True, 'tasks': True, 'calendarEvents': True}})
    pipeline = call('opportunities.get-pipelines')['pipelines'][0]['id']
    fields = {'pipelineId': pipeline, 'locationId': tour.location,
              'name': 'N', 'status': 'open',
              'contactId': tour.names['contactId']}
    deal = call('opportunities.create-opportunity',
                fields)['opportunity']['id']
    call('opportunities.get-opportunity', id=deal)
    call('opportunities.update-opportunity', {'name': 'M'}, id=deal)
    call('opportunities.update-opportunity-status', {'status': 'won'},
         id=deal)
    call('opportunities.Upsert-opportunity', fields)
    for name in ('add', 'remove'):
        call('opportunities.%s-followers-opportunity' % name,
             {'followers': ['u']}, id=deal)
    call('opportunities.delete-opportunity', id=deal)


def conversations(tour):
    call = tour.call
    call('conversations.search-conversation')
    call('conversations.get-conversation')
    message = call('conversations.get-messages')['messages'][0]['id']
    call('conversations.get-message', id=message)
    call('conversations.export-messages-by-location')
    call('conversations.update-conversation', {
        'locationId': tour.location, 'starred': True})
    call('conversations.send-a-new-message', {
        'type': 'SMS', 'contactId': tour.names['contactId'],
        'message': 'hi'})
    for name in ('an-inbound', 'an-outbound'):
        call('conversations.add-%s-message' % name, {
            'type': 'Call',
            'conversationId': tour.names['conversationId']})
    lonely = tour.sandbox.control('POST', 'mutate', {
        'locationId': tour.location, 'create': {'firstName': 'L'}})['id']
    call('conversations.create-conversation', {
        'locationId': tour.location, 'contactId': lonely})
    call('conversations.delete-conversation')


def oauth(tour):
    tour.call('oauth.get-installed-location')
    tour.call('oauth.get-location-access-token', {
        'companyId': tour.names['companyId'], 'locationId': tour.location})
    client = tour.sandbox.ready['clients'][0]
    tour.call('oauth.get-access-token', {
        'client_id': client['client_id'],
        'client_secret': client['client_secret'],
        'grant_type': 'refresh_token',
        'refresh_token': client['refresh_token']})


def everything_else(tour):
    """Operations that need no particular record or body."""
    for operation_id in tour.operations:
        if operation_id not in tour.called:
            tour.call(operation_id)


def main():
    if not glob.glob(os.path.join(FOLDER, '*.json')):
        print('1..0 # SKIP no OpenAPI files in %s' % FOLDER)
        return SKIPPED
    parts = (contacts, calendars, settings, sales, conversations, oauth,
             everything_else)
    print('1..%d' % (len(parts) + 1))
    bad = 0
    with Sandbox('--contacts', '100', '--no-limit') as sandbox:
        tour = Tour(sandbox)
        for number, part in enumerate(parts, 1):
            tour.failures = []
            part(tour)
            for failure in tour.failures:
                print('# ' + failure)
            bad += bool(tour.failures)
            print('%s %d - %s' % ('not ok' if tour.failures else 'ok',
                                  number, part.__name__.replace('_', ' ')))
        is_whole = tour.called == set(tour.operations)
        print('%s %d - all %d operations were called' % (
            'ok' if is_whole else 'not ok', len(parts) + 1,
            len(tour.operations)))
    return 1 if bad or not is_whole else 0


if __name__ == '__main__':
    sys.exit(main())
