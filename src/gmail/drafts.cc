#include "gmail/drafts.h"

#include <algorithm>

#include "gmail/keys.h"

namespace pabal::gmail {

using mailbox::AccountId;
using mailbox::Message;
using mailbox::MessageId;

namespace {

constexpr uint8_t kVersion = 1;

Result<MessageId> read_or(const store::Reader& r, const std::string& key, MessageId usual) {
  const auto record = r.get(key);
  if (!record) return record.error();
  if (!*record) return usual;
  Decoder in(**record);
  const uint8_t version = in.u8();
  const MessageId id = in.u64();
  return version == kVersion && in.ok() ? id : usual;
}

std::string record_of(MessageId id) { return Encoder().u8(kVersion).u64(id).take(); }

}  // namespace

Result<MessageId> draft_of(const store::Reader& r, AccountId account, MessageId message) {
  return read_or(r, keys::draft_of(account, message), message);
}

Result<std::optional<Message>> draft_message(const mailbox::Mailboxes& boxes, const store::Reader& r, AccountId account,
                                             MessageId draft) {
  const auto now = read_or(r, keys::draft(account, draft), draft);
  if (!now) return now.error();
  auto m = boxes.message(r, account, *now);
  if (!m || !*m || (*m)->places.empty()) return m ? std::optional<Message>() : m;
  const auto its_draft = draft_of(r, account, *now);
  if (!its_draft) return its_draft.error();
  if (*its_draft != draft) return std::optional<Message>();
  const auto drafts = boxes.by_role(r, account, mailbox::Role::kDrafts);
  if (!drafts) return drafts.error();
  const bool is_draft = *drafts && std::any_of((*m)->places.begin(), (*m)->places.end(),
                                               [&](const auto& place) { return place.mailbox == (*drafts)->id; });
  return is_draft ? std::move(*m) : std::optional<Message>();
}

void replace_draft(store::Transaction& t, AccountId account, MessageId draft, MessageId before, MessageId message) {
  t.erase(keys::draft_of(account, before));
  t.put(keys::draft(account, draft), record_of(message));
  t.put(keys::draft_of(account, message), record_of(draft));
}

void forget_draft(store::Transaction& t, AccountId account, MessageId draft, MessageId message) {
  t.erase(keys::draft(account, draft));
  t.erase(keys::draft_of(account, message));
}

}  // namespace pabal::gmail
