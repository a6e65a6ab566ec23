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
  const auto snapshot = services_.store.snapshot();
  auto all = services_.mailboxes.list(*snapshot, account_->id);
  if (!all) return no(all.error());
  const size_t own = all->size();
  const auto subscribed = services_.mailboxes.subscriptions(*snapshot, account_->id);
  if (!subscribed) return no(subscribed.error());
  const auto shared = others_mailboxes(*snapshot);
  if (!shared) return no(shared.error());
  for (const Located& one : *shared) all->push_back(one.box);
  for (const ListLine& line :
       list(*request, *all, *subscribed, [this](std::string_view pattern) { return decoded_name(pattern); })) {
    out_ += command + line.attributes + ") \"/\" " + shown_name(line.name);
    if (line.child_info)
      out_ += request->only_subscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))" : " (\"CHILDINFO\" (\"SPECIAL-USE\"))";
    out_ += "\r\n";
    if (!line.box) continue;
    const auto index = static_cast<size_t>(line.box - all->data());
    const Located found = index < own ? Located{account_->id, mailbox::kAllRights, *line.box} : (*shared)[index - own];
    if (const auto told = list_returns(*snapshot, *request, found); !told) return no(told.error());
  }
  ok("listed");
}

// What RETURN asks for beside the LIST answer of a mailbox.
Result<void> Session::list_returns(const store::Reader& r, const ListRequest& request, const Located& found) {
  if (request.return_my_rights) out_ += my_rights_answer(found.box.name, found.rights);
  if (!request.status.empty() && found.rights & mailbox::kRead) out_ += status_answer(found, request.status);
  if (request.metadata.empty()) return {};
  const auto subject = metadata_subject(found);
  if (!subject) return {};
  const auto entries = read_annotations(r, *subject, request.metadata, 0);
  if (!entries) return entries.error();
  out_ += "* METADATA " + subject->shown + " " + entry_values(*entries) + "\r\n";
  return {};
}

std::string Session::status_answer(const Located& found, const std::vector<std::string>& items) const {
  const Mailbox& box = found.box;
  const mailbox::AccountId account = found.account;
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
      out += (out.empty() ? "" : " ") + item + " (" + object_id('M', box.id, found.account, account_->id) + ")";
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
  const auto found = need(services_.store, *name, mailbox::kRead);
  if (!found) co_return;
  if (asks_modseq(*items)) become_condstore();
  out_ += status_answer(*found, *items);
  Task<void> telling = tell_news(true);
  co_await telling;
  ok("counted");
}

// --- CREATE, DELETE, RENAME, SUBSCRIBE ------------------------------------------------------------------------------

// RFC 4314 §4: in the tree of another one needs "k" on the nearest mailbox above. Nothing: it has been answered.
std::optional<Session::Named> Session::may_create(const std::string& name) {
  auto place = whose(services_.store, name);
  if (!place) return no(place.error()), std::nullopt;
  if (*place && (*place)->account == account_->id) return std::move(*place);
  const auto there = locate(services_.store, name);
  if (!there) return no(there.error()), std::nullopt;
  std::string above = name;
  // What he may not see has that name already: he is not told why.
  if (*there && !((*there)->rights & mailbox::kLookup)) *place = {};
  while (*place && above.find('/') != above.npos) {
    above.resize(above.rfind('/'));
    const auto found = locate(services_.store, above);
    if (!found) return no(found.error()), std::nullopt;
    if (!*found) continue;
    if ((*found)->rights & mailbox::kCreateBelow) return std::move(*place);
    break;
  }
  // The same answer whether or not there is somebody or something of that name.
  return no_right(mailbox::kCreateBelow), std::nullopt;
}

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
  const auto place = may_create(*name);
  if (!place) co_return;
  if (role != Role::kNone && place->account != account_->id) co_return no("[USEATTR] uses are of your own mailboxes");
  auto id = std::make_shared<mailbox::MailboxId>(0);
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = place->account, name = place->name,
                                          role, id](store::Transaction& t) -> Result<void> {
    if (role != Role::kNone) {
      const auto holder = boxes.by_role(t, account, role);
      if (!holder) return holder.error();
      if (*holder) return Error{Code::kUnsupported, "another mailbox has that use"};
    }
    const auto made = boxes.create(t, account, name, role, false);  // RFC 9051 §6.3.4: SUBSCRIBE is another command
    if (made) *id = *made;
    return made ? Result<void>() : made.error();
  });
  if (const Result<void> done = co_await committing; !done) co_return no(done.error());
  ok("[MAILBOXID (" + object_id('M', *id, place->account, account_->id) + ")] created");  // RFC 8474 §4.1
}

// Mailboxes below it stay; LIST shows its name as \NonExistent then (RFC 9051 §6.3.5).
Task<void> Session::remove(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("DELETE wants a mailbox");
  const auto found = need(services_.store, *name, mailbox::kRemoveMailbox);
  if (!found) co_return;
  const bool selected = selected_ && selected_->account == found->account && selected_->box.id == found->box.id;
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = found->account, id = found->box.id](
                                             store::Transaction& t) { return boxes.remove(t, account, id); });
  const Result<void> done = co_await committing;
  if (!done) co_return no(done.error());
  if (selected) deselect();
  ok("deleted");
}

Task<void> Session::rename(Words words, bool) {
  const auto from = mailbox_argument(words);
  if (!from) co_return;
  auto to = mailbox_argument(words);
  if (!to) co_return;
  if (!words.done()) co_return bad("RENAME wants two mailboxes");
  if (to->ends_with('/')) to->pop_back();
  const auto found = need(services_.store, *from, mailbox::kRemoveMailbox);
  if (!found) co_return;
  // Of INBOX the messages go (RFC 9051 §6.3.6), into a mailbox with the rights of the one above it: as by MOVE.
  constexpr mailbox::Rights kToEmpty = mailbox::kRead | kToTakeOut;
  if (found->account != account_->id && (found->rights & kToEmpty) != kToEmpty) {
    const auto inbox = services_.mailboxes.by_role(services_.store, found->account, Role::kInbox);
    if (!inbox) co_return no(inbox.error());
    if (*inbox && (*inbox)->id == found->box.id) co_return no_right(kToEmpty);
  }
  const auto place = may_create(*to);
  if (!place) co_return;
  if (place->account != found->account)
    co_return no("[CANNOT] a mailbox stays with its owner; make one and copy the messages");
  Task<Result<void>> committing =
      commit([&boxes = services_.mailboxes, account = found->account, id = found->box.id,
              to = place->name](store::Transaction& t) { return boxes.rename(t, account, id, to); });
  const Result<void> done = co_await committing;
  Task<void> telling = tell_news(true);  // of INBOX the messages move, the mailbox stays (RFC 9051 §6.3.6)
  co_await telling;
  // What is wrong may be with one below it, which he may not see.
  if (!done && found->account != account_->id && (done.code() == Code::kExists || done.code() == Code::kLimit))
    co_return no("[CANNOT] it, or one below it, cannot have that name");
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
  auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("a mailbox name was expected, and nothing more");
  // RFC 9051 §6.3.7: a name is validated when it comes, and kept when its mailbox goes.
  auto found = locate(services_.store, *name);
  if (!found) co_return no(found.error());
  if (on) {
    *found = need(services_.store, *name, mailbox::kLookup);
    if (!*found) co_return;
  }
  if (*found) name = (*found)->box.name;  // the one spelling
  Task<Result<void>> committing = commit([&boxes = services_.mailboxes, account = account_->id, name = *name,
                                          on](store::Transaction& t) { return boxes.subscribe(t, account, name, on); });
  const Result<void> done = co_await committing;
  done ? ok("done") : no(done.error());
}

}  // namespace pabal::access::imap
