"""Reports of DMARC: taken in as data, shown as a table, and what one server saw of another's domain sent to it."""
import email.message
import gzip
import json
import re
import smtplib
import time

import pytest

from conftest import Server, free_port, wait_for
from test_relay import submit

XML = """<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>
<report_metadata><org_name>{org}</org_name><email>r@big.example</email><report_id>{id}</report_id>
<date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>reject</p></policy_published>
<record><row><source_ip>198.51.100.7</source_ip><count>40</count><policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers><auth_results><dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim></auth_results></record>
<record><row><source_ip>203.0.113.9</source_ip><count>2</count><policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
<identifiers><header_from>example.com</header_from></identifiers><auth_results><spf><domain>evil.example</domain><result>pass</result></spf></auth_results></record>
</feedback>"""


def report_mail(xml, org="Big Mail", message_id="<r1@big.example>"):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "r@big.example", "dmarc-reports@example.com", message_id
    mail["Subject"] = f"Report Domain: example.com Submitter: {org}"
    mail.set_content("A report.")
    mail.add_attachment(gzip.compress(xml), maintype="application", subtype="gzip", filename="big!example.com!1!2.xml.gz")
    return mail


def send(server, mail, to="dmarc-reports@example.com"):
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.big.example") as s:
        s.sendmail("r@big.example", [to], mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")))


def told(server, message_id):
    return [f"{e['action']}: {e.get('reason', '')}" for e in json.loads(server.run("trace", "--json", message_id).stdout) if e["station"] == "delivery"]


def test_reports_of_others_become_a_table(server):
    yesterday = int(time.time()) // 86400 * 86400 - 86400
    for number, org in enumerate(("Big Mail", "Other Mail")):
        xml = XML.format(org=org, id=f"id-{number}", begin=yesterday, end=yesterday + 86399).encode()
        send(server, report_mail(xml, org, f"<r{number}@big.example>"))
    assert told(server, "<r0@big.example>") == ["taken: report of Big Mail about example.com: 42 messages of 2 kinds"]

    shown = server.run("reports", "dmarc", "example.com").stdout.splitlines()
    assert shown[0] == "example.com, last 30 days: 84 messages, 80 proven by SPF or DKIM, 4 not"
    assert shown[2].split()[:6] == ["203.0.113.9", "4", "fail", "fail", "reject", "example.com"]  # what fails comes first
    assert shown[3].split()[:6] == ["198.51.100.7", "80", "pass", "pass", "pass", "example.com"]
    assert "dkim example.com/s1" in shown[3] and "Big Mail, Other Mail" in shown[3]
    rows = json.loads(server.run("reports", "dmarc", "--json").stdout)
    assert [(r["source_ip"], r["messages"]) for r in rows] == [("203.0.113.9", 4), ("198.51.100.7", 80)]
    listed = server.run("reports", "list").stdout
    assert "id-0" in listed and "id-1" in listed
    assert server.run("reports", "dmarc", "nowhere.example", check=False).returncode == 1


def test_what_is_no_report_is_dropped_with_its_reason(server):
    send(server, report_mail(b"\0" * 50_000_000, message_id="<bomb@big.example>"))
    assert told(server, "<bomb@big.example>")[0].startswith("dropped: the compressed file holds more than a report has")
    xxe = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>'
    send(server, report_mail(xxe, message_id="<xxe@big.example>"))
    assert "a DTD" in told(server, "<xxe@big.example>")[0]
    assert "nothing was reported" in server.run("reports", "dmarc").stdout
    assert server.run("queue", "list").stdout.startswith("0 messages waiting")


@pytest.fixture
def peers(tmp_path):
    """example.com and univ.edu, each with keys and a record that asks for reports."""
    port = free_port("127.0.0.1")
    net = {"example.com": "127.0.0.1", "univ.edu": "127.0.0.2"}
    zones = {domain: f'@ MX 10 mail\nmail A {ip}\n@ TXT "v=spf1 ip4:{ip} -all"\n_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc-reports@{domain}"\n'
             for domain, ip in net.items()}
    made = []
    for domain, user in (("example.com", "alice"), ("univ.edu", "bob")):
        one = Server(tmp_path / domain, domain, net[domain], relay_port=port, zones=zones, port={"smtp": port})
        one.run("domain", "add", domain)
        one.add_account(f"{user}@{domain}")
        for line in one.run("dns", domain, "--zone").stdout.splitlines():
            if "._domainkey." in line:
                zones[domain] += line.replace(f".{domain}.", "", 1) + "\n"
        made.append(one)
    for one in made:
        one.configure(zones)
        one.start()
    yield made
    for one in made:
        one.stop()


def test_what_one_server_saw_is_told_to_the_other(peers):
    here, there = peers
    submit(there, "bob@univ.edu", ["alice@example.com"], "From: bob@univ.edu\r\nTo: alice@example.com\r\nSubject: true\r\nMessage-ID: <true@univ.edu>\r\n\r\nHi\r\n")
    wait_for(lambda: "filed" in here.run("trace", "<true@univ.edu>", check=False).stdout)
    with smtplib.SMTP(here.ip, here.port["smtp"], local_hostname="mx.evil.example") as s:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            s.sendmail("x@evil.example", ["alice@example.com"], "From: dean@univ.edu\r\nSubject: forged\r\n\r\nPay\r\n")
    assert refused.value.smtp_code == 550

    sent = wait_for(lambda: (out := here.run("reports", "send").stdout).startswith("about") and out)
    assert re.match(r"about univ\.edu to dmarc-reports@univ\.edu, queued as \w{13}\n1 sent\n", sent)
    rows = wait_for(lambda: json.loads(there.run("reports", "dmarc", "univ.edu", "--json").stdout))
    assert [(r["source_ip"], r["messages"], r["spf"], r["dkim"], r["disposition"], r["reporters"]) for r in rows] == [
        ("127.0.0.1", 1, "fail", "fail", "reject", ["example.com"]), ("127.0.0.2", 1, "pass", "pass", "pass", ["example.com"])]
    assert any(p.startswith("dkim univ.edu/pabal1") for p in rows[1]["passed"])
    # The report itself is signed, passes DMARC, and nobody reports about it.
    queued = sent.split("queued as ")[1].split()[0]
    message_id = json.loads(here.run("trace", "--json", queued).stdout)[0]["message_id"]
    checked = [e["reason"] for e in json.loads(there.run("trace", "--json", message_id).stdout) if e["action"] == "checked"]
    assert "dmarc=pass" in checked[0] and "dkim=pass" in checked[0]
    assert there.run("reports", "send").stdout == "there is nothing to report\n"
    assert here.run("reports", "send").stdout == "there is nothing to report\n"
