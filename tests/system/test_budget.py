#!/usr/bin/env python3
"""The budget of request bodies (max_body_total): what is charged is what is
held, no more and no less."""
import contextlib
import os
import sys

from rig import (Client, Daemon, directory, equal, message, run, test,
                 wait_for)
from stream_origin import StreamOrigin

BODY = b'x' * 900000	# four of them are too many
OPTIONS = ('--max-body', '1MiB', '--max-body-total', '3MiB', '--threads', '1')


@contextlib.contextmanager
def setup(*options):
    with StreamOrigin() as origin, directory() as folder:
        daemon = Daemon(origin.url, os.path.join(folder, 'state'), *OPTIONS,
                        *options)
        failure = None
        try:
            yield origin, daemon
        except BaseException as e:
            failure = e
            raise
        finally:
            daemon.end_after(failure)


def post(head_ms):
    return message('POST', '/contacts/?head_ms=%d' % head_ms, BODY,
                   {'Authorization': 'Bearer t'})


@test
def pipelined_bodies_are_given_back_one_by_one():
    """A client that always has sent the next one is never without."""
    with setup() as (_, daemon), Client(daemon.address) as client:
        client.send(post(100))
        for _ in range(8):
            client.send(post(100))
            equal(client.response('POST').status, 200)
        equal(client.response('POST').status, 200)


@test
def a_body_whose_client_left_counts_until_it_is_dropped():
    """The origin has a copy that it is still sending, or waits to send."""
    with setup() as (origin, daemon):
        for n in range(3):
            with Client(daemon.address) as client:
                client.send(post(1500))
                wait_for(lambda: len(origin.exchanges) > n, 'the write')
        wait_for(lambda: daemon.counter('waiters_gone') == 3, 'its end')
        with Client(daemon.address) as client:
            client.send(post(0))
            equal(client.response('POST').status, 503)
        wait_for(lambda: daemon.counter('writes') == 3, 'the writes')
        with Client(daemon.address) as client:
            client.send(post(0))
            equal(client.response('POST').status, 200)


if __name__ == '__main__':
    sys.exit(run())
