#!/usr/bin/env python3
"""./dev bench imap [MESSAGES]: a mailbox of 100,000 messages opened and read, Pabal beside Dovecot (Maildir, its defaults).

Both hold the same messages: Pabal gets them by SMTP, Dovecot finds them as files and builds its index before the clock runs.
Each figure is the median of rounds on a new connection that has logged in before (login cost is password hashing, another
matter); both servers have the mailbox warm in the page cache.
"""
import concurrent.futures
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import PASSWORD, Pabal, PostfixDovecot, fsync_rate, resident_mib

ROUNDS = 15
SENDERS = 8
PER_SESSION = 500  # a server may end a session after a thousand


def message(n):
    return (f"From: Sender {n % 97} <sender{n % 97}@example.net>\r\nTo: User <user@example.com>\r\n"
            f"Subject: Message number {n} about topic {n % 1000}\r\n"
            f"Date: Tue, {1 + n % 28:02} Nov 2026 {n % 24:02}:{n % 60:02}:00 +0000\r\nMessage-ID: <{n}@example.net>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            + f"This is the text of message {n}, with a word{n % 5000} in it.\r\n" * 8).encode()


def deliver(side, numbers):
    """One SMTP session."""
    with socket.create_connection(("127.0.0.1", side.smtp)) as s:
        lines = s.makefile("rb")
        lines.readline()
        s.sendall(b"EHLO bench\r\n")
        while lines.readline()[3:4] == b"-":
            pass
        for n in numbers:
            s.sendall(b"MAIL FROM:<s@example.net>\r\nRCPT TO:<user@example.com>\r\nDATA\r\n")
            for _ in range(3):
                lines.readline()
            s.sendall(message(n) + b".\r\n")
            if not (reply := lines.readline()).startswith(b"250"):
                raise RuntimeError(f"Pabal refused a message: {reply}")


def fill_pabal(side, count):
    sessions = [range(first, min(first + PER_SESSION, count)) for first in range(0, count, PER_SESSION)]
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda numbers: deliver(side, numbers), sessions))
    if side.count("user") != count:
        sys.exit(f"Pabal has {side.count('user')} of {count} messages")


def fill_dovecot(side, count):
    maildir = side.base / "homes/user/Maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        body = message(n)
        (maildir / "cur" / f"{1700000000 + n}.M{n}P1.mail,S={len(body)}:2,").write_bytes(body)
    for root, folders, files in os.walk(side.base / "homes/user"):
        shutil.chown(root, "nobody", "nogroup")
        for name in files:
            os.chown(os.path.join(root, name), 65534, 65534)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.command(f'LOGIN user@example.com {PASSWORD}')

    def command(self, text):
        """Seconds and octets until the tagged answer."""
        start, octets = time.perf_counter(), 0
        self.socket.sendall(f"x {text}\r\n".encode())
        while True:
            line = self.file.readline()
            octets += len(line)
            if line.startswith(b"x "):
                if not line.startswith(b"x OK"):
                    sys.exit(f"{text}: {line}")
                return time.perf_counter() - start, octets
            if not line:
                sys.exit(f"{text}: connection lost")

    def close(self):
        self.socket.sendall(b"x LOGOUT\r\n")
        self.socket.close()


def measure(side, count):
    commands = [("SELECT", "SELECT INBOX"),
                ("FETCH newest 50 envelopes", f"FETCH {count - 49}:{count} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"),
                ("FETCH 50 header fields", f"FETCH {count - 49}:{count} (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])"),
                ("FETCH 50 full bodies", f"FETCH {count - 49}:{count} BODY.PEEK[]"),
                ("FETCH 100,000 flags", "FETCH 1:* (UID FLAGS)"),
                ("UID SEARCH UNSEEN", "UID SEARCH UNSEEN")]
    times = {label: [] for label, _ in commands}
    for number in range(ROUNDS + 1):
        client = Client(side.imap)
        for label, text in commands:
            took, _ = client.command(text)
            if number:  # the first round warms caches and, for Dovecot, its index
                times[label].append(took)
        client.close()
    return {label: statistics.median(values) * 1000 for label, values in times.items()}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="pabal-bench-", dir="/var/tmp") as folder:
        print(f"disk: {fsync_rate(folder):,.0f} fdatasync of 4 KiB a second")
        sides = []
        try:
            for kind in (Pabal, PostfixDovecot):
                sides.append(kind(folder, ["user"]))
            start = time.monotonic()
            fill_pabal(sides[0], count)
            print(f"Pabal took {count:,} messages by SMTP in {time.monotonic() - start:.0f} s", flush=True)
            fill_dovecot(sides[1], count)
            print(f"rounds: {ROUNDS}, each a new connection: LOGIN, SELECT, FETCH ..., LOGOUT", flush=True)
            results = {side.name: measure(side, count) for side in sides}
            memory = {side.name: resident_mib(side.pids) for side in sides}
        finally:
            for side in sides:
                side.stop()
    print(f"\n{'median, ms':28}{'Pabal':>12}{'Dovecot':>12}{'ratio':>10}")
    for label, ours in results["Pabal"].items():
        theirs = results["Postfix+Dovecot"][label]
        print(f"{label:28}{ours:12.2f}{theirs:12.2f}{ours / theirs:10.2f}")
    print(f"{'memory after, MiB PSS':28}{memory['Pabal']:12.1f}{memory['Postfix+Dovecot']:12.1f}")


main()
