#include "trust/failing.h"

#include "base/codec.h"
#include "base/text.h"
#include "message/date.h"
#include "message/header.h"
#include "trust/report_row.h"

// Keys:
//   V o                  failures are told
//   V r TIME HASH        one that waits. With expiry
//   V q DAY DOMAIN       how many there were of that domain, and (no domain) of all. With expiry
namespace pabal::trust {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kSwitch = "Vo", kWaiting = "Vr", kDay = "Vq";

std::string encode(const Failing& f) {
  Encoder out;
  out.u8(kVersion).u64(static_cast<uint64_t>(to_micros(f.at))).string(f.domain).string(f.from_domain);
  out.varint(f.ruf.size());
  for (const std::string& uri : f.ruf) out.string(uri);
  out.string(f.source_ip).string(f.reverse_path).string(f.results).string(f.disposition).string(f.header);
  return out.take();
}

std::optional<Failing> decode(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Failing f;
  f.at = from_micros(static_cast<int64_t>(in.u64()));
  f.domain = in.string();
  f.from_domain = in.string();
  const uint64_t count = in.varint();
  if (!in.ok() || count > in.rest().size()) return {};
  for (uint64_t i = 0; i < count; ++i) f.ruf.emplace_back(in.string());
  f.source_ip = in.string();
  f.reverse_path = in.string();
  f.results = in.string();
  f.disposition = in.string();
  f.header = in.string();
  if (!in.done()) return {};
  return f;
}

// One more today, if it may be.
Result<bool> count(store::Transaction& t, Time at, std::string_view domain, size_t limit) {
  const uint32_t day = day_of(at);
  const std::string key = Encoder().raw(kDay).u32(day).raw(domain).take();
  const auto had = t.get(key);
  if (!had) return had.error();
  const uint64_t today = *had ? Decoder(**had).varint() : 0;
  if (today >= limit) return false;
  t.put_until(key, Encoder().varint(today + 1).view(), start_of_day(day + 2));
  return true;
}

// One line of a report: whatever it comes from, nothing of it begins another field.
std::string field(std::string_view name, std::string_view value) {
  return std::string(name) + ": " + text::printable(value, 900) + "\r\n";
}

// RFC 6591 §3.3
std::string_view delivery_result(std::string_view disposition) {
  return disposition == "reject" ? "reject" : disposition == "quarantine" ? "spam" : "delivered";
}

}  // namespace

Result<bool> failures_told(const store::Reader& r) {
  const auto on = r.get(kSwitch);
  if (!on) return on.error();
  return on->has_value();
}

Result<void> tell_failures(store::Transaction& t, bool on) {
  if (on)
    t.put(kSwitch, Encoder().u8(kVersion).view());
  else
    t.erase(kSwitch);
  return {};
}

Result<void> note_failing(store::Transaction& t, const Failing& one) {
  const auto on = failures_told(t);
  if (!on) return on.error();
  if (!*on || one.ruf.empty()) return {};
  const auto all = count(t, one.at, "", kMaxFailingADay);
  if (!all) return all.error();
  const auto of_one = *all ? count(t, one.at, one.domain, kMaxFailingOfOne) : all;
  if (!of_one) return of_one.error();
  if (!*of_one) return {};
  Failing kept = one;
  if (kept.header.size() > kMaxFailingHeader) kept.header.resize(kMaxFailingHeader);
  const std::string record = encode(kept);
  t.put_until(
      Encoder().raw(kWaiting).u64(static_cast<uint64_t>(to_micros(one.at))).raw(sha256(record).substr(0, 8)).view(),
      record, one.at + kFailingLife);
  return {};
}

Result<std::vector<WaitingFailing>> waiting_failing(const store::Reader& r, size_t limit) {
  std::vector<WaitingFailing> out;
  const auto done =
      r.scan(store::Range::prefix(std::string(kWaiting)), [&](std::string_view key, std::string_view record) {
        if (auto one = decode(record)) out.push_back({std::string(key), std::move(*one)});
        return out.size() < limit;
      });
  if (!done) return done.error();
  return out;
}

std::string build_failure(const Failing& f, const FailureLetter& letter) {
  // Of a hash over what is told: nothing in it can know it.
  const std::string boundary = "=_" + text::hex(sha256(letter.message_id + f.header)).substr(0, 32);
  const auto begin = [&](std::string_view type) {
    return "--" + boundary + "\r\nContent-Type: " + std::string(type) + "\r\n\r\n";
  };
  std::string to;
  for (const std::string& one : letter.to) to += (to.empty() ? "<" : ",\r\n\t<") + one + ">";
  const std::string date = message::format_date(letter.now), arrived = message::format_date(f.at);
  // Cut at a line's end; its octets as they came.
  std::string_view header = f.header;
  if (const size_t end = header.rfind('\n'); end != header.npos) header = header.substr(0, end + 1);
  const bool eight_bit = !text::is_ascii(header);
  std::string out = "From: <" + letter.from + ">\r\nTo: " + to + "\r\n" +
                    field("Subject", "A message in the name of " + f.from_domain + " failed DMARC") + "Date: " + date +
                    "\r\nMessage-ID: " + letter.message_id +
                    "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: multipart/report; report-type=feedback-report;\r\n\tboundary=\"" +
                    boundary + "\"\r\n" + (eight_bit ? "Content-Transfer-Encoding: 8bit\r\n" : "") + "\r\n";
  out += begin("text/plain; charset=us-ascii") + "A message from " + text::printable(f.source_ip) +
         " with an author of " + f.from_domain + " came to " + letter.hostname + "\r\non " + arrived +
         ". Neither SPF nor DKIM proves that it is yours.\r\nYou get this because the DMARC record of " + f.domain +
         " asks for it (ruf=).\r\n";
  out += "\r\n" + begin("message/feedback-report") +
         "Feedback-Type: auth-failure\r\nUser-Agent: Pabal\r\nVersion: 1\r\nAuth-Failure: dmarc\r\n"
         "Identity-Alignment: none\r\n" +
         field("Original-Mail-From", "<" + f.reverse_path + ">") + "Arrival-Date: " + arrived + "\r\n" +
         field("Source-IP", f.source_ip) + field("Reported-Domain", f.from_domain) +
         "Delivery-Result: " + std::string(delivery_result(f.disposition)) + "\r\n" +
         field("Authentication-Results", letter.hostname + "; " + f.results);
  out += "\r\n" + begin(eight_bit ? "text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit" : "text/rfc822-headers");
  for (const message::HeaderField& one : message::header_fields(header)) out += header.substr(one.offset, one.size);
  return out + "\r\n--" + boundary + "--\r\n";
}

}  // namespace pabal::trust
