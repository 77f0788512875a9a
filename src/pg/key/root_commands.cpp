#include "pg/key/root_commands.hpp"

#include "core/key/root_key_command.hpp"
#include "pg/base/guard.hpp"

namespace bastion::pg {
namespace {

constexpr std::chrono::seconds command_limit{10};

struct CommandRoot {
    std::string command;
    RootKey root;
};

std::vector<CommandRoot> command_roots;
bool preloaded = false;

const CommandRoot* find(std::string_view command) noexcept {
    for (const CommandRoot& known : command_roots)
        if (known.command == command) return &known;
    return nullptr;
}

void forget_unlisted(std::string_view setting) {
    const std::vector<std::string_view> sources = root_key_sources(setting);
    std::erase_if(command_roots, [&](const CommandRoot& known) {
        return std::none_of(sources.begin(), sources.end(),
                            [&](std::string_view source) { return root_key_command(source) == known.command; });
    });
}

Result<void> run_nth(std::string_view setting, std::size_t index) {
    const std::vector<std::string_view> sources = root_key_sources(setting);
    const std::string_view command = index < sources.size() ? root_key_command(sources[index]) : std::string_view();
    if (command.empty() || find(command) != nullptr) return {};
    Result<RootKey> root = run_root_key_command(std::string(command), command_limit);
    if (!root) return root.error();
    command_roots.push_back({std::string(command), std::move(*root)});
    return {};
}

}  // namespace

void update_root_commands(const char* setting) {
    if (process_shared_preload_libraries_in_progress) preloaded = true;
    if (!preloaded || setting == nullptr) return;
    CallFailure failure;
    (void)guarded(failure, [&]() -> Result<void> {
        forget_unlisted(setting);
        return {};
    });
    if (IsUnderPostmaster) return;
    for (std::size_t i = 0; i < max_root_keys; ++i)
        if (!guarded(failure, [&] { return run_nth(setting, i); }))
            ereport(LOG,
                    (errmsg("could not get root key %zu of bastion.root_key from its command", i + 1),
                     errdetail_internal("%s", failure.log_detail[0] != '\0' ? failure.log_detail : failure.message)));
}

Result<RootKey> root_key_of_command(std::string_view command) {
    if (!preloaded)
        return Error{ErrorCode::unsupported,
                     "root key commands run only where the library is preloaded",
                     {},
                     "Add pg_bastion to shared_preload_libraries, or name another source in bastion.root_key."};
    const CommandRoot* known = find(command);
    if (known == nullptr)
        return Error{ErrorCode::root_key_missing,
                     "the root key command gave no key",
                     {},
                     "The server log says why. A reload runs it again; new connections have its key."};
    return make_root_key(SecretBytes(known->root.key.span()));
}

}  // namespace bastion::pg
