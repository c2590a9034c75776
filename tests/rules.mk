# SPDX-License-Identifier: MIT
# Test targets, included by the Makefile.
## make check-unit   pure code: no root, no network
## make check-net    namespaces, real peers, real clients (root)
check: all lint check-layers check-unit check-net
check-unit: $(UNIT_BINS)
	@python3 tests/run-unit.py $(UNIT_BINS)
check-net: all
	@O=$(abspath $(O)) python3 tests/net/run.py
check-layers:
	@python3 tests/layers.py
.PHONY: check check-unit check-net check-layers
