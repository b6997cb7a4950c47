"""A service manager in miniature: it hands listening sockets to the daemon,
keeps them while the daemon is restarted, and hears what the daemon tells."""
import ctypes
import errno
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import time

from rig import PROGRAM, WAIT_S, Daemon, Skip, true

FIRST_FD = 3
# Sockets are kept above those that a child gets them as.
LOW_FDS = 20


class Process:
    """What subprocess.Popen is to the rig, for a child with chosen
    descriptors."""

    def __init__(self, arguments, environment, descriptors):
        """descriptors: {number in the child: ours}."""
        actions = [(os.POSIX_SPAWN_DUP2, ours, theirs)
                   for theirs, ours in descriptors.items()]
        self.pid = os.posix_spawn(arguments[0], arguments, environment,
                                  file_actions=actions)
        self.returncode = None
        self.stdout = None

    def _reap(self, options):
        pid, status = os.waitpid(self.pid, options)
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, bound_s=None):
        end = time.monotonic() + (bound_s or WAIT_S)
        while self.returncode is None and self._reap(os.WNOHANG) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired('ghlmirror', bound_s)
            time.sleep(0.002)
        return self.returncode


class Managed(Daemon):
    """A daemon that a Manager has started."""

    def __init__(self, manager, upstream, state, *options):
        self.state = state
        self.log_path = state + '.log'
        arguments = ['--upstream', upstream, '--state', state, *options]
        if not manager.sockets:
            arguments += ['--listen', '127.0.0.1:0']
        self.process = manager.spawn(arguments, self.log_path)
        self.address = self._ready()


class Manager:
    def __init__(self, place, sockets=(), watchdog_s=0, is_abstract=False):
        self.sockets = [_raised(s) for s in sockets]
        self.watchdog_s = watchdog_s
        self.name = ('@ghlmirror-test/%d/%d' % (os.getpid(), id(self))
                     if is_abstract else os.path.join(place, 'notify'))
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(self.name.replace('@', '\0', 1) if is_abstract
                      else self.name)
        self.told = []
        self.upstream = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ear.close()
        for fd in self.sockets:
            os.close(fd)

    def spawn(self, arguments, log_path):
        """`ghlmirror serve` with our sockets from descriptor 3 on."""
        environment = {**os.environ, 'NOTIFY_SOCKET': self.name}
        if self.watchdog_s:
            environment['WATCHDOG_USEC'] = str(int(self.watchdog_s * 1e6))
        command = 'exec "$0" "$@"'
        if self.sockets:
            environment['LISTEN_FDS'] = str(len(self.sockets))
            command = 'LISTEN_PID=$$ ' + command
        ours, theirs = os.pipe()
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        high = [_raised_fd(fd) for fd in (theirs, log)]
        descriptors = {1: high[0], 2: high[1]}
        for n, fd in enumerate(self.sockets):
            descriptors[FIRST_FD + n] = fd
        process = Process(['/bin/sh', '-c', 'export LISTEN_PID; ' + command,
                           PROGRAM, 'serve', *arguments],
                          environment, descriptors)
        for fd in (theirs, log, *high):
            os.close(fd)
        process.stdout = os.fdopen(ours, 'rb')
        return process

    def hear(self, bound_s=WAIT_S):
        """The next message as a dict, with the time it came; None when none
        comes."""
        if not select.select([self.ear], [], [], bound_s)[0]:
            return None
        lines = self.ear.recv(4096).decode().split('\n')
        message = dict(line.split('=', 1) for line in lines)
        message['at'] = time.monotonic()
        self.told.append(message)
        return message

    def hear_of(self, name):
        """The next message that names it."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            message = self.hear(end - time.monotonic())
            if message and name in message:
                return message
        raise AssertionError('no %s, only %r' % (name, self.told))


def _raised_fd(fd):
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, LOW_FDS)


def _raised(sock):
    fd = _raised_fd(sock.fileno())
    sock.close()
    return fd


def listening(address=('127.0.0.1', 0), backlog=4096):
    """A listening TCP socket, or a unix one for a path."""
    is_unix = isinstance(address, str)
    sock = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
    sock.bind(address)
    sock.listen(backlog)
    return sock


# ---- stopping one thread ----

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def _ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) < 0:
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.ENOSYS):
            raise Skip('ptrace is not permitted')
        raise OSError(number, os.strerror(number))


def thread_of(pid, name):
    base = '/proc/%d/task' % pid
    for tid in os.listdir(base):
        with open(os.path.join(base, tid, 'comm'), encoding='ascii') as f:
            if f.read().strip() == name:
                return int(tid)
    raise AssertionError('no thread ' + name)


class Stopped:
    """One thread of a process stands still, the others go on."""

    def __init__(self, pid, name):
        self.tid = thread_of(pid, name)

    def __enter__(self):
        _ptrace(SEIZE, self.tid)
        _ptrace(INTERRUPT, self.tid)
        _, status = os.waitpid(self.tid, WALL)
        true(os.WIFSTOPPED(status), 'it did not stop')
        return self

    def __exit__(self, *_):
        _ptrace(DETACH, self.tid)


# ---- clients that must not notice ----

HEAD = re.compile(rb'^HTTP/1\.1 (\d+) .*?\r\n\r\n', re.S)


class Worker:
    """Sends requests at a pace until told to stop, on a new connection each
    or on one that is kept until the answer says close."""

    def __init__(self, address, request, is_kept, every_s):
        self.address = address
        self.request = request
        self.is_kept = is_kept
        self.every_s = every_s
        self.sock = None
        self.sent = 0
        self.failures = []
        self.slowest_s = 0

    def run(self, stop):
        due = time.monotonic()
        while not stop.is_set():
            begun = time.monotonic()
            try:
                self._one()
            except (OSError, AssertionError) as e:
                self.failures.append('%s: %s' % (type(e).__name__, e))
                self._close()
            self.sent += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            due = max(due + self.every_s, time.monotonic() - 1)
            stop.wait(max(0, due - time.monotonic()))
        self._close()

    def _one(self):
        if self.sock is None:
            self.sock = socket.create_connection(self.address, WAIT_S)
        self.sock.sendall(self.request)
        data = b''
        while True:
            more = self.sock.recv(65536)
            true(more, 'closed after %d bytes of an answer' % len(data))
            data += more
            head = HEAD.match(data)
            if not head:
                continue
            length = re.search(rb'\r\nContent-Length: (\d+)\r\n', head[0])
            if len(data) >= len(head[0]) + int(length[1]):
                break
        true(head[1] == b'200', 'answered %s' % head[1].decode())
        if not self.is_kept or b'\r\nConnection: close\r\n' in head[0]:
            self._close()

    def _close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None
