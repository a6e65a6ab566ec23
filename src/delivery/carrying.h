// What delivery.cc and carry.cc share. Not for others.
#pragma once

#include "delivery/filter.h"

namespace pabal::delivery {

// One script's decision on its way into the store.
struct Delivery::Carrying {
  store::Transaction& t;
  const Mail& mail;
  const identity::Resolution::Target& owner;
  const Decision& decision;
  Done& done;
  mutable std::vector<std::string> troubles;  // what could not be done
};

}  // namespace pabal::delivery
