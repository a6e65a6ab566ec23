#include "delivery/report.h"

#include <fmt/format.h>

#include "base/codec.h"
#include "base/text.h"
#include "message/date.h"

namespace pabal::delivery {

std::string build_report(const Report& r) {
  const bool expanded = r.members > 1;
  const std::string recipient = text::printable(r.recipient, 500), date = message::format_date(r.at);
  // Of our own making and unique: it cannot occur in the header that is returned.
  const std::string boundary = "=_" + text::hex(sha256(r.message_id)).substr(0, 32);
  const bool utf8 = !text::is_ascii(r.header) || !text::is_ascii(recipient);
  std::string out = fmt::format(
      "From: Mail Delivery System <MAILER-DAEMON@{}>\r\nTo: <{}>\r\nSubject: Your message was delivered\r\nDate: "
      "{}\r\nMessage-ID: {}\r\n"
      "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{}\"\r\n\r\n",
      r.hostname, r.sender, date, r.message_id, boundary);
  const auto part = [&](std::string_view type, std::string_view body) {
    out += fmt::format("--{}\r\nContent-Type: {}\r\n{}\r\n{}", boundary, type,
                       text::is_ascii(body) ? "" : "Content-Transfer-Encoding: 8bit\r\n", body);
    if (!body.ends_with("\r\n")) out += "\r\n";
  };
  part("text/plain; charset=utf-8",
       fmt::format(
           "This is the mail server at {}.\r\n\r\nYou asked to be told: your message to\r\n\r\n  {}\r\n\r\n{}\r\n",
           r.hostname, recipient,
           expanded ? fmt::format("has been passed on to the {} members behind that address.", r.members)
                    : "is in the mailbox."));
  // RFC 3464 §2.2, §2.3; RFC 6533 §3 for addresses that are not ASCII.
  std::string status = fmt::format("Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n\r\n", r.hostname, date);
  if (!r.orcpt.empty()) status += "Original-Recipient: " + text::printable(r.orcpt, 500) + "\r\n";
  status +=
      fmt::format("Final-Recipient: {}; {}\r\nAction: {}\r\nStatus: 2.1.5\r\nLast-Attempt-Date: {}\r\n",
                  text::is_ascii(recipient) ? "rfc822" : "utf-8", recipient, expanded ? "expanded" : "delivered", date);
  part(text::is_ascii(recipient) ? "message/delivery-status" : "message/global-delivery-status", status);
  part(utf8 ? "message/global-headers" : "text/rfc822-headers", r.header);
  return out + "--" + boundary + "--\r\n";
}

}  // namespace pabal::delivery
