#!/usr/bin/env python3
"""/-/metrics: the text exposition format 0.0.4, to the letter, with names that
the manual tells; and who may see it."""

import re
import shutil
import subprocess
import sys

from rig import Rig, Session, equal, manual_text, run, test, true

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
SAMPLE = re.compile(r'(%s)(?:\{(.*)\})? (\S+)' % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
NUMBER = re.compile(r'\d+(\.\d+)?')
SUFFIXES = {'histogram': ['_bucket', '_sum', '_count']}


class Family:
    def __init__(self, name, help_text):
        self.name = name
        self.help = help_text
        self.type = None
        self.samples = {}


def labels_of(text):
    """Labels as a tuple of pairs."""
    found, at = [], 0
    while at < len(text):
        label = LABEL.match(text, at)
        true(label, 'labels %r' % text)
        found.append(label.groups())
        at = label.end()
        if at < len(text):
            equal(text[at], ',')
            at += 1
    equal(len({name for name, _ in found}), len(found))
    return tuple(found)


def add_sample(family, line):
    match = SAMPLE.fullmatch(line)
    true(match, line)
    name, labels, value = match.groups()
    true(family and family.type, 'before its TYPE: ' + line)
    suffix = name.removeprefix(family.name)
    true(name.startswith(family.name) and
         suffix in SUFFIXES.get(family.type, ['']), line)
    true(NUMBER.fullmatch(value), line)
    key = suffix, labels_of(labels or '')
    true(key not in family.samples, 'twice: ' + line)
    family.samples[key] = float(value)


def parse(text):
    """Families by name, in the strict order HELP, TYPE, samples."""
    families, family = {}, None
    true(text.endswith('\n') and '\r' not in text, 'ends of lines')
    for line in text[:-1].split('\n'):
        if line.startswith('# HELP '):
            name, _, words = line[7:].partition(' ')
            true(re.fullmatch(NAME, name) and name not in families, line)
            true(words and '\\' not in words, line)
            family = families[name] = Family(name, words)
        elif line.startswith('# TYPE '):
            name, kind = line[7:].split(' ')
            equal((name, family.type, family.samples),
                  (family.name, None, {}))
            true(kind in ('counter', 'gauge', 'histogram'), line)
            family.type = kind
        else:
            add_sample(family, line)
    return families


def check_family(family):
    true(family.name.startswith('ghlmirror_'), family.name)
    true(family.help.endswith('.'), family.help)
    equal((family.name, family.type == 'counter'),
          (family.name, family.name.endswith('_total')))
    true(family.samples or family.name.startswith('ghlmirror_tool_'),
         family.name)


def check_histogram(family):
    buckets = [(dict(labels)['le'], value) for (suffix, labels), value
               in family.samples.items() if suffix == '_bucket']
    bounds = [float(le) for le, _ in buckets]
    equal((bounds, buckets[-1][0]), (sorted(set(bounds)), '+Inf'))
    counts = [value for _, value in buckets]
    equal(counts, sorted(counts))
    equal(counts[-1], family.samples['_count', ()])
    true(family.samples['_sum', ()] <= counts[-1] * 100, family.samples)


def scrape(rig):
    answer = rig.get('/-/metrics')
    equal((answer.status, answer.field('content-type')),
          (200, 'text/plain; version=0.0.4; charset=utf-8'))
    return parse(answer.body.decode('ascii'))


def value(families, name, *labels):
    return families['ghlmirror_' + name].samples['', labels]


@test
def the_parser_is_strict():
    head = '# HELP a_total A.\n# TYPE a_total counter\n'
    for text in ('a_total 1\n', head + 'a_total 1', head + 'a_total  1\n',
                 head + 'b_total 1\n', head + 'a_total -1\n',
                 head + 'a_total 1\na_total 1\n', head + head,
                 head + 'a_total{x="1} 1\n', head + 'a_total{x="1",} x\n',
                 '# TYPE a_total counter\n' + head, head + 'a_total 1\r\n',
                 head + 'a_total{x="1"y="2"} 1\n', head + '\n'):
        try:
            parse(text)
        except (AssertionError, AttributeError, ValueError):
            continue
        raise AssertionError('accepted %r' % text)
    equal(parse(head + 'a_total{x="1",y="\\""} 1\n')['a_total'].samples,
          {('', (('x', '1'), ('y', '\\"'))): 1.0})


@test
def the_format():
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm('/-/as/crm' + target)
        rig.call('PUT', target, {'firstName': 'x'})
        rig.daemon.status()
        families = scrape(rig)
        for family in families.values():
            check_family(family)
            if family.type == 'histogram':
                check_histogram(family)
        equal(sum(f.type == 'histogram' for f in families.values()), 4)
        counters = rig.daemon.status()['counters']
        equal([n for n in counters
               if 'ghlmirror_%s_total' % n not in families], [])
        if shutil.which('promtool'):
            done = subprocess.run(
                ['promtool', 'check', 'metrics'], check=False,
                input=rig.get('/-/metrics').body, capture_output=True)
            equal((done.returncode, done.stderr), (0, b''))


@test
def the_figures():
    """Those of status, and only ever more of them."""
    with Rig() as rig:
        target = '/contacts/' + rig.contact()
        rig.warm('/-/as/crm' + target)
        for _ in range(9):
            rig.get(target)
        rig.daemon.settle()
        status, families = rig.daemon.status(), scrape(rig)
        for name in ('hits', 'misses', 'upstream_requests', 'stored'):
            equal((name, value(families, name + '_total')),
                  (name, status['counters'][name]))
        store = status['store']
        equal([value(families, 'store_' + x) for x in (
            'entries', 'used_bytes', 'max_bytes', 'serving', 'storing')],
              [store['entries'], store['usedBytes'], store['maxBytes'], 1, 1])
        equal([value(families, x) for x in (
            'connections_open', 'flights', 'upstream_reachable', 'offline',
            'draining', 'usage_kept', 'threads')],
              [1, 0, 1, 0, 0, 1, status['threads']])
        equal(value(families, 'build_info', ('version', status['version'])),
              1)
        equal(value(families, 'tool_upstream_total', ('tool', 'crm')), 1)
        equal(value(families, 'tool_asked_total', ('tool', '-')), 9)
        hit = families['ghlmirror_hit_seconds'].samples
        equal(hit['_count', ()] <= status['counters']['hits'], True)
        true(hit['_sum', ()] < 1, hit)
        equal(families['ghlmirror_upstream_seconds'].samples['_count', ()],
              1)
        equal(families['ghlmirror_queue_seconds'].samples['_count', ()], 1)
        rig.daemon.cli('offline', 'on')
        for _ in range(3):
            rig.get(target)
        again = scrape(rig)
        for name, family in families.items():
            if family.type != 'gauge':
                for key, before in family.samples.items():
                    true(again[name].samples[key] >= before, (name, key))
        equal((value(again, 'offline'), value(again, 'upstream_reachable')),
              (1, 0))


@test
def the_manual_has_every_name():
    told = set()
    for part, name in (('Gauges', '%s'), ('Tools', '%s'),
                       ('Counters', 'ghlmirror_%s_total'),
                       ('Times', 'ghlmirror_%s_seconds')):
        section = manual_text('METRICS').partition('.Ss %s\n' % part)[2]
        told |= {name % x for x in re.findall(
            r'^\.It \w\w (\S+)', section.partition('\n.Ss ')[0],
            re.MULTILINE)}
    with Rig() as rig:
        rig.get('/contacts/' + rig.contact())
        rig.daemon.status()
        names = set(scrape(rig))
    equal((names - told, told - names), (set(), set()))


@test
def who_may_see_it():
    """As status: this machine, under a name of this machine."""
    with Rig() as rig:
        for path in ('/-/metrics', '/-/status', '/-/as/crm/-/metrics'):
            for host, status in (('localhost', 200), ('127.0.0.1:1', 200),
                                 ('[::1]', 200), ('evil', 403),
                                 ('evil.example', 421),
                                 ('127.0.0.1.evil.example', 421)):
                session = Session(rig.address, {'Host': host})
                equal((path, host, session.call('GET', path).status),
                      (path, host, status))
                session.close()
            equal(rig.call('POST', path, {}).status, 405)
            answer = rig.call('HEAD', path)
            equal((answer.status, answer.body), (200, b''))


if __name__ == '__main__':
    sys.exit(run())
