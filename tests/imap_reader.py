"""Reading mailboxes with Python's imaplib, for scenarios that look at what arrived."""
import contextlib
import imaplib
import ssl

from conftest import PASSWORD


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def logged_in(server, user, password=PASSWORD):
    imap = imaplib.IMAP4(server.ip, server.port["imap"])
    try:
        imap.login(user, password)
        yield imap
    finally:
        with contextlib.suppress(Exception):
            imap.logout()


def messages(server, user, mailbox="INBOX"):
    """The raw messages of a mailbox."""
    with logged_in(server, user) as imap:
        status, _ = imap.select(mailbox, readonly=True)
        assert status == "OK"
        status, data = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        assert status == "OK"
        return [part[1] for part in data if isinstance(part, tuple)]
