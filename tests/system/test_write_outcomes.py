#!/usr/bin/env python3
"""Writes that were refused, not sent, or of which nobody knows whether they
were done."""

import sys

from rig import Rig, Storm, equal, message, run, test, true, wait_for

GET_CONTACT = 'contacts.get-contact'
UPDATE = 'contacts.update-contact'


@test
def an_unknown_outcome():
    """Said to be unknown; sent once; reads ask the upstream."""
    for kind in ('reset_after', 'close_after', 'reset_before', 'hang_after'):
        with Rig(options=['--upstream-timeout', '700ms']) as rig:
            target = '/contacts/' + rig.contact()
            for token in ('full-1', 'second-full-1'):
                rig.warm(target, token=token)
            rig.forget()
            rig.fault(kind, operation=UPDATE)
            got = rig.call('PUT', target, {'firstName': 'marker:once'})
            equal((kind, got.status), (kind, 504))
            true('may or may not' in got.json()['message'], got.body)
            equal(rig.asked(UPDATE), 1)
            is_done = kind != 'reset_before'
            equal(rig.sandbox.ledger()['writes'],
                  {'once': 1} if is_done else {})
            for token in ('full-1', 'second-full-1'):
                got = rig.get(target, token)
                equal((kind, got.fwd), (kind, 'stale'))
                name = got.json()['contact']['firstName']
                equal((kind, name == 'marker:once'), (kind, is_done))
            equal(rig.daemon.counter('writes_unknown'), 1)


@test
def an_unconfirmed_write_in_an_outage():
    """The entry is served, marked, while the upstream is away."""
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        old = rig.warm(target)
        rig.fault('reset_after', operation=UPDATE)
        equal(rig.call('PUT', target, {'firstName': 'New'}).status, 504)
        rig.gateway.set_mode('refuse')
        for _ in range(3):
            got = rig.get(target)
            equal((got.status, got.is_hit, got.detail, got.body),
                  (200, True, 'unconfirmed-write', old.body))
        rig.gateway.set_mode('open')
        wait_for(lambda: rig.get(target).detail is None, 'the upstream')
        equal(rig.get(target).json()['contact']['firstName'], 'New')


@test
def a_slow_upstream_after_an_unknown_outcome():
    """Slow is not away: the suspect entry is not served."""
    with Rig(options=['--stale-wait', '100ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.fault('reset_after', operation=UPDATE)
        equal(rig.call('PUT', target, {'firstName': 'New'}).status, 504)
        rig.fault('latency', ms=600, operation=GET_CONTACT)
        got = rig.get(target)
        equal((got.is_hit, got.json()['contact']['firstName']),
              (False, 'New'))


@test
def refused_and_unsent_writes_move_nothing():
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        listed = '/contacts/?locationId=' + rig.location
        for read in (target, listed):
            rig.warm(read)
        got = rig.call('PUT', target, {'unheardOf': 1})
        equal(got.status, 422)
        rig.fault('429', operation=UPDATE, count=1)
        equal(rig.call('PUT', target, {'firstName': 'New'}).status, 429)
        for read in (target, listed):
            true(rig.get(read).is_hit, read)
        rig.gateway.set_mode('refuse')
        got = rig.call('PUT', target, {'firstName': 'New'})
        equal((got.status, got.field('retry-after')), (503, '1'))
        rig.gateway.set_mode('open')
        for read in (target, listed):
            got = rig.get(read)
            equal((read, got.is_hit, got.detail), (read, True, None))
        equal(rig.sandbox.ledger()['writes_by_operation'], {})


@test
def each_write_is_sent_once():
    """On connections that die while idle, and under the request."""
    with Rig(gateway=True) as rig:
        contact = '/contacts/' + rig.contact()
        outcomes = []
        for n in range(60):
            rig.get(contact, cache_control='no-cache')	# a used connection
            if n % 3 == 1:
                rig.fault(('reset_after', 'reset_before')[n % 2],
                          operation='contacts.create-note', count=1)
            elif n % 3 == 2:
                rig.gateway.drop()
            got = rig.call('POST', contact + '/notes',
                           {'body': 'marker:w%d' % n})
            outcomes.append(got.status)
        writes = rig.sandbox.ledger()['writes']
        equal(set(outcomes) - {201, 503, 504}, set())
        equal({count for count in writes.values()}, {1})
        for n, status in enumerate(outcomes):
            true(status == 504 or ('w%d' % n in writes) == (status == 201),
                 (n, status))
        true(outcomes.count(201) >= 20 and 504 in outcomes, outcomes)


@test
def a_client_that_leaves_its_write():
    """It is carried out, and what it changed is not served any more."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.forget()
        rig.fault('latency', ms=500, operation=UPDATE)
        request = message('PUT', target, {'firstName': 'New'}, {
            **rig.headers(), 'Content-Type': 'application/json'})
        with Storm(rig.address, [request]) as storm:
            storm.send()
            wait_for(lambda: rig.asked(UPDATE) == 1, 'the write')
        wait_for(lambda: rig.daemon.status()['origin']['passages'] == 0,
                 'the end of the write')
        equal(rig.get(target).json()['contact']['firstName'], 'New')


if __name__ == '__main__':
    sys.exit(run())
