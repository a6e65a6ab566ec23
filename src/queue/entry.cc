// The entry's own rules and its record. A record proves itself: version, then a hash of all that follows.
#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "queue/queue.h"

namespace pabal::queue {
namespace {

constexpr uint8_t kVersion = 2;

enum Flag : uint8_t {
  kSmtpUtf8 = 1,
  kRequireTls = 2,
  kBody8Bit = 4,
  kBodyBinary = 8,
  kHeld = 16,
  kJunk = 32,
  kScheduled = 64
};
constexpr uint8_t kAllFlags = 127;
constexpr uint8_t kAllNotify = kNotifyNever | kNotifySuccess | kNotifyFailure | kNotifyDelay;

void put_time(Encoder& out, Time t) { out.u64(static_cast<uint64_t>(to_micros(t))); }
Time take_time(Decoder& in) { return from_micros(static_cast<int64_t>(in.u64())); }

void put_recipient(Encoder& out, const Recipient& r) {
  out.string(r.address).u8(static_cast<uint8_t>(r.state)).u8(r.notify).string(r.orcpt).varint(r.attempts);
  put_time(out, r.next_attempt);
  out.boolean(r.delay_reported).string(r.last_reply).string(r.last_host).string(r.last_tls);
}

std::optional<Recipient> take_recipient(Decoder& in) {
  Recipient r;
  r.address = in.string();
  const uint8_t state = in.u8();
  r.notify = in.u8();
  r.orcpt = in.string();
  const uint64_t attempts = in.varint();
  r.next_attempt = take_time(in);
  r.delay_reported = in.boolean();
  r.last_reply = in.string();
  r.last_host = in.string();
  r.last_tls = in.string();
  if (!in.ok() || state > static_cast<uint8_t>(Recipient::State::kExpired) || attempts > UINT32_MAX) return {};
  if (r.notify & ~kAllNotify) return {};
  r.state = static_cast<Recipient::State>(state);
  r.attempts = static_cast<uint32_t>(attempts);
  return r;
}

}  // namespace

bool Entry::done() const {
  return std::none_of(recipients.begin(), recipients.end(),
                      [](const Recipient& r) { return r.state == Recipient::State::kWaiting; });
}

std::optional<Time> Entry::next_attempt() const {
  std::optional<Time> earliest;
  if (held) return earliest;
  for (const Recipient& r : recipients)
    if (r.state == Recipient::State::kWaiting && (!earliest || r.next_attempt < *earliest)) earliest = r.next_attempt;
  return earliest;
}

Entry letter_entry(QueueId id, const message::Message& letter, uint64_t size, std::string reverse_path,
                   const std::vector<std::string>& to, Time now, days lifetime) {
  Entry entry;
  entry.id = id;
  entry.message_id = letter.summary.message_id;
  entry.reverse_path = std::move(reverse_path);
  entry.sign_as = message::author_domain(letter.summary);
  entry.body_8bit = letter.has_8bit;
  entry.smtputf8 = !text::is_ascii(entry.reverse_path) || letter.utf8_headers;
  entry.size = size;
  entry.created = now;
  entry.expires = now + lifetime;
  for (const std::string& address : to) {
    Recipient recipient;
    recipient.address = address;
    recipient.notify = kNotifyNever;
    recipient.next_attempt = now;
    entry.smtputf8 = entry.smtputf8 || !text::is_ascii(address);
    entry.recipients.push_back(std::move(recipient));
  }
  return entry;
}

std::string encode(const Entry& entry) {
  uint8_t flags = 0;
  if (entry.smtputf8) flags |= kSmtpUtf8;
  if (entry.requiretls) flags |= kRequireTls;
  if (entry.body_8bit) flags |= kBody8Bit;
  if (entry.body_binary) flags |= kBodyBinary;
  if (entry.held) flags |= kHeld;
  if (entry.junk) flags |= kJunk;
  if (entry.scheduled) flags |= kScheduled;

  Encoder out;
  out.u64(entry.id).u8(flags).string(entry.message_id).string(entry.sender_account).string(entry.reverse_path);
  out.string(entry.envid).string(entry.ret).u64(entry.body).string(entry.prefix).varint(entry.size);
  out.string(entry.sign_as).string(entry.results);
  put_time(out, entry.created);
  put_time(out, entry.expires);
  out.varint(entry.recipients.size());
  for (const Recipient& r : entry.recipients) put_recipient(out, r);
  return Encoder().u8(kVersion).u64(hash64(out.view())).raw(out.view()).take();
}

std::optional<Entry> decode(std::string_view record) {
  Decoder in(record);
  const uint8_t version = in.u8();
  const uint64_t proof = in.u64();
  if (!in.ok() || version < 1 || version > kVersion || proof != hash64(in.rest())) return {};

  Entry entry;
  entry.id = in.u64();
  const uint8_t flags = in.u8();
  entry.message_id = in.string();
  entry.sender_account = in.string();
  entry.reverse_path = in.string();
  entry.envid = in.string();
  entry.ret = in.string();
  entry.body = in.u64();
  entry.prefix = in.string();
  entry.size = in.varint();
  if (version >= 2) {  // before, nothing was signed
    entry.sign_as = in.string();
    entry.results = in.string();
  }
  entry.created = take_time(in);
  entry.expires = take_time(in);
  const uint64_t count = in.varint();
  // A recipient takes more than one octet: a count beyond what is left is a lie, found before memory is spent on it.
  if (!in.ok() || (flags & ~kAllFlags) || count > in.rest().size()) return {};
  entry.smtputf8 = flags & kSmtpUtf8;
  entry.requiretls = flags & kRequireTls;
  entry.body_8bit = flags & kBody8Bit;
  entry.body_binary = flags & kBodyBinary;
  entry.held = flags & kHeld;
  entry.junk = flags & kJunk;
  entry.scheduled = flags & kScheduled;
  for (uint64_t i = 0; i < count; ++i) {
    auto recipient = take_recipient(in);
    if (!recipient) return {};
    entry.recipients.push_back(std::move(*recipient));
  }
  if (!in.done()) return {};
  return entry;
}

}  // namespace pabal::queue
