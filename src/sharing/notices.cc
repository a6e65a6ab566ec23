#include "sharing/notices.h"

#include "base/codec.h"
#include "sharing/sharing.h"

namespace pabal::sharing {
namespace {

using mailbox::AccountId;
using mailbox::Rights;
using objects::Kind;

constexpr uint8_t kVersion = 1;

std::string encode(const Notice& n) {
  return Encoder()
      .u8(kVersion)
      .u64(static_cast<uint64_t>(to_micros(n.created)))
      .u32(n.by)
      .string(n.by_name)
      .u32(n.owner)
      .u32(n.mailbox)
      .u8(static_cast<uint8_t>(n.role))
      .string(n.name)
      .u32(n.before)
      .u32(n.after)
      .take();
}

// The notice takes the place of one about the same mailbox, and with it what was before.
Result<void> leave(store::Transaction& t, AccountId whom, Notice notice) {
  const auto all = objects::all(t, whom, Kind::kShareNotice);
  if (!all) return all.error();
  size_t there = all->size();
  for (const objects::Object& one : *all) {
    const auto old = decode_notice(one.value);
    const bool same = old && old->owner == notice.owner && old->mailbox == notice.mailbox;
    if (!same && there < kMaxNotices) continue;
    if (same) notice.before = old->before;
    if (const auto gone = objects::remove(t, whom, Kind::kShareNotice, one.id); !gone) return gone;
    --there;
  }
  if (notice.before == notice.after) return {};
  const auto id = objects::add(t, whom, Kind::kShareNotice, encode(notice));
  return id ? Result<void>() : id.error();
}

}  // namespace

std::optional<Notice> decode_notice(std::string_view value) {
  Decoder in(value);
  if (in.u8() != kVersion) return {};
  Notice n;
  n.created = from_micros(static_cast<int64_t>(in.u64()));
  n.by = in.u32();
  n.by_name = in.string();
  n.owner = in.u32();
  n.mailbox = in.u32();
  n.role = static_cast<mailbox::Role>(in.u8());
  n.name = in.string();
  n.before = static_cast<Rights>(in.u32());
  n.after = static_cast<Rights>(in.u32());
  return in.ok() ? std::optional(std::move(n)) : std::nullopt;
}

Result<void> change_rights(const identity::Directory& directory, const mailbox::Mailboxes& mailboxes,
                           store::Transaction& t, const RightsChange& change, Time now) {
  const bool told = change.who.kind == mailbox::Grantee::Kind::kAccount && change.who.account != change.owner;
  const AccountId whom = change.who.account;
  const auto before = told ? rights_of(directory, t, whom, change.owner, change.mailbox) : Rights{0};
  if (!before) return before.error();
  if (const auto done =
          mailbox::change_acl(t, change.owner, change.mailbox, change.who, change.negative, change.sign, change.rights);
      !done)
    return done;
  if (!told) return {};
  const auto after = rights_of(directory, t, whom, change.owner, change.mailbox);
  if (!after) return after.error();
  const auto box = mailboxes.get(t, change.owner, change.mailbox);
  if (!box) return box.error();
  if (!*box || *before == *after) return {};
  Notice notice{now, change.by, "", change.owner, change.mailbox, (*box)->role, (*box)->name, *before, *after};
  const auto by = change.by ? directory.account(t, change.by) : std::optional<identity::Account>();
  if (!by) return by.error();
  if (*by) notice.by_name = (*by)->name;
  return leave(t, whom, std::move(notice));
}

}  // namespace pabal::sharing
