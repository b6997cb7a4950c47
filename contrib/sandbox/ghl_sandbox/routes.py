"""The documented operations and the way from a path to one of them."""

import csv
import json
import os
from urllib.parse import unquote

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     'operations.tsv')

# Where the specification names no scope, the scope of the sibling
# operations is demanded.
IMPLIED_SCOPES = {
    'contacts.create-association': 'bearer:contacts.write',
    'contacts.add-remove-contact-from-business': 'bearer:contacts.write',
    'locations.get-tag-by-id': 'bearer:locations/tags.readonly',
    'locations.update-tag': 'bearer:locations/tags.write',
    'locations.delete-tag': 'bearer:locations/tags.write',
    'locations.get-custom-field': 'bearer:locations/customFields.readonly',
    'locations.update-custom-field': 'bearer:locations/customFields.write',
    'locations.delete-custom-field': 'bearer:locations/customFields.write',
    'locations.get-custom-value': 'bearer:locations/customValues.readonly',
    'locations.update-custom-value': 'bearer:locations/customValues.write',
    'locations.delete-custom-value': 'bearer:locations/customValues.write',
}


class Operation:
    def __init__(self, row):
        self.id = row['id']
        self.app = self.id.partition('.')[0]
        self.method = row['method']
        self.path = row['path']
        self.kind = row['class']
        self.needs_version = bool(row['version'])
        self.status = int(row['status'])
        self.shape = json.loads(row['shape'])
        self.is_write = self.kind == 'WRITE'
        self.v3_only = False
        text = IMPLIED_SCOPES.get(self.id, row['scopes'])
        self.scopes = [tuple(s.split(':', 1))
                       for s in text.split('|') if s]
        self.handler = None


def _renamed(row, path):
    """The same operation at the path that Version v3 gives it."""
    operation = Operation({**row, 'path': path})
    operation.v3_only = True
    return operation


V3_PATHS = {
    'oauth.get-location-access-token': '/oauth/location-token',
    'oauth.get-installed-location': '/oauth/installed-locations',
    'contacts.remove-contact-from-every-campaign':
        '/contacts/{contactId}/campaigns/remove-all',
}


def load_operations():
    with open(TABLE, encoding='utf-8', newline='') as f:
        rows = list(csv.DictReader(f, delimiter='\t',
                                   quoting=csv.QUOTE_NONE))
    operations = [Operation(row) for row in rows]
    operations += [_renamed(row, V3_PATHS[row['id']]) for row in rows
                   if row['id'] in V3_PATHS]
    return operations


class Router:
    """A tree of path segments; fixed segments win over parameters."""

    def __init__(self, operations):
        self.root = {}
        for operation in operations:
            self._add(operation)

    def _add(self, operation):
        node, names = self.root, []
        for part in operation.path.strip('/').split('/'):
            if part.startswith('{'):
                names.append(part[1:-1])
                part = '*'
            node = node.setdefault(part, {})
        leaf = node.setdefault('/', {})
        leaf[operation.method] = (operation, names)

    def find(self, method, path):
        """(operation, parameters), or (None, None)."""
        parts = path.strip('/').split('/')
        found = self._walk(self.root, parts, 0, method, [])
        if found is None:
            return None, None
        (operation, names), values = found
        return operation, dict(zip(names, values))

    def _walk(self, node, parts, at, method, values):
        if at == len(parts):
            leaf = node.get('/', {}).get(method)
            return None if leaf is None else (leaf, values)
        part = parts[at]
        child = node.get(part) if part != '*' else None
        if child is not None:
            found = self._walk(child, parts, at + 1, method, values)
            if found is not None:
                return found
        child = node.get('*')
        if child is None or not part:
            return None
        value = unquote(part) if '%' in part else part
        return self._walk(child, parts, at + 1, method, values + [value])
