"""Upstreams that fail: a gateway before a good one, and the scripted origin.
"""
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import badorigin
from front_rig import WAIT_S


class ThreadedOrigin:
    """An upstream with a thread for each connection. What derives from it
    reads one request and answers it in serve_one(sock, stream), which is
    False when the connection is over."""

    def __init__(self):
        self.open = set()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=512)
        self.url = 'http://127.0.0.1:%d' % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_away()

    def go_away(self):
        """Nothing answers from now on, and what is open ends."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        for sock in list(self.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open.add(sock)
            threading.Thread(target=self._serve, args=[sock],
                             daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError, ValueError):
            stream = sock.makefile('rb')
            while self.serve_one(sock, stream):
                pass
        self.open.discard(sock)
        sock.close()


class Gateway:
    """A port before an upstream that can fail like a network: refuse, let
    new connections hang (hole), or take everything and say nothing
    (silent)."""

    def __init__(self, host, port):
        self.behind = host, port
        self.listener = badorigin.Listener('127.0.0.1', 0)
        self.url = 'http://127.0.0.1:%d' % self.listener.address[1]
        self.is_silent = False
        self.is_ending = False
        self.lock = threading.Lock()
        self.open = set()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_ending = True
        self.thread.join()
        self.listener.set_mode('refuse')
        self.drop()

    def set_mode(self, mode):
        """open, refuse, hole or silent; the first three end what is open."""
        self.is_silent = mode == 'silent'
        self.listener.set_mode('open' if mode == 'silent' else mode)
        if mode != 'silent':
            self.drop()

    def drop(self):
        with self.lock:
            for sock in self.open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self.is_ending:
            sock = self.listener.accept()
            if sock is not None:
                self._relay(sock)

    def _relay(self, sock):
        try:
            behind = socket.create_connection(self.behind, WAIT_S)
        except OSError:
            sock.close()
            return
        with self.lock:
            self.open |= {sock, behind}
        for pair in (sock, behind), (behind, sock):
            threading.Thread(target=self._copy, args=pair,
                             daemon=True).start()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.is_silent:
                    sink.sendall(data)
        for sock in source, sink:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        with self.lock:
            if sink not in self.open:	# the other direction has ended too
                source.close()
                sink.close()
            self.open.discard(source)


class BadOrigin:
    """badorigin.py in a process of its own."""

    def __init__(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                               'badorigin.py')
        self.process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        ready = json.loads(self.process.stdout.readline())
        self.url = ready['url']
        self.place = urlsplit(ready['control'])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        self.process.stdout.close()

    def control(self, name, command=None):
        connection = http.client.HTTPConnection(
            self.place.hostname, self.place.port, timeout=WAIT_S)
        with contextlib.closing(connection):
            connection.request('POST', '/__' + name,
                               json.dumps(command or {}))
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert response.status == 200, answer
            return answer

    def script(self, path, behaviour, **more):
        self.control('script', {'path': path, 'behaviour': behaviour, **more})

    def received(self):
        return self.control('received')
