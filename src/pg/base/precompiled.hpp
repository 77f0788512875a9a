// The headers that the Makefile compiles once for all of src/pg. Not for #include: a file includes what it uses, pg.hpp
// directly or not.
#include "core/base/precompiled_strings.hpp"
#include "pg/base/guard.hpp"
