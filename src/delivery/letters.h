// The letters a script has written: vacation answers (RFC 5230), rejections (RFC 5429), notifications (RFC 5436), and
// what the owner of a script with a fault is told. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "message/message.h"
#include "sieve/sieve.h"

namespace pabal::delivery {

// The message a letter is about, and whose script has it written.
struct Occasion {
  std::string_view bytes;  // the whole message
  const message::Message& structure;
  std::string_view reverse_path;  // "" = <>
  std::string_view recipient;     // as in RCPT TO
  std::string owner;              // the account's address
  std::string_view hostname;
  Time at;
  std::string message_id;  // of the letter
};

// RFC 3834: Auto-Submitted with a value other than "no".
bool is_automatic(const Occasion& occasion);

// RFC 5230 §4.5, §4.6: whether a vacation answer is due to its sender at all. `is_own` says of an address whether it is
// the owner's.
bool deserves_answer(const Occasion& occasion, const std::function<bool(const std::string&)>& is_own);

// `from`: as the script gave it and the owner may use it, or his address.
std::string build_vacation(const Occasion& occasion, const sieve::Vacation& vacation, std::string_view from);
std::string build_rejection(const Occasion& occasion, std::string_view reason);
std::string build_notification(const Occasion& occasion, const sieve::Notify& notify, const sieve::Mailto& mailto,
                               std::string_view from);
// `troubles`: "line 3, column 5: ...", one each.
std::string build_notice(const Occasion& occasion, std::string_view script, const std::vector<std::string>& troubles);

}  // namespace pabal::delivery
