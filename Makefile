# SPDX-License-Identifier: GPL-3.0-or-later
#
# make            build the programs into build/
# make run        build, then show the main job on a sample, and go on serving
# make check      build, then run every test
# make help       the rest
#
# One file, not recursive. A variant (release, asan, tsan, cov) has its objects in
# build/VARIANT/; the release binaries are linked into build/ itself.

VERSION := 0.1.0
# The day of that version: no clock of today stands before it.
RELEASED := 2026-11-01
PREFIX ?= /usr/local
DESTDIR ?=
VARIANT ?= release
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))

# ---- What must be there: package=minimum version, or package=minimum:command
# where any origin of the command will do. See packaging/deps.

DEPS_BUILD := gcc=12 libc6-dev=2.36 libmicrohttpd-dev=0.9.75 libcurl4-openssl-dev=7.88.1 \
	libjansson-dev=2.14 libzstd-dev=1.5.4 libbz2-dev=1.0.8 liblzma-dev=5.4.1 libsqlite3-dev=3.40.1 \
	libssl-dev=3.0 libdivsufsort-dev=2.0.1 libsystemd-dev=252 dpkg-dev=1.21
DEPS_RUN := curl=7.88.1 nginx-light=1.22:nginx faketime=0.9:faketime
DEPS_CHECK := $(DEPS_RUN) prometheus=2.42:promtool squid=5.7:squid tinyproxy=1.11:tinyproxy openssl=3.0:openssl check=0.15.2 python3=3.11:python3 npm=9:npm zstd=1.5.4 xdelta3=3.0.11
DEPS_LINT := clang=1:14:clang clang-format=1:14:clang-format clang-tidy=1:14:clang-tidy \
	cppcheck=2.10 mandoc=1.14 shellcheck=0.9 python3-pyflakes=2.5
DEPS_FUZZ := clang=1:14:clang libclang-rt-14-dev=14
DEPS_COV := gcovr=5.2
DEPS_MUTATE := python3-clang-14=1:14 bubblewrap=0.8
DEPS_CONFORMANCE := python3=3.11:python3 python3-pytest=7.2 python3-cryptography=38 faketime=0.9
DEPS_BENCH := wrk=4.1 nginx-light=1.22:nginx varnish=7.1 squid=5.7:squid bsdiff=4.3 zstd=1.5.4 \
	xdelta3=3.0.11 time=1.9 gnuplot-nox=5.4:gnuplot curl=7.88.1 python3=3.11:python3 npm=9:npm \
	rsync=3.2:rsync strace=6.1:strace

# The version of Debian's source package that libxdelta3.a is built from.
XDELTA_VERSION := 3.0.11-dfsg-1.2
XDELTA_CPPFLAGS := -DXD3_MAIN=0 -DREGRESSION_TEST=0 -DSECONDARY_DJW=0 -DSECONDARY_FGK=0 \
	-DSECONDARY_LZMA=0 -DEXTERNAL_COMPRESSION=0 -DXD3_USE_LARGEFILE64=1 -DXD3_ENCODER=1 \
	-DXD3_POSIX=1 -DSIZEOF_SIZE_T=8 -DSIZEOF_UNSIGNED_INT=4 -DSIZEOF_UNSIGNED_LONG=8 \
	-DSIZEOF_UNSIGNED_LONG_LONG=8

# ---- Flags

OUT := build/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),build,$(OUT)/bin)

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla
CPPFLAGS_ALL := -D_GNU_SOURCE -DGUTS2_VERSION='"$(VERSION)"' \
	-DGUTS2_RELEASED_S=$(shell date -u -d $(RELEASED) +%s) -Ilib -Iconfig \
	-isystem build/deps/include $(CPPFLAGS)
CFLAGS_release := -O2
CFLAGS_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,bounds-strict \
	-fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread
CFLAGS_cov := -O0 --coverage
# As release: whoever has another compiler is not kept from building by what that one warns of.
CFLAGS_lint := -O2 -Werror
# assert is never compiled out, so that NDEBUG is not an option.
CFLAGS_ALL = -std=gnu11 -g -pthread -MMD -MP $(WARNINGS) $(CFLAGS_$(VARIANT)) $(HARDEN_CFLAGS) \
	$(CFLAGS)
LDFLAGS_ALL = -pthread -Wl,--as-needed $(CFLAGS_$(VARIANT)) $(HARDEN_LDFLAGS) $(LDFLAGS)
LIBS := build/deps/libxdelta3.a -lmicrohttpd -lcurl -ljansson -lzstd -lbz2 -llzma -ldivsufsort -lsqlite3 -lcrypto \
	-lsystemd -lm

# ---- Sources

LIB_SRC := $(wildcard lib/*/*.c)
SERVER_SRC := $(wildcard server/*.c server/*/*.c)
TOOL_PARTS := $(filter-out %/main.c,$(wildcard tools/*.c tools/*/*.c))
TOOLS := $(patsubst tools/%/main.c,%,$(wildcard tools/*/main.c))
PROGRAMS := guts2d $(TOOLS:%=guts2-%)
UNIT_SRC := $(wildcard test/unit/*.c test/unit/*/*.c)
FUZZ_TARGETS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*.c))

objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
STAMP_BUILD := build/deps/build.stamp

.PHONY: all run check check-unit check-scenario bench lint format asan tsan crash conformance cov fuzz mutate deps soak install man \
	clean help unit-programs variant
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# make Q= shows the commands.
Q ?= @echo '  $(@F)';

all: $(addprefix $(BIN)/,$(PROGRAMS))

help:
	@sed -n 's/^# make/make/p' Makefile
	@echo 'make check-unit M=header      one module;  make check-scenario N=100  one scenario'
	@echo 'make lint format              style, clang-tidy, cppcheck, pyflakes, folders, names, sizes'
	@echo 'make asan tsan                the whole suite with a sanitizer'
	@echo 'make bench                    speed against peers, a table and build/bench/;  make bench B=poll'
	@echo 'make crash                    kill, EIO, ENOSPC, the power at every call that changes something'
	@echo 'make soak S=3600              honest clients beside everybody who is not, for S seconds; build/soak/'
	@echo 'make cov                      coverage of the suite, in build/cov/'
	@echo 'make mutate N=100 F=lib       plants N faults in F, one at a time, and says which the suite does not notice'
	@echo 'make conformance SUITE=DIR    the public suite for clients of The Update Framework, in DIR'
	@echo 'make fuzz T=archive S=60      one fuzz target for S seconds'
	@echo 'make install DESTDIR= PREFIX= programs and man pages'
	@echo 'make deps                     install what is missing'

# ---- Dependencies

deps: $(STAMP_BUILD) build/deps/check.stamp

$(STAMP_BUILD): packaging/deps packaging/xdelta3 Makefile
	@packaging/deps $(DEPS_BUILD)
	@packaging/xdelta3 $(XDELTA_VERSION) build/deps '$(CC)' '$(XDELTA_CPPFLAGS)'
	@touch $@

build/deps/%.stamp: packaging/deps Makefile
	@mkdir -p build/deps
	@packaging/deps $(DEPS_$(shell echo $* | tr a-z A-Z))
	@touch $@

# Hardening that this compiler and linker really take.
$(OUT)/harden.mk: $(STAMP_BUILD) packaging/harden
	@mkdir -p $(OUT)
	@packaging/harden '$(CC)' $(VARIANT) > $@

ifeq ($(filter clean help deps format,$(or $(MAKECMDGOALS),all)),)
include $(OUT)/harden.mk
endif

# ---- Build

$(OUT)/obj/lib/codec/codec_vcdiff.o: CPPFLAGS_ALL += $(XDELTA_CPPFLAGS)
$(OUT)/obj/server/%.o $(OUT)/obj/config/%.o: CPPFLAGS_ALL += -Iserver
$(OUT)/obj/tools/%.o $(OUT)/obj/test/bench/%.o: CPPFLAGS_ALL += -Itools
$(OUT)/obj/test/unit/%.o: CPPFLAGS_ALL += -Iserver -Itools -Itest/unit

$(OUT)/obj/%.o: %.c $(OUT)/harden.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(OUT)/libguts2.a: $(call objects,$(LIB_SRC))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BIN)/guts2d: $(call objects,$(SERVER_SRC)) $(OUT)/libguts2.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# A library, so that a tool is linked with no more parts, and no more libraries, than it uses.
$(OUT)/libtools.a: $(call objects,$(TOOL_PARTS))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BIN)/guts2-%: $(OUT)/obj/tools/%/main.o $(OUT)/libtools.a $(OUT)/libguts2.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(call objects,$(UNIT_SRC)): | build/deps/check.stamp

$(OUT)/unit-tests: $(call objects,$(UNIT_SRC)) \
		$(call objects,$(filter-out server/main.c,$(SERVER_SRC))) \
		$(OUT)/libtools.a $(OUT)/libguts2.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) -lcheck -lsubunit -lrt -lm

# What the benchmark times of the library alone.
$(OUT)/pair: $(OUT)/obj/test/bench/pair.o $(OUT)/libtools.a $(OUT)/libguts2.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# What makes the N-th call that changes something fail; see test/scenario/550-crash.
$(OUT)/inject.so: test/crash/inject.c $(OUT)/harden.mk
	$(Q)$(CC) -std=gnu11 -O2 -D_GNU_SOURCE -shared -fPIC $(WARNINGS) -o $@ $< -ldl

# The fuzz targets over their corpus, without a fuzzer.
$(OUT)/obj/test/fuzz/%.o: CPPFLAGS_ALL += -Iserver -Itest/fuzz
$(OUT)/fuzz/%: $(OUT)/obj/test/fuzz/%.o $(OUT)/obj/test/fuzz/replay/main.o \
		$(OUT)/obj/server/http/fields.o $(OUT)/obj/server/http/guard.o $(OUT)/libguts2.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

-include $(wildcard $(OUT)/obj/*/*.d $(OUT)/obj/*/*/*.d $(OUT)/obj/*/*/*/*.d)

# ---- Run and test

run: all build/deps/run.stamp
	@tools/demo build

variant: all $(OUT)/unit-tests $(addprefix $(OUT)/fuzz/,$(FUZZ_TARGETS)) $(OUT)/inject.so $(OUT)/document

check: build/deps/check.stamp
	@$(MAKE) --no-print-directory VARIANT=$(VARIANT) variant
	@test/run $(VARIANT)

check-unit: build/deps/check.stamp variant
	@$(if $(M),CK_RUN_SUITE=$(M)) $(OUT)/unit-tests

check-scenario: build/deps/check.stamp variant
	@test/run $(VARIANT) $(N)

crash: build/deps/check.stamp variant
	@CRASH_POINTS=all test/run $(VARIANT) 505
	@CRASH_POINTS=all test/run $(VARIANT) 506
	@CRASH_POINTS=all test/run $(VARIANT) 508
	@CRASH_POINTS=all test/run $(VARIANT) 515
	@CRASH_POINTS=all test/run $(VARIANT) 550
	@CRASH_POINTS=all test/run $(VARIANT) 795
	@CRASH_POINTS=all test/run $(VARIANT) 555

soak: build/deps/check.stamp build/deps/bench.stamp all
	@PYTHONDONTWRITEBYTECODE=1 test/soak/run $(or $(S),3600)

asan tsan:
	@$(MAKE) --no-print-directory VARIANT=$@ check

cov: build/deps/cov.stamp
	@rm -rf build/cov/of
	@$(MAKE) --no-print-directory VARIANT=cov check
	@test/mutate/coverage
	@gcovr -r . --object-directory build/cov -e test/ --html-details build/cov/index.html \
		--print-summary

mutate: build/deps/mutate.stamp $(STAMP_BUILD)
	@test -e build/cov/map.json || $(MAKE) --no-print-directory cov
	@test/mutate/run $(or $(N),100) '$(F)' $(or $(SEED),1) '$(subst ',,$(CPPFLAGS_ALL)) -Iserver -Itools $(XDELTA_CPPFLAGS)'

bench: build/deps/bench.stamp all $(OUT)/pair
	@test/bench/run $(OUT)/pair $(B)

lint: build/deps/lint.stamp build/deps/check.stamp all
	@$(MAKE) --no-print-directory VARIANT=lint variant
	@test/lint/run '$(subst ',,$(CPPFLAGS_ALL)) -Iserver -Itools -Itest/unit -Itest/fuzz $(XDELTA_CPPFLAGS)' '$(WARNINGS)' $(OUT)/obj

format:
	@clang-format -i $(wildcard $(foreach d,lib server tools test config,$(d)/*.[ch] $(d)/*/*.[ch] $(d)/*/*/*.[ch]))

T ?= archive
fuzz: build/deps/fuzz.stamp $(STAMP_BUILD)
	@test/fuzz/run $(T) $(or $(S),60) '$(subst ',,$(CPPFLAGS_ALL)) -Iserver $(XDELTA_CPPFLAGS)' '$(LIBS)'

# The suite stays where it is: this tree has nothing of it.
$(OUT)/conformance-client: $(OUT)/obj/test/conformance/client.o $(OUT)/libguts2.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

conformance: build/deps/conformance.stamp $(STAMP_BUILD) $(OUT)/conformance-client
	@test/conformance/run $(OUT)/conformance-client '$(SUITE)'

# ---- Install

# Settings and events in the manual, and the sample configuration, come from config/options.def and server/events.def.
$(OUT)/document: $(OUT)/obj/config/document.o $(OUT)/libguts2.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

man: $(OUT)/document
	@config/document.sh $(OUT)/document man/guts2d.8 config/guts2d.conf

install: all
	install -d '$(DESTDIR)$(PREFIX)/sbin' '$(DESTDIR)$(PREFIX)/bin' \
		$(foreach s,1 5 7 8,'$(DESTDIR)$(PREFIX)/share/man/man$(s)')
	install -m 755 build/guts2d '$(DESTDIR)$(PREFIX)/sbin/'
	install -m 755 $(addprefix build/,$(filter-out guts2d,$(PROGRAMS))) '$(DESTDIR)$(PREFIX)/bin/'
	$(foreach s,1 5 7 8,install -m 644 $(wildcard man/*.$(s)) '$(DESTDIR)$(PREFIX)/share/man/man$(s)/' &&) true

clean:
	rm -rf $(filter-out build/deps build/data,$(wildcard build/*))
