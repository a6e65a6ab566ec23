// The records of the mail model as octets. Each begins with a version; decoders refuse what is cut or of another
// version.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/history.h"
#include "mailbox/mailbox.h"

namespace pabal::mailbox {

struct AccountState {
  ModSeq modseq = 0;
  MessageId next_message = 1;
  MailboxId next_mailbox = 1;
  uint32_t last_validity = 0;  // the newest UIDVALIDITY given
  ModSeq first_change = 1;     // the change log begins here
  uint64_t octets = 0, messages = 0, quota_octets = 0;
};

std::string encode(const AccountState& s);
std::string encode(const Mailbox& m);
std::string encode(const Message& m);  // flags and \Deleted lie in its rows, unless it has none
// A block of rows. One that comes behind all others is appended; false of a damaged record, which stays as it is.
std::string encode_rows(const std::vector<Row>& rows);
[[nodiscard]] bool append_row(std::string& record, const Row& row);
std::string encode(const std::vector<HistoryChange>& changes);  // their modseq is the key
std::string encode_details(std::string_view prefix, std::string_view preview, std::string_view structure,
                           std::string_view results);
std::string encode_uids(const std::vector<UidMap::Range>& ranges);

std::optional<AccountState> decode_state(std::string_view record);
std::optional<Mailbox> decode_mailbox(std::string_view record);
std::optional<Message> decode_message(std::string_view record);
std::optional<std::vector<Row>> decode_rows(std::string_view record, Uid any_of_them);
std::optional<std::vector<HistoryChange>> decode_changes(std::string_view record, ModSeq modseq);
std::optional<Details> decode_details(std::string_view record);
std::optional<message::Summary> decode_summary(std::string_view details);
std::optional<std::string_view> decode_prefix(std::string_view details);  // a view into it
std::optional<std::vector<UidMap::Range>> decode_uids(std::string_view record);

}  // namespace pabal::mailbox
