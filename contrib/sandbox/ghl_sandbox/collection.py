"""Small ordered sets of records of one location: tags, users, calendars..."""


class Collection:
    """Records by identifier, in the order they were made.

    `make_id` turns the running number into an identifier; numbers of
    deleted records are not used again.
    """

    def __init__(self, make_id, first_records):
        self.make_id = make_id
        self.records = {}
        self.made = 0
        self.version = 0
        for record in first_records:
            self.add(record)

    def add(self, record):
        record = {'id': self.make_id(self.made), **record}
        self.made += 1
        self.version += 1
        self.records[record['id']] = record
        return record

    def get(self, record_id):
        return self.records.get(record_id)

    def change(self, record_id, fields):
        record = {**self.records[record_id], **fields}
        self.records[record_id] = record
        self.version += 1
        return record

    def remove(self, record_id):
        self.version += 1
        return self.records.pop(record_id, None)

    def list(self):
        return list(self.records.values())
