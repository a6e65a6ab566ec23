"""./dev bench push [--sockets N]: what N idle WebSockets weigh that listen for changes (RFC 8887), in clear and with TLS, and how soon
a delivery has reached all that listen to its account. Weight is the growth of the server's PSS by the number of sockets; what the kernel
holds for them is not in it. The time of a delivery runs from its last octet on the wire of LMTP, before the commit, to the last octet
of the news at each listener; client and server share this machine's cores."""
import argparse
import concurrent.futures
import re
import resource
import select
import socket
import ssl
import tempfile
import time

from peers import Lmtp, Pabal, resident_mib

ACCOUNTS = 100
DELIVERIES = 500
TEXT = b"From: s@example.net\r\nTo: user@example.com\r\nSubject: news\r\n\r\n" + b"A line of some length, as letters have them.\r\n" * 40
ENABLE = b'{"@type":"WebSocketPushEnable","dataTypes":["Email"]}'
ECHO = b'{"@type":"Request","using":["urn:ietf:params:jmap:core"],"methodCalls":[]}'


def frame(text):
    """A text frame of a client (RFC 6455 §5); the mask is zeros."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


def open_socket(port, token, tls):
    sock = socket.create_connection(("127.0.0.1", port))
    if tls:
        sock = tls.wrap_socket(sock)
    sock.sendall(b"GET /jmap/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Protocol: jmap\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer " + token.encode() +
                 b"\r\n\r\n" + frame(ENABLE) + frame(ECHO))
    heard = b""
    while b"methodResponses" not in heard:
        some = sock.recv(65536)
        assert some and (b" 101 " in heard + some), heard + some
        heard += some
    sock.setblocking(False)
    return sock


def hear(sock):
    """Whether news came."""
    came = False
    try:
        while octets := sock.recv(65536):
            came = came or b"StateChange" in octets
    except (BlockingIOError, ssl.SSLWantReadError):
        pass
    return came


def deliver(lmtp, number, poll, sockets):
    """Milliseconds until each listener of the account was told."""
    lmtp.begin(TEXT, f"user{number}")
    start, waiting, took = time.monotonic(), {s.fileno(): s for s in sockets}, []
    lmtp.socket.sendall(b".\r\n")
    while waiting and time.monotonic() - start < 10:
        for descriptor, _ in poll.poll(1):
            if descriptor in waiting and hear(waiting[descriptor]):
                took.append((time.monotonic() - start) * 1000)
                del waiting[descriptor]
    lmtp.reply()
    assert not waiting, f"{len(waiting)} listeners were not told"
    return took


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(side, name, port, tls, tokens, count):
    for token in tokens:
        open_socket(port, token, tls).close()  # what the first of an account costs, all others share
    time.sleep(2)
    before, start = resident_mib(side.pids), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        sockets = list(pool.map(lambda n: open_socket(port, tokens[n % ACCOUNTS], tls), range(count)))
    took = time.monotonic() - start
    time.sleep(3)
    after = resident_mib(side.pids)
    poll = select.epoll()
    for sock in sockets:
        poll.register(sock.fileno(), select.EPOLLIN)
    lmtp, each, last = Lmtp(side.lmtp), [], []
    for n in range(DELIVERIES):
        some = deliver(lmtp, n % ACCOUNTS, poll, sockets[n % ACCOUNTS::ACCOUNTS])
        each += some
        last.append(max(some))
    print(f"{count:,} idle WebSockets {name}: {(after - before) * 1024 / count:.1f} KiB each (PSS {before:.1f} -> {after:.1f} MiB), opened in "
          f"{took:.0f} s;\n  {DELIVERIES} deliveries, each to {count // ACCOUNTS} listeners: a listener is told after "
          f"{percentile(each, 0.5):.1f} ms (median), {percentile(each, 0.99):.1f} ms (p99), the last one of a delivery after "
          f"{percentile(last, 0.5):.1f} ms (median), {percentile(last, 0.99):.1f} ms (p99), {max(last):.1f} ms (most)", flush=True)
    for sock in sockets:
        sock.close()
    time.sleep(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=10_000, metavar="N")
    count = parser.parse_args().sockets
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        side = Pabal(folder, [f"user{n}" for n in range(ACCOUNTS)], ("lmtp", "http", "https"))
        try:
            tokens = [re.search(r"token: (\S+)", side.command("token", "create", f"user{n}@example.com"))[1] for n in range(ACCOUNTS)]
            measure(side, "in clear", side.http, None, tokens, count)
            measure(side, "with TLS", side.https, ssl._create_unverified_context(), tokens, count)
        finally:
            side.stop()


if __name__ == "__main__":
    main()
