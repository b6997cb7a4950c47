"""/mcp/: the streamable HTTP transport, with two tools.

POST takes a JSON-RPC message. It is answered by server-sent events where
Accept names them, or is absent, else by JSON; a notification by 202. Progress
events come before the result when params._meta.progressToken asks for them.
A tool runs when its result is sent, not before.

The query tunes it: gap_ms between events (50), progress, how many (2),
answer=listen to answer 202 and send the result to those who listen, as the
older SSE transport did. GET listens: pings every gap_ms, or with events=N as
many numbered ones and then the end.
"""

import json

from . import ops_contacts
from .context import HANDLERS, Raw, Status, Stream, handles
from .errors import ApiError
from .routes import Operation

EVENTS = 'text/event-stream'
TOOLS = {'contacts_get-contact': 'contacts.get-contact',
         'contacts_update-contact': 'contacts.update-contact'}


def operations():
    """No documented ones, so they are not in operations.tsv."""
    return [Operation({
        'id': 'mcp.' + name, 'method': method, 'path': '/mcp/',
        'class': kind, 'version': '', 'status': '200', 'scopes': '',
        'shape': 'null'}) for name, method, kind in (
            ('message', 'POST', 'GET-NOCACHE'),
            ('listen', 'GET', 'GET-NOCACHE'),
            ('end', 'DELETE', 'GET-NOCACHE'))]


def event(value):
    return b'event: message\ndata: %s\n\n' % json.dumps(value).encode()


def _tool(ctx, params):
    name = TOOLS.get(params.get('name'))
    if name is None:
        raise ApiError(400, 'no such tool')
    given = dict(params.get('arguments') or {})
    ctx.params = {'contactId': given.pop('contactId', '')}
    ctx.body = given
    if name == 'contacts.update-contact':
        number = ctx.contact_number()
        ops_contacts.change_contact(ctx, number, given)
        ctx.app.ledger.writes_by_operation['mcp.message'] += 1
    return {'content': [{'type': 'text', 'text': json.dumps(
        HANDLERS['contacts.get-contact'](ctx))}]}


def _result(ctx, message):
    method = message.get('method')
    params = message.get('params') or {}
    if method == 'initialize':
        return {'protocolVersion': '2025-03-26', 'capabilities': {
            'tools': {}}, 'serverInfo': {'name': 'sandbox', 'version': '1'}}
    if method == 'tools/call':
        return _tool(ctx, params)
    return {'tools': [{'name': n, 'inputSchema': {'type': 'object'}}
                      for n in TOOLS]}


def _answer(ctx, message):
    answer = {'jsonrpc': '2.0', 'id': message['id']}
    try:
        return {**answer, 'result': _result(ctx, message)}
    except ApiError as error:
        return {**answer, 'error': {'code': -32000, 'message': str(
            error.body)}}


def _events(ctx, message):
    token = ((message.get('params') or {}).get('_meta') or {}).get(
        'progressToken')
    if token is not None:
        for n in range(ctx.number('progress', 2, 1000)):
            yield event({'jsonrpc': '2.0', 'method':
                         'notifications/progress', 'params': {
                             'progressToken': token, 'progress': n}})
    yield event(_answer(ctx, message))


def _gap_s(ctx, default_ms=50):
    return ctx.number('gap_ms', default_ms, 600000) / 1000


@handles('mcp.message')
def message(ctx):
    body = ctx.json_object()
    if 'id' not in body:
        return Status(202, {})
    if ctx.query.get('answer') == 'listen':
        ctx.app.loop.call_later(_gap_s(ctx), lambda: ctx.app.tell(
            event(_answer(ctx, body))))
        return Status(202, {})
    accept = ctx.request.header('accept', EVENTS)
    if EVENTS not in accept:
        return _answer(ctx, body)
    return Stream(EVENTS, _events(ctx, body), _gap_s(ctx))


def _numbered(ctx):
    count = ctx.number('events', 0, 1000000)
    for n in range(count):
        yield event({'number': n})
    while not count:
        yield b': ping\n\n'


@handles('mcp.listen')
def listen(ctx):
    return Stream(EVENTS, _numbered(ctx), _gap_s(ctx, 15000),
                  is_listening=True)


@handles('mcp.end')
def end(_ctx):
    return Raw('text/plain', b'', 204)
