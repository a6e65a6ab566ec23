#include "access/imap/search_run.h"
#include "access/imap/session.h"

namespace pabal::access::imap {

Task<void> Session::search(Words words, bool uid) {
  words.space();
  const SearchParse parsed = parse_search(words);
  if (parsed.bad_charset) co_return no("[BADCHARSET (UTF-8 US-ASCII)] that charset is not known here");
  if (!parsed.request) co_return bad("the SEARCH is malformed, or has a key that is not known here");
  const SearchRequest& request = *parsed.request;
  if (request.has_charset && utf8_) co_return bad("with UTF8=ACCEPT there is no CHARSET (RFC 6855 section 3)");

  const auto job = std::make_shared<const SearchJob>(SearchJob{services_.store, services_.mailboxes, selected_->account,
                                                               selected_->box.id, selected_->view.uids(),
                                                               selected_->saved, request.key});
  std::function<Result<std::vector<Target>>()> work = [job] { return imap::run(*job); };
  Task<Result<std::vector<Target>>> working = net::run_on<std::vector<Target>>(services_.pool, loop_, work);
  const Result<std::vector<Target>> found = co_await working;
  if (!found) {
    if (request.save) selected_->saved = {};  // RFC 5182 §2.1
    co_return no(found.error());
  }
  if (request.save) {
    selected_->saved = {};
    for (const Target& t : saved_targets(request, *found)) selected_->saved.add(t.uid);
  }
  std::vector<uint32_t> numbers;
  numbers.reserve(found->size());
  for (const Target& t : *found) numbers.push_back(uid ? t.uid : t.sequence);
  // RFC 9051 §6.4.4: IMAP4rev2 answers with ESEARCH always.
  out_ += search_answer(request, tag_, uid, request.returns || rev2_, numbers);
  Task<void> telling = tell_news(uid);
  co_await telling;
  ok("searched");
}

}  // namespace pabal::access::imap
