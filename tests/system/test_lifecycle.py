#!/usr/bin/env python3
"""The daemon as a service: what its manager hears, sockets it is given, a
restart that nobody notices, and how it is hurried.

UPGRADE_RATE, UPGRADE_RESTARTS: requests a second and restarts of the upgrade
test."""

import os
import signal
import socket
import sys
import threading
import time

from manager import Managed, Manager, Stopped, Worker, listening
from rig import (Client, Rig, Sandbox, Storm, directory, equal,
                 is_sanitized, message, needs_unix_sockets, run, test, true,
                 wait_for)

RATE = int(os.environ.get('UPGRADE_RATE', '100'))
RESTARTS = int(os.environ.get('UPGRADE_RESTARTS', '3'))
NOWHERE = 'http://127.0.0.1:9'


def ask(address, target='/-/ready'):
    with Client(address) as c:
        c.send(message('GET', target))
        return c.response()


# ---- what a manager hears ----

@test
def manager_hears_of_life():
    for is_abstract in (False, True):
        with directory() as place, \
                Manager(place, is_abstract=is_abstract) as manager:
            daemon = Managed(manager, NOWHERE, place + '/s')
            told = manager.hear()
            equal(told['READY'], '1')
            true('127.0.0.1:%d' % daemon.address[1] in told['STATUS'], told)
            daemon.process.send_signal(signal.SIGHUP)
            told = manager.hear_of('RELOADING')
            age_s = time.clock_gettime(time.CLOCK_MONOTONIC) - \
                int(told['MONOTONIC_USEC']) / 1e6
            true(0 <= age_s < 60, told)
            equal(manager.hear_of('READY')['READY'], '1')
            daemon.ask_to_stop()
            told = manager.hear_of('STOPPING')
            # drain is 10 s; the manager waits for longer.
            true(int(told['EXTEND_TIMEOUT_USEC']) > 20e6, told)
            daemon.wait()


@test
def without_a_manager():
    """Nobody listens at the socket: the daemon does not mind."""
    with directory() as place:
        manager = Manager(place)
        manager.ear.close()
        daemon = Managed(manager, NOWHERE, place + '/s')
        equal(ask(daemon.address).status, 200)
        true('notify-unusable' in daemon.log(), 'not logged')
        daemon.stop()


def pings(manager, bound_s):
    """Times of the pings heard within the bound."""
    end = time.monotonic() + bound_s
    found = []
    while time.monotonic() < end:
        told = manager.hear(max(0, end - time.monotonic()))
        if told and 'WATCHDOG' in told:
            found.append(told['at'])
    return found


@test
def watchdog_needs_every_thread():
    """One thread that stands still ends the pings, and is named; they come
    back with it."""
    with directory() as place, Manager(place, watchdog_s=2) as manager:
        daemon = Managed(manager, NOWHERE, place + '/s', '--threads', '2')
        manager.hear_of('READY')
        times = pings(manager, 2.4)
        true(len(times) >= 2, times)
        gaps = [b - a for a, b in zip(times, times[1:])]
        true(max(gaps) < 1.5, gaps)
        try:
            with Stopped(daemon.process.pid, 'origin'):
                told = manager.hear_of('STATUS')
                equal(told['STATUS'], 'a thread is stalled')
                equal(pings(manager, 1.5), [])
                status = daemon.status()
                equal(status['stalledThreads'], ['origin'])
                true('origin' in daemon.cli('status').stdout, 'not shown')
                equal(ask(daemon.address).status, 200)
            equal(manager.hear_of('STATUS')['STATUS'], 'serving')
            manager.hear_of('WATCHDOG')
            log = daemon.log()
            true('event=thread-stalled thread=origin' in log, log)
            true('event=thread-is-back thread=origin' in log, log)
            equal(daemon.status()['stalledThreads'], [])
        finally:
            daemon.stop()


# ---- sockets that are given ----

@test
def sockets_from_the_manager():
    """TCP and unix; what `listen` says does not count then."""
    needs_unix_sockets()
    with directory() as place:
        path = place + '/sock'
        tcp = listening()
        address = tcp.getsockname()
        with Manager(place, [tcp, listening(path)]) as manager:
            process = manager.spawn(
                ['--upstream', NOWHERE, '--state', place + '/s',
                 '--listen', '127.0.0.1:1'], place + '/log')
            try:
                equal(process.stdout.readline().decode(),
                      'ready http=127.0.0.1:%d unix=%s\n' % (
                          address[1], path))
                for _ in range(20):
                    equal(ask(address).status, 200)
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.connect(path)
                    sock.sendall(message('GET', '/-/ready'))
                    true(sock.recv(99).startswith(b'HTTP/1.1 200 '), 'unix')
                process.send_signal(signal.SIGTERM)
                equal(process.wait(), 0)
            finally:
                process.kill()
                process.stdout.close()
        true(os.path.exists(path), 'a socket that is not ours was removed')


def refusal(sock, *options):
    """What a daemon says that is given this socket."""
    with directory() as place, Manager(place, [sock]) as manager:
        process = manager.spawn(
            ['--upstream', NOWHERE, '--state', place + '/s', *options],
            place + '/log')
        try:
            equal(process.stdout.readline(), b'')
            equal(process.wait(), 1)
        finally:
            process.kill()
            process.stdout.close()
        with open(place + '/log', encoding='utf-8') as f:
            return f.read()


@test
def sockets_that_are_refused():
    udp = socket.socket(type=socket.SOCK_DGRAM)
    true('socket 3: not a stream socket' in refusal(udp), 'udp')
    true('not listening' in refusal(socket.socket()), 'not listening')
    text = refusal(listening(('0.0.0.0', 0)))
    true('http=0.0.0.0:' in text and 'allow_lan_passthrough' in text, text)
    anywhere = listening(('0.0.0.0', 0))
    port = anywhere.getsockname()[1]
    with directory() as place, Manager(place, [anywhere]) as manager:
        process = manager.spawn(
            ['--upstream', NOWHERE, '--state', place + '/s',
             '--allow-lan-passthrough', 'yes'], place + '/log')
        try:
            equal(process.stdout.readline().decode(),
                  'ready http=0.0.0.0:%d\n' % port)
            process.send_signal(signal.SIGTERM)
            equal(process.wait(), 0)
        finally:
            process.kill()
            process.stdout.close()


# ---- a restart that nobody notices ----

def load(address, request, rate):
    """Workers that together send rate requests a second: half of them on a
    new connection each."""
    count = max(4, rate // 12)
    return [Worker(address, request, n % 2 == 0, count / rate)
            for n in range(count)]


@test
def upgrade_by_restart():
    """The manager keeps the socket; requests meanwhile wait in its queue."""
    rate = RATE // 4 if is_sanitized() else RATE
    tcp = listening()
    address = tcp.getsockname()
    with directory() as place, Sandbox('--no-limit') as sandbox, \
            Manager(place, [tcp]) as manager:
        target = '/locations/%s/tags' % sandbox.locations[0]
        request = message('GET', target, headers={
            'Host': '127.0.0.1', 'Version': '2021-07-28',
            'Authorization': 'Bearer ' + sandbox.tokens['full-1']})
        daemon = Managed(manager, sandbox.url, place + '/s')
        workers = load(address, request, rate)
        stop = threading.Event()
        threads = [threading.Thread(target=w.run, args=(stop,))
                   for w in workers]
        begun = time.monotonic()
        for t in threads:
            t.start()
        try:
            for _ in range(RESTARTS):
                stop.wait(0.5)
                daemon.stop()
                daemon = Managed(manager, sandbox.url, place + '/s')
            stop.wait(0.5)
        finally:
            stop.set()
            for t in threads:
                t.join()
            took_s = time.monotonic() - begun
            daemon.stop()
    sent = sum(w.sent for w in workers)
    failures = [f for w in workers for f in w.failures]
    print('# %d requests, %.0f a second, %d restarts, %d failed, '
          'slowest %.0f ms' % (
              sent, sent / took_s, RESTARTS, len(failures),
              1000 * max(w.slowest_s for w in workers)))
    equal(failures, [])
    true(sent > rate * took_s / 4, 'no load')


# ---- how it is hurried ----

@test
def draining_is_told():
    with Rig() as rig:
        rig.fault('latency', ms=1500)
        request = rig.message('GET', '/contacts/' + rig.contact())
        equal(rig.daemon.status()['state'], 'serving')
        with Storm(rig.address, [request]) as storm:
            storm.send()
            wait_for(lambda: rig.asked() >= 1, 'the request')
            rig.daemon.ask_to_stop()
            wait_for(lambda: rig.daemon.status()['state'] == 'draining',
                     'the word')
            true('draining' in rig.daemon.cli('status').stdout, 'not shown')
            equal(storm.answers()[0].status, 200)
        rig.daemon.wait()
        rig.no_faults()
        rig.start()


@test
def second_signal_hurries():
    """A read gets 503, a write 504; nothing durable is lost."""
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.gateway.set_mode('silent')
        requests = [rig.message('PUT', target, {'firstName': 'New'}),
                    rig.message('GET', '/locations/%s/tags' % rig.location)]
        with Storm(rig.address, requests) as storm:
            storm.send()
            wait_for(lambda: rig.daemon.status()['origin']['flights'] == 1
                     and rig.daemon.status()['origin']['passages'] == 1,
                     'both requests')
            begun = time.monotonic()
            rig.daemon.ask_to_stop()
            wait_for(lambda: 'event=draining' in rig.daemon.log(), 'the first')
            rig.daemon.ask_to_stop()
            answers = storm.answers()
            equal([a.status for a in answers], [504, 503])
            equal([a.detail for a in answers], ['stopping'] * 2)
            # A third one does no harm.
            rig.daemon.ask_to_stop()
        rig.daemon.wait()
        true(time.monotonic() - begun < 5, 'it took its time')
        true('event=hurrying' in rig.daemon.log(), 'not logged')
        rig.gateway.set_mode('open')
        rig.hang_up()
        rig.start()
        # The write may have been done, so what was stored is not served.
        true(not rig.get(target).is_hit, 'the write is forgotten')


@test
def ends_at_once_with_many_connected():
    """Before the last accept, which comes a little after the word to drain,
    there may be nobody left to accept: it crashed then. A second signal right
    behind the first did the same."""
    with Rig(options=['--threads', '1', '--drain', '0s']) as rig:
        request = rig.message('GET', '/contacts/' + rig.contact())
        for _ in range(6):
            with Storm(rig.address, [request] * 200) as storm:
                storm.send()
                storm.answers()
                rig.daemon.ask_to_stop()
                rig.daemon.wait()
            rig.start()


if __name__ == '__main__':
    sys.exit(run())
