#!/usr/bin/env python3
"""From another host: a second network namespace, with a wire between.

The test runs in namespaces of its own, which it makes with unshare(1); where
that is not allowed it is skipped."""

import contextlib
import ctypes
import os
import socket
import subprocess
import sys

from lan_rig import Conn, connected, refused
from rig import Rig, directory, equal, run, test, true, wait_for

HERE4, HERE6 = '192.0.2.1', '2001:db8::1'
THERE4, THERE6 = '192.0.2.2', '2001:db8::2'
NAME = 'mirror.lan'
INSIDE = 'GHLMIRROR_TEST_INSIDE'
CLONE_NEWNET = 0x40000000


# ---- the two hosts ----

def enter():
    """Runs this program again in namespaces of its own; does not return but
    there, or with why not."""
    if INSIDE in os.environ:
        return None
    command = ['unshare', '--user', '--map-root-user', '--net', '--mount']
    if os.geteuid() == 0:
        command = ['unshare', '--net', '--mount']
    for needed in command + ['true'], ['ip', '-V']:
        try:
            done = subprocess.run(needed, capture_output=True, text=True)
        except OSError as e:
            return str(e)
        if done.returncode != 0:
            return done.stderr.strip()
    os.environ[INSIDE] = 'yes'
    os.execvp(command[0], command + [sys.executable, '-B', *sys.argv])


def ip(*words):
    subprocess.run(['ip', *words], check=True)


class OtherHost:
    """A process in the second namespace, which opens sockets there and hands
    them over: a socket stays where it was made."""

    def __init__(self):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self.ours.close()
            self._serve(theirs)
            os._exit(0)
        theirs.close()
        equal(self.ours.recv(10), b'up')

    def _serve(self, control):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            os._exit(1)
        control.send(b'up')
        while control.recv(10):
            pair = [socket.socket(), socket.socket(socket.AF_INET6)]
            socket.send_fds(control, [b'x'], [s.fileno() for s in pair])
            for s in pair:
                s.close()

    def connected(self, address):
        self.ours.send(b'x')
        _, fds, _, _ = socket.recv_fds(self.ours, 10, 2)
        v4, v6 = [socket.socket(fileno=fd) for fd in fds]
        wanted, other = (v6, v4) if ':' in address[0] else (v4, v6)
        other.close()
        wanted.settimeout(20)
        try:
            wanted.connect(address)
        except OSError:
            wanted.close()
            raise
        return wanted

    def ask(self, address, target, **more):
        with Conn(self.connected(address)) as c:
            return c.call(target, **more)

    def close(self):
        self.ours.close()
        os.waitpid(self.pid, 0)


@contextlib.contextmanager
def network():
    """The wire, with an address of each family at both ends."""
    other = OtherHost()
    try:
        ip('link', 'set', 'lo', 'up')
        ip('link', 'add', 'here', 'type', 'veth', 'peer', 'name', 'there',
           'netns', str(other.pid))
        ip('address', 'add', HERE4 + '/24', 'dev', 'here')
        ip('address', 'add', HERE6 + '/64', 'dev', 'here', 'nodad')
        ip('link', 'set', 'here', 'up')
        there = ['nsenter', '--target', str(other.pid), '--net', 'ip']
        for words in (['address', 'add', THERE4 + '/24', 'dev', 'there'],
                      ['address', 'add', THERE6 + '/64', 'dev', 'there',
                       'nodad'],
                      ['link', 'set', 'there', 'up'],
                      ['link', 'set', 'lo', 'up']):
            subprocess.run(there + words, check=True)
        yield other
    finally:
        other.close()
        subprocess.run(['ip', 'link', 'delete', 'here'],
                       stderr=subprocess.DEVNULL)


def served(*options):
    """A sandbox with 95 contacts, so that there is a next page, and the
    daemon on all addresses; gives the rig and the port by family."""
    return Rig('--contacts', '95', options=[
        '--listen', '0.0.0.0:0 [::]:0', '--allow-lan-passthrough', *options])


def ports(rig):
    return [(host, int(item[1].rpartition(':')[2]))
            for host, item in zip((HERE4, HERE6), rig.daemon.others)]


def bracketed(host):
    return '[%s]' % host if ':' in host else host


# ---- tests ----

@test
def refused_without_permission():
    """It does not start, and what does start is not reached."""
    with network() as other, directory() as path:
        for item in HERE4 + ':0', '[%s]:0' % HERE6, '0.0.0.0:0', '[::]:0':
            text = refused(path, '--listen', item)
            true('set allow_lan_passthrough = yes' in text, text)
        with Rig(options=['--listen', '[::1]:0']) as rig:
            for host, port in ports(rig)[:1] + [(HERE4, rig.address[1])]:
                try:
                    other.connected((host, port)).close()
                except ConnectionRefusedError:
                    continue
                raise AssertionError('%s:%d is open' % (host, port))


@test
def served_with_permission():
    with network() as other, served() as rig:
        target = '/contacts/' + rig.contact()
        for host, port in ports(rig):
            with Conn(other.connected((host, port))) as c:
                name = '%s:%d' % (bracketed(host), port)
                got = c.call(target, host=name, **rig.headers())
                equal((got.status, got.json()['contact']['id']),
                      (200, target.rpartition('/')[2]))
        # What one host read is there for the other, by the same token.
        equal(rig.hit(target).status, 200)
        for peer in THERE4, THERE6:
            wait_for(lambda: 'client=%s ' % peer in rig.daemon.log(), peer)


@test
def next_page_by_address_and_by_name():
    with network() as other, served() as rig:
        target = '/contacts/?locationId=%s&limit=20' % rig.location
        for host, port in ports(rig):
            for name in bracketed(host), NAME, 'mirror':
                authority = '%s:%d' % (name, port)
                got = other.ask((host, port), target, host=authority,
                                **rig.headers())
                url = got.json()['meta']['nextPageUrl']
                start = 'http://%s/contacts/?' % authority
                true(url.startswith(start), url)
                # It leads to the second page, through the proxy.
                page = other.ask((host, port), url[len(start) - 11:],
                                 host=authority, **rig.headers())
                equal(page.status, 200)
                true(page.json()['contacts'][0]['id'] not in
                     [c['id'] for c in got.json()['contacts']], url)


@test
def wrong_host():
    with network() as other, served('--hosts', NAME + ' ' + HERE4) as rig:
        for host, port in ports(rig):
            for name, status in ((NAME, 200), (HERE4, 200),
                                 ('evil.example', 421), (HERE6, 400),
                                 ('[%s]' % HERE6, 421), ('localhost', 421)):
                got = other.ask((host, port), '/-/health', host=name)
                equal((host, name, got.status), (host, name, status))
                if status == 421:
                    equal(got.json()['error'], 'Misdirected Request')


@test
def status_is_not_told_there():
    with network() as other, served() as rig:
        for host, port in ports(rig):
            for name in 'localhost', '127.0.0.1', bracketed(host), NAME:
                for fields in {}, {'x_forwarded_for': '127.0.0.1'}, \
                        {'forwarded': 'for=127.0.0.1'}:
                    got = other.ask((host, port), '/-/status', host=name,
                                    **fields)
                    equal((host, name, got.status), (host, name, 403))
            equal(other.ask((host, port), '/-/health').status, 200)
            # By an address of its own this machine is like any other.
            with Conn(connected((host, port))) as c:
                equal(c.call('/-/status', host='localhost').status, 403)
        equal(rig.get('/-/status').status, 200)


@test
def a_proxy_on_another_host():
    with network() as other, served('--trusted-proxies', THERE4) as rig:
        address = ports(rig)[0]
        got = other.ask(
            address, '/contacts/?locationId=%s' % rig.location,
            x_forwarded_for='198.51.100.7', x_forwarded_proto='https',
            x_forwarded_host='ghl.example', **rig.headers())
        true(got.json()['meta']['nextPageUrl'].startswith(
            'https://ghl.example/contacts/?'), got.body[:300])
        wait_for(lambda: 'client=198.51.100.7' in rig.daemon.log(), 'the log')
        # The proxy's own loopback is not ours.
        equal(other.ask(address, '/-/status', host='localhost',
                        x_forwarded_for='127.0.0.1').status, 403)


if __name__ == '__main__':
    WHY = enter()
    if WHY:
        print('1..0 # SKIP no network namespace here: ' + WHY)
        sys.exit(77)
    sys.exit(run())
