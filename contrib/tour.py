"""The main job of ghlmirror as a transcript; run by contrib/quickstart.

usage: tour.py GHLMIRROR [--once]

Starts an upstream (the sandbox) and the daemon, makes requests as a client
would, and checks after each what came back and what the upstream was asked.
With GHL_TOKEN and GHL_LOCATION_ID set the upstream is GHL: then only reads
are made, and so few that even if none were shared it would count at most ten.
"""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANDBOX = os.path.join(TOP, "contrib", "sandbox", "ghl-sandbox")
START_S = 20
STALE_S = 15
READERS = 200
# Of GHL. A read that meets a dying connection is sent twice.
CALLS_MAX = 10
CALLS_PER_READ_MAX = 2
# Short, so that nobody waits half a minute for an answer to expire.
CONFIG = """[route tour]
match = contacts.get-contact
ttl = 2s
"""


class Failed(Exception):
    """A step did not go as it must."""


def must(condition, why):
    if not condition:
        raise Failed(why)


class Child:
    """A program that prints one line when it is ready."""

    def __init__(self, *argv):
        env = {k: v for k, v in os.environ.items()
               if k not in ("GHL_TOKEN", "GHL_LOCATION_ID")}
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE,
                                        text=True, env=env,
                                        start_new_session=True)
        self.ready = self.first_line()
        must(self.ready, f"{argv[0]} did not start")

    def first_line(self):
        killer = threading.Timer(START_S, self.process.kill)
        killer.start()
        try:
            return self.process.stdout.readline().strip()
        finally:
            killer.cancel()

    def stop(self):
        """Ends it as an operator would; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Answer:
    def __init__(self, response, body, ms):
        self.status = response.status
        self.source = response.getheader("Cache-Status", "-")
        self.body = body
        self.ms = ms

    def json(self):
        return json.loads(self.body)

    @property
    def is_hit(self):
        return "; hit" in self.source

    @property
    def is_stale(self):
        return self.is_hit and "ttl=-" in self.source


def request(base, method, target, token=None, body=None):
    host = urllib.parse.urlsplit(base).netloc
    headers = {"Version": "2021-07-28", "Accept": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    connection = http.client.HTTPConnection(host, timeout=30)
    began = time.monotonic()
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    return Answer(response, data, (time.monotonic() - began) * 1000)


class Tour:
    def __init__(self, program, state):
        self.program = program
        self.state = state
        self.sandbox = None
        self.daemon = None
        self.base = None
        self.token = os.environ.get("GHL_TOKEN")
        self.location = os.environ.get("GHL_LOCATION_ID")
        self.is_ghl = bool(self.token and self.location)

    # The two programs

    def start_sandbox(self, listen="127.0.0.1:0"):
        self.sandbox = Child(sys.executable, "-B", SANDBOX, "--listen", listen,
                             "--contacts", "100", "--seed", "1")
        ready = json.loads(self.sandbox.ready)
        self.upstream = ready["url"]
        full = ready["tokens"][0]
        self.token, self.location = full["token"], full["locationId"]

    def start_daemon(self):
        self.log = os.path.join(self.state, "log")
        argv = [self.program, "serve", "--listen", "127.0.0.1:0",
                "--state", os.path.join(self.state, "state"),
                "--log-file", self.log]
        if not self.is_ghl:
            config = os.path.join(self.state, "tour.conf")
            with open(config, "w", encoding="ascii") as f:
                f.write(CONFIG)
            argv += ["--config", config, "--upstream", self.upstream]
        self.daemon = Child(*argv)
        m = re.match(r"ready http=(\S+)", self.daemon.ready)
        must(m, f"unexpected ready line: {self.daemon.ready}")
        self.base = "http://" + m.group(1)

    def last_lines(self):
        """Of the daemon's log, for whoever must find out what went wrong."""
        if not self.daemon:
            return ""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-5:])

    def stop(self):
        if self.sandbox:
            self.sandbox.stop()
        if self.daemon:
            status = self.daemon.stop()
            must(status == 0, f"the daemon ended with status {status}")

    # Requests, and how they are told

    def upstream_calls(self):
        """What the sandbox has counted, or with GHL the proxy; None while
        the sandbox is stopped."""
        if self.is_ghl:
            status = request(self.base, "GET", "/-/status").json()
            return status["counters"]["upstream_requests"]
        if self.sandbox.process.poll() is not None:
            return None
        ledger = request(self.upstream, "GET", "/__sandbox/ledger")
        return ledger.json()["total"]

    def ask(self, method, target, body=None):
        return request(self.base, method, target, self.token, body)

    def told(self, method, target, body=None):
        """ask(), with a line about it; the answer and what it cost."""
        before = self.upstream_calls()
        answer = self.ask(method, target, body)
        cost = None if before is None else self.upstream_calls() - before
        print(f"   {method} {target}")
        print(f"   {answer.status} in {answer.ms:.1f} ms   "
              f"Cache-Status: {answer.source}")
        if cost is not None:
            print(f"   upstream calls: {cost}")
        return answer, cost

    def ask_at_once(self, target, n):
        answers, gate = [], threading.Barrier(n)

        def reader():
            gate.wait()
            answers.append(self.ask("GET", target))
        threads = [threading.Thread(target=reader) for _ in range(n)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        must(len(answers) == n, f"{n - len(answers)} requests broke off")
        return answers

    # The steps

    def find_contacts(self):
        answer = self.ask("GET", "/contacts/?" + urllib.parse.urlencode(
            {"locationId": self.location, "limit": 2}))
        must(answer.status == 200, f"listing contacts: {answer.status} "
             f"{answer.body[:200].decode(errors='replace')}")
        ids = [c["id"] for c in answer.json()["contacts"]]
        must(len(ids) == 2, "the location needs two contacts")
        self.first, self.second = ("/contacts/" + i for i in ids)

    def miss(self):
        print("\n1. A read that nobody made before goes to the upstream.")
        answer, cost = self.told("GET", self.first)
        must(answer.status == 200 and not answer.is_hit, "not a miss")
        must(cost == 1, f"cost {cost} upstream calls")
        self.before = answer

    def hit(self):
        print("\n2. The same read again is answered from the store.")
        answer, cost = self.told("GET", self.first)
        must(answer.status == 200 and answer.is_hit, "not a hit")
        must(answer.body == self.before.body, "another body")
        must(cost == 0, f"cost {cost} upstream calls")

    def share(self):
        before = self.upstream_calls()
        n = READERS
        if self.is_ghl:
            n = (CALLS_MAX - before) // CALLS_PER_READ_MAX
        print(f"\n3. {n} clients read another contact at the same moment.")
        began = time.monotonic()
        answers = self.ask_at_once(self.second, n)
        ms = (time.monotonic() - began) * 1000
        cost = self.upstream_calls() - before
        print(f"   GET {self.second}")
        print(f"   {n} answers in {ms:.0f} ms\n   upstream calls: {cost}")
        must({a.status for a in answers} == {200}, "not all were answered")
        must(len({a.body for a in answers}) == 1, "the answers differ")
        must(cost == 1, f"cost {cost} upstream calls")

    def write(self):
        print("\n4. A write passes to the upstream; the record is fetched anew "
              "at once.")
        self.name = "Tour" + str(os.getpid())
        answer, _ = self.told("PUT", self.first, {"firstName": self.name})
        must(answer.status == 200, "the write was refused")

    def read_back(self):
        print("\n5. Whoever reads after it sees it.")
        answer, _ = self.told("GET", self.first)
        must(answer.status == 200, f"answered {answer.status}")
        found = answer.json()["contact"]["firstName"]
        print(f"   firstName is {found}")
        must(found == self.name, "the state from before the write")
        self.before = answer

    def outage(self):
        print("\n6. The upstream stops. Reads go on, marked stale once they "
              "have expired.")
        self.sandbox.stop()
        until = time.monotonic() + STALE_S
        while not (answer := self.ask("GET", self.first)).is_stale:
            must(answer.status == 200, f"answered {answer.status}")
            must(time.monotonic() < until, "never marked stale")
            time.sleep(0.1)
        answer, _ = self.told("GET", self.first)
        must(answer.status == 200 and answer.is_stale, "not served stale")
        must(answer.body == self.before.body, "another body")

    def run(self):
        if self.is_ghl:
            print("Upstream: GHL. Only reads, at most ten calls.")
        else:
            self.start_sandbox()
            print(f"Upstream: the sandbox at {self.upstream}")
        self.start_daemon()
        print(f"Proxy:    {self.base}")
        self.find_contacts()
        self.miss()
        self.hit()
        self.share()
        if self.is_ghl:
            print("\nSkipped, as this is a real account: 4. a write, "
                  "5. the read after it, 6. an outage.")
            return
        self.write()
        self.read_back()
        self.outage()

    def stay(self):
        """Until interrupted."""
        if self.is_ghl:
            location = "$GHL_LOCATION_ID"
            pipe = ("printf 'header = \"Authorization: Bearer %s\"\\n' "
                    "\"$GHL_TOKEN\" | curl --config -")
        else:
            self.start_sandbox(urllib.parse.urlsplit(self.upstream).netloc)
            location = self.location
            pipe = f"curl -H 'Authorization: Bearer {self.token}'"
        print(f"\nUp until Ctrl-C. Base URL: {self.base}\nTry:\n"
              f"  {pipe} \\\n    -i -H 'Version: 2021-07-28' "
              f"\"{self.base}/contacts/?locationId={location}\"")
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()


def main(argv):
    if len(argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    state = tempfile.mkdtemp(prefix="ghlmirror-tour-")
    tour = Tour(argv[1], state)
    status = 0
    sys.stdout.reconfigure(line_buffering=True)
    try:
        tour.run()
        print("\nAll as it should be.")
        if "--once" not in argv[2:]:
            tour.stay()
    except (Failed, OSError, http.client.HTTPException, ValueError,
            KeyError) as e:
        print(f"\nNot as it should be: {e}\n{tour.last_lines()}",
              file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 1
    finally:
        try:
            tour.stop()
        except Failed as e:
            print(f"\nNot as it should be: {e}", file=sys.stderr)
            status = 1
        shutil.rmtree(state, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv))
