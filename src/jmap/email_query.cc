// Email/query and Email/queryChanges (RFC 8621 §4.4, §4.5).
#include <algorithm>
#include <unordered_set>

#include "jmap/email_news.h"
#include "jmap/email_sort.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

using mailbox::MessageId;
using mailbox::Overview;
using mailbox::ThreadId;

constexpr int kTries = 5;  // where somebody else looks at a newer moment of the account

// One query and what it finds now.
class EmailQuery {
 public:
  static Or<EmailQuery> read(Call& call, bool changes) {
    auto asked = read_query(call, EmailSort::properties(), changes);
    if (!asked) return asked.failure();
    Fields in(call.arguments);
    const bool collapse = in.boolean("collapseThreads", false);
    if (const auto bad = in.bad_arguments()) return *bad;
    auto filter = EmailFilter::read(call, asked->filter);
    if (!filter) return filter.failure();
    auto sort = EmailSort::read(asked->sort);
    if (!sort) return sort.failure();
    return EmailQuery(std::move(*asked), std::move(*filter), std::move(*sort), collapse);
  }

  // Finds them; then `hits` are all, in order. `since`: and says of what happened after it what it means for them.
  std::optional<Failure> run(Call& call, const State* since = nullptr) {
    for (int i = 0;; ++i) {
      if (since) {
        auto news = email_news(call, *since);
        if (!news) return news.failure();
        news_ = std::move(*news);
      }
      if (const auto done = filter_.look_up(call); !done) return failure_of(done.error());
      const std::function<void(const Overview&)> use = [&](const Overview& overview) {
        take(call.account(), overview);
      };
      const auto done = call.services().overviews.with(call.reader(), call.account().id, use);
      if (done) break;
      if (done.code() != Code::kConflict || i == kTries) return failure_of(done.error());
      call.read_anew();
    }
    if (const auto sorted = sort_.sort(call, hits_); !sorted) return failure_of(sorted.error());
    return {};
  }

  const QueryArguments& asked() const { return asked_; }
  mailbox::ModSeq state() const { return state_; }

  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    out.reserve(hits_.size());
    std::unordered_set<ThreadId> seen;
    for (const Hit& hit : hits_)
      if (!collapse_ || seen.insert(hit.thread).second) out.push_back(email_id(hit.id));
    return out;
  }

  // Which may have been in the results and have left or moved, and which are new there or have moved.
  struct Moves {
    std::set<std::string> removed, added;
  };
  Or<Moves> moves() const {
    Moves out;
    if (!collapse_) {
      for (const MessageId id : left_) out.removed.insert(email_id(id));
      for (const MessageId id : came_) out.added.insert(email_id(id));
      return out;
    }
    if (threads_.contains(0)) return cannot_calculate();
    // Of each thread that something happened to: the email that stood for it before, and the one that does now.
    std::unordered_set<ThreadId> seen, done;
    for (const Hit& hit : hits_) {
      if (!threads_.contains(hit.thread)) continue;
      const bool first = seen.insert(hit.thread).second;
      if (first) out.added.insert(email_id(hit.id));
      if (came_.contains(hit.id) || !done.insert(hit.thread).second) continue;
      if (first && !threads_.at(hit.thread))
        out.added.erase(email_id(hit.id));  // none was there that may have stood before it
      else
        out.removed.insert(email_id(hit.id));
    }
    for (const MessageId id : left_) out.removed.insert(email_id(id));
    return out;
  }

 private:
  EmailQuery(QueryArguments asked, EmailFilter filter, EmailSort sort, bool collapse)
      : asked_(std::move(asked)), filter_(std::move(filter)), sort_(std::move(sort)), collapse_(collapse) {}

  // The line with the mailboxes that the caller sees; null: none.
  static const Overview::Line* visible(const Account& account, const Overview::Line& line, Overview::Line& room) {
    if (account.own || line.boxes.empty()) return line.boxes.empty() ? nullptr : &line;
    room = line;
    std::erase_if(room.boxes,
                  [&](mailbox::MailboxId id) { return !account.may(id, mailbox::kLookup | mailbox::kRead); });
    return room.boxes.empty() ? nullptr : &room;
  }

  void take(const Account& account, const Overview& overview) {
    hits_.clear();
    state_ = overview.modseq();
    ThreadKeywords threads;
    Overview::Line room;
    const bool uses_threads = filter_.uses_threads() || sort_.uses_threads();
    if (uses_threads) {
      filter_.want(threads);
      sort_.want(threads);
      for (const Overview::Line& line : overview.lines())
        if (const Overview::Line* one = visible(account, line, room)) threads.count(*one);
    }
    for (const Overview::Line& line : overview.lines()) {
      const Overview::Line* one = visible(account, line, room);
      if (one && filter_.holds({*one}, threads) == Holds::kYes) hits_.push_back(sort_.hit(*one, threads));
    }
    if (news_) look_back(account, overview, threads, uses_threads);
  }

  // What has happened to emails, and by threads to others. hits_ are by id still.
  void look_back(const Account& account, const Overview& overview, const ThreadKeywords& threads, bool uses_threads) {
    left_.clear();
    came_.clear();
    threads_.clear();
    std::unordered_set<ThreadId> touched;
    for (const auto& [id, news] : news_->emails) touched.insert(news.then.thread);
    for (const auto& [id, news] : news_->emails) {
      Moment then{news.then};
      then.knows_text = news.visible_now;
      then.knows_keywords = !news.flags_changed;
      then.knows_thread = !uses_threads;
      const Holds held = !news.was_visible() ? Holds::kNo
                         : news.is_purged    ? Holds::kMaybe
                                             : filter_.holds(then, threads);
      compare(account, overview, then, held);
    }
    if (!uses_threads) return;
    Overview::Line room;
    for (const Overview::Line& line : overview.lines()) {
      const Overview::Line* one = visible(account, line, room);
      if (!one || !touched.contains(line.thread) || news_->emails.contains(line.id)) continue;
      Moment then{*one};
      then.knows_thread = false;
      compare(account, overview, then, filter_.holds(then, threads));
    }
  }

  void compare(const Account& account, const Overview& overview, const Moment& then, Holds held) {
    const MessageId id = then.line.id;
    const auto hit =
        std::lower_bound(hits_.begin(), hits_.end(), id, [](const Hit& h, MessageId i) { return h.id < i; });
    const bool is_in = hit != hits_.end() && hit->id == id;
    Overview::Line room;
    const Overview::Line* line = overview.find(id);
    const Overview::Line* now = line ? visible(account, *line, room) : nullptr;
    if (held == Holds::kYes && is_in && now && !sort_.may_move(then, *now)) return;
    if (held != Holds::kNo) left_.insert(id);
    if (is_in) came_.insert(id);
    if (held != Holds::kNo || is_in) threads_[then.line.thread] = threads_[then.line.thread] || held != Holds::kNo;
  }

  QueryArguments asked_;
  EmailFilter filter_;
  EmailSort sort_;
  bool collapse_;
  std::optional<News> news_;
  std::vector<Hit> hits_;  // threads are not collapsed
  mailbox::ModSeq state_ = 0;
  std::set<MessageId> left_, came_;
  std::map<ThreadId, bool> threads_;  // that something happened to; true: one may have left
};

Answer query(Call& call) {
  auto query = EmailQuery::read(call, false);
  if (!query) return query.failure();
  if (const auto failed = query->run(call)) return *failed;
  return query_answer(call, query->asked(), state_text(query->state()), true, query->ids());
}

Answer query_changes(Call& call) {
  auto query = EmailQuery::read(call, true);
  if (!query) return query.failure();
  const auto since = read_state(query->asked().since);
  if (!since || since->email != 0) return cannot_calculate();
  if (const auto failed = query->run(call, &*since)) return *failed;
  const auto moves = query->moves();
  if (!moves) return moves.failure();
  // What lies behind the last that the client has is not told, where that has not moved itself.
  const auto& last = query->asked().up_to_id;
  const bool up_to_last = last && !moves->removed.contains(*last);
  return query_changes_answer(call, query->asked(), state_text(query->state()), query->ids(), moves->removed,
                              moves->added, up_to_last);
}

}  // namespace

void add_email_queries(Methods& methods) {
  add_mail_reads(methods, {identity::kMailRead},
                 {{"Email/query", query, "collapseThreads"}, {"Email/queryChanges", query_changes, "collapseThreads"}});
}

}  // namespace pabal::jmap
