#include "core/identity/common_passwords.hpp"

namespace bastion {
namespace {

// Sorted by bytes; a space follows each.
constexpr char words[] =
#include "core/identity/common_passwords.inc"
    ;
constexpr std::string_view list(words, sizeof words - 1);

// The word around a place in the list.
std::string_view word_at(std::size_t place) noexcept {
    const auto before = place == 0 ? std::string_view::npos : list.rfind(' ', place - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    return list.substr(begin, list.find(' ', begin) - begin);
}

}  // namespace

bool is_common_password(std::string_view folded) noexcept {
    // The beginnings of words lie in [low, high).
    std::size_t low = 0;
    std::size_t high = list.size();
    while (low < high) {
        const std::string_view word = word_at(low + (high - low) / 2);
        if (word == folded) return true;
        const auto begin = static_cast<std::size_t>(word.data() - list.data());
        if (word < folded)
            low = begin + word.size() + 1;
        else
            high = begin;
    }
    return false;
}

}  // namespace bastion
