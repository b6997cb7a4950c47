#!/usr/bin/env python3
"""Runs the daemon under mixed load for long, and tells whether it grows.

    tests/bench/soak.py --requests 2000000
    tests/bench/soak.py --seconds 3600

GHLMIRROR names the program, as for the system tests; ./ghlmirror by default.
The load: stored reads by wrk when that is installed, and from several
processes misses, writes, searches, stale answers while the upstream is
away, upstream errors, refused garbage, clients that leave, uploads and slow
clients. Prints a line every so often and in the end what RssAnon and the
descriptors were in the second and in the last tenth. Exit 1 when RssAnon has
grown by more than 5 % or descriptors did not stay flat. Not part of
make check.
"""
import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import time

SYSTEM = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..',
                      'system')
sys.path.insert(0, SYSTEM)

from rig import Client, Rig, Session, message, percentile  # noqa: E402

# No answer lives long, so that all kinds of answers come all the time.
CONFIG = '''
[route one]
match = contacts.get-contact
ttl = 3s

[route searches]
match = read-post
ttl = 2s
'''
GARBAGE = [b'\r\n\r\n', b'GET\r\n\r\n', b'\x16\x03\x01\x00\xa5\x01',
           b'GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n',
           b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
           b'GET / HTTP/1.1\r\nHost: a\r\nX: ' + b'x' * 20000 + b'\r\n\r\n',
           b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
           b'zz\r\n']
GROWTH_PERCENT = 5
SAMPLES_PER_S = 5


# ---- what one process does, over and over ----

class Worker:
    def __init__(self, number, address, headers, location, contacts, times):
        self.chance = random.Random(number)
        self.address, self.location = address, location
        self.contacts, self.headers = contacts, headers
        self.session = Session(address, headers)
        self.times = times

    def contact(self):
        return '/contacts/' + self.chance.choice(self.contacts)

    def call(self, method, target, body=None):
        fields = {} if body is None else {'Content-Type': 'application/json'}
        return self.session.call(method, target, body, fields)

    def read(self):
        start = time.monotonic()
        answer = self.call('GET', self.contact())
        if answer.is_hit:
            self.times.append(1000 * (time.monotonic() - start))

    def miss(self):
        self.call('GET', '/contacts/?locationId=%s&limit=%d&query=%d' % (
            self.location, self.chance.randint(1, 20),
            self.chance.randrange(100000)))

    def search(self):
        self.call('POST', '/contacts/search', {
            'locationId': self.location,
            'pageLimit': self.chance.randint(1, 20)})

    def write(self):
        self.call('PUT', self.contact(), {
            'firstName': 'N%d' % self.chance.randrange(1000)})

    def note(self):
        self.call('POST', self.contact() + '/notes', {'body': 'x' * 500})

    def refused(self):
        self.call('GET', '/contacts/' + 'x' * 20)
        self.call('POST', '/contacts/', {'nonsense': 1})

    def garbage(self):
        with Client(self.address) as c:
            c.send(self.chance.choice(GARBAGE))
            c.sock.settimeout(0.2)
            with contextlib.suppress(OSError):
                c.sock.recv(1000)

    def leave(self):
        """In the middle of a message, or before the answer."""
        with Client(self.address) as c:
            data = message('GET', self.contact() + '/tasks', None,
                           self.headers)
            n = self.chance.choice((len(data),
                                    self.chance.randint(1, len(data))))
            c.send(data[:n])
            if self.chance.random() < 0.5:
                c.reset()

    def upload(self):
        body = b'x' * self.chance.choice((1000, 100000, 1 << 20))
        self.session.call('POST', '/medias/upload-file', body, {
            'Content-Type': 'multipart/form-data; boundary=b'})

    def run(self, until):
        steps = [(self.read, 60), (self.miss, 8), (self.search, 6),
                 (self.write, 5), (self.note, 2), (self.refused, 4),
                 (self.garbage, 5), (self.leave, 8), (self.upload, 2)]
        functions = [f for f, n in steps for _ in range(n)]
        while not until.is_set():
            try:
                self.chance.choice(functions)()
            except Exception:	# cut by the cap, a drop, a full table
                self.session.close()
        self.session.close()


def work(number, until, queue, *more):
    times = []
    Worker(number, *more, times).run(until)
    queue.put(times[-20000:])


# ---- all of it ----

class Soak:
    def __init__(self, options):
        self.options = options
        self.samples = []	# (share of the whole, RssAnon KiB, files)
        self.stack = contextlib.ExitStack()

    def sample(self):
        pid = self.rig.daemon.process.pid
        with open('/proc/%d/status' % pid, encoding='ascii') as f:
            anon = next(int(line.split()[1]) for line in f
                        if line.startswith('RssAnon'))
        return anon, len(os.listdir('/proc/%d/fd' % pid))

    def start_wrk(self, contacts):
        path = shutil.which('wrk')
        if path is None:
            print('no wrk: fewer stored reads', flush=True)
            return
        url = 'http://%s:%d/contacts/%s' % (*self.rig.address, contacts[0])
        fields = [x for pair in self.rig.headers().items()
                  for x in ('-H', '%s: %s' % pair)]
        process = subprocess.Popen(
            ['nice', path, '-t1', '-c8', '-d', '%ds' % 86400, *fields, url],
            stdout=subprocess.DEVNULL)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)

    def start_slow(self):
        process = subprocess.Popen(
            ['nice', sys.executable, os.path.join(SYSTEM, 'slow_peers.py'),
             '--address=%s:%d' % self.rig.address, '--count=60',
             '--kinds=silent,head,body'], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL)
        self.stack.callback(process.wait)
        self.stack.callback(process.stdin.close)
        return process

    def start_workers(self, contacts):
        # A fork would keep the sockets of the gateway open.
        context = multiprocessing.get_context('spawn')
        self.until = context.Event()
        self.queue = context.Queue()
        self.workers = [context.Process(target=work, args=(
            n, self.until, self.queue, self.rig.address,
            self.rig.headers('full-1' if n % 2 else 'second-full-1'),
            self.rig.location, contacts))
            for n in range(self.options.workers)]
        for worker in self.workers:
            worker.start()

    def done(self):
        requests = self.rig.daemon.counter('requests')
        seconds = time.monotonic() - self.start
        return max(requests / self.options.requests
                   if self.options.requests else 0,
                   seconds / self.options.seconds
                   if self.options.seconds else 0), requests, seconds

    def trouble(self, turn):
        """The upstream is away, or fails, for a second of each ten."""
        gateway = self.rig.gateway
        if turn % 10 == 3:
            gateway.set_mode('refuse')
        elif turn % 10 == 4:
            gateway.set_mode('open')
        elif turn % 10 == 7:
            self.rig.fault('status', status=500)
        elif turn % 10 == 8:
            self.rig.no_faults()

    def watch(self):
        turn, shown = 0, -1
        share = 0
        while share < 1:
            turn += 1
            self.trouble(turn)
            for _ in range(SAMPLES_PER_S):
                time.sleep(1 / SAMPLES_PER_S)
                anon, files = self.sample()
                self.samples.append((share, anon, files))
            share, requests, seconds = self.done()
            if int(share * 20) > shown:
                shown = int(share * 20)
                print('%3d %% %8d requests %5d s  RssAnon %6d KiB  %d files'
                      % (100 * share, requests, seconds, anon, files),
                      flush=True)
            if turn % 15 == 0:	# theirs have been cut by now
                self.slow.stdin.close()
                self.slow.wait()
                self.slow = self.start_slow()

    def finish(self):
        self.until.set()
        times = [t for _ in self.workers for t in self.queue.get()]
        for worker in self.workers:
            worker.join()
        return times

    def window(self, first, last, column):
        return statistics.median(s[column] for s in self.samples
                                 if first <= s[0] <= last)

    def report(self, times):
        early, late = (self.window(*w, 1) for w in ((.1, .2), (.9, 1)))
        files = [self.window(*w, 2) for w in ((.1, .2), (.9, 1))]
        growth = 100 * (late - early) / early
        counters = self.rig.daemon.status()['counters']
        print(json.dumps({k: v for k, v in counters.items() if v}))
        print('RssAnon %d KiB in the second tenth, %d KiB in the last: '
              '%+.1f %%' % (early, late, growth))
        print('descriptors %d, then %d' % tuple(files))
        print('hits beside all that: p50 %.2f ms, p99 %.2f ms' % (
            percentile(times, 50), percentile(times, 99)))
        return growth <= GROWTH_PERCENT and files[1] <= files[0] + 20

    def run(self):
        with Rig('--contacts', '200', gateway=True, config=CONFIG, options=[
                '--log-requests', 'no', '--stale-wait', '300ms',
                '--header-timeout', '5s', '--body-timeout', '5s']) as rig, \
                self.stack:
            self.rig = rig
            listed = rig.get('/contacts/?limit=100&locationId=' +
                             rig.location)
            contacts = [c['id'] for c in listed.json()['contacts']]
            self.start = time.monotonic()
            self.start_wrk(contacts)
            self.slow = self.start_slow()
            self.start_workers(contacts)
            try:
                self.watch()
            finally:
                times = self.finish()
            rig.gateway.set_mode('open')
            return self.report(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--requests', type=int, default=0)
    parser.add_argument('--seconds', type=int, default=0)
    parser.add_argument('--workers', type=int, default=3)
    options = parser.parse_args()
    if not options.requests and not options.seconds:
        options.seconds = 60
    return 0 if Soak(options).run() else 1


if __name__ == '__main__':
    sys.exit(main())
