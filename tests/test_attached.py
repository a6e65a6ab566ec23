"""Attached files: their words are found some time after the delivery, whatever the files are made to do to their reader."""
import base64
import imaplib
import io
import os
import signal
import subprocess
import zipfile
import zlib

from conftest import PABAL, PASSWORD, wait_for
from letters import deliver_text


def pdf(text):
    content = zlib.compress(f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode())
    return (b"%%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n"
            b"3 0 obj << /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >> endobj\n"
            b"4 0 obj << /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream endobj\n"
            b"5 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> endobj\n"
            b"trailer << /Root 1 0 R >>\n%%%%EOF\n" % (len(content), content))


def docx(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<w:document><w:p><w:t>{text}</w:t></w:p></w:document>")
    return out.getvalue()


def lines(octets):
    return base64.encodebytes(octets).decode().replace("\n", "\r\n")


def letter(subject, *files):
    parts = "".join(f'--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="{name}"\r\n'
                    f"Content-Transfer-Encoding: base64\r\n\r\n{lines(octets)}\r\n" for name, octets in files)
    return (f"From: carol@example.net\r\nTo: bob@example.com\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee the files\r\n{parts}--b--\r\n").encode()


def search(server, *keys, literal=None):
    with imaplib.IMAP4(server.ip, server.port["imap"]) as client:
        client.login("bob@example.com", PASSWORD)
        client.select("INBOX", readonly=True)
        client.literal = literal
        return client.uid("SEARCH", *keys)[1][0].split()


def test_words_of_attached_files_are_found(server):
    deliver_text(server, letter("files", ("report.pdf", pdf("quarterly zebrafish figures")), ("회의록.docx", docx("회의에서 정한 일정"))))
    deliver_text(server, letter("damaged", ("broken.pdf", pdf("lost")[:180]), ("whole.pdf", pdf("unharmed giraffe"))))
    wait_for(lambda: search(server, "X-GM-RAW", '"giraffe"') == [b"2"])
    assert search(server, "X-GM-RAW", '"quarterly zebrafish"') == [b"1"]
    assert search(server, "CHARSET", "UTF-8", "X-GM-RAW", literal="회의".encode()) == [b"1"]
    assert search(server, "X-GM-RAW", '"filename:pdf"') == [b"1", b"2"]
    for key in ("TEXT", "BODY"):
        assert search(server, key, "ZEBRAFISH") == [b"1"]
        assert search(server, key, '"quarterly zebra"') == [b"1"], "a substring"
    assert search(server, "NOT", "BODY", "zebrafish") == [b"2"]
    assert search(server, "SUBJECT", "zebrafish") == []
    server.stop(signal.SIGKILL)
    server.start()
    assert search(server, "X-GM-RAW", '"zebrafish"') == [b"1"]


def test_a_restart_goes_on_with_what_waits(server):
    for n in range(30):
        deliver_text(server, letter(f"n{n}", ("a.pdf", pdf(f"word{n} platypus"))))
    server.stop(signal.SIGKILL)
    server.start()
    wait_for(lambda: len(search(server, "X-GM-RAW", '"platypus"')) == 30)


def test_bombs_do_no_harm():
    much = b"<w:t>" + b"a" * (140 << 20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", much)
    content = zlib.compress(zlib.compress(b"(a) Tj " * (20 << 20)))
    bomb = (b"%%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj 2 0 obj << /Type /Pages /Kids [3 0 R] >> endobj\n"
            b"3 0 obj << /Type /Page /Contents 4 0 R >> endobj 4 0 obj << /Filter [/FlateDecode /FlateDecode] /Length %d >>\n"
            b"stream\n%s\nendstream endobj" % (len(content), content))
    for file in (out.getvalue(), bomb, b"%PDF-1.4\n1 0 obj " + b"<<" * 1_000_000, b"{\\rtf1" + b"{" * 1_000_000, os.urandom(100_000)):
        done = subprocess.run([PABAL, "extract"], input=file, capture_output=True, timeout=40)
        assert done.returncode in (0, 1) or done.returncode < 0
        assert len(done.stdout) <= 1 << 20


def test_the_reader_reads_from_standard_input_only():
    done = subprocess.run([PABAL, "extract"], input=pdf("plain words"), capture_output=True, timeout=20)
    assert (done.returncode, done.stdout) == (0, b"plain words\n")
