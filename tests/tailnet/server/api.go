// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"time"

	"tailscale.com/tailcfg"
)

// The tests' interface. GET gives JSON; POST takes JSON and answers {} or an error in text.
//
//	GET  /nodes                 what an administrator sees
//	GET  /logins                who waits for an interactive login: [{url, node}]
//	GET  /requests              every request so far, with time and answer
//	GET  /nonsense              the kinds that there are
//	GET, POST /settings         see settings in control.go; keys left out stay as they are
//	POST /keys                  authKey in register.go: makes or changes an auth key
//	GET  /keys
//	POST /login {url}           completes a login; without url all that wait
//	POST /approve {node}        device approval; NODE is an id
//	POST /expire {node, in_s}   its key expires in so many seconds (default: a minute ago)
//	POST /delete {node}
//	POST /routes {node, routes} approves routes; null: all that it advertises
//	POST /tags {node, tags}
//	POST /inject {node, map, freeze}   a raw map response; with freeze none of ours follow
//	POST /control {running}, /derp {running}, /stun {running}
//	POST /certificate {in_s}    with -tls: a new one, valid from so many seconds from now
//	POST /nonsense {what}
type verb struct {
	Node    tailcfg.NodeID   `json:"node"`
	URL     string           `json:"url"`
	InS     *float64         `json:"in_s"`
	Routes  *[]netip.Prefix  `json:"routes"`
	Tags    []string         `json:"tags"`
	Map     *json.RawMessage `json:"map"`
	Freeze  bool             `json:"freeze"`
	Running bool             `json:"running"`
	What    string           `json:"what"`
}

func (c *control) admin() http.Handler {
	mux := http.NewServeMux()
	show := func(path string, f func() any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(f())
		})
	}
	do := func(path string, f func(*verb) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var v verb
			if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			} else if err := f(&v); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			} else {
				fmt.Fprintln(w, "{}")
			}
		})
	}
	show("/nodes", c.listNodes)
	show("/logins", c.listLogins)
	show("/requests", func() any { c.mu.Lock(); defer c.mu.Unlock(); return append([]request{}, c.requests...) })
	show("/keys", func() any { c.mu.Lock(); defer c.mu.Unlock(); return c.keys })
	show("/settings", func() any { c.mu.Lock(); defer c.mu.Unlock(); return c.set })
	show("/nonsense", func() any { return nonsenses })
	mux.HandleFunc("POST /settings", c.postSettings)
	mux.HandleFunc("POST /keys", c.postKey)
	do("/login", func(v *verb) error { return unless(c.completeLogin(v.URL), "nobody waits there") })
	do("/approve", func(v *verb) error { return unless(c.approve(v.Node), "no such node") })
	do("/delete", func(v *verb) error { return unless(c.remove(v.Node), "no such node") })
	do("/expire", c.postExpire)
	do("/routes", c.postRoutes)
	do("/tags", c.postTags)
	do("/inject", c.postInject)
	do("/nonsense", func(v *verb) error { return c.setNonsense(v.What) })
	do("/certificate", func(v *verb) error { return c.relay.certs.renew(time.Duration(*v.InS) * time.Second) })
	do("/control", func(v *verb) error { return onOff(v.Running, c.door.open, c.door.shut) })
	do("/derp", func(v *verb) error { return onOff(v.Running, c.relay.startDERP, c.relay.stopDERP) })
	do("/stun", func(v *verb) error { return onOff(v.Running, c.relay.startSTUN, c.relay.stopSTUN) })
	return mux
}

func onOff(on bool, start func() error, stop func()) error {
	if on {
		return start()
	}
	stop()
	return nil
}

func unless(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s", what)
}

type nodeView struct {
	ID         tailcfg.NodeID   `json:"id"`
	Name       string           `json:"name"`
	Hostname   string           `json:"hostname"`
	Key        string           `json:"key"`
	Machine    string           `json:"machine"`
	Disco      string           `json:"disco"`
	Addresses  []netip.Prefix   `json:"addresses"`
	Endpoints  []netip.AddrPort `json:"endpoints"`
	HomeDERP   int              `json:"home_derp"`
	Advertised []netip.Prefix   `json:"advertised"`
	Routes     []netip.Prefix   `json:"routes"`
	Online     bool             `json:"online"`
	Authorized bool             `json:"authorized"`
	Expired    bool             `json:"expired"`
	Expiry     time.Time        `json:"expiry"`
	Ephemeral  bool             `json:"ephemeral"`
	Tags       []string         `json:"tags"`
	Version    int              `json:"version"`
	Hostinfo   any              `json:"hostinfo"`
}

func (c *control) listNodes() any {
	views := []nodeView{}
	for _, n := range c.tc.AllNodes() {
		c.mu.Lock()
		rec := c.records[n.ID]
		if rec != nil && rec.loggedIn && !rec.deleted && rec.key == n.Key {
			if a, ok := c.set.Addresses[rec.name]; ok {
				moveTo(n, a)
			}
			v := nodeView{ID: n.ID, Name: rec.name, Key: n.Key.String(), Machine: n.Machine.String(),
				Disco: n.DiscoKey.String(), Addresses: n.Addresses, Endpoints: n.Endpoints,
				HomeDERP: n.HomeDERP, Online: rec.online, Authorized: n.MachineAuthorized, Expiry: n.KeyExpiry,
				Expired:   !n.KeyExpiry.IsZero() && n.KeyExpiry.Before(time.Now()),
				Ephemeral: rec.ephemeral, Tags: rec.tags, Version: int(n.Cap)}
			if n.Hostinfo.Valid() {
				v.Hostname, v.Hostinfo = n.Hostinfo.Hostname(), n.Hostinfo.AsStruct()
				v.Advertised = n.Hostinfo.RoutableIPs().AsSlice()
			}
			v.Routes = c.routesOf(n.Key)
			views = append(views, v)
		}
		c.mu.Unlock()
	}
	sort.Slice(views, func(i, j int) bool { return views[i].ID < views[j].ID })
	return views
}

func (c *control) listLogins() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []map[string]string{}
	for _, p := range c.pending {
		if !p.done {
			list = append(list, map[string]string{"url": p.url, "node": p.node.String()})
		}
	}
	return list
}

func (c *control) postSettings(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	next := c.set
	next.DNS, next.Filter, next.Addresses = next.DNS.Clone(), slices.Clone(next.Filter), maps.Clone(next.Addresses)
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&next)
	if err == nil {
		c.set = next
	}
	c.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.kick()
	fmt.Fprintln(w, "{}")
}

func (c *control) postKey(w http.ResponseWriter, r *http.Request) {
	var k authKey
	if err := json.NewDecoder(r.Body).Decode(&k); err != nil || k.Key == "" {
		http.Error(w, "bad key", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.keys[k.Key] = &k
	c.mu.Unlock()
	fmt.Fprintln(w, "{}")
}

func (c *control) postExpire(v *verb) error {
	at := time.Now().Add(-time.Minute)
	if v.InS != nil {
		at = time.Now().Add(time.Duration(*v.InS * float64(time.Second)))
	}
	return unless(c.expire(v.Node, at), "no such node")
}

func (c *control) postRoutes(v *verb) error {
	n := c.node(v.Node)
	if n == nil {
		return unless(false, "no such node")
	}
	if v.Routes != nil {
		c.setRoutes(n.Key, *v.Routes)
	} else if n.Hostinfo.Valid() {
		c.setRoutes(n.Key, n.Hostinfo.RoutableIPs().AsSlice())
	}
	return nil
}

func (c *control) postTags(v *verb) error {
	n := c.node(v.Node)
	if n == nil {
		return unless(false, "no such node")
	}
	c.mu.Lock()
	c.records[v.Node].tags = v.Tags
	c.mu.Unlock()
	c.kick()
	return nil
}

func (c *control) postInject(v *verb) error {
	c.mu.Lock()
	s := c.streams[v.Node]
	c.mu.Unlock()
	if s == nil || v.Map == nil {
		return unless(false, "no stream of that node, or no map")
	}
	return s.inject(*v.Map, v.Freeze)
}
