// Messages that come in by a call: sent, inserted, imported, kept as drafts. They come as `raw` in JSON or as an upload
// beside it (multipart or resumable): both end here.
#pragma once

#include <string>

#include "gmail/call.h"

namespace pabal::gmail {

// What came: the octets of a message, and the Message (of drafts: the `message` of the Draft) that stands beside them.
struct Letter {
  std::string bytes;                  // RFC 5322; bare line feeds are mended
  std::string thread;                 // threadId, or ""
  std::vector<std::string> labels{};  // labelIds: of insert and import
};
// `message` is a Message; with octets that came beside it, else of its `raw`. kInvalid: neither, or no base64url.
Result<Letter> letter_of(const api::json::value& message, std::optional<std::string> upload = {});
// The same of a Draft: {message: {...}}.
Result<Letter> letter_of_draft(const api::json::value& draft, std::optional<std::string> upload = {});
// Octets of JSON that a message of the largest size needs.
size_t raw_limit(const Services& services);

// {id, threadId, labelIds} of the copy in Sent. kInvalid, kDenied, kNotFound, kLimit: see mailbox/outgoing.h.
Task<Result<api::json::value>> send_letter(CallPtr call, Letter letter);
// The call's parameter internalDateSource says which time the message has; `usual` where it does not.
enum class DateSource : uint8_t { kReceived, kHeader };
Task<Result<api::json::value>> insert_letter(CallPtr call, Letter letter, DateSource usual);
// A Draft: a new one, or `draft` with another content. kNotFound.
Task<Result<api::json::value>> save_draft(CallPtr call, std::string draft, Letter letter);
// A Message: sends `draft` as it is, or with another content.
Task<Result<api::json::value>> send_draft(CallPtr call, std::string draft, std::optional<Letter> letter);
// For good. kNotFound.
Result<void> remove_draft(const Call& call, store::Transaction& t, mailbox::MessageId draft);

}  // namespace pabal::gmail
