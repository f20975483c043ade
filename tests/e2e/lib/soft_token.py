# SPDX-License-Identifier: MIT
"""A token of SoftHSM in a folder of its own, and OpenSSL's configuration with the provider of
tests/pkcs11 for it.

    token = Token(tmp_path / "token")
    token.take("ca/ca.key", "ca")                    # into the token; the file is gone
    inspecting(authority="ca", inspection={"ca_key": token.uri("ca")},
               environment=token.environment)
"""
import os
import subprocess

from .proxy import BINARY

PROVIDER = os.path.join(os.path.dirname(os.path.abspath(BINARY)), "tests", "pkcs11",
                        "pkcs11_provider.so")
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "pin2718281828"
LABEL = "corp"

OPENSSL_CNF = """\
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
pkcs11 = pkcs11_sect
[default_sect]
activate = 1
[pkcs11_sect]
module = {provider}
pkcs11-module-path = {module}
activate = 1
"""

SOFTHSM_CONF = """\
directories.tokendir = {folder}/tokens
objectstore.backend = file
log.level = ERROR
"""


class Token:
    def __init__(self, folder):
        (folder / "tokens").mkdir(parents=True)
        (folder / "openssl.cnf").write_text(OPENSSL_CNF.format(provider=PROVIDER, module=MODULE))
        (folder / "softhsm2.conf").write_text(SOFTHSM_CONF.format(folder=folder))
        self.environment = {"OPENSSL_CONF": str(folder / "openssl.cnf"),
                            "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        self._run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin",
                  "87654321", "--pin", PIN)

    def _run(self, *words):
        # OpenSSL's usual configuration: these programs are not the ones that are tried.
        environment = {**os.environ, **self.environment}
        del environment["OPENSSL_CONF"]
        done = subprocess.run([str(word) for word in words], env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    def _tool(self, *words):
        self._run("pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--login", "--pin",
                  PIN, *words)

    def put(self, path, name, number="01"):
        """The key of that file into the token, under that label."""
        self._run("softhsm2-util", "--import", path, "--token", LABEL, "--label", name, "--id",
                  number, "--pin", PIN)

    def take(self, path, name, number="01"):
        """The same, and the file is no more."""
        self.put(path, name, number)
        os.remove(path)

    def remove(self, name):
        for kind in ("privkey", "pubkey"):
            self._tool("--delete-object", "--type", kind, "--label", name)

    def make_mute(self, name, number="77"):
        """A P-256 key that may not sign."""
        self._tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", name, "--id", number,
                   "--allowed-mechanisms", "ECDH1-DERIVE")

    def stand_first(self):
        """Its provider before OpenSSL's own, which is then not asked first for anything."""
        with open(self.environment["OPENSSL_CONF"], "r+", encoding="utf-8") as f:
            lines = f.read().splitlines()
            at = lines.index("default = default_sect")
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
            f.seek(0)
            f.write("\n".join(lines) + "\n")

    @staticmethod
    def uri(name, pin=PIN, token=LABEL):
        return f"pkcs11:token={token};object={name}?pin-value={pin}"
