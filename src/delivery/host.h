// A script's questions about the account it runs for, answered from one moment of the store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "delivery/delivery.h"
#include "mailbox/arriving.h"
#include "sieve/sieve.h"

namespace pabal::delivery {

class DeliveryHost final : public sieve::Host {
 public:
  using Facts = std::map<std::string, std::string, std::less<>>;  // items of the environment, by name
  // All but `facts` must outlive it; they say what is different here, and more.
  DeliveryHost(const Services& services, const store::Reader& reader, identity::AccountId account, Facts facts = {})
      : services_(services), reader_(reader), account_(account), facts_(std::move(facts)) {}

  // The message that is being delivered, and to whom: without it nothing can be searched. It outlives this.
  void give(const mailbox::Prepared& message, std::string address);

  Result<std::shared_ptr<const sieve::Program>> script(Location location, std::string_view name) override;
  bool mailbox_exists(std::string_view name) override;
  bool mailbox_id_exists(std::string_view id) override;
  bool special_use_exists(std::string_view mailbox, std::string_view use) override;
  std::optional<std::string> metadata(std::string_view mailbox, std::string_view entry) override;
  bool duplicate(std::string_view id) override;
  std::optional<std::string> environment(std::string_view item) override;
  Result<bool> query(std::string_view query) override;

 private:
  const Services& services_;
  const store::Reader& reader_;
  const identity::AccountId account_;
  const Facts facts_;
  std::optional<mailbox::Arriving> arriving_;
};

// RFC 5183 §4.1: remote-ip and remote-host, of "203.0.113.5 (mx.example)".
DeliveryHost::Facts facts_of_peer(std::string_view peer);
// RFC 8474 §4: "M12", as IMAP names a mailbox to its owner. Nothing: no such form.
std::optional<mailbox::MailboxId> mailbox_of_object_id(std::string_view id);
// RFC 6154: "\Junk". kNone: no such use.
mailbox::Role role_of_use(std::string_view use);

}  // namespace pabal::delivery
