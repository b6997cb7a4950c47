#!/usr/bin/env python3
"""Defects that a reading of the sources found, each as a user meets it."""

import http.server
import subprocess
import threading
import sys
from contextlib import contextmanager

from rig import PROGRAM, Daemon, Rig, Session, directory, equal, run, test, true


class Echo(http.server.BaseHTTPRequestHandler):
    """Keeps what arrives; says X-Request-Id, as many servers do."""
    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.seen.append((self.command, self.path,
                                 [(k.lower(), v)
                                  for k, v in self.headers.items()]))
        body = b'{"ok":true}'
        self.send_response_only(200)
        for name, value in (('Content-Type', 'application/json'),
                            ('X-Request-Id', 'of-the-upstream'),
                            ('X-RateLimit-Max', '77'),
                            ('Content-Length', str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@contextmanager
def echo(*options):
    """The upstream, and a Session with a daemon before it."""
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Echo) as server:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with directory() as place:
            daemon = Daemon('http://127.0.0.1:%d' % server.server_port,
                            place + '/state', '--threads', '1', *options)
            session = Session(daemon.address)
            failure = None
            try:
                yield server, session
            except BaseException as e:
                failure = e
                raise
            finally:
                session.close()
                daemon.end_after(failure)
                server.shutdown()


TOKEN = {'Authorization': 'Bearer one', 'Version': '2021-07-28'}
STREAMED = {'Range': 'bytes=0-9', 'Last-Event-ID': '7',
            'Mcp-Session-Id': 'abc', 'MCP-Protocol-Version': '2025-06-18'}


def sent_of(server, target, headers, session, method='GET'):
    server.seen.clear()
    equal(session.call(method, target, None, {**TOKEN, **headers}).status,
          200)
    return dict(server.seen[-1][2])


@test
def fields_of_streams():
    """Sessions of /mcp/ broke: its fields did not go upstream."""
    recording = '/conversations/messages/m1/locations/l1/recording'
    wanted = {k.lower(): v for k, v in STREAMED.items()}
    with echo() as (server, session):
        for method, target in (('POST', '/mcp/'), ('GET', '/mcp/'),
                               ('DELETE', '/mcp'), ('GET', recording)):
            sent = sent_of(server, target, STREAMED, session, method)
            equal({k: sent.get(k) for k in wanted}, wanted)
        for target in ('/contacts/abc', '/unknown'):
            sent = sent_of(server, target, STREAMED, session)
            equal([k for k in wanted if k in sent], [])


@test
def fields_of_streams_too_many():
    """More than a fetch holds are refused, not left out."""
    many = {'Mcp-%d' % i: 'x' for i in range(40)}
    with echo() as (server, session):
        got = session.call('POST', '/mcp/', b'', {**TOKEN, **many})
        equal((got.status, got.json()['statusCode']), (431, 431))
        equal(server.seen, [])
    with echo() as (server, session):
        equal(session.call('GET', '/contacts/abc', None,
                           {**TOKEN, **many}).status, 200)


@test
def via_upstream():
    with echo() as (server, session):
        equal(sent_of(server, '/contacts/abc', {}, session)['via'],
              '1.1 ghlmirror')


@test
def status_under_a_foreign_name():
    """DNS rebinding: a page of evil.example whose name points here."""
    # Also with a name that may otherwise be used.
    for options, refusal in (((), 421),
                             (('--hosts', 'evil.example localhost 127.0.0.1 '
                               '[::1]'), 403)):
        with echo(*options) as (_, session):
            for host, status in (('evil.example', refusal),
                                 ('localhost', 200), ('127.0.0.1:1', 200),
                                 ('[::1]', 200)):
                got = session.call('GET', '/-/status', None, {'Host': host})
                equal((host, got.status), (host, status))


@test
def fields_of_streams_once():
    """Also named by forward_headers, a field is not sent twice."""
    with echo('--forward-headers', 'mcp-session-id, range') as (server, session):
        sent_of(server, '/mcp/', STREAMED, session, 'POST')
        names = [k for k, _ in server.seen[-1][2]]
        equal((names.count('mcp-session-id'), names.count('range')), (1, 1))


@test
def fields_forwarded_anyway():
    """Named by forward_headers, Authorization was sent twice."""
    with echo('--forward-headers', 'authorization, ACCEPT, x-more') as (
            server, session):
        session.call('GET', '/contacts/abc', None,
                     {**TOKEN, 'Accept': 'a/b', 'X-More': '1'})
        names = [k for k, _ in server.seen[-1][2]]
        equal([names.count(k) for k in ('authorization', 'accept', 'x-more')],
              [1, 1, 1])


@test
def empty_bodies():
    """HEAD with Content-Length: 0 was answered 503: it could not be sent."""
    with echo() as (server, session):
        for method, target in (('HEAD', '/unknown'), ('GET', '/unknown'),
                               ('GET', '/contacts/abc')):
            server.seen.clear()
            answer = session.call(method, target, b'', TOKEN)
            equal((method, answer.status), (method, 200))
            equal('content-length' in dict(server.seen[-1][2]), False)
        session.call('POST', '/contacts/', b'', TOKEN)
        equal(dict(server.seen[-1][2])['content-length'], '0')


@test
def a_field_in_two_lines():
    """The second one was dropped."""
    with echo() as (server, session):
        session.call('GET', '/contacts/abc', None, {
            **TOKEN, 'Accept': 'application/json\r\nAccept: text/plain'})
        equal(dict(server.seen[-1][2])['accept'],
              'application/json, text/plain')


@test
def one_request_id():
    """The upstream's stood beside ours, and was stored."""
    with echo() as (_, session):
        answer = session.call('GET', '/contacts/abc', None, TOKEN)
        true('of-the-upstream' not in answer.field('x-request-id'), answer)
        true(b'of-the-upstream' not in answer.body, answer.body)


@test
def limits_of_somebody_else():
    """Replies of the proxy itself told the limits of the slot's last user."""
    with echo() as (_, session):
        session.call('GET', '/contacts/abc', None, TOKEN)
        answer = session.call('GET', '/contacts/abd', None, TOKEN)
        equal(answer.field('x-ratelimit-max'), '77')
        for target in ('/-/health', '/-/nothing'):
            answer = session.call('GET', target)
            equal(answer.field('x-ratelimit-max'), None)
        answer = session.call('POST', '/contacts/', b'{}', {
            'Content-Encoding': 'gzip'})
        equal((answer.status, answer.field('x-ratelimit-max')), (415, None))


@test
def the_prefix_itself():
    """/- went upstream."""
    with echo() as (server, session):
        equal(session.call('GET', '/-', None, TOKEN).status, 404)
        equal(server.seen, [])


@test
def purges_that_name_nothing():
    """A slip of the pen was answered "purged"."""
    with Rig() as rig:
        for what in (['--operation', 'contacts.get-contcat'],
                     ['--path', 'contacts/abc'],
                     ['--path', '/contacts/?limit=1'], ['--contact', '']):
            done = rig.daemon.cli('purge', *what)
            equal((what, done.returncode, done.stdout), (what, 1, ''))
            true(done.stderr.startswith('ghlmirror: '), done.stderr)


def ghlmirror(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True,
                          text=True, timeout=60)


@test
def arguments():
    """Flags that there are not were no wrong usage; check-config refused a
    file with flags, and approved of a file that serve refused."""
    for command in ('serve', 'check-config'):
        for flags in (['--bogus', '1'], ['--listen']):
            equal((command, flags, ghlmirror(command, *flags).returncode),
                  (command, flags, 2))
        done = ghlmirror(command, '--threads', 'many')
        equal((command, done.returncode), (command, 1))
    with directory() as place:
        path = place + '/a.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('threads = 2\n')
        done = ghlmirror('check-config', path, '--threads', '3')
        equal((done.returncode, done.stdout), (0, path + ': ok\n'))
        done = ghlmirror('check-config', path, '--upstream-ca',
                         place + '/none')
        equal(done.returncode, 1)
        true('upstream_ca' in done.stderr and place + '/none' in done.stderr,
             done.stderr)


if __name__ == '__main__':
    sys.exit(run())
