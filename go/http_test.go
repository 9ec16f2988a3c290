package cidrgate

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestMiddleware(t *testing.T) {
	gate := NewGate(policyOf(t, "192.0.2.0/24", "fe80::/10"))
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if decision := RequestDecision(r.Context()); decision.Action == Allow && decision.Network.IsValid() {
			io.WriteString(w, "in")
		}
	})
	teapot := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	header := Source(func(r *http.Request) netip.Addr { return RemoteAddr(r.Header.Get("X-Real") + ":1") })
	cases := []struct {
		gate    *Gate
		options []Option
		remote  string
		status  int
	}{
		{gate, nil, "192.0.2.1:1234", 200},
		{gate, nil, "[::ffff:192.0.2.1]:1234", 200},
		{gate, nil, "[fe80::1%eth0]:1234", 200},
		{gate, nil, "198.51.100.1:1234", 403},
		{gate, nil, "[2001:db8::1]:1234", 403},
		{gate, nil, "192.0.2.1", 403},
		{gate, nil, "192.000.2.1:1234", 403},
		{gate, nil, "@", 403},
		{gate, nil, "", 403},
		{nil, nil, "192.0.2.1:1234", 403},
		{gate, []Option{Refused(teapot)}, "198.51.100.1:1234", 418},
		{gate, []Option{header}, "198.51.100.1:1234", 200},
	}
	for _, c := range cases {
		request := httptest.NewRequest("GET", "/", nil)
		request.RemoteAddr = c.remote
		// None of these may matter.
		request.Header.Set("X-Forwarded-For", "192.0.2.1")
		request.Header.Set("Forwarded", "for=192.0.2.1")
		request.Header.Set("X-Real", "192.0.2.9")
		answer := httptest.NewRecorder()
		Middleware(c.gate, c.options...)(ok).ServeHTTP(answer, request)
		if answer.Code != c.status || (answer.Body.String() == "in") != (c.status == 200) {
			t.Errorf("%v: %d %q", c.remote, answer.Code, answer.Body)
		}
	}
}

func TestDecisionWithoutMiddleware(t *testing.T) {
	if decision := RequestDecision(httptest.NewRequest("GET", "/", nil).Context()); decision != (Decision{Rule: -1}) {
		t.Errorf("%+v", decision)
	}
}

// failing gives errors between connections.
type failing struct {
	net.Listener
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return nil, err
	}
	return f.Listener.Accept()
}

func TestListener(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	temporary := errors.New("too many open files")
	var told []Decision
	listener := Listener(&failing{plain, []error{temporary}}, NewGate(policyOf(t, "127.0.0.2/32")), func(conn net.Conn, decision Decision) {
		told = append(told, decision)
	})
	if _, err := listener.Accept(); err != temporary {
		t.Error(err)
	}
	dial := func(from string) net.Conn {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	out, in := dial("127.0.0.1"), dial("127.0.0.2")
	defer out.Close()
	defer in.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.RemoteAddr().String() != in.LocalAddr().String() {
		t.Error(conn.RemoteAddr())
	}
	if n, err := out.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if len(told) != 1 || told[0].Action != Deny || told[0].Network.String() != "127.0.0.0/31" {
		t.Errorf("%v", told)
	}
	plain.Close()
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestAddressOfPeer(t *testing.T) {
	unix := &net.UnixAddr{Name: "/run/socket", Net: "unix"}
	for want, addr := range map[string]net.Addr{
		"192.0.2.1":        &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1},
		"fe80::1":          &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"},
		"2001:db8::1":      &net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1},
		"invalid IP":       unix,
		"::ffff:192.0.2.2": &net.UDPAddr{IP: net.ParseIP("192.0.2.2"), Port: 2},
	} {
		got := addrOf(addr)
		if wanted, err := netip.ParseAddr(want); err == nil && got.Unmap() != wanted.Unmap() || err != nil && got.IsValid() {
			t.Errorf("%v: %v", addr, got)
		}
	}
	if addrOf(nil).IsValid() || addrOf(&net.TCPAddr{}).IsValid() {
		t.Error("an address of nothing")
	}
}
