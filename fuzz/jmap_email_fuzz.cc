// room: jmap
// A message of any octets as an Email with all its properties: JSON that can be read again, whatever was in it; and
// names of header properties.
#include "base/check.h"
#include "jmap/email.h"
#include "jmap/email_news.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace j = pabal::jmap;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view name = input.substr(0, input.find('\n'));
  j::EmailArguments asked;
  asked.properties = {"headers",  "messageId", "references",  "inReplyTo",  "from",          "to",
                      "cc",       "bcc",       "sender",      "replyTo",    "subject",       "sentAt",
                      "textBody", "htmlBody",  "attachments", "bodyValues", "bodyStructure", "hasAttachment"};
  asked.body_properties = {"partId",  "blobId",      "size", "headers",  "name",    "type",
                           "charset", "disposition", "cid",  "language", "location"};
  for (const std::string form :
       {"asRaw", "asText", "asAddresses", "asGroupedAddresses", "asMessageIds", "asDate", "asURLs"})
    asked.properties.insert("header:X:" + form + ":all");
  if (j::header_property(name)) asked.properties.emplace(name);
  asked.all_values = true;
  asked.max_value = size % 64;
  const pabal::message::Message structure = pabal::message::parse(input);
  j::json::object out;
  j::put_content(out, {&structure, {}, input, "B1", ""}, asked);
  PABAL_CHECK(out.size() == asked.properties.size());
  for (const auto& [part, value] : out.at("bodyValues").as_object())
    PABAL_CHECK(asked.max_value == 0 || value.at("value").as_string().size() <= asked.max_value);
  const auto again = pabal::api::parse_json(pabal::api::to_text(out));
  PABAL_CHECK(again || again.code() == pabal::Code::kLimit);
  if (const auto state = j::read_state(name)) PABAL_CHECK(j::read_state(state->text()).has_value());
  return 0;
}
