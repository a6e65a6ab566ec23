#!/usr/bin/env python3
"""A stress tester of IMAP servers: many sessions on a few mailboxes do random things, and all must tell one truth.

While they run, each session holds the server to the rules of RFC 9051 for what it is told: numbers in range, EXISTS never
less without EXPUNGE, no EXPUNGE in answers to FETCH, STORE and SEARCH by number, UIDs ascending and never another's, MODSEQ
never back, and ENVELOPE, BODYSTRUCTURE, INTERNALDATE and size of a UID the same for ever. At checkpoints all stop, and each
session's picture (count, UIDs, flags, MODSEQ), made of nothing but what it was told, must be the picture of a session that
has just come. No acknowledged flag is lost: each session has a keyword nobody else touches and knows where it stands. No
acknowledged message is lost that nobody flagged \\Deleted.

    tests/imap_stress.py --port 2143 --user alice@example.com --password secret --seconds 3600 [--seed 7] [--smtp 2525] [--pop3 2110]
"""
import argparse
import asyncio
import poplib
import random
import smtplib
import sys
import time

from imap_wire import Wire, numbers, pairs

MAILBOXES = [b"INBOX", b"stress-a", b"stress-b"]
LETTER = ("From: {0} <{0}@example.com>\r\nTo: you@example.com\r\nSubject: {1}\r\nMessage-ID: <{1}@stress>\r\n"
          "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n{2}\r\n")
KEPT = 80  # messages in a mailbox, about


class Ledger:
    """What all sessions know together."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tokens, self.doomed = set(), set()  # acknowledged messages; those that somebody may have removed
        self.facts = {}                          # (mailbox, validity, uid): what never changes
        self.made = 0
        self.counts = {}

    def letter(self, who):
        self.made += 1
        token = f"t{self.made}"
        return token, LETTER.format(who, token, "x" * self.random.choice((0, 10, 500, 3000))).encode()

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1


class Session:
    """One client and its picture of the selected mailbox."""

    def __init__(self, number, options, ledger):
        self.number, self.options, self.ledger = number, options, ledger
        self.random = random.Random(f"{options.seed}/{number}")
        self.keyword = b"$s%d" % number
        self.mine = {}  # identity of a message: whether my keyword is on it; absent: I do not know
        self.wire, self.mailbox = None, None
        self.kept, self.ids, self.heard = {}, {}, []

    # --- being told ---

    def told(self, response, command):
        name, words = response.name(), response.words
        if self.mailbox is None and name in (b"EXISTS", b"FETCH", b"EXPUNGE", b"VANISHED"):
            raise AssertionError(f"no mailbox is selected: {response.line[:200]}")
        if name == b"EXISTS":
            count = int(words[0])
            if self.resuming is not None:
                self.resuming["exists"] = count
            else:
                assert count >= len(self.uids), f"EXISTS {count}, but {len(self.uids)} were there and none expunged"
                self.uids += [None] * (count - len(self.uids))
        elif name == b"EXPUNGE":
            assert not self.qresync, "EXPUNGE after ENABLE QRESYNC"
            assert command.split(b" ")[0] not in (b"FETCH", b"STORE", b"SEARCH"), f"EXPUNGE in answer to {command}"
            number = int(words[0])
            assert 1 <= number <= len(self.uids), f"EXPUNGE {number} of {len(self.uids)}"
            self.forget(self.uids.pop(number - 1))
        elif name == b"VANISHED":
            earlier = isinstance(words[1], list)
            assert earlier or command.split(b" ")[0] not in (b"FETCH", b"STORE", b"SEARCH"), f"VANISHED in answer to {command}"
            gone = set(numbers(words[-1]))
            if self.resuming is not None:
                assert earlier, response.line
                self.resuming["gone"] |= gone
                return
            for uid in sorted(gone):
                self.vanish(uid, earlier)
        elif name == b"FETCH":
            self.fetched(int(words[0]), pairs(words[2]))

    def vanish(self, uid, earlier):
        """One whose UID we never asked for is the first unknown one behind those below it."""
        if uid in self.uids:
            self.uids.remove(uid)
            return self.forget(uid)
        below = max((i + 1 for i, known in enumerate(self.uids) if known and known < uid), default=0)
        there = below < len(self.uids) and self.uids[below] is None
        assert there or earlier, f"VANISHED {uid}, which is not there"
        if there:
            self.uids.pop(below)

    def forget(self, uid):
        self.flags.pop(uid, None)
        self.modseqs.pop(uid, None)

    def fetched(self, number, items):
        uid = int(items[b"UID"]) if b"UID" in items else None
        if self.resuming is not None:
            self.resuming["changed"][uid] = items
            return
        assert 1 <= number <= len(self.uids), f"FETCH {number} of {len(self.uids)}"
        if uid is not None:
            known = self.uids[number - 1]
            assert known in (None, uid), f"message {number} was UID {known}, is {uid}"
            before = [u for u in self.uids[:number - 1] if u]
            after = [u for u in self.uids[number:] if u]
            assert (not before or before[-1] < uid) and (not after or uid < after[0]), f"UID {uid} is out of order"
            self.uids[number - 1] = uid
        uid = uid or self.uids[number - 1]
        if uid is not None:
            self.learn(uid, items)

    def learn(self, uid, items):
        if b"MODSEQ" in items:
            modseq = int(items[b"MODSEQ"][0])
            assert modseq >= self.modseqs.get(uid, 0), f"MODSEQ of {uid} went back from {self.modseqs[uid]} to {modseq}"
            self.modseqs[uid] = modseq
        if b"FLAGS" in items:
            self.flags[uid] = frozenset(f.lower() for f in items[b"FLAGS"] if f.lower() != b"\\recent")
        if b"EMAILID" in items:
            self.ids[self.key(uid)] = items[b"EMAILID"][0]
        for name in (b"ENVELOPE", b"BODYSTRUCTURE", b"INTERNALDATE", b"RFC822.SIZE", b"BODY[]"):
            if items.get(name) and items[name] != [None] * 10:  # nothing stands for what is gone (RFC 2180 §4.1.3)
                self.heard.append((self.key(uid), name, items[name]))

    async def ask(self, text):
        """A command about messages that others may have removed meanwhile: what is told of those is void (RFC 2180 §4.1)."""
        self.heard = []
        done = await self.wire.run(text)
        if done.startswith(b"NO [EXPUNGEISSUED]"):
            return False
        assert done.startswith(b"OK"), f"{text[:200]}: {done}"
        for key, name, value in self.heard:
            was = self.ledger.facts.setdefault(key, {}).setdefault(name, value)
            assert was == value, f"{name.decode()} of UID {key[2]} changed from {was[:300]} to {value[:300]}"
        return True

    def key(self, uid):
        return self.mailbox, self.validity, uid

    def identity(self, uid):
        """Messages in several mailboxes share flags where the server says they are one (OBJECTID)."""
        return self.ids.get(self.key(uid), self.key(uid))

    # --- doing ---

    async def connect(self):
        self.mailbox, self.resuming = None, None
        self.wire = await Wire.open(self.options.host, self.options.port, self.told)
        await self.wire.need(f'LOGIN "{self.options.user}" "{self.options.password}"'.encode())
        self.capabilities = set()

        def heard(response, command):
            if response.name() == b"CAPABILITY":
                self.capabilities = set(response.words[1:])
            self.told(response, command)
        self.wire.on_answer = heard
        await self.wire.need(b"CAPABILITY")
        self.wire.on_answer = self.told
        self.condstore = b"CONDSTORE" in self.capabilities
        self.qresync = b"QRESYNC" in self.capabilities and self.number % 2 == 0
        if self.qresync:
            await self.wire.need(b"ENABLE QRESYNC")
        self.items = b"(UID FLAGS%s%s)" % (b" MODSEQ" if self.condstore else b"", b" EMAILID" if b"OBJECTID" in self.capabilities else b"")

    async def select(self, mailbox):
        self.leave()
        old = self.kept.get(mailbox) if self.qresync else None
        self.mailbox, self.validity, self.resuming = mailbox, 0, None
        self.uids, self.flags, self.modseqs, self.highest = [], {}, {}, 0
        codes = {}

        def heard(response, command):
            if response.name() == b"OK" and response.words[1].startswith(b"["):
                code = response.words[1][1:].split(b"]")[0].split(b" ")
                codes[code[0]] = code[1] if len(code) > 1 else b""
                self.validity = int(codes.get(b"UIDVALIDITY", 0))
            elif response.name() not in (b"FLAGS", b"LIST"):
                self.told(response, command)
        self.wire.on_answer = heard
        if old:
            self.resuming = {"exists": 0, "gone": set(), "changed": {}}
            await self.wire.need(b"SELECT %s (QRESYNC (%d %d))" % (mailbox, old["validity"], old["highest"]))
            told, self.resuming = self.resuming, None
            self.uids = sorted((set(old["flags"]) - told["gone"]) | set(told["changed"]))
            self.flags = {uid: flags for uid, flags in old["flags"].items() if uid not in told["gone"]}
            self.modseqs = {uid: modseq for uid, modseq in old["modseqs"].items() if uid not in told["gone"]}
            for uid, items in told["changed"].items():
                self.learn(uid, items)
            if told["exists"] != len(self.uids):
                was = sorted(self.uids)
                await self.wire.need(b"UID SEARCH ALL")
                raise AssertionError(f"resumed from {old['highest']} with {was}, EXISTS {told['exists']}; gone {sorted(told['gone'])}")
            self.ledger.count("resumed")
        else:
            await self.wire.need(b"SELECT " + mailbox + (b" (CONDSTORE)" if self.condstore else b""))
        self.wire.on_answer = self.told
        self.highest = int(codes.get(b"HIGHESTMODSEQ", 0))
        if not old:
            await self.fill()

    async def fill(self):
        """Asks for what is not known."""
        if self.uids:
            await self.ask(b"FETCH 1:* " + self.items)

    def leave(self):
        """Remembers the picture for a later QRESYNC."""
        if self.mailbox and self.qresync and None not in self.uids and set(self.uids) <= set(self.flags) & set(self.modseqs):
            # Everything told up to here is in it; flags told later than `highest` are merely told again.
            self.kept[self.mailbox] = {"validity": self.validity, "flags": dict(self.flags), "modseqs": dict(self.modseqs),
                                       "highest": self.highest}

    def some(self, most=4):
        known = [uid for uid in self.uids if uid]
        return sorted(self.random.sample(known, min(len(known), self.random.randint(1, most))))

    async def act(self):
        choice = self.random.choices(*zip(*self.ACTIONS))[0]
        self.ledger.count(choice.__name__)
        await choice(self)

    async def noop(self):
        await self.wire.need(b"NOOP")

    async def look(self):
        if self.uids:
            first = self.random.randint(1, len(self.uids))
            items = self.random.choice((b"(UID FLAGS)", b"(UID ENVELOPE BODYSTRUCTURE RFC822.SIZE)", b"(UID INTERNALDATE BODY.PEEK[])", b"FLAGS"))
            await self.ask(b"FETCH %d:%d %s" % (first, min(first + 5, len(self.uids)), items))
        if uids := self.some():
            await self.ask(b"UID FETCH %s (FLAGS ENVELOPE)" % b",".join(b"%d" % u for u in uids))

    async def search(self):
        text = self.random.choice((b"ALL", b"UNSEEN", b"KEYWORD " + self.keyword, b"SUBJECT t1", b"NOT DELETED", b"1:*" if self.uids else b"ALL"))
        await self.wire.need(self.random.choice((b"UID SEARCH ", b"SEARCH ")) + text)

    async def flag(self):
        """Puts my keyword on some messages or off; sometimes by number, sometimes on condition (RFC 7162)."""
        uids = self.some()
        if not uids:
            return
        if b"OBJECTID" in self.capabilities and any(self.key(u) not in self.ids for u in uids):
            await self.ask(b"UID FETCH %s (EMAILID)" % b",".join(b"%d" % u for u in uids))
            uids = [u for u in uids if u in self.uids and self.key(u) in self.ids]
            if not uids:
                return
        on, by_uid = self.random.random() < 0.6, self.random.random() < 0.6
        mark = self.random.choice((self.keyword, self.keyword, b"\\Seen", b"\\Flagged"))
        named = b",".join(b"%d" % (u if by_uid else self.uids.index(u) + 1) for u in uids)
        unless = b""
        if self.condstore and self.random.random() < 0.3:
            unless = b"(UNCHANGEDSINCE %d) " % max(self.modseqs.get(u, 0) for u in uids)
        silent = b".SILENT" if self.random.random() < 0.3 and not unless else b""
        identities = {u: self.identity(u) for u in uids}
        if mark == self.keyword:
            for identity in identities.values():
                self.mine.pop(identity, None)
        for uid in uids:  # what is told of them from here on is the answer
            self.flags.pop(uid, None)
        done = await self.wire.run(b"%sSTORE %s %s%sFLAGS%s (%s)" % (b"UID " if by_uid else b"", named, unless, b"+" if on else b"-", silent, mark))
        assert done.startswith((b"OK", b"NO [EXPUNGEISSUED]", b"NO [MODIFIED")), done
        if uids_left := [u for u in uids if u in self.uids and u not in self.flags]:  # silent, modified or gone
            await self.wire.need(b"UID FETCH %s %s" % (b",".join(b"%d" % u for u in uids_left), self.items))
        for uid in uids:
            if mark == self.keyword and uid in self.flags:
                self.mine[identities[uid]] = self.keyword in self.flags[uid]
                assert self.mine[identities[uid]] == on or b"[MODIFIED" in done, f"UID {uid} was to have {mark} {on}"

    async def doom(self):
        """Flags \\Deleted, then EXPUNGE, UID EXPUNGE, or leaves it flagged."""
        uids = self.some(2 if len(self.uids) < KEPT else 20)
        if not uids:
            return
        named = b",".join(b"%d" % u for u in uids)
        if not await self.ask(b"UID FETCH %s (ENVELOPE)" % named):
            return
        for uid in uids:
            if envelope := self.ledger.facts.get(self.key(uid), {}).get(b"ENVELOPE"):
                self.ledger.doomed.add(envelope[9])
        await self.ask(b"UID STORE %s +FLAGS (\\Deleted)" % named)
        end = self.random.random()
        if end < 0.4:
            await self.wire.need(b"EXPUNGE")
        elif end < 0.8:
            await self.wire.need(b"UID EXPUNGE " + named)

    def letters(self, count):
        """New ones as arguments of APPEND, and the Message-IDs that are there when it is done."""
        made = [self.ledger.letter(f"s{self.number}") for _ in range(count)]
        text = b"".join(b" (%s) {%d+}\r\n%s" % (self.keyword, len(letter), letter) for _, letter in made)
        return text, {b"<%s@stress>" % token.encode() for token, _ in made}

    async def append(self):
        text, tokens = self.letters(self.random.choice((1, 1, 3)) if b"MULTIAPPEND" in self.capabilities else 1)
        await self.wire.need(b"APPEND " + self.random.choice(MAILBOXES) + text)
        self.ledger.tokens |= tokens

    async def replace(self):
        """A message is written anew, here or elsewhere, unless somebody has removed it meanwhile."""
        uids = self.some(1)
        if not uids or b"REPLACE" not in self.capabilities or not await self.ask(b"UID FETCH %d (ENVELOPE)" % uids[0]):
            return
        if envelope := self.ledger.facts.get(self.key(uids[0]), {}).get(b"ENVELOPE"):
            self.ledger.doomed.add(envelope[9])
        text, tokens = self.letters(1)
        done = await self.wire.run(b"UID REPLACE %d " % uids[0] + self.random.choice(MAILBOXES) + text)
        assert done.startswith((b"OK", b"NO [NONEXISTENT]")), done
        if done.startswith(b"OK"):
            self.ledger.tokens |= tokens

    async def carry(self):
        uids = self.some()
        if uids:
            verb = b"MOVE" if b"MOVE" in self.capabilities and self.random.random() < 0.6 else b"COPY"
            target = self.random.choice([m for m in MAILBOXES if m != self.mailbox])
            await self.ask(b"UID %s %s %s" % (verb, b",".join(b"%d" % u for u in uids), target))

    async def idle(self):
        await self.wire.send(b"i IDLE")
        self.wire.command = b"IDLE"
        response = await self.wire.read()
        while response.tag != b"+":
            response = await self.wire.read()
        wait = asyncio.ensure_future(asyncio.sleep(self.random.uniform(0, 0.1)))
        await wait
        await self.wire.send(b"DONE")
        while (await self.wire.read()).tag != b"i":
            pass

    async def other_mailbox(self):
        await self.select(self.random.choice(MAILBOXES))

    async def come_again(self):
        self.leave()
        self.wire.close()
        await self.connect()
        await self.select(self.random.choice(MAILBOXES))

    ACTIONS = [(noop, 4), (look, 8), (search, 3), (flag, 12), (doom, 3), (append, 4), (replace, 3), (carry, 3), (idle, 3), (other_mailbox, 2), (come_again, 1)]

    # --- checkpoints ---

    async def settle(self):
        """All news are taken, and what was never asked for is asked."""
        await self.wire.need(b"NOOP")
        if None in self.uids or not set(self.uids) <= set(self.flags):
            await self.fill()

    def agree(self, truth):
        """`truth`: a session that has selected the same mailbox just now."""
        where = f"session {self.number} in {self.mailbox.decode()}"
        assert self.uids == truth.uids, f"{where}: UIDs differ: {set(self.uids) ^ set(truth.uids)}"
        for uid in truth.uids:
            assert self.flags[uid] == truth.flags[uid], f"{where}: UID {uid} has {set(truth.flags[uid])}, was told {set(self.flags[uid])}"
            if self.condstore and uid in self.modseqs:
                assert self.modseqs[uid] <= truth.modseqs[uid], f"{where}: MODSEQ of {uid}"
                if self.qresync:
                    assert self.modseqs[uid] == truth.modseqs[uid], f"{where}: MODSEQ of {uid} is {truth.modseqs[uid]}, was told {self.modseqs[uid]}"


async def checkpoint(sessions, options, ledger):
    truth, seen = {}, {}
    for mailbox in MAILBOXES:
        one = Session(1_000_001, options, ledger)
        await one.connect()
        await one.select(mailbox)
        if one.uids:
            assert await one.ask(b"FETCH 1:* (UID FLAGS ENVELOPE)")
        for uid in one.uids:
            seen[ledger.facts[one.key(uid)][b"ENVELOPE"][9]] = True
        truth[mailbox] = one
    for session in sessions:
        await session.settle()
        session.agree(truth[session.mailbox])
        session.ids |= {k: v for one in truth.values() for k, v in one.ids.items()}
        for one in truth.values():
            for uid in one.uids:
                if (wanted := session.mine.get(one.identity(uid))) is not None:
                    assert (session.keyword in one.flags[uid]) == wanted, \
                        f"session {session.number} {'set' if wanted else 'cleared'} {session.keyword.decode()} on UID {uid} of {one.mailbox.decode()}; it is lost"
    lost = ledger.tokens - ledger.doomed - set(seen)
    assert not lost, f"acknowledged messages are gone: {sorted(lost)[:10]}"
    for one in truth.values():
        one.wire.close()
    return sum(len(one.uids) for one in truth.values())


def deliver(options, ledger):
    token, letter = ledger.letter("postman")
    with smtplib.SMTP(options.host, options.smtp, timeout=30) as smtp:
        smtp.sendmail("postman@example.org", [options.user], letter)
    ledger.tokens.add(b"<%s@stress>" % token.encode())
    ledger.count("delivered")


def collect(options, ledger):
    """Takes the oldest message by POP3, or leaves before QUIT."""
    box = poplib.POP3(options.host, options.pop3, timeout=30)
    try:
        box.user(options.user)
        box.pass_(options.password)
        if box.stat()[0] > KEPT // 4:
            head = b"\n".join(box.top(1, 0)[1])
            ledger.doomed.add(head.split(b"Message-ID: ")[1].split(b"\n")[0].strip())
            box.dele(1)
        box.quit()
        ledger.count("collected")
    except poplib.error_proto as refusal:  # another POP3 session, or the message went meanwhile
        ledger.count(f"POP3 {str(refusal)[:40]}")


async def work(session, until):
    while time.monotonic() < until:
        try:
            await session.act()
        except AssertionError as wrong:
            wrong.session = session
            raise


async def background(options, ledger, until):
    while time.monotonic() < until:
        if options.smtp:
            await asyncio.to_thread(deliver, options, ledger)
        if options.pop3:
            await asyncio.to_thread(collect, options, ledger)
        await asyncio.sleep(0.05)


async def stress(options, say=print):
    """Runs; an AssertionError says which rule was broken."""
    ledger = Ledger(options.seed)
    first = await Wire.open(options.host, options.port)
    await first.need(f'LOGIN "{options.user}" "{options.password}"'.encode())
    for mailbox in MAILBOXES[1:]:
        await first.run(b"CREATE " + mailbox)
    first.close()
    sessions = [Session(i, options, ledger) for i in range(options.sessions)]
    try:
        for session in sessions:
            await session.connect()
            await session.select(session.random.choice(MAILBOXES))
        end, told = time.monotonic() + options.seconds, 0
        while time.monotonic() < end:
            until = min(end, time.monotonic() + options.round)
            tasks = [asyncio.ensure_future(work(s, until)) for s in sessions] + [asyncio.ensure_future(background(options, ledger, until))]
            done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in waiting:
                task.cancel()
            for task in done:
                task.result()
            messages = await checkpoint(sessions, options, ledger)
            ledger.count("checkpoints")
            if time.monotonic() > told:
                say(f"{int(end - time.monotonic())} s to go; {messages} messages; {dict(sorted(ledger.counts.items()))}")
                told = time.monotonic() + 30
    except AssertionError as wrong:
        for session in sessions:
            if session is getattr(wrong, "session", None) or f"session {session.number} " in str(wrong):
                say(b"\n".join(session.wire.transcript).decode(errors="replace"))
        raise
    finally:
        for session in sessions:
            if session.wire:
                session.wire.close()
    return ledger.counts


def options_from(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="IMAP without TLS")
    parser.add_argument("--smtp", type=int, help="SMTP or LMTP port that delivers to the user; none: no deliveries")
    parser.add_argument("--pop3", type=int, help="POP3 without TLS; none: nothing is collected")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--sessions", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--round", type=float, default=3, help="seconds between checkpoints")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    chosen = options_from()
    print(f"seed {chosen.seed}")
    try:
        print("clean:", dict(sorted(asyncio.run(stress(chosen)).items())))
    except AssertionError as broken:
        sys.exit(f"BROKEN (seed {chosen.seed}): {broken}")
