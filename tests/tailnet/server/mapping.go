// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/types/opt"
	"tailscale.com/util/zstdframe"
)

// serveMap: what a client tells of itself goes to testcontrol; what testcontrol answers is rewritten.
func (c *control) serveMap(w http.ResponseWriter, r *http.Request, body []byte, machine key.MachinePublic,
	nonsense string) {
	var req tailcfg.MapRequest
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, "bad map request", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	set := c.set
	c.mu.Unlock()
	if int(req.Version) < set.MinVersion {
		http.Error(w, fmt.Sprintf("unsupported client version: %d", req.Version), http.StatusBadRequest)
		return
	}
	node := c.known(req.NodeKey, machine)
	if node == nil {
		c.note(request{Path: r.URL.Path, Answer: "node not found"})
		http.Error(w, "node not found", http.StatusNotFound)
		return
	}
	kind := "lite"
	if req.Stream {
		kind = "stream"
	}
	c.note(request{Path: r.URL.Path, Node: c.nameOf(node.ID), Answer: kind})
	compress := req.Compress == "zstd"
	req.Compress = ""
	if !req.Stream || c.headscale {
		c.tell(r, &req, node)
	}
	if !req.Stream {
		if req.OmitPeers || c.headscale { // Headscale has no one-shot map
			w.WriteHeader(http.StatusOK)
			return
		}
	}
	c.stream(w, r, &req, node, compress, nonsense)
}

// tell hands on what the node says of itself. Headscale hears it on every request, keeps the NetInfo and the
// endpoints that a request leaves out, and replaces the rest.
func (c *control) tell(r *http.Request, req *tailcfg.MapRequest, node *tailcfg.Node) {
	q := *req
	q.Stream, q.OmitPeers, q.ReadOnly = false, true, false
	if c.headscale {
		if q.Hostinfo != nil && q.Hostinfo.NetInfo == nil && node.Hostinfo.Valid() {
			q.Hostinfo.NetInfo = node.Hostinfo.AsStruct().NetInfo
		}
		if q.Endpoints == nil {
			q.Endpoints = node.Endpoints
		}
	}
	c.mu.Lock()
	if rec := c.records[node.ID]; q.Hostinfo != nil && node.Hostinfo.Valid() &&
		node.Hostinfo.Hostname() != q.Hostinfo.Hostname {
		rec.name = c.freeNameLocked(rec, q.Hostinfo.Hostname)
	}
	c.mu.Unlock()
	c.inner(httptest.NewRecorder(), r, "/machine/map", &q)
	if n := c.node(node.ID); n != nil {
		c.approveAdvertised(n)
	}
}

func (c *control) approveAdvertised(n *tailcfg.Node) {
	c.mu.Lock()
	auto := c.set.AutoRoutes
	c.mu.Unlock()
	if !auto || !n.Hostinfo.Valid() {
		return
	}
	wanted := n.Hostinfo.RoutableIPs().AsSlice()
	if !slices.Equal(wanted, c.routesOf(n.Key)) {
		c.setRoutes(n.Key, wanted)
	}
}

func (c *control) nameOf(id tailcfg.NodeID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rec := c.records[id]; rec != nil {
		return rec.name
	}
	return ""
}

// A stream is one long poll of one node.
type stream struct {
	c        *control
	w        http.ResponseWriter
	viewer   tailcfg.NodeID
	version  tailcfg.CapabilityVersion
	compress bool
	nonsense string
	cancel   context.CancelFunc

	mu     sync.Mutex
	buf    bytes.Buffer
	first  bool
	last   *tailcfg.MapResponse // what the client has, for deltas
	frozen bool
	broken error
}

func (c *control) stream(w http.ResponseWriter, r *http.Request, req *tailcfg.MapRequest, node *tailcfg.Node,
	compress bool, nonsense string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s := &stream{c: c, w: w, viewer: node.ID, version: req.Version, compress: compress, nonsense: nonsense,
		cancel: cancel, first: true}
	if req.Stream {
		c.arrive(s)
		defer c.leave(s)
	}
	c.inner(s, r.WithContext(ctx), "/machine/map", req)
}

func (c *control) arrive(s *stream) {
	c.mu.Lock()
	rec := c.records[s.viewer]
	changed := !rec.online
	rec.online, rec.since = true, rec.since+1
	if old := c.streams[s.viewer]; old != nil {
		old.cancel()
	}
	c.streams[s.viewer] = s
	c.mu.Unlock()
	if changed {
		c.kick()
	}
}

func (c *control) leave(s *stream) {
	c.mu.Lock()
	rec := c.records[s.viewer]
	if c.streams[s.viewer] != s {
		c.mu.Unlock()
		return
	}
	delete(c.streams, s.viewer)
	rec.lastSeen = time.Now()
	since, grace, ephemeral := rec.since, c.set.OfflineGraceMS, rec.ephemeral
	after := time.Duration(max(c.set.EphemeralMS, grace)) * time.Millisecond
	c.mu.Unlock()
	time.AfterFunc(time.Duration(grace)*time.Millisecond, func() { c.setOffline(rec, since) })
	if ephemeral && after > 0 {
		time.AfterFunc(after, func() { c.removeIfGone(rec, since) })
	}
}

func (c *control) setOffline(rec *record, since int) {
	c.mu.Lock()
	gone := rec.since == since
	if gone {
		rec.online = false
	}
	c.mu.Unlock()
	if gone {
		c.kick()
	}
}

func (c *control) removeIfGone(rec *record, since int) {
	c.mu.Lock()
	gone := rec.since == since
	c.mu.Unlock()
	if gone {
		c.remove(rec.id)
	}
}

func (s *stream) Header() http.Header { return s.w.Header() }
func (s *stream) WriteHeader(n int)   { s.w.WriteHeader(n) }
func (s *stream) Flush()              {}

// Write takes testcontrol's frames apart: length (32 bits, little-endian), JSON.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p)
	for s.buf.Len() >= 4 {
		n := int(binary.LittleEndian.Uint32(s.buf.Bytes()))
		if s.buf.Len() < 4+n {
			break
		}
		s.buf.Next(4)
		if err := s.frameLocked(s.buf.Next(n)); err != nil {
			return 0, err
		}
	}
	return len(p), s.broken
}

func (s *stream) frameLocked(text []byte) error {
	var res tailcfg.MapResponse
	if err := json.Unmarshal(text, &res); err != nil {
		return err
	}
	if res.KeepAlive {
		return s.sendLocked(text)
	}
	if s.frozen {
		return nil
	}
	out := s.c.rewrite(&res, s.viewer, s.version)
	if s.c.headscale && !s.first {
		if out = s.delta(out); out == nil {
			return nil
		}
	} else {
		s.last = out
	}
	s.first = false
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if s.c.headscale {
		text = withNullRegion(text, out)
	}
	return s.sendLocked(text)
}

func (s *stream) sendLocked(text []byte) error {
	switch s.nonsense {
	case "map-garbage":
		text = []byte("\x00\xff this is no JSON {{{")
	case "map-huge":
		_, s.broken = s.w.Write([]byte{0xff, 0xff, 0xff, 0xff, '{', '}'})
		s.w.(http.Flusher).Flush()
		return s.broken
	case "map-empty":
		text = []byte("{}")
	}
	if s.compress {
		text = zstdframe.AppendEncode(nil, text, zstdframe.FastestCompression)
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	if _, s.broken = s.w.Write(append(frame, text...)); s.broken == nil {
		s.w.(http.Flusher).Flush()
	}
	return s.broken
}

// inject sends TEXT as a frame of its own; FREEZE keeps the client with it.
func (s *stream) inject(text []byte, freeze bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = s.frozen || freeze
	return s.sendLocked(text)
}

// rewrite makes of testcontrol's map response what a control server of the real world would say to VIEWER.
func (c *control) rewrite(res *tailcfg.MapResponse, viewer tailcfg.NodeID, version tailcfg.CapabilityVersion) *tailcfg.MapResponse {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Add(time.Duration(c.set.ClockSkewS * float64(time.Second)))
	res.ControlTime, res.Domain = &now, c.set.Domain
	res.DERPMap = &tailcfg.DERPMap{OmitDefaultRegions: true,
		Regions: map[int]*tailcfg.DERPRegion{999: c.relay.region(c.port)}}
	res.DNSConfig = c.set.DNS.Clone()
	res.UserProfiles = []tailcfg.UserProfile{{ID: 123, LoginName: "alice@example.com", DisplayName: "Alice"}}
	res.CollectServices = opt.False
	res.PingRequest = nil
	if c.set.Filter != nil {
		res.PacketFilter = c.set.Filter
	}
	if c.headscale {
		rules := res.PacketFilter
		res.PacketFilter, res.PacketFilters = nil, map[string][]tailcfg.FilterRule{"base": rules}
		res.Debug = &tailcfg.Debug{DisableLogTail: true}
	}
	c.dressLocked(res.Node, viewer, version)
	var peers []*tailcfg.Node
	for _, p := range res.Peers {
		rec := c.records[p.ID]
		if rec != nil && rec.loggedIn && !rec.deleted && rec.key == p.Key && p.MachineAuthorized {
			c.dressLocked(p, viewer, version)
			peers = append(peers, p)
		}
	}
	res.Peers = peers
	expired := !res.Node.KeyExpiry.IsZero() && res.Node.KeyExpiry.Before(time.Now())
	if !res.Node.MachineAuthorized || expired {
		res.Peers = nil
	}
	return res
}

func (c *control) dressLocked(n *tailcfg.Node, viewer tailcfg.NodeID, version tailcfg.CapabilityVersion) {
	rec := c.records[n.ID]
	if rec == nil {
		return
	}
	n.Name = rec.name + "."
	if c.set.Domain != "" {
		n.Name = rec.name + "." + c.set.Domain + "."
	}
	n.User, n.Tags = 123, rec.tags
	if a, ok := c.set.Addresses[rec.name]; ok {
		moveTo(n, a)
	}
	if n.ID != viewer {
		online := rec.online
		n.Online = &online
		if !online {
			seen := rec.lastSeen.Round(time.Second)
			n.LastSeen = &seen
		}
		n.Expired = !n.KeyExpiry.IsZero() && n.KeyExpiry.Before(time.Now())
	}
	if c.headscale {
		n.Cap = version // so it is there: the viewer's own
	}
}

// moveTo gives the node A in the place of the IPv4 address that testcontrol chose.
func moveTo(n *tailcfg.Node, a netip.Addr) {
	to, was := netip.PrefixFrom(a, a.BitLen()), n.Addresses[0]
	n.Addresses = slices.Clone(n.Addresses)
	n.Addresses[0] = to
	n.AllowedIPs = slices.Clone(n.AllowedIPs)
	for i, p := range n.AllowedIPs {
		if p == was {
			n.AllowedIPs[i] = to
		}
	}
}

// ---- routes: testcontrol keeps them, but does not tell

var routesMu sync.Mutex
var routes = map[key.NodePublic][]netip.Prefix{}

func (c *control) routesOf(k key.NodePublic) []netip.Prefix {
	routesMu.Lock()
	defer routesMu.Unlock()
	return routes[k]
}

func (c *control) setRoutes(k key.NodePublic, to []netip.Prefix) {
	routesMu.Lock()
	routes[k] = to
	routesMu.Unlock()
	c.tc.SetSubnetRoutes(k, to)
}
