//go:build cidrgate_static

package compile

// Copy libcidrgate.a to compile/lib/libcidrgate_OS_ARCH.a, and build with -tags cidrgate_static.

// #cgo CFLAGS: -I${SRCDIR}
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/lib/libcidrgate_linux_amd64.a -lm -ldl -lpthread
// #cgo linux,arm64 LDFLAGS: ${SRCDIR}/lib/libcidrgate_linux_arm64.a -lm -ldl -lpthread
import "C"
