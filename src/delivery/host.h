// A script's questions about the account it runs for, answered from one moment of the store.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "delivery/delivery.h"
#include "sieve/sieve.h"

namespace pabal::delivery {

class DeliveryHost final : public sieve::Host {
 public:
  // All must outlive it.
  DeliveryHost(const Services& services, const store::Reader& reader, identity::AccountId account)
      : services_(services), reader_(reader), account_(account) {}

  Result<std::shared_ptr<const sieve::Program>> script(Location location, std::string_view name) override;
  bool mailbox_exists(std::string_view name) override;
  bool mailbox_id_exists(std::string_view id) override;
  bool special_use_exists(std::string_view mailbox, std::string_view use) override;
  bool duplicate(std::string_view id) override;
  std::optional<std::string> environment(std::string_view item) override;

 private:
  const Services& services_;
  const store::Reader& reader_;
  const identity::AccountId account_;
};

// RFC 8474 §4: "M12", as IMAP names a mailbox to its owner. Nothing: no such form.
std::optional<mailbox::MailboxId> mailbox_of_object_id(std::string_view id);
// RFC 6154: "\Junk". kNone: no such use.
mailbox::Role role_of_use(std::string_view use);

}  // namespace pabal::delivery
