#!/usr/bin/env python3
"""./dev bench trust [MESSAGES]: CPU time of SPF, DKIM, DMARC and ARC of a message, Pabal beside Rspamd of Debian with only
those modules on.

The same messages, signed by dkimpy: RSA-2048, Ed25519, both, and a chain of two ARC sets over either; 4 and 40 KiB. The same
DNS, a server of a few lines in a process of its own, whose time is nobody's. All caches are warm: each message has been
checked before the clock starts. Time is user and system time of the processes from /proc.

- Rspamd: one worker over HTTP with a kept connection, so with reading the request, parsing MIME and writing JSON; no rules,
  statistics, Redis or log. It keeps parsed SPF records and keys, and asks DNS for DMARC's each time.
- Pabal, checks alone: authenticate() in a loop (bench/trust_bench.cc), the same work and iprev and the HELO name besides.
- Pabal, whole: the server on port 25: SMTP, the checks, parsing, words for search, and the mailbox, one message a commit.
"""
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import random
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import dkim
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import nacl.signing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import ROOT, Pabal, cpu_seconds, free_port, wait_port

DOMAINS, FORWARDERS = 10, 2
CLIENT, HELO = "198.18.0.25", "mail.example0.bench"
ROUNDS = 3
TARGET = 1 / 3


# --- DNS --------------------------------------------------------------------------------------------------------------------

def serve_dns(port, zone):
    """Answers from `zone`, {(name, type): [text]}; other names do not exist, and that may be kept for an hour."""
    names = {name for name, _ in zone}
    parents = {".".join(name.split(".")[i:]) for name in names for i in range(len(name.split(".")))}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        while True:
            block, client = udp.recvfrom(4096)
            question = dns.message.from_wire(block)
            asked = question.question[0]
            name, kind = asked.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(asked.rdtype)
            reply = dns.message.make_response(question, recursion_available=True)
            found = zone.get((name, kind))
            if found:
                reply.answer.append(dns.rrset.from_text(asked.name, 3600, "IN", kind, *found))
            else:
                if name not in parents:
                    reply.set_rcode(3)
                reply.authority.append(dns.rrset.from_text("bench.", 3600, "IN", "SOA", "ns.bench. root.bench. 1 3600 600 86400 3600"))
            udp.sendto(reply.to_wire(), client)


def quoted(text):
    return " ".join(f'"{text[i:i + 250]}"' for i in range(0, len(text), 250))


# --- messages ---------------------------------------------------------------------------------------------------------------

class Keys:
    """An RSA and an Ed25519 key, with their records."""

    def __init__(self):
        self.rsa = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=self.rsa, check=True, capture_output=True).stdout
        self.rsa_txt = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
        key = nacl.signing.SigningKey.generate()
        self.ed25519 = base64.b64encode(key.encode())
        self.ed25519_txt = "v=DKIM1; k=ed25519; p=" + base64.b64encode(key.verify_key.encode()).decode()


def words(size):
    known = "the quick brown fox jumps over a lazy dog and writes home about it at length".split()
    lines, length = [], 0
    while length < size:
        lines.append(" ".join(known[(len(lines) * 7 + i * 3) % len(known)] for i in range(12)))
        length += len(lines[-1]) + 2
    return "\r\n".join(lines)


def letter(domain, number, size):
    """Text of 4 KiB, or a short one with an attachment that makes it 40 KiB."""
    head = (f"Received: from desk.{domain} by mail.{domain} with ESMTPSA id {number}; Fri, 27 Nov 2026 09:00:00 +0000\r\n"
            f"Date: Fri, 27 Nov 2026 09:00:00 +0000\r\nFrom: Alice <alice@{domain}>\r\nTo: Bob <user0@example.com>\r\n"
            f"Subject: letter number {number}\r\nMessage-ID: <{number}@{domain}>\r\nMIME-Version: 1.0\r\n")
    text = "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words(min(size, 4096)) + "\r\n"
    if size <= 4096:
        return (head + text).encode()
    attached = base64.encodebytes(random.Random(number).randbytes((size - 4096) * 3 // 4)).decode().replace("\n", "\r\n")
    return (f'{head}Content-Type: multipart/mixed; boundary="b{number}"\r\n\r\n--b{number}\r\n{text}--b{number}\r\nContent-Type: '
            f"application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{attached}--b{number}--\r\n").encode()


def sign(message, domain, keys, kinds):
    headers = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"]
    for kind in kinds:
        key, algorithm = (keys.rsa, b"rsa-sha256") if kind == "rsa" else (keys.ed25519, b"ed25519-sha256")
        message = dkim.sign(message, kind.encode(), domain.encode(), key, canonicalize=(b"relaxed", b"relaxed"),
                            signature_algorithm=algorithm, include_headers=headers) + message
    return message


def seal(message, forwarder, domain, keys):
    name = f"mx.{forwarder}"
    results = (f"Authentication-Results: {name}; spf=pass smtp.mailfrom=alice@{domain}; dkim=pass header.d={domain}; "
               f"dmarc=pass header.from={domain}; arc=none\r\n")
    message = results.encode() + message
    sealed = dkim.arc_sign(message, b"rsa", forwarder.encode(), keys.rsa, name.encode(),
                           include_headers=[b"from", b"to", b"subject", b"date", b"message-id"])
    return b"".join(sealed) + message


def make(folder):
    """Writes the messages with index.tsv (file, client, HELO, reverse path); gives the zone they need."""
    keys = Keys()
    zone = {("localhost", "A"): ["127.0.0.1"], ("1.0.0.127.in-addr.arpa", "PTR"): ["localhost."],
            ("25.0.18.198.in-addr.arpa", "PTR"): [HELO + "."]}
    senders = [f"example{n}.bench" for n in range(DOMAINS)]
    forwarders = [f"forwarder{n}.bench" for n in range(FORWARDERS)]
    for name in senders + forwarders:
        zone |= {(name, "TXT"): [quoted(f"v=spf1 a:mail.{name} include:_spf.{name} -all")],
                 (f"_spf.{name}", "TXT"): [quoted("v=spf1 ip4:198.51.100.0/24 ip4:198.18.1.0/24 ip4:198.18.0.0/26 ip4:127.0.0.0/8 ~all")],
                 (f"mail.{name}", "A"): ["198.51.100.5" if name != senders[0] else CLIENT],
                 (f"mail.{name}", "TXT"): [quoted("v=spf1 a ip4:127.0.0.0/8 -all")],
                 (f"_dmarc.{name}", "TXT"): [quoted(f"v=DMARC1; p=reject; rua=mailto:dmarc@{name}")],
                 (f"rsa._domainkey.{name}", "TXT"): [quoted(keys.rsa_txt)],
                 (f"ed25519._domainkey.{name}", "TXT"): [quoted(keys.ed25519_txt)]}
    index, number = [], 0
    for domain in senders:
        for size in (4096, 40960):
            for kinds in (["rsa"], ["ed25519"], ["ed25519", "rsa"]):
                for hops in (0, FORWARDERS):
                    message = sign(letter(domain, number, size), domain, keys, kinds)
                    for forwarder in forwarders[:hops]:
                        message = seal(message, forwarder, domain, keys)
                    (folder / f"{number}.eml").write_bytes(message)
                    index.append((f"{number}.eml", CLIENT, f"mail.{domain}", f"alice@{domain}"))
                    number += 1
    (folder / "index.tsv").write_text("".join("\t".join(row) + "\n" for row in index))
    return index, zone


# --- Rspamd -----------------------------------------------------------------------------------------------------------------

class Rspamd:
    def __init__(self, base, dns_port):
        plugins, data = base / "plugins", base / "data"
        plugins.mkdir(parents=True)
        data.mkdir()
        for name in ("spf", "dmarc", "arc"):
            (plugins / f"{name}.lua").symlink_to(f"/usr/share/rspamd/plugins/{name}.lua")
        self.port = free_port()
        config = base / "rspamd.conf"
        config.write_text(f'''
options {{
  pidfile = "{base}/rspamd.pid"; filters = "dkim"; cache_file = "{data}/symbols.cache"; hs_cache_dir = "{data}/";
  control_socket = "{data}/rspamd.sock mode=0600"; url_tld = "/usr/share/rspamd/effective_tld_names.dat"; mime = true;
  local_addrs = []; explicit_modules = []; task_timeout = 8s;
  dns {{ nameserver = ["127.0.0.1:{dns_port}"]; timeout = 1s; sockets = 16; retransmits = 5; }}
}}
logging {{ type = "file"; filename = "{base}/log"; level = "error"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{self.port}"; count = 1; mime = true; }}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
modules {{ path = "{plugins}"; }}
spf {{ spf_cache_size = 2k; spf_cache_expire = 1d; }}
dkim {{ dkim_cache_size = 2k; dkim_cache_expire = 1d; time_jitter = 6h; trusted_only = false; skip_multi = false; }}
dmarc {{ }}
arc {{ }}
''')
        self.log = base / "log"
        self.process = subprocess.Popen(["rspamd", "-f", "-i", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port, 60)
        self.pids = [self.process.pid]
        self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def check(self, message, row):
        self.http.request("POST", "/checkv2", message, {"IP": row[1], "Helo": row[2], "From": row[3], "Rcpt": "user0@example.com"})
        reply = self.http.getresponse()
        return reply.status, reply.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def prove_rspamd(rspamd, messages, index):
    """Both sides must have found the same before their time is compared."""
    for number, (message, row) in enumerate(zip(messages, index)):
        status, reply = rspamd.check(message, row)
        symbols = set(json.loads(reply)["symbols"]) if status == 200 else set()
        wanted = {"R_SPF_ALLOW", "R_DKIM_ALLOW", "DMARC_POLICY_ALLOW"} | ({"ARC_ALLOW"} if number % 2 else {"ARC_NA"})
        if not wanted <= symbols:
            sys.exit(f"Rspamd finds {symbols} in {row[0]}, not {wanted}; its log: {rspamd.log.read_text()[-500:]}")


def time_rspamd(rspamd, messages, index, rounds):
    before = cpu_seconds(rspamd.pids)
    for _ in range(rounds):
        for message, row in zip(messages, index):
            rspamd.check(message, row)
    return (cpu_seconds(rspamd.pids) - before) / (rounds * len(messages)) * 1e6


def time_checks(folder, dns_port, count, rounds):
    done = subprocess.run([ROOT / "build/release/bench/trust_bench", folder, f"127.0.0.1@{dns_port}", str(rounds)], check=True,
                          capture_output=True, text=True).stdout
    verdicts = [line.split("\t") for line in done.splitlines()]
    proven = sum(int(n) for n, what in verdicts[:-1] if "spf=pass" in what and "dmarc=pass" in what and "fail" not in what)
    if proven != count:
        sys.exit("not all pass here:\n" + done)
    return float(verdicts[-1][1])


def time_whole(pabal, messages, index, rounds):
    def send():
        with smtplib.SMTP("127.0.0.1", pabal.smtp, local_hostname=HELO, timeout=60) as client:
            for message, row in zip(messages, index):
                client.sendmail(row[3], ["user0@example.com"], message)
    send()
    before = cpu_seconds(pabal.pids)
    for _ in range(rounds):
        send()
    return (cpu_seconds(pabal.pids) - before) / (rounds * len(messages)) * 1e6


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
    with tempfile.TemporaryDirectory(prefix="pabal-bench-", dir="/var/tmp") as name:
        base = pathlib.Path(name)
        folder = base / "messages"
        folder.mkdir()
        index, zone = make(folder)
        messages = [(folder / row[0]).read_bytes() for row in index]
        rounds = max(1, wanted // len(index))
        dns_port = free_port()
        server = multiprocessing.Process(target=serve_dns, args=(dns_port, zone), daemon=True)
        server.start()
        rspamd, pabal = Rspamd(base / "rspamd", dns_port), Pabal(base, ["user0"], ["smtp"], f"127.0.0.1@{dns_port}")
        try:
            prove_rspamd(rspamd, messages, index)
            print(f"{len(index)} messages, {sum(map(len, messages)) / len(messages) / 1024:.1f} KiB on average; half with two ARC "
                  f"sets; {rounds * len(index)} checks a round; CPU time of one in microseconds", flush=True)
            theirs, ours = [], []
            for _ in range(ROUNDS):
                theirs.append(time_rspamd(rspamd, messages, index, rounds))
                ours.append(time_checks(folder, dns_port, len(index), rounds))
                print(f"  Rspamd {theirs[-1]:7.0f}   Pabal, checks alone {ours[-1]:7.0f}   {ours[-1] / theirs[-1]:.0%}", flush=True)
            print(f"  Pabal, whole: SMTP to mailbox {time_whole(pabal, messages, index, max(1, rounds // 4)):7.0f}")
        finally:
            rspamd.stop()
            pabal.stop()
            server.terminate()
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"median: Pabal takes {ratio:.0%} of Rspamd's CPU time; at most {TARGET:.0%} is wanted: {'met' if ratio <= TARGET else 'MISSED'}")
        return ratio > TARGET


if __name__ == "__main__":
    sys.exit(main())
