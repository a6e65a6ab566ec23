// One look-up awaited by a coroutine, within a deadline.
#pragma once

#include <string>

#include "base/task.h"
#include "dns/resolver.h"
#include "net/loop.h"

namespace pabal::dns {

// What a run of look-ups shares. Both must outlive every task that has it.
struct Lookups {
  net::Loop& loop;
  Resolver& resolver;
  Time deadline = Time::max();  // of all of them together
};

// As Resolver::query; kTimeout when the deadline comes first.
Task<Result<Answer>> ask(Lookups lookups, std::string name, Type type);

}  // namespace pabal::dns
