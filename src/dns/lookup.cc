#include "dns/lookup.h"

#include <atomic>

namespace pabal::dns {

Task<Result<Answer>> ask(Lookups lookups, std::string name, Type type) {
  const Error late{Code::kTimeout, "the look-up of " + name + " took too long"};
  if (lookups.loop.now() >= lookups.deadline) co_return late;
  std::unique_ptr<net::Loop::Timer> timer;
  std::function<void(Callback)> start = [&](Callback done) {
    // The answer and the timer run for it; whoever comes second finds it told.
    const auto told = std::make_shared<std::atomic<bool>>(false);
    const Callback first = [told, done = std::move(done)](Result<Answer> answer) {
      if (!told->exchange(true)) done(std::move(answer));
    };
    lookups.resolver.query(name, type, first);
    // Most answers are there already, and a timer costs more than they do.
    if (lookups.deadline != Time::max() && !told->load())
      timer = lookups.loop.at(lookups.deadline, [first, late] { first(late); });
  };
  Task<Result<Answer>> asking = net::from_callback<Result<Answer>>(lookups.loop, start);
  co_return co_await asking;
}

}  // namespace pabal::dns
