"""Answers for documented operations that keep no state here."""

import re
import struct

from . import kinds
from .clock import iso
from .context import Raw, Status, Stream, handles
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


WAVE_RATE = 8000
PIECE = 1 << 18


def wave_head(size):
    """Of a WAV file with so many bytes of samples."""
    return b'RIFF' + struct.pack('<I', 36 + size) + b'WAVEfmt ' + \
        struct.pack('<IHHIIHH', 16, 1, 1, WAVE_RATE, WAVE_RATE, 1, 8) + \
        b'data' + struct.pack('<I', size)


def wave_pieces(total, first, last, most):
    """Bytes [first, last] of a WAV file of total bytes, whose samples are a
    pattern with a long period."""
    head = wave_head(total - 44)
    pattern = bytes(n * 7 % 251 for n in range(251))
    block = pattern * (most // 251 + 2)
    while first <= last:
        n = min(most, last + 1 - first)
        if first < len(head):
            n = min(n, len(head) - first)
            yield head[first:first + n]
        else:
            at = (first - len(head)) % 251
            yield block[at:at + n]
        first += n


def wanted_range(ctx, total):
    """(first, last) of a Range field; None: no range, or one of another
    form; False: none of it is there."""
    found = re.fullmatch(r'bytes=(\d*)-(\d*)', ctx.request.header('range'))
    if not found or found[0] == 'bytes=-':
        return None
    if not found[1]:
        return max(0, total - int(found[2])), total - 1
    first = int(found[1])
    last = min(int(found[2] or total), total - 1)
    return (first, last) if first <= last else False


@handles('conversations.get-message-recording')
def recording(ctx):
    """In the query, beside what is documented: bytes (8044), rate (bytes a
    second; as fast as it goes)."""
    total = ctx.number('bytes', 44 + WAVE_RATE, 1 << 32, least=44)
    rate = ctx.number('rate', 0, 1 << 32)
    piece = min(PIECE, max(1, rate // 20)) if rate else PIECE
    fields = [b'content-disposition: attachment; filename=audio.wav',
              b'accept-ranges: bytes']
    part = wanted_range(ctx, total)
    if part is False:
        return Status(416, {'statusCode': 416,
                            'message': 'Range Not Satisfiable'})
    first, last = part or (0, total - 1)
    if part:
        fields.append(b'content-range: bytes %d-%d/%d' % (
            first, last, total))
    return Stream(
        'audio/x-wav', wave_pieces(total, first, last, piece),
        piece / rate if rate else 0, last + 1 - first,
        206 if part else 200, fields)


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
