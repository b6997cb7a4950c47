"""Readers and writers over few records, against the real daemon, and what
happened to them.

    run = Load(seed, operations).run()
    run.violations
"""
import asyncio
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import time

from history import Applied, Purge, Read, Write, violations
from rig import Daemon, directory

HERE = os.path.dirname(os.path.abspath(__file__))
LOCATION = 'LocationOfTheChecker'
CONTACTS = 6
TOKENS = ('alice', 'bob', 'carol')
CLIENTS = 48
# Of the operations, one in so many.
RESTART_EVERY = 4000
PURGE_EVERY = 1500
CONFIGS = (
    # few reads reach the upstream; all expire now and then; some are asked
    # about again behind an answer
    '[route all]\nmatch = cache\nttl = 5m\n',
    '[route all]\nmatch = cache\nttl = 1s\n',
    '[route all]\nmatch = cache\nttl = 1s\nstale_while_revalidate = 1m\n',
)
READ_FIELDS = ((),) * 8 + (('Cache-Control: no-cache',),
                           ('Cache-Control: max-age=0',),
                           ('Cache-Control: only-if-cached',),
                           ('Cache-Control: max-stale',), 'etag', 'etag')


class Connection:
    """Of one client; opened anew when it broke."""

    def __init__(self, load):
        self.load = load
        self.streams = None

    async def call(self, method, target, token, body=None, fields=()):
        """(status, fields, body); None when it broke before the answer."""
        lines = ['%s %s HTTP/1.1' % (method, target), 'Host: localhost',
                 'Authorization: Bearer ' + token, 'Version: 2021-07-28',
                 *fields]
        if body is not None:
            lines += ['Content-Type: application/json',
                      'Content-Length: %d' % len(body)]
        data = ('\r\n'.join(lines) + '\r\n\r\n').encode() + (body or b'')
        try:
            if self.streams is None:
                self.streams = await asyncio.open_connection(
                    *self.load.daemon.address)
            reader, writer = self.streams
            writer.write(data)
            return await self.read(reader, method)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            await self.load.is_up.wait()  # it is being restarted
            return None

    async def read(self, reader, method):
        head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
        first, *lines = head.split('\r\n')
        fields = dict((k.lower(), v) for k, v in
                      (x.split(': ', 1) for x in lines if x))
        status = int(first.split(' ')[1])
        length = int(fields.get('content-length', 0))
        if method == 'HEAD' or status == 304:
            length = 0
        body = await reader.readexactly(length) if length else b''
        if fields.get('connection') == 'close':
            self.close()
        return status, fields, body

    def close(self):
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


class Load:
    def __init__(self, seed, operations, clients=CLIENTS):
        self.random = random.Random(seed)
        self.seed, self.operations, self.clients = seed, operations, clients
        self.ids = itertools.count(1)
        self.writes, self.reads, self.purges = [], [], []
        self.etags = {}
        self.done = self.restarts = 0
        self.contacts = ['%020d' % n for n in range(CONTACTS)]

    # ---- operations ----

    def target(self):
        contact = self.random.choice(self.contacts)
        return self.random.choices(
            ('/contacts/' + contact, '/contacts/%s/tasks' % contact,
             '/unknown/%s?locationId=%s' % (contact, LOCATION)),
            (60, 30, 10))[0]

    async def write(self, connection, target):
        name = 's%d-%d' % (self.seed, next(self.ids))
        register = target.partition('?')[0]
        method, value = 'PUT', {'firstName': name}
        if target.endswith('/tasks'):
            method, value = 'POST', {'title': name, 'dueDate':
                                     '2030-01-01T00:00:00Z',
                                     'completed': False}
        elif target.startswith('/unknown/'):
            value = {'state': name}
        sent = time.monotonic()
        got = await connection.call(
            method, target, self.random.choice(TOKENS),
            json.dumps(value).encode())
        answered = time.monotonic() if got else None
        self.writes.append(Write(register, name, sent, answered,
                                 got[0] if got else None))

    async def read(self, connection, target):
        register = target.partition('?')[0]
        fields = self.random.choice(READ_FIELDS)
        if fields == 'etag':
            etag = self.etags.get(register)
            fields = ('If-None-Match: ' + etag,) if etag else ()
        method = 'HEAD' if self.random.random() < 0.05 else 'GET'
        token = self.random.choice(TOKENS)
        sent = time.monotonic()
        got = await connection.call(method, target, token, None, fields)
        answered = time.monotonic()
        state = None
        is_doubtful, note = False, ''
        if got and got[0] in (200, 304):
            etag = got[1].get('etag')
            state = etag.strip('"') if etag else self.state_in(got[2])
            if etag and got[2] and self.state_in(got[2]) != state:
                raise AssertionError('head and body differ: %r' % (got,))
            self.etags[register] = etag
            note = got[1].get('cache-status', '')
            is_doubtful = 'detail=unconfirmed-write' in note
        self.reads.append(Read(register, 's%d-r%d' % (
            self.seed, len(self.reads)), sent, answered, state, is_doubtful,
            ' '.join((method, target, token, *fields, '->', note))))

    @staticmethod
    def state_in(body):
        value = json.loads(body)
        if 'contact' in value:
            return value['contact']['firstName']
        if 'tasks' in value:
            return value['tasks'][0]['id'] if value['tasks'] else ''
        return value['state']

    # ---- clients ----

    async def client(self):
        connection = Connection(self)
        is_writer = self.random.random() < 0.4
        while self.done < self.operations and not self.is_over:
            await self.is_up.wait()
            self.done += 1
            if self.done >= self.due_at:
                self.is_due.set()
            target = self.target()
            share = 0.3 if is_writer else 0.03
            if target.startswith('/unknown/'):
                share /= 8  # it moves all there is
            if self.random.random() < share:
                await self.write(connection, target)
            else:
                await self.read(connection, target)
        connection.close()

    async def trouble(self):
        """Purges and restarts, at random."""
        loop = asyncio.get_running_loop()
        restart_at = purge_at = 0
        while True:
            if restart_at <= self.done:
                if restart_at:
                    self.is_up.clear()
                    await loop.run_in_executor(None, self.restart)
                    self.is_up.set()
                restart_at = self.done + self.random.randint(
                    RESTART_EVERY // 2, RESTART_EVERY * 3 // 2)
            if purge_at <= self.done:
                if purge_at:
                    await loop.run_in_executor(None, self.purge)
                purge_at = self.done + self.random.randint(
                    PURGE_EVERY // 2, PURGE_EVERY * 3 // 2)
            self.due_at = min(restart_at, purge_at)
            self.is_due.clear()
            await self.is_due.wait()

    def restart(self):
        self.restarts += 1
        if self.random.random() < 0.5:
            self.daemon.kill()
        else:
            self.daemon.stop()
        self.start()

    def purge(self):
        contact = self.random.choice(self.contacts)
        what, registers = self.random.choice((
            (['--all'], None), (['--location', LOCATION], None),
            (['--contact', contact], ['/contacts/' + contact,
                                      '/contacts/%s/tasks' % contact])))
        sent = time.monotonic()
        self.daemon.purge(*what)
        self.purges.append(Purge(registers, sent, time.monotonic()))

    # ---- all of it ----

    def start(self):
        self.daemon = Daemon(
            'http://127.0.0.1:%d' % self.port, self.state_path,
            '--upstream-timeout', '1s', '--threads', '2',
            config=self.random.choice(CONFIGS))

    async def work(self):
        self.is_up = asyncio.Event()
        self.is_up.set()
        self.is_due = asyncio.Event()  # the next trouble
        self.due_at = 0
        self.is_over = False
        trouble = asyncio.create_task(self.trouble())
        clients = [asyncio.create_task(self.client())
                   for _ in range(self.clients)]
        ends = asyncio.gather(*clients)
        done, _ = await asyncio.wait(
            {trouble, ends}, return_when=asyncio.FIRST_COMPLETED)
        if trouble in done:
            self.is_over = True
            await trouble  # raises
        await ends
        trouble.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await trouble

    def run(self):
        """Itself; .violations, .writes, .reads, .purges, .restarts and
        .seconds are the result."""
        begun = time.monotonic()
        with subprocess.Popen(
                [sys.executable, os.path.join(HERE, 'upstream.py'),
                 str(self.seed)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as upstream:
            self.port = int(upstream.stdout.readline())
            with directory() as folder:
                self.state_path = os.path.join(folder, 'state')
                self.start()
                try:
                    asyncio.run(self.work())
                    self.daemon.stop()
                finally:
                    self.daemon.kill()
            said, _ = upstream.communicate()
        applied = [Applied(*json.loads(x)) for x in said.splitlines()]
        self.violations = violations(
            self.writes, self.reads, applied, self.purges)
        self.seconds = time.monotonic() - begun
        return self
