#include "smtp/parser.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "smtp/limits.h"

namespace pabal::smtp {
namespace {

constexpr size_t kMaxXtext = 500;  // decoded octets; RFC 3461 §4.4 asks for 100 of ENVID, §4.2 for 500 of ORCPT
constexpr size_t kMaxParameters = 20;

Error syntax(const char* reply) { return {Code::kInvalid, reply}; }

struct Path {
  std::string address;
  std::string_view rest;  // the parameters
};

// RFC 5321 §4.1.2: "<" [source route] mailbox ">", the route ignored (§3.3 and appendix C). A path without its brackets
// is taken as it is often typed by hand.
Result<Path> parse_path(std::string_view text) {
  text = text::trim(text);
  const Error bad = syntax("501 5.1.7 the address is malformed; write <user@example.com>");
  if (text.empty() || text.front() != '<') {
    const size_t end = std::min(text.find(' '), text.size());
    if (end == 0 || text.substr(0, end).find_first_of("<>") != text.npos) return bad;
    return Path{std::string(text.substr(0, end)), text.substr(end)};
  }
  bool quoted = false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"')
      quoted = !quoted;
    else if (quoted && text[i] == '\\')
      ++i;
    else if (!quoted && text[i] == '>') {
      std::string_view address = text.substr(1, i - 1);
      if (address.starts_with('@')) {
        const size_t colon = address.find(':');
        if (colon == address.npos) return bad;
        address.remove_prefix(colon + 1);
      }
      if (i + 1 < text.size() && text[i + 1] != ' ') return bad;
      return Path{std::string(address), text.substr(i + 1)};
    }
  }
  return bad;
}

// RFC 5321 §4.1.1.11: "NAME=value NAME ...", each name once. Nothing when one is repeated
// or there are more than anybody has use for.
using Parameters = std::vector<std::pair<std::string, std::string>>;
std::optional<Parameters> parse_parameters(std::string_view text) {
  Parameters out;
  for (std::string_view word : text::split(text, ' ')) {
    if (word.empty()) continue;
    const size_t equals = word.find('=');
    std::string name = text::uppered(word.substr(0, equals));
    const bool repeated = std::any_of(out.begin(), out.end(), [&](const auto& one) { return one.first == name; });
    if (repeated || out.size() == kMaxParameters) return {};
    out.emplace_back(std::move(name), equals == word.npos ? "" : std::string(word.substr(equals + 1)));
  }
  return out;
}

// A decoded value comes into reports and traces: nothing in it may end a line there (RFC 3461 §4.4 says printable).
bool is_plain(std::string_view text) {
  return text.size() <= kMaxXtext && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' || c == 0x7F;
         });
}

// RFC 3461 §4.2 "type;address". RFC 6533 §3: of the type utf-8 the address may be in UTF-8 as it is, or with \x{...} in
// it, which is kept.
std::optional<std::string> decode_orcpt(std::string_view value) {
  const size_t semicolon = value.find(';');
  if (semicolon == 0 || semicolon == value.npos) return {};
  const std::string_view type = value.substr(0, semicolon), address = value.substr(semicolon + 1);
  const bool utf8 = text::iequals(type, "utf-8") && !text::is_ascii(address);
  const auto decoded = utf8 ? std::optional<std::string>(address) : decode_xtext(address);
  if (!decoded || !is_plain(*decoded) || !text::is_utf8(*decoded) || !text::is_ascii(type)) return {};
  return std::string(value.substr(0, semicolon + 1)) + *decoded;
}

// "FROM:<a@b> ..." with any case and blanks around the colon, as people type it.
std::optional<std::string_view> after_keyword(std::string_view arguments, std::string_view keyword) {
  if (!text::istarts_with(arguments, keyword)) return {};
  arguments.remove_prefix(keyword.size());
  arguments = text::trim(arguments);
  if (!arguments.starts_with(':')) return {};
  return arguments.substr(1);
}

}  // namespace

Verb parse_verb(std::string_view line) {
  const size_t blank = line.find(' ');
  return {text::uppered(line.substr(0, blank)),
          blank == line.npos ? std::string_view() : text::trim(line.substr(blank))};
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      const auto octet = text::unhex(text.substr(i + 1, 2));
      if (!octet || octet->size() != 1) return {};
      out += *octet;
      i += 2;
    } else if (text[i] < '!' || text[i] > '~' || text[i] == '=')
      return {};
    else
      out += text[i];
  }
  return out;
}

std::string encode_xtext(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= '!' && c <= '~' && c != '+' && c != '=')
      out += c;
    else
      out += "+" + text::uppered(text::hex({&c, 1}));
  }
  return out;
}

Result<MailParams> parse_mail(std::string_view arguments) {
  const auto path_text = after_keyword(arguments, "FROM");
  if (!path_text) return syntax("501 5.5.4 write MAIL FROM:<address>");
  const auto path = parse_path(*path_text);
  if (!path) return path.error();
  MailParams mail;
  mail.reverse_path = path->address;
  const auto parameters = parse_parameters(path->rest);
  if (!parameters) return syntax("501 5.5.4 a MAIL parameter is given twice, or there are too many");
  for (const auto& [name, value] : *parameters) {
    if (name == "SIZE") {
      mail.size = text::parse_u64(value);
      if (!mail.size) return syntax("501 5.5.4 SIZE wants a number of octets");
    } else if (name == "BODY") {
      const std::string kind = text::uppered(value);
      if (kind == "8BITMIME")
        mail.body_8bit = true;
      else if (kind == "BINARYMIME")
        mail.body_binary = true;
      else if (kind != "7BIT")
        return syntax("501 5.5.4 BODY is 7BIT, 8BITMIME or BINARYMIME");
    } else if (name == "SMTPUTF8" && value.empty())
      mail.smtputf8 = true;
    else if (name == "REQUIRETLS" && value.empty())
      mail.requiretls = true;
    else if (name == "RET") {
      mail.ret = text::uppered(value);
      if (mail.ret != "FULL" && mail.ret != "HDRS") return syntax("501 5.5.4 RET is FULL or HDRS");
    } else if (name == "ENVID" || name == "AUTH") {
      const auto decoded = decode_xtext(value);
      if (!decoded || !is_plain(*decoded)) return syntax("501 5.5.4 the value of ENVID or AUTH is malformed");
      (name == "ENVID" ? mail.envid : mail.auth) = *decoded;
    } else if (name == "HOLDFOR") {  // RFC 4865 §4
      const auto interval = value.size() <= 9 ? text::parse_u64(value) : std::nullopt;
      if (!interval) return syntax("501 5.5.4 HOLDFOR wants a number of seconds");
      mail.hold_for = seconds(*interval);
    } else if (name == "HOLDUNTIL") {
      mail.hold_until = parse_rfc3339(value);
      if (!mail.hold_until) return syntax("501 5.5.4 HOLDUNTIL wants a date and time, such as 2026-11-24T09:15:00Z");
    } else
      return syntax("555 5.5.4 that MAIL parameter is not known here");
  }
  if (mail.hold_for && mail.hold_until) return syntax("501 5.5.4 say HOLDFOR or HOLDUNTIL, not both");
  return mail;
}

Result<RcptParams> parse_rcpt(std::string_view arguments) {
  const auto path_text = after_keyword(arguments, "TO");
  if (!path_text) return syntax("501 5.5.4 write RCPT TO:<address>");
  const auto path = parse_path(*path_text);
  if (!path) return path.error();
  if (path->address.empty()) return syntax("501 5.1.3 the recipient is missing");
  RcptParams rcpt;
  rcpt.address = path->address;
  const auto parameters = parse_parameters(path->rest);
  if (!parameters) return syntax("501 5.5.4 a RCPT parameter is given twice, or there are too many");
  for (const auto& [name, value] : *parameters) {
    if (name == "NOTIFY") {
      for (const std::string_view word : text::split(value, ',')) {
        if (text::iequals(word, "NEVER"))
          rcpt.notify |= kNever;
        else if (text::iequals(word, "SUCCESS"))
          rcpt.notify |= kSuccess;
        else if (text::iequals(word, "FAILURE"))
          rcpt.notify |= kFailure;
        else if (text::iequals(word, "DELAY"))
          rcpt.notify |= kDelay;
        else
          return syntax("501 5.5.4 NOTIFY is NEVER, or of SUCCESS, FAILURE and DELAY");
      }
      if ((rcpt.notify & kNever) && rcpt.notify != kNever) return syntax("501 5.5.4 NOTIFY=NEVER stands alone");
    } else if (name == "ORCPT") {
      const auto decoded = decode_orcpt(value);
      if (!decoded) return syntax("501 5.5.4 ORCPT is malformed");
      rcpt.orcpt = *decoded;
    } else
      return syntax("555 5.5.4 that RCPT parameter is not known here");
  }
  return rcpt;
}

// --- DATA -----------------------------------------------------------------------------------------------------------

void DataScanner::append(std::string_view bytes) {
  size_ += bytes.size();
  if (size_ > max_size_) too_large_ = true;
  if (too_large_ || bare_ || nul_ || long_line_) {
    // Refused already: only the end matters now.
    content_.clear();
    content_.shrink_to_fit();
    return;
  }
  content_.append(bytes);
}

size_t DataScanner::feed(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size() && !done_) {
    const char c = bytes[at];
    switch (state_) {
      case State::kLineStart:
        line_ = 0;
        if (c == '.') {  // not part of the text (RFC 5321 §4.5.2)
          state_ = State::kDot;
          ++at;
          continue;
        }
        state_ = State::kText;
        continue;
      case State::kDot:
        if (c == '\r') {
          state_ = State::kDotCr;
          ++at;
          continue;
        }
        state_ = State::kText;
        continue;
      case State::kDotCr:
        if (c == '\n') {
          done_ = true;
          return at + 1;
        }
        bare_ = true;  // ".CR" and something else: a CR alone
        append("\r");
        state_ = State::kText;
        continue;
      case State::kCr:
        if (c == '\n') {
          append("\r\n");
          state_ = State::kLineStart;
          ++at;
          continue;
        }
        bare_ = true;
        append("\r");
        state_ = State::kText;
        continue;
      case State::kText: {
        // Everything up to the next CR in one go. LFs in it are bare; so the whole run is searched once each.
        const std::string_view rest = bytes.substr(at);
        const void* cr = std::memchr(rest.data(), '\r', rest.size());
        const size_t run = cr ? static_cast<size_t>(static_cast<const char*>(cr) - rest.data()) : rest.size();
        const bool crlf = cr && at + run + 1 < bytes.size() && bytes[at + run + 1] == '\n';  // the common case
        if (std::memchr(rest.data(), '\n', run)) bare_ = true;
        if (std::memchr(rest.data(), '\0', run)) nul_ = true;
        if ((line_ += run) > kMaxTextLine) long_line_ = true;
        append(rest.substr(0, run + (crlf ? 2 : 0)));
        at += run + (crlf ? 2 : cr ? 1 : 0);
        if (cr) state_ = crlf ? State::kLineStart : State::kCr;
        continue;
      }
    }
  }
  return at;
}

}  // namespace pabal::smtp
