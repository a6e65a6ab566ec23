// users.messages: what shows one, and what brings one in.
#include "base/text.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/labels.h"
#include "gmail/letters.h"
#include "gmail/resource.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::object;
using api::json::value;
using mailbox::MessageId;

namespace {

constexpr size_t kReadHere = 256 << 10;  // octets of a message that is shown without the pool
constexpr size_t kMaxMetadataHeaders = 100;

// --- get -------------------------------------------------------------------------------------------------------------

Task<Result<value>> get(CallPtr call) {
  const auto id = parse_id(call->path("id"));
  if (!id) co_return Error{Code::kInvalid, "Invalid id value"};
  const auto format = format_of(*call, call->caller.may(identity::kMailRead));
  if (!format) co_return format.error();
  const auto names = call->all("metadataHeaders");
  if (names.size() > kMaxMetadataHeaders) co_return Error{Code::kInvalid, "metadataHeaders: at most 100"};
  const auto m = call->services.mailboxes.message(call->services.store, call->account(), *id);
  if (!m) co_return m.error();
  if (!*m || (*m)->places.empty()) co_return missing();
  const bool whole = *format == Format::kFull || *format == Format::kRaw;
  const Look read = [id = *id, format = *format, names](const Call& c, const store::Reader& r) -> Result<value> {
    const auto found = c.services.mailboxes.message(r, c.account(), id);
    if (!found) return found.error();
    if (!*found || (*found)->places.empty()) return missing();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    return message_resource({c.services.mailboxes, r, c.account(), *labels}, **found, format, names);
  };
  Task<Result<value>> reading = look(call, whole && (*m)->size > kReadHere ? Where::kPool : Where::kHere, read);
  co_return co_await reading;
}

Task<Result<value>> get_attachment(CallPtr call) {
  const auto id = parse_id(call->path("messageId"));
  if (!id) co_return Error{Code::kInvalid, "Invalid id value"};
  const Look read = [id = *id](const Call& c, const store::Reader& r) -> Result<value> {
    const Labels none;
    return attachment_resource({c.services.mailboxes, r, c.account(), none}, id, c.path("id"));
  };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

// --- in --------------------------------------------------------------------------------------------------------------

Task<Result<value>> send(CallPtr call) {
  auto letter = letter_of(call->body);
  if (!letter) co_return letter.error();
  Task<Result<value>> sending = send_letter(call, std::move(*letter));
  co_return co_await sending;
}

Task<Result<value>> insert(CallPtr call) {
  auto letter = letter_of(call->body);
  if (!letter) co_return letter.error();
  Task<Result<value>> inserting = insert_letter(call, std::move(*letter), DateSource::kReceived);
  co_return co_await inserting;
}

Task<Result<value>> import(CallPtr call) {
  auto letter = letter_of(call->body);
  if (!letter) co_return letter.error();
  Task<Result<value>> inserting = insert_letter(call, std::move(*letter), DateSource::kHeader);
  co_return co_await inserting;
}

}  // namespace

Result<Format> format_of(const Call& call, bool whole) {
  const std::string* asked = call.query("format");
  const std::string name = asked ? text::lowered(*asked) : "full";
  Format out = Format::kFull;
  if (name == "minimal")
    out = Format::kMinimal;
  else if (name == "metadata")
    out = Format::kMetadata;
  else if (name == "raw")
    out = Format::kRaw;
  else if (name != "full")
    return Error{Code::kInvalid, "Invalid value for format: minimal, full, raw or metadata"};
  if (!whole && (out == Format::kFull || out == Format::kRaw))
    return Error{Code::kDenied, "Metadata scope doesn't allow format " + text::uppered(name)};
  return out;
}

void add_messages(web::Router& router, Services& services) {
  add(router, services, "GET", "/messages/{id}", Need::kMetadata, get);
  add(router, services, "GET", "/messages/{messageId}/attachments/{id}", Need::kRead, get_attachment);
  add(router, services, "POST", "/messages", Need::kInsert, insert, raw_limit(services));
  add(router, services, "POST", "/messages/import", Need::kInsert, import, raw_limit(services));
  add(router, services, "POST", "/messages/send", Need::kSend, send, raw_limit(services));
}

}  // namespace pabal::gmail
