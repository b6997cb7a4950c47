"""The sandbox's two clocks and the spelling of dates.

`now_ms` is what dates in records say; with a fixed start it stands still
unless moved, so that two sandboxes answer alike.  `elapsed` always runs: the
rate window, the index lag and token lives would be untestable otherwise.
Moving the clock moves both.
"""

import time
from datetime import datetime, timezone

from .seeded import DAY_MS

_days = {}


class Clock:
    def __init__(self, fixed_epoch=None):
        self.is_fixed = fixed_epoch is not None
        start = fixed_epoch if self.is_fixed else time.time()
        self.start_ms = int(start * 1000)
        self.moved = 0.0
        self._t0 = time.monotonic()

    def elapsed(self):
        return time.monotonic() - self._t0 + self.moved

    def now_ms(self):
        if self.is_fixed:
            return self.start_ms + int(self.moved * 1000)
        return self.start_ms + int(self.elapsed() * 1000)

    def running_ms(self):
        return self.start_ms + int(self.elapsed() * 1000)

    def advance(self, seconds):
        self.moved += seconds


def day_text(day):
    text = _days.get(day)
    if text is None:
        text = time.strftime('%Y-%m-%d', time.gmtime(day * 86400))
        if len(_days) > 20000:
            _days.clear()
        _days[day] = text
    return text


def _split(ms):
    day, rest = divmod(ms, DAY_MS)
    seconds, milli = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    return day_text(day), minutes // 60, minutes % 60, second, milli


def iso(ms):
    """2021-07-02T05:18:26.704Z"""
    return '%sT%02d:%02d:%02d.%03dZ' % _split(ms)


def iso_offset(ms):
    """2021-06-23T03:30:00+00:00, as calendar events are spelt"""
    return '%sT%02d:%02d:%02d+00:00' % _split(ms)[:4]


def spaced(ms):
    """2021-07-16 11:00:00, as a contact's appointments are spelt"""
    return '%s %02d:%02d:%02d' % _split(ms)[:4]


def parse_ms(value):
    """Milliseconds from an ISO date, a date or a number; None if neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return int(value)
    if not isinstance(value, str):
        return None
    if value.lstrip('-').isdigit():
        return int(value)
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return int(when.timestamp() * 1000)
