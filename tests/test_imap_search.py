"""Searching, sorting and threading by IMAP, as programs see it."""
import imaplib
import json
import re
import smtplib
import subprocess

from conftest import PASSWORD, ROOT, need
from imap_reader import logged_in

imaplib.Commands.setdefault("CANCELUPDATE", ("SELECTED",))
LETTER = ("From: Carol {n} <carol{n}@example.net>\r\nTo: Bob <bob@example.com>\r\nSubject: {subject}\r\n"
          "Date: Tue, {day:02} Nov 2026 09:00:00 +0000\r\nMessage-ID: <{n}@example.net>\r\n{more}"
          "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nunmistakable text{n} of letter {n}, ends here\r\n")


def deliver(server, count, first=1, subject="number {n}", more=""):
    for begin in range(first, first + count, 400):
        with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
            for n in range(begin, min(begin + 400, first + count)):
                letter = LETTER.format(n=n, subject=subject.format(n=n), day=1 + n % 28, more=more)
                assert s.sendmail("carol@example.net", ["bob@example.com"], letter.encode()) == {}


def ask(imap, command):
    """All lines up to the tagged answer, which must be OK."""
    tag = imap._new_tag()
    imap.send(tag + b" " + command.encode() + b"\r\n")
    lines = []
    while True:
        line = imap.readline().rstrip(b"\r\n").decode()
        if line.startswith(tag.decode() + " "):
            assert line.split()[1] == "OK", line
            return [one.replace(tag.decode(), "TAG") for one in lines]
        lines.append(line)


def test_every_capability_of_searching_is_told(server):
    with logged_in(server, "bob@example.com") as imap:
        told = set(ask(imap, "CAPABILITY")[0].split())
    assert told >= {"SORT", "SORT=DISPLAY", "THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT", "ESEARCH", "ESORT", "WITHIN", "PARTIAL",
                    "CONTEXT=SEARCH", "CONTEXT=SORT", "INPROGRESS", "X-GM-EXT-1"}


def test_a_large_mailbox_is_searched_by_parts_of_words(server):
    deliver(server, 1_200)
    with logged_in(server, "bob@example.com") as imap:
        ask(imap, "SELECT INBOX")
        assert ask(imap, 'SEARCH TEXT "mistakable text77 of"') == ["* SEARCH 77"]
        assert ask(imap, "SEARCH BODY TAKABLE") == ["* SEARCH " + " ".join(map(str, range(1, 1_201)))]
        assert ask(imap, 'SEARCH BODY "text1199 of letter 1199, ends"') == ["* SEARCH 1199"]
        assert ask(imap, 'SEARCH BODY "text1199 of letter 1199; ends"') == ["* SEARCH"], "another mark than the text has"
        assert ask(imap, "SEARCH FROM arol501@exam") == ["* SEARCH 501"]
        assert ask(imap, "SEARCH SUBJECT umber NOT SUBJECT umber SUBJECT number") == ["* SEARCH"]
        assert ask(imap, "SEARCH HEADER Message-ID <1001@example.net>") == ["* SEARCH 1001"]
        assert ask(imap, 'SEARCH OR SUBJECT "ber 700" TEXT text4 SEEN') == ["* SEARCH"]
        assert ask(imap, 'SEARCH OR SUBJECT "ber 700" BODY "text4 "') == ["* SEARCH 4 700"]
        assert ask(imap, "SEARCH RETURN (COUNT) NOT TEXT ext5") == [f'* ESEARCH (TAG "TAG") COUNT {1_200 - sum(str(n).startswith("5") for n in range(1, 1_201))}']


def test_sort_and_thread(server):
    deliver(server, 1, 1, "banana")
    deliver(server, 1, 2, "apple")
    deliver(server, 1, 3, "Re: banana", "References: <1@example.net>\r\n")
    with logged_in(server, "bob@example.com") as imap:
        assert imap.select("INBOX")[1] == [b"3"]
        assert imap.sort("(SUBJECT)", "UTF-8", "ALL")[1] == [b"2 1 3"]
        assert imap.uid("SORT", "(REVERSE DATE)", "UTF-8", "ALL")[1] == [b"3 2 1"]
        assert imap.thread("REFERENCES", "UTF-8", "ALL")[1] == [b"(1 3)(2)"]
        assert imap.uid("THREAD", "ORDEREDSUBJECT", "UTF-8", "ALL")[1] == [b"(1 3)(2)"]
        assert ask(imap, "SORT RETURN (ALL COUNT) (REVERSE FROM) UTF-8 ALL") == ['* ESEARCH (TAG "TAG") ALL 3,2,1 COUNT 3']
        assert ask(imap, "UID SORT RETURN (PARTIAL -1:-1) (DISPLAYFROM) UTF-8 ALL") == ['* ESEARCH (TAG "TAG") UID PARTIAL (-1:-1 3)']
        assert ask(imap, "SEARCH YOUNGER 3600") == ["* SEARCH 1 2 3"] and ask(imap, "SEARCH OLDER 3600") == ["* SEARCH"]
        assert ask(imap, "UID FETCH 1:* (UID) (PARTIAL -1:-2)") == ["* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)"]


def test_a_search_tells_an_idling_client_of_changes(server):
    deliver(server, 2)
    with logged_in(server, "bob@example.com") as watcher, logged_in(server, "bob@example.com") as other:
        ask(watcher, "SELECT INBOX")
        ask(other, "SELECT INBOX")
        assert ask(watcher, "UID SEARCH RETURN (UPDATE COUNT) UNSEEN") == ['* ESEARCH (TAG "TAG") UID COUNT 2']
        watcher.send(b"i IDLE\r\n")
        assert watcher.readline().startswith(b"+ ")
        ask(other, r"STORE 2 +FLAGS (\Seen)")
        lines = [watcher.readline()]
        while b"ESEARCH" not in lines[-1]:
            lines.append(watcher.readline())
        assert re.fullmatch(rb'\* ESEARCH \(TAG "\w+"\) UID REMOVEFROM \(0 2\)\r\n', lines[-1])
        deliver(server, 1, 3)
        while b"ADDTO" not in lines[-1]:
            lines.append(watcher.readline())
        assert b"UID ADDTO (0 3)" in lines[-1]
        watcher.send(b"DONE\r\n")
        while not watcher.readline().startswith(b"i OK"):
            pass


def test_gmails_extensions(server):
    deliver(server, 3)
    with logged_in(server, "bob@example.com") as imap:
        ask(imap, "SELECT INBOX")
        line = ask(imap, "FETCH 1 (X-GM-MSGID X-GM-THRID X-GM-LABELS)")[0]
        number = re.fullmatch(r"\* 1 FETCH \(X-GM-MSGID (\d+) X-GM-THRID (\d+) X-GM-LABELS \(\\Inbox\)\)", line)
        assert number and ask(imap, f"SEARCH X-GM-MSGID {number[1]}") == ["* SEARCH 1"]
        assert ask(imap, 'SEARCH X-GM-RAW "from:carol2 OR subject:(number 3)"') == ["* SEARCH 2 3"]
        assert r'* 1 FETCH (X-GM-LABELS (\Inbox "To do"))' in ask(imap, 'STORE 1 +X-GM-LABELS ("To do")')
        assert ask(imap, 'SEARCH X-GM-LABELS "To do"') == ["* SEARCH 1"]
        ask(imap, r"UID STORE 1 -X-GM-LABELS (\Inbox)")
        assert ask(imap, "SEARCH ALL") == ["* SEARCH 1 2"]


def test_imapflow_labels_and_searches_as_with_gmail(server):
    deliver(server, 3)
    done = subprocess.run([need("node"), ROOT / "tests/imapflow_search.mjs", server.ip, str(server.port["imaps"]), "bob@example.com", PASSWORD],
                          capture_output=True, timeout=60, cwd=ROOT / "tests")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["gmail"] and seen["raw"] == [2]
    assert seen["labels"] == ["Travel", "\\Inbox", "\\Starred"] and seen["flagged"] and seen["after"] == ["Travel", "\\Inbox"]
