#include "pg/key/pepper.hpp"

#include "core/base/hmac.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/key_message.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t pepper_size = 32;

// Only an operator creates versions.
BackendCache<HmacKey, sizeof(int32)> peppers("peppers", keys_invalidation(), {64, mebibyte});

std::string label(int32 version) { return sealed_aad("", "pepper", std::to_string(version)); }

// A pepper's sealed bytes and the key that opens them.
struct PepperRow {
    ByteSpan sealed;
    DataKey* data_key;
};

std::optional<PepperRow> read_pepper(int32 version) {
    ColumnValue row[] = {{"sealed", 0, true}};
    if (!read_row("peppers", "peppers_pkey", "version", F_INT4EQ, Int32GetDatum(version), row) || row[0].is_null)
        return {};
    const ByteSpan sealed = view(DatumGetByteaPP(row[0].value));
    return PepperRow{sealed, &need_data_key(sealing_key_id(sealed))};
}

Result<Loaded<HmacKey>> open_pepper(int32 version, const PepperRow& row) {
    Result<SecretBytes> opened = row.data_key->sealer.value().open(row.sealed, label(version));
    if (!opened) return opened.error();
    Result<HmacKey> key = HmacKey::create(HashId::sha256, opened->span());
    if (!key) return key.error();
    return Loaded<HmacKey>{std::move(*key)};
}

}  // namespace

struct varlena* make_pepper(int32 data_key, int32 version, ByteSpan given) {
    const auto id = static_cast<std::uint32_t>(data_key);
    DataKey& key = need_data_key(id);
    struct varlena* sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        SecretBytes random(pepper_size);
        if (given.empty()) random_bytes({random.data(), random.size()});
        Result<Bytes> made = key.sealer.value().seal(given.empty() ? random.span() : given, id, label(version));
        if (!made) return made.error();
        return store(sealed, *made);
    });
    return sealed;
}

const HmacKey* find_pepper(int32 version) {
    const CacheKey<sizeof(int32)> key(version);
    return peppers.get(
        key, [&] { return read_pepper(version); }, [&](const PepperRow& row) { return open_pepper(version, row); });
}

const HmacKey& need_pepper(int32 version) {
    const HmacKey* const pepper = find_pepper(version);
    if (pepper == nullptr)
        ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '3')), errmsg("sealed value cannot be opened"),
                        errdetail_log("There is no pepper %d.", version)));
    return *pepper;
}

}  // namespace bastion::pg
