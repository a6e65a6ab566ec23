"""Who means ill over HTTP is refused with the right code: path tricks, smuggling, too much, too slow, too deep, guessing."""
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest

from conftest import Server, need

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def web(tmp_path):
    made = Server(tmp_path / "one", "example.com", protocols=("https", "http"))
    made.run("domain", "add", "example.com")
    made.add_account("alice@example.com")
    made.start()
    yield made
    assert made.process.poll() is None, "it has fallen"
    made.stop()


def token(server):
    said = server.run("token", "create", "alice@example.com", "--scope", "mail.read").stdout
    return re.search(r"pabal_\S+", said)[0]


def raw(server, octets, seconds=20):
    """What the server says until it closes."""
    with socket.create_connection((server.ip, server.port["http"]), timeout=seconds) as s:
        s.sendall(octets)
        said = b""
        try:
            while block := s.recv(65536):
                said += block
        except ConnectionResetError:
            pass
        return said


def curl(server, path, version, *more):
    """The status, over TLS."""
    done = subprocess.run([need("curl"), "-sk", version, "--path-as-is", "-o", os.devnull, "-w", "%{http_code}", *more,
                           f"https://{server.ip}:{server.port['https']}{path}"], capture_output=True, text=True, timeout=60)
    return int(done.stdout)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_paths_that_climb_or_hide_something_are_refused(web, version):
    for path in ("/../etc/passwd", "/a/../../b", "/%2e%2e/etc/passwd", "/.%2E/x", "/%2e/healthz", "/healthz%00", "/%00", "/a%0d%0aX:y", "/%ff", "/%zz",
                 "/%2"):
        assert curl(web, path, version) == 400, path
    for path in ("//healthz", "/healthz/", "//evil.example/", "/healthz%2f", "/%2fhealthz", "/healthz;x", "/HEALTHZ", "/\\healthz"):
        assert curl(web, path, version) in (400, 404), path
    assert curl(web, "/healthz", version) == 200


@pytest.mark.parametrize("head", [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"Content-Length: 0\r\nContent-Length: 9\r\n\r\n", b"Content-Length: 0, 9\r\n\r\n", b"Content-Length: +0\r\n\r\n", b"Content-Length: 0x0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: xchunked\r\n\r\n",
    b"X: a\r\n b\r\n\r\n", b"X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", b"X: a\n\r\n", b"X: a\nContent-Length: 9\r\n\r\n", b"X: a\rb\r\n\r\n", b"X: \0\r\n\r\n",
    b" X: a\r\n\r\n", b"X\r\n\r\n", b": a\r\n\r\n", b"Host: other\r\n\r\n"])
def test_smugglers_are_refused_and_nothing_behind_them_is_read(web, head):
    said = raw(web, b"POST / HTTP/1.1\r\nHost: h\r\n" + head + HIDDEN)
    assert re.match(rb"HTTP/1\.1 (400|501) ", said) and said.count(b"HTTP/1.1 ") == 1, said


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_too_much_is_refused(web, tmp_path, version):
    large = tmp_path / "large"
    large.write_bytes(b"x" * 11_000_000)
    bearer = ("-H", f"Authorization: Bearer {token(web)}", "-H", "Content-Type: application/json", "-H", "Expect:")
    assert curl(web, "/oauth/token", version, "--data-binary", f"@{large}") == 413
    if version == "--http2":
        assert curl(web, "/jmap", version, *bearer, "--data-binary", f"@{large}") in (400, 413)  # RFC 8620 §3.6.1: limit
    assert curl(web, "/", version, "-H", "X-Large: " + "a" * 45_000) == 431
    assert curl(web, "/", version, *(word for i in range(150) for word in ("-H", f"X-{i}: a"))) == 431
    deep = tmp_path / "deep"
    for text, path in ((DEEP, "/jmap"), ('{"raw":' + DEEP + "}", "/gmail/v1/users/me/messages/send"), ('{"a":' * 5_000, "/jmap")):
        deep.write_text(text)
        assert curl(web, path, version, "-H", f"Authorization: Bearer {full(web)}", *bearer[2:], "--data-binary", f"@{deep}") == 400, path
    deep.write_text("[" + "1," * 2_000_000 + "1]")
    assert curl(web, "/jmap", version, *bearer, "--data-binary", f"@{deep}") == 400
    assert web.memory_kib() < 400_000


def full(server):
    said = server.run("token", "create", "alice@example.com", "--scope", "https://mail.google.com/").stdout
    return re.search(r"pabal_\S+", said)[0]


def test_who_guesses_tokens_waits_and_is_sent_away(web):
    running = [subprocess.Popen([need("curl"), "-sk", "-m", "8", "-o", os.devnull, "-w", "%{http_code}", "-H", f"Authorization: Bearer pabal_{i:048d}",
                                 f"https://{web.ip}:{web.port['https']}/jmap/session"], stdout=subprocess.PIPE, text=True) for i in range(40)]
    seen = [one.communicate(timeout=60)[0] for one in running]
    # "000": it waits for its turn still.
    assert set(seen) <= {"401", "429", "000"} and 3 <= seen.count("401") <= 20, seen


def sockets(server, bearer):
    context = ssl._create_unverified_context()
    made = context.wrap_socket(socket.create_connection((server.ip, server.port["https"]), timeout=30))
    made.sendall((f"GET /jmap/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jmap\r\nAuthorization: Bearer {bearer}\r\n\r\n").encode())
    assert made.recv(4096).startswith(b"HTTP/1.1 101 ")
    return made


def test_half_messages_of_many_fill_no_memory(web):
    """40 sockets begin messages of 9.9 MB and end none: beyond 256 MiB of all of them the last ones hear 1013."""
    bearer = token(web)
    frame = b"\x81\xff" + struct.pack(">Q", 9_900_000) + b"\0\0\0\0" + b" " * 9_800_000
    waiting, said = [sockets(web, bearer) for _ in range(40)], []
    for one in waiting:
        try:
            one.sendall(frame)
        except OSError:
            pass  # it was closed while we sent
        one.settimeout(0.02)
    for _ in range(5):
        for one in list(waiting):
            try:
                heard = one.recv(4096)
                if heard[:1] == b"\x89":  # a ping
                    continue
                said.append(heard)
            except TimeoutError:
                continue
            except OSError:
                said.append(b"")  # what it said is lost
            waiting.remove(one)
    assert 20 <= len(waiting) <= 27 and any(said)
    assert all(one[2:4] == struct.pack(">H", 1013) for one in said if one), said
    assert web.memory_kib() < 800_000
    # Others are served meanwhile: small messages count for nothing.
    small = json.dumps({"@type": "Request", "id": "R1", "using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {"text": "x" * 99}, "0"]]}).encode()
    one = sockets(web, bearer)
    one.sendall(b"\x81\xfe" + struct.pack(">H", len(small)) + b"\0\0\0\0" + small)
    assert b"methodResponses" in one.recv(65536)
    assert curl(web, "/healthz", "--http2") == 200
    for each in (*waiting, one):
        each.close()


def test_who_sends_nothing_more_is_told_so(web):
    begun = time.monotonic()
    slow = [raw_later(web, octets) for octets in (b"GET / HTTP/1.1\r\nHo", b"POST /oauth/token HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")]
    for one, seconds in zip(slow, (30, 60)):
        assert one.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert seconds - 2 <= time.monotonic() - begun <= seconds + 10
        one.close()


def raw_later(server, octets):
    made = socket.create_connection((server.ip, server.port["http"]), timeout=90)
    made.sendall(octets)
    return made
