// For the tests of this room: a DNS that is a function, and waiting for a check on the simulated loop.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "base/text.h"
#include "dns/lookup.h"
#include "net/sim.h"

namespace pabal::trust::test {

class FunctionDns final : public dns::Resolver {
 public:
  using Function = std::function<Result<dns::Answer>(const std::string& name, dns::Type type)>;
  explicit FunctionDns(Function answer) : answer_(std::move(answer)) {}

  void query(std::string name, dns::Type type, dns::Callback done) override {
    ++queries;
    done(answer_(text::lowered(name), type));
  }

  size_t queries = 0;

 private:
  Function answer_;
};

// Answers TXT queries with `txt`, and others never: virtual time goes on meanwhile.
class SilentDns final : public dns::Resolver {
 public:
  SilentDns(net::SimLoop& loop, std::string txt = "") : loop_(loop), txt_(std::move(txt)) {}

  void query(std::string, dns::Type type, dns::Callback done) override {
    if (type == dns::Type::kTxt && !txt_.empty()) {
      dns::Answer answer;
      answer.status = dns::Answer::Status::kFound;
      answer.records.push_back({type, 300, txt_, 0});
      return done(std::move(answer));
    }
    loop_.waiting_outside(-1);
    kept_.push_back(std::move(done));
  }

 private:
  net::SimLoop& loop_;
  const std::string txt_;
  std::vector<dns::Callback> kept_;
};

template <typename T>
Task<void> keep(Task<T> task, std::optional<T>& out) {
  T value = co_await task;
  out = std::move(value);
}

template <typename T>
T wait(net::SimLoop& loop, Task<T> task, Duration at_most = minutes(1)) {
  std::optional<T> out;
  loop.spawn(keep(std::move(task), out));
  loop.run_until([&] { return out.has_value(); }, at_most);
  EXPECT_TRUE(out) << "the check does not end";
  return out ? *out : T();
}

}  // namespace pabal::trust::test
