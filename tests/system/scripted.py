"""An upstream whose answers the test writes, and a daemon before it.

    with Script(answer) as s:
        s.get('/contacts/abc')
        s.origin.seen

answer(request) gives an Answer, or None to cut the connection. It runs on the
thread of its connection, so it may wait.
"""
import contextlib
import os
import threading
import time

from rig import WAIT_S, Daemon, Session, directory, wait_for
from upstreams import ThreadedOrigin

VERSION = '2021-07-28'
JSON = ('Content-Type', 'application/json')


class Request:
    def __init__(self, line, fields, body):
        self.method, self.target, _ = line.split(' ')
        self.fields = fields  # as they came, [(name, value)]
        self.body = body

    def all(self, name):
        return [v for k, v in self.fields if k.lower() == name.lower()]

    def get(self, name):
        """The value of a field, None without."""
        return ', '.join(self.all(name)) if self.all(name) else None

    @property
    def path(self):
        return self.target.partition('?')[0]


class Answer:
    def __init__(self, body=b'{}', status=200, fields=(JSON,), length=None,
                 is_cut=False):
        self.body = body if isinstance(body, bytes) else body.encode()
        self.status, self.fields = status, list(fields)
        self.length, self.is_cut = length, is_cut

    def bytes_for(self, method):
        lines = ['HTTP/1.1 %d Said' % self.status]
        lines += ['%s: %s' % f for f in self.fields]
        has_body = self.status >= 200 and self.status not in (204, 304)
        if has_body:
            lines.append('Content-Length: %d' % (
                len(self.body) if self.length is None else self.length))
        head = ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')
        return head + (self.body if has_body and method != 'HEAD' else b'')


class ScriptedOrigin(ThreadedOrigin):
    def __init__(self, answer):
        self.answer = answer
        self.seen = []
        super().__init__()

    def asked(self, part=''):
        return [r for r in list(self.seen) if part in r.target]

    def serve_one(self, sock, stream):
        line = stream.readline().decode('latin-1').strip()
        if not line:
            return False
        fields, length = [], 0
        while (text := stream.readline().decode('latin-1').rstrip('\r\n')):
            name, _, value = text.partition(':')
            fields.append((name, value.strip()))
            if name.lower() == 'content-length':
                length = int(value)
        request = Request(line, fields, stream.read(length))
        self.seen.append(request)
        answer = self.answer(request)
        if answer is None:
            return False
        sock.sendall(answer.bytes_for(request.method))
        return not answer.is_cut


class Script:
    """The two together. Sessions are named; each has a token of its name."""

    def __init__(self, answer, *options, config=None):
        self.origin = ScriptedOrigin(answer)
        self.options, self.config = options, config
        self.sessions = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.origin)
            self.state = os.path.join(stack.enter_context(directory()),
                                      'state')
            self.start()
            self.stack = stack.pop_all()
        return self

    def start(self):
        self.daemon = Daemon(self.origin.url, self.state, *self.options,
                             config=self.config)
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

    def __exit__(self, _kind, failure, _trace):
        self.hang_up()
        try:
            self.daemon.end_after(failure)
        finally:
            self.stack.close()

    def headers(self, token):
        if token is None:
            return {}
        return {'Authorization': 'Bearer ' + token, 'Version': VERSION,
                'Accept': 'application/json'}

    def call(self, method, target, body=None, token='alice', headers=None):
        key = token, threading.get_ident()
        if key not in self.sessions:
            self.sessions[key] = Session(self.address, self.headers(token))
        return self.sessions[key].call(method, target, body, headers)

    def get(self, target, token='alice', **fields):
        """Header fields by keyword: cache_control='no-cache'."""
        return self.call('GET', target, None, token, {
            k.replace('_', '-').title(): v for k, v in fields.items()})

    def warm(self, target, token='alice', **fields):
        """Asked, and stored by the time this returns."""
        answer = self.get(target, token, **fields)
        wait_for(lambda: self.get(target, token, **fields).is_hit,
                 'a hit of ' + target)
        self.daemon.settle()
        return answer


def in_thread(function, *arguments, **keywords):
    """Runs it beside; .wait() gives its result or raises what it did."""
    box = {}

    def work():
        try:
            box['result'] = function(*arguments, **keywords)
        except BaseException as failure:  # told by wait()
            box['failure'] = failure

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def wait():
        thread.join(WAIT_S)
        if thread.is_alive():
            raise AssertionError('it did not end in time')
        if 'failure' in box:
            raise box['failure']
        return box['result']

    thread.wait = wait
    return thread


def later(seconds):
    """Until that much later, whatever wakes us: for what a test needs time to
    pass for, such as an answer to expire."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end, 'the time')
