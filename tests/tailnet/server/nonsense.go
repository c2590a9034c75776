// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Ways of a server that is not what it should be. Those of HTTP are answered by talkNonsense, "bad-key" in
// control.go, "map-…" in mapping.go, and "machine-500" behind a good handshake.
var nonsenses = map[string]string{
	"html":        "a web page for everything, as a captive portal does",
	"500":         "an error for everything",
	"404":         "nothing is here",
	"redirect":    "everything is elsewhere, for ever",
	"hang":        "requests are never answered",
	"json":        "JSON, but of something else",
	"long":        "an endless answer",
	"garbage":     "no HTTP at all, but bytes",
	"close":       "every connection is closed at once",
	"bad-key":     "the key is another's, so that the handshake fails",
	"no-upgrade":  "the key is good, the upgrade refused",
	"half":        "the upgrade is promised, then the connection ends",
	"machine-500": "errors inside of Noise",
	"map-garbage": "map frames that are no JSON",
	"map-huge":    "a map frame of 4 GiB",
	"map-empty":   "map frames that say nothing",
}

func talkNonsense(what string, w http.ResponseWriter, r *http.Request) bool {
	switch what {
	case "html":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><title>Free WiFi</title>Please accept our terms.</html>\n")
	case "500":
		http.Error(w, "internal error", http.StatusInternalServerError)
	case "404":
		http.NotFound(w, r)
	case "redirect":
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	case "hang":
		<-r.Context().Done()
	case "json":
		fmt.Fprint(w, `{"publicKey": 42, "hello": ["world"]}`)
	case "long":
		line := strings.Repeat("x", 1<<16)
		for {
			if _, err := fmt.Fprint(w, line); err != nil {
				return true
			}
		}
	case "no-upgrade":
		if r.URL.Path != "/ts2021" {
			return false
		}
		http.Error(w, "no upgrades today", http.StatusForbidden)
	case "half":
		if r.URL.Path != "/ts2021" {
			return false
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: tailscale-control-protocol\r\n"+
				"Connection: upgrade\r\n\r\n\x02\x00")
			c.Close()
		}
	default:
		return false
	}
	return true
}

// setNonsense: those that are no HTTP are spoken by the door itself.
func (c *control) setNonsense(what string) error {
	if _, ok := nonsenses[what]; what != "" && !ok {
		return fmt.Errorf("no such nonsense: %s", what)
	}
	c.mu.Lock()
	c.nonsense = what
	c.mu.Unlock()
	c.door.greet(nil)
	switch what {
	case "garbage":
		c.door.greet(func(conn net.Conn) { conn.Write([]byte("\x00\x01\x02SSH-2.0-nonsense\r\n\xff\xfe")) })
	case "close":
		c.door.greet(func(net.Conn) {})
	}
	return nil
}
