#include "queue/queue.h"

#include <algorithm>

#include "base/codec.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

// The keys of this room:
//   Q e <id>         -> the entry's record
//   Q d <due> <id>   -> nothing; due in microseconds, so the first key is what is due next
//   Q n              -> counts: entries, held
//   Q w              -> the id changed last; written by every change, for watch()
// All writes run in the store's one committer: what a function reads before it writes is still so when it does.
namespace pabal::queue {
namespace {

constexpr std::string_view kEntries = "Qe";
constexpr std::string_view kSchedule = "Qd";
constexpr std::string_view kCounts = "Qn";
constexpr std::string_view kChanged = "Qw";

std::string entry_key(QueueId id) { return Encoder().raw(kEntries).u64(id).take(); }

// Times before 1970 are due at once, as 1970 is.
uint64_t due_number(Time t) { return static_cast<uint64_t>(std::max<int64_t>(0, to_micros(t))); }

std::string schedule_key(Time due, QueueId id) { return Encoder().raw(kSchedule).u64(due_number(due)).u64(id).take(); }

Queue::Due due_of(std::string_view key) {
  Decoder in(key.substr(kSchedule.size()));
  const uint64_t at = in.u64();
  return {from_micros(static_cast<int64_t>(at)), in.u64()};
}

Error damaged(QueueId id) {
  return {Code::kCorrupt, "the queue's record of " + id_text(id) +
                              " is damaged; it is not sent: restore it from a backup, or cancel it"};
}

Error missing(QueueId id) { return {Code::kNotFound, "there is no " + id_text(id) + " in the queue"}; }

Result<Queue::Figures> counts(const store::Reader& r) {
  const auto record = r.get(kCounts);
  if (!record) return record.error();
  if (!*record) return Queue::Figures{};
  Decoder in(**record);
  Queue::Figures figures;
  figures.entries = in.u64();
  figures.held = in.u64();
  if (!in.ok() || !in.done()) return Error{Code::kCorrupt, "the queue's counts are damaged"};
  return figures;
}

// Damaged counts are counted anew: they are no reason to keep mail waiting.
Result<void> recount(store::Transaction& t) {
  Queue::Figures figures;
  const auto scanned = t.scan(store::Range::prefix(kEntries), [&](std::string_view, std::string_view record) {
    ++figures.entries;
    const auto entry = decode(record);
    figures.held += entry && entry->held;
    return true;
  });
  if (scanned) t.put(kCounts, Encoder().u64(figures.entries).u64(figures.held).view());
  return scanned;
}

// Adds signed differences to the counts, never below zero. Called after the entry itself is written.
Result<void> count(store::Transaction& t, int entries, int held) {
  if (entries == 0 && held == 0) return {};
  auto figures = counts(t);
  if (!figures && figures.code() == Code::kCorrupt) return recount(t);
  if (!figures) return figures.error();
  const auto moved = [](uint64_t value, int by) {
    return by < 0 && value == 0 ? 0 : value + static_cast<uint64_t>(by);
  };
  t.put(kCounts, Encoder().u64(moved(figures->entries, entries)).u64(moved(figures->held, held)).view());
  return {};
}

void say_changed(store::Transaction& t, QueueId id) { t.put(kChanged, Encoder().u64(id).view()); }

std::string_view domain_of(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == address.npos ? std::string_view{} : address.substr(at + 1);
}

// `who`: an address or a domain (with or without a leading @).
bool names(std::string_view who, std::string_view address) {
  if (address.empty()) return false;
  if (text::iequals(who, address)) return true;
  if (who.starts_with('@')) who.remove_prefix(1);
  return !who.empty() && text::iequals(who, domain_of(address));
}

bool matches(const Entry& entry, std::string_view filter) {
  if (filter.empty() || names(filter, entry.reverse_path) || names(filter, entry.sender_account)) return true;
  return std::any_of(entry.recipients.begin(), entry.recipients.end(),
                     [&](const Recipient& r) { return names(filter, r.address); });
}

// Calls `act` on the waiting recipients that `who` names; how many there were.
template <typename Act>
size_t each_waiting(Entry& entry, std::string_view who, Act act) {
  size_t found = 0;
  for (Recipient& r : entry.recipients) {
    if (r.state != Recipient::State::kWaiting || (!who.empty() && !names(who, r.address))) continue;
    act(r);
    ++found;
  }
  return found;
}

Error nobody(QueueId id, std::string_view who) {
  return {Code::kNotFound, "in " + id_text(id) + " no waiting recipient is " + text::printable(who)};
}

// The schedule key of a record that can no longer be read: found by looking at the whole schedule.
Result<void> unschedule_blindly(store::Transaction& t, QueueId id) {
  std::vector<std::string> found;
  const auto scanned = t.scan(store::Range::prefix(kSchedule), [&](std::string_view key, std::string_view) {
    if (due_of(key).id == id) found.emplace_back(key);
    return true;
  });
  for (const std::string& key : found) t.erase(key);
  return scanned;
}

}  // namespace

Result<void> Queue::add(store::Transaction& t, const Entry& entry) {
  if (entry.done()) return {Code::kInvalid, "a queue entry needs a recipient that waits"};
  const auto stored = t.get(entry_key(entry.id));
  if (!stored) return stored.error();
  if (*stored) return {Code::kExists, id_text(entry.id) + " is in the queue already"};

  t.put(entry_key(entry.id), encode(entry));
  if (const auto due = entry.next_attempt()) t.put(schedule_key(*due, entry.id), {});
  say_changed(t, entry.id);
  return count(t, 1, entry.held ? 1 : 0);
}

Result<std::optional<Entry>> Queue::get(const store::Reader& r, QueueId id) const {
  const auto record = r.get(entry_key(id));
  if (!record) return record.error();
  if (!*record) return std::optional<Entry>{};
  auto entry = decode(**record);
  if (!entry || entry->id != id) return damaged(id);
  return entry;
}

Result<void> Queue::update(store::Transaction& t, const Entry& entry) {
  const auto stored = get(t, entry.id);
  if (!stored) return stored.error();
  if (!*stored) return missing(entry.id);
  if (entry.done()) return erase(t, entry.id);

  const auto before = (*stored)->next_attempt(), after = entry.next_attempt();
  if (before != after) {
    if (before) t.erase(schedule_key(*before, entry.id));
    if (after) t.put(schedule_key(*after, entry.id), {});
  }
  t.put(entry_key(entry.id), encode(entry));
  say_changed(t, entry.id);
  return count(t, 0, int(entry.held) - int((*stored)->held));
}

Result<void> Queue::erase(store::Transaction& t, QueueId id) {
  const auto stored = get(t, id);
  if (!stored && stored.code() != Code::kCorrupt) return stored.error();
  if (stored && !*stored) return missing(id);

  t.erase(entry_key(id));
  say_changed(t, id);
  if (!stored) {  // a damaged record can still be removed; it counts as not held
    if (const auto done = unschedule_blindly(t, id); !done) return done;
    return count(t, -1, 0);
  }
  if (const auto due = (*stored)->next_attempt()) t.erase(schedule_key(*due, id));
  return count(t, -1, (*stored)->held ? -1 : 0);
}

Result<std::vector<Queue::Due>> Queue::due(const store::Reader& r, Time now, size_t limit) const {
  std::vector<Due> found;
  if (limit == 0) return found;
  store::Range range;
  range.begin = kSchedule;
  range.end = Encoder().raw(kSchedule).u64(due_number(now) + 1).take();
  range.limit = limit;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view) {
    found.push_back(due_of(key));
    return true;
  });
  if (!scanned) return scanned.error();
  return found;
}

Result<std::optional<Time>> Queue::next_due(const store::Reader& r, Time after) const {
  std::optional<Time> first;
  store::Range range = store::Range::prefix(kSchedule);
  range.begin = Encoder().raw(kSchedule).u64(due_number(after) + 1).take();
  range.limit = 1;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view) {
    first = due_of(key).at;
    return false;
  });
  if (!scanned) return scanned.error();
  return first;
}

Result<void> Queue::mend(store::Transaction& t, const Due& due) {
  const auto stored = get(t, due.id);
  if (!stored && stored.code() != Code::kCorrupt) return stored.error();
  const auto place = stored && *stored ? (*stored)->next_attempt() : std::nullopt;
  if (place && due_number(*place) == due_number(due.at)) return {};  // it is right as it is
  t.erase(schedule_key(due.at, due.id));
  if (place) t.put(schedule_key(*place, due.id), {});
  say_changed(t, due.id);
  return {};
}

Result<std::vector<Entry>> Queue::list(const store::Reader& r, std::string_view filter, QueueId after,
                                       size_t limit) const {
  std::vector<Entry> entries;
  if (limit == 0 || after == UINT64_MAX) return entries;
  store::Range range = store::Range::prefix(kEntries);
  range.begin = entry_key(after + 1);
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    auto entry = decode(record);
    if (!entry) {  // the others are still listed
      log::warn("queue", damaged(Decoder(key.substr(kEntries.size())).u64()).message);
      return true;
    }
    if (matches(*entry, filter)) entries.push_back(std::move(*entry));
    return entries.size() < limit;
  });
  if (!scanned) return scanned.error();
  return entries;
}

Result<Queue::Figures> Queue::figures(const store::Reader& r) const { return counts(r); }

Result<std::optional<Entry>> Queue::release(store::Transaction& t, QueueId id, Time now) {
  auto entry = get(t, id);
  if (!entry || !*entry) return entry;
  const auto due = (*entry)->next_attempt();
  if (!due || *due > now) return std::optional<Entry>{};
  if (!(*entry)->scheduled) return entry;
  (*entry)->scheduled = false;
  (*entry)->created = now;
  if (const auto done = update(t, **entry); !done) return done.error();
  return entry;
}

Result<void> Queue::retry(store::Transaction& t, QueueId id, std::string_view who, Time now) {
  auto entry = get(t, id);
  if (!entry) return entry.error();
  if (!*entry) return missing(id);
  if ((*entry)->scheduled)
    return {Code::kConflict, id_text(id) + " waits for the time its sender has set; it can be held or cancelled"};
  if (each_waiting(**entry, who, [&](Recipient& r) { r.next_attempt = now; }) == 0) return nobody(id, who);
  return update(t, **entry);
}

Result<void> Queue::hold(store::Transaction& t, QueueId id, bool on, Time now) {
  auto entry = get(t, id);
  if (!entry) return entry.error();
  if (!*entry) return missing(id);
  if ((*entry)->held == on) return {};
  (*entry)->held = on;
  // What is released is tried at once: whoever releases it wants to see it leave.
  if (!on && !(*entry)->scheduled) each_waiting(**entry, {}, [&](Recipient& r) { r.next_attempt = now; });
  return update(t, **entry);
}

Result<Entry> Queue::cancel(store::Transaction& t, QueueId id, std::string_view who) {
  auto entry = get(t, id);
  if (!entry && entry.code() == Code::kCorrupt && who.empty()) {  // nothing is known of it any more, but it can go
    if (const auto gone = erase(t, id); !gone) return gone.error();
    Entry nothing;
    nothing.id = id;
    return nothing;
  }
  if (!entry) return entry.error();
  if (!*entry) return missing(id);
  if (each_waiting(**entry, who, [](Recipient& r) { r.state = Recipient::State::kCancelled; }) == 0)
    return nobody(id, who);
  if (const auto done = update(t, **entry); !done) return done.error();
  return std::move(**entry);
}

std::unique_ptr<store::Store::Watch> Queue::watch(std::function<void()> changed) {
  return store_.watch(std::string(kChanged), std::move(changed));
}

}  // namespace pabal::queue
