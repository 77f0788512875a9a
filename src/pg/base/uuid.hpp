// A uuid as PostgreSQL has it and as core does.
#pragma once

#include "core/base/encoding.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

static_assert(sizeof(Uuid::bytes) == UUID_LEN);

inline Uuid core_uuid(const pg_uuid_t& uuid) noexcept {
    Uuid out;
    std::memcpy(out.bytes.data(), uuid.data, UUID_LEN);
    return out;
}

inline pg_uuid_t server_uuid(const Uuid& uuid) noexcept {
    pg_uuid_t out;
    std::memcpy(out.data, uuid.bytes.data(), UUID_LEN);
    return out;
}

}  // namespace bastion::pg
