"""What a domain publishes: printed to be pasted, checked against DNS, and the keys in it changed in time."""
import email
import json
import subprocess

import dkim
import pytest

from conftest import need, wait_for
from imap_reader import messages
from test_relay import submit
from test_trust import txt_of, world  # noqa: F401: a fixture

def publish(server, text):
    """The server's DNS from now on."""
    server.configure({"example.com": text, "127.in-addr.arpa": "1.0.0 PTR mail.example.com.\n"})
    if server.process and server.process.poll() is None:
        server.stop()
        server.start()


def advice(server, exit):
    done = server.run("dns", "example.com", check=False)
    assert done.returncode == exit, done.stdout + done.stderr
    return done.stdout


def zone(server):
    return server.run("dns", "example.com", "--zone").stdout


def test_what_is_printed_is_all_that_is_needed(server):
    publish(server, "@ TXT \"nothing of mail yet\"\n")
    before = advice(server, 1)
    assert "MISSING     MX of example.com: there is none" in before and "example.com. MX 10 mail.example.com." in before
    publish(server, zone(server))
    running = advice(server, 0)
    assert "All that is needed is there." in running and "MISSING" not in running
    assert "DMARC, DKIM and SPF 4 of 4" in running
    server.stop()
    assert advice(server, 0) == running


def test_the_zone_is_one_for_other_name_servers_too(server, tmp_path):
    file = tmp_path / "zone"
    file.write_text("example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 3600\n"
                    "example.com. 3600 IN NS ns1.example.com.\n" + zone(server))
    read = subprocess.run([need("ldns-read-zone"), file], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    records = [line.split("\t") for line in read.stdout.splitlines()]
    kinds = [record[3] for record in records]
    assert kinds.count("SRV") == 7 and kinds.count("TLSA") == 1 and kinds.count("TXT") == 6 and kinds.count("MX") == 1, read.stdout
    assert {record[1] for record in records} == {"3600"}


@pytest.mark.parametrize("old, new, says", [
    ("p=quarantine", "p=none", "forged mail in your name is delivered"),
    ("v=spf1 mx -all", "v=spf1 mx +all", "lets everybody send in your name"),
    ("v=spf1 mx -all", "v=spf1 ip4:192.0.2.1 -all", "mail from 127.0.0.1 gets fail"),
    ("mail.example.com. A 127.0.0.1", "mail.example.com. A 127.0.0.77", "127.0.0.77 is not an address of this machine"),
    ("MX 10 mail.example.com.", "MX 10 mx.example.com.", "mail goes to mx.example.com"),
    ("k=ed25519", "k=rsa", "is for k=rsa, the signature for ed25519"),
])
def test_each_fault_has_its_name_and_its_remedy(server, old, new, says):
    text = zone(server)
    assert old in text
    publish(server, text.replace(old, new))
    shown = advice(server, 1)
    assert says in shown and "to do: " in shown


def test_programs_read_it_as_json(server):
    publish(server, zone(server))
    told = json.loads(server.run("dns", "example.com", "--json").stdout)
    assert told["good"] and told["score"]["DMARC, DKIM and SPF"] == {"good": 4, "all": 4}
    assert {"name": "example.com", "type": "MX", "value": "10 mail.example.com.", "zone": "example.com. MX 10 mail.example.com."} in told["records"]
    assert server.run("dns", "example.com", "--json", "--zone", check=False).returncode == 2
    assert server.run("dns", "example.org", check=False).returncode == 1


def test_no_key_signs_before_dns_shows_it(server):
    publish(server, zone(server))
    server.run("dkim", "rotate", "example.com")
    listed = server.run("dkim", "list", "example.com").stdout
    assert "pabal2r" in listed and "waiting" in listed and "NO: it is not in DNS" in listed
    refused = server.run("dkim", "activate", "example.com", check=False)
    assert refused.returncode == 1 and "nobody could verify what pabal2r signs" in refused.stderr
    assert "MISSING     DKIM key pabal2r" in advice(server, 1)
    text = zone(server)
    assert text.count("._domainkey.") == 4
    publish(server, text)
    advice(server, 0)
    assert "pabal1r" in server.run("dkim", "activate", "example.com").stdout
    assert zone(server).count("._domainkey.") == 4, "the old ones stay for mail on its way"
    listed = server.run("dkim", "list", "example.com").stdout
    assert listed.count("retired") == listed.count("active") == 2
    server.run("dkim", "retire", "example.com", "pabal1r")
    assert "pabal1r" not in server.run("dkim", "list", "example.com").stdout
    assert server.run("dkim", "rotate", "example.com").stdout.startswith("made pabal3r and pabal3e")
    assert "signs with pabal2r" in (server.folder / "log.txt").read_text()


def test_letters_verify_before_while_and_after_the_keys_change(world):  # noqa: F811
    here, there, zones, _ = world
    got = []

    def letter():
        submit(here, "alice@example.com", ["bob@univ.edu"],
               f"From: alice@example.com\r\nTo: bob@univ.edu\r\nMessage-ID: <{len(got)}@example.com>\r\nSubject: {len(got)}\r\n\r\nHello\r\n")
        arrived = wait_for(lambda: len(messages(there, "bob@univ.edu")) > len(got) and messages(there, "bob@univ.edu"))
        got.append(next(text for text in arrived if f"\r\nSubject: {len(got)}\r\n".encode() in text))
        fields = email.message_from_bytes(got[-1])
        assert fields["Authentication-Results"].count("dkim=pass") == 2, fields["Authentication-Results"]
        return {tag.split("=")[1] for field in fields.get_all("DKIM-Signature") for tag in "".join(field.split()).split(";") if tag.startswith("s=")}

    def publish_keys():
        keys = [line for line in here.run("dns", "example.com", "--zone").stdout.splitlines() if "._domainkey." in line]
        others = [line for line in zones["example.com"].splitlines() if "._domainkey" not in line]
        zones["example.com"] = "\n".join(others + [line.replace(".example.com.", "", 1) for line in keys]) + "\n"
        for one in (here, there):
            one.stop()
            one.configure(zones)
            one.start()

    assert letter() == {"pabal1r", "pabal1e"}
    here.run("dkim", "rotate", "example.com")
    assert letter() == {"pabal1r", "pabal1e"}
    publish_keys()
    assert letter() == {"pabal1r", "pabal1e"}
    here.run("dkim", "activate", "example.com")
    assert letter() == {"pabal2r", "pabal2e"}
    for text in got:  # by a verifier we did not write, and with the DNS of now: the old records are still there
        left = text[text.index(b"DKIM-Signature:"):]
        for index in range(2):
            assert dkim.DKIM(left).verify(idx=index, dnsfunc=txt_of(zones))
