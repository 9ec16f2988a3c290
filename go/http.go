package cidrgate

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// An Option changes what [Middleware] does.
type Option func(*middleware)

type middleware struct {
	source  func(*http.Request) netip.Addr
	refused http.Handler
}

// Source tells where the address of a request is to be taken from, in place of its RemoteAddr: for servers behind a
// proxy of their own, which know which of its headers to believe. The zero Addr is denied.
func Source(source func(*http.Request) netip.Addr) Option {
	return func(m *middleware) { m.source = source }
}

// Refused tells what answers a request that is denied, in place of 403 Forbidden.
func Refused(handler http.Handler) Option {
	return func(m *middleware) { m.refused = handler }
}

// Middleware lets requests through to a handler if the gate allows their source address. Others get 403 Forbidden.
//
// The source address is that of the connection, [http.Request.RemoteAddr], and nothing else. X-Forwarded-For, Forwarded
// and the like are not looked at: anybody can send them, so to believe them is to let everybody choose an address. Behind
// a proxy every request comes from the proxy; see [Source].
//
// A request whose address cannot be read is denied. [RequestDecision] tells the handler, and that of [Refused], what was
// decided and why.
func Middleware(gate *Gate, options ...Option) func(http.Handler) http.Handler {
	m := middleware{
		source: func(r *http.Request) netip.Addr { return RemoteAddr(r.RemoteAddr) },
		refused: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		}),
	}
	for _, option := range options {
		option(&m)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			decision := gate.Decide(m.source(r))
			r = r.WithContext(context.WithValue(r.Context(), decisionKey{}, decision))
			if decision.Action == Allow {
				next.ServeHTTP(w, r)
			} else {
				m.refused.ServeHTTP(w, r)
			}
		})
	}
}

type decisionKey struct{}

// RequestDecision gives what [Middleware] has decided about a request, by its context. Without a middleware that is the
// zero action, deny, by rule -1.
func RequestDecision(ctx context.Context) Decision {
	if decision, ok := ctx.Value(decisionKey{}).(Decision); ok {
		return decision
	}
	return Decision{Rule: -1}
}

// RemoteAddr reads the address of a peer from "address:port", as in [http.Request.RemoteAddr]. Its zone is left out: it
// says through which interface of this host the peer is seen, not who it is. The zero Addr stands for what cannot be
// read.
func RemoteAddr(text string) netip.Addr {
	peer, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().WithZone("")
}

// addrOf gives the address of the peer of a connection, without its zone; the zero Addr if it has none.
func addrOf(addr net.Addr) netip.Addr {
	switch addr := addr.(type) {
	case *net.TCPAddr:
		// Of the bytes, since an address with a zone makes a string of it.
		ip, _ := netip.AddrFromSlice(addr.IP)
		return ip
	case nil:
		return netip.Addr{}
	}
	return RemoteAddr(addr.String())
}
