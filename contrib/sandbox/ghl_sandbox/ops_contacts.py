"""Contacts: read, write, duplicates, tags, followers, bulk changes."""

from . import kinds
from .contact_forms import (UPDATABLE, WRITABLE, apply_body, clean_phone,
                            clean_tags, created_view, fresh)
from .context import Status, handles
from .errors import ApiError, unprocessable, wrong_location
from .validate import check_body


def learn_tags(ctx, names):
    """A tag that the location did not know becomes one of its tags."""
    tags = ctx.location.tags
    known = {t['name'] for t in tags.list()}
    for name in names:
        if name not in known:
            tags.add({'name': name, 'locationId': ctx.location.id})


def find_duplicate(location, body):
    """(number, matching field) of a contact with this mail or phone."""
    if body.get('email'):
        number = location.find_email(body['email'].strip())
        if number is not None:
            return number, 'email'
    if body.get('phone'):
        number = location.find_phone(clean_phone(body['phone']))
        if number is not None:
            return number, 'phone'
    return None, None


def make_contact(ctx, body):
    location = ctx.location
    record = apply_body(fresh(location.id, ctx.now()), body,
                        location.custom_fields.list())
    record['createdBy'] = {'source': 'INTEGRATION', 'channel': 'OAUTH',
                           'sourceId': ctx.world.app_id}
    _, record = location.new_contact(record)
    learn_tags(ctx, record['tags'])
    return record


def change_contact(ctx, number, body):
    location = ctx.location
    record = apply_body(location.contact(number), body,
                        location.custom_fields.list())
    record['lastActivity'] = ctx.now()
    record = location.touch(number, **record)
    learn_tags(ctx, record['tags'])
    return record


@handles('contacts.get-contact')
def get_contact(ctx):
    return {'contact': ctx.location.contact(ctx.contact_number())}


@handles('contacts.create-contact')
def create_contact(ctx):
    body = ctx.json_object()
    check_body(body, WRITABLE, ['locationId'])
    number, field = find_duplicate(ctx.location, body)
    if number is not None:
        raise ApiError(400, None, {
            'statusCode': 400,
            'message': 'This location does not allow duplicated contacts.',
            'meta': {'contactId': ctx.location.book.contact_id(number),
                     'matchingField': field}})
    return {'contact': created_view(make_contact(ctx, body))}


@handles('contacts.update-contact')
def update_contact(ctx):
    number = ctx.contact_number()
    body = ctx.json_object()
    check_body(body, UPDATABLE)
    record = change_contact(ctx, number, body)
    return ctx.succeeded(contact=record)


@handles('contacts.upsert-contact')
def upsert_contact(ctx):
    body = ctx.json_object()
    check_body(body, WRITABLE, ['locationId'])
    number, _ = find_duplicate(ctx.location, body)
    if number is None:
        record = make_contact(ctx, body)
    else:
        record = change_contact(ctx, number, body)
    return {'new': number is None, 'contact': record,
            'traceId': ctx.trace_id()}


@handles('contacts.delete-contact')
def delete_contact(ctx):
    ctx.location.put_contact(ctx.contact_number(), None)
    return ctx.succeeded()


@handles('contacts.get-duplicate-contact')
def get_duplicate(ctx):
    ctx.required_query('locationId')
    query = ctx.query
    if not query.get('number') and not query.get('email'):
        raise unprocessable('number or email is required')
    number, _ = find_duplicate(ctx.location, {
        'email': query.get('email'), 'phone': query.get('number')})
    record = None if number is None else ctx.location.contact(number)
    return {'contact': record, 'traceId': ctx.trace_id()}


def _tags_of_body(ctx):
    check_body(ctx.json_object(), {'tags': 'array'}, ['tags'])
    return clean_tags(ctx.body['tags'])


@handles('contacts.add-tags')
def add_tags(ctx):
    number, names = ctx.contact_number(), _tags_of_body(ctx)
    old = ctx.location.contact(number)['tags']
    tags = clean_tags(old + names)
    ctx.location.touch(number, tags=tags)
    learn_tags(ctx, names)
    return {'tags': tags, 'tagsAdded': [t for t in names if t not in old]}


@handles('contacts.remove-tags')
def remove_tags(ctx):
    number, names = ctx.contact_number(), _tags_of_body(ctx)
    old = ctx.location.contact(number)['tags']
    tags = [t for t in old if t not in names]
    ctx.location.touch(number, tags=tags)
    return {'tags': tags, 'tagsRemoved': [t for t in names if t in old]}


def _followers_of_body(ctx):
    check_body(ctx.json_object(), {'followers': 'array'}, ['followers'])
    return [f for f in ctx.body['followers'] if isinstance(f, str)]


@handles('contacts.add-followers-contact')
def add_followers(ctx):
    number, users = ctx.contact_number(), _followers_of_body(ctx)
    old = ctx.location.contact(number)['followers']
    added = [u for u in dict.fromkeys(users) if u not in old]
    ctx.location.touch(number, followers=old + added)
    return {'followers': old + added, 'followersAdded': added}


@handles('contacts.remove-followers-contact')
def remove_followers(ctx):
    number, users = ctx.contact_number(), _followers_of_body(ctx)
    old = ctx.location.contact(number)['followers']
    left = [u for u in old if u not in users]
    ctx.location.touch(number, followers=left)
    return {'followers': left,
            'followersRemoved': [u for u in users if u in old]}


@handles('contacts.add-contact-to-campaign',
         'contacts.remove-contact-from-campaign',
         'contacts.remove-contact-from-every-campaign',
         'contacts.add-contact-to-workflow',
         'contacts.delete-contact-from-workflow')
def enrol(ctx):
    """Campaigns and workflows act elsewhere and later; nothing to keep."""
    ctx.contact_number()
    return ctx.succeeded()


@handles('contacts.create-association')
def bulk_tags(ctx):
    """POST /contacts/bulk/tags/update/{type}"""
    kind = ctx.params['type']
    if kind not in ('add', 'remove'):
        raise unprocessable('type must be one of add, remove')
    body = ctx.json_object()
    check_body(body, {'contacts': 'array', 'tags': 'array',
                      'locationId': 'string', 'removeAllTags': 'boolean'},
               ['contacts', 'tags', 'locationId'])
    names = clean_tags(body['tags'])
    responses, errors = [], 0
    for contact_id in body['contacts']:
        try:
            number = ctx.contact_number(contact_id)
        except ApiError:
            errors += 1
            continue
        old = ctx.location.contact(number)['tags']
        tags = clean_tags(old + names) if kind == 'add' else \
            [t for t in old if t not in names and
             not body.get('removeAllTags')]
        ctx.location.touch(number, tags=tags)
        responses.append(contact_id)
    if kind == 'add':
        learn_tags(ctx, names)
    return ctx.succeeded(errorCount=errors, responses=responses)


@handles('contacts.add-remove-contact-from-business')
def bulk_business(ctx):
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'ids': 'array',
                      'businessId': 'any'}, ['locationId', 'ids'])
    business_id = body.get('businessId')
    if business_id is not None and not isinstance(business_id, str):
        raise unprocessable('businessId must be a string')
    if business_id and ctx.location.businesses.get(business_id) is None:
        raise unprocessable('businessId is not a business of this location')
    for contact_id in body['ids']:
        plain = ctx.world.ids.read(contact_id)
        if plain is None or plain[0] != kinds.CONTACT or \
                not ctx.location.is_contact(plain[2]):
            continue
        if plain[1] != ctx.location.loc:
            raise wrong_location()
        ctx.location.touch(plain[2], businessId=business_id)
    return Status(200, {'success': True, 'ids': body['ids']})
