// Checks that hold for every parsed message, whatever its bytes; for tests and fuzz targets of this room.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"
#include "message/message.h"

namespace pabal::message {

// "" when the tree keeps all promises of message.h, else the first that it breaks.
inline std::string broken_promise(std::string_view bytes, const Part& p, size_t begin, size_t end, size_t depth,
                                  bool embedded) {
  const size_t body_end = size_t{p.body_offset} + p.body_size;
  if (p.header_offset < begin || size_t{p.header_offset} + p.header_size != p.body_offset || body_end > end ||
      end > bytes.size())
    return "offsets";
  if (embedded && (p.header_offset != begin || body_end != end))
    return "an embedded message is not the whole body of its part";
  if (depth > kMaxDepth) return "depth";
  const std::string_view body = p.body(bytes);
  const size_t lines =
      static_cast<size_t>(std::count(body.begin(), body.end(), '\n')) + (!body.empty() && body.back() != '\n');
  if (p.body_lines != lines) return "body_lines";
  if (p.type != text::lowered(p.type) || p.subtype != text::lowered(p.subtype) || p.type.empty() || p.subtype.empty())
    return "type";
  for (const Params* params : {&p.params, &p.disposition_params}) {
    if (params->size() > kMaxParams) return "too many parameters";
    for (const auto& [name, value] : *params)
      if (!text::is_utf8(value)) return "parameter " + name + " is not UTF-8";
  }
  if (!text::is_utf8(p.filename()) || p.filename().find_first_of("/\\\r\n") != std::string::npos) return "file name";
  if (!p.children.empty() && !p.is_multipart() && !p.is_message()) return "children of a leaf";
  if (p.is_message() && p.children.size() > 1) return "two messages in one part";
  size_t from = p.body_offset;
  for (const Part& child : p.children) {
    if (p.is_message() != (child.summary != nullptr)) return "summary";
    if (std::string fault = broken_promise(bytes, child, from, body_end, depth + 1, p.is_message()); !fault.empty())
      return fault;
    from = size_t{child.body_offset} + child.body_size;
  }
  return "";
}

inline std::string broken_promise(std::string_view bytes, const Message& m) {
  if (m.root.header_offset != 0 || size_t{m.root.body_offset} + m.root.body_size != bytes.size())
    return "the root is not the whole message";
  if (part_count(m.root) > kMaxParts) return "too many parts";
  if (m.has_8bit == text::is_ascii(bytes) || m.has_nul != (bytes.find('\0') != bytes.npos)) return "has_8bit, has_nul";
  return broken_promise(bytes, m.root, 0, bytes.size(), 1, false);
}

inline bool same(const Summary& a, const Summary& b) {
  return a.date_raw == b.date_raw && a.date == b.date && a.subject == b.subject && a.from == b.from &&
         a.sender == b.sender && a.reply_to == b.reply_to && a.to == b.to && a.cc == b.cc && a.bcc == b.bcc &&
         a.in_reply_to == b.in_reply_to && a.message_id == b.message_id && a.references == b.references;
}

inline bool same(const Part& a, const Part& b) {
  const bool here = a.header_offset == b.header_offset && a.header_size == b.header_size &&
                    a.body_offset == b.body_offset && a.body_size == b.body_size && a.body_lines == b.body_lines &&
                    a.type == b.type && a.subtype == b.subtype && a.params == b.params && a.id == b.id &&
                    a.description == b.description && a.encoding == b.encoding && a.md5 == b.md5 &&
                    a.disposition == b.disposition && a.disposition_params == b.disposition_params &&
                    a.languages == b.languages && a.location == b.location && !a.summary == !b.summary &&
                    (!a.summary || same(*a.summary, *b.summary));
  return here && std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                            [](const Part& x, const Part& y) { return same(x, y); });
}

inline bool same(const Message& a, const Message& b) {
  return same(a.summary, b.summary) && same(a.root, b.root) && a.truncated == b.truncated && a.has_8bit == b.has_8bit &&
         a.has_nul == b.has_nul && a.bare_lf == b.bare_lf && a.bare_cr == b.bare_cr && a.utf8_headers == b.utf8_headers;
}

}  // namespace pabal::message
