// The inside of a compiled script.
#pragma once

#include "sieve/sieve.h"

namespace pabal::sieve {

struct Program {};

}  // namespace pabal::sieve
