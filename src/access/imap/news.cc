// What a client is told of changes that it did not ask for, in answers to its commands and in IDLE.
#include <algorithm>
#include <charconv>

#include "access/imap/session.h"
#include "base/text.h"
#include "net/bell.h"

namespace pabal::access::imap {

using mailbox::Row;
using mailbox::Uid;

namespace {
constexpr size_t kChangesAtOnce = 10'000;
}  // namespace

// Feeds the view with what has happened since it last looked. False: it could not be read.
bool Session::learn_news(const store::Reader& r) {
  View& view = selected_->view;
  const auto& boxes = services_.mailboxes;
  const mailbox::AccountId account = selected_->account;
  const auto figures = boxes.figures(r, account);
  if (!figures) return false;
  while (figures->modseq > view.seen()) {
    const auto changes = boxes.changes(r, account, view.seen(), kChangesAtOnce);
    if (changes && !changes->empty()) {
      for (const mailbox::Change& change : *changes) view.note(change);
      continue;
    }
    if (!changes && changes.code() != Code::kNotFound) return false;
    // The feed does not reach back: compare with the mailbox as it is.
    const auto box = boxes.get(r, account, selected_->box.id);
    const auto uids = boxes.uids(r, account, selected_->box.id);
    std::vector<Uid> changed;
    const auto rows = boxes.rows(r, account, selected_->box.id, 1, UINT32_MAX, [&](const Row& row) {
      if (row.modseq > view.seen()) changed.push_back(row.uid);
      return true;
    });
    if (!box || !uids || !rows) return false;
    view.replace(*uids, changed, figures->modseq, *box ? (*box)->highest_modseq : 0);
    break;
  }
  return true;
}

Task<void> Session::tell_news(bool may_expunge, bool own) {
  refresh_rights();
  if (state_ == State::kOver) co_return;
  learn_annotations(true);
  if (!selected_) co_return;
  const auto& boxes = services_.mailboxes;
  const auto figures = boxes.figures(services_.store, selected_->account);
  if (!figures) co_return figures.code() == Code::kNotFound ? bye("the account was removed") : void();
  const bool waited = selected_->view.waits();
  if (figures->modseq == selected_->view.seen() && !waited) co_return;
  // All is read at one moment, or a MODSEQ could be told of a change that is later than one not told yet; a client that
  // goes away then would ask for what comes after it (RFC 7162 §3.2).
  auto snapshot = services_.store.snapshot();
  if (!learn_news(*snapshot)) co_return;
  View::May may = wanted_news(may_expunge);
  if (own) may.expunge = true;
  const View::News news = selected_->view.take(may);
  if (news.mailbox_removed) co_return bye("the mailbox was deleted by another session");
  std::vector<Row> rows;
  for (const Uid uid : news.changed) {
    auto row = boxes.row(*snapshot, selected_->account, selected_->box.id, uid);
    if (row && *row) rows.push_back(std::move(**row));
  }
  // RFC 5465 §5.2: what NOTIFY asked for of new messages, but of those that this client made.
  const bool wants_new = notified_ && notified_->request.selected() && notified_->request.selected()->events.fetch;
  std::vector<Row> arrived;
  for (size_t i = 0; wants_new && i < news.added.size(); ++i) {
    auto row = boxes.row(*snapshot, selected_->account, selected_->box.id, news.added[i]);
    const bool ours = row && *row && is_own(selected_->account, (*row)->modseq);
    if (row && *row && !ours) arrived.push_back(std::move(**row));
  }
  snapshot.reset();

  std::vector<Target> removed;
  for (size_t i = 0; i < news.removed.size(); ++i)
    removed.push_back({news.expunged[news.removed.size() - 1 - i], news.removed[i]});
  tell_removed(removed);
  if (qresync_ || uidonly_) {
    // RFC 7162 §3.2.10, RFC 9586: VANISHED in place of EXPUNGE.
    if (!news.removed.empty()) out_ += "* VANISHED " + set_text(news.removed) + "\r\n";
  } else {
    for (const uint32_t sequence : news.expunged) {
      out_ += "* " + std::to_string(sequence) + " EXPUNGE\r\n";
      if (out_.size() < kFlushAt) continue;
      Task<bool> flushing = flush();
      if (!(co_await flushing)) co_return;
    }
  }
  if (news.exists) {
    out_ += "* " + std::to_string(*news.exists) + " EXISTS\r\n";
    if (!rev2_) out_ += "* 0 RECENT\r\n";
  }
  if (!arrived.empty()) {
    Task<void> telling = say_new(std::move(arrived), &*notified_->request.selected()->events.fetch);
    co_await telling;
  }
  Task<void> saying = say_rows(std::move(rows));
  co_await saying;
  Task<void> updating = tell_contexts(news.added);
  co_await updating;
  if (!condstore_ || !selected_) co_return;
  if (selected_->view.waits())
    out_ += "* OK " + highest_modseq() + " there is more to tell\r\n";  // RFC 7162 §3.2: less than what waits
  else if (waited || (qresync_ && !news.removed.empty()))
    selected_->owes_modseq = true;
}

Task<void> Session::say_new(std::vector<Row> rows, const FetchRequest* request) {
  const FetchRequest::Needs needs = request->needs();
  std::vector<Found> found;
  for (Row& row : rows) found.push_back({{selected_->view.uids().sequence(row.uid), row.uid}, std::move(row), nullptr});
  if (!read_stored(found, needs)) co_return;
  for (const Found& one : found) {
    if (answer(one, *request, needs)) continue;
    Task<Result<void>> answering = answer_with_body(&one, request);
    const Result<void> done = co_await answering;
    if (!done || state_ == State::kOver) co_return;
  }
}

// Flags and modseqs as they were when the rows were read.
Task<void> Session::say_rows(std::vector<Row> rows) {
  for (const Row& row : rows) {
    say_changed(row, true, true);
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
}

void Session::begin_answer(std::string& line, const Target& target) const {
  char number[20];
  const uint32_t named = uidonly_ ? target.uid : target.sequence;
  const char* const end = std::to_chars(std::begin(number), std::end(number), named).ptr;
  ((line += "* ") += std::string_view(number, end)) += uidonly_ ? " UIDFETCH (" : " FETCH (";
}

// What a client is told of a message without FETCH. RFC 7162 §3.2.4: with UID and MODSEQ once it knows of MODSEQ.
void Session::say_changed(const Row& row, bool flags, bool uid) {
  if (flags) name_keywords(row.flags);
  begin_answer(out_, {selected_->view.uids().sequence(row.uid), row.uid});
  const auto item = [&](std::string_view text) { (out_ += out_.back() == '(' ? "" : " ") += text; };
  if ((uid || condstore_) && !uidonly_) item("UID " + std::to_string(row.uid));
  if (flags) {
    item("FLAGS ");
    add_flag_list(out_, row.flags);
  }
  if (condstore_) item("MODSEQ (" + std::to_string(row.modseq) + ")");
  out_ += ")\r\n";
}

// --- telling while the client says nothing
// ----------------------------------------------------------------------------

// Shared with the pusher and the store's callbacks, which outlive the wait by a moment.
struct Session::Pushing {
  net::Bell changed, ended;
  bool idling = false, over = false, still_here = false;
  std::map<mailbox::AccountId, std::unique_ptr<store::Store::Watch>> watches{};  // 0: the server's annotations
};

// Waits for the client; in IDLE and after NOTIFY it is told meanwhile what happens.
Task<bool> Session::listen(Duration patience, bool idling) {
  if (!idling && (!notified_ || notified_->request.groups.empty())) {
    Task<bool> filling = fill(patience);
    co_return co_await filling;
  }
  const auto pushing = std::make_shared<Pushing>();
  pushing->idling = idling;
  watch_accounts(pushing);
  loop_.spawn(push(this, pushing));
  Task<Result<void>> receiving = receive(patience);
  const Result<void> got = co_await receiving;
  pushing->watches.clear();
  pushing->over = true;
  pushing->changed.ring();
  net::Bell::Awaiter pushed = pushing->ended.wait();
  co_await pushed;
  if (!got && got.code() == Code::kTimeout) bye("nothing was heard for too long");
  co_return got.ok();
}

bool Session::watch_accounts(const std::shared_ptr<Pushing>& pushing) {
  // The store calls from its own thread: what is called holds the bell, nothing else.
  const std::function<void()> ring = [&loop = loop_, pushing] { loop.post([pushing] { pushing->changed.ring(); }); };
  std::set<mailbox::AccountId> accounts;
  if (notified_) accounts.insert(account_->id);
  if (selected_) accounts.insert(selected_->account);
  if (notified_)
    for (const auto& [owner, seen] : notified_->others.seen) accounts.insert(owner);
  if (annotations_) accounts.insert(0);
  bool more = false;
  for (const mailbox::AccountId account : accounts) {
    auto& watch = pushing->watches[account];
    if (watch) continue;
    watch = account == 0 ? mailbox::watch_server_annotations(services_.store, ring)
                         : services_.mailboxes.watch(account, ring);
    more = true;
  }
  return more;
}

// Ends at a ring after `over`.
Task<void> Session::push(Session* self, std::shared_ptr<Pushing> pushing) {
  while (!pushing->over) {
    std::unique_ptr<net::Loop::Timer> timer;
    if (pushing->idling)
      timer = self->loop_.at(self->loop_.now() + kStillHere, [&loop = self->loop_, pushing] {
        pushing->still_here = true;
        loop.post([pushing] { pushing->changed.ring(); });  // which drops this timer
      });
    if (std::exchange(pushing->still_here, false)) self->out_ += "* OK still here\r\n";
    // RFC 5465 §6.1.2: a client that uses numbers hears of EXPUNGEs only when it sends none.
    const NotifyGroup* group = self->notified_ ? self->notified_->request.selected() : nullptr;
    const bool delayed = group && group->filter == NotifyGroup::Filter::kSelectedDelayed;
    Task<void> telling = self->tell_news(pushing->idling || !delayed);
    co_await telling;
    if (self->notified_ && self->state_ != State::kOver) self->tell_others();
    // What happened before the watch began is to be told too.
    if (!pushing->over && self->watch_accounts(pushing)) pushing->changed.ring();
    Task<bool> flushing = self->flush();
    const bool sent = co_await flushing;
    if (!sent || self->state_ == State::kOver) break;
    net::Bell::Awaiter ring = pushing->changed.wait();
    co_await ring;
  }
  // The mailbox or the client is gone: the reading side is to notice.
  if (!pushing->over) self->stream_->close();
  pushing->ended.ring();
}

Task<void> Session::idle(Words words, bool) {
  if (!words.done()) co_return bad("IDLE has no arguments");
  out_ += "+ idling\r\n";
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;
  std::optional<std::string> line = reader_.line();
  while (!line && reader_.held() <= kMaxLineBeforeLogin) {
    Task<bool> listening = listen(kIdleTime, true);
    if (!(co_await listening)) break;
    line = reader_.line();
  }
  if (!line) co_return void(state_ = State::kOver);
  if (!text::iequals(*line, "DONE")) co_return bad("DONE was expected");
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("idled");
}

}  // namespace pabal::access::imap
