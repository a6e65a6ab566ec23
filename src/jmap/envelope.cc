#include "jmap/envelope.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::jmap {
namespace {

Failure bad_envelope(std::string why) { return invalid_properties({"envelope"}, std::move(why)); }

// Names in upper case; a parameter without a value is "".
using Parameters = std::map<std::string, std::string>;

Or<Parameters> parameters_of(const json::object& address) {
  Parameters out;
  const json::value* given = address.if_contains("parameters");
  if (!given || given->is_null()) return out;
  const json::object* object = given->if_object();
  if (!object) return bad_envelope("parameters is an object");
  for (const auto& [name, value] : *object) {
    if (!value.is_string() && !value.is_null()) return bad_envelope("the value of a parameter is a string");
    out[text::uppered(name)] = value.is_null() ? std::string() : std::string(value.as_string());
  }
  return out;
}

Or<std::string> email_of(const json::value* value) {
  if (!value || !value->is_object()) return bad_envelope("an Address is an object with an email");
  const json::string* email = api::string_member(*value, "email");
  if (!email) return bad_envelope("an Address has an email");
  return std::string(*email);
}

std::optional<Failure> read_mail_parameters(const Parameters& parameters, Time now, Envelope& out) {
  for (const auto& [name, value] : parameters) {
    if (name == "HOLDFOR" || name == "HOLDUNTIL") {  // RFC 4865 §4
      if (out.release) return bad_envelope("HOLDFOR and HOLDUNTIL do not go together");
      const auto interval = name == "HOLDFOR" && value.size() <= 9 ? text::parse_u64(value) : std::nullopt;
      if (interval)
        out.release = now + seconds(*interval);
      else if (name == "HOLDUNTIL")
        out.release = parse_rfc3339(value);
      if (!out.release) return bad_envelope(name + " is malformed");
      if (*out.release > now + mailbox::Outgoing::kMaxDelay) return bad_envelope(name + " is beyond maxDelayedSend");
    } else if (name == "RET") {  // RFC 3461 §4.3
      out.ret = text::uppered(value);
      if (out.ret != "FULL" && out.ret != "HDRS") return bad_envelope("RET is FULL or HDRS");
    } else if (name == "ENVID") {
      if (value.empty() || value.size() > 100 || !text::is_ascii(value)) return bad_envelope("ENVID is malformed");
      out.envid = value;
    } else if (name == "REQUIRETLS") {
      out.requiretls = true;
    } else if (name != "SIZE" && name != "BODY" && name != "SMTPUTF8") {  // these follow from the message
      return bad_envelope("there is no parameter " + text::printable(name) + " here");
    }
  }
  return {};
}

std::optional<Failure> read_rcpt_parameters(const Parameters& parameters, mailbox::Outgoing::Recipient& out) {
  for (const auto& [name, value] : parameters) {
    if (name == "NOTIFY") {  // RFC 3461 §4.1
      for (const std::string_view word : text::split(value, ',')) {
        const std::string upper = text::uppered(word);
        const uint8_t bit = upper == "NEVER"     ? mailbox::Outgoing::kNever
                            : upper == "SUCCESS" ? mailbox::Outgoing::kSuccess
                            : upper == "FAILURE" ? mailbox::Outgoing::kFailure
                            : upper == "DELAY"   ? mailbox::Outgoing::kDelay
                                                 : 0;
        if (!bit) return bad_envelope("NOTIFY is NEVER, or of SUCCESS, FAILURE and DELAY");
        out.notify |= bit;
      }
      if ((out.notify & mailbox::Outgoing::kNever) && out.notify != mailbox::Outgoing::kNever)
        return bad_envelope("NOTIFY=NEVER stands alone");
    } else if (name == "ORCPT") {
      if (value.find(';') == value.npos || value.size() > 500) return bad_envelope("ORCPT is malformed");
      out.orcpt = value;
    } else {
      return bad_envelope("there is no parameter " + text::printable(name) + " of a recipient here");
    }
  }
  return {};
}

json::object address_json(const std::string& email) { return {{"email", email}, {"parameters", nullptr}}; }

}  // namespace

Or<Envelope> read_envelope(const json::object& given, Time now) {
  Envelope out;
  const json::value whole(given);
  for (const auto& [name, value] : given)
    if (name != "mailFrom" && name != "rcptTo") return bad_envelope("an Envelope has mailFrom and rcptTo");
  auto from = email_of(given.if_contains("mailFrom"));
  if (!from) return from.failure();
  out.mail_from = std::move(*from);
  auto parameters = parameters_of(given.at("mailFrom").as_object());
  if (!parameters) return parameters.failure();
  if (auto bad = read_mail_parameters(*parameters, now, out)) return *bad;
  const json::array* list = api::array_member(whole, "rcptTo");
  if (!list) return bad_envelope("rcptTo is a list");
  for (const json::value& one : *list) {
    auto email = email_of(&one);
    if (!email) return email.failure();
    parameters = parameters_of(one.as_object());
    if (!parameters) return parameters.failure();
    mailbox::Outgoing::Recipient recipient{std::move(*email)};
    if (auto bad = read_rcpt_parameters(*parameters, recipient)) return *bad;
    out.recipients.push_back(std::move(recipient));
  }
  out.told = given;
  return out;
}

Or<Envelope> envelope_of(const message::Summary& summary, const std::string& own,
                         const std::function<bool(const std::string&)>& is_his) {
  Envelope out;
  const bool has_sender = !summary.sender.empty();
  std::vector<std::string> from;
  for (const message::AddressItem& item : has_sender ? summary.sender : summary.from)
    if (item.kind == message::AddressItem::kMailbox) from.push_back(item.address());
  if (from.size() > 1)
    return Failure{"invalidEmail",
                   "the message has several authors and no single sender",
                   {{"properties", json::array{has_sender ? "sender" : "from"}}}};
  out.mail_from = !from.empty() && is_his(from.front()) ? from.front() : own;
  json::array told;
  for (const auto* list : {&summary.to, &summary.cc, &summary.bcc})
    for (const message::AddressItem& item : *list) {
      if (item.kind != message::AddressItem::kMailbox || item.domain.empty()) continue;
      const std::string address = item.address();
      const bool known = std::any_of(out.recipients.begin(), out.recipients.end(),
                                     [&](const auto& r) { return text::iequals(r.address, address); });
      if (known) continue;
      out.recipients.push_back({address});
      told.emplace_back(address_json(address));
    }
  out.told["mailFrom"] = address_json(out.mail_from);
  out.told["rcptTo"] = std::move(told);
  return out;
}

}  // namespace pabal::jmap
