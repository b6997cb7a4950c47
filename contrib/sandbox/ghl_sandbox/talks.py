"""Conversations and messages of a location.

Every fourth contact of the past has a conversation; its number is the
contact's, so a contact's first message needs no table either.
"""

from . import kinds
from .clock import iso, parse_ms
from .seeded import DATA_EPOCH_MS, mix

SHARE = 4
TEXTS = ('Hello, are you open today?', 'Thanks, see you then.',
         'Can we move the appointment?', 'Please call me back.',
         'Your offer looks good.')
KINDS = {'SMS': ('TYPE_SMS', 2), 'Email': ('TYPE_EMAIL', 3),
         'WhatsApp': ('TYPE_WHATSAPP', 19), 'IG': ('TYPE_INSTAGRAM', 18),
         'FB': ('TYPE_FACEBOOK', 11), 'Call': ('TYPE_CALL', 1),
         'Live_Chat': ('TYPE_LIVE_CHAT', 29)}


class Talks:
    """Conversations of one location, by contact number."""

    def __init__(self, location):
        self.location = location
        self.state = {}			# number: fields, or None once deleted
        self.new_messages = {}		# number: messages after the past
        self.made = 0
        self.version = 0
        self.kept = None

    def is_there(self, number):
        if number in self.state:
            return self.state[number] is not None
        return number < self.location.book.count and number % SHARE == 0

    def past_messages(self, number):
        location, book = self.location, self.location.book
        if number >= book.count or number % SHARE:
            return []
        h = mix(book.h(number) ^ 0x636F6E76)
        added = book.added_ms(number)
        out = []
        for j in range(1 + h % 4):
            at = added + (DATA_EPOCH_MS - added) * (j + 1) // 6
            out.append(self.message(
                number, j, 'SMS', TEXTS[(h >> (8 * j + 8)) % len(TEXTS)],
                'inbound' if j % 2 == 0 else 'outbound', at))
        return out

    def message(self, number, sub, kind, text, direction, at_ms):
        location = self.location
        name, code = KINDS.get(kind, ('TYPE_CUSTOM_SMS', 20))
        return {
            'id': location.world.ids.make(kinds.MESSAGE, location.loc,
                                          number, sub),
            'type': code, 'messageType': name, 'locationId': location.id,
            'contactId': location.book.contact_id(number),
            'conversationId': self.id_of(number), 'dateAdded': iso(at_ms),
            'body': text, 'direction': direction,
            'status': 'delivered', 'contentType': 'text/plain',
            'attachments': [], 'source': 'app',
            'userId': location.book.users[0]}

    def id_of(self, number):
        return self.location.world.ids.make(
            kinds.CONVERSATION, self.location.loc, number)

    def messages(self, number):
        return self.past_messages(number) + self.new_messages.get(number, [])

    def add(self, number, kind, text, direction):
        """A new message; opens the conversation if there was none."""
        now = self.location.world.clock.now_ms()
        held = self.new_messages.setdefault(number, [])
        record = self.message(number, 16 + len(held), kind, text, direction,
                              now)
        held.append(record)
        fields = self.fields(number)
        if direction == 'inbound':
            fields['unreadCount'] += 1
        self.put(number, fields)
        return record

    def put(self, number, fields):
        self.state[number] = fields
        self.version += 1

    def fields(self, number):
        kept = self.state.get(number)
        if kept is not None:
            return dict(kept)
        h = mix(self.location.book.h(number) ^ 0x756E7264)
        return {'unreadCount': h % 3 if self.past_messages(number) else 0,
                'starred': (h >> 8) % 8 == 0}

    def row(self, number):
        """A conversation as a search lists it."""
        contact = self.location.contact(number) or {}
        messages = self.messages(number)
        last = messages[-1] if messages else None
        made = messages[0]['dateAdded'] if messages \
            else iso(DATA_EPOCH_MS)
        row = {
            'id': self.id_of(number), 'locationId': self.location.id,
            'contactId': self.location.book.contact_id(number),
            'type': 'TYPE_PHONE', **self.fields(number),
            'fullName': contact.get('name', ''),
            'contactName': contact.get('name', ''),
            'email': contact.get('email', ''),
            'phone': contact.get('phone', ''),
            'tags': contact.get('tags', []), 'dateAdded': parse_ms(made),
            'lastMessageBody': last['body'] if last else '',
            'lastMessageType': last['messageType'] if last else 'TYPE_SMS',
            'lastMessageDirection': last['direction'] if last
            else 'outbound'}
        row['lastMessageDate'] = parse_ms(last['dateAdded'] if last
                                          else made)
        row['dateUpdated'] = row['lastMessageDate']
        return row

    def numbers(self):
        """The contacts that have a conversation."""
        numbers = set(range(0, self.location.book.count, SHARE))
        numbers.update(self.state)
        return sorted(n for n in numbers if self.is_there(n))

    def rows(self):
        """All conversations, the last spoken in first."""
        key = (self.version, self.location.version)
        if self.kept is None or self.kept[0] != key:
            rows = [self.row(n) for n in self.numbers()
                    if self.location.is_contact(n)]
            rows.sort(key=lambda r: (-r['lastMessageDate'], r['id']))
            self.kept = (key, rows)
        return self.kept[1]
