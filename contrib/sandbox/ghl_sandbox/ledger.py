"""What the sandbox saw: the judge in tests of a proxy."""

import re
from collections import Counter, deque

MARKER = re.compile(rb'marker:([A-Za-z0-9_.-]+)')
KEEP_REQUESTS = 1000
KEEP_PATHS = 20000
NOTED_HEADERS = (
    'host', 'version', 'content-type', 'content-length', 'accept',
    'accept-encoding', 'user-agent', 'connection', 'expect',
    'transfer-encoding', 'te', 'upgrade', 'via', 'forwarded', 'locationid',
    'companyid', 'x-sdk-version', 'x-forwarded-for', 'x-request-id',
    'cookie', 'range', 'last-event-id', 'if-none-match', 'cache-control',
    'prefer', 'proxy-authorization')


class Ledger:
    def __init__(self):
        self.connections = 0
        self.reset()

    def reset(self):
        self.total = 0
        self.refused_messages = 0
        self.accepted = 0
        self.most_connections = self.connections
        self.in_flight = 0
        self.most_in_flight = 0
        self.by_operation = Counter()
        self.by_method = Counter()
        self.by_credential = Counter()
        self.by_path = Counter()
        self.by_status = Counter()
        self.writes = Counter()
        self.writes_by_operation = Counter()
        self.recent = deque(maxlen=KEEP_REQUESTS)

    def opened(self):
        self.accepted += 1
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)

    def arrived(self, request, operation_id):
        """Note a request; the entry is completed by `answered`."""
        self.total += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.by_operation[operation_id] += 1
        self.by_method[request.method] += 1
        path = request.method + ' ' + request.path
        if path in self.by_path or len(self.by_path) < KEEP_PATHS:
            self.by_path[path] += 1
        entry = [request, operation_id, None]
        self.recent.append(entry)
        return entry

    def answered(self, entry, status):
        entry[2] = status
        self.in_flight -= 1
        self.by_status[str(status)] += 1

    def wrote(self, request, operation_id):
        """A write took effect."""
        self.writes_by_operation[operation_id] += 1
        marker = request.header('x-sandbox-marker')
        found = {marker} if marker else set()
        if b'marker:' in request.body:
            found.update(m.decode() for m in MARKER.findall(request.body))
        for name in found:
            self.writes[name] += 1

    def report(self, quota, is_brief=False):
        out = {
            'total': self.total, **quota.report(),
            'by_operation': dict(self.by_operation),
            'by_method': dict(self.by_method),
            'by_credential': dict(self.by_credential),
            'by_status': dict(self.by_status),
            'writes': dict(self.writes),
            'writes_by_operation': dict(self.writes_by_operation),
            'refused_messages': self.refused_messages,
            'in_flight': self.in_flight,
            'max_in_flight': self.most_in_flight,
            'open_connections': self.connections,
            'max_connections': self.most_connections,
            'accepted_connections': self.accepted}
        if not is_brief:
            out['by_path'] = dict(self.by_path)
            out['requests'] = [self._line(*e) for e in self.recent]
        return out

    @staticmethod
    def _line(request, operation_id, status):
        headers = {k: v for k, v in request.headers.items()
                   if k in NOTED_HEADERS or k.startswith('x-')}
        return {'method': request.method, 'target': request.target,
                'http_version': request.version,
                'operation': operation_id, 'status': status,
                'header_names': list(request.headers), 'headers': headers,
                'body_bytes': len(request.body)}
