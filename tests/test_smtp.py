"""SMTP as people and programs speak it: by hand, swaks, smtplib, curl."""
import base64
import email
import hashlib
import hmac
import smtplib
import subprocess

import pytest

from conftest import PASSWORD, need
from imap_reader import messages, trusting
from smtp_lines import Telnet


def test_the_session_of_the_textbook_works_as_printed(server):
    with Telnet(server.ip, server.port["smtp"]) as s:
        assert s.reply().startswith("220 mail.example.com ")
        assert s.ask("HELO client.example.net").startswith("250 mail.example.com")
        assert s.ask("MAIL FROM:<carol@example.net>").startswith("250 ")
        assert s.ask("RCPT TO:<bob@example.com>").startswith("250 ")
        assert s.ask("DATA").startswith("354 ")
        s.send("From: Carol <carol@example.net>\r\nTo: Bob <bob@example.com>\r\nSubject: Hello\r\n\r\nHello, Bob.\r\n..two dots\r\n")
        assert s.ask(".").startswith("250 2.0.0 Ok: queued as ")
        assert s.ask("QUIT").startswith("221 ")
        assert s.reply() == ""
    got = messages(server, "bob@example.com")
    assert len(got) == 1
    assert got[0].startswith(b"Return-Path: <carol@example.net>\r\nDelivered-To: bob@example.com\r\nAuthentication-Results: mail.example.com;")
    assert b"\r\nReceived: from client.example.net" in got[0]
    assert got[0].endswith(b"\r\n\r\nHello, Bob.\r\n.two dots\r\n")


def test_telnet_itself_can_type_it(server):
    telnet = need("telnet")
    typed = ("HELO client.example.net\nMAIL FROM:<carol@example.net>\nRCPT TO:<bob@example.com>\nDATA\n"
             "Subject: typed\n\nby hand\n.\nQUIT\n")
    process = subprocess.Popen([telnet, server.ip, str(server.port["smtp"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out = ""
    for line in typed.splitlines(keepends=True):
        # A person waits for the answer; telnet itself drops what it holds when its input ends.
        process.stdin.write(line)
        process.stdin.flush()
        if line.split(":")[0].split(" ")[0].strip() in ("HELO", "MAIL", "RCPT", "DATA", ".", "QUIT"):
            while True:
                said = process.stdout.readline()
                assert said, out
                out += said
                if said[:3].isdigit() and said[3] == " " and not said.startswith("220"):
                    break
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()
    assert "250 2.0.0 Ok: queued as " in out and "221 " in out
    assert b"Subject: typed\r\n\r\nby hand\r\n" in messages(server, "bob@example.com")[0]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_with_starttls(server, mechanism):
    done = subprocess.run([need("swaks"), "-s", f"{server.ip}:{server.port['submission']}", "-tls", "-a", mechanism, "-au", "alice@example.com",
                           "-ap", PASSWORD, "-f", "alice@example.com", "-t", "bob@example.com", "-h", "laptop.example.com",
                           "--h-Subject", f"by {mechanism}", "--body", "안녕 Bob"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "queued as" in done.stdout
    got = email.message_from_bytes(messages(server, "bob@example.com")[0])
    assert got["Subject"] == f"by {mechanism}" and got["Message-ID"] and got["Date"]
    assert "ESMTPSA" in got["Received"]


def test_scram_proves_both_sides(server):
    """The client's side of RFC 5802 with Python's own primitives: swaks has no SCRAM."""
    s = smtplib.SMTP(server.ip, server.port["submission"], local_hostname="laptop.example.com")
    s.starttls(context=trusting())
    s.ehlo()
    assert "SCRAM-SHA-256" in s.esmtp_features["auth"].split()
    first_bare = "n=alice@example.com,r=fyko+d2lbbFgONRv9qkxdawL"
    code, challenge = s.docmd("AUTH", "SCRAM-SHA-256 " + base64.b64encode(b"n,," + first_bare.encode()).decode())
    assert code == 334
    server_first = base64.b64decode(challenge).decode()
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    assert fields["r"].startswith("fyko+d2lbbFgONRv9qkxdawL") and len(fields["r"]) > 30
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    without_proof = f"c=biws,r={fields['r']}"
    auth_message = f"{first_bare},{server_first},{without_proof}".encode()
    proof = bytes(a ^ b for a, b in zip(client_key, hmac.digest(hashlib.sha256(client_key).digest(), auth_message, "sha256")))
    code, final = s.docmd(base64.b64encode(f"{without_proof},p={base64.b64encode(proof).decode()}".encode()).decode())
    if code == 334:
        signature = dict([base64.b64decode(final).decode().split("=", 1)])["v"]
        assert base64.b64decode(signature) == hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth_message, "sha256")
        code, final = s.docmd("")
    assert code == 235, final
    assert s.sendmail("alice@example.com", ["bob@example.com"], b"Subject: by SCRAM\r\n\r\nx\r\n") == {}
    s.quit()


def test_swaks_submits_over_implicit_tls(server):
    done = subprocess.run([need("swaks"), "-s", f"{server.ip}:{server.port['submissions']}", "-tlsc", "-a", "PLAIN", "-au", "alice@example.com",
                           "-ap", PASSWORD, "-f", "alice@example.com", "-t", "bob@example.com", "-h", "laptop.example.com"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(messages(server, "bob@example.com")) == 1


def test_curl_submits_a_file(server, tmp_path):
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"From: alice@example.com\r\nTo: bob@example.com\r\nBcc: secret@example.com\r\nSubject: curl\r\n\r\nbody\r\n")
    done = subprocess.run([need("curl"), "-sS", "--insecure", "--ssl-reqd", f"smtp://{server.ip}:{server.port['submission']}/laptop.example.com",
                           "-u", f"alice@example.com:{PASSWORD}", "--mail-from", "alice@example.com", "--mail-rcpt", "bob@example.com",
                           "-T", letter], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    got = messages(server, "bob@example.com")[0]
    assert b"Subject: curl" in got and b"secret" not in got  # RFC 6409 §8: Bcc is for the submission server only


def test_submission_asks_for_a_login_and_for_own_addresses(server):
    s = smtplib.SMTP(server.ip, server.port["submission"], local_hostname="laptop.example.com")
    s.starttls(context=trusting())
    s.ehlo()
    assert s.mail("alice@example.com")[0] == 530
    with pytest.raises(smtplib.SMTPAuthenticationError):
        s.login("alice@example.com", "wrong-password")
    s.login("alice@example.com", PASSWORD)
    code, text = s.mail("bob@example.com")
    assert code == 553 and b"5.7.1" in text
    s.rset()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        s.sendmail("alice@example.com", ["bob@example.com"], b"From: bob@example.com\r\nSubject: not me\r\n\r\nx\r\n")
    assert refused.value.smtp_code == 550
    s.quit()


@pytest.mark.parametrize("recipient", ["x@example.org", "x%example.org@mail.example.com", "@example.com:x@example.org", '"x@example.org"@example.net',
                                       "x@example.org@example.net", "x@[192.0.2.1]", "x@EXAMPLE.ORG.", "example.org!x@example.net"])
def test_it_is_no_open_relay(server, recipient):
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO spammer.example.net")
        for sender in ("<spam@example.net>", "<alice@example.com>", "<>"):
            assert s.ask(f"MAIL FROM:{sender}").startswith("250 ")
            assert s.ask(f"RCPT TO:<{recipient}>").startswith("5"), recipient
            s.ask("RSET")


def test_unknown_users_are_refused_at_rcpt_and_their_neighbours_are_not(server):
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.ask("MAIL FROM:<carol@example.net>")
        assert s.ask("RCPT TO:<nobody@example.com>").startswith("550 5.1.1")
        assert s.ask("RCPT TO:<Bob+news@EXAMPLE.com>").startswith("250 ")
        assert s.ask("RCPT TO:<postmaster@example.com>").startswith("250 ")


SMUGGLED = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\r\n\x00.\r\n"]


@pytest.mark.parametrize("ending", SMUGGLED, ids=repr)
def test_nothing_but_crlf_dot_crlf_ends_a_message(server, ending):
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.ask("MAIL FROM:<carol@example.net>")
        s.ask("RCPT TO:<bob@example.com>")
        s.ask("DATA")
        s.send(b"Subject: outer\r\n\r\nouter" + ending + b"MAIL FROM:<admin@example.com>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
               b"Subject: smuggled\r\n\r\ninner\r\n.\r\n")
        assert s.reply().startswith("550 "), "a message with bare CRs, LFs or NULs is refused"
        assert s.ask("NOOP").startswith("250 ")  # exactly one reply was due
    assert messages(server, "bob@example.com") == []


def test_nothing_typed_before_starttls_survives_it(server):
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.send("STARTTLS\r\nMAIL FROM:<injected@example.net>\r\n")
        assert s.reply().startswith("421 ")
        assert s.reply() == ""


def test_smtplib_speaks_pipelining_8bit_utf8_and_size(server):
    s = smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net")
    s.ehlo()
    for word in ("pipelining", "size", "8bitmime", "smtputf8", "chunking", "binarymime", "dsn", "enhancedstatuscodes", "starttls", "limits"):
        assert s.has_extn(word), word
    assert not s.has_extn("auth") and not s.has_extn("requiretls")
    assert s.mail("카롤@example.net", ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
    assert s.rcpt("bob@example.com")[0] == 250
    assert s.data("Subject: 제목\r\n\r\n본문\r\n".encode())[0] == 250
    assert s.mail("carol@example.net", ["SIZE=999999999999"])[0] == 552
    s.quit()
    assert "본문".encode() in messages(server, "bob@example.com")[0]


def test_chunks_arrive_octet_by_octet_as_sent(server):
    part = bytes(range(256)) * 4
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.ask("MAIL FROM:<carol@example.net> BODY=BINARYMIME")
        s.ask("RCPT TO:<bob@example.com>")
        head = b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        s.send(b"BDAT %d\r\n" % len(head) + head)
        assert s.reply().startswith("250 ")
        s.send(b"BDAT %d LAST\r\n" % len(part) + part)
        assert "queued as" in s.reply()
    [got] = messages(server, "bob@example.com")
    assert b"\0" not in got  # RFC 9051 §4.3.1
    assert email.message_from_bytes(got).get_payload(decode=True) == part
