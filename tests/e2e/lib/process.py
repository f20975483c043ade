# SPDX-License-Identifier: MIT
"""Other people's programs, each in a process group and with a home of its own."""
import os
import signal
import subprocess


def environment(home, **more):
    """What a program is given: a home in the folder `home`, UTF-8, and nothing of the user's."""
    home = str(home)
    os.makedirs(home, mode=0o700, exist_ok=True)
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": home, "TMPDIR": home,
            "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_CACHE_HOME": f"{home}/cache", "XDG_RUNTIME_DIR": home,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:", **{k: str(v) for k, v in more.items()}}


def start(command, env, **options):
    """A process that leads a group; stop() ends the whole of it."""
    return subprocess.Popen([str(word) for word in command], env=env, start_new_session=True,
                            **{"stdin": subprocess.DEVNULL, **options})


def stop(process, seconds=5):
    """TERM to the group, KILL to what is left of it after so many seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    process.wait(seconds)


def run(command, env, data=b"", seconds=60, cwd=None):
    """Runs to its end: (exit status, what it said, both streams together).

    One that is not done in time is stopped with all its children; its status is then 124.
    """
    process = start(command, env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, cwd=cwd)
    try:
        said, _ = process.communicate(data, seconds)
        return process.returncode, said.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        stop(process)
        said = process.communicate()[0]
        return 124, said.decode("utf-8", "replace")
    finally:
        stop(process)
