#!/usr/bin/env python3
"""unity.py LIMIT FILE...: which files may be compiled as one, a group a line.

Reading the same headers is half the work of compiling a file, so a build from nothing is far shorter with several files in one
translation unit. Names in anonymous namespaces then meet. A file joins a group only when none of its private names is a word of
another file there and none of theirs is one of its own; so people name things as they like, and what reads as ambiguous is compiled
alone.
"""
import re
import sys

DECLARED = re.compile(r"(?:struct|class|enum class|enum|union|namespace)\s+(\w+)|using\s+(?:[\w:]+::)?(\w+)|[\w:<>,&*\s\[\]]*?[\s&*>](\w+)\s*[(=\[{;]")
WORD = re.compile(r"(?<![\w.>:])[A-Za-z_]\w*")


def read(path):
    """The private names of a file, and all words in it that could mean another's."""
    text = open(path, encoding="utf-8").read()
    private, inside = set(), False
    for line in text.splitlines():
        if line == "namespace {":
            inside = True
        elif line.startswith("}  // namespace"):
            inside = False
        elif line and line[0] not in " }#/" and (inside or line.startswith(("static ", "using ", "namespace "))):
            found = DECLARED.match(line)
            if found:
                private.add(found[1] or found[2] or found[3])
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', re.sub(r"//[^\n]*", "", text))
    words = set(WORD.findall(text)) - set(re.findall(r"^using [\w:]+::(\w+);", text, re.M))  # said twice, it means the same
    return private - {"pabal"}, words


def main():
    limit = int(sys.argv[1])
    groups = []  # files, private names, words
    for path in sys.argv[2:]:
        private, words = read(path)
        for files, their_private, their_words in groups:
            if len(files) < limit and not private & their_words and not their_private & words:
                files.append(path)
                their_private |= private
                their_words |= words
                break
        else:
            groups.append(([path], private, words))
    for files, _, _ in groups:
        print(";".join(files))


if __name__ == "__main__":
    main()
