// Tells the outlets: one coroutine an outlet that has something to hear. What it could not tell it tries again, each
// time later; what a push service or a webhook says of it (RFC 8030 §5, §7.3, RFC 9110 §10.2.3) is done.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/bell.h"
#include "push/hub.h"
#include "push/letters.h"
#include "push/outlets.h"
#include "web/fetch.h"

namespace pabal::push {

constexpr seconds kFirstRetry{5};          // then twice as long each time
constexpr hours kLastRetry{2};             // at most
constexpr days kGiveUp{3};                 // of failures: a subscription is removed, a webhook switched off
constexpr seconds kSubscriptionPause{5};   // between two messages to one subscription
constexpr seconds kWebhookPause{1};        // between two calls of one webhook
constexpr size_t kPostsAtOnce = 16;        // of all outlets
constexpr size_t kPostsOfAccount = 2;      // at once
constexpr seconds kPushTtl{24 * 60 * 60};  // RFC 8030 §5.2: how long a push service keeps a message
constexpr size_t kPadTo = 512;             // octets: all messages have one length
constexpr size_t kMaxMessagesTold = 500;   // in one call of a webhook
constexpr size_t kMaxTrouble = 200;        // octets of what went wrong

struct SenderServices {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  Hub& hub;
  const Outlets& outlets;
  web::Poster& poster;
  Random& random;
  std::string contact;    // RFC 8292 §2.1: "mailto:postmaster@example.com"
  bool anywhere = false;  // tests: subscriptions may lead to private addresses
  // The name of an account; "": there is none, or the outlet is to go for another reason.
  std::function<std::string(const Outlet&)> name_of{};
  // The accounts that somebody sees besides his own.
  std::function<std::vector<mailbox::AccountId>(mailbox::AccountId)> shared_with{};
  // A StateChange (RFC 8620 §7.1) for a subscription of what has happened in its own account and shared ones, as far as
  // it may be seen and is wanted; "": nothing of it.
  std::function<std::string(const Outlet&, const std::vector<News>&)> state_change{};
  std::function<std::string(uint64_t)> subscription_id{};  // as JMAP writes it
};

class Sender {
 public:
  // All that happens happens on `loop`; it dies after the loop has ended.
  Sender(net::Loop& loop, SenderServices services, EcKey vapid);
  ~Sender();
  void start();  // any thread
  void stop();   // any thread: nothing more is begun

  const std::string& vapid_point() const { return vapid_.point(); }

 private:
  struct Line;
  struct Station;
  struct Letter;  // one POST and what it tells

  void reload();
  void news(mailbox::AccountId account);
  void look_again(mailbox::AccountId account);  // its owner may have lost rights, or been given some
  void listen_to_shared(mailbox::AccountId account);
  bool has_news(const Outlet& outlet) const;
  void consider(const std::shared_ptr<Line>& line);
  Task<void> tell(std::shared_ptr<Line> line);
  Task<void> tell_one(std::shared_ptr<Line> line);
  std::optional<Letter> letter_for(const Outlet& outlet, const Position& until) const;
  std::optional<Letter> subscription_letter(const Outlet& outlet) const;
  std::map<mailbox::AccountId, Position> read_shared(const Outlet& outlet, std::vector<News>& news) const;
  std::optional<Letter> webhook_letter(const Outlet& outlet, const News& news) const;
  std::optional<Letter> watch_letter(const Outlet& outlet, const News& news) const;
  Task<void> settle(std::shared_ptr<Line> line, Letter letter, Result<web::Posted> answer);
  Task<void> remove(std::shared_ptr<Line> line, std::string why);
  Task<Result<void>> write(store::Work work);

  net::Loop& loop_;
  SenderServices services_;
  const EcKey vapid_;
  bool over_ = false;
  size_t posting_ = 0;
  std::deque<std::shared_ptr<Line>> waiting_;  // for a place among kPostsAtOnce
  std::map<mailbox::AccountId, std::unique_ptr<Station>> stations_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<store::Store::Watch> watch_;
};

}  // namespace pabal::push
