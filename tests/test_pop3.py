"""POP3 with clients of others: poplib and curl."""
import contextlib
import email.policy
import poplib
import subprocess

import pytest

from conftest import PASSWORD, need, wait_for
from imap_reader import logged_in, trusting
from letters import LETTER, deliver, deliver_text

BOB = "bob@example.com"


@contextlib.contextmanager
def maildrop(server, *before):
    """A session that is logged in; ends without QUIT unless the test says it."""
    pop = poplib.POP3_SSL(server.ip, server.port["pop3s"], context=trusting(), timeout=30)
    try:
        for step in before:
            getattr(pop, step)()
        pop.user(BOB)
        pop.pass_(PASSWORD)
        yield pop
    finally:
        pop.close()


def free(server):
    """Whether nobody has the maildrop open any more."""
    try:
        with maildrop(server):
            return True
    except poplib.error_proto as refused:
        assert b"[IN-USE]" in refused.args[0]
        return False


def test_poplib_works_through_all_commands(server):
    deliver(server, 3)
    with maildrop(server) as pop:
        count, octets = pop.stat()
        _, lines, _ = pop.list()
        sizes = [int(line.split()[1]) for line in lines]
        assert count == 3 and sum(sizes) == octets
        _, ids, _ = pop.uidl()
        assert len({line.split()[1] for line in ids}) == 3
        for n in (1, 2, 3):
            _, got, _ = pop.retr(n)
            text = b"\r\n".join(got) + b"\r\n"
            assert text.endswith(LETTER % (n, n, n)) and len(text) == sizes[n - 1]
            assert pop.list(n).split()[2] == str(sizes[n - 1]).encode()
            assert pop.uidl(n).split()[1:] == ids[n - 1].split()
        _, top, _ = pop.top(2, 1)
        assert top[-2] == b"" and top[-1] == b"--b"
        pop.noop()
        pop.dele(1)
        pop.rset()
        pop.dele(2)
        with pytest.raises(poplib.error_proto, match="to be deleted"):
            pop.retr(2)
        pop.quit()
    with maildrop(server) as pop:
        assert pop.stat()[0] == 2
        assert pop.uidl()[1] == [b"1 " + ids[0].split()[1], b"2 " + ids[2].split()[1]]  # the same for ever
        pop.dele(1)  # no QUIT: nothing goes
    wait_for(lambda: free(server))
    with maildrop(server) as pop:
        assert pop.stat()[0] == 2


def test_stls_comes_before_the_login(server):
    pop = poplib.POP3(server.ip, server.port["pop3"], timeout=30)
    assert "STLS" in pop.capa()
    pop.stls(trusting())
    capabilities = pop.capa()
    assert "STLS" not in capabilities and "PLAIN" in capabilities["SASL"] and "SCRAM-SHA-256-PLUS" in capabilities["SASL"]
    assert pop.user(BOB).startswith(b"+OK")
    assert pop.pass_(PASSWORD) == b"+OK 0 0"
    pop.quit()


def test_a_wrong_password_is_named_as_the_problem(server):
    pop = poplib.POP3(server.ip, server.port["pop3"], timeout=30)
    pop.user(BOB)
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        pop.pass_("wrong-password")
    pop.user(BOB)
    assert pop.pass_(PASSWORD) == b"+OK 0 0"
    pop.quit()


def test_utf8_headers_are_for_those_who_ask(server):
    deliver_text(server, "From: 캐롤 <carol@example.net>\r\nSubject: 제목\r\n\r\n본문\r\n".encode())
    with maildrop(server) as pop:
        lines = pop.retr(1)[1]
        letter = email.message_from_bytes(b"\n".join(lines), policy=email.policy.default)
        assert b"Subject: =?utf-8?B?7KCc66qp?=" in lines and "본문".encode() in lines
        assert letter["From"] == "캐롤 <carol@example.net>"
        pop.quit()
    with maildrop(server, "utf8") as pop:
        assert "Subject: 제목".encode() in pop.retr(1)[1]
        pop.quit()


def test_one_session_has_the_maildrop_until_it_ends(server):
    with maildrop(server):
        assert not free(server)
        assert not free(server)
    wait_for(lambda: free(server))


def test_imap_goes_on_beside_it(server):
    deliver(server, 3)
    with maildrop(server) as pop, logged_in(server, BOB) as imap:
        assert imap.select("INBOX") == ("OK", [b"3"])
        imap.store("2", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        deliver(server, 1, first=4)
        assert pop.stat()[0] == 3
        with pytest.raises(poplib.error_proto, match="removed by another session"):
            pop.retr(2)
        pop.retr(3)
        pop.dele(1)
        pop.quit()
        imap.noop()
        assert imap.response("EXPUNGE")[1] == [b"1"]
        assert imap.search(None, "UNSEEN") == ("OK", [b"1 2"])  # fetching by POP3 is not reading


def test_curl_lists_and_fetches(server):
    deliver(server, 2)

    def curl(*arguments):
        done = subprocess.run([need("curl"), "-sS", "--insecure", "-u", f"{BOB}:{PASSWORD}", *arguments], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    base = f"pop3s://{server.ip}:{server.port['pop3s']}/"
    assert len(curl(base).split()) == 4
    assert b"body number 2" in curl(base + "2")
    assert b"Subject: =?utf-8?B?7KCc66qp?= 1" in curl(base, "-X", "TOP 1 0")
    curl("--ssl-reqd", f"pop3://{server.ip}:{server.port['pop3']}/1", "-X", "DELE", "-I")
    assert len(curl(base).split()) == 2


def test_the_trace_says_who_fetched(server):
    deliver(server, 1)
    with maildrop(server) as pop:
        pop.retr(1)
        pop.quit()
    story = wait_for(lambda: "POP3 from" in (told := server.run("trace", "<1@example.net>").stdout) and told)
    assert "read" in story and "TLSv1.3" in story
