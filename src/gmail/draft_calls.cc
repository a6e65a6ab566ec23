// users.drafts.
#include "gmail/drafts.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/letters.h"
#include "gmail/listing.h"
#include "gmail/modify.h"
#include "gmail/resource.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;

namespace {

Task<Result<value>> get(CallPtr call) {
  const auto id = parse_draft(call->path("id"));
  if (!id) co_return missing();
  const auto format = format_of(*call, true);
  if (!format) co_return format.error();
  const Look read = [id = *id, format = *format](const Call& c, const store::Reader& r) -> Result<value> {
    const auto m = draft_message(c.services.mailboxes, r, c.account(), id);
    if (!m) return m.error();
    if (!*m) return missing();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    auto message = message_resource({c.services.mailboxes, r, c.account(), *labels}, **m, format);
    if (!message) return message;
    object out;
    out["id"] = draft_text(id);
    out["message"] = std::move(*message);
    return value(std::move(out));
  };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

Result<value> list_at(const Call& c, const store::Reader& r, const Asked& asked) {
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  const auto page = page_of(c, {c.services.mailboxes, r, c.account(), *labels}, asked, Each::kMessage);
  if (!page) return page.error();
  array items;
  for (const mailbox::Message& m : page->messages) {
    const auto draft = draft_of(r, c.account(), m.id);
    if (!draft) return draft.error();
    object message;
    message["id"] = id_text(m.id);
    message["threadId"] = id_text(m.thread);
    object one;
    one["id"] = draft_text(*draft);
    one["message"] = std::move(message);
    items.push_back(std::move(one));
  }
  object out;
  if (!items.empty()) out["drafts"] = std::move(items);
  if (!page->next.empty()) out["nextPageToken"] = page->next;
  out["resultSizeEstimate"] = page->estimate;
  return value(std::move(out));
}

Task<Result<value>> list(CallPtr call) {
  auto asked = parse_asked(*call);
  if (!asked) co_return asked.error();
  asked->labels.assign(1, "DRAFT");
  const Where where = asked->scan_is_long() ? Where::kPool : Where::kHere;
  const Look read = [asked = std::move(*asked)](const Call& c, const store::Reader& r) { return list_at(c, r, asked); };
  Task<Result<value>> reading = look(call, where, read);
  co_return co_await reading;
}

Task<Result<value>> create(CallPtr call) {
  auto letter = letter_of_draft(call->body);
  if (!letter) co_return letter.error();
  Task<Result<value>> saving = save_draft(call, "", std::move(*letter));
  co_return co_await saving;
}

Task<Result<value>> update(CallPtr call) {
  auto letter = letter_of_draft(call->body);
  if (!letter) co_return letter.error();
  Task<Result<value>> saving = save_draft(call, call->path("id"), std::move(*letter));
  co_return co_await saving;
}

Task<Result<value>> remove(CallPtr call) {
  const auto id = parse_draft(call->path("id"));
  if (!id) co_return missing();
  const store::Work work = [call, id = *id](store::Transaction& t) { return remove_draft(*call, t, id); };
  Task<Result<void>> committing = commit(call, work);
  if (const Result<void> done = co_await committing; !done) co_return done.error();
  co_return value(nullptr);
}

// With a `message` its content is sent in place of the draft's; without an id that alone.
Task<Result<value>> send(CallPtr call) {
  std::optional<Letter> letter;
  if (const value* message = api::member(call->body, "message"); message && api::string_member(*message, "raw")) {
    auto given = letter_of_draft(call->body);
    if (!given) co_return given.error();
    letter = std::move(*given);
  }
  const auto* id = api::string_member(call->body, "id");
  if (!id && !letter) co_return Error{Code::kInvalid, "Missing draft id"};
  Task<Result<value>> sending =
      id ? send_draft(call, std::string(*id), std::move(letter)) : send_letter(call, std::move(*letter));
  co_return co_await sending;
}

}  // namespace

void add_drafts(web::Router& router, Services& services) {
  add(router, services, "GET", "/drafts", Need::kReadDrafts, list);
  add(router, services, "GET", "/drafts/{id}", Need::kReadDrafts, get);
  add(router, services, "POST", "/drafts", Need::kDraft, create, raw_limit(services));
  add(router, services, "PUT", "/drafts/{id}", Need::kDraft, update, raw_limit(services));
  add(router, services, "DELETE", "/drafts/{id}", Need::kDraft, remove);
  add(router, services, "POST", "/drafts/send", Need::kSendDraft, send, raw_limit(services));
}

}  // namespace pabal::gmail
