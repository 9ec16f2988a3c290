//go:build !cidrgate_static

package compile

// #cgo pkg-config: cidrgate
import "C"
