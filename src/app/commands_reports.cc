// reports: what other servers report about our domains, and ours about theirs.
#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <tuple>

#include "app/commands_impl.h"
#include "app/dmarc_job.h"
#include "app/table.h"
#include "base/text.h"
#include "trust/failing.h"
#include "trust/reported.h"

namespace pabal::app {
namespace {

namespace json = boost::json;

// Messages that one sender has sent as one domain with one outcome, of all reports together.
struct Sender {
  std::string source_ip, header_from, spf, dkim, disposition;
  uint64_t messages = 0;
  std::set<std::string> reporters, proves;  // proves: "spf example.com", "dkim example.com/s1": what passed
  bool proven() const { return spf == "pass" || dkim == "pass"; }
};

Result<std::vector<Sender>> senders_of(const store::Reader& r, const std::string& domain, Time since) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<Key, Sender> found;
  const auto done = trust::each_reported_row(r, domain, since, [&](const trust::ReportedRow& reported) {
    const auto& row = reported.row;
    Sender& s = found[{row.source_ip, row.header_from, row.spf, row.dkim, row.disposition}];
    if (s.messages == 0) {
      s.source_ip = row.source_ip;
      s.header_from = row.header_from;
      s.spf = row.spf;
      s.dkim = row.dkim;
      s.disposition = row.disposition;
    }
    s.messages += std::min(row.count, UINT64_MAX - s.messages);
    s.reporters.insert(reported.reporter);
    for (const auto& dkim : row.dkim_results)
      if (dkim.result == "pass" && s.proves.size() < 10) s.proves.insert("dkim " + dkim.domain + "/" + dkim.selector);
    for (const auto& spf : row.spf_results)
      if (spf.result == "pass" && s.proves.size() < 10) s.proves.insert("spf " + spf.domain);
    return true;
  });
  if (!done) return done.error();
  std::vector<Sender> out;
  for (auto& [key, sender] : found) out.push_back(std::move(sender));
  // What fails first, then by number.
  std::sort(out.begin(), out.end(), [](const Sender& a, const Sender& b) {
    return std::tuple(a.proven(), b.messages, a.source_ip, a.header_from, a.spf, a.dkim, a.disposition) <
           std::tuple(b.proven(), a.messages, b.source_ip, b.header_from, b.spf, b.dkim, b.disposition);
  });
  return out;
}

std::string listed(const std::set<std::string>& words, size_t most) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    if (out.size() == most) {
      out.push_back(fmt::format("{} more", words.size() - most));
      break;
    }
    out.push_back(word);
  }
  return out.empty() ? "-" : text::join(out, ", ");
}

std::string or_dash(const std::string& s) { return s.empty() ? "-" : s; }

void show_table(Call& call, const std::string& domain, const std::vector<Sender>& senders, int64_t span_days,
                size_t limit) {
  uint64_t all = 0, good = 0;
  std::vector<std::vector<std::string>> rows;
  for (const Sender& s : senders) {
    all += std::min(s.messages, UINT64_MAX - all);
    if (s.proven()) good += std::min(s.messages, UINT64_MAX - good);
    if (rows.size() < limit)
      rows.push_back({s.source_ip, std::to_string(s.messages), or_dash(s.spf), or_dash(s.dkim), or_dash(s.disposition),
                      or_dash(s.header_from), listed(s.proves, 2), listed(s.reporters, 3)});
  }
  call.say(fmt::format("{}, last {} {}: {} messages, {} proven by SPF or DKIM, {} not\n", domain, span_days,
                       span_days == 1 ? "day" : "days", all, good, all - good));
  call.say(table({"SENDER", "MESSAGES", "SPF", "DKIM", "DONE", "FROM", "PASSED", "REPORTED BY"}, rows));
  if (senders.size() > limit) call.say(fmt::format("and {} more senders; for more: --limit\n", senders.size() - limit));
}

json::array to_json(const std::string& domain, const std::vector<Sender>& senders) {
  json::array out;
  for (const Sender& s : senders) {
    json::array reporters, proves;
    for (const std::string& one : s.reporters) reporters.emplace_back(one);
    for (const std::string& one : s.proves) proves.emplace_back(one);
    out.push_back({{"domain", domain},
                   {"source_ip", s.source_ip},
                   {"messages", s.messages},
                   {"spf", s.spf},
                   {"dkim", s.dkim},
                   {"disposition", s.disposition},
                   {"header_from", s.header_from},
                   {"passed", proves},
                   {"reporters", reporters}});
  }
  return out;
}

// The domain asked for, or all of ours.
std::vector<std::string> wanted_domains(Call& call, const std::string& name) {
  std::vector<std::string> out;
  if (!name.empty()) {
    if (const auto domain = need_domain(call, name)) out.push_back(domain->name);
    return out;
  }
  const auto domains = call.rooms->directory->domains(*call.rooms->store);
  if (!domains) return call.fail(domains.error()), out;
  for (const auto& domain : *domains) out.push_back(domain.name);
  return out;
}

void reports_dmarc(Call& call, const Words& w) {
  const Time since = call.rooms->clock.now() - days(w.report_days);
  json::array all;
  bool any = false;
  for (const std::string& domain : wanted_domains(call, w.name)) {
    const auto senders = senders_of(*call.rooms->store, domain, since);
    if (!senders) return call.fail(senders.error());
    if (w.json) {
      for (auto& one : to_json(domain, *senders)) all.push_back(std::move(one));
    } else if (!senders->empty()) {
      if (any) call.say("\n");
      show_table(call, domain, *senders, w.report_days, w.limit);
      any = true;
    }
  }
  if (call.output.exit != 0) return;
  if (w.json) return call.say(json::serialize(all) + "\n");
  if (!any)
    call.say(
        fmt::format("nothing was reported in the last {} days; reports come to {}@DOMAIN when its DMARC record says "
                    "so: pabal dns DOMAIN\n",
                    w.report_days, trust::kReportMailbox));
}

std::string day_text(int64_t unix_seconds) { return to_rfc3339(from_unix(unix_seconds)).substr(0, 10); }

void reports_list(Call& call, const Words& w) {
  std::vector<std::vector<std::string>> reports, failures;
  for (const std::string& domain : wanted_domains(call, w.name)) {
    const auto notes = trust::report_notes(*call.rooms->store, domain, w.limit);
    if (!notes) return call.fail(notes.error());
    for (const auto& n : *notes)
      reports.push_back({to_rfc3339(n.at).substr(0, 16), n.about, n.org_name, day_text(n.begin),
                         std::to_string(n.messages), std::to_string(n.rows), n.report_id});
    const auto failed = trust::failure_notes(*call.rooms->store, domain, w.limit);
    if (!failed) return call.fail(failed.error());
    for (const auto& f : *failed)
      failures.push_back({to_rfc3339(f.at).substr(0, 16), f.report.reported_domain, or_dash(f.report.source_ip),
                          or_dash(f.report.auth_failure), or_dash(f.report.header_from),
                          std::string(message::utf8_prefix(f.report.subject, 80))});
  }
  if (call.output.exit != 0) return;
  if (reports.empty() && failures.empty()) return call.say("no reports have come\n");
  if (!reports.empty())
    call.say(table({"CAME", "ABOUT", "REPORTED BY", "DAY", "MESSAGES", "KINDS", "REPORT-ID"}, reports));
  if (!failures.empty())
    call.say((reports.empty() ? "" : "\n") +
             table({"CAME", "ABOUT", "SENDER", "FAILURE", "FROM", "SUBJECT"}, failures));
}

void reports_failures(Call& call, const Words& w) {
  if (!w.other.empty()) {
    const bool on = w.other == "on";
    if (!call.commit([&](store::Transaction& t) { return trust::tell_failures(t, on); })) return;
  }
  const auto on = trust::failures_told(*call.rooms->store);
  if (!on) return call.fail(on.error());
  call.say(*on ? "reports of single messages are on: owners who ask for them (ruf=) get the header of mail that fails\n"
               : "reports of single messages are off; to switch them on: pabal reports failures on\n");
}

void reports_send(Call& call, const Words&) {
  std::unique_ptr<dns::Resolver> own;
  if (!call.rooms->resolver) {
    auto opened = open_resolver(call.rooms->config);
    if (!opened) return call.fail(opened.error());
    own = std::move(*opened);
  }
  const auto sent = send_reports(*call.rooms, own ? *own : *call.rooms->resolver, true);
  if (!sent) return call.fail(sent.error());
  for (const std::string& line : sent->told) call.say(line + "\n");
  call.say(sent->told.empty() ? "there is nothing to report\n" : fmt::format("{} sent\n", sent->sent));
}

}  // namespace

void add_report_commands(const Command& app, Call& call, Words& w) {
  Command reports = app.add("reports", "DMARC reports: who sends as our domains, and what fails");
  reports.need_subcommand();
  Command dmarc = add(reports, call, "dmarc", "Who sends as a domain by what others report; what fails first",
                      [&w](Call& c) { reports_dmarc(c, w); });
  dmarc.option("domain", w.name, "one of ours; all when left out").type_name("");
  dmarc.option("--days", w.report_days, "of the last N days (default 30)").range(1, 400).type_name("N");
  dmarc.flag("--json", w.json, "as JSON, for programs");
  add_limit(dmarc, w, "senders");
  Command list =
      add(reports, call, "list", "The reports that have come in, newest first", [&w](Call& c) { reports_list(c, w); });
  list.option("domain", w.name, "one of ours; all when left out").type_name("");
  add_limit(list, w, "reports");
  Command failures = add(reports, call, "failures", "Whether owners hear of single messages that fail (ruf=)",
                         [&w](Call& c) { reports_failures(c, w); });
  failures.option("state", w.other, "on or off; left out: say which it is").one_of({"on", "off"}).type_name("");
  failures.footer(
      "They are off at first: such a report (RFC 9991) holds the header of the message, with the addresses and the\n"
      "subject in it, and goes to whom the record of the author's domain names. 50 a day of one domain at most.\n");
  add(reports, call, "send", "Send our reports to the owners of other domains now, without waiting for the night",
      [&w](Call& c) { reports_send(c, w); });
}

}  // namespace pabal::app
