# dbmaestro: the extension (PGXS).  What people call: make demo, make test, make bench.

EXTENSION  = dbmaestro
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" dbmaestro.control)
MODULE_big = dbmaestro

# Rooms, from the ground floor up: a room may look down, never up.
ROOMS = core script audit schema pipeline guard ledger
OBJS  = extension/main.o \
	$(patsubst %.c,%.o,$(foreach room,$(ROOMS),$(sort $(wildcard extension/$(room)/*.c))))

SQL_PARTS = extension/begin.sql \
	$(foreach room,$(ROOMS),$(wildcard extension/$(room)/$(room).sql)) \
	extension/end.sql

DATA_built  = extension/dbmaestro--$(EXTVERSION).sql
EXTRA_CLEAN = extension/dbmaestro--*.sql

PG_CPPFLAGS = -I$(CURDIR)/extension -DDBM_VERSION='"$(EXTVERSION)"' -D_GNU_SOURCE
PG_CFLAGS   = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

extension/dbmaestro--$(EXTVERSION).sql: $(SQL_PARTS) dbmaestro.control
	cat $(SQL_PARTS) > $@

$(OBJS): $(wildcard extension/*/*.h) dbmaestro.control
