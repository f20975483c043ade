# SPDX-License-Identifier: MIT
"""`sallyport explain` where rules have to know the user: with and without --user."""
import hashlib
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport"))
KEYS = ("target host port source user verdict rule rule_at set pattern pattern_at "
        "tls tls_reason auth").split()

CONFIG = """\
listeners = ( { address = "127.0.0.1"; port = 3128; } );
destinations = {
  open = { domains = [ "*.open.test" ]; };
  web = { domains = [ "*.web.test" ]; };
  games = { domains = [ "*.games.test" ]; };
  shady = { addresses = [ "203.0.114.0/24" ]; };
};
webex = { products = {
  video = { name = "Video"; auth = [ "none", "digest" ]; };
}; };
sources = {
  rooms = { addresses = [ "192.168.9.0/24" ]; product = "video"; };
  staff = { groups = [ "Staff" ]; users = [ "carol" ]; };
  guests = { users = [ "guest" ]; };
};
rules = (
  { name = "open"; to = [ "open" ]; action = "allow"; auth = "none"; },
  { name = "no-shady"; from = [ "guests" ]; to = [ "shady" ]; action = "deny"; },
  { name = "no-games"; from = [ "staff" ]; to = [ "games" ]; action = "deny"; },
  { name = "games"; to = [ "games" ]; action = "allow"; auth = "none"; },
  { name = "web"; to = [ "web" ]; action = "allow"; }
);
auth = {
  basic = { htpasswd = "users.htpasswd"; };
  digest = { htdigest = "users.htdigest"; };
  groups = "groups";
  offers = ( { from = [ "rooms" ]; schemes = [ "digest" ]; } );
};
dns = { hosts = "hosts"; };
"""


@pytest.fixture(name="explain")
def fixture_explain(tmp_path):
    ha1 = hashlib.sha256(b"alice:Sallyport:correct horse").hexdigest()
    files = {"t.conf": CONFIG, "groups": "staff: alice bob\nplayers: alice\n",
             "users.htpasswd": "alice:$5$rounds=1000$salt$"
                               "qOfjCda6YN/JiGzcA4MkoJaIXdhJzf.qd.KJPQZ7TA/\n",
             "users.htdigest": f"alice:Sallyport:{ha1}\n",
             "hosts": "203.0.114.9 a.web.test\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)

    def explain(*args):
        return subprocess.run([os.path.abspath(BINARY), "explain", "-c", "t.conf", *args],
                              cwd=tmp_path, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)
    return explain


def ask(explain, *args):
    """The one JSON object that is printed, and the exit status."""
    done = explain("--json", *args)
    assert done.stderr == ""
    row = json.loads(done.stdout)
    assert list(row) == [key for key in KEYS if key in row]
    return row, done.returncode


def test_without_a_user_the_answer_is_what_a_client_is_told(explain):
    row, status = ask(explain, "b.web.test")
    assert row == {
        "target": "b.web.test", "host": "b.web.test", "port": 443, "verdict": "authenticate",
        "rule": "web", "rule_at": "t.conf:21", "set": "web", "pattern": "*.web.test",
        "pattern_at": "t.conf:4", "auth": ["digest", "basic"]}
    assert status == 0
    done = explain("b.web.test")
    assert done.stdout == (
        "authenticate  CONNECT b.web.test:443\n"
        "       reason   credentials are needed\n"
        "       rule     web            t.conf:21\n"
        "       set      web\n"
        "       pattern  *.web.test     t.conf:4\n"
        "       auth     digest, basic  offered to this client\n")
    assert done.returncode == 0


def test_the_offer_is_that_of_the_client(explain):
    row, _ = ask(explain, "--from", "192.168.9.4", "b.web.test")
    assert row["auth"] == ["digest"]
    row, _ = ask(explain, "--product", "video", "b.web.test")
    assert row["auth"] == ["digest"]


def test_a_user_is_allowed(explain):
    row, status = ask(explain, "--user", "alice", "b.web.test")
    assert (row["verdict"], row["user"], row["rule"]) == ("allow", "alice", "web")
    assert row["auth"] == ["digest", "basic"] and row["tls"] == "tunnel"
    assert status == 0
    done = explain("--user", "alice", "b.web.test")
    assert done.stdout.startswith("allow  CONNECT b.web.test:443\n")
    assert "       user     alice          groups: staff, players\n" in done.stdout
    done = explain("--user", "dave", "b.web.test")
    assert "       user     dave\n" in done.stdout


def test_where_nobody_is_asked_no_scheme_is_named(explain):
    for args in ([], ["--user", "alice"]):
        row, status = ask(explain, *args, "a.open.test")
        assert (row["verdict"], row["rule"]) == ("allow", "open")
        assert "auth" not in row and status == 0
        assert ("user" in row) == bool(args)


def test_what_nobody_may_is_denied_unasked(explain):
    row, status = ask(explain, "other.test")
    assert row["verdict"] == "deny" and "auth" not in row and status == 1
    row, status = ask(explain, "b.web.test:25")
    assert row["verdict"] == "deny" and "rule" not in row and status == 1


@pytest.mark.parametrize("user, verdict, rule, source", [
    (None, "authenticate", "no-games", "staff"),
    ("Alice", "deny", "no-games", "staff"),     # by her group
    ("CAROL", "deny", "no-games", "staff"),     # by name
    ("dave", "allow", "games", None),
])
def test_users_and_groups_decide(explain, user, verdict, rule, source):
    row, status = ask(explain, *(["--user", user] if user else []), "a.games.test")
    assert (row["verdict"], row["rule"], row.get("source")) == (verdict, rule, source)
    assert row.get("user") == user
    assert status == (1 if verdict == "deny" else 0)


def test_a_rule_for_users_against_an_address(explain):
    row, status = ask(explain, "--user", "guest", "a.web.test")
    assert (row["verdict"], row["rule"], row["source"]) == ("deny", "no-shady", "guests")
    assert status == 1
    row, status = ask(explain, "--user", "alice", "a.web.test")
    assert (row["verdict"], row["rule"]) == ("allow", "web") and status == 0


def test_one_denial_among_others_is_a_no(explain):
    assert explain("b.web.test", "a.open.test").returncode == 0
    assert explain("b.web.test", "other.test").returncode == 1


def test_without_an_auth_section_a_user_makes_no_difference(tmp_path, explain):
    (tmp_path / "t.conf").write_text(
        'listeners = ( { address = "127.0.0.1"; port = 3128; } );\n'
        'rules = ( { name = "all"; action = "allow"; } );\n')
    row, status = ask(explain, "--user", "alice", "a.test")
    assert (row["verdict"], row["user"]) == ("allow", "alice")
    assert "auth" not in row and status == 0
