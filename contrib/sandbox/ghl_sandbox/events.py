"""Appointments and blocked slots of one location, by id, contact and time."""

from bisect import bisect_left

from . import kinds, past
from .seeded import mix

PAST_APPOINTMENT, NEW_APPOINTMENT, PAST_BLOCK, NEW_BLOCK = range(4)


class Events:
    def __init__(self, location):
        self.location = location
        self.changed = {}		# id: record, or None once deleted
        self.new_ids = []
        self.made = 0
        self.timeline = None
        self.notes = {}
        self.notes_made = 0

    def get(self, event_id):
        if event_id in self.changed:
            return self.changed[event_id]
        plain = self.location.world.ids.read(event_id)
        if plain is None or plain[0] != kinds.EVENT or \
                plain[1] != self.location.loc:
            return None
        _, _, number, sub = plain
        if sub == PAST_APPOINTMENT and number < self.location.book.count:
            return past.appointment(self.location, number)
        if sub == PAST_BLOCK:
            return past.block(self.location, number)
        return None

    def add(self, record, is_block=False):
        sub = NEW_BLOCK if is_block else NEW_APPOINTMENT
        event_id = self.location.world.ids.make(
            kinds.EVENT, self.location.loc, self.made, sub)
        self.made += 1
        record = {'id': event_id, **record}
        if is_block:
            record['is_block'] = True
        self.changed[event_id] = record
        self.new_ids.append(event_id)
        return record

    def put(self, event_id, record):
        self.changed[event_id] = record

    def of_contact(self, number):
        contact_id = self.location.book.contact_id(number)
        out = []
        if number < self.location.book.count:
            first = past.appointment(self.location, number)
            if first is not None:
                first = self.changed.get(first['id'], first)
            if first is not None and first['contactId'] == contact_id:
                out.append(first)
        for event_id in self.new_ids:
            record = self.changed[event_id]
            if record is not None and record['contactId'] == contact_id:
                out.append(record)
        return out

    def _timeline(self):
        """(start, contact number) of all past appointments, by time."""
        if self.timeline is None:
            book, rows = self.location.book, []
            for i in range(book.count):
                h = mix(book.h(i) ^ 0x61707074)
                if past.has_appointment(h):
                    rows.append((past.appointment_start_ms(h), i))
            self.timeline = sorted(rows)
        return self.timeline

    def between(self, start_ms, end_ms, is_block=False):
        """Events that start in [start_ms, end_ms), by time."""
        found = {}
        if is_block:
            for n in range(past.BLOCKS_PER_CALENDAR *
                           len(self.location.calendar_ids)):
                record = past.block(self.location, n)
                found[record['id']] = record
        else:
            rows = self._timeline()
            for at in range(bisect_left(rows, (start_ms,)), len(rows)):
                if rows[at][0] >= end_ms:
                    break
                record = past.appointment(self.location, rows[at][1])
                found[record['id']] = record
        found.update((k, r) for k, r in self.changed.items()
                     if r is None or bool(r.get('is_block')) == is_block)
        out = [r for r in found.values() if r is not None and
               start_ms <= r['start_ms'] < end_ms and
               self._is_contact_there(r)]
        return sorted(out, key=lambda r: (r['start_ms'], r['id']))

    def _is_contact_there(self, record):
        if record.get('is_block'):
            return True
        plain = self.location.world.ids.read(record['contactId'])
        return plain is None or self.location.is_contact(plain[2])
