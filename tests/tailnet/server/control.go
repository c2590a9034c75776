// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"tailscale.com/control/controlhttp/controlhttpserver"
	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/key"
	"tailscale.com/types/opt"
)

// Theory. testcontrol keeps nodes, addresses and routes and makes map responses; it knows one auth key,
// one user and no time. So we stand before it: our own Noise end decrypts what a client asks, decides
// about registrations (register.go), and reads every map response once more on its way out (mapping.go).
// Where testcontrol wants the machine key of a connection it asks the request's context; peerContext
// answers in the place of testcontrol's own.

const minHeadscaleVersion = 113 // of Headscale 0.29

type control struct {
	base      string
	port      int
	headscale bool
	logf      func(string, ...any)
	tc        *testcontrol.Server
	private   key.MachinePrivate
	relay     *relay
	door      *door

	mu       sync.Mutex
	set      settings
	keys     map[string]*authKey
	records  map[tailcfg.NodeID]*record
	pending  []*pending
	streams  map[tailcfg.NodeID]*stream
	requests []request
	nonsense string
}

// settings are what tests change by POST /settings; the JSON names are theirs.
type settings struct {
	Open           bool                  `json:"open"`         // whoever comes is logged in
	Approval       bool                  `json:"approval"`     // new nodes wait for POST /approve
	AutoRoutes     bool                  `json:"auto_routes"`  // advertised routes are approved at once
	Domain         string                `json:"domain"`       // MagicDNS domain
	DNS            *tailcfg.DNSConfig    `json:"dns"`          // as is; null: none
	Filter         []tailcfg.FilterRule  `json:"filter"`       // packet filter of everybody; null: all allowed
	ClockSkewS     float64               `json:"clock_skew_s"` // added to ControlTime
	KeyLifetimeS   float64               `json:"key_lifetime_s"`
	RetryAfter     string                `json:"retry_after"` // not empty: registrations get 429
	OfflineGraceMS int                   `json:"offline_grace_ms"`
	EphemeralMS    int                   `json:"ephemeral_ms"` // an ephemeral node is deleted so long after it left
	MinVersion     int                   `json:"min_version"`
	Addresses      map[string]netip.Addr `json:"addresses"` // by host name, IPv4; others are numbered from 100.64.0.1
}

// record is what we know of a node beside testcontrol.
type record struct {
	id        tailcfg.NodeID
	key       key.NodePublic // the current one
	name      string         // first label
	loggedIn  bool
	deleted   bool
	ephemeral bool
	tags      []string
	lastSeen  time.Time
	online    bool
	since     int // count of streams, so that an old one's end is told from a new one's
}

type pending struct {
	url, inner string // as the client was told, and as testcontrol calls it
	node       key.NodePublic
	done       bool
}

type request struct {
	At     float64 `json:"at"`
	Path   string  `json:"path"`
	Node   string  `json:"node,omitempty"`
	Answer string  `json:"answer,omitempty"`
}

func newControl(name string, port int, domain string, headscale, https bool, logf func(string, ...any)) *control {
	scheme := "http"
	if https {
		scheme = "https"
	}
	c := &control{base: fmt.Sprintf("%s://%s:%d", scheme, name, port), port: port, headscale: headscale, logf: logf,
		private: key.NewMachine(), keys: map[string]*authKey{}, records: map[tailcfg.NodeID]*record{},
		streams: map[tailcfg.NodeID]*stream{}}
	c.set = settings{Domain: domain, DNS: &tailcfg.DNSConfig{Proxied: true, Domains: []string{domain}}}
	c.tc = &testcontrol.Server{Logf: logf, ExplicitBaseURL: c.base, RequireAuth: true, AllNodesSameUser: true,
		DERPMap: &tailcfg.DERPMap{}, CollectServices: opt.False}
	if headscale {
		c.set.MinVersion, c.set.OfflineGraceMS = minHeadscaleVersion, 10000
	}
	return c
}

type machineKey struct{}

// peerContext says who is at the other end, to us and to testcontrol.
type peerContext struct {
	context.Context
	machine key.MachinePublic
}

func (p peerContext) Value(k any) any {
	if _, ok := k.(machineKey); ok {
		return p.machine
	}
	if reflect.TypeOf(k).Name() == "peerMachinePublicContextKey" {
		return p.machine
	}
	return p.Context.Value(k)
}

// serve is the front door, in clear or by TLS.
func (c *control) serve(w http.ResponseWriter, r *http.Request) {
	c.note(request{Path: r.URL.Path})
	c.mu.Lock()
	nonsense := c.nonsense
	c.mu.Unlock()
	if nonsense != "" && talkNonsense(nonsense, w, r) {
		return
	}
	switch {
	case r.URL.Path == "/key":
		c.serveKey(w, r, nonsense)
	case r.URL.Path == "/ts2021":
		c.serveNoise(w, r)
	case r.URL.Path == "/generate_204":
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(r.URL.Path, "/derp") && c.relay.embedded:
		c.relay.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/auth/"), strings.HasPrefix(r.URL.Path, "/register/"):
		c.servePage(w, r)
	default:
		http.NotFound(w, r)
	}
}

// servePage is what the user's browser shows: looking does nothing, the button (a POST) logs in.
func (c *control) servePage(w http.ResponseWriter, r *http.Request) {
	url := c.base + r.URL.Path
	if r.Method != "POST" {
		fmt.Fprintf(w, "<form method=post>Let this device in? <button>Yes</button></form>\n")
		return
	}
	if !c.completeLogin(url) {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintln(w, "done")
}

func (c *control) serveKey(w http.ResponseWriter, r *http.Request, nonsense string) {
	if c.headscale && r.FormValue("v") == "" {
		http.Error(w, "capability version must be set", http.StatusBadRequest)
		return
	}
	public := c.private.Public()
	if nonsense == "bad-key" {
		public = key.NewMachine().Public()
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(&tailcfg.OverTLSPublicKeyResponse{PublicKey: public})
}

func (c *control) serveNoise(w http.ResponseWriter, r *http.Request) {
	var early func(int, io.Writer) error
	if c.headscale {
		early = c.earlyPayload
	}
	conn, err := controlhttpserver.AcceptHTTP(r.Context(), w, r, c.private, early)
	if err != nil {
		c.logf("noise: %v", err)
		return
	}
	defer conn.Close()
	var srv http2.Server
	srv.ServeConn(conn, &http2.ServeConnOpts{
		Context:    peerContext{context.WithoutCancel(r.Context()), conn.Peer()},
		BaseConfig: &http.Server{Handler: http.HandlerFunc(c.serveMachine)},
	})
}

// earlyPayload: Headscale always sends one, and leaves without a word when the client is too old.
func (c *control) earlyPayload(version int, w io.Writer) error {
	c.mu.Lock()
	least := c.set.MinVersion
	c.mu.Unlock()
	if version < least {
		return fmt.Errorf("unsupported client version: %d", version)
	}
	text, err := json.Marshal(&tailcfg.EarlyNoise{NodeKeyChallenge: key.NewChallenge().Public()})
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32([]byte("\xff\xff\xffTS"), uint32(len(text)))
	for _, part := range [][]byte{head, text} { // in two records: a client may not count on one
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// serveMachine is asked inside of Noise.
func (c *control) serveMachine(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	nonsense := c.nonsense
	c.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if nonsense == "machine-500" {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	machine := r.Context().Value(machineKey{}).(key.MachinePublic)
	switch r.URL.Path {
	case "/machine/register":
		c.serveRegister(w, r, body, machine)
	case "/machine/map":
		c.serveMap(w, r, body, machine, nonsense)
	case "/machine/update-health":
		if !c.headscale {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fallthrough
	default:
		c.note(request{Path: r.URL.Path})
		http.Error(w, "not implemented", http.StatusNotImplemented)
	}
}

// inner asks testcontrol in the name of MACHINE.
func (c *control) inner(w http.ResponseWriter, r *http.Request, path string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	q, err := http.NewRequestWithContext(r.Context(), "POST", "http://inner"+path, strings.NewReader(string(text)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.tc.ServeHTTP(w, q)
}

func (c *control) note(q request) {
	q.At = float64(time.Now().UnixMicro()) / 1e6
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) < 100000 {
		c.requests = append(c.requests, q)
	}
	c.logf("%s %s %s", q.Path, q.Node, q.Answer)
}

// kick makes every open stream send again.
func (c *control) kick() { c.tc.SetSSHPolicy(nil) }

// admits: may this node use the embedded DERP server?
func (c *control) admits(k key.NodePublic) bool {
	n := c.tc.Node(k)
	if n == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.records[n.ID]
	return r != nil && r.loggedIn && !r.deleted
}
