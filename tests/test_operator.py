"""What the person who runs the server does: set up, look, change, reload, stop."""
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import PABAL, Server, wait_for
from imap_reader import logged_in, messages, trusting
from smtp_lines import Telnet


def test_commands_work_with_the_server_and_without_it(server):
    def everything():
        out = server.run("domain", "list").stdout + server.run("account", "list").stdout + server.run("mailbox", "list", "bob@example.com").stdout
        return [line.split()[0] for line in out.splitlines()]
    running = everything()
    server.run("alias", "add", "team@example.com", "alice@example.com", "bob@example.com")
    server.stop()
    assert everything() == running
    assert "team@example.com" in server.run("alias", "list").stdout
    server.start()
    with Telnet(server.ip, server.port["smtp"]) as s:
        s.reply()
        s.ask("EHLO mx.example.net")
        s.ask("MAIL FROM:<carol@example.net>")
        assert s.ask("RCPT TO:<team@example.com>").startswith("250 ")
        s.ask("DATA")
        s.send("Subject: to all\r\n\r\nx\r\n")
        assert s.ask(".").startswith("250 ")
    assert len(messages(server, "alice@example.com")) == len(messages(server, "bob@example.com")) == 1


def test_a_wrong_command_says_what_to_do_next(server):
    for words, code, said in ((["account", "add", "x@nowhere.example"], 1, "domain add"), (["account", "show", "nobody@example.com"], 1, "account list"),
                              (["queue", "show", "nonsense"], 1, "queue list"), (["domain"], 2, "subcommand"), (["trace", "unknown@example.com"], 1, "30 days")):
        done = server.run(*words, check=False)
        assert done.returncode == code and said in done.stderr + done.stdout, (words, done)
    done = subprocess.run([PABAL, "--config", "/nonexistent.toml", "serve"], capture_output=True, text=True)
    assert done.returncode == 1 and "quickstart" in done.stderr


def test_a_second_server_on_the_same_store_is_told_so(server):
    again = subprocess.run([PABAL, "--config", server.config, "serve"], capture_output=True, text=True, timeout=30)
    assert again.returncode == 1
    assert "another pabal process" in again.stderr


def certificate(server):
    return ssl.get_server_certificate((server.ip, server.port["imaps"]))


def test_sighup_takes_over_a_new_certificate_without_dropping_anybody(server):
    before = certificate(server)
    with logged_in(server, "bob@example.com") as imap:
        tls = server.folder / "data/tls"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail.example.com",
                        "-keyout", tls / "key.pem", "-out", tls / "certificate.pem"], check=True, capture_output=True)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: certificate(server) != before)
        assert imap.noop()[0] == "OK"


def test_a_broken_certificate_at_sighup_keeps_the_old_one(server):
    before = certificate(server)
    (server.folder / "data/tls/certificate.pem").write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload:" in (server.folder / "log.txt").read_text())
    assert certificate(server) == before


def test_sigterm_says_goodbye_and_leaves_no_socket(server):
    with logged_in(server, "bob@example.com") as imap:
        assert server.stop() == 0
    assert not list((server.folder / "data").glob("*.sock*"))


@pytest.fixture
def refusing_resolver():
    """A DNS server that refuses every question, at once: the world quickstart finds on a badly set up machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))

        def answer():
            while True:
                question, client = s.recvfrom(4096)
                if not question:
                    return
                s.sendto(question[:2] + b"\x81\x05" + question[4:6] + bytes(6) + question[12:], client)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1@{s.getsockname()[1]}"
        s.sendto(b"", s.getsockname())
        thread.join()


def test_quickstart_writes_a_server_that_starts_and_says_what_is_wrong_with_the_world(tmp_path, refusing_resolver):
    words = [PABAL, "quickstart", "example.com", "--config-dir", tmp_path / "etc", "--data-dir", tmp_path / "lib", "--unit-dir", tmp_path / "units",
             "--dns-forwarder", refusing_resolver]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    out = done.stdout
    assert done.returncode == 0, out + done.stderr
    assert "why:" in out and "fix:" in out and "password: " in out
    assert "example.com. MX 10 mail.example.com." in out and "_domainkey.example.com. TXT" in out and "v=DMARC1" in out
    assert "ExecStart=" in (tmp_path / "units/pabal.service").read_text()
    password = out.split("password: ")[1].split()[0]

    config = (tmp_path / "etc/pabal.toml").read_text()
    assert oct(os.stat(tmp_path / "lib").st_mode & 0o077) == "0o0"
    again = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert again.returncode == 1 and (tmp_path / "etc/pabal.toml").read_text() == config

    server = Server(tmp_path / "ports", "example.com")  # its listeners on free ports, over the store made above
    listeners = server.config.read_text()[server.config.read_text().index("[[listen]]"):]
    (tmp_path / "etc/pabal.toml").write_text(config[:config.index("[[listen]]")] + listeners)
    server.config, server.folder = tmp_path / "etc/pabal.toml", tmp_path / "ports"
    server.start()
    try:
        with logged_in(server, "postmaster@example.com", password) as imap:
            assert imap.select("INBOX")[0] == "OK"
        assert "pabal1r._domainkey.example.com" in server.run("domain", "show", "example.com").stdout
    finally:
        server.stop()


def test_a_failed_quickstart_leaves_nothing_behind(tmp_path):
    (tmp_path / "units").mkdir()
    (tmp_path / "units/pabal.service").write_text("somebody's")
    done = subprocess.run([PABAL, "quickstart", "example.com", "--config-dir", tmp_path / "etc", "--data-dir", tmp_path / "lib",
                           "--unit-dir", tmp_path / "units", "--skip-checks"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "nothing was left behind" in done.stderr
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["units", "units/pabal.service"]
    assert (tmp_path / "units/pabal.service").read_text() == "somebody's"
