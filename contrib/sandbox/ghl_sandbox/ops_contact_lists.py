"""Lists and searches of contacts; they see the lagging index."""

from urllib.parse import urlencode

from .clock import parse_ms
from .contact_forms import list_cursor, list_row, search_row
from .context import handles
from .errors import unprocessable

ODD_HOST = 'http://localhost:5058'
MAX_PAGE_LIMIT = 500
MAX_PAGED = 10000
SEARCH_FIELDS = {'locationId', 'page', 'pageLimit', 'searchAfter',
                 'filters', 'sort', 'query', 'startAfter', 'startAfterId'}


def _rows(index, found, start, count):
    return [(n, index.record(n)) for n in found.order[start:start + count]]


def _cursor_of(found, number, record):
    return found.cursor(number) + [record['id']]


def _check_search(ctx):
    body = ctx.json_object()
    complaints = ['property %s should not exist' % k
                  for k in body if k not in SEARCH_FIELDS]
    if not body.get('locationId'):
        complaints.append('locationId should not be empty')
    limit = body.get('pageLimit')
    if isinstance(limit, bool) or not isinstance(limit, int):
        complaints.append('pageLimit must be a number conforming to the '
                          'specified constraints')
    elif not 1 <= limit <= MAX_PAGE_LIMIT:
        complaints.append('pageLimit must be between 1 and %d' %
                          MAX_PAGE_LIMIT)
    query = body.get('query')
    if query is not None and (not isinstance(query, str) or
                              len(query) > 75):
        complaints.append(
            'query must be a string shorter than or equal to 75 characters')
    if complaints:
        raise unprocessable(*complaints)
    return body


def _check_page(body):
    page = body.get('page')
    if page is None:
        return None
    if isinstance(page, bool) or not isinstance(page, int) or page < 1:
        raise unprocessable('page must not be less than 1')
    if body.get('searchAfter'):
        raise unprocessable('page cannot be used with searchAfter')
    if page * body['pageLimit'] > MAX_PAGED:
        raise unprocessable('page * pageLimit must not be greater than '
                            '%d; use searchAfter' % MAX_PAGED)
    return page


def _place(ctx, found, cursor):
    """Where the page after `cursor` begins."""
    wanted = len(found.keys) + 1
    if not isinstance(cursor, list) or len(cursor) != wanted:
        raise unprocessable('searchAfter must have %d values' % wanted)
    plain = ctx.world.ids.read(cursor[-1])
    if plain is None:
        raise unprocessable('searchAfter is invalid')
    return found.place(cursor[:-1], plain[2])


@handles('contacts.search-contacts-advanced')
def search(ctx):
    body = _check_search(ctx)
    page = _check_page(body)
    index = ctx.location.searchable()
    found = index.search(body.get('filters'), body.get('query') or '',
                         body.get('sort'))
    limit, start = body['pageLimit'], 0
    if page is not None:
        start = (page - 1) * limit
    elif body.get('searchAfter'):
        start = _place(ctx, found, body['searchAfter'])
    elif 'startAfter' in body:
        # The cursor's wrong name is not refused; the page is empty.
        start = len(found)
    rows = [search_row(record, _cursor_of(found, n, record))
            for n, record in _rows(index, found, start, limit)]
    return {'contacts': rows, 'total': len(found),
            'traceId': ctx.trace_id()}


def _list_meta(ctx, found, rows, limit, start):
    """The meta object; nextPageUrl names the service's own address."""
    page = start // limit + 1
    more = start + limit < len(found)
    meta = {'total': len(found), 'currentPage': page,
            'nextPage': page + 1 if more else None,
            'prevPage': page - 1 if page > 1 else None}
    if rows:
        after, after_id = list_cursor(rows[-1][1])
        meta.update(startAfterId=after_id, startAfter=after)
        if more:
            query = {**ctx.query, 'startAfter': after,
                     'startAfterId': after_id}
            meta['nextPageUrl'] = '%s/contacts/?%s' % (
                ODD_HOST, urlencode(query))
    return meta


@handles('contacts.get-contacts')
def list_contacts(ctx):
    ctx.required_query('locationId')
    limit = ctx.number('limit', 20, 100, least=1)
    index = ctx.location.searchable()
    found = index.search(None, ctx.query.get('query', ''))
    start = 0
    if ctx.query.get('startAfterId'):
        after = parse_ms(ctx.query.get('startAfter'))
        plain = ctx.world.ids.read(ctx.query['startAfterId'])
        if plain is None or after is None:
            raise unprocessable('startAfter and startAfterId are invalid')
        start = found.place([after], plain[2])
    elif ctx.query.get('page'):
        start = (ctx.number('page', 1, 100000, least=1) - 1) * limit
    rows = _rows(index, found, start, limit)
    return {'contacts': [list_row(r) for _, r in rows],
            'count': len(found),
            'meta': _list_meta(ctx, found, rows, limit, start),
            'traceId': ctx.trace_id()}


@handles('contacts.get-contacts-by-businessId')
def list_by_business(ctx):
    ctx.required_query('locationId')
    limit = ctx.number('limit', 25, 100, least=1)
    skip = ctx.number('skip', 0, 10 ** 9)
    index = ctx.location.searchable()
    found = index.search(
        [{'field': 'businessId', 'operator': 'eq',
          'value': ctx.params['businessId']}], ctx.query.get('query', ''))
    rows = [list_row(r) for _, r in _rows(index, found, skip, limit)]
    return {'contacts': rows, 'count': len(found),
            'traceId': ctx.trace_id()}
