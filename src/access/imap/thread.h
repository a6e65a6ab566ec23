// The threads of THREAD (RFC 5256 §3). Pure.
#pragma once

#include <string>
#include <vector>

#include "mailbox/mailbox.h"

namespace pabal::access::imap {

struct Threaded {       // a message to put into a thread
  uint32_t number = 0;  // as the answer names it; grows with the sequence number
  Time sent;
  std::string subject;  // base subject, casemapped
  bool reply = false;   // the subject was that of a reply or a forwarded message
  std::string id;       // of the message; empty: none
  std::vector<std::string> references;
};
Threaded threaded(uint32_t number, const mailbox::Message& message, const message::Summary& summary);

// "(2)(3 6 (4 23)(44 7 96))". Messages in the order of their numbers.
std::string threads_by_subject(std::vector<Threaded> messages);
std::string threads_by_references(const std::vector<Threaded>& messages);

}  // namespace pabal::access::imap
