#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {

Result<Edit> Edit::begin(store::Transaction& t, AccountId account) {
  auto state = read<AccountState>(t, keys::state(account), "an account", decode_state);
  if (!state) return state.error();
  if (!*state) return Error{Code::kNotFound, "there is no such account"};
  return Edit(t, account, **state);
}

Result<Mailbox*> Edit::mailbox(MailboxId id) {
  if (const auto found = boxes_.find(id); found != boxes_.end()) return &found->second;
  auto box = read<Mailbox>(t_, keys::mailbox(account_, id), "a mailbox", decode_mailbox);
  if (!box) return box.error();
  if (!*box) return Error{Code::kNotFound, "there is no such mailbox"};
  return &boxes_.emplace(id, std::move(**box)).first->second;
}

void Edit::note(Change::Kind kind, MailboxId mailbox, Uid uid, MessageId message) {
  changes_.push_back({modseq, kind, mailbox, uid, message});
}

Result<void> Edit::finish() {
  if (changes_.empty()) return {};
  // One transaction may edit an account several times, each with its own modseq and record.
  state.modseq = modseq;
  t_.put(keys::state(account_), encode(state));
  t_.put(keys::change(account_, modseq), encode(changes_));
  for (auto& [id, box] : boxes_) {
    const bool touched = std::any_of(changes_.begin(), changes_.end(), [&](const Change& c) { return c.mailbox == id && c.uid > 0; });
    if (touched) box.highest_modseq = modseq;
    t_.put(keys::mailbox(account_, id), encode(box));
  }
  return {};
}

namespace {

Result<void> change_chunk(store::Transaction& t, AccountId account, MailboxId mailbox, Uid uid, bool add) {
  const std::string key = keys::chunk(account, mailbox, uid);
  auto ranges = read<std::vector<UidMap::Range>>(t, key, "a UID map", decode_uids);
  if (!ranges) return ranges.error();
  std::vector<UidMap::Range> list = ranges->value_or(std::vector<UidMap::Range>());
  auto after = std::upper_bound(list.begin(), list.end(), uid, [](Uid u, const UidMap::Range& r) { return u < r.first; });
  if (add) {
    const bool joins = after != list.begin() && std::prev(after)->last + 1 == uid;
    if (joins) std::prev(after)->last = uid;
    else after = list.insert(after, {uid, uid}) + 1;
    if (after != list.end() && std::prev(after)->last + 1 == after->first) {
      std::prev(after)->last = after->last;
      list.erase(after);
    }
  } else if (after != list.begin() && std::prev(after)->last >= uid) {
    const auto range = std::prev(after);
    const UidMap::Range right{uid + 1, range->last};
    const bool splits = uid > range->first && uid < range->last;
    if (range->first == range->last) list.erase(range);
    else if (uid == range->first) ++range->first;
    else {
      range->last = uid - 1;
      if (splits) list.insert(range + 1, right);
    }
  }
  if (list.empty()) t.erase(key);
  else t.put(key, encode_uids(list));
  return {};
}

}  // namespace

Result<Uid> enter(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId id) {
  const auto box = edit.mailbox(id);
  if (!box) return box.error();
  Mailbox& m = **box;
  if (m.uid_next == UINT32_MAX) return Error{Code::kLimit, "the mailbox has used all its UIDs"};
  const Uid uid = m.uid_next++;
  ++m.messages;
  m.octets += message.size;
  m.unseen += !message.flags.has(kSeen);
  m.deleted += message.flags.has(kDeleted);
  message.places.push_back({id, uid});
  if (const auto done = change_chunk(t, account, id, uid, true); !done) return done.error();
  t.put(keys::row(account, id, uid), encode_row(message.id, message.modseq, message.flags));
  edit.note(Change::Kind::kAdded, id, uid, message.id);
  return uid;
}

Result<void> leave(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId id) {
  const auto place = std::find_if(message.places.begin(), message.places.end(), [&](const auto& p) { return p.mailbox == id; });
  if (place == message.places.end()) return Error{Code::kNotFound, "the message is not in that mailbox"};
  const Uid uid = place->uid;
  message.places.erase(place);
  const auto box = edit.mailbox(id);
  if (!box) return box.error();
  Mailbox& m = **box;
  m.messages -= m.messages > 0;
  m.octets -= std::min(m.octets, message.size);
  if (!message.flags.has(kSeen)) m.unseen -= m.unseen > 0;
  if (message.flags.has(kDeleted)) m.deleted -= m.deleted > 0;
  if (const auto done = change_chunk(t, account, id, uid, false); !done) return done;
  t.erase(keys::row(account, id, uid));
  edit.note(Change::Kind::kRemoved, id, uid, message.id);
  return {};
}

}  // namespace pabal::mailbox
