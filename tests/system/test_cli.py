#!/usr/bin/env python3
"""The commands, and configurations that are refused."""

import json
import os
import re
import shutil
import subprocess
import sys

from rig import PROGRAM, Rig, directory, equal, run, test, true

COMMANDS = ['serve', 'status', 'usage', 'purge', 'offline', 'bypass',
            'check-config']
# A configuration, the line that is wrong, and a word of the reason.
BAD_CONFIGS = [
    ('nope = 1\n', 1, 'unknown key "nope"'),
    ('\n# comment\n\n  nope = 1\n', 4, 'unknown key'),
    ('listen = 127.0.0.1:0\nttl = 1s\n', 2, 'unknown key "ttl"'),
    ('[route a]\nmatch = cache\nthreads = 1\n', 3, 'unknown key "threads"'),
    ('[nonsense x]\n', 1, 'unknown section'),
    ('[route]\nmatch = cache\n', 1, 'name'),
    ('[route a\nmatch = cache\n', 1, ']'),
    ('[route a]\nmatch = cache\n[route a]\nmatch = short\n', 3,
     'already in line 1'),
    ('[route a]\nttl = 1s\n', 1, 'no match'),
    ('[route a]\nmatch = nothing.like-this\n', 1, 'matches no operation'),
    ('[route a]\nmatch = write\nttl = 1s\n', 1, 'never stored'),
    ('[route a]\nmatch = GET /no/such\n', 1, 'matches no operation'),
    ('[route a]\nmatch = PUT /contacts/{x}\n', 1, 'never stored'),
    ('[route a]\nmatch = never\n', 1, 'never stored'),
    ('\n[route ok]\nmatch = cache\n\n[route a]\nmatch = no.thing\n', 5,
     '[route a] match = no.thing: matches no operation'),
    ('[route a]\nmatch = cache\nmatch = short\n', 3, 'already set in line 2'),
    ('[route a]\nmatch = cache\noverride_upstream = maybe\n', 3, 'maybe'),
    ('[route a]\nmatch = cache\nstale_if_error = 1x\n', 3, '1x'),
    ('[route a]\nmatch = cache\nstale_while_revalidate = 366d\n', 3, '365d'),
    ('[location a]\nid = A\n[location b]\nid = A\n', 3,
     'has the id of [location a]'),
    ('[route a]\nmatch = cache\nttl = -1s\n', 3, 'ttl'),
    ('[location a]\n', 1, 'no id'),
    ('[location a]\nid = x y\n', 2, 'id'),
    ('just words\n', 1, 'neither'),
    ('threads = many\n', 1, 'many'),
    ('threads = 1\nthreads = 2\n', 2, 'already set in line 1'),
    ('threads = 100000\n', 1, 'threads'),
    ('stale_wait = 5 parsecs\n', 1, 'parsecs'),
    ('stale_wait = 5\n', 1, 'stale_wait'),
    ('cache_max = 12XB\n', 1, '12XB'),
    ('cache_max = 1KiB\n', 1, 'cache_max'),
    ('max_body = 1\n', 1, 'max_body'),
    ('allow_lan_passthrough = maybe\n', 1, 'maybe'),
    ('log_level = loud\n', 1, 'loud'),
    ('upstream = ftp://example.com\n', 1, 'ftp://example.com'),
    ('upstream = example.com\n', 1, 'example.com'),
    ('upstream = https://example.com/path\n', 1, 'path'),
    ('upstream = https://user@example.com\n', 1, 'user'),
    ('upstream =\n', 1, 'upstream'),
    ('\nupstream = http://example.com\n', 2, 'allow_insecure_upstream'),
    ('listen = 0.0.0.0:0\n', 1, 'allow_lan_passthrough'),
    ('listen = 127.0.0.1\n', 1, '127.0.0.1'),
    ('listen = 127.0.0.1:99999\n', 1, '99999'),
    ('forward_headers = Content-Length\n', 1, 'Content-Length'),
    ('\nforward_headers = X-A, if-match\n', 2,
     'forward_headers: "if-match" is not a field that may be forwarded'),
    ('user_agent = %s\n' % ('a' * 5000), 1, 'longer'),
    ('user_agent = a\0b\n', 1, 'NUL'),
]


def ghlmirror(*arguments, env=None):
    done = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
        env={**os.environ, **(env or {})})
    true('Sanitizer' not in done.stderr, done.stderr)
    return done


def failed(done, *words, code=1):
    equal((done.args[1:], done.returncode), (done.args[1:], code))
    for word in words:
        true(word in done.stderr, '%r is not in %r' % (word, done.stderr))


@test
def help_and_version():
    for arguments in (['--help'], ['-h'], ['help']):
        done = ghlmirror(*arguments)
        equal((done.returncode, done.stderr), (0, ''))
        for command in COMMANDS:
            true(command in done.stdout, command)
    for command in COMMANDS:
        for flag in ('--help', '-h'):
            done = ghlmirror(command, flag)
            equal((done.returncode, done.stderr), (0, ''))
            true(done.stdout.startswith('usage: ghlmirror ' + command),
                 done.stdout)
    done = ghlmirror('--version')
    equal((done.returncode, done.stdout.split()[0]), (0, 'ghlmirror'))


@test
def wrong_usage():
    for arguments in ([], ['nope'], ['status', 'extra'], ['purge'],
                      ['purge', '--all', 'extra'], ['purge', '--contact'],
                      ['purge', '--nope', 'x'], ['offline', 'maybe'],
                      ['status', '--state'], ['serve', 'extra'],
                      ['check-config', 'one', 'two']):
        done = ghlmirror(*arguments)
        equal((arguments, done.returncode), (arguments, 2))
        true(done.stderr and not done.stdout, done)


@test
def no_daemon():
    with directory() as place:
        for arguments in (['status'], ['status', '--json'],
                          ['purge', '--all'], ['offline'], ['bypass'],
                          ['offline', 'on']):
            failed(ghlmirror(*arguments, '--state', place + '/none'),
                   'no daemon answers', place)
        failed(ghlmirror('status', env={'XDG_STATE_HOME': place}),
               place + '/ghlmirror')
        failed(ghlmirror('status', '--state', place + '/' + 'x' * 200),
               'too long')


@test
def a_daemon_that_was_killed():
    """Its socket is still there, nobody answers."""
    with Rig() as rig:
        rig.daemon.kill()
        failed(rig.daemon.cli('status'), 'no daemon answers')
        rig.start()
        equal(rig.daemon.cli('status').returncode, 0)


@test
def status():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm(target)
        rig.get(target)
        told = rig.daemon.status()
        equal(told['upstream']['url'], rig.sandbox.url)
        equal((told['upstream']['state'], told['upstream']['offline']),
              ('reachable', 'auto'))
        equal((told['store']['state'], told['store']['entries']),
              ('serving', 1))
        true(told['counters']['hits'] >= 2, told)
        equal((told['counters']['misses'] >= 1, told['version'] != ''),
              (True, True))
        true(0 < told['hitRatio'] < 1, told)
        text = rig.daemon.cli('status').stdout
        for word in (rig.sandbox.url, 'reachable', '1 answers', 'hit ratio'):
            true(word in text, text)


@test
def answers_as_json():
    with Rig() as rig:
        for arguments, want in (
                (['purge', '--all'], {'purged': True}),
                (['purge', '--contact', 'x'], {'purged': True}),
                (['offline'], {'offline': 'auto', 'upstream': 'reachable'}),
                (['offline', 'on'], {'offline': 'on', 'upstream': 'away'})):
            done = rig.daemon.cli(*arguments, '--json')
            equal((done.returncode, json.loads(done.stdout)), (0, want))
        equal(rig.daemon.cli('purge', '--all').stdout, 'purged\n')


@test
def the_control_socket_is_private():
    with Rig() as rig:
        for name, want in (('', 0o700), ('/control.sock', 0o600)):
            equal(os.stat(rig.state + name).st_mode & 0o777, want)
        rig.daemon.stop()
        true(not os.path.exists(rig.state + '/control.sock'), 'is left')
        rig.start()


@test
def configurations_that_are_refused():
    with directory() as place:
        path = place + '/bad.conf'
        for text, line, word in BAD_CONFIGS:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            for arguments in (['check-config', path],
                              ['serve', '--config', path, '--state',
                               place + '/state']):
                done = ghlmirror(*arguments)
                equal((text[:80], done.returncode, done.stdout),
                      (text[:80], 1, ''))
                where = '%s:%d:' % (path, line)
                true(where in done.stderr and word in done.stderr,
                     '%r: %s' % (text[:80], done.stderr))
        equal(sorted(os.listdir(place)), ['bad.conf'])


@test
def flags_that_are_refused():
    for arguments, word in ((['--threads', 'x'], '--threads'),
                            (['--stale-wait', '5'], '--stale-wait'),
                            (['--upstream', 'ftp://x'], '--upstream'),
                            (['--listen', '0.0.0.0:0'], '--listen'),
                            (['--config', '/nonexistent/file'],
                             '/nonexistent/file')):
        failed(ghlmirror('check-config', *arguments), word)
    for arguments in (['--nope', '1'], ['--stale_wait', '5s'],
                      ['--threads']):
        for command in ('serve', 'check-config'):
            done = ghlmirror(command, *arguments)
            equal((done.args[1:], done.returncode), (done.args[1:], 2))
            true(arguments[0] in done.stderr, done.stderr)


@test
def configurations_that_are_accepted():
    with directory() as place:
        path = place + '/good.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join([
                '; all kinds of values', 'listen = [::1]:0, 127.0.0.1:0',
                'threads = 2', 'stale_wait = 250ms', 'cache_max = 1GiB',
                'direct_write = no', 'log_level = debug',
                'upstream = https://example.com/',
                'forward_headers = X-One, X-Two', '',
                '[route by-class]',
                'match = short', 'ttl = 2m', '', '[route by-path]',
                'match = GET /contacts/{id}', 'stale_if_error = 0s', '',
                '[location home]', 'id = abc', '']))
        for arguments in ([path], ['--config', path]):
            done = ghlmirror('check-config', *arguments)
            equal((done.returncode, done.stdout, done.stderr),
                  (0, path + ': ok\n', ''))
        done = ghlmirror('check-config', '--config', path, '--listen',
                         '0.0.0.0:1', '--allow-lan-passthrough', 'yes')
        equal((done.returncode, done.stderr), (0, ''))
        equal(os.listdir(place), ['good.conf'])


@test
def what_is_in_force_is_printed():
    with directory() as place:
        path = place + '/c.conf'
        with open(path, 'w', encoding='utf-8') as f:
            f.write('hosts = a, b\nthreads = 3\nstale_wait = 1500ms\n'
                    '[route one]\nmatch = cache\nttl = 0\n'
                    '[location home]\nid = abc\n')
        done = ghlmirror('check-config', '--json', path, '--threads', '4',
                         '--direct-write', 'no')
        equal((done.returncode, done.stderr), (0, ''))
        got = json.loads(done.stdout)
        want = {'hosts': ['a', 'b'], 'threads': 4, 'stale_wait': '1500ms',
                'direct_write': False, 'cache_max': '4GiB',
                'forward_headers': [], 'log_level': 'info'}
        equal({k: got['options'][k] for k in want}, want)
        equal((got['file'], got['routes'], got['locations']),
              (path, [{'name': 'one', 'match': 'cache', 'ttl': '0'}],
               [{'name': 'home', 'id': 'abc'}]))
        done = ghlmirror('check-config', path, '--print')
        equal((done.returncode, done.stderr), (0, ''))
        with open(path, 'w', encoding='utf-8') as f:
            f.write(done.stdout)
        equal(ghlmirror('check-config', '--print', path).stdout, done.stdout)
        failed(ghlmirror('check-config', '--json', path, '--threads', 'x'),
               '--threads: ')


@test
def places_that_cannot_be_used():
    """Found out without making anything."""
    with directory() as place:
        with open(place + '/file', 'w', encoding='utf-8') as f:
            f.write('x')
        os.chmod(place, 0o755)
        failed(ghlmirror('serve', '--listen', '127.0.0.1:0', '--state',
                         place + '/state', '--upstream-ca', place + '/file'),
               'holds no certificate')
        shutil.rmtree(place + '/state')
        for flags, words in (
                (['--state', place + '/file'], ('is not a directory',)),
                (['--state', place + '/file/below'], (place + '/file',)),
                (['--upstream-ca', place + '/ca'],
                 ('upstream_ca: %s/ca: No such' % place,)),
                (['--log-file', place + '/none/log'],
                 ('log_file: ' + place + '/none/log: No such',)),
                # What nobody found out, or only serve.
                (['--upstream-ca', place + '/file'],
                 ('upstream_ca: %s/file: holds no cert' % place,)),
                (['--upstream-ca', place], ('holds no certificate',)),
                (['--log-file', place], ('log_file: ', 'Is a directory')),
                (['--state', place], ('is open to other users',)),
                (['--state', place + '/' + 'a' * 100], ('too long',)),
                (['--listen', 'unix:%s/file' % place],
                 ('/file: is there already',)),
                (['--listen', 'unix:%s/none/sock' % place],
                 ('/none/sock: its directory',))):
            failed(ghlmirror('check-config', *flags), *words)
        for flags in (['--state', place + '/new/er/est'],
                      ['--log-file', place + '/log']):
            equal(ghlmirror('check-config', *flags).returncode, 0)
        equal(os.listdir(place), ['file'])


# ---- the sample ----

SAMPLE = 'doc/ghlmirror.conf.sample'
PAGE = 'doc/ghlmirror.conf.5'


def in_tree(name, place='top_srcdir'):
    with open(os.path.join(os.environ.get(place, '.'), name),
              encoding='utf-8') as f:
        return f.read()


def keys_of(section):
    """What the page lists for it."""
    part = in_tree(PAGE, 'top_builddir').partition(
        '.Ss Section %s\n' % section)[2].partition('\n.El')[0]
    return set(re.findall(r'^\.It Cm (\w+) No =', part, re.M))


def is_in_force(path, *flags):
    done = ghlmirror('check-config', '--json', path, *flags)
    equal((done.returncode, done.stderr), (0, ''))
    return json.loads(done.stdout)


@test
def the_sample_shows_every_default():
    """As it is it changes nothing; nor does it with all options in it."""
    version = ghlmirror('--version').stdout.split()[1]
    sample = in_tree(SAMPLE)
    with directory() as place:
        path = place + '/c.conf'
        texts = (sample, re.sub(r'(?m)^#(?=\w+ =|\[)', '', sample).replace(
            'VERSION', version))
        given = []
        for text in texts:
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
            given.append(is_in_force(path, '--state', place + '/state'))
    plain, full = given
    equal((plain['routes'], plain['locations']), ([], []))
    equal({k: (v, plain['options'][k]) for k, v in full['options'].items()
           if v != plain['options'][k]}, {})
    shown = set(re.findall(r'(?m)^#(\w+) =', sample))
    missing = set(plain['options']) - shown
    equal(('to be added to ' + SAMPLE, missing),
          ('to be added to ' + SAMPLE, set()))
    for section, got in (('route', full['routes']),
                         ('location', full['locations'])):
        keys = keys_of(section)
        true(keys, 'no keys of [%s] in %s' % (section, PAGE))
        equal((section, set(got[0]) - {'name'}), (section, keys))


if __name__ == '__main__':
    sys.exit(run())
