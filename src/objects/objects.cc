#include "objects/objects.h"

#include <algorithm>

#include "base/codec.h"
#include "mailbox/keys.h"

// The keys of this room, KIND one octet:
//   A ACCOUNT o KIND s           state: modseq, next id, objects, octets, removals known, the modseq the log begins at
//   A ACCOUNT o KIND v ID        object: modseq it was made at, modseq it was changed at, value
//   A ACCOUNT o KIND c MODSEQ    the object that was changed last at this modseq
//   A ACCOUNT o KIND d MODSEQ    the object that was removed at this modseq, and the modseq it had been made at
namespace pabal::objects {
namespace {

constexpr uint8_t kVersion = 1;

std::string key(mailbox::AccountId account, Kind kind, char what) {
  return mailbox::keys::in_account(account, 'o').u8(static_cast<uint8_t>(kind)).u8(static_cast<uint8_t>(what)).take();
}
std::string key(mailbox::AccountId account, Kind kind, char what, uint64_t number) {
  return Encoder().raw(key(account, kind, what)).u64(number).take();
}

Error damaged() { return {Code::kCorrupt, "a collection of objects is damaged; restore it from a backup"}; }

struct Full {
  State state;
  ObjectId next = 1;
  uint64_t destroyed = 0;
  ModSeq log_from = 0;
};

Result<Full> read_state(const store::Reader& r, mailbox::AccountId account, Kind kind) {
  const auto record = r.get(key(account, kind, 's'));
  if (!record) return record.error();
  Full full;
  if (!*record) return full;
  Decoder in(**record);
  const uint8_t version = in.u8();
  full.state.modseq = in.varint();
  full.next = in.varint();
  full.state.objects = in.varint();
  full.state.octets = in.varint();
  full.destroyed = in.varint();
  full.log_from = in.varint();
  if (!in.ok() || !in.done() || version != kVersion) return damaged();
  return full;
}

void write_state(store::Transaction& t, mailbox::AccountId account, Kind kind, const Full& full) {
  Encoder out;
  out.u8(kVersion).varint(full.state.modseq).varint(full.next).varint(full.state.objects).varint(full.state.octets);
  t.put(key(account, kind, 's'), out.varint(full.destroyed).varint(full.log_from).view());
}

std::optional<Object> decode(ObjectId id, std::string_view record) {
  Decoder in(record);
  Object object;
  object.id = id;
  const uint8_t version = in.u8();
  object.created = in.varint();
  object.changed = in.varint();
  if (!in.ok() || version != kVersion) return {};
  object.value = in.rest();
  return object;
}

void write(store::Transaction& t, mailbox::AccountId account, Kind kind, const Object& object) {
  t.put(key(account, kind, 'v', object.id),
        Encoder().u8(kVersion).varint(object.created).varint(object.changed).raw(object.value).view());
  t.put(key(account, kind, 'c', object.changed), Encoder().u64(object.id).view());
}

// The state to change: the account is there, and the collection has room for `octets` more.
Result<Full> open(store::Transaction& t, mailbox::AccountId account, Kind kind, uint64_t octets) {
  const auto there = t.get(mailbox::keys::state(account));
  if (!there) return there.error();
  if (!*there) return Error{Code::kNotFound, "there is no such account"};
  auto full = read_state(t, account, kind);
  if (!full) return full;
  if (octets > kMaxValueOctets) return Error{Code::kLimit, "an object may have a megabyte"};
  if (octets && full->state.octets + octets > kMaxOctets) return Error{Code::kLimit, "the collection is full"};
  ++full->state.modseq;
  return full;
}

Result<Object> existing(const store::Reader& r, mailbox::AccountId account, Kind kind, ObjectId id) {
  auto found = get(r, account, kind, id);
  if (!found) return found.error();
  if (!*found) return Error{Code::kNotFound, "there is no such object"};
  return std::move(**found);
}

uint64_t number_at_end(std::string_view key) { return Decoder(key.substr(key.size() - 8)).u64(); }

}  // namespace

Result<ObjectId> add(store::Transaction& t, mailbox::AccountId account, Kind kind, std::string_view value) {
  auto full = open(t, account, kind, value.size());
  if (!full) return full.error();
  if (full->state.objects >= kMaxObjects) return Error{Code::kLimit, "the collection has too many objects"};
  const Object object{full->next++, full->state.modseq, full->state.modseq, std::string(value)};
  ++full->state.objects;
  full->state.octets += value.size();
  write(t, account, kind, object);
  write_state(t, account, kind, *full);
  return object.id;
}

Result<void> put(store::Transaction& t, mailbox::AccountId account, Kind kind, ObjectId id, std::string_view value) {
  auto object = existing(t, account, kind, id);
  if (!object) return object.error();
  auto full = open(t, account, kind, value.size());
  if (!full) return full.error();
  t.erase(key(account, kind, 'c', object->changed));
  full->state.octets += value.size() - object->value.size();
  object->changed = full->state.modseq;
  object->value = value;
  write(t, account, kind, *object);
  write_state(t, account, kind, *full);
  return {};
}

Result<void> remove(store::Transaction& t, mailbox::AccountId account, Kind kind, ObjectId id) {
  const auto object = existing(t, account, kind, id);
  if (!object) return object.error();
  auto full = open(t, account, kind, 0);
  if (!full) return full.error();
  t.erase(key(account, kind, 'v', id));
  t.erase(key(account, kind, 'c', object->changed));
  t.put(key(account, kind, 'd', full->state.modseq), Encoder().u64(id).varint(object->created).view());
  --full->state.objects;
  full->state.octets -= object->value.size();
  if (++full->destroyed > kMaxDestroyedKnown) {
    store::Range range = store::Range::prefix(key(account, kind, 'd'));
    range.limit = 1;
    const auto oldest = t.list(range);
    if (!oldest) return oldest.error();
    if (oldest->empty()) return damaged();
    full->log_from = number_at_end(oldest->front().key);
    t.erase(oldest->front().key);
    --full->destroyed;
  }
  write_state(t, account, kind, *full);
  return {};
}

Result<State> state(const store::Reader& r, mailbox::AccountId account, Kind kind) {
  const auto full = read_state(r, account, kind);
  if (!full) return full.error();
  return full->state;
}

Result<std::optional<Object>> get(const store::Reader& r, mailbox::AccountId account, Kind kind, ObjectId id) {
  const auto record = r.get(key(account, kind, 'v', id));
  if (!record) return record.error();
  if (!*record) return std::optional<Object>{};
  auto object = decode(id, **record);
  if (!object) return damaged();
  return object;
}

Result<void> each(const store::Reader& r, mailbox::AccountId account, Kind kind,
                  const std::function<bool(Object&&)>& visit) {
  bool whole = true;
  const auto scanned =
      r.scan(store::Range::prefix(key(account, kind, 'v')), [&](std::string_view at, std::string_view record) {
        auto object = decode(number_at_end(at), record);
        if (!object) return whole = false;
        return visit(std::move(*object));
      });
  if (!scanned) return scanned;
  return whole ? Result<void>() : damaged();
}

Result<std::vector<Object>> all(const store::Reader& r, mailbox::AccountId account, Kind kind) {
  std::vector<Object> out;
  const auto done = each(r, account, kind, [&](Object&& object) {
    out.push_back(std::move(object));
    return true;
  });
  if (!done) return done.error();
  return out;
}

Result<Changes> changes(const store::Reader& r, mailbox::AccountId account, Kind kind, ModSeq since, size_t limit) {
  const auto full = read_state(r, account, kind);
  if (!full) return full.error();
  if (since < full->log_from || since > full->state.modseq)
    return Error{Code::kNotFound, "what has changed since then is no longer known"};
  // Two logs, each in order; what is beyond the smaller end of the two is left for the next call.
  struct Line {
    ModSeq at = 0;
    ObjectId id = 0;
    bool removed = false;
    ModSeq created = 0;
  };
  std::vector<Line> lines;
  Changes out;
  out.to = full->state.modseq;
  for (const bool removed : {false, true}) {
    store::Range range = store::Range::prefix(key(account, kind, removed ? 'd' : 'c'));
    range.begin = key(account, kind, removed ? 'd' : 'c', since + 1);
    size_t found = 0;
    const auto scanned = r.scan(range, [&](std::string_view at, std::string_view record) {
      const ModSeq modseq = number_at_end(at);
      Decoder in(record);
      Line line{modseq, in.u64(), removed, removed ? in.varint() : 0};
      if (removed && line.created > since) return true;  // made and removed since: nobody has seen it
      if (found++ == limit) {
        out.to = std::min(out.to, lines.back().at);
        out.more = true;
        return false;
      }
      lines.push_back(line);
      return true;
    });
    if (!scanned) return scanned.error();
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.at < b.at; });
  if (lines.size() > limit) {
    lines.resize(limit);
    out.to = lines.back().at;
    out.more = true;
  }
  for (const Line& line : lines) {
    if (line.at > out.to) break;
    if (line.removed) {
      out.destroyed.push_back(line.id);
      continue;
    }
    const auto object = get(r, account, kind, line.id);
    if (!object) return object.error();
    if (!*object) return damaged();
    ((*object)->created > since ? out.created : out.updated).push_back(line.id);
  }
  return out;
}

std::string watch_key(mailbox::AccountId account, Kind kind) { return key(account, kind, 's'); }

}  // namespace pabal::objects
