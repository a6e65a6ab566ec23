#include "message/draft.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "message/build.h"
#include "message/date.h"

namespace pabal::message {
namespace {

struct Entity {
  std::string header;  // its Content-* fields
  std::string body;    // coded
};

std::string with_crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\n') out += '\r';
    out += text[i];
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

// RFC 2045 §2.7: no NUL, no CR or LF but in pairs, lines of at most 998.
bool is_7bit(std::string_view s) {
  size_t line = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\r' && i + 1 < s.size() && s[i + 1] == '\n') {
      ++i;
      line = 0;
    } else if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0' || static_cast<unsigned char>(s[i]) >= 0x80 || ++line > 998)
      return false;
  }
  return true;
}

Entity text_entity(std::string_view subtype, std::string_view text) {
  Entity out;
  const std::string plain = with_crlf(text);
  out.header = "Content-Type: text/" + std::string(subtype) + "; charset=utf-8\r\nContent-Transfer-Encoding: ";
  if (is_7bit(plain)) {
    out.header += "7bit\r\n";
    out.body = plain;
    return out;
  }
  out.body = encode_quoted_printable(plain);
  const bool shorter = plain.size() / 57 * 78 + 78 < out.body.size();  // mostly not ASCII
  if (shorter) out.body = encode_base64_lines(plain);
  out.header += shorter ? "base64\r\n" : "quoted-printable\r\n";
  return out;
}

bool is_type(std::string_view type) {
  const size_t slash = type.find('/');
  const auto token = [](std::string_view s) {
    return !s.empty() && s.size() <= 127 && std::all_of(s.begin(), s.end(), [](char c) {
      return text::is_alnum(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  return slash != type.npos && token(type.substr(0, slash)) && token(type.substr(slash + 1));
}

Result<Entity> attached(const Attachment& a) {
  if (!is_type(a.type) || text::istarts_with(a.type, "multipart/"))
    return Error{Code::kInvalid, "\"" + text::printable(a.type) + "\" is no type of an attachment"};
  const bool good_id = std::all_of(a.content_id.begin(), a.content_id.end(),
                                   [](char c) { return c > ' ' && c < 0x7F && c != '<' && c != '>'; });
  if (!good_id) return Error{Code::kInvalid, "that is no Content-ID"};
  Entity out;
  out.header = "Content-Type: " + a.type + (a.file_name.empty() ? "" : parameter("name", a.file_name)) +
               "\r\nContent-Transfer-Encoding: ";
  // RFC 2046 §5.2.1: an embedded message is not coded.
  if (text::istarts_with(a.type, "message/")) {
    out.header += is_7bit(a.content) ? "7bit\r\n" : "8bit\r\n";
    out.body = a.content;
  } else {
    out.header += "base64\r\n";
    out.body = encode_base64_lines(a.content);
  }
  out.header += "Content-Disposition: " + std::string(a.content_id.empty() ? "attachment" : "inline") +
                (a.file_name.empty() ? "" : parameter("filename", a.file_name)) + "\r\n";
  if (!a.content_id.empty()) out.header += "Content-ID: <" + a.content_id + ">\r\n";
  return out;
}

// RFC 2046 §5.1.1. "=_" is in no quoted-printable or base64 line; the random octets are in no other.
Entity multipart(std::string_view subtype, const std::vector<Entity>& parts, Random& random) {
  if (parts.size() == 1) return parts.front();
  const std::string boundary = "=_" + text::hex(random.bytes(15));
  Entity out;
  out.header = "Content-Type: multipart/" + std::string(subtype) + ";\r\n boundary=\"" + boundary + "\"\r\n";
  for (const Entity& part : parts) out.body += "--" + boundary + "\r\n" + part.header + "\r\n" + part.body + "\r\n";
  out.body += "--" + boundary + "--\r\n";
  return out;
}

}  // namespace

Result<std::string> build(const Draft& draft, Random& random) {
  if (draft.from.empty()) return Error{Code::kInvalid, "a message has an author: From is empty"};
  std::string out;
  Error fault;
  bool good = true;
  const auto add = [&](Result<std::string> line) {
    if (line)
      out += *line;
    else if (std::exchange(good, false))
      fault = line.error();
  };
  add(header_line("Date", format_date(draft.date)));
  for (const auto& [name, list] : {std::pair{"From", &draft.from},
                                   {"Sender", &draft.sender},
                                   {"Reply-To", &draft.reply_to},
                                   {"To", &draft.to},
                                   {"Cc", &draft.cc}})
    if (!list->empty()) add(address_line(name, *list));
  add(header_line("Subject", draft.subject));
  if (!draft.message_id.empty()) add(header_line("Message-ID", draft.message_id));
  if (!draft.in_reply_to.empty()) add(header_line("In-Reply-To", draft.in_reply_to));
  if (!draft.references.empty()) add(header_line("References", text::join(draft.references, " ")));
  for (const auto& [name, text] : draft.more) add(header_line(name, text));
  add(header_line("MIME-Version", "1.0"));

  std::vector<Entity> related, attachments;
  for (const Attachment& a : draft.attachments) {
    auto entity = attached(a);
    if (!entity) return entity.error();
    (a.content_id.empty() || draft.html.empty() ? attachments : related).push_back(std::move(*entity));
  }
  if (!good) return fault;

  std::vector<Entity> alternatives;
  if (!draft.text.empty() || draft.html.empty()) alternatives.push_back(text_entity("plain", draft.text));
  if (!draft.html.empty()) {
    related.insert(related.begin(), text_entity("html", draft.html));
    alternatives.push_back(multipart("related", related, random));
  }
  attachments.insert(attachments.begin(), multipart("alternative", alternatives, random));
  const Entity root = multipart("mixed", attachments, random);
  return out + root.header + "\r\n" + root.body;
}

}  // namespace pabal::message
