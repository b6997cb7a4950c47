"""Faults to order: what an answer does instead of arriving well."""

KINDS = {
    'latency', 'drip', 'status', '429', 'reset_before', 'reset_after',
    'close_before', 'close_after', 'hang', 'hang_after', 'cut_body',
    'wrong_length', 'no_length', 'chunked', 'html200', 'headers',
    'bad_json', 'raw_control'}
BEFORE = {'status', '429', 'reset_before', 'close_before', 'hang',
          'html200'}
KNOWN = {'operation', 'path_prefix', 'method', 'token', 'kind', 'ms',
         'status', 'count', 'after', 'body', 'html', 'headers', 'delta', 'act'}


class Fault:
    """Applies to `count` matching requests after skipping `after`."""

    def __init__(self, number, spec):
        if not isinstance(spec, dict) or spec.get('kind') not in KINDS:
            raise ValueError('kind must be one of %s' % sorted(KINDS))
        unknown = set(spec) - KNOWN
        if unknown:
            raise ValueError('unknown fault fields %s' % sorted(unknown))
        self.number = number
        self.spec = spec
        self.kind = spec['kind']
        self.left = int(spec.get('count', -1))
        self.skip = int(spec.get('after', 0))
        self.used = 0

    def fits(self, request, operation_id):
        spec = self.spec
        return (spec.get('operation') in (None, '*', operation_id) and
                request.path.startswith(spec.get('path_prefix', '')) and
                spec.get('method') in (None, request.method) and
                spec.get('token') in (
                    None, request.header('authorization')[7:]))

    def take(self):
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.left == 0:
            return False
        self.left -= 1 if self.left > 0 else 0
        self.used += 1
        return True

    def report(self):
        return {'id': self.number, **self.spec, 'left': self.left,
                'used': self.used}


class Faults:
    def __init__(self):
        self.list = []
        self.made = 0

    def add(self, spec):
        fault = Fault(self.made + 1, spec)
        self.made += 1
        self.list.append(fault)
        return fault

    def clear(self):
        self.list = []

    def matching(self, request, operation_id):
        """The faults that befall this request; one per kind at most."""
        out = {}
        for fault in self.list:
            if fault.kind not in out and \
                    fault.fits(request, operation_id) and fault.take():
                out[fault.kind] = fault.spec
        return out

    def report(self):
        return [f.report() for f in self.list]
