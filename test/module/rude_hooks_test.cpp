// A library that sets the planner's hook and does not call the previous one, as some libraries do.
#include "pg/base/pg.hpp"

extern "C" {
PG_MODULE_MAGIC;
void _PG_init(void);
}

namespace {

PlannedStmt* plan_alone(Query* query, const char* sql, int options, ParamListInfo parameters) {
    return standard_planner(query, sql, options, parameters);
}

}  // namespace

extern "C" void _PG_init(void) { planner_hook = plan_alone; }
