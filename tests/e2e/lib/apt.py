# SPDX-License-Identifier: MIT
"""apt-get with folders of its own, and a repository of one package for it."""
import gzip
import hashlib
import os

from . import process

OPTIONS = ["Dir={root}", "Dir::State={root}/state", "Dir::State::status={root}/status",
           "Dir::Cache={root}/cache", "Dir::Etc={root}/etc", "Dir::Etc::parts={root}/none",
           "Dir::Etc::sourcelist={root}/etc/sources.list", "Dir::Etc::sourceparts={root}/none",
           "Dir::Etc::trusted={root}/none", "Dir::Etc::trustedparts={root}/none",
           "Dir::Etc::preferencesparts={root}/none", "Dir::Log={root}/log",
           "APT::Architecture=amd64", "APT::Architectures::=amd64", "Debug::NoLocking=1",
           "Acquire::Languages=none", "Acquire::Retries=0", "APT::Sandbox::User=",
           "Acquire::http::Timeout=10", "Acquire::http::Proxy={proxy}"]


def build_repository(folder):
    """dists/stable with the index of the package `tiny`, and its file; returns its bytes."""
    deb = b"not really a package " * 5000
    pool = os.path.join(folder, "pool")
    index = os.path.join(folder, "dists/stable/main/binary-amd64")
    for path in (pool, index):
        os.makedirs(path)
    packages = ("Package: tiny\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody\n"
                f"Filename: pool/tiny_1.0_amd64.deb\nSize: {len(deb)}\n"
                f"SHA256: {hashlib.sha256(deb).hexdigest()}\nDescription: tiny\n\n").encode()
    files = {"Packages": packages, "Packages.gz": gzip.compress(packages, mtime=0)}
    sums = "".join(f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-amd64/{name}\n"
                   for name, data in files.items())
    release = ("Origin: test\nSuite: stable\nCodename: stable\nArchitectures: amd64\n"
               "Components: main\nDate: Sat, 01 Jan 2022 00:00:00 UTC\n"
               f"SHA256:\n{sums}").encode()
    for path, data in [(f"{pool}/tiny_1.0_amd64.deb", deb),
                       (os.path.join(folder, "dists/stable/Release"), release),
                       *((f"{index}/{name}", data) for name, data in files.items())]:
        with open(path, "wb") as f:
            f.write(data)
    return deb


def apt_get(root, proxy_url, source, *arguments):
    """(exit status, what it said) of apt-get, whose only source is the URL `source`.

    What is downloaded lands in root. No file of the system's is read.
    """
    root = str(root)
    for name in ("etc", "state/lists/partial", "cache/archives/partial", "none", "log"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    for name, text in [("status", ""),
                       ("etc/sources.list", f"deb [trusted=yes] {source} stable main\n")]:
        with open(os.path.join(root, name), "w", encoding="ascii") as f:
            f.write(text)
    options = [word for option in OPTIONS
               for word in ("-o", option.format(root=root, proxy=proxy_url))]
    return process.run(["apt-get", *options, *arguments],
                       process.environment(root, APT_CONFIG="/dev/null"), cwd=root)
