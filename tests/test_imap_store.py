"""What clients bring into mailboxes, and how they log in without a password: APPEND in all its forms, REPLACE, COMPRESS, QUOTA,
OAUTHBEARER and XOAUTH2. imaplib, curl, and Python's own zlib and sockets."""
import base64
import imaplib
import json
import re
import smtplib
import socket
import subprocess
import zlib

import pytest

from conftest import PASSWORD, need
from imap_reader import logged_in, trusting

BOB = "bob@example.com"


def ok(answer):
    status, data = answer
    assert status == "OK", data
    return data


class Lines:
    """A client of lines over a socket, which can turn DEFLATE on."""

    def __init__(self, sock):
        self.sock, self.have, self.packer, self.unpacker = sock, b"", None, None
        self.octets_in = 0
        assert self.line().startswith(b"* OK")

    def compress(self):
        assert self.have == b""
        self.packer, self.unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)

    def send(self, octets):
        self.sock.sendall(self.packer.compress(octets) + self.packer.flush(zlib.Z_SYNC_FLUSH) if self.packer else octets)

    def fill(self):
        got = self.sock.recv(65536)
        assert got, "the server closed"
        self.octets_in += len(got)
        self.have += self.unpacker.decompress(got) if self.unpacker else got

    def line(self):
        while b"\n" not in self.have:
            self.fill()
        line, self.have = self.have.split(b"\n", 1)
        return line + b"\n"

    def talk(self, *parts):
        """One command, in parts that wait for "+ "; all that comes up to its end."""
        self.send(b"t " + parts[0] + b"\r\n")
        for part in parts[1:]:
            assert self.line().startswith(b"+ ")
            self.send(part + b"\r\n")
        out = b""
        while True:
            line = self.line()
            out += line
            if line.startswith((b"t OK", b"t NO", b"t BAD")):
                return out
            while found := re.search(rb"\{(\d+)\}\r\n$", out):
                while len(self.have) < int(found[1]):
                    self.fill()
                out, self.have = out + self.have[:int(found[1])], self.have[int(found[1]):]
                out += self.line()


def lines(server, tls=False):
    sock = socket.create_connection((server.ip, server.port["imaps" if tls else "imap"]), timeout=30)
    client = Lines(trusting().wrap_socket(sock) if tls else sock)
    assert b"t OK" in client.talk(f"LOGIN {BOB} {PASSWORD}".encode())
    return client


def test_multiappend_brings_all_or_none(server):
    imap = lines(server)
    one, two = b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n"
    imap.talk(b"SELECT Drafts")
    got = imap.talk(b"APPEND Drafts (\\Seen) {%d}" % len(one), one + b" (\\Draft) {%d}" % len(two), two)
    assert re.search(rb"\* 2 EXISTS.*t OK \[APPENDUID \d+ 1:2\]", got, re.S), got
    got = imap.talk(b"APPEND Drafts {%d}" % len(one), one + b" {0}", b"")
    assert got.startswith(b"t NO"), got
    assert b"MESSAGES 2" in imap.talk(b"STATUS Drafts (MESSAGES)")


def test_binary_comes_back_as_it_was(server):
    imap = lines(server)
    picture = bytes(range(256)) * 20
    mail = (b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\n"
            b"Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + picture + b"\r\n--b--\r\n")
    assert b"t OK [APPENDUID" in imap.talk(b"APPEND INBOX ~{%d+}\r\n" % len(mail) + mail)
    imap.talk(b"SELECT INBOX")
    whole = imap.talk(b"FETCH 1 BODY.PEEK[]")
    assert b"\0" not in whole and b"Content-Transfer-Encoding: base64" in whole
    assert picture in imap.talk(b"FETCH 1 BINARY.PEEK[2]")
    # curl puts the parts together as any client does.
    done = subprocess.run([need("curl"), "-sS", "-u", f"{BOB}:{PASSWORD}",
                           f"imap://{server.ip}:{server.port['imap']}/INBOX;UID=1/;SECTION=2"], capture_output=True, timeout=60)
    assert base64.b64decode(done.stdout) == picture


def test_catenate_and_replace_edit_a_draft_on_the_server(server):
    imap = lines(server)
    draft = (b"Subject: draft\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nold words\r\n--b\r\n"
             b"Content-Type: text/csv; name=x.csv\r\n\r\na,b\r\n--b--\r\n")
    assert b"t OK" in imap.talk(b"APPEND Drafts (\\Draft) {%d}" % len(draft), draft)
    selected = imap.talk(b"SELECT Drafts")
    validity = re.search(rb"UIDVALIDITY (\d+)", selected)[1]
    url = b"/Drafts;UIDVALIDITY=" + validity + b"/;UID=1/;SECTION="
    words = b"--b\r\n\r\nnew words\r\n--b\r\n"
    got = imap.talk(b"UID REPLACE 1 Drafts (\\Draft) CATENATE (URL %sHEADER TEXT {%d}" % (url, len(words)),
                    words + b" URL %s2.MIME URL %s2 TEXT {9}" % (url, url), b"\r\n--b--\r\n)")
    assert re.search(rb"\* OK \[APPENDUID \d+ 2\].*\* 1 EXPUNGE.*t OK", got, re.S), got
    assert draft.replace(b"old", b"new") in imap.talk(b"UID FETCH 2 BODY.PEEK[]")
    assert b"t NO [BADURL " + url + b"2] " in imap.talk(b"APPEND Drafts CATENATE (URL %s2)" % url)
    assert b"MESSAGES 1" in imap.talk(b"STATUS Drafts (MESSAGES)")


@pytest.mark.parametrize("tls", [False, True])
def test_compress_shrinks_what_comes_and_goes(server, tls):
    imap = lines(server, tls)
    assert b"t OK" in imap.talk(b"COMPRESS DEFLATE")
    imap.compress()
    text = b"Subject: x\r\n\r\n" + b"the same words again and again\r\n" * 10_000
    assert b"t OK [APPENDUID" in imap.talk(b"APPEND INBOX {%d}" % len(text), text)
    imap.talk(b"SELECT INBOX")
    before = imap.octets_in
    assert text in imap.talk(b"FETCH 1 BODY.PEEK[]")
    assert imap.octets_in - before < len(text) / 20
    assert b"t NO [COMPRESSIONACTIVE]" in imap.talk(b"COMPRESS DEFLATE")
    # Octets that are no DEFLATE end the connection, and hurt nobody else.
    imap.sock.sendall(b"\xff" * 100)
    with pytest.raises((AssertionError, OSError)):
        imap.line()
    with logged_in(server, BOB) as other:
        assert ok(other.select("INBOX")) == [b"1"]


def test_quota_is_told_and_set(server):
    with logged_in(server, BOB) as imap:
        assert ok(imap.getquotaroot("INBOX"))[0] == [b'"INBOX"']
        assert "QUOTASET" not in imap.capabilities
    with logged_in(server, "alice@example.com") as imap:  # an administrator
        assert b"QUOTASET" in ok(imap.capability())[0]
        ok(imap.setquota(f'"{BOB}"', "(STORAGE 10)"))
    assert "10.0 KiB" in server.run("account", "show", BOB).stdout
    with logged_in(server, BOB) as imap:
        ok(imap.append("INBOX", r"(\Deleted)", None, b"Subject: x\r\n\r\n" + b"x" * 3000))
        assert ok(imap.getquota(f'"{BOB}"')) == [b'"bob@example.com" (STORAGE 3 10)']
        assert b"DELETED-STORAGE 3" in ok(imap.status("INBOX", "(DELETED-STORAGE)"))[0]
        status, text = imap.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"x" * 9000)
        assert status == "NO" and b"OVERQUOTA" in text[0]
        status, _ = imap.setquota(f'"{BOB}"', "(STORAGE 1000)")
        assert status == "NO"


def token(server, *more):
    return re.search(r"^token: (\S+)$", server.run("token", "create", BOB, *more).stdout, re.M)[1]


def oauthbearer(secret, name=BOB):
    return f"n,a={name},\x01host=localhost\x01port=143\x01auth=Bearer {secret}\x01\x01".encode()


def test_a_token_logs_in_where_its_scope_reaches(server):
    reading, sending = token(server, "--scope", "mail.read", "--label", "phone"), token(server, "--scope", "mail.send")
    imap = imaplib.IMAP4_SSL(server.ip, server.port["imaps"], ssl_context=trusting())
    assert {"AUTH=OAUTHBEARER", "AUTH=XOAUTH2"} <= set(imap.capabilities)
    ok(imap.authenticate("OAUTHBEARER", lambda _: oauthbearer(reading)))
    ok(imap.select("INBOX"))
    imap.logout()
    imap = imaplib.IMAP4(server.ip, server.port["imap"])
    ok(imap.authenticate("XOAUTH2", lambda _: f"user={BOB}\x01auth=Bearer {reading}\x01\x01".encode()))
    imap.logout()

    # A failure is told as JSON, then ended by the client (RFC 7628 §3.2.2).
    said = []

    def wrong(challenge):
        said.append(challenge)
        return oauthbearer(sending) if len(said) == 1 else b"\x01"

    imap = imaplib.IMAP4(server.ip, server.port["imap"])
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.authenticate("OAUTHBEARER", wrong)
    assert json.loads(said[1]) == {"status": "insufficient_scope", "scope": "mail.read"}
    imap.logout()

    with smtplib.SMTP(server.ip, server.port["submission"], local_hostname="laptop") as smtp:
        smtp.starttls(context=trusting())
        smtp.ehlo()
        assert {"OAUTHBEARER", "XOAUTH2"} <= set(smtp.esmtp_features["auth"].split())
        code, _ = smtp.docmd("AUTH", "XOAUTH2 " + base64.b64encode(f"user={BOB}\x01auth=Bearer {reading}\x01\x01".encode()).decode())
        assert code == 334
        assert smtp.docmd("")[0] == 535
        assert smtp.docmd("AUTH", "OAUTHBEARER " + base64.b64encode(oauthbearer(sending)).decode())[0] == 235
        assert smtp.sendmail(BOB, [BOB], b"From: bob@example.com\r\nSubject: by token\r\n\r\nx\r\n") == {}

    name = re.search(r"^(\S+).*phone$", server.run("token", "list", BOB).stdout, re.M)[1]
    server.run("token", "revoke", name)
    imap = imaplib.IMAP4(server.ip, server.port["imap"])
    with pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("XOAUTH2", lambda c: b"" if c else f"user={BOB}\x01auth=Bearer {reading}\x01\x01".encode())
    assert reading not in (server.folder / "log.txt").read_text()


def test_curl_logs_in_by_token_everywhere(server, tmp_path):
    secret = token(server)
    letter = tmp_path / "letter"
    letter.write_bytes(b"From: bob@example.com\r\nTo: bob@example.com\r\nSubject: by curl\r\n\r\nx\r\n")

    def curl(*arguments, check=True, bearer=secret):
        done = subprocess.run([need("curl"), "-sS", "--insecure", "-u", f"{BOB}:", "--oauth2-bearer", bearer, *arguments],
                              capture_output=True, timeout=60)
        assert (done.returncode == 0) == check, done.stderr
        return done.stdout

    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        auth = ["--login-options", f"AUTH={mechanism}"]
        curl(*auth, "--mail-from", BOB, "--mail-rcpt", BOB, "-T", letter, f"smtps://{server.ip}:{server.port['submissions']}")
        assert b"by curl" in curl(*auth, f"imaps://{server.ip}:{server.port['imaps']}/INBOX;UID=1")
        assert b"by curl" in curl(*auth, f"pop3s://{server.ip}:{server.port['pop3s']}/1")
        curl(*auth, f"imaps://{server.ip}:{server.port['imaps']}", check=False, bearer="wrong")
