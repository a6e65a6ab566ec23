"""The document of the APIs, and the examples of docs/api.md as they are printed."""
import http.client
import json
import re
import ssl
import subprocess

import pytest

from conftest import ROOT, Server, need, wait_for

VALIDATE = """
import { Validator } from '@seriousme/openapi-schema-validator';
const validator = new Validator();
const { valid, errors } = await validator.validate(JSON.parse(await (await import('node:fs/promises')).readFile('/dev/stdin', 'utf8')));
validator.resolveRefs();
console.log(JSON.stringify({ valid, errors, version: validator.version }));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need("curl")
    made = Server(tmp_path_factory.mktemp("api") / "one", "example.com", protocols=("https",))
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com")
    made.run("oauth", "client", "add", "My script", "--public", "--device", "--id", "script")
    made.start()
    yield made
    made.stop()


def token_of(server, *scopes):
    options = [part for scope in scopes for part in ("--scope", scope)]
    return re.search(r"token: (\S+)", server.run("token", "create", "alice@example.com", *options).stdout)[1]


def run(server, script, token=""):
    """As a person runs it: only that the name of the server leads here, and its certificate is believed."""
    folder = server.folder / "home"
    folder.mkdir(exist_ok=True)
    (folder / ".curlrc").write_text(f'connect-to = "::{server.ip}:{server.port["https"]}"\ncacert = "{server.folder}/data/tls/certificate.pem"\n')
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, cwd=folder, env={
        "PATH": "/usr/bin:/bin", "HOME": str(folder), "MAIL": "https://mail.example.com", "ACCOUNT": "alice@example.com", "TOKEN": token})
    assert done.returncode == 0, (script, done)
    return done.stdout


def document_of(server):
    return json.loads(run(server, "curl -s $MAIL/api/openapi.json"))


def test_the_examples_run_as_printed(server):
    token = token_of(server)
    examples = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.S)
    answers, sent = {}, 0
    inbox = 'curl -s -H "Authorization: Bearer $TOKEN" "$MAIL/gmail/v1/users/me/messages?label=INBOX"'
    for script in examples:
        said = run(server, script, token)
        if "-i " in script:
            assert " 401" in said and 'error="invalid_token"' in said
        elif "device_code=CODE" in script:
            assert json.loads(said)["error"] == "invalid_grant"
        else:
            answers[script] = json.loads(said)
            assert "error" not in answers[script], (script, said)
        if "messages/send" in script:
            sent += 1
            wait_for(lambda: len(json.loads(run(server, inbox, token)).get("messages", [])) == sent)

    def answer(mark):
        return next(said for script, said in answers.items() if mark in script)

    assert len(answer("label=INBOX&maxResults=50")["messages"]) == 2
    assert answer("q=from:me subject:lunch")["messages"]
    assert answer("format=full")["payload"]["headers"]
    assert "INBOX" not in answer("removeLabelIds").get("labelIds", [])
    assert [name for name, *_ in answer("Mailbox/get")["methodResponses"]] == ["Mailbox/get"]
    assert json.loads(run(server, 'curl -s -d "access_token=$TOKEN" $MAIL/oauth/tokeninfo', token))["error"] == "invalid_token"


def test_the_document_is_valid(server):
    need("node")
    text = run(server, "curl -s $MAIL/api/openapi.json")
    done = subprocess.run(["node", "--input-type=module", "-e", VALIDATE], input=text, capture_output=True, text=True, timeout=60, cwd=ROOT / "tests")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["valid"] and said["version"] == "3.1", said["errors"]
    ids = [call["operationId"] for item in json.loads(text)["paths"].values() for call in item.values()]
    assert len(ids) == len(set(ids)) > 80


def test_every_call_is_described_and_browsable(server):
    document = document_of(server)
    english, korean = (run(server, f"curl -s -H 'Accept-Language: {language}' $MAIL/api") for language in ("en", "ko"))
    for path, item in document["paths"].items():
        for method, call in item.items():
            assert call["summary"] != f"{method.upper()} {path}", f"say in its room's operations.cc what {method} {path} is for"
            assert f'<span class="method">{method.upper()}</span> <span>{path}</span>' in english
    assert 'lang="ko"' in korean and "메시지 목록" in korean
    fields = run(server, "curl -s -i $MAIL/api")
    assert "default-src 'none'; style-src 'self'" in fields
    for page in (english, korean):
        assert not re.search(r"<script|\sstyle=|\son\w+=", page)
        names = set(re.findall(r'id="([^"]+)"', page))
        assert all(link in names for link in re.findall(r'href="#([^"]+)"', page))


def test_a_call_takes_the_scopes_that_are_listed_and_no_others(server):
    document = document_of(server)
    scopes = document["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"]["scopes"]
    tokens = {scope: token_of(server, scope) for scope in scopes}
    client = http.client.HTTPSConnection(server.ip, server.port["https"], context=ssl._create_unverified_context(), timeout=20)
    for path, item in document["paths"].items():
        for method, call in item.items():
            listed = {scope for one in call["security"] for scope in one["oauth"]}
            if not listed or "/oauth/" in path or path in ("/jmap/eventsource", "/jmap/ws"):  # they do not end
                continue
            for scope, token in tokens.items():
                client.request(method.upper(), re.sub(r"\{\w+\}", "none", path).replace("users/none", "users/me"), headers={"Authorization": "Bearer " + token})
                answer = client.getresponse()
                said = answer.read().decode()
                refused = answer.status == 403 and ("insufficient_scope" in (answer.getheader("WWW-Authenticate") or "") or "insufficientPermissions" in said)
                assert refused == (scope not in listed) or "not for drafts" in said, (method, path, scope, answer.status, said)
