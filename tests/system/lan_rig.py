"""Clients from elsewhere: over any socket, under any name; and an upstream
that sends what it is told to."""
import contextlib
import http.server
import re
import socket
import subprocess
import threading

from front_rig import WAIT_S, Client
from rig import PROGRAM, Daemon, directory, equal, message, true

TOKEN = {'Authorization': 'Bearer one', 'Version': '2021-07-28'}
NOWHERE = 'http://127.0.0.1:9'


def connected(address, source=None):
    """A socket to (HOST, PORT), either family, or to a path."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    elif ':' in address[0]:
        sock = socket.socket(socket.AF_INET6)
    else:
        sock = socket.socket()
    sock.settimeout(WAIT_S)
    try:
        if source is not None:
            sock.bind(source)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


class Conn(Client):
    """A Client over a socket that is connected already."""

    def __init__(self, sock):
        self.sock = sock
        self.got = self.raw = b''

    def call(self, target, host='localhost', method='GET', body=None,
             **fields):
        """Header fields by keyword: x_forwarded_for='192.0.2.1'."""
        named = {k.replace('_', '-').title(): v for k, v in fields.items()}
        self.send(message(method, target, body, {'Host': host, **named}))
        return self.response(method)


def ask(address, target, source=None, **more):
    """One request over a connection of its own."""
    with Conn(connected(address, source)) as c:
        return c.call(target, **more)


class Told(http.server.BaseHTTPRequestHandler):
    """Answers all alike, with a next page, and the server's fields."""
    protocol_version = 'HTTP/1.1'

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.seen.append((self.command, self.path))
        body = (b'{"contacts":[],"meta":{"nextPageUrl":'
                b'"https://services.leadconnectorhq.com/contacts/?page=2"}}')
        self.send_response_only(self.server.status)
        for name, value in (('Content-Type', 'application/json'),
                            ('Content-Length', str(len(body))),
                            *self.server.fields):
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    do_HEAD = do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


class Place:
    """An upstream (`seen`, `status`, `fields`) and a daemon before it."""

    def __init__(self, *options, directory_, config=None):
        self.directory = directory_
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Told)
        self.server.daemon_threads = True
        self.server.seen, self.server.status = [], 200
        self.server.fields = []
        threading.Thread(target=self.server.serve_forever, args=(0.02,),
                         daemon=True).start()
        self.daemon = Daemon('http://127.0.0.1:%d' % self.server.server_port,
                             directory_ + '/state', *options, config=config)
        self.address = self.daemon.address

    @property
    def seen(self):
        return self.server.seen

    def ask(self, target, **more):
        return ask(self.address, target, **more)

    def next_page(self, address=None, **more):
        """What of nextPageUrl tells where the proxy is."""
        got = ask(address or self.address, '/contacts/?locationId=l1',
                  **{**TOKEN, **more})
        equal(got.status, 200)
        url = got.json()['meta']['nextPageUrl']
        found = re.fullmatch(r'(https?://[^/]+)/contacts/\?page=2', url)
        true(found, url)
        return found[1]

    def close(self, failure):
        try:
            self.daemon.end_after(failure)
        finally:
            self.server.shutdown()
            self.server.server_close()


@contextlib.contextmanager
def place(*options, config=None):
    with directory() as path:
        p = Place(*options, directory_=path, config=config)
        failure = None
        try:
            yield p
        except BaseException as e:
            failure = e
            raise
        finally:
            p.close(failure)


def refused(path, *options, env=None):
    """What a daemon says that does not start."""
    done = subprocess.run(
        [PROGRAM, 'serve', '--upstream', NOWHERE, '--state', path + '/none',
         '--log-file', path + '/log', *options], capture_output=True,
        text=True, timeout=60, env=env)
    equal((done.returncode, done.stdout), (1, ''))
    return done.stderr
