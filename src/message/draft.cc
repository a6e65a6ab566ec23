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

Entity text_entity(std::string_view subtype, std::string_view text) {
  std::string plain = with_crlf(text);
  if (!plain.empty() && !plain.ends_with("\r\n")) plain += "\r\n";
  Coded coded = code_text(plain);
  return {"Content-Type: text/" + std::string(subtype) +
              "; charset=utf-8\r\nContent-Transfer-Encoding: " + coded.encoding + "\r\n",
          std::move(coded.octets)};
}

Result<Entity> attached(const Attachment& a) {
  if (!is_media_type(a.type) || text::istarts_with(a.type, "multipart/"))
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

Entity multipart(std::string_view subtype, const std::vector<Entity>& parts, Random& random) {
  if (parts.size() == 1) return parts.front();
  const std::string boundary = new_boundary(random);
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
