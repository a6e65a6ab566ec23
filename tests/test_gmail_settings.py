"""Gmail's settings, uploads and batches, with Google's own clients; and real mail that the settings act on."""
import email
import email.policy
import json
import re
import smtplib
import subprocess
import urllib.request

from conftest import ROOT, need, wait_for
from imap_reader import logged_in, messages

LETTER = "From: carol@example.net\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n\r\nHi.\r\n"


def token_of(server, account):
    said = server.run("token", "create", account).stdout
    return max(re.findall(r"[A-Za-z0-9_-]{30,}", said), key=len)


def root_of(server):
    return f"http://{server.ip}:{server.port['http']}/"


def google(server, token, *calls):
    """Answers of calls by the npm client: (name, parameters) or (name, parameters, message to upload)."""
    asked = [dict(zip(("call", "params", "media"), call)) for call in calls]
    done = subprocess.run([need("node"), ROOT / "tests/gmail_calls.mjs", root_of(server), token], input=json.dumps(asked), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def google_one(server, token, *call):
    answer = google(server, token, call)[0]
    assert 200 <= answer["status"] < 300, answer
    return answer["data"]


def send(server, to, subject, sender="carol@example.net"):
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
        s.sendmail(sender, to, LETTER.format(to=to, subject=subject))


def subjects(server, user, mailbox="INBOX"):
    return [email.message_from_bytes(m, policy=email.policy.default)["Subject"] for m in messages(server, user, mailbox)]


def test_a_filter_sorts_real_mail(server):
    token = token_of(server, "alice@example.com")
    made = google_one(server, token, "users.settings.filters.create", {"requestBody": {
        "criteria": {"from": "carol", "query": "subject:invoice -subject:paid"},
        "action": {"addLabelIds": ["STARRED"], "removeLabelIds": ["INBOX", "UNREAD"]}}})
    assert made["action"] == {"addLabelIds": ["STARRED"], "removeLabelIds": ["INBOX", "UNREAD"]}
    assert google_one(server, token, "users.settings.filters.list")["filter"] == [made]
    assert google_one(server, token, "users.settings.filters.get", {"id": made["id"]}) == made
    for subject in ("invoice", "paid-invoice", "hello"):
        send(server, "alice@example.com", subject.replace("-", " "))
    assert subjects(server, "alice@example.com") == ["paid invoice", "hello"]
    assert subjects(server, "alice@example.com", "Archive") == ["invoice"]
    with logged_in(server, "alice@example.com") as client:
        client.select("Archive")
        flags = client.fetch("1", "(FLAGS)")[1][0].decode()
    assert "\\Flagged" in flags and "\\Seen" in flags
    assert "# Filter 1" in server.run("sieve", "settings", "alice@example.com").stdout
    google_one(server, token, "users.settings.filters.delete", {"id": made["id"]})
    send(server, "alice@example.com", "invoice again")
    assert subjects(server, "alice@example.com")[-1] == "invoice again"
    refused, unknown = google(server, token,
                              ("users.settings.filters.create", {"requestBody": {"criteria": {"query": "is:unread"},
                                                                                 "action": {"addLabelIds": ["STARRED"]}}}),
                              ("users.settings.filters.get", {"id": made["id"]}))
    assert refused["status"] == 400 and "flags" in refused["message"]
    assert unknown["status"] == 404


def test_vacation_answers_and_forwarding_passes_on(pair):
    here, there = pair
    token = token_of(here, "alice@example.com")
    google_one(here, token, "users.settings.updateVacation",
               {"requestBody": {"enableAutoReply": True, "responseSubject": "Away", "responseBodyPlainText": "Back on Monday."}})
    send(here, "alice@example.com", "first", "bob@univ.edu")
    wait_for(lambda: "Away" in subjects(there, "bob@univ.edu"))
    google_one(here, token, "users.settings.updateVacation", {"requestBody": {"enableAutoReply": False}})

    bob = {"forwardingEmail": "bob@univ.edu"}
    assert google_one(here, token, "users.settings.forwardingAddresses.create", {"requestBody": bob}) == {**bob, "verificationStatus": "pending"}
    on = {"enabled": True, "emailAddress": "bob@univ.edu", "disposition": "archive"}
    assert google(here, token, ("users.settings.updateAutoForwarding", {"requestBody": on}))[0]["status"] == 400
    wait_for(lambda: any("메일 전달" in s for s in subjects(there, "bob@univ.edu")))
    letter = email.message_from_bytes(messages(there, "bob@univ.edu")[-1], policy=email.policy.default)
    link = re.search(r"http://\S+/forwarding/confirm\?t=\S+", letter.get_body().get_content())[0]
    with urllib.request.urlopen(urllib.request.Request(link, headers={"Accept-Language": "ko"})) as page:
        assert "전달 허용" in page.read().decode()
    assert google(here, token, ("users.settings.updateAutoForwarding", {"requestBody": on}))[0]["status"] == 400, "a look is no answer"
    address, question = link.split("?")
    with urllib.request.urlopen(address, data=question.encode()) as page:
        assert page.status == 200
    assert google_one(here, token, "users.settings.updateAutoForwarding", {"requestBody": on}) == on
    send(here, "alice@example.com", "second", "carol@example.net")
    wait_for(lambda: "second" in subjects(there, "bob@univ.edu"))
    assert subjects(here, "alice@example.com", "Archive") == ["second"]
    assert "Away" not in subjects(there, "bob@univ.edu")[-1:], "the answer is off"


def test_media_uploads_of_the_npm_client(server):
    token = token_of(server, "alice@example.com")
    letter = LETTER.format(to="alice@example.com", subject="uploaded")
    inserted = google_one(server, token, "users.messages.insert", {"requestBody": {"labelIds": ["INBOX", "STARRED"]}}, letter)
    assert set(inserted["labelIds"]) >= {"INBOX", "STARRED"}
    sent = google_one(server, token, "users.messages.send", {}, LETTER.format(to="bob@example.com", subject="sent by upload").replace(
        "carol@example.net", "alice@example.com"))
    assert sent["labelIds"] == ["SENT"]
    wait_for(lambda: "sent by upload" in subjects(server, "bob@example.com"))
    refused = google(server, token, ("users.messages.insert", {}, "From: x\r\n\r\n" + "x" * (60 << 20)))[0]
    assert refused["status"] in (413, None) or "EPIPE" in refused["message"]


def test_send_as_and_what_is_not_here(server):
    server.run("alias", "add", "sales@example.com", "alice@example.com")
    token = token_of(server, "alice@example.com")
    listed = google_one(server, token, "users.settings.sendAs.list")["sendAs"]
    assert [one["sendAsEmail"] for one in listed] == ["alice@example.com", "sales@example.com"]
    changed = google_one(server, token, "users.settings.sendAs.patch", {"sendAsEmail": "sales@example.com", "requestBody": {"signature": "<b>S</b>"}})
    assert changed["signature"] == "<b>S</b>" and changed["verificationStatus"] == "accepted"
    made = google_one(server, token, "users.settings.sendAs.create", {"requestBody": {"sendAsEmail": "alice+b@example.com"}})
    assert google_one(server, token, "users.settings.sendAs.get", {"sendAsEmail": "alice+b@example.com"}) == made
    answers = google(server, token, ("users.settings.sendAs.create", {"requestBody": {"sendAsEmail": "bob@example.com"}}),
                     ("users.settings.delegates.create", {"requestBody": {"delegateEmail": "bob@example.com"}}),
                     ("users.settings.cse.keypairs.list",), ("users.settings.sendAs.smimeInfo.list", {"sendAsEmail": "alice@example.com"}))
    assert [one["status"] for one in answers] == [403] * 4
