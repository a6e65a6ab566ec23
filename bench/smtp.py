#!/usr/bin/env python3
"""./dev bench smtp [MESSAGES]: durable deliveries a second of 8 KiB messages in 32 sessions, Pabal beside Postfix + Dovecot.

Both are driven by Postfix's smtp-source over loopback TCP, one after the other on the same disk. The clock stops when the last
message lies in a mailbox. Durability: Postfix syncs its queue file before the 250 and Dovecot's LMTP syncs before its own
(mail_fsync = optimized); Pabal syncs the whole commit before the 250. CPU is all processes of the side, not the client's.
"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Pabal, PostfixDovecot, cpu_seconds, fsync_rate, resident_mib

SESSIONS, SIZE = 32, 8192
USERS = [f"user{n}" for n in range(4)]
ROUNDS = 3


def delivered(side):
    return sum(side.count(user) for user in USERS)


def one_round(side, messages):
    before_count, before_cpu, start = delivered(side), cpu_seconds(side.pids), time.monotonic()
    each = messages // len(USERS)
    sources = []
    for user in USERS:
        command = ["/usr/sbin/smtp-source", "-s", str(SESSIONS // len(USERS)), "-m", str(each), "-l", str(SIZE), "-d",
                   "-f", "sender@example.net", "-t", f"{user}@example.com", f"127.0.0.1:{side.smtp}"]
        if len(sources) == 0:
            print(f"  {side.name}: {len(USERS)} x {' '.join(command)}", flush=True)
        sources.append(subprocess.Popen(command))
    for source in sources:
        if source.wait() != 0:
            sys.exit("smtp-source failed")
    accepted = time.monotonic() - start
    while delivered(side) - before_count < each * len(USERS):
        time.sleep(0.01)
        if time.monotonic() - start > 300:
            sys.exit(f"{side.name}: only {delivered(side) - before_count} of {messages} arrived")
    took = time.monotonic() - start
    cpu = cpu_seconds(side.pids) - before_cpu
    count = each * len(USERS)
    return {"rate": count / took, "accepted": count / accepted, "cpu_ms": cpu / count * 1000}


def main():
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    best = {}
    with tempfile.TemporaryDirectory(prefix="pabal-bench-", dir="/var/tmp") as folder:
        print(f"disk: {fsync_rate(folder):,.0f} fdatasync of 4 KiB a second", flush=True)
        sides = []
        try:
            for kind in (Pabal, PostfixDovecot):
                sides.append(kind(folder, USERS))
            time.sleep(2)
            for side in sides:
                best[side.name] = {"idle": resident_mib(side.pids)}
            for number in range(ROUNDS):
                for side in sides:
                    got = one_round(side, messages)
                    print(f"  round {number + 1} {side.name}: {got['rate']:,.0f} delivered/s, {got['accepted']:,.0f} accepted/s, "
                          f"{got['cpu_ms']:.3f} ms CPU a message", flush=True)
                    if got["rate"] > best[side.name].get("rate", 0):
                        best[side.name].update(got)
            for side in sides:
                best[side.name]["loaded"] = resident_mib(side.pids)
            print(f"disk: {fsync_rate(folder):,.0f} fdatasync of 4 KiB a second")
        finally:
            for side in sides:
                side.stop()
    ours, theirs = best["Pabal"], best["Postfix+Dovecot"]
    print(f"\n{'':24}{'Pabal':>12}{'Postfix+Dovecot':>18}{'ratio':>10}")
    for label, key, form in (("delivered a second", "rate", "{:,.0f}"), ("CPU a message, ms", "cpu_ms", "{:.3f}"),
                             ("idle memory, MiB PSS", "idle", "{:.1f}"), ("after load, MiB PSS", "loaded", "{:.1f}")):
        print(f"{label:24}{form.format(ours[key]):>12}{form.format(theirs[key]):>18}{ours[key] / theirs[key]:>10.2f}")


main()
