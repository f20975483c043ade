# SPDX-License-Identifier: MIT
"""Headless Firefox behind a proxy, driven by WebDriver BiDi over its web socket."""
import base64
import json
import os
import time

import websocket

from . import nssdb, process

BROWSER = "/usr/lib/firefox-esr/firefox-esr"
SECONDS = 60
PROMPTS = 5  # credentials are given so often for one page, then the prompt is cancelled
# In the browser's own window: of the tab opened last.
SECURITY = """(() => {
    const states = Ci.nsIWebProgressListener, tab = Array.from(gBrowser.browsers).pop();
    const info = tab.securityUI.secInfo;
    return JSON.stringify(info && {
        state: tab.securityUI.state & states.STATE_IS_SECURE ? "secure" : "insecure",
        error: info.errorCodeString, protocol: info.protocolVersion,
        issuer: info.serverCert.issuerName, leaf: Array.from(info.serverCert.getRawDER())});
})()"""
# Nothing but the pages asked for: each of these would dial somewhere by itself.
QUIET = {
    "app.normandy.enabled": False, "app.update.enabled": False, "app.update.auto": False,
    "app.shield.optoutstudies.enabled": False,
    "browser.aboutHomeSnippets.updateUrl": "", "browser.newtabpage.enabled": False,
    "browser.newtabpage.activity-stream.feeds.topsites": False,
    "browser.newtabpage.activity-stream.feeds.section.topstories": False,
    "browser.ping-centre.telemetry": False, "browser.region.network.url": "",
    "browser.region.update.enabled": False, "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.provider.google4.updateURL": "",
    "browser.safebrowsing.provider.google5.updateURL": "",
    "browser.safebrowsing.provider.mozilla.updateURL": "",
    "browser.search.geoSpecificDefaults": False, "browser.search.update": False,
    "browser.search.suggest.enabled": False, "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0, "browser.topsites.contile.enabled": False,
    "browser.translations.enable": False, "browser.urlbar.suggest.searches": False,
    "captivedetect.canonicalURL": "", "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.usage.uploadEnabled": False,
    "dom.push.connection.enabled": False, "dom.push.enabled": False, "dom.push.serverURL": "",
    "extensions.blocklist.enabled": False, "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False, "extensions.systemAddon.update.url": "",
    "extensions.update.enabled": False, "extensions.webservice.discoverURL": "",
    "geo.provider.network.url": "", "identity.fxaccounts.enabled": False,
    "media.gmp-manager.url": "", "media.gmp-manager.updateEnabled": False,
    "media.gmp-gmpopenh264.enabled": False, "media.gmp-widevinecdm.enabled": False,
    "messaging-system.rsexperimentloader.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True, "network.dns.native_https_query": False,
    "network.http.speculative-parallel-limit": 0, "network.predictor.enabled": False,
    "network.prefetch-next": False, "network.trr.mode": 5,
    "nimbus.rollouts.enabled": False, "privacy.trackingprotection.enabled": False,
    "remote.prefs.recommended": True, "security.OCSP.enabled": 0,
    "security.certerrors.mitm.priming.enabled": False,
    "security.remote_settings.crlite_filters.enabled": False,
    "security.remote_settings.intermediates.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": False, "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,", "toolkit.telemetry.unified": False,
    "trailhead.firstrun.didSeeAboutWelcome": True,
}


class Page:
    """What came of a navigation."""

    def __init__(self):
        self.status = None  # of the last answer for the page, None where there was none
        self.text = ""
        self.error = None  # such as NS_ERROR_PROXY_FORBIDDEN, or None
        self.prompts = []  # [{"scheme": ..., "realm": ...}, ...]
        self.protocol = None

    def __repr__(self):
        return (f"Page(status={self.status}, error={self.error}, prompts={self.prompts}, "
                f"text={self.text[:200]!r})")


class Bidi:
    """Commands and events of WebDriver BiDi."""

    def __init__(self, port):
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}/session", timeout=SECONDS, suppress_origin=True,
            http_no_proxy=["127.0.0.1"])
        self._last = 0
        self.on_event = lambda event: None  # sees every event as it comes; may send

    def send(self, method, **params):
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        return self._last

    def receive(self, end):
        """The next message; None when there is none before the time `end`."""
        self._socket.settimeout(max(0.01, end - time.monotonic()))
        try:
            message = json.loads(self._socket.recv())
        except websocket.WebSocketTimeoutException:
            return None
        if message["type"] == "event":
            self.on_event(message)
        return message

    def call(self, method, **params):
        number, end = self.send(method, **params), time.monotonic() + SECONDS
        while True:
            message = self.receive(end)
            assert message is not None, f"no result of {method} in {SECONDS} s"
            if message.get("id") == number:
                assert message["type"] == "success", f"{method}: {message}"
                return message["result"]

    def close(self):
        self._socket.close()


class Firefox:
    """One browser with a fresh profile in `folder`, all of whose traffic goes to the proxy.

    settings: further preferences. env: more environment (KRB5_CONFIG, KRB5CCNAME: a
    ticket is then used without a prompt). trust: files with CAs that come into the profile's
    database; without it certificates of origins are not verified.
    """

    def __init__(self, folder, proxy, settings=None, env=None, trust=None):
        home = os.path.join(str(folder), "firefox")
        profile = f"{home}/profile"
        environment = process.environment(home, MOZ_HEADLESS=1, MOZ_CRASHREPORTER_DISABLE=1,
                                          MOZ_DISABLE_AUTO_SAFE_MODE=1,
                                          MOZ_REMOTE_SETTINGS_DEVTOOLS=1, **(env or {}))
        os.makedirs(profile)
        write_settings(profile, {**QUIET, **proxy_settings(proxy), **(settings or {})})
        if trust is not None:
            nssdb.write(profile, trust)
        self.log = os.path.join(home, "output")
        with open(self.log, "wb") as output:
            self.process = process.start(
                [BROWSER, "--headless", "--no-remote", "--profile", profile,
                 "--remote-debugging-port=0", "--remote-allow-system-access", "about:blank"],
                environment, stdout=output, stderr=output)
        try:
            self._bidi = Bidi(self._wait_port(f"{profile}/WebDriverBiDiServer.json"))
            done = self._bidi.call("session.new",
                                   capabilities={"alwaysMatch": {
                                       "acceptInsecureCerts": trust is None}})
            self.version = "Firefox/" + done["capabilities"]["browserVersion"]
            self._bidi.call("session.subscribe",
                            events=["network.authRequired", "network.responseCompleted",
                                    "network.fetchError", "browsingContext.load"])
            self._bidi.call("network.addIntercept", phases=["authRequired"])
        except BaseException:
            process.stop(self.process)
            raise
        self._tab = None

    def _wait_port(self, path):
        end = time.monotonic() + SECONDS
        while True:
            try:
                with open(path, encoding="ascii") as f:
                    return json.load(f)["ws_port"]
            except (FileNotFoundError, ValueError):
                assert self.process.poll() is None, f"Firefox has ended: {self.said()}"
                assert time.monotonic() < end, f"Firefox does not come up: {self.said()}"
                time.sleep(0.05)

    def open(self, url, user=None, password=None, seconds=SECONDS):
        """Opens a tab at the URL and answers the proxy's prompts; the Page once it is loaded.

        Without a user prompts are cancelled.
        """
        bidi, page = self._bidi, Page()
        bidi.on_event = lambda event: self._answer(event, page, user, password)
        self._tab = bidi.call("browsingContext.create", type="tab")["context"]
        loading = bidi.send("browsingContext.navigate", context=self._tab, url=url,
                            wait="complete")
        self._load(loading, page, time.monotonic() + seconds)
        if page.error is None:
            page.text = self.evaluate("document.body ? document.body.innerText.trim() : ''")
        return page

    def _load(self, loading, page, end):
        while True:
            message = self._bidi.receive(end)
            if message is None:
                page.error = page.error or "timeout"
                return
            if message.get("id") == loading:
                if message["type"] == "error":
                    page.error = page.error or message["message"]
                return
            event, what = message.get("method"), message.get("params", {})
            if what.get("context") != self._tab or what.get("navigation") is None:
                continue
            if event == "network.responseCompleted":
                page.status = what["response"]["status"]
                page.protocol = what["response"]["protocol"]
            elif event == "network.fetchError":
                page.error = what["errorText"]

    def _answer(self, event, page, user, password):
        if event["method"] != "network.authRequired":
            return
        what = event["params"]
        page.prompts.extend(what["response"].get("authChallenges", [])[:1])
        answer = {"action": "cancel"}
        if user is not None and len(page.prompts) <= PROMPTS:
            answer = {"action": "provideCredentials",
                      "credentials": {"type": "password", "username": user,
                                      "password": password}}
        self._bidi.send("network.continueWithAuth", request=what["request"]["request"], **answer)

    def evaluate(self, script):
        """The value of an expression (a promise is waited for) in the page opened last."""
        done = self._bidi.call("script.evaluate", expression=script, awaitPromise=True,
                               target={"context": self._tab})
        assert done["type"] == "success", done
        return done["result"].get("value")

    def security(self):
        """What the browser holds of the connection of the page opened last: {"state": "secure"
        or not, "error": code or "", "issuer": CN=..., "leaf": DER}; None without a connection."""
        tabs = self._bidi.call("browsingContext.getTree", **{"moz:scope": "chrome"})["contexts"]
        window = next(t["context"] for t in tabs if t["url"].endswith("/browser.xhtml"))
        done = self._bidi.call("script.evaluate", expression=SECURITY, awaitPromise=True,
                               target={"context": window})
        assert done["type"] == "success", done
        found = json.loads(done["result"]["value"])
        if found:
            found["leaf"] = bytes(found["leaf"])
        return found

    def screenshot(self, path):
        """A PNG file of the page opened last."""
        done = self._bidi.call("browsingContext.captureScreenshot", context=self._tab)
        with open(path, "wb") as f:
            f.write(base64.b64decode(done["data"]))
        return path

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        self._bidi.close()
        process.stop(self.process)


def proxy_settings(proxy):
    """HTTP and HTTPS through the proxy, loopback too; single sign-on to whatever asks."""
    host, port = proxy
    return {"network.proxy.type": 1, "network.proxy.http": host, "network.proxy.http_port": port,
            "network.proxy.ssl": host, "network.proxy.ssl_port": port,
            "network.proxy.no_proxies_on": "", "network.proxy.allow_hijacking_localhost": True,
            "network.proxy.failover_direct": False,
            "network.negotiate-auth.trusted-uris": f"http://,https://,{host}",
            "network.negotiate-auth.allow-proxies": True,
            "network.automatic-ntlm-auth.allow-proxies": True,
            "network.auth.use-sspi": False}


def write_settings(profile, settings):
    with open(os.path.join(profile, "user.js"), "w", encoding="utf-8") as f:
        for name, value in settings.items():
            f.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
