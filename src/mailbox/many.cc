// Many records of an account at once: what searches and sorts of large mailboxes read.
#include <algorithm>

#include "mailbox/impl.h"
#include "mailbox/message_records.h"

namespace pabal::mailbox {
namespace {

// Records passed over for each that is wanted, at most: a step of a scan costs a small part of a look-up.
constexpr uint64_t kDense = 8;

// Reads the records of `ids` (ascending) whose keys end in them: in one pass where they lie close. `visit` gives false
// for a damaged record.
template <typename Id>
Result<void> each(const store::Reader& r, const std::vector<Id>& ids, std::string_view what,
                  const std::function<std::string(Id)>& key_of,
                  const std::function<bool(Id, std::string_view)>& visit) {
  if (ids.empty()) return {};
  bool whole = true;
  if (uint64_t{ids.back() - ids.front()} > kDense * ids.size()) {
    std::vector<std::string> keys;
    keys.reserve(ids.size());
    for (const Id id : ids) keys.push_back(key_of(id));
    const auto found = r.get_many(
        keys, [&](size_t at, std::string_view record) { return whole = visit(ids[at], record); }, store::Space::kIndex);
    if (!found) return found;
    if (!whole) return damaged(what);
    return {};
  }
  auto next = ids.begin();
  store::Range range{key_of(ids.front()), key_of(ids.back())};
  range.end += '\0';  // the last included
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view record) {
    Decoder end(key.substr(key.size() - sizeof(Id)));
    const Id id = static_cast<Id>(sizeof(Id) == 4 ? end.u32() : end.u64());
    while (next != ids.end() && *next < id) ++next;
    if (next != ids.end() && *next == id) whole = visit(id, record);
    return whole;
  });
  if (!scanned) return scanned;
  if (!whole) return damaged(what);
  return {};
}

Result<void> each_of_messages(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                              std::string (*key_of)(AccountId, MessageId), std::string_view what,
                              const std::function<bool(MessageId, std::string_view)>& visit) {
  return each<MessageId>(r, ids, what, [&](MessageId id) { return key_of(account, id); }, visit);
}

}  // namespace

Result<void> each_message_record(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                 const std::function<void(Message&&)>& visit) {
  return each_of_messages(r, account, ids, keys::message, "a message", [&](MessageId, std::string_view record) {
    auto message = decode_message(record);
    if (message) visit(std::move(*message));
    return message.has_value();
  });
}

Result<void> Mailboxes::each_message(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(Message&&)>& visit) const {
  Completion completion(r, account);
  Result<void> completed;
  const auto read =
      each_of_messages(r, account, ids, keys::message, "a message", [&](MessageId, std::string_view record) {
        auto message = decode_message(record);
        if (message) completed = completion.of(*message);
        if (message && completed) visit(std::move(*message));
        return message && completed;
      });
  return completed ? read : completed;
}

Result<void> Mailboxes::each_message(const store::Reader& r, AccountId account,
                                     const std::function<void(Message&&)>& visit) const {
  bool whole = true;
  Completion completion(r, account);
  Result<void> completed;
  const auto scanned = r.scan(store::Range::prefix(keys::in_account(account, 'm').take()),
                              [&](std::string_view, std::string_view record) {
                                auto message = decode_message(record);
                                whole = message.has_value();
                                if (message) completed = completion.of(*message);
                                if (message && completed) visit(std::move(*message));
                                return whole && completed;
                              });
  if (!scanned) return scanned;
  if (!completed) return completed;
  if (!whole) return damaged("a message");
  return {};
}

Result<void> Mailboxes::each_details(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(MessageId, Details&&)>& visit) const {
  return each_of_messages(r, account, ids, keys::details, "a message's structure",
                          [&](MessageId id, std::string_view record) {
                            auto details = decode_details(record);
                            if (details) visit(id, std::move(*details));
                            return details.has_value();
                          });
}

Result<void> Mailboxes::each_summary(const store::Reader& r, AccountId account, const std::vector<MessageId>& ids,
                                     const std::function<void(MessageId, message::Summary&&)>& visit) const {
  return each_of_messages(r, account, ids, keys::details, "a message's structure",
                          [&](MessageId id, std::string_view record) {
                            auto summary = decode_summary(record);
                            if (summary) visit(id, std::move(*summary));
                            return summary.has_value();
                          });
}

Result<void> Mailboxes::each_row(const store::Reader& r, AccountId account, MailboxId mailbox,
                                 const std::vector<Uid>& uids, const std::function<void(Row&&)>& visit) const {
  std::vector<Uid> blocks;
  for (const Uid uid : uids)
    if (blocks.empty() || blocks.back() != uid / keys::kRowBlock) blocks.push_back(uid / keys::kRowBlock);
  auto uid = uids.begin();
  return each<Uid>(
      r, blocks, "a message's row", [&](Uid block) { return keys::rows(account, mailbox, block * keys::kRowBlock); },
      [&](Uid block, std::string_view record) {
        auto rows = decode_rows(record, block * keys::kRowBlock);
        if (!rows) return false;
        for (Row& row : *rows) {
          while (uid != uids.end() && *uid < row.uid) ++uid;
          if (uid != uids.end() && *uid == row.uid) visit(std::move(row));
        }
        return true;
      });
}

Result<void> Mailboxes::each_beginning(const store::Reader& r, AccountId account,
                                       const std::vector<const Message*>& messages,
                                       const std::function<void(MessageId, std::optional<Beginning>&&)>& visit) const {
  std::vector<MessageId> ids;
  for (const Message* m : messages) ids.push_back(m->id);
  std::vector<std::pair<const Message*, Beginning>> found;
  found.reserve(ids.size());
  auto next = messages.begin();
  const auto read = each_of_messages(r, account, ids, keys::details, "a message's structure",
                                     [&](MessageId id, std::string_view record) {
                                       while ((*next)->id != id) ++next;
                                       const auto prefix = decode_prefix(record);
                                       if (prefix) found.push_back({*next, {std::string(*prefix), prefix->size()}});
                                       return prefix.has_value();
                                     });
  if (!read) return read;
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first->body < b.first->body; });
  std::vector<std::string> keys;
  keys.reserve(found.size());
  for (const auto& [m, beginning] : found) keys.push_back(keys::body(m->body));
  bool sound = true;
  const auto visit_one = [&](size_t at, std::string_view stored) {
    auto& [m, beginning] = found[at];
    const auto unpacked = unpack(stored, beginning.octets);
    if (!unpacked) return sound = false;
    beginning.header = beginning.prefix + unpacked->header;
    beginning.whole = unpacked->form & kWhole;
    visit(m->id, unpacked->form & kGoesOn ? std::optional<Beginning>() : std::optional(std::move(beginning)));
    return true;
  };
  const auto got = r.get_many(keys, visit_one, store::Space::kBody);  // what is not there has gone meanwhile
  if (!got) return got;
  if (!sound) return damaged("a body");
  return {};
}

}  // namespace pabal::mailbox
