// The "delivered" and "expanded" notifications of RFC 3461 §5.2: what a sender who asked for it is told when we are the
// last server. Failures, delays and handing on are reported by relay/.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace pabal::delivery {

struct Report {
  std::string_view sender;      // whom it goes to: the reverse-path, never null
  std::string_view recipient;   // as in RCPT TO
  std::string_view orcpt;       // decoded "rfc822;bob@example.org", or empty
  size_t members = 1;           // to how many the address led; more than one: "expanded"
  std::string_view header;      // of the message: it is returned, its body is not
  std::string_view hostname;    // who reports
  std::string_view message_id;  // the report's own
  Time at;
};
std::string build_report(const Report& report);

}  // namespace pabal::delivery
