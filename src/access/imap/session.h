// One IMAP session. Reads go to the store on the loop; writes are transactions that it awaits; searches and large
// messages go to the pool. One command runs at a time; while it waits for the client, in IDLE and after NOTIFY, a
// second coroutine tells the news. serve() waits for both.
//
// session.cc: the driver, the table of commands, and small ones. login.cc: STARTTLS, LOGIN, AUTHENTICATE. folders.cc:
// commands about mailboxes. acl.cc: whose mailbox a name means, and rights. metadata.cc: annotations. selected.cc:
// SELECT and what a client missed (QRESYNC). news.cc: what it is told of changes, IDLE. fetch.cc: FETCH. change.cc:
// STORE, COPY, MOVE, EXPUNGE. refile.cc: COPY and MOVE from account to account. append.cc: APPEND, REPLACE. search.cc:
// SEARCH, SORT, THREAD. contexts.cc: searches that tell of changes. quota.cc: GETQUOTA and its like. compress.cc:
// COMPRESS. notify.cc, notify_shared.cc: what a client is told of mailboxes that it has not selected.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "access/imap/append_request.h"
#include "access/imap/command_reader.h"
#include "access/imap/fetch_format.h"
#include "access/imap/imap.h"
#include "access/imap/limits.h"
#include "access/imap/list.h"
#include "access/imap/metadata_request.h"
#include "access/imap/notify_request.h"
#include "access/imap/select_request.h"
#include "access/imap/sequence_set.h"
#include "access/imap/view.h"
#include "access/imap/words.h"
#include "mailbox/sharing.h"

namespace pabal::access::imap {

enum class Searching : uint8_t;
struct Context;
struct Progress;
struct SearchJob;
struct SearchKey;
struct SearchRequest;

class Session {
 public:
  Session(std::unique_ptr<net::Stream> stream, Options options, Services& services);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Task<void> run();

 private:
  enum class State {
    kGreeted,
    kAuthenticated,
    kSelected,
    kOver
  };  // in this order a state can do what those before it can
  using Handler = Task<void> (Session::*)(Words words, bool uid);
  struct Command;
  static const Command kCommands[];
  static const Command* find_command(std::string_view name);

  struct Named {                     // what a name says, whether or not there is such a mailbox
    mailbox::AccountId account = 0;  // whose it would be
    std::string owner;               // the account's name
    std::string name;                // in that account
  };
  struct Located {                   // a mailbox that a name leads to
    mailbox::AccountId account = 0;  // whose it is
    mailbox::Rights rights = 0;      // what this session may do with it
    mailbox::Mailbox box;            // with the name that it has in this session
  };
  struct Identifier {  // of lists of rights
    std::string given;
    mailbox::Grantee who;
    bool negative = false;
  };
  struct Subject {  // what annotations are on
    mailbox::Annotated on;
    std::string shown;  // on the wire
    std::string use;    // "\\Sent"
    bool may_share = false;
  };
  struct KnownAnnotations {  // that one account keeps, as the client knows them
    uint64_t changes = 0;
    std::map<std::pair<mailbox::Annotated, std::string>, uint64_t> entries;
  };
  struct Selected {
    mailbox::AccountId account = 0;  // whose mailbox it is
    mailbox::Rights rights = 0;      // newest known; refresh_rights()
    mailbox::Mailbox box;
    bool read_only = false;
    View view{};
    bool owes_modseq = false;                          // RFC 7162 §3.2.7: the next OK tells HIGHESTMODSEQ
    mailbox::UidMap saved{};                           // "$" (RFC 5182)
    std::vector<std::shared_ptr<Context>> contexts{};  // searches that tell of changes (RFC 5267)
    mailbox::ModSeq contexts_seen = 0;                 // changes up to here are known to them,
    std::set<mailbox::Uid> contexts_wait{};            // but for these messages
    std::map<std::string, std::string> keywords{};     // that a FLAGS answer named: in lower case, as first seen
  };
  struct Copied {  // UIDs in the mailbox they were copied from, and in the other
    std::vector<mailbox::Uid> from, to;
    void add(mailbox::Uid there, mailbox::Uid here) { from.push_back(there), to.push_back(here); }
    void add(const Copied& more) {
      from.insert(from.end(), more.from.begin(), more.from.end());
      to.insert(to.end(), more.to.begin(), more.to.end());
    }
  };
  struct Contents {  // what FETCH reads of a message besides its row; nothing: not needed, or gone
    std::optional<mailbox::Message> message;
    std::optional<mailbox::Details> details;
    std::optional<mailbox::Mailboxes::Beginning> beginning;
    bool long_header = false;  // it goes on in the body
  };
  struct Found {  // a message that a command is about
    Target target;
    mailbox::Row row;
    std::unique_ptr<Contents> stored;  // by read_stored()
  };
  struct Missed {        // what happened in a mailbox after some modification sequence
    bool known = false;  // false: the change feed no longer reaches back, and the sets say nothing
    std::vector<mailbox::Uid> changed, removed;  // ascending; new ones are among the changed
    void narrow(std::vector<Target>& targets) const;
  };

  // --- session.cc ---
  Task<bool> fill(Duration patience);  // reads some octets; false: the connection is over
  Task<Result<void>> receive(Duration patience);
  Task<bool> flush();                       // writes what is gathered; false: likewise
  Task<bool> put(std::string_view octets);  // gathers, or writes at once what is large
  Task<bool> write(std::string_view octets);
  Task<void> command();
  void ok(std::string_view text);
  void no(std::string_view text);
  void bad(std::string_view text);
  void no(const Error& error, std::string_view limit_code = "LIMIT");
  void bye(std::string_view text);  // the session ends after this
  std::string capabilities() const;
  Task<Result<void>> commit(store::Work work);
  bool scripts_listen(mailbox::AccountId owner, mailbox::MailboxId box) const;
  void tell_event(mailbox::MailEvents::Cause cause, mailbox::AccountId owner, mailbox::MailboxId box,
                  std::vector<mailbox::MailEvents::Affected> messages);  // for scripts (RFC 6785)
  struct Pushing;
  std::optional<std::string> mailbox_argument(Words& words);          // in UTF-8; nothing: it has been answered
  std::optional<std::string> mailbox_name(const std::string& given);  // likewise
  std::string decoded_name(std::string_view given) const;             // what cannot be decoded is given back
  std::string shown_name(const std::string& name) const;

  Task<void> capability(Words words, bool uid);
  Task<void> noop(Words words, bool uid);
  Task<void> logout(Words words, bool uid);
  Task<void> id(Words words, bool uid);
  Task<void> enable(Words words, bool uid);

  // --- login.cc ---
  bool may_login() const;
  Task<std::optional<std::string>> client_line();
  void entered(identity::Account account);
  void refused(const Error& error);
  Task<void> start_tls(Words words, bool uid);
  Task<void> login(Words words, bool uid);
  Task<void> authenticate(Words words, bool uid);

  // --- folders.cc ---
  Task<void> list_mailboxes(Words words, bool uid);
  Task<void> lsub(Words words, bool uid);
  Task<void> status(Words words, bool uid);
  Task<void> create(Words words, bool uid);
  Task<void> remove(Words words, bool uid);
  Task<void> rename(Words words, bool uid);
  Task<void> subscribe(Words words, bool uid);
  Task<void> unsubscribe(Words words, bool uid);
  void answer_list(const std::optional<ListRequest>& request);
  Result<void> list_returns(const store::Reader& r, const ListRequest& request, const Located& found);
  std::string status_answer(const Located& found, const std::vector<std::string>& items) const;
  std::optional<Named> may_create(const std::string& name);
  Task<void> set_subscribed(Words words, bool on);

  // --- acl.cc ---
  static std::string name_of_other(const std::string& owner, const std::string& name);
  Result<std::optional<Named>> whose(const store::Reader& r, const std::string& name) const;
  // Also mailboxes that the session may do nothing with; need() is for commands.
  Result<std::optional<Located>> locate(const store::Reader& r, const std::string& name) const;
  // The mailbox, when the session has all these rights. Nothing: it has been answered; with `absent` where there is
  // none or it must not be known.
  std::optional<Located> need(const store::Reader& r, const std::string& name, mailbox::Rights rights,
                              std::string_view absent = "NONEXISTENT");
  void no_right(mailbox::Rights rights);
  // To take messages out of a mailbox otherwise than by EXPUNGE (RFC 6851 §4.2).
  static constexpr mailbox::Rights kToTakeOut = mailbox::kDeleteMessages | mailbox::kExpunge;
  // RFC 5465 §5: to be told what happens in a mailbox.
  static constexpr mailbox::Rights kToHear = mailbox::kLookup | mailbox::kRead;
  void refresh_rights();
  void say_permanent_flags();
  std::string shown_text(const std::string& text) const;
  std::string my_rights_answer(const std::string& name, mailbox::Rights rights) const;
  std::optional<Identifier> identifier_argument(Words& words);  // nothing: it has been answered
  Task<void> change_acl(std::string name, Identifier id, char sign, mailbox::Rights rights);
  Task<void> name_space(Words words, bool uid);
  Task<void> get_acl(Words words, bool uid);
  Task<void> set_acl(Words words, bool uid);
  Task<void> delete_acl(Words words, bool uid);
  Task<void> list_rights(Words words, bool uid);
  Task<void> my_rights(Words words, bool uid);

  // --- metadata.cc ---
  std::optional<Subject> metadata_subject(const store::Reader& r, const std::string& given);  // nothing: answered
  std::optional<Subject> metadata_subject(const Located& found) const;                        // nothing: no right
  Result<std::vector<mailbox::Annotation>> read_annotations(const store::Reader& r, const Subject& subject,
                                                            const std::vector<std::string>& entries,
                                                            uint32_t depth) const;
  std::optional<std::string> name_of_annotated(const mailbox::Annotated& on) const;
  bool hears_annotations(const mailbox::Annotated& on, const std::string& name) const;
  void learn_annotations(bool tell);
  Task<void> get_metadata(Words words, bool uid);
  Task<void> set_metadata(Words words, bool uid);

  // --- selected.cc ---
  Task<void> select(Words words, bool uid);
  Task<void> examine(Words words, bool uid);
  Task<void> close(Words words, bool uid);
  Task<void> unselect(Words words, bool uid);
  Task<void> open(Words words, bool read_only);
  void deselect();
  Task<Result<void>> resync(Qresync qresync, const store::Reader* moment);
  std::string vanished_earlier(const SequenceSet& wanted, const Missed& since, mailbox::Uid above) const;
  Result<Missed> missed(const store::Reader& r, mailbox::ModSeq since) const;
  void become_condstore();
  std::string highest_modseq() const;               // "[HIGHESTMODSEQ 7]": how far the client has been told all
  void name_keywords(const mailbox::Flags& flags);  // those not named yet, before an answer has them
  void say_flags();

  // --- news.cc ---
  Task<void> idle(Words words, bool uid);
  // RFC 9051 §7.5.1: false in answers to FETCH, STORE and SEARCH without UID. `own`: of a command that expunges, which
  // is answered whatever NOTIFY said.
  Task<void> tell_news(bool may_expunge, bool own = false);
  bool learn_news(const store::Reader& r);
  void begin_answer(std::string& line, const Target& target) const;  // "* 5 FETCH ("
  void say_changed(const mailbox::Row& row, bool flags, bool uid);
  Task<void> say_rows(std::vector<mailbox::Row> rows);
  Task<void> say_new(std::vector<mailbox::Row> rows, const FetchRequest* request);
  Task<bool> listen(Duration patience, bool idling);
  bool watch_accounts(const std::shared_ptr<Pushing>& pushing);  // true: another one than before
  static Task<void> push(Session* self, std::shared_ptr<Pushing> pushing);

  // --- notify.cc ---
  Task<void> notify(Words words, bool uid);
  View::May wanted_news(bool may_expunge) const;
  bool is_selected(mailbox::AccountId account, mailbox::MailboxId box) const;
  // A change that this session made, since the last tell_others().
  bool is_own(mailbox::AccountId account, mailbox::ModSeq modseq) const;
  struct Happened {  // to one mailbox since the client was told last
    bool added = false, removed = false, flags = false;
  };
  // kNotFound: more than the feed remembers. `otherwise` gets changes that are not of messages.
  Result<std::map<mailbox::MailboxId, Happened>> happened_since(
      const store::Reader& r, mailbox::AccountId account, mailbox::ModSeq& seen,
      const std::function<void(const mailbox::Change&, bool own)>& otherwise) const;
  void say_happened(const Located& box, const Happened& what);
  void say_status(const Located& box);
  void tell_others();
  Result<void> tell_own(const store::Reader& r);
  void tell_names(const store::Reader& r, std::set<std::string> named, const std::vector<mailbox::Change>& renamed,
                  bool own);

  // --- notify_shared.cc ---
  Result<std::vector<Located>> others_mailboxes(const store::Reader& r) const;  // that may be seen
  Result<void> follow_others(const store::Reader& r);
  void tell_names_of_others(const std::map<std::string, bool>& now);
  Result<void> tell_shared(const store::Reader& r);

  // --- fetch.cc ---
  Task<void> fetch(Words words, bool uid);
  std::optional<std::vector<Target>> targets(Words& words, bool uid);  // nothing: it has been answered
  Result<std::vector<Found>> find_rows(const store::Reader& r, const std::vector<Target>& targets, size_t from,
                                       size_t to) const;
  Result<void> read_stored(std::span<Found> found, const FetchRequest::Needs& needs) const;
  bool describe(std::string& line, const Found& found, const FetchRequest& request);
  bool answer(const Found& found, const FetchRequest& request, const FetchRequest::Needs& needs);
  Task<Result<void>> answer_with_body(const Found* found, const FetchRequest* request);
  Task<Result<std::shared_ptr<const std::string>>> body_of(mailbox::Message message, bool keep);
  Task<Result<void>> mark_seen(std::vector<mailbox::Uid> uids);
  void trace_reading(std::span<const Found> read);

  // --- change.cc ---
  Task<void> store_flags(Words words, bool uid);
  Task<void> copy(Words words, bool uid);
  Task<void> move(Words words, bool uid);
  Task<void> expunge(Words words, bool uid);
  Task<void> copy_or_move(Words words, bool uid, bool moving);
  // They add what is done to `copied`, also when they fail after a part of it.
  Task<Result<void>> copy_some(std::vector<Target> part, Located to, bool moving, std::shared_ptr<Copied> copied);
  Task<Result<void>> refile(std::vector<Target> part, Located to, bool moving, std::shared_ptr<Copied> copied);
  Task<Result<void>> remove_deleted(std::optional<SequenceSet> only);

  // --- labels.cc ---
  Result<std::string> labels_of(const mailbox::Message& message) const;  // with their parentheses
  Task<void> store_labels(std::vector<Target> wanted, char sign, bool silent, Words words, bool uid);

  // --- append.cc ---
  Task<void> append(Words words, bool uid);
  Task<void> replace(Words words, bool uid);
  Task<void> append_or_replace(Words words, std::optional<mailbox::Uid> replaced);
  Task<std::optional<std::vector<std::string>>> assemble(const AppendRequest* request);
  Task<Result<std::string>> url_octets(std::string text);

  // --- quota.cc ---
  Task<void> get_quota(Words words, bool uid);
  Task<void> get_quota_root(Words words, bool uid);
  Task<void> set_quota(Words words, bool uid);
  std::optional<identity::Account> quota_root(Words& words);
  Result<std::string> quota_answer(const identity::Account& account) const;
  uint64_t deleted_storage(mailbox::AccountId account, const mailbox::Mailbox& box) const;

  // --- compress.cc ---
  Task<void> compress(Words words, bool uid);

  // --- search.cc ---
  Task<void> search(Words words, bool uid);
  Task<void> sort(Words words, bool uid);
  Task<void> thread(Words words, bool uid);
  Task<void> search_for(Words words, bool uid, Searching kind);
  SearchJob search_job(const SearchKey& key) const;
  Task<Result<void>> on_pool(std::function<Result<void>()> work, std::shared_ptr<Progress> progress);
  Task<bool> tell_progress(size_t done, size_t total);

  // --- contexts.cc ---
  bool has_context(const std::string& tag) const;
  void keep_context(const SearchJob& job, const SearchRequest& request, bool uid, const std::vector<Target>& found,
                    std::vector<std::string> octets);
  void tell_removed(const std::vector<Target>& removed);  // before the client hears of the EXPUNGEs
  // After it has heard of EXISTS, of those that arrived, and flags.
  Task<void> tell_contexts(std::vector<mailbox::Uid> arrived);
  bool learn_changes();
  Task<void> cancel_update(Words words, bool uid);

  std::unique_ptr<net::Stream> stream_;
  net::Loop& loop_;
  Options options_;
  Services& services_;
  State state_ = State::kGreeted;
  CommandReader reader_;
  std::string text_;  // of the command that runs; Words look into it
  std::string tag_, out_;
  Time tell_next_;  // when tell_progress() says something again
  size_t bad_ = 0, failed_logins_ = 0;
  bool rev2_ = false, utf8_ = false, qresync_ = false, uidonly_ = false;  // by ENABLE
  bool condstore_ = false;  // RFC 7162 §3.1: the client has shown that it knows of MODSEQ
  bool compressed_ = false;
  std::optional<identity::Account> account_;
  std::optional<Selected> selected_;  // in State::kSelected
  struct Notified {                   // by NOTIFY
    NotifyRequest request;
    mailbox::ModSeq seen = 0;                           // of the account: up to there others were told of
    std::map<mailbox::MailboxId, std::string> names{};  // as the client knows them, where it wants to hear of names
    std::set<std::string> subscribed{};                 // likewise of subscriptions
    struct Others {                                     // mailboxes of others that are wanted
      bool told = false;                                // of the names
      std::map<std::string, bool> names{};              // whether they may be followed
      std::map<mailbox::AccountId, mailbox::ModSeq> seen{};  // of their owners: up to there they were told of
      std::vector<Located> followed{};
    } others{};
  };
  struct OwnChanges {
    mailbox::AccountId account = 0;
    mailbox::ModSeq before = 0, after = 0;  // over the first, up to the second
  };
  std::optional<Notified> notified_;                                           // nothing: NOTIFY was never given
  std::vector<OwnChanges> own_changes_;                                        // while notified_
  bool metadata_enabled_ = false;                                              // by ENABLE METADATA
  std::optional<std::map<mailbox::AccountId, KnownAnnotations>> annotations_;  // once the client wants news of them
  std::set<mailbox::MessageId> traced_;

  struct KeptBody {
    mailbox::BodyId id = 0;
    std::shared_ptr<const std::string> octets;
  };
  KeptBody kept_;                             // the body last read in pieces
  std::unique_ptr<net::Loop::Timer> forget_;  // drops it
};

}  // namespace pabal::access::imap
