"""What is built on JMAP's core: sending with undo and at a time, Sieve scripts, contacts; by raw JMAP over HTTPS."""
import http.client
import imaplib
import json
import re
import ssl
import time

from conftest import PASSWORD, wait_for

CORE, MAIL, SUBMISSION = (f"urn:ietf:params:jmap:{one}" for one in ("core", "mail", "submission"))


class Jmap:
    """One person's account, by access token."""

    def __init__(self, server, address):
        self.server, self.address = server, address
        self.token = re.search(r"token: (\S+)", server.run("token", "create", address).stdout)[1]
        self.session = self.http("GET", "/.well-known/jmap")
        self.account = self.session["primaryAccounts"][MAIL]

    def http(self, method, path, body=None, content_type="application/json"):
        connection = http.client.HTTPSConnection(self.server.ip, self.server.port["https"], timeout=20,
                                                 context=ssl._create_unverified_context())
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        assert response.status in (200, 201), (response.status, text)
        return json.loads(text)

    def calls(self, *calls):
        # Push subscriptions are of no account (RFC 8620 §7.2).
        made = [[name, arguments if name.startswith("PushSubscription/") else {"accountId": self.account, **arguments}, str(i)]
                for i, (name, arguments) in enumerate(calls)]
        body = {"using": list(self.session["capabilities"]), "methodCalls": made}
        return [(name, arguments) for name, arguments, _ in self.http("POST", "/jmap", json.dumps(body))["methodResponses"]]

    def call(self, name, **arguments):
        answer = self.calls((name, arguments))[0]
        assert answer[0] == name, answer
        return answer[1]

    def upload(self, octets, content_type):
        return self.http("POST", f"/jmap/upload/{self.account}/", octets, content_type)["blobId"]

    def draft(self, to, subject):
        """A letter filed by IMAP, as its Email id."""
        with imaplib.IMAP4(self.server.ip, self.server.port["imap"]) as imap:
            imap.login(self.address, PASSWORD)
            letter = f"From: {self.address}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n"
            imap.append("Drafts", "\\Draft", None, letter.encode())
            imap.select("Drafts")
            newest = imap.search(None, "ALL")[1][0].split()[-1].decode()
            return re.search(rb"EMAILID \(([^)]+)\)", imap.fetch(newest, "(EMAILID)")[1][0])[1].decode()

    def identity(self):
        return self.call("Identity/get")["list"][0]

    def send(self, email, hold=None, to=None):
        envelope = None
        if hold:
            envelope = {"mailFrom": {"email": self.address, "parameters": {"HOLDFOR": str(hold)}}, "rcptTo": [{"email": to}]}
        create = {"s": {"identityId": self.identity()["id"], "emailId": email, "envelope": envelope}}
        answer = self.call("EmailSubmission/set", create=create)
        assert answer["created"], json.dumps(answer)
        return answer["created"]["s"]

    def submission(self, made):
        return self.call("EmailSubmission/get", ids=[made["id"]])["list"][0]


def subjects(server, address, mailbox="INBOX"):
    with imaplib.IMAP4(server.ip, server.port["imap"]) as imap:
        imap.login(address, PASSWORD)
        imap.select(mailbox, readonly=True)
        found = imap.search(None, "ALL")[1][0].split()
        return [re.search(rb"Subject: (.*?)\r\n", imap.fetch(one.decode(), "(RFC822.HEADER)")[1][0][1])[1].decode() for one in found]


def test_a_letter_to_the_other_domain_and_what_became_of_it(pair):
    here, there = pair
    alice = Jmap(here, "alice@example.com")
    made = alice.send(alice.draft("bob@univ.edu", "over there"))
    assert made["undoStatus"] == "final"
    wait_for(lambda: subjects(there, "bob@univ.edu") == ["over there"])
    status = wait_for(lambda: (s := alice.submission(made)["deliveryStatus"]["bob@univ.edu"])["delivered"] != "queued" and s)
    assert status["delivered"] == "unknown" and status["smtpReply"].startswith("250 2.0.0 ")


def test_what_waits_is_taken_back_or_leaves_at_its_time(server):
    alice = Jmap(server, "alice@example.com")
    assert alice.session["accounts"][alice.account]["accountCapabilities"][SUBMISSION]["maxDelayedSend"] > 86400
    undone = alice.send(alice.draft("bob@example.com", "a mistake"), hold=600, to="bob@example.com")
    later = alice.send(alice.draft("bob@example.com", "later"), hold=3, to="bob@example.com")
    begun = time.time()
    assert undone["undoStatus"] == later["undoStatus"] == "pending"
    answer = alice.call("EmailSubmission/set", update={undone["id"]: {"undoStatus": "canceled"}})
    assert undone["id"] in answer["updated"]
    assert alice.submission(undone)["undoStatus"] == "canceled"
    assert subjects(server, "bob@example.com") == [], "nobody here gets it earlier either"
    wait_for(lambda: subjects(server, "bob@example.com") == ["later"])
    assert time.time() - begun > 1.5
    wait_for(lambda: alice.submission(later)["undoStatus"] == "final")
    refused = alice.call("EmailSubmission/set", update={later["id"]: {"undoStatus": "canceled"}})
    assert refused["notUpdated"][later["id"]]["type"] == "cannotUnsend"
    assert wait_for(lambda: alice.submission(later)["deliveryStatus"]["bob@example.com"]["delivered"] == "yes")


def test_a_scheduled_letter_survives_a_crash(server):
    alice = Jmap(server, "alice@example.com")
    alice.send(alice.draft("bob@example.com", "patience"), hold=4, to="bob@example.com")
    server.stop(how=9)
    server.start()
    wait_for(lambda: subjects(server, "bob@example.com") == ["patience"])


def test_a_script_acts_on_a_delivery(server):
    bob = Jmap(server, "bob@example.com")
    blob = bob.upload(b'require ["fileinto", "mailbox"];\r\nfileinto :create "Robots";\r\n', "application/sieve")
    assert bob.call("SieveScript/validate", blobId=blob)["error"] is None
    answer = bob.call("SieveScript/set", create={"r": {"name": "robots", "blobId": blob}}, onSuccessActivateScript="#r")
    assert answer["created"]["r"]["id"] in answer["updated"]
    alice = Jmap(server, "alice@example.com")
    alice.send(alice.draft("bob@example.com", "beep"))
    assert wait_for(lambda: "beep" in subjects(server, "bob@example.com", "Robots"))


def test_an_address_book(server):
    alice = Jmap(server, "alice@example.com")
    book = alice.call("AddressBook/get")["list"][0]["id"]
    card = {"addressBookIds": {book: True}, "name": {"full": "김철수"}, "emails": {"e": {"address": "kim@univ.edu"}}}
    state = alice.call("ContactCard/get", ids=[])["state"]
    made = alice.call("ContactCard/set", create={"k": card})["created"]["k"]
    assert alice.call("ContactCard/query", filter={"text": "철수"})["ids"] == [made["id"]]
    alice.call("ContactCard/set", update={made["id"]: {"emails/e/address": "kim@example.com"}})
    assert alice.call("ContactCard/get", ids=[made["id"]])["list"][0]["emails"]["e"]["address"] == "kim@example.com"
    assert alice.call("ContactCard/changes", sinceState=state)["created"] == [made["id"]]
    assert alice.call("ContactCard/set", destroy=[made["id"]])["destroyed"] == [made["id"]]
    assert alice.call("ContactCard/query")["ids"] == []
