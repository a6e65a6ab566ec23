#include "access/imap/metadata_request.h"

#include <algorithm>

#include "access/imap/limits.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

void parse_options(Words& words, GetMetadata& request) {
  parenthesised(words, [&] {
    const std::string option = words.name();
    words.space();
    if (option == "MAXSIZE") {
      request.max_size = words.number();
    } else if (option == "DEPTH") {
      const std::string depth = words.name();
      if (depth != "0" && depth != "1" && depth != "INFINITY") words.fail();
      request.depth = depth == "0" ? 0 : depth == "1" ? 1 : UINT32_MAX;
    } else {
      words.fail();
    }
  });
}

// An entry begins with a slash, bare or quoted; an option with a letter.
bool options_come(const Words& words) {
  const std::string_view rest = words.rest();
  return rest.size() > 1 && rest[0] == '(' && text::is_alpha(rest[1]);
}

// nstring / literal8
std::optional<std::string> parse_value(Words& words) {
  if (words.peek() == '"') return words.astring();
  if (words.peek() == '{' || words.peek() == '~') {
    bool eight = false;
    return std::string(words.literal(&eight));
  }
  if (!words.accept_word("NIL")) words.fail();
  return {};
}

}  // namespace

std::vector<std::string> parse_entries(Words& words, bool with_prefixes) {
  std::vector<std::string> out;
  const auto one = [&] {
    const std::string given = words.astring();
    auto name = with_prefixes ? mailbox::annotation_prefix(given) : mailbox::annotation_name(given);
    if (!name || out.size() == kMaxMetadataEntries) return words.fail();
    out.push_back(std::move(*name));
  };
  if (words.peek() == '(')
    parenthesised(words, one);
  else
    one();
  return out;
}

std::optional<GetMetadata> parse_get_metadata(Words& words) {
  GetMetadata request;
  words.space();
  // The grammar has the options before the mailbox, the examples behind it (RFC 5464 §4.2.1, §5).
  const bool first = words.peek() == '(';
  if (first) {
    parse_options(words, request);
    words.space();
  }
  request.mailbox = words.astring();
  words.space();
  if (!first && options_come(words)) {
    parse_options(words, request);
    words.space();
  }
  request.entries = parse_entries(words, request.depth > 0);
  if (!words.done()) return {};
  return request;
}

std::optional<SetMetadata> parse_set_metadata(Words& words) {
  SetMetadata request;
  words.space();
  request.mailbox = words.astring();
  words.space();
  parenthesised(words, [&] {
    auto name = mailbox::annotation_name(words.astring());
    words.space();
    auto value = parse_value(words);
    if (!name || request.changes.size() == kMaxMetadataEntries) return words.fail();
    request.changes.push_back({std::move(*name), std::move(value)});
  });
  if (!words.done()) return {};
  return request;
}

std::optional<uint32_t> levels_below(std::string_view top, std::string_view entry) {
  if (!entry.starts_with(top)) return {};
  entry.remove_prefix(top.size());
  if (!entry.empty() && entry[0] != '/') return {};
  return static_cast<uint32_t>(std::count(entry.begin(), entry.end(), '/'));
}

std::string entry_values(const std::vector<mailbox::Annotation>& list) {
  std::string out;
  for (const auto& [entry, value] : list) {
    (out += out.empty() ? "(" : " ") += quote(entry);
    if (!value)
      out += " NIL";
    else if (value->find('\0') != value->npos)
      out += " ~{" + std::to_string(value->size()) + "}\r\n" + *value;
    else
      out += " " + quote(*value);
  }
  return out + ")";
}

}  // namespace pabal::access::imap
