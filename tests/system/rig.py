"""The daemon under test, its upstreams, and clients to drive it with.

    with Rig('--contacts', '50') as rig:
        answer = rig.get('/contacts/' + rig.contact())
        answer.cache['fwd']

A daemon that does not end with 0 on SIGTERM, or prints sanitizer text, fails
its test; the end of its log is then printed.
"""
import contextlib
import ctypes
import functools
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import tempfile
import time

from front_rig import WAIT_S, Client, Response, wait_for
from sandbox_tap import (SOURCE, Skip, equal, run, some_contact, test,
                         true)
from tls_rig import Authority, Nghttpx
from upstreams import BadOrigin, Gateway
from ghl_sandbox.harness import VERSION, Sandbox

__all__ = [
    'PROGRAM', 'BadOrigin', 'Client', 'Daemon', 'Gateway', 'Rig', 'Sandbox',
    'Session', 'Skip', 'Storm', 'VERSION', 'WAIT_S', 'directory', 'equal',
    'is_sanitized', 'json_of', 'manual', 'manual_text', 'message',
    'needs_unix_sockets', 'percentile', 'run', 'test', 'true', 'wait_for']

PROGRAM = os.environ.get('GHLMIRROR') or os.path.join(
    os.environ.get('top_builddir', '.'), 'ghlmirror')
SANITIZER = re.compile(r'Sanitizer|runtime error:')
LOG_LINES_SHOWN = 20


@functools.cache
def is_sanitized():
    """Built with a sanitizer, which slows the daemon down."""
    with open(PROGRAM, 'rb') as f:
        return re.search(rb'__[at]san_init', f.read()) is not None


def needs_unix_sockets():
    """The daemon refuses them with a libevent that lacks the fix of
    CVE-2026-63388, which Debian has in its security archive."""
    libevent = ctypes.CDLL('libevent_extra-2.1.so.7')
    if not hasattr(libevent, 'evhttp_str_is_chunked_'):
        raise Skip('no unix sockets with this libevent (CVE-2026-63388)')


@contextlib.contextmanager
def directory():
    """A fresh directory; removed in the end."""
    with tempfile.TemporaryDirectory(prefix='ghlmirror-') as path:
        yield path


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def manual_text(section):
    """A section of ghlmirror(1), as roff."""
    with open(os.path.join(SOURCE, 'doc', 'ghlmirror.1'),
              encoding='utf-8') as f:
        text = f.read().partition('.Sh %s\n' % section)[2]
    return text.partition('\n.Sh ')[0]


def manual(section):
    """The words of a section of ghlmirror(1)."""
    return set(re.findall(r'[\w.-]+', manual_text(section)))


def json_of(answer):
    """The JSON of an answer without its traceId."""
    value = answer.json()
    if isinstance(value, dict):
        value.pop('traceId', None)
    return value


# ---- the daemon ----

class Daemon:
    """`ghlmirror serve`; its log goes to a file."""

    def __init__(self, upstream, state, *options, config=None, env=None,
                 program=(PROGRAM,)):
        self.state = state
        self.log_path = state + '.log'
        arguments = ['--listen', '127.0.0.1:0', '--upstream', upstream,
                     '--state', state]
        if config is not None:
            path = state + '.conf'
            with open(path, 'w', encoding='utf-8') as f:
                f.write(config)
            arguments += ['--config', path]
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                [*program, 'serve', *arguments, *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **(env or {})})
        self.address = self._ready()

    def _ready(self):
        line = self._first_line()
        found = re.fullmatch(r'ready http=127\.0\.0\.1:(\d+)( .*)?\n', line)
        if not found:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            raise AssertionError('no ready line but %r; log:\n%s' % (
                line, self.log()))
        # With more to listen on: ('http', '[::1]:8788'), ('unix', '/path').
        self.others = [tuple(x.split('=', 1)) for x in (found[2] or '').split()]
        return '127.0.0.1', int(found[1])

    def _first_line(self):
        with selectors.DefaultSelector() as s:
            s.register(self.process.stdout, selectors.EVENT_READ)
            if not s.select(WAIT_S):
                return ''
        return self.process.stdout.readline().decode()

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def cli(self, *arguments):
        """A command that speaks to this daemon."""
        return subprocess.run([PROGRAM, *arguments, '--state', self.state],
                              capture_output=True, text=True, timeout=60)

    def purge(self, *what):
        done = self.cli('purge', *what)
        equal((done.returncode, done.stderr), (0, ''))

    def status(self):
        done = self.cli('status', '--json')
        equal((done.returncode, done.stderr), (0, ''))
        return json.loads(done.stdout)

    def counter(self, name):
        return self.status()['counters'][name]

    def settle(self):
        """Waits until what was answered is stored."""
        wait_for(lambda: self.status()['origin']['flights'] == 0,
                 'the last flight')

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask_to_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, bound_s=WAIT_S):
        """Waits for an orderly end."""
        try:
            status = self.process.wait(bound_s)
        finally:
            self.kill()
        found = SANITIZER.search(self.log())
        if status != 0 or found:
            raise AssertionError('the daemon ended with %d%s' % (
                status, ' and ' + found[0] if found else ''))

    def stop(self):
        if self.process.returncode is None:
            self.ask_to_stop()
            self.wait()

    def end_after(self, failure):
        """Ends it; after a failure the log shows what happened before."""
        try:
            if failure is None:
                self.stop()
                return
        except AssertionError:
            self._show_log()
            raise
        self.kill()
        self._show_log()

    def _show_log(self):
        lines = self.log().splitlines()
        if not SANITIZER.search(self.log()):
            lines = lines[-LOG_LINES_SHOWN:]
        for line in lines:
            print('# log: ' + line[:240])


# ---- clients ----

def message(method, target, body=None, headers=None):
    """A request as bytes."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    lines = ['%s %s HTTP/1.1' % (method, target)]
    fields = {'Host': '127.0.0.1', **(headers or {})}
    if body is not None:
        fields.setdefault('Content-Length', len(body))
    lines += ['%s: %s' % pair for pair in fields.items() if
              pair[1] is not None]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + (body or b'')


def _cache_status(self):
    """Cache-Status as a dict; a flag is True."""
    text = self.field('cache-status')
    if text is None:
        return {}
    name, *parts = [p.strip() for p in text.split(';')]
    equal(name, 'ghlmirror')
    pairs = [p.partition('=') for p in parts]
    return {k: (v.strip('"') if eq else True) for k, eq, v in pairs}


# What a test of a cache asks of every answer.
Response.cache = property(_cache_status)
Response.is_hit = property(lambda self: 'hit' in self.cache)
Response.fwd = property(lambda self: self.cache.get('fwd'))
Response.detail = property(lambda self: self.cache.get('detail'))
Response.ttl = property(lambda self: int(self.cache.get('ttl', 0)))


class Session:
    """A client that keeps its connection, and opens another when the daemon
    closed the last one."""

    def __init__(self, address, headers=None):
        self.address = address
        self.headers = {'Host': '%s:%d' % address, **(headers or {})}
        self.client = None

    def call(self, method, target, body=None, headers=None):
        if self.client is None:
            self.client = Client(self.address)
        self.client.send(message(method, target, body,
                                 {**self.headers, **(headers or {})}))
        try:
            answer = self.client.response(method)
        except Exception:
            self.close()
            raise
        if answer.field('connection') == 'close':
            self.close()
        return answer

    def close(self):
        if self.client is not None:
            self.client.sock.close()
            self.client = None


class Storm:
    """Many clients at once, a connection each. An answer's `ms` is the time
    since its request was sent."""

    def __init__(self, address, messages):
        self.messages = messages
        self.sent_at = {}
        self.socks = [socket.create_connection(address, WAIT_S)
                      for _ in messages]
        for sock in self.socks:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()

    def send(self, numbers=None):
        for n in numbers if numbers is not None else range(len(self.socks)):
            self.sent_at[n] = time.monotonic()
            self.socks[n].sendall(self.messages[n])

    def cut(self, number):
        """This client leaves."""
        self.socks[number].close()

    def answers(self, numbers=None):
        """One Response per client, in order."""
        wanted = list(numbers if numbers is not None else
                      range(len(self.socks)))
        got = {}
        end = time.monotonic() + 3 * WAIT_S
        with selectors.DefaultSelector() as s:
            for n in wanted:
                self.socks[n].setblocking(False)
                s.register(self.socks[n], selectors.EVENT_READ, [n, b''])
            while len(got) < len(wanted):
                ready = s.select(max(0, end - time.monotonic()))
                true(ready, 'only %d of %d answers came' % (
                    len(got), len(wanted)))
                for key, _ in ready:
                    self._read(s, key, got)
        return [got[n] for n in wanted]

    def _read(self, s, key, got):
        state = key.data
        data = key.fileobj.recv(1 << 16)
        state[1] += data
        answer = parse(state[1])
        true(answer or data, 'a connection ended early')
        if answer:
            answer.ms = 1000 * (time.monotonic() - self.sent_at[state[0]])
            got[state[0]] = answer
            s.unregister(key.fileobj)


def parse(data):
    """The Response in data, None while it is not whole."""
    head, mark, body = data.partition(b'\r\n\r\n')
    if not mark:
        return None
    first, *lines = head.decode('latin-1').split('\r\n')
    fields = {k.lower(): v for k, v in (x.split(': ', 1) for x in lines)}
    if len(body) < int(fields.get('content-length', 0)):
        return None
    return Response(int(first.split(' ')[1]), fields, body)


# ---- all together ----

class Rig:
    """A sandbox, the daemon before it, and a client for each token."""

    # None: the sandbox itself; else what a TLS proxy before it offers by
    # ALPN. test_h2.py runs other tests once more with it.
    upstream_protocols = None
    tls = None

    def __init__(self, *sandbox_options, options=(), config=None,
                 gateway=False, env=None, program=(PROGRAM,)):
        self.program = program
        self.sandbox_options = sandbox_options or ('--contacts', '60')
        self.options = options
        self.config = config
        self.env = env
        self.wants_gateway = gateway
        self.stack = contextlib.ExitStack()
        self.sessions = {}
        self.daemon = None

    def __enter__(self):
        with self.stack as stack:
            self.sandbox = stack.enter_context(
                Sandbox('--no-limit', *self.sandbox_options))
            folder = stack.enter_context(directory())
            self._make_upstream(stack, folder)
            self.state = os.path.join(folder, 'state')
            self.start()
            self.stack = stack.pop_all()
        self.location = self.sandbox.locations[0]
        return self

    def _make_upstream(self, stack, folder):
        address = self.sandbox.host, self.sandbox.port
        scheme = 'http'
        if self.upstream_protocols:
            self.authority = Authority(folder)
            os.mkdir(os.path.join(folder, 'nghttpx'))
            self.tls = stack.enter_context(Nghttpx(
                address, self.authority.issue('good'),
                os.path.join(folder, 'nghttpx'), self.upstream_protocols))
            address, scheme = self.tls.address, 'https'
            self.options = [*self.options, '--upstream-ca',
                            self.authority.path]
        if self.wants_gateway:
            self.gateway = stack.enter_context(Gateway(*address))
            address = self.gateway.listener.address
        self.upstream = '%s://%s:%d' % (scheme, *address)

    def __exit__(self, kind, failure, _trace):
        self.hang_up()
        try:
            self.daemon.end_after(failure)
        finally:
            self.stack.close()

    def start(self):
        """Starts the daemon (again)."""
        self.daemon = Daemon(self.upstream, self.state, *self.options,
                             config=self.config, env=self.env,
                             program=self.program)
        self.address = self.daemon.address

    def hang_up(self):
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()

    def restart(self, is_killed=False):
        self.hang_up()
        if is_killed:
            self.daemon.kill()
        else:
            self.daemon.stop()
        self.start()

    def headers(self, token='full-1'):
        fields = {'Version': VERSION, 'Accept': 'application/json'}
        if token:
            fields['Authorization'] = 'Bearer ' + self.sandbox.tokens[token]
        return fields

    def call(self, method, target, body=None, token='full-1', headers=None):
        if token not in self.sessions:
            self.sessions[token] = Session(self.address, self.headers(token))
        extra = {} if body is None else {'Content-Type': 'application/json'}
        return self.sessions[token].call(method, target, body,
                                         {**extra, **(headers or {})})

    def get(self, target, token='full-1', **headers):
        """Header fields by keyword: cache_control='no-cache'."""
        fields = {k.replace('_', '-').title(): v for k, v in headers.items()}
        return self.call('GET', target, None, token, fields)

    def hit(self, target, body=None, token='full-1', headers=None):
        """The answer of a read once it comes from the store. An answer is
        given before it is stored; until then others share it."""
        method = 'GET' if body is None else 'POST'
        answers = []

        def is_hit():
            answers.append(self.call(method, target, body, token, headers))
            true(answers[-1].is_hit or 'collapsed' in answers[-1].cache,
                 'asked the upstream: %s %s: %d %s' % (
                     method, target, answers[-1].status, answers[-1].cache))
            return answers[-1].is_hit

        wait_for(is_hit, 'a hit of ' + target)
        return answers[-1]

    def warm(self, target, body=None, token='full-1', headers=None):
        """A miss, then the hit."""
        method = 'GET' if body is None else 'POST'
        answer = self.call(method, target, body, token, headers)
        equal((target, answer.status, answer.fwd),
              (target, 200, 'uri-miss'))
        got = self.hit(target, body, token, headers)
        # A hit may be the answer on its way to the store, which a movement
        # would overtake.
        self.daemon.settle()
        return got

    def message(self, method, target, body=None, token='full-1'):
        """For a Storm."""
        extra = {} if body is None else {'Content-Type': 'application/json'}
        return message(method, target, body, {**self.headers(token), **extra})

    def contact(self, location=0):
        return some_contact(self.sandbox, location)

    def direct(self, method, target, body=None, token='full-1'):
        """(status, headers, JSON) from the sandbox, past the daemon."""
        return self.sandbox.call(method, target, body, token)

    def asked(self, operation=None):
        """Requests that the sandbox has seen."""
        ledger = self.sandbox.control('GET', 'ledger?brief')
        if operation is None:
            return ledger['total']
        return ledger['by_operation'].get(operation, 0)

    def forget(self):
        self.sandbox.control('DELETE', 'ledger')

    def fault(self, kind, **more):
        self.sandbox.control('POST', 'faults', {'kind': kind, **more})

    def no_faults(self):
        self.sandbox.control('DELETE', 'faults')
