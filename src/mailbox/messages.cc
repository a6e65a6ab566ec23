#include <zstd.h>

#include <algorithm>

#include "base/text.h"
#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kCompressFrom = 512;       // octets; below, compression costs more than it saves
constexpr size_t kMaxReferences = 20;       // ids of one message that thread it
constexpr days kSubjectThreadDays{30};      // a reply without references joins a thread of its subject that is no older
constexpr size_t kMaxBody = 256 << 20;      // decompressed, against a damaged record

std::string compressed(std::string_view bytes) {
  if (bytes.size() >= kCompressFrom) {
    thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    std::string out(1 + ZSTD_compressBound(bytes.size()), '\0');
    const size_t size = ZSTD_compressCCtx(context.get(), out.data() + 1, out.size() - 1, bytes.data(), bytes.size(), 1);
    if (!ZSTD_isError(size) && size < bytes.size()) {
      out[0] = 1;
      out.resize(1 + size);
      return out;
    }
  }
  std::string out(1, '\0');
  return out.append(bytes);
}

Result<std::string> uncompressed(std::string_view stored) {
  if (stored.empty()) return damaged("a body");
  if (stored[0] == 0) return std::string(stored.substr(1));
  stored.remove_prefix(1);
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxBody) return damaged("a body");
  std::string out(static_cast<size_t>(size), '\0');
  if (ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size()) != size) return damaged("a body");
  return out;
}

Result<std::optional<ThreadId>> thread_at(const store::Reader& r, const std::string& key) {
  const auto record = r.get(key);
  if (!record) return record.error();
  if (!*record) return std::optional<ThreadId>();
  return std::optional<ThreadId>(Decoder(**record).u64());
}

// References and In-Reply-To first, then the subject of a reply; else a thread of its own.
Result<ThreadId> find_thread(store::Transaction& t, AccountId account, const Prepared& prepared, MessageId id, Time now) {
  const message::Summary& s = prepared.structure.summary;
  std::optional<ThreadId> thread;
  std::vector<std::string> hashes;
  if (!s.message_id.empty()) hashes.push_back(keys::thread_hash(account, hash64("id " + s.message_id)));
  const size_t skip = s.references.size() > kMaxReferences ? s.references.size() - kMaxReferences : 0;  // the nearest ones
  for (size_t i = s.references.size(); i-- > skip;) hashes.push_back(keys::thread_hash(account, hash64("id " + s.references[i])));
  for (const std::string& key : hashes) {
    const auto found = thread_at(t, key);
    if (!found) return found.error();
    if (*found && !thread) thread = **found;
  }
  const std::string base = message::base_subject(s.subject);
  const std::string subject_key = keys::thread_hash(account, hash64("subject " + text::lowered(base)));
  if (!thread && !base.empty() && message::is_reply_subject(s.subject)) {
    const auto found = thread_at(t, subject_key);
    if (!found) return found.error();
    thread = *found;
  }
  const ThreadId chosen = thread.value_or(id);
  const std::string value = Encoder().u64(chosen).take();
  for (const std::string& key : hashes) t.put(key, value);
  if (!base.empty()) t.put_until(subject_key, value, now + kSubjectThreadDays);
  t.put(keys::member(account, chosen, id), "");
  return chosen;
}

// Writes the message and its rows with the modseq of the edit.
void write_message(store::Transaction& t, AccountId account, const Message& m) {
  t.put(keys::message(account, m.id), encode(m));
  for (const Message::Place& place : m.places) t.put(keys::row(account, place.mailbox, place.uid), encode_row(m.id, m.modseq, m.flags));
}

// Sorted, unique regardless of case, bounded.
void tidy(Flags& flags) {
  std::stable_sort(flags.keywords.begin(), flags.keywords.end(),
                   [](const std::string& a, const std::string& b) { return text::lowered(a) < text::lowered(b); });
  flags.keywords.erase(std::unique(flags.keywords.begin(), flags.keywords.end(),
                                   [](const std::string& a, const std::string& b) { return text::iequals(a, b); }),
                       flags.keywords.end());
  if (flags.keywords.size() > kMaxKeywords) flags.keywords.resize(kMaxKeywords);
}

Result<Message> need_message(const store::Reader& r, AccountId account, MessageId id) {
  auto m = read<Message>(r, keys::message(account, id), "a message", decode_message);
  if (!m) return m.error();
  if (!*m) return Error{Code::kNotFound, "there is no such message"};
  return std::move(**m);
}

}  // namespace

std::shared_ptr<const Prepared> prepare(std::string bytes) {
  auto out = std::make_shared<Prepared>();
  out->structure = message::parse(bytes);
  out->encoded = message::encode(out->structure);
  out->preview = message::preview(bytes, out->structure);
  out->words = word_list(bytes, out->structure);
  out->stored = compressed(bytes);
  out->bytes = std::make_shared<const std::string>(std::move(bytes));
  return out;
}

// --- bodies ---------------------------------------------------------------------------------------------------------

BodyId Mailboxes::new_body_id() { return impl_->bodies.next(); }

Result<void> Mailboxes::put_body(store::Transaction& t, BodyId body, const Prepared& prepared) {
  t.put(keys::body(body), prepared.stored, store::Space::kBody);
  return {};
}

Result<void> Mailboxes::hold_body(store::Transaction& t, BodyId body) {
  const auto count = t.get(keys::references(body));
  if (!count) return count.error();
  t.put(keys::references(body), Encoder().varint((*count ? Decoder(**count).varint() : 0) + 1).take());
  return {};
}

Result<void> Mailboxes::release_body(store::Transaction& t, BodyId body) {
  const auto count = t.get(keys::references(body));
  if (!count) return count.error();
  const uint64_t left = *count ? Decoder(**count).varint() : 0;
  if (left > 1) {
    t.put(keys::references(body), Encoder().varint(left - 1).take());
    return {};
  }
  t.erase(keys::references(body));
  t.erase(keys::body(body), store::Space::kBody);
  return {};
}

Result<std::string> Mailboxes::body(const store::Reader& r, BodyId body) const {
  const auto stored = r.get(keys::body(body), store::Space::kBody);
  if (!stored) return stored.error();
  if (!*stored) return Error{Code::kNotFound, "the body is gone"};
  return uncompressed(**stored);
}

// --- filing ---------------------------------------------------------------------------------------------------------

Result<Filed> Mailboxes::file(store::Transaction& t, AccountId account, const Prepared& prepared, BodyId body, const Filing& filing) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const Time now = impl_->clock.now();
  Message m;
  m.size = filing.prefix.size() + prepared.bytes->size();
  if (filing.check_quota && edit->state.quota_octets > 0 && edit->state.octets + m.size > edit->state.quota_octets)
    return Error{Code::kLimit, "4.2.2 the mailbox is full"};
  m.id = edit->state.next_message++;
  m.body = body;
  m.received = filing.received.value_or(now);
  m.saved = now;
  m.modseq = m.created_modseq = edit->modseq;
  m.flags = filing.flags;
  tidy(m.flags);
  const auto thread = find_thread(t, account, prepared, m.id, now);
  if (!thread) return thread.error();
  m.thread = *thread;

  std::vector<MailboxId> mailboxes = filing.mailboxes;
  if (mailboxes.empty()) mailboxes.push_back(1);  // INBOX is the first that create_account makes, and cannot be deleted
  std::sort(mailboxes.begin(), mailboxes.end());
  mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end()), mailboxes.end());
  for (const MailboxId id : mailboxes)
    if (const auto uid = enter(t, account, *edit, m, id); !uid) return uid.error();

  edit->state.octets += m.size;
  ++edit->state.messages;
  t.put(keys::message(account, m.id), encode(m));
  t.put(keys::details(account, m.id), encode_details(filing.prefix, prepared.preview, prepared.encoded));
  if (!prepared.words.empty()) t.put(keys::words(account, m.id), prepared.words);
  if (const auto held = hold_body(t, body); !held) return held.error();
  if (const auto done = edit->finish(); !done) return done.error();
  return Filed{m.id, m.thread, m.places, m.modseq};
}

Result<Message> Mailboxes::edit_flags(store::Transaction& t, AccountId account, MessageId id, const std::function<void(Flags&)>& edit_them) {
  auto m = need_message(t, account, id);
  if (!m) return m;
  const Flags before = m->flags;
  edit_them(m->flags);
  tidy(m->flags);
  if (m->flags == before) return m;
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  m->modseq = edit->modseq;
  for (const Message::Place& place : m->places) {
    const auto box = edit->mailbox(place.mailbox);
    if (!box) return box.error();
    if (before.has(kSeen) != m->flags.has(kSeen)) (*box)->unseen += before.has(kSeen) ? 1 : -1;
    if (before.has(kDeleted) != m->flags.has(kDeleted)) (*box)->deleted += before.has(kDeleted) ? -1 : 1;
    edit->note(Change::Kind::kFlags, place.mailbox, place.uid, id);
  }
  write_message(t, account, *m);
  if (const auto done = edit->finish(); !done) return done.error();
  return m;
}

Result<Message::Place> Mailboxes::add_place(store::Transaction& t, AccountId account, MessageId id, MailboxId mailbox) {
  auto m = need_message(t, account, id);
  if (!m) return m.error();
  for (const Message::Place& place : m->places)
    if (place.mailbox == mailbox) return place;
  if (m->places.size() >= kMaxMailboxes) return Error{Code::kLimit, "the message is in too many mailboxes"};
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  m->modseq = edit->modseq;
  if (const auto uid = enter(t, account, *edit, *m, mailbox); !uid) return uid.error();
  write_message(t, account, *m);
  if (const auto done = edit->finish(); !done) return done.error();
  return m->places.back();
}

Result<Message::Place> Mailboxes::copy(store::Transaction& t, AccountId account, MessageId id, MailboxId to) {
  auto m = need_message(t, account, id);
  if (!m) return m.error();
  if (std::none_of(m->places.begin(), m->places.end(), [&](const auto& p) { return p.mailbox == to; })) return add_place(t, account, id, to);
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  if (edit->state.quota_octets > 0 && edit->state.octets + m->size > edit->state.quota_octets)
    return Error{Code::kLimit, "the mailbox is full"};
  Message second = *m;
  second.id = edit->state.next_message++;
  second.places.clear();
  second.saved = impl_->clock.now();
  second.modseq = second.created_modseq = edit->modseq;
  if (const auto uid = enter(t, account, *edit, second, to); !uid) return uid.error();
  edit->state.octets += second.size;
  ++edit->state.messages;
  for (const auto& [from, onto] : {std::pair(keys::details(account, id), keys::details(account, second.id)),
                                   std::pair(keys::words(account, id), keys::words(account, second.id))}) {
    const auto record = t.get(from);
    if (!record) return record.error();
    if (*record) t.put(onto, **record);
  }
  t.put(keys::message(account, second.id), encode(second));
  t.put(keys::member(account, second.thread, second.id), "");
  if (const auto held = hold_body(t, second.body); !held) return held.error();
  if (const auto done = edit->finish(); !done) return done.error();
  return second.places.back();
}

Result<void> Mailboxes::remove_place(store::Transaction& t, AccountId account, MessageId id, MailboxId mailbox) {
  auto m = need_message(t, account, id);
  if (!m) return m.error();
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  m->modseq = edit->modseq;
  if (const auto done = leave(t, account, *edit, *m, mailbox); !done) return done;
  if (m->places.empty()) {  // kept for a while, but no longer counted
    edit->state.octets -= std::min(edit->state.octets, m->size);
    edit->state.messages -= edit->state.messages > 0;
    const Time until = impl_->clock.now() + kUndeleteWindow;
    t.put(keys::removed(account, static_cast<uint64_t>(to_micros(until)), id), "");
  }
  write_message(t, account, *m);
  return edit->finish();
}

// --- undelete -------------------------------------------------------------------------------------------------------

namespace {
struct Removed { uint64_t until; MessageId message; std::string key; };
Result<std::vector<Removed>> removed_of(const store::Reader& r, AccountId account, uint64_t up_to, size_t limit, bool newest_first) {
  std::vector<Removed> out;
  store::Range range = store::Range::prefix(keys::in_account(account, 'd').take());
  range.reverse = newest_first;
  range.limit = limit;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view) {
    Decoder in(key.substr(6));
    const uint64_t until = in.u64();
    if (until > up_to) return newest_first;
    out.push_back({until, in.u64(), std::string(key)});
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}
}  // namespace

Result<std::vector<Mailboxes::Deleted>> Mailboxes::deleted(const store::Reader& r, AccountId account, size_t limit) const {
  const auto gone = removed_of(r, account, UINT64_MAX, limit, true);
  if (!gone) return gone.error();
  std::vector<Deleted> out;
  for (const Removed& one : *gone) {
    auto m = need_message(r, account, one.message);
    if (!m) return m.error();
    out.push_back({std::move(*m), from_micros(static_cast<int64_t>(one.until))});
  }
  return out;
}

Result<Message::Place> Mailboxes::undelete(store::Transaction& t, AccountId account, MessageId id, MailboxId to) {
  const auto gone = removed_of(t, account, UINT64_MAX, SIZE_MAX, true);
  if (!gone) return gone.error();
  const auto found = std::find_if(gone->begin(), gone->end(), [&](const Removed& one) { return one.message == id; });
  if (found == gone->end()) return Error{Code::kNotFound, "that message was not deleted, or its time has passed"};
  const auto m = need_message(t, account, id);
  if (!m) return m.error();
  t.erase(found->key);
  auto state = read<AccountState>(t, keys::state(account), "an account", decode_state);
  if (!state) return state.error();
  (*state)->octets += m->size;
  ++(*state)->messages;
  t.put(keys::state(account), encode(**state));
  return add_place(t, account, id, to);
}

Result<size_t> Mailboxes::purge_expired(store::Transaction& t, AccountId account, size_t limit) {
  const auto gone = removed_of(t, account, static_cast<uint64_t>(to_micros(impl_->clock.now())), limit, false);
  if (!gone) return gone.error();
  for (const Removed& one : *gone) {
    const auto m = need_message(t, account, one.message);
    if (!m) return m.error();
    t.erase(one.key);
    t.erase(keys::message(account, m->id));
    t.erase(keys::details(account, m->id));
    t.erase(keys::words(account, m->id));
    t.erase(keys::member(account, m->thread, m->id));
    if (const auto freed = release_body(t, m->body); !freed) return freed.error();
  }
  return gone->size();
}

// --- reading --------------------------------------------------------------------------------------------------------

Result<std::optional<Message>> Mailboxes::message(const store::Reader& r, AccountId account, MessageId id) const {
  return read<Message>(r, keys::message(account, id), "a message", decode_message);
}

Result<std::optional<Details>> Mailboxes::details(const store::Reader& r, AccountId account, MessageId id) const {
  return read<Details>(r, keys::details(account, id), "a message's structure", decode_details);
}

Result<std::string> Mailboxes::content(const store::Reader& r, AccountId account, MessageId id) const {
  const auto m = need_message(r, account, id);
  if (!m) return m.error();
  const auto d = details(r, account, id);
  if (!d) return d.error();
  auto bytes = body(r, m->body);
  if (!bytes) return bytes;
  return *d ? (*d)->prefix + *bytes : *bytes;
}

Result<UidMap> Mailboxes::uids(const store::Reader& r, AccountId account, MailboxId mailbox) const {
  UidMap map;
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'x').u32(mailbox).take()), [&](std::string_view, std::string_view record) {
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
  const auto record = r.get(keys::row(account, mailbox, uid));
  if (!record) return record.error();
  if (!*record) return std::optional<Row>();
  auto decoded = decode_row(**record, uid);
  if (!decoded) return damaged("a message's row");
  return decoded;
}

Result<void> Mailboxes::rows(const store::Reader& r, AccountId account, MailboxId mailbox, Uid first, Uid last,
                             const std::function<bool(const Row&)>& visit) const {
  store::Range range{keys::row(account, mailbox, first), keys::row(account, mailbox, last)};
  range.end += '\0';  // `last` included
  bool whole = true;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    const auto decoded = decode_row(record, Decoder(key.substr(10)).u32());
    whole = decoded.has_value();
    return whole && visit(*decoded);
  });
  if (!scanned) return scanned;
  if (!whole) return damaged("a message's row");
  return {};
}

Result<std::vector<MessageId>> Mailboxes::thread(const store::Reader& r, AccountId account, ThreadId id) const {
  std::vector<MessageId> out;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'T').u64(id).take()), [&](std::string_view key, std::string_view) {
    out.push_back(Decoder(key.substr(14)).u64());
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}

Result<std::vector<Change>> Mailboxes::changes(const store::Reader& r, AccountId account, ModSeq since, size_t limit) const {
  std::vector<Change> out;
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

std::unique_ptr<store::Store::Watch> Mailboxes::watch(AccountId account, std::function<void()> changed) {
  return impl_->store.watch(keys::state(account), std::move(changed));
}

}  // namespace pabal::mailbox
