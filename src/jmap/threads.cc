// Thread/get (RFC 8621 §3.1).
#include <algorithm>

#include "jmap/email.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

using mailbox::MessageId;
using mailbox::ThreadId;

// The emails that the caller sees, of those threads; or of all that there are.
using Members = std::map<ThreadId, std::vector<std::pair<Time, MessageId>>>;
Or<Members> members_of(Call& call, const std::vector<ThreadId>* threads) {
  const mailbox::Mailboxes& boxes = call.services().mailboxes;
  Members out;
  bool too_many = false;
  const auto take = [&](mailbox::Message&& m) {
    if (too_many || !is_visible(m, call.account())) return;
    out[m.thread].emplace_back(m.received, m.id);
    too_many = out.size() > kMaxObjectsInGet;
  };
  std::vector<MessageId> ids;
  if (threads)
    for (const ThreadId thread : *threads) {
      const auto members = boxes.thread(call.reader(), call.account().id, thread);
      if (!members) return failure_of(members.error());
      ids.insert(ids.end(), members->begin(), members->end());
    }
  std::sort(ids.begin(), ids.end());
  const auto read = threads ? boxes.each_message(call.reader(), call.account().id, ids, take)
                            : boxes.each_message(call.reader(), call.account().id, take);
  if (!read) return failure_of(read.error());
  if (too_many) return Failure{"requestTooLarge", "there are too many threads for one answer; name them by \"ids\""};
  for (auto& [thread, emails] : out) std::sort(emails.begin(), emails.end());
  return out;
}

json::object object_of(ThreadId id, const std::vector<std::pair<Time, MessageId>>& emails, const GetArguments& asked) {
  json::object out;
  out["id"] = thread_id(id);
  if (!asked.wants("emailIds")) return out;
  json::array list;
  for (const auto& [received, email] : emails) list.emplace_back(email_id(email));
  out["emailIds"] = std::move(list);
  return out;
}

Answer get(Call& call) {
  const auto asked = read_get(call, {"id", "emailIds"});
  if (!asked) return asked.failure();
  std::vector<ThreadId> wanted;
  if (asked->ids)
    for (const std::string& id : *asked->ids)
      if (const auto thread = number_of('T', id)) wanted.push_back(*thread);
  const auto figures = call.services().mailboxes.figures(call.reader(), call.account().id);
  if (!figures) return failure_of(figures.error());
  const auto members = members_of(call, asked->ids ? &wanted : nullptr);
  if (!members) return members.failure();
  json::array list, not_found;
  if (!asked->ids)
    for (const auto& [id, emails] : *members) list.emplace_back(object_of(id, emails, *asked));
  for (const std::string& id : asked->ids.value_or(std::vector<std::string>())) {
    const auto found = members->find(number_of('T', id).value_or(0));
    if (found == members->end())
      not_found.emplace_back(id);
    else
      list.emplace_back(object_of(found->first, found->second, *asked));
  }
  return get_answer(call, state_text(figures->modseq), std::move(list), std::move(not_found));
}

}  // namespace

void add_threads(Methods& methods) { add_mail_reads(methods, {identity::kMailMetadata}, {{"Thread/get", get}}); }

}  // namespace pabal::jmap
