// SPDX-License-Identifier: MIT

// Control is the test laboratory's control server: Tailscale's own testcontrol behind a door of ours
// that adds what the tests need (auth keys that expire, approval, names, deltas, Headscale's ways,
// nonsense), a DERP relay and a STUN responder, all in one process in one namespace.
//
//	control -host 198.18.0.1 -admin /tmp/x/control.sock [-tls DIR] [-headscale]
//
// Tests steer it over HTTP on the unix socket -admin; see api.go for the verbs.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	host := flag.String("host", "", "address to listen on")
	host6 := flag.String("host6", "", "IPv6 address on which STUN is answered, too")
	name := flag.String("name", "", "host name in URLs and certificates (default: the address)")
	port := flag.Int("port", 8080, "port of the control server")
	derpPort := flag.Int("derp-port", 8443, "port of the DERP server")
	stunPort := flag.Int("stun-port", 3478, "port of the STUN server")
	admin := flag.String("admin", "", "unix socket of the tests' interface")
	tlsDir := flag.String("tls", "", "serve https; the private CA is written to DIR/ca.pem")
	headscale := flag.Bool("headscale", false, "behave like Headscale where that differs")
	domain := flag.String("domain", "tail.example", "MagicDNS domain")
	quiet := flag.Bool("quiet", false, "say nothing about what happens")
	flag.Parse()
	if *host == "" || *admin == "" {
		flag.Usage()
		os.Exit(2)
	}
	if *name == "" {
		*name = *host
	}
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	logf := log.Printf
	if *quiet {
		logf = func(string, ...any) {}
	}
	c := newControl(*name, *port, *domain, *headscale, *tlsDir != "", logf)
	certs, err := newCertificates(*name, *host, *tlsDir)
	must(err)
	c.relay = newRelay(*host, *host6, *name, *derpPort, *stunPort, certs, *headscale && *tlsDir != "", c.admits)
	c.door = newDoor(net.JoinHostPort(*host, fmt.Sprint(*port)), certs, *tlsDir != "", http.HandlerFunc(c.serve))
	if *headscale {
		must(c.relay.verify())
	}
	must(c.relay.startDERP())
	must(c.relay.startSTUN())
	must(c.door.open())
	os.Remove(*admin)
	l, err := net.Listen("unix", *admin)
	must(err)
	fmt.Println("ready", c.base)
	log.Fatal(http.Serve(l, c.admin()))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
