"""Two people and one mailbox, with Python's imaplib: rights (RFC 4314), namespaces, annotations (RFC 5464), NOTIFY."""
import imaplib

import pytest

from conftest import PASSWORD
from imap_reader import logged_in

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
PROJECTS = f'"Other Users/{ALICE}/Projects"'
for name in ("GETMETADATA", "SETMETADATA", "ENABLE", "NOTIFY"):  # imaplib knows only the draft before METADATA
    imaplib.Commands.setdefault(name, ("AUTH", "SELECTED"))


def ok(answer):
    status, data = answer
    assert status == "OK", data
    return data


def no(answer, code):
    status, data = answer
    assert status == "NO" and data[0].startswith(b"[" + code), data


def told(imap, name, *args):
    """A command that imaplib has no method for: the untagged answers of that name."""
    ok(imap._simple_command(name, *args))
    # imaplib takes the code [METADATA LONGENTRIES 4] of the last answer for one more.
    return [line for line in imap.response(name.replace("GET", ""))[1] or [] if line and b"LONGENTRIES" not in line]


@pytest.fixture
def both(server):
    with logged_in(server, ALICE) as alice, logged_in(server, BOB) as bob:
        ok(alice.create("Projects"))
        ok(alice.append("Projects", r"(\Flagged)", None, b"From: c@example.net\r\nSubject: plan\r\n\r\nthe plan\r\n"))
        yield alice, bob


def test_capabilities_and_namespaces_are_announced(both):
    alice, bob = both
    known = ok(alice.capability())[0].split()
    for name in (b"ACL", b"RIGHTS=kxte", b"LIST-MYRIGHTS", b"METADATA", b"LIST-METADATA"):
        assert name in known
    assert ok(bob.namespace())[0] == b'(("" "/")) (("Other Users/" "/")) NIL'


def test_a_mailbox_is_shared_read_and_taken_back(both):
    alice, bob = both
    no(bob.select(PROJECTS), b"NONEXISTENT")
    assert b"Other Users" not in b"".join(ok(bob.list()))
    ok(alice.setacl("Projects", BOB, "lrs"))
    assert ok(alice.getacl("Projects"))[0] == b'"Projects" "alice@example.com" lrswipkxteacd "bob@example.com" lrs'
    assert ok(bob.myrights(PROJECTS))[0] == PROJECTS.encode() + b" lrs"
    no(bob.getacl(PROJECTS), b"NOPERM")

    lines = ok(bob.list('""', "%"))
    assert rb'(\NonExistent \Noselect \HasChildren) "/" "Other Users"' in lines
    assert PROJECTS.encode() in b" ".join(ok(bob.list('""', "*")))
    ok(bob.subscribe(PROJECTS))
    assert PROJECTS.encode() in b" ".join(ok(bob.lsub('""', "*")))
    assert b"MESSAGES 1" in ok(bob.status(PROJECTS, "(MESSAGES)"))[0]
    assert ok(bob.select(PROJECTS)) == [b"1"]
    assert rb"(\Seen)" in bob.response("PERMANENTFLAGS")[1][0]
    assert b"the plan" in ok(bob.fetch("1", "(BODY[TEXT])"))[0][1]
    ok(alice.select("Projects"))
    assert rb"\Seen" in ok(alice.fetch("1", "(FLAGS)"))[0]
    no(bob.store("1", "+FLAGS", r"(\Deleted)"), b"NOPERM")
    no(bob.copy("1", f'"Other Users/{ALICE}/INBOX"'), b"TRYCREATE")
    ok(bob.copy("1", "INBOX"))

    ok(alice.deleteacl("Projects", BOB))
    with pytest.raises(imaplib.IMAP4.abort, match="may not read this mailbox any more"):
        bob.noop()


def test_two_people_work_in_one_mailbox(both, server):
    alice, bob = both
    server.run("mailbox", "share", ALICE, "Projects", BOB, "lrswitek")
    assert "bob@example.com lrswikte" in server.run("mailbox", "list", ALICE).stdout
    ok(alice.select("Projects"))
    ok(bob.append(PROJECTS, r"(\Seen $Done)", None, b"Subject: from bob\r\n\r\ndone\r\n"))
    ok(alice.noop())
    assert alice.response("EXISTS")[1][-1] == b"2"
    ok(bob.append("INBOX", None, None, b"Subject: moved\r\n\r\nwombat\r\n"))
    ok(bob.select("INBOX"))
    ok(bob.uid("MOVE", "1", PROJECTS))
    ok(alice.noop())  # a search finds what the client has been told of
    assert ok(alice.uid("SEARCH", "BODY", "wombat")) == [b"3"]
    ok(bob.select(PROJECTS))
    alice.send(b"i IDLE\r\n")
    assert alice.readline().startswith(b"+ ")
    ok(bob.store("1", "+FLAGS", r"(\Deleted)"))
    ok(bob.expunge())
    lines = [alice.readline()]
    while b"EXPUNGE" not in lines[-1]:
        lines.append(alice.readline())
    alice.send(b"DONE\r\n")
    while not alice.readline().startswith(b"i OK"):
        pass
    ok(bob.create(f'"Other Users/{ALICE}/Projects/2026"'))
    assert b'"bob@example.com" lrswikte' in ok(alice.getacl("Projects/2026"))[0], "it begins with the list of its parent"
    no(bob.delete(f'"Other Users/{ALICE}/Projects/2026"'), b"NOPERM")
    server.run("mailbox", "unshare", ALICE, "Projects", BOB)
    assert "lrswikte" not in server.run("mailbox", "list", ALICE).stdout.split("Projects/2026")[0]


def test_groups_are_aliases(both, server):
    alice, bob = both
    server.run("alias", "add", "team@example.com", BOB, "dave@example.net")
    server.add_account(CAROL)
    ok(alice.setacl("Projects", "team@example.com", "lr"))
    ok(bob.select(PROJECTS, readonly=True))
    with logged_in(server, CAROL) as carol:
        no(carol.select(PROJECTS), b"NONEXISTENT")
        server.run("alias", "add", "team@example.com", CAROL)
        ok(carol.select(PROJECTS, readonly=True))
    with pytest.raises(imaplib.IMAP4.abort):
        bob.noop()


def test_annotations(both):
    alice, bob = both
    ok(alice._simple_command("SETMETADATA", "Projects", '(/shared/comment "ours" /private/comment "hers")'))
    ok(alice.setacl("Projects", BOB, "lrw"))
    assert told(bob, "GETMETADATA", PROJECTS, "(/shared/comment /private/comment)") == [
        PROJECTS.encode() + b' ("/private/comment" NIL "/shared/comment" "ours")']
    ok(alice._simple_command("ENABLE", "METADATA"))
    ok(bob._simple_command("SETMETADATA", PROJECTS, '(/shared/comment "his" /private/comment "secret")'))
    alice.noop()
    assert alice.response("METADATA")[1] == [b'"Projects" "/shared/comment"']
    assert told(alice, "GETMETADATA", "Projects", "(DEPTH infinity MAXSIZE 3)", "(/shared /private)") == [
        b'"Projects" ("/shared/comment" "his")']
    ok(alice._simple_command("SETMETADATA", '""', '(/shared/comment "Closed on Sundays")'))
    assert told(bob, "GETMETADATA", '""', "(/shared/comment /shared/admin)") == [
        b'"" ("/shared/admin" "mailto:postmaster@example.com" "/shared/comment" "Closed on Sundays")']
    no(bob._simple_command("SETMETADATA", '""', '(/shared/comment "x")'), b"NOPERM")


def test_what_is_shared_outlives_the_server_and_not_the_account(both, server):
    alice, bob = both
    ok(alice.setacl("Projects", BOB, "lr"))
    ok(alice.setacl("INBOX", "anyone", "l"))
    server.stop()
    server.start()
    with logged_in(server, BOB) as again:
        assert PROJECTS.encode() in b" ".join(ok(again.list()))
        server.run("account", "remove", ALICE, "--with-mail")
        assert b"Other Users" not in b" ".join(ok(again.list()))
        no(again.select(PROJECTS), b"NONEXISTENT")


def test_notify_tells_of_shared_mailboxes(both):
    alice, bob = both
    ok(alice.setacl("Projects", BOB, "lr"))
    bob._simple_command("NOTIFY", "SET", f"(mailboxes {PROJECTS} (MessageNew MessageExpunge MailboxMetadataChange))")
    ok(alice.append("Projects", None, None, b"Subject: x\r\n\r\nx\r\n"))
    assert bob.readline() == b"* STATUS " + PROJECTS.encode() + b" (UIDNEXT 3 MESSAGES 2)\r\n"
    ok(alice._simple_command("SETMETADATA", "Projects", '(/shared/comment "ours" /private/comment "hers")'))
    assert bob.readline() == b"* METADATA " + PROJECTS.encode() + b' "/shared/comment"\r\n'
    ok(alice.deleteacl("Projects", BOB))
    ok(alice.append("Projects", None, None, b"Subject: x\r\n\r\nx\r\n"))
    ok(bob.noop())
    assert bob.response("STATUS")[1] == [None]
