#include "message/received.h"

#include "base/text.h"
#include "message/date.h"
#include "message/header.h"

namespace pabal::message {
namespace {

// A client's own words: nothing that could end a comment, a line or the angle brackets. 8-bit text only in an address
// of a message that is SMTPUTF8 anyway.
std::string harmless(std::string_view s, bool utf8) {
  std::string out;
  for (char c : s.substr(0, 320)) {
    const bool good =
        static_cast<unsigned char>(c) >= 0x80
            ? utf8
            : text::is_alnum(c) || std::string_view(".-_:[]@+/=!#$%&'*?^`{|}~").find(c) != std::string_view::npos;
    out += good ? c : '?';
  }
  return out;
}

}  // namespace

std::string received_line(const ReceivedInfo& info) {
  std::string out = "Received: ";
  if (info.with != "HTTP") out += "from " + harmless(info.helo.empty() ? "unknown" : info.helo, false);
  if (!info.ip.empty()) out += " ([" + std::string(info.ip.find(':') == info.ip.npos ? "" : "IPv6:") + info.ip + "])";
  out += (info.with == "HTTP" ? "by " : "\r\n\tby ") + info.by + " (Pabal) with " + info.with;
  if (!info.tls.empty()) out += " (" + info.tls + ")";
  out += "\r\n\tid " + info.id;
  if (!info.recipient.empty()) out += " for <" + harmless(info.recipient, true) + ">";
  return out + ";\r\n\t" + format_date(info.at) + "\r\n";
}

size_t count_received(std::string_view header_block) {
  size_t count = 0;
  for (const HeaderField& field : header_fields(header_block)) count += text::iequals(field.name, "Received");
  return count;
}

}  // namespace pabal::message
