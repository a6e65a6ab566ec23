#include "trust/spf_record.h"

#include "base/text.h"
#include "trust/spf_macro.h"

namespace pabal::trust {
namespace {

using Mechanism = SpfDirective::Mechanism;

constexpr std::string_view kVersion = "v=spf1";
constexpr size_t kMaxRecord = 65'535;  // RFC 1035 §4.2.2: no answer is longer

// RFC 7208 §4.6.1: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
size_t name_length(std::string_view term) {
  if (term.empty() || !text::is_alpha(term[0])) return 0;
  size_t at = 1;
  while (at < term.size() &&
         (text::is_alnum(term[at]) || std::string_view("-_.").find(term[at]) != std::string_view::npos))
    ++at;
  return at;
}

// §5.6: "0" / %x31-39 0*DIGIT, no more than `most`.
std::optional<unsigned> prefix_length(std::string_view digits, unsigned most) {
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return {};
  const auto length = text::parse_u64(digits);
  if (!length || *length > most) return {};
  return static_cast<unsigned>(*length);
}

// The digits behind the last slash, which begins at `slash`; a domain may hold slashes as well: only digits count.
bool ends_in_prefix(std::string_view rest, size_t slash) {
  return slash != rest.npos && rest.find_first_not_of("0123456789", slash + 1) == rest.npos && slash + 1 < rest.size();
}

// §5.3: dual-cidr-length = [ "/" length4 ] [ "//" length6 ] at the end of `rest`, taken off. False: out of range.
bool take_prefixes(std::string_view& rest, SpfDirective& out) {
  size_t slash = rest.rfind('/');
  if (ends_in_prefix(rest, slash) && slash > 0 && rest[slash - 1] == '/') {
    const auto length = prefix_length(rest.substr(slash + 1), 128);
    if (!length) return false;
    out.prefix6 = *length;
    rest = rest.substr(0, slash - 1);
    slash = rest.rfind('/');
  }
  if (ends_in_prefix(rest, slash)) {
    const auto length = prefix_length(rest.substr(slash + 1), 32);
    if (!length) return false;
    out.prefix4 = *length;
    rest = rest.substr(0, slash);
  }
  return true;
}

// The network of ip4: or ip6:. Empty: good; otherwise what is wrong.
std::string read_network(std::string_view rest, SpfDirective& out) {
  const bool v6 = out.mechanism == Mechanism::kIp6;
  const size_t slash = rest.find('/');
  const auto ip = parse_ip(rest.substr(0, slash));
  if (!ip || ip->v6 != v6)
    return v6 ? "an IPv6 address is wanted" : "an IPv4 address is wanted, all four numbers of it";
  out.network = *ip;
  if (slash == rest.npos) return {};
  const auto length = prefix_length(rest.substr(slash + 1), ip->bits());
  if (!length) return "the length of the network is none";
  (v6 ? out.prefix6 : out.prefix4) = *length;
  return {};
}

std::optional<Mechanism> mechanism_of(std::string_view name) {
  constexpr std::pair<std::string_view, Mechanism> kNames[] = {
      {"all", Mechanism::kAll}, {"include", Mechanism::kInclude}, {"a", Mechanism::kA},
      {"mx", Mechanism::kMx},   {"ptr", Mechanism::kPtr},         {"ip4", Mechanism::kIp4},
      {"ip6", Mechanism::kIp6}, {"exists", Mechanism::kExists}};
  for (const auto& [word, mechanism] : kNames)
    if (text::iequals(name, word)) return mechanism;
  return {};
}

std::string read_directive(std::string_view term, SpfDirective& out) {
  out.text = term;
  if (const size_t sign = std::string_view("+-~?").find(term[0]); sign != std::string_view::npos) {
    constexpr Outcome kQualifiers[] = {Outcome::kPass, Outcome::kFail, Outcome::kSoftfail, Outcome::kNeutral};
    out.qualifier = kQualifiers[sign];
    term.remove_prefix(1);
  }
  const std::string_view name = term.substr(0, term.find_first_of(":/"));
  const auto mechanism = mechanism_of(name);
  if (!mechanism) return "there is no mechanism of this name";
  out.mechanism = *mechanism;
  std::string_view rest = term.substr(name.size());
  const bool colon = rest.starts_with(':');
  if (colon) rest.remove_prefix(1);

  switch (*mechanism) {
    case Mechanism::kAll:
      return colon || !rest.empty() ? "\"all\" stands alone" : "";
    case Mechanism::kIp4:
    case Mechanism::kIp6:
      return colon ? read_network(rest, out) : "an address is missing";
    case Mechanism::kA:
    case Mechanism::kMx:
      if (!take_prefixes(rest, out)) return "the length of the network is none";
      break;
    case Mechanism::kInclude:
    case Mechanism::kExists:
      if (!colon) return "a domain is missing";
      break;
    case Mechanism::kPtr:
      break;
  }
  if (!colon) return rest.empty() ? "" : "a colon is missing before the domain";
  out.domain_spec = rest;
  return check_macros(rest, MacroUse::kDomain);
}

std::string read_modifier(std::string_view name, std::string_view value, SpfRecord& record) {
  auto* const known = text::iequals(name, "redirect") ? &record.redirect
                      : text::iequals(name, "exp")    ? &record.exp
                                                      : nullptr;
  if (!known) return check_macros(value, MacroUse::kUnknown);  // §6: others are ignored
  if (*known) return "it stands there twice";                  // §6
  *known = value;
  return check_macros(value, MacroUse::kDomain);
}

}  // namespace

bool is_spf_record(std::string_view txt) {
  return text::istarts_with(txt, kVersion) && (txt.size() == kVersion.size() || txt[kVersion.size()] == ' ');
}

Result<SpfRecord> parse_spf_record(std::string_view txt) {
  if (txt.size() > kMaxRecord) return Error{Code::kLimit, "the record is longer than DNS can carry"};
  SpfRecord record;
  for (std::string_view rest = txt.substr(std::min(kVersion.size(), txt.size())); !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());  // §4.6.1: terms are separated by SP alone
    const std::string_view term = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (term.empty()) continue;
    std::string wrong;
    if (const size_t name = name_length(term); name > 0 && name < term.size() && term[name] == '=') {
      wrong = read_modifier(term.substr(0, name), term.substr(name + 1), record);
    } else {
      SpfDirective directive;
      wrong = read_directive(term, directive);
      record.directives.push_back(directive);
    }
    if (!wrong.empty()) return Error{Code::kInvalid, "\"" + text::printable(term, 80) + "\": " + wrong};
  }
  return record;
}

}  // namespace pabal::trust
