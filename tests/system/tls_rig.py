"""An upstream behind real TLS: an authority of our own, its certificates, and
nghttpx (Debian's nghttp2-proxy) before a plain upstream.

    authority = Authority(directory)
    with Nghttpx((host, port), authority.issue('good'), directory) as proxy:
        ... proxy.url, proxy.connections() ...
"""
import collections
import datetime
import os
import re
import shutil
import socket
import ssl
import subprocess

from front_rig import WAIT_S, wait_for
from sandbox_tap import Skip, true

CONFIG = '''
[ca]
default_ca = own
[own]
new_certs_dir = {0}
database = {0}/index
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
'''
KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
DAY = datetime.timedelta(days=1)


def need(program):
    """Its path, also from where only root's PATH leads."""
    places = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'
    path = shutil.which(program, path=places)
    if path is None:
        raise Skip('no %s here' % program)
    return path


Certificate = collections.namedtuple('Certificate', 'path key')


class Authority:
    """Signs certificates; `path` is what a client has to trust."""

    def __init__(self, directory, name='own'):
        self.openssl = need('openssl')
        self.directory = os.path.join(directory, name)
        os.mkdir(self.directory)
        self.path, self.key = self._file('ca.pem'), self._file('ca.key')
        with open(self._file('config'), 'w', encoding='utf-8') as f:
            f.write(CONFIG.format(self.directory))
        with open(self._file('index'), 'w', encoding='utf-8'):
            pass
        self._run('req', '-x509', *KEY, '-days', '2', '-subj',
                  '/CN=' + name, '-keyout', self.key, '-out', self.path)

    def _file(self, name):
        return os.path.join(self.directory, name)

    def _run(self, *arguments):
        done = subprocess.run([self.openssl, *arguments], timeout=WAIT_S,
                              stdin=subprocess.DEVNULL, capture_output=True)
        true(done.returncode == 0, done.stderr.decode())

    def issue(self, name, names='IP:127.0.0.1', start_days=-1, end_days=1):
        """Valid between these days from now."""
        now = datetime.datetime.now(datetime.timezone.utc)
        span = [(now + days * DAY).strftime('%Y%m%d%H%M%SZ')
                for days in (start_days, end_days)]
        request = self._file(name + '.csr')
        made = Certificate(self._file(name + '.pem'),
                           self._file(name + '.key'))
        self._run('req', '-new', *KEY, '-subj', '/CN=' + name, '-addext',
                  'subjectAltName=' + names, '-keyout', made.key, '-out',
                  request)
        self._run('ca', '-batch', '-config', self._file('config'), '-cert',
                  self.path, '-keyfile', self.key, '-in', request, '-out',
                  made.path, '-notext', '-startdate', span[0], '-enddate',
                  span[1])
        return made

    def self_sign(self, name):
        """Signed by nobody else."""
        made = Certificate(self._file(name + '.pem'),
                           self._file(name + '.key'))
        self._run('req', '-x509', *KEY, '-days', '2', '-subj', '/CN=' + name,
                  '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout',
                  made.key, '-out', made.path)
        return made


class Nghttpx:
    """TLS before `behind`; protocols is what it offers by ALPN."""

    def __init__(self, behind, certificate, directory,
                 protocols='h2,http/1.1', *options):
        number = len(os.listdir(directory))
        self.log_path = os.path.join(directory, 'access-%d' % number)
        self.error_path = os.path.join(directory, 'error-%d' % number)
        with socket.create_server(('127.0.0.1', 0)) as listener:
            self.address = listener.getsockname()
            self._start(listener, behind, certificate, protocols, options)
        self.url = 'https://%s:%d' % self.address
        try:
            wait_for(self._answers, 'nghttpx')
        except AssertionError:
            self.stop()
            raise

    def _start(self, listener, behind, certificate, protocols, options):
        """It takes no port 0, but sockets that another nghttpx left it."""
        self.process = subprocess.Popen(
            [need('nghttpx'), '--conf=/dev/null', '--single-process',
             '--frontend=%s,%d' % self.address, '--backend=%s,%d' % behind,
             '--npn-list=' + protocols, '--no-via', '--no-location-rewrite',
             '--no-add-x-forwarded-proto', '--no-server-rewrite', '--no-ocsp',
             '--errorlog-file=' + self.error_path,
             '--accesslog-file=' + self.log_path,
             '--accesslog-format=$remote_port $alpn $status', *options,
             certificate.key, certificate.path],
            pass_fds=[listener.fileno()], env={
                **os.environ,
                'NGHTTPX_ACCEPT_1': 'tcp,%d' % listener.fileno()},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def _answers(self):
        """The socket listens already: whether TLS is spoken there."""
        true(self.process.poll() is None, 'nghttpx ended')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with socket.create_connection(self.address, WAIT_S) as raw, \
                    context.wrap_socket(raw):
                return True
        except ConnectionError:
            return False
        except ssl.SSLError:
            return True	# speaks, but not to us

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def requests(self):
        """(client port, protocol, status) of each."""
        with open(self.log_path, encoding='utf-8') as f:
            rows = re.findall(r'^(\d+) (\S+) (\d+)$', f.read(), re.M)
        return [(int(port), protocol, int(status))
                for port, protocol, status in rows]
