// Command go is an HTTPS server that lets in whom an image allows.
//
// It asks twice: at each connection, before the TLS handshake, and at each request, since a connection may outlive a
// policy. It takes a new image when the file changes, and on SIGHUP; a bad image is reported, and the old one stays.
//
//	cidrgate compile office.policy -o office.image
//	go run . -image office.image -cert cert.pem -key key.pem -listen :8443
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/cidrgate"
)

type config struct {
	image, cert, key string
	every            time.Duration
	keep             []netip.Prefix
	log              *slog.Logger
}

func main() {
	c := config{log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	listen := flag.String("listen", "127.0.0.1:8443", "where to listen")
	flag.StringVar(&c.image, "image", "", "the compiled policy")
	flag.StringVar(&c.cert, "cert", "", "the certificate, as PEM")
	flag.StringVar(&c.key, "key", "", "its key, as PEM")
	flag.DurationVar(&c.every, "every", time.Second, "how often to look whether the image has changed")
	flag.Func("keep", "a network that no image may lock out; can be given more than once", func(text string) error {
		network, err := netip.ParsePrefix(text)
		c.keep = append(c.keep, network)
		return err
	})
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err == nil {
		err = serve(ctx, listener, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers until the context is done.
func serve(ctx context.Context, listener net.Listener, c config) error {
	policy, err := cidrgate.LoadFile(c.image)
	if err != nil {
		return err
	}
	gate := cidrgate.NewGate(policy)
	c.log.Info("listening", "address", listener.Addr().String(), "generation", gate.Generation())

	guard := cidrgate.KeepAllowed(c.keep...)
	replaced := func(change cidrgate.Change, err error) {
		if err != nil {
			c.log.Error("kept", "error", err.Error(), "generation", gate.Generation())
		} else {
			c.log.Info("replaced", "generation", change.Generation, "allowed", change.NewlyAllowedCount, "denied", change.NewlyDeniedCount)
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go gate.Watch(ctx, c.image, c.every, replaced, guard)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				policy, err := cidrgate.LoadFile(c.image)
				var change cidrgate.Change
				if err == nil {
					change, err = gate.Replace(policy, guard)
				}
				replaced(change, err)
			}
		}
	}()

	server := http.Server{
		Handler:           cidrgate.Middleware(gate)(http.HandlerFunc(why)),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(limit)
	}()
	refused := func(conn net.Conn, decision cidrgate.Decision) {
		c.log.Info("refused", "peer", conn.RemoteAddr().String(), "line", decision.Line, "note", decision.Note)
	}
	err = server.ServeTLS(cidrgate.Listener(listener, gate, refused), c.cert, c.key)
	stop()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// why tells who asks by which rule they came in. It takes the decision that was made, and does not ask again: the policy
// may be another one by now.
func why(w http.ResponseWriter, r *http.Request) {
	decision := cidrgate.RequestDecision(r.Context())
	fmt.Fprintf(w, "%v line %d: %s\n", decision.Action, decision.Line, decision.Note)
}
