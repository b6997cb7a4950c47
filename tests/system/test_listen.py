#!/usr/bin/env python3
"""What it listens on: several addresses, both families, unix sockets; who is
let in without being asked, and what it leaves behind."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys

from lan_rig import NOWHERE, Conn, ask, connected, place, refused
from rig import (PROGRAM, Daemon, Skip, directory, equal, needs_unix_sockets,
                 run, test, true, wait_for)

LONGEST = 107  # bytes of a socket's path


def needs_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
    except OSError as e:
        raise Skip('no IPv6 here: %s' % e) from e


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


# ---- TCP ----

@test
def both_families_at_once():
    """An IPv6 address takes IPv6 only, so that both can have the port."""
    needs_ipv6()
    port = free_port()
    with place('--listen', '0.0.0.0:%d [::]:%d' % (port, port),
               '--allow-lan-passthrough') as p:
        equal(p.daemon.others, [('http', '0.0.0.0:%d' % port),
                                ('http', '[::]:%d' % port)])
        for host in '127.0.0.1', '127.0.0.2', '::1':
            equal(ask((host, port), '/-/ready').status, 200)
        with socket.socket(socket.AF_INET6) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.connect(('::ffff:127.0.0.1', port))
            equal(Conn(sock).call('/-/ready').status, 200)


@test
def a_name_stands_for_all_its_addresses():
    wanted = {info[4][0] for info in socket.getaddrinfo(
        'localhost', None, type=socket.SOCK_STREAM)}
    port = free_port()
    with place('--listen', 'localhost:%d' % port) as p:
        found = {text.rpartition(':')[0].strip('[]')
                 for _, text in p.daemon.others}
        true(found and found <= wanted, found)
        for host in found:
            equal(ask((host, port), '/-/ready').status, 200)


@test
def off_loopback_only_when_told():
    with directory() as path:
        for item in ('0.0.0.0:0', '[::]:0', '192.0.2.1:0', '[2001:db8::1]:0',
                     'a.name.invalid:0', '[fe80::1]:0', '128.0.0.1:0'):
            text = refused(path, '--listen', item)
            true(text.startswith('ghlmirror: --listen: %s is not on loopback; '
                                 'set allow_lan_passthrough = yes' % item),
                 text)
        for item in '[::ffff:127.0.0.1]:0', '[::ffff:192.0.2.1]:0':
            true('of one kind' in refused(path, '--listen', item), item)
        true(os.listdir(path) == [], 'something was made')


@test
def the_name_service_may_not_widen():
    """A name that the file promises to be loopback, and that is not."""
    if os.geteuid() != 0:
        raise Skip('needs a mount namespace')
    with directory() as path:
        with open(path + '/hosts', 'w', encoding='utf-8') as f:
            f.write('192.0.2.7 localhost\n')
        script = ('mount --bind "$1/hosts" /etc/hosts && exec "$2" serve '
                  '--upstream %s --state "$1/s" --log-file "$1/log" '
                  '--listen localhost:0' % NOWHERE)
        done = subprocess.run(
            ['unshare', '-m', 'sh', '-c', script, 'sh', path, PROGRAM],
            capture_output=True, text=True, timeout=60)
        if 'ghlmirror' not in done.stderr:
            raise Skip('no mount namespace here: %s' % done.stderr.strip())
        equal(done.returncode, 1)
        true('stands for 192.0.2.7, which is not on loopback' in done.stderr,
             done.stderr)


# ---- unix sockets ----

def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@test
def a_unix_socket():
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        with place('--listen', 'unix:' + sock, '--threads', '3') as p:
            equal(p.daemon.others, [('unix', sock)])
            equal(mode_of(sock), 0o660)
            conns = [Conn(connected(sock)) for _ in range(50)]
            for c in conns:
                equal(c.call('/-/health', host='any.name').status, 200)
            # This machine, so the operator.
            equal(ask(sock, '/-/status', host='any.name').status, 200)
            for c in conns:
                c.sock.close()
            wait_for(lambda: 'client=unix' in p.daemon.log(), 'the log')
            p.daemon.stop()
            true(not os.path.lexists(sock), 'the socket is still there')


@test
def mode_whatever_the_umask():
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        for umask, mode in ((0, '0600'), (0o077, '0666'), (0o177, '660')):
            old = os.umask(umask)
            try:
                daemon = Daemon(NOWHERE, path + '/s', '--listen',
                                'unix:' + sock, '--unix-mode', mode)
            finally:
                os.umask(old)
            equal(mode_of(sock), int(mode, 8))
            daemon.stop()


@test
def every_length_of_path():
    needs_unix_sockets()
    with directory() as path:
        for n in (len(path) + 2, 70, LONGEST):
            sock = path + '/' + 'x' * (n - len(path) - 1)
            equal(len(sock), n)
            with place('--listen', 'unix:' + sock):
                equal(ask(sock, '/-/ready').status, 200)
        text = refused(path, '--listen', 'unix:%s/%s' % (path, 'x' * 100))
        true('at most 107 bytes' in text, text)


@test
def what_is_in_the_way():
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        item = 'unix:' + sock
        with open(sock, 'w', encoding='utf-8') as f:
            f.write('precious')
        true('is not a socket' in refused(path, '--listen', item), 'a file')
        os.rename(sock, path + '/precious')
        os.symlink('precious', sock)
        true('is not a socket' in refused(path, '--listen', item), 'a link')
        os.unlink(sock)
        equal(open(path + '/precious', encoding='utf-8').read(), 'precious')
        text = refused(path, '--listen', 'unix:%s/no/x.sock' % path)
        equal(text, 'ghlmirror: %s/no/x.sock: its directory does not exist\n'
              % path)
        text = refused(path, '--listen', 'unix:%s/precious/x.sock' % path)
        true('Not a directory' in text, text)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(sock)
            other.listen()
            true(': in use' in refused(path, '--listen', item), 'a live one')
        if os.geteuid() == 0:
            os.chown(sock, 65534, -1)
            text = refused(path, '--listen', item)
            true('of another user' in text and os.path.exists(sock), text)
            os.chown(sock, 0, -1)
        with place('--listen', item):  # now a dead one of ours
            equal(ask(sock, '/-/ready').status, 200)


@test
def left_by_kill():
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        daemon = Daemon(NOWHERE, path + '/a', '--listen', 'unix:' + sock)
        text = refused(path, '--listen', 'unix:' + sock)
        true(': in use' in text, text)
        equal(ask(sock, '/-/ready').status, 200)
        daemon.kill()
        true(os.path.exists(sock), 'kill -9 removed it')
        with place('--listen', 'unix:' + sock):
            equal(ask(sock, '/-/ready').status, 200)


@test
def not_taken_from_a_successor():
    """At its end a daemon removes its own socket, not who came after."""
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        daemon = Daemon(NOWHERE, path + '/a', '--listen', 'unix:' + sock)
        os.unlink(sock)
        with place('--listen', 'unix:' + sock):
            daemon.stop()
            equal(ask(sock, '/-/ready').status, 200)


@test
def one_of_two_that_start_at_once():
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        for n in range(4):
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(sock)
            both = [subprocess.Popen(
                [PROGRAM, 'serve', '--upstream', NOWHERE, '--state',
                 '%s/%d-%d' % (path, n, i), '--log-file', path + '/log',
                 '--listen', 'unix:' + sock], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE) for i in range(2)]
            lines = [p.stdout.readline() for p in both]
            equal(sorted(bool(x) for x in lines), [False, True])
            equal(ask(sock, '/-/ready').status, 200)
            for p in both:
                p.send_signal(signal.SIGTERM)
                p.communicate(timeout=60)
            equal(sorted(p.returncode for p in both), [0, 1])
            true(not os.path.lexists(sock), 'the socket is still there')


# ---- CVE-2026-63388 ----

def library():
    """Path of the libevent that the daemon uses."""
    done = subprocess.run(['ldd', PROGRAM], capture_output=True, text=True)
    found = re.search(r'libevent_extra\S* => (\S+)', done.stdout)
    if not found:
        raise Skip('libevent is not a shared library here')
    return found[1]


@test
def clients_with_long_addresses():
    """They ended the process."""
    needs_unix_sockets()
    with directory() as path:
        sock = path + '/x.sock'
        with place('--listen', 'unix:' + sock) as p:
            for n in (2, 26, 31, 32, 70, LONGEST, LONGEST + 1):
                owns = ['\0' + 'c' * (n - 1)]
                if len(path) + 2 <= n <= LONGEST:
                    owns.append(path + '/' + 'c' * (n - len(path) - 1))
                for own in owns:
                    got = ask(sock, '/-/ready', source=own)
                    equal((own, got.status), (own, 200))
            equal(p.ask('/-/ready').status, 200)


@test
def without_the_fix_no_unix_socket():
    """As an unpatched libevent looks, which has the same version."""
    with directory() as path:
        mended = b'evhttp_str_is_chunked_'
        with open(library(), 'rb') as f:
            data = f.read()
        if mended not in data:
            raise Skip('this libevent is not mended')
        # The library itself must still find it, by the same hash: 33 'd' +
        # '_' is 33 'e' + '>'.
        copy = path + '/' + os.path.basename(library())
        with open(copy, 'wb') as f:
            f.write(data.replace(mended, mended[:-2] + b'e>'))
        env = {**os.environ, 'LD_LIBRARY_PATH': path}
        text = refused(path, '--listen', 'unix:%s/x.sock' % path, env=env)
        true('CVE-2026-63388' in text, text)
        true(not os.path.lexists(path + '/x.sock'), 'the socket is left')


if __name__ == '__main__':
    sys.exit(run())
