"""Clients that keep what they know, and that are told without asking: CONDSTORE, QRESYNC, UIDONLY, OBJECTID, SAVEDATE, NOTIFY."""
import json
import re
import subprocess

from conftest import PASSWORD, ROOT, need
from imap_reader import logged_in
from letters import deliver

BOB = "bob@example.com"


class Raw:
    """The lines of a session; commands are numbered."""

    def __init__(self, imap):
        self.imap, self.n = imap, 0

    def talk(self, command):
        self.n += 1
        tag = b"r%d" % self.n
        self.imap.send(tag + b" " + command.encode() + b"\r\n")
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith(tag.decode() + " "):
                return lines

    def ok(self, command):
        lines = self.talk(command)
        assert lines[-1].split()[1] == "OK", lines
        return lines

    def line(self):
        return self.imap.readline().decode().rstrip("\r\n")


def number(lines, pattern):
    return int(re.search(pattern, "\n".join(lines)).group(1))


def test_every_capability_is_told(server):
    with logged_in(server, BOB) as imap:
        for name in ("CONDSTORE", "QRESYNC", "UIDONLY", "OBJECTID", "SAVEDATE", "NOTIFY"):
            assert name in imap.capabilities, name


def test_a_copy_is_brought_up_to_date_by_qresync(server):
    deliver(server, 5)
    with logged_in(server, BOB) as imap:
        one = Raw(imap)
        assert one.ok("ENABLE QRESYNC")[0] == "* ENABLED QRESYNC"
        opened = one.ok("SELECT INBOX")
        validity, modseq = number(opened, r"UIDVALIDITY (\d+)"), number(opened, r"HIGHESTMODSEQ (\d+)")
    with logged_in(server, BOB) as imap:
        other = Raw(imap)
        other.ok("SELECT INBOX")
        assert other.ok("UID STORE 2 +FLAGS (\\Deleted)")[0] == "* 2 FETCH (UID 2 FLAGS (\\Deleted))"
        assert other.ok("EXPUNGE")[0] == "* 2 EXPUNGE"
        other.ok("UID STORE 4 +FLAGS (\\Flagged)")
        other.ok("UID MOVE 5 Archive")
    deliver(server, 1)
    with logged_in(server, BOB) as imap:
        one = Raw(imap)
        one.ok("ENABLE QRESYNC")
        again = one.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq} 1:5))")
        assert "* VANISHED (EARLIER) 2,5" in again
        assert [line for line in again if "FETCH" in line] == [f"* 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ ({modseq + 3}))"]
        assert "* 4 EXISTS" in again
        # What changed since then, by FETCH and by SEARCH.
        changed = one.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)")
        assert changed[0] == "* VANISHED (EARLIER) 2,5" and len(changed) == 4
        assert one.ok(f"UID SEARCH MODSEQ {modseq + 1}")[0].startswith("* SEARCH 4 6 (MODSEQ ")


def test_a_conditional_store_spares_what_another_client_changed(server):
    deliver(server, 2)
    with logged_in(server, BOB) as first, logged_in(server, BOB) as second:
        one, two = Raw(first), Raw(second)
        modseq = number(one.ok("SELECT INBOX (CONDSTORE)"), r"HIGHESTMODSEQ (\d+)")
        two.ok("SELECT INBOX")
        two.ok("STORE 1 +FLAGS (\\Answered)")
        lines = one.ok(f"STORE 1:2 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)")
        assert lines[-1].split(" ", 1)[1].startswith("OK [MODIFIED 1]")
        assert any(line.startswith("* 1 FETCH (UID 1 FLAGS (\\Answered) MODSEQ (") for line in lines)
        assert any(re.fullmatch(r"\* 2 FETCH \(UID 2 MODSEQ \(\d+\)\)", line) for line in lines)


def test_uidonly_knows_no_numbers(server):
    deliver(server, 3)
    with logged_in(server, BOB) as imap:
        one = Raw(imap)
        assert one.ok("ENABLE UIDONLY")[0] == "* ENABLED UIDONLY"
        one.ok("SELECT INBOX")
        assert one.talk("FETCH 1 FLAGS")[-1].split(" ", 1)[1].startswith("BAD [UIDREQUIRED]")
        assert one.ok("UID FETCH 2 (FLAGS)")[0] == "* 2 UIDFETCH (FLAGS ())"
        one.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert one.ok("UID EXPUNGE 1")[0] == "* VANISHED 1"


def test_messages_have_ids_and_dates_of_their_place(server):
    deliver(server, 1)
    with logged_in(server, BOB) as imap:
        one = Raw(imap)
        made = re.search(r"\[MAILBOXID \((M\d+)\)\]", one.ok("CREATE Kept")[-1]).group(1)
        one.ok("SELECT INBOX")
        ids = one.ok("FETCH 1 (EMAILID THREADID SAVEDATE)")[0]
        email = re.search(r"EMAILID \((E\d+)\)", ids).group(1)
        assert re.search(r"THREADID \(T\d+\)", ids) and re.search(r'SAVEDATE "\d\d-', ids)
        assert one.ok(f"SEARCH EMAILID {email}")[0] == "* SEARCH 1"
        one.ok("MOVE 1 Kept")
        one.ok("RENAME Kept Elsewhere")
        assert made in one.ok("STATUS Elsewhere (MAILBOXID)")[0]
        one.ok("SELECT Elsewhere")
        assert email in one.ok("FETCH 1 (EMAILID)")[0]


def test_notify_tells_of_all_mailboxes_while_the_client_is_silent(server):
    with logged_in(server, BOB) as first, logged_in(server, BOB) as second:
        one, two = Raw(first), Raw(second)
        one.ok("SELECT INBOX")
        one.ok("NOTIFY SET (selected (MessageNew (uid body.peek[header.fields (message-id)]) MessageExpunge FlagChange)) "
               "(personal (MessageNew MessageExpunge FlagChange MailboxName))")
        deliver(server, 1)
        assert one.line() == "* 1 EXISTS"
        assert one.line() == "* 0 RECENT"
        assert one.line().startswith("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (message-id)] {")
        while one.line() != ")":
            pass
        two.ok("CREATE New")
        assert one.line() == '* LIST (\\HasNoChildren) "/" "New"'
        two.ok("SELECT INBOX")
        two.ok("COPY 1 New")
        assert one.line() == '* STATUS "New" (UIDNEXT 2 MESSAGES 1)'
        two.ok("STORE 1 +FLAGS (\\Deleted)")
        assert one.line() == "* 1 FETCH (UID 1 FLAGS (\\Deleted))"
        two.ok("EXPUNGE")
        assert one.line() == "* 1 EXPUNGE"
        assert one.ok("NOTIFY NONE") == ["r3 OK silence"]


def test_imapflow_resumes_by_qresync(server):
    deliver(server, 3)
    need("node")
    done = subprocess.run(["node", "imapflow_sync.mjs", server.ip, str(server.port["imaps"]), BOB, PASSWORD], cwd=ROOT / "tests",
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert {"CONDSTORE", "QRESYNC"} <= set(seen["enabled"])
    assert seen["mailboxId"] == "M1" and seen["status"]
    assert [row[0] for row in seen["ids"]] == [1, 2, 3] and all(row[1].startswith("E") and row[2].startswith("T") for row in seen["ids"])
    assert seen["deletedBy"] == [1] and seen["told"] == [1]
    assert seen["changed"] == [[2, ["\\Flagged"], True]] and seen["found"] == [2]
