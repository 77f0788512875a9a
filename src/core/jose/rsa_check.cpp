#include "core/jose/rsa_check.hpp"

#include <openssl/err.h>

#include <array>
#include <bitset>
#include <initializer_list>
#include <utility>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

SecretNumber number(const SecretBytes& bytes) {
    SecretNumber made(BN_secure_new());
    if (made && BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), made.get()) == nullptr) made.reset();
    if (made) BN_set_flags(made.get(), BN_FLG_CONSTTIME);
    return made;
}

// Whether `value` is a power of 65537 modulo `prime`.
bool is_power_of_65537(BN_ULONG value, unsigned prime) {
    std::bitset<256> powers;
    for (unsigned power = 1; !powers.test(power); power = power * 65537U % prime) powers.set(power);
    return powers.test(value);
}

// CVE-2017-15361: moduli of a widespread chip are powers of 65537 modulo every small prime, and can be factored. One
// other modulus in 2^27 looks the same.
bool is_roca(const BIGNUM* n) {
    constexpr std::array<unsigned, 38> primes{3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                              47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                              107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (const unsigned prime : primes)
        if (!is_power_of_65537(BN_mod_word(n, prime), prime)) return false;
    return true;
}

Result<void> check_public(const BIGNUM* n, const BIGNUM* e) {
    if (BN_num_bits(n) < rsa_least_bits) return invalid_argument("an RSA key must have at least 2048 bits");
    if (BN_num_bits(n) > rsa_most_bits) return invalid_argument("an RSA key may have at most 16384 bits");
    if (!BN_is_odd(n)) return invalid_argument("the modulus of an RSA key must be odd");
    if (!BN_is_odd(e) || BN_is_one(e))
        return invalid_argument("the public exponent of an RSA key must be odd and above 1");
    // Larger ones are never made; they make verifying as slow as signing.
    if (BN_num_bits(e) > 64) return invalid_argument("the public exponent of an RSA key may have at most 64 bits");
    if (is_roca(n)) return invalid_argument("the RSA key is one of those that can be factored (CVE-2017-15361)");
    return {};
}

// left·right ≡ wanted (mod modulus - less)
bool congruent(const BIGNUM* left, const BIGNUM* right, const BIGNUM* modulus, unsigned less, BN_CTX* context) {
    const SecretNumber reduced(BN_dup(modulus));
    const SecretNumber product(BN_secure_new());
    if (!reduced || !product || BN_sub_word(reduced.get(), less) != 1) return false;
    return BN_mod_mul(product.get(), left, right, reduced.get(), context) == 1 && BN_is_one(product.get());
}

// exponent = d mod (prime - 1)
bool is_reduced(const BIGNUM* exponent, const BIGNUM* d, const BIGNUM* prime, BN_CTX* context) {
    const SecretNumber reduced(BN_dup(prime));
    const SecretNumber remainder(BN_secure_new());
    return reduced && remainder && BN_sub_word(reduced.get(), 1) == 1 &&
           BN_nnmod(remainder.get(), d, reduced.get(), context) == 1 && BN_cmp(remainder.get(), exponent) == 0;
}

struct Factors {
    SecretNumber p, q, dp, dq, qi;
};

bool factors_belong(const BIGNUM* n, const BIGNUM* e, const BIGNUM* d, const Factors& f, BN_CTX* context) {
    if (!f.p || !f.q || !f.dp || !f.dq || !f.qi || BN_cmp(f.p.get(), f.q.get()) == 0) return false;
    if (BN_is_one(f.p.get()) || BN_is_one(f.q.get())) return false;
    const SecretNumber product(BN_secure_new());
    return product && BN_mul(product.get(), f.p.get(), f.q.get(), context) == 1 && BN_cmp(product.get(), n) == 0 &&
           congruent(e, d, f.p.get(), 1, context) && congruent(e, d, f.q.get(), 1, context) &&
           is_reduced(f.dp.get(), d, f.p.get(), context) && is_reduced(f.dq.get(), d, f.q.get(), context) &&
           congruent(f.q.get(), f.qi.get(), f.p.get(), 0, context);
}

// Without the factors: a number raised to e and then to d is itself again.
bool exponents_belong(const BIGNUM* n, const BIGNUM* e, const BIGNUM* d, BN_CTX* context) {
    const SecretNumber base(BN_new());
    const SecretNumber power(BN_secure_new());
    return base && power && BN_set_word(base.get(), 0x10001) == 1 &&
           BN_mod_exp(power.get(), base.get(), e, n, context) == 1 &&
           BN_mod_exp(power.get(), power.get(), d, n, context) == 1 && BN_cmp(power.get(), base.get()) == 0;
}

Result<void> check_private(const RsaNumbers& numbers, const BIGNUM* n, const BIGNUM* e) {
    const bool some =
        !numbers.p.empty() || !numbers.q.empty() || !numbers.dp.empty() || !numbers.dq.empty() || !numbers.qi.empty();
    const bool all =
        !numbers.p.empty() && !numbers.q.empty() && !numbers.dp.empty() && !numbers.dq.empty() && !numbers.qi.empty();
    if (some != all)
        return invalid_argument("a private RSA key must have all of \"p\", \"q\", \"dp\", \"dq\" and \"qi\", or none");
    const SecretNumber d = number(numbers.d);
    const NumberContext context(BN_CTX_secure_new());
    bool belongs = d && context && BN_cmp(d.get(), n) < 0 && !BN_is_zero(d.get());
    if (belongs && all)
        belongs = factors_belong(
            n, e, d.get(),
            {number(numbers.p), number(numbers.q), number(numbers.dp), number(numbers.dq), number(numbers.qi)},
            context.get());
    else if (belongs)
        belongs = exponents_belong(n, e, d.get(), context.get());
    ERR_clear_error();
    if (!belongs) return invalid_argument("the private part of an RSA key does not belong to its public part");
    return {};
}

}  // namespace

Result<void> check_rsa(const RsaNumbers& numbers) {
    for (const SecretBytes* part :
         {&numbers.n, &numbers.e, &numbers.d, &numbers.p, &numbers.q, &numbers.dp, &numbers.dq, &numbers.qi}) {
        if (part->size() > rsa_most_bits / 8) return invalid_argument("an RSA key may have at most 16384 bits");
        // RFC 7518 §2: Base64urlUInt has no leading zeros.
        if (!part->empty() && *part->data() == 0) return invalid_argument("a number of an RSA key has a leading zero");
    }
    const SecretNumber n = number(numbers.n);
    const SecretNumber e = number(numbers.e);
    if (!n || !e) return Error{ErrorCode::internal, "could not read an RSA key"};
    if (auto checked = check_public(n.get(), e.get()); !checked) return checked;
    return numbers.d.empty() ? Result<void>() : check_private(numbers, n.get(), e.get());
}

}  // namespace bastion
