// Messages: filed, flagged, put into mailboxes, read.
#include <algorithm>

#include "base/text.h"
#include "mailbox/attached.h"
#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr MailboxId kInboxId = 1;  // INBOX is the first that create_account makes, and cannot be deleted

// Sorted, unique regardless of case.
Result<void> tidy(Flags& flags) {
  auto& words = flags.keywords;
  if (words.empty()) return {};
  std::map<std::string, std::string> by_name;
  for (std::string& word : words) by_name.try_emplace(text::lowered(word), std::move(word));
  words.clear();
  for (auto& [name, word] : by_name) words.push_back(std::move(word));
  if (words.size() > kMaxKeywords) return Error{Code::kLimit, "a message has at most 64 keywords"};
  for (const std::string& word : words)
    if (word.empty() || word.size() > kMaxKeywordOctets) return Error{Code::kLimit, "a keyword has 1 to 128 octets"};
  return {};
}

// One that is in some mailbox.
Result<Message> need_placed(const store::Reader& r, AccountId account, MessageId id) {
  auto m = need_message(r, account, id);
  if (m && m->places.empty()) return Error{Code::kNotFound, "the message was removed"};
  return m;
}

// Takes \Deleted out of flags that are to be the message's, and gives whether it was there.
bool take_deleted(Flags& flags) {
  const bool deleted = flags.has(kDeleted);
  flags.system &= static_cast<uint8_t>(~kDeleted);
  return deleted;
}

// A message whose row shows `after` in place of `before`.
void count_flags(Mailbox& box, const Flags& before, const Flags& after) {
  box.unseen += before.has(kSeen);
  box.unseen -= after.has(kSeen);
  box.deleted += after.has(kDeleted);
  box.deleted -= before.has(kDeleted);
}

// Gives the message the flags that `row` of `mailbox` shows: \Deleted to that place, the others to the message.
Result<void> spread_flags(store::Transaction& t, AccountId account, Edit& edit, Message& m, const Row& row,
                          MailboxId mailbox) {
  const Flags before = std::exchange(m.flags, row.flags);
  const bool deleted = take_deleted(m.flags), all = m.flags != before;
  for (Message::Place& place : m.places) {
    const bool here = place.mailbox == mailbox;
    if (!here && !all) continue;
    const auto box = edit.mailbox(place.mailbox);
    if (!box) return box.error();
    if (before.has(kSeen) != m.flags.has(kSeen)) (*box)->unseen += before.has(kSeen) ? 1 : -1;
    if (here && deleted != place.deleted) (*box)->deleted += deleted ? 1 : -1;
    Flags shown = before;
    if (place.deleted) shown.system |= kDeleted;
    if (here) place.deleted = deleted;
    if (const auto done = write_row(t, account, edit, m, place, shown); !done) return done;
  }
  return {};
}

}  // namespace

Result<Message> need_message(const store::Reader& r, AccountId account, MessageId id) {
  auto m = read<Message>(r, keys::message(account, id), "a message", decode_message);
  if (!m) return m.error();
  if (!*m) return Error{Code::kNotFound, "there is no such message"};
  if (const auto done = Completion(r, account).of(**m); !done) return done.error();
  return std::move(**m);
}

Result<std::vector<Row>> read_block(const store::Reader& r, AccountId account, MailboxId mailbox, Uid uid) {
  const auto record = r.get(keys::rows(account, mailbox, uid));
  if (!record) return record.error();
  if (!*record) return std::vector<Row>();
  auto rows = decode_rows(**record, uid);
  if (!rows) return damaged("a message's row");
  return std::move(*rows);
}

Result<void> Completion::of(Message& m) {
  for (Message::Place& place : m.places) {
    auto& [uid, rows] = last_[place.mailbox];
    if (uid == 0 || uid / keys::kRowBlock != place.uid / keys::kRowBlock) {
      auto block = read_block(r_, account_, place.mailbox, place.uid);
      if (!block) return block.error();
      uid = place.uid;
      rows = std::move(*block);
    }
    const auto row =
        std::lower_bound(rows.begin(), rows.end(), place.uid, [](const Row& one, Uid u) { return one.uid < u; });
    if (row == rows.end() || row->uid != place.uid) continue;
    m.flags = row->flags;
    place.deleted = take_deleted(m.flags);
    m.modseq = std::max(m.modseq, row->modseq);
  }
  return {};
}

Result<Filed> Mailboxes::file(store::Transaction& t, AccountId account, const Prepared& prepared, BodyId body,
                              const Filing& filing) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const Time now = impl_->clock.now();
  Message m;
  m.size = filing.prefix.size() + prepared.bytes->size();
  if (filing.check_quota && !fits(edit->state, m.size)) return Error{Code::kLimit, "the mailbox is full"};
  m.id = edit->state.next_message++;
  m.body = body;
  m.received = filing.received.value_or(now);
  m.saved = now;
  m.modseq = m.created_modseq = edit->modseq;
  m.flags = filing.flags;
  const bool deleted = take_deleted(m.flags);
  if (const auto clean = tidy(m.flags); !clean) return clean.error();
  const auto thread = join_thread(t, account, prepared.structure.summary, m.id, now);
  if (!thread) return thread.error();
  m.thread = *thread;

  std::vector<MailboxId> mailboxes = filing.mailboxes;
  if (mailboxes.empty()) mailboxes.push_back(kInboxId);
  std::sort(mailboxes.begin(), mailboxes.end());
  mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end()), mailboxes.end());
  for (const MailboxId id : mailboxes)
    if (const auto uid = enter(t, account, *edit, m, {id, 0, deleted, now}); !uid) return uid.error();

  edit->state.octets += m.size;
  ++edit->state.messages;
  t.put(keys::message(account, m.id), encode(m));
  t.put(keys::details(account, m.id),
        encode_details(filing.prefix, prepared.preview, prepared.encoded, filing.results));
  if (!prepared.words.empty()) {
    t.put(keys::words(account, m.id), prepared.words);
    impl_->word_list_waits(account);
  }
  if (!files_with_text(prepared.structure.root).empty()) note_files(t, account, m.id);
  if (const auto held = hold_body(t, body); !held) return held.error();
  if (const auto done = edit->finish(); !done) return done.error();
  return Filed{m.id, m.thread, m.places, m.modseq};
}

Result<std::vector<Mailboxes::Edited>> Mailboxes::edit_flags(store::Transaction& t, AccountId account,
                                                             MailboxId mailbox, const std::vector<Uid>& uids,
                                                             const std::function<void(Flags&)>& edit_them) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  std::vector<Edited> out;
  out.reserve(uids.size());
  std::vector<size_t> shared;  // of `out`: those that other mailboxes may show too
  for (auto uid = uids.begin(); uid != uids.end();) {
    const Uid block = *uid / keys::kRowBlock;
    const std::string key = keys::rows(account, mailbox, *uid);
    auto rows = read_block(t, account, mailbox, *uid);
    if (!rows) return rows.error();
    bool changed = false;
    auto row = rows->begin();
    for (; uid != uids.end() && *uid / keys::kRowBlock == block; ++uid) {
      while (row != rows->end() && row->uid < *uid) ++row;
      if (row == rows->end() || row->uid != *uid) continue;
      Edited& edited = out.emplace_back(Edited{*row});
      edit_them(edited.row.flags);
      if (const auto tidied = tidy(edited.row.flags); !tidied) return tidied.error();
      edited.changed = edited.row.flags != row->flags;
      if (!edited.changed) continue;
      edited.row.modseq = edit->modseq;
      if (row->elsewhere) {
        shared.push_back(out.size() - 1);
        continue;
      }
      const auto box = edit->mailbox(mailbox);
      if (!box) return box.error();
      count_flags(**box, row->flags, edited.row.flags);
      edit->note_flags(mailbox, *uid, row->message, row->flags, edited.row.flags);
      *row = edited.row;
      changed = true;
    }
    if (changed) t.put(key, encode_rows(*rows));
  }
  for (const size_t at : shared) {
    auto m = need_message(t, account, out[at].row.message);
    if (!m) return m.error();
    if (const auto done = spread_flags(t, account, *edit, *m, out[at].row, mailbox); !done) return done.error();
  }
  if (const auto done = edit->finish(); !done) return done.error();
  return out;
}

Result<Message::Place> Mailboxes::add_place(store::Transaction& t, AccountId account, MessageId id, MailboxId mailbox) {
  auto m = need_placed(t, account, id);
  if (!m) return m.error();
  for (const Message::Place& place : m->places)
    if (place.mailbox == mailbox) return place;
  if (m->places.size() >= kMaxMailboxes) return Error{Code::kLimit, "the message is in too many mailboxes"};
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto uid = enter(t, account, *edit, *m, {mailbox, 0, false, impl_->clock.now()});
  if (!uid) return uid.error();
  write_message(t, account, *edit, *m);
  if (const auto done = edit->finish(); !done) return done.error();
  return m->places.back();
}

Result<Message::Place> Mailboxes::copy(store::Transaction& t, AccountId account, MessageId id, MailboxId to) {
  auto m = need_placed(t, account, id);
  if (!m) return m.error();
  if (std::none_of(m->places.begin(), m->places.end(), [&](const auto& p) { return p.mailbox == to; }))
    return add_place(t, account, id, to);
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  if (!fits(edit->state, m->size)) return Error{Code::kLimit, "the mailbox is full"};
  Message second = *m;
  second.id = edit->state.next_message++;
  second.places.clear();
  second.saved = impl_->clock.now();
  second.modseq = second.created_modseq = edit->modseq;
  if (const auto uid = enter(t, account, *edit, second, {to, 0, false, second.saved}); !uid) return uid.error();
  edit->state.octets += second.size;
  ++edit->state.messages;
  const auto record = t.get(keys::details(account, id));
  if (!record) return record.error();
  if (!*record) return damaged("a message's structure");
  t.put(keys::details(account, second.id), **record);
  const auto details = decode_details(**record);
  if (!details) return damaged("a message's structure");
  if (!files_with_text(details->structure.root).empty()) note_files(t, account, second.id);
  // Its words are those of the first, whose list may be folded already.
  const auto list = t.get(keys::words(account, id));
  if (!list) return list.error();
  t.put(keys::words(account, second.id), list->value_or(same_words_as(id)));
  impl_->word_list_waits(account);
  t.put(keys::message(account, second.id), encode(second));
  t.put(keys::member(account, second.thread, second.id), "");
  if (const auto held = hold_body(t, second.body); !held) return held.error();
  if (const auto done = edit->finish(); !done) return done.error();
  return second.places.back();
}

// --- reading --------------------------------------------------------------------------------------------------------

Result<std::optional<Message>> Mailboxes::message(const store::Reader& r, AccountId account, MessageId id) const {
  auto m = read<Message>(r, keys::message(account, id), "a message", decode_message);
  if (!m || !*m) return m;
  if (const auto done = Completion(r, account).of(**m); !done) return done.error();
  return m;
}

Result<std::optional<Details>> Mailboxes::details(const store::Reader& r, AccountId account, MessageId id) const {
  return read<Details>(r, keys::details(account, id), "a message's structure", decode_details);
}

Result<std::string> Mailboxes::content(const store::Reader& r, AccountId account, MessageId id) const {
  const auto m = need_message(r, account, id);
  if (!m) return m.error();
  const auto record = r.get(keys::details(account, id));
  if (!record) return record.error();
  const auto prefix = *record ? decode_prefix(**record) : std::nullopt;
  if (!prefix) return damaged("a message's structure");
  auto bytes = body(r, m->body);
  if (!bytes) return bytes;
  return prefix->empty() ? std::move(bytes) : bytes->insert(0, *prefix);
}

Result<UidMap> Mailboxes::uids(const store::Reader& r, AccountId account, MailboxId mailbox) const {
  UidMap map;
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'x').u32(mailbox).take()),
                              [&](std::string_view, std::string_view record) {
                                const auto ranges = decode_uids(record);
                                whole = whole && ranges;
                                if (ranges)
                                  for (const UidMap::Range& range : *ranges) map.append(range);
                                return whole;
                              });
  if (!scanned) return scanned.error();
  if (!whole) return damaged("a UID map");
  return map;
}

Result<std::optional<Row>> Mailboxes::row(const store::Reader& r, AccountId account, MailboxId mailbox, Uid uid) const {
  auto rows = read_block(r, account, mailbox, uid);
  if (!rows) return rows.error();
  for (Row& row : *rows)
    if (row.uid == uid) return std::optional<Row>(std::move(row));
  return std::optional<Row>();
}

Result<void> Mailboxes::rows(const store::Reader& r, AccountId account, MailboxId mailbox, Uid first, Uid last,
                             const std::function<bool(const Row&)>& visit) const {
  if (first > last) return {};
  store::Range range{keys::rows(account, mailbox, first), keys::rows(account, mailbox, last)};
  range.end += '\0';  // the block of `last` included
  bool whole = true;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    const auto rows = decode_rows(record, Decoder(key.substr(10)).u32() * keys::kRowBlock);
    whole = rows.has_value();
    if (!whole) return false;
    for (const Row& row : *rows)
      if (row.uid >= first && row.uid <= last && !visit(row)) return false;
    return true;
  });
  if (!scanned) return scanned;
  if (!whole) return damaged("a message's row");
  return {};
}

Result<std::vector<MessageId>> Mailboxes::thread(const store::Reader& r, AccountId account, ThreadId id) const {
  std::vector<MessageId> out;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'T').u64(id).take()),
                              [&](std::string_view key, std::string_view) {
                                out.push_back(Decoder(key.substr(14)).u64());
                                return true;
                              });
  if (!scanned) return scanned.error();
  return out;
}

Result<std::vector<HistoryChange>> history(const store::Reader& r, AccountId account, ModSeq since, size_t limit) {
  std::vector<HistoryChange> out;
  const auto state = need_state(r, account);
  if (!state) return state.error();
  if (since >= state->modseq) return out;
  if (since + 1 < state->first_change) return Error{Code::kNotFound, "the changes since then are no longer known"};
  bool whole = true;
  store::Range range = store::Range::prefix(keys::in_account(account, 'c').take());
  range.begin = keys::change(account, since + 1);
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    const auto list = decode_changes(record, Decoder(key.substr(6)).u64());
    whole = list.has_value();
    if (whole) out.insert(out.end(), list->begin(), list->end());
    return whole && out.size() < limit;
  });
  if (!scanned) return scanned.error();
  if (!whole) return damaged("a change");
  return out;
}

Result<std::vector<Change>> Mailboxes::changes(const store::Reader& r, AccountId account, ModSeq since,
                                               size_t limit) const {
  const auto found = history(r, account, since, limit);
  if (!found) return found.error();
  return std::vector<Change>(found->begin(), found->end());
}

std::unique_ptr<store::Store::Watch> Mailboxes::watch(AccountId account, std::function<void()> changed) {
  return impl_->store.watch(keys::state(account), std::move(changed));
}

}  // namespace pabal::mailbox
