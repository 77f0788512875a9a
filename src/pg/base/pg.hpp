// The only includer of postgres.h. The C++ standard headers come first, because postgres.h redefines some of the names
// they declare (snprintf, for one); a file that includes this one must not include a standard header after it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <unistd.h>

extern "C" {
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/condition_variable.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"
#include "utils/varlena.h"
}

// In a build for tests, messages arrive at each call in which the server may accept them, so that a reference into a cache
// that is held across one refers to freed memory. pg/cache/invalidation.hpp has the messages.
#ifdef BASTION_EAGER_INVALIDATION
namespace bastion::pg {
void arrive_everywhere() noexcept;
}
#define AcceptInvalidationMessages() (::bastion::pg::arrive_everywhere(), AcceptInvalidationMessages())
#define table_open(...) (::bastion::pg::arrive_everywhere(), table_open(__VA_ARGS__))
#define index_open(...) (::bastion::pg::arrive_everywhere(), index_open(__VA_ARGS__))
#define getExtensionOfObject(...) (::bastion::pg::arrive_everywhere(), getExtensionOfObject(__VA_ARGS__))
#define SearchSysCache1(...) (::bastion::pg::arrive_everywhere(), SearchSysCache1(__VA_ARGS__))
#define pg_detoast_datum(...) (::bastion::pg::arrive_everywhere(), pg_detoast_datum(__VA_ARGS__))
#define pg_detoast_datum_copy(...) (::bastion::pg::arrive_everywhere(), pg_detoast_datum_copy(__VA_ARGS__))
#define pg_detoast_datum_packed(...) (::bastion::pg::arrive_everywhere(), pg_detoast_datum_packed(__VA_ARGS__))
#endif

// A text has the encoding of its database; pg/base/text.hpp has the functions that say so.
#undef CStringGetTextDatum
#undef TextDatumGetCString
#pragma GCC poison CStringGetTextDatum TextDatumGetCString cstring_to_text cstring_to_text_with_len text_to_cstring
#pragma GCC poison pg_any_to_server pg_server_to_any
