"""A rig whose upstream can go away, with reads that are all stored and all
expired."""

import time

from rig import Rig, Storm, equal, wait_for

STALE_WAIT_MS = 200
CONFIG = '''
[route records]
match = cache
ttl = 1s
stale_while_revalidate = 0s

[route search]
match = read-post
ttl = 1s

[route recent]
match = contacts.get-contacts
ttl = 1s
'''


class Outage(Rig):
    """A rig whose upstream can go away, and reads that are all stored and
    all expired."""

    def __init__(self, *options, stale_wait_ms=STALE_WAIT_MS):
        wait = ['--stale-wait', '%dms' % stale_wait_ms]
        super().__init__(options=wait + list(options), config=CONFIG,
                         gateway=True)

    def __enter__(self):
        super().__enter__()
        here = 'locationId=' + self.location
        listed = '/contacts/?limit=50&' + here
        ids = [c['id'] for c in self.direct('GET', listed)[2]['contacts']]
        self.contact = '/contacts/' + ids[0]
        self.unvisited = '/contacts/' + ids[-1]
        reads = ['/contacts/%s%s' % (i, part) for i in ids[:10]
                 for part in ('', '/tasks', '/notes')]
        reads += [listed, '/calendars/?' + here, '/businesses/?' + here]
        search = {'locationId': self.location, 'pageLimit': 9}
        self.reads = [('GET', target, None) for target in reads]
        self.reads.append(('POST', '/contacts/search', search))
        for read in self.reads:
            equal(self.call(*read).status, 200)
        self.daemon.settle()
        self.expire()
        return self

    @staticmethod
    def expire():
        start = time.monotonic()
        wait_for(lambda: time.monotonic() - start > 1.05, 'the TTL')

    def go(self, mode):
        self.gateway.set_mode(mode)

    def storm(self):
        """All reads at once."""
        messages = [self.message(*read) for read in self.reads]
        with Storm(self.address, messages) as storm:
            storm.send()
            return storm.answers()
