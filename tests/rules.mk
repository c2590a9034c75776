# SPDX-License-Identifier: MIT
# Test targets, included by the Makefile.
## make check-unit   pure code and the fuzz seeds, also on arm64 and s390x (FOREIGN= not): no root, no network
## make check-mutants a million broken DNS questions by AddressSanitizer
## make check-sessions a million client sessions, cut and changed at random, by AddressSanitizer
## make check-sanitized a twentieth of both
## make check-net    namespaces, real peers, real clients (root); TESTS="name…" picks some
## make check-tailnet   real tailnets: stock tailscaled, a control server, DERP (root; Go builds them once)
## make check-system our packages in booted Debians of 12 and 13, with systemd (root); RELEASES="trixie" picks one
## make netns        the kernel's selftest of WireGuard, our node and wireguard-go side by side
## make check-long   soak, repeated starts and stops, an hour of fuzzing, ThreadSanitizer; LONG_SCALE=0.1 shortens it
## make check-plants would the fuzzers find a bug? One is planted for each of them
## make check-tsan   the node's network tests by ThreadSanitizer (root)
## make fuzz         every fuzz target for FUZZ_TIME seconds (60)
CLANG      ?= clang
FUZZ_TIME  ?= 60
LONG_SCALE ?= 1
TESTS      ?=
PY         := python3
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,$(FUZZ_SRCS)))
REPLAYS    := $(addprefix $(O)/replay/,$(FUZZ_NAMES))
NET_BINS   := $(patsubst tests/net/%.c,$(O)/tests/net/%,$(filter-out %/inject.c %/failing.c %/walltime.c,$(wildcard tests/net/*.c))) \
	$(O)/tests/net/inject.so $(O)/tests/net/failing.so $(O)/tests/net/walltime.so

$(O)/tests/fuzz/%.o: WARN += -Wno-missing-prototypes
# tests/fuzz/FOLDER-thing.c is linked like a unit test of FOLDER: once with a small main() that replays
# the seeds (part of check-unit), once by clang as a fuzzer.
define fuzz
$(O)/replay/$(1): $(O)/tests/fuzz/$(1).o $(O)/tests/fuzz/replay.o $$(call unit_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ \
		$$(shell $$(PKG_CONFIG) --libs $$(PKGS)) -pthread
$(O)/fuzz/$(1): $(O)/clang/tests/fuzz/$(1).o \
		$$(patsubst $(O)/%,$(O)/clang/%,$$(call unit_objs,$(1)))
	@mkdir -p $$(@D)
	$$(call say,LD)$$(CLANG) $$(FUZZ_CFLAGS) -fsanitize=fuzzer -o $$@ $$^ \
		$$(shell $$(PKG_CONFIG) --libs $$(PKGS)) -pthread
endef
FUZZ_CFLAGS = -std=gnu17 -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
# What a hash computes tells a fuzzer nothing, but costs it most of its time.
$(O)/clang/src/wg/blake2s.o: FUZZ_CFLAGS = -std=gnu17 -O2 -g
$(foreach f,$(FUZZ_NAMES),$(eval $(call fuzz,$(f))))
$(O)/clang/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CLANG) $(filter-out -D_FORTIFY_SOURCE=%,$(CPPFLAGS)) -DTSGW_SAN=1 \
		$(FUZZ_CFLAGS) $(call pkg_cflags) -MMD -MP -c -o $@ $<

# tests/net/FOLDER-thing.c: programs for the network tests, linked like a unit test of FOLDER.
define net_bin
$(O)/tests/net/$(1): $(O)/tests/net/$(1).o $$(call unit_objs,$(if $(filter links-%,$(1)),supervisor,$(1)))
	$$(call say,LD)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ \
		$$(shell $$(PKG_CONFIG) --libs $$(PKGS)) -pthread
endef
$(foreach n,$(patsubst tests/net/%.c,%,$(filter-out %/inject.c %/failing.c %/walltime.c,$(wildcard tests/net/*.c))), \
	$(eval $(call net_bin,$(n))))
$(O)/tests/net/%.so: tests/net/%.c tests/net/preload.h
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CPPFLAGS) -std=gnu17 $(OPT) $(WARN) -Wno-missing-prototypes $(CFLAGS) -fPIC -shared \
		-o $@ $< -ldl

# Each of them runs, whatever became of those before it; what failed is said at the end.
CHECKS := lint check-layers check-unit check-sanitized check-net check-tailnet check-system
check: all
	@failed=; for t in $(CHECKS); do $(MAKE) --no-print-directory $$t || failed="$$failed $$t"; done; \
		test -z "$$failed" || { echo "make check: failed:$$failed"; exit 1; }
# Again for other architectures, under qemu-user: everything that needs neither netlink nor systemd.
FOREIGN      := $(filter-out $(shell uname -m)-%,aarch64-linux-gnu s390x-linux-gnu)
FOREIGN_HERE := $(if $(SAN)$(CROSS),,$(foreach t,$(FOREIGN),$(if $(and $(shell which $(t)-gcc), \
	$(shell which qemu-$(firstword $(subst -, ,$(t)))),$(wildcard $(SYSROOTS)/$(t))),$(t))))
FOREIGN_GONE  = $(filter-out $(FOREIGN_HERE),$(FOREIGN))
PORTABLE     := $(foreach b,$(UNIT_BINS:$(O)/%=%) $(REPLAYS:$(O)/%=%), \
	$(if $(filter supervisor-% ctl-% report-% web-%,$(notdir $(b))),,$(b)))
FOREIGN_BINS := $(foreach t,$(FOREIGN_HERE),$(addprefix $(O)/$(t)/,$(PORTABLE)))
foreign-%:
	@$(MAKE) -s --no-print-directory CROSS=$* CC=$*-gcc O=$(O)/$* portable
portable: $(addprefix $(O)/,$(PORTABLE) tsgw-wg)
check-unit: $(UNIT_BINS) $(REPLAYS) $(addprefix foreign-,$(FOREIGN_HERE))
	@$(PY) tests/run-unit.py --checklist --seeds tests/fuzz/seeds --sysroots $(SYSROOTS) $(if $(SAN),,--left-out "$(FOREIGN_GONE)") \
		$(UNIT_BINS) $(REPLAYS) $(FOREIGN_BINS)
check-net: all $(NET_BINS)
	@O=$(abspath $(O)) $(PY) tests/net/run.py $(TESTS)
# Real tailnets: Go builds tailscaled and the control server once, outside of the tree (tests/tailnet/build.py).
check-tailnet: all
	@$(PY) tests/tailnet/build.py
	@O=$(abspath $(O)) $(PY) tests/net/run.py -d tests/tailnet $(TESTS)
netns: all
	@O=$(abspath $(O)) $(PY) tests/netns.py
check-system: all $(O)/tests/net/walltime.so
	@$(PY) tests/system/image.py
	@O=$(abspath $(O)) $(PY) tests/net/run.py -d tests/system $(TESTS)
# A million changed DNS questions, where AddressSanitizer looks at every byte that is touched.
$(O)/mutants: $(O)/clang/tests/unit/dns-mutants.o $(patsubst $(O)/%,$(O)/clang/%,$(call unit_objs,dns))
	$(call say,LD)$(CLANG) -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ $^ \
		$(shell $(PKG_CONFIG) --libs $(PKGS)) -pthread
check-mutants: $(O)/mutants
	@MUTANTS=1000000 $<
# A million sessions through the whole proxy, sound and changed ones, by AddressSanitizer.
$(O)/sessions: $(O)/clang/tests/unit/proxy-sessions.o $(patsubst $(O)/%,$(O)/clang/%,$(call unit_objs,proxy))
	$(call say,LD)$(CLANG) -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ $^ \
		$(SESSIONS_FAIL:%=-Wl,--wrap=%) $(shell $(PKG_CONFIG) --libs $(PKGS)) -pthread
SESSIONS_FAIL := malloc calloc realloc strndup socket pipe2 recv send getsockopt getsockname epoll_ctl
check-sessions: $(O)/sessions
	@SESSIONS=1000000 $<
	@SESSIONS=200000 FAILING=50 $<
# A part of both: what a sanitizer finds, it mostly finds early.
check-sanitized: $(O)/mutants $(O)/sessions
	@MUTANTS=50000 $(O)/mutants
	@SESSIONS=50000 $(O)/sessions
	@SESSIONS=10000 FAILING=50 $(O)/sessions
check-layers:
	@$(PY) tests/layers.py
fuzz: $(addprefix $(O)/fuzz/,$(FUZZ_NAMES))
	@$(PY) tests/run-fuzz.py --time $(FUZZ_TIME) --work $(O)/corpus $^
check-long: all $(NET_BINS) $(O)/sessions $(addprefix $(O)/fuzz/,$(FUZZ_NAMES))
	@O=$(abspath $(O)) $(PY) tests/long.py --scale $(LONG_SCALE) \
		$(addprefix $(O)/fuzz/,$(FUZZ_NAMES))
# The node's tests by ThreadSanitizer: it has two threads.
TSAN_TESTS := transport:: gateway:: healing:: netns:: wg_alone:: unreachable::
check-tsan:
	@$(MAKE) --no-print-directory SAN=thread O=$(O)/tsan all
	@O=$(abspath $(O))/tsan TSAN_OPTIONS="halt_on_error=1 report_thread_leaks=0" \
		$(PY) tests/net/run.py $(TSAN_TESTS)
check-plants:
	@$(PY) tests/plants.py $(FUZZ_NAMES)
demo: all
	@O=$(abspath $(O)) $(PY) tests/demo.py
$(O)/bench/%: $(O)/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^
$(O)/bench/flood $(O)/bench/aead: $(O)/bench/%: $(O)/tests/bench/%.o $(call unit_objs,wg)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ \
		$(shell pkg-config --libs $(PKGS)) -pthread
bench: all $(addprefix $(O)/bench/,socks-load udp-load flood aead)
	@$(O)/bench/aead
	@set -e; for b in tests/bench/*.py; do \
		test -x $$b || continue; echo "## $$b"; O=$(abspath $(O)) $(PY) $$b; done

LINT_C     := $(wildcard src/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/net/*.c tests/bench/*.c)
LINT_SH     = $(shell grep -lE '^\#!.*[ /](sh|bash)$$' .ci/* $$(git ls-files 2>/dev/null | \
	grep -vE '\.(c|h|py|md|ini)$$') 2>/dev/null | sort -u)
LINT_TIDY  := $(patsubst %.c,$(O)/lint/%.ok,$(wildcard src/*/*.c))
# Formatting and the set of warnings change with the version of these two; this one, Debian 12's, counts.
LINT_LLVM  := 14
llvm_is     = $(findstring version $(LINT_LLVM).,$(shell $(1) --version 2>/dev/null))
lint:
	@$(if $(call llvm_is,clang-tidy),$(MAKE) -s --no-print-directory -j$$(nproc) $(LINT_TIDY),\
		echo "lint: clang-tidy $(LINT_LLVM) is not here, so it is left out")
	@$(if $(call llvm_is,clang-format),clang-format --dry-run -Werror $(LINT_C),\
		echo "lint: clang-format $(LINT_LLVM) is not here, so it is left out")
	@test -z "$(LINT_SH)" || shellcheck $(LINT_SH)
	@for m in $(wildcard man/*.[158]); do mandoc -T lint -W warning $$m || exit 1; done
	@$(PY) tests/lint.py $(wildcard tests/*.py tests/*/*.py tests/*/*/*.py) -- $(LINT_C)
$(O)/lint/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	$(if $(V),,@printf '  TIDY %s\n' '$<';)clang-tidy --quiet $< -- -std=gnu17 $(CPPFLAGS) \
		$(call pkg_cflags) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@
.PHONY: netns check check-tailnet check-system check-unit check-tsan check-plants portable check-net check-layers fuzz \
	check-long check-sessions check-mutants check-sanitized demo bench lint
