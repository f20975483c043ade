# SPDX-License-Identifier: MIT
"""Proof that each rule of check-layers can fire, and does not where it must not."""
import os
import tempfile

# (file, what it includes, expected finding or None)
CASES = [
    ("util/a.c", '"util/b.h"', None),
    ("util/a.c", '"policy/b.h"', 'util must not include "policy/b.h"'),
    ("util/a.c", "<sys/socket.h>", None),
    ("util/a.c", "<event2/event.h>", "<event2/event.h>: libevent only in proxy"),
    ("policy/a.c", '"util/b.h"', None),
    ("policy/a.c", '"policy/b.h"', None),
    ("policy/a.c", "<pcre2.h>", None),
    ("policy/a.c", '"auth/b.h"', 'policy must not include "auth/b.h"'),
    ("policy/a.c", '"conf/b.h"', 'policy must not include "conf/b.h"'),
    ("policy/a.c", "<event2/util.h>", "<event2/util.h>: libevent only in proxy"),
    ("policy/a.c", "<libconfig.h>", "<libconfig.h>: libconfig only in conf"),
    ("policy/a.c", "<sys/socket.h>",
     "<sys/socket.h>: sockets only in proxy, conf, cli, util"),
    ("policy/a.c", "<openssl/ssl.h>",
     "<openssl/ssl.h>: TLS connections only in certs, proxy, conf, cli"),
    ("auth/a.c", '"certs/b.h"', 'auth must not include "certs/b.h"'),
    ("auth/a.c", "<event2/event.h>", "<event2/event.h>: libevent only in proxy"),
    ("certs/a.c", '"policy/b.h"', 'certs must not include "policy/b.h"'),
    ("certs/a.c", "<openssl/ssl.h>", None),
    ("certs/a.c", "<poll.h>", "<poll.h>: sockets only in proxy, conf, cli, util"),
    ("conf/a.c", '"certs/b.h"', None),
    ("conf/a.c", "<libconfig.h>", None),
    ("conf/a.c", "<event2/event.h>", "<event2/event.h>: libevent only in proxy"),
    ("conf/a.c", '"proxy/b.h"', 'conf must not include "proxy/b.h"'),
    ("proxy/a.c", '"conf/b.h"', None),
    ("proxy/a.c", "<event2/event.h>", None),
    ("proxy/net/a.c", "<ares.h>", None),
    ("proxy/a.c", "<ares.h>", "<ares.h>: c-ares only in proxy/net"),
    ("proxy/a.c", "<libconfig.h>", "<libconfig.h>: libconfig only in conf"),
    ("proxy/a.c", "<pcre2.h>", "<pcre2.h>: PCRE2 only in policy"),
    ("proxy/phase/a.c", '"cli/b.h"', 'proxy must not include "cli/b.h"'),
    ("proxy/http/a.c", '"proxy/http/b.h"', None),
    ("proxy/http/a.c", '"proxy/end_reason.h"', None),
    ("proxy/http/a.c", '"conf/b.h"', 'proxy/http must not include "conf/b.h"'),
    ("proxy/http/a.c", '"proxy/net/b.h"', 'proxy/http must not include "proxy/net/b.h"'),
    ("proxy/http/a.c", '"proxy/conn.h"', 'proxy/http must not include "proxy/conn.h"'),
    ("proxy/http/a.c", "<event2/event.h>",
     "<event2/event.h>: proxy/http is pure, without sockets and loop"),
    ("proxy/http/a.c", "<sys/socket.h>",
     "<sys/socket.h>: proxy/http is pure, without sockets and loop"),
    ("proxy/net/a.c", '"conf/b.h"', None),
    ("proxy/net/a.c", '"proxy/conn.h"', 'proxy/net must not include "proxy/conn.h"'),
    ("cli/a.c", '"proxy/b.h"', None),
    ("cli/a.c", "<libconfig.h>", "<libconfig.h>: libconfig only in conf"),
    ("cli/a.c", '"proxy/b.c"', '"proxy/b.c": a .c file is never included'),
    ("tests/unit/util/a.c", '"cli/b.h"', None),
    ("other/a.c", "<stdio.h>", "lies in no folder of the layers"),
]


def judge(check_tree, files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        return [f"{path}:{line}: {text}" for path, line, text in check_tree(root).rows]


def run(check_tree):
    faults = 0
    for path, include, text in CASES:
        # The second line is a comment that must not count.
        said = judge(check_tree, {path: f'#include {include}\n/*\n#include "cli/no.h"\n*/\n'})
        line = 1
        expected = [f"{path}:{line}: {text}"] if text else []
        if said != expected:
            faults += 1
            print(f"layer_cases: {path} {include}: expected {expected}, got {said}")
    circle = judge(check_tree, {"util/a.h": '#include "util/b.h"\n',
                                "util/b.h": '#include "util/c.h"\n',
                                "util/c.h": '\n#include "util/a.h"\n'})
    expected = ["util/c.h:2: circle of includes: util/a.h -> util/b.h -> util/c.h -> util/a.h"]
    if circle != expected:
        faults += 1
        print(f"layer_cases: circle: expected {expected}, got {circle}")
    print(f"check-layers --self-test: {len(CASES) + 1} cases, {faults} wrong")
    return 1 if faults else 0
