#!/usr/bin/env python3
"""Runs a program under the restrictions of a systemd unit, without systemd:

    confine.py UNIT WRITABLE_DIR PROGRAM [ARGUMENT ...]

Built from the unit's own lines, so that a test with it is a test of the unit:
the system call filter (its sets as systemd-analyze names them), address
families, namespaces, W^X memory, realtime, set-id files, no capabilities, no
new privileges, a file system that is read-only but for one directory, umask
and limits. In a user namespace of its own, as PrivateUsers=yes has it, so
nobody need be root. Not rebuilt: PrivateDevices, PrivateTmp, ProtectProc and
what needs cgroups.

Exits 77 where the kernel or a tool does not allow it.
"""
import ctypes
import errno
import functools
import os
import re
import resource
import shutil
import struct
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
SKIPPED = 77


def skip(why):
    print(why, file=sys.stderr)
    sys.exit(SKIPPED)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        skip('%s: %s' % (what, os.strerror(number)))


# ---- the unit ----

def settings_of(path):
    """{name: [value, ...]} of [Service]."""
    found = {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            m = re.fullmatch(r'(\w+)=(.*)\n', line)
            if m:
                found.setdefault(m[1], []).append(m[2])
    return found


@functools.cache
def calls_of(name):
    """The system calls of a set, or a single one."""
    if not name.startswith('@'):
        return {name}
    done = subprocess.run(['systemd-analyze', 'syscall-filter', '--no-pager',
                           name], capture_output=True, text=True, check=True)
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    return set().union(*(calls_of(w) for w in words
                         if w and not w.startswith('#')))


def allowed_calls(values):
    """As systemd adds lines up: a list that begins with ~ takes away."""
    allowed = set()
    for value in values:
        named = set().union(*(calls_of(w) for w in
                              value.lstrip('~').split()))
        allowed = allowed - named if value.startswith('~') else allowed | named
    # Always there, so that a process can begin and end at all.
    return allowed | calls_of('@default')


@functools.cache
def call_numbers():
    """{name: number} from the C headers."""
    compiler = os.environ.get('CC', '').split() or ['cc']
    if not shutil.which(compiler[0]):
        compiler = ['gcc']
    try:
        done = subprocess.run([*compiler, '-E', '-dM', '-'],
                              input='#include <asm/unistd.h>\n', check=True,
                              capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        skip('no compiler to read <asm/unistd.h> with')
    return {m[1]: int(m[2]) for m in
            re.finditer(r'#define __NR_(\w+) (\d+)\n', done.stdout)}


# ---- the filter: classic BPF ----

LOAD, EQUAL, SET, RETURN, AND = 0x20, 0x15, 0x45, 0x06, 0x54
ALLOW, ERRNO = 0x7fff0000, 0x00050000
NUMBER_AT, ARCH_AT, ARGS_AT = 0, 4, 16
ARCHES = {'x86_64': 0xc000003e, 'aarch64': 0xc00000b7}
PROT_WRITE, PROT_EXEC = 2, 4
NAMESPACES = 0x7e020080
SET_ID = 0o6000


def op(code, k, yes=0, no=0):
    return struct.pack('=HBBI', code, yes, no, k & 0xffffffff)


def refuse(number):
    return op(RETURN, ERRNO | number)


def on_call(name, body):
    """Runs body when this is the call; else goes on after it."""
    number = call_numbers().get(name)
    if number is None:
        return b''
    # The accumulator holds the number again afterwards.
    body += op(LOAD, NUMBER_AT)
    count = len(body) // 8
    return op(EQUAL, number, 0, count) + body


def argument(n):
    return op(LOAD, ARGS_AT + 8 * n)


def when_bits(n, bits, number):
    """Refuses when any of the bits is set in argument n."""
    return argument(n) + op(SET, bits, 0, 1) + refuse(number)


def when_all_bits(n, bits, number):
    return (argument(n) + op(AND, bits) + op(EQUAL, bits, 0, 1) +
            refuse(number))


def families(values):
    import socket
    wanted = [getattr(socket, name) for v in values for name in v.split()]
    body = argument(0)
    for n, family in enumerate(wanted):
        body += op(EQUAL, int(family), len(wanted) - n, 0)
    return on_call('socket', body + refuse(errno.EAFNOSUPPORT))


def filter_of(unit):
    arch = ARCHES.get(os.uname().machine)
    if arch is None:
        skip('no filter for this architecture')
    denied = getattr(errno, unit['SystemCallErrorNumber'][0])
    program = op(LOAD, ARCH_AT) + op(EQUAL, arch, 1, 0) + refuse(denied)
    program += op(LOAD, NUMBER_AT)
    if 'RestrictAddressFamilies' in unit:
        program += families(unit['RestrictAddressFamilies'])
    if unit.get('MemoryDenyWriteExecute') == ['yes']:
        both = PROT_WRITE | PROT_EXEC
        program += on_call('mmap', when_all_bits(2, both, errno.EPERM))
        for name in ('mprotect', 'pkey_mprotect'):
            program += on_call(name, when_bits(2, PROT_EXEC, errno.EPERM))
    if unit.get('RestrictNamespaces') == ['yes']:
        program += on_call('clone3', refuse(errno.ENOSYS))
        program += on_call('setns', refuse(errno.EPERM))
        for name in ('clone', 'unshare'):
            program += on_call(name, when_bits(0, NAMESPACES, errno.EPERM))
    if unit.get('RestrictSUIDSGID') == ['yes']:
        for name, n in (('chmod', 1), ('fchmod', 1), ('fchmodat', 2)):
            program += on_call(name, when_bits(n, SET_ID, errno.EPERM))
    if unit.get('LockPersonality') == ['yes']:
        program += on_call('personality', refuse(errno.EPERM))
    # The launcher still has to start the program.
    allowed = allowed_calls(unit['SystemCallFilter']) | {'execve'}
    for name in sorted(allowed):
        if name in call_numbers():
            program += op(EQUAL, call_numbers()[name], 0, 1)
            program += op(RETURN, ALLOW)
    return program + refuse(denied)


PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_MDWE = \
    22, 38, 24, 65
SECCOMP_MODE_FILTER = 2


def install(program):
    text = ctypes.create_string_buffer(program, len(program))
    prog = struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(text))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                     ctypes.c_char_p(prog), 0, 0), 'seccomp')


# ---- users, files, rights ----

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
RDONLY, NOSUID = 1, 2


def own_users():
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), 'a user namespace')
    for name, text in (('setgroups', 'deny'), ('uid_map', '%d %d 1' % (uid, uid)),
                       ('gid_map', '%d %d 1' % (gid, gid))):
        with open('/proc/self/' + name, 'w', encoding='ascii') as f:
            f.write(text)


def set_mount(path, set_, clear, flags=0):
    attributes = struct.pack('QQQQ', set_, clear, 0, 0)
    check(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags,
                       ctypes.c_char_p(attributes), len(attributes)),
          'mount_setattr')


def read_only_but(path):
    check(libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None), 'mount /')
    check(libc.mount(path.encode(), path.encode(), None, MS_BIND, None),
          'mount ' + path)
    set_mount('/', RDONLY | NOSUID, 0, AT_RECURSIVE)
    set_mount(path, 0, RDONLY)


def drop_rights():
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack('Ii', 0x20080522, 0)
    check(libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))),
          'capset')


def main(unit_path, writable, *command):
    unit = settings_of(unit_path)
    for tool in ('systemd-analyze',):
        if not shutil.which(tool):
            skip('no ' + tool)
    program = filter_of(unit)
    os.umask(int(unit['UMask'][0], 8))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = min(int(unit['LimitNOFILE'][0]), hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    own_users()
    read_only_but(writable)
    # A directory that was entered before is still the writable one below.
    os.chdir('/')
    drop_rights()
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'no new privileges')
    libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # since Linux 6.3; the filter, too
    install(program)
    os.execv(command[0], command)


if __name__ == '__main__':
    main(*sys.argv[1:])
