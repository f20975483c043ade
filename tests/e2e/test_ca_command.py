# SPDX-License-Identifier: MIT
"""`sallyport ca`: what it makes is taken by those who verify certificates, and a change-over
passes through states in which no client meets a CA that it was not given."""
import fcntl
import json
import os
import re
import shutil
import stat
import subprocess
import time

import pytest

from lib import leaves
from lib.leaves import CLIENTS, openssl

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get("SALLYPORT_BIN", os.path.join(ROOT, "build", "sallyport")))
DAY = 86400


def ca(*words, **options):
    done = subprocess.run([BINARY, "ca", *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, **options)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done


def done(*words, **options):
    result = ca(*words, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(status, text, *words):
    result = ca(*words)
    assert result.returncode == status, (result.stdout, result.stderr)
    assert re.search(text, result.stderr), result.stderr
    return result


def show(path):
    """The JSON objects of `ca show`, by their roles where there are some."""
    result = ca("show", "--json", path)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {row.get("role", i): row for i, row in enumerate(rows)}


def names(folder):
    return sorted(os.listdir(folder))


def contents(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def certificates(path):
    return re.findall(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n",
                      path.read_text())


def age(days, *paths):
    for path in paths:
        os.utime(path, (time.time() - days * DAY,) * 2)


def public_key(path, is_certificate):
    words = ["x509", "-pubkey", "-noout"] if is_certificate else ["pkey", "-pubout"]
    is_done, said = openssl(*words, "-in", path)
    assert is_done, said
    return said


def is_pair(folder, stem="ca"):
    return public_key(folder / f"{stem}.pem", True) == public_key(folder / f"{stem}.key", False)


@pytest.fixture
def made(tmp_path):
    """A folder with a CA."""
    done("init", "--name", "Test CA", tmp_path / "ca")
    return tmp_path / "ca"


# What init makes

def test_what_is_made(tmp_path):
    folder = tmp_path / "ca"
    said = done("init", "--name", "J\u00fcrgen's CA", "--organization", "Example, Inc.", folder,
                umask=0)
    assert names(folder) == ["ca-bundle.pem", "ca.key", "ca.pem"]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    modes = {name: stat.S_IMODE(os.stat(folder / name).st_mode) for name in names(folder)}
    assert modes == {"ca-bundle.pem": 0o644, "ca.key": 0o600, "ca.pem": 0o644}
    assert is_pair(folder)
    assert (folder / "ca.key").read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert (folder / "ca-bundle.pem").read_bytes() == (folder / "ca.pem").read_bytes()
    text = openssl("x509", "-in", folder / "ca.pem", "-noout", "-text", "-nameopt",
                   "RFC2253,-esc_msb")[1]
    assert "Subject: CN=J\u00fcrgen's CA,O=Example\\, Inc." in text
    for line in ("Version: 3 (0x2)", "Signature Algorithm: ecdsa-with-SHA256", "NIST CURVE: P-256",
                 "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0\n",
                 "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
                 "X509v3 Subject Key Identifier: \n", "X509v3 Authority Key Identifier: \n"):
        assert line in text, line
    assert "X509v3 Name Constraints" not in text
    for word in ("Windows", "macOS", "Firefox", "Java", "Android", "iOS", "Cisco's support",
                 str(folder / "ca.pem")):
        assert word in said
    assert "PRIVATE KEY" not in said


def test_a_root_by_itself_is_strictly_fine(made):
    is_fine, said = openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", made / "ca.pem",
                            made / "ca.pem")
    assert is_fine, said


def test_rsa(tmp_path):
    done("init", "--rsa", tmp_path / "ca")
    text = openssl("x509", "-in", tmp_path / "ca" / "ca.pem", "-noout", "-text")[1]
    assert "Public-Key: (3072 bit)" in text and "sha256WithRSAEncryption" in text
    leaf = leaves.issue(tmp_path, "leaf", tmp_path / "ca/ca.pem", tmp_path / "ca/ca.key",
                        "DNS:www.corp.example")
    assert leaves.verify(leaf, tmp_path / "ca" / "ca.pem")[0]
    assert leaves.python(leaf, "www.corp.example", tmp_path / "ca" / "ca.pem", tmp_path)[0]


@pytest.mark.parametrize("days", [1, 1826, 7305])
def test_days(tmp_path, days):
    before = int(time.time())
    done("init", *([] if days == 1826 else ["--days", days]), tmp_path)
    row = show(tmp_path)["current"]
    start, end = [time.mktime(time.strptime(row[key], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
                  for key in ("not_before", "not_after")]
    assert -60 <= before - DAY - start <= 0 and end - start == (days + 1) * DAY


@pytest.mark.parametrize("words,text", [
    (["--days", "0"], "from 1 to 7305"), (["--days", "7306"], "from 1 to 7305"),
    (["--days", "x"], "from 1 to 7305"), (["--days", "-1"], "from 1 to 7305"),
    (["--name", ""], "--name is empty"), (["--name", "x" * 65], "longer than 64"),
    (["--name", "a\nb"], "control characters"), (["--organization", " x"], "space"),
    (["--permit", ""], "no domain"),
    (["--permit", "10.0.0.1/8"], "'10.0.0.1/8' is no range of addresses: it has bits beyond its "
                                 "length; 10.0.0.0/8 is the range that it is in"),
    (["--exclude", "2001:db8::1/33"], "2001:db8::/33 is the range that it is in"),
    (["--exclude", "::ffff:10.0.0.1/104"], "10.0.0.0/8 is the range that it is in"),
    (["--permit", "10.0.0.0/33"], "its length is no number from 0 to 32"),
    (["--permit", "2001:db8::/"], "its length is no number from 0 to 128"),
    (["--permit", "0x7f.1"], "an address in a form"),
    (["--permit", "*mcs*.webex.com"], "no domain"), (["--exclude", ".corp.example"], "no domain"),
    (["--exclude", "a b"], "no domain"), (["--rsa", "--ec"], "exclude each other"),
    (["--bits", "512"], "no such option"),
    (["more"], "one DIR"), (["--rsa=x"], "no such option"),
])
def test_bad_options(tmp_path, words, text):
    refused(2, text, "init", *words, tmp_path / "ca")
    assert names(tmp_path) == []


def test_usage():
    refused(2, "one DIR", "init")
    refused(2, "lacks its value", "init", "x", "--name")
    refused(2, "lacks its value", "show", "--key")
    refused(2, "init, show or rotate")
    refused(2, "init, show or rotate", "make")
    refused(2, "one FILE or DIR", "show", "a", "b")
    refused(2, "exclude each other", "rotate", "--commit", "--cancel", "x")
    refused(2, "when it is made", "rotate", "--commit", "--name", "x", "x")
    for words in ([], ["init"], ["show"], ["rotate"]):
        assert done(*words, "--help").startswith("usage: sallyport ca")


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "ca-next.pem", "ca-next.key",
                                  "ca-previous.pem", "ca-bundle.pem"])
@pytest.mark.parametrize("kind", ["text", "key", "dangling"])
def test_nothing_is_overwritten(tmp_path, made, name, kind):
    folder = tmp_path / "other"
    folder.mkdir(mode=0o700)
    if kind == "dangling":
        (folder / name).symlink_to("nowhere")
    elif kind == "key":
        shutil.copy(made / "ca.key", folder / name)
    else:
        (folder / name).write_text("something\n")
    result = ca("init", folder)
    assert result.returncode == 1 and str(folder) in result.stderr, result.stderr
    assert names(folder) == [name]


def test_init_twice(made):
    before = contents(made)
    refused(1, r"ca\.pem: is there already; nothing is overwritten", "init", made)
    assert contents(made) == before


def test_where_it_cannot_be_made(tmp_path):
    refused(1, "No such file", "init", tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    refused(1, "is no folder", "init", tmp_path / "file")


def test_a_folder_that_others_can_write_is_warned_of(tmp_path):
    tmp_path.chmod(0o777)
    assert "others may write to this folder" in ca("init", tmp_path).stderr
    assert "others may write to this folder" in ca("show", tmp_path).stderr
    tmp_path.chmod(0o755)
    assert ca("show", tmp_path).stderr == ""


# Who takes its leaves

def clients(*without):
    """Those that are installed; Node need not be."""
    missing = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
    return [pytest.param(name, marks=[missing] if name == "node" else [])
            for name in CLIENTS if name not in without]


@pytest.mark.parametrize("client", clients())
def test_clients_take_its_leaves(tmp_path, made, client):
    leaf = leaves.issue(tmp_path, "leaf", made / "ca.pem", made / "ca.key",
                        "DNS:www.corp.example,IP:127.0.0.1")
    assert leaves.verify(leaf, made / "ca.pem")[0]
    is_taken, said = CLIENTS[client](leaf, "www.corp.example", made / "ca.pem", tmp_path)
    assert is_taken, said
    done("init", "--name", "Test CA", tmp_path / "other")  # of the same name
    is_taken, said = CLIENTS[client](leaf, "www.corp.example", tmp_path / "other" / "ca.pem",
                                     tmp_path)
    assert not is_taken, said


CONSTRAINTS = ["--permit", "*.Corp.Example", "--permit", "127.0.0.0/8", "--permit", "2001:db8::/32",
               "--permit", "b\u00fccher.example", "--exclude", "secret.corp.example",
               "--exclude", "127.9.0.0/16"]
INSIDE = ["DNS:corp.example", "DNS:www.corp.example", "DNS:a.b.corp.example",
          "DNS:*.corp.example", "IP:127.0.0.1", "IP:2001:db8::1", "DNS:xn--bcher-kva.example",
          "DNS:notsecret.corp.example"]
OUTSIDE = ["DNS:other.example", "DNS:xcorp.example", "DNS:example", "DNS:corp.example.org",
           "DNS:secret.corp.example", "DNS:www.secret.corp.example", "IP:10.0.0.1",
           "IP:127.9.0.1", "IP:2001:db9::1", "DNS:www.corp.example,DNS:other.example",
           "DNS:www.corp.example,IP:10.0.0.1"]


@pytest.fixture(scope="module")
def constrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("constrained") / "ca"
    done("init", *CONSTRAINTS, folder)
    return folder


@pytest.mark.parametrize("subject,is_inside",
                         [(n, True) for n in INSIDE] + [(n, False) for n in OUTSIDE])
def test_constraints_hold(tmp_path, constrained, subject, is_inside):
    leaf = leaves.issue(tmp_path, "leaf", constrained / "ca.pem", constrained / "ca.key", subject)
    is_fine, said = leaves.verify(leaf, constrained / "ca.pem")
    assert is_fine == is_inside, said
    if not is_inside:
        assert re.search("permitted subtree violation|excluded subtree violation", said)


# Java's validation does not apply the constraints of a root that it trusts.
@pytest.mark.parametrize("client", clients("java"))
def test_clients_hold_it_to_its_constraints(tmp_path, constrained, client):
    def ask(stem, subject, name):
        leaf = leaves.issue(tmp_path, stem, constrained / "ca.pem", constrained / "ca.key", subject)
        return CLIENTS[client](leaf, name, constrained / "ca.pem", tmp_path)

    is_taken, said = ask("in", "DNS:www.corp.example,IP:127.0.0.1", "www.corp.example")
    assert is_taken, said
    is_taken, said = ask("out", "DNS:www.other.example,IP:127.0.0.1", "www.other.example")
    assert not is_taken, said
    is_taken, said = ask("not", "DNS:secret.corp.example,IP:127.0.0.1", "secret.corp.example")
    assert not is_taken, said


def test_java_takes_a_constrained_ca(tmp_path, constrained):
    leaf = leaves.issue(tmp_path, "leaf", constrained / "ca.pem", constrained / "ca.key",
                        "DNS:www.corp.example")
    is_taken, said = leaves.java(leaf, "www.corp.example", constrained / "ca.pem", tmp_path)
    assert is_taken, said


@pytest.mark.parametrize("permit,inside,outside", [
    ("corp.example", "DNS:corp.example", ["IP:127.0.0.1", "IP:::1"]),
    ("127.0.0.0/8", "IP:127.0.0.1", ["DNS:corp.example", "IP:::1"]),
])
def test_permitting_one_kind_closes_the_other(tmp_path, permit, inside, outside):
    done("init", "--permit", permit, tmp_path / "ca")
    for subject in [inside, *outside]:
        leaf = leaves.issue(tmp_path, "leaf", tmp_path / "ca/ca.pem", tmp_path / "ca/ca.key",
                            subject)
        assert leaves.verify(leaf, tmp_path / "ca/ca.pem")[0] == (subject == inside), subject


# show

def test_show_says_what_openssl_says(constrained):
    row, = show(constrained).values()
    pem = constrained / "ca.pem"
    for key, option in (("sha256", "-sha256"), ("sha1", "-sha1")):
        said = openssl("x509", "-in", pem, "-noout", "-fingerprint", option)[1]
        assert said.strip().partition("=")[2] == row[key]
    assert openssl("x509", "-in", pem, "-noout", "-serial")[1].strip().partition("=")[2] == \
        row["serial"].replace(":", "")
    dates = openssl("x509", "-in", pem, "-noout", "-dates", "-dateopt", "iso_8601")[1]
    assert dates.replace(" ", "T").splitlines() == [f"notBefore={row['not_before']}",
                                                    f"notAfter={row['not_after']}"]
    said = openssl("x509", "-in", pem, "-noout", "-subject", "-nameopt", "RFC2253")[1]
    assert said.strip() == f"subject={row['subject']}"
    assert row["permitted"] == ["corp.example", "127.0.0.0/8", "2001:db8::/32",
                                "xn--bcher-kva.example"]
    assert row["excluded"] == ["secret.corp.example", "127.9.0.0/16"]
    assert (row["key"], row["ca"], row["path_length"], row["private_key"], row["expired"]) == \
        ("EC P-256", True, 0, True, False)
    assert (row["state"], row["errors"], row["warnings"]) == ("steady", [], [])
    text = done("show", constrained)
    for value in (row["sha256"], row["sha1"], row["serial"], row["subject"], "127.9.0.0/16",
                  "State: one CA"):
        assert value in text
    assert done("show", constrained / "ca.pem").count("SHA-256") == 1


def test_show_of_a_key_that_does_not_match(tmp_path, made):
    done("init", tmp_path / "other")
    assert "is the certificate's" in done("show", "--key", made / "ca.key", made / "ca.pem")
    refused(1, f"{tmp_path}/other/ca.key: is not the private key of {made}/ca.pem", "show",
            "--key", tmp_path / "other" / "ca.key", made / "ca.pem")
    shutil.copy(tmp_path / "other" / "ca.key", made / "ca.key")
    refused(1, f"{made}/ca.key: is not the private key of {made}/ca.pem", "show", made)
    refused(2, f"{made}/ca.key: is not the private key of {made}/ca.pem", "rotate", made)
    assert show(made)["current"]["private_key"] is False


@pytest.mark.parametrize("spoil,text", [
    (lambda key: key.unlink(), "ca.key: there is no such file"),
    (lambda key: key.write_text(""), "ca.key: holds no private key"),
    (lambda key: key.write_text(key.read_text()[:60]), "ca.key: holds no private key"),
    (lambda key: key.write_text(openssl("pkey", "-in", key, "-aes128", "-passout", "pass:x")[1]),
     "ca.key: the key is encrypted"),
    (lambda key: (key.unlink(), key.mkdir()), "ca.key: is not a regular file"),
    (lambda key: key.chmod(0o644), "ca.key: has mode 0644"),
])
def test_show_of_a_bad_key_file(made, spoil, text):
    spoil(made / "ca.key")
    refused(1, text, "show", made)
    if "mode" not in text:
        before = names(made)
        refused(2, text, "rotate", made)
        assert names(made) == before


def test_show_of_what_is_no_certificate(tmp_path, made):
    refused(2, "ca.key: holds no certificate", "show", made / "ca.key")
    refused(2, "none: there is no such file", "show", tmp_path / "none")
    refused(2, "ca.pem: there is no such file", "show", tmp_path)
    refused(2, "ca.pem: there is no such file", "rotate", tmp_path)
    (made / "ca.pem").write_text((made / "ca.pem").read_text()[:300])
    refused(2, "ca.pem: holds a certificate that cannot be read", "show", made)


def test_show_of_a_leaf(tmp_path, made):
    leaf = leaves.issue(tmp_path, "leaf", made / "ca.pem", made / "ca.key", "DNS:corp.example")
    refused(1, "leaf.pem: it is no CA", "show", leaf)


def test_show_of_a_token_without_a_provider(made):
    result = refused(1, "no provider of OpenSSL for PKCS#11", "show", "--key",
                     "pkcs11:object=ca?pin-value=4711", made / "ca.pem")
    assert "4711" not in result.stderr + result.stdout


def make_dated(folder, start, end):
    """A CA of OpenSSL's own with these dates (YYYYMMDDHHMMSSZ) as ca.pem and ca.key."""
    folder.mkdir()
    for name in ("index", "index.attr"):
        (folder / name).write_text("")
    (folder / "serial").write_text("1000\n")
    (folder / "cnf").write_text(
        f"[ca]\ndefault_ca=x\n[x]\nnew_certs_dir={folder}\ndatabase={folder}/index\n"
        f"serial={folder}/serial\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n"
        "[p]\ncommonName=supplied\n[e]\nbasicConstraints=critical,CA:TRUE\n"
        "keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n")
    key = folder / "ca.key"
    for words in (["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                  ["req", "-new", "-key", key, "-subj", "/CN=Dated", "-out", folder / "csr"],
                  ["ca", "-batch", "-config", folder / "cnf", "-selfsign", "-keyfile", key,
                   "-in", folder / "csr", "-out", folder / "ca.pem", "-notext",
                   "-startdate", start, "-enddate", end]):
        is_done, said = openssl(*words)
        assert is_done, said
    key.chmod(0o600)


def test_show_of_an_expired_ca(tmp_path):
    make_dated(tmp_path / "ca", "20200101000000Z", "20210101000000Z")
    refused(1, "ca.pem: it expired at 2021-01-01T00:00:00Z", "show", tmp_path / "ca")
    row = show(tmp_path / "ca")["current"]
    assert row["expired"] is True and row["errors"] == ["it expired at 2021-01-01T00:00:00Z"]


def test_show_of_a_ca_of_the_future(tmp_path):
    make_dated(tmp_path / "ca", "20900101000000Z", "20910101000000Z")
    refused(1, "not valid before 2090-01-01T00:00:00Z", "show", tmp_path / "ca")


def test_show_warns_of_the_end(tmp_path):
    done("init", "--days", 60, tmp_path / "ca")
    result = ca("show", tmp_path / "ca")
    assert result.returncode == 0
    assert re.search(r"ca\.pem: warning: it expires in (59|60) days", result.stderr)


# rotate

def check_clients(folder, leaf):
    """Whoever has the bundle takes the leaf."""
    is_fine, said = leaves.verify(leaf, folder / "ca-bundle.pem")
    assert is_fine, said


def test_a_change_over(tmp_path, made):
    def issue(stem):
        return leaves.issue(tmp_path, stem, made / "ca.pem", made / "ca.key", "DNS:corp.example")

    old = (made / "ca.pem").read_bytes()
    first = issue("first")
    # published: the old one signs, both are in the bundle
    said = done("rotate", made)
    assert "does not sign yet" in said and "rotate --commit" in said and "Windows" in said
    assert names(made) == ["ca-bundle.pem", "ca-next.key", "ca-next.pem", "ca.key", "ca.pem"]
    assert (made / "ca.pem").read_bytes() == old and is_pair(made) and is_pair(made, "ca-next")
    assert stat.S_IMODE(os.stat(made / "ca-next.key").st_mode) == 0o600
    assert len(certificates(made / "ca-bundle.pem")) == 2
    rows = show(made)
    assert rows["current"]["subject"] == "CN=Test CA" and rows["next"]["subject"] == "CN=Test CA G2"
    assert rows["next"]["state"] == "published"
    # not before clients have had time
    before = contents(made)
    refused(1, "would be cut off; --commit", "rotate", made)
    age(29, made / "ca-next.pem", made / "ca-bundle.pem")
    refused(1, "published 29 days ago.*--commit", "rotate", made)
    age(31, made / "ca-next.pem")
    refused(1, "would be cut off", "rotate", made)  # the bundle counts as well
    refused(1, "no old CA is waiting", "rotate", "--finish", made)
    refused(1, "under way", "rotate", "--name", "x", made)
    assert contents(made) == before
    # in force
    said = done("rotate", "--commit", made)
    assert "reload every proxy" in said and "rotate --finish" in said
    assert names(made) == ["ca-bundle.pem", "ca-previous.pem", "ca.key", "ca.pem"]
    assert (made / "ca-previous.pem").read_bytes() == old
    assert (made / "ca.pem").read_bytes() == before["ca-next.pem"] and is_pair(made)
    assert len(certificates(made / "ca-bundle.pem")) == 2
    rows = show(made)
    assert rows["current"]["state"] == "changed" and "private_key" not in rows["previous"]
    second = issue("second")
    for leaf in (first, second):
        check_clients(made, leaf)
    # the old one goes
    refused(1, "would be cut off; --finish", "rotate", made)
    refused(1, "changed already", "rotate", "--commit", made)
    refused(1, "changed already", "rotate", "--cancel", made)
    assert "State: one CA" in done("rotate", "--finish", made)
    assert names(made) == ["ca-bundle.pem", "ca.key", "ca.pem"]
    check_clients(made, second)
    assert not leaves.verify(first, made / "ca-bundle.pem")[0]
    refused(1, "no next CA is published", "rotate", "--commit", made)
    refused(1, "no next CA is published", "rotate", "--cancel", made)
    # and again
    done("rotate", made)
    assert show(made)["next"]["subject"] == "CN=Test CA G3"


def test_steps_that_are_due(made):
    done("rotate", made)
    age(30, made / "ca-next.pem", made / "ca-bundle.pem")
    assert "was changed 0 days ago" in done("rotate", made)
    age(30, made / "ca-previous.pem")
    assert "State: one CA" in done("rotate", made)


def test_cancel(made):
    before = contents(made)
    done("rotate", made)
    assert "State: one CA" in done("rotate", "--cancel", made)
    assert contents(made) == before


def test_the_next_is_like_the_current(tmp_path):
    done("init", "--rsa", "--days", 400, "--name", "Web G9", "--organization", "Example",
         "--permit", "corp.example", "--exclude", "a.corp.example", tmp_path / "ca")
    done("rotate", tmp_path / "ca")
    rows = show(tmp_path / "ca")
    current, following = rows["current"], rows["next"]
    assert following["subject"] == "CN=Web G10,O=Example"
    for key in ("permitted", "excluded", "key", "path_length"):
        assert following[key] == current[key], key
    assert following["key"] == "RSA 3072" and following["permitted"] == ["corp.example"]
    assert following["not_after"][:10] == current["not_after"][:10]
    done("rotate", "--cancel", tmp_path / "ca")
    done("rotate", "--ec", "--days", 30, "--name", "Other", "--organization", "New",
         "--exclude", "b.example", tmp_path / "ca")
    following = show(tmp_path / "ca")["next"]
    assert following["subject"] == "CN=Other,O=New" and following["key"] == "EC P-256"
    assert following["permitted"] == [] and following["excluded"] == ["b.example"]


def test_a_name_that_cannot_count_up(tmp_path):
    done("init", "--name", "x" * 63, tmp_path / "ca")
    before = contents(tmp_path / "ca")
    refused(1, "longer than 64 characters; --name", "rotate", tmp_path / "ca")
    assert contents(tmp_path / "ca") == before


def test_an_expired_ca_is_changed_at_once(tmp_path):
    make_dated(tmp_path / "ca", "20200101000000Z", "20210101000000Z")
    done("rotate", tmp_path / "ca")
    done("rotate", tmp_path / "ca")  # nobody takes leaves of the old one: no day to wait for
    assert "State: one CA" in done("rotate", tmp_path / "ca")
    assert ca("show", tmp_path / "ca").returncode == 0


def test_a_next_ca_that_is_unfit_is_not_put_in_force(tmp_path, made):
    make_dated(tmp_path / "old", "20200101000000Z", "20210101000000Z")
    shutil.copy(tmp_path / "old" / "ca.pem", made / "ca-next.pem")
    refused(1, "ca-next.key: there is no such file", "rotate", "--commit", made)
    shutil.copy(made / "ca.key", made / "ca-next.key")
    refused(1, "ca-next.key: is not the private key", "rotate", "--commit", made)
    shutil.copy(tmp_path / "old" / "ca.key", made / "ca-next.key")
    refused(1, "ca-next.pem: it expired", "rotate", "--commit", made)
    refused(1, "expired", "show", made)
    assert is_pair(made)


def test_a_next_ca_put_there_by_hand_is_published_first(tmp_path, made):
    done("init", tmp_path / "other")
    for end in ("pem", "key"):
        shutil.copy(tmp_path / "other" / f"ca.{end}", made / f"ca-next.{end}")
    age(60, *(made / name for name in names(made)))
    assert "ca-bundle.pem: warning: lacks a certificate" in ca("show", made).stderr
    refused(1, "published 0 days ago", "rotate", made)
    assert len(certificates(made / "ca-bundle.pem")) == 2
    age(30, made / "ca-bundle.pem")
    done("rotate", made)
    assert is_pair(made)


def test_a_ca_of_another_ca_is_not_renewed_here(tmp_path, made):
    folder = tmp_path / "sub"
    folder.mkdir()
    leaves.issue(folder, "ca", made / "ca.pem", made / "ca.key", "DNS:corp.example")
    refused(1, "was issued by another CA", "rotate", folder)


def test_a_key_without_its_certificate_is_kept(made):
    shutil.copy(made / "ca.key", made / "ca-next.key")
    before = contents(made)
    refused(1, "ca-next.key: is there already, without its certificate", "rotate", made)
    assert contents(made) == before


def test_links_are_refused(tmp_path, made):
    shutil.move(made / "ca.key", tmp_path / "elsewhere")
    (made / "ca.key").symlink_to(tmp_path / "elsewhere")
    assert ca("show", made).returncode == 0
    refused(2, "ca.key: is a symbolic link", "rotate", made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_proxys_user_can_read_the_new_key(made):
    os.chown(made / "ca.key", 65534, 65534)
    (made / "ca.key").chmod(0o640)
    done("rotate", made)
    done("rotate", "--commit", made)
    info = os.stat(made / "ca.key")
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (65534, 65534, 0o640)


# A command that is killed

KILLER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
static void count(void)
{
    static int calls;
    if (++calls == atoi(getenv("KILL_AT")))
        raise(SIGKILL);
}
int rename(const char *a, const char *b)
{ count(); return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(a, b); }
int renameat(int x, const char *a, int y, const char *b)
{ count(); return ((int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat"))
    (x, a, y, b); }
int unlink(const char *a)
{ count(); return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(a); }
int fsync(int fd)
{ count(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
"""


@pytest.fixture(scope="module")
def killer(tmp_path_factory):
    """Runs a command that is killed at its nth change of a file; whether it was."""
    folder = tmp_path_factory.mktemp("killer")
    (folder / "killer.c").write_text(KILLER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "killer.so", folder / "killer.c"],
                   check=True)

    def run(number, *words):
        environment = {**os.environ, "LD_PRELOAD": str(folder / "killer.so"),
                       "KILL_AT": str(number),
                       "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        result = ca(*words, env=environment)
        assert result.returncode in (0, -9), result.stderr
        return result.returncode == -9

    return run


def each_kill(killer, start, tmp_path, *words):
    """A folder for each place where the command can be killed in a copy of start."""
    count = 0
    for number in range(1, 100):
        folder = tmp_path / f"killed{number}"
        if start is not None:
            shutil.copytree(start, folder)
        if not killer(number, *words, folder):
            break
        count += 1
        yield folder
    assert count >= 4


def check_trust(folder):
    """Who signs, whatever pair that is, is in the bundle."""
    key = public_key(folder / "ca.key", False)
    (folder / "one").mkdir()
    found = []
    for i, text in enumerate(certificates(folder / "ca-bundle.pem")):
        (folder / "one" / f"{i}").write_text(text)
        found.append(public_key(folder / "one" / f"{i}", True))
    shutil.rmtree(folder / "one")
    assert key in found


def check_no_leftovers(folder):
    assert all(not name.startswith(".") for name in names(folder)), names(folder)


def test_init_killed(tmp_path, killer):
    for folder in each_kill(killer, None, tmp_path, "init"):
        result = ca("init", folder)
        if result.returncode == 1:  # it had come far enough to be one
            assert re.search(r"ca\.pem: is there already", result.stderr), result.stderr
            assert ca("show", folder).returncode == 0
        else:
            assert names(folder) == ["ca-bundle.pem", "ca.key", "ca.pem"]
        assert is_pair(folder)
        assert stat.S_IMODE(os.stat(folder / "ca.key").st_mode) == 0o600


def test_publishing_killed(tmp_path, made, killer):
    old = (made / "ca.pem").read_bytes()
    for folder in each_kill(killer, made, tmp_path, "rotate"):
        assert (folder / "ca.pem").read_bytes() == old and is_pair(folder)
        check_trust(folder)
        if (folder / "ca-next.pem").exists():
            assert is_pair(folder, "ca-next")
            assert certificates(folder / "ca-next.pem")[0] in \
                certificates(folder / "ca-bundle.pem")
        else:
            done("rotate", folder)
        assert show(folder)["next"]["state"] == "published"
        done("rotate", "--commit", folder)
        check_no_leftovers(folder)


def test_commit_killed(tmp_path, made, killer):
    old = (made / "ca.pem").read_bytes()
    done("rotate", made)
    new = (made / "ca-next.pem").read_bytes()
    states = set()
    for folder in each_kill(killer, made, tmp_path, "rotate", "--commit"):
        check_trust(folder)
        state = show(folder)["current"]["state"]
        states.add(state)
        if state == "interrupted":
            assert "'sallyport ca rotate" in ca("show", folder).stdout
            refused(1, "was interrupted; --commit", "rotate", "--cancel", folder)
            done("rotate", folder)
        elif state == "published":
            assert (folder / "ca.pem").read_bytes() == old and is_pair(folder)
            done("rotate", "--commit", folder)
        assert (folder / "ca.pem").read_bytes() == new and is_pair(folder)
        assert (folder / "ca-previous.pem").read_bytes() == old
        assert len(certificates(folder / "ca-bundle.pem")) == 2
        done("rotate", "--finish", folder)
        assert [n for n in names(folder) if n[0] != "."] == ["ca-bundle.pem", "ca.key", "ca.pem"]
    assert states == {"published", "interrupted", "changed"}


@pytest.mark.parametrize("step", ["--cancel", "--finish"])
def test_cancel_and_finish_killed(tmp_path, made, killer, step):
    done("rotate", made)
    if step == "--finish":
        done("rotate", "--commit", made)
    for folder in each_kill(killer, made, tmp_path, "rotate", step):
        check_trust(folder)
        assert is_pair(folder)
        if show(folder)["current"]["state"] != "steady":
            done("rotate", step, folder)
        done("rotate", folder)  # and a change-over can begin
        assert show(folder)["next"]["state"] == "published"
        assert len(certificates(folder / "ca-bundle.pem")) == 2


def test_two_commands_at_once(tmp_path):
    """One makes the CA, the others find it."""
    running = [subprocess.Popen([BINARY, "ca", "init", tmp_path], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE) for _ in range(6)]
    said = [one.communicate(timeout=60)[1] for one in running]
    assert sorted(one.returncode for one in running) == [0, 1, 1, 1, 1, 1], said
    assert is_pair(tmp_path) and ca("show", tmp_path).returncode == 0


@pytest.mark.parametrize("words", [["init"], ["rotate"]])
def test_commands_wait_for_each_other(tmp_path, words):
    if words == ["rotate"]:
        done("init", tmp_path)
    before = contents(tmp_path)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        waiting = subprocess.Popen([BINARY, "ca", *words, tmp_path], stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        assert contents(tmp_path) == before
    finally:
        os.close(folder)
    assert waiting.wait(30) == 0
    assert len(names(tmp_path)) > len(before)
