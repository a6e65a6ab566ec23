// GETMETADATA, SETMETADATA, and news of annotations (RFC 5464).
//
// On mailboxes: whoever may see one and has r, s, w, i or p there reads its shared entries and has private ones;
// setting shared ones needs w as well. /private/specialuse (RFC 6154 §4) says what CREATE has set. On the server:
// everybody has private entries; the shared ones are the administrators' to set, but for /shared/admin, which is
// computed.
#include <algorithm>

#include "access/imap/metadata_request.h"
#include "access/imap/session.h"
#include "base/log.h"
#include "sharing/sharing.h"

namespace pabal::access::imap {

using mailbox::AccountId;
using mailbox::Annotated;
using mailbox::Annotation;

namespace {
constexpr std::string_view kServerAdmin = "/shared/admin", kSpecialUse = "/private/specialuse",
                           kScript = "/shared/imapsieve/script";
constexpr mailbox::Rights kAnyForMetadata =
    mailbox::kRead | mailbox::kKeepSeen | mailbox::kWriteFlags | mailbox::kInsert | mailbox::kPost;
}  // namespace

std::optional<Session::Subject> Session::metadata_subject(const store::Reader& r, const std::string& given) {
  if (given.empty()) return Subject{mailbox::kTheServer, "\"\"", {}, account_->admin};
  const auto name = mailbox_name(given);
  if (!name) return {};
  const auto found = need(r, *name, mailbox::kLookup);
  if (!found) return {};
  auto subject = metadata_subject(*found);
  if (!subject) no_right(mailbox::kRead);
  return subject;
}

// RFC 5464 §3.3
std::optional<Session::Subject> Session::metadata_subject(const Located& found) const {
  if (!(found.rights & kAnyForMetadata)) return {};
  return Subject{{found.account, found.box.id},
                 shown_name(found.box.name),
                 std::string(special_use(found.box.role)),
                 (found.rights & mailbox::kWriteFlags) != 0};
}

// Of the entries named, and so many levels below them. One that is named alone and has no value is NIL.
Result<std::vector<Annotation>> Session::read_annotations(const store::Reader& r, const Subject& subject,
                                                          const std::vector<std::string>& entries,
                                                          uint32_t depth) const {
  std::map<std::string, std::optional<std::string>> found;
  for (const std::string& top : entries) {
    if (depth == 0) {
      auto value = mailbox::annotation(r, subject.on, account_->id, top);
      if (!value) return value.error();
      found[top] = std::move(*value);
    } else {
      auto some = mailbox::annotations(r, subject.on, account_->id, top);
      if (!some) return some.error();
      for (Annotation& one : *some)
        if (*levels_below(top, one.entry) <= depth) found[one.entry] = std::move(one.value);
    }
    const auto computed = [&](std::string_view entry, const std::string& value) {
      const auto levels = levels_below(top, entry);
      if (levels && *levels <= depth) found[std::string(entry)] = value;
    };
    if (subject.on == mailbox::kTheServer)
      computed(kServerAdmin, "mailto:postmaster" + account_->name.substr(account_->name.rfind('@')));
    else if (!subject.use.empty())
      computed(kSpecialUse, subject.use);
  }
  std::vector<Annotation> out;
  for (auto& [entry, value] : found) out.push_back({entry, std::move(value)});
  return out;
}

Task<void> Session::get_metadata(Words words, bool) {
  const auto request = parse_get_metadata(words);
  if (!request) co_return bad("the GETMETADATA is malformed");
  const auto snapshot = services_.store.snapshot();
  const auto subject = metadata_subject(*snapshot, request->mailbox);
  if (!subject) co_return;
  auto found = read_annotations(*snapshot, *subject, request->entries, request->depth);
  if (!found) co_return no(found.error());
  size_t longest = 0;  // of those too long to be told (RFC 5464 §4.2.1)
  std::erase_if(*found, [&](const Annotation& one) {
    const bool too_long = one.value && request->max_size && one.value->size() > *request->max_size;
    if (too_long) longest = std::max(longest, one.value->size());
    return too_long;
  });
  if (!found->empty()) out_ += "* METADATA " + subject->shown + " " + entry_values(*found) + "\r\n";
  ok(longest > 0 ? "[METADATA LONGENTRIES " + std::to_string(longest) + "] longer ones are left out" : "these are set");
}

Task<void> Session::set_metadata(Words words, bool) {
  const auto request = parse_set_metadata(words);
  if (!request) co_return bad("the SETMETADATA is malformed; entries begin with /private/ or /shared/");
  const auto subject = metadata_subject(services_.store, request->mailbox);
  if (!subject) co_return;
  for (const Annotation& change : request->changes) {
    const bool server = subject->on == mailbox::kTheServer;
    if (change.entry == (server ? kServerAdmin : kSpecialUse))
      co_return no(server ? "[CANNOT] /shared/admin cannot be changed"
                          : "[CANNOT] CREATE gives a mailbox its use (RFC 6154), and it stays");
    // RFC 6785 §2.3.1: it names a script of the owner's, which acts in the owner's name.
    if (change.entry == kScript && !server && subject->on.owner != account_->id)
      co_return no("[NOPERM] only the owner of a mailbox chooses the script that runs there");
    if (!mailbox::is_private(change.entry) && !subject->may_share) {
      if (!server) co_return no_right(mailbox::kWriteFlags);
      co_return no("[NOPERM] only administrators set what the whole server shares");
    }
    if (change.value && change.value->size() > mailbox::kMaxAnnotationOctets)
      co_return no("[METADATA MAXSIZE " + std::to_string(mailbox::kMaxAnnotationOctets) + "] that value is too long");
  }
  Task<void> telling = tell_news(true);  // others' changes, before one's own are taken as known
  co_await telling;
  if (state_ == State::kOver) co_return;
  Task<Result<void>> committing = commit([on = subject->on, who = account_->id, changes = request->changes](
                                             store::Transaction& t) { return mailbox::annotate(t, on, who, changes); });
  const Result<void> done = co_await committing;
  learn_annotations(false);
  if (!done && done.code() == Code::kLimit) co_return no("[METADATA TOOMANY] " + done.error().message);
  done ? ok("set") : no(done.error());
}

// --- news -----------------------------------------------------------------------------------------------------------

// The name that a mailbox has in this session; "" for the server. Nothing: there is none, or it may not be told of.
std::optional<std::string> Session::name_of_annotated(const Annotated& on) const {
  if (on == mailbox::kTheServer) return "";
  const identity::Directory& directory = services_.login.directory();
  const auto rights = sharing::rights_of(directory, services_.store, account_->id, on.owner, on.mailbox);
  if (!rights || (*rights & kToHear) != kToHear) return {};
  const auto box = services_.mailboxes.get(services_.store, on.owner, on.mailbox);
  if (!box || !*box) return {};
  if (on.owner == account_->id) return (*box)->name;
  const auto owner = directory.account(services_.store, on.owner);
  if (!owner || !*owner) return {};
  return name_of_other((*owner)->name, (*box)->name);
}

// NOTIFY decides, once it was given (RFC 5465 §5.6, §5.7).
bool Session::hears_annotations(const Annotated& on, const std::string& name) const {
  if (!notified_) return metadata_enabled_;
  if (on == mailbox::kTheServer) return notified_->request.wants_server_metadata();
  return notified_->request.of(name, notified_->subscribed).metadata;
}

// RFC 5464 §4.4: names of what others have changed, once the client has said ENABLE METADATA or asked by NOTIFY.
void Session::learn_annotations(bool tell) {
  if (!annotations_) return;
  std::map<Annotated, std::string> news;
  std::set<AccountId> keepers = {0, account_->id};
  if (selected_) keepers.insert(selected_->account);
  if (notified_)
    for (const auto& [owner, seen] : notified_->others.seen) keepers.insert(owner);
  for (const AccountId keeper : keepers) {
    const bool fresh = !annotations_->contains(keeper);
    KnownAnnotations& known = (*annotations_)[keeper];
    const auto changes = mailbox::annotation_changes(services_.store, keeper);
    if (!changes) return log::error("imap", changes.error().message);
    if (!fresh && *changes == known.changes) continue;
    const auto stamps = mailbox::annotation_stamps(services_.store, keeper);
    if (!stamps) return log::error("imap", stamps.error().message);
    const auto old = std::exchange(known, {*changes, {}}).entries;
    for (const auto& [on, entry, changed] : *stamps) known.entries[{on, entry}] = changed;
    if (fresh || !tell) continue;
    const auto changed_from = [&](const auto& one, const auto& other) {
      for (const auto& [key, changed] : one) {
        const auto& [on, entry] = key;
        // What another account keeps as private is its own affair.
        const bool visible = keeper == 0 || keeper == account_->id || !mailbox::is_private(entry);
        const auto there = other.find(key);
        const bool same = there != other.end() && (there->second == changed || &one == &old);
        if (visible && !same) news[on] += " " + quote(entry);
      }
    };
    changed_from(known.entries, old);
    changed_from(old, known.entries);  // those taken away
  }
  for (const auto& [on, entries] : news)
    if (const auto name = name_of_annotated(on); name && hears_annotations(on, *name))
      out_ += "* METADATA " + (name->empty() ? "\"\"" : shown_name(*name)) + entries + "\r\n";
}

}  // namespace pabal::access::imap
