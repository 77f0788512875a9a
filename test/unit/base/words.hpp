// The values of a case as text, for SCOPED_TRACE at the top of every loop over cases: a failure prints its case. Text is
// quoted with its unprintable bytes escaped, bytes are in hexadecimal; long ones are truncated.
#pragma once

#include <gtest/gtest.h>

#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/encoding.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion::test {

constexpr std::size_t most_of_a_word = 200;

inline std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        char code[5] = {c, '\0'};
        if (c < ' ' || c > '~') std::snprintf(code, sizeof(code), "\\x%02x", static_cast<unsigned char>(c));
        out += code;
    }
    return out;
}

template <class Value>
std::string word(const Value& value) {
    if constexpr (std::convertible_to<const Value&, std::string_view>) {
        const std::string_view text = value;
        if (text.size() <= most_of_a_word) return '"' + escaped(text) + '"';
        return '"' + escaped(text.substr(0, most_of_a_word)) + "\"... of " + std::to_string(text.size()) + " bytes";
    } else if constexpr (std::same_as<Value, char>) {
        return '\'' + escaped({&value, 1}) + '\'';
    } else if constexpr (std::convertible_to<const Value&, ByteSpan>) {
        const ByteSpan bytes = value;
        if (bytes.size() <= most_of_a_word) return "0x" + hex_encode(bytes);
        return "0x" + hex_encode(bytes.first(most_of_a_word)) + "... of " + std::to_string(bytes.size()) + " bytes";
    } else {
        return testing::PrintToString(value);
    }
}

template <class First, class... Rest>
std::string words(const First& first, const Rest&... rest) {
    return (word(first) + ... + (", " + word(rest)));
}

}  // namespace bastion::test
