# SPDX-License-Identifier: MIT
"""The project's C files as text: which there are, and what is code in them."""
import os
import re

SKIPPED = re.compile(r"^(\.git|build.*|__pycache__|\.pytest_cache)$")
LEXEME = re.compile(
    r"""(?P<comment>/\*.*?\*/|//(?:\\\n|[^\n])*)"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.S)


def files(root, suffixes, under=("",)):
    """Paths relative to root with one of the suffixes, sorted; no build folders."""
    found = []
    for top in under:
        for folder, names, entries in os.walk(os.path.join(root, top)):
            names[:] = [n for n in names if not SKIPPED.match(n)]
            for entry in entries:
                if entry.endswith(suffixes):
                    found.append(os.path.relpath(os.path.join(folder, entry), root))
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def _blank(match):
    """White space of the same shape, so that lines and columns stay."""
    text = match.group(0)
    if match.lastgroup == "string" and len(text) >= 2:
        return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[-1]
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """The text without comments and without what is inside literals."""
    return LEXEME.sub(_blank, text)


def includes(text):
    """(line, name, quoted) of each #include that is not in a comment."""
    bare = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)
    for m in pattern.finditer(bare):
        yield bare.count("\n", 0, m.start()) + 1, m.group(1) or m.group(2), bool(m.group(1))


class Findings:
    """What is wrong, as file:line: text."""

    def __init__(self):
        self.rows = []

    def add(self, path, line, text):
        self.rows.append((path, line, text))

    def report(self, what):
        for path, line, text in sorted(set(self.rows)):
            print(f"{path}:{line}: {text}")
        print(f"{what}: {len(set(self.rows))} findings")
        return 1 if self.rows else 0
