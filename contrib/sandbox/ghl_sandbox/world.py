"""All locations and their settings, made from the seed."""

from . import kinds, past
from .book import Book
from .clock import iso
from .collection import Collection
from .deals import Deals
from .events import Events
from .location import Location
from .seeded import (CITIES, COMPANIES, DATA_EPOCH_MS, DAY_MS, FIRST_NAMES,
                     LAST_NAMES, Ids, ascii_word, hash64, uuid)
from .talks import Talks

LOCATION_NAMES = ('Northwind Dental', 'Southgate Fitness', 'Eastside Realty')
TAG_NAMES = ('customer', 'lead', 'newsletter', 'vip', 'follow-up', 'trial',
             'webinar 2025', 'referral', 'no-show', 'partner', 'überfällig',
             'do not call')
FIELD_NAMES = ('Budget', 'Preferred day', 'Plan', 'Branch', 'Notes on file',
               'Score')
VALUE_NAMES = ('Office hours', 'Booking link', 'Support phone')
CALENDAR_NAMES = ('First visit', 'Consultation', 'Follow-up', 'Group class')
STAGES = ('New', 'Contacted', 'Proposal', 'Closed')
PAST_PARTS = {'tasks': past.tasks, 'notes': past.notes}


class World:
    def __init__(self, seed, contacts, clock, index_lag):
        self.seed = seed
        self.contacts = contacts
        self.clock = clock
        self.index_lag = index_lag
        self.ids = Ids(seed)
        self.company_id = self.ids.make(kinds.COMPANY, 0, 0)
        self.app_id = self.ids.make_hex(kinds.APP, 0, 0)
        self.locations = {}
        for loc, name in enumerate(LOCATION_NAMES):
            location = self._make_location(loc, name)
            self.locations[location.id] = location
        self.by_number = list(self.locations.values())

    def past_parts(self, location, what, number):
        return PAST_PARTS[what](location, number)

    def _maker(self, kind, loc):
        return lambda n: self.ids.make(kind, loc, n)

    def _make_location(self, loc, name):
        location_id = self.ids.make(kinds.LOCATION, loc, 0)
        small = self._collections(loc, location_id)
        book = Book(self.seed, self.ids, loc, self.contacts,
                    list(small['users'].records),
                    [t['name'] for t in small['tags'].list()],
                    small['custom_fields'].list(),
                    list(small['businesses'].records))
        location = Location(self, loc, self._location_record(
            loc, location_id, name), book, small)
        location.calendar_ids = list(small['calendars'].records)
        location.group_of = {c['id']: c['groupId']
                             for c in small['calendars'].list()}
        location.events = Events(location)
        location.deals = Deals(location)
        location.talks = Talks(location)
        return location

    def _location_record(self, loc, location_id, name):
        city, state, code = CITIES[(self.seed + loc) % len(CITIES)]
        email = '%s@example.com' % name.lower().replace(' ', '.')
        address = {'address': '%d Market St' % (10 + loc), 'city': city,
                   'state': state, 'country': 'US', 'postalCode': code,
                   'website': 'https://%s.example.com' % name.split()[
                       0].lower(), 'timezone': 'UTC'}
        return {'id': location_id, 'companyId': self.company_id,
                'name': name, 'email': email,
                'phone': '+1%03d0000001' % (901 + loc), **address,
                'firstName': FIRST_NAMES[loc], 'lastName': LAST_NAMES[loc],
                'domain': '', 'logoUrl': '',
                'business': {'name': name, **address}, 'social': {},
                'settings': {'allowDuplicateContact': False,
                             'allowDuplicateOpportunity': False,
                             'allowFacebookNameMerge': False,
                             'disableContactTimezone': False}}

    def _collections(self, loc, location_id):
        maker = self._maker
        groups = Collection(maker(kinds.GROUP, loc), [
            {'locationId': location_id, 'name': 'Front desk',
             'description': 'All staff', 'slug': 'front-desk',
             'isActive': True}])
        users = Collection(maker(kinds.USER, loc),
                           self._users(loc, location_id))
        return {
            'groups': groups, 'users': users,
            'tags': Collection(maker(kinds.TAG, loc), [
                {'name': n, 'locationId': location_id} for n in TAG_NAMES]),
            'custom_fields': Collection(
                maker(kinds.CUSTOM_FIELD, loc), [
                    custom_field(location_id, n, at)
                    for at, n in enumerate(FIELD_NAMES)]),
            'custom_values': Collection(maker(kinds.CUSTOM_VALUE, loc), [
                custom_value(location_id, n, 'value of ' + n.lower())
                for n in VALUE_NAMES]),
            'businesses': Collection(
                lambda n: self.ids.make_hex(kinds.BUSINESS, loc, n),
                self._businesses(location_id)),
            'calendars': Collection(
                maker(kinds.CALENDAR, loc),
                self._calendars(location_id, list(groups.records)[0],
                                list(users.records))),
            'pipelines': Collection(maker(kinds.PIPELINE, loc), [
                self._pipeline(loc, location_id, n)
                for n in ('Sales', 'Renewals')]),
        }

    def _users(self, loc, location_id):
        out = []
        for n in range(5):
            h = hash64('user', self.seed, loc, n)
            first = FIRST_NAMES[h % len(FIRST_NAMES)]
            last = LAST_NAMES[(h >> 8) % len(LAST_NAMES)]
            out.append({
                'name': '%s %s' % (first, last), 'firstName': first,
                'lastName': last, 'email': '%s.%s@staff%d.example.com' % (
                    ascii_word(first), ascii_word(last), n),
                'phone': '+1%03d99900%02d' % (301 + loc, n), 'extension': '',
                'permissions': {'contactsEnabled': True,
                                'appointmentsEnabled': True,
                                'assignedDataOnly': False},
                'scopes': 'contacts.write',
                'roles': {'type': 'account',
                          'role': 'admin' if n == 0 else 'user',
                          'locationIds': [location_id]},
                'deleted': False})
        return out

    def _businesses(self, location_id):
        made = iso(DATA_EPOCH_MS - 700 * DAY_MS)
        by = {'source': 'PUBLIC_API', 'channel': 'OAUTH',
              'sourceId': self.app_id, 'createdAt': made}
        return [{'name': n, 'locationId': location_id,
                 'email': 'office@%s.example.com' % ascii_word(n).split()[0],
                 'website': 'https://www.example.com', 'city': 'Austin',
                 'state': 'TX', 'country': 'US', 'createdBy': by,
                 'updatedBy': by, 'createdAt': made, 'updatedAt': made}
                for n in COMPANIES]

    def _calendars(self, location_id, group_id, users):
        return [{
            'locationId': location_id, 'groupId': group_id if n < 2 else '',
            'name': name, 'description': '%s calendar' % name,
            'slug': name.lower().replace(' ', '-'), 'isActive': True,
            'calendarType': 'round_robin', 'widgetType': 'classic',
            'eventTitle': '{{contact.name}}', 'eventColor': '#039be5',
            'slotDuration': 30, 'slotDurationUnit': 'mins',
            'slotInterval': 30, 'slotIntervalUnit': 'mins',
            'appoinmentPerSlot': 1, 'appoinmentPerDay': 16,
            'allowBookingAfter': 0, 'allowBookingFor': 60,
            'openHours': [{'daysOfTheWeek': [day], 'hours': [{
                'openHour': 9, 'openMinute': 0, 'closeHour': 17,
                'closeMinute': 0}]} for day in range(1, 6)],
            'teamMembers': [{'userId': users[n], 'priority': 0.5,
                             'isPrimary': True}],
            'autoConfirm': True} for n, name in enumerate(CALENDAR_NAMES)]

    def _pipeline(self, loc, location_id, name):
        return {'name': name, 'locationId': location_id,
                'showInFunnel': True, 'showInPieChart': True,
                'stages': [{'id': uuid('stage', self.seed, loc, name, s),
                            'name': s, 'position': at,
                            'showInFunnel': True, 'showInPieChart': True}
                           for at, s in enumerate(STAGES)]}


def custom_field(location_id, name, position):
    key = name.lower().replace(' ', '_')
    return {'name': name, 'fieldKey': 'contact.' + key, 'placeholder': name,
            'dataType': 'TEXT', 'position': position * 50,
            'picklistOptions': [], 'picklistImageOptions': [],
            'isAllowedCustomOption': False, 'isMultiFileAllowed': False,
            'maxFileLimit': 1, 'locationId': location_id, 'model': 'contact'}


def custom_value(location_id, name, value):
    key = name.lower().replace(' ', '_')
    return {'name': name, 'fieldKey': '{{ custom_values.%s }}' % key,
            'value': value, 'locationId': location_id}
