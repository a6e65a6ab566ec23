// Quota (RFC 9425): how many octets an account may have. Nothing where it may have any number.
#include <algorithm>

#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/positions.h"
#include "jmap/standard.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kQuota = "urn:ietf:params:jmap:quota";
constexpr std::string_view kId = "octets";

const std::set<std::string> kProperties{"id",        "resourceType", "used", "hardLimit",   "warnLimit",
                                        "softLimit", "scope",        "name", "description", "types"};

struct Now {
  std::optional<json::object> quota;
  std::string state;  // quota_state()
};

Or<Now> read_now(Call& call) {
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  Now now;
  now.state = quota_state(figures->octets, figures->quota_octets);
  // Of another's account only what is shared is known.
  if (figures->quota_octets == 0 || !call.account().own) return now;
  json::object one;
  one["id"] = kId;
  one["resourceType"] = "octets";
  one["used"] = figures->octets;
  one["hardLimit"] = figures->quota_octets;
  one["warnLimit"] = figures->quota_octets / 10 * 9;
  one["softLimit"] = nullptr;
  one["scope"] = "account";
  one["name"] = call.account().name;
  one["description"] = nullptr;
  one["types"] = json::array{"Mail"};
  now.quota = std::move(one);
  return now;
}

Answer quota_get(Call& call) {
  const auto asked = read_get(call, kProperties);
  if (!asked) return asked.failure();
  const auto now = read_now(call);
  if (!now) return now.failure();
  json::array list, not_found;
  const auto give = [&] {
    json::object some;
    for (const auto& [name, value] : *now->quota)
      if (asked->wants(name)) some[name] = value;
    list.emplace_back(std::move(some));
  };
  if (!asked->ids && now->quota) give();
  if (asked->ids)
    for (const std::string& id : *asked->ids) {
      if (id == kId && now->quota)
        give();
      else
        not_found.emplace_back(id);
    }
  return get_answer(call, now->state, std::move(list), std::move(not_found));
}

// RFC 9425 §4.2: mostly `used` has changed. What the state was is in its name.
Answer quota_changes(Call& call) {
  const auto asked = read_changes(call);
  if (!asked) return asked.failure();
  const auto now = read_now(call);
  if (!now) return now.failure();
  const std::string_view since(asked->since);
  const size_t dash = since.find('-');
  if (dash == since.npos || !text::parse_u64(since.substr(0, dash)) || !text::parse_u64(since.substr(dash + 1)))
    return cannot_calculate();
  Changes changes;
  changes.now = now->state;
  const bool had = since.substr(dash + 1) != "0", same_limit = now->state.ends_with(since.substr(dash));
  if (now->quota && had && since != now->state) changes.updated.emplace_back(kId);
  if (now->quota && !had) changes.created.emplace_back(kId);
  if (!now->quota && had && call.account().own) changes.destroyed.emplace_back(kId);
  json::object answer = changes_answer(call, asked->since, changes);
  answer["updatedProperties"] = changes.updated.empty() || !same_limit ? json::value(nullptr) : json::array{"used"};
  return answer;
}

std::optional<Failure> check(const json::object& condition) {
  for (const auto& [name, value] : condition) {
    if (name != "name" && name != "scope" && name != "resourceType" && name != "type")
      return Failure{"unsupportedFilter", "there is no condition \"" + std::string(name) + "\""};
    if (!value.is_string()) return invalid_arguments("a condition is a string");
  }
  return {};
}

bool holds(const json::object& quota, const json::object& condition) {
  for (const auto& [name, value] : condition) {
    const std::string_view wanted = value.as_string();
    if (name == "type"   ? wanted != "Mail"
        : name == "name" ? std::string_view(quota.at("name").as_string()).find(wanted) == std::string_view::npos
                         : quota.at(name) != value)
      return false;
  }
  return true;
}

Or<std::vector<std::string>> results(Call& call, const QueryArguments& asked, std::string& state) {
  std::optional<Failure> bad;
  asked.filter.each([&](const json::object& condition) {
    if (!bad) bad = check(condition);
  });
  if (bad) return *bad;
  const auto now = read_now(call);
  if (!now) return now.failure();
  state = now->state;
  std::vector<std::string> ids;
  if (now->quota && asked.filter.holds([&](const json::object& condition) { return holds(*now->quota, condition); }))
    ids.emplace_back(kId);
  return ids;
}

Answer quota_query(Call& call) {
  const bool changes = call.name() == "Quota/queryChanges";
  const auto asked = read_query(call, {"name", "used"}, changes);
  if (!asked) return asked.failure();
  std::string state;
  const auto ids = results(call, *asked, state);
  if (!ids) return ids.failure();
  if (!changes) return query_answer(call, *asked, state, true, *ids);
  // There is one at most: it may have been among the results, and is told anew when anything is different.
  std::set<std::string> removed;
  if (asked->since != state) removed.emplace(kId);
  return query_changes_answer(call, *asked, state, *ids, removed, {}, false);
}

}  // namespace

void add_quota(Methods& methods) {
  Capability capability;
  capability.name = kQuota;
  capability.of_account = [](const Services&, const Account&) { return json::object(); };
  methods.add(capability);
  const std::string quota(kQuota);
  methods.add(Method{"Quota/get", quota, quota_get});
  methods.add(Method{"Quota/changes", quota, quota_changes});
  methods.add(Method{"Quota/query", quota, quota_query});
  methods.add(Method{"Quota/queryChanges", quota, quota_query});
}

}  // namespace pabal::jmap
