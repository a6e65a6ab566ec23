#include "push/outlets.h"

#include "base/codec.h"
#include "push/keys.h"

namespace pabal::push {
namespace {

constexpr uint8_t kVersion = 1,
                  kOutletVersion = 3;  // 1: without told_of_others; 2: kOldCollections in a position, and no more
constexpr size_t kOldCollections = 4;
constexpr std::string_view kTopicStart = "projects/", kTopicMiddle = "/topics/";

void put_time(Encoder& out, const std::optional<Time>& time) {
  out.boolean(time.has_value());
  if (time) out.u64(static_cast<uint64_t>(to_micros(*time)));
}
std::optional<Time> take_time(Decoder& in) {
  if (!in.boolean()) return {};
  return from_micros(static_cast<int64_t>(in.u64()));
}
void put_position(Encoder& out, const Position& position) {
  out.varint(position.mail);
  for (const objects::ModSeq one : position.collections) out.varint(one);
  out.varint(position.scripts).varint(position.octets).varint(position.quota);
}
Position take_position(Decoder& in, uint8_t version) {
  Position out;
  out.mail = in.varint();
  const size_t collections = version < 3 ? kOldCollections : out.collections.size();
  for (size_t i = 0; i < collections; ++i) out.collections[i] = in.varint();
  if (version < 3) return out;
  out.scripts = in.varint();
  out.octets = in.varint();
  out.quota = in.varint();
  return out;
}
// Few more than the record has octets, whatever it says: reading them then fails.
size_t take_count(Decoder& in) {
  const uint64_t count = in.varint();
  return static_cast<size_t>(std::min<uint64_t>(count, in.rest().size() + 1));
}

std::string encode_topic(const Topic& topic) {
  return Encoder().u8(kVersion).string(topic.url).string(topic.secret).boolean(topic.anywhere).take();
}
Result<Topic> decode_topic(std::string_view name, std::string_view record) {
  Decoder in(record);
  Topic out;
  const bool known = in.u8() == kVersion;
  out.name = name;
  out.url = in.string();
  out.secret = in.string();
  out.anywhere = in.boolean();
  if (!known || !in.ok()) return Error{Code::kCorrupt, "a topic's record is broken"};
  return out;
}

}  // namespace

std::string encode_outlet(const Outlet& o) {
  Encoder out;
  out.u8(kOutletVersion).u8(static_cast<uint8_t>(o.kind)).string(o.url).string(o.name);
  out.u64(static_cast<uint64_t>(to_micros(o.created)));
  put_time(out, o.expires);
  out.string(o.keys.p256dh).string(o.keys.auth).string(o.root).string(o.code).boolean(o.verified).boolean(o.code_sent);
  out.boolean(o.types.has_value());
  if (o.types) {
    out.varint(o.types->size());
    for (const std::string& type : *o.types) out.string(type);
  }
  out.string(o.secret).boolean(o.anywhere).boolean(o.every_change);
  out.varint(o.mailboxes.size());
  for (const mailbox::MailboxId mailbox : o.mailboxes) out.varint(mailbox);
  out.boolean(o.all_but);
  put_position(out, o.told);
  put_time(out, o.failing_since);
  out.string(o.trouble).boolean(o.off).varint(o.told_of_others.size());
  for (const auto& [account, told] : o.told_of_others) {
    out.u32(account);
    put_position(out, told);
  }
  return out.take();
}

Result<Outlet> decode_outlet(std::string_view record) {
  Decoder in(record);
  Outlet o;
  const uint8_t version = in.u8(), kind = in.u8();
  o.kind = static_cast<Outlet::Kind>(kind);
  o.url = in.string();
  o.name = in.string();
  o.created = from_micros(static_cast<int64_t>(in.u64()));
  o.expires = take_time(in);
  o.keys.p256dh = in.string();
  o.keys.auth = in.string();
  o.root = in.string();
  o.code = in.string();
  o.verified = in.boolean();
  o.code_sent = in.boolean();
  if (in.boolean()) {
    o.types.emplace();
    for (size_t left = take_count(in); left > 0; --left) o.types->emplace_back(in.string());
  }
  o.secret = in.string();
  o.anywhere = in.boolean();
  o.every_change = in.boolean();
  for (size_t left = take_count(in); left > 0; --left)
    o.mailboxes.push_back(static_cast<mailbox::MailboxId>(in.varint()));
  o.all_but = in.boolean();
  o.told = take_position(in, version);
  o.failing_since = take_time(in);
  o.trouble = in.string();
  o.off = in.boolean();
  for (size_t left = version > 1 ? take_count(in) : 0; left > 0; --left) {
    const mailbox::AccountId account = in.u32();
    o.told_of_others[account] = take_position(in, version);
  }
  if (version == 0 || version > kOutletVersion || kind > static_cast<uint8_t>(Outlet::Kind::kWatch) || !in.ok())
    return Error{Code::kCorrupt, "an outlet's record is broken"};
  return o;
}

Result<void> Outlets::put(store::Transaction& t, const Outlet& outlet) const {
  const std::string key = keys::outlet(outlet.account, outlet.id);
  if (outlet.expires)
    t.put_until(key, encode_outlet(outlet), *outlet.expires);
  else
    t.put(key, encode_outlet(outlet));
  return {};
}

bool Outlets::too_often(mailbox::AccountId account) const {
  std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  std::erase_if(added_, [&](const auto& one) { return one.second.back() <= now - hours(1); });
  std::deque<Time>& times = added_[account];
  while (!times.empty() && times.front() <= now - hours(1)) times.pop_front();
  if (times.size() >= kMaxAddedInHour) return true;
  times.push_back(now);
  return false;
}

Result<Outlet> Outlets::add(store::Transaction& t, Outlet outlet) const {
  const auto present = list(t, outlet.account, outlet.kind);
  if (!present) return present.error();
  if (present->size() >= kMaxOutlets)
    return Error{Code::kLimit, "there are " + std::to_string(kMaxOutlets) + " already; remove one first"};
  if (outlet.url.size() > kMaxOutletUrl || outlet.name.size() > kMaxOutletText)
    return Error{Code::kLimit, "the URL or the name is too long"};
  if (outlet.kind == Outlet::Kind::kSubscription && too_often(outlet.account))
    return Error{Code::kLimit, "there were many new ones in the last hour; wait a while"};
  do { outlet.id = random_.next_u64() >> 1; } while (outlet.id == 0);
  outlet.created = clock_.now();
  if (outlet.kind == Outlet::Kind::kWebhook && outlet.secret.empty()) outlet.secret = random_.bytes(kWebhookSecret);
  t.put(keys::kChanged, Encoder().u64(outlet.id).take());
  if (const auto done = put(t, outlet); !done) return done.error();
  return outlet;
}

Result<void> Outlets::update(store::Transaction& t, const Outlet& outlet) const {
  const auto present = get(t, outlet.account, outlet.id);
  if (!present) return present.error();
  if (!*present) return Error{Code::kNotFound, "there is no such outlet"};
  t.put(keys::kChanged, Encoder().u64(outlet.id).take());
  return put(t, outlet);
}

Result<void> Outlets::note(store::Transaction& t, const Outlet& outlet) const {
  const auto present = get(t, outlet.account, outlet.id);
  if (!present) return present.error();
  if (!*present) return {};
  // What its owner has set meanwhile stands.
  Outlet fresh = std::move(**present);
  fresh.told = outlet.told;
  fresh.told_of_others = outlet.told_of_others;
  fresh.failing_since = outlet.failing_since;
  fresh.trouble = outlet.trouble;
  fresh.off = outlet.off;
  fresh.code_sent = outlet.code_sent && outlet.code == fresh.code;
  return put(t, fresh);
}

Result<void> Outlets::remove(store::Transaction& t, mailbox::AccountId account, uint64_t id) const {
  const auto present = get(t, account, id);
  if (!present) return present.error();
  if (!*present) return Error{Code::kNotFound, "there is no such outlet"};
  t.erase(keys::outlet(account, id));
  t.put(keys::kChanged, Encoder().u64(id).take());
  return {};
}

Result<std::optional<Outlet>> Outlets::get(const store::Reader& r, mailbox::AccountId account, uint64_t id) const {
  const auto record = r.get(keys::outlet(account, id));
  if (!record) return record.error();
  if (!*record) return std::optional<Outlet>();
  Result<Outlet> outlet = decode_outlet(**record);
  if (!outlet) return outlet.error();
  outlet->account = account;
  outlet->id = id;
  return std::optional<Outlet>(std::move(*outlet));
}

namespace {

Result<std::vector<Outlet>> outlets_of(const store::Reader& r, std::string_view prefix) {
  std::vector<Outlet> out;
  const auto entries = r.list(store::Range::prefix(prefix));
  if (!entries) return entries.error();
  for (const store::Entry& entry : *entries) {
    Decoder key(std::string_view(entry.key).substr(keys::kOutlets.size()));
    Result<Outlet> outlet = decode_outlet(entry.value);
    if (!outlet) return outlet.error();
    outlet->account = key.u32();
    outlet->id = key.u64();
    out.push_back(std::move(*outlet));
  }
  return out;
}

}  // namespace

Result<std::vector<Outlet>> Outlets::list(const store::Reader& r, mailbox::AccountId account, Outlet::Kind kind) const {
  Result<std::vector<Outlet>> out = outlets_of(r, keys::outlets(account));
  if (!out) return out;
  std::erase_if(*out, [&](const Outlet& outlet) { return outlet.kind != kind; });
  std::sort(out->begin(), out->end(),
            [](const Outlet& a, const Outlet& b) { return std::pair(a.created, a.id) < std::pair(b.created, b.id); });
  return out;
}

Result<std::vector<Outlet>> Outlets::all(const store::Reader& r) const { return outlets_of(r, keys::kOutlets); }

Result<Topic> Outlets::put_topic(store::Transaction& t, Topic topic) const {
  const std::string& name = topic.name;
  const size_t middle = name.find(kTopicMiddle);
  if (!name.starts_with(kTopicStart) || middle == name.npos || middle <= kTopicStart.size() ||
      middle + kTopicMiddle.size() == name.size() || name.size() > kMaxOutletText)
    return Error{Code::kInvalid, "a topic is named projects/PROJECT/topics/TOPIC"};
  const auto present = topics(t);
  if (!present) return present.error();
  if (present->size() >= kMaxTopics) return Error{Code::kLimit, "there are too many topics; remove one first"};
  if (topic.secret.empty()) topic.secret = random_.bytes(kWebhookSecret);
  t.put(keys::topic(name), encode_topic(topic));
  t.put(keys::kChanged, name);
  return topic;
}

Result<void> Outlets::remove_topic(store::Transaction& t, std::string_view name) const {
  const auto present = topic(t, name);
  if (!present) return present.error();
  if (!*present) return Error{Code::kNotFound, "there is no such topic"};
  t.erase(keys::topic(name));
  t.put(keys::kChanged, name);
  return {};
}

Result<std::optional<Topic>> Outlets::topic(const store::Reader& r, std::string_view name) const {
  const auto record = r.get(keys::topic(name));
  if (!record) return record.error();
  if (!*record) return std::optional<Topic>();
  Result<Topic> topic = decode_topic(name, **record);
  if (!topic) return topic.error();
  return std::optional<Topic>(std::move(*topic));
}

Result<std::vector<Topic>> Outlets::topics(const store::Reader& r) const {
  std::vector<Topic> out;
  const auto entries = r.list(store::Range::prefix(keys::kTopics));
  if (!entries) return entries.error();
  for (const store::Entry& entry : *entries) {
    Result<Topic> topic = decode_topic(std::string_view(entry.key).substr(keys::kTopics.size()), entry.value);
    if (!topic) return topic.error();
    out.push_back(std::move(*topic));
  }
  return out;
}

Result<EcKey> vapid_key(store::Store& store, Random& random) {
  const std::string fresh = EcKey::generate(random).scalar();
  std::string kept;
  const auto done = store.transact_and_wait([&](store::Transaction& t) -> Result<void> {
    const auto present = t.get(keys::kVapid);
    if (!present) return present.error();
    kept = *present ? **present : fresh;
    if (!*present) t.put(keys::kVapid, fresh);
    return {};
  });
  if (!done) return done.error();
  return EcKey::from_private(kept);
}

}  // namespace pabal::push
