#!/usr/bin/env python3
"""Use from other machines: under which names it answers, whom a proxy speaks
for, which web pages may ask, and who is told its own affairs."""

import re
import socket
import sys

from lan_rig import TOKEN, Conn, ask, connected, place
from rig import (directory, equal, needs_unix_sockets, run, test, true,
                 wait_for)

LIST = '/contacts/?locationId=l1'
# Addresses of this machine that stand for others.
STRANGER, PROXY = '127.0.0.2', '127.0.0.9'


def port_of(item):
    return int(item[1].rpartition(':')[2])


# ---- names ----

@test
def names_over_loopback():
    """What a page of a stranger could be called is refused (DNS rebinding)."""
    name = socket.gethostname()
    with place('--public-url', 'https://ghl.example:8443') as p:
        for host, status in (
                ('localhost:1', 200), ('a.localhost', 200), ('[::1]', 200),
                ('127.0.0.1:9', 200), ('192.168.1.2:8788', 200),
                ('mirror', 200), (name, 200), (name + '.local:7', 200),
                ('ghl.example', 200), ('GHL.example:8443', 200),
                ('evil.example', 421), ('ghl.example.evil.example', 421),
                ('127.0.0.1.evil.example', 421), ('localhost.evil', 421)):
            for target in '/-/health', LIST:
                got = p.ask(target, host=host, **TOKEN)
                equal((host, got.status), (host, status))
        equal(got.json()['statusCode'], 421)
        true('hosts' in got.json()['message'], got.body)
        equal(len({path for _, path in p.seen}), 1)


@test
def names_that_were_listed():
    with place('--hosts', 'ghl.example, other.example:8788') as p:
        for host, status in (
                ('ghl.example', 200), ('ghl.example:1', 200),
                ('other.example:8788', 200), ('other.example', 421),
                ('localhost', 421), ('127.0.0.1', 421), ('mirror', 421)):
            equal((host, p.ask('/-/health', host=host).status),
                  (host, status))


# ---- nextPageUrl ----

@test
def next_page_as_asked():
    with place() as p:
        for host in 'localhost:1234', '127.0.0.1', '[::1]:80', 'mirror:8788':
            equal(p.next_page(host=host), 'http://' + host)
        # One upstream request: it is rewritten for each client.
        equal(len(p.seen), 1)


@test
def next_page_per_listener():
    needs_unix_sockets()
    with directory() as path:
        sock = 'unix:%s/x.sock' % path
        with place('--listen', '127.0.0.3:0, ' + sock, '--public-url',
                   'https://all.example, 127.0.0.3:0=http://three.example:81 '
                   '%s=https://[2001:db8::1]:8443/' % sock) as p:
            three = ('127.0.0.3', port_of(p.daemon.others[0]))
            for address, url in (
                    (p.address, 'https://all.example'),
                    (three, 'http://three.example:81'),
                    (path + '/x.sock', 'https://[2001:db8::1]:8443')):
                equal(p.next_page(address), url)
                equal(p.next_page(address, host='mirror'), url)


@test
def next_page_of_wildcards():
    """The connection's own address tells which listener it came by."""
    with place('--listen', '0.0.0.0:0 127.0.0.5:0', '--public-url',
               '0.0.0.0:0=https://any.example '
               '127.0.0.5:0=https://five.example',
               '--allow-lan-passthrough') as p:
        any_port, five_port = [port_of(x) for x in p.daemon.others]
        equal(p.next_page(('127.0.0.4', any_port)), 'https://any.example')
        equal(p.next_page(('127.0.0.5', five_port)), 'https://five.example')
        equal(p.next_page(host='localhost:5'), 'http://localhost:5')


# ---- trusted proxies ----

def peer_of(p, **more):
    """Whom the log takes for the client of this request."""
    got = p.ask('/-/health', **more)
    equal(got.status, 200)
    mark = 'id=%s ' % got.field('x-request-id')
    wait_for(lambda: mark in p.daemon.log(), 'the log')
    return re.search(mark + r'client=(\S+)', p.daemon.log())[1]


PROXY_SAYS = {'x_forwarded_for': '192.0.2.1', 'x_forwarded_proto': 'https',
              'x_forwarded_host': 'ghl.example:8443'}


@test
def a_trusted_proxy_is_believed():
    with place('--trusted-proxies', PROXY + '/32 10.0.0.0/8') as p:
        via = {'source': (PROXY, 0)}
        equal(peer_of(p, **via), PROXY)
        equal(peer_of(p, **via, x_forwarded_for='192.0.2.1'), '192.0.2.1')
        equal(peer_of(p, **via, x_forwarded_for='127.0.0.1, 2001:db8::7, '
                      '10.1.2.3'), '2001:db8::7')
        equal(peer_of(p, **via, forwarded='for="[2001:db8::8]:99"'),
              '2001:db8::8')
        equal(p.next_page(**via, **PROXY_SAYS), 'https://ghl.example:8443')
        equal(p.next_page(**via, host='mirror', forwarded='for=192.0.2.1;'
                          'proto=https'), 'https://mirror')
        # It may keep the name that its client used.
        equal(p.next_page(**via, host='ghl.example', x_forwarded_for='::2'),
              'http://ghl.example')
        equal(p.daemon.counter('forwarded_unused'), 0)


@test
def garbage_of_a_trusted_proxy():
    """It names nobody: not whom it may have meant, nor this machine."""
    with place('--trusted-proxies', PROXY) as p:
        via = {'source': (PROXY, 0)}
        n = 0
        for fields in (
                {'x_forwarded_for': '192.0.2.1, nobody'},
                {'x_forwarded_for': '127.0.0.1:x'},
                {'forwarded': 'for=127.0.0.1;for=192.0.2.1'},
                {'forwarded': 'for=127.0.0.1, for="'},
                {'x_forwarded_for': '192.0.2.1', 'forwarded': 'for=127.0.0.1'}):
            equal(peer_of(p, **via, **fields), PROXY)
            equal(p.ask('/-/status', **via, **fields).status, 403)
            n += 2
            equal(p.daemon.counter('forwarded_unused'), n)
        equal(p.next_page(**via, x_forwarded_proto='gopher',
                          x_forwarded_host='"><script>'), 'http://localhost')


@test
def others_are_not_believed():
    with place('--trusted-proxies', PROXY) as p:
        for source in STRANGER, '127.0.0.1':
            via = {'source': (source, 0)}
            equal(peer_of(p, **via, **PROXY_SAYS), source)
            equal(peer_of(p, **via, forwarded='for=192.0.2.1'), source)
            equal(p.next_page(**via, **PROXY_SAYS), 'http://localhost')
        equal(p.daemon.counter('forwarded_unused'), 0)
    with place() as p:
        equal(peer_of(p, **PROXY_SAYS), '127.0.0.1')
        equal(p.next_page(**PROXY_SAYS), 'http://localhost')


@test
def a_trusted_proxy_by_unix_socket():
    needs_unix_sockets()
    with directory() as path:
        item = 'unix:%s/x.sock' % path
        for options, peer, url in (
                (['--trusted-proxies', 'unix'], '192.0.2.1',
                 'https://ghl.example:8443'),
                (['--trusted-proxies', '127.0.0.0/8'], 'unix',
                 'http://localhost')):
            with place('--listen', item, *options) as p:
                p.address = path + '/x.sock'
                equal(peer_of(p, **PROXY_SAYS), peer)
                equal(p.next_page(**PROXY_SAYS), url)


@test
def the_forwarded_host_is_limited_too():
    """A page that the proxy is called under a name of its own."""
    with place('--trusted-proxies', PROXY, '--hosts',
               'localhost ghl.example') as p:
        via = {'source': (PROXY, 0)}
        for host, status in (('ghl.example:8443', 200),
                             ('evil.example', 421)):
            equal(p.ask('/-/health', **via, x_forwarded_host=host).status,
                  status)
            equal(p.ask('/-/health', **via, forwarded='host="%s"' %
                        host).status, status)


# ---- the operator ----

@test
def status_is_for_the_operator():
    needs_unix_sockets()
    page = 'http://localhost'
    with directory() as below:
        sock = below + '/x.sock'
        with place('--trusted-proxies', '127.0.0.9 unix', '--listen',
                   'unix:' + sock) as p:
            for address, fields, status in (
                    (p.address, {}, 200),
                    (p.address, {'host': '[::1]:80'}, 200),
                    (p.address, {'host': 'mirror'}, 403),
                    (p.address, {'source': (STRANGER, 0)}, 200),
                    (sock, {'host': 'mirror'}, 200),
                    # Through a proxy that nobody trusts.
                    (p.address, {'x_forwarded_for': '127.0.0.1'}, 403),
                    (p.address, {'forwarded': 'for=127.0.0.1'}, 403),
                    (p.address, {'x_forwarded_host': 'localhost'}, 403),
                    (p.address, {'x_real_ip': '127.0.0.1'}, 403),
                    (p.address, {'via': '1.1 nginx'}, 403),
                    # Through one that is: as its client is.
                    (p.address, {'source': (PROXY, 0)}, 200),
                    (p.address, {'source': (PROXY, 0),
                                 'x_forwarded_for': '127.0.0.1'}, 200),
                    (p.address, {'source': (PROXY, 0),
                                 'x_forwarded_for': '::1',
                                 'x_forwarded_host': 'evil.example'}, 403),
                    (p.address, {'source': (PROXY, 0),
                                 'x_forwarded_for': '127.0.0.1, 192.0.2.1'},
                     403),
                    (p.address, {'source': (PROXY, 0),
                                 'forwarded': 'for=unknown'}, 403),
                    (p.address, {'source': (PROXY, 0), 'via': '1.1 x'}, 403),
                    (sock, {'x_forwarded_for': '127.0.0.1'}, 200),
                    (sock, {'x_forwarded_for': '192.0.2.1'}, 403),
                    # From a page.
                    (p.address, {'origin': page}, 200),
                    (p.address, {'origin': page + ':3000'}, 403),
                    (p.address, {'origin': 'https://evil.example'}, 403),
                    (p.address, {'origin': 'null'}, 403),
                    (p.address, {'sec_fetch_site': 'same-origin'}, 200),
                    (p.address, {'sec_fetch_site': 'none'}, 200),
                    (p.address, {'sec_fetch_site': 'same-site'}, 403),
                    (p.address, {'sec_fetch_site': 'cross-site'}, 403)):
                for path in '/-/status', '/-/metrics':
                    got = ask(address, path, **fields)
                    equal((path, fields, got.status), (path, fields, status))
                # These are open to all.
                equal(ask(address, '/-/health', **fields).status, 200)
                equal(ask(address, '/-/ready', **fields).status, 200)


# ---- web pages ----

APP = 'https://app.example'
UPSTREAMS_OWN = [('Access-Control-Allow-Origin', '*'),
                 ('access-control-allow-credentials', 'true'),
                 ('Access-Control-Expose-Headers', 'x-secret'),
                 ('ETag', '"v1"')]


def cors_of(answer):
    return {k[len('access-control-'):]: v for k, v in answer.head.items()
            if k.startswith('access-control-')}


def answers_of_every_kind(p, **fields):
    """Miss, hit, 304, upstream's error, ours, a refusal, our own endpoint."""
    p.server.fields = UPSTREAMS_OWN
    yield 200, p.ask(LIST, **TOKEN, **fields)
    wait_for(lambda: p.ask(LIST, **TOKEN).is_hit, 'the hit')
    yield 200, p.ask(LIST, **TOKEN, **fields)
    yield 304, p.ask(LIST, **TOKEN, **fields, if_none_match='"v1"')
    p.server.status = 404
    yield 404, p.ask('/contacts/none', **TOKEN, **fields)
    yield 504, p.ask('/contacts/other', **TOKEN, **fields,
                     cache_control='only-if-cached')
    yield 400, p.ask('/a/../b', **TOKEN, **fields)
    yield 421, p.ask('/-/health', **fields, host='evil.example')
    yield 200, p.ask('/-/health', **fields)
    p.server.status = 200


@test
def no_page_unless_told():
    with place() as p:
        for fields in {}, {'origin': APP}:
            for status, got in answers_of_every_kind(p, **fields):
                equal((got.status, cors_of(got), got.field('vary')),
                      (status, {}, None))


@test
def listed_pages():
    with place('--cors-origins', APP + ', http://localhost:3000') as p:
        for origin in APP, 'http://localhost:3000':
            for status, got in answers_of_every_kind(p, origin=origin):
                cors = cors_of(got)
                exposed = cors.pop('expose-headers').lower().split(', ')
                equal((got.status, cors, got.field('vary')),
                      (status, {'allow-origin': origin}, 'Origin'))
                for name in 'cache-status', 'x-request-id', 'retry-after':
                    true(name in exposed, exposed)
        # An answer that a browser keeps must not serve another page.
        for fields in {}, {'origin': 'https://evil.example'}, \
                {'origin': 'null'}, {'origin': APP + ':444'}:
            for status, got in answers_of_every_kind(p, **fields):
                equal((got.status, cors_of(got), got.field('vary')),
                      (status, {}, 'Origin'))


@test
def every_page():
    with place('--cors-origins', '*') as p:
        for status, got in answers_of_every_kind(p, origin='null'):
            equal((got.status, cors_of(got)['allow-origin'],
                   got.field('vary')), (status, '*', None))
            true('allow-credentials' not in cors_of(got), got.head)
        equal(cors_of(p.ask('/-/health')), {})


@test
def stale_answers_too():
    config = '[route c]\nmatch = contacts.get-contacts\nttl = 1ms\n'
    with place('--cors-origins', APP, '--stale-wait', '10ms',
               config=config) as p:
        p.server.fields = UPSTREAMS_OWN
        equal(p.ask(LIST, **TOKEN).status, 200)
        p.daemon.settle()
        p.server.status = 503
        got = p.ask(LIST, **TOKEN, origin=APP)
        equal((got.status, got.is_hit, cors_of(got)['allow-origin']),
              (200, True, APP))


def preflight(p, origin=APP, asked='authorization,version', method='GET',
              target='/contacts/'):
    return p.ask(target, method='OPTIONS', origin=origin,
                 access_control_request_method=method,
                 access_control_request_headers=asked)


@test
def preflights():
    with place('--cors-origins', APP, '--forward-headers', 'X-Mine') as p:
        got = preflight(p, asked='authorization,content-type,version,x-mine,'
                        'x-other,cache-control,mcp-session-id,host,cookie')
        equal((got.status, got.body, got.field('content-length')),
              (204, b'', None))
        cors = cors_of(got)
        equal(cors.pop('allow-headers').split(', '), [
            'authorization', 'content-type', 'version', 'x-mine',
            'cache-control', 'mcp-session-id'])
        cors.pop('expose-headers')
        equal(cors, {'allow-origin': APP, 'max-age': '600', 'allow-methods':
                     'GET, HEAD, POST, PUT, PATCH, DELETE'})
        equal(got.field('vary'), 'Origin')
        for method in 'PUT', 'DELETE', 'PATCH':
            equal(preflight(p, method=method, target='/-/status').status, 204)
        for origin in 'https://evil.example', 'null':
            got = preflight(p, origin)
            equal((got.status, cors_of(got)), (403, {}))
        # One connection serves the preflight and the request.
        with Conn(connected(p.address)) as c:
            equal(c.call(LIST, method='OPTIONS', origin=APP,
                         access_control_request_method='GET').status, 204)
            equal(c.call(LIST, **TOKEN, origin=APP).status, 200)
        equal(p.seen, [('GET', LIST)])
        equal(p.daemon.counter('preflights'), 7)


@test
def options_that_are_no_preflight():
    """They go upstream, as before; preflights never do."""
    with place() as p:
        for fields in {}, {'origin': APP}, \
                {'access_control_request_method': 'GET'}:
            got = p.ask('/contacts/', method='OPTIONS', **TOKEN, **fields)
            equal((got.status, cors_of(got)), (200, {}))
        equal(len(p.seen), 3)
        got = preflight(p)
        equal((got.status, cors_of(got), len(p.seen)), (403, {}, 3))


if __name__ == '__main__':
    sys.exit(run())
