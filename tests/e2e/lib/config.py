# SPDX-License-Identifier: MIT
"""Writes Sallyport configurations from plain Python values."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
WEBEX_CONF = os.path.join(ROOT, "conf", "webex.conf")

# Loopback and free ports everywhere; the shipped Webex sets are allowed.
DEFAULTS = {
    "listeners": [{"address": "127.0.0.1", "port": 0}],
    "workers": 1,
    "rules": [
        {"name": "media", "to": ["webex-media"], "ports": [443, 5004], "action": "allow"},
        {"name": "webex", "to": ["webex", "webex-third-party", "webex-deprecated"],
         "action": "allow"},
    ],
    "guard": {"deny_private": True, "allow": ["127.0.0.0/8", "::1/128"]},
    "dns": {"hosts": "hosts", "timeout": "2s"},
    "log": {"access": "access.log", "format": "json", "errors": "stderr"},
    "admin": {"address": "127.0.0.1", "port": 0},
}


def literal(value):
    """A value in libconfig's spelling: dict a group, list of dicts a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        rows = (f"{k} = {literal(v)};" for k, v in value.items() if v is not None)
        return "{ " + " ".join(rows) + " }"
    inside = ", ".join(literal(item) for item in value)
    return f"( {inside} )" if any(isinstance(item, dict) for item in value) else f"[ {inside} ]"


def config(ports=(), **sections):
    """The text of a configuration: DEFAULTS, with whole sections replaced.

    Groups (guard, dns, log, limits, ...) are merged key by key with the
    defaults; everything else is replaced. What is None is left out.
    `ports` are those of the test's origins: CONNECT may go there besides 443.
    """
    merged = dict(DEFAULTS)
    for name, value in sections.items():
        if isinstance(value, dict) and isinstance(merged.get(name), dict):
            value = {**merged[name], **value}
        merged[name] = value
    if ports and merged.get("guard") is not None:
        merged["guard"] = {"connect_ports": [443, *ports], **merged["guard"]}
    lines = [f'@include "{WEBEX_CONF}"'] if merged.pop("webex", True) else []
    lines += [f"{name} = {literal(value)};" for name, value in merged.items() if value is not None]
    return "\n".join(lines) + "\n"


def write_hosts(folder, names):
    """A file in the form of hosts(5): {"name": "address" or [addresses]}."""
    path = os.path.join(folder, "hosts")
    with open(path, "w", encoding="utf-8") as f:
        for name, addresses in names.items():
            for address in [addresses] if isinstance(addresses, str) else addresses:
                f.write(f"{address} {name}\n")
    return path
