"""A 250 is a promise: kill -9 under load, then count."""
import collections
import random
import re
import smtplib
import threading

from conftest import PASSWORD, Server, wait_for
from imap_reader import messages, trusting
from smtp_lines import Telnet

ROUNDS, SENDERS = 6, 8
USERS = ["alice", "bob", "carol"]


class Sender(threading.Thread):
    """Sends until the server is gone; notes what was acknowledged and what was under way."""

    def __init__(self, server, number, round_):
        super().__init__()
        self.server, self.name_ = server, f"{round_}.{number}"
        self.random = random.Random(self.name_)
        self.acknowledged, self.unsure = {}, {}

    def run(self):
        n = 0
        try:
            with Telnet(self.server.ip, self.server.port["smtp"]) as s:
                s.reply()
                s.ask("EHLO mx.example.net")
                while True:
                    n += 1
                    key, to = f"{self.name_}.{n}", self.random.sample(USERS, self.random.randint(1, 3))
                    if not s.ask("MAIL FROM:<x@example.net>"):
                        return
                    for user in to:
                        s.ask(f"RCPT TO:<{user}@example.com>")
                    if not s.ask("DATA").startswith("354"):
                        return
                    self.unsure[key] = to
                    body = self.random.randbytes(self.random.choice([10, 2_000, 20_000])).hex()
                    s.send(f"Message-ID: <{key}@example.net>\r\nX-Key: {key}\r\n\r\n" + re.sub("(.{70})", "\\1\r\n", body) + "\r\n.\r\n")
                    if not s.reply().startswith("250"):
                        return
                    self.acknowledged[key] = self.unsure.pop(key)
        except OSError:
            pass


def test_kill_9_under_load_loses_nothing_that_got_250_and_duplicates_nothing(tmp_path):
    server = Server(tmp_path / "one", "example.com", protocols=["smtp", "imap"])
    server.run("domain", "add", "example.com")
    for user in USERS:
        server.add_account(f"{user}@example.com")
    acknowledged, unsure = {}, {}
    chance = random.Random(20261124)
    for number in range(ROUNDS):
        server.start()
        senders = [Sender(server, k, number) for k in range(SENDERS)]
        for sender in senders:
            sender.start()
        wait_for(lambda: sum(len(s.acknowledged) for s in senders) > chance.randint(50, 300), seconds=30, pause=0.005)
        server.stop(9)
        for sender in senders:
            sender.join(timeout=20)
            acknowledged.update(sender.acknowledged)
            unsure.update(sender.unsure)
    server.start()
    try:
        assert len(acknowledged) > 300
        copies = collections.Counter()
        for user in USERS:
            for message in messages(server, f"{user}@example.com"):
                key = re.search(rb"X-Key: ([\d.]+)", message).group(1).decode()
                copies[key, user] += 1
        assert all(count == 1 for count in copies.values())
        for key, to in acknowledged.items():
            assert all(copies[key, user] == 1 for user in to), f"{key} got 250 and is not everywhere"
            assert sum(copies[key, user] for user in USERS) == len(to)
        for key, to in unsure.items():  # whole or not at all
            assert sum(copies[key, user] for user in USERS) in (0, len(to)), key
        assert {key for key, _ in copies} <= acknowledged.keys() | unsure.keys()
    finally:
        server.stop()


def test_sigterm_under_load_ends_cleanly_and_loses_nothing(tmp_path):
    server = Server(tmp_path / "one", "example.com", protocols=["smtp", "imap"])
    server.run("domain", "add", "example.com")
    for user in USERS:
        server.add_account(f"{user}@example.com")
    server.start()
    senders = [Sender(server, k, 0) for k in range(SENDERS)]
    for sender in senders:
        sender.start()
    wait_for(lambda: sum(len(s.acknowledged) for s in senders) > 100, seconds=30, pause=0.005)
    assert server.stop() == 0
    for sender in senders:
        sender.join(timeout=20)
    server.start()
    try:
        for user in USERS:
            kept = {re.search(rb"X-Key: ([\d.]+)", m).group(1).decode() for m in messages(server, f"{user}@example.com")}
            for sender in senders:
                assert {key for key, to in sender.acknowledged.items() if user in to} <= kept
    finally:
        server.stop()


def test_kill_9_of_both_servers_loses_no_submitted_letter_on_its_way(pair):
    here, there = pair
    chance = random.Random(4)
    acknowledged = []
    for number in range(5):
        try:
            with smtplib.SMTP(here.ip, here.port["submission"], local_hostname="laptop.example.com", timeout=20) as s:
                s.starttls(context=trusting())
                s.login("alice@example.com", PASSWORD)
                for n in range(30):
                    if n == chance.randint(5, 25):
                        chance.choice(pair).stop(9)
                    key = f"{number}.{n}"
                    s.sendmail("alice@example.com", ["bob@univ.edu"], f"X-Key: {key}\r\n\r\nx\r\n".encode())
                    acknowledged.append(key)
        except (OSError, smtplib.SMTPException):
            pass  # the server was killed under us
        for one in pair:
            one.stop(9)
            one.start()

    def arrived():
        for line in here.run("queue", "list", "--limit", "1000").stdout.splitlines()[1:-1]:
            here.run("queue", "retry", line.split()[0], check=False)  # do not wait out the back-off
        got = collections.Counter(re.search(rb"X-Key: ([\d.]+)", m).group(1).decode() for m in messages(there, "bob@univ.edu"))
        return got if set(acknowledged) <= got.keys() else None

    copies = wait_for(arrived, seconds=60, pause=0.5)
    assert len(acknowledged) > 50
    # Killed between the other side's 250 and its own note of it, a sender must send again (RFC 5321 §4.5.4.1): one such
    # window a kill for each connection, no more.
    assert sum(count - 1 for count in copies.values()) <= 5 * 8
