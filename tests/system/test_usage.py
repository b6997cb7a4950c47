#!/usr/bin/env python3
"""Who asked for what: counted exactly, kept over restarts, bounded; and what
status tells of today."""

import json
import os
import sys
import time

from rig import (WAIT_S, Rig, Storm, equal, manual, run, test, true,
                 wait_for)

GET_CONTACT = 'contacts.get-contact'
UPDATE = 'contacts.update-contact'
COUNTS = ['asked', 'hits', 'stale', 'misses', 'coalesced', 'upstream',
          'clientErrors', 'failures', 'bytes', 'oldestSeconds', 'hitRatio',
          'callsSaved']


def usage(rig, *arguments):
    done = rig.daemon.cli('usage', '--json', *arguments)
    equal((done.returncode, done.stderr), (0, ''))
    return json.loads(done.stdout)


def by(rig, what, *arguments):
    """Rows by their name."""
    return {row.pop(what): row
            for row in usage(rig, '--by', what, *arguments)['rows']}


def some(row, *names):
    return tuple(row[name] for name in names)


def as_tool(name, target):
    return '/-/as/%s%s' % (name, target)


# ---- counting ----

@test
def each_request_is_somebodys():
    """Sums are those of the sandbox's ledger, whatever became of them."""
    with Rig(options=['--threads', '3']) as rig:
        contacts = ['/contacts/' + c['id'] for c in rig.direct(
            'GET', '/contacts/?locationId=' + rig.location)[2]['contacts']]
        rig.forget()
        for target in contacts[:5]:
            rig.get(as_tool('a', target))
            rig.hit(target, token='full-1')
        for _ in range(3):
            rig.hit(as_tool('b', contacts[0]))
        rig.call('PUT', as_tool('b', contacts[0]), {'firstName': 'x'})
        rig.get(as_tool('b', '/contacts/no-such-contact'))
        rig.get(as_tool('b', '/unknown/path?x=1'))
        rig.fault('status', status=503, count=1)
        equal(rig.get(as_tool('b', contacts[6])).status, 503)
        rig.no_faults()
        rig.daemon.settle()
        tools = by(rig, 'tool')
        equal(sorted(tools), ['-', 'a', 'b'])
        equal(some(tools['a'], 'asked', 'hits', 'misses', 'upstream'),
              (5, 0, 5, 5))
        true(tools['-']['hits'] >= 5 and tools['-']['upstream'] == 0, tools)
        # The write, what it made the origin fetch, and three that failed.
        equal(some(tools['b'], 'asked', 'hits', 'upstream', 'clientErrors',
                   'failures'), (7, 3, 5, 2, 1))
        equal(sum(row['upstream'] for row in tools.values()), rig.asked())
        equal(rig.daemon.counter('upstream_requests'), rig.asked())
        operations = by(rig, 'operation', '--tool', 'b')
        equal({k: v['asked'] for k, v in operations.items()},
              {GET_CONTACT: 5, UPDATE: 1, 'other': 1})
        equal(operations[UPDATE]['upstream'], 1)
        equal(by(rig, 'tool', '--operation', UPDATE).keys(), {'b'})
        total = usage(rig)['total']
        equal(total['callsSaved'], total['hits'] + total['coalesced'])
        equal(total['asked'], sum(r['asked'] for r in tools.values()))
        # What is not about the API is not counted.
        rig.get('/-/as/c/-/health')
        rig.get('/contacts/../x')
        equal(usage(rig)['total']['asked'], total['asked'])


@test
def shared_and_gone():
    """Ten ask at once: one call, nine shared it, one of them has left."""
    with Rig() as rig:
        target = as_tool('storm', '/contacts/' + rig.contact())
        rig.forget()
        rig.fault('latency', ms=500)
        with Storm(rig.address,
                   [rig.message('GET', target)] * 10) as storm:
            storm.send()
            wait_for(lambda: rig.daemon.counter('coalesced') == 9, 'all')
            storm.cut(9)
            storm.answers(range(9))
        wait_for(lambda: usage(rig)['total']['asked'] == 10, 'the last')
        equal(some(by(rig, 'tool')['storm'], 'asked', 'misses', 'coalesced',
                   'upstream', 'callsSaved', 'failures'),
              (10, 10, 9, 1, 9, 0))


@test
def stale_and_refreshed():
    """A refresh nobody waits for is on the account of who caused it; the
    oldest answer of the day is remembered."""
    config = ('[route a]\nmatch = contacts.get-contact\nttl = 1s\n'
              'stale_while_revalidate = 1h\n')
    with Rig(config=config) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.cli('offline', 'on')
        wait_for(lambda: rig.get(as_tool('old', target)).ttl <= -2, 'age')
        age = rig.daemon.status()['today']['oldestSeconds']
        equal((age, age in (2, 3)), (by(rig, 'tool')['old'][
            'oldestSeconds'], True))
        rig.daemon.cli('offline', 'off')
        before = by(rig, 'tool')
        answer = rig.get(as_tool('fresh', target))
        equal(answer.detail, 'revalidating')
        rig.daemon.settle()
        tools = by(rig, 'tool')
        equal(some(tools['fresh'], 'asked', 'stale', 'upstream', 'hitRatio'),
              (1, 1, 1, 1))
        true(tools['fresh']['oldestSeconds'] >= age, tools)
        equal((tools['old'], tools['old']['upstream']), (before['old'], 0))
        equal(rig.daemon.status()['today']['oldestSeconds'],
              tools['fresh']['oldestSeconds'])


@test
def names_are_bounded():
    """Whoever invents names fills neither memory nor metrics."""
    with Rig(options=['--log-requests', 'no']) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        for n in range(300):
            rig.get(as_tool('tool-%d' % n, target))
        tools = by(rig, 'tool')
        equal(len(tools), 258)
        equal(tools['other']['asked'], 300 - 256)
        equal(sum(row['asked'] for row in tools.values()),
              usage(rig)['total']['asked'])
        text = rig.get('/-/metrics').body.decode()
        equal(text.count('ghlmirror_tool_asked_total{'), 258)
        rig.get(as_tool('tool-3', target))
        equal(by(rig, 'tool')['tool-3']['asked'], 2)


# ---- keeping ----

@test
def kept_over_restarts():
    """An orderly end keeps all, kill -9 what was committed before."""
    with Rig() as rig:
        target = as_tool('crm', '/contacts/' + rig.contact())
        rig.warm(target)
        before = usage(rig)['total']
        rig.restart()
        equal(usage(rig)['total'], before)
        for _ in range(3):
            rig.get(target)
        equal(by(rig, 'tool')['crm']['asked'], before['asked'] + 3)
        rig.restart()
        equal(rig.daemon.status()['today']['asked'], before['asked'] + 3)
        rig.get(target)
        usage(rig)
        rig.restart(is_killed=True)
        equal(by(rig, 'tool')['crm']['asked'], before['asked'] + 3)
        hours = by(rig, 'hour')
        true(0 < len(hours) < 3, hours)
        true(all(h.endswith(':00:00Z') for h in hours), hours)


@test
def without_a_vault():
    """Counted all the same, and said to be in memory only."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.hang_up()
        rig.daemon.stop()
        with open(rig.state + '/vault/data.mdb', 'r+b') as f:
            f.write(os.urandom(8192))
        rig.start()
        rig.get(as_tool('crm', target))
        answer = usage(rig)
        equal((answer['kept'], answer['rows'][0]['tool'],
               answer['rows'][0]['asked']), (False, 'crm', 1))
        true(answer['reason'], answer)
        status = rig.daemon.status()
        true(any('vault' in x for x in status['troubles']), status)
        text = rig.daemon.cli('status').stdout
        true(text.startswith('TROUBLE '), text)
        true('lost when the daemon ends' in rig.daemon.cli('usage').stdout,
             'not said')
        true('ghlmirror_usage_kept 0' in
             rig.get('/-/metrics').body.decode(), 'no metric')


# ---- the command ----

@test
def arguments_of_usage():
    with Rig() as rig:
        target = as_tool('crm', '/contacts/' + rig.contact())
        rig.warm(target)
        today = time.strftime('%Y-%m-%d')
        for since in ('1h', '24h', '30d', '90d', today, '2020-01-01'):
            equal((since, by(rig, 'tool', '--since', since)['crm']['misses']),
                  (since, 1))
        equal(by(rig, 'tool', '--since', '2100-01-01'), {})
        equal(by(rig, 'tool', '--tool', 'nobody'), {})
        equal(set(usage(rig)['total']), set(COUNTS))
        for bad in (['--since', 'yesterday'], ['--since', '2026-13-01'],
                    ['--since', '2026-11-22x'], ['--by', 'day'], ['--tool'],
                    ['now'], ['--nope', '1']):
            done = rig.daemon.cli(*['usage', *bad])
            equal((bad, done.returncode, done.stdout), (bad, 2, ''))
        for bad in (['--operation', 'no.such'], ['--tool', 'a b'],
                    ['--tool', '..']):
            done = rig.daemon.cli('usage', *bad)
            equal((bad, done.returncode, done.stdout), (bad, 1, ''))
        text = rig.daemon.cli('usage').stdout.splitlines()
        equal(text[2].split()[:3], ['tool', 'asked', 'hits'])
        true(text[3].startswith('crm '), text)
        true(text[-1].startswith('total '), text)
        rig.hang_up()
        rig.daemon.stop()
        done = rig.daemon.cli('usage')
        equal((done.returncode, done.stdout), (1, ''))
        rig.start()


# ---- status ----

@test
def status_at_a_glance():
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        status = rig.daemon.status()
        equal((status['state'], status['troubles']), ('serving', []))
        true(status['upstream']['stateSeconds'] < WAIT_S, status)
        equal(status['clients']['connections'], 1)
        today = status['today']
        equal((today['topOperations'][0]['operation'], today['upstream']),
              (GET_CONTACT, 1))
        true('lastError' not in status['upstream'], status)
        rig.gateway.set_mode('refuse')
        rig.get(target, cache_control='no-cache')
        status = rig.daemon.status()
        equal(status['upstream']['state'], 'away')
        error = status['upstream']['lastError']
        equal((error['operation'], error['secondsAgo'] < WAIT_S),
              (GET_CONTACT, True))
        true(error['cause'] in ('connect', 'reset'), error)
        text = rig.daemon.cli('status').stdout
        true(text.startswith('TROUBLE    the upstream cannot be reached'),
             text)
        true(len(text.splitlines()) <= 24, text)
        true(all(len(x) <= 100 for x in text.splitlines()), text)
        rig.gateway.set_mode('open')
        rig.daemon.cli('offline', 'on')
        equal(rig.daemon.status()['troubles'], [])
        true('offline for ' in rig.daemon.cli('status').stdout, 'not said')
        rig.daemon.cli('offline', 'off')
        true('online for ' in rig.daemon.cli('status').stdout, 'not said')
        # What the commands and the endpoint tell is one document.
        here, there = rig.daemon.status(), rig.get('/-/status').json()
        equal(sorted(here), sorted(there))


def members(value):
    """All names of members, but for the counters'."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(members(v) for k, v in value.items()
                              if k != 'counters'))


@test
def the_manual_has_every_member():
    with Rig(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        names = members(rig.daemon.status())
        rig.fault('status', status=500)
        rig.get(target)
        names |= members(rig.daemon.status())
        rig.gateway.set_mode('refuse')
        rig.get(target)
        names |= members(rig.daemon.status())
        for what in 'tool', 'operation', 'hour':
            names |= members(usage(rig, '--by', what))
        equal(names - manual('STATUS'), set())
        true(len(names) > 50, names)


@test
def status_while_it_stops():
    """Nobody waits for threads that have ended."""
    with Rig(options=['--drain', '1500ms']) as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('hang')
        with Storm(rig.address, [rig.message('GET', target)]) as storm:
            storm.send()
            wait_for(lambda: rig.asked() == 1, 'the request')
            rig.daemon.ask_to_stop()
            wait_for(lambda: rig.daemon.status()['state'] ==
                     'draining', 'the drain')
            start = time.monotonic()
            usage(rig)
            true(time.monotonic() - start < 1, 'it waited')
            equal(storm.answers()[0].status, 503)
        rig.daemon.wait()
        rig.hang_up()
        rig.start()
        equal(by(rig, 'tool')['-']['failures'], 1)


if __name__ == '__main__':
    sys.exit(run())
