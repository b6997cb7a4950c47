"""The shapes a contact is read and written in."""

from .clock import parse_ms

WRITABLE = {
    'firstName': 'string', 'lastName': 'string', 'name': 'string',
    'email': 'string', 'locationId': 'string', 'gender': 'string',
    'phone': 'string', 'address1': 'string', 'city': 'string',
    'state': 'string', 'postalCode': 'string', 'website': 'string',
    'timezone': 'string', 'dnd': 'boolean', 'dndSettings': 'object',
    'inboundDndSettings': 'object', 'tags': 'array',
    'customFields': 'array', 'source': 'string', 'country': 'string',
    'companyName': 'string', 'assignedTo': 'string',
    'dateOfBirth': 'string', 'createNewIfDuplicateAllowed': 'boolean'}
UPDATABLE = {k: v for k, v in WRITABLE.items()
             if k not in ('locationId', 'gender', 'companyName')}
UPDATABLE['companyName'] = 'string'

SEARCH_ROW = (
    'id', 'locationId', 'firstName', 'lastName', 'firstNameLowerCase',
    'lastNameLowerCase', 'email', 'phone', 'companyName', 'source', 'type',
    'dnd', 'dndSettings', 'assignedTo', 'city', 'state', 'country',
    'postalCode', 'website', 'timezone', 'tags', 'customFields',
    'dateAdded', 'dateUpdated', 'dateOfBirth', 'businessId', 'followers',
    'additionalEmails', 'additionalPhones')
LIST_ROW = (
    'id', 'locationId', 'firstName', 'lastName', 'email', 'timezone',
    'companyName', 'phone', 'dnd', 'type', 'source', 'assignedTo', 'city',
    'state', 'postalCode', 'address1', 'dateAdded', 'dateUpdated',
    'dateOfBirth', 'businessId', 'tags', 'followers', 'country', 'website',
    'customFields', 'additionalEmails')
CREATED = (
    'id', 'dateAdded', 'dateUpdated', 'tags', 'type', 'customFields',
    'locationId', 'firstName', 'firstNameLowerCase', 'fullNameLowerCase',
    'lastName', 'lastNameLowerCase', 'email', 'emailLowerCase', 'dnd',
    'dndSettings', 'phone', 'address1', 'city', 'state', 'country',
    'postalCode', 'website', 'source', 'companyName', 'dateOfBirth',
    'businessId', 'assignedTo')


def search_row(record, cursor):
    """A row of a search: no activity, no attribution, no full name."""
    row = {k: record[k] for k in SEARCH_ROW if k in record}
    row['businessName'] = record.get('companyName')
    row['address'] = record.get('address1')
    row['searchAfter'] = cursor
    return row


def list_row(record):
    row = {k: record[k] for k in LIST_ROW if k in record}
    row['contactName'] = record['fullNameLowerCase']
    row['attributions'] = [{**record['attributionSource'],
                            'isFirst': True}] \
        if 'attributionSource' in record else []
    return row


def created_view(record):
    view = {k: record[k] for k in CREATED if k in record}
    view.update(deleted=False, bounceEmail=False, unsubscribeEmail=False)
    return view


def clean_tags(tags):
    """Tags as stored: lower case, each once, in order."""
    return list(dict.fromkeys(t.strip().lower() for t in tags
                              if isinstance(t, str) and t.strip()))


def clean_phone(phone):
    digits = ''.join(c for c in phone if c.isdecimal())
    if len(digits) == 10 and not phone.strip().startswith('+'):
        digits = '1' + digits
    return '+' + digits if digits else ''


def _merge_custom_fields(old, new, definitions):
    """Custom fields after a write; entries name a field by id or key."""
    values = {f['id']: f['value'] for f in old}
    by_key = {d['fieldKey'].partition('.')[2]: d['id'] for d in definitions}
    for entry in new:
        if not isinstance(entry, dict):
            continue
        field_id = entry.get('id') or by_key.get(entry.get('key'))
        value = entry.get('field_value', entry.get('value'))
        if field_id is None:
            continue
        if value is None or value == '':
            values.pop(field_id, None)
        else:
            values[field_id] = value
    return [{'id': k, 'value': v} for k, v in values.items()]


def _names(record, body):
    """First, last and full name after a write, and their lower case."""
    if 'name' in body and 'firstName' not in body:
        first, _, last = (body['name'] or '').strip().partition(' ')
        record['firstName'] = first
        record['lastName'] = body.get('lastName') or last
    first = record.get('firstName') or ''
    last = record.get('lastName') or ''
    name = ('%s %s' % (first, last)).strip()
    record.update(name=name, firstNameLowerCase=first.lower(),
                  lastNameLowerCase=last.lower(),
                  fullNameLowerCase=name.lower())


def apply_body(record, body, definitions):
    """A new record: `record` with the fields of a write applied."""
    record = dict(record)
    for name in WRITABLE:
        if name in body and name not in (
                'name', 'locationId', 'tags', 'customFields', 'email',
                'phone', 'createNewIfDuplicateAllowed'):
            record[name] = body[name]
    if 'email' in body:
        record['email'] = (body['email'] or '').strip().lower()
        record['emailLowerCase'] = record['email']
    if 'phone' in body:
        record['phone'] = clean_phone(body['phone'] or '')
    if 'tags' in body:
        record['tags'] = clean_tags(body['tags'] or [])
    if 'customFields' in body:
        record['customFields'] = _merge_custom_fields(
            record['customFields'], body['customFields'] or [], definitions)
    _names(record, body)
    return record


def fresh(location_id, now):
    """What a contact has before its first fields are applied."""
    return {'locationId': location_id, 'dnd': False, 'type': 'lead',
            'source': 'public api', 'tags': [], 'customFields': [],
            'dateAdded': now, 'dateUpdated': now, 'lastActivity': now,
            'additionalEmails': [], 'additionalPhones': [],
            'followers': [], 'country': 'US'}


def list_cursor(record):
    """startAfter and startAfterId of a list row."""
    return parse_ms(record['dateAdded']), record['id']
