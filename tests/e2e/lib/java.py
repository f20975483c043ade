# SPDX-License-Identifier: MIT
"""Java's HttpURLConnection and HttpClient behind a proxy: HttpClientProbe.java beside this file,
run each time."""
import os
import re

from . import process

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 90

# Every scheme for tunnels too: Java refuses Basic there unless told otherwise.
SCHEMES = ["-Djdk.http.auth.tunneling.disabledSchemes=",
           "-Djdk.http.auth.proxying.disabledSchemes="]

LOGIN = """com.sun.security.jgss.krb5.initiate {{
  com.sun.security.auth.module.Krb5LoginModule required
    useTicketCache=true ticketCache="{cache}" doNotPrompt=true;
}};
"""


class Result:
    """One URL: the status (None: an exception), the schemes that prompted, the body."""

    def __init__(self, status, prompts, text):
        self.status, self.prompts, self.text = status, prompts, text

    def __repr__(self):
        return f"Result(status={self.status}, prompts={self.prompts}, text={self.text[:300]!r})"


class Java:
    """Compiles the probe into the folder."""

    def __init__(self, folder):
        self.folder = os.path.join(str(folder), "java")
        self._environment = process.environment(self.folder)
        status, said = process.run(["javac", "-d", self.folder,
                                    os.path.join(HERE, "HttpClientProbe.java")],
                                   self._environment, seconds=SECONDS)
        assert status == 0, said

    def fetch(self, proxy, *urls, user=None, password=None, settings=(), kerberos=None,
              trust=None, client="HttpURLConnection"):
        """A Result for each URL, all by one run.

        settings: further arguments for java. kerberos: (krb5.conf, ticket cache), for a
        try without a prompt. trust: a PKCS12 keystore (password: changeit) by which origins'
        certificates are verified; without it all are taken. client: HttpURLConnection or
        HttpClient (of java.net.http).
        """
        ticket = self._kerberos(*kerberos) if kerberos else []
        if trust:
            settings = [*settings, f"-Djavax.net.ssl.trustStore={trust}",
                        "-Djavax.net.ssl.trustStorePassword=changeit"]
        status, said = process.run(
            ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8",
             "-Dstdout.encoding=UTF-8", "-Djava.net.useSystemProxies=false",
             "-Dsun.net.client.defaultConnectTimeout=20000", f"-Duser.home={self.folder}",
             f"-Djava.io.tmpdir={self.folder}", "-XX:-UsePerfData",
             f"-Dprobe.client={client}", *SCHEMES, *ticket, *settings,
             "-cp", self.folder, "HttpClientProbe", proxy[0], proxy[1], *urls],
            self._environment, data=f"{user or ''}\n{password or ''}\n".encode(),
            seconds=SECONDS)
        found = re.findall(r"^(\d{3}|!) (\S*)\n(.*?)(?=^(?:\d{3}|!) \S*\n|\Z)", said, re.M | re.S)
        assert status == 0 and len(found) == len(urls), said
        return [Result(None if code == "!" else int(code), prompts.split(",") if prompts else [],
                       text.removesuffix("\n")) for code, prompts, text in found]

    def _kerberos(self, configuration, cache):
        login = os.path.join(self.folder, "login.conf")
        with open(login, "w", encoding="utf-8") as f:
            f.write(LOGIN.format(cache=str(cache).removeprefix("FILE:")))
        return [f"-Djava.security.krb5.conf={configuration}",
                f"-Djava.security.auth.login.config={login}",
                "-Djavax.security.auth.useSubjectCredsOnly=false"]
