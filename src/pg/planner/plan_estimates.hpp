// Estimates for the tenant of the session. PostgreSQL estimates the condition of a policy for the average tenant, and so
// chooses plans that suit neither the small ones nor the large. With this hook it sees statistics in which the tenant's share
// is the real one. The plan depends on the tenant's class of size (plan_classes.hpp); its rows depend on the policy alone.
#pragma once

#include "pg/planner/planning.hpp"

extern "C" {
#include "utils/selfuncs.h"
}

namespace bastion::pg {

// A class that a plan depends on.
struct AskedClass {
    StatisticsKey key;
    int size_class;
    double fraction;
};

// For get_relation_stats_hook: fills in the statistics of a tenant column, made for the tenant.
bool estimate_for_tenant(PlannerInfo* root, RangeTblEntry* entry, AttrNumber column, VariableStatData* out);

// Makes the finished plan depend on the classes that were asked for.
void depend_on_asked_classes(PlannedStmt* plan);

}  // namespace bastion::pg
