#include "trust/xml.h"

#include <algorithm>

#include "base/text.h"
#include "message/words.h"

namespace pabal::trust {
namespace {

using Token = XmlReader::Token;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// XML 1.0 §2.3, all beyond ASCII allowed.
bool is_name_char(char c) {
  return text::is_alnum(c) || c == '_' || c == ':' || c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// XML 1.0 §2.2.
bool is_char(uint32_t c) {
  return c == 9 || c == 10 || c == 13 || (c >= 0x20 && c < 0xD800) || (c >= 0xE000 && c < 0xFFFE) ||
         (c >= 0x1'0000 && c <= 0x10'FFFF);
}

std::string utf8(uint32_t c) {
  std::string out;
  if (c < 0x80) return out += static_cast<char>(c);
  if (c < 0x800) return out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  if (c < 0x1'0000)
    out += static_cast<char>(0xE0 | c >> 12);
  else
    out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F))};
  return out += {static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
}

// What "&...;" stands for; empty: nothing that we know.
std::string reference(std::string_view name) {
  for (const auto& [known, character] : {std::pair("lt", "<"), std::pair("gt", ">"), std::pair("amp", "&"),
                                         std::pair("apos", "'"), std::pair("quot", "\"")})
    if (name == known) return character;
  if (!name.starts_with('#')) return "";
  const bool hex = name.starts_with("#x");
  const std::string_view digits = name.substr(hex ? 2 : 1);
  if (digits.empty() || digits.size() > 8) return "";
  uint64_t code = 0;
  for (const char c : digits) {
    const char low = text::lower(c);
    if (!text::is_digit(c) && !(hex && low >= 'a' && low <= 'f')) return "";
    code = code * (hex ? 16 : 10) + static_cast<uint64_t>(text::is_digit(c) ? c - '0' : low - 'a' + 10);
  }
  return code <= 0x10'FFFF && is_char(static_cast<uint32_t>(code)) ? utf8(static_cast<uint32_t>(code)) : "";
}

std::string_view local_name(std::string_view name) { return name.substr(name.rfind(':') + 1); }

}  // namespace

Error XmlReader::fault(std::string_view what) const {
  return {Code::kInvalid, "the XML is not well-formed at octet " + std::to_string(at_) + ": " + std::string(what)};
}

void XmlReader::skip_blanks() {
  while (at_ < in_.size() && is_blank(in_[at_])) ++at_;
}

bool XmlReader::skip_to(std::string_view end) {
  const size_t found = in_.find(end, at_);
  if (found == in_.npos) return false;
  at_ = found + end.size();
  return true;
}

std::string XmlReader::name() {
  const size_t from = at_;
  while (at_ < in_.size() && is_name_char(in_[at_])) ++at_;
  return std::string(in_.substr(from, at_ - from));
}

Result<std::string> XmlReader::unescape(std::string_view raw) {
  std::string out;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '&') {
      out += raw[i];
      continue;
    }
    const size_t end = raw.find(';', i);
    const std::string character = end == raw.npos ? "" : reference(raw.substr(i + 1, end - i - 1));
    if (character.empty()) return fault("an entity that XML does not define");
    out += character;
    i = end;
  }
  return out;
}

Result<Token> XmlReader::next() {
  if (empty_) {
    empty_ = false;
    Token token{Token::kEnd, std::string(local_name(open_.back())), ""};
    open_.pop_back();
    return token;
  }
  while (at_ < in_.size()) {
    if (in_[at_] == '<') {
      const size_t had = at_;
      auto token = markup();
      if (!token || token->kind != Token::kDone) return token;
      if (at_ == had) break;
      continue;  // a comment or the like
    }
    const size_t end = std::min(in_.find('<', at_), in_.size());
    const std::string_view raw = in_.substr(at_, end - at_);
    at_ = end;
    if (open_.empty()) {
      if (std::all_of(raw.begin(), raw.end(), is_blank)) continue;
      return fault("text outside of the root element");
    }
    auto text = unescape(raw);
    if (!text) return text.error();
    return Token{Token::kText, "", std::move(*text)};
  }
  if (!open_.empty()) return fault("it ends within <" + text::printable(open_.back(), 50) + ">");
  if (!rooted_) return fault("it has no element");
  return Token{};
}

// At a "<". kDone: what was passed over is no token.
Result<Token> XmlReader::markup() {
  const std::string_view rest = in_.substr(at_);
  if (rest.starts_with("<?")) {
    if (!skip_to("?>")) return fault("a processing instruction has no end");
    return Token{};
  }
  if (rest.starts_with("<!--")) {
    at_ += 4;
    if (!skip_to("-->")) return fault("a comment has no end");
    return Token{};
  }
  if (rest.starts_with("<![CDATA[") && !open_.empty()) {
    const size_t from = at_ + 9;
    if (!skip_to("]]>")) return fault("a CDATA section has no end");
    return Token{Token::kText, "", std::string(in_.substr(from, at_ - 3 - from))};
  }
  if (rest.starts_with("<!")) return fault("a DTD, which reports have no use for");
  return rest.starts_with("</") ? close() : element();
}

Result<Token> XmlReader::close() {
  at_ += 2;
  const std::string closed = name();
  skip_blanks();
  if (at_ == in_.size() || in_[at_] != '>') return fault("an end tag has no end");
  ++at_;
  if (open_.empty() || open_.back() != closed) return fault("</" + text::printable(closed, 50) + "> closes nothing");
  open_.pop_back();
  return Token{Token::kEnd, std::string(local_name(closed)), ""};
}

Result<Token> XmlReader::element() {
  ++at_;
  if (open_.empty() && rooted_) return fault("a second root element");
  const std::string opened = name();
  if (opened.empty()) return fault("a \"<\" that begins nothing");
  if (opened.size() > kMaxXmlName) return Error{Code::kLimit, "the XML has too long a name"};
  Token token{Token::kStart, std::string(local_name(opened)), ""};
  while (true) {
    skip_blanks();
    if (at_ == in_.size()) return fault("a start tag has no end");
    if (in_[at_] == '>' || in_[at_] == '/') break;
    std::string attribute = name();
    if (attribute.empty()) return fault("an attribute has no name");
    skip_blanks();
    if (at_ == in_.size() || in_[at_] != '=') return fault("an attribute has no value");
    ++at_;
    skip_blanks();
    if (at_ == in_.size() || (in_[at_] != '"' && in_[at_] != '\'')) return fault("an attribute's value has no quotes");
    const char quote = in_[at_++];
    const size_t from = at_;
    if (!skip_to(std::string_view(&quote, 1))) return fault("an attribute's value has no end");
    if (!with_attributes_) continue;
    auto value = unescape(in_.substr(from, at_ - 1 - from));
    if (!value) return value.error();
    token.attributes.emplace_back(std::move(attribute), std::move(*value));
  }
  empty_ = in_[at_] == '/';
  at_ += empty_ ? 1 : 0;
  if (at_ == in_.size() || in_[at_] != '>') return fault("a start tag has no end");
  ++at_;
  if (open_.size() == kMaxXmlDepth) return Error{Code::kLimit, "the XML is nested too deeply"};
  open_.push_back(opened);
  rooted_ = true;
  return token;
}

std::string xml_escape(std::string_view text) {
  std::string out;
  for (const char c : message::clean_utf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n') out += c;
    }
  }
  return out;
}

std::string xml_to_utf8(std::string_view document) {
  if (document.starts_with("\xEF\xBB\xBF")) document.remove_prefix(3);
  if (document.starts_with("\xFE\xFF")) return message::to_utf8(document.substr(2), "utf-16be");
  if (document.starts_with("\xFF\xFE")) return message::to_utf8(document.substr(2), "utf-16le");
  const std::string_view declaration = document.starts_with("<?xml") ? document.substr(0, document.find("?>")) : "";
  if (const size_t at = declaration.find("encoding="); at != declaration.npos) {
    const std::string_view quoted = declaration.substr(at + 9);
    if (quoted.size() > 2) {
      const std::string_view charset = quoted.substr(1, quoted.find(quoted.front(), 1) - 1);
      if (!text::iequals(charset, "utf-8") && message::knows_charset(charset))
        return message::to_utf8(document, charset);
    }
  }
  return message::clean_utf8(document);
}

}  // namespace pabal::trust
