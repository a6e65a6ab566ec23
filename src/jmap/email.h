// Email objects (RFC 8621 §4): from a stored message, or from octets that were parsed.
#pragma once

#include "jmap/standard.h"
#include "message/body_parts.h"
#include "message/message.h"

namespace pabal::jmap {

// A message to show. What it points at outlives it.
struct Shown {
  const message::Message* structure = nullptr;
  std::string_view prefix{};  // header lines before the octets
  std::string_view bytes{};   // that the structure's offsets are of; empty where they were not read
  std::string blob{};         // the id that ids of parts begin with
  std::string_view preview{};
};

struct EmailArguments {
  std::set<std::string> properties;
  std::set<std::string> body_properties;
  bool text_values = false, html_values = false, all_values = false;
  uint64_t max_value = 0;  // octets; 0: no bound
  bool wants(const std::string& name) const { return properties.contains(name); }
  enum class Needs : uint8_t { kStructure, kHeader, kAll };
  Needs needs() const;  // of the octets
};
// The arguments of Email/get and Email/parse; `usual`: the properties where none are named.
Or<EmailArguments> read_email_arguments(Call& call, const std::set<std::string>& usual);

// Everything that lies in the message itself: header fields and body.
void put_content(json::object& out, const Shown& shown, const EmailArguments& asked);
// What the account says of it: id, mailboxIds, keywords and so on.
void put_metadata(json::object& out, const mailbox::Message& m, const Account& account, const EmailArguments& asked);

// The keywords of JMAP (§4.1.1): "$seen" for \Seen, lower case.
std::vector<std::string> keywords_of(const mailbox::Flags& flags);
// Nothing: some is no keyword.
std::optional<mailbox::Flags> flags_of(const std::set<std::string>& keywords);

bool is_visible(const mailbox::Message& m, const Account& account);

// "header:Subject:asText:all" (§4.1.3).
struct HeaderProperty {
  enum class Form : uint8_t { kRaw, kText, kAddresses, kGroups, kMessageIds, kDate, kUrls } form = Form::kRaw;
  std::string name;
  bool all = false;
};
// Nothing: none, or a form that the field does not take.
std::optional<HeaderProperty> header_property(std::string_view property);
json::value header_value(std::string_view raw, HeaderProperty::Form form);
json::value addresses_value(const std::vector<message::AddressItem>& list);

}  // namespace pabal::jmap
