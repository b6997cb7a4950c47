#!/usr/bin/env python3
"""An upstream that keeps registers and misbehaves.

    upstream.py SEED

Prints its port; with the end of its standard input it prints what it applied,
a JSON array of [register, id, number, time] per line, and ends.

A register is what a target says: of a contact the id of the last write, of
its tasks the id of the last one added, of anything else the body of the last
PUT. Every answer has an ETag with that id.
"""
import asyncio
import json
import random
import sys
import time

LOCATION = 'LocationOfTheChecker'
# (share of requests, what)
READ_FAULTS = ((0.015, 'error'), (0.01, 'reset'), (0.003, 'unauthorized'),
               (0.004, 'throttled'), (0.001, 'silence'))
WRITE_FAULTS = ((0.015, 'error'), (0.015, 'reset'), (0.02, 'error_after'),
                (0.03, 'reset_after'), (0.01, 'refused'),
                (0.004, 'throttled'), (0.001, 'silence_after'))
MEAN_DELAY_S = 0.002
LONG_DELAYS = (0.01, 0.05)  # share, and how long at most
SILENCE_S = 1.5
REASONS = {200: 'OK', 201: 'Created', 304: 'Not Modified'}


class Upstream:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.states = {}  # register: (id, number)
        self.applied = []

    def pick(self, faults):
        at = self.random.random()
        for share, what in faults:
            if at < share:
                return what
            at -= share
        return None

    async def pause(self):
        share, most = LONG_DELAYS
        await asyncio.sleep(
            self.random.uniform(0, most) if self.random.random() < share else
            self.random.expovariate(1 / MEAN_DELAY_S))

    def apply(self, register, name):
        number = self.states.get(register, ('', 0))[1] + 1
        self.states[register] = name, number
        self.applied.append((register, name, number, time.monotonic()))

    def body(self, path, state):
        """As GHL has it, as far as the proxy looks at it."""
        parts = path.split('/')
        if parts[1] != 'contacts':
            return {'id': parts[-1], 'state': state}
        if len(parts) == 4:
            return {'tasks': [{'id': state, 'contactId': parts[2],
                               'title': 't'}] if state else []}
        return {'contact': {'id': parts[2], 'locationId': LOCATION,
                            'firstName': state}}

    def written(self, method, path, body):
        """(register, id) of a write."""
        value = json.loads(body)
        if method == 'POST':
            return path, value['title']
        return path, value.get('firstName') or value['state']

    async def read(self, method, path, fields):
        await self.pause()
        fault = self.pick(READ_FAULTS)
        state = self.states.get(path, ('', 0))[0]
        await self.pause()
        if fault == 'reset':
            return None
        if fault == 'error':
            return refusal(500)
        if fault == 'throttled':
            return refusal(429)
        if fault == 'unauthorized':
            return refusal(401, 'Invalid JWT')
        if fault == 'silence':
            await asyncio.sleep(SILENCE_S)
        more = ['ETag: "%s"' % state]
        if not path.startswith('/contacts/'):
            more.append('Cache-Control: max-age=60')
        if fields.get('if-none-match') == '"%s"' % state:
            return answer(304, b'', more)
        return answer(200, json.dumps(self.body(path, state)).encode(), more,
                      method == 'HEAD')

    async def write(self, method, path, body):
        await self.pause()
        fault = self.pick(WRITE_FAULTS)
        if fault == 'refused':
            return refusal(422)
        if fault == 'throttled':
            return refusal(429)
        if fault == 'error':
            return refusal(500)
        if fault == 'reset':
            return None
        register, name = self.written(method, path, body)
        self.apply(register, name)
        await self.pause()
        if fault == 'reset_after':
            return None
        if fault == 'error_after':
            return refusal(502)
        if fault == 'silence_after':
            await asyncio.sleep(SILENCE_S)
        said = self.body(path, name)
        if method == 'POST':
            said = {'task': said['tasks'][0]}
        return answer(201 if method == 'POST' else 200,
                      json.dumps(said).encode())

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b'\r\n\r\n')
                first, *lines = head.decode('latin-1').split('\r\n')
                method, target, _ = first.split(' ')
                fields = dict(
                    (k.lower(), v) for k, v in
                    (x.split(': ', 1) for x in lines if x))
                body = await reader.readexactly(
                    int(fields.get('content-length', 0)))
                path = target.partition('?')[0]
                if method in ('GET', 'HEAD'):
                    data = await self.read(method, path, fields)
                else:
                    data = await self.write(method, path, body)
                if data is None:
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()


def answer(status, body, more=(), is_head=False):
    lines = ['HTTP/1.1 %d %s' % (status, REASONS.get(status, 'Said')),
             'Content-Type: application/json', *more]
    if status != 304:
        lines.append('Content-Length: %d' % len(body))
    head = ('\r\n'.join(lines) + '\r\n\r\n').encode()
    return head if is_head else head + body


def refusal(status, message='planned'):
    return answer(status, json.dumps({
        'statusCode': status, 'message': message}).encode())


async def main():
    upstream = Upstream(int(sys.argv[1]))
    server = await asyncio.start_server(upstream.serve, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for one in upstream.applied:
        print(json.dumps(one))
    sys.stdout.flush()


if __name__ == '__main__':
    asyncio.run(main())
