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
from test_jmap import NEWEST, Jam
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


def test_jmap_jam_writes_sends_and_keeps_in_step(server):
    jam = Jam(server)
    box = by_role(jam)
    drafts = {"filter": {"inMailbox": box["drafts"]}, "sort": NEWEST}
    begin = jam.call("Email/query", **drafts)["queryState"]
    letter = {"mailboxIds": {box["drafts"]: True}, "keywords": {"$draft": True}, "from": [{"email": "alice@example.com"}],
              "to": [{"email": "bob@example.com"}], "subject": "계획", "bodyValues": {"t": {"value": "내년 계획입니다"}},
              "textBody": [{"partId": "t", "type": "text/plain"}]}
    got = jam.calls(["boxes", "Mailbox/set", {"create": {"year": {"name": "2027", "parentId": "#plans"}, "plans": {"name": "Plans"}}}],
                    ["made", "Email/set", {"create": {"d": letter, "other": {**letter, "subject": "temporary"}}}],
                    ["seen", "Email/get", {"ids": ["#d"], "properties": ["subject", "keywords", "preview"]}],
                    ["news", "Email/queryChanges", {**drafts, "sinceQueryState": begin}],
                    ["who", "Identity/get", {"properties": ["email"]}])
    draft, other = (got["made"]["created"][name]["id"] for name in ("d", "other"))
    assert got["seen"]["list"] == [{"id": draft, "subject": "계획", "keywords": {"$draft": True}, "preview": "내년 계획입니다"}]
    assert {one["id"] for one in got["news"]["added"]} == {draft, other}
    state = jam.call("Email/query", **drafts)["queryState"]
    # A call has two answers with one name, of which the client keeps the last: Email/set's.
    sent = jam.call("EmailSubmission/set", create={"s": {"identityId": got["who"]["list"][0]["id"], "emailId": draft}},
                    onSuccessUpdateEmail={"#s": {f"mailboxIds/{box['drafts']}": None, f"mailboxIds/{box['sent']}": True, "keywords/$draft": None}})
    assert draft in sent["updated"], json.dumps(sent)
    assert jam.call("EmailSubmission/query", filter={"emailIds": [draft]})["ids"]
    assert wait_for(lambda: letters(server, "bob@example.com"))[0]["Subject"] == "계획"
    assert jam.call("Email/queryChanges", **drafts, sinceQueryState=state)["removed"] == [draft]
    year = got["boxes"]["created"]["year"]["id"]
    moved = jam.calls(["found", "Email/query", {"filter": {"subject": "계획", "inMailbox": box["sent"]}}],
                      ["moved", "Email/set", {"update": {draft: {"mailboxIds": {year: True}, "keywords/$flagged": True}}}],
                      ["there", "Email/query", {"filter": {"inMailbox": year, "hasKeyword": "$flagged"}}],
                      ["gone", "Email/set", {"destroy": {"$ref": ["there", "/ids"]}}],
                      ["left", "Email/get", {"ids": {"$ref": ["found", "/ids"]}}])
    assert moved["found"]["ids"] == moved["there"]["ids"] == moved["gone"]["destroyed"] == moved["left"]["notFound"] == [draft]
    refused = jam.call("Email/set", destroy=[other], onDestroyRemoveEmails=True)
    assert refused["error"][0]["type"] == "invalidArguments", "of another method"
    assert jam.call("Email/set", destroy=[other])["destroyed"] == [other]
    assert len(jam.call("Mailbox/set", destroy=[one["id"] for one in got["boxes"]["created"].values()])["destroyed"]) == 2


def test_jmap_jam_keeps_an_address_book(server):
    jam = Jam(server)
    book = jam.call("AddressBook/get")["list"][0]["id"]
    begin = jam.call("ContactCard/query")["queryState"]
    card = {"@type": "Card", "version": "1.0", "uid": "urn:uuid:7e5b8a2c-0c1d-4f5e-9a6b-1c2d3e4f5a6b", "addressBookIds": {book: True},
            "name": {"full": "김철수"}, "emails": {"e": {"address": "kim@univ.edu"}}}
    got = jam.calls(["made", "ContactCard/set", {"create": {"k": card}}],
                    ["found", "ContactCard/query", {"filter": {"email": "kim@univ"}}],
                    ["cards", "ContactCard/get", {"ids": {"$ref": ["found", "/ids"]}, "properties": ["name"]}],
                    ["news", "ContactCard/queryChanges", {"sinceQueryState": begin}])
    kim = got["made"]["created"]["k"]["id"]
    assert got["cards"]["list"] == [{"id": kim, "name": {"full": "김철수"}}] and got["news"]["added"] == [{"id": kim, "index": 0}]


def test_a_mailbox_is_shared_and_the_other_is_told(server):
    alice, bob = Jam(server), Jam(server, "bob@example.com")
    inbox = by_role(alice)["inbox"]
    got = alice.calls(["who", "Principal/query", {"filter": {"email": "bob@"}}],
                      ["them", "Principal/get", {"ids": {"$ref": ["who", "/ids"]}}])
    (one,) = got["them"]["list"]
    assert (one["email"], one["type"], one["accounts"]) == ("bob@example.com", "individual", None)
    assert alice.call("Mailbox/set", update={inbox: {"shareWith": {one["id"]: {"mayReadItems": True, "maySetSeen": True}}}})["updated"]
    (told,) = bob.call("ShareNotification/get")["list"]
    assert (told["objectId"], told["changedBy"]["email"], told["newRights"]["mayReadItems"]) == (inbox, "alice@example.com", True)
    with imaplib.IMAP4(server.ip, server.port["imap"]) as imap:
        imap.login("bob@example.com", PASSWORD)
        assert imap.myrights('"Other Users/alice@example.com/INBOX"')[1][0].endswith(b" lrs")
    with imaplib.IMAP4(server.ip, server.port["imap"]) as imap:
        imap.login("alice@example.com", PASSWORD)
        imap.deleteacl("INBOX", "bob@example.com")
    assert bob.call("ShareNotification/get")["list"] == [], "taken back before he looked"
