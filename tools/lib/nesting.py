# SPDX-License-Identifier: MIT
"""How deep the control structures of a C function are nested.

The body of a function has depth 0; each if, for, while, do, switch and each
block of its own adds one, braces or not. `else if` stays on the level of its
`if`, and the braces of a case do not count.
"""
import re

TOKEN = re.compile(r"[A-Za-z_]\w*|[{}()\[\];:?]|\S")
CONTROL = {"if", "for", "while", "switch"}


class Parser:
    def __init__(self, code, first_line):
        code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", code, flags=re.M)
        self.tokens = []
        for number, line in enumerate(code.split("\n"), first_line):
            self.tokens += [(token, number) for token in TOKEN.findall(line)]
        self.at = 0
        self.deepest = (0, first_line)

    def token(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at][0] if at < len(self.tokens) else ""

    def skip_brackets(self):
        """From an opening bracket to behind its partner."""
        depth = 0
        while self.token():
            depth += self.token() in ("(", "[", "{")
            depth -= self.token() in (")", "]", "}")
            self.at += 1
            if depth == 0:
                return

    def block(self, depth):
        self.at += 1
        while self.token() not in ("}", ""):
            self.statement(depth)
        self.at += 1

    def body(self, depth):
        """What a control structure governs."""
        self.note(depth)
        if self.token() == "{":
            self.block(depth)
        else:
            self.statement(depth)

    def note(self, depth):
        if depth > self.deepest[0] and self.token():
            self.deepest = (depth, self.tokens[self.at][1])

    def label(self):
        """Behind `case x:`, `default:` or `name:`; True where there was one."""
        if self.token() in ("case", "default"):
            while self.token() not in (":", ""):
                self.at += 1
            self.at += 1
            return True
        if re.match(r"[A-Za-z_]", self.token()) and self.token(1) == ":":
            self.at += 2
            return True
        return False

    def statement(self, depth):
        after_label = False
        while self.label():
            after_label = True
        word = self.token()
        if word == "}" or word == "":
            return
        if word == "{":
            if after_label:
                self.block(depth)
            else:
                self.body(depth + 1)
        elif word in CONTROL or self.is_macro_loop():
            self.control(word, depth)
        elif word == "do":
            self.at += 1
            self.body(depth + 1)
            self.plain()
        else:
            self.plain()

    def is_macro_loop(self):
        """NAME(...) { as macros that hide a for have it."""
        if not re.match(r"[A-Z_]{3,}$", self.token()) or self.token(1) != "(":
            return False
        start = self.at
        self.at += 1
        self.skip_brackets()
        found = self.token() == "{"
        self.at = start
        return found

    def control(self, word, depth):
        self.at += 1
        self.skip_brackets()
        self.body(depth + 1)
        if word == "if" and self.token() == "else":
            self.at += 1
            if self.token() == "if":
                self.control("if", depth)
            else:
                self.body(depth + 1)

    def plain(self):
        while self.token() not in (";", "}", ""):
            if self.token() in ("(", "[", "{"):
                self.skip_brackets()
            else:
                self.at += 1
        if self.token() == ";":
            self.at += 1


def deepest(code, first_line):
    """(depth, line) of the deepest place; code is a function without comments."""
    parser = Parser(code, first_line)
    while parser.token() not in ("{", ""):
        if parser.token() in ("(", "["):
            parser.skip_brackets()
        else:
            parser.at += 1
    parser.block(0)
    return parser.deepest
