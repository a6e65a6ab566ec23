#include "app/dmarc_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/rooms.h"
#include "app/wait_for.h"
#include "base/codec.h"
#include "message/draft.h"
#include "net/io_loop.h"
#include "trust/dmarc.h"
#include "trust/failing.h"
#include "trust/unpack.h"

namespace pabal::app {
namespace {

using trust::AggregateReport;
using trust::ObservedDay;

constexpr seconds kDnsPatience{10};  // for all destinations of one record
constexpr days kReportLifetime{3};   // in the queue: the next ones follow
constexpr int64_t kDay = 86'400;

std::string report_address(const std::string& reporter) {
  return fmt::format("{}@{}", trust::kReportMailbox, reporter);
}

Time start_of(const ObservedDay& day) { return from_unix(int64_t{day.day} * kDay); }

// Who reports: the domain here that this host lies in, else the first that can sign (RFC 9990: reports pass
// DMARC themselves). "": none.
Result<std::string> reporter_of(const Rooms& rooms) {
  const auto domains = rooms.directory->domains(*rooms.store);
  if (!domains) return domains.error();
  const identity::Domain* best = nullptr;
  const auto worth = [&](const identity::Domain& d) {
    const bool ours = rooms.hostname == d.name || rooms.hostname.ends_with("." + d.name);
    const bool signs = std::any_of(d.dkim_keys.begin(), d.dkim_keys.end(), [](const identity::DkimKey& key) {
      return key.state == identity::DkimKey::State::kActive;
    });
    return (signs ? 2 : 0) + (ours ? 1 : 0);
  };
  for (const identity::Domain& d : *domains)
    if (d.enabled && (!best || worth(d) > worth(*best))) best = &d;
  return best ? best->name : std::string();
}

// Where the owner wants it, as far as those places agree. An error: ask again later.
Result<std::vector<std::string>> destinations(dns::Resolver& resolver, const std::string& domain,
                                              const std::vector<std::string>& uris) {
  std::vector<std::string> out;
  net::IoLoops loops(1);
  net::Loop& loop = loops.loop(0);
  const dns::Lookups lookups{loop, resolver, loop.now() + kDnsPatience};
  for (size_t i = 0; i < uris.size() && i < kMaxReportTo; ++i) {
    const auto to = wait_for(loop, trust::report_destination(lookups, domain, uris[i]));
    if (!to) return to.error();
    if (!to->empty() && std::find(out.begin(), out.end(), *to) == out.end()) out.push_back(*to);
  }
  return out;
}

message::AddressItem address_item(const std::string& address, const std::string& display = "") {
  message::AddressItem item;
  item.display = display;
  item.local = address.substr(0, address.rfind('@'));
  item.domain = address.substr(address.rfind('@') + 1);
  if (const auto parsed = message::parse_addr_spec(address, true)) item.local = parsed->local;
  return item;
}

// RFC 9990: subject and file name are for programs.
Result<std::string> write_mail(Rooms& rooms, const AggregateReport& report, const std::string& reporter,
                               const std::vector<std::string>& to, const std::string& id) {
  message::Draft draft;
  draft.from = {address_item(report.email, "DMARC reports of " + reporter)};
  for (const std::string& address : to) draft.to.push_back(address_item(address));
  draft.subject = fmt::format("Report Domain: {} Submitter: {} Report-ID: <{}>", report.published.domain, reporter,
                              report.report_id);
  draft.date = rooms.clock.now();
  draft.message_id = "<" + report.report_id + ">";
  draft.more = {{"Auto-Submitted", "auto-generated"}};  // RFC 3834
  draft.text = fmt::format("This is a DMARC aggregate report of {} about mail from {}, for programs to read.\n",
                           reporter, report.published.domain);
  message::Attachment file;
  file.file_name =
      fmt::format("{}!{}!{}!{}!{}.xml.gz", reporter, report.published.domain, report.begin, report.end, id);
  file.type = "application/gzip";
  file.content = trust::gzip(trust::to_xml(report));
  draft.attachments.push_back(std::move(file));
  return message::build(draft, rooms.random);
}

// The mail, its place in the queue and the end of what it tells: all or nothing.
Result<std::string> post(Rooms& rooms, const std::string& about, const std::string& reporter,
                         const std::vector<std::string>& to, std::string mail, const store::Work& forget) {
  const auto prepared = mailbox::prepare(std::move(mail));
  queue::Entry entry = queue::letter_entry(rooms.ids->next(), prepared->structure, prepared->bytes->size(),
                                           report_address(reporter), to, rooms.clock.now(), kReportLifetime);
  entry.body = rooms.mailboxes->new_body_id();
  const auto done = rooms.store->transact_and_wait([&](store::Transaction& t) -> Result<void> {
    if (const auto put = rooms.mailboxes->put_body(t, entry.body, *prepared); !put) return put;
    if (const auto held = rooms.mailboxes->hold_body(t, entry.body); !held) return held;
    if (const auto added = rooms.queue->add(t, entry); !added) return added;
    for (const queue::Recipient& r : entry.recipients) {
      watch::Event event;
      event.at = entry.created;
      event.id = id_text(entry.id);
      event.message_id = entry.message_id;
      event.station = "queue";
      event.action = "queued";
      event.reverse_path = entry.reverse_path;
      event.recipient = r.address;
      event.reason = "DMARC report about " + about;
      rooms.trace->record(t, event);
    }
    return forget(t);
  });
  if (!done) return done.error();
  return id_text(entry.id);
}

// One domain and day. An error: again later.
Result<std::string> report_day(Rooms& rooms, dns::Resolver& resolver, const ObservedDay& day,
                               const std::string& reporter) {
  const auto record = trust::parse_dmarc_record(day.record);
  const auto to = destinations(resolver, day.domain, record ? record->rua : std::vector<std::string>());
  if (!to) return to.error();
  const store::Work forget = [&](store::Transaction& t) { return trust::forget(t, day); };
  if (to->empty()) {
    if (const auto done = rooms.store->transact_and_wait(forget); !done) return done.error();
    return "none about " + day.domain + ": where its record wants it nobody agrees to have it";
  }
  auto rows = trust::observed_rows(*rooms.store, day);
  if (!rows) return rows.error();
  const std::string id = id_text(rooms.ids->next());
  const AggregateReport report = make_report(day, std::move(*rows), reporter, id, rooms.clock.now());
  auto mail = write_mail(rooms, report, reporter, *to, id);
  if (!mail) return mail.error();
  const auto queued = post(rooms, day.domain, reporter, *to, std::move(*mail), forget);
  if (!queued) return queued.error();
  return fmt::format("about {} to {}, queued as {}", day.domain, fmt::join(*to, ", "), *queued);
}

// One message that failed. An error: again later.
Result<std::string> report_failing(Rooms& rooms, dns::Resolver& resolver, const trust::WaitingFailing& one,
                                   const std::string& reporter) {
  const trust::Failing& failing = one.failing;
  const auto to = destinations(resolver, failing.domain, failing.ruf);
  if (!to) return to.error();
  const store::Work forget = [&](store::Transaction& t) -> Result<void> { return t.erase(one.key), Result<void>(); };
  if (to->empty()) {
    if (const auto done = rooms.store->transact_and_wait(forget); !done) return done.error();
    return "none about a message of " + failing.from_domain + ": where its record wants it nobody agrees to have it";
  }
  trust::FailureLetter letter;
  letter.from = report_address(reporter);
  letter.hostname = rooms.hostname;
  letter.message_id = fmt::format("<{}@{}>", id_text(rooms.ids->next()), reporter);
  letter.to = *to;
  letter.now = rooms.clock.now();
  const auto queued = post(rooms, failing.from_domain, reporter, *to, trust::build_failure(failing, letter), forget);
  if (!queued) return queued.error();
  return fmt::format("about a message of {} to {}, queued as {}", failing.from_domain, fmt::join(*to, ", "), *queued);
}

}  // namespace

Time report_due(const ObservedDay& day, std::string_view reporter) {
  const uint64_t spread =
      hash64(day.domain + " " + std::string(reporter)) % static_cast<uint64_t>(seconds(kReportsWithin).count());
  return start_of(day) + days(1) + kReportsAfter + seconds(spread);
}

AggregateReport make_report(const ObservedDay& day, std::vector<AggregateReport::Row> rows, std::string_view reporter,
                            std::string_view id, Time now) {
  AggregateReport out;
  out.org_name = reporter;
  out.email = report_address(std::string(reporter));
  out.report_id = fmt::format("{}@{}", id, reporter);
  out.generator = "Pabal";
  out.begin = int64_t{day.day} * kDay;
  out.end = std::min(out.begin + kDay - 1, to_unix(now));
  if (day.left_out > 0)
    out.errors.push_back(fmt::format("{} messages of further kinds are not in this report", day.left_out));
  const auto record = trust::parse_dmarc_record(day.record).value_or(trust::DmarcRecord());
  auto& p = out.published;
  p.domain = day.domain;
  p.discovery_method = "treewalk";
  p.p = trust::policy_name(record.policy());
  p.sp = trust::policy_name(record.sp.value_or(record.policy()));
  if (record.np) p.np = trust::policy_name(*record.np);
  p.fo = record.fo;
  p.adkim = record.strict_dkim ? "s" : "r";
  p.aspf = record.strict_spf ? "s" : "r";
  p.testing = record.testing ? "y" : "n";
  if (record.bad_policy) out.errors.emplace_back("p=, sp= or np= is not a policy: taken for p=none");
  out.rows = std::move(rows);
  return out;
}

Result<SentReports> send_reports(Rooms& rooms, dns::Resolver& resolver, bool all, const std::function<bool()>& stop) {
  const auto reporter = reporter_of(rooms);
  if (!reporter) return reporter.error();
  const Time now = rooms.clock.now();
  auto due = trust::observed_days(*rooms.store, all ? now + days(1) : now);
  if (!due) return due.error();
  const auto failing = trust::waiting_failing(*rooms.store, kReportsAtOnce);
  if (!failing) return failing.error();
  if (!all) std::erase_if(*due, [&](const ObservedDay& day) { return report_due(day, *reporter) > now; });
  SentReports out;
  if (due->empty() && failing->empty()) return out;
  if (reporter->empty()) return Error{Code::kNotFound, "there is no domain here that reports could come from"};
  // One whose DNS does not answer does not keep the same others waiting each time.
  for (size_t i = due->size(); i > 1; --i) std::swap((*due)[i - 1], (*due)[rooms.random.below(i)]);
  if (!all && due->size() > kReportsAtOnce) due->resize(kReportsAtOnce);
  for (const ObservedDay& day : *due) {
    if (stop()) return out;
    const auto done = report_day(rooms, resolver, day, *reporter);
    out.told.push_back(done ? *done : "none about " + day.domain + " yet: " + done.error().message);
    out.sent += done && done->starts_with("about ") ? 1 : 0;
  }
  for (const trust::WaitingFailing& one : *failing) {
    if (stop()) return out;
    const auto done = report_failing(rooms, resolver, one, *reporter);
    out.told.push_back(done ? *done : "none about " + one.failing.from_domain + " yet: " + done.error().message);
    out.sent += done && done->starts_with("about ") ? 1 : 0;
  }
  return out;
}

}  // namespace pabal::app
