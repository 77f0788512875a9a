// Keeps secrets out of the server log. A message that quotes SQL with a secret in it, or that is raised while such a
// statement runs, is written without the statement, its parameters and the values that the message quotes. Messages to
// the client do not change: the message is changed, written to the log from inside the hook, and changed back. Runs
// anywhere, in critical sections and after errors too: no code here allocates, reads tables or raises, and the
// replacement texts are statics.
#include "pg/event/log_redaction.hpp"

#include "core/event/secret_call.hpp"
#include "pg/base/settings.hpp"
#include "pg/event/secret_use.hpp"

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

// EXECUTE carries values for a statement that was prepared before. Another session, or an earlier part of the text, may have
// prepared it, so an unknown one with arguments counts. PL/pgSQL's EXECUTE format(…) is no such statement.
std::string_view secret_of_executed(std::string_view text, bool of_this_session) noexcept {
    char name[NAMEDATALEN];
    for (std::size_t from = 0;;) {
        const Executed executed = find_executed(text, from, name);
        if (!executed.found) return {};
        const PreparedStatement* prepared = of_this_session ? FetchPreparedStatement(name, false) : nullptr;
        if (prepared != nullptr) {
            if (const auto found = secret_call(prepared->plansource->query_string); !found.empty()) return found;
        } else if (executed.has_arguments && std::string_view(name) != "format") {
            return "EXECUTE";
        }
    }
}

std::string_view secret_in(const char* text) noexcept {
    if (text == nullptr || *text == '\0') return {};
    const std::string_view found = secret_call(text);
    return found.empty() ? secret_of_executed(text, true) : found;
}

// A deadlock report, and the postmaster's report of a process that failed, quote what other sessions run.
bool quotes_other_sessions(const ErrorData& message) noexcept {
    return message.sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED || MyProcPid == PostmasterPid;
}

// Such a text may have been cut before what makes it secret, also in the middle of its last character.
std::string_view secret_in_quoted(const char* quoted) noexcept {
    const std::string_view text = text_of(quoted);
    if (text.size() + MAX_MULTIBYTE_CHAR_LEN >= static_cast<std::size_t>(pgstat_track_activity_query_size))
        return "long statement";
    return secret_of_executed(text, false);
}

// A line of pg_log_backend_memory_contexts(), with a statement that was cut after 100 bytes.
bool quotes_cut_statement(const ErrorData& message) noexcept {
    return text_of(message.message_id).starts_with("level: %d;") && text_of(message.message).ends_with("...");
}

// The memory context that holds a context for each open cursor and portal; null before the session can have any.
MemoryContext context_of_portals() noexcept {
    MemoryContext context = TopMemoryContext != nullptr ? TopMemoryContext->firstchild : nullptr;
    while (context != nullptr && text_of(context->name) != "TopPortalContext") context = context->nextchild;
    return context;
}

// An open cursor runs its statement in others: FETCH, COMMIT if it is WITH HOLD, and those of functions that read it.
std::string_view secret_of_cursors() noexcept {
    const MemoryContext portals = context_of_portals();
    if (portals == nullptr) return {};
    bool any = false;
    for (MemoryContext context = portals->firstchild; context != nullptr; context = context->nextchild) {
        const Portal portal = context->ident != nullptr ? GetPortalByName(context->ident) : nullptr;
        if (!PortalIsValid(portal) || portal->name[0] == '\0') continue;
        any = any || portal->creation_time < GetCurrentStatementStartTimestamp();
        if (const auto found = secret_in(portal->sourceText); !found.empty()) return found;
    }
    return any ? secret_of_transaction() : std::string_view();
}

// What ran before may be quoted now: by a cursor, or by what the end of the transaction runs.
std::string_view secret_of_earlier_statements() noexcept {
    if (debug_query_string == nullptr || runs_deferred(debug_query_string))
        if (const auto found = secret_of_transaction(); !found.empty()) return found;
    return secret_of_cursors();
}

bool is_for_the_log(const ErrorData& message) noexcept { return message.elevel <= LOG_SERVER_ONLY; }

// Messages of auto_explain and pgaudit, which may quote a statement that another one runs.
bool quotes_a_plan(std::string_view format) noexcept {
    return format.find("plan:") != std::string_view::npos || format.starts_with("AUDIT:");
}

// Errors of a parallel worker arrive without their format. The worker has written them to the log too, and knew what it used.
bool comes_from_worker(const ErrorData& message) noexcept { return message.message_id == nullptr; }

// The running statement, unless the message ends with it, as that of a logged statement does: each byte is read once.
const char* unquoted_statement(const ErrorData& message) noexcept {
    const std::string_view statement = text_of(debug_query_string);
    const std::string_view text = text_of(message.message);
    const bool quoted =
        text.size() > statement.size() && text.ends_with(statement) && text[text.size() - statement.size() - 1] == ' ';
    return quoted ? nullptr : debug_query_string;
}

std::string_view secret_in(const ErrorData& message) noexcept {
    for (const char* text : {unquoted_statement(message), static_cast<const char*>(message.message),
                             static_cast<const char*>(message.detail), static_cast<const char*>(message.detail_log),
                             static_cast<const char*>(message.hint), static_cast<const char*>(message.context),
                             static_cast<const char*>(message.internalquery)})
        if (const std::string_view found = secret_in(text); !found.empty()) return found;
    if (quotes_other_sessions(message))
        for (const char* text : {message.detail, message.detail_log})
            if (const std::string_view found = secret_in_quoted(text); !found.empty()) return found;
    if (quotes_cut_statement(message)) return "long statement";
    if (comes_from_worker(message)) return "parallel worker";
    if (const std::string_view found = secret_of_statement(); !found.empty()) return found;
    if (is_for_the_log(message) && !quotes_a_plan(text_of(message.message_id))) return {};
    return secret_of_earlier_statements();
}

// The record of accesses to secrets: made by the extension, without a secret, and never suppressed because of a name
// in it.
bool is_access_record(const ErrorData& message) noexcept {
    return message.elevel == LOG_SERVER_ONLY && text_of(message.filename) == "server_log.cpp";
}

// "duration: %s ms statement: %s" keeps the text before the second colon, "statement: %s" the text before the first.
std::size_t kept_prefix(std::string_view format, std::string_view message) noexcept {
    auto colons = std::count(format.begin(), format.end(), ':');
    if (colons == 0) return 0;
    for (std::size_t at = 0; at < std::min(message.size(), sizeof short_message - sizeof label); ++at)
        if (message[at] == ':' && --colons == 0) return at + 1;
    return 0;
}

// Those, and the server's own: "statement: %s", "duration: %s ms  execute %s: %s".
bool quotes_a_statement(std::string_view format) noexcept {
    const bool own =
        format.starts_with("duration:") || format.starts_with("execute") || format.starts_with("statement:");
    return (own && format.ends_with(": %s")) || quotes_a_plan(format);
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
    if (secret_in(message.message).empty() && !quotes_a_statement(text_of(message.message_id)) &&
        !quotes_cut_statement(message))
        return message.message;
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
    if (!secret_in(message.detail_log).empty() || quotes_other_sessions(message)) message.detail_log = label;
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

std::string_view secret_call(std::string_view text) noexcept { return find_secret_call(text, text_of(redacted_names)); }

void watch_log() {
    if (!process_shared_preload_libraries_in_progress) return;
    previous_hook = emit_log_hook;
    emit_log_hook = redact;
}

}  // namespace bastion::pg
