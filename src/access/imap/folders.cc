#include <algorithm>

#include "access/imap/object_id.h"
#include "access/imap/session.h"

namespace pabal::access::imap {

using mailbox::Mailbox;
using mailbox::Role;

namespace {
bool asks_modseq(const std::vector<std::string>& items) {
  return std::find(items.begin(), items.end(), "HIGHESTMODSEQ") != items.end();
}
}  // namespace

// --- LIST, LSUB, STATUS ---------------------------------------------------------------------------------------------

Task<void> Session::list_mailboxes(Words words, bool) {
  answer_list(parse_list(words, false));
  co_return;
}

Task<void> Session::lsub(Words words, bool) {
  answer_list(parse_list(words, true));
  co_return;
}

void Session::answer_list(const std::optional<ListRequest>& request) {
  if (!request) return bad("the LIST is malformed");
  if (asks_modseq(request->status)) become_condstore();
  const std::string command = request->lsub ? "* LSUB (" : "* LIST (";
  // RFC 9051 §6.3.9: an empty pattern asks for the separator.
  if (!request->extended && request->patterns.front().empty()) {
    out_ += command + "\\Noselect) \"/\" \"\"\r\n";
    return ok("listed");
  }
  const auto all = services_.mailboxes.list(services_.store, account_->id);
  if (!all) return no(all.error());
  const auto subscribed = services_.mailboxes.subscriptions(services_.store, account_->id);
  if (!subscribed) return no(subscribed.error());
  for (const ListLine& line :
       list(*request, *all, *subscribed, [this](std::string_view pattern) { return decoded_name(pattern); })) {
    out_ += command + line.attributes + ") \"/\" " + shown_name(line.name);
    if (line.child_info)
      out_ += request->only_subscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))" : " (\"CHILDINFO\" (\"SPECIAL-USE\"))";
    out_ += "\r\n";
    if (line.box && !request->status.empty()) out_ += status_answer(account_->id, *line.box, request->status);
  }
  ok("listed");
}

std::string Session::status_answer(mailbox::AccountId account, const Mailbox& box,
                                   const std::vector<std::string>& items) const {
  std::string out;
  for (const std::string& item : items) {
    uint64_t value = 0;
    if (item == "MESSAGES")
      value = box.messages;
    else if (item == "UIDNEXT")
      value = box.uid_next;
    else if (item == "UIDVALIDITY")
      value = box.uid_validity;
    else if (item == "UNSEEN")
      value = box.unseen;
    else if (item == "DELETED")
      value = box.deleted;
    else if (item == "DELETED-STORAGE")
      value = deleted_storage(account, box);
    else if (item == "SIZE")
      value = box.octets;
    else if (item == "APPENDLIMIT")
      value = services_.max_message;
    else if (item == "HIGHESTMODSEQ")  // RFC 7162 §3.1.7
      value = std::max<mailbox::ModSeq>(box.highest_modseq, 1);
    else if (item == "MAILBOXID") {  // RFC 8474 §4.3
      out += (out.empty() ? "" : " ") + item + " (" + object_id('M', box.id, account_->id, account_->id) + ")";
      continue;
    } else if (item != "RECENT")
      continue;  // nothing is \Recent here
    out += (out.empty() ? "" : " ") + item + " " + std::to_string(value);
  }
  return "* STATUS " + shown_name(box.name) + " (" + out + ")\r\n";
}

Task<void> Session::status(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  words.space();
  const auto items = parse_status_items(words);
  if (!items || !words.done()) co_return bad("the STATUS is malformed");
  const auto found = locate(services_.store, *name);
  if (!found) co_return no(found.error());
  if (!*found) co_return no("[NONEXISTENT] there is no mailbox of that name");
  if (asks_modseq(*items)) become_condstore();
  out_ += status_answer((*found)->account, (*found)->box, *items);
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("counted");
}

// --- CREATE, DELETE, RENAME, SUBSCRIBE ------------------------------------------------------------------------------

Task<void> Session::create(Words words, bool) {
  auto name = mailbox_argument(words);
  if (!name) co_return;
  Role role = Role::kNone;
  size_t uses = 0;
  bool known = true;
  if (words.accept(' ')) {  // RFC 6154 §3: (USE (\Drafts))
    words.expect('(');
    if (words.name() != "USE") words.fail();
    words.space();
    parenthesised(words, [&] {
      words.expect('\\');
      const auto given = role_of_use("\\" + words.atom());
      known = known && given;
      role = given.value_or(Role::kNone);
      ++uses;
    });
    words.expect(')');
  }
  if (!words.done()) co_return bad("the CREATE is malformed");
  if (!known || uses > 1)
    co_return no(
        "[USEATTR] a mailbox has one use at most, one of \\Drafts \\Sent \\Junk \\Trash \\Archive \\Important");
  if (name->ends_with('/')) name->pop_back();  // RFC 9051 §6.3.4: a hint that children will follow
  auto id = std::make_shared<mailbox::MailboxId>(0);
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = account_->id, name = *name, role,
                                          id](store::Transaction& t) -> Result<void> {
    if (role != Role::kNone) {
      const auto holder = boxes.by_role(t, account, role);
      if (!holder) return holder.error();
      if (*holder) return Error{Code::kUnsupported, "another mailbox has that use"};
    }
    const auto made = boxes.create(t, account, name, role);
    if (made) *id = *made;
    return made ? Result<void>() : made.error();
  });
  if (const Result<void> done = co_await committing; !done) co_return no(done.error());
  ok("[MAILBOXID (" + object_id('M', *id, account_->id, account_->id) + ")] created");  // RFC 8474 §4.1
}

namespace {
Error no_such_mailbox() { return {Code::kNotFound, "there is no mailbox of that name"}; }
}  // namespace

// Mailboxes below it stay; LIST shows its name as \NonExistent then (RFC 9051 §6.3.5).
Task<void> Session::remove(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("DELETE wants a mailbox");
  auto removed = std::make_shared<mailbox::MailboxId>(0);
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = account_->id, name = *name,
                                          removed](store::Transaction& t) -> Result<void> {
    const auto box = boxes.find(t, account, name);
    if (!box) return box.error();
    if (!*box) return no_such_mailbox();
    *removed = (*box)->id;
    return boxes.remove(t, account, (*box)->id);
  });
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  if (selected_ && selected_->box.id == *removed) deselect();
  ok("deleted");
}

Task<void> Session::rename(Words words, bool) {
  const auto from = mailbox_argument(words);
  if (!from) co_return;
  auto to = mailbox_argument(words);
  if (!to) co_return;
  if (!words.done()) co_return bad("RENAME wants two mailboxes");
  if (to->ends_with('/')) to->pop_back();
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = account_->id, from = *from,
                                          to = *to](store::Transaction& t) -> Result<void> {
    const auto box = boxes.find(t, account, from);
    if (!box) return box.error();
    if (!*box) return no_such_mailbox();
    return boxes.rename(t, account, (*box)->id, to);
  });
  const Result<void> done = co_await committing;
  Task<void> telling = tell_news(true);  // of INBOX the messages move, the mailbox stays (RFC 9051 §6.3.6)
  co_await telling;
  done ? ok("renamed") : no(done.error());
}

Task<void> Session::subscribe(Words words, bool) {
  Task<void> going = set_subscribed(words, true);
  co_await going;
}

Task<void> Session::unsubscribe(Words words, bool) {
  Task<void> going = set_subscribed(words, false);
  co_await going;
}

Task<void> Session::set_subscribed(Words words, bool on) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("a mailbox name was expected, and nothing more");
  // RFC 9051 §6.3.7: a name is validated when it comes, and kept when its mailbox goes.
  if (on) {
    const auto found = locate(services_.store, *name);
    if (!found) co_return no(found.error());
    if (!*found) co_return no(no_such_mailbox());
  }
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = account_->id, name = *name,
                                          on](store::Transaction& t) { return boxes.subscribe(t, account, name, on); });
  const Result<void> done = co_await committing;
  done ? ok("done") : no(done.error());
}

}  // namespace pabal::access::imap
