#include "shrink.hpp"

#include <algorithm>

namespace functions {
namespace {

Minimal attempt(const Place& place, const std::vector<Episode>& episodes) {
    Replay replay(place.original, place.database, place.log);
    Minimal out;
    for (const Episode& episode : episodes) {
        out.episodes.push_back(episode);
        if ((out.failure = replay.run(episode))) break;
    }
    return out;
}

bool is_like(const Minimal& tried, const Failure& wanted) { return tried.failure.kind == wanted.kind; }

template <class Item>
std::vector<Item> without(const std::vector<Item>& items, std::size_t begin, std::size_t size) {
    std::vector<Item> out(items.begin(), items.begin() + static_cast<long>(begin));
    if (begin + size < items.size())
        out.insert(out.end(), items.begin() + static_cast<long>(begin + size), items.end());
    return out;
}

// Drops parts of half the length, then a quarter, and so on, as long as it still fails.
template <class Item, class Try>
void drop_parts(std::vector<Item> items, const Try& still_fails) {
    for (std::size_t size = std::max<std::size_t>(items.size() / 2, 1);; size = std::max<std::size_t>(size / 2, 1)) {
        bool smaller = false;
        for (std::size_t begin = 0; begin < items.size();) {
            std::vector<Item> tried = without(items, begin, size);
            if (still_fails(tried)) {
                items = std::move(tried);
                smaller = true;
            } else {
                begin += size;
            }
        }
        if (size == 1 && !smaller) return;
    }
}

}  // namespace

Minimal shrink(const Place& place, const std::vector<Episode>& episodes, const Failure& failure) {
    Minimal best = attempt(place, {episodes.back()});
    if (!is_like(best, failure)) {
        best = attempt(place, episodes);
        if (!is_like(best, failure)) return {};
        drop_parts(best.episodes, [&](const std::vector<Episode>& tried) {
            Minimal result = attempt(place, tried);
            if (!is_like(result, failure)) return false;
            best = std::move(result);
            return true;
        });
    }
    for (std::size_t i = 0; i < best.episodes.size(); ++i)
        drop_parts(best.episodes[i].steps, [&](const std::vector<Step>& steps) {
            std::vector<Episode> tried = best.episodes;
            tried[i].steps = steps;
            Minimal result = attempt(place, tried);
            if (!is_like(result, failure) || result.episodes.size() != tried.size()) return false;
            best = std::move(result);
            return true;
        });
    return best;
}

std::string script_of(const std::vector<Episode>& episodes) {
    std::string out;
    for (const Episode& episode : episodes) {
        out += "    \\connect - " + episode.role + "\n    SELECT fz.lie_in_wait('pg_temp');\n";
        for (const Step& step : episode.steps)
            out += "    " + std::string(step.kind == Step::Kind::call && step.is_guarded ? "SAVEPOINT fz; " : "") +
                   step.sql + (step.is_binary ? " \\bind \\g -- binary results\n" : ";\n");
    }
    return out;
}

}  // namespace functions
