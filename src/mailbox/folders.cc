// Mailboxes: their names, hierarchy, special uses and subscriptions.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxName = 255, kMaxLevels = 16;
constexpr size_t kMaxSubscribed = 1'000;  // octets of a name that may be another account's, with what leads there

// Of UTF-8: C0, DEL and C1 (RFC 5198 §2 keeps them out of names).
bool has_control(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7F || (c == 0xC2 && i + 1 < name.size() && static_cast<unsigned char>(name[i + 1]) < 0xA0))
      return true;
  }
  return false;
}

// RFC 9051 §5.1: INBOX in any case, also as the first level.
std::string with_inbox(std::string_view given) {
  const size_t slash = std::min(given.find('/'), given.size());
  return (text::iequals(given.substr(0, slash), "INBOX") ? "INBOX" : std::string(given.substr(0, slash))) +
         std::string(given.substr(slash));
}

// The name as stored, or why it cannot be one.
Result<std::string> checked_name(std::string_view given) {
  std::string name = with_inbox(given);
  const Error bad{Code::kInvalid,
                  "a mailbox name is 1 to 255 octets of UTF-8, its at most 16 levels parted by single slashes"};
  if (name.empty() || name.size() > kMaxName || !text::is_utf8(name)) return bad;
  const auto levels = text::split(name, '/');
  if (levels.size() > kMaxLevels ||
      std::any_of(levels.begin(), levels.end(), [](std::string_view level) { return level.empty(); }))
    return bad;
  if (levels.front() == kOtherUsers)
    return Error{Code::kInvalid, "names below Other Users are those of others' mailboxes"};
  if (has_control(name) || name.find_first_of("*%") != name.npos)
    return Error{Code::kInvalid, "a mailbox name has no control characters, * or %"};
  return name;
}

Result<std::optional<MailboxId>> id_of(const store::Reader& r, AccountId account, const std::string& name) {
  const auto record = r.get(keys::name(account, name));
  if (!record) return record.error();
  if (!*record) return std::optional<MailboxId>();
  return std::optional<MailboxId>(Decoder(**record).u32());
}

// RFC 9051 §6.3.4: makes `name` and the parents that are missing. kExists, kLimit.
Result<MailboxId> make(store::Transaction& t, AccountId account, Edit& edit, const Clock& clock,
                       const std::string& name, Role role) {
  const auto there = id_of(t, account, name);
  if (!there) return there.error();
  if (*there) return Error{Code::kExists, "there is a mailbox " + name + " already"};
  std::vector<std::string> missing;
  std::optional<MailboxId> above;  // the nearest that is there
  for (size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    std::string parent = name.substr(0, slash);
    const auto known = id_of(t, account, parent);
    if (!known) return known.error();
    if (*known)
      above = *known;
    else
      missing.push_back(std::move(parent));
  }
  size_t count = missing.size() + 1;
  const auto counted = t.scan(store::Range::prefix(keys::in_account(account, 'n').take()),
                              [&](std::string_view, std::string_view) { return ++count <= kMaxMailboxes; });
  if (!counted) return counted.error();
  if (count > kMaxMailboxes) return Error{Code::kLimit, "an account has at most 5,000 mailboxes"};
  std::vector<MailboxId> made;
  for (const std::string& parent : missing) made.push_back(edit.create(clock, parent, Role::kNone).id);
  made.push_back(edit.create(clock, name, role).id);
  if (above)
    for (const MailboxId id : made)
      if (const auto shared = inherit_acl(t, account, *above, id); !shared) return shared.error();
  return made.back();
}

// Moves all messages of a mailbox into another.
Result<void> move_all(store::Transaction& t, const Mailboxes& boxes, AccountId account, Edit& edit, MailboxId from,
                      MailboxId to, Time now) {
  std::vector<std::pair<MessageId, bool>> members;  // and whether \Deleted: what was to be expunged still is
  const auto read_rows = boxes.rows(t, account, from, 1, UINT32_MAX, [&](const Row& row) {
    members.emplace_back(row.message, row.flags.has(kDeleted));
    return true;
  });
  if (!read_rows) return read_rows;
  for (const auto& [id, deleted] : members) {
    auto m = need_message(t, account, id);
    if (!m) return m.error();
    if (const auto left = leave(t, account, edit, *m, from); !left) return left;
    if (const auto uid = enter(t, account, edit, *m, {to, 0, deleted, now}); !uid) return uid.error();
    write_message(t, account, edit, *m);
  }
  return {};
}

}  // namespace

Mailboxes::Mailboxes(store::Store& store, const Clock& clock) : impl_(std::make_unique<Impl>(store, clock)) {}
Mailboxes::~Mailboxes() = default;

Result<MailboxId> Mailboxes::create(store::Transaction& t, AccountId account, std::string_view given, Role role,
                                    bool subscribed) {
  const auto name = checked_name(given);
  if (!name) return name.error();
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  if (role != Role::kNone) {
    const auto holder = by_role(t, account, role);
    if (!holder) return holder.error();
    if (*holder) return Error{Code::kExists, "the mailbox " + (*holder)->name + " has that use already"};
  }
  const auto id = make(t, account, *edit, impl_->clock, *name, role);
  if (!id) return id;
  if (subscribed) t.put(keys::subscription(account, *name), "");
  if (const auto done = edit->finish(); !done) return done.error();
  return id;
}

Result<void> Mailboxes::rename(store::Transaction& t, AccountId account, MailboxId id, std::string_view given) {
  const auto name = checked_name(given);
  if (!name) return name.error();
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto box = edit->mailbox(id);
  if (!box) return box.error();
  const std::string old = (*box)->name, below = old + "/";
  if ((*box)->role == Role::kInbox) {
    // RFC 9051 §6.3.6: INBOX and what is below it stay; its messages move.
    const auto target = make(t, account, *edit, impl_->clock, *name, Role::kNone);
    if (!target) return target.error();
    t.put(keys::subscription(account, *name), "");
    if (const auto moved = move_all(t, *this, account, *edit, id, *target, impl_->clock.now()); !moved) return moved;
    if (const auto copied = copy_annotations(t, account, id, *target); !copied) return copied;  // RFC 5464 §4.1
    return edit->finish();
  }
  if (*name == old) return Error{Code::kExists, "there is a mailbox " + old + " already"};
  if (name->starts_with(below)) return Error{Code::kInvalid, "a mailbox cannot go below itself"};

  const auto all = list(t, account);
  if (!all) return all.error();
  std::vector<std::pair<MailboxId, std::string>> moving;
  std::set<std::string_view> staying;
  std::set<MailboxId> follows;  // whose subscription goes with it
  for (const Mailbox& one : *all) {
    if (one.id != id && !one.name.starts_with(below)) {
      staying.insert(one.name);
      continue;
    }
    auto moved = checked_name(*name + one.name.substr(old.size()));
    if (!moved) return Error{Code::kLimit, "the name of " + one.name + " would become too long"};
    moving.emplace_back(one.id, std::move(*moved));
    t.erase(keys::name(account, one.name));
    const std::string subscription = keys::subscription(account, one.name);
    const auto subscribed = t.get(subscription);
    if (!subscribed) return subscribed.error();
    if (*subscribed) follows.insert(one.id), t.erase(subscription);
  }
  for (const auto& [one, moved] : moving) {
    // The new name may have mailboxes below it already, when it was removed and they were not.
    if (staying.contains(moved)) return Error{Code::kExists, "there is a mailbox " + moved + " already"};
    const auto changed = edit->mailbox(one);
    if (!changed) return changed.error();
    (*changed)->name = moved;
    t.put(keys::name(account, moved), Encoder().u32(one).take());
    if (follows.contains(one)) t.put(keys::subscription(account, moved), "");
    edit->note(Change::Kind::kMailboxRenamed, one);
  }
  for (size_t slash = name->find('/'); slash != name->npos; slash = name->find('/', slash + 1)) {
    const std::string parent = name->substr(0, slash);
    const auto known = id_of(t, account, parent);
    if (!known) return known.error();
    if (*known) continue;
    if (const auto made = make(t, account, *edit, impl_->clock, parent, Role::kNone); !made) return made.error();
  }
  return edit->finish();
}

Result<void> Mailboxes::remove(store::Transaction& t, AccountId account, MailboxId id) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto box = edit->mailbox(id);
  if (!box) return box.error();
  if ((*box)->role == Role::kInbox) return Error{Code::kDenied, "INBOX cannot be deleted"};
  const std::string name = (*box)->name;
  std::vector<MessageId> members;
  const auto read_rows = rows(t, account, id, 1, UINT32_MAX, [&](const Row& row) {
    members.push_back(row.message);
    return true;
  });
  if (!read_rows) return read_rows;
  const Time now = impl_->clock.now();
  for (const MessageId member : members) {
    auto m = need_message(t, account, member);
    if (!m) return m.error();
    if (const auto done = take_out(t, account, *edit, *m, id, now); !done) return done;
  }
  if (const auto unshared = drop_acl(t, account, id); !unshared) return unshared;       // RFC 4314 §4
  if (const auto dropped = drop_annotations(t, account, id); !dropped) return dropped;  // RFC 5464 §4.1
  t.erase(keys::name(account, name));
  edit->erase(id);
  return edit->finish();
}

Result<void> Mailboxes::set_role(store::Transaction& t, AccountId account, MailboxId id, Role role) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto box = edit->mailbox(id);
  if (!box) return box.error();
  if ((*box)->role == role) return {};
  if ((*box)->role == Role::kInbox || role == Role::kInbox)
    return Error{Code::kDenied, "the inbox is always the same mailbox"};
  if (role != Role::kNone) {
    const auto holder = by_role(t, account, role);
    if (!holder) return holder.error();
    if (*holder) return Error{Code::kExists, "the mailbox " + (*holder)->name + " has that use already"};
  }
  (*box)->role = role;
  edit->note(Change::Kind::kMailboxRenamed, id);
  return edit->finish();
}

Result<void> Mailboxes::subscribe(store::Transaction& t, AccountId account, std::string_view given, bool on) {
  const std::string name = with_inbox(given);
  if (name.empty() || name.size() > kMaxSubscribed || !text::is_utf8(name) || has_control(name))
    return Error{Code::kInvalid, "no mailbox can have that name"};
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto all = subscriptions(t, account);
  if (!all) return all.error();
  if (all->contains(name) == on) return {};
  if (on && all->size() >= kMaxSubscriptions)
    return Error{Code::kLimit, "an account has at most 10,000 subscriptions; unsubscribe some"};
  const std::string key = keys::subscription(account, name);
  on ? t.put(key, "") : t.erase(key);
  const auto id = id_of(t, account, name);
  if (!id) return id.error();
  edit->note(Change::Kind::kSubscription, id->value_or(0));
  return edit->finish();
}

Result<std::set<std::string>> Mailboxes::subscriptions(const store::Reader& r, AccountId account) const {
  std::set<std::string> out;
  const std::string prefix = keys::subscription(account, "");
  const auto scanned = r.scan(store::Range::prefix(prefix), [&](std::string_view key, std::string_view) {
    out.emplace_hint(out.end(), key.substr(prefix.size()));
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}

Result<std::vector<Mailbox>> Mailboxes::list(const store::Reader& r, AccountId account) const {
  std::vector<Mailbox> out;
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'b').take()),
                              [&](std::string_view, std::string_view record) {
                                auto box = decode_mailbox(record);
                                if (box)
                                  out.push_back(std::move(*box));
                                else
                                  whole = false;
                                return whole;
                              });
  if (!scanned) return scanned.error();
  if (!whole) return damaged("a mailbox");
  std::sort(out.begin(), out.end(), [](const Mailbox& a, const Mailbox& b) {
    const bool a_later = a.name != "INBOX", b_later = b.name != "INBOX";
    return a_later != b_later ? b_later : a.name < b.name;
  });
  return out;
}

Result<std::optional<Mailbox>> Mailboxes::find(const store::Reader& r, AccountId account,
                                               std::string_view given) const {
  const auto name = checked_name(given);
  if (!name) return std::optional<Mailbox>();
  const auto id = id_of(r, account, *name);
  if (!id) return id.error();
  if (!*id) return std::optional<Mailbox>();
  return get(r, account, **id);
}

Result<std::optional<Mailbox>> Mailboxes::get(const store::Reader& r, AccountId account, MailboxId id) const {
  return read<Mailbox>(r, keys::mailbox(account, id), "a mailbox", decode_mailbox);
}

Result<std::optional<Mailbox>> Mailboxes::by_role(const store::Reader& r, AccountId account, Role role) const {
  const auto all = list(r, account);
  if (!all) return all.error();
  for (const Mailbox& box : *all)
    if (box.role == role) return std::optional<Mailbox>(box);
  return std::optional<Mailbox>();
}

}  // namespace pabal::mailbox
