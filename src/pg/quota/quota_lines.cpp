#include "pg/quota/quota_lines.hpp"

#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/quota/quota_lock.hpp"
#include "pg/quota/quota_stripe.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace bastion::pg {
namespace {

Datum plus(Datum left, Datum right) { return DirectFunctionCall2(numeric_add, left, right); }

bool at_least(Datum left, Datum right) { return DatumGetBool(DirectFunctionCall2(numeric_ge, left, right)); }

// The amount that is wanted of a meter, or 0 if the call is not about it.
Datum wanted_of(const QuotaWanted& wanted, std::string_view meter) {
    if (wanted.meters == nullptr) return quota_number("0");
    for (int i = 0; i < wanted.count; ++i)
        if (server_text(wanted.meters[i]).bytes() == meter) return wanted.amounts[i];
    return Datum{0};
}

Datum limit_of(const std::string& text) { return text.empty() ? Datum{0} : quota_number(text.c_str()); }

QuotaLine line_of(const QuotaRule& rule, const QuotaMoment& moment, Datum wanted) {
    QuotaLine line{};
    line.owner = rule.owner;
    line.subject = rule.subject;
    line.scope = pstrdup(rule.scope.c_str());
    line.meter = pstrdup(rule.meter.c_str());
    line.period = rule.period;
    line.key = window_key(moment, rule.period);
    line.end = window_end(moment, rule.period);
    line.amount = limit_of(rule.amount);
    line.soft_amount = limit_of(rule.soft_amount);
    line.wanted = wanted;
    line.stripes = rule.stripes;
    line.basis = psprintf("%s %s", rule.amount.c_str(), rule.soft_amount.c_str());
    return line;
}

// What stripes used counts here. Nobody uses one under the lock of the tenant; otherwise what the snapshot has.
void count_stripes(std::span<QuotaLine> lines, bool locked) {
    for (QuotaLine& line : lines)
        if (!locked)
            add_used_of_stripes(line);
        else if (needs_stripes(line))
            gather_stripes(line);
}

}  // namespace

void lock_caller(const Identity& identity, bool with_account) {
    require_use();
    // Who uses a stripe has its tenant, and has waited for the account before.
    const bool has_stripe = identity.tenant.present && locked_stripe(identity.tenant.value) >= 0;
    const bool first = with_account || !identity.tenant.present || quota_caller(identity).has_account;
    if (first && !lock_quotas(identity.user, QuotaOwner::account, !has_stripe)) raise_concurrent_use();
    if (!identity.tenant.present) return;
    lock_quotas(identity.tenant.value, QuotaOwner::tenant, true);
    // A limit that was set during the wait counts.
    AcceptInvalidationMessages();
    if (!first && quota_caller(identity).has_account && !lock_quotas(identity.user, QuotaOwner::account, false))
        raise_concurrent_use();
}

std::span<QuotaLine> limits_of(const Identity& identity, const QuotaWanted& wanted) {
    const TimestampTz now = GetCurrentTimestamp();
    const QuotaCaller& caller = quota_caller(identity);
    const QuotaMoment of_tenant = quota_moment(caller.tenant_calendar, now);
    const QuotaMoment of_account = quota_moment(caller.user_calendar, now);
    auto* lines = static_cast<QuotaLine*>(palloc(sizeof(QuotaLine) * (caller.rules.size() + 1)));
    std::size_t count = 0;
    for (const QuotaRule& rule : caller.rules) {
        const Datum amount = wanted_of(wanted, rule.meter);
        if (amount != Datum{0}) lines[count++] = line_of(rule, rule.of_account ? of_account : of_tenant, amount);
    }
    return {lines, count};
}

std::span<QuotaLine> quota_lines(const Identity& identity, const QuotaWanted& wanted, bool locked) {
    const std::span<QuotaLine> lines = limits_of(identity, wanted);
    read_windows(lines, locked);
    count_stripes(lines, locked);
    return lines;
}

std::span<QuotaLine> tenant_lines(const pg_uuid_t& tenant, const char* meter, Datum wanted, bool always_total) {
    const QuotaCaller& rules = quota_tenant(tenant);
    const QuotaMoment moment = quota_moment(rules.tenant_calendar, GetCurrentTimestamp());
    auto* lines = static_cast<QuotaLine*>(palloc(sizeof(QuotaLine) * (rules.rules.size() + 1)));
    std::size_t count = 0;
    bool has_total = false;
    for (const QuotaRule& rule : rules.rules) {
        if (rule.meter != meter || (always_total && rule.period != QuotaPeriod::total)) continue;
        has_total = has_total || rule.period == QuotaPeriod::total;
        lines[count++] = line_of(rule, moment, wanted);
    }
    if (always_total && !has_total) {
        QuotaLine& line = lines[count++] = QuotaLine{};
        line.owner = line.subject = tenant;
        line.scope = "tenant";
        line.meter = meter;
        line.period = QuotaPeriod::total;
        line.key = window_key(moment, QuotaPeriod::total);
        line.end = window_end(moment, QuotaPeriod::total);
        line.wanted = wanted;
        line.stripes = 1;
    }
    read_windows({lines, count}, true);
    count_stripes({lines, count}, true);
    return {lines, count};
}

void add_to_lines(std::span<QuotaLine> lines, bool reserves) {
    for (QuotaLine& line : lines) {
        if (line.in_stripe) {
            line.stripe.used = plus(line.stripe.used, line.wanted);
            continue;
        }
        Datum& changed = reserves ? line.held : line.used;
        changed = plus(changed, line.wanted);
        line.crosses = line.soft_amount != Datum{0} && !line.soft_crossed &&
                       at_least(plus(line.used, line.held), line.soft_amount);
    }
}

void add_to_windows(std::span<QuotaLine> lines, bool reserves) {
    count(Counter::quota_granted);
    add_to_lines(lines, reserves);
    write_windows(lines);
}

}  // namespace bastion::pg
