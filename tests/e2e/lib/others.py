# SPDX-License-Identifier: MIT
"""Programs that go through a proxy with credentials: each function is one try of one of them.

All take home (a folder for it alone), proxy (host, port), user and password (None: none)
and a URL, and return (exit status, what it said). env: more environment, such as
KRB5_CONFIG and KRB5CCNAME for those that can use a ticket.
"""
import base64
import hmac
import os
import socket
import time
import urllib.parse

from . import nthash, process
from .http_servers import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
SECONDS = 60
# MD4, which NTLM is made of, is in OpenSSL's legacy provider alone.
LEGACY = """openssl_conf = all
[all]
providers = providers
[providers]
default = on
legacy = on
[on]
activate = 1
"""


def proxy_url(proxy, user=None, password=None):
    """http://user:password@host:port, with everything odd percent-encoded."""
    login = ""
    if user is not None:
        quoted = [urllib.parse.quote(part, safe="") for part in (user, password or "")]
        login = ":".join(quoted) + "@"
    return f"http://{login}{proxy[0]}:{proxy[1]}"


def write(home, name, text):
    """A file that only its owner reads, since passwords stand in it."""
    os.makedirs(str(home), mode=0o700, exist_ok=True)
    path = os.path.join(str(home), name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as f:
        f.write(text)
    return path


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def curl(home, proxy, user, password, url, *options, scheme="basic", env=None):
    """scheme: basic, digest, ntlm, negotiate or anyauth. Says the body, then a line with
    the statuses of the last answer and of the last CONNECT."""
    settings = f"proxy = {quoted(proxy_url(proxy))}\n"
    if user is not None or env:  # a ticket is used for an empty name only
        login = ":" if user is None else f"{user}:{password}"
        settings += f"proxy-user = {quoted(login)}\n"
    settings = write(home, "curlrc", settings)
    return process.run(["curl", "-q", "-sS", "-k", "-K", settings, "--noproxy", "",
                        f"--proxy-{scheme}", "--max-time", "30",
                        "-w", "\\n%{http_code} %{http_connect}\\n", *options, url],
                       process.environment(home, **(env or {})), seconds=SECONDS)


def wget(home, proxy, user, password, url, env=None):
    """Says the head and the body."""
    settings = [f"{name} = {proxy_url(proxy)}" for name in ("http_proxy", "https_proxy")]
    settings += ["use_proxy = on", "check_certificate = off", "tries = 1", "timeout = 20"]
    if user is not None:
        settings += [f"proxy_user = {user}", f"proxy_password = {password}"]
    path = write(home, "wgetrc", "\n".join(settings) + "\n")
    return process.run(["wget", f"--config={path}", "--no-hsts", "-S", "-O", "-", url],
                       process.environment(home, **(env or {})), seconds=SECONDS)


def git(home, proxy, user, password, url, scheme=None, env=None):
    """git ls-remote. scheme: http.proxyAuthMethod; None leaves it to libcurl's choice."""
    settings = "[http]\n\tsslVerify = false\n"
    settings += f"\tproxy = {quoted(proxy_url(proxy, user, password))}\n"
    if scheme:
        settings += f"\tproxyAuthMethod = {scheme}\n"
    path = write(home, "gitconfig", settings)
    return process.run(["git", "ls-remote", url],
                       process.environment(home, GIT_CONFIG_NOSYSTEM=1, GIT_CONFIG_GLOBAL=path,
                                           GIT_TERMINAL_PROMPT=0, GIT_ASKPASS="/bin/false",
                                           **(env or {})), seconds=SECONDS, cwd=str(home))


def python_requests(home, proxy, user, password, url, scheme="basic", env=None):
    """Three GETs in one session of Python's requests; scheme: basic, digest or ntlm."""
    legacy = write(home, "openssl.cnf", LEGACY)
    return process.run([PYTHON, os.path.join(HERE, "requests_probe.py"), scheme,
                        proxy_url(proxy), url],
                       process.environment(home, OPENSSL_CONF=legacy, **(env or {})),
                       data=f"{user or ''}\n{password or ''}\n".encode(), seconds=SECONDS)


def openconnect(home, proxy, user, password, url, scheme="digest", env=None, pin=None):
    """A VPN client's CONNECT and TLS. No VPN is there, so its status is never 0: what
    counts is that the origin saw its request. pin: of the origin's certificate, where
    nothing is to dial the origin for it."""
    environment = process.environment(home, **(env or {}))
    return process.run(["openconnect", "--authenticate", "--non-inter", "--timestamp",
                        "-v", "--no-dtls", f"--proxy-auth={scheme}",
                        f"--proxy={proxy_url(proxy, user, password)}",
                        f"--servercert={pin or certificate_pin(url)}", url],
                       environment, seconds=SECONDS)


def certificate_pin(url):
    """pin-sha256 of the certificate that the origin of the URL shows on loopback."""
    import ssl  # pylint: disable=import-outside-toplevel

    from cryptography import x509  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives import hashes, serialization  # pylint: disable=C0415

    port = urllib.parse.urlsplit(url).port
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    public = x509.load_pem_x509_certificate(pem.encode()).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    sha = hashes.Hash(hashes.SHA256())
    sha.update(public)
    return "pin-sha256:" + base64.b64encode(sha.finalize()).decode()


LWP = r"""
use strict; use warnings; use LWP::UserAgent;
{ package Agent; our @ISA = ("LWP::UserAgent"); sub get_basic_credentials { @main::login } }
my ($proxy, $url) = @ARGV;
chomp(our @login = <STDIN>);
my $agent = Agent->new(keep_alive => 1, timeout => 20);
$agent->proxy(["http"], $proxy);
my $answer = $agent->get($url);
print $answer->code, "\n", $answer->decoded_content, "\n";
"""

# LWP takes NTLM from WWW-Authenticate alone; its library is driven by hand for a proxy.
PERL_NTLM = r"""
use strict; use warnings; use IO::Socket::INET; use Authen::NTLM;
my ($host, $port, $url) = @ARGV;
chomp(my ($user, $password) = <STDIN>);
ntlm_domain("CORP"); ntlm_user($user); ntlm_password($password);
my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 20) or die;
my ($authority) = $url =~ m{//([^/]*)};
sub ask {
    print $socket join("\r\n", "GET $url HTTP/1.1", "Host: $authority",
                       "Proxy-Authorization: NTLM $_[0]", "", "");
    my ($head, $body) = ("", "");
    while ($head !~ /\r\n\r\n$/) { read($socket, $head, 1, length $head) or die "ended: $head"; }
    read($socket, $body, $1) if $head =~ /^content-length: *(\d+)/mi;
    my ($challenge) = $head =~ /^proxy-authenticate: *NTLM +(\S+)/mi;
    return ($head =~ /^HTTP\S+ (\d+)/, $challenge, $body);
}
my ($status, $challenge) = ask(ntlm());
die "no challenge but $status" unless defined $challenge;
($status, undef, my $body) = ask(ntlm($challenge));
print "$status\n$body\n";
"""


def lwp(home, proxy, user, password, url, env=None):
    """Perl's LWP with the first scheme that it can do of those offered: "STATUS\\nbody"."""
    return process.run(["perl", "-e", LWP, proxy_url(proxy), url],
                       process.environment(home, **(env or {})),
                       data=f"{user}\n{password}\n".encode(), seconds=SECONDS)


def perl_ntlm(home, proxy, user, password, url, env=None):
    """The old NTLM of Perl's Authen::NTLM: "STATUS\\nbody" of the last answer."""
    return process.run(["perl", "-e", PERL_NTLM, proxy[0], proxy[1], url],
                       process.environment(home, **(env or {})),
                       data=f"{user}\n{password}\n".encode(), seconds=SECONDS)


def proxytunnel(home, proxy, user, password, url, scheme="ntlm", data=b"", env=None):
    """A tunnel to the host of the URL; says what came through it for `data`."""
    parts = urllib.parse.urlsplit(url)
    more = {"PROXYUSER": user, "PROXYPASS": password, **(env or {})}
    return process.run(["proxytunnel", "-v", "-p", f"{proxy[0]}:{proxy[1]}",
                        "-d", f"{parts.hostname}:{parts.port}",
                        *(["--ntlm"] if scheme == "ntlm" else [])],
                       process.environment(home, **more), data=data, seconds=20)


class Cntlm:
    """cntlm between a client that knows no scheme and a proxy that wants NTLM.

    It knows NTLMv2's hash alone, not the password. auth: NTLMv2, or an older answer
    ("NTLM", "NTLM2SR", "LM"), from the hashes that it needs for them.
    """

    def __init__(self, home, proxy, user, password, domain="CORP", auth="NTLMv2"):
        home = str(home)
        self.host, self.port = "127.0.0.1", free_port()
        path = write(home, "cntlm.conf", "\n".join([
            f"Username {user}", f"Domain {domain}", f"Auth {auth}", "Workstation client",
            *hashes_for_cntlm(user, password, domain, auth), f"Proxy {proxy[0]}:{proxy[1]}",
            f"Listen {self.host}:{self.port}", ""]))
        self.log = os.path.join(home, "output")
        with open(self.log, "wb") as output:
            self.process = process.start(["cntlm", "-f", "-v", "-c", path],
                                         process.environment(home), stdout=output, stderr=output)
        end = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(self.address, 1).close()
                return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise AssertionError(f"cntlm did not come up: {self.said()}")
            time.sleep(0.05)

    @property
    def address(self):
        return self.host, self.port

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        process.stop(self.process)


def hashes_for_cntlm(user, password, domain, auth):
    """The lines with which its file has the password's hashes: each byte inverted, as
    `cntlm -H` prints them."""
    key = nthash.nt_hash(password)

    def line(name, value):
        return f"{name} {bytes(byte ^ 0xff for byte in value).hex().upper()}"

    if auth == "NTLMv2":
        name = (user.upper() + domain.upper()).encode("utf-16-le")
        return [line("PassNTLMv2", hmac.new(key, name, "md5").digest())]
    return [line("PassNT", key), line("PassLM", bytes(16))]
