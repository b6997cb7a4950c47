"""What happened, and whether it may have.

Registers are named by their target. Each applied write gives its register the
next state, numbered from 1; 0 is the state in the beginning. Times are of
CLOCK_MONOTONIC, which all processes of a machine share.

The promise: no read is older than any write that was answered before the read
was sent, nor older than what the upstream had when a purge was sent that was
answered before. A write whose outcome the proxy told as unknown counts too, once it
was applied; but an answer that is marked as doubtful may miss those.
"""
import collections

Write = collections.namedtuple(
    'Write', 'register id sent answered status')
Read = collections.namedtuple(
    'Read', 'register id sent answered state is_doubtful note')
# registers: those that it is about; None: all.
Purge = collections.namedtuple('Purge', 'registers sent answered')
# What the upstream did: state `number` of the register is that of write `id`.
Applied = collections.namedtuple('Applied', 'register id number at')

Violation = collections.namedtuple('Violation', 'read seen due write')


class Broken(Exception):
    """The history itself makes no sense: the checker or its upstream is
    wrong, or the proxy sent a write twice."""


def _numbers(applied):
    numbers = {}
    for a in applied:
        if a.id in numbers:
            raise Broken('write %s was executed twice' % a.id)
        numbers[a.id] = a
    return numbers


def _binding(writes, numbers):
    """(time from which it binds, register, number, is_certain, id)."""
    for w in writes:
        a = numbers.get(w.id)
        if w.answered is None:
            continue
        is_certain = 200 <= w.status < 300
        if is_certain and (a is None or a.at > w.answered):
            raise Broken('write %s succeeded and was not executed' % w.id)
        if a is not None:
            yield (max(a.at, w.answered), w.register, a.number, is_certain,
                   w.id)


def _purged(purges, applied):
    """As _binding, for what was there when a purge was sent."""
    latest, at = {}, 0
    ordered = sorted(applied, key=lambda a: a.at)
    for p in sorted(purges, key=lambda p: p.sent):
        while at < len(ordered) and ordered[at].at <= p.sent:
            latest[ordered[at].register] = ordered[at]
            at += 1
        for register, a in latest.items():
            if p.registers is None or register in p.registers:
                yield p.answered, register, a.number, True, a.id


def violations(writes, reads, applied, purges=()):
    """Of all, in the order in which the reads were sent."""
    numbers = _numbers(applied)
    events = [(at, 0, w) for at, *w in (*_binding(writes, numbers),
                                        *_purged(purges, applied))]
    events += [(r.sent, 1, r) for r in reads if r.state is not None]
    events.sort(key=lambda e: e[:2])
    certain, likely = {}, {}  # register: (number, id) of the latest that binds
    start = 0, None
    found = []
    for _, kind, what in events:
        if kind == 0:
            register, number, is_certain, name = what
            for latest in [likely] + [certain] * is_certain:
                latest[register] = max(latest.get(register, start),
                                       (number, name))
            continue
        due, name = (certain if what.is_doubtful else likely).get(
            what.register, start)
        if what.state == '':
            seen = 0
        elif what.state in numbers:
            seen = numbers[what.state].number
            if numbers[what.state].register != what.register:
                raise Broken('read %s saw another register' % (what,))
        else:
            raise Broken('read %s saw what nobody wrote' % (what,))
        if seen < due:
            found.append(Violation(what, seen, due, name))
    return found
