// users.messages, but for its lists.
#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/labels.h"
#include "gmail/letters.h"
#include "gmail/modify.h"
#include "gmail/resource.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::object;
using api::json::value;
using mailbox::MessageId;

namespace {

constexpr size_t kMaxBatch = 1'000;      // ids of one batchModify or batchDelete
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

// --- change ----------------------------------------------------------------------------------------------------------

// One message, all or nothing; then how it is now.
Task<Result<value>> change_one(CallPtr call, LabelChange change) {
  const auto id = parse_id(call->path("id"));
  if (!id) co_return Error{Code::kInvalid, "Invalid id value"};
  const store::Work work = [call, id = *id, change = std::move(change)](store::Transaction& t) {
    return change_labels(call->services.mailboxes, t, call->account(), {id}, change, call->services.clock.now(), true);
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  const Look read = [id = *id](const Call& c, const store::Reader& r) -> Result<value> {
    const auto m = c.services.mailboxes.message(r, c.account(), id);
    if (!m) return m.error();
    if (!*m) return missing();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    return value(brief_of(*labels, **m));
  };
  Task<Result<value>> reading = look(call, Where::kHere, read);
  co_return co_await reading;
}

Task<Result<value>> modify(CallPtr call) {
  auto change = parse_change(call->body);
  if (!change) co_return change.error();
  Task<Result<value>> changing = change_one(call, std::move(*change));
  co_return co_await changing;
}

Task<Result<value>> trash(CallPtr call) {
  LabelChange change;
  change.add.push_back("TRASH");
  Task<Result<value>> changing = change_one(call, std::move(change));
  co_return co_await changing;
}

Task<Result<value>> untrash(CallPtr call) {
  LabelChange change;
  change.remove.push_back("TRASH");
  Task<Result<value>> changing = change_one(call, std::move(change));
  co_return co_await changing;
}

Task<Result<value>> remove(CallPtr call) {
  const auto id = parse_id(call->path("id"));
  if (!id) co_return Error{Code::kInvalid, "Invalid id value"};
  const store::Work work = [call, id = *id](store::Transaction& t) {
    return remove_message(call->services.mailboxes, t, call->account(), id);
  };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  co_return value(nullptr);
}

// --- many ------------------------------------------------------------------------------------------------------------

Result<std::vector<MessageId>> ids_of(const value& body) {
  const auto* list = api::array_member(body, "ids");
  if (!list || list->empty()) return Error{Code::kInvalid, "No message ids specified"};
  if (list->size() > kMaxBatch) return Error{Code::kInvalid, "Too many message ids: at most 1000"};
  std::vector<MessageId> out;
  for (const value& one : *list) {
    const auto id = one.is_string() ? parse_id(one.get_string()) : std::nullopt;
    if (!id) return Error{Code::kInvalid, "Invalid id value"};
    out.push_back(*id);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

using Change = std::function<Result<void>(store::Transaction&, const std::vector<MessageId>&)>;
Task<Result<value>> in_parts(CallPtr call, std::vector<MessageId> ids, Change change) {
  for (size_t i = 0; i < ids.size(); i += kMessagesPerCommit) {
    const auto first = ids.begin() + static_cast<long>(i);
    const std::vector<MessageId> part(first, first + static_cast<long>(std::min(kMessagesPerCommit, ids.size() - i)));
    const store::Work work = [change, part](store::Transaction& t) { return change(t, part); };
    Task<Result<void>> committing = commit(call, work);
    if (const Result<void> done = co_await committing; !done) co_return done.error();
  }
  co_return value(nullptr);
}

Task<Result<value>> batch_modify(CallPtr call) {
  auto ids = ids_of(call->body);
  if (!ids) co_return ids.error();
  auto change = parse_change(call->body);
  if (!change) co_return change.error();
  const Change work = [call, change = std::move(*change)](store::Transaction& t, const std::vector<MessageId>& part) {
    return change_labels(call->services.mailboxes, t, call->account(), part, change, call->services.clock.now(), false);
  };
  Task<Result<value>> working = in_parts(call, std::move(*ids), work);
  co_return co_await working;
}

Task<Result<value>> batch_delete(CallPtr call) {
  auto ids = ids_of(call->body);
  if (!ids) co_return ids.error();
  const Change work = [call](store::Transaction& t, const std::vector<MessageId>& part) -> Result<void> {
    for (const MessageId id : part) {
      const auto removed = remove_message(call->services.mailboxes, t, call->account(), id);
      if (!removed && removed.code() != Code::kNotFound) return removed;
    }
    return {};
  };
  Task<Result<value>> working = in_parts(call, std::move(*ids), work);
  co_return co_await working;
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
  add(router, services, "POST", "/messages/{id}/modify", Need::kModify, modify);
  add(router, services, "POST", "/messages/{id}/trash", Need::kModify, trash);
  add(router, services, "POST", "/messages/{id}/untrash", Need::kModify, untrash);
  add(router, services, "DELETE", "/messages/{id}", Need::kDelete, remove);
  add(router, services, "POST", "/messages/batchModify", Need::kModify, batch_modify);
  add(router, services, "POST", "/messages/batchDelete", Need::kDelete, batch_delete);
}

}  // namespace pabal::gmail
