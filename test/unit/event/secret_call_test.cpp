// Which texts carry a secret.
#include "core/event/secret_call.hpp"

#include <gtest/gtest.h>

#include <array>
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
}

TEST(SecretCall, FindsTokens) {
    EXPECT_EQ(found("SELECT mine('bst_live_0123456789abcdefghijkl_secret')"), "token");
    EXPECT_EQ(found("'bsr_0123456789abcdefg'"), "token");
    EXPECT_EQ(found("'bsi_0123456789abcdefg'"), "token");
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
    ASSERT_TRUE(find_executed(text, from, name));
    EXPECT_STREQ(name.data(), "put");
    ASSERT_TRUE(find_executed(text, from, name));
    EXPECT_STREQ(name.data(), "P\"q");
    ASSERT_TRUE(find_executed(text, from, name));
    EXPECT_STREQ(name.data(), "abcdefg");
    EXPECT_FALSE(find_executed(text, from, name));
    EXPECT_FALSE(find_executed(text, from, name));
    from = 0;
    EXPECT_FALSE(find_executed("EXECUTE \"", from, name));
}

TEST(SecretCall, FindsWhatIsFetched) {
    std::array<char, 8> name{};
    std::size_t from = 0;
    std::string names;
    while (find_fetched("SELECT a; fetch FORWARD 2 FROM C; MOVE \"P \"\"q\"", from, name))
        names += name.data() + std::string(",");
    EXPECT_EQ(names, "forward,2,from,c,move,P \"q,q,");
    for (const std::string_view text : {"", "SELECT c", "fetch", "MOVE \"", "prefetch c"}) {
        SCOPED_TRACE(words(text));
        from = 0;
        EXPECT_FALSE(find_fetched(text, from, name));
    }
}

}  // namespace
}  // namespace bastion
