"""DKIM and ARC across implementations: what we sign and seal is verified by dkimpy, OpenDKIM and mailauth, what they sign and
seal is verified here, on the same messages."""
import base64
import email
import json
import re
import smtplib
import socketserver
import subprocess
import threading

import dkim
import pytest

from conftest import ROOT, Server, free_port, need, wait_for
from imap_reader import logged_in
from test_relay import submit

HEADER = b"From: Alice <alice@example.com>\r\nTo: bob@third.org\r\nDate: Fri, 27 Nov 2026 08:00:00 +0000\r\nMIME-Version: 1.0\r\n"
# Each has been a place where implementations differed.
SHAPES = {
    "plain": HEADER + b"Subject: plain\r\n\r\nHello Bob\r\n",
    "blanks": HEADER + b"Subject:   two  blanks \t and\r\n\t a fold  \r\n\r\n  <td>\tx  y \r\n \r\nend\r\n",
    "empty lines at the end": HEADER + b"Subject: lines\r\n\r\ntext\r\n\r\n \r\n\r\n",
    "no body": HEADER + b"Subject: nothing\r\n\r\n",
    "8bit": HEADER + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nSubject: 8\r\n\r\n\xc3\xa4\xc3\xb6\xc3\xbc\r\n",
    "a list's": HEADER + b"List-Id: <l.example.com>\r\nList-Unsubscribe: <https://example.com/u>\r\n"
                         b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSubject: list\r\n\r\n.dot\r\n..dots\r\n",
    "two blocks": HEADER + b"Subject: long\r\n\r\n" + b"".join(b"line %d of a long text\r\n" % i for i in range(3000)),
}


class Sink(socketserver.ThreadingTCPServer):
    """A server that takes mail, with the extensions that leave it as it is."""
    allow_reuse_address = True

    def __init__(self, address):
        self.got = []
        super().__init__(address, self.Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Session(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 sink\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go\r\n")
                    text = b""
                    while (one := self.rfile.readline()) not in (b".\r\n", b""):
                        text += one.removeprefix(b".")
                    self.server.got.append(text)
                self.wfile.write({b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n"))
                if verb == b"QUIT":
                    return

    def next(self):
        wait_for(lambda: self.got)
        return self.got.pop(0)


class Keys:
    """Keys of peer.example, made by OpenSSL, and all that is published, by name."""

    def __init__(self, folder):
        self.folder, self.txt = folder, {}
        for selector, kind in (("r", ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")), ("e", ("ED25519",))):
            subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", *kind, "-out", self.path(selector)], check=True, capture_output=True)
            der = subprocess.run(["openssl", "pkey", "-in", self.path(selector), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
            public = der if selector == "r" else der[-32:]
            self.txt[f"{selector}._domainkey.peer.example"] = \
                f"v=DKIM1; k={'rsa' if selector == 'r' else 'ed25519'}; p={base64.b64encode(public).decode()}"

    def path(self, selector):
        return self.folder / f"{selector}.pem"

    def pem(self, selector):
        return self.path(selector).read_text()

    def seed(self):
        """The Ed25519 key as dkimpy wants it."""
        der = subprocess.run(["openssl", "pkey", "-in", self.path("e"), "-outform", "DER"], check=True, capture_output=True).stdout
        return base64.b64encode(der[-32:])

    def look(self, name, timeout=5):
        return self.txt.get(name.decode().rstrip("."), "").encode()

    def zone(self, domain):
        lines = []
        for name, txt in self.txt.items():
            if name.endswith("." + domain):
                strings = " ".join(f'"{txt[i:i + 250]}"' for i in range(0, len(txt), 250))
                lines.append(f"{name.removesuffix('.' + domain)} TXT {strings}\n")
        return "".join(lines)


class World:
    """example.com with alice, bob and carol, who is elsewhere; a sink at third.org; peer.example, which signs by other programs."""

    def __init__(self, folder):
        port = free_port("127.0.0.1")
        self.keys = Keys(folder)
        zones = {"example.com": "@ MX 10 mail\nmail A 127.0.0.1\n", "third.org": "@ MX 10 mail\nmail A 127.0.0.4\n",
                 "peer.example": "@ A 127.0.0.5\n" + self.keys.zone("peer.example")}
        self.server = Server(folder / "server", "example.com", "127.0.0.1", relay_port=port, zones=zones, port={"smtp": port})
        self.server.run("domain", "add", "example.com")
        for name in ("alice", "bob"):
            self.server.add_account(f"{name}@example.com")
        self.server.run("alias", "add", "carol@example.com", "carol@third.org")
        for line in self.server.run("dns", "example.com", "--zone").stdout.splitlines():
            if "._domainkey." in line:
                self.keys.txt[line.split()[0].rstrip(".")] = "".join(re.findall('"([^"]*)"', line))
        zones["example.com"] += self.keys.zone("example.com")
        self.server.configure(zones)
        self.server.start()
        self.sink = Sink(("127.0.0.4", port))

    def receive(self, message, to="bob@example.com"):
        """Brings it to the MX as peer.example would."""
        with smtplib.SMTP(self.server.ip, self.server.port["smtp"], local_hostname="mail.peer.example", source_address=("127.0.0.5", 0)) as s:
            s.sendmail("a@peer.example", [to], message, mail_options=["BODY=8BITMIME"])

    def verdict(self, message):
        """What our server writes of it: (DKIM results by algorithm, ARC result)."""
        with logged_in(self.server, "bob@example.com") as imap:
            def count():
                return int(imap.select(readonly=True)[1][0])
            before = count()
            self.receive(message)
            wait_for(lambda: count() > before)
            got = imap.fetch(str(before + 1), "(BODY.PEEK[HEADER])")[1][0][1]
        results = " ".join(email.message_from_bytes(got).get_all("Authentication-Results")[0].split())
        methods = re.findall(r"dkim=(\w+)[^;]*header\.a=([\w-]+)", results)
        return sorted((a, result) for result, a in methods), (re.findall(r"arc=(\w+)", results) or ["none"])[0]

    def close(self):
        self.sink.shutdown()
        self.sink.server_close()
        self.server.stop()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("dkim"))
    yield made
    made.close()


def mailauth(what, message, **more):
    asked = {"do": what, "message": base64.b64encode(message).decode(), **more}
    done = subprocess.run([need("node"), ROOT / "tests/mailauth_peer.mjs"], input=json.dumps(asked), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def opendkim(message, folder, config):
    """What `opendkim -t` says of a message: no daemon, keys from files."""
    (folder / "conf").write_text("Syslog no\nRequireSafeKeys no\n" + config)
    (folder / "message").write_bytes(message)
    done = subprocess.run([need("opendkim"), "-x", folder / "conf", "-t", folder / "message", "-vvv"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verified_by_opendkim(message, keys):
    """Results by algorithm."""
    (keys.folder / "published").write_text("".join(f"{name} {txt}\n" for name, txt in keys.txt.items()))
    told = opendkim(message, keys.folder, f"Mode v\nAuthservID x\nAlwaysAddARHeader yes\nTestPublicKeys {keys.folder}/published\n")
    return sorted((a, result) for result, a in re.findall(r"dkim=(\w+)[^;]*?header\.a=([\w-]+)", told))


def signed_by_opendkim(message, keys, forms):
    told = opendkim(message, keys.folder, f"Mode s\nDomain peer.example\nSelector r\nKeyFile {keys.path('r')}\nSignatureAlgorithm rsa-sha256\n"
                                          f"Canonicalization {forms}\nOversignHeaders From\n")
    field = re.search(r"hname='DKIM-Signature' hvalue='([^']*)'", told)[1]
    return b"DKIM-Signature: " + field.replace("\n", "\r\n").encode() + b"\r\n" + message


BOTH = [("ed25519-sha256", "pass"), ("rsa-sha256", "pass")]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_we_sign_is_verified_by_others(world, shape):
    submit_bytes(world.server, SHAPES[shape])
    sent = world.sink.next()
    sent = sent[sent.index(b"DKIM-Signature:"):]
    for index in range(2):
        assert dkim.DKIM(sent).verify(idx=index, dnsfunc=world.keys.look), f"dkimpy, signature {index}"
    assert verified_by_opendkim(sent, world.keys) == BOTH
    found = mailauth("verify", sent, txt=world.keys.txt)
    assert sorted((one["algorithm"], one["result"]) for one in found["dkim"]) == BOTH
    # And they see when a letter is another.
    changed = sent.replace(b"Subject: ", b"Subject: x")
    assert not dkim.DKIM(changed).verify(idx=0, dnsfunc=world.keys.look)
    assert all(result != "pass" for _, result in verified_by_opendkim(changed, world.keys))


def submit_bytes(server, message):
    submit(server, "alice@example.com", ["bob@third.org"], Bytes(message), mail_options=["BODY=8BITMIME"])


class Bytes(str):
    """Octets where text is wanted: smtplib would turn what is not ASCII into something else."""

    def __new__(cls, octets):
        made = super().__new__(cls, octets.decode("latin-1"))
        made.octets = octets
        return made

    def encode(self, *_):
        return self.octets


def signed_by_dkimpy(message, keys, header, body):
    forms = dict(canonicalize=(header, body))
    out = dkim.sign(message, b"r", b"peer.example", keys.pem("r").encode(), **forms)
    return dkim.sign(message, b"e", b"peer.example", keys.seed(), signature_algorithm=b"ed25519-sha256", **forms) + out + message


@pytest.mark.parametrize("shape", SHAPES)
def test_what_others_sign_is_verified_here(world, shape):
    keys, message = world.keys, SHAPES[shape].replace(b"example.com", b"peer.example")
    for forms in ((b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple"), (b"simple", b"relaxed")):
        assert world.verdict(signed_by_dkimpy(message, keys, *forms)) == (BOTH, "none"), f"dkimpy {forms}"
    by_both = [{"domain": "peer.example", "selector": s, "privateKey": keys.pem(s)} for s in "re"]
    for forms in ("relaxed/relaxed", "simple/simple"):
        fields = mailauth("sign", message, keys=by_both, canonicalization=forms)["fields"].encode()
        assert world.verdict(fields + message) == (BOTH, "none"), f"mailauth {forms}"
    # `opendkim -t` takes fields in as from a milter, without the blanks before their values.
    for forms in ("relaxed/relaxed", "relaxed/simple") + (("simple/simple",) if shape != "blanks" else ()):
        signed = signed_by_opendkim(message, keys, forms)
        assert world.verdict(signed) == ([("rsa-sha256", "pass")], "none"), f"opendkim {forms}"
    assert world.verdict(signed.replace(b"Subject: ", b"Subject: x")) == ([("rsa-sha256", "fail")], "none")


def test_what_is_signed_with_sha1_proves_nothing(world):
    """RFC 8301 §3.1; opendkim-testmsg knows nothing else."""
    message = SHAPES["plain"].replace(b"example.com", b"peer.example")
    signed = subprocess.run([need("opendkim-testmsg"), "-C", "-d", "peer.example", "-s", "r", "-k", world.keys.path("r")],
                            input=message, capture_output=True, check=True).stdout
    assert world.verdict(signed) == ([("rsa-sha1", "permerror")], "none")


def test_a_chain_of_three_sealers_is_whole_for_all(world):
    """dkimpy seals, mailauth seals on top, and we forward and seal; each verifies all of it."""
    keys = world.keys
    message = b"Authentication-Results: first.example; dkim=none; arc=none\r\n" + SHAPES["blanks"].replace(b"example.com", b"peer.example")
    first = b"".join(dkim.arc_sign(message, b"r", b"peer.example", keys.pem("r").encode(), b"first.example")) + message
    assert world.verdict(first) == ([], "pass")
    fields = mailauth("seal", first, txt=keys.txt, key={"domain": "peer.example", "selector": "r", "privateKey": keys.pem("r")})["fields"]
    second = fields.encode() + first
    assert world.verdict(second) == ([], "pass")
    world.receive(second, "carol@example.com")
    third = world.sink.next()
    third = third[third.index(b"ARC-Seal:"):]
    assert re.match(rb"ARC-Seal: i=3;[^:]*cv=pass", third)
    status, sets, reason = dkim.ARC(third).verify(dnsfunc=keys.look)
    assert status == dkim.CV_Pass and len(sets) == 3, reason
    found = mailauth("verify", third, txt=keys.txt)
    assert found["arc"] == "pass", found

    # Changed before the last seal, the chain is broken, and so says who seals next.
    broken = second.replace(b"Subject: ", b"Subject: x")
    assert world.verdict(broken) == ([], "fail")
    world.receive(broken, "carol@example.com")
    closed = world.sink.next()
    assert re.search(rb"ARC-Seal: i=3;[^:]*cv=fail", closed)
    closed = closed[closed.index(b"ARC-Seal:"):]
    # dkimpy answers None when the last seal says cv=fail; RFC 8617 §5.2, step 2: fail.
    assert dkim.ARC(closed).verify(dnsfunc=keys.look)[0] in (None, dkim.CV_Fail)
    assert mailauth("verify", closed, txt=keys.txt)["arc"] != "pass"
    assert world.verdict(closed) == ([], "fail")
