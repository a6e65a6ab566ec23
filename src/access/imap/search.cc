// SEARCH, SORT and THREAD, and what long work on the pool tells meanwhile.
#include <algorithm>

#include "access/imap/search_run.h"
#include "access/imap/session.h"
#include "access/imap/thread.h"
#include "net/bell.h"

namespace pabal::access::imap {
namespace {

struct OnPool {
  net::Bell bell;
  std::optional<Result<void>> done;
};

Task<void> run_and_ring(net::Pool& pool, net::Loop& loop, std::function<Result<void>()> work,
                        std::shared_ptr<OnPool> shared) {
  std::function<Result<bool>()> job = [work]() -> Result<bool> {
    if (const auto done = work(); !done) return done.error();
    return true;
  };
  Task<Result<bool>> working = net::run_on<bool>(pool, loop, job);
  const Result<bool> done = co_await working;
  shared->done = done ? Result<void>() : Result<void>(done.error());
  shared->bell.ring();
}

}  // namespace

// --- long work ------------------------------------------------------------------------------------------------------

// `work` owns what it uses, or that outlives every session. A client that is gone stops it.
Task<Result<void>> Session::on_pool(std::function<Result<void>()> work, std::shared_ptr<Progress> progress) {
  const auto shared = std::make_shared<OnPool>();
  loop_.spawn(run_and_ring(services_.pool, loop_, std::move(work), shared));
  while (!shared->done) {
    const auto timer = loop_.at(loop_.now() + kProgressEvery,
                                [&loop = loop_, shared] { loop.post([shared] { shared->bell.ring(); }); });
    net::Bell::Awaiter ring = shared->bell.wait();
    co_await ring;
    if (shared->done || state_ == State::kOver) continue;
    Task<bool> telling = tell_progress(progress->done, progress->total);
    if (!(co_await telling)) progress->stop = true;
  }
  co_return *shared->done;
}

// RFC 9585 §4, at most every kProgressEvery. False: the client is gone.
Task<bool> Session::tell_progress(size_t done, size_t total) {
  if (loop_.now() < tell_next_) co_return true;
  tell_next_ = loop_.now() + kProgressEvery;
  out_ += "* OK [INPROGRESS (" + quote(tag_) + " " + std::to_string(std::min(done, total)) + " " +
          (total > 0 ? std::to_string(total) : "NIL") + ")] working\r\n";
  Task<bool> flushing = flush();
  co_return co_await flushing;
}

// --- SEARCH, SORT, THREAD -------------------------------------------------------------------------------------------

namespace {

struct Work {
  SearchJob job;
  SearchRequest request;
  Searching kind;
  bool uid;
  std::shared_ptr<mailbox::HeadlineCache> headlines;
  std::vector<Match> found{};         // in the order of the answer
  std::vector<std::string> octets{};  // of SORT: what orders them
  std::string threads{};              // of THREAD
};

// Orders or threads what was found, by headlines.
void arrange(Work& work, const mailbox::Headlines& headlines) {
  std::vector<Match> known;
  std::vector<const mailbox::Headline*> lines;
  known.reserve(work.found.size());
  lines.reserve(work.found.size());
  size_t near = 0;
  for (const Match& match : work.found) {
    const mailbox::Headline* line = headlines.find(match.message, near);
    if (!line) continue;
    known.push_back(match);
    lines.push_back(line);
  }
  work.found.clear();
  if (work.kind == Searching::kSort) {
    for (const uint32_t place : sorted_places(work.request.sort, lines, headlines.subjects()))
      work.found.push_back(known[place]);
    return;
  }
  std::vector<Threaded> threads;
  threads.reserve(lines.size());
  for (size_t i = 0; i < lines.size(); ++i)
    threads.push_back({work.uid ? known[i].target.uid : known[i].target.sequence, lines[i]});
  work.threads = work.request.references ? threads_by_references(threads) : threads_by_subject(std::move(threads));
  work.found = std::move(known);
}

Result<void> work_on(Work& work) {
  const auto snapshot = work.job.store.snapshot();
  auto found = run(work.job, *snapshot);
  if (!found) return found.error();
  work.found = std::move(*found);
  if (work.kind == Searching::kSearch) return {};
  const auto& sort = work.request.sort;
  if (work.kind == Searching::kThread || (is_by_headline(sort) && !work.request.update)) {
    std::vector<mailbox::MessageId> ids;
    ids.reserve(work.found.size());
    for (const Match& match : work.found) ids.push_back(match.message);
    return work.headlines->with(work.job.mailboxes, *snapshot, work.job.account, ids,
                                [&](const mailbox::Headlines& lines) { arrange(work, lines); });
  }
  const auto read = each_whole(work.job, *snapshot, work.found, {needs_message(sort), needs_summary(sort)},
                               [&](const Match&, const mailbox::Message& message, const message::Summary& summary) {
                                 work.octets.push_back(sort_octets(sort, message, summary));
                               });
  if (!read) return read;
  put_in_order(work.found, work.octets);
  return {};
}

}  // namespace

Task<void> Session::search(Words words, bool uid) {
  Task<void> searching = search_for(words, uid, Searching::kSearch);
  co_await searching;
}

Task<void> Session::sort(Words words, bool uid) {
  Task<void> searching = search_for(words, uid, Searching::kSort);
  co_await searching;
}

Task<void> Session::thread(Words words, bool uid) {
  Task<void> searching = search_for(words, uid, Searching::kThread);
  co_await searching;
}

Task<void> Session::search_for(Words words, bool uid, Searching kind) {
  words.space();
  const SearchParse parsed = parse_search(words, kind);
  if (parsed.bad_charset) co_return no("[BADCHARSET (UTF-8 US-ASCII)] that charset is not known here");
  if (!parsed.request) co_return bad("the search is malformed, or has a key that is not known here");
  const SearchRequest& request = *parsed.request;
  if (uidonly_ && names_numbers(request.key))
    co_return bad("[UIDREQUIRED] after ENABLE UIDONLY there are no message numbers");
  if (asks_modseq(request.key)) become_condstore();
  if (request.has_charset && utf8_) co_return bad("with UTF8=ACCEPT there is no CHARSET (RFC 6855 section 3)");
  if (request.update && has_context(tag_)) co_return bad("that tag has a search that tells of changes already");

  const auto work = std::make_shared<Work>(Work{search_job(request.key), request, kind, uid, services_.headlines});
  std::function<Result<void>()> run = [work] { return work_on(*work); };
  Task<Result<void>> working = on_pool(run, work->job.progress);
  const Result<void> done = co_await working;
  if (!done) {
    if (request.save) selected_->saved = {};  // RFC 5182 §2.1
    co_return no(done.error());
  }
  std::vector<Target> found;
  found.reserve(work->found.size());
  for (const Match& match : work->found) found.push_back(match.target);
  if (request.save) {
    std::vector<Target> saved = saved_targets(request, found);
    std::sort(saved.begin(), saved.end(), [](const Target& a, const Target& b) { return a.uid < b.uid; });
    selected_->saved = {};
    for (const Target& t : saved) selected_->saved.add(t.uid);
  }
  if (kind == Searching::kThread) {
    out_ += "* THREAD" + (work->threads.empty() ? "" : " " + work->threads) + "\r\n";
  } else {
    // RFC 9051 §6.4.4: IMAP4rev2 answers a SEARCH with ESEARCH always.
    const bool extended = request.returns || (rev2_ && kind == Searching::kSearch);
    out_ += search_answer(request, tag_, uid, extended, found);
  }
  if (request.update) keep_context(work->job, request, uid, found, std::move(work->octets));
  Task<void> telling = tell_news(uid);
  co_await telling;
  ok("searched");
}

SearchJob Session::search_job(const SearchKey& key) const {
  return {services_.store,
          services_.mailboxes,
          selected_->account,
          selected_->box.id,
          selected_->view.uids(),
          selected_->saved,
          key,
          loop_.now(),
          account_->id,
          account_->name};
}

}  // namespace pabal::access::imap
