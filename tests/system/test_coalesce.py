#!/usr/bin/env python3
"""Identical reads under way share one upstream request; what must not be
shared never is."""

import csv
import os
import sys

from rig import Rig, Storm, equal, message, run, test, true, wait_for

CLIENTS = 1000
NEVER_CLIENTS = 50
GET_CONTACT = 'contacts.get-contact'
OPERATIONS = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), '..', '..', 'contrib',
    'sandbox', 'ghl_sandbox', 'operations.tsv')


def never_operations():
    with open(OPERATIONS, encoding='utf-8', newline='') as f:
        return [row for row in csv.DictReader(f, delimiter='\t')
                if row['class'] == 'GET-NOCACHE']


def cold_storm(rig, target):
    return Storm(rig.address, [rig.message('GET', target)] * CLIENTS)


def equal_answers(answers):
    """All the same; the status."""
    true(len({(a.status, a.body) for a in answers}) == 1,
         'the answers differ')
    ids = [a.field('x-request-id') for a in answers]
    equal(len(set(ids)), len(ids))
    return answers[0].status


def hold(rig, target):
    """The upstream takes so long that all clients come meanwhile; on a slow
    machine the last may find the answer stored."""
    rig.forget()
    rig.fault('latency', ms=1500, act='last', path_prefix=target)


@test
def cold_reads_cost_one():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        with cold_storm(rig, target) as storm:
            storm.send()
            answers = storm.answers()
        equal(equal_answers(answers), 200)
        equal(answers[0].json(), rig.direct('GET', target)[2])
        equal(rig.asked(GET_CONTACT), 2)	# one of them ours
        rig.hit(target)
        equal(rig.asked(GET_CONTACT), 2)


@test
def the_leader_leaves():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        with cold_storm(rig, target) as storm:
            storm.send([0])
            wait_for(lambda: rig.asked(GET_CONTACT) == 1, 'the leader')
            storm.send(range(1, CLIENTS))
            storm.cut(0)
            answers = storm.answers(range(1, CLIENTS))
        equal(equal_answers(answers), 200)
        equal(rig.asked(GET_CONTACT), 1)
        equal(rig.daemon.counter('waiters_gone'), 1)


@test
def all_leave():
    """The answer is stored for whoever comes next."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        with Storm(rig.address, [rig.message('GET', target)] * 50) as storm:
            storm.send()
            wait_for(lambda: rig.asked(GET_CONTACT) == 1, 'the flight')
            for n in range(50):
                storm.cut(n)
            # Their slots are free before the answer is there.
            wait_for(lambda: rig.daemon.log().count('source=gone') == 50,
                     'the clients to be forgotten')
            equal(rig.daemon.status()['origin']['flights'], 1)
        rig.hit(target)
        equal(rig.asked(GET_CONTACT), 1)


@test
def an_error_is_shared():
    """All get the upstream's 500, which is not stored."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        rig.fault('status', status=500, path_prefix=target)
        with cold_storm(rig, target) as storm:
            storm.send()
            answers = storm.answers()
        equal(equal_answers(answers), 500)
        equal(rig.asked(GET_CONTACT), 1)
        rig.no_faults()
        rig.warm(target)


@test
def a_broken_answer_is_shared():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        rig.fault('cut_body', path_prefix=target)
        with Storm(rig.address, [rig.message('GET', target)] * 50) as storm:
            storm.send()
            equal({a.status for a in storm.answers()}, {502})
        equal(rig.asked(GET_CONTACT), 1)


@test
def searches_are_shared():
    with Rig() as rig:
        body = {'locationId': rig.location, 'pageLimit': 5}
        hold(rig, '/contacts/search')
        messages = [rig.message('POST', '/contacts/search', body)] * 50
        with Storm(rig.address, messages) as storm:
            storm.send()
            equal(equal_answers(storm.answers()), 200)
        equal(rig.asked('contacts.search-contacts-advanced'), 1)


@test
def other_requests_are_not_joined():
    """One flight for each key: token, Version, target."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        plain = rig.message('GET', target)
        ways = [plain, rig.message('GET', target, token='second-full-1'),
                plain.replace(b'2021-07-28', b'2021-04-15'),
                rig.message('GET', target + '/notes')]
        with Storm(rig.address, ways * 20) as storm:
            storm.send()
            equal({a.status for a in storm.answers()}, {200})
        equal(rig.asked(), len(ways))


@test
def without_a_token_nothing_is_shared():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('latency', ms=100)
        fields = {'Version': '2021-07-28'}
        with Storm(rig.address, [message('GET', target, None, fields)] *
                   20) as storm:
            storm.send()
            equal({a.status for a in storm.answers()}, {401})
        equal(rig.asked(), 20)


def never_target(rig, operation):
    path = operation['path'].replace('{locationId}', rig.location)
    path = path.replace('{messageId}', 'none')
    return '%s?locationId=%s&altId=%s&altType=location' % (
        path, rig.location, rig.location)


@test
def never_operations_are_never_shared():
    operations = never_operations()
    equal(len(operations), 15)
    with Rig() as rig:
        rig.fault('latency', ms=20)
        for operation in operations:
            rig.forget()
            request = rig.message('GET', never_target(rig, operation))
            with Storm(rig.address, [request] * NEVER_CLIENTS) as storm:
                storm.send()
                answers = storm.answers()
            equal((operation['id'], rig.asked(operation['id'])),
                  (operation['id'], NEVER_CLIENTS))
            equal({a.fwd for a in answers}, {'bypass'})
            true(all(a.status < 500 for a in answers), operation['id'])


@test
def never_operations_are_sent_once():
    """Not even when the connection breaks under one."""
    with Rig() as rig:
        for operation in never_operations():
            target = never_target(rig, operation)
            rig.forget()
            rig.get(target)
            rig.fault('reset_after', count=1)
            got = rig.get(target)
            equal((operation['id'], got.status, rig.asked(operation['id'])),
                  (operation['id'], 504, 2))


@test
def writes_are_never_shared():
    with Rig() as rig:
        target = '/contacts/%s/notes' % rig.contact()
        rig.fault('latency', ms=100)
        request = rig.message('POST', target, {'body': 'marker:same'})
        with Storm(rig.address, [request] * 50) as storm:
            storm.send()
            answers = storm.answers()
        equal({a.status for a in answers}, {201})
        equal(len({a.json()['note']['id'] for a in answers}), 50)
        equal(rig.sandbox.ledger()['writes'], {'same': 50})


@test
def an_overload_is_refused():
    """More requests than may wait: 503 with Retry-After, the rest served."""
    with Rig(options=['--threads', '1', '--max-requests', '20']) as rig:
        target = '/contacts/' + rig.contact()
        hold(rig, target)
        with Storm(rig.address, [rig.message('GET', target)] * 60) as storm:
            storm.send()
            answers = storm.answers()
        refused = [a for a in answers if a.status == 503]
        equal(len([a for a in answers if a.status == 200]), 20)
        equal(len(refused), 40)
        equal({a.field('retry-after') for a in refused}, {'1'})


if __name__ == '__main__':
    sys.exit(run())
