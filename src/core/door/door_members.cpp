#include "core/door/door_members.hpp"

namespace bastion {
namespace {

constexpr std::string_view json_blanks = " \t\n\r";

// Reads an object whose syntax was checked before, so that it looks for the ends of its parts alone.
class ObjectText {
public:
    explicit ObjectText(std::string_view text) : text_(text), at_(text.find('{') + 1) {}

    // The next member, from the quote of its name to the end of its value; empty after the last one.
    [[nodiscard]] std::string_view next() {
        at_ = text_.find_first_not_of(json_blanks, at_);
        if (at_ >= text_.size() || text_[at_] == '}') return {};
        const std::size_t begin = at_;
        std::size_t end = at_;
        for (int depth = 0; at_ < text_.size() && !ends_member(text_[at_], depth); ++at_) {
            const char c = text_[at_];
            if (c == '"') skip_string();
            if (c == '{' || c == '[') ++depth;
            if (c == '}' || c == ']') --depth;
            if (json_blanks.find(c) == json_blanks.npos) end = at_ + 1;
        }
        if (at_ < text_.size() && text_[at_] == ',') ++at_;
        return text_.substr(begin, end - begin);
    }

private:
    static bool ends_member(char c, int depth) noexcept { return depth == 0 && (c == ',' || c == '}'); }

    // To the closing quote.
    void skip_string() {
        for (++at_; at_ + 1 < text_.size() && text_[at_] != '"'; ++at_)
            if (text_[at_] == '\\') ++at_;
    }

    std::string_view text_;
    std::size_t at_;
};

// The name of a member; none if escapes stand in it, which may spell any other name.
std::optional<std::string_view> plain_name(std::string_view member) {
    const std::string_view name = member.substr(1, member.find_first_of("\"\\", 1) - 1);
    return member[name.size() + 1] == '"' ? std::optional(name) : std::nullopt;
}

}  // namespace

std::optional<std::string> without_members(std::string_view object,
                                           const std::function<bool(std::string_view name)>& is_dropped) {
    if (object.empty()) return std::nullopt;
    ObjectText members(object);
    std::string kept = "{";
    bool dropped = false;
    for (std::string_view member = members.next(); !member.empty(); member = members.next()) {
        const auto name = plain_name(member);
        if (!name || is_dropped(*name)) {
            dropped = true;
            continue;
        }
        if (kept.size() > 1) kept += ',';
        kept += member;
    }
    if (!dropped) return std::nullopt;
    return kept + '}';
}

}  // namespace bastion
