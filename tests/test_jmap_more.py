"""What is built on JMAP's core: sending with undo and at a time, Sieve scripts, contacts; by raw JMAP over HTTPS."""
import http.client
import imaplib
import json
import re
import ssl
import time

from conftest import PASSWORD, wait_for

CORE, MAIL, SUBMISSION = (f"urn:ietf:params:jmap:{one}" for one in ("core", "mail", "submission"))
SIEVE, CONTACTS, QUOTA = (f"urn:ietf:params:jmap:{one}" for one in ("sieve", "contacts", "quota"))


class Jmap:
    """One person's account, by access token."""

    def __init__(self, server, address):
        self.server, self.address = server, address
        self.token = re.search(r"token: (\S+)", server.run("token", "create", address).stdout)[1]
        self.session = self.http("GET", "/.well-known/jmap")
        self.account = next(iter(self.session["accounts"]))

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
        made = [[name, {"accountId": self.account, **arguments}, str(i)] for i, (name, arguments) in enumerate(calls)]
        body = {"using": [CORE, MAIL, SUBMISSION, SIEVE, CONTACTS, QUOTA], "methodCalls": made}
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
            return re.search(rb"EMAILID \((\S+)\)", imap.fetch(newest, "(EMAILID)")[1][0])[1].decode()

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
