// What this room did to the last plan that it changed, for plan_notes().
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

struct PlanNote {
    Oid relation;
    AttrNumber column;  // 0 for a clause
    double fraction;    // of the rows, that the tenant is estimated to have
    int size_class;
    Oid function;  // of a clause that may go ahead of the policies
};

// Notes the run of the planner that ends now, if it changed anything.
void note_run();

// Empty while the session has another tenant than the one that the plan was made for.
std::span<const PlanNote> plan_notes();

}  // namespace bastion::pg
