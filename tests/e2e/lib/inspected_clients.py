# SPDX-License-Identifier: MIT
"""Clients that trust the CA of an inspecting proxy and nothing else, and ask for one page by TLS
through it.

A client is a function (home, proxy, trust, url): home is a folder for it alone, proxy a running
one, trust a file of CAs. It returns (exit status, what it said); 0 only where it took the
certificate, and the body is then in what it said.
"""
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request

import requests

from . import process
from .inspection import trusting
from .metrics import get

SECONDS = 60
# An agent that asks for a tunnel and does TLS in it.
NODE = """
const http = require('http'), https = require('https');
const [host, port, url] = process.argv.slice(1);
class Tunnels extends https.Agent {
    createConnection(options, done) {
        const authority = options.host + ':' + options.port;
        http.request({host, port, method: 'CONNECT', path: authority, headers: {Host: authority}})
            .on('connect', (answer, socket) => answer.statusCode === 200
                ? done(null, super.createConnection({...options, socket}))
                : done(new Error('CONNECT: ' + answer.statusCode)))
            .on('error', done).end();
    }
}
https.get(url, {agent: new Tunnels({keepAlive: false})}, answer => answer.pipe(process.stdout))
     .on('error', fault => { console.log(fault.code, fault.message); process.exit(1); });
"""
LWP = r"""
use strict; use warnings; use LWP::UserAgent;
my ($proxy, $trust, $url) = @ARGV;
my $agent = LWP::UserAgent->new(timeout => 20, ssl_opts => {
    verify_hostname => 1, SSL_ca_file => $trust});
$agent->proxy(["https"], $proxy);
my $answer = $agent->get($url);
print $answer->decoded_content, "\n", $answer->header("Client-SSL-Cert-Issuer") // "", "\n";
exit !$answer->is_success;
"""


def proposals(proxy):
    """The exemptions that the proxy proposes."""
    return json.loads(get(proxy, "/api/proposed-exemptions")[2])["proposed_exemptions"]


def run(home, *words, data=b"", **env):
    return process.run(words, process.environment(home, **env), data=data, seconds=SECONDS,
                       cwd=str(home))


def curl(home, proxy, trust, *words):
    """words: options, and the URLs."""
    return run(home, "curl", "-q", "-sS", "--max-time", "30", "--noproxy", "", "--proxy", proxy.url,
               "--cacert", trust, "--capath", "/nonexistent", *words)


def wget(home, proxy, trust, url):
    """With GnuTLS."""
    return run(home, "wget", "--no-config", "--no-hsts", "--tries=1", "--timeout=20", "-qO-",
               f"--ca-certificate={trust}", "--ca-directory=/nonexistent", url,
               https_proxy=proxy.url)


def python_urllib(_, proxy, trust, url):
    """With the flag that is on by default from Python 3.13 on."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": proxy.url}),
        urllib.request.HTTPSHandler(context=trusting(trust)))
    try:
        with opener.open(url, timeout=20) as answer:
            return 0, answer.read().decode()
    except (urllib.error.URLError, ssl.SSLError) as fault:
        return 1, str(fault)


def python_requests(_, proxy, trust, url):
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(url, proxies={"https": proxy.url}, verify=str(trust), timeout=20)
            return int(not answer.ok), answer.text
        except requests.exceptions.RequestException as fault:
            return 1, str(fault)


def node(home, proxy, trust, url):
    """Its own list of CAs is on as well; it has none that issued ours."""
    return run(home, "node", "-e", NODE, *proxy.address, url, NODE_EXTRA_CA_CERTS=trust)


def lwp(home, proxy, trust, url):
    """Perl, with IO::Socket::SSL."""
    return run(home, "perl", "-e", LWP, proxy.url, trust, url)


def git(home, proxy, trust, *words):
    return run(home, "git", "-c", f"http.proxy={proxy.url}", "-c", f"http.sslCAInfo={trust}",
               *words, GIT_CONFIG_NOSYSTEM=1, GIT_CONFIG_GLOBAL="/dev/null", GIT_TERMINAL_PROMPT=0)


def s_client(home, proxy, trust, url, *options):
    """OpenSSL's own, as strict as it can be; all that it says of the connection, and the body."""
    parts = urllib.parse.urlsplit(url)
    asked = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    return run(home, "openssl", "s_client", "-proxy", "%s:%d" % proxy.address, "-connect",
               parts.netloc, "-servername", parts.hostname, "-verify_hostname", parts.hostname,
               "-verify_return_error", "-x509_strict", "-CAfile", trust, "-no-CApath",
               "-no-CAstore", "-ign_eof", *options, data=asked.encode())


def make_store(home, trust):
    """A keystore of Java's with the CA of the file, by keytool."""
    path = os.path.join(str(home), "store.p12")
    status, said = run(home, "keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", trust,
                       "-keystore", path, "-storetype", "PKCS12", "-storepass", "changeit")
    assert status == 0 and "was added" in said, said
    return path


CLIENTS = {f.__name__: f for f in (curl, wget, python_urllib, python_requests, node, lwp,
                                   s_client)}
