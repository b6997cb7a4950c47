"""Locations, tags, custom fields and values, users, businesses."""

from .context import handles
from .errors import ApiError, bad_request, unprocessable, wrong_location
from .seeded import TIMEZONES
from .validate import check_body
from .world import custom_field, custom_value

BUSINESS_FIELDS = {k: 'string' for k in (
    'name', 'locationId', 'phone', 'email', 'website', 'address', 'city',
    'postalCode', 'state', 'country', 'description')}


# Locations

def _location_of_path(ctx):
    location = ctx.world.locations.get(ctx.params['locationId'])
    if location is None:
        raise wrong_location()
    return location


@handles('locations.search-locations')
def search_locations(ctx):
    rows = [p.record for p in ctx.world.by_number
            if ctx.token.location in (None, p)]
    email = ctx.query.get('email')
    rows = [r for r in rows if not email or r['email'] == email]
    skip = ctx.number('skip', 0, 10 ** 6)
    limit = ctx.number('limit', 10, 1000, least=1)
    return {'locations': rows[skip:skip + limit],
            'traceId': ctx.trace_id()}


@handles('locations.get-location')
def get_location(ctx):
    return {'location': _location_of_path(ctx).record,
            'traceId': ctx.trace_id()}


@handles('locations.put-location')
def update_location(ctx):
    location = _location_of_path(ctx)
    body = ctx.json_object()
    check_body(body, {'name': 'string', 'companyId': 'string'},
               ['companyId'], is_closed=False)
    location.record = {**location.record, **body, 'id': location.id}
    return location.record


@handles('locations.get-timezones')
def timezones(ctx):
    return {'timeZones': list(TIMEZONES), 'traceId': ctx.trace_id()}


# Collections under /locations/{locationId}: list, read, create, update,
# delete look alike but for names and allowed fields.

def _collection_operations(attribute, names, one, many, operations, fields,
                           required, build):
    """Register the five operations of a small collection."""
    listing, reading, creating, updating, deleting = operations

    def collection(ctx):
        return getattr(_location_of_path(ctx), attribute)

    def record(ctx):
        ctx.location = _location_of_path(ctx)
        return ctx.record_of(collection(ctx), ctx.params[names[0]], names[1])

    @handles(listing)
    def list_all(ctx):
        return {many: collection(ctx).list(), 'traceId': ctx.trace_id()}

    @handles(reading)
    def read(ctx):
        return {one: record(ctx), 'traceId': ctx.trace_id()}

    @handles(creating)
    def create(ctx):
        body = ctx.json_object()
        check_body(body, fields, required)
        return {one: collection(ctx).add(build(ctx, body)),
                'traceId': ctx.trace_id()}

    @handles(updating)
    def update(ctx):
        found, body = record(ctx), ctx.json_object()
        check_body(body, fields)
        return {one: collection(ctx).change(found['id'], body),
                'traceId': ctx.trace_id()}

    @handles(deleting)
    def delete(ctx):
        collection(ctx).remove(record(ctx)['id'])
        return ctx.succeeded(traceId=ctx.trace_id())


def _build_tag(ctx, body):
    location = _location_of_path(ctx)
    name = body['name'].strip().lower()
    if any(t['name'] == name for t in location.tags.list()):
        raise bad_request('The tag name is already exist.')
    return {'name': name, 'locationId': location.id}


def _build_field(ctx, body):
    location = _location_of_path(ctx)
    made = custom_field(location.id, body['name'],
                        len(location.custom_fields.records))
    return {**made, **body}


def _build_value(ctx, body):
    return custom_value(ctx.params['locationId'], body['name'],
                        body['value'])


_collection_operations(
    'tags', ('tagId', 'Tag'), 'tag', 'tags',
    ('locations.get-location-tags', 'locations.get-tag-by-id',
     'locations.create-tag', 'locations.update-tag',
     'locations.delete-tag'), {'name': 'string'}, ['name'], _build_tag)
_collection_operations(
    'custom_fields', ('id', 'Custom field'), 'customField', 'customFields',
    ('locations.get-custom-fields', 'locations.get-custom-field',
     'locations.create-custom-field', 'locations.update-custom-field',
     'locations.delete-custom-field'),
    {'name': 'string', 'dataType': 'string', 'placeholder': 'string',
     'acceptedFormat': 'array', 'isMultipleFile': 'boolean',
     'maxNumberOfFiles': 'number', 'textBoxListOptions': 'array',
     'options': 'array', 'position': 'number', 'model': 'string'},
    ['name', 'dataType'], _build_field)
_collection_operations(
    'custom_values', ('id', 'Custom value'), 'customValue', 'customValues',
    ('locations.get-custom-values', 'locations.get-custom-value',
     'locations.create-custom-value', 'locations.update-custom-value',
     'locations.delete-custom-value'),
    {'name': 'string', 'value': 'string'}, ['name', 'value'], _build_value)


# Users

def _all_users(ctx):
    places = ctx.world.by_number if ctx.token.location is None \
        else [ctx.location]
    return [u for p in places for u in p.users.list()]


def _find_user(ctx):
    for location in ctx.world.by_number:
        user = location.users.get(ctx.params['userId'])
        if user is not None:
            if ctx.token.location not in (None, location):
                raise wrong_location()
            return location, user
    raise ApiError(400, 'User not found for id:%s' % ctx.params['userId'])


def _page(ctx, rows):
    skip = ctx.number('skip', 0, 10 ** 6)
    limit = ctx.number('limit', 25, 100, least=1)
    return rows[skip:skip + limit]


@handles('users.get-user-by-location')
def list_users(ctx):
    ctx.required_query('locationId')
    return {'users': ctx.location.users.list(), 'traceId': ctx.trace_id()}


@handles('users.search-users')
def search_users(ctx):
    ctx.required_query('companyId')
    query = ctx.query.get('query', '').lower()
    ids = [i for i in ctx.query.get('ids', '').split(',') if i]
    rows = [u for u in _all_users(ctx)
            if (not query or query in (u['name'] + u['email']).lower()) and
            (not ids or u['id'] in ids)]
    return {'users': _page(ctx, rows), 'count': len(rows),
            'traceId': ctx.trace_id()}


@handles('users.filter-users-by-email')
def filter_users(ctx):
    body = ctx.json_object()
    emails = body.get('emails') or []
    if isinstance(emails, str):
        emails = emails.split(',')
    wanted = {str(e).strip().lower() for e in emails}
    rows = [u for u in _all_users(ctx) if u['email'].lower() in wanted]
    return {'users': rows, 'count': len(rows), 'traceId': ctx.trace_id()}


@handles('users.get-user')
def get_user(ctx):
    return {**_find_user(ctx)[1], 'traceId': ctx.trace_id()}


@handles('users.create-user')
def create_user(ctx):
    body = ctx.json_object()
    check_body(body, {'companyId': 'string', 'firstName': 'string',
                      'lastName': 'string', 'email': 'string',
                      'type': 'string', 'role': 'string',
                      'locationIds': 'array'},
               ['companyId', 'firstName', 'lastName', 'email', 'type',
                'role', 'locationIds'], is_closed=False)
    location = ctx.world.locations.get(str(body['locationIds'][0]))
    if location is None or ctx.token.location not in (None, location):
        raise wrong_location()
    user = location.users.add(_user_fields(body, {}))
    return {**user, 'traceId': ctx.trace_id()}


def _user_fields(body, old):
    fields = {k: body[k] for k in ('firstName', 'lastName', 'email', 'phone',
                                   'permissions', 'scopes') if k in body}
    roles = {k: body[k] for k in ('type', 'role', 'locationIds')
             if k in body}
    first = fields.get('firstName', old.get('firstName', ''))
    last = fields.get('lastName', old.get('lastName', ''))
    return {**fields, 'name': '%s %s' % (first, last),
            'roles': {**old.get('roles', {}), **roles}, 'deleted': False}


@handles('users.update-user')
def update_user(ctx):
    location, user = _find_user(ctx)
    user = location.users.change(user['id'], _user_fields(
        ctx.json_object(), user))
    return {**user, 'traceId': ctx.trace_id()}


@handles('users.delete-user')
def delete_user(ctx):
    location, user = _find_user(ctx)
    location.users.remove(user['id'])
    return ctx.succeeded(message='Queued deleting user with e-mail %s and '
                         'name %s' % (user['email'], user['name']))


# Businesses; the write's envelope is misspelt by the real service.

def _business(ctx):
    return ctx.record_of(ctx.location.businesses, ctx.params['businessId'],
                         'Business')


def _mark(ctx):
    return {'source': 'PUBLIC_API', 'channel': 'OAUTH',
            'sourceId': ctx.world.app_id, 'createdAt': ctx.now()}


@handles('businesses.get-businesses-by-location')
def list_businesses(ctx):
    ctx.required_query('locationId')
    skip = ctx.number('skip', 0, 10 ** 6)
    limit = ctx.number('limit', 100, 500, least=1)
    rows = ctx.location.businesses.list()
    return {'businesses': rows[skip:skip + limit], 'total': len(rows),
            'traceId': ctx.trace_id()}


@handles('businesses.get-business')
def get_business(ctx):
    return {'business': _business(ctx)}


@handles('businesses.create-business')
def create_business(ctx):
    body = ctx.json_object()
    check_body(body, BUSINESS_FIELDS, ['name', 'locationId'])
    now = ctx.now()
    record = ctx.location.businesses.add({
        **body, 'createdBy': _mark(ctx), 'updatedBy': _mark(ctx),
        'createdAt': now, 'updatedAt': now})
    return {'success': True, 'buiseness': record}


@handles('businesses.update-business')
def update_business(ctx):
    record, body = _business(ctx), ctx.json_object()
    check_body(body, BUSINESS_FIELDS)
    if 'name' in body and not body['name']:
        raise unprocessable('name should not be empty')
    record = ctx.location.businesses.change(record['id'], {
        **body, 'updatedBy': _mark(ctx), 'updatedAt': ctx.now()})
    return {'success': True, 'buiseness': record}


@handles('businesses.delete-Business')
def delete_business(ctx):
    ctx.location.businesses.remove(_business(ctx)['id'])
    return {'success': True}
