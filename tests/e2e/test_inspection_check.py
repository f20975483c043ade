# SPDX-License-Identifier: MIT
"""`sallyport check` tries the CA's key, and `sallyport explain` shows what is inspected, what
never is, and the line where that stands."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport")))
KEYS = ("target host port sni source user verdict rule rule_at set pattern pattern_at "
        "tls tls_reason tls_at auth").split()

CONFIG = """\
listeners = ( { address = "127.0.0.1"; port = 3128; } );
@include "webex.conf"
destinations = {
  web = { domains = [ "*.web.test", "*.webex.com" ]; };
  bank = { domains = [ "*.bank.test" ]; };
  plain = { domains = [ "*.plain.test" ]; };
  secret = { domains = [ "www.web.test/secret*" ]; };
};
sources = { nodes = { addresses = [ "10.40.0.0/28" ]; }; };
rules = (
  { name = "secret"; to = [ "secret" ]; action = "deny"; },
  { name = "plain"; to = [ "plain" ]; action = "allow"; tls = "tunnel"; },
  { name = "web"; to = [ "web", "bank", "webex-media" ]; action = "allow"; }
);
inspection = { enabled = true; ca_certificate = "ca/ca.pem";
  ca_key = "ca/ca.key";
  never = [ "bank" ]; never_from = [ "nodes" ]; };
dns = { hosts = "hosts"; };
"""


def run(*args, cwd):
    done = subprocess.run([BINARY, *map(str, args)], cwd=cwd, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    assert run("ca", "init", "ca", cwd=tmp_path).returncode == 0
    (tmp_path / "webex.conf").write_text((ROOT / "conf" / "webex.conf").read_text())
    (tmp_path / "hosts").write_text("23.89.1.1 media.web.test\n")
    (tmp_path / "t.conf").write_text(CONFIG)
    return tmp_path


def line_of(folder, name, text):
    lines = (folder / name).read_text().splitlines()
    return f"{name}:{1 + next(i for i, line in enumerate(lines) if text in line)}"


def check(folder, old="", new=""):
    (folder / "t.conf").write_text(CONFIG.replace(old, new) if old else CONFIG)
    return run("check", "-c", "t.conf", cwd=folder)


def ask(folder, *args):
    done = run("explain", "-c", "t.conf", "--json", *args, cwd=folder)
    assert done.stderr == ""
    row = json.loads(done.stdout)
    assert list(row) == [key for key in KEYS if key in row]
    return row, done.returncode


def test_a_ca_that_can_sign_is_sound(folder):
    done = check(folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "ok: " in done.stdout


def test_a_ca_that_ends_soon_is_told_of(folder):
    """By the rule of `ca show`."""
    assert run("ca", "init", "--days", "60", "short", cwd=folder).returncode == 0
    done = check(folder, "ca/ca", "short/ca")
    assert done.returncode == 0 and ", 1 warning" in done.stdout
    at = line_of(folder, "t.conf", "ca_certificate")
    assert re.fullmatch(f"sallyport: {at}: warning: short/ca.pem: it expires in (59|60) days; "
                        "'sallyport ca rotate' changes over to a new one\n", done.stderr)


# A CA that may issue for some hosts alone

def limit(folder, *options):
    """The CA of the configuration is one with these options from now on."""
    shutil.rmtree(folder / "ca")
    assert run("ca", "init", *options, "ca", cwd=folder).returncode == 0


@pytest.mark.parametrize("options, words", [
    (["--permit", "corp.test", "--permit", "web.test"],
     "issue certificates for corp.test, web.test alone, and rules inspect more than that"),
    (["--exclude", "web.test"], "not issue certificates for web.test, and rules inspect"),
])
def test_a_ca_that_may_not_issue_for_all_that_is_inspected(folder, options, words):
    limit(folder, *options)
    done = check(folder)
    assert done.returncode == 0 and ", 1 warning" in done.stdout
    at = line_of(folder, "t.conf", "ca_certificate")
    assert done.stderr.startswith(f"sallyport: {at}: warning: ca/ca.pem: the CA may {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("old, new", [
    ('"*.web.test", "*.webex.com" ]', '"*.web.test", "a.web.test", "b.web.test/path" ]'),
    ("enabled = true;", 'enabled = true; default = "tunnel";'),
])
def test_where_it_may_issue_for_all_of_it_nothing_is_said(folder, old, new):
    limit(folder, "--permit", "web.test")
    done = check(folder, old, new)
    assert done.returncode == 0 and done.stderr == ""


def test_a_rule_that_inspects_beyond_it_is_told_of(folder):
    limit(folder, "--permit", "web.test")
    done = check(folder, 'action = "allow"; }\n);\ninspection = { enabled = true;',
                 'action = "allow"; tls = "inspect"; }\n);\n'
                 'inspection = { default = "tunnel"; enabled = true;')
    assert "the CA may issue certificates for web.test alone" in done.stderr


@pytest.mark.parametrize("host, sni, is_beyond", [
    ("a.web.test", None, False), ("www.webex.com", None, True), ("a.plain.test", None, False),
    ("amcs1.webex.com", None, False), ("93.184.216.1", None, True),
    ("93.184.216.1", "a.web.test", False), ("www.webex.com", "a.web.test", True)])
def test_explain_knows_for_whom_it_may_issue(folder, host, sni, is_beyond):
    limit(folder, "--permit", "web.test")
    check(folder, '"*.webex.com" ];', '"*.webex.com" ]; addresses = [ "93.184.216.0/24" ];')
    args = ["--sni", sni] if sni else []
    row, status = ask(folder, *args, host)
    assert (row["verdict"], status) == ("allow", 0)
    reason = "the CA's name constraints forbid it"
    assert (row["tls_reason"] == reason) == is_beyond
    if is_beyond:
        assert row["tls"] == "inspect"
    said = run("explain", "-c", "t.conf", *args, host, cwd=folder).stdout
    wanted = rf"\n +leaf +none +{reason} \(ca/ca\.pem\): clients get an alert\n"
    assert bool(re.search(wanted, said)) == is_beyond


def test_an_rsa_leaf_key_is_sound(folder):
    done = check(folder, "enabled = true;", 'enabled = true; leaf_key = "rsa";')
    assert done.returncode == 0 and done.stderr == ""


def refused(folder, done):
    """The text of the one error, which stands where ca_key does."""
    assert done.returncode == 1
    assert done.stdout == "t.conf: 1 error\n"
    errors = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    assert len(errors) == 1, done.stderr
    at = line_of(folder, "t.conf", "ca_key")
    assert errors[0].startswith(f"sallyport: {at}: ca_key: "), errors
    return errors[0]


def test_the_key_of_another_ca_is_found_out(folder):
    assert run("ca", "init", "other", cwd=folder).returncode == 0
    assert "BEGIN" not in refused(folder, check(folder, "ca/ca.key", "other/ca.key"))


def test_a_key_that_is_none_is_found_out(folder):
    (folder / "ca.key").write_text("open sesame\n")
    (folder / "ca.key").chmod(0o600)
    assert "sesame" not in refused(folder, check(folder, "ca/ca.key", "ca.key"))


def test_a_token_that_is_not_there_is_found_out(folder):
    text = refused(folder, check(folder, "ca/ca.key",
                                 "pkcs11:token=none;object=ca?pin-value=1234567"))
    assert "1234567" not in text


def test_where_inspection_is_off_no_key_is_tried(folder):
    done = check(folder, "enabled = true;", "enabled = false;")
    assert done.returncode == 0
    (folder / "ca" / "ca.key").unlink()
    assert run("check", "-c", "t.conf", cwd=folder).returncode == 0


def test_a_rule_that_would_inspect_what_is_exempt_is_an_error(folder):
    done = check(folder, 'name = "web"; to = [ "web", "bank", "webex-media" ]; action = "allow";',
                 'name = "web"; to = [ "webex-uninspectable" ]; action = "allow"; '
                 'tls = "inspect";')
    assert done.returncode == 1
    at = line_of(folder, "t.conf", 'name = "web"')
    assert done.stderr.startswith(f"sallyport: {at}: "), done.stderr
    assert "set webex-uninspectable is never inspected, whatever the configuration" in done.stderr
    (folder / "t.conf").write_text((folder / "t.conf").read_text().replace(
        'never = [ "bank" ]', 'never = [ "webex-uninspectable" ]'))
    done = run("check", "-c", "t.conf", cwd=folder)
    assert "set webex-uninspectable is in inspection.never: it is never" in done.stderr


GLOB_AT = ("webex.conf", '"*mcs*.webex.com"')


@pytest.mark.parametrize("host", ["amcs1.webex.com", "mcs.webex.com", "a.b.mcs.c.webex.com",
                                  "AMCS1.WEBEX.COM.", "acb1.webex.com", "amcc1.webex.com"])
def test_an_exempt_name_shows_its_line(folder, host):
    row, status = ask(folder, host)
    assert (row["verdict"], row["rule"], status) == ("allow", "web", 0)
    assert (row["tls"], row["tls_reason"]) == ("tunnel", "never: webex-uninspectable")
    assert row["tls_at"] == line_of(folder, *GLOB_AT)


@pytest.mark.parametrize("host", ["www.webex.com", "amc1.webex.com", "webex.com", "a.web.test"])
def test_a_name_just_outside_is_inspected(folder, host):
    row, status = ask(folder, host)
    assert (row["tls"], row["tls_reason"], status) == ("inspect", "inspection.default", 0)
    assert "tls_at" not in row


@pytest.mark.parametrize("args, reason, text", [
    (["media.web.test"], "never: webex-media", '"23.89.0.0/16"'),
    (["23.89.1.2"], "never: webex-media", '"23.89.0.0/16"'),
    (["a.bank.test"], "never: bank", "bank = {"),
    (["--from", "10.40.0.3", "a.web.test"], "never_from: nodes", "nodes = {"),
    (["a.plain.test"], "tls of the rule", 'name = "plain"'),
])
def test_the_line_that_keeps_a_tunnel_closed(folder, args, reason, text):
    row, status = ask(folder, *args)
    assert (row["tls"], row["tls_reason"], status) == ("tunnel", reason, 0)
    name = "webex.conf" if "media" in reason else "t.conf"
    assert row["tls_at"] == line_of(folder, name, text)


def test_an_exemption_for_people(folder):
    done = run("explain", "-c", "t.conf", "amcs1.webex.com", cwd=folder)
    at = line_of(folder, *GLOB_AT)
    assert (f"tls      tunnel       exempt: '*mcs*.webex.com' of webex-uninspectable ({at}), "
            "which always holds\n") in done.stdout
    at = line_of(folder, "t.conf", "bank = {")
    done = run("explain", "-c", "t.conf", "a.bank.test", cwd=folder)
    assert f"exempt: '*.bank.test' of bank ({at}), in inspection.never\n" in done.stdout
    done = run("explain", "-c", "t.conf", "--from", "10.40.0.3", "a.web.test", cwd=folder)
    at = line_of(folder, "t.conf", "nodes = {")
    assert f"exempt: the source nodes ({at}), in inspection.never_from\n" in done.stdout


@pytest.mark.parametrize("host, sni, tls", [
    ("a.web.test", "a.web.test", "inspect"),
    ("a.web.test", "A.WEB.TEST.", "inspect"),
    ("a.plain.test", "b.plain.test", "tunnel"),
    ("a.plain.test", "a.web.test", "inspect"),
    ("a.web.test", "a.plain.test", "inspect"),
    ("a.web.test", "amcs1.webex.com", "inspect"),
    ("a.web.test", "a.bank.test", "inspect"),
    ("a.bank.test", "a.web.test", "tunnel"),
])
def test_a_name_in_the_hello_adds_inspection_and_takes_none_away(folder, host, sni, tls):
    row, status = ask(folder, "--sni", sni, host)
    assert (row["sni"], row["verdict"], row["tls"], status) == (sni, "allow", tls, 0)


@pytest.mark.parametrize("host", ["a.web.test", "a.bank.test", "amcs1.webex.com", "23.89.1.2"])
@pytest.mark.parametrize("sni, reason", [
    ("evil.test", "the SNI evil.test: no rule allows it"),
    ("a b", "the SNI is no host name"), ("a..b", "the SNI is no host name"),
    ("2001:db8::1", "the SNI is no host name"),
])
def test_a_name_in_the_hello_that_is_not_allowed(folder, host, sni, reason):
    row, status = ask(folder, "--sni", sni, host)
    assert (row["verdict"], row["tls_reason"], status) == ("deny", reason, 1)
    assert "rule" not in row and "tls" not in row
    done = run("explain", "-c", "t.conf", "--sni", sni, host, cwd=folder)
    assert done.stdout.startswith("deny   CONNECT ") and reason + "\n" in done.stdout


def test_the_request_inside_is_judged(folder):
    row, status = ask(folder, "https://www.web.test/secret/plan?x=1")
    assert (row["verdict"], row["rule"], row["pattern"], status) == (
        "deny", "secret", "www.web.test/secret*", 1)
    assert row["tls"] == "inspect"
    row, status = ask(folder, "https://www.web.test/public")
    assert (row["verdict"], row["rule"], status) == ("allow", "web", 0)
    row, status = ask(folder, "--from", "10.40.0.3", "https://www.web.test/secret/plan")
    assert (row["verdict"], row["tls"], status) == ("allow", "tunnel", 0)
    row, status = ask(folder, "www.web.test:443")
    assert (row["verdict"], row["tls"], status) == ("allow", "inspect", 0)


def test_the_request_inside_for_people(folder):
    done = run("explain", "-c", "t.conf", "https://www.web.test/secret", cwd=folder)
    assert done.returncode == 1
    assert "inside   GET /secret " in done.stdout
