"""./dev bench search [MESSAGES] [--dovecot N]: the same questions about the same mail to Pabal (IMAP SEARCH X-GM-RAW), to Dovecot with
Xapian (Debian's dovecot-fts-xapian, IMAP SEARCH) and to SQLite FTS5 (in this process, by Python's sqlite3), in one run.

They do not ask quite the same. Pabal and SQLite find words, and beginnings of words with a star; Dovecot's index finds parts of
words. SQLite cuts a Korean word with its particle as one: 회의 is asked there as 회의*, which misses 국회의원. Pabal's and Dovecot's
IMAP answer with every UID; SQLite with all of them as well, and with the 50 newest. The page of 50 that Pabal's APIs ask for is
measured by ./dev bench mailbox, in process.

Xapian takes 40 ms to index a message, an hour for 100,000: with --dovecot N Dovecot gets only the first N, and no ratio is given.
"""
import argparse
import email
import os
import pathlib
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import imap
from peers import Dovecot, Pabal, settle

ROUNDS = 15
KOREAN = ["회의를", "회의에서", "국회의원은", "보고서", "보고서를", "일정이", "자료와", "예산", "출장은", "내일", "다음", "주간", "확인했습니다",
          "부탁드립니다", "첨부합니다", "정리하여", "공유합니다", "학교에서", "선생님께", "논문의"]
XAPIAN = """
mail_plugins = fts fts_xapian
plugin {
  fts = xapian
  fts_xapian = partial=3 full=20 verbose=0
  fts_enforced = yes
}
service indexer-worker {
  vsz_limit = 0
}
"""

plain_message = imap.message


def message(n):
    dice = random.Random(n)
    words = " ".join(dice.choice(KOREAN[3:] if n % 20 else KOREAN) for _ in range(12))
    return plain_message(n).replace(b"Content-Transfer-Encoding: 7bit", b"Content-Transfer-Encoding: 8bit") + words.encode() + b"\r\n"


def questions():
    """Label; what Pabal, Dovecot and SQLite are asked."""
    words = imap.PARAGRAPHS[7].split()
    common, other = imap.VOCABULARY[0], imap.VOCABULARY[40]
    return [("one rare word", "rarity1234", "TEXT rarity1234", "rarity1234"),
            ("one common word", common, f"TEXT {common}", common),
            ("a word of every message", "topic", "TEXT topic", "topic"),
            ("two words", f"{common} {other}", f"TEXT {common} TEXT {other}", f"{common} {other}"),
            ("a phrase", f'\\"{" ".join(words[:3])}\\"', f'TEXT "{" ".join(words[:3])}"', f'"{" ".join(words[:3])}"'),
            ("a prefix", "rarity12*", "TEXT rarity12", "rarity12*"),
            ("from:", "from:sender7", "FROM sender7", "sender : sender7"),
            ("from: and a word", f"from:sender7 {common}", f"FROM sender7 TEXT {common}", f"sender : sender7 AND {common}"),
            ("Korean", "회의", "TEXT 회의", "회의*")]


def search(client, keys):
    """Seconds, and how many were found. Beyond ASCII a key goes as a literal."""
    start = time.perf_counter()
    if keys.isascii():
        client.socket.sendall(f"x UID SEARCH {keys}\r\n".encode())
    else:
        before, word = keys.rsplit(" ", 1)
        octets = word.strip('"').encode()
        client.socket.sendall(f"x UID SEARCH CHARSET UTF-8 {before} {{{len(octets)}}}\r\n".encode())
        client.file.readline()
        client.socket.sendall(octets + b"\r\n")
    found = 0
    while not (line := client.file.readline()).startswith(b"x "):
        if line.startswith(b"* SEARCH"):
            found = len(line.split()) - 2
        if not line:
            sys.exit(f"{keys}: connection lost")
    if not line.startswith(b"x OK"):
        sys.exit(f"{keys}: {line}")
    return time.perf_counter() - start, found


def measure(side, which):
    client = imap.Client(side.imap)
    client.login()
    client.command("SELECT INBOX")
    out = {}
    for label, ours, theirs, _ in questions():
        keys = f'X-GM-RAW "{ours}"' if which == "pabal" else theirs
        times = [search(client, keys) for _ in range(ROUNDS + 1)][1:]
        out[label] = (statistics.median(took for took, _ in times) * 1000, times[0][1])
    client.close()
    return out


def fill_sqlite(path, count):
    store = sqlite3.connect(path)
    store.execute("CREATE VIRTUAL TABLE mail USING fts5(subject, sender, body, tokenize='unicode61')")
    for n in range(count):
        parsed = email.message_from_bytes(message(n))
        store.execute("INSERT INTO mail(rowid, subject, sender, body) VALUES (?, ?, ?, ?)",
                      (n + 1, parsed["Subject"], parsed["From"], parsed.get_payload(decode=True).decode()))
    store.commit()
    store.execute("INSERT INTO mail(mail) VALUES ('optimize')")
    store.commit()
    return store


def measure_sqlite(store, limit):
    out = {}
    for label, _, _, match in questions():
        times, found = [], 0
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            found = len(store.execute("SELECT rowid FROM mail WHERE mail MATCH ? ORDER BY rowid DESC LIMIT ?", (match, limit)).fetchall())
            times.append(time.perf_counter() - start)
        out[label] = (statistics.median(times[1:]) * 1000, found)
    return out


def compare(folder, count, of_dovecot):
    os.chmod(folder, 0o755)
    imap.message = message
    sides = []
    try:
        pabal = Pabal(folder, ["user"], ("lmtp", "imap"))
        sides.append(pabal)
        dovecot = Dovecot(pathlib.Path(folder) / "Maildir", ["user"], extra=XAPIAN)
        sides.append(dovecot)
        start = time.monotonic()
        imap.fill_pabal(pabal, count)
        settle(pabal)
        print(f"Pabal took and indexed {count:,} messages by LMTP in {time.monotonic() - start:.0f} s", flush=True)
        imap.fill_maildir(dovecot, of_dovecot)
        start = time.monotonic()
        done = subprocess.run(["/usr/bin/doveadm", "-c", dovecot.config, "index", "-u", "user@example.com", "INBOX"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("doveadm index: " + done.stderr)
        settle(dovecot)
        print(f"Dovecot indexed {'the same' if of_dovecot == count else f'only the first {of_dovecot:,}'} messages, found as files, in {time.monotonic() - start:.0f} s", flush=True)
        start = time.monotonic()
        store = fill_sqlite(f"{folder}/mail.sqlite", count)
        print(f"SQLite took them in one transaction in {time.monotonic() - start:.0f} s", flush=True)
        results = [measure(pabal, "pabal"), measure(dovecot, "dovecot"), measure_sqlite(store, -1), measure_sqlite(store, 50)]
    finally:
        for side in sides:
            side.stop()
    print(f"\nPabal and SQLite hold {count:,} messages, Dovecot {of_dovecot:,}")
    print(f"{'median, ms (how many were found)':28}{'Pabal':>18}{'Dovecot+Xapian':>20}{'ratio':>7}{'SQLite':>18}{'ratio':>7}{'SQLite, 50':>12}")
    for label, _, _, _ in questions():
        (ours, found), (theirs, found2), (lite, found3), (page, _) = (result[label] for result in results)
        ratio = f"{ours / theirs:7.2f}" if of_dovecot == count else f"{'-':>7}"
        print(f"{label:28}{ours:9.2f} ({found:6}){theirs:11.2f} ({found2:6}){ratio}{lite:9.2f} ({found3:6}){ours / lite:7.2f}{page:12.2f}")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench search")
    parser.add_argument("messages", nargs="?", type=int, default=100_000)
    parser.add_argument("--dovecot", type=int, metavar="N", help="Dovecot gets only the first N messages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pabal-bench-", dir="/var/tmp") as folder:
        compare(folder, options.messages, min(options.messages, options.dovecot or options.messages))


main()
