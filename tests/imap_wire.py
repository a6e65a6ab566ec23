"""A small IMAP client over asyncio for tests that want each answer as it comes: many connections, nothing hidden."""
import asyncio
import re

LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")


class Response:
    """One answer: `tag` ("*", "+" or ours), the words behind it as nested lists (atoms upper-case where they are names
    is the caller's affair), and the line as it came."""

    def __init__(self, line, literals):
        self.line, self.tag, _, rest = line, *line.partition(b" ")
        self.words = parse(rest, literals) if self.tag == b"*" else rest.split(b" ", 1)

    def name(self):
        """Of "* 5 FETCH (...)" FETCH, of "* VANISHED ..." VANISHED."""
        word = self.words[1] if len(self.words) > 1 and self.words[0].isdigit() else self.words[0]
        return word.upper() if isinstance(word, bytes) else b""


def parse(text, literals):
    """Words of an untagged answer; NIL is None. What follows OK, NO, BAD, BYE and PREAUTH is for people: one word."""
    at, stack = 0, [[]]
    while at < len(text):
        here = text[at:at + 1]
        if here in b" \r\n":
            at += 1
        elif here == b"(":
            stack.append([])
            at += 1
        elif here == b")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif here == b'"':
            end = at + 1
            while text[end:end + 1] != b'"':
                end += 2 if text[end:end + 1] == b"\\" else 1
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", text[at + 1:end]))
            at = end + 1
        elif (literal := LITERAL.match(text, at)) is not None:
            stack[-1].append(literals.pop(0))
            at = literal.end()
        else:  # an atom, with what stands in brackets: BODY[HEADER.FIELDS (TO)]<0>
            start = at
            while at < len(text) and text[at:at + 1] not in b" ()\r\n":
                at = text.index(b"]", at) + 1 if text[at:at + 1] == b"[" and b"]" in text[at:] else at + 1
            word = text[start:at]
            stack[-1].append(None if word.upper() == b"NIL" else word)
            if len(stack) == 1 and len(stack[0]) == 1 and word.upper() in (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"):
                stack[0].append(text[at:].strip())
                break
    assert len(stack) == 1, f"brackets do not match: {text[:200]}"
    return stack[0]


def numbers(text):
    """The numbers of a sequence set without "*"."""
    out = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        first, last = int(first), int(last or first)
        out += range(min(first, last), max(first, last) + 1)
    return out


def pairs(words):
    """["FLAGS", [...], "UID", "5"] as a dictionary."""
    return {words[i].upper(): words[i + 1] for i in range(0, len(words), 2)}


class Wire:
    """One connection. `answers` are what came untagged; on_answer(response, command) is told of each at once."""

    def __init__(self, reader, writer, on_answer=None):
        self.reader, self.writer, self.on_answer = reader, writer, on_answer
        self.count, self.command, self.transcript = 0, b"", []

    @classmethod
    async def open(cls, host, port, on_answer=None):
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)
        wire = cls(reader, writer, on_answer)
        greeting = await wire.read()
        assert greeting.name() in (b"OK", b"PREAUTH"), greeting.line
        return wire

    def note(self, direction, line):
        self.transcript.append(direction + line[:400])
        del self.transcript[:-60]

    async def read(self):
        line, literals = b"", []
        while True:
            part = await asyncio.wait_for(self.reader.readline(), 60)
            if not part.endswith(b"\n"):
                raise ConnectionError("the server closed the connection")
            line += part
            literal = re.search(rb"\{(\d+)\}\r\n$", part)
            if not literal:
                break
            literals.append(await asyncio.wait_for(self.reader.readexactly(int(literal[1])), 60))
        self.note(b"S: ", line.rstrip())
        response = Response(line, literals)
        if response.tag == b"*" and self.on_answer:
            self.on_answer(response, self.command)
        return response

    async def send(self, text):
        self.note(b"C: ", text)
        self.writer.write(text + b"\r\n")
        await self.writer.drain()

    async def run(self, text, literal=None):
        """A command; gives its tagged answer ("OK ..."), after all that came before it. `literal` goes last."""
        self.count += 1
        tag = b"a%d" % self.count
        self.command = text
        await self.send(tag + b" " + text + (b" {%d+}" % len(literal) if literal is not None else b""))
        if literal is not None:
            self.writer.write(literal + b"\r\n")
        while True:
            response = await self.read()
            if response.tag == tag:
                self.command = b""
                return response.line.split(b" ", 1)[1].strip()

    async def need(self, text, literal=None):
        done = await self.run(text, literal)
        assert done.startswith(b"OK"), f"{text[:200]}: {done}"
        return done

    def close(self):
        self.writer.close()
