#!/usr/bin/env python3
"""What a hit costs the kernel: at most 7 system calls, counted by strace."""

import os
import re
import shutil
import signal
import subprocess
import sys

from rig import Client, Rig, Skip, is_sanitized, run, test, true, wait_for

HITS = 1000
CALLS_PER_HIT = 7
# The daemon's timers and this test's own look at it, in all.
ALLOWED_BESIDES = 300


class Strace:
    """strace on all threads of a process, while in the with block."""

    def __init__(self, pid, path):
        self.path = path
        self.process = subprocess.Popen(
            ['strace', '-f', '-q', '-o', path, '-p', str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.pid = pid

    def threads(self):
        return os.listdir('/proc/%d/task' % self.pid)

    def is_traced(self):
        """All threads; raises Skip where that is forbidden."""
        if self.process.poll() is not None:
            raise Skip('strace: ' + self.process.stderr.read().strip())
        for thread in self.threads():
            with open('/proc/%d/task/%s/status' % (self.pid, thread),
                      encoding='ascii') as f:
                if re.search(r'^TracerPid:\t0$', f.read(), re.MULTILINE):
                    return False
        return True

    def __enter__(self):
        wait_for(self.is_traced, 'strace')
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.process.stderr.close()

    def calls(self):
        """How often each system call was begun."""
        counts = {}
        with open(self.path, encoding='utf-8', errors='replace') as f:
            for line in f:
                found = re.match(r'\d+ +([a-z0-9_]+)\(', line)
                if found:
                    counts[found[1]] = counts.get(found[1], 0) + 1
        return counts


def count_hits(*options):
    """System calls of HITS hits on one connection."""
    if is_sanitized():
        raise Skip('a sanitizer makes system calls of its own')
    if not shutil.which('strace'):
        raise Skip('strace is not installed')
    with Rig(options=options) as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        request = rig.message('GET', target)
        with Client(rig.address) as client:
            client.send(request)
            true(client.response().is_hit, 'a hit')
            with Strace(rig.daemon.process.pid, rig.state + '.strace') as s:
                for _ in range(HITS):
                    client.send(request)
                    true(client.response().is_hit, 'a hit')
        counts = s.calls()
    print('# %d hits: %s' % (HITS, ', '.join('%s %d' % x for x in sorted(
        counts.items(), key=lambda x: -x[1]))))
    return sum(counts.values())


def check(*options):
    total = count_hits(*options)
    print('# %.2f calls a hit' % (total / HITS))
    true(total >= HITS, 'strace saw nothing')
    true(total <= CALLS_PER_HIT * HITS + ALLOWED_BESIDES, total)


@test
def a_hit_as_it_is():
    check()


@test
def a_hit_without_its_log_line():
    check('--log-requests', 'no')


if __name__ == '__main__':
    sys.exit(run())
