// Package cidrgate answers whether a source address may come in, in nanoseconds, from a compiled policy.
//
// Policies are written as text, and compiled to an image by the cidrgate command, the C library, the Rust library, or
// package compile. This package reads images. It is pure Go, without unsafe, and depends on nothing but the standard
// library, so a service that ships images needs no C compiler.
//
//	policy, err := cidrgate.LoadFile("office.image") // made by: cidrgate compile office.policy -o office.image
//	policy.Allows(addr)                              // true or false
//	policy.Decide(addr)                              // and by which rule, with its line and note
//
// A [Gate] holds the policy of a running service. [Middleware] and [Listener] ask it for each request and each
// connection. [Gate.Replace] takes the next policy while requests are served, unless a [Guard] refuses it;
// [Gate.ReplaceFor] takes it back unless it is confirmed in time. [Gate.Watch] keeps the gate at an image in a file, and
// [Gate.Status] tells how things stand.
//
// Whatever cannot be decided is denied: a nil policy, the zero [netip.Addr], an address with a zone.
//
// What it costs: a look-up is a few array reads and does not allocate; an index takes 4 bytes an edge of IPv4 and 8 or
// 16 of IPv6, and 2 to 7 more. Loading is linear in the length of the image. README.md beside this package has figures.
package cidrgate
