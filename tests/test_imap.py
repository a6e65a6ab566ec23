"""IMAP with clients of others: imaplib, curl, mbsync, imapflow."""
import email
import imaplib
import json
import subprocess
import threading

import pytest

from conftest import PASSWORD, ROOT, need
from imap_reader import logged_in, trusting
from letters import LETTER, deliver


def ok(answer):
    status, data = answer
    assert status == "OK", data
    return data


def test_imaplib_over_starttls_and_over_tls(server):
    deliver(server, 1)
    plain = imaplib.IMAP4(server.ip, server.port["imap"])
    assert "STARTTLS" in plain.capabilities
    plain.starttls(trusting())
    ok(plain.login("bob@example.com", PASSWORD))
    assert ok(plain.select("INBOX")) == [b"1"]
    plain.logout()
    tls = imaplib.IMAP4_SSL(server.ip, server.port["imaps"], ssl_context=trusting())
    ok(tls.authenticate("PLAIN", lambda _: b"\0bob@example.com\0" + PASSWORD.encode()))
    assert ok(tls.select("INBOX")) == [b"1"]
    tls.logout()


def test_imaplib_works_through_the_everyday_commands(server):
    deliver(server, 3)
    with logged_in(server, "bob@example.com") as imap:
        names = b" ".join(ok(imap.list()))
        for role in (b"\\Drafts", b"\\Sent", b"\\Junk", b"\\Trash", b"\\Archive"):
            assert role in names
        ok(imap.create("Projects/2026"))
        ok(imap.rename("Projects/2026", "Projects/2027"))
        ok(imap.subscribe("Projects/2027"))
        assert b"Projects/2027" in b" ".join(ok(imap.lsub()))
        assert b"MESSAGES 3" in ok(imap.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]
        ok(imap.select("INBOX"))

        data = ok(imap.fetch("2", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.20>)"))
        text = b"".join(b"".join(part) if isinstance(part, tuple) else part for part in data)
        assert b'"carol" "example.net"' in text and b'"=?utf-8?B?7KCc66qp?= 2"' in text
        assert b'"mixed"' in text.lower() and b'"x.csv"' in text.lower()
        assert b"body number 2" in text and b"Subject: =?utf-8?B?7KCc\r\n" not in text

        assert ok(imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY", '"number 3"')) == [b"3"]
        imap.literal = "제목".encode()
        assert ok(imap.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT")) == [b"1 2 3"]
        ok(imap.store("1", "+FLAGS", r"(\Seen $Forwarded)"))
        assert b"$Forwarded" in ok(imap.fetch("1", "(FLAGS)"))[0]
        assert ok(imap.search(None, "UNSEEN")) == [b"2 3"]
        ok(imap.copy("1", "Projects/2027"))
        assert imap.response("COPYUID")[1][0].split()[1:] == [b"1", b"1"]
        ok(imap.uid("MOVE", "2", "Trash"))
        assert imap.response("EXPUNGE")[1] == [b"2"]
        assert ok(imap.search(None, "ALL")) == [b"1 2"]
        ok(imap.store("1", "+FLAGS", r"(\Deleted)"))
        assert ok(imap.expunge()) == [b"1"]
        ok(imap.append("Drafts", r"(\Draft \Seen)", None, b"Subject: draft\r\n\r\nlater\r\n"))
        ok(imap.select("Drafts"))
        assert b"draft" in ok(imap.fetch("1", "(BODY[HEADER])"))[0][1]
        ok(imap.close())
        ok(imap.delete("Projects/2027"))


def test_idle_tells_of_mail_and_of_the_other_client_at_once(server):
    deliver(server, 1)
    with logged_in(server, "bob@example.com") as watcher, logged_in(server, "bob@example.com") as other:
        ok(watcher.select("INBOX"))
        ok(other.select("INBOX"))
        watcher.send(b"i IDLE\r\n")
        assert watcher.readline().startswith(b"+ ")
        sender = threading.Thread(target=deliver, args=(server, 1, "bob@example.com", 2))
        sender.start()
        assert watcher.readline() == b"* 2 EXISTS\r\n"
        sender.join()
        ok(other.store("1", "+FLAGS", r"(\Flagged)"))
        while b"FETCH" not in (line := watcher.readline()):
            assert line == b"* 0 RECENT\r\n"  # RFC 3501 §7.3.2 goes with EXISTS
        assert line.startswith(b"* 1 FETCH") and b"\\Flagged" in line
        ok(other.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
        ok(other.expunge())
        lines = [watcher.readline()]
        while b"EXPUNGE" not in lines[-1]:
            lines.append(watcher.readline())
        assert lines[-1] == b"* 1 EXPUNGE\r\n"
        watcher.send(b"DONE\r\n")
        assert watcher.readline().startswith(b"i OK")


def test_a_wrong_password_is_refused_and_the_right_one_still_works(server):
    imap = imaplib.IMAP4(server.ip, server.port["imap"])
    for name in ("bob@example.com", "nobody@example.com"):
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            imap.login(name, "wrong-password")
    ok(imap.login("bob@example.com", PASSWORD))
    imap.logout()


def test_curl_lists_fetches_searches_and_appends(server, tmp_path):
    deliver(server, 2)
    base = f"imaps://{server.ip}:{server.port['imaps']}"

    def curl(*arguments):
        done = subprocess.run([need("curl"), "-sS", "--insecure", "-u", f"bob@example.com:{PASSWORD}", *arguments], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert b"INBOX" in curl(base)
    assert b"body number 2" in curl(base + "/INBOX;UID=2")
    assert curl(base + "/INBOX?SUBJECT%20%22zzz%22").strip() == b"* SEARCH"
    letter = tmp_path / "letter.eml"
    letter.write_bytes(LETTER % (9, 9, 9))
    curl("-T", letter, base + "/Archive")
    assert b"body number 9" in curl(base + "/Archive;UID=1")


def mbsync(folder, server):
    (folder / "rc").write_text(f"""
IMAPAccount pabal
Host {server.ip}
Port {server.port['imaps']}
User bob@example.com
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {server.folder}/data/tls/certificate.pem
AuthMechs LOGIN

IMAPStore far
Account pabal

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")
    done = subprocess.run([need("mbsync"), "-c", folder / "rc", "-a"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mbsync_keeps_two_copies_the_same_both_ways(tmp_path, server):
    deliver(server, 5)
    here = tmp_path / "copy"
    (here / "mail").mkdir(parents=True)
    mbsync(here, server)
    inbox = here / "mail/INBOX"
    files = [p for sub in ("cur", "new") for p in (inbox / sub).iterdir()]
    assert len(files) == 5
    assert sorted(email.message_from_bytes(p.read_bytes())["Message-ID"] for p in files) == [f"<{n}@example.net>" for n in range(1, 6)]
    # Flags and removals made here go there; new mail and flags made there come here.
    first, second = (next(p for p in files if key in p.read_bytes()) for key in (b"<1@example.net>", b"<2@example.net>"))
    first.rename(inbox / "cur" / (first.name.split(":")[0] + ":2,FS"))
    second.rename(inbox / "cur" / (second.name.split(":")[0] + ":2,T"))
    (here / "mail/Made here/cur").mkdir(parents=True)
    (here / "mail/Made here/new").mkdir()
    (here / "mail/Made here/tmp").mkdir()
    deliver(server, 1, first=6)
    with logged_in(server, "bob@example.com") as imap:
        ok(imap.select("INBOX"))
        ok(imap.store("3", "+FLAGS", r"(\Answered)"))
    mbsync(here, server)
    with logged_in(server, "bob@example.com") as imap:
        assert b'"Made here"' in b" ".join(ok(imap.list()))
        assert ok(imap.select("INBOX")) == [b"5"]
        assert b"\\Flagged" in ok(imap.fetch("1", "(FLAGS)"))[0]
        assert ok(imap.search(None, "HEADER", "Message-ID", "2@example.net")) == [b""]
    now = [p for sub in ("cur", "new") for p in (inbox / sub).iterdir()]
    assert len(now) == 5
    third = next(p for p in now if b"<3@example.net>" in p.read_bytes())
    assert "R" in third.name.split(":2,")[1]


def test_imapflow_reads_flags_moves_and_hears_of_new_mail(server):
    deliver(server, 3)
    node = need("node")
    script = ROOT / "tests/imapflow_session.mjs"
    run = subprocess.Popen([node, script, server.ip, str(server.port["imaps"]), "bob@example.com", PASSWORD], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    try:
        assert run.stdout.readline().strip() == "waiting", run.stderr.read()
        deliver(server, 1, first=4)
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 0, err
    got = json.loads(out)
    assert got["compressed"]
    assert got["exists"] == 4
    assert got["subjects"] == ["제목 1", "제목 2", "제목 3"]
    assert got["text"].strip() == "body number 2"
    assert got["attachment"] == "x.csv"
    assert got["found"] == [3]
    assert got["trash"] == 1
    assert got["flags"] == ["\\Flagged"]
    assert "\\Trash" in got["specialUse"]
