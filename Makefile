# dbmaestro: the extension (PGXS) and the command line.  What people call:
#
#   make demo        set up, build, install, and play the story   KEEP=1 leaves the cluster up
#   make demo-stop   end a cluster that KEEP=1 left
#   make test        set up, build, install, and run every test
#   make bench       what it costs, against psql and a server without us
#
# and in development: test-full, test-matrix, cassert, valgrind, house, check-format.

EXTENSION  = dbmaestro
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" dbmaestro.control)
MODULE_big = dbmaestro

# Rooms, from the ground floor up: a room may look down, never up.
ROOMS = core script audit schema pipeline guard ledger
OBJS  = extension/main.o \
	$(patsubst %.c,%.o,$(foreach room,$(ROOMS),$(sort $(wildcard extension/$(room)/*.c))))

SQL_PARTS = extension/begin.sql \
	$(foreach room,$(ROOMS),$(wildcard extension/$(room)/$(room).sql)) \
	extension/end.sql extension/guard/event_triggers.sql

DATA_built  = extension/dbmaestro--$(EXTVERSION).sql
EXTRA_CLEAN = extension/dbmaestro--*.sql

# Tests: install first, then room by room, uninstall last.
REGRESS = install \
	$(foreach room,$(ROOMS),$(patsubst sql/%.sql,%,$(sort $(wildcard sql/$(room)_*.sql)))) \
	$(patsubst sql/%.sql,%,$(wildcard sql/uninstall.sql))

PG_CPPFLAGS = -I$(CURDIR)/extension -DDBM_VERSION='"$(EXTVERSION)"' -D_GNU_SOURCE
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
override with_llvm = no

# On a machine without PostgreSQL the first call of set-up still has to work.
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
.DEFAULT_GOAL := all
include $(PGXS)

extension/dbmaestro--$(EXTVERSION).sql: $(SQL_PARTS) dbmaestro.control
	cat $(SQL_PARTS) > $@

$(OBJS): $(wildcard extension/*/*.h) dbmaestro.control

# What was saved by a library of other sources is not read, see extension/schema/saved.c.
SCHEMA_SOURCES = $(sort $(wildcard extension/schema/*.[ch]))
extension/schema/saved.o: $(SCHEMA_SOURCES)
extension/schema/saved.o: override CPPFLAGS += \
	-DDBM_SCHEMA_SOURCES='"$(firstword $(shell cat $(SCHEMA_SOURCES) | cksum))"'

# --- the command line: cli/ has a Makefile of its own, since PGXS makes one thing of each ------

cli_lacks = $(strip $(foreach header,git2.h jansson.h,$(shell \
	printf '\043include <%s>\n' $(header) | $(CC) $(CPPFLAGS) -E - >/dev/null 2>&1 || echo $(header))))

.PHONY: cli install-cli uninstall-cli clean-cli
all: cli
install: install-cli
uninstall: uninstall-cli
clean distclean: clean-cli

ifeq ($(cli_lacks),)
cli:
	@$(MAKE) --no-print-directory -C cli all
install-cli:
	@$(MAKE) --no-print-directory -C cli install
else
cli install-cli:
	@echo "dbmaestro: the extension alone: for the command line $(cli_lacks) is missing (libgit2-dev, libjansson-dev)"
endif

uninstall-cli clean-cli:
	@$(MAKE) --no-print-directory -C cli $(@:-cli=)

# --- what people call ---------------------------------------------------------

export PG_CONFIG

.PHONY: set-up set-up-tests demo demo-stop test test-full bench test-matrix cassert valgrind \
	house format check-format print-regress print-rooms

set-up:
	@test/setup.sh

set-up-tests:
	@test/setup.sh tests

demo: set-up
	@KEEP=$(KEEP) test/demo/demo.sh

demo-stop:
	@test/demo/demo.sh stop

test: set-up-tests
	@test/run

test-full: set-up-tests
	@DBM_FAULT_LOOPS=$${DBM_FAULT_LOOPS:-200} DBM_JOB_LIMIT=$${DBM_JOB_LIMIT:-7200} test/run

bench: set-up
	@test/bench/bench

# --- for developers -----------------------------------------------------------

test-matrix:
	@test/matrix 17 18

cassert:
	@test/debug-server cassert

valgrind:
	@test/debug-server valgrind

house: all
	@ROOMS="$(ROOMS)" test/house/all

format check-format:
	@test/format $@

print-regress:
	@echo $(REGRESS)

print-rooms:
	@echo $(ROOMS)
