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

// RFC 6591 §3.1 wants the domain said; many leave it to the author's.
Result<FailureReport> finished(FailureReport report) {
  if (report.reported_domain.empty())
    report.reported_domain = message::ascii_domain(report.header_from.substr(report.header_from.rfind('@') + 1));
  if (report.reported_domain.empty())
    return Error{Code::kInvalid, "the feedback report does not say of which domain it is"};
  return report;
}

// What Exim sends: no report by the standard, but its lines, and the message's header behind a line of dashes.
std::optional<FailureReport> read_lines(std::string_view content) {
  if (content.find("failed the published DMARC policy") == content.npos) return {};
  FailureReport out;
  out.feedback_type = "auth-failure";
  out.auth_failure = "dmarc";
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    if (line.starts_with("------")) break;
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string_view name = text::trim(line.substr(0, colon)), value = text::trim(line.substr(colon + 1));
    if (name == "Sender Domain") out.reported_domain = message::ascii_domain(value);
    if (name == "Sender IP Address") out.source_ip = ip_of(value);
    if (name == "Received date") out.arrived = message::parse_date(value);
  }
  read_message(out, message::parse(text::trim(content)).summary);
  if (out.source_ip.empty()) return {};
  return out;
}

}  // namespace

Result<FailureReport> parse_failure(std::string_view bytes, const message::Message& message) {
  const message::Part* report = find_part(
      message.root, [](const message::Part& p) { return p.type == "message" && p.subtype == "feedback-report"; });
  FailureReport out;
  if (!report) {
    const auto* plain =
        find_part(message.root, [](const message::Part& p) { return p.type == "text" && p.subtype == "plain"; });
    const auto lines = plain ? read_lines(message::part_content(bytes, *plain)) : std::nullopt;
    if (!lines) return Error{Code::kInvalid, "the message has no message/feedback-report part"};
    return finished(*lines);
  }
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

  return finished(std::move(out));
}

}  // namespace pabal::trust
