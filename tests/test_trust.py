"""Who really sent it: checked at the MX, signed on the way out, sealed and given another reverse-path when passed on."""
import email
import json
import re
import smtplib
import socketserver
import threading

import dkim
import pytest

from conftest import Server, free_port, wait_for
from imap_reader import messages
from test_relay import submit

NET = {"example.com": "127.0.0.1", "univ.edu": "127.0.0.2", "third.org": "127.0.0.4"}


@pytest.fixture
def world(tmp_path):
    """alice@example.com and bob@univ.edu as in `pair`, with their keys, SPF and DMARC in DNS, and third.org elsewhere."""
    port = free_port("127.0.0.1")
    policy = {"example.com": "reject", "univ.edu": "quarantine", "third.org": "reject"}
    zones = {domain: f'@ MX 10 mail\nmail A {ip}\n@ TXT "v=spf1 ip4:{ip} -all"\n_dmarc TXT "v=DMARC1; p={policy[domain]}; rua=mailto:dmarc-reports@{domain}; ruf=mailto:dmarc-reports@{domain}"\n'
             for domain, ip in NET.items()}
    zones["127.in-addr.arpa"] = "".join(f"{ip.split('.')[3]}.0.0 PTR mail.{domain}.\n" for domain, ip in NET.items())
    made = []
    for domain, user in (("example.com", "alice"), ("univ.edu", "bob")):
        one = Server(tmp_path / domain, domain, NET[domain], relay_port=port, zones=zones, port={"smtp": port})
        one.run("domain", "add", domain)
        one.add_account(f"{user}@{domain}")
        keys = [line for line in one.run("dns", domain, "--zone").stdout.splitlines() if "._domainkey." in line]
        assert len(keys) == 2
        zones[domain] += "".join(line.replace(f".{domain}.", "", 1) + "\n" for line in keys)
        made.append(one)
    for one in made:
        one.configure(zones)
        one.start()
    yield made + [zones, port]
    for one in made:
        one.stop()


def send(server, sender, recipient, text, source, helo):
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname=helo, source_address=(source, 0)) as s:
        return s.sendmail(sender, [recipient], text.replace("\n", "\r\n").encode())


def txt_of(zones):
    """dnspython's part for dkimpy, from the zones of the test."""
    def look(name, timeout=5):
        name = name.decode().rstrip(".")
        domain = ".".join(name.split(".")[-2:])
        for line in zones.get(domain, "").splitlines():
            if line.split()[:2] == [name.removesuffix("." + domain), "TXT"]:
                return "".join(re.findall('"([^"]*)"', line)).encode()
        return b""
    return look


def test_a_letter_leaves_signed_twice_and_is_known_as_genuine(world):
    here, there, zones, _ = world
    submit(here, "alice@example.com", ["bob@univ.edu"],
           "From: Alice <alice@example.com>\r\nTo: bob@univ.edu\r\nMessage-ID: <genuine@example.com>\r\nSubject: hello\r\n"
           "Authentication-Results: mail.univ.edu; dmarc=pass header.from=example.com\r\n\r\nHello Bob\r\n")
    got, = wait_for(lambda: messages(there, "bob@univ.edu"))
    results, = email.message_from_bytes(got).get_all("Authentication-Results")
    results = " ".join(results.split())
    assert results.startswith("mail.univ.edu; ")
    for part in ("spf=pass", "dkim=pass header.d=example.com", "header.a=rsa-sha256", "header.a=ed25519-sha256", "dmarc=pass",
                 "iprev=pass policy.iprev=127.0.0.1"):
        assert part in results, results
    assert "Received-SPF: pass" in got.decode().replace("Pass", "pass")
    # The same by a verifier we did not write: from the first signature on, as the message left.
    left = got[got.index(b"DKIM-Signature:"):]
    for index in range(2):
        assert dkim.DKIM(left).verify(idx=index, dnsfunc=txt_of(zones)), index
    story = json.loads(there.run("trace", "--json", "genuine@example.com").stdout)
    checked, = [e for e in story if e["action"] == "checked"]
    assert "dmarc=pass" in checked["reason"]


def test_a_forged_author_is_refused_where_his_domain_wants_so(world):
    _, there, _, _ = world
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(there, "ceo@example.com", "bob@univ.edu",
             "From: CEO <ceo@example.com>\nMessage-ID: <forged@example.com>\nSubject: pay now\n\nx\n", "127.0.0.66", "evil.example.net")
    assert refused.value.smtp_code == 550 and b"5.7.1" in refused.value.smtp_error and b"example.com" in refused.value.smtp_error
    said = there.run("trace", "--json", "bob@univ.edu").stdout
    assert "refused" in said and "reject" in said and "spf=fail" in said and "dkim=none" in said
    assert messages(there, "bob@univ.edu") == []
    # A subdomain that does not exist, another envelope, and a second From do not help.
    for author, count in (("ceo@board.example.com", 1), ("ceo@example.com", 2)):
        with pytest.raises(smtplib.SMTPDataError):
            send(there, "me@evil.net", "bob@univ.edu", f"From: <{author}>\n" * count + "Subject: x\n\nx\n", "127.0.0.66", "evil.net")


def test_quarantine_is_junk(world):
    here, _, _, _ = world
    send(here, "bob@univ.edu", "alice@example.com", "From: bob@univ.edu\nMessage-ID: <q@univ.edu>\nSubject: q\n\nx\n", "127.0.0.66", "evil.net")
    assert messages(here, "alice@example.com") == []
    junk, = messages(here, "alice@example.com", mailbox="Junk")
    assert b"dmarc=fail" in junk
    assert "into Junk" in here.run("trace", "--json", "<q@univ.edu>").stdout


def test_owners_hear_of_what_was_sent_in_their_name(world):
    here, there, _, _ = world
    with pytest.raises(smtplib.SMTPDataError):
        send(there, "ceo@example.com", "bob@univ.edu", "From: ceo@example.com\nSubject: pay\n\nx\n", "127.0.0.66", "evil.example.net")
    submit(here, "alice@example.com", ["bob@univ.edu"], "From: alice@example.com\r\nSubject: hello\r\n\r\nHi\r\n")
    wait_for(lambda: messages(there, "bob@univ.edu"))
    assert "about example.com to dmarc-reports@example.com" in there.run("reports", "send").stdout
    rows = wait_for(lambda: json.loads(here.run("reports", "dmarc", "example.com", "--json").stdout))
    seen = {r["source_ip"]: r for r in rows}
    assert seen["127.0.0.66"]["messages"] == 1 and seen["127.0.0.66"]["disposition"] == "reject"
    assert seen["127.0.0.1"]["dkim"] == "pass" and seen["127.0.0.1"]["spf"] == "pass"
    table = here.run("reports", "dmarc", "example.com").stdout
    assert table.index("127.0.0.66") < table.index("127.0.0.1 ") and "2 messages, 1 proven" in table
    # Single messages are told of when somebody has switched that on.
    assert "no reports" not in here.run("reports", "list").stdout and "FAILURE" not in here.run("reports", "list").stdout
    assert "are on" in there.run("reports", "failures", "on").stdout
    with pytest.raises(smtplib.SMTPDataError):
        send(there, "ceo@example.com", "bob@univ.edu", "From: ceo@example.com\nSubject: pay again\n\nx\n", "127.0.0.66", "evil.example.net")
    assert "about a message of example.com to dmarc-reports@example.com" in there.run("reports", "send").stdout
    failed = wait_for(lambda: [line for line in here.run("reports", "list").stdout.splitlines() if "pay again" in line])
    assert "127.0.0.66" in failed[0] and "dmarc" in failed[0] and "ceo@example.com" in failed[0]
    # A report about reports would never end.
    assert "nothing" in here.run("reports", "send").stdout.lower()


class Sink(socketserver.ThreadingTCPServer):
    """A server that takes mail at third.org."""
    allow_reuse_address = True

    def __init__(self, address):
        self.got = []
        super().__init__(address, self.Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Session(socketserver.StreamRequestHandler):
        def handle(self):
            envelope = []
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb in (b"MAIL", b"RCPT"):
                    envelope.append(line.decode().strip())
                if verb == b"DATA":
                    self.wfile.write(b"354 go\r\n")
                    text = b""
                    while (one := self.rfile.readline()) not in (b".\r\n", b""):
                        text += one
                    self.server.got.append((envelope, text))
                    envelope = []
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                if verb == b"QUIT":
                    return


def test_forwarded_mail_is_sealed_and_what_cannot_be_delivered_finds_its_sender(world):
    here, there, zones, port = world
    here.run("alias", "add", "carol@example.com", "bob@univ.edu")
    here.run("alias", "add", "lost@example.com", "nobody@univ.edu")
    sink = Sink((NET["third.org"], port))
    send(here, "dave@third.org", "carol@example.com", "From: dave@third.org\nMessage-ID: <fwd@third.org>\nSubject: f\n\nx\n",
         NET["third.org"], "mail.third.org")
    # It passed SPF where it came first. At the next hop SPF is ours, so that of third.org proves nothing: the policy is reject.
    wait_for(lambda: any("550" in e["reason"] for e in json.loads(here.run("trace", "--json", "<fwd@third.org>").stdout)))
    assert messages(there, "bob@univ.edu") == []
    report, = wait_for(lambda: [text for envelope, text in sink.got if envelope[1].startswith("RCPT TO:<dave@third.org>")])
    assert b"5.7.1" in report and b"From: " in report

    # With the forwarder trusted, the seal counts.
    assert there.run("forwarder", "list").stdout.startswith("no trusted forwarders")
    there.run("forwarder", "add", "example.com")
    assert there.run("forwarder", "list").stdout == "example.com\n"
    send(here, "dave@third.org", "carol@example.com", "From: dave@third.org\nMessage-ID: <fwd2@third.org>\nSubject: f2\n\nx\n",
         NET["third.org"], "mail.third.org")
    got, = wait_for(lambda: messages(there, "bob@univ.edu"))
    parsed = email.message_from_bytes(got)
    assert re.fullmatch(r"<SRS0=[^@]+=third\.org=dave@example\.com>", parsed["Return-Path"])
    results = " ".join(parsed["Authentication-Results"].split())
    assert "arc=pass" in results and "dmarc=fail" in results and "spf=pass" in results
    cv, _, reason = dkim.ARC(got[got.index(b"ARC-Seal:"):]).verify(dnsfunc=txt_of(zones))
    assert cv == dkim.CV_Pass, reason
    assert "trusted forwarder" in there.run("trace", "--json", "<fwd2@third.org>").stdout

    # A bounce to the address made up for the forward goes to third.org; a made-up one goes nowhere.
    send(here, "dave@third.org", "lost@example.com", "From: dave@third.org\nMessage-ID: <fwd3@third.org>\nSubject: f3\n\nx\n",
         NET["third.org"], "mail.third.org")
    with smtplib.SMTP(here.ip, here.port["smtp"], local_hostname="mail.univ.edu") as s:
        s.ehlo()
        s.mail("")
        assert s.rcpt(parsed["Return-Path"].strip("<>"))[0] == 250
        assert s.rcpt("SRS0=AAAA=AA=third.org=victim@example.com")[0] == 550
    sink.shutdown()
