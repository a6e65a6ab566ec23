// What a query finds by the index and by rows, as sets, before any message is read. Not for other rooms.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mailbox/lookup.h"
#include "mailbox/query.h"

namespace pabal::mailbox {

class QueryFacts {
 public:
  // All must outlive it.
  QueryFacts(const Mailboxes& boxes, const store::Reader& r, AccountId account, const Query& query,
             const QueryScope& scope)
      : boxes_(boxes), r_(r), account_(account), query_(query), scope_(scope) {}

  // The words, and the rows of mailboxes that are small beside the account.
  Result<void> learn();
  // All rows, once: after it mailboxes, flags and what is seen at all are sets too.
  Result<void> read_rows();
  bool has_read_rows() const { return rows_read_; }
  bool rows_decide() const { return is_of_rows(query_); }  // they, and nothing else

  // Whatever matches is in the set; `exact`: and nothing else, but for what is hidden or was removed, until rows are
  // read.
  struct Bounds {
    std::optional<IdSet> set;  // nothing: all messages
    bool exact = false;
  };
  Bounds bounds() const;
  MessageId end() const { return end_; }
  uint64_t messages() const { return messages_; }  // in the account, or the one mailbox of the scope, about

  bool has(const Query& leaf, MessageId id) const;  // by its set
  const std::vector<MailboxId>& named(const Query& leaf) const { return named_.at(&leaf); }
  bool is_visible(const Message& m) const;  // its places are those of the scope
  Role role_of(MailboxId mailbox) const;

 private:
  Result<void> learn_mailboxes();
  void ask(const Query& query);
  void answer(const Query& query);
  Result<void> read_small(const Query& query);
  IdSet found(const std::vector<size_t>& fields) const;
  std::vector<MailboxId> named(std::string_view label) const;
  bool names_hidden(const Query& query) const;
  bool is_hidden(Role role) const { return !everywhere_ && (role == Role::kTrash || role == Role::kJunk); }
  Bounds bounds_of(const Query& query) const;
  static bool is_of_rows(const Query& query);
  struct RowLeaf;
  void collect(const Query& query, std::vector<RowLeaf>& leaves);

  const Mailboxes& boxes_;
  const store::Reader& r_;
  const AccountId account_;
  const Query& query_;
  const QueryScope& scope_;
  MessageId end_ = 0;
  uint64_t messages_ = 0;
  bool everywhere_ = false, rows_read_ = false;
  std::vector<Mailbox> mailboxes_;
  Lookup lookup_;
  struct Asked {
    std::vector<size_t> chains, instead;  // any of these; where none is found, any of those
  };
  std::map<const Query*, std::vector<Asked>> asked_;      // of texts: any
  std::map<const Query*, std::vector<MailboxId>> named_;  // of kLabel, kMailbox
  std::map<const Query*, IdSet> sets_;
  IdSet visible_;
};

// The flag that a keyword of JMAP stands for; 0: none.
uint8_t flag_of(std::string_view keyword);
bool has_keyword(const Flags& flags, std::string_view keyword);

}  // namespace pabal::mailbox
