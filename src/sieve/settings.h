// An account's mail settings as data: filters, the vacation answer, forwarding, who it writes as. The Gmail API, JMAP's
// VacationResponse and the web mail are faces of them.
//
// There is one way mail is filtered: settings are written as a Sieve script of the server's own (script_of(): readable,
// `pabal sieve settings` prints it), which delivery runs before the account's active script. It stands in no list of
// scripts, so no client can change it. What it does and what the account's script then does is done together
// (delivery/filter.h): labels are added, a script that refuses the message has its way, and without one of its own the
// message stays in the inbox unless a filter says else.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "mailbox/mailbox.h"
#include "sieve/sieve.h"
#include "store/store.h"

namespace pabal::sieve {

inline constexpr size_t kMaxFilters = 500;
inline constexpr size_t kMaxCriterion = 2'000;         // octets of one criterion of a filter
inline constexpr size_t kMaxFilterLabels = 50;         // that one filter adds, or removes
inline constexpr size_t kMaxForwardingAddresses = 20;  // of one account
inline constexpr size_t kMaxVacationSubject = 500;     // octets
inline constexpr size_t kMaxVacationText = 20'000;     // octets, of the text and of the HTML
inline constexpr size_t kMaxSenders = 100;             // of one account
inline constexpr size_t kMaxSignature = 20'000;        // octets, of the text and of the HTML
inline constexpr days kVacationInterval{4};            // between two answers to one sender; Gmail's
inline constexpr days kForwardingAnswer{7};            // an address that is asked has to answer

// All that is set must hold. Texts are in the search language, as if behind the operator of that name: "amy OR bob",
// {amy bob}. A message has no labels and flags when it comes, so queries about them are refused.
struct Criteria {
  std::string from, to, subject;     // `to`: also Cc and Bcc
  std::string query, negated_query;  // must find it; must not
  bool has_attachment = false;
  std::optional<uint64_t> larger, smaller;  // octets: more than, less than
  bool operator==(const Criteria&) const = default;
};

// What is done with a message. Filters act in their order, and all that match do.
struct FilterAction {
  std::vector<mailbox::MailboxId> add, remove;  // labels: removed are those that an earlier filter adds
  FlagList add_flags, remove_flags;
  bool skip_inbox = false;  // without a label it goes to the archive
  bool never_junk = false;
  bool trash = false;   // nothing else is then done with it, but it is forwarded
  std::string forward;  // a verified forwarding address; "": none. Junk is not forwarded
  bool operator==(const FilterAction&) const = default;
};

struct Filter {
  uint64_t id = 0;  // 0 in put_settings(): it gets one
  Criteria criteria;
  FilterAction action;
  bool operator==(const Filter&) const = default;
};

// RFC 8621 §8, Gmail's VacationSettings. Who gets an answer is as RFC 5230 §4.6 and RFC 3834 say; junk gets none.
struct VacationAnswer {
  bool enabled = false;
  std::optional<Time> from, until;  // until: not any more; whole seconds
  std::string subject;              // "": "Auto: " and the message's
  std::string text, html;           // either may be empty; text alone is made from html when it is
  std::string only_domain;          // answers go to that domain alone; "": to all
  bool operator==(const VacationAnswer&) const = default;
};

struct ForwardingAddress {
  std::string address;
  bool verified = false;
  std::string secret_hash;  // SHA-256 of what was mailed there; "": verified
  Time asked;
  bool operator==(const ForwardingAddress&) const = default;
};

enum class AfterForwarding : uint8_t { kLeaveInInbox, kArchive, kTrash, kMarkRead };

struct AutoForwarding {  // of all mail but junk
  bool enabled = false;
  std::string address;  // a verified forwarding address
  AfterForwarding after = AfterForwarding::kLeaveInInbox;
  bool operator==(const AutoForwarding&) const = default;
};

// How the account writes under one of its addresses: Gmail's SendAs, JMAP's Identity. That it may use the address is
// the directory's to say, at each use.
struct Sender {
  uint64_t id = 0;      // 0 in put_settings(): it gets one
  std::string address;  // JMAP may have several of one address; Gmail takes the first
  std::string name;
  std::string reply_to, bcc;  // address lists as RFC 5322 writes them, in UTF-8
  std::string text_signature, html_signature;
  bool is_default = false;  // at most one; none: the account's own address
  bool treat_as_alias = true;
  bool operator==(const Sender&) const = default;
};

struct Settings {
  uint64_t revision = 0;  // counts changes: a state for clients
  uint64_t last_id = 0;   // of filters and senders
  std::vector<Filter> filters;
  VacationAnswer vacation;
  std::vector<ForwardingAddress> forwarding_addresses;
  AutoForwarding auto_forwarding;
  std::vector<Sender> senders;
  std::string language;  // a tag such as ko or en-GB; "": not said
  bool operator==(const Settings&) const = default;

  bool may_forward_to(std::string_view address) const;  // it is verified
  const Filter* filter(uint64_t id) const;              // null: none
};

// The names of the account's mailboxes by their ids; nothing: there is no such mailbox, and what is about it is left
// out.
using NameOf = std::function<std::optional<std::string>(mailbox::MailboxId)>;

// The script. "": there is nothing to do.
std::string script_of(const Settings& settings, const NameOf& name_of);

// Settings checked and compiled: outside of a transaction, as scripts are.
struct ReadySettings {
  Settings settings;
  std::string script;
  std::shared_ptr<const Program> program;  // null: nothing to do
};
// kInvalid, kLimit: what cannot be done, and why.
Result<ReadySettings> make_ready(Settings settings, const NameOf& name_of, Time now);

// What is stored; never-written settings are Settings{}. kCorrupt.
Result<Settings> settings(const store::Reader& r, mailbox::AccountId account);
// kConflict: they are not of the stored revision any more; read and edit them again. Gives them as they are stored.
Result<Settings> put_settings(store::Transaction& t, mailbox::AccountId account, const ReadySettings& ready);
Result<bool> settings_act(const store::Reader& r, mailbox::AccountId account);  // there is a program
// To run; null: nothing to do.
Result<std::shared_ptr<const Program>> settings_program(const store::Reader& r, mailbox::AccountId account);
Result<std::string> settings_script(const store::Reader& r, mailbox::AccountId account);  // "": nothing to do
Limits settings_limits();  // to run the program with: it may do more than a script that somebody wrote

// Forwarding addresses. An address counts only when its owner has answered a letter, with what stood in it.
// Adds or asks anew. Gives the secret to be mailed there; "" when it is verified already. kInvalid, kLimit.
Result<std::string> ask_forwarding(Settings& settings, mailbox::AccountId account, std::string_view address,
                                   Random& random, Time now);
// Whose secret it may be.
std::optional<mailbox::AccountId> account_of_forwarding(std::string_view secret);
// The address that is asked with it; null: none, or too late.
ForwardingAddress* asked_with(Settings& settings, std::string_view secret, Time now);
void confirm(ForwardingAddress& address);
// Also ends auto-forwarding to it. kNotFound; kDenied: a filter forwards there.
Result<void> remove_forwarding(Settings& settings, std::string_view address);

std::string encode(const Settings& settings);
std::optional<Settings> decode_settings(std::string_view record);

}  // namespace pabal::sieve
