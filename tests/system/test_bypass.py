#!/usr/bin/env python3
"""`ghlmirror bypass`: the store switched off, and everything else on."""

import json
import sys

from rig import Rig, Storm, equal, run, test, true, wait_for


def bypass(rig, *arguments):
    done = rig.daemon.cli('bypass', *arguments)
    equal((done.returncode, done.stderr), (0, ''))
    return done.stdout


def equals_bypassed(answer):
    equal((answer.status, answer.fwd, answer.detail),
          (200, 'bypass', 'switched-off'))
    true('stored' not in answer.cache, answer.cache)


@test
def bypass_serves_and_stores_nothing():
    with Rig() as rig:
        known, other = ('/contacts/' + c['id'] for c in rig.direct(
            'GET', '/contacts/?locationId=' + rig.location)[2]['contacts'][:2])
        rig.warm(known)
        equal(bypass(rig), 'bypass off\n')
        equal(bypass(rig, 'on'), 'bypass on\n')
        equal(json.loads(bypass(rig, '--json')),
              {'bypass': True, 'kept': True})
        for _ in range(2):
            equals_bypassed(rig.get(known))
            equals_bypassed(rig.get(other))
        status = rig.daemon.status()
        equal(status['bypass'], True)
        equal(status['counters']['bypassed'], 4)
        true('bypass     on' in rig.daemon.cli('status').stdout, 'not shown')
        true('event=bypass mode=on' in rig.daemon.log(), 'not logged')
        equal(bypass(rig, 'off'), 'bypass off\n')
        # What was stored before is there again; nothing was added.
        true(rig.get(known).is_hit, 'lost')
        equal(rig.get(other).fwd, 'uri-miss')


@test
def bypass_outlives_a_restart():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        bypass(rig, 'on')
        for is_killed in (False, True):
            rig.restart(is_killed)
            equal(rig.daemon.status()['bypass'], True)
            equals_bypassed(rig.get(target))
        bypass(rig, 'off')
        rig.restart()
        true(rig.get(target).is_hit, 'lost')


@test
def bypass_still_moves_tags():
    """A write while it is on: the entry from before is dead when it is off
    again."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        bypass(rig, 'on')
        equal(rig.call('PUT', target, {'firstName': 'Moved'}).status, 200)
        equals_bypassed(rig.get(target))
        bypass(rig, 'off')
        answer = rig.get(target)
        true(not answer.is_hit, answer.cache)
        equal(answer.json()['contact']['firstName'], 'Moved')


@test
def bypass_still_coalesces():
    with Rig() as rig:
        bypass(rig, 'on')
        rig.forget()
        rig.fault('latency', ms=600)
        request = rig.message('GET', '/contacts/' + rig.contact())
        asked = rig.asked()
        with Storm(rig.address, [request] * 8) as storm:
            storm.send()
            answers = storm.answers()
        for answer in answers:
            equals_bypassed(answer)
        equal(rig.asked() - asked, 1)
        equal(sum('collapsed' in a.cache for a in answers), 7)


@test
def bypass_catches_what_is_under_way():
    """Switched on while a read that would be stored is with the upstream."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.fault('latency', ms=800)
        with Storm(rig.address, [rig.message('GET', target)]) as storm:
            storm.send()
            wait_for(lambda: rig.daemon.status()['origin']['flights'] == 1,
                     'the flight')
            bypass(rig, 'on')
            true('stored' not in storm.answers()[0].cache, 'stored')
        rig.no_faults()
        bypass(rig, 'off')
        equal(rig.get(target).fwd, 'uri-miss')


@test
def bypass_has_no_fallback():
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        bypass(rig, 'on')
        rig.gateway.set_mode('refuse')
        equal(rig.get(target).status, 503)
        bypass(rig, 'off')
        equal(rig.get(target).status, 200)


@test
def bypass_wrong_usage():
    with Rig() as rig:
        for arguments in (['maybe'], ['on', 'off'], ['--nope']):
            equal(rig.daemon.cli('bypass', *arguments).returncode, 2)
        equal(bypass(rig), 'bypass off\n')


if __name__ == '__main__':
    sys.exit(run())
