// SPDX-License-Identifier: MIT

package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"tailscale.com/derp/derpserver"
	"tailscale.com/net/stun"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// A relay is the tailnet's one DERP region with its STUN responder. Embedded, it is part of the control
// server's own port, as in Headscale.
type relay struct {
	host, host6, name  string // host6 answers STUN alone, "": none
	derpPort, stunPort int
	certs              *certificates
	embedded           bool
	admits             func(key.NodePublic) bool
	private            key.NodePrivate
	verifyURL          string

	mu   sync.Mutex
	derp *derpserver.Server
	door *door
	stun []net.PacketConn
}

func newRelay(host, host6, name string, derpPort, stunPort int, certs *certificates, embedded bool,
	admits func(key.NodePublic) bool) *relay {
	r := &relay{host: host, host6: host6, name: name, derpPort: derpPort, stunPort: stunPort, certs: certs,
		embedded: embedded, admits: admits, private: key.NewNode()}
	if !embedded {
		r.door = newDoor(net.JoinHostPort(host, fmt.Sprint(derpPort)), certs, false, r)
		r.door.tls = &tls.Config{Certificates: []tls.Certificate{certs.pinned}}
	}
	return r
}

// verify lets nobody in whom control does not know, as Headscale does.
func (r *relay) verify() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.verifyURL = "http://" + ln.Addr().String()
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var ask tailcfg.DERPAdmitClientRequest
		err := json.NewDecoder(q.Body).Decode(&ask)
		json.NewEncoder(w).Encode(tailcfg.DERPAdmitClientResponse{Allow: err == nil && r.admits(ask.NodePublic)})
	}))
	return nil
}

// region is what the DERP map says. PORT is that of the control server.
func (r *relay) region(port int) *tailcfg.DERPRegion {
	node := &tailcfg.DERPNode{Name: "999a", RegionID: 999, HostName: r.name, IPv4: r.host, IPv6: "none",
		STUNPort: r.stunPort, DERPPort: r.derpPort, CertName: r.certs.pin}
	if r.host6 != "" {
		node.IPv6 = r.host6
	}
	if r.embedded {
		node.DERPPort, node.CertName = port, ""
	}
	return &tailcfg.DERPRegion{RegionID: 999, RegionCode: "lab", RegionName: "Laboratory",
		Nodes: []*tailcfg.DERPNode{node}}
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	d := r.derp
	r.mu.Unlock()
	if d == nil {
		http.Error(w, "no DERP here now", http.StatusServiceUnavailable)
		return
	}
	if req.URL.Path == "/generate_204" {
		derpserver.ServeNoContent(w, req)
		return
	}
	derpserver.Handler(d).ServeHTTP(w, req)
}

func (r *relay) startDERP() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.derp != nil {
		return nil
	}
	r.derp = derpserver.New(r.private, func(string, ...any) {})
	r.derp.SetVerifyClientURL(r.verifyURL)
	if r.door != nil {
		return r.door.open()
	}
	return nil
}

func (r *relay) stopDERP() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.derp == nil {
		return
	}
	r.derp.Close()
	r.derp = nil
	if r.door != nil {
		r.door.shut()
	}
}

func (r *relay) startSTUN() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stun != nil {
		return nil
	}
	for _, host := range []string{r.host, r.host6} {
		if host == "" {
			continue
		}
		pc, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(r.stunPort)))
		if err != nil {
			return err
		}
		r.stun = append(r.stun, pc)
		go answerSTUN(pc.(*net.UDPConn))
	}
	return nil
}

func (r *relay) stopSTUN() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, pc := range r.stun {
		pc.Close()
	}
	r.stun = nil
}

func answerSTUN(pc *net.UDPConn) {
	var buf [1500]byte
	for {
		n, from, err := pc.ReadFromUDPAddrPort(buf[:])
		if err != nil {
			return
		}
		id, err := stun.ParseBindingRequest(buf[:n])
		if err != nil {
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		pc.WriteToUDPAddrPort(stun.Response(id, from), from)
	}
}
