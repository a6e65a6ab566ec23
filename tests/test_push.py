"""Who is told of changes, and how: WebSockets, EventSource, Web Push, webhooks; by clients of other people."""
import base64
import hmac
import http.client
import http.server
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

from conftest import PASSWORD, ROOT, Server, need, wait_for
from test_jmap_more import CORE, MAIL, Jmap
from test_oauth import Browser
from test_sieve import Manage

SOCKET = "urn:ietf:params:jmap:websocket"


class Peer:
    """A process of push_client.mjs and what it hears."""

    def __init__(self, mode, url, *args):
        self.run([ROOT / "tests/push_client.mjs", mode, url, *args])

    def run(self, words):
        self.process = subprocess.Popen([need("node"), *words], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"})
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
        assert socket.next(5) == {"event": "close", "code": 1008}


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
        assert set(told["changed"][alice.account]) == {"Email", "EmailDelivery", "Mailbox", "Thread", "Quota"}
        assert told["changed"][alice.account]["Mailbox"] == alice.call("Mailbox/get")["state"]
        assert told["changed"][alice.account]["Quota"] == alice.call("Quota/get")["state"]
        deliver(server, "bob@example.com")
        socket.silent()
        client = imap(server, "alice@example.com")
        client.store("1", "+FLAGS", "\\Seen")
        assert set(socket.next()["data"]["changed"][alice.account]) == {"Email", "Mailbox"}
        client.create("Work")
        known = socket.next()["data"]
        assert set(known["changed"][alice.account]) == {"Mailbox"}
        with Manage(server, "alice@example.com") as manage:
            assert manage.ask_with('PUTSCRIPT "s"', "keep;\r\n").startswith("OK")
        assert socket.next()["data"]["changed"][alice.account] == {"SieveScript": alice.call("SieveScript/get")["state"]}
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
        # What is shared while he listens, and taken back.
        client.setacl("Own", "bob@example.com", "lr")
        assert set(socket.next()["data"]["changed"]) == {alice.account}
        client.append("Own", None, None, b"Subject: own\r\n\r\nhello\r\n")
        assert set(socket.next()["data"]["changed"]) == {alice.account}
        client.deleteacl("Team", "bob@example.com")
        client.deleteacl("Own", "bob@example.com")
        time.sleep(2)
        while not socket.heard.empty():  # the loss of one while the other is there still
            socket.next()
        client.append("Team", None, None, b"Subject: ours\r\n\r\nhello\r\n")
        socket.silent()


def test_a_session_ends_with_what_it_opened(near, tmp_path):
    browser = Browser(near)
    browser.sign_in("/login?next=/device")
    alice = Jmap(near, "alice@example.com")
    ticket = json.loads(browser.send("POST", "/oauth/ticket", {})[2])["ticket"]
    cookie = {"Cookie": browser.cookie, "Sec-Fetch-Site": "same-origin"}
    with Service(tmp_path) as service, web_socket(near, None, query=f"?ticket={ticket}") as socket:
        assert socket.next()["event"] == "open"
        socket.send({"@type": "Request", "using": [CORE], "methodCalls": [["PushSubscription/set", {"create": {"s": {
            "deviceClientId": "browser", "url": service.url, "keys": service.keys}}}, "0"]]})
        assert socket.next()["data"]["methodResponses"][0][1]["created"]
        code = service.next()["message"]
        alice.call("PushSubscription/set", update={code["pushSubscriptionId"]: {"verificationCode": code["verificationCode"]}})
        deliver(near, "alice@example.com")
        assert service.next()["message"]["@type"] == "StateChange"
        connection = http.client.HTTPSConnection(near.ip, near.port["https"], timeout=20, context=ssl._create_unverified_context())
        connection.request("GET", "/jmap/eventsource?types=*&closeafter=no&ping=0", headers=cookie)
        response = connection.getresponse()
        assert response.status == 200
        near.run("account", "password", "alice@example.com", "--password-stdin", stdin="another word")
        assert socket.next(5) == {"event": "close", "code": 1008}
        assert response.read().startswith(b":\n")  # it ends
        wait_for(lambda: alice.call("PushSubscription/get", ids=None)["list"] == [])
        deliver(near, "alice@example.com")
        service.silent(6)


def test_event_source(server):
    alice = Jmap(server, "alice@example.com")
    template = alice.session["eventSourceUrl"]
    assert re.fullmatch(r"https://[^/]+/jmap/eventsource\?types=\{types\}&closeafter=\{closeafter\}&ping=\{ping\}", template)
    with events(server, alice, "types=*&closeafter=no&ping=5") as source, events(server, alice, "types=Mailbox&closeafter=state&ping=0") as other:
        assert source.next() == {"event": "open"} and other.next() == {"event": "open"}
        deliver(server, "alice@example.com")
        told = source.next()
        assert told["event"] == "state" and told["data"]["@type"] == "StateChange"
        assert set(told["data"]["changed"][alice.account]) == {"Email", "EmailDelivery", "Mailbox", "Thread", "Quota"}
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


class Service(Peer):
    """A push service with one browser."""

    def __init__(self, folder):
        key, certificate = folder / "push.key", folder / "push.pem"
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        certificate, "-days", "2", "-subj", "/CN=push.example"], check=True, capture_output=True)
        self.run([ROOT / "tests/push_service.mjs", key, certificate])
        made = self.next()
        self.keys, self.url = made["keys"], f"https://127.0.0.1:{made['port']}/push/1"


@pytest.fixture
def near(tmp_path):
    """Like `server`, and it may tell hosts of this machine."""
    made = Server(tmp_path / "near", "example.com")
    made.config.write_text(made.config.read_text() + "[web]\nfetch_private = true\n")
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com")
    made.start()
    yield made
    made.stop()


def subscribe(who, service, **more):
    answer = who.call("PushSubscription/set", create={"s": {"deviceClientId": "laptop", "url": service.url, "keys": service.keys, **more}})
    assert answer["created"], answer
    return answer["created"]["s"]["id"]


def test_web_push(near, tmp_path):
    alice = Jmap(near, "alice@example.com")
    key = alice.session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"]
    with Service(tmp_path) as service:
        subscription = subscribe(alice, service, types=["Email", "Mailbox"])
        first = service.next()
        assert first["message"] == {"@type": "PushVerification", "pushSubscriptionId": subscription,
                                    "verificationCode": first["message"]["verificationCode"]}
        assert first["headers"]["content-encoding"] == "aes128gcm" and int(first["headers"]["ttl"]) > 0
        proof = first["proof"]
        assert proof["good"] and proof["key"] == key and proof["head"]["alg"] == "ES256"
        assert proof["claims"]["aud"] == service.url.removesuffix("/push/1") and proof["claims"]["sub"].startswith("mailto:postmaster@")
        assert 0 < proof["claims"]["exp"] - time.time() <= 24 * 3600
        # Nothing else is sent before the code came back.
        deliver(near, "alice@example.com")
        service.silent(1)
        wrong = alice.call("PushSubscription/set", update={subscription: {"verificationCode": "wrong"}})
        assert wrong["notUpdated"][subscription]["properties"] == ["verificationCode"]
        code = first["message"]["verificationCode"]
        assert alice.call("PushSubscription/set", update={subscription: {"verificationCode": code}})["updated"] == {subscription: None}
        told = service.next()  # what came meanwhile
        assert told["message"]["@type"] == "StateChange"
        assert told["message"]["changed"] == {alice.account: {name: alice.call("Mailbox/get")["state"] for name in ("Email", "Mailbox")}}
        deliver(near, "alice@example.com", "secret plans")
        second = service.next()
        assert second["message"]["changed"][alice.account]["Email"] == alice.call("Mailbox/get")["state"]
        # All messages look alike to the push service.
        assert first["size"] == told["size"] == second["size"]
        # What fails is tried again; over is over.
        service.send("answers 503")
        deliver(near, "alice@example.com")
        assert service.next()["status"] == 503
        assert service.next(40)["message"]["changed"][alice.account]["Email"] == alice.call("Mailbox/get")["state"]
        assert [one["id"] for one in alice.call("PushSubscription/get", ids=None)["list"]] == [subscription]
        service.send("answers 410")
        deliver(near, "alice@example.com")
        assert service.next()["status"] == 410
        wait_for(lambda: alice.call("PushSubscription/get", ids=None)["list"] == [])


def test_web_push_tells_of_what_others_share(near, tmp_path):
    near.add_account("bob@example.com")
    alice, bob, client = Jmap(near, "alice@example.com"), Jmap(near, "bob@example.com"), imap(near, "bob@example.com")
    with Service(tmp_path) as service:
        subscribe(alice, service, types=["Email", "Mailbox"])
        code = service.next()["message"]
        alice.call("PushSubscription/set", update={code["pushSubscriptionId"]: {"verificationCode": code["verificationCode"]}})
        deliver(near, "bob@example.com")
        service.silent(1)
        client.setacl("INBOX", "alice@example.com", "lr")
        assert set(service.next()["message"]["changed"]) == {bob.account}
        deliver(near, "bob@example.com")
        assert service.next()["message"]["changed"][bob.account]["Email"] == bob.call("Mailbox/get")["state"]
        client.deleteacl("INBOX", "alice@example.com")
        deliver(near, "bob@example.com")
        service.silent(6)
        deliver(near, "alice@example.com")
        assert set(service.next()["message"]["changed"]) == {alice.account}


def test_push_subscriptions_are_kept_and_checked(near, tmp_path):
    alice, bob = Jmap(near, "alice@example.com"), None
    near.add_account("bob@example.com")
    bob = Jmap(near, "bob@example.com")
    with Service(tmp_path) as service:
        subscription = subscribe(alice, service, expires=None, types=None)
        got = alice.call("PushSubscription/get", ids=[subscription, "P1"])
        assert set(got) == {"list", "notFound"} and got["notFound"] == ["P1"]
        one = got["list"][0]
        assert set(one) == {"id", "deviceClientId", "verificationCode", "expires", "types"}
        assert one["verificationCode"] is None and one["types"] is None and one["deviceClientId"] == "laptop"
        assert bob.call("PushSubscription/get", ids=[subscription])["notFound"] == [subscription]
        assert bob.call("PushSubscription/set", destroy=[subscription])["notDestroyed"][subscription]["type"] == "notFound"
        assert alice.calls(("PushSubscription/get", {"ids": None, "properties": ["url"]}))[0][1]["type"] == "forbidden"
        changed = alice.call("PushSubscription/set", update={subscription: {"types": ["Email"], "expires": "2100-01-01T00:00:00Z"}})
        assert changed["updated"][subscription]["expires"] < "2100"
        assert alice.call("PushSubscription/set", update={subscription: {"url": service.url}})["notUpdated"][subscription]["properties"] == ["url"]
        good = {"deviceClientId": "x", "url": service.url, "keys": service.keys}
        for bad, name in (({"url": service.url.replace("https", "http")}, "url"), ({"keys": {"p256dh": "AAAA", "auth": service.keys["auth"]}}, "keys"),
                          ({"keys": {**service.keys, "auth": "AAAA"}}, "keys"), ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
                          ({"deviceClientId": ""}, "deviceClientId"), ({"verificationCode": "x"}, "verificationCode"), ({"more": 1}, "more")):
            answer = alice.call("PushSubscription/set", create={"s": {**good, **bad}})
            assert answer["notCreated"]["s"]["properties"] == [name], (bad, answer)
        assert alice.call("PushSubscription/set", destroy=[subscription])["destroyed"] == [subscription]
        # It goes with the token that made it.
        service.next()
        subscribe(alice, service)
        code = service.next()["message"]
        alice.call("PushSubscription/set", update={code["pushSubscriptionId"]: {"verificationCode": code["verificationCode"]}})
        near.run("token", "revoke", re.search(r"^(\S+) +alice", near.run("token", "list").stdout, re.M)[1])
        deliver(near, "alice@example.com")
        service.silent(1)
        again = Jmap(near, "alice@example.com")
        wait_for(lambda: again.call("PushSubscription/get", ids=None)["list"] == [])


def test_nobody_is_told_at_private_addresses(server, tmp_path):
    alice = Jmap(server, "alice@example.com")
    with Service(tmp_path) as service:
        for url in (service.url, "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "http://push.example.com/", "ftp://push.example.com/",
                    "https://user@push.example.com/"):
            answer = alice.call("PushSubscription/set", create={"s": {"deviceClientId": "x", "url": url}})
            assert answer["notCreated"]["s"]["properties"] == ["url"], url
        for url in ("https://127.0.0.1/", "http://example.com/"):
            assert server.run("webhook", "add", "alice@example.com", url, check=False).returncode == 1


class Receiver:
    """A script that webhooks call: answers as told, and keeps what came."""

    def __init__(self, *answers):
        self.answers, self.came = list(answers), queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 204
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                receiver.came.put((status, dict(self.headers), body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self, secret, seconds=20):
        """Looks at the signature as standardwebhooks.com says."""
        status, headers, body = self.came.get(timeout=seconds)
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        return status, headers["webhook-id"], json.loads(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_webhooks_are_signed_and_tried_again(server):
    receiver = Receiver(500, 503)
    made = server.run("webhook", "add", "alice@example.com", receiver.url, "--anywhere", "--label", "tickets").stdout
    secret = re.search(r"secret: (\S+)", made)[1]
    deliver(server, "alice@example.com")
    status, name, body = receiver.next(secret)
    assert status == 500
    assert (body["type"], body["account"], len(body["messagesAdded"])) == ("mail.changed", "alice@example.com", 1)
    assert "500" in wait_for(lambda: re.search(r"fails since.*", server.run("webhook", "list").stdout))[0]
    deliver(server, "alice@example.com")  # told later, in a call of its own
    again = receiver.next(secret, 30)
    assert again == (503, name, body)
    assert receiver.next(secret, 60) == (204, name, body)
    status, other, more = receiver.next(secret)
    assert status == 204 and other != name and more["messagesAdded"][0]["id"] != body["messagesAdded"][0]["id"]
    assert more["since"] == body["historyId"]
    wait_for(lambda: "well" in server.run("webhook", "list", "alice@example.com").stdout)
    # Flags are nothing new; other people's mail even less; a restart loses nothing.
    imap(server, "alice@example.com").store("1", "+FLAGS", "\\Seen")
    deliver(server, "bob@example.com")
    server.stop()
    server.start()
    assert receiver.came.empty()
    deliver(server, "alice@example.com")
    assert len(receiver.next(secret)[2]["messagesAdded"]) == 1
    server.run("webhook", "remove", re.search(r"^(\S+) +alice", server.run("webhook", "list").stdout, re.M)[1])
    assert "no webhooks" in server.run("webhook", "list").stdout
    assert server.run("webhook", "remove", "1-2", check=False).returncode == 1
    deliver(server, "alice@example.com")
    time.sleep(0.5)
    assert receiver.came.empty()
    receiver.close()


def test_a_webhook_may_hear_of_every_change(server):
    receiver = Receiver()
    secret = re.search(r"secret: (\S+)", server.run("webhook", "add", "alice@example.com", receiver.url, "--anywhere", "--every-change").stdout)[1]
    deliver(server, "alice@example.com")
    assert len(receiver.next(secret)[2]["messagesAdded"]) == 1
    imap(server, "alice@example.com").store("1", "+FLAGS", "\\Seen")
    assert receiver.next(secret)[2]["messagesAdded"] == []
    receiver.close()


def gmail(server, who, *calls):
    done = subprocess.run([need("node"), ROOT / "tests/gmail_calls.mjs", f"https://{server.ip}:{server.port['https']}/", who.token],
                          input=json.dumps([{"call": call, "params": params} for call, params in calls]), capture_output=True, text=True,
                          timeout=60, env={**os.environ, "NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_gmail_watch(server):
    """By Google's own client; what comes has the form of a push of Pub/Sub."""
    alice, receiver, topic = Jmap(server, "alice@example.com"), Receiver(500), "projects/mail/topics/new"
    assert gmail(server, alice, ("users.watch", {"requestBody": {"topicName": topic}}))[0]["status"] == 404
    secret = re.search(r"secret: (\S+)", server.run("topic", "add", topic, receiver.url, "--anywhere").stdout)[1]
    body = {"topicName": topic, "labelIds": ["INBOX"], "labelFilterBehavior": "include"}
    made = gmail(server, alice, ("users.watch", {"requestBody": body}))[0]
    assert made["status"] == 200 and 6 * 86400 < int(made["data"]["expiration"]) / 1000 - time.time() <= 7 * 86400
    deliver(server, "alice@example.com")
    for status in (500, 204):
        came = receiver.next(secret)
        assert came[0] == status and came[2]["subscription"] == "projects/mail/subscriptions/new"
        told = json.loads(base64.b64decode(came[2]["message"]["data"]))
        assert told["emailAddress"] == "alice@example.com" and told["historyId"] > int(made["data"]["historyId"])
    history = gmail(server, alice, ("users.history.list", {"startHistoryId": made["data"]["historyId"]}))[0]["data"]
    assert len(history["history"][0]["messagesAdded"]) == 1 and int(history["historyId"]) == told["historyId"]
    client = imap(server, "alice@example.com")
    client.append("Archive", None, None, b"Subject: elsewhere\r\n\r\nhello\r\n")
    time.sleep(1.5)
    assert receiver.came.empty()
    assert gmail(server, alice, ("users.stop", {}))[0]["status"] == 204
    deliver(server, "alice@example.com")
    time.sleep(1.5)
    assert receiver.came.empty()
    server.run("topic", "remove", topic)
    receiver.close()
