"""Sieve as people use it: scripts put by ManageSieve and by the command line, and what then becomes of their mail."""
import base64
import json
import re
import signal
import smtplib
import socket
import subprocess

import pytest

from conftest import PASSWORD, need, wait_for
from imap_reader import logged_in, messages, trusting


def put(server, user, script, name="main"):
    server.run("sieve", "put", user, name, stdin=script)
    server.run("sieve", "activate", user, name)


def letter(subject="hello", to="alice@example.com", more="", text="Hi."):
    message_id = f"<{subject.replace(' ', '.')}@example.net>"
    return f"From: carol@example.net\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: {message_id}\r\n{more}\r\n{text}\r\n"


def send(server, to, message, sender="carol@example.net"):
    """Gives the replies of those who were refused."""
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
        return s.sendmail(sender, to, message)


def trace(server, what):
    """Its lines as "action recipient: reason"."""
    return [f"{e['action']} {e.get('recipient', '')}: {e.get('reason', '')}" for e in json.loads(server.run("trace", "--json", what).stdout)]


class Manage:
    """A bare ManageSieve client."""

    def __init__(self, server, user=None):
        self.socket = socket.create_connection((server.ip, server.port["managesieve"]), timeout=20)
        self.lines = self.socket.makefile("rb")
        self.greeting = self.answer()
        if user:
            plain = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
            assert self.ask(f'AUTHENTICATE "PLAIN" "{plain}"').startswith("OK")

    def answer(self):
        out = ""
        while True:
            line = self.lines.readline().decode()
            assert line, out
            out += line
            size = re.search(r"\{(\d+)\}\r\n$", line)
            if size:
                out += self.lines.read(int(size[1])).decode() + self.lines.readline().decode()
                line = line[:3] if line.startswith(("OK", "NO", "BYE")) else ""
            if re.match(r"(OK|NO|BYE)\b", line):
                return out

    def ask(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.answer()

    def ask_with(self, command, script):
        data = script.encode()
        return self.ask(f"{command} {{{len(data)}+}}\r\n{script}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()


# --- filtering ------------------------------------------------------------------------------------------------------

def test_a_letter_is_sorted_into_a_mailbox_that_is_made_for_it(server):
    put(server, "alice@example.com", 'require ["fileinto", "mailbox", "imap4flags"];\n'
        'if header :contains "subject" "list" { addflag "$Listed"; fileinto :create "Lists/dev"; }\n')
    send(server, ["alice@example.com"], letter("a list letter"))
    send(server, ["alice@example.com"], letter("another"))
    assert b"Subject: a list letter" in messages(server, "alice@example.com", "Lists/dev")[0]
    assert [m for m in messages(server, "alice@example.com") if b"a list letter" in m] == []
    assert len(messages(server, "alice@example.com")) == 1
    with logged_in(server, "alice@example.com") as imap:
        imap.select("Lists/dev", readonly=True)
        assert b"$Listed" in imap.fetch("1", "(FLAGS)")[1][0]
    assert "filed alice@example.com: into Lists/dev by script main" in trace(server, "<a.list.letter@example.net>")


def test_two_recipients_of_one_message_have_scripts_of_their_own(server):
    put(server, "alice@example.com", 'require ["fileinto", "mailbox"]; fileinto :create "A";')
    put(server, "bob@example.com", 'require ["fileinto", "mailbox", "editheader"]; addheader "X-Seen" "by bob"; fileinto :create "B";')
    send(server, ["alice@example.com", "bob@example.com"], letter("both"))
    a, b = messages(server, "alice@example.com", "A"), messages(server, "bob@example.com", "B")
    assert len(a) == len(b) == 1
    assert b"X-Seen: by bob\r\n" in b[0] and b"X-Seen" not in a[0]


def test_vacation_answers_once_and_never_robots(server):
    put(server, "alice@example.com", 'require "vacation"; vacation :days 3 :subject "Away" "I am in Wonderland.";')
    for n in range(3):
        send(server, ["alice@example.com"], letter(f"letter {n}"), sender="bob@example.com")
    send(server, ["alice@example.com"], letter("bulk", more="List-Id: <x.example.net>\r\n"), sender="bob+list@example.com")
    send(server, ["alice@example.com"], letter("robot", more="Auto-Submitted: auto-replied\r\n"), sender="bob+robot@example.com")
    send(server, ["alice@example.com"], letter("elsewhere", to="others@example.net"), sender="bob+bcc@example.com")
    answers = wait_for(lambda: messages(server, "bob@example.com"))
    assert len(messages(server, "alice@example.com")) == 6
    wait_for(lambda: server.run("queue", "list").stdout.startswith("0 "))
    answers = messages(server, "bob@example.com")
    assert len(answers) == 1
    assert answers[0].startswith(b"Return-Path: <>\r\n")
    for field in (b"Auto-Submitted: auto-replied", b"Subject: Away", b"In-Reply-To: <letter.0@example.net>",
                  b"I am in Wonderland."):
        assert field in answers[0]


def test_what_is_rejected_is_refused_in_the_dialogue(server):
    put(server, "alice@example.com", 'require "ereject"; ereject "No birdseed, please.";')
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(server, ["alice@example.com"], letter("birdseed"))
    assert refused.value.smtp_code == 550 and b"5.7.1 No birdseed, please." in refused.value.smtp_error
    assert messages(server, "alice@example.com") == []


def test_what_one_of_two_rejects_is_reported_by_mail(server):
    put(server, "alice@example.com", 'require "reject"; reject "No birdseed, please.";')
    send(server, ["alice@example.com", "bob@example.com"], letter("birdseed"), sender="bob+sender@example.com")
    got = wait_for(lambda: [m for m in messages(server, "bob@example.com") if b"disposition-notification" in m])
    assert b"No birdseed, please." in got[0] and b"; deleted" in got[0]
    assert messages(server, "alice@example.com") == []


def test_a_redirect_goes_to_another_domain(pair):
    a, b = pair
    put(a, "alice@example.com", 'require "copy"; redirect :copy "bob@univ.edu";')
    send(a, ["alice@example.com"], letter("onward"))
    got = wait_for(lambda: messages(b, "bob@univ.edu"))
    assert b"Delivered-To: alice@example.com\r\n" in got[0] and b"Subject: onward" in got[0]
    assert len(messages(a, "alice@example.com")) == 1


def test_a_script_that_fails_leaves_the_letter_in_the_inbox_and_its_owner_a_notice(server):
    put(server, "alice@example.com", 'require ["fileinto", "include"];\nfileinto "Nowhere";\n')
    send(server, ["alice@example.com"], letter("first"))
    put(server, "alice@example.com", 'require "include";\n\ninclude "missing";\n', name="broken")
    send(server, ["alice@example.com"], letter("second"))
    got = messages(server, "alice@example.com")
    assert [b"Subject: first" in m for m in got].count(True) == 1
    assert [b"Subject: second" in m for m in got].count(True) == 1
    notices = [m for m in got if b"Your filter script" in m]
    assert len(notices) == 1 and b"line 2: there is no mailbox Nowhere" in notices[0]
    told = trace(server, "<second@example.net>")
    assert any(line.startswith("fault alice@example.com: script broken") and "line 3" in line for line in told), told
    assert "filed alice@example.com: into INBOX by script broken" in told


def test_nothing_that_was_accepted_is_lost_by_kill_9(server):
    put(server, "alice@example.com", 'require ["fileinto", "mailbox"]; if header :matches "subject" "*even" { fileinto :create "Even"; }')
    for n in range(20):
        send(server, ["alice@example.com"], letter(f"{n} {'even' if n % 2 == 0 else 'odd'}"))
    server.stop(signal.SIGKILL)
    server.start()
    assert len(messages(server, "alice@example.com")) == 10
    assert len(messages(server, "alice@example.com", "Even")) == 10


def test_the_command_line_tests_a_script_and_names_faults_by_line(server):
    faulty = server.run("sieve", "put", "alice@example.com", "bad", stdin='require "fileinto";\nfileinto ;\n', check=False)
    assert faulty.returncode == 1 and "bad: line 2" in faulty.stderr
    put(server, "alice@example.com", 'require "fileinto";\nif header :is "subject" "x" { fileinto "Junk"; }\n')
    assert "main" in server.run("sieve", "list", "alice@example.com").stdout
    assert server.run("sieve", "test", "alice@example.com", stdin="Subject: x\r\n\r\n\r\n").stdout == "file into Junk  (line 2)\n"
    assert server.run("sieve", "test", "alice@example.com", stdin="Subject: y\r\n\r\n\r\n").stdout == "keep in INBOX\n"


# --- IMAP events ----------------------------------------------------------------------------------------------------

def test_what_a_client_does_in_a_mailbox_runs_its_script(server):
    """RFC 6785: the script is stored by ManageSieve and named by an annotation."""
    script = ('require ["imapsieve", "environment", "imap4flags", "fileinto", "mailbox", "copy", "variables"];\r\n'
              'if environment :is "imap.cause" "APPEND" { addflag "$Appended"; }\r\n'
              'elsif environment :is "imap.cause" "COPY" { fileinto :copy :create "Copied"; }\r\n'
              'elsif allof (environment :contains "imap.changedflags" "\\\\Flagged", hasflag "\\\\Flagged") {\r\n'
              '  redirect :copy "bob@example.com"; addflag "$Sent"; }\r\n'
              'elsif environment :contains "imap.changedflags" "\\\\Answered" { discard; }\r\n')
    with Manage(server, "alice@example.com") as m:
        assert m.ask_with('PUTSCRIPT "events"', script).startswith("OK")

    def flags(imap, number):
        imap.noop()
        return imap.fetch(number, "(FLAGS)")[1][0].decode()

    with logged_in(server, "alice@example.com") as imap:
        assert any(c.startswith("IMAPSIEVE=SIEVE://") for c in imap.capabilities)
        assert imap.xatom("SETMETADATA", "Archive", '(/shared/imapsieve/script "events")')[0] == "OK"
        assert imap.append("Archive", None, None, letter("one").encode())[0] == "OK"
        imap.select("Archive")
        assert "$Appended" in wait_for(lambda: "$Appended" in (f := flags(imap, "1")) and f)
        imap.append("INBOX", None, None, letter("two").encode())
        imap.select("INBOX")
        assert "$Appended" not in flags(imap, "1")
        assert imap.copy("1", "Archive")[0] == "OK"
        assert b"Subject: two" in wait_for(lambda: imap.status("Copied", "(MESSAGES)")[0] == "OK" and messages(server, "alice@example.com", "Copied"))[0]
        imap.select("Archive")
        assert imap.store("1", "+FLAGS", "\\Flagged")[0] == "OK"
        wait_for(lambda: "$Sent" in flags(imap, "1"))
        assert b"Subject: one" in wait_for(lambda: messages(server, "bob@example.com"))[0]
        imap.store("1", "+FLAGS", "\\Answered")
        wait_for(lambda: "\\Deleted" in flags(imap, "1"))


def test_a_script_for_delivery_has_no_place_in_imap_events(server):
    server.run("sieve", "put", "alice@example.com", "events", stdin='require "vacation"; vacation "Away."; discard;')
    with logged_in(server, "alice@example.com") as imap:
        imap.xatom("SETMETADATA", "Archive", '(/shared/imapsieve/script "events")')
        imap.append("Archive", None, None, letter("one").encode())
        wait_for(lambda: any("cannot be used in events of IMAP" in line for line in trace(server, "<one@example.net>")))
        imap.select("Archive")
        assert b"\\Deleted" not in imap.fetch("1", "(FLAGS)")[1][0]


# --- ManageSieve ----------------------------------------------------------------------------------------------------

def test_managesieve_by_hand(server):
    with Manage(server) as m:
        assert '"VERSION" "1.0"\r\n' in m.greeting and '"STARTTLS"\r\n' in m.greeting and '"SASL" "' in m.greeting
        assert "fileinto" in m.greeting and '"NOTIFY" "mailto"' in m.greeting
        assert m.ask('PUTSCRIPT "x" "keep;"').startswith("NO")
    with Manage(server, "alice@example.com") as m:
        assert '"OWNER" "alice@example.com"' in m.ask("CAPABILITY")
        assert m.ask_with('PUTSCRIPT "main"', "keep;\r\n").startswith("OK")
        no = m.ask_with('PUTSCRIPT "main"', "keep;\r\nnonsense;\r\n")
        assert no.startswith("NO") and "line 2" in no
        assert m.ask('GETSCRIPT "main"') == "{7}\r\nkeep;\r\n\r\nOK\r\n"
        assert m.ask('SETACTIVE "main"') == "OK\r\n"
        assert m.ask("LISTSCRIPTS") == '"main" ACTIVE\r\nOK\r\n'
        assert m.ask('DELETESCRIPT "main"').startswith("NO (ACTIVE)")
        assert m.ask('RENAMESCRIPT "main" "other"') == "OK\r\n"
        assert m.ask('GETSCRIPT "main"').startswith("NO (NONEXISTENT)")
        assert m.ask('HAVESPACE "big" 99999999').startswith("NO (QUOTA/MAXSIZE)")
        assert m.ask('NOOP "here"') == 'OK (TAG "here") "done"\r\n'
        assert m.ask("LOGOUT").startswith("OK")


def test_sieve_connect_puts_lists_and_activates(server, tmp_path):
    program = need("sieve-connect")
    local = tmp_path / "main.sieve"
    local.write_text('require ["fileinto", "mailbox"];\nfileinto :create "Sorted";\n')

    def connect(*args, check=True):
        done = subprocess.run([program, "-s", "127.0.0.1", "-p", str(server.port["managesieve"]), "-u", "alice@example.com",
                               "--notlsverify", "--passwordfd", "0", *args],
                              input=PASSWORD + "\n", capture_output=True, text=True, timeout=60)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    connect("--upload", "--localsieve", str(local), "--remotesieve", "main")
    connect("--activate", "--remotesieve", "main")
    assert '"main" ACTIVE' in connect("--list")
    send(server, ["alice@example.com"], letter("sorted"))
    assert len(messages(server, "alice@example.com", "Sorted")) == 1
    local.write_text("keep;\nnonsense;\n")
    assert "line 2" in connect("--checkscript", "--localsieve", str(local), check=False)
    connect("--deactivate")
    connect("--delete", "--remotesieve", "main")
    assert "main" not in connect("--list")
