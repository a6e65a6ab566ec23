// users.threads, as they are shown, and the list of messages.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "gmail/error.h"
#include "gmail/ids.h"
#include "gmail/listing.h"
#include "gmail/routes.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using mailbox::Message;
using mailbox::MessageId;

namespace {

constexpr size_t kMaxMetadataHeaders = 100;
constexpr size_t kMaxShown = 1'000;                // messages of one thread, the newest
constexpr uint64_t kMaxShownOctets = 64ull << 20;  // of whole messages in one answer

// --- lists -----------------------------------------------------------------------------------------------------------

object page_with(const char* name, array items, const Page& page) {
  object out;
  if (!items.empty()) out[name] = std::move(items);
  if (!page.next.empty()) out["nextPageToken"] = page.next;
  out["resultSizeEstimate"] = page.estimate;
  return out;
}

Result<value> list_at(const Call& c, const store::Reader& r, const Asked& asked, Each each) {
  const auto labels = Labels::read(c.services.mailboxes, r, c.account());
  if (!labels) return labels.error();
  const View view{c.services.mailboxes, r, c.account(), *labels};
  const auto page = page_of(c, view, asked, each);
  if (!page) return page.error();
  std::map<MessageId, std::string> snippets;
  if (each == Each::kThread) {
    std::vector<MessageId> ids;
    for (const Message& m : page->messages) ids.push_back(m.id);
    std::sort(ids.begin(), ids.end());
    const auto read = view.boxes.each_details(r, c.account(), ids, [&](MessageId id, mailbox::Details&& details) {
      snippets[id] = snippet_of(details.preview);
    });
    if (!read) return read.error();
  }
  array items;
  for (const Message& m : page->messages) {
    object one;
    if (each == Each::kMessage) {
      one["id"] = id_text(m.id);
      one["threadId"] = id_text(m.thread);
    } else {
      one["id"] = id_text(m.thread);
      one["snippet"] = snippets[m.id];
      one["historyId"] = std::to_string(m.modseq);
    }
    items.push_back(std::move(one));
  }
  return value(page_with(each == Each::kMessage ? "messages" : "threads", std::move(items), *page));
}

Task<Result<value>> list(CallPtr call, Each each) {
  auto asked = parse_asked(*call);
  if (!asked) co_return asked.error();
  const Where where = asked->scan_is_long() ? Where::kPool : Where::kHere;
  const Look read = [asked = std::move(*asked), each](const Call& c, const store::Reader& r) {
    return list_at(c, r, asked, each);
  };
  Task<Result<value>> reading = look(call, where, read);
  co_return co_await reading;
}
Task<Result<value>> list_messages(CallPtr call) {
  Task<Result<value>> listing = list(call, Each::kMessage);
  co_return co_await listing;
}
Task<Result<value>> list_threads(CallPtr call) {
  Task<Result<value>> listing = list(call, Each::kThread);
  co_return co_await listing;
}

// --- one thread ------------------------------------------------------------------------------------------------------

Result<std::vector<Message>> members_of(const Call& c, const store::Reader& r, uint64_t thread) {
  auto ids = c.services.mailboxes.thread(r, c.account(), thread);
  if (!ids) return ids.error();
  if (ids->empty()) return missing();
  if (ids->size() > kMaxShown) ids->erase(ids->begin(), ids->end() - kMaxShown);
  std::vector<Message> out;
  const auto read =
      c.services.mailboxes.each_message(r, c.account(), *ids, [&](Message&& m) { out.push_back(std::move(m)); });
  if (!read) return read.error();
  return out;
}

Task<Result<value>> get(CallPtr call) {
  const auto id = parse_id(call->path("id"));
  if (!id) co_return Error{Code::kInvalid, "Invalid id value"};
  const auto format = format_of(*call, call->caller.may(identity::kMailRead));
  if (!format) co_return format.error();
  if (*format == Format::kRaw) co_return Error{Code::kInvalid, "Invalid value for format: minimal, full or metadata"};
  const auto names = call->all("metadataHeaders");
  if (names.size() > kMaxMetadataHeaders) co_return Error{Code::kInvalid, "metadataHeaders: at most 100"};
  const Look read = [id = *id, format = *format, names](const Call& c, const store::Reader& r) -> Result<value> {
    const auto members = members_of(c, r, id);
    if (!members) return members.error();
    const auto labels = Labels::read(c.services.mailboxes, r, c.account());
    if (!labels) return labels.error();
    object out;
    out["id"] = id_text(id);
    uint64_t modseq = 0, octets = 0;
    array messages;
    for (const Message& m : *members) {
      if (format == Format::kFull && (octets += m.size) > kMaxShownOctets)
        return Error{Code::kLimit, "The thread is too large for one answer: ask for format=metadata"};
      auto one = message_resource({c.services.mailboxes, r, c.account(), *labels}, m, format, names);
      if (!one) return one.error();
      messages.push_back(std::move(*one));
      modseq = std::max(modseq, m.modseq);
    }
    out["historyId"] = std::to_string(modseq);
    out["messages"] = std::move(messages);
    return value(std::move(out));
  };
  Task<Result<value>> reading = look(call, Where::kPool, read);
  co_return co_await reading;
}

}  // namespace

void add_threads(web::Router& router, Services& services) {
  add(router, services, "GET", "/messages", Need::kMetadata, list_messages);
  add(router, services, "GET", "/threads", Need::kMetadata, list_threads);
  add(router, services, "GET", "/threads/{id}", Need::kMetadata, get);
}

}  // namespace pabal::gmail
