# SPDX-License-Identifier: MIT
"""Proof that each rule of check-style can fire, and does not where it must not.

Each case is a small tree of files that breaks one rule; what check-style says
about it must be exactly the expected finding.
"""
import os
import tempfile

SPDX = "/* SPDX-License-Identifier: MIT */\n"
GOOD_H = SPDX + """/*
 * pipe.h - a pipe between two things.
 *
 * Owns nothing. Threads: any.
 */
#ifndef UTIL_PIPE_H
#define UTIL_PIPE_H

#include <stddef.h>

struct pipe {
    size_t len;
};

typedef int (*pipe_step_fn)(struct pipe *);

/* The length, in bytes. */
size_t pipe_len(const struct pipe *p);
int pipe_run(struct pipe *p, void (*on_end)(struct pipe *, int), char name[8], unsigned long n);
int pipe_print(const char *format, ...);
void pipe_reset(void);

#endif
"""
GOOD_C = SPDX + """/* pipe.c - a pipe between two things; see pipe.h. */
#include "util/pipe.h"

#include <stdio.h>

static const char *const NAMES[] = {"strcpy(", "a"};

size_t pipe_len(const struct pipe *p)
{
    static const int none = 0;
    /* strcpy() is mentioned here only. */
    if (p->len == 1) {
        printf("%s", NAMES[0]);
    } else if (p->len == 2) {
        switch (p->len) {
        case 1: {
            for (size_t i = 0; i < 3; i++)
                if (i)
                    return ((struct pipe){.len = 1}).len;
            break;
        }
        default:
            break;
        }
    } else if (p->len == 3) {
        goto out;
    }
out:
    return p->len + (size_t)none;
}
"""
DEEP = """
int dig(int n)
{
    for (int i = 0; i < n; i++)
        while (n > i)
            if (n == 3) {
                do {
                    if (i)
                        n--;
                } while (n);
            }
    return n;
}
"""


def function(lines, mark=""):
    return f"\n{mark}int grow(int n)\n{{\n" + "    n++;\n" * (lines - 4) + "    return n;\n}\n"


def edited(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


def case(header=GOOD_H, source=GOOD_C, finding=None):
    return {"util/pipe.h": header, "util/pipe.c": source}, finding


def good_source(addition):
    return case(source=GOOD_C + addition)


def bad_source(addition, finding):
    return case(source=GOOD_C + addition, finding="util/pipe.c:" + finding)


def bad_header(old, new, finding):
    return case(header=edited(GOOD_H, old, new), finding="util/pipe.h:" + finding)


LAST = GOOD_C.count("\n")
CASES = [
    case(),
    good_source(function(80)),
    bad_source(function(81), f"{LAST + 2}: grow has 81 lines, at most 80"),
    good_source(function(120, "/* long: one table */\n")),
    bad_source(function(121, "/* long: one table */\n"),
               f"{LAST + 3}: grow has 121 lines, at most 120"),
    good_source("extern int x_end;\n" * (499 - LAST)),
    bad_source("extern int x_end;\n" * (500 - LAST), "500: 500 lines, must be below 500"),
    case(header=GOOD_H + "/* more */\n" * (150 - GOOD_H.count("\n")),
         finding="util/pipe.h:150: 150 lines, must be below 150"),
    bad_source(DEEP, f"{LAST + 9}: dig is nested 5 deep, at most 4"),
    bad_source("\nint odd(void)\n{\n#ifdef ODD\n    return 1;\n#endif\n    return 0;\n}\n",
               f"{LAST + 4}: preprocessor condition inside odd"),
    bad_source("\nint copy(char *to)\n{\n    strcpy(to, NAMES[0]);\n    return 0;\n}\n",
               f"{LAST + 4}: strcpy is banned"),
    bad_source("\nint read_it(const char *s)\n{\n    return atoi (s);\n}\n",
               f"{LAST + 4}: atoi is banned"),
    case(source=GOOD_C.replace("SPDX-License-Identifier: MIT", "MIT"), finding="util/pipe.c:1: "
         "the first line must be /* SPDX-License-Identifier: MIT */"),
    case(source=GOOD_C.replace("/* pipe.c - a pipe", "/* a pipe"), finding="util/pipe.c:2: "
         "the purpose comment must start with 'pipe.c - '"),
    bad_header(" Threads: any.", "",
               "2: the header's comment does not say which threads may use it"),
    case(header=GOOD_H.replace("UTIL_PIPE_H", "PIPE_H"),
         finding="util/pipe.h:1: header guard must be UTIL_PIPE_H"),
    bad_header("#define UTIL_PIPE_H", "#define UTIL_PIPES_H",
               "1: header guard UTIL_PIPE_H must be defined at once and end the file"),
    case(source=edited(GOOD_C, '#include "util/pipe.h"\n\n#include <stdio.h>\n',
                       '#include <stdio.h>\n\n#include "util/pipe.h"\n'),
         finding='util/pipe.c:3: the first include must be "util/pipe.h"'),
    case(source=edited(GOOD_C, "<stdio.h>\n", '<stdio.h>\n\n#include "pipe.h"\n'),
         finding='util/pipe.c:7: "pipe.h" is no path from the root of the project'),
    bad_source("/* " + "x" * 95 + " */\n", f"{LAST + 1}: 101 columns, at most 100"),
    bad_source("/* a */ \n", f"{LAST + 1}: white space at the end of the line"),
    bad_source("\t/* a */\n", f"{LAST + 1}: a tab; indent with spaces"),
    bad_source("/* TO" "DO later */\n",
               f"{LAST + 1}: 'TO" "DO': finish it or file an issue"),
    bad_source("/* good for" " now */\n",
               f"{LAST + 1}: 'for" " now': finish it or file an issue"),
    bad_source("/* no end */", f"{LAST + 1}: no newline at the end of the file"),
    bad_header("const struct pipe *p", "const struct pipe *",
               "19: pipe_len: parameter 'const struct pipe *' has no name"),
    bad_header("unsigned long n", "unsigned long",
               "20: pipe_run: parameter 'unsigned long' has no name"),
    bad_header("pipe_reset(void)", "pipe_reset()", "22: pipe_reset() must say (void)"),
    bad_source("\nstatic int counter;\n", f"{LAST + 2}: mutable global state; pass it, or "
               "give the reason in /* global: ... */"),
    good_source("\nstatic const struct {\n    const char *a;\n} ROWS[] = {{\"a\"}};\n"),
    bad_source("\nstatic struct {\n    const char *const a;\n} rows[1];\n", f"{LAST + 4}: "
               "mutable global state; pass it, or give the reason in /* global: ... */"),
    bad_source("\nstatic const char *current = \"a\";\n", f"{LAST + 2}: mutable global state; "
               "pass it, or give the reason in /* global: ... */"),
    bad_source("\nint next_id(void)\n{\n    static int last;\n    return ++last;\n}\n",
               f"{LAST + 4}: mutable global state; pass it, or give the reason in "
               "/* global: ... */"),
    good_source("\nstatic int counter; /* global: a test hook */\n"),
    bad_header("#include <stddef.h>\n", "", "1: does not compile alone: "),
    ({"docs/a.md": "[b](../docs/a.md), [c](https://example.com/x)\n"}, None),
    ({"docs/a.md": "x\n[b](b.md#part)\n"}, "docs/a.md:2: the link leads nowhere: b.md"),
    ({"tests/data/any.conf": "x \n"}, None),
    ({"tools/run.sh": "#!/bin/sh\necho\n"},
     "tools/run.sh:1: one of the first two lines must have SPDX-License-Identifier: MIT"),
]


def judge(check_tree, files, expected):
    """What is wrong with check-style's answer, or None."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        rows = sorted(set(check_tree(root, "util/pipe.h" in files).rows))
    said = [f"{path}:{line}: {text}" for path, line, text in rows]
    if expected is None:
        return f"expected nothing, got {said}" if said else None
    if len(said) == 1 and said[0].startswith(expected):
        return None
    return f"expected {expected!r}, got {said}"


def run(check_tree):
    faults = 0
    for number, (files, expected) in enumerate(CASES, 1):
        fault = judge(check_tree, files, expected)
        if fault:
            faults += 1
            print(f"style_cases: case {number}: {fault}")
    print(f"check-style --self-test: {len(CASES)} cases, {faults} wrong")
    return 1 if faults else 0
