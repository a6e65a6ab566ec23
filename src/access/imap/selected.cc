#include <algorithm>

#include "access/imap/bell.h"
#include "access/imap/session.h"
#include "base/log.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Row;
using mailbox::Uid;

namespace {
constexpr size_t kChangesAtOnce = 10'000;
// RFC 9051 §2.3.2: keywords that programs share are named from the start, so that they need not ask whether they may be
// set.
constexpr std::string_view kCommonKeywords[] = {"$Forwarded", "$MDNSent", "$Junk", "$NotJunk", "$Phishing"};
}  // namespace

// --- SELECT, EXAMINE, CLOSE, UNSELECT -------------------------------------------------------------------------------

Task<void> Session::select(Words words, bool) {
  Task<void> opening = open(words, false);
  co_await opening;
}

Task<void> Session::examine(Words words, bool) {
  Task<void> opening = open(words, true);
  co_await opening;
}

void Session::deselect() {
  if (!selected_) return;
  selected_.reset();
  state_ = State::kAuthenticated;
  out_ += "* OK [CLOSED] the mailbox selected before\r\n";  // RFC 9051 §7.1
}

Task<void> Session::open(Words words, bool read_only) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("SELECT wants a mailbox");
  deselect();  // also when what follows fails (RFC 9051 §6.3.2)
  // One moment: counts, UIDs and modseq agree. Reads a value for each 4,096 UIDs, no rows.
  const auto snapshot = services_.store.snapshot();
  auto found = locate(*snapshot, *name);
  if (!found) co_return no(found.error());
  if (!*found) co_return no("[NONEXISTENT] there is no mailbox of that name");
  const mailbox::AccountId account = (*found)->account;
  const mailbox::MailboxId id = (*found)->box.id;
  const auto figures = services_.mailboxes.figures(*snapshot, account);
  if (!figures) co_return no(figures.error());
  auto uids = services_.mailboxes.uids(*snapshot, account, id);
  if (!uids) co_return no(uids.error());
  selected_ = Selected{account, std::move((*found)->box), read_only, View(id, std::move(*uids), figures->modseq)};
  for (const std::string_view keyword : kCommonKeywords) selected_->keywords.emplace(text::lowered(keyword), keyword);
  state_ = State::kSelected;

  say_flags();
  out_ += "* " + std::to_string(selected_->view.uids().count()) + " EXISTS\r\n";
  if (!rev2_) out_ += "* 0 RECENT\r\n";
  out_ += read_only
              ? "* OK [PERMANENTFLAGS ()] read only\r\n"
              : "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] keywords may be made\r\n";
  out_ += "* OK [UIDVALIDITY " + std::to_string(selected_->box.uid_validity) + "] of this mailbox\r\n";
  out_ += "* OK [UIDNEXT " + std::to_string(selected_->box.uid_next) + "] the next one\r\n";
  if (rev2_) out_ += "* LIST () \"/\" " + shown_name(selected_->box.name) + "\r\n";
  ok(read_only ? "[READ-ONLY] examined" : "[READ-WRITE] selected");
}

Task<void> Session::close(Words words, bool) {
  if (!words.done()) co_return bad("CLOSE has no arguments");
  if (!selected_->read_only) {
    Task<Result<void>> removing = remove_deleted(std::nullopt);
    if (const Result<void> done = co_await removing; !done) co_return no(done.error());
  }
  selected_.reset();
  state_ = State::kAuthenticated;
  ok("closed");
}

Task<void> Session::unselect(Words words, bool) {
  if (!words.done()) co_return bad("UNSELECT has no arguments");
  selected_.reset();
  state_ = State::kAuthenticated;
  ok("closed");
}

// --- flags ----------------------------------------------------------------------------------------------------------

void Session::say_flags() {
  out_ += "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft";
  for (const auto& [lower, keyword] : selected_->keywords) out_ += " " + keyword;
  out_ += ")\r\n";
}

std::string Session::flags_item(const mailbox::Flags& flags) {
  // RFC 9051 §7.3.5: a keyword not named yet is named before it is used.
  bool grew = false;
  for (const std::string& keyword : flags.keywords) {
    auto& named = selected_->keywords;
    if (named.size() < kMaxNamedKeywords && named.emplace(text::lowered(keyword), keyword).second) grew = true;
  }
  if (grew) say_flags();
  return "FLAGS " + flag_list(flags);
}

// --- news -----------------------------------------------------------------------------------------------------------

// Feeds the view with what has happened since it last looked. False: it could not be read.
bool Session::learn_news() {
  View& view = selected_->view;
  const auto figures = services_.mailboxes.figures(services_.store, selected_->account);
  if (!figures) {
    if (figures.code() == Code::kNotFound) bye("the account was removed");
    return false;
  }
  while (figures->modseq > view.seen()) {
    const auto changes = services_.mailboxes.changes(services_.store, selected_->account, view.seen(), kChangesAtOnce);
    if (changes && !changes->empty()) {
      for (const mailbox::Change& change : *changes) view.note(change);
      continue;
    }
    if (!changes && changes.code() != Code::kNotFound) return false;
    // The feed does not reach back: compare with the mailbox as it is.
    const auto snapshot = services_.store.snapshot();
    const auto now = services_.mailboxes.figures(*snapshot, selected_->account);
    const auto uids = services_.mailboxes.uids(*snapshot, selected_->account, selected_->box.id);
    std::vector<Uid> changed;
    const auto rows =
        services_.mailboxes.rows(*snapshot, selected_->account, selected_->box.id, 1, UINT32_MAX, [&](const Row& row) {
          if (row.modseq > view.seen()) changed.push_back(row.uid);
          return true;
        });
    if (!now || !uids || !rows) return false;
    view.replace(*uids, changed, now->modseq);
    break;
  }
  return true;
}

Task<void> Session::tell_news(bool may_expunge) {
  if (!selected_ || !learn_news()) co_return;
  const View::News news = selected_->view.take(may_expunge);
  if (news.mailbox_removed) co_return bye("the mailbox was deleted by another session");
  for (const uint32_t sequence : news.expunged) {
    out_ += "* " + std::to_string(sequence) + " EXPUNGE\r\n";
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  if (news.exists) {
    out_ += "* " + std::to_string(*news.exists) + " EXISTS\r\n";
    if (!rev2_) out_ += "* 0 RECENT\r\n";
  }
  for (const Uid uid : news.changed) {
    const auto row = services_.mailboxes.row(services_.store, selected_->account, selected_->box.id, uid);
    if (!row || !*row) continue;  // gone meanwhile: the next news say so
    const std::string flags = flags_item((*row)->flags);
    out_ += "* " + std::to_string(selected_->view.uids().sequence(uid)) + " FETCH (UID " + std::to_string(uid) + " " +
            flags + ")\r\n";
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
}

// --- IDLE -----------------------------------------------------------------------------------------------------------

// Tells an idling client what happens, beside the read that waits for DONE. Ends at a ring after `over`.
Task<void> Session::push(Session* self, std::shared_ptr<Bell> changed, const bool* over, std::shared_ptr<Bell> ended) {
  while (!*over) {
    Task<void> telling = self->tell_news(true);
    co_await telling;
    Task<bool> flushing = self->flush();
    const bool sent = co_await flushing;
    if (!sent || self->state_ == State::kOver) break;
    Bell::Awaiter ring = changed->wait();
    co_await ring;
  }
  // The mailbox or the client is gone: the reading side is to notice.
  if (!*over) self->stream_->close();
  ended->ring();
}

Task<void> Session::idle(Words words, bool) {
  if (!words.done()) co_return bad("IDLE has no arguments");
  out_ += "+ idling\r\n";
  Task<bool> flushing = flush();
  if (!(co_await flushing)) co_return;

  const auto changed = std::make_shared<Bell>(), ended = std::make_shared<Bell>();
  std::unique_ptr<store::Store::Watch> watch;
  bool over = false;
  // The store calls from its own thread, and the last call may be under way when this ends: it holds the bell, nothing
  // else.
  if (selected_) {
    watch = services_.mailboxes.watch(selected_->account,
                                      [&loop = loop_, changed] { loop.post([changed] { changed->ring(); }); });
    loop_.spawn(push(this, changed, &over, ended));
  }
  std::optional<std::string> line = reader_.line();
  while (!line && reader_.held() <= kMaxLineBeforeLogin) {
    Task<bool> filling = fill(kIdleTime);
    if (!(co_await filling)) break;
    line = reader_.line();
  }
  over = true;
  if (watch) {
    watch.reset();
    changed->ring();
    Bell::Awaiter pushed = ended->wait();
    co_await pushed;
  }
  if (!line) co_return void(state_ = State::kOver);
  if (!text::iequals(*line, "DONE")) co_return bad("DONE was expected");
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("idled");
}

}  // namespace pabal::access::imap
