# SPDX-License-Identifier: MIT
"""`sallyport check`: every fault with its place, a summary, and the exit status."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport"))
LISTENER = 'listeners = ( { address = "127.0.0.1"; port = 3128; } );\n'
RULES = 'rules = ( { name = "none"; action = "deny"; } );\n'


def run(*args, cwd=None):
    return subprocess.run([os.path.abspath(BINARY), *args], cwd=cwd, capture_output=True,
                          text=True, timeout=30, stdin=subprocess.DEVNULL)


def check(folder, text):
    (folder / "t.conf").write_text(text)
    return run("check", "-c", "t.conf", cwd=folder)


def test_the_shipped_configuration_is_sound():
    done = run("check", "-c", "conf/sallyport.conf", cwd=ROOT)
    assert done.stderr == ""
    assert done.stdout == (
        "conf/sallyport.conf: ok: 7 sets, 50 domains, 5 globs, 2 URLs, 35 prefixes, 2 rules, "
        "0 warnings (Webex data of 2025-12-15)\n")
    assert done.returncode == 0


def test_every_fault_is_reported_in_the_order_of_the_lines(tmp_path):
    done = check(tmp_path, LISTENER + 'workers = "four";\n'
                 'rules = ( { name = "a"; action = "allow"; to = [ "nowhere" ]; } );\n'
                 'limit = { };\ndestinations = { a = { domains = [ "a..b" ]; }; };\n')
    lines = done.stderr.splitlines()
    assert [line.split(" ")[1] for line in lines] == [
        "t.conf:2:", "t.conf:3:", "t.conf:4:", "t.conf:5:"]
    assert lines[0] == "sallyport: t.conf:2: workers must be a number, not a string"
    assert lines[2] == "sallyport: t.conf:4: unknown key 'limit', did you mean 'limits'?"
    assert done.stdout == "t.conf: 4 errors\n"
    assert done.returncode == 1


def test_a_fault_in_an_included_file_has_the_place_of_that_file(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "in.conf").write_text("\n\nworkers = 1.5;\n")
    done = check(tmp_path, LISTENER + '@include "d/in.conf"\n' + RULES)
    assert done.stderr == ("sallyport: d/in.conf:3: workers must be a number, "
                           "not a number with a fraction\n")
    assert done.returncode == 1


def test_a_warning_is_told_and_is_no_error(tmp_path):
    done = check(tmp_path, LISTENER + RULES + "destinations = { a = { }; };\n")
    assert done.stderr == "sallyport: t.conf:3: warning: the set a holds nothing\n"
    assert done.stdout == "t.conf: ok: 1 set, 1 rule, 1 warning\n"
    assert done.returncode == 0


def test_a_rule_that_can_never_match_is_a_warning(tmp_path):
    done = check(tmp_path, LISTENER + 'destinations = { a = { domains = [ "a.test" ]; }; };\n'
                 'rules = (\n  { name = "all"; action = "deny"; },\n'
                 '  { name = "late"; to = [ "a" ]; action = "allow"; }\n);\n')
    assert done.stderr.startswith("sallyport: t.conf:5: warning: ")
    assert "late" in done.stderr and "all" in done.stderr
    assert done.stdout.endswith("2 rules, 1 warning\n")
    assert done.returncode == 0


def test_a_file_that_cannot_be_read_is_no_answer(tmp_path):
    done = run("check", "-c", "none.conf", cwd=tmp_path)
    assert done.stderr == "sallyport: none.conf: No such file or directory\n"
    assert done.stdout == ""
    assert done.returncode == 2
    done = run("check", "-c", ".", cwd=tmp_path)
    assert done.stderr == "sallyport: .: is not a regular file\n"
    assert done.returncode == 2


def test_wrong_usage(tmp_path):
    assert run("check", "t.conf", cwd=tmp_path).returncode == 2
    assert run("check", "--colour", cwd=tmp_path).returncode == 2
    assert run("check", "-c", cwd=tmp_path).returncode == 2


def test_every_command_helps():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    commands = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert commands == ["serve", "check", "explain", "ca", "passwd", "version"]
    for command in commands:
        done = run(command, "--help")
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith(f"usage: sallyport {command}")


def test_an_unknown_command_gets_a_hint():
    done = run("chek")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "sallyport: there is no command 'chek', did you mean 'check'?\n"
    done = run("dance")
    assert done.returncode == 2
    assert done.stderr == "sallyport: there is no command 'dance'; 'sallyport --help' lists them\n"
    assert run().returncode == 2


def test_version():
    done = run("version")
    assert done.returncode == 0
    name, version = done.stdout.split()
    assert name == "sallyport" and version.count(".") == 2
    assert run("--version").stdout == done.stdout
    assert run("version", "please").returncode == 2
