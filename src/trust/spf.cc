#include "trust/spf.h"

#include <algorithm>

#include "base/text.h"
#include "trust/spf_macro.h"
#include "trust/spf_record.h"

namespace pabal::trust {
namespace {

using dns::Type;
using Mechanism = SpfDirective::Mechanism;
using Records = std::vector<dns::Record>;

// RFC 7208 §4.6.4.
constexpr unsigned kMaxTerms = 10;
constexpr unsigned kMaxVoid = 2;
constexpr size_t kMaxHosts = 10;  // of an MX, and names of an address
// Longer explanations are not for a line of a reply.
constexpr size_t kMaxExplanation = 500;

// Errors within a check: kUnavailable and kTimeout make temperror, others permerror.
Outcome outcome_of_error(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout ? Outcome::kTemperror : Outcome::kPermerror;
}

// §4.3: a domain name of several labels; U-labels are looked up as A-labels. Empty: it is none.
std::string sender_domain(std::string_view given) {
  if (given.size() > 1'000 || given.starts_with('[')) return {};
  std::string name = text::is_ascii(given)       ? std::string(given)
                     : dns::to_ascii(given).ok() ? *dns::to_ascii(given)
                                                 : "";
  if (name.size() > 254) return {};  // a final dot is one more
  name = target_name(std::move(name));
  return name.find('.') == name.npos ? std::string() : name;
}

bool is_within(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

std::string without_final_dot(std::string_view name) {
  return text::lowered(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
}

// What check_host() has come to.
struct Found {
  Outcome result = Outcome::kNone;
  std::string mechanism, problem;
  std::string exp, exp_domain;  // exp= of the record that decided, and the domain it stands in

  static Found failed(const Error& error) { return {outcome_of_error(error), "", error.message, "", ""}; }
};

class SpfCheck {
 public:
  SpfCheck(dns::Lookups lookups, const SpfQuery& query, const Ip& ip) : lookups_(lookups), ip_(ip) {
    values_.helo = query.helo;
    values_.receiver = query.receiver;
    values_.readable_ip = ip.text();
    values_.v6 = ip.v6;
    values_.now = to_unix(lookups.loop.now());
    values_.ip = values_.readable_ip;
    if (ip.v6) {
      values_.ip.clear();
      for (char c : text::uppered(text::hex({reinterpret_cast<const char*>(ip.octets.data()), 16})))
        values_.ip += std::string(values_.ip.empty() ? "" : ".") + c;
    }
  }

  Task<Spf> run(std::string local, std::string domain) {
    values_.local = std::move(local);
    values_.sender_domain = domain;
    Task<Found> checking = check_host(domain);
    Found found = co_await checking;
    Spf out;
    out.result = found.result;
    out.mechanism = std::move(found.mechanism);
    out.problem = std::move(found.problem);
    if (out.result == Outcome::kFail && !found.exp.empty()) {
      Task<std::string> explaining = explain(std::move(found.exp), std::move(found.exp_domain));
      out.explanation = co_await explaining;
    }
    co_return out;
  }

 private:
  // RFC 7208 §4. Recursive for include; a redirect comes round the loop. Both count as terms, so that cycles end.
  Task<Found> check_host(std::string domain) {
    for (std::string redirect;;) {
      Task<Result<Records>> asking = ask(domain, Type::kTxt);
      const Result<Records> answer = co_await asking;
      if (!answer) co_return Found::failed(answer.error());
      const dns::Record* chosen = nullptr;  // §4.5
      for (const dns::Record& one : *answer) {
        if (!is_spf_record(one.data)) continue;
        if (chosen) co_return Found::failed({Code::kInvalid, domain + " has more than one SPF record"});
        chosen = &one;
      }
      if (!chosen && redirect.empty()) co_return Found();
      if (!chosen)  // §6.1: to nowhere is an error
        co_return Found::failed({Code::kInvalid, "\"" + redirect + "\" leads to no SPF record"});
      const Result<SpfRecord> record = parse_spf_record(chosen->data);
      if (!record) co_return Found::failed({Code::kInvalid, "the record of " + domain + ": " + record.error().message});

      for (const SpfDirective& directive : record->directives) {
        Task<Result<bool>> matching = matches(directive, domain);
        const Result<bool> matched = co_await matching;
        if (!matched) co_return Found::failed(matched.error());
        if (!*matched) continue;
        Found found;
        found.result = directive.qualifier;
        found.mechanism = directive.text;
        if (record->exp) found.exp = *record->exp;
        found.exp_domain = std::move(domain);
        co_return found;
      }
      if (!record->redirect) {  // §4.7
        Found nothing;
        nothing.result = Outcome::kNeutral;
        co_return nothing;
      }
      if (const auto counted = count_term(); !counted) co_return Found::failed(counted.error());
      Task<Result<std::string>> naming = target(*record->redirect, domain);
      const Result<std::string> next = co_await naming;
      if (!next) co_return Found::failed(next.error());
      redirect = "redirect=" + text::printable(*record->redirect, 80);
      domain = *next;
    }
  }

  // §5: does the directive match? Views of the directive live as long as the record of the caller.
  Task<Result<bool>> matches(const SpfDirective& directive, std::string domain) {
    switch (directive.mechanism) {
      case Mechanism::kAll:
        co_return true;
      case Mechanism::kIp4:
        co_return same_network(ip_, directive.network, directive.prefix4);
      case Mechanism::kIp6:
        co_return same_network(ip_, directive.network, directive.prefix6);
      default:
        break;
    }
    if (const auto counted = count_term(); !counted) co_return counted.error();
    std::string name = domain;
    if (!directive.domain_spec.empty()) {
      Task<Result<std::string>> naming = target(directive.domain_spec, std::move(domain));
      const Result<std::string> named = co_await naming;
      if (!named) co_return named.error();
      name = *named;
    }
    Task<Result<bool>> matching;
    switch (directive.mechanism) {
      case Mechanism::kInclude:
        matching = include_matches(directive.text, std::move(name));
        break;
      case Mechanism::kMx:
        matching = mx_matches(directive, std::move(name));
        break;
      case Mechanism::kPtr:
        matching = ptr_matches(std::move(name));
        break;
      default:
        matching = a_matches(directive, std::move(name));
        break;
    }
    const Result<bool> matched = co_await matching;
    if (!matched) co_return matched.error();
    if (void_) {
      void_ = false;
      if (++voids_ > kMaxVoid)
        co_return Error{Code::kLimit,
                        "more than " + std::to_string(kMaxVoid) + " terms ask for names that do not exist"};
    }
    co_return *matched;
  }

  // §5.2: what is included answers yes or no; where it cannot, neither can we.
  Task<Result<bool>> include_matches(std::string_view term, std::string name) {
    Task<Found> checking = check_host(std::move(name));
    const Found found = co_await checking;
    void_ = false;  // its terms have counted their own
    const std::string shown = "\"" + text::printable(term, 80) + "\"";
    switch (found.result) {
      case Outcome::kPass:
        co_return true;
      case Outcome::kNone:
        co_return Error{Code::kInvalid, shown + " leads to no SPF record"};
      case Outcome::kTemperror:
        co_return Error{Code::kUnavailable, shown + ": " + found.problem};
      case Outcome::kPermerror:
        co_return Error{Code::kInvalid, shown + ": " + found.problem};
      default:
        co_return false;
    }
  }

  // §5.3 a, and §5.7 exists, which asks for IPv4 addresses always and takes any.
  Task<Result<bool>> a_matches(const SpfDirective& directive, std::string name) {
    const bool any = directive.mechanism == Mechanism::kExists;
    Task<Result<Records>> asking = ask(name, any ? Type::kA : address_type());
    const Result<Records> addresses = co_await asking;
    if (!addresses) co_return addresses.error();
    void_ = addresses->empty() && !name.empty();
    co_return any ? !addresses->empty() : holds(*addresses, directive);
  }

  // §5.4. In the order of preference, then of names, so that the eleventh is always the same one.
  Task<Result<bool>> mx_matches(const SpfDirective& directive, std::string name) {
    Task<Result<Records>> asking = ask(name, Type::kMx);
    Result<Records> hosts = co_await asking;
    if (!hosts) co_return hosts.error();
    void_ = hosts->empty() && !name.empty();
    std::sort(hosts->begin(), hosts->end(), [](const dns::Record& a, const dns::Record& b) {
      return std::tie(a.preference, a.data) < std::tie(b.preference, b.data);
    });
    size_t asked = 0;
    for (const dns::Record& host : *hosts) {
      if (host.data.empty()) continue;  // RFC 7505: no host at all
      if (++asked > kMaxHosts)
        co_return Error{Code::kLimit, name + " has more than " + std::to_string(kMaxHosts) + " MX hosts"};
      Task<Result<Records>> resolving = ask(target_name(host.data), address_type());
      const Result<Records> addresses = co_await resolving;
      if (!addresses) co_return addresses.error();
      if (addresses->empty()) void_ = true;
      if (holds(*addresses, directive)) co_return true;
    }
    co_return false;
  }

  // §5.5: a name of the address that lies in the domain and has the address.
  Task<Result<bool>> ptr_matches(std::string name) {
    Task<Result<std::string>> finding = validated_name(std::move(name), true);
    const Result<std::string> found = co_await finding;
    if (!found) co_return found.error();
    void_ = names_->empty();
    co_return !found->empty();
  }

  // A name of the client that leads back to it: the domain itself, else one below it, else, unless only those count,
  // any (§7.3 of %{p}). Empty: none. Names that cannot be looked up are passed over (§5.5).
  Task<Result<std::string>> validated_name(std::string domain, bool only_within) {
    if (!names_) {
      Task<Result<Records>> asking = ask(dns::reverse_name(ip_.text()), Type::kPtr);
      const Result<Records> answer = co_await asking;
      if (!answer && late()) co_return answer.error();
      names_.emplace();
      if (answer) {
        for (const dns::Record& one : *answer)
          if (names_->size() < kMaxHosts) names_->push_back({without_final_dot(one.data), {}});
      }
    }
    for (int round = 0; round < (only_within ? 2 : 3); ++round) {
      for (ClientName& one : *names_) {
        const bool within = is_within(one.name, domain), itself = one.name == domain;
        if (round == 0 ? !itself : round == 1 ? !within || itself : within) continue;
        if (!one.valid) {
          Task<Result<Records>> resolving = ask(target_name(one.name), address_type());
          const Result<Records> addresses = co_await resolving;
          if (!addresses && late()) co_return addresses.error();
          one.valid = addresses && holds(*addresses, SpfDirective());
        }
        if (*one.valid) co_return one.name;
      }
    }
    co_return std::string();
  }

  // A domain-spec filled in. Empty: no name that DNS could have, so nothing is there (§4.8).
  Task<Result<std::string>> target(std::string_view spec, std::string domain) {
    // RFC 8616 §4: terms with a local part that is not ASCII match nothing.
    if (!text::is_ascii(values_.local) && uses_local_part(spec)) co_return std::string();
    Task<Result<std::string>> expanding = expand(std::string(spec), std::move(domain));
    Result<std::string> expanded = co_await expanding;
    if (!expanded) co_return expanded.error();
    co_return target_name(std::move(*expanded));
  }

  Task<Result<std::string>> expand(std::string spec, std::string domain) {
    values_.domain = domain;
    if (uses_validated_name(spec)) {
      Task<Result<std::string>> finding = validated_name(std::move(domain), false);
      const Result<std::string> found = co_await finding;
      if (!found) co_return found.error();
      values_.validated = found->empty() ? "unknown" : *found;
    }
    co_return expand_macros(spec, values_);
  }

  // §6.2: why the domain refuses, in its own words; nothing where they cannot be had or are not plain ASCII.
  Task<std::string> explain(std::string spec, std::string domain) {
    Task<Result<std::string>> naming = target(spec, domain);
    const Result<std::string> name = co_await naming;
    if (!name) co_return std::string();
    Task<Result<Records>> asking = ask(*name, Type::kTxt);
    const Result<Records> answer = co_await asking;
    if (!answer || answer->size() != 1) co_return std::string();
    const std::string& words = answer->front().data;
    if (words.size() > 65'535 || !check_macros(words, MacroUse::kExplanation).empty()) co_return std::string();
    Task<Result<std::string>> expanding = expand(words, std::move(domain));
    const Result<std::string> expanded = co_await expanding;
    if (!expanded || expanded->size() > kMaxExplanation) co_return std::string();
    // The sender and the HELO name are in it as they were given.
    const bool plain = std::all_of(expanded->begin(), expanded->end(), [](char c) { return c >= ' ' && c <= '~'; });
    co_return plain ? *expanded : std::string();
  }

  // Nothing there is an answer without records; an error is a look-up that failed.
  Task<Result<Records>> ask(std::string name, Type type) {
    if (name.empty()) co_return Records();
    Task<Result<dns::Answer>> asking = dns::ask(lookups_, name, type);
    Result<dns::Answer> answer = co_await asking;
    if (answer) co_return std::move(answer->records);
    if (answer.code() == Code::kInvalid) co_return Records();
    co_return Error{Code::kUnavailable, name + " cannot be looked up now: " + answer.error().message};
  }

  Result<void> count_term() {
    if (++terms_ <= kMaxTerms) return {};
    return Error{Code::kLimit, "more than " + std::to_string(kMaxTerms) + " terms ask DNS"};
  }

  Type address_type() const { return ip_.v6 ? Type::kAaaa : Type::kA; }
  bool late() const { return lookups_.loop.now() >= lookups_.deadline; }
  bool holds(const Records& addresses, const SpfDirective& directive) const {
    return std::any_of(addresses.begin(), addresses.end(), [&](const dns::Record& one) {
      const auto address = parse_ip(one.data);
      return address && same_network(ip_, *address, ip_.v6 ? directive.prefix6 : directive.prefix4);
    });
  }

  const dns::Lookups lookups_;
  const Ip ip_;
  MacroValues values_;
  unsigned terms_ = 0, voids_ = 0;
  bool void_ = false;  // the term under way has asked DNS for something that is not there
  struct ClientName {
    std::string name;
    std::optional<bool> valid;  // it has the client's address; not asked yet
  };
  std::optional<std::vector<ClientName>> names_;  // of the client, by its PTR; not asked yet
};

// --- Received-SPF ---------------------------------------------------------------------------------------------------

constexpr size_t kMaxShown = 255;

// Foreign words: cut, no control characters, UTF-8 or ASCII.
std::string harmless(std::string_view s) {
  s = s.substr(0, kMaxShown);
  const bool utf8 = text::is_utf8(s);
  std::string out;
  for (char c : s) {
    const auto octet = static_cast<unsigned char>(c);
    out += octet < 0x20 || octet == 0x7F || (octet >= 0x80 && !utf8) ? '?' : c;
  }
  return out;
}

std::string escaped(std::string_view s, std::string_view special) {
  std::string out;
  for (char c : s) {
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}

bool is_dot_atom(std::string_view s) {  // RFC 5322 §3.2.3
  for (const std::string_view atom : text::split(s, '.')) {
    if (atom.empty()) return false;
    for (char c : atom)
      if (!text::is_alnum(c) && std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::string in_words(const Spf& spf, const SpfQuery& query) {
  const std::string domain = "domain of " + spf.sender;
  switch (spf.result) {
    case Outcome::kPass:
      return domain + " designates " + query.ip + " as permitted sender";
    case Outcome::kFail:
      return domain + " does not designate " + query.ip + " as permitted sender";
    case Outcome::kSoftfail:
      return domain + " does not designate " + query.ip + " as permitted sender, but is not sure";
    case Outcome::kNeutral:
      return query.ip + " is neither permitted nor denied by " + domain;
    case Outcome::kNone:
      return domain + " does not designate permitted senders";
    default:
      return spf.problem;
  }
}

}  // namespace

Task<Spf> check_spf(dns::Lookups lookups, SpfQuery query) {
  const bool of_helo = query.of_helo || query.reverse_path.empty();
  const size_t at = of_helo ? std::string::npos : query.reverse_path.rfind('@');
  const std::string given = of_helo ? query.helo : at == std::string::npos ? "" : query.reverse_path.substr(at + 1);
  // §4.3: a sender without a local part has this one.
  std::string local = of_helo || at == 0 ? "postmaster" : query.reverse_path.substr(0, at);
  std::string domain = sender_domain(given);
  const auto ip = parse_client_ip(query.ip);

  Spf out;
  if (!domain.empty() && ip) {
    SpfCheck check(lookups, query, *ip);
    Task<Spf> checking = check.run(local, domain);
    out = co_await checking;
  }
  out.domain = domain.empty() ? given : domain;
  out.sender = at == std::string::npos && !of_helo ? query.reverse_path : local + "@" + out.domain;
  co_return out;
}

std::string received_spf(const Spf& spf, const SpfQuery& query) {
  std::string out = "Received-SPF: " + std::string(outcome_name(spf.result)) + "\r\n\t(" + query.receiver + ": " +
                    escaped(harmless(in_words(spf, query)), "()\\") + ")";
  std::string line = "\r\n\t";
  const auto add = [&](std::string_view key, std::string_view value) {
    const std::string shown = harmless(value);
    std::string pair =
        std::string(key) + "=" + (is_dot_atom(shown) ? shown : "\"" + escaped(shown, "\"\\") + "\"") + ";";
    if (line.size() > 3 && line.size() + pair.size() > 78) {
      out += line;
      line = "\r\n\t";
    }
    line += (line.size() > 3 ? " " : "") + pair;
  };
  add("receiver", query.receiver);
  add("client-ip", query.ip);
  add("envelope-from", query.reverse_path);
  add("helo", query.helo);
  add("identity", query.of_helo || query.reverse_path.empty() ? "helo" : "mailfrom");
  if (!spf.problem.empty()) add("problem", spf.problem);
  // §9.1: "default" where no mechanism matched.
  if (spf.result != Outcome::kNone && spf.problem.empty())
    add("mechanism", spf.mechanism.empty() ? "default" : spf.mechanism);
  return out + line + "\r\n";
}

}  // namespace pabal::trust
