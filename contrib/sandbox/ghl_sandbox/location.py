"""One location: its contacts and what hangs on them.

Only changes are held.  `changed` has the current record of every contact
that was ever written (None once deleted); all others come from the book.
"""

from . import kinds
from .clock import iso
from .index import ContactIndex


class Location:
    def __init__(self, world, loc, record, book, collections):
        self.world = world
        self.loc = loc
        self.id = book.location_id
        self.record = record
        self.book = book
        self.index = ContactIndex(book)
        self.changed = {}
        self.emails = {}
        self.phones = {}
        self.created = 0
        self.version = 0
        self.parts = {}			# (what, contact number): records
        self.part_counts = {}
        self.task_matches = {}
        self.__dict__.update(collections)

    # Contacts

    def contact(self, number):
        if number in self.changed:
            return self.changed[number]
        if number < self.book.count:
            return self.book.record(number)
        return None

    def is_contact(self, number):
        if number in self.changed:
            return self.changed[number] is not None
        return number < self.book.count

    def new_contact(self, fields):
        number = self.book.count + self.created
        self.created += 1
        record = {'id': self.book.contact_id(number), **fields}
        self.put_contact(number, record)
        return number, record

    def put_contact(self, number, record):
        """Store a record (None: deleted) and tell the index in time."""
        self._unlist(self.changed.get(number), number)
        self.changed[number] = record
        self.version += 1
        if record is not None:
            if record.get('email'):
                self.emails.setdefault(
                    record['email'].lower(), set()).add(number)
            if record.get('phone'):
                self.phones.setdefault(record['phone'], set()).add(number)
        self.index.note_change(self.world.clock.elapsed(), number, record)

    def _unlist(self, record, number):
        if record is None:
            return
        self.emails.get((record.get('email') or '').lower(),
                        set()).discard(number)
        self.phones.get(record.get('phone'), set()).discard(number)

    def touch(self, number, **fields):
        """Change fields of a contact; dateUpdated moves."""
        now = iso(self.world.clock.now_ms())
        record = {**self.contact(number), **fields, 'dateUpdated': now}
        self.put_contact(number, record)
        return record

    def find_email(self, email):
        numbers = self.emails.get(email.lower())
        if numbers:
            return min(numbers)
        number = self.book.by_email(email.lower())
        return None if number in self.changed else number

    def find_phone(self, phone):
        numbers = self.phones.get(phone)
        if numbers:
            return min(numbers)
        number = self.book.by_phone(phone)
        return None if number in self.changed else number

    def searchable(self):
        self.index.catch_up(
            self.world.clock.elapsed() - self.world.index_lag)
        return self.index

    # Tasks and notes of a contact

    def part_list(self, what, number):
        """Tasks or notes of a contact, in order of creation."""
        held = self.parts.get((what, number))
        if held is not None:
            return list(held.values())
        if number < self.book.count:
            return self.world.past_parts(self, what, number)
        return []

    def part(self, what, number, part_id):
        held = self.parts.get((what, number))
        if held is not None:
            return held.get(part_id)
        for record in self.part_list(what, number):
            if record['id'] == part_id:
                return record
        return None

    def _hold(self, what, number):
        held = self.parts.get((what, number))
        if held is None:
            held = {r['id']: r for r in self.part_list(what, number)}
            self.parts[what, number] = held
        return held

    def add_part(self, what, number, fields):
        held = self._hold(what, number)
        count = self.part_counts.get((what, number), 0)
        self.part_counts[what, number] = count + 1
        kind = kinds.TASK if what == 'tasks' else kinds.NOTE
        # The past has fewer than 16 parts per contact.
        part_id = self.world.ids.make(kind, self.loc, number, 16 + count)
        record = {'id': part_id, **fields}
        held[part_id] = record
        return record

    def change_part(self, what, number, part_id, fields):
        held = self._hold(what, number)
        held[part_id] = {**held[part_id], **fields}
        return held[part_id]

    def drop_part(self, what, number, part_id):
        self._hold(what, number).pop(part_id)
