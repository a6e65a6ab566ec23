// Reports of single messages that failed (RFC 5965, RFC 6591, RFC 9991): who sent what as whom. Of the message reported
// only what helps to find its sender is taken.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "message/message.h"

namespace pabal::trust {

struct FailureReport {
  std::string feedback_type;  // lower case: "auth-failure", "abuse" ...
  std::string user_agent, auth_failure, delivery_result, identity_alignment;
  std::string reported_domain;  // A-labels
  std::string source_ip, original_mail_from, original_rcpt_to, original_envelope_id;
  std::string authentication_results;  // unfolded
  std::string dkim_domain, dkim_selector, dkim_identity, spf_dns;
  std::optional<Time> arrived;
  uint64_t incidents = 1;
  // Of the message reported; UTF-8.
  std::string header_from, subject, message_id;
};

// `message` is the parse of `bytes`. kInvalid: no such report. Values are cut at 1,000 octets.
Result<FailureReport> parse_failure(std::string_view bytes, const message::Message& message);

}  // namespace pabal::trust
