#!/usr/bin/env python3
"""A disk that is full, fails or may not be written; files that are damaged:
requests pass, status says why, and it ends without a restart."""

import contextlib
import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys

from rig import Rig, Skip, equal, is_sanitized, run, test, true, wait_for

SHIM = os.path.join(os.path.abspath(os.environ.get('top_builddir', '.')),
                    'tests/shim/disk.so')
CONFIG = '[route contacts]\nmatch = contacts.get-contact\nttl = 1h\n'
CLONE_NEWNS = 0x20000


def contacts_of(rig):
    return ['/contacts/' + c['id'] for c in rig.direct(
        'GET', '/contacts/?limit=20&locationId=' + rig.location)[2][
            'contacts']]


def name_of(answer):
    equal(answer.status, 200)
    return answer.json()['contact']['firstName']


def store(rig):
    return rig.daemon.status()['store']


def write(rig, target, name):
    equal(rig.call('PUT', target, {'firstName': name}).status, 200)
    equal(name_of(rig.get(target)), name)


def check_trouble(rig, reason, begin, end):
    """Stored answers, a new one and a write, before, during and after."""
    old, written, new = contacts_of(rig)[:3]
    for target in (old, written):
        rig.warm(target)
    # Not in the middle of a commit: that would be another trouble.
    rig.daemon.settle()
    begin()
    # Nothing is lost by what cannot be stored...
    name_of(rig.get(new))
    wait_for(lambda: not store(rig)['storing'], 'trouble')
    got = store(rig)
    equal((got['state'], got['reason']), ('serving', reason))
    true(rig.get(old).is_hit, 'not served from the store')
    # ...but by a write that cannot be noted: only the upstream knows now.
    write(rig, written, 'During')
    got = store(rig)
    equal((got['state'], got['reason']), ('out-of-service', reason))
    true(reason in rig.daemon.cli('status').stdout, 'not said')
    for target in (old, written, new):
        true(not rig.get(target).is_hit, 'served from the store')
    equal(rig.get('/-/health').status, 200)
    end()
    wait_for(lambda: store(rig)['state'] == 'serving', 'service')
    equal(name_of(rig.get(written)), 'During')
    wait_for(lambda: rig.get(new).is_hit, 'a stored answer')
    true('reason' not in store(rig), 'still in trouble')


@contextlib.contextmanager
def failing_rig():
    """With a disk that fails as long as a file says so."""
    if is_sanitized():
        raise Skip('a sanitizer must be loaded before anything else')
    if not os.path.exists(SHIM):
        raise Skip(SHIM + ' is not built')
    with Rig(config=CONFIG) as rig:
        fail = rig.state + '.fail'
        rig.env = {'LD_PRELOAD': SHIM, 'SHIM_STATE': rig.state,
                   'SHIM_FAIL': fail}
        rig.restart()
        yield rig, fail


def set_error(path, number):
    with open(path + '.new', 'w', encoding='ascii') as f:
        f.write(str(number))
    os.rename(path + '.new', path)


def check_error(number):
    with failing_rig() as (rig, fail):
        check_trouble(rig, os.strerror(number),
                      lambda: set_error(fail, number),
                      lambda: os.unlink(fail))


@test
def no_space():
    check_error(errno.ENOSPC)


@test
def read_only():
    check_error(errno.EROFS)


@test
def input_output_error():
    check_error(errno.EIO)


@test
def killed_in_trouble():
    """The next process must not believe what the last could not note."""
    with failing_rig() as (rig, fail):
        old, written = contacts_of(rig)[:2]
        for target in (old, written):
            rig.warm(target)
        set_error(fail, errno.ENOSPC)
        write(rig, written, 'During')
        os.unlink(fail)
        rig.restart(is_killed=True)
        equal(name_of(rig.get(written)), 'During')
        equal(store(rig)['state'], 'serving')


@test
def no_space_at_the_start():
    """A new state directory on a full disk."""
    with failing_rig() as (rig, fail):
        rig.hang_up()
        rig.daemon.stop()
        for name in ('cache', 'vault'):
            shutil.rmtree(rig.state + '/' + name)
        set_error(fail, errno.ENOSPC)
        rig.start()
        target = contacts_of(rig)[0]
        write(rig, target, 'During')
        status = rig.daemon.status()
        equal((status['store']['state'], status['store']['reason']),
              ('out-of-service', os.strerror(errno.ENOSPC)))
        equal(status['vault']['state'], 'unusable')
        true(os.strerror(errno.ENOSPC) in status['vault']['reason'], status)
        os.unlink(fail)
        wait_for(lambda: store(rig)['state'] == 'serving', 'service')
        wait_for(lambda: rig.get(target).is_hit, 'a stored answer')
        equal(name_of(rig.get(target)), 'During')


# ---- for real ----

@contextlib.contextmanager
def mounted(path, *options):
    """A mount that only this process and its children see."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        raise Skip('only root may mount')
    # Under chroot / is no mount; others would then see what is mounted.
    done = subprocess.run(['mount', '--make-rprivate', '/'], check=False)
    if done.returncode != 0:
        raise Skip('mounts cannot be kept from others here')
    subprocess.run(['mount', *options, path], check=True)
    try:
        yield
    finally:
        subprocess.run(['umount', '-l', path], check=False)


@test
def a_disk_really_full():
    with Rig(config=CONFIG) as rig:
        rig.hang_up()
        rig.daemon.stop()
        with mounted(rig.state, '-t', 'tmpfs', '-o', 'size=2m,mode=0700',
                     'none'):
            rig.start()
            ballast = rig.state + '/ballast'

            def fill():
                with open(ballast, 'wb', buffering=0) as f:
                    with contextlib.suppress(OSError):
                        while True:
                            f.write(bytes(4096))

            targets = contacts_of(rig)
            rig.warm(targets[0])
            fill()
            # Free pages of the file may take some before it has to grow.
            for i in range(200):
                write(rig, targets[i % 20], 'N%d' % i)
                if store(rig)['state'] != 'serving':
                    break
            equal(store(rig)['state'], 'out-of-service')
            true(store(rig)['reason'], 'no reason')
            write(rig, targets[1], 'Full')
            os.unlink(ballast)
            wait_for(lambda: store(rig)['state'] == 'serving', 'service')
            equal(name_of(rig.get(targets[1])), 'Full')
            wait_for(lambda: rig.get(targets[2]).is_hit, 'a stored answer')
            rig.hang_up()
            rig.daemon.stop()


@test
def a_cache_mounted_read_only_at_the_start():
    with Rig(config=CONFIG) as rig:
        targets = contacts_of(rig)
        for target in targets[:2]:
            rig.warm(target)
        rig.hang_up()
        rig.daemon.stop()
        cache = rig.state + '/cache'
        with mounted(cache, '--bind', cache):
            subprocess.run(['mount', '-o', 'remount,ro,bind', cache],
                           check=True)
            rig.start()
            write(rig, targets[0], 'During')
            equal((store(rig)['state'], store(rig)['reason']),
                  ('out-of-service', os.strerror(errno.EROFS)))
            subprocess.run(['mount', '-o', 'remount,rw,bind', cache],
                           check=True)
            wait_for(lambda: store(rig)['state'] == 'serving', 'service')
            # What the write did not touch has come through it.
            true(rig.get(targets[1]).is_hit, 'the store was lost')
            equal(name_of(rig.get(targets[0])), 'During')
            rig.hang_up()
            rig.daemon.stop()
        rig.start()


# ---- damaged files ----

def damage_vault(rig, kind):
    path = rig.state + '/vault/data.mdb'
    if kind == 'directory':
        os.unlink(path)
        os.mkdir(path)
    elif kind == 'closed':
        os.rename(rig.state + '/vault', rig.state + '/away')
        os.symlink('/nonexistent/vault', rig.state + '/vault')
    else:
        with open(path, 'r+b') as f:
            f.write(os.urandom(8192) if kind == 'random' else b'')
            f.truncate(3000 if kind == 'cut' else 8192)


@test
def an_unusable_vault_stops_nobody():
    """It is said, and nothing of it is changed."""
    for kind in ('random', 'cut', 'directory', 'closed'):
        with Rig(config=CONFIG) as rig:
            target = contacts_of(rig)[0]
            rig.warm(target)
            rig.hang_up()
            rig.daemon.stop()
            damage_vault(rig, kind)
            rig.start()
            got = rig.get(target)
            equal((kind, got.status, got.is_hit), (kind, 200, False))
            wait_for(lambda r=rig, t=target: r.get(t).is_hit, 'a hit')
            vault = rig.daemon.status()['vault']
            equal((kind, vault['state']), (kind, 'unusable'))
            true('vault' in vault['reason'], vault)
            true('event=vault-unusable' in rig.daemon.log(), 'not logged')
            true('the vault cannot be used' in
                 rig.daemon.cli('status').stdout, 'not said')


@test
def a_directory_in_place_of_the_cache():
    """Until it is out of the way."""
    with Rig(config=CONFIG) as rig:
        target = contacts_of(rig)[0]
        rig.warm(target)
        rig.hang_up()
        rig.daemon.stop()
        path = rig.state + '/cache/data.mdb'
        os.rename(path, path + '.was')
        os.mkdir(path)
        rig.start()
        name_of(rig.get(target))
        equal((store(rig)['state'], store(rig)['reason']),
              ('out-of-service', os.strerror(errno.EISDIR)))
        os.rmdir(path)
        os.rename(path + '.was', path)
        wait_for(lambda: store(rig)['state'] == 'serving', 'service')
        true(rig.get(target).is_hit, 'the store was lost')


def crash(pid):
    """A fault of one of the threads, whichever comes first after main."""
    threads = sorted(int(t) for t in os.listdir('/proc/%d/task' % pid))
    equal(ctypes.CDLL(None).tgkill(pid, threads[1], signal.SIGSEGV), 0)


@test
def a_third_crash_in_a_row_costs_the_cache():
    """One may have been anything."""
    if is_sanitized():
        raise Skip('a sanitizer wants the signal')
    with Rig(config=CONFIG) as rig:
        target = contacts_of(rig)[0]
        rig.warm(target)
        for crashes, is_kept in ((1, True), (2, False), (1, True)):
            rig.daemon.settle()
            rig.hang_up()
            crash(rig.daemon.process.pid)
            equal(rig.daemon.process.wait(20), -signal.SIGSEGV)
            rig.daemon.kill()
            rig.start()
            equal((crashes, rig.get(target).is_hit), (crashes, is_kept))
            wait_for(lambda: rig.get(target).is_hit, 'a hit')


if __name__ == '__main__':
    sys.exit(run())
