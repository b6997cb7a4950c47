"""Token endpoints."""

from .clock import iso
from .context import handles
from .errors import ApiError, bad_request, wrong_location
from .seeded import DATA_EPOCH_MS

ACCESS_LIFE_S = 86399
V3_NAMES = {
    'client_id': 'clientId', 'client_secret': 'clientSecret',
    'grant_type': 'grantType', 'refresh_token': 'refreshToken',
    'user_type': 'userType', 'access_token': 'accessToken',
    'token_type': 'tokenType', 'expires_in': 'expiresIn'}


def _form(ctx):
    """The request's fields under their older names."""
    body = ctx.json_object()
    if ctx.version == 'v3':
        older = {new: old for old, new in V3_NAMES.items()}
        body = {older.get(k, k): v for k, v in body.items()}
    return body


def _spell(ctx, answer):
    if ctx.version == 'v3':
        return {V3_NAMES.get(k, k): v for k, v in answer.items()}
    return answer


def _location_of_grant(ctx, client, form):
    """The location a grant is for; None means the company."""
    auth, kind = ctx.app.auth, form.get('grant_type')
    if kind == 'refresh_token':
        return auth.spend_refresh(form.get('refresh_token', ''), client)
    if kind == 'client_credentials':
        return None
    if kind != 'authorization_code':
        raise bad_request('grant_type must be one of authorization_code, '
                          'refresh_token, client_credentials')
    code = form.get('code', '')
    if code not in auth.codes:
        raise ApiError(400, None, {
            'error': 'invalid_grant', 'statusCode': 400,
            'message': 'Invalid grant: authorization code is invalid',
            'error_description':
                'Invalid grant: authorization code is invalid'})
    return auth.codes.pop(code)


@handles('oauth.get-access-token')
def token(ctx):
    form = _form(ctx)
    auth = ctx.app.auth
    client = auth.client(form.get('client_id'), form.get('client_secret'))
    location = _location_of_grant(ctx, client, form)
    access, refresh = auth.grant(client, location)
    answer = {
        'access_token': access.text, 'token_type': 'Bearer',
        'expires_in': ACCESS_LIFE_S, 'refresh_token': refresh,
        'scope': ' '.join(sorted(access.scopes)), 'userType': access.kind,
        'companyId': ctx.world.company_id,
        'userId': ctx.world.by_number[0].book.users[0],
        'isBulkInstallation': False}
    if location is not None:
        answer['locationId'] = location.id
    return _spell(ctx, answer)


@handles('oauth.get-location-access-token')
def location_token(ctx):
    form = _form(ctx)
    if form.get('companyId') != ctx.world.company_id:
        raise bad_request('companyId is invalid')
    location = ctx.world.locations.get(form.get('locationId'))
    if location is None:
        raise wrong_location()
    auth = ctx.app.auth
    access, refresh = auth.grant(auth.clients[0], location)
    return _spell(ctx, {
        'access_token': access.text, 'token_type': 'Bearer',
        'expires_in': ACCESS_LIFE_S, 'refresh_token': refresh,
        'scope': ' '.join(sorted(access.scopes)), 'userType': 'Location',
        'locationId': location.id, 'planId': ctx.world.app_id,
        'userId': location.book.users[0], 'appId': ctx.world.app_id,
        'versionId': ctx.world.app_id})


@handles('oauth.get-installed-location')
def installed_locations(ctx):
    ctx.required_query('companyId', 'appId')
    skip = ctx.number('skip', 0, 10 ** 6)
    limit = ctx.number('limit', 20, 500, least=1)
    rows = [{'_id': location.id, 'name': location.record['name'],
             'address': location.record['address'], 'isInstalled': True,
             'versionId': ctx.world.app_id,
             'installedAt': iso(DATA_EPOCH_MS)}
            for location in ctx.world.by_number]
    return {'locations': rows[skip:skip + limit], 'count': len(rows),
            'installToFutureLocations': False}
