#include "delivery/letters.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "message/build.h"

namespace pabal::delivery {
namespace {

constexpr size_t kMaxReferences = 20;  // in an answer: the first and the newest
constexpr size_t kMaxSubject = 500;    // octets

std::vector<message::HeaderField> fields_of(const Occasion& o) {
  return message::header_fields(o.bytes.substr(0, message::header_size(o.bytes)));
}

// A field of the letter. What cannot stand in one (a line end: injection) is left out.
void add(std::string& out, std::string_view name, std::string_view text) {
  if (const auto line = message::header_line(name, text)) out += *line;
}
void add_addresses(std::string& out, std::string_view name, std::string_view list) {
  auto items = message::parse_address_list(list);
  for (message::AddressItem& item : items) item.display = item.display_text();
  if (const auto line = message::address_line(name, items)) out += *line;
}

std::string subject_of(const Occasion& o) {
  return std::string(message::utf8_prefix(message::decode_words(o.structure.summary.subject), kMaxSubject));
}

// RFC 5322 §3.6.4
void add_thread(std::string& out, const Occasion& o) {
  const auto& summary = o.structure.summary;
  if (summary.message_id.empty()) return;
  out += "In-Reply-To: " + summary.message_id + "\r\n";
  std::vector<std::string> ids = summary.references;
  ids.push_back(summary.message_id);
  if (ids.size() > kMaxReferences)
    ids.erase(ids.begin() + 1, ids.begin() + static_cast<std::ptrdiff_t>(ids.size() - kMaxReferences + 1));
  out += "References: " + text::join(ids, "\r\n ") + "\r\n";
}

void add_origin(std::string& out, const Occasion& o) {
  out += "Date: " + message::format_date(o.at) + "\r\nMessage-ID: " + o.message_id + "\r\n";
}

std::string crlf(std::string_view lines) {
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == '\r') continue;
    (out += lines[i] == '\n' ? "\r" : "") += lines[i];
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

// Content fields, the blank line and the text.
std::string text_body(std::string_view lines) {
  const std::string body = crlf(lines);
  size_t longest = 0;
  for (const std::string_view line : text::split(body, '\n')) longest = std::max(longest, line.size());
  const bool plain = text::is_ascii(body) && longest < 900;
  return fmt::format("Content-Type: text/plain; charset=utf-8\r\n{}\r\n{}",
                     plain ? "" : "Content-Transfer-Encoding: quoted-printable\r\n",
                     plain ? body : message::encode_quoted_printable(body));
}

// RFC 5230 §4.4. Of its header only what describes content: the rest is ours to say.
std::string mime_body(std::string_view entity) {
  const size_t size = message::header_size(entity);
  std::string out;
  for (const message::HeaderField& field : message::header_fields(entity.substr(0, size)))
    if (text::istarts_with(field.name, "Content-")) {
      out += entity.substr(field.offset, field.size);
      if (!out.ends_with('\n')) out += "\r\n";
    }
  return crlf(out + "\r\n" + std::string(entity.substr(size)));
}

// RFC 5230 §4.6: programs, not people.
bool is_robot(std::string_view address) {
  const std::string local = text::lowered(address.substr(0, address.rfind('@')));
  constexpr std::string_view kNames[] = {"mailer-daemon", "listserv", "majordomo",  "mailman",
                                         "noreply",       "no-reply", "donotreply", "do-not-reply"};
  return std::find(std::begin(kNames), std::end(kNames), local) != std::end(kNames) || local.ends_with("-request") ||
         local.starts_with("owner-") || local.ends_with("-bounces") || local.ends_with("-owner");
}

}  // namespace

bool is_automatic(const Occasion& o) {
  for (const message::HeaderField& field : fields_of(o)) {
    if (!text::iequals(field.name, "Auto-Submitted")) continue;
    const std::string value = message::unfold(field.raw_value);
    if (!text::iequals(text::trim(std::string_view(value).substr(0, value.find(';'))), "no")) return true;
  }
  return false;
}

bool deserves_answer(const Occasion& o, const std::function<bool(const std::string&)>& is_own) {
  const std::string sender(o.reverse_path);
  if (sender.empty() || is_robot(sender) || is_own(sender) || is_automatic(o)) return false;
  bool addressed = false;
  for (const message::HeaderField& field : fields_of(o)) {
    const std::string name = text::lowered(field.name);
    constexpr std::string_view kLists[] = {"list-id",   "list-help",  "list-subscribe", "list-unsubscribe",
                                           "list-post", "list-owner", "list-archive"};
    constexpr std::string_view kPeople[] = {"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"};
    if (std::find(std::begin(kLists), std::end(kLists), name) != std::end(kLists)) return false;
    if (name == "precedence") {  // older than List-Id, and still written
      const std::string value = text::lowered(text::trim(field.raw_value));
      if (value == "bulk" || value == "list" || value == "junk") return false;
    }
    if (addressed || std::find(std::begin(kPeople), std::end(kPeople), name) == std::end(kPeople)) continue;
    const auto people = message::parse_address_list(field.raw_value);
    addressed = std::any_of(people.begin(), people.end(), [&](const message::AddressItem& item) {
      const std::string address = item.address();
      return text::iequals(address, o.recipient) || is_own(address);
    });
  }
  return addressed;
}

// RFC 5230 §5
std::string build_vacation(const Occasion& o, const sieve::Vacation& vacation, std::string_view from) {
  std::string out = "Auto-Submitted: auto-replied\r\n";
  add_addresses(out, "From", from);
  add_addresses(out, "To", o.reverse_path);
  const std::string original = subject_of(o);
  add(out, "Subject",
      !vacation.subject.empty() ? vacation.subject
      : original.empty()        ? "Automated reply"
                                : "Auto: " + original);
  add_origin(out, o);
  add_thread(out, o);
  out += "MIME-Version: 1.0\r\n";
  return out + (vacation.mime ? mime_body(vacation.reason) : text_body(vacation.reason));
}

// RFC 5429 §2.2.1: an MDN (RFC 8098) that says "deleted".
std::string build_rejection(const Occasion& o, std::string_view reason) {
  const std::string boundary = "=_" + text::hex(sha256(o.message_id)).substr(0, 32);
  const std::string_view header = o.bytes.substr(0, message::header_size(o.bytes));
  std::string out = "Auto-Submitted: auto-replied\r\n";
  add_addresses(out, "From", o.owner);
  add_addresses(out, "To", o.reverse_path);
  add(out, "Subject", "Rejected: " + subject_of(o));
  add_origin(out, o);
  add_thread(out, o);
  const std::string recipient = text::printable(o.recipient, 500);
  out += fmt::format(
      "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification;\r\n"
      "\tboundary=\"{0}\"\r\n\r\n--{0}\r\n{1}\r\n--{0}\r\nContent-Type: message/disposition-notification\r\n\r\n"
      "Reporting-UA: {2}; Pabal\r\nFinal-Recipient: {3}; {4}\r\n",
      boundary,
      text_body("Your message was refused by the recipient's mail filtering program.\r\nThe reason given is as "
                "follows:\r\n\r\n" +
                std::string(reason)),
      o.hostname, text::is_ascii(recipient) ? "rfc822" : "utf-8", recipient);
  if (!o.structure.summary.message_id.empty()) out += "Original-Message-ID: " + o.structure.summary.message_id + "\r\n";
  out += fmt::format(
      "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n--{}\r\nContent-Type: {}\r\n\r\n{}",
      boundary,
      text::is_ascii(header) ? "text/rfc822-headers" : "message/global-headers\r\nContent-Transfer-Encoding: 8bit",
      header);
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out + "--" + boundary + "--\r\n";
}

// RFC 5436 §2.7
std::string build_notification(const Occasion& o, const sieve::Notify& notify, const sieve::Mailto& mailto,
                               std::string_view from) {
  std::string out = "Auto-Submitted: auto-notified; owner-email=\"" + o.owner + "\"\r\n";
  add_addresses(out, "From", from);
  add_addresses(out, "To", text::join(mailto.to, ", "));
  add(out, "Subject",
      !notify.message.empty()   ? std::string(message::utf8_prefix(notify.message, kMaxSubject))
      : !mailto.subject.empty() ? mailto.subject
                                : subject_of(o));
  add_origin(out, o);
  if (const std::string& id = o.structure.summary.message_id; !id.empty()) out += "References: " + id + "\r\n";
  if (notify.importance != 2) out += notify.importance == 1 ? "Importance: high\r\n" : "Importance: low\r\n";
  for (const auto& [name, value] : mailto.headers) add(out, name, value);
  out += "MIME-Version: 1.0\r\n";
  std::string body = mailto.body;
  if (body.empty()) {
    const auto author = message::first_address(o.structure.summary.from);
    body = fmt::format("{} has a new message.\r\n\r\nFrom: {}\r\nSubject: {}\r\n", o.owner,
                       author ? author->text() : std::string(o.reverse_path), subject_of(o));
  }
  return out + text_body(body);
}

std::string build_notice(const Occasion& o, std::string_view script, const std::vector<std::string>& troubles) {
  std::string out = "Auto-Submitted: auto-generated\r\n";
  out += fmt::format("From: Mail Delivery System <MAILER-DAEMON@{}>\r\n", o.hostname);
  add_addresses(out, "To", o.owner);
  add(out, "Subject", fmt::format("Your filter script {} has a fault", script));
  add_origin(out, o);
  out += "MIME-Version: 1.0\r\n";
  return out + text_body(fmt::format(
                   "This is the mail server at {}.\r\n\r\nYour script \"{}\" could not do all it was asked to. No mail "
                   "is lost: what it\r\ncould not sort is in your inbox.\r\n\r\n  {}\r\n\r\nIt was about the message "
                   "\"{}\" from <{}>.\r\nThere may be others; this notice is written once a day at most.\r\n",
                   o.hostname, script, text::join(troubles, "\r\n  "), subject_of(o), o.reverse_path));
}

}  // namespace pabal::delivery
