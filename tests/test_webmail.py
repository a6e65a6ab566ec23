"""The web mail in Debian's Chromium, against the real server: webmail.mjs has the journeys."""
import os
import subprocess

import pytest

import webmail_letters
from conftest import PASSWORD, ROOT, Server, need
from test_http import curl

SECONDS = 60


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("webmail"), "example.com", protocols=("smtp", "submission", "imap", "https"))
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com", PASSWORD)
    made.add_account("bob@example.com")
    made.start()
    webmail_letters.fill(made)
    yield made
    made.stop()


def start(server, scenario, **more):
    need("chromium")
    words = [need("node"), ROOT / "tests/webmail.mjs", f"https://mail.example.com:{server.port['https']}", scenario]
    if os.environ.get("SHOTS"):
        words += ["--shots", os.environ["SHOTS"]]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **more})


def journey(server, scenario, **more):
    process = start(server, scenario, **more)
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said


@pytest.mark.parametrize("scenario", ["session", "reading", "html", "keyboard", "bulk", "writing", "phone"])
def test_people_live_with_it(mail, scenario):
    journey(mail, scenario)


def test_new_mail_appears_by_itself(mail):
    process = start(mail, "live")
    assert process.stdout.readline() == "waiting\n", process.communicate()[0]
    webmail_letters.deliver(mail, webmail_letters.letter("Bob <bob@example.com>", "alice@example.com", "Just come in", "Now.", number=1))
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0, said


def test_letters_that_mean_harm_do_none(mail):
    letters = webmail_letters.hostile()
    webmail_letters.deliver(mail, *letters)
    journey(mail, "hostile", HOSTILE=str(len(letters)))


def test_the_program_carries_its_files(mail):
    """Compressed beforehand, kept for good where the name changes with the content, and under a strict policy."""
    status, fields, body = curl(mail, "/mail/inbox")
    assert " 303" in status and fields["location"] == "/login?next=%2Fmail%2Finbox"
    status, fields, body = curl(mail, "/frame", "-H", "Accept-Encoding: br")
    assert fields["content-encoding"] == "br" and "sandbox allow-scripts;" in fields["content-security-policy"]
    assert "default-src 'none'" in fields["content-security-policy"] and "script-src 'sha256-" in fields["content-security-policy"]
    tag = fields["etag"]
    assert " 304" in curl(mail, "/frame", "-H", "Accept-Encoding: br", "-H", f"If-None-Match: {tag}")[0]
    assert b"<!doctype html>" in curl(mail, "/frame")[2]
    assert " 404" in curl(mail, "/assets/none.js")[0]
    assert " 401" in curl(mail, "/mail/image?url=https://example.net/x.png")[0]
