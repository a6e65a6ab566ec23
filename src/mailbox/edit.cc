#include <algorithm>

#include "base/text.h"
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

void Edit::note(Change::Kind kind, MailboxId mailbox, Uid uid, MessageId message, ThreadId thread) {
  HistoryChange& change = changes_.emplace_back();
  static_cast<Change&>(change) = {modseq, kind, mailbox, uid, message};
  change.thread = thread;
  if (const auto box = boxes_.find(mailbox); uid > 0 && box != boxes_.end()) box->second.highest_modseq = modseq;
}

namespace {
constexpr int kTold = kSeen | kFlagged | kDeleted;

uint8_t categories_in(const Flags& flags) {
  uint8_t out = 0;
  for (const std::string& word : flags.keywords)
    for (size_t i = 0; i < kCategoryKeywords.size(); ++i)
      if (text::iequals(word, kCategoryKeywords[i])) out |= static_cast<uint8_t>(1 << i);
  return out;
}
}  // namespace

void Edit::note_flags(MailboxId mailbox, Uid uid, MessageId message, const Flags& before, const Flags& after) {
  note(Change::Kind::kFlags, mailbox, uid, message);
  changes_.back().set = static_cast<uint8_t>(after.system & ~before.system & kTold);
  changes_.back().cleared = static_cast<uint8_t>(before.system & ~after.system & kTold);
  const uint8_t had = categories_in(before), has = categories_in(after);
  changes_.back().categories_set = static_cast<uint8_t>(has & ~had);
  changes_.back().categories_cleared = static_cast<uint8_t>(had & ~has);
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

Row row_of(const Edit& edit, const Message& message, const Message::Place& place) {
  Row row{place.uid, message.id, edit.modseq, message.flags, message.places.size() > 1};
  if (place.deleted) row.flags.system |= kDeleted;
  return row;
}

// Its UID is above all others'.
Result<void> add_row(store::Transaction& t, AccountId account, const Row& row, MailboxId mailbox) {
  const std::string key = keys::rows(account, mailbox, row.uid);
  auto block = t.get(key);
  if (!block) return block.error();
  std::string record = *block ? std::move(**block) : encode_rows({});
  if (!append_row(record, row)) return damaged("a message's row");
  t.put(key, record);
  return {};
}

// `change(rows, row)` of the block that the row is in.
template <typename F>
Result<void> change_row(store::Transaction& t, AccountId account, MailboxId mailbox, Uid uid, const F& change) {
  auto rows = read_block(t, account, mailbox, uid);
  if (!rows) return rows.error();
  const auto row = std::find_if(rows->begin(), rows->end(), [&](const Row& one) { return one.uid == uid; });
  if (row == rows->end()) return damaged("a message's row");
  change(*rows, row);
  const std::string key = keys::rows(account, mailbox, uid);
  if (rows->empty())
    t.erase(key);
  else
    t.put(key, encode_rows(*rows));
  return {};
}

// So that a change of its flags there looks for its other places.
Result<void> mark_elsewhere(store::Transaction& t, AccountId account, const Message::Place& place) {
  return change_row(t, account, place.mailbox, place.uid, [](auto&, auto row) { row->elsewhere = true; });
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
  if (const auto done = add_row(t, account, row_of(edit, message, place), place.mailbox); !done) return done.error();
  edit.note(Change::Kind::kAdded, place.mailbox, place.uid, message.id, message.thread);
  if (message.places.size() == 2)
    if (const auto done = mark_elsewhere(t, account, message.places.front()); !done) return done.error();
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
  if (const auto done = change_row(t, account, id, uid, [](auto& rows, auto row) { rows.erase(row); }); !done)
    return done;
  edit.note(Change::Kind::kRemoved, id, uid, message.id, message.thread);
  return {};
}

Result<void> write_row(store::Transaction& t, AccountId account, Edit& edit, const Message& message,
                       const Message::Place& place, const Flags& before) {
  const Row after = row_of(edit, message, place);
  const auto done = change_row(t, account, place.mailbox, place.uid, [&](auto&, auto row) { *row = after; });
  if (done) edit.note_flags(place.mailbox, place.uid, message.id, before, after.flags);
  return done;
}

void write_message(store::Transaction& t, AccountId account, const Edit& edit, Message& message) {
  message.modseq = edit.modseq;
  t.put(keys::message(account, message.id), encode(message));
}

}  // namespace pabal::mailbox
