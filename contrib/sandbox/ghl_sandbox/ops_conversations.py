"""Conversations and messages: search, read, send."""

from . import kinds
from .clock import parse_ms
from .context import handles
from .errors import ApiError, unprocessable, wrong_location
from .talks import KINDS
from .validate import check_body

SEND_FIELDS = {'type': 'string', 'contactId': 'string',
               'attachments': 'array', 'message': 'string',
               'subject': 'string', 'html': 'string'}


def _number(ctx, conversation_id):
    plain = ctx.world.ids.read(conversation_id)
    if plain and plain[0] == kinds.CONVERSATION:
        if plain[1] != ctx.location.loc:
            raise wrong_location()
        if ctx.location.talks.is_there(plain[2]):
            return plain[2]
    raise ApiError(404, 'Conversation not found')


@handles('conversations.search-conversation')
def search(ctx):
    ctx.required_query('locationId')
    query = ctx.query
    limit = ctx.number('limit', 20, 100, least=1)
    rows = ctx.location.talks.rows()
    if query.get('contactId'):
        rows = [r for r in rows if r['contactId'] == query['contactId']]
    if query.get('query'):
        text = query['query'].lower()
        rows = [r for r in rows if text in (
            r['fullName'] + r['email'] + r['phone']).lower()]
    if query.get('status') == 'unread':
        rows = [r for r in rows if r['unreadCount']]
    if query.get('status') == 'starred':
        rows = [r for r in rows if r['starred']]
    if query.get('sort') == 'asc':
        rows = rows[::-1]
    total = len(rows)
    if query.get('startAfterDate'):
        after = parse_ms(query['startAfterDate'])
        if after is None:
            raise unprocessable('startAfterDate is invalid')
        sign = 1 if query.get('sort') == 'asc' else -1
        rows = [r for r in rows if sign * r['lastMessageDate'] > sign * after]
    return {'conversations': rows[:limit], 'total': total,
            'traceId': ctx.trace_id()}


def _view(ctx, number):
    talks = ctx.location.talks
    return {'id': talks.id_of(number), 'locationId': ctx.location.id,
            'contactId': ctx.location.book.contact_id(number),
            'deleted': False, 'inbox': True, 'type': 1,
            **talks.fields(number)}


@handles('conversations.get-conversation')
def get(ctx):
    number = _number(ctx, ctx.params['conversationId'])
    return {**_view(ctx, number), 'traceId': ctx.trace_id()}


@handles('conversations.create-conversation')
def create(ctx):
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'contactId': 'string'},
               ['locationId', 'contactId'])
    number, talks = ctx.contact_number(body['contactId']), ctx.location.talks
    if talks.is_there(number):
        raise ApiError(400, None, {
            'statusCode': 400, 'message': 'Conversation already exists',
            'error': 'Bad Request', 'conversationId': talks.id_of(number)})
    talks.put(number, talks.fields(number))
    now = ctx.now()
    return {'success': True, 'conversation': {
        'id': talks.id_of(number), 'dateUpdated': now, 'dateAdded': now,
        'deleted': False, 'contactId': body['contactId'],
        'locationId': ctx.location.id, 'lastMessageDate': now}}


@handles('conversations.update-conversation')
def update(ctx):
    number = _number(ctx, ctx.params['conversationId'])
    body = ctx.json_object()
    check_body(body, {'locationId': 'string', 'unreadCount': 'number',
                      'starred': 'boolean', 'feedback': 'object'},
               ['locationId'])
    talks = ctx.location.talks
    talks.put(number, {**talks.fields(number), **{
        k: body[k] for k in ('unreadCount', 'starred') if k in body}})
    return {'success': True, 'conversation': _view(ctx, number)}


@handles('conversations.delete-conversation')
def delete(ctx):
    talks = ctx.location.talks
    talks.put(_number(ctx, ctx.params['conversationId']), None)
    return {'success': True}


# Messages

@handles('conversations.get-messages')
def list_messages(ctx):
    number = _number(ctx, ctx.params['conversationId'])
    limit = ctx.number('limit', 20, 100, least=1)
    rows = ctx.location.talks.messages(number)[::-1]
    if ctx.query.get('lastMessageId'):
        ids = [r['id'] for r in rows]
        if ctx.query['lastMessageId'] in ids:
            rows = rows[ids.index(ctx.query['lastMessageId']) + 1:]
    page = rows[:limit]
    return {'lastMessageId': page[-1]['id'] if page else '',
            'nextPage': len(rows) > limit, 'messages': page,
            'traceId': ctx.trace_id()}


@handles('conversations.get-message')
def get_message(ctx):
    plain = ctx.world.ids.read(ctx.params['id'])
    if plain and plain[0] == kinds.MESSAGE:
        if plain[1] != ctx.location.loc:
            raise wrong_location()
        for record in ctx.location.talks.messages(plain[2]):
            if record['id'] == ctx.params['id']:
                return {**record, 'traceId': ctx.trace_id()}
    raise ApiError(404, 'Message not found')


@handles('conversations.export-messages-by-location')
def export(ctx):
    ctx.required_query('locationId')
    limit = ctx.number('limit', 100, 500, least=10)
    talks, query = ctx.location.talks, ctx.query
    start = ctx.number('cursor', 0, 10 ** 9)
    numbers = talks.numbers()
    if query.get('conversationId'):
        numbers = [_number(ctx, query['conversationId'])]
    elif query.get('contactId'):
        wanted = ctx.contact_number(query['contactId'])
        numbers = [n for n in numbers if n == wanted]
    wanted_type = KINDS.get(query.get('channel', ''), ('',))[0]
    rows = [m for n in numbers for m in talks.messages(n)
            if not wanted_type or m['messageType'] == wanted_type]
    answer = {'messages': rows[start:start + limit], 'total': len(rows),
              'traceId': ctx.trace_id()}
    more = start + limit < len(rows)
    answer['nextCursor'] = str(start + limit) if more else None
    return answer


@handles('conversations.send-a-new-message')
def send(ctx):
    body = ctx.json_object()
    check_body(body, SEND_FIELDS, ['type', 'contactId'], is_closed=False)
    number = ctx.contact_number(body['contactId'])
    record = ctx.location.talks.add(number, body['type'],
                             body.get('message') or body.get('html') or '',
                             'outbound')
    answer = {'conversationId': record['conversationId'],
              'messageId': record['id'],
              'msg': 'Message queued successfully.', 'status': 'pending',
              'traceId': ctx.trace_id()}
    if body['type'] == 'Email':
        answer['emailMessageId'] = record['id']
    return answer


@handles('conversations.add-an-inbound-message',
         'conversations.add-an-outbound-message')
def receive(ctx):
    body = ctx.json_object()
    check_body(body, {'type': 'string', 'conversationId': 'string',
                      'contactId': 'string', 'message': 'string'},
               ['type'], is_closed=False)
    if body.get('conversationId'):
        number = _number(ctx, body['conversationId'])
    elif body.get('contactId'):
        number = ctx.contact_number(body['contactId'])
    else:
        raise unprocessable('conversationId should not be empty')
    direction = ctx.operation.id.split('-')[-2]
    record = ctx.location.talks.add(number, body['type'],
                             body.get('message') or '', direction)
    return {'success': True, 'conversationId': record['conversationId'],
            'messageId': record['id'], 'message': 'Message added',
            'contactId': record['contactId'],
            'dateAdded': record['dateAdded']}
