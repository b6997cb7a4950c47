"""Version v3: the shapes that are documented; everything else is refused."""

from .errors import ApiError

RECORDS = {
    'contacts.' + name for name in (
        'get-contact', 'create-contact', 'update-contact', 'delete-contact',
        'upsert-contact', 'get-task', 'create-task', 'update-task',
        'update-task-completed', 'delete-task', 'get-note', 'create-note',
        'update-note', 'delete-note', 'add-tags', 'remove-tags',
        'add-followers-contact', 'remove-followers-contact',
        'add-contact-to-campaign', 'remove-contact-from-campaign',
        'add-contact-to-workflow', 'delete-contact-from-workflow')}
GONE = {'contacts.get-contacts', 'oauth.get-location-access-token',
        'oauth.get-installed-location',
        'contacts.remove-contact-from-every-campaign'}


def check_v3(version, operation):
    """ApiError when an operation does not exist under a Version."""
    if version != 'v3':
        if operation.v3_only:
            raise ApiError(404, 'Cannot %s %s' % (operation.method,
                                                  operation.path))
        return
    if operation.v3_only or operation.id in RECORDS or \
            operation.id == 'oauth.get-access-token' or \
            not operation.needs_version:
        return
    if operation.id in GONE:
        raise ApiError(404, 'Cannot %s %s' % (operation.method,
                                              operation.path))
    raise ApiError(400, 'The sandbox does not know the v3 shape of this '
                   'operation; use Version 2021-07-28')
