#include "core/identity/password_policy.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/operator_file.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/identity/breach_filter.hpp"
#include "core/identity/common_passwords.hpp"
#include "core/identity/password_params.hpp"
#include "core/identity/password_text.hpp"

namespace bastion {
namespace {

// Shorter words are parts of many others.
constexpr std::size_t least_word = 4;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

// A password, prepared and folded, with the rules that it must satisfy.
class Candidate {
public:
    Candidate(std::string_view password, const PasswordPolicy& policy)
        : policy_(policy), sent_(password), prepared_(prepare_password(password)), folded_(fold_password(text())) {}

    [[nodiscard]] Result<PasswordFlaw> flaw() const {
        if (prepared_.has_controls || text().size() > max_password_bytes) return PasswordFlaw::unusable;
        if (length() < policy_.least_length) return PasswordFlaw::too_short;
        const std::string_view unit = repeated_unit();
        if (is_common_password(folded()) || is_common_password(unit)) return PasswordFlaw::common;
        if (is_sequence() || (unit.size() < folded().size() && count_characters(unit) < least_word))
            return PasswordFlaw::repetitive;
        if (is_personal()) return PasswordFlaw::personal;
        return flaw_in_files();
    }

private:
    [[nodiscard]] std::string_view text() const noexcept { return prepared_.is_utf8 ? prepared_.bytes.text() : sent_; }
    [[nodiscard]] std::string_view folded() const noexcept { return folded_.text(); }
    [[nodiscard]] std::size_t length() const noexcept {
        return prepared_.is_utf8 ? prepared_.characters : sent_.size();
    }

    // The shortest beginning that, written again and again, makes the password: "abc" of "abcabcab". All of it without one.
    [[nodiscard]] std::string_view repeated_unit() const {
        const std::string_view all = folded();
        // The longest border of each beginning (Knuth, Morris and Pratt).
        std::vector<std::size_t> border(all.size() + 1, 0);
        for (std::size_t i = 1, k = 0; i < all.size(); ++i) {
            while (k > 0 && all[i] != all[k]) k = border[k];
            if (all[i] == all[k]) ++k;
            border[i + 1] = k;
        }
        return all.substr(0, all.size() - border[all.size()]);
    }

    // "abcdefg" and "7654321": each byte is the neighbour of the one before, in one direction.
    [[nodiscard]] bool is_sequence() const noexcept {
        const std::string_view all = folded();
        const int step = all.size() < 2 ? 0 : all[1] - all[0];
        if (step != 1 && step != -1) return false;
        return std::ranges::adjacent_find(all, [&](char left, char right) { return right - left != step; }) ==
               all.end();
    }

    // Without the words of the account, less than half of the least length would be left.
    [[nodiscard]] bool is_personal() const {
        SecretBytes rest(as_bytes(folded()), SecretPlace::heap);
        std::size_t size = rest.size();
        for (const std::string& word : account_words()) size = without(rest, size, word);
        return size < rest.size() && 2 * count_characters(rest.text().substr(0, size)) < policy_.least_length;
    }

    // Removes each occurrence; the new size.
    static std::size_t without(SecretBytes& text, std::size_t size, std::string_view word) {
        auto* const begin = text.data();
        auto* end = begin + size;
        for (auto* found = begin; (found = std::search(found, end, word.begin(), word.end(), same_byte)) != end;)
            end = std::move(found + word.size(), end, found);
        return static_cast<std::size_t>(end - begin);
    }

    static bool same_byte(std::uint8_t left, char right) noexcept { return left == static_cast<std::uint8_t>(right); }

    // The lines, and the words in them, longest first.
    [[nodiscard]] std::vector<std::string> account_words() const {
        std::vector<std::string> words;
        const SecretBytes lines = fold_password(policy_.account);
        std::string_view rest = lines.text();
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            add_word(words, line);
            for (std::size_t begin = 0, end = 0; begin < line.size(); begin = end + 1) {
                end = std::min(line.find_first_of(" .,;:@+-_/&'\"()", begin), line.size());
                add_word(words, line.substr(begin, end - begin));
            }
        }
        std::ranges::stable_sort(words, std::ranges::greater{}, &std::string::size);
        return words;
    }

    static void add_word(std::vector<std::string>& words, std::string_view word) {
        if (count_characters(word) >= least_word) words.emplace_back(word);
    }

    [[nodiscard]] Result<PasswordFlaw> flaw_in_files() const {
        if (!policy_.blocklist.empty()) {
            const auto listed = is_in_blocklist();
            if (!listed) return listed.error();
            if (*listed) return PasswordFlaw::blocked;
        }
        if (!policy_.breach_filter.empty()) {
            const auto breached = is_breached();
            if (!breached) return breached.error();
            if (*breached) return PasswordFlaw::breached;
        }
        return PasswordFlaw::none;
    }

    // Services publish hashes of the bytes that other systems stored: prepared or not.
    [[nodiscard]] Result<bool> is_breached() const {
        const auto filter = BreachFilter::open(policy_.breach_filter);
        if (!filter) return filter.error();
        Result<bool> found = filter->contains_password(text());
        if (!found || *found || text() == sent_) return found;
        return filter->contains_password(sent_);
    }

    [[nodiscard]] Result<bool> is_in_blocklist() const;
    [[nodiscard]] bool is_line(std::string_view line) const;

    const PasswordPolicy& policy_;
    std::string_view sent_;
    PreparedPassword prepared_;
    SecretBytes folded_;
};

Result<OperatorFile> open_blocklist(const std::string& path) {
    auto file = OperatorFile::open("password blocklist", path);
    if (file && file->size() > max_blocklist_bytes)
        return file->unusable("it is larger than 16 MiB", "Make a filter of a longer list with tools/breach-filter.");
    return file;
}

bool Candidate::is_line(std::string_view line) const {
    const std::string_view password = folded();
    if (is_ascii(line))
        return std::ranges::equal(line, password, {},
                                  [](char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
    const PreparedPassword listed = prepare_password(line);
    return fold_password(listed.is_utf8 ? listed.bytes.text() : line).text() == password;
}

Result<bool> Candidate::is_in_blocklist() const {
    const auto file = open_blocklist(policy_.blocklist);
    if (!file) return file.error();
    std::vector<std::uint8_t> content(file->size());
    if (auto read = file->read(0, content); !read) return read.error();
    std::string_view rest = as_text(content);
    if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.size() <= max_password_bytes && is_line(line)) return true;
    }
    return false;
}

}  // namespace

std::string_view name_of(PasswordFlaw flaw) noexcept {
    switch (flaw) {
        case PasswordFlaw::none: break;
        case PasswordFlaw::unusable: return "unusable";
        case PasswordFlaw::too_short: return "too_short";
        case PasswordFlaw::common: return "common";
        case PasswordFlaw::repetitive: return "repetitive";
        case PasswordFlaw::personal: return "personal";
        case PasswordFlaw::blocked: return "blocked";
        case PasswordFlaw::breached: return "breached";
    }
    return "none";
}

Result<PasswordFlaw> find_password_flaw(std::string_view password, const PasswordPolicy& policy) {
    if (password.size() > max_password_bytes) return PasswordFlaw::unusable;
    return Candidate(password, policy).flaw();
}

Result<void> check_password_blocklist(const std::string& path) {
    const auto file = open_blocklist(path);
    if (!file) return file.error();
    return {};
}

}  // namespace bastion
