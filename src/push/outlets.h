// Outlets: the places elsewhere that are told of an account's changes, kept in the store. Three kinds: subscriptions of
// JMAP clients (RFC 8620 §7.2), which a push service carries to a browser or phone; webhooks of scripts; and Gmail's
// watch, whose topic is a webhook that an administrator has set up.
//
// Each remembers up to which change it has been told, so nothing is lost where this server or the other one stops.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "push/ec_key.h"
#include "push/hub.h"
#include "push/web_push.h"
#include "store/store.h"

namespace pabal::push {

constexpr size_t kMaxOutlets = 32;       // of one kind and account
constexpr size_t kMaxOutletUrl = 2'000;  // octets
constexpr size_t kMaxOutletText = 255;   // octets of a name
constexpr size_t kMaxTopics = 1'000;
constexpr size_t kMaxAddedInHour = 60;  // subscriptions of one account: each one sends a code to where it says
constexpr size_t kWebhookSecret = 32;   // octets

struct Outlet {
  enum class Kind : uint8_t { kSubscription, kWebhook, kWatch };

  uint64_t id = 0;  // unique in its account
  mailbox::AccountId account = 0;
  Kind kind = Kind::kSubscription;
  std::string url;   // kWatch: empty, the topic has it
  std::string name;  // kSubscription: the client's deviceClientId; kWebhook: what it is for; kWatch: its topic
  Time created;
  std::optional<Time> expires;

  PushKeys keys;          // kSubscription: empty where the client gave none; then the message goes as it is
  std::string root;       // what its maker's token hangs on (identity::Token::root), with which it goes; empty: nothing
  std::string code;       // kSubscription: what the client has to send back
  bool verified = false;  // kSubscription: it has; nothing but the code is sent before
  bool code_sent = false;                         // kSubscription
  std::optional<std::vector<std::string>> types;  // kSubscription: JMAP types wanted; nothing: all

  std::string secret;         // kWebhook: signs, raw
  bool anywhere = false;      // kWebhook: as in web::Post
  bool every_change = false;  // kWebhook: not only of new messages

  std::vector<mailbox::MailboxId> mailboxes;  // kWatch: changes in these only, or in all but these; empty: all
  bool all_but = false;

  Position told;                                          // up to which it knows
  std::map<mailbox::AccountId, Position> told_of_others;  // kSubscription: accounts shared with its own
  std::optional<Time> failing_since;                      // nothing: the last one went well
  std::string trouble;                                    // how the last one went, if not well
  bool off = false;                                       // has failed for too long

  friend bool operator==(const Outlet&, const Outlet&) = default;
};

std::string encode_outlet(const Outlet& outlet);
Result<Outlet> decode_outlet(std::string_view record);  // kCorrupt; without account and id

struct Topic {
  std::string name;  // "projects/P/topics/T"
  std::string url, secret;
  bool anywhere = false;
};

class Outlets {
 public:
  Outlets(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // Gives it its id, and of a webhook its secret. The URL has been looked at (web::check_post_url). kLimit: too many,
  // or too often.
  Result<Outlet> add(store::Transaction& t, Outlet outlet) const;
  Result<void> update(store::Transaction& t, const Outlet& outlet) const;                     // kNotFound
  Result<void> remove(store::Transaction& t, mailbox::AccountId account, uint64_t id) const;  // kNotFound
  // What came of telling it. Nothing where it is gone.
  Result<void> note(store::Transaction& t, const Outlet& outlet) const;
  Result<std::optional<Outlet>> get(const store::Reader& r, mailbox::AccountId account, uint64_t id) const;
  // Oldest first.
  Result<std::vector<Outlet>> list(const store::Reader& r, mailbox::AccountId account, Outlet::Kind kind) const;
  Result<std::vector<Outlet>> all(const store::Reader& r) const;

  Result<Topic> put_topic(store::Transaction& t, Topic topic) const;  // makes a secret where there is none; kInvalid
  Result<void> remove_topic(store::Transaction& t, std::string_view name) const;
  Result<std::optional<Topic>> topic(const store::Reader& r, std::string_view name) const;
  Result<std::vector<Topic>> topics(const store::Reader& r) const;

 private:
  Result<void> put(store::Transaction& t, const Outlet& outlet) const;
  bool too_often(mailbox::AccountId account) const;

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  mutable std::map<mailbox::AccountId, std::deque<Time>> added_;  // subscriptions in the last hour
};

// The key that this server proves itself with to push services (RFC 8292), made at the first call. Waits for the store.
Result<EcKey> vapid_key(store::Store& store, Random& random);

}  // namespace pabal::push
