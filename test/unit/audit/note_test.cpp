// Signed notes, verifier keys, checkpoints and cosignatures: the examples of Go's sumdb/note and of C2SP, and every part of them changed.
#include "core/audit/note.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using test::words;

// golang.org/x/mod/sumdb/note
constexpr std::string_view go_key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view go_secret = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";  // type and seed
constexpr std::string_view go_text =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
constexpr std::string_view go_line =
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

// C2SP tlog-cosignature
constexpr std::string_view sofa =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

SecretBytes secret_of_seed(ByteSpan seed) {
    Ed25519Public unused{};
    SecretBytes out(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(unused.data(), out.data(), seed.data());
    return out;
}

TEST(Note, PublishedKeyAndSignature) {
    const NoteKey key = parse_verifier_key(go_key).value();
    EXPECT_EQ(key.name, "PeterNeumann");
    EXPECT_EQ(key.type, NoteKeyType::ed25519);
    EXPECT_EQ(hex_encode(key.id()), "c74f20a3");
    EXPECT_EQ(verifier_key_text(key), go_key);
    const Bytes secret = base64_decode(go_secret).value();
    EXPECT_EQ(sign_note(go_text, key, secret_of_seed(ByteSpan(secret).subspan(1)).span()).value(), go_line);
}

TEST(Note, Parts) {
    const std::string text = std::string(go_text) + "\n" + std::string(go_line);
    const Note note = parse_note(text).value();
    EXPECT_EQ(note.text, go_text);
    ASSERT_EQ(note.signatures.size(), 1U);
    EXPECT_EQ(note.signatures[0].name, "PeterNeumann");
    EXPECT_EQ(note.signatures[0].signature.size(), 64U);
    EXPECT_EQ(std::string(note.signatures[0].line) + '\n', go_line);
    const Note published = parse_note(sofa).value();
    ASSERT_EQ(published.signatures.size(), 2U);
    EXPECT_EQ(published.signatures[1].signature.size(), 72U);
    const Checkpoint checkpoint = parse_checkpoint(published.text).value();
    EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
    EXPECT_EQ(checkpoint.size, 20852163U);
    EXPECT_EQ(checkpoint_text(checkpoint), published.text);
}

// The last empty line ends the text.
TEST(Note, TextWithAnEmptyLine) {
    const std::string text = "a\n\nb\n\n" + std::string(go_line);
    EXPECT_EQ(parse_note(text).value().text, "a\n\nb\n");
}

TEST(Note, Refused) {
    const std::string line(go_line);
    const std::string good = "text\n\n" + line;
    ASSERT_TRUE(parse_note(good));
    for (const std::string& text : {std::string(),
                                    std::string("\n"),
                                    std::string("\n\n"),
                                    "text\n" + line,
                                    std::string("text\n\n"),
                                    good.substr(0, good.size() - 1),
                                    good + "x",
                                    good + "x\n",
                                    "te\txt\n\n" + line,
                                    "te\rxt\n\n" + line,
                                    std::string("te\0xt\n\n", 7) + line,
                                    std::string("text\n\n- PeterNeumann AAAAAAA=\n"),
                                    std::string("text\n\n\u2014PeterNeumann AAAAAAA=\n"),
                                    std::string("text\n\n\u2014 PeterNeumann\n"),
                                    std::string("text\n\n\u2014  AAAAAAA=\n"),
                                    std::string("text\n\n\u2014 Peter+Neumann AAAAAAA=\n"),
                                    std::string("text\n\n\u2014 Peter\u2003Neumann AAAAAAA=\n"),
                                    std::string("text\n\n\u2014 PeterNeumann AAAAAAA\n"),
                                    std::string("text\n\n\u2014 PeterNeumann AAAAAAB=\n"),
                                    std::string("text\n\n\u2014 PeterNeumann AAAAAA==\n"),
                                    std::string("text\n\n\u2014 PeterNeumann AAAA AAA=\n")}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_note(text));
    }
    EXPECT_TRUE(parse_note("text\n\n\u2014 PeterNeumann AAAAAAA=\n"));
}

TEST(Note, Limits) {
    std::string lines;
    for (std::size_t i = 0; i < note_most_signatures; ++i) lines += go_line;
    EXPECT_TRUE(parse_signatures(lines));
    EXPECT_EQ(parse_signatures(lines + std::string(go_line)).error().code, ErrorCode::limit_exceeded);
    EXPECT_EQ(parse_note(std::string(note_most_bytes, 'x') + "\n\n" + std::string(go_line)).error().code,
              ErrorCode::limit_exceeded);
    EXPECT_EQ(parse_signatures("").error().code, ErrorCode::malformed_text);
}

TEST(Note, VerifierKeysRefused) {
    for (const char* text : {"", "PeterNeumann", "PeterNeumann+c74f20a3", "PeterNeumann+c74f20a3+",
                             "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                             "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // another id
                             "PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // another name
                             "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",  // another key
                             "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // another type
                             "PeterNeumann+c74f20a3+BRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // an unknown type
                             "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",  // a short key
                             "PeterNeumann+0c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                             "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                             "PeterNeumann+c74f20ag+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_verifier_key(text));
    }
}

TEST(Checkpoint, Refused) {
    const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    EXPECT_TRUE(parse_checkpoint("o\n0\n" + root));
    EXPECT_TRUE(parse_checkpoint("o\n9223372036854775807\n" + root));
    for (const std::string& text :
         {std::string(), std::string("o\n"), std::string("o\n1\n"), "\n1\n" + root, "o\n01\n" + root, "o\n\n" + root,
          "o\n-1\n" + root, "o\n+1\n" + root, "o\n1 \n" + root, "o\n9223372036854775808\n" + root,
          "o\n18446744073709551616\n" + root, "o\n1\n" + root + "extension\n",
          std::string("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n"),
          std::string("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n"),
          "o\n1\n" + root.substr(0, root.size() - 1)}) {
        SCOPED_TRACE(words(text));
        EXPECT_FALSE(parse_checkpoint(text));
    }
}

struct Witness {
    NoteKey key{"witness.example/w1", NoteKeyType::cosignature_v1, {}};
    SecretBytes secret;

    Witness() {
        Ed25519Pair pair = make_ed25519_pair();
        key.key = pair.public_key;
        secret = std::move(pair.secret);
    }

    // As tlog-cosignature says, apart from the core.
    NoteSignature cosign(std::string_view text, std::uint64_t seconds) const {
        const std::string message = "cosignature/v1\ntime " + std::to_string(seconds) + "\n" + std::string(text);
        NoteSignature out{{}, key.name, key.id(), Bytes(8 + crypto_sign_BYTES)};
        for (int i = 0; i < 8; ++i)
            out.signature[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(seconds >> (56 - 8 * i));
        crypto_sign_detached(out.signature.data() + 8, nullptr, as_bytes(message).data(), message.size(),
                             secret.data());
        return out;
    }
};

TEST(Cosignature, TimeOfThePublishedOne) {
    const Note note = parse_note(sofa).value();
    std::uint64_t seconds = 0;
    for (std::size_t i = 0; i < 8; ++i) seconds = seconds << 8 | note.signatures[1].signature[i];
    EXPECT_EQ(seconds, 1679315147U);
}

TEST(Cosignature, EveryChangeIsFound) {
    const Witness witness;
    const std::string_view text = parse_note(sofa).value().text;
    const NoteSignature good = witness.cosign(text, 1679315147);
    EXPECT_EQ(cosigned_at(good, text, witness.key), 1679315147);
    for (std::size_t i = 0; i < good.signature.size(); ++i) {
        SCOPED_TRACE(words(i));
        NoteSignature changed = good;
        changed.signature[i] ^= 1;
        EXPECT_FALSE(cosigned_at(changed, text, witness.key));
    }
    EXPECT_FALSE(cosigned_at(good, std::string(text) + "x", witness.key));
    NoteSignature renamed = good;
    renamed.name = "witness.example/w2";
    EXPECT_FALSE(cosigned_at(renamed, text, witness.key));
    NoteSignature other_id = good;
    other_id.id[0] ^= 1;
    EXPECT_FALSE(cosigned_at(other_id, text, witness.key));
    NoteSignature short_one = good;
    short_one.signature.pop_back();
    EXPECT_FALSE(cosigned_at(short_one, text, witness.key));
    EXPECT_FALSE(cosigned_at(good, text, Witness().key));
    NoteKey plain = witness.key;
    plain.type = NoteKeyType::ed25519;
    EXPECT_FALSE(cosigned_at(good, text, plain));
    EXPECT_EQ(cosigned_at(witness.cosign(text, 0), text, witness.key), 0);
    EXPECT_FALSE(cosigned_at(witness.cosign(text, std::uint64_t{1} << 63), text, witness.key));
}

TEST(Note, SigningNeedsAWholeKey) {
    EXPECT_EQ(sign_note("x\n", Witness().key, Bytes(32)).error().code, ErrorCode::internal);
    NoteKey unnamed = Witness().key;
    unnamed.name = "a b";
    EXPECT_EQ(sign_note("x\n", unnamed, Bytes(64)).error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace bastion
