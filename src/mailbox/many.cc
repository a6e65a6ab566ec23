// Many records of an account at once: what searches and sorts of large mailboxes read.
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

// Records passed over for each that is wanted, at most: a step of a scan costs a small part of a look-up.
constexpr uint64_t kDense = 8;

// `visit` gives false for a damaged record.
Result<void> each(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                  std::string (*key_of)(AccountId, MessageId), std::string_view what,
                  const std::function<bool(MessageId, std::string_view)>& visit) {
  if (ids.empty()) return {};
  bool whole = true;
  if (ids.back() - ids.front() > kDense * ids.size()) {
    for (const MessageId id : ids) {
      const auto record = r.get(key_of(account, id));
      if (!record) return record.error();
      if (*record && !visit(id, **record)) return damaged(what);
    }
    return {};
  }
  auto next = ids.begin();
  const store::Range range{key_of(account, ids.front()), key_of(account, ids.back() + 1)};
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    const MessageId id = Decoder(key.substr(6)).u64();
    while (next != ids.end() && *next < id) ++next;
    if (next != ids.end() && *next == id) whole = visit(id, record);
    return whole;
  });
  if (!scanned) return scanned;
  if (!whole) return damaged(what);
  return {};
}

}  // namespace

Result<void> Mailboxes::each_message(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(Message&&)>& visit) const {
  return each(r, account, ids, keys::message, "a message", [&](MessageId, std::string_view record) {
    auto message = decode_message(record);
    if (message) visit(std::move(*message));
    return message.has_value();
  });
}

Result<void> Mailboxes::each_message(const store::Reader& r, AccountId account,
                                     const std::function<void(Message&&)>& visit) const {
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'm').take()),
                              [&](std::string_view, std::string_view record) {
                                auto message = decode_message(record);
                                whole = message.has_value();
                                if (message) visit(std::move(*message));
                                return whole;
                              });
  if (!scanned) return scanned;
  if (!whole) return damaged("a message");
  return {};
}

Result<void> Mailboxes::each_details(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(MessageId, Details&&)>& visit) const {
  return each(r, account, ids, keys::details, "a message's structure", [&](MessageId id, std::string_view record) {
    auto details = decode_details(record);
    if (details) visit(id, std::move(*details));
    return details.has_value();
  });
}

Result<void> Mailboxes::each_summary(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(MessageId, message::Summary&&)>& visit) const {
  return each(r, account, ids, keys::details, "a message's structure", [&](MessageId id, std::string_view record) {
    auto summary = decode_summary(record);
    if (summary) visit(id, std::move(*summary));
    return summary.has_value();
  });
}

}  // namespace pabal::mailbox
