// Email/changes and Thread/changes (RFC 8621 §4.3, §3.2).
#include <algorithm>

#include "jmap/email.h"
#include "jmap/email_news.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

using mailbox::ThreadId;

constexpr uint64_t kMaxChangesAnswer = 10'000;  // ids of one answer

// The oldest changes, of at most so many things; and the state that they lead to.
struct Window {
  std::vector<uint64_t> told;
  State state;
  bool more = false;
};
// `thing`: what an email's news are told of; nothing: of nothing.
Window window_of(const News& news, std::optional<uint64_t> max,
                 const std::function<std::optional<uint64_t>(const EmailNews&)>& thing) {
  Window out;
  const uint64_t most = std::min(max.value_or(kMaxChangesAnswer), kMaxChangesAnswer);
  std::set<uint64_t> seen;
  out.state.modseq = news.now;
  for (size_t i = 0; i < news.order.size(); ++i) {
    const auto& [modseq, email] = news.order[i];
    const auto what = thing(news.emails.at(email));
    if (!what || seen.contains(*what)) continue;
    if (seen.size() == most) {  // never at the first
      const auto& [last, told] = news.order[i - 1];
      out.more = true;
      out.state = last == modseq ? State{last - 1, told} : State{last, 0};
      break;
    }
    seen.insert(*what);
    out.told.push_back(*what);
  }
  return out;
}

Changes changes_of(const Window& window) {
  Changes out;
  out.now = window.state.text();
  out.more = window.more;
  return out;
}

struct Read {
  ChangesArguments asked;
  News news;
};
Or<Read> read_news(Call& call) {
  const auto asked = read_changes(call);
  if (!asked) return asked.failure();
  const auto since = read_state(asked->since);
  if (!since) return cannot_calculate();
  auto news = email_news(call, *since);
  if (!news) return news.failure();
  return Read{*asked, std::move(*news)};
}

Answer email_changes(Call& call) {
  const auto read = read_news(call);
  if (!read) return read.failure();
  const Window window = window_of(read->news, read->asked.max, [](const EmailNews& one) -> std::optional<uint64_t> {
    if (!one.was_visible() && !one.visible_now) return {};
    return one.then.id;
  });
  Changes out = changes_of(window);
  for (const mailbox::MessageId id : window.told) {
    const EmailNews& one = read->news.emails.at(id);
    auto& list = !one.was_visible() ? out.created : one.visible_now ? out.updated : out.destroyed;
    list.push_back(email_id(id));
  }
  return changes_answer(call, read->asked.since, std::move(out));
}

// Which threads there were, and are.
class Threads {
 public:
  Result<void> read(Call& call, const News& news) {
    std::vector<mailbox::MessageId> others;
    std::set<ThreadId> touched;
    for (const auto& [id, one] : news.emails) {
      if (one.was_visible()) before_.insert(one.then.thread);
      if (one.visible_now) now_.insert(one.then.thread);
      if (one.was_visible() != one.visible_now) touched.insert(one.then.thread);
    }
    for (const ThreadId thread : touched) {
      const auto members = call.services().mailboxes.thread(call.reader(), call.account().id, thread);
      if (!members) return members.error();
      for (const mailbox::MessageId id : *members)
        if (!news.emails.contains(id)) others.push_back(id);
    }
    std::sort(others.begin(), others.end());
    return call.services().mailboxes.each_message(call.reader(), call.account().id, others, [&](mailbox::Message&& m) {
      if (!is_visible(m, call.account())) return;
      before_.insert(m.thread);
      now_.insert(m.thread);
    });
  }
  bool was(ThreadId id) const { return before_.contains(id); }
  bool is(ThreadId id) const { return now_.contains(id); }

 private:
  std::set<ThreadId> before_, now_;
};

Answer thread_changes(Call& call) {
  const auto read = read_news(call);
  if (!read) return read.failure();
  Threads threads;
  if (const auto done = threads.read(call, read->news); !done) return failure_of(done.error());
  const auto thing = [&](const EmailNews& one) -> std::optional<uint64_t> {
    const bool is_changed = one.was_visible() != one.visible_now;
    return is_changed ? std::optional<uint64_t>(one.then.thread) : std::nullopt;
  };
  const Window window = window_of(read->news, read->asked.max, thing);
  Changes out = changes_of(window);
  for (const ThreadId id : window.told) {
    if (id == 0) return cannot_calculate();  // of an email that is purged, from before the feed told of threads
    auto& list = !threads.was(id) ? out.created : threads.is(id) ? out.updated : out.destroyed;
    list.push_back(thread_id(id));
  }
  return changes_answer(call, read->asked.since, std::move(out));
}

}  // namespace

void add_email_changes(Methods& methods) {
  add_mail_reads(methods, {identity::kMailMetadata},
                 {{"Email/changes", email_changes}, {"Thread/changes", thread_changes}});
}

}  // namespace pabal::jmap
