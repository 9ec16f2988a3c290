# Builds and installs the C library and the command. What `make` has built, `make install` only copies, so another user
# may call it. Packagers set DESTDIR, which goes before every path and is not written anywhere.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
# STRIP=: keeps the debugging information.
STRIP ?= strip

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# What a program is linked against: MAJOR, and while that is 0, each MINOR anew.
ABI := $(if $(filter 0.%,$(VERSION)),$(basename $(VERSION)),$(firstword $(subst ., ,$(VERSION))))

ifeq ($(shell uname -s),Darwin)
SHARED = libcidrgate.dylib
SHARED_ABI = libcidrgate.$(ABI).dylib
SHARED_FILE = libcidrgate.$(VERSION).dylib
SONAME = -Wl,-install_name,@rpath/$(SHARED_ABI)
else
SHARED = libcidrgate.so
SHARED_ABI = libcidrgate.so.$(ABI)
SHARED_FILE = libcidrgate.so.$(VERSION)
SONAME = -Wl,-soname,$(SHARED_ABI)
endif

TARGET = $(or $(CARGO_TARGET_DIR),target)
BUILT = $(TARGET)/release
SOURCES := Cargo.toml Cargo.lock $(shell find src cli/src -name '*.rs')

build: $(BUILT)/$(SHARED) $(BUILT)/cidrgate $(BUILT)/cidrgate.1 $(BUILT)/cidrgate.3

# Both libraries and the list of what the static one needs, in one go. Never with panic=abort, which would void the guard
# that turns panics into a status; never with fat LTO, which makes two Rust libraries in one program clash.
$(BUILT)/$(SHARED): $(SOURCES)
	$(CARGO) rustc --quiet --release --locked -p cidrgate --lib --features capi --crate-type cdylib,staticlib -- \
		-C link-arg=$(SONAME) --print native-static-libs="$(BUILT)/libcidrgate.needs"
	@touch "$@"

$(BUILT)/cidrgate: $(SOURCES)
	$(CARGO) build --quiet --release --locked -p cidrgate-cli
	@touch "$@"

$(BUILT)/cidrgate.1: $(BUILT)/cidrgate
	"$<" man > "$@"

$(BUILT)/cidrgate.3: include/cidrgate.h man/cidrgate.3.awk
	@mkdir -p "$(BUILT)"
	awk -v version=$(VERSION) -f man/cidrgate.3.awk include/cidrgate.h > "$@"

install: build
	@case "$(PREFIX)" in /*) ;; *) echo 'PREFIX must be an absolute path' >&2; false ;; esac
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)" \
		"$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man5"
	$(INSTALL) -m 755 "$(BUILT)/cidrgate" "$(DESTDIR)$(BINDIR)/cidrgate"
	$(INSTALL) -m 755 "$(BUILT)/$(SHARED)" "$(DESTDIR)$(LIBDIR)/$(SHARED_FILE)"
	ln -sf $(SHARED_FILE) "$(DESTDIR)$(LIBDIR)/$(SHARED_ABI)"
	ln -sf $(SHARED_ABI) "$(DESTDIR)$(LIBDIR)/$(SHARED)"
	$(INSTALL) -m 644 "$(BUILT)/libcidrgate.a" "$(DESTDIR)$(LIBDIR)/libcidrgate.a"
	$(STRIP) -S "$(DESTDIR)$(BINDIR)/cidrgate" "$(DESTDIR)$(LIBDIR)/$(SHARED_FILE)" "$(DESTDIR)$(LIBDIR)/libcidrgate.a"
	$(INSTALL) -m 644 include/cidrgate.h include/cidrgate_sockaddr.h "$(DESTDIR)$(INCLUDEDIR)"
# Paths below the prefix follow it when it moves. A C compiler brings libc and libgcc itself, shared or static as the
# program is; named here, libgcc_s would rule out programs that are static as a whole.
	sed -e 's|@prefix@|$(PREFIX)|' -e 's|@version@|$(VERSION)|' \
		-e 's|@libdir@|$(subst $(PREFIX)/,$${prefix}/,$(LIBDIR))|' \
		-e 's|@includedir@|$(subst $(PREFIX)/,$${prefix}/,$(INCLUDEDIR))|' \
		-e "s|@private@|$$(tr ' ' '\n' < "$(BUILT)/libcidrgate.needs" | grep -vxE -e '-lgcc_s|-lc' | tr '\n' ' ')|" \
		-e 's| *$$||' include/cidrgate.pc.in > "$(DESTDIR)$(LIBDIR)/pkgconfig/cidrgate.pc"
	$(INSTALL) -m 644 "$(BUILT)/cidrgate.1" "$(DESTDIR)$(MANDIR)/man1/cidrgate.1"
	$(INSTALL) -m 644 "$(BUILT)/cidrgate.3" "$(DESTDIR)$(MANDIR)/man3/cidrgate.3"
	$(INSTALL) -m 644 man/cidrgate.5 "$(DESTDIR)$(MANDIR)/man5/cidrgate.5"

uninstall:
	$(RM) "$(DESTDIR)$(BINDIR)/cidrgate" "$(DESTDIR)$(LIBDIR)/$(SHARED)" "$(DESTDIR)$(LIBDIR)/$(SHARED_ABI)" \
		"$(DESTDIR)$(LIBDIR)/$(SHARED_FILE)" "$(DESTDIR)$(LIBDIR)/libcidrgate.a" \
		"$(DESTDIR)$(LIBDIR)/pkgconfig/cidrgate.pc" "$(DESTDIR)$(INCLUDEDIR)/cidrgate.h" \
		"$(DESTDIR)$(INCLUDEDIR)/cidrgate_sockaddr.h" "$(DESTDIR)$(MANDIR)/man1/cidrgate.1" \
		"$(DESTDIR)$(MANDIR)/man3/cidrgate.3" "$(DESTDIR)$(MANDIR)/man5/cidrgate.5"
