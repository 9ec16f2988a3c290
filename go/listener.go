package cidrgate

import "net"

// Listener gives a listener that returns only connections whose source address the gate allows. It closes the others
// before a byte is read, tells refused about each (unless that is nil), and waits for the next. So nobody who is denied
// reaches what comes after, a TLS handshake included.
//
// Accept passes on the errors of the listener. Who is allowed when the connection is made stays connected when the
// policy changes: [Middleware] asks again at each request.
//
// refused is called on the goroutine that accepts, so it should not wait. The connection is closed when it returns.
func Listener(listener net.Listener, gate *Gate, refused func(net.Conn, Decision)) net.Listener {
	return &gated{listener, gate, refused}
}

type gated struct {
	net.Listener
	gate    *Gate
	refused func(net.Conn, Decision)
}

func (l *gated) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr, policy := addrOf(conn.RemoteAddr()), l.gate.Policy()
		if policy.Allows(addr) {
			return conn, nil
		}
		l.refuse(conn, policy.Decide(addr))
	}
}

func (l *gated) refuse(conn net.Conn, decision Decision) {
	defer conn.Close()
	if l.refused != nil {
		l.refused(conn, decision)
	}
}
