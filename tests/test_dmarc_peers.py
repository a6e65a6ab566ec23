"""The verdicts of DMARC against those of opendmarc's library, on the same records and identities. Where they differ, the RFC is quoted."""
import base64
import ctypes
import re
import subprocess

import dkim
import pytest

from conftest import PABAL

PASS, REJECT, QUARANTINE, NONE, ABSENT = "pass", "reject", "quarantine", "none", "absent"

# name, domain of From, records by domain, domain that SPF passes for, domain that DKIM passes for, the verdict, why opendmarc
# 1.4.2 says another: (its verdict, the rule)
CASES = [
    ("same", "example.com", {"example.com": "v=DMARC1; p=reject"}, "example.com", None, PASS, None),
    ("forged", "example.com", {"example.com": "v=DMARC1; p=reject"}, "evil.example", None, REJECT, None),
    ("forged-signed", "example.com", {"example.com": "v=DMARC1; p=quarantine"}, "evil.example", "evil.example", QUARANTINE, None),
    ("only-watched", "example.com", {"example.com": "v=DMARC1; p=none"}, "evil.example", None, NONE, None),
    ("nothing-passes", "example.com", {"example.com": "v=DMARC1; p=reject"}, None, None, REJECT, None),
    ("bounce-host", "example.com", {"example.com": "v=DMARC1; p=reject"}, "bounces.example.com", None, PASS, None),
    ("signed-above", "news.example.com", {"example.com": "v=DMARC1; p=reject"}, None, "example.com", PASS, None),
    ("siblings", "a.example.com", {"example.com": "v=DMARC1; p=reject"}, "b.example.com", None, PASS, None),
    ("look-alike", "example.com", {"example.com": "v=DMARC1; p=reject"}, "notexample.com", None, REJECT, None),
    ("suffix-trick", "example.com", {"example.com": "v=DMARC1; p=reject"}, "example.com.evil.example", None, REJECT, None),
    ("letter-case", "EXAMPLE.com", {"example.com": "v=DMARC1; p=reject"}, "example.com", None, PASS, None),
    ("subdomain-policy", "a.example.com", {"example.com": "v=DMARC1; p=none; sp=quarantine"}, "evil.example", None, QUARANTINE, None),
    ("subdomain-of-p", "a.example.com", {"example.com": "v=DMARC1; p=reject"}, "evil.example", None, REJECT, None),
    ("own-record", "a.example.com", {"example.com": "v=DMARC1; p=reject", "a.example.com": "v=DMARC1; p=none"}, "evil.example", None, NONE, None),
    ("upper-case-word", "example.com", {"example.com": "v=DMARC1; p=REJECT"}, "evil.example", None, REJECT, None),
    ("unknown-tags", "example.com", {"example.com": "v=DMARC1; x=y; p=reject; rf=afrf; ri=3600"}, "evil.example", None, REJECT, None),
    ("no-record", "example.com", {}, "example.com", None, ABSENT, None),
    ("not-dmarc", "example.com", {"example.com": "v=DMARC2; p=reject"}, "evil.example", None, ABSENT, None),
    ("wrong-policy", "example.com", {"example.com": "v=DMARC1; p=block"}, "evil.example", None, ABSENT, None),
    ("strict-spf", "example.com", {"example.com": "v=DMARC1; p=reject; aspf=s"}, "bounces.example.com", None, REJECT,
     (PASS, "RFC 9989 §4.4: in strict mode the domains must be identical")),
    ("strict-dkim", "example.com", {"example.com": "v=DMARC1; p=reject; adkim=s"}, None, "mail.example.com", REJECT,
     (PASS, "RFC 9989 §4.4: in strict mode the domains must be identical")),
    ("strict-same", "example.com", {"example.com": "v=DMARC1; p=reject; adkim=s; aspf=s"}, None, "example.com", PASS, None),
    ("no-p", "example.com", {"example.com": "v=DMARC1; rua=mailto:d@example.com"}, "evil.example", None, NONE,
     (ABSENT, "RFC 9989 §4.7: without p= the record counts as p=none")),
    ("test-mode", "example.com", {"example.com": "v=DMARC1; p=reject; t=y"}, "evil.example", None, QUARANTINE,
     (REJECT, "RFC 9989 §4.7: t=y, which RFC 7489 does not have")),
    ("missing-name", "no-such.example.com", {"example.com": "v=DMARC1; p=none; np=reject"}, "evil.example", None, REJECT,
     (NONE, "RFC 9989 §4.7: np=, which RFC 7489 does not have")),
    ("part-apart", "example.com", {"example.com": "v=DMARC1; p=reject", "tenant.example.com": "v=DMARC1; p=none; psd=n"}, "tenant.example.com", None,
     REJECT, (PASS, "RFC 9989 §4.10.2: psd=n makes an organisation of its own")),
]


@pytest.fixture(scope="module")
def opendmarc(tmp_path_factory):
    try:
        library = ctypes.CDLL("libopendmarc.so.2")
    except OSError:
        pytest.fail("libopendmarc2 is missing: ./dev setup installs it")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, *arguments in (("connect_init", text, number), ("store_from_domain", pointer, text), ("store_spf", pointer, text, number, number, text),
                             ("store_dkim", pointer, text, text, number, text), ("store_dmarc", pointer, text, text, text), ("connect_shutdown", pointer)):
        getattr(library, "opendmarc_policy_" + name).argtypes = arguments
    library.opendmarc_policy_connect_init.restype = library.opendmarc_policy_connect_shutdown.restype = pointer
    library.opendmarc_get_policy_to_enforce.argtypes = [pointer]
    suffixes = tmp_path_factory.mktemp("opendmarc") / "suffixes"
    suffixes.write_text("com\nexample\n")
    assert library.opendmarc_tld_read_file(bytes(suffixes), b"//", b"*.", b"!") == 0
    return library


def theirs(library, sender, records, spf, signer):
    organisation = ".".join(sender.lower().split(".")[-2:])
    at = sender.lower() if sender.lower() in records else organisation
    if at not in records:
        return ABSENT  # it would not be asked
    policy = library.opendmarc_policy_connect_init(b"192.0.2.1", 4)
    try:
        assert library.opendmarc_policy_store_from_domain(policy, sender.encode()) == 0
        if spf:
            assert library.opendmarc_policy_store_spf(policy, spf.encode(), 1, 1, b"pass") == 0
        if signer:
            assert library.opendmarc_policy_store_dkim(policy, signer.encode(), b"s1", 1, b"pass") == 0
        stored = library.opendmarc_policy_store_dmarc(policy, records[at].encode(), at.encode(), None if at == sender.lower() else organisation.encode())
        if stored != 0:
            return ABSENT
        return {14: ABSENT, 15: PASS, 16: REJECT, 17: QUARANTINE, 18: NONE}[library.opendmarc_get_policy_to_enforce(policy)]
    finally:
        library.opendmarc_policy_connect_shutdown(policy)


@pytest.fixture(scope="module")
def key():
    """An RSA key in PEM, and its public half for DNS."""
    pem = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True).stdout
    return pem, base64.b64encode(der).decode()


def ours(folder, key, sender, records, spf, signer):
    pem, public = key
    zone = [f'_dmarc.{domain}. TXT "{record}"' for domain, record in records.items()]
    zone += [f"{domain}. A 192.0.2.80" for domain in {"a.example.com", "b.example.com", "news.example.com", "example.com"}]
    zone.append(f'{spf or "nobody.example"}. TXT "v=spf1 {"ip4:192.0.2.1 " if spf else ""}-all"')
    mail = f"From: ceo@{sender}\r\nTo: a@example.org\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@{sender}>\r\n\r\nHi\r\n".encode()
    if signer:
        halves = f'"v=DKIM1; k=rsa; p={public[:200]}" "{public[200:]}"'
        zone.append(f"s1._domainkey.{signer}. TXT {halves}")
        mail = dkim.sign(mail, b"s1", signer.encode(), pem, include_headers=[b"from", b"to", b"subject", b"date", b"message-id"]) + mail
    (folder / "zone").write_text("\n".join(zone) + "\n")
    (folder / "mail.eml").write_bytes(mail)
    done = subprocess.run([PABAL, "auth", folder / "mail.eml", "--ip", "192.0.2.1", "--helo", "mx.nobody.example", "--from", f"a@{spf or 'nobody.example'}",
                           "--zone", folder / "zone"], capture_output=True, text=True, timeout=60)
    found = re.search(r"dmarc=(\w+)(?: \(p=(\w+)(?:, here (\w+))?\))?", done.stdout.replace("\n\t", " "))
    assert found, done.stdout + done.stderr
    result, policy, here = found.groups()
    assert result in ("pass", "fail", "none"), done.stdout
    return {"pass": PASS, "none": ABSENT}.get(result, here or policy)


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_verdicts_agree(case, opendmarc, key, tmp_path):
    _, sender, records, spf, signer, verdict, differs = case
    assert ours(tmp_path, key, sender, records, spf, signer) == verdict
    expected, why = differs or (verdict, "they agree")
    assert theirs(opendmarc, sender, records, spf, signer) == expected, why
