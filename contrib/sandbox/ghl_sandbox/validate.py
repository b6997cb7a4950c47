"""Checks of request bodies, with the messages of the real validator."""

from .errors import unprocessable

TYPES = {
    'string': str, 'boolean': bool, 'array': list, 'object': dict,
    'number': (int, float)}


def _is(value, kind):
    if kind == 'any':
        return True
    if kind == 'number' and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[kind])


def check_body(body, fields, required=(), is_closed=True):
    """Judge a body by {name: kind}; ApiError 422 lists every complaint."""
    if not isinstance(body, dict):
        raise unprocessable('body must be an object')
    complaints = []
    if is_closed:
        complaints += ['property %s should not exist' % name
                       for name in body if name not in fields]
    for name in required:
        if body.get(name) is None or body.get(name) == '':
            complaints.append('%s should not be empty' % name)
    for name, kind in fields.items():
        value = body.get(name)
        if value is not None and not _is(value, kind):
            article = 'an' if kind[0] in 'ao' else 'a'
            complaints.append('%s must be %s %s' % (name, article, kind))
    if complaints:
        raise unprocessable(*complaints)
