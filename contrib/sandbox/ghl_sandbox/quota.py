"""The rate limit: an exact sliding window and a daily count per bucket."""

from collections import deque

from .seeded import DAY_MS


class Bucket:
    def __init__(self):
        self.allowed = deque()		# times of requests within the limit
        self.arrived = deque()		# times of all requests
        self.most = 0			# highest count in any window
        self.day = -1
        self.today = 0


class Quota:
    def __init__(self, clock, burst, window_s, daily, is_off):
        self.clock = clock
        self.burst = burst
        self.window_s = window_s
        self.daily = daily
        self.is_off = is_off
        self.reset()

    def reset(self):
        self.buckets = {}
        self.refused = 0

    def take(self, name):
        """Count a request; False when it is over the limit."""
        bucket = self.buckets.get(name)
        if bucket is None:
            bucket = self.buckets[name] = Bucket()
        now = self.clock.elapsed()
        oldest = now - self.window_s
        self._count_arrival(bucket, now, oldest)
        allowed = bucket.allowed
        while allowed and allowed[0] <= oldest:
            allowed.popleft()
        day = self.clock.running_ms() // DAY_MS
        if day != bucket.day:
            bucket.day, bucket.today = day, 0
        if not self.is_off and (len(allowed) >= self.burst or
                                bucket.today >= self.daily):
            self.refused += 1
            return False
        allowed.append(now)
        bucket.today += 1
        return True

    @staticmethod
    def _count_arrival(bucket, now, oldest):
        arrived = bucket.arrived
        while arrived and arrived[0] <= oldest:
            arrived.popleft()
        arrived.append(now)
        if len(arrived) > bucket.most:
            bucket.most = len(arrived)

    def headers(self, name):
        """The six rate header fields for a bucket."""
        bucket = self.buckets[name]
        left_ms = DAY_MS - self.clock.running_ms() % DAY_MS
        return (b'x-ratelimit-limit-daily: %d\r\n'
                b'x-ratelimit-daily-remaining: %d\r\n'
                b'x-ratelimit-daily-reset: %d\r\n'
                b'x-ratelimit-interval-milliseconds: %d\r\n'
                b'x-ratelimit-max: %d\r\n'
                b'x-ratelimit-remaining: %d' % (
                    self.daily, max(0, self.daily - bucket.today), left_ms,
                    int(self.window_s * 1000), self.burst,
                    max(0, self.burst - len(bucket.allowed))))

    def report(self):
        most = {name: b.most for name, b in self.buckets.items()}
        return {'max_in_window': max(most.values(), default=0),
                'max_in_window_by_bucket': most,
                'over_limit': self.refused}
