"""Opportunities of a location.

Every eighth contact of the past has one opportunity; its number is the
contact's.  New ones are numbered from the count of contacts on.
"""

from . import kinds
from .clock import iso
from .seeded import DATA_EPOCH_MS, mix

STATES = ('open', 'won', 'lost', 'abandoned')
SHARE = 8


class Deals:
    """The opportunities of one location; only changes are held."""

    def __init__(self, location):
        self.location = location
        self.changed = {}
        self.made = 0
        self.version = 0
        self.kept = None

    def past(self, number):
        location, book = self.location, self.location.book
        h = mix(book.h(number) ^ 0x6F707073)
        pipelines = location.pipelines.list()
        pipeline = pipelines[h % len(pipelines)]
        stage = pipeline['stages'][(h >> 8) % len(pipeline['stages'])]
        made = book.added_ms(number)
        moved = made + (h >> 16) % max(1, DATA_EPOCH_MS - made)
        return {
            'id': location.world.ids.make(
                kinds.OPPORTUNITY, location.loc, number),
            'name': '%s deal' % book.last(book.h(number)),
            'monetaryValue': (h >> 24) % 90 * 100 + 100,
            'pipelineId': pipeline['id'], 'pipelineStageId': stage['id'],
            'assignedTo': book.users[(h >> 32) % len(book.users)],
            'status': STATES[(h >> 40) % len(STATES)], 'source': '',
            'lastStatusChangeAt': iso(moved),
            'lastStageChangeAt': iso(moved), 'createdAt': iso(made),
            'updatedAt': iso(moved), 'indexVersion': '1',
            'contactId': book.contact_id(number),
            'locationId': location.id, 'customFields': [],
            'followers': []}

    def get(self, number):
        if number in self.changed:
            return self.changed[number]
        if number < self.location.book.count and number % SHARE == 0:
            return self.past(number)
        return None

    def put(self, number, record):
        self.changed[number] = record
        self.version += 1

    def all(self):
        """Every opportunity, newest first."""
        if self.kept is None or self.kept[0] != self.version:
            numbers = set(range(0, self.location.book.count, SHARE))
            numbers.update(self.changed)
            rows = [r for r in map(self.get, sorted(numbers))
                    if r is not None]
            rows.sort(key=lambda r: (r['createdAt'], r['id']), reverse=True)
            self.kept = (self.version, rows)
        return self.kept[1]
