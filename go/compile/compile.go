// Package compile makes policies and images from policy text or JSON, with the C library of cidrgate. It needs cgo, and
// finds the library (libcidrgate, installed by make install) through pkg-config. Programs that only look addresses up
// load images with package cidrgate, which needs neither.
//
// What the library makes is copied into Go memory at once, so nothing needs to be freed or closed.
package compile

import (
	"fmt"

	"example.com/cidrgate"
)

// An Option changes how a policy is read or what an image holds.
type Option func(*options)

type options struct{ lenient, json, verdictsOnly bool }

// Lenient takes networks with bits set after their prefix (172.0.0.10/16), and clears them. Otherwise they are faults.
func Lenient() Option { return func(o *options) { o.lenient = true } }

// JSON says that the text is JSON, which otherwise is told by its first byte.
func JSON() Option { return func(o *options) { o.json = true } }

// VerdictsOnly leaves rules, lines and notes out of the image. It is smaller, and does not tell who decided.
func VerdictsOnly() Option { return func(o *options) { o.verdictsOnly = true } }

// A ParseError is the first fault of a text. All of them, up to a hundred, are its All.
type ParseError struct {
	Line, Column int // from 1, in bytes; 0 if the fault has no place
	Msg          string
	All          []ParseError // this one first; empty in the faults that are listed
}

func (e *ParseError) Error() string {
	text := "cidrgate: " + e.Msg
	if e.Line > 0 {
		text = fmt.Sprintf("cidrgate: %d:%d: %s", e.Line, e.Column, e.Msg)
	}
	if more := len(e.All) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Parse reads policy text or JSON. A text with any fault yields no policy but a [*ParseError].
func Parse(text string, opts ...Option) (*cidrgate.Policy, error) {
	image, err := Image(text, opts...)
	if err != nil {
		return nil, err
	}
	return cidrgate.Load(image)
}

// MustParse is Parse for texts that are known to be right, as in tests. It panics if one is not.
func MustParse(text string, opts ...Option) *cidrgate.Policy {
	policy, err := Parse(text, opts...)
	if err != nil {
		panic(err)
	}
	return policy
}

// Image makes an image of policy text or JSON, for [cidrgate.Load]. Equal policies make equal images. A text with any
// fault yields no image but a [*ParseError].
func Image(text string, opts ...Option) ([]byte, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return image(text, o)
}
