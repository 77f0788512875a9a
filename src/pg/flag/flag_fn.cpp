// SQL functions of feature flags: flag_boolean(), flag_text(), flag_numeric(), flag_json(), flag_evaluate(), and the check of a
// definition. Arguments of the former: key, default value, context.
#include "core/flag/flag.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/flag/flag_read.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t max_context = 64 * 1024;

// What a call evaluates, as PODs. The flag and the roles are pinned.
struct Call {
    Utf8 key;
    const Flag* flag;
    Utf8 context;  // null without
    const Identity* identity;
    const std::vector<std::string>* roles;
    std::int64_t seconds;
};

// What phase B leaves for phase C.
struct Answer {
    bool found;  // else the default value of the caller counts
    Utf8 value;  // of a text the text itself, else JSON
    Utf8 details;
};

Call call_of(FunctionCallInfo fcinfo) {
    Call out{};
    const Decision& decision = require_context();
    const bool is_known = decision.state == ContextState::authenticated;
    out.identity = is_known ? &decision.identity : nullptr;
    if (PG_ARGISNULL(0)) return out;
    const ServerText key = server_text(PG_GETARG_TEXT_PP(0));
    out.key = utf8_of(key);
    out.flag = flag_of(key, is_known ? decision.identity.tenant : OptionalUuid{});
    out.seconds = static_cast<std::int64_t>(unix_time_of(GetCurrentStatementStartTimestamp()));
    if (out.flag == nullptr || !out.flag->targeting) return out;
    if (!PG_ARGISNULL(2)) out.context = jsonb_text(PG_GETARG_JSONB_P(2));
    if (is_known && out.flag->targeting.reads_roles() && decision.identity.tenant.present)
        out.roles = &roles_of(decision.identity.user, decision.identity.tenant.value, decision.identity.unit);
    return out;
}

// The texts that a subject refers to.
struct SubjectTexts {
    char user[uuid_text_size] = "";
    char tenant[uuid_text_size] = "";
    char unit[uuid_text_size] = "";
    JsonDocument context;
};

void add_identity(FlagSubject& subject, SubjectTexts& texts, const Identity& identity) noexcept {
    format_uuid_text(identity.user, texts.user);
    subject.user = texts.user;
    subject.level = identity.level;
    subject.targeting_key = texts.user;
    if (identity.tenant.present) {
        format_uuid_text(identity.tenant.value, texts.tenant);
        subject.tenant = texts.tenant;
    }
    if (identity.unit.present) {
        format_uuid_text(identity.unit.value, texts.unit);
        subject.unit = texts.unit;
    }
}

// False for a context that is no object, or too large.
bool add_context(FlagSubject& subject, SubjectTexts& texts, Utf8 context) {
    Result<JsonDocument> parsed = parse_json(context, max_context, JsonNumbers::any);
    if (!parsed || !parsed->root().is_object()) return false;
    texts.context = std::move(*parsed);
    subject.attributes = texts.context.root();
    const std::optional<JsonValue> key = subject.attributes->find("targetingKey");
    if (key && key->string() && !key->string()->empty()) subject.targeting_key = *key->string();
    return true;
}

FlagOutcome outcome_of(const Call& call, std::optional<FlagType> wanted) {
    if (call.flag == nullptr) return {FlagReason::error, FlagError::flag_not_found, nullptr};
    FlagSubject subject{};
    SubjectTexts texts;
    subject.seconds = call.seconds;
    if (call.identity != nullptr) add_identity(subject, texts, *call.identity);
    if (call.roles != nullptr) subject.roles = *call.roles;
    if (!call.context.is_null() && !add_context(subject, texts, call.context))
        return {FlagReason::error, FlagError::invalid_context, nullptr};
    return evaluate_flag(*call.flag, call.key, subject, wanted);
}

Answer value_for(const Call& call, FlagType wanted) {
    Answer out{};
    guarded_or_raise([&]() -> Result<void> {
        const FlagOutcome outcome = outcome_of(call, wanted);
        out.found = outcome.variant != nullptr;
        if (!out.found) return {};
        return store(out.value, wanted == FlagType::text ? outcome.variant->text : outcome.variant->json);
    });
    return out;
}

// As OpenFeature names the members of its evaluation details.
std::string details_of(const Call& call, const FlagOutcome& outcome, std::string_view default_value) {
    std::string out = "{\"value\":";
    out += outcome.variant != nullptr ? std::string_view(outcome.variant->json) : default_value;
    if (outcome.variant != nullptr) {
        out += ",\"variant\":";
        json_append_string(out, outcome.variant->name);
    }
    out.append(",\"reason\":\"").append(word_of(outcome.reason)).append("\"");
    if (outcome.error != FlagError::none) out.append(",\"errorCode\":\"").append(word_of(outcome.error)).append("\"");
    if (call.flag != nullptr && !call.flag->metadata.empty())
        out.append(",\"flagMetadata\":").append(call.flag->metadata);
    return out + "}";
}

// The type of the default value, which the value must have too; null takes any.
std::optional<FlagType> type_of_default(const Jsonb* value) {
    if (value == nullptr) return {};
    JsonbValue scalar;
    if (!JB_ROOT_IS_SCALAR(value) || !JsonbExtractScalar(const_cast<JsonbContainer*>(&value->root), &scalar))
        return FlagType::object;
    switch (scalar.type) {
        case jbvBool: return FlagType::boolean;
        case jbvNumeric: return FlagType::number;
        case jbvString: return FlagType::text;
        default: return {};
    }
}

Datum default_or_null(FunctionCallInfo fcinfo) {
    fcinfo->isnull = PG_ARGISNULL(1);
    return PG_ARGISNULL(1) ? Datum{0} : PG_GETARG_DATUM(1);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_flag_boolean);
Datum bastion_flag_boolean(PG_FUNCTION_ARGS) {
    const Answer answer = value_for(call_of(fcinfo), FlagType::boolean);
    if (!answer.found) return default_or_null(fcinfo);
    PG_RETURN_BOOL(answer.value.bytes() == "true");
}

PG_FUNCTION_INFO_V1(bastion_flag_text);
Datum bastion_flag_text(PG_FUNCTION_ARGS) {
    const Answer answer = value_for(call_of(fcinfo), FlagType::text);
    return answer.found ? text_datum(answer.value) : default_or_null(fcinfo);
}

PG_FUNCTION_INFO_V1(bastion_flag_numeric);
Datum bastion_flag_numeric(PG_FUNCTION_ARGS) {
    const Answer answer = value_for(call_of(fcinfo), FlagType::number);
    if (!answer.found) return default_or_null(fcinfo);
    char* text = pnstrdup(answer.value.bytes().data(), answer.value.bytes().size());
    return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

PG_FUNCTION_INFO_V1(bastion_flag_json);
Datum bastion_flag_json(PG_FUNCTION_ARGS) {
    const Answer answer = value_for(call_of(fcinfo), FlagType::object);
    return answer.found ? jsonb_datum(answer.value) : default_or_null(fcinfo);
}

PG_FUNCTION_INFO_V1(bastion_flag_evaluate);
Datum bastion_flag_evaluate(PG_FUNCTION_ARGS) {
    const Call call = call_of(fcinfo);
    const Jsonb* default_value = PG_ARGISNULL(1) ? nullptr : PG_GETARG_JSONB_P(1);
    const std::optional<FlagType> wanted = type_of_default(default_value);
    const Utf8 default_text = default_value == nullptr ? Utf8("null") : jsonb_text(default_value);
    Utf8 details;
    guarded_or_raise(
        [&]() -> Result<void> { return store(details, details_of(call, outcome_of(call, wanted), default_text)); });
    return jsonb_datum(details);
}

// Raises unless the definition is one that parse_flag() takes.
PG_FUNCTION_INFO_V1(bastion_require_flag);
Datum bastion_require_flag(PG_FUNCTION_ARGS) {
    const Utf8 definition = jsonb_text(PG_GETARG_JSONB_P(0));
    guarded_or_raise([&]() -> Result<void> {
        const Result<Flag> flag = parse_flag(definition);
        if (!flag) return flag.error();
        return {};
    });
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
