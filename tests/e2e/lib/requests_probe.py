# SPDX-License-Identifier: MIT
"""usage: requests_probe.py basic|digest|ntlm PROXY URL, with user and password on standard input.

Three GETs in one session of Python's requests; prints "STATUS body" of each.
"""
import re
import sys

import requests
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header
from requests_ntlm import HttpNtlmAuth


class ProxyDigest(HTTPDigestAuth):
    """requests' Digest for a proxy: the same computation, by 407 and Proxy-Authorization.

    As in requests, `uri` is the path alone, although the request line to a proxy has the
    whole URL.
    """

    def handle_407(self, answer, **options):
        challenge = answer.headers.get("proxy-authenticate", "")
        if answer.status_code != 407 or "digest" not in challenge.lower():
            return answer
        if self._thread_local.num_407_calls > 1:
            return answer
        self._thread_local.num_407_calls += 1
        self._thread_local.chal = parse_dict_header(
            re.sub("digest ", "", challenge, count=1, flags=re.IGNORECASE))
        answer.content  # read, so that the connection is free again
        again = answer.request.copy()
        again.headers["Proxy-Authorization"] = self.build_digest_header(again.method, again.url)
        second = answer.connection.send(again, **options)
        second.history.append(answer)
        second.request = again
        return second

    def __call__(self, request):
        self.init_per_thread_state()
        self._thread_local.num_407_calls = 0
        if self._thread_local.last_nonce:
            request.headers["Proxy-Authorization"] = self.build_digest_header(request.method,
                                                                              request.url)
        request.register_hook("response", self.handle_407)
        return request


def main():
    scheme, proxy, url = sys.argv[1:]
    user, password = [line.rstrip("\n") for line in sys.stdin.readlines()]
    session = requests.Session()
    session.trust_env = False
    session.verify = False
    requests.packages.urllib3.disable_warnings()
    session.proxies = {"http": proxy, "https": proxy}
    if scheme == "digest":
        session.auth = ProxyDigest(user, password)
    elif scheme == "ntlm":
        session.auth = HttpNtlmAuth(user, password)
    elif user:
        login = ":".join(requests.utils.quote(part, safe="") for part in (user, password))
        session.proxies = {kind: proxy.replace("://", f"://{login}@", 1)
                           for kind in ("http", "https")}
    for _ in range(3):
        answer = session.get(url, timeout=20)
        print(answer.status_code, answer.text)


if __name__ == "__main__":
    main()
