"""Tasks, notes, appointments, blocks and messages that follow from the seed."""

from . import kinds
from .clock import iso
from .seeded import DATA_EPOCH_MS, DAY_MS, mix

TASK_TITLES = ('Call back', 'Send offer', 'Check documents', 'Book a visit',
               'Follow up', 'Ask for review')
NOTE_TEXTS = ('Asked for a call next week.', 'Prefers e-mail.',
              'Interested in the yearly plan.', 'Met at the spring fair.',
              'Wants an offer in writing.\nBudget is fixed.',
              'Spricht Deutsch; ruft zurück.')
EVENT_TITLES = ('Consultation', 'Demo', 'Check-up', 'First visit')
STATUSES = ('confirmed', 'confirmed', 'new', 'showed', 'cancelled', 'noshow')
HALF_HOUR_MS = 1800000
COLORS = ('#FFAA00', '#3366FF', '#22AA66')


def task_hash(book, number):
    return mix(book.h(number) ^ 0x7461736B)


def task_count(h):
    return (h >> 5) % 3


def tasks(location, number):
    h = task_hash(location.book, number)
    added = location.book.added_ms(number)
    users = location.book.users
    out = []
    for j in range(task_count(h)):
        g = mix(h + j)
        task = {
            'id': location.world.ids.make(
                kinds.TASK, location.loc, number, j),
            'title': TASK_TITLES[g % len(TASK_TITLES)],
            'body': 'About contact number %d.' % number,
            'assignedTo': users[(g >> 8) % len(users)],
            'dueDate': iso(added + (7 + (g >> 16) % 200) * DAY_MS),
            'completed': (g >> 24) % 3 == 0,
            'contactId': location.book.contact_id(number)}
        out.append(task)
    return out


def notes(location, number):
    h = mix(location.book.h(number) ^ 0x6E6F7465)
    added = location.book.added_ms(number)
    users = location.book.users
    out = []
    for j in range((h >> 5) % 3):
        g = mix(h + j)
        note = {
            'id': location.world.ids.make(
                kinds.NOTE, location.loc, number, j),
            'body': NOTE_TEXTS[g % len(NOTE_TEXTS)],
            'userId': users[(g >> 8) % len(users)],
            'dateAdded': iso(added + (g >> 16) % (DATA_EPOCH_MS - added)),
            'contactId': location.book.contact_id(number)}
        if (g >> 40) % 4 == 0:
            note.update(title='Summary', pinned=(g >> 44) % 2 == 0,
                        color=COLORS[(g >> 48) % len(COLORS)])
        out.append(note)
    return out


def has_appointment(h):
    return h % 5 == 0


def appointment_start_ms(h):
    day = (h >> 8) % 900 - 180
    slot = 18 + (h >> 24) % 16		# 09:00 to 16:30
    return DATA_EPOCH_MS + day * DAY_MS + slot * HALF_HOUR_MS


def appointment(location, number):
    """The one appointment a fifth of the contacts have, or None."""
    h = mix(location.book.h(number) ^ 0x61707074)
    if not has_appointment(h):
        return None
    start = appointment_start_ms(h)
    calendars = location.calendar_ids
    calendar = calendars[(h >> 32) % len(calendars)]
    added = location.book.added_ms(number)
    return {
        'id': location.world.ids.make(kinds.EVENT, location.loc, number, 0),
        'title': EVENT_TITLES[(h >> 36) % len(EVENT_TITLES)],
        'calendarId': calendar, 'locationId': location.id,
        'contactId': location.book.contact_id(number),
        'groupId': location.group_of.get(calendar, ''),
        'appointmentStatus': STATUSES[(h >> 40) % len(STATUSES)],
        'assignedUserId': location.book.users[
            (h >> 44) % len(location.book.users)],
        'address': 'Main office', 'notes': '', 'start_ms': start,
        'end_ms': start + HALF_HOUR_MS, 'added_ms': added,
        'updated_ms': added, 'source': 'calendar_page'}


BLOCKS_PER_CALENDAR = 24


def block(location, number):
    """Blocked slot `number`: each calendar has one a month for two years."""
    calendars = location.calendar_ids
    if number >= BLOCKS_PER_CALENDAR * len(calendars):
        return None
    which, month = divmod(number, BLOCKS_PER_CALENDAR)
    h = mix(location.book.base ^ (number << 20))
    day = month * 30 + h % 28
    start = DATA_EPOCH_MS + day * DAY_MS + 12 * 2 * HALF_HOUR_MS
    return {
        'id': location.world.ids.make(kinds.EVENT, location.loc, number, 2),
        'title': 'Out of office', 'calendarId': calendars[which],
        'locationId': location.id, 'contactId': '',
        'groupId': location.group_of.get(calendars[which], ''),
        'appointmentStatus': 'confirmed', 'is_block': True,
        'assignedUserId': location.book.users[
            (h >> 8) % len(location.book.users)],
        'start_ms': start, 'end_ms': start + 2 * HALF_HOUR_MS,
        'added_ms': DATA_EPOCH_MS, 'updated_ms': DATA_EPOCH_MS,
        'source': 'third_party'}
