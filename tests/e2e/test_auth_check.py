# SPDX-License-Identifier: MIT
"""`sallyport check` and the auth section: who is stranded, and what is faulty."""
import itertools
import os
import pathlib
import re
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport"))
SCHEMES = ("negotiate", "ntlm", "digest", "basic")
SUBSETS = [subset for count in range(1, 5) for subset in itertools.combinations(SCHEMES, count)]
HEAD = f"""\
listeners = ( {{ address = "127.0.0.1"; port = 3128; }} );
@include "{ROOT}/conf/webex.conf"
"""
RULES = 'rules = ( { name = "webex"; to = [ "webex" ]; action = "allow"; } );\n'
SECTIONS = """\
basic = { htpasswd = "users.htpasswd"; }; digest = { htdigest = "users.htdigest"; };
ntlm = { smbpasswd = "users.smbpasswd"; }; negotiate = { };
"""
# The passwords are "correct horse" and, of the NT hash of MS-NLMP, "Password".
FILES = {
    "users.htpasswd": "alice:$5$rounds=1000$salt$qOfjCda6YN/JiGzcA4MkoJaIXdhJzf.qd.KJPQZ7TA/\n",
    "users.htdigest": "alice:Sallyport:c7843ce1cdf960ff92eae4c445b3a1fc\n"
                      "alice:Sallyport:b8f6e93be9ff75cd84a2101116feedc6"
                      "123b48c1820cc2328435b2f12fdb4fb4\n",
    "users.smbpasswd": "alice:1000:" + "X" * 32 + ":A4F49C406510BDCAB6824EE7C30FD852:"
                       "[U          ]:LCT-00000000:\n",
}


@pytest.fixture(name="check")
def fixture_check(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(stat.S_IRUSR | stat.S_IWUSR)

    def check(text):
        (tmp_path / "t.conf").write_text(text)
        return subprocess.run([os.path.abspath(BINARY), "check", "-c", "t.conf"], cwd=tmp_path,
                              capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL)
    return check


def products_of_the_shipped_data():
    """Names and schemes of webex.products, read from the file's text."""
    text = (ROOT / "conf" / "webex.conf").read_text()
    found = re.findall(r'name = "([^"]+)";\s*auth = \[([^]]*)\];', text)
    return [(name, re.findall(r'"([a-z]+)"', schemes)) for name, schemes in found]


def products_of_the_facts():
    lines = (ROOT / "tests" / "data" / "facts" / "proxy-auth-support.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[1].split(",")) for row in rows[1:]]


def test_the_shipped_data_are_the_facts():
    assert products_of_the_shipped_data() == products_of_the_facts()
    assert len(products_of_the_facts()) == 12


@pytest.mark.parametrize("schemes", SUBSETS, ids="+".join)
def test_each_product_that_no_scheme_serves_is_named(check, schemes):
    listed = ", ".join(f'"{scheme}"' for scheme in schemes)
    done = check(HEAD + RULES + f"auth = {{\nschemes = [ {listed} ];\n{SECTIONS}}};\n")
    stranded = [name for name, can in products_of_the_facts() if not set(can) & set(schemes)]
    found = [line for line in done.stderr.splitlines() if "stranded" in line]
    expected = (f"sallyport: t.conf:5: warning: auth offers only {', '.join(schemes)}: "
                f"{', '.join(stranded)} are stranded")
    assert found == ([expected] if stranded else [])
    assert done.returncode == 0
    assert (f", {len(schemes)} authentication scheme{'s'[:len(schemes) - 1]}, 1 rule, "
            in done.stdout)


def test_an_offer_saves_them(check):
    sources = ('sources = { rooms = { addresses = [ "10.0.0.0/8" ]; '
               'product = "cisco-video-device"; }; };\n')
    auth = f'auth = {{ schemes = [ "ntlm" ];\n{SECTIONS}%s }};\n'
    before = check(HEAD + RULES + sources + auth % "")
    after = check(HEAD + RULES + sources + auth %
                  'offers = ( { from = [ "rooms" ]; schemes = [ "digest" ]; } );')
    assert "Cisco video devices" in before.stderr
    assert "Cisco video devices" not in after.stderr
    assert "Hybrid Data Security node" in after.stderr


def test_no_auth_section_strands_nobody(check):
    done = check(HEAD + RULES)
    assert done.stderr == ""
    assert "scheme" not in done.stdout


def test_a_secret_that_others_can_read_is_warned_of(tmp_path, check):
    auth = "auth = {\n" + SECTIONS + "};\n"
    assert check(HEAD + RULES + auth).stderr == ""
    for name in ("users.htdigest", "users.smbpasswd"):
        (tmp_path / name).chmod(0o640)
        done = check(HEAD + RULES + auth)
        assert done.stderr.startswith("sallyport: t.conf:")
        assert f"warning: {name} is a secret" in done.stderr and "mode 0640" in done.stderr
        assert done.stderr.count("\n") == 1 and done.returncode == 0
        (tmp_path / name).chmod(0o600)


def test_no_hash_is_ever_printed(tmp_path, check):
    """Whatever is wrong with a file of accounts, its secrets stay in it."""
    secrets = ["qOfjCda6YN", "c7843ce1cdf9", "A4F49C406510", "0123456789"]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.replace(":", " ") + text[:-2] + "%\n" + text * 2)
    (tmp_path / "secret").write_text("0123456789")
    done = check(HEAD + RULES + "auth = {\n" + SECTIONS.replace(
        '"users.htdigest";', '"users.htdigest"; secret = "secret";') + "};\n")
    assert done.returncode == 1
    assert "openssl rand -hex 32" in done.stderr
    assert not [secret for secret in secrets if secret in done.stderr + done.stdout]


def test_a_secret_that_is_missing_says_how_to_make_one(tmp_path, check):
    text = HEAD + RULES + "auth = {\n" + SECTIONS.replace(
        '"users.htdigest";', '"users.htdigest"; secret = "secret";') + "};\n"
    done = check(text)
    assert done.stderr == ("sallyport: t.conf:5: secret: secret: No such file or directory; "
                           "openssl rand -hex 32 > FILE makes one\n")
    assert done.returncode == 1
    subprocess.run("umask 077; openssl rand -hex 32 > secret", shell=True, cwd=tmp_path,
                   check=True, timeout=30)
    done = check(text)
    assert done.stderr == "" and done.returncode == 0


def test_a_keytab_is_read(tmp_path, check):
    text = HEAD + 'rules = ( { name = "all"; action = "allow"; } );\n' + (
        'auth = { negotiate = { keytab = "t.keytab"; };\nbasic = { htpasswd = "users.htpasswd"; };'
        ' };\n')
    done = check(text)
    assert "t.keytab" in done.stderr and done.returncode == 1
    subprocess.run(["ktutil"], cwd=tmp_path, text=True, timeout=30, check=True,
                   stdout=subprocess.DEVNULL,
                   input="addent -password -p HTTP/proxy.test@TEST -k 1 -e aes256-cts\n"
                         "correct horse\nwkt t.keytab\nquit\n")
    (tmp_path / "t.keytab").chmod(0o600)
    done = check(text)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (tmp_path / "t.keytab").chmod(0o644)
    assert "t.keytab is a secret" in check(text).stderr
