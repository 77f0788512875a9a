#include "shrink.hpp"

namespace model {
namespace {

// Replays a list; the result is empty when it no longer fails.
Minimal attempt(Laboratory& laboratory, const std::string& database, const std::vector<Op>& ops) {
    Replay replay(laboratory, database);
    std::size_t next = 0;
    Minimal out;
    const Source source = [&](const World&) { return next < ops.size() ? std::optional(ops[next++]) : std::nullopt; };
    out.failure = replay.run(source, out.ops);
    out.statements = replay.statements();
    return out;
}

std::vector<Op> without(const std::vector<Op>& ops, std::size_t begin, std::size_t size) {
    std::vector<Op> out(ops.begin(), ops.begin() + static_cast<long>(begin));
    if (begin + size < ops.size()) out.insert(out.end(), ops.begin() + static_cast<long>(begin + size), ops.end());
    return out;
}

}  // namespace

Minimal shrink(Laboratory& laboratory, const std::string& database, std::vector<Op> ops) {
    Minimal best = attempt(laboratory, database, ops);
    if (!best.failure) return best;
    for (std::size_t size = std::max<std::size_t>(best.ops.size() / 2, 1);; size = std::max<std::size_t>(size / 2, 1)) {
        bool smaller = false;
        for (std::size_t begin = 0; begin < best.ops.size();) {
            Minimal tried = attempt(laboratory, database, without(best.ops, begin, size));
            if (tried.failure && tried.ops.size() < best.ops.size()) {
                best = std::move(tried);
                smaller = true;
            } else {
                begin += size;
            }
        }
        if (size == 1 && !smaller) return best;
    }
}

}  // namespace model
