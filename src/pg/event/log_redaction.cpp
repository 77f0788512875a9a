// Keeps secrets out of the server log. A message that quotes SQL with a secret in it, or that is raised while such a
// statement runs, is written without the statement, its parameters and the values that the message quotes. Messages to
// the client do not change: the message is changed, written to the log from inside the hook, and changed back. Runs
// anywhere, in critical sections and after errors too: no code here allocates, reads tables or raises, and the
// replacement texts are statics.
#include "pg/event/log_redaction.hpp"

#include "core/event/secret_call.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

char* redacted_names = nullptr;

const SettingsTable table([] {
    define(StringSetting{"bastion.redacted_names",
                         "Your own functions and views that take secrets: when the library is preloaded, the server "
                         "log redacts statements that name one.",
                         &redacted_names, "", PGC_SIGHUP});
});

emit_log_hook_type previous_hook = nullptr;

char label[96];  // the replacement for redacted text
char short_message[256];
char short_context[4096];

std::string_view text_of(const char* text) noexcept { return text != nullptr ? text : ""; }

// EXECUTE carries values for a statement that was prepared before.
const char* prepared_statement(const char* name) noexcept {
    const PreparedStatement* prepared = FetchPreparedStatement(name, false);
    return prepared != nullptr ? prepared->plansource->query_string : nullptr;
}

// FETCH runs the statement of a cursor, which is open still when its error is reported.
const char* statement_of_cursor(const char* name) noexcept {
    const Portal portal = GetPortalByName(name);
    return PortalIsValid(portal) ? portal->sourceText : nullptr;
}

// In the statements that a text names.
template <class Find, class Statement>
std::string_view secret_of_named(std::string_view text, Find find, Statement statement) noexcept {
    char name[NAMEDATALEN];
    for (std::size_t from = 0; find(text, from, std::span<char>(name));)
        if (const auto found = find_secret_call(text_of(statement(name)), text_of(redacted_names)); !found.empty())
            return found;
    return {};
}

std::string_view secret_in(const char* text) noexcept {
    if (text == nullptr || *text == '\0') return {};
    if (const auto found = find_secret_call(text, text_of(redacted_names)); !found.empty()) return found;
    const std::string_view found = secret_of_named(text, find_executed, prepared_statement);
    return found.empty() ? secret_of_named(text, find_fetched, statement_of_cursor) : found;
}

std::string_view secret_in(const ErrorData& message) noexcept {
    for (const char* text :
         {debug_query_string, static_cast<const char*>(message.message), static_cast<const char*>(message.detail),
          static_cast<const char*>(message.detail_log), static_cast<const char*>(message.hint),
          static_cast<const char*>(message.context), static_cast<const char*>(message.internalquery)})
        if (const std::string_view found = secret_in(text); !found.empty()) return found;
    return {};
}

// The record of accesses to secrets: made by the extension, without a secret, and never suppressed because of a name
// in it.
bool is_access_record(const ErrorData& message) noexcept {
    return message.elevel == LOG_SERVER_ONLY && text_of(message.filename) == "server_log_fn.cpp";
}

bool is_for_the_log(const ErrorData& message) noexcept { return message.elevel <= LOG_SERVER_ONLY; }

// "duration: %s ms statement: %s" keeps the text before the second colon, "statement: %s" the text before the first.
std::size_t kept_prefix(std::string_view format, std::string_view message) noexcept {
    auto colons = std::count(format.begin(), format.end(), ':');
    if (colons == 0) return 0;
    for (std::size_t at = 0; at < std::min(message.size(), sizeof short_message - sizeof label); ++at)
        if (message[at] == ':' && --colons == 0) return at + 1;
    return 0;
}

// Messages of auto_explain and pgaudit, which may quote a statement that another one runs.
bool quotes_a_plan(std::string_view format) noexcept {
    return format.find("plan:") != std::string_view::npos || format.starts_with("AUDIT:");
}

char* without_statement(const ErrorData& message) noexcept {
    const std::size_t kept = kept_prefix(text_of(message.message_id), text_of(message.message));
    std::memcpy(short_message, text_of(message.message).data(), kept);
    snprintf(short_message + kept, sizeof short_message - kept, "%s%s", kept > 0 ? " " : "", label);
    return short_message;
}

// The message of an error without the values that it quotes: its format. "%s" alone is the format of custom messages
// from C++ and PL/pgSQL.
char* without_values(const ErrorData& message) noexcept {
    const std::string_view format = text_of(message.message_id);
    const bool own = text_of(message.filename).ends_with(".cpp");
    if (format.empty() || (format == "%s" && !secret_in(message.message).empty())) return label;
    if (own || format == "%s" || format.find('%') == std::string_view::npos) return message.message;
    return const_cast<char*>(message.message_id);
}

char* shorter_message(const ErrorData& message) noexcept {
    if (!is_for_the_log(message)) return without_values(message);
    if (secret_in(message.message).empty() && !quotes_a_plan(text_of(message.message_id))) return message.message;
    return without_statement(message);
}

// Lines that name a function and a place in it quote no values. Translated lines are not recognised, and are redacted.
bool names_a_place(std::string_view line) noexcept {
    return line.starts_with("PL/pgSQL function ") || line.starts_with("SQL function ");
}

// Quoted SQL may have several lines, and so may the redacted text.
char* shorter_context(std::string_view context) noexcept {
    std::size_t used = 0;
    bool left_out = false;
    const auto append = [&](std::string_view line) {
        if (used + line.size() + 2 > sizeof short_context) return;
        if (used > 0) short_context[used++] = '\n';
        std::memcpy(short_context + used, line.data(), line.size());
        used += line.size();
    };
    for (std::size_t begin = 0; begin <= context.size();) {
        const std::size_t end = std::min(context.find('\n', begin), context.size());
        const std::string_view line(context.data() + begin, end - begin);
        const bool kept = names_a_place(line);
        if (kept || !left_out) append(kept ? line : std::string_view(label));
        left_out = !kept;
        begin = end + 1;
    }
    short_context[used] = '\0';
    return short_context;
}

void leave_out_secrets(ErrorData& message) noexcept {
    message.message = shorter_message(message);
    if (message.detail != nullptr) message.detail = label;
    if (!secret_in(message.detail_log).empty()) message.detail_log = label;
    if (!secret_in(message.hint).empty()) message.hint = label;
    if (message.context != nullptr) message.context = shorter_context(message.context);
    if (message.internalquery != nullptr) message.internalquery = label;
}

// Writes the changed message. Hooks that were installed later have processed it already.
void write_to_log(ErrorData& message) {
    const char* const statement = debug_query_string;
    const emit_log_hook_type hook = emit_log_hook;
    if (statement != nullptr) debug_query_string = label;
    message.output_to_client = false;
    emit_log_hook = previous_hook;
    PG_TRY();
    { EmitErrorReport(); }
    PG_FINALLY();
    {
        emit_log_hook = hook;
        debug_query_string = statement;
    }
    PG_END_TRY();
}

void redact(ErrorData* message) {
    const std::string_view secret =
        message->output_to_server && !is_access_record(*message) ? secret_in(*message) : std::string_view();
    if (secret.empty()) {
        if (previous_hook != nullptr) previous_hook(message);
        return;
    }
    const ErrorData original = *message;
    snprintf(label, sizeof label, "<redacted: %.*s>", static_cast<int>(secret.size()), secret.data());
    leave_out_secrets(*message);
    write_to_log(*message);
    *message = original;
    message->output_to_server = false;
}

}  // namespace

void watch_log() {
    if (!process_shared_preload_libraries_in_progress) return;
    previous_hook = emit_log_hook;
    emit_log_hook = redact;
}

}  // namespace bastion::pg
