// Differences between PostgreSQL 15, 17 and 18: the only reader of PG_VERSION_NUM.
#pragma once

#include "pg/base/pg.hpp"

extern "C" {
#include "access/heapam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
}

namespace bastion::pg::compat {

// Memory for the `extra` of a setting: the server frees it with free() up to 15 and with guc_free() from 16.
inline void* guc_extra_alloc(std::size_t size) noexcept {
#if PG_VERSION_NUM >= 160000
    return guc_malloc(LOG, size);
#else
    return malloc(size);
#endif
}

#if PG_VERSION_NUM < 160000
// The order of the settings table, as guc_name_compare() of the server has it.
inline int compare_names(const char* left, const char* right) noexcept {
    const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
    for (; *left != '\0' && *right != '\0'; ++left, ++right)
        if (folded(*left) != folded(*right)) return folded(*left) - folded(*right);
    return (*left != '\0') - (*right != '\0');
}
#endif

// The settings table's entry of that name, a placeholder included, or null.
inline config_generic* find_setting(const char* name) {
#if PG_VERSION_NUM >= 160000
    return find_option(name, false, true, LOG);
#else
    config_generic** const all = get_guc_variables();
    config_generic** const end = all + GetNumConfigOptions();
    config_generic** const found = std::lower_bound(all, end, name, [](const config_generic* each, const char* wanted) {
        return compare_names(each->name, wanted) < 0;
    });
    return found != end && compare_names((*found)->name, name) == 0 ? *found : nullptr;
#endif
}

// The flag of a setting that may change in parallel mode. Minor releases before 15.9 lack it, and refuse every change there.
#ifdef GUC_ALLOW_IN_PARALLEL
inline constexpr int allow_in_parallel = GUC_ALLOW_IN_PARALLEL;
#else
inline constexpr int allow_in_parallel = 0;
#endif

// Writes a new version of a row, and sets its place. Anything but TM_Ok: another transaction changed or deleted the row.
inline TM_Result update_row(Relation relation, ItemPointer place, HeapTuple row, CommandId command,
                            TM_FailureData& failure) {
    LockTupleMode mode{};
#if PG_VERSION_NUM >= 160000
    TU_UpdateIndexes indexes{};
    return heap_update(relation, place, row, command, InvalidSnapshot, true, &failure, &mode, &indexes);
#else
    return heap_update(relation, place, row, command, InvalidSnapshot, true, &failure, &mode);
#endif
}

// Whether this transaction holds exactly this lock.
inline bool holds_lock(const LOCKTAG& tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
    return LockHeldByMe(&tag, mode, false);
#else
    return LockHeldByMe(&tag, mode);
#endif
}

// The query reads and writes `relation` with the privileges of `user`; it still runs as the current user.
inline void check_as(Query* query, Oid relation, Oid user) noexcept {
    ListCell* cell = nullptr;
#if PG_VERSION_NUM >= 160000
    foreach (cell, query->rteperminfos) {
        auto* info = lfirst_node(RTEPermissionInfo, cell);
        if (info->relid == relation) info->checkAsUser = user;
    }
#else
    foreach (cell, query->rtable) {
        auto* entry = lfirst_node(RangeTblEntry, cell);
        if (entry->rtekind == RTE_RELATION && entry->relid == relation) entry->checkAsUser = user;
    }
#endif
}

// A copy of a plan with the privileges of `user` wherever the plan uses those of the current user.
inline PlannedStmt* check_plan_as(const PlannedStmt* plan, Oid user) {
    auto* copy = static_cast<PlannedStmt*>(palloc(sizeof(PlannedStmt)));
    *copy = *plan;
    ListCell* cell = nullptr;
#if PG_VERSION_NUM >= 160000
    copy->permInfos = static_cast<List*>(copyObjectImpl(plan->permInfos));
    foreach (cell, copy->permInfos) {
        auto* info = lfirst_node(RTEPermissionInfo, cell);
        if (!OidIsValid(info->checkAsUser)) info->checkAsUser = user;
    }
#else
    copy->rtable = static_cast<List*>(copyObjectImpl(plan->rtable));
    foreach (cell, copy->rtable) {
        auto* entry = lfirst_node(RangeTblEntry, cell);
        if (entry->rtekind == RTE_RELATION && !OidIsValid(entry->checkAsUser)) entry->checkAsUser = user;
    }
#endif
    return copy;
}

// Runs a started query to its end.
inline void run_to_end(QueryDesc* query) {
#if PG_VERSION_NUM >= 180000
    ExecutorRun(query, ForwardScanDirection, 0);
#else
    ExecutorRun(query, ForwardScanDirection, 0, true);
#endif
}

// Whether a role has the rights of the owner of a relation.
inline bool owns_relation(Oid relation, Oid role) {
#if PG_VERSION_NUM >= 160000
    return object_ownercheck(RelationRelationId, relation, role);
#else
    return pg_class_ownercheck(relation, role);
#endif
}

// Calls `walker` for each child of an expression, until one answers true. Up to 15 its type has no arguments.
inline bool walk_expression(Node* node, bool (*walker)(Node*, void*), void* state) {
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, walker, state);
#else
    return expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), state);
#endif
}

// The same for each child of a running plan.
inline bool walk_plan_state(PlanState* state, bool (*walker)(PlanState*, void*), void* context) {
#if PG_VERSION_NUM >= 160000
    return planstate_tree_walker(state, walker, context);
#else
    return planstate_tree_walker(state, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

// Whether the operator compares in the order of some B-tree. Only a superuser can add one.
inline bool is_ordering_operator(Oid function) {
#if PG_VERSION_NUM >= 180000
    return get_op_index_interpretation(function) != NIL;
#else
    return get_op_btree_interpretation(function) != NIL;
#endif
}

// The clauses that PostgreSQL has derived from an equivalence class.
inline List* derived_clauses(const EquivalenceClass* equal) noexcept {
#if PG_VERSION_NUM >= 180000
    return equal->ec_derives_list;
#else
    return equal->ec_derives;
#endif
}

// The paths of a table by its row numbers: PostgreSQL considers them last, and first from 18. True when no other path is
// possible, which 18 says for WHERE CURRENT OF.
inline bool add_tid_paths_first([[maybe_unused]] PlannerInfo* root, [[maybe_unused]] RelOptInfo* relation) {
#if PG_VERSION_NUM >= 180000
    return create_tidscan_paths(root, relation);
#else
    return false;
#endif
}

inline void add_tid_paths_last([[maybe_unused]] PlannerInfo* root, [[maybe_unused]] RelOptInfo* relation) {
#if PG_VERSION_NUM < 180000
    create_tidscan_paths(root, relation);
#endif
}

// Shared memory that exists from the first call of any process on, without preload. Null where there is none, up to 16.
#if PG_VERSION_NUM >= 170000
inline constexpr bool has_named_segments = true;
inline void* named_segment(const char* name, Size size, void (*fill)(void*)) {
    bool found = false;
    return GetNamedDSMSegment(name, size, fill, &found);
}
#else
inline constexpr bool has_named_segments = false;
inline void* named_segment(const char*, Size, void (*)(void*)) noexcept { return nullptr; }
#endif

// The place of this process among those of the server; the lower ones, up to MaxBackends, are backends.
inline int process_number() noexcept {
#if PG_VERSION_NUM >= 170000
    return MyProcNumber;
#else
    return MyProc->pgprocno;
#endif
}

}  // namespace bastion::pg::compat

// The signature of the executor's run hook, which lost its last argument in 18.
#if PG_VERSION_NUM >= 180000
#define BASTION_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count
#define BASTION_EXECUTOR_RUN_ARGS query, direction, count
#else
#define BASTION_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define BASTION_EXECUTOR_RUN_ARGS query, direction, count, execute_once
#endif
