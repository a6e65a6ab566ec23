// The record of an account's mail settings.
#include "base/codec.h"
#include "sieve/settings.h"

namespace pabal::sieve {
namespace {

constexpr uint8_t kVersion = 1;

void put(Encoder& out, const std::optional<uint64_t>& v) {
  out.boolean(v.has_value());
  if (v) out.varint(*v);
}
void put(Encoder& out, const std::optional<Time>& v) {
  out.boolean(v.has_value());
  if (v) out.u64(static_cast<uint64_t>(to_micros(*v)));
}
void put(Encoder& out, const std::vector<mailbox::MailboxId>& list) {
  out.varint(list.size());
  for (const mailbox::MailboxId one : list) out.varint(one);
}
void put(Encoder& out, const FlagList& list) {
  out.varint(list.size());
  for (const std::string& one : list) out.string(one);
}

Time time_of(Decoder& in) { return from_micros(static_cast<int64_t>(in.u64())); }
std::optional<uint64_t> number_of(Decoder& in) {
  if (!in.boolean()) return {};
  return in.varint();
}
std::optional<Time> maybe_time_of(Decoder& in) {
  if (!in.boolean()) return {};
  return time_of(in);
}
// The elements of a list; `read` reads one. A count beyond the octets that are left ends at the first that fails.
template <typename T, typename Read>
std::vector<T> list_of(Decoder& in, Read read) {
  std::vector<T> out;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) out.push_back(read(in));
  return out;
}
std::string string_of(Decoder& in) { return std::string(in.string()); }
std::vector<mailbox::MailboxId> ids_of(Decoder& in) {
  return list_of<mailbox::MailboxId>(in, [](Decoder& d) { return static_cast<mailbox::MailboxId>(d.varint()); });
}
FlagList flags_of(Decoder& in) { return list_of<std::string>(in, string_of); }

void put(Encoder& out, const Filter& f) {
  const Criteria& c = f.criteria;
  out.varint(f.id).string(c.from).string(c.to).string(c.subject).string(c.query).string(c.negated_query);
  out.boolean(c.has_attachment);
  put(out, c.larger);
  put(out, c.smaller);
  const FilterAction& a = f.action;
  put(out, a.add);
  put(out, a.remove);
  put(out, a.add_flags);
  put(out, a.remove_flags);
  out.boolean(a.skip_inbox).boolean(a.never_junk).boolean(a.trash).string(a.forward);
}
Filter filter_of(Decoder& in) {
  Filter f;
  f.id = in.varint();
  Criteria& c = f.criteria;
  for (std::string* text : {&c.from, &c.to, &c.subject, &c.query, &c.negated_query}) *text = in.string();
  c.has_attachment = in.boolean();
  c.larger = number_of(in);
  c.smaller = number_of(in);
  FilterAction& a = f.action;
  a.add = ids_of(in);
  a.remove = ids_of(in);
  a.add_flags = flags_of(in);
  a.remove_flags = flags_of(in);
  for (bool* on : {&a.skip_inbox, &a.never_junk, &a.trash}) *on = in.boolean();
  a.forward = in.string();
  return f;
}

Sender sender_of(Decoder& in) {
  Sender s;
  s.id = in.varint();
  for (std::string* text : {&s.address, &s.name, &s.reply_to, &s.bcc, &s.text_signature, &s.html_signature})
    *text = in.string();
  s.is_default = in.boolean();
  s.treat_as_alias = in.boolean();
  return s;
}

ForwardingAddress forwarding_of(Decoder& in) {
  ForwardingAddress f;
  f.address = in.string();
  f.verified = in.boolean();
  f.secret_hash = in.string();
  f.asked = time_of(in);
  return f;
}

}  // namespace

std::string encode(const Settings& s) {
  Encoder out;
  out.u8(kVersion).varint(s.revision).varint(s.last_id).varint(s.filters.size());
  for (const Filter& filter : s.filters) put(out, filter);
  const VacationAnswer& v = s.vacation;
  out.boolean(v.enabled).string(v.subject).string(v.text).string(v.html).string(v.only_domain);
  put(out, v.from);
  put(out, v.until);
  out.varint(s.forwarding_addresses.size());
  for (const ForwardingAddress& f : s.forwarding_addresses)
    out.string(f.address).boolean(f.verified).string(f.secret_hash).u64(static_cast<uint64_t>(to_micros(f.asked)));
  out.boolean(s.auto_forwarding.enabled).string(s.auto_forwarding.address);
  out.u8(static_cast<uint8_t>(s.auto_forwarding.after)).varint(s.senders.size());
  for (const Sender& one : s.senders) {
    out.varint(one.id).string(one.address).string(one.name).string(one.reply_to).string(one.bcc);
    out.string(one.text_signature).string(one.html_signature).boolean(one.is_default).boolean(one.treat_as_alias);
  }
  return out.string(s.language).take();
}

std::optional<Settings> decode_settings(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Settings s;
  s.revision = in.varint();
  s.last_id = in.varint();
  s.filters = list_of<Filter>(in, filter_of);
  VacationAnswer& v = s.vacation;
  v.enabled = in.boolean();
  for (std::string* text : {&v.subject, &v.text, &v.html, &v.only_domain}) *text = in.string();
  v.from = maybe_time_of(in);
  v.until = maybe_time_of(in);
  s.forwarding_addresses = list_of<ForwardingAddress>(in, forwarding_of);
  s.auto_forwarding.enabled = in.boolean();
  s.auto_forwarding.address = in.string();
  const uint8_t after = in.u8();
  if (after > static_cast<uint8_t>(AfterForwarding::kMarkRead)) return {};
  s.auto_forwarding.after = static_cast<AfterForwarding>(after);
  s.senders = list_of<Sender>(in, sender_of);
  s.language = in.string();
  if (!in.ok() || !in.done()) return {};
  return s;
}

}  // namespace pabal::sieve
