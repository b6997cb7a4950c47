#!/usr/bin/env python3
"""The sandbox's limits, ledger, faults and HTTP; TAP on stdout."""

import re
import socket
import sys
import threading
import time

from sandbox_tap import equal, run, some_contact, test, true
from ghl_sandbox.harness import Sandbox

CLOCK = '1780000000'


@test
def rate_window():
    with Sandbox('--contacts', '5', '--burst', '10', '--window', '60',
                 '--daily', '35', '--clock', CLOCK) as s:
        contact = some_contact(s)
        codes = [s.call('GET', '/contacts/' + contact)[0]
                 for _ in range(12)]
        equal(codes, [200] * 9 + [429] * 3)
        status, head, answer = s.call('GET', '/contacts/' + contact,
                                      token='second-full-1')
        equal((status, answer['statusCode']), (429, 429))
        equal({k: head[k] for k in head if k.startswith('x-ratelimit') and
               'reset' not in k},
              {'x-ratelimit-max': '10', 'x-ratelimit-remaining': '0',
               'x-ratelimit-interval-milliseconds': '60000',
               'x-ratelimit-limit-daily': '35',
               'x-ratelimit-daily-remaining': '25'})
        true(0 < int(head['x-ratelimit-daily-reset']) <= 86400000,
             'daily reset')
        some_contact(s, 1)		# another location, another bucket
        ledger = s.ledger()
        equal((ledger['over_limit'], ledger['max_in_window']), (4, 14))
        s.control('POST', 'clock', {'advance': 61})
        equal([s.call('GET', '/contacts/' + contact)[0]
               for _ in range(11)], [200] * 10 + [429])
        for _ in range(2):
            s.control('POST', 'clock', {'advance': 61})
            codes = [s.call('GET', '/contacts/' + contact)[0]
                     for _ in range(10)]
        equal(codes, [200] * 5 + [429] * 5)
        equal(s.call('GET', '/contacts/' + contact)[1][
            'x-ratelimit-daily-remaining'], '0')


@test
def window_slides():
    with Sandbox('--contacts', '5', '--burst', '4', '--window', '10') as s:
        contact = some_contact(s)
        s.control('POST', 'clock', {'advance': 6})
        for wanted in (200, 200, 200, 429):
            equal(s.call('GET', '/contacts/' + contact)[0], wanted)
        s.control('POST', 'clock', {'advance': 5})
        equal([s.call('GET', '/contacts/' + contact)[0] for _ in range(2)],
              [200, 429])


@test
def quota_by_token():
    with Sandbox('--contacts', '5', '--burst', '2', '--quota-by',
                 'token') as s:
        target = '/businesses/?locationId=' + s.locations[0]
        for token in ('full-1', 'second-full-1'):
            equal([s.call('GET', target, token=token)[0]
                   for _ in range(3)], [200, 200, 429])


@test
def ledger_counts():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        contact = some_contact(s)
        s.control('DELETE', 'ledger')
        for _ in range(3):
            s.call('GET', '/contacts/' + contact)
        s.call('POST', '/contacts/%s/notes' % contact,
               {'body': 'marker:one'})
        s.call('POST', '/contacts/%s/notes' % contact,
               {'text': 'marker:two'})
        s.call('DELETE', '/contacts/' + contact,
               headers={'X-Sandbox-Marker': 'three'})
        ledger = s.ledger()
        equal((ledger['total'], ledger['writes']),
              (6, {'one': 1, 'three': 1}))
        equal(ledger['by_operation'], {
            'contacts.get-contact': 3, 'contacts.create-note': 2,
            'contacts.delete-contact': 1})
        equal(ledger['by_credential'], {s.tokens['full-1']: 6})
        equal(ledger['requests'][0]['target'], '/contacts/' + contact)
        equal(ledger['requests'][-1]['headers']['x-sandbox-marker'],
              'three')


def raw_exchange(sandbox, data, limit_s=5):
    """All bytes that come back on a fresh connection until it closes."""
    with socket.create_connection((sandbox.host, sandbox.port),
                                  timeout=limit_s) as sock:
        sock.sendall(data)
        out = b''
        while True:
            try:
                part = sock.recv(65536)
            except TimeoutError:
                return out + b'<open>'
            except ConnectionResetError:
                return out + b'<reset>'
            if not part:
                return out
            out += part


def get_bytes(sandbox, target, extra=''):
    return ('GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n'
            'Version: 2021-07-28\r\n%s\r\n' % (
                target, sandbox.tokens['full-1'], extra)).encode()


@test
def faults_happen():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        contact = some_contact(s)
        target = '/contacts/' + contact

        def order(**fault):
            s.control('DELETE', 'faults')
            s.control('POST', 'faults', {
                'operation': 'contacts.get-contact', 'count': 1, **fault})
        order(kind='status', status=503)
        equal([s.call('GET', target)[0] for _ in range(2)], [503, 200])
        order(kind='429')
        true('x-ratelimit-max' in s.call('GET', target)[1], '429 headers')
        order(kind='html200')
        _, head, body = s.call('GET', target)
        true(head['content-type'].startswith('text/html'), head)
        order(kind='latency', ms=150)
        begun = time.monotonic()
        s.call('GET', target)
        true(time.monotonic() - begun >= 0.14, 'no latency')
        order(kind='status', status=500, after=2)
        equal([s.call('GET', target)[0] for _ in range(4)],
              [200, 200, 500, 200])
        data = get_bytes(s, target, 'Connection: close\r\n')
        for kind in ('reset_before', 'reset_after'):
            order(kind=kind)
            equal(raw_exchange(s, data), b'<reset>')
        order(kind='close_before')
        equal(raw_exchange(s, data), b'')
        for kind in ('hang', 'hang_after'):
            order(kind=kind)
            equal(raw_exchange(s, data, 0.3), b'<open>')
        order(kind='headers', headers={'cache-control': 'no-store'})
        equal(s.call('GET', target)[1]['cache-control'], 'no-store')
        equal(s.control('GET', 'faults')['faults'][0]['used'], 1)


def split_answer(data):
    head, _, body = data.partition(b'\r\n\r\n')
    found = re.search(rb'content-length: (\d+)', head)
    return head, body, int(found.group(1)) if found else None


@test
def framing_faults():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        target = '/contacts/' + some_contact(s)
        data = get_bytes(s, target, 'Connection: close\r\n')
        whole = split_answer(raw_exchange(s, data))[1]

        def order(**fault):
            s.control('POST', 'faults', {
                'path_prefix': target, 'count': 1, **fault})
            return split_answer(raw_exchange(s, data))
        head, body, length = order(kind='cut_body')
        equal((length, body), (len(whole), whole[:len(whole) // 2]))
        head, body, length = order(kind='wrong_length', delta=-5)
        equal((length, body), (len(whole) - 5, whole))
        head, body, length = order(kind='no_length')
        equal((length, body), (None, whole))
        head, body, length = order(kind='chunked')
        true(b'transfer-encoding: chunked' in head, head)
        equal((length, body[-5:]), (None, b'0\r\n\r\n'))
        head, body, length = order(kind='bad_json')
        equal((length, body), (len(whole), whole[:-1] + b'!'))


@test
def writes_take_effect_as_the_fault_says():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        contact = some_contact(s)
        target = '/contacts/%s/notes' % contact
        body = b'{"body":"marker:w"}'
        data = ('POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s'
                '\r\nVersion: 2021-07-28\r\nContent-Type: application/json'
                '\r\nContent-Length: %d\r\n\r\n' % (
                    target, s.tokens['full-1'], len(body))).encode() + body
        for kind, executed in (('reset_before', 0), ('reset_after', 1),
                               ('hang_after', 2), ('hang', 2)):
            s.control('POST', 'faults', {'kind': kind, 'count': 1})
            raw_exchange(s, data, 0.3)
            equal((kind, s.ledger()['writes'].get('w', 0)),
                  (kind, executed))


@test
def strict_framing():
    with Sandbox('--contacts', '5') as s:
        bad = (
            b'GET / HTTP/1.1\nHost: x\n\n'.replace(b'\n\n', b'\r\n\r\n'),
            b'GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n',
            b'GET / HTTP/1.1\r\n\r\n',
            b'GET  / HTTP/1.1\r\nHost: x\r\n\r\n',
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n'
            b'Content-Length: 1\r\n\r\na',
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na',
            b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n'
            b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
            b'\r\n0x1\r\na\r\n0\r\n\r\n',
            b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
            b'\r\n1;a=b\r\na\r\n0\r\n\r\n')
        for data in bad:
            answer = raw_exchange(s, data)
            true(answer.startswith(b'HTTP/1.1 400 '), (data, answer[:60]))
        ledger = s.ledger()
        equal((ledger['total'], ledger['refused_messages']),
              (0, len(bad)))


@test
def connection_manners():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        target = '/contacts/' + some_contact(s)
        one = get_bytes(s, target)
        answer = raw_exchange(s, one + one + get_bytes(
            s, target, 'Connection: close\r\n'))
        equal(answer.count(b'HTTP/1.1 200 OK'), 3)
        head = raw_exchange(s, one.replace(b'GET', b'HEAD', 1).replace(
            b'Version', b'Connection: close\r\nVersion', 1))
        true(head.endswith(b'\r\n\r\n') and split_answer(head)[2] > 100,
             'HEAD answered %r' % head[-40:])
        body = b'4\r\n{"bo\r\nb\r\ndy":"chunk"\r\n1\r\n}\r\n0\r\n\r\n'
        data = ('POST %s/notes HTTP/1.1\r\nHost: x\r\nAuthorization: '
                'Bearer %s\r\nVersion: 2021-07-28\r\nContent-Type: '
                'application/json\r\nTransfer-Encoding: chunked\r\n'
                'Expect: 100-continue\r\nConnection: close\r\n\r\n' % (
                    target, s.tokens['full-1'])).encode()
        with socket.create_connection((s.host, s.port), 5) as sock:
            sock.sendall(data)
            equal(sock.recv(100), b'HTTP/1.1 100 Continue\r\n\r\n')
            sock.sendall(body)
            true(sock.recv(4096).startswith(b'HTTP/1.1 201 '), 'no 201')


@test
def many_connections():
    count = 1100
    with Sandbox('--contacts', '5', '--no-limit') as s:
        data = get_bytes(s, '/contacts/' + some_contact(s))
        socks = [socket.create_connection((s.host, s.port), 10)
                 for _ in range(count)]
        try:
            for sock in socks:
                sock.sendall(data)
            good = sum(sock.recv(15) == b'HTTP/1.1 200 OK'
                       for sock in socks)
            equal(good, count)
            true(s.ledger()['open_connections'] >= count, 'connections')
        finally:
            for sock in socks:
                sock.close()


@test
def latency_keeps_no_one_else_waiting():
    with Sandbox('--contacts', '5', '--no-limit') as s:
        target = '/contacts/' + some_contact(s)
        s.control('POST', 'faults', {
            'path_prefix': target, 'kind': 'latency', 'ms': 300})
        data = get_bytes(s, target, 'Connection: close\r\n')
        answers = []
        begun = time.monotonic()
        threads = [threading.Thread(
            target=lambda: answers.append(raw_exchange(s, data)))
            for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        true(time.monotonic() - begun < 2, 'answers waited in line')
        equal(sum(a.startswith(b'HTTP/1.1 200') for a in answers), 20)
        equal(s.ledger()['max_in_flight'], 20)


if __name__ == '__main__':
    sys.exit(run())
