"""Everything that follows from the seed alone: hashes, identifiers, names.

A record is never stored until it is changed, so its identifier must lead
back to it: identifiers are a keyed permutation of (kind, location, number).
"""

import hashlib
import random

MASK64 = (1 << 64) - 1

# The seeded past ends here; independent of the clock, so that sandboxes
# started on different days still tell the same story.
DATA_EPOCH_MS = 1767225600000		# 2026-01-01T00:00:00Z
DAY_MS = 86400000

FIRST_NAMES = (
    'Ada Alice Amir Ana Anders Anita Ben Björn Carla Carlos Chen Chloe '
    'Daniel Deepa Diego Élodie Emma Erik Fatima Felix Grace Hana Hassan '
    'Ines Ivan Jack James Jana João José Julia Kai Karin Kofi Lara Leo '
    'Liam Lina Luca Łukasz Maria Marta Mei Mia Mohammed Nadia Nina Noah '
    'Olga Omar Paula Pedro Priya Rosa Ruth Sam Sara Sofia Tariq Tom Uma '
    'Vera Yuki Zoë').split()
LAST_NAMES = (
    'Adams Ahmed Andersen Bauer Becker Bianchi Brown Carter Chen Clark '
    'Costa Cruz Davis Dubois Evans Fischer Garcia Gonzalez Green Gupta '
    'Hall Hansen Ito Ivanov Jackson Jensen Johnson Jones Kaya Khan Kim '
    'King Kowalski Kumar Larsen Lee Lewis Li Lopez Martin Meyer Miller '
    'Moore Müller Nguyen Novak OʼBrien Okafor Olsen Park Patel Perez '
    'Popov Ramirez Rossi Sato Schmidt Silva Singh Smith Sousa Suzuki '
    'Tanaka Taylor Walker Weber White Williams Wilson Wright Yamamoto '
    'Yilmaz Young Zhang').split()
COMPANIES = (
    'Alder Foods|Bright Dental|Cedar & Sons|Delta Fitness|Elm Realty|'
    'Fjord Travel|Granite Law|Harbor Cafe|Iris Studio|Juniper Spa|'
    'Kestrel Motors|Lumen Solar|Maple Roofing|Nova Clinic|Orchard Pets|'
    'Pine Plumbing|Quarry Gym|River Insurance|Summit Legal|Tulip Salon'
).split('|')
CITIES = (
    ('Austin', 'TX', '73301'), ('Boise', 'ID', '83701'),
    ('Chicago', 'IL', '60601'), ('Denver', 'CO', '80201'),
    ('Eugene', 'OR', '97401'), ('Fargo', 'ND', '58102'),
    ('Miami', 'FL', '33101'), ('Nashville', 'TN', '37201'),
    ('Oakland', 'CA', '94601'), ('Portland', 'ME', '04101'))
TIMEZONES = ('America/Chicago', 'America/New_York', 'America/Denver',
             'America/Los_Angeles', 'Europe/Berlin', 'Asia/Kolkata')

_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_PAIR_VALUE = {pair: n for n, pair in enumerate(_PAIRS)}


def mix(x):
    """Scramble 64 bits (the finaliser of splitmix64)."""
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def digest(*parts, size=16):
    text = '\x1f'.join(str(p) for p in parts).encode()
    return hashlib.blake2b(text, digest_size=size).digest()


def hash64(*parts):
    return int.from_bytes(digest(*parts, size=8), 'big')


def uuid(*parts):
    h = digest(*parts).hex()
    return '%s-%s-4%s-a%s-%s' % (h[:8], h[8:12], h[13:16], h[17:20], h[20:])


def ascii_word(name):
    """A name as it stands in a mail address."""
    table = str.maketrans('öÉëéãŁłüʼ', 'oEeeaLlu.')
    return name.translate(table).lower().replace('.', '')


class Permutation:
    """A keyed bijection of the numbers below 2**bits."""

    def __init__(self, key, bits):
        self.mask = (1 << bits) - 1
        self.shift = (bits + 1) // 2
        source = random.Random(key)
        self.steps = []
        for _ in range(3):
            odd = source.getrandbits(bits) | 1
            self.steps.append((odd, pow(odd, -1, 1 << bits)))
        self.backward = [inverse for _, inverse in reversed(self.steps)]
        self.forward = [odd for odd, _ in self.steps]

    def apply(self, x):
        mask, shift = self.mask, self.shift
        for odd in self.forward:
            x = (x * odd) & mask
            x ^= x >> shift
        return x

    def invert(self, x):
        mask, shift = self.mask, self.shift
        for inverse in self.backward:
            x ^= x >> shift		# its own inverse: shift >= bits / 2
            x = (x * inverse) & mask
        return x


class Ids:
    """Identifiers of 20 letters and digits, and of 24 hexadecimal digits.

    The plain number is kind:6 location:8 number:32 sub:20 and zeros below;
    a string that was not made here almost never has those zeros.
    """

    def __init__(self, seed):
        self.wide = Permutation('ids-%s' % seed, 118)
        self.slim = Permutation('hex-%s' % seed, 96)

    @staticmethod
    def _pack(kind, loc, number, sub):
        return ((kind << 8 | loc) << 32 | number) << 20 | sub

    @staticmethod
    def _unpack(plain, zeros):
        if not plain or plain & ((1 << zeros) - 1):
            return None
        plain >>= zeros
        return (plain >> 60 & 63, plain >> 52 & 255,
                plain >> 20 & 0xffffffff, plain & 0xfffff)

    def make(self, kind, loc, number, sub=0):
        x = self.wide.apply(self._pack(kind, loc, number, sub) << 52)
        out = []
        for _ in range(10):
            x, low = divmod(x, 3844)
            out.append(_PAIRS[low])
        return ''.join(out)

    def read(self, text):
        """(kind, location, number, sub), or None for a foreign string."""
        if not isinstance(text, str) or len(text) != 20:
            return None
        x = 0
        for at in range(18, -1, -2):
            value = _PAIR_VALUE.get(text[at:at + 2])
            if value is None:
                return None
            x = x * 3844 + value
        if x >> 118:
            return None
        return self._unpack(self.wide.invert(x), 52)

    def make_hex(self, kind, loc, number):
        plain = self._pack(kind, loc, number, 0) << 30
        return '%024x' % self.slim.apply(plain)

    def read_hex(self, text):
        if not isinstance(text, str) or len(text) != 24:
            return None
        try:
            x = int(text, 16)
        except ValueError:
            return None
        return self._unpack(self.slim.invert(x), 30)
