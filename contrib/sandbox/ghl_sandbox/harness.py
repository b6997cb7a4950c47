"""Start a sandbox from a Python test and talk to it.

    with Sandbox('--contacts', '50', '--no-limit') as sandbox:
        status, headers, contact = sandbox.call('GET', '/contacts/...')
"""

import http.client
import json
import os
import select
import subprocess
import sys
from urllib.parse import urlsplit

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'ghl-sandbox')
START_LIMIT_S = 30
VERSION = '2021-07-28'


class Sandbox:
    """A running sandbox; `ready` is its ready line."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *options], stdout=subprocess.PIPE)
        readable, _, _ = select.select([self.process.stdout], [], [],
                                       START_LIMIT_S)
        line = self.process.stdout.readline() if readable else b''
        if not line:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            raise RuntimeError('the sandbox did not start')
        self.ready = json.loads(line)
        self.url = self.ready['url']
        self.host, self.port = (urlsplit(self.url).hostname,
                                urlsplit(self.url).port)
        self.locations = [x['id'] for x in self.ready['locations']]
        self.tokens = {t['name']: t['token'] for t in self.ready['tokens']}
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """End it; the exit status must be 0."""
        if self.connection is not None:
            self.connection.close()
        self.process.terminate()
        status = self.process.wait(START_LIMIT_S)
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError('the sandbox ended with %d' % status)

    def raw(self, method, target, body=None, headers=None):
        """(status, headers, bytes); one connection is kept open."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.host, self.port, timeout=START_LIMIT_S)
        try:
            self.connection.request(method, target, body, headers or {})
            response = self.connection.getresponse()
            return (response.status, dict(response.getheaders()),
                    response.read())
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            raise

    def call(self, method, target, body=None, token='full-1',
             version=VERSION, headers=None):
        """(status, headers, JSON) of a call with a token of that name."""
        fields = {'content-type': 'application/json', **(headers or {})}
        if token:
            fields['authorization'] = 'Bearer ' + self.tokens.get(
                token, token)
        if version:
            fields['version'] = version
        data = None if body is None else json.dumps(body).encode()
        status, head, content = self.raw(method, target, data, fields)
        kind = head.get('content-type', '')
        return status, head, json.loads(content) if content and \
            kind.startswith('application/json') else content

    def control(self, method, name, body=None):
        """JSON of a control call, e.g. control('GET', 'ledger')."""
        data = None if body is None else json.dumps(body).encode()
        status, _, content = self.raw(method, '/__sandbox/' + name, data)
        answer = json.loads(content)
        if status != 200:
            raise RuntimeError('%s: %s' % (name, answer))
        return answer

    def ledger(self):
        return self.control('GET', 'ledger')
