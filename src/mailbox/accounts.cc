// Accounts: made with their first mailboxes, removed in steps.
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr std::pair<std::string_view, Role> kFirst[] = {{"INBOX", Role::kInbox}, {"Drafts", Role::kDrafts},
                                                        {"Sent", Role::kSent},   {"Junk", Role::kJunk},
                                                        {"Trash", Role::kTrash}, {"Archive", Role::kArchive}};
constexpr size_t kRemovedAtOnce = 100;     // messages of an account that go in the transaction which removes it
constexpr size_t kRecordsOfAMessage = 20;  // about: how much a step erases when the messages are gone

// Frees up to `limit` messages of a removed account and gives how many; other records count as well. Less than `limit`:
// nothing of it is left.
Result<size_t> sweep(Mailboxes& boxes, store::Transaction& t, AccountId account, size_t limit) {
  store::Range range = store::Range::prefix(keys::in_account(account, 'm').take());
  range.limit = limit;
  const auto messages = t.list(range);
  if (!messages) return messages.error();
  for (const store::Entry& entry : *messages) {
    const auto m = decode_message(entry.value);
    if (!m) return damaged("a message");
    if (const auto freed = boxes.release_body(t, m->body); !freed) return freed.error();
    t.erase(entry.key);
  }
  if (messages->size() == limit) return limit;
  // What it shared, and what was shared with it.
  range = store::Range::prefix(keys::in_account(account, 'r').take());
  range.limit = limit - messages->size();
  const auto lists = t.list(range);
  if (!lists) return lists.error();
  for (const store::Entry& entry : *lists)
    if (const auto dropped = drop_acl(t, account, Decoder(std::string_view(entry.key).substr(6)).u32()); !dropped)
      return dropped.error();
  const auto left = forget_grantee(t, {Grantee::Kind::kAccount, account, ""}, limit - messages->size());
  if (!left) return left;
  if (messages->size() + std::max(lists->size(), *left) == limit) return limit;
  range = store::Range::prefix(keys::all_of(account));
  range.limit = (limit - messages->size()) * kRecordsOfAMessage;
  std::vector<std::string> rest;
  const auto scanned = t.scan(range, [&](std::string_view key, std::string_view) {
    rest.emplace_back(key);
    return true;
  });
  if (!scanned) return scanned.error();
  for (const std::string& key : rest) t.erase(key);
  return messages->size() + (rest.size() + kRecordsOfAMessage - 1) / kRecordsOfAMessage;
}

}  // namespace

Result<void> Mailboxes::create_account(store::Transaction& t, AccountId account, uint64_t quota_octets) {
  for (const std::string& key : {keys::state(account), keys::swept(account)}) {
    const auto there = t.get(key);
    if (!there) return there.error();
    if (*there) return Error{Code::kExists, "the account has mailboxes already"};
  }
  AccountState state;
  state.quota_octets = quota_octets;
  t.put(keys::state(account), encode(state));
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  for (const auto& [name, role] : kFirst) {
    edit->create(impl_->clock, std::string(name), role);
    t.put(keys::subscription(account, name), "");
  }
  return edit->finish();
}

Result<void> Mailboxes::remove_account(store::Transaction& t, AccountId account) {
  if (const auto state = need_state(t, account); !state) return state.error();
  t.erase(keys::state(account));  // now nobody can write into it
  const auto freed = sweep(*this, t, account, kRemovedAtOnce);
  if (!freed) return freed.error();
  if (*freed >= kRemovedAtOnce) t.put(keys::swept(account), "");
  return {};
}

Result<size_t> Mailboxes::sweep_removed(store::Transaction& t, size_t limit) {
  store::Range range = store::Range::prefix("D");
  range.limit = 1;
  size_t freed = 0;
  while (freed < limit) {
    const auto next = t.list(range);
    if (!next) return next.error();
    if (next->empty()) break;
    const auto some = sweep(*this, t, Decoder(std::string_view(next->front().key).substr(1)).u32(), limit - freed);
    if (!some) return some;
    if (freed + *some < limit) t.erase(next->front().key);
    freed += std::max<size_t>(*some, 1);
  }
  return freed;
}

Result<void> Mailboxes::set_quota(store::Transaction& t, AccountId account, uint64_t quota_octets) {
  auto state = need_state(t, account);
  if (!state) return state.error();
  state->quota_octets = quota_octets;
  t.put(keys::state(account), encode(*state));
  return {};
}

Result<AccountFigures> Mailboxes::figures(const store::Reader& r, AccountId account) const {
  const auto state = need_state(r, account);
  if (!state) return state.error();
  return AccountFigures{state->octets, state->messages, state->quota_octets, state->modseq};
}

}  // namespace pabal::mailbox
