"""The Gmail API with Google's own clients: npm's @googleapis/gmail and google-auth-library, Debian's googleapiclient; and curl."""
import base64
import http.client
import json
import os
import re
import shlex
import subprocess
import urllib.parse

import pytest

from conftest import ROOT, Server, need
from test_oauth import REDIRECT, Browser, add_client, context, post

HERE = ROOT / "tests"
SCENARIOS = ("messages", "lists", "search", "threads", "labels", "drafts", "history", "settings", "uploads")
# Of Google's Workspace alone; refused with a word.
NOT_HERE = ("users.settings.cse.", "users.settings.sendAs.smimeInfo.")
ELSEWHERE = {"users.watch", "users.stop"}  # test_push.py


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("gmail") / "one", "example.com")
    made.run("domain", "add", "example.com")
    made.add_account("bob@example.com")
    made.client = add_client(made, "Google's client", "--redirect", REDIRECT)
    made.start()
    yield made
    made.stop()


def origin(server):
    return f"https://{server.ip}:{server.port['https']}"


def new_account(server, name):
    """A new account's address, and what google-auth-library refreshes its access with: granted in a browser."""
    address = f"{name}@example.com"
    server.add_account(address)
    client, secret = server.client
    asked = {"response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": "https://mail.google.com/", "access_type": "offline",
             "state": "s", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    where = Browser(server, address).grant("/oauth/authorize?" + urllib.parse.urlencode(asked))
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(where).query)["code"][0]
    return address, post(server, "/oauth/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": client,
                                                  "client_secret": secret, "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"})


def scenario(server, name):
    address, tokens = new_account(server, name) if name != "surface" else ("", {"refresh_token": ""})
    given = {"origin": origin(server), "account": address, "other": "bob@example.com", "clientId": server.client[0], "clientSecret": server.client[1],
             "refreshToken": tokens["refresh_token"]}
    done = subprocess.run([need("node"), HERE / "gmail_scenarios.mjs", name], input=json.dumps(given), capture_output=True, text=True, timeout=120,
                          env=os.environ | {"NODE_TLS_REJECT_UNAUTHORIZED": "0", "NODE_NO_WARNINGS": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    return set(json.loads(done.stdout))


CALLED = set()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_npm_client(server, name):
    CALLED.update(scenario(server, name))


def test_every_method_of_the_npm_client_was_called(server):
    if not CALLED:
        pytest.skip("runs behind the scenarios")
    left = scenario(server, "surface") - CALLED - ELSEWHERE
    assert {name for name in left if not name.startswith(NOT_HERE)} == set()


def test_googles_python_client_is_built_from_the_discovery_document(server):
    from google.oauth2.credentials import Credentials
    from googleapiclient import discovery, http as service_http
    address, tokens = new_account(server, "python")

    def build(url):
        return discovery.build("gmail", "v1", credentials=Credentials(tokens["access_token"]),
                               discoveryServiceUrl=f"http://{server.ip}:{server.port['http']}{url}")

    assert build("/discovery/v1/apis/{api}/{apiVersion}/rest").users().getProfile(userId="me").execute()["emailAddress"] == address
    api = build("/$discovery/rest?version=v1").users()
    letter = f"From: carol@example.net\r\nTo: {address}\r\nSubject: resumed\r\n\r\n" + ("x" * 70 + "\r\n") * 10_000
    media = service_http.MediaInMemoryUpload(letter.encode(), "message/rfc822", chunksize=256 << 10, resumable=True)
    inserting, pieces, done = api.messages().insert(userId="me", body={"labelIds": ["INBOX"]}, media_body=media), 0, None
    while done is None:
        _, done = inserting.next_chunk()
        pieces += 1
    assert pieces == 3
    assert base64.urlsafe_b64decode(api.messages().get(userId="me", id=done["id"], format="raw").execute()["raw"]).decode() == letter
    for n in range(3):
        small = service_http.MediaInMemoryUpload(letter.replace("resumed", f"n{n}").encode()[:500], "message/rfc822")
        api.messages().insert(userId="me", body={"labelIds": ["INBOX", "UNREAD"]}, media_body=small).execute()
    listing, seen = api.messages().list(userId="me", q="is:unread", maxResults=2), []
    while listing is not None:
        page = listing.execute()
        seen += page["messages"]
        listing = api.messages().list_next(listing, page)
    assert len(seen) == 3

    answers = {}
    batch = build("/$discovery/rest?version=v1").new_batch_http_request(
        callback=lambda name, answer, error: answers.__setitem__(name, (answer, error)))
    batch.add(api.messages().get(userId="me", id=done["id"], format="minimal"), request_id="there")
    batch.add(api.messages().get(userId="me", id="0000000000099999"), request_id="missing")
    batch.add(api.labels().create(userId="me", body={"name": "한글"}), request_id="label")
    batch.execute()
    assert answers["there"][0]["id"] == done["id"]
    assert answers["missing"][1].resp.status == 404
    assert answers["label"][0]["name"] == "한글"


def test_uploads_without_content_length(server):
    address, tokens = new_account(server, "chunked")
    letter = f"From: carol@example.net\r\nTo: {address}\r\nSubject: in pieces\r\n\r\n".encode() + b"z" * 600_000

    def send(method, path, pieces, **fields):
        """HTTP/1.1 by hand: the body in chunks as they come."""
        connection = http.client.HTTPSConnection(server.ip, server.port["https"], context=context(), timeout=30)
        connection.request(method, path, iter(pieces), {"Authorization": "Bearer " + tokens["access_token"], **fields}, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    status, fields, _ = send("POST", "/upload/gmail/v1/users/me/messages?uploadType=resumable", [b'{"labelIds":', b'["STARRED"]}'],
                             **{"Content-Type": "application/json", "X-Upload-Content-Type": "message/rfc822"})
    assert status == 200
    where = urllib.parse.urlsplit(fields["location"] if "location" in fields else fields["Location"])
    assert f"{where.scheme}://{where.netloc}" == origin(server)
    target = f"{where.path}?{where.query}"
    status, fields, _ = send("PUT", target, [letter[:100_000], letter[100_000:262_144]], **{"Content-Range": "bytes 0-262143/*"})
    assert (status, {k.lower(): v for k, v in fields.items()}["range"]) == (308, "bytes=0-262143")
    status, fields, _ = send("PUT", target, [], **{"Content-Range": "bytes */*"})
    assert (status, {k.lower(): v for k, v in fields.items()}["range"]) == (308, "bytes=0-262143")
    status, _, body = send("PUT", target, [letter[262_144:]], **{"Content-Range": f"bytes 262144-{len(letter) - 1}/{len(letter)}"})
    assert (status, json.loads(body)["labelIds"]) == (200, ["STARRED"])
    again = send("PUT", target, [], **{"Content-Range": f"bytes */{len(letter)}"})
    assert (again[0], json.loads(again[2])["id"]) == (200, json.loads(body)["id"])
    status, _, body = send("POST", "/upload/gmail/v1/users/me/messages?uploadType=media", [letter[:1000], letter[1000:]], **{"Content-Type": "message/rfc822"})
    assert status == 200
    status, _, body = send("POST", "/upload/gmail/v1/users/me/messages?uploadType=resumable&upload_id=none", [b""])
    assert status in (400, 404) and json.loads(body)["error"]["code"] == status


def test_curl_lines_of_the_guide_run_as_printed(server):
    """docs/gmail.md: each line of its first shell block, with its variables set."""
    address, tokens = new_account(server, "curl")
    guide = (ROOT / "docs/gmail.md").read_text()
    script = re.search(r"```sh\n(.*?)```", guide, re.S)[1]
    assert {"messages/send", "?label=INBOX&maxResults=50", "?format=full"} <= set(re.findall(r"messages/send|\?label=INBOX&maxResults=50|\?format=full", script))
    variables = {"SERVER": origin(server), "TOKEN": tokens["access_token"], "ME": address}
    done = subprocess.run(["/bin/bash", "-euc", 'curl() { command curl -sk --fail-with-body "$@"; echo; echo ----; }\n' + script], text=True,
                          capture_output=True, timeout=60, env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, listed, shown = (json.loads(text) for text in done.stdout.split("----\n")[:3])
    assert sent["labelIds"] == ["SENT"]
    assert shown["id"] == listed["messages"][0]["id"]
    subject = [field["value"] for field in shown["payload"]["headers"] if field["name"] == "Subject"]
    assert subject == ["Hello"], shlex.quote(done.stdout)
