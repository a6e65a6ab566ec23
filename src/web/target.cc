#include "web/target.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "web/limits.h"

namespace pabal::web {
namespace {

int hex_value(char c) {
  if (text::is_digit(c)) return c - '0';
  const char l = text::lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// RFC 3986 §2.1; in a query "+" is a blank (the form encoding of browsers).
std::optional<std::string> decode(std::string_view s, bool plus_is_blank) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (s[i] != '%') {
      out += s[i];
    } else {
      if (i + 2 >= s.size()) return {};
      const int high = hex_value(s[i + 1]), low = hex_value(s[i + 2]);
      if (high < 0 || low < 0) return {};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!text::is_utf8(out)) return {};
  return out;
}

bool has_controls(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string_view pair : text::split(text, '&')) {
    if (pair.empty()) continue;
    if (out.size() == kMaxQueryPairs) return Error{Code::kLimit, "the query has more than 1,000 parts"};
    const size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value || name->find('\0') != name->npos || value->find('\0') != value->npos)
      return Error{Code::kInvalid, "the query is not percent-encoded UTF-8"};
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

Result<Target> parse_target(std::string_view origin_form) {
  if (!origin_form.starts_with('/')) return Error{Code::kInvalid, "the target must begin with a slash"};
  const size_t mark = origin_form.find('?');
  Target out;
  const std::vector<std::string_view> parts = text::split(origin_form.substr(1, mark - 1), '/');
  if (parts.size() > kMaxSegments) return Error{Code::kLimit, "the path has more than 32 segments"};
  for (const std::string_view part : parts) {
    auto segment = decode(part, false);
    if (!segment || has_controls(*segment)) return Error{Code::kInvalid, "the path is not percent-encoded UTF-8 text"};
    // RFC 3986 §5.2.4 would resolve them; whoever sends them to a server means no good.
    if (*segment == "." || *segment == "..") return Error{Code::kInvalid, "the path must not have . or .. in it"};
    (out.path += '/') += *segment;
    out.segments.push_back(std::move(*segment));
  }
  if (mark == origin_form.npos) return out;
  auto query = parse_query(origin_form.substr(mark + 1));
  if (!query) return query.error();
  out.query = std::move(*query);
  return out;
}

std::string parse_authority(std::string_view text) {
  if (text.empty() || text.size() > 260) return "";
  size_t host_end = text.rfind(':');
  if (text.front() == '[') {
    const size_t close = text.find(']');
    if (close == text.npos || close == 1) return "";
    for (const char c : text.substr(1, close - 1))
      if (hex_value(c) < 0 && c != ':' && c != '.') return "";
    host_end = close + 1 == text.size() ? text.npos : close + 1;
    if (host_end != text.npos && text[host_end] != ':') return "";
  } else {
    const std::string_view host = text.substr(0, host_end);
    if (host.empty() || !std::all_of(host.begin(), host.end(),
                                     [](char c) { return text::is_alnum(c) || c == '.' || c == '-' || c == '_'; }))
      return "";
  }
  if (host_end != text.npos) {
    const auto port = text::parse_u64(text.substr(host_end + 1));
    if (!port || *port > 65'535) return "";
  }
  return text::lowered(text);
}

}  // namespace pabal::web
