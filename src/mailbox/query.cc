#include "mailbox/query.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "mailbox/probe.h"
#include "mailbox/query_facts.h"
#include "mailbox/query_match.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

using Op = Query::Op;

constexpr size_t kPatience = 2'000;  // messages looked at for one page before all rows are read for what they tell
constexpr size_t kRowsForOne = 200;  // rows read in the time that looking at a message takes
constexpr size_t kFirstBatch = 64, kLastBatch = 1'024;

class Finder {
 public:
  Finder(const Mailboxes& boxes, const store::Reader& r, AccountId account, const Query& query, const QueryScope& scope)
      : boxes_(boxes),
        r_(r),
        account_(account),
        query_(query),
        scope_(scope),
        facts_(boxes, r, account, query, scope) {}

  Result<FoundPage> run(const PageWanted& wanted) {
    if (const auto done = facts_.learn(); !done) return done.error();
    wanted_ = &wanted;
    bounds_ = facts_.bounds();
    candidates_ = set_of_bounds();
    // Where rows decide it all, they are read as soon as so much time was lost as they take.
    const size_t patience =
        facts_.rows_decide() ? std::max<size_t>(kFirstBatch, facts_.messages() / kRowsForOne) : kPatience;
    MessageId below = std::min(facts_.end(), wanted.before && !wanted.total ? *wanted.before : facts_.end());
    for (size_t size = kFirstBatch; below > 0 && !is_done(); size = std::min(size * 2, kLastBatch)) {
      if (looked_at_ >= patience && !facts_.has_read_rows()) {
        if (const auto done = facts_.read_rows(); !done) return done.error();
        bounds_ = facts_.bounds();
        candidates_ = set_of_bounds();
      }
      if (facts_.has_read_rows() && bounds_.exact) {  // the sets are the answer
        candidates_.downwards(below, [&](MessageId id) {
          take(id);
          return !is_done();
        });
        below = 0;
        break;
      }
      Ids batch;
      const size_t most = facts_.has_read_rows() ? size : std::min<size_t>(size, patience - looked_at_);
      candidates_.downwards(below, [&](MessageId id) {
        batch.push_back(id);
        return batch.size() < most;
      });
      if (batch.empty()) {
        below = 0;
        break;
      }
      below = batch.back();
      if (const auto done = look_at(std::move(batch)); !done) return done.error();
    }
    return page(below);
  }

 private:
  IdSet set_of_bounds() const {
    IdSet out = bounds_.set ? *bounds_.set : IdSet(facts_.end());
    if (!bounds_.set) out.invert();
    if (!scope_.among) return out;
    IdSet these(facts_.end());
    for (const MessageId id : *scope_.among) these.add(id);
    out.keep(these);
    return out;
  }

  bool is_done() const { return !wanted_->total && out_.ids.size() > wanted_->limit; }

  void take(MessageId id) {
    ++found_;
    if ((!wanted_->before || id < *wanted_->before) && out_.ids.size() <= wanted_->limit) out_.ids.push_back(id);
  }

  // `batch` from the newest to the oldest.
  Result<void> look_at(Ids batch) {
    std::reverse(batch.begin(), batch.end());
    Ids found;
    std::optional<Error> failure;
    const auto read = boxes_.each_message(r_, account_, batch, [&](Message&& m) {
      std::erase_if(m.places,
                    [&](const Message::Place& place) { return scope_.only && place.mailbox != *scope_.only; });
      if (failure || !facts_.is_visible(m)) return;
      const MessageId id = m.id;
      Probe probe(boxes_, r_, account_, id);
      probe.give(std::move(m));
      if (bounds_.exact || holds(query_, probe)) found.push_back(id);
      if (probe.failure()) failure = probe.failure();
      if (failure_) failure = failure_;
    });
    if (!read) return read;
    if (failure) return *failure;
    for (auto id = found.rbegin(); id != found.rend(); ++id) take(*id);
    looked_at_ += batch.size();
    return {};
  }

  // `below`: what was not looked at.
  FoundPage page(MessageId below) {
    out_.more = out_.ids.size() > wanted_->limit;
    if (out_.more) out_.ids.resize(wanted_->limit);
    out_.total = found_;
    const bool saw_all = !is_done() && below == 0 && (!wanted_->before || wanted_->total);
    out_.is_estimate = !saw_all;
    if (saw_all) return std::move(out_);
    // As many of the others as of those looked at.
    const uint64_t all = bounds_.set || scope_.among ? candidates_.count() : facts_.messages();
    if (bounds_.exact && facts_.has_read_rows()) {
      out_.total = all;
      out_.is_estimate = false;
    } else {
      out_.total = looked_at_ == 0 ? all : std::max<uint64_t>(found_, all * found_ / looked_at_);
    }
    return std::move(out_);
  }

  // --- one message ---

  bool holds(const Query& q, Probe& probe) {
    const Message& m = *probe.message();
    const auto in_one = [&](const std::vector<MailboxId>& boxes, bool listed) {
      return std::any_of(m.places.begin(), m.places.end(), [&](const Message::Place& place) {
        return (std::find(boxes.begin(), boxes.end(), place.mailbox) != boxes.end()) == listed;
      });
    };
    switch (q.op) {
      case Op::kAll:
      case Op::kAnywhere:
        return true;
      case Op::kNone:
        return false;
      case Op::kAnd:
        return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); });
      case Op::kOr:
        return std::any_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); });
      case Op::kNot:
        return !holds(q.children.front(), probe);
      case Op::kText:
      case Op::kSubject:
      case Op::kFrom:
      case Op::kTo:
      case Op::kCc:
      case Op::kBody:
      case Op::kAttachment:
        return facts_.has(q, probe.id());
      case Op::kBcc:
        return facts_.has(q, probe.id()) && probe.in_addresses("BCC", message::Needle(q.text));
      case Op::kHeader:
        if (q.text.empty()) return probe.in_header(q.name, message::Needle(""));
        return (!is_indexed_field(q.name) || facts_.has(q, probe.id())) &&
               probe.in_header(q.name, message::Needle(q.text));
      case Op::kList:
        return facts_.has(q, probe.id()) && probe.in_header("List-Id", message::Needle(q.text));
      case Op::kMessageId:
        return facts_.has(q, probe.id()) && probe.summary() && is_message_id(probe.summary()->message_id, q.text);
      case Op::kDeliveredTo:
        return probe.in_header("Delivered-To", message::Needle(q.text));
      case Op::kFilename:
        return facts_.has(q, probe.id()) && probe.details() && names_file(probe.details()->structure.root, q);
      case Op::kAround:
        return std::all_of(q.children.begin(), q.children.end(), [&](const Query& c) { return holds(c, probe); }) &&
               probe.details() && probe.body() && are_near(q, *probe.body(), probe.details()->structure);
      case Op::kUserLabels:
        return std::any_of(m.places.begin(), m.places.end(),
                           [&](const Message::Place& place) { return facts_.role_of(place.mailbox) == Role::kNone; });
      case Op::kFlag:
        return (m.flags.system & q.flag) != 0;
      case Op::kKeyword:
        return has_keyword(m.flags, q.text);
      case Op::kThreadAll:
      case Op::kThreadSome:
        return holds_of_thread(q, m);
      case Op::kLabel:
      case Op::kMailbox:
        return in_one(facts_.named(q), true);
      case Op::kMailboxBeside:
        return in_one(q.mailboxes, false);
      case Op::kLarger:
        return m.size >= q.number;
      case Op::kSmaller:
        return m.size < q.number;
      case Op::kSince:
        return m.received >= q.time;
      case Op::kBefore:
        return m.received < q.time;
    }
    return false;
  }

  // RFC 8621 §4.4.1, of the messages of the thread that this scope shows.
  bool holds_of_thread(const Query& q, const Message& m) {
    auto& known = threads_[&q];
    if (const auto answer = known.find(m.thread); answer != known.end()) return answer->second;
    bool all = true, some = false;
    const auto count = [&](bool has) {
      all = all && has;
      some = some || has;
    };
    const auto members = boxes_.thread(r_, account_, m.thread);
    Result<void> read = members ? Result<void>() : members.error();
    if (members)
      read = boxes_.each_message(r_, account_, *members, [&](Message&& one) {
        const bool shown = std::any_of(one.places.begin(), one.places.end(), [&](const Message::Place& place) {
          return !scope_.only || place.mailbox == *scope_.only;
        });
        if (shown) count(has_keyword(one.flags, q.text));
      });
    if (!read) failure_ = read.error();
    return known[m.thread] = q.op == Op::kThreadAll ? all && some : some;
  }

  const Mailboxes& boxes_;
  const store::Reader& r_;
  const AccountId account_;
  const Query& query_;
  const QueryScope& scope_;
  const PageWanted* wanted_ = nullptr;
  QueryFacts facts_;
  QueryFacts::Bounds bounds_;
  IdSet candidates_;
  std::map<const Query*, std::map<ThreadId, bool>> threads_;
  std::optional<Error> failure_;
  uint64_t looked_at_ = 0, found_ = 0;
  FoundPage out_;
};

}  // namespace

Result<FoundPage> find_page(const Mailboxes& boxes, const store::Reader& r, AccountId account, const Query& query,
                            const QueryScope& scope, const PageWanted& wanted) {
  return Finder(boxes, r, account, query, scope).run(wanted);
}

Result<std::vector<MessageId>> find(const Mailboxes& boxes, const store::Reader& r, AccountId account,
                                    const Query& query, const QueryScope& scope) {
  auto all = find_page(boxes, r, account, query, scope, {.limit = SIZE_MAX - 1});
  if (!all) return all.error();
  std::reverse(all->ids.begin(), all->ids.end());
  return std::move(all->ids);
}

}  // namespace pabal::mailbox
