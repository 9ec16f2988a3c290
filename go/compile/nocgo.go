//go:build !cgo

package compile

import "example.com/cidrgate"

// Without cgo there is no C library to call. Programs that load images need only package cidrgate.
var _ *cidrgate.Policy = package_compile_needs_cgo
