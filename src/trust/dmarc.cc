#include "trust/dmarc.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "message/address.h"

namespace pabal::trust {
namespace {

using Policy = Dmarc::Policy;
using Psd = DmarcRecord::Psd;

// A domain of the walk that has a record.
struct Found {
  std::string domain;
  std::string text;
  DmarcRecord record;
};

size_t labels(std::string_view domain) {
  return static_cast<size_t>(std::count(domain.begin(), domain.end(), '.')) + 1;
}

// The last `count` labels of a domain that has as many.
std::string last_labels(std::string_view domain, size_t count) {
  size_t at = domain.size();
  for (; count > 0 && at != domain.npos; --count) at = at == 0 ? domain.npos : domain.rfind('.', at - 1);
  return std::string(at == domain.npos ? domain : domain.substr(at + 1));
}

bool is_below(std::string_view domain, std::string_view above) {
  return domain.size() > above.size() && domain.ends_with(above) && domain[domain.size() - above.size() - 1] == '.';
}

// The one record at a name; several are none (RFC 9989 §4.10 step 2).
Task<Result<std::optional<Found>>> record_at(dns::Lookups lookups, std::string domain) {
  std::optional<Found> found;
  Task<Result<dns::Answer>> asking = dns::ask(lookups, "_dmarc." + domain, dns::Type::kTxt);
  const Result<dns::Answer> answer = co_await asking;
  if (!answer && answer.code() == Code::kInvalid) co_return found;  // too long a name for the DNS: it has no record
  if (!answer) co_return answer.error();
  size_t records = 0;
  for (const dns::Record& txt : answer->records)
    if (auto record = parse_dmarc_record(txt.data)) {
      ++records;
      found = Found{domain, txt.data, std::move(*record)};
    }
  if (records > 1) found.reset();
  co_return found;
}

struct Walk {
  std::vector<Found> found;
  std::optional<Error> cut;  // the DNS, before its end
};

// RFC 9989 §4.10: the records on the way up, from the longest name to the shortest.
Task<Walk> walk(dns::Lookups lookups, std::string domain) {
  Walk out;
  std::string target = domain;
  for (size_t query = 0; query < kMaxTreeQueries && !target.empty(); ++query) {
    Task<Result<std::optional<Found>>> asking = record_at(lookups, target);
    Result<std::optional<Found>> found = co_await asking;
    if (!found) {
      out.cut = found.error();
      break;
    }
    if (*found) {
      out.found.push_back(std::move(**found));
      const Psd psd = out.found.back().record.psd;
      if (psd == Psd::kNo || (psd == Psd::kYes && query > 0)) break;
    }
    const size_t left = labels(target);
    target = left == 1 ? "" : last_labels(target, std::min(left, kMaxTreeQueries) - 1);  // steps 5 and 8
  }
  co_return out;
}

// RFC 9989 §4.10.2.
std::string organizational_of(const std::string& domain, const std::vector<Found>& found) {
  for (const Found& f : found) {
    if (f.record.psd == Psd::kNo) return f.domain;
    if (f.record.psd == Psd::kYes && f.domain != domain) return last_labels(domain, labels(f.domain) + 1);
  }
  return found.empty() ? domain : found.back().domain;
}

// RFC 9989 §4.10.1: of the author's domain, else of its organisation, else of the public suffix above that.
const Found* applicable(const std::string& author, const std::string& organizational, const std::vector<Found>& found) {
  for (const Found& f : found)
    if (f.domain == author) return &f;
  for (const Found& f : found)
    if (f.domain == organizational) return &f;
  for (const Found& f : found)
    if (f.record.psd == Psd::kYes && is_below(organizational, f.domain)) return &f;
  return nullptr;
}

Policy milder(Policy policy) { return policy == Policy::kReject ? Policy::kQuarantine : Policy::kNone; }

// Whether the identifiers of one message belong to its author; remembers the walks.
class Alignment {
 public:
  Alignment(dns::Lookups lookups, std::string author, std::string organizational)
      : lookups_(lookups), author_(std::move(author)), organizational_(std::move(organizational)) {}

  // Errors: the DNS. What cannot be aligned by its name alone costs no query.
  Task<Result<bool>> of(std::string identifier, bool strict) {
    const std::string domain = message::ascii_domain(identifier);
    if (domain.empty()) co_return false;
    // What lies at the organisational domain is of that organisation, however its walk begins.
    if (domain == author_ || (!strict && domain == organizational_)) co_return true;
    if (strict || !is_below(domain, organizational_)) co_return false;
    if (const auto known = known_.find(domain); known != known_.end()) co_return known->second;
    if (known_.size() == kMaxTreeWalks - 1) co_return false;
    Task<Result<std::string>> asking = organizational_domain(lookups_, domain);
    const Result<std::string> theirs = co_await asking;
    if (!theirs) co_return theirs.error();
    co_return known_[domain] = *theirs == organizational_;
  }

 private:
  dns::Lookups lookups_;
  std::string author_, organizational_;
  std::map<std::string, bool> known_;
};

// RFC 8020: a name that does not exist, whatever type is asked for. A DNS that does not answer says that it does.
Task<bool> exists(dns::Lookups lookups, std::string domain) {
  Task<Result<dns::Answer>> asking = dns::ask(lookups, domain, dns::Type::kA);
  const Result<dns::Answer> answer = co_await asking;
  co_return !answer || answer->status != dns::Answer::Status::kNxDomain;
}

Dmarc without_author(size_t authors) {
  Dmarc out;
  out.result = Outcome::kPermerror;
  out.problem = authors > 1 ? "the message has authors of several domains" : "the message has no author with a domain";
  return out;
}

Dmarc passing(Dmarc out, const Error& why) {
  out.result = Outcome::kTemperror;
  out.problem = why.message;
  return out;
}

}  // namespace

Task<Result<std::string>> organizational_domain(dns::Lookups lookups, std::string domain) {
  Task<Walk> walking = walk(lookups, domain);
  const Walk way = co_await walking;
  if (way.cut) co_return *way.cut;
  co_return organizational_of(domain, way.found);
}

Task<Dmarc> check_dmarc(dns::Lookups lookups, DmarcQuery query) {
  std::vector<std::string> authors;
  for (const std::string& from : query.from_domains) authors.push_back(message::ascii_domain(from));
  std::sort(authors.begin(), authors.end());
  authors.erase(std::unique(authors.begin(), authors.end()), authors.end());
  if (authors.size() != 1 || authors.front().empty() || authors.front().front() == '[')
    co_return without_author(authors.size());

  Dmarc out;
  out.from_domain = authors.front();
  Task<Walk> walking = walk(lookups, out.from_domain);
  const Walk way = co_await walking;
  // Cut above the domain's own record, the walk may miss who else belongs to it, not what the domain itself has proven.
  const bool own = !way.found.empty() && way.found.front().domain == out.from_domain;
  if (way.cut && !own) co_return passing(out, *way.cut);
  out.organizational = organizational_of(out.from_domain, way.found);
  const Found* const at = applicable(out.from_domain, out.organizational, way.found);
  if (!at) co_return out;
  const DmarcRecord& record = at->record;
  if (record.bad_policy && record.rua.empty()) {
    out.problem = "the record at " + at->domain + " asks for a policy that there is not, and for no reports";
    co_return out;
  }
  out.record_domain = at->domain;
  out.record = at->text;
  out.testing = record.testing;
  out.rua = record.rua;
  // RFC 9990: a public suffix gets no reports of single messages.
  if (record.psd != Psd::kYes || at->domain == out.from_domain) out.ruf = record.ruf;
  out.published = record.bad_policy ? Policy::kNone : record.policy();
  out.policy = out.published;
  if (at->domain != out.from_domain && !record.bad_policy) {
    out.policy = record.sp.value_or(record.policy());
    if (record.np) {
      Task<bool> asking = exists(lookups, out.from_domain);
      const bool there = co_await asking;
      if (!there) out.policy = *record.np;
    }
  }
  if (out.testing) out.policy = milder(out.policy);
  if (record.bad_policy) out.problem = "the record at " + at->domain + " asks for a policy that there is not";

  // RFC 9989 §4.4. With a null reverse-path SPF speaks of the HELO name (RFC 7208 §2.4).
  Alignment alignment(lookups, out.from_domain, out.organizational);
  std::optional<Error> trouble = way.cut;
  const Spf& spf = query.mail_from.domain.empty() ? query.helo : query.mail_from;
  if (spf.result == Outcome::kPass || spf.result == Outcome::kTemperror) {
    Task<Result<bool>> asking = alignment.of(spf.domain, record.strict_spf);
    const Result<bool> aligned = co_await asking;
    if (!aligned)
      trouble = aligned.error();
    else if (*aligned && spf.result == Outcome::kTemperror)
      trouble = Error{Code::kUnavailable, "SPF could not be checked: " + spf.problem};
    else
      out.spf_aligned = *aligned;
  }
  for (const Dkim& dkim : query.dkim) {
    if (out.dkim_aligned) break;
    if ((dkim.result != Outcome::kPass && dkim.result != Outcome::kTemperror) || dkim.testing) continue;
    Task<Result<bool>> asking = alignment.of(dkim.domain, record.strict_dkim);
    const Result<bool> aligned = co_await asking;
    if (!aligned)
      trouble = aligned.error();
    else if (*aligned && dkim.result == Outcome::kTemperror)
      trouble = Error{Code::kUnavailable, "a signature of " + dkim.domain + " could not be checked: " + dkim.problem};
    else
      out.dkim_aligned = out.dkim_aligned || *aligned;
  }
  if (out.spf_aligned || out.dkim_aligned) {
    out.result = Outcome::kPass;
    co_return out;
  }
  if (trouble) co_return passing(out, *trouble);
  out.result = Outcome::kFail;
  if (out.problem.empty()) out.problem = "neither SPF nor DKIM proves " + out.from_domain;
  co_return out;
}

Task<Result<std::string>> report_destination(dns::Lookups lookups, std::string policy_domain, std::string uri) {
  const std::string address = mailto_address(uri);
  const std::string host = message::ascii_domain(address.substr(address.rfind('@') + 1));
  if (address.empty() || host.empty() || host.front() == '[') co_return std::string();
  Task<Result<std::string>> first = organizational_domain(lookups, policy_domain);
  const Result<std::string> ours = co_await first;
  if (!ours) co_return ours.error();
  if (host == *ours) co_return address;
  Task<Result<std::string>> second = organizational_domain(lookups, host);
  const Result<std::string> theirs = co_await second;
  if (!theirs) co_return theirs.error();
  if (*ours == *theirs) co_return address;

  Task<Result<dns::Answer>> third = dns::ask(lookups, policy_domain + "._report._dmarc." + host, dns::Type::kTxt);
  const Result<dns::Answer> answer = co_await third;
  if (!answer && answer.code() == Code::kInvalid) co_return std::string();  // step 4: too long a name
  if (!answer) co_return answer.error();
  for (const dns::Record& txt : answer->records) {
    const auto record = parse_dmarc_record(txt.data);
    if (!record) continue;
    if (record->rua.empty()) co_return address;
    // Step 9: elsewhere at the same host; when it names another host, nobody gets a report.
    const std::string other = mailto_address(record->rua.front());
    co_return message::ascii_domain(other.substr(other.rfind('@') + 1)) == host ? other : std::string();
  }
  co_return std::string();
}

}  // namespace pabal::trust
