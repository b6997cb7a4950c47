#!/usr/bin/env python3
"""What a stored read costs, as ratios of ways to get it.

    tests/bench/ratio.py [--seconds 2] [--rounds 3]

GHLMIRROR names the program; needs wrk. Asks for one contact of the sandbox:
directly, through the daemon with one and two threads and with and without
direct writes, and through nginx's proxy_cache when nginx is installed. The
ways take turns and the best round of each counts, because a machine that does
something else only adds; so compare within one run only. The second figure
is processor time of the server for each request. Not part of make check.
"""
import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'system'))

from front_rig import wait_for  # noqa: E402
from rig import Daemon, Sandbox, Session, directory  # noqa: E402
from sandbox_tap import some_contact  # noqa: E402
from ghl_sandbox.harness import VERSION  # noqa: E402

WAYS = {
    'daemon': (),
    'daemon, no direct write': ('--direct-write', 'no'),
    'daemon, 1 thread': ('--threads', '1'),
    'daemon, 2 threads': ('--threads', '2')}
NGINX = '''
daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  proxy_cache_path {0}/cache keys_zone=one:1m;
  server {{
    listen 127.0.0.1:{1};
    location / {{
      proxy_pass {2};
      proxy_cache one;
      proxy_cache_valid 1h;
      proxy_cache_key $request_uri$http_authorization;
      proxy_ignore_headers Cache-Control Expires Vary Set-Cookie;
    }}
  }}
}}
'''


def cpu_s(pid):
    """Of it and of its children that run."""
    pids = [pid]
    with contextlib.suppress(OSError), open(
            '/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as f:
        pids += map(int, f.read().split())
    total = 0
    for one in pids:
        with open('/proc/%d/stat' % one, encoding='ascii') as f:
            total += sum(map(int, f.read().rsplit(')', 1)[1].split()[11:13]))
    return total / os.sysconf('SC_CLK_TCK')


class Way:
    def __init__(self, name, address, pid, settle=lambda: None):
        self.name, self.address, self.pid = name, address, pid
        self.settle = settle	# waits until what it answered is stored
        self.best = 0, 0	# requests a second, microseconds each

    def measure(self, target, headers, seconds):
        fields = [x for pair in headers.items()
                  for x in ('-H', '%s: %s' % pair)]
        before = cpu_s(self.pid)
        done = subprocess.run(
            ['wrk', '-t1', '-c16', '-d%ds' % seconds, *fields,
             'http://%s:%d%s' % (*self.address, target)],
            capture_output=True, text=True, check=True)
        if 'Non-2xx' in done.stdout:
            raise AssertionError(self.name + done.stdout)
        requests = int(re.search(r'(\d+) requests in', done.stdout)[1])
        rate = float(re.search(r'Requests/sec:\s+([\d.]+)', done.stdout)[1])
        cost = 1e6 * (cpu_s(self.pid) - before) / requests
        self.best = max(self.best, (rate, cost))


def start_nginx(stack, folder, url):
    path = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
    if path is None:
        print('no nginx: left out')
        return None
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    with open(folder + '/nginx.conf', 'w', encoding='utf-8') as f:
        f.write(NGINX.format(folder, port, url))
    process = stack.enter_context(subprocess.Popen(
        [path, '-p', folder, '-c', folder + '/nginx.conf']))
    stack.callback(process.terminate)
    return Way('nginx proxy_cache', ('127.0.0.1', port), process.pid)


def start_all(stack, folder):
    sandbox = stack.enter_context(Sandbox('--no-limit', '--contacts', '50'))
    ways = [Way('sandbox', (sandbox.host, sandbox.port),
                sandbox.process.pid)]
    config = '[route one]\nmatch = contacts.get-contact\nttl = 1h\n'
    for number, (name, options) in enumerate(WAYS.items()):
        daemon = Daemon(sandbox.url, '%s/state-%d' % (folder, number),
                        '--log-requests', 'no', *options, config=config)
        stack.callback(daemon.stop)
        ways.append(Way(name, daemon.address, daemon.process.pid,
                        daemon.settle))
    ways.append(start_nginx(stack, folder, sandbox.url))
    return sandbox, [way for way in ways if way]


def answers(way, target, headers):
    session = Session(way.address, headers)
    try:
        return session.call('GET', target).status == 200
    except OSError:
        return False
    finally:
        session.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seconds', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    with directory() as folder, contextlib.ExitStack() as stack:
        sandbox, ways = start_all(stack, folder)
        target = '/contacts/' + some_contact(sandbox)
        headers = {'Authorization': 'Bearer ' + sandbox.tokens['full-1'],
                   'Version': VERSION}
        for way in ways:
            wait_for(lambda: answers(way, target, headers), way.name)
            way.settle()
        for _ in range(options.rounds):
            for way in ways:
                way.measure(target, headers, options.seconds)
        first = next(way for way in ways if way.name == 'daemon').best[0]
        for way in ways:
            print('%-26s %9.0f requests/s  %5.2f of daemon  %6.1f us CPU'
                  % (way.name, way.best[0], way.best[0] / first,
                     way.best[1]))
    return 0


if __name__ == '__main__':
    if not shutil.which('wrk'):
        sys.exit('wrk is not installed')
    sys.exit(main())
