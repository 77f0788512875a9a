// The limits of attempts: each rule at its edges, what gives way in a full set, and a day of guesses from 100,000 addresses.
#include "core/throttle/throttle.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "unit/base/words.hpp"

namespace {

using bastion::as_bytes;
using bastion::HashId;
using bastion::HmacKey;
using bastion::Micros;
using bastion::ThrottleCount;
using bastion::ThrottleHome;
using bastion::ThrottleKey;
using bastion::ThrottleKind;
using bastion::ThrottleSet;
using bastion::test::words;

constexpr Micros second = 1'000'000;
constexpr Micros minute = 60 * second;
constexpr Micros hour = 60 * minute;
constexpr Micros day = 24 * hour;
constexpr Micros start = 800'000 * hour;
constexpr std::uint32_t database = 5;

HmacKey secret() { return std::move(*HmacKey::create(HashId::sha256, as_bytes(std::string(32, 's')))); }

ThrottleKey key_of(ThrottleKind kind, std::string_view value) {
    static const HmacKey key = secret();
    return *bastion::throttle_key(key, database, kind, value);
}

// Attempts on one value of a kind.
struct Attempts {
    explicit Attempts(ThrottleKind of, std::string_view value = "ann") : kind(of), key(key_of(of, value)) {}

    Micros charge(Micros now) { return throttle_charge(set, home, key, kind, database, now); }
    Micros peek(Micros now) const { return throttle_peek(set, key, kind, now); }
    void refund(Micros now) { throttle_refund(set, key, now); }
    int accepted(int attempts, Micros now) {
        int count = 0;
        for (int i = 0; i < attempts; ++i) count += charge(now) == 0 ? 1 : 0;
        return count;
    }

    ThrottleKind kind;
    ThrottleKey key;
    ThrottleSet set{};
    ThrottleHome home = ThrottleHome::here;
};

TEST(Throttle, AnAccountHasTenAttemptsAndOneMoreInSixMinutes) {
    Attempts account(ThrottleKind::account);
    EXPECT_EQ(account.accepted(50, start), 10);
    EXPECT_EQ(account.peek(start), 6 * minute);
    EXPECT_EQ(account.accepted(5, start + 6 * minute - 1), 0);
    EXPECT_EQ(account.accepted(5, start + 6 * minute), 1);
    EXPECT_EQ(account.accepted(50, start + 10 * hour), 10);
}

TEST(Throttle, ARefusedAttemptCostsNothing) {
    Attempts account(ThrottleKind::account);
    EXPECT_EQ(account.accepted(10, start), 10);
    EXPECT_EQ(account.accepted(1000, start), 0);
    EXPECT_EQ(account.peek(start + 6 * minute), 0);
}

TEST(Throttle, TheHundredthFailureStopsAnAccountForADay) {
    Attempts account(ThrottleKind::account);
    Micros now = start;
    for (int i = 0; i < 100; ++i, now += 6 * minute) {
        SCOPED_TRACE(words(i));
        ASSERT_EQ(account.charge(now), 0);
    }
    const Micros last = now - 6 * minute;
    EXPECT_EQ(account.charge(now), last + day - now);
    EXPECT_EQ(account.accepted(5, last + day - 1), 0);
    EXPECT_EQ(account.accepted(50, last + day), 10);
}

TEST(Throttle, ASuccessTakesItsOwnChargeBack) {
    Attempts account(ThrottleKind::account);
    for (int i = 0; i < 99; ++i) {
        SCOPED_TRACE(words(i));
        ASSERT_EQ(account.charge(start + i * hour / 2), 0);
    }
    const Micros now = start + 60 * hour;
    for (int i = 0; i < 50; ++i) {
        SCOPED_TRACE(words(i));
        ASSERT_EQ(account.charge(now), 0);
        account.refund(now);
    }
    EXPECT_EQ(account.set.entries[0].failures, 99);
    EXPECT_EQ(account.charge(now), 0);
    EXPECT_GT(account.charge(now + hour), 0);
}

TEST(Throttle, ASuccessLeavesNoEntryBehind) {
    Attempts account(ThrottleKind::account);
    ASSERT_EQ(account.charge(start), 0);
    account.refund(start + second);
    EXPECT_EQ(account.set.entries[0].kind, ThrottleKind::none);
}

TEST(Throttle, ADeviceFailsTenTimesInARow) {
    Attempts device(ThrottleKind::device);
    EXPECT_EQ(device.accepted(9, start), 9);
    ASSERT_EQ(device.charge(start), 0);
    device.refund(start);
    EXPECT_EQ(device.accepted(50, start + hour), 10);
    EXPECT_EQ(device.accepted(50, start + 29 * day), 0);
}

TEST(Throttle, EveryKindHasItsLimit) {
    const std::map<ThrottleKind, int> limits = {
        {ThrottleKind::account, 10},     {ThrottleKind::address, 20}, {ThrottleKind::network, 200},
        {ThrottleKind::pair, 5},         {ThrottleKind::device, 10},  {ThrottleKind::code, 5},
        {ThrottleKind::code_of_user, 5}, {ThrottleKind::mail, 20},    {ThrottleKind::signup, 20}};
    for (const auto& [kind, limit] : limits) {
        SCOPED_TRACE(words(static_cast<int>(kind), limit));
        Attempts attempts(kind);
        EXPECT_EQ(attempts.accepted(1000, start), limit);
    }
}

TEST(Throttle, AClockThatIsSetBackMakesNobodyWaitLonger) {
    Attempts account(ThrottleKind::account);
    EXPECT_EQ(account.accepted(50, start), 10);
    const Micros before = start - 365 * day;
    EXPECT_EQ(account.peek(before), 6 * minute);
    EXPECT_EQ(throttle_report(account.set, account.key, before), 1U);
    EXPECT_EQ(account.accepted(50, before + 6 * minute), 1);
    Attempts stopped(ThrottleKind::code);
    EXPECT_EQ(stopped.accepted(50, start), 5);
    EXPECT_EQ(stopped.peek(before), day);
}

TEST(Throttle, ClearingForgetsEveryAttempt) {
    Attempts account(ThrottleKind::account);
    EXPECT_FALSE(throttle_clear(account.set, account.key, start));
    EXPECT_EQ(account.accepted(50, start), 10);
    EXPECT_TRUE(throttle_clear(account.set, account.key, start));
    EXPECT_EQ(account.accepted(50, start), 10);
}

TEST(Throttle, RefusalsAreReportedOnceInAMinute) {
    Attempts account(ThrottleKind::account);
    EXPECT_EQ(throttle_report(account.set, account.key, start), 0U);
    EXPECT_EQ(account.accepted(10, start), 10);
    EXPECT_EQ(throttle_report(account.set, account.key, start), 1U);
    for (int i = 0; i < 20; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(throttle_report(account.set, account.key, start + minute - 1), 0U);
    }
    EXPECT_EQ(throttle_report(account.set, account.key, start + minute), 21U);
}

TEST(Throttle, KeysDependOnEverything) {
    const HmacKey other = std::move(*HmacKey::create(HashId::sha256, as_bytes(std::string(32, 't'))));
    const ThrottleKey key = key_of(ThrottleKind::account, "ann");
    EXPECT_EQ(key, key_of(ThrottleKind::account, "ann"));
    EXPECT_NE(key, key_of(ThrottleKind::pair, "ann"));
    EXPECT_NE(key, key_of(ThrottleKind::account, "bob"));
    EXPECT_NE(key, *bastion::throttle_key(secret(), database + 1, ThrottleKind::account, "ann"));
    EXPECT_NE(key, *bastion::throttle_key(other, database, ThrottleKind::account, "ann"));
}

// Charges one attempt of another value in the same set.
Micros intrude(Attempts& attempts, ThrottleKind kind, int number, Micros now) {
    return throttle_charge(attempts.set, attempts.home, key_of(kind, std::to_string(number)), kind, database, now);
}

TEST(Throttle, InAFullSetTheSmallestDebtOfAnAddressGivesWay) {
    Attempts address(ThrottleKind::address);
    EXPECT_EQ(address.accepted(20, start), 20);
    for (int i = 0; i < 1000; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(intrude(address, ThrottleKind::address, i, start), 0);
    }
    EXPECT_GT(address.peek(start), 0);
}

TEST(Throttle, AnAccountThatNoTableHasDoesNotGiveWay) {
    Attempts account(ThrottleKind::account);
    account.home = ThrottleHome::table;
    EXPECT_EQ(account.accepted(10, start), 10);
    for (int i = 0; i < 3; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(intrude(account, ThrottleKind::account, i, start), 0);
    }
    EXPECT_EQ(intrude(account, ThrottleKind::account, 3, start), bastion::crowded_wait);
    EXPECT_EQ(intrude(account, ThrottleKind::address, 4, start), bastion::crowded_wait);
    for (auto& entry : account.set.entries) entry.saved_version = entry.version;
    EXPECT_EQ(intrude(account, ThrottleKind::account, 5, start), 0);
}

TEST(Throttle, WithoutATableAnAccountThatOwesDoesNotGiveWay) {
    Attempts account(ThrottleKind::account);
    EXPECT_EQ(account.accepted(10, start), 10);
    for (int i = 0; i < 3; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(intrude(account, ThrottleKind::account, i, start), 0);
    }
    EXPECT_EQ(intrude(account, ThrottleKind::account, 3, start), bastion::crowded_wait);
    // The debts of the three are paid, and theirs are the fewest failures.
    for (int i = 4; i < 100; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(intrude(account, ThrottleKind::account, i, start + i * 10 * minute), 0);
    }
    EXPECT_EQ(account.set.entries[0].failures, 10);
}

TEST(Throttle, AnEntryComesBackFromTheTable) {
    Attempts account(ThrottleKind::account);
    const ThrottleCount saved{start + hour, start, 99};
    ASSERT_TRUE(throttle_load(account.set, account.key, account.kind, database, saved, start));
    EXPECT_EQ(account.peek(start), 6 * minute);
    EXPECT_EQ(account.charge(start + 6 * minute), 0);
    EXPECT_GT(account.peek(start + 3 * hour), 0);
    // What is here already is newer.
    ASSERT_TRUE(throttle_load(account.set, account.key, account.kind, database, {start, start, 0}, start));
    EXPECT_GT(account.peek(start + 3 * hour), 0);
}

// The sets of a server and the table to which a worker saves them, once a second of their clock.
class Server {
public:
    Micros charge(ThrottleKind kind, const ThrottleKey& key, Micros now) {
        save(now);
        ThrottleSet& set = set_of(key);
        return load(set, kind, key, now) ? throttle_charge(set, ThrottleHome::table, key, kind, database, now)
                                         : bastion::crowded_wait;
    }
    void refund(const ThrottleKey& key, Micros now) { throttle_refund(set_of(key), key, now); }
    Micros peek(ThrottleKind kind, const ThrottleKey& key, Micros now) {
        ThrottleSet& set = set_of(key);
        return load(set, kind, key, now) ? throttle_peek(set, key, kind, now) : bastion::crowded_wait;
    }

private:
    ThrottleSet& set_of(const ThrottleKey& key) {
        ThrottleSet& set = sets_[throttle_place(key, static_cast<std::uint32_t>(sets_.size()))];
        touched_.push_back(&set);
        return set;
    }
    bool load(ThrottleSet& set, ThrottleKind kind, const ThrottleKey& key, Micros now) {
        const auto saved = table_.find(key.bytes);
        return saved == table_.end() || throttle_load(set, key, kind, database, saved->second, now);
    }
    void save(Micros now) {
        if (now < saved_at_ + second) return;
        saved_at_ = now;
        for (ThrottleSet* set : touched_)
            for (auto& entry : set->entries)
                if (entry.is_unsaved()) {
                    table_[entry.key.bytes] = {entry.paid_until, entry.charged_at, entry.failures};
                    entry.saved_version = entry.version;
                    entry.is_in_table = true;
                }
        touched_.clear();
    }

    std::vector<ThrottleSet> sets_ = std::vector<ThrottleSet>(16384);
    std::vector<ThrottleSet*> touched_;
    std::map<std::array<std::uint8_t, 16>, ThrottleCount> table_;
    Micros saved_at_ = 0;
};

// As password_attempt() does: looks at all counters first, then charges all.
bool guess(Server& server, const ThrottleKey& account, const std::string& address, const std::string& name,
           Micros now) {
    const ThrottleKey from = key_of(ThrottleKind::address, address);
    const ThrottleKey pair = key_of(ThrottleKind::pair, name + '\n' + address);
    if (server.peek(ThrottleKind::account, account, now) > 0 || server.peek(ThrottleKind::address, from, now) > 0 ||
        server.peek(ThrottleKind::pair, pair, now) > 0)
        return false;
    return server.charge(ThrottleKind::account, account, now) == 0 &&
           server.charge(ThrottleKind::address, from, now) == 0 && server.charge(ThrottleKind::pair, pair, now) == 0;
}

TEST(Throttle, AMillionGuessesInADayAreAHundred) {
    constexpr int guesses = 1'000'000;
    constexpr int addresses = 100'000;
    constexpr int others = 200'000;
    constexpr int logins = 40;
    Server server;
    const ThrottleKey victim = key_of(ThrottleKind::account, "ann");
    const ThrottleKey device = key_of(ThrottleKind::device, "anns device");
    int evaluated = 0;
    int logged_in = 0;
    for (int i = 0; i < guesses; ++i) {
        const Micros now = start + i * (day / guesses);
        const std::string address = std::to_string(i % addresses);
        evaluated += guess(server, victim, address, "ann", now) ? 1 : 0;
        if (i % (guesses / others) == 1) {
            const std::string name = "other" + std::to_string(i);
            (void)guess(server, key_of(ThrottleKind::account, name), address, name, now);
        }
        if (i % (guesses / logins) == 0 && server.charge(ThrottleKind::device, device, now) == 0) {
            server.refund(device, now);
            ++logged_in;
        }
    }
    EXPECT_EQ(evaluated, 100);
    EXPECT_EQ(logged_in, logins);
}

}  // namespace
