#include "trust/reported.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "trust/report_row.h"

// Keys, all with expiry; DOMAIN is one of ours:
//   V a DOMAIN 0 DAY HASH   -> count, reporter, row: the sums
//   V l DOMAIN 0 TIME HASH  -> a report that came in
//   V s HASH                -> a report that was had: of reporter, domain, time and id
//   V x DOMAIN 0 TIME HASH  -> a failure report
//   V k DAY DOMAIN          -> what the day has brought: reports, rows, failures
namespace pabal::trust {
namespace {

constexpr uint8_t kVersion = 1;
constexpr std::string_view kSums = "Va", kNotes = "Vl", kSeen = "Vs", kFailures = "Vx", kBrought = "Vk";

std::string prefix(std::string_view kind, std::string_view domain) {
  return Encoder().raw(kind).raw(domain).u8(0).take();
}
std::string stamped(std::string_view kind, std::string_view domain, Time at, std::string_view record) {
  return Encoder().raw(prefix(kind, domain)).u64(static_cast<uint64_t>(to_micros(at))).u64(hash64(record)).take();
}

struct Brought {
  uint64_t reports = 0, rows = 0, failures = 0;
};
std::string brought_key(std::string_view domain, Time now) {
  return Encoder().raw(kBrought).u32(day_of(now)).raw(domain).take();
}
Result<Brought> brought(const store::Reader& r, std::string_view domain, Time now) {
  const auto record = r.get(brought_key(domain, now));
  if (!record) return record.error();
  Brought out;
  if (!*record) return out;
  Decoder in(**record);
  out.reports = in.varint();
  out.rows = in.varint();
  out.failures = in.varint();
  return out;
}
void put(store::Transaction& t, std::string_view domain, Time now, const Brought& b) {
  t.put_until(brought_key(domain, now), Encoder().varint(b.reports).varint(b.rows).varint(b.failures).view(),
              now + days(2));
}

std::string encode_note(const ReportNote& n) {
  Encoder out;
  out.u8(kVersion).u64(static_cast<uint64_t>(to_micros(n.at)));
  for (const std::string* s : {&n.org_name, &n.email, &n.report_id, &n.about})
    out.string(std::string_view(*s).substr(0, 255));
  return out.varint(static_cast<uint64_t>(n.begin))
      .varint(static_cast<uint64_t>(n.end))
      .varint(n.rows)
      .varint(n.messages)
      .varint(n.left_out)
      .take();
}
std::optional<ReportNote> decode_note(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  ReportNote n;
  n.at = from_micros(static_cast<int64_t>(in.u64()));
  for (std::string* s : {&n.org_name, &n.email, &n.report_id, &n.about}) *s = in.string();
  n.begin = static_cast<int64_t>(in.varint());
  n.end = static_cast<int64_t>(in.varint());
  for (uint64_t* u : {&n.rows, &n.messages, &n.left_out}) *u = in.varint();
  if (!in.ok() || !in.done()) return {};
  return n;
}

// The texts of a failure report, for both directions.
template <typename Report>
auto texts(Report& f) {
  return std::array{
      &f.feedback_type,   &f.user_agent,    &f.auth_failure,          &f.delivery_result,  &f.identity_alignment,
      &f.reported_domain, &f.source_ip,     &f.original_mail_from,    &f.original_rcpt_to, &f.original_envelope_id,
      &f.dkim_domain,     &f.dkim_selector, &f.dkim_identity,         &f.spf_dns,          &f.header_from,
      &f.subject,         &f.message_id,    &f.authentication_results};
}
std::string encode_failure(const FailureReport& f, Time at) {
  Encoder out;
  out.u8(kVersion).u64(static_cast<uint64_t>(to_micros(at))).boolean(f.arrived.has_value());
  out.u64(static_cast<uint64_t>(to_micros(f.arrived.value_or(at)))).varint(f.incidents);
  for (const std::string* s : texts(f)) out.string(*s);
  return out.take();
}
std::optional<FailureNote> decode_failure(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  FailureNote n;
  n.at = from_micros(static_cast<int64_t>(in.u64()));
  const bool arrived = in.boolean();
  const Time at = from_micros(static_cast<int64_t>(in.u64()));
  if (arrived) n.report.arrived = at;
  n.report.incidents = in.varint();
  for (std::string* s : texts(n.report)) *s = in.string();
  if (!in.ok() || !in.done()) return {};
  return n;
}

template <typename Note, typename Decode>
Result<std::vector<Note>> newest(const store::Reader& r, const std::string& from, size_t limit, Decode decode) {
  std::vector<Note> out;
  store::Range range = store::Range::prefix(from);
  range.reverse = true;
  range.limit = limit;
  const auto done = r.scan(range, [&](std::string_view, std::string_view record) {
    if (auto note = decode(record)) out.push_back(std::move(*note));
    return true;
  });
  if (!done) return done.error();
  return out;
}

}  // namespace

Result<std::string> keep_report(store::Transaction& t, std::string_view domain, const AggregateReport& report,
                                Time now) {
  // Two days ahead: clocks and time zones of others.
  if (from_unix(report.begin) > now + days(2) || from_unix(report.begin) < now - kReportedLife)
    return Error{Code::kInvalid, "the report is of a time that is too long ago, or has not come yet"};
  const std::string identity = Encoder()
                                   .string(report.org_name)
                                   .string(report.report_id)
                                   .string(report.published.domain)
                                   .u64(static_cast<uint64_t>(report.begin))
                                   .take();
  const std::string seen_key = std::string(kSeen) + sha256(identity).substr(0, 16);
  const auto seen = t.get(seen_key);
  if (!seen) return seen.error();
  if (*seen) return Error{Code::kExists, "the report has come before"};
  auto today = brought(t, domain, now);
  if (!today) return today.error();
  if (today->reports >= kMaxReportsADay)
    return Error{Code::kLimit, "too many reports about " + std::string(domain) + " today"};
  ++today->reports;

  ReportNote note{
      now, report.org_name, report.email, report.report_id, report.published.domain, report.begin, report.end, 0, 0, 0};
  const uint32_t day = day_of(from_unix(report.begin));
  const Time expires = start_of_day(day) + kReportedLife;
  for (const AggregateReport::Row& row : report.rows) {
    const std::string record =
        Encoder().string(std::string_view(report.org_name).substr(0, 255)).raw(encode_row(row)).take();
    const std::string key = Encoder().raw(prefix(kSums, domain)).u32(day).raw(sha256(record).substr(0, 16)).take();
    const auto had = t.get(key);
    if (!had) return had.error();
    if (!*had && today->rows >= kMaxReportedRowsADay) {
      ++note.left_out;
      continue;
    }
    today->rows += *had ? 0 : 1;
    ++note.rows;
    const auto add = [](uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; };
    note.messages = add(note.messages, row.count);
    t.put_until(key, Encoder().varint(add(*had ? Decoder(**had).varint() : 0, row.count)).raw(record).view(), expires);
  }
  put(t, domain, now, *today);
  t.put_until(seen_key, "", now + kReportedLife);
  const std::string encoded = encode_note(note);
  t.put_until(stamped(kNotes, domain, now, encoded), encoded, now + kReportedLife);
  return std::to_string(note.messages) + (note.messages == 1 ? " message of " : " messages of ") +
         std::to_string(note.rows) + (note.rows == 1 ? " kind" : " kinds") +
         (note.left_out ? ", " + std::to_string(note.left_out) + " kinds beyond the limit left out" : "");
}

Result<void> keep_failure(store::Transaction& t, std::string_view domain, const FailureReport& report, Time now) {
  auto today = brought(t, domain, now);
  if (!today) return today.error();
  if (today->failures >= kMaxFailuresADay)
    return Error{Code::kLimit, "too many failure reports about " + std::string(domain) + " today"};
  ++today->failures;
  put(t, domain, now, *today);
  const std::string encoded = encode_failure(report, now);
  t.put_until(stamped(kFailures, domain, now, encoded), encoded, now + kReportedLife);
  return {};
}

Result<void> each_reported_row(const store::Reader& r, std::string_view domain, Time since,
                               const std::function<bool(const ReportedRow&)>& visit) {
  const std::string all = prefix(kSums, domain);
  store::Range range = store::Range::prefix(all);
  range.begin = Encoder().raw(all).u32(day_of(since)).take();
  return r.scan(range, [&](std::string_view key, std::string_view record) {
    Decoder in(record);
    const uint64_t messages = in.varint();
    ReportedRow out;
    out.day = Decoder(key.substr(all.size())).u32();
    out.reporter = in.string();
    auto row = decode_row(in.rest());
    if (!in.ok() || !row) return true;
    out.row = std::move(*row);
    out.row.count = messages;
    return visit(out);
  });
}

Result<std::vector<ReportNote>> report_notes(const store::Reader& r, std::string_view domain, size_t limit) {
  return newest<ReportNote>(r, prefix(kNotes, domain), limit, decode_note);
}

Result<std::vector<FailureNote>> failure_notes(const store::Reader& r, std::string_view domain, size_t limit) {
  return newest<FailureNote>(r, prefix(kFailures, domain), limit, decode_failure);
}

}  // namespace pabal::trust
