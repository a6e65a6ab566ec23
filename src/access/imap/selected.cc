#include <algorithm>

#include "access/imap/object_id.h"
#include "access/imap/session.h"
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
  const auto request = parse_select(words);
  if (!request) co_return bad("SELECT wants a mailbox, and perhaps (CONDSTORE) or (QRESYNC (...))");
  if (request->qresync && !qresync_) co_return bad("ENABLE QRESYNC first");  // RFC 7162 §3.2.5
  if (request->qresync && uidonly_ && !request->qresync->match_numbers.ranges.empty())
    co_return bad("[UIDREQUIRED] there are no message numbers here");
  deselect();  // also when what follows fails (RFC 9051 §6.3.2)
  if (request->condstore) condstore_ = true;
  // One moment: counts, UIDs and modseq agree. Reads a value for each 4,096 UIDs, no rows.
  const auto snapshot = services_.store.snapshot();
  auto found = need(*snapshot, *name, mailbox::kRead);
  if (!found) co_return;
  const mailbox::AccountId account = found->account;
  const mailbox::MailboxId id = found->box.id;
  const auto figures = services_.mailboxes.figures(*snapshot, account);
  if (!figures) co_return no(figures.error());
  auto uids = services_.mailboxes.uids(*snapshot, account, id);
  if (!uids) co_return no(uids.error());
  View view(found->box, std::move(*uids), figures->modseq);
  selected_ = Selected{account, found->rights, std::move(found->box), read_only, std::move(view)};
  for (const std::string_view keyword : kCommonKeywords) selected_->keywords.emplace(text::lowered(keyword), keyword);
  state_ = State::kSelected;

  say_flags();
  out_ += "* " + std::to_string(selected_->view.uids().count()) + " EXISTS\r\n";
  if (!rev2_) out_ += "* 0 RECENT\r\n";
  say_permanent_flags();
  out_ += "* OK [UIDVALIDITY " + std::to_string(selected_->box.uid_validity) + "] of this mailbox\r\n";
  out_ += "* OK [UIDNEXT " + std::to_string(selected_->box.uid_next) + "] the next one\r\n";
  out_ += "* OK " + highest_modseq() + " of this mailbox\r\n";
  out_ += "* OK [MAILBOXID (" + object_id('M', id, account, account_->id) + ")] its name for ever\r\n";
  if (rev2_) out_ += "* LIST () \"/\" " + shown_name(selected_->box.name) + "\r\n";
  // RFC 7162 §3.2.5: of another UIDVALIDITY nothing that the client knows is worth anything.
  if (request->qresync && request->qresync->uid_validity == selected_->box.uid_validity) {
    Task<Result<void>> telling = resync(*request->qresync, snapshot.get());
    if (const Result<void> done = co_await telling; !done) {
      deselect();
      co_return no(done.error());
    }
  }
  // RFC 4314 §5.2
  const bool writes = !read_only && found->rights & (mailbox::kInsert | mailbox::kExpunge | mailbox::kFlagRights);
  ok(std::string(writes ? "[READ-WRITE] " : "[READ-ONLY] ") + (read_only ? "examined" : "selected"));
}

Task<void> Session::close(Words words, bool) {
  if (!words.done()) co_return bad("CLOSE has no arguments");
  if (!selected_->read_only && selected_->rights & mailbox::kExpunge) {  // RFC 4314 §4: without it, nothing is expunged
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

// --- CONDSTORE, QRESYNC ---------------------------------------------------------------------------------------------

// Modification sequences are the account's, so that one feed tells of all its mailboxes. What a mailbox is said to have
// as its HIGHESTMODSEQ is that of the last change in it: it does not move when others do.
std::string Session::highest_modseq() const {
  return "[HIGHESTMODSEQ " + std::to_string(selected_->view.told_through()) + "]";
}

void Session::become_condstore() {
  // RFC 7162 §3.1: the first such command tells how far the client knows the mailbox.
  if (!std::exchange(condstore_, true) && selected_)
    out_ += "* OK " + highest_modseq() + " MODSEQ is told from now on\r\n";
}

// What happened in the selected mailbox after `since`.
Result<Session::Missed> Session::missed(const store::Reader& r, mailbox::ModSeq since) const {
  Missed out;
  for (;;) {
    const auto changes = services_.mailboxes.changes(r, selected_->account, since, kChangesAtOnce);
    if (!changes && changes.code() == Code::kNotFound) return Missed();
    if (!changes) return changes.error();
    if (changes->empty()) break;
    since = changes->back().modseq;
    for (const mailbox::Change& change : *changes) {
      if (change.mailbox != selected_->box.id || change.uid == 0) continue;
      (change.kind == mailbox::Change::Kind::kRemoved ? out.removed : out.changed).push_back(change.uid);
    }
  }
  out.known = true;
  for (std::vector<Uid>* uids : {&out.changed, &out.removed}) {
    std::sort(uids->begin(), uids->end());
    uids->erase(std::unique(uids->begin(), uids->end()), uids->end());
  }
  return out;
}

// Where the feed tells which messages changed, only those need be looked at.
void Session::Missed::narrow(std::vector<Target>& targets) const {
  if (!known) return;
  auto at = changed.begin();
  std::erase_if(targets, [&](const Target& t) {
    while (at != changed.end() && *at < t.uid) ++at;
    return at == changed.end() || *at != t.uid;
  });
}

// RFC 7162 §3.2.6: those of `wanted` that were removed since then; nothing where there are none. Where the feed does
// not reach back, all over `above` that are not there. What the client sees still, it is told of as news.
std::string Session::vanished_earlier(const SequenceSet& wanted, const Missed& since, Uid above) const {
  const Uid last = selected_->view.highest_uid();
  std::vector<SequenceSet::Range> ranges = wanted.resolve(last);
  if (wanted.saved)
    for (const mailbox::UidMap::Range& r : selected_->saved.ranges()) ranges.push_back({r.first, r.last});
  mailbox::UidMap gone = missing(ranges, selected_->view.uids(), since.known ? 0 : above, last);
  if (since.known) {
    mailbox::UidMap removed;
    for (const Uid uid : since.removed)
      if (gone.sequence(uid) > 0) removed.add(uid);
    gone = std::move(removed);
  }
  SetText text;
  for (const mailbox::UidMap::Range& r : gone.ranges()) text.add(r.first, r.last);
  const std::string set = text.take();
  return set.empty() ? "" : "* VANISHED (EARLIER) " + set + "\r\n";
}

// RFC 7162 §3.2.5.1: what a client missed since it was here last, as UID FETCH known (FLAGS) (CHANGEDSINCE n VANISHED)
// would tell it. Of the moment that EXISTS spoke of: one that somebody removes meanwhile is told of first, then as
// gone.
Task<Result<void>> Session::resync(Qresync qresync, const store::Reader* moment) {
  const auto since = missed(*moment, qresync.modseq);
  if (!since) co_return since.error();
  const mailbox::UidMap& uids = selected_->view.uids();
  SequenceSet known;
  known.ranges.push_back({1, SequenceSet::kStar});
  if (qresync.known) known = *qresync.known;
  out_ += vanished_earlier(known, *since, agreed_up_to(qresync, uids));
  std::vector<Target> targets = targets_by_uid(known, uids, {});
  since->narrow(targets);
  for (size_t at = 0; at < targets.size(); at += kRowsAtOnce) {
    const auto found = find_rows(*moment, targets, at, std::min(targets.size(), at + kRowsAtOnce));
    if (!found) co_return found.error();
    std::vector<Row> rows;
    for (const Found& one : *found)
      if (one.row.modseq > qresync.modseq) rows.push_back(one.row);
    Task<void> saying = say_rows(std::move(rows));
    co_await saying;
    if (!selected_) break;
  }
  co_return Result<void>();
}

// --- flags ----------------------------------------------------------------------------------------------------------

void Session::say_flags() {
  out_ += "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft";
  for (const auto& [lower, keyword] : selected_->keywords) out_ += " " + keyword;
  out_ += ")\r\n";
}

// RFC 9051 §7.3.5: a keyword not named yet is named before it is used.
void Session::name_keywords(const mailbox::Flags& flags) {
  bool grew = false;
  for (const std::string& keyword : flags.keywords) {
    auto& named = selected_->keywords;
    if (named.size() < kMaxNamedKeywords && named.emplace(text::lowered(keyword), keyword).second) grew = true;
  }
  if (grew) say_flags();
}

}  // namespace pabal::access::imap
