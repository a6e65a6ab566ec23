#include <algorithm>

#include "base/text.h"
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr size_t kMaxName = 255, kMaxLevels = 16;
constexpr std::pair<std::string_view, Role> kFirst[] = {{"INBOX", Role::kInbox}, {"Drafts", Role::kDrafts}, {"Sent", Role::kSent},
                                                        {"Junk", Role::kJunk},   {"Trash", Role::kTrash},   {"Archive", Role::kArchive}};

// The name as stored, or why it cannot be one. RFC 9051 §5.1: INBOX in any case, also as the first level.
Result<std::string> checked_name(std::string_view given) {
  std::string name(given);
  const size_t slash = name.find('/');
  if (text::iequals(name.substr(0, slash), "INBOX")) name = "INBOX" + (slash == name.npos ? "" : name.substr(slash));
  const Error bad{Code::kInvalid, "a mailbox name is 1 to 255 octets of UTF-8, its levels parted by single slashes"};
  if (name.empty() || name.size() > kMaxName || !text::is_utf8(name)) return bad;
  const auto levels = text::split(name, '/');
  if (levels.size() > kMaxLevels) return bad;
  for (const std::string_view level : levels)
    if (level.empty()) return bad;
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7F || c == '*' || c == '%') return Error{Code::kInvalid, "a mailbox name has no control characters, * or %"};
  return name;
}

// RFC 9051 §2.3.1.1: grows with time, so that a name used again gets another value.
uint32_t new_validity(const Clock& clock, MailboxId id) { return static_cast<uint32_t>(to_unix(clock.now()) + id); }

Result<MailboxId> make(store::Transaction& t, AccountId account, Edit& edit, const Clock& clock, const std::string& name, Role role) {
  Mailbox m;
  m.id = edit.state.next_mailbox++;
  m.name = name;
  m.role = role;
  m.uid_validity = new_validity(clock, m.id);
  t.put(keys::mailbox(account, m.id), encode(m));
  t.put(keys::name(account, name), Encoder().u32(m.id).take());
  edit.note(Change::Kind::kMailboxCreated, m.id);
  return m.id;
}

Result<std::optional<MailboxId>> id_of(const store::Reader& r, AccountId account, const std::string& name) {
  const auto record = r.get(keys::name(account, name));
  if (!record) return record.error();
  if (!*record) return std::optional<MailboxId>();
  return std::optional<MailboxId>(Decoder(**record).u32());
}

}  // namespace

Mailboxes::Mailboxes(store::Store& store, const Clock& clock) : impl_(std::make_unique<Impl>(store, clock)) {}
Mailboxes::~Mailboxes() = default;

Result<void> Mailboxes::create_account(store::Transaction& t, AccountId account, uint64_t quota_octets) {
  const auto there = t.get(keys::state(account));
  if (!there) return there.error();
  if (*there) return Error{Code::kExists, "the account has mailboxes already"};
  AccountState state;
  state.quota_octets = quota_octets;
  t.put(keys::state(account), encode(state));
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  for (const auto& [name, role] : kFirst)
    if (const auto made = make(t, account, *edit, impl_->clock, std::string(name), role); !made) return made.error();
  return edit->finish();
}

Result<void> Mailboxes::remove_account(store::Transaction& t, AccountId account) {
  std::vector<BodyId> bodies;
  bool whole = true;
  const auto messages = t.scan(store::Range::prefix(keys::in_account(account, 'm').take()), [&](std::string_view, std::string_view record) {
    const auto m = decode_message(record);
    if (m) bodies.push_back(m->body);
    else whole = false;
    return true;
  });
  if (!messages) return messages;
  if (!whole) return damaged("a message");
  for (const BodyId body : bodies)
    if (const auto done = release_body(t, body); !done) return done;
  std::vector<std::string> all;
  const auto keys_seen = t.scan(store::Range::prefix(keys::all_of(account)), [&](std::string_view key, std::string_view) {
    all.emplace_back(key);
    return true;
  });
  if (!keys_seen) return keys_seen;
  for (const std::string& key : all) t.erase(key);
  return {};
}

Result<void> Mailboxes::set_quota(store::Transaction& t, AccountId account, uint64_t quota_octets) {
  auto state = read<AccountState>(t, keys::state(account), "an account", decode_state);
  if (!state) return state.error();
  if (!*state) return Error{Code::kNotFound, "there is no such account"};
  (*state)->quota_octets = quota_octets;
  t.put(keys::state(account), encode(**state));
  return {};
}

Result<AccountFigures> Mailboxes::figures(const store::Reader& r, AccountId account) const {
  const auto state = read<AccountState>(r, keys::state(account), "an account", decode_state);
  if (!state) return state.error();
  if (!*state) return Error{Code::kNotFound, "there is no such account"};
  return AccountFigures{(*state)->octets, (*state)->messages, (*state)->quota_octets, (*state)->modseq};
}

Result<MailboxId> Mailboxes::create(store::Transaction& t, AccountId account, std::string_view given, Role role) {
  const auto name = checked_name(given);
  if (!name) return name.error();
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto there = id_of(t, account, *name);
  if (!there) return there.error();
  if (*there) return Error{Code::kExists, "there is a mailbox " + *name + " already"};
  const auto all = t.list(store::Range::prefix(keys::in_account(account, 'n').take()));
  if (!all) return all.error();
  if (all->size() >= kMaxMailboxes) return Error{Code::kLimit, "an account has at most 5,000 mailboxes"};
  if (role != Role::kNone) {
    const auto holder = by_role(t, account, role);
    if (!holder) return holder.error();
    if (*holder) return Error{Code::kExists, "the mailbox " + (*holder)->name + " has that use already"};
  }
  // RFC 9051 §6.3.4: missing parents are made as well.
  for (size_t slash = name->find('/'); slash != name->npos; slash = name->find('/', slash + 1)) {
    const std::string parent = name->substr(0, slash);
    const auto parent_there = id_of(t, account, parent);
    if (!parent_there) return parent_there.error();
    if (*parent_there) continue;
    if (const auto made = make(t, account, *edit, impl_->clock, parent, Role::kNone); !made) return made.error();
  }
  const auto id = make(t, account, *edit, impl_->clock, *name, role);
  if (!id) return id;
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
  const std::string old = (*box)->name;
  if (old == "INBOX") return Error{Code::kDenied, "INBOX keeps its name; move its messages instead"};
  const auto there = id_of(t, account, *name);
  if (!there) return there.error();
  if (*there) return Error{Code::kExists, "there is a mailbox " + *name + " already"};
  if (name->starts_with(old + "/")) return Error{Code::kInvalid, "a mailbox cannot go below itself"};

  const auto all = list(t, account);
  if (!all) return all.error();
  for (const Mailbox& one : *all) {
    const bool below = one.name.starts_with(old + "/");
    if (one.id != id && !below) continue;
    const auto moving = edit->mailbox(one.id);
    if (!moving) return moving.error();
    t.erase(keys::name(account, one.name));
    (*moving)->name = *name + one.name.substr(old.size());
    if ((*moving)->name.size() > kMaxName) return Error{Code::kLimit, "the name of " + one.name + " would become too long"};
    t.put(keys::name(account, (*moving)->name), Encoder().u32(one.id).take());
    edit->note(Change::Kind::kMailboxRenamed, one.id);
  }
  for (size_t slash = name->find('/'); slash != name->npos; slash = name->find('/', slash + 1)) {
    const std::string parent = name->substr(0, slash);
    const auto parent_there = id_of(t, account, parent);
    if (!parent_there) return parent_there.error();
    if (!*parent_there)
      if (const auto made = make(t, account, *edit, impl_->clock, parent, Role::kNone); !made) return made.error();
  }
  return edit->finish();
}

Result<void> Mailboxes::remove(store::Transaction& t, AccountId account, MailboxId id) {
  const auto box = get(t, account, id);
  if (!box) return box.error();
  if (!*box) return Error{Code::kNotFound, "there is no such mailbox"};
  if ((*box)->role == Role::kInbox) return Error{Code::kDenied, "INBOX cannot be deleted"};
  std::vector<MessageId> members;
  const auto read_rows = rows(t, account, id, 1, UINT32_MAX, [&](const Row& row) {
    members.push_back(row.message);
    return true;
  });
  if (!read_rows) return read_rows;
  for (const MessageId m : members)
    if (const auto done = remove_place(t, account, m, id); !done) return done;
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  t.erase(keys::name(account, (*box)->name));
  t.erase(keys::mailbox(account, id));
  edit->note(Change::Kind::kMailboxRemoved, id);
  return edit->finish();
}

Result<void> Mailboxes::subscribe(store::Transaction& t, AccountId account, MailboxId id, bool on) {
  auto edit = Edit::begin(t, account);
  if (!edit) return edit.error();
  const auto box = edit->mailbox(id);
  if (!box) return box.error();
  if ((*box)->subscribed == on) return {};
  (*box)->subscribed = on;
  edit->note(Change::Kind::kSubscription, id);
  return edit->finish();
}

Result<std::vector<Mailbox>> Mailboxes::list(const store::Reader& r, AccountId account) const {
  std::vector<Mailbox> out;
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'b').take()), [&](std::string_view, std::string_view record) {
    auto box = decode_mailbox(record);
    if (box) out.push_back(std::move(*box));
    else whole = false;
    return true;
  });
  if (!scanned) return scanned.error();
  if (!whole) return damaged("a mailbox");
  std::sort(out.begin(), out.end(), [](const Mailbox& a, const Mailbox& b) {
    return std::pair(a.name != "INBOX", a.name) < std::pair(b.name != "INBOX", b.name);
  });
  return out;
}

Result<std::optional<Mailbox>> Mailboxes::find(const store::Reader& r, AccountId account, std::string_view given) const {
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
