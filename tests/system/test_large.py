#!/usr/bin/env python3
"""A read whose answer has become too large to keep, while a smaller one is
still stored."""
import contextlib
import http.server
import json
import os
import sys
import threading
import time

from rig import (WAIT_S, Client, Daemon, directory, equal, message, run, test,
                 true, wait_for)
from stream_origin import RECORDING

LIST = '/contacts/?locationId=loc1'
OPTIONS = ('--store-answer-max', '64KiB', '--stale-wait', '200ms',
           '--max-streams', '1', '--threads', '1')
CONFIG = '[route lists]\nmatch = contacts.get-contacts\nttl = 1s\n'
LARGE = 100000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        """After a silence that ends early with the test."""
        self.server.is_over.wait(self.server.silence_s)
        body = json.dumps({'contacts': [], 'x': 'x' * self.server.size})
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """The proxy hangs up on what it does not want."""


@contextlib.contextmanager
def setup():
    """(server, daemon): the list was stored, expired, and found too large."""
    server = Server(('127.0.0.1', 0), Handler)
    server.size, server.silence_s = 10, 0
    server.is_over = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with directory() as folder:
        daemon = Daemon('http://127.0.0.1:%d' % server.server_port,
                        os.path.join(folder, 'state'), *OPTIONS,
                        config=CONFIG)
        failure = None
        try:
            equal(get(daemon).fwd, 'uri-miss')
            wait_for(lambda: daemon.counter('stored') == 1, 'the store')
            server.size = LARGE
            wait_for(lambda: len(get(daemon).body) > LARGE, 'the large one')
            wait_for(lambda: daemon.status()['origin']['streams'] == 0,
                     'its end')
            yield server, daemon
        except BaseException as e:
            failure = e
            raise
        finally:
            server.is_over.set()
            daemon.end_after(failure)
            server.shutdown()
            server.server_close()


def get(daemon):
    with Client(daemon.address) as client:
        client.send(message('GET', LIST, None, {'Authorization': 'Bearer t'}))
        return client.response()


@test
def a_slow_upstream_is_not_waited_for():
    with setup() as (server, daemon):
        server.silence_s = WAIT_S
        start = time.monotonic()
        answer = get(daemon)
        took = time.monotonic() - start
        equal((answer.status, answer.detail), (200, 'upstream-slow'))
        true(0.2 <= took < WAIT_S / 4, 'took %.1f s' % took)
        wait_for(lambda: daemon.status()['origin']['streams'] == 0, 'its end')


@test
def without_a_stream_the_stored_one_is_served():
    with setup() as (server, daemon):
        server.silence_s = WAIT_S
        with Client(daemon.address) as busy:
            busy.send(message('GET', RECORDING, None,
                              {'Authorization': 'Bearer t'}))
            wait_for(lambda: daemon.status()['origin']['streams'] == 1,
                     'the only stream')
            answer = get(daemon)
        equal((answer.status, answer.detail), (200, 'max-streams'))


if __name__ == '__main__':
    sys.exit(run())
