// SQL functions of the Merkle tree over the audit log: hashes, and roots and proofs that read bastion.audit_tiles. Called by SQL
// functions of the extension, which write the tiles.
#include "core/audit/note.hpp"
#include "core/audit/tree.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

constexpr int most_tiles = 16;

struct StoredTile {
    int level;
    int64 index;
    ByteSpan hashes;
};

struct StoredTiles {
    StoredTile tiles[most_tiles];
    int count;
};

// Phase B: the tiles that the answer needs.
template <class Answer>
Result<void> find_needed(StoredTiles& out, Answer&& answer) {
    NeededTiles needed;
    if (const auto answered = answer(needed); !answered) return answered.error();
    for (const auto& [level, index] : needed.names()) {
        if (out.count == most_tiles) return Error{ErrorCode::internal, "a proof needs too many tiles"};
        out.tiles[out.count++] = {static_cast<int>(level), static_cast<int64>(index), {}};
    }
    return {};
}

// Phase A: what is stored of them, in the current memory context.
void read_tiles(int64 era, StoredTiles& tiles) {
    for (int i = 0; i < tiles.count; ++i) {
        StoredTile& tile = tiles.tiles[i];
        const KeyCondition place[] = {{"era", F_INT8EQ, Int64GetDatum(era), false},
                                      {"level", F_INT4EQ, Int32GetDatum(tile.level), false},
                                      {"index", F_INT8EQ, Int64GetDatum(tile.index), false}};
        ColumnValue row[] = {{"data", 0, true}};
        if (read_row("audit_tiles", "audit_tiles_pkey", place, row) && !row[0].is_null)
            tile.hashes = view(DatumGetByteaPP(row[0].value));
    }
}

// All phases: runs `answer` over the tiles that it needs, and hands the result to `use` in phase B.
template <class Answer, class Use>
void answer_from_tiles(int64 era, Answer&& answer, Use&& use) {
    StoredTiles tiles{};
    guarded_or_raise([&] { return find_needed(tiles, answer); });
    read_tiles(era, tiles);
    guarded_or_raise([&]() -> Result<void> {
        LoadedTiles loaded;
        for (int i = 0; i < tiles.count; ++i) {
            const StoredTile& tile = tiles.tiles[i];
            loaded.add({static_cast<unsigned>(tile.level), static_cast<std::uint64_t>(tile.index)}, tile.hashes);
        }
        auto answered = answer(loaded);
        if (!answered) return answered.error();
        return use(*answered);
    });
}

// A negative number is larger than every tree.
std::uint64_t size_argument(FunctionCallInfo fcinfo, int number) {
    return static_cast<std::uint64_t>(PG_GETARG_INT64(number));
}

void require_size(std::uint64_t size) {
    if (size > most_leaves)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid size of a tree")));
}

Datum hash_datum(Result<TreeHash> (*hash)(ByteSpan), const struct varlena* bytes) {
    struct varlena* out = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<TreeHash> made = hash(view(bytes));
        if (!made) return made.error();
        return store(out, *made);
    });
    return PointerGetDatum(out);
}

Result<TreeHash> tile_hash(ByteSpan tile) {
    TreeHash hashes[tile_width];
    if (tile.size() != sizeof hashes) return invalid_argument("a full tile has 256 hashes");
    std::memcpy(hashes, tile.data(), sizeof hashes);
    return complete_tree_hash(hashes);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_leaf_hash);
Datum bastion_audit_leaf_hash(PG_FUNCTION_ARGS) { return hash_datum(leaf_hash, PG_GETARG_BYTEA_PP(0)); }

PG_FUNCTION_INFO_V1(bastion_audit_tile_hash);
Datum bastion_audit_tile_hash(PG_FUNCTION_ARGS) { return hash_datum(tile_hash, PG_GETARG_BYTEA_PP(0)); }

PG_FUNCTION_INFO_V1(bastion_audit_root);
Datum bastion_audit_root(PG_FUNCTION_ARGS) {
    const std::uint64_t size = size_argument(fcinfo, 1);
    require_size(size);
    struct varlena* out = nullptr;
    answer_from_tiles(
        PG_GETARG_INT64(0), [&](TreeNodes& nodes) { return tree_root(nodes, size); },
        [&](const TreeHash& root) { return store(out, root); });
    PG_RETURN_BYTEA_P(out);
}

PG_FUNCTION_INFO_V1(bastion_audit_inclusion);
Datum bastion_audit_inclusion(PG_FUNCTION_ARGS) {
    const std::uint64_t index = size_argument(fcinfo, 1);
    const std::uint64_t size = size_argument(fcinfo, 2);
    require_size(size);
    Utf8 out;
    answer_from_tiles(
        PG_GETARG_INT64(0), [&](TreeNodes& nodes) { return inclusion_proof(nodes, index, size); },
        [&](const std::vector<TreeHash>& proof) { return store(out, hash_lines(proof)); });
    return text_datum(out);
}

PG_FUNCTION_INFO_V1(bastion_audit_consistency);
Datum bastion_audit_consistency(PG_FUNCTION_ARGS) {
    const std::uint64_t old_size = size_argument(fcinfo, 1);
    const std::uint64_t size = size_argument(fcinfo, 2);
    require_size(size);
    Utf8 out;
    answer_from_tiles(
        PG_GETARG_INT64(0), [&](TreeNodes& nodes) { return consistency_proof(nodes, old_size, size); },
        [&](const std::vector<TreeHash>& proof) { return store(out, hash_lines(proof)); });
    return text_datum(out);
}

PG_FUNCTION_INFO_V1(bastion_audit_tile_path);
Datum bastion_audit_tile_path(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const Utf8 written = utf8_of(PG_GETARG_TEXT_PP(0));
    const std::optional<TilePath> path = parse_tile_path(written);
    if (!path) ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid path of a tile")));
    Datum values[] = {BoolGetDatum(path->entries), Int32GetDatum(static_cast<int32>(path->level)),
                      Int64GetDatum(static_cast<int64>(path->index)), Int32GetDatum(static_cast<int32>(path->width))};
    bool nulls[] = {false, false, false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
