"""Options, start and end of the sandbox."""

import argparse
import asyncio
import gc
import json
import resource
import signal
import socket
import sys

from . import (ops_calendars, ops_contact_lists, ops_contact_parts,
               ops_contacts, ops_conversations, ops_oauth, ops_sales,
               ops_settings)
from .app import App
from .clock import Clock
from .control import control

BACKLOG = 4096
MODULES = (ops_calendars, ops_contact_lists, ops_contact_parts,
           ops_contacts, ops_conversations, ops_oauth, ops_sales,
           ops_settings)


def positive(kind):
    def parse(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError('%s is not positive' % text)
        return value
    return parse


def not_negative(kind):
    def parse(text):
        value = kind(text)
        if value < 0:
            raise argparse.ArgumentTypeError('%s is negative' % text)
        return value
    return parse


def address(text):
    host, colon, port = text.rpartition(':')
    if not colon or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError('%s is not HOST:PORT' % text)
    return host.strip('[]') or '127.0.0.1', int(port)


def parse_options(arguments):
    parser = argparse.ArgumentParser(
        prog='ghl-sandbox',
        description='A stateful stand-in for the GoHighLevel API.')
    add = parser.add_argument
    add('--listen', metavar='HOST:PORT', type=address,
        default=('127.0.0.1', 0),
        help='where to listen; port 0 takes a free one (127.0.0.1:0)')
    add('--contacts', metavar='N', type=not_negative(int), default=1000,
        help='contacts of each location (1000)')
    add('--seed', metavar='S', type=int, default=1,
        help='what all records follow from (1)')
    add('--burst', metavar='N', type=positive(int), default=100,
        help='requests allowed in any window (100)')
    add('--window', metavar='SECONDS', type=positive(float), default=10.0,
        help='length of the window (10)')
    add('--daily', metavar='N', type=positive(int), default=200000,
        help='requests allowed a day (200000)')
    add('--no-limit', action='store_true',
        help='count requests, but refuse none')
    add('--quota-by', choices=('location', 'token'), default='location',
        help='what shares a limit (location)')
    add('--index-lag', metavar='SECONDS', type=not_negative(float),
        default=0.0, help='age of what contact searches see (0)')
    add('--clock', metavar='EPOCH', type=not_negative(float), default=None,
        help='fixed time in seconds since 1970; moved only by '
        '/__sandbox/clock')
    return parser.parse_args(arguments)


def describe(app, url):
    """What the ready line and /__sandbox/info say."""
    tokens = [t.public() for t in app.auth.tokens.values()
              if t.ends_at is None]
    return {
        'url': url,
        'locations': [{'id': location.id, 'name': location.record['name'],
                       'companyId': app.world.company_id,
                       'contacts': location.book.count}
                      for location in app.world.by_number],
        'companyId': app.world.company_id, 'tokens': tokens,
        'clients': app.auth.clients}


def raise_descriptor_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def listen(host, port):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock


async def serve(options, sock):
    loop = asyncio.get_running_loop()
    app = App(options, Clock(options.clock), loop, control)
    host, port = sock.getsockname()[:2]
    url = 'http://%s:%d' % ('[%s]' % host if ':' in host else host, port)
    app.describe = lambda: describe(app, url)
    server = await loop.create_server(app.new_connection, sock=sock,
                                      backlog=BACKLOG)
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    # What exists now lives as long as the process.
    gc.collect()
    gc.freeze()
    print(json.dumps(app.describe(), separators=(',', ':')), flush=True)
    await end.wait()
    server.close()
    for conn in list(app.connections):
        conn.transport.abort()


def main(arguments):
    options = parse_options(arguments)
    raise_descriptor_limit()
    try:
        sock = listen(*options.listen)
    except OSError as error:
        print('ghl-sandbox: cannot listen on %s:%d: %s' % (
            *options.listen, error.strerror), file=sys.stderr)
        return 1
    asyncio.run(serve(options, sock))
    return 0
