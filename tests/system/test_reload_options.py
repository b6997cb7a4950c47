#!/usr/bin/env python3
"""Every option that SIGHUP changes takes effect, and the others are named."""

import json
import re
import subprocess
import sys
import tempfile
import time

from reloading import Reloading
from rig import (PROGRAM, BadOrigin, Client, Storm, equal, run,
                 test, true, wait_for)
from stream_origin import RECORDING, Reader, StreamOrigin

SECTION = '[route contact]\nmatch = contacts.get-contact\n'
# On a busy machine the upstream may take its time.
ROUTE = 'stale_wait = 5m\n' + SECTION
# How soon something must happen that would take far longer by default.
SOON_S = 8

TESTED = {
    # Which way bytes leave cannot be seen from outside.
    'direct_write',
}


def changes(*options):
    """A test of the effect of these options."""
    TESTED.update(options)
    return test


def fwd(answer):
    return answer.status, answer.fwd


def took(action):
    start = time.monotonic()
    answer = action()
    return answer, time.monotonic() - start


# ---- which options there are ----

CA = tempfile.NamedTemporaryFile('w', prefix='ghlmirror-', suffix='.pem')
print('-----BEGIN CERTIFICATE-----', file=CA, flush=True)
VALUES = {
    'listen': '127.0.0.1:1', 'hosts': 'a', 'public_url': 'http://a.example',
    'state': tempfile.gettempdir() + '/elsewhere', 'upstream': 'https://a.example',
    'upstream_ca': CA.name, 'forward_headers': 'X-A', 'user_agent': 'b/1',
    'max_body_total': '300MiB',
    'log_level': 'warn', 'profile': 'standards', 'log_file': '/dev/null', 'unix_mode': '0600',
    'trusted_proxies': '10.0.0.0/8', 'cors_origins': 'https://a.example',
}
BY_FLAG = {'listen', 'state', 'upstream'}


def in_force(*arguments):
    done = subprocess.run(
        [PROGRAM, 'check-config', '--json', *arguments],
        capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)['options'] if done.stdout else None


def others(value):
    """Values that an option might have instead."""
    if isinstance(value, bool):
        return ['no' if value else 'yes']
    if isinstance(value, int):
        return [str(value + 1)]
    if re.fullmatch(r'\d+(ms|[smhd])', value):
        return ['61s']
    if isinstance(value, str) and re.fullmatch(r'\d+([KMG]iB)?', value):
        return ['20MiB', '2KiB']
    return []


def another(name, value):
    """A value that is not the default one, or None."""
    for text in [VALUES[name]] if name in VALUES else others(value):
        got = in_force('--' + name.replace('_', '-'), text)
        if got and got[name] != value:
            return text
    return None


@test
def each_option_is_changed_or_named():
    """By a reload; and each that is changed has a test below."""
    with Reloading() as rig:
        values = {name: another(name, value)
                  for name, value in in_force().items()}
        strange = [n for n, v in values.items() if v is None]
        equal(('add to VALUES', strange), ('add to VALUES', []))
        # It forbids some of the others, and has a test of its own.
        values.pop('profile')
        rig.write(''.join('%s = %s\n' % x for x in values.items()))
        rig.hangup()  # log_level keeps the word of it out of the log
        wait_for(lambda: 'lastReload' in rig.told(), 'the reload')
        fixed = set(rig.told()['needsRestart']) | BY_FLAG
    untested = set(values) - fixed - TESTED
    equal(('write a test that changes', untested),
          ('write a test that changes', set()))
    equal(('tested, but needs a restart', TESTED & fixed),
          ('tested, but needs a restart', set()))


@test
def profile_needs_a_restart():
    with Reloading() as rig:
        rig.write('profile = standards\n')
        rig.hangup()
        wait_for(lambda: 'lastReload' in rig.told(), 'the reload')
        equal(rig.told()['needsRestart'], ['profile'])


# ---- what clients are told ----

@changes('hosts')
def hosts():
    with Reloading('hosts = other.example\n') as rig:
        target = '/contacts/' + rig.contact()
        equal(rig.get(target, host='other.example').status, 200)
        rig.take('hosts = 127.0.0.1\n')
        equal(rig.get(target, host='other.example').status, 421)
        equal(rig.get(target, host='127.0.0.1').status, 200)


@changes('public_url')
def public_url():
    with Reloading() as rig:
        target = '/contacts/?limit=1&locationId=' + rig.location
        wants = ['http://%s:%d/' % rig.address, 'https://mirror.example/']
        for want in wants:
            url = rig.get(target).json()['meta']['nextPageUrl']
            true(url.startswith(want + 'contacts'), url)
            rig.take('public_url = https://mirror.example\n')


@changes('trusted_proxies')
def trusted_proxies():
    with Reloading() as rig:
        target = '/contacts/?limit=1&locationId=' + rig.location
        for want in ('http://%s:%d/' % rig.address, 'https://proxy.example/'):
            url = rig.get(target, x_forwarded_for='192.0.2.1',
                          x_forwarded_host='proxy.example',
                          x_forwarded_proto='https').json()[
                              'meta']['nextPageUrl']
            true(url.startswith(want + 'contacts'), url)
            rig.take('trusted_proxies = 127.0.0.1\n')


@changes('cors_origins')
def cors_origins():
    with Reloading() as rig:
        for want in (None, 'https://app.example'):
            got = rig.get('/contacts/' + rig.contact(),
                          origin='https://app.example')
            equal(got.field('access-control-allow-origin'), want)
            rig.take('cors_origins = https://app.example\n')


# ---- what goes upstream ----

def heads(bad):
    return [record['head'].lower() for record in bad.received()]


@changes('user_agent', 'forward_headers')
def fields_upstream():
    with BadOrigin() as bad, Reloading(upstream=bad.url) as rig:
        for _ in range(2):
            equal(rig.get('/contacts/a', x_one='yes',
                          cache_control='no-cache').status, 200)
            rig.take('user_agent = another/1\nforward_headers = X-One\n')
        first, second = heads(bad)
        true('user-agent: ghlmirror/' in first, first)
        true('user-agent: another/1\r\n' in second, second)
        equal(['x-one: yes' in head for head in (first, second)],
              [False, True])


@changes('connect_timeout')
def connect_timeout():
    with Reloading('connect_timeout = 60s\n', gateway=True) as rig:
        rig.take('connect_timeout = 200ms\n')
        rig.gateway.set_mode('hole')
        answer, seconds = took(lambda: rig.get('/contacts/' + rig.contact()))
        equal((answer.status, answer.cache['detail']), (503, 'connect'))
        true(seconds < SOON_S, 'took %.1f s' % seconds)


@changes('upstream_timeout')
def upstream_timeout():
    with Reloading() as rig:
        target = '/contacts/' + rig.contact()
        rig.take('upstream_timeout = 200ms\n')
        rig.fault('hang')
        answer, seconds = took(lambda: rig.get(target))
        equal((answer.status, answer.cache['detail']), (504, 'timeout'))
        true(seconds < SOON_S, 'took %.1f s' % seconds)


# ---- what is stored, and served ----

@changes('store_answer_max')
def store_answer_max():
    with Reloading() as rig:
        target = '/contacts/?limit=20&locationId=' + rig.location
        rig.take('store_answer_max = 1KiB\n')
        for _ in range(2):
            equal(fwd(rig.get(target)), (200, 'uri-miss'))
            rig.daemon.settle()
        rig.take('')
        rig.warm(target)


@changes('stream_idle_timeout')
def stream_idle_timeout():
    with StreamOrigin() as origin, Reloading(upstream=origin.url) as rig:
        rig.take('stream_idle_timeout = 100ms\n')
        with Reader(rig.address, RECORDING + '?bytes=10000&hold=50') as r:
            equal(r.head()[0], 200)
            equal((len(r.body()), r.is_whole), (50, False))


@changes('settling')
def settling():
    with Reloading('settling = 1h\n') as rig:
        search = {'locationId': rig.location, 'pageLimit': 1}
        rig.call('PUT', '/contacts/' + rig.contact(), {'firstName': 'A'})
        for _ in range(2):
            equal(fwd(rig.call('POST', '/contacts/search', search)),
                  (200, 'uri-miss'))
            rig.daemon.settle()
        rig.take('settling = 0\n')
        rig.warm('/contacts/search', search)


@changes('stale_wait')
def stale_wait():
    with Reloading('stale_wait = 60s\n') as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.settle()
        rig.take('stale_wait = 100ms\n' + SECTION + 'ttl = 0\n')
        rig.fault('hang')
        answer, seconds = took(lambda: rig.get(target))
        equal((answer.status, answer.cache['detail']), (200, 'upstream-slow'))
        true(seconds < SOON_S, 'took %.1f s' % seconds)


@changes('keep_stale')
def keep_stale():
    with Reloading(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.settle()
        rig.gateway.set_mode('refuse')
        for config, status in (('', 200), ('keep_stale = 0\n', 503)):
            rig.take(config + ROUTE + 'ttl = 0\n')
            equal((config, rig.get(target).status), (config, status))


# ---- routes ----

@test
def a_shorter_ttl_counts_at_once():
    """Also for what was stored before; a longer one does not bring back what
    had expired."""
    with Reloading(ROUTE + 'ttl = 1h\n') as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.take(ROUTE + 'ttl = 0\n')
        # Not even while the answer is on its way into the store.
        true(rig.get(target).fwd in ('stale', 'uri-miss'), 'a hit')
        rig.daemon.settle()
        equal(fwd(rig.get(target)), (200, 'stale'))
        rig.daemon.settle()
        rig.take(ROUTE + 'ttl = 1h\n')
        equal(fwd(rig.get(target)), (200, 'stale'))
        left = int(rig.hit(target).cache['ttl'])
        true(3500 < left <= 3600, left)
        rig.take(ROUTE + 'ttl = 10m\n')
        left = int(rig.hit(target).cache['ttl'])
        true(500 < left <= 600, left)


@test
def a_shorter_ttl_counts_after_a_restart():
    with Reloading(ROUTE + 'ttl = 1h\n') as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.settle()
        rig.config = ROUTE + 'ttl = 0\n'
        rig.restart()
        equal(fwd(rig.get(target)), (200, 'stale'))


@test
def stale_while_revalidate():
    with Reloading(ROUTE + 'ttl = 0\n') as rig:
        target = '/contacts/' + rig.contact()
        equal(fwd(rig.get(target)), (200, 'uri-miss'))
        rig.daemon.settle()
        rig.take(ROUTE + 'ttl = 0\nstale_while_revalidate = 1h\n')
        # It was not promised for what is stored.
        equal(fwd(rig.get(target)), (200, 'stale'))
        wait_for(lambda: rig.get(target).cache.get('detail') ==
                 'revalidating', 'a stale answer at once')
        rig.take(ROUTE + 'ttl = 0\n')
        rig.daemon.settle()
        equal(fwd(rig.get(target)), (200, 'stale'))


@test
def stale_if_error():
    with Reloading(gateway=True) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.daemon.settle()
        rig.gateway.set_mode('refuse')
        for stale, status in ('1h', 200), ('0', 503):
            rig.take(ROUTE + 'ttl = 0\nstale_if_error = %s\n' % stale)
            equal((stale, rig.get(target).status), (stale, status))


@test
def override_upstream():
    with BadOrigin() as bad, Reloading(upstream=bad.url) as rig:
        bad.script('/contacts/abc', 'fields',
                   args={'fields': ['Cache-Control: no-store']})
        for _ in range(2):
            equal(fwd(rig.get('/contacts/abc')), (200, 'uri-miss'))
            rig.daemon.settle()
        rig.take(ROUTE + 'override_upstream = yes\n')
        rig.warm('/contacts/abc')


# ---- clients ----

def cut_soon(rig, config, sent):
    """A client that sent this and waits is answered 408."""
    with Client(rig.address) as client:
        client.send(sent)
        rig.take(config)
        answer, seconds = took(client.response)
        equal(answer.status, 408)
        true(seconds < SOON_S, 'took %.1f s' % seconds)


@changes('header_timeout', 'body_timeout')
def time_for_a_request():
    """Also of clients that are here already."""
    with Reloading('header_timeout = 10m\nbody_timeout = 10m\n') as rig:
        head = rig.message('PUT', '/contacts/a', {'firstName': 'A'})
        cut_soon(rig, 'header_timeout = 200ms\n', head[:-30])
        cut_soon(rig, 'body_timeout = 200ms\n', head[:-1])


@changes('idle_timeout')
def idle_timeout():
    with Reloading('idle_timeout = 10m\n') as rig:
        with Client(rig.address) as client:
            client.send(rig.message('GET', '/-/health'))
            equal(client.response().status, 200)
            rig.take('idle_timeout = 200ms\n')
            end, seconds = took(client.is_at_end)
            true(end and seconds < SOON_S, 'took %.1f s' % seconds)


@changes('write_timeout')
def write_timeout():
    with BadOrigin() as bad, Reloading(
            'write_timeout = 10m\n', upstream=bad.url) as rig:
        with Client(rig.address, rcvbuf=4096) as client:
            client.send(rig.message('GET', '/contacts/huge?bytes=20000000'))
            client.until(b'\r\n\r\n')
            rig.take('write_timeout = 200ms\n')
            wait_for(lambda: rig.daemon.counter('client_timeouts') == 1,
                     'the end of a client that does not read')


@changes('max_connections')
def max_connections():
    """The connection that idled longest makes room."""
    with Reloading(options=['--threads', '1']) as rig:
        def all_open(number):
            clients = []
            for _ in range(number):
                clients.append(Client(rig.address))
                clients[-1].send(rig.message('GET', '/-/health'))
                equal(clients[-1].response().status, 200)
            for client in clients:
                client.sock.close()
            return rig.daemon.counter('connections_shed')

        equal(all_open(3), 0)
        rig.take('max_connections = 1\n')
        true(all_open(3) > 0, 'all were let in')


# ---- the process ----

@changes('log_level', 'log_requests')
def lines():
    """Of a request there is a line under the first and the last."""
    configs = ('', 'log_level = error\n', 'log_requests = no\n', '')
    with Reloading(options=['--threads', '1']) as rig:
        listing = '/contacts/?limit=1&locationId=' + rig.location
        ids = []
        for config in configs:
            # The word of a reload may be kept out of the log: what it does
            # last is seen by another option.
            rig.write(config + 'public_url = http://n%d.example\n' % len(ids))
            rig.hangup()
            wait_for(lambda n=len(ids): 'n%d.example' % n in
                     rig.get(listing).body.decode(), 'the reload')
            ids.append(rig.get('/-/health').field('x-request-id'))
        rig.hang_up()
        rig.daemon.stop()
        log = rig.daemon.log()
        equal([' id=%s ' % i in log for i in ids], [True, False, False, True])
        rig.start()


@changes('drain')
def drain():
    with Reloading('drain = 10m\n') as rig:
        target = '/contacts/' + rig.contact()
        rig.forget()
        rig.fault('hang')
        with Storm(rig.address, [rig.message('GET', target)]) as storm:
            storm.send()
            wait_for(lambda: rig.asked() == 1, 'the request')
            rig.take('drain = 200ms\n')
            rig.daemon.ask_to_stop()
            equal(storm.answers()[0].status, 503)
        rig.daemon.wait()


sys.exit(run())
