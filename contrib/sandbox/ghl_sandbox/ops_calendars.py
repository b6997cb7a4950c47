"""Calendars, groups, appointments, blocked and free slots."""

from . import kinds
from .clock import day_text, iso, iso_offset, parse_ms
from .context import handles
from .errors import ApiError, bad_request, unprocessable, wrong_location
from .seeded import DAY_MS
from .validate import check_body

HALF_HOUR_MS = 1800000
MAX_SLOT_DAYS = 31
STATUSES = {'new', 'confirmed', 'cancelled', 'showed', 'noshow', 'invalid',
            'active', 'completed'}
APPOINTMENT_FIELDS = {
    'title': 'string', 'meetingLocationType': 'string',
    'meetingLocationId': 'string', 'overrideLocationConfig': 'boolean',
    'appointmentStatus': 'string', 'assignedUserId': 'string',
    'description': 'string', 'address': 'string',
    'ignoreDateRange': 'boolean', 'toNotify': 'boolean',
    'ignoreFreeSlotValidation': 'boolean', 'rrule': 'string',
    'calendarId': 'string', 'locationId': 'string', 'contactId': 'string',
    'startTime': 'string', 'endTime': 'string'}
KEPT = ('title', 'assignedUserId', 'description', 'address', 'rrule',
        'calendarId', 'contactId', 'meetingLocationType')
BLOCK_FIELDS = {
    'title': 'string', 'calendarId': 'string', 'assignedUserId': 'string',
    'locationId': 'string', 'startTime': 'string', 'endTime': 'string'}
GROUP_FIELDS = {'locationId': 'string', 'name': 'string',
                'description': 'string', 'slug': 'string',
                'isActive': 'boolean'}


def event_view(event):
    """An event as calendars/events answers it."""
    view = {
        'id': event['id'], 'address': event.get('address', ''),
        'title': event['title'], 'calendarId': event['calendarId'],
        'locationId': event['locationId'], 'contactId': event['contactId'],
        'groupId': event['groupId'],
        'appointmentStatus': event['appointmentStatus'],
        'assignedUserId': event['assignedUserId'],
        'users': [event['assignedUserId']],
        'notes': event.get('notes', ''),
        'startTime': iso_offset(event['start_ms']),
        'endTime': iso_offset(event['end_ms']),
        'dateAdded': iso(event['added_ms']),
        'dateUpdated': iso(event['updated_ms']), 'assignedResources': [],
        'createdBy': {'userId': event['assignedUserId'],
                      'source': event['source']}}
    for name in ('description', 'rrule'):
        if name in event:
            view[name] = event[name]
    return view


def write_view(event):
    """An appointment as its create and update answer it: no dates of its
    own, as the real service omits them."""
    return {
        'id': event['id'], 'calendarId': event['calendarId'],
        'locationId': event['locationId'], 'contactId': event['contactId'],
        'startTime': iso_offset(event['start_ms']),
        'endTime': iso_offset(event['end_ms']), 'title': event['title'],
        'meetingLocationType': event.get('meetingLocationType', 'custom'),
        'appointmentStatus': event['appointmentStatus'],
        'assignedUserId': event['assignedUserId'],
        'address': event.get('address', ''),
        'isRecurring': bool(event.get('rrule'))}


def block_view(event):
    return {'id': event['id'], 'locationId': event['locationId'],
            'title': event['title'],
            'startTime': iso_offset(event['start_ms']),
            'endTime': iso_offset(event['end_ms']),
            'calendarId': event['calendarId'],
            'assignedUserId': event['assignedUserId']}


def _event(ctx, event_id, is_block=None):
    event = ctx.location.events.get(event_id)
    if event is None:
        plain = ctx.world.ids.read(event_id)
        if plain and plain[0] == kinds.EVENT and \
                plain[1] != ctx.location.loc:
            raise wrong_location()
        raise ApiError(404, 'Event not found')
    if is_block is not None and bool(event.get('is_block')) != is_block:
        raise ApiError(404, 'Event not found')
    return event


def _times(body, old=None):
    """start_ms and end_ms of a write; half an hour when no end is given."""
    start = parse_ms(body['startTime']) if 'startTime' in body else None
    end = parse_ms(body['endTime']) if 'endTime' in body else None
    for name, value in (('startTime', start), ('endTime', end)):
        if name in body and value is None:
            raise unprocessable('%s must be a valid ISO 8601 date' % name)
    if start is None:
        start = old['start_ms']
    if end is None:
        length = old['end_ms'] - old['start_ms'] if old else HALF_HOUR_MS
        end = start + length
    if end <= start:
        raise unprocessable('endTime must be after startTime')
    return {'start_ms': start, 'end_ms': end}


def _status(body):
    """A write without a status resets it; completed is kept as showed."""
    status = body.get('appointmentStatus', 'confirmed')
    if status not in STATUSES:
        raise unprocessable('appointmentStatus must be a valid enum value')
    return 'showed' if status == 'completed' else status


def _calendar(ctx, calendar_id):
    return ctx.record_of(ctx.location.calendars, calendar_id, 'Calendar')


@handles('calendars.create-appointment')
def create_appointment(ctx):
    body = ctx.json_object()
    check_body(body, APPOINTMENT_FIELDS,
               ['calendarId', 'locationId', 'contactId', 'startTime'])
    ctx.contact_number(body['contactId'])
    calendar = _calendar(ctx, body['calendarId'])
    now = ctx.world.clock.now_ms()
    event = ctx.location.events.add({
        'title': calendar['name'],
        'assignedUserId': calendar['teamMembers'][0]['userId']
        if calendar.get('teamMembers') else ctx.location.book.users[0],
        'groupId': calendar.get('groupId', ''),
        **{k: body[k] for k in KEPT if k in body},
        'locationId': ctx.location.id, 'appointmentStatus': _status(body),
        **_times(body), 'added_ms': now, 'updated_ms': now,
        'source': 'third_party'})
    return _write_answer(ctx, event)


def _write_answer(ctx, event):
    return {**write_view(event), 'traceId': ctx.trace_id()}


@handles('calendars.edit-appointment')
def edit_appointment(ctx):
    event = _event(ctx, ctx.params['eventId'], False)
    body = ctx.json_object()
    check_body(body, APPOINTMENT_FIELDS)
    if 'calendarId' in body:
        _calendar(ctx, body['calendarId'])
    event = {**event, **{k: body[k] for k in KEPT if k in body},
             'appointmentStatus': _status(body), **_times(body, event),
             'updated_ms': ctx.world.clock.now_ms()}
    ctx.location.events.put(event['id'], event)
    return _write_answer(ctx, event)


@handles('calendars.get-appointment')
def get_appointment(ctx):
    event = _event(ctx, ctx.params['eventId'])
    return {'event': event_view(event), 'traceId': ctx.trace_id()}


@handles('calendars.delete-event')
def delete_event(ctx):
    event = _event(ctx, ctx.params['eventId'])
    ctx.location.events.put(event['id'], None)
    return {'succeeded': True, 'traceId': ctx.trace_id()}


def _between(ctx, is_block):
    ctx.required_query('locationId', 'startTime', 'endTime')
    query = ctx.query
    if not any(query.get(k) for k in ('userId', 'calendarId', 'groupId')):
        raise unprocessable(
            'Either of userId, calendarId or groupId is required')
    start, end = parse_ms(query['startTime']), parse_ms(query['endTime'])
    if start is None or end is None:
        raise unprocessable('startTime and endTime must be in milliseconds')
    wanted = [(k, query[name]) for k, name in (
        ('calendarId', 'calendarId'), ('assignedUserId', 'userId'),
        ('groupId', 'groupId')) if query.get(name)]
    events = ctx.location.events.between(start, end, is_block)
    rows = [event_view(e) for e in events
            if all(e[k] == v for k, v in wanted)]
    return {'events': rows, 'traceId': ctx.trace_id()}


@handles('calendars.get-calendar-events')
def list_events(ctx):
    return _between(ctx, False)


@handles('calendars.get-blocked-slots')
def list_blocks(ctx):
    return _between(ctx, True)


@handles('calendars.create-block-slot')
def create_block(ctx):
    body = ctx.json_object()
    check_body(body, BLOCK_FIELDS, ['locationId', 'calendarId', 'startTime'])
    calendar = _calendar(ctx, body['calendarId'])
    now = ctx.world.clock.now_ms()
    event = ctx.location.events.add({
        'title': body.get('title', 'Blocked'),
        'calendarId': calendar['id'], 'locationId': ctx.location.id,
        'contactId': '', 'groupId': calendar.get('groupId', ''),
        'appointmentStatus': 'confirmed',
        'assignedUserId': body.get('assignedUserId',
                                   ctx.location.book.users[0]),
        **_times(body), 'added_ms': now, 'updated_ms': now,
        'source': 'third_party'}, True)
    return block_view(event)


@handles('calendars.edit-block-slot')
def edit_block(ctx):
    event = _event(ctx, ctx.params['eventId'], True)
    body = ctx.json_object()
    check_body(body, BLOCK_FIELDS)
    kept = {k: body[k] for k in ('title', 'calendarId', 'assignedUserId')
            if k in body}
    event = {**event, **kept, **_times(body, event),
             'updated_ms': ctx.world.clock.now_ms()}
    ctx.location.events.put(event['id'], event)
    return block_view(event)


@handles('calendars.get-slots')
def free_slots(ctx):
    """Half hours from 9 to 17 on weekdays that nothing occupies."""
    calendar = _calendar(ctx, ctx.params['calendarId'])
    ctx.required_query('startDate', 'endDate')
    start = parse_ms(ctx.query['startDate'])
    end = parse_ms(ctx.query['endDate'])
    if start is None or end is None or end < start:
        raise unprocessable('startDate and endDate must be in milliseconds')
    if end - start > MAX_SLOT_DAYS * DAY_MS:
        raise bad_request('date range must not be more than %d days' %
                          MAX_SLOT_DAYS)
    busy = set()
    for is_block in (False, True):
        for event in ctx.location.events.between(
                start - DAY_MS, end + DAY_MS, is_block):
            if event['calendarId'] == calendar['id'] and \
                    event['appointmentStatus'] != 'cancelled':
                first = event['start_ms'] // HALF_HOUR_MS
                last = -(-event['end_ms'] // HALF_HOUR_MS)
                busy.update(range(first, last))
    days = {}
    for day in range(start // DAY_MS, end // DAY_MS + 1):
        slots = [slot for slot in range(day * 48 + 18, day * 48 + 34)
                 if slot not in busy and
                 start <= slot * HALF_HOUR_MS <= end]
        if slots and (day + 4) % 7 not in (0, 6):
            days[day_text(day)] = {'slots': [
                iso_offset(s * HALF_HOUR_MS) for s in slots]}
    return {**days, 'traceId': ctx.trace_id()}


# Calendars and groups

@handles('calendars.get-calendars')
def list_calendars(ctx):
    ctx.required_query('locationId')
    group = ctx.query.get('groupId')
    return {'calendars': [c for c in ctx.location.calendars.list()
                          if not group or c.get('groupId') == group],
            'traceId': ctx.trace_id()}


@handles('calendars.get-calendar')
def get_calendar(ctx):
    return {'calendar': _calendar(ctx, ctx.params['calendarId'])}


@handles('calendars.create-calendar')
def create_calendar(ctx):
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'name': 'string'},
               ['locationId', 'name'], is_closed=False)
    return {'calendar': ctx.location.calendars.add(
        {'groupId': '', 'isActive': True, **body})}


@handles('calendars.update-calendar')
def update_calendar(ctx):
    calendar = _calendar(ctx, ctx.params['calendarId'])
    body = {k: v for k, v in ctx.json_object().items() if k != 'id'}
    return {'calendar': ctx.location.calendars.change(calendar['id'], body)}


@handles('calendars.delete-calendar')
def delete_calendar(ctx):
    calendar = _calendar(ctx, ctx.params['calendarId'])
    ctx.location.calendars.remove(calendar['id'])
    return {'success': True}


def _group(ctx):
    return ctx.record_of(ctx.location.groups, ctx.params['groupId'], 'Group')


@handles('calendars.get-groups')
def list_groups(ctx):
    ctx.required_query('locationId')
    return {'groups': ctx.location.groups.list(),
            'traceId': ctx.trace_id()}


@handles('calendars.create-calendar-group')
def create_group(ctx):
    body = ctx.json_object()
    check_body(body, GROUP_FIELDS,
               ['locationId', 'name', 'description', 'slug'])
    return {'group': ctx.location.groups.add({'isActive': True, **body})}


@handles('calendars.edit-group', 'calendars.disable-group')
def edit_group(ctx):
    group = _group(ctx)
    body = ctx.json_object()
    check_body(body, GROUP_FIELDS)
    group = ctx.location.groups.change(group['id'], body)
    if ctx.operation.id == 'calendars.disable-group':
        return {'success': True}
    return {'group': group}


@handles('calendars.delete-group')
def delete_group(ctx):
    ctx.location.groups.remove(_group(ctx)['id'])
    return {'success': True}


@handles('calendars.validate-groups-slug')
def validate_slug(ctx):
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'slug': 'string'},
               ['locationId', 'slug'])
    return {'available': all(g['slug'] != body['slug']
                             for g in ctx.location.groups.list())}


# Notes of an appointment

def _notes(ctx):
    event = _event(ctx, ctx.params['appointmentId'], False)
    return event, ctx.location.events.notes.setdefault(event['id'], {})


def _note_body(ctx):
    body = ctx.json_object()
    check_body(body, {'userId': 'string', 'body': 'string'}, ['body'])
    return body


@handles('calendars.get-appointment-notes')
def list_notes(ctx):
    _, notes = _notes(ctx)
    limit = ctx.number('limit', 10, 20, least=1)
    offset = ctx.number('offset', 0, 10 ** 6)
    rows = list(notes.values())
    return {'notes': rows[offset:offset + limit],
            'hasMore': offset + limit < len(rows)}


@handles('calendars.create-appointment-note')
def create_note(ctx):
    event, notes = _notes(ctx)
    events = ctx.location.events
    events.notes_made += 1
    note = {'id': ctx.world.ids.make(kinds.EVENT_NOTE, ctx.location.loc,
                                     events.notes_made),
            'userId': ctx.location.book.users[0], **_note_body(ctx),
            'dateAdded': ctx.now(), 'contactId': event['contactId']}
    notes[note['id']] = note
    return {'note': note}


def _note(ctx):
    _, notes = _notes(ctx)
    if ctx.params['noteId'] not in notes:
        raise ApiError(404, 'Note not found')
    return notes, ctx.params['noteId']


@handles('calendars.update-appointment-note')
def update_note(ctx):
    notes, note_id = _note(ctx)
    notes[note_id] = {**notes[note_id], **_note_body(ctx)}
    return {'note': notes[note_id]}


@handles('calendars.delete-appointment-note')
def delete_note(ctx):
    notes, note_id = _note(ctx)
    del notes[note_id]
    return {'success': True}
