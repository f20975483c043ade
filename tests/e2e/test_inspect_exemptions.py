# SPDX-License-Identifier: MIT
"""What is never inspected passes with every octet as it was sent, its ClientHello first; and
nobody is exempted by what he writes into that hello."""
import os
import time

import pytest

from lib.http_steps import OPEN, response
from lib.http_wire import RecordingOrigin, read_cut, read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ACCESS_DENIED, NO_APPLICATION_PROTOCOL, TlsOrigin, alpn, alt_names, ca, check_page,
    cut_records, inspecting, issue, make_hello, padding, read_alert, records, request, server_name,
    site)
from lib.metrics import get, scrape
from lib.steps import close_record

# A few of tests/data/policy/exemptions.tsv (test_inspect_exempt_names.py has them all).
INSIDE = ["mcs.webex.com", "MCS.Webex.COM", "mcs.webex.com.", "epcb12.webex.com",
          "x.mcc-a.y.webex.com"]
OUTSIDE = ["www.webex.com", "mc.webex.com", "mcswebex.com", "mcs.webex.com.test"]
ALL = {"never": ["webex-uninspectable", "webex-media", "exempt"]}
RULES = {
    "destinations": {"exempt": {"domains": ["exempt.test"], "addresses": ["127.0.32.0/28"]},
                     "bad": {"domains": ["denied.test"]},
                     "raw": {"domains": ["tunnel.test"]},
                     "any": {"domains": ["*"], "addresses": ["0.0.0.0/0", "::/0"]}},
    "rules": [{"name": "bad", "to": ["bad"], "action": "deny"},
              {"name": "raw", "to": ["raw"], "ports": ["1-65535"], "action": "allow",
               "tls": "tunnel"},
              {"name": "any", "to": ["any"], "ports": ["1-65535"], "action": "allow",
               "tls": "inspect"}]}


@pytest.fixture
def start(inspecting):
    """A proxy of which each rule says "inspect"; exempt.test and 127.0.32.0/28 never are."""
    def run(names=(), **sections):
        return inspecting(inspection=ALL, names=names, **{**RULES, **sections})
    return run


def raw_origin(closing, **options):
    return closing(RecordingOrigin(**options))


def check_untouched(i, c, there, hello, reason, **logged):
    """The hello arrives as it is; so do bytes both ways behind it; the log says why."""
    c.send(hello)
    peer = there.accept()
    assert peer.read(len(hello)) == hello
    check_tunnel(c, peer)
    record = close_record(i.proxy, tls="tunnel", tls_reason=reason, **logged)
    assert i.log.records(event="request") == []
    return record


def check_tunnel(c, peer):
    noise = os.urandom(1000)
    peer.send(noise)
    assert c.read(1000) == noise
    c.send(noise[::-1])
    assert peer.read(1000) == noise[::-1]
    c.close()
    assert peer.read_to_end() == b""
    peer.close()


# By name

@pytest.mark.parametrize("name", INSIDE)
def test_a_name_inside_the_globs_passes_untouched(start, closing, name):
    i = start(names=[name.lower().rstrip(".")])
    there = raw_origin(closing)
    hello = make_hello(server_name(name.rstrip(".")) + alpn("h2", "http/1.1"))
    check_untouched(i, i.tunnel(name, there), there, hello, "never: webex-uninspectable")


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_outside_them_is_inspected(start, pki, tmp_path, closing, name):
    i = start(names=[name])
    there = closing(TlsOrigin(issue(pki, tmp_path, "leaf", [name])))
    c = i.inside(name, there)
    assert "Inspection CA" in c.certificate.issuer.rfc4514_string()
    c.send(request(f"{name}:{there.port}"))
    read_message(there.accept())
    assert i.log.one(event="open")["tls"] == "inspect"


def test_the_globs_hold_without_never(inspecting, closing):
    """webex-uninspectable and webex-media always belong to what is never inspected."""
    i = inspecting(inspection={"never": None}, names=["amcs.webex.com"])
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("amcs.webex.com", there), there,
                    make_hello(server_name("amcs.webex.com")), "never: webex-uninspectable")


# By source

@pytest.mark.parametrize("source, is_exempt", [
    ("127.7.0.1", True), ("127.7.0.255", True), ("127.7.1.0", False), ("127.6.255.255", False)])
def test_sources(inspecting, closing, source, is_exempt):
    i = inspecting(inspection={"never_from": ["rooms"]},
                   sources={"rooms": {"addresses": ["127.7.0.0/24"]}})
    if is_exempt:
        there = raw_origin(closing)
        check_untouched(i, i.tunnel("api.test", there, source=(source, 0)), there,
                        make_hello(server_name("api.test")), "never_from: rooms", client=source)
    else:
        there = i.origin()
        i.inside("api.test", there, source=(source, 0))
        assert i.log.one(event="open")["tls"] == "inspect"


# By the address that is dialled

@pytest.mark.parametrize("address, is_exempt", [
    ("127.0.32.0", True), ("127.0.32.15", True), ("127.0.32.16", False), ("127.0.31.255", False)])
def test_addresses_that_are_dialled(start, closing, address, is_exempt):
    i = start(names={"media.test": address, "api.test": address})
    if is_exempt:
        there = raw_origin(closing, address=address)
        for name in ("media.test", address):
            hello = make_hello(server_name("media.test"))
            c = i.tunnel(name, there)
            c.send(hello)
            peer = there.accept()
            assert peer.read(len(hello)) == hello
            check_tunnel(c, peer)
            assert i.log.one(event="close", host=name, tls="tunnel")["tls_reason"] == \
                "never: exempt"
    else:
        there = i.origin(address=address)
        i.inside("api.test", there)
        assert i.log.one(event="open")["tls"] == "inspect"


def test_no_name_in_the_hello_to_an_exempt_address(start, closing):
    i = start()
    there = raw_origin(closing, address="127.0.32.3")
    check_untouched(i, i.tunnel("127.0.32.3", there), there, make_hello(), "never: exempt")


def test_no_name_in_the_hello_to_an_exempt_host(start, closing):
    i = start()
    there = raw_origin(closing)
    record = check_untouched(i, i.tunnel("exempt.test", there), there, make_hello(),
                             "never: exempt")
    assert "sni" not in record


def test_no_name_in_the_hello_elsewhere_gets_the_leaf_of_the_connect_host(start):
    i = start()
    there = i.origin()
    c = i.inside("api.test", there, sni=None)
    assert "api.test" in alt_names(c.certificate)
    c.send(request(f"api.test:{there.port}"))
    assert there.accept().sni in ("api.test", None)
    assert "sni" not in i.log.one(event="open", tls="inspect")


# The hello in every shape, to an exempt host: the same octets at the origin

SHAPES = {
    "small": make_hello(server_name("exempt.test")),
    "post-quantum": make_hello(server_name("exempt.test") + padding(1700)),
    "records of 1": make_hello(server_name("exempt.test"), record=1),
    "records of 50": make_hello(server_name("exempt.test") + padding(1700), record=50),
    "60 KiB": make_hello(server_name("exempt.test") + padding(61_000)),
    "more than 64 KiB": records(b"\x01" + (70_000).to_bytes(3, "big") + bytes(70_000), 16384),
    "not what it says": b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00" + bytes(50),
    "SSLv2": b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + bytes(35),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_hellos_of_every_shape_pass_untouched(start, closing, shape):
    i = start()
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("exempt.test", there), there, SHAPES[shape], "never: exempt")


@pytest.mark.parametrize("size, pause", [(1, 0), (1, 0.001), (7, 0.002), (1400, 0.01)])
def test_hellos_in_segments_pass_untouched(start, closing, size, pause):
    i = start()
    there = raw_origin(closing)
    hello = make_hello(server_name("exempt.test") + padding(1700 if size > 1 else 100))
    c = i.tunnel("exempt.test", there)
    for at in range(0, len(hello), size):
        c.send(hello[at:at + size])
        if pause:
            time.sleep(pause)
    peer = there.accept()
    assert peer.read(len(hello)) == hello
    check_tunnel(c, peer)
    assert close_record(i.proxy, tls="tunnel")["sni"] == "exempt.test"


def test_a_hello_in_the_segment_of_the_connect(start, closing):
    i = start()
    there = raw_origin(closing)
    hello = make_hello(server_name("exempt.test"))
    c = i.client()
    assert c.connect(f"exempt.test:{there.port}", behind=hello).status == 200
    peer = there.accept()
    assert peer.read(len(hello)) == hello
    check_tunnel(c, peer)


def test_an_exempt_host_keeps_its_own_certificate(start, pki):
    i = start()
    there = i.origin()
    c = i.inside("exempt.test", there, trust=f"{pki}/ca.pem", strict=False)
    assert "Sallyport test CA" in c.certificate.issuer.rfc4514_string()
    peer = there.accept()
    c.send(b"any octets\0")
    assert peer.read(11) == b"any octets\0"


# The hello in every shape, where it is inspected

def cut_bytes(data, size):
    return [data[n:n + size] for n in range(0, len(data), size)]


CUTS = {
    "1-byte segments": (0, lambda flight: cut_bytes(flight, 1)),
    "records of 1": (0, lambda flight: [cut_records(flight, 1)]),
    "post-quantum": (8, lambda flight: [flight]),
    "post-quantum in two segments": (8, lambda flight: cut_bytes(flight, 1400)),
    "post-quantum in records of 100 in segments of 7":
        (8, lambda flight: cut_bytes(cut_records(flight, 100), 7)),
    "60 KiB": (230, lambda flight: [flight]),
    "60 KiB in segments of 999": (230, lambda flight: cut_bytes(flight, 999)),
}


@pytest.mark.parametrize("shape", CUTS)
def test_hellos_of_every_shape_are_inspected(start, shape):
    """What makes them long is their list of protocols; http/1.1 comes last in it."""
    protocols, cut = CUTS[shape]
    i = start()
    there = i.origin()
    offers = [chr(ord("a") + n % 26) * 254 for n in range(protocols)] + ["http/1.1"]
    c = i.inside("api.test", there, cut=cut, protocols=offers)
    assert c.tls.selected_alpn_protocol() == "http/1.1"
    c.send(request(f"api.test:{there.port}"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


def test_a_hello_of_more_than_64_kib_is_refused_where_it_would_be_inspected(start, closing):
    i = start()
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(SHAPES["more than 64 KiB"])
    assert read_cut(c)[0] in (b"", b"\x15\x03\x03\x00\x02\x02\x32"), "only decode_error"
    assert there.accept().read_to_end() == b""
    assert i.log.one(end="tunnel_not_tls")["host"] == "api.test"


def test_a_hello_that_never_completes(start, closing):
    i = start(limits={"header_timeout": "1s"})
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(make_hello(server_name("api.test"))[:60])
    before = time.monotonic()
    assert c.is_ended(5), "the connection stays open"
    assert 0.5 < time.monotonic() - before < 4
    assert i.log.one(end="hello_timeout")["host"] == "api.test"
    peer = there.accept()
    assert peer.read_to_end() == b"", "bytes of a hello that was not passed on"


def test_a_hello_that_never_completes_passes_to_an_exempt_host(start, closing):
    i = start(limits={"header_timeout": "1s"})
    there = raw_origin(closing)
    c = i.tunnel("exempt.test", there)
    part = make_hello(server_name("exempt.test"))[:60]
    c.send(part)
    peer = there.accept()
    assert peer.read(60) == part
    c.send(b"and on")
    assert peer.read(6) == b"and on"


# Names in hellos

def test_an_exempt_name_in_the_hello_exempts_nothing(start):
    """So nobody dodges inspection by asking for a name of Webex."""
    i = start()
    there = i.origin()
    for sni in ("exempt.test", "amcsx.webex.com"):
        c = i.inside("api.test", there, sni=sni)
        assert "Inspection CA" in c.certificate.issuer.rfc4514_string()
    records_ = i.log.wait(2, event="open")
    assert {r["tls"] for r in records_} == {"inspect"}
    assert [r["sni"] for r in records_] == ["exempt.test", "amcsx.webex.com"]


def test_a_denied_name_in_the_hello_is_denied_inside(start):
    i = start()
    there = i.origin()
    c = i.inside("api.test", there, sni="denied.test")
    assert "Inspection CA" in c.certificate.issuer.rfc4514_string()
    c.send(request(f"denied.test:{there.port}"))
    check_page(c.read_answer(), 403, "http_request_denied", "denied.test")
    assert there.tcp <= 1 and there.accepted == [], "TLS with the origin all the same"
    assert i.log.wait(1, end="sni_denied")


@pytest.mark.parametrize("name", ["tunnel.test", "exempt.test"])
def test_a_denied_name_in_the_hello_where_nothing_is_inspected(start, closing, name):
    i = start()
    there = raw_origin(closing)
    c = i.tunnel(name, there)
    c.send(make_hello(server_name("denied.test")))
    assert read_alert(c) == (2, ACCESS_DENIED)
    peer = there.accept()
    assert peer.read_to_end() == b"", "the hello was passed on"
    record = i.log.one(end="sni_denied")
    assert record["host"] == name and record["verdict"] == "deny"


def test_an_inspected_name_in_the_hello_of_a_tunnel(start):
    """The name can add inspection: a tunnel to tunnel.test that asks for api.test."""
    i = start()
    there = i.origin()
    c = i.inside("tunnel.test", there, sni="api.test")
    assert "Inspection CA" in c.certificate.issuer.rfc4514_string()


# What is not TLS

SSH = b"SSH-2.0-probe\r\n"


def rules_with(not_tls, tls="inspect"):
    more = {} if not_tls is None else {"not_tls": not_tls}
    return {"rules": [{"name": "any", "to": ["any"], "ports": ["1-65535"], "action": "allow",
                       "tls": tls, **more}]}


@pytest.mark.parametrize("data", [SSH, b"\x00\x01\x02", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_not_tls_is_refused_where_it_would_be_inspected(start, closing, data):
    i = start()
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(data)
    if data[:1].isalpha():
        assert c.read_answer().status == 403
    assert c.is_ended()
    peer = there.accept()
    assert peer.read_to_end() == b""
    record = i.log.one(end="tunnel_not_tls")
    assert (record["verdict"], record["host"]) == ("deny", "api.test")


@pytest.mark.parametrize("data", [SSH, b"\x00\x01\x02"])
def test_not_tls_passes_where_the_rule_says_so(start, closing, data):
    i = start(**rules_with("tunnel"))
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(data)
    peer = there.accept()
    assert peer.read(len(data)) == data
    check_tunnel(c, peer)
    close_record(i.proxy, tls="tunnel")


def test_not_tls_is_refused_in_a_tunnel_whose_rule_says_so(start, closing):
    i = start(**rules_with("deny", tls="tunnel"))
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(b"\x00\x01\x02")
    assert c.is_ended()
    assert there.accept().read_to_end() == b""
    assert i.log.one(end="tunnel_not_tls")


def test_tls_passes_in_a_tunnel_whose_rule_refuses_everything_else(start, closing):
    i = start(**rules_with("deny", tls="tunnel"))
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("api.test", there), there, make_hello(server_name("api.test")),
                    "tls of the rule")


@pytest.mark.parametrize("not_tls, passes", [("tunnel", True), ("deny", False), (None, False)])
def test_an_origin_that_speaks_first(start, closing, not_tls, passes):
    i = start(**rules_with(not_tls))
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    peer = there.accept()
    peer.send(b"220 ready\r\n")
    if passes:
        assert c.read(11) == b"220 ready\r\n"
        check_tunnel(c, peer)
        close_record(i.proxy, tls="tunnel")
    else:
        assert c.is_ended(), "the connection stays open, or bytes came"
        assert i.log.one(end="tunnel_not_tls")


def test_an_origin_that_speaks_first_to_an_exempt_client(start, closing):
    i = start()
    there = raw_origin(closing)
    c = i.tunnel("exempt.test", there)
    peer = there.accept()
    peer.send(b"220 ready\r\n")
    assert c.read(11) == b"220 ready\r\n"
    check_tunnel(c, peer)


# Protocols that we do not speak

def test_h2_alone_is_refused_with_an_alert(start, closing):
    """RFC 7301 section 3.2."""
    i = start()
    there = raw_origin(closing)
    c = i.tunnel("api.test", there)
    c.send(make_hello(server_name("api.test") + alpn("h2")))
    assert read_alert(c) == (2, NO_APPLICATION_PROTOCOL)
    assert there.accept().read_to_end() == b""
    assert i.log.one(end="tunnel_not_tls")["host"] == "api.test"
    _, _, body = get(i.proxy, "/api/proposed-exemptions")
    assert b'"host":"api.test"' in body and b'"alpn":1' in body


def test_h2_alone_passes_where_the_rule_says_so(start, closing):
    i = start(**rules_with("tunnel"))
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("api.test", there), there,
                    make_hello(server_name("api.test") + alpn("h2")), "alpn: h2")


def test_h2_alone_passes_to_an_exempt_host(start, closing):
    i = start()
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("exempt.test", there), there,
                    make_hello(server_name("exempt.test") + alpn("h2")), "never: exempt")


# Order, and numbers

def test_never_holds_whatever_stands_first(inspecting, closing):
    i = inspecting(
        inspection=ALL, destinations={**RULES["destinations"],
                                      "wide": {"regex": ["^exempt"], "domains": ["*.test"]}},
        rules=[{"name": "first", "to": ["wide"], "ports": ["1-65535"], "action": "allow",
                "tls": "inspect"}])
    there = raw_origin(closing)
    check_untouched(i, i.tunnel("exempt.test", there), there,
                    make_hello(server_name("exempt.test")), "never: exempt", rule="first")


def test_a_reload_makes_a_host_exempt(start, closing, site):
    i = start()
    there = closing(TlsOrigin(site))
    old = i.inside("other.test", there)
    text = open(i.proxy.path, encoding="utf-8").read()
    i.proxy.reload(text.replace('"exempt.test"', '"exempt.test", "other.test"'))
    generation = scrape(i.proxy)
    while generation.value("sallyport_config_generation") < 2:
        time.sleep(0.02)
        generation = scrape(i.proxy)
    raw = raw_origin(closing)
    hello = make_hello(server_name("other.test"))
    c = i.tunnel("other.test", raw)
    c.send(hello)
    assert raw.accept().read(len(hello)) == hello
    # what was open takes no request more: it would be read here
    try:
        old.send(request(f"other.test:{there.port}"))
    except OSError:
        pass
    assert not there.has_request(0.2), "it is inspected still"


def test_decisions_are_counted(start, closing):
    i = start()
    there, raw = i.origin(), raw_origin(closing)
    i.inside("api.test", there)
    for name in ("exempt.test", "tunnel.test"):
        i.tunnel(name, raw).send(make_hello(server_name(name)))
        raw.accept().read(50)
    counts = scrape(i.proxy)
    assert counts.value("sallyport_tls_total", decision="inspect") == 1
    assert counts.sum("sallyport_tls_total") == 3


def test_inspection_off_passes_everything(proxy, hosts, client, closing):
    hosts({"api.test": "127.0.0.1"})
    p = proxy(**OPEN)
    there = raw_origin(closing)
    c = client(p)
    assert c.connect(f"api.test:{there.port}").status == 200
    hello = make_hello(server_name("denied.test") + alpn("h2"))
    c.send(hello)
    peer = there.accept()
    assert peer.read(len(hello)) == hello
    check_tunnel(c, peer)
    assert close_record(p, tls="tunnel")["tls_reason"] == "inspection is off"
