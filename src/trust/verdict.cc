#include "trust/verdict.h"

#include <array>

namespace pabal::trust {
namespace {

constexpr std::array<std::string_view, 8> kNames{"none",     "neutral", "pass",      "fail",
                                                 "softfail", "policy",  "temperror", "permerror"};

}  // namespace

std::string_view outcome_name(Outcome outcome) { return kNames[static_cast<size_t>(outcome)]; }

std::optional<Outcome> outcome_of(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Outcome>(i);
  return {};
}

}  // namespace pabal::trust
