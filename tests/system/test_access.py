#!/usr/bin/env python3
"""The line of a request: one for each that was answered, whoever answered it,
with what happened to it and without what is secret. And the base URL that
names a tool, which is no part of the path."""

import os
import re
import shlex
import socket
import subprocess
import sys

from rig import (PROGRAM, BadOrigin, Client, Daemon, Rig, Session, Storm,
                 directory, equal, manual, run, test, true, wait_for)

ZAPIER = '/-/as/zapier'
FIELDS = {'ts', 'level', 'event', 'id', 'client', 'method', 'op', 'target',
          'tool', 'status', 'source', 'detail', 'bytes', 'ms', 'wait_ms',
          'upstream_ms', 'trace_id'}
SECRETS = ['pit-in-query', 'pit-in-path', 'pit-in-header', 'pit-in-body',
           'pit-in-name', 'eyJ-in-name', 'gm_in-harmless',
           'cGl0OnNlY3JldA', 'pit-in-field', 'pit-in-method']


def pairs(line):
    """The fields of a line of logfmt."""
    return dict(part.split('=', 1) for part in shlex.split(line))


def requests(daemon):
    """Request lines, by id."""
    lines = [pairs(x) for x in daemon.log().splitlines()
             if ' event=request ' in x]
    for line in lines:
        true(set(line) <= FIELDS, line)
    found = {line['id']: line for line in lines}
    equal(len(found), len(lines))
    return found


def line_of(rig, answer):
    number = answer.field('x-request-id')
    wait_for(lambda: number in requests(rig.daemon), 'the line')
    return requests(rig.daemon)[number]


# ---- what it says ----

@test
def where_an_answer_came_from():
    with Rig(config='[route a]\nmatch = contacts.get-contact\nttl = 1s\n',
             options=['--stale-wait', '100ms']) as rig:
        target = '/contacts/' + rig.contact()
        line = line_of(rig, rig.get(target))
        equal({k: line[k] for k in ('client', 'method', 'op', 'target',
                                    'status', 'source', 'level')},
              {'client': '127.0.0.1', 'method': 'GET',
               'op': 'contacts.get-contact', 'target': target,
               'status': '200', 'source': 'upstream', 'level': 'info'})
        true('tool' not in line and 'detail' not in line, line)
        true(0 < float(line['upstream_ms']) <= float(line['ms']), line)
        true(0 <= float(line['wait_ms']) < float(line['ms']), line)
        hit = rig.hit(target)
        line = line_of(rig, hit)
        equal((line['source'], line['upstream_ms'], line['wait_ms']),
              ('hit', '0.000', '0.000'))
        true(int(line['bytes']) > len(hit.body), line)
        wait_for(lambda: rig.get(target).ttl <= 0, 'its end')
        rig.fault('latency', ms=400)
        answer = rig.get(target, cache_control='no-cache')
        line = line_of(rig, answer)
        equal(line['source'], 'upstream')
        true(float(line['upstream_ms']) >= 400, line)
        rig.no_faults()
        rig.daemon.cli('offline', 'on')
        wait_for(lambda: rig.get(target).ttl < 0, 'its end')
        line = line_of(rig, rig.get(target))
        equal((line['source'], line['detail']), ('stale', 'offline'))
        line = line_of(rig, rig.call('PUT', target, {'firstName': 'x'}))
        equal((line['source'], line['status'], line['detail']),
              ('failed', '503', 'offline'))
        equal(line_of(rig, rig.get('/-/health'))['source'], 'self')


@test
def an_upstream_that_is_not_there():
    """Nothing was sent: no time of an upstream, whatever the clock says."""
    with directory() as place:
        daemon = Daemon('http://name.invalid:1', place + '/state',
                        '--connect-timeout', '300ms',
                        '--allow-insecure-upstream', 'yes')
        try:
            session = Session(daemon.address)
            equal(session.call('GET', '/contacts/x').status, 503)
            session.close()
            daemon.stop()
            line = list(requests(daemon).values())[0]
            equal((line['source'], line['detail'], line['upstream_ms'],
                   line['wait_ms']), ('failed', 'dns', '0.000', '0.000'))
        finally:
            daemon.stop()


@test
def a_shared_answer_and_a_client_that_left():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('latency', ms=600)
        messages = [rig.message('GET', target) for _ in range(3)]
        with Storm(rig.address, messages) as storm:
            storm.send([0])
            wait_for(lambda: rig.asked() == 1, 'the first')
            storm.send([1, 2])
            wait_for(lambda: rig.daemon.counter('coalesced') == 2,
                     'all of them')
            storm.cut(2)
            storm.answers([0, 1])
        wait_for(lambda: len(requests(rig.daemon)) == 3, 'their lines')
        lines = sorted(requests(rig.daemon).values(),
                       key=lambda x: x['source'])
        equal([x['source'] for x in lines], ['gone', 'shared', 'upstream'])
        equal([x['status'] for x in lines], ['0', '200', '200'])
        true(float(lines[0]['ms']) < float(lines[2]['ms']), lines)
        # Who left is done with at once; what became of the upstream request
        # is for those who stayed.
        equal(lines[0]['upstream_ms'], '0.000')
        for line in lines[1:]:
            true(float(line['upstream_ms']) >= 600, lines)


@test
def the_upstreams_trace_id():
    """Of a body, of an error's body, of a header field; not of a hit."""
    with Rig() as rig:
        search = {'locationId': rig.location, 'pageLimit': 1}
        answer = rig.call('POST', '/contacts/search', search)
        equal(line_of(rig, answer)['trace_id'], answer.json()['traceId'])
        answer = rig.hit('/contacts/search', search)
        true('trace_id' not in line_of(rig, answer), 'of a hit')
    with BadOrigin() as origin, directory() as place:
        origin.script('/contacts/abc', 'fields', args={
            'fields': ['x-trace-id: 11-22']})
        origin.script('/contacts/def', 'status', args={
            'code': 422, 'more': {'message': 'no', 'traceId': '33-44'}})
        daemon = Daemon(origin.url, place + '/state', '--threads', '1')
        try:
            session = Session(daemon.address, {'Authorization': 'Bearer x'})
            for name in 'abc', 'def':
                session.call('GET', '/contacts/' + name)
            session.close()
            daemon.stop()
            equal([x['trace_id'] for x in requests(daemon).values()],
                  ['11-22', '33-44'])
        finally:
            daemon.stop()


@test
def every_answer_has_a_line():
    """Also those below the request path: bad framing, and no slot."""
    bad = [b'GET / HTTP/1.1\r\nHost : x\r\n\r\n', b'GARBAGE\r\n\r\n',
           b'GET /../x HTTP/1.1\r\nHost: x\r\n\r\n',
           b'GET /x HTTP/1.1\r\n\r\n',
           b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n']
    with Rig(options=['--threads', '1', '--max-requests', '1',
                      '--drain', '200ms']) as rig:
        statuses = []
        for data in bad:
            with Client(rig.address) as client:
                client.send(data)
                statuses.append(client.response().status)
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('hang', count=1)
        held = Client(rig.address)
        held.send(rig.message('GET', target))
        wait_for(lambda: rig.asked() > 0, 'the request')
        with Client(rig.address) as client:
            client.send(rig.message('GET', '/contacts/other'))
            statuses.append(client.response().status)
        equal(statuses[-1], 503)
        wait_for(lambda: len(requests(rig.daemon)) >= len(statuses), 'lines')
        lines = list(requests(rig.daemon).values())
        equal([int(x['status']) for x in lines], statuses)
        for line in lines:
            equal(line['client'], '127.0.0.1')
            true(line['detail'], line)
        equal(lines[-1]['source'], 'refused')
        held.sock.close()


@test
def the_manual_has_every_field():
    equal(FIELDS - manual('LOG'), set())


@test
def switched_off():
    with Rig(options=['--log-requests', 'no']) as rig:
        rig.warm('/contacts/' + rig.contact())
        with Client(rig.address) as client:
            client.send(b'GARBAGE\r\n\r\n')
            client.response()
        rig.hang_up()
        rig.daemon.stop()
        true('event=request' not in rig.daemon.log(), 'there are lines')
        rig.start()


# ---- what it does not say ----

def plant(rig):
    """Secrets in all places that a client can put them."""
    basic = {'Authorization': 'Basic cGl0OnNlY3JldA=='}
    for target, headers in (
            ('/contacts/?locationId=x&access_token=pit-in-query', {}),
            ('/contacts/?locationId=gm_in-harmless', {}),
            ('/contacts/?pit-in-query=1', {}),
            ('/contacts/?%70it-in-query', {}),
            ('/contacts/pit-in-path/notes', {}),
            ('/pit-in-path', {}),
            ('/%70it-in-path', {}),
            ('/-/pit-in-path', {}),
            ('/-/as/pit-in-name/contacts/x', {}),
            ('/-/as/eyJ-in-name/contacts/x', {}),
            ('/-/as/' + 'x' * 40 + 'pit-in-name/contacts/x', {}),
            ('/contacts/x', {'Authorization': 'Bearer pit-in-header'}),
            ('/contacts/x', {'X-Api-Key': 'pit-in-field',
                             'Cookie': 'pit-in-field'}),
            ('/contacts/x', basic)):
        rig.call('GET', target, headers=headers)
    rig.call('POST', '/oauth/token', {'refresh_token': 'pit-in-body'})
    for data in (b'pit-in-method / HTTP/1.1\r\n\r\n',
                 b'GET / HTTP/1.1\r\npit-in-field: pit in field\r\n x\r\n\r\n',
                 b'GET /pit-in-path\r\n\r\n'):
        with Client(rig.address) as client:
            client.send(data)
            client.response()


@test
def secrets_stay_secret():
    with Rig(options=['--log-level', 'debug']) as rig:
        plant(rig)
        told = [rig.get('/-/' + x).body.decode() for x in ('status',
                                                           'metrics')]
        told += [rig.daemon.cli(*x).stdout for x in (
            ['status'], ['status', '--json'], ['usage'],
            ['usage', '--by', 'operation', '--json'])]
        rig.hang_up()
        rig.daemon.stop()
        told.append(rig.daemon.log())
        for base, _, names in os.walk(rig.state + '/vault'):
            for name in names:
                with open(base + '/' + name, 'rb') as f:
                    told.append(f.read().decode('latin-1'))
        true(all(told[:6]), 'something said nothing')
        found = [(s, x[max(0, x.find(s) - 60):x.find(s) + 60])
                 for s in SECRETS for x in told if s in x]
        equal(found, [])
        rig.start()


@test
def nobody_forges_a_line():
    with Rig() as rig:
        for target in ('/contacts/a%0Alevel=error', '/contacts/a"b=c',
                       '/contacts/?limit=1%0d%0aevent=forged',
                       '/contacts/?limit="x"', '/-/as/a%0ab/x'):
            rig.get(target)
        rig.hang_up()
        rig.daemon.stop()
        for line in rig.daemon.log().splitlines():
            true(re.match(r'ts=\S+ level=\w+ event=[a-z-]+( |$)', line), line)
            true('forged' not in line or '%0d%0a' in line.lower(), line)
        rig.start()


# ---- the journal ----

@test
def in_the_journal():
    """systemd gives the daemon a socket for stderr and names it."""
    ours, journals = socket.socketpair()
    with directory() as place, ours, journals:
        stat = os.fstat(journals.fileno())
        process = subprocess.Popen(
            [PROGRAM, 'serve', '--listen', '127.0.0.1:0', '--upstream',
             'http://127.0.0.1:9', '--state', place + '/state'],
            stdout=subprocess.PIPE, stderr=journals,
            env={**os.environ, 'JOURNAL_STREAM': '%d:%d' % (
                stat.st_dev, stat.st_ino)})
        try:
            port = int(process.stdout.readline().rsplit(b':', 1)[1])
            session = Session(('127.0.0.1', port))
            equal(session.call('GET', '/-/health').status, 200)
            session.close()
            process.terminate()
            equal(process.wait(60), 0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        journals.close()
        text = b''.join(iter(lambda: ours.recv(65536), b'')).decode()
    lines = text.splitlines()
    true(len(lines) > 3, text)
    for line in lines:
        true(re.match(r'<[3467]>level=\w+ event=', line), line)
    true('<6>level=info event=request ' in text, text)


# ---- tools ----

@test
def a_tool_is_no_part_of_the_path():
    """One entry for all names, found with and without; the upstream never
    hears of them."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        want = rig.warm(ZAPIER + target).body
        for prefix in ('', '/-/as/N8n.2', '/-/as/a_b-c', ZAPIER):
            answer = rig.get(prefix + target)
            equal((prefix, answer.is_hit, answer.body),
                  (prefix, True, want))
        equal(rig.asked(), 1)
        ledger = rig.sandbox.control('GET', 'ledger')
        true('/-/' not in str(ledger), ledger)
        line = line_of(rig, rig.get('/-/as/N8n.2' + target))
        equal((line['tool'], line['target'], line['op']),
              ('N8n.2', target, 'contacts.get-contact'))
        # A write by one tool is seen by the others.
        equal(rig.call('PUT', ZAPIER + target,
                       {'firstName': 'Written'}).status, 200)
        answer = rig.get('/-/as/other-tool' + target)
        equal(answer.json()['contact']['firstName'], 'Written')
        rig.daemon.purge('--path', target)
        equal(rig.get(ZAPIER + target).is_hit, False)


@test
def the_next_page_has_the_prefix():
    """From the store and from upstream, so that paging stays with the tool;
    the page behind it is one entry for all."""
    first = '/contacts/?limit=20&locationId='
    for options in ((), ('--public-url', 'https://proxy.example')):
        with Rig(options=options) as rig:
            base = options[1] if options else 'http://%s:%d' % rig.address
            first_page = first + rig.location
            nexts = []
            for prefix in (ZAPIER, '', '/-/as/n8n', ZAPIER):
                url = rig.get(prefix + first_page).json()['meta'][
                    'nextPageUrl']
                true(url.startswith(base + prefix + '/contacts/'), url)
                nexts.append(url.removeprefix(base))
            equal(rig.get(nexts[0]).status, 200)
            rig.hit(nexts[1])
            true(rig.get(nexts[2]).is_hit, 'another entry')


@test
def names_that_are_refused():
    with Rig() as rig:
        rig.forget()
        for name in ('', '-', '.', '..', 'a%20b', 'x' * 33, 'a,b', 'a:b',
                     'pit-1234', 'gm_1234', 'eyJhb', '%70it'):
            answer = rig.get('/-/as/%s/contacts/x' % name)
            equal((name, answer.status, answer.json()['statusCode']),
                  (name, 400, 400))
            true('pit' not in answer.json()['message'], answer.body)
        for target in ('/-/as/zapier', '/-/as/zapier?x=/', '/-/as', '/-/as/'):
            answer = rig.get(target)
            true(answer.status in (400, 404), (target, answer.status))
        # Only once, and only spelt so.
        for target in ('/-/as/a/-/as/b/contacts/x', '/-/As/a/contacts/x',
                       '/%2D/as/a/contacts/x', '/-/as/a/-/nothing'):
            equal((target, rig.get(target).status), (target, 404))
        for target in ('/-/as/a//contacts/x', '/-/as/a/../contacts/x'):
            equal((target, rig.get(target).status), (target, 400))
        equal(rig.get('/-/as/%s/-/health' % ('x' * 32)).status, 200)
        equal(rig.asked(), 0)


if __name__ == '__main__':
    sys.exit(run())
