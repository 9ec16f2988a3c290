package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// certificate writes one for 127.0.0.1 and gives what a client needs to trust it.
func certificate(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

// events notes what the server logs.
type events struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (e *events) Write(line []byte) (int, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.text.Write(line)
}

func (e *events) count(text string) int {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return strings.Count(e.text.String(), text)
}

// The blue image lets in 127.0.0.2 by its line 3; the green one lets in 127.0.0.2 by its line 5, and 127.0.0.3. While
// they take turns under load, every answer is that of one of them as a whole, and 127.0.0.4 is never let in.
func TestImagesTakeTurnsUnderLoad(t *testing.T) {
	folder := t.TempDir()
	c := config{
		image: filepath.Join(folder, "image"), cert: filepath.Join(folder, "cert"), key: filepath.Join(folder, "key"),
		every: 2 * time.Millisecond, keep: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
	}
	var log events
	c.log = slog.New(slog.NewJSONHandler(&log, nil))
	pool := certificate(t, c.cert, c.key)
	take := func(image string) {
		t.Helper()
		bytes, err := os.ReadFile(filepath.Join("testdata", image))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.image+".new", bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(c.image+".new", c.image); err != nil {
			t.Fatal(err)
		}
	}
	take("blue.image")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, c) }()

	client := func(from string, keepAlive bool) *http.Client {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
		return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: !keepAlive,
		}}
	}
	// ask gives the status and the body; 0 if the connection was refused.
	ask := func(client *http.Client) (int, string) {
		answer, err := client.Get("https://" + listener.Addr().String() + "/")
		if err != nil {
			return 0, err.Error()
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return 0, err.Error()
		}
		return answer.StatusCode, string(body)
	}
	const blue, green, guest = "allow line 3: blue\n", "allow line 5: green\n", "allow line 6: guest\n"
	if status, body := ask(client("127.0.0.2", false)); status != 200 || body != blue {
		t.Fatalf("%d %q", status, body)
	}

	var load sync.WaitGroup
	var done atomic.Bool
	var blues, greens, guests, turned atomic.Int64
	run := func(from string, keepAlive bool, judge func(int, string)) {
		load.Add(1)
		go func() {
			defer load.Done()
			client := client(from, keepAlive)
			defer client.CloseIdleConnections()
			for !done.Load() {
				judge(ask(client))
			}
		}()
	}
	for _, keepAlive := range []bool{true, false} {
		run("127.0.0.2", keepAlive, func(status int, body string) {
			switch {
			case status == 200 && body == blue:
				blues.Add(1)
			case status == 200 && body == green:
				greens.Add(1)
			default:
				t.Errorf("127.0.0.2: %d %q", status, body)
			}
		})
		run("127.0.0.3", keepAlive, func(status int, body string) {
			switch {
			case status == 200 && body == guest:
				guests.Add(1)
			case status == 0 || status == 403:
				turned.Add(1)
			default:
				t.Errorf("127.0.0.3: %d %q", status, body)
			}
		})
	}
	run("127.0.0.4", false, func(status int, body string) {
		if status != 0 {
			t.Errorf("127.0.0.4: %d %q", status, body)
		}
	})
	replaced := func(times int) {
		t.Helper()
		for start := time.Now(); log.count(`"msg":"replaced"`) < times; time.Sleep(time.Millisecond) {
			if time.Since(start) > 30*time.Second {
				t.Fatal("the image is not taken")
			}
		}
	}
	replaced(1) // The first look at the file takes it, whatever the gate has.
	turns := 50
	for turn := range turns {
		take([]string{"green.image", "blue.image"}[turn%2])
		replaced(turn + 2)
		time.Sleep(5 * time.Millisecond)
	}
	for start := time.Now(); blues.Load() == 0 || greens.Load() == 0 || guests.Load() == 0 || turned.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			break
		}
	}
	done.Store(true)
	load.Wait()
	t.Logf("%d blue, %d green, %d guests, %d turned away", blues.Load(), greens.Load(), guests.Load(), turned.Load())
	if blues.Load() == 0 || greens.Load() == 0 || guests.Load() == 0 || turned.Load() == 0 {
		t.Error("not everything happened")
	}

	// An image that locks 127.0.0.2 out, and one that is none, are reported and not taken.
	kept := func(turn int) {
		t.Helper()
		for start := time.Now(); log.count(`"msg":"kept"`) < turn; time.Sleep(time.Millisecond) {
			if time.Since(start) > 30*time.Second {
				t.Fatal("nothing was reported")
			}
		}
		if status, body := ask(client("127.0.0.2", false)); status != 200 || body != blue {
			t.Errorf("%d %q", status, body)
		}
	}
	take("locked.image")
	kept(1)
	take("blue.policy")
	kept(2)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	kept(3)
	take("green.image")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	replaced(turns + 2)
	if log.count(`"msg":"refused"`) == 0 {
		t.Error("no refusal was logged")
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
