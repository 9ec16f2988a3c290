//go:build cidrgate_static

package compile

// Put cidrgate.h and libcidrgate.a, as libcidrgate_OS_ARCH.a, into the folder lib here, and build with -tags
// cidrgate_static.

// #cgo CFLAGS: -I${SRCDIR}/lib
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/lib/libcidrgate_linux_amd64.a -lm -ldl -lpthread
// #cgo linux,arm64 LDFLAGS: ${SRCDIR}/lib/libcidrgate_linux_arm64.a -lm -ldl -lpthread
import "C"
