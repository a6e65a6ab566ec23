#include "jmap/positions.h"

#include "base/text.h"
#include "jmap/ids.h"

namespace pabal::jmap {
namespace {

using mailbox::Change;

// The first of kPushTypes are of mail; then come push::kCollections in their order; then the others.
constexpr size_t kMailTypes = 4, kScripts = kMailTypes + push::kCollections.size(), kQuota = kScripts + 1;
static_assert(kQuota + 1 == kPushTypes.size());
constexpr size_t kNumbers = 1 + push::kCollections.size() + 3;  // of a Position as text
enum : TypeSet { kEmails = 1, kDeliveries = 2, kMailboxes = 4, kThreads = 8 };

TypeSet types_of_kinds(uint32_t kinds) {
  const auto has = [&](Change::Kind kind) { return (kinds >> static_cast<int>(kind) & 1) != 0; };
  TypeSet out = 0;
  if (has(Change::Kind::kAdded)) out |= kEmails | kDeliveries | kMailboxes | kThreads;
  if (has(Change::Kind::kRemoved)) out |= kEmails | kMailboxes | kThreads;
  if (has(Change::Kind::kFlags)) out |= kEmails | kMailboxes;
  for (const Change::Kind kind : {Change::Kind::kMailboxCreated, Change::Kind::kMailboxRenamed,
                                  Change::Kind::kMailboxRemoved, Change::Kind::kSubscription, Change::Kind::kRights})
    if (has(kind)) out |= kMailboxes;
  return out;
}

}  // namespace

std::string quota_state(uint64_t octets, uint64_t quota) {
  return std::to_string(octets) + "-" + std::to_string(quota);
}

std::string positions_text(const Positions& positions) {
  std::string out;
  for (const auto& [account, at] : positions) {
    out += (out.empty() ? "" : ",") + account_id(account) + "=" + std::to_string(at.mail);
    for (const objects::ModSeq one : at.collections) out += "." + std::to_string(one);
    for (const uint64_t one : {at.scripts, at.octets, at.quota}) out += "." + std::to_string(one);
  }
  return out;
}

std::optional<Positions> parse_positions(std::string_view text) {
  if (text.empty() || text.size() > kMaxPositionsText) return {};
  Positions out;
  for (const std::string_view one : text::split(text, ',')) {
    const size_t equals = one.find('=');
    if (equals == one.npos) return {};
    const auto account = number_of('A', one.substr(0, equals));
    const auto numbers = text::split(one.substr(equals + 1), '.');
    if (!account || *account > UINT32_MAX || numbers.size() != kNumbers) return {};
    push::Position& at = out[static_cast<mailbox::AccountId>(*account)];
    std::vector<uint64_t*> places{&at.mail};
    for (objects::ModSeq& collection : at.collections) places.push_back(&collection);
    for (uint64_t* other : {&at.scripts, &at.octets, &at.quota}) places.push_back(other);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const auto number = text::parse_u64(numbers[i]);
      if (!number) return {};
      *places[i] = *number;
    }
  }
  if (out.size() > kMaxFollowed) return {};
  return out;
}

TypeSet types_named(const std::set<std::string>& names) {
  TypeSet out = 0;
  for (size_t i = 0; i < kPushTypes.size(); ++i)
    if (names.contains(std::string(kPushTypes[i]))) out |= 1u << i;
  return out;
}

TypeSet types_changed(const push::News& news, const Account& account) {
  if (!account.own) {
    if (news.any_box) return types_of_kinds(news.kinds);
    TypeSet out = 0;
    for (const auto& [box, kinds] : news.boxes)
      if (account.rights(box)) out |= types_of_kinds(kinds);
    return out;
  }
  TypeSet out = types_of_kinds(news.kinds);
  for (size_t i = 0; i < push::kCollections.size(); ++i)
    if (news.since.collections[i] != news.now.collections[i]) out |= 1u << (kMailTypes + i);
  if (news.since.scripts != news.now.scripts) out |= 1u << kScripts;
  if (news.since.octets != news.now.octets || news.since.quota != news.now.quota) out |= 1u << kQuota;
  return out;
}

json::object type_states(TypeSet types, const push::Position& now) {
  json::object out;
  for (size_t i = 0; i < kPushTypes.size(); ++i) {
    if (!(types >> i & 1)) continue;
    out[kPushTypes[i]] = i < kMailTypes ? std::to_string(now.mail)
                         : i < kScripts ? std::to_string(now.collections[i - kMailTypes])
                         : i < kQuota   ? std::to_string(now.scripts)
                                        : quota_state(now.octets, now.quota);
  }
  return out;
}

}  // namespace pabal::jmap
