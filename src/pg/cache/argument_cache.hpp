// The last few arguments of one kind, jsonb or arrays, with their parsed values: callers verify many tokens with the same
// keys and options. Used by jwt_fn.cpp; lives as long as the backend, but a large argument until the end of the transaction.
// Arguments may be keys, so they are compared whole and in constant time, and wiped when other arguments replace them. Each
// entry has a number that is never used again and that identifies it in caches of verified tokens.
#pragma once

#include "core/base/secret_bytes.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/invalidation.hpp"

namespace bastion::pg {

template <class Parsed>
class ArgumentCache final : public CacheListener {
public:
    struct Entry {
        SecretBytes argument;
        std::optional<Parsed> parsed;
        uint64 id = 0;
        std::size_t bytes = 0;
    };

    // `memory` estimates the bytes of a parsed value.
    ArgumentCache(const char* name, std::size_t (*memory)(const Parsed&))
        : CacheListener(InvalidOid, name), memory_(memory) {}

    // Each is valid until the next call of keep(), or null.
    const Entry* find(ByteSpan argument) const noexcept {
        for (const Entry& entry : entries_)
            if (entry.parsed && constant_time_equal(entry.argument.span(), argument)) return &entry;
        return nullptr;
    }

    const Entry* find(uint64 id) const noexcept {
        for (const Entry& entry : entries_)
            if (entry.id == id && entry.parsed) return &entry;
        return nullptr;
    }

    const Entry* keep(ByteSpan argument, Parsed&& parsed) {
        Entry& entry = entries_[next_];
        next_ = (next_ + 1) % entries_.size();
        forget(entry);
        entry.argument = SecretBytes(argument);
        entry.parsed = std::move(parsed);
        entry.id = ++last_id_;
        entry.bytes = argument.size() + memory_(*entry.parsed);
        has_large_ = has_large_ || entry.bytes > most_kept;
        ++loads_;
        return &entry;
    }

    // No message changes an argument.
    void drop_all() noexcept override {}

    void unpin() noexcept override {
        if (!has_large_) return;
        for (Entry& entry : entries_)
            if (entry.bytes > most_kept) forget(entry);
        has_large_ = false;
    }

    [[nodiscard]] CacheStatistics statistics() const noexcept override {
        CacheStatistics out{};
        out.loads = loads_;
        for (const Entry& entry : entries_) {
            out.entries += entry.parsed ? 1 : 0;
            out.bytes += static_cast<int64>(entry.bytes);
        }
        return out;
    }

private:
    // The bytes of an entry that outlives its transaction.
    static constexpr std::size_t most_kept = 256 * 1024;

    static void forget(Entry& entry) noexcept {
        entry.parsed.reset();
        entry.argument = SecretBytes();
        entry.bytes = 0;
    }

    std::size_t (*memory_)(const Parsed&);
    std::array<Entry, 4> entries_;
    std::size_t next_ = 0;
    uint64 last_id_ = 0;
    int64 loads_ = 0;
    bool has_large_ = false;
};

// An argument in phases A and B: the entry, or the text to find and to parse.
template <class Parsed>
struct CachedArgument {
    const typename ArgumentCache<Parsed>::Entry* entry;
    ByteSpan bytes;
    Utf8 text;
};

// Phase B: the entry, after parsing the argument if it is not cached.
template <class Parsed>
Result<const typename ArgumentCache<Parsed>::Entry*> parsed(ArgumentCache<Parsed>& cache,
                                                            const CachedArgument<Parsed>& argument,
                                                            Result<Parsed> (*parse)(std::string_view)) {
    if (argument.entry != nullptr) return argument.entry;
    Result<Parsed> fresh = parse(argument.text);
    if (!fresh) return fresh.error();
    return cache.keep(argument.bytes, std::move(*fresh));
}

// The entries that a call with constant arguments found last, so that the next row need not compare them. Kept with the
// function's call in the plan.
struct CallMemo {
    bool is_constant[3];
    uint64 ids[3];
};

// The memo of this call; made at its first row.
inline CallMemo& call_memo(FunctionCallInfo fcinfo) {
    FmgrInfo* function = fcinfo->flinfo;
    if (function->fn_extra != nullptr) return *static_cast<CallMemo*>(function->fn_extra);
    auto* memo = static_cast<CallMemo*>(MemoryContextAllocZero(function->fn_mcxt, sizeof(CallMemo)));
    const Node* call = function->fn_expr;
    if (call != nullptr && IsA(call, FuncExpr)) {
        const List* arguments = reinterpret_cast<const FuncExpr*>(call)->args;
        for (int i = 0; i < 3 && i < list_length(arguments); ++i)
            memo->is_constant[i] = IsA(list_nth(arguments, i), Const);
    }
    function->fn_extra = memo;
    return *memo;
}

// Phase A: an argument by the entry of the last row, else by its bytes. `text` returns the text to parse and is called
// only if no entry is known.
template <class Parsed, class Text>
CachedArgument<Parsed> cached_argument(const ArgumentCache<Parsed>& cache, FunctionCallInfo fcinfo, int number,
                                       Text&& text) {
    CallMemo& memo = call_memo(fcinfo);
    if (memo.ids[number] != 0) {
        const auto* entry = cache.find(memo.ids[number]);
        if (entry != nullptr) return {entry, {}, {}};
    }
    const struct varlena* value = PG_DETOAST_DATUM(PG_GETARG_DATUM(number));
    const ByteSpan bytes = view(value);
    const auto* entry = cache.find(bytes);
    return {entry, bytes, entry != nullptr ? Utf8() : text(value)};
}

// Phase C.
inline void remember(FunctionCallInfo fcinfo, int number, uint64 id) {
    CallMemo& memo = call_memo(fcinfo);
    if (memo.is_constant[number]) memo.ids[number] = id;
}

}  // namespace bastion::pg
