// SearchSnippet/get (RFC 8621 §5.1).
#include "jmap/email.h"
#include "jmap/email_filter.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "mailbox/snippet.h"

namespace pabal::jmap {
namespace {

constexpr size_t kMaxSnippets = 500;  // of one call: each reads a body

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

Answer get(Call& call) {
  Fields in(call.arguments);
  const auto ids = in.strings("emailIds");
  if (!ids) in.note("emailIds");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (ids->size() > kMaxSnippets)
    return Failure{"requestTooLarge", "at most " + std::to_string(kMaxSnippets) + " emailIds at once"};
  const auto asked = read_query(call, {});
  if (!asked) return asked.failure();
  const auto filter = EmailFilter::read(call, asked->filter);
  if (!filter) return filter.failure();
  const mailbox::SnippetWords words(filter->texts());
  const mailbox::Mailboxes& boxes = call.services().mailboxes;
  json::array list, not_found;
  std::set<std::string> seen;
  for (const std::string& given : *ids) {
    const std::string id = call.id_of(given);
    if (!seen.insert(id).second) continue;
    const auto number = message_of(id);
    const auto m = boxes.message(call.reader(), call.account().id, number.value_or(0));
    if (!m) return failure_of(m.error());
    if (!*m || !is_visible(**m, call.account())) {
      not_found.emplace_back(given);
      continue;
    }
    const auto snippet = mailbox::snippet(boxes, call.reader(), call.account().id, *number, words);
    if (!snippet) return failure_of(snippet.error());
    json::object one;
    one["emailId"] = id;
    one["subject"] = text_or_null(snippet->subject);
    one["preview"] = text_or_null(snippet->preview);
    list.emplace_back(std::move(one));
  }
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["list"] = std::move(list);
  out["notFound"] = not_found.empty() ? json::value(nullptr) : json::value(std::move(not_found));
  return out;
}

}  // namespace

void add_snippets(Methods& methods) {
  methods.add(
      Method{"SearchSnippet/get", std::string(kMail), get, {}, {identity::kMailRead}, "filter emailIds", false});
}

}  // namespace pabal::jmap
