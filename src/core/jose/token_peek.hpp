// What a token says without proof. For guesses that cost time and nothing else when they are wrong, such as for which
// tenant the next plan will run.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/encoding.hpp"

namespace bastion {

// The claim "tenant" of a JWT, if its payload has the form in which this project writes it: compact JSON, and a UUID.
// Verifies nothing. Without a claim, for another form and when memory runs out: none.
[[nodiscard]] std::optional<Uuid> peek_tenant(std::string_view token) noexcept;

}  // namespace bastion
