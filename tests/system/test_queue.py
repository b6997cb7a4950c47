#!/usr/bin/env python3
"""More requests than connections to the upstream: they wait for their turn,
and what nobody wants any more when it comes is never sent."""

import contextlib
import json
import os
import re
import sys
import threading
import time

from rig import (WAIT_S, Daemon, Storm, directory, equal, message, run, test,
                 true, wait_for)
from upstreams import ThreadedOrigin

CONFIG = '''
[route records]
match = cache
ttl = 1s
stale_while_revalidate = 0s
'''
TOKEN = {'Authorization': 'Bearer t', 'Version': '2021-07-28'}
TTL_S = 1.05	# over by then
PASSED = '/marketplace/billing/charges/has-funds'


class Asked:
    """One request that arrived. Its answer shows the name as of then."""

    def __init__(self, method, target, name):
        self.method = method
        self.target = target
        self.name = name
        self.may_go = threading.Event()

    def __str__(self):
        return '%s %s' % (self.method, self.target)


class HeldOrigin(ThreadedOrigin):
    """An upstream that answers when it is told to: requests whose target has
    a text of self.held wait for let_go. A PUT changes the name in all answers
    to what arrives later."""

    def __init__(self):
        self.name = 'Old'
        self.held = set()
        self.asked = []
        super().__init__()

    def go_away(self):
        super().go_away()
        self.let_go()

    def let_go(self, part=''):
        self.held = {h for h in self.held if part not in h}
        for x in self.asked:
            if part in x.target:
                x.may_go.set()

    def seen(self, part=''):
        return [str(x) for x in self.asked if part in x.target]

    def serve_one(self, sock, stream):
        line = stream.readline().decode().split()
        if not line:
            return False
        method, target, _ = line
        length = 0
        while (line := stream.readline().strip()):
            if line.lower().startswith(b'content-length:'):
                length = int(line.split(b':')[1])
        body = stream.read(length)
        if method == 'PUT':
            self.name = json.loads(body)['firstName']
        x = Asked(method, target, self.name)
        is_held = any(h in target for h in self.held)
        self.asked.append(x)
        if is_held:
            x.may_go.wait()
        answer = json.dumps({'contact': {'firstName': x.name}}).encode()
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                     b'Content-Length: %d\r\n\r\n%s' % (len(answer), answer))
        return True


class Queue:
    """A HeldOrigin, and the daemon before it with few connections to it."""

    def __init__(self, *options, connections=1):
        self.options = ['--upstream-connections', str(connections), *options]
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack as stack:
            self.origin = stack.enter_context(HeldOrigin())
            state = os.path.join(stack.enter_context(directory()), 'state')
            self.daemon = Daemon(self.origin.url, state, *self.options,
                                 config=CONFIG)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind, failure, _trace):
        self.origin.let_go()
        try:
            self.daemon.end_after(failure)
        finally:
            self.stack.close()

    def clients(self, *requests):
        """A client for each, which has not asked yet."""
        return Storm(self.daemon.address, [
            message(*request, headers=TOKEN) for request in requests])

    def ask(self, *request):
        with self.clients(request) as storm:
            storm.send()
            return storm.answers()[0]

    @contextlib.contextmanager
    def busy(self, target='/contacts/busy', method='GET', body=None):
        """The only connection has something to do."""
        self.origin.held.add(target)
        with self.clients((method, target, body)) as storm:
            storm.send()
            wait_for(lambda: self.origin.seen(target), target)
            yield storm

    def await_queued(self, n):
        wait_for(lambda: self.work('queued') == n, '%d to wait' % n)

    def work(self, name):
        return self.daemon.status()['origin'][name]

    def logged(self, target):
        """The fields of that request's line."""
        mark = ' target=%s ' % target
        wait_for(lambda: mark in self.daemon.log(), mark)
        line = next(x for x in self.daemon.log().splitlines() if mark in x)
        return dict(re.findall(r'(\w+)=(\S+)', line))


def pause(seconds):
    start = time.monotonic()
    wait_for(lambda: time.monotonic() - start > seconds, 'some time')


def name_of(answer):
    return answer.json()['contact']['firstName']


# ---- clients that leave ----

@test
def what_nobody_wants_is_not_sent():
    with Queue() as q, q.busy() as busy:
        wanted = [('GET', '/contacts/c%d' % n) for n in range(20)]
        wanted += [('PUT', '/contacts/c0', {'firstName': 'New'}),
                   ('POST', '/contacts/', {'firstName': 'New'}),
                   ('GET', PASSED)]
        with q.clients(*wanted) as storm:
            storm.send()
            q.await_queued(len(wanted))
            equal((q.work('flights'), q.work('passages')), (21, 3))
        q.await_queued(0)
        equal((q.work('flights'), q.work('passages')), (1, 0))
        q.origin.let_go()
        equal(busy.answers()[0].status, 200)
        equal(q.ask('GET', '/contacts/last').status, 200)
        equal(q.origin.seen(), ['GET /contacts/busy', 'GET /contacts/last'])
        counters = q.daemon.status()['counters']
        equal([counters[x] for x in (
            'waiters_gone', 'dropped', 'moves', 'writes_unknown')],
            [23, 23, 0, 0])
        equal(q.logged('/contacts/c19')['source'], 'gone')


@test
def one_that_stays_keeps_the_flight():
    with Queue() as q, q.busy():
        with q.clients(*[('GET', '/contacts/c1')] * 3) as storm:
            for n in range(3):
                storm.send([n])
                wait_for(lambda n=n: q.daemon.counter('coalesced') == n,
                         'the waiter')
            storm.cut(0)
            storm.cut(2)
            wait_for(lambda: q.daemon.counter('waiters_gone') == 2, 'leaving')
            equal(q.work('queued'), 1)
            q.origin.let_go()
            equal(storm.answers([1])[0].status, 200)
        equal(q.origin.seen('c1'), ['GET /contacts/c1'])
        equal(q.daemon.counter('dropped'), 0)


@test
def what_was_sent_goes_on():
    with Queue() as q:
        with q.busy('/contacts/c1', 'PUT', {'firstName': 'New'}):
            pass
        wait_for(lambda: q.daemon.counter('waiters_gone') == 1, 'leaving')
        q.origin.let_go()
        wait_for(lambda: q.daemon.counter('writes') == 1, 'the write')
        equal((q.daemon.counter('moves'), q.daemon.counter('dropped')), (1, 0))


@test
def who_was_served_stale_has_it_renewed():
    """Although nobody waits for the queued flight any more."""
    with Queue('--stale-wait', '100ms') as q:
        equal(q.ask('GET', '/contacts/c1').status, 200)
        q.daemon.settle()
        pause(TTL_S)
        with q.busy():
            equal(q.ask('GET', '/contacts/c1').detail, 'upstream-slow')
            equal(q.origin.seen('c1'), ['GET /contacts/c1'])
            equal(q.work('queued'), 1)
            q.origin.let_go()
            wait_for(lambda: len(q.origin.seen('c1')) == 2, 'the renewal')


# ---- order ----

@test
def first_come_first_served():
    with Queue() as q, q.busy() as busy:
        wanted = [('GET', '/contacts/c1'), ('PUT', '/contacts/c2', {
            'firstName': 'New'}), ('GET', '/contacts/c3'), ('GET', PASSED),
            ('DELETE', '/contacts/c4'), ('GET', '/contacts/c5')]
        with q.clients(*wanted) as storm:
            for n in range(len(wanted)):
                storm.send([n])
                q.await_queued(n + 1)
            pause(0.2)
            q.origin.let_go()
            equal({a.status for a in storm.answers()}, {200})
        equal(busy.answers()[0].status, 200)
        equal(q.origin.seen()[1:], ['%s %s' % x[:2] for x in wanted])
        times = q.logged('/contacts/c5')
        true(float(times['wait_ms']) >= 200, times)
        true(float(times['upstream_ms']) < float(times['wait_ms']), times)
        equal(q.daemon.counter('dropped'), 0)


@test
def as_many_as_connections_at_a_time():
    with Queue(connections=3) as q:
        q.origin.held.add('/contacts/')
        with q.clients(*[('GET', '/contacts/c%d' % n)
                         for n in range(8)]) as storm:
            storm.send()
            q.await_queued(5)
            wait_for(lambda: len(q.origin.seen()) == 3, 'three')
            equal(q.daemon.counter('upstream_requests'), 3)
            q.origin.let_go()
            equal({a.status for a in storm.answers()}, {200})


# ---- read your writes ----

@test
def a_read_that_waited_for_a_write_is_shared_after_it():
    with Queue() as q:
        with q.busy('/contacts/c1', 'PUT', {'firstName': 'New'}) as writer, \
                q.clients(*[('GET', '/contacts/c1')] * 2) as readers:
            readers.send([0])
            q.await_queued(1)
            put = q.origin.asked[0]
            put.may_go.set()
            equal(name_of(writer.answers()[0]), 'New')
            # Sent after the write was decided, so it is good for all who
            # come after its answer.
            wait_for(lambda: len(q.origin.seen()) == 2, 'the read')
            readers.send([1])
            wait_for(lambda: q.daemon.counter('coalesced') == 1, 'the second')
            q.origin.let_go()
            answers = readers.answers()
        equal([name_of(a) for a in answers], ['New', 'New'])
        q.daemon.settle()
        equal(q.origin.seen(), ['PUT /contacts/c1', 'GET /contacts/c1'])
        equal(q.daemon.counter('flights_redispatched'), 0)
        true('stored' in answers[0].cache, answers[0].cache)


@test
def a_read_sent_before_a_write_is_not_shared_after_it():
    with Queue(connections=2) as q:
        q.origin.held |= {'/contacts/c1', '/contacts/other'}
        with q.clients(('GET', '/contacts/c1'), ('PUT', '/contacts/c1', {
                'firstName': 'New'}), ('GET', '/contacts/other'),
                ('GET', '/contacts/c1')) as storm:
            for n in range(2):
                storm.send([n])
                wait_for(lambda n=n: len(q.origin.seen()) == n + 1, 'it')
            storm.send([2])
            q.await_queued(1)
            q.origin.asked[1].may_go.set()
            equal(name_of(storm.answers([1])[0]), 'New')
            # The record is to be fetched anew, and that has to wait.
            wait_for(lambda: len(q.origin.seen('other')) == 1, 'the other')
            q.await_queued(1)
            storm.send([3])
            wait_for(lambda: q.daemon.counter('coalesced') == 1, 'the late')
            q.origin.let_go()
            early, late = storm.answers([0, 3])
        equal((name_of(early), name_of(late)), ('Old', 'New'))
        q.daemon.settle()
        equal(q.origin.seen('c1'), ['GET /contacts/c1', 'PUT /contacts/c1',
                                    'GET /contacts/c1'])
        equal(name_of(q.ask('GET', '/contacts/c1')), 'New')


# ---- an upstream that goes away, or hangs ----

@test
def an_outage_empties_the_queue():
    with Queue('--stale-wait', '60s') as q:
        reads = [('GET', '/contacts/c%d' % n) for n in range(10)]
        others = [('GET', '/contacts/new'), ('PUT', '/contacts/c1', {
            'firstName': 'New'})]
        for read in reads:
            equal(q.ask(*read).status, 200)
        q.daemon.settle()
        pause(TTL_S)
        with q.busy() as busy, q.clients(*reads, *others) as storm:
            storm.send()
            q.await_queued(len(reads) + len(others))
            start = time.monotonic()
            q.origin.go_away()
            answers = storm.answers()
            took = time.monotonic() - start
            true(took < 1, 'the last answer took %.1f s' % took)
            equal(busy.answers()[0].status, 504)
        for answer in answers[:len(reads)]:
            equal((answer.status, answer.is_hit, answer.detail),
                  (200, True, 'connect'))
        equal([a.status for a in answers[len(reads):]], [503, 503])
        equal(q.daemon.counter('moves'), 0)
        equal(q.daemon.counter('dropped'), 0)


@test
def waiting_has_an_end():
    """Behind an upstream that hangs: unsent, and said to be."""
    with Queue('--upstream-timeout', '1s') as q:
        q.origin.held.add('/contacts/')
        with q.busy() as busy, q.clients(*[
                ('PUT', '/contacts/c%d' % n, {'firstName': 'New'})
                for n in range(8)]) as storm:
            storm.send()
            answers = storm.answers()
            equal(busy.answers()[0].status, 504)
        unsent = [a for a in answers if a.status == 503]
        true(len(unsent) >= 5, [a.status for a in answers])
        for answer in unsent:
            equal(answer.detail, 'busy')
            true('nothing was sent' in answer.json()['message'], answer.body)
            true(answer.ms < 3500, 'after %d ms' % answer.ms)
        equal(len(q.origin.seen('/contacts/c')), 8 - len(unsent))
        equal(q.daemon.counter('writes_unknown'), 8 - len(unsent))


@test
def a_stop_does_not_wait_for_the_queue():
    with Queue('--drain', '200ms') as q, q.busy():
        with q.clients(('GET', '/contacts/c1'), ('PUT', '/contacts/c2', {
                'firstName': 'New'})) as storm:
            storm.send()
            q.await_queued(2)
            q.daemon.ask_to_stop()
            equal([a.status for a in storm.answers()], [503, 504])
            q.daemon.wait(WAIT_S)
        equal(q.origin.seen(), ['GET /contacts/busy'])


if __name__ == '__main__':
    sys.exit(run())
