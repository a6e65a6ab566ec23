"""Hostile input on every port: a standard error or a closed connection, bounded memory, and the others unharmed."""
import contextlib
import os
import random
import smtplib
import socket
import ssl
import threading

import pytest

from conftest import PASSWORD
from imap_reader import logged_in, messages, trusting
from smtp_lines import Telnet

PROTOCOLS = ["smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s"]
MEMORY_MIB = 300  # far below what the inputs would need if they were kept


def connect(server, protocol):
    raw = socket.create_connection((server.ip, server.port[protocol]), timeout=20)
    return trusting().wrap_socket(raw) if protocol in ("submissions", "imaps", "pop3s") else raw


def pour(s, chunks):
    """Sends until the server has had enough; gives what it said."""
    said = b""
    with contextlib.suppress(OSError):
        for chunk in chunks:
            s.sendall(chunk)
        if not isinstance(s, ssl.SSLSocket):
            s.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        s.settimeout(2)  # it may rightly wait for more
        while True:
            got = s.recv(65536)
            if not got:
                break
            said += got
    s.close()
    return said


def inputs():
    noise = random.Random(7)
    yield "random octets", [noise.randbytes(1 << 16) for _ in range(32)]
    yield "a line of 10 MB", [b"A" * (1 << 20)] * 10 + [b"\r\n"]
    yield "random lines", [bytes(noise.choices(b"abcEHLOMAIL FROM:<>{}()*\\\" 0123456789", k=80)) + b"\r\n" for _ in range(2000)]
    yield "half a command", [b"MAIL FRO"]
    yield "nothing but line ends", [b"\r\n" * 50_000]
    yield "nothing but LFs", [b"\n" * 50_000]
    yield "open parentheses", [b"a LIST " + b"(" * 100_000 + b"\r\n"]
    yield "a literal that never comes", [b"a LOGIN {4000000000}\r\n"]
    yield "a non-synchronising literal that never ends", [b"a LOGIN {9999999+}\r\n", b"x" * 5_000_000]
    yield "a TLS hello in clear", [bytes.fromhex("1603010200010001fc0303") + noise.randbytes(500)]
    yield "an HTTP request", [b"POST / HTTP/1.1\r\nHost: mail.example.com\r\n\r\nMAIL FROM:<x@example.net>\r\n"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whatever_comes_the_server_stays_up_small_and_polite(server, protocol):
    with logged_in(server, "bob@example.com") as neighbour:
        neighbour.select("INBOX")
        for name, chunks in inputs():
            said = pour(connect(server, protocol), chunks)
            assert server.process.poll() is None, name
            assert server.memory_kib() < MEMORY_MIB * 1024, name
            for line in said.splitlines()[:50]:
                assert line[:1] in (b"*", b"+", b"2", b"3", b"4", b"5", b"a", b"-") or b" BAD " in line or b" NO " in line, (name, line)
        assert neighbour.noop()[0] == "OK"
    with Telnet(server.ip, server.port["smtp"]) as s:
        assert s.reply().startswith("220 ")


def message(server, content, code):
    with Telnet(server.ip, server.port["smtp"], timeout=60) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.ask("MAIL FROM:<carol@example.net>")
        s.ask("RCPT TO:<bob@example.com>")
        s.ask("DATA")
        for chunk in content:
            s.send(chunk)
        assert s.ask(".").startswith(code)


def test_headers_without_end_and_parts_within_parts_are_kept_whole_and_cost_little(server):
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10_000))
    message(server, [b"Subject: deep\r\n", deep, b"\r\nbottom\r\n"], "250")
    message(server, [b"X-H%d: %s\r\n" % (n, b"v" * 60) for n in range(100_000)], "250")
    message(server, [b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"] + [b"--x\r\n\r\np\r\n"] * 100_000, "250")
    message(server, [b"Subject: long\r\n\r\n" + b"y" * 900_000 + b"\r\n"], "250")
    message(server, [b"Subject: longer\r\n\r\n"] + [b"y" * (1 << 20)] * 2 + [b"\r\n"], "550")
    assert server.memory_kib() < MEMORY_MIB * 1024
    with logged_in(server, "bob@example.com") as imap:
        imap.select("INBOX")
        status, data = imap.fetch("1:4", "(ENVELOPE BODYSTRUCTURE)")
        assert status == "OK" and len(data) >= 4
        status, data = imap.search(None, "TEXT", "bottom")
        assert status == "OK"
    got = messages(server, "bob@example.com")
    assert len(got) == 4 and got[0].endswith(deep + b"\r\nbottom\r\n")


def test_a_message_over_the_limit_is_refused_without_being_kept(server):
    message(server, [b"Subject: huge\r\n\r\n"] + [(b"z" * 998 + b"\r\n") * 1000] * 55, "552")
    assert server.memory_kib() < MEMORY_MIB * 1024
    assert messages(server, "bob@example.com") == []


def test_a_thousand_idle_clients_leave_room_for_one_more(server):
    crowd = []
    try:
        for n in range(1000):
            crowd.append(socket.create_connection((server.ip, server.port["smtp" if n % 2 else "imap"]), timeout=20))
        with smtplib.SMTP(server.ip, server.port["smtp"]) as s:
            s.sendmail("carol@example.net", ["bob@example.com"], b"Subject: room\r\n\r\nx\r\n")
        assert server.memory_kib() < MEMORY_MIB * 1024
    finally:
        for one in crowd:
            one.close()
    assert len(messages(server, "bob@example.com")) == 1
