"""Opportunities and pipelines."""

from urllib.parse import urlencode

from . import kinds
from .clock import iso, parse_ms
from .context import handles
from .deals import STATES
from .errors import ApiError, unprocessable, wrong_location
from .seeded import DATA_EPOCH_MS, DAY_MS
from .validate import check_body

ODD_HOST = 'http://localhost:5066'
FIELDS = {
    'pipelineId': 'string', 'locationId': 'string', 'name': 'string',
    'pipelineStageId': 'string', 'status': 'string', 'contactId': 'string',
    'monetaryValue': 'any', 'assignedTo': 'string', 'customFields': 'array',
    'id': 'string', 'followers': 'any', 'isRemoveAllFollowers': 'boolean',
    'followersActionType': 'string', 'lostReasonId': 'string'}
KEPT = ('pipelineId', 'name', 'pipelineStageId', 'status', 'contactId',
        'monetaryValue', 'assignedTo', 'lostReasonId')


def _find(ctx, deal_id):
    plain = ctx.world.ids.read(deal_id)
    if plain and plain[0] == kinds.OPPORTUNITY:
        if plain[1] != ctx.location.loc:
            raise wrong_location()
        record = ctx.location.deals.get(plain[2])
        if record is not None:
            return plain[2], record
    raise ApiError(404, 'Opportunity not found')


def _contact_of(ctx, record):
    plain = ctx.world.ids.read(record['contactId'])
    contact = ctx.location.contact(plain[2]) if plain else None
    if contact is None:
        return None
    return {k: contact[k] for k in ('id', 'name', 'companyName', 'email',
                                    'phone', 'tags') if k in contact}


def _view(ctx, record, details=()):
    view = dict(record)
    contact = _contact_of(ctx, record)
    if contact is not None:
        view['contact'] = contact
    for what in details:
        view[what] = _details(ctx, what, record)
    return view


def _details(ctx, what, record):
    plain = ctx.world.ids.read(record['contactId'])
    if plain is None or not ctx.location.is_contact(plain[2]):
        return []
    if what == 'calendarEvents':
        return [{'id': e['id'], 'title': e['title'],
                 'startTime': iso(e['start_ms'])}
                for e in ctx.location.events.of_contact(plain[2])]
    return ctx.location.part_list(what, plain[2])


@handles('opportunities.get-opportunity')
def get_deal(ctx):
    return {'opportunity': _view(ctx, _find(ctx, ctx.params['id'])[1]),
            'traceId': ctx.trace_id()}


def _matches(ctx, wanted, text):
    rows = [r for r in ctx.location.deals.all()
            if all(r.get(k) == v for k, v in wanted)]
    if text:
        rows = [r for r in rows if text in r['name'].lower() or
                text in ' '.join(str(v) for v in (
                    _contact_of(ctx, r) or {}).values()).lower()]
    return rows


def _after(rows, after, after_id):
    """The place behind a cursor, in a list sorted newest first."""
    for at, record in enumerate(rows):
        made = parse_ms(record['createdAt'])
        if (made, record['id']) < (after, after_id):
            return at
    return len(rows)


@handles('opportunities.search-opportunity')
def search_deals(ctx):
    query = ctx.query
    if not query.get('location_id'):
        raise unprocessable('location_id should not be empty')
    wanted = [(field, query[name]) for name, field in (
        ('pipeline_id', 'pipelineId'), ('contact_id', 'contactId'),
        ('pipeline_stage_id', 'pipelineStageId'), ('id', 'id'),
        ('assigned_to', 'assignedTo'), ('status', 'status'))
        if query.get(name) and query[name] != 'all']
    limit = ctx.number('limit', 20, 100, least=1)
    page = ctx.number('page', 1, 100000, least=1)
    rows = _matches(ctx, wanted, query.get('q', '').lower())
    start = (page - 1) * limit
    if query.get('startAfterId'):
        start = _after(rows, parse_ms(query.get('startAfter')) or 0,
                       query['startAfterId'])
    details = [what for name, what in (
        ('getNotes', 'notes'), ('getTasks', 'tasks'),
        ('getCalendarEvents', 'calendarEvents'))
        if query.get(name) == 'true']
    part = rows[start:start + limit]
    return {'opportunities': [_view(ctx, r, details) for r in part],
            'meta': _meta(ctx, rows, part, start, limit),
            'aggregations': {}, 'traceId': ctx.trace_id()}


def _meta(ctx, rows, part, start, limit):
    page, more = start // limit + 1, start + limit < len(rows)
    meta = {'total': len(rows), 'currentPage': page,
            'nextPage': page + 1 if more else None,
            'prevPage': page - 1 if page > 1 else None}
    if part:
        meta['startAfter'] = parse_ms(part[-1]['createdAt'])
        meta['startAfterId'] = part[-1]['id']
        if more:
            meta['nextPageUrl'] = '%s/opportunities/search?%s' % (
                ODD_HOST, urlencode({
                    **ctx.query, 'startAfter': meta['startAfter'],
                    'startAfterId': meta['startAfterId']}))
    return meta


@handles('opportunities.search-opportunities-advanced')
def search_deals_advanced(ctx):
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'query': 'string',
                      'limit': 'number', 'page': 'number',
                      'searchAfter': 'array', 'filters': 'array',
                      'sort': 'array', 'additionalDetails': 'object'},
               ['locationId'])
    limit = ctx.number('limit', 20, 100, body, least=1)
    page = ctx.number('page', 1, 100000, body, least=1)
    rows = _matches(ctx, [], (body.get('query') or '').lower())
    start = (page - 1) * limit
    cursor = body.get('searchAfter') or []
    if len(cursor) == 2:
        start = _after(rows, parse_ms(cursor[0]) or 0, str(cursor[1]))
    chosen = body.get('additionalDetails') or {}
    details = [w for w in ('notes', 'tasks', 'calendarEvents')
               if chosen.get(w)]
    found = [{**_view(ctx, r, details),
              'sort': [parse_ms(r['createdAt']), r['id']]}
             for r in rows[start:start + limit]]
    return {'opportunities': found, 'total': len(rows), 'aggregations': {},
            'traceId': ctx.trace_id()}


@handles('opportunities.get-pipelines')
def list_pipelines(ctx):
    ctx.required_query('locationId')
    return {'pipelines': ctx.location.pipelines.list(),
            'traceId': ctx.trace_id()}


@handles('opportunities.get-lost-reason')
def lost_reasons(ctx):
    ctx.required_query('locationId')
    made = iso(DATA_EPOCH_MS - 400 * DAY_MS)
    rows = [{'id': ctx.world.ids.make(kinds.LOST_REASON, ctx.location.loc,
                                      n),
             'name': name, 'locationId': ctx.location.id,
             'createdAt': made, 'updatedAt': made}
            for n, name in enumerate(('Price', 'Timing', 'No answer'))]
    return {'lostReasons': rows, 'total': len(rows)}


# Writes

def _check_status(body):
    if body.get('status') not in (None, *STATES, 'all'):
        raise unprocessable('status must be a valid enum value')


def _check_stage(ctx, body):
    if 'pipelineId' not in body:
        return {}
    pipeline = ctx.location.pipelines.get(body['pipelineId'])
    if pipeline is None:
        raise unprocessable('pipelineId is invalid')
    return {'pipelineStageId': pipeline['stages'][0]['id']}


def _make(ctx, body):
    deals, now = ctx.location.deals, ctx.now()
    number = ctx.location.book.count + deals.made
    deals.made += 1
    record = {
        'id': ctx.world.ids.make(kinds.OPPORTUNITY, ctx.location.loc,
                                 number),
        'monetaryValue': 0, 'status': 'open', 'source': '',
        **_check_stage(ctx, body), 'lastStatusChangeAt': now,
        'lastStageChangeAt': now, 'createdAt': now, 'updatedAt': now,
        'indexVersion': '1', 'locationId': ctx.location.id,
        'customFields': [], 'followers': [],
        **{k: body[k] for k in KEPT if k in body}}
    deals.put(number, record)
    return record


@handles('opportunities.create-opportunity')
def create_deal(ctx):
    body = ctx.json_object()
    check_body(body, FIELDS, ['pipelineId', 'locationId', 'name', 'status',
                              'contactId'])
    _check_status(body)
    ctx.contact_number(body['contactId'])
    return {'opportunity': _view(ctx, _make(ctx, body)),
            'traceId': ctx.trace_id()}


def _change(ctx, deal_id, body):
    number, record = _find(ctx, deal_id)
    _check_status(body)
    now = ctx.now()
    stage = {} if 'pipelineStageId' in body else _check_stage(ctx, body)
    record = {**record, **stage,
              **{k: body[k] for k in KEPT if k in body}, 'updatedAt': now}
    if 'status' in body:
        record['lastStatusChangeAt'] = now
    ctx.location.deals.put(number, record)
    return record


@handles('opportunities.update-opportunity')
def update_deal(ctx):
    body = ctx.json_object()
    check_body(body, FIELDS)
    return {'opportunity': _view(ctx, _change(ctx, ctx.params['id'], body)),
            'traceId': ctx.trace_id()}


@handles('opportunities.update-opportunity-status')
def update_status(ctx):
    body = ctx.json_object()
    check_body(body, {'status': 'string', 'lostReasonId': 'string'},
               ['status'])
    _change(ctx, ctx.params['id'], body)
    return ctx.succeeded(traceId=ctx.trace_id())


@handles('opportunities.Upsert-opportunity')
def upsert_deal(ctx):
    body = ctx.json_object()
    check_body(body, FIELDS, ['pipelineId', 'locationId'])
    _check_status(body)
    deal_id = body.get('id')
    if deal_id is None and body.get('contactId'):
        known = _matches(ctx, [('contactId', body['contactId']),
                               ('pipelineId', body['pipelineId'])], '')
        deal_id = known[0]['id'] if known else None
    if deal_id is not None:
        record = _change(ctx, deal_id, body)
    else:
        if not body.get('contactId'):
            raise unprocessable('contactId should not be empty')
        ctx.contact_number(body['contactId'])
        record = _make(ctx, {'name': 'Opportunity', **body})
    return {'opportunity': _view(ctx, record), 'new': deal_id is None,
            'traceId': ctx.trace_id()}


@handles('opportunities.delete-opportunity')
def delete_deal(ctx):
    number, _ = _find(ctx, ctx.params['id'])
    ctx.location.deals.put(number, None)
    return ctx.succeeded(traceId=ctx.trace_id())


@handles('opportunities.add-followers-opportunity',
         'opportunities.remove-followers-opportunity')
def follow(ctx):
    number, record = _find(ctx, ctx.params['id'])
    body = ctx.json_object()
    check_body(body, {'followers': 'array'}, ['followers'])
    old, users = record['followers'], body['followers']
    if ctx.request.method == 'POST':
        changed = [u for u in users if u not in old]
        new, name = old + changed, 'followersAdded'
    else:
        changed = [u for u in users if u in old]
        new, name = [u for u in old if u not in users], 'followersRemoved'
    ctx.location.deals.put(number, {**record, 'followers': new,
                             'updatedAt': ctx.now()})
    return {'followers': new, name: changed, 'traceId': ctx.trace_id()}
