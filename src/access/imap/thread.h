// The threads of THREAD (RFC 5256 §3). Pure.
#pragma once

#include <string>
#include <vector>

#include "mailbox/headlines.h"

namespace pabal::access::imap {

struct Threaded {       // a message to put into a thread
  uint32_t number = 0;  // as the answer names it; grows with the sequence number
  const mailbox::Headline* line = nullptr;
};

// "(2)(3 6 (4 23)(44 7 96))". Messages in the order of their numbers.
std::string threads_by_subject(std::vector<Threaded> messages);
std::string threads_by_references(const std::vector<Threaded>& messages);

}  // namespace pabal::access::imap
