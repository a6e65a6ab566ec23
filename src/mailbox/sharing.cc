#include "mailbox/sharing.h"

#include <algorithm>

#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr std::string_view kLetters = "lrswipkxtea";  // RFC 4314 §2.1; the n-th is the n-th bit
constexpr uint8_t kVersion = 1;
using Kind = Grantee::Kind;

std::string index_key(const Grantee& who, AccountId owner, MailboxId mailbox) {
  return keys::grants_to(who).u32(owner).u32(mailbox).take();
}

std::string encode(const Acl& acl) {
  Encoder out;
  out.u8(kVersion).varint(acl.size());
  for (const Grant& g : acl) {
    out.u8(static_cast<uint8_t>(g.who.kind)).u32(g.who.account).string(g.who.group);
    out.boolean(g.negative).varint(g.rights);
  }
  return out.take();
}

std::optional<Acl> decode(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  const uint64_t count = in.varint();
  if (count > kMaxGrants) return {};
  Acl acl;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Grant g;
    const uint8_t kind = in.u8();
    if (kind > static_cast<uint8_t>(Kind::kGroup)) return {};
    g.who.kind = static_cast<Kind>(kind);
    g.who.account = in.u32();
    g.who.group = in.string();
    g.negative = in.boolean();
    g.rights = static_cast<Rights>(in.varint() & kAllRights);
    acl.push_back(std::move(g));
  }
  if (!in.ok()) return {};
  return acl;
}

bool stands_in(const Acl& acl, const Grantee& who) {
  return std::any_of(acl.begin(), acl.end(), [&](const Grant& g) { return g.who == who; });
}

// Whom `with` grants something that `without` does not, is to look again at what he may see.
void note_rights(store::Transaction& t, const Acl& with, const Acl& without) {
  for (const Grant& g : with)
    if (std::find(without.begin(), without.end(), g) == without.end())
      t.put(keys::rights_given(g.who.kind == Kind::kAccount ? g.who.account : 0), "");
}

// The record and the index say the same.
Result<void> write(store::Transaction& t, AccountId owner, MailboxId mailbox, const Acl& before, const Acl& now) {
  for (const Grant& g : before)
    if (!stands_in(now, g.who)) t.erase(index_key(g.who, owner, mailbox));
  for (const Grant& g : now)
    if (!stands_in(before, g.who)) t.put(index_key(g.who, owner, mailbox), "");
  note_rights(t, before, now);
  note_rights(t, now, before);
  if (now.empty())
    t.erase(keys::acl(owner, mailbox));
  else
    t.put(keys::acl(owner, mailbox), encode(now));
  return {};
}

// With its change record, which wakes those who look at the account.
Result<void> replace(store::Transaction& t, AccountId owner, MailboxId mailbox, const Acl& before, const Acl& now) {
  auto edit = Edit::begin(t, owner);
  if (!edit) return edit.error();
  if (const auto box = edit->mailbox(mailbox); !box) return box.error();
  if (const auto written = write(t, owner, mailbox, before, now); !written) return written;
  edit->note(Change::Kind::kRights, mailbox);
  return edit->finish();
}

}  // namespace

std::string rights_text(Rights rights) {
  std::string out;
  for (size_t i = 0; i < kLetters.size(); ++i)
    if (rights >> i & 1) out += kLetters[i];
  return out;
}

std::optional<Rights> parse_rights(std::string_view letters) {
  Rights rights = 0;
  for (const char c : letters) {
    const size_t at = kLetters.find(c);
    if (at != kLetters.npos)
      rights |= static_cast<Rights>(1 << at);
    else if (c == 'c')
      rights |= kCreateBelow | kRemoveMailbox;
    else if (c == 'd')
      rights |= kDeleteMessages | kExpunge;
    else
      return {};
  }
  return rights;
}

Flags allowed_flags(const Flags& given, Rights rights) {
  Flags out;
  uint8_t system = 0;
  if (rights & kKeepSeen) system |= kSeen;
  if (rights & kDeleteMessages) system |= kDeleted;
  if (rights & kWriteFlags) {
    system |= kAnswered | kFlagged | kDraft;
    out.keywords = given.keywords;
  }
  out.system = given.system & system;
  return out;
}

std::string rights_key(AccountId account) { return keys::rights_given(account); }

Result<Acl> acl(const store::Reader& r, AccountId owner, MailboxId mailbox) {
  auto read = mailbox::read<Acl>(r, keys::acl(owner, mailbox), "rights", decode);
  if (!read) return read.error();
  return std::move(*read).value_or(Acl());
}

Result<void> change_acl(store::Transaction& t, AccountId owner, MailboxId mailbox, const Grantee& who, bool negative,
                        char sign, Rights rights) {
  const auto before = acl(t, owner, mailbox);
  if (!before) return before.error();
  Acl now = *before;
  auto entry =
      std::find_if(now.begin(), now.end(), [&](const Grant& g) { return g.who == who && g.negative == negative; });
  if (entry == now.end()) entry = now.insert(now.end(), {who, negative, 0});
  if (sign == '+')
    entry->rights |= rights;
  else if (sign == '-')
    entry->rights &= static_cast<Rights>(~rights);
  else
    entry->rights = rights;
  if (entry->rights == 0) now.erase(entry);
  if (now.size() > kMaxGrants)
    return Error{Code::kLimit, "a mailbox is shared with at most 100; share it with a group instead"};
  if (now == *before) return {};
  return replace(t, owner, mailbox, *before, now);
}

Result<Rights> rights_in(const Acl& acl, AccountId who, const std::function<Result<bool>(const std::string&)>& member) {
  Rights granted = 0, taken = 0;
  for (const Grant& g : acl) {
    bool meant = g.who.kind == Kind::kAnyone || (g.who.kind == Kind::kAccount && g.who.account == who);
    if (g.who.kind == Kind::kGroup) {
      const auto in_it = member(g.who.group);
      if (!in_it) return in_it.error();
      meant = *in_it;
    }
    if (meant) (g.negative ? taken : granted) |= g.rights;
  }
  return static_cast<Rights>(granted & ~taken);
}

Result<std::vector<SharedMailbox>> shared_with(const store::Reader& r, const Grantee& who, size_t limit) {
  std::vector<SharedMailbox> out;
  const std::string prefix = keys::grants_to(who).take();
  store::Range range = store::Range::prefix(prefix);
  range.limit = limit;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view) {
    Decoder in(key.substr(prefix.size()));
    const AccountId owner = in.u32();
    out.push_back({owner, in.u32()});
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}

Result<std::vector<std::string>> groups_in_lists(const store::Reader& r) {
  std::vector<std::string> out;
  store::Range range = store::Range::prefix(keys::grants_to_groups());
  range.limit = 1;
  for (;;) {  // from group to group, however many lists one stands in
    const auto next = r.list(range);
    if (!next) return next.error();
    if (next->empty()) return out;
    const std::string rest = next->front().key.substr(keys::grants_to_groups().size());
    out.push_back(rest.substr(0, rest.find('\0')));
    range.begin = store::Range::prefix(keys::grants_to({Kind::kGroup, 0, out.back()}).take()).end;
  }
}

Result<size_t> forget_grantee(store::Transaction& t, const Grantee& who, size_t limit) {
  const auto lists = shared_with(t, who, limit);
  if (!lists) return lists.error();
  for (const auto& [owner, mailbox] : *lists) {
    const auto before = acl(t, owner, mailbox);
    if (!before) return before.error();
    Acl now = *before;
    std::erase_if(now, [&](const Grant& g) { return g.who == who; });
    t.erase(index_key(who, owner, mailbox));  // also where the list is gone: an account under removal
    const auto done = replace(t, owner, mailbox, *before, now);
    if (!done && done.code() != Code::kNotFound) return done.error();
  }
  return lists->size();
}

Result<void> inherit_acl(store::Transaction& t, AccountId owner, MailboxId parent, MailboxId mailbox) {
  const auto inherited = acl(t, owner, parent);
  return inherited ? write(t, owner, mailbox, {}, *inherited) : inherited.error();
}

Result<void> drop_acl(store::Transaction& t, AccountId owner, MailboxId mailbox) {
  const auto before = acl(t, owner, mailbox);
  return before ? write(t, owner, mailbox, *before, {}) : before.error();
}

}  // namespace pabal::mailbox
