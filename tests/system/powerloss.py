"""What a disk may hold after a power loss, made of what tests/shim/disk.c
noted.

Before: the directory as it was when the daemon started, all of it on the disk.
Then, for each file: what a sync covered is there. Of the writes after it any
sectors of 512 bytes may be there or not, in any combination, for neither the
kernel nor the disk promises an order; a sector itself is whole.
"""
import os
import random
import shutil
import struct

SECTOR = 512
NOTE = struct.Struct('=IIQQ')


def notes(path):
    """(kind, file, offset, data) of a journal. Its end may be cut."""
    with open(path, 'rb') as f:
        while True:
            head = f.read(NOTE.size)
            if len(head) < NOTE.size:
                return
            kind, name_n, offset, data_n = NOTE.unpack(head)
            rest = f.read(name_n + data_n)
            if len(rest) < name_n + data_n:
                return
            yield chr(kind), rest[:name_n].decode(), offset, rest[name_n:]


class File:
    """One file: what is on the disk for sure, and what is on its way."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, 'rb') as f:
                self.sure = bytearray(f.read())
        except FileNotFoundError:
            self.sure = bytearray()
        self.pending = []

    def write(self, offset, data):
        end = offset + len(data)
        if len(self.sure) < end:
            self.sure.extend(bytes(end - len(self.sure)))
        self.sure[offset:end] = data

    def resize(self, size):
        del self.sure[size:]
        self.sure.extend(bytes(size - len(self.sure)))

    def apply(self, note):
        kind, offset, data = note
        if kind == 't':
            self.resize(offset)
        else:
            self.write(offset, data)

    def sync(self, only_at):
        """All, or of a synchronous write the last one at that place."""
        if only_at is None:
            for note in self.pending:
                self.apply(note)
            self.pending = []
        else:
            self.apply(self.pending.pop())

    def lose(self, rng):
        """The power fails. Returns how many writes were not sure."""
        chance = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for kind, offset, data in self.pending:
            if kind == 't':
                if rng.random() < chance:
                    self.resize(offset)
                continue
            at = offset
            while at < offset + len(data):
                end = min((at // SECTOR + 1) * SECTOR, offset + len(data))
                if rng.random() < chance:
                    self.write(at, data[at - offset:end - offset])
                at = end
        with open(self.path, 'wb') as f:
            f.write(self.sure)
        return len(self.pending)


def lose_power(before, journal, state, seed):
    """Makes of `state` what the disk of seed holds; returns the number of
    writes that no sync had covered."""
    rng = random.Random(seed)
    shutil.rmtree(state)
    shutil.copytree(before, state, ignore=shutil.ignore_patterns('*.sock'))
    files = {}
    for kind, name, offset, data in notes(journal):
        file = files.setdefault(name, File(os.path.join(state, name)))
        if kind == 's':
            file.sync(offset - 1 if offset else None)
        else:
            file.pending.append((kind, offset, data))
    return sum(file.lose(rng) for file in files.values())
