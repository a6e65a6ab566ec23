#include "trust/observed.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "trust/dmarc_record.h"
#include "trust/report_row.h"

// Keys, all with expiry; a day is 4 octets:
//   V d DAY DOMAIN            -> record of the domain, how many rows, how many messages beyond the limit
//   V c DAY DOMAIN 0 HASH     -> count, row
//   V n DAY                   -> how many domains
namespace pabal::trust {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kDays = "Vd", kCounts = "Vc", kDomains = "Vn";

std::string day_key(uint32_t day, std::string_view domain) { return Encoder().raw(kDays).u32(day).raw(domain).take(); }
std::string rows_prefix(uint32_t day, std::string_view domain) {
  return Encoder().raw(kCounts).u32(day).raw(domain).u8(0).take();
}
Time expiry(uint32_t day) { return start_of_day(day + 1) + kObservedLife; }

std::string encode_day(const ObservedDay& d) {
  return Encoder().u8(kVersion).string(d.record).varint(d.rows).varint(d.left_out).take();
}
std::optional<ObservedDay> decode_day(uint32_t day, std::string_view domain, std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  ObservedDay out{day, std::string(domain), std::string(in.string()), in.varint(), in.varint()};
  if (!in.ok() || !in.done()) return {};
  return out;
}

bool wants_mail(const Dmarc& dmarc) {
  return std::any_of(dmarc.rua.begin(), dmarc.rua.end(),
                     [](const std::string& uri) { return !mailto_address(uri).empty(); });
}

bool is_in(std::string_view domain, std::string_view organizational) {
  return domain == organizational || (domain.ends_with(organizational) && domain.size() > organizational.size() &&
                                      domain[domain.size() - organizational.size() - 1] == '.');
}

// RFC 9990: the order in which signatures are told.
int rank(const Dkim& dkim, const Dmarc& dmarc) {
  if (dkim.result != Outcome::kPass) return 3;
  if (dkim.domain == dmarc.from_domain) return 0;
  return is_in(dkim.domain, dmarc.organizational) ? 1 : 2;
}

AggregateReport::Row row_of(const Verdict& verdict, const Observation& seen) {
  const Dmarc& dmarc = verdict.dmarc;
  const bool passed = dmarc.result == Outcome::kPass;
  AggregateReport::Row row;
  row.source_ip = seen.source_ip;
  row.disposition = passed ? "pass" : policy_name(seen.disposition);
  row.dkim = dmarc.dkim_aligned ? "pass" : "fail";
  row.spf = dmarc.spf_aligned ? "pass" : "fail";
  row.reasons = seen.reasons;
  if (!passed && dmarc.testing && dmarc.policy != dmarc.published) row.reasons.push_back({"policy_test_mode", ""});
  row.header_from = dmarc.from_domain;
  row.envelope_from = verdict.mail_from.domain;
  std::vector<const Dkim*> signatures;
  for (const Dkim& dkim : verdict.dkim) signatures.push_back(&dkim);
  std::sort(signatures.begin(), signatures.end(),
            [&](const Dkim* a, const Dkim* b) {  // among equals the first in the message
              return std::pair(rank(*a, dmarc), a) < std::pair(rank(*b, dmarc), b);
            });
  if (signatures.size() > kMaxKeptSignatures) signatures.resize(kMaxKeptSignatures);
  for (const Dkim* dkim : signatures)
    row.dkim_results.push_back({dkim->domain, dkim->selector, std::string(outcome_name(dkim->result)), ""});
  if (!verdict.mail_from.domain.empty())
    row.spf_results.push_back(
        {verdict.mail_from.domain, "mfrom", std::string(outcome_name(verdict.mail_from.result)), ""});
  return row;
}

// One more domain of that day, if it may be.
Result<bool> add_domain(store::Transaction& t, uint32_t day) {
  const std::string key = Encoder().raw(kDomains).u32(day).take();
  const auto record = t.get(key);
  if (!record) return record.error();
  const uint64_t domains = *record ? Decoder(**record).varint() : 0;
  if (domains >= kMaxObservedDomains) return false;
  t.put_until(key, Encoder().varint(domains + 1).view(), expiry(day));
  return true;
}

}  // namespace

Result<void> observe(store::Transaction& t, const Verdict& verdict, const Observation& seen) {
  const Dmarc& dmarc = verdict.dmarc;
  if ((dmarc.result != Outcome::kPass && dmarc.result != Outcome::kFail) || !wants_mail(dmarc)) return {};
  const uint32_t day = day_of(seen.at);
  const std::string key = day_key(day, dmarc.record_domain);
  const auto known = t.get(key);
  if (!known) return known.error();
  ObservedDay now{day, dmarc.record_domain, "", 0, 0};
  if (*known) {
    if (auto decoded = decode_day(day, dmarc.record_domain, **known)) now = std::move(*decoded);
  } else {
    const auto room = add_domain(t, day);
    if (!room) return room.error();
    if (!*room) return {};
  }
  bool changed = now.record != dmarc.record;
  now.record = dmarc.record;

  const std::string row = encode_row(row_of(verdict, seen));
  const std::string row_key = rows_prefix(day, dmarc.record_domain) + sha256(row).substr(0, 16);
  const auto had = t.get(row_key);
  if (!had) return had.error();
  const bool room = *had || now.rows < kMaxObservedRows;
  if (!*had) {
    ++(room ? now.rows : now.left_out);
    changed = true;
  }
  if (room) t.put_until(row_key, Encoder().varint(*had ? Decoder(**had).varint() + 1 : 1).raw(row).view(), expiry(day));
  if (changed) t.put_until(key, encode_day(now), expiry(day));
  return {};
}

Result<std::vector<ObservedDay>> observed_days(const store::Reader& r, Time now) {
  std::vector<ObservedDay> out;
  const auto done = r.scan({.begin = std::string(kDays), .end = day_key(day_of(now), "")},
                           [&](std::string_view key, std::string_view record) {
                             Decoder in(key.substr(kDays.size()));
                             const uint32_t day = in.u32();
                             if (auto one = decode_day(day, in.rest(), record)) out.push_back(std::move(*one));
                             return true;
                           });
  if (!done) return done.error();
  return out;
}

Result<std::vector<AggregateReport::Row>> observed_rows(const store::Reader& r, const ObservedDay& day) {
  std::vector<AggregateReport::Row> out;
  const auto done =
      r.scan(store::Range::prefix(rows_prefix(day.day, day.domain)), [&](std::string_view, std::string_view record) {
        Decoder in(record);
        const uint64_t messages = in.varint();
        if (auto row = decode_row(in.rest())) {
          row->count = messages;
          out.push_back(std::move(*row));
        }
        return true;
      });
  if (!done) return done.error();
  return out;
}

Result<void> forget(store::Transaction& t, const ObservedDay& day) {
  const auto rows = t.list(store::Range::prefix(rows_prefix(day.day, day.domain)));
  if (!rows) return rows.error();
  for (const store::Entry& row : *rows) t.erase(row.key);
  t.erase(day_key(day.day, day.domain));
  return {};
}

bool is_report_address(std::string_view address) {
  return text::istarts_with(address, kReportMailbox) && address.substr(kReportMailbox.size()).starts_with('@');
}

}  // namespace pabal::trust
