# SPDX-License-Identifier: MIT
"""Split DNS of the tailnet: whom the proxy and the DNS responder ask for a name.

    mac ── home0 ── demon (tsgwd) ── internet ── gpu1 ── 10.100.0.0/16
                                                          10.100.0.53  for all other names
                                                          10.100.0.54  for corp.example
                                                          10.100.0.55  for deep.corp.example
"""
import nameserver
from lab import check, equal, wait_for
from test_engine import PRIMARY, Small
from world import TARGET

OTHERS, CORP, DEEP = "10.100.0.53", "10.100.0.54", "10.100.0.55"


class Servers:
    """Three resolvers behind gpu1; each knows the same names, so that only who was asked tells them apart."""

    def __init__(self, w):
        self.w = w
        names = [(n, TARGET) for n in ("wiki.corp.example", "box.deep.corp.example", "www.example.org",
                                       "wiki.moved.example")]
        self.all = {}
        for address in (OTHERS, CORP, DEEP):
            w.gpu.host.ip(f"addr add {address}/32 dev lo")
            self.all[address] = nameserver.Dnsmasq(w.lab, w.gpu.host, address, names, ["example", "org"])
        self.routes()

    def routes(self, **more):
        self.w.control.settings(dns={
            "Proxied": True, "Domains": [self.w.domain, "corp.example"], "Resolvers": [{"Addr": OTHERS}],
            "Routes": {"corp.example": [{"Addr": CORP}], "deep.corp.example": [{"Addr": DEEP}],
                       "doh.example": [{"Addr": "https://10.100.0.54/dns-query"}], "none.example": [], **more},
            "ExtraRecords": [{"Name": f"extra.{self.w.domain}", "Value": "100.64.1.1"}]})

    def asked(self, name):
        """The servers that were asked for NAME."""
        return [a for a, s in self.all.items() if s.asked(name)]


def status(text):
    return text.split("status: ")[1].split(",")[0] if "status: " in text else text


def dig(w, name, *args):
    return w.mac.run(["dig", f"@{PRIMARY}", "+time=6", "+tries=1", *args, name]).stdout


def test_split_dns(lab):
    w = Small(lab)
    s = Servers(w)
    t = w.joined()
    g = w.gateway(t).start()
    g.wait_up()
    wait_for(lambda: w.page(t, "wiki.corp.example", ok=None).returncode == 0, "the resolver is known and reached")
    for name, server in (("wiki.corp.example", CORP), ("box.deep.corp.example", DEEP), ("www.example.org", OTHERS)):
        w.check_page(t, name)
        equal(s.asked(name), [server], f"who was asked for {name}")
    # under the suffix, bare and by DNS it is the same name
    w.check_page(t, "wiki")
    w.check_page(t, f"wiki.{t.name}")
    equal(dig(w, f"wiki.{t.name}", "+short"), TARGET + "\n", "by DNS")
    equal(dig(w, f"box.deep.corp.example.{t.name}", "+short"), TARGET + "\n", "by DNS, in full")
    equal(dig(w, f"www.example.org.{t.name}", "+short"), TARGET + "\n", "by DNS, of the others")
    for name, server in (("wiki.corp.example", CORP), ("box.deep.corp.example", DEEP), ("www.example.org", OTHERS)):
        equal(s.asked(name), [server], f"who was asked for {name}")
    # what the netmap alone knows is asked of nobody; nor is what no resolver can be asked for
    for name, answer in ((f"nobody.{w.domain}", "NXDOMAIN"), ("x.none.example", "NXDOMAIN"),
                         ("x.doh.example", "SERVFAIL")):
        p = w.page(t, name, ok=None)
        check("(4)" in p.stderr, f"{name}: {p.stderr}")
        equal(status(dig(w, f"{name}.{t.name}")), answer, f"{name} by DNS")
        equal(s.asked(name), [], f"who was asked for {name}")
    equal(dig(w, f"extra.{w.domain}.{t.name}", "+short"), "100.64.1.1\n", "an extra record of the tailnet")
    # a change of the tailnet's settings is followed, and what was learned before is forgotten
    check(not s.asked("wiki.moved.example"), "asked before")
    s.routes(**{"moved.example": [{"Addr": DEEP}]})
    wait_for(lambda: w.page(t, "wiki.moved.example", ok=None).returncode == 0 and s.asked("wiki.moved.example")[-1:]
             == [DEEP], lambda: f"the new domain: {s.asked('wiki.moved.example')}", 60)


def test_dns_server_stands_before_them(lab):
    """Who sets dns-server has everything asked there."""
    w = Small(lab)
    s = Servers(w)
    t = w.joined(dns_server=OTHERS)
    g = w.gateway(t).start()
    g.wait_up()
    wait_for(lambda: w.page(t, "wiki.corp.example", ok=None).returncode == 0, "the resolver is reached")
    equal(s.asked("wiki.corp.example"), [OTHERS], "who was asked")
