#!/usr/bin/env python3
"""The systemd unit: how exposed the service is, and that the daemon works
under what the unit forbids."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

from rig import (PROGRAM, Rig, Skip, directory, equal, is_sanitized, run,
                 test, true, wait_for)

UNIT = os.path.join(os.environ.get('top_builddir', '.'),
                    'contrib/systemd/ghlmirror.service')
CONFINE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       'confine.py')
EXPOSURE_MAX = 2.0


@test
def exposure():
    if not shutil.which('systemd-analyze'):
        raise Skip('no systemd-analyze')
    done = subprocess.run(
        ['systemd-analyze', 'security', '--offline=true', '--no-pager', UNIT],
        capture_output=True, text=True, timeout=60)
    found = re.search(r'Overall exposure level for \S+: ([\d.]+)',
                      done.stdout)
    if not found:
        raise Skip('systemd-analyze cannot judge a file: '
                   + done.stderr.strip())
    print('# exposure %s' % found[1])
    true(float(found[1]) < EXPOSURE_MAX, found[0])


# ---- under the unit's restrictions ----

def confined(place, *command):
    """Runs a command; Skip where confinement is not to be had."""
    done = subprocess.run([sys.executable, '-B', CONFINE, UNIT, place,
                           *command], capture_output=True, text=True,
                          timeout=60)
    if done.returncode == 77:
        raise Skip(done.stderr.strip())
    return done


# Tries what is forbidden, by name of the result.
ATTEMPTS = '''
import ctypes, errno, mmap, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, call):
    try:
        call()
        print(name, "worked")
    except OSError as e:
        print(name, errno.errorcode[e.errno])
def raw(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
place = sys.argv[1]
tried("inside", lambda: open(place + "/file", "w").close())
tried("outside", lambda: open("/usr/ghlmirror-was-here", "w").close())
tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
tried("inet", lambda: socket.socket().close())
tried("unix", lambda: socket.socket(socket.AF_UNIX).close())
tried("code", lambda: mmap.mmap(-1, 4096, prot=7))
tried("namespace", lambda: raw(272, 0x10000000))
tried("ptrace", lambda: raw(101, 0, 0, 0, 0))
tried("mount", lambda: raw(165, b"none", b"/mnt", b"tmpfs", 0, 0))
tried("set-id", lambda: os.chmod(place + "/file", 0o4755))
tried("chroot", lambda: os.chroot("/"))
tried("priority", lambda: os.nice(-1))
'''


@test
def confinement_confines():
    """What the next test passes under does forbid something."""
    if os.uname().machine != 'x86_64':
        raise Skip('numbers of system calls of x86_64')
    with directory() as place:
        done = confined(place, sys.executable, '-I', '-S', '-c', ATTEMPTS,
                        place)
    got = dict(line.split() for line in done.stdout.splitlines())
    equal(got, {
        'inside': 'worked', 'outside': 'EROFS', 'packet': 'EAFNOSUPPORT',
        'inet': 'worked', 'unix': 'worked', 'code': 'EPERM',
        'namespace': 'EPERM', 'ptrace': 'EPERM', 'mount': 'EPERM',
        'set-id': 'EPERM', 'chroot': 'EPERM', 'priority': 'EPERM'})


class TlsRelay:
    """TLS before a plain upstream, as `localhost`."""

    def __init__(self, place, upstream):
        self.cert, key = place + '/cert.pem', place + '/key.pem'
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
             '-addext', 'subjectAltName=DNS:localhost', '-days', '2',
             '-keyout', key, '-out', self.cert],
            check=True, capture_output=True)
        self.upstream = upstream
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.cert, key)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = 'https://localhost:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[sock],
                                 daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError), \
                self.tls.wrap_socket(sock, server_side=True) as client, \
                socket.create_connection(self.upstream) as server:
            threading.Thread(target=self._copy, args=[server, client],
                             daemon=True).start()
            self._copy(client, server)

    @staticmethod
    def _copy(source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def close(self):
        self.listener.close()


class ConfinedRig(Rig):
    """The rig, its daemon confined, its upstream behind TLS and a name."""

    def start(self):
        place = os.path.dirname(self.state)
        launcher = place + '/launcher'
        if not os.path.exists(launcher):
            self.relay = TlsRelay(
                place, (self.sandbox.host, self.sandbox.port))
            self.stack.callback(self.relay.close)
            self.upstream = self.relay.url
            self.options = [*self.options, '--upstream-ca', self.relay.cert,
                            '--log-file', place + '/log']
            with open(launcher, 'w', encoding='utf-8') as f:
                f.write("#!/bin/sh\nexec '%s' -B '%s' '%s' '%s' '%s' \"$@\"\n"
                        % (sys.executable, CONFINE, os.path.abspath(UNIT),
                           place, os.path.abspath(PROGRAM)))
            os.chmod(launcher, 0o700)
        self.program = (launcher,)
        super().start()


def status_of(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f)


@test
def daemon_works_confined():
    """Start, name, TLS, misses, hits, writes, reload, restart, drain."""
    if is_sanitized():
        raise Skip('sanitizers need what the unit forbids')
    if not shutil.which('openssl'):
        raise Skip('no openssl to make a certificate with')
    with directory() as place:
        equal(confined(place, '/bin/true').returncode, 0)
    with ConfinedRig() as rig:
        status = status_of(rig.daemon.process.pid)
        equal((status['NoNewPrivs'], status['Seccomp'], int(
            status['CapEff'], 16), int(status['CapBnd'], 16)),
              ('1', '2', 0, 0))
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        equal(rig.call('PUT', target, {'firstName': 'Bound'}).status, 200)
        equal(rig.get(target).json()['contact']['firstName'], 'Bound')
        rig.hit(target)
        rig.daemon.purge('--all')
        equal(rig.get(target).is_hit, False)
        log = os.path.dirname(rig.state) + '/log'
        os.rename(log, log + '.old')
        rig.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: os.path.exists(log), 'the new log')
        rig.hit(target)
        rig.restart()
        true(rig.get(target).is_hit, 'not kept')
        rig.restart(is_killed=True)
        true(rig.get(target).is_hit, 'not kept at kill -9')


if __name__ == '__main__':
    sys.exit(run())
