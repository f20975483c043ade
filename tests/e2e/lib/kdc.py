# SPDX-License-Identifier: MIT
"""An MIT Kerberos KDC on loopback, from a temporary folder; no file of the system is read."""
import os
import subprocess
import sys
import time

from lib.http_servers import free_port

KDC, KDB5_UTIL, KADMIN = "/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local"
NTLM_MECHANISM = "/usr/lib/x86_64-linux-gnu/gssntlmssp/gssntlmssp.so"
BIG_TICKET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "krb5_big_ticket.py")
NTLM_OID = "1.3.6.1.4.1.311.2.2.10"
SECONDS = 20


class Kdc:
    """A KDC with users, the keytab of a proxy, and the environments of both sides.

    kdc = Kdc(folder, users={"alice": "secret"}, names=["localhost", "proxy.test"])
    kdc.keytab                        HTTP/NAME of each name
    kdc.kinit("alice")                a ticket for alice, in a cache of her own
    kdc.client_environment("alice")   what curl, a browser, ... must have
    kdc.client_environment(None)      a client without a ticket
    kdc.proxy_environment()           what Sallyport must have
    kdc.add_big_ticket("alice", "localhost", 48000)   for HTTP/localhost, into alice's cache
    kdc.close()

    `realms`: the first is that of the proxy; each trusts the others, and a user of another
    is written "bob@OTHER.TEST". A client reaches the proxy by one of `names`: nothing is
    looked up, turned around or made longer, so the name in its settings is the service's.
    """

    def __init__(self, folder, users=None, names=("localhost", "127.0.0.1"),
                 realms=("PROXY.TEST",), ticket_seconds=3600):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.realms, self.names, self.users = list(realms), list(names), dict(users or {})
        self.port, self.process = free_port(), None
        self.keytab = self.path("http.keytab")
        self._write_configuration(ticket_seconds)
        for realm in self.realms:
            self._run(KDB5_UTIL, "create", "-s", "-r", realm, "-P", "master of " + realm)
        self._add_trust()
        for user, password in self.users.items():
            self.add_user(user, password)
        self.add_service(self.keytab, *self.names)
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def _write_configuration(self, ticket_seconds):
        realms = "".join(f"  {realm} = {{\n    kdc = 127.0.0.1:{self.port}\n  }}\n"
                         for realm in self.realms)
        self._write("krb5.conf", f"""[libdefaults]
  default_realm = {self.realms[0]}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_uri_lookup = false
  dns_canonicalize_hostname = false
  qualify_shortname = ""
  rdns = false
  udp_preference_limit = 1
  ticket_lifetime = {ticket_seconds}
  default_ccache_name = FILE:{self.path("ccache-none")}
[realms]
{realms}""")
        stores = "".join(f"""  {realm} = {{
    database_name = {self.path("principal-" + realm)}
    key_stash_file = {self.path("stash-" + realm)}
    acl_file = {self.path("acl")}
    supported_enctypes = aes256-cts:normal aes128-cts:normal
  }}
""" for realm in self.realms)
        self._write("kdc.conf", f"""[kdcdefaults]
  kdc_listen = 127.0.0.1:{self.port}
  kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
{stores}[logging]
  kdc = FILE:{self.path("kdc.log")}
  admin_server = FILE:{self.path("kadmin.log")}
""")
        self._write("no-mechanisms", "")
        self._write("ntlm-mechanism", f"gssntlmssp_v1 {NTLM_OID} {NTLM_MECHANISM}\n")

    def _environment(self, **more):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("KRB5", "NTLM_"))}
        return {**inherited, "KRB5_CONFIG": self.path("krb5.conf"), **more}

    def _run(self, *command, stdin="", **more):
        environment = self._environment(KRB5_KDC_PROFILE=self.path("kdc.conf"), **more)
        done = subprocess.run(command, cwd=self.folder, env=environment, input=stdin,
                              capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, f"{command[0]} failed: {done.stderr}{done.stdout}"
        return done.stdout

    def _admin(self, realm, *command):
        return self._run(KADMIN, "-r", realm, *command)

    def _split(self, user):
        """(principal, realm)"""
        name, _, realm = user.partition("@")
        realm = realm or self.realms[0]
        return f"{name}@{realm}", realm

    def _add_trust(self):
        for inside in self.realms:
            for to in self.realms:
                if to == inside:
                    continue
                for realm in (inside, to):  # the same key stands in both stores
                    self._admin(realm, "addprinc", "-pw", f"{inside} trusts {to}",
                                f"krbtgt/{to}@{inside}")

    def add_user(self, user, password):
        principal, realm = self._split(user)
        self.users[user] = password
        self._admin(realm, "addprinc", "-pw", password, principal)

    def add_service(self, keytab, *names, service="HTTP"):
        """New keys for service/NAME, appended to the keytab; made where it is missing."""
        realm = self.realms[0]
        for name in names:
            principal = f"{service}/{name}@{realm}"
            if principal not in self._admin(realm, "listprincs").splitlines():
                self._admin(realm, "addprinc", "-randkey", principal)
            self._admin(realm, "ktadd", "-k", keytab, principal)
        return keytab

    def cache(self, user):
        return self.path("ccache-" + (user or "none"))

    def kinit(self, user, *options):
        """A fresh ticket; returns the environment of a client that has it."""
        self._run("kinit", *options, "-c", self.cache(user), self._split(user)[0],
                  stdin=self.users[user] + "\n")
        return self.client_environment(user)

    def add_big_ticket(self, user, name, size):
        """Behind kinit: a ticket that size and a little more for HTTP/name; returns its size."""
        done = subprocess.run(
            [sys.executable, BIG_TICKET, f"HTTP/{name}@{self.realms[0]}", str(size)],
            env=self.client_environment(user), capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def client_environment(self, user=None, ntlm_users=None):
        """user None: no ticket. ntlm_users: text for gss-ntlmssp, "DOMAIN:user:password"
        a line; without it GSSAPI's clients know no NTLM, whatever the host has installed."""
        more = {"KRB5CCNAME": "FILE:" + self.cache(user),
                "GSS_MECH_CONFIG": self.path("no-mechanisms")}
        if ntlm_users is not None:
            more["GSS_MECH_CONFIG"] = self.path("ntlm-mechanism")
            more["NTLM_USER_FILE"] = self._write("ntlm-users", ntlm_users)
        return self._environment(**more)

    def proxy_environment(self):
        """Its replay cache is in the folder too."""
        return self._environment(KRB5RCACHENAME="file2:" + self.path("replay"))

    def start(self):
        options = [part for realm in self.realms for part in ("-r", realm)]
        self._output = open(self.path("output"), "ab")
        self.process = subprocess.Popen(
            [KDC, "-n", "-P", self.path("pid"), *options], cwd=self.folder,
            env=self._environment(KRB5_KDC_PROFILE=self.path("kdc.conf")),
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT)
        end = time.monotonic() + SECONDS
        while "commencing operation" not in self.log():
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise AssertionError(f"krb5kdc did not come up: {self.log()}{self.said()}")
            time.sleep(0.02)

    def log(self):
        return self._read("kdc.log")

    def said(self):
        return self._read("output")

    def _read(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def stop(self):
        """No KDC any more; tickets and the keytab go on."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self._output.close()

    close = stop
