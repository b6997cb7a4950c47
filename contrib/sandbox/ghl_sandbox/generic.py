"""Answers for documented operations that keep no state here."""

import struct

from . import kinds
from .clock import iso
from .context import Raw, Stream, handles
from .seeded import DATA_EPOCH_MS, hash64, uuid

FALSE_NAMES = {'deleted', 'isDeleted', 'archived', 'isArchived', 'hasMore'}


def _leaf(ctx, kind, name, path):
    seed = ctx.world.seed
    if name == 'traceId':
        return ctx.trace_id()
    if kind == 's':
        if name.lower().endswith('email'):
            return 'sample@example.com'
        return 'sample %s' % (name or 'text')
    if kind == 'n':
        return hash64(seed, path) % 90 + 1
    if kind == 'b':
        return name not in FALSE_NAMES
    if kind == 'd':
        return iso(DATA_EPOCH_MS - hash64(seed, path) % 10 ** 10)
    if kind == 'u':
        return 'https://www.example.com/%s' % uuid(seed, path)
    if kind == 'i':
        return _identifier(ctx, name, path)
    if kind.startswith('e:'):
        return kind[2:]
    if kind.startswith('j:'):
        number = float(kind[2:])
        return int(number) if number.is_integer() else number
    return {}


def _identifier(ctx, name, path):
    known = {**ctx.params, **ctx.query}
    if name in ('locationId', 'altId') and ctx.location is not None:
        return ctx.location.id
    if name == 'companyId':
        return ctx.world.company_id
    if isinstance(known.get(name), str) and known[name]:
        return known[name]
    loc = ctx.location.loc if ctx.location else 0
    return ctx.world.ids.make(kinds.OTHER, loc,
                              hash64(ctx.world.seed, path) & 0xffffffff)


def fill(ctx, shape, name='', path=''):
    """A value of a shape, the same for the same path."""
    path = '%s/%s' % (path, name)
    if isinstance(shape, dict):
        return {k: fill(ctx, v, k, path) for k, v in shape.items()}
    if isinstance(shape, list):
        if not shape:
            return []
        count = 1 if path.count('/') > 3 else 2
        return [fill(ctx, shape[0], '', '%s[%d]' % (path, n))
                for n in range(count)]
    return _leaf(ctx, shape, name, path)


def answer(ctx):
    """The answer of an operation without a handler of its own."""
    operation = ctx.operation
    if operation.shape is None:
        if operation.is_write:
            return {'success': True}
        return {'success': True, 'data': []}
    return fill(ctx, operation.shape, '',
                '%s?%s' % (ctx.request.path, ctx.request.query))


def wave(seconds=1, rate=8000):
    """A silent WAV file."""
    size = seconds * rate
    return b'RIFF' + struct.pack('<I', 36 + size) + b'WAVEfmt ' + \
        struct.pack('<IHHIIHH', 16, 1, 1, rate, rate, 1, 8) + \
        b'data' + struct.pack('<I', size) + b'\x80' * size


@handles('conversations.get-message-recording')
def recording(ctx):
    return Raw('audio/x-wav', wave(), fields=[
        b'content-disposition: attachment; filename=audio.wav'])


@handles('conversations.download-message-transcription')
def transcription(ctx):
    return Raw('text/plain', b'Agent: Good morning.\nCaller: Hello.\n',
               fields=[b'content-disposition: attachment; '
                       b'filename=transcription.txt'])


@handles(*('social-media-posting.start-%s-oauth' % platform for platform in (
    'google', 'facebook', 'instagram', 'linkedin', 'twitter', 'tiktok',
    'tiktok-business')))
def start_oauth(ctx):
    where = 'https://login.example.com/oauth?state=%s' % ctx.trace_id()
    return Raw('text/html', b'<p>Found. Redirecting.</p>', 302,
               [b'location: ' + where.encode()])


@handles('invoices.generate-invoice-number')
def invoice_number(ctx):
    return {'invoiceNumber': ctx.app.next_number('invoice', ctx.location)}


@handles('invoices.generate-estimate-number')
def estimate_number(ctx):
    return {'estimateNumber': ctx.app.next_number('estimate', ctx.location),
            'traceId': ctx.trace_id()}


def mcp(ctx):
    """POST /mcp/: a short server-sent event stream."""
    pieces = [b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":'
              b'{"part":%d}}\n\n' % n for n in range(3)]
    return Stream('text/event-stream', pieces, 0.05)
