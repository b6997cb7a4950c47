"""What an operation's handler is given, and what it may answer."""

import json
from urllib.parse import parse_qsl

from . import kinds
from .clock import iso
from .errors import ApiError, bad_request, no_contact, unprocessable, \
    wrong_location

HANDLERS = {}


def handles(*operation_ids):
    """Register a handler for operations, by id."""
    def register(function):
        for operation_id in operation_ids:
            assert operation_id not in HANDLERS
            HANDLERS[operation_id] = function
        return function
    return register


class Raw:
    """An answer that is not JSON."""

    def __init__(self, content_type, body, status=200, fields=()):
        self.content_type = content_type
        self.body = body
        self.status = status
        self.fields = list(fields)


class Stream:
    """Pieces sent one by one, `gap_s` apart and not before the client took
    the last. They are made when they are sent. Chunked unless their total
    `length` is given."""

    def __init__(self, content_type, pieces, gap_s, length=None, status=200,
                 fields=(), is_listening=False):
        self.content_type = content_type
        self.pieces = iter(pieces)
        self.gap_s = gap_s
        self.length = length
        self.status = status
        self.fields = list(fields)
        self.is_listening = is_listening


class Status:
    """A body with a status other than the documented one."""

    def __init__(self, status, body):
        self.status = status
        self.body = body


class Context:
    """One request on its way through a handler."""

    def __init__(self, app, request, operation, params, token, version):
        self.app = app
        self.world = app.world
        self.request = request
        self.operation = operation
        self.params = params
        self.token = token
        self.version = version
        self.query = dict(parse_qsl(request.query, True)) \
            if request.query else {}
        self.body = self._parse_body()
        self.location = token.location if token else None
        self._check_location()

    def _parse_body(self):
        request = self.request
        if not request.body:
            return {}
        kind = request.header('content-type').partition(';')[0].strip()
        if kind == 'application/x-www-form-urlencoded':
            return dict(parse_qsl(request.body.decode('utf-8', 'replace'),
                                  True))
        if kind.startswith('multipart/'):
            return {}
        try:
            return json.loads(request.body)
        except ValueError as error:
            raise bad_request('Unexpected token in JSON: %s' % error)

    def _check_location(self):
        wanted = [self.params.get('locationId'),
                  self.query.get('locationId'),
                  self.query.get('location_id')]
        if isinstance(self.body, dict):
            wanted.append(self.body.get('locationId'))
            if self.body.get('altType') == 'location':
                wanted.append(self.body.get('altId'))
        if self.query.get('altType') == 'location':
            wanted.append(self.query.get('altId'))
        for location_id in wanted:
            if location_id is None or location_id == '' or not self.token:
                continue
            if self.token.location is None:
                if location_id not in self.world.locations:
                    raise wrong_location()
                self.location = self.world.locations[location_id]
            elif location_id != self.token.location.id:
                raise wrong_location()

    # Small services for handlers

    def trace_id(self):
        return self.app.trace_id()

    def now(self):
        return iso(self.world.clock.now_ms())

    def succeeded(self, **more):
        """The success mark, misspelt before v3."""
        name = 'succeeded' if self.version == 'v3' else 'succeded'
        return {name: True, **more}

    def required_query(self, *names):
        for name in names:
            if not self.query.get(name):
                raise unprocessable('%s should not be empty' % name)

    def number(self, name, default, most, source=None, least=0):
        """A whole number of the query (or body); 422 outside its range."""
        source = self.query if source is None else source
        value = source.get(name)
        if value is None or value == '':
            return default
        if isinstance(value, bool) or \
                (isinstance(value, str) and not value.isdigit()) or \
                not isinstance(value, (int, str)):
            raise unprocessable('%s must be a number conforming to the '
                                'specified constraints' % name)
        value = int(value)
        if value < least:
            raise unprocessable('%s must not be less than %d' % (
                name, least))
        if value > most:
            raise unprocessable('%s must not be greater than %d' % (
                name, most))
        return value

    def json_object(self):
        if not isinstance(self.body, dict):
            raise unprocessable('body must be an object')
        return self.body

    def contact_number(self, contact_id=None):
        """The number of the contact named by the path (or given)."""
        if contact_id is None:
            contact_id = self.params['contactId']
        plain = self.world.ids.read(contact_id)
        if plain is None or plain[0] != kinds.CONTACT:
            raise no_contact(contact_id)
        if plain[1] != self.location.loc:
            raise wrong_location()
        if not self.location.is_contact(plain[2]):
            raise no_contact(contact_id)
        return plain[2]

    def record_of(self, collection, record_id, what):
        """A record of a small collection, or 404 / 403 if it is foreign."""
        record = collection.get(record_id)
        if record is None:
            plain = self.world.ids.read(record_id) or \
                self.world.ids.read_hex(record_id)
            if plain is not None and plain[1] != self.location.loc:
                raise wrong_location()
            raise ApiError(404, '%s not found' % what)
        return record
