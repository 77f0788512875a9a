// What the core costs over the libraries below it: each of our calls beside the raw library call that does the same
// cryptographic work. Run with --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
// --benchmark_report_aggregates_only=true and compare the medians of a pair.
#include <benchmark/benchmark.h>
#include <crypt.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "core/base/encoding.hpp"
#include "core/base/startup.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/breach_filter.hpp"
#include "core/identity/breach_filter_writer.hpp"
#include "core/identity/password.hpp"
#include "core/identity/pbkdf2_hash.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jwt.hpp"
#include "core/key/sealed.hpp"
#include "core/mfa/cose_key.hpp"
#include "unit/mfa/software_authenticator.hpp"

namespace {

using namespace std::string_literals;
using bastion::as_bytes;
using bastion::Bytes;
using bastion::SecretBytes;

const std::string password = "correct horse battery staple";
const std::string aad = bastion::sealed_aad("0123456789abcdef", "smtp", "password");

void require(bool holds) {
    if (!holds) std::abort();
}

// --- password_hash

void argon2id_ours(benchmark::State& state) {
    const auto params = bastion::default_password_params(bastion::argon2id);
    for (auto _ : state) require(bastion::password_hash(password, params).ok());
}

void argon2id_raw(benchmark::State& state) {
    char text[crypto_pwhash_argon2id_STRBYTES];
    for (auto _ : state)
        require(crypto_pwhash_argon2id_str(text, password.data(), password.size(), 2, 19456 * 1024) == 0);
}

void argon2id_verify_ours(benchmark::State& state) {
    const auto params = bastion::default_password_params(bastion::argon2id);
    const std::string hash = bastion::password_hash(password, params).value();
    for (auto _ : state) require(*bastion::password_verify(password, hash));
}

void argon2id_dummy_verify(benchmark::State& state) {
    const auto params = bastion::default_password_params(bastion::argon2id);
    for (auto _ : state) require(*bastion::password_dummy_match(password, params) == bastion::PasswordMatch::none);
}

void bcrypt8_ours(benchmark::State& state) {
    auto params = bastion::default_password_params(bastion::bcrypt);
    params.cost = 8;
    for (auto _ : state) require(bastion::password_hash(password, params).ok());
}

void bcrypt8_raw(benchmark::State& state) {
    static crypt_data scratch;
    for (auto _ : state)
        require(crypt_rn(password.c_str(), "$2b$08$abcdefghijklmnopqrstuu", &scratch, sizeof scratch) != nullptr);
}

void pbkdf2_20000_ours(benchmark::State& state) {
    auto params = bastion::default_password_params(bastion::pbkdf2_sha256);
    params.iterations = 20000;
    for (auto _ : state) require(bastion::password_hash(password, params).ok());
}

void pbkdf2_20000_raw(benchmark::State& state) {
    const std::array<unsigned char, 16> salt{};
    unsigned char out[32];
    for (auto _ : state)
        require(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), salt.size(), 20000,
                                  EVP_sha256(), sizeof out, out) == 1);
}

BENCHMARK(argon2id_ours)->Unit(benchmark::kMillisecond);
BENCHMARK(argon2id_raw)->Unit(benchmark::kMillisecond);
BENCHMARK(argon2id_verify_ours)->Unit(benchmark::kMillisecond);
BENCHMARK(argon2id_dummy_verify)->Unit(benchmark::kMillisecond);
BENCHMARK(bcrypt8_ours)->Unit(benchmark::kMillisecond);
BENCHMARK(bcrypt8_raw)->Unit(benchmark::kMillisecond);
BENCHMARK(pbkdf2_20000_ours)->Unit(benchmark::kMillisecond);
BENCHMARK(pbkdf2_20000_raw)->Unit(benchmark::kMillisecond);

// --- a password in a filter of 10 million breached ones, and the least work: three reads of a file

constexpr std::uint64_t breaches = 10'000'000;

// Where the filter lies while the benchmark runs.
const std::string& breach_filter_path() {
    static const std::string path = [] {
        std::string name = "/tmp/core_bench_breaches.XXXXXX";
        require(::close(::mkstemp(name.data())) == 0);
        std::atexit([] { ::unlink(breach_filter_path().c_str()); });
        auto writer = bastion::BreachFilterWriter::create(name, {.partition_bits = 3}).value();
        for (std::uint64_t i = 0; i < breaches; ++i) require(writer.add(i * (UINT64_MAX / breaches)).ok());
        require(writer.finish().ok());
        return name;
    }();
    return path;
}

void breach_filter_ours(benchmark::State& state) {
    const auto filter = bastion::BreachFilter::open(breach_filter_path()).value();
    std::uint64_t number = 0;
    for (auto _ : state) require(filter.contains(bastion::breach::mix(++number)).ok());
}

void breach_filter_raw_reads(benchmark::State& state) {
    const int file = ::open(breach_filter_path().c_str(), O_RDONLY);
    const auto blocks = static_cast<std::uint64_t>(::lseek(file, 0, SEEK_END)) / bastion::breach::block_bytes;
    std::uint64_t number = 0;
    char block[bastion::breach::block_bytes];
    for (auto _ : state)
        for (int i = 0; i < 3; ++i) {
            const std::uint64_t offset = bastion::breach::mix(++number) % blocks * sizeof(block);
            require(::pread(file, block, sizeof(block), static_cast<off_t>(offset)) == sizeof(block));
        }
    ::close(file);
}

BENCHMARK(breach_filter_ours);
BENCHMARK(breach_filter_raw_reads);

// --- HS256

const std::string jwk_text = R"({"kty":"oct","alg":"HS256","k":")" +
                             bastion::base64url_encode(as_bytes("0123456789abcdef0123456789abcdef")) + R"("})";
const std::string claims =
    R"({"iss":"https://issuer.example","aud":"app","sub":"6f1c9a52-43f0-4a7e-a0f5-0d2e6a1c8b11",)"
    R"("iat":1700000000,"exp":1700003600,"jti":"3c2f9f30-9df5-4f0c-8c66-94f6f80f9b7d"})";

void hs256_verify_ours(benchmark::State& state) {
    const auto keys = bastion::parse_jwk_set(jwk_text).value();
    const auto options = bastion::parse_jwt_options(R"({"iss":"https://issuer.example","aud":"app"})").value();
    const std::string token = bastion::jwt_sign(claims, keys.keys.front()).value();
    for (auto _ : state) require(bastion::jwt_verify(token, keys, options, 1700000001.0).ok());
}

// The MAC alone, with a kept key: the floor below which no verification can go.
void hs256_raw_mac(benchmark::State& state) {
    const auto keys = bastion::parse_jwk_set(jwk_text).value();
    const std::string token = bastion::jwt_sign(claims, keys.keys.front()).value();
    const std::string_view input = std::string_view(token).substr(0, token.rfind('.'));
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    const std::string key = "0123456789abcdef0123456789abcdef";
    require(EVP_MAC_init(context, as_bytes(key).data(), key.size(), params) == 1);
    unsigned char out[32];
    std::size_t size = 0;
    for (auto _ : state)
        require(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&
                EVP_MAC_update(context, as_bytes(input).data(), input.size()) == 1 &&
                EVP_MAC_final(context, out, &size, sizeof out) == 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

BENCHMARK(hs256_verify_ours);
BENCHMARK(hs256_raw_mac);

// --- signatures by public keys, verified without a cache, beside the library call alone with everything kept

struct SignedToken {
    bastion::JwkSet keys;
    std::string token;
    std::string input;
    Bytes signature;
};

SignedToken signed_token(const char* algorithm) {
    const auto made = bastion::jwk_generate(algorithm).value();
    const auto signer = bastion::parse_jwk(made.private_jwk.text()).value();
    SignedToken out{bastion::parse_jwk_set(made.public_jwk).value(), bastion::jwt_sign(claims, signer).value(), {}, {}};
    const std::size_t dot = out.token.rfind('.');
    out.input = out.token.substr(0, dot);
    out.signature = bastion::base64url_decode(out.token.substr(dot + 1)).value();
    return out;
}

void verify_ours(benchmark::State& state, const char* algorithm) {
    const SignedToken made = signed_token(algorithm);
    const auto options = bastion::parse_jwt_options(R"({"iss":"https://issuer.example","aud":"app"})").value();
    for (auto _ : state) require(bastion::jwt_verify(made.token, made.keys, options, 1700000001.0).ok());
}

// EVP_DigestVerify with a kept key, and for ECDSA a signature that is ASN.1 already.
void verify_raw_openssl(benchmark::State& state, const char* algorithm, const char* type) {
    EVP_PKEY* const key = type[0] == 'E' ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                         : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
    const SignedToken made = signed_token(algorithm);
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    Bytes signature(512);
    std::size_t size = signature.size();
    require(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
            EVP_DigestSign(context, signature.data(), &size, as_bytes(made.input).data(), made.input.size()) == 1);
    for (auto _ : state)
        require(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
                EVP_DigestVerify(context, signature.data(), size, as_bytes(made.input).data(), made.input.size()) == 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

void verify_raw_sodium(benchmark::State& state) {
    const SignedToken made = signed_token("EdDSA");
    for (auto _ : state)
        require(crypto_sign_verify_detached(made.signature.data(), as_bytes(made.input).data(), made.input.size(),
                                            made.keys.keys.front().ed25519_public.data()) == 0);
}

BENCHMARK_CAPTURE(verify_ours, es256, "ES256");
BENCHMARK_CAPTURE(verify_raw_openssl, es256, "ES256", "EC");
BENCHMARK_CAPTURE(verify_ours, rs256, "RS256");
BENCHMARK_CAPTURE(verify_raw_openssl, rs256, "RS256", "RSA");
BENCHMARK_CAPTURE(verify_ours, eddsa, "EdDSA");
BENCHMARK(verify_raw_sodium);

// --- sealed values of range(0) bytes

SecretBytes data_key() { return SecretBytes(Bytes(bastion::data_key_bytes, 1)); }

void seal_ours(benchmark::State& state) {
    auto key = bastion::SealingKey::create(data_key()).value();
    const Bytes plaintext(static_cast<std::size_t>(state.range(0)));
    Bytes out(plaintext.size() + bastion::sealed_overhead);
    for (auto _ : state) require(key.seal_into(plaintext, 1, aad, out).ok());
}

void open_ours(benchmark::State& state) {
    auto key = bastion::SealingKey::create(data_key()).value();
    const Bytes sealed = key.seal(Bytes(static_cast<std::size_t>(state.range(0))), 1, aad).value();
    Bytes out(sealed.size() - bastion::sealed_overhead);
    for (auto _ : state) require(key.open_into(sealed, aad, out).ok());
}

void seal_ours_key_not_kept(benchmark::State& state) {
    const SecretBytes key = data_key();
    const Bytes plaintext(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) require(bastion::seal_value(plaintext, key, 1, aad).ok());
}

// AES-256-GCM with a kept context, a new key and nonce per message as XAES demands, no commitment, no allocation.
void aes_gcm_raw(benchmark::State& state) {
    EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    require(EVP_EncryptInit_ex2(context, cipher, nullptr, nullptr, nullptr) == 1);
    const Bytes plaintext(static_cast<std::size_t>(state.range(0)));
    Bytes out(plaintext.size() + 16);
    std::array<unsigned char, 32> key{};
    std::array<unsigned char, 12> nonce{};
    int size = 0;
    for (auto _ : state) {
        randombytes_buf(nonce.data(), nonce.size());
        require(EVP_EncryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1 &&
                EVP_EncryptUpdate(context, nullptr, &size, as_bytes(aad).data(), static_cast<int>(aad.size())) == 1 &&
                EVP_EncryptUpdate(context, out.data(), &size, plaintext.data(), static_cast<int>(plaintext.size())) ==
                    1 &&
                EVP_EncryptFinal_ex(context, out.data() + plaintext.size(), &size) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out.data() + plaintext.size()) == 1);
    }
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
}

BENCHMARK(seal_ours)->Arg(32)->Arg(4096);
BENCHMARK(open_ours)->Arg(32)->Arg(4096);
BENCHMARK(seal_ours_key_not_kept)->Arg(32);
BENCHMARK(aes_gcm_raw)->Arg(32)->Arg(4096);

// --- the assertion of a passkey: at most 1.15 times the verification of its signature under a key that is kept, and 0.3 ms

const bastion::test::PasskeyKey& passkey_of(bastion::CoseAlgorithm algorithm) {
    static const bastion::test::PasskeyKey ed25519("bench");
    static const bastion::test::PasskeyKey p256(bastion::CoseAlgorithm::es256);
    static const bastion::test::PasskeyKey rsa(bastion::CoseAlgorithm::rs256);
    if (algorithm == bastion::CoseAlgorithm::eddsa) return ed25519;
    return algorithm == bastion::CoseAlgorithm::es256 ? p256 : rsa;
}

void passkey_ours(benchmark::State& state, bastion::CoseAlgorithm algorithm) {
    const bastion::test::PasskeyKey& key = passkey_of(algorithm);
    const bastion::test::Ceremony ceremony(false, key);
    const std::string credential = ceremony.json();
    const std::vector<std::string> origins{ceremony.origin};
    const bastion::StoredPasskey stored{as_bytes(ceremony.id), as_bytes(key.cose()), 0, false,
                                        as_bytes(bastion::test::user_handle)};
    for (auto _ : state)
        require(bastion::webauthn_assert(
                    credential, {bastion::test::rp_id, origins, as_bytes(bastion::test::challenge), true}, stored, true)
                    .ok());
}

void passkey_raw(benchmark::State& state, bastion::CoseAlgorithm algorithm) {
    const bastion::test::PasskeyKey& key = passkey_of(algorithm);
    const auto parsed = bastion::parse_cose_key(as_bytes(key.cose()));
    const std::string input = "authenticator data and the hash of the client data";
    const std::string signature = key.sign(input);
    for (auto _ : state) require(*bastion::cose_verify(*parsed, input, as_bytes(signature)));
}

BENCHMARK_CAPTURE(passkey_ours, es256, bastion::CoseAlgorithm::es256);
BENCHMARK_CAPTURE(passkey_raw, es256, bastion::CoseAlgorithm::es256);
BENCHMARK_CAPTURE(passkey_ours, eddsa, bastion::CoseAlgorithm::eddsa);
BENCHMARK_CAPTURE(passkey_raw, eddsa, bastion::CoseAlgorithm::eddsa);
BENCHMARK_CAPTURE(passkey_ours, rs256, bastion::CoseAlgorithm::rs256);
BENCHMARK_CAPTURE(passkey_raw, rs256, bastion::CoseAlgorithm::rs256);

}  // namespace

int main(int argc, char** argv) {
    if (!bastion::initialise_libraries()) return 1;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
