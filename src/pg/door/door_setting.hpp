// The settings of pre_request(): where a request has its token, its tenant and its unit. Each is checked when it is set; the rules that
// they make live as long as the backend, until one of them changes.
#pragma once

#include "core/door/door_request.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {

// How refusals are raised: with a code of which PostgREST makes the status (PT401), or as its RAISE sqlstate 'PGRST' with headers.
enum class RequestErrors { pt, pgrst };

enum class RequestAudit { off, refused, all };

// Phase A: raises SQLSTATE F0000 when the stored value of a setting is invalid.
void require_valid_door();

// Phase B.
Result<const DoorRules*> door_rules();

RequestErrors request_errors() noexcept;
RequestAudit request_audit() noexcept;

// The role of requests with an identity; empty to keep the role of the front door.
const char* authenticated_role() noexcept;

// Hands the name of each rate limit of requests to `use`, with `identity`. Phases A and C.
void for_each_request_limit(void (*use)(std::string_view name, const Identity* identity),
                            const Identity* identity = nullptr);

}  // namespace bastion::pg
