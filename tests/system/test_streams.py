#!/usr/bin/env python3
"""Answers that pass piece by piece.

STREAMS_LONG=1 runs the tests at full size: 60 MB at 1 MB/s, 100 downloads of
30 MB (some minutes).
"""
import contextlib
import json
import os
import selectors
import sys
import threading
import time

from rig import (WAIT_S, Daemon, Rig, directory, equal, is_sanitized, run,
                 test, true, wait_for)
from stream_origin import RECORDING, Reader, StreamOrigin, content

IS_LONG = bool(os.environ.get('STREAMS_LONG'))
MB = 1000 * 1000
LARGE = '/contacts/?locationId=loc1&limit=100'


class Setup:
    """A StreamOrigin and the daemon before it."""

    def __init__(self, *options):
        self.options = options
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack as stack:
            self.origin = stack.enter_context(StreamOrigin())
            state = os.path.join(stack.enter_context(directory()), 'state')
            self.daemon = Daemon(self.origin.url, state, *self.options)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind, failure, _trace):
        try:
            self.daemon.end_after(failure)
        finally:
            self.stack.close()

    def read(self, target, **more):
        return Reader(self.daemon.address, target, **more)

    def rss_anon(self):
        with open('/proc/%d/status' % self.daemon.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f
                        if line.startswith('RssAnon'))

    def logged(self, text, n=1):
        """The log is written in batches."""
        wait_for(lambda: self.daemon.log().count(text) >= n,
                 '%d times %r in the log' % (n, text))
        equal(self.daemon.log().count(text), n)

    def streams(self):
        return self.daemon.status()['origin']['streams']

    def settle(self):
        wait_for(lambda: self.streams() == 0, 'the last stream')


def recording(**query):
    return RECORDING + '?' + '&'.join('%s=%s' % q for q in query.items())


def stands(exchanges, seconds):
    """Waits until nothing was sent for so long."""
    last = [-1, 0]

    def is_still():
        sent = sum(x.sent for x in exchanges)
        if sent != last[0]:
            last[:] = sent, time.monotonic()
        return time.monotonic() - last[1] > seconds

    wait_for(is_still, 'a standstill')


def check_whole(reader, total, status=200, first=0):
    equal(reader.head()[0], status)
    body = reader.body()
    true(reader.is_whole, 'cut after %d bytes' % len(body))
    equal(len(body), total)
    true(body == content(first, total), 'wrong bytes')


# ---- what comes through ----

@test
def all_of_a_body_comes_through_whatever_frames_it():
    with Setup() as s:
        for query in {}, {'chunked': 1}, {'close': 1}, {
                'chunked': 1, 'piece': 37}:
            total = 3 * MB if 'piece' not in query else 100000
            for version in '1.1', '1.0':
                with s.read(recording(bytes=total, **query),
                            version=version) as r:
                    check_whole(r, total)
                    has_length = 'chunked' not in query and \
                        'close' not in query
                    equal('content-length' in r.fields, has_length)
                    equal(r.fields.get('transfer-encoding'),
                          None if has_length or version == '1.0'
                          else 'chunked')
                    equal(r.fields.get('connection'),
                          'close' if version == '1.0' else None)
        s.settle()


@test
def the_head_is_as_of_other_answers():
    with Setup() as s, s.read(recording(bytes=10)) as r:
        check_whole(r, 10)
        equal(r.fields['via'], '1.1 ghlmirror')
        equal(r.fields['cache-status'],
              'ghlmirror; fwd=bypass; fwd-status=200')
        equal(r.fields['x-upstream'], 'yes')
        true('keep-alive' not in r.fields, 'a hop-by-hop field passed')
        true('x-request-id' in r.fields and 'date' in r.fields, 'own fields')


@test
def an_answer_without_a_body_has_none():
    with Setup() as s, s.read(recording(bytes=5000), method='HEAD') as r:
        equal(r.head()[0], 200)
        equal(r.fields['content-length'], '5000')
        for status in 204, 304:
            r.ask('/mcp/x?status=%d' % status)
            equal(r.head()[0], status)
            true('transfer-encoding' not in r.fields, 'a body is announced')
            r.body()
        r.ask(recording(bytes=0))
        check_whole(r, 0)
        r.ask(recording(bytes=0, chunked=1))
        check_whole(r, 0)
        s.settle()


@test
def a_client_that_has_it_is_told_so():
    with Setup() as s, s.read(recording(bytes=9 * MB, etag=3), headers={
            'If-None-Match': '"v3"'}) as r:
        equal(r.head()[0], 304)
        r.ask(recording(bytes=9, etag=3))
        check_whole(r, 9)
        s.settle()


@test
def ranges_pass():
    with Setup() as s, s.read(recording(bytes=1000), headers={
            'Range': 'bytes=100-299', 'If-Range': '"v1"'}) as r:
        check_whole(r, 200, 206, 100)
        equal(r.fields['content-range'], 'bytes 100-299/1000')
        equal(r.fields['accept-ranges'], 'bytes')
        equal(s.origin.exchanges[0].fields['if-range'], '"v1"')
        r.ask(recording(bytes=1000), headers={'Range': 'bytes=2000-'})
        equal(r.head()[0], 416)
        r.body()
        r.ask('/mcp/x', headers={'Last-Event-ID': '7', 'Mcp-Session-Id': 'x'})
        r.head()
        r.body()
        equal(s.origin.exchanges[2].fields['last-event-id'], '7')
        equal(s.origin.exchanges[2].fields['mcp-session-id'], 'x')


@test
def requests_behind_a_stream_are_answered_after_it():
    with Setup() as s, s.read(recording(bytes=MB, rate=4 * MB)) as r:
        for n in range(1, 4):
            r.ask(recording(bytes=n, chunked=n % 2))
        check_whole(r, MB)
        for n in range(1, 4):
            check_whole(r, n)


@test
def events_pass_at_once():
    events = 40
    with Setup() as s, s.read('/mcp/sse?gap_ms=30&events=%d' % events) as r:
        equal(r.head()[0], 200)
        late = []
        for piece in r.pieces():
            for line in piece.split(b'\n\n')[:-1]:
                sent_at = float(line.split()[2])
                late.append(time.monotonic() - sent_at)
        true(r.is_whole, 'cut')
        equal(len(late), events)
        late.sort()
        print('# events: median %.2f ms, worst %.2f ms' % (
            late[events // 2] * 1000, late[-1] * 1000))
        true(late[events // 2] < 0.05, 'an event took %f s' % late[-1])


# ---- time ----

@test
def a_long_download_completes():
    """Though it takes far longer than any time limit."""
    total, rate = (60 * MB, MB) if IS_LONG else (2 * MB, MB)
    limits = ['--upstream-timeout', '500ms', '--stream-idle-timeout', '500ms',
              '--write-timeout', '500ms', '--idle-timeout', '500ms']
    if IS_LONG:
        limits = ['--upstream-timeout', '10s', '--stream-idle-timeout', '10s',
                  '--write-timeout', '10s']
    with Setup(*limits) as s, s.read(recording(
            bytes=total, rate=rate)) as r:
        start = time.monotonic()
        check_whole(r, total)
        print('# %d bytes in %.1f s' % (total, time.monotonic() - start))


@test
def a_head_that_does_not_come_is_not_waited_for_without_end():
    with Setup('--upstream-timeout', '300ms') as s, s.read(
            recording(bytes=5, head_ms=5000)) as r:
        equal(r.head()[0], 504)
        r.body()
        s.settle()


@test
def silence_of_the_upstream_ends_a_stream():
    with Setup('--stream-idle-timeout', '300ms') as s:
        with s.read(recording(bytes=10000, hold=5000)) as r:
            r.head()
            equal(r.body(), content(0, 5000))
            true(not r.is_whole, 'looks whole')
        s.settle()
        s.logged('detail=timeout')


@test
def a_slow_reader_is_not_silence_of_the_upstream():
    with Setup('--stream-idle-timeout', '200ms') as s, s.read(
            recording(bytes=20 * MB), rcvbuf=65536) as r:
        r.head()
        # Nothing moves for five times what the upstream may be silent.
        stands(s.origin.exchanges[:1], 1)
        r.rest, rest = b'', r.rest
        total = len(rest)
        while total < 20 * MB:
            got = r.sock.recv(1 << 20)
            true(got, 'cut after %d' % total)
            total += len(got)


# ---- what goes wrong ----

@test
def a_cut_upstream_shows():
    with Setup() as s:
        for query in {}, {'chunked': 1}:
            with s.read(recording(bytes=50000, cut=20000, **query)) as r:
                equal(r.head()[0], 200)
                equal(r.body(), content(0, 20000))
                true(not r.is_whole, 'looks whole')
        with s.read(recording(bytes=50000, cut=20000, chunked=1),
                    version='1.0') as r:
            r.head()
            try:
                r.body()
                raise AssertionError('a clean end')
            except ConnectionResetError:
                pass
        s.settle()
        equal(s.daemon.counter('streams_cut'), 3)
        equal(s.daemon.counter('streams'), 3)
        s.logged('status=200', 3)
        s.logged('detail=partial', 3)


@test
def a_client_that_leaves_frees_the_upstream():
    with Setup() as s:
        for is_slow in False, True:
            r = s.read(recording(bytes=500 * MB, rate=0 if is_slow
                                 else 2 * MB), rcvbuf=65536)
            with r:
                r.head()
                wait_for(lambda: s.origin.exchanges[-1].sent > 0, 'a byte')
            left_at = time.monotonic()
            x = s.origin.exchanges[-1]
            wait_for(lambda: x.is_over, 'the end of the transfer')
            took = x.over_at - left_at
            print('# upstream closed after %.0f ms' % (took * 1000))
            true(took < 1, 'closed after %f s' % took)
        s.settle()
        equal(s.daemon.counter('streams_cut'), 2)
        s.logged('detail=client-left', 2)


@test
def a_client_that_leaves_before_the_head_frees_the_upstream():
    with Setup() as s:
        for target in recording(bytes=5, head_ms=20000), '/mcp/x?head_ms=20000':
            with s.read(target):
                wait_for(lambda: len(s.origin.asked('head_ms')) == 1,
                         'the request')
                x = s.origin.exchanges.pop()
            left_at = time.monotonic()
            wait_for(lambda: x.is_over, 'the end of the transfer')
            took = x.over_at - left_at
            true(took < 1, 'closed after %f s' % took)
        wait_for(lambda: s.streams() == 0, 'the end of the streams')
        equal(s.daemon.counter('streams'), 0)
        equal(s.daemon.counter('waiters_gone'), 2)
        equal(s.daemon.counter('writes_unknown'), 0)
        s.logged('source=gone', 2)


@test
def a_client_that_leaves_a_tool_before_the_head_may_have_written():
    with Rig() as rig:
        c = Caller(rig)
        c.warm()
        rig.fault('latency', operation='mcp.message', ms=5000, act='last')
        start = time.monotonic()
        with c.post(c.name()):
            wait_for(lambda: rig.asked('mcp.message') == 1, 'the request')
        wait_for(lambda: rig.daemon.counter('writes_unknown') == 1,
                 'the movement')
        true(time.monotonic() - start < 4, 'the answer was waited for')
        # Nobody is told of it, so nobody waits for the commit but we.
        wait_for(lambda: not rig.get(c.target).is_hit, 'the commit')


@test
def a_slow_reader_holds_the_upstream_back():
    with Setup('--write-timeout', '60s') as s, s.read(
            recording(bytes=200 * MB), rcvbuf=65536) as r:
        r.head()
        x = s.origin.exchanges[0]
        stands([x], 0.2)
        print('# the upstream could send %d bytes' % x.sent)
        # Chunks, and what two kernels buffer.
        true(x.sent < 30 * MB, 'it sent %d' % x.sent)
        s.daemon.status()


@test
def too_many_streams_are_refused():
    with Setup('--max-streams', '2') as s:
        slow = recording(bytes=MB, rate=20000)
        with s.read(slow) as a, s.read(slow) as b:
            a.head()
            b.head()
            with s.read(recording(bytes=10)) as c:
                status, fields = c.head()
                equal((status, fields['retry-after']), (503, '1'))
                true(b'too many streams' in c.body(), 'says so')
            # What is no stream still passes.
            with s.read('/contacts/c1?bytes=10') as d:
                equal(d.head()[0], 200)
        s.settle()
        with s.read(recording(bytes=10)) as c:
            check_whole(c, 10)
        equal(s.daemon.counter('streams_refused'), 1)


@test
def streams_take_no_connection_from_others():
    with Setup('--upstream-connections', '1') as s:
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(s.read(
                    '/mcp/sse?events=1000&gap_ms=1000')).head()
            for n in range(5):
                with s.read('/contacts/c%d?bytes=10' % n) as r:
                    equal(r.head()[0], 200)


# ---- the end of the daemon ----

@test
def a_drain_waits_for_streams_until_its_deadline():
    with Setup('--drain', '1s') as s:
        with s.read(recording(bytes=500000, rate=MB)) as short, \
                s.read(recording(bytes=500 * MB, rate=MB)) as long:
            short.head()
            long.head()
            s.daemon.ask_to_stop()
            equal(short.body(), content(0, 500000))
            true(short.is_whole, 'cut')
            long.body()
            true(not long.is_whole, 'looks whole')
        s.daemon.wait()
        true('detail=stopping' in s.daemon.log(), 'the log says why')


# ---- reads that are too large to store ----

@test
def a_large_answer_to_a_read_passes():
    with Setup('--store-answer-max', '1MiB', '--max-answer', '2MiB') as s:
        for query in '', '&chunked=1':
            target = LARGE + '&bytes=%d%s' % (5 * MB, query)
            readers = [s.read(target) for _ in range(3)]
            for r in readers:
                with r:
                    check_whole(r, 5 * MB)
            # The first is stopped, then each gets its own.
            asked = len(s.origin.asked(target))
            true(4 <= asked <= 6, 'asked %d times' % asked)
            with s.read(target) as r:
                check_whole(r, 5 * MB)
            equal(len(s.origin.asked(target)), asked + 1)
            with s.read(target, method='HEAD') as r:
                equal(r.head()[0], 200)
            with s.read(target, headers={'If-None-Match': '"v1"'}) as r:
                equal(r.head()[0], 304)
        s.settle()
        equal(s.daemon.counter('stored'), 0)


@test
def what_turns_out_small_is_kept_again():
    with Setup('--store-answer-max', '1MiB') as s:
        target = '/contacts/c1'
        with s.read(target + '?bytes=%d' % (2 * MB)) as r:
            check_whole(r, 2 * MB)
        equal(s.daemon.counter('large_answers'), 1)
        with s.read(target + '?bytes=%d' % (2 * MB)) as r:
            check_whole(r, 2 * MB)
        equal((s.daemon.counter('large_answers'),
               s.daemon.counter('streams')), (1, 2))


@test
def a_large_answer_to_a_write_is_refused():
    with Setup('--max-answer', '1MiB') as s, s.read(
            '/contacts/c1?bytes=%d' % (3 * MB), method='PUT',
            body=b'{}') as r:
        equal(r.head()[0], 502)


# ---- /mcp/ ----

class Caller:
    """Calls tools of the sandbox, and reads contacts past them."""

    def __init__(self, rig):
        self.rig = rig
        self.contact = rig.contact()
        self.target = '/contacts/' + self.contact
        self.n = 0

    def message(self, name, has_progress=False):
        params = {'name': 'contacts_update-contact', 'arguments': {
            'contactId': self.contact, 'firstName': name}}
        if has_progress:
            params['_meta'] = {'progressToken': 'p'}
        return json.dumps({'jsonrpc': '2.0', 'id': 1,
                           'method': 'tools/call', 'params': params}).encode()

    def name(self):
        self.n += 1
        return 'Name%d' % self.n

    def post(self, name, query='', accept='text/event-stream', **more):
        token = self.rig.sandbox.tokens['full-1']
        return Reader(self.rig.address, '/mcp/' + query, 'POST', headers={
            'Accept': accept, 'Content-Type': 'application/json'},
            body=self.message(name, **more), token=token)

    def shown(self):
        answer = self.rig.get(self.target)
        return answer.json()['contact']['firstName']

    def warm(self):
        self.rig.get(self.target)
        self.rig.hit(self.target)


@test
def what_a_tool_wrote_is_read():
    with Rig() as rig:
        c = Caller(rig)
        for n in range(15):
            c.warm()
            name = c.name()
            with c.post(name, '?gap_ms=5', has_progress=n % 2) as r:
                equal(r.head()[0], 200)
                for piece in r.pieces():
                    # The result is here; the stream is not over.
                    if b'result' in piece:
                        equal(c.shown(), name)
                true(r.is_whole, 'cut')
            c.warm()
            name = c.name()
            with c.post(name, accept='application/json') as r:
                equal(r.head()[0], 200)
                equal(c.shown(), name)
                true(name.encode() in r.body(), 'the result')


@test
def what_a_tool_wrote_is_read_when_another_stream_tells_of_it():
    with Rig() as rig:
        c = Caller(rig)
        token = rig.sandbox.tokens['full-1']
        with Reader(rig.address, '/mcp/?gap_ms=20', token=token) as listener:
            equal(listener.head()[0], 200)
            pieces = listener.pieces()
            for _ in range(5):
                name = c.name()
                with c.post(name, '?answer=listen&gap_ms=200') as r:
                    equal(r.head()[0], 202)
                    r.body()
                # Whatever comes on the other stream moves tags, so this is
                # a hit or soon none.
                c.shown()
                c.shown()
                while b'result' not in next(pieces):
                    pass
                equal(c.shown(), name)


@test
def a_tool_that_answered_nothing_may_have_written():
    with Rig() as rig:
        c = Caller(rig)
        c.warm()
        rig.fault('reset_after', operation='mcp.message', count=1)
        name = c.name()
        with c.post(name, accept='application/json') as r:
            equal(r.head()[0], 504)
            true(b'may or may not' in r.body(), 'says so')
        equal(c.shown(), name)
        equal(rig.daemon.counter('writes_unknown'), 1)


@test
def a_client_that_leaves_a_tool_may_have_written():
    with Rig() as rig:
        c = Caller(rig)
        c.warm()
        name = c.name()
        with c.post(name, '?gap_ms=300&progress=1', has_progress=True) as r:
            r.head()
        wait_for(lambda: rig.daemon.counter('writes_unknown') == 1,
                 'the movement')
        true(not rig.get(c.target).is_hit, 'an unconfirmed answer is fresh')


@test
def what_mcp_refuses_moves_nothing():
    with Rig() as rig:
        c = Caller(rig)
        c.warm()
        rig.fault('status', operation='mcp.message', status=400)
        with c.post(c.name()) as r:
            equal(r.head()[0], 400)
            r.body()
        true(rig.get(c.target).is_hit, 'it moved')


@test
def a_session_of_mcp_ends():
    with Rig() as rig:
        equal(rig.call('DELETE', '/mcp/').status, 204)


# ---- what clients send ----

def multipart(n):
    return b'--x\r\nContent-Disposition: form-data; name="f"; ' \
        b'filename="a.bin"\r\n\r\n' + content(5, n) + b'\r\n--x--\r\n'


UPLOAD = '/conversations/messages/upload?bytes=2'
FORM = {'Content-Type': 'multipart/form-data; boundary=x'}


@test
def a_large_upload_passes_byte_for_byte():
    """However many threads there are."""
    with Setup('--threads', '16') as s:
        body = multipart(30 << 20)
        with s.read(UPLOAD, method='POST', headers=FORM, body=body) as r:
            equal(r.head()[0], 200)
        x, = s.origin.asked('upload')
        equal(x.fields['content-type'], FORM['Content-Type'])
        true(x.body == body, 'other bytes arrived')


@test
def uploads_share_one_budget():
    """Also while they wait for the upstream."""
    with Setup('--max-body', '8MiB', '--max-body-total', '10MiB') as s:
        body = multipart(7 << 20)
        slow = UPLOAD + '&head_ms=1500'
        with s.read(slow, method='POST', headers=FORM, body=body) as a:
            wait_for(lambda: s.origin.asked('upload'), 'the first upload')
            with s.read('/', method='GET') as b:
                b.head()
                b.body()
                with contextlib.suppress(ConnectionError):
                    b.ask(slow, 'POST', headers=FORM, body=body)
                status, fields = b.head()
                equal((status, fields['retry-after']), (503, '1'))
            equal(a.head()[0], 200)
            a.body()
        with s.read(UPLOAD, method='POST', headers=FORM, body=body) as r:
            equal(r.head()[0], 200)


# ---- memory ----

def read_all(readers, total):
    """Reads all of them side by side, without keeping what comes."""
    with selectors.DefaultSelector() as s:
        left = {}
        for r in readers:
            r.head()
            left[r] = total - len(r.rest)
            s.register(r.sock, selectors.EVENT_READ, r)
        while left:
            ready = s.select(WAIT_S)
            true(ready, '%d downloads stand still' % len(left))
            for key, _ in ready:
                r = key.data
                n = len(r.sock.recv(1 << 18))
                true(n > 0, 'cut')
                left[r] -= n
                if left[r] == 0:
                    del left[r]
                    s.unregister(r.sock)


@test
def many_downloads_take_little_memory():
    n, total = (100, 30 * MB) if IS_LONG else (100, 2 * MB)
    with Setup('--max-streams', '256') as s:
        before = s.rss_anon()
        peak = [before]
        is_over = threading.Event()

        def watch():
            while not is_over.wait(0.02):
                peak[0] = max(peak[0], s.rss_anon())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            readers = [s.read(recording(bytes=total)) for _ in range(n)]
            wait_for(lambda: len(s.origin.exchanges) == n, 'all')
            stands(s.origin.exchanges, 0.5)  # none reads: all is full
            read_all(readers, total)
        finally:
            is_over.set()
            watcher.join()
        for r in readers:
            r.sock.close()
        print('# %d x %d MB: RssAnon %.1f MiB before, %.1f MiB at most' % (
            n, total // MB, before / 2 ** 20, peak[0] / 2 ** 20))
        true(is_sanitized() or peak[0] < 128 * 2 ** 20,
             'RssAnon reached %d' % peak[0])
        s.settle()


if __name__ == '__main__':
    sys.exit(run())
