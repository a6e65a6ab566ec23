// modify, trash, untrash and delete: of a message, of all messages of a thread, and of many messages.
#include <algorithm>

#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/labels.h"
#include "gmail/modify.h"
#include "gmail/resource.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using mailbox::Message;
using mailbox::MessageId;

namespace {

constexpr size_t kMaxBatch = 1'000;  // ids of one batchModify or batchDelete

enum class Of : uint8_t { kMessage, kThread, kMany };  // {id} in the path; likewise; `ids` in the body

Result<std::vector<MessageId>> many_of(const value& body) {
  const auto* list = api::array_member(body, "ids");
  if (!list || list->empty()) return invalid("No message ids specified");
  if (list->size() > kMaxBatch) return invalid("Too many message ids: at most 1000");
  std::vector<MessageId> out;
  for (const value& one : *list) {
    const auto id = one.is_string() ? parse_id(one.get_string()) : std::nullopt;
    if (!id) return invalid("Invalid id value");
    out.push_back(*id);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::vector<MessageId>> ids_of(const Call& call, const store::Reader& r, Of of) {
  if (of == Of::kMany) return many_of(call.body);
  const auto id = parse_id(call.path("id"));
  if (!id) return invalid("Invalid id value");
  if (of == Of::kMessage) return std::vector<MessageId>(1, *id);
  auto ids = call.services.mailboxes.thread(r, call.account(), *id);
  if (ids && ids->empty()) return missing();
  return ids;
}

using Change = std::function<Result<void>(store::Transaction&, const std::vector<MessageId>&)>;
// Some at a time.
Task<Result<void>> change_all(CallPtr call, Of of, Change change) {
  const auto ids = ids_of(*call, call->services.store, of);
  if (!ids) co_return ids.error();
  for (size_t i = 0; i < ids->size(); i += kMessagesPerCommit) {
    const auto first = ids->begin() + static_cast<long>(i);
    const std::vector<MessageId> part(first, first + static_cast<long>(std::min(kMessagesPerCommit, ids->size() - i)));
    const store::Work work = [change, part](store::Transaction& t) { return change(t, part); };
    Task<Result<void>> committing = commit(call, work);
    if (const Result<void> done = co_await committing; !done) co_return done.error();
  }
  co_return Result<void>();
}

// How what was changed is now.
Result<value> changed(const Call& c, const store::Reader& r, Of of) {
  if (of == Of::kMany) return value(nullptr);
  const auto ids = ids_of(c, r, of);
  if (!ids) return ids.error();
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  array messages;
  uint64_t modseq = 0;
  const auto read = c.services.mailboxes.each_message(r, c.account(), *ids, [&](Message&& m) {
    messages.push_back(brief_of(*labels, m));
    modseq = std::max(modseq, m.modseq);
  });
  if (!read) return read.error();
  if (messages.empty()) return missing();
  if (of == Of::kMessage) return std::move(messages.front());
  object out;
  out["id"] = c.path("id");
  out["historyId"] = std::to_string(modseq);
  out["messages"] = std::move(messages);
  return value(std::move(out));
}

Task<Result<value>> relabel(CallPtr call, Of of, LabelChange labels) {
  const bool strict = of == Of::kMessage;
  const Change change = [call, strict, labels = std::move(labels)](store::Transaction& t,
                                                                   const std::vector<MessageId>& ids) {
    return change_labels(call->services.mailboxes, t, call->account(), ids, labels, call->services.clock.now(), strict);
  };
  Task<Result<void>> changing = change_all(call, of, change);
  if (const Result<void> done = co_await changing; !done) co_return done.error();
  const Look read = [of](const Call& c, const store::Reader& r) { return changed(c, r, of); };
  Task<Result<value>> reading = look(call, Where::kHere, read);
  co_return co_await reading;
}

template <Of of>
Task<Result<value>> modify(CallPtr call) {
  auto change = parse_change(call->body);
  if (!change) co_return change.error();
  Task<Result<value>> changing = relabel(call, of, std::move(*change));
  co_return co_await changing;
}

template <Of of>
Task<Result<value>> trash(CallPtr call) {
  LabelChange change;
  change.add.push_back("TRASH");
  Task<Result<value>> changing = relabel(call, of, std::move(change));
  co_return co_await changing;
}

template <Of of>
Task<Result<value>> untrash(CallPtr call) {
  LabelChange change;
  change.remove.push_back("TRASH");
  Task<Result<value>> changing = relabel(call, of, std::move(change));
  co_return co_await changing;
}

template <Of of>
Task<Result<value>> remove(CallPtr call) {
  const Change change = [call](store::Transaction& t, const std::vector<MessageId>& ids) -> Result<void> {
    for (const MessageId id : ids) {
      const auto removed = remove_message(call->services.mailboxes, t, call->account(), id);
      if (!removed && (of == Of::kMessage || removed.code() != Code::kNotFound)) return removed;
    }
    return {};
  };
  Task<Result<void>> removing = change_all(call, of, change);
  if (const Result<void> done = co_await removing; !done) co_return done.error();
  co_return value(nullptr);
}

}  // namespace

void add_changes(web::Router& router, Services& services) {
  add(router, services, "POST", "/messages/{id}/modify", Need::kModify, modify<Of::kMessage>);
  add(router, services, "POST", "/messages/{id}/trash", Need::kModify, trash<Of::kMessage>);
  add(router, services, "POST", "/messages/{id}/untrash", Need::kModify, untrash<Of::kMessage>);
  add(router, services, "DELETE", "/messages/{id}", Need::kDelete, remove<Of::kMessage>);
  add(router, services, "POST", "/messages/batchModify", Need::kModify, modify<Of::kMany>);
  add(router, services, "POST", "/messages/batchDelete", Need::kDelete, remove<Of::kMany>);
  add(router, services, "POST", "/threads/{id}/modify", Need::kModify, modify<Of::kThread>);
  add(router, services, "POST", "/threads/{id}/trash", Need::kModify, trash<Of::kThread>);
  add(router, services, "POST", "/threads/{id}/untrash", Need::kModify, untrash<Of::kThread>);
  add(router, services, "DELETE", "/threads/{id}", Need::kDelete, remove<Of::kThread>);
}

}  // namespace pabal::gmail
