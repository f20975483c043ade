# SPDX-License-Identifier: MIT
"""Servers of another make on loopback, from configurations of their own in a temporary folder."""
import os
import socket
import subprocess
import time

NGINX, APACHE, SQUID = "/usr/sbin/nginx", "/usr/sbin/apache2", "/usr/sbin/squid"
MODULES = "/usr/lib/apache2/modules"
SECONDS = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A process that listens on 127.0.0.1:port; `configure` writes its files into the folder."""

    def __init__(self, folder, **options):
        self.folder, self.host, self.port = str(folder), "127.0.0.1", free_port()
        os.makedirs(self.folder, exist_ok=True)
        if os.geteuid() == 0:  # the servers give their rights up
            for path in (self.folder, *list_parents(self.folder)):
                os.chmod(path, os.stat(path).st_mode | 0o055)
            os.chmod(self.folder, 0o777)
        self.write("access.log", "")
        self.configure(**options)
        self.output = open(os.path.join(self.folder, "output"), "wb")
        self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                        stdout=self.output, stderr=subprocess.STDOUT)
        self._wait()

    def _wait(self):
        end = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise AssertionError(f"{type(self).__name__} did not come up: {self.said()}")
            time.sleep(0.02)

    def said(self):
        text = ""
        for name in ("output", "error.log", "cache.log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as f:
                    text += f.read()[-3000:]
        return text

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o666)
        return path

    def lines(self):
        """Of its access log, without those of the readiness probe."""
        with open(os.path.join(self.folder, "access.log"), encoding="latin-1") as f:
            return [line for line in f.read().splitlines() if line]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


def list_parents(path):
    """Folders of the tests above it, up to the one for temporary files."""
    found = []
    while (path := os.path.dirname(path)) not in ("/", "/tmp", "/var/tmp"):
        if os.stat(path).st_uid != os.geteuid() or len(found) > 6:
            break
        found.append(path)
    return found


class Nginx(Server):
    """Answers all requests with 200 once it has read them; the log has `METHOD URI length`."""

    def configure(self):
        user = "user www-data;" if os.geteuid() == 0 else ""
        self.write("page", "ok")
        self.write("nginx.conf", f"""
{user}
daemon off; master_process off; worker_processes 1;
pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 256; }}
http {{
  log_format seen '$request_method $request_uri $http_content_length';
  access_log {self.folder}/access.log seen;
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  keepalive_requests 100000; lingering_close off;
  server {{ listen 127.0.0.1:{self.port}; location / {{ return 200 "ok"; }} }}
}}
""")

    def command(self):
        return [NGINX, "-p", self.folder, "-c", f"{self.folder}/nginx.conf",
                "-e", f"{self.folder}/error.log"]


class Apache(Server):
    """The same with Apache httpd."""

    def configure(self):
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        modules = "\n".join(
            f"LoadModule {name}_module {MODULES}/mod_{name}.so"
            for name in ("mpm_event", "authz_core", "rewrite") if
            os.path.exists(f"{MODULES}/mod_{name}.so"))
        self.write("index.html", "ok")
        self.write("apache.conf", f"""
ServerRoot {self.folder}
ServerName 127.0.0.1
{modules}
Listen 127.0.0.1:{self.port}
PidFile {self.folder}/pid
{user}
StartServers 1
ThreadsPerChild 16
MaxRequestWorkers 16
ServerLimit 1
MaxKeepAliveRequests 0
KeepAliveTimeout 20
ErrorLog {self.folder}/error.log
LogFormat "%r" seen
CustomLog {self.folder}/access.log seen
DocumentRoot {self.folder}
RewriteEngine On
RewriteRule .* - [R=404]
""")

    def command(self):
        return [APACHE, "-X", "-f", f"{self.folder}/apache.conf"]


class Squid(Server):
    """A parent proxy; with users={"name": "password"} it asks for Basic credentials."""

    def configure(self, hosts=(), users=None):
        self.write("hosts", "".join(f"127.0.0.1 {name}\n" for name in hosts))
        auth = ""
        if users:
            self.write("users", "".join(f"{name}:{digest(password)}\n"
                                        for name, password in users.items()))
            auth = f"""
auth_param basic program /usr/lib/squid/basic_ncsa_auth {self.folder}/users
auth_param basic realm parent
acl known proxy_auth REQUIRED
http_access deny !known
"""
        user = "cache_effective_user proxy" if os.geteuid() == 0 else ""
        self.write("squid.conf", f"""
http_port 127.0.0.1:{self.port}
hosts_file {self.folder}/hosts
{user}
acl forbidden urlpath_regex ^/forbidden
acl forbidden_host dstdomain forbidden.test
http_access deny forbidden
http_access deny forbidden_host
{auth}
http_access allow all
cache deny all
access_log stdio:{self.folder}/access.log squid
cache_log {self.folder}/cache.log
cache_store_log none
pid_filename none
coredump_dir {self.folder}
netdb_filename none
pinger_enable off
max_filedescriptors 1000
shutdown_lifetime 0 seconds
visible_hostname parent.test
workers 1
""")

    def command(self):
        return [SQUID, "-N", "-f", f"{self.folder}/squid.conf"]


def digest(password):
    """What basic_ncsa_auth knows everywhere: Apache's variant of MD5."""
    return subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=password, text=True,
                          capture_output=True, check=True).stdout.strip()
