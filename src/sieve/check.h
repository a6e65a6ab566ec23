// What a statement's arguments must be beyond their types. Between compile.cc, which knows the table, and values.h.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sieve/parser.h"
#include "sieve/program.h"

namespace pabal::sieve {

// What a check may ask and say.
struct Checking {
  const Statement& statement;
  const Node& node;
  std::function<Place(Slot)> at;                  // of the argument; of the statement when not given
  std::function<bool(std::string_view)> enabled;  // an extension of that name is required
  std::function<void(Place, std::string)> fault;  // the script is refused
  std::function<void(Place, std::string)> warn;
};
void check_arguments(const Checking& c);

}  // namespace pabal::sieve
