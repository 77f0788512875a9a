// The arguments of calls, as SQL expressions: valid values for a parameter of that name, or values that no function
// expects.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

namespace functions {

class Random {
public:
    explicit Random(unsigned long long seed) : engine_(seed) {}
    // From 0 up to bound.
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool percent(std::size_t chance) { return below(100) < chance; }
    template <class List>
    const auto& of(const List& list) {
        return list[below(std::size(list))];
    }

private:
    std::mt19937_64 engine_;
};

struct Value {
    bool is_expression = false;
    std::string text;
};

// Values of the same kind, for any parameters.
struct Pool {
    std::string subject;
    std::vector<Value> values;
};

// By name and type of the parameter, with a space between.
using Pools = std::map<std::string, Pool>;

// The recurring values of one episode, by subject.
using Focus = std::map<std::string, Value>;

[[nodiscard]] std::string pool_name(const std::string& parameter, const std::string& type);
// A literal that means the same whatever standard_conforming_strings is.
[[nodiscard]] std::string literal(const std::string& text);
[[nodiscard]] std::string argument(const Pools& pools, Focus& focus, const std::string& parameter,
                                   const std::string& type, Random& random);

}  // namespace functions
