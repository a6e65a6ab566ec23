#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "app/dns_advice.h"
#include "base/text.h"

namespace pabal::app {
namespace {

namespace json = boost::json;
using Group = Advice::Group;
using State = Advice::State;
using Theme = Advice::Theme;

constexpr size_t kWidth = 100;  // of a line, before a TXT record is broken into several
constexpr size_t kPiece = 70;   // octets of its value a line

constexpr std::pair<Group, const char*> kGroups[] = {{Group::kDelivery, "Mail fails without"},
                                                     {Group::kTrust, "Others do not trust it without"},
                                                     {Group::kBetter, "Better still"}};
constexpr std::pair<Theme, const char*> kThemes[] = {{Theme::kIpv6, "IPv6"},
                                                     {Theme::kDnssec, "DNSSEC"},
                                                     {Theme::kAuthenticity, "DMARC, DKIM and SPF"},
                                                     {Theme::kTls, "DANE and CAA"}};

std::string_view state_name(State state) {
  constexpr std::string_view kNames[] = {"ok", "missing", "differs", "cannot tell", "optional"};
  return kNames[static_cast<size_t>(state)];
}

bool needs_attention(const Advice& one) {
  return one.state == State::kMissing || one.state == State::kDiffers || one.state == State::kCannotTell;
}

// A record as it can be pasted into a zone, in several lines where it is long (RFC 1035 §5.1).
std::vector<std::string> lines_of(const WantedRecord& wanted) {
  std::vector<std::string> out{zone_line(wanted)};
  if (out.front().size() <= kWidth || wanted.record.type != dns::Type::kTxt) return out;
  WantedRecord piece = wanted;
  const std::string_view value = wanted.record.data;
  out.front() = wanted.name + ". TXT (";
  for (size_t at = 0; at < value.size(); at += kPiece) {
    piece.record.data = value.substr(at, kPiece);
    out.push_back("    " + rdata_text(piece.record));
  }
  out.back() += " )";
  return out;
}

struct Score {
  size_t good = 0, all = 0;
};
Score score_of(const std::vector<Advice>& advice, Theme theme) {
  Score out;
  for (const Advice& one : advice) {
    if (one.theme != theme) continue;
    ++out.all;
    out.good += one.state == State::kOk ? 1 : 0;
  }
  return out;
}

}  // namespace

std::string advice_text(const DnsPlan& plan, const std::vector<Advice>& advice) {
  std::string out = fmt::format("{}, mail at {}\n", plan.domain.name, plan.hostname);
  const std::string below(14, ' ');
  for (const auto& [group, title] : kGroups) {
    if (std::none_of(advice.begin(), advice.end(), [&](const Advice& one) { return one.group == group; })) continue;
    out += fmt::format("\n{}\n", title);
    for (const Advice& one : advice) {
      if (one.group != group) continue;
      const std::string mark =
          needs_attention(one) ? text::uppered(state_name(one.state)) : std::string(state_name(one.state));
      out += fmt::format("  {:<12}{}: {}\n", mark, one.subject, one.seen);
      if (!one.problem.empty()) out += below + one.problem + "\n";
      if (!one.fix.empty()) out += below + "to do: " + one.fix + (one.publish.empty() ? "\n" : ":\n");
      for (const WantedRecord& record : one.publish)
        for (const std::string& line : lines_of(record)) out += below + "  " + line + "\n";
    }
  }
  out += "\nOf internet.nl's mail test: ";
  for (const auto& [theme, name] : kThemes) {
    const Score score = score_of(advice, theme);
    out += fmt::format("{}{} {} of {}", theme == kThemes[0].first ? "" : "; ", name, score.good, score.all);
  }
  const auto bad = std::count_if(advice.begin(), advice.end(), needs_attention);
  return out +
         (bad ? fmt::format("\n{} of {} need attention.\n", bad, advice.size()) : "\nAll that is needed is there.\n");
}

std::string advice_json(const DnsPlan& plan, const std::vector<WantedRecord>& wanted,
                        const std::vector<Advice>& advice) {
  constexpr std::string_view kGroupNames[] = {"delivery", "trust", "better"};
  json::array records, checks;
  for (const WantedRecord& one : wanted)
    records.push_back({{"name", one.name},
                       {"type", rdata_type(one.record.type)},
                       {"value", one.record.type == dns::Type::kTxt ? one.record.data : rdata_text(one.record)},
                       {"zone", zone_line(one)}});
  for (const Advice& one : advice) {
    json::array publish;
    for (const WantedRecord& record : one.publish) publish.emplace_back(zone_line(record));
    checks.push_back({{"group", kGroupNames[static_cast<size_t>(one.group)]},
                      {"subject", one.subject},
                      {"state", state_name(one.state)},
                      {"seen", one.seen},
                      {"problem", one.problem},
                      {"fix", one.fix},
                      {"publish", std::move(publish)}});
  }
  json::object score;
  for (const auto& [theme, name] : kThemes) {
    const Score of = score_of(advice, theme);
    score[name] = json::object{{"good", of.good}, {"all", of.all}};
  }
  return json::serialize(json::object{{"domain", plan.domain.name},
                                      {"hostname", plan.hostname},
                                      {"good", all_good(advice)},
                                      {"records", std::move(records)},
                                      {"checks", std::move(checks)},
                                      {"score", std::move(score)}}) +
         "\n";
}

}  // namespace pabal::app
