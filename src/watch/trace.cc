#include "watch/trace.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <queue>
#include <set>

#include "base/codec.h"
#include "base/log.h"
#include "base/text.h"

// The keys of this room; all expire together with the event they belong to.
//   T e <group> <stamp>             -> the event
//   T i <hash of id> <stamp>        -> group
//   T a <domain> <local> <stamp>    -> group; hashes of the two halves of an address
// A group is one message: the hash of its Message-ID, or of its id here while there is none, so that all of a message's
// events lie side by side. A stamp is time, sequence and a hash of the event: it orders, and no two events share one.
//
// One event costs at most four small writes on the committer's thread and no read. A domain has no key of its own: its
// query reads the keys of all its addresses, which is slow (a million keys a second) where writing must be fast.
namespace pabal::watch {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kEvents = "Te", kIds = "Ti", kAddresses = "Ta";
constexpr size_t kMaxField = 1'000;    // octets of one field kept: a long reply's tail tells nothing
constexpr size_t kMaxLimit = 100'000;  // events of one answer, some 50 MB
constexpr size_t kMaxJoined = 1'000;   // ids and message-ids followed from one query
constexpr size_t kStampSize = 16;

uint64_t fold(std::string_view token) { return hash64(text::lowered(token)); }

std::string_view cut(std::string_view field) { return field.substr(0, kMaxField); }

std::string encode(const Event& e) {
  Encoder out;
  out.u8(kVersion).u64(static_cast<uint64_t>(to_micros(e.at))).string(cut(e.id)).string(cut(e.message_id));
  out.string(cut(e.station)).string(cut(e.action)).string(cut(e.reverse_path)).string(cut(e.recipient));
  return out.string(cut(e.peer)).string(cut(e.tls)).string(cut(e.reason)).take();
}

std::optional<Event> decode(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Event e;
  e.at = from_micros(static_cast<int64_t>(in.u64()));
  for (std::string* field :
       {&e.id, &e.message_id, &e.station, &e.action, &e.reverse_path, &e.recipient, &e.peer, &e.tls, &e.reason})
    *field = in.string();
  if (!in.ok() || !in.done()) return {};
  return e;
}

// Orders the events of equal times as they were written by this process. A transaction that is run again takes new
// numbers; the old ones were never stored.
std::string next_stamp(Time at, std::string_view record) {
  static std::atomic<uint32_t> sequence{0};
  const uint64_t micros = static_cast<uint64_t>(std::max<int64_t>(0, to_micros(at)));
  return Encoder().u64(micros).u32(sequence++).u32(static_cast<uint32_t>(hash64(record))).take();
}

uint64_t group_of(const Event& e, std::string_view stamp) {
  const std::string_view name = !e.message_id.empty() ? cut(e.message_id) : cut(e.id);
  return name.empty() ? hash64(stamp) : fold(name);
}

struct Halves {
  uint64_t local = 0, domain = 0;
};
Halves halves(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == address.npos) return {fold(address), fold({})};
  return {fold(address.substr(0, at)), fold(address.substr(at + 1))};
}

void index_address(store::Transaction& t, std::string_view address, std::string_view stamp, std::string_view group,
                   Time expires) {
  if (address.empty()) return;
  const Halves h = halves(cut(address));
  t.put_until(Encoder().raw(kAddresses).u64(h.domain).u64(h.local).raw(stamp).view(), group, expires);
}

bool in_domain(std::string_view address, std::string_view domain) {
  const size_t at = address.rfind('@');
  return at != address.npos && text::iequals(address.substr(at + 1), domain);
}

// Collects the events of one query: each once, the newest `limit` of them.
class Search {
 public:
  Search(const store::Reader& r, size_t limit) : reader_(r), limit_(limit) {}

  // All the events of an id, and what its message-ids join to it, in turn.
  Result<void> follow_id(std::string_view id) {
    add_id(id);
    return follow();
  }
  Result<void> follow_message_id(std::string_view message_id) {
    add_message_id(message_id);
    return follow();
  }

  // Events whose index keys start with `prefix` and for which `wanted` holds.
  using Wanted = std::function<bool(const Event&)>;
  Result<void> by_index(const std::string& prefix, const Wanted& wanted) {
    // Keys of one prefix are in time order only below one token, so the newest are picked by stamp.
    using Found = std::pair<std::string, std::string>;  // stamp, group
    std::priority_queue<Found, std::vector<Found>, std::greater<>> newest;
    const auto scanned = reader_.scan(store::Range::prefix(prefix), [&](std::string_view key, std::string_view group) {
      if (key.size() < kStampSize) return true;
      const std::string_view stamp = key.substr(key.size() - kStampSize);
      if (newest.size() == limit_) {
        if (stamp <= newest.top().first) return true;
        newest.pop();
      }
      newest.emplace(stamp, group);
      return true;
    });
    if (!scanned) return scanned;
    for (; !newest.empty(); newest.pop()) {
      const std::string key = std::string(kEvents) + newest.top().second + newest.top().first;
      const auto record = reader_.get(key);
      if (!record) return record.error();
      if (!*record) continue;  // it expired between the two reads
      if (auto event = decode(**record); event && wanted(*event)) take(newest.top().first, std::move(*event));
    }
    return {};
  }

  std::vector<Event> events() && {
    std::vector<Event> out;
    for (auto& [stamp, event] : found_) out.push_back(std::move(event));
    return out;
  }

 private:
  void add_id(std::string_view id) {
    if (!id.empty() && ids_.size() < kMaxJoined && ids_.insert(text::lowered(id)).second) new_ids_.emplace_back(id);
  }
  void add_message_id(std::string_view id) {
    if (!id.empty() && message_ids_.size() < kMaxJoined && message_ids_.insert(text::lowered(id)).second)
      new_message_ids_.emplace_back(id);
  }

  Result<void> follow() {
    while (!new_ids_.empty() || !new_message_ids_.empty()) {
      const auto ids = std::exchange(new_ids_, {});
      const auto message_ids = std::exchange(new_message_ids_, {});
      for (const std::string& id : ids)
        if (const auto done = by_index(Encoder().raw(kIds).u64(fold(id)).take(),
                                       [&](const Event& e) { return text::iequals(e.id, id); });
            !done)
          return done;
      for (const std::string& id : message_ids)
        if (const auto done = by_group(id); !done) return done;
    }
    return {};
  }

  Result<void> by_group(std::string_view message_id) {
    store::Range range = store::Range::prefix(Encoder().raw(kEvents).u64(fold(message_id)).view());
    range.reverse = true;  // the newest first
    range.limit = limit_;
    return reader_.scan(range, [&](std::string_view key, std::string_view record) {
      auto event = decode(record);
      // Others may share the hash: somebody else chooses message-ids.
      if (event && text::iequals(event->message_id, message_id))
        take(std::string(key.substr(key.size() - kStampSize)), std::move(*event));
      return true;
    });
  }

  void take(std::string stamp, Event event) {
    add_id(event.id);
    add_message_id(event.message_id);
    found_.emplace(std::move(stamp), std::move(event));
    if (found_.size() > limit_) found_.erase(found_.begin());
  }

  const store::Reader& reader_;
  const size_t limit_;
  std::map<std::string, Event> found_;  // by stamp
  std::set<std::string> ids_, message_ids_;
  std::vector<std::string> new_ids_, new_message_ids_;
};

}  // namespace

void Trace::record(store::Transaction& t, const Event& event) const {
  const Time expires = event.at + keep_;
  const std::string record = encode(event);
  const std::string stamp = next_stamp(event.at, record);
  const std::string group = Encoder().u64(group_of(event, stamp)).take();

  t.put_until(Encoder().raw(kEvents).raw(group).raw(stamp).view(), record, expires);
  if (!event.id.empty()) t.put_until(Encoder().raw(kIds).u64(fold(cut(event.id))).raw(stamp).view(), group, expires);
  index_address(t, event.reverse_path, stamp, group, expires);
  if (!text::iequals(event.recipient, event.reverse_path)) index_address(t, event.recipient, stamp, group, expires);
}

void Trace::record_later(std::vector<Event> events) const {
  store_.transact(
      [trace = *this, events = std::move(events)](store::Transaction& t) -> Result<void> {
        for (const Event& event : events) trace.record(t, event);
        return {};
      },
      [](Result<void> done) {
        if (!done) log::warn("watch", "lines of the message trace were lost: " + done.error().message);
      });
}

Result<std::vector<Event>> Trace::find(const store::Reader& r, std::string_view query, size_t limit) const {
  query = cut(text::trim(query));
  if (query.empty() || limit == 0) return std::vector<Event>{};
  Search search(r, std::min(limit, kMaxLimit));

  // A message-id looks like an address, and an id like a domain: each reading is tried.
  const bool bracketed = query.size() > 2 && query.front() == '<' && query.back() == '>';
  const std::string_view bare = bracketed ? query.substr(1, query.size() - 2) : query;
  const size_t at = bare.rfind('@');
  Result<void> done;
  if (at != 0) done = search.follow_message_id("<" + std::string(bare) + ">");
  if (done && !bracketed && at == bare.npos) done = search.follow_id(bare);
  if (!done) return done.error();
  std::vector<Event> joined = std::move(search).events();
  if (!joined.empty()) return joined;

  Search addresses(r, std::min(limit, kMaxLimit));
  if (at == bare.npos || at == 0) {
    const std::string_view domain = bare.substr(at == 0 ? 1 : 0);
    done = addresses.by_index(Encoder().raw(kAddresses).u64(fold(domain)).take(), [&](const Event& e) {
      return in_domain(e.reverse_path, domain) || in_domain(e.recipient, domain);
    });
  } else {
    const Halves h = halves(bare);
    done = addresses.by_index(Encoder().raw(kAddresses).u64(h.domain).u64(h.local).take(), [&](const Event& e) {
      return text::iequals(e.reverse_path, bare) || text::iequals(e.recipient, bare);
    });
  }
  if (!done) return done.error();
  return std::move(addresses).events();
}

}  // namespace pabal::watch
