# SPDX-License-Identifier: MIT
"""What the works with inspection need: CAs, configurations, peers that can, and what the same
cryptography costs OpenSSL alone."""
import os
import shutil
import subprocess

CA_FILE = "origin-ca.pem"       # of the bench's origins, in the folder of the run
NAMES = 40000                   # h0 .. of the origin's name; every proxy starts with all of them
KNOWN = 50                      # of these, where the hosts are known ones
EXEMPT = "m1.mcs."              # in front of the origin's name: nobody may decrypt that
SUITE = "aes-256-gcm"           # certificates.h makes it the only one
CERTGEN_HELPERS = 5             # of squid: its default
PACKAGES = ("squid-openssl", "squid-common", "squid-langpack")


class Unfit(Exception):
    """A sentence for the user."""


# ---- peers that are not installed but unpacked ----------------------------------------------

def cache_folder():
    """squid-openssl and squid exclude each other as packages; side by side here they do not. What
    root unpacks must be open to the account that squid changes to."""
    base = "/var/cache" if os.geteuid() == 0 else \
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "sallyport-bench")


def fetch_peers():
    """Downloads and unpacks, installs nothing."""
    folder = cache_folder()
    fresh = folder + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    try:
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=fresh, check=True,
                       stderr=subprocess.DEVNULL)
        for name in sorted(os.listdir(fresh)):
            if name.endswith(".deb"):
                subprocess.run(["dpkg-deb", "-x", name, "."], cwd=fresh, check=True)
                os.unlink(os.path.join(fresh, name))
        os.chmod(fresh, 0o755)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(fresh, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unfit(f"cannot fetch {', '.join(PACKAGES)}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def find_unpacked(path):
    found = os.path.join(cache_folder(), path)
    return found if os.path.exists(found) else None


# ---- names and CAs --------------------------------------------------------------------------

def hosts_lines(address, name):
    return "".join(f"{address} h{number}.{name}\n" for number in range(NAMES))


def run_quietly(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unfit(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise Unfit(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


def make_ca(folder):
    """A CA of a peer, with a P-256 key like everybody's: ca.pem and ca.key."""
    run_quietly(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                 "-days", "30", "-subj", "/CN=CA of the peer", "-addext",
                 "basicConstraints=critical,CA:TRUE", "-addext",
                 "keyUsage=critical,keyCertSign,cRLSign"], folder)


# ---- Sallyport ------------------------------------------------------------------------------

def sallyport_section(folder, binary, trust):
    """Inspection of nothing but what a rule says."""
    run_quietly([binary, "ca", "init", "ca"], folder)
    return ('inspection = { enabled = true; default = "tunnel"; ca_certificate = "ca/ca.pem"; '
            f'ca_key = "ca/ca.key"; trust = "{trust}"; }};')


def sallyport_rule(name, ports, inspects):
    """A set, and the rule in front of all others, the same with inspection and without."""
    tls = ' tls = "inspect";' if inspects else ""
    return (f'destinations = {{ inspected = {{ domains = [ "*.{name}" ]; }}; }};',
            f'  {{ name = "inspected"; to = [ "inspected" ]; ports = [ {ports} ]; '
            f'action = "allow";{tls} }},')


# ---- squid ----------------------------------------------------------------------------------

def squid_lines(folder, port, trust):
    """Origin first, as Sallyport does it: the server's certificate is seen before the client gets
    one. The default of five helpers; certificates are kept in memory and in their files."""
    make_ca(folder)
    certgen = os.path.join(cache_folder(), "usr/lib/squid/security_file_certgen")
    run_quietly([certgen, "-c", "-s", f"{folder}/ssl_db", "-M", "64MB"], folder)
    for path, folders, files in os.walk(f"{folder}/ssl_db"):
        for name in [path] + [os.path.join(path, one) for one in folders + files]:
            os.chmod(name, 0o777)
    for name in ("ca.pem", "ca.key"):
        os.chmod(os.path.join(folder, name), 0o644)
    share = os.path.join(cache_folder(), "usr/share")
    return f'''
http_port 127.0.0.1:{port} ssl-bump tls-cert={folder}/ca.pem tls-key={folder}/ca.key \
generate-host-certificates=on dynamic_cert_mem_cache_size=64MB
sslcrtd_program {certgen} -s {folder}/ssl_db -M 64MB
sslcrtd_children {CERTGEN_HELPERS}
tls_outgoing_options cafile={trust} options=NO_SSLv3
acl step1 at_step SslBump1
acl step2 at_step SslBump2
ssl_bump stare step1
ssl_bump stare step2
ssl_bump bump all
mime_table {share}/squid/mime.conf
icon_directory {share}/squid/icons
error_directory {share}/squid-langpack/templates
'''


# ---- mitmproxy ------------------------------------------------------------------------------

# It would ask the system for every name; this way it need not ask at all.
MITMPROXY_ADDON = '''
class Nearby:
    def server_connect(self, data):
        data.server.address = ("127.0.0.1", data.server.address[1])


addons = [Nearby()]
'''


# ---- OpenSSL alone --------------------------------------------------------------------------

def aead_seconds(run, decrypts, seconds):
    """CPU for a GB in pieces of a full TLS record."""
    command = ["openssl", "speed", "-mr", "-seconds", str(seconds), "-bytes", "16384",
               "-evp", SUITE] + (["-decrypt"] if decrypts else [])
    for line in run(command).splitlines():
        fields = line.split(":")
        if fields[0] == "+F" and float(fields[-1]) > 0:
            return 1e9 / float(fields[-1])
    raise Unfit("openssl speed says nothing")


def reference(run, handshakes, folder):
    """run: starts a command on the proxy's CPU and returns what it prints."""
    trust = os.path.join(folder, "reference-ca.pem")
    pairs = dict(line.split("=", 1) for line in run([handshakes, trust]).splitlines())
    figures = {key: float(value) / 1e6 for key, value in
               (("to_origin", pairs["to_origin_us"]), ("to_client", pairs["to_client_us"]))}
    figures["decrypt"] = aead_seconds(run, True, 1)
    figures["encrypt"] = aead_seconds(run, False, 1)
    return figures
