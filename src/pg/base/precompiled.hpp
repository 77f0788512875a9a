// The headers that the Makefile compiles once for all of src/pg. Not for #include: a file includes pg.hpp,
// directly or not.
#include "pg/base/pg.hpp"
