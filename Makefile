# Builds pg_bastion.so and pg_bastion--VERSION.sql with PGXS. The version stands in pg_bastion.control and nowhere else.
#
#   make && make install && make installcheck      any PostgreSQL from 15 on; PG_CONFIG chooses which
#   make COPT='-fsanitize=address,undefined'       extra options for compiler and linker
#   make tools/breach-filter                       what makes filters of breached passwords; a part of make
#   make test-module                               test/module/*.so, never installed
#   make format                                    clang-format on every C++ file

EXTENSION  = pg_bastion
MODULE_big = pg_bastion
PG_CONFIG ?= pg_config

# The folder of this file, which is not the current one in a VPATH build.
here    := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
version := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(here)/pg_bastion.control)
sources  = $(patsubst $(here)/%,%,$(wildcard $(addprefix $(here)/,$(1))))

CORE_OBJS := $(patsubst %.cpp,%.o,$(call sources,src/core/*/*.cpp))
PG_OBJS   := $(patsubst %.cpp,%.o,$(call sources,src/pg/*.cpp src/pg/*/*.cpp))
OBJS       = $(CORE_OBJS) $(PG_OBJS)

# Each script begins with src/sql/header.sql; the pieces of the install script follow as listed in src/sql/ORDER.
sql_pieces     := src/sql/*.sql $(filter-out src/sql/upgrade/%,$(call sources,src/sql/*/*.sql))
SQL_ORDER      := $(shell sed 's/\#.*//' $(here)/src/sql/ORDER 2>/dev/null)
SQL_PIECES     := $(patsubst %,$(here)/src/sql/%.sql,header $(filter-out header,$(SQL_ORDER:.sql=)))
EXTENSION_SCRIPT := $(EXTENSION)--$(version).sql
UPGRADES       := $(patsubst src/sql/upgrade/%,$(EXTENSION)--%,$(call sources,src/sql/upgrade/*.sql))
DATA_built      = $(EXTENSION_SCRIPT) $(UPGRADES)

LIBRARIES    = -lsodium -lcrypto -lcrypt -lnettle -lqrencode -lutf8proc -lsimdjson -lstdc++
WARNINGS     = -Wall -Wextra -Werror
PG_CPPFLAGS  = -I$(here)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CXXFLAGS  = -std=c++20 $(WARNINGS) -fvisibility-inlines-hidden $(COPT)
SHLIB_LINK   = -Wl,--version-script=$(here)/exports.map -Wl,--as-needed $(LIBRARIES)

# sql/setup.sql goes first, the other files by name.
USE_MODULE_DB   = 1
# Where installcheck writes: here, or in a new folder where its user may not.
RESULTS        := $(if $(filter installcheck,$(MAKECMDGOALS)),$(shell [ -w . ] && echo . || mktemp -d),.)
REGRESS_NAMES  := $(patsubst sql/%.sql,%,$(sort $(call sources,sql/*.sql)))
REGRESS         = $(filter setup,$(REGRESS_NAMES)) $(filter-out setup,$(REGRESS_NAMES))
REGRESS_OPTS    = --load-extension=$(EXTENSION) --encoding=UTF8 --no-locale --outputdir=$(RESULTS)
ISOLATION       = $(patsubst test/isolation/specs/%.spec,%,$(sort $(call sources,test/isolation/specs/*.spec)))
# The tests sign up with short passwords.
installcheck: export PGOPTIONS := -c bastion.password_min_length=8 $(PGOPTIONS)
ISOLATION_OPTS  = --load-extension=$(EXTENSION) --inputdir=$(here)/test/isolation --outputdir=$(RESULTS)/output_iso
TEST_MODULES   := $(patsubst %.cpp,%.so,$(call sources,test/module/*.cpp))
EXTRA_CLEAN     = tools/breach-filter $(BREACH_FILTER_MAIN) $(DEPENDENCIES) $(CORE_PRECOMPILED).gch $(PG_PRECOMPILED).gch $(TEST_MODULES) $(TEST_MODULES:.so=.o)

# The program for operators that shares the format of its files with the core.
BREACH_FILTER_MAIN = tools/breach_filter/breach_filter_main.o
BREACH_FILTER_OBJS = $(BREACH_FILTER_MAIN) $(filter %/result.o %/startup.o %/secret_bytes.o %/key_memory.o %/operator_file.o %/password_text.o src/core/identity/breach_%,$(CORE_OBJS))

# What most files of a layer include is compiled once: a third of the time.
CORE_PRECOMPILED = src/core/base/precompiled_core.hpp
PG_PRECOMPILED   = src/pg/base/precompiled.hpp

# The core needs no bitcode either, and the clang that PostgreSQL asks for is not needed to build.
override with_llvm = no
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Line numbers, for backtraces. Types and variables are a quarter of the compiler's work: COPT=-g2 brings them back for a debugger.
override CXXFLAGS := $(patsubst -g,-g1,$(CXXFLAGS))

DEPENDENCIES = $(patsubst %.o,%.d,$(OBJS) $(BREACH_FILTER_MAIN) $(TEST_MODULES:.so=.o)) $(CORE_PRECOMPILED:.hpp=.d) $(PG_PRECOMPILED:.hpp=.d)
-include $(DEPENDENCIES)

# The core is compiled without PostgreSQL's include path, so that it cannot see postgres.h, and exports nothing.
CORE_CPPFLAGS = -I$(here)/src $(filter -D%,$(CPPFLAGS))
CORE_COMPILE  = $(CXX) $(CXXFLAGS) $(CFLAGS_SL) -fvisibility=hidden $(CORE_CPPFLAGS) -MMD -MP
$(CORE_PRECOMPILED).gch: $(CORE_PRECOMPILED)
	@$(MKDIR_P) $(@D)
	$(CORE_COMPILE) -MF $(CORE_PRECOMPILED:.hpp=.d) -x c++-header -o $@ $<

src/core/%.o: src/core/%.cpp $(CORE_PRECOMPILED).gch
	@$(MKDIR_P) $(@D)
	$(CORE_COMPILE) -include $(CORE_PRECOMPILED) -c -o $@ $<

PG_COMPILE  = $(CXX) $(CXXFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -DBASTION_VERSION='"$(version)"' -MMD -MP
$(PG_PRECOMPILED).gch: $(PG_PRECOMPILED) $(here)/pg_bastion.control
	@$(MKDIR_P) $(@D)
	$(PG_COMPILE) -MF $(PG_PRECOMPILED:.hpp=.d) -x c++-header -o $@ $<

src/pg/%.o: src/pg/%.cpp $(PG_PRECOMPILED).gch
	@$(MKDIR_P) $(@D)
	$(PG_COMPILE) -include $(PG_PRECOMPILED) -c -o $@ $<

$(shlib): $(here)/exports.map

# A piece that ORDER does not list would be left out in silence.
$(EXTENSION_SCRIPT): $(SQL_PIECES) $(call sources,$(sql_pieces)) $(here)/src/sql/ORDER $(here)/pg_bastion.control
	@for piece in $(filter-out $(SQL_PIECES),$(wildcard $(addprefix $(here)/,$(sql_pieces)))); do \
	    echo "$$piece is not listed in src/sql/ORDER" >&2; exit 1; done
	cat $(SQL_PIECES) > $@

$(UPGRADES): $(EXTENSION)--%: $(here)/src/sql/header.sql $(here)/src/sql/upgrade/%
	cat $^ > $@

all: tools/breach-filter
$(BREACH_FILTER_MAIN): %.o: %.cpp $(CORE_PRECOMPILED).gch
	@$(MKDIR_P) $(@D)
	$(CORE_COMPILE) -include $(CORE_PRECOMPILED) -c -o $@ $<
tools/breach-filter: $(BREACH_FILTER_OBJS)
	$(CXX) $(CXXFLAGS) -o $@ $^ $(LDFLAGS) -lsodium -lnettle -lutf8proc -lstdc++

install: install-breach-filter
.PHONY: install-breach-filter
install-breach-filter: tools/breach-filter
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $< '$(DESTDIR)$(bindir)/bastion-breach-filter'
uninstall: uninstall-breach-filter
.PHONY: uninstall-breach-filter
uninstall-breach-filter:
	rm -f '$(DESTDIR)$(bindir)/bastion-breach-filter'

# Functions that misbehave on purpose, to test the error boundary of src/pg inside a server.
TEST_MODULE_OBJS = $(CORE_OBJS) $(filter %/pg_error.o %/identity.o %/invalidation.o %/announcement.o %/backend_cache.o %/statistics_name.o %/statistics.o %/shared_memory.o,$(PG_OBJS))
.PHONY: test-module
test-module: $(TEST_MODULES)
test/module/%.o: test/module/%.cpp
	@$(MKDIR_P) $(@D)
	$(CXX) $(CXXFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -MMD -MP -c -o $@ $<
test/module/%.so: test/module/%.o $(TEST_MODULE_OBJS)
	$(LINK.shared) -o $@ $^ $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

.PHONY: format
format:
	clang-format -i $(wildcard $(foreach folder,src/*/* src/pg test/* test/unit/* bench tools/*,$(here)/$(folder)/*.?pp))
