"""The control plane under /__sandbox: ledger, faults, changes, clock."""

import json

from . import kinds
from .clock import iso, parse_ms
from .contact_forms import apply_body, fresh

SCOPES_OF_RESET = ('ledger', 'faults', 'quota', 'data')


class Mistake(Exception):
    """A request to the control plane that makes no sense."""


def _body(request):
    if not request.body:
        return {}
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise Mistake('not JSON: %s' % error)


def ledger(app, request):
    if request.method == 'DELETE':
        app.ledger.reset()
        app.quota.reset()
        return {'ok': True}
    return app.ledger.report(app.quota, 'brief' in request.query)


def faults(app, request):
    if request.method == 'DELETE':
        app.faults.clear()
    elif request.method == 'POST':
        specs = _body(request)
        for spec in specs if isinstance(specs, list) else [specs]:
            try:
                app.faults.add(spec)
            except (ValueError, TypeError) as error:
                raise Mistake(str(error))
    return {'faults': app.faults.report()}


def reset(app, request):
    """Back to the seed; {"only": [...]} names parts."""
    parts = _body(request).get('only') or SCOPES_OF_RESET
    unknown = set(parts) - set(SCOPES_OF_RESET)
    if unknown:
        raise Mistake('unknown parts %s' % sorted(unknown))
    if 'ledger' in parts:
        app.ledger.reset()
    if 'faults' in parts:
        app.faults.clear()
    if 'quota' in parts:
        app.quota.reset()
    if 'data' in parts:
        app.reset_data()
    return {'ok': True}


def clock(app, request):
    if request.method == 'POST':
        seconds = _body(request).get('advance')
        if isinstance(seconds, bool) or \
                not isinstance(seconds, (int, float)) or seconds < 0:
            raise Mistake('advance must be a number of seconds')
        app.clock.advance(seconds)
    return {'now_ms': app.clock.now_ms(), 'now': iso(app.clock.now_ms()),
            'is_fixed': app.clock.is_fixed}


def info(app, _request):
    return app.describe()


# Changes behind the proxy's back

def _locate(app, record_id):
    plain = app.world.ids.read(record_id)
    if plain is None or plain[1] >= len(app.world.by_number):
        raise Mistake('not an id of this sandbox: %r' % record_id)
    return app.world.by_number[plain[1]], plain


def _change_part(location, what, number, record_id, spec):
    if location.part(what, number, record_id) is None:
        raise Mistake('no such %s' % what[:-1])
    if spec.get('delete'):
        location.drop_part(what, number, record_id)
    else:
        location.change_part(what, number, record_id, spec.get('set', {}))
    return {'id': record_id}


def _change_event(location, record_id, spec):
    record = location.events.get(record_id)
    if record is None:
        raise Mistake('no such event')
    if spec.get('delete'):
        location.events.put(record_id, None)
        return {'id': record_id}
    fields = dict(spec.get('set', {}))
    for name, key in (('startTime', 'start_ms'), ('endTime', 'end_ms')):
        if name in fields:
            fields[key] = parse_ms(fields.pop(name))
    now = location.world.clock.now_ms()
    location.events.put(record_id, {**record, **fields, 'updated_ms': now})
    return {'id': record_id}


def _add_to_contact(location, number, what, fields):
    contact_id = location.book.contact_id(number)
    now_ms = location.world.clock.now_ms()
    if what == 'task':
        return location.add_part('tasks', number, {
            'title': 'Task', 'completed': False, 'dueDate': iso(now_ms),
            **fields, 'contactId': contact_id})
    if what == 'note':
        return location.add_part('notes', number, {
            'body': 'Note', 'dateAdded': iso(now_ms), **fields,
            'contactId': contact_id})
    if what != 'appointment':
        raise Mistake('add takes task, note or appointment')
    start = parse_ms(fields.get('startTime')) or now_ms
    return location.events.add({
        'title': fields.get('title', 'Appointment'),
        'calendarId': fields.get('calendarId', location.calendar_ids[0]),
        'locationId': location.id, 'contactId': contact_id, 'groupId': '',
        'appointmentStatus': fields.get('appointmentStatus', 'confirmed'),
        'assignedUserId': fields.get('assignedUserId',
                                     location.book.users[0]),
        'address': '', 'start_ms': start, 'end_ms': start + 1800000,
        'added_ms': now_ms, 'updated_ms': now_ms, 'source': 'calendar_page'})


def _change_contact(location, number, spec):
    if not location.is_contact(number):
        raise Mistake('no such contact')
    if spec.get('delete'):
        location.put_contact(number, None)
        return {'id': location.book.contact_id(number)}
    made = {}
    for what, fields in spec.get('add', {}).items():
        record = _add_to_contact(location, number, what, fields)
        made[what + 'Id'] = record['id']
    if 'set' in spec:
        record = apply_body(location.contact(number), spec['set'],
                            location.custom_fields.list())
        for name in ('dateUpdated', 'lastActivity', 'businessId'):
            if name in spec['set']:
                record[name] = spec['set'][name]
        if spec.get('touch', True) and 'dateUpdated' not in spec['set']:
            location.touch(number, **record)
        else:
            location.put_contact(number, record)
    return {'id': location.book.contact_id(number), **made}


def _create_contact(app, spec):
    location = app.world.locations.get(spec.get('locationId'))
    if location is None:
        raise Mistake('no such location')
    now = iso(app.clock.now_ms())
    record = apply_body(fresh(location.id, now), spec['create'],
                        location.custom_fields.list())
    _, record = location.new_contact(record)
    return {'id': record['id']}


def _mutate_one(app, spec):
    if not isinstance(spec, dict):
        raise Mistake('a change must be an object')
    if 'create' in spec:
        return _create_contact(app, spec)
    for name in ('taskId', 'noteId', 'appointmentId', 'eventId',
                 'contactId'):
        if name in spec:
            location, plain = _locate(app, spec[name])
            break
    else:
        raise Mistake('a change needs contactId, taskId, noteId, '
                      'appointmentId, or locationId and create')
    if plain[0] == kinds.TASK:
        return _change_part(location, 'tasks', plain[2], spec[name], spec)
    if plain[0] == kinds.NOTE:
        return _change_part(location, 'notes', plain[2], spec[name], spec)
    if plain[0] == kinds.EVENT:
        return _change_event(location, spec[name], spec)
    if plain[0] == kinds.CONTACT:
        return _change_contact(location, plain[2], spec)
    raise Mistake('cannot change a record of this kind')


def mutate(app, request):
    specs = _body(request)
    if isinstance(specs, list):
        return {'ok': True, 'results': [_mutate_one(app, s) for s in specs]}
    return {'ok': True, **_mutate_one(app, specs)}


ROUTES = {
    '/__sandbox/ledger': (('GET', 'DELETE'), ledger),
    '/__sandbox/faults': (('GET', 'POST', 'DELETE'), faults),
    '/__sandbox/mutate': (('POST',), mutate),
    '/__sandbox/reset': (('POST',), reset),
    '/__sandbox/clock': (('GET', 'POST'), clock),
    '/__sandbox/info': (('GET',), info),
}


def control(app, request):
    """(status, body) for a request to the control plane."""
    route = ROUTES.get(request.path.rstrip('/'))
    if route is None or request.method not in route[0]:
        return 404, {'error': 'no such control: %s %s' % (
            request.method, request.path), 'paths': sorted(ROUTES)}
    try:
        return 200, route[1](app, request)
    except Mistake as mistake:
        return 400, {'error': str(mistake)}
