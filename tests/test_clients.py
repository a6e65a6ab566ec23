"""Mail programs that people use, each with a home folder of its own."""
import email
import hashlib
import os
import pty
import random
import select
import ssl
import subprocess
import time

import pytest

from conftest import PASSWORD, need
from imap_reader import logged_in
from letters import deliver

BOB = "bob@example.com"


def run(home, *command, okay=(0,), timeout=120):
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(home / ".config")}
    done = subprocess.run([str(word) for word in command], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout)
    assert done.returncode in okay, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def certificate(server):
    return server.folder / "data/tls/certificate.pem"


def ids_in(folder):
    """Message-IDs of the files of a folder, those below it included."""
    return sorted(email.message_from_bytes(p.read_bytes())["Message-ID"] for p in folder.rglob("*") if p.is_file())


def letters(*numbers):
    return [f"<{n}@example.net>" for n in numbers]


def mailbox(server, name="INBOX"):
    """Message-ID -> flags, as another client sees the mailbox."""
    with logged_in(server, BOB) as imap:
        assert imap.select(f'"{name}"', readonly=True)[0] == "OK"
        status, data = imap.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        if data == [None]:
            return {}
        assert status == "OK"
        out = {}
        for part in data:
            if isinstance(part, tuple):
                flags = part[0].decode().split("FLAGS (")[1].split(")")[0].split()
                out[email.message_from_bytes(part[1])["Message-ID"]] = set(flags)
        return out


# --- programs that fetch --------------------------------------------------------------------------------------------

def delivery_agent(home):
    """A program that puts each letter it is given into a file, and the folder of these."""
    got, agent = home / "got", home / "agent"
    got.mkdir()
    agent.write_text(f"#!/bin/sh\nexec cat > $(mktemp {got}/XXXXXX)\n")
    agent.chmod(0o755)
    return got, agent


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_fetchmail_takes_each_letter_once(server, tmp_path, protocol):
    got, agent = delivery_agent(tmp_path)
    rc = tmp_path / "rc"
    rc.write_text(f'poll {server.ip} protocol {protocol} service {server.port[protocol + "s"]}{" uidl" if protocol == "pop3" else ""}'
                  f' user "{BOB}" password "{PASSWORD}" ssl sslproto "TLS1.2+" no sslcertck mda {agent} keep\n')
    rc.chmod(0o600)
    fetch = ("fetchmail", "-f", rc, "--nosyslog", "--nodetach", "-i", tmp_path / "ids", "--pidfile", tmp_path / "pid")
    need("fetchmail")
    deliver(server, 3)
    run(tmp_path, *fetch)
    assert ids_in(got) == letters(1, 2, 3)
    run(tmp_path, *fetch, okay=(1,))  # nothing new
    deliver(server, 1, first=4)
    run(tmp_path, *fetch)
    assert ids_in(got) == letters(1, 2, 3, 4)
    # And as most run it: what was taken is removed.
    rc.write_text(rc.read_text().replace(" keep", " fetchall").replace(" uidl", ""))
    run(tmp_path, *fetch)
    assert len(ids_in(got)) == 8
    assert mailbox(server) == {}


@pytest.mark.parametrize("protocol", ["POP3", "IMAP"])
def test_getmail_takes_each_letter_once_and_then_removes_them(server, tmp_path, protocol):
    got, agent = delivery_agent(tmp_path)
    port = server.port[protocol.lower() + "s"]

    def fetch(delete):
        (tmp_path / "rc").write_text(f"""
[retriever]
type = Simple{protocol}SSLRetriever
server = {server.ip}
port = {port}
username = {BOB}
password = {PASSWORD}
{'mailboxes = ("INBOX",)' if protocol == "IMAP" else ""}
[destination]
type = MDA_external
path = {agent}
allow_root_commands = true
[options]
read_all = false
delete = {delete}
""")
        run(tmp_path, need("getmail"), "--getmaildir", tmp_path, "--rcfile", tmp_path / "rc")

    deliver(server, 3)
    fetch(False)
    assert ids_in(got) == letters(1, 2, 3)
    deliver(server, 1, first=4)
    fetch(False)
    assert ids_in(got) == letters(1, 2, 3, 4)
    fetch(True)
    assert ids_in(got) == letters(1, 2, 3, 4)
    assert mailbox(server) == {}


# --- programs that keep a copy the same -----------------------------------------------------------------------------

MAILDIR_FLAGS = {"S": "\\Seen", "F": "\\Flagged", "R": "\\Answered", "D": "\\Draft", "T": "\\Deleted"}


class Maildir:
    def __init__(self, path):
        self.path = path
        for sub in ("cur", "new", "tmp"):
            (path / sub).mkdir(parents=True, exist_ok=True)

    def files(self):
        return [p for sub in ("cur", "new") for p in sorted((self.path / sub).iterdir())]

    def flags(self):
        return {email.message_from_bytes(p.read_bytes())["Message-ID"]: {MAILDIR_FLAGS[c] for c in p.name.partition(":2,")[2]}
                for p in self.files()}

    def set_flags(self, path, letters_of_flags):
        path.rename(self.path / "cur" / (path.name.partition(":")[0] + ":2," + "".join(sorted(letters_of_flags))))

    def add(self, number):
        (self.path / "new" / f"{number}.made.here").write_text(
            f"From: bob@example.com\nSubject: made here\nMessage-ID: <{number}@example.net>\n\nhello\n")


def change_both_sides(server, chance, here, first):
    """Letters come, are flagged and removed, on the server and in the copy."""
    deliver(server, 3, first=first)
    here.add(first + 3)
    for path in here.files():
        fate = chance.random()
        if fate < 0.15:
            path.unlink()
        elif fate < 0.6:
            here.set_flags(path, chance.sample("SFR", chance.randrange(4)))
    with logged_in(server, BOB) as imap:
        count = int(imap.select("INBOX")[1][0])
        for n in range(1, count + 1):
            fate = chance.random()
            if fate < 0.15:
                imap.store(str(n), "+FLAGS", r"(\Deleted)")
            elif fate < 0.6:
                imap.store(str(n), chance.choice(("+FLAGS", "-FLAGS")), chance.choice((r"(\Seen)", r"(\Flagged)", r"(\Answered)")))
        imap.expunge()


def mbsync(server, home):
    (home / "rc").write_text(f"""
IMAPAccount pabal
Host {server.ip}
Port {server.port['imaps']}
User {BOB}
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {certificate(server)}

IMAPStore far
Account pabal

MaildirStore near
Inbox {home}/INBOX

Channel inbox
Far :far:
Near :near:
Create Both
Expunge Both
SyncState {home}/state-
""")
    run(home, need("mbsync"), "-c", home / "rc", "inbox")


def offlineimap(server, home):
    digest = ssl.PEM_cert_to_DER_cert(certificate(server).read_text())
    (home / "rc").write_text(f"""
[general]
accounts = pabal
ui = basic
metadata = {home}/state
[Account pabal]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {home}
[Repository far]
type = IMAP
remotehost = {server.ip}
remoteport = {server.port['imaps']}
remoteuser = {BOB}
remotepass = {PASSWORD}
ssl = yes
cert_fingerprint = {hashlib.sha1(digest).hexdigest()}
folderfilter = lambda name: name == "INBOX"
""")
    run(home, need("offlineimap"), "-c", home / "rc", "-o")


@pytest.mark.parametrize("program", [mbsync, offlineimap], ids=lambda p: p.__name__)
def test_a_copy_and_the_server_converge_whatever_happens_to_both(server, tmp_path, program):
    chance = random.Random(program.__name__)
    here = Maildir(tmp_path / "INBOX")
    program(server, tmp_path)
    for turn in range(4):
        change_both_sides(server, chance, here, first=1 + 10 * turn)
        # Twice: what one side's change made of the other's is told in the next run.
        program(server, tmp_path)
        program(server, tmp_path)
        assert here.flags() == mailbox(server), f"turn {turn}"
    assert len(here.files()) > 4


# --- a program for a terminal ---------------------------------------------------------------------------------------

def in_terminal(home, *command, seconds=60):
    """Runs a program in a terminal of its own until it ends; gives what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execvpe(command[0], [str(word) for word in command],
                   {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm", "LINES": "40", "COLUMNS": "120"})
    shown, end = b"", time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # it has ended
                return shown.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        raise AssertionError(f"still running after {seconds} s: {shown[-2000:]}")
    finally:
        os.close(terminal)
        if time.monotonic() >= end:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def test_neomutt_reads_flags_deletes_and_moves(server, tmp_path):
    deliver(server, 5)
    (tmp_path / "rc").write_text(f"""
set imap_user = "{BOB}"
set imap_pass = "{PASSWORD}"
set folder = "imaps://{server.ip}:{server.port['imaps']}/"
set spoolfile = "+INBOX"
set certificate_file = "{certificate(server)}"
set ssl_verify_host = no
set ssl_verify_dates = no
set header_cache = "{tmp_path}/cache"
set delete = yes
set quit = yes
set confirmappend = no
set confirmcreate = no
set wait_key = no
set pipe_decode = yes
set sort = mailbox-order
""")
    keys = (f"<first-entry><display-message><exit><pipe-message>cat > {tmp_path}/read<enter>"  # 1 is read
            "<first-entry><next-entry><flag-message>"  # 2 is flagged
            "<first-entry><next-entry><next-entry><delete-message>"  # 3 goes
            "<last-entry><save-message>=Archive<enter>"  # 5 moves
            "<sync-mailbox><quit>")
    shown, status = in_terminal(tmp_path, need("neomutt"), "-F", tmp_path / "rc", "-e", f'push "{keys}"')
    assert status == 0, shown[-2000:]
    assert "제목 1" in shown
    assert "body number 1" in (tmp_path / "read").read_text()
    inbox = mailbox(server)
    assert sorted(inbox) == letters(1, 2, 4)
    assert "\\Seen" in inbox["<1@example.net>"] and "\\Flagged" in inbox["<2@example.net>"]
    assert sorted(mailbox(server, "Archive")) == letters(5)
