// The published suites: openspf's for RFC 7208, the older one for RFC 4408, and mail-auth's. Where they want what RFC
// 7208 does not, the difference is listed with its place.
#include <arpa/inet.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>
#include <set>

#include "trust/ip.h"
#include "trust/spf.h"
#include "trust/test_dns.h"

namespace pabal::trust {
namespace {

using dns::Answer;
using dns::Record;
using dns::Type;
using test::FunctionDns;

// The zonedata of a scenario.
struct Zone {
  std::map<std::pair<std::string, Type>, std::vector<Record>> records;
  std::map<std::string, std::string> aliases;
  std::set<std::string> names, dead;  // those that are there, and those that do not answer

  void add(const std::string& name, Type type, std::string data, uint16_t preference = 0) {
    names.insert(name);
    records[{name, type}].push_back({type, 300, std::move(data), preference});
  }
  Result<Answer> answer(const std::string& asked, Type type) const {
    std::string name = asked;
    for (int i = 0; i < 10; ++i) {
      Answer out;
      out.canonical = name;
      if (const auto found = records.find({name, type}); found != records.end()) {
        out.status = Answer::Status::kFound;
        out.records = found->second;
        return out;
      }
      if (dead.contains(name) || name.starts_with("_dns_error.")) return Error{Code::kUnavailable, "no answer"};
      const auto alias = aliases.find(name);
      if (alias == aliases.end()) {
        out.status = names.contains(name) ? Answer::Status::kNoData : Answer::Status::kNxDomain;
        return out;
      }
      name = alias->second;
    }
    return Error{Code::kUnavailable, "the aliases do not end"};
  }
};

std::string without_dot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return text::lowered(name);
}

std::string joined(const YAML::Node& value) {
  if (!value.IsSequence()) return value.as<std::string>();
  std::string out;
  for (const auto& part : value) out += part.as<std::string>();
  return out;
}

// SPF entries are TXT records too, unless the name has TXT entries: "TXT: NONE" says that it has none.
Zone zone_of(const YAML::Node& zonedata) {
  constexpr std::pair<const char*, Type> kTypes[] = {{"A", Type::kA}, {"AAAA", Type::kAaaa}, {"PTR", Type::kPtr}};
  Zone zone;
  for (const auto& entry : zonedata) {
    const std::string name = without_dot(entry.first.as<std::string>());
    zone.names.insert(name);
    bool has_txt = false;
    for (const auto& record : entry.second) has_txt |= record.IsMap() && record["TXT"];
    for (const auto& record : entry.second) {
      if (record.IsScalar()) {  // TIMEOUT
        zone.dead.insert(name);
        continue;
      }
      const std::string type = record.begin()->first.as<std::string>();
      const YAML::Node value = record.begin()->second;
      if (type == "TXT" || (type == "SPF" && !has_txt)) {
        if (const std::string text = joined(value); text != "NONE") zone.add(name, Type::kTxt, text);
      } else if (type == "MX")
        zone.add(name, Type::kMx, without_dot(value[1].as<std::string>()), value[0].as<uint16_t>());
      else if (type == "CNAME")
        zone.aliases[name] = without_dot(value.as<std::string>());
      else
        for (const auto& [word, known] : kTypes)
          if (type == word)
            zone.add(name, known, known == Type::kPtr ? without_dot(value.as<std::string>()) : value.as<std::string>());
    }
  }
  return zone;
}

Spf check(const Zone& zone, const SpfQuery& query) {
  net::SimLoop loop;
  FunctionDns dns([&](const std::string& name, Type type) { return zone.answer(name, type); });
  return test::wait(loop, check_spf({loop, dns, loop.now() + seconds(20)}, query));
}

std::filesystem::path data(const std::string& name) { return std::filesystem::path(PABAL_SHARED_DATA) / "spf" / name; }

// Runs a file of the openspf form; `differences`: cases with the result we give instead. Returns how many agreed.
size_t run_openspf(const std::string& file, const std::map<std::string, std::string>& differences) {
  size_t ran = 0;
  std::map<std::string, std::string> left = differences;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(data(file).string())) {
    if (!scenario.IsMap()) continue;
    const Zone zone = zone_of(scenario["zonedata"]);
    for (const auto& one : scenario["tests"]) {
      const std::string name = one.first.as<std::string>();
      const YAML::Node& test = one.second;
      SpfQuery query;
      query.ip = test["host"].as<std::string>();
      query.helo = test["helo"].as<std::string>();
      query.reverse_path = test["mailfrom"].as<std::string>("");
      query.receiver = "mx.example.net";
      const Spf got = check(zone, query);
      const std::string result(outcome_name(got.result));
      std::set<std::string> wanted;
      if (test["result"].IsSequence())
        for (const auto& w : test["result"]) wanted.insert(w.as<std::string>());
      else
        wanted.insert(test["result"].as<std::string>());
      if (const auto ours = left.find(name); ours != left.end()) {
        EXPECT_FALSE(wanted.contains(ours->second)) << name << " is no difference any more";
        wanted = {ours->second};
        left.erase(ours);
      }
      EXPECT_TRUE(wanted.contains(result)) << name << ": " << result << " " << got.problem << " " << got.mechanism;
      EXPECT_EQ(got.problem.empty(), got.result != Outcome::kTemperror && got.result != Outcome::kPermerror) << name;
      if (const auto words = test["explanation"]; words && !differences.contains(name)) {
        EXPECT_EQ(got.explanation, words.as<std::string>() == "DEFAULT" ? "" : words.as<std::string>()) << name;
      }
      ++ran;
    }
  }
  EXPECT_TRUE(left.empty()) << "no such case: " << left.begin()->first;
  return ran;
}

TEST(SpfSuite, Rfc7208) {
  if (!std::filesystem::exists(data("pyspf"))) GTEST_SKIP() << "no shared data";
  EXPECT_EQ(run_openspf("pyspf/rfc7208-tests.yml", {}), 203u);
}

TEST(SpfSuite, Rfc4408WhereRfc7208AgreesWithIt) {
  if (!std::filesystem::exists(data("pyspf"))) GTEST_SKIP() << "no shared data";
  EXPECT_EQ(run_openspf("pyspf/rfc4408-tests.yml", {}), 191u);
}

// --- mail-auth ------------------------------------------------------------------------------------------------------

void add_mail_auth(Zone& zone, const std::string& kind, const std::string& line) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string name = without_dot(line.substr(0, blank)), rest = line.substr(std::min(blank + 1, line.size()));
  if (kind == "spf" || kind == "exp") {
    zone.records.erase({name, Type::kTxt});
    return zone.add(name, Type::kTxt, rest);
  }
  uint16_t n = 0;
  for (const std::string_view word : text::split(rest, ',')) {
    const std::string value(text::trim(word));
    const Type family = value.find(':') == value.npos ? Type::kA : Type::kAaaa;
    if (kind == "mx") {
      const std::string host = "mx" + std::to_string(n) + "." + name;
      zone.add(name, Type::kMx, host, n++);
      zone.add(host, family, value);
    } else if (kind == "ptr")
      zone.add(dns::reverse_name(name), Type::kPtr, without_dot(value));
    else
      zone.add(name, family, parse_ip(value)->text());
  }
}

// Its tests are sequences of maps with repeated keys, to be read in order: what is set stays until it is set again.
TEST(SpfSuite, MailAuth) {
  if (!std::filesystem::exists(data("mail-auth"))) GTEST_SKIP() << "no shared data";
  const std::map<std::string, std::string> differences = {
      // RFC 7208 §4.6: a mechanism that is not known ("ip:") makes the record an error, behind "all" as well.
      {"test.org 10.0.0.1 v=spf1 -all ip:10.0.0.1", "permerror"},
      // §5: a client that is IPv4 is matched by IPv4 mechanisms, not by ip6:::ffff:10.1.2.3.
      {"test.org 10.1.2.3 v=spf1 ip6:ABCD:EF01:2345:6789:ABCD:EF01:2345:6789 "
       "ip6:ABCD:EF01:2345:6789:ABCD:EF01:2345:6788/128 ip6:1234::/16 ip6:::ffff:10.1.2.3 -all",
       "fail"},
      // §4.6.4: ten terms that ask for names that do not exist are eight too many.
      {"ok.test.org 172.168.0.1 v=spf1 a:t1.org a:t2.org a:t3.org a:t4.org a:t5.org a:t6.org a:t7.org a:t8.org "
       "a:t9.org "
       "a:t10.org ~all",
       "permerror"},
      // §5.7: exists asks for A records, whatever the client's family.
      {"ip6.test.org 167.1.2.3 v=spf1 exists:ip6.test.org -all", "fail"}};
  size_t ran = 0, differed = 0;
  for (const auto& file : std::filesystem::directory_iterator(data("mail-auth"))) {
    for (const YAML::Node& scenario : YAML::LoadAllFromFile(file.path().string())) {
      if (!scenario.IsMap()) continue;
      Zone zone;
      if (scenario["records"].IsMap())
        for (const auto& record : scenario["records"])
          add_mail_auth(zone, record.first.as<std::string>(), record.second.as<std::string>());
      std::string domain, sender, ip;
      for (const auto& test : scenario["tests"]) {
        for (const auto& pair : test) {
          const auto key = pair.first.as<std::string>(), value = pair.second.as<std::string>("");
          if (key == "domain") {
            domain = value;
          } else if (key == "sender") {
            sender = value == "null" || value == "~" ? "" : value;
          } else if (key == "ip") {
            ip = value;
          } else if (key == "expect") {
            // Both identities, as it does: MAIL FROM counts when HELO does not fail.
            Spf got = check(zone, {ip, domain, "", "mx", true});
            if (got.result != Outcome::kFail) got = check(zone, {ip, domain, sender, "mx"});
            std::string wanted = value.substr(0, value.find(' '));
            const std::string words = value.substr(std::min(wanted.size() + 1, value.size()));
            const auto txt = zone.records.find({domain, Type::kTxt});
            const std::string id = domain + " " + ip + " " + (txt == zone.records.end() ? "" : txt->second[0].data);
            if (const auto ours = differences.find(id); ours != differences.end()) {
              wanted = ours->second;
              ++differed;
            }
            EXPECT_EQ(outcome_name(got.result), wanted) << file.path() << " " << id << " " << got.problem;
            if (!words.empty()) { EXPECT_EQ(got.explanation, text::trim(words)) << id; }
            ++ran;
          } else if (key != "name") {
            add_mail_auth(zone, key, value);
          }
        }
      }
    }
  }
  EXPECT_GT(ran, 90u);
  EXPECT_EQ(differed, differences.size());
}

}  // namespace
}  // namespace pabal::trust
