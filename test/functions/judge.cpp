#include "judge.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

namespace functions {
namespace {

// The word in every text of tenant B, and what it is in hexadecimal digits and in base64 at each of three places.
const std::vector<std::string> markers{"qzbmark", "717a626d61726b", "cxpibwfy", "f6ym1hcm", "emjtyxjr"};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string around(const std::string& text, std::size_t place) {
    const std::size_t begin = place > 200 ? place - 200 : 0;
    return text.substr(begin, 500);
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) out.push_back(line);
    return out;
}

Failure find_marker(const std::string& received) {
    const std::string text = lower(received);
    for (const std::string& marker : markers)
        if (const std::size_t place = text.find(marker); place != std::string::npos)
            return {"a text of tenant B was seen", around(received, place)};
    return {};
}

Failure find_words(const std::string& text, const std::string& kind, const std::vector<std::string>& words) {
    for (const std::string& word : words)
        if (const std::size_t place = text.find(word); place != std::string::npos) return {kind, around(text, place)};
    return {};
}

}  // namespace

Failure judge_answer(const Answer& answer) {
    const std::string& state = answer.sqlstate;
    if (state == "08006") return {connection_lost, answer.received};
    if (state.starts_with("XX")) return {"an internal error", answer.received};
    if (state == "57014") return {"a statement did not end in time", answer.received};
    if (state == "55P03" || state == "40P01") return {"something was left locked", answer.received};
    if (Failure failure = find_words(answer.received, "an internal error", {"caught XX", ":  XX"})) return failure;
    if (Failure failure = find_words(answer.received, "a foreign object was used", {"captured by"})) return failure;
    if (Failure failure = find_words(answer.received, "something was left open", {" leak:", "was not closed"}))
        return failure;
    return find_marker(answer.received);
}

Failure judge_state(const std::string& before, const std::string& after) {
    if (before == after) return {};
    const std::vector<std::string> old = lines(before);
    const std::vector<std::string> now = lines(after);
    std::string detail;
    for (const std::string& line : old)
        if (std::find(now.begin(), now.end(), line) == now.end()) detail += "    - " + line + '\n';
    for (const std::string& line : now)
        if (std::find(old.begin(), old.end(), line) == old.end()) detail += "    + " + line + '\n';
    return {"the session was left changed", detail};
}

ServerLog::ServerLog(const std::string& path, std::string database) : file_(path), database_(std::move(database)) {
    file_.seekg(0, std::ios::end);
}

Failure ServerLog::judge() {
    for (std::string line; std::getline(file_, line);) {
        if (Failure failure = find_words(line, server_down, {"terminated by signal", "PANIC:", "TRAP:"}))
            return failure;
        const bool is_of_others =
            line.find('@') != std::string::npos && line.find('@' + database_ + ' ') == std::string::npos;
        if (is_of_others) continue;
        if (Failure failure = find_words(line, "an internal error", {":  XX"})) return failure;
    }
    file_.clear();
    return {};
}

Watch::Watch(const std::string& database) : admin_(database, "postgres") {
    admin_.must("PREPARE fingerprint AS SELECT concat_ws(' ', part, sum) FROM (" +
                admin_.must("SELECT text FROM fz.fingerprint_statement").at(0) + ") f");
    fingerprint_ = admin_.must("EXECUTE fingerprint");
}

Failure Watch::judge_rest(const std::vector<int>& processes) {
    std::string list = "0";
    for (const int process : processes) list += ',' + std::to_string(process);
    const std::vector<std::string> rows = admin_.must(
        "SELECT concat_ws(' ', 'lock', l.locktype, l.mode, l.relation::regclass) FROM pg_locks l WHERE l.locktype <> "
        "'virtualxid' AND l.mode <> 'SIReadLock' AND l.pid IN (" +
        list +
        ") UNION ALL SELECT concat_ws(' ', 'file', name, size) FROM pg_ls_tmpdir() WHERE substring(name, "
        "'^pgsql_tmp([0-9]+)')::integer IN (" +
        list +
        ") "
        "UNION ALL SELECT 'something was captured' FROM fz.captures WHERE is_called");
    return rows.empty() ? Failure{} : Failure{"something was left behind", rows.front()};
}

Failure Watch::judge_rows() {
    const std::vector<std::string> old = std::exchange(fingerprint_, admin_.must("EXECUTE fingerprint"));
    if (old == fingerprint_) return {};
    for (std::size_t i = 0; i < std::min(old.size(), fingerprint_.size()); ++i)
        if (old[i] != fingerprint_[i])
            return {"what is tenant B's or nobody's was changed", old[i] + " -> " + fingerprint_[i]};
    return {"what is tenant B's or nobody's was changed", "another number of parts"};
}

}  // namespace functions
