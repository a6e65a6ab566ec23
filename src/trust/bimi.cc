#include "trust/bimi.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "trust/dmarc_record.h"

namespace pabal::trust {
namespace {

constexpr size_t kMaxRecord = 4 << 10;  // octets
constexpr size_t kMaxUrl = 2'000;

bool is_label(std::string_view s) {
  return !s.empty() && s.size() <= 63 &&
         std::all_of(s.begin(), s.end(), [](char c) { return text::is_alnum(c) || c == '-' || c == '_'; });
}

// An https URL of a host, with nothing in it that would need quotes where it is written down.
bool is_https(std::string_view url) {
  if (!text::istarts_with(url, "https://") || url.size() > kMaxUrl) return false;
  const std::string_view host = url.substr(8, url.find_first_of("/?#", 8) - 8);
  return !host.empty() && host.find('@') == host.npos && std::all_of(url.begin(), url.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7F && std::string_view("\"<>\\^`{|}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

// The policy keeps forged mail of this domain and of those below it out of inboxes.
bool enforced(std::string_view record) {
  const auto parsed = parse_dmarc_record(record);
  return parsed && !parsed->bad_policy && !parsed->testing && parsed->policy() != Dmarc::Policy::kNone &&
         parsed->sp != Dmarc::Policy::kNone;
}

// Records of BIMI at a name; errors are those of the DNS.
Task<Result<std::vector<BimiRecord>>> records_at(dns::Lookups lookups, std::string name) {
  Task<Result<dns::Answer>> asking = dns::ask(lookups, std::move(name), dns::Type::kTxt);
  const Result<dns::Answer> answer = co_await asking;
  if (!answer) co_return answer.error();
  std::vector<BimiRecord> out;
  for (const dns::Record& record : answer->records)
    if (auto parsed = parse_bimi_record(record.data)) out.push_back(std::move(*parsed));
  co_return out;
}

}  // namespace

std::optional<BimiRecord> parse_bimi_record(std::string_view text) {
  BimiRecord out;
  std::optional<std::string_view> location;
  bool first = true;
  for (std::string_view part : text::split(text.substr(0, kMaxRecord), ';')) {
    part = text::trim(part);
    const size_t equals = part.find('=');
    const std::string_view name = text::trim(part.substr(0, equals));
    const std::string_view value = equals == part.npos ? std::string_view() : text::trim(part.substr(equals + 1));
    if (std::exchange(first, false)) {
      if (name != "v" || value != "BIMI1") return {};
    } else if (name == "l") {
      location = value;
    } else if (name == "a") {
      out.authority = value;
    }
  }
  if (text.size() > kMaxRecord)
    out.problem = "it is longer than 4,096 octets";
  else if (!location)
    out.problem = "l= is missing";
  else if (!location->empty() && !is_https(*location))
    out.problem = "l= is no https URL";
  else if (!out.authority.empty() && !is_https(out.authority))
    out.problem = "a= is no https URL";
  else
    out.location = *location;
  if (!out.problem.empty()) out.authority.clear();
  return out;
}

Task<Result<std::optional<BimiRecord>>> find_bimi_record(dns::Lookups lookups, std::string domain,
                                                         std::string selector) {
  if (!is_label(selector)) selector = "default";
  Task<Result<std::vector<BimiRecord>>> looking = records_at(lookups, selector + "._bimi." + domain);
  Result<std::vector<BimiRecord>> found = co_await looking;
  if (!found) co_return found.error();
  if (found->size() != 1) co_return std::optional<BimiRecord>();
  co_return std::optional<BimiRecord>(std::move(found->front()));
}

Task<Bimi> check_bimi(dns::Lookups lookups, Dmarc dmarc, std::string selector) {
  Bimi out;
  // The author's policy and the organisation's, both: a domain whose neighbours can be forged earns no trust.
  if (dmarc.result != Outcome::kPass || dmarc.policy == Dmarc::Policy::kNone || !enforced(dmarc.record)) co_return out;
  const std::string organization = dmarc.organizational.empty() ? dmarc.from_domain : dmarc.organizational;
  if (dmarc.record_domain != organization) {
    Task<Result<dns::Answer>> asking = dns::ask(lookups, "_dmarc." + organization, dns::Type::kTxt);
    const Result<dns::Answer> answer = co_await asking;
    if (!answer) {
      out.result = Outcome::kTemperror;
      co_return out;
    }
    const auto is_record = [](const dns::Record& record) { return parse_dmarc_record(record.data).has_value(); };
    const auto above = std::find_if(answer->records.begin(), answer->records.end(), is_record);
    if (above == answer->records.end() || !enforced(above->data)) co_return out;
  }

  if (!is_label(selector)) selector = "default";
  out.selector = selector;
  std::string domain = dmarc.from_domain;
  Task<Result<std::vector<BimiRecord>>> looking = records_at(lookups, selector + "._bimi." + domain);
  Result<std::vector<BimiRecord>> found = co_await looking;
  if (found && found->empty() && organization != domain) {
    domain = organization;
    Task<Result<std::vector<BimiRecord>>> again = records_at(lookups, selector + "._bimi." + domain);
    found = co_await again;
  }
  if (!found) {
    out.result = Outcome::kTemperror;
    co_return out;
  }
  if (found->size() != 1) co_return out;  // none, or nobody knows which
  const BimiRecord& record = found->front();
  out.domain = domain;
  if (!record.problem.empty()) {
    out.result = Outcome::kFail;
  } else if (!record.location.empty()) {
    out.result = Outcome::kPass;
    out.location = record.location;
    out.authority = record.authority;
  }
  co_return out;
}

}  // namespace pabal::trust
