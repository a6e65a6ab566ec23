"""Mail between two servers, and between Pabal and a real Postfix."""
import email
import json
import os
import smtplib
import sys

import pytest

from conftest import PASSWORD, ROOT, Server, free_port, need, wait_for
from imap_reader import messages, trusting
from smtp_lines import Telnet

sys.path.insert(0, str(ROOT / "bench"))
from peers import Postfix


def submit(server, sender, recipients, text, **options):
    with smtplib.SMTP(server.ip, server.port["submission"], local_hostname="laptop.example.com") as s:
        s.starttls(context=trusting())
        s.login(sender, PASSWORD)
        return s.sendmail(sender, recipients, text.encode(), **options)


def test_a_letter_crosses_by_the_second_mx_with_starttls_and_leaves_a_trace_on_both_sides(pair):
    here, there = pair
    submit(here, "alice@example.com", ["bob@univ.edu"], "Message-ID: <letter@example.com>\r\nSubject: hello\r\n\r\nHello Bob\r\n")
    got = wait_for(lambda: messages(there, "bob@univ.edu"))
    assert len(got) == 1 and b"Hello Bob" in got[0]
    received = email.message_from_bytes(got[0]).get_all("Received")
    assert len(received) == 2 and "with ESMTPS " in received[0] and "with ESMTPSA " in received[1]

    story = json.loads(here.run("trace", "--json", "letter@example.com").stdout)
    assert [(e["station"], e["action"]) for e in story] == [("submission", "accepted"), ("queue", "queued"), ("relay-out", "delivered")]
    assert "mx2.univ.edu [127.0.0.2]" in story[2]["peer"] and story[2]["tls"].startswith("TLSv1.3")
    story = json.loads(there.run("trace", "--json", "<letter@example.com>").stdout)
    assert [(e["station"], e["action"]) for e in story][:3] == [("relay-in", "checked"), ("relay-in", "accepted"), ("delivery", "filed")]
    # The same by address and by id; and in words.
    assert "letter@example.com" in there.run("trace", "bob@univ.edu").stdout
    assert "filed" in there.run("trace", story[0]["id"]).stdout
    assert here.run("queue", "list").stdout.startswith("0 messages")


def test_a_refusal_comes_back_as_a_report_that_programs_can_read(pair):
    here, there = pair
    submit(here, "alice@example.com", ["nobody@univ.edu"], "Message-ID: <lost@example.com>\r\nSubject: lost\r\n\r\nx\r\n",
           mail_options=["RET=HDRS", "ENVID=env-7"], rcpt_options=["NOTIFY=FAILURE"])
    got = wait_for(lambda: messages(here, "alice@example.com"))
    report = email.message_from_bytes(got[0])
    assert report["Return-Path"] == "<>" and report["Auto-Submitted"] == "auto-replied"
    assert report.get_content_type() == "multipart/report" and report.get_param("report-type") == "delivery-status"
    people, status, original = report.get_payload()
    assert "nobody@univ.edu" in people.get_payload(decode=True).decode()
    about_all, about_one = status.get_payload()
    assert about_all["Reporting-MTA"] == "dns; mail.example.com" and about_all["Original-Envelope-Id"] == "env-7"
    assert about_one["Action"] == "failed" and about_one["Status"] == "5.1.1" and "nobody@univ.edu" in about_one["Final-Recipient"]
    assert original.get_content_type() == "text/rfc822-headers"


def test_mail_waits_for_a_server_that_is_down_and_operators_can_see_hold_and_hurry_it(pair):
    here, there = pair
    there.stop()
    submit(here, "alice@example.com", ["bob@univ.edu"], "Subject: patience\r\n\r\nx\r\n")
    wait_for(lambda: "bob@univ.edu" in here.run("queue", "list").stdout)
    entry = here.run("queue", "list").stdout.splitlines()[1].split()[0]
    wait_for(lambda: "refused" in here.run("queue", "show", entry).stdout)
    here.run("queue", "hold", entry)
    there.start()
    here.run("queue", "hold", "--off", entry)
    here.run("queue", "retry", entry, check=False)  # released, it may be gone already
    assert len(wait_for(lambda: messages(there, "bob@univ.edu"))) == 1
    assert here.run("queue", "list").stdout.startswith("0 messages")
    assert here.run("queue", "show", entry, check=False).returncode == 1


def test_cancelled_mail_leaves_no_bounce(pair):
    here, there = pair
    there.stop()
    submit(here, "alice@example.com", ["bob@univ.edu"], "Subject: never mind\r\n\r\nx\r\n")
    wait_for(lambda: "bob@univ.edu" in here.run("queue", "list").stdout)
    here.run("queue", "cancel", here.run("queue", "list").stdout.splitlines()[1].split()[0])
    assert here.run("queue", "list").stdout.startswith("0 messages")
    assert messages(here, "alice@example.com") == []


def test_the_queue_survives_kill_9(pair):
    here, there = pair
    there.stop()
    for n in range(5):
        submit(here, "alice@example.com", ["bob@univ.edu"], f"Subject: {n}\r\n\r\nx\r\n")
    here.stop(9)
    there.start()
    here.start()
    for line in here.run("queue", "list").stdout.splitlines()[1:]:
        here.run("queue", "retry", line.split()[0], check=False)  # it may be under way already
    wait_for(lambda: len(messages(there, "bob@univ.edu")) == 5)
    assert sorted(email.message_from_bytes(m)["Subject"] for m in messages(there, "bob@univ.edu")) == list("01234")


def test_lmtp_answers_for_each_recipient(server):
    with Telnet(server.ip, server.port["lmtp"]) as s:
        assert s.reply().startswith("220 ")
        assert s.ask("LHLO postfix.example.com").startswith("250-")
        s.ask("MAIL FROM:<carol@example.net>")
        assert s.ask("RCPT TO:<alice@example.com>").startswith("250 ")
        assert s.ask("RCPT TO:<nobody@example.com>").startswith("550 ")
        assert s.ask("RCPT TO:<bob@example.com>").startswith("250 ")
        s.ask("DATA")
        s.send("Subject: lmtp\r\n\r\nx\r\n.\r\n")
        assert [s.reply()[:3], s.reply()[:3]] == ["250", "250"]
    assert len(messages(server, "alice@example.com")) == len(messages(server, "bob@example.com")) == 1


@pytest.fixture
def postfix(tmp_path, server):
    """A real Postfix that takes mail for example.com and hands it to Pabal by LMTP, and relays what Pabal sends it."""
    need("postfix")
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/pytest"):
            os.chmod(parent, 0o755)
    port = free_port()
    made = Postfix(tmp_path / "postfix", port, "postfix.example.net", f"lmtp:inet:{server.ip}:{server.port['lmtp']}")
    yield port
    made.stop()


def test_an_existing_postfix_hands_its_mail_to_pabal_by_lmtp(server, postfix):
    with smtplib.SMTP("127.0.0.1", postfix) as s:
        s.sendmail("carol@example.net", ["alice@example.com", "bob@example.com"], b"Subject: by postfix\r\n\r\nx\r\n")
    got = wait_for(lambda: messages(server, "bob@example.com"), seconds=30)
    assert "with LMTP" in email.message_from_bytes(got[0]).get_all("Received")[0]
    wait_for(lambda: messages(server, "alice@example.com"), seconds=30)


def test_a_smarthost_takes_what_leaves(tmp_path, server, postfix):
    """Pabal → Postfix as smarthost → Pabal by LMTP: both directions with software we did not write."""
    other = Server(tmp_path / "other", "example.org", "127.0.0.5")
    other.config.write_text(other.config.read_text().replace("[relay]\n", f'[relay]\nsmarthost = "[127.0.0.1]:{postfix}"\n'))
    other.run("domain", "add", "example.org")
    other.add_account("dave@example.org")
    other.start()
    try:
        submit(other, "dave@example.org", ["bob@example.com"], "Subject: by smarthost\r\n\r\nx\r\n")
        got = wait_for(lambda: messages(server, "bob@example.com"), seconds=30)
        assert b"postfix.example.net" in got[0] and b"mail.example.org" in got[0]
    finally:
        other.stop()
