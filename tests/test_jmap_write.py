"""Writing by JMAP over HTTPS: letters composed, changed, sent; mailboxes; imports; the vacation response. IMAP and Python's
own parser say what came of it."""
import email
import email.policy
import http.client
import imaplib
import json
import smtplib
import ssl

from conftest import PASSWORD, wait_for
from test_jmap_more import Jmap, subjects


def letters(server, address, mailbox="INBOX"):
    """What IMAP has there: parsed messages with their flags."""
    with imaplib.IMAP4(server.ip, server.port["imap"]) as imap:
        imap.login(address, PASSWORD)
        imap.select(f'"{mailbox}"', readonly=True)
        out = []
        for number in imap.search(None, "ALL")[1][0].split():
            answer = imap.fetch(number.decode(), "(FLAGS BODY.PEEK[])")[1]
            message = email.message_from_bytes(answer[0][1], policy=email.policy.default)
            message.flags = {flag.decode() for one in answer for flag in imaplib.ParseFlags(one if isinstance(one, bytes) else one[0])}
            out.append(message)
        return out


def by_role(jmap):
    return {one["role"]: one["id"] for one in jmap.call("Mailbox/get")["list"] if one["role"]}


def compose(jmap, to, subject, **more):
    """A draft of text, HTML with a picture, and a file."""
    picture, table = jmap.upload(b"\x89PNG\r\n\x1a\nnot really", "image/png"), jmap.upload("이름;값\n".encode(), "text/csv")
    letter = {"mailboxIds": {by_role(jmap)["drafts"]: True}, "keywords": {"$draft": True, "$seen": True},
              "from": [{"name": "앨리스", "email": jmap.address}], "to": [{"name": None, "email": to}], "subject": subject,
              "bodyValues": {"t": {"value": "안녕하세요\nBye"}, "h": {"value": '<p>안녕</p><img src="cid:pic@x">'}},
              "textBody": [{"partId": "t", "type": "text/plain"}], "htmlBody": [{"partId": "h", "type": "text/html"}],
              "attachments": [{"blobId": picture, "type": "image/png", "cid": "pic@x"},
                              {"blobId": table, "type": "text/csv", "charset": "utf-8", "name": "표 하나.csv"}], **more}
    answer = jmap.call("Email/set", create={"d": letter})
    assert answer["created"], json.dumps(answer)
    return answer["created"]["d"]["id"]


def test_a_letter_is_composed_and_sent_and_its_draft_moves_to_sent(server):
    alice = Jmap(server, "alice@example.com")
    box = by_role(alice)
    draft = compose(alice, "bob@example.com", "새 소식")
    assert [one["Subject"] for one in letters(server, alice.address, "Drafts")] == ["새 소식"]
    assert letters(server, alice.address, "Drafts")[0].flags == {"\\Draft", "\\Seen"}
    sent, changed = alice.calls(
        ("EmailSubmission/set", {"create": {"s": {"identityId": alice.identity()["id"], "emailId": draft}},
                                 "onSuccessUpdateEmail": {"#s": {f"mailboxIds/{box['drafts']}": None,
                                                                 f"mailboxIds/{box['sent']}": True, "keywords/$draft": None}}}))
    assert sent[1]["created"], json.dumps(sent)
    assert changed[0] == "Email/set" and draft in changed[1]["updated"], json.dumps(changed)
    assert letters(server, alice.address, "Drafts") == []
    assert letters(server, alice.address, "Sent")[0].flags == {"\\Seen"}
    (came,) = wait_for(lambda: letters(server, "bob@example.com"))
    assert came["Subject"] == "새 소식" and came["From"].addresses[0].display_name == "앨리스"
    assert came.get_body(("plain",)).get_content().splitlines() == ["안녕하세요", "Bye"]
    assert came.get_content_type() == "multipart/mixed"
    related = came.get_body(("related",))
    assert [part.get_content_type() for part in related.iter_parts()] == ["text/html", "image/png"]
    (table,) = [part for part in came.walk() if part.get_content_disposition() == "attachment"]
    assert table.get_filename() == "표 하나.csv" and table.get_content() == "이름;값\n"


def test_a_draft_is_destroyed_when_it_was_sent_and_stays_when_it_cannot_be(server):
    alice = Jmap(server, "alice@example.com")
    draft = compose(alice, "bob@example.com", "gone")
    identity = alice.identity()["id"]
    send = {"create": {"s": {"identityId": identity, "emailId": draft}}, "onSuccessDestroyEmail": ["#s"]}
    sent, changed = alice.calls(("EmailSubmission/set", send))
    assert changed[1]["destroyed"] == [draft], json.dumps((sent, changed))
    wait_for(lambda: subjects(server, "bob@example.com"))
    assert letters(server, alice.address, "Drafts") == []
    lost = compose(alice, "nobody@example.com", "lost")
    send["create"]["s"]["emailId"] = lost
    (refused,) = alice.calls(("EmailSubmission/set", send))
    assert refused[1]["notCreated"]["s"]["type"] == "invalidRecipients"
    assert len(letters(server, alice.address, "Drafts")) == 1


def test_mailboxes_and_keywords_are_the_same_for_imap(server):
    alice = Jmap(server, "alice@example.com")
    made = alice.call("Mailbox/set", create={"b": {"name": "날씨", "parentId": "#a", "isSubscribed": True}, "a": {"name": "Topics"}})["created"]
    blob = alice.upload(b"From: x@example.org\nSubject: imported\nDate: Fri, 2 Jan 2026 03:04:05 +0000\n\nHello\n", "message/rfc822")
    answer = alice.call("Email/import", emails={"e": {"blobId": blob, "mailboxIds": {made["b"]["id"]: True}, "keywords": {"project": True}}})
    message = answer["created"]["e"]["id"]
    with imaplib.IMAP4(server.ip, server.port["imap"]) as imap:
        imap.login(alice.address, PASSWORD)
        assert any(b'Topics/&sKDFKA-' in one for one in imap.lsub()[1])
        assert imap.select('"Topics/&sKDFKA-"')[1] == [b"1"]
        assert b"project" in imap.fetch("1", "(FLAGS)")[1][0]
        alice.call("Email/set", update={message: {"keywords/$seen": True, "keywords/project": None}})
        imap.noop()
        shown = imap.fetch("1", "(FLAGS)")[1][-1]
        assert b"\\Seen" in shown and b"project" not in shown
        alice.call("Email/set", update={message: {"mailboxIds": {by_role(alice)["inbox"]: True}}})
        imap.noop()
        assert imap.search(None, "ALL")[1] == [b""]
    refused = alice.call("Mailbox/set", destroy=[made["a"]["id"]])
    assert refused["notDestroyed"][made["a"]["id"]]["type"] == "mailboxHasChild"
    assert len(alice.call("Mailbox/set", destroy=[made["a"]["id"], made["b"]["id"]])["destroyed"]) == 2
    assert subjects(server, alice.address) == ["imported"]


def test_the_vacation_response_answers_and_is_gmails_too(server):
    alice = Jmap(server, "alice@example.com")
    answer = alice.call("VacationResponse/set", update={"singleton": {"isEnabled": True, "subject": "Away", "textBody": "Back on Monday"}})
    assert answer["updated"] == {"singleton": None}, json.dumps(answer)
    shown = alice.http("GET", "/gmail/v1/users/me/settings/vacation")
    assert shown["enableAutoReply"] is True and shown["responseSubject"] == "Away"
    with smtplib.SMTP(server.ip, server.port["submission"]) as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.login("bob@example.com", PASSWORD)
        smtp.sendmail("bob@example.com", [alice.address], "From: bob@example.com\r\nTo: alice@example.com\r\nSubject: lunch?\r\n\r\nToday?\r\n")
    wait_for(lambda: "Away" in subjects(server, "bob@example.com"))
    connection = http.client.HTTPSConnection(server.ip, server.port["https"], timeout=20, context=ssl._create_unverified_context())
    connection.request("PUT", "/gmail/v1/users/me/settings/vacation", json.dumps({"enableAutoReply": False}),
                       {"Authorization": f"Bearer {alice.token}", "Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    assert alice.call("VacationResponse/get")["list"][0]["isEnabled"] is False
