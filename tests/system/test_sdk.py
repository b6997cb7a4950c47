#!/usr/bin/env python3
"""The official Node SDK through the daemon and directly: the same results.

Needs node, and in NODE_MODULES the folder that holds the SDK.
"""
import json
import os
import shutil
import subprocess
import sys

from parity import NEXT_PAGE, Pair, SIXTEEN, TRACE
from rig import equal, run, test, true

SDK_VERSION = '3.1.0'
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sdk',
                      'parity.mjs')
SCRIPT_LIMIT_S = 120
FOLDER = os.environ.get('NODE_MODULES', '')
PACKAGE = os.path.join(FOLDER, '@gohighlevel', 'api-client', 'package.json')


def missing():
    """Why the SDK cannot be run here; None when it can."""
    if not FOLDER:
        return 'NODE_MODULES names no folder with the Node SDK'
    if shutil.which('node') is None:
        return 'node is not installed'
    try:
        with open(PACKAGE, encoding='utf-8') as f:
            found = json.load(f)['version']
    except FileNotFoundError:
        return 'there is no ' + PACKAGE
    return None if found == SDK_VERSION else 'SDK %s, not %s' % (
        found, SDK_VERSION)


def start(order):
    """The script with one base URL. No proxy of the environment may come
    between."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.lower().endswith('_proxy')}
    environment['NODE_MODULES'] = os.path.abspath(FOLDER)
    with subprocess.Popen(['node', SCRIPT], env=environment,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        try:
            output, _ = process.communicate(json.dumps(order).encode(),
                                            SCRIPT_LIMIT_S)
        finally:
            process.kill()
    equal(process.returncode, 0)
    return output.splitlines()


def comparable(line):
    return NEXT_PAGE.sub(b'"nextPageUrl":"//', TRACE.sub(b'', line))


def compare(pair, scenario, how='client', **more):
    """Runs a scenario both ways; the SDK's results, as JSON."""
    order = {
        'scenario': scenario, 'how': how, 'location': pair.location,
        'config': {'privateIntegrationToken': pair.other.tokens['full-1']},
        **more}
    through = start({**order, 'control': pair.rig.sandbox.url,
                     'base': 'http://%s:%d' % pair.rig.address})
    direct = start({**order, 'control': pair.other.url,
                    'base': pair.other.url})
    true(direct, 'the script printed nothing')
    for got, wanted in zip(through, direct):
        check_page(pair, got)
        equal(comparable(got), comparable(wanted))
    equal(len(through), len(direct))
    return [json.loads(line) for line in through]


def check_page(pair, line):
    page = NEXT_PAGE.search(line)
    if page:
        equal(page[1].decode(), '%s:%d' % pair.rig.address)


def errors_of(lines):
    return [(line['error'].get('statusCode'), line['error']['code'])
            for line in lines if 'error' in line]


def operations(how):
    with Pair() as pair:
        contact = pair.pick('tasks', 'notes', 'business')
        for sandbox in pair.rig.sandbox, pair.other:
            sandbox.control('DELETE', 'ledger')
        lines = compare(pair, 'operations', how, contact=contact['id'],
                        business=contact['businessId'])
        # Only what was deleted is missing.
        equal({code for _, code in errors_of(lines)},
              {'VALIDATION', 'NOT_FOUND'})
        pair.check_asked(SIXTEEN)
        through, direct = (
            s.ledger()['by_operation']['contacts.get-contact']
            for s in (pair.rig.sandbox, pair.other))
        true(through * 2 <= direct, '%d of %d reads went upstream' % (
            through, direct))


@test
def operations_with_the_base_url_of_its_http_client():
    operations('client')


@test
def operations_with_the_base_url_of_its_class():
    operations('static')


@test
def refusals():
    with Pair() as pair:
        lines = compare(pair, 'refusals', contact=pair.pick()['id'],
                        foreign=pair.other.locations[1])
        once = [(401, 'AUTHENTICATION')] * 2 + [
            (400, 'VALIDATION'), (404, 'NOT_FOUND'), (403, 'FORBIDDEN'),
            (422, 'VALIDATION')]
        equal(errors_of(lines), once * 2 + [
            (500, 'SERVER'), (502, 'SERVER'), (503, 'SERVER')])


@test
def refresh_after_401():
    with Pair() as pair:
        lines = compare(pair, 'refresh',
                        client=pair.other.ready['clients'][0])
        equal(errors_of(lines), [(401, 'AUTHENTICATION')])
        for sandbox in pair.rig.sandbox, pair.other:
            # The code, two refreshes, and the one that is refused.
            equal(sandbox.ledger()['by_operation']['oauth.get-access-token'],
                  4)


@test
def limits():
    """429 of the burst and of the daily limit, with and without retry."""
    with Pair('--daily', '6', '--window', '0.5') as pair:
        lines = compare(pair, 'limits', daily=6)
        equal([line['error']['rateLimit']['scope'] for line in lines
               if 'error' in line], ['burst', 'daily', 'daily'])
        equal('error' in lines[1], False)


REASON = missing()
if REASON:
    print('1..0 # SKIP ' + REASON)
    sys.exit(77)
sys.exit(run())
