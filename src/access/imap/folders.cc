#include <algorithm>

#include "access/imap/session.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using mailbox::Mailbox;
using mailbox::Role;

constexpr std::pair<Role, std::string_view> kUses[] = {{Role::kDrafts, "\\Drafts"}, {Role::kSent, "\\Sent"}, {Role::kJunk, "\\Junk"},
                                                       {Role::kTrash, "\\Trash"}, {Role::kArchive, "\\Archive"}, {Role::kImportant, "\\Important"}};

std::string_view use_of(Role role) {
  for (const auto& [r, name] : kUses)
    if (r == role) return name;
  return {};
}

// RFC 9051 §6.3.9: '*' any characters, '%' any but the separator. Linear in practice: each star remembers one place only.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '*' || pattern[p] == '%')) {
      star = p++;
      star_name = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) ++p, ++n;
    else if (star != std::string_view::npos && (pattern[star] == '*' || name[star_name] != '/')) {
      p = star + 1;
      n = ++star_name;
    } else return false;
  }
  while (p < pattern.size() && (pattern[p] == '*' || pattern[p] == '%')) ++p;
  return p == pattern.size();
}

}  // namespace

std::string Session::mailbox_name(Words& words) {
  const std::string given = words.astring();
  if (!words.ok()) return {};
  if (text::is_ascii(given) && !rev2_ && !utf8_) {
    if (const auto decoded = from_modified_utf7(given)) return *decoded;
  }
  return given;
}

std::string Session::shown_name(const std::string& name) const {
  if (rev2_ || utf8_) {
    std::string out = "\"";
    for (char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  return quote(to_modified_utf7(name));
}

void Session::list(Words words, bool lsub) {
  words.space();
  // RFC 5258: selection options come first, return options last.
  bool only_subscribed = lsub, only_special = false, want_special = false, want_children = false, want_subscribed = false;
  std::vector<std::string> status;
  if (words.peek() == '(') {
    words.accept('(');
    while (words.ok() && !words.accept(')')) {
      const std::string option = text::uppered(words.atom());
      if (option == "SUBSCRIBED") only_subscribed = want_subscribed = true;
      else if (option == "SPECIAL-USE") only_special = want_special = true;
      else if (option != "REMOTE" && option != "RECURSIVEMATCH") words.fail();
      words.accept(' ');
    }
    words.space();
  }
  const std::string reference = mailbox_name(words);
  words.space();
  std::vector<std::string> patterns;
  const auto take_pattern = [&] {
    std::string pattern = words.list_mailbox();
    if (text::is_ascii(pattern) && !rev2_ && !utf8_) pattern = from_modified_utf7(pattern).value_or(pattern);
    patterns.push_back(reference + pattern);
  };
  if (words.accept('(')) {
    while (words.ok() && !words.accept(')')) {
      take_pattern();
      words.accept(' ');
    }
  } else take_pattern();
  if (words.accept(' ')) {
    if (text::uppered(words.atom()) != "RETURN") words.fail();
    words.space();
    words.expect('(');
    while (words.ok() && !words.accept(')')) {
      const std::string option = text::uppered(words.atom());
      if (option == "SUBSCRIBED") want_subscribed = true;
      else if (option == "CHILDREN") want_children = true;
      else if (option == "SPECIAL-USE") want_special = true;
      else if (option == "STATUS") {
        words.space();
        words.expect('(');
        while (words.ok() && !words.accept(')')) {
          status.push_back(text::uppered(words.atom()));
          words.accept(' ');
        }
      } else words.fail();
      words.accept(' ');
    }
  }
  if (!words.ok()) return bad("the LIST is malformed");
  const std::string command = lsub ? "* LSUB " : "* LIST ";
  if (patterns.size() == 1 && patterns[0].empty()) {  // asks for the separator
    out_ += command + "(\\Noselect) \"/\" \"\"\r\n";
    return ok("listed");
  }
  const auto all = services_.mailboxes.list(services_.store, account_->id);
  if (!all) return no(all.error());
  static_cast<void>(want_children);
  for (const Mailbox& box : *all) {
    if (only_subscribed && !box.subscribed) continue;
    if (only_special && use_of(box.role).empty()) continue;
    const bool wanted = std::any_of(patterns.begin(), patterns.end(), [&](std::string p) {
      if (text::istarts_with(p, "INBOX")) std::transform(p.begin(), p.begin() + 5, p.begin(), text::upper);
      return matches(p, box.name);
    });
    if (!wanted) continue;
    const std::string below = box.name + "/";
    const bool parent = std::any_of(all->begin(), all->end(), [&](const Mailbox& b) { return b.name.starts_with(below); });
    std::string flags = parent ? "\\HasChildren" : "\\HasNoChildren";
    if (!use_of(box.role).empty() && !lsub) flags += " " + std::string(use_of(box.role));
    if (want_subscribed && box.subscribed) flags += " \\Subscribed";
    static_cast<void>(want_special);
    out_ += command + "(" + flags + ") \"/\" " + shown_name(box.name) + "\r\n";
    if (!status.empty()) out_ += "* STATUS " + shown_name(box.name) + " " + status_items(box, status) + "\r\n";
  }
  ok("listed");
}

std::string Session::status_items(const Mailbox& box, const std::vector<std::string>& items) const {
  std::string out = "(";
  for (const std::string& item : items) {
    std::string value;
    if (item == "MESSAGES") value = std::to_string(box.messages);
    else if (item == "UIDNEXT") value = std::to_string(box.uid_next);
    else if (item == "UIDVALIDITY") value = std::to_string(box.uid_validity);
    else if (item == "UNSEEN") value = std::to_string(box.unseen);
    else if (item == "DELETED") value = std::to_string(box.deleted);
    else if (item == "SIZE") value = std::to_string(box.octets);
    else if (item == "RECENT") value = "0";
    else if (item == "APPENDLIMIT") value = std::to_string(services_.max_message);
    else continue;
    out += (out.size() > 1 ? " " : "") + item + " " + value;
  }
  return out + ")";
}

void Session::status(Words words) {
  words.space();
  const std::string name = mailbox_name(words);
  words.space();
  words.expect('(');
  std::vector<std::string> items;
  while (words.ok() && !words.accept(')')) {
    items.push_back(text::uppered(words.atom()));
    words.accept(' ');
  }
  if (!words.ok()) return bad("the STATUS is malformed");
  const auto box = services_.mailboxes.find(services_.store, account_->id, name);
  if (!box) return no(box.error());
  if (!*box) return no("[NONEXISTENT] there is no mailbox of that name");
  out_ += "* STATUS " + shown_name((*box)->name) + " " + status_items(**box, items) + "\r\n";
  if (state_ == State::kSelected) sync(true);
  ok("counted");
}

Task<void> Session::create(Words words) {
  words.space();
  std::string name = mailbox_name(words);
  Role role = Role::kNone;
  bool known = true;
  if (words.accept(' ')) {  // RFC 6154 §3: (USE (\Drafts))
    words.expect('(');
    if (text::uppered(words.atom()) != "USE") words.fail();
    words.space();
    words.expect('(');
    while (words.ok() && !words.accept(')')) {
      words.expect('\\');
      const std::string use = "\\" + words.atom();
      known = false;
      for (const auto& [r, text] : kUses)
        if (text::iequals(text, use)) role = r, known = true;
      words.accept(' ');
    }
    words.expect(')');
  }
  if (!words.ok()) co_return bad("the CREATE is malformed");
  if (!known) co_return no("[USEATTR] that use is not known here");
  if (name.ends_with('/')) name.pop_back();  // RFC 9051 §6.3.4: a hint that children will follow
  Task<Result<void>> committing = commit([this, name, role](store::Transaction& t) -> Result<void> {
    const auto made = services_.mailboxes.create(t, account_->id, name, role);
    return made ? Result<void>() : made.error();
  });
  const Result<void> done = co_await committing;
  done ? ok("created") : no(done.error());
}

Task<void> Session::remove(Words words) {
  words.space();
  const std::string name = mailbox_name(words);
  if (!words.ok()) co_return bad("DELETE wants a mailbox");
  Task<Result<void>> committing = commit([this, name](store::Transaction& t) -> Result<void> {
    const auto box = services_.mailboxes.find(t, account_->id, name);
    if (!box) return box.error();
    if (!*box) return Error{Code::kNotFound, "there is no mailbox of that name"};
    return services_.mailboxes.remove(t, account_->id, (*box)->id);
  });
  const Result<void> done = co_await committing;
  done ? ok("deleted") : no(done.error());
}

Task<void> Session::rename(Words words) {
  words.space();
  const std::string from = mailbox_name(words);
  words.space();
  const std::string to = mailbox_name(words);
  if (!words.ok()) co_return bad("RENAME wants two mailboxes");
  Task<Result<void>> committing = commit([this, from, to](store::Transaction& t) -> Result<void> {
    const auto box = services_.mailboxes.find(t, account_->id, from);
    if (!box) return box.error();
    if (!*box) return Error{Code::kNotFound, "there is no mailbox of that name"};
    return services_.mailboxes.rename(t, account_->id, (*box)->id, to);
  });
  const Result<void> done = co_await committing;
  done ? ok("renamed") : no(done.error());
}

Task<void> Session::subscribe(Words words, bool on) {
  words.space();
  const std::string name = mailbox_name(words);
  if (!words.ok()) co_return bad("SUBSCRIBE wants a mailbox");
  Task<Result<void>> committing = commit([this, name, on](store::Transaction& t) -> Result<void> {
    const auto box = services_.mailboxes.find(t, account_->id, name);
    if (!box) return box.error();
    if (!*box) return Error{Code::kNotFound, "there is no mailbox of that name"};
    return services_.mailboxes.subscribe(t, account_->id, (*box)->id, on);
  });
  const Result<void> done = co_await committing;
  done ? ok("done") : no(done.error());
}

void Session::select(Words words, bool read_only) {
  words.space();
  const std::string name = mailbox_name(words);
  if (!words.ok()) return bad("SELECT wants a mailbox");
  if (box_) out_ += "* OK [CLOSED] the one before\r\n";
  state_ = State::kAuthenticated;
  box_.reset();
  watch_.reset();
  unannounced_.clear();
  silent_.clear();
  // One moment: counts, UIDs and modseq agree.
  const auto snapshot = services_.store.snapshot();
  const auto box = services_.mailboxes.find(*snapshot, account_->id, name);
  if (!box) return no(box.error());
  if (!*box) return no("[NONEXISTENT] there is no mailbox of that name");
  const auto figures = services_.mailboxes.figures(*snapshot, account_->id);
  if (!figures) return no(figures.error());
  auto uids = services_.mailboxes.uids(*snapshot, account_->id, (*box)->id);
  if (!uids) return no(uids.error());
  box_ = **box;
  view_ = std::move(*uids);
  seen_modseq_ = figures->modseq;
  read_only_ = read_only;
  state_ = State::kSelected;
  out_ += "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n";
  out_ += "* " + std::to_string(view_.count()) + " EXISTS\r\n";
  if (!rev2_) out_ += "* 0 RECENT\r\n";
  out_ += read_only ? "* OK [PERMANENTFLAGS ()] read only\r\n"
                    : "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] keywords may be made\r\n";
  out_ += "* OK [UIDVALIDITY " + std::to_string(box_->uid_validity) + "] of this mailbox\r\n";
  out_ += "* OK [UIDNEXT " + std::to_string(box_->uid_next) + "] the next one\r\n";
  if (rev2_) out_ += "* LIST () \"/\" " + shown_name(box_->name) + "\r\n";
  ok(read_only ? "[READ-ONLY] examined" : "[READ-WRITE] selected");
}

}  // namespace pabal::access::imap
