#include "trust/results.h"

#include <algorithm>

#include "base/text.h"
#include "message/address.h"
#include "message/words.h"
#include "trust/dmarc_record.h"

namespace pabal::trust {
namespace {

constexpr size_t kMaxWritten = 255;  // octets of one value that we write
constexpr size_t kLine = 78;         // RFC 5322 §2.1.1

// RFC 2045 §5.1: a token; with more than ASCII it is one in messages with SMTPUTF8 (RFC 8601 §2.2).
bool is_token_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u != 0x7F && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}
bool is_token(std::string_view s) { return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char); }

std::string quoted(std::string_view s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Any text as a value. Octets that are no characters, and beyond ASCII where nobody promised SMTPUTF8, become "?".
std::string value(std::string_view text, bool utf8 = false) {
  text = message::utf8_prefix(text, kMaxWritten);
  utf8 = utf8 && text::is_utf8(text);
  std::string clean(text);
  for (char& c : clean) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7F || (u >= 0x80 && !utf8)) c = '?';
  }
  if (is_token(clean)) return clean;
  // RFC 8601 §2.2: an address stands there without quotes.
  const size_t at = clean.rfind('@');
  if (at != clean.npos && is_token(clean.substr(at + 1)) && (at == 0 || is_token(clean.substr(0, at)))) return clean;
  return quoted(clean);
}

// One method's finding, to be followed by its properties.
std::string finding(std::string_view method, Outcome result, std::string_view reason) {
  std::string out = std::string(method) + "=" + std::string(outcome_name(result));
  if (result != Outcome::kPass && !reason.empty()) out += " reason=" + value(reason);
  return out;
}
void add(std::string& out, std::string_view property, std::string_view text, bool utf8 = false) {
  if (!text.empty()) out += " " + std::string(property) + "=" + value(text, utf8);
}

std::string spf_finding(const Spf& spf, std::string_view property, const std::string& identity) {
  const std::string why = !spf.problem.empty() || spf.mechanism.empty() ? spf.problem : spf.mechanism + " matches";
  std::string out = finding("spf", spf.result, why);
  add(out, property, identity, true);
  return out;
}

std::string dmarc_finding(const Dmarc& dmarc) {
  std::string out = "dmarc=" + std::string(outcome_name(dmarc.result));
  if (!dmarc.record_domain.empty()) {
    out += " (p=" + std::string(policy_name(dmarc.published));
    if (dmarc.policy != dmarc.published) out += ", here " + std::string(policy_name(dmarc.policy));
    out += ")";
  }
  if (dmarc.result != Outcome::kPass && !dmarc.problem.empty()) out += " reason=" + value(dmarc.problem);
  add(out, "header.from", dmarc.from_domain);
  return out;
}

// --- reading --------------------------------------------------------------------------------------------------------

class Scanner {
 public:
  explicit Scanner(std::string_view in) : in_(in) {}

  // Blanks, line ends and comments (RFC 5322 §3.2.2). False: a comment without its end.
  bool skip() {
    int depth = 0;
    for (; at_ < in_.size(); ++at_) {
      const char c = in_[at_];
      if (c == '(')
        ++depth;
      else if (depth > 0 && c == ')')
        --depth;
      else if (depth > 0 && c == '\\')
        ++at_;
      else if (depth == 0 && !text::is_wsp(c) && c != '\r' && c != '\n')
        break;
    }
    at_ = std::min(at_, in_.size());
    return depth == 0;
  }
  bool done() const { return at_ == in_.size(); }
  char peek() const { return done() ? '\0' : in_[at_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  // RFC 5321's Keyword, in lower case; "_" is seen too. Empty: none.
  std::string keyword() {
    const size_t from = at_;
    while (!done() && (text::is_alnum(in_[at_]) || in_[at_] == '-' || in_[at_] == '_')) ++at_;
    return text::lowered(in_.substr(from, at_ - from));
  }
  // Quoted strings and what may stand between them, joined. Nothing: there is none, or a quoted string has no end.
  std::optional<std::string> word(bool (*plain)(char)) {
    std::string out;
    const size_t from = at_;
    while (!done() && (in_[at_] == '"' || plain(in_[at_]))) {
      if (in_[at_] != '"') {
        out += in_[at_++];
        continue;
      }
      for (++at_; !done() && in_[at_] != '"'; ++at_) {
        if (in_[at_] == '\\' && at_ + 1 < in_.size()) ++at_;
        if (in_[at_] != '\r' && in_[at_] != '\n') out += in_[at_];
      }
      if (!take('"')) return {};
    }
    if (at_ == from) return {};
    return out;
  }

 private:
  std::string_view in_;
  size_t at_ = 0;
};

// What real pvalues hold: addresses, base64, IPv6 addresses, all without quotes.
bool is_pvalue_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u != 0x7F && c != ';' && c != '(' && c != '"';
}

Error invalid(std::string_view what) { return {Code::kInvalid, "no Authentication-Results: " + std::string(what)}; }

// RFC 8601 §2.2: authserv-id [ CFWS authres-version ], up to the first semicolon or the end.
Result<AuthenticationResults> parse_start(Scanner& in) {
  AuthenticationResults out;
  if (!in.skip()) return invalid("a comment has no end");
  auto id = in.word(is_token_char);
  if (!id || id->empty()) return invalid("it has no authserv-id");
  out.authserv_id = std::move(*id);
  if (!in.skip()) return invalid("a comment has no end");
  if (!in.done() && in.peek() != ';') {
    const auto version = text::parse_u64(in.keyword());
    if (!version || *version > 1'000) return invalid("what follows its authserv-id is no version");
    out.version = static_cast<unsigned>(*version);
    if (!in.skip() || (!in.done() && in.peek() != ';')) return invalid("what follows its version is no semicolon");
  }
  return out;
}

// methodspec [reasonspec] *propspec. The reason may stand among the properties: some write it last.
Result<AuthenticationResults::Method> parse_method(Scanner& in) {
  AuthenticationResults::Method out;
  out.method = in.keyword();
  if (out.method.empty()) return invalid("a method has no name");
  if (!in.skip()) return invalid("a comment has no end");
  if (in.take('/')) {
    in.skip();
    const auto version = text::parse_u64(in.keyword());
    if (!version || *version > 1'000) return invalid("the version of " + out.method + " is no number");
    out.version = static_cast<unsigned>(*version);
    in.skip();
  }
  if (!in.take('=')) return invalid(out.method + " has no result");
  in.skip();
  out.result = in.keyword();
  if (out.result.empty()) return invalid(out.method + " has no result");
  bool whole = in.skip();
  for (; whole && !in.done() && in.peek() != ';'; whole = in.skip()) {
    std::string name = in.keyword();
    if (name.empty() || !in.skip()) return invalid("a property of " + out.method + " has no name");
    if (in.take('.')) {
      AuthenticationResults::Property property{std::move(name), {}, {}};
      in.skip();
      property.name = in.keyword();
      in.skip();
      if (property.name.empty() || !in.take('=') || !in.skip())
        return invalid("a property of " + out.method + " has no value");
      if (!in.done() && in.peek() != ';') {  // "smtp.mailfrom=" of a null reverse-path is seen
        auto text = in.word(is_pvalue_char);
        if (!text) return invalid("a property of " + out.method + " has no value");
        property.value = std::move(*text);
      }
      if (out.properties.size() < kMaxMethods) out.properties.push_back(std::move(property));
    } else if (in.take('=')) {
      in.skip();
      auto text = in.word(is_pvalue_char);
      if (!text) return invalid(name + " of " + out.method + " has no value");
      if (name == "reason") out.reason = std::move(*text);  // "action=none" and the like are nobody's standard
    } else {
      return invalid("\"" + name + "\" in " + out.method + " is no property");
    }
  }
  if (!whole) return invalid("a comment has no end");
  return out;
}

bool same_host(std::string_view a, std::string_view b) {
  while (a.ends_with('.')) a.remove_suffix(1);
  while (b.ends_with('.')) b.remove_suffix(1);
  if (text::iequals(a, b)) return true;
  const std::string plain = message::ascii_domain(a);
  return !plain.empty() && plain == message::ascii_domain(b);
}

// The value of an Authentication-Results field in `field`, which may be any field.
std::optional<std::string_view> results_value(std::string_view field) {
  constexpr std::string_view kName = "Authentication-Results";
  if (!text::istarts_with(field, kName)) return {};
  field.remove_prefix(kName.size());
  while (!field.empty() && text::is_wsp(field.front())) field.remove_prefix(1);
  if (!field.starts_with(':')) return {};
  return field.substr(1);
}

bool may_be_ours(std::string_view raw_value, std::string_view authserv_id) {
  Scanner in(raw_value);
  const auto start = parse_start(in);
  return !start || same_host(start->authserv_id, authserv_id);
}

}  // namespace

const std::string* AuthenticationResults::Method::find(std::string_view ptype, std::string_view name) const {
  for (const Property& p : properties)
    if (p.ptype == ptype && p.name == name) return &p.value;
  return nullptr;
}

std::string results_text(const Verdict& verdict) {
  std::vector<std::string> out;
  if (const Spf& spf = verdict.mail_from; spf.result != Outcome::kNone || !spf.domain.empty())
    out.push_back(spf_finding(spf, "smtp.mailfrom", spf.sender.empty() ? spf.domain : spf.sender));
  if (const Spf& spf = verdict.helo; spf.result != Outcome::kNone || !spf.domain.empty())
    out.push_back(spf_finding(spf, "smtp.helo", spf.domain));
  for (const Dkim& dkim : verdict.dkim) {
    std::string one = finding("dkim", dkim.result, dkim.problem);
    if (dkim.testing) one += " (test mode)";
    add(one, "header.d", dkim.domain);
    if (dkim.identity != "@" + dkim.domain) add(one, "header.i", dkim.identity);
    add(one, "header.s", dkim.selector);
    add(one, "header.a", dkim.algorithm);
    add(one, "header.b", dkim.signature_start);  // RFC 6008
    out.push_back(std::move(one));
  }
  if (const Arc& arc = verdict.arc; arc.result != Outcome::kNone) {
    std::string one = finding("arc", arc.result, arc.problem);
    if (arc.result == Outcome::kPass) add(one, "header.oldest-pass", std::to_string(arc.oldest_pass));  // RFC 8617 §5.2
    out.push_back(std::move(one));
  }
  if (const Dmarc& dmarc = verdict.dmarc; dmarc.result != Outcome::kNone || !dmarc.from_domain.empty())
    out.push_back(dmarc_finding(dmarc));
  if (const Iprev& iprev = verdict.iprev; iprev.result != Outcome::kNone) {
    std::string one = finding("iprev", iprev.result, iprev.name.empty() ? "" : iprev.name + " is not that address");
    add(one, "policy.iprev", iprev.address);
    out.push_back(std::move(one));
  }
  if (const Bimi& bimi = verdict.bimi; bimi.result != Outcome::kNone) {
    std::string one = finding("bimi", bimi.result, "");
    add(one, "header.d", bimi.domain);
    add(one, "header.selector", bimi.selector);
    out.push_back(std::move(one));
  }
  return out.empty() ? "none" : text::join(out, "; ");
}

std::string results_field(std::string_view authserv_id, std::string_view results_text) {
  std::string out = "Authentication-Results: " + value(authserv_id) + ";\r\n\t";
  size_t column = 8;
  // Words are kept whole: a blank in quotes or in a comment is no place to fold.
  while (!results_text.empty()) {
    size_t end = 0;
    bool in_quotes = false, in_comment = false;
    for (; end < results_text.size(); ++end) {
      const char c = results_text[end];
      if (in_quotes && c == '\\')
        ++end;
      else if (c == '"')
        in_quotes = !in_quotes;
      else if (!in_quotes && (c == '(' || c == ')'))
        in_comment = c == '(';
      else if (c == ' ' && !in_quotes && !in_comment)
        break;
    }
    const std::string_view word = results_text.substr(0, end);
    results_text.remove_prefix(std::min(end + 1, results_text.size()));
    const bool fresh = out.ends_with('\t');
    if (!fresh && (column + 1 + word.size() > kLine || out.ends_with(';'))) {
      out += "\r\n\t";
      column = 8;
    } else if (!fresh) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + "\r\n";
}

Result<AuthenticationResults> parse_results(std::string_view raw_value) {
  if (raw_value.size() > kMaxResultsBytes)
    return Error{Code::kLimit, "an Authentication-Results field is too long to be read"};
  Scanner in(raw_value);
  auto out = parse_start(in);
  if (!out) return out;
  while (in.take(';')) {
    if (!in.skip()) return invalid("a comment has no end");
    if (in.done()) break;
    if (in.peek() == ';') continue;
    Scanner ahead = in;
    if (out->methods.empty() && ahead.keyword() == "none" && ahead.skip() && ahead.done()) return out;
    auto method = parse_method(in);
    if (!method) return method.error();
    if (out->methods.size() == kMaxMethods)
      return Error{Code::kLimit, "an Authentication-Results field has too many methods"};
    out->methods.push_back(std::move(*method));
  }
  return out;
}

std::string without_results(std::string_view message, std::string_view authserv_id) {
  std::string out;
  size_t kept = 0;  // up to where `out` has what it should have
  for (size_t at = 0; at < message.size();) {
    const std::string_view rest = message.substr(at);
    if (rest.starts_with("\r\n") || rest.starts_with('\n')) break;
    // A field with its folds.
    size_t end = at;
    do {
      const size_t lf = message.find('\n', end);
      end = lf == message.npos ? message.size() : lf + 1;
    } while (end < message.size() && text::is_wsp(message[end]));
    if (const auto raw = results_value(message.substr(at, end - at)); raw && may_be_ours(*raw, authserv_id)) {
      out += message.substr(kept, at - kept);
      kept = end;
    }
    at = end;
  }
  return out += message.substr(kept);
}

}  // namespace pabal::trust
