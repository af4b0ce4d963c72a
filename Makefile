# make                    build/release/wherry and libwherry.a
# make run                set up, build, and serve public/ on http://localhost:8080
# make test               set up, build, and run every test: unit, cases, replay, integration
# make test BUILD=asan    the same under AddressSanitizer; also tsan, debug
# make BUILD=static       build/static/wherry, which needs no library (the image's; Dockerfile)
# make fuzz T=request     fuzz one parser, SECONDS=60 or until stopped (clang; tests/fuzz)
# make bench              beside other servers: docs/benchmarks.md; ROUNDS= SECS= SCENARIOS= SERVERS=
# make docker             the image wherry:latest, and what it weighs
# make test-container     the image in containers: its own tests, and all others that can be, once more
# make install PREFIX=    program, library, pkg-config file, manual pages (default /usr/local)
# make lint               clang-tidy, cppcheck and shellcheck
# make format             clang-format
# make layers             the include graph; fails on an arrow that points up
# make clean              remove build/
# make ... V=1            with every command in full
# make help               these lines

CC       = cc
BUILD   ?= release
PREFIX  ?= /usr/local
PYTHON   = /usr/bin/python3
PKG_CONFIG = pkg-config $(if $(filter static,$(BUILD)),--static)
VERSION := 0.1.0

# What the library needs, and the program beside it.
LIB_PKGS = libbrotlidec libbrotlienc libmagic libxxhash openssl zlib
PKGS     = $(LIB_PKGS) inih jansson
OUT     := build/$(BUILD)

CPPFLAGS += -Isrc -Iinclude -I. -D_GNU_SOURCE -DWHERRY_VERSION='"$(VERSION)"' \
            $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
CFLAGS   += -std=c17 -fvisibility=hidden -pthread $(WARN) $(CFLAGS.$(BUILD))
LDFLAGS  += -pthread $(CFLAGS.$(BUILD)) -Wl,-z,relro,-z,now
LDLIBS   += $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -lresolv $(LDLIBS.$(BUILD))

WARN = -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wvla -Wformat=2 \
       -Wstrict-prototypes -Wmissing-prototypes -Werror

CFLAGS.release = -O2 -g $(HARD)
CFLAGS.static  = $(CFLAGS.release) $(SMALL) -ffile-prefix-map=$(CURDIR)=.
CFLAGS.debug   = -Og -g3
CFLAGS.asan    = -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS.tsan    = -O1 -g3 -fsanitize=thread
CFLAGS.fuzz    = $(CFLAGS.asan) -fsanitize=fuzzer-no-link

HARD  = -fPIE                               # another address each time
HARD += -D_FORTIFY_SOURCE=2                 # a copy into less room than it needs ends the program
HARD += -fstack-protector-strong            # so does a return over an array that was overrun
HARD += -fstack-clash-protection            # and no frame is so large that it misses the guard page

# Brotli's encoder forgets to say that it needs it.
LDLIBS.static = -lm

# What is never called is left out, and so are tables for exceptions, which C has not.
SMALL = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
# The program alone; its tests are linked as ever.
PROGRAM.static = $(STATIC)
STATIC  = -static-pie                       # no loader and no library, but still another address
STATIC += -Wl,-z,noexecstack                # no stack holds code
STATIC += -Wl,-z,separate-code              # and no page of code holds anything else
STATIC += -Wl,-z,pack-relative-relocs       # a bit for each pointer to set right, not 24 bytes
STATIC += -Wl,--gc-sections                 # what SMALL has cut apart
STATIC += -Wl,--build-id=none               # nobody looks for its symbols by it

LIB   := $(filter-out src/main/%,$(wildcard src/*/*.c))
OFFER := $(filter-out src/endpoints/%,$(LIB))
MAIN  := $(wildcard src/main/*.c)
UNIT  := $(wildcard tests/unit/test_*.c)
HELP  := $(wildcard tests/support/*.c)
PEER  := $(wildcard tests/peers/*.c)
FUZZ  := $(wildcard tests/fuzz/fuzz_*.c)
TOOL  := tests/fuzz/fuzz.c tests/support/scripted.c tests/support/tight.c
obj    = $(patsubst %.c,$(OUT)/%.o,$(1))
bin    = $(patsubst %.c,$(OUT)/%,$(1))
INNER := $(OUT)/inner.a
# Everything of the program but its main(), so that tests reach the options too.
OUTER := $(call obj,$(filter-out src/main/main.c,$(MAIN)))

# In the fuzz build libFuzzer brings main(); in the others ours replays a corpus.
DRIVER = $(if $(filter fuzz,$(BUILD)),-fsanitize=fuzzer,$(OUT)/tests/fuzz/replay.o)

# Everything is asked over TLS once more; under a sanitizer, which is slow, only what is about threads,
# limits and ends.
OVER_TLS.asan = $(addprefix tests/integration/test_,breaker.py faults.py handlers.py limits.py load.py \
                patience.py pressure.py shutdown.py streams.py uploads.py)
OVER_TLS.tsan = $(OVER_TLS.asan)

IMAGE    = wherry:latest
# Only when it is needed: there may be none before scripts/setup has been asked for one.
DOCKER   = $$(scripts/find-docker)
# What it says of itself; outside a repository the Dockerfile does.  SOURCE is the address of ours.
REVISION = $(shell git rev-parse HEAD 2>/dev/null)
EPOCH    = $(shell git log -1 --format=%ct 2>/dev/null)
SOURCE   =
CREATED  = $(if $(EPOCH),$(shell date -u -d @$(EPOCH) +%FT%TZ))
UNPACKED_MAX   = 10500000
COMPRESSED_MAX = 4500000

# Short lines unless V=1.
SAY = $(if $(V),,@echo "  $(1) $@" &&)

# A second make, because setup may have changed what pkg-config answers; it uses every core.
TOGETHER = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: all setup run test unit replay integration fuzz lint format layers bench docker install clean help \
        test-container integration-in-image integration-in-image-tls
.DELETE_ON_ERROR:
# Objects are worth keeping: make would remove them as intermediate files.
.SECONDARY:

all: $(OUT)/wherry $(OUT)/libwherry.a

$(OUT)/wherry: $(call obj,$(MAIN)) $(INNER)
	$(call SAY,link) $(CC) $(LDFLAGS) $(PROGRAM.$(BUILD)) -o $@ $^ $(LDLIBS)
$(INNER): $(call obj,$(LIB))
	@rm -f $@
	$(call SAY,archive) $(AR) rcs $@ $^
# One object, so that only wherry_ names are left for others to see.
$(OUT)/libwherry.a: $(call obj,$(OFFER))
	$(call SAY,archive) $(LD) -r -o $(OUT)/wherry.o $^
	@objcopy --localize-hidden $(OUT)/wherry.o
	@rm -f $@
	@$(AR) rcs $@ $(OUT)/wherry.o

# Our own calls to these go through tests/support/alloc_fail.c and fault.c.
WRAPPED = malloc calloc realloc accept4 bind epoll_create1 epoll_ctl epoll_wait eventfd fchmod \
          fcntl fstat fstatat fsync futimens getrandom linkat listen mmap open openat __openat_2 \
          poll pread __pread_chk pthread_create read __read_chk readdir readlinkat recv __recv_chk \
          renameat sendfile sendmsg socket syscall write
$(call bin,$(UNIT)): %: %.o $(call obj,$(HELP)) $(OUTER) $(INNER)
	$(call SAY,link) $(CC) $(LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LDLIBS) -lcmocka
$(call bin,$(PEER)): %: %.o $(INNER)
	$(call SAY,link) $(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(call bin,$(FUZZ)): %: %.o $(call obj,$(TOOL)) $(filter %.o,$(DRIVER)) $(OUTER) $(INNER)
	$(call SAY,link) $(CC) $(LDFLAGS) -o $@ $^ $(filter-out %.o,$(DRIVER)) $(LDLIBS)
# The compiler does not say that it reads these.
$(OUT)/src/endpoints/sample.o: $(wildcard src/endpoints/samples/*)
$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,compile) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

setup:
	@scripts/setup
run: setup
	@$(TOGETHER) all
	@$(OUT)/wherry public
test:
	@scripts/setup --test
	@$(TOGETHER) all $(call bin,$(UNIT) $(PEER) $(FUZZ))
	@$(MAKE) --no-print-directory unit replay integration
unit: $(call bin,$(UNIT))
	@set -e; for t in $^; do echo "$$t"; $$t; done
replay: $(call bin,$(FUZZ))
	@$(PYTHON) tests/fuzz/seed.py $(OUT)/seeds
	@set -e; for t in $^; do echo "$$t"; n=$$(basename $$t); $$t tests/fuzz/corpus/$$n $(OUT)/seeds/$$n; done
integration: $(OUT)/wherry $(call bin,$(PEER))
	$(PYTHON) -m pytest -q tests/integration --build $(OUT)
	$(PYTHON) -m pytest -q $(or $(OVER_TLS.$(BUILD)),tests/integration) --build $(OUT) --tls
fuzz:
	$(if $(T),,$(error T is one of $(FUZZ:tests/fuzz/fuzz_%.c=%)))
	@scripts/setup --fuzz
	@$(TOGETHER) BUILD=fuzz CC=clang build/fuzz/tests/fuzz/fuzz_$(T)
	@tests/fuzz/run $(T) $(if $(SECONDS),-max_total_time=$(SECONDS))
lint:
	@scripts/setup --lint
	@scripts/lint $(CPPFLAGS) -std=c17
layers:
	@$(PYTHON) tests/support/layers.py src
format:
	@scripts/setup --lint
	clang-format -i $$(git ls-files '*.c' '*.h')
bench:
	@scripts/setup --bench
	@$(TOGETHER) all
	$(PYTHON) bench/bench.py $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(SECS),--seconds=$(SECS)) \
	    $(if $(SCENARIOS),--scenarios=$(SCENARIOS)) $(if $(SERVERS),--servers=$(SERVERS))
docker:
	@scripts/setup --docker
	@scripts/docker-base
	DOCKER_BUILDKIT=1 $(DOCKER) build --network host --target image -t $(IMAGE) \
	    --build-arg VERSION=$(VERSION) $(if $(EPOCH),--build-arg REVISION=$(REVISION) \
	    --build-arg SOURCE_DATE_EPOCH=$(EPOCH) --build-arg CREATED=$(CREATED)) \
	    --build-arg SOURCE=$(SOURCE) .
	@image/sizes $(DOCKER) $(IMAGE) $(UNPACKED_MAX) $(COMPRESSED_MAX)
# The tests use the client that made the image.  To start a container is to wait, more than to work: so
# what is asked over TCP and over TLS is asked at the same time.
IN_IMAGE = DOCKER=$(DOCKER) $(PYTHON) -m pytest -q -rs --image $(IMAGE)
test-container: docker
	@scripts/setup --test --container
	$(IN_IMAGE) tests/container
	@$(MAKE) --no-print-directory -j2 --output-sync integration-in-image integration-in-image-tls
integration-in-image:
	$(IN_IMAGE) tests/integration
integration-in-image-tls:
	$(IN_IMAGE) tests/integration --tls
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include lib/pkgconfig share/man/man3 share/man/man8)
	install -m 755 $(OUT)/wherry $(DESTDIR)$(PREFIX)/bin/wherry
	install -m 644 include/wherry.h $(DESTDIR)$(PREFIX)/include/wherry.h
	install -m 644 $(OUT)/libwherry.a $(DESTDIR)$(PREFIX)/lib/libwherry.a
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBS@|$(shell pkg-config --libs $(LIB_PKGS))|' \
	    include/wherry.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/wherry.pc
	install -m 644 docs/wherry.3 $(DESTDIR)$(PREFIX)/share/man/man3/wherry.3
	install -m 644 docs/wherry.8 $(DESTDIR)$(PREFIX)/share/man/man8/wherry.8
clean:
	rm -rf build
help:
	@sed -n 's/^# make/make/p' $(firstword $(MAKEFILE_LIST))

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
