"""Who is told of changes, and how: WebSockets, EventSource; by clients of other people."""
import http.client
import imaplib
import json
import os
import queue
import re
import smtplib
import ssl
import subprocess
import threading
import time

import pytest

from conftest import PASSWORD, ROOT, need, wait_for
from test_jmap_more import CORE, MAIL, Jmap

SOCKET = "urn:ietf:params:jmap:websocket"


class Peer:
    """A process of push_client.mjs and what it hears."""

    def __init__(self, mode, url, *args):
        self.process = subprocess.Popen([need("node"), ROOT / "tests/push_client.mjs", mode, url, *args], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"})
        self.heard = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.heard.put(json.loads(line))

    def next(self, seconds=10):
        return self.heard.get(timeout=seconds)

    def silent(self, seconds=0.5):
        with pytest.raises(queue.Empty):
            pytest.fail(f"heard {self.heard.get(timeout=seconds)}")

    def send(self, message):
        self.process.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def web_socket(server, who, *more, query=""):
    """Opened by the URL that the session announces, at the port of the test."""
    return Peer("ws", f"wss://{server.ip}:{server.port['https']}/jmap/ws{query}", *([who.token] if who else [""]), *more)


def events(server, who, query, *last):
    return Peer("events", f"https://{server.ip}:{server.port['https']}/jmap/eventsource?{query}", who.token, *last)


def deliver(server, to, subject="hello"):
    with smtplib.LMTP(server.ip, server.port["lmtp"]) as lmtp:
        lmtp.sendmail("carol@univ.edu", [to], f"From: carol@univ.edu\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello\r\n")


def imap(server, name):
    client = imaplib.IMAP4(server.ip, server.port["imap"])
    client.login(name, PASSWORD)
    client.select("INBOX")
    return client


def get(server, path, headers):
    connection = http.client.HTTPSConnection(server.ip, server.port["https"], timeout=20, context=ssl._create_unverified_context())
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text


def echo(number):
    return {"@type": "Request", "id": f"R{number}", "using": [CORE], "methodCalls": [["Core/echo", {"n": number}, "0"]]}


def test_requests_go_over_a_web_socket(server):
    alice = Jmap(server, "alice@example.com")
    capability = alice.session["capabilities"][SOCKET]
    assert capability["supportsPush"] is True and re.fullmatch(r"wss://[^/]+/jmap/ws", capability["url"])
    with web_socket(server, alice) as socket:
        assert socket.next() == {"event": "open", "protocol": "jmap"}
        for number in range(3):
            socket.send(echo(number))
        for number in range(3):
            answer = socket.next()["data"]
            assert answer["@type"] == "Response" and answer["requestId"] == f"R{number}"
            assert answer["methodResponses"] == [["Core/echo", {"n": number}, "0"]] and "sessionState" in answer
        # RFC 8887 §4.3.4.
        for sent, kind in (("{", "notJSON"), ("binary {}", "notJSON"), ('{"@type":"Other"}', "notRequest"), ("[]", "notRequest"),
                           ({**echo(7), "using": ["urn:example:no"]}, "unknownCapability"),
                           ({"@type": "WebSocketPushEnable", "dataTypes": 1}, "notRequest")):
            socket.send(sent)
            answer = socket.next()["data"]
            assert (answer["@type"], answer["type"], answer["status"]) == ("RequestError", f"urn:ietf:params:jmap:error:{kind}", 400), answer
            assert answer["requestId"] == ("R7" if kind == "unknownCapability" else None)
        box = {"@type": "Request", "using": [CORE, MAIL], "methodCalls": [["Mailbox/get", {"accountId": alice.account}, "0"]]}
        socket.send(box)
        answer = socket.next()["data"]
        assert "requestId" not in answer and len(answer["methodResponses"][0][1]["list"]) >= 6
        # The token goes, and with it whoever came by it.
        server.run("token", "revoke", re.search(r"^(\S+) +alice", server.run("token", "list").stdout, re.M)[1])
        socket.send(echo(9))
        assert socket.next() == {"event": "close", "code": 1008}


def test_who_may_open_a_web_socket(server):
    alice = Jmap(server, "alice@example.com")
    with web_socket(server, None) as socket:
        assert socket.next() == {"event": "refused", "status": 401}
    with web_socket(server, alice, "no-protocol") as socket:
        assert socket.next() == {"event": "refused", "status": 400}
    bearer = {"Authorization": f"Bearer {alice.token}"}
    assert get(server, "/jmap/ws", bearer)[0] == 426
    ticket = alice.http("POST", "/oauth/ticket")["ticket"]
    with web_socket(server, None, query=f"?ticket={ticket}") as socket:
        assert socket.next()["event"] == "open"
        socket.send(echo(1))
        assert socket.next()["data"]["requestId"] == "R1"
    with web_socket(server, None, query=f"?ticket={ticket}") as socket:
        assert socket.next() == {"event": "refused", "status": 401}


def test_changes_are_told_over_a_web_socket(server):
    alice = Jmap(server, "alice@example.com")
    with web_socket(server, alice) as socket:
        assert socket.next()["event"] == "open"
        deliver(server, "alice@example.com")
        socket.silent()  # nobody asked to be told yet
        socket.send({"@type": "WebSocketPushEnable", "dataTypes": None})
        socket.send(echo(1))
        assert socket.next()["data"]["@type"] == "Response"
        deliver(server, "alice@example.com")
        told = socket.next()["data"]
        assert told["@type"] == "StateChange" and set(told["changed"]) == {alice.account}
        assert set(told["changed"][alice.account]) == {"Email", "EmailDelivery", "Mailbox", "Thread"}
        assert told["changed"][alice.account]["Mailbox"] == alice.call("Mailbox/get")["state"]
        deliver(server, "bob@example.com")
        socket.silent()
        client = imap(server, "alice@example.com")
        client.store("1", "+FLAGS", "\\Seen")
        assert set(socket.next()["data"]["changed"][alice.account]) == {"Email", "Mailbox"}
        client.create("Work")
        known = socket.next()["data"]
        assert set(known["changed"][alice.account]) == {"Mailbox"}
        alice.call("AddressBook/set", create={"a": {"name": "Friends"}})
        known = socket.next()["data"]
        assert set(known["changed"][alice.account]) == {"AddressBook"}
        assert known["changed"][alice.account]["AddressBook"] == alice.call("AddressBook/get")["state"]
        socket.send({"@type": "WebSocketPushDisable"})
        socket.send(echo(2))
        assert socket.next()["data"]["@type"] == "Response"
        deliver(server, "alice@example.com")
        socket.silent()
    # Another day, from where it left off; only of deliveries.
    with web_socket(server, alice) as socket:
        assert socket.next()["event"] == "open"
        socket.send({"@type": "WebSocketPushEnable", "dataTypes": ["EmailDelivery"], "pushState": known["pushState"]})
        assert set(socket.next()["data"]["changed"][alice.account]) == {"EmailDelivery"}
        client.store("2", "+FLAGS", "\\Seen")
        socket.silent()
    with web_socket(server, alice) as socket:
        assert socket.next()["event"] == "open"
        socket.send({"@type": "WebSocketPushEnable", "dataTypes": None, "pushState": "what is this"})
        socket.silent()


def test_what_others_share_is_told_too(server):
    alice, bob = Jmap(server, "alice@example.com"), Jmap(server, "bob@example.com")
    client = imap(server, "alice@example.com")
    client.create("Team")
    client.create("Own")
    client.setacl("Team", "bob@example.com", "lr")
    with web_socket(server, bob) as socket:
        assert socket.next()["event"] == "open"
        socket.send({"@type": "WebSocketPushEnable", "dataTypes": ["Email"]})
        socket.send(echo(1))
        assert socket.next()["data"]["@type"] == "Response"
        client.append("Own", None, None, b"Subject: own\r\n\r\nhello\r\n")
        socket.silent()
        client.append("Team", None, None, b"Subject: ours\r\n\r\nhello\r\n")
        assert set(socket.next()["data"]["changed"]) == {alice.account}


def test_event_source(server):
    alice = Jmap(server, "alice@example.com")
    template = alice.session["eventSourceUrl"]
    assert re.fullmatch(r"https://[^/]+/jmap/eventsource\?types=\{types\}&closeafter=\{closeafter\}&ping=\{ping\}", template)
    with events(server, alice, "types=*&closeafter=no&ping=5") as source, events(server, alice, "types=Mailbox&closeafter=state&ping=0") as other:
        assert source.next() == {"event": "open"} and other.next() == {"event": "open"}
        deliver(server, "alice@example.com")
        told = source.next()
        assert told["event"] == "state" and told["data"]["@type"] == "StateChange"
        assert set(told["data"]["changed"][alice.account]) == {"Email", "EmailDelivery", "Mailbox", "Thread"}
        assert set(other.next()["data"]["changed"][alice.account]) == {"Mailbox"}
        assert other.next()["event"] == "error"  # closeafter=state: the response ends
        ping = source.next()
        assert (ping["event"], ping["data"]) == ("ping", {"interval": 5})
    deliver(server, "alice@example.com")
    with events(server, alice, "types=*&closeafter=no&ping=0", told["id"]) as source:
        assert source.next() == {"event": "open"}
        assert source.next()["data"]["changed"][alice.account]["Email"] == alice.call("Mailbox/get")["state"]
        source.silent()
    bearer = {"Authorization": f"Bearer {alice.token}"}
    for query in ("types=*&closeafter=never&ping=0", "types=*&closeafter=no&ping=-1"):
        assert get(server, f"/jmap/eventsource?{query}", bearer)[0] == 400
    assert get(server, "/jmap/eventsource?types=*&closeafter=no&ping=0", {})[0] == 401
    # Over HTTP/2 too.
    url = f"https://{server.ip}:{server.port['https']}/jmap/eventsource?types=Email&closeafter=state&ping=0"
    curl = subprocess.Popen([need("curl"), "-sSkN", "--http2", "-H", f"Authorization: Bearer {alice.token}", url], stdout=subprocess.PIPE, text=True)
    assert curl.stdout.readline() == ":\n"
    deliver(server, "alice@example.com")
    rest = curl.communicate(timeout=10)[0]
    assert "event: state\ndata: {" in rest and curl.returncode == 0


def test_the_server_stops_while_others_listen(server):
    alice = Jmap(server, "alice@example.com")
    with web_socket(server, alice) as socket, events(server, alice, "types=*&closeafter=no&ping=0") as source:
        assert socket.next()["event"] == "open" and source.next()["event"] == "open"
        socket.send({"@type": "WebSocketPushEnable", "dataTypes": None})
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 5
        assert socket.next() == {"event": "close", "code": 1001}
        assert source.next()["event"] == "error"


def test_so_many_may_listen_and_no_more(server):
    alice = Jmap(server, "alice@example.com")
    context = ssl._create_unverified_context()
    open_ones = []
    for _ in range(200):
        one = http.client.HTTPSConnection(server.ip, server.port["https"], timeout=20, context=context)
        one.request("GET", "/jmap/eventsource?types=*&closeafter=no&ping=0", headers={"Authorization": f"Bearer {alice.token}"})
        open_ones.append((one, one.getresponse()))
        assert open_ones[-1][1].status == 200
    path, bearer = "/jmap/eventsource?types=*&closeafter=no&ping=0", {"Authorization": f"Bearer {alice.token}"}
    assert get(server, path, bearer)[0] == 429
    for one, response in open_ones[:5]:
        response.close()
        one.close()
    with wait_for(lambda: fresh(server, alice)) as source:
        deliver(server, "alice@example.com")
        assert source.next()["event"] == "state"


def fresh(server, who):
    source = events(server, who, "types=*&closeafter=no&ping=0")
    if source.next() == {"event": "open"}:
        return source
    source.__exit__()
    return None
