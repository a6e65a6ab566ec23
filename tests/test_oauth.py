"""The authorisation server with clients that people use: Google's library, curl, mail programs by OAUTHBEARER and XOAUTH2, a browser."""
import html
import http.client
import imaplib
import json
import os
import pathlib
import re
import smtplib
import ssl
import subprocess
import time
import urllib.parse

import pytest

from conftest import PASSWORD, Server, need

HERE = pathlib.Path(__file__).parent
REDIRECT = "http://127.0.0.1:5173/callback"


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "one", "example.com", protocols=("https", "imaps", "submissions", "submission"))
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com")
    made.start()
    yield made
    made.stop()


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class Browser:
    """What a browser does on the pages: keeps the cookie, says whence a form comes, follows what is ours."""

    def __init__(self, server, user="alice@example.com"):
        self.server, self.user, self.cookie = server, user, ""
        self.host = f"{server.ip}:{server.port['https']}"

    def send(self, method, target, form=None, origin=None):
        connection = http.client.HTTPSConnection(self.server.ip, self.server.port["https"], context=context(), timeout=30)
        fields = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}
        if self.cookie:
            fields["Cookie"] = self.cookie
        if form is not None:
            fields |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin or f"https://{self.host}"}
        connection.request(method, target, urllib.parse.urlencode(form) if form is not None else None, fields)
        answer = connection.getresponse()
        page = answer.read().decode()
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        return answer.status, answer.getheader("Location") or "", page

    def fields(self, page):
        return {name: html.unescape(value) for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page)}

    def path(self, url):
        parts = urllib.parse.urlsplit(url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def sign_in(self, at):
        status, _, page = self.send("GET", at)
        assert status == 200 and "Password" in page, page
        status, where, _ = self.send("POST", "/login", self.fields(page) | {"name": self.user, "password": PASSWORD})
        assert status == 303
        return where

    def grant(self, url, decision="allow"):
        """From the link of a client to the address that the answer is sent to."""
        status, where, page = self.send("GET", self.path(url))
        if status == 303 and where.startswith("/login"):
            status, where, page = self.send("GET", self.sign_in(where))
        if status == 200:
            status, where, page = self.send("POST", "/oauth/consent", self.fields(page) | {"decision": decision})
        assert status == 303, page
        return where


def add_client(server, *words):
    said = server.run("oauth", "client", "add", *words).stdout
    secret = re.search(r"client_secret: (\S+)", said)
    return re.search(r"client_id: (\S+)", said)[1], secret[1] if secret else ""


def by_imap(server, token, mechanism):
    imap = imaplib.IMAP4_SSL(server.ip, server.port["imaps"], ssl_context=context())
    message = {"OAUTHBEARER": f"n,a=alice@example.com,\x01host=x\x01port=1\x01auth=Bearer {token}\x01\x01",
               "XOAUTH2": f"user=alice@example.com\x01auth=Bearer {token}\x01\x01"}[mechanism]
    try:
        return imap.authenticate(mechanism, lambda challenge: message if not challenge else "\x01")[0] == "OK" and imap.select()[0] == "OK"
    except imaplib.IMAP4.error:
        return False
    finally:
        imap.shutdown()


def by_smtp(server, token):
    smtp = smtplib.SMTP_SSL(server.ip, server.port["submissions"], context=context(), timeout=30)
    try:
        smtp.ehlo("test")
        smtp.auth("XOAUTH2", lambda challenge=None: f"user=alice@example.com\x01auth=Bearer {token}\x01\x01" if not challenge else "")
        smtp.sendmail("alice@example.com", ["alice@example.com"], "Subject: by token\r\n\r\nx\r\n")
        return True
    except smtplib.SMTPAuthenticationError:
        return False
    finally:
        smtp.close()


def post(server, path, form, *more):
    """By curl, as the textbooks have it."""
    words = [word for name, value in form.items() for word in ("--data-urlencode", f"{name}={value}")]
    done = subprocess.run([need("curl"), "-sk", *words, *more, f"https://{server.ip}:{server.port['https']}{path}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


@pytest.mark.parametrize("how", ["ClientSecretPost", "ClientSecretBasic", "None"])
def test_googles_client_gets_and_keeps_access(server, how):
    client, secret = add_client(server, "Our calendar", "--redirect", "http://127.0.0.1/callback", *(["--public"] if how == "None" else []))
    issuer = f"https://mail.example.com:{server.port['https']}"
    run = subprocess.Popen([need("node"), HERE / "google_auth.mjs", f"https://{server.ip}:{server.port['https']}", issuer, client, secret, how],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE,
                           env=os.environ | {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"})
    try:
        where = Browser(server).grant(run.stdout.readline().strip())
        assert where.startswith(f"{REDIRECT}?"), where
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(where).query))
        assert answer["state"] == "the state" and answer["iss"] == issuer
        said, errors = run.communicate(answer["code"] + "\n", timeout=60)
    finally:
        run.kill()
    assert run.returncode == 0, errors
    seen = json.loads(said)
    assert set(seen["scope"].split()) == {"openid", "email", "https://mail.google.com/"} == set(seen["info"]["scopes"])
    assert seen["email"] == seen["userinfo"] == seen["info"]["email"] == "alice@example.com"
    assert seen["info"]["aud"] == client and seen["info"]["lives"] and seen["refreshed"] != seen["access"]
    assert seen["turned"] == (how == "None")
    assert seen["secondUse"] == "invalid_grant" and seen["afterSecondUse"] == "invalid_token" and seen["revoked"] == 200


def test_one_token_opens_imap_and_smtp_until_it_is_taken_back(server):
    client, secret = add_client(server, "Mail program", "--public", "--device", "--id", "mua", "--redirect", "http://127.0.0.1/callback")
    begun = post(server, "/oauth/device_authorization", {"client_id": client, "scope": "https://mail.google.com/"})
    poll = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": client, "device_code": begun["device_code"]}
    assert post(server, "/oauth/token", poll)["error"] == "authorization_pending"
    assert post(server, "/oauth/token", poll)["error"] == "slow_down"

    browser = Browser(server)
    status, where, _ = browser.send("GET", browser.path(begun["verification_uri_complete"]))
    assert status == 303 and where.startswith("/login")
    status, _, page = browser.send("GET", browser.sign_in(where))
    assert status == 200 and begun["user_code"] in page
    status, _, page = browser.send("POST", "/device", {"user_code": begun["user_code"]})
    assert status == 200 and "Mail program" in page and "Send mail in your name" in page
    assert browser.send("POST", "/device", browser.fields(page) | {"decision": "allow"}, origin="https://evil.example")[0] == 403
    status, _, page = browser.send("POST", "/device", browser.fields(page) | {"decision": "allow"})
    assert status == 200 and "connected" in page

    got = {"error": "slow_down"}
    while got.get("error") == "slow_down":
        time.sleep(11)
        got = post(server, "/oauth/token", poll)
    access = got["access_token"]
    assert by_imap(server, access, "OAUTHBEARER") and by_imap(server, access, "XOAUTH2") and by_smtp(server, access)

    # A ticket listens as long as the grant it came by.
    listening = http.client.HTTPSConnection(server.ip, server.port["https"], timeout=10, context=context())
    listening.request("POST", "/oauth/ticket", headers={"Authorization": f"Bearer {access}"})
    ticket = json.loads(listening.getresponse().read())["ticket"]
    listening.request("GET", f"/jmap/eventsource?types=*&closeafter=no&ping=0&ticket={ticket}")
    events = listening.getresponse()
    assert events.status == 200

    # What was granted is listed, and its owner takes it back.
    listed = server.run("oauth", "grants", "alice@example.com").stdout
    assert "Mail program" in listed
    grant = re.search(r"^(\d+) ", listed, re.M)[1]
    server.run("oauth", "revoke", "alice@example.com", grant)
    assert events.read() == b":\n\n"
    assert not by_imap(server, access, "OAUTHBEARER") and not by_imap(server, access, "XOAUTH2") and not by_smtp(server, access)
    turn = {"grant_type": "refresh_token", "client_id": client, "refresh_token": got["refresh_token"]}
    assert post(server, "/oauth/token", turn)["error"] == "invalid_grant"


def test_scopes_bound_what_a_token_opens(server):
    client, secret = add_client(server, "Reader", "--redirect", REDIRECT)
    browser = Browser(server)

    def token(scope):
        link = "/oauth/authorize?" + urllib.parse.urlencode({"response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": scope})
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(browser.grant(link)).query))["code"]
        return post(server, "/oauth/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}, "-u", f"{client}:{secret}")

    for scope, imap, smtp in (("mail.read", True, False), ("mail.send", False, True), ("https://www.googleapis.com/auth/gmail.readonly", False, False)):
        got = token(scope)
        assert got["scope"] == scope
        assert by_imap(server, got["access_token"], "OAUTHBEARER") == imap and by_smtp(server, got["access_token"]) == smtp, scope
    assert post(server, "/oauth/introspect", {"token": got["access_token"]}, "-u", f"{client}:{secret}")["active"] is True
    server.run("oauth", "client", "remove", client)
    assert not by_imap(server, got["access_token"], "OAUTHBEARER")


def test_a_new_password_and_signing_out_end_a_session(server):
    browser = Browser(server)
    browser.sign_in("/login?next=/device")
    assert browser.send("GET", "/oauth/userinfo")[0] == 200
    assert browser.send("POST", "/oauth/userinfo", {}, origin="https://evil.example")[0] == 403
    old = browser.cookie
    browser.send("POST", "/logout", {})
    browser.cookie = old
    assert browser.send("GET", "/oauth/userinfo")[0] == 401
    browser.sign_in("/login?next=/device")
    assert browser.send("GET", "/oauth/userinfo")[0] == 200
    server.run("account", "password", "alice@example.com", "--password-stdin", stdin="another word")
    assert browser.send("GET", "/oauth/userinfo")[0] == 401


def test_discovery_names_what_there_is(server):
    for path in ("openid-configuration", "oauth-authorization-server"):
        document = json.loads(subprocess.run([need("curl"), "-sk", f"https://{server.ip}:{server.port['https']}/.well-known/{path}"],
                                             capture_output=True, timeout=60).stdout)
        assert document["issuer"] == f"https://mail.example.com:{server.port['https']}"
        browser = Browser(server)
        for name, url in document.items():
            if name.endswith("_endpoint") or name == "jwks_uri":
                assert browser.send("GET", browser.path(url))[0] in (200, 400, 401, 403, 405), name
