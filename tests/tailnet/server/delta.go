// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"reflect"

	"tailscale.com/tailcfg"
)

// delta gives what changed since the last message, in Headscale's way: patches where a patch can say it,
// whole peers where not; nil where nothing did.
func (s *stream) delta(now *tailcfg.MapResponse) *tailcfg.MapResponse {
	old := s.last
	s.last = now
	d := &tailcfg.MapResponse{ControlTime: now.ControlTime}
	any := false
	if !same(old.Node, now.Node) {
		d.Node, any = now.Node, true
	}
	if !same(old.DNSConfig, now.DNSConfig) {
		d.DNSConfig, any = now.DNSConfig, true
	}
	if !same(old.DERPMap, now.DERPMap) {
		d.DERPMap, any = now.DERPMap, true
	}
	if !same(old.PacketFilters, now.PacketFilters) {
		d.PacketFilters, any = now.PacketFilters, true
	}
	before := map[tailcfg.NodeID]*tailcfg.Node{}
	for _, p := range old.Peers {
		before[p.ID] = p
	}
	for _, p := range now.Peers {
		was := before[p.ID]
		delete(before, p.ID)
		if was == nil {
			d.PeersChanged = append(d.PeersChanged, p)
		} else if patch := patchOf(was, p); patch != nil {
			d.PeersChangedPatch = append(d.PeersChangedPatch, patch)
		} else if !same(was, p) {
			d.PeersChanged = append(d.PeersChanged, p)
		}
	}
	for id := range before {
		d.PeersRemoved = append(d.PeersRemoved, id)
	}
	if !any && len(d.PeersChanged)+len(d.PeersChangedPatch)+len(d.PeersRemoved) == 0 {
		return nil
	}
	return d
}

// patchOf: only endpoints, relay, disco key and presence differ.
func patchOf(was, is *tailcfg.Node) *tailcfg.PeerChange {
	if same(was, is) {
		return nil
	}
	rest := was.Clone()
	rest.Endpoints, rest.HomeDERP, rest.DiscoKey = is.Endpoints, is.HomeDERP, is.DiscoKey
	rest.Online, rest.LastSeen = is.Online, is.LastSeen
	rest.Hostinfo = is.Hostinfo // its NetInfo changes along with HomeDERP
	routes := was.Hostinfo.Valid() && is.Hostinfo.Valid() && !reflect.DeepEqual(
		was.Hostinfo.RoutableIPs().AsSlice(), is.Hostinfo.RoutableIPs().AsSlice())
	if routes || !same(rest, is) {
		return nil
	}
	c := &tailcfg.PeerChange{NodeID: is.ID}
	if !same(was.Online, is.Online) {
		c.Online = is.Online
	}
	if !same(was.LastSeen, is.LastSeen) {
		c.LastSeen = is.LastSeen
	}
	if !same(was.Endpoints, is.Endpoints) {
		c.Endpoints = is.Endpoints
	}
	if was.HomeDERP != is.HomeDERP {
		c.DERPRegion = is.HomeDERP
	}
	if was.DiscoKey != is.DiscoKey {
		disco := is.DiscoKey
		c.DiscoKey = &disco
	}
	return c
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// withNullRegion: Headscale's DERP map can hold regions that are null; clients must pass over them.
func withNullRegion(text []byte, res *tailcfg.MapResponse) []byte {
	if res.DERPMap == nil {
		return text
	}
	return bytes.Replace(text, []byte(`"Regions":{`), []byte(`"Regions":{"998":null,`), 1)
}
