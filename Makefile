# SPDX-License-Identifier: MIT
# tsgw: one non-recursive build. `make help` lists the targets.
VERSION    := 0.7.2
O          ?= build
PREFIX     ?= /usr
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/tsgw
SYSCONFDIR ?= /etc/tsgw
UNITDIR    ?= $(PREFIX)/lib/systemd/system
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
PRESETDIR  ?= $(PREFIX)/lib/systemd/system-preset
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/tsgw

DEPS_BUILD := gcc pkg-config libc6-dev libnl-3-dev libnl-route-3-dev libsystemd-dev libsodium-dev \
	libinih-dev libseccomp-dev libjansson-dev libc-ares-dev libmicrohttpd-dev \
	libqrencode-dev libmnl-dev libnftnl-dev
# libipsec-mb is x86 only; the node uses libsodium elsewhere
DEPS_BUILD += $(if $(filter x86_64,$(shell uname -m)),libipsec-mb-dev)
DEPS_DEMO  := wireguard-go wireguard-tools iproute2 curl bind9-dnsutils netcat-openbsd openssh-client \
	openssh-server python3 procps
DEPS_CLIENTS := dnsmasq-base dnsperf knot-dnsutils git rsync openssl chromium golang-go nodejs node-undici \
	node-https-proxy-agent node-ws proxychains4 python3-aiohttp python3-aiohttp-socks python3-httpx \
	python3-requests python3-socks python3-socksio python3-websockets redis-server redis-tools \
	postgresql postgresql-client net-tools python3-pip
DEPS_OPTIONAL := dante-client makepkg # not in Debian 13; not in each release
# where somebody else's package brings the command, Debian's would collide with it
DEPS_OPTIONAL += $(if $(shell command -v kubectl 2>/dev/null),,kubernetes-client)
DEPS_CHECK := clang clang-format clang-tidy shellcheck mandoc strace nftables iptables passt iperf3 socat microsocks \
	libclang-rt-dev util-linux iputils-ping bash zsh fish \
	python3-pacparser prometheus python3-docker
# building packages and booting them in a real systemd
DEPS_SYSTEM := debhelper dpkg-dev fakeroot lintian mmdebstrap systemd-container apparmor rpm rpmlint libarchive-tools

# IPSECMB=no: without libipsec-mb where its headers are. CROSS=aarch64-linux-gnu: all of it for another
# architecture, with that one's libraries below SYSROOTS (tests/foreign-deps).
CROSS      ?=
SYSROOTS   ?= /usr/local/lib/tsgw-sysroots
SERVERS    ?= /usr/local/lib/tsgw-servers
IPSECMB    ?= yes
PKGS       := libnl-3.0 libnl-route-3.0 libmnl libnftnl libsystemd libsodium libseccomp inih jansson libcares libmicrohttpd libqrencode
ifeq ($(CROSS),)
CC         ?= gcc
PKG_CONFIG ?= pkg-config
else
SYSROOT    := $(abspath $(SYSROOTS))/$(CROSS)
CC         := $(CROSS)-gcc
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS)/pkgconfig pkg-config
CROSS_LINK := -L$(SYSROOT)/usr/lib/$(CROSS) -Wl,-rpath-link,$(SYSROOT)/usr/lib/$(CROSS)
endif
SAN        ?=
CPPFLAGS   += -Isrc -D_GNU_SOURCE -DTSGW_VERSION='"$(VERSION)"' -DTSGW_LIBEXECDIR='"$(LIBEXECDIR)"' \
	-DTSGW_SYSCONFDIR='"$(SYSCONFDIR)"' $(if $(filter no,$(IPSECMB)),-DTSGW_NO_IPSECMB)
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wpointer-arith -Wcast-align -Wno-unused-parameter
HARDEN     := -fstack-protector-strong -fstack-clash-protection -fPIE
ifeq ($(SAN),)
CPPFLAGS   += -D_FORTIFY_SOURCE=2
OPT        ?= -O2
else
OPT        ?= -O1
HARDEN     := -fPIE -fsanitize=$(if $(filter thread,$(SAN)),thread,address,undefined) -fno-sanitize-recover=all -fno-omit-frame-pointer
CPPFLAGS   += -DTSGW_SAN=1
endif
CFLAGS     ?= -g
ALL_CFLAGS  = -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(CFLAGS) $(call pkg_cflags)
ALL_LDFLAGS = $(LDFLAGS) $(CROSS_LINK) -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--build-id=sha1 $(filter -fsanitize%,$(HARDEN))
pkg_cflags  = $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
Q          := $(if $(V),,@)
say         = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(patsubst $(O)/%,%,$@)';)

# A program is a folder of src/ and the folders below it; its libraries are named beside it.
PROGRAMS        := tsgwd tsgwctl tsgw-wg tsgw-proxy tsgw-dns tsgw-host tsgw-web
WORKERS         := tsgw-wg tsgw-proxy tsgw-dns tsgw-host tsgw-web
tsgwd_DIR       := supervisor
tsgwd_USES      := config ipc common
tsgwd_LIBS      := libnl-3.0 libnl-route-3.0 libmnl libnftnl libsystemd libsodium inih
tsgwctl_DIR     := ctl
tsgwctl_USES    := clients report config ipc common
tsgwctl_LIBS    := libsystemd libsodium inih jansson
tsgw-wg_DIR     := wg
tsgw-wg_USES    := ipc common
tsgw-wg_LIBS    := libsodium libseccomp
tsgw-wg_EXTRA   := -pthread
tsgw-proxy_DIR  := proxy
tsgw-proxy_USES := relay ipc common
tsgw-proxy_LIBS := libsodium libseccomp libcares
tsgw-proxy_EXTRA := -pthread
tsgw-dns_DIR    := dns
tsgw-dns_USES   := ipc common
tsgw-dns_LIBS   := libseccomp
tsgw-host_DIR   := host
tsgw-host_USES  := relay ipc common
tsgw-host_LIBS  := libseccomp jansson
tsgw-host_EXTRA := -pthread
tsgw-web_DIR    := web
tsgw-web_USES   := clients report config ipc common
tsgw-web_LIBS   := libmicrohttpd libqrencode jansson libsodium libseccomp

FOLDERS   := common ipc relay config clients report supervisor wg proxy dns host web ctl
objs       = $(patsubst %.c,$(O)/%.o,$(wildcard src/$(1)/*.c))
UNIT_SRCS := $(wildcard tests/unit/*.c)
UNIT_BINS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
FUZZ_SRCS := $(wildcard tests/fuzz/*.c)

all: $(addprefix $(O)/,$(PROGRAMS))
help:
	@sed -n 's/^## //p' Makefile tests/rules.mk packaging/rules.mk

$(O)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/src/web/asset.o $(O)/clang/src/web/asset.o: $(wildcard src/web/page.* src/web/*.svg)

# The workers' system call filters are made here, by libseccomp; for another machine that has to happen there.
ifeq ($(CROSS),)
$(O)/src/common/filter.o: $(O)/gen/filters.h
$(O)/src/common/filter.o: private CPPFLAGS += -I$(O)/gen -DTSGW_FILTERS='"filters.h"'
$(O)/gen/filters: $(addprefix $(O)/src/common/,gen/filters.o filterbuild.o filterrules.o fd.o)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs libseccomp)
$(O)/gen/filters.h: $(O)/gen/filters
	$(call say,GEN)$< > $@.new && mv $@.new $@
endif

# The layers below the programs are archives: a program takes from them what it calls, so that tsgwd
# and tsgwctl do not carry the workers' sandbox.
define layer
$(O)/lib$(1).a: $$(call objs,$(1))
	@rm -f $$@
	$$(call say,AR)$$(AR) rcs $$@ $$^
endef
$(foreach l,clients report config relay ipc common,$(eval $(call layer,$(l))))

define program
$(O)/$(1): $$(call objs,$$($(1)_DIR)) $$(foreach d,$$($(1)_USES),$(O)/lib$$(d).a)
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ \
		$$(shell $$(PKG_CONFIG) --libs $$($(1)_LIBS)) $$($(1)_EXTRA)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# tests/unit/FOLDER-thing.c is linked with that folder (less its main.c) and the layers below it.
unit_objs  = $(filter-out %/main.o,$(foreach d,$(sort $(firstword $(subst -, ,$(1))) ipc common \
	$(if $(filter ctl% supervisor% config% report% web%,$(1)),config) \
	$(if $(filter ctl% web%,$(1)),clients report) \
	$(if $(filter proxy% host%,$(1)),relay)),$(call objs,$(d))))
define unit
$(O)/unit/$(1): $(O)/tests/unit/$(1).o $$(call unit_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ \
		$$(shell $$(PKG_CONFIG) --libs $$(PKGS)) -pthread
endef
$(foreach u,$(patsubst tests/unit/%.c,%,$(UNIT_SRCS)),$(eval $(call unit,$(u))))

-include tests/rules.mk packaging/rules.mk

# ---- targets for people -------------------------------------------------------------------------
## make            build everything into $(O)/
## make deps       install what building, demo and tests need (the only target that installs)
## make demo       two demo tailnets with equal addresses, through the gateway, without any account
## make check      all tests (root); check-unit needs neither root nor network, check-system boots Debians
## make lint       formatting, static analysis, shell and man page checks
## make bench      measure against wireguard-go and the socat+microsocks chain
## make install    DESTDIR= and PREFIX= are honoured
deps:
	apt-get update -qq || true
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		$(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_CHECK) $(DEPS_CLIENTS) $(DEPS_SYSTEM) \
		$$(for p in $(DEPS_OPTIONAL); do apt-cache show $$p 2>/dev/null | sed -n 's/^Package: //p'; done)
	tests/foreign-deps $(SYSROOTS) $(FOREIGN)
	tests/server-deps $(SERVERS)

install: all
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(BINDIR) $(LIBEXECDIR) $(UNITDIR) $(TMPFILESDIR) $(CATALOGDIR) \
		$(SYSUSERSDIR) $(PRESETDIR) $(SYSCONFDIR)/tsgw.d $(MANDIR)/man1 $(MANDIR)/man5 $(MANDIR)/man8 \
		$(DOCDIR)/dns $(BASHCOMPDIR) $(ZSHCOMPDIR) $(FISHCOMPDIR))
	install -m 755 $(O)/tsgwd $(DESTDIR)$(SBINDIR)/
	install -m 755 $(O)/tsgwctl $(DESTDIR)$(BINDIR)/
	install -m 755 $(addprefix $(O)/,$(WORKERS)) $(DESTDIR)$(LIBEXECDIR)/
	install -m 644 units/*.service $(DESTDIR)$(UNITDIR)/
	install -m 644 units/tsgw.tmpfiles $(DESTDIR)$(TMPFILESDIR)/tsgw.conf
	install -m 644 units/tsgw.catalog $(DESTDIR)$(CATALOGDIR)/
	install -m 644 units/tsgw.sysusers $(DESTDIR)$(SYSUSERSDIR)/tsgw.conf
	install -m 644 units/tsgw.preset $(DESTDIR)$(PRESETDIR)/70-tsgw.preset
	install -m 644 man/*.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8/
	install -m 644 completion/tsgwctl.bash $(DESTDIR)$(BASHCOMPDIR)/tsgwctl
	install -m 644 completion/_tsgwctl $(DESTDIR)$(ZSHCOMPDIR)/
	install -m 644 completion/tsgwctl.fish $(DESTDIR)$(FISHCOMPDIR)/
	install -m 644 README.md NEWS.md LICENSE etc/tsgw.ini etc/prometheus-alerts.yml \
		etc/grafana-dashboard.json $(DESTDIR)$(DOCDIR)/
	install -m 644 dns/* $(DESTDIR)$(DOCDIR)/dns/
	test ! -e $(O)/tsgw.spdx.json || install -m 644 $(O)/tsgw.spdx.json $(DESTDIR)$(DOCDIR)/
	test -e $(DESTDIR)$(SYSCONFDIR)/tsgw.ini || \
		{ install -m 640 etc/tsgw.ini $(DESTDIR)$(SYSCONFDIR)/ && \
		{ test -n "$(DESTDIR)" || ! getent group tsgw >/dev/null || chgrp tsgw $(SYSCONFDIR)/tsgw.ini; }; }

clean:
	rm -rf $(O)

.PHONY: all help deps install clean
-include $(shell find $(O) -name '*.d' -type f 2>/dev/null)
