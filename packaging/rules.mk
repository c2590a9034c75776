# SPDX-License-Identifier: MIT
# Packages, included by the Makefile. All of them take their version from there, and their date and changes
# from the last commit and NEWS.md (packaging/generate).
## make deb        Debian packages into dist/, built without root and network; DEB_ARGS= for dpkg-buildpackage
## make tarball    everything in one directory that runs from wherever it is unpacked, into dist/;
##                 CROSS=aarch64-linux-gnu: for another architecture
## make packaging  the RPM spec, PKGBUILD and container recipe, filled in, into dist/
DIST     ?= dist
DEB_ARGS ?=
ARCH     := $(or $(firstword $(subst -, ,$(CROSS))),$(shell uname -m))
TARBALL  := tsgw-$(VERSION)-linux-$(ARCH)

deb:
	packaging/build-deb $(VERSION) $(O)/deb $(DIST) $(DEB_ARGS)
sbom: $(O)/tsgw.spdx.json
$(O)/tsgw.spdx.json: $(addprefix $(O)/,$(PROGRAMS)) packaging/sbom
	$(call say,SBOM)READELF=$(if $(CROSS),$(CROSS)-)readelf $(PY) packaging/sbom $(VERSION) \
		$(addprefix $(O)/,$(PROGRAMS)) > $@.new && mv $@.new $@
packaging:
	packaging/generate $(VERSION) $(DIST)/packaging rpm arch container
# built once more, because the place of the libraries is told when linking
tarball:
	@$(MAKE) --no-print-directory O=$(O)/tarball \
		LDFLAGS='-Wl,--disable-new-dtags -Wl,-rpath,\$$$$ORIGIN/../lib:\$$$$ORIGIN/../../lib' all sbom
	CROSS=$(CROSS) SYSROOT=$(SYSROOT) packaging/build-tarball $(TARBALL) $(O)/tarball $(DIST)
# for packaging/generate and tests/system/image.py: what a build needs, without what every build has
build-depends:
	@echo $(filter-out gcc libc6-dev libipsec-mb-dev,$(DEPS_BUILD))
.PHONY: build-depends deb sbom packaging tarball
