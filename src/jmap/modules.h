// The modules of this room: each adds its methods and capabilities.
#pragma once

#include "jmap/methods.h"

namespace pabal::jmap {

void add_core(Methods& methods);             // core.cc
void add_blobs(Methods& methods);            // blobs.cc
void add_mailbox_methods(Methods& methods);  // mailbox_methods.cc

inline void add_modules(Methods& methods) {
  add_core(methods);
  add_blobs(methods);
  add_mailbox_methods(methods);
}

}  // namespace pabal::jmap
