// Flags: the published cases of flagd (open-feature/flagd-testbed, evaluator/gherkin, integer buckets), the comparisons of JsonLogic,
// what a definition may be, and roll-outs over many keys.
#include "core/flag/flag.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/base/words.hpp"

namespace {

using bastion::evaluate_flag;
using bastion::Flag;
using bastion::FlagError;
using bastion::FlagOutcome;
using bastion::FlagSubject;
using bastion::FlagType;
using bastion::parse_flag;
using bastion::parse_json;
using bastion::Result;
using bastion::test::words;

// "variant REASON ERROR" of a flag for a context, a JSON object whose targetingKey counts.
std::string verdict(std::string_view key, const Flag& flag, const std::string& context) {
    const auto document = parse_json(context, 1 << 20);
    FlagSubject subject{};
    subject.attributes = document.value().root();
    if (const auto name = subject.attributes->find("targetingKey")) subject.targeting_key = *name->string();
    const std::string roles[] = {"beta", "staff"};
    subject.roles = roles;
    subject.user = "u1";
    subject.level = "aal2";
    subject.seconds = 1'700'000'000;
    const FlagOutcome outcome = evaluate_flag(flag, key, subject, {});
    std::string out = outcome.variant != nullptr ? outcome.variant->name + " " : "";
    out += word_of(outcome.reason);
    if (outcome.error != FlagError::none) out.append(" ").append(word_of(outcome.error));
    return out;
}

std::string verdict(std::string_view key, const std::string& definition, const std::string& context) {
    const Result<Flag> flag = parse_flag(definition);
    return flag ? verdict(key, *flag, context) : "refused: " + flag.error().detail;
}

std::string suits(const std::string& seed) {
    return R"({"variants":{"clubs":"c","diamonds":"d","hearts":"h","spades":"s","wild":"w"},"defaultVariant":"wild","targeting":)"
           R"({"fractional":[{"cat":[)" +
           seed + R"(,{"var":"user.name"}]},["clubs",25],["diamonds",25],["hearts",25],["spades",25]]}})";
}

TEST(Flag, BucketsAsTheTestbedOfFlagd) {
    const struct {
        const char* key;
        std::string definition;
        const char* context;
        const char* variant;
    } cases[] = {
        {"fractional-flag", suits(R"({"var":"$flagd.flagKey"})"), R"({"user":{"name":"jack"}})", "hearts"},
        {"fractional-flag", suits(R"({"var":"$flagd.flagKey"})"), R"({"user":{"name":"queen"}})", "spades"},
        {"fractional-flag", suits(R"({"var":"$flagd.flagKey"})"), R"({"user":{"name":"ten"}})", "clubs"},
        {"fractional-flag", suits(R"({"var":"$flagd.flagKey"})"), R"({"user":{"name":"nine"}})", "diamonds"},
        {"fractional-flag", suits(R"({"var":"$flagd.flagKey"})"), R"({"user":{"name":3}})", "clubs"},
        {"a", suits(R"("shared-seed")"), R"({"user":{"name":"seven"}})", "hearts"},
        {"a", suits(R"("shared-seed")"), R"({"user":{"name":"eight"}})", "diamonds"},
        {"b", suits(R"("shared-seed")"), R"({"user":{"name":"nine"}})", "clubs"},
        {"b", suits(R"("shared-seed")"), R"({"user":{"name":"two"}})", "spades"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.key, each.context));
        EXPECT_EQ(verdict(each.key, each.definition, each.context), std::string(each.variant) + " TARGETING_MATCH");
    }
}

TEST(Flag, BucketsTargetingKeysAsTheTestbedOfFlagd) {
    const std::string coin =
        R"({"variants":{"heads":1,"tails":2,"draw":3},"defaultVariant":"draw","targeting":{"fractional":[["heads"],["tails",1]]}})";
    const std::string edge =
        R"({"variants":{"lower":1,"upper":2},"defaultVariant":"lower","targeting":{"fractional":[{"var":"targetingKey"},["lower",50],["upper",50]]}})";
    const std::string tier =
        R"({"variants":{"premium":1,"standard":2,"fallback":3},"defaultVariant":"fallback","targeting":{"fractional":[{"var":"targetingKey"},)"
        R"([{"if":[{"==":[{"var":"tier"},"premium"]},"premium","standard"]},50],["standard",50]]}})";
    const std::string weight =
        R"({"variants":{"red":1,"blue":2,"fallback":3},"defaultVariant":"fallback","targeting":{"fractional":[{"var":"targetingKey"},)"
        R"(["red",{"if":[{"==":[{"var":"tier"},"premium"]},100,0]}],["blue",10]]}})";
    const std::string condition =
        R"({"variants":{"big":1,"small":2},"targeting":{"if":[{"fractional":[[false,0],[true,100]]},"big","small"]}})";
    const struct {
        const char* key;
        const std::string& definition;
        const char* subject;
        const char* tier;
        const char* variant;
    } cases[] = {
        {"fractional-flag-shorthand", coin, "jon@company.com", "", "heads"},
        {"fractional-flag-shorthand", coin, "jane@company.com", "", "tails"},
        {"e", edge, "ejOoVL", "", "lower"},
        {"e", edge, "bY9fO-", "", "lower"},
        {"e", edge, "SI7p-", "", "lower"},
        {"e", edge, "6LvT0", "", "upper"},
        {"e", edge, "ceQdGm", "", "upper"},
        {"n", tier, "jon@company.com", "premium", "premium"},
        {"n", tier, "jon@company.com", "basic", "standard"},
        {"n", tier, "user1", "premium", "standard"},
        {"w", weight, "jon@company.com", "premium", "red"},
        {"w", weight, "jon@company.com", "basic", "blue"},
        {"w", weight, "user1", "premium", "red"},
        {"w", weight, "user1", "basic", "blue"},
        {"c", condition, "some-targeting-key", "", "big"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.key, each.subject, each.tier));
        const std::string context =
            std::string(R"({"targetingKey":")") + each.subject + R"(","tier":")" + each.tier + R"("})";
        EXPECT_EQ(verdict(each.key, each.definition, context), std::string(each.variant) + " TARGETING_MATCH");
    }
}

// A rule over variants that say what it chose.
std::string chosen_by(const std::string& rule, const std::string& context) {
    return verdict(
        "rule",
        R"({"variants":{"on":1,"off":2,"true":3,"false":4,"10":5,"2.5":6},"defaultVariant":"off","targeting":)" + rule +
            "}",
        context);
}

TEST(Flag, ComparesAsJsonLogic) {
    const std::string matched_true = "true TARGETING_MATCH";
    const std::string matched_false = "false TARGETING_MATCH";
    const std::string failed = "ERROR GENERAL";
    const struct {
        const char* rule;
        const std::string& verdict;
    } cases[] = {
        {R"({"==":[1,"1"]})", matched_true},
        {R"({"==":[1," 1.0 "]})", matched_true},
        {R"({"==":["1","1.0"]})", matched_false},
        {R"({"==":[true,1]})", matched_true},
        {R"({"==":[null,0]})", matched_true},
        {R"({"==":[null,""]})", matched_false},
        {R"({"!=":[null,""]})", matched_true},
        {R"({"<=":[null,""]})", matched_true},
        {R"({"<":[null,"1"]})", matched_true},
        {R"({"<":[null,"x"]})", matched_false},
        {R"({"<":["x",null]})", matched_false},
        {R"({"<=":[null,null]})", matched_true},
        {R"({"!=":[null,null]})", matched_false},
        {R"({"==":[1,"x"]})", failed},
        {R"({"==":["0x10",16]})", failed},
        {R"({"==":["nan",1]})", failed},
        {R"({"==":["inf",1]})", failed},
        {R"({"==":["--1",1]})", failed},
        {R"({"==":["-1",-1]})", matched_true},
        {R"({"==":["+.5e1",5]})", matched_true},
        {R"({"<":["9e999",1]})", matched_false},
        {R"({"<":["1e-999",1]})", matched_true},
        {R"({"<":["1E-999",1]})", matched_true},
        {R"({">":["-1E-999",-1]})", matched_true},
        {R"({">":["1E999",1]})", matched_true},
        {R"({">":["1e+999",1]})", matched_true},
        {R"({">":["1e99999999999999999999",1]})", matched_true},
        {R"({"<":["1e-99999999999999999999",1]})", matched_true},
        {R"({"==":["0e999",0]})", matched_true},
        {R"({"==":["",0]})", matched_true},
        {R"({"==":[[1],1]})", failed},
        {R"({"<":["a","b"]})", matched_true},
        {R"({"<":["10","9"]})", matched_true},
        {R"({"<":[10,"9"]})", matched_false},
        {R"({"<":["\uE000","\uD83D\uDE00"]})", matched_false},
        {R"({">":["\uE000","\uD83D\uDE00"]})", matched_true},
        {R"({"<=":["a","a"]})", matched_true},
        {R"({">=":["a","b"]})", matched_false},
        {R"({"<":[1,2,3]})", matched_true},
        {R"({"<":[1,3,3]})", matched_false},
        {R"({"<=":[1,3,3]})", matched_true},
        {R"({"!":[[]]})", matched_true},
        {R"({"!":["0"]})", matched_false},
        {R"({"!":""})", matched_true},
        {R"({"!":[{"var":"empty"}]})", matched_true},
        {R"({"!":[{"var":"full"}]})", matched_false},
        {R"({"in":["b","abc"]})", matched_true},
        {R"({"in":[1,"a1"]})", matched_true},
        {R"({"in":[null,"a null"]})", matched_true},
        {R"({"in":["x",null]})", matched_false},
        {R"({"in":["x",0]})", matched_false},
        {R"({"in":["x",5]})", failed},
        {R"({"in":["x",{"var":"full"}]})", failed},
        {R"({"in":[1,["1"]]})", matched_false},
        {R"({"in":[[1],[[1]]]})", matched_false},
        {R"({"in":["beta",{"var":"$bastion.roles"}]})", matched_true},
        {R"({"in":["bet",{"var":"$bastion.roles"}]})", matched_false},
        {R"({"==":[{"var":"$bastion.user_id"},"u1"]})", matched_true},
        {R"({"==":[{"var":"$bastion.level"},"aal2"]})", matched_true},
        {R"({"==":[{"var":"$bastion.tenant_id"},null]})", matched_true},
        {R"({"==":[{"var":"$flagd.timestamp"},1700000000]})", matched_true},
        {R"({"==":[{"var":"a.b"},7]})", matched_true},
        {R"({"==":[{"var":"a\\.b"},8]})", matched_true},
        {R"({"==":[{"var":"list.1"},"y"]})", matched_true},
        {R"({"==":[{"var":"list.2"},null]})", matched_true},
        {R"({"==":[{"var":["none",9]},9]})", matched_true},
        {R"({"==":[{"var":["nil",9]},null]})", matched_true},
        {R"({"==":[{"cat":["a",1,null,true,2.5]},"a1true2.5"]})", matched_true},
        {R"({"==":[{"cat":[{"var":"list"}]},"x,y"]})", failed},
        {R"({"starts_with":["abc",""]})", matched_true},
        {R"({"ends_with":["c","abc"]})", matched_false},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.rule));
        EXPECT_EQ(
            chosen_by(each.rule, R"({"a":{"b":7},"a.b":8,"list":["x","y"],"nil":null,"empty":{},"full":{"x":1}})"),
            each.verdict);
    }
}

TEST(Flag, ComparesNumbersWithManyDigits) {
    const std::string zeros(400, '0');
    const struct {
        std::string number;
        const char* op;
    } cases[] = {
        {"1" + zeros, ">"},
        {"1" + zeros + ".5", ">"},
        {"1" + zeros + "e-10", ">"},
        {"1" + zeros + "e-400", "=="},
        {"0." + zeros + "1", "<"},
        {"." + zeros + "1e10", "<"},
        {"0." + zeros + "1e401", "=="},
        {"0." + zeros + "1e999", ">"},
        {zeros + "1", "=="},
        {"1" + zeros + "e-999", "<"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.number.c_str()));
        const std::string rule = std::string(R"({")") + each.op + R"(":[")" + each.number + R"(",1]})";
        EXPECT_EQ(chosen_by(rule, "{}"), "true TARGETING_MATCH");
    }
}

TEST(Flag, ChoosesByWhatARuleReturns) {
    const struct {
        const char* rule;
        const char* verdict;
    } cases[] = {
        {R"({"if":[true,"on"]})", "on TARGETING_MATCH"},
        {R"({"if":[false,"on"]})", "off DEFAULT"},
        {R"({"if":[false,"on",true,"true","false"]})", "true TARGETING_MATCH"},
        {R"({"if":["on"]})", "on TARGETING_MATCH"},
        {R"({"and":[1,"on"]})", "on TARGETING_MATCH"},
        {R"({"and":[0,{"==":[1,"x"]}]})", "ERROR GENERAL"},
        {R"({"or":["on",{"==":[1,"x"]}]})", "on TARGETING_MATCH"},
        {R"({"or":[0,null]})", "off DEFAULT"},
        {R"({"if":[{"==":[1,"x"]},"on","off"]})", "ERROR GENERAL"},
        {R"({"if":[true,10]})", "10 TARGETING_MATCH"},
        {R"({"if":[true,2.5]})", "2.5 TARGETING_MATCH"},
        {R"({"if":[true,""]})", "ERROR GENERAL"},
        {R"({"if":[true,"other"]})", "ERROR GENERAL"},
        {R"({"if":[true,["on"]]})", "ERROR GENERAL"},
        {R"({"var":""})", "ERROR GENERAL"},
        {R"({"sem_ver":["x","=","1"]})", "off DEFAULT"},
        {R"({"sem_ver":[1,"=","1.0.0"]})", "true TARGETING_MATCH"},
        {R"({"sem_ver":["1","?","1.0.0"]})", "off DEFAULT"},
        {R"({"sem_ver":["1",1,"1.0.0"]})", "off DEFAULT"},
        {R"({"starts_with":[1,"a"]})", "off DEFAULT"},
        {R"({"fractional":[["on",1]]})", "ERROR TARGETING_KEY_MISSING"},
        {R"({"fractional":["k",["on",0],["off",0]]})", "off DEFAULT"},
        {R"({"fractional":["k",["on",-5],["true",1]]})", "true TARGETING_MATCH"},
        {R"({"fractional":["k",["on",1.5]]})", "off DEFAULT"},
        {R"({"fractional":["k",["on","1"]]})", "off DEFAULT"},
        {R"({"fractional":["k",["on",1,2]]})", "off DEFAULT"},
        {R"({"fractional":["k",[]]})", "off DEFAULT"},
        {R"({"fractional":["k","on"]})", "off DEFAULT"},
        {R"({"fractional":["k",[["on"],1]]})", "off DEFAULT"},
        {R"({"fractional":["k",["on",2147483647]]})", "on TARGETING_MATCH"},
        {R"({"fractional":["k",["on",2147483648]]})", "off DEFAULT"},
        {R"({"fractional":["k",["on",2147483647],["off",1]]})", "off DEFAULT"},
        {R"({"fractional":[{"var":"none"},["on",1]]})", "off DEFAULT"},
        {R"({"fractional":["k"]})", "off DEFAULT"},
        {R"({"fractional":["k",[null,1]]})", "off DEFAULT"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.rule));
        EXPECT_EQ(chosen_by(each.rule, "{}"), each.verdict);
    }
}

TEST(Flag, JoinsNoEndlessText) {
    std::string rule = R"({"var":"long"})";
    const std::string context = R"({"long":")" + std::string(1000, 'x') + R"("})";
    const auto compared = [&] { return chosen_by(R"({"==":[)" + rule + R"(,""]})", context); };
    for (int i = 0; i < 6; ++i) rule = R"({"cat":[)" + rule + "," + rule + "]}";
    EXPECT_EQ(compared(), "false TARGETING_MATCH");
    rule = R"({"cat":[)" + rule + "," + rule + "]}";
    EXPECT_EQ(compared(), "ERROR GENERAL");
}

// The first operand of fractional is evaluated once, however often it stands in the first place of another one.
TEST(Flag, EvaluatesAFirstOperandOnce) {
    std::string rule = R"({"var":"nothing"})";
    for (int i = 0; i < 29; ++i) rule = R"({"fractional":[)" + rule + "]}";
    EXPECT_EQ(chosen_by(rule, "{}"), "off DEFAULT");
}

TEST(Flag, EndsWhatCostsTooMuch) {
    const auto any_of = [](const std::string& rule, int count) {
        std::string rules;
        for (int i = 0; i < count; ++i) rules += (rules.empty() ? "" : ",") + rule;
        return R"({"or":[)" + rules + "]}";
    };
    std::string list = "[0";
    for (int i = 0; i < 10'000; ++i) list += ",0";
    const std::string context = R"({"list":)" + list + R"(],"long":")" + std::string(60'000, 'x') + R"("})";
    const std::string costly[] = {R"({"in":[1,{"var":"list"}]})", R"({"!":[{"var":"list"}]})",
                                  R"({"==":[{"var":"list.9"},1]})", R"({"==":[{"cat":[{"var":"long"}]},""]})",
                                  R"({"==":[{"var":"long"},""]})"};
    for (const std::string& rule : costly) {
        SCOPED_TRACE(words(rule));
        EXPECT_EQ(chosen_by(any_of(rule, 30), context), "false TARGETING_MATCH");
        EXPECT_EQ(chosen_by(any_of(rule, 1'600), context), "ERROR GENERAL");
    }
}

// Backtracking would compare every place of the one with all of the other.
TEST(Flag, FindsATextInALongOne) {
    const std::string long_text(30'000, 'a');
    const std::string context = R"({"long":")" + long_text + R"(","part":")" + long_text.substr(0, 15'000) + R"(b"})";
    EXPECT_EQ(chosen_by(R"({"in":[{"var":"part"},{"var":"long"}]})", context), "false TARGETING_MATCH");
    EXPECT_EQ(chosen_by(R"({"in":["aaa",{"var":"long"}]})", context), "true TARGETING_MATCH");
    EXPECT_EQ(chosen_by(R"({"in":["",{"var":"long"}]})", context), "true TARGETING_MATCH");
}

TEST(Flag, HasTheTypeThatIsWanted) {
    const Result<Flag> flag =
        parse_flag(R"({"variants":{"b":"z","a":"é\"\u0041"},"defaultVariant":"a","metadata":{"x": 1}})");
    ASSERT_TRUE(flag);
    EXPECT_EQ(flag->type, FlagType::text);
    EXPECT_EQ(flag->metadata, R"({"x":1})");
    FlagSubject nobody{};
    const FlagOutcome outcome = evaluate_flag(*flag, "k", nobody, FlagType::text);
    ASSERT_NE(outcome.variant, nullptr);
    EXPECT_EQ(outcome.variant->text, "é\"A");
    EXPECT_EQ(outcome.variant->json, R"("é\"A")");
    EXPECT_EQ(evaluate_flag(*flag, "k", nobody, FlagType::number).error, FlagError::type_mismatch);
    const Result<Flag> disabled = parse_flag(R"({"state":"DISABLED","variants":{"a":1},"defaultVariant":"a"})");
    EXPECT_EQ(evaluate_flag(*disabled, "k", nobody, FlagType::text).reason, bastion::FlagReason::disabled);
    const Result<Flag> open = parse_flag(R"({"variants":{"a":1},"defaultVariant":null})");
    EXPECT_EQ(evaluate_flag(*open, "k", nobody, {}).reason, bastion::FlagReason::by_default);
    EXPECT_EQ(evaluate_flag(*open, "k", nobody, {}).variant, nullptr);
}

TEST(Flag, HasVariantsOfOneType) {
    for (const char* good :
         {R"({"a":1,"b":2.5})", R"({"a":"","b":"x"})", R"({"a":[],"b":{"x":1}})", R"({"a":false})"}) {
        SCOPED_TRACE(words(good));
        EXPECT_TRUE(parse_flag(std::string(R"({"variants":)") + good + "}"));
    }
    for (const char* bad :
         {R"({"a":1,"b":"1"})", R"({"a":true,"b":1})", R"({"a":"x","b":{}})", R"({"a":null})", R"({"":1})", "{}"}) {
        SCOPED_TRACE(words(bad));
        EXPECT_FALSE(parse_flag(std::string(R"({"variants":)") + bad + "}"));
    }
}

TEST(Flag, IsRefusedWhenItSaysTooMuch) {
    std::string many = R"({"variants":{)";
    for (std::size_t i = 0; i <= bastion::max_flag_variants; ++i) many += "\"" + std::to_string(i) + "\":1,";
    many.back() = '}';
    EXPECT_FALSE(parse_flag(many + "}"));
    std::string wide = R"({"variants":{"a":1},"targeting":{"or":[)";
    for (int i = 0; i < 10'001; ++i) wide += "1,";
    wide.back() = ']';
    const Result<Flag> flag = parse_flag(wide + "}}");
    ASSERT_FALSE(flag);
    EXPECT_EQ(flag.error().code, bastion::ErrorCode::limit_exceeded);
    EXPECT_EQ(parse_flag(std::string(bastion::max_flag_bytes + 1, ' ')).error().code,
              bastion::ErrorCode::limit_exceeded);
    EXPECT_EQ(parse_flag("{").error().code, bastion::ErrorCode::malformed_text);
    EXPECT_EQ(parse_flag(R"({"variants":{"a":1},"targeting":{"hush":["a secret"]}})").error().detail.find("secret"),
              std::string::npos);
}

TEST(Flag, KeepsItsShareWhileARollOutGrows) {
    const auto flag = [](int share) {
        return *parse_flag(
            R"({"variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"fractional":[["on",)" +
            std::to_string(share) + R"(],["off",)" + std::to_string(100'000 - share) + "]]}}");
    };
    const Flag small = flag(10'000);
    const Flag large = flag(30'000);
    int in_small = 0;
    int in_large = 0;
    for (int i = 0; i < 100'000; ++i) {
        SCOPED_TRACE(words(i));
        FlagSubject subject{};
        const std::string key = "user-" + std::to_string(i);
        subject.targeting_key = key;
        const bool first = evaluate_flag(small, "grow", subject, {}).variant->name == "on";
        const bool second = evaluate_flag(large, "grow", subject, {}).variant->name == "on";
        ASSERT_TRUE(second || !first);
        in_small += first;
        in_large += second;
    }
    EXPECT_NEAR(in_small, 10'000, 400);
    EXPECT_NEAR(in_large, 30'000, 600);
}

}  // namespace
