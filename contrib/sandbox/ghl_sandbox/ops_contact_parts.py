"""Tasks, notes and appointments of one contact; tasks of a location."""

import json
from array import array

from . import past
from .clock import iso, parse_ms, spaced
from .context import handles
from .errors import ApiError, unprocessable
from .validate import check_body

TASK_FIELDS = {'title': 'string', 'body': 'string', 'dueDate': 'string',
               'completed': 'boolean', 'assignedTo': 'string'}
NOTE_FIELDS = {'userId': 'string', 'body': 'string', 'title': 'string',
               'color': 'string', 'pinned': 'boolean'}
SEARCH_FIELDS = {
    'contactId': 'array', 'completed': 'boolean', 'assignedTo': 'array',
    'query': 'string', 'limit': 'number', 'skip': 'number',
    'businessId': 'string', 'sortKey': 'string', 'sortDirection': 'string',
    'count': 'any', 'overdue': 'any', 'dueDate': 'any', 'unAssigned': 'any',
    'locationId': 'string'}
KEEP_TASK_SEARCHES = 16


def _part(ctx, what, name):
    number = ctx.contact_number()
    record = ctx.location.part(what, number, ctx.params[name])
    if record is None:
        raise ApiError(404, '%s not found' % what[:-1].capitalize())
    return number, record


def _due_date(body):
    if 'dueDate' not in body:
        return {}
    due = parse_ms(body['dueDate'])
    if due is None:
        raise unprocessable('dueDate must be a valid ISO 8601 date string')
    return {'dueDate': iso(due)}


@handles('contacts.get-all-tasks')
def list_tasks(ctx):
    return {'tasks': ctx.location.part_list('tasks', ctx.contact_number())}


@handles('contacts.create-task')
def create_task(ctx):
    number = ctx.contact_number()
    body = ctx.json_object()
    check_body(body, TASK_FIELDS, ['title', 'dueDate', 'completed'])
    record = ctx.location.add_part('tasks', number, {
        **body, **_due_date(body), 'contactId': ctx.params['contactId']})
    return {'task': record}


@handles('contacts.get-task')
def get_task(ctx):
    return {'task': _part(ctx, 'tasks', 'taskId')[1]}


@handles('contacts.update-task', 'contacts.update-task-completed')
def update_task(ctx):
    number, record = _part(ctx, 'tasks', 'taskId')
    body = ctx.json_object()
    if ctx.operation.id == 'contacts.update-task-completed':
        check_body(body, {'completed': 'boolean'}, ['completed'])
    else:
        check_body(body, TASK_FIELDS)
    return {'task': ctx.location.change_part(
        'tasks', number, record['id'], {**body, **_due_date(body)})}


@handles('contacts.delete-task')
def delete_task(ctx):
    number, record = _part(ctx, 'tasks', 'taskId')
    ctx.location.drop_part('tasks', number, record['id'])
    return ctx.succeeded()


@handles('contacts.get-all-notes')
def list_notes(ctx):
    return {'notes': ctx.location.part_list('notes', ctx.contact_number())}


@handles('contacts.create-note')
def create_note(ctx):
    number = ctx.contact_number()
    body = ctx.json_object()
    check_body(body, NOTE_FIELDS, ['body'])
    return {'note': ctx.location.add_part('notes', number, {
        **body, 'dateAdded': ctx.now(),
        'contactId': ctx.params['contactId']})}


@handles('contacts.get-note')
def get_note(ctx):
    return {'note': _part(ctx, 'notes', 'id')[1]}


@handles('contacts.update-note')
def update_note(ctx):
    number, record = _part(ctx, 'notes', 'id')
    body = ctx.json_object()
    check_body(body, NOTE_FIELDS)
    return {'note': ctx.location.change_part('notes', number, record['id'],
                                             body)}


@handles('contacts.delete-note')
def delete_note(ctx):
    number, record = _part(ctx, 'notes', 'id')
    ctx.location.drop_part('notes', number, record['id'])
    return ctx.succeeded()


@handles('contacts.get-appointments-for-contact')
def list_appointments(ctx):
    number = ctx.contact_number()
    return {'events': [_appointment_row(e)
                       for e in ctx.location.events.of_contact(number)]}


def _appointment_row(event):
    """An event as a contact's list has it: dates without a zone."""
    return {
        'id': event['id'], 'calendarId': event['calendarId'],
        'status': 'booked', 'title': event['title'],
        'assignedUserId': event['assignedUserId'],
        'notes': event.get('notes', ''),
        'startTime': spaced(event['start_ms']),
        'endTime': spaced(event['end_ms']),
        'address': event.get('address', ''),
        'locationId': event['locationId'],
        'contactId': event['contactId'], 'groupId': event['groupId'],
        'appointmentStatus': event['appointmentStatus'], 'users': [],
        'dateAdded': spaced(event['added_ms']),
        'dateUpdated': spaced(event['updated_ms']), 'assignedResources': []}


def _wanted(body):
    query = (body.get('query') or '').lower()
    assigned = body.get('assignedTo') or None
    completed = body.get('completed')

    def test(task):
        return (completed is None or task['completed'] == completed) and \
            (assigned is None or task.get('assignedTo') in assigned) and \
            (not query or query in task['title'].lower())
    return test


def _past_matches(location, body, test):
    """Matching tasks of untouched contacts: number << 8 | position."""
    key = json.dumps([body.get('query'), body.get('assignedTo'),
                      body.get('completed')])
    kept = location.task_matches.get(key)
    if kept is None:
        book = location.book
        kept = array('Q', (
            i << 8 | at for i in range(book.count)
            if past.task_count(past.task_hash(book, i))
            for at, task in enumerate(past.tasks(location, i))
            if test(task)))
        if len(location.task_matches) >= KEEP_TASK_SEARCHES:
            location.task_matches.clear()
        location.task_matches[key] = kept
    return kept


def _matches_of(location, numbers, test):
    return [n << 8 | at for n in numbers if location.is_contact(n)
            for at, task in enumerate(location.part_list('tasks', n))
            if test(task)]


def _find_tasks(ctx, body, test):
    location = ctx.location
    if body.get('contactId'):
        plains = [ctx.world.ids.read(c) for c in body['contactId']]
        return _matches_of(location, sorted(
            {p[2] for p in plains if p and p[1] == location.loc}), test)
    if body.get('businessId'):
        found = location.index.search([{
            'field': 'businessId', 'operator': 'eq',
            'value': body['businessId']}])
        return _matches_of(location, sorted(found.order), test)
    touched = {n for what, n in location.parts if what == 'tasks'}
    touched.update(n for n, r in location.changed.items() if r is None)
    rows = _past_matches(location, body, test)
    if touched:
        rows = [row for row in rows if row >> 8 not in touched]
        rows += _matches_of(location, touched, test)
        rows.sort()
    return rows


@handles('locations.task-search')
def search_tasks(ctx):
    body = ctx.json_object()
    check_body(body, SEARCH_FIELDS)
    limit = ctx.number('limit', 25, 500, body, least=1)
    skip = ctx.number('skip', 0, 10 ** 9, body)
    rows = _find_tasks(ctx, body, _wanted(body))
    location = ctx.location
    tasks = [{**location.part_list('tasks', row >> 8)[row & 255],
              'locationId': location.id}
             for row in rows[skip:skip + limit]]
    return {'tasks': tasks, 'traceId': ctx.trace_id()}
