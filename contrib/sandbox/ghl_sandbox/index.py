"""Contact search: filters, groups, sorts, free text, cursors.

The index sees the contacts as they were `lag` seconds ago.  Matches among
untouched contacts are computed once per distinct search and kept; changed
contacts are merged in at their place.
"""

import json
from array import array
from collections import OrderedDict

from .clock import parse_ms
from .errors import unprocessable

DATES = {'dateAdded', 'dateUpdated'}
FIELDS = DATES | {
    'id', 'address', 'assignedTo', 'businessId', 'businessName', 'city',
    'companyName', 'country', 'dateOfBirth', 'dnd', 'email', 'firstName',
    'firstNameLowerCase', 'followers', 'fullNameLowerCase', 'lastName',
    'lastNameLowerCase', 'phone', 'postalCode', 'source', 'state', 'tags',
    'timezone', 'type', 'website'}
SORTABLE = FIELDS - {'tags', 'followers', 'dnd'}
STORED_AS = {'address': 'address1', 'businessName': 'companyName'}
MAX_TEXT = 75
KEEP_SEARCHES = 48
KEEP_TEXT_BELOW = 200000


def _lower(value):
    return value.lower() if isinstance(value, str) else value


def _plain(value):
    """A value as it is compared: lower case, in lists too."""
    if isinstance(value, list):
        return [_lower(v) for v in value]
    return _lower(value)


def field_of(record, field):
    """The value of a field as the index compares it."""
    if field in DATES:
        return parse_ms(record.get(field))
    if field.startswith('customFields.'):
        wanted = field.partition('.')[2]
        for entry in record['customFields']:
            if entry['id'] == wanted:
                return _lower(entry.get('value'))
        return None
    return _plain(record.get(STORED_AS.get(field, field)))


def text_of(record):
    parts = [record.get(k) or '' for k in
             ('fullNameLowerCase', 'email', 'phone', 'companyName')]
    return ' '.join(parts + record['tags']).lower()


def _equals(wanted):
    options = wanted if isinstance(wanted, list) else [wanted]
    options = [_lower(o) for o in options]

    def test(value):
        if isinstance(value, list):
            return any(o in value for o in options)
        return value in options
    return test


def _contains(wanted):
    wanted = str(wanted).lower()

    def test(value):
        if isinstance(value, list):
            return any(wanted in str(v) for v in value)
        return value is not None and wanted in str(value)
    return test


def _exists(value):
    return value is not None and value != [] and value != ''


def _range(field, bounds):
    if not isinstance(bounds, dict) or not bounds or \
            not set(bounds) <= {'gte', 'lte', 'gt', 'lt'}:
        raise unprocessable('Invalid value for operator range')
    limits = {}
    for name, bound in bounds.items():
        limits[name] = parse_ms(bound) if field in DATES else bound
        if limits[name] is None or isinstance(limits[name], (dict, list)):
            raise unprocessable('Invalid value for operator range')

    def test(value):
        if value is None:
            return False
        try:
            return ('gte' not in limits or value >= limits['gte']) and \
                ('lte' not in limits or value <= limits['lte']) and \
                ('gt' not in limits or value > limits['gt']) and \
                ('lt' not in limits or value < limits['lt'])
        except TypeError:
            return False
    return test


def _negate(test):
    return lambda value: not test(value)


def _make_test(field, operator, value):
    if operator in ('exists', 'not_exists'):
        return _exists if operator == 'exists' else _negate(_exists)
    if operator == 'range':
        return _range(field, value)
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise unprocessable(
            'filter value must be shorter than or equal to 75 characters')
    if value is None or isinstance(value, dict):
        raise unprocessable('Invalid value for operator %s' % operator)
    if field in DATES:
        value = parse_ms(value)
    base = _contains if operator.endswith('contains') else _equals
    test = base(value)
    return _negate(test) if operator.startswith('not_') else test


OPERATORS = {'eq', 'not_eq', 'contains', 'not_contains', 'exists',
             'not_exists', 'range'}


class Leaf:
    def __init__(self, field, test):
        self.field, self.test = field, test

    def compile(self, columns):
        column, test = columns(self.field), self.test
        return lambda i: test(column[i])

    def matches(self, record):
        return self.test(field_of(record, self.field))


class Group:
    def __init__(self, parts, is_any):
        self.parts, self.is_any = parts, is_any

    def compile(self, columns):
        tests = [p.compile(columns) for p in self.parts]
        if len(tests) == 1:
            return tests[0]
        if self.is_any:
            return lambda i: any(t(i) for t in tests)
        return lambda i: all(t(i) for t in tests)

    def matches(self, record):
        results = (p.matches(record) for p in self.parts)
        return any(results) if self.is_any else all(results)


def is_field(name):
    return isinstance(name, str) and (
        name in FIELDS or name.startswith('customFields.'))


def parse_filters(filters, is_any=False, depth=0):
    """A Group from the `filters` of a request; ApiError 422 if malformed."""
    if not isinstance(filters, list) or depth > 4:
        raise unprocessable('filters must be an array')
    parts = []
    for entry in filters:
        if not isinstance(entry, dict):
            raise unprocessable('each value in filters must be an object')
        if 'group' in entry:
            if entry['group'] not in ('AND', 'OR'):
                raise unprocessable('group must be AND or OR')
            parts.append(parse_filters(entry.get('filters'),
                                       entry['group'] == 'OR', depth + 1))
            continue
        field, operator = entry.get('field'), entry.get('operator')
        if not is_field(field):
            raise unprocessable('Invalid Field')
        if operator not in OPERATORS:
            raise unprocessable('Invalid Operator')
        parts.append(Leaf(field, _make_test(field, operator,
                                            entry.get('value'))))
    return Group(parts, is_any)


def parse_sort(sort):
    """[(field, is_descending)]; newest first when the request has none."""
    if sort is None or sort == []:
        return [('dateAdded', True)]
    if not isinstance(sort, list) or len(sort) > 3:
        raise unprocessable('sort must be an array')
    keys = []
    for entry in sort:
        if not isinstance(entry, dict) or \
                entry.get('direction') not in ('asc', 'desc'):
            raise unprocessable('sort direction must be asc or desc')
        field = entry.get('field')
        if field not in SORTABLE and not (
                is_field(field) and field.startswith('customFields.')):
            raise unprocessable('Invalid sort field')
        keys.append((field, entry['direction'] == 'desc'))
    return keys


def compare(a, b, keys):
    """Order of two lists of sort values; missing values come last."""
    for x, y, (_, is_descending) in zip(a, b, keys):
        if x == y:
            continue
        if x is None or y is None:
            return 1 if x is None else -1
        try:
            is_less = x < y
        except TypeError:
            is_less = str(x) < str(y)
        return -1 if is_less != is_descending else 1
    return 0


class Matches:
    """The ordered result of one search."""

    def __init__(self, order, keys, values):
        self.order, self.keys, self.values = order, keys, values

    def __len__(self):
        return len(self.order)

    def cursor(self, number):
        return self.values(number)

    def place(self, cursor, number):
        """How many results stand at or before a cursor."""
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            i = self.order[middle]
            side = compare(self.values(i), cursor, self.keys) or \
                (i > number) - (i < number)
            if side <= 0:
                low = middle + 1
            else:
                high = middle
        return low


class ContactIndex:
    def __init__(self, book):
        self.book = book
        self.columns = {}
        self.seen = {}			# number: record or None, as indexed
        self.pending = []
        self.log = []			# numbers, as the index learnt of them
        self.base_orders = OrderedDict()
        self.results = OrderedDict()

    def note_change(self, at, number, record):
        self.pending.append((at, number, record))

    def catch_up(self, until):
        """Let the index see what changed up to the moment `until`."""
        done = 0
        for at, number, record in self.pending:
            if at > until:
                break
            self.seen[number] = record
            self.log.append(number)
            done += 1
        if done:
            del self.pending[:done]

    def record(self, number):
        if number in self.seen:
            return self.seen[number]
        return self.book.record(number)

    def column(self, field):
        column = self.columns.get(field)
        if column is None:
            column = self.columns[field] = self._build_column(field)
        return column

    def _build_column(self, field):
        book, n = self.book, range(self.book.count)
        if field == 'dateAdded':
            return array('q', map(book.added_ms, n))
        if field == 'dateUpdated':
            return array('q', map(book.updated_ms, n))
        pick = book.reader(field)
        if pick is not None:
            return [_plain(pick(i)) for i in n]
        return [field_of(book.record(i), field) for i in n]

    def _text(self, i):
        h, book = self.book.h(i), self.book
        return ' '.join([
            book.first(h), book.last(h), book.email(h, i) or '',
            book.phone(h, i) or '', book.company(h) or '',
            ' '.join(book.tag_list(h))]).lower()

    def _texts(self):
        if self.book.count >= KEEP_TEXT_BELOW:
            return (self._text(i) for i in range(self.book.count))
        texts = self.columns.get('*')
        if texts is None:
            texts = [self._text(i) for i in range(self.book.count)]
            self.columns['*'] = texts
        return texts

    def _base_matches(self, group, query):
        numbers = range(self.book.count)
        if query:
            numbers = [i for i, t in enumerate(self._texts()) if query in t]
        if group.parts:
            numbers = list(filter(group.compile(self.column), numbers))
        return numbers

    def _base_order(self, key, group, query, keys):
        order = self.base_orders.get(key)
        if order is None:
            order = list(self._base_matches(group, query))
            for field, is_descending in reversed(keys):
                order = self._sorted(order, field, is_descending)
            self.base_orders[key] = order
            if len(self.base_orders) > KEEP_SEARCHES:
                self.base_orders.popitem(last=False)
        return order

    def _sorted(self, order, field, is_descending):
        column = self.column(field)
        have = [i for i in order if column[i] is not None]
        lack = [] if len(have) == len(order) else \
            [i for i in order if column[i] is None]
        have.sort(key=column.__getitem__, reverse=is_descending)
        return have + lack

    def search(self, filters=None, query='', sort=None):
        """Matches for a request's filters, query and sort."""
        group, keys = parse_filters(filters or []), parse_sort(sort)
        query = query.lower()
        key = json.dumps([filters, query, keys], sort_keys=True)
        learnt, found = self.results.pop(key, (0, None))
        if found is None:
            found = Matches(self._base_order(key, group, query, keys), keys,
                            self._values_of(keys))
        if learnt < len(self.log):
            self._merge(found, set(self.log[learnt:]), group, query)
        self.results[key] = (len(self.log), found)
        if len(self.results) > KEEP_SEARCHES:
            self.results.popitem(last=False)
        return found

    def _values_of(self, keys):
        fields = [field for field, _ in keys]

        def values(i):
            if i in self.seen:
                return [field_of(self.seen[i], f) for f in fields]
            return [self.column(f)[i] for f in fields]
        return values

    def _merge(self, found, numbers, group, query):
        """Put changed contacts at the places where they now belong."""
        found.order = [i for i in found.order if i not in numbers]
        for i in sorted(numbers):
            record = self.seen[i]
            if record is not None and group.matches(record) and \
                    (not query or query in text_of(record)):
                found.order.insert(found.place(found.values(i), i), i)
