#include "trust/failure.h"

#include <algorithm>

#include "base/text.h"
#include "dns/resolver.h"

namespace pabal::trust {
namespace {

constexpr size_t kMaxValue = 1'000;

// The first part for which `wanted` holds, in the tree's order. Embedded messages are not looked into.
const message::Part* find_part(const message::Part& part, bool (*wanted)(const message::Part&)) {
  if (wanted(part)) return &part;
  if (part.is_message()) return nullptr;
  for (const message::Part& child : part.children)
    if (const message::Part* found = find_part(child, wanted)) return found;
  return nullptr;
}

std::string cut(std::string_view value) {
  return std::string(message::utf8_prefix(message::clean_utf8(text::trim(value)), kMaxValue));
}

// "148.163.85.135 (mx.example.com)" and "[192.0.2.1]" are written too.
std::string ip_of(std::string_view value) {
  value = value.substr(0, value.find_first_of(" \t("));
  if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);
  if (text::istarts_with(value, "IPv6:")) value.remove_prefix(5);
  return dns::reverse_name(value).empty() ? "" : text::lowered(value);
}

// RFC 5965 §3, RFC 6591 §3: fields as in a message's header.
void read_field(FailureReport& out, std::string_view name, const std::string& value) {
  const auto is = [&](std::string_view other) { return text::iequals(name, other); };
  if (is("Feedback-Type")) out.feedback_type = text::lowered(value);
  if (is("Reported-Domain")) out.reported_domain = message::ascii_domain(value);
  if (is("Source-IP")) out.source_ip = ip_of(value);
  if (is("Arrival-Date") || (is("Received-Date") && !out.arrived)) out.arrived = message::parse_date(value);
  if (is("Incidents")) out.incidents = text::parse_u64(value).value_or(1);
  for (const auto& [known, to] :
       {std::pair("User-Agent", &out.user_agent), std::pair("Auth-Failure", &out.auth_failure),
        std::pair("Delivery-Result", &out.delivery_result), std::pair("Identity-Alignment", &out.identity_alignment),
        std::pair("Original-Mail-From", &out.original_mail_from), std::pair("Original-Rcpt-To", &out.original_rcpt_to),
        std::pair("Original-Envelope-Id", &out.original_envelope_id),
        std::pair("Authentication-Results", &out.authentication_results), std::pair("DKIM-Domain", &out.dkim_domain),
        std::pair("DKIM-Selector", &out.dkim_selector), std::pair("DKIM-Identity", &out.dkim_identity),
        std::pair("SPF-DNS", &out.spf_dns)})
    if (is(known) && to->empty()) *to = value;
}

void read_message(FailureReport& out, const message::Summary& summary) {
  out.subject = cut(message::decode_words(summary.subject));
  out.message_id = cut(summary.message_id);
  if (const auto from = message::first_address(summary.from)) out.header_from = cut(from->text());
}

}  // namespace

Result<FailureReport> parse_failure(std::string_view bytes, const message::Message& message) {
  const message::Part* report = find_part(
      message.root, [](const message::Part& p) { return p.type == "message" && p.subtype == "feedback-report"; });
  if (!report) return Error{Code::kInvalid, "the message has no message/feedback-report part"};
  FailureReport out;
  std::string fields = message::part_content(bytes, *report);
  fields.erase(0, std::min(fields.find_first_not_of("\r\n"), fields.size()));  // seen in the wild
  for (const message::HeaderField& field : message::header_fields(fields))
    read_field(out, field.name, cut(message::unfold(field.raw_value)));
  if (out.feedback_type.empty()) return Error{Code::kInvalid, "the feedback report does not say of what type it is"};

  if (const auto* whole = find_part(message.root, [](const message::Part& p) { return p.is_message(); });
      whole && !whole->children.empty() && whole->children.front().summary)
    read_message(out, *whole->children.front().summary);
  else if (const auto* header = find_part(
               message.root, [](const message::Part& p) { return p.type == "text" && p.subtype == "rfc822-headers"; }))
    read_message(out, message::parse(message::part_content(bytes, *header)).summary);

  // RFC 6591 §3.1 wants it said; many leave it to the author's domain.
  if (out.reported_domain.empty())
    out.reported_domain = message::ascii_domain(out.header_from.substr(out.header_from.rfind('@') + 1));
  if (out.reported_domain.empty())
    return Error{Code::kInvalid, "the feedback report does not say of which domain it is"};
  return out;
}

}  // namespace pabal::trust
