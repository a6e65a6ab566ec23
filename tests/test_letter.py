"""The first thing a newcomer types: `pabal demo`, and the letter's way."""
import os
import signal
import socket
import subprocess

import pytest

from conftest import PABAL, wait_for

PORTS = [("127.0.0.1", 2525), ("127.0.0.2", 2525)]


def busy():
    for address in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(address)
            except OSError:
                return True
    return False


@pytest.fixture(autouse=True)
def free_ports():
    if busy():
        pytest.skip("a demo runs on this machine already")


def test_the_demo_shows_the_letter_and_both_traces_and_works_again_on_the_same_folder(tmp_path):
    for _ in range(2):
        done = subprocess.run([PABAL, "demo", "--once", "--data", tmp_path / "demo"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        out = done.stdout
        for said in ("queued as", "STARTTLS", "Dear Bob", "파발이 도착했습니다", "Return-Path: <alice@example.com>", "pabal-demo",
                     "Trace at mail.example.com", "Trace at mail.univ.edu"):
            assert said in out
        order = [out.index(word, out.index("Trace at")) for word in ("submission", "relay-out", "relay-in", "delivery", "access")]
        assert order == sorted(order)


def test_the_demo_stays_up_until_ctrl_c_and_ends_cleanly(tmp_path):
    demo = subprocess.Popen([PABAL, "demo", "--data", tmp_path / "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in demo.stdout:
            if "until Ctrl-C" in line:
                break
        with socket.create_connection(("127.0.0.2", 2525)) as s:
            assert s.recv(100).startswith(b"220 mail.univ.edu ESMTP")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == 0
        assert demo.stderr.read() == ""
    finally:
        if demo.poll() is None:
            demo.kill()
        demo.stdout.close()
        demo.stderr.close()


def test_the_demo_says_which_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 2525))
        taken.listen()
        done = subprocess.run([PABAL, "demo", "--once", "--data", tmp_path / "demo"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "127.0.0.1:2525" in done.stderr and "in use" in done.stderr
