// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/util/rands"
)

type authKey struct {
	Key         string   `json:"key"`
	Reusable    bool     `json:"reusable"`
	Ephemeral   bool     `json:"ephemeral"`
	Preapproved bool     `json:"preapproved"`
	Expired     bool     `json:"expired"`
	Revoked     bool     `json:"revoked"`
	Tags        []string `json:"tags"`
	Used        int      `json:"used"`
}

// words are the sentences of both servers for the same refusals.
var words = map[string][2]string{
	"unknown": {"invalid key: API key does not exist", "invalid pre auth key"},
	"expired": {"invalid key: API key expired", "authkey expired"},
	"used":    {"invalid key: API key already used", "authkey already used"},
	"revoked": {"invalid key: API key revoked", "authkey revoked"},
}

func (c *control) words(what string) string {
	if c.headscale {
		return words[what][1]
	}
	return words[what][0]
}

// lookupKey says why KEY is no good, or "".
func (c *control) lookupKey(text string) (*authKey, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[text]
	switch {
	case k == nil:
		return nil, "unknown"
	case k.Revoked:
		return nil, "revoked"
	case k.Expired:
		return nil, "expired"
	case k.Used > 0 && !k.Reusable:
		return nil, "used"
	}
	return k, ""
}

func (c *control) serveRegister(w http.ResponseWriter, r *http.Request, body []byte, machine key.MachinePublic) {
	var req tailcfg.RegisterRequest
	if err := json.Unmarshal(body, &req); err != nil || req.NodeKey.IsZero() || req.Version == 0 {
		http.Error(w, "bad register request", http.StatusBadRequest)
		return
	}
	if req.Hostinfo == nil {
		req.Hostinfo = &tailcfg.Hostinfo{}
	}
	c.mu.Lock()
	set := c.set
	c.mu.Unlock()
	if set.RetryAfter != "" {
		c.note(request{Path: r.URL.Path, Node: req.Hostinfo.Hostname, Answer: "429"})
		w.Header().Set("Retry-After", set.RetryAfter)
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	if int(req.Version) < set.MinVersion {
		http.Error(w, fmt.Sprintf("unsupported client version: %d", req.Version), http.StatusBadRequest)
		return
	}
	res := c.register(r, &req, machine, &set)
	if res == nil {
		return // the client left
	}
	answer := res.Error
	if res.AuthURL != "" {
		answer = "AuthURL"
	}
	c.note(request{Path: r.URL.Path, Node: req.Hostinfo.Hostname, Answer: answer})
	json.NewEncoder(w).Encode(res)
}

func (c *control) register(r *http.Request, req *tailcfg.RegisterRequest, machine key.MachinePublic,
	set *settings) *tailcfg.RegisterResponse {
	node := c.known(req.NodeKey, machine)
	if !req.Expiry.IsZero() && req.Expiry.Before(time.Now()) {
		return c.logout(node)
	}
	if old := c.nodeOfMachine(machine); node == nil && old != nil && c.tc.Node(req.OldNodeKey) == nil {
		req.OldNodeKey = old.Key // a machine that comes again is the same node with the same addresses
	}
	if req.Followup != "" {
		return c.followUp(r, req)
	}
	valid := node != nil && (node.KeyExpiry.IsZero() || node.KeyExpiry.After(time.Now()))
	if node != nil && !valid && !c.headscale {
		// before any auth key: the node has to make itself a new key, and asks again with that one
		return &tailcfg.RegisterResponse{NodeKeyExpired: true, User: c.user(), Login: c.login()}
	}
	if req.Auth != nil && req.Auth.AuthKey != "" && !(c.headscale && valid) {
		k, why := c.lookupKey(req.Auth.AuthKey)
		if why != "" {
			return &tailcfg.RegisterResponse{Error: c.words(why)}
		}
		if c.headscale && node == nil && len(req.Hostinfo.RequestTags) > 0 {
			return &tailcfg.RegisterResponse{Error: fmt.Sprintf("requested tags %v are invalid or not permitted",
				req.Hostinfo.RequestTags)}
		}
		c.mu.Lock()
		k.Used++
		c.mu.Unlock()
		return c.letIn(r, req, k)
	}
	if valid {
		return &tailcfg.RegisterResponse{User: c.user(), Login: c.login(), MachineAuthorized: node.MachineAuthorized}
	}
	if node != nil && !valid && req.OldNodeKey.IsZero() {
		return &tailcfg.RegisterResponse{NodeKeyExpired: true, User: c.user(), Login: c.login()}
	}
	if set.Open {
		return c.letIn(r, req, &authKey{})
	}
	return c.sendToLogin(r, req)
}

// known gives the node of KEY if it is logged in, not deleted, and MACHINE's.
func (c *control) known(k key.NodePublic, machine key.MachinePublic) *tailcfg.Node {
	n := c.tc.Node(k)
	if n == nil || n.Machine != machine {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if rec := c.records[n.ID]; rec == nil || rec.deleted || rec.key != k {
		return nil
	}
	return n
}

func (c *control) nodeOfMachine(machine key.MachinePublic) *tailcfg.Node {
	for _, n := range c.tc.AllNodes() {
		if n.Machine == machine && c.known(n.Key, machine) != nil {
			return n
		}
	}
	return nil
}

func (c *control) logout(node *tailcfg.Node) *tailcfg.RegisterResponse {
	if node != nil {
		c.mu.Lock()
		gone := c.records[node.ID].ephemeral
		c.mu.Unlock()
		if gone {
			c.remove(node.ID)
		} else {
			c.expire(node.ID, time.Now().Add(-time.Minute))
		}
	}
	return &tailcfg.RegisterResponse{NodeKeyExpired: true, User: c.user(), Login: c.login()}
}

// ask puts REQ to testcontrol's own registration.
func (c *control) ask(r *http.Request, req *tailcfg.RegisterRequest) *tailcfg.RegisterResponse {
	var res tailcfg.RegisterResponse
	q := *req
	q.Auth = nil
	rec := httptest.NewRecorder()
	c.inner(rec, r, "/machine/register", &q)
	if rec.Body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &res); err != nil {
		return &tailcfg.RegisterResponse{Error: "laboratory: " + rec.Body.String()}
	}
	return &res
}

// letIn: whoever has a good key goes through testcontrol's interactive login without waiting for anybody,
// because only that retires an old node key.
func (c *control) letIn(r *http.Request, req *tailcfg.RegisterRequest, k *authKey) *tailcfg.RegisterResponse {
	first := *req
	first.Followup = ""
	res := c.ask(r, &first)
	if res != nil && res.AuthURL != "" {
		c.tc.CompleteAuth(res.AuthURL)
		second := *req
		second.Followup = res.AuthURL
		res = c.ask(r, &second)
	}
	if res == nil || res.Error != "" {
		return res
	}
	return c.welcome(req, k)
}

func (c *control) sendToLogin(r *http.Request, req *tailcfg.RegisterRequest) *tailcfg.RegisterResponse {
	res := c.ask(r, req)
	if res == nil || res.AuthURL == "" {
		return res
	}
	p := &pending{url: res.AuthURL, inner: res.AuthURL, node: req.NodeKey}
	if c.headscale {
		p.url = c.base + "/register/hskey-authreq-" + rands.HexString(24)
	}
	c.mu.Lock()
	c.pending = append(c.pending, p)
	c.mu.Unlock()
	return &tailcfg.RegisterResponse{AuthURL: p.url}
}

// followUp holds the request until the user has logged in.
func (c *control) followUp(r *http.Request, req *tailcfg.RegisterRequest) *tailcfg.RegisterResponse {
	c.mu.Lock()
	var p *pending
	for _, q := range c.pending {
		if q.url == req.Followup && q.node == req.NodeKey {
			p = q
		}
	}
	c.mu.Unlock()
	if p == nil {
		return &tailcfg.RegisterResponse{Error: "followup: no such login"}
	}
	q := *req
	q.Followup = p.inner
	res := c.ask(r, &q)
	if r.Context().Err() != nil || res == nil {
		return nil
	}
	return c.welcome(req, &authKey{})
}

// completeLogin is the user's yes; URL "" means whoever waits.
func (c *control) completeLogin(url string) bool {
	c.mu.Lock()
	var found []*pending
	for _, p := range c.pending {
		if !p.done && (url == "" || p.url == url) {
			p.done = true
			found = append(found, p)
		}
	}
	c.mu.Unlock()
	for _, p := range found {
		c.tc.CompleteAuth(p.inner)
	}
	return len(found) > 0
}

// welcome writes down a login that succeeded.
func (c *control) welcome(req *tailcfg.RegisterRequest, k *authKey) *tailcfg.RegisterResponse {
	c.mu.Lock()
	n := c.tc.Node(req.NodeKey)
	rec := c.records[n.ID]
	if rec == nil || rec.deleted {
		rec = &record{id: n.ID}
		c.records[n.ID] = rec
	}
	isNew := !rec.loggedIn
	rec.key, rec.loggedIn, rec.lastSeen = req.NodeKey, true, time.Now()
	rec.ephemeral = k.Ephemeral || (req.Ephemeral && !c.headscale)
	rec.tags = k.Tags
	if len(rec.tags) == 0 && !c.headscale {
		rec.tags = req.Hostinfo.RequestTags
	}
	rec.name = c.freeNameLocked(rec, req.Hostinfo.Hostname)
	n.KeyExpiry = time.Time{}
	if s := c.set.KeyLifetimeS; s > 0 {
		n.KeyExpiry = time.Now().Add(time.Duration(s * float64(time.Second)))
	}
	if isNew {
		n.MachineAuthorized = !c.set.Approval || k.Preapproved
	}
	n.Tags, n.Hostinfo = rec.tags, req.Hostinfo.View()
	c.mu.Unlock()
	c.tc.UpdateNode(n)
	c.approveAdvertised(n)
	return &tailcfg.RegisterResponse{User: c.user(), Login: c.login(), MachineAuthorized: n.MachineAuthorized}
}

// freeNameLocked: a host name that another node has gets a number.
func (c *control) freeNameLocked(rec *record, host string) string {
	host = strings.ToLower(host)
	if host == "" {
		host = "node"
	}
	for i := 0; ; i++ {
		name := host
		if i > 0 {
			name = fmt.Sprintf("%s-%d", host, i)
		}
		taken := false
		for _, other := range c.records {
			taken = taken || (other != rec && !other.deleted && other.name == name)
		}
		if !taken {
			return name
		}
	}
}

func (c *control) user() tailcfg.User { return tailcfg.User{ID: 123, DisplayName: "Alice"} }

func (c *control) login() tailcfg.Login {
	return tailcfg.Login{ID: 123, Provider: "lab", LoginName: "alice@example.com", DisplayName: "Alice"}
}

// ---- what an administrator does

func (c *control) node(id tailcfg.NodeID) *tailcfg.Node {
	c.mu.Lock()
	rec := c.records[id]
	c.mu.Unlock()
	if rec == nil || rec.deleted {
		return nil
	}
	return c.tc.Node(rec.key)
}

func (c *control) expire(id tailcfg.NodeID, at time.Time) bool {
	n := c.node(id)
	if n == nil {
		return false
	}
	n.KeyExpiry = at
	c.tc.UpdateNode(n)
	return true
}

func (c *control) approve(id tailcfg.NodeID) bool {
	n := c.node(id)
	if n == nil {
		return false
	}
	n.MachineAuthorized = true
	c.tc.UpdateNode(n)
	return true
}

// remove: the node is gone for everybody, and its own stream ends.
func (c *control) remove(id tailcfg.NodeID) bool {
	c.mu.Lock()
	rec, s := c.records[id], c.streams[id]
	if rec == nil || rec.deleted {
		c.mu.Unlock()
		return false
	}
	rec.deleted, rec.loggedIn = true, false
	c.mu.Unlock()
	if s != nil {
		s.cancel()
	}
	c.kick()
	return true
}
