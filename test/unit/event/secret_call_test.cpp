// Which texts carry a secret.
#include "core/event/secret_call.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

std::string_view found(std::string_view text) { return find_secret_call(text, ""); }

TEST(SecretCall, FindsCalls) {
    EXPECT_EQ(found("SELECT bastion.secret_put('a', 'b')"), "secret_put");
    EXPECT_EQ(found("select BASTION.Secret_Put ('a')"), "secret_put");
    EXPECT_EQ(found("SELECT seal('x','y')"), "seal");
    EXPECT_EQ(found("SELECT \"bastion\".\"seal\" ('x')"), "seal");
    EXPECT_EQ(found("SELECT seal\n\t(\n'x')"), "seal");
    EXPECT_EQ(found("SELECT seal/* so */('x')"), "seal");
    EXPECT_EQ(found("SELECT seal -- so\n('x')"), "seal");
    EXPECT_EQ(found("DO $$BEGIN PERFORM bastion.password_hash('x'); END$$"), "password_hash");
    EXPECT_EQ(found("SELECT bastion.open_text(v)::int FROM t"), "open_text");
    EXPECT_EQ(found("login("), "login");
    // as plans in JSON and XML quote statements
    EXPECT_EQ(found(R"x("Query Text": "SELECT \"bastion\".\"seal\"('x')")x"), "seal");
    EXPECT_EQ(found(R"x("Query Text": "SELECT seal\n \t('x')")x"), "seal");
    EXPECT_EQ(found("SELECT &quot;seal&quot;('x')"), "seal");
    EXPECT_EQ(found(R"x(SET bastion.\"token\" = 'x')x"), "bastion.token");
    EXPECT_EQ(found(R"x(SET \"bastion\".\"token\" = 'x')x"), "bastion.token");
    // names with escapes could be any
    EXPECT_EQ(found(R"x(SELECT U&"\0073eal"('x'))x"), "escaped name");
    EXPECT_EQ(found(R"x(SELECT u&\"\\0073eal\"('x'))x"), "escaped name");
    EXPECT_EQ(found("SELECT U&amp;&quot;x&quot;"), "escaped name");
    EXPECT_EQ(found("SELECT 1; SELECT bastion_api.login('a', 'b')"), "login");
}

TEST(SecretCall, LeavesOtherTextsAlone) {
    for (const std::string_view text : {"",
                                        "(",
                                        "SELECT 1",
                                        "REFRESH MATERIALIZED VIEW login",
                                        "SELECT * FROM seal",
                                        "SELECT sealing('x')",
                                        "SELECT unseal('x')",
                                        "SELECT login",
                                        "login",
                                        "SELECT bastion.secret_list()",
                                        "SELECT \"seal\"",
                                        "SELECT seal - (1)",
                                        "SELECT \\\"seal\\\"",
                                        "SELECT seal\\d(",
                                        "SELECT U&'x', u & \"x\"",
                                        "SELECT token FROM t",
                                        "SET bastion.tokens = 'x'",
                                        "SET xbastion.token = 'x'",
                                        "SELECT bastion .token",
                                        "SELECT 'bst_live_short'",
                                        "SELECT 'eyJhbGciOiJFZERTQSJ9'",
                                        "SELECT eyJ.eyJ",
                                        "SELECT caf\xc3\xa9seal('x')",
                                        "EXECUTE p('x')"}) {
        SCOPED_TRACE(words(text));
        EXPECT_EQ(found(text), "");
    }
}

TEST(SecretCall, FindsSettings) {
    EXPECT_EQ(found("SET bastion.token = 'x'"), "bastion.token");
    EXPECT_EQ(found("SET LOCAL Bastion.\"token\" TO 'x'"), "bastion.token");
    EXPECT_EQ(found("SELECT set_config('bastion.token', 'x', true)"), "bastion.token");
    EXPECT_EQ(found("bastion.token"), "bastion.token");
    EXPECT_EQ(found("$1 = '[[\"bastion.token\", \"x\"]]'"), "bastion.token");
    EXPECT_EQ(found("select set_config('request.headers', $1, true)"), "request.headers");
    EXPECT_EQ(found("SET REQUEST.HEADERS = 'x'"), "request.headers");
    EXPECT_EQ(found("set request.Cookies = 'x'"), "request.cookies");
}

TEST(SecretCall, FindsViewsInAnyPosition) {
    EXPECT_EQ(found("SELECT * FROM bastion.opened_secrets WHERE name = 'x'"), "opened_secrets");
    EXPECT_EQ(found("TABLE bastion.OPENED_SECRETS"), "opened_secrets");
    EXPECT_EQ(found("SELECT opened_secret, xopened_secrets"), "");
}

TEST(SecretCall, FindsTokens) {
    EXPECT_EQ(found("SELECT mine('bst_live_0123456789abcdefghijkl_secret')"), "token");
    EXPECT_EQ(found("'bsr_0123456789abcdefg'"), "token");
    EXPECT_EQ(found("'bsi_0123456789abcdefg'"), "token");
    EXPECT_EQ(found("'bst_ot_0123456789abcdef0123456789abcdef_x'"), "token");
    EXPECT_EQ(found("'bsr_0-23456789abcdefg'"), "token");
    EXPECT_EQ(found("'bsr_0123456789abcde'"), "");
    EXPECT_EQ(found("'bsr_0 23456789abcdefg'"), "");
    EXPECT_EQ(found("'bst_ch_0123456789abcdefg'"), "token");
    EXPECT_EQ(found("'eyJhbGciOiJFZERTQSJ9.eyJ9.x'"), "token");
    EXPECT_EQ(found("eyJhbGciOiJFZERTQSJ9."), "");
    EXPECT_EQ(found("eyJhbGciOiJFZERTQSJ9.ey"), "");
}

TEST(SecretCall, TakesFurtherNames) {
    EXPECT_EQ(find_secret_call("UPDATE customer SET email = 'x'", "set_mail, customer"), "bastion.redacted_names");
    EXPECT_EQ(find_secret_call("SELECT app.SET_MAIL($1)", " set_mail ,customer"), "bastion.redacted_names");
    for (const std::string_view list : {"", ",", " , ", "custom", "customers,mail", "z,,y"}) {
        SCOPED_TRACE(words(list));
        EXPECT_EQ(find_secret_call("UPDATE customer SET email = 'x'", list), "");
    }
}

// With further names, each word of a text is looked at. Without, most texts end sooner.
TEST(SecretCall, FindsTheSameInTextsThatEndSooner) {
    constexpr std::string_view pieces[] = {"SELECT ",
                                           "seal",
                                           "SEAL",
                                           "opened_secrets",
                                           "OPENED_Secrets",
                                           "bst_live_0123456789abcdef",
                                           "bsi_0123456789abcdef",
                                           "bsr_",
                                           "(",
                                           "\"",
                                           "\\\"",
                                           "U&",
                                           "&quot;",
                                           "/*",
                                           "--",
                                           ".",
                                           "token",
                                           "bastion",
                                           "request",
                                           "headers",
                                           "eyJ0123456789abcdef",
                                           "_",
                                           "a_b",
                                           "x",
                                           " ",
                                           "\\n",
                                           "=",
                                           "0123456789abcdef",
                                           "execute",
                                           "\xc3\xa4",
                                           "'"};
    std::mt19937 random(4);
    std::uniform_int_distribution<std::size_t> piece(0, std::size(pieces) - 1);
    std::uniform_int_distribution<int> length(1, 12);
    std::size_t secrets = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string text;
        for (int left = length(random); left > 0; --left) text += pieces[piece(random)];
        const std::string_view expected = find_secret_call(text, "no_such_name");
        SCOPED_TRACE(text);
        ASSERT_EQ(found(text), expected);
        secrets += expected.empty() ? 0 : 1;
    }
    EXPECT_GT(secrets, 20'000U);
    EXPECT_LT(secrets, 180'000U);
}

// In any place of a block that is compared at once, and behind the last.
TEST(SecretCall, FindsACallAtAnyPlace) {
    for (std::size_t place = 0; place < std::size_t{40} * 20; ++place) {
        const std::string front(place % 40, ' ');
        const std::string back(place / 40, ' ');
        SCOPED_TRACE(words(front + "|" + back));
        EXPECT_EQ(found(front + "seal(" + back), "seal");
        EXPECT_EQ(found(front + "opened_secrets" + back), "opened_secrets");
    }
}

TEST(SecretCall, NamesNothingOfTheText) {
    const std::string text = "SELECT SEAL('marker')";
    const std::string_view name = found(text);
    EXPECT_TRUE(name.data() < text.data() || name.data() > text.data() + text.size());
}

TEST(SecretCall, FindsWhatIsExecuted) {
    std::array<char, 8> name{};
    std::size_t from = 0;
    const std::string_view text =
        "EXPLAIN EXECUTE Put('x'); execute \"P\"\"q\" ; EXECUTE abcdefghijk(1); EXECUTE (1); executed p";
    std::string names;
    for (Executed executed = find_executed(text, from, name); executed.found;
         executed = find_executed(text, from, name))
        names += name.data() + std::string(executed.has_arguments ? "()," : ",");
    EXPECT_EQ(names, "put(),P\"q,abcdefg(),");
    EXPECT_FALSE(find_executed(text, from, name).found);
    from = 0;
    EXPECT_FALSE(find_executed("EXECUTE \"", from, name).found);
}

TEST(SecretCall, FindsWhatIsExecutedBehindComments) {
    for (const std::string_view text : {"EXECUTE /* c */ p('x')", "execute -- c\n--\n p ('x')",
                                        "EXECUTE/*/**/ */p/* */--\n(1)", "EXECUTE \"p\" /* ( */ ('x')"}) {
        SCOPED_TRACE(words(text));
        std::array<char, 8> name{};
        std::size_t from = 0;
        const Executed executed = find_executed(text, from, name);
        EXPECT_TRUE(executed.found && executed.has_arguments);
        EXPECT_STREQ(name.data(), "p");
    }
    for (const std::string_view text : {"EXECUTE /* p('x')", "EXECUTE -- p('x')", "EXECUTE /", "EXECUTE /* /* */ p"}) {
        SCOPED_TRACE(words(text));
        std::array<char, 8> name{};
        std::size_t from = 0;
        EXPECT_FALSE(find_executed(text, from, name).found);
    }
}

TEST(SecretCall, KnowsWhatRunsDeferredWork) {
    for (const std::string_view text : {"COMMIT", " end;", "SELECT 1; commit", "/* c */ -- d\n COMMIT",
                                        "SET CONSTRAINTS ALL IMMEDIATE", "PREPARE TRANSACTION 'x'", ";;;end"}) {
        SCOPED_TRACE(words(text));
        EXPECT_TRUE(runs_deferred(text));
    }
    for (const std::string_view text : {"", ";", "; ", "ROLLBACK", "SELECT CASE WHEN 1 = 1 THEN 2 END; SELECT 'commit'",
                                        "(END)", "endless", "SELECT 1 -- COMMIT", "/* COMMIT"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(runs_deferred(text));
    }
}

}  // namespace
}  // namespace bastion
