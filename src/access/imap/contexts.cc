// Searches that tell of changes (RFC 5267 §4.3): what a RETURN (UPDATE) found, kept right with ADDTO and REMOVEFROM.
#include <algorithm>
#include <map>

#include "access/imap/search_run.h"
#include "access/imap/session.h"

namespace pabal::access::imap {

using mailbox::Uid;

struct Context {
  std::string tag;
  bool uid = false;
  SearchJob job;                // its numbers were resolved when it was given
  std::vector<SortKey> sort{};  // of a SORT
  std::optional<FetchRequest> of_new{};
  mailbox::UidMap found{};  // what the client knows
  struct Placed {
    std::string octets;
    Uid uid;
    friend auto operator<=>(const Placed&, const Placed&) = default;
  };
  std::vector<Placed> order{};  // of a SORT: `found` in its order
};

namespace {

// RFC 5267 §4.3: numbers in the criteria mean the messages that had them when the command came.
void resolve(SearchKey& key, const SearchJob& job) {
  for (SearchKey& child : key.children) resolve(child, job);
  if (key.op != SearchKey::Op::kSequence && !key.set.saved) return;
  std::vector<Target> named;
  if (key.set.saved) {
    named = targets_by_uid(key.set, job.uids, job.saved);
  } else {
    for (const SequenceSet::Range& r : key.set.resolve(job.uids.count()))
      for (uint32_t n = r.first; n <= std::min(r.last, job.uids.count()); ++n) named.push_back({n, job.uids.at(n)});
  }
  key.op = SearchKey::Op::kUid;
  key.set = {};
  for (const Target& t : named) {
    if (!key.set.ranges.empty() && key.set.ranges.back().last + 1 == t.uid)
      key.set.ranges.back().last = t.uid;
    else
      key.set.ranges.push_back({t.uid, t.uid});
  }
}

struct Update {
  std::string removed, added;  // "0 3:5", "2 9 7 12"
  static void add(std::string& to, size_t position, uint32_t number) {
    (to.empty() ? to : to += ' ') += std::to_string(position) + " " + std::to_string(number);
  }
};

std::string update_line(const Context& context, const std::string& removed, const std::string& added) {
  std::string out;
  if (removed.empty() && added.empty()) return out;
  out = "* ESEARCH (TAG " + quote(context.tag) + ")" + (context.uid ? " UID" : "");
  if (!removed.empty()) out += " REMOVEFROM (" + removed + ")";
  if (!added.empty()) out += " ADDTO (" + added + ")";
  return out + "\r\n";
}

// Takes messages out; gives the pairs of REMOVEFROM. Those of a SEARCH are in mailbox order, position 0.
std::string taken_out(Context& context, const std::vector<Target>& removed) {
  std::string out;
  std::vector<uint32_t> numbers;
  for (const Target& t : removed) {
    if (!context.found.remove(t.uid)) continue;
    const uint32_t number = context.uid ? t.uid : t.sequence;
    if (context.sort.empty()) {
      numbers.push_back(number);
      continue;
    }
    const auto at = std::find_if(context.order.begin(), context.order.end(),
                                 [&](const Context::Placed& p) { return p.uid == t.uid; });
    Update::add(out, static_cast<size_t>(at - context.order.begin()) + 1, number);
    context.order.erase(at);
  }
  std::sort(numbers.begin(), numbers.end());
  return context.sort.empty() && !numbers.empty() ? "0 " + set_text(numbers) : out;
}

struct Asked {
  std::shared_ptr<Context> context;
  SearchJob job;
  std::vector<Match> found{};
  std::vector<std::string> octets{};
};

Result<void> ask(Asked& asked) {
  const auto snapshot = asked.job.store.snapshot();
  auto found = run(asked.job, *snapshot);
  if (!found) return found.error();
  asked.found = std::move(*found);
  const auto& sort = asked.context->sort;
  if (sort.empty()) return {};
  return each_whole(asked.job, *snapshot, asked.found, {needs_message(sort), needs_summary(sort)},
                    [&](const Match&, const mailbox::Message& message, const message::Summary& summary) {
                      asked.octets.push_back(sort_octets(sort, message, summary));
                    });
}

}  // namespace

bool Session::has_context(const std::string& tag) const {
  const auto& all = selected_->contexts;
  return std::any_of(all.begin(), all.end(), [&](const auto& context) { return context->tag == tag; });
}

void Session::keep_context(const SearchJob& job, const SearchRequest& request, bool uid,
                           const std::vector<Target>& found, std::vector<std::string> octets) {
  if (selected_->contexts.size() >= kMaxContexts ||
      (!request.sort.empty() && found.size() > kMaxSortedContext)) {  // RFC 5267 §4.3.1
    out_ += "* NO [NOUPDATE " + quote(tag_) + "] too many searches tell of changes, or that one found too much\r\n";
    return;
  }
  if (selected_->contexts.empty()) selected_->contexts_seen = selected_->view.seen();
  const auto context = std::make_shared<Context>(Context{tag_, uid, job, request.sort, request.of_new});
  resolve(context->job.key, job);
  std::vector<Uid> uids;
  for (const Target& t : found) uids.push_back(t.uid);
  for (size_t i = 0; !request.sort.empty() && i < uids.size(); ++i)
    context->order.push_back({std::move(octets[i]), uids[i]});
  std::sort(uids.begin(), uids.end());
  for (const Uid one : uids) context->found.add(one);
  selected_->contexts.push_back(context);
}

void Session::tell_removed(const std::vector<Target>& removed) {
  for (const auto& context : selected_->contexts) out_ += update_line(*context, taken_out(*context, removed), "");
}

// Which messages changed, by this client's commands too. False: it could not be read.
bool Session::learn_changes() {
  constexpr size_t kChangesAtOnce = 10'000;
  for (;;) {
    const auto changes =
        services_.mailboxes.changes(services_.store, selected_->account, selected_->contexts_seen, kChangesAtOnce);
    if (changes && changes->empty()) return true;
    if (!changes && changes.code() != Code::kNotFound) return false;
    if (!changes) {  // the feed does not reach back: any may have changed
      const auto figures = services_.mailboxes.figures(services_.store, selected_->account);
      if (!figures) return false;
      selected_->contexts_seen = figures->modseq;
      for (const mailbox::UidMap::Range& r : selected_->view.uids().ranges())
        for (uint64_t uid = r.first; uid <= r.last; ++uid) selected_->contexts_wait.insert(static_cast<Uid>(uid));
      return true;
    }
    for (const mailbox::Change& change : *changes)
      if (change.mailbox == selected_->box.id && change.uid > 0) selected_->contexts_wait.insert(change.uid);
    selected_->contexts_seen = changes->back().modseq;
  }
}

Task<void> Session::tell_contexts(std::vector<Uid> arrived) {
  if (!selected_ || selected_->contexts.empty() || !learn_changes()) co_return;
  std::vector<Uid> changed;  // of those that the client knows; the others wait for their EXISTS
  for (const Uid uid : selected_->contexts_wait)
    if (selected_->view.uids().sequence(uid) > 0) changed.push_back(uid);
  std::erase_if(selected_->contexts_wait, [&](Uid uid) { return uid <= selected_->view.highest_uid(); });
  if (changed.empty()) co_return;
  SearchKey those;
  those.op = SearchKey::Op::kUid;
  for (const Uid uid : changed) those.set.ranges.push_back({uid, uid});
  const std::vector<std::shared_ptr<Context>> contexts = selected_->contexts;
  for (const auto& context : contexts) {
    const auto asked = std::make_shared<Asked>(Asked{context, search_job(context->job.key)});
    asked->job.key.children.insert(asked->job.key.children.begin(), those);
    std::function<Result<void>()> work = [asked] { return ask(*asked); };
    Task<Result<void>> working = on_pool(work, asked->job.progress);
    const Result<void> done = co_await working;
    if (state_ != State::kSelected) co_return;
    if (!done) continue;  // the next change of them will tell
    std::map<Uid, std::string> fit;
    for (size_t i = 0; i < asked->found.size(); ++i)
      fit[asked->found[i].target.uid] = asked->octets.empty() ? "" : asked->octets[i];
    std::vector<Target> out, in;
    for (const Uid uid : changed) {
      const Target target{selected_->view.uids().sequence(uid), uid};
      const bool fits = fit.contains(uid), had = context->found.sequence(uid) > 0;
      if (target.sequence > 0 && fits != had) (fits ? in : out).push_back(target);
    }
    if (context->of_new) {  // RFC 5465 §7: before ADDTO; not of those that a flag brought
      std::vector<mailbox::Row> rows;
      for (const Target& t : in) {
        if (!std::binary_search(arrived.begin(), arrived.end(), t.uid)) continue;
        auto row = services_.mailboxes.row(services_.store, selected_->account, selected_->box.id, t.uid);
        if (row && *row) rows.push_back(std::move(**row));
      }
      Task<void> saying = say_new(std::move(rows), &*context->of_new);
      co_await saying;
      if (state_ != State::kSelected) co_return;
    }
    const std::string removed = taken_out(*context, out);
    std::string added;
    std::vector<uint32_t> numbers;
    for (const Target& t : in) {
      context->found.add(t.uid);
      const uint32_t number = context->uid ? t.uid : t.sequence;
      numbers.push_back(number);
      if (context->sort.empty()) continue;
      Context::Placed placed{std::move(fit[t.uid]), t.uid};
      const auto at = std::lower_bound(context->order.begin(), context->order.end(), placed);
      Update::add(added, static_cast<size_t>(at - context->order.begin()) + 1, number);
      context->order.insert(at, std::move(placed));
    }
    if (context->sort.empty() && !numbers.empty()) added = "0 " + set_text(numbers);
    out_ += update_line(*context, removed, added);
  }
}

Task<void> Session::cancel_update(Words words, bool) {
  std::vector<std::string> tags;
  do {
    words.space();
    tags.push_back(words.astring());
  } while (words.peek() == ' ');
  if (!words.done()) co_return bad("CANCELUPDATE wants the tags of searches, quoted");
  std::erase_if(selected_->contexts,
                [&](const auto& context) { return std::find(tags.begin(), tags.end(), context->tag) != tags.end(); });
  ok("no more of these");
}

}  // namespace pabal::access::imap
