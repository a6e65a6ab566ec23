"""./dev bench imap --connections N: what N idle IMAP sessions weigh (logged in, INBOX selected, in IDLE), in clear and with TLS, and
what they do to deliveries meanwhile. Weight is the growth of the server's PSS by the number of sessions; what the kernel holds for
its sockets is not in it."""
import base64
import collections
import concurrent.futures
import hashlib
import hmac
import os
import resource
import select
import socket
import ssl
import sys
import time

from peers import PASSWORD, Pabal, resident_mib

ACCOUNTS = 100
LETTERS = 20       # in each INBOX
DELIVERIES = 400   # of which each wakes the sessions of its account
CLIENTS = 8

Salted = collections.namedtuple("Salted", "salt iterations key")
salted = {}  # by user: SCRAM lets a client keep what it derived, so that 5,000 logins are not 5,000 password hashes


class Session:
    """Logs in with SCRAM-SHA-256 (RFC 7677) and idles."""

    def __init__(self, port, user, tls):
        self.socket = socket.create_connection(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self.buffer = b""
        self.line()
        nonce = os.urandom(12).hex()
        first = f"n={user}@example.com,r={nonce}"
        self.socket.sendall(b"x AUTHENTICATE SCRAM-SHA-256 " + base64.b64encode(b"n,," + first.encode()) + b"\r\n")
        challenge = base64.b64decode(self.line()[2:]).decode()
        given = dict(field.split("=", 1) for field in challenge.split(","))
        known = salted.get(user)
        if not known or known.salt != given["s"]:
            key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(given["s"]), int(given["i"]))
            known = salted[user] = Salted(given["s"], given["i"], key)
        client_key = hmac.digest(known.key, b"Client Key", "sha256")
        final = f"c=biws,r={given['r']}"
        proof = hmac.digest(hashlib.sha256(client_key).digest(), f"{first},{challenge},{final}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, proof))).decode()
        self.socket.sendall(base64.b64encode(f"{final},p={proof}".encode()) + b"\r\n")
        self.line()
        self.socket.sendall(b"\r\n")
        self.expect(b"x OK")
        self.socket.sendall(b"x SELECT INBOX\r\n")
        self.expect(b"x OK")
        self.socket.sendall(b"x IDLE\r\n")
        self.expect(b"+")

    def line(self):
        while b"\r\n" not in self.buffer:
            octets = self.socket.recv(65536)
            if not octets:
                sys.exit("the server closed an idle session")
            self.buffer += octets
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def expect(self, start):
        while not (line := self.line()).startswith(start):
            if line.startswith((b"x NO", b"x BAD", b"* BYE")):
                sys.exit(f"a session was refused: {line}")


def deliver(side, lmtp, text):
    """Deliveries a second over one connection, to one account after the other."""
    client, start = lmtp(side.lmtp), time.monotonic()
    for n in range(DELIVERIES):
        client.deliver(text, f"user{n % ACCOUNTS}")
    client.socket.close()
    return DELIVERIES / (time.monotonic() - start)


def drain(sessions, wanted):
    """Reads what comes until each session has been told of `wanted` messages more."""
    waiting = {s.socket.fileno(): [s, b""] for s in sessions}
    poll = select.epoll()
    for descriptor, (session, _) in waiting.items():
        session.socket.setblocking(False)
        poll.register(descriptor, select.EPOLLIN)
    start = time.monotonic()
    while waiting and time.monotonic() - start < 60:
        for descriptor, _ in poll.poll(1):
            entry = waiting[descriptor]
            try:
                while octets := entry[0].socket.recv(65536):
                    entry[1] += octets
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            if b"* %d EXISTS\r\n" % wanted in entry[1]:
                poll.unregister(descriptor)
                del waiting[descriptor]
    return len(waiting)


def measure_idle(folder, count, lmtp, text):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    users = [f"user{n}" for n in range(ACCOUNTS)]
    side = Pabal(folder, users, ("lmtp", "imap", "imaps"))
    tls = ssl._create_unverified_context()
    try:
        for n in range(LETTERS // 4):
            deliver(side, lmtp, text)  # 4 to each account
        exists = LETTERS
        for name, port, context in (("in clear", side.imap, None), ("with TLS", side.imaps, tls)):
            for user in users:
                Session(port, user, context).socket.close()  # what the first of an account costs, all others share
            rate_alone = deliver(side, lmtp, text)
            exists += DELIVERIES // ACCOUNTS
            time.sleep(2)
            before, start = resident_mib(side.pids), time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                sessions = list(pool.map(lambda n: Session(port, users[n % ACCOUNTS], context), range(count)))
            took = time.monotonic() - start
            time.sleep(2)
            after = resident_mib(side.pids)
            rate = deliver(side, lmtp, text)
            exists += DELIVERIES // ACCOUNTS
            missed = drain(sessions, exists)
            print(f"{count:,} idle sessions {name}: {(after - before) * 1024 / count:.1f} KiB each (PSS {before:.1f} -> {after:.1f} MiB), "
                  f"opened in {took:.0f} s;\n  deliveries a second, one connection: {rate_alone:,.0f} without them, {rate:,.0f} with them, "
                  f"each of which wakes {count // ACCOUNTS}; sessions that were not told of all: {missed}", flush=True)
            for session in sessions:
                session.socket.close()
            time.sleep(2)
    finally:
        side.stop()
