// A message as Gmail shows it.
#pragma once

#include <string>
#include <vector>

#include "api/json.h"
#include "gmail/labels.h"
#include "mailbox/mailbox.h"

namespace pabal::gmail {

enum class Format : uint8_t { kMinimal, kFull, kRaw, kMetadata };

// What a resource is made from: one moment of one account.
struct View {
  const mailbox::Mailboxes& boxes;
  const store::Reader& r;
  mailbox::AccountId account = 0;
  const Labels& labels;
};

// {id, threadId, labelIds}
api::json::object brief_of(const Labels& labels, const mailbox::Message& m);
// A Message. Of kMetadata only the header fields named, or all; kFull leaves out what attachments contain. Text comes
// in UTF-8 whatever its charset was, and values of header fields without the coding of RFC 2047, as Gmail gives them.
Result<api::json::value> message_resource(const View& view, const mailbox::Message& m, Format format,
                                          const std::vector<std::string>& header_names = {});
// {size, data} of one part. kNotFound.
Result<api::json::value> attachment_resource(const View& view, mailbox::MessageId id, std::string_view attachment);
// What a list shows of a message, with & < > ' " as entities: clients put it into pages as it is.
std::string snippet_of(std::string_view preview);

}  // namespace pabal::gmail
