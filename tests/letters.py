"""Letters that scenarios deliver: by number, with a subject in encoded words and an attachment."""
import smtplib

LETTER = (b"From: Carol <carol@example.net>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?B?7KCc66qp?= %d\r\n"
          b"Date: Tue, 24 Nov 2026 09:00:00 +0900\r\nMessage-ID: <%d@example.net>\r\nMIME-Version: 1.0\r\n"
          b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbody number %d\r\n"
          b"--b\r\nContent-Type: text/csv; name=x.csv\r\nContent-Disposition: attachment; filename=x.csv\r\n"
          b"Content-Transfer-Encoding: base64\r\n\r\nYSxiDQo=\r\n--b--\r\n")


def deliver(server, count, to="bob@example.com", first=1):
    """LETTERs number first, first + 1 and so on."""
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
        for n in range(first, first + count):
            assert s.sendmail("carol@example.net", [to], LETTER % (n, n, n)) == {}


def deliver_text(server, text, to="bob@example.com"):
    with smtplib.SMTP(server.ip, server.port["smtp"], local_hostname="mx.example.net") as s:
        assert s.sendmail("carol@example.net", [to], text, mail_options=["SMTPUTF8", "BODY=8BITMIME"]) == {}
