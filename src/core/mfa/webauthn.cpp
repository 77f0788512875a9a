#include "core/mfa/webauthn.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/opaque_token.hpp"
#include "core/mfa/authenticator_data.hpp"

namespace bastion {
namespace {

constexpr std::size_t client_data_most_bytes = 16 * 1024;
constexpr std::size_t most_transports = 8;
constexpr std::size_t most_transport_bytes = 32;

Error refused(std::string_view reason) {
    return {ErrorCode::token_refused, "the passkey is not accepted", {}, {}, reason};
}

// A member of an object that is canonical base64url.
std::optional<Bytes> bytes_of(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    const auto text = member ? member->string() : std::nullopt;
    if (!text) return std::nullopt;
    Result<Bytes> bytes = base64url_decode(*text);
    if (!bytes) return std::nullopt;
    return std::move(*bytes);
}

std::optional<std::string_view> text_of(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    return member ? member->string() : std::nullopt;
}

// The JSON of a browser, with the parts that both ceremonies have.
struct Credential {
    JsonDocument document;
    Bytes id;
    Bytes client_data;

    [[nodiscard]] JsonValue response() const { return *document.root().find("response"); }
};

Result<Credential> parse_credential(std::string_view text) {
    Result<JsonDocument> document = parse_json(text, webauthn_most_bytes);
    if (!document) return refused("the credential is not strict JSON");
    const JsonValue root = document->root();
    const auto response = root.find("response");
    if (!root.is_object() || text_of(root, "type") != "public-key") return refused("the credential is no public key");
    if (!response || !response->is_object()) return refused("the credential has no response");
    auto id = bytes_of(root, "rawId");
    auto client_data = bytes_of(*response, "clientDataJSON");
    if (!id || id->empty() || id->size() > credential_id_most_bytes || bytes_of(root, "id") != id)
        return refused("the credential has no id");
    if (!client_data) return refused("the response has no client data");
    return Credential{std::move(*document), std::move(*id), std::move(*client_data)};
}

bool is_false_or_absent(const JsonValue& object, std::string_view name) {
    const auto member = object.find(name);
    return !member || member->boolean() == false;
}

// §7.1 steps 6 to 11, §7.2 steps 10 to 14.
Result<void> check_client_data(ByteSpan client_data, std::string_view type, const WebauthnExpected& expected) {
    const Result<JsonDocument> document = parse_json(as_text(client_data), client_data_most_bytes);
    if (!document || !document->root().is_object()) return refused("the client data are not a strict JSON object");
    const JsonValue root = document->root();
    if (text_of(root, "type") != type) return refused("the client data are of another ceremony");
    const auto challenge = bytes_of(root, "challenge");
    if (!challenge || !constant_time_equal(*challenge, expected.challenge))
        return refused("the challenge is another one");
    const auto origin = text_of(root, "origin");
    if (!origin || std::ranges::find(expected.origins, *origin) == expected.origins.end())
        return refused("the origin is not one of the relying party");
    if (!is_false_or_absent(root, "crossOrigin") || root.find("topOrigin"))
        return refused("the page was in a frame of another origin");
    return {};
}

// §7.1 steps 14 to 19, §7.2 steps 15 to 19.
Result<void> check_authenticator(const AuthenticatorData& data, const WebauthnExpected& expected) {
    const Sha256 hash = opaque_token_hash(expected.rp_id);
    if (!std::ranges::equal(data.rp_id_hash, hash)) return refused("the relying party is another one");
    if (!data.user_present) return refused("the user was not present");
    if (expected.user_verified && !data.user_verified) return refused("the user was not verified");
    if (data.backed_up && !data.backup_eligible) return refused("the passkey is backed up and must not be");
    return {};
}

// What an authenticator signs: its data and the hash of the client data.
std::string signed_input(ByteSpan authenticator_data, ByteSpan client_data) {
    std::string input(as_text(authenticator_data));
    input += as_text(opaque_token_hash(as_text(client_data)));
    return input;
}

// §8.7, and §8.2 without x5c: the credential's own key.
Result<void> check_attestation(const CborValue& attestation, const CoseKey& key, const std::string& input) {
    const CborValue* const format = attestation.find("fmt");
    const CborValue* const statement = attestation.find("attStmt");
    if (format == nullptr || statement == nullptr || statement->type != CborType::map)
        return refused("the attestation has no format or statement");
    if (format->as_text() == "none")
        return statement->members.empty() ? Result<void>() : refused("an attestation of none has a statement");
    if (format->as_text() != "packed" || statement->find("x5c") != nullptr)
        return refused("the attestation is neither none nor packed by the passkey itself");
    const CborValue* const algorithm = statement->find("alg");
    const CborValue* const signature = statement->find("sig");
    if (algorithm == nullptr || algorithm->as_integer() != static_cast<int>(key.algorithm) || signature == nullptr ||
        signature->type != CborType::bytes)
        return refused("the attestation has no signature of the algorithm of the passkey");
    const Result<bool> valid = cose_verify(key, input, signature->content);
    if (!valid) return valid.error();
    return *valid ? Result<void>() : refused("the signature of the attestation is wrong");
}

// Hints for later ceremonies, no promises: unknown ones are kept, malformed ones are left out.
std::vector<std::string> transports_of(const JsonValue& response) {
    std::vector<std::string> transports;
    const auto listed = response.find("transports");
    if (!listed) return transports;
    for (const JsonValue& element : listed->elements()) {
        const auto name = element.string();
        const bool is_word = name && !name->empty() && name->size() <= most_transport_bytes &&
                             std::ranges::all_of(*name, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
        if (is_word && transports.size() < most_transports) transports.emplace_back(*name);
    }
    return transports;
}

struct Attestation {
    CborValue value;
    ByteSpan authenticator_data;
};

Result<Attestation> parse_attestation(ByteSpan object) {
    Result<CborRead> read = read_cbor(object);
    if (!read || read->size != object.size() || read->value.type != CborType::map)
        return refused("the attestation is no strict CBOR map");
    const CborValue* const data = read->value.find("authData");
    if (data == nullptr || data->type != CborType::bytes) return refused("the attestation has no authenticator data");
    const ByteSpan authenticator_data = data->content;
    return Attestation{std::move(read->value), authenticator_data};
}

Bytes copy_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Result<NewPasskey> webauthn_register(std::string_view text, const WebauthnExpected& expected) {
    const Result<Credential> credential = parse_credential(text);
    if (!credential) return credential.error();
    if (auto checked = check_client_data(credential->client_data, "webauthn.create", expected); !checked)
        return std::move(checked).error();
    const auto object = bytes_of(credential->response(), "attestationObject");
    if (!object) return refused("the response has no attestation");
    const Result<Attestation> attestation = parse_attestation(*object);
    if (!attestation) return attestation.error();
    const Result<AuthenticatorData> data = parse_authenticator_data(attestation->authenticator_data);
    if (!data || !data->credential) return refused("the authenticator data are malformed or without a credential");
    if (auto checked = check_authenticator(*data, expected); !checked) return std::move(checked).error();
    if (!std::ranges::equal(data->credential->id, credential->id)) return refused("the credential has two ids");
    const Result<CoseKey> key = parse_cose_key(data->credential->public_key);
    if (!key) return refused("the public key is not supported: " + key.error().message);
    const std::string input = signed_input(attestation->authenticator_data, credential->client_data);
    if (auto checked = check_attestation(attestation->value, *key, input); !checked) return std::move(checked).error();
    return NewPasskey{credential->id,
                      copy_of(data->credential->public_key),
                      key->algorithm,
                      data->sign_count,
                      data->backup_eligible,
                      data->backed_up,
                      data->user_verified,
                      data->credential->aaguid,
                      std::string(*attestation->value.find("fmt")->as_text()),
                      transports_of(credential->response())};
}

Result<Bytes> webauthn_credential_id(std::string_view text) {
    Result<Credential> credential = parse_credential(text);
    if (!credential) return std::move(credential).error();
    return std::move(credential->id);
}

namespace {

// §7.2 step 6: the user whom the authenticator names is the owner of the passkey.
Result<void> check_user_handle(const JsonValue& response, ByteSpan owner, bool is_needed) {
    const auto member = response.find("userHandle");
    if (!member || member->type() == JsonType::null)
        return is_needed ? refused("the authenticator names no user") : Result<void>();
    const auto handle = bytes_of(response, "userHandle");
    if (!handle || !constant_time_equal(*handle, owner)) return refused("the authenticator names another user");
    return {};
}

}  // namespace

Result<PasskeyUse> webauthn_assert(std::string_view text, const WebauthnExpected& expected, const StoredPasskey& stored,
                                   bool needs_user_handle) {
    const Result<Credential> credential = parse_credential(text);
    if (!credential) return credential.error();
    if (!std::ranges::equal(credential->id, stored.credential_id)) return refused("the passkey is another one");
    if (auto checked = check_user_handle(credential->response(), stored.user_handle, needs_user_handle); !checked)
        return std::move(checked).error();
    if (auto checked = check_client_data(credential->client_data, "webauthn.get", expected); !checked)
        return std::move(checked).error();
    const auto authenticator_data = bytes_of(credential->response(), "authenticatorData");
    const auto signature = bytes_of(credential->response(), "signature");
    if (!authenticator_data || !signature) return refused("the response has no authenticator data or signature");
    const Result<AuthenticatorData> data = parse_authenticator_data(*authenticator_data);
    if (!data || data->credential) return refused("the authenticator data are malformed or have a new credential");
    if (auto checked = check_authenticator(*data, expected); !checked) return std::move(checked).error();
    if (data->backup_eligible != stored.backup_eligible) return refused("the passkey changed its backup eligibility");
    const Result<CoseKey> key = parse_cose_key(stored.public_key);
    if (!key) return key.error();
    const Result<bool> valid =
        cose_verify(*key, signed_input(*authenticator_data, credential->client_data), *signature);
    if (!valid) return valid.error();
    if (!*valid) return refused("the signature is wrong");
    // §7.2 step 22: authenticators without a counter have 0.
    const bool counts = data->sign_count != 0 || stored.sign_count != 0;
    return PasskeyUse{data->sign_count, data->backed_up, data->user_verified,
                      counts && data->sign_count <= stored.sign_count};
}

}  // namespace bastion
