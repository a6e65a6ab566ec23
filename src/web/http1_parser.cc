#include "web/http1_parser.h"

#include <algorithm>

#include "base/text.h"
#include "web/target.h"

namespace pabal::web {
namespace {

constexpr size_t kMaxMethod = 32;
constexpr size_t kMaxSizeDigits = 12;  // of a chunk: no body is that long

bool is_tchar(char c) {
  return text::is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_text(char c) {  // VCHAR, blanks and obs-text (RFC 9110 §5.5)
  const auto u = static_cast<unsigned char>(c);
  return (u >= ' ' && u != 0x7F) || c == '\t';
}

// RFC 9112 §3. What is before the first blank, between the blanks, and behind.
Refusal parse_request_line(std::string_view line, Head& head) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) return {400, "a request line is METHOD TARGET HTTP/1.1"};
  const std::string_view method = line.substr(0, first), version = line.substr(last + 1);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || method.size() > kMaxMethod) return {400, "the method is not a word"};
  if (version.size() != 8 || !version.starts_with("HTTP/") || !text::is_digit(version[5]) || version[6] != '.' ||
      !text::is_digit(version[7]))
    return {400, "the request line must end with HTTP/1.1"};
  if (version[5] != '1') return {505, "this server speaks HTTP/1.1 here, and HTTP/2 over TLS"};
  if (target.empty() ||
      std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7F || c == '#'; }))
    return {400, "the target has octets that must be percent-encoded"};
  head.method = method;
  head.target = target;
  head.http10 = version[7] == '0';
  return {};
}

// RFC 9112 §3.2: the four forms of a target. An absolute one says the host, whatever Host says (§3.2.2).
Refusal resolve_target(Head& head) {
  if (const size_t hosts = head.fields.count("Host"); hosts > 1 || (hosts == 0 && !head.http10))
    return {400, "one Host field is needed"};
  if (const std::string* host = head.fields.get("Host"); host && !host->empty()) {
    head.host = parse_authority(*host);
    if (head.host.empty()) return {400, "Host is not a host name"};
  }
  if (head.method == "CONNECT") return {501, "this is not a proxy"};
  if (head.target == "*") {
    if (head.method != "OPTIONS") return {400, "the target * is for OPTIONS"};
    return {};
  }
  if (head.target.front() == '/') return {};
  const size_t scheme = text::istarts_with(head.target, "https://") ? 8 : 7;
  if (scheme == 7 && !text::istarts_with(head.target, "http://")) return {400, "the target must begin with a slash"};
  const size_t path = std::min(head.target.find_first_of("/?", scheme), head.target.size());
  head.host = parse_authority(std::string_view(head.target).substr(scheme, path - scheme));
  if (head.host.empty()) return {400, "the target has no host name"};
  head.target.erase(0, path);
  if (!head.target.starts_with('/')) head.target = "/" + head.target;
  return {};
}

// RFC 9112 §6: how long the body is. One clear statement, or none.
Refusal parse_framing(Head& head) {
  const size_t lengths = head.fields.count("Content-Length"), codings = head.fields.count("Transfer-Encoding");
  if (lengths > 0 && codings > 0) return {400, "Content-Length and Transfer-Encoding exclude each other"};
  if (lengths > 1) return {400, "one Content-Length is enough"};
  if (lengths == 1) {
    const std::string& value = *head.fields.get("Content-Length");
    const auto length = text::parse_u64(value);
    if (!length || value.size() > 18) return {400, "Content-Length is not a number"};
    head.length = *length;
  }
  if (codings > 0) {
    if (head.http10) return {400, "HTTP/1.0 has no Transfer-Encoding"};  // RFC 9112 §6.1
    if (codings > 1 || !text::iequals(*head.fields.get("Transfer-Encoding"), "chunked"))
      return {501, "the only Transfer-Encoding here is chunked"};
    head.chunked = true;
  }
  return {};
}

}  // namespace

bool is_token(std::string_view s) { return !s.empty() && std::all_of(s.begin(), s.end(), is_tchar); }
bool is_field_value(std::string_view s) { return std::all_of(s.begin(), s.end(), is_text); }

HeadEnd find_head_end(std::string_view in, size_t& line) {
  for (;;) {
    const size_t lf = in.find('\n', line);
    if ((lf == in.npos ? in.size() : lf) - line > kMaxRequestLine && line == 0)
      return {0, {414, "the request line is longer than 8 KiB"}};
    if ((lf == in.npos ? in.size() : lf) > kMaxRequestLine + kMaxHead)
      return {0, {431, "the header is longer than 32 KiB"}};
    if (lf == in.npos) return {};
    // RFC 9112 §2.2 would let a bare LF pass: it is how one request becomes two.
    if (lf == 0 || in[lf - 1] != '\r') return {0, {400, "lines end with CR LF and nothing else"}};
    if (lf - line == 1) return {lf + 1, {}};
    line = lf + 1;
  }
}

ParsedHead parse_head(std::string_view in) {
  ParsedHead out;
  Head& head = out.head;
  const size_t line_end = in.find("\r\n");
  out.refusal = parse_request_line(in.substr(0, line_end), head);
  if (out.refusal.status) return out;
  in.remove_prefix(line_end + 2);
  if (in.size() > kMaxHead) return {{}, {431, "the header is longer than 32 KiB"}};
  while (!in.starts_with("\r\n")) {
    const size_t end = in.find("\r\n");
    const std::string_view line = in.substr(0, end);
    in.remove_prefix(end + 2);
    // RFC 9112 §5.1, §5.2: no blank before the colon, no line that goes on with the one before.
    const size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)))
      return {{}, {400, "a header field is a name, a colon and a value"}};
    const std::string_view value = text::trim(line.substr(colon + 1));
    if (!is_field_value(line.substr(colon + 1))) return {{}, {400, "a header field has control characters in it"}};
    if (head.fields.size() == kMaxFields) return {{}, {431, "the header has more than 100 fields"}};
    head.fields.add(std::string(line.substr(0, colon)), std::string(value));
  }
  if (out.refusal = parse_framing(head); out.refusal.status) return out;
  if (out.refusal = resolve_target(head); out.refusal.status) return out;
  head.keep_alive =
      head.http10 ? head.fields.has_token("Connection", "keep-alive") : !head.fields.has_token("Connection", "close");
  if (const std::string* expect = head.fields.get("Expect"); expect && !head.http10) {
    if (!text::iequals(*expect, "100-continue")) return {{}, {417, "the only expectation met here is 100-continue"}};
    head.expects_continue = true;
  }
  return out;
}

size_t ChunkDecoder::feed(std::string_view in, std::string& out) {
  size_t at = 0;
  while (at < in.size() && !done() && !bad()) {
    if (state_ != State::kData) {
      state_ = step(in[at++]);
      continue;
    }
    const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, in.size() - at));
    out += in.substr(at, n);
    at += n;
    left_ -= n;
    if (left_ == 0) state_ = State::kDataCr;
  }
  return at;
}

// RFC 9112 §7.1, one octet of the framing.
ChunkDecoder::State ChunkDecoder::step(char c) {
  switch (state_) {
    case State::kSize: {
      const char l = text::lower(c);
      if (text::is_digit(c) || (l >= 'a' && l <= 'f')) {
        if (++digits_ > kMaxSizeDigits) return State::kBad;
        left_ = left_ * 16 + static_cast<uint64_t>(text::is_digit(c) ? c - '0' : l - 'a' + 10);
        return State::kSize;
      }
      if (digits_ == 0) return State::kBad;
      line_ = 0;
      return c == '\r' ? State::kSizeLf : c == ';' ? State::kExtension : State::kBad;
    }
    case State::kExtension:
      if (++line_ > kMaxChunkLine || (c != '\r' && !is_text(c))) return State::kBad;
      return c == '\r' ? State::kSizeLf : State::kExtension;
    case State::kSizeLf:
      if (c != '\n') return State::kBad;
      digits_ = 0;
      return left_ > 0 ? State::kData : State::kTrailerStart;
    case State::kDataCr:
      return c == '\r' ? State::kDataLf : State::kBad;
    case State::kDataLf:
      return c == '\n' ? State::kSize : State::kBad;
    case State::kTrailerStart:
      if (c == '\r') return State::kEndLf;
      ++trailers_;
      return is_tchar(c) ? State::kTrailer : State::kBad;
    case State::kTrailer:
      if (++trailers_ > kMaxTrailers || (c != '\r' && !is_text(c))) return State::kBad;
      return c == '\r' ? State::kTrailerLf : State::kTrailer;
    case State::kTrailerLf:
      return c == '\n' ? State::kTrailerStart : State::kBad;
    case State::kEndLf:
      return c == '\n' ? State::kDone : State::kBad;
    case State::kData:
    case State::kDone:
    case State::kBad:
      break;
  }
  return State::kBad;
}

}  // namespace pabal::web
