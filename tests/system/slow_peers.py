#!/usr/bin/env python3
"""Clients that are slow in every way a client can be, many in one process.

    slow_peers.py --address HOST:PORT --target /large --count 2000
                  --kinds head,body,unread

opens count connections, in turn of each kind, prints "ready" when all have
done their first part, then goes on with a byte per second and connection
until standard input ends. Then it prints a JSON line of each kind: how many
were opened, and how many the server has ended.

Kinds: silent (sends nothing), head (a byte of a head each second), big-head
(as much of a head as is allowed, then bytes), body (a byte of a body each
second), big-body (most of a body at once, then bytes), unread (asks for
target and reads nothing), sip (asks, and reads a byte each second).
"""
import argparse
import json
import os
import resource
import select
import socket
import struct
import sys
import time

STEPS = 20	# parts of a second, each with its share of the connections
HEAD = b'GET /contacts/x HTTP/1.1\r\nHost: a\r\n'
POST = b'POST /contacts/ HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n'


def first_parts_of(options):
    """What each kind sends at first."""
    fields = ''.join(f + '\r\n' for f in options.field).encode()
    ask = HEAD.replace(b'/contacts/x', options.target) + fields + b'\r\n'
    return {
        'silent': b'',
        'head': HEAD,
        'big-head': HEAD + b'X: ' + b'x' * options.head_bytes,
        'body': POST % 100000,
        'big-body': POST % (options.body_bytes + 100000) +
        b'x' * options.body_bytes,
        'unread': ask,
        'sip': ask}


class Peer:
    def __init__(self, kind, first, options):
        self.kind = kind
        self.is_over = False
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(20)
        self.sock.connect(options.address)
        self.rest = memoryview(first)
        self.sock.setblocking(False)

    def push(self):
        """Sends what it can of its first part; true when that is out."""
        try:
            while self.rest and not self.is_over:
                self.rest = self.rest[self.sock.send(self.rest):]
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True
        return not self.rest or self.is_over

    def step(self):
        """A second has passed."""
        if self.is_over or not self.push():
            return
        try:
            if self.kind in ('head', 'big-head', 'body', 'big-body'):
                self.sock.send(b'x')
            if self.kind == 'sip':
                self.sock.recv(1)
            elif self.kind != 'unread' and self.is_answered():
                self.is_over = True
            elif self.kind == 'unread' and self.has_failed():
                self.is_over = True
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True

    def is_answered(self):
        """A refusal, or the end: either is the end of this client."""
        self.sock.recv(1 << 16)
        return True

    def has_failed(self):
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def raise_limit(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return min(count, max(soft, hard) - 100)


def send_first_parts(peers):
    left = [p for p in peers if not p.push()]
    while left:
        select.select([], [p.sock for p in left[:500]], [], 0.1)
        left = [p for p in left if not p.push()]


def is_input_over():
    return bool(select.select([sys.stdin], [], [], 0)[0]) and \
        not os.read(0, 4096)


def go_on(peers):
    number = 0
    due = time.monotonic()
    while not is_input_over():
        for peer in peers[number % STEPS::STEPS]:
            peer.step()
        number += 1
        due = max(due + 1 / STEPS, time.monotonic())
        time.sleep(due - time.monotonic() if due > time.monotonic() else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--address', required=True)
    parser.add_argument('--target', default='/large')
    parser.add_argument('--field', action='append', default=[])
    parser.add_argument('--count', type=int, default=100)
    parser.add_argument('--kinds', default='head,body,unread,sip,silent')
    parser.add_argument('--head-bytes', type=int, default=15000)
    parser.add_argument('--body-bytes', type=int, default=30 << 20)
    options = parser.parse_args()
    host, _, port = options.address.rpartition(':')
    options.address = host, int(port)
    options.target = options.target.encode()
    kinds = options.kinds.split(',')
    count = raise_limit(options.count)
    firsts = first_parts_of(options)
    peers = [Peer(kind, firsts[kind], options) for n in range(count)
             for kind in [kinds[n % len(kinds)]]]
    send_first_parts(peers)
    print('ready', flush=True)
    go_on(peers)
    print(json.dumps({kind: [
        sum(1 for p in peers if p.kind == kind),
        sum(1 for p in peers if p.kind == kind and p.is_over)]
        for kind in kinds}), flush=True)
    for peer in peers:	# no port of ours is to wait for a while
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        peer.sock.close()


if __name__ == '__main__':
    main()
