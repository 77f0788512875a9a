// Entries of the log of changes: the bytes of the documented format, every refusal of the reader, and what happens to values that do
// not fit.
#include "core/audit/entry.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/base/json.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::as_bytes;
using bastion::as_text;
using bastion::encode_entry;
using bastion::Entry;
using bastion::entry_era;
using bastion::entry_json;
using bastion::entry_most_bytes;
using bastion::EntryColumn;
using bastion::EntryKey;
using bastion::EntryKind;
using bastion::EntrySide;
using bastion::EntryTag;
using bastion::EntryValue;
using bastion::read_entry;
using bastion::Uuid;
using bastion::test::words;

EntryValue plain(std::string_view text) { return {EntryTag::plain, as_bytes(text)}; }

Uuid uuid_of(std::uint8_t byte) {
    Uuid out;
    out.bytes.fill(byte);
    return out;
}

// One of everything.
struct Sample {
    std::vector<EntryKey> key{{"id", plain("7")}};
    std::vector<Uuid> actors{uuid_of(3), uuid_of(4)};
    std::vector<EntryColumn> columns{{"title", EntrySide::old_value, plain("a")},
                                     {"title", EntrySide::new_value, {}},
                                     {"secret", EntrySide::new_value, {EntryTag::redacted, {}}}};
    Entry entry;

    Sample() {
        entry.era = 1;
        entry.xid = 2;
        entry.seq = 3;
        entry.time = -4;
        entry.relation = "public.docs";
        entry.op = "UPDATE";
        entry.key = key;
        entry.tenant = uuid_of(1);
        entry.user = uuid_of(2);
        entry.actors = actors;
        entry.session = uuid_of(5);
        entry.method = "delegation";
        entry.role = "app";
        entry.address = plain("192.0.2.1");
        entry.columns = columns;
    }
};

std::string hex_of(std::string_view bytes) { return bastion::hex_encode(as_bytes(bytes)); }

TEST(Entry, HasTheDocumentedBytes) {
    const Sample sample;
    const auto bytes = encode_entry(sample.entry);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(hex_of(*bytes),
              "01"
              "0000000000000001"
              "0000000000000002"
              "0000000000000003"
              "fffffffffffffffc"
              "01"
              "000b7075626c69632e646f6373"
              "0006555044415445"
              "01"
              "00026964"
              "01000137"
              "0101010101010101010101010101010101"
              "0102020202020202020202020202020202"
              "02"
              "03030303030303030303030303030303"
              "04040404040404040404040404040404"
              "00"
              "0105050505050505050505050505050505"
              "00"
              "00"
              "000a64656c65676174696f6e"
              "0003617070"
              "0000"
              "0100093139322e302e322e31"
              "00"
              "0003"
              "00057469746c65"
              "01"
              "01000161"
              "00057469746c65"
              "02"
              "00"
              "0006736563726574"
              "02"
              "03");
}

TEST(Entry, IsReadAsItWasWritten) {
    const Sample sample;
    const auto bytes = encode_entry(sample.entry);
    ASSERT_TRUE(bytes);
    const auto read = read_entry(as_bytes(*bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->entry.time, -4);
    EXPECT_EQ(read->entry.columns.size(), 3U);
    EXPECT_EQ(
        entry_json(read->entry),
        R"({"kind":"row","relation":"public.docs","op":"UPDATE","key":{"id":"7"},"tenant":"01010101-0101-0101-0101-010101010101",)"
        R"("user":"02020202-0202-0202-0202-020202020202","actors":["03030303-0303-0303-0303-030303030303","04040404-0404-0404-0404-040404040404"],)"
        R"("session":"05050505-0505-0505-0505-050505050505","method":"delegation","role":"app","address":"192.0.2.1",)"
        R"("old":{"title":"a"},"new":{"title":null,"secret":{"redacted":true}}})");
    const auto again = encode_entry(read->entry);
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *bytes);
}

TEST(Entry, IsRefusedWhenCutOrLonger) {
    const Sample sample;
    const auto bytes = encode_entry(sample.entry);
    ASSERT_TRUE(bytes);
    for (std::size_t size = 0; size < bytes->size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_FALSE(read_entry(as_bytes(bytes->substr(0, size))));
    }
    EXPECT_FALSE(read_entry(as_bytes(*bytes + "x")));
}

// Each of these bytes has fewer values than 256.
TEST(Entry, IsRefusedWithAnUnknownTagOrNumber) {
    const Sample sample;
    const auto bytes = encode_entry(sample.entry);
    ASSERT_TRUE(bytes);
    const struct {
        std::size_t place;
        char value;
    } cases[] = {{0, 0},
                 {0, 2},
                 {33, 0},
                 {33, 5},
                 {60, 5},
                 {64, 2},
                 {98, 9},
                 {bytes->size() - 2, 0},
                 {bytes->size() - 2, 3},
                 {bytes->size() - 1, 5}};
    for (const auto& [place, value] : cases) {
        SCOPED_TRACE(words(place, static_cast<int>(value)));
        std::string changed = *bytes;
        changed[place] = value;
        EXPECT_FALSE(read_entry(as_bytes(changed)));
    }
}

TEST(Entry, RefusesAZeroByteInAText) {
    Sample sample;
    sample.columns[0].value = plain(std::string_view("a\0b", 3));
    EXPECT_FALSE(encode_entry(sample.entry));
    sample.columns[0].value = plain("a");
    sample.entry.op = std::string_view("\0", 1);
    EXPECT_FALSE(encode_entry(sample.entry));
    auto bytes = encode_entry(Sample().entry);
    ASSERT_TRUE(bytes);
    (*bytes)[bytes->find("public")] = '\0';
    EXPECT_FALSE(read_entry(as_bytes(*bytes)));
}

TEST(Entry, RefusesMoreThanItsNumbersHold) {
    Sample sample;
    const std::vector<Uuid> many(9);
    sample.entry.actors = many;
    EXPECT_FALSE(encode_entry(sample.entry));
    sample.entry.actors = std::span(many).first(8);
    EXPECT_TRUE(encode_entry(sample.entry));
    const std::vector<EntryKey> keys(256);
    sample.entry.key = keys;
    EXPECT_FALSE(encode_entry(sample.entry));
    sample.entry.key = {};
    const std::string long_name(70000, 'x');
    sample.entry.relation = long_name;
    EXPECT_FALSE(encode_entry(sample.entry));
}

TEST(Entry, TakesTheDigestOfTheLargestValue) {
    const std::string large(50000, 'a');
    const std::string smaller(20000, 'b');
    const std::vector<EntryColumn> columns{{"x", EntrySide::new_value, plain(smaller)},
                                           {"y", EntrySide::new_value, plain(large)},
                                           {"z", EntrySide::new_value, plain(large)}};
    Entry entry;
    entry.columns = columns;
    const auto bytes = encode_entry(entry);
    ASSERT_TRUE(bytes);
    EXPECT_LE(bytes->size(), entry_most_bytes);
    const auto read = read_entry(as_bytes(*bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->columns[0].value.tag, EntryTag::plain);
    // both, for the second one does not fit beside the first column
    EXPECT_EQ(read->columns[1].value.tag, EntryTag::digest);
    EXPECT_EQ(read->columns[2].value.tag, EntryTag::digest);
    EXPECT_EQ(hex_of(as_text(read->columns[1].value.bytes)),
              "77a0f923b96d18567b52376c56638acc5f030009735888bc47f2da5b4b65e3af");
}

TEST(Entry, RedactsSealedValuesThatDoNotFit) {
    const std::string large(50000, 's');
    const std::string smaller(20000, 'b');
    const std::vector<EntryColumn> columns{{"x", EntrySide::new_value, {EntryTag::sealed, as_bytes(smaller)}},
                                           {"y", EntrySide::new_value, {EntryTag::sealed, as_bytes(large)}},
                                           {"z", EntrySide::new_value, plain(smaller)}};
    Entry entry;
    entry.columns = columns;
    const auto bytes = encode_entry(entry);
    ASSERT_TRUE(bytes);
    const auto read = read_entry(as_bytes(*bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->columns[0].value.tag, EntryTag::sealed);
    EXPECT_EQ(read->columns[1].value.tag, EntryTag::redacted);
    EXPECT_EQ(read->columns[2].value.tag, EntryTag::plain);
}

TEST(Entry, HasNoShreddedValues) {
    const std::vector<EntryColumn> columns{{"x", EntrySide::new_value, {EntryTag::shredded, {}}}};
    Entry entry;
    entry.columns = columns;
    EXPECT_FALSE(encode_entry(entry));
    EXPECT_NE(entry_json(entry).find(R"("x":{"shredded":true})"), std::string::npos);
}

TEST(Entry, TakesTheFirstOfEqualOnes) {
    const std::string large(40000, 'a');
    const std::vector<EntryColumn> columns{{"x", EntrySide::new_value, plain(large)},
                                           {"y", EntrySide::new_value, plain(large)}};
    Entry entry;
    entry.columns = columns;
    const auto bytes = encode_entry(entry);
    ASSERT_TRUE(bytes);
    const auto read = read_entry(as_bytes(*bytes));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->columns[0].value.tag, EntryTag::digest);
    EXPECT_EQ(read->columns[1].value.tag, EntryTag::plain);
}

// The limit itself fits.
TEST(Entry, KeepsAValueThatJustFits) {
    Entry entry;
    const std::size_t rest = entry_most_bytes - encode_entry(entry)->size() - 6;
    for (const std::size_t more : {0U, 1U}) {
        SCOPED_TRACE(words(more));
        const std::string text(rest - 1 + more, 'a');
        const std::vector<EntryColumn> columns{{"c", EntrySide::new_value, plain(text)}};
        entry.columns = columns;
        const auto bytes = encode_entry(entry);
        ASSERT_TRUE(bytes);
        EXPECT_EQ(bytes->size() == entry_most_bytes, more == 0);
        EXPECT_EQ(read_entry(as_bytes(*bytes))->columns[0].value.tag, more == 0 ? EntryTag::plain : EntryTag::digest);
    }
}

TEST(Entry, TakesOneDigestOfTooManyColumns) {
    const std::string name(63, 'n');
    const std::vector<EntryColumn> columns(3200, {name, EntrySide::old_value, plain("short")});
    Entry entry;
    entry.columns = columns;
    const auto bytes = encode_entry(entry);
    ASSERT_TRUE(bytes);
    const auto read = read_entry(as_bytes(*bytes));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->columns.size(), 1U);
    EXPECT_EQ(read->columns[0].name, "");
    EXPECT_EQ(read->columns[0].value.tag, EntryTag::digest);
}

TEST(Entry, IsRefusedAboveItsSize) { EXPECT_FALSE(read_entry(as_bytes(std::string(entry_most_bytes + 1, '\1')))); }

TEST(Entry, EachPlaceHasItsOwnEra) {
    std::set<std::int64_t> eras;
    for (const std::uint64_t system : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}})
        for (const std::uint32_t timeline : {0U, 1U, 2U, 0x01000000U})
            for (const std::uint32_t database : {1U, 5U, 0xFFFFFFFFU})
                eras.insert(entry_era(system, timeline, database).value());
    EXPECT_EQ(eras.size(), 48U);
    EXPECT_GT(*eras.begin(), 0);
}

// printf 'pg_bastion era\x68\x00\x00\x00\x00\x00\x00\x2a\x00\x00\x00\x01\x00\x00\x00\x05' | sha256sum
TEST(Entry, AnEraIsTheHashOfItsPlace) { EXPECT_EQ(entry_era(0x680000000000002A, 1, 5).value(), 286967316828169507); }

}  // namespace
