"""Tokens: private integration tokens, OAuth access and refresh tokens."""

import base64
import json

from .errors import ApiError
from .seeded import digest, uuid

READ_SCOPES = (
    'contacts.readonly', 'locations.readonly', 'locations/tags.readonly',
    'locations/tasks.readonly', 'locations/customFields.readonly',
    'locations/customValues.readonly', 'locations/templates.readonly',
    'calendars.readonly', 'calendars/events.readonly',
    'calendars/groups.readonly', 'calendars/resources.readonly',
    'conversations.readonly', 'conversations/message.readonly',
    'opportunities.readonly', 'users.readonly', 'businesses.readonly')
VERSIONS = ('2021-04-15', '2021-07-28', '2023-02-21', 'v3')
ACCESS_LIFE_S = 86399


class Token:
    """A credential; `location` is None for a company token."""

    def __init__(self, text, name, location, company_id, scopes):
        self.text = text
        self.name = name
        self.location = location
        self.company_id = company_id
        self.scopes = frozenset(scopes)
        self.ends_at = None		# in Clock.elapsed() seconds

    @property
    def kind(self):
        return 'Company' if self.location is None else 'Location'

    def public(self):
        return {'token': self.text, 'name': self.name,
                'locationId': self.location.id if self.location else None,
                'companyId': self.company_id, 'class': self.kind,
                'scopes': sorted(self.scopes)}


def _b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip('=')


class Auth:
    """All tokens of a world, and the rules that judge a request."""

    def __init__(self, world, operations):
        self.world = world
        pairs = {pair for o in operations for pair in o.scopes if pair[1]}
        self.location_scopes = sorted({
            s for kind, s in pairs if not kind.startswith('Agency')})
        self.company_scopes = sorted({
            s for kind, s in pairs if kind.startswith('Agency')})
        self.tokens = {}
        self.refresh = {}		# refresh token: (client, location)
        self.spent = set()
        self.codes = {}
        self.issued = 0
        self._add_private_tokens()
        self.clients = [self._client()]

    def _add_private_tokens(self):
        all_but_contacts = [s for s in self.location_scopes
                               if not s.startswith('contacts')]
        rows = [('full-%d' % (n + 1), loc, self.location_scopes)
                for n, loc in enumerate(self.world.by_number)]
        first = self.world.by_number[0]
        rows += [('second-full-1', first, self.location_scopes),
                 ('readonly-1', first, READ_SCOPES),
                 ('no-contacts-1', first, all_but_contacts),
                 ('company', None, self.company_scopes)]
        for name, location, scopes in rows:
            text = 'pit-' + uuid('pit', self.world.seed, name)
            self.tokens[text] = Token(text, name, location,
                                      self.world.company_id, scopes)

    def _client(self):
        seed, first = self.world.seed, self.world.by_number[0]
        client = {
            'client_id': '%s-%s' % (self.world.app_id,
                                    digest('client', seed).hex()[:8]),
            'client_secret': uuid('secret', seed),
            'appId': self.world.app_id, 'versionId': self.world.app_id,
            'companyId': self.world.company_id, 'locationId': first.id}
        client['refresh_token'] = self._new_refresh(client, first)
        client['company_refresh_token'] = self._new_refresh(client, None)
        client['code'] = digest('code', seed, size=20).hex()
        client['company_code'] = digest('code-c', seed, size=20).hex()
        self.codes[client['code']] = first
        self.codes[client['company_code']] = None
        return client

    # Issuing

    def _jwt(self, client, location, scopes):
        self.issued += 1
        kind = 'Location' if location else 'Company'
        owner = location.id if location else self.world.company_id
        now = self.world.clock.now_ms() // 1000
        payload = {
            'authClass': kind, 'authClassId': owner, 'source': 'INTEGRATION',
            'sourceId': client['client_id'], 'channel': 'OAUTH',
            'primaryAuthClassId': owner,
            'oauthMeta': {'scopes': sorted(scopes),
                          'client': client['appId']},
            'iat': now, 'exp': now + ACCESS_LIFE_S,
            'uniqueId': uuid('jwt', self.world.seed, self.issued)}
        head = _b64(b'{"alg":"RS256","typ":"JWT"}')
        body = _b64(json.dumps(payload, separators=(',', ':')).encode())
        sign = _b64(digest('sign', self.world.seed, body, size=64))
        return '%s.%s.%s' % (head, body, sign)

    def _new_refresh(self, client, location):
        self.issued += 1
        text = _b64(digest('refresh', self.world.seed, self.issued, size=48))
        self.refresh[text] = (client, location)
        return text

    def issue(self, client, location, name):
        """A new access token for a location (None: the company)."""
        scopes = self.location_scopes if location else self.company_scopes
        text = self._jwt(client, location, scopes)
        token = Token(text, name, location, self.world.company_id, scopes)
        token.ends_at = self.world.clock.elapsed() + ACCESS_LIFE_S
        self.tokens[text] = token
        return token

    def grant(self, client, location):
        """Access and refresh token, as /oauth/token answers them."""
        token = self.issue(client, location, 'oauth')
        return token, self._new_refresh(client, location)

    def spend_refresh(self, text, client):
        """The location of a refresh token, which is then used up."""
        known = self.refresh.pop(text, None)
        if known is None or known[0] is not client:
            reason = 'has already been used' if text in self.spent \
                else 'is invalid'
            raise ApiError(400, None, {
                'error': 'invalid_grant', 'statusCode': 400,
                'message': 'This refresh token %s' % reason,
                'error_description': 'Invalid grant: refresh token ' +
                reason})
        self.spent.add(text)
        return known[1]

    def client(self, client_id, secret):
        for client in self.clients:
            if client['client_id'] == client_id and \
                    client['client_secret'] == secret:
                return client
        raise ApiError(401, None, {
            'error': 'UnAuthorized!', 'statusCode': 401,
            'error_description': 'Invalid client credentials!',
            'message': 'Invalid client credentials!'})

    # Judging

    def identify(self, request):
        """The Token of a request; ApiError 401 in the real texts."""
        scheme, _, text = request.header('authorization').partition(' ')
        text = text.strip()
        token = self.tokens.get(text)
        if token is not None and scheme.lower() == 'bearer':
            if token.ends_at is None or \
                    self.world.clock.elapsed() < token.ends_at:
                return token
        if text.count('.') == 2:
            raise ApiError(401, 'Invalid JWT')
        if text.startswith('pit-'):
            raise ApiError(401, 'Invalid Private Integration token')
        raise ApiError(401, 'Invalid token: access token is invalid')

    @staticmethod
    def check_version(request, operation):
        """The Version of a request, None where none is demanded."""
        version = request.headers.get('version')
        if version in VERSIONS:
            return version
        if version:
            raise ApiError(401, 'version header is invalid')
        if operation.needs_version:
            raise ApiError(401, 'version header was not found.')
        return None

    @staticmethod
    def check_scope(token, operation):
        if not operation.scopes:
            return
        wanted = 'Agency' if token.location is None else 'Location'
        fitting = [s for kind, s in operation.scopes
                   if kind.startswith(wanted) or
                   (kind == 'bearer' and wanted == 'Location')]
        if not fitting:
            raise ApiError(401, 'This authClass type is not allowed to '
                           'access this scope. Please use the correct '
                           'token type')
        if any(s == '' or s in token.scopes for s in fitting):
            return
        raise ApiError(401, 'The token is not authorized for this scope.')
