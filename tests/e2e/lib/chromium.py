# SPDX-License-Identifier: MIT
"""Headless Chromium behind a proxy, driven over a DevTools pipe (no port, no web socket)."""
import base64
import fcntl
import json
import os
import select
import shutil
import tempfile
import time

from . import nssdb, process

BROWSER = "/usr/lib/chromium/chromium"  # /usr/bin/chromium adds switches and keys of the system's
SECONDS = 60  # to start, or to load a page, on a busy machine
PROMPTS = 5  # credentials are given so often for one page, then the prompt is cancelled
# Nothing but the pages asked for: no updates, no probes, no suggestions, no name lookups.
QUIET = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-default-apps", "--disable-domain-reliability", "--disable-breakpad",
         "--disable-client-side-phishing-detection", "--no-pings", "--metrics-recording-only",
         "--password-store=basic", "--use-mock-keychain", "--disable-quic",
         "--disable-features=OptimizationHints,MediaRouter,Translate,CertificateTransparency"
         "ComponentUpdater,AutofillServerCommunication,InterestFeedContentSuggestions,"
         "NetworkTimeServiceQuerying,SafeBrowsing,DialMediaRouteProvider,PrivacySandboxSettings4",
         "--component-updater=url-source=http://127.0.0.1:9/", "--gaia-url=http://127.0.0.1:9",
         "--google-apis-url=http://127.0.0.1:9", "--allow-browser-signin=false",
         "--variations-server-url=http://127.0.0.1:9/",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"]
# A certificate that it refuses would make it ask a site of its maker's for a captive portal.
SETTINGS = {"alternate_error_pages": {"enabled": False}}


class Page:
    """What came of a navigation."""

    def __init__(self, status, text, error, prompts, protocol):
        self.status = status  # of the last answer for the page, None where there was none
        self.security = {}  # securityDetails of DevTools, and "state": secure or not
        self.text = text
        self.error = error  # such as net::ERR_TUNNEL_CONNECTION_FAILED, or None
        self.prompts = prompts  # [{"scheme": ..., "realm": ..., "origin": ...}, ...] by the proxy
        self.protocol = protocol

    def __repr__(self):
        return (f"Page(status={self.status}, error={self.error}, prompts={self.prompts}, "
                f"text={self.text[:200]!r})")


def first_state(scheme):
    """Local State as it is after a first 407: the GSSAPI library may be loaded.

    A browser that has never seen Negotiate shows that 407 and has the library from the
    next request on. There is no switch for the schemes any more, only this setting.
    """
    state = {"net": {"received_http_auth_negotiate_headers": True}}
    if scheme:
        state["auth"] = {"schemes": scheme}
    return state


def high_pipe():
    """A pipe whose ends are clear of the descriptors that Chromium wants them on."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high


class DevTools:
    """JSON messages, each ended by NUL, on two pipes."""

    def __init__(self, reading, writing):
        self._reading, self._writing, self._pending = reading, writing, b""
        self._last = 0
        self.on_event = lambda event: None  # sees every event as it comes; may send

    def send(self, method, session=None, **params):
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        return self._last

    def receive(self, end):
        """The next message; None when there is none before the time `end`."""
        while b"\0" not in self._pending:
            if not select.select([self._reading], [], [], max(0, end - time.monotonic()))[0]:
                return None
            data = os.read(self._reading, 1 << 20)
            if not data:
                raise AssertionError("Chromium has ended")
            self._pending += data
        text, _, self._pending = self._pending.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.on_event(message)
        return message

    def call(self, method, session=None, **params):
        """Sends and waits for the result."""
        number, end = self.send(method, session, **params), time.monotonic() + SECONDS
        while True:
            message = self.receive(end)
            assert message is not None, f"no result of {method} in {SECONDS} s"
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]

    def close(self):
        os.close(self._reading)
        os.close(self._writing)


class Chromium:
    """One browser with a fresh profile in `folder`, all of whose traffic goes to the proxy.

    scheme: the only scheme that it may answer with (basic, digest, ntlm, negotiate), or
    several with commas, or None for all. env: more environment (KRB5_CONFIG, KRB5CCNAME:
    a ticket is then used without a prompt). trust: files with CAs that come into the user's
    database; without it certificates of origins are not verified.
    """

    def __init__(self, folder, proxy, scheme=None, env=None, flags=(), trust=None):
        home = os.path.join(str(folder), "chromium")
        command = [BROWSER, *QUIET, f"--user-data-dir={home}/profile",
                   f"--proxy-server=http://{proxy[0]}:{proxy[1]}",
                   "--proxy-bypass-list=<-loopback>", "--auth-server-allowlist=*",
                   *(["--ignore-certificate-errors"] if trust is None else []),
                   "--remote-debugging-pipe", *flags, "about:blank"]
        os.makedirs(f"{home}/profile/Default")
        if trust is not None:
            nssdb.write(f"{home}/.pki/nssdb", trust)
        with open(f"{home}/profile/Local State", "w", encoding="utf-8") as f:
            json.dump(first_state(scheme), f)
        with open(f"{home}/profile/Default/Preferences", "w", encoding="utf-8") as f:
            json.dump(SETTINGS, f)
        to_browser, from_browser = high_pipe(), high_pipe()
        self.log = os.path.join(home, "output")
        self._short = tempfile.mkdtemp(prefix="chromium-")  # its sockets' names must be short
        environment = process.environment(home, **{"TMPDIR": self._short, **(env or {})})
        with open(self.log, "wb") as output:
            # Chromium reads messages on descriptor 3 and writes them on 4.
            command = ["/bin/bash", "-c", f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}',
                       "bash", *command]
            self.process = process.start(command, environment, stdout=output, stderr=output,
                                         pass_fds=(to_browser[0], from_browser[1]))
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._tools = DevTools(from_browser[0], to_browser[1])
        try:
            self.version = self._tools.call("Browser.getVersion")["product"]
        except AssertionError as fault:
            self.close()
            raise AssertionError(f"{fault}: {self.said()}") from None

    def open(self, url, user=None, password=None, seconds=SECONDS):
        """Opens a tab at the URL and answers the proxy's prompts; the Page once it is loaded.

        Without a user prompts are cancelled: the page is then the proxy's 407.
        """
        tools, page = self._tools, Page(None, "", None, [], None)
        tab = tools.call("Target.createTarget", url="about:blank")["targetId"]
        session = tools.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Network"):
            tools.call(f"{domain}.enable", session)
        tools.call("Fetch.enable", session, handleAuthRequests=True)
        tools.on_event = lambda event: self._pass(event, page, user, password)
        loading = tools.send("Page.navigate", session, url=url)
        self._session = session
        self._load(loading, page, time.monotonic() + seconds)
        page.text = self.evaluate("document.body ? document.body.innerText.trim() : ''")
        return page

    def _load(self, loading, page, end):
        while True:
            message = self._tools.receive(end)
            if message is None:
                page.error = "timeout"
                return
            if message.get("id") == loading:
                page.error = message.get("result", message).get("errorText")
                if page.error:
                    return
            if message.get("sessionId") != self._session:
                continue
            event, what = message.get("method"), message.get("params", {})
            if event == "Network.responseReceived" and what["type"] == "Document":
                page.status = what["response"]["status"]
                page.protocol = what["response"].get("protocol")
                page.security = {**what["response"].get("securityDetails", {}),
                                 "state": what["response"].get("securityState")}
            elif event == "Page.loadEventFired" and page.status is not None:
                return

    def _pass(self, event, page, user, password):
        """Lets every request go on, with credentials where the proxy asks for them; the
        prompt of anybody else, or one too many, is cancelled."""
        what, session = event["params"], event.get("sessionId")
        if event["method"] == "Fetch.requestPaused":
            self._tools.send("Fetch.continueRequest", session, requestId=what["requestId"])
        if event["method"] != "Fetch.authRequired":
            return
        challenge, answer = what["authChallenge"], {"response": "CancelAuth"}
        if challenge.get("source") == "Proxy":
            page.prompts.append({k: challenge.get(k) for k in ("scheme", "realm", "origin")})
            if user is not None and len(page.prompts) <= PROMPTS:
                answer = {"response": "ProvideCredentials", "username": user,
                          "password": password}
        self._tools.send("Fetch.continueWithAuth", session, requestId=what["requestId"],
                         authChallengeResponse=answer)

    def evaluate(self, script):
        """The value of a script (a promise is waited for) in the page opened last."""
        done = self._tools.call("Runtime.evaluate", self._session, expression=script,
                                returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def certificates(self, origin):
        """The chain, in DER, that https://HOST:PORT showed; the leaf is the first."""
        done = self._tools.call("Network.getCertificate", self._session, origin=origin)
        return [base64.b64decode(one) for one in done["tableNames"]]

    def screenshot(self, path):
        """A PNG file of the page opened last."""
        done = self._tools.call("Page.captureScreenshot", self._session, format="png")
        with open(path, "wb") as f:
            f.write(base64.b64decode(done["data"]))
        return path

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        self._tools.close()
        process.stop(self.process)
        shutil.rmtree(self._short, ignore_errors=True)
