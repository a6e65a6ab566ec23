#include "mailbox/records.h"

#include "base/codec.h"
#include "mailbox/keys.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kDetailsVersion = 3;  // 2 had no results
constexpr uint8_t kChangesVersion = 5;
constexpr size_t kMaxPlaces = 5'000;
constexpr uint8_t kRun = 0x20, kKeywords = 0x40, kElsewhere = 0x80;  // of a row, in the octet of its system flags
constexpr uint8_t kSystemFlags = kSeen | kAnswered | kFlagged | kDeleted | kDraft;

uint64_t micros(Time t) { return static_cast<uint64_t>(to_micros(t)); }
Time time_of(uint64_t us) { return from_micros(static_cast<int64_t>(us)); }

void put_keywords(Encoder& out, const std::vector<std::string>& keywords) {
  out.varint(keywords.size());
  for (const std::string& keyword : keywords) out.string(keyword);
}
bool get_keywords(Decoder& in, std::vector<std::string>& keywords) {
  const uint64_t count = in.varint();
  if (count > kMaxKeywords) return false;
  for (uint64_t i = 0; i < count && in.ok(); ++i) keywords.emplace_back(in.string());
  return in.ok();
}
void put_flags(Encoder& out, const Flags& flags) { put_keywords(out.u8(flags.system), flags.keywords); }
bool get_flags(Decoder& in, Flags& flags) {
  flags.system = in.u8();
  return get_keywords(in, flags.keywords);
}

}  // namespace

std::string encode(const AccountState& s) {
  return Encoder()
      .u8(kVersion)
      .varint(s.modseq)
      .varint(s.next_message)
      .varint(s.next_mailbox)
      .u32(s.last_validity)
      .varint(s.first_change)
      .varint(s.octets)
      .varint(s.messages)
      .varint(s.quota_octets)
      .take();
}
std::optional<AccountState> decode_state(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  AccountState s;
  s.modseq = in.varint();
  s.next_message = in.varint();
  s.next_mailbox = static_cast<MailboxId>(in.varint());
  s.last_validity = in.u32();
  s.first_change = in.varint();
  s.octets = in.varint();
  s.messages = in.varint();
  s.quota_octets = in.varint();
  if (!in.ok()) return {};
  return s;
}

std::string encode(const Mailbox& m) {
  return Encoder()
      .u8(kVersion)
      .u32(m.id)
      .string(m.name)
      .u8(static_cast<uint8_t>(m.role))
      .u32(m.uid_validity)
      .u32(m.uid_next)
      .varint(m.messages)
      .varint(m.unseen)
      .varint(m.deleted)
      .varint(m.octets)
      .varint(m.highest_modseq)
      .take();
}
std::optional<Mailbox> decode_mailbox(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Mailbox m;
  m.id = in.u32();
  m.name = in.string();
  m.role = static_cast<Role>(in.u8());
  m.uid_validity = in.u32();
  m.uid_next = in.u32();
  m.messages = static_cast<uint32_t>(in.varint());
  m.unseen = static_cast<uint32_t>(in.varint());
  m.deleted = static_cast<uint32_t>(in.varint());
  m.octets = in.varint();
  m.highest_modseq = in.varint();
  if (!in.ok() || m.role > Role::kImportant) return {};
  return m;
}

std::string encode(const Message& m) {
  Encoder out;
  out.u8(kVersion)
      .u64(m.id)
      .u64(m.thread)
      .u64(m.body)
      .varint(m.size)
      .u64(micros(m.received))
      .u64(micros(m.saved))
      .varint(m.modseq)
      .varint(m.created_modseq)
      .varint(m.places.size());
  for (const Message::Place& place : m.places) out.u32(place.mailbox).u32(place.uid).u64(micros(place.saved));
  if (!m.places.empty()) return out.take();
  put_flags(out, m.flags);
  return out.u64(micros(m.removed_until)).take();
}
std::optional<Message> decode_message(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Message m;
  m.id = in.u64();
  m.thread = in.u64();
  m.body = in.u64();
  m.size = in.varint();
  m.received = time_of(in.u64());
  m.saved = time_of(in.u64());
  m.modseq = in.varint();
  m.created_modseq = in.varint();
  const uint64_t count = in.varint();
  if (count > kMaxPlaces) return {};
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Message::Place place{in.u32(), 0};
    place.uid = in.u32();
    place.saved = time_of(in.u64());
    m.places.push_back(place);
  }
  if (m.places.empty()) {
    if (!get_flags(in, m.flags)) return {};
    m.removed_until = time_of(in.u64());
  }
  if (!in.ok()) return {};
  return m;
}

namespace {

// Rows that stand together: one UID, one message after another, flags alike, and all of one modseq (a client flagged
// them) or of one after another (they arrived). Most mail is in few runs, so a delivery and a flag set in all messages
// write little.
struct Run {
  Row first;
  uint64_t count = 1;
  bool climbs = false;  // its modseqs do

  bool take(const Row& next) {
    const bool goes_on = next.uid == first.uid + count && next.message == first.message + count &&
                         next.elsewhere == first.elsewhere && next.flags == first.flags;
    if (!goes_on) return false;
    if (count == 1 && next.modseq == first.modseq + 1) climbs = true;
    if (next.modseq != first.modseq + (climbs ? count : 0)) return false;
    ++count;
    return true;
  }
};

void put(Encoder& out, const Run& run) {
  const Flags& flags = run.first.flags;
  out.u8(static_cast<uint8_t>(run.first.uid % keys::kRowBlock))
      .u8(static_cast<uint8_t>(flags.system | (run.count > 1 ? kRun : 0) | (flags.keywords.empty() ? 0 : kKeywords) |
                               (run.first.elsewhere ? kElsewhere : 0)));
  if (run.count > 1) out.varint((run.count - 2) << 1 | run.climbs);
  out.varint(run.first.message).varint(run.first.modseq);
  if (!flags.keywords.empty()) put_keywords(out, flags.keywords);
}

std::optional<Run> get_run(Decoder& in, Uid block) {
  Run run;
  const uint8_t slot = in.u8(), flags = in.u8();
  if (flags & kRun) {
    const uint64_t form = in.varint();
    run.count = (form >> 1) + 2;
    run.climbs = form & 1;
  }
  if (slot >= keys::kRowBlock || run.count > keys::kRowBlock - slot) return {};
  run.first.uid = block + slot;
  run.first.message = in.varint();
  run.first.modseq = in.varint();
  run.first.flags.system = flags & kSystemFlags;
  run.first.elsewhere = flags & kElsewhere;
  if (flags & kKeywords && !get_keywords(in, run.first.flags.keywords)) return {};
  if (!in.ok()) return {};
  return run;
}

}  // namespace

bool append_row(std::string& record, const Row& row) {
  Decoder in(record);
  in.u8();
  size_t begin = record.size();
  std::optional<Run> last;
  while (!in.done()) {
    begin = record.size() - in.rest().size();
    last = get_run(in, row.uid - row.uid % keys::kRowBlock);
    if (!last) return false;
  }
  Encoder out;
  if (last && last->take(row)) {
    record.resize(begin);
    put(out, *last);
  } else {
    put(out, Run{row});
  }
  record += out.view();
  return true;
}
std::string encode_rows(const std::vector<Row>& rows) {
  Encoder out;
  out.u8(kVersion);
  for (auto row = rows.begin(); row != rows.end();) {
    Run run{*row};
    while (++row != rows.end() && run.take(*row)) {}
    put(out, run);
  }
  return out.take();
}
std::optional<std::vector<Row>> decode_rows(std::string_view record, Uid any_of_them) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  std::vector<Row> rows;
  rows.reserve(keys::kRowBlock);
  while (!in.done()) {
    const auto run = get_run(in, any_of_them - any_of_them % keys::kRowBlock);
    if (!run || (!rows.empty() && run->first.uid <= rows.back().uid)) return {};
    for (uint32_t i = 0; i < run->count; ++i) {
      Row& row = rows.emplace_back(run->first);
      row.uid += i;
      row.message += i;
      if (run->climbs) row.modseq += i;
    }
  }
  return rows;
}

// The kind, and above it what happened to kSeen and kFlagged: no octet more for each of many messages that were read.
// Of kFlags the kind tells of kDeleted as well.
constexpr uint8_t kKindBits = 0x0F, kSeenSet = 0x10, kSeenCleared = 0x20, kFlaggedSet = 0x40, kFlaggedCleared = 0x80;
constexpr uint8_t kDeletedSet = 0x0E, kDeletedCleared = 0x0F;
// kFlags with more than fits: two octets follow, of what was set and cleared; the categories, and above them kDeleted.
constexpr uint8_t kMoreFlags = 0x0D, kMoreDeleted = 0x80, kAllCategories = (1 << kCategoryKeywords.size()) - 1;

namespace {

bool tells_thread(const Change& c) { return c.kind == Change::Kind::kAdded || c.kind == Change::Kind::kRemoved; }

bool tells_categories(const HistoryChange& c) { return c.categories_set || c.categories_cleared; }

uint8_t kind_octet(const HistoryChange& c) {
  const int flags = (c.set & kSeen ? kSeenSet : 0) | (c.cleared & kSeen ? kSeenCleared : 0) |
                    (c.set & kFlagged ? kFlaggedSet : 0) | (c.cleared & kFlagged ? kFlaggedCleared : 0);
  const uint8_t kind = tells_categories(c)    ? kMoreFlags
                       : c.set & kDeleted     ? kDeletedSet
                       : c.cleared & kDeleted ? kDeletedCleared
                                              : static_cast<uint8_t>(c.kind);
  return static_cast<uint8_t>(kind | flags);
}

bool take_kind(Decoder& in, HistoryChange& c) {
  const uint8_t octet = in.u8();
  const uint8_t kind = octet & kKindBits;
  c.set = static_cast<uint8_t>((octet & kSeenSet ? kSeen : 0) | (octet & kFlaggedSet ? kFlagged : 0) |
                               (kind == kDeletedSet ? kDeleted : 0));
  c.cleared = static_cast<uint8_t>((octet & kSeenCleared ? kSeen : 0) | (octet & kFlaggedCleared ? kFlagged : 0) |
                                   (kind == kDeletedCleared ? kDeleted : 0));
  if (kind == kMoreFlags) {
    for (auto [flags, categories] :
         {std::pair(&c.set, &c.categories_set), std::pair(&c.cleared, &c.categories_cleared)}) {
      const uint8_t more = in.u8();
      *categories = more & kAllCategories;
      if (more & kMoreDeleted) *flags |= kDeleted;
    }
  }
  c.kind = kind >= kMoreFlags ? Change::Kind::kFlags : static_cast<Change::Kind>(kind);
  return c.kind <= Change::Kind::kAnnotations;
}

}  // namespace

// Alike changes of messages whose UIDs follow each other stand together, a few octets for each: the first one, how many
// follow, and how much greater (ZigZag) the message id of each is than that of the one before. A thread is told by how
// much older than the message it is.
std::string encode(const std::vector<HistoryChange>& changes) {
  Encoder out;
  out.u8(kChangesVersion).varint(changes.size());
  for (auto first = changes.begin(); first != changes.end();) {
    auto end = first + 1;
    while (end != changes.end() && end->kind == first->kind && end->mailbox == first->mailbox &&
           end->uid == (end - 1)->uid + 1 && end->set == first->set && end->cleared == first->cleared &&
           end->categories_set == first->categories_set && end->categories_cleared == first->categories_cleared)
      ++end;
    out.u8(kind_octet(*first));
    if (tells_categories(*first))
      out.u8(static_cast<uint8_t>(first->categories_set | (first->set & kDeleted ? kMoreDeleted : 0)))
          .u8(static_cast<uint8_t>(first->categories_cleared | (first->cleared & kDeleted ? kMoreDeleted : 0)));
    out.u32(first->mailbox).u32(first->uid);
    out.varint(first->message).varint(static_cast<uint64_t>(end - first - 1));
    if (tells_thread(*first)) out.varint(first->message - first->thread);
    while (++first != end) {
      const auto step = static_cast<int64_t>(first->message - (first - 1)->message);
      out.varint((static_cast<uint64_t>(step) << 1) ^ static_cast<uint64_t>(step >> 63));
      if (tells_thread(*first)) out.varint(first->message - first->thread);
    }
  }
  return out.take();
}
std::optional<std::vector<HistoryChange>> decode_changes(std::string_view record, ModSeq modseq) {
  Decoder in(record);
  if (in.u8() != kChangesVersion) return {};
  std::vector<HistoryChange> out;
  const uint64_t count = in.varint();
  if (count > record.size()) return {};
  out.reserve(count);
  while (out.size() < count && in.ok()) {
    HistoryChange c;
    c.modseq = modseq;
    if (!take_kind(in, c)) return {};
    c.mailbox = in.u32();
    c.uid = in.u32();
    c.message = in.varint();
    const uint64_t more = in.varint();
    const bool with_thread = tells_thread(c);
    if (with_thread) c.thread = c.message - in.varint();
    out.push_back(c);
    if (more > count - out.size()) return {};
    for (uint64_t i = 0; i < more && in.ok(); ++i) {
      const uint64_t step = in.varint();
      ++c.uid;
      c.message += (step >> 1) ^ (0 - (step & 1));
      if (with_thread) c.thread = c.message - in.varint();
      out.push_back(c);
    }
  }
  if (!in.ok()) return {};
  return out;
}

std::string encode_details(std::string_view prefix, std::string_view preview, std::string_view structure,
                           std::string_view results) {
  return Encoder().u8(kDetailsVersion).string(prefix).string(preview).string(structure).string(results).take();
}
std::optional<Details> decode_details(std::string_view record) {
  Decoder in(record);
  const uint8_t version = in.u8();
  if (version != kVersion && version != kDetailsVersion) return {};
  Details d;
  d.prefix = in.string();
  d.preview = in.string();
  auto structure = message::decode(in.string());
  if (version == kDetailsVersion) d.results = in.string();
  if (!in.ok() || !structure) return {};
  d.structure = std::move(*structure);
  return d;
}
std::optional<message::Summary> decode_summary(std::string_view details) {
  Decoder in(details);
  if (const uint8_t version = in.u8(); version != kVersion && version != kDetailsVersion) return {};
  in.string();  // prefix and
  in.string();  // preview
  return message::decode_summary(in.string());
}
std::optional<std::string_view> decode_prefix(std::string_view details) {
  Decoder in(details);
  if (const uint8_t version = in.u8(); version != kVersion && version != kDetailsVersion) return {};
  const std::string_view prefix = in.string();
  if (!in.ok()) return {};
  return prefix;
}

// Gaps and lengths, so that an unbroken chunk is a few octets.
std::string encode_uids(const std::vector<UidMap::Range>& ranges) {
  Encoder out;
  out.u8(kVersion).varint(ranges.size());
  Uid end = 0;
  for (const UidMap::Range& r : ranges) {
    out.varint(r.first - end).varint(r.last - r.first);
    end = r.last;
  }
  return out.take();
}
std::optional<std::vector<UidMap::Range>> decode_uids(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  const uint64_t count = in.varint();
  if (count > record.size()) return {};
  std::vector<UidMap::Range> out;
  uint64_t end = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const uint64_t gap = in.varint(), length = in.varint();
    if (gap == 0 || gap > UINT32_MAX - end || length > UINT32_MAX - end - gap) return {};
    const uint64_t first = end + gap, last = first + length;
    out.push_back({static_cast<Uid>(first), static_cast<Uid>(last)});
    end = last;
  }
  if (!in.ok()) return {};
  return out;
}

}  // namespace pabal::mailbox
