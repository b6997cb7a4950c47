"""Processes for test_evict.py: an origin that has any contact, a client that
asks for new ones all the time, and one that reads a hot set over and over.

    evict_load.py origin                       prints its port
    evict_load.py cold HOST PORT FIRST BYTES BYTES_PER_S
                                               until that much came, no faster
                                               than that; prints requests
    evict_load.py hot HOST PORT N              until its stdin ends; prints JSON

Processes and not threads: what is measured is the daemon, and not who holds
Python's lock.
"""
import asyncio
import hashlib
import json
import re
import select
import sys
import time

from front_rig import Client

# What real answers are like: most are small, few are large.
SIZES = (700, 3000, 9000, 9000, 20000, 20000, 60000, 200000)


def contact_id(kind, number):
    return '%s%s' % (kind, str(number).rjust(20 - len(kind), '0'))


def size_of(contact):
    if contact.startswith('hot'):
        return 9000
    return SIZES[hashlib.md5(contact.encode()).digest()[0] % len(SIZES)]


def body_of(contact):
    return json.dumps({'contact': {
        'id': contact, 'locationId': 'loc', 'source': 'x' * size_of(contact),
    }}).encode()


def message(contact):
    return ('GET /contacts/%s HTTP/1.1\r\nHost: h\r\nVersion: 2021-07-28\r\n'
            'Authorization: Bearer t\r\n\r\n' % contact).encode()


class Origin(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.data = b''

    def data_received(self, data):
        self.data += data
        while b'\r\n\r\n' in self.data:
            head, _, self.data = self.data.partition(b'\r\n\r\n')
            found = re.match(rb'GET /contacts/(\w+) ', head)
            body = body_of(found[1].decode())
            self.transport.write(
                b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                b'Content-Length: %d\r\n\r\n%b' % (len(body), body))


async def serve():
    server = await asyncio.get_running_loop().create_server(
        Origin, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def ask_for_new(address, first, limit, bytes_per_s):
    """Several at a time, on a connection each."""
    clients = [Client(address) for _ in range(8)]
    number, received = first, 0
    start = time.monotonic()
    while received < limit:
        ahead_s = received / bytes_per_s - (time.monotonic() - start)
        if ahead_s > 0:
            time.sleep(ahead_s)
        for c in clients:
            c.send(message(contact_id('cold', number)))
            number += 1
        for c in clients:
            answer = c.response()
            assert answer.status == 200, answer.status
            received += len(answer.body)
    print(number - first)


def read_hot(address, count):
    """How many reads, how many of them hits, and their milliseconds."""
    hits, times = 0, []
    with Client(address) as c:
        number = 0
        while not select.select([sys.stdin], [], [], 0.0003)[0]:
            contact = contact_id('hot', number % count)
            start = time.perf_counter()
            c.send(message(contact))
            answer = c.response()
            took = 1000 * (time.perf_counter() - start)
            assert answer.status == 200, answer.status
            assert len(answer.body) > size_of(contact), 'damaged'
            if 'hit' in answer.field('cache-status'):
                hits += 1
                times.append(took)
            number += 1
    times.sort()
    print(json.dumps({
        'reads': number, 'hits': hits, 'max': times[-1] if times else 0,
        'p50': times[len(times) // 2] if times else 0,
        'p99': times[len(times) * 99 // 100] if times else 0}))


def main(role, *arguments):
    if role == 'origin':
        asyncio.run(serve())
        return
    address = arguments[0], int(arguments[1])
    if role == 'cold':
        ask_for_new(address, *map(int, arguments[2:]))
    else:
        read_hot(address, int(arguments[2]))


if __name__ == '__main__':
    main(*sys.argv[1:])
