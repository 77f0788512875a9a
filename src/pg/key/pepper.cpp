#include "pg/key/pepper.hpp"

#include "core/base/hmac.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t pepper_size = 32;
// Only an operator makes versions.
constexpr std::size_t max_peppers = 64;

std::unordered_map<int32, HmacKey> peppers;

std::string label(int32 version) { return sealed_aad("", "pepper", std::to_string(version)); }

std::string_view read_sealed(int32 version) {
    ColumnValue row[] = {{"sealed", 0, true}};
    if (!read_row("peppers", "peppers_pkey", "version", F_INT4EQ, Int32GetDatum(version), row) || row[0].is_null)
        ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '3')), errmsg("sealed value cannot be opened"),
                        errdetail_log("There is no pepper %d.", version)));
    return view(DatumGetByteaPP(row[0].value));
}

}  // namespace

struct varlena* make_pepper(int32 data_key, int32 version) {
    const auto id = static_cast<std::uint32_t>(data_key);
    DataKey& key = need_data_key(id);
    struct varlena* sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        SecretBytes pepper(pepper_size);
        random_bytes({pepper.data(), pepper.size()});
        Result<Bytes> made = key.sealer.value().seal(pepper.span(), id, label(version));
        if (!made) return made.error();
        return store(sealed, as_text(*made));
    });
    return sealed;
}

void need_pepper(int32 version) {
    if (peppers.find(version) != peppers.end()) return;
    const std::string_view sealed = read_sealed(version);
    DataKey& data_key = need_data_key(sealing_key_id(sealed));
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> opened = data_key.sealer.value().open(as_bytes(sealed), label(version));
        if (!opened) return opened.error();
        Result<HmacKey> key = HmacKey::create(HashId::sha256, opened->span());
        if (!key) return key.error();
        if (peppers.size() >= max_peppers) peppers.clear();
        peppers.emplace(version, std::move(*key));
        return {};
    });
}

const HmacKey& cached_pepper(int32 version) { return peppers.at(version); }

namespace {

void forget_peppers() noexcept { peppers.clear(); }

const CacheListener listener(keys_invalidation(), forget_peppers);

}  // namespace

}  // namespace bastion::pg
