"""HTTP with clients that people use: curl, Python's own, nghttp2's."""
import http.client
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
from xml.etree import ElementTree

import pytest

from conftest import Server, need

LOGO = ('<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>Acme</title>'
        '<circle cx="4" cy="4" r="4" fill="#c00"/></svg>')


@pytest.fixture
def web(tmp_path):
    made = Server(tmp_path / "one", "example.com", protocols=("https", "http"))
    made.run("domain", "add", "example.com")
    made.start()
    yield made
    made.stop()


def curl(server, path, *more, protocol="https"):
    """The status line, the header fields and the body, as curl received them."""
    url = f"{protocol}://mail.example.com:{server.port[protocol]}{path}"
    done = subprocess.run([need("curl"), "-s", "-i", "--path-as-is", "--connect-to", f"::{server.ip}:{server.port[protocol]}", "--cacert",
                           server.folder / "data/tls/certificate.pem", *more, url], capture_output=True, timeout=60)
    assert done.returncode == 0, done
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    while head.startswith(b"HTTP/1.1 100"):
        head, body = body.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    return lines[0], fields, body


@pytest.mark.parametrize("version,line", [("--http1.1", "HTTP/1.1 200 OK"), ("--http2", "HTTP/2 200 "), ("--http1.0", "HTTP/1.1 200 OK")])
def test_curl_gets_the_page(web, version, line):
    status, fields, body = curl(web, "/", version)
    assert status == line
    assert b"<!doctype html>" in body and b"mail.example.com" in body and b"http" not in body
    assert fields["content-security-policy"].startswith("default-src 'none'")
    assert fields["strict-transport-security"] == "max-age=31536000"
    assert fields["x-content-type-options"] == "nosniff" and fields["server"] == "Pabal" and "date" in fields
    assert curl(web, "/healthz", version)[2] == b"ok\n"


def test_the_page_speaks_korean_and_english(web):
    assert 'lang="ko"' in curl(web, "/", "-H", "Accept-Language: ko-KR,ko;q=0.9,en;q=0.8")[2].decode()
    status, fields, body = curl(web, "/", "-H", "Accept-Language: en")
    for protocol, how in (("imaps", "TLS"), ("submission", "STARTTLS")):
        assert protocol not in web.port or f"<td>{web.port[protocol]}, {how}</td>" in body.decode()
    assert b'lang="en"' in body and "Accept-Language" in fields["vary"]


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_text_is_compressed_as_the_client_likes(web, coding, version):
    plain = curl(web, "/", version)[2]
    status, fields, body = curl(web, "/", version, "-H", f"Accept-Encoding: {coding}")
    assert fields["content-encoding"] == coding and len(body) < len(plain) and len(body) == int(fields["content-length"])
    assert "Accept-Encoding" in fields["vary"]
    assert curl(web, "/", version, "--compressed")[2] == plain
    again, fields, body = curl(web, "/", version, "-H", f"If-None-Match: {fields['etag']}", "-H", f"Accept-Encoding: {coding}")
    assert " 304" in again and body == b"" and "content-length" not in fields


def test_errors_are_problem_documents(web):
    large = web.folder / "large"
    large.write_text("x" * 1_100_000)
    for version in ("--http1.1", "--http2"):
        status, fields, body = curl(web, "/nowhere", version)
        assert " 404" in status and fields["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == 404 and json.loads(body)["detail"]
        status, fields, _ = curl(web, "/healthz", version, "-X", "DELETE")
        assert " 405" in status and fields["allow"] == "OPTIONS, GET, HEAD"
        assert " 400" in curl(web, "/a/../b", version)[0]
        assert " 400" in curl(web, "/%2e%2e/etc/passwd", version)[0]
        assert " 404" in curl(web, "/nowhere", version, "-d", "x" * 100_000)[0]
        assert " 413" in curl(web, "/healthz", version, "-X", "GET", "-d", f"@{large}")[0]
        assert " 414" in curl(web, "/" + "a" * 9_000, version)[0] or version == "--http2"
        assert " 431" in curl(web, "/", version, "-H", "X-Large: " + "a" * 45_000)[0]


def test_python_keeps_its_connection(web):
    context = ssl.create_default_context(cafile=web.folder / "data/tls/certificate.pem")
    context.check_hostname = False
    connection = http.client.HTTPSConnection(web.ip, web.port["https"], context=context, timeout=20)
    sock = None
    for _ in range(5):
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read() == b"ok\n"
        sock = sock or connection.sock
        assert connection.sock is sock
    connection.close()


def test_nghttp_and_h2load_are_served(web):
    url = f"https://{web.ip}:{web.port['https']}"
    done = subprocess.run([need("nghttp"), "-nvs", f"{url}/", f"{url}/healthz"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.count(":status: 200") == 2, done.stdout
    done = subprocess.run([need("h2load"), "-n", "5000", "-c", "20", "-m", "50", f"{url}/"], capture_output=True, text=True, timeout=120)
    assert "5000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    done = subprocess.run([need("h2load"), "--h1", "-n", "5000", "-c", "20", f"{url}/"], capture_output=True, text=True, timeout=120)
    assert "5000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout


def raw(server, octets):
    with socket.create_connection((server.ip, server.port["http"]), timeout=20) as s:
        s.sendall(octets)
        said = b""
        while block := s.recv(65536):
            said += block
        return said


def test_smugglers_are_refused_and_cut_off(web):
    hidden = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    for head in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Content-Length: 0\r\nContent-Length: 9\r\n\r\n",
                 b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", b"X: a\r\n b\r\n\r\n", b"X: a\n\r\n"):
        said = raw(web, b"POST / HTTP/1.1\r\nHost: h\r\n" + head + hidden)
        assert said.startswith(b"HTTP/1.1 400 ") and said.count(b"HTTP/1.1 ") == 1, said
    assert raw(web, b"\x16\x03\x01\x02\x00\x01\x00\x01").startswith(b"HTTP/1.1 400 ")
    assert raw(web, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 505 ")


def test_a_client_of_another_protocol_is_refused_in_the_handshake(web):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["imap"])
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(socket.create_connection((web.ip, web.port["https"]), timeout=20))
    context.set_alpn_protocols(["http/1.1", "h2"])
    with context.wrap_socket(socket.create_connection((web.ip, web.port["https"]), timeout=20)) as s:
        assert s.selected_alpn_protocol() == "h2"


# --- logos ----------------------------------------------------------------------------------------------------------

class LogoServer:
    """Somebody's web server with logos, over TLS with a certificate of its own."""

    def __init__(self, folder, certificate, key):
        outer = self
        self.asked = []

        class Pages(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                status, kind, body = outer.pages.get(self.path, (404, "text/plain", "no"))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body)
                    body = ""
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.pages = {"/logo.svg": (200, "image/svg+xml", LOGO), "/evil.svg": (200, "image/svg+xml", LOGO.replace("<circle", "<script/><circle")),
                      "/large.svg": (200, "image/svg+xml", LOGO + " " * 70_000), "/page.svg": (200, "text/html", LOGO),
                      "/moved.svg": (302, "text/plain", "/logo.svg"), "/down.svg": (302, "text/plain", "http://127.0.0.1/logo.svg")}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def logos(tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=logos",
                    "-keyout", key, "-out", certificate, "-days", "2"], check=True, capture_output=True)
    made = LogoServer(tmp_path, certificate, key)
    yield made
    made.stop()


def serving_logos(tmp_path, logos, private):
    names = {name: f"{name}.example" for name in ("good", "evil", "large", "page", "moved", "down", "none")}
    zones = {"example": "cdn A 127.0.0.1\n" + "".join(
        f'default._bimi.{name} TXT "v=BIMI1; l=https://cdn.example:{logos.port}/{"logo" if name == "good" else name}.svg"\n'
        for name in names if name != "none")}
    web = Server(tmp_path / "one", "example.com", protocols=("https", "http"), zones=zones)
    if private:
        web.config.write_text(web.config.read_text() + "[web]\nfetch_private = true\n")
    web.run("domain", "add", "example.com")
    return web.start()


def test_logos_are_fetched_checked_and_kept(tmp_path, logos):
    web = serving_logos(tmp_path, logos, private=True)
    try:
        for _ in range(3):
            status, fields, body = curl(web, "/bimi/good.example")
            assert " 200" in status and body.decode() == LOGO, (status, body)
            assert fields["content-type"] == "image/svg+xml"
            assert fields["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert logos.asked == ["/logo.svg"]
        for name, why in (("evil", "element script"), ("large", "larger than"), ("page", "image/svg+xml"), ("down", "https"), ("none", "no BIMI record")):
            status, fields, body = curl(web, f"/bimi/{name}.example")
            assert " 404" in status and why in json.loads(body)["detail"], (name, body)
        assert curl(web, "/bimi/moved.example")[2].decode() == LOGO
    finally:
        web.stop()


def test_logos_are_not_fetched_from_private_addresses(tmp_path, logos):
    web = serving_logos(tmp_path, logos, private=False)
    try:
        status, fields, body = curl(web, "/bimi/good.example")
        assert " 404" in status and "port" in json.loads(body)["detail"], body
        assert logos.asked == []
    finally:
        web.stop()


def test_a_stop_ends_connections_at_once(web):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(socket.create_connection((web.ip, web.port["https"]), timeout=20)) as s:
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        said = s.recv(65536)
        web.process.terminate()
        while block := s.recv(65536):
            said += block
        assert re.search(rb"\x00\x00.\x07\x00\x00\x00\x00\x00", said, re.S)  # GOAWAY
    assert web.process.wait(timeout=20) == 0


@pytest.fixture
def certified(tmp_path):
    """A server with a certificate that somebody gave it, for the names that others look for."""
    made = Server(tmp_path / "two", "example.com", protocols=("https", "imaps", "submission"))
    names = "DNS:mail.example.com,DNS:mta-sts.example.com,DNS:autoconfig.example.com"
    subprocess.run([need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=mail.example.com",
                    "-addext", f"subjectAltName={names}", "-keyout", made.folder / "key.pem", "-out", made.folder / "chain.pem"], check=True, capture_output=True)
    with open(made.folder / "pabal.toml", "a") as config:
        config.write(f'\n[tls]\ncertificate = "{made.folder}/chain.pem"\nkey = "{made.folder}/key.pem"\n')
    made.run("domain", "add", "example.com")
    made.start()
    yield made
    made.stop()


def at(server, host, path, *more):
    done = subprocess.run([need("curl"), "-s", "-f", "--connect-to", f"::{server.ip}:{server.port['https']}", "--cacert", server.folder / "chain.pem", *more,
                           f"https://{host}{path}"], capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else done.returncode


def test_others_learn_that_they_may_insist_on_encryption(certified):
    policy = at(certified, "mta-sts.example.com", "/.well-known/mta-sts.txt")
    assert policy.split("\n")[0] == "version: STSv1\r" or policy.startswith("version: STSv1")
    assert "mode: enforce" in policy and "mx: mail.example.com" in policy and "max_age: 604800" in policy
    assert at(certified, "mail.example.com", "/.well-known/mta-sts.txt") == 22, "the policy of no domain"


def test_mail_programs_set_themselves_up(certified):
    told = ElementTree.fromstring(at(certified, "autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=bob@example.com"))
    assert told.find("emailProvider").get("id") == "example.com" and len(list(told.iter("port"))) == 2
    for kind in ("incomingServer", "outgoingServer"):
        for one in told.iter(kind):
            assert one.find("hostname").text == "mail.example.com" and one.find("socketType").text in ("SSL", "STARTTLS")
    assert at(certified, "autoconfig.example.com", "/mail/config-v1.1.xml") == at(certified, "mail.example.com", "/mail/config-v1.1.xml?emailaddress=x@example.com")
    assert at(certified, "autoconfig.example.com", "/mail/config-v1.1.xml?emailaddress=bob@example.org") == 22
    asked = ('<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
             "<Request><EMailAddress>bob@example.com</EMailAddress></Request></Autodiscover>")
    found = at(certified, "mail.example.com", "/autodiscover/autodiscover.xml", "-d", asked, "-H", "Content-Type: text/xml")
    assert "<LoginName>bob@example.com</LoginName>" in found and ElementTree.fromstring(found) is not None
