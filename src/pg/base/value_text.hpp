// Text on its way into and out of the vault: UTF-8 inside, independent of the encoding of the database, so that a value
// opens after a restore into a database with another one. No error here names a byte of a value.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// The bytes of a text argument in UTF-8; those of the argument itself if the database uses UTF-8.
std::string_view utf8_of(const struct varlena* text);

// The text over UTF-8 bytes, in the encoding of the database; raises 22021 when they are not valid text there. The
// given value becomes the result, or is wiped.
struct varlena* text_of_utf8(struct varlena* utf8);

// Overwrites a plaintext that is not returned.
void wipe(struct varlena* value) noexcept;

}  // namespace bastion::pg
