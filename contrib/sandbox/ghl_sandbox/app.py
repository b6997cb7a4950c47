"""The way of a request: route, count, judge, act, answer, misbehave."""

import base64
import hashlib
import json
import traceback

from . import generic, ops_mcp
from .auth import Auth
from .context import HANDLERS, Context, Raw, Status, Stream
from .errors import ApiError, error_body
from .http1 import Connection, date_field
from .faults import BEFORE, Faults
from .ledger import Ledger
from .quota import Quota
from .routes import Router, load_operations
from .seeded import mix, uuid
from .v3 import check_v3
from .world import World

JSON_TYPE = 'application/json; charset=utf-8'
HTML_PAGE = (b'<!DOCTYPE html><html><head><title>Just a moment...</title>'
             b'</head><body><h1>Error</h1><p>cloudflare</p></body></html>')
FRONT = (b'cf-cache-status: DYNAMIC\r\n'
         b'server: cloudflare\r\n'
         b'strict-transport-security: max-age=15552000\r\n'
         b'x-content-type-options: nosniff\r\n'
         b'alt-svc: h3=":443"; ma=86400\r\n'
         b'nel: {"report_to":"cf-nel","max_age":604800}\r\n'
         b'report-to: {"group":"cf-nel","max_age":604800,"endpoints":[]}')


class Answer:
    __slots__ = ('status', 'fields', 'body', 'stream')

    def __init__(self, status, fields, body, stream=None):
        self.status = status
        self.fields = fields
        self.body = body
        self.stream = stream


class Job:
    __slots__ = ('conn', 'request', 'operation', 'params', 'entry',
                 'faults', 'answer', 'is_done')

    def __init__(self, conn, request, operation, params, entry, faults):
        self.conn = conn
        self.request = request
        self.operation = operation
        self.params = params
        self.entry = entry
        self.faults = faults
        self.answer = None
        self.is_done = False


def to_json(value):
    return json.dumps(value, ensure_ascii=False,
                      separators=(',', ':')).encode()


def weak_etag(body):
    """The form Express gives: length in hexadecimal, 27 of the SHA-1."""
    sha = base64.b64encode(hashlib.sha1(body).digest())[:27]
    return b'etag: W/"%x-%s"' % (len(body), sha)


class App:
    """The whole sandbox; the server object of all connections."""

    def __init__(self, options, clock, loop, control):
        self.options = options
        self.clock = clock
        self.loop = loop
        self.control = control
        self.operations = load_operations() + ops_mcp.operations()
        for operation in self.operations:
            operation.handler = HANDLERS.get(operation.id, generic.answer)
        self.router = Router(self.operations)
        self.ledger = Ledger()
        self.faults = Faults()
        self.connections = set()
        self.listening = set()		# GET /mcp/
        self.quota = Quota(clock, options.burst, options.window,
                           options.daily, options.no_limit)
        self.reset_data()

    def reset_data(self):
        self.world = World(self.options.seed, self.options.contacts,
                           self.clock, self.options.index_lag)
        self.auth = Auth(self.world, self.operations)
        self.traces = 0
        self.numbers = {}

    def trace_id(self):
        self.traces += 1
        return uuid('trace', self.world.seed, self.traces)

    def next_number(self, what, location):
        """A number that is never given twice."""
        key = (what, location.id if location else '')
        self.numbers[key] = self.numbers.get(key, 1000) + 1
        return self.numbers[key]

    # Connections

    def new_connection(self):
        return Connection(self)

    def opened(self, conn):
        self.connections.add(conn)
        self.ledger.opened()

    def closed(self, conn):
        self.connections.discard(conn)
        self.listening.discard(conn)
        self.ledger.connections -= 1
        if conn.job is not None and not conn.job.is_done:
            self._done(conn.job, 'lost')

    def refused(self, _refusal):
        self.ledger.refused_messages += 1

    # Requests

    def handle(self, conn, request):
        if request.path.startswith('/__sandbox'):
            status, body = self.control(self, request)
            conn.send(status, [b'content-type: application/json'],
                      to_json(body) + b'\n')
            return
        method = 'GET' if request.method == 'HEAD' else request.method
        operation, params = self.router.find(method, request.path)
        name = operation.id if operation else '-'
        faults = self.faults.matching(request, name) \
            if self.faults.list else {}
        job = Job(conn, request, operation, params,
                  self.ledger.arrived(request, name), faults)
        conn.job = job
        wait = faults.get('latency')
        if wait and wait.get('act') == 'last':
            self.loop.call_later(wait.get('ms', 0) / 1000, self._act, job)
        else:
            self._act(job)

    def _act(self, job):
        """Judge and carry out; then deliver, now or after a latency."""
        if job.is_done:
            return
        token, error = self._identify(job)
        bucket = self._bucket(token)
        if bucket and not self.quota.take(bucket):
            error = ApiError(429, None, {
                'statusCode': 429, 'message': 'Too many requests',
                'error': 'Too Many Requests'})
        for kind in BEFORE:
            if kind in job.faults:
                self._fail(job, kind, job.faults[kind], bucket)
                return
        job.answer = self._answer(job, token, error, bucket)
        wait = job.faults.get('latency')
        if wait and wait.get('act') != 'last':
            self.loop.call_later(wait.get('ms', 0) / 1000, self._deliver, job)
        else:
            self._deliver(job)

    def _identify(self, job):
        operation = job.operation
        name = '-'
        try:
            if operation is None:
                request = job.request
                raise ApiError(404, 'Cannot %s %s' % (
                    request.method, request.target))
            if operation.id == 'oauth.get-access-token':
                return None, None
            token = self.auth.identify(job.request)
            name = token.text
            return token, None
        except ApiError as error:
            return None, error
        finally:
            self.ledger.by_credential[name] += 1

    def _bucket(self, token):
        if token is None:
            return None
        if self.options.quota_by == 'token':
            return token.name + ' ' + token.text[-8:]
        return token.location.id if token.location else token.company_id

    def _answer(self, job, token, error, bucket):
        """Run the operation; every refusal becomes an Answer here."""
        operation, request = job.operation, job.request
        try:
            if error is not None:
                raise error
            version = self.auth.check_version(request, operation)
            check_v3(version, operation)
            if token is not None:
                self.auth.check_scope(token, operation)
            ctx = Context(self, request, operation, job.params, token,
                          version)
            made = operation.handler(ctx)
        except ApiError as refusal:
            return self._json(refusal.status, refusal.body, bucket, request)
        except Exception as bug:
            traceback.print_exc()
            return self._json(500, error_body(
                500, 'a bug of the sandbox: %r' % bug), bucket, request)
        if operation.is_write:
            self.ledger.wrote(request, operation.id)
        return self._wrap(made, operation, bucket, request)

    def _wrap(self, made, operation, bucket, request):
        if isinstance(made, Raw):
            fields = self._fields(made.content_type, bucket) + made.fields
            return Answer(made.status, fields, made.body)
        if isinstance(made, Stream):
            fields = self._fields(made.content_type, bucket) + made.fields
            return Answer(made.status, fields, b'', made)
        if isinstance(made, Status):
            return self._json(made.status, made.body, bucket, request)
        return self._json(operation.status, made, bucket, request)

    def _json(self, status, value, bucket, request):
        body = b'' if status == 204 else to_json(value)
        fields = self._fields(JSON_TYPE, bucket)
        if status == 200 and request.method in ('GET', 'HEAD'):
            fields.append(weak_etag(body))
        return Answer(status, fields, body)

    def _fields(self, content_type, bucket):
        ray = mix(self.ledger.total)
        fields = [
            date_field(self.clock.now_ms() // 1000),
            b'content-type: ' + content_type.encode(), FRONT,
            b'cf-ray: %016x-FRA\r\nset-cookie: __cf_bm=%016x; path=/; '
            b'HttpOnly; Secure; SameSite=None' % (ray, mix(ray))]
        if bucket:
            fields.append(self.quota.headers(bucket))
        return fields

    # Delivery

    def _done(self, job, status):
        job.is_done = True
        self.ledger.answered(job.entry, status)

    def _fail(self, job, kind, spec, bucket):
        """Misbehave instead of acting."""
        conn = job.conn
        if kind == 'hang':
            return
        if kind in ('reset_before', 'close_before'):
            self._done(job, kind)
            conn.reset() if kind == 'reset_before' else conn.close()
            return
        status = {'429': 429, 'html200': 200}.get(
            kind, spec.get('status', 500))
        if kind == 'html200' or spec.get('html'):
            job.answer = Answer(status, self._fields(
                'text/html; charset=UTF-8', bucket), HTML_PAGE)
        else:
            job.answer = self._json(
                status, spec.get('body', error_body(status, 'Fault')),
                bucket, job.request)
        self._deliver(job)

    def _deliver(self, job):
        conn, answer, faults = job.conn, job.answer, job.faults
        if job.is_done or conn.is_closing:
            return
        if 'hang_after' in faults:
            return
        for kind in ('reset_after', 'close_after'):
            if kind in faults:
                self._done(job, kind)
                conn.reset() if kind == 'reset_after' else conn.close()
                return
        if faults:
            self._spoil(answer, faults)
        self._done(job, answer.status)
        if conn.is_head:
            self._send_head(conn, answer)
        elif answer.stream is not None:
            self._send_stream(conn, answer)
        elif not (faults and self._send_wrongly(conn, answer, faults)):
            conn.send(answer.status, answer.fields, answer.body)

    @staticmethod
    def _spoil(answer, faults):
        """Faults that only change the content."""
        for name, value in faults.get('headers', {}).get(
                'headers', {}).items():
            answer.fields.append(('%s: %s' % (name, value)).encode())
        if 'bad_json' in faults:
            answer.body = answer.body[:-1] + b'!'
        if 'raw_control' in faults:
            answer.body = answer.body.replace(b'":"', b'":"\x0b', 1)

    def _send_wrongly(self, conn, answer, faults):
        """Faults of framing; False when there is none."""
        status, fields, body = answer.status, answer.fields, answer.body
        if 'cut_body' in faults:
            conn.keep_alive = False
            conn.send_raw(conn.head(status, fields, [
                b'content-length: %d' % len(body)]) + body[:len(body) // 2])
        elif 'wrong_length' in faults:
            delta = faults['wrong_length'].get('delta', 7)
            conn.send_raw(conn.head(status, fields, [
                b'content-length: %d' % (len(body) + delta)]) + body)
        elif 'no_length' in faults:
            conn.keep_alive = False
            conn.send_raw(conn.head(status, fields, []) + body)
        elif 'chunked' in faults or 'drip' in faults:
            gap = faults.get('drip', {}).get('ms', 0) / 1000
            size = max(1, len(body) // 8)
            pieces = [body[at:at + size]
                      for at in range(0, len(body), size)]
            self._send_stream(conn, Answer(status, fields, b'', Stream(
                None, pieces, gap)))
            return True
        else:
            return False
        conn.finish()
        return True

    @staticmethod
    def _send_head(conn, answer):
        """The answer to HEAD."""
        if answer.stream is None:
            conn.send(answer.status, answer.fields, answer.body)
            return
        conn.send_raw(conn.head(answer.status, answer.fields,
                                App._framing(answer.stream)))
        conn.finish()

    @staticmethod
    def _framing(stream):
        if stream.length is None:
            return [b'transfer-encoding: chunked']
        return [b'content-length: %d' % stream.length]

    def _send_stream(self, conn, answer):
        conn.send_raw(conn.head(answer.status, answer.fields,
                                self._framing(answer.stream)))
        if answer.stream.is_listening:
            self.listening.add(conn)
        self._send_piece(conn, answer.stream)

    @staticmethod
    def _chunk(piece):
        return b'%x\r\n%s\r\n' % (len(piece), piece)

    def _send_piece(self, conn, stream):
        """One piece after the other, at the pace of the client."""
        while not conn.is_closing:
            piece = next(stream.pieces, None)
            if piece is None:
                if stream.length is None:
                    conn.send_raw(b'0\r\n\r\n')
                self.listening.discard(conn)
                conn.finish()
                return
            conn.send_raw(piece if stream.length is not None
                          else self._chunk(piece))
            if conn.is_full:
                conn.when_empty = lambda: self._send_piece(conn, stream)
                return
            if stream.gap_s:
                self.loop.call_later(stream.gap_s, self._send_piece, conn,
                                     stream)
                return

    def tell(self, piece):
        """An event for all who listen."""
        for conn in self.listening:
            conn.send_raw(self._chunk(piece))
