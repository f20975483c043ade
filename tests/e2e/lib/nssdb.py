# SPDX-License-Identifier: MIT
"""Databases of certificates as the browsers have them, by NSS's certutil."""
import os

from . import process


def write(folder, trusted):
    """An NSS database in the folder, in which the CAs of these files are trusted for TLS."""
    os.makedirs(folder, exist_ok=True)
    env = process.environment(folder)
    commands = [["-N", "--empty-password"]]
    commands += [["-A", "-n", f"ca{number}", "-t", "C,,", "-i", path]
                 for number, path in enumerate(trusted)]
    for words in commands:
        status, said = process.run(["certutil", "-d", f"sql:{folder}", *words], env)
        assert status == 0, said
