# SPDX-License-Identifier: MIT
"""`sallyport explain`: the verdict, the line that decides, and the exit status."""
import json
import os
import pathlib
import pty
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport"))
KEYS = ("target host port sni source user verdict rule rule_at set pattern pattern_at "
        "tls tls_reason tls_at auth").split()

CONFIG = """\
listeners = ( { address = "127.0.0.1"; port = 3128; } );
destinations = {
  web = {
    domains = [ "*.web.test", "known.test", "page.test/a/*" ];
    addresses = [ "10.0.0.0/8", "127.0.0.0/8", "192.0.2.0/24" ];
  };
  bad = { addresses = [ "203.0.114.0/24" ]; };
};
sources = {
  office = { addresses = [ "192.168.0.0/16" ]; };
  rooms = { addresses = [ "192.168.9.0/24" ]; product = "cisco-video-device"; };
};
webex = { products = {
  cisco-video-device = { name = "Video"; auth = [ "none", "digest" ]; custom_ca = true; };
}; };
rules = (
  { name = "bad"; to = [ "bad" ]; action = "deny"; },
  { name = "rooms"; from = [ "rooms" ]; to = [ "web" ]; ports = ( 5004, "6000-6010" );
    action = "allow"; },
  { name = "web"; to = [ "web" ]; action = "allow"; methods = [ "CONNECT" ]; },
  { name = "page"; to = [ "web" ]; action = "allow"; methods = [ "GET" ]; }
);
guard = { allow = [ "10.8.0.0/16", "127.0.0.2", "192.0.2.0/24" ]; };
dns = { hosts = "hosts"; };
"""
HOSTS = """\
10.8.0.1 in.web.test
10.9.0.1 out.web.test
10.9.0.1 both.web.test
10.8.0.2 both.web.test
203.0.114.9 shady.web.test
"""


@pytest.fixture(name="explain")
def fixture_explain(tmp_path):
    (tmp_path / "t.conf").write_text(CONFIG)
    (tmp_path / "hosts").write_text(HOSTS)

    def explain(*args):
        return subprocess.run([os.path.abspath(BINARY), "explain", "-c", "t.conf", *args],
                              cwd=tmp_path, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)
    return explain


def ask(explain, *args):
    """The one JSON object that is printed, and the exit status."""
    done = explain("--json", *args)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    row = json.loads(done.stdout)
    assert set(row) <= set(KEYS)
    assert list(row) == [key for key in KEYS if key in row]
    return row, done.returncode


def test_an_allowed_tunnel_names_the_lines_that_decide(explain):
    row, status = ask(explain, "https://a.web.test/path?token=secret#part")
    assert row == {
        "target": "https://a.web.test/path", "host": "a.web.test", "port": 443,
        "verdict": "allow", "rule": "web", "rule_at": "t.conf:20", "set": "web",
        "pattern": "*.web.test", "pattern_at": "t.conf:4", "tls": "tunnel",
        "tls_reason": "inspection is off"}
    assert status == 0


def test_a_denial_by_default_names_no_rule(explain):
    row, status = ask(explain, "other.test:443")
    assert row == {"target": "other.test:443", "host": "other.test", "port": 443,
                   "verdict": "deny"}
    assert status == 1


def test_for_people_the_block_is_short_and_aligned(explain):
    done = explain("a.web.test", "other.test")
    assert done.stdout == (
        "allow  CONNECT a.web.test:443\n"
        "       rule     web         t.conf:20\n"
        "       set      web\n"
        "       pattern  *.web.test  t.conf:4\n"
        "       tls      tunnel      inspection is off\n"
        "\n"
        "deny   CONNECT other.test:443\n"
        "       reason   no rule allows it\n")
    assert done.stderr == ""
    assert done.returncode == 1


def test_the_port_that_is_missing_is_named(explain):
    done = explain("a.web.test:25")
    assert "reason   port 25 is not 443\n" in done.stdout
    assert "nearest  web" in done.stdout
    assert done.returncode == 1
    row, status = ask(explain, "a.web.test:25")
    assert row["verdict"] == "deny" and "rule" not in row and status == 1


def test_from_decides_which_source_is_meant(explain):
    row, status = ask(explain, "--from", "192.168.9.7", "a.web.test:6003")
    assert (row["source"], row["rule"], row["rule_at"]) == ("rooms", "rooms", "t.conf:18")
    assert status == 0
    row, status = ask(explain, "--from", "192.168.8.7", "a.web.test:6003")
    assert row["verdict"] == "deny" and "source" not in row and status == 1
    done = explain("--from", "192.168.9.7", "a.web.test:5004")
    assert "       source   rooms       192.168.9.7\n" in done.stdout


def test_a_product_stands_for_the_clients_that_are_one(explain):
    done = explain("--product", "cisco-video-device", "a.web.test:5004")
    assert done.stdout.startswith("allow  CONNECT a.web.test:5004\n")
    assert "source   rooms\n" in done.stdout
    assert "product  Video" in done.stdout and "auth: none, digest" in done.stdout
    assert done.returncode == 0
    done = explain("--product", "cisco-video-devise", "a.web.test:5004")
    assert "did you mean 'cisco-video-device'?" in done.stderr
    assert done.returncode == 1


def test_http_is_asked_as_a_plain_request_with_its_path(explain):
    row, status = ask(explain, "http://page.test/a/b?q=1")
    assert (row["rule"], row["pattern"], row["port"], row["tls"]) == (
        "page", "page.test/a/*", 80, "none")
    assert row["target"] == "http://page.test/a/b" and status == 0
    assert ask(explain, "http://page.test/b")[0]["verdict"] == "deny"
    assert ask(explain, "page.test")[0]["verdict"] == "deny"
    assert "GET http://page.test/a/b\n" in explain("http://page.test/a/b?q=1").stdout
    assert "?" not in explain("http://page.test/a/b?q=1").stdout


def test_an_address_is_shown_to_the_guard(explain):
    done = explain("10.8.0.1", "10.9.0.1", "127.0.0.1", "127.0.0.2", "192.0.2.1:3128")
    blocks = done.stdout.split("\n\n")
    assert blocks[0].startswith("allow") and "guard    passes" in blocks[0]
    assert blocks[1].startswith("deny   CONNECT 10.9.0.1:443\n")
    assert "guard    refuses this address  10.9.0.1: " in blocks[1]
    assert blocks[2].startswith("deny") and "loopback" in blocks[2]
    assert blocks[3].startswith("allow")
    assert done.returncode == 1
    row, status = ask(explain, "10.9.0.1")
    assert row == {"target": "10.9.0.1", "host": "10.9.0.1", "port": 443, "verdict": "deny"}
    assert status == 1


def test_a_name_of_the_hosts_file_is_shown_to_the_guard(explain):
    assert ask(explain, "in.web.test")[0]["verdict"] == "allow"
    done = explain("out.web.test", "both.web.test")
    blocks = done.stdout.split("\n\n")
    assert "refuses this address  10.9.0.1: " in blocks[0] and blocks[0].startswith("deny")
    assert blocks[1].startswith("allow") and "10.8.0.2" in blocks[1]


def test_an_earlier_rule_against_an_address_holds_for_a_known_name(explain):
    row, status = ask(explain, "shady.web.test")
    assert (row["verdict"], row["rule"], row["set"]) == ("deny", "bad", "bad")
    assert row["rule_at"] == "t.conf:17" and status == 1


@pytest.mark.parametrize("target, host, port", [
    ("A.WEB.TEST.", "a.web.test", 443),
    ("wss://a.web.test", "a.web.test", 443),
    ("HTTPS://a.web.test:8443/x", "a.web.test", 8443),
    ("http://a.web.test:8080", "a.web.test", 8080),
    ("2001:db8::1", "2001:db8::1", 443),
    ("[2001:db8:0::1]:8443", "2001:db8::1", 8443),
    ("http://[2001:db8::1]/x", "2001:db8::1", 80),
    ("0x7f.1", "127.0.0.1", 443),
    ("büro.test", "xn--bro-hoa.test", 443),
])
def test_targets_in_every_form(explain, target, host, port):
    row, _ = ask(explain, target)
    assert (row["host"], row["port"]) == (host, port)


@pytest.mark.parametrize("target, part", [
    ("", "there is no host"), ("http://", "there is no host"), ("https:///x", "there is no host"),
    ("a.test:0", "'0' is not a port"), ("a.test:65536", "'65536' is not a port"),
    ("a.test:", "'' is not a port"), ("a.test:http", "'http' is not a port"),
    ("[::1]443", "'443' is not a port"), ("[::1", "the host"), ("a..b", "the host"),
    ("a b", "the host"), ("ftp://a.test/", "only http, https and wss"),
    ("http://user:word@a.test/", "user names do not belong here"),
    ("a.test/path", "a path needs a scheme: http://a.test/path"),
])
def test_a_malformed_target_is_no_answer(explain, target, part):
    done = explain("--", target)
    assert done.stdout == ""
    assert done.stderr.startswith("sallyport: ") and part in done.stderr
    assert done.stderr.count("\n") == 1
    assert "word" not in done.stderr
    assert done.returncode == 2


def test_the_other_targets_are_answered_all_the_same(explain):
    done = explain("--json", "a..b", "a.web.test")
    assert json.loads(done.stdout)["verdict"] == "allow"
    assert done.returncode == 2


def test_wrong_usage(explain):
    for args in ([], ["--from", "home", "a.test"], ["--nothing", "a.test"]):
        done = explain(*args)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("sallyport: explain: ")


def test_where_inspection_is_off_the_name_in_the_hello_is_not_judged(explain):
    row, status = ask(explain, "--sni", "evil.test", "a.web.test")
    assert (row["sni"], row["verdict"], row["tls"], status) == (
        "evil.test", "allow", "tunnel", 0)
    assert row["tls_reason"] == "inspection is off"


def test_a_faulty_configuration_is_no_answer(tmp_path, explain):
    (tmp_path / "t.conf").write_text("workers = 1;\n")
    done = explain("a.test")
    assert done.stderr.startswith("sallyport: t.conf: listeners is missing")
    assert done.returncode == 2


def read_from_terminal(folder, environment):
    master, slave = pty.openpty()
    with subprocess.Popen([os.path.abspath(BINARY), "explain", "-c", "t.conf", "a.web.test"],
                          cwd=folder, stdout=slave, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment}) as process:
        process.wait(timeout=30)
    text = os.read(master, 65536).decode()
    os.close(slave)
    os.close(master)
    return text


def test_colours_are_for_terminals_that_want_them(tmp_path, explain):
    assert "\033" not in explain("a.web.test").stdout
    assert "\033[1;32mallow" in read_from_terminal(tmp_path, {"TERM": "xterm", "NO_COLOR": ""})
    assert "\033" not in read_from_terminal(tmp_path, {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\033" not in read_from_terminal(tmp_path, {"TERM": "dumb", "NO_COLOR": ""})
