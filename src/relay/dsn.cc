#include "relay/dsn.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "base/id.h"
#include "base/text.h"
#include "message/date.h"
#include "message/header.h"

namespace pabal::relay {
namespace {

constexpr size_t kMaxReturned =
    64 << 10;  // octets of the original with RET=FULL; larger ones return their header (RFC 3461 §6.2)
constexpr size_t kMaxWords = 500;  // of a foreign reply

using Recipients = std::vector<const queue::Recipient*>;

// A foreign reply in a field or a line of text: one line of printable characters.
std::string one_line(std::string_view s) {
  std::string line = text::printable(s, kMaxWords);
  return text::is_utf8(line) ? line : text::printable(text::hex(s), kMaxWords);
}

// The same for the fields of message/delivery-status, which are ASCII (RFC 3464 §2.1.2).
std::string ascii_line(std::string_view s, bool utf8_allowed) {
  std::string line = one_line(s);
  if (!utf8_allowed)
    std::replace_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return line;
}

const char* headline(DsnKind kind) {
  switch (kind) {
    case DsnKind::kFailed:
      return "Your message could not be delivered";
    case DsnKind::kDelayed:
      return "Your message is delayed";
    case DsnKind::kRelayed:
      return "Your message was handed on";
  }
  return "";
}

const char* action(DsnKind kind) {  // RFC 3464 §2.3.3
  switch (kind) {
    case DsnKind::kFailed:
      return "failed";
    case DsnKind::kDelayed:
      return "delayed";
    case DsnKind::kRelayed:
      return "relayed";
  }
  return "";
}

std::string status_of(const queue::Recipient& r, DsnKind kind) {
  return r.state == queue::Recipient::State::kExpired ? "5.4.7" : relay::status_of(r.last_reply, kind);
}

std::string advice(DsnKind kind, const queue::Recipient& r, const queue::Entry& entry) {
  switch (kind) {
    case DsnKind::kDelayed:
      return "You need do nothing: delivery is tried until " + message::format_date(entry.expires) + ".";
    case DsnKind::kRelayed:
      return "The next server does not report deliveries; it has the message now.";
    case DsnKind::kFailed:
      break;
  }
  const std::string status = status_of(r, kind);
  if (status == "5.1.1") return "Check the address for typing mistakes, or ask the person for the right one.";
  if (status == "5.1.2" || status == "5.1.10") return "Check the part behind the @: that domain takes no mail.";
  if (status == "5.2.2") return "The mailbox is full: tell the person some other way.";
  if (status == "5.3.4") return "Send a smaller message.";
  if (status == "5.7.10" || status == "5.7.30")
    return "You asked that it travels by protected connections only, and none was found.";
  if (status.starts_with("5.7")) return "The other server refuses it by its policy; its words above say why.";
  if (status == "5.4.7") return "It was tried again and again, and given up. You may send it again later.";
  return "The words above say why.";
}

std::string people_part(DsnKind kind, const queue::Entry& entry, const Recipients& about, std::string_view hostname) {
  std::string out = fmt::format("This is the mail server at {}.\r\n\r\n{}.\r\n", hostname, headline(kind));
  for (const queue::Recipient* r : about) {
    out += fmt::format("\r\n  To: {}\r\n", one_line(r->address));
    if (!r->last_reply.empty())
      out += fmt::format("  {}: {}\r\n", r->last_host.empty() ? "Reason" : "Said by " + one_line(r->last_host),
                         one_line(r->last_reply));
    out += "  " + advice(kind, *r, entry) + "\r\n";
  }
  return out + "\r\nThe same for programs, and the message or its header, are attached.\r\n";
}

// RFC 3464 §2.2 and §2.3; with `utf8` RFC 6533 §3.
std::string machine_part(DsnKind kind, const queue::Entry& entry, const Recipients& about, std::string_view hostname,
                         Time now, bool utf8) {
  std::string out =
      fmt::format("Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n", hostname, message::format_date(entry.created));
  if (!entry.envid.empty()) out += "Original-Envelope-Id: " + ascii_line(entry.envid, utf8) + "\r\n";
  for (const queue::Recipient* r : about) {
    out += "\r\n";
    if (!r->orcpt.empty()) out += "Original-Recipient: " + ascii_line(r->orcpt, utf8) + "\r\n";
    out += fmt::format("Final-Recipient: {}; {}\r\nAction: {}\r\nStatus: {}\r\n",
                       text::is_ascii(r->address) ? "rfc822" : "utf-8", ascii_line(r->address, utf8), action(kind),
                       status_of(*r, kind));
    // "mx.example.org [192.0.2.1]": the name alone
    if (!r->last_host.empty())
      out += "Remote-MTA: dns; " + ascii_line(r->last_host.substr(0, r->last_host.find(' ')), utf8) + "\r\n";
    if (!r->last_reply.empty()) {
      // What begins with a reply code was said by an SMTP server; the rest are our own words.
      const bool theirs =
          r->last_reply.size() > 3 && text::parse_u64(r->last_reply.substr(0, 3)) && r->last_reply[3] == ' ';
      out += fmt::format("Diagnostic-Code: {}; {}\r\n", theirs ? "smtp" : "x-pabal", ascii_line(r->last_reply, utf8));
    }
    out += "Last-Attempt-Date: " + message::format_date(now) + "\r\n";
    if (kind == DsnKind::kDelayed) out += "Will-Retry-Until: " + message::format_date(entry.expires) + "\r\n";
  }
  return out;
}

struct Returned {
  std::string_view type;
  std::string_view bytes;
};

// RFC 3461 §4.3: the message when that was asked for and it failed, else its header. RFC 8689 §5: of a REQUIRETLS
// message never more.
Returned returned_part(DsnKind kind, const queue::Entry& entry, std::string_view original) {
  const std::string_view header = original.substr(0, message::header_size(original));
  const bool full = text::iequals(entry.ret, "FULL") && kind == DsnKind::kFailed && !entry.requiretls &&
                    !entry.body_binary && original.size() <= kMaxReturned;
  const bool utf8 = !text::is_ascii(header) && text::is_utf8(header);  // RFC 6533 §4
  if (full) return {utf8 ? "message/global" : "message/rfc822", original};
  return {utf8 ? "message/global-headers" : "text/rfc822-headers", header};
}

}  // namespace

std::string status_of(std::string_view reply, DsnKind kind) {
  const char own_class = kind == DsnKind::kFailed ? '5' : kind == DsnKind::kDelayed ? '4' : '2';
  const auto words = text::split(reply.substr(0, 40), ' ');
  for (size_t i = 0; i < std::min<size_t>(words.size(), 2); ++i) {
    const auto parts = text::split(words[i], '.');
    if (parts.size() != 3 || parts[0].size() != 1 || parts[0][0] != own_class) continue;
    const auto detail = [](std::string_view s) { return s.size() <= 3 && text::parse_u64(s); };  // RFC 3463 §2
    if (detail(parts[1]) && detail(parts[2])) return std::string(words[i]);
  }
  return std::string(1, own_class) + ".0.0";
}

std::string build_dsn(DsnKind kind, const queue::Entry& entry, const Recipients& about, std::string_view original,
                      std::string_view hostname, Time now, uint64_t id) {
  // Of a hash over the message itself: nothing in the message can know it.
  const std::string boundary = "=_" + text::hex(sha256(id_text(id) + std::string(original))).substr(0, 32);
  const bool utf8 =
      std::any_of(about.begin(), about.end(), [](const queue::Recipient* r) { return !text::is_ascii(r->address); });
  std::string parts;
  bool eight_bit = false;
  const auto part = [&](std::string_view type, std::string_view body) {
    parts += fmt::format("--{}\r\nContent-Type: {}\r\n", boundary, type);
    if (!text::is_ascii(body)) {
      parts += "Content-Transfer-Encoding: 8bit\r\n";
      eight_bit = true;
    }
    parts += "\r\n";
    parts += body;
    parts += "\r\n";  // belongs to the boundary (RFC 2046 §5.1.1): what is returned keeps its own
  };
  part("text/plain; charset=utf-8", people_part(kind, entry, about, hostname));
  part(utf8 ? "message/global-delivery-status" : "message/delivery-status",
       machine_part(kind, entry, about, hostname, now, utf8));
  if (const Returned returned = returned_part(kind, entry, original); !returned.bytes.empty())
    part(returned.type, returned.bytes);

  std::string out = fmt::format(
      "From: Mail Delivery System <MAILER-DAEMON@{0}>\r\nTo: <{1}>\r\nSubject: {2}\r\nDate: {3}\r\nMessage-ID: "
      "<{4}@{0}>\r\n",
      hostname, entry.reverse_path, headline(kind), message::format_date(now), id_text(id));
  // So that mail programs show it under the message it is about.
  if (entry.message_id.size() > 2 && entry.message_id.size() < 900 && text::is_ascii(entry.message_id))
    out += "References: " + text::printable(entry.message_id, 900) + "\r\n";
  out += "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=" +
         std::string(utf8 ? "global-delivery-status" : "delivery-status") + ";\r\n\tboundary=\"" + boundary + "\"\r\n";
  if (eight_bit) out += "Content-Transfer-Encoding: 8bit\r\n";
  return out + "\r\n" + parts + "--" + boundary + "--\r\n";
}

}  // namespace pabal::relay
