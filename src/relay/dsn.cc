#include "relay/dsn.h"

#include <fmt/format.h>

#include "base/text.h"
#include "message/build.h"
#include "message/date.h"
#include "message/header.h"

namespace pabal::relay {
namespace {

constexpr size_t kMaxReturned = 64 << 10;  // octets of the original with RET=FULL; larger ones return their header

// A foreign reply in a field or a line of text: one line of printable characters.
std::string one_line(std::string_view s) { return text::printable(s, 500); }

const char* headline(DsnKind kind) {
  switch (kind) {
    case DsnKind::kFailed: return "Your message could not be delivered";
    case DsnKind::kDelayed: return "Your message is delayed";
    case DsnKind::kRelayed: return "Your message was handed on";
  }
  return "";
}

std::string advice(DsnKind kind, const queue::Recipient& r, const queue::Entry& entry) {
  if (kind == DsnKind::kDelayed)
    return "You need do nothing: delivery is tried until " + message::format_date(entry.expires) + ".";
  if (kind == DsnKind::kRelayed) return "The next server does not report deliveries; it has the message now.";
  const std::string status = status_of(r.last_reply, kind);
  if (status == "5.1.1" || status == "5.1.10") return "Check the address for typing mistakes, or ask the person for the right one.";
  if (status == "5.1.2") return "Check the part behind the @: no such domain takes mail.";
  if (status == "5.2.2" || status == "4.2.2") return "The mailbox is full: tell the person some other way.";
  if (status == "5.3.4") return "Send a smaller message.";
  if (status.starts_with("5.7")) return "The other server refuses it by its policy; its words above say why.";
  if (status == "5.4.7") return "The other server could not be reached in all that time. Try again later.";
  return "The words of the other server above say why.";
}

std::string people_part(DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about, std::string_view hostname) {
  std::string out = fmt::format("This is the mail server at {}.\r\n\r\n{}.\r\n", hostname, headline(kind));
  for (const queue::Recipient* r : about) {
    out += fmt::format("\r\n  To: {}\r\n", one_line(r->address));
    if (!r->last_reply.empty()) out += fmt::format("  {}: {}\r\n", r->last_host.empty() ? "Reason" : "Said by " + one_line(r->last_host), one_line(r->last_reply));
    out += "  " + advice(kind, *r, entry) + "\r\n";
  }
  return out + "\r\nThe same for programs, and the message itself, are attached.\r\n";
}

std::string machine_part(DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about, std::string_view hostname, Time now) {
  std::string out = fmt::format("Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n", hostname, message::format_date(entry.created));
  if (!entry.envid.empty()) out += "Original-Envelope-Id: " + one_line(entry.envid) + "\r\n";
  const char* action = kind == DsnKind::kFailed ? "failed" : kind == DsnKind::kDelayed ? "delayed" : "relayed";
  for (const queue::Recipient* r : about) {
    out += "\r\n";
    if (!r->orcpt.empty()) out += "Original-Recipient: " + one_line(r->orcpt) + "\r\n";
    out += fmt::format("Final-Recipient: {}; {}\r\nAction: {}\r\nStatus: {}\r\n", text::is_ascii(r->address) ? "rfc822" : "utf-8",
                       one_line(r->address), action, status_of(r->last_reply, kind));
    // "mx.example.org [192.0.2.1]": the name alone
    if (!r->last_host.empty()) out += "Remote-MTA: dns; " + one_line(r->last_host.substr(0, r->last_host.find(' '))) + "\r\n";
    if (!r->last_reply.empty()) out += (r->last_host.empty() ? "Diagnostic-Code: x-pabal; " : "Diagnostic-Code: smtp; ") + one_line(r->last_reply) + "\r\n";
    out += "Last-Attempt-Date: " + message::format_date(now) + "\r\n";
    if (kind == DsnKind::kDelayed) out += "Will-Retry-Until: " + message::format_date(entry.expires) + "\r\n";
  }
  return out;
}

}  // namespace

std::string status_of(std::string_view reply, DsnKind kind) {
  for (const std::string_view word : text::split(reply.substr(0, 40), ' ')) {
    const auto parts = text::split(word, '.');
    if (parts.size() == 3 && parts[0].size() == 1 && text::parse_u64(parts[0]) && text::parse_u64(parts[1]) && text::parse_u64(parts[2]))
      return std::string(word);
  }
  return kind == DsnKind::kFailed ? "5.0.0" : kind == DsnKind::kDelayed ? "4.0.0" : "2.0.0";
}

std::string build_dsn(DsnKind kind, const queue::Entry& entry, const std::vector<const queue::Recipient*>& about,
                      std::string_view original, std::string_view hostname, Time now, Random& random) {
  const std::string boundary = "=_" + text::hex(random.bytes(12));
  const bool full = text::iequals(entry.ret, "FULL") && kind == DsnKind::kFailed && original.size() <= kMaxReturned;
  const std::string_view returned = full ? original : original.substr(0, message::header_size(original));
  const bool utf8 = !text::is_ascii(returned);
  std::string out = fmt::format(
      "From: Mail Delivery System <MAILER-DAEMON@{0}>\r\nTo: <{1}>\r\nSubject: {2}\r\nDate: {3}\r\nMessage-ID: {4}\r\n"
      "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{5}\"\r\n\r\n",
      hostname, entry.reverse_path, headline(kind), message::format_date(now), message::new_message_id(random, now, hostname), boundary);
  const auto part = [&](std::string_view type, std::string_view body) {
    out += fmt::format("--{}\r\nContent-Type: {}\r\n", boundary, type);
    if (!text::is_ascii(body)) out += "Content-Transfer-Encoding: 8bit\r\n";
    out += "\r\n";
    out += body;
    if (!body.ends_with("\r\n")) out += "\r\n";
  };
  part("text/plain; charset=utf-8", people_part(kind, entry, about, hostname));
  part("message/delivery-status", machine_part(kind, entry, about, hostname, now));
  part(full ? (utf8 ? "message/global" : "message/rfc822") : (utf8 ? "message/global-headers" : "text/rfc822-headers"), returned);
  return out + "--" + boundary + "--\r\n";
}

}  // namespace pabal::relay
