#!/usr/bin/env python3
"""The sandbox's data and rules are what it promises; TAP on stdout."""

import json
import re
import sys
import time

from sandbox_tap import equal, run, some_contact, test, true
from ghl_sandbox.harness import Sandbox

CLOCK = '1780000000'


def without_trace(value):
    if isinstance(value, dict):
        return {k: without_trace(v) for k, v in value.items()
                if k != 'traceId'}
    if isinstance(value, list):
        return [without_trace(v) for v in value]
    return value


def search(sandbox, **body):
    body = {'locationId': sandbox.locations[0], 'pageLimit': 100, **body}
    status, _, answer = sandbox.call('POST', '/contacts/search', body)
    return status, answer


def script(sandbox):
    """Reads and writes whose answers two sandboxes must share."""
    location = sandbox.locations[0]
    contact = some_contact(sandbox)
    out = []

    def call(method, target, body=None):
        status, _, answer = sandbox.call(method, target, body)
        out.append((method, target, status, without_trace(answer)))
        return answer
    made = call('POST', '/contacts/', {
        'locationId': location, 'firstName': 'New', 'email': 'n@example.com'})
    new = made['contact']['id']
    call('GET', '/contacts/' + new)
    task = call('POST', '/contacts/%s/tasks' % new, {
        'title': 'T', 'dueDate': '2026-06-01T00:00:00Z',
        'completed': False})['task']['id']
    call('PUT', '/contacts/%s/tasks/%s' % (new, task), {'title': 'U'})
    call('PUT', '/contacts/%s/tasks/%s/completed' % (new, task),
         {'completed': True})
    call('GET', '/contacts/%s/tasks' % new)
    call('DELETE', '/contacts/%s/tasks/%s' % (new, task))
    note = call('POST', '/contacts/%s/notes' % contact,
                {'body': 'N'})['note']['id']
    call('GET', '/contacts/%s/notes/%s' % (contact, note))
    call('GET', '/contacts/%s/appointments' % contact)
    call('POST', '/contacts/%s/tags' % contact, {'tags': ['Blue']})
    call('PUT', '/contacts/' + contact, {'lastName': 'Changed'})
    call('GET', '/contacts/' + contact)
    call('GET', '/contacts/?locationId=%s&limit=5' % location)
    call('POST', '/contacts/search', {
        'locationId': location, 'pageLimit': 20,
        'sort': [{'field': 'dateUpdated', 'direction': 'desc'}]})
    call('DELETE', '/contacts/' + new)
    call('GET', '/contacts/' + new)
    call('GET', '/campaigns/?locationId=' + location)
    call('GET', '/conversations/search?locationId=' + location)
    call('GET', '/opportunities/search?location_id=' + location)
    call('GET', '/businesses/?locationId=' + location)
    return out


@test
def two_sandboxes_of_one_seed_answer_alike():
    options = ('--contacts', '60', '--clock', CLOCK, '--no-limit',
               '--seed', '7')
    with Sandbox(*options) as one, Sandbox(*options) as two:
        first, second = script(one), script(two)
        for a, b in zip(first, second):
            equal(a, b)
        equal(one.ready['tokens'], two.ready['tokens'])
    with Sandbox('--contacts', '60', '--seed', '8') as other:
        true(other.locations != one.locations, 'another seed, same ids')


@test
def contact_life():
    with Sandbox('--contacts', '30', '--no-limit') as s:
        contact = some_contact(s)
        equal(s.call('DELETE', '/contacts/' + contact)[2],
              {'succeded': True})
        status, _, answer = s.call('GET', '/contacts/' + contact)
        equal((status, answer), (400, {
            'statusCode': 400, 'error': 'Bad Request',
            'message': 'Contact not found for id:' + contact}))
        body = {'locationId': s.locations[0], 'name': 'Ann Lee',
                'phone': '(415) 555-0100', 'email': 'Ann@Example.com'}
        status, _, answer = s.call('POST', '/contacts/', body)
        equal(status, 201)
        new = answer['contact']
        equal((new['firstName'], new['lastName'], new['email'],
               new['phone']),
              ('Ann', 'Lee', 'ann@example.com', '+14155550100'))
        status, _, answer = s.call('POST', '/contacts/', body)
        equal((status, answer['meta']['contactId']), (400, new['id']))
        status, _, answer = s.call('POST', '/contacts/upsert', body)
        equal((status, answer['new'], answer['contact']['id']),
              (200, False, new['id']))
        true('traceId' in answer, 'no traceId on upsert')
        status, _, answer = s.call(
            'GET', '/contacts/search/duplicate?locationId=%s&email='
            'ann@example.com' % s.locations[0])
        equal(answer['contact']['id'], new['id'])
        status, _, answer = s.call(
            'GET', '/contacts/search/duplicate?locationId=%s&email='
            'nobody@example.com' % s.locations[0])
        equal((status, answer['contact']), (200, None))
        status, _, answer = s.call('PUT', '/contacts/' + new['id'],
                                   {'nonsense': 1})
        equal((status, answer['message']),
              (422, ['property nonsense should not exist']))


@test
def followers_tags_and_bulk_changes():
    with Sandbox('--contacts', '30', '--no-limit') as s:
        contact, location = some_contact(s), s.locations[0]
        _, _, answer = s.call('POST', '/contacts/%s/tags' % contact,
                              {'tags': ['Blue', 'blue', 'new one']})
        true({'blue', 'new one'} <= set(answer['tags']), 'tags not added')
        _, _, answer = s.call('DELETE', '/contacts/%s/tags' % contact,
                              {'tags': ['blue']})
        true('blue' not in answer['tags'], 'tag not removed')
        _, _, tags = s.call('GET', '/locations/%s/tags' % location)
        true('new one' in [t['name'] for t in tags['tags']],
             'the location did not learn the tag')
        status, _, answer = s.call(
            'POST', '/contacts/bulk/tags/update/add',
            {'contacts': [contact, 'x' * 20], 'tags': ['bulk'],
             'locationId': location})
        equal((status, answer['succeded'], answer['errorCount']),
              (201, True, 1))
        _, _, answer = s.call('GET', '/businesses/?locationId=' + location)
        business = answer['businesses'][3]['id']
        s.call('POST', '/contacts/bulk/business', {
            'locationId': location, 'ids': [contact],
            'businessId': business})
        _, _, answer = s.call('GET', '/contacts/business/%s?locationId=%s'
                              % (business, location))
        true(contact in [c['id'] for c in answer['contacts']],
             'not in the business list')
        _, _, answer = s.call('POST', '/contacts/%s/followers' % contact,
                              {'followers': ['u1']})
        equal(answer, {'followers': ['u1'], 'followersAdded': ['u1']})


@test
def search_rules():
    with Sandbox('--contacts', '120', '--no-limit') as s:
        refused = (
            {'pageLimit': None}, {'pageLimit': 501}, {'pageLimit': '10'},
            {'query': 'x' * 76}, {'page': 101},
            {'page': 1, 'searchAfter': [1, 'x']},
            {'sort': [{'field': 'dateAdded', 'direction': 'up'}]},
            {'sort': [{'field': 'nope', 'direction': 'asc'}]},
            {'filters': [{'field': 'nope', 'operator': 'eq', 'value': 1}]},
            {'filters': [{'field': 'dateUpdated', 'operator': 'gte',
                          'value': '2025-01-01'}]},
            {'filters': [{'field': 'dateUpdated', 'operator': 'range',
                          'value': '2025-01-01'}]},
            {'unknown': 1})
        for body in refused:
            equal((body, search(s, **body)[0]), (body, 422))
        status, answer = search(s, filters=[{
            'field': 'dateUpdated', 'operator': 'gte', 'value': 1}])
        equal(answer['message'], ['Invalid Operator'])
        status, answer = search(s)
        equal((status, answer['total'], len(answer['contacts'])),
              (200, 120, 100))
        row = answer['contacts'][0]
        for name in ('lastActivity', 'attributionSource',
                     'fullNameLowerCase'):
            true(name not in row, '%s in a search row' % name)
        equal(search(s, startAfter=[1, 'x'])[1]['contacts'], [])
        equal(len(search(s, page=2)[1]['contacts']), 20)


@test
def search_finds_what_reading_shows():
    with Sandbox('--contacts', '200', '--no-limit') as s:
        rows = crawl(s, [{'field': 'dateAdded', 'direction': 'asc'}], 37)
        equal(len({r['id'] for r in rows}), 200)
        changed = rows[5]['id']
        s.call('PUT', '/contacts/' + changed, {'city': 'Zürich'})
        s.call('DELETE', '/contacts/' + rows[6]['id'])
        full = [s.call('GET', '/contacts/' + r['id'])[2]['contact']
                for i, r in enumerate(rows) if i != 6]
        cases = (
            ([{'field': 'city', 'operator': 'eq', 'value': 'zürich'}],
             lambda c: c['city'] == 'Zürich'),
            ([{'field': 'tags', 'operator': 'eq', 'value': 'vip'}],
             lambda c: 'vip' in c['tags']),
            ([{'field': 'email', 'operator': 'not_exists'}],
             lambda c: 'email' not in c),
            ([{'field': 'dnd', 'operator': 'eq', 'value': True},
              {'field': 'phone', 'operator': 'exists'}],
             lambda c: c['dnd'] and 'phone' in c),
            ([{'group': 'OR', 'filters': [
                {'field': 'city', 'operator': 'eq', 'value': 'Miami'},
                {'field': 'firstNameLowerCase', 'operator': 'contains',
                 'value': 'an'}]}],
             lambda c: c['city'] == 'Miami' or
             'an' in c['firstNameLowerCase']),
            ([{'field': 'dateUpdated', 'operator': 'range',
               'value': {'gte': '2025-06-01T00:00:00Z'}}],
             lambda c: c['dateUpdated'] >= '2025-06-01'))
        for filters, wanted in cases:
            _, answer = search(s, filters=filters, pageLimit=500)
            want = {c['id'] for c in full if wanted(c)}
            true(want, 'an empty case proves nothing: %r' % filters)
            equal((filters, {c['id'] for c in answer['contacts']}),
                  (filters, want))
            equal(answer['total'], len(want))


def crawl(sandbox, sort, limit):
    """All rows, by searchAfter."""
    rows, after = [], None
    while True:
        body = {'sort': sort, 'pageLimit': limit}
        if after:
            body['searchAfter'] = after
        part = search(sandbox, **body)[1]['contacts']
        rows += part
        if len(part) < limit:
            return rows
        after = part[-1]['searchAfter']


@test
def sorts_and_cursors():
    with Sandbox('--contacts', '150', '--no-limit') as s:
        s.call('POST', '/contacts/', {
            'locationId': s.locations[0], 'firstName': 'Aaa'})
        for field, is_down in (('dateUpdated', True), ('dateAdded', False),
                               ('firstNameLowerCase', True),
                               ('firstNameLowerCase', False),
                               ('email', False)):
            rows = crawl(s, [{'field': field, 'direction':
                              'desc' if is_down else 'asc'}], 11)
            equal((field, len({r['id'] for r in rows})), (field, 151))
            values = [r[field] for r in rows if r.get(field)]
            equal((field, values), (field, sorted(values, reverse=is_down)))
        true(not rows[-1].get('email'), 'missing values do not come last')
        rows = crawl(s, [{'field': 'firstNameLowerCase',
                          'direction': 'asc'},
                         {'field': 'dateAdded', 'direction': 'desc'}], 20)
        keys = [r['firstNameLowerCase'] for r in rows]
        equal((len(rows), keys), (151, sorted(keys)))


@test
def index_lag():
    with Sandbox('--contacts', '20', '--no-limit', '--index-lag',
                 '30') as s:
        contact = some_contact(s)
        s.call('PUT', '/contacts/' + contact, {'firstName': 'Quirin'})
        equal(s.call('GET', '/contacts/' + contact)[2]['contact'][
            'firstName'], 'Quirin')
        equal(search(s, query='quirin')[1]['total'], 0)
        s.control('POST', 'clock', {'advance': 31})
        equal(search(s, query='quirin')[1]['total'], 1)


@test
def contact_list_pages():
    with Sandbox('--contacts', '50', '--no-limit') as s:
        target = '/contacts/?locationId=%s&limit=20' % s.locations[0]
        ids = []
        for page in range(3):
            status, head, answer = s.call('GET', target)
            true(re.fullmatch(r'W/"[0-9a-f]+-[A-Za-z0-9+/]{27}"',
                              head['etag']), 'etag %s' % head['etag'])
            ids += [c['id'] for c in answer['contacts']]
            equal(answer['meta']['total'], 50)
            url = answer['meta'].get('nextPageUrl')
            if page < 2:
                true(url.startswith('http://localhost:5058/contacts/?'),
                     'nextPageUrl %s' % url)
                target = url[len('http://localhost:5058'):]
        equal((url, len(set(ids))), (None, 50))


@test
def tasks_of_a_location():
    with Sandbox('--contacts', '80', '--no-limit') as s:
        location = s.locations[0]
        target = '/locations/%s/tasks/search' % location
        rows = s.call('POST', target, {'limit': 500})[2]['tasks']
        done = s.call('POST', target, {
            'limit': 500, 'completed': True})[2]['tasks']
        equal(len(done), sum(t['completed'] for t in rows))
        parts = []
        for skip in range(0, len(rows) + 7, 7):
            parts += s.call('POST', target, {
                'limit': 7, 'skip': skip})[2]['tasks']
        equal(parts, rows)
        by_contact = {}
        for task in rows:
            by_contact.setdefault(task['contactId'], []).append(task['id'])
        contact = rows[-1]['contactId']
        own = s.call('GET', '/contacts/%s/tasks' % contact)[2]['tasks']
        equal([t['id'] for t in own], by_contact[contact])
        s.call('DELETE', '/contacts/%s/tasks/%s' % (contact, own[0]['id']))
        s.call('POST', '/contacts/%s/tasks' % contact, {
            'title': 'Fresh', 'dueDate': '2026-01-01T00:00:00Z',
            'completed': False})
        s.call('DELETE', '/contacts/' + rows[0]['contactId'])
        left = s.call('POST', target, {'limit': 500})[2]['tasks']
        equal(len(left), len(rows) - len(by_contact[rows[0]['contactId']]))
        true('Fresh' in [t['title'] for t in left], 'new task not found')


@test
def calendar_events():
    with Sandbox('--contacts', '100', '--no-limit') as s:
        location = s.locations[0]
        base = '/calendars/events?locationId=%s&startTime=%d&endTime=%d' % (
            location, 1751328000000, 1793328000000)
        equal(s.call('GET', base)[0], 422)
        calendars = s.call('GET', '/calendars/?locationId=' +
                           location)[2]['calendars']
        events = s.call('GET', base + '&calendarId=' +
                        calendars[0]['id'])[2]['events']
        true(events, 'no events in sixteen months')
        event = events[0]
        own = s.call('GET', '/contacts/%s/appointments' %
                     event['contactId'])[2]['events']
        true(event['id'] in [e['id'] for e in own], 'not with its contact')
        true(re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d',
                          own[0]['startTime']), own[0]['startTime'])
        one = '/calendars/events/appointments/' + event['id']
        s.call('PUT', one, {'appointmentStatus': 'completed'})
        equal(s.call('GET', one)[2]['event']['appointmentStatus'], 'showed')
        s.call('PUT', one, {'title': 'Moved'})
        equal(s.call('GET', one)[2]['event']['appointmentStatus'],
              'confirmed')
        made = s.call('POST', '/calendars/events/appointments', {
            'calendarId': calendars[1]['id'], 'locationId': location,
            'contactId': event['contactId'],
            'startTime': '2026-03-03T10:00:00+01:00'})[2]
        equal(made['startTime'], '2026-03-03T09:00:00+00:00')
        slots = s.call('GET', '/calendars/%s/free-slots?startDate=%d'
                       '&endDate=%d' % (calendars[1]['id'], 1772496000000,
                                        1772582399000))[2]
        day = slots['2026-03-03']['slots']
        true('2026-03-03T09:00:00+00:00' not in day and
             '2026-03-03T09:30:00+00:00' in day, 'slots %r' % day)
        s.call('DELETE', '/calendars/events/' + event['id'], {})
        equal(s.call('GET', one)[0], 404)
        blocks = s.call('GET', base.replace('events', 'blocked-slots', 1) +
                        '&calendarId=' + calendars[0]['id'])[2]['events']
        true(blocks, 'no blocked slots')


@test
def versions():
    with Sandbox('--contacts', '10', '--no-limit') as s:
        contact = some_contact(s)
        for version in ('2021-04-15', '2021-07-28', '2023-02-21', 'v3'):
            equal(s.call('GET', '/contacts/' + contact,
                         version=version)[0], 200)
        status, _, answer = s.call('GET', '/contacts/' + contact,
                                   version=None)
        equal((status, answer['message']),
              (401, 'version header was not found.'))
        status, _, answer = s.call('GET', '/contacts/' + contact,
                                   version='2020-01-01')
        equal((status, answer['message']),
              (401, 'version header is invalid'))
        equal(s.call('GET', '/contacts/?locationId=' + s.locations[0],
                     version='v3')[0], 404)
        status, _, answer = s.call('GET', '/contacts/%s/tasks' % contact,
                                   version='v3')
        equal(status, 400)
        true('v3' in answer['message'], answer)
        equal(s.call('DELETE', '/contacts/' + contact, version='v3')[2],
              {'succeeded': True})


@test
def refusals():
    with Sandbox('--contacts', '10', '--no-limit') as s:
        mine, theirs = some_contact(s), some_contact(s, 1)
        cases = (
            ('no-such', 'GET', mine, 401, 'Invalid token: access token '
             'is invalid'),
            ('pit-unknown', 'GET', mine, 401,
             'Invalid Private Integration token'),
            ('a.b.c', 'GET', mine, 401, 'Invalid JWT'),
            ('no-contacts-1', 'GET', mine, 401,
             'The token is not authorized for this scope.'),
            ('readonly-1', 'DELETE', mine, 401,
             'The token is not authorized for this scope.'),
            ('full-1', 'GET', theirs, 403,
             'The token does not have access to this location.'),
            ('readonly-1', 'GET', mine, 200, None))
        for token, method, contact, wanted, message in cases:
            status, _, answer = s.call(method, '/contacts/' + contact,
                                       token=token)
            equal((token, status), (token, wanted))
            equal(answer.get('message'), message)
        equal(s.call('GET', '/contacts/' + mine, token=None)[0], 401)
        equal(s.call('GET', '/contacts/' + mine, token='company')[0], 401)
        equal(s.call('GET', '/contacts/?locationId=' + s.locations[1])[0],
              403)
        status, _, answer = s.call('GET', '/nowhere?x=1', token=None)
        equal((status, answer['message']), (404, 'Cannot GET /nowhere?x=1'))
        equal(s.call('GET', '/locations/search', token='company')[0], 200)


@test
def refresh_tokens_are_spent_once():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        client = s.ready['clients'][0]

        def grant(**fields):
            form = '&'.join('%s=%s' % pair for pair in {
                'client_id': client['client_id'],
                'client_secret': client['client_secret'],
                **fields}.items()).encode()
            status, _, content = s.raw('POST', '/oauth/token', form, {
                'content-type': 'application/x-www-form-urlencoded'})
            return status, json.loads(content)
        first = client['refresh_token']
        status, answer = grant(grant_type='refresh_token',
                               refresh_token=first)
        equal((status, answer['token_type'], answer['expires_in'],
               answer['locationId']),
              (200, 'Bearer', 86399, s.locations[0]))
        access = answer['access_token']
        equal(grant(grant_type='refresh_token', refresh_token=first)[0],
              400)
        contact = some_contact(s)
        equal(s.call('GET', '/contacts/' + contact, token=access)[0], 200)
        s.control('POST', 'clock', {'advance': 86400})
        status, _, body = s.call('GET', '/contacts/' + contact,
                                 token=access)
        equal((status, body['message']), (401, 'Invalid JWT'))
        equal(grant(grant_type='refresh_token',
                    refresh_token=answer['refresh_token'])[0], 200)
        status, company = grant(
            grant_type='refresh_token',
            refresh_token=client['company_refresh_token'])
        equal(company['userType'], 'Company')
        status, _, answer = s.call('POST', '/oauth/locationToken', {
            'companyId': s.ready['companyId'],
            'locationId': s.locations[1]}, token=company['access_token'])
        equal((status, answer['locationId']), (200, s.locations[1]))
        equal(s.call('POST', '/oauth/location-token', {},
                     token=company['access_token'])[0], 404)


@test
def changes_from_outside():
    with Sandbox('--contacts', '20', '--no-limit') as s:
        contact = some_contact(s)
        target = '/contacts/' + contact
        s.control('POST', 'mutate', {
            'contactId': contact, 'set': {'firstName': 'Outside'},
            'add': {'task': {'title': 'T'}, 'note': {'body': 'B'},
                    'appointment': {}}})
        equal(s.call('GET', target)[2]['contact']['firstName'], 'Outside')
        for part, name, field in (('tasks', 'title', 'T'),
                                  ('notes', 'body', 'B')):
            rows = s.call('GET', '%s/%s' % (target, part))[2][part]
            equal(rows[-1][name], field)
        rows = s.call('GET', target + '/appointments')[2]['events']
        s.control('POST', 'mutate', {'appointmentId': rows[-1]['id'],
                                     'delete': True})
        equal(len(s.call('GET', target + '/appointments')[2]['events']),
              len(rows) - 1)
        made = s.control('POST', 'mutate', {
            'locationId': s.locations[0], 'create': {'firstName': 'Z'}})
        equal(s.call('GET', '/contacts/' + made['id'])[0], 200)
        s.control('POST', 'mutate', {'contactId': contact, 'delete': True})
        equal(s.call('GET', target)[0], 400)
        equal(s.ledger()['writes_by_operation'], {})
        s.control('POST', 'reset', {})
        equal(s.call('GET', target)[2]['contact']['id'], contact)


@test
def never_and_stream_operations():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        place = '/messages/%s' % some_contact(s)
        status, head, body = s.call(
            'GET', '/conversations%s/locations/%s/recording' % (
                place, s.locations[0]))
        equal((status, head['content-type'], body[:4], len(body)),
              (200, 'audio/x-wav', b'RIFF', 8044))
        status, head, part = s.call(
            'GET', '/conversations%s/locations/%s/recording' % (
                place, s.locations[0]), headers={'range': 'bytes=40-1039'})
        equal((status, head['content-range']),
              (206, 'bytes 40-1039/8044'))
        equal(part, body[40:1040])
        status, head, _ = s.call(
            'GET', '/conversations/locations/%s%s/transcription/download'
            % (s.locations[0], place))
        equal((status, head['content-type']), (200, 'text/plain'))
        numbers = [s.call(
            'GET', '/invoices/generate-invoice-number?altType=location'
            '&altId=' + s.locations[0])[2]['invoiceNumber']
            for _ in range(2)]
        true(numbers[0] != numbers[1], 'a number was given twice')
        status, head, body = s.call('POST', '/mcp/', {
            'jsonrpc': '2.0', 'id': 1, 'method': 'tools/list',
            'params': {'_meta': {'progressToken': 'p'}}})
        equal((head['content-type'], body.count(b'event: ')),
              ('text/event-stream', 3))


@test
def a_hundred_thousand_contacts():
    begun = time.monotonic()
    with Sandbox('--contacts', '100000', '--no-limit') as s:
        started = time.monotonic() - begun
        true(started < 5, 'ready after %.1f s' % started)
        equal(search(s)[1]['total'], 100000)
        _, answer = search(s, pageLimit=1, sort=[
            {'field': 'dateAdded', 'direction': 'asc'}])
        contact = answer['contacts'][0]['id']
        equal(s.call('GET', '/contacts/' + contact)[2]['contact']['id'],
              contact)


if __name__ == '__main__':
    sys.exit(run())
