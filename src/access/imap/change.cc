#include <algorithm>

#include "access/imap/session.h"
#include "base/log.h"
#include "base/text.h"

namespace pabal::access::imap {

using mailbox::Flags;
using mailbox::MailboxId;
using mailbox::ModSeq;
using mailbox::Row;
using mailbox::Uid;

namespace {

std::vector<Target> part_of(const std::vector<Target>& all, size_t from, size_t count) {
  const auto first = all.begin() + static_cast<long>(from);
  return {first, first + static_cast<long>(std::min(count, all.size() - from))};
}

void take_off(Flags& flags, const Flags& off) {
  flags.system &= static_cast<uint8_t>(~off.system);
  std::erase_if(flags.keywords, [&](const std::string& k) {
    return std::any_of(off.keywords.begin(), off.keywords.end(),
                       [&](const std::string& o) { return text::iequals(o, k); });
  });
}

Flags difference(const Flags& before, const Flags& after) {
  Flags out = after, gone = before;
  take_off(out, before);
  take_off(gone, after);
  out.system |= gone.system;
  out.keywords.insert(out.keywords.end(), gone.keywords.begin(), gone.keywords.end());
  return out;
}

// What somebody with `rights` may not touch stays (RFC 4314 §4); `given` holds only what they may.
void change_flags(Flags& flags, char sign, const Flags& given, mailbox::Rights rights) {
  if (sign != '+') take_off(flags, sign == '-' ? given : mailbox::allowed_flags(flags, rights));
  if (sign == '-') return;
  flags.system |= given.system;
  flags.keywords.insert(flags.keywords.end(), given.keywords.begin(), given.keywords.end());
}

}  // namespace

// --- STORE ----------------------------------------------------------------------------------------------------------

Task<void> Session::store_flags(Words words, bool uid) {
  const auto wanted = targets(words, uid);
  if (!wanted) co_return;
  words.space();
  std::optional<ModSeq> unchanged_since;  // RFC 7162 §3.1.3
  if (words.accept('(')) {
    if (words.name() != "UNCHANGEDSINCE") words.fail();
    words.space();
    unchanged_since = words.number64();
    words.expect(')');
    words.space();
  }
  const char sign = words.peek() == '+' || words.peek() == '-' ? words.peek() : '=';
  if (sign != '=') words.accept(sign);
  const std::string item = words.name();
  words.space();
  if (item == "X-GM-LABELS" || item == "X-GM-LABELS.SILENT") {
    Task<void> labelling = store_labels(*wanted, sign, item != "X-GM-LABELS", words, uid);
    co_return co_await labelling;
  }
  const auto flags = parse_flags(words);
  if (!flags || !words.done() || (item != "FLAGS" && item != "FLAGS.SILENT")) co_return bad("the STORE is malformed");
  if (selected_->read_only) co_return no("[READ-ONLY] the mailbox was opened to be read");
  if (unchanged_since) become_condstore();
  // RFC 4314 §4: it does what it may, and fails only if that is nothing.
  const mailbox::Rights rights = selected_->rights;
  const Flags allowed = mailbox::allowed_flags(*flags, rights);
  if (!(rights & mailbox::kFlagRights) || (allowed == Flags{} && *flags != Flags{}))
    co_return no("[NOPERM] you may not change these flags");
  const bool silent = item == "FLAGS.SILENT";
  const MailboxId box = selected_->box.id;
  struct Stored {
    std::vector<mailbox::Mailboxes::Edited> edited;
    std::vector<Flags> before;  // of each edited one, for the scripts
    std::vector<Row> refused;   // changed since
  };
  auto stored = std::make_shared<Stored>();
  const bool scripts = scripts_listen(selected_->account, box);
  SetText modified;
  size_t gone = 0;
  for (size_t i = 0; i < wanted->size(); i += kFlagsPerCommit) {
    Task<bool> progressing = tell_progress(i, wanted->size());
    if (!(co_await progressing)) co_return;
    std::vector<Uid> part;
    for (const Target& target : part_of(*wanted, i, kFlagsPerCommit)) part.push_back(target.uid);
    Task<Result<void>> committing =
        commit([&boxes = services_.mailboxes, account = selected_->account, part, given = allowed, sign, rights, box,
                stored, unchanged_since, scripts](store::Transaction& t) -> Result<void> {
          std::vector<Uid> unrefused = unchanged_since ? std::vector<Uid>() : part;
          stored->refused.clear();
          for (size_t n = 0; unchanged_since && n < part.size(); ++n) {
            auto row = boxes.row(t, account, box, part[n]);
            if (!row) return row.error();
            if (*row && (*row)->modseq > *unchanged_since)
              stored->refused.push_back(std::move(**row));
            else
              unrefused.push_back(part[n]);
          }
          stored->before.clear();
          auto done = boxes.edit_flags(t, account, box, unrefused, [&](Flags& f) {
            if (scripts) stored->before.push_back(f);
            change_flags(f, sign, given, rights);
          });
          if (!done) return done.error();
          stored->edited = std::move(*done);
          return {};
        });
    if (const Result<void> done = co_await committing; !done) co_return no(done.error());
    gone += part.size() - stored->edited.size() - stored->refused.size();  // removed meanwhile
    std::vector<mailbox::MailEvents::Affected> touched;
    for (size_t n = 0; scripts && n < stored->edited.size(); ++n)
      if (const auto& [row, changed] = stored->edited[n]; changed)
        touched.push_back({row.uid, difference(stored->before[n], row.flags)});
    tell_event(mailbox::MailEvents::Cause::kFlag, selected_->account, box, std::move(touched));
    const auto first =
        std::find_if(stored->edited.begin(), stored->edited.end(), [](const auto& e) { return e.changed; });
    const bool known =
        first != stored->edited.end() && selected_->contexts.empty() && selected_->view.did(first->row.modseq);
    // RFC 9051 §6.4.6: the flags of each message named, changed or not. RFC 7162 §3.1.3: of those refused too, and
    // MODSEQ even where the flags were not wanted.
    for (const auto& [row, changed] : stored->edited) {
      if (!silent)
        say_changed(row, true, uid);
      else if (unchanged_since || (condstore_ && changed))
        say_changed(row, false, uid);
      if (known)
        continue;
      else if (!silent)
        selected_->view.told(row.uid, row.modseq);
      else if (changed)
        selected_->view.silent(row.uid, row.modseq);
    }
    for (const Row& row : stored->refused) {
      modified.add(uid ? row.uid : selected_->view.uids().sequence(row.uid));
      say_changed(row, true, uid);
      selected_->view.told(row.uid, row.modseq);
    }
    if (out_.size() < kFlushAt) continue;
    Task<bool> flushing = flush();
    if (!(co_await flushing)) co_return;
  }
  Task<void> telling = tell_news(uid);
  co_await telling;
  const std::string failed = modified.take();
  const std::string code = failed.empty() ? "" : "[MODIFIED " + failed + "] ";
  if (gone > 0 && !uid)
    co_return no((code.empty() ? "[EXPUNGEISSUED] " : code) + "some of these messages were removed by another session");
  ok(code + (code.empty() ? "stored" : "those were changed meanwhile"));
}

// --- COPY, MOVE -----------------------------------------------------------------------------------------------------

Task<void> Session::copy(Words words, bool uid) {
  Task<void> going = copy_or_move(words, uid, false);
  co_await going;
}

Task<void> Session::move(Words words, bool uid) {
  Task<void> going = copy_or_move(words, uid, true);
  co_await going;
}

Task<void> Session::copy_or_move(Words words, bool uid, bool moving) {
  const auto wanted = targets(words, uid);
  if (!wanted) co_return;
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("a set and a mailbox were expected");
  if (moving && selected_->read_only) co_return no("[READ-ONLY] the mailbox was opened to be read");
  if (moving && (selected_->rights & kToTakeOut) != kToTakeOut) co_return no_right(kToTakeOut);
  const auto to = need(services_.store, *name, mailbox::kInsert, "TRYCREATE");
  if (!to) co_return;
  if (moving && selected_->account == to->account && selected_->box.id == to->box.id) co_return ok("they are there");

  // COPY is all or nothing (RFC 9051 §6.4.7): one transaction while that stays short. MOVE is so message by message
  // (RFC 6851 §3.3).
  const size_t at_once = moving ? kMessagesPerCommit : kCopyAtOnce;
  const auto copied = std::make_shared<Copied>();
  std::optional<Error> failure;
  for (size_t i = 0; i < wanted->size() && !failure; i += at_once) {
    Task<bool> progressing = tell_progress(i, wanted->size());
    if (!(co_await progressing) && moving) co_return;  // a COPY is all or nothing, whoever waits for it
    Task<Result<void>> copying = copy_some(part_of(*wanted, i, at_once), *to, moving, copied);
    if (const Result<void> done = co_await copying; !done) failure = done.error();
  }
  const bool gone = !failure && copied->to.size() < wanted->size();
  if (failure && !moving && !copied->to.empty()) {
    Task<Result<void>> undoing = commit([&boxes = services_.mailboxes, account = to->account, box = to->box.id,
                                         copied](store::Transaction& t) -> Result<void> {
      for (const Uid one : copied->to) {
        const auto row = boxes.row(t, account, box, one);
        if (!row) return row.error();
        if (!*row) continue;
        if (const auto left = boxes.remove_place(t, account, (*row)->message, box); !left) return left;
      }
      return {};
    });
    if (const Result<void> undone = co_await undoing; !undone)
      log::error("imap", "a COPY that failed left messages behind: " + undone.error().message);
    copied->to.clear();
  }
  std::vector<mailbox::MailEvents::Affected> added;
  for (const Uid one : copied->to) added.push_back({one});
  tell_event(mailbox::MailEvents::Cause::kCopy, to->account, to->box.id, std::move(added));
  // RFC 4315 §3; of a MOVE it comes before the EXPUNGEs (RFC 6851 §4.3).
  const std::string code = copied->to.empty() ? ""
                                              : "[COPYUID " + std::to_string(to->box.uid_validity) + " " +
                                                    set_text(copied->from) + " " + set_text(copied->to) + "] ";
  if (moving && !code.empty()) out_ += "* OK " + code + "moved\r\n";
  Task<void> telling = tell_news(true, moving);
  co_await telling;
  if (failure) co_return no(*failure, "OVERQUOTA");
  if (gone && !uid) co_return no("[EXPUNGEISSUED] some of these messages were removed by another session");
  ok(moving ? "moved" : code + "copied");
}

// Within one's own account a copy is one label more. Where others' mailboxes have part in it, it becomes a message of
// its own with the same body, so that rights in one mailbox never reach what lies in another.
Task<Result<void>> Session::copy_some(std::vector<Target> part, Located to, bool moving,
                                      std::shared_ptr<Copied> copied) {
  if (selected_->account != account_->id || to.account != account_->id) {
    Task<Result<void>> refiling = refile(part, to, moving, copied);
    co_return co_await refiling;
  }
  const auto done = std::make_shared<Copied>();
  Task<Result<void>> committing =
      commit([&boxes = services_.mailboxes, account = account_->id, part, from = selected_->box.id, to = to.box.id,
              moving, done](store::Transaction& t) -> Result<void> {
        *done = {};
        for (const Target& target : part) {
          const auto row = boxes.row(t, account, from, target.uid);
          if (!row) return row.error();
          if (!*row) continue;
          const auto place = boxes.copy(t, account, (*row)->message, to);
          if (!place) return place.error();
          if (moving)
            if (const auto left = boxes.remove_place(t, account, (*row)->message, from); !left) return left;
          done->add(target.uid, place->uid);
        }
        return {};
      });
  const Result<void> committed = co_await committing;
  if (committed) copied->add(*done);
  co_return committed;
}

// --- EXPUNGE --------------------------------------------------------------------------------------------------------

Task<void> Session::expunge(Words words, bool uid) {
  std::optional<SequenceSet> only;
  if (uid) {
    words.space();
    only = parse_set(words.set());
  }
  if (!words.done() || (uid && !only))
    co_return bad(uid ? "UID EXPUNGE wants a set of UIDs" : "EXPUNGE has no arguments");
  if (selected_->read_only) co_return no("[READ-ONLY] the mailbox was opened to be read");
  if (!(selected_->rights & mailbox::kExpunge)) co_return no_right(mailbox::kExpunge);
  Task<Result<void>> removing = remove_deleted(only);
  const Result<void> done = co_await removing;
  Task<void> telling = tell_news(true, true);
  co_await telling;
  done ? ok("expunged") : no(done.error());
}

// Those flagged \Deleted; of `only` (UIDs) where given.
Task<Result<void>> Session::remove_deleted(std::optional<SequenceSet> only) {
  const MailboxId box = selected_->box.id;
  const auto counts = services_.mailboxes.get(services_.store, selected_->account, box);
  if (!counts) co_return counts.error();
  if (!*counts || (*counts)->deleted == 0) co_return Result<void>();
  std::vector<Uid> gone;
  const auto scan = [&](Uid first, Uid last) {
    return services_.mailboxes.rows(services_.store, selected_->account, box, first, last, [&](const Row& row) {
      if (row.flags.has(mailbox::kDeleted)) gone.push_back(row.uid);
      return true;
    });
  };
  if (only && only->saved) {
    for (const mailbox::UidMap::Range& r : selected_->saved.ranges())
      if (const auto scanned = scan(r.first, r.last); !scanned) co_return scanned;
  } else if (only) {
    const mailbox::UidMap& uids = selected_->view.uids();
    for (const SequenceSet::Range& r : only->resolve(uids.at(uids.count())))
      if (const auto scanned = scan(r.first, r.last); !scanned) co_return scanned;
  } else if (const auto scanned = scan(1, UINT32_MAX); !scanned) {
    co_return scanned;
  }
  for (size_t i = 0; i < gone.size(); i += kMessagesPerCommit) {
    const auto first = gone.begin() + static_cast<long>(i);
    const std::vector<Uid> part(first, first + static_cast<long>(std::min(kMessagesPerCommit, gone.size() - i)));
    Task<Result<void>> committing = commit(
        [&boxes = services_.mailboxes, account = selected_->account, part, box](store::Transaction& t) -> Result<void> {
          for (const Uid uid : part) {
            const auto row = boxes.row(t, account, box, uid);
            if (!row) return row.error();
            if (!*row || !(*row)->flags.has(mailbox::kDeleted)) continue;  // somebody took the flag off meanwhile
            if (const auto done = boxes.remove_place(t, account, (*row)->message, box); !done) return done;
          }
          return {};
        });
    if (const Result<void> done = co_await committing; !done) co_return done;
  }
  co_return Result<void>();
}

}  // namespace pabal::access::imap
