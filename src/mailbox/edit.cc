#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {

Result<Edit> Edit::begin(store::Transaction& t, AccountId account) {
  const auto state = need_state(t, account);
  if (!state) return state.error();
  return Edit(t, account, *state);
}

Result<Mailbox*> Edit::mailbox(MailboxId id) {
  if (const auto found = boxes_.find(id); found != boxes_.end()) return &found->second;
  auto box = read<Mailbox>(t_, keys::mailbox(account_, id), "a mailbox", decode_mailbox);
  if (!box) return box.error();
  if (!*box) return Error{Code::kNotFound, "there is no such mailbox"};
  return &boxes_.emplace(id, std::move(**box)).first->second;
}

Mailbox& Edit::create(const Clock& clock, const std::string& name, Role role) {
  Mailbox box;
  box.id = state.next_mailbox++;
  box.name = name;
  box.role = role;
  // RFC 9051 §2.3.1.1: a name used again gets a greater value. No two mailboxes of an account share one, so that this
  // holds across renames and a clock that was set back.
  box.uid_validity = std::max(static_cast<uint32_t>(to_unix(clock.now())), state.last_validity + 1);
  state.last_validity = box.uid_validity;
  t_.put(keys::name(account_, name), Encoder().u32(box.id).take());
  note(Change::Kind::kMailboxCreated, box.id);
  return boxes_.emplace(box.id, std::move(box)).first->second;
}

void Edit::erase(MailboxId id) {
  boxes_.erase(id);
  t_.erase(keys::mailbox(account_, id));
  note(Change::Kind::kMailboxRemoved, id);
}

void Edit::note(Change::Kind kind, MailboxId mailbox, Uid uid, MessageId message) {
  changes_.push_back({modseq, kind, mailbox, uid, message});
  if (const auto box = boxes_.find(mailbox); uid > 0 && box != boxes_.end()) box->second.highest_modseq = modseq;
}

Result<void> Edit::finish() {
  if (changes_.empty()) return {};
  // One transaction may edit an account several times, each with its own modseq and record.
  state.modseq = modseq;
  t_.put(keys::state(account_), encode(state));
  t_.put(keys::change(account_, modseq), encode(changes_));
  for (const auto& [id, box] : boxes_) t_.put(keys::mailbox(account_, id), encode(box));
  return {};
}

namespace {

Result<void> change_chunk(store::Transaction& t, AccountId account, MailboxId mailbox, Uid uid, bool add) {
  const std::string key = keys::chunk(account, mailbox, uid);
  auto ranges = read<std::vector<UidMap::Range>>(t, key, "a UID map", decode_uids);
  if (!ranges) return ranges.error();
  std::vector<UidMap::Range> list = ranges->value_or(std::vector<UidMap::Range>());
  if (add) {  // UIDs grow: a new one comes behind all
    if (!list.empty() && list.back().last + 1 == uid)
      list.back().last = uid;
    else
      list.push_back({uid, uid});
  } else {
    const auto after =
        std::upper_bound(list.begin(), list.end(), uid, [](Uid u, const UidMap::Range& r) { return u < r.first; });
    if (after == list.begin() || std::prev(after)->last < uid) return damaged("a UID map");
    const auto range = std::prev(after);
    const UidMap::Range right{uid + 1, range->last};
    if (range->first == range->last)
      list.erase(range);
    else if (uid == range->first)
      ++range->first;
    else {
      range->last = uid - 1;
      if (right.first <= right.last) list.insert(range + 1, right);
    }
  }
  if (list.empty())
    t.erase(key);
  else
    t.put(key, encode_uids(list));
  return {};
}

}  // namespace

Result<Uid> enter(store::Transaction& t, AccountId account, Edit& edit, Message& message, Message::Place place) {
  const auto box = edit.mailbox(place.mailbox);
  if (!box) return box.error();
  Mailbox& m = **box;
  if (m.uid_next == UINT32_MAX) return Error{Code::kLimit, "the mailbox has used all its UIDs"};
  place.uid = m.uid_next++;
  ++m.messages;
  m.octets += message.size;
  m.unseen += !message.flags.has(kSeen);
  m.deleted += place.deleted;
  message.places.push_back(place);
  if (const auto done = change_chunk(t, account, place.mailbox, place.uid, true); !done) return done.error();
  write_row(t, account, edit, message, place, Change::Kind::kAdded);
  return place.uid;
}

Result<void> leave(store::Transaction& t, AccountId account, Edit& edit, Message& message, MailboxId id) {
  const auto place =
      std::find_if(message.places.begin(), message.places.end(), [&](const auto& p) { return p.mailbox == id; });
  if (place == message.places.end()) return Error{Code::kNotFound, "the message is not in that mailbox"};
  const Uid uid = place->uid;
  const bool deleted = place->deleted;
  message.places.erase(place);
  const auto box = edit.mailbox(id);
  if (!box) return box.error();
  Mailbox& m = **box;
  --m.messages;
  m.octets -= message.size;
  m.unseen -= !message.flags.has(kSeen);
  m.deleted -= deleted;
  if (const auto done = change_chunk(t, account, id, uid, false); !done) return done;
  t.erase(keys::row(account, id, uid));
  edit.note(Change::Kind::kRemoved, id, uid, message.id);
  return {};
}

void write_row(store::Transaction& t, AccountId account, Edit& edit, const Message& message,
               const Message::Place& place, Change::Kind kind) {
  Flags shown = message.flags;
  if (place.deleted) shown.system |= kDeleted;
  t.put(keys::row(account, place.mailbox, place.uid), encode_row(message.id, edit.modseq, shown));
  edit.note(kind, place.mailbox, place.uid, message.id);
}

void write_message(store::Transaction& t, AccountId account, const Edit& edit, Message& message) {
  message.modseq = edit.modseq;
  t.put(keys::message(account, message.id), encode(message));
}

}  // namespace pabal::mailbox
