#!/usr/bin/env python3
"""Defects that were found once, each by what a user would have seen of it."""

import contextlib
import json
import os
import resource
import socket
import sys
import time

from rig import (WAIT_S, Client, Rig, Storm, equal, is_sanitized, run, test,
                 true, wait_for)

GET_CONTACT = 'contacts.get-contact'
PURGERS = 1200


def first_page(rig):
    return '/contacts/?limit=2&locationId=' + rig.location


@test
def no_store_beside_a_stored_answer():
    """The origin pointed to an answer that this client is not given."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.forget()
        answer = rig.get(target, cache_control='no-store')
        equal((answer.status, answer.fwd), (200, 'bypass'))
        equal(rig.asked(GET_CONTACT), 1)
        true(rig.get(target).is_hit, 'still stored')


@test
def write_cut_off_by_the_end():
    """Nobody knows whether it was done: neither 503, which invites a second
    try, nor the old state as fresh after a restart."""
    with Rig(options=['--drain', '200ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.fault('latency', method='PUT', ms=3000)
        with Storm(rig.address, [rig.message(
                'PUT', target, {'firstName': 'Later'})]) as writer:
            writer.send()
            wait_for(lambda: rig.direct('GET', target)[2]['contact'][
                'firstName'] == 'Later', 'the write to be done')
            rig.daemon.ask_to_stop()
            answer = writer.answers()[0]
        equal(answer.status, 504)
        true('may or may not' in answer.json()['message'], answer.body)
        rig.daemon.wait()
        rig.hang_up()
        rig.start()
        after = rig.get(target)
        equal((after.fwd, after.json()['contact']['firstName']),
              ('stale', 'Later'))


@test
def revalidation_is_shared():
    """A max-age that the stored answer meets made each hit ask anew."""
    route = ('[route all]\nmatch = cache\nttl = 500ms\n'
             'stale_while_revalidate = 10m\n')
    with Rig(config=route) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.fault('latency', ms=3000)
        rig.forget()
        wait_for(lambda: rig.get(target).detail == 'revalidating',
                 'an expired answer')
        for _ in range(20):
            answer = rig.get(target, cache_control='max-age=600')
            equal((answer.status, answer.detail), (200, 'revalidating'))
        equal(rig.asked(GET_CONTACT), 1)


@test
def passed_head_claims_no_length():
    """The length of a GET's body is not 0 because a HEAD had none."""
    with Rig() as rig:
        answer = rig.call('HEAD', '/nowhere/in/the/table')
        equal((answer.fwd, answer.field('content-length')), ('uri-miss', None))


@test
def next_page_without_a_host():
    """HTTP/1.0 need not say which host it means: no URL without one."""
    with Rig() as rig:
        sent = rig.direct('GET', first_page(rig))[2]['meta']['nextPageUrl']
        fields = ''.join('%s: %s\r\n' % f for f in rig.headers().items())
        with Client(rig.address) as client:
            client.send(('GET %s HTTP/1.0\r\n%s\r\n' % (
                first_page(rig), fields)).encode())
            answer = client.response()
        equal(answer.json()['meta']['nextPageUrl'], sent)


@test
def accepting_pauses_without_descriptors():
    """The listener was not found by the thread that ran out of them, and
    tried again without end."""
    with Rig(options=['--threads', '2']) as rig, contextlib.ExitStack() as end:
        rig.get('/-/ready')
        pid = rig.daemon.process.pid
        used = len(os.listdir('/proc/%d/fd' % pid))
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, hard))
        for _ in range(12):
            end.enter_context(Client(rig.address))

        def pauses():
            return rig.daemon.counter('accept_paused')

        wait_for(lambda: pauses() > 0, 'a pause')
        before, began = pauses(), time.monotonic()
        wait_for(lambda: time.monotonic() > began + 0.5, 'half a second')
        # Two threads, ten times a second, and what was not yet in the log.
        most = 20 * (time.monotonic() - began) + 20
        true(pauses() - before <= most, pauses() - before)
        end.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        rig.hang_up()
        equal(rig.get('/-/ready').status, 200)


@test
def purges_in_great_number():
    """More than main's mailbox has room for."""
    count = PURGERS // 10 if is_sanitized() else PURGERS
    with Rig() as rig, contextlib.ExitStack() as end:
        peers = []
        for _ in range(count):
            peer = end.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(os.path.join(rig.state, 'control.sock'))
            peer.settimeout(WAIT_S)
            peers.append(peer)
        for peer in peers:
            peer.sendall(b'{"command":"purge","all":true}\n')
        seen = {tuple(json.loads(peer.recv(4096))) for peer in peers}
        true(('purged',) in seen, seen)
        equal(seen - {('purged',), ('error',)}, set())


if __name__ == '__main__':
    sys.exit(run())
