#include "gmail/multipart.h"

#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "message/header.h"

namespace pabal::gmail {
namespace {

// Takes a line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const size_t feed = text.find('\n');
  std::string_view line = text.substr(0, feed);
  text.remove_prefix(feed == text.npos ? text.size() : feed + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return text::is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// The next line "--boundary" or "--boundary--" of `body` at or behind `from`. begin: with the line end before it, which
// belongs to it.
struct Delimiter {
  size_t begin = 0, end = 0;
  bool last = false;
};
std::optional<Delimiter> next_delimiter(std::string_view body, std::string_view line, size_t from) {
  for (size_t at = body.find(line, from); at != body.npos; at = body.find(line, at + 1)) {
    if (at != 0 && body[at - 1] != '\n') continue;
    Delimiter out;
    out.begin = at;
    if (out.begin > from) --out.begin;
    if (out.begin > from && body[out.begin - 1] == '\r') --out.begin;
    std::string_view behind = body.substr(at + line.size());
    out.last = behind.starts_with("--");
    if (out.last) behind.remove_prefix(2);
    const std::string_view blanks = take_line(behind);
    if (std::any_of(blanks.begin(), blanks.end(), [](char c) { return !text::is_wsp(c); })) {
      if (!out.last) continue;  // a boundary that begins like this one
    }
    out.end = body.size() - behind.size();
    return out;
  }
  return {};
}

}  // namespace

std::string boundary_of(std::string_view content_type) {
  const message::ParameterizedValue value = message::parse_parameterized(content_type);
  const std::string* boundary = value.find("boundary");
  if (!value.value.starts_with("multipart/") || !boundary || boundary->empty() || boundary->size() > kMaxBoundary)
    return "";
  const bool plain =
      std::all_of(boundary->begin(), boundary->end(), [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
  return plain ? *boundary : "";
}

Result<Block> read_fields(std::string_view text) {
  Block out;
  const size_t whole = text.size();
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    if (whole - text.size() > kMaxPartHeader || out.headers.size() >= web::kMaxFields)
      return Error{Code::kLimit, "a part has too large a header"};
    const size_t colon = line.find(':');
    if (colon == line.npos || !is_name(line.substr(0, colon))) return invalid("a line of a part's header is no field");
    const std::string_view value = text::trim(line.substr(colon + 1));
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7F; }))
      return invalid("a field of a part has control characters");
    out.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  out.rest = text;
  return out;
}

Result<std::vector<Piece>> split_multipart(std::string_view body, std::string_view boundary, size_t most) {
  const std::string line = "--" + std::string(boundary);
  std::vector<Piece> out;
  auto delimiter = next_delimiter(body, line, 0);
  if (!delimiter) return invalid("the body has no line of its boundary");
  while (!delimiter->last) {
    if (out.size() >= most) return Error{Code::kLimit, "the body has more than " + std::to_string(most) + " parts"};
    const size_t begin = delimiter->end;
    delimiter = next_delimiter(body, line, begin);
    if (!delimiter) return invalid("the body ends without its last boundary");
    auto block = read_fields(body.substr(begin, delimiter->begin - begin));
    if (!block) return block.error();
    out.push_back({std::move(block->headers), block->rest});
  }
  return out;
}

}  // namespace pabal::gmail
