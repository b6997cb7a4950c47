"""A daemon that loads its configuration again."""
import os
import re
import signal

from rig import Rig, true, wait_for

DONE = re.compile(r'event=(reloaded|reload-refused)\b.*')


class Reloading(Rig):
    """A daemon whose configuration file may be written anew; upstream: a URL
    to take the place of the sandbox."""

    def __init__(self, config='', upstream=None, **more):
        super().__init__(config=config, **more)
        self.other = upstream

    def start(self):
        self.upstream = self.other or self.upstream
        super().start()

    @property
    def path(self):
        return self.state + '.conf'

    def write(self, config):
        with open(self.path + '.new', 'w', encoding='utf-8') as f:
            f.write(config)
        os.rename(self.path + '.new', self.path)

    def hangup(self):
        self.daemon.process.send_signal(signal.SIGHUP)

    def outcomes(self):
        """What the log says of each reload so far."""
        return [m[0] for m in DONE.finditer(self.daemon.log())]

    def after(self, number):
        """The outcome of that reload, once it is known."""
        wait_for(lambda: len(self.outcomes()) > number, 'the reload')
        return self.outcomes()[number]

    def reload(self, config=None):
        number = len(self.outcomes())
        if config is not None:
            self.write(config)
        self.hangup()
        return self.after(number)

    def take(self, config):
        outcome = self.reload(config)
        true(outcome.startswith('event=reloaded '), outcome)
        return outcome

    def refuse(self, config, *words):
        outcome = self.reload(config)
        true(outcome.startswith('event=reload-refused '), outcome)
        for word in words:
            true(word in outcome, '%r is not in %r' % (word, outcome))

    def told(self):
        return self.daemon.status()['config']
