#include "message/downgrade.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"
#include "message/build.h"
#include "message/header.h"
#include "message/words.h"

namespace pabal::message {
namespace {

constexpr std::string_view kAddresses[] = {"from",        "sender",    "reply-to",  "to",         "cc",           "bcc",
                                           "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"};
constexpr std::string_view kParameterized[] = {"content-type", "content-disposition"};
// Their grammar has no place for encoded words (RFC 2047 §5).
constexpr std::string_view kStrict[] = {
    "return-path",   "delivered-to", "received",          "message-id",  "in-reply-to",  "references",
    "date",          "content-id",   "resent-message-id", "resent-date", "mime-version", "content-transfer-encoding",
    "dkim-signature"};

template <typename Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::any_of(std::begin(names), std::end(names), [&](std::string_view n) { return text::iequals(n, name); });
}

// RFC 6858 §2.1.
Result<std::string> addresses(const HeaderField& field) {
  std::vector<AddressItem> out;
  bool in_group = false;
  for (AddressItem item : parse_address_list(field.raw_value)) {
    item.display = item.display_text();
    if (item.kind != AddressItem::kMailbox) {
      in_group = item.kind == AddressItem::kGroupStart;
      out.push_back(std::move(item));
      continue;
    }
    const bool reachable =
        text::is_ascii(item.local) && (text::is_ascii(item.domain) || !ascii_domain(item.domain).empty());
    if (reachable) {
      out.push_back(std::move(item));
    } else if (!in_group) {  // groups are not nested
      AddressItem name{AddressItem::kGroupStart, item.display.empty() ? clean_utf8(item.address()) : item.display, "",
                       ""};
      out.push_back(std::move(name));
      out.push_back({AddressItem::kGroupEnd, "", "", ""});
    }
  }
  if (out.empty()) return Error{Code::kInvalid, "no addresses"};
  return address_line(field.name, out);
}

// RFC 6858 §2.2.
Result<std::string> parameters(const HeaderField& field) {
  const ParameterizedValue parsed = parse_parameterized(field.raw_value);
  std::string out = std::string(field.name) + ": " + parsed.value;
  for (const auto& [name, value] : parsed.params) out += parameter(name, value);
  return out + "\r\n";
}

// The field without what is not ASCII; nothing when it cannot be written so.
std::string downgraded(const HeaderField& field) {
  if (is_one_of(field.name, kStrict)) return "";
  const Result<std::string> line = is_one_of(field.name, kAddresses) ? addresses(field)
                                   : is_one_of(field.name, kParameterized)
                                       ? parameters(field)
                                       : header_line(field.name, decode_words(field.raw_value));
  return line && text::is_ascii(*line) ? *line : "";
}

}  // namespace

std::string downgraded_header(std::string_view block) {
  std::string out;
  size_t at = 0;
  // Between fields lie broken lines; behind the last one the blank line, and fields beyond the limits.
  const auto copy_to = [&](size_t end) {
    const std::string_view between = block.substr(at, end - at);
    if (text::is_ascii(between)) out += between;
    at = end;
  };
  for (const HeaderField& field : header_fields(block)) {
    copy_to(field.offset);
    const std::string_view whole = block.substr(field.offset, field.size);
    if (text::is_ascii(whole))
      out += whole;
    else
      out += downgraded(field);
    at += field.size;
  }
  const bool blank_line = block.ends_with("\n\r\n") || block.ends_with("\n\n");
  const size_t before = out.size();
  copy_to(block.size());
  if (blank_line && out.size() == before) out += "\r\n";
  return out;
}

}  // namespace pabal::message
