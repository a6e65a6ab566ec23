// Whose mailbox a name means, what may be done with it, and the commands of RFC 4314 and RFC 2342 about that.
//
// Others' mailboxes are "Other Users/", the name of their account, and their name there, INBOX too:
// "Other Users/bob@example.com/INBOX". Rights are read for each command, so a change holds from the next one on. Who
// may not see a mailbox ("l") gets the same answers as when there is none.
#include "access/imap/session.h"
#include "base/log.h"
#include "base/text.h"
#include "sharing/notices.h"
#include "sharing/sharing.h"

namespace pabal::access::imap {

using mailbox::Grantee;
using mailbox::Rights;

namespace {

constexpr size_t kMaxNameOfOther = 1'000;  // octets: an address, and a name of 255
const std::string kOthersPrefix = std::string(mailbox::kOtherUsers) + "/";
// RFC 4314 §3.5: MYRIGHTS is for those who have one of these.
constexpr Rights kAnyForMyRights = mailbox::kLookup | mailbox::kRead | mailbox::kInsert | mailbox::kCreateBelow |
                                   mailbox::kRemoveMailbox | mailbox::kAdminister;

// RFC 4314 §2.1.1: with the virtual rights, for programs that know RFC 2086 only.
std::string shown_rights(Rights rights) {
  std::string out = mailbox::rights_text(rights);
  if (rights & (mailbox::kCreateBelow | mailbox::kRemoveMailbox)) out += 'c';
  if (rights & (mailbox::kDeleteMessages | mailbox::kExpunge)) out += 'd';
  return out.empty() ? "\"\"" : out;
}

}  // namespace

// --- names to mailboxes ---------------------------------------------------------------------------------------------

std::string Session::name_of_other(const std::string& owner, const std::string& name) {
  return kOthersPrefix + owner + "/" + name;
}

Result<std::optional<Session::Named>> Session::whose(const store::Reader& r, const std::string& name) const {
  if (!name.starts_with(kOthersPrefix)) return std::optional<Named>({account_->id, account_->name, name});
  if (name.size() > kMaxNameOfOther) return std::optional<Named>();
  // The name of an account may have slashes itself.
  for (size_t slash = name.find('/', kOthersPrefix.size()); slash != name.npos; slash = name.find('/', slash + 1)) {
    const auto owner =
        services_.login.directory().account(r, name.substr(kOthersPrefix.size(), slash - kOthersPrefix.size()));
    if (!owner) return owner.error();
    if (!*owner) continue;
    if ((*owner)->id == account_->id) break;  // one's own mailboxes have one name
    return std::optional<Named>({(*owner)->id, (*owner)->name, name.substr(slash + 1)});
  }
  return std::optional<Named>();
}

Result<std::optional<Session::Located>> Session::locate(const store::Reader& r, const std::string& name) const {
  const auto named = whose(r, name);
  if (!named) return named.error();
  if (!*named) return std::optional<Located>();
  auto box = services_.mailboxes.find(r, (*named)->account, (*named)->name);
  if (!box) return box.error();
  if (!*box) return std::optional<Located>();
  const auto rights = sharing::rights_of(services_.login.directory(), r, account_->id, (*named)->account, (*box)->id);
  if (!rights) return rights.error();
  if ((*named)->account != account_->id) {
    (*box)->name = name_of_other((*named)->owner, (*box)->name);
    (*box)->role = mailbox::Role::kNone;  // RFC 6154 §2: uses are of one's own mailboxes
  }
  return std::optional<Located>({(*named)->account, *rights, std::move(**box)});
}

std::optional<Session::Located> Session::need(const store::Reader& r, const std::string& name, Rights rights,
                                              std::string_view absent) {
  auto found = locate(r, name);
  if (!found) return no(found.error()), std::nullopt;
  if (*found && ((*found)->rights & rights) == rights) return std::move(*found);
  // RFC 4314 §6: what may not be seen is not there.
  if (*found && (*found)->rights & mailbox::kLookup) return no_right(rights), std::nullopt;
  return no("[" + std::string(absent) + "] there is no mailbox of that name"), std::nullopt;
}

void Session::no_right(Rights rights) {
  no("[NOPERM] that needs the rights " + mailbox::rights_text(rights) + "; the owner of the mailbox can give them");
}

// An account that was closed ends its sessions at their next command. RFC 4314 §5.1.1: a session that has the mailbox
// selected is told when its rights change.
void Session::refresh_rights() {
  if (!account_) return;
  const auto account = services_.login.directory().account(services_.store, account_->id);
  if (!account) return log::error("imap", account.error().message);
  if (!*account) return bye("the account was removed");
  if (!(*account)->enabled) return bye("the account was closed; its administrator can open it again");
  account_->admin = (*account)->admin;
  if (!selected_ || selected_->account == account_->id) return;
  const auto rights = sharing::rights_of(services_.login.directory(), services_.store, account_->id, selected_->account,
                                         selected_->box.id);
  if (!rights) return log::error("imap", rights.error().message);
  if (*rights == selected_->rights) return;
  selected_->rights = *rights;
  if (!(*rights & mailbox::kRead)) return bye("you may not read this mailbox any more");
  say_flags();
  say_permanent_flags();
}

void Session::say_permanent_flags() {
  const Rights rights = selected_->read_only ? Rights{0} : selected_->rights;
  std::string flags;
  const auto add = [&](Rights needed, std::string_view names) {
    if (rights & needed) (flags += flags.empty() ? "" : " ") += names;
  };
  add(mailbox::kWriteFlags, "\\Answered \\Flagged");
  add(mailbox::kDeleteMessages, "\\Deleted");
  add(mailbox::kKeepSeen, "\\Seen");
  add(mailbox::kWriteFlags, "\\Draft \\*");
  const std::string_view meaning = flags.empty()                   ? "read only"
                                   : rights & mailbox::kWriteFlags ? "keywords may be made"
                                                                   : "no others may be changed";
  ((out_ += "* OK [PERMANENTFLAGS (" + flags + ")] ") += meaning) += "\r\n";
}

// --- NAMESPACE ------------------------------------------------------------------------------------------------------

Task<void> Session::name_space(Words words, bool) {
  if (!words.done()) co_return bad("NAMESPACE has no arguments");
  out_ += "* NAMESPACE ((\"\" \"/\")) ((\"" + kOthersPrefix + "\" \"/\")) NIL\r\n";
  ok("yours, and those of others");
}

// --- GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS ----------------------------------------------------------------

std::string Session::shown_text(const std::string& text) const {
  return rev2_ || utf8_ ? quote_utf8(text) : quote(text);
}

std::optional<Session::Identifier> Session::identifier_argument(Words& words) {
  words.space();
  Identifier id;
  id.given = words.astring();
  const bool negative = id.given.starts_with('-');
  const std::string name = id.given.substr(negative ? 1 : 0);
  // RFC 4314 §3: what cannot be an identifier is BAD.
  if (!words.ok() || name.empty() || !text::is_utf8(name))
    return bad("an identifier was expected: an account, an alias, anyone; with - before it for negative rights"),
           std::nullopt;
  auto who = sharing::grantee_named(services_.login.directory(), services_.store, name);
  if (!who) return no(who.error()), std::nullopt;
  id.who = std::move(*who);
  id.negative = negative;
  return id;
}

namespace {
bool is_owner(const Grantee& who, mailbox::AccountId owner) {
  return who.kind == Grantee::Kind::kAccount && who.account == owner;
}
}  // namespace

Task<void> Session::get_acl(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("GETACL wants a mailbox");
  const auto snapshot = services_.store.snapshot();
  const auto found = need(*snapshot, *name, mailbox::kAdminister);
  if (!found) co_return;
  const auto acl = mailbox::acl(*snapshot, found->account, found->box.id);
  if (!acl) co_return no(acl.error());
  const auto owner = services_.login.directory().account(*snapshot, found->account);
  if (!owner) co_return no(owner.error());
  std::string line = "* ACL " + shown_name(found->box.name);
  if (*owner) line += " " + shown_text((*owner)->name) + " " + shown_rights(mailbox::kAllRights);
  for (const mailbox::Grant& grant : *acl) {
    const auto who = sharing::name_of(services_.login.directory(), *snapshot, grant.who);
    if (!who) co_return no(who.error());
    if (*who) line += " " + shown_text((grant.negative ? "-" : "") + **who) + " " + shown_rights(grant.rights);
  }
  out_ += line + "\r\n";
  ok("these have rights");
}

Task<void> Session::set_acl(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  const auto id = identifier_argument(words);
  if (!id) co_return;
  words.space();
  std::string given = words.astring();
  char sign = '=';
  if (given.starts_with('+') || given.starts_with('-')) {
    sign = given[0];
    given.erase(0, 1);
  }
  const auto rights = mailbox::parse_rights(given);
  if (!words.done() || !rights) co_return bad("SETACL wants a mailbox, an identifier and rights of lrswipkxtea");
  Task<void> changing = change_acl(*name, *id, sign, *rights);
  co_await changing;
}

Task<void> Session::delete_acl(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  const auto id = identifier_argument(words);
  if (!id) co_return;
  if (!words.done()) co_return bad("DELETEACL wants a mailbox and an identifier");
  Task<void> changing = change_acl(*name, *id, '=', 0);
  co_await changing;
}

Task<void> Session::change_acl(std::string name, Identifier id, char sign, Rights rights) {
  const auto found = need(services_.store, name, mailbox::kAdminister);
  if (!found) co_return;
  if (is_owner(id.who, found->account)) {  // RFC 4314 §2: rights may be forced
    const bool as_it_is = !id.negative && (rights == mailbox::kAllRights || sign == '+');
    co_return as_it_is ? ok("the owner has all rights") : no("[CANNOT] the owner has all rights, always");
  }
  Task<Result<void>> committing = commit(
      [change = sharing::RightsChange{found->account, found->box.id, id.who, id.negative, sign, rights, account_->id},
       &services = services_, now = loop_.now()](store::Transaction& t) {
        return sharing::change_rights(services.login.directory(), services.mailboxes, t, change, now);
      });
  const Result<void> done = co_await committing;
  Task<void> telling = tell_news(true);
  co_await telling;
  done ? ok("changed") : no(done.error());
}

Task<void> Session::list_rights(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  const auto id = identifier_argument(words);
  if (!id) co_return;
  if (!words.done()) co_return bad("LISTRIGHTS wants a mailbox and an identifier");
  const auto found = need(services_.store, *name, mailbox::kAdminister);
  if (!found) co_return;
  out_ += "* LISTRIGHTS " + shown_name(found->box.name) + " " + shown_text(id->given) + " ";
  if (is_owner(id->who, found->account)) {
    out_ += id->negative ? "\"\"" : shown_rights(mailbox::kAllRights);
  } else {
    out_ += "\"\"";  // nothing is forced, and no two are tied
    for (const char right : shown_rights(mailbox::kAllRights)) (out_ += ' ') += right;
  }
  out_ += "\r\n";
  ok("these can be given");
}

std::string Session::my_rights_answer(const std::string& name, Rights rights) const {
  return "* MYRIGHTS " + shown_name(name) + " " + shown_rights(rights) + "\r\n";
}

Task<void> Session::my_rights(Words words, bool) {
  const auto name = mailbox_argument(words);
  if (!name) co_return;
  if (!words.done()) co_return bad("MYRIGHTS wants a mailbox");
  const auto found = locate(services_.store, *name);
  if (!found) co_return no(found.error());
  if (!*found || !((*found)->rights & kAnyForMyRights)) co_return no("[NONEXISTENT] there is no mailbox of that name");
  out_ += my_rights_answer((*found)->box.name, (*found)->rights);
  ok("these are yours");
}

}  // namespace pabal::access::imap
