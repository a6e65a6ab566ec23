#include "mailbox/newest.h"

#include "mailbox/impl.h"

namespace pabal::mailbox {

Result<void> newest_messages(const store::Reader& r, AccountId account, MessageId before,
                             const std::function<bool(Message&&)>& visit) {
  store::Range range = store::Range::prefix(keys::in_account(account, 'm').take());
  if (before > 0) range.end = keys::message(account, before);
  range.reverse = true;
  bool whole = true;
  const auto scanned = r.scan(range, [&](std::string_view, std::string_view record) {
    auto message = decode_message(record);
    whole = message.has_value();
    return whole && visit(std::move(*message));
  });
  if (!scanned) return scanned;
  if (!whole) return damaged("a message");
  return {};
}

Result<void> newest_rows(const store::Reader& r, AccountId account, MailboxId mailbox, Uid before,
                         const std::function<bool(const Row&)>& visit) {
  store::Range range = store::Range::prefix(keys::in_account(account, 'u').u32(mailbox).take());
  if (before > 0) {
    range.end = keys::rows(account, mailbox, before);
    range.end += '\0';  // the block of `before` included
  }
  range.reverse = true;
  bool whole = true;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    const auto rows = decode_rows(record, Decoder(key.substr(10)).u32() * keys::kRowBlock);
    whole = rows.has_value();
    if (!whole) return false;
    for (auto row = rows->rbegin(); row != rows->rend(); ++row)
      if ((before == 0 || row->uid < before) && !visit(*row)) return false;
    return true;
  });
  if (!scanned) return scanned;
  if (!whole) return damaged("a message's row");
  return {};
}

}  // namespace pabal::mailbox
