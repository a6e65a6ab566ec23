// For the tests of signatures: keys in place of DNS, messages with LF turned to CRLF, and one call that verifies.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "net/sim.h"
#include "trust/signatures.h"

namespace pabal::trust::test_signatures {

// TXT records by name; other names do not exist.
class Keys final : public dns::Resolver {
 public:
  void add(const std::string& name, std::string txt) { records_[text::lowered(name)].push_back(std::move(txt)); }
  void fail(const std::string& name, Code code) { failures_[text::lowered(name)] = code; }
  void query(std::string name, dns::Type, dns::Callback done) override {
    ++asked;
    if (const auto failure = failures_.find(name); failure != failures_.end())
      return done(Error{failure->second, "its servers fail"});
    dns::Answer answer;
    const auto found = records_.find(name);
    answer.status = found == records_.end() ? dns::Answer::Status::kNxDomain : dns::Answer::Status::kFound;
    if (found != records_.end())
      for (const std::string& txt : found->second) answer.records.push_back({dns::Type::kTxt, 300, txt, 0});
    done(answer);
  }
  int asked = 0;

 private:
  std::map<std::string, std::vector<std::string>> records_;
  std::map<std::string, Code> failures_;
};

inline Task<void> verify_into(dns::Lookups lookups, std::shared_ptr<const std::string> message, Signatures* out) {
  Task<Signatures> verifying = verify_signatures(lookups, message);
  *out = co_await verifying;
}

inline Signatures verify(const std::string& message, Keys& keys, Time now = from_unix(1'800'000'000)) {
  net::SimLoop loop(now);
  Signatures out;
  loop.spawn(verify_into({loop, keys}, std::make_shared<const std::string>(message), &out));
  loop.run_until_idle();
  return out;
}

// "pass", or "fail: the body ...".
inline std::string told(const Dkim& dkim) {
  return std::string(outcome_name(dkim.result)) + (dkim.problem.empty() ? "" : ": " + dkim.problem);
}
inline std::string told(const Arc& arc) {
  return std::string(outcome_name(arc.result)) + (arc.problem.empty() ? "" : ": " + arc.problem);
}

inline std::string crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

inline std::filesystem::path shared(std::string_view name) { return std::filesystem::path(PABAL_SHARED_DATA) / name; }

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

}  // namespace pabal::trust::test_signatures
