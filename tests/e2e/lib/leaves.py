# SPDX-License-Identifier: MIT
"""Leaves that OpenSSL issues under a CA, and clients that judge them with that CA as trust.

A client is a function (leaf, name, trust, folder): it asks an origin with that leaf for a
page by a name or an address, trusts the file `trust` and nothing else, and tells whether it
took the certificate, with what it said.
"""
import os
import socket
import ssl
import subprocess

from . import process
from .origin import Origin, http

PAGE = b"the page\n"
SECONDS = 60
EXTENSIONS = """basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = {names}
"""
NODE = """
const https = require('https'), [port, name] = process.argv.slice(1);
const options = {host: '127.0.0.1', port, path: '/', headers: {Host: name}, agent: false};
if (!/^[0-9.]+$/.test(name)) options.servername = name;
https.get(options, r => r.on('data', d => process.stdout.write(d)))
     .on('error', e => { console.log(e.code); process.exit(1); });
"""
JAVA = """
import java.net.URI;
import java.net.http.*;
import java.time.Duration;
public final class Ask {
    public static void main(String[] words) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(words[0]))
            .timeout(Duration.ofSeconds(20)).build();
        System.out.print(HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


def openssl(*words, data=None):
    """(whether it exits with 0, what it said)."""
    done = subprocess.run(["openssl", *map(str, words)], input=data, capture_output=True,
                          text=True, timeout=SECONDS)
    return done.returncode == 0, done.stdout + done.stderr


def issue(folder, stem, ca, key, names, days=90):
    """STEM.pem and STEM.key in the folder, for subjectAltNames as OpenSSL writes them."""
    path = os.path.join(str(folder), stem)
    with open(f"{path}.ext", "w", encoding="ascii") as f:
        f.write(EXTENSIONS.format(names=names))
    for words in (
            ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{path}.key"],
            ["req", "-new", "-key", f"{path}.key", "-subj", f"/CN={stem}", "-out", f"{path}.csr"],
            ["x509", "-req", "-in", f"{path}.csr", "-CA", ca, "-CAkey", key, "-sha256",
             "-days", days, "-extfile", f"{path}.ext", "-set_serial", f"0x1{os.urandom(8).hex()}",
             "-out", f"{path}.pem"]):
        is_done, said = openssl(*words)
        assert is_done, said
    return f"{path}.pem"


def verify(leaf, trust):
    """`openssl verify -x509_strict`: (whether it is fine, what it said)."""
    return openssl("verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore",
                   "-CAfile", trust, leaf)


def _ask(leaf, ask):
    folder, name = os.path.split(leaf)
    origin = Origin(http(body=PAGE), pki=folder, certificate=name.removesuffix(".pem"))
    try:
        said = ask(origin.port)
    finally:
        origin.close()
    return PAGE.decode().strip() in said, said


def _run(folder, *words, **environment):
    return process.run([str(w) for w in words], process.environment(folder, **environment),
                       seconds=SECONDS)[1]


def curl(leaf, name, trust, folder):
    return _ask(leaf, lambda port: _run(
        folder, "curl", "-sS", "--noproxy", "*", "--cacert", trust, "--capath", "/nonexistent",
        "--resolve", f"{name}:{port}:127.0.0.1", f"https://{name}:{port}/"))


def wget(leaf, name, trust, folder):
    """With GnuTLS; it has no way to send a name elsewhere, so it asks for the address."""
    return _ask(leaf, lambda port: _run(
        folder, "wget", "-qO-", "--no-config", "--no-proxy", "--no-hsts", "--tries=1",
        f"--ca-certificate={trust}", "--ca-directory=/nonexistent", f"https://127.0.0.1:{port}/"))


def python(leaf, name, trust, folder):
    """With the flag that is on by default from Python 3.13 on."""
    def ask(port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(trust)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as plain, \
                    context.wrap_socket(plain, server_hostname=name) as sock:
                sock.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
                said = b""
                while not said.endswith(PAGE):
                    part = sock.recv(65536)
                    assert part, said
                    said += part
                return said.decode()
        except ssl.SSLError as fault:
            return str(fault)
    return _ask(leaf, ask)


def node(leaf, name, trust, folder):
    """Its own list of CAs is on as well; it has none that issued this."""
    return _ask(leaf, lambda port: _run(folder, "node", "-e", NODE,
                                        port, name, NODE_EXTRA_CA_CERTS=trust))


def java(leaf, name, trust, folder):
    """java.net.http; the CA comes into a store of its own by keytool."""
    work = os.path.join(str(folder), "java")
    os.makedirs(work, exist_ok=True)
    with open(f"{work}/Ask.java", "w", encoding="ascii") as f:
        f.write(JAVA)
    with open(f"{work}/hosts", "w", encoding="ascii") as f:
        f.write(f"127.0.0.1 {name}\n")
    store = ["-keystore", f"{work}/store.p12", "-storetype", "PKCS12", "-storepass", "changeit"]
    if os.path.exists(store[1]):
        os.remove(store[1])
    said = _run(work, "keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", trust, *store)
    assert "was added" in said, said
    return _ask(leaf, lambda port: _run(
        work, "java", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
        f"-Djdk.net.hosts.file={work}/hosts", f"-Djavax.net.ssl.trustStore={store[1]}",
        "-Djavax.net.ssl.trustStorePassword=changeit", f"{work}/Ask.java",
        f"https://{name}:{port}/"))


CLIENTS = {"curl": curl, "wget": wget, "python": python, "node": node, "java": java}
