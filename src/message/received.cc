#include "message/received.h"

#include "base/text.h"
#include "message/date.h"
#include "message/header.h"

namespace pabal::message {
namespace {

// A client's own words: nothing that could end a comment or a line.
std::string harmless(std::string_view s) {
  std::string out;
  for (char c : s.substr(0, 255))
    out += text::is_alnum(c) || std::string_view(".-_:[]@+/").find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80 ? c : '?';
  return out;
}

}  // namespace

std::string received_line(const ReceivedInfo& info) {
  std::string out = "Received: from " + harmless(info.helo.empty() ? "unknown" : info.helo);
  if (!info.ip.empty()) out += " ([" + std::string(info.ip.find(':') == info.ip.npos ? "" : "IPv6:") + info.ip + "])";
  out += "\r\n\tby " + info.by + " (Pabal) with " + info.with;
  if (!info.tls.empty()) out += " (" + info.tls + ")";
  out += "\r\n\tid " + info.id;
  if (!info.recipient.empty()) out += " for <" + harmless(info.recipient) + ">";
  return out + ";\r\n\t" + format_date(info.at) + "\r\n";
}

size_t count_received(std::string_view header_block) {
  size_t count = 0;
  for (const HeaderField& field : header_fields(header_block)) count += text::iequals(field.name, "Received");
  return count;
}

}  // namespace pabal::message
