#!/usr/bin/env python3
"""./dev bench imap [MESSAGES] [--connections N]: a mailbox of 100,000 messages opened, read, changed and searched, Pabal beside
Dovecot (Maildir and mdbox) in one run; with --connections, what so many idle sessions weigh instead. Dovecot's settings are its
defaults but for mail_fsync=always: a change that is acknowledged is on the disk on all sides. What STORE takes by its default,
which promises less, is shown as well.

All hold the same messages: Pabal gets them by LMTP, Dovecot finds them as files and builds its index before the clock runs (mdbox
is made of the Maildir by doveadm). Passwords are hashed alike. Each figure is the median of rounds, a new connection each; all
servers have the mailbox in the page cache, and nothing left to do from before.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from idle_sessions import measure_idle
from peers import PASSWORD, Dovecot, Lmtp, Pabal, fsync_rate, resident_mib, settle

ROUNDS = 9
SENDERS = 64  # waiting for the disk together
PER_SESSION = 500  # a server may end a session after a thousand
DELIVERIES = 200   # whose arrival an idling client waits for,
WAKE_TIME = 60     # seconds; a server that looks every half minute is not asked so often
LARGE = 30         # messages of 1 MiB in the mailbox "Large"

WORDS = random.Random(1)
VOCABULARY = ["".join(WORDS.choice("bcdfghklmnprst") + WORDS.choice("aeiou") for _ in range(WORDS.randint(1, 4))) for _ in range(20_000)]
PARAGRAPHS = ["".join(" ".join(WORDS.choice(VOCABULARY[:2 ** WORDS.randint(4, 14)]) for _ in range(11)) + "\r\n" for _ in range(16))
              for _ in range(1_000)]


def message(n):
    """As mail is today: a header of 1.7 KiB, of which a list shows little, and a text of 2 KiB."""
    return (f"Return-Path: <sender{n % 97}@example.net>\r\n"
            f"Received: from mail.example.net (mail.example.net [192.0.2.{n % 250}])\r\n\tby mx.example.com with ESMTPS id {n:016x}\r\n"
            f"\tfor <user@example.com>; Tue, {1 + n % 28} Nov 2026 {n % 24:02}:{n % 60:02}:00 +0000\r\n"
            f"Received: from [10.0.0.{n % 250}] (unknown [198.51.100.{n % 199}])\r\n\tby mail.example.net with ESMTPSA id {n:08x}\r\n"
            f"Authentication-Results: mx.example.com; dkim=pass header.d=example.net header.s=s1;\r\n\tspf=pass "
            f"smtp.mailfrom=sender{n % 97}@example.net; dmarc=pass header.from=example.net\r\n"
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=s1;\r\n"
            "\th=from:to:subject:date:message-id:mime-version:content-type;\r\n"
            + "".join(f"\t{random.Random(n * 7 + line).randbytes(24).hex()}\r\n" for line in range(7)) +
            f"From: Sender {n % 97} <sender{n % 97}@example.net>\r\nTo: User <user@example.com>\r\n"
            f"Subject: Message number {n} about topic {n % 1000}\r\n"
            f"Date: Tue, {1 + n % 28:02} Nov 2026 {n % 24:02}:{n % 60:02}:00 +0000\r\nMessage-ID: <{n}@example.net>\r\n"
            f"List-Id: <list{n % 31}.example.net>\r\nList-Unsubscribe: <https://example.net/unsubscribe/{n:032x}>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
            + PARAGRAPHS[n % 1_000] + f"rarity{n % 5_000} is in few messages\r\n" + PARAGRAPHS[n * 7 % 1_000]).encode()


def large_message(n):
    line = random.Random(n).randbytes(38).hex().encode() + b"\r\n"
    return message(n) + line * ((1 << 20) // len(line))


def fill_pabal(side, count):
    def session(numbers):
        client = Lmtp(side.lmtp)
        for n in numbers:
            client.deliver(message(n))
        client.socket.close()
    sessions = [range(first, min(first + PER_SESSION, count)) for first in range(0, count, PER_SESSION)]
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(session, sessions))
    if side.count("user") != count:
        sys.exit(f"Pabal has {side.count('user')} of {count} messages")


def fill_maildir(side, count):
    maildir = side.homes / "user/Maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        body = message(n)
        (maildir / "cur" / f"{1700000000 + n}.M{n}P1.mail,S={len(body)}:2,").write_bytes(body)
    for root, folders, files in os.walk(side.homes / "user"):
        shutil.chown(root, "nobody", "nogroup")
        for name in files:
            os.chown(os.path.join(root, name), 65534, 65534)


def fill_mdbox(side, maildir):
    done = subprocess.run(["/usr/bin/doveadm", "-c", side.config, "-o", "mail_fsync=never", "backup", "-R", "-u", "user@example.com",
                           f"maildir:{maildir.homes}/user/Maildir"], capture_output=True, text=True)
    if done.returncode not in (0, 2):
        sys.exit("doveadm backup: " + done.stderr)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 18)
        self.file.readline()

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
            if line.endswith(b"}\r\n"):  # a literal: as fast as a client can take it
                size = int(line[line.rindex(b"{") + 1:-3])
                octets += len(self.file.read(size))
            if not line:
                sys.exit(f"{text}: connection lost")

    def append(self, mailbox, octets):
        self.socket.sendall(b"x APPEND %s {%d}\r\n" % (mailbox.encode(), len(octets)))
        self.file.readline()
        self.socket.sendall(octets + b"\r\n")
        while not (line := self.file.readline()).startswith(b"x "):
            pass
        if not line.startswith(b"x OK"):
            sys.exit(f"APPEND: {line}")

    def login(self):
        return self.command(f"LOGIN user@example.com {PASSWORD}")

    def close(self):
        self.socket.sendall(b"x LOGOUT\r\n")
        self.socket.close()


def stores(count):
    some = min(10_000, count)
    return [(f"STORE {some:,} +FLAGS", f"STORE 1:{some} +FLAGS (\\Flagged)", ROUNDS),
            (f"STORE {some:,} -FLAGS.SILENT", f"STORE 1:{some} -FLAGS.SILENT (\\Flagged)", ROUNDS)]


def commands_of(count):
    newest = f"{count - 49}:{count}"
    words = PARAGRAPHS[7].split()
    return [("SELECT", "SELECT INBOX", ROUNDS),
            ("FETCH 50 envelopes", f"FETCH {newest} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", ROUNDS),
            ("FETCH 50 header fields", f"FETCH {newest} (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)])", ROUNDS),
            ("FETCH 50 other header fields", f"FETCH {newest} (BODY.PEEK[HEADER.FIELDS (LIST-ID LIST-UNSUBSCRIBE)])", ROUNDS),
            ("FETCH 50 full bodies", f"FETCH {newest} BODY.PEEK[]", ROUNDS),
            (f"FETCH {count:,} flags", "FETCH 1:* (UID FLAGS)", ROUNDS),
            *stores(count),
            ("UID SEARCH UNSEEN", "UID SEARCH UNSEEN", ROUNDS),
            ("SORT (REVERSE ARRIVAL)", "SORT (REVERSE ARRIVAL) UTF-8 ALL", 2),
            ("SORT (SUBJECT)", "SORT (SUBJECT) UTF-8 ALL", 2),
            ("THREAD REFERENCES", "THREAD REFERENCES UTF-8 ALL", 2),
            ("SEARCH TEXT", "SEARCH TEXT rarity1234", 1),
            ("SEARCH TEXT of a phrase", f'SEARCH TEXT "{words[0]} {words[1]} {words[2]}"', 1),
            ("SEARCH TEXT, a miss", "SEARCH TEXT xylographer", 1)]


def measure(side, commands):
    times = {"LOGIN + SELECT": []} | {label: [] for label, _, _ in commands}
    for number in range(ROUNDS + 1):
        client = Client(side.imap)
        login, _ = client.login()
        for label, text, rounds in commands:
            if number > rounds:
                continue
            took, _ = client.command(text)
            if number:  # the first round warms caches and, for Dovecot, its index
                times[label].append(took)
                if label == "SELECT":
                    times["LOGIN + SELECT"].append(login + took)
        client.close()
    return {label: statistics.median(values) * 1000 for label, values in times.items()}


def download(side, count):
    """MB a second of whole messages: many small ones, and large ones."""
    client = Client(side.imap)
    client.login()
    client.command("CREATE Large")
    for n in range(LARGE):
        client.append("Large", large_message(n))
    rates = {}
    for label, mailbox, text in (("small messages, MB/s", "INBOX", f"FETCH 1:{min(5_000, count)} BODY.PEEK[]"),
                                 ("messages of 1 MiB, MB/s", "Large", "FETCH 1:* BODY.PEEK[]")):
        client.command(f"SELECT {mailbox}")
        best = []
        for _ in range(4):
            took, octets = client.command(text)
            best.append(octets / took / 1e6)
        rates[label] = statistics.median(best[1:])
    client.close()
    return rates


def wake_up(side):
    """Milliseconds from the reply that a delivery is done, and from the dot that ends it, to EXISTS at an idling client."""
    client, sender = Client(side.imap), Lmtp(side.lmtp)
    client.login()
    client.command("SELECT INBOX")
    client.socket.sendall(b"x IDLE\r\n")
    while not client.file.readline().startswith(b"+"):
        pass
    after_reply, after_dot, end = [], [], time.monotonic() + WAKE_TIME
    for n in range(DELIVERIES):
        if time.monotonic() > end:
            break
        time.sleep(random.Random(n).uniform(0.005, 0.03))  # not in step with anybody's timers
        sender.begin(message(n))
        seen = {}
        start = time.perf_counter()
        sender.socket.sendall(b".\r\n")
        while len(seen) < 2:
            ready, _, _ = select.select([s for s in (sender.socket, client.socket) if s not in seen], [], [], 60)
            now = time.perf_counter()
            if not ready:
                sys.exit(f"{side.name}: no news of a delivery within a minute")
            for one in ready:
                octets = one.recv(65536)
                if one is sender.socket or b"EXISTS" in octets:
                    seen[one] = now
        after_reply.append(max(0, seen[client.socket] - seen[sender.socket]))
        after_dot.append(seen[client.socket] - start)
    client.socket.close()
    sender.socket.close()
    out = {}
    for label, times in (("from 250", after_reply), ("from dot", after_dot)):
        times.sort()
        out[f"IDLE wake-up {label}, p50"] = times[len(times) // 2] * 1000
        out[f"IDLE wake-up {label}, p99"] = times[len(times) * 99 // 100] * 1000
    return out


def compare(folder, count):
    print(f"disk: {fsync_rate(folder):,.0f} fdatasync of 4 KiB a second; messages of {len(message(1)):,} octets", flush=True)
    os.chmod(folder, 0o755)
    sides = []
    try:
        pabal = Pabal(folder, ["user"], ("lmtp", "imap"))
        sides.append(pabal)
        for name in ("Maildir", "mdbox"):
            sides.append(Dovecot(pathlib.Path(folder) / name, ["user"], f"{name.lower()}:~/{name}", "always"))
            sides[-1].name = name
        start = time.monotonic()
        fill_pabal(pabal, count)
        print(f"Pabal took {count:,} messages by LMTP in {time.monotonic() - start:.0f} s", flush=True)
        fill_maildir(sides[1], count)
        fill_mdbox(sides[2], sides[1])
        print(f"rounds: {ROUNDS}, each a new connection: LOGIN, SELECT, FETCH ..., LOGOUT", flush=True)
        results = {}
        for side in sides:
            settle(side)
            results[side.name] = measure(side, commands_of(count)) | download(side, count) | wake_up(side)
            print(f"  {side.name}: " + ", ".join(f"{label} {value:.2f}" for label, value in results[side.name].items()), flush=True)
        memory = {side.name: resident_mib(side.pids) for side in sides}
        for side in sides[1:]:
            side.stop()
            side.start("optimized")
            results[side.name] |= {f"{label}, optimized": took
                                   for label, took in measure(side, [("SELECT", "SELECT INBOX", ROUNDS), *stores(count)]).items()
                                   if label.startswith("STORE")}
    finally:
        for side in sides:
            side.stop()
    print(f"\n{'median, ms; Dovecot with mail_fsync=always':44}{'Pabal':>10}{'Maildir':>12}{'ratio':>8}{'mdbox':>12}{'ratio':>8}")
    rows = list(results["Pabal"].items())
    for label, _, _ in stores(count):
        rows.insert([name for name, _ in rows].index(label) + 1, (f"{label}, optimized", results["Pabal"][label]))
    for label, ours in rows:
        line = f"{label:44}{ours:10.2f}"
        for name in ("Maildir", "mdbox"):
            theirs = results[name][label]
            line += f"{theirs:12.2f}" + (f"{ours / theirs:8.2f}" if theirs else f"{'-':>8}")
        print(line)
    print(f"{'memory after, MiB PSS':44}{memory['Pabal']:10.1f}{memory['Maildir']:12.1f}{'':8}{memory['mdbox']:12.1f}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench imap")
    parser.add_argument("messages", nargs="?", type=int, default=100_000)
    parser.add_argument("--connections", type=int, help="weigh so many idle sessions instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pabal-bench-", dir="/var/tmp") as folder:
        if options.connections:
            measure_idle(folder, options.connections, Lmtp, message(1))
        else:
            compare(folder, options.messages)


if __name__ == "__main__":
    main()
