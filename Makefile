# SPDX-License-Identifier: Apache-2.0
# `make help` lists what this file does. Everything built lands in build/; V=1 shows the commands.

VERSION := 0.1.0
B       := build
PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
PYTHON  ?= /usr/bin/python3
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

ARCH     := $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(ARCH)))
SYS_INC  := /usr/include/$(ARCH)-linux-gnu

# What the distribution must provide. `make run` installs the first list, `make check` both.
PKG_BUILD := clang gcc libc6-dev bpftool libbpf-dev libelf-dev zlib1g-dev libmicrohttpd-dev libyaml-dev \
             libcap-dev libseccomp-dev libjansson-dev libsqlite3-dev libcrypt-dev nettle-dev libgnutls28-dev pkg-config \
             $(if $(filter x86,$(BPF_ARCH)),libzydis-dev)
PKG_CHECK := libcmocka-dev libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck codespell \
             libssl-dev libnghttp2-dev nghttp2-client libnss3-tools libnss3-dev libcurl3-nss tealdeer default-jdk-headless python3 python3-h2 python3-prometheus-client python3-aiohttp python3-pycurl prometheus iproute2 curl wget openssl \
             git python3-jsonschema procps debian-archive-keyring golang-go nodejs npm ruby php-cli php-curl qemu-system-x86 busybox-static cpio kmod xz-utils zstd wrk

WARN  := -Wall -Wextra -Wtype-limits -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wshadow \
         -Wvla -Wwrite-strings -Wundef -Werror
INC   := -iquote include -I$(B)
DEFS  := -D_GNU_SOURCE -DOPERAGLASS_VERSION='"$(VERSION)"' -DOPERAGLASS_LIBEXEC='"$(PREFIX)/libexec/operaglass"'
CFLAGS      ?= -O2 -g
HARDEN      := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
CFLAGS_ALL   = -std=gnu11 $(CFLAGS) $(HARDEN) $(WARN) $(INC) $(DEFS)
LDFLAGS_ALL  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
# Bytes of clients pass the guard (exporter/web_receive.c).
WRAP_EXPORTER := -Wl,--wrap=recv
BPF_CFLAGS  := -g -O2 -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -std=gnu11 \
               -Wall -Wextra -Wshadow -Wundef -Werror -Wno-unused-parameter -Wno-missing-declarations \
               -Iinclude -Ivmlinux -idirafter $(SYS_INC) -idirafter /usr/include
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_SAN   = -std=gnu11 -O1 -g $(SAN) $(WARN) $(INC) -Iuser -Iexporter -Ibpf $(DEFS)
CFLAGS_FUZZ  = -std=gnu11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
               $(WARN) $(INC) -Iuser -Iexporter -Ibpf $(DEFS)

# The instruction decoder of user/probe_sites.c; other machines' probes stay at the symbols.
LIBS_DECODE   := $(if $(filter x86,$(BPF_ARCH)),-lZydis)
# libbpf comes by the kernel's types through user/kernel_types.c.
WRAP_OBSERVER := -Wl,--wrap=btf__load_vmlinux_btf -Wl,--wrap=btf__free
LIBS_OBSERVER := $(WRAP_OBSERVER) -l:libbpf.a -lelf -lz -lyaml -lcap $(LIBS_DECODE)
LIBS_EXPORTER := -l:libbpf.a -lelf -lz -l:libmicrohttpd.a -lseccomp -lcap -l:libnettle.a -ljansson -lsqlite3 -lcrypt -lpthread -lm
LIBS_TESTS    := $(LIBS_DECODE) -lbpf -lelf -lz -lyaml -lcap -lmicrohttpd -lseccomp -lnettle -ljansson -lsqlite3 -lcrypt -lnghttp2 -lpthread -lm

BPF_SRC      := $(wildcard bpf/*.bpf.c)
USER_SRC     := $(wildcard user/*.c)
EXPORTER_SRC := $(wildcard exporter/*.c)

UNIT_SRC     := $(wildcard tests/unit/test_*.c)
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz_*.c)
TOOL_SRC     := $(filter-out tests/bench/tiny.c,$(wildcard tests/live/*.c tests/bench/*.c))

BPF_SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/%.skel.h) $(BPF_SRC:bpf/%.bpf.c=$(B)/%_old.skel.h)
USER_OBJ := $(USER_SRC:%.c=$(B)/obj/%.o)
EXPORTER_OBJ := $(EXPORTER_SRC:%.c=$(B)/obj/%.o)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
TOOL_BIN := $(TOOL_SRC:tests/%.c=$(B)/tools/%) $(B)/tools/bench/https_static $(B)/tools/bench/http2_static $(B)/tools/bench/tiny
# Everything but the two mains is a library for tests.
lib_objs  = $(patsubst %.c,$(B)/$(1)/%.o,$(filter-out user/main.c exporter/main.c,$(USER_SRC) $(EXPORTER_SRC)))

.PHONY: all run check check-unit check-live check-kernels bench lint format install clean help deps deps-check
.DELETE_ON_ERROR:
.PRECIOUS: $(B)/%.bpf.o $(B)/%_old.bpf.o $(B)/%.skel.h $(B)/obj/%.o $(B)/san/%.o $(B)/fuzzobj/%.o

all: $(B)/operaglass $(B)/operaglass-exporter ## build both programs (default)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what building needs from the distribution
	$(Q)deploy/install-packages $(PKG_BUILD)

deps-check: ## install what the tests need from the distribution
	$(Q)deploy/install-packages $(PKG_BUILD) $(PKG_CHECK)

run: deps ## install what is missing, build, start with defaults
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(B)/operaglass run

# Whatever decides how objects are built; objects depend on it, so a changed flag rebuilds them.
FLAGS := $(strip $(CC) $(CLANG) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(BPF_CFLAGS) $(CFLAGS_SAN) $(CFLAGS_FUZZ))
ifneq ($(strip $(file <$(B)/flags)),$(FLAGS))
$(B)/flags: FORCE
endif
$(B)/flags:
	@mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(FLAGS))' > $@
FORCE:

# Without DWARF, which nobody reads at run time: half the size. BTF and line numbers stay.
define compile_bpf
$(call say,BPF,$<)
@mkdir -p $(@D)
$(Q)$(CLANG) $(BPF_CFLAGS) $(1) -MMD -MP -MF $@.d -MT $@ -c $< -o $(@:.o=.debug.o)
$(Q)$(BPFTOOL) gen object $@ $(@:.o=.debug.o)
endef

# Every object twice: bpf/loop.bpf.h says why.
$(B)/%_old.bpf.o: bpf/%.bpf.c $(B)/flags
	$(call compile_bpf,)

$(B)/%.bpf.o: bpf/%.bpf.c $(B)/flags
	$(call compile_bpf,-DVERIFY_ONCE)

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/obj/%.o: %.c $(B)/flags | $(BPF_SKEL)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# A part of the program: `.incbin` leaves no trace in the .d file.
$(B)/obj/exporter/api_openapi.o $(B)/san/exporter/api_openapi.o $(B)/fuzzobj/exporter/api_openapi.o: exporter/openapi.json

$(B)/operaglass: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $^ $(LIBS_OBSERVER) -o $@

$(B)/operaglass-exporter: $(EXPORTER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) $(WRAP_EXPORTER) $^ $(LIBS_EXPORTER) -o $@

# --- tests ---------------------------------------------------------------------------------------

$(B)/san/%.o: %.c $(B)/flags | $(BPF_SKEL)
	$(call say,CC/SAN,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_SAN) -MMD -MP -c $< -o $@

$(B)/san/lib.a: $(call lib_objs,san)
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/san/lib.a
	$(call say,UNIT,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_SAN) -MMD -MP -MF $@.d -MT $@ $< $(B)/san/lib.a -lcmocka $(LIBS_TESTS) -o $@

$(B)/fuzzobj/%.o: %.c $(B)/flags | $(BPF_SKEL)
	$(call say,CC/FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS_FUZZ) -MMD -MP -c $< -o $@

$(B)/fuzzobj/lib.a: $(call lib_objs,fuzzobj)
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/fuzz/%: tests/fuzz/%.c $(B)/fuzzobj/lib.a
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS_FUZZ) -fsanitize=fuzzer -MMD -MP -MF $@.d -MT $@ $< $(B)/fuzzobj/lib.a $(LIBS_TESTS) -o $@

$(B)/tools/%: tests/%.c $(B)/flags
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -pie -MMD -MP -MF $@.d -MT $@ $< $(TOOL_LIBS) -lpthread -o $@

# These play events through the exporter's own recorder and accounts.
$(B)/tools/live/journal_play: tests/live/journal_play.c
$(B)/tools/bench/record: tests/bench/record.c
$(B)/tools/live/journal_play $(B)/tools/bench/record: $(filter-out $(B)/obj/exporter/main.o,$(EXPORTER_OBJ)) $(B)/flags
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -MMD -MP -MF $@.d -MT $@ $(filter-out $(B)/flags,$^) $(LIBS_EXPORTER) -o $@

# This one places probes with the observer's own code.
$(B)/tools/live/probe_prove: INC += -Iuser
$(B)/tools/live/probe_prove: tests/live/probe_prove.c $(filter-out $(B)/obj/user/main.o,$(USER_OBJ)) $(B)/flags
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -MMD -MP -MF $@.d -MT $@ $(filter-out $(B)/flags,$^) $(LIBS_OBSERVER) -o $@

# The same TLS program twice: with the shared library, which can be probed, and with a copy that cannot.
$(B)/tools/bench/https: TOOL_LIBS := -lssl -lcrypto
$(B)/tools/bench/http2: TOOL_LIBS := -lnghttp2 -lssl -lcrypto
$(B)/tools/bench/http2_static: STATIC_LIBS := -lnghttp2
$(B)/tools/bench/%_static: tests/bench/%.c $(B)/flags
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(CFLAGS_ALL)) -no-pie $< $(STATIC_LIBS) -Wl,-Bstatic -lssl -lcrypto -Wl,-Bdynamic -lpthread -ldl -s -o $@

$(B)/tools/bench/tiny: tests/bench/tiny.c $(B)/flags
	$(call say,TOOL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none $< -o $@

test-programs: all $(UNIT_BIN) $(FUZZ_BIN) $(TOOL_BIN)

check: deps-check ## install what tests need, build, run all tests
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) test-programs
	$(Q)$(PYTHON) tests/run unit fuzz live vm

check-unit: test-programs ## unit tests and the replay of the fuzz corpora
	$(Q)$(PYTHON) tests/run unit fuzz

check-live: test-programs ## real programs attached to this kernel, real clients
	$(Q)$(PYTHON) tests/run live

check-kernels: all ## boot the distribution's kernels in QEMU and load everything there
	$(Q)$(PYTHON) tests/run vm

bench: deps-check ## measure the cost and print the table of README.md
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all $(TOOL_BIN)
	$(Q)$(PYTHON) tests/bench/bench.py

C_FILES := $(wildcard bpf/*.[ch] user/*.[ch] exporter/*.[ch] include/*.[ch] vmlinux/*.h tests/*/*.[ch])

lint: deps-check ## formatting, static analysis, headers that stand alone
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/lint $(C_FILES)

format: ## rewrite the sources in the house style
	$(Q)clang-format -i $(C_FILES)

install: all ## install below DESTDIR and PREFIX
	install -D -m 0755 $(B)/operaglass $(DESTDIR)$(PREFIX)/sbin/operaglass
	install -D -m 0755 $(B)/operaglass-exporter $(DESTDIR)$(PREFIX)/libexec/operaglass/operaglass-exporter

clean: ## remove build/
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
