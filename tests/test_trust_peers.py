"""The checks of a sender beside peers of Debian: the same records, clients and messages, by `pabal auth` and by them."""
import base64
import ipaddress
import itertools
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PABAL = ROOT / os.environ.get("PABAL", "build/release/pabal")


def auth_text(folder, zone, message=b"From: alice@example.com\r\n\r\nhello\r\n", ip="192.0.2.1", helo="client.example.com",
              sender="alice@example.com", hostname="mx.example.net"):
    (folder / "zone").write_text(zone)
    done = subprocess.run([PABAL, "auth", "-", "--ip", ip, "--helo", helo, "--from", sender, "--hostname", hostname,
                           "--zone", folder / "zone"], input=message, capture_output=True)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout.decode()


def auth(*args, **named):
    """The lines of `pabal auth`, by their first word."""
    lines = {}
    for line in auth_text(*args, **named).splitlines():
        word, _, rest = line.partition(":")
        lines.setdefault(word, []).append(rest.strip())
    return lines


# --- SPF: Debian's pyspf ----------------------------------------------------------------------------------------------------

# name, type, data: what both have for DNS.
RECORDS = [
    ("mail.a.test", "A", "192.0.2.1"), ("mail.a.test", "AAAA", "2001:db8::1"), ("many.a.test", "A", "192.0.2.1"),
    ("many.a.test", "A", "198.51.100.9"), ("mx.test", "MX", "10 mail.a.test."), ("mx.test", "MX", "20 gone.a.test."),
    ("nullmx.test", "MX", "0 ."), ("1.2.0.192.in-addr.arpa", "PTR", "mail.a.test."),
    ("1.2.0.192.in-addr.arpa", "PTR", "liar.b.test."), ("liar.b.test", "A", "203.0.113.9"),
    ("pass.test", "TXT", "v=spf1 +all"), ("fail.test", "TXT", "v=spf1 -all"), ("neutral.test", "TXT", "v=spf1 ?all"),
    ("soft.test", "TXT", "v=spf1 ~all"), ("broken.test", "TXT", "v=spf1 nonsense -all"), ("other.test", "TXT", "hello"),
    ("two.test", "TXT", "v=spf1 -all"), ("two.test", "TXT", "v=spf1 +all"), ("why.test", "TXT", "%{i} is not for %{o}"),
    ("loop.test", "TXT", "v=spf1 include:loop.test"), ("bad.test", "TXT", "v=spf1 redirect=bad.test"),
    ("1.2.0.192.ok.test", "A", "127.0.0.2"), ("alice.ok.test", "A", "127.0.0.2"), ("mail.a.test.ok.test", "A", "127.0.0.2"),
] + [(f"mx{n}.test", "A", "203.0.113.1") for n in range(11)] + [("mx11.test", "MX", f"{n} mx{n}.test.") for n in range(11)]

POLICIES = [
    "", "a", "-all", "?all", "~all", "+all", "A:mail.a.test -ALL", "a:many.a.test -all", "a:mail.a.test/24 -all",
    "a:mail.a.test//32 -all", "a:mail.a.test/0//0 -all", "a:mail.a.test/33", "a:mail.a.test/024", "mx:mx.test -all",
    "mx:nullmx.test -all", "mx:mail.a.test -all", "mx:mx11.test -all", "ip4:192.0.2.0/24 -all", "ip4:192.0.2.1/0 -all",
    "ip4:192.0.2 -all", "ip4:192.0.2.1/33 -all", "ip6:2001:db8::/32 -all", "ip6:2001:db8::1 -all", "ip6:192.0.2.1 -all",
    "ip6:::ffff:192.0.2.1 -all", "ptr -all", "ptr:a.test -all", "ptr:b.test -all", "ptr:st -all", "ptr/24",
    "exists:%{ir}.ok.test -all", "exists:%{l}.ok.test -all", "exists:%{p}.ok.test -all", "exists:%{L}.ok.test -all",
    "exists:%{d2r}.nothing.test -all", "exists:%{x}.test", "exists:%{c}.test", "exists:%{i", "exists:%", "exists:a%%b.test -all",
    "exists", "exists:", "include:pass.test -all", "include:fail.test +all", "include:neutral.test +all", "include:soft.test +all",
    "include:broken.test +all", "include:other.test +all", "include:gone.test +all", "include:two.test +all", "include",
    "include:loop.test", "redirect=pass.test", "redirect=fail.test", "redirect=gone.test", "redirect=other.test",
    "redirect=bad.test", "-all redirect=pass.test", "redirect=pass.test redirect=pass.test", "redirect=", "redirect=a.test/24",
    "-all exp=why.test", "-all exp=gone.test", "-all exp=", "exp=why.test exp=why.test -all", "x=y -all", "x=%{i} -all", "x=% -all",
    "x.y-z_=1 -all", "1x=1 -all", "=1", "all:", "all.", "all/8", "-all mx/99", "nonsense", "a:museum", "a:192.0.2.1", "a:b.c%{d}x",
    "a:gone1.test a:gone2.test -all", "a:gone1.test a:gone2.test a:gone3.test -all", "a:mail.a.test:25",
    " ".join(["a:mail.a.test"] * 10) + " -all", " ".join(["ip4:10.0.0.1"] * 300) + " +all",
    "a:%{d0}.test -all", "x=1 x=2 -all", "x=%{t} -all", "a:gone1.test a:%{p}.nothing.test ~all", "+all include:example.com",
    "mx:mx11.test/0//0 -all", "a:gone1.test a:gone2.test a:a..test -all", "a:%{d1r} -all", "a:%{l1r+}.ok.test//0 -all", "ptr:%{p2} -all",
    " ".join(["a:mx1.test"] * 10) + " +all", " ".join(["a:mx1.test"] * 11) + " +all", "  ip4:192.0.2.1   -all  ",
]
CLIENTS = [("192.0.2.1", "alice@example.com"), ("2001:db8::1", "alice@example.com"), ("203.0.113.7", "Bob+x=y@example.com")]

# Where we give another result, with the place in RFC 7208 that says so.
DIFFERENCES = {
    "a:%{d0}.test -all": "permerror",  # §7.3: the number of parts must not be zero
    "x=1 x=2 -all": "fail",  # §6: only redirect and exp must not be there twice
    "a:gone1.test a:%{p}.nothing.test ~all": "softfail",  # §4.6.4: two terms in vain, however many look-ups %{p} took
    "+all include:example.com": "pass",  # §5.1: what stands behind all is not evaluated
    "mx:mx11.test/0//0 -all": {"192.0.2.1": "pass", "203.0.113.7": "pass", "2001:db8::1": "permerror"},  # §4.6.4: the 11th is an
    # error when it would be asked about, and of IPv4 the first matches; of IPv6 none does
}


class Dns:
    """pyspf's DNSLookup(name, qtype, ...) over RECORDS."""

    def __init__(self, records):
        self.records = records

    def __call__(self, name, kind, *_, **__):
        out = []
        for owner, its_kind, data in self.records:
            if owner != name.lower().rstrip(".") or its_kind != kind:
                continue
            if kind == "TXT":
                value = (data.encode(),)
            elif kind == "MX":
                value = (int(data.split()[0]), data.split()[1].rstrip("."))
            elif kind in ("A", "AAAA"):
                value = ipaddress.ip_address(data) if kind == "A" else data
            else:
                value = data.rstrip(".")
            out.append(((name, kind), value))
        return out


def zone_text(records):
    return "".join(f"{name}. {kind} " + (f'"{data}"' if kind == "TXT" else data) + "\n" for name, kind, data in records)


def test_spf_agrees_with_pyspf(tmp_path, monkeypatch):
    spf = pytest.importorskip("spf")
    faults = []
    for (ip, sender), policy in itertools.product(CLIENTS, POLICIES):
        records = RECORDS + [("example.com", "TXT", f"v=spf1 {policy}")]
        monkeypatch.setattr(spf, "DNSLookup", Dns(records))
        theirs = spf.check2(i=ip, s=sender, h="client.example.com", receiver="mx.example.net")[0]
        ours = auth(tmp_path, zone_text(records), ip=ip, sender=sender)["SPF"][0].split()[0].rstrip(":")
        wanted = DIFFERENCES.get(policy, theirs)
        if ours != (wanted.get(ip, theirs) if isinstance(wanted, dict) else wanted):
            faults.append(f"{ip} {policy!r}: {ours}, pyspf says {theirs}")
    assert not faults, "\n".join(faults)


def test_spf_explains_as_pyspf_does(tmp_path, monkeypatch):
    spf = pytest.importorskip("spf")
    for words in ("%{i} is not for %{o}", "%{s} %{l} %{d} %{v} %{h} %{c} %{r}", "see http://a.test/?s=%{S}&h=%{H}", "100%% %_ %-",
                  "%{d2r}/%{l1r+}/%{ir-}", "no %{x}", "caf\u00e9"):
        records = RECORDS + [("example.com", "TXT", "v=spf1 -all exp=text.test"), ("text.test", "TXT", words)]
        monkeypatch.setattr(spf, "DNSLookup", Dns(records))
        theirs = spf.check2(i="192.0.2.1", s="Bob+x=y@example.com", h="client.example.com", receiver="mx.example.net")
        default = spf.query("192.0.2.1", "", "").exps["fail"]
        ours = auth(tmp_path, zone_text(records), sender="Bob+x=y@example.com")["SPF"][0].partition("the domain says: ")[2]
        assert theirs[0] == "fail" and ours == ("" if theirs[1] == default else theirs[1]), words


def test_pyspf_reads_our_received_spf(tmp_path):
    spf = pytest.importorskip("spf")
    for policy, ip, sender, helo in (("ip4:192.0.2.0/24 -all", "192.0.2.1", "alice@example.com", "client.example.com"),
                                     ("-all", "2001:db8::1", '"a;b \\"c\\""@example.com', "[192.0.2.1]"),
                                     ("?all", "192.0.2.1", "", "example.com")):
        text = auth_text(tmp_path, f'example.com. TXT "v=spf1 {policy}"\n', ip=ip, sender=sender, helo=helo)
        field = text[text.index(": ") + 2:text.index("\nAuthentication-Results")]
        read = spf.query("0.0.0.0", "", "")
        read.parse_header_spf(field)
        wanted = spf.query(ip, sender, helo)
        assert (read.s, read.h, read.c, read.r) == (wanted.s if sender else read.s, helo, wanted.c, "mx.example.net"), field
        assert read.mechanism == policy.split()[0] and read.ident == ("mailfrom" if sender else "helo")


# --- the command itself -----------------------------------------------------------------------------------------------------

POLICY = ('example.com. TXT "v=spf1 ip4:192.0.2.0/24 -all exp=why.example.com"\nwhy.example.com. TXT "%{c} is not ours"\n'
          '_dmarc.example.com. TXT "v=DMARC1; p=reject"\nevil.test. TXT "v=spf1 +all"\n')


def test_auth_says_what_decided_of_a_forged_letter(tmp_path):
    (tmp_path / "letter.eml").write_bytes(b"From: The Boss <ceo@example.com>\nTo: bob@univ.edu\n\nPay this.\n")
    (tmp_path / "zone").write_text(POLICY)
    done = subprocess.run([PABAL, "auth", "--zone", tmp_path / "zone", tmp_path / "letter.eml", "--ip", "203.0.113.5", "--helo",
                           "mail.evil.test", "--from", "<x@evil.test>", "--hostname", "mx.univ.edu"], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "Received-SPF: pass\n" in done.stdout
    assert "dmarc=fail" in done.stdout and "Authentication-Results: mx.univ.edu;" in done.stdout
    assert "DMARC:    fail for example.com: neither SPF nor DKIM proves example.com; example.com asks for p=reject\n" in done.stdout
    assert "So:       the message is refused: the policy of example.com is reject" in done.stdout


def test_auth_tells_the_domains_own_words_and_takes_what_is_signed(tmp_path):
    dkim, nacl = pytest.importorskip("dkim"), pytest.importorskip("nacl.signing")
    key = nacl.SigningKey.generate()
    letter = b"From: alice@example.com\r\nTo: bob@univ.edu\r\nSubject: hello\r\n\r\nhello\r\n"
    signed = dkim.sign(letter, b"s1", b"example.com", base64.b64encode(key.encode()), signature_algorithm=b"ed25519-sha256",
                       canonicalize=(b"relaxed", b"relaxed")) + letter
    record = base64.b64encode(key.verify_key.encode()).decode()
    lines = auth(tmp_path, POLICY + f's1._domainkey.example.com. TXT "v=DKIM1; k=ed25519; p={record}"\n', signed, ip="203.0.113.5")
    assert lines["SPF"] == ['fail for alice@example.com, by "-all"; the domain says: 203.0.113.5 is not ours']
    assert lines["DKIM"] == ["pass for example.com (selector s1, ed25519-sha256, 256 bits)"]
    assert lines["DMARC"] == ["pass for example.com, by DKIM; example.com asks for p=reject"]
    assert lines["So"] == ["the message is taken"]


def test_auth_teaches(tmp_path):
    shown = subprocess.run([PABAL, "auth", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0 and "pabal auth letter.eml --ip" in shown.stdout
    for args, says in ((["-"], "--ip"), (["-", "--ip", "x", "--helo", "a", "--from", ""], "--ip wants an address"),
                       (["/none", "--ip", "::1", "--helo", "a", "--from", ""], "cannot read /none")):
        done = subprocess.run([PABAL, "auth", *args], capture_output=True, text=True, input="")
        assert done.returncode != 0 and says in done.stderr, done
