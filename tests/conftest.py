"""Whole-system scenarios: real pabal processes on private ports and folders, real clients. Each leaves nothing behind."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PABAL = str(ROOT / os.environ.get("PABAL", "build/release/pabal"))
PASSWORD = "correct-horse-battery"


GIVEN = set()
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 10


def free_port(ip="127.0.0.1"):
    """Never twice the same, none that another worker of this run may give, and below what the kernel gives to outgoing
    connections: nobody takes it before the server does."""
    while True:
        port = random.randrange(10_000 + WORKER * 2_200, 10_000 + (WORKER + 1) * 2_200)
        with socket.socket() as probe:
            if port not in GIVEN and probe.connect_ex((ip, port)) != 0:
                GIVEN.add(port)
                return port


def wait_for(what, seconds=20, pause=0.05):
    """Calls `what` until it gives something true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(pause)


class Server:
    """One `pabal serve` with its own folder. Listeners that are named get ports: server.port["imap"]."""

    def __init__(self, folder, domain, ip="127.0.0.1", relay_port=None, zones=None, protocols=None, port=None, extra=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.domain, self.ip, self.process = domain, ip, None
        self.port = dict(port or {})
        for protocol in protocols or ("smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "managesieve", "https",
                                      "http"):
            self.port.setdefault(protocol, free_port(ip))
        self.config = self.folder / "pabal.toml"
        self.relay_port, self.extra = relay_port, extra
        self.configure(zones or {})

    def configure(self, zones):
        """Writes the configuration. What is in no zone does not exist: no test asks the Internet."""
        lines = [f'hostname = "mail.{self.domain}"', 'data = "data"', "threads = 2", 'log = "info"', "[relay]",
                 f"port = {self.relay_port or 25}", f'source_ip = "{self.ip}"', "[dns]", 'forwarder = "127.0.0.1@9"']
        for name, number in self.port.items():
            lines += ["[[listen]]", f'protocol = "{name}"', f'address = "{self.ip}:{number}"']
        for origin, text in {".": "", **zones}.items():
            lines += ["[[zone]]", f'origin = "{origin}"', f'text = """\n{text}"""']
        self.config.write_text(self.extra + "\n".join(lines) + "\n")

    def run(self, *args, check=True, stdin=None):
        done = subprocess.run([PABAL, "--config", self.config, *args], input=stdin, capture_output=True, text=True, timeout=60)
        if check:
            assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done

    def add_account(self, name, password=PASSWORD, *more):
        self.run("account", "add", name, "--password-stdin", *more, stdin=password)

    def start(self):
        self.log = open(self.folder / "log.txt", "ab")
        self.process = subprocess.Popen([PABAL, "--config", self.config, "serve"], stderr=self.log)
        wait_for(self.answers)
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        try:
            for number in self.port.values():
                socket.create_connection((self.ip, number), timeout=5).close()
            return True
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=20)
        self.log.close()
        return self.process.returncode

    def memory_kib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1])


@pytest.fixture
def server(tmp_path):
    """example.com with alice and bob, running."""
    made = Server(tmp_path / "one", "example.com")
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com", PASSWORD, "--admin")
    made.add_account("bob@example.com")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def pair(tmp_path):
    """Two domains: alice@example.com on 127.0.0.1 and bob@univ.edu on 127.0.0.2, one port for the mail between them."""
    port = free_port("127.0.0.1")
    zones = {"example.com": "@ MX 10 mail\nmail A 127.0.0.1\n", "univ.edu": "@ MX 10 mx1\n@ MX 20 mx2\nmx1 A 127.0.0.3\nmx2 A 127.0.0.2\n"}
    made = []
    for name, domain, ip, user in (("a", "example.com", "127.0.0.1", "alice"), ("b", "univ.edu", "127.0.0.2", "bob")):
        one = Server(tmp_path / name, domain, ip, relay_port=port, zones=zones, port={"smtp": port})
        one.run("domain", "add", domain)
        one.add_account(f"{user}@{domain}")
        made.append(one.start())
    yield made
    for one in made:
        one.stop()


def need(program):
    found = shutil.which(program) or (f"/usr/sbin/{program}" if os.path.exists(f"/usr/sbin/{program}") else None)
    if not found:
        pytest.fail(f"{program} is missing: ./dev setup installs it")
    return found
