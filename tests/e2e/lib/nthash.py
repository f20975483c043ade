# SPDX-License-Identifier: MIT
"""The NT hash of a password, by OpenSSL's legacy MD4."""
import subprocess


def nt_hash(password):
    """16 bytes: MD4 of the password in UTF-16LE (MS-NLMP section 3.3.1)."""
    done = subprocess.run(["openssl", "dgst", "-provider", "legacy", "-provider", "default",
                           "-md4", "-binary"], input=password.encode("utf-16-le"),
                          capture_output=True, check=True)
    assert len(done.stdout) == 16, done
    return done.stdout
