// What one open connection follows: the accounts that its caller sees. It gathers what has changed until the connection
// takes it, so a slow one costs no more than a quick one. Loop thread only.
#pragma once

#include "jmap/jmap.h"
#include "jmap/positions.h"

namespace pabal::jmap {

constexpr minutes kLookAgain{5};     // whether the caller may still listen, and to what
constexpr hours kTicketListens{12};  // who came by a ticket comes again with a new one then

// Whether the token that the connection was opened with is good still, and its account may log in.
bool may_go_on(const Services& services, const api::Caller& caller, Time opened);

class Follower : public std::enable_shared_from_this<Follower> {
 public:
  // `ring` runs soon after something can be taken, or over() holds: once until take() is called. Before start() it
  // looks only whether the caller may listen still.
  static std::shared_ptr<Follower> make(Services& services, net::Loop& loop, api::Caller caller,
                                        std::function<void()> ring);

  // From the given positions, and where there is none from now on. It may be called again. The Follower is held by the
  // caller meanwhile.
  Task<Result<void>> start(TypeSet types, Positions since);
  void stop();

  // A StateChange (RFC 8620 §7.1) of what has changed since the last one. Nothing: nothing of these types.
  std::optional<json::object> take();
  Positions positions() const;
  bool over() const { return over_; }  // the caller may listen no more

 private:
  struct Place {
    Account account;
    push::Position seen;
    TypeSet changed = 0;
    std::unique_ptr<push::Hub::Listener> listener;
  };
  Follower(Services& services, net::Loop& loop, api::Caller caller, std::function<void()> ring);
  // `first`: what is seen then is no news.
  Task<Result<void>> follow(Positions since, bool first);
  void hear(const push::News& news);
  void note(Place& place, const push::News& news);
  void show(Place& place);
  void ring();
  void begin();
  void arm();
  static Task<void> look_again(std::shared_ptr<Follower> self);

  Services& services_;
  net::Loop& loop_;
  const api::Caller caller_;
  const std::function<void()> ring_;
  const Time opened_;
  TypeSet types_ = 0;
  std::map<mailbox::AccountId, Place> places_;
  std::unique_ptr<push::Hub::Listener> own_;  // tells when to look again what the caller may do and see
  uint64_t asked_ = 0, known_ = 0;            // looks at what the caller sees: begun, and the last one taken over
  bool rung_ = false, over_ = false, on_ = false;
  std::unique_ptr<net::Loop::Timer> timer_;
};

}  // namespace pabal::jmap
