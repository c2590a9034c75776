// SPDX-License-Identifier: MIT

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A door is a listener that can be shut, with everybody inside thrown out, and opened again.
type door struct {
	addr    string
	tls     *tls.Config // nil: plain
	handler http.Handler

	mu      sync.Mutex
	ln      net.Listener
	guests  map[net.Conn]bool
	greeter func(net.Conn) // instead of HTTP, for what is no HTTP at all
}

func newDoor(addr string, c *certificates, https bool, h http.Handler) *door {
	d := &door{addr: addr, handler: h, guests: map[net.Conn]bool{}}
	if https {
		d.tls = c.config()
	}
	return d
}

func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ln != nil {
		return nil
	}
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		return err
	}
	d.ln = ln
	srv := &http.Server{Handler: d.handler, ErrorLog: log.New(io.Discard, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	go srv.Serve(&doorway{d, ln})
	return nil
}

func (d *door) shut() {
	d.mu.Lock()
	ln, guests := d.ln, slices.Collect(maps.Keys(d.guests))
	d.ln = nil
	d.mu.Unlock()
	if ln == nil {
		return
	}
	ln.Close()
	for _, g := range guests { // each takes itself from the list
		g.Close()
	}
}

func (d *door) greet(f func(net.Conn)) {
	d.mu.Lock()
	d.greeter = f
	d.mu.Unlock()
}

type doorway struct {
	d *door
	net.Listener
}

type guest struct {
	net.Conn
	d *door
}

func (w *doorway) Accept() (net.Conn, error) {
	for {
		c, err := w.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g := &guest{c, w.d}
		w.d.mu.Lock()
		w.d.guests[g] = true
		greeter := w.d.greeter
		w.d.mu.Unlock()
		if greeter != nil {
			go func() { greeter(g); g.Close() }()
			continue
		}
		if w.d.tls != nil {
			return tls.Server(g, w.d.tls), nil
		}
		return g, nil
	}
}

func (g *guest) Close() error {
	g.d.mu.Lock()
	delete(g.d.guests, g)
	g.d.mu.Unlock()
	return g.Conn.Close()
}

// certificates: a private CA with one leaf for control and embedded DERP, and a self-signed one for the
// stand-alone DERP, which clients pin.
type certificates struct {
	pinned tls.Certificate
	pin    string // "sha256-raw:…"

	name, host string
	ca         *x509.Certificate
	by         *ecdsa.PrivateKey
	leaf       atomic.Pointer[tls.Certificate]
}

func newCertificates(name, host, dir string) (*certificates, error) {
	c := &certificates{name: name, host: host}
	var err error
	if c.pinned, err = certify(name, host, nil, nil, 0); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(c.pinned.Certificate[0])
	c.pin = "sha256-raw:" + hex.EncodeToString(sum[:])
	if dir == "" {
		return c, nil
	}
	ca, err := certify("Laboratory CA", "", nil, nil, 0)
	if err != nil {
		return nil, err
	}
	if c.ca, err = x509.ParseCertificate(ca.Certificate[0]); err != nil {
		return nil, err
	}
	c.by = ca.PrivateKey.(*ecdsa.PrivateKey)
	if err := c.renew(0); err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]})
	return c, os.WriteFile(filepath.Join(dir, "ca.pem"), text, 0o644)
}

// renew makes a new leaf, valid for a day from IN from now.
func (c *certificates) renew(in time.Duration) error {
	if c.ca == nil {
		return errors.New("no TLS here")
	}
	leaf, err := certify(c.name, c.host, c.ca, c.by, in)
	if err == nil {
		c.leaf.Store(&leaf)
	}
	return err
}

// certify makes a certificate for NAME and HOST by a CA, or, without, one that signs itself; without HOST
// it is a CA. It is valid from IN from now.
func certify(name, host string, ca *x509.Certificate, by *ecdsa.PrivateKey, in time.Duration) (tls.Certificate, error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(in - time.Hour), NotAfter: time.Now().Add(in + 24*time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	if host == "" {
		t.IsCA, t.KeyUsage, t.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	} else {
		t.IPAddresses = []net.IP{net.ParseIP(host)}
		if net.ParseIP(name) == nil {
			t.DNSNames = []string{name}
		}
	}
	if ca == nil {
		ca, by = t, own
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, &own.PublicKey, by)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}, err
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.leaf.Load(), nil }}
}
