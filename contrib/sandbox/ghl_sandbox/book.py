"""The contacts that a location has before anybody changes one.

`Book` computes contact number i of a location in microseconds; nothing is
kept.  Columns (one value per contact) serve searches; every value in a
column equals the same field of the whole record.
"""

from . import kinds
from .clock import iso
from .seeded import (CITIES, COMPANIES, DATA_EPOCH_MS, DAY_MS, FIRST_NAMES,
                     LAST_NAMES, MASK64, TIMEZONES, ascii_word, hash64, mix)

SPAN_MS = 730 * DAY_MS
DOMAINS = ('example.com', 'example.net', 'example.org')
SOURCES = ('public api', 'web form', 'referral', 'import', 'chat widget')
GOLDEN = 0x9E3779B97F4A7C15


class Book:
    """Contacts 0..count-1 of location number `loc`."""

    def __init__(self, seed, ids, loc, count, users, tags, fields,
                 businesses):
        self.ids = ids
        self.loc = loc
        self.count = count
        self.location_id = ids.make(kinds.LOCATION, loc, 0)
        self.base = hash64('book', seed, loc)
        self.step = max(1, SPAN_MS // (count + 1))
        self.users = users
        self.tags = tags
        self.fields = fields
        self.businesses = businesses

    def contact_id(self, i):
        return self.ids.make(kinds.CONTACT, self.loc, i)

    def h(self, i):
        return mix((self.base + i * GOLDEN) & MASK64)

    # One value of contact i, from its hash.

    def first(self, h):
        return FIRST_NAMES[h % len(FIRST_NAMES)]

    def last(self, h):
        return LAST_NAMES[(h >> 8) % len(LAST_NAMES)]

    def email(self, h, i):
        if (h >> 16) % 20 == 0:
            return None
        return '%s.%s.%d@%s' % (
            ascii_word(self.first(h)), ascii_word(self.last(h)), i,
            DOMAINS[(h >> 20) % len(DOMAINS)])

    def phone(self, h, i):
        if (h >> 24) % 20 == 0:
            return None
        return '+1%03d%07d' % (201 + self.loc, i)

    def added_ms(self, i):
        start = DATA_EPOCH_MS - SPAN_MS + i * self.step
        return start + mix(self.base ^ i) % self.step

    def updated_ms(self, i):
        added = self.added_ms(i)
        return added + (mix(self.h(i)) >> 8) % (DATA_EPOCH_MS - added)

    def assigned(self, h):
        pick = (h >> 28) % (len(self.users) + 2)
        return self.users[pick] if pick < len(self.users) else None

    def tag_list(self, h):
        names = self.tags
        picked = {(h >> 32) % len(names), (h >> 36) % len(names),
                  (h >> 40) % len(names)}
        count = (h >> 44) % 4
        return [names[n] for n in sorted(picked)][:count]

    def business(self, h):
        pick = (h >> 46) % (3 * len(self.businesses))
        return self.businesses[pick] if pick < len(self.businesses) else None

    def company(self, h):
        return COMPANIES[(h >> 50) % len(COMPANIES)] \
            if (h >> 55) % 2 else None

    def by_email(self, email):
        """The number of the contact with this address, or None."""
        parts = email.partition('@')[0].rsplit('.', 1)
        if len(parts) != 2 or not parts[1].isdecimal():
            return None
        return self._check(int(parts[1]), self.email, email)

    def by_phone(self, phone):
        if len(phone) != 12 or not phone[5:].isdecimal():
            return None
        return self._check(int(phone[5:]), self.phone, phone)

    def _check(self, i, field, value):
        if i < self.count and field(self.h(i), i) == value:
            return i
        return None

    def place(self, g):
        return CITIES[g % len(CITIES)]

    def zone(self, g):
        return TIMEZONES[(g >> 4) % len(TIMEZONES)]

    def is_dnd(self, g):
        return (g >> 8) % 16 == 0

    def source(self, g):
        return SOURCES[(g >> 12) % len(SOURCES)]

    def reader(self, field):
        """A quick way to one field of contact i, or None."""
        h, place = self.h, self.place

        def g(i):
            return mix(h(i))
        return {
            'firstName': lambda i: self.first(h(i)),
            'firstNameLowerCase': lambda i: self.first(h(i)),
            'lastName': lambda i: self.last(h(i)),
            'lastNameLowerCase': lambda i: self.last(h(i)),
            'email': lambda i: self.email(h(i), i),
            'phone': lambda i: self.phone(h(i), i),
            'tags': lambda i: self.tag_list(h(i)),
            'assignedTo': lambda i: self.assigned(h(i)),
            'businessId': lambda i: self.business(h(i)),
            'companyName': lambda i: self.company(h(i)),
            'businessName': lambda i: self.company(h(i)),
            'id': self.contact_id,
            'city': lambda i: place(g(i))[0],
            'state': lambda i: place(g(i))[1],
            'postalCode': lambda i: place(g(i))[2],
            'timezone': lambda i: self.zone(g(i)),
            'dnd': lambda i: self.is_dnd(g(i)),
            'source': lambda i: self.source(g(i)),
        }.get(field)

    def record(self, i):
        """The whole record of contact i, a new dict."""
        h = self.h(i)
        g = mix(h)
        first, last = self.first(h), self.last(h)
        name = '%s %s' % (first, last)
        email, phone = self.email(h, i), self.phone(h, i)
        city, state, code = self.place(g)
        updated = iso(self.updated_ms(i))
        record = {
            'id': self.contact_id(i), 'name': name,
            'locationId': self.location_id, 'firstName': first,
            'lastName': last,
            'timezone': self.zone(g), 'dnd': self.is_dnd(g),
            'type': 'lead', 'source': self.source(g),
            'address1': '%d Main St' % (100 + (g >> 16) % 900),
            'city': city, 'state': state, 'country': 'US',
            'postalCode': code, 'tags': self.tag_list(h),
            'dateAdded': iso(self.added_ms(i)), 'dateUpdated': updated,
            'firstNameLowerCase': first.lower(),
            'fullNameLowerCase': name.lower(),
            'lastNameLowerCase': last.lower(), 'lastActivity': updated,
            'customFields': self._custom_fields(g),
            'additionalEmails': [], 'additionalPhones': [],
            'followers': [],
        }
        optional = (
            ('email', email), ('emailLowerCase', email), ('phone', phone),
            ('companyName', self.company(h)),
            ('assignedTo', self.assigned(h)),
            ('businessId', self.business(h)))
        record.update((k, v) for k, v in optional if v is not None)
        if record['dnd']:
            record['dndSettings'] = {'SMS': {
                'status': 'active', 'message': 'Texted STOP', 'code': '101'}}
        if (g >> 24) % 3 == 0:
            record['dateOfBirth'] = '%d-%02d-%02d' % (
                1950 + (g >> 28) % 55, 1 + (g >> 36) % 12,
                1 + (g >> 42) % 28)
        record['attributionSource'] = {
            'url': 'https://www.example.com/landing', 'medium': 'form',
            'utmSource': 'newsletter'}
        return record

    def _custom_fields(self, g):
        out = []
        for n in range((g >> 48) % 4):
            field = self.fields[(g >> (50 + 3 * n)) % len(self.fields)]
            if all(field['id'] != f['id'] for f in out):
                out.append({'id': field['id'],
                            'value': 'value %d' % ((g >> 40) % 50 + n)})
        return out
