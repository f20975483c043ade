import random, socket, time, os, threading, ssl
import pytest
from lib.http_steps import OPEN, response
from lib.http_wire import RecordingOrigin, read_message
from lib.inspection import ca, check_page, hosts_of, inspecting, make_hello, request, server_name, site, alpn, read_alert
ANY = OPEN["destinations"]["any"]
def test_sni_number(inspecting):
    i = inspecting(destinations={"no": {"addresses": ["1.0.0.0/8"]}, "any": ANY},
      rules=[{"name":"no","to":["no"],"action":"deny"}, OPEN["rules"][0]])
    there = i.origin()
    c = i.tunnel("api.test", there)
    c.send(make_hello(server_name("1.2.3")))
    print(read_alert(c))
    time.sleep(.3)
    for r in i.log.records(): print(r)
def test_http10(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.tunnel("api.test", there)
    c.send(make_hello(server_name("api.test")+alpn("http/1.0")))
    print(read_alert(c))
    time.sleep(.3)
    for r in i.log.records(): print(r)
def test_misdirected(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside("api.test", there)
    c.send(request("other.test:443"))
    print(c.read_until(b"\r\n\r\n"))
    time.sleep(.3)
    for r in i.log.records(): print(r)
def test_storm(inspecting, closing):
    i = inspecting(names={"two.test": ["127.0.0.1"]}, limits={"header_timeout": 2}, workers=2) if True else None
    there = i.origin()
    stop = time.time() + 25
    def one(rnd):
        while time.time() < stop:
            s = socket.create_connection(i.proxy.address, 5)
            try:
                host = rnd.choice(["api.test","other.test","denied.test","origin.test"])
                s.sendall(f"CONNECT {host}:{there.port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                what = rnd.randrange(9)
                if what == 0: continue
                s.recv(200)
                if what == 1:
                    h = make_hello(server_name(host)); s.sendall(h[:rnd.randrange(len(h))]); time.sleep(rnd.random()*.02); continue
                if what == 2:
                    s.sendall(make_hello(server_name(host))); time.sleep(rnd.random()*.02); continue
                if what == 3:
                    s.sendall(make_hello(server_name(host))); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"); time.sleep(rnd.random()*.01); continue
                ctx = ssl.create_default_context(cafile=i.trust)
                if what == 4: ctx = ssl.create_default_context()
                t = ctx.wrap_socket(s, server_hostname=host)
                s = t
                t.settimeout(0.05)
                t.sendall(request(f"{host}:{there.port}") * rnd.randrange(1,4))
                if what == 5: continue
                if what == 6: t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"); continue
                if what == 7: socket.socket.shutdown(t, socket.SHUT_WR)
                t.recv(100)
            except OSError: pass
            finally: s.close()
    def serve():
        rnd = random.Random(99)
        while time.time() < stop:
            try: p = there.accept(1)
            except TimeoutError: continue
            def talk(p=p):
                try:
                    p.sock.settimeout(1)
                    for _ in range(rnd.randrange(3)):
                        p.sock.recv(4000)
                        p.sock.sendall(response(os.urandom(rnd.choice([1,1000,200000]))))
                except OSError: pass
                finally:
                    try: socket.socket.close(p.sock)
                    except OSError: pass
            threading.Thread(target=talk, daemon=True).start()
    ts = [threading.Thread(target=one, args=(random.Random(k),)) for k in range(8)] + [threading.Thread(target=serve)]
    def hup():
        while time.time() < stop:
            time.sleep(2); i.proxy.reload() if hasattr(i.proxy,'reload') else i.proxy.signal('HUP')
    [t.start() for t in ts]
    import signal
    while time.time() < stop:
        time.sleep(1.5)
        os.kill(i.proxy.process.pid if hasattr(i.proxy,'process') else i.proxy.pid, signal.SIGHUP)
    [t.join() for t in ts]
    time.sleep(3)
    from lib.metrics import scrape
    m = scrape(i.proxy)
    print("open", m.value("sallyport_tunnels_open"))
    from collections import Counter
    print(Counter((r["event"], r.get("end")) for r in i.log.records()))
    print(len(i.log.records(event="open")), len(i.log.records(event="close")))
