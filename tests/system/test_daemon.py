#!/usr/bin/env python3
"""The daemon's life: who else is there, what it finds, how it ends, and what
it never tells."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time

from rig import (PROGRAM, Client, Daemon, Rig, Storm, directory, equal, run,
                 test, true, wait_for)

UPDATE = 'contacts.update-contact'


def serve(*arguments):
    """A daemon that should not start."""
    return subprocess.run(
        [PROGRAM, 'serve', '--upstream', 'http://127.0.0.1:9', *arguments],
        capture_output=True, text=True, timeout=60)


def check_refused(done, *words):
    equal((done.returncode, done.stdout), (1, ''))
    for word in words:
        true(word in done.stderr, '%r is not in %r' % (word, done.stderr))


# ---- who else is there ----

@test
def port_of_another_daemon():
    """Its threads share the port among them, but with nobody else."""
    with Rig() as rig, directory() as place:
        port = '127.0.0.1:%d' % rig.address[1]
        check_refused(serve('--state', place + '/b', '--listen', port),
                      port, 'in use')
        equal(rig.get('/-/health').status, 200)


@test
def port_of_something_else():
    with directory() as place, socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = '127.0.0.1:%d' % other.getsockname()[1]
        check_refused(serve('--state', place + '/b', '--listen', port),
                      port, 'in use')


@test
def state_of_another_daemon():
    with Rig() as rig:
        done = serve('--state', rig.state, '--listen', '127.0.0.1:0')
        check_refused(done, rig.state, 'in use by another ghlmirror',
                      'process %d' % rig.daemon.process.pid)
        # It neither took the socket away nor touched what is stored.
        equal(rig.daemon.status()['store']['state'], 'serving')


@test
def state_that_cannot_be_used():
    with directory() as place:
        for name in ('file', 'full/of/things'):
            os.makedirs(place + '/full/of', exist_ok=True)
            with open(place + '/' + name, 'w', encoding='utf-8') as f:
                f.write('x')
        os.chmod(place + '/full/of', 0o755)
        listen = ['--listen', '127.0.0.1:0']
        check_refused(serve('--state', place + '/file', *listen),
                      place + '/file', 'not a directory')
        check_refused(serve('--state', place + '/file/below', *listen),
                      place + '/file')
        check_refused(serve('--state', place + '/full/of', *listen),
                      place + '/full/of', 'other files')
        check_refused(serve('--state', '/proc/ghlmirror', *listen),
                      '/proc/ghlmirror')
        if os.geteuid() != 0:
            os.mkdir(place + '/closed', 0o000)
            check_refused(serve('--state', place + '/closed', *listen),
                          place + '/closed', 'Permission denied')
        check_refused(serve('--state', place + '/s', '--log-file',
                            place + '/none/log', *listen), '/none/log')


# ---- what it finds ----

def change_file(path, old, new):
    """The number of places changed."""
    with open(path, 'r+b') as f:
        data = f.read()
        f.seek(0)
        f.write(data.replace(old, new))
    return data.count(old)


@test
def damaged_records_are_misses():
    """Flipped bytes in a body and in a key."""
    with Rig() as rig:
        contacts = [c['id'] for c in rig.direct(
            'GET', '/contacts/?locationId=' + rig.location)[2]['contacts']]
        targets = ['/contacts/' + c for c in contacts[:3]]
        wants = [rig.warm(t).body for t in targets]
        rig.hang_up()
        rig.daemon.stop()
        data = rig.state + '/cache/data.mdb'
        at = wants[0].index(b'"email"')
        true(change_file(data, wants[0][at:at + 30], b'x' * 30), 'no body')
        true(change_file(data, targets[1].encode(),
                         targets[1][:-1].encode() + b'~'), 'no key')
        rig.start()
        for target, want, is_whole in zip(targets, wants,
                                          (False, False, True)):
            got = rig.get(target)
            equal((target, got.status, got.is_hit, got.body),
                  (target, 200, is_whole, want))
        for target, want in zip(targets, wants):
            equal(rig.hit(target).body, want)


@test
def a_damaged_store_is_made_anew():
    """Requests are served whatever lies in the cache's file."""
    def zeroed(f, size):
        f.write(bytes(min(size, 8192)))

    def random_start(f, _):
        f.write(os.urandom(8192))

    def cut(f, size):
        f.truncate(size // 2)

    def empty(f, _):
        f.truncate(0)

    for damage in (zeroed, random_start, cut, empty):
        with Rig() as rig:
            target = '/contacts/' + rig.contact()
            want = rig.warm(target).body
            rig.hang_up()
            rig.daemon.stop()
            path = rig.state + '/cache/data.mdb'
            with open(path, 'r+b') as f:
                damage(f, os.path.getsize(path))
            rig.start()
            equal((damage.__name__, rig.get(target).body),
                  (damage.__name__, want))
            equal(rig.hit(target).body, want)


@test
def without_a_store_requests_pass():
    with Rig() as rig:
        rig.hang_up()
        rig.daemon.stop()
        os.rename(rig.state + '/cache', rig.state + '/was')
        with open(rig.state + '/cache', 'w', encoding='utf-8') as f:
            f.write('in the way')
        rig.start()
        target = '/contacts/' + rig.contact()
        for _ in range(2):
            got = rig.get(target)
            equal((got.status, got.is_hit), (200, False))
            # Until the writer gave it up, its answer may be shared.
            rig.daemon.settle()
        got = rig.call('PUT', target, {'firstName': 'New'})
        equal(got.status, 200)
        equal(rig.get(target).json()['contact']['firstName'], 'New')
        store = rig.daemon.status()['store']
        equal((store['state'], store['storing'], store['reason']),
              ('out-of-service', False, 'Not a directory'))
        purge = rig.daemon.cli('purge', '--all')
        equal(purge.returncode, 1)
        true('out of service' in purge.stderr, purge.stderr)
        true('store-unusable' in rig.daemon.log(), 'not logged')


# ---- its own endpoints ----

@test
def own_endpoints():
    with Rig() as rig:
        rig.forget()
        for path, word in (('health', 'ok'), ('ready', 'ready')):
            got = rig.get('/-/' + path, token=None)
            equal((got.status, got.json()), (200, {'status': word}))
            equal(rig.call('HEAD', '/-/' + path).status, 200)
            got = rig.call('POST', '/-/' + path, {})
            equal((got.status, got.json()['statusCode']), (405, 405))
        equal(rig.get('/-/status').json()['upstream']['url'],
              rig.sandbox.url)
        equal(rig.get('/-/nothing').status, 404)
        equal(rig.asked(), 0)


@test
def a_line_for_each_request():
    with Rig() as rig:
        target = ('/contacts/search/duplicate?email=who%%40example.com'
                  '&locationId=%s' % rig.location)
        ids = [rig.get(target).field('x-request-id')]
        ids.append(rig.get('/contacts/' + rig.contact()).field(
            'x-request-id'))
        rig.hang_up()
        rig.daemon.stop()
        log = rig.daemon.log()
        for number, operation in zip(ids, ('contacts.get-duplicate-contact',
                                           'contacts.get-contact')):
            lines = [x for x in log.splitlines() if ' id=%s ' % number in x]
            equal(len(lines), 1)
            for word in ('level=info event=request', 'method=GET',
                         'op=' + operation, 'status=200', 'source=upstream'):
                true(word in lines[0], lines[0])
        true('locationId=' + rig.location in log, 'masked')
        true('example.com' not in log, 'an address is in the log')
        rig.start()


@test
def secrets_stay_secret():
    """Neither log nor state nor command line holds a token."""
    with Rig(options=['--log-level', 'debug'], gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.call('PUT', target, {'firstName': 'New'})
        rig.get(target, authorization='Bearer pit-of-a-stranger')
        rig.get('/contacts/?locationId=x&access_token=pit-in-a-query')
        rig.call('POST', '/oauth/token', {'refresh_token': 'pit-in-a-body'})
        rig.fault('reset_after', count=1)
        rig.call('PUT', target, {'firstName': 'Newer'})
        rig.gateway.set_mode('refuse')
        rig.call('PUT', target, {'firstName': 'Newest'})
        told = rig.get('/-/status').body.decode()
        tokens = [rig.sandbox.tokens['full-1'], 'pit-of-a-stranger',
                  'pit-in-a-query', 'pit-in-a-body']
        with open('/proc/%d/cmdline' % rig.daemon.process.pid, 'rb') as f:
            told += f.read().decode()
        rig.hang_up()
        rig.daemon.kill()
        told += rig.daemon.log()
        found = [t for t in tokens if t in told]
        files = [os.path.join(base, name)
                 for base, _, names in os.walk(rig.state) for name in names]
        true(any(f.endswith('cache/data.mdb') for f in files), files)
        for path in files:
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    data = f.read()
                found += [path for t in tokens if t.encode() in data]
        equal(found, [])
        rig.start()


# ---- how it ends ----

@test
def sigterm_answers_what_it_has():
    """A slow request is answered; nothing new is taken."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with Rig() as rig:
            target = '/contacts/' + rig.contact()
            rig.forget()
            rig.fault('latency', ms=1000)
            idle = Client(rig.address)
            with Storm(rig.address, [rig.message('GET', target)]) as storm:
                storm.send()
                wait_for(lambda: rig.asked() == 1, 'the request')
                rig.daemon.process.send_signal(number)
                answer = storm.answers()[0]
            equal((answer.status, answer.field('connection')),
                  (200, 'close'))
            true(idle.is_at_end(), 'an idle connection is left')
            idle.sock.close()
            rig.daemon.wait()
            true(refuses(rig.address), 'still listening')


def refuses(address):
    with socket.socket() as sock:
        return sock.connect_ex(address) != 0


@test
def sigterm_finishes_a_write():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.fault('latency', ms=700, operation=UPDATE)
        request = rig.message('PUT', target, {'firstName': 'marker:once'})
        with Storm(rig.address, [request]) as storm:
            storm.send()
            wait_for(lambda: rig.asked(UPDATE) == 1, 'the write')
            rig.daemon.ask_to_stop()
            equal(storm.answers()[0].status, 200)
        rig.daemon.wait()
        equal(rig.sandbox.ledger()['writes'], {'once': 1})
        rig.no_faults()
        rig.start()


@test
def sigterm_ends_at_the_drain_deadline():
    """An upstream that hangs does not hold it, nor does a client."""
    with Rig(options=['--drain', '500ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('hang')
        half = Client(rig.address)
        half.send(rig.message('GET', target)[:-10])
        messages = [rig.message('GET', target),
                    rig.message('PUT', target, {'firstName': 'A'})]
        with Storm(rig.address, messages) as storm:
            storm.send()
            wait_for(lambda: rig.asked() == 2, 'the requests')
            start = time.monotonic()
            rig.daemon.ask_to_stop()
            answers = storm.answers()
        for answer, status in zip(answers, (503, 504)):
            equal((answer.status, answer.json()['statusCode']),
                  (status, status))
        rig.daemon.wait()
        took = time.monotonic() - start
        true(0.4 < took < 8, 'took %.1f s' % took)
        half.sock.close()


@test
def sigterm_remembers_an_unfinished_write():
    """It was answered with 504, so what it may have changed is suspect."""
    with Rig(options=['--drain', '300ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.fault('hang_after', operation=UPDATE)
        request = rig.message('PUT', target, {'firstName': 'marker:once'})
        with Storm(rig.address, [request]) as storm:
            storm.send()
            wait_for(lambda: rig.asked(UPDATE) == 1, 'the write')
            rig.daemon.ask_to_stop()
            equal(storm.answers()[0].status, 504)
        rig.daemon.wait()
        rig.hang_up()
        rig.start()
        got = rig.get(target)
        equal((got.fwd, got.json()['contact']['firstName']),
              ('stale', 'marker:once'))


def check_addresses(line, listen):
    found = re.findall(r' http=(\S+):(\d+)', line)
    equal([host for host, _ in found],
          [x.rpartition(':')[0] for x in listen])
    for host, port in found:
        client = http.client.HTTPConnection(host.strip('[]'), int(port))
        client.request('GET', '/-/ready')
        equal(client.getresponse().status, 200)
        client.close()


@test
def the_ready_line_tells_all_addresses():
    with directory() as place:
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(('::1', 0))
            listen = ['127.0.0.1:0', '[::1]:0', '127.0.0.1:0']
        except OSError:
            listen = ['127.0.0.1:0', '127.0.0.1:0']
        arguments = [x for text in listen for x in ('--listen', text)]
        process = subprocess.Popen(
            [PROGRAM, 'serve', '--upstream', 'http://127.0.0.1:9',
             '--state', place + '/s', '--log-file', place + '/log',
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            check_addresses(process.stdout.readline().decode(), listen)
            process.terminate()
            rest = process.communicate(timeout=60)
        finally:
            process.kill()
        equal((process.returncode, rest), (0, (b'', b'')))
        with open(place + '/log', encoding='utf-8') as f:
            text = f.read()
        true('event=ready' in text and 'event=stopped' in text, text)


@test
def many_starts_and_stops():
    """Asked to stop the moment it is ready, or before."""
    with directory() as place:
        for n in range(10):
            daemon = Daemon('http://127.0.0.1:9', '%s/%d' % (place, n % 2))
            daemon.stop()


if __name__ == '__main__':
    sys.exit(run())
