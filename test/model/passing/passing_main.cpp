// usage: passing_test --setup FILE [--seed N] [--steps N] [--jobs N] [--round N] [--plant-hole NAME] [--no-shrink] [--verbose]
//
// No user ever holds, now or later, a right without a chain of grants from owners and operators: every right that a user
// gains by a member's step, the member held before it, in the same tenant or unit, on the same row and in the same year.
// Rounds of random steps by random members and their API keys; after each successful step, the test reads the tables back
// and compares the rights of every user, for every year in which a right begins or ends. A round that fails prints its seed
// and the shortest list of steps that shows it: --seed S --round R replays it. --plant-hole breaks the extension first, and
// then the run fails unless it finds the hole. The server is the one of PGHOST and PGPORT.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "../../tester/tester.hpp"
#include "../replay.hpp"
#include "passing_steps.hpp"

namespace passing {
namespace {

constexpr long round_size = 500;

struct Options : tester::Options {
    std::string setup;
    long steps = 100000;
};

// The change that a planted hole makes to the database.
const std::map<std::string, std::string>& holes() {
    static const std::string replace = "CREATE OR REPLACE FUNCTION bastion_internal.";
    static const std::string checks_nothing = " RETURNS void LANGUAGE sql AS 'SELECT'";
    static const std::map<std::string, std::string> all{
        {"", ""},
        // A right that is held for a time is passed on for good.
        {"time", replace +
                     "shortfall(pattern text, held_until timestamptz, lent_until timestamptz, valid_until timestamptz) "
                     "RETURNS text LANGUAGE sql AS $$ SELECT 'no' WHERE held_until IS NULL OR lent_until IS NULL $$"},
        // A pattern that a deny could overlap one day is passed on.
        {"overlap", replace + "patterns_overlap(a text, b text) RETURNS boolean LANGUAGE sql AS 'SELECT "
                              "bastion_internal.pattern_covers(a, b)'"},
        {"level", replace + "require_level(resource text, acl_id bigint, level smallint, valid_until timestamptz)" +
                      checks_nothing},
        {"key", replace + "lent_until(pattern text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT "
                          "'infinity'::timestamptz $$"},
        {"place", replace + "lent_in(unit_id uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true'"},
        {"gains", replace + "require_gains_held(unit_id uuid, new_parent uuid)" + checks_nothing},
        {"denies", replace + "require_denies_kept(unit_id uuid, new_parent uuid)" + checks_nothing},
        {"lift", replace + "require_lift(deny bastion.user_permissions)" + checks_nothing},
        {"invitation", replace + "may_still_invite(invitation bastion.invitations) RETURNS boolean LANGUAGE sql AS "
                                 "'SELECT true'"},
    };
    return all;
}

// A hole that made a function instead of replacing one breaks nothing.
const std::string must_replace =
    "DO $$ BEGIN IF EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace IN ('bastion'::regnamespace, "
    "'bastion_internal'::regnamespace) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass "
    "AND d.objid = p.oid AND d.deptype = 'e')) THEN RAISE EXCEPTION 'the hole replaces no function'; END IF; END $$";

Options parse_options(int argc, char** argv) {
    Options options;
    tester::parse(argc, argv, options, {{"--setup", &options.setup}, {"--steps", &options.steps}});
    if (!holes().contains(options.hole)) throw std::runtime_error("no hole is called " + options.hole);
    return options;
}

// The giver of a step, and the rights that the presented key leaves them.
struct Giver {
    int person;
    const Key* key;
    [[nodiscard]] Set lent(int year, int place, const World& world) const {
        if (key == nullptr) return ~Set{0};
        const bool in_place = key->unit == nobody || (place != whole_tenant && world.is_at_or_above(key->unit, place));
        return in_place && year < key->expires ? key->scopes : 0;
    }
    // On a row: a key that is limited to a unit works there, and sees the same lists as its user.
    [[nodiscard]] Set lent(int year) const { return key == nullptr ? ~Set{0} : year < key->expires ? key->scopes : 0; }
};

struct Picture {
    World world;
    Holdings holdings;
};

std::string complaint(int person, Set gain, const std::string& where, int year, int giver) {
    return "person " + std::to_string(person) + " gains " + names_of(gain) + " " + where + " in " +
           std::to_string(year) + ", which person " + std::to_string(giver) + " does not hold";
}

std::string where_is(int place) {
    return place == whole_tenant ? "in the whole tenant" : "in unit " + std::to_string(place);
}

// The rights that any user gains, by tenant or unit. A grant that waits for its user to become a member again does not
// count as given by this step.
std::string gained_in_places(const Picture& before, const Picture& after, const Giver& giver) {
    for (int person = 0; person < person_count; ++person)
        for (int year = 0; year < year_count; ++year)
            for (int place = 0; place < place_count; ++place) {
                const Holding& held = before.holdings[giver.person][year];
                const Set may = held.present ? held.in(place)&giver.lent(years[year], place, before.world) : 0;
                const Set gain = after.holdings[person][year].in(place) & ~before.holdings[person][year].in(place);
                if ((gain & ~may) != 0)
                    return complaint(person, gain & ~may, where_is(place), years[year], giver.person);
            }
    return "";
}

std::string gained_on_rows(const Picture& before, const Picture& after, const Giver& giver) {
    for (int person = 0; person < person_count; ++person)
        for (int year = 0; year < year_count; ++year)
            for (const Doc& doc : before.world.docs) {
                const Holding& held = before.holdings[giver.person][year];
                const Set may = held.present ? held.on(doc.id) & giver.lent(years[year]) : 0;
                const Set gain = after.holdings[person][year].on(doc.id) & ~before.holdings[person][year].on(doc.id);
                if ((gain & ~may) != 0)
                    return complaint(person, gain & ~may, "on row " + std::to_string(doc.id), years[year],
                                     giver.person);
            }
    return "";
}

// Moving or deleting a unit lifts no deny on its rows that the mover could not lift. What a share gives the members of a moved unit
// lifts none: denies in a unit do not apply to shared rows.
std::string lifted_on_rows(const Picture& before, const Picture& after, const Giver& giver) {
    for (int person = 0; person < person_count; ++person)
        for (int year = 0; year < year_count; ++year)
            for (const Doc& doc : before.world.docs) {
                if (doc.kind != "unit" || doc.unit == nobody) continue;
                const Holding& held = before.holdings[giver.person][year];
                const Set may = held.present ? held.in(doc.unit) & giver.lent(years[year], doc.unit, before.world) : 0;
                const Holding& former = before.holdings[person][year];
                const Set gain =
                    after.holdings[person][year].unshared.at(doc.id) & ~former.on(doc.id) & former.denied[doc.unit];
                if ((gain & ~may) != 0)
                    return complaint(person, gain & ~may, "on row " + std::to_string(doc.id), years[year],
                                     giver.person);
            }
    return "";
}

const Key* find_key(const World& world, const std::string& name) {
    for (const Key& key : world.keys)
        if (key.name == name) return &key;
    return nullptr;
}

// The member whose invitation was accepted. A refused invitation has no giver.
Giver inviter_of_accepted(const Step& step, const World& before, const World& after) {
    static const Key refused{};
    for (const Invitation& invitation : before.invitations) {
        const auto& open = after.invitations;
        if (std::find(open.begin(), open.end(), invitation) == open.end()) return {invitation.inviter, nullptr};
    }
    return {step.actor, &refused};
}

std::string judge(const Step& step, const Picture& before, const Picture& after) {
    if (step.kind == Kind::by_operator) return "";
    Giver giver{step.actor, step.key.empty() ? nullptr : find_key(before.world, step.key)};
    if (step.kind == Kind::accept) giver = inviter_of_accepted(step, before.world, after.world);
    std::string found = gained_in_places(before, after, giver);
    if (found.empty() && step.kind == Kind::share) found = gained_on_rows(before, after, giver);
    if (found.empty() && step.kind == Kind::units) found = lifted_on_rows(before, after, giver);
    return found;
}

// Two connections to a database, whose plans and caches live from round to round.
struct Bench {
    explicit Bench(const std::string& database)
        : application(database, "passing_app"), by_operator(database, "postgres") {}
    model::Connection application;
    model::Connection by_operator;
};

class Round {
public:
    explicit Round(Bench& bench) : bench_(bench) {
        bench_.by_operator.must("SELECT passing.reset()");
        picture_ = look();
    }
    [[nodiscard]] const World& world() const { return picture_.world; }
    [[nodiscard]] const std::map<std::string, long>& tally() const { return tally_; }

    // Empty, or the failure.
    std::string take(const Step& step) {
        const model::Answer answer =
            step.actor == nobody ? bench_.by_operator.run(step.sql) : bench_.application.run(statement(step));
        ++tally_[step.sql.substr(0, step.sql.find('(')) + " " + answer.error];
        if (!answer.error.empty())
            return answer.error.starts_with("XX") || answer.error.starts_with("08") ? answer.message : "";
        Picture after = look();
        std::string wrong = judge(step, picture_, after);
        picture_ = std::move(after);
        return wrong;
    }

    static std::string statement(const Step& step) {
        const std::string token =
            step.key.empty() ? "(SELECT token FROM passing.tokens WHERE person = " + std::to_string(step.actor) + ")"
                             : "(SELECT value FROM passing.kept WHERE name = '" + step.key + "')";
        const std::string where = step.kind == Kind::accept || !step.key.empty() ? "" : ", 'acme'";
        return "SELECT bastion.authenticate(" + token + where + "); SELECT " + step.sql;
    }

private:
    Picture look() {
        Picture out{parse(bench_.by_operator.must("SELECT passing.dump()").rows), {}};
        out.holdings = holdings_of(out.world);
        return out;
    }

    Bench& bench_;
    Picture picture_;
    std::map<std::string, long> tally_;
};

std::string replay(Bench& bench, const std::vector<Step>& steps, std::vector<Step>& done) {
    Round round(bench);
    done.clear();
    for (const Step& step : steps) {
        done.push_back(step);
        if (std::string wrong = round.take(step); !wrong.empty()) return wrong;
    }
    return "";
}

// Delta debugging (Zeller and Hildebrandt 2002).
void shrink(Bench& bench, const std::vector<Step>& steps) {
    std::vector<Step> best;
    std::string wrong = replay(bench, steps, best);
    if (wrong.empty()) {
        std::printf("It did not fail when it was replayed.\n");
        return;
    }
    for (std::size_t size = std::max<std::size_t>(best.size() / 2, 1);; size = std::max<std::size_t>(size / 2, 1)) {
        bool smaller = false;
        for (std::size_t begin = 0; begin < best.size();) {
            std::vector<Step> fewer(best.begin(), best.begin() + static_cast<long>(begin));
            if (begin + size < best.size())
                fewer.insert(fewer.end(), best.begin() + static_cast<long>(begin + size), best.end());
            std::vector<Step> done;
            const std::string still = replay(bench, fewer, done);
            if (!still.empty() && done.size() < best.size()) {
                best = done;
                wrong = still;
                smaller = true;
            } else {
                begin += size;
            }
        }
        if (size == 1 && !smaller) break;
    }
    std::printf("%zu steps are enough: %s\n", best.size(), wrong.c_str());
    for (const Step& step : best)
        std::printf("    %s;\n", step.actor == nobody ? step.sql.c_str() : Round::statement(step).c_str());
}

bool run_round(Bench& bench, const Options& options, long number, std::map<std::string, long>& tally) {
    Drawer drawer(options.seed * 1000003 + static_cast<unsigned long long>(number));
    Round round(bench);
    std::vector<Step> done;
    std::string wrong;
    while (wrong.empty() && static_cast<long>(done.size()) < round_size) {
        done.push_back(drawer.next(round.world(), static_cast<long>(done.size())));
        wrong = round.take(done.back());
    }
    for (const auto& [name, times] : round.tally()) tally[name] += times;
    if (wrong.empty()) return true;
    std::printf("FAILED --seed %llu --round %ld, step %zu: %s\n", options.seed, number, done.size(), wrong.c_str());
    if (options.shrinks) shrink(bench, done);
    return false;
}

std::string database_of(const std::string& original, int job) { return original + "_" + std::to_string(job); }

// Each job in a database of its own.
int work(const std::string& original, const Options& options, int job) {
    const long rounds = (options.steps + round_size - 1) / round_size;
    std::map<std::string, long> tally;
    bool good = true;
    long count = 0;
    Bench bench(database_of(original, job));
    for (long number = job; number < rounds && good; number += options.jobs) {
        if (options.round >= 0 && options.round != number) continue;
        good = run_round(bench, options, number, tally);
        count += round_size;
    }
    std::printf("%ld steps\n", count);
    if (options.verbose)
        for (const auto& [name, times] : tally) std::printf("  %-50s %ld\n", name.c_str(), times);
    std::fflush(stdout);
    return good ? 0 : 1;
}

void make_databases(const std::string& original, const Options& options) {
    model::Connection admin("postgres", "postgres");
    admin.must("CREATE DATABASE " + original);
    {
        model::Connection inside(original, "postgres");
        inside.must(tester::contents(options.setup));
        inside.must("SELECT passing.reset()");
        inside.must("SET bastion.access_token_lifetime = '1d'");
        inside.must(
            "INSERT INTO passing.tokens SELECT n, bastion.token_issue(passing.person(n), NULL) FROM "
            "generate_series(0, " +
            std::to_string(person_count - 1) + ") n");
        if (!options.hole.empty()) {
            inside.must(holes().at(options.hole));
            inside.must(must_replace);
        }
        inside.must("VACUUM ANALYZE");
    }
    for (int job = 0; job < options.jobs; ++job)
        admin.must("CREATE DATABASE " + database_of(original, job) + " TEMPLATE " + original);
}

void drop_databases(const std::string& original, const Options& options) {
    model::Connection admin("postgres", "postgres");
    for (int job = 0; job < options.jobs; ++job)
        admin.must("DROP DATABASE IF EXISTS " + database_of(original, job) + " WITH (FORCE)");
    admin.must("DROP DATABASE IF EXISTS " + original + " WITH (FORCE)");
}

}  // namespace
}  // namespace passing

int main(int argc, char** argv) {
    return tester::run([&] {
        const passing::Options options = passing::parse_options(argc, argv);
        std::printf("seed %llu, %ld steps\n", options.seed, options.steps);
        std::fflush(stdout);
        const std::string original = "passing_" + std::to_string(getpid());
        passing::make_databases(original, options);
        const int status = tester::run_jobs(
            options, [&](int job) { return passing::work(original, options, job); }, [](pid_t) {});
        passing::drop_databases(original, options);
        if (options.hole.empty()) return status;
        return tester::is_found(options.hole, status) ? 0 : 1;
    });
}
